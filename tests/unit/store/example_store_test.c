/* Examples: what a device collected is there after a kill, within its limits, and nothing else. */
#include "support/check.h"
#include "support/faulty_disk.h"
#include "support/folder.h"

#include "choir/examples.h"

#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FEATURES = 6, FILE_MAX = 1 << 20, READ_MAX = 4096 };

#define ANOTHERS "examples.db: is no store of examples; name another file"

static const choir_examples_form REALS = {CHOIR_FEATURES_REALS, 1, 1, FEATURES, 10};

static char folder[FOLDER_PATH_MAX];
static choir_error err;

static int start(void **state) {
    (void)state;
    folder_make(folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

static const char *file(void) {
    return folder_file(folder, "examples.db");
}

static void forget(void) {
    (void)unlink(file());
    (void)unlink(folder_file(folder, "examples.db-wal"));
    (void)unlink(folder_file(folder, "examples.db-shm"));
}

static choir_status opens(choir_examples **e, const choir_examples_options *o) {
    const choir_env env = choir_env_default();
    err.message[0] = '\0';
    return choir_examples_open(e, file(), o, &env, &err);
}

static choir_examples *store_open(const choir_examples_form *form) {
    choir_examples *e = NULL;
    choir_examples_options o = choir_examples_defaults();
    o.form = form;
    check_status(opens(&e, &o), CHOIR_OK);
    return e;
}

/* The n-th example, from 1: all of it follows from n. */
static choir_status add(choir_examples *e, uint32_t n) {
    float x[FEATURES];
    for (uint32_t i = 0; i < FEATURES; i++) {
        x[i] = (float)(n * FEATURES + i);
    }
    const choir_example example = {.features = x, .label = n % 10, .at_ms = 1000 * (uint64_t)n};
    return choir_examples_add(e, &example, 1, &err);
}

typedef struct seen {
    uint32_t count;
    uint32_t first, last; // n
    bool is_wrong;
} seen;

static void see(void *self, uint64_t id, const choir_example *example) {
    seen *s = self;
    const float *x = example->features;
    const uint32_t n = (uint32_t)x[0] / FEATURES;
    (void)id;
    for (uint32_t i = 0; i < FEATURES; i++) {
        s->is_wrong |= x[i] != (float)(n * FEATURES + i);
    }
    s->is_wrong |= example->label != n % 10 || example->at_ms != 1000 * (uint64_t)n;
    s->is_wrong |= s->count > 0 && n <= s->last;
    s->first = s->count == 0 ? n : s->first;
    s->last = n;
    s->count += 1;
}

static seen sees(choir_examples *e) {
    seen s = {.count = 0};
    check_status(choir_examples_read(e, 0, UINT64_MAX, see, &s, &err), CHOIR_OK);
    assert_false(s.is_wrong);
    return s;
}

static choir_examples_summary counts(choir_examples *e) {
    choir_examples_summary s;
    check_status(choir_examples_count(e, &s, &err), CHOIR_OK);
    return s;
}

static void what_was_added_is_there_when_it_is_opened_again(void **state) {
    (void)state;
    forget();
    choir_examples *e = store_open(&REALS);
    assert_int_equal(counts(e).count, 0);
    for (uint32_t n = 1; n <= 5; n++) {
        check_status(add(e, n), CHOIR_OK);
    }
    choir_examples_close(e);
    e = store_open(NULL);
    assert_memory_equal(choir_examples_form_of(e), &REALS, sizeof(REALS));
    const seen s = sees(e);
    assert_int_equal(s.count, 5);
    assert_int_equal(s.first, 1);
    const choir_examples_summary sum = counts(e);
    assert_int_equal(sum.bytes, 5 * FEATURES * sizeof(float));
    assert_int_equal(sum.oldest_ms, 1000);
    assert_int_equal(sum.newest_ms, 5000);
    assert_int_equal(sum.first_id, 1);
    assert_int_equal(sum.last_id, 5);
    assert_int_equal(sum.rows_max, 10000);
    assert_int_equal(sum.bytes_max, 64 << 20);
    assert_true(sum.age_max_ms == UINT64_MAX);
    seen two = {.count = 0};
    check_status(choir_examples_read(e, 3, 2, see, &two, &err), CHOIR_OK);
    assert_int_equal(two.count, 2);
    assert_int_equal(two.first, 3);
    choir_examples_close(e);
}

static void take(void *self, uint64_t id, const choir_example *example) {
    (void)id;
    choir_example *out = self;
    *out = *example;
}

static void pixels_and_numbers_to_predict_are_kept_too(void **state) {
    (void)state;
    static const choir_examples_form form = {CHOIR_FEATURES_PIXELS, 2, 2, 1, 0};
    static const uint8_t pixels[] = {0, 128, 255, 7};
    forget();
    choir_examples *e = store_open(&form);
    assert_int_equal(choir_examples_bytes(e), 4);
    const choir_example example = {.features = pixels, .target = -1.5F, .at_ms = 3};
    check_status(choir_examples_add(e, &example, 1, &err), CHOIR_OK);
    choir_example found;
    check_status(choir_examples_read(e, 0, 1, take, &found, &err), CHOIR_OK);
    assert_memory_equal(found.features, pixels, sizeof(pixels));
    assert_true(found.target == -1.5F);
    choir_examples_close(e);
}

static void the_first_go_first_when_it_is_full(void **state) {
    (void)state;
    choir_examples_options o = choir_examples_defaults();
    o.form = &REALS;
    for (int by_bytes = 0; by_bytes < 2; by_bytes++) {
        choir_examples *e = NULL;
        forget();
        o.rows_max = by_bytes ? 100 : 3;
        o.bytes_max = by_bytes ? 3 * FEATURES * sizeof(float) + 1 : 0;
        check_status(opens(&e, &o), CHOIR_OK);
        for (uint32_t n = 1; n <= 8; n++) {
            check_status(add(e, n), CHOIR_OK);
            const seen s = sees(e);
            assert_int_equal(s.last, n);
            assert_int_equal(s.count, n < 3 ? n : 3);
        }
        choir_examples_close(e);
        e = store_open(NULL); // the limits are the store's
        check_status(add(e, 9), CHOIR_OK);
        assert_int_equal(sees(e).first, 7);
        assert_int_equal(counts(e).first_id, 7); // ids are not given again
        choir_examples_close(e);
    }
    choir_examples *e = NULL;
    o.rows_max = 2; // smaller than what is there
    check_status(opens(&e, &o), CHOIR_OK);
    uint64_t removed = 0;
    check_status(choir_examples_expire(e, 0, &removed, &err), CHOIR_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(sees(e).first, 8);
    choir_examples_close(e);
    o.bytes_max = FEATURES * sizeof(float) - 1;
    check_status(opens(&e, &o), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "one example has 24"));
}

static void what_is_too_old_goes(void **state) {
    (void)state;
    choir_examples *e = NULL;
    choir_examples_options o = choir_examples_defaults();
    o.form = &REALS;
    o.age_max_ms = 3000;
    forget();
    check_status(opens(&e, &o), CHOIR_OK);
    for (uint32_t n = 1; n <= 6; n++) {
        check_status(add(e, n), CHOIR_OK);
    }
    uint64_t removed = 9;
    check_status(choir_examples_expire(e, 2000, &removed, &err), CHOIR_OK); // a clock set back
    assert_int_equal(removed, 0);
    check_status(choir_examples_expire(e, 6500, &removed, &err), CHOIR_OK);
    assert_int_equal(removed, 3);
    assert_int_equal(sees(e).first, 4);
    check_status(choir_examples_expire(e, UINT64_MAX, NULL, &err), CHOIR_OK);
    assert_int_equal(counts(e).count, 0);
    choir_examples_close(e);
}

/* Whether the bytes are anywhere in the file, or its log. */
static bool disk_has(const void *bytes, size_t size) {
    static char content[FILE_MAX];
    static const char *const names[] = {"examples.db", "examples.db-wal"};
    bool has = false;
    for (size_t f = 0; f < 2; f++) {
        const size_t total = folder_get(folder_file(folder, names[f]), content, sizeof(content));
        for (size_t at = 0; at + size <= total; at++) {
            has |= memcmp(content + at, bytes, size) == 0;
        }
    }
    return has;
}

static void what_is_removed_is_not_left_on_the_disk(void **state) {
    (void)state;
    static const choir_examples_form form = {CHOIR_FEATURES_PIXELS, 1, 1, 24, 2};
    static const char secret[25] = "what a finger has typed.";
    choir_examples *e = NULL;
    choir_examples_options o = choir_examples_defaults();
    o.form = &form;
    o.age_max_ms = 1;
    forget();
    folder_put(file(), "", 0); // by another program, for all to read
    assert_int_equal(chmod(file(), 0666), 0);
    check_status(opens(&e, &o), CHOIR_OK);
    const choir_example example = {.features = secret, .at_ms = 10};
    check_status(choir_examples_add(e, &example, 1, &err), CHOIR_OK);
    assert_true(disk_has(secret, 24));
    check_status(choir_examples_expire(e, 20, NULL, &err), CHOIR_OK);
    assert_false(disk_has(secret, 24));
    choir_examples_close(e);
    struct stat about;
    assert_int_equal(stat(file(), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void what_makes_no_example_is_refused_and_nothing_is_added(void **state) {
    (void)state;
    forget();
    choir_examples *e = store_open(&REALS);
    float x[FEATURES] = {0};
    float nan[FEATURES] = {0, NAN};
    const struct {
        choir_example bad;
        const char *words;
    } rows[] = {
        {{.features = nan}, "example 1: a number in it is not finite"},
        {{.features = x, .label = 10}, "example 1: the label is 10, must be below 10"},
        {{.features = x, .at_ms = UINT64_MAX}, "example 1: at_ms is"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const choir_example two[] = {{.features = x}, rows[i].bad};
        check_status(choir_examples_add(e, two, 2, &err), CHOIR_EINVAL);
        assert_non_null(strstr(err.message, rows[i].words));
        assert_int_equal(counts(e).count, 0);
    }
    choir_examples_close(e);
    static const choir_examples_form target = {CHOIR_FEATURES_REALS, 1, 1, FEATURES, 0};
    forget();
    e = store_open(&target);
    const choir_example infinite = {.features = x, .target = INFINITY};
    check_status(choir_examples_add(e, &infinite, 1, &err), CHOIR_EINVAL);
    choir_examples_close(e);
}

static void a_store_keeps_its_form(void **state) {
    (void)state;
    forget();
    choir_examples_close(store_open(&REALS));
    const choir_examples_form others[] = {{CHOIR_FEATURES_PIXELS, 1, 1, FEATURES, 10},
                                          {CHOIR_FEATURES_REALS, 1, FEATURES, 1, 10},
                                          {CHOIR_FEATURES_REALS, 1, 1, FEATURES, 0}};
    choir_examples *e = NULL;
    for (size_t i = 0; i < 3; i++) {
        choir_examples_options o = choir_examples_defaults();
        o.form = &others[i];
        check_status(opens(&e, &o), CHOIR_EINVAL);
        assert_non_null(strstr(err.message, "holds reals of 1 x 1 x 6 and 10 classes"));
    }
    const choir_examples_form wrong[] = {{CHOIR_FEATURES_REALS, 0, 1, 1, 1},
                                         {(choir_feature_kind)7, 1, 1, 1, 1},
                                         {CHOIR_FEATURES_REALS, 1 << 20, 1 << 20, 1 << 30, 1},
                                         {CHOIR_FEATURES_REALS, 1025, 1024, 1, 1},
                                         {CHOIR_FEATURES_REALS, 1, 1, 1, (1 << 16) + 1}};
    for (size_t i = 0; i < 5; i++) {
        choir_examples_options o = choir_examples_defaults();
        o.form = &wrong[i];
        check_status(opens(&e, &o), CHOIR_EINVAL);
    }
}

static void without_a_form_none_is_made(void **state) {
    (void)state;
    forget();
    choir_examples *e = NULL;
    choir_examples_options o = choir_examples_defaults();
    check_status(opens(&e, &o), CHOIR_EIO);
    assert_int_not_equal(access(file(), F_OK), 0);
    folder_put(file(), "", 0); // as after a kill in the moment of its making
    check_status(opens(&e, &o), CHOIR_EINVAL);
    o.is_reader = true;
    o.form = &REALS;
    check_status(opens(&e, &o), CHOIR_EINVAL);
    choir_examples_close(store_open(&REALS));
}

static void others_read_while_one_writes(void **state) {
    (void)state;
    forget();
    choir_examples *writer = store_open(&REALS);
    check_status(add(writer, 1), CHOIR_OK);
    choir_examples *reader = NULL;
    choir_examples_options o = choir_examples_defaults();
    o.is_reader = true;
    check_status(opens(&reader, &o), CHOIR_OK);
    for (uint32_t n = 2; n <= 20; n++) {
        check_status(add(writer, n), CHOIR_OK);
        assert_int_equal(sees(reader).count, n);
    }
    check_status(add(reader, 21), CHOIR_EINVAL);
    check_status(choir_examples_expire(reader, 0, NULL, &err), CHOIR_EINVAL);
    choir_examples *second = store_open(NULL); // may write as well, in turn
    check_status(add(second, 21), CHOIR_OK);
    assert_int_equal(sees(writer).count, 21);
    choir_examples_close(second);
    choir_examples_close(reader);
    choir_examples_close(writer);
}

// ----- another process, in a moment of the making -----------------------------------------------

static uint32_t moments_left;
static sqlite3 *another;

static void another_makes_it(void) {
    choir_examples *e = store_open(&REALS);
    check_status(add(e, 1), CHOIR_OK);
    choir_examples_close(e);
}

static void another_lets_go(void) {
    when_refused = NULL;
    assert_int_equal(sqlite3_exec(another, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
}

static void another_writes(void) {
    assert_int_equal(sqlite3_open(file(), &another), SQLITE_OK);
    assert_int_equal(sqlite3_exec(another, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    when_refused = another_lets_go;
}

static void (*comes)(void);

static void moment_passes(void) {
    if (moments_left > 0) {
        moments_left -= 1;
        return;
    }
    when_let_go = NULL;
    comes();
}

/* A new store, while another comes in one moment of its making. False: it has fewer of them. */
static bool makes_while(void (*another_comes)(void), uint32_t moment, choir_examples **e) {
    forget();
    comes = another_comes;
    moments_left = moment;
    when_let_go = moment_passes;
    *e = store_open(&REALS);
    const bool has_come = when_let_go == NULL;
    when_let_go = NULL;
    return has_come;
}

static void in_whatever_moment_another_makes_it_both_have_it(void **state) {
    (void)state;
    choir_examples *e = NULL;
    uint32_t moment = 0;
    faulty_disk_install();
    for (; makes_while(another_makes_it, moment, &e); moment++) {
        check_status(add(e, 2), CHOIR_OK);
        assert_int_equal(sees(e).count, 2);
        choir_examples_close(e);
    }
    choir_examples_close(e);
    assert_true(moment >= 3);
}

static void in_whatever_moment_another_writes_it_is_waited_for(void **state) {
    (void)state;
    choir_examples *e = NULL;
    uint32_t waits = 0;
    bool has_come = true;
    faulty_disk_install();
    for (uint32_t moment = 0; has_come; moment++) {
        has_come = makes_while(another_writes, moment, &e);
        waits += has_come && when_refused == NULL;
        when_refused = NULL;
        choir_examples_close(e);
        assert_int_equal(sqlite3_close(another), SQLITE_OK);
        another = NULL;
    }
    assert_true(waits >= 3);
}

/* A child adds, and says so after each; it is killed at some moment. */
static void adds_until_killed(int out, uint32_t from) {
    choir_examples *e = store_open(&REALS);
    for (uint32_t n = from;; n++) {
        if (add(e, n) != CHOIR_OK || write(out, &n, sizeof(n)) != sizeof(n)) {
            _exit(1);
        }
    }
}

static void nothing_that_was_added_is_lost_by_a_kill(void **state) {
    (void)state;
    uint32_t last = 0;
    forget();
    for (int kill_at = 0; kill_at < 10; kill_at++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            adds_until_killed(ends[1], last + 1);
        }
        (void)close(ends[1]);
        uint32_t said = last;
        assert_int_equal(read(ends[0], &said, sizeof(said)), sizeof(said));
        const struct timespec moment = {.tv_nsec = 3000000L * kill_at};
        (void)nanosleep(&moment, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        int how = 0;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how));
        uint32_t more = 0;
        while (read(ends[0], &more, sizeof(more)) == sizeof(more)) {
            said = more;
        }
        (void)close(ends[0]);
        choir_examples *e = store_open(NULL);
        const seen s = sees(e);
        assert_int_equal(s.first, 1);
        assert_int_equal(s.count, s.last); // none is missing in between
        assert_in_range(s.last, said, said + 1);
        last = s.last;
        choir_examples_close(e);
    }
}

/* Whatever byte is damaged: it is told, or it does not matter; never is another example read. */
static void a_damaged_file_is_told_and_never_read_wrong(void **state) {
    (void)state;
    static char whole[FILE_MAX];
    static char content[FILE_MAX];
    forget();
    choir_examples *e = store_open(&REALS);
    for (uint32_t n = 1; n <= 30; n++) {
        check_status(add(e, n), CHOIR_OK);
    }
    choir_examples_close(e);
    const size_t size = folder_get(file(), whole, sizeof(whole));
    assert_in_range(size, 4096, FILE_MAX - 1);
    uint32_t told = 0;
    for (size_t at = 0; at < size; at += 89) {
        memcpy(content, whole, size);
        content[at] = (char)(content[at] ^ 0x41);
        forget();
        folder_put(file(), content, size);
        choir_examples_options o = choir_examples_defaults();
        choir_status status = opens(&e, &o);
        seen s = {.count = 0};
        if (status == CHOIR_OK) {
            status = choir_examples_read(e, 0, UINT64_MAX, see, &s, &err);
            choir_examples_close(e);
        }
        assert_false(s.is_wrong);
        if (status != CHOIR_OK) {
            check_status(status, CHOIR_EPROTO);
            assert_non_null(strstr(err.message, at == 0 ? ANOTHERS : "used; remove it"));
            told += 1;
        }
    }
    assert_true(told > 20);
}

static void another_programs_file_is_not_touched(void **state) {
    (void)state;
    static const char text[] = "this is no database at all, but a text of somebody";
    char after[READ_MAX];
    choir_examples *e = NULL;
    choir_examples_options o = choir_examples_defaults();
    o.form = &REALS;
    forget();
    folder_put(file(), text, sizeof(text));
    check_status(opens(&e, &o), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, ANOTHERS));
    assert_int_equal(folder_get(file(), after, sizeof(after)), sizeof(text));
    assert_memory_equal(after, text, sizeof(text));
    forget();
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(file(), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE a (b)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    check_status(opens(&e, &o), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, ANOTHERS " (a database of another program)"));
    forget();
    choir_examples_close(store_open(&REALS));
    assert_int_equal(sqlite3_open(file(), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    check_status(opens(&e, &o), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, ANOTHERS " (of version 2, this choir knows up to 1)"));
}

/* A full disk, at every write and every wait for it: told, and nothing of the call is kept. */
static void a_disk_that_refuses_costs_the_call_and_nothing_else(void **state) {
    (void)state;
    static const int faults[] = {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_READONLY};
    faulty_disk_install();
    forget();
    choir_examples *e = store_open(&REALS);
    uint32_t there = 0;
    uint32_t refused = 0;
    for (uint32_t after = 0; after < 6; after++) {
        for (int i = 0; i < 6; i++) {
            faulty_disk_fail(faults[i % 3], i >= 3, after);
            const choir_status status = add(e, there + 1);
            faulty_disk_heal();
            there += status == CHOIR_OK;
            refused += status == CHOIR_EIO;
            assert_true(status == CHOIR_OK || status == CHOIR_EIO);
            assert_int_equal(sees(e).count, there);
        }
    }
    assert_true(refused >= 3);
    choir_examples_close(e);
    e = store_open(NULL);
    assert_int_equal(sees(e).count, there);
    check_status(add(e, there + 1), CHOIR_OK);
    choir_examples_close(e);
}

static void every_failed_allocation_is_told_and_leaks_nothing(void **state) {
    (void)state;
    choir_examples_options o = choir_examples_defaults();
    failing_memory m = {.tries = 0};
    o.form = &REALS;
    forget();
    while (failing_memory_next(&m)) {
        choir_examples *e = NULL;
        m.status = choir_examples_open(&e, file(), &o, &m.env, &err);
        assert_true((m.status == CHOIR_OK) == (e != NULL));
        choir_examples_close(e);
    }
    assert_true(m.tries > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_there_when_it_is_opened_again),
        cmocka_unit_test(pixels_and_numbers_to_predict_are_kept_too),
        cmocka_unit_test(the_first_go_first_when_it_is_full),
        cmocka_unit_test(what_is_too_old_goes),
        cmocka_unit_test(what_is_removed_is_not_left_on_the_disk),
        cmocka_unit_test(what_makes_no_example_is_refused_and_nothing_is_added),
        cmocka_unit_test(a_store_keeps_its_form),
        cmocka_unit_test(without_a_form_none_is_made),
        cmocka_unit_test(others_read_while_one_writes),
        cmocka_unit_test(in_whatever_moment_another_makes_it_both_have_it),
        cmocka_unit_test(in_whatever_moment_another_writes_it_is_waited_for),
        cmocka_unit_test(nothing_that_was_added_is_lost_by_a_kill),
        cmocka_unit_test(a_damaged_file_is_told_and_never_read_wrong),
        cmocka_unit_test(another_programs_file_is_not_touched),
        cmocka_unit_test(a_disk_that_refuses_costs_the_call_and_nothing_else),
        cmocka_unit_test(every_failed_allocation_is_told_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, start, end);
}
