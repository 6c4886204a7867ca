/* Policy: each rule accepts or refuses, by its bound, and says what is asked and what may be. */
#include "support/check.h"

#include "choir/policy.h"

#include <stdio.h>
#include <string.h>

static choir_terms terms_with(const char *chain) {
    choir_terms t = {
        .parameters = 2410, .epochs = 2, .reports = 3, .examples = 12, .training_s = 340};
    (void)snprintf(t.chain, sizeof(t.chain), "%s", chain);
    return t;
}

static choir_policy links(const char *list) {
    choir_policy p = choir_policy_defaults();
    (void)snprintf(p.links, sizeof(p.links), "%s", list);
    return p;
}

/* The sentence with which these terms are refused; "" when they are not. */
static const char *refusal(choir_policy p, choir_terms t) {
    static choir_error err;
    err.message[0] = '\0';
    check_status(choir_policy_check(&p, NULL), CHOIR_OK);
    const choir_status status = choir_policy_accepts(&p, &t, &err);
    check_status(status, err.message[0] == '\0' ? CHOIR_OK : CHOIR_ERANGE);
    return err.message;
}

static void whatever_is_asked_is_accepted_unless_a_rule_is_set(void **state) {
    (void)state;
    const choir_policy p = choir_policy_defaults();
    assert_false(choir_policy_is_set(&p));
    assert_string_equal(refusal(p, terms_with("uniform")), "");
    assert_string_equal(refusal(p, terms_with("no chain")), "");
}

static void each_rule_accepts_its_bound_and_refuses_what_is_beyond(void **state) {
    (void)state;
    const choir_terms t = terms_with("clip=5|weight");
    const struct {
        choir_policy accepts;
        choir_policy refuses;
        const char *sentence;
    } rows[] = {
        [CHOIR_POLICY_PARAMETERS] = {{.parameters_max = 2410},
                                     {.parameters_max = 2409},
                                     "model is 2410 parameters, must be at most 2409"},
        [CHOIR_POLICY_TRAINING] = {{.training_max_s = 340},
                                   {.training_max_s = 339},
                                   "training is 340 s, must be at most 339"},
        [CHOIR_POLICY_CLIP] = {{.clip_max = 5},
                               {.clip_max = 4.5},
                               "clip is 5, must be at most 4.5"},
        [CHOIR_POLICY_LINKS] = {links("weight,clip"), links("clip,uniform"),
                                "chain is clip=5|weight, must be made of clip,uniform"},
        [CHOIR_POLICY_EXAMPLES] = {{.examples_min = 12},
                                   {.examples_min = 13},
                                   "data is 12 examples, must be at least 13"},
        [CHOIR_POLICY_REPORTS] = {{.reports_min = 3},
                                  {.reports_min = 4},
                                  "sum is 3 reports, must be at least 4"},
    };
    for (choir_policy_rule i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_verdict v;
        assert_true(choir_policy_is_set(&rows[i].accepts));
        assert_string_equal(refusal(rows[i].accepts, t), "");
        assert_string_equal(refusal(rows[i].refuses, t), rows[i].sentence);
        for (choir_policy_rule k = 0; k < CHOIR_POLICY_RULES; k++) {
            choir_policy_judge(&v, &rows[i].refuses, k, &t);
            assert_int_equal(v.is_set, k == i);
            assert_int_equal(v.is_refused, k == i);
            assert_int_equal(v.bound[0] != '\0', k == i);
            assert_true(v.asked[0] != '\0');
        }
    }
}

static void updates_are_kept_only_where_that_is_accepted(void **state) {
    (void)state;
    const choir_policy none = {.no_retention = true};
    choir_terms t = terms_with("weight");
    assert_true(choir_policy_is_set(&none));
    assert_string_equal(refusal(none, t), "");
    t.retains_updates = true;
    assert_string_equal(refusal(none, t), "update is kept, must be not kept");
    assert_string_equal(refusal(choir_policy_defaults(), t), "");
}

