/* Schedules: their values, what they notice, and what they refuse to be. */
#include "support/check.h"

#include "fl/schedule.h"

static ch_schedule schedule_of(const char *text) {
    ch_schedule s;
    choir_error err = {.message = ""};
    if (ch_schedule_parse(&s, text, "schedule", &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return s;
}

static void factors_follow_their_formulas(void **state) {
    (void)state;
    const struct {
        const char *text;
        uint32_t round;
        double factor;
    } cases[] = {
        {"constant", 1, 1},
        {"constant", 4000000000, 1},
        {"step every=10 factor=0.5", 1, 1},
        {"step every=10 factor=0.5", 10, 1},
        {"step every=10 factor=0.5", 11, 0.5},
        {"step every=10 factor=0.5", 31, 0.125},
        {"  step   factor=2  every=1 ", 4, 8},
        {"step", 11, 0.5}, // its defaults
        {"exponential factor=0.99", 1, 1},
        {"exponential factor=0.99", 101, 0.36603234127322950493},
        {"cosine rounds=101 final=0.01", 1, 1},
        {"cosine rounds=101 final=0.01", 51, 0.505},
        {"cosine rounds=101 final=0.01", 26, 0.855017856687341},
        {"cosine rounds=101 final=0.01", 101, 0.01},
        {"cosine rounds=101 final=0.01", 1000, 0.01},
        {"plateau patience=5 factor=0.5", 1000, 1},
        {"exponential factor=0.5", 4000000000, 1e-6}, // where every schedule stops
        {"exponential factor=2", 4000000000, 1e6},
    };
    const ch_progress start = ch_progress_start();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const ch_schedule s = schedule_of(cases[i].text);
        check_near(ch_schedule_factor(&s, &start, cases[i].round), cases[i].factor, 1e-14);
    }
}

static void plateau_cuts_when_patience_runs_out(void **state) {
    (void)state;
    const ch_schedule s = schedule_of("plateau patience=3 factor=0.1");
    const double losses[] = {1.0, 0.9, 0.9, NAN, 0.95, 0.8, 0.85, 0.8, INFINITY, 0.8};
    const double factors[] = {1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01};
    ch_progress progress = ch_progress_start();
    for (int i = 0; i < 10; i++) {
        ch_schedule_observe(&s, &progress, losses[i]);
        check_near(ch_schedule_factor(&s, &progress, 1), factors[i], 1e-15);
    }
}

static void other_schedules_do_not_look(void **state) {
    (void)state;
    const ch_schedule s = schedule_of("step");
    ch_progress progress = ch_progress_start();
    ch_schedule_observe(&s, &progress, 0.5);
    assert_int_equal(progress.idle, 0);
    assert_true(progress.best == INFINITY);
}

static void whole_numbers_stay_whole_and_at_least_one(void **state) {
    (void)state;
    const ch_progress start = ch_progress_start();
    const ch_schedule half = schedule_of("exponential factor=0.5");
    const ch_schedule grow = schedule_of("exponential factor=2");
    assert_int_equal(ch_schedule_whole(&half, &start, 1, 5), 5);
    assert_int_equal(ch_schedule_whole(&half, &start, 2, 5), 3); // 2.5, up
    assert_int_equal(ch_schedule_whole(&half, &start, 3, 5), 1);
    assert_int_equal(ch_schedule_whole(&half, &start, 30, 5), 1);
    assert_int_equal(ch_schedule_whole(&half, &start, 30, 0), 0); // all local examples
    assert_int_equal(ch_schedule_whole(&grow, &start, 4, 10), 80);
    assert_int_equal(ch_schedule_whole(&grow, &start, 4000, 10000), UINT32_MAX);
}

static void texts_that_are_no_schedule_are_refused(void **state) {
    (void)state;
    const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "e: '' is unknown; known: constant, step, exponential, cosine, plateau"},
        {"steps", "e: 'steps' is unknown; known: constant, step, exponential, cosine, plateau"},
        {"constant factor=1", "e: 'factor' is no knob of constant, which has none"},
        {"step evry=10", "e: 'evry' is no knob of step; it has every and factor"},
        {"step every=2 every=3", "e: step's every is there twice; give it once"},
        {"exponential 0.9", "e: '0.9' is no knob of exponential; it has factor"},
        {"step every=2.5", "e: step's every is '2.5', must be a whole number in [1, 1e+09]"},
        {"step every=0", "e: step's every is '0', must be a whole number in [1, 1e+09]"},
        {"step every", "e: step's every is '', must be a whole number in [1, 1e+09]"},
        {"step factor=nan", "e: step's factor is 'nan', must be a number in [0.001, 1000]"},
        {"step factor=-1", "e: step's factor is '-1', must be a number in [0.001, 1000]"},
        {"cosine final=1.1", "e: cosine's final is '1.1', must be a number in [0, 1]"},
        {"cosine rounds=1", "e: cosine's rounds is '1', must be a whole number in [2, 1e+09]"},
        {NULL, "e: a text of at most 63 bytes is needed"},
        {"step every=00000000000000000000000000000000000000000000000000000001",
         "e: a text of at most 63 bytes is needed"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ch_schedule s = {0};
        choir_error err;
        check_status(ch_schedule_parse(&s, cases[i].text, "e", &err), CHOIR_EINVAL);
        assert_string_equal(err.message, cases[i].message);
        assert_null(s.ops);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors_follow_their_formulas),
        cmocka_unit_test(plateau_cuts_when_patience_runs_out),
        cmocka_unit_test(other_schedules_do_not_look),
        cmocka_unit_test(whole_numbers_stay_whole_and_at_least_one),
        cmocka_unit_test(texts_that_are_no_schedule_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
