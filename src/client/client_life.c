/* How a client is made, from what it is told, and unmade: see client.c. */
#include "client/client_parts.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEAD_MAX = 1 << 20, SILENCE_S = 30, PATIENCE_MAX_S = 60 };

/* Copies a text of the options; false, with a sentence, when it is missing or too long. */
static bool take(char *out, size_t size, const char *text, const char *key, choir_error *err) {
    if (text == NULL || strlen(text) >= size) {
        (void)ch_error_set(err, CHOIR_EINVAL, "client: %s must be a text of less than %zu bytes",
                           key, size);
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* Likewise; of what is sent as JSON and shown to people. */
static bool take_shown(char *out, size_t size, const char *text, const char *key,
                       choir_error *err) {
    if (!take(out, size, text, key, err)) {
        return false;
    }
    if (!ch_text_is_printable(text)) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_text_show(shown, sizeof(shown), text);
        (void)ch_error_set(err, CHOIR_EINVAL,
                           "client: %s '%s' must be UTF-8 without control characters", key, shown);
        return false;
    }
    return true;
}

static choir_status options_take(choir_client *c, const choir_client_options *o, choir_error *err) {
    if (o->join == NULL || o->job == NULL || o->job[0] == '\0') {
        return ch_error_set(err, CHOIR_EINVAL, "client: join and job are required");
    }
    if (o->dim_max == 0 || o->dim_max > CHOIR_DIM_MAX || o->retry_ms == 0 ||
        o->retry_max_ms < o->retry_ms || o->request_ms == 0 || o->patience_s > PATIENCE_MAX_S) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "client: dim_max must be in [1, %d], retry_ms and request_ms at least "
                            "1, retry_max_ms no less than retry_ms, patience_s at most %d",
                            CHOIR_DIM_MAX, PATIENCE_MAX_S);
    }
    if (o->part_bytes != 0 && o->part_bytes < CH_DELIVERY_PART_MIN) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "client: part_bytes is %" PRIu32 "; it must be 0 or at least %d",
                            o->part_bytes, CH_DELIVERY_PART_MIN);
    }
    c->delivery.part_max = o->part_bytes;
    c->wanted = o->client;
    c->dim_max = o->dim_max;
    c->retry_ms = o->retry_ms;
    c->retry_max_ms = o->retry_max_ms;
    c->progress = o->progress;
    c->self = o->self;
    ch_client_be_patient(c, o->patience_s);
    c->conditions = o->conditions == NULL ? choir_conditions_defaults() : *o->conditions;
    choir_status status = choir_conditions_check(&c->conditions, err);
    if (status == CHOIR_OK) {
        status = ch_approval_init(&c->approval, o->policy, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    const bool fit = take(c->job, sizeof(c->job), o->job, "job", err) &&
                     take(c->secret, sizeof(c->secret), o->join->secret, "secret", err) &&
                     take_shown(c->name, sizeof(c->name), o->name, "name", err) &&
                     take_shown(c->platform, sizeof(c->platform), o->platform, "platform", err) &&
                     take_shown(c->version, sizeof(c->version), o->version, "version", err) &&
                     take_shown(c->tags, sizeof(c->tags), o->tags, "tags", err) &&
                     take(c->token_file, sizeof(c->token_file),
                          o->token_file == NULL ? "" : o->token_file, "token_file", err);
    return fit ? CHOIR_OK : CHOIR_EINVAL;
}

static choir_status signing_key_take(choir_client *c, const choir_join *join, choir_error *err) {
    size_t size = 0;
    if (ch_base64_read(c->signing_key, sizeof(c->signing_key), &size, join->signing_key,
                       strlen(join->signing_key)) != CHOIR_OK ||
        size != sizeof(c->signing_key)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "client: the join file's signing_key must be %d bytes in base64url",
                            CH_PUBLIC_KEY_BYTES);
    }
    return CHOIR_OK;
}

choir_status ch_client_line(ch_identity *identity, ch_http_client **http,
                            const choir_client_options *o, const choir_env *env, choir_error *err) {
    *http = NULL;
    if (o->join == NULL) {
        return ch_error_set(err, CHOIR_EINVAL, "client: join is required");
    }
    const char *pin = o->ca_file != NULL ? "" : o->join->pin;
    choir_status status = ch_crypto_start(err);
    if (status == CHOIR_OK) {
        status = ch_identity_open(identity, o->state_dir, o->join->url, pin, env, err);
    }
    if (status == CHOIR_OK) {
        ch_http_client_options options = ch_http_client_defaults();
        options.url = o->join->url;
        options.ca_file = o->ca_file;
        options.pin = pin[0] == '\0' ? NULL : pin;
        options.certificate_file = o->certificate_file;
        options.key_file = o->key_file;
        options.request_ms = o->request_ms;
        options.silence_s = o->patience_s + SILENCE_S;
        options.is_stopped = o->is_stopped;
        options.self = o->self;
        options.body_max = (size_t)o->dim_max * sizeof(float) + HEAD_MAX;
        status = ch_http_client_create(http, &options, env, err);
    }
    return status;
}

