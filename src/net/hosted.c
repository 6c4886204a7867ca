/* Hosted: see hosted.h. */
#include "net/hosted.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/env.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { IDLE_WAIT_MS = 60 * 1000, TICK_ROUNDS_MAX = 64 };

// ----- life -------------------------------------------------------------------------------------

void ch_closing_release(const ch_hosted *h, ch_closing *c) {
    ch_model_release(c->model);
    h->env.free(h->env.self, c);
}

/* Answers that wait become a 503 that says why; NULL: they have been answered. */
static void waiting_disturb(ch_hosted *h, const char *why) {
    while (h->waiting != NULL) {
        ch_waiting *w = h->waiting;
        h->waiting = w->next;
        if (why != NULL) {
            ch_answer_busy(w->exchange, why);
        }
        h->env.free(h->env.self, w);
    }
}

void ch_hosted_close(ch_hosted *h, const char *why) {
    if (h == NULL) {
        return;
    }
    const choir_env env = h->env;
    waiting_disturb(h, why);
    ch_hosted_disturb(h, why);
    while (h->closed != NULL) {
        ch_closing *c = h->closed;
        h->closed = c->next;
        ch_closing_release(h, c);
    }
    for (uint32_t i = 0; i < h->receipts_count; i++) {
        ch_receipt_release(h, &h->receipts[i]);
    }
    if (h->receipts != NULL) {
        env.free(env.self, h->receipts);
    }
    if (h->roster != NULL) {
        env.free(env.self, h->roster);
    }
    if (h->frozen != NULL) {
        env.free(env.self, h->frozen);
    }
    if (h->head != NULL) {
        env.free(env.self, h->head);
    }
    ch_stored_release(&h->yaml);
    ch_model_release(h->model);
    ch_model_release(h->offered);
    choir_coordinator_destroy(h->coordinator);
    env.free(env.self, h);
}

// ----- rounds -----------------------------------------------------------------------------------

bool ch_hosted_has_failed(const ch_hosted *h) {
    return strcmp(h->row.state, "failed") == 0;
}

bool ch_hosted_is_open(const ch_hosted *h) {
    return h->coordinator != NULL;
}

uint32_t ch_hosted_round(const ch_hosted *h) {
    return ch_hosted_is_open(h) ? choir_coordinator_round(h->coordinator) : 0;
}

bool ch_hosted_may_commit(const ch_hosted *h) {
    return ch_hosted_is_open(h) && !ch_hosted_has_failed(h);
}

const char *ch_hosted_shown_state(const ch_hosted *h) {
    const bool is_early = h->closed != NULL && strcmp(h->row.state, "finished") == 0;
    return is_early ? "running" : h->row.state;
}

bool ch_hosted_is_running(const ch_hosted *h) {
    return ch_hosted_is_open(h) && strcmp(h->row.state, "running") == 0 &&
           !choir_coordinator_is_done(h->coordinator);
}

choir_status ch_hosted_freeze(ch_hosted *h, uint64_t now_ms) {
    if (h->frozen != NULL) {
        return CHOIR_OK;
    }
    const size_t size = choir_coordinator_round_bytes(h->coordinator);
    h->frozen = h->env.alloc(h->env.self, ch_arena_cost(size, 1));
    if (h->frozen == NULL) {
        return CHOIR_ENOMEM;
    }
    h->frozen_size = size;
    choir_coordinator_round_save(h->coordinator, now_ms, h->frozen);
    return CHOIR_OK;
}

void ch_hosted_thaw(ch_hosted *h, uint64_t now_ms) {
    if (h->frozen == NULL) {
        return;
    }
    const choir_bytes round = {.data = h->frozen, .size = h->frozen_size};
    const choir_status status =
        choir_coordinator_round_restore(h->coordinator, now_ms, round, NULL);
    CH_ASSERT(status == CHOIR_OK); // nobody has asked the coordinator anything since
    h->env.free(h->env.self, h->frozen);
    h->frozen = NULL;
}

