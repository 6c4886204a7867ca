/* Announced reports: what a coordinator says to an announcement, and what a participant makes of
 * that. */
#include "unit/proto/peer.h"

#include "base/error.h"
#include "choir/participant.h"

enum { CLIENTS = 3, RETRY_MS = 1000 };

static const float PARAMS[PEER_DIM] = {1, 2, 3};
static const float DELTA[PEER_DIM] = {1, 1, 1};

// ----- coordinator ------------------------------------------------------------------------------

static choir_coordinator_options announced(void) {
    choir_coordinator_options o = peer_options();
    o.announce = true;
    return o;
}

static choir_coordinator_options announced_open(void) {
    choir_coordinator_options o = announced();
    o.population = "open";
    o.clients = 20;
    o.goal = 2;
    o.over_selection = 1.5;
    o.rounds_between = 1;
    return o;
}

/* The announcement of a report. */
static ch_request announcement(const ch_request *report) {
    ch_request m = *report;
    m.kind = CH_REQUEST_ANNOUNCE;
    m.report.metrics = (choir_metrics){0};
    m.report.dim = 0;
    m.report.delta = (choir_bytes){0};
    return m;
}

static ch_request announces(const peer *p, uint32_t client) {
    const ch_request report = peer_report(p, client, DELTA);
    return announcement(&report);
}

static ch_reason reason_of(peer *p, const ch_request *m) {
    const ch_reply reply = peer_send(p, m);
    assert_int_equal(reply.kind, CH_REPLY_REFUSED);
    return (ch_reason)reply.reason;
}

/* A report's announcement is told what the report is told. */
static void check_foretold(peer *p, const ch_request *report, ch_reason reason) {
    const ch_request m = announcement(report);
    assert_int_equal(reason_of(p, &m), reason);
    assert_int_equal(reason_of(p, &m), reason); // as often as it asks
    assert_int_equal(reason_of(p, report), reason);
}

static void tasks_say_how_a_report_goes(void **state) {
    (void)state;
    static const uint8_t none[CHOIR_EXCHANGES_MAX] = {0};
    static const uint8_t both[CHOIR_EXCHANGES_MAX] = {CHOIR_EXCHANGE_ANNOUNCE,
                                                      CHOIR_EXCHANGE_REPORT};
    choir_coordinator_options o = announced();
    o.evaluation_every = 1;
    for (int announce = 0; announce < 2; announce++) {
        peer p;
        o.announce = announce == 1;
        peer_open(&p, &o);
        const ch_reply task = peer_check_in(&p, 0);
        assert_int_equal(task.kind, CH_REPLY_TASK);
        assert_memory_equal(task.task.exchanges, announce == 1 ? both : none, sizeof(none));
        for (uint32_t client = 0; client < CLIENTS; client++) {
            assert_int_equal(peer_reports(&p, client, 1), CH_REPLY_ACK);
        }
        const ch_reply measure = peer_check_in(&p, 0); // what it has to say of it is small
        assert_int_equal(measure.task.purpose, CHOIR_PURPOSE_EVALUATE);
        assert_memory_equal(measure.task.exchanges, none, sizeof(none));
        peer_close(&p);
    }
}

static void an_announcement_is_told_what_its_report_would_be(void **state) {
    (void)state;
    choir_coordinator_options o = announced();
    o.sample_rate = 0.7; // two of three
    peer p;
    peer_open(&p, &o);
    uint32_t count = 0;
    const uint32_t *cohort = choir_coordinator_cohort(p.c, &count);
    assert_int_equal(count, 2);
    const uint32_t first = cohort[0];
    const uint32_t second = cohort[1];
    const ch_request wanted = announces(&p, first);
    assert_int_equal(peer_send(&p, &wanted).kind, CH_REPLY_PROCEED);

    ch_request report = peer_report(&p, first, DELTA);
    report.report.round += 1;
    check_foretold(&p, &report, CH_REASON_STALE);
    report = peer_report(&p, first, DELTA);
    report.report.model.bytes[0] ^= 1;
    check_foretold(&p, &report, CH_REASON_STALE);
    report = peer_report(&p, first, DELTA);
    (void)snprintf(report.job, sizeof(report.job), "another@1");
    check_foretold(&p, &report, CH_REASON_STALE);
    report = peer_report(&p, CLIENTS - first - second, DELTA);
    check_foretold(&p, &report, CH_REASON_UNSAMPLED);
    report = peer_report(&p, UINT32_MAX, DELTA);
    check_foretold(&p, &report, CH_REASON_UNSAMPLED);

    const ch_request late = peer_report(&p, second, DELTA);
    assert_int_equal(peer_reports(&p, first, 1), CH_REPLY_ACK);
    report = peer_report(&p, first, DELTA);
    check_foretold(&p, &report, CH_REASON_DUPLICATE);
    assert_int_equal(peer_reports(&p, second, NAN), CH_REPLY_REFUSED); // and the round closes
    check_foretold(&p, &late, CH_REASON_STALE);
    peer_close(&p);
}