static void what_is_not_known_is_not_refused(void **state) {
    (void)state;
    choir_task task = {.round = 1, .dim = 10, .epochs = 3, .chain = "weight"};
    const choir_terms t = choir_terms_of_task(&task);
    assert_int_equal(t.parameters, 10);
    assert_int_equal(t.epochs, 3);
    assert_string_equal(t.chain, "weight");
    const choir_policy p = {.training_max_s = 1, .examples_min = 1000, .reports_min = 1000};
    assert_string_equal(refusal(p, t), "");
    choir_verdict v;
    choir_policy_judge(&v, &p, CHOIR_POLICY_EXAMPLES, &t);
    assert_string_equal(v.asked, "unknown");
    assert_string_equal(v.bound, "at least 1000");
}

static void a_chain_must_clip_where_that_is_asked(void **state) {
    (void)state;
    const choir_policy p = {.clip_max = 1};
    assert_string_equal(refusal(p, terms_with("weight")), "clip is none, must be at most 1");
    assert_string_equal(refusal(p, terms_with("clip|weight")), "");
    assert_string_equal(refusal(p, terms_with("clip=0.5|uniform")), "");
    assert_string_equal(refusal(p, terms_with("clip=1.0001|uniform")),
                        "clip is 1.0001, must be at most 1");
    assert_string_equal(refusal(p, terms_with("clip=0.5|magic")),
                        "clip is none, must be at most 1");
    assert_string_equal(refusal(links("clip"), terms_with("magic")),
                        "chain is magic, must be made of clip");
}

static void a_policy_out_of_its_range_is_named(void **state) {
    (void)state;
    choir_error err = {.message = ""};
    choir_policy p = {.clip_max = -1};
    check_status(choir_policy_check(&p, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "policy: clip_max is -1, must be in [0, 1e+06]");
    p.clip_max = NAN;
    check_status(choir_policy_check(&p, &err), CHOIR_EINVAL);
    p = (choir_policy){.training_max_s = 604801};
    check_status(choir_policy_check(&p, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "policy: training_max_s is 604801, must be in [0, 604800] seconds");
    p = links("clip,wieght");
    check_status(choir_policy_check(&p, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "'wieght' is no link; known: clip, weight"));
    memset(p.links, 'a', sizeof(p.links));
    check_status(choir_policy_check(&p, &err), CHOIR_EINVAL);
}

static void a_task_that_asks_for_more_than_was_offered_is_refused(void **state) {
    (void)state;
    const choir_terms offered = terms_with("clip=1|weight");
    choir_error err = {.message = ""};
    choir_terms t = offered;
    t.reports = t.examples = t.training_s = CHOIR_TERMS_UNKNOWN;
    check_status(choir_terms_check(&t, &offered, &err), CHOIR_OK);
    t.epochs = 1;
    check_status(choir_terms_check(&t, &offered, &err), CHOIR_OK);
    t.epochs = 3;
    check_status(choir_terms_check(&t, &offered, &err), CHOIR_ERANGE);
    assert_string_equal(err.message, "the task asks for 3 epochs, the offer was at most 2");
    t = offered;
    t.parameters = 2411;
    check_status(choir_terms_check(&t, &offered, &err), CHOIR_ERANGE);
    assert_string_equal(err.message, "the task is for 2411 parameters, the offer was 2410");
    t = terms_with("clip=2|weight");
    check_status(choir_terms_check(&t, &offered, &err), CHOIR_ERANGE);
    assert_string_equal(err.message,
                        "the task's chain is clip=2|weight, the offer was clip=1|weight");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_is_asked_is_accepted_unless_a_rule_is_set),
        cmocka_unit_test(each_rule_accepts_its_bound_and_refuses_what_is_beyond),
        cmocka_unit_test(updates_are_kept_only_where_that_is_accepted),
        cmocka_unit_test(what_is_not_known_is_not_refused),
        cmocka_unit_test(a_chain_must_clip_where_that_is_asked),
        cmocka_unit_test(a_policy_out_of_its_range_is_named),
        cmocka_unit_test(a_task_that_asks_for_more_than_was_offered_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
