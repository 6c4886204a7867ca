/* Plays: names are told from speech, speech from directions, and lines are split in time. */
#include "support/check.h"
#include "support/small_plays.h"

#include "data/plays.h"
#include "data/plays_read.h"
#include "data/sequences.h"
#include "unit/data/files.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

/* A copy of text to parse, whose end a sanitizer sees. */
static char *copy_of(const char *text, size_t size) {
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    return copy;
}

/* What counts as spoken, as "NAME|line\n"; out has room. */
static void said(char *out, size_t room, const char *text, ch_plays_speech speech, uint32_t plays) {
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    char *copy = copy_of(text, strlen(text));
    ch_plays p;
    if (ch_plays_parse(&p, copy, strlen(text), speech, "a", &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(p.play_count, plays);
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < p.line_count; i++) {
        const ch_play_role *role = &p.roles[p.lines[i].role];
        used += (size_t)snprintf(out + used, room - used, "%u %.*s|%.*s\n", role->play,
                                 (int)role->name.size, role->name.data, (int)p.lines[i].text.size,
                                 p.lines[i].text.data);
        assert_true(used < room);
    }
    ch_plays_release(&p);
    free(copy);
}

static void spoken(char *out, size_t room, const char *text, uint32_t plays) {
    said(out, room, text, CH_PLAYS_SPOKEN, plays);
}

static void names_in_the_line_are_told_from_what_is_around(void **state) {
    (void)state;
    char out[2048];
    spoken(out, sizeof(out), SMALL_PLAYS_INLINE, 2);
    assert_string_equal(out, "0 KETTLE|The water that I hold is cold as yet,\n"
                             "0 KETTLE|And cold it stays while no one lights the fire.\n"
                             "0 LID|Patience.\n"
                             "0 KETTLE|You rattle, sir.\n"
                             "0 KETTLE|And now alone I sing:\n"
                             "0 KETTLE|A bubble, and a bubble more,\n"
                             "0 SPOON|A spoon says once what it must say.\n"
                             "1 CUP|Who drinks of me\n"
                             "1 CUP|Is seldom sad.\n"
                             "1 CUP|But who comes here?\n"
                             "1 LID|'Tis I,\n"
                             "1 LID|A lid.\n");
}

static void all_that_is_indented_may_count_as_spoken(void **state) {
    (void)state;
    char out[2048];
    said(out, sizeof(out), SMALL_PLAYS_INLINE, CH_PLAYS_INDENTED, 2);
    assert_string_equal(out, "0 KETTLE|The water that I hold is cold as yet,\n"
                             "0 KETTLE|And cold it stays while no one lights the fire.\n"
                             "0 LID|Patience.\n"
                             "0 KETTLE|[To LID]  You rattle, sir.                 Exit LID\n"
                             "0 KETTLE|                Enter SPOON, with a cup in its\n"
                             "0 KETTLE|             hand\n"
                             "0 KETTLE|And now alone I sing:\n"
                             "0 KETTLE|      A bubble, and a bubble more,\n"
                             "0 SPOON|A spoon says once what it must say.\n"
                             "0 SPOON|Go. I boil over.\n"
                             "1 CUP|Who drinks of me\n"
                             "1 CUP|Is seldom sad.\n"
                             "1 CUP|But who comes here?\n"
                             "1 LID|'Tis I,\n"
                             "1 LID|A lid.\n");
    said(out, sizeof(out), "POT:\nWho?\n\n  [Aside]\nI?\n\nACT II\n\nPAN:\nYou.\n",
         CH_PLAYS_INDENTED, 1);
    assert_string_equal(out, "0 POT|Who?\n0 POT|  [Aside]\n0 POT|I?\n0 PAN|You.\n");
}

static void names_that_stand_alone_are_told_from_lists_and_headings(void **state) {
    (void)state;
    char out[2048];
    spoken(out, sizeof(out), SMALL_PLAYS_ALONE, 1);
    assert_string_equal(out, "0 HINGE|I creak.\n"
                             "0 HINGE|I do.\n"
                             "0 HINGE|Who oils me?\n"
                             "0 HANDLE\xE2\x80\x99S FRIEND|Not I.\n"
                             "0 HANDLE\xE2\x80\x99S FRIEND|Nor he.\n");
}

static void a_file_without_titles_is_one_play(void **state) {
    (void)state;
    char out[2048];
    spoken(out, sizeof(out), SMALL_PLAYS_COLON, 1);
    assert_string_equal(out, "0 First Mouse|What is that?\n"
                             "0 Second Mouse|Cheese. I say:\n"
                             "0 Second Mouse|Eat.\n"
                             "0 First Mouse|And then?\n"
                             "0 CAT|Then me.\n");
}

static void a_file_may_begin_with_what_is_no_name(void **state) {
    (void)state;
    char out[256];
    spoken(out, sizeof(out), "They come in\n\nPOT:\nWho is it?\n\nPAN:\nIt is I.\n", 1);
    assert_string_equal(out, "0 POT|Who is it?\n"
                             "0 PAN|It is I.\n");
    spoken(out, sizeof(out), "Enter Pan\n\nPOT:\nWho is it?\n", 1);
    assert_string_equal(out, "0 POT|Who is it?\n");
}

static void one_name_in_two_cases_is_one_role(void **state) {
    (void)state;
    char out[1024];
    spoken(out, sizeof(out), "  SIR TOBY. Ha!\n  SIR Toby. Ho!\n  MARIA. Hm.\n", 1);
    assert_string_equal(out, "0 SIR TOBY|Ha!\n0 SIR TOBY|Ho!\n0 MARIA|Hm.\n");
}

static void what_is_no_play_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "a: nobody speaks; needs the text of plays, with names before their speeches like "
             "'HAMLET. To be' or 'Hamlet:'"},
        {"a,b\n1,2\n", "a: nobody speaks; needs the text of plays, with names before their "
                       "speeches like 'HAMLET. To be' or 'Hamlet:'"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_error err = {.message = ""};
        char *copy = copy_of(rows[i].text, strlen(rows[i].text));
        ch_plays p;
        check_status(
            ch_plays_parse(&p, copy, strlen(rows[i].text), CH_PLAYS_SPOKEN, "a", &env, &err),
            CHOIR_EPROTO);
        assert_string_equal(err.message, rows[i].message);
        free(copy);
    }
}

