/*
 * Sampler: who takes part in a round.
 *
 * A draw is a pure function of (seed, purpose, round): no state, no dependence on who checks in
 * first. Time and memory grow with the cohort, not with the number of clients, so a million of them
 * cost what the sampled ones cost.
 *
 * The draw is public to whoever knows the seed. Where privacy is to be amplified by sampling, the
 * seed of the sampler must be a secret, not the run's.
 */
#ifndef CH_FL_SAMPLER_H
#define CH_FL_SAMPLER_H

#include "base/rng.h"
#include "choir/status.h"

enum { CH_CLIENTS_BITS_MAX = 31 }; // at most 2^31 clients

typedef struct ch_sampler ch_sampler;

typedef struct ch_sampler_ops {
    const char *name;

    /* The most clients a draw can give. */
    uint32_t (*cohort_max)(uint32_t clients, double rate);

    /* How many clients a draw gives on average. */
    double (*cohort_mean)(uint32_t clients, double rate);

    /*
     * out      (cohort_max) the clients, ascending
     * scratch  (cohort_max)
     * rng      of this round alone
     * Returns how many.
     */
    uint32_t (*draw)(const ch_sampler *s, ch_rng *rng, uint32_t *out, uint32_t *scratch);
} ch_sampler_ops;

struct ch_sampler {
    const ch_sampler_ops *ops;
    uint32_t clients; // K, 1 .. 2^31
    double rate;      // C, (0, 1]
    uint32_t cohort_max;
    uint64_t seed;
};

/* Returns OK; EINVAL when there is no sampler of this name, or clients or rate is out of range. */
CHOIR_NODISCARD choir_status ch_sampler_init(ch_sampler *s, const char *name, uint32_t clients,
                                             double rate, uint64_t seed, choir_error *err);

/* Draws the cohort of a round for a purpose, SAMPLING or MEASURING: see ops->draw. */
uint32_t ch_sampler_draw(const ch_sampler *s, ch_purpose purpose, uint32_t round, uint32_t *out,
                         uint32_t *scratch);

extern const ch_sampler_ops ch_sampler_fixed;
extern const ch_sampler_ops ch_sampler_poisson;

#endif
