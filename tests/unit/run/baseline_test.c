/* Baselines, and the identity they rest on: averaging full-batch steps is gradient descent. */
#include "support/tiny_job.h"

#include "run/baseline.h"
#include "run/saved.h"
#include "store/metrics_log.h"

#include <string.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

enum { DIM_MAX = 700 };

/* w <- w - eta grad of the mean loss over all clients' examples, rounds times. */
static void gradient_descent(const choir_job *job, float *w, uint32_t *dim) {
    const choir_env env = choir_env_default();
    ch_session s;
    choir_error err = {.message = ""};
    if (ch_session_open(&s, job, 1, CH_SESSION_POOL, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    *dim = s.dim;
    assert_true(s.dim <= DIM_MAX);
    memcpy(w, s.params, s.dim * sizeof(float));
    const ch_holding *pooled = ch_federation_pooled(s.federation);
    for (uint32_t round = 1; round <= job->rounds; round++) {
        const choir_task task = {.round = round,
                                 .dim = s.dim,
                                 .epochs = 1,
                                 .batch_size = 0,
                                 .learning_rate = (float)job->client_learning_rate};
        float delta[DIM_MAX];
        choir_training out;
        check_status(ch_engine_train(s.engines[0], pooled, 0, &task, w, delta, &out, &err),
                     CHOIR_OK);
        for (uint32_t i = 0; i < s.dim; i++) {
            w[i] += delta[i];
        }
    }
    ch_session_release(&s);
}

static void averaging_full_batch_steps_of_everyone_is_gradient_descent(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job job = tiny_job();
    job.batch_size = 0;
    job.sample_rate = 1;
    job.rounds = 5;
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, "descent");
    o.report = false;
    const ch_run_result run = tiny_run(&job, &o);
    float w[DIM_MAX];
    float averaged[DIM_MAX];
    uint32_t dim = 0;
    gradient_descent(&job, w, &dim);
    ch_saved saved;
    check_status(ch_saved_open(&saved, run.run_dir, &env, NULL), CHOIR_OK);
    check_status(ch_saved_params(&saved, &saved.file.layout, averaged, NULL), CHOIR_OK);
    for (uint32_t i = 0; i < dim; i++) {
        check_near(averaged[i], w[i], 2e-6 * (1 + fabs((double)w[i])));
    }
    ch_saved_release(&saved);
}

static void both_baselines_write_a_log_beside_the_run(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = tiny_job();
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, "based");
    o.report = false;
    o.baseline_central = true;
    o.baseline_local = true;
    const ch_run_result run = tiny_run(&job, &o);
    const char *const names[] = {"based/baseline-central", "based/baseline-local"};
    for (int i = 0; i < 2; i++) {
        ch_metrics_table table;
        check_status(ch_metrics_read(&table, folder_file(folder, names[i]), &env, NULL), CHOIR_OK);
        assert_int_equal(table.count, run.rounds);
        const ch_metrics_row *last = &table.rows[table.count - 1];
        assert_true(last->accuracy > 0.1 && last->accuracy <= 1);
        assert_true(last->heldout_mean > 0 && last->heldout_mean <= 1);
        ch_metrics_table_release(&table);
    }
}

static void every_client_is_told_how_it_does_alone(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = tiny_job();
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, "alone");
    o.baseline_central = true; // whose evaluations must not pass for the run's
    o.baseline_local = true;
    const ch_run_result run = tiny_run(&job, &o);
    ch_metrics_table mine;
    ch_metrics_table local;
    ch_clients clients;
    check_status(ch_metrics_read(&mine, run.run_dir, &env, NULL), CHOIR_OK);
    check_status(ch_metrics_read(&local, folder_file(folder, "alone/baseline-local"), &env, NULL),
                 CHOIR_OK);
    check_status(ch_clients_read(&clients, run.run_dir, &env, NULL), CHOIR_OK);
    assert_int_equal(clients.count, job.data.clients);
    double federated = 0;
    double alone = 0;
    for (uint32_t i = 0; i < clients.count; i++) {
        federated += clients.clients[i].accuracy / clients.count;
        alone += clients.clients[i].alone / clients.count;
    }
    check_near(federated, mine.rows[mine.count - 1].heldout_mean, 1e-9);
    check_near(alone, local.rows[local.count - 1].heldout_mean, 1e-9);
    assert_true(fabs(federated - alone) > 1e-6);
    static char page[1 << 20];
    (void)folder_get(run.report, page, sizeof(page));
    assert_non_null(strstr(page, "Trained alone, these 20 clients reach "));
    ch_metrics_table_release(&mine);
    ch_metrics_table_release(&local);
    ch_clients_release(&clients);
}

