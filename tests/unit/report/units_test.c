/* Units: every step from one unit to the next, and values that are none. */
#include "support/check.h"

#include "report/units.h"

#include <math.h>

static void bytes_have_three_digits_and_the_unit_that_fits(void **state) {
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0 B"},
        {999, "999 B"},
        {1000, "1.00 kB"},
        {9994, "9.99 kB"},
        {9996, "10.0 kB"},
        {99960, "100 kB"},
        {999499, "999 kB"},
        {999500, "1.00 MB"},
        {1663370, "1.66 MB"},
        {12345678901, "12.3 GB"},
        {UINT64_MAX, "18.4 EB"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[CH_UNITS_MAX];
        ch_units_bytes(out, rows[i].bytes);
        assert_string_equal(out, rows[i].text);
    }
}

static void seconds_become_minutes_hours_and_days(void **state) {
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } rows[] = {
        {0, "0 ms"},          {0.042, "42 ms"},
        {0.9994, "999 ms"},   {0.9996, "1.0 s"},
        {9.94, "9.9 s"},      {9.96, "10 s"},
        {59.4, "59 s"},       {59.6, "1 min 00 s"},
        {185, "3 min 05 s"},  {3599.7, "1 h 00 min"},
        {8040, "2 h 14 min"}, {86399, "1 d 0 h"},
        {273600, "3 d 4 h"},  {-1, "-"},
        {NAN, "-"},           {INFINITY, "-"},
        {1e300, "-"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[CH_UNITS_MAX];
        ch_units_seconds(out, rows[i].seconds);
        assert_string_equal(out, rows[i].text);
    }
}

static void shares_losses_and_rates_survive_every_value(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *share, *loss, *rate;
    } rows[] = {
        {0, "0.00 %", "0", "-"},
        {0.9742, "97.42 %", "0.9742", "1.0 rounds/s"},
        {0.25, "25.00 %", "0.2500", "4.0 s/round"},
        {1, "100.00 %", "1.000", "1.0 rounds/s"},
        {2.30259, "230.26 %", "2.303", "2.3 rounds/s"},
        {431.25, "43125.00 %", "431.2", "431 rounds/s"},
        {1e-5, "0.00 %", "1e-05", "1 d 4 h/round"},
        {1e12, "-", "1e+12", "-"},
        {-INFINITY, "-", "not finite", "-"},
        {NAN, "-", "not finite", "-"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[CH_UNITS_MAX];
        ch_units_share(out, rows[i].value);
        assert_string_equal(out, rows[i].share);
        ch_units_loss(out, rows[i].value);
        assert_string_equal(out, rows[i].loss);
        ch_units_rate(out, rows[i].value);
        assert_string_equal(out, rows[i].rate);
    }
}

static void counts_are_grouped_by_thousands(void **state) {
    (void)state;
    static const struct {
        uint64_t count;
        const char *text;
    } rows[] = {
        {0, "0"},
        {999, "999"},
        {1000, "1,000"},
        {1663370, "1,663,370"},
        {UINT64_MAX, "18,446,744,073,709,551,615"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[CH_UNITS_MAX];
        ch_units_count(out, rows[i].count);
        assert_string_equal(out, rows[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_three_digits_and_the_unit_that_fits),
        cmocka_unit_test(seconds_become_minutes_hours_and_days),
        cmocka_unit_test(shares_losses_and_rates_survive_every_value),
        cmocka_unit_test(counts_are_grouped_by_thousands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
