/*
 * Routes of administrators: host a job, look at it, steer it.
 *
 *     POST /v1/admin/jobs                {job, model, clients}  -> the version that is now hosted
 *     GET  /v1/admin/jobs                                       -> all, a summary each
 *     GET  /v1/admin/jobs/REF                                   -> one
 *     GET  /v1/admin/jobs/REF/rounds     ?from=N&limit=M        -> what its rounds came to
 *     GET  /v1/admin/jobs/REF/bundle                            -> its initial model, a safetensors
 * file POST /v1/admin/jobs/REF/pause | resume | stop
 *
 * REF is a name, for the version that is the job's now, or NAME@VERSION.
 */
#include "net/routes.h"

#include "base/env.h"
#include "base/error.h"
#include "base/sha256.h"
#include "crypto/encode.h"
#include "job/coordinator.h"
#include "onnx/safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 1000 }; // in one answer

// ----- what is told of a job --------------------------------------------------------------------

static json_t *row_json(const ch_metrics_row *row) {
    char line[CH_METRICS_LINE_MAX];
    const size_t size = ch_metrics_row_json(line, row);
    return json_loadb(line, size, 0, NULL);
}

/* With the lock. */
static json_t *job_json(const ch_hosted *h) {
    char hash[2 * CHOIR_HASH_BYTES + 1];
    choir_hash_text(&h->model->hash, hash);
    uint32_t cohort = 0;
    (void)choir_coordinator_cohort(h->coordinator, &cohort);
    json_t *out = json_pack(
        "{s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I}", "name", h->row.name,
        "version", (json_int_t)h->row.version, "state", h->row.state, "round",
        (json_int_t)choir_coordinator_round(h->coordinator), "rounds", (json_int_t)h->job.rounds,
        "clients", (json_int_t)h->row.clients, "parameters", (json_int_t)h->row.dim, "cohort",
        (json_int_t)cohort, "model", hash, "requests", (json_int_t)h->requests, "bytes_up",
        (json_int_t)h->bytes_up, "bytes_down", (json_int_t)h->bytes_down);
    if (out != NULL && h->last.round > 0) {
        (void)json_object_set_new(out, "last", row_json(&h->last));
    }
    return out;
}

void ch_route_jobs(ch_ask *ask) {
    ch_server *s = ask->server;
    json_t *list = json_array();
    (void)pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        (void)json_array_append_new(list, job_json(s->jobs[i]));
    }
    (void)pthread_mutex_unlock(&s->lock);
    ch_answer_json(ask->exchange, 200, json_pack("{s:o}", "jobs", list));
}

static void answer_missing(const ch_ask *ask) {
    ch_answer_error(ask->exchange, 404, "there is no job '%s' here", ask->wild);
}

