/*
 * Spool: a CSV file whose inputs are more than the memory is to hold gives what it gives in memory,
 * to the bit, from a file that is made once, whole or not at all.
 */
#define _XOPEN_SOURCE 700 // utimensat, RLIMIT_FSIZE

#include "support/large_table.h"

#include "base/disk.h"
#include "data/encoder.h"
#include "data/filed.h"
#include "data/spool.h"
#include "unit/data/files.h"
#include "unit/data/unpacked.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

enum { PATH_BYTES = UNPACKED_PATH_MAX, ROWS = 4000 };

static void path_of(char out[PATH_BYTES], const char *name) {
    (void)snprintf(out, PATH_BYTES, "%s", folder_file(folder, name));
}

static choir_job_data options_of(uint32_t memory) {
    choir_job_data o = {
        .label = "class", .drop = "note", .group = "who", .memory = memory, .test_share = 0.25};
    (void)snprintf(o.dir, sizeof(o.dir), "%s/data", folder);
    return o;
}

static ch_dataset read_or_fail(const char *path, const choir_job_data *o, const ch_reading *reading,
                               const choir_env *env) {
    choir_error err = {.message = ""};
    ch_dataset d;
    ch_dataset_init(&d, env);
    if (ch_csv_read(&d, path, o, reading, 5, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return d;
}

/* ------------------------------------------------------------------------------------- the same */

static void check_column(const void *a, const void *b, uint32_t count) {
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL && count > 0) {
        assert_memory_equal(a, b, count * sizeof(uint32_t));
    }
}

static void check_table(const ch_examples *memory, const ch_examples *filed) {
    static float room[2 * TABLE_FEATURES];
    assert_int_equal(memory->count, filed->count);
    assert_int_equal(memory->classes, filed->classes);
    assert_int_equal(memory->shape.channels, filed->shape.channels);
    assert_null(filed->reals);
    for (uint32_t i = 0; i < memory->count; i++) {
        const void *a = NULL;
        const void *b = NULL;
        check_status(ch_filed_input(&a, memory, i, NULL, NULL), CHOIR_OK);
        check_status(ch_filed_input(&b, filed, i, room, NULL), CHOIR_OK);
        assert_memory_equal(a, b, memory->shape.channels * sizeof(float));
    }
    check_column(memory->labels, filed->labels, memory->count);
    check_column(memory->targets, filed->targets, memory->count);
    check_column(memory->groups, filed->groups, memory->count);
}

static void check_dataset(const ch_dataset *memory, const ch_dataset *filed) {
    assert_int_equal(memory->filed_count, 0);
    assert_int_equal(filed->filed_count, 1);
    check_table(&memory->train, &filed->train);
    check_table(&memory->test, &filed->test);
    assert_int_equal(memory->named, filed->named);
    for (uint32_t i = 0; i < memory->named; i++) {
        assert_string_equal(memory->names[i], filed->names[i]);
    }
    assert_string_equal(memory->encoding, filed->encoding);
}

/* With data.memory of 1, made and then found, and all in memory. */
static void check_same(const char *path, const choir_job_data *o, const ch_reading *reading) {
    const choir_env env = choir_env_default();
    choir_job_data all = *o;
    all.memory = 0;
    ch_dataset memory = read_or_fail(path, &all, reading, &env);
    for (int i = 0; i < 2; i++) {
        ch_dataset filed = read_or_fail(path, o, reading, &env);
        check_dataset(&memory, &filed);
        ch_dataset_release(&filed);
    }
    ch_dataset_release(&memory);
}

static void inputs_are_the_same_from_a_file(void **state) {
    (void)state;
    char path[PATH_BYTES];
    path_of(path, "t.csv");
    for (uint32_t note = 20; note <= TABLE_NOTE; note += TABLE_NOTE - 20) { // and a long text
        large_table_write(path, ROWS, note);
        choir_job_data o = options_of(1);
        check_same(path, &o, NULL);
        o.test_share = 0;
        check_same(path, &o, NULL);
        (void)snprintf(o.task, sizeof(o.task), "regression");
        (void)snprintf(o.label, sizeof(o.label), "size");
        (void)snprintf(o.drop, sizeof(o.drop), "note,class");
        o.group[0] = '\0';
        o.test_share = 0.5;
        check_same(path, &o, NULL);
    }
}

/* name.gz, the packed text of a large table, which has more behind it. */
static void table_pack(char out[PATH_BYTES], const char *name, const char *more) {
    static char text[ROWS * (TABLE_NOTE + 64)];
    char packed[64];
    path_of(out, name);
    large_table_write(out, ROWS, TABLE_NOTE);
    const size_t size = folder_get(out, text, sizeof(text));
    assert_true(size + strlen(more) < sizeof(text));
    (void)memcpy(text + size, more, strlen(more));
    (void)snprintf(packed, sizeof(packed), "%s.gz", name);
    file_write_gz(folder, packed, text, size + strlen(more));
    path_of(out, packed);
}

static void a_packed_text_leaves_only_its_numbers(void **state) {
    (void)state;
    char path[PATH_BYTES];
    char one[PATH_BYTES];
    unpacked_remove(folder);
    table_pack(path, "p.csv", "");
    const choir_job_data o = options_of(1);
    check_same(path, &o, NULL);
    assert_int_equal(unpacked_count(folder, one), 1);
}

static void a_packed_text_whose_numbers_fit_leaves_nothing(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    char path[PATH_BYTES];
    char one[PATH_BYTES];
    unpacked_remove(folder);
    table_pack(path, "fits.csv", "");
    choir_job_data o = options_of(1);
    (void)snprintf(o.drop, sizeof(o.drop), "note,colour");
    ch_dataset d = read_or_fail(path, &o, NULL, &env);
    assert_int_equal(d.filed_count, 0);
    ch_dataset_release(&d);
    assert_int_equal(unpacked_count(folder, one), 0);
}

static void a_packed_text_that_is_refused_leaves_nothing(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    char path[PATH_BYTES];
    char one[PATH_BYTES];
    unpacked_remove(folder);
    for (int is_of_job = 0; is_of_job < 2; is_of_job++) {
        ch_dataset d;
        choir_error err = {.message = ""};
        choir_job_data o = options_of(1);
        table_pack(path, "refused.csv", is_of_job ? "" : "1,c1\n");
        (void)snprintf(o.label, sizeof(o.label), is_of_job ? "nosuch" : "class");
        ch_dataset_init(&d, &env);
        check_status(ch_csv_read(&d, path, &o, NULL, 5, &err),
                     is_of_job ? CHOIR_EINVAL : CHOIR_EPROTO);
        assert_non_null(strstr(err.message, is_of_job ? "data.label: 'nosuch' is no column of "
                                                      : "refused.csv.gz: line 4002: 2 fields"));
        ch_dataset_release(&d);
        assert_int_equal(unpacked_count(folder, one), 0);
    }
}

static uint32_t told;

static void log_count(void *self, choir_level level, const char *event, const char *fields) {
    (void)self;
    (void)fields;
    told += level == CHOIR_LEVEL_WARN && strcmp(event, "category_unknown") == 0;
}

static void another_models_encoding_is_heeded_and_its_unknowns_told_each_time(void **state) {
    (void)state;
    static const char few[] =
        "age,colour,size,class\n1,c1,2,low\n5,c2,3,\"mid, or so\"\n7,c9,1,high";
    char path[PATH_BYTES];
    choir_env env = choir_env_default();
    const choir_job_data fitted_by = {.label = "class"};
    path_of(path, "few.csv");
    folder_put(path, few, strlen(few));
    ch_dataset fitted = read_or_fail(path, &fitted_by, NULL, &env);
    ch_encoding e;
    check_status(ch_encoding_parse(&e, fitted.encoding, "m", &env, NULL), CHOIR_OK);
    const ch_reading reading = {.encoding = &e, .is_test_only = true};
    choir_job_data o = options_of(1);
    o.test_share = 1;
    path_of(path, "other.csv");
    large_table_write(path, 60000, 10); // of five inputs
    check_same(path, &o, &reading);
    env.log = log_count;
    told = 0;
    unpacked_remove(folder);
    for (uint32_t i = 1; i <= 2; i++) {
        ch_dataset filed = read_or_fail(path, &o, &reading, &env);
        assert_int_equal(told, i);
        ch_dataset_release(&filed);
    }
    ch_encoding_release(&e);
    ch_dataset_release(&fitted);
}

/* -------------------------------------------------------------------------------- found again */

static void read_once(const char *path, const choir_job_data *o) {
    const choir_env env = choir_env_default();
    ch_dataset d = read_or_fail(path, o, NULL, &env);
    ch_dataset_release(&d);
}

static void it_is_made_again_only_when_something_is_different(void **state) {
    (void)state;
    char path[PATH_BYTES];
    char one[PATH_BYTES];
    struct stat first;
    struct stat second;
    path_of(path, "again.csv");
    large_table_write(path, ROWS, TABLE_NOTE);
    unpacked_remove(folder);
    choir_job_data o = options_of(1);
    read_once(path, &o);
    assert_int_equal(unpacked_count(folder, one), 1);
    assert_int_equal(stat(one, &first), 0);
    read_once(path, &o);
    assert_int_equal(unpacked_count(folder, one), 1);
    assert_int_equal(stat(one, &second), 0);
    assert_true(first.st_ino == second.st_ino);
    o.test_share = 0.5;
    read_once(path, &o);
    assert_int_equal(unpacked_count(folder, one), 2);
    (void)snprintf(o.categorical, sizeof(o.categorical), "age");
    read_once(path, &o);
    assert_int_equal(unpacked_count(folder, one), 3);
    o.partition[0] = 'x'; // nothing that it is encoded by
    read_once(path, &o);
    assert_int_equal(unpacked_count(folder, one), 3);
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    read_once(path, &o);
    assert_int_equal(unpacked_count(folder, one), 4);
    unpacked_remove(folder);
    o.memory = 8; // now it fits
    read_once(path, &o);
    assert_int_equal(unpacked_count(folder, one), 0);
}

static void a_damaged_one_is_made_again(void **state) {
    (void)state;
    char path[PATH_BYTES];
    char one[PATH_BYTES];
    struct stat whole;
    struct stat about;
    path_of(path, "damage.csv");
    large_table_write(path, ROWS, TABLE_NOTE);
    unpacked_remove(folder);
    const choir_job_data o = options_of(1);
    read_once(path, &o);
    assert_int_equal(unpacked_count(folder, one), 1);
    assert_int_equal(stat(one, &whole), 0);
    const off_t places[] = {0, 9, 24, 40, 60, whole.st_size - 3, -1};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const int file = open(one, O_RDWR);
        if (places[i] < 0) {
            assert_int_equal(ftruncate(file, whole.st_size / 2), 0);
        } else {
            assert_int_equal(pwrite(file, "\xee", 1, places[i]), 1);
        }
        (void)close(file);
        check_same(path, &o, NULL);
        assert_int_equal(stat(one, &about), 0);
        assert_true(about.st_size == whole.st_size);
        assert_int_equal(unpacked_count(folder, one), 1);
    }
}

