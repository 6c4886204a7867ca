/* JWT: see jwt.h. */
#include "net/jwt.h"

#include "base/error.h"
#include "base/text.h"
#include "crypto/encode.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <strings.h>

static const double TIME_MAX = 1e13; // seconds

/* A token's parts; texts borrowed. */
typedef struct parts {
    const char *head;
    size_t head_size;
    const char *claims;
    size_t claims_size;
    const char *signature;
    size_t signature_size;
} parts;

static choir_status refused(choir_error *err, const char *why) {
    return ch_error_set(err, CHOIR_EPROTO, "token: %s", why);
}

static bool parts_split(parts *out, const char *token) {
    const size_t size = strlen(token);
    const char *first = strchr(token, '.');
    const char *second = first == NULL ? NULL : strchr(first + 1, '.');
    if (size >= CH_JWT_MAX || second == NULL || strchr(second + 1, '.') != NULL) {
        return false;
    }
    *out = (parts){.head = token,
                   .head_size = (size_t)(first - token),
                   .claims = first + 1,
                   .claims_size = (size_t)(second - first - 1),
                   .signature = second + 1,
                   .signature_size = size - (size_t)(second + 1 - token)};
    return true;
}

/* An object in base64url; NULL when it is none. */
static json_t *object_read(const char *text, size_t length) {
    uint8_t bytes[CH_JWT_MAX];
    size_t size = 0;
    if (ch_base64_read(bytes, sizeof(bytes), &size, text, length) != CHOIR_OK) {
        return NULL;
    }
    json_t *root = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

/* ----------------------------------------------------------------------------------------- head */

static bool is_access_type(const json_t *type) {
    const char *text = json_string_value(type);
    return type == NULL ||
           (text != NULL && (strcasecmp(text, "JWT") == 0 || strcasecmp(text, "at+jwt") == 0));
}

/* The key that the head names, when it is one for the head's algorithm. */
static choir_status key_choose(const ch_public_key **out, const json_t *head, const ch_jwks *keys,
                               choir_error *err) {
    const char *algorithm = json_string_value(json_object_get(head, "alg"));
    const char *id = json_string_value(json_object_get(head, "kid"));
    if (algorithm == NULL || id == NULL) {
        return refused(err, "its head must name an alg and the kid of a key");
    }
    if (json_object_get(head, "crit") != NULL || !is_access_type(json_object_get(head, "typ"))) {
        return refused(err,
                       "its head asks for what is not known here, or it is for something else");
    }
    const ch_public_key *key = ch_jwks_find(keys, id);
    if (key == NULL || strcmp(key->algorithm, algorithm) != 0) {
        return refused(err, "there is no key of that kid for that alg");
    }
    *out = key;
    return CHOIR_OK;
}

static choir_status signature_check(const parts *p, const char *token, const ch_jwks *keys,
                                    choir_error *err) {
    json_t *head = object_read(p->head, p->head_size);
    if (head == NULL) {
        return refused(err, "its head is no JSON object in base64url");
    }
    const ch_public_key *key = NULL;
    const choir_status status = key_choose(&key, head, keys, err);
    json_decref(head);
    if (status != CHOIR_OK) {
        return status;
    }
    uint8_t signature[CH_RSA_BITS_MAX / 8];
    size_t size = 0;
    const choir_bytes message = {.data = (const uint8_t *)token,
                                 .size = p->head_size + 1 + p->claims_size};
    if (ch_base64_read(signature, sizeof(signature), &size, p->signature, p->signature_size) !=
            CHOIR_OK ||
        !ch_public_key_check(key, message, (choir_bytes){signature, size})) {
        return refused(err, "its signature is not right");
    }
    return CHOIR_OK;
}

/* --------------------------------------------------------------------------------------- claims */

/* A time of the claims, seconds; *out stays when it is not there. False when it is none. */
static bool time_read(const json_t *claims, const char *name, double *out) {
    const json_t *value = json_object_get(claims, name);
    if (value == NULL) {
        return true;
    }
    const double seconds = json_number_value(value);
    *out = seconds;
    return json_is_number(value) && seconds >= 0 && seconds <= TIME_MAX;
}

static choir_status times_check(const json_t *claims, uint64_t now_s, choir_error *err) {
    double expires = NAN;
    double begins = 0;
    double issued = 0;
    const double now = (double)now_s;
    if (!time_read(claims, "exp", &expires) || !time_read(claims, "nbf", &begins) ||
        !time_read(claims, "iat", &issued) || isnan(expires)) {
        return refused(err, "its exp, nbf and iat must be seconds since 1970, and exp be there");
    }
    if (now >= expires + CH_JWT_LEEWAY_S) {
        return ch_error_set(err, CHOIR_ESTALE, "token: its time is over; get another");
    }
    if (now + CH_JWT_LEEWAY_S < begins || now + CH_JWT_LEEWAY_S < issued) {
        return ch_error_set(err, CHOIR_ESTALE,
                            "token: its time has not come; are the clocks right?");
    }
    return CHOIR_OK;
}

static bool is_text(const json_t *value, const char *text) {
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static bool is_for(const json_t *audience, const char *us) {
    size_t i = 0;
    const json_t *one = NULL;
    bool found = is_text(audience, us);
    json_array_foreach(audience, i, one) {
        found = found || is_text(one, us);
    }
    return found;
}

static choir_status claims_check(ch_jwt *out, const json_t *claims, const ch_jwt_rules *rules,
                                 uint64_t now_s, choir_error *err) {
    const choir_status status = times_check(claims, now_s, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (rules->issuer[0] != '\0' && !is_text(json_object_get(claims, "iss"), rules->issuer)) {
        return refused(err, "its iss is not the issuer that is believed here");
    }
    if (rules->audience[0] != '\0' && !is_for(json_object_get(claims, "aud"), rules->audience)) {
        return refused(err, "its aud is somebody else");
    }
    const char *subject = json_string_value(json_object_get(claims, "sub"));
    if (subject == NULL || subject[0] == '\0' || strlen(subject) >= sizeof(out->subject) ||
        !ch_text_is_printable(subject)) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "token: its sub must be a printable text of 1 to %d bytes",
                            CH_JWT_SUBJECT_MAX - 1);
    }
    memcpy(out->subject, subject, strlen(subject) + 1);
    return CHOIR_OK;
}

choir_status ch_jwt_claims(ch_jwt *out, choir_bytes claims, const ch_jwt_rules *rules,
                           uint64_t now_s, choir_error *err) {
    json_t *root = json_loadb((const char *)claims.data, claims.size, JSON_REJECT_DUPLICATES, NULL);
    const choir_status status = json_is_object(root)
                                    ? claims_check(out, root, rules, now_s, err)
                                    : refused(err, "its claims are no JSON object");
    json_decref(root);
    return status;
}

choir_status ch_jwt_read(ch_jwt *out, const char *token, const ch_jwks *keys,
                         const ch_jwt_rules *rules, uint64_t now_s, choir_error *err) {
    parts p;
    if (!parts_split(&p, token)) {
        return refused(err, "must be three parts with '.' between, of less than 4096 bytes");
    }
    choir_status status = signature_check(&p, token, keys, err);
    if (status != CHOIR_OK) {
        return status;
    }
    uint8_t claims[CH_JWT_MAX];
    size_t size = 0;
    if (ch_base64_read(claims, sizeof(claims), &size, p.claims, p.claims_size) != CHOIR_OK) {
        return refused(err, "its claims are no base64url");
    }
    return ch_jwt_claims(out, (choir_bytes){claims, size}, rules, now_s, err);
}
