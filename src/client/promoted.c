/* Promoted: see promoted.h. */
#include "client/promoted.h"

#include "base/arena.h"
#include "base/error.h"
#include "choir/blob.h"
#include "client/entry.h"
#include "crypto/encode.h"
#include "net/http_json.h"
#include "net/http_text.h"
#include "net/offer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { PATH_TEXT_MAX = 160, HEADER_MAX = 128, HASH_TEXT = 2 * CHOIR_HASH_BYTES + 1 };

/* What the server says is promoted. */
typedef struct said {
    choir_promoted model; // without parameters, its bytes owned
    char hash[HASH_TEXT];
    char etag[96];
} said;

static void give_back(const choir_env *env, void *block) {
    if (block != NULL) {
        env->free(env->self, block);
    }
}

void ch_promoted_release(ch_promoted *p) {
    give_back(&p->env, p->head);
    give_back(&p->env, p->params);
    give_back(&p->env, p->coming);
    *p = (ch_promoted){.env = p->env, .signing_key = p->signing_key};
}

static bool number_take(const json_t *root, const char *key, uint32_t most, uint32_t *out) {
    const json_t *field = json_object_get(root, key);
    const json_int_t value = json_integer_value(field);
    *out = (uint32_t)value;
    return json_is_integer(field) && value >= 1 && value <= most;
}

/* Whether the operator's server signed it, whatever proxy or cache it came through. */
static choir_status seal_check(const said *s, const json_t *root, const char *job,
                               const uint8_t *signing_key, choir_error *err) {
    uint8_t signature[CH_SIGNATURE_BYTES];
    size_t size = 0;
    const char *text = json_string_value(json_object_get(root, "signature"));
    const ch_promoted_offer offer = {.name = job,
                                     .version = s->model.version,
                                     .round = s->model.round,
                                     .parameters = s->model.dim,
                                     .hash = s->model.hash,
                                     .model = s->model.model};
    if (text == NULL ||
        ch_base64_read(signature, sizeof(signature), &size, text, strlen(text)) != CHOIR_OK ||
        size != sizeof(signature) || !ch_promoted_offer_check(signature, &offer, signing_key)) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "promoted: the model of '%s' is not signed by the key in the join "
                            "file; get the file anew from the operator",
                            job);
    }
    return CHOIR_OK;
}

static choir_status said_take(said *out, const json_t *root, uint32_t dim_max, uint8_t **head,
                              const choir_env *env, choir_error *err) {
    const char *hash = json_string_value(json_object_get(root, "hash"));
    const char *model = json_string_value(json_object_get(root, "model"));
    choir_promoted *m = &out->model;
    if (hash == NULL || !ch_http_hash_read(m->hash.bytes, hash) || model == NULL ||
        !number_take(root, "version", UINT32_MAX, &m->version) ||
        !number_take(root, "round", UINT32_MAX, &m->round) ||
        !number_take(root, "parameters", CHOIR_DIM_MAX, &m->dim)) {
        return ch_error_set(err, CHOIR_EPROTO, "promoted: the server's answer lacks a part of it");
    }
    if (m->dim > dim_max) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "promoted: the model has %u parameters, this client takes %u", m->dim,
                            dim_max);
    }
    const size_t length = strlen(model);
    *head = env->alloc(env->self, ch_arena_cost(length + 1, 1));
    if (*head == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "promoted: no memory for what the model is");
    }
    m->model.data = *head;
    if (ch_base64_read(*head, length, &m->model.size, model, length) != CHOIR_OK) {
        return ch_error_set(err, CHOIR_EPROTO, "promoted: the server's model is no base64url");
    }
    memcpy(out->hash, hash, HASH_TEXT);
    return CHOIR_OK;
}

/* Room for parameters; what had come of others is forgotten. */
static choir_status room_have(ch_promoted *p, uint32_t dim, choir_error *err) {
    if (p->coming != NULL && p->coming_dim == dim) {
        return CHOIR_OK;
    }
    give_back(&p->env, p->coming);
    ch_fetch_reset(&p->fetch);
    p->coming = p->env.alloc(p->env.self, ch_arena_cost(dim, sizeof(float)));
    p->coming_dim = dim;
    return p->coming != NULL
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_ENOMEM, "promoted: no memory for a model of %u parameters",
                              dim);
}

