/* Batch: see batch.h. */
#include "net/batch.h"

#include "base/arena.h"

#include <stdio.h>
#include <string.h>

static void *claim(const ch_batch *b, size_t count, size_t bytes) {
    const choir_env *env = &b->hosted->env;
    return env->alloc(env->self, ch_arena_cost(count > 0 ? count : 1, bytes));
}

static void batch_release(ch_batch *b) {
    void *const blocks[] = {b->state, b->open_round, b->receipts, b->closed};
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (blocks[i] != NULL) {
            b->hosted->env.free(b->hosted->env.self, blocks[i]);
        }
    }
}

static uint32_t closed_count(const ch_hosted *h) {
    uint32_t count = 0;
    for (const ch_closing *c = h->closed; c != NULL; c = c->next) {
        count += 1;
    }
    return count;
}

/* Closings stay where they are until the commit is settled, so what is borrowed of them is there.
 */
static void closed_fill(ch_batch *b) {
    uint32_t count = 0;
    for (const ch_closing *c = b->hosted->closed; c != NULL; c = c->next) {
        ch_closed_round *out = &b->closed[count];
        *out = (ch_closed_round){
            .round = c->round,
            .is_told = c->model == NULL,
            .summary = {.data = (const uint8_t *)c->summary, .size = c->summary_size},
            .sum = c->sum,
            .closed_ms = c->closed_ms};
        if (c->model != NULL) {
            out->params = c->model->bytes;
            memcpy(out->model, c->model->hash.bytes, sizeof(out->model));
        }
        count += 1;
    }
    b->commit.closed = b->closed;
    b->commit.closed_count = count;
}

choir_status ch_batch_take(ch_batch *out, ch_hosted *h, uint64_t now_ms) {
    ch_batch b = {.hosted = h, .changes = choir_coordinator_changes(h->coordinator)};
    const bool is_new_round = h->closed != NULL || h->committed == 0;
    const size_t state = is_new_round ? choir_coordinator_state_bytes(h->coordinator) : 0;
    const size_t round =
        h->frozen != NULL ? h->frozen_size : choir_coordinator_round_bytes(h->coordinator);
    b.state = claim(&b, state, 1);
    b.open_round = claim(&b, round, 1);
    b.receipts = claim(&b, h->receipts_count, sizeof(b.receipts[0]));
    b.closed = claim(&b, closed_count(h), sizeof(b.closed[0]));
    if (b.state == NULL || b.open_round == NULL || b.receipts == NULL || b.closed == NULL) {
        batch_release(&b);
        return CHOIR_ENOMEM;
    }
    if (is_new_round) {
        choir_coordinator_save(h->coordinator, b.state);
    }
    if (h->frozen != NULL) {
        memcpy(b.open_round, h->frozen, round);
    } else {
        choir_coordinator_round_save(h->coordinator, now_ms, b.open_round);
    }
    if (h->receipts_count > 0) {
        memcpy(b.receipts, h->receipts, h->receipts_count * sizeof(b.receipts[0]));
    }
    b.commit = (ch_commit){.job = h->row.id,
                           .state = {.data = b.state, .size = state},
                           .open_round = {.data = b.open_round, .size = round},
                           .receipts = b.receipts,
                           .receipts_count = h->receipts_count,
                           .best_round = h->closed != NULL ? h->row.best_round : 0};
    closed_fill(&b);
    b.waiting = h->waiting;
    h->waiting = NULL;
    *out = b;
    (void)snprintf(out->job_state, sizeof(out->job_state), "%s", h->row.state);
    out->commit.job_state = out->job_state;
    return CHOIR_OK;
}

/* What is on the disk need not be committed again. */
static void kept_forget(const ch_batch *b) {
    ch_hosted *h = b->hosted;
    h->committed = b->changes;
    for (uint32_t i = 0; i < b->commit.receipts_count; i++) {
        ch_receipt_release(h, &h->receipts[i]);
    }
    h->receipts_count -= b->commit.receipts_count;
    if (h->receipts_count > 0) {
        memmove(h->receipts, h->receipts + b->commit.receipts_count,
                h->receipts_count * sizeof(h->receipts[0]));
    }
    for (uint32_t i = 0; i < b->commit.closed_count; i++) {
        ch_closing *c = h->closed;
        h->closed = c->next;
        h->kept.last = c->row;
        if (c->model != NULL) {
            h->kept.closed = c->round;
            h->kept.model = c->model->hash;
        }
        ch_closing_release(h, c);
    }
}

void ch_batch_settle(ch_batch *b, bool is_kept) {
    const choir_env *env = &b->hosted->env;
    const char *why = ch_hosted_has_failed(b->hosted) ? "the job has failed"
                                                      : "the server cannot write to its disk";
    if (is_kept) {
        kept_forget(b);
    }
    while (b->waiting != NULL) {
        ch_waiting *w = b->waiting;
        b->waiting = w->next;
        if (is_kept) {
            const choir_bytes reply = {.data = w->reply, .size = w->size};
            ch_answer_reply(w->exchange, reply);
        } else {
            ch_answer_busy(w->exchange, why);
        }
        env->free(env->self, w);
    }
    batch_release(b);
}
