/*
 * Turn: eight rows and eight columns of a panel change places. For kernel sources only (vector.h).
 */
#ifndef CH_MATH_TURN_H
#define CH_MATH_TURN_H

#include "math/vector.h"

enum { TURN = 8 }; // rows and columns turned at a time

typedef float v8 __attribute__((vector_size(32)));
typedef float v8_anywhere __attribute__((vector_size(32), aligned(4), may_alias));

/* The halves of a and b as the shuffles of every instruction set see them: within 16 bytes. */
#define SINGLES_LOW(a, b)  __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define SINGLES_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define PAIRS_LOW(a, b)    __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define PAIRS_HIGH(a, b)   __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define FOURS_LOW(a, b)    __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define FOURS_HIGH(a, b)   __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)

/* Row i and column j of eight rows change places: one shuffle an element, three times. */
V_INLINE void turn(v8 *x) {
    v8 y[TURN];
    V_UNROLL
    for (int i = 0; i < TURN; i += 2) {
        y[i] = SINGLES_LOW(x[i], x[i + 1]);
        y[i + 1] = SINGLES_HIGH(x[i], x[i + 1]);
    }
    v8 z[TURN]; // z[i]: four rows of column i, then of column i + 4; z[i + 4] the other four rows
    V_UNROLL
    for (int i = 0; i < TURN; i += 4) {
        z[i] = PAIRS_LOW(y[i], y[i + 2]);
        z[i + 1] = PAIRS_HIGH(y[i], y[i + 2]);
        z[i + 2] = PAIRS_LOW(y[i + 1], y[i + 3]);
        z[i + 3] = PAIRS_HIGH(y[i + 1], y[i + 3]);
    }
    V_UNROLL
    for (int i = 0; i < TURN / 2; i++) {
        x[i] = FOURS_LOW(z[i], z[i + 4]);
        x[i + 4] = FOURS_HIGH(z[i], z[i + 4]);
    }
}

/* The first columns, at most eight, of as many rows of a panel at from, as rows of one at to. Where
 * there are fewer rows than eight, what they would have become is zero. */
V_INLINE void turn_block(float *to, const float *from, size_t rows, size_t columns) {
    v8 x[TURN] = {0};
    V_UNROLL
    for (size_t r = 0; r < TURN; r++) {
        if (r < rows) {
            x[r] = *(const v8_anywhere *)(from + r * CH_PANEL);
        }
    }
    turn(x);
    V_UNROLL
    for (size_t c = 0; c < TURN; c++) {
        if (c < columns) {
            *(v8_anywhere *)(to + c * CH_PANEL) = x[c];
        }
    }
}

#endif
