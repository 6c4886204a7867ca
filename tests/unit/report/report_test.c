/* Report: whole pages from made-up runs, judged by a parser of HTML, XML and PNG. */
#include "support/check.h"

#include "report/report.h"
#include "support/made_run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];
static char page[1 << 20];

enum { CHARTS = 8, PICTURES = 20 }; // of a whole run's page

static const char *at(const char *name) {
    return folder_file(folder, name);
}

/* Hands a page to check_page.py and reads it. */
static void check_page(const char *path, int charts, int pictures) {
    char command[2048];
    (void)snprintf(command, sizeof(command),
                   "python3 '%s/tests/unit/report/check_page.py' '%s' %d %d", CHOIR_SOURCE_DIR,
                   path, charts, pictures);
    assert_int_equal(system(command), 0);
    assert_true(folder_get(path, page, sizeof(page)) < sizeof(page) - 1);
}

static bool has(const char *text) {
    return strstr(page, text) != NULL;
}

static ch_report_result report_of(const char *dir) {
    const choir_env env = choir_env_default();
    ch_report_result result;
    choir_error err = {.message = ""};
    const choir_status status = ch_report_write(&result, &dir, 1, NULL, &env, &err);
    if (status != CHOIR_OK) {
        fail_msg("%s: %s", choir_status_name(status), err.message);
    }
    return result;
}

/* The PATH this program was started with. */
static char path_kept[4096];

static void path_set(const char *first, const char *rest) {
    char path[sizeof(path_kept) + FOLDER_PATH_MAX + 8];
    (void)snprintf(path, sizeof(path), "%s%s%s", first, rest[0] == '\0' ? "" : ":", rest);
    assert_int_equal(setenv("PATH", path, 1), 0);
}

/* Most tests are not about pictures: a quick impostor stands in for gnuplot. */
static int impostor(void **state) {
    (void)state;
    static const char script[] = "#!/bin/sh\necho '<svg></svg>'\n";
    assert_true(mkdir(at("bin"), 0777) == 0 || errno == EEXIST);
    folder_put(at("bin/gnuplot"), script, strlen(script));
    assert_int_equal(chmod(at("bin/gnuplot"), 0755), 0);
    path_set(at("bin"), path_kept);
    return 0;
}

static int honest(void **state) {
    (void)state;
    path_set(path_kept, "");
    return 0;
}

static bool has_gnuplot(void) {
    return system("gnuplot --version > /dev/null 2>&1") == 0;
}

// ----- one run ----------------------------------------------------------------------------------

static void a_whole_run_becomes_a_page_with_everything(void **state) {
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    const made_run m = made_run_defaults(at("whole"));
    made_run_write(&m);
    const ch_report_result result = report_of(m.dir);
    assert_true(result.has_charts);
    assert_string_equal(result.warning, "");
    assert_string_equal(result.path, at("whole/report.html"));
    check_page(result.path, CHARTS, PICTURES);
    static const char *const parts[] = {
        "<h1>digits-cnn</h1>",
        "Final accuracy",
        "target 97.00 % reached in round",
        "central: all data",
        "Who holds which labels",
        "How well each is served",
        "Trained alone, these 100 clients reach ",
        "a model of its own, trained alone</li>",
        "the worst tenth, mean ",
        "mean over clients, ",
        "while training: mean over the round&#39;s clients, each on its own examples</li>",
        "measured by clients in evaluation rounds, on what they hold out</li>",
        "cross-entropy on the test set; baselines: where they ended",
        "<th>missing</th>",
        "client 42",
        "choir sim experiments/digits.yaml",
        "learning_rate: 0.1",
        "vector-avx512",
        "Central baseline",
        "Local baseline",
        "aria-label=\"loss over bytes sent\"",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!has(parts[i])) {
            fail_msg("the page has no '%s'", parts[i]);
        }
    }
    assert_false(has("class=\"finding"));
    assert_false(has("<th>duplicate</th>")); // they were counted
    assert_true(has("<th>norm</th><td>3</td><td>23.08 %</td>"));
}

static void the_same_run_gives_the_same_page(void **state) {
    (void)state;
    static char first[sizeof(page)];
    const made_run m = made_run_defaults(at("same"));
    made_run_write(&m);
    (void)folder_get(report_of(m.dir).path, first, sizeof(first));
    (void)folder_get(report_of(m.dir).path, page, sizeof(page));
    assert_string_equal(first, page);
}

