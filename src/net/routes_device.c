/*
 * Routes of devices: exchange, fetch a model.
 *
 *     POST /v1/exchange      a Request, with the token  -> a Reply
 *     GET  /v1/models/HASH   parameters; whoever knows the hash has been told it
 */
#include "net/routes.h"

#include "base/assert.h"
#include "base/env.h"
#include "base/error.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"
#include "net/http_text.h"
#include "net/offer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MAX_S = 60, // that a check-in sleeps
};

// ----- exchange ---------------------------------------------------------------------------------

void ch_answer_refused(ch_http_exchange *x, choir_refusal refusal) {
    uint8_t bytes[CHOIR_ANSWER_MAX];
    ch_answer_reply(x, (choir_bytes){bytes, choir_answer_refused(bytes, refusal)});
}

/* How long the client would rather wait than come back, "Prefer: wait=25" (RFC 7240, 4.3), ms. */
static uint64_t patience_ms(const ch_http_exchange *x) {
    static const char word[] = "wait=";
    const char *prefer = ch_http_header(x, "Prefer");
    const char *at = prefer == NULL ? NULL : strstr(prefer, word);
    if (at == NULL) {
        return 0;
    }
    const unsigned long seconds = strtoul(at + sizeof(word) - 1, NULL, 10);
    return 1000 * (seconds < PATIENCE_MAX_S ? seconds : PATIENCE_MAX_S);
}

/* Whether there is nothing to do for a client that rather waits than comes back. */
static bool may_sleep(const ch_http_exchange *x, const ch_hosted *h, const choir_route *route,
                      choir_bytes reply) {
    return !route->is_report && patience_ms(x) > 0 && ch_hosted_is_running(h) &&
           choir_answer_of(reply) == CHOIR_ANSWER_WAIT;
}

/* A version that has not met the subject takes it in under the number it has in its token, when
 * that is free. */
static void meet(ch_server *s, ch_http_exchange *x, const choir_route *route,
                 const ch_claims *claims) {
    ch_entrant e = {.exchange = x,
                    .kind = CH_ENTRANT_CHECKS_IN,
                    .subject = {.id = claims->subject},
                    .wanted = route->client,
                    .claims = *claims};
    (void)snprintf(e.job, sizeof(e.job), "%s", route->job);
    ch_door_enter(s, &e);
}

static ch_exchanged client_answer(ch_server *s, ch_hosted *h, ch_http_exchange *x,
                                  const choir_route *route) {
    bool hold = false;
    const uint64_t now_ms = ch_server_now_ms();
    const choir_bytes reply = ch_hosted_reply(h, now_ms, route, ch_http_body(x), &hold);
    // before the answer, after which the reply may be another one's
    const bool is_again = route->is_report && choir_answer_of(reply) == CHOIR_ANSWER_WAIT;
    ch_exchanged how = is_again ? CH_EXCHANGED_AGAIN : CH_EXCHANGED;
    if (route->is_report && hold) {
        ch_hosted_wait(h, x, reply);
    } else if (!hold && !may_sleep(x, h, route, reply)) {
        ch_answer_reply(x, reply);
    } else if (ch_hosted_sleep(h, x, now_ms, patience_ms(x))) {
        how = CH_EXCHANGED_LATER;
    } else {
        ch_answer_busy(x, "too many clients wait");
    }
    ch_server_wake(s);
    return how;
}

void ch_answer_rejoin(ch_http_exchange *x) {
    ch_http_answer_header(x, "WWW-Authenticate", "Bearer");
    ch_answer_error(x, 401,
                    "token: its client is none of this device's in the job's version; join again");
}

