/* Log: one line an event, a few of each, nothing a terminal could take for a command. */
#include "support/check.h"

#include "base/env.h"
#include "base/log.h"
#include "base/text.h"

#include <string.h>

static char text[8192];

/* All that was written. */
static const char *written(FILE *out) {
    rewind(out);
    text[fread(text, 1, sizeof(text) - 1, out)] = '\0';
    return text;
}

static ch_log_lines lines_new(void) {
    ch_log_lines l = {.out = tmpfile(), .name = "choir sim", .level = CHOIR_LEVEL_WARN};
    assert_non_null(l.out);
    return l;
}

static void what_matters_is_written_a_line_an_event(void **state) {
    (void)state;
    ch_log_lines l = lines_new();
    const choir_env env = ch_log_env(&l);
    ch_log(&env, CHOIR_LEVEL_WARN, "round_discarded", "round=%d", 3);
    ch_log(&env, CHOIR_LEVEL_INFO, "round_applied", "round=%d", 4);
    ch_log(&env, CHOIR_LEVEL_ERROR, "lost", "why=\"a\x1b[1m\nb\xc3\xb6\"");
    assert_string_equal(written(l.out), "choir sim: warning: round_discarded round=3\n"
                                        "choir sim: error: lost why=\"a?[1m?b\xc3\xb6\"\n");
    (void)fclose(l.out);
    void *block = env.alloc(env.self, 64);
    assert_non_null(block);
    env.free(env.self, block);
}

static void an_event_that_comes_again_and_again_falls_silent(void **state) {
    (void)state;
    ch_log_lines l = lines_new();
    const choir_env env = ch_log_env(&l);
    for (int i = 1; i <= 100; i++) {
        ch_log(&env, CHOIR_LEVEL_WARN, "often", "i=%d", i);
    }
    ch_log(&env, CHOIR_LEVEL_WARN, "once", "i=0");
    assert_string_equal(written(l.out),
                        "choir sim: warning: often i=1\n"
                        "choir sim: warning: often i=2\n"
                        "choir sim: warning: often i=3\n"
                        "choir sim: warning: often i=4\n"
                        "choir sim: warning: often i=5; more of these are not shown\n"
                        "choir sim: warning: once i=0\n");
    (void)fclose(l.out);
}

static void programs_have_each_line_as_an_object(void **state) {
    (void)state;
    ch_log_lines l = lines_new();
    l.is_json = true;
    const choir_env env = ch_log_env(&l);
    ch_log(&env, CHOIR_LEVEL_WARN, "round_discarded", "round=%d", 3);
    ch_log(&env, CHOIR_LEVEL_INFO, "round_applied", "round=%d", 4);
    ch_log_text(&env, CHOIR_LEVEL_ERROR, "lost", "why", "it said: \"no\"\nround=5");
    const char *found = written(l.out);
    assert_memory_equal(found, "{\"ts\":\"20", 9);
    const char *first = strchr(found, 'Z');
    assert_memory_equal(
        first, "Z\",\"level\":\"warning\",\"event\":\"round_discarded\",\"round\":3}\n{", 59);
    assert_string_equal(strrchr(found, 'Z'), "Z\",\"level\":\"error\",\"event\":\"lost\","
                                             "\"why\":\"it said: \\\"no\\\"\\u000around=5\"}\n");
    assert_null(strstr(found, "round_applied"));
    (void)fclose(l.out);
}

static void but_not_a_servers(void **state) {
    (void)state;
    ch_log_lines l = lines_new();
    l.is_endless = true;
    const choir_env env = ch_log_env(&l);
    for (int i = 1; i <= 100; i++) {
        ch_log(&env, CHOIR_LEVEL_WARN, "often", "i=%d", i);
    }
    const char *found = written(l.out);
    assert_non_null(
        strstr(found, "choir sim: warning: often i=5\nchoir sim: warning: often i=6\n"));
    assert_non_null(strstr(found, "i=100\n"));
    (void)fclose(l.out);
}

static void many_kinds_of_events_are_bounded_too(void **state) {
    (void)state;
    ch_log_lines l = lines_new();
    const choir_env env = ch_log_env(&l);
    for (int i = 0; i < 1000; i++) {
        char event[CH_LOG_EVENT_MAX];
        (void)snprintf(event, sizeof(event), "event_%d", i);
        ch_log(&env, CHOIR_LEVEL_WARN, event, "x=1");
    }
    size_t count = 0;
    for (const char *at = written(l.out); *at != '\0'; at++) {
        count += *at == '\n' ? 1 : 0;
    }
    assert_int_equal(count, CH_LOG_EVENTS_MAX - 1 + CH_LOG_REPEATS_MAX);
    (void)fclose(l.out);
}

static void fields_too_long_are_cut_visibly(void **state) {
    (void)state;
    ch_log_lines l = lines_new();
    const choir_env env = ch_log_env(&l);
    char why[3000];
    memset(why, 'x', sizeof(why) - 1);
    why[sizeof(why) - 1] = '\0';
    ch_log(&env, CHOIR_LEVEL_WARN, "long", "%.400s", why); // as long as any choir_error
    ch_log(&env, CHOIR_LEVEL_WARN, "longer", "%s", why);
    (void)written(l.out);
    assert_null(memchr(text, '.', 420));
    const size_t size = strlen(text);
    assert_true(size > 1000 && size < 2000);
    assert_string_equal(text + size - 6, "xx...\n");
    (void)fclose(l.out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_matters_is_written_a_line_an_event),
        cmocka_unit_test(an_event_that_comes_again_and_again_falls_silent),
        cmocka_unit_test(programs_have_each_line_as_an_object),
        cmocka_unit_test(but_not_a_servers),
        cmocka_unit_test(many_kinds_of_events_are_bounded_too),
        cmocka_unit_test(fields_too_long_are_cut_visibly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