static void texts_full_of_markup_are_shown_as_they_are(void **state) {
    (void)state;
    made_run m = made_run_defaults(at("markup"));
    m.source = "data/it's \"<b onclick=x>\" & `x` <!--";
    m.command = "choir sim '</pre><script>alert(1)</script>'";
    made_run_write(&m);
    check_page(report_of(m.dir).path, CHARTS, PICTURES);
    assert_true(has("on it&#39;s &quot;&lt;b onclick=x&gt;&quot; &amp; `x` &lt;!--, partition"));
    assert_true(has("choir sim &#39;&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;</pre>"));
    assert_false(has("<script"));
    assert_false(has("<b onclick"));
}

/* Hands on to gnuplot what it keeps a copy of, as scripts. */
static void recorder(void) {
    char script[3 * FOLDER_PATH_MAX];
    (void)snprintf(script, sizeof(script), "#!/bin/sh\nPATH='%s'\ntee -a '%s' | gnuplot -d\n",
                   path_kept, at("scripts"));
    assert_true(mkdir(at("recorder"), 0777) == 0 || errno == EEXIST);
    folder_put(at("recorder/gnuplot"), script, strlen(script));
    assert_int_equal(chmod(at("recorder/gnuplot"), 0755), 0);
    path_set(at("recorder"), path_kept);
}

static void labels_stand_by_their_names_of_which_gnuplot_sees_none(void **state) {
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    made_run m = made_run_defaults(at("named"));
    m.name = "<i>'\u00e9t\u00e9'";
    made_run_write(&m);
    recorder();
    check_page(report_of(m.dir).path, CHARTS, PICTURES);
    assert_true(has(">&lt;i&gt;&#39;\u00e9t\u00e9&#39;</text>"));
    assert_true(has("alt=\"example labelled &lt;i&gt;&#39;\u00e9t\u00e9&#39;\""));
    assert_true(has("<b>&lt;i&gt;&#39;\u00e9t\u00e9&#39;</b>"));
    assert_true(has(">4</text>")); // which has none
    static char scripts[1 << 20];
    assert_true(folder_get(at("scripts"), scripts, sizeof(scripts)) < sizeof(scripts) - 1);
    assert_non_null(strstr(scripts, "'@3' 3"));
    assert_null(strstr(scripts, "\u00e9t\u00e9"));
    m.name = "an aeroplane that is seen from far above";
    made_run_write(&m);
    check_page(report_of(m.dir).path, CHARTS, PICTURES);
    assert_true(has(">an aeroplane &#8230;</text>"));
}

static void a_single_round_can_be_seen(void **state) {
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    made_run m = made_run_defaults(at("single"));
    m.rounds = m.job_rounds = 1;
    m.has_extras = false;
    made_run_write(&m);
    (void)folder_get(report_of(m.dir).path, page, sizeof(page));
    uint32_t curves = 0;
    static const char blue[] = "<path stroke='rgb( 37,  99, 235)'";
    for (const char *found = page; (found = strstr(found, blue)) != NULL; found++) {
        curves += 1;
    }
    assert_int_equal(curves, 5); // accuracy and loss over rounds and over bytes; held-out accuracy
}

static void a_long_table_has_the_rounds_that_were_evaluated(void **state) {
    (void)state;
    enum { ROUNDS = 400, EVALUATED_EVERY = 7 };
    made_run m = made_run_defaults(at("table"));
    m.rounds = 0;
    m.job_rounds = ROUNDS;
    m.has_extras = false;
    made_run_write(&m);
    ch_metrics_log *log = NULL;
    const choir_env env = choir_env_default();
    check_status(ch_metrics_log_open(&log, m.dir, 0, &env, NULL), CHOIR_OK);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        ch_metrics_row row =
            ch_metrics_row_of(&(choir_round_summary){.round = round, .applied = true});
        row.accuracy = row.loss = round % EVALUATED_EVERY == 0 ? 0.25 : (double)NAN;
        check_status(ch_metrics_log_add(log, &row, NULL), CHOIR_OK);
    }
    ch_metrics_log_close(log);
    (void)folder_get(report_of(m.dir).path, page, sizeof(page));
    for (uint32_t round = EVALUATED_EVERY; round <= ROUNDS; round += EVALUATED_EVERY) {
        char cells[64];
        (void)snprintf(cells, sizeof(cells), "<tr><td>%u</td><td>25.00 %%</td>", round);
        assert_true(has(cells));
    }
    assert_true(has("<tr><td>400</td>")); // the last, too
    assert_false(has("<tr><td>1</td>"));
}

