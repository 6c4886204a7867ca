/*
 * LSTM kernels: functions within their units in the last place, steps against the reference in
 * every form, and bits that do not depend on the vector width.
 */
#include "support/backends.h"

#include "base/rng.h"
#include "math/lstm.h"
#include "math/panels.h"

#include <string.h>

enum { M = 3, N = 21, STRIDE = 32, SIZE = M * STRIDE, POINTS = 4001 };

typedef struct bench {
    float gate[CH_LSTM_GATES][SIZE];
    float peephole[CH_LSTM_GATES][STRIDE];
    float before[SIZE], c[SIZE], squashed[SIZE], h[SIZE], gh[SIZE], gc[SIZE];
} bench;

/* What a form leaves out. */
typedef struct form {
    bool peepholes, coupled, begins;
} form;

static const form FORMS[] = {
    {false, false, false}, {true, false, false}, {false, true, false}, {true, true, false},
    {false, false, true},  {true, false, true},  {false, true, true},  {true, true, true},
};

enum { FORMS_COUNT = sizeof(FORMS) / sizeof(FORMS[0]) };

static void fill(ch_rng *rng, float *x, uint32_t rows, float scale) {
    for (uint32_t i = 0; i < rows * STRIDE; i++) {
        x[i] = i % STRIDE < N ? scale * (float)(2.0 * ch_rng_unit(rng) - 1.0) : 0.0F;
    }
}

static void bench_fill(bench *b) {
    ch_rng rng = ch_rng_stream(3, CH_PURPOSE_TEST, 0, 0);
    memset(b, 0, sizeof(*b));
    for (uint32_t g = 0; g < CH_LSTM_GATES; g++) {
        fill(&rng, b->gate[g], M, 4.0F);
        fill(&rng, b->peephole[g], 1, 1.0F);
    }
    fill(&rng, b->before, M, 2.0F);
    fill(&rng, b->gh, M, 1.0F);
    fill(&rng, b->gc, M, 1.0F);
}

static ch_lstm_step step_of(bench *b, const form *f) {
    ch_lstm_step s = {.m = M,
                      .n = N,
                      .before = f->begins ? NULL : b->before,
                      .c = b->c,
                      .squashed = b->squashed,
                      .h = b->h,
                      .gh = b->gh,
                      .gc = b->gc};
    for (uint32_t g = f->coupled ? CH_LSTM_FORGET : CH_LSTM_INPUT; g < CH_LSTM_GATES; g++) {
        s.gate[g] = b->gate[g];
        s.peephole[g] = f->peepholes && g != CH_LSTM_CELL ? b->peephole[g] : NULL;
    }
    return s;
}

static void check_close(const char *what, const float *a, const float *b) {
    for (uint32_t i = 0; i < SIZE; i++) {
        if (!(fabs((double)a[i] - (double)b[i]) <= 16 * 0x1p-24)) { // numbers below four
            fail_msg("%s[%u]: %.9g against %.9g", what, i, (double)a[i], (double)b[i]);
        }
    }
}

/* c, h and gradients of the padding: they are summed over. */
static void check_padding(const float *x) {
    for (uint32_t i = 0; i < SIZE; i++) {
        assert_true(i % STRIDE < N || x[i] == 0.0F);
    }
}

static void check_steps(const ch_kernels *k) {
    static bench have;
    static bench want;
    for (uint32_t i = 0; i < FORMS_COUNT; i++) {
        bench_fill(&have);
        want = have;
        const ch_lstm_step a = step_of(&have, &FORMS[i]);
        const ch_lstm_step b = step_of(&want, &FORMS[i]);
        k->lstm->forward(&a);
        ch_kernels_find("reference")->lstm->forward(&b);
        check_close("h", have.h, want.h);
        check_close("c", have.c, want.c);
        check_padding(have.h);
        check_padding(have.c);
        have = want;
        k->lstm->backward(&a);
        ch_kernels_find("reference")->lstm->backward(&b);
        check_close("gradient of c", have.gc, want.gc);
        check_padding(have.gc);
        for (uint32_t g = FORMS[i].coupled ? CH_LSTM_FORGET : 0; g < CH_LSTM_GATES; g++) {
            check_close("gradient of a sum", have.gate[g], want.gate[g]);
            check_padding(have.gate[g]);
        }
    }
}

static void every_backend_agrees_with_the_reference(void **state) {
    (void)state;
    for_backends(check_steps);
}

