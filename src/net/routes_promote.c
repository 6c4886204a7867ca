/*
 * Routes of promoted models: which model of a job's name devices use.
 *
 *     GET  /v1/jobs/NAME/promoted           -> version, round, hash, what the model says of itself
 *     POST /v1/admin/jobs/REF/promote       {round}  -> the model of that round, or of the last
 *     POST /v1/admin/jobs/REF/rollback      -> what was promoted before
 *     GET  /v1/admin/jobs/REF/promotions    -> the history, newest first
 *
 * The first is for devices with a token of the job: parameters are served to whoever knows their
 * hash, so that any cache may keep them, and this is what tells the hash of a finished model.
 */
#include "net/routes.h"

#include "base/error.h"
#include "net/offer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY_MAX = 1000, HASH_TEXT = 2 * CHOIR_HASH_BYTES + 1 };

static void hash_write(char out[HASH_TEXT], const ch_promotion *p) {
    choir_hash hash;
    memcpy(hash.bytes, p->model, sizeof(hash.bytes));
    choir_hash_text(&hash, out);
}

json_t *ch_promotion_json(const ch_promotion *p) {
    char hash[HASH_TEXT];
    hash_write(hash, p);
    json_t *out = json_pack("{s:I, s:I, s:s, s:I, s:s, s:b}", "version", (json_int_t)p->version,
                            "round", (json_int_t)p->round, "hash", hash, "promoted_ms",
                            (json_int_t)p->at_ms, "promoted_by", p->actor, "stands", p->stands);
    if (out != NULL && p->undone_ms > 0) {
        (void)json_object_set_new(out, "undone_ms", json_integer((json_int_t)p->undone_ms));
        (void)json_object_set_new(out, "undone_by", json_string(p->undone_by));
    }
    return out;
}

// ----- for devices ------------------------------------------------------------------------------

/* The answer as text, to be freed; NULL without memory. */
static char *promoted_text(const ch_ask *ask, const ch_promotion *p, choir_bytes head,
                           uint32_t dim) {
    char hash[HASH_TEXT];
    uint8_t signature[CH_SIGNATURE_BYTES];
    ch_promoted_offer offer = {.name = ask->wild,
                               .version = p->version,
                               .round = p->round,
                               .parameters = dim,
                               .model = head};
    memcpy(offer.hash.bytes, p->model, sizeof(offer.hash.bytes));
    ch_promoted_offer_sign(signature, &offer, ask->server->signing.secret_key);
    const choir_bytes seal = {.data = signature, .size = sizeof(signature)};
    hash_write(hash, p);
    json_t *root =
        json_pack("{s:s, s:I, s:I, s:s, s:I, s:I, s:o, s:o}", "name", ask->wild, "version",
                  (json_int_t)p->version, "round", (json_int_t)p->round, "hash", hash, "parameters",
                  (json_int_t)dim, "promoted_ms", (json_int_t)p->at_ms, "model",
                  ch_bytes_json(offer.model), "signature", ch_bytes_json(seal));
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(root);
    return text;
}

static void promoted_answer(const ch_ask *ask, const ch_promotion *p, char *text) {
    char etag[HASH_TEXT + 24];
    char hash[HASH_TEXT];
    hash_write(hash, p);
    (void)snprintf(etag, sizeof(etag), "%" PRId64 "-%s", p->id, hash);
    const ch_http_content content = {.bytes = {.data = (uint8_t *)text, .size = strlen(text)},
                                     .type = "application/json",
                                     .etag = etag,
                                     .release = free,
                                     .owner = text};
    ch_http_answer_header(ask->exchange, "Cache-Control", "private, no-cache");
    ch_http_answer_content(ask->exchange, &content);
}