static void a_run_with_nothing_but_its_job_has_a_page(void **state) {
    (void)state;
    made_run m = made_run_defaults(at("bare"));
    m.rounds = 0;
    m.has_extras = m.has_model = false;
    made_run_write(&m);
    assert_int_equal(unlink(at("bare/metrics.jsonl")), 0);
    check_page(report_of(m.dir).path, 0, 0);
    assert_true(has("No round is closed yet"));
    assert_true(has("choir sim "));
}

static void a_run_in_progress_says_so(void **state) {
    (void)state;
    made_run m = made_run_defaults(at("progress"));
    m.rounds = 1;
    m.has_model = false;
    made_run_write(&m);
    FILE *log = fopen(at("progress/metrics.jsonl"), "ab"); // and writes its next line right now
    assert_non_null(log);
    (void)fputs("{\"round\": 2, \"accur", log);
    (void)fclose(log);
    check_page(report_of(m.dir).path, CHARTS, PICTURES);
    assert_true(has("Round 1 of 40 is the last one recorded"));
}

static void training_that_diverges_is_called_so(void **state) {
    (void)state;
    made_run m = made_run_defaults(at("diverged"));
    m.is_diverging = true;
    made_run_write(&m);
    folder_put(at("diverged/failure.txt"), "round 41: <loss> is nan\nmore", 28);
    check_page(report_of(m.dir).path, CHARTS, PICTURES);
    assert_true(has("Training diverges: the loss on the test set rose from"));
    assert_true(
        has("first in round 9 on client 17, whose loss had been 9e+06; the other clients&#39; "
            "was "));
    assert_true(has("The run failed: round 41: &lt;loss&gt; is nan</p>"));
}

static void what_is_malformed_is_left_out_with_a_sentence(void **state) {
    (void)state;
    const made_run m = made_run_defaults(at("malformed"));
    made_run_write(&m);
    folder_put(at("malformed/clients.json"), "{", 1);
    folder_put(at("malformed/samples.bin"), "x", 1);
    folder_put(at("malformed/run.json"), "[]", 2);
    folder_put(at("malformed/baseline-local/metrics.jsonl"), "nonsense\n", 9);
    check_page(report_of(m.dir).path, 5, 0);
    assert_true(has("Left out: "));
    assert_true(has("clients.json:1: is not JSON"));
    assert_true(has("samples.bin: does not start as a samples file does"));
    assert_true(has("run.json"));
    assert_true(has("baseline-local/metrics.jsonl"));
}

// ----- what cannot be reported ------------------------------------------------------------------

static void what_is_no_run_is_refused_with_a_sentence(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const made_run m = made_run_defaults(at("wrong"));
    made_run_write(&m);
    folder_put(at("wrong/metrics.jsonl"), "nonsense\n", 9);
    assert_int_equal(mkdir(at("no-job"), 0777), 0);
    assert_int_equal(mkdir(at("bad-job"), 0777), 0);
    folder_put(at("bad-job/job.yaml"), "rounds: many\n", 13);
    static const struct {
        const char *dir;
        choir_status status;
        const char *message;
    } rows[] = {
        {"nowhere", CHOIR_EIO, "nowhere: is not a run: it has no job.yaml"},
        {"no-job", CHOIR_EIO, "no-job: is not a run: it has no job.yaml"},
        {"bad-job", CHOIR_EINVAL, "bad-job/job.yaml:1: "},
        {"wrong", CHOIR_EPROTO, "wrong/metrics.jsonl:1: "},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *dir = at(rows[i].dir);
        ch_report_result result = {.warning = "as it was"};
        choir_error err = {.message = ""};
        check_status(ch_report_write(&result, &dir, 1, NULL, &env, &err), rows[i].status);
        if (strstr(err.message, rows[i].message) == NULL) {
            fail_msg("'%s' does not say '%s'", err.message, rows[i].message);
        }
        assert_string_equal(result.warning, "as it was");
    }
    const char *many[CH_REPORT_RUNS_MAX + 1] = {NULL};
    ch_report_result result;
    choir_error err = {.message = ""};
    check_status(ch_report_write(&result, many, 0, NULL, &env, &err), CHOIR_EINVAL);
    check_status(ch_report_write(&result, many, CH_REPORT_RUNS_MAX + 1, NULL, &env, &err),
                 CHOIR_EINVAL);
    assert_string_equal(err.message, "a report is of 1 to 16 runs, not of 17");
}