static uint64_t unix_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Reports whose answers wait are sent again; what is kept of the job stays as it is. */
void ch_hosted_fail(ch_hosted *h, const char *why) {
    char quoted[2 * sizeof(choir_error)];
    (void)ch_text_quote(quoted, sizeof(quoted), why);
    (void)snprintf(h->row.state, sizeof(h->row.state), "failed");
    ch_log(&h->env, CHOIR_LEVEL_ERROR, "job_failed", "job=%s why=%s", h->reference, quoted);
    waiting_disturb(h, "the job has failed");
}

/* The best round is the applied one of the lowest loss; of equal ones the first. What its clients
 * say is of the model before it, while they make it better, and all that a server knows. */
static void best_follow(ch_hosted *h) {
    const double loss = h->last.train_loss;
    if (h->last.applied && isfinite(loss) && !(loss >= h->best_loss)) {
        h->row.best_round = h->last.round;
        h->best_loss = loss;
    }
}

/* A sum is behind it. NULL without memory. */
static ch_closing *closing_create(const ch_hosted *h, choir_bytes sum) {
    const size_t head = ch_arena_cost(1, sizeof(ch_closing));
    uint8_t *block = h->env.alloc(h->env.self, head + ch_arena_cost(sum.size, 1));
    if (block == NULL) {
        return NULL;
    }
    ch_closing *c = (ch_closing *)(void *)block;
    *c = (ch_closing){.sum = {.data = block + head, .size = sum.size}};
    if (sum.size > 0) {
        memcpy(block + head, sum.data, sum.size);
    }
    return c;
}

/* Behind those that closed before it, with what there is to say of its round. */
static void closing_add(ch_hosted *h, ch_closing *c) {
    c->round = h->last.round;
    c->closed_ms = unix_ms();
    c->row = h->last;
    c->summary_size = ch_metrics_row_json(c->summary, &h->last);
    ch_closing **end = &h->closed;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = c;
    if (choir_coordinator_is_done(h->coordinator)) {
        (void)snprintf(h->row.state, sizeof(h->row.state), "finished");
    }
}

/* Notes that the model of the last round was evaluated. */
static void evaluation_closed(ch_hosted *h) {
    ch_closing *c = closing_create(h, (choir_bytes){.size = 0});
    if (c == NULL) {
        ch_hosted_fail(h, "no memory for what its round left");
        return;
    }
    ch_metrics_row_measure(&h->last, choir_coordinator_evaluation(h->coordinator));
    closing_add(h, c);
}

/* Notes a round that has closed. Without memory for it the job has failed: what is in memory cannot
 * be kept, and what is kept is where it was. */
static void training_closed(ch_hosted *h) {
    const choir_round_summary *summary = choir_coordinator_summary(h->coordinator);
    const bool is_told = summary->applied || choir_coordinator_unfit(h->coordinator)[0] != '\0';
    const choir_bytes sum =
        is_told ? choir_coordinator_sum(h->coordinator) : (choir_bytes){.size = 0};
    ch_closing *c = closing_create(h, sum);
    if (c == NULL || ch_hosted_model_refresh(h) != CHOIR_OK) {
        if (c != NULL) {
            h->env.free(h->env.self, c);
        }
        ch_hosted_fail(h, "no memory for what its round left");
        return;
    }
    h->last = ch_metrics_row_of(summary);
    best_follow(h);
    c->model = ch_model_share(h->model);
    closing_add(h, c);
}

/* What the coordinator was when it was asked, to see what closed by that. */
typedef struct asking {
    uint64_t closings;
    bool was_evaluating;
} asking;

static asking ask(const ch_hosted *h) {
    return (asking){.closings = choir_coordinator_closings(h->coordinator),
                    .was_evaluating = choir_coordinator_is_evaluating(h->coordinator)};
}