void ch_route_job(ch_ask *ask) {
    ch_server *s = ask->server;
    (void)pthread_mutex_lock(&s->lock);
    const ch_hosted *h = ch_server_find(s, ask->wild);
    json_t *found = h == NULL ? NULL : job_json(h);
    (void)pthread_mutex_unlock(&s->lock);
    if (h == NULL) {
        answer_missing(ask);
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

static void round_add(void *list, const ch_round_row *row) {
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

/* A whole number of the query; fallback when it is not there. False when it is something else, and
 * then 400 was answered. */
static bool query_number(const ch_ask *ask, const char *name, uint32_t most, uint32_t *out) {
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
        answer_missing(ask);
        return;
    }
    if (!query_number(ask, "from", UINT32_MAX, &from) ||
        !query_number(ask, "limit", ROUNDS_MAX, &limit)) {
        return;
    }
    json_t *list = json_array();
    choir_error err = {.message = ""};
    if (ch_hosting_store_rounds(ask->server->store, id, from, limit, round_add, list, &err) !=
        CHOIR_OK) {
        json_decref(list);
        ch_answer_busy(ask->exchange, "the store cannot be read");
        return;
    }
    ch_answer_json(ask->exchange, 200, json_pack("{s:o}", "rounds", list));
}

void ch_route_bundle(ch_ask *ask) {
    const int64_t id = job_id(ask);
    if (id == 0) {
        answer_missing(ask);
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

// ----- hosting ----------------------------------------------------------------------------------

/* What is asked to be hosted, checked as far as it can be without the store. */
typedef struct hosting {
    choir_job job;
    const char *yaml; // borrowed from the request
    size_t yaml_size;
    uint8_t *model; // (model_size) owned
    size_t model_size;
    ch_hosted_row row;
} hosting;

/* Letters that files, URLs and tokens take as they are. */
static bool name_is_plain(const char *name) {
    const size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789._-");
    return name[0] != '\0' && name[plain] == '\0';
}

static choir_status model_decode(hosting *h, const char *text, choir_error *err) {
    const size_t length = strlen(text);
    h->model = malloc(length + 1);
    if (h->model == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for the model");
    }
    if (ch_base64_read(h->model, length, &h->model_size, text, length) != CHOIR_OK) {
        return ch_error_set(err, CHOIR_EINVAL, "model: must be a safetensors file in base64url");
    }
    return CHOIR_OK;
}

/* That a coordinator can be made of it, which is what will be done with it. */
static choir_status coordinator_check(const hosting *h, const float *params, const choir_env *env,
                                      choir_error *err) {
    choir_coordinator_options o = ch_job_coordinator(&h->job, h->row.clients, h->row.dim);
    choir_coordinator *c = NULL;
    const choir_status status = choir_coordinator_create(&c, params, &o, env, err);
    choir_coordinator_destroy(c);
    return status;
}

static choir_status model_check(hosting *h, const choir_env *env, choir_error *err) {
    ch_safetensors file = {0};
    const choir_bytes bytes = {.data = h->model, .size = h->model_size};
    choir_status status = ch_safetensors_parse(&file, bytes, "model", env, err);
    if (status == CHOIR_OK) {
        h->row.dim = file.layout.dim;
        status = coordinator_check(h, file.params, env, err);
    }
    ch_safetensors_release(&file);
    return status;
}

/* The same YAML and the same model are the same job. */
static void digest(hosting *h) {
    uint8_t parts[2][CHOIR_HASH_BYTES];
    ch_sha256_of((const uint8_t *)h->yaml, h->yaml_size, parts[0]);
    ch_sha256_of(h->model, h->model_size, parts[1]);
    choir_hash hash;
    ch_sha256_of((const uint8_t *)parts, sizeof(parts), hash.bytes);
    choir_hash_text(&hash, h->row.digest);
}

static choir_status hosting_read(hosting *h, json_t *root, const choir_env *env, choir_error *err) {
    const json_t *yaml = json_object_get(root, "job");
    const json_t *model = json_object_get(root, "model");
    const json_t *clients = json_object_get(root, "clients");
    const json_int_t count = json_integer_value(clients);
    if (!json_is_string(yaml) || !json_is_string(model) || count < 1 || count > INT32_MAX) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "body: must have job (YAML), model (a safetensors file in base64url) "
                            "and clients (a whole number from 1)");
    }
    h->yaml = json_string_value(yaml);
    h->yaml_size = json_string_length(yaml);
    h->row.clients = (uint32_t)count;
    choir_status status = choir_job_parse(&h->job, h->yaml, h->yaml_size, "job", NULL, 0, err);
    if (status == CHOIR_OK && !name_is_plain(h->job.name)) {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "name: '%s' must be letters, digits, '.', '_' and '-' to be hosted",
                              h->job.name);
    }
    if (status == CHOIR_OK) {
        status = ch_job_hosting_check(&h->job, err);
    }
    if (status == CHOIR_OK) {
        status = model_decode(h, json_string_value(model), err);
    }
    if (status == CHOIR_OK) {
        status = model_check(h, env, err);
    }
    if (status == CHOIR_OK) {
        (void)snprintf(h->row.name, sizeof(h->row.name), "%s", h->job.name);
        (void)snprintf(h->row.state, sizeof(h->row.state), "running");
        digest(h);
    }
    return status;
}

/* The newest version of a name; NULL when there is none. With the lock. */
static ch_hosted *newest(const ch_server *s, const char *name) {
    ch_hosted *found = NULL;
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        ch_hosted *h = s->jobs[i];
        if (strcmp(h->row.name, name) == 0 &&
            (found == NULL || h->row.version > found->row.version)) {
            found = h;
        }
    }
    return found;
}

static void audit(ch_server *s, const ch_ask *ask, const char *act, const char *matter) {
    const ch_audit entry = {.at_ms = ch_server_unix_ms(),
                            .actor = ask->admin.name,
                            .act = act,
                            .matter = matter,
                            .detail = ch_http_peer(ask->exchange)};
    choir_error err = {.message = ""};
    if (ch_hosting_store_audit_add(s->store, &entry, &err) != CHOIR_OK) {
        ch_log(&s->env, CHOIR_LEVEL_ERROR, "audit_failed", "act=%s why=\"%s\"", act, err.message);
    }
}

/* Into the store, then into memory. With the lock. */
static choir_status job_add(ch_server *s, hosting *h, choir_error *err) {
    if (s->jobs_count == CH_JOBS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "this server hosts %d jobs, and can host no more",
                            CH_JOBS_MAX);
    }
    const choir_bytes bundle = {.data = h->model, .size = h->model_size};
    choir_status status =
        ch_hosting_store_job_add(s->store, &h->row.id, &h->row, h->yaml, bundle, err);
    if (status == CHOIR_OK) {
        status = ch_hosted_open(&s->jobs[s->jobs_count], s->store, &h->row, ch_server_now_ms(),
                                &s->env, err);
    }
    s->jobs_count += status == CHOIR_OK;
    return status;
}

