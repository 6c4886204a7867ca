/*
 * Kernels: the few loops where the time goes, behind one table per backend.
 *
 * "reference" is plain C that nobody optimises, the oracle of the others. "vector" is one readable
 * source in vector extensions, compiled for AVX-512, AVX2 and the baseline, and chosen at run time.
 * All matrices are row-major, out comes first, and no kernel allocates.
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

typedef struct ch_kernels ch_kernels;

/* The best backend for this CPU. Never NULL. */
const ch_kernels *ch_kernels_best(void);

/* "reference", "vector-avx512", "vector-avx2", "vector-baseline", "auto"; NULL when unknown or when
 * this CPU cannot run it. */
const ch_kernels *ch_kernels_find(const char *name);

/* The row's name. */
const char *ch_kernels_name(const ch_kernels *k);

#endif
