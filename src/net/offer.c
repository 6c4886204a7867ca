/* Offer: see offer.h. */
#include "net/offer.h"

#include "base/assert.h"
#include "base/sha256.h"
#include "choir/blob.h"
#include "choir/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SIGNED_MAX = 512, HASH_TEXT = 2 * CHOIR_HASH_BYTES + 1 };

static void hash_write(char out[HASH_TEXT], choir_bytes bytes) {
    choir_hash hash;
    ch_sha256_of(bytes.data, bytes.size, hash.bytes);
    choir_hash_text(&hash, out);
}

choir_bytes ch_offer_head(choir_bytes bundle) {
    uint64_t header = 0;
    memcpy(&header, bundle.data, sizeof(header));
    CH_ASSERT(header <= bundle.size - sizeof(header)); // it was checked when it was hosted
    return (choir_bytes){.data = bundle.data, .size = sizeof(header) + (size_t)header};
}

/* Whether a job can have this name. */
static bool is_name(const char *name) {
    return strlen(name) < CHOIR_JOB_TEXT_MAX && strchr(name, '\n') == NULL;
}

/* The bytes that are signed. Returns how many; 0 when the name is none that a job can have. */
static size_t signed_write(char out[SIGNED_MAX], const ch_offer *offer) {
    char job[HASH_TEXT];
    char model[HASH_TEXT];
    if (!is_name(offer->name)) {
        return 0;
    }
    hash_write(job, offer->job);
    hash_write(model, offer->model);
    const int size =
        snprintf(out, SIGNED_MAX, "choir-offer\n%s\n%" PRIu32 "\n%" PRIu32 "\n%s\n%s\n",
                 offer->name, offer->version, offer->parameters, job, model);
    CH_ASSERT(size > 0 && size < SIGNED_MAX);
    return (size_t)size;
}

/* Likewise. */
static size_t promoted_write(char out[SIGNED_MAX], const ch_promoted_offer *offer) {
    char hash[HASH_TEXT];
    char model[HASH_TEXT];
    if (!is_name(offer->name)) {
        return 0;
    }
    choir_hash_text(&offer->hash, hash);
    hash_write(model, offer->model);
    const int size = snprintf(
        out, SIGNED_MAX, "choir-promoted\n%s\n%" PRIu32 "\n%" PRIu32 "\n%" PRIu32 "\n%s\n%s\n",
        offer->name, offer->version, offer->round, offer->parameters, hash, model);
    CH_ASSERT(size > 0 && size < SIGNED_MAX);
    return (size_t)size;
}

static choir_bytes text_of(const char *text, size_t size) {
    return (choir_bytes){.data = (const uint8_t *)text, .size = size};
}

void ch_offer_sign(uint8_t out[CH_SIGNATURE_BYTES], const ch_offer *offer,
                   const uint8_t secret_key[CH_SECRET_KEY_BYTES]) {
    char text[SIGNED_MAX];
    const size_t size = signed_write(text, offer);
    CH_ASSERT(size > 0); // jobs are hosted under plain names
    ch_sign(out, text_of(text, size), secret_key);
}

bool ch_offer_check(const uint8_t signature[CH_SIGNATURE_BYTES], const ch_offer *offer,
                    const uint8_t public_key[CH_PUBLIC_KEY_BYTES]) {
    char text[SIGNED_MAX];
    const size_t size = signed_write(text, offer);
    return size > 0 && ch_sign_check(signature, text_of(text, size), public_key);
}

void ch_promoted_offer_sign(uint8_t out[CH_SIGNATURE_BYTES], const ch_promoted_offer *offer,
                            const uint8_t secret_key[CH_SECRET_KEY_BYTES]) {
    char text[SIGNED_MAX];
    const size_t size = promoted_write(text, offer);
    CH_ASSERT(size > 0);
    ch_sign(out, text_of(text, size), secret_key);
}

bool ch_promoted_offer_check(const uint8_t signature[CH_SIGNATURE_BYTES],
                             const ch_promoted_offer *offer,
                             const uint8_t public_key[CH_PUBLIC_KEY_BYTES]) {
    char text[SIGNED_MAX];
    const size_t size = promoted_write(text, offer);
    return size > 0 && ch_sign_check(signature, text_of(text, size), public_key);
}
