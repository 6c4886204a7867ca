/*
 * Routes of administrators who look: at all jobs, at one, at what its rounds came to.
 *
 *     GET /v1/admin/jobs                                -> all, a summary each
 *     GET /v1/admin/jobs/REF                            -> one
 *     GET /v1/admin/jobs/REF/details                    -> everything of one
 *     GET /v1/admin/jobs/REF/rounds    ?from=N&limit=M  -> what its rounds came to
 *     GET /v1/admin/jobs/REF/sum       ?round=N         -> little-endian int64
 *     GET /v1/admin/jobs/REF/receipts  ?round=N         -> whose reports are in it
 *     GET /v1/admin/jobs/REF/bundle                     -> its initial model, as safetensors
 *
 * REF is a name, for the version that is the job's now, or NAME@VERSION.
 */
#include "net/routes.h"

#include "base/env.h"
#include "base/error.h"
#include "base/text.h"
#include "job/select.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 1000 }; // in one answer

// ----- what these routes share ------------------------------------------------------------------

/* False when the store refused it, which the log then says. */
static bool audit_add(const ch_ask *ask, const char *act, const char *matter) {
    ch_server *s = ask->server;
    const ch_audit entry = {.at_ms = ch_server_unix_ms(),
                            .actor = ask->admin.name,
                            .act = act,
                            .matter = matter,
                            .detail = ch_http_peer(ask->exchange)};
    choir_error err = {.message = ""};
    if (ch_hosting_store_audit_add(s->store, &entry, &err) == CHOIR_OK) {
        return true;
    }
    char why[2 * sizeof(err.message)];
    (void)ch_text_quote(why, sizeof(why), err.message);
    ch_log(&s->env, CHOIR_LEVEL_ERROR, "audit_failed", "act=%s why=%s", act, why);
    return false;
}

void ch_ask_audit(const ch_ask *ask, const char *act, const char *matter) {
    (void)audit_add(ask, act, matter); // what was done is done
}

void ch_answer_failure(const ch_ask *ask, choir_status status, const choir_error *err) {
    if (status == CHOIR_EAGAIN) {
        ch_answer_error(ask->exchange, 409, "%s", err->message);
    } else if (status == CHOIR_EINVAL || status == CHOIR_EPROTO) {
        ch_answer_error(ask->exchange, 400, "%s", err->message);
    } else {
        ch_log_text(&ask->server->env, CHOIR_LEVEL_ERROR, "asked_failed", "why", err->message);
        ch_answer_busy(ask->exchange, "the server has no memory or disk for it");
    }
}

// ----- what is told of a job --------------------------------------------------------------------

static json_t *row_json(const ch_metrics_row *row) {
    char line[CH_METRICS_LINE_MAX];
    const size_t size = ch_metrics_row_json(line, row);
    return json_loadb(line, size, 0, NULL);
}

/* The keys of a selection that are given. */
static json_t *select_json(const choir_job_select *s) {
    return json_pack("{s:s*, s:s*, s:s*}", "platform", s->platform[0] == '\0' ? NULL : s->platform,
                     "version", s->version[0] == '\0' ? NULL : s->version, "tags",
                     s->tags[0] == '\0' ? NULL : s->tags);
}

json_t *ch_job_json(const ch_hosted *h) {
    char hash[2 * CHOIR_HASH_BYTES + 1] = "";
    uint32_t cohort = 0;
    if (ch_hosted_is_open(h)) {
        choir_hash_text(&h->kept.model, hash);
        (void)choir_coordinator_cohort(h->coordinator, &cohort);
    }
    json_t *out = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I}", "name",
                            h->row.name, "version", (json_int_t)h->row.version, "state",
                            ch_hosted_shown_state(h), "round", (json_int_t)h->kept.closed, "rounds",
                            (json_int_t)h->job.rounds, "clients", (json_int_t)h->row.clients,
                            "parameters", (json_int_t)h->row.dim, "cohort", (json_int_t)cohort,
                            "model", hash, "requests", (json_int_t)h->requests, "bytes_up",
                            (json_int_t)h->bytes_up, "bytes_down", (json_int_t)h->bytes_down);
    if (out != NULL && !ch_select_is_all(&h->job.select)) {
        (void)json_object_set_new(out, "select", select_json(&h->job.select));
    }
    if (out != NULL && h->kept.last.round > 0) {
        (void)json_object_set_new(out, "last", row_json(&h->kept.last));
    }
    return out;
}