static void of_many_clients_those_evaluated_train_alone(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job job = tiny_job();
    job.data.clients = 3000;
    job.data.examples = 10;
    job.sample_rate = 0.001;
    job.rounds = 2;
    job.evaluate_clients = 40;
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, "many");
    o.report = false;
    o.baseline_local = true;
    const ch_run_result run = tiny_run(&job, &o);
    ch_clients clients;
    check_status(ch_clients_read(&clients, run.run_dir, &env, NULL), CHOIR_OK);
    uint32_t alone = 0;
    for (uint32_t i = 0; i < clients.count; i++) {
        const ch_client_facts *f = &clients.clients[i];
        assert_true(isnan(f->alone) == isnan(f->accuracy));
        alone += isnan(f->alone) ? 0 : 1;
    }
    assert_int_equal(clients.count, CH_CLIENTS_MAX);
    assert_int_equal(alone, 40);
    ch_clients_release(&clients);
}

// A run that is over and goes on for its baselines has no round left in which it would evaluate.
static void a_finished_run_can_be_given_its_baseline_later(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = tiny_job();
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, "at-once");
    o.report = false;
    o.baseline_local = true;
    (void)tiny_run(&job, &o);
    o.run_dir = folder_file(folder, "later");
    o.baseline_local = false;
    const ch_run_result before = tiny_run(&job, &o);
    o.resume = folder_file(folder, "later");
    o.baseline_local = true;
    (void)tiny_run(&job, &o);
    o.baseline_local = false; // and then another, which leaves the first as it is
    o.baseline_central = true;
    const ch_run_result after = tiny_run(&job, &o);
    assert_string_equal(before.model_hash, after.model_hash);
    assert_true(before.accuracy == after.accuracy);
    static char pages[2][1 << 14];
    const char *const files[] = {"at-once/clients.json", "later/clients.json"};
    for (int i = 0; i < 2; i++) {
        (void)folder_get(folder_file(folder, files[i]), pages[i], sizeof(pages[i]));
    }
    assert_string_equal(pages[0], pages[1]);
    ch_metrics_table table;
    check_status(ch_metrics_read(&table, after.run_dir, &env, NULL), CHOIR_OK);
    assert_int_equal(table.count, job.rounds);
    ch_metrics_table_release(&table);
}

/* A job whose clients' updates are clipped, and whose pooled data explode when they are not. */
static choir_job exploding_job(double learning_rate) {
    choir_job job = tiny_job();
    (void)snprintf(job.model.loss, sizeof(job.model.loss), "mean-squared-error");
    (void)snprintf(job.chain, sizeof(job.chain), "clip=0.5|weight");
    job.client_learning_rate = learning_rate;
    return job;
}

static void a_baseline_that_diverges_does_not_lose_the_run(void **state) {
    (void)state;
    const choir_job job = exploding_job(3);
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, "exploding");
    o.baseline_central = true;
    o.baseline_local = true;
    const ch_run_result run = tiny_run(&job, &o);
    assert_int_equal(run.rounds, job.rounds);
    assert_true(isfinite(run.loss) != 0);
    assert_false(run.central.is_done);
    assert_true(run.local.is_done);
    assert_non_null(strstr(run.warning, "baseline central: training on the pooled examples "
                                        "diverged in round 4 at learning rate 3"));
    static char page[1 << 20];
    (void)folder_get(run.report, page, sizeof(page));
    assert_non_null(strstr(page, "A baseline failed: baseline central: training on the pooled"));
    assert_null(strstr(page, "central: all data on one machine</")); // no part of its curve
}

static void clients_that_diverge_alone_are_counted(void **state) {
    (void)state;
    const choir_job job = exploding_job(1000);
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, "alone-exploding");
    o.report = false;
    o.baseline_local = true;
    const ch_run_result run = tiny_run(&job, &o);
    assert_true(run.local.is_done);
    assert_true(run.local.diverged > 0);
    assert_int_equal(run.local.clients + run.local.diverged, 20);
    assert_non_null(strstr(run.warning, "of 20 clients alone; the mean is over the others"));
}

static void data_too_large_to_pool_are_told_before_the_first_round(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job job = tiny_job();
    job.data.clients = 1000000;
    job.sample_rate = 1e-5;
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, "unpoolable");
    o.baseline_central = true;
    ch_run_result result;
    choir_error err = {.message = ""};
    check_status(ch_run_sim(&result, &job, &o, &env, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "too large to pool"));
    assert_int_equal(result.rounds, 0);
    assert_true(access(o.run_dir, F_OK) != 0);
}

static volatile sig_atomic_t stop;
static const char *stop_word;

static void log_stop(void *self, choir_level level, const char *event, const char *fields) {
    (void)self;
    (void)level;
    (void)fields;
    if (strcmp(event, stop_word) == 0) {
        stop = 1;
    }
}

