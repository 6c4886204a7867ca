/*
 * Offer: what a device is told of a job that it joins, signed by the server, and checked by the
 * device before it uses any of it.
 *
 * TLS says who is at the other end now; the signature says that the operator's server made this
 * job, whatever proxy, cache or person it came through. Signed are these lines, each ended by a
 * line feed, the hashes in small hexadecimal digits:
 *
 *     choir-offer
 *     name of the job              has no line feed
 *     version                      decimal, like the next
 *     parameters of the model
 *     SHA-256 of the job's text    YAML, as it is before JSON writes it
 *     SHA-256 of the model's head  a safetensors file up to where its parameters begin
 *
 * The parameters themselves are named by their hash in each task. Who the device is in the job is
 * not signed: nobody else could use it.
 *
 * And what it is told of the model that is promoted, to infer with:
 *
 *     choir-promoted
 *     name of the job
 *     version
 *     round                        after which it is the model
 *     parameters of the model
 *     SHA-256 of the parameters    by which they are fetched
 *     SHA-256 of the model's head
 *
 * Source: Ed25519, RFC 8032.
 */
#ifndef CH_NET_OFFER_H
#define CH_NET_OFFER_H

#include "choir/blob.h"
#include "choir/bytes.h"
#include "crypto/sign.h"

#include <stdbool.h>
#include <stdint.h>

/* Everything is borrowed. */
typedef struct ch_offer {
    const char *name; // less than CHOIR_JOB_TEXT_MAX bytes; a longer one fits no signature
    uint32_t version;
    uint32_t parameters;
    choir_bytes job;
    choir_bytes model;
} ch_offer;

/* A safetensors file, which has been checked, up to where its parameters begin. Borrowed. */
choir_bytes ch_offer_head(choir_bytes bundle);

void ch_offer_sign(uint8_t out[CH_SIGNATURE_BYTES], const ch_offer *offer,
                   const uint8_t secret_key[CH_SECRET_KEY_BYTES]);

/* Whether the owner of the public key signed exactly this offer. */
bool ch_offer_check(const uint8_t signature[CH_SIGNATURE_BYTES], const ch_offer *offer,
                    const uint8_t public_key[CH_PUBLIC_KEY_BYTES]);

/* What is promoted. Everything is borrowed. */
typedef struct ch_promoted_offer {
    const char *name; // as an offer's
    uint32_t version;
    uint32_t round;
    uint32_t parameters;
    choir_hash hash; // of the parameters
    choir_bytes model;
} ch_promoted_offer;

void ch_promoted_offer_sign(uint8_t out[CH_SIGNATURE_BYTES], const ch_promoted_offer *offer,
                            const uint8_t secret_key[CH_SECRET_KEY_BYTES]);

/* Whether the owner of the public key signed exactly this. */
bool ch_promoted_offer_check(const uint8_t signature[CH_SIGNATURE_BYTES],
                             const ch_promoted_offer *offer,
                             const uint8_t public_key[CH_PUBLIC_KEY_BYTES]);

#endif