/* ------------------------------------------------------------------------------------- trouble */

static void a_full_disk_is_told_and_nothing_is_left(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    char path[PATH_BYTES];
    char one[PATH_BYTES];
    struct rlimit before;
    path_of(path, "full.csv");
    large_table_write(path, ROWS, TABLE_NOTE);
    unpacked_remove(folder);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const choir_job_data o = options_of(1);
    const size_t inputs = large_table_bytes(ROWS) + 72;
    const size_t limits[] = {100, 1 << 20, inputs + 10}; // at once, on the way, behind the inputs
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        const struct rlimit limit = {.rlim_cur = limits[i], .rlim_max = before.rlim_max};
        ch_dataset d;
        choir_error err = {.message = ""};
        ch_dataset_init(&d, &env);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        const choir_status status = ch_csv_read(&d, path, &o, NULL, 5, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        check_status(status, CHOIR_EIO);
        assert_non_null(strstr(err.message, ".part: cannot be written: File too large; the numbers "
                                            "of "));
        assert_non_null(strstr(err.message, "full.csv go there, as they are more than data.memory: "
                                            "free some room, name another place in data.dir, or "
                                            "raise data.memory"));
        assert_int_equal(unpacked_count(folder, one), 0);
        ch_dataset_release(&d);
    }
}

