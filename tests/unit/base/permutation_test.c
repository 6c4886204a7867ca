/* Permutation: every place once, in an order that the key decides. */
#include "support/check.h"

#include "base/permutation.h"

#include <stdlib.h>
#include <string.h>

static void every_number_stands_at_one_place(void **state) {
    (void)state;
    static const uint32_t counts[] = {1, 2, 3, 7, 8, 9, 1000, 4097};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        ch_rng rng = ch_rng_stream(i, CH_PURPOSE_TEST, 0, 0);
        ch_permutation p;
        ch_permutation_init(&p, counts[i], &rng);
        uint8_t *seen = calloc(counts[i], 1);
        assert_non_null(seen);
        for (uint32_t place = 0; place < counts[i]; place++) {
            const uint32_t found = ch_permutation_at(&p, place);
            assert_true(found < counts[i]);
            assert_int_equal(seen[found], 0);
            seen[found] = 1;
        }
        free(seen);
    }
}

static void the_key_decides_the_order(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    uint32_t same = 0;
    ch_permutation p[2];
    for (uint32_t i = 0; i < 2; i++) {
        ch_rng rng = ch_rng_stream(i, CH_PURPOSE_TEST, 0, 0);
        ch_permutation_init(&p[i], COUNT, &rng);
    }
    for (uint32_t place = 0; place < COUNT; place++) {
        same += ch_permutation_at(&p[0], place) == ch_permutation_at(&p[1], place);
        assert_int_equal(ch_permutation_at(&p[0], place), ch_permutation_at(&p[0], place));
    }
    assert_in_range(same, 0, 7); // one on average
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_stands_at_one_place),
        cmocka_unit_test(the_key_decides_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