/* Notes the round that has closed meanwhile; false when there was none. */
static bool closed_note(ch_hosted *h, const asking *before) {
    const bool has_closed = choir_coordinator_closings(h->coordinator) != before->closings;
    if (has_closed && before->was_evaluating) {
        evaluation_closed(h);
    } else if (has_closed) {
        training_closed(h);
    }
    return has_closed;
}

void ch_hosted_tick(ch_hosted *h, uint64_t now_ms) {
    for (int closed = 0; closed < TICK_ROUNDS_MAX && ch_hosted_is_running(h); closed++) {
        const asking before = ask(h);
        choir_coordinator_tick(h->coordinator, now_ms);
        if (!closed_note(h, &before)) {
            return;
        }
    }
}

uint64_t ch_hosted_deadline_ms(const ch_hosted *h) {
    return ch_hosted_is_running(h) ? choir_coordinator_deadline_ms(h->coordinator) : UINT64_MAX;
}

/* A place for one more receipt. */
static bool receipts_grow(ch_hosted *h) {
    if (h->receipts_count < h->receipts_max) {
        return true;
    }
    const uint32_t max = h->receipts_max == 0 ? 64 : 2 * h->receipts_max;
    ch_receipt *grown = h->env.alloc(h->env.self, ch_arena_cost(max, sizeof(*grown)));
    if (grown == NULL) {
        return false;
    }
    if (h->receipts != NULL) {
        memcpy(grown, h->receipts, h->receipts_count * sizeof(*grown));
        h->env.free(h->env.self, h->receipts);
    }
    h->receipts = grown;
    h->receipts_max = max;
    return true;
}

/* A copy of what is to be kept of a report, made before it is counted; false without memory. */
static bool update_copy(const ch_hosted *h, choir_bytes request, choir_bytes *out) {
    *out = (choir_bytes){.size = 0};
    if (!h->job.retain_updates) {
        return true;
    }
    uint8_t *block = h->env.alloc(h->env.self, ch_arena_cost(request.size, 1));
    if (block == NULL) {
        return false;
    }
    memcpy(block, request.data, request.size);
    *out = (choir_bytes){.data = block, .size = request.size};
    return true;
}

void ch_receipt_release(const ch_hosted *h, ch_receipt *receipt) {
    if (receipt->update.size > 0) {
        h->env.free(h->env.self, (void *)(uintptr_t)receipt->update.data);
    }
    receipt->update = (choir_bytes){.size = 0};
}

/* Counts a report for which there is room; update is moved. */
static choir_bytes report_reply(ch_hosted *h, uint64_t now_ms, const choir_route *route,
                                choir_bytes request, choir_bytes update) {
    const asking before = ask(h);
    const choir_bytes reply = choir_coordinator_reply(h->coordinator, now_ms, request);
    ch_receipt receipt = {.round = route->round, .client = route->client, .update = update};
    // What was only measured leaves no receipt: nothing is added that could be proved.
    if (choir_answer_of(reply) == CHOIR_ANSWER_ACK && !before.was_evaluating) {
        ch_sha256_of(request.data, request.size, receipt.digest);
        h->receipts[h->receipts_count] = receipt;
        h->receipts_count += 1;
    } else {
        ch_receipt_release(h, &receipt);
    }
    (void)closed_note(h, &before);
    return reply;
}

static choir_bytes own_wait(ch_hosted *h, uint32_t wait_ms, choir_why why) {
    return (choir_bytes){.data = h->own_reply,
                         .size = choir_answer_wait(h->own_reply, wait_ms, why)};
}

/* Of a version that is over. One that was counted is told so, for what its client keeps of it is of
 * use when the version goes on; any other is stale and no more: its client checks in again, and
 * there may be another version. What one that has failed counted need not be on the disk. */
static choir_refusal report_refusal(const ch_hosted *h, choir_bytes request) {
    return ch_hosted_may_commit(h) && choir_coordinator_has_counted(h->coordinator, request)
               ? CHOIR_REFUSAL_DUPLICATE
               : CHOIR_REFUSAL_STALE;
}

