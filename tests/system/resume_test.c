/*
 * A run that is killed at any moment and resumed from what is on the disk ends in the model, and
 * the metrics, of a run that nobody disturbed.
 */
#include "support/check.h"
#include "support/folder.h"

#include "choir/sim.h"
#include "store/checkpoint.h"
#include "store/metrics_log.h"
#include "store/run_dir.h"
#include "support/linear_trainer.h"

#include <stdbool.h>
#include <sys/stat.h>

enum { DIM = 4, ROUNDS = 9, CHECKPOINT_EVERY = 2, TEXT_MAX = 1 << 15, STATE_MAX = 4096 };

static const choir_trainer LINEAR = {.ops = &LINEAR_TRAINER_OPS};

static char folder[FOLDER_PATH_MAX];

typedef struct run {
    const char *dir;
    choir_sim *sim;
    ch_metrics_log *log;
    uint32_t rounds; // closed
} run;

static choir_sim_options options(void) {
    choir_sim_options o = choir_sim_defaults();
    o.coordinator.dim = DIM;
    o.coordinator.clients = 40;
    o.coordinator.rounds = ROUNDS;
    o.coordinator.sample_rate = 0.25;
    o.coordinator.algorithm = "fedavgm";
    o.coordinator.schedule_learning_rate = "plateau patience=1 factor=0.5";
    o.coordinator.coordinate_max = 100;
    o.coordinator.deadline_ms = 3000;
    o.network.loss = 0.2;
    o.network.dropout = 0.1;
    return o;
}

static run run_open(const char *dir) {
    const choir_env env = choir_env_default();
    const choir_sim_options o = options();
    const float zero[DIM] = {0};
    run r = {.dir = dir};
    choir_error err = {.message = ""};
    if (choir_sim_create(&r.sim, zero, &LINEAR, &o, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    ch_checkpoint c;
    if (ch_checkpoint_find(&c, dir, &env, NULL) == CHOIR_OK) {
        check_status(choir_sim_restore(r.sim, c.simulation, NULL), CHOIR_OK);
        r.rounds = c.round;
    }
    ch_checkpoint_release(&c);
    check_status(ch_metrics_log_open(&r.log, dir, r.rounds, &env, NULL), CHOIR_OK);
    return r;
}

static void run_close(run *r) {
    ch_metrics_log_close(r->log);
    choir_sim_destroy(r->sim);
}

static void checkpoint_write(run *r) {
    uint8_t state[STATE_MAX];
    const size_t size = choir_sim_state_bytes(r->sim);
    assert_true(size <= sizeof(state));
    choir_sim_save(r->sim, state);
    check_status(ch_metrics_log_sync(r->log, NULL), CHOIR_OK);
    check_status(ch_checkpoint_write(r->dir, r->rounds, (choir_bytes){state, size},
                                     (choir_bytes){NULL, 0}, NULL),
                 CHOIR_OK);
}

/* One round and all that is written of it. */
static void run_step(run *r) {
    choir_sim_round round;
    check_status(choir_sim_step(r->sim, &round, NULL), CHOIR_OK);
    ch_metrics_row row = ch_metrics_row_of(&round.summary);
    row.bytes_up = round.bytes_up;
    row.bytes_down = round.bytes_down;
    row.virtual_seconds = (double)round.virtual_ms / 1000;
    choir_coordinator_observe(choir_sim_coordinator(r->sim), row.train_loss);
    check_status(ch_metrics_log_add(r->log, &row, NULL), CHOIR_OK);
    r->rounds = row.round;
    if (r->rounds % CHECKPOINT_EVERY == 0) {
        checkpoint_write(r);
    }
}

/* Goes on to the end. Returns the hash of the model and, in text, the metrics. */
static choir_hash run_finish(run *r, char text[TEXT_MAX]) {
    while (r->rounds < ROUNDS) {
        run_step(r);
    }
    const choir_hash hash = choir_coordinator_hash(choir_sim_coordinator(r->sim));
    run_close(r);
    (void)folder_get(folder_file(r->dir, "metrics.jsonl"), text, TEXT_MAX);
    return hash;
}

static const char *dir_of(const char *name, uint32_t number) {
    static char dir[FOLDER_PATH_MAX];
    (void)snprintf(dir, sizeof(dir), "%.300s/%s-%u", folder, name, number);
    assert_int_equal(mkdir(dir, 0777), 0);
    return dir;
}

static choir_hash undisturbed(char text[TEXT_MAX]) {
    static uint32_t number;
    number += 1;
    run r = run_open(dir_of("calm", number));
    return run_finish(&r, text);
}

static void killed_after_any_round_it_ends_the_same(void **state) {
    (void)state;
    static char calm[TEXT_MAX];
    static char text[TEXT_MAX];
    const choir_hash hash = undisturbed(calm);
    for (uint32_t killed = 0; killed <= ROUNDS; killed++) {
        run r = run_open(dir_of("killed", killed));
        while (r.rounds < killed) {
            run_step(&r);
        }
        run_close(&r);
        run again = run_open(r.dir);
        assert_int_equal(again.rounds, killed - killed % CHECKPOINT_EVERY);
        const choir_hash ended = run_finish(&again, text);
        assert_memory_equal(&ended, &hash, sizeof(hash));
        assert_string_equal(text, calm);
    }
}

static void killed_again_and_again_it_ends_the_same(void **state) {
    (void)state;
    static char calm[TEXT_MAX];
    static char text[TEXT_MAX];
    const choir_hash hash = undisturbed(calm);
    const char *dir = dir_of("often", 0);
    bool done = false;
    while (!done) { // three rounds a life: one more than there are between checkpoints
        run r = run_open(dir);
        for (int i = 0; i < 3 && r.rounds < ROUNDS; i++) {
            run_step(&r);
        }
        done = r.rounds == ROUNDS;
        run_close(&r);
    }
    run r = run_open(dir);
    const choir_hash ended = run_finish(&r, text);
    assert_memory_equal(&ended, &hash, sizeof(hash));
    assert_string_equal(text, calm);
}

static void with_its_newest_checkpoint_damaged_it_ends_the_same(void **state) {
    (void)state;
    static char calm[TEXT_MAX];
    static char text[TEXT_MAX];
    static char bytes[STATE_MAX];
    const choir_hash hash = undisturbed(calm);
    const char *dir = dir_of("damaged", 0);
    run r = run_open(dir);
    while (r.rounds < 7) {
        run_step(&r);
    }
    run_close(&r);
    const char *newest = folder_file(dir, "checkpoint-6.bin");
    const size_t size = folder_get(newest, bytes, sizeof(bytes));
    assert_true(size > 100);
    folder_put(newest, bytes, size - 1);
    run again = run_open(dir);
    assert_int_equal(again.rounds, 4);
    const choir_hash ended = run_finish(&again, text);
    assert_memory_equal(&ended, &hash, sizeof(hash));
    assert_string_equal(text, calm);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_after_any_round_it_ends_the_same),
        cmocka_unit_test(killed_again_and_again_it_ends_the_same),
        cmocka_unit_test(with_its_newest_checkpoint_damaged_it_ends_the_same),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
