/*
 * What a participant has under way, as bytes: save and restore.
 *
 *   "CHP1"  check (8)  client (4)  has a report (4)
 *   size (4)  the task, as the Reply that gave it  size (8)  the report, as the Request to send
 *
 * Numbers are little-endian; check is a checksum of all that follows it. Task and report are the
 * messages of proto/choir.proto, so that what those learn to say is kept without a word here.
 */
#include "proto/participant_parts.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/error.h"
#include "math/fold.h"

#include <string.h>

enum {
    SAVED_MAGIC = 0x31504843, // "CHP1" as little-endian bytes; its end is the version
    MAGIC_NAME_BYTES = 3,
    CHECKED_FROM = 4 + 8,
};

_Static_assert(CHECKED_FROM + 3 * 4 + CH_REPLY_MAX + 8 <= CHOIR_SAVED_HEAD_MAX,
               "the head has room for any task");

static uint64_t check_of(choir_bytes head, choir_bytes report) {
    ch_checksum c;
    ch_checksum_init(&c, SAVED_MAGIC);
    ch_checksum_add(&c, head.data + CHECKED_FROM, head.size - CHECKED_FROM);
    if (report.size > 0) {
        ch_checksum_add(&c, report.data, report.size);
    }
    return ch_checksum_finish(&c);
}

static bool is_under_way(const choir_participant *p) {
    return p->state == STATE_FETCH || p->state == STATE_READY || p->state == STATE_REPORT;
}

void choir_participant_save(const choir_participant *p, choir_saved *out) {
    *out = (choir_saved){.head_size = 0};
    if (!is_under_way(p)) {
        return;
    }
    const bool has_report = p->state == STATE_REPORT;
    const ch_reply task = {.kind = CH_REPLY_TASK, .task = p->task};
    uint8_t message[CH_REPLY_MAX];
    const uint32_t size = ch_reply_encode(&task, message);
    if (has_report) {
        out->report = p->request;
    }
    ch_writer w = {.data = out->head, .capacity = sizeof(out->head), .size = CHECKED_FROM};
    ch_put_u32(&w, p->options.client);
    ch_put_u32(&w, has_report);
    ch_put_u32(&w, size);
    ch_put_bytes(&w, message, size);
    ch_put_u64(&w, out->report.size);
    CH_ASSERT(!w.failed);
    out->head_size = w.size;
    const uint64_t check = check_of((choir_bytes){out->head, w.size}, out->report);
    w.size = 0;
    ch_put_u32(&w, SAVED_MAGIC);
    ch_put_u64(&w, check);
}

/* Saved bytes, taken apart. */
typedef struct parts {
    uint32_t client;
    choir_task task;
    choir_bytes report; // empty: none
    ch_request request; // of the report
} parts;

static choir_status damaged(choir_error *err) {
    return ch_error_set(err, CHOIR_EPROTO, "saved task: damaged, its checksum does not match");
}

/* Whether a report is the task's: what ch_request_head made, with the delta last and whole. */
static bool report_is_right(const parts *s) {
    const ch_report *r = &s->request.report;
    const size_t delta_bytes = (size_t)r->dim * sizeof(float);
    const bool is_of_task = s->request.kind == CH_REQUEST_REPORT &&
                            s->request.client == s->client && r->round == s->task.round &&
                            r->purpose == s->task.purpose && r->method == s->task.method &&
                            strcmp(s->request.job, s->task.job) == 0 &&
                            memcmp(&r->model, &s->task.model, sizeof(r->model)) == 0;
    if (!is_of_task || s->report.size < delta_bytes ||
        s->report.size - delta_bytes > CH_REQUEST_HEAD_MAX) {
        return false;
    }
    return r->dim == 0 || (r->dim == choir_task_sent(&s->task) &&
                           r->delta.data == s->report.data + (s->report.size - delta_bytes) &&
                           ch_fold_measure(r->delta.data, r->dim).is_finite);
}