/* The same of a version that is open, which has what its model says of itself; NULL of another. */
static char *open_text(const ch_ask *ask, const ch_promotion *p) {
    ch_server *s = ask->server;
    char *text = NULL;
    (void)pthread_mutex_lock(&s->lock);
    const ch_hosted *h = ch_server_find_id(s, p->job);
    if (h != NULL && ch_hosted_is_open(h)) {
        const choir_bytes head = {.data = h->head, .size = h->head_size};
        text = promoted_text(ask, p, head, h->row.dim);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return text;
}

/* And of any, from the store, which reads all of its initial model for that. */
static char *stored_text(const ch_ask *ask, const ch_promotion *p) {
    ch_hosting_store *store = ask->server->store;
    ch_hosted_row row;
    ch_stored bundle = {0};
    choir_status status = ch_hosting_store_job(store, &row, p->job, NULL);
    if (status == CHOIR_OK) {
        status = ch_hosting_store_job_bundle(store, &bundle, p->job, NULL);
    }
    const choir_bytes bytes = {.data = bundle.data, .size = bundle.size};
    char *text = status == CHOIR_OK ? promoted_text(ask, p, ch_offer_head(bytes), row.dim) : NULL;
    ch_stored_release(&bundle);
    return text;
}

void ch_route_promoted(ch_ask *ask) {
    if (strcmp(ask->claims.job, ask->wild) != 0) {
        ch_answer_error(ask->exchange, 403, "the token is for the job '%s'", ask->claims.job);
        return;
    }
    ch_promotion p;
    choir_error err = {.message = ""};
    const choir_status status = ch_hosting_store_promoted(ask->server->store, &p, ask->wild, &err);
    char *text = status == CHOIR_OK ? open_text(ask, &p) : NULL;
    if (status == CHOIR_OK && text == NULL) {
        text = stored_text(ask, &p);
    }
    if (status == CHOIR_EAGAIN) {
        ch_answer_error(ask->exchange, 404, "%s", err.message);
    } else if (text == NULL) {
        ch_answer_busy(ask->exchange, "the store cannot be read");
    } else {
        promoted_answer(ask, &p, text);
    }
}

// ----- for administrators -----------------------------------------------------------------------

/* The job's row, and its last round; false when there is none, and then 404 was answered. */
static bool job_find(const ch_ask *ask, ch_hosted_row *row, uint32_t *round) {
    (void)pthread_mutex_lock(&ask->server->lock);
    const ch_hosted *h = ch_server_find(ask->server, ask->wild);
    if (h != NULL) {
        *row = h->row;
        *round = h->kept.closed;
    }
    (void)pthread_mutex_unlock(&ask->server->lock);
    if (h == NULL) {
        ch_answer_missing(ask);
    }
    return h != NULL;
}

/* Says what is promoted now, and writes it down. */
static void now_answer(const ch_ask *ask, const char *act, const char *name) {
    ch_promotion p;
    choir_error err = {.message = ""};
    const choir_status status = ch_hosting_store_promoted(ask->server->store, &p, name, &err);
    if (status != CHOIR_OK) {
        ch_answer_failure(ask, status, &err);
        return;
    }
    char matter[CHOIR_JOB_TEXT_MAX + 32];
    (void)snprintf(matter, sizeof(matter), "%s@%" PRIu32 " round %" PRIu32, name, p.version,
                   p.round);
    ch_ask_audit(ask, act, matter);
    json_t *out = ch_promotion_json(&p);
    (void)json_object_set_new(out, "name", json_string(name));
    ch_answer_json(ask->exchange, 200, out);
}

static void promote(const ch_ask *ask, const json_t *asked) {
    ch_hosted_row row;
    uint32_t round = 0;
    if (!job_find(ask, &row, &round)) {
        return;
    }
    if (asked != NULL) {
        const json_int_t value = json_integer_value(asked);
        if (!json_is_integer(asked) || value < 1 || value > UINT32_MAX) {
            ch_answer_error(ask->exchange, 400, "round: must be a whole number from 1");
            return;
        }
        round = (uint32_t)value;
    }
    choir_error err = {.message = ""};
    const choir_status status = ch_hosting_store_promote(
        ask->server->store, row.id, round, ch_server_unix_ms(), ask->admin.name, &err);
    if (status == CHOIR_OK) {
        now_answer(ask, "promote", row.name);
    } else {
        ch_answer_failure(ask, status, &err);
    }
}

void ch_route_promote(ch_ask *ask) {
    json_t *root = ch_ask_json(ask);
    if (root != NULL) {
        promote(ask, json_object_get(root, "round"));
        json_decref(root);
    }
}

void ch_route_rollback(ch_ask *ask) {
    ch_hosted_row row;
    uint32_t round = 0;
    if (!job_find(ask, &row, &round)) {
        return;
    }
    choir_error err = {.message = ""};
    const choir_status status = ch_hosting_store_rollback(
        ask->server->store, row.name, ch_server_unix_ms(), ask->admin.name, &err);
    if (status == CHOIR_OK) {
        now_answer(ask, "rollback", row.name);
    } else {
        ch_answer_failure(ask, status, &err);
    }
}

static void promotion_add(void *list, const ch_promotion *p) {
    (void)json_array_append_new(list, ch_promotion_json(p));
}

void ch_route_promotions(ch_ask *ask) {
    ch_hosted_row row;
    uint32_t round = 0;
    if (!job_find(ask, &row, &round)) {
        return;
    }
    json_t *list = json_array();
    choir_error err = {.message = ""};
    const choir_status status = ch_hosting_store_promotions(ask->server->store, row.name,
                                                            HISTORY_MAX, promotion_add, list, &err);
    if (status == CHOIR_OK) {
        ch_answer_json(ask->exchange, 200,
                       json_pack("{s:s, s:o}", "name", row.name, "promotions", list));
    } else {
        json_decref(list);
        ch_answer_busy(ask->exchange, "the store cannot be read");
    }
}
