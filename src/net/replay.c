/* Replay: see replay.h. */
#include "net/replay.h"

#include "base/error.h"
#include "base/sha256.h"
#include "choir/blob.h"
#include "choir/job.h"
#include "choir/replay.h"
#include "job/coordinator.h"
#include "onnx/safetensors.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 256, PAGE = 500, HASH_TEXT = 2 * CHOIR_HASH_BYTES + 1 };

/* A job while it is replayed. */
typedef struct replaying {
    ch_operator *operator;
    const choir_env *env;
    char reference[CHOIR_JOB_TEXT_MAX]; // "keyboard@3": the same version all the time
    choir_job job;
    choir_coordinator_options options;
    ch_safetensors bundle;
    bool has_updates;     // the job keeps them, and they may be asked for
    bool has_state;       // rounds leave more to the next than the model
    choir_replay *replay; // at the model before the next round; NULL: that is not known
    char before[HASH_TEXT];
    uint32_t first; // round to be told of
    uint32_t last;
    uint32_t told;
    void (*each)(void *self, const ch_replay_row *row);
    void *self;
} replaying;

/* A round as the server tells it. */
typedef struct closed_round {
    uint32_t round;
    uint32_t reports;
    uint64_t examples;
    bool applied;
    const char *model; // borrowed
} closed_round;

static bool round_read(closed_round *out, const json_t *from) {
    const json_t *applied = json_object_get(from, "applied");
    *out =
        (closed_round){.round = (uint32_t)json_integer_value(json_object_get(from, "round")),
                       .reports = (uint32_t)json_integer_value(json_object_get(from, "reports")),
                       .examples = (uint64_t)json_integer_value(json_object_get(from, "examples")),
                       .applied = json_is_true(applied),
                       .model = json_string_value(json_object_get(from, "model"))};
    return out->round > 0 && json_is_boolean(applied) && out->model != NULL &&
           strlen(out->model) == HASH_TEXT - 1;
}

