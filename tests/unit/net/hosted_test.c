/* Hosted: a job in memory, its clock in the test's hands. */
#include "support/hosting.h"

#include "net/batch.h"
#include "net/http_parts.h"
#include "onnx/safetensors.h"
#include "wire/message.h"

enum { DIM = 4 };

static char folder[FOLDER_PATH_MAX];

static const char JOB[] = "name: tiny\n"
                          "model: {name: softmax}\n"
                          "data: {source: synthetic, clients: 2}\n"
                          "server: {deadline: 10, rounds: 3}\n";

static const char JOB_RETAINING[] = "name: tiny\n"
                                    "model: {name: softmax}\n"
                                    "data: {source: synthetic, clients: 2}\n"
                                    "server: {sample_rate: 1, rounds: 3, retain_updates: true}\n";

/* A job of two clients in a store of its own, as hosting it would leave it. */
static ch_hosted_row job_put(ch_hosting_store *store, const char *state, const char *text) {
    const choir_env env = choir_env_default();
    const choir_layout layout = {
        .dim = DIM,
        .count = 1,
        .tensors = {{.name = "w", .rank = 1, .shape = {DIM}, .count = DIM}}};
    const float params[DIM] = {1, 2, 3, 4};
    uint8_t *bundle = NULL;
    size_t size = 0;
    check_status(
        ch_safetensors_encode(&bundle, &size, "tiny", &layout, params, NULL, 0, &env, NULL),
        CHOIR_OK);
    ch_hosted_row row = {.name = "tiny", .version = 1, .clients = 2, .dim = DIM};
    (void)snprintf(row.state, sizeof(row.state), "%s", state);
    check_status(
        ch_hosting_store_job_add(store, &row.id, &row, text, (choir_bytes){bundle, size}, NULL),
        CHOIR_OK);
    env.free(env.self, bundle);
    return row;
}

static ch_hosted_row job_add(ch_hosting_store *store, const char *state) {
    return job_put(store, state, JOB);
}