void ch_route_jobs(ch_ask *ask) {
    ch_server *s = ask->server;
    json_t *list = json_array();
    (void)pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        (void)json_array_append_new(list, ch_job_json(s->jobs[i]));
    }
    (void)pthread_mutex_unlock(&s->lock);
    ch_answer_json(ask->exchange, 200, json_pack("{s:o}", "jobs", list));
}

void ch_answer_missing(const ch_ask *ask) {
    ch_answer_error(ask->exchange, 404, "there is no job '%s' here", ask->wild);
}

void ch_route_job(ch_ask *ask) {
    ch_server *s = ask->server;
    (void)pthread_mutex_lock(&s->lock);
    const ch_hosted *h = ch_server_find(s, ask->wild);
    json_t *found = h == NULL ? NULL : ch_job_json(h);
    (void)pthread_mutex_unlock(&s->lock);
    if (h == NULL) {
        ch_answer_missing(ask);
    } else {
        ch_answer_json(ask->exchange, 200, found);
    }
}

/* The store's number of a job; 0 when there is none. */
static int64_t job_id(const ch_ask *ask) {
    (void)pthread_mutex_lock(&ask->server->lock);
    const ch_hosted *h = ch_server_find(ask->server, ask->wild);
    const int64_t id = h == NULL ? 0 : h->row.id;
    (void)pthread_mutex_unlock(&ask->server->lock);
    return id;
}

void ch_round_json(void *list, const ch_round_row *row) {
    json_t *round = json_loadb((const char *)row->summary.data, row->summary.size, 0, NULL);
    choir_hash hash;
    char text[2 * CHOIR_HASH_BYTES + 1];
    memcpy(hash.bytes, row->model, sizeof(hash.bytes));
    choir_hash_text(&hash, text);
    (void)json_object_set_new(round, "model", json_string(text));
    (void)json_object_set_new(round, "has_model", json_boolean(row->has_model));
    (void)json_object_set_new(round, "closed_ms", json_integer((json_int_t)row->closed_ms));
    (void)json_array_append_new(list, round);
}