ch_exchanged ch_exchange_answer(ch_server *s, ch_http_exchange *x, const ch_claims *claims) {
    choir_route route;
    choir_refusal refusal;
    if (choir_route_read(&route, &refusal, ch_http_body(x)) != CHOIR_OK) {
        ch_answer_refused(x, refusal);
        return CH_EXCHANGED;
    }
    ch_hosted *h = ch_server_find(s, route.job);
    if (h == NULL || route.client != claims->client || strcmp(claims->job, h->row.name) != 0) {
        ch_answer_refused(x, CHOIR_REFUSAL_UNSAMPLED);
    } else if (route.client >= h->row.clients) {
        ch_answer_rejoin(x);
    } else if (s->disk_fails) { // what is learnt now could not be kept
        ch_answer_busy(x, "the server cannot write to its disk");
        return CH_EXCHANGED_AGAIN;
    } else if (s->is_draining && !route.is_report) {
        ch_answer_busy(x, "the server is stopping");
        return CH_EXCHANGED_AGAIN;
    } else if (!ch_hosted_is_open(h)) { // nor whose its clients are; it is told to all alike
        return client_answer(s, h, x, &route);
    } else if (h->roster[route.client] == 0) {
        meet(s, x, &route, claims);
        return CH_EXCHANGED_LATER;
    } else if (h->roster[route.client] != claims->subject) {
        ch_answer_rejoin(x);
    } else {
        return client_answer(s, h, x, &route);
    }
    return CH_EXCHANGED;
}

void ch_route_exchange(ch_ask *ask) {
    (void)pthread_mutex_lock(&ask->server->lock);
    (void)ch_exchange_answer(ask->server, ask->exchange, &ask->claims);
    (void)pthread_mutex_unlock(&ask->server->lock);
}

// ----- models -----------------------------------------------------------------------------------

/* The model of an open round, an owner more; NULL when it is none. */
static ch_model *model_open(ch_server *s, const choir_hash *hash) {
    ch_model *found = NULL;
    (void)pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->jobs_count && found == NULL; i++) {
        ch_model *const models[] = {s->jobs[i]->model, s->jobs[i]->offered};
        for (size_t j = 0; j < 2 && found == NULL; j++) {
            if (models[j] != NULL && memcmp(&models[j]->hash, hash, sizeof(*hash)) == 0) {
                found = ch_model_share(models[j]);
            }
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    return found;
}

/* Reads the model of a round that has closed. */
static choir_status model_read(ch_model **out, ch_server *s, const choir_hash *hash) {
    ch_stored stored = {0};
    choir_error err;
    const choir_status status = ch_hosting_store_model(s->store, &stored, hash->bytes, &err);
    if (status == CHOIR_OK) {
        const choir_bytes bytes = {.data = stored.data, .size = stored.size};
        *out = ch_model_create(hash, bytes, &s->env);
    }
    ch_stored_release(&stored);
    return status == CHOIR_OK && *out == NULL ? CHOIR_ENOMEM : status;
}

/* The same, when somebody is fetching it already, as it is. */
static choir_status model_stored(ch_model **out, ch_server *s, const choir_hash *hash) {
    *out = ch_models_find(&s->fetched, hash);
    if (*out != NULL) {
        return CHOIR_OK;
    }
    if (!ch_models_have_room(&s->fetched)) {
        return CHOIR_ENOMEM;
    }
    const choir_status status = model_read(out, s, hash);
    if (status == CHOIR_OK) {
        ch_models_add(&s->fetched, *out);
    }
    return status;
}

static bool wants_zstd(const ch_http_exchange *x) {
    const char *accepts = ch_http_header(x, "Accept-Encoding");
    return accepts != NULL && strstr(accepts, "zstd") != NULL;
}

void ch_route_model(ch_ask *ask) {
    choir_hash hash;
    if (!ch_http_hash_read(hash.bytes, ask->wild)) {
        ch_answer_error(ask->exchange, 404, "a model's name is 64 hexadecimal digits");
        return;
    }
    ch_model *m = model_open(ask->server, &hash);
    const choir_status status = m != NULL ? CHOIR_OK : model_stored(&m, ask->server, &hash);
    if (status == CHOIR_EAGAIN) {
        ch_answer_error(ask->exchange, 404, "there is no model %s, or none any more", ask->wild);
        return;
    }
    if (status != CHOIR_OK) {
        ch_answer_busy(ask->exchange, status == CHOIR_ENOMEM ? "there is no memory for the model"
                                                             : "the model cannot be read");
        return;
    }
    if (wants_zstd(ask->exchange)) {
        ch_model_pack(m);
    }
    const ch_http_content content = {.bytes = m->bytes,
                                     .packed = m->packed,
                                     .type = "application/octet-stream",
                                     .etag = ask->wild,
                                     .cache = "public, max-age=31536000, immutable",
                                     .release = ch_model_release,
                                     .owner = m};
    ch_http_answer_content(ask->exchange, &content);
}