/* The same job again is the job that is there; another of its name is its next version, and the
 * version before it stops. With the lock. */
static choir_status host(ch_server *s, hosting *h, bool *is_made, choir_error *err) {
    ch_hosted *before = newest(s, h->job.name);
    *is_made = false;
    if (before != NULL && strcmp(before->row.digest, h->row.digest) == 0) {
        h->row = before->row;
        return CHOIR_OK;
    }
    h->row.version = before == NULL ? 1 : before->row.version + 1;
    h->row.created_ms = ch_server_unix_ms();
    choir_status status = job_add(s, h, err);
    if (status == CHOIR_OK && before != NULL && ch_hosted_is_running(before)) {
        status = ch_hosting_store_job_set_state(s->store, before->row.id, "stopped", err);
        if (status == CHOIR_OK) {
            (void)snprintf(before->row.state, sizeof(before->row.state), "stopped");
        }
    }
    *is_made = status == CHOIR_OK;
    return status;
}

static void answer_failure(const ch_ask *ask, choir_status status, const choir_error *err) {
    if (status == CHOIR_EINVAL || status == CHOIR_EPROTO) {
        ch_answer_error(ask->exchange, 400, "%s", err->message);
    } else {
        ch_log(&ask->server->env, CHOIR_LEVEL_ERROR, "hosting_failed", "why=\"%s\"", err->message);
        ch_answer_busy(ask->exchange, "the server has no memory or disk for it");
    }
}

void ch_route_host(ch_ask *ask) {
    ch_server *s = ask->server;
    json_t *root = ch_ask_json(ask);
    if (root == NULL) {
        return;
    }
    choir_error err = {.message = ""};
    hosting h = {0};
    bool is_made = false;
    choir_status status = hosting_read(&h, root, &s->env, &err);
    if (status == CHOIR_OK) {
        (void)pthread_mutex_lock(&s->lock);
        status = host(s, &h, &is_made, &err);
        ch_server_wake(s); // its first round has a deadline
        (void)pthread_mutex_unlock(&s->lock);
    }
    if (status != CHOIR_OK) {
        answer_failure(ask, status, &err);
    } else {
        char reference[CHOIR_JOB_TEXT_MAX];
        (void)snprintf(reference, sizeof(reference), "%s@%" PRIu32, h.row.name, h.row.version);
        if (is_made) {
            audit(s, ask, "host", reference);
            ch_log(&s->env, CHOIR_LEVEL_INFO, "job_hosted",
                   "job=%s clients=%" PRIu32 " dim=%" PRIu32, reference, h.row.clients, h.row.dim);
        }
        ch_answer_json(ask->exchange, is_made ? 201 : 200,
                       json_pack("{s:s, s:I, s:s, s:b}", "name", h.row.name, "version",
                                 (json_int_t)h.row.version, "state", h.row.state, "created",
                                 is_made));
    }
    free(h.model);
    json_decref(root);
}

// ----- steering ---------------------------------------------------------------------------------

/* From one of two states to another; anything else is a conflict. */
static void steer(ch_ask *ask, const char *act, const char *from, const char *or_from,
                  const char *to) {
    ch_server *s = ask->server;
    choir_error err = {.message = ""};
    choir_status status = CHOIR_OK;
    char state[sizeof(((ch_hosted_row *)0)->state)] = "";
    (void)pthread_mutex_lock(&s->lock);
    ch_hosted *h = ch_server_find(s, ask->wild);
    if (h != NULL) {
        (void)snprintf(state, sizeof(state), "%s", h->row.state);
    }
    const bool fits = strcmp(state, from) == 0 || strcmp(state, or_from) == 0;
    if (fits) {
        status = ch_hosting_store_job_set_state(s->store, h->row.id, to, &err);
    }
    if (fits && status == CHOIR_OK) {
        (void)snprintf(h->row.state, sizeof(h->row.state), "%s", to);
        ch_server_wake(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (h == NULL) {
        answer_missing(ask);
    } else if (!fits) {
        ch_answer_error(ask->exchange, 409, "'%s' is %s: there is nothing to %s", ask->wild, state,
                        act);
    } else if (status != CHOIR_OK) {
        answer_failure(ask, status, &err);
    } else {
        audit(s, ask, act, ask->wild);
        ch_answer_json(ask->exchange, 200, json_pack("{s:s}", "state", to));
    }
}

void ch_route_pause(ch_ask *ask) {
    steer(ask, "pause", "running", "running", "paused");
}

void ch_route_resume(ch_ask *ask) {
    steer(ask, "resume", "paused", "stopped", "running");
}

void ch_route_stop(ch_ask *ask) {
    steer(ask, "stop", "running", "paused", "stopped");
}