/* All but the line. */
static choir_status client_build(choir_client *c, const choir_client_options *o, choir_error *err) {
    choir_status status = signing_key_take(c, o->join, err);
    if (status == CHOIR_OK) {
        status =
            ch_kept_init(&c->kept, o->state_dir, c->job, c->signing_key, c->dim_max, &c->env, err);
    }
    if (status == CHOIR_OK) {
        status = ch_carried_init(&c->carried, o->state_dir, c->job, c->signing_key, &c->env, err);
    }
    return status;
}

choir_status ch_client_create_with(choir_client **out, const choir_client_options *options,
                                   ch_identity *identity, ch_http_client *http,
                                   const choir_env *env, choir_error *err) {
    *out = NULL;
    choir_client *c = env->alloc(env->self, ch_arena_cost(1, sizeof(*c)));
    if (c == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a client");
    }
    *c = (choir_client){
        .env = *env, .promoted = {.env = *env}, .kept = {.lock_file = -1}, .is_lent = http != NULL};
    c->promoted.signing_key = c->signing_key;
    choir_status status = options_take(c, options, err);
    if (status == CHOIR_OK && http == NULL) {
        identity = &c->own;
        status = ch_client_line(identity, &http, options, env, err);
    }
    c->identity = identity;
    c->http = http;
    if (status == CHOIR_OK) {
        status = client_build(c, options, err);
    }
    if (status != CHOIR_OK) {
        choir_client_destroy(c);
        return status;
    }
    *out = c;
    return CHOIR_OK;
}

choir_status choir_client_create(choir_client **out, const choir_client_options *options,
                                 const choir_env *env, choir_error *err) {
    return ch_client_create_with(out, options, NULL, NULL, env, err);
}

static void model_free(choir_client *c) {
    choir_workspace_destroy(c->room);
    if (c->params != NULL) {
        c->env.free(c->env.self, c->params);
    }
    c->room = NULL;
    c->params = NULL;
    c->room_dim = 0;
    c->params_dim = 0;
}

size_t ch_client_bytes_with(uint32_t dim, uint32_t state_bytes) {
    return ch_arena_cost(1, sizeof(choir_client)) + choir_participant_bytes() +
           choir_workspace_bytes(dim) + ch_arena_cost(dim, sizeof(float)) +
           ch_carried_bytes(state_bytes);
}

size_t choir_client_bytes(uint32_t dim, uint32_t state_bytes) {
    return ch_client_bytes_with(dim, state_bytes) +
           ch_http_client_bytes((size_t)dim * sizeof(float));
}

void choir_client_destroy(choir_client *c) {
    if (c == NULL) {
        return;
    }
    const choir_env env = c->env;
    choir_participant_destroy(c->participant);
    model_free(c);
    ch_carried_release(&c->carried);
    ch_kept_release(&c->kept);
    ch_joined_release(&c->joined);
    ch_promoted_release(&c->promoted);
    if (!c->is_lent) {
        ch_http_client_destroy(c->http);
    }
    ch_wipe(c, sizeof(*c));
    env.free(env.self, c);
}

void ch_client_be_patient(choir_client *c, uint32_t seconds) {
    c->prefer[0] = '\0';
    if (seconds > 0) {
        (void)snprintf(c->prefer, sizeof(c->prefer), "Prefer: wait=%" PRIu32, seconds);
    }
}

void ch_client_rest(choir_client *c) {
    choir_intent intent = {.kind = CHOIR_INTENT_DONE};
    if (c->participant != NULL) {
        choir_participant_next(c->participant, UINT64_MAX, &intent); // whatever it waits for
    }
    const bool is_idle = intent.kind == CHOIR_INTENT_DONE ||
                         (intent.kind == CHOIR_INTENT_SEND && intent.task == NULL);
    if (is_idle) {
        model_free(c);
    }
}

const choir_offer *choir_client_offer(const choir_client *c) {
    return &c->joined.offer;
}
