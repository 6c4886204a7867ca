/* Run: the same model whatever the workers, after a stop and a resume; what a run leaves behind. */
#include "support/tiny_job.h"

#include "choir/blob.h"
#include "run/plan.h"
#include "run/saved.h"
#include "run/session.h"
#include "store/metrics_log.h"
#include "store/run_dir.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

static ch_run_options options_for(const char *name) {
    ch_run_options o = ch_run_defaults();
    o.run_dir = folder_file(folder, name);
    o.workers = 1;
    o.report = false;
    return o;
}

static void the_model_does_not_depend_on_the_workers(void **state) {
    (void)state;
    const choir_job job = tiny_job();
    ch_run_options o = options_for("one");
    const ch_run_result one = tiny_run(&job, &o);
    assert_int_equal(one.rounds, 6);
    assert_true(one.accuracy > 0.2 && one.accuracy <= 1); // guessing: 0.1, give or take 0.017
    for (uint32_t workers = 2; workers <= 4; workers += 2) {
        o = options_for(workers == 2 ? "two" : "four");
        o.workers = workers;
        const ch_run_result more = tiny_run(&job, &o);
        assert_string_equal(one.model_hash, more.model_hash);
        assert_true(one.accuracy == more.accuracy);
        assert_true(one.loss == more.loss);
        assert_true(one.bytes_up == more.bytes_up);
    }
}

static void another_seed_gives_another_model(void **state) {
    (void)state;
    choir_job job = tiny_job();
    ch_run_options o = options_for("seed-1");
    const ch_run_result one = tiny_run(&job, &o);
    job.seed = 2;
    o = options_for("seed-2");
    const ch_run_result two = tiny_run(&job, &o);
    assert_string_not_equal(one.model_hash, two.model_hash);
}

/* Every column but wall times. */
static bool rows_agree(const ch_metrics_row *a, const ch_metrics_row *b) {
    return a->round == b->round && a->accuracy == b->accuracy && a->loss == b->loss &&
           a->heldout_mean == b->heldout_mean && a->heldout_worst == b->heldout_worst &&
           a->train_loss == b->train_loss && a->reports == b->reports &&
           a->bytes_up == b->bytes_up && a->bytes_down == b->bytes_down &&
           a->virtual_seconds == b->virtual_seconds;
}

static volatile sig_atomic_t stop_now;
static uint32_t stop_after; // rounds

static void log_stop(void *self, choir_level level, const char *event, const char *fields) {
    (void)self;
    (void)level;
    char round[32];
    (void)snprintf(round, sizeof(round), "round=%u ", stop_after);
    if (strcmp(event, "round_applied") == 0 && strncmp(fields, round, strlen(round)) == 0) {
        stop_now = 1;
    }
}

/* Runs options, interrupted when so many rounds have closed. */
static void interrupted_run(const choir_job *job, ch_run_options options, uint32_t rounds) {
    choir_env env = choir_env_default();
    env.log = log_stop;
    stop_now = 0;
    stop_after = rounds;
    options.stop = &stop_now;
    ch_run_result result;
    check_status(ch_run_sim(&result, job, &options, &env, NULL), CHOIR_OK);
    assert_true(result.interrupted);
    assert_int_equal(result.rounds, rounds);
    assert_true(result.accuracy > 0); // measured, though nobody had asked for it in this round
}

static void a_stopped_run_resumes_to_the_undisturbed_model(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = tiny_job();
    ch_run_options o = options_for("calm");
    const ch_run_result calm = tiny_run(&job, &o);
    interrupted_run(&job, options_for("stopped"), 1); // with checkpoints that no round is due for
    o = options_for("unused");
    o.resume = folder_file(folder, "stopped");
    interrupted_run(&job, o, 3);
    const ch_run_result result = tiny_run(&job, &o);
    assert_string_equal(result.model_hash, calm.model_hash);
    assert_true(result.bytes_up == calm.bytes_up);
    ch_metrics_table a;
    ch_metrics_table b;
    check_status(ch_metrics_read(&a, folder_file(folder, "calm"), &env, NULL), CHOIR_OK);
    check_status(ch_metrics_read(&b, folder_file(folder, "stopped"), &env, NULL), CHOIR_OK);
    assert_int_equal(a.count, 6);
    assert_int_equal(b.count, 6);
    for (uint32_t i = 0; i < a.count; i++) {
        assert_true(rows_agree(&a.rows[i], &b.rows[i]));
    }
    ch_metrics_table_release(&a);
    ch_metrics_table_release(&b);
}