/* The parameters of that name, if they are: their hash is all that vouches for them. What comes
 * before a connection breaks is kept for the next call. */
static choir_status params_get(ch_promoted *p, said *s, ch_http_client *http, float **out,
                               choir_error *err) {
    choir_status status = room_have(p, s->model.dim, err);
    uint8_t *bytes = (uint8_t *)p->coming;
    const size_t size = s->model.dim * sizeof(float);
    bool gains = false;
    if (status == CHOIR_OK) {
        status = ch_fetch_get(&p->fetch, http, &s->model.hash, bytes, size, &gains, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    ch_fetch_reset(&p->fetch);
    choir_blob blob;
    if (choir_blob_open(&blob, (choir_bytes){bytes, size}, &s->model.hash) != CHOIR_OK) {
        return ch_error_set(err, CHOIR_EPROTO, "promoted: what the server sent is not the model %s",
                            s->hash);
    }
    *out = p->coming;
    p->coming = NULL;
    return CHOIR_OK;
}

/* Takes what is said over what there is; the parameters only when they are others. */
static choir_status said_follow(ch_promoted *p, said *s, uint8_t *head, ch_http_client *http,
                                choir_error *err) {
    char have[HASH_TEXT] = "";
    if (p->params != NULL) {
        choir_hash_text(&p->model.hash, have);
    }
    const bool is_same = strcmp(have, s->hash) == 0 && p->model.dim == s->model.dim;
    float *params = p->params;
    if (!is_same) {
        const choir_status status = params_get(p, s, http, &params, err);
        if (status != CHOIR_OK) {
            return status;
        }
        give_back(&p->env, p->params);
    }
    give_back(&p->env, p->head);
    p->head = head;
    p->params = params;
    p->model = s->model;
    p->model.params = params;
    memcpy(p->etag, s->etag, sizeof(p->etag));
    return CHOIR_OK;
}

static choir_status answer_take(ch_promoted *p, const ch_http_reply *reply, ch_http_client *http,
                                const char *job, uint32_t dim_max, choir_error *err) {
    json_t *root = ch_http_json(reply->body);
    said s = {.hash = ""};
    uint8_t *head = NULL;
    memcpy(s.etag, reply->etag, sizeof(s.etag));
    choir_status status = said_take(&s, root, dim_max, &head, &p->env, err);
    if (status == CHOIR_OK) {
        status = seal_check(&s, root, job, p->signing_key, err);
    }
    json_decref(root);
    if (status == CHOIR_OK) {
        status = said_follow(p, &s, head, http, err);
    }
    if (status != CHOIR_OK) {
        give_back(&p->env, head);
    }
    return status;
}

choir_status ch_promoted_fetch(ch_promoted *p, ch_http_client *http, const char *job,
                               const char *token, uint32_t dim_max, bool *is_expired,
                               choir_error *err) {
    char path[PATH_TEXT_MAX];
    char match[HEADER_MAX];
    (void)snprintf(path, sizeof(path), "/v1/jobs/%s/promoted", job);
    (void)snprintf(match, sizeof(match), "If-None-Match: %s", p->etag);
    const bool has_one = p->params != NULL && p->etag[0] != '\0';
    const ch_http_call call = {.method = "GET",
                               .path = path,
                               .bearer = token,
                               .headers = {has_one ? match : NULL},
                               .answer_max = CH_ENTRY_OFFER_MAX};
    ch_http_reply reply = {0};
    const choir_status status = ch_http_client_send(http, &call, &reply, err);
    *is_expired = status == CHOIR_OK && reply.code == 401;
    if (status != CHOIR_OK || (has_one && reply.code == 304)) {
        return status;
    }
    if (reply.code != 200) {
        return ch_http_said(&reply, "promoted", err);
    }
    return answer_take(p, &reply, http, job, dim_max, err);
}
