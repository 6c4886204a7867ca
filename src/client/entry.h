/*
 * Entry: what a device says to enrol and to join a job, and how long it pauses when it is not
 * heard. One device and a swarm of them say the same.
 */
#ifndef CH_CLIENT_ENTRY_H
#define CH_CLIENT_ENTRY_H

#include "choir/status.h"
#include "crypto/sign.h"

#include <jansson.h>
#include <stdint.h>

enum {
    CH_CHALLENGE_MAX = 128,         // bytes of a challenge that is taken, its zero included
    CH_ENTRY_PATH_MAX = 128,        // of ch_entry_path
    CH_TOLD_MAX_MS = 3600000,       // of a pause that the server asks for
    CH_ENTRY_ANSWER_MAX = 64 << 10, // bytes of an answer that is a few numbers, or a sentence
    CH_ENTRY_OFFER_MAX = 24 << 20,  // of one with a job's text and a model's head, which have at
                                    // most 1 and 16 MiB, as JSON has them
};

/* What a device tells of itself. Borrowed; none is NULL. */
typedef struct ch_entry_about {
    const char *name;
    const char *platform;
    const char *version;
    const char *tags;
} ch_entry_about;

/*
 * The body of POST /v1/enroll.
 *
 * secret  of the join file; NULL: a token enrols, in the head of the request
 *
 * Returns an object to be given back; NULL without memory.
 */
json_t *ch_entry_enroll(const char *secret, const uint8_t public_key[CH_PUBLIC_KEY_BYTES],
                        const ch_entry_about *about);

/* The subject's number in the answer. Returns OK; EPROTO when there is none. */
CHOIR_NODISCARD choir_status ch_entry_subject(int64_t *out, const json_t *answer, choir_error *err);

/* The challenge in the answer of GET /v1/challenge. Returns OK; EPROTO when there is none. */
CHOIR_NODISCARD choir_status ch_entry_challenge(char out[CH_CHALLENGE_MAX], const json_t *answer,
                                                choir_error *err);

/*
 * The body of POST ch_entry_path(job), signed by the device's key.
 *
 * job     less than CHOIR_JOB_TEXT_MAX bytes
 * client  which to be; CHOIR_CLIENT_ANY
 *
 * Returns an object to be given back; NULL without memory.
 */
json_t *ch_entry_join(const char *job, int64_t subject, const char *challenge, uint32_t client,
                      const ch_key_pair *key);

/* Says in such a body what the device is now, its name apart. NULL stays NULL. */
void ch_entry_tell(json_t *body, const ch_entry_about *about);

/* "/v1/jobs/JOB/join". */
void ch_entry_path(char out[CH_ENTRY_PATH_MAX], const char *job);

/*
 * A pause that doubles with every failure in a row, and is no shorter than the server said.
 *
 * failures  in a row, before this one
 * told_ms   that the server asks for; 0: it does not. Not more than CH_TOLD_MAX_MS are heeded
 */
uint64_t ch_entry_pause_ms(uint32_t retry_ms, uint32_t retry_max_ms, uint32_t failures,
                           uint64_t told_ms);

#endif