static void a_refusal_that_stands_is_told_before_anything_is_sent(void **state) {
    (void)state;
    const choir_coordinator_options o = announced();
    peer p;
    peer_open(&p, &o);
    ch_request empty = peer_report(&p, 0, DELTA);
    empty.report.examples = 0;
    const ch_request m = announcement(&empty);
    assert_int_equal(reason_of(&p, &m), CH_REASON_SIZE);
    assert_int_equal(p.level, CHOIR_LEVEL_DEBUG); // it may come any number of times
    check_foretold(&p, &empty, CH_REASON_SIZE);
    assert_int_equal(p.level, CHOIR_LEVEL_WARN); // and its report, which settles it, once
    assert_int_equal(peer_reports(&p, 1, NAN), CH_REPLY_REFUSED);
    const ch_request good = peer_report(&p, 1, DELTA);
    check_foretold(&p, &good, CH_REASON_NOT_FINITE);
    peer_close(&p);
}

static void when_all_is_over_it_is_told_so(void **state) {
    (void)state;
    choir_coordinator_options o = announced();
    o.rounds = 1;
    peer p;
    peer_open(&p, &o);
    const ch_request m = announces(&p, 2);
    for (uint32_t client = 0; client < CLIENTS; client++) {
        assert_int_equal(peer_reports(&p, client, 1), CH_REPLY_ACK);
    }
    assert_int_equal(peer_send(&p, &m).kind, CH_REPLY_DONE);
    peer_close(&p);
}

/* What a server commits of a round. */
typedef struct kept {
    uint8_t bytes[1024];
    size_t size;
} kept;

static kept keep(const peer *p) {
    kept k = {.size = choir_coordinator_round_bytes(p->c)};
    assert_true(k.size <= sizeof(k.bytes));
    choir_coordinator_round_save(p->c, p->now_ms, k.bytes);
    return k;
}

static void an_announcement_leaves_nothing_behind(void **state) {
    (void)state;
    for (int open = 0; open < 2; open++) {
        const choir_coordinator_options o = open == 1 ? announced_open() : announced();
        peer p;
        peer_open(&p, &o);
        choir_coordinator_tick(p.c, 0);
        const kept before = keep(&p);
        const uint64_t changes = choir_coordinator_changes(p.c);
        for (uint32_t i = 0; i < 10; i++) {
            const ch_request m = announces(&p, i % CLIENTS);
            assert_int_equal(peer_send(&p, &m).kind, CH_REPLY_PROCEED);
        }
        const kept after = keep(&p);
        assert_int_equal(after.size, before.size);
        assert_memory_equal(after.bytes, before.bytes, before.size);
        assert_int_equal(choir_coordinator_changes(p.c), changes);
        assert_int_equal(p.events, 0);
        peer_close(&p);
    }
}

/* One whose place a crash has made the coordinator forget is told whether there is one for it. */
static void in_an_open_population_it_takes_nobody_in(void **state) {
    (void)state;
    const choir_coordinator_options o = announced_open(); // three places
    peer p;
    peer_open(&p, &o);
    const ch_request forgotten = announces(&p, 9);
    for (uint32_t client = 0; client < 2; client++) {
        assert_int_equal(peer_check_in(&p, client).kind, CH_REPLY_TASK);
    }
    assert_int_equal(peer_send(&p, &forgotten).kind, CH_REPLY_PROCEED);
    uint32_t count = 0;
    (void)choir_coordinator_cohort(p.c, &count);
    assert_int_equal(count, 2);
    assert_int_equal(peer_check_in(&p, 2).kind, CH_REPLY_TASK);
    const ch_request beyond = peer_report(&p, 9, DELTA);
    check_foretold(&p, &beyond, CH_REASON_UNSAMPLED); // it was no promise
    const ch_request late = peer_report(&p, 2, DELTA);
    assert_int_equal(peer_reports(&p, 0, 1), CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 1, 1), CH_REPLY_ACK);
    check_foretold(&p, &late, CH_REASON_STALE); // the goal is counted
    const ch_request too_soon = peer_report(&p, 0, DELTA);
    check_foretold(&p, &too_soon, CH_REASON_UNSAMPLED);
    peer_close(&p);
}

