/* Hosted: how a job comes into memory, from the store or before it is in one. See hosted.h. */
#include "net/hosted.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/env.h"
#include "base/error.h"
#include "job/coordinator.h"
#include "net/offer.h"
#include "onnx/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static choir_status head_copy(ch_hosted *h, choir_bytes bundle) {
    const choir_bytes head = ch_offer_head(bundle);
    h->head = h->env.alloc(h->env.self, ch_arena_cost(head.size, 1));
    if (h->head == NULL) {
        return CHOIR_ENOMEM;
    }
    memcpy(h->head, head.data, head.size);
    h->head_size = head.size;
    return CHOIR_OK;
}

/* The job of its text, and of its initial model what devices are told. */
static choir_status parts_read(ch_hosted *h, ch_safetensors *file, choir_bytes bundle,
                               choir_error *err) {
    choir_status status = choir_job_parse(&h->job, (const char *)h->yaml.data, h->yaml.size,
                                          h->reference, NULL, 0, err);
    if (status == CHOIR_OK) {
        status = ch_safetensors_parse(file, bundle, h->reference, &h->env, err);
    }
    return status == CHOIR_OK ? head_copy(h, bundle) : status;
}

static choir_status coordinator_create(ch_hosted *h, const ch_safetensors *file, choir_error *err) {
    choir_coordinator_options o = ch_job_coordinator(&h->job, h->row.clients, file->layout.dim);
    o.job = h->reference;
    o.keep_sum = h->keeps_sums;
    return choir_coordinator_create(&h->coordinator, file->params, &o, &h->env, err);
}

/* Where the last commit left it; at its start when there was none. */
static choir_status coordinator_restore(ch_hosted *h, ch_hosting_store *store, uint64_t now_ms,
                                        choir_error *err) {
    ch_stored state = {0};
    ch_stored round = {0};
    choir_status status = ch_hosting_store_state(store, &state, &round, h->row.id, err);
    if (status == CHOIR_OK) {
        const choir_bytes bytes = {.data = state.data, .size = state.size};
        status = choir_coordinator_restore(h->coordinator, bytes, err);
    } else if (status == CHOIR_EAGAIN) {
        status = CHOIR_OK;
    }
    if (status == CHOIR_OK && round.size > 0) {
        const choir_bytes bytes = {.data = round.data, .size = round.size};
        status = choir_coordinator_round_restore(h->coordinator, now_ms, bytes, err);
    }
    ch_stored_release(&state);
    ch_stored_release(&round);
    return status;
}

/* What a hash of the open round names, in place of what *model is. */
static choir_status model_take(ch_hosted *h, ch_model **model, const choir_hash *hash) {
    if (*model != NULL && memcmp(&(*model)->hash, hash, sizeof(*hash)) == 0) {
        return CHOIR_OK;
    }
    choir_bytes bytes = {0};
    const choir_status found = choir_coordinator_model(h->coordinator, hash, &bytes);
    CH_ASSERT(found == CHOIR_OK);
    ch_model *taken = ch_model_create(hash, bytes, &h->env);
    if (taken == NULL) {
        return CHOIR_ENOMEM;
    }
    ch_model_release(*model);
    *model = taken;
    return CHOIR_OK;
}

choir_status ch_hosted_model_refresh(ch_hosted *h) {
    const choir_hash hash = choir_coordinator_hash(h->coordinator);
    const choir_hash offered = choir_coordinator_offered(h->coordinator);
    const choir_status status = model_take(h, &h->model, &hash);
    if (status != CHOIR_OK || memcmp(&hash, &offered, sizeof(hash)) == 0) {
        return status;
    }
    return model_take(h, &h->offered, &offered);
}

static void best_read(void *self, const ch_round_row *round) {
    ch_hosted *h = self;
    ch_metrics_row row;
    if (ch_metrics_row_read(&row, (const char *)round->summary.data, round->summary.size,
                            h->reference, NULL) == CHOIR_OK) {
        h->best_loss = row.train_loss;
    }
}

