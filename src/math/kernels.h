/*
 * Kernels: the few loops where the time goes, behind one table per backend.
 *
 * "reference" is plain C that nobody optimises, the oracle of the others. "vector" is one readable
 * source in vector extensions, compiled for AVX-512, AVX2 and the baseline, and chosen at run time.
 * Kernels come in groups, each with a header of its own that says what they compute: map.h (element
 * by element, losses), dense.h (matrices), lookup.h (tokens), lstm.h, conv.h, pool.h, panels.h. Out
 * comes first, and no kernel allocates.
 *
 * Determinism: each output element is accumulated over k in ascending order with fused
 * multiply-adds, and reductions run over 16 virtual lanes whatever the vector width. So AVX2 and
 * AVX-512 give the same bits; the baseline, which cannot fuse, does not.
 */
#ifndef CH_MATH_KERNELS_H
#define CH_MATH_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ch_map_kernels ch_map_kernels;
typedef struct ch_dense_kernels ch_dense_kernels;
typedef struct ch_lookup_kernels ch_lookup_kernels;
typedef struct ch_lstm_kernels ch_lstm_kernels;
typedef struct ch_conv_kernels ch_conv_kernels;
typedef struct ch_pool_kernels ch_pool_kernels;
typedef struct ch_panel_kernels ch_panel_kernels;

typedef struct ch_kernels {
    const char *name;
    const ch_map_kernels *map;
    const ch_dense_kernels *dense;
    const ch_lookup_kernels *lookup;
    const ch_lstm_kernels *lstm;
    const ch_conv_kernels *conv;     // direct
    const ch_conv_kernels *winograd; // for the shapes that fit
    const ch_pool_kernels *pool;
    const ch_panel_kernels *panel;
} ch_kernels;

/* The best backend for this CPU. Never NULL. */
const ch_kernels *ch_kernels_best(void);

/*
 * "reference", "vector-avx512", "vector-avx2", "vector-baseline", "auto"; NULL when unknown or when
 * this CPU cannot run it. "vector-wide" is the source of AVX-512 in AVX2 instructions: slow, and
 * there so that tests can compare both vector widths on a CPU that has one.
 */
const ch_kernels *ch_kernels_find(const char *name);

/* The name of the table's row, for row below the count; also of those this CPU cannot run. */
const char *ch_kernels_row(uint32_t row);
uint32_t ch_kernels_count(void);

/* The row's name. */
const char *ch_kernels_name(const ch_kernels *k);

#endif