static void a_coordinator_that_does_not_ask_answers_all_the_same(void **state) {
    (void)state;
    const choir_coordinator_options o = peer_options();
    peer p;
    peer_open(&p, &o);
    const ch_request m = announces(&p, 1);
    assert_int_equal(peer_send(&p, &m).kind, CH_REPLY_PROCEED);
    peer_close(&p);
}

// ----- participant ------------------------------------------------------------------------------

typedef struct device {
    choir_participant *p;
    choir_workspace *room;
    choir_status trained; // what its trainer says
    uint32_t trainings;
} device;

static choir_status told_train(void *self, uint32_t client, const choir_task *task,
                               const float *params, float *delta, choir_training *out,
                               choir_error *err) {
    device *d = self;
    (void)client;
    (void)params;
    (void)err;
    d->trainings += 1;
    memcpy(delta, DELTA, task->dim * sizeof(delta[0]));
    *out = (choir_training){.examples = 4, .metrics = {.examples = 4, .correct = 3}};
    return d->trained;
}

static choir_status told_evaluate(void *self, uint32_t client, const choir_task *task,
                                  const float *params, choir_training *out, choir_error *err) {
    float delta[PEER_DIM];
    return told_train(self, client, task, params, delta, out, err);
}

static const choir_trainer_ops TOLD_OPS = {.train = told_train, .evaluate = told_evaluate};

static device device_open(void) {
    device d = {.trained = CHOIR_OK};
    const choir_env env = choir_env_default();
    choir_participant_options o = choir_participant_defaults();
    o.client = 7;
    o.dim_max = PEER_DIM;
    check_status(choir_participant_create(&d.p, &o, &env, NULL), CHOIR_OK);
    check_status(choir_workspace_create(&d.room, PEER_DIM, &env), CHOIR_OK);
    return d;
}

static void device_close(device *d) {
    choir_participant_destroy(d->p);
    choir_workspace_destroy(d->room);
}

static ch_reply task_reply(void) {
    return (ch_reply){.kind = CH_REPLY_TASK,
                      .task = {.round = 3,
                               .dim = PEER_DIM,
                               .model = choir_hash_params(PARAMS, PEER_DIM),
                               .epochs = 1,
                               .learning_rate = 1,
                               .chain = "weight=3",
                               .job = "keyboard@2",
                               .exchanges = {CHOIR_EXCHANGE_ANNOUNCE, CHOIR_EXCHANGE_REPORT}}};
}

static void hears(device *d, uint64_t now_ms, ch_reply reply, choir_status expected) {
    uint8_t bytes[CH_REPLY_MAX];
    const size_t size = ch_reply_encode(&reply, bytes);
    check_status(choir_participant_receive(d->p, now_ms, (choir_bytes){bytes, size}), expected);
}

/* Given a task, it trains. */
static void trains(device *d, const ch_reply *task) {
    const choir_blob blob = {task->task.model, PARAMS, PEER_DIM};
    const choir_trainer trainer = {&TOLD_OPS, d};
    hears(d, 0, *task, CHOIR_OK);
    check_status(choir_participant_fetched(d->p, 0, &blob), CHOIR_OK);
    check_status(choir_participant_train(d->p, 0, trainer, d->room, NULL), d->trained);
}

static device device_trained(void) {
    device d = device_open();
    const ch_reply task = task_reply();
    trains(&d, &task);
    return d;
}

/* What it sends now, which is of that exchange. */
static ch_request sends(device *d, uint64_t now_ms, choir_exchange exchange) {
    ch_request m;
    choir_intent intent;
    choir_participant_next(d->p, now_ms, &intent);
    assert_int_equal(intent.kind, CHOIR_INTENT_SEND);
    assert_int_equal(intent.exchange, exchange);
    assert_int_equal(intent.task != NULL, exchange != CHOIR_EXCHANGE_NONE);
    check_status(ch_request_decode(&m, intent.request), CHOIR_OK);
    assert_true(ch_request_is_intact(&m));
    assert_int_equal(m.kind, exchange == CHOIR_EXCHANGE_ANNOUNCE ? CH_REQUEST_ANNOUNCE
                             : exchange == CHOIR_EXCHANGE_REPORT ? CH_REQUEST_REPORT
                                                                 : CH_REQUEST_CHECK_IN);
    return m;
}

