/* Metrics log: rows come back as they were; a resumed log equals an undisturbed one. */
#include "support/check.h"
#include "support/folder.h"

#include "store/metrics_log.h"

#include <string.h>
#include <sys/stat.h>

enum { TEXT_MAX = 1 << 16, ROUNDS = 7 };

static char folder[FOLDER_PATH_MAX];

/* A row with a value of its own in every field that round has an influence on. */
static ch_metrics_row row_of(uint32_t round) {
    const choir_round_summary summary = {
        .round = round,
        .cohort = 10,
        .reports = 8,
        .applied = round % 3 != 0,
        .examples = UINT64_C(6000000000) + round,
        .metrics = {.examples = 100, .correct = 90 + round % 2, .loss_q20 = 25 << 20},
        .refused = {[CHOIR_REFUSAL_NORM] = 1, [CHOIR_REFUSAL_MISSING] = round},
        .learning_rate = 0.1F,
        .epochs = 5,
        .batch_size = 0,
    };
    ch_metrics_row row = ch_metrics_row_of(&summary);
    const choir_round_summary evaluation = {
        .round = 1, // of the first alone
        .cohort = 4,
        .reports = 3,
        .applied = true,
        .examples = 40,
        .metrics = {.examples = 40, .correct = 30, .loss_q20 = 20 << 20},
    };
    ch_metrics_row_measure(&row, &evaluation);
    row.accuracy = round % 2 == 0 ? 0.1 * round : (double)NAN;
    row.loss = 1.0 / 3.0 / round;
    row.bytes_up = UINT64_C(1) << 40;
    row.seconds = 1e-9 * round;
    row.virtual_seconds = 12.345;
    return row;
}

/* A folder in the folder. Borrowed until the next call. */
static const char *dir_of(const char *name) {
    static char dir[FOLDER_PATH_MAX];
    (void)snprintf(dir, sizeof(dir), "%.300s/%s", folder, name);
    (void)mkdir(dir, 0777);
    return dir;
}

static void rows_add(const char *dir, uint32_t kept, uint32_t last) {
    const choir_env env = choir_env_default();
    ch_metrics_log *log = NULL;
    check_status(ch_metrics_log_open(&log, dir, kept, &env, NULL), CHOIR_OK);
    for (uint32_t round = kept + 1; round <= last; round++) {
        const ch_metrics_row row = row_of(round);
        check_status(ch_metrics_log_add(log, &row, NULL), CHOIR_OK);
    }
    check_status(ch_metrics_log_sync(log, NULL), CHOIR_OK);
    ch_metrics_log_close(log);
}

static void check_same_files(const char *dir, const char *other) {
    static char a[TEXT_MAX];
    static char b[TEXT_MAX];
    static const char *const files[] = {"metrics.jsonl", "metrics.csv"};
    for (int i = 0; i < 2; i++) {
        const size_t size = folder_get(folder_file(dir, files[i]), a, sizeof(a));
        assert_true(size > 0);
        (void)folder_get(folder_file(other, files[i]), b, sizeof(b));
        assert_string_equal(a, b);
    }
}

static void rows_are_read_as_they_were_written(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const char *dir = dir_of("run");
    rows_add(dir, 0, ROUNDS);
    ch_metrics_table table;
    check_status(ch_metrics_read(&table, dir, &env, NULL), CHOIR_OK);
    assert_int_equal(table.count, ROUNDS);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const ch_metrics_row row = row_of(i + 1);
        const ch_metrics_row *read = &table.rows[i];
        assert_int_equal(read->round, row.round);
        assert_int_equal(isnan(read->accuracy), isnan(row.accuracy));
        assert_true(isnan(row.accuracy) || read->accuracy == row.accuracy);
        assert_true(read->loss == row.loss);
        assert_true(isnan(read->heldout_worst));
        assert_true(read->train_accuracy == row.train_accuracy);
        assert_true(read->train_loss == 0.25);
        assert_int_equal(read->applied, row.applied);
        assert_int_equal(read->examples, row.examples);
        assert_true(read->learning_rate == row.learning_rate);
        assert_memory_equal(read->refused, row.refused, sizeof(row.refused));
        assert_int_equal(read->bytes_up, row.bytes_up);
        assert_true(read->seconds == row.seconds);
        assert_true(read->virtual_seconds == row.virtual_seconds);
    }
    ch_metrics_table_release(&table);
    ch_metrics_table_release(&table);
}