static void a_page_that_cannot_be_written_is_an_error(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    made_run m = made_run_defaults(at("unwritable"));
    m.has_extras = false;
    made_run_write(&m);
    ch_report_result result;
    choir_error err = {.message = ""};
    const char *dir = m.dir;
    check_status(ch_report_write(&result, &dir, 1, at("missing/page.html"), &env, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "missing/page.html"));
}

// ----- several runs -----------------------------------------------------------------------------

static void axes_have_labels_that_can_be_read(void **state) {
    (void)state;
    made_run m = made_run_defaults(at("short"));
    m.rounds = m.job_rounds = 3;
    m.has_extras = false;
    m.is_diverging = true;
    made_run_write(&m);
    // One round more, at a loss that is 30 decades away.
    ch_metrics_row row = ch_metrics_row_of(&(choir_round_summary){.round = 4, .applied = true});
    row.accuracy = 0.1;
    row.loss = 1e30;
    ch_metrics_log *log = NULL;
    const choir_env env = choir_env_default();
    check_status(ch_metrics_log_open(&log, m.dir, 3, &env, NULL), CHOIR_OK);
    check_status(ch_metrics_log_add(log, &row, NULL), CHOIR_OK);
    ch_metrics_log_close(log);
    (void)folder_get(report_of(m.dir).path, page, sizeof(page));
    assert_false(has(">1.5<") || has("> 1.5<"));
    assert_true(has("1e+27"));
    assert_false(has("1e+26") || has("1e+28") || has("2e+27"));
    assert_false(has("baselines: where they ended"));
}

static void runs_without_an_accuracy_are_compared_without_a_target(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const char *runs[2];
    char dirs[2][FOLDER_PATH_MAX];
    for (int i = 0; i < 2; i++) {
        (void)snprintf(dirs[i], sizeof(dirs[i]), "%s", at(i == 0 ? "bare-1" : "bare-2"));
        made_run m = made_run_defaults(dirs[i]);
        m.rounds = 0;
        m.target = 0;
        m.has_extras = false;
        made_run_write(&m);
        runs[i] = dirs[i];
    }
    ch_report_result result;
    check_status(ch_report_write(&result, runs, 2, at("bare.html"), &env, NULL), CHOIR_OK);
    (void)folder_get(at("bare.html"), page, sizeof(page));
    assert_true(has("None of them has an accuracy"));
    assert_false(has("rounds to "));
    assert_false(has("0.00 %"));
}

static void runs_that_share_no_accuracy_are_told_by_what_they_came_to(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const char *runs[2];
    char dirs[2][FOLDER_PATH_MAX];
    for (int i = 0; i < 2; i++) {
        (void)snprintf(dirs[i], sizeof(dirs[i]), "%s", at(i == 0 ? "loss-1" : "loss-2"));
        made_run m = made_run_defaults(dirs[i]);
        m.speed = 1 + i;
        m.target = 0;
        m.is_regression = true;
        m.has_extras = false;
        made_run_write(&m);
        runs[i] = dirs[i];
    }
    ch_report_result result;
    check_status(ch_report_write(&result, runs, 2, at("loss.html"), &env, NULL), CHOIR_OK);
    check_page(at("loss.html"), 2, 0);
    assert_true(has("None of them has an accuracy, so they are compared by their loss"));
    assert_false(has("<th>final accuracy</th>"));
    const char *best = strstr(page, "<td class=\"best\">0.");
    const char *second = strstr(page, "/loss-2</th>");
    assert_true(best != NULL && second != NULL && best > second);
    assert_null(strstr(best + strlen("<td class="), "<td class=\"best\">")); // it alone
    made_run m = made_run_defaults(dirs[1]); // one that has some, beside one that has none
    m.target = 0;
    m.has_extras = false;
    made_run_write(&m);
    check_status(ch_report_write(&result, runs, 2, at("loss.html"), &env, NULL), CHOIR_OK);
    check_page(at("loss.html"), 4, 0);
    assert_true(has("There is no accuracy that all of them reached"));
    assert_true(has("<th>final accuracy</th>"));
}

/* Entries of the page's legend that look like the one at `entry`, it among them. */
static uint32_t looks_alike(const char *entry) {
    const size_t size = strcspn(entry, ")");
    uint32_t count = 0;
    for (const char *other = page; (other = strstr(other, "<li><i class=")) != NULL; other++) {
        count += strncmp(entry, other, size + 1) == 0 ? 1 : 0;
    }
    return count;
}

