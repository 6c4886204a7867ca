/*
 * Routes of uploads: a report that comes in parts.
 *
 *     PUT /v1/uploads/HASH?job=REF&round=N   Content-Range: bytes FROM-TO/SIZE
 *                                            -> 202 {"offset", "size"}; of the last part: a Reply
 *     GET /v1/uploads/HASH?job=REF           -> {"offset", "size"}
 *
 * When a head is in, before any of its body: whether there is anything to send for at all (what a
 * report would be answered whatever is in it is answered at once), how large the whole may be, and
 * whether the part begins where the upload is. When the last part is in, the body is the exchange's
 * as if it had come with POST /v1/exchange.
 */
#include "net/routes.h"

#include "base/error.h"
#include "net/http_text.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_MAX = 16 << 10 }; // bytes of a report beside its parameters

/* What a request says beside its part. */
typedef struct aim {
    ch_upload_name name;
    ch_hosted *hosted; // NULL: there is no such job for this device
    uint32_t open_round;
} aim;

static bool upload_add(void *self, uint64_t ticket, choir_bytes bytes) {
    return ch_uploads_add(self, ticket, bytes, ch_server_now_ms());
}

bool ch_routes_make_room(void *self) {
    ch_server *s = self;
    return ch_uploads_make_room(&s->uploads, ch_server_now_ms());
}

/* A job that has failed goes on from what is on the disk, where a report that was counted may not
 * be. */
bool ch_upload_is_over(void *self, const ch_upload_name *name, bool is_counted) {
    const ch_hosted *h = ch_server_find_id(self, name->job);
    if (h == NULL || !ch_hosted_may_commit(h)) {
        return true;
    }
    return !is_counted &&
           (choir_coordinator_is_done(h->coordinator) || strcmp(h->row.state, "stopped") == 0 ||
            ch_hosted_round(h) + 1 != name->round);
}

// ----- what for ---------------------------------------------------------------------------------

/* The job, by ?job= or the token, and the round, by ?round= or the one that is open. False when
 * they are not as they must be, and then 400 or 404 was answered. With the lock. */
static bool aim_read(const ch_ask *ask, aim *out) {
    *out = (aim){.name = {.subject = ask->claims.subject}};
    if (!ch_http_hash_read(out->name.hash.bytes, ask->wild)) {
        ch_answer_error(ask->exchange, 404, "an upload's name is 64 hexadecimal digits");
        return false;
    }
    const bool says_round = ch_http_query(ask->exchange, "round") != NULL;
    if (!ch_ask_number(ask, "round", UINT32_MAX, &out->name.round)) {
        return false;
    }
    const char *job = ch_http_query(ask->exchange, "job");
    ch_hosted *h = ch_server_find(ask->server, job == NULL ? ask->claims.job : job);
    if (h == NULL || strcmp(h->row.name, ask->claims.job) != 0) {
        return true;
    }
    out->hosted = h;
    ch_hosted_tick(h, ch_server_now_ms());
    out->open_round = ch_hosted_round(h) + 1;
    out->name.job = h->row.id;
    out->name.round = says_round ? out->name.round : out->open_round;
    return true;
}

/* That a round is over is told when it is on the disk. With the lock. */
static void closing_answer(const ch_ask *ask) {
    ch_answer_busy(ask->exchange, "the last round is being kept");
    ch_server_wake(ask->server);
}

/* Answers what a report gets of a job that does not run, whatever is in it. With the lock. */
static void idle_answer(const ch_ask *ask, ch_hosted *h) {
    static const choir_route report = {.is_report = true};
    bool hold = false;
    const choir_bytes reply =
        ch_hosted_reply(h, ch_server_now_ms(), &report, (choir_bytes){0}, &hold);
    if (hold) { // nor that the job is
        closing_answer(ask);
    } else {
        ch_answer_reply(ask->exchange, reply);
        ch_server_wake(ask->server);
    }
}