#define COLUMN(name, text) ",refused_" text
#define NUMBER(name, text) ",%u"
#define COUNT(name, text)  , row.refused[CHOIR_REFUSAL_##name]

static void both_files_have_the_columns(void **state) {
    (void)state;
    static char text[TEXT_MAX];
    static char expected[TEXT_MAX];
    const char *dir = dir_of("columns");
    const ch_metrics_row row = row_of(1);
    rows_add(dir, 0, 1);
    (void)folder_get(folder_file(dir, "metrics.csv"), text, sizeof(text));
    // clang-format off
    (void)snprintf(expected, sizeof(expected),
        "round,accuracy,loss,heldout_mean,heldout_worst,heldout_spread,train_accuracy,train_loss,"
        "clients,reports,applied,examples,learning_rate,epochs,batch_size"
        CHOIR_REFUSAL_MAP(COLUMN)
        ",diverged_client,diverged_loss"
        ",requests,bytes_up,bytes_down,seconds,evaluation_seconds,virtual_seconds"
        ",measured_clients,measured_reports,measured_examples,measured_accuracy,measured_loss\n"
        "1,,0.3333333333333333,,,,0.91,0.25,10,8,true,6000000001,0.1,5,0"
        CHOIR_REFUSAL_MAP(NUMBER)
        ",,,0,1099511627776,0,1e-09,0,12.345,4,3,40,0.75,0.5\n"
        CHOIR_REFUSAL_MAP(COUNT));
    // clang-format on
    assert_string_equal(text, expected);
    (void)folder_get(folder_file(dir, "metrics.jsonl"), text, sizeof(text));
    assert_non_null(strstr(text, "{\"round\": 1, \"accuracy\": null, \"loss\": 0.33333333"));
    assert_non_null(strstr(text, "\"refused_norm\": 1, "));
}

/* Of fewer than the quorum nothing is told but how many they were; of another round, nothing. */
static void an_evaluation_is_noted_with_its_round(void **state) {
    (void)state;
    ch_metrics_row row = row_of(2);
    assert_int_equal(row.measured_clients, 0);
    assert_true(isnan(row.measured_accuracy) && isnan(row.measured_loss));
    choir_round_summary evaluation = {.round = 2,
                                      .cohort = 4,
                                      .reports = 1,
                                      .examples = 10,
                                      .metrics = {.examples = 10, .correct = 5}};
    ch_metrics_row_measure(&row, &evaluation);
    assert_int_equal(row.measured_clients, 4);
    assert_int_equal(row.measured_reports, 1);
    assert_true(isnan(row.measured_accuracy) && isnan(row.measured_loss));
    evaluation.applied = true;
    ch_metrics_row_measure(&row, &evaluation);
    assert_true(row.measured_accuracy == 0.5 && row.measured_loss == 0);
}

static void a_resumed_log_equals_an_undisturbed_one(void **state) {
    (void)state;
    char calm[FOLDER_PATH_MAX];
    (void)snprintf(calm, sizeof(calm), "%s", dir_of("calm"));
    rows_add(calm, 0, ROUNDS);
    for (uint32_t kept = 0; kept <= ROUNDS; kept++) {
        const char *dir = dir_of("disturbed");
        rows_add(dir, 0, ROUNDS);
        rows_add(dir, kept, ROUNDS);
        check_same_files(calm, dir);
    }
}

static void a_line_cut_short_is_left_out(void **state) {
    (void)state;
    static char text[TEXT_MAX];
    const choir_env env = choir_env_default();
    const char *dir = dir_of("torn");
    rows_add(dir, 0, 3);
    const char *path = folder_file(dir, "metrics.jsonl");
    const size_t size = folder_get(path, text, sizeof(text));
    folder_put(path, text, size - 5);
    ch_metrics_table table;
    check_status(ch_metrics_read(&table, dir, &env, NULL), CHOIR_OK);
    assert_int_equal(table.count, 2);
    ch_metrics_table_release(&table);
    rows_add(dir, 2, 3);
    check_status(ch_metrics_read(&table, dir, &env, NULL), CHOIR_OK);
    assert_int_equal(table.count, 3);
    ch_metrics_table_release(&table);
}

