/* Server: see server.h. Its life, and the keeper. What is asked of it is in routes*.c. */
#define _GNU_SOURCE 1 // pthread_condattr_setclock
#include "net/server_parts.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/disk.h"
#include "base/env.h"
#include "base/error.h"
#include "base/sha256.h"
#include "crypto/entropy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DRAIN_MS = 5000, RETRY_MS = 1000 };

ch_server_options ch_server_defaults(void) {
    return (ch_server_options){.dir = "choir-server",
                               .address = "127.0.0.1",
                               .port = 8470,
                               .url = "",
                               .jwks = "",
                               .issuer = "",
                               .audience = "",
                               .token_s = 3600,
                               .token_algorithm = "HS256",
                               .away_s = 600,
                               .idle_s = 60,
                               .request_s = 120,
                               .join_rate = 3000,
                               .exchange_rate = 6000,
                               .failure_rate = 60,
                               .certificate = "",
                               .certificate_key = "",
                               .clients_ca = "",
                               .pin = ""};
}

static uint64_t clock_ms(clockid_t id) {
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t ch_server_now_ms(void) {
    return clock_ms(CLOCK_MONOTONIC);
}

uint64_t ch_server_unix_ms(void) {
    return clock_ms(CLOCK_REALTIME);
}

// ----- jobs -------------------------------------------------------------------------------------

/* Whether a is to be preferred to b for a name without a version. */
static bool is_better(const ch_hosted *a, const ch_hosted *b) {
    if (b == NULL) {
        return true;
    }
    const bool a_goes = strcmp(a->row.state, "stopped") != 0;
    const bool b_goes = strcmp(b->row.state, "stopped") != 0;
    return a_goes != b_goes ? a_goes : a->row.version > b->row.version;
}

ch_hosted *ch_server_find(const ch_server *s, const char *reference) {
    ch_hosted *found = NULL;
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        ch_hosted *h = s->jobs[i];
        if (strcmp(h->reference, reference) == 0) {
            return h;
        }
        if (strcmp(h->row.name, reference) == 0 && is_better(h, found)) {
            found = h;
        }
    }
    return found;
}

ch_hosted *ch_server_find_id(const ch_server *s, int64_t id) {
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        if (s->jobs[i]->row.id == id) {
            return s->jobs[i];
        }
    }
    return NULL;
}

void ch_server_wake(ch_server *s) {
    (void)pthread_cond_signal(&s->wake);
}

void ch_server_quiet(ch_server *s) {
    s->wants_quiet = true;
    while (s->is_committing) {
        (void)pthread_cond_wait(&s->quiet, &s->lock);
    }
    s->wants_quiet = false;
    (void)pthread_cond_broadcast(&s->quiet);
}

// ----- the keeper -------------------------------------------------------------------------------

static uint64_t earlier(uint64_t a_ms, uint64_t b_ms) {
    return a_ms < b_ms ? a_ms : b_ms;
}

static uint64_t rounds_close(ch_server *s, uint64_t now_ms) {
    uint64_t next_ms = UINT64_MAX;
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        ch_hosted_tick(s->jobs[i], now_ms);
        const uint64_t deadline_ms = ch_hosted_deadline_ms(s->jobs[i]);
        next_ms = earlier(next_ms, deadline_ms);
    }
    return next_ms;
}

/* Takes what there is, or, at the end, all, for the time that is left of rounds; returns of how
 * many jobs. is_short: there was no memory for some. */
static uint32_t batches_take(ch_server *s, bool all, uint64_t now_ms, bool *is_short) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        const bool is_last = all && ch_hosted_may_commit(s->jobs[i]);
        if (is_last || ch_hosted_wants_commit(s->jobs[i])) {
            if (ch_batch_take(&s->batches[count], s->jobs[i], now_ms) == CHOIR_OK) {
                count += 1;
            } else {
                *is_short = true;
            }
        }
    }
    return count;
}

static void sleep_until(ch_server *s, uint64_t wake_ms) {
    if (wake_ms == UINT64_MAX) {
        (void)pthread_cond_wait(&s->wake, &s->lock);
        return;
    }
    const struct timespec at = {.tv_sec = (time_t)(wake_ms / 1000),
                                .tv_nsec = (long)(wake_ms % 1000) * 1000000};
    (void)pthread_cond_timedwait(&s->wake, &s->lock, &at);
}

/* After the commit: what sleepers are given to do begins from a model that is on the disk. */
static uint64_t sleepers_rouse(ch_server *s, uint64_t now_ms) {
    uint64_t next_ms = UINT64_MAX;
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        next_ms = earlier(next_ms, ch_hosted_rouse(s->jobs[i], now_ms));
    }
    return next_ms;
}