/* Takes apart what has the right checksum. */
static choir_status parts_read(parts *out, ch_reader *r, choir_error *err) {
    ch_reply given;
    out->client = ch_get_u32(r);
    const uint32_t has_report = ch_get_u32(r);
    const choir_bytes message = ch_get_bytes(r, ch_get_u32(r));
    const uint64_t size = ch_get_u64(r);
    out->report = size <= SIZE_MAX ? ch_get_bytes(r, (size_t)size) : (choir_bytes){.size = 0};
    bool is_right = ch_reader_done(r) && has_report == (size > 0) &&
                    ch_reply_decode(&given, message) == CHOIR_OK && given.kind == CH_REPLY_TASK;
    if (is_right) {
        out->task = given.task;
    }
    if (is_right && size > 0) {
        is_right = ch_request_decode(&out->request, out->report) == CHOIR_OK &&
                   ch_request_is_intact(&out->request) && report_is_right(out);
    }
    return is_right ? CHOIR_OK
                    : ch_error_set(err, CHOIR_EPROTO, "saved task: no task with its report");
}

static choir_status saved_read(parts *out, choir_bytes state, choir_error *err) {
    static const uint8_t name[] = {'C', 'H', 'P'};
    *out = (parts){.client = 0};
    ch_reader r = {.data = state.data, .size = state.size};
    const uint32_t magic = ch_get_u32(&r);
    const uint64_t check = ch_get_u64(&r);
    if (r.failed || memcmp(state.data, name, MAGIC_NAME_BYTES) != 0) {
        return damaged(err);
    }
    if (magic != SAVED_MAGIC) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "saved task: damaged, or of another version of choir, which has to "
                            "finish it");
    }
    if (check_of(state, (choir_bytes){.size = 0}) != check) {
        return damaged(err);
    }
    return parts_read(out, &r, err);
}

choir_status choir_participant_saved_about(choir_saved_about *out, choir_bytes state,
                                           choir_error *err) {
    parts s;
    const choir_status status = saved_read(&s, state, err);
    if (status == CHOIR_OK) {
        *out = (choir_saved_about){.task = s.task,
                                   .client = s.client,
                                   .has_report = s.report.size > 0,
                                   .room_dim = s.request.report.dim};
    }
    return status;
}

/* Whether a task of "keyboard@3" is of "keyboard", or of "keyboard@3". */
static bool is_of_job(const char *task, const char *job) {
    const size_t size = strlen(job);
    return size == 0 ||
           (strncmp(task, job, size) == 0 && (task[size] == '\0' || task[size] == '@'));
}

/* The report where an own one would lie: its delta, if it has one, at the workspace's. */
static void report_take(choir_participant *p, const parts *s, choir_workspace *room) {
    const size_t head = s->report.size - (size_t)s->request.report.dim * sizeof(float);
    uint8_t *to = p->head;
    if (s->request.report.dim > 0) {
        to = room->head + CH_REQUEST_HEAD_MAX - head;
        p->room = room;
    }
    memcpy(to, s->report.data, s->report.size);
    p->request = (choir_bytes){.data = to, .size = s->report.size};
    p->examples = s->request.report.examples;
    p->exchange = 0; // it is announced again: its round may be over by now
    p->state = STATE_REPORT;
}

choir_status choir_participant_restore(choir_participant *p, uint64_t now_ms, choir_bytes state,
                                       choir_workspace *room, choir_error *err) {
    parts s;
    ch_chain chain;
    const choir_status status = saved_read(&s, state, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (s.client != p->options.client || !is_of_job(s.task.job, p->job)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "saved task: of client %u of '%s', this is client %u of '%s'", s.client,
                            s.task.job, p->options.client, p->job);
    }
    const bool can = ch_participant_can(p, &s.task, &chain);
    const bool says_so = s.report.size > 0 && s.request.report.dim == 0;
    if (!can && !says_so) {
        return ch_error_set(err, CHOIR_ERANGE,
                            "saved task: round %u asks for %u parameters with the chain '%s', "
                            "which this device cannot do",
                            s.task.round, s.task.dim, s.task.chain);
    }
    CH_ASSERT(s.request.report.dim == 0 || room->dim_max >= s.request.report.dim);
    p->task = s.task;
    p->chain = can ? chain : (ch_chain){0};
    p->wake_ms = now_ms;
    p->why = CHOIR_WHY_NONE;
    p->damaged = 0;
    p->blob = (choir_blob){0};
    p->room = NULL;
    p->state = STATE_FETCH;
    if (s.report.size > 0) {
        report_take(p, &s, room);
    }
    return CHOIR_OK;
}
