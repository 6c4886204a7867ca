/*
 * Simulator benchmark: what a round costs beside training, and how much memory a run takes.
 *
 * The trainer writes an update and does nothing else, so nearly all that is measured is messages,
 * hashes, checks and the fold. "ms outside" is processor time of the whole process minus that spent
 * in trainers; "ms wall" is a round's wall time with one worker. Medians over rounds.
 *
 *     build/release/bench/sim_bench
 */
#include "choir/sim.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { ROUNDS = 31 };

static const double CLIENT_EXAMPLES = 600;

typedef struct row {
    const char *name;
    uint32_t dim;
    uint32_t clients;
    uint32_t cohort;
} row;

// The largest population first: peak memory only goes up.
static const row ROWS[] = {
    {"softmax, a million clients", 610, 1000000, 1000},
    {"softmax, a thousand clients", 610, 1000, 1000},
    {"2NN", 199210, 100, 10},
    {"CNN", 1663370, 100, 10},
};

static double clock_ms(clockid_t which) {
    struct timespec t;
    (void)clock_gettime(which, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static atomic_uint_fast64_t trainer_ns;

static choir_status toy_train(void *self, uint32_t client, const choir_task *task,
                              const float *params, float *delta, choir_training *out,
                              choir_error *err) {
    (void)self;
    (void)err;
    const double before = clock_ms(CLOCK_THREAD_CPUTIME_ID);
    const float step = 1e-4F * (float)(1 + client % 7);
    for (uint32_t i = 0; i < task->dim; i++) {
        delta[i] = step - 1e-3F * params[i];
    }
    *out = (choir_training){.examples = (uint32_t)CLIENT_EXAMPLES, .metrics = {.examples = 600}};
    const double spent = clock_ms(CLOCK_THREAD_CPUTIME_ID) - before;
    (void)atomic_fetch_add(&trainer_ns, (uint_fast64_t)(1e6 * spent));
    return CHOIR_OK;
}

static uint32_t toy_examples(void *self, uint32_t client) {
    (void)self;
    (void)client;
    return (uint32_t)CLIENT_EXAMPLES;
}

static const choir_trainer_ops TOY = {.train = toy_train, .examples = toy_examples};

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof(values[0]), ascending);
    return values[count / 2];
}

static void sim_measure(choir_sim *s, const row *r) {
    double wall[ROUNDS];
    double outside[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        const double wall_before = clock_ms(CLOCK_MONOTONIC);
        const double spent_before = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
        atomic_store(&trainer_ns, 0);
        choir_sim_round round;
        if (choir_sim_step(s, &round, NULL) != CHOIR_OK || round.summary.reports != r->cohort) {
            (void)fprintf(stderr, "%s: a round failed\n", r->name);
            exit(1);
        }
        const double trainers = 1e-6 * (double)atomic_load(&trainer_ns);
        wall[i] = clock_ms(CLOCK_MONOTONIC) - wall_before;
        outside[i] = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - spent_before - trainers;
    }
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    const double outside_ms = median(outside, ROUNDS);
    printf("| %-28s | %9" PRIu32 " | %8" PRIu32 " | %6" PRIu32
           " | %8.2f | %10.2f | %8.1f | %8.1f |\n",
           r->name, r->dim, r->clients, r->cohort, median(wall, ROUNDS), outside_ms,
           1e3 * outside_ms / r->cohort, (double)usage.ru_maxrss / 1024);
}

static void row_run(const row *r) {
    const choir_env env = choir_env_default();
    const choir_trainer trainer = {.ops = &TOY};
    float *params = calloc(r->dim, sizeof(params[0]));
    choir_sim_options o = choir_sim_defaults();
    o.coordinator.dim = r->dim;
    o.coordinator.clients = r->clients;
    o.coordinator.rounds = ROUNDS;
    o.coordinator.sample_rate = (double)r->cohort / r->clients;
    choir_sim *s = NULL;
    choir_error err = {.message = ""};
    if (params == NULL || choir_sim_create(&s, params, &trainer, &o, &env, &err) != CHOIR_OK) {
        (void)fprintf(stderr, "%s: %s\n", r->name, err.message);
        exit(1);
    }
    sim_measure(s, r);
    choir_sim_destroy(s);
    free(params);
}

int main(void) {
    printf("| %-28s | %9s | %8s | %6s | %8s | %10s | %8s | %8s |\n", "model", "dim", "clients",
           "cohort", "ms wall", "ms outside", "us each", "peak MB");
    printf("|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        row_run(&ROWS[i]);
    }
    return 0;
}
