/* JWKS: see jwks.h. */
#include "net/jwks.h"

#include "base/error.h"
#include "base/text.h"
#include "crypto/encode.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_MAX = CH_RSA_BITS_MAX / 8 + 1 }; // bytes of a modulus, with a zero in front

static const char *text_of(const json_t *key, const char *name) {
    const char *text = json_string_value(json_object_get(key, name));
    return text == NULL ? "" : text;
}

static bool is(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

/* A number in base64url; its bytes are in buffer. False when it is none or too long. */
static bool number_read(const json_t *key, const char *name, uint8_t buffer[NUMBER_MAX],
                        choir_bytes *out) {
    const char *text = text_of(key, name);
    size_t size = 0;
    if (ch_base64_read(buffer, NUMBER_MAX, &size, text, strlen(text)) != CHOIR_OK || size == 0) {
        return false;
    }
    *out = (choir_bytes){.data = buffer, .size = size};
    return true;
}

/* "sign" and "encrypt" are other keys' work. */
static bool is_for_checking(const json_t *key) {
    const char *use = text_of(key, "use");
    const json_t *operations = json_object_get(key, "key_ops");
    if (use[0] != '\0' && !is(use, "sig")) {
        return false;
    }
    size_t i = 0;
    const json_t *operation = NULL;
    bool has_verify = operations == NULL;
    json_array_foreach(operations, i, operation) {
        has_verify =
            has_verify ||
            is(json_string_length(operation) > 0 ? json_string_value(operation) : "", "verify");
    }
    return has_verify;
}

/* The algorithm that a key of its kind is used with; NULL: none that is known here. */
static const char *algorithm_of(const json_t *key) {
    const char *kind = text_of(key, "kty");
    if (is(kind, "RSA")) {
        return "RS256";
    }
    return is(kind, "EC") && is(text_of(key, "crv"), "P-256") ? "ES256" : NULL;
}

static choir_status key_take(ch_public_key *out, const json_t *key, choir_error *err) {
    uint8_t first[NUMBER_MAX];
    uint8_t second[NUMBER_MAX];
    choir_bytes a;
    choir_bytes b;
    const bool is_rsa = is(text_of(key, "kty"), "RSA");
    if (!number_read(key, is_rsa ? "n" : "x", first, &a) ||
        !number_read(key, is_rsa ? "e" : "y", second, &b)) {
        return ch_error_set(err, CHOIR_EINVAL, "has no %s in base64url",
                            is_rsa ? "n and e" : "x and y");
    }
    return is_rsa ? ch_public_key_rsa(out, a, b, err) : ch_public_key_p256(out, a, b, err);
}

/* Adds a key, or skips it. */
static choir_status key_add(ch_jwks *set, const json_t *key, const char *name, choir_error *err) {
    if (is(text_of(key, "kty"), "oct") || json_object_get(key, "d") != NULL) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: has a secret in it; give the public keys that the identity "
                            "provider publishes",
                            name);
    }
    const char *algorithm = algorithm_of(key);
    const char *said = text_of(key, "alg");
    if (algorithm == NULL || !is_for_checking(key) || (said[0] != '\0' && !is(said, algorithm))) {
        return CHOIR_OK;
    }
    const char *id = text_of(key, "kid");
    char shown[CH_TEXT_SHOWN_MAX];
    ch_text_show(shown, sizeof(shown), id);
    if (id[0] == '\0' || strlen(id) >= CH_KEY_ID_MAX || ch_jwks_find(set, id) != NULL) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: key '%s': each must have a kid of its own, of less than %d bytes",
                            name, shown, CH_KEY_ID_MAX);
    }
    if (set->count == CH_JWKS_KEYS_MAX) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: has more than %d keys", name, CH_JWKS_KEYS_MAX);
    }
    choir_error why = {.message = ""};
    ch_jwk *out = &set->keys[set->count];
    const choir_status status = key_take(&out->key, key, &why);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status == CHOIR_ENOMEM ? status : CHOIR_EPROTO,
                            "%s: key '%s' %.200s", name, shown, why.message);
    }
    (void)snprintf(out->id, sizeof(out->id), "%s", id);
    set->count += 1;
    return CHOIR_OK;
}

static choir_status keys_add(ch_jwks *set, const json_t *root, const char *name, choir_error *err) {
    const json_t *keys = json_object_get(root, "keys");
    if (!json_is_array(keys)) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: must be a JSON object with an array 'keys'",
                            name);
    }
    size_t i = 0;
    const json_t *key = NULL;
    json_array_foreach(keys, i, key) {
        const choir_status status = key_add(set, key, name, err);
        if (status != CHOIR_OK) {
            return status;
        }
    }
    return set->count > 0 ? CHOIR_OK
                          : ch_error_set(err, CHOIR_EPROTO,
                                         "%s: has no key for RS256 or ES256, RSA or P-256", name);
}

choir_status ch_jwks_parse(ch_jwks *out, choir_bytes text, const char *name, choir_error *err) {
    *out = (ch_jwks){.count = 0};
    if (text.size > CH_JWKS_BYTES_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: has %zu bytes; at most %d are taken", name,
                            text.size, CH_JWKS_BYTES_MAX);
    }
    json_error_t why;
    json_t *root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &why);
    choir_status status = CHOIR_OK;
    if (root == NULL) {
        status = ch_error_set(err, CHOIR_EPROTO, "%s:%d: is no JSON: %s", name, why.line, why.text);
    } else {
        status = keys_add(out, root, name, err);
    }
    json_decref(root);
    if (status != CHOIR_OK) {
        ch_jwks_release(out);
    }
    return status;
}

void ch_jwks_release(ch_jwks *set) {
    for (uint32_t i = 0; i < set->count; i++) {
        ch_public_key_release(&set->keys[i].key);
    }
    set->count = 0;
}

const ch_public_key *ch_jwks_find(const ch_jwks *set, const char *id) {
    for (uint32_t i = 0; i < set->count; i++) {
        if (is(set->keys[i].id, id)) {
            return &set->keys[i].key;
        }
    }
    return NULL;
}
