/*
 * Crowd: about how many different clients there are, in 128 bytes.
 *
 * Each client has a cell, drawn; how many are taken says how many clients were seen, some of which
 * share one. When half are taken all are given back, and only every second client is looked at from
 * then on, then every fourth. So the number is right to a third, a client that comes again changes
 * nothing, and one alone, whatever its number, is one.
 *
 * Source: K.-Y. Whang, B. T. Vander-Zanden, H. M. Taylor, "A Linear-Time Probabilistic Counting
 * Algorithm for Database Applications", ACM TODS 15(2), 1990; the logarithm by its first two terms,
 * and the samples are ours.
 */
#ifndef CH_PROTO_CROWD_H
#define CH_PROTO_CROWD_H

#include <stdint.h>

enum { CH_CROWD_CELLS = 1024 };

/* Nobody is in one that is all zero. */
typedef struct ch_crowd {
    uint64_t taken[CH_CROWD_CELLS / 64]; // a bit each
    uint32_t count;                      // of them
    uint32_t level;                      // every 2^level-th client is looked at
    uint32_t known;                      // how many there were when that was less
} ch_crowd;

/* Sees a client; seed draws its cell. */
void ch_crowd_see(ch_crowd *c, uint64_t seed, uint32_t client);

/* About how many have been seen. */
uint32_t ch_crowd_count(const ch_crowd *c);

#endif
