/* Real functions: against libm within 4 units in the last place, and where they must be exact. */
#include "support/check.h"

#include "base/real.h"
#include "base/rng.h"

static double ulps(double ours, double exact) {
    return fabs(ours - exact) / (nextafter(fabs(exact), INFINITY) - fabs(exact));
}

#define check_ulps(ours, exact)                                                                    \
    do {                                                                                           \
        if (!(ulps(ours, exact) <= 4)) {                                                           \
            fail_msg("%s: %.17g against %.17g", #ours, ours, exact);                               \
        }                                                                                          \
    } while (0)

static void functions_agree_with_libm(void **state) {
    (void)state;
    ch_rng rng = ch_rng_stream(3, CH_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < 100000; i++) {
        const double unit = ch_rng_unit(&rng) + 0x1p-60;
        const double wide = (unit - 0.5) * 1400;
        check_ulps(ch_real_log(unit), log(unit));
        check_ulps(ch_real_log(1 + unit * 0x1p-20), log(1 + unit * 0x1p-20));
        check_ulps(ch_real_exp(wide), exp(wide));
        check_ulps(ch_real_log(exp(wide)), log(exp(wide)));
        check_near(ch_real_powi(0.5 + unit, 20) / pow(0.5 + unit, 20), 1, 20 * 0x1p-53);
        check_near(ch_real_cospi(wide), cos(acos(-1) * fmod(wide, 2)), 2e-15);
    }
}

static void special_values_are_exact(void **state) {
    (void)state;
    assert_true(ch_real_log(1) == 0);
    assert_true(ch_real_log(0) == -INFINITY);
    assert_true(isnan(ch_real_log(-1)));
    assert_true(isnan(ch_real_log(NAN)));
    assert_true(ch_real_log(INFINITY) == INFINITY);
    check_ulps(ch_real_log(0x1p-1074), log(0x1p-1074));
    assert_true(ch_real_exp(0) == 1);
    assert_true(ch_real_exp(-746) == 0);
    assert_true(ch_real_exp(-INFINITY) == 0);
    assert_true(ch_real_exp(710) == INFINITY);
    assert_true(isnan(ch_real_exp(NAN)));
    assert_true(ch_real_exp(-745) == exp(-745));
    const double quarter_turns[] = {1, 0, -1, 0};
    for (int q = -8; q <= 8; q++) {
        assert_true(ch_real_cospi(0.5 * q) == quarter_turns[(q + 8) % 4]);
    }
    assert_true(ch_real_powi(3, 0) == 1);
    assert_true(ch_real_powi(3, 5) == 243);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_agree_with_libm),
        cmocka_unit_test(special_values_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