static int client_order(const void *a, const void *b) {
    const uint32_t left = *(const uint32_t *)a;
    const uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* Whether the open round may want a report of the device. Of an open population it may want one of
 * any: a crash may have made it forget whom it had asked. */
static bool is_asked(const ch_hosted *h, const ch_claims *who) {
    uint32_t count = 0;
    const uint32_t *cohort = choir_coordinator_cohort(h->coordinator, &count);
    if (who->client >= h->row.clients ||
        (h->roster[who->client] != 0 && h->roster[who->client] != who->subject)) {
        return false;
    }
    return strcmp(h->job.population, "open") == 0 ||
           bsearch(&who->client, cohort, count, sizeof(cohort[0]), client_order) != NULL;
}

/* Whether there is anything to send for; else the answer to all of it was given. With the lock. */
static bool is_wanted(const ch_ask *ask, const aim *a) {
    ch_server *s = ask->server;
    size_t had = 0;
    size_t total = 0;
    if (a->hosted == NULL) {
        ch_answer_refused(ask->exchange, CHOIR_REFUSAL_UNSAMPLED);
        return false;
    }
    if (s->disk_fails) {
        ch_answer_busy(ask->exchange, "the server cannot write to its disk");
        return false;
    }
    const bool is_whole = ch_uploads_find(&s->uploads, &a->name, &had, &total) && had == total;
    if (is_whole && ch_hosted_may_commit(a->hosted)) {
        return true; // what it comes to is to be told
    }
    if (a->hosted->closed != NULL && ch_hosted_may_commit(a->hosted)) {
        closing_answer(ask);
        return false;
    }
    if (!ch_hosted_is_running(a->hosted)) {
        idle_answer(ask, a->hosted);
        return false;
    }
    if (a->name.round != a->open_round) {
        ch_answer_refused(ask->exchange, CHOIR_REFUSAL_STALE);
        return false;
    }
    if (!is_asked(a->hosted, &ask->claims)) {
        ch_answer_refused(ask->exchange, CHOIR_REFUSAL_UNSAMPLED);
        return false;
    }
    return true;
}

// ----- a part -----------------------------------------------------------------------------------

static void answer_elsewhere(const ch_ask *ask, size_t had) {
    ch_answer_json(ask->exchange, 409,
                   json_pack("{s:s, s:I}", "error",
                             "the part does not begin where the upload is: go on at offset",
                             "offset", (json_int_t)had));
}

/* The head of a part that is wanted. Returns the bytes to take of it; 0: it was answered, or is too
 * large. With the lock. */
static size_t part_begin(ch_ask *ask, const aim *a, const ch_http_part *part) {
    uint64_t ticket = 0;
    size_t had = 0;
    if (part->total > choir_coordinator_moved(a->hosted->coordinator) * sizeof(float) + HEAD_MAX) {
        return 0;
    }
    switch (ch_uploads_begin(&ask->server->uploads, &a->name, part, ch_server_now_ms(),
                             ask->exchange, &ticket, &had)) {
    case CH_UPLOAD_GOES_ON:
        if (part->from == 0) {
            ch_server_wake(ask->server); // the keeper drops what nobody moves
        }
        ch_http_body_to(
            ask->exchange,
            (ch_http_sink){.add = upload_add, .self = &ask->server->uploads, .ticket = ticket});
        return part->size;
    case CH_UPLOAD_ELSEWHERE:
        answer_elsewhere(ask, had);
        return 0;
    case CH_UPLOAD_TOO_LARGE: // as by servers without parts: the device sends it whole
        ch_answer_error(ask->exchange, 501, "a report of %zu bytes is taken whole only",
                        part->total);
        return 0;
    case CH_UPLOAD_BUSY:
        ch_answer_busy(ask->exchange, "the report is being looked at");
        return 0;
    case CH_UPLOAD_NO_ROOM:
        break;
    }
    ch_answer_busy(ask->exchange, "too much is uploaded at once");
    return 0;
}

size_t ch_upload_begin(ch_ask *ask) {
    ch_http_part part;
    if (!ch_http_part_read(&part, ch_http_header(ask->exchange, "Content-Range"))) {
        ch_answer_error(ask->exchange, 400,
                        "Content-Range: must be 'bytes FROM-TO/SIZE', the part and the whole");
        return 0;
    }
    aim a;
    (void)pthread_mutex_lock(&ask->server->lock);
    const bool is_right = aim_read(ask, &a) && is_wanted(ask, &a);
    const size_t bytes = is_right ? part_begin(ask, &a, &part) : 0;
    (void)pthread_mutex_unlock(&ask->server->lock);
    return bytes;
}

/* The part is in, and the whole is not. */
static void part_answer(const ch_ask *ask, const ch_upload_end *end) {
    if (end->had < end->until) {
        ch_answer_error(ask->exchange, 400,
                        "body: ends %zu bytes before the part does; go on at offset %zu",
                        end->until - end->had, end->had);
        return;
    }
    ch_answer_json(
        ask->exchange, 202,
        json_pack("{s:I, s:I}", "offset", (json_int_t)end->had, "size", (json_int_t)end->total));
}

/* The request lost its upload to another one, or to others' room, or brought more than it said. */
static void gone_answer(const ch_ask *ask) {
    aim a;
    size_t had = 0;
    size_t total = 0;
    (void)pthread_mutex_lock(&ask->server->lock);
    if (aim_read(ask, &a)) {
        (void)ch_uploads_find(&ask->server->uploads, &a.name, &had, &total);
        answer_elsewhere(ask, had);
    }
    (void)pthread_mutex_unlock(&ask->server->lock);
}

/* As a repeated report is, but that its body was not sent again. */
static void counted_answer(const ch_ask *ask) {
    uint8_t bytes[CHOIR_ANSWER_MAX];
    const choir_bytes reply = {bytes, choir_answer_refused(bytes, CHOIR_REFUSAL_DUPLICATE)};
    aim a;
    (void)pthread_mutex_lock(&ask->server->lock);
    if (aim_read(ask, &a)) {
        if (a.hosted != NULL && ch_hosted_wants_commit(a.hosted)) { // it may not be on the disk
            ch_hosted_wait(a.hosted, ask->exchange, reply);
            ch_server_wake(ask->server);
        } else {
            ch_answer_reply(ask->exchange, reply);
        }
    }
    (void)pthread_mutex_unlock(&ask->server->lock);
}

/* Whether a report has been added to a sum that is not on the disk. With the lock. */
static bool is_counted(const ch_server *s, const ch_upload_name *name) {
    const ch_hosted *h = ch_server_find_id(s, name->job);
    for (uint32_t i = h == NULL ? 0 : h->receipts_count; i > 0; i--) {
        const ch_receipt *receipt = &h->receipts[i - 1];
        if (memcmp(receipt->digest, name->hash.bytes, sizeof(receipt->digest)) == 0) {
            return true;
        }
    }
    return false;
}

/* Has the exchange go on as if all of its body had come with it. With the lock. */
static ch_upload_fate whole_judge(const ch_ask *ask, ch_upload_end *end) {
    ch_http_exchange *x = ask->exchange;
    ch_http_body_lend(x, end->block.data, end->total);
    const ch_exchanged how = ch_exchange_answer(ask->server, x, &ask->claims);
    ch_http_body_lend(x, NULL, 0);
    if (how == CH_EXCHANGED_AGAIN) {
        return CH_UPLOAD_STAYS;
    }
    if (how == CH_EXCHANGED_LATER) {
        ch_http_body_move(x, &end->block, end->total);
    }
    return is_counted(ask->server, &end->name) ? CH_UPLOAD_COUNTS : CH_UPLOAD_ENDS;
}

static void whole_answer(const ch_ask *ask, uint64_t ticket, ch_upload_end *end) {
    ch_server *s = ask->server;
    (void)pthread_mutex_lock(&s->lock);
    const ch_upload_fate fate = whole_judge(ask, end);
    ch_uploads_settle(&s->uploads, ticket, fate, &end->block);
    (void)pthread_mutex_unlock(&s->lock);
}

void ch_route_upload(ch_ask *ask) {
    ch_uploads *u = &ask->server->uploads;
    const uint64_t ticket = ch_http_body_ticket(ask->exchange);
    ch_upload_end end;
    switch (ch_uploads_end(u, ticket, &end)) {
    case CH_UPLOAD_PART:
        part_answer(ask, &end);
        break;
    case CH_UPLOAD_WHOLE:
        whole_answer(ask, ticket, &end);
        break;
    case CH_UPLOAD_COUNTED:
        counted_answer(ask);
        break;
    case CH_UPLOAD_WRONG:
        ch_answer_refused(ask->exchange, CHOIR_REFUSAL_MALFORMED);
        break;
    case CH_UPLOAD_GONE:
        gone_answer(ask);
        break;
    }
}

void ch_route_upload_show(ch_ask *ask) {
    aim a;
    size_t had = 0;
    size_t total = 0;
    (void)pthread_mutex_lock(&ask->server->lock);
    const bool is_right = aim_read(ask, &a);
    (void)pthread_mutex_unlock(&ask->server->lock);
    if (!is_right) {
        return;
    }
    if (!ch_uploads_find(&ask->server->uploads, &a.name, &had, &total)) {
        ch_answer_error(ask->exchange, 404, "there is nothing of the upload %s", ask->wild);
        return;
    }
    ch_http_answer_header(ask->exchange, "Cache-Control", "no-store");
    ch_answer_json(ask->exchange, 200,
                   json_pack("{s:I, s:I}", "offset", (json_int_t)had, "size", (json_int_t)total));
}
