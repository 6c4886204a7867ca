/* Panels: in, out and out as a change, on every backend, against the layout of panels.h. */
#include "support/backends.h"
#include "support/check.h"

#include "math/panels.h"

#include <string.h>

enum { ROWS_MAX = 40, COLS_MAX = 50, FLAT_MAX = ROWS_MAX * COLS_MAX, PANELS_MAX = COLS_MAX * 64 };

static const uint32_t SHAPES[][2] = {{1, 1}, {1, 16}, {5, 10}, {16, 32}, {17, 33}, {40, 50}};

enum { SHAPES_COUNT = sizeof(SHAPES) / sizeof(SHAPES[0]) };

typedef struct matrices {
    float flat[FLAT_MAX];
    float from[FLAT_MAX];
    float panels[PANELS_MAX];
    float out[FLAT_MAX + 1]; // one to see that it is left alone
} matrices;

static void matrices_fill(matrices *m) {
    *m = (matrices){0};
    for (uint32_t i = 0; i < FLAT_MAX; i++) {
        m->flat[i] = (float)i + 0.25F;
        m->from[i] = 3.0F * (float)i;
    }
}

static void check_moves(const ch_kernels *k) {
    static matrices m;
    for (uint32_t s = 0; s < SHAPES_COUNT; s++) {
        const uint32_t rows = SHAPES[s][0];
        const uint32_t cols = SHAPES[s][1];
        const size_t size = (size_t)rows * cols;
        matrices_fill(&m);
        k->panel->load(m.panels, m.flat, rows, cols);
        for (uint32_t r = 0; r < rows; r++) {
            for (uint32_t c = 0; c < ch_padded(cols); c++) {
                const float expected = c < cols ? m.flat[r * cols + c] : 0.0F;
                assert_true(m.panels[ch_panel_offset(rows, r, c)] == expected);
            }
        }
        m.out[size] = -7.0F;
        k->panel->store(m.out, m.panels, rows, cols);
        assert_memory_equal(m.out, m.flat, size * sizeof(float));
        assert_true(k->panel->store_change(m.out, m.panels, m.from, rows, cols));
        for (size_t i = 0; i < size; i++) {
            assert_true(m.out[i] == m.flat[i] - m.from[i]);
        }
        assert_true(m.out[size] == -7.0F);
    }
}

static void parameters_go_in_and_come_out_again(void **state) {
    (void)state;
    for_backends(check_moves);
}

/* At every place of the matrix: in a whole panel, in the narrow one, as a difference that
 * overflows. */
static void check_transposes(const ch_kernels *k) {
    static matrices m;
    static float turned[PANELS_MAX];
    for (uint32_t s = 0; s < SHAPES_COUNT; s++) {
        const uint32_t rows = SHAPES[s][0];
        const uint32_t cols = SHAPES[s][1];
        const size_t size = ch_panels_size(cols, rows);
        matrices_fill(&m);
        memset(turned, 0x7f, sizeof(turned));
        const float untouched = turned[size];
        k->panel->load(m.panels, m.flat, rows, cols);
        k->panel->transpose(turned, m.panels, rows, cols);
        for (uint32_t c = 0; c < cols; c++) {
            for (uint32_t r = 0; r < ch_padded(rows); r++) {
                const float expected = r < rows ? m.flat[r * cols + c] : 0.0F;
                assert_true(turned[ch_panel_offset(cols, c, r)] == expected);
            }
        }
        assert_true(turned[size] == untouched);
    }
}

static void a_transpose_is_one(void **state) {
    (void)state;
    for_backends(check_transposes);
}

static void check_overflow(const ch_kernels *k) {
    static matrices m;
    const uint32_t rows = 17;
    const uint32_t cols = 33;
    const float bad[3] = {NAN, -INFINITY, 3e38F};
    for (uint32_t at = 0; at < rows * cols; at += 7) {
        for (uint32_t b = 0; b < 3; b++) {
            matrices_fill(&m);
            m.flat[at] = bad[b];
            m.from[at] = -3e38F;
            k->panel->load(m.panels, m.flat, rows, cols);
            assert_false(k->panel->store_change(m.out, m.panels, m.from, rows, cols));
        }
    }
}

static void a_change_that_is_not_finite_is_seen(void **state) {
    (void)state;
    for_backends(check_overflow);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_go_in_and_come_out_again),
        cmocka_unit_test(a_transpose_is_one),
        cmocka_unit_test(a_change_that_is_not_finite_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
