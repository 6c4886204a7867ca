/* Select: who is taken, who is not, and what they are told. */
#include "support/check.h"

#include "job/rules.h"
#include "job/select.h"

#include <stdio.h>
#include <string.h>

static choir_job_select selection(const char *platform, const char *version, const char *tags) {
    choir_job_select s = {.platform = ""};
    (void)snprintf(s.platform, sizeof(s.platform), "%s", platform);
    (void)snprintf(s.version, sizeof(s.version), "%s", version);
    (void)snprintf(s.tags, sizeof(s.tags), "%s", tags);
    return s;
}

static void everybody_is_taken_where_nothing_is_selected(void **state) {
    (void)state;
    const choir_job_select all = selection("", "", "");
    const ch_attributes devices[] = {{"", "", ""}, {"android", "1", "a,b"}, {",", ">=1", ","}};
    assert_true(ch_select_is_all(&all));
    check_status(ch_select_check(&all, NULL), CHOIR_OK);
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        check_status(ch_select_takes(&all, &devices[i], NULL), CHOIR_OK);
    }
}

static void versions_are_compared_number_by_number(void **state) {
    (void)state;
    static const struct {
        const char *wanted, *version;
        bool is_taken;
    } rows[] = {
        {"1.4", "1.4", true},
        {"1.4", "1.4.0", false}, // as it is
        {"beta", "beta", true},
        {"1.4", "", false},
        {">=1.4", "1.4", true},
        {">=1.4", "1.4.0", true},
        {">=1.4.0", "1.4", true},
        {">=1.4", "1.10", true},
        {">=1.10", "1.4", false},
        {">=1.4", "2", true},
        {">=1.4", "1", false},
        {">=1.4", "01.04", true},
        {">=1.4.1", "1.4", false},
        {">=0", "0.0", true},
        {">=1.99999999999999999999", "1.100000000000000000000", true},
        {">=1.100000000000000000000", "1.99999999999999999999", false},
        {">=1.4", "1.5-beta", false}, // no numbers with dots between
        {">=1.4", "v1.5", false},
        {">=1.4", "1.5.", false},
        {">=1.4", ".5", false},
        {">=1.4", "", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const choir_job_select s = selection("", rows[i].wanted, "");
        const ch_attributes device = {"", rows[i].version, ""};
        check_status(ch_select_check(&s, NULL), CHOIR_OK);
        if ((ch_select_takes(&s, &device, NULL) == CHOIR_OK) != rows[i].is_taken) {
            fail_msg("'%s' for '%s'", rows[i].version, rows[i].wanted);
        }
    }
}

static void all_tags_have_to_be_there(void **state) {
    (void)state;
    static const struct {
        const char *wanted, *tags;
        bool is_taken;
    } rows[] = {
        {"a", "a", true},
        {"a", "b,a", true},
        {"a", "ab", false},
        {"a", "", false},
        {"a", "b, a ,c", true},
        {"a,b", "b,a", true},
        {"a,b", "a", false},
        {"a, b", "b,x,a", true},
        {"a", "A", false},
        {"two words", "x, two words", true},
        {"words", "two words", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const choir_job_select s = selection("", "", rows[i].wanted);
        const ch_attributes device = {"", "", rows[i].tags};
        check_status(ch_select_check(&s, NULL), CHOIR_OK);
        if ((ch_select_takes(&s, &device, NULL) == CHOIR_OK) != rows[i].is_taken) {
            fail_msg("'%s' for '%s'", rows[i].tags, rows[i].wanted);
        }
    }
}

static void who_is_not_taken_is_told_by_what(void **state) {
    (void)state;
    const choir_job_select s = selection("android", ">=1.4", "beta,wifi");
    static const struct {
        ch_attributes device;
        const char *message;
    } rows[] = {
        {{"ios", "1.5", "beta,wifi"}, "platform: 'ios' is not 'android', which the job selects"},
        {{"Android", "1.5", ""}, "platform: 'Android' is not 'android', which the job selects"},
        {{"android", "1.3", "wifi"}, "version: '1.3' is not '>=1.4', which the job selects"},
        {{"android", "1.5", "beta"}, "tags: 'beta' lack 'wifi', which the job selects"},
    };
    choir_error err = {.message = ""};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_status(ch_select_takes(&s, &rows[i].device, &err), CHOIR_EAGAIN);
        assert_string_equal(err.message, rows[i].message);
    }
    const ch_attributes good = {"android", "1.5", "wifi,beta"};
    check_status(ch_select_takes(&s, &good, &err), CHOIR_OK);
}

static void what_selects_nobody_by_mistake_is_refused_with_the_job(void **state) {
    (void)state;
    static const struct {
        const char *version, *tags, *message;
    } rows[] = {
        {">1.4", "",
         "select.version: '>1.4' must be a version as devices tell it, or >= and numbers with dots "
         "between, like >=1.4"},
        {">=", "", "select.version: '>=' must be"},
        {">=1.4-beta", "", "select.version: '>=1.4-beta' must be"},
        {">= 1.4", "", "select.version: '>= 1.4' must be"},
        {"==1.4", "", "select.version: '==1.4' must be"},
        {"", "a,,b", "select.tags: 'a,,b' has an empty tag; write [a, b]"},
        {"", ",", "select.tags: ',' has an empty tag"},
        {"", "a, ", "select.tags: 'a, ' has an empty tag"},
    };
    choir_job job = choir_job_defaults();
    choir_error err = {.message = ""};
    check_status(ch_job_rules(&job, &err), CHOIR_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        job.select = selection("", rows[i].version, rows[i].tags);
        check_status(ch_job_rules(&job, &err), CHOIR_EINVAL);
        assert_non_null(strstr(err.message, rows[i].message));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_is_taken_where_nothing_is_selected),
        cmocka_unit_test(versions_are_compared_number_by_number),
        cmocka_unit_test(all_tags_have_to_be_there),
        cmocka_unit_test(who_is_not_taken_is_told_by_what),
        cmocka_unit_test(what_selects_nobody_by_mistake_is_refused_with_the_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
