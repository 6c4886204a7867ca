/*
 * Map kernels: functions within their units in the last place, losses against the reference, and
 * bits that do not depend on the vector width.
 */
#include "support/backends.h"

#include "base/rng.h"
#include "math/map.h"
#include "math/panels.h"

#include <string.h>

enum { N = 5001, ROWS = 5, COLUMNS = 37, CELLS = ROWS * 48 };

static double ulps(float have, double want) {
    const double unit =
        (double)nextafterf(fabsf((float)want), INFINITY) - fabs((double)(float)want);
    return fabs((double)have - want) / unit;
}

/* Softmax of (0, z): what exp and log make of z is all there is to it. Label 0. Returns the loss.
 */
static double softmax_of_two(const ch_kernels *k, float z, float p[CH_PANEL]) {
    static const uint32_t label = 0;
    const float row[CH_PANEL] = {0.0F, z};
    const ch_loss_input in = {.labels = &label, .m = 1, .n = 2};
    double loss = 0.0;
    uint32_t correct = 0;
    k->map->softmax(p, row, &in, &loss, &correct);
    return loss;
}

/* exp is off by 2 units in the last place at most; sum, reciprocal and product by a half each. */
static void check_exp_and_log(const ch_kernels *k) {
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < 2 * N; i++) {
        const float z = (float)((i < N ? -87.3 : -1.0) * ch_rng_unit(&rng));
        const double e = exp((double)z);
        float p[CH_PANEL];
        const double loss = softmax_of_two(k, z, p);
        const double off = ulps(p[1], e / (1.0 + e));
        if (!(off <= 4.0)) {
            fail_msg("exp(%.9g) is %.2f units off", (double)z, off);
        }
        check_near(loss, log1p(e),
                   3 * 0x1p-24); // what rounding the sum alone may do, and two units
    }
}

static void exp_and_log_in_the_loss_are_within_two_units_in_the_last_place(void **state) {
    (void)state;
    for_backends(check_exp_and_log);
}

static void functions_end_where_they_should(void **state) {
    (void)state;
    const float ends[] = {-200.0F, -87.4F, -1e7F, -3e38F, -INFINITY};
    for (int i = 0; i < 5; i++) {
        float p[CH_PANEL];
        const double loss = softmax_of_two(ch_kernels_best(), ends[i], p);
        assert_true(p[0] == 1.0F && p[1] == 0.0F);
        assert_true(loss == 0.0);
    }
}

/* A value that is no number is one of the loss as well, whichever column it is in. */
static void check_no_number(const ch_kernels *k) {
    static const uint32_t label = 0;
    const float bad[] = {NAN, INFINITY};
    for (uint32_t i = 0; i < 2 * 20; i++) {
        float row[2 * CH_PANEL] = {0};
        float p[2 * CH_PANEL];
        const ch_loss_input in = {.labels = &label, .m = 1, .n = 20};
        double loss = 0.0;
        uint32_t correct = 0;
        row[i / 2] = bad[i % 2];
        k->map->softmax(p, row, &in, &loss, &correct);
        if (isfinite(loss)) {
            fail_msg("%s: %g in column %u has a loss of %g", k->name, (double)bad[i % 2], i / 2,
                     loss);
        }
    }
}

static void what_is_no_number_has_no_finite_loss(void **state) {
    (void)state;
    for_backends(check_no_number);
}

/* Everything the losses write. */
typedef struct losses {
    float p[CELLS], gz[CELLS], gy[CELLS], relu[CELLS], gx[CELLS], biased[CELLS];
    double softmax, squared;
    uint32_t hits, squared_hits;
} losses;

static void losses_run(losses *l, const ch_kernels *k, const float *z, const float *targets) {
    static const uint32_t labels[ROWS] = {0, 36, 5, 17, 20};
    const ch_loss_input in = {.labels = labels, .m = ROWS, .n = COLUMNS};
    const ch_loss_input to = {.targets = targets, .m = ROWS, .n = COLUMNS};
    memset(l, 0, sizeof(*l));
    k->map->softmax(l->p, z, &in, &l->softmax, &l->hits);
    k->map->softmax_gradient(l->gz, l->p, &in, 0.2F);
    k->map->squared(z, &to, &l->squared, &l->squared_hits);
    k->map->squared_gradient(l->gy, z, &to, 0.2F);
    k->map->relu(l->relu, z, CELLS);
    k->map->relu_gradient(l->gx, l->p, l->relu, CELLS);
    k->map->add_bias(l->biased, z, z, ROWS, COLUMNS);
}

static void fill(float *z, float *targets) {
    ch_rng rng = ch_rng_stream(2, CH_PURPOSE_TEST, 0, 0);
    memset(z, 0, CELLS * sizeof(float));
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t c = 0; c < COLUMNS; c++) {
            z[r * 48 + c] = (float)(20.0 * ch_rng_unit(&rng) - 10.0);
            targets[r * COLUMNS + c] = (float)ch_rng_unit(&rng);
        }
    }
    z[5 * 0 + 0] = 30.0F; // a hit in row 0
}