static void what_is_too_large_is_refused_before_anything_is_claimed(void **state) {
    (void)state;
    enum { LINES = CH_PLAYS_LINES_MAX };
    static const struct {
        size_t size;
        choir_status status;
        const char *message;
    } rows[] = {
        {LINES, CHOIR_ENOMEM, ""}, // is let in, and asks for memory
        {LINES + 1, CHOIR_EPROTO, "a: 4194305 lines; at most 4194304 are read as plays"},
        {CH_PLAYS_BYTES_MAX + 1, CHOIR_EPROTO,
         "a: 268435457 bytes; at most 268435456 are read as plays"},
    };
    char *data = malloc(LINES + 1); // not read as far as the last size says
    assert_non_null(data);
    memset(data, '\n', LINES + 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_error err = {.message = ""};
        counted_memory memory;
        const choir_env env = counted_env(&memory, 0);
        ch_plays p;
        check_status(ch_plays_parse(&p, data, rows[i].size, CH_PLAYS_SPOKEN, "a", &env, &err),
                     rows[i].status);
        assert_string_equal(err.message, rows[i].message);
        assert_int_equal(memory.alive, 0);
    }
    free(data);
}

static void every_prefix_is_read_or_refused(void **state) {
    (void)state;
    static const char *const texts[] = {SMALL_PLAYS_INLINE, SMALL_PLAYS_ALONE, SMALL_PLAYS_COLON};
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < 3; i++) {
        for (size_t size = 0; size < strlen(texts[i]); size++) {
            char *copy = copy_of(texts[i], size);
            choir_error err = {.message = ""};
            ch_plays p;
            if (ch_plays_parse(&p, copy, size, CH_PLAYS_SPOKEN, "a", &env, &err) != CHOIR_OK) {
                assert_true(err.message[0] != '\0');
            }
            ch_plays_release(&p);
            (void)ch_plays_are_likely(copy, size);
            free(copy);
        }
    }
}

static void plays_are_known_by_how_they_begin(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_play;
    } rows[] = {
        {SMALL_PLAYS_INLINE, true},     {SMALL_PLAYS_ALONE, true},
        {SMALL_PLAYS_COLON, true},      {"a,b,c\n1,2,3\n", false},
        {"First:\n\nSecond:\n", false}, {"written\nby Some Body\n", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(ch_plays_are_likely(rows[i].text, strlen(rows[i].text)), rows[i].is_play);
    }
}

/* n lines of A's and one of B. */
static ch_dataset tables_of(uint32_t n) {
    char text[4096] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < n; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "  A. %u\n", i);
    }
    (void)snprintf(text + used, sizeof(text) - used, "  B. alone\n");
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    ch_dataset d;
    ch_plays p;
    ch_dataset_init(&d, &env);
    check_status(ch_plays_parse(&p, text, strlen(text), CH_PLAYS_SPOKEN, "a", &env, &err),
                 CHOIR_OK);
    check_status(ch_plays_tables(&d, &p, 80, "a", &err), n < 2 ? CHOIR_EPROTO : CHOIR_OK);
    ch_plays_release(&p);
    return d;
}

static void the_last_fifth_of_a_roles_lines_is_for_testing(void **state) {
    (void)state;
    static const struct {
        uint32_t lines, test;
    } rows[] = {{1, 0}, {2, 1}, {3, 1}, {9, 1}, {10, 2}, {14, 2}, {15, 3}, {100, 20}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_dataset d = tables_of(rows[i].lines);
        assert_int_equal(d.test.count, rows[i].test);
        assert_int_equal(d.train.count, rows[i].test == 0 ? 0 : rows[i].lines - rows[i].test);
        for (uint32_t row = 0; row < d.test.count; row++) { // later than what is trained on
            const ch_span span = d.test.spans[row];
            char number[8] = "";
            for (uint32_t t = 1; t + 1 < span.length; t++) {
                number[t - 1] = (char)d.test.tokens[span.first + t];
            }
            assert_int_equal(strtol(number, NULL, 10), rows[i].lines - rows[i].test + row);
        }
        ch_dataset_release(&d);
    }
}

