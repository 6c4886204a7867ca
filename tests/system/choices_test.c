/*
 * What a job's key may be and what the tables of the layers below have are the same: a row that is
 * added without its choice could not be asked for, and a choice without its row would fail late.
 */
#include "support/check.h"

#include "base/text.h"
#include "data/partition.h"
#include "fl/algorithm.h"
#include "fl/sampler.h"
#include "job/keys.h"

#include <stdio.h>
#include <string.h>

/* The choices of a key, in the form in which a message lists a table's names. */
static void choices_of(const char *key, char out[CH_TEXT_LIST_MAX]) {
    const ch_option *row = ch_options_find(&CH_JOB_KEYS, key);
    assert_non_null(row);
    char choices[CH_TEXT_LIST_MAX];
    (void)snprintf(choices, sizeof(choices), "%s", row->choices);
    out[0] = '\0';
    for (char *at = choices; at != NULL;) {
        char *bar = strchr(at, '|');
        if (bar != NULL) {
            *bar = '\0';
        }
        ch_text_list(out, CH_TEXT_LIST_MAX, at);
        at = bar == NULL ? NULL : bar + 1;
    }
}

static void check_listed(const char *key, const char *message) {
    char choices[CH_TEXT_LIST_MAX];
    const char *known = strstr(message, "known: ");
    assert_non_null(known);
    choices_of(key, choices);
    assert_string_equal(known + strlen("known: "), choices);
}

static void algorithms_and_samplers_are_those_of_the_core(void **state) {
    (void)state;
    choir_error err = {.message = ""};
    ch_sampler sampler;
    assert_null(ch_algorithm_find("none", &err));
    check_listed("server.algorithm", err.message);
    check_status(ch_sampler_init(&sampler, "none", 1, 1, 1, &err), CHOIR_EINVAL);
    check_listed("server.sampler", err.message);
}

static void partitioners_are_those_of_the_data(void **state) {
    (void)state;
    char choices[CH_TEXT_LIST_MAX];
    char table[CH_TEXT_LIST_MAX] = "";
    choices_of("data.partition", choices);
    for (size_t i = 0; i < CH_PARTITIONERS_COUNT; i++) {
        ch_text_list(table, sizeof(table), CH_PARTITIONERS[i]->name);
    }
    assert_string_equal(table, choices);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(algorithms_and_samplers_are_those_of_the_core),
        cmocka_unit_test(partitioners_are_those_of_the_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