static void last_read(void *self, const ch_round_row *round) {
    ch_hosted *h = self;
    ch_metrics_row row;
    if (ch_metrics_row_read(&row, (const char *)round->summary.data, round->summary.size,
                            h->reference, NULL) == CHOIR_OK) {
        h->last = row;
    }
}

/* What the last round that closed came to: of one whose model is being evaluated it has to be
 * known.
 */
static choir_status last_restore(ch_hosted *h, ch_hosting_store *store, choir_error *err) {
    const uint32_t round = choir_coordinator_round(h->coordinator);
    if (round == 0) {
        return CHOIR_OK;
    }
    const choir_status status =
        ch_hosting_store_rounds(store, h->row.id, round, 1, last_read, h, err);
    return status == CHOIR_OK && choir_coordinator_is_evaluating(h->coordinator) &&
                   h->last.round != round
               ? ch_error_set(err, CHOIR_EPROTO,
                              "job %s: of round %" PRIu32 ", which is being evaluated, nothing is "
                              "told",
                              h->reference, round)
               : status;
}

/* What the best round came to, to be compared with those to come. */
static choir_status best_restore(ch_hosted *h, ch_hosting_store *store, choir_error *err) {
    if (h->row.best_round == 0) {
        return CHOIR_OK;
    }
    return ch_hosting_store_rounds(store, h->row.id, h->row.best_round, 1, best_read, h, err);
}

/* The job at its start, as the store has it. */
static choir_status stored_create(ch_hosted *h, ch_hosting_store *store, choir_error *err) {
    ch_stored bundle = {0};
    ch_safetensors file = {0};
    choir_status status = ch_hosting_store_job_yaml(store, &h->yaml, h->row.id, err);
    if (status == CHOIR_OK) {
        status = ch_hosting_store_job_bundle(store, &bundle, h->row.id, err);
    }
    if (status == CHOIR_OK) {
        const choir_bytes bytes = {.data = bundle.data, .size = bundle.size};
        status = parts_read(h, &file, bytes, err);
    }
    ch_stored_release(&bundle); // before there is a coordinator: it may be as large
    if (status == CHOIR_OK) {
        status = coordinator_create(h, &file, err);
    }
    ch_safetensors_release(&file);
    return status;
}

static choir_status stored_restore(ch_hosted *h, ch_hosting_store *store, uint64_t now_ms,
                                   choir_error *err) {
    choir_status status = coordinator_restore(h, store, now_ms, err);
    if (status == CHOIR_OK) {
        status = best_restore(h, store, err);
    }
    return status == CHOIR_OK ? last_restore(h, store, err) : status;
}

/* What is to be had beside the coordinator before anybody is answered. */
static choir_status ready_make(ch_hosted *h, uint64_t now_ms) {
    const size_t bytes = ch_arena_cost(h->row.clients, sizeof(h->roster[0]));
    const choir_status status = ch_hosted_model_refresh(h);
    if (status != CHOIR_OK) {
        return status;
    }
    h->kept =
        (ch_kept_rounds){.closed = ch_hosted_round(h), .model = h->model->hash, .last = h->last};
    h->roster = h->env.alloc(h->env.self, bytes);
    if (h->roster == NULL) {
        return CHOIR_ENOMEM;
    }
    memset(h->roster, 0, bytes);
    return ch_hosted_is_running(h) ? CHOIR_OK : ch_hosted_freeze(h, now_ms);
}

/* Without anything but its row. NULL without memory. */
static ch_hosted *row_take(const ch_hosted_row *row, bool keeps_sums, const choir_env *env,
                           choir_error *err) {
    ch_hosted *h = env->alloc(env->self, ch_arena_cost(1, sizeof(*h)));
    if (h == NULL) {
        (void)ch_error_set(err, CHOIR_ENOMEM, "no memory for job %s", row->name);
        return NULL;
    }
    *h = (ch_hosted){.row = *row,
                     .keeps_sums = keeps_sums,
                     .env = *env,
                     .job = choir_job_defaults(),
                     .last = ch_metrics_row_empty(),
                     .best_loss = (double)NAN};
    (void)snprintf(h->reference, sizeof(h->reference), "%s@%" PRIu32, row->name, row->version);
    return h;
}

