/*
 * Mix: a bijection of 64-bit values in which every bit of the input decides every bit of the
 * output.
 *
 * Source: David Stafford's "Mix13" (2011), the finaliser of SplitMix64: Steele, Lea, Flood, "Fast
 * Splittable Pseudorandom Number Generators", OOPSLA 2014.
 */
#ifndef CH_BASE_MIX_H
#define CH_BASE_MIX_H

#include <stdint.h>

static inline uint64_t ch_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

#endif
