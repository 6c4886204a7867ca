/*
 * Routes of hosting: a job, its next version, a clone of one.
 *
 *     POST /v1/admin/jobs            {job, model, clients}  -> the version that is now hosted
 *                                    replace: true          -> 409 unless one of its name is there
 *                                    dry_run: true          -> what would be, and nothing changes
 *     POST /v1/admin/jobs/REF/clone  {name, set}            -> the same job with other keys
 */
#include "net/routes.h"

#include "base/bytes.h"
#include "base/env.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "crypto/encode.h"
#include "job/coordinator.h"
#include "job/room.h"
#include "onnx/safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ----- hosting ----------------------------------------------------------------------------------

typedef enum hosting_mode {
    HOSTING_ADDS,     // a job, or the next version of one
    HOSTING_REPLACES, // the next version of one that is there
    HOSTING_CLONES,   // a job of a name that is not there
} hosting_mode;

/* What is asked to be hosted, checked as far as it can be without the store. */
typedef struct hosting {
    hosting_mode mode;
    bool is_dry;  // nothing is to be changed
    bool is_made; // out: a version that was not there
    choir_job job;
    const char *yaml; // borrowed from the request, or from text
    size_t yaml_size;
    char *text;     // owned; NULL: none
    uint8_t *model; // (model_size) owned
    size_t model_size;
    ch_hosted_row row;
} hosting;

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