static void check_same_bits(const ch_kernels *narrow, const ch_kernels *wide) {
    static bench first;
    static bench other;
    for (uint32_t i = 0; i < FORMS_COUNT; i++) {
        bench_fill(&first);
        other = first;
        const ch_lstm_step a = step_of(&first, &FORMS[i]);
        const ch_lstm_step b = step_of(&other, &FORMS[i]);
        narrow->lstm->forward(&a);
        wide->lstm->forward(&b);
        assert_memory_equal(&first, &other, sizeof(first));
        narrow->lstm->backward(&a);
        wide->lstm->backward(&b);
        assert_memory_equal(&first, &other, sizeof(first));
    }
}

static void vector_width_does_not_change_a_bit(void **state) {
    (void)state;
    for_vector_widths(check_same_bits);
}

static double ulps(float have, double want) {
    const double unit =
        (double)nextafterf(fabsf((float)want), INFINITY) - fabs((double)(float)want);
    return fabs((double)have - want) / unit;
}

/* The gates of a step whose sums all are z. */
static void check_functions_at(const ch_kernels *k, float z) {
    bench b = {0};
    for (uint32_t g = 0; g < CH_LSTM_GATES; g++) {
        b.gate[g][0] = z;
    }
    const ch_lstm_step s = step_of(&b, &FORMS[0]);
    k->lstm->forward(&s);
    const double off_tanh = ulps(b.gate[CH_LSTM_CELL][0], tanh((double)z));
    const double off_sigmoid = ulps(b.gate[CH_LSTM_OUTPUT][0], 1.0 / (1.0 + exp(-(double)z)));
    if (!(off_tanh <= 3.0) || !(off_sigmoid <= 3.0)) {
        fail_msg("at %.9g tanh is %.2f units off, the logistic function %.2f", (double)z, off_tanh,
                 off_sigmoid);
    }
}

static void check_functions(const ch_kernels *k) {
    for (int32_t i = 0; i < POINTS; i++) {
        check_functions_at(k, 1e-2F * (float)(i - POINTS / 2));
        check_functions_at(k, 1e-3F * (float)(i - POINTS / 2));
    }
    check_functions_at(k, 1e-20F);
    check_functions_at(k, -80.0F);
    check_functions_at(k, 500.0F);
}

static void functions_are_within_three_units_in_the_last_place(void **state) {
    (void)state;
    for_backends(check_functions);
}

static void check_ends(const ch_kernels *k) {
    bench b = {0};
    b.gate[CH_LSTM_OUTPUT][0] = -INFINITY;
    b.gate[CH_LSTM_CELL][0] = -INFINITY;
    b.gate[CH_LSTM_OUTPUT][1] = NAN;
    b.gate[CH_LSTM_CELL][2] = NAN;
    const ch_lstm_step s = step_of(&b, &FORMS[0]);
    k->lstm->forward(&s);
    assert_true(b.gate[CH_LSTM_OUTPUT][0] == 0.0F);
    assert_true(b.gate[CH_LSTM_CELL][0] == -1.0F);
    assert_true(isnan(b.h[1]));
    assert_true(isnan(b.h[2]));
    assert_true(b.h[0] == 0.0F);
}

static void functions_end_where_they_should(void **state) {
    (void)state;
    for_backends(check_ends);
}

static void check_peepholes(const ch_kernels *k) {
    static bench b;
    bench_fill(&b);
    float w[STRIDE] = {0};
    float g[STRIDE] = {0};
    const ch_weights weights = {.w = w, .g = g};
    ch_update update = {.continued = false};
    k->lstm->peephole_gradient(&weights, b.gate[0], b.before, 1, N, &update);
    update.continued = true;
    k->lstm->peephole_gradient(&weights, b.gate[0] + STRIDE, b.before + STRIDE, M - 1, N, &update);
    update = (ch_update){.continued = true, .applied = true, .rate = 0.5F};
    k->lstm->peephole_gradient(&weights, b.gate[0], b.before, 0, N, &update);
    for (uint32_t c = 0; c < STRIDE; c++) {
        double sum = 0.0;
        for (uint32_t r = 0; r < M; r++) {
            sum += (double)b.gate[0][r * STRIDE + c] * (double)b.before[r * STRIDE + c];
        }
        check_near((double)w[c], -0.5 * sum, 32 * 0x1p-24);
    }
}

static void gradients_of_peepholes_are_sums_over_rows(void **state) {
    (void)state;
    for_backends(check_peepholes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_backend_agrees_with_the_reference),
        cmocka_unit_test(vector_width_does_not_change_a_bit),
        cmocka_unit_test(functions_are_within_three_units_in_the_last_place),
        cmocka_unit_test(functions_end_where_they_should),
        cmocka_unit_test(gradients_of_peepholes_are_sums_over_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