static void several_runs_are_compared(void **state) {
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    const choir_env env = choir_env_default();
    char dirs[CH_REPORT_RUNS_MAX][FOLDER_PATH_MAX];
    const char *runs[CH_REPORT_RUNS_MAX];
    for (uint32_t i = 0; i < CH_REPORT_RUNS_MAX; i++) {
        (void)snprintf(dirs[i], sizeof(dirs[i]), "%.300s/a \"<i>`x` & #%u", folder, i);
        made_run m = made_run_defaults(dirs[i]);
        m.speed = 1 + i;
        m.target = 0;
        m.has_extras = false;
        made_run_write(&m);
        runs[i] = dirs[i];
    }
    ch_report_result result;
    for (uint32_t count = 2; count <= CH_REPORT_RUNS_MAX; count += 14) {
        check_status(ch_report_write(&result, runs, count, at("comparison.html"), &env, NULL),
                     CHOIR_OK);
        check_page(at("comparison.html"), 4, 0);
        assert_true(has("every run reached it"));
        assert_true(has("/a &quot;&lt;i&gt;`x` &amp; #1"));
        assert_true(has("<code>client.epochs</code>"));
        assert_false(has("<code>seed</code>"));
        uint32_t entries = 0;
        for (const char *e = page; (e = strstr(e, "<li><i class=")) != NULL; e++) {
            assert_int_equal(looks_alike(e), 1);
            entries += 1;
        }
        assert_int_equal(entries, count);
    }
}

// ----- failures ---------------------------------------------------------------------------------

static void without_gnuplot_the_rest_is_written_and_the_package_named(void **state) {
    (void)state;
    const made_run m = made_run_defaults(at("plain"));
    made_run_write(&m);
    path_set(folder, "");
    const ch_report_result result = report_of(m.dir);
    path_set(path_kept, "");
    assert_false(result.has_charts);
    assert_string_equal(result.warning,
                        "no charts: gnuplot is not installed; install the package gnuplot-nox");
    check_page(result.path, 0, PICTURES);
    assert_true(has("Final accuracy"));
    assert_true(has("gnuplot-nox"));
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const made_run m = made_run_defaults(at("memory"));
    made_run_write(&m);
    const char *runs[] = {m.dir, m.dir};
    path_set(folder, ""); // charts have a test of their own
    for (uint32_t count = 1; count <= 2; count++) {
        failing_memory memory = {.tries = 0};
        while (failing_memory_next(&memory)) {
            ch_report_result result;
            memory.status =
                ch_report_write(&result, runs, count, at("memory.html"), &memory.env, NULL);
        }
        assert_true(memory.tries > 10);
    }
    path_set(path_kept, "");
}

static int remove_folder(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    folder_make(folder);
    const char *path = getenv("PATH");
    (void)snprintf(path_kept, sizeof(path_kept), "%s", path == NULL ? "" : path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_run_becomes_a_page_with_everything),
        cmocka_unit_test_setup_teardown(the_same_run_gives_the_same_page, impostor, honest),
        cmocka_unit_test_setup_teardown(texts_full_of_markup_are_shown_as_they_are, impostor,
                                        honest),
        cmocka_unit_test_setup_teardown(labels_stand_by_their_names_of_which_gnuplot_sees_none,
                                        honest, honest),
        cmocka_unit_test(a_single_round_can_be_seen),
        cmocka_unit_test_setup_teardown(a_long_table_has_the_rounds_that_were_evaluated, impostor,
                                        honest),
        cmocka_unit_test(a_run_with_nothing_but_its_job_has_a_page),
        cmocka_unit_test_setup_teardown(a_run_in_progress_says_so, impostor, honest),
        cmocka_unit_test_setup_teardown(training_that_diverges_is_called_so, impostor, honest),
        cmocka_unit_test_setup_teardown(what_is_malformed_is_left_out_with_a_sentence, impostor,
                                        honest),
        cmocka_unit_test(what_is_no_run_is_refused_with_a_sentence),
        cmocka_unit_test(a_page_that_cannot_be_written_is_an_error),
        cmocka_unit_test(several_runs_are_compared),
        cmocka_unit_test_setup_teardown(axes_have_labels_that_can_be_read, honest, honest),
        cmocka_unit_test(runs_without_an_accuracy_are_compared_without_a_target),
        cmocka_unit_test(runs_that_share_no_accuracy_are_told_by_what_they_came_to),
        cmocka_unit_test(without_gnuplot_the_rest_is_written_and_the_package_named),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