static void waits(device *d, uint64_t now_ms, uint64_t wake_ms) {
    choir_intent intent;
    choir_participant_next(d->p, now_ms, &intent);
    assert_int_equal(intent.kind, CHOIR_INTENT_WAIT);
    assert_int_equal(intent.wake_ms, wake_ms);
}

static ch_reply refusal(ch_reason reason) {
    return (ch_reply){.kind = CH_REPLY_REFUSED, .reason = reason};
}

static void an_update_is_announced_and_sent_when_it_is_wanted(void **state) {
    (void)state;
    device d = device_trained();
    const choir_hash model = choir_hash_params(PARAMS, PEER_DIM);
    const ch_request m = sends(&d, 0, CHOIR_EXCHANGE_ANNOUNCE);
    assert_string_equal(m.job, "keyboard@2");
    assert_int_equal(m.client, 7);
    assert_int_equal(m.report.round, 3);
    assert_int_equal(m.report.examples, 3); // as the chain lets them count
    assert_memory_equal(&m.report.model, &model, sizeof(model));
    assert_ptr_equal(choir_participant_holds(d.p), d.room);
    hears(&d, 5, (ch_reply){.kind = CH_REPLY_PROCEED}, CHOIR_OK);
    const ch_request report = sends(&d, 5, CHOIR_EXCHANGE_REPORT);
    assert_int_equal(report.report.dim, PEER_DIM);
    assert_int_equal(report.report.examples, 3);
    assert_memory_equal(report.report.delta.data, DELTA, sizeof(DELTA));
    hears(&d, 5, (ch_reply){.kind = CH_REPLY_ACK}, CHOIR_OK);
    assert_null(choir_participant_holds(d.p));
    sends(&d, 5, CHOIR_EXCHANGE_NONE);
    device_close(&d);
}

