/*
 * States: what simulated clients keep from round to round.
 *
 * Each client's is as its trainer left it for the last report of its that was counted; before that,
 * or where that left nothing, it has none. Memory is claimed for a client when it keeps something
 * first, and not given back.
 *
 *     count (4)   for each client that has one, ascending: client (4)  size (4)  the state
 *     checksum of all before it (8)
 */
#ifndef CH_SIM_STATES_H
#define CH_SIM_STATES_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"

#include <stdint.h>

typedef struct ch_states {
    choir_env env;
    uint32_t clients;
    uint32_t bytes_max; // of a state; 0: nobody keeps any
    uint8_t **data;     // (clients) owned; each NULL or (bytes_max)
    uint32_t *sizes;    // (clients) 0: none
} ch_states;

/*
 * clients    all there are
 * bytes_max  of each; 0: nothing is claimed, and nothing kept
 *
 * Returns OK; EINVAL when all together are more than CHOIR_SIM_STATES_MAX; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_states_init(ch_states *s, uint32_t clients, uint32_t bytes_max,
                                            const choir_env *env, choir_error *err);

/* Safe on one that is all zero. */
void ch_states_release(ch_states *s);

/* A client's state, borrowed until it is put another; empty: it has none. May be called from any
 * thread while no state is put of the same client. */
choir_bytes ch_states_of(const ch_states *s, uint32_t client);

/* Replaces a client's state by a copy of (size) bytes, at most bytes_max; 0: it has none any more.
 * Returns OK; ENOMEM and it is as it was. */
CHOIR_NODISCARD choir_status ch_states_put(ch_states *s, uint32_t client, const uint8_t *state,
                                           uint32_t size);

/* Bytes of all of them, as saved; 0 when nobody keeps any. */
size_t ch_states_bytes(const ch_states *s);
void ch_states_save(const ch_states *s, uint8_t *out);

/* Whether bytes are saved states that fit s. Returns OK; EPROTO with a sentence. */
CHOIR_NODISCARD choir_status ch_states_check(const ch_states *s, choir_bytes saved,
                                             choir_error *err);

/* Takes what has been checked, in place of all there were. Returns OK; ENOMEM: some are missing. */
CHOIR_NODISCARD choir_status ch_states_restore(ch_states *s, choir_bytes saved);

#endif