bool ch_ask_number(const ch_ask *ask, const char *name, uint32_t most, uint32_t *out) {
    const char *text = ch_http_query(ask->exchange, name);
    if (text == NULL) {
        return true;
    }
    char *end = NULL;
    const unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > most) {
        ch_answer_error(ask->exchange, 400, "%s: must be a whole number up to %" PRIu32, name,
                        most);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

void ch_route_rounds(ch_ask *ask) {
    const int64_t id = job_id(ask);
    uint32_t from = 1;
    uint32_t limit = 100;
    if (id == 0) {
        ch_answer_missing(ask);
        return;
    }
    if (!ch_ask_number(ask, "from", UINT32_MAX, &from) ||
        !ch_ask_number(ask, "limit", ROUNDS_MAX, &limit)) {
        return;
    }
    json_t *list = json_array();
    choir_error err = {.message = ""};
    if (ch_hosting_store_rounds(ask->server->store, id, from, limit, ch_round_json, list, &err) !=
        CHOIR_OK) {
        json_decref(list);
        ch_answer_busy(ask->exchange, "the store cannot be read");
        return;
    }
    ch_answer_json(ask->exchange, 200, json_pack("{s:o}", "rounds", list));
}

/* A job and a round of it; false when it is none, and then it was answered. */
static bool round_ask(const ch_ask *ask, int64_t *id, uint32_t *round) {
    *id = job_id(ask);
    *round = 0;
    if (*id == 0) {
        ch_answer_missing(ask);
        return false;
    }
    return ch_ask_number(ask, "round", UINT32_MAX, round);
}

void ch_route_sum(ch_ask *ask) {
    int64_t id = 0;
    uint32_t round = 0;
    if (!round_ask(ask, &id, &round)) {
        return;
    }
    ch_stored sum = {0};
    choir_error err = {.message = ""};
    const choir_status status = ch_hosting_store_sum(ask->server->store, &sum, id, round, &err);
    if (status == CHOIR_OK) {
        ch_http_answer(ask->exchange, 200, "application/octet-stream",
                       (choir_bytes){.data = sum.data, .size = sum.size});
    } else if (status == CHOIR_EAGAIN) {
        ch_answer_error(ask->exchange, 404, "the sum of round %" PRIu32 " of '%s' is not kept",
                        round, ask->wild);
    } else {
        ch_answer_busy(ask->exchange, "the store cannot be read");
    }
    ch_stored_release(&sum);
}

/* That somebody reads what devices sent, before it goes: a line for a round, not for each of its
 * clients, as long as it is the same reader's. False when that could not be noted. */
static bool update_audit(const ch_ask *ask, uint32_t round) {
    ch_server *s = ask->server;
    ch_updates_read now = {.round = round, .admin = ask->admin.id};
    (void)pthread_mutex_lock(&s->lock);
    const ch_hosted *h = ch_server_find(s, ask->wild);
    (void)snprintf(now.job, sizeof(now.job), "%s", h == NULL ? ask->wild : h->reference);
    (void)pthread_mutex_unlock(&s->lock);
    const ch_updates_read *last = &s->updates_read;
    if (strcmp(last->job, now.job) == 0 && last->round == round && last->admin == now.admin) {
        return true;
    }
    char matter[sizeof(now.job) + 32];
    (void)snprintf(matter, sizeof(matter), "%s round %" PRIu32, now.job, round);
    if (!audit_add(ask, "updates_read", matter)) {
        return false;
    }
    s->updates_read = now;
    return true;
}

void ch_route_update(ch_ask *ask) {
    int64_t id = 0;
    uint32_t round = 0;
    uint32_t client = 0;
    if (!round_ask(ask, &id, &round) || !ch_ask_number(ask, "client", UINT32_MAX, &client)) {
        return;
    }
    ch_stored update = {0};
    choir_error err = {.message = ""};
    const choir_status status =
        ch_hosting_store_update(ask->server->store, &update, id, round, client, &err);
    if (status == CHOIR_OK && !update_audit(ask, round)) {
        ch_answer_busy(ask->exchange, "the audit log cannot be written");
    } else if (status == CHOIR_OK) {
        ch_http_answer_header(ask->exchange, "Cache-Control", "no-store");
        ch_http_answer(ask->exchange, 200, "application/x-protobuf",
                       (choir_bytes){.data = update.data, .size = update.size});
    } else if (status == CHOIR_EAGAIN) {
        ch_answer_error(ask->exchange, 404,
                        "the update of client %" PRIu32 " in round %" PRIu32 " of '%s' is not kept",
                        client, round, ask->wild);
    } else {
        ch_answer_busy(ask->exchange, "the store cannot be read");
    }
    ch_stored_release(&update);
}

static void receipt_add(void *list, const ch_receipt *receipt) {
    choir_hash digest;
    char text[2 * CHOIR_HASH_BYTES + 1];
    memcpy(digest.bytes, receipt->digest, sizeof(digest.bytes));
    choir_hash_text(&digest, text);
    (void)json_array_append_new(
        list, json_pack("{s:I, s:s}", "client", (json_int_t)receipt->client, "digest", text));
}

void ch_route_receipts(ch_ask *ask) {
    int64_t id = 0;
    uint32_t round = 0;
    if (!round_ask(ask, &id, &round)) {
        return;
    }
    json_t *list = json_array();
    choir_error err = {.message = ""};
    if (ch_hosting_store_receipts(ask->server->store, id, round, receipt_add, list, &err) ==
        CHOIR_OK) {
        ch_answer_json(ask->exchange, 200, json_pack("{s:o}", "receipts", list));
    } else {
        json_decref(list);
        ch_answer_busy(ask->exchange, "the store cannot be read");
    }
}

void ch_route_bundle(ch_ask *ask) {
    const int64_t id = job_id(ask);
    if (id == 0) {
        ch_answer_missing(ask);
        return;
    }
    ch_stored bundle = {0};
    choir_error err = {.message = ""};
    if (ch_hosting_store_job_bundle(ask->server->store, &bundle, id, &err) == CHOIR_OK) {
        ch_http_answer(ask->exchange, 200, "application/octet-stream",
                       (choir_bytes){.data = bundle.data, .size = bundle.size});
    } else {
        ch_answer_busy(ask->exchange, "the store cannot be read");
    }
    ch_stored_release(&bundle);
}

// ----- everything of one job --------------------------------------------------------------------

enum { LAST_ROUNDS = 5, LAST_PROMOTIONS = 20 };

/* The versions of the job's name, oldest first. With the lock. */
static json_t *versions_json(const ch_server *s, const char *name) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        const ch_hosted *h = s->jobs[i];
        if (strcmp(h->row.name, name) == 0) {
            (void)json_array_append_new(
                list, json_pack("{s:I, s:s, s:I, s:I}", "version", (json_int_t)h->row.version,
                                "state", ch_hosted_shown_state(h), "round",
                                (json_int_t)h->kept.closed, "rounds", (json_int_t)h->job.rounds));
        }
    }
    return list;
}