/* The report itself is the one of a task that asks for no announcement. */
static void what_is_sent_is_the_same_with_and_without(void **state) {
    (void)state;
    uint8_t bytes[2][PEER_BYTES_MAX];
    size_t sizes[2];
    for (int announce = 0; announce < 2; announce++) {
        device d = device_open();
        ch_reply task = task_reply();
        task.task.exchanges[0] = announce == 1 ? CHOIR_EXCHANGE_ANNOUNCE : CHOIR_EXCHANGE_NONE;
        trains(&d, &task);
        if (announce == 1) {
            sends(&d, 0, CHOIR_EXCHANGE_ANNOUNCE);
            hears(&d, 0, (ch_reply){.kind = CH_REPLY_PROCEED}, CHOIR_OK);
        }
        sends(&d, 0, CHOIR_EXCHANGE_REPORT);
        choir_intent intent;
        choir_participant_next(d.p, 0, &intent);
        sizes[announce] = intent.request.size;
        assert_true(intent.request.size <= PEER_BYTES_MAX);
        memcpy(bytes[announce], intent.request.data, intent.request.size);
        device_close(&d);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
}

static void what_is_lost_or_not_wanted_yet_is_announced_again(void **state) {
    (void)state;
    device d = device_trained();
    sends(&d, 0, CHOIR_EXCHANGE_ANNOUNCE);
    choir_participant_lost(d.p, 0);
    waits(&d, 0, RETRY_MS);
    sends(&d, RETRY_MS, CHOIR_EXCHANGE_ANNOUNCE);
    hears(&d, RETRY_MS, (ch_reply){.kind = CH_REPLY_WAIT, .wait_ms = 5000}, CHOIR_OK);
    waits(&d, RETRY_MS, 5000 + RETRY_MS);
    sends(&d, 5000 + RETRY_MS, CHOIR_EXCHANGE_ANNOUNCE);
    hears(&d, 6000, (ch_reply){.kind = CH_REPLY_PROCEED}, CHOIR_OK);
    sends(&d, 6000, CHOIR_EXCHANGE_REPORT);
    choir_participant_lost(d.p, 6000); // that is sent again by itself
    sends(&d, 6000 + RETRY_MS, CHOIR_EXCHANGE_REPORT);
    hears(&d, 7000, (ch_reply){.kind = CH_REPLY_WAIT, .wait_ms = 2000}, CHOIR_OK);
    sends(&d, 9000, CHOIR_EXCHANGE_REPORT);
    assert_int_equal(d.trainings, 1);
    device_close(&d);
}

static void what_is_refused_when_announced_is_settled_as_a_refused_report(void **state) {
    (void)state;
    static const struct {
        ch_reason said;
        choir_refusal refusal;
    } rows[] = {{CH_REASON_STALE, CHOIR_REFUSAL_STALE},
                {CH_REASON_UNSAMPLED, CHOIR_REFUSAL_UNSAMPLED},
                {CH_REASON_NORM, CHOIR_REFUSAL_NORM}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        device d = device_trained();
        choir_refusal why = CHOIR_REFUSAL_COUNT;
        hears(&d, 0, refusal(rows[i].said), CHOIR_OK);
        assert_true(choir_participant_is_refused(d.p, &why));
        assert_int_equal(why, rows[i].refusal);
        assert_null(choir_participant_holds(d.p));
        sends(&d, 0, CHOIR_EXCHANGE_NONE);
        hears(&d, 0, task_reply(), CHOIR_OK); // the same round again is not trained for
        waits(&d, 0, 8 * RETRY_MS);
        assert_int_equal(d.trainings, 1);
        device_close(&d);
    }
    device d = device_trained();
    choir_refusal why;
    hears(&d, 0, refusal(CH_REASON_DUPLICATE), CHOIR_OK); // as good as an ack
    assert_false(choir_participant_is_refused(d.p, &why));
    sends(&d, 0, CHOIR_EXCHANGE_NONE);
    device_close(&d);
}

static void an_announcement_that_nobody_can_read_is_given_up(void **state) {
    (void)state;
    device d = device_trained();
    choir_intent intent;
    uint64_t now_ms = 0;
    uint32_t sent = 0;
    for (choir_participant_next(d.p, now_ms, &intent); intent.task != NULL;
         choir_participant_next(d.p, now_ms, &intent)) {
        sends(&d, now_ms, CHOIR_EXCHANGE_ANNOUNCE);
        sent += 1;
        assert_true(sent < 20);
        hears(&d, now_ms, refusal(CH_REASON_MALFORMED), CHOIR_OK);
        now_ms += RETRY_MS;
    }
    assert_int_equal(sent, 9);
    device_close(&d);
}

static void answers_to_something_else_are_ignored(void **state) {
    (void)state;
    device d = device_open();
    sends(&d, 0, CHOIR_EXCHANGE_NONE);
    hears(&d, 0, (ch_reply){.kind = CH_REPLY_PROCEED}, CHOIR_EPROTO); // nothing was announced
    sends(&d, RETRY_MS, CHOIR_EXCHANGE_NONE);
    choir_participant_reset(d.p, 7);
    const ch_reply task = task_reply();
    trains(&d, &task);
    hears(&d, 0, (ch_reply){.kind = CH_REPLY_ACK}, CHOIR_EPROTO); // nothing was sent
    assert_ptr_equal(choir_participant_holds(d.p), d.room);
    sends(&d, RETRY_MS, CHOIR_EXCHANGE_ANNOUNCE);
    hears(&d, RETRY_MS, task, CHOIR_EPROTO);
    sends(&d, 2 * RETRY_MS, CHOIR_EXCHANGE_ANNOUNCE);
    hears(&d, 2 * RETRY_MS, (ch_reply){.kind = CH_REPLY_PROCEED}, CHOIR_OK);
    hears(&d, 2 * RETRY_MS, (ch_reply){.kind = CH_REPLY_PROCEED}, CHOIR_EPROTO); // as it was told
    sends(&d, 3 * RETRY_MS, CHOIR_EXCHANGE_REPORT);
    hears(&d, 3 * RETRY_MS, (ch_reply){.kind = CH_REPLY_DONE}, CHOIR_OK);
    assert_null(choir_participant_holds(d.p));
    device_close(&d);
}

static void what_is_small_is_not_announced(void **state) {
    (void)state;
    ch_reply measure = task_reply();
    measure.task.purpose = CHOIR_PURPOSE_EVALUATE;
    device d = device_open();
    trains(&d, &measure);
    assert_int_equal(sends(&d, 0, CHOIR_EXCHANGE_REPORT).report.purpose, CHOIR_PURPOSE_EVALUATE);
    device_close(&d);
    d = device_open();
    d.trained = CHOIR_ERANGE;
    const ch_reply task = task_reply();
    trains(&d, &task);
    assert_int_equal(sends(&d, 0, CHOIR_EXCHANGE_REPORT).report.failure, CH_FAILURE_DIVERGED);
    device_close(&d);
}

/* Exchanges of which there are none here, and as many as there can be, come to an end. */
static void any_list_of_exchanges_ends_with_the_report(void **state) {
    (void)state;
    for (uint32_t count = 0; count <= CHOIR_EXCHANGES_MAX; count++) {
        ch_reply task = task_reply();
        memset(task.task.exchanges, 0, sizeof(task.task.exchanges));
        memset(task.task.exchanges, CHOIR_EXCHANGE_ANNOUNCE, count);
        device d = device_open();
        trains(&d, &task);
        for (uint32_t i = 0; i < count; i++) {
            sends(&d, 0, CHOIR_EXCHANGE_ANNOUNCE);
            hears(&d, 0, (ch_reply){.kind = CH_REPLY_PROCEED}, CHOIR_OK);
        }
        sends(&d, 0, CHOIR_EXCHANGE_REPORT);
        hears(&d, 0, (ch_reply){.kind = CH_REPLY_ACK}, CHOIR_OK);
        sends(&d, 0, CHOIR_EXCHANGE_NONE);
        device_close(&d);
    }
}

static void after_a_restart_it_is_announced_again(void **state) {
    (void)state;
    for (int proceeded = 0; proceeded < 2; proceeded++) {
        device d = device_trained();
        uint8_t bytes[CHOIR_SAVED_HEAD_MAX + PEER_BYTES_MAX];
        choir_saved s;
        sends(&d, 0, CHOIR_EXCHANGE_ANNOUNCE);
        if (proceeded == 1) {
            hears(&d, 0, (ch_reply){.kind = CH_REPLY_PROCEED}, CHOIR_OK);
        }
        choir_participant_save(d.p, &s);
        memcpy(bytes, s.head, s.head_size);
        memcpy(bytes + s.head_size, s.report.data, s.report.size);
        const choir_bytes saved = {bytes, s.head_size + s.report.size};
        check_status(choir_participant_restore(d.p, 0, saved, d.room, NULL), CHOIR_OK);
        sends(&d, 0, CHOIR_EXCHANGE_ANNOUNCE); // whatever was under way is forgotten
        device_close(&d);
        d = device_open();
        check_status(choir_participant_restore(d.p, 0, saved, d.room, NULL), CHOIR_OK);
        assert_int_equal(sends(&d, 0, CHOIR_EXCHANGE_ANNOUNCE).report.examples, 3);
        hears(&d, 0, (ch_reply){.kind = CH_REPLY_PROCEED}, CHOIR_OK);
        const ch_request report = sends(&d, 0, CHOIR_EXCHANGE_REPORT);
        assert_memory_equal(report.report.delta.data, DELTA, sizeof(DELTA));
        assert_int_equal(d.trainings, 0);
        device_close(&d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_say_how_a_report_goes),
        cmocka_unit_test(an_announcement_is_told_what_its_report_would_be),
        cmocka_unit_test(a_refusal_that_stands_is_told_before_anything_is_sent),
        cmocka_unit_test(when_all_is_over_it_is_told_so),
        cmocka_unit_test(an_announcement_leaves_nothing_behind),
        cmocka_unit_test(in_an_open_population_it_takes_nobody_in),
        cmocka_unit_test(a_coordinator_that_does_not_ask_answers_all_the_same),
        cmocka_unit_test(an_update_is_announced_and_sent_when_it_is_wanted),
        cmocka_unit_test(what_is_sent_is_the_same_with_and_without),
        cmocka_unit_test(what_is_lost_or_not_wanted_yet_is_announced_again),
        cmocka_unit_test(what_is_refused_when_announced_is_settled_as_a_refused_report),
        cmocka_unit_test(an_announcement_that_nobody_can_read_is_given_up),
        cmocka_unit_test(answers_to_something_else_are_ignored),
        cmocka_unit_test(what_is_small_is_not_announced),
        cmocka_unit_test(any_list_of_exchanges_ends_with_the_report),
        cmocka_unit_test(after_a_restart_it_is_announced_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