static ch_hosted *open_at(ch_hosting_store *store, const ch_hosted_row *row, uint64_t now_ms) {
    const choir_env env = choir_env_default();
    ch_hosted *h = NULL;
    choir_error err = {.message = ""};
    if (ch_hosted_open(&h, store, row, true, now_ms, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return h;
}

static void state_set(ch_hosted *h, const char *state) {
    (void)snprintf(h->row.state, sizeof(h->row.state), "%s", state);
}

/* Keeps what the job has, as the server's keeper does. */
static void keep(ch_hosting_store *store, ch_hosted *h, uint64_t now_ms) {
    ch_batch batch;
    check_status(ch_batch_take(&batch, h, now_ms), CHOIR_OK);
    check_status(ch_hosting_store_commit(store, NULL, &batch.commit, 1, NULL), CHOIR_OK);
    ch_batch_settle(&batch, true);
}

static void a_round_closes_when_its_time_is_up(void **state) {
    (void)state;
    ch_hosting_store *store = hosting_open(hosting_dir(folder, "deadline"));
    const ch_hosted_row row = job_add(store, "running");
    ch_hosted *h = open_at(store, &row, 1000);
    ch_hosted_tick(h, 1000);
    assert_int_equal(ch_hosted_deadline_ms(h), 11000);
    ch_hosted_tick(h, 10999);
    assert_int_equal(choir_coordinator_round(h->coordinator), 0);
    ch_hosted_tick(h, 11000);
    assert_int_equal(choir_coordinator_round(h->coordinator), 1);
    assert_true(ch_hosted_wants_commit(h));
    keep(store, h, 11000);
    assert_false(ch_hosted_wants_commit(h));
    ch_hosted_close(h, "over");
    ch_hosting_store_close(store);
}

/* The commit took so long that the round which opened before it is over, too. */
static void also_when_it_is_those_who_sleep_that_find_it_so(void **state) {
    (void)state;
    const char *dir = hosting_dir(folder, "sleepers");
    ch_hosting_store *store = hosting_open(dir);
    const ch_hosted_row row = job_add(store, "running");
    ch_hosted *h = open_at(store, &row, 1000);
    ch_http_exchange x = {.server = NULL};
    ch_hosted_tick(h, 1000);
    ch_hosted_tick(h, 11000);
    assert_true(ch_hosted_sleep(h, &x, 11000, 0)); // until the first round is on the disk
    keep(store, h, 11000);
    assert_true(ch_hosted_rouse(h, 21000) == UINT64_MAX); // nobody is told of what is not kept
    assert_int_equal(h->sleepers_count, 1);
    assert_int_equal(choir_coordinator_round(h->coordinator), 2);
    assert_int_equal(h->last.round, 2);
    keep(store, h, 21000);
    ch_hosted_close(h, NULL);
    store = reopen(store, dir);
    h = open_at(store, &row, 0);
    assert_int_equal(choir_coordinator_round(h->coordinator), 2);
    ch_hosted_close(h, NULL);
    ch_hosting_store_close(store);
}

/* Rounds that draw nobody are over when they open: they close some at a time, each of which is kept
 * before more are, so that the others of the server have their turn. */
static void rounds_of_nobody_close_some_at_a_time(void **state) {
    (void)state;
    static const char text[] = "name: tiny\n"
                               "model: {name: softmax}\n"
                               "data: {source: synthetic, clients: 2}\n"
                               "server: {sampler: poisson, sample_rate: 1e-9, rounds: 200}\n";
    ch_hosting_store *store = hosting_open(hosting_dir(folder, "nobody"));
    const ch_hosted_row row = job_put(store, "running", text);
    ch_hosted *h = open_at(store, &row, 1000);
    uint32_t turns = 0;
    for (uint32_t before = 0; ch_hosted_is_running(h); turns++) {
        ch_hosted_tick(h, 1000);
        assert_true(!ch_hosted_is_running(h) || ch_hosted_deadline_ms(h) <= 1000); // at once again
        assert_in_range(choir_coordinator_round(h->coordinator), before + 1, before + 64);
        before = choir_coordinator_round(h->coordinator);
        keep(store, h, 1000);
    }
    assert_int_equal(turns, 4);
    assert_int_equal(choir_coordinator_round(h->coordinator), 200);
    ch_hosted_close(h, "over");
    ch_hosting_store_close(store);
}

static void a_job_that_does_not_run_keeps_its_rounds_time(void **state) {
    (void)state;
    ch_hosting_store *store = hosting_open(hosting_dir(folder, "frozen"));
    const ch_hosted_row row = job_add(store, "running");
    ch_hosted *h = open_at(store, &row, 0);
    ch_hosted_tick(h, 0);
    check_status(ch_hosted_freeze(h, 4000), CHOIR_OK);
    check_status(ch_hosted_freeze(h, 5000), CHOIR_OK); // frozen is frozen
    state_set(h, "paused");
    assert_true(ch_hosted_deadline_ms(h) == UINT64_MAX);
    ch_hosted_tick(h, 100000);
    assert_int_equal(choir_coordinator_round(h->coordinator), 0);
    state_set(h, "running");
    ch_hosted_thaw(h, 200000);
    assert_int_equal(ch_hosted_deadline_ms(h), 206000);
    ch_hosted_thaw(h, 300000); // nothing to thaw
    assert_int_equal(ch_hosted_deadline_ms(h), 206000);
    ch_hosted_close(h, "over");
    ch_hosting_store_close(store);
}

static void and_keeps_it_across_a_restart(void **state) {
    (void)state;
    const char *dir = hosting_dir(folder, "restart");
    ch_hosting_store *store = hosting_open(dir);
    ch_hosted_row row = job_add(store, "running");
    ch_hosted *h = open_at(store, &row, 0);
    ch_hosted_tick(h, 0);
    check_status(ch_hosted_freeze(h, 4000), CHOIR_OK);
    state_set(h, "paused");
    keep(store, h, 9000); // five seconds later
    ch_hosted_close(h, "over");
    store = reopen(store, dir);
    check_status(ch_hosting_store_job(store, &row, row.id, NULL), CHOIR_OK);
    assert_string_equal(row.state, "paused");
    h = open_at(store, &row, 50); // another clock
    ch_hosted_tick(h, 70000);
    assert_int_equal(choir_coordinator_round(h->coordinator), 0);
    state_set(h, "running");
    ch_hosted_thaw(h, 80000);
    assert_int_equal(ch_hosted_deadline_ms(h), 86000);
    ch_hosted_close(h, "over");
    ch_hosting_store_close(store);
}

/* What a client that checks in is told, and why. */
static ch_reply told(ch_hosted *h) {
    uint8_t bytes[CH_REQUEST_HEAD_MAX];
    const ch_request m = {
        .protocol = CH_PROTOCOL, .client = 1, .kind = CH_REQUEST_CHECK_IN, .job = "tiny"};
    const choir_bytes request = {bytes, ch_request_head(&m, bytes)};
    choir_route route;
    choir_refusal refusal;
    check_status(choir_route_read(&route, &refusal, request), CHOIR_OK);
    bool hold = false;
    ch_reply reply = {.kind = CH_REPLY_ACK};
    check_status(ch_reply_decode(&reply, ch_hosted_reply(h, 0, &route, request, &hold)), CHOIR_OK);
    assert_false(hold);
    return reply;
}

static void who_asks_a_job_that_does_not_run_is_told_why(void **state) {
    (void)state;
    static const struct {
        const char *state;
        ch_reply_kind kind;
        choir_why why;
    } rows[] = {
        {"paused", CH_REPLY_WAIT, CHOIR_WHY_PAUSED},
        {"failed", CH_REPLY_WAIT, CHOIR_WHY_ERROR},
        {"stopped", CH_REPLY_DONE, CHOIR_WHY_STOPPED},
        {"finished", CH_REPLY_DONE, CHOIR_WHY_FINISHED},
    };
    ch_hosting_store *store = hosting_open(hosting_dir(folder, "why"));
    const ch_hosted_row row = job_add(store, "running");
    ch_hosted *h = open_at(store, &row, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        state_set(h, rows[i].state);
        const ch_reply reply = told(h);
        assert_int_equal(reply.kind, rows[i].kind);
        assert_int_equal(reply.why, rows[i].why);
        assert_int_equal(reply.wait_ms, rows[i].kind == CH_REPLY_WAIT ? 60000 : 0);
    }
    ch_hosted_close(h, "over");
    ch_hosting_store_close(store);
}

/* A client's report for the open round; examples: 0 is none that counts. */
static choir_bytes report_make(const ch_hosted *h, uint32_t client, uint32_t examples,
                               uint8_t out[CH_REQUEST_HEAD_MAX + DIM * sizeof(float)]) {
    static const float delta[DIM] = {0.5F, 0, -1, 2};
    ch_request m = {.protocol = CH_PROTOCOL,
                    .client = client,
                    .kind = CH_REQUEST_REPORT,
                    .report = {.round = choir_coordinator_round(h->coordinator) + 1,
                               .model = choir_coordinator_hash(h->coordinator),
                               .examples = examples,
                               .dim = DIM,
                               .delta = {(const uint8_t *)delta, sizeof(delta)}}};
    (void)snprintf(m.job, sizeof(m.job), "%s", h->reference);
    const uint32_t head = ch_request_head(&m, out);
    memcpy(out + head, delta, sizeof(delta));
    return (choir_bytes){.data = out, .size = head + sizeof(delta)};
}

static ch_reply_kind report_send(ch_hosted *h, choir_bytes request) {
    choir_route route;
    choir_refusal refusal;
    ch_reply reply;
    bool hold = false;
    check_status(choir_route_read(&route, &refusal, request), CHOIR_OK);
    check_status(ch_reply_decode(&reply, ch_hosted_reply(h, 0, &route, request, &hold)), CHOIR_OK);
    return reply.kind;
}

static void check_kept(ch_hosting_store *store, int64_t job, choir_bytes request) {
    ch_stored got;
    check_status(ch_hosting_store_update(store, &got, job, 1, 0, NULL), CHOIR_OK);
    assert_int_equal(got.size, request.size);
    assert_memory_equal(got.data, request.data, request.size);
    ch_stored_release(&got);
}

static void updates_are_kept_with_their_receipts_where_the_job_wants_it(void **state) {
    (void)state;
    uint8_t bytes[2][CH_REQUEST_HEAD_MAX + DIM * sizeof(float)];
    ch_stored none;
    ch_batch batch;
    for (int retains = 0; retains < 2; retains++) {
        ch_hosting_store *store =
            hosting_open(hosting_dir(folder, retains == 1 ? "retaining" : "forgetting"));
        const ch_hosted_row row = job_put(store, "running", retains == 1 ? JOB_RETAINING : JOB);
        ch_hosted *h = open_at(store, &row, 0);
        uint32_t count = 0;
        const uint32_t client =
            retains == 1 ? 0 : choir_coordinator_cohort(h->coordinator, &count)[0];
        const choir_bytes request = report_make(h, client, 7, bytes[0]);
        if (retains == 1) { // everybody is asked: one whose report is refused leaves nothing
            const choir_bytes empty = report_make(h, 1, 0, bytes[1]);
            assert_int_equal(report_send(h, empty), CH_REPLY_REFUSED);
        }
        assert_int_equal(report_send(h, request), CH_REPLY_ACK);
        assert_int_equal(report_send(h, request), CH_REPLY_REFUSED); // once
        assert_int_equal(h->receipts_count, 1);
        assert_int_equal(h->receipts[0].update.size, retains == 1 ? request.size : 0);
        check_status(ch_batch_take(&batch, h, 0), CHOIR_OK);
        ch_batch_settle(&batch, false); // the disk refused: all is there for the next
        assert_int_equal(h->receipts_count, 1);
        keep(store, h, 0);
        assert_int_equal(h->receipts_count, 0);
        if (retains == 1) {
            check_kept(store, row.id, request);
        }
        check_status(ch_hosting_store_update(store, &none, row.id, 1, 1, NULL), CHOIR_EAGAIN);
        ch_hosted_close(h, "over");
        ch_hosting_store_close(store);
    }
}

/* What a client's announcement for the open round is told, and whether that waits for the disk. */
static ch_reply announce_send(ch_hosted *h, uint32_t client, bool *hold) {
    uint8_t bytes[CH_REQUEST_HEAD_MAX];
    ch_request m = {.protocol = CH_PROTOCOL,
                    .client = client,
                    .kind = CH_REQUEST_ANNOUNCE,
                    .report = {.round = choir_coordinator_round(h->coordinator) + 1,
                               .model = choir_coordinator_hash(h->coordinator),
                               .examples = 7}};
    (void)snprintf(m.job, sizeof(m.job), "%s", h->reference);
    const choir_bytes request = {bytes, ch_request_head(&m, bytes)};
    choir_route route;
    choir_refusal refusal;
    ch_reply reply;
    check_status(choir_route_read(&route, &refusal, request), CHOIR_OK);
    check_status(ch_reply_decode(&reply, ch_hosted_reply(h, 0, &route, request, hold)), CHOIR_OK);
    return reply;
}

static void an_announcement_needs_no_disk_but_what_it_is_told_may(void **state) {
    (void)state;
    uint8_t bytes[CH_REQUEST_HEAD_MAX + DIM * sizeof(float)];
    ch_hosting_store *store = hosting_open(hosting_dir(folder, "announcing"));
    const ch_hosted_row row = job_put(store, "running", JOB_RETAINING);
    ch_hosted *h = open_at(store, &row, 0);
    bool hold = true;
    assert_int_equal(announce_send(h, 0, &hold).kind, CH_REPLY_PROCEED);
    assert_false(hold);
    assert_false(ch_hosted_wants_commit(h));
    assert_int_equal(report_send(h, report_make(h, 0, 7, bytes)), CH_REPLY_ACK);
    assert_int_equal(announce_send(h, 1, &hold).kind, CH_REPLY_PROCEED);
    assert_false(hold);
    assert_int_equal(announce_send(h, 0, &hold).reason, CH_REASON_DUPLICATE);
    assert_true(hold); // as good as an ack, and the report is not kept yet
    assert_int_equal(h->receipts_count, 1);
    keep(store, h, 0);
    assert_int_equal(announce_send(h, 0, &hold).reason, CH_REASON_DUPLICATE);
    assert_false(hold);
    assert_int_equal(h->receipts_count, 0);
    state_set(h, "stopped");
    assert_int_equal(announce_send(h, 1, &hold).reason, CH_REASON_STALE);
    ch_hosted_close(h, "over");
    ch_hosting_store_close(store);
}

/* Whether a client that checks in is told nothing yet. */
static bool must_sleep(ch_hosted *h) {
    uint8_t bytes[CH_REQUEST_HEAD_MAX];
    const ch_request m = {.protocol = CH_PROTOCOL, .kind = CH_REQUEST_CHECK_IN, .job = "tiny"};
    const choir_bytes request = {bytes, ch_request_head(&m, bytes)};
    choir_route route;
    choir_refusal refusal;
    bool hold = false;
    check_status(choir_route_read(&route, &refusal, request), CHOIR_OK);
    return ch_hosted_reply(h, 0, &route, request, &hold).size == 0 && hold;
}

/* A crash would find a job that is over, and a last round that is not. */
static void a_job_is_not_finished_before_its_last_round_is_kept(void **state) {
    (void)state;
    static const char text[] = "name: tiny\n"
                               "model: {name: softmax}\n"
                               "data: {source: synthetic, clients: 2}\n"
                               "server: {sample_rate: 1, rounds: 1}\n";
    uint8_t bytes[CH_REQUEST_HEAD_MAX + DIM * sizeof(float)];
    const char *dir = hosting_dir(folder, "finishing");
    ch_hosting_store *store = hosting_open(dir);
    ch_hosted_row row = job_put(store, "running", text);
    ch_hosted *h = open_at(store, &row, 0);
    ch_batch batch;
    assert_int_equal(report_send(h, report_make(h, 0, 7, bytes)), CH_REPLY_ACK);
    check_status(ch_batch_take(&batch, h, 0), CHOIR_OK);
    assert_int_equal(report_send(h, report_make(h, 1, 7, bytes)), CH_REPLY_ACK); // meanwhile
    assert_string_equal(h->row.state, "finished");
    assert_string_equal(ch_hosted_shown_state(h), "running");
    assert_int_equal(h->kept.closed, 0);
    assert_true(must_sleep(h));
    check_status(ch_hosting_store_commit(store, NULL, &batch.commit, 1, NULL), CHOIR_OK);
    ch_batch_settle(&batch, true);
    assert_true(must_sleep(h));
    ch_hosted_close(h, NULL);
    store = reopen(store, dir);
    check_status(ch_hosting_store_job(store, &row, row.id, NULL), CHOIR_OK);
    assert_string_equal(row.state, "running");
    h = open_at(store, &row, 0);
    assert_int_equal(report_send(h, report_make(h, 1, 7, bytes)), CH_REPLY_ACK); // once more
    assert_int_equal(h->kept.last.round, 0);
    const choir_hash before = h->kept.model;
    keep(store, h, 0);
    assert_int_equal(told(h).kind, CH_REPLY_DONE);
    assert_string_equal(ch_hosted_shown_state(h), "finished");
    assert_int_equal(h->kept.closed, 1);
    assert_int_equal(h->kept.last.reports, 2);
    assert_memory_equal(&h->kept.model, &h->model->hash, sizeof(before));
    assert_true(memcmp(&h->kept.model, &before, sizeof(before)) != 0);
    check_status(ch_hosting_store_job(store, &row, row.id, NULL), CHOIR_OK);
    assert_string_equal(row.state, "finished");
    ch_hosted_close(h, "over");
    ch_hosting_store_close(store);
}

/* Why a report is refused, and whether that waits for the disk. */
static uint32_t refusal_of(ch_hosted *h, choir_bytes request, bool *hold) {
    choir_route route;
    choir_refusal refusal;
    ch_reply reply = {.kind = CH_REPLY_ACK};
    check_status(choir_route_read(&route, &refusal, request), CHOIR_OK);
    check_status(ch_reply_decode(&reply, ch_hosted_reply(h, 0, &route, request, hold)), CHOIR_OK);
    assert_int_equal(reply.kind, CH_REPLY_REFUSED);
    return reply.reason;
}

static void a_job_that_has_stopped_knows_the_reports_that_it_has_counted(void **state) {
    (void)state;
    uint8_t bytes[3][CH_REQUEST_HEAD_MAX + DIM * sizeof(float)];
    const char *dir = hosting_dir(folder, "counted");
    ch_hosting_store *store = hosting_open(dir);
    ch_hosted_row row = job_put(store, "running", JOB_RETAINING);
    ch_hosted *h = open_at(store, &row, 0);
    bool hold = false;
    const choir_bytes counted = report_make(h, 0, 7, bytes[0]);
    const choir_bytes other = report_make(h, 1, 7, bytes[1]);
    const choir_bytes damaged = report_make(h, 0, 7, bytes[2]);
    bytes[2][damaged.size - 1] ^= 1;
    assert_int_equal(report_send(h, counted), CH_REPLY_ACK);
    check_status(ch_hosted_freeze(h, 0), CHOIR_OK);
    state_set(h, "stopped");
    assert_int_equal(refusal_of(h, counted, &hold), CH_REASON_DUPLICATE);
    assert_true(hold); // as good as an ack, and the report is not kept yet
    keep(store, h, 0);
    assert_int_equal(refusal_of(h, counted, &hold), CH_REASON_DUPLICATE);
    assert_false(hold);
    ch_hosted_close(h, NULL);
    store = reopen(store, dir);
    check_status(ch_hosting_store_job(store, &row, row.id, NULL), CHOIR_OK);
    h = open_at(store, &row, 0);
    assert_int_equal(refusal_of(h, counted, &hold), CH_REASON_DUPLICATE);
    assert_int_equal(refusal_of(h, other, &hold), CH_REASON_STALE);
    assert_int_equal(refusal_of(h, damaged, &hold), CH_REASON_STALE);
    assert_int_equal(announce_send(h, 0, &hold).reason, CH_REASON_DUPLICATE);
    assert_int_equal(announce_send(h, 1, &hold).reason, CH_REASON_STALE);
    assert_false(ch_hosted_wants_commit(h)); // it was looked at, and nothing came of that
    state_set(h, "running");
    ch_hosted_thaw(h, 0);
    assert_int_equal(refusal_of(h, counted, &hold), CH_REASON_DUPLICATE);
    assert_int_equal(report_send(h, other), CH_REPLY_ACK);
    assert_int_equal(h->last.reports, 2);
    keep(store, h, 0);
    ch_hosted_close(h, "over");
    ch_hosting_store_close(store);
}

/* Memory that a test can take away. */
static bool is_short;

static void *short_alloc(void *self, size_t bytes) {
    const choir_env env = choir_env_default();
    (void)self;
    return is_short ? NULL : env.alloc(env.self, bytes);
}

static void a_job_without_memory_stands_still_and_goes_on_from_the_disk(void **state) {
    (void)state;
    ch_hosting_store *store = hosting_open(hosting_dir(folder, "short"));
    ch_hosted_row row = job_add(store, "running");
    choir_env env = choir_env_default();
    env.alloc = short_alloc;
    ch_hosted *h = NULL;
    check_status(ch_hosted_open(&h, store, &row, true, 0, &env, NULL), CHOIR_OK);
    ch_hosted_tick(h, 0);
    ch_hosted_tick(h, 10000);
    keep(store, h, 10000);
    is_short = true;
    ch_hosted_tick(h, 20000);
    is_short = false;
    assert_true(ch_hosted_has_failed(h));
    assert_false(ch_hosted_is_running(h));
    assert_false(ch_hosted_wants_commit(h)); // what it has would not fit what is kept
    assert_true(ch_hosted_deadline_ms(h) == UINT64_MAX);
    uint8_t body[128];
    const choir_route route = {.is_report = true, .job = "tiny@1"};
    bool hold = true;
    const choir_bytes reply =
        ch_hosted_reply(h, 20000, &route, (choir_bytes){.data = body, .size = 0}, &hold);
    assert_int_equal(choir_answer_of(reply), CHOIR_ANSWER_WAIT); // it will be sent again
    assert_false(hold);
    h->is_replaced = true; // then it will not: its client checks in
    assert_int_equal(choir_answer_of(ch_hosted_reply(h, 20000, &route, (choir_bytes){0}, &hold)),
                     CHOIR_ANSWER_REFUSED);
    assert_false(hold);
    assert_int_equal(told(h).why, CHOIR_WHY_STOPPED);
    ch_hosted_close(h, NULL);
    check_status(ch_hosting_store_job(store, &row, row.id, NULL), CHOIR_OK);
    assert_string_equal(row.state, "running");
    h = open_at(store, &row, 30000);
    assert_int_equal(choir_coordinator_round(h->coordinator), 1);
    ch_hosted_tick(h, 30000);
    ch_hosted_tick(h, 40000);
    assert_int_equal(choir_coordinator_round(h->coordinator), 2);
    keep(store, h, 40000);
    ch_hosted_close(h, NULL);
    ch_hosting_store_close(store);
}

static void no_memory_to_host_a_job_leaves_nothing_of_it(void **state) {
    (void)state;
    ch_hosting_store *store = hosting_open(hosting_dir(folder, "hosting"));
    const ch_hosted_row row = job_add(store, "running");
    ch_stored bundle;
    check_status(ch_hosting_store_job_bundle(store, &bundle, row.id, NULL), CHOIR_OK);
    const choir_bytes model = {bundle.data, bundle.size};
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_hosted *h = NULL;
        m.status = ch_hosted_create(&h, &row, bytes_of(JOB), model, true, 0, &m.env, NULL);
        assert_true((h == NULL) == (m.status != CHOIR_OK));
        if (h != NULL) {
            assert_string_equal((const char *)h->yaml.data, JOB);
            assert_true(ch_hosted_is_running(h));
        }
        ch_hosted_close(h, NULL);
    }
    assert_true(m.tries > 5); // itself, its text, its coordinator, its model, its roster
    ch_stored_release(&bundle);
    ch_hosting_store_close(store);
}

static void what_cannot_be_opened_stands_for_itself(void **state) {
    (void)state;
    static const struct {
        const char *was;
        const char *is;
        ch_reply_kind kind;
        choir_why why;
        choir_answer of_report;
    } rows[] = {
        {"running", "failed", CH_REPLY_WAIT, CHOIR_WHY_ERROR, CHOIR_ANSWER_WAIT},
        {"paused", "failed", CH_REPLY_WAIT, CHOIR_WHY_ERROR, CHOIR_ANSWER_WAIT},
        {"failed", "failed", CH_REPLY_WAIT, CHOIR_WHY_ERROR, CHOIR_ANSWER_WAIT},
        {"stopped", "stopped", CH_REPLY_DONE, CHOIR_WHY_STOPPED, CHOIR_ANSWER_REFUSED},
        {"finished", "finished", CH_REPLY_DONE, CHOIR_WHY_FINISHED, CHOIR_ANSWER_REFUSED},
    };
    const choir_env env = choir_env_default();
    ch_hosting_store *store = hosting_open(hosting_dir(folder, "absent"));
    ch_hosted_row row = job_add(store, "running");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_hosted *h = NULL;
        bool hold = true;
        const choir_route report = {.is_report = true, .job = "tiny@1", .round = 1};
        (void)snprintf(row.state, sizeof(row.state), "%s", rows[i].was);
        check_status(ch_hosted_absent(&h, store, &row, "no memory", &env, NULL), CHOIR_OK);
        assert_string_equal(h->row.state, rows[i].is);
        assert_int_equal(h->job.rounds, 3);
        assert_false(ch_hosted_is_open(h));
        assert_false(ch_hosted_wants_commit(h));
        assert_int_equal(ch_hosted_round(h), 0);
        assert_true(ch_hosted_rouse(h, 0) == UINT64_MAX);
        assert_int_equal(told(h).kind, rows[i].kind);
        assert_int_equal(told(h).why, rows[i].why);
        const choir_bytes reply = ch_hosted_reply(h, 0, &report, (choir_bytes){0}, &hold);
        assert_int_equal(choir_answer_of(reply), rows[i].of_report);
        assert_false(hold);
        ch_hosted_close(h, NULL);
    }
    check_status(ch_hosting_store_job(store, &row, row.id, NULL), CHOIR_OK);
    assert_string_equal(row.state, "running"); // it is the store's that goes on
    ch_hosting_store_close(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_closes_when_its_time_is_up),
        cmocka_unit_test(also_when_it_is_those_who_sleep_that_find_it_so),
        cmocka_unit_test(rounds_of_nobody_close_some_at_a_time),
        cmocka_unit_test(a_job_that_does_not_run_keeps_its_rounds_time),
        cmocka_unit_test(and_keeps_it_across_a_restart),
        cmocka_unit_test(who_asks_a_job_that_does_not_run_is_told_why),
        cmocka_unit_test(updates_are_kept_with_their_receipts_where_the_job_wants_it),
        cmocka_unit_test(an_announcement_needs_no_disk_but_what_it_is_told_may),
        cmocka_unit_test(a_job_is_not_finished_before_its_last_round_is_kept),
        cmocka_unit_test(a_job_that_has_stopped_knows_the_reports_that_it_has_counted),
        cmocka_unit_test(a_job_without_memory_stands_still_and_goes_on_from_the_disk),
        cmocka_unit_test(no_memory_to_host_a_job_leaves_nothing_of_it),
        cmocka_unit_test(what_cannot_be_opened_stands_for_itself),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failed;
}