/* Hands it over, or closes what has come of it. */
static choir_status finish(ch_hosted **out, ch_hosted *h, choir_status status, choir_error *err) {
    if (status == CHOIR_OK) {
        *out = h;
        return CHOIR_OK;
    }
    if (status == CHOIR_ENOMEM) {
        (void)ch_error_set(err, status, "no memory for job %s of %" PRIu32 " parameters",
                           h->reference, h->row.dim);
    }
    ch_hosted_close(h, "the job cannot be opened");
    return status;
}

choir_status ch_hosted_open(ch_hosted **out, ch_hosting_store *store, const ch_hosted_row *row,
                            bool keeps_sums, uint64_t now_ms, const choir_env *env,
                            choir_error *err) {
    *out = NULL;
    ch_hosted *h = row_take(row, keeps_sums, env, err);
    if (h == NULL) {
        return CHOIR_ENOMEM;
    }
    choir_status status = stored_create(h, store, err);
    if (status == CHOIR_OK) {
        status = stored_restore(h, store, now_ms, err);
    }
    if (status == CHOIR_OK) {
        status = ready_make(h, now_ms);
    }
    return finish(out, h, status, err);
}

/* A copy of the text, with a zero behind as the store gives it. */
static choir_status yaml_copy(ch_hosted *h, choir_bytes yaml) {
    uint8_t *copy = h->env.alloc(h->env.self, ch_arena_cost(yaml.size + 1, 1));
    if (copy == NULL) {
        return CHOIR_ENOMEM;
    }
    memcpy(copy, yaml.data, yaml.size);
    copy[yaml.size] = 0;
    h->yaml = (ch_stored){.data = copy, .size = yaml.size, .env = h->env};
    return CHOIR_OK;
}

choir_status ch_hosted_create(ch_hosted **out, const ch_hosted_row *row, choir_bytes yaml,
                              choir_bytes bundle, bool keeps_sums, uint64_t now_ms,
                              const choir_env *env, choir_error *err) {
    *out = NULL;
    ch_hosted *h = row_take(row, keeps_sums, env, err);
    if (h == NULL) {
        return CHOIR_ENOMEM;
    }
    ch_safetensors file = {0};
    choir_status status = yaml_copy(h, yaml);
    if (status == CHOIR_OK) {
        status = parts_read(h, &file, bundle, err);
    }
    if (status == CHOIR_OK) {
        status = coordinator_create(h, &file, err);
    }
    ch_safetensors_release(&file);
    if (status == CHOIR_OK) {
        status = ready_make(h, now_ms);
    }
    return finish(out, h, status, err);
}

choir_status ch_hosted_absent(ch_hosted **out, ch_hosting_store *store, const ch_hosted_row *row,
                              const char *why, const choir_env *env, choir_error *err) {
    ch_hosted *h = row_take(row, false, env, err);
    *out = h;
    if (h == NULL) {
        return CHOIR_ENOMEM;
    }
    if (ch_hosting_store_job_yaml(store, &h->yaml, row->id, NULL) == CHOIR_OK) {
        ch_ignore(choir_job_parse(&h->job, (const char *)h->yaml.data, h->yaml.size, h->reference,
                                  NULL, 0, NULL),
                  "then what is told of it are the defaults");
    }
    ch_hosted_fail(h, why);
    if (strcmp(row->state, "running") != 0 && strcmp(row->state, "paused") != 0) {
        (void)snprintf(h->row.state, sizeof(h->row.state), "%s", row->state);
    }
    return CHOIR_OK;
}
