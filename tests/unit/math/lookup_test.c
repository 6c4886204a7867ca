/* Lookup kernels: rows of tokens and what comes back to them, on every backend. */
#include "support/backends.h"
#include "support/check.h"

#include "base/rng.h"
#include "math/lookup.h"
#include "math/map.h"
#include "math/panels.h"

#include <string.h>

enum { TOKENS = 9, N = 21, M = 12, SIZE = TOKENS * 32, CELLS = M * 32 };

/* Whole numbers, so that every sum is exact in every order. */
typedef struct table {
    float w[SIZE], g[SIZE], v[SIZE], anchor[SIZE];
    float gy[CELLS];
    float tokens[M];
} table;

static const ch_dense_shape SHAPE = {.rows = TOKENS, .n = N};

static ch_weights weights(table *t) {
    return (ch_weights){.w = t->w, .g = t->g, .v = t->v, .anchor = t->anchor};
}

static void fill(table *t) {
    ch_rng rng = ch_rng_stream(2, CH_PURPOSE_TEST, 0, 0);
    memset(t, 0, sizeof(*t));
    for (uint32_t k = 0; k < TOKENS; k++) {
        for (uint32_t c = 0; c < N; c++) {
            const size_t at = ch_panel_offset(TOKENS, k, c);
            t->w[at] = (float)(100 * k + c);
            t->g[at] = (float)ch_rng_below(&rng, 50);
            t->v[at] = (float)ch_rng_below(&rng, 50);
            t->anchor[at] = (float)ch_rng_below(&rng, 50);
        }
    }
    for (uint32_t r = 0; r < M; r++) {
        t->tokens[r] = (float)ch_rng_below(&rng, TOKENS - 1); // the last one never
        for (uint32_t c = 0; c < N; c++) {
            t->gy[r * 32 + c] = (float)ch_rng_below(&rng, 50);
        }
    }
}

static void check_rows(const ch_kernels *k) {
    static table t;
    float y[CELLS];
    fill(&t);
    memset(y, 0xff, sizeof(y));
    k->lookup->forward(y, t.tokens, M, SHAPE, t.w);
    for (uint32_t r = 0; r < M; r++) {
        for (uint32_t c = 0; c < 32; c++) {
            const float want = c < N ? 100.0F * t.tokens[r] + (float)c : 0.0F;
            assert_true(y[r * 32 + c] == want);
        }
    }
}

static void a_token_is_its_row(void **state) {
    (void)state;
    for_backends(check_rows);
}

static const ch_update UPDATES[] = {
    {.applied = false},
    {.continued = true},
    {.applied = true, .rate = 2.0F},
    {.applied = true, .continued = true, .rate = 2.0F},
    {.applied = true, .rate = 2.0F, .momentum = 1.0F, .decay = 1.0F, .proximal = 2.0F},
};

/* Sums by hand, then the second half of update.h by the map's kernel, which has a test of its own.
 */
static void expect(table *t, const ch_update *u) {
    const ch_weights w = weights(t);
    for (size_t i = 0; i < SIZE && !u->continued; i++) {
        t->g[i] = 0.0F;
    }
    for (uint32_t r = 0; r < M; r++) {
        for (uint32_t c = 0; c < N; c++) {
            t->g[ch_panel_offset(TOKENS, (size_t)t->tokens[r], c)] += t->gy[r * 32 + c];
        }
    }
    if (u->applied) {
        ch_kernels_find("reference")->map->apply(&w, SIZE, u);
    }
}

static void check_gradients(const ch_kernels *k) {
    static table have;
    static table want;
    for (size_t i = 0; i < sizeof(UPDATES) / sizeof(UPDATES[0]); i++) {
        fill(&have);
        fill(&want);
        const ch_weights w = weights(&have);
        k->lookup->gradient(&w, have.tokens, have.gy, M, SHAPE, &UPDATES[i]);
        expect(&want, &UPDATES[i]);
        assert_memory_equal(have.w, want.w, sizeof(want.w));
        assert_memory_equal(have.v, want.v, sizeof(want.v));
        if (!UPDATES[i].applied) {
            assert_memory_equal(have.g, want.g, sizeof(want.g));
        }
    }
}

static void what_comes_back_is_added_to_its_row(void **state) {
    (void)state;
    for_backends(check_gradients);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_its_row),
        cmocka_unit_test(what_comes_back_is_added_to_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