static void losses_agree_with_the_reference(void **state) {
    (void)state;
    static losses want;
    static losses have;
    float z[CELLS];
    float targets[ROWS * COLUMNS];
    fill(z, targets);
    losses_run(&want, ch_kernels_find("reference"), z, targets);
    assert_in_range(want.hits, 1, ROWS);
    for (uint32_t row = 0; row < ch_kernels_count(); row++) {
        const ch_kernels *k = ch_kernels_find(ch_kernels_row(row));
        if (k == NULL) {
            continue;
        }
        losses_run(&have, k, z, targets);
        assert_int_equal(have.hits, want.hits);
        check_near(have.softmax, want.softmax, 1e-5);
        check_near(have.squared, want.squared, 1e-4);
        const float *a = (const float *)&have;
        const float *b = (const float *)&want;
        for (size_t i = 0; i < 6 * CELLS; i++) {
            check_near((double)a[i], (double)b[i], 2e-6 * (1.0 + fabs((double)b[i])));
        }
    }
}

static void check_same_bits(const ch_kernels *narrow, const ch_kernels *wide) {
    static losses first;
    static losses other;
    float z[CELLS];
    float targets[ROWS * COLUMNS];
    fill(z, targets);
    losses_run(&first, narrow, z, targets);
    losses_run(&other, wide, z, targets);
    assert_memory_equal(&first, &other, sizeof(first));
    for (int i = 0; i < N; i++) {
        float p[2][CH_PANEL];
        const double a = softmax_of_two(narrow, (float)i * -0.018F, p[0]);
        const double b = softmax_of_two(wide, (float)i * -0.018F, p[1]);
        assert_true(a == b);
        assert_memory_equal(p[0], p[1], sizeof(p[0]));
    }
}

static void vector_width_does_not_change_a_bit(void **state) {
    (void)state;
    for_vector_widths(check_same_bits);
}

static void active_columns_are_those_with_anything_in_them(void **state) {
    (void)state;
    float x[3 * 41] = {0};
    x[0] = 1.0F;
    x[41 + 9] = -2.0F;
    x[82 + 9] = 1.0F;
    x[82 + 40] = 0.5F;
    for (uint32_t row = 0; row < ch_kernels_count(); row++) {
        const ch_kernels *k = ch_kernels_find(ch_kernels_row(row));
        uint32_t columns[41];
        if (k != NULL) {
            assert_int_equal(k->map->active(columns, x, 41, 3, 41), 3);
            assert_int_equal(columns[0], 0);
            assert_int_equal(columns[1], 9);
            assert_int_equal(columns[2], 40);
            float y[3 * 3];
            k->map->columns(y, x, 41, 3, columns, 3);
            const float expected[3 * 3] = {1.0F, 0, 0, 0, -2.0F, 0, 0, 1.0F, 0.5F};
            assert_memory_equal(y, expected, sizeof(expected));
            assert_int_equal(k->map->active(columns, x, 41, 1, 41), 1);
        }
    }
}

static void an_unknown_backend_is_not_found(void **state) {
    (void)state;
    assert_null(ch_kernels_find("fast"));
    assert_ptr_equal(ch_kernels_find("auto"), ch_kernels_best());
    assert_string_not_equal(ch_kernels_name(ch_kernels_best()), "reference");
    assert_null(ch_kernels_row(ch_kernels_count()));
}

/* Rows of few values, so that the largest is there more than once; some with NaN or infinity. */
static void fill_hits(float *row, ch_rng *rng, uint32_t kind) {
    const float odd[4] = {NAN, INFINITY, -INFINITY, -0.0F};
    for (uint32_t c = 0; c < COLUMNS; c++) {
        row[c] = (float)ch_rng_below(rng, 6) - 4.0F;
        row[c] = kind > 0 && ch_rng_below(rng, 8) == 0 ? odd[kind - 1] : row[c];
    }
}

static uint32_t first_largest(const float *row) {
    uint32_t best = 0;
    for (uint32_t c = 1; c < COLUMNS; c++) {
        best = row[c] > row[best] ? c : best;
    }
    return best;
}

static void check_hits(const ch_kernels *k) {
    ch_rng rng = ch_rng_stream(9, CH_PURPOSE_TEST, 0, 0);
    float row[48] = {0};
    float p[48];
    for (uint32_t i = 0; i < 100 * COLUMNS; i++) {
        const uint32_t label = i % COLUMNS;
        const ch_loss_input in = {.labels = &label, .m = 1, .n = COLUMNS};
        double loss = 0.0;
        uint32_t hits[2] = {0};
        if (label == 0) {
            fill_hits(row, &rng, i / COLUMNS % 5);
        }
        k->map->softmax(p, row, &in, &loss, &hits[0]);
        k->map->squared(row, &in, &loss, &hits[1]);
        assert_int_equal(hits[0], first_largest(row) == label ? 1 : 0);
        assert_int_equal(hits[1], hits[0]);
    }
}

static void a_hit_is_the_first_largest_at_the_label(void **state) {
    (void)state;
    for_backends(check_hits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_and_log_in_the_loss_are_within_two_units_in_the_last_place),
        cmocka_unit_test(functions_end_where_they_should),
        cmocka_unit_test(what_is_no_number_has_no_finite_loss),
        cmocka_unit_test(losses_agree_with_the_reference),
        cmocka_unit_test(a_hit_is_the_first_largest_at_the_label),
        cmocka_unit_test(vector_width_does_not_change_a_bit),
        cmocka_unit_test(active_columns_are_those_with_anything_in_them),
        cmocka_unit_test(an_unknown_backend_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