static void rule(ch_replay_row *row, ch_replay_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void rule(ch_replay_row *row, ch_replay_verdict verdict, const char *format, ...) {
    va_list list;
    va_start(list, format);
    (void)vsnprintf(row->why, sizeof(row->why), format, list);
    va_end(list);
    row->verdict = verdict;
}

// ----- models -----------------------------------------------------------------------------------

static void path_make(char out[TEXT_MAX], const replaying *r, const char *what, uint32_t round) {
    (void)snprintf(out, TEXT_MAX, "/v1/admin/jobs/%s/%s?round=%" PRIu32, r->reference, what, round);
}

static void replay_forget(replaying *r) {
    choir_replay_destroy(r->replay);
    r->replay = NULL;
}

static choir_status replay_begin(replaying *r, const float *params, choir_error *err) {
    replay_forget(r);
    return choir_replay_create(&r->replay, params, &r->options, r->env, err);
}

/* Goes on from a model that the server has; EAGAIN when it has it no more. */
static choir_status model_take(replaying *r, const char *hash, choir_error *err) {
    char path[TEXT_MAX];
    char found[HASH_TEXT] = "";
    choir_bytes bytes = {0};
    (void)snprintf(path, sizeof(path), "/v1/models/%s", hash);
    const choir_status status = ch_operator_get(r->operator, path, "replay", &bytes, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const float *params = (const float *)(const void *)bytes.data; // 64-byte aligned
    if (bytes.size == r->options.dim * sizeof(float)) {
        const choir_hash of = choir_hash_params(params, r->options.dim);
        choir_hash_text(&of, found);
    }
    if (strcmp(found, hash) != 0) {
        return ch_error_set(err, CHOIR_EPROTO, "replay: what the server sent is not the model %s",
                            hash);
    }
    return replay_begin(r, params, err);
}

/* To be at the model before the round, when the last one did not end there. OK with a ruling when
 * that cannot be. */
static choir_status before_have(replaying *r, uint32_t round, ch_replay_row *row,
                                choir_error *err) {
    choir_status status = CHOIR_OK;
    if (r->replay != NULL) {
        return CHOIR_OK;
    }
    if (round == 1) {
        return replay_begin(r, r->bundle.params, err);
    }
    if (r->has_state) {
        rule(row, CH_REPLAY_GONE, "%s goes on from rounds that cannot be replayed",
             r->job.algorithm);
        return CHOIR_OK;
    }
    status = model_take(r, r->before, err);
    if (status == CHOIR_EAGAIN) {
        rule(row, CH_REPLAY_GONE, "the model before it is not kept");
        return CHOIR_OK;
    }
    return status;
}

// ----- rounds -----------------------------------------------------------------------------------

static bool is_open(const ch_replay_row *row) {
    return row->why[0] == '\0';
}

/* The receipts of a round, to be given back. */
static choir_status receipts_ask(const replaying *r, const closed_round *c, json_t **out,
                                 choir_error *err) {
    char path[TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/jobs/%s/receipts?round=%" PRIu32, r->reference, c->round);
    return ch_operator_ask(r->operator, "GET", path, NULL, "replay", out, err);
}

/* Whether the receipts are of so many clients of the job, each once. */
static void receipts_check(const replaying *r, const closed_round *c, const json_t *list,
                           ch_replay_row *row) {
    json_int_t before = -1;
    bool in_order = true;
    size_t i = 0;
    const json_t *receipt = NULL;
    json_array_foreach(list, i, receipt) {
        const json_int_t client = json_integer_value(json_object_get(receipt, "client"));
        in_order = in_order && client > before && client < (json_int_t)r->options.clients;
        before = client;
    }
    if (json_array_size(list) != c->reports || !in_order) {
        rule(row, CH_REPLAY_DIFFERS, "%zu receipts, but %" PRIu32 " reports", json_array_size(list),
             c->reports);
    }
}

/* Adds one client's update to what is gathered, when it is the one of its receipt. */
static choir_status update_add(replaying *r, choir_bytes update, const json_t *receipt,
                               ch_replay_row *row, choir_error *err) {
    choir_hash digest;
    char text[HASH_TEXT];
    choir_error why = {.message = ""};
    const char *wanted = json_string_value(json_object_get(receipt, "digest"));
    ch_sha256_of(update.data, update.size, digest.bytes);
    choir_hash_text(&digest, text);
    if (wanted == NULL || strcmp(text, wanted) != 0) {
        rule(row, CH_REPLAY_DIFFERS, "an update is not the one in its receipt, %.12s", text);
        return CHOIR_OK;
    }
    const choir_status status = choir_replay_report(r->replay, update, &why);
    if (status == CHOIR_EPROTO) {
        rule(row, CH_REPLAY_DIFFERS, "%.150s", why.message);
        return CHOIR_OK;
    }
    return status == CHOIR_OK ? status : ch_error_set(err, status, "%s", why.message);
}

/* Gathers the updates of a round as far as they are kept. Who is no owner is not given them. */
static choir_status updates_gather(replaying *r, const closed_round *c, const json_t *list,
                                   ch_replay_row *row, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (size_t i = 0; i < json_array_size(list) && status == CHOIR_OK && is_open(row); i++) {
        char path[TEXT_MAX];
        choir_bytes update = {0};
        const json_t *receipt = json_array_get(list, i);
        (void)snprintf(path, sizeof(path),
                       "/v1/admin/jobs/%s/update?round=%" PRIu32 "&client=%" JSON_INTEGER_FORMAT,
                       r->reference, c->round,
                       json_integer_value(json_object_get(receipt, "client")));
        status = ch_operator_get(r->operator, path, "replay", &update, err);
        if (status == CHOIR_EAGAIN || status == CHOIR_EINVAL) {
            r->has_updates = status == CHOIR_EAGAIN;
            return CHOIR_OK;
        }
        if (status == CHOIR_OK) {
            status = update_add(r, update, receipt, row, err);
        }
    }
    return status;
}

/* The sum that the server has kept; empty when it has not. */
static choir_status sum_ask(const replaying *r, const closed_round *c, choir_bytes *out,
                            choir_error *err) {
    char path[TEXT_MAX];
    path_make(path, r, "sum", c->round);
    const choir_status status = ch_operator_get(r->operator, path, "replay", out, err);
    *out = status == CHOIR_OK ? *out : (choir_bytes){.size = 0};
    return status == CHOIR_EAGAIN ? CHOIR_OK : status;
}

/* The sum to apply: the kept one, when the updates come to the same, as far as there are both. */
static choir_bytes sum_choose(const replaying *r, const closed_round *c, choir_bytes kept,
                              ch_replay_row *row) {
    uint32_t reports = 0;
    uint64_t examples = 0;
    const choir_bytes gathered = choir_replay_gathered(r->replay, &reports, &examples);
    const bool is_whole = reports == c->reports && reports > 0;
    if (!is_whole && kept.size == 0) {
        rule(row, CH_REPLAY_GONE, "its sum is not kept");
    } else if (is_whole && examples != c->examples) {
        rule(row, CH_REPLAY_DIFFERS,
             "its updates are of %" PRIu64 " examples, its summary says %" PRIu64, examples,
             c->examples);
    } else if (is_whole && kept.size > 0 &&
               (kept.size != gathered.size || memcmp(kept.data, gathered.data, kept.size) != 0)) {
        rule(row, CH_REPLAY_DIFFERS, "its updates come to another sum than the one that is kept");
    }
    row->updates = is_whole ? reports : 0;
    return kept.size > 0 ? kept : gathered;
}

static choir_status sum_apply(const replaying *r, const closed_round *c, ch_replay_row *row,
                              choir_error *err) {
    choir_bytes kept = {0};
    choir_status status = sum_ask(r, c, &kept, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const choir_bytes sum = sum_choose(r, c, kept, row);
    if (!is_open(row)) {
        return CHOIR_OK;
    }
    choir_error why = {.message = ""};
    status = choir_replay_round(r->replay, c->reports, c->examples, sum, &why);
    if (status == CHOIR_EPROTO) {
        rule(row, CH_REPLAY_DIFFERS, "%.150s", why.message);
        return CHOIR_OK;
    }
    return status;
}

/* Applies a round that had a quorum: by its receipts, its updates where they are kept, and its sum.
 * One that the algorithm could not apply comes to the model before. */
static choir_status quorum_do(replaying *r, const closed_round *c, ch_replay_row *row,
                              choir_error *err) {
    json_t *answer = NULL;
    choir_status status = receipts_ask(r, c, &answer, err);
    const json_t *list = json_object_get(answer, "receipts");
    if (status == CHOIR_OK && r->has_updates) {
        status = updates_gather(r, c, list, row, err);
    }
    if (status == CHOIR_OK && is_open(row)) {
        status = sum_apply(r, c, row, err);
    }
    if (status == CHOIR_OK && is_open(row)) {
        receipts_check(r, c, list, row);
    }
    json_decref(answer);
    return status;
}

/* Compares with what the server says that the round came to. */
static void compare(const replaying *r, const closed_round *c, ch_replay_row *row) {
    char text[HASH_TEXT];
    const choir_hash hash = choir_replay_hash(r->replay);
    choir_hash_text(&hash, text);
    if (strcmp(text, c->model) != 0) {
        rule(row, CH_REPLAY_DIFFERS, "its sum comes to %.12s, the server has %.12s", text,
             c->model);
    } else {
        row->verdict = c->applied ? CH_REPLAY_SAME : CH_REPLAY_DISCARDED;
    }
}

static choir_status round_replay(replaying *r, const closed_round *c, ch_replay_row *row,
                                 choir_error *err) {
    choir_status status = before_have(r, c->round, row, err);
    const bool has_quorum = c->reports >= r->options.quorum;
    if (status == CHOIR_OK && is_open(row) && c->applied && !has_quorum) {
        rule(row, CH_REPLAY_DIFFERS, "%" PRIu32 " reports and a quorum of %" PRIu32 ", but applied",
             c->reports, r->options.quorum);
    }
    if (status == CHOIR_OK && is_open(row) && has_quorum) {
        status = quorum_do(r, c, row, err);
    }
    if (status == CHOIR_OK && is_open(row)) {
        compare(r, c, row);
    }
    return status;
}

/* Of one round; those that are only on the way are not told of. */
static choir_status round_do(replaying *r, const closed_round *c, choir_error *err) {
    ch_replay_row row = {.round = c->round, .why = ""};
    const choir_status status = round_replay(r, c, &row, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (!is_open(&row)) {
        replay_forget(r); // the next goes on from what the server has
    }
    memcpy(r->before, c->model, sizeof(r->before));
    if (c->round >= r->first) {
        r->told += 1;
        r->each(r->self, &row);
    }
    return CHOIR_OK;
}

/* Of one round as the server tells it. *is_over: there is none to come that is wanted. */
static choir_status round_see(replaying *r, const json_t *told, bool *is_over, choir_error *err) {
    closed_round c;
    if (!round_read(&c, told)) {
        return ch_error_set(err, CHOIR_EPROTO, "replay: the server tells no round");
    }
    *is_over = c.round >= r->last;
    if (c.round > r->last) {
        return CHOIR_OK;
    }
    if (c.round < r->first && !r->has_state) { // only the model after it is wanted
        replay_forget(r);
        memcpy(r->before, c.model, sizeof(r->before));
        return CHOIR_OK;
    }
    return round_do(r, &c, err);
}

static choir_status rounds_do(replaying *r, choir_error *err) {
    uint32_t next = r->has_state || r->first == 1 ? 1 : r->first - 1;
    for (bool is_over = false; !is_over;) {
        char path[TEXT_MAX];
        json_t *answer = NULL;
        (void)snprintf(path, sizeof(path), "/jobs/%s/rounds?from=%" PRIu32 "&limit=%d",
                       r->reference, next, PAGE);
        choir_status status =
            ch_operator_ask(r->operator, "GET", path, NULL, "replay", &answer, err);
        const json_t *list = json_object_get(answer, "rounds");
        const size_t count = json_array_size(list);
        is_over = count < PAGE;
        for (size_t i = 0; i < count && status == CHOIR_OK; i++) {
            bool is_last = false;
            status = round_see(r, json_array_get(list, i), &is_last, err);
            is_over = is_over || is_last;
        }
        next += PAGE;
        json_decref(answer);
        if (status != CHOIR_OK) {
            return status;
        }
    }
    return CHOIR_OK;
}

// ----- the job ----------------------------------------------------------------------------------

/* What the coordinator was made of. */
static choir_status job_read(replaying *r, const char *job, choir_error *err) {
    char path[TEXT_MAX];
    json_t *answer = NULL;
    (void)snprintf(path, sizeof(path), "/jobs/%s/details", job);
    choir_status status = ch_operator_ask(r->operator, "GET", path, NULL, "replay", &answer, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const json_t *text = json_object_get(answer, "job");
    const char *name = json_string_value(json_object_get(answer, "name"));
    const json_int_t version = json_integer_value(json_object_get(answer, "version"));
    const json_int_t clients = json_integer_value(json_object_get(answer, "clients"));
    const json_int_t closed = json_integer_value(json_object_get(answer, "round"));
    r->last = closed < (json_int_t)r->last ? (uint32_t)closed : r->last; // not those to come
    if (!json_is_string(text) || name == NULL || clients < 1 || clients > INT32_MAX) {
        status = ch_error_set(err, CHOIR_EPROTO, "replay: the server's answer lacks a part of it");
    } else {
        (void)snprintf(r->reference, sizeof(r->reference), "%s@%" PRIu32, name, (uint32_t)version);
        status = choir_job_parse(&r->job, json_string_value(text), json_string_length(text),
                                 r->reference, NULL, 0, err);
    }
    json_decref(answer);
    choir_bytes bytes = {0};
    (void)snprintf(path, sizeof(path), "/v1/admin/jobs/%s/bundle", r->reference);
    if (status == CHOIR_OK) {
        status = ch_operator_get(r->operator, path, "replay", &bytes, err);
    }
    if (status == CHOIR_OK) {
        status = ch_safetensors_parse(&r->bundle, bytes, r->reference, r->env, err);
    }
    if (status == CHOIR_OK) {
        r->has_updates = r->job.retain_updates;
        r->options = ch_job_coordinator(&r->job, (uint32_t)clients, r->bundle.layout.dim);
        status = replay_begin(r, r->bundle.params, err);
    }
    if (status == CHOIR_OK) {
        r->has_state = choir_replay_has_state(r->replay);
    }
    return status;
}

choir_status ch_replay_job(ch_operator *o, const char *job, uint32_t round,
                           void (*each)(void *self, const ch_replay_row *row), void *self,
                           const choir_env *env, choir_error *err) {
    replaying r = {.operator= o,
                   .env = env,
                   .first = round == CH_REPLAY_ALL ? 1 : round,
                   .last = round == CH_REPLAY_ALL ? UINT32_MAX : round,
                   .each = each,
                   .self = self};
    choir_status status = job_read(&r, job, err);
    if (status == CHOIR_OK) {
        status = rounds_do(&r, err);
    }
    if (status == CHOIR_OK && r.told == 0 && round != CH_REPLAY_ALL) {
        status = ch_error_set(err, CHOIR_EAGAIN, "replay: round %" PRIu32 " of '%s' has not closed",
                              round, r.reference);
    }
    replay_forget(&r);
    ch_safetensors_release(&r.bundle);
    return status;
}
