/*
 * Checksum: 64 bits that tell a message was damaged on its way.
 *
 * Against accidents, not against liars: TLS and signatures are for those. It is a few times faster
 * than memory, so a report of millions of parameters can be checked before it is looked at.
 *
 * Definition, with all arithmetic modulo 2^32 or 2^64. The bytes, followed by zeros up to a whole
 * number of 64-byte blocks, are little-endian 32-bit words; the l-th word of every block belongs to
 * lane l of 16. For each lane, in order,
 *
 *   a += word;  b += a                                            a = b = 0 at first
 *   h = mix(seed + size)                                          size in bytes, without the zeros
 *   h = mix(h ^ (a_l + 2^32 b_l))                                 for l = 0 .. 15
 *
 * where mix is SplitMix64's finaliser:
 *
 *   x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9
 *   x = (x ^ x >> 27) * 0x94D049BB133111EB
 *   x =  x ^ x >> 31
 *
 * Every change within one word changes it, so every flipped bit is found.
 *
 * Source: the pair of sums is Fletcher's; "An Arithmetic Checksum for Serial Transmissions", IEEE
 * Trans. Communications 30(1), 1982. mix: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number
 * Generators", OOPSLA 2014.
 */
#ifndef CH_BASE_CHECKSUM_H
#define CH_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

enum { CH_CHECKSUM_LANES = 16 };

typedef struct ch_checksum {
    uint64_t seed;
    uint64_t size; // bytes so far
    uint32_t a[CH_CHECKSUM_LANES];
    uint32_t b[CH_CHECKSUM_LANES];
    uint8_t block[4 * CH_CHECKSUM_LANES]; // the unfinished tail
} ch_checksum;

/* seed says what the bytes are, so that the same bytes in another place do not pass. */
void ch_checksum_init(ch_checksum *c, uint64_t seed);
void ch_checksum_add(ch_checksum *c, const void *data, size_t size);
uint64_t ch_checksum_finish(ch_checksum *c);

/* All at once. */
uint64_t ch_checksum_of(uint64_t seed, const void *data, size_t size);

#endif
