/*
 * Chain: the links of a run in their canonical order, clip|weight|noise|quantise|mask.
 *
 * Written as text that travels in every task, "clip=1.5|weight=1000"; blanks around a link or a
 * number are nothing. A chain that does not fit together, or whose order would undo what a link is
 * for, is refused when it is read and not when the first update arrives. docs/chain.md lists the
 * links.
 */
#ifndef CH_FL_CHAIN_H
#define CH_FL_CHAIN_H

#include "choir/status.h"
#include "fl/transform.h"

#include <stdbool.h>

enum { CH_CHAIN_LINKS_MAX = 8 };

typedef struct ch_chain {
    uint32_t count;
    ch_transform links[CH_CHAIN_LINKS_MAX];
} ch_chain;

/*
 * Returns OK; EINVAL for an unknown link, a knob out of bounds, links out of order, or a chain that
 * does not say how examples count; err then says why in one sentence. *chain is unchanged.
 */
CHOIR_NODISCARD choir_status ch_chain_parse(ch_chain *chain, const char *text, choir_error *err);

/* Whether there is a link of that name. Returns OK; EINVAL, and err lists those there are. */
CHOIR_NODISCARD choir_status ch_chain_link_check(const char *name, choir_error *err);

/* Client ends, first to last. */
void ch_chain_client(const ch_chain *chain, ch_payload *p);

/*
 * Server ends, first to last.
 *
 * offer  in: what was measured and said, weight >= 1; out: how often the update counts, >= 1
 *
 * Returns OK; ERANGE when a link finds its promise broken.
 */
CHOIR_NODISCARD choir_status ch_chain_server(const ch_chain *chain, ch_offer *offer);

/* Whether it has a link of that stage, and whether all clients count alike by it. */
bool ch_chain_has(const ch_chain *chain, ch_stage stage);
bool ch_chain_is_uniform(const ch_chain *chain);

/* The largest weight an update can get, when no client may say more than examples_max. */
uint32_t ch_chain_weight_max(const ch_chain *chain, uint32_t examples_max);

/*
 * The L2 sensitivity of a round's sum: how far adding or removing one client can move it.
 *
 * norm_max    longest update accepted without any link
 * dim, scale_bits  of the aggregator: rounding moves each coordinate by up to 2^-(scale_bits + 1)
 */
double ch_chain_sensitivity(const ch_chain *chain, double norm_max, uint32_t examples_max,
                            uint32_t dim, uint32_t scale_bits);

#endif