/* As a power cut may leave what was written since the checkpoint. */
static void damage_behind_what_is_kept_is_cut_with_it(void **state) {
    (void)state;
    static char text[TEXT_MAX];
    static const char tail[] = "{\"round\": 3, \0\0\0\nno row\n{";
    const choir_env env = choir_env_default();
    char calm[FOLDER_PATH_MAX];
    (void)snprintf(calm, sizeof(calm), "%s", dir_of("whole"));
    rows_add(calm, 0, 3);
    const char *dir = dir_of("damaged");
    rows_add(dir, 0, 2);
    const char *path = folder_file(dir, "metrics.jsonl");
    const size_t size = folder_get(path, text, sizeof(text) - sizeof(tail));
    memcpy(text + size, tail, sizeof(tail) - 1);
    folder_put(path, text, size + sizeof(tail) - 1);
    ch_metrics_table table;
    check_status(ch_metrics_read(&table, dir, &env, NULL), CHOIR_EPROTO);
    rows_add(dir, 2, 3);
    check_same_files(calm, dir);
}

static void a_log_shorter_than_the_checkpoint_is_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const char *dir = dir_of("short");
    rows_add(dir, 0, 3);
    ch_metrics_log *log = NULL;
    choir_error err = {.message = ""};
    check_status(ch_metrics_log_open(&log, dir, 4, &env, &err), CHOIR_EPROTO);
    assert_null(log);
    assert_non_null(strstr(err.message, "round 4 is missing, but the checkpoint is of round 4"));
    check_status(ch_metrics_log_open(&log, "/nowhere", 0, &env, &err), CHOIR_EIO);
    check_status(ch_metrics_log_open(&log, "/nowhere", 1, &env, &err), CHOIR_EIO);
}

static void every_fault_is_named(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"{\"round\": 1}\n\n", "f:2: is not a JSON object: '[' or '{' expected near end of file"},
        {"{\"round\": 1, \"round\": 2}\n",
         "f:1: is not a JSON object: duplicate object key near '\"round\"'"},
        {"[1]\n", "f:1: is not a JSON object"},
        {"{\"accuracy\": 1}\n", "f:1: 'round' is missing"},
        {"{\"round\": -1}\n", "f:1: 'round' is not a whole number in [0, 4294967295]"},
        {"{\"round\": 4294967296}\n", "f:1: 'round' is not a whole number in [0, 4294967295]"},
        {"{\"round\": 1, \"loss\": \"x\"}\n", "f:1: 'loss' is not a number or null"},
        {"{\"round\": 1, \"bytes_up\": -1}\n",
         "f:1: 'bytes_up' is not a whole number, not below 0"},
        {"{\"round\": 1, \"applied\": 1}\n", "f:1: 'applied' is not true or false"},
        {"{\"round\": 2}\n{\"round\": 2}\n", "f:2: round 2 comes after round 2"},
        {"{\"round\": 0}\n", "f:1: round 0: rounds are from 1 on"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_metrics_table table;
        choir_error err = {.message = ""};
        check_status(ch_metrics_parse(&table, rows[i].text, strlen(rows[i].text), "f", &env, &err),
                     CHOIR_EPROTO);
        assert_string_equal(err.message, rows[i].message);
        assert_null(table.rows);
    }
}

static void columns_of_other_versions_do_no_harm(void **state) {
    (void)state;
    static const char text[] = "{\"round\": 3, \"unheard_of\": {\"a\": []}, \"loss\": 2}\n";
    const choir_env env = choir_env_default();
    ch_metrics_table table;
    check_status(ch_metrics_parse(&table, text, strlen(text), "f", &env, NULL), CHOIR_OK);
    assert_int_equal(table.rows[0].round, 3);
    assert_true(table.rows[0].loss == 2.0);
    assert_true(isnan(table.rows[0].accuracy));
    ch_metrics_table_release(&table);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    const char *dir = dir_of("memory");
    rows_add(dir, 0, 3);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_metrics_log *log = NULL;
        m.status = ch_metrics_log_open(&log, dir, 3, &m.env, NULL);
        ch_metrics_log_close(log);
    }
    assert_int_equal(m.tries, 3 + 1); // the log, the file, the rows; the success
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_as_they_were_written),
        cmocka_unit_test(both_files_have_the_columns),
        cmocka_unit_test(an_evaluation_is_noted_with_its_round),
        cmocka_unit_test(a_resumed_log_equals_an_undisturbed_one),
        cmocka_unit_test(a_line_cut_short_is_left_out),
        cmocka_unit_test(damage_behind_what_is_kept_is_cut_with_it),
        cmocka_unit_test(a_log_shorter_than_the_checkpoint_is_refused),
        cmocka_unit_test(every_fault_is_named),
        cmocka_unit_test(columns_of_other_versions_do_no_harm),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