/* Once through: what is due, one commit of what there is, and who may be told of it. is_last: all
 * jobs, for the time that is left of rounds. Returns when it has something to do again. */
static uint64_t turn(ch_server *s, bool is_last) {
    const uint64_t now_ms = ch_server_now_ms();
    uint64_t next_ms = rounds_close(s, now_ms);
    next_ms = earlier(next_ms, ch_uploads_sweep(&s->uploads, now_ms, ch_upload_is_over, s));
    bool is_short = false;
    const uint32_t count = batches_take(s, is_last, now_ms, &is_short);
    const ch_arrivals *a = &s->door.arrivals;
    const bool is_news = count > 0 || a->subjects_count > 0 || a->claims_count > 0;
    if (is_news || s->disk_fails) {
        ch_server_commit(s, count);
    }
    if (is_short) { // without memory as without a disk: later
        s->disk_fails = true;
        ch_server_disturb(s, "the server has no memory for what is to be kept");
    }
    if (s->disk_fails) {
        return now_ms + RETRY_MS;
    }
    next_ms = earlier(next_ms, sleepers_rouse(s, ch_server_now_ms()));
    return is_news || s->door.first != NULL ? now_ms : next_ms;
}

static void *keep(void *self) {
    ch_server *s = self;
    (void)pthread_mutex_lock(&s->lock);
    for (bool is_last = false; !is_last;) {
        while (s->wants_quiet) {
            (void)pthread_cond_wait(&s->quiet, &s->lock);
        }
        is_last = s->is_stopping;
        ch_door_admit(s);
        const uint64_t next_ms = turn(s, is_last);
        if (!s->is_stopping && next_ms > ch_server_now_ms()) {
            sleep_until(s, next_ms);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

// ----- secrets ----------------------------------------------------------------------------------

/* A secret of the server's, made when it is needed first. */
static choir_status secret_have(ch_server *s, const char *name, void *out, size_t size,
                                choir_error *err) {
    ch_stored stored = {0};
    choir_status status = ch_hosting_store_setting(s->store, &stored, name, err);
    if (status == CHOIR_OK && stored.size == size) {
        memcpy(out, stored.data, size);
    } else if (status == CHOIR_OK) {
        status = ch_error_set(err, CHOIR_EPROTO, "store: its secret '%s' has %zu bytes, not %zu",
                              name, stored.size, size);
    } else if (status == CHOIR_EAGAIN) {
        const choir_bytes bytes = {.data = out, .size = size};
        status = ch_hosting_store_setting_set(s->store, name, bytes, err);
    }
    if (stored.data != NULL) {
        ch_wipe(stored.data, stored.size);
    }
    ch_stored_release(&stored);
    return status;
}

static choir_status secrets_have(ch_server *s, const ch_server_options *o, choir_error *err) {
    s->token_key.algorithm = ch_token_algorithm_find(o->token_algorithm);
    if (s->token_key.algorithm == NULL) {
        return ch_error_set(err, CHOIR_EINVAL, "token_algorithm: '%.20s' must be HS256 or EdDSA",
                            o->token_algorithm);
    }
    ch_key_pair_make(&s->signing); // what follows replaces these when there are some
    ch_key_pair_make(&s->token_key.pair);
    ch_entropy_fill(s->token_key.shared, sizeof(s->token_key.shared));
    ch_entropy_fill(s->secret, sizeof(s->secret));
    choir_status status = secret_have(s, "signing_key", &s->signing, sizeof(s->signing), err);
    if (status == CHOIR_OK) {
        status = secret_have(s, "token_key", s->token_key.shared, sizeof(s->token_key.shared), err);
    }
    if (status == CHOIR_OK) {
        status = secret_have(s, "token_pair", &s->token_key.pair, sizeof(s->token_key.pair), err);
    }
    if (status == CHOIR_OK) {
        status = secret_have(s, "enrolment_secret", s->secret, sizeof(s->secret), err);
    }
    return status;
}

static void admin_count(void *self, const ch_admin *admin) {
    (void)admin;
    *(uint32_t *)self += 1;
}

typedef struct revoking {
    ch_server *server;
    choir_status status;
} revoking;

static void subject_revoke(void *self, int64_t subject) {
    revoking *r = self;
    if (r->status == CHOIR_OK) {
        r->status = ch_revoked_add(&r->server->revoked, subject, &r->server->env);
    }
}

/* Tokens that were given before the server began again are as good as new ones. */
static choir_status revoked_have(ch_server *s, choir_error *err) {
    revoking r = {.server = s};
    const choir_status status =
        ch_hosting_store_subjects_revoked(s->store, subject_revoke, &r, err);
    if (status == CHOIR_OK && r.status != CHOIR_OK) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for the devices that were revoked");
    }
    return status;
}

/* The key of a first administrator, for a store that has none. */
static choir_status admin_make(ch_server *s, choir_error *err) {
    uint32_t count = 0;
    const choir_status status = ch_hosting_store_admins(s->store, admin_count, &count, err);
    if (status == CHOIR_OK && count == 0) {
        uint8_t hash[CH_ADMIN_HASH_BYTES];
        ch_admin_key_make(s->admin_key, hash);
    }
    return status;
}

/* The store has only its hash, and has it last: who did not come to write the file that has the
 * key, because its port was taken or it was killed, makes another the next time. */
static choir_status admin_keep(ch_server *s, choir_error *err) {
    if (s->admin_key[0] == '\0') {
        return CHOIR_OK;
    }
    ch_admin admin = {.name = "owner", .role = "owner"};
    ch_sha256_of(s->admin_key, strlen(s->admin_key), admin.hash);
    int64_t id = 0;
    return ch_hosting_store_admin_add(s->store, &id, &admin, err);
}

// ----- life -------------------------------------------------------------------------------------

typedef struct rows {
    ch_hosted_row *items; // (CH_JOBS_MAX)
    uint32_t count;
    bool is_cut;
} rows;

static void row_add(void *self, const ch_hosted_row *row) {
    rows *r = self;
    if (r->count == CH_JOBS_MAX) {
        r->is_cut = true;
        return;
    }
    r->items[r->count] = *row;
    r->count += 1;
}

/* One that cannot be opened is there all the same, for its operator to see. The disk's fault is
 * everybody's. */
static choir_status row_open(ch_server *s, const ch_hosted_row *row, choir_error *err) {
    ch_hosted **out = &s->jobs[s->jobs_count];
    choir_error why = {.message = ""};
    choir_status status =
        ch_hosted_open(out, s->store, row, !s->no_sums, ch_server_now_ms(), &s->env, &why);
    if (status == CHOIR_EIO) {
        return ch_error_set(err, status, "%s", why.message);
    }
    if (status != CHOIR_OK) {
        status = ch_hosted_absent(out, s->store, row, why.message, &s->env, err);
    }
    s->jobs_count += status == CHOIR_OK;
    return status;
}

static choir_status rows_open(ch_server *s, const rows *r, choir_error *err) {
    if (r->is_cut) {
        return ch_error_set(err, CHOIR_EINVAL, "store: more than %d jobs; one server hosts no more",
                            CH_JOBS_MAX);
    }
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < r->count && status == CHOIR_OK; i++) {
        status = row_open(s, &r->items[i], err);
    }
    return status;
}

static choir_status jobs_open(ch_server *s, choir_error *err) {
    const size_t bytes = ch_arena_cost(CH_JOBS_MAX, sizeof(ch_hosted_row));
    rows r = {.items = s->env.alloc(s->env.self, bytes)};
    if (r.items == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for the list of jobs");
    }
    choir_status status = ch_hosting_store_jobs(s->store, row_add, &r, err);
    if (status == CHOIR_OK) {
        status = rows_open(s, &r, err);
    }
    s->env.free(s->env.self, r.items);
    return status;
}

static choir_status lock_create(ch_server *s, choir_error *err) {
    pthread_condattr_t steady;
    if (pthread_mutex_init(&s->lock, NULL) != 0 || pthread_cond_init(&s->quiet, NULL) != 0 ||
        pthread_condattr_init(&steady) != 0 ||
        pthread_condattr_setclock(&steady, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&s->wake, &steady) != 0) {
        return ch_error_set(err, CHOIR_EIO, "server: the system gives no lock");
    }
    (void)pthread_condattr_destroy(&steady);
    return CHOIR_OK;
}

/* Whose tokens enrol. One that says whoever it likes is for a provider with one service alone. */
static choir_status provider_have(ch_server *s, const ch_server_options *o, choir_error *err) {
    if (!s->has_provider) {
        return o->issuer[0] == '\0' && o->audience[0] == '\0' && o->account_max == 0
                   ? CHOIR_OK
                   : ch_error_set(err, CHOIR_EINVAL,
                                  "jwks: an issuer, an audience or a limit on an account's devices "
                                  "is for tokens; give the file of their provider's keys");
    }
    const choir_status status =
        ch_provider_open(&s->provider, o->jwks, o->issuer, o->audience, &s->env, err);
    if (status == CHOIR_OK && o->audience[0] == '\0') {
        ch_log(&s->env, CHOIR_LEVEL_WARN, "audience_missing",
               "means=\"the provider's tokens for any other service enrol devices here\"");
    }
    return status;
}

static choir_status server_build(ch_server *s, const ch_server_options *o, choir_error *err) {
    const ch_upload_memory memory = {.claim = ch_http_block_claim,
                                     .give = ch_http_block_give,
                                     .bytes_max = CH_SERVER_BODIES_MAX / 2};
    ch_models_init(&s->fetched, CH_SERVER_MODELS_MAX);
    choir_status status = ch_uploads_init(&s->uploads, memory, &s->env);
    if (status == CHOIR_OK) {
        status = ch_crypto_start(err);
    }
    if (status == CHOIR_OK) {
        status = ch_disk_folders(o->dir, err);
    }
    if (status == CHOIR_OK) {
        status = ch_hosting_store_open(&s->store, o->dir, &s->env, err);
    }
    if (status == CHOIR_OK) {
        status = secrets_have(s, o, err);
    }
    if (status == CHOIR_OK) {
        status = provider_have(s, o, err);
    }
    if (status == CHOIR_OK) {
        status = admin_make(s, err);
    }
    if (status == CHOIR_OK) {
        status = revoked_have(s, err);
    }
    if (status == CHOIR_OK) {
        status = jobs_open(s, err);
    }
    if (status == CHOIR_OK) {
        status = ch_limits_init(s, o, err);
    }
    if (status == CHOIR_OK) {
        status = ch_server_listen(s, o, err);
    }
    if (status == CHOIR_OK) {
        status = ch_server_files_write(s, err);
    }
    if (status == CHOIR_OK) {
        status = admin_keep(s, err);
    }
    if (status == CHOIR_OK && pthread_create(&s->keeper, NULL, keep, s) != 0) {
        status = ch_error_set(err, CHOIR_EIO, "server: the system gives no thread");
    }
    s->has_keeper = status == CHOIR_OK;
    return status;
}

choir_status ch_server_start(ch_server **out, const ch_server_options *options,
                             const choir_env *env, choir_error *err) {
    *out = NULL;
    ch_server *s = env->alloc(env->self, ch_arena_cost(1, sizeof(*s)));
    if (s == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a server");
    }
    *s = (ch_server){.logs_access = options->logs_access,
                     .has_provider = options->jwks[0] != '\0',
                     .account_max = options->account_max,
                     .token_s = options->token_s,
                     .away_s = options->away_s,
                     .keep_rounds = options->keep_rounds,
                     .keep_sums = options->keep_sums,
                     .no_sums = options->no_sums,
                     .started_ms = ch_server_now_ms()};
    s->env = ch_request_log_env(&s->log, env);
    (void)snprintf(s->dir, sizeof(s->dir), "%s", options->dir); // one too long the store refuses
    choir_status status = lock_create(s, err);
    if (status != CHOIR_OK) {
        env->free(env->self, s);
        return status;
    }
    status = server_build(s, options, err);
    if (status != CHOIR_OK) {
        ch_server_stop(s);
        return status;
    }
    (void)pthread_mutex_lock(&s->lock); // somebody may be hosting already
    ch_log(&s->env, CHOIR_LEVEL_INFO, "serving", "url=%s jobs=%u pin=%s", s->url, s->jobs_count,
           s->pin[0] == '\0' ? "none" : s->pin);
    (void)pthread_mutex_unlock(&s->lock);
    *out = s;
    return CHOIR_OK;
}

void ch_server_stop(ch_server *s) {
    if (s == NULL) {
        return;
    }
    if (s->has_keeper) { // while it lives, answers that wait for a commit go
        (void)pthread_mutex_lock(&s->lock);
        s->is_draining = true;
        ch_server_disturb(s, "the server is stopping");
        (void)pthread_mutex_unlock(&s->lock);
        ch_http_server_drain(s->http, DRAIN_MS);
        (void)pthread_mutex_lock(&s->lock);
        s->is_stopping = true;
        ch_server_wake(s);
        (void)pthread_mutex_unlock(&s->lock);
        (void)pthread_join(s->keeper, NULL);
    }
    ch_uploads_close(&s->uploads);
    ch_http_server_stop(s->http, 0); // its thread uses jobs; whoever still waits is answered 503
    ch_door_close(s);
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        ch_hosted_close(s->jobs[i], NULL);
    }
    ch_hosting_store_close(s->store);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_cond_destroy(&s->quiet);
    (void)pthread_mutex_destroy(&s->lock);
    ch_uploads_release(&s->uploads);
    ch_models_release(&s->fetched);
    ch_revoked_release(&s->revoked, &s->env);
    ch_limits_release(s);
    ch_provider_release(&s->provider);
    const choir_env env = s->log.host;
    ch_wipe(s, sizeof(*s));
    env.free(env.self, s);
}

const char *ch_server_url(const ch_server *s) {
    return s->url;
}

const char *ch_server_admin_key(const ch_server *s) {
    return s->admin_key;
}