/* Counts rounds that are recorded when they are seen, and were not to be. */
static bool sees_recorded(void *self, const ch_run_view *view) {
    const choir_env env = choir_env_default();
    ch_metrics_table table;
    check_status(ch_metrics_read(&table, folder_file(folder, "seen"), &env, NULL), CHOIR_OK);
    *(uint32_t *)self += table.count + 1 == view->row->round ? 1 : 100;
    ch_metrics_table_release(&table);
    return view->row->round == 4;
}

// Killed between the two, a run would otherwise have its last round without what was kept of it.
static void a_round_is_seen_before_it_is_recorded(void **state) {
    (void)state;
    const choir_job job = tiny_job();
    uint32_t seen = 0;
    ch_run_options o = options_for("seen");
    o.after = sees_recorded;
    o.after_self = &seen;
    const ch_run_result result = tiny_run(&job, &o);
    assert_int_equal(seen, 4);
    assert_int_equal(result.rounds, 4);
    assert_true(result.interrupted);
}

// Figures that nobody asked for must not be recorded, nor cut the learning rate.
static void an_interruption_between_evaluations_leaves_no_trace(void **state) {
    (void)state;
    choir_job job = tiny_job();
    job.evaluate_every = 2;
    job.checkpoint_every = 100;
    job.client_learning_rate = 2; // so large that the loss goes up and down
    (void)snprintf(job.schedule_learning_rate, sizeof(job.schedule_learning_rate),
                   "plateau patience=1 factor=0.5");
    ch_run_options o = options_for("between-calm");
    const ch_run_result undisturbed = tiny_run(&job, &o);
    for (uint32_t rounds = 1; rounds < job.rounds; rounds++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "between-%u", rounds);
        interrupted_run(&job, options_for(name), rounds);
        o = options_for("unused");
        o.resume = folder_file(folder, name);
        const ch_run_result resumed = tiny_run(&job, &o);
        assert_string_equal(resumed.model_hash, undisturbed.model_hash);
        assert_true(resumed.accuracy == undisturbed.accuracy);
        const choir_env env = choir_env_default();
        ch_metrics_table table;
        check_status(ch_metrics_read(&table, o.resume, &env, NULL), CHOIR_OK);
        for (uint32_t i = 0; i < table.count; i++) {
            assert_int_equal(isnan(table.rows[i].accuracy), i % 2 == 0);
        }
        ch_metrics_table_release(&table);
    }
}

static void the_target_ends_a_run_and_is_reported(void **state) {
    (void)state;
    choir_job job = tiny_job();
    job.target_accuracy = 0.2;
    ch_run_options o = options_for("target");
    const ch_run_result reached = tiny_run(&job, &o);
    assert_true(reached.wants_target && reached.reached_target);
    job.target_accuracy = 0.9999;
    o = options_for("far-target");
    const ch_run_result missed = tiny_run(&job, &o);
    assert_true(missed.wants_target && !missed.reached_target);
    assert_int_equal(missed.rounds, 6);
}