/* While no rounds go on. */
static choir_bytes idle_reply(ch_hosted *h, const choir_route *route, choir_bytes request) {
    const bool is_paused = strcmp(h->row.state, "paused") == 0;
    if (is_paused || (ch_hosted_has_failed(h) && !h->is_replaced)) {
        return own_wait(h, IDLE_WAIT_MS, is_paused ? CHOIR_WHY_PAUSED : CHOIR_WHY_ERROR);
    }
    const bool is_finished = strcmp(h->row.state, "finished") == 0;
    const choir_why why = is_finished ? CHOIR_WHY_FINISHED : CHOIR_WHY_STOPPED;
    const size_t size = route->is_report
                            ? choir_answer_refused(h->own_reply, report_refusal(h, request))
                            : choir_answer_done(h->own_reply, why);
    return (choir_bytes){.data = h->own_reply, .size = size};
}

/* Whether what is in memory is not on the disk. */
static bool is_dirty(const ch_hosted *h) {
    return choir_coordinator_changes(h->coordinator) != h->committed;
}

bool ch_hosted_wants_commit(const ch_hosted *h) {
    return ch_hosted_may_commit(h) && (is_dirty(h) || h->waiting != NULL);
}

choir_bytes ch_hosted_reply(ch_hosted *h, uint64_t now_ms, const choir_route *route,
                            choir_bytes request, bool *hold) {
    *hold = false;
    h->requests += 1;
    h->bytes_up += request.size;
    ch_hosted_tick(h, now_ms);
    choir_bytes reply = {0};
    choir_bytes update = {0};
    if (!route->is_report && h->closed != NULL && ch_hosted_may_commit(h)) {
        *hold = true; // it would be told of a round that a crash might take back
    } else if (!ch_hosted_is_running(h)) {
        reply = idle_reply(h, route, request);
        *hold = route->is_report && ch_hosted_wants_commit(h);
    } else if (!route->is_report) {
        reply = choir_coordinator_reply(h->coordinator, now_ms, request);
    } else if (!receipts_grow(h) || !update_copy(h, request, &update)) {
        reply = own_wait(h, IDLE_WAIT_MS, CHOIR_WHY_ERROR); // no memory: it will be sent again
    } else {
        reply = report_reply(h, now_ms, route, request, update);
        reply = ch_hosted_has_failed(h) ? own_wait(h, IDLE_WAIT_MS, CHOIR_WHY_ERROR) : reply;
        *hold = ch_hosted_wants_commit(h) && choir_answer_of(reply) != CHOIR_ANSWER_PROCEED;
    }
    h->bytes_down += reply.size;
    return reply;
}

void ch_answer_reply(ch_http_exchange *x, choir_bytes reply) {
    ch_http_answer(x, 200, "application/x-protobuf", reply);
}

void ch_answer_busy(ch_http_exchange *x, const char *why) {
    char text[256];
    const int size = snprintf(text, sizeof(text), "{\"error\": \"%s; try again\"}\n", why);
    ch_http_answer_header(x, "Retry-After", "2");
    ch_http_answer(x, 503, "application/json",
                   (choir_bytes){.data = (const uint8_t *)text, .size = (size_t)size});
}

void ch_hosted_wait(ch_hosted *h, ch_http_exchange *x, choir_bytes reply) {
    CH_ASSERT(reply.size <= CHOIR_ANSWER_MAX);
    ch_waiting *w = h->env.alloc(h->env.self, ch_arena_cost(1, sizeof(*w)));
    if (w == NULL) {
        ch_answer_busy(x, "no memory");
        return;
    }
    *w = (ch_waiting){.next = h->waiting, .exchange = x, .size = reply.size};
    memcpy(w->reply, reply.data, reply.size);
    h->waiting = w;
}