/* That a coordinator can be made of it, which is what will be done with it, and be kept. */
static choir_status coordinator_check(const hosting *h, const float *params, const choir_env *env,
                                      choir_error *err) {
    choir_coordinator_options o = ch_job_coordinator(&h->job, h->row.clients, h->row.dim);
    choir_coordinator *c = NULL;
    choir_status status = choir_coordinator_create(&c, params, &o, env, err);
    if (status == CHOIR_OK) {
        status = ch_job_room_check(&o, choir_coordinator_state_bytes(c), CH_HOSTING_VALUE_MAX, err);
    }
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

/* Checks a job and its model together. */
static choir_status hosting_check(hosting *h, const choir_env *env, choir_error *err) {
    choir_status status = CHOIR_OK;
    if (!ch_text_is_plain(h->job.name)) {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "name: '%s' must be letters, digits, '.', '_' and '-' to be hosted",
                              h->job.name);
    }
    if (status == CHOIR_OK) {
        status = ch_job_hosting_check(&h->job, err);
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

/* A job that says itself how many clients it has is not hosted for others. */
static choir_status clients_check(const hosting *h, choir_error *err) {
    if (h->job.data.clients == 0 || h->job.data.clients == h->row.clients) {
        return CHOIR_OK;
    }
    return ch_error_set(err, CHOIR_EINVAL,
                        "clients: %" PRIu32 " is not the %" PRIu32
                        " that the job says in data.clients; give that, or change the job",
                        h->row.clients, h->job.data.clients);
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
    if (status == CHOIR_OK) {
        status = clients_check(h, err);
    }
    if (status == CHOIR_OK) {
        status = model_decode(h, json_string_value(model), err);
    }
    return status == CHOIR_OK ? hosting_check(h, env, err) : status;
}

ch_hosted *ch_server_newest(const ch_server *s, const char *name) {
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

/* Stops in memory what the store says has stopped. What has failed is shown as that, and nothing of
 * it is committed any more, but its devices go over like the others. With the lock. */
static void older_stop(ch_server *s, const hosting *h, uint64_t now_ms) {
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        ch_hosted_row *row = &s->jobs[i]->row;
        const bool goes = strcmp(row->state, "running") == 0 || strcmp(row->state, "paused") == 0;
        if (strcmp(row->name, h->row.name) != 0) {
            continue;
        }
        s->jobs[i]->is_replaced = true;
        if (goes) {
            ch_ignore(ch_hosted_freeze(s->jobs[i], now_ms), "then its open round has less time");
            (void)snprintf(row->state, sizeof(row->state), "stopped");
        }
    }
}

/* Whether what is asked makes sense beside what is there. With the lock. */
static choir_status host_check(const ch_server *s, const hosting *h, const ch_hosted *before,
                               bool is_same, choir_error *err) {
    if (h->mode == HOSTING_REPLACES && before == NULL) {
        return ch_error_set(err, CHOIR_EAGAIN, "there is no job '%s' here to be replaced",
                            h->row.name);
    }
    if (h->mode == HOSTING_REPLACES && is_same) {
        return ch_error_set(err, CHOIR_EAGAIN, "'%s' is this job already: nothing to replace",
                            before->reference);
    }
    if (h->mode == HOSTING_CLONES && before != NULL) {
        return ch_error_set(err, CHOIR_EAGAIN,
                            "there is a job '%s' already; give the clone another name",
                            h->row.name);
    }
    if (!is_same && s->jobs_count == CH_JOBS_MAX) {
        return ch_error_set(err, CHOIR_EAGAIN, "this server hosts %d jobs, and can host no more",
                            CH_JOBS_MAX);
    }
    return CHOIR_OK;
}

/* The store's setting with the last version of a name, which outlives the job. */
static void version_key(char out[CHOIR_NAME_MAX + 16], const char *name) {
    (void)snprintf(out, CHOIR_NAME_MAX + 16, "version %s", name);
}

/* The version after all that the name ever had: devices know a version by its number, so that of
 * one that was removed must not be another's. */
static choir_status version_next(ch_server *s, const ch_hosted *before, const char *name,
                                 uint32_t *out, choir_error *err) {
    char key[CHOIR_NAME_MAX + 16];
    ch_stored stored = {0};
    version_key(key, name);
    const choir_status status = ch_hosting_store_setting(s->store, &stored, key, err);
    ch_reader r = {.data = stored.data, .size = stored.size};
    const uint32_t last = status == CHOIR_OK ? ch_get_u32(&r) : 0;
    const uint32_t newest = before == NULL ? 0 : before->row.version;
    ch_stored_release(&stored);
    *out = (last > newest ? last : newest) + 1;
    return status == CHOIR_EAGAIN ? CHOIR_OK : status;
}

/* Before the version is there: one that a crash leaves without a job is nobody's. */
static choir_status version_note(ch_server *s, const ch_hosted_row *row, choir_error *err) {
    char key[CHOIR_NAME_MAX + 16];
    uint8_t bytes[sizeof(uint32_t)];
    ch_writer w = {.data = bytes, .capacity = sizeof(bytes)};
    version_key(key, row->name);
    ch_put_u32(&w, row->version);
    const choir_bytes value = {.data = bytes, .size = w.size};
    return ch_hosting_store_setting_set(s->store, key, value, err);
}

/* Into memory, then into the store: what there is no memory or disk for changes nothing. With the
 * lock, and no commit on its way. */
static choir_status job_add(ch_server *s, hosting *h, choir_error *err) {
    const choir_bytes yaml = {.data = (const uint8_t *)h->yaml, .size = h->yaml_size};
    const choir_bytes bundle = {.data = h->model, .size = h->model_size};
    const uint64_t now_ms = ch_server_now_ms();
    ch_hosted *made = NULL;
    choir_status status =
        ch_hosted_create(&made, &h->row, yaml, bundle, !s->no_sums, now_ms, &s->env, err);
    if (status == CHOIR_OK) {
        status = version_note(s, &h->row, err);
    }
    if (status == CHOIR_OK) {
        status = ch_hosting_store_job_succeed(s->store, &h->row.id, &h->row, h->yaml, bundle, err);
    }
    if (status != CHOIR_OK) {
        ch_hosted_close(made, NULL);
        return status;
    }
    made->row.id = h->row.id;
    older_stop(s, h, now_ms);
    s->jobs[s->jobs_count] = made;
    s->jobs_count += 1;
    return CHOIR_OK;
}

/* The same job again is the job that is there; another of its name is its next version, and the
 * versions before it stop. With the lock. */
static choir_status host(ch_server *s, hosting *h, choir_error *err) {
    ch_server_quiet(s);
    const ch_hosted *before = ch_server_newest(s, h->row.name);
    const bool is_same = before != NULL && strcmp(before->row.digest, h->row.digest) == 0;
    choir_status status = host_check(s, h, before, is_same, err);
    if (status != CHOIR_OK || is_same) {
        h->row = is_same ? before->row : h->row;
        return status;
    }
    status = version_next(s, before, h->row.name, &h->row.version, err);
    h->row.created_ms = ch_server_unix_ms();
    if (status == CHOIR_OK && !h->is_dry) {
        status = job_add(s, h, err);
    }
    h->is_made = status == CHOIR_OK;
    return status;
}

/* Hosts what was read, and says what came of it. */
static void host_answer(ch_ask *ask, hosting *h) {
    static const char *const acts[] = {
        [HOSTING_ADDS] = "host", [HOSTING_REPLACES] = "replace", [HOSTING_CLONES] = "clone"};
    ch_server *s = ask->server;
    choir_error err = {.message = ""};
    (void)pthread_mutex_lock(&s->lock);
    const choir_status status = host(s, h, &err);
    ch_server_wake(s); // its first round has a deadline
    (void)pthread_mutex_unlock(&s->lock);
    if (status != CHOIR_OK) {
        ch_answer_failure(ask, status, &err);
        return;
    }
    if (h->is_made && !h->is_dry) {
        char reference[CHOIR_JOB_TEXT_MAX];
        (void)snprintf(reference, sizeof(reference), "%s@%" PRIu32, h->row.name, h->row.version);
        ch_ask_audit(ask, acts[h->mode], reference);
        ch_log(&s->env, CHOIR_LEVEL_INFO, "job_hosted", "job=%s clients=%" PRIu32 " dim=%" PRIu32,
               reference, h->row.clients, h->row.dim);
    }
    ch_answer_json(ask->exchange, h->is_made && !h->is_dry ? 201 : 200,
                   json_pack("{s:s, s:I, s:s, s:I, s:I, s:b, s:b}", "name", h->row.name, "version",
                             (json_int_t)h->row.version, "state", h->row.state, "clients",
                             (json_int_t)h->row.clients, "parameters", (json_int_t)h->row.dim,
                             "created", h->is_made, "dry_run", h->is_dry));
}

void ch_route_host(ch_ask *ask) {
    json_t *root = ch_ask_json(ask);
    if (root == NULL) {
        return;
    }
    choir_error err = {.message = ""};
    hosting h = {.is_dry = json_is_true(json_object_get(root, "dry_run")),
                 .mode = json_is_true(json_object_get(root, "replace")) ? HOSTING_REPLACES
                                                                        : HOSTING_ADDS};
    const choir_status status = hosting_read(&h, root, &ask->server->env, &err);
    if (status == CHOIR_OK) {
        host_answer(ask, &h);
    } else {
        ch_answer_failure(ask, status, &err);
    }
    free(h.model);
    json_decref(root);
}

// ----- cloning ----------------------------------------------------------------------------------

/* The job under another name with other keys, as text. A clone begins from its origin's model, so
 * that what made that has to stay. */
static choir_status clone_write(hosting *h, const ch_stored *yaml, const char *const *changes,
                                uint32_t count, choir_error *err) {
    choir_job origin;
    const char *text = (const char *)yaml->data;
    choir_status status = choir_job_parse(&origin, text, yaml->size, "job", NULL, 0, err);
    if (status == CHOIR_OK) {
        status = choir_job_parse(&h->job, text, yaml->size, "job", changes, count, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    choir_job kept = h->job;
    kept.model = origin.model;
    kept.data = origin.data;
    const size_t size = choir_job_write(&h->job, NULL, 0);
    const size_t kept_size = choir_job_write(&kept, NULL, 0);
    h->text = malloc(size + 1);
    char *kept_text = malloc(kept_size + 1);
    if (h->text == NULL || kept_text == NULL) {
        free(kept_text);
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a job of %zu bytes", size);
    }
    (void)choir_job_write(&h->job, h->text, size + 1);
    (void)choir_job_write(&kept, kept_text, kept_size + 1);
    if (strcmp(h->text, kept_text) != 0) {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "set: a clone has its origin's model and data; to change a key of "
                              "model or data, host a changed file");
    }
    free(kept_text);
    h->yaml = h->text;
    h->yaml_size = size;
    return status;
}

enum { CHANGES_MAX = 64 };

/* "name=NEW" and what the body sets; false when it is none, and then 400 was answered. */
static bool clone_changes(const ch_ask *ask, json_t *root, char name[CHOIR_NAME_MAX + 8],
                          const char **changes, uint32_t *count) {
    const json_t *set = json_object_get(root, "set");
    (void)snprintf(name, CHOIR_NAME_MAX + 8, "name=");
    if (!ch_ask_text(ask, root, "name", name + strlen("name="), CHOIR_NAME_MAX)) {
        return false;
    }
    *count = 0;
    for (size_t i = 0; i < json_array_size(set) && *count < CHANGES_MAX; i++) {
        changes[*count] = json_string_value(json_array_get(set, i));
        if (changes[*count] == NULL || strncmp(changes[*count], "name", 4) == 0) {
            break;
        }
        *count += 1;
    }
    if (*count != json_array_size(set)) {
        ch_answer_error(ask->exchange, 400,
                        "set: must be at most %d texts like client.epochs=5, and not the name",
                        CHANGES_MAX);
        return false;
    }
    changes[*count] = name;
    *count += 1;
    return true;
}

/* What a job was hosted from. */
static choir_status origin_read(hosting *h, ch_server *s, int64_t id, const char *const *changes,
                                uint32_t count, choir_error *err) {
    ch_stored yaml = {0};
    ch_stored bundle = {0};
    choir_status status = ch_hosting_store_job_yaml(s->store, &yaml, id, err);
    if (status == CHOIR_OK) {
        status = ch_hosting_store_job_bundle(s->store, &bundle, id, err);
    }
    if (status == CHOIR_OK) {
        status = clone_write(h, &yaml, changes, count, err);
    }
    if (status == CHOIR_OK) {
        h->model = malloc(bundle.size);
        h->model_size = bundle.size;
        status = h->model == NULL ? ch_error_set(err, CHOIR_ENOMEM, "no memory for the model")
                                  : CHOIR_OK;
    }
    if (status == CHOIR_OK) {
        memcpy(h->model, bundle.data, bundle.size);
        status = hosting_check(h, &s->env, err);
    }
    ch_stored_release(&yaml);
    ch_stored_release(&bundle);
    return status;
}

static void clone_answer(ch_ask *ask, json_t *root) {
    const char *changes[CHANGES_MAX + 1];
    char name[CHOIR_NAME_MAX + 8];
    uint32_t count = 0;
    int64_t id = 0;
    hosting h = {.mode = HOSTING_CLONES};
    if (!clone_changes(ask, root, name, changes, &count)) {
        return;
    }
    (void)pthread_mutex_lock(&ask->server->lock);
    const ch_hosted *origin = ch_server_find(ask->server, ask->wild);
    if (origin != NULL) {
        id = origin->row.id;
        h.row.clients = origin->row.clients;
    }
    (void)pthread_mutex_unlock(&ask->server->lock);
    if (id == 0) {
        ch_answer_missing(ask);
        return;
    }
    choir_error err = {.message = ""};
    const choir_status status = origin_read(&h, ask->server, id, changes, count, &err);
    if (status == CHOIR_OK) {
        host_answer(ask, &h);
    } else {
        ch_answer_failure(ask, status, &err);
    }
    free(h.text);
    free(h.model);
}

void ch_route_clone(ch_ask *ask) {
    json_t *root = ch_ask_json(ask);
    if (root != NULL) {
        clone_answer(ask, root);
        json_decref(root);
    }
}