static void what_an_ended_process_left_is_removed(void **state) {
    (void)state;
    char path[PATH_BYTES];
    char parts[3][PATH_BYTES];
    char one[PATH_BYTES];
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    path_of(path, "left.csv");
    large_table_write(path, ROWS, TABLE_NOTE);
    const choir_job_data o = options_of(1);
    unpacked_remove(folder);
    read_once(path, &o); // makes the folder
    assert_int_equal(unpacked_count(folder, one), 1);
    for (int i = 0; i < 3; i++) { // old, old and locked, young
        (void)snprintf(parts[i], PATH_BYTES, "%.400s.%d.part", one, i);
        folder_put(parts[i], "x", 1);
        assert_int_equal(i == 2 ? 0 : utimensat(AT_FDCWD, parts[i], times, 0), 0);
    }
    const int locked = open(parts[1], O_RDONLY);
    check_status(ch_disk_lock(locked, parts[1], NULL), CHOIR_OK);
    assert_int_equal(unlink(one), 0);
    read_once(path, &o);
    assert_int_equal(access(parts[0], F_OK), -1);
    assert_int_equal(access(parts[1], F_OK), 0);
    assert_int_equal(access(parts[2], F_OK), 0);
    (void)close(locked);
}

static void what_is_wrong_with_a_row_is_told_as_in_memory(void **state) {
    (void)state;
    static const struct {
        const char *row, *message;
    } rows[] = {
        {"1,c1,x,n,w,low\n", "line 4002: value 'x' in column 3 is no number, and most in that "
                             "column are; leave it empty when it is missing, or list the column in "
                             "data.categorical"},
        {"1,c1,2,n,w,\n", "line 4002: label '' in column 6 is missing"},
        {"1,c1,2,n,?,low\n",
         "line 4002: group '?' in column 5 is missing; say whose the row is, or "
         "take it out of the file"},
        {"1,c1,2e30,n,w,low\n", "line 4002: value '2e30' in column 3 is not between -1e30 and "
                                "1e30, as an input must be"},
        {"1,c1\n", "line 4002: 2 fields, but the first record has 6; only commas separate fields"},
        {"1,\"c1,2,n,w,low\n", "line 4002: a quote is opened here and never closed"},
        {"1,c\"1,2,n,w,low\n", "line 4002: a quote inside a field that does not begin with one"},
    };
    const choir_env env = choir_env_default();
    char path[PATH_BYTES];
    char one[PATH_BYTES];
    path_of(path, "wrong.csv");
    unpacked_remove(folder);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        large_table_write(path, ROWS, TABLE_NOTE);
        FILE *file = fopen(path, "ab");
        assert_non_null(file);
        (void)fputs(rows[i].row, file);
        assert_int_equal(fclose(file), 0);
        for (uint32_t memory = 0; memory < 2; memory++) {
            const choir_job_data o = options_of(memory);
            ch_dataset d;
            choir_error err = {.message = ""};
            ch_dataset_init(&d, &env);
            check_status(ch_csv_read(&d, path, &o, NULL, 5, &err), CHOIR_EPROTO);
            char wanted[2 * PATH_BYTES];
            (void)snprintf(wanted, sizeof(wanted), "%s: %s", path, rows[i].message);
            assert_string_equal(err.message, wanted);
            ch_dataset_release(&d);
        }
    }
    assert_int_equal(unpacked_count(folder, one), 0);
}