/* What memory knows. With the lock. */
static json_t *details_of(const ch_server *s, const ch_hosted *h) {
    json_t *out = ch_job_json(h);
    const uint64_t deadline_ms = ch_hosted_deadline_ms(h);
    const uint64_t now_ms = ch_server_now_ms();
    if (deadline_ms != UINT64_MAX) {
        const uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
        (void)json_object_set_new(out, "deadline_left_ms", json_integer((json_int_t)left_ms));
    }
    (void)json_object_set_new(out, "created_ms", json_integer((json_int_t)h->row.created_ms));
    (void)json_object_set_new(out, "digest", json_string(h->row.digest));
    (void)json_object_set_new(out, "versions", versions_json(s, h->row.name));
    return out;
}

static void promotion_add(void *list, const ch_promotion *p) {
    (void)json_array_append_new(list, ch_promotion_json(p));
}

/* What is promoted of the name, when something is, and what was. */
static choir_status promotions_add(json_t *out, ch_server *s, choir_error *err) {
    ch_promotion p;
    const char *name = json_string_value(json_object_get(out, "name"));
    choir_status status = ch_hosting_store_promoted(s->store, &p, name, err);
    if (status == CHOIR_OK) {
        (void)json_object_set_new(out, "promoted", ch_promotion_json(&p));
    } else if (status != CHOIR_EAGAIN) {
        return status;
    }
    json_t *list = json_array();
    (void)json_object_set_new(out, "promotions", list);
    return ch_hosting_store_promotions(s->store, name, LAST_PROMOTIONS, promotion_add, list, err);
}

/* What the store knows. */
static choir_status details_add(json_t *out, ch_server *s, int64_t id, uint32_t round,
                                choir_error *err) {
    ch_stored yaml = {0};
    uint32_t claims = 0;
    json_t *rounds = json_array();
    (void)json_object_set_new(out, "last_rounds", rounds);
    choir_status status = ch_hosting_store_job_yaml(s->store, &yaml, id, err);
    if (status == CHOIR_OK) {
        (void)json_object_set_new(out, "job", json_stringn((const char *)yaml.data, yaml.size));
        status = ch_hosting_store_claims(s->store, &claims, id, err);
    }
    if (status == CHOIR_OK) {
        (void)json_object_set_new(out, "joined", json_integer((json_int_t)claims));
        const uint32_t from = round < LAST_ROUNDS ? 1 : round + 1 - LAST_ROUNDS;
        status =
            ch_hosting_store_rounds(s->store, id, from, LAST_ROUNDS, ch_round_json, rounds, err);
    }
    ch_hosted_row row;
    if (status == CHOIR_OK) {
        status = ch_hosting_store_job(s->store, &row, id, err);
    }
    if (status == CHOIR_OK && row.best_round > 0) {
        (void)json_object_set_new(out, "best_round", json_integer((json_int_t)row.best_round));
    }
    ch_stored_release(&yaml);
    return status == CHOIR_OK ? promotions_add(out, s, err) : status;
}

void ch_route_details(ch_ask *ask) {
    ch_server *s = ask->server;
    int64_t id = 0;
    uint32_t round = 0;
    json_t *out = NULL;
    (void)pthread_mutex_lock(&s->lock);
    const ch_hosted *h = ch_server_find(s, ask->wild);
    if (h != NULL) {
        id = h->row.id;
        round = h->kept.closed;
        out = details_of(s, h);
    }
    (void)pthread_mutex_unlock(&s->lock);
    choir_error err = {.message = ""};
    if (h == NULL) {
        ch_answer_missing(ask);
        return;
    }
    const choir_status status = details_add(out, s, id, round, &err);
    if (status == CHOIR_OK) {
        ch_answer_json(ask->exchange, 200, out);
    } else {
        json_decref(out);
        ch_answer_busy(ask->exchange, "the store cannot be read");
    }
}