static void a_stop_during_a_baseline_leaves_no_part_of_it(void **state) {
    (void)state;
    choir_env env = choir_env_default();
    env.log = log_stop;
    stop = 0;
    stop_word = "baseline_begins";
    const choir_job job = tiny_job();
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, "cut");
    o.baseline_central = true;
    o.baseline_local = true;
    o.stop = &stop;
    ch_run_result result;
    check_status(ch_run_sim(&result, &job, &o, &env, NULL), CHOIR_OK);
    assert_int_equal(result.rounds, job.rounds);
    assert_true(result.interrupted);
    assert_false(result.central.is_done || result.local.is_done);
    assert_true(access(folder_file(folder, "cut/baseline-central/metrics.jsonl"), F_OK) != 0);
    o.resume = folder_file(folder, "cut");
    o.stop = NULL;
    const ch_run_result whole = tiny_run(&job, &o);
    assert_true(whole.was_finished && !whole.interrupted);
    assert_true(whole.central.is_done && whole.local.is_done);
}

/* The rows that a baseline left. */
static ch_metrics_table rows_of(const char *name) {
    const choir_env env = choir_env_default();
    ch_metrics_table table;
    check_status(ch_metrics_read(&table, folder_file(folder, name), &env, NULL), CHOIR_OK);
    return table;
}

static void baselines_follow_the_schedules_and_the_reports(void **state) {
    (void)state;
    choir_job job = tiny_job();
    job.network.availability = 0.7; // some rounds have fewer reports
    (void)snprintf(job.schedule_learning_rate, sizeof(job.schedule_learning_rate),
                   "exponential factor=0.5");
    (void)snprintf(job.schedule_epochs, sizeof(job.schedule_epochs), "step every=2 factor=2");
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, "scheduled");
    o.report = false;
    o.baseline_central = true;
    o.baseline_local = true;
    (void)tiny_run(&job, &o);
    ch_metrics_table run = rows_of("scheduled");
    ch_metrics_table central = rows_of("scheduled/baseline-central");
    ch_metrics_table local = rows_of("scheduled/baseline-local");
    assert_int_equal(central.count, run.count);
    assert_int_equal(run.rows[5].epochs, 4);
    for (uint32_t i = 0; i < run.count; i++) {
        assert_true(central.rows[i].learning_rate == run.rows[i].learning_rate);
        assert_int_equal(central.rows[i].examples, run.rows[i].examples * run.rows[i].epochs);
        assert_int_equal(local.rows[i].epochs, run.rows[i].epochs);
    }
    ch_metrics_table_release(&run);
    ch_metrics_table_release(&central);
    ch_metrics_table_release(&local);
}

/* Where the metrics do not tell how many examples there were, it is what clients hold on average.
 */
static void weights_that_are_capped_do_not_cut_the_central_budget(void **state) {
    (void)state;
    const uint64_t caps[] = {65536, 5};
    uint64_t examples[2];
    for (int i = 0; i < 2; i++) {
        choir_job job = tiny_job();
        job.examples_max = (uint32_t)caps[i];
        ch_run_options o = ch_run_defaults();
        o.run_dir = folder_file(folder, i == 0 ? "told" : "capped");
        o.report = false;
        o.baseline_central = true;
        (void)tiny_run(&job, &o);
        ch_metrics_table central =
            rows_of(i == 0 ? "told/baseline-central" : "capped/baseline-central");
        examples[i] = 0;
        for (uint32_t r = 0; r < central.count; r++) {
            examples[i] += central.rows[r].examples;
        }
        ch_metrics_table_release(&central);
    }
    check_near((double)examples[1], (double)examples[0], 0.05 * (double)examples[0]);
}

// Each client takes part in a twentieth of two rounds: one epoch alone is more than enough.
static void a_small_budget_is_one_epoch_and_one_point(void **state) {
    (void)state;
    choir_job job = tiny_job();
    job.sample_rate = 0.05;
    job.rounds = 2;
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, "little");
    o.report = false;
    o.baseline_local = true;
    (void)tiny_run(&job, &o);
    ch_metrics_table local = rows_of("little/baseline-local");
    assert_true(isnan(local.rows[0].accuracy) != 0);
    assert_true(!isnan(local.rows[1].accuracy));
    ch_metrics_table_release(&local);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(averaging_full_batch_steps_of_everyone_is_gradient_descent),
        cmocka_unit_test(both_baselines_write_a_log_beside_the_run),
        cmocka_unit_test(every_client_is_told_how_it_does_alone),
        cmocka_unit_test(of_many_clients_those_evaluated_train_alone),
        cmocka_unit_test(a_finished_run_can_be_given_its_baseline_later),
        cmocka_unit_test(a_baseline_that_diverges_does_not_lose_the_run),
        cmocka_unit_test(clients_that_diverge_alone_are_counted),
        cmocka_unit_test(data_too_large_to_pool_are_told_before_the_first_round),
        cmocka_unit_test(a_stop_during_a_baseline_leaves_no_part_of_it),
        cmocka_unit_test(baselines_follow_the_schedules_and_the_reports),
        cmocka_unit_test(weights_that_are_capped_do_not_cut_the_central_budget),
        cmocka_unit_test(a_small_budget_is_one_epoch_and_one_point),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