static void roles_with_one_line_are_nobody(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job_data o = {.steps = 0};
    ch_dataset d;
    ch_dataset_init(&d, &env);
    file_write(folder, "pg100.txt", SMALL_PLAYS_INLINE, strlen(SMALL_PLAYS_INLINE));
    assert_true(ch_plays_is(folder));
    assert_false(ch_plays_is(folder_file(folder, "none")));
    check_status(ch_plays_read(&d, folder, &o, NULL), CHOIR_OK);
    // KETTLE 5, CUP 3, and the second play's LID 2; the first's LID and SPOON say one line each
    assert_int_equal(d.train.count, 4 + 2 + 1);
    assert_int_equal(d.test.count, 3);
    assert_int_equal(d.train.groups[d.train.count - 1], 2);
    assert_int_equal(d.train.shape.channels, CH_STEPS_CHARACTERS);
    ch_dataset_release(&d);
    file_write_gz(folder, "plays", SMALL_PLAYS_COLON, strlen(SMALL_PLAYS_COLON));
    assert_true(ch_plays_is(folder_file(folder, "plays")));
    file_write_gz(folder, "table", "a,b\n1,2\n", 8);
    assert_false(ch_plays_is(folder_file(folder, "table")));
    o.steps = 6;
    check_status(ch_plays_read(&d, folder_file(folder, "plays"), &o, NULL), CHOIR_OK);
    assert_int_equal(d.test.count, 2 + 1); // "And then?" is ten predictions, "Eat." five
    assert_int_equal(d.cut, 1 + 1 + 1);
    ch_dataset_release(&d);
}

static void gutenbergs_file_is_read_in_both_forms_and_its_faults_are_told(void **state) {
    (void)state;
    static const struct {
        const char *text, *message; // NULL: it is read
    } rows[] = {
        {SMALL_PLAYS_INLINE, NULL},
        {SMALL_PLAYS_ALONE, NULL},
        {"<html>Just a moment</html>\n", "pg100.txt: nobody speaks; needs the text of plays"}};
    const choir_env env = choir_env_default();
    const choir_job_data o = {.steps = 0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_error err = {.message = ""};
        ch_dataset d;
        ch_dataset_init(&d, &env);
        file_write(folder, "pg100.txt", rows[i].text, strlen(rows[i].text));
        assert_true(ch_plays_is(folder)); // its name says so
        check_status(ch_plays_read(&d, folder, &o, &err),
                     rows[i].message == NULL ? CHOIR_OK : CHOIR_EPROTO);
        assert_non_null(strstr(err.message, rows[i].message == NULL ? "" : rows[i].message));
        ch_dataset_release(&d);
    }
}

static void gutenbergs_file_is_known_where_one_stands(void **state) {
    (void)state;
    char before[PATH_MAX];
    static const char text[] = "<html>Just a moment</html>\n";
    file_write(folder, "pg100.txt", text, strlen(text));
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(folder), 0);
    assert_true(ch_plays_is("pg100.txt"));
    assert_true(ch_plays_is("."));
    assert_int_equal(chdir(before), 0);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const choir_job_data o = {.steps = 0};
    failing_memory m = {.tries = 0};
    file_write(folder, "pg100.txt", SMALL_PLAYS_INLINE, strlen(SMALL_PLAYS_INLINE));
    while (failing_memory_next(&m)) {
        ch_dataset d;
        ch_dataset_init(&d, &m.env);
        m.status = ch_plays_read(&d, folder, &o, NULL);
        ch_dataset_release(&d);
    }
}

static int folder_begin(void **state) {
    (void)state;
    folder_make(folder);
    return 0;
}

static int folder_end(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_the_line_are_told_from_what_is_around),
        cmocka_unit_test(all_that_is_indented_may_count_as_spoken),
        cmocka_unit_test(names_that_stand_alone_are_told_from_lists_and_headings),
        cmocka_unit_test(a_file_without_titles_is_one_play),
        cmocka_unit_test(a_file_may_begin_with_what_is_no_name),
        cmocka_unit_test(one_name_in_two_cases_is_one_role),
        cmocka_unit_test(what_is_no_play_is_refused),
        cmocka_unit_test(what_is_too_large_is_refused_before_anything_is_claimed),
        cmocka_unit_test(every_prefix_is_read_or_refused),
        cmocka_unit_test(plays_are_known_by_how_they_begin),
        cmocka_unit_test(the_last_fifth_of_a_roles_lines_is_for_testing),
        cmocka_unit_test(roles_with_one_line_are_nobody),
        cmocka_unit_test(gutenbergs_file_is_read_in_both_forms_and_its_faults_are_told),
        cmocka_unit_test(gutenbergs_file_is_known_where_one_stands),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