static void a_saved_model_judges_as_the_run_did(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = tiny_job();
    ch_run_options o = options_for("saved");
    const ch_run_result run = tiny_run(&job, &o);
    ch_eval_result e;
    choir_error err = {.message = ""};
    if (ch_run_eval(&e, run.run_dir, &job.data, job.seed, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    assert_true(e.accuracy == run.accuracy);
    assert_int_equal(e.examples, 300);
    uint64_t right = 0;
    uint64_t all = 0;
    for (uint32_t i = 0; i < e.classes * e.classes; i++) {
        right += i % (e.classes + 1) == 0 ? e.confusion[i] : 0;
        all += e.confusion[i];
    }
    assert_int_equal(all, 300);
    check_near((double)right / 300, e.accuracy, 1e-12);
    ch_eval_result_release(&e, &env);
}

static void a_saved_model_knows_how_its_inputs_were_treated(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job job = tiny_job();
    (void)snprintf(job.data.source, sizeof(job.data.source), "digits");
    (void)snprintf(job.data.preprocess, sizeof(job.data.preprocess), "crop,flip,whiten");
    job.data.crop = 20;
    ch_run_options o = options_for("white");
    const ch_run_result run = tiny_run(&job, &o);
    choir_job_data plain = job.data;
    plain.preprocess[0] = '\0';
    ch_eval_result e;
    choir_error err = {.message = ""};
    check_status(ch_run_eval(&e, run.run_dir, &plain, job.seed, &env, &err), CHOIR_OK);
    assert_true(e.accuracy == run.accuracy && e.loss == run.loss);
    ch_eval_result_release(&e, &env);
    job.data = plain;
    (void)snprintf(job.model.init, sizeof(job.model.init), "%s", run.run_dir);
    ch_run_result result;
    o = options_for("not-white");
    check_status(ch_run_sim(&result, &job, &o, &env, &err), CHOIR_EINVAL);
    char wanted[1024];
    (void)snprintf(wanted, sizeof(wanted),
                   "data.preprocess: the inputs that %s/model.safetensors was trained on went "
                   "through 'whiten', and those of the job through ''; make it the same",
                   run.run_dir);
    assert_string_equal(err.message, wanted);
}

static void starting_from_a_saved_model_starts_there(void **state) {
    (void)state;
    choir_job job = tiny_job();
    ch_run_options o = options_for("parent");
    const ch_run_result parent = tiny_run(&job, &o);
    (void)snprintf(job.model.init, sizeof(job.model.init), "%s", parent.run_dir);
    job.rounds = 1;
    job.client_learning_rate = 1e-9; // stays where it starts, to rounding
    o = options_for("child");
    const ch_run_result child = tiny_run(&job, &o);
    check_near(child.accuracy, parent.accuracy, 0.01);
    check_near(child.loss, parent.loss, 1e-4);
}

/* Writes a model of job whose parameters are so large that its outputs are not finite. */
static void huge_model_write(const choir_job *job, const char *path) {
    const choir_env env = choir_env_default();
    ch_session s;
    check_status(ch_session_open(&s, job, 1, CH_SESSION_TRAIN, &env, NULL), CHOIR_OK);
    for (uint32_t i = 0; i < s.dim; i++) {
        s.params[i] = 1e29F;
    }
    const ch_shape shape = ch_federation_shape(s.federation);
    ch_net_options net = s.model.net;
    net.height = shape.height;
    net.width = shape.width;
    net.channels = shape.channels;
    choir_hash hash = {{0}};
    char text[2 * CHOIR_HASH_BYTES + 1];
    choir_hash_text(&hash, text);
    const ch_saved_texts texts = {.hash = text, .labels = "", .encoding = ""};
    check_status(ch_saved_write(path, ch_session_net(&s), &net, s.params, &texts, &env, NULL),
                 CHOIR_OK);
    ch_session_release(&s);
}

static void a_diverging_run_says_where(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job job = tiny_job();
    (void)snprintf(job.model.name, sizeof(job.model.name), "mlp");
    (void)snprintf(job.model.hidden, sizeof(job.model.hidden), "8");
    job.evaluate_every = 2;
    huge_model_write(&job, folder_file(folder, "huge.safetensors"));
    (void)snprintf(job.model.init, sizeof(job.model.init), "%s",
                   folder_file(folder, "huge.safetensors"));
    ch_run_options o = options_for("diverging");
    o.report = true;
    ch_run_result result;
    choir_error err = {.message = ""};
    check_status(ch_run_sim(&result, &job, &o, &env, &err), CHOIR_ERANGE);
    assert_int_equal(result.rounds, 2);
    assert_true(!isfinite(result.loss));
    assert_int_equal(strlen(result.model_hash), 2 * CHOIR_HASH_BYTES);
    assert_non_null(strstr(err.message, "round 2: the loss on the test set is "));
    static char text[1 << 20];
    (void)folder_get(folder_file(folder, "diverging/failure.txt"), text, sizeof(text));
    assert_string_equal(text, err.message);
    (void)folder_get(result.report, text, sizeof(text));
    assert_non_null(strstr(text, "The run failed: round 2: "));
}

static void a_run_stopped_before_its_first_round_has_no_figures(void **state) {
    (void)state;
    const choir_job job = tiny_job();
    const volatile sig_atomic_t stop = 1;
    ch_run_options o = options_for("unbegun");
    o.stop = &stop;
    const ch_run_result result = tiny_run(&job, &o);
    assert_true(result.interrupted);
    assert_int_equal(result.rounds, 0);
    assert_true(isnan(result.accuracy) && isnan(result.loss));
}

/* What resuming the run in `name` comes to; the message goes to err. */
static choir_status resumed(const char *name, choir_error *err) {
    const choir_env env = choir_env_default();
    const choir_job job = tiny_job();
    ch_run_options o = options_for("unused");
    o.resume = folder_file(folder, name);
    ch_run_result result;
    return ch_run_sim(&result, &job, &o, &env, err);
}

static void a_run_whose_checkpoints_are_lost_keeps_its_rounds(void **state) {
    (void)state;
    static char before[1 << 16];
    static char after[1 << 16];
    const choir_job job = tiny_job();
    const ch_run_options o = options_for("lost");
    (void)tiny_run(&job, &o);
    (void)folder_get(folder_file(folder, "lost/metrics.jsonl"), before, sizeof(before));
    for (int i = 4; i <= 6; i += 2) {
        char name[64];
        (void)snprintf(name, sizeof(name), "lost/checkpoint-%d.bin", i);
        folder_put(folder_file(folder, name), "torn", 4);
    }
    choir_error err = {.message = ""};
    check_status(resumed("lost", &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "checkpoint-6.bin: has 4 bytes"));
    for (int i = 4; i <= 6; i += 2) {
        char name[64];
        (void)snprintf(name, sizeof(name), "lost/checkpoint-%d.bin", i);
        assert_true(unlink(folder_file(folder, name)) == 0);
    }
    check_status(resumed("lost", &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "has 6 rounds and no checkpoint, though one is written "
                                        "every 2"));
    (void)folder_get(folder_file(folder, "lost/metrics.jsonl"), after, sizeof(after));
    assert_string_equal(before, after);
}

static void a_client_that_diverges_is_named(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job job = tiny_job();
    (void)snprintf(job.model.loss, sizeof(job.model.loss), "mean-squared-error");
    job.client_learning_rate = 1000;
    job.epochs = 9;
    ch_metrics_table tables[2];
    for (uint32_t i = 0; i < 2; i++) { // whoever trains it
        ch_run_options o = options_for(i == 0 ? "diverged-1" : "diverged-2");
        o.workers = i + 1;
        o.report = i == 0;
        const ch_run_result result = tiny_run(&job, &o);
        check_status(ch_metrics_read(&tables[i], result.run_dir, &env, NULL), CHOIR_OK);
        if (i == 0) {
            static char page[1 << 20];
            (void)folder_get(result.report, page, sizeof(page));
            assert_non_null(strstr(page, "first in round 1 on client 0, whose loss had been "));
            assert_non_null(strstr(page, ". A smaller client.learning_rate may help."));
            assert_non_null(strstr(page, "0 did not come.")); // though none counted
        }
    }
    assert_true(tables[0].rows[0].refused[CHOIR_REFUSAL_DIVERGED] > 0);
    for (uint32_t i = 0; i < job.rounds; i++) {
        const double client = tables[0].rows[i].diverged_client;
        assert_true(client >= 0 && client < job.data.clients);
        assert_true(client == tables[1].rows[i].diverged_client);
        assert_true(tables[0].rows[i].diverged_loss > 1); // of the steps before the last
        assert_true(tables[0].rows[i].diverged_loss == tables[1].rows[i].diverged_loss);
    }
    ch_metrics_table_release(&tables[0]);
    ch_metrics_table_release(&tables[1]);
}

static void a_loss_above_the_initial_models_is_reported(void **state) {
    (void)state;
    choir_job job = tiny_job();
    (void)snprintf(job.chain, sizeof(job.chain), "clip=0.5|weight");
    job.server_learning_rate = 1000; // all rounds are bad: only the start was better
    job.rounds = 1;
    ch_run_options o = options_for("risen");
    o.report = true;
    const ch_run_result result = tiny_run(&job, &o);
    static char page[1 << 20];
    (void)folder_get(result.report, page, sizeof(page));
    assert_non_null(strstr(page, "Training diverges: the loss on the test set rose from "));
    assert_non_null(strstr(page, " in round 0 to "));
}

static void the_report_of_an_interrupted_run_says_so(void **state) {
    (void)state;
    choir_job job = tiny_job();
    ch_run_options o = options_for("unfinished");
    o.report = true;
    interrupted_run(&job, o, 3);
    static char page[1 << 20];
    (void)folder_get(folder_file(folder, "unfinished/report.html"), page, sizeof(page));
    assert_non_null(strstr(page, "Round 3 of 6 is the last one recorded"));
}

static void a_run_says_what_it_went_on_with(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = tiny_job();
    interrupted_run(&job, options_for("moved"), 3);
    ch_run_facts facts;
    check_status(ch_run_facts_read(&facts, folder_file(folder, "moved"), &env, NULL), CHOIR_OK);
    assert_true(facts.start_loss > 0);
    assert_int_equal(strlen(facts.model_hash), 2 * CHOIR_HASH_BYTES);
    choir_error err = {.message = ""};
    check_status(resumed("moved", &err), CHOIR_OK);
    static char text[1 << 14];
    (void)folder_get(folder_file(folder, "moved/run.json"), text, sizeof(text));
    assert_non_null(strstr(text, "\"resumed\": ["));
    assert_non_null(strstr(text, "\"round\": 3"));
    (void)snprintf(facts.backend, sizeof(facts.backend), "vector-elsewhere\x1b[2J");
    check_status(ch_run_facts_write(folder_file(folder, "moved"), &facts, NULL), CHOIR_OK);
    check_status(resumed("moved", &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "began with backend vector-elsewhere?[2J on "));
    assert_non_null(strstr(err.message, "would differ in its last bits"));
}

/* A job of few allocations, which are refused one by one. */
static choir_job least_job(void) {
    choir_job job = tiny_job();
    job.data.clients = 4;
    job.data.examples = 10;
    job.data.test_examples = 10;
    job.sample_rate = 0.5;
    job.rounds = 2;
    return job;
}

static void check_refusal(const counted_memory *m, uint32_t n, choir_status status,
                          const choir_error *err) {
    assert_int_equal(m->alive, 0);
    if (status != CHOIR_OK) {
        check_status(status, CHOIR_ENOMEM);
        if (err->message[0] == '\0') {
            fail_msg("allocation %u fails without a word", n);
        }
    }
}

static void every_failed_allocation_of_a_run_is_survived_and_told(void **state) {
    (void)state;
    const choir_job job = least_job();
    counted_memory memory = {.until_failure = 0};
    uint32_t failures = 0;
    for (uint32_t n = 0; memory.until_failure == 0 && n < 1000; n++) {
        const choir_env env = counted_env(&memory, n);
        char name[32];
        (void)snprintf(name, sizeof(name), "refused-%u", n);
        ch_run_options o = options_for(name);
        o.baseline_central = o.baseline_local = true;
        ch_run_result result;
        choir_error err = {.message = ""};
        const choir_status status = ch_run_sim(&result, &job, &o, &env, &err);
        check_refusal(&memory, n, status, &err);
        failures += status == CHOIR_OK ? 0 : 1;
    }
    assert_true(memory.until_failure > 0);
    assert_true(failures > 20);
}

static void every_failed_allocation_of_a_resume_is_survived_and_told(void **state) {
    (void)state;
    const choir_job job = least_job();
    ch_run_options o = options_for("resumed-refused");
    const ch_run_result whole = tiny_run(&job, &o);
    o.resume = whole.run_dir;
    counted_memory memory = {.until_failure = 0};
    for (uint32_t n = 0; memory.until_failure == 0 && n < 1000; n++) {
        const choir_env env = counted_env(&memory, n);
        ch_run_result result;
        choir_error err = {.message = ""};
        const choir_status status = ch_run_sim(&result, &job, &o, &env, &err);
        check_refusal(&memory, n, status, &err);
        if (status == CHOIR_OK) {
            assert_string_equal(result.model_hash, whole.model_hash);
        }
    }
    assert_true(memory.until_failure > 0);
}

static void every_failed_allocation_of_a_judgement_is_survived_and_told(void **state) {
    (void)state;
    const choir_job job = least_job();
    ch_run_options o = options_for("judged-refused");
    const ch_run_result run = tiny_run(&job, &o);
    for (int predicts = 0; predicts < 2; predicts++) {
        counted_memory memory = {.until_failure = 0};
        for (uint32_t n = 0; memory.until_failure == 0 && n < 1000; n++) {
            const choir_env env = counted_env(&memory, n);
            choir_error err = {.message = ""};
            choir_status status = CHOIR_OK;
            if (predicts != 0) {
                FILE *out = tmpfile();
                assert_non_null(out);
                status = ch_run_predict(out, run.run_dir, &job.data, 1, 0, 5, &env, &err);
                (void)fclose(out);
            } else {
                ch_eval_result e;
                status = ch_run_eval(&e, run.run_dir, &job.data, 1, &env, &err);
                ch_eval_result_release(&e, &env);
            }
            check_refusal(&memory, n, status, &err);
        }
        assert_true(memory.until_failure > 0);
    }
}

static void a_folder_that_holds_a_run_is_not_overwritten(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = tiny_job();
    ch_run_options o = options_for("taken");
    (void)tiny_run(&job, &o);
    ch_run_result result;
    choir_error err = {.message = ""};
    check_status(ch_run_sim(&result, &job, &o, &env, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "taken"));
}

static void a_beginning_that_fails_leaves_no_run(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job job = tiny_job();
    ch_run_options o = options_for("begun");
    static const char *const files[] = {"run.json", "job.yaml"};
    assert_int_equal(mkdir(o.run_dir, 0777), 0);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char blocked[FOLDER_PATH_MAX + 64]; // where the file is written before it gets its name
        (void)snprintf(blocked, sizeof(blocked), "%s/%s.tmp", o.run_dir, files[i]);
        assert_int_equal(mkdir(blocked, 0777), 0);
        ch_run_result result;
        choir_error err = {.message = ""};
        check_status(ch_run_sim(&result, &job, &o, &env, &err), CHOIR_EIO);
        assert_non_null(strstr(err.message, files[i]));
        assert_int_equal(rmdir(blocked), 0);
    }
    assert_int_equal(tiny_run(&job, &o).rounds, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_does_not_depend_on_the_workers),
        cmocka_unit_test(another_seed_gives_another_model),
        cmocka_unit_test(a_stopped_run_resumes_to_the_undisturbed_model),
        cmocka_unit_test(a_round_is_seen_before_it_is_recorded),
        cmocka_unit_test(an_interruption_between_evaluations_leaves_no_trace),
        cmocka_unit_test(the_target_ends_a_run_and_is_reported),
        cmocka_unit_test(a_saved_model_judges_as_the_run_did),
        cmocka_unit_test(a_saved_model_knows_how_its_inputs_were_treated),
        cmocka_unit_test(starting_from_a_saved_model_starts_there),
        cmocka_unit_test(a_diverging_run_says_where),
        cmocka_unit_test(a_run_stopped_before_its_first_round_has_no_figures),
        cmocka_unit_test(a_run_whose_checkpoints_are_lost_keeps_its_rounds),
        cmocka_unit_test(a_client_that_diverges_is_named),
        cmocka_unit_test(a_loss_above_the_initial_models_is_reported),
        cmocka_unit_test(the_report_of_an_interrupted_run_says_so),
        cmocka_unit_test(a_run_says_what_it_went_on_with),
        cmocka_unit_test(every_failed_allocation_of_a_run_is_survived_and_told),
        cmocka_unit_test(every_failed_allocation_of_a_resume_is_survived_and_told),
        cmocka_unit_test(every_failed_allocation_of_a_judgement_is_survived_and_told),
        cmocka_unit_test(a_folder_that_holds_a_run_is_not_overwritten),
        cmocka_unit_test(a_beginning_that_fails_leaves_no_run),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