static void a_file_that_changes_while_it_is_used_is_told(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    static float room[2 * TABLE_FEATURES];
    char path[PATH_BYTES];
    char one[PATH_BYTES];
    path_of(path, "use.csv");
    large_table_write(path, ROWS, TABLE_NOTE);
    unpacked_remove(folder);
    const choir_job_data o = options_of(1);
    ch_dataset d = read_or_fail(path, &o, NULL, &env);
    assert_int_equal(unpacked_count(folder, one), 1);
    const void *input = NULL;
    choir_error err = {.message = ""};
    check_status(ch_filed_check(d.train.filed, &err), CHOIR_OK);
    assert_int_equal(truncate(one, 1000), 0);
    check_status(ch_filed_check(d.train.filed, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, ": was changed while its examples were in use; leave it "
                                        "alone, and start again"));
    check_status(ch_filed_input(&input, &d.test, 3, room, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, ": ends at byte "));
    ch_dataset_release(&d);
    unpacked_remove(folder);
    d = read_or_fail(path, &o, NULL, &env);
    unpacked_remove(folder); // it is read on
    check_status(ch_filed_input(&input, &d.test, 3, room, &err), CHOIR_OK);
    check_status(ch_filed_check(d.train.filed, &err), CHOIR_OK);
    ch_dataset_release(&d);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    char path[PATH_BYTES];
    char one[PATH_BYTES];
    for (uint32_t note = 20; note <= TABLE_NOTE; note += TABLE_NOTE - 20) {
        path_of(path, "memory.csv");
        large_table_write(path, ROWS, note);
        const choir_job_data o = options_of(1);
        failing_memory m = {.tries = 0};
        while (failing_memory_next(&m)) {
            unpacked_remove(folder);
            ch_dataset d;
            ch_dataset_init(&d, &m.env);
            m.status = ch_csv_read(&d, path, &o, NULL, 5, NULL);
            assert_int_equal(d.filed_count, m.status == CHOIR_OK ? 1 : 0);
            ch_dataset_release(&d);
        }
        assert_true(m.tries > 20);
        assert_int_equal(unpacked_count(folder, one), 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_are_the_same_from_a_file),
        cmocka_unit_test(a_packed_text_leaves_only_its_numbers),
        cmocka_unit_test(a_packed_text_whose_numbers_fit_leaves_nothing),
        cmocka_unit_test(a_packed_text_that_is_refused_leaves_nothing),
        cmocka_unit_test(another_models_encoding_is_heeded_and_its_unknowns_told_each_time),
        cmocka_unit_test(it_is_made_again_only_when_something_is_different),
        cmocka_unit_test(a_damaged_one_is_made_again),
        cmocka_unit_test(a_full_disk_is_told_and_nothing_is_left),
        cmocka_unit_test(what_an_ended_process_left_is_removed),
        cmocka_unit_test(what_is_wrong_with_a_row_is_told_as_in_memory),
        cmocka_unit_test(a_file_that_changes_while_it_is_used_is_told),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
