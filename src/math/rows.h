/* Rows: from a number of rows that is known when it runs to one that the compiler knows. */
#ifndef CH_MATH_ROWS_H
#define CH_MATH_ROWS_H

/*
 * Runs CALL(n) with the constant n equal to rows, which is in 1 .. limit, itself a constant of at
 * most 12; nothing for other rows. What is above the limit is not compiled.
 */
#define FOR_ROWS(rows, limit, CALL)                                                                \
    switch (rows) {                                                                                \
        ROWS_CASE(1, limit, CALL)                                                                  \
        ROWS_CASE(2, limit, CALL)                                                                  \
        ROWS_CASE(3, limit, CALL)                                                                  \
        ROWS_CASE(4, limit, CALL)                                                                  \
        ROWS_CASE(5, limit, CALL)                                                                  \
        ROWS_CASE(6, limit, CALL)                                                                  \
        ROWS_CASE(7, limit, CALL)                                                                  \
        ROWS_CASE(8, limit, CALL)                                                                  \
        ROWS_CASE(9, limit, CALL)                                                                  \
        ROWS_CASE(10, limit, CALL)                                                                 \
        ROWS_CASE(11, limit, CALL)                                                                 \
        ROWS_CASE(12, limit, CALL)                                                                 \
    default:                                                                                       \
        break;                                                                                     \
    }

#define ROWS_CASE(n, limit, CALL)                                                                  \
    case (n):                                                                                      \
        if ((n) <= (limit)) {                                                                      \
            CALL((n) <= (limit) ? (n) : 1);                                                        \
        }                                                                                          \
        break;

#endif
