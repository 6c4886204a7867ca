/* The backends of the kernels that this CPU can run, for tests that compare them. */
#ifndef CHOIR_TESTS_BACKENDS_H
#define CHOIR_TESTS_BACKENDS_H

#include "support/check.h"

#include "math/kernels.h"

/* Calls check for each. */
static inline void for_backends(void (*check)(const ch_kernels *k)) {
    for (uint32_t row = 0; row < ch_kernels_count(); row++) {
        const ch_kernels *k = ch_kernels_find(ch_kernels_row(row));
        if (k != NULL) {
            check(k);
        }
    }
}

/* Likewise for those that are not the reference, which sums in double. */
static inline void for_vector_backends(void (*check)(const ch_kernels *k)) {
    for (uint32_t row = 0; row < ch_kernels_count(); row++) {
        const ch_kernels *k = ch_kernels_find(ch_kernels_row(row));
        if (k != NULL && k != ch_kernels_find("reference")) {
            check(k);
        }
    }
}

/*
 * Calls check for vector-avx2 against each of the wider ones, with which it shares every bit.
 * Skips the test where there are no fused multiply-adds.
 */
static inline void for_vector_widths(void (*check)(const ch_kernels *narrow,
                                                   const ch_kernels *wide)) {
    static const char *const names[] = {"vector-wide", "vector-avx512"};
    const ch_kernels *narrow = ch_kernels_find("vector-avx2");
    uint32_t compared = 0;
    for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const ch_kernels *wide = ch_kernels_find(names[i]);
        if (narrow != NULL && wide != NULL) {
            check(narrow, wide);
            compared += 1;
        }
    }
    if (compared == 0) {
        skip();
    }
}

#endif
