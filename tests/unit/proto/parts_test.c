/* Parts of an update: how each is weighed, refused, saved and replayed, and what a task says of
 * them. Numbers are small enough to work out by hand. */
#include "unit/proto/peer.h"

#include "choir/blob.h"
#include "choir/replay.h"
#include "fl/algorithm.h"

#include <stdlib.h>

enum { BOTH = 2 * PEER_DIM };

static uint32_t asked; // the method of the last job's tasks

static choir_coordinator_options job(const char *algorithm) {
    choir_coordinator_options o = peer_options();
    asked = ch_algorithm_find(algorithm, NULL)->method;
    o.algorithm = algorithm;
    o.quorum = 1;
    o.update_norm_max = 100;
    o.keep_sum = true;
    return o;
}

/* A report of (count) numbers for the open round's task, by what that asks for. */
static ch_request report_of(const peer *p, uint32_t client, uint32_t examples, const float *numbers,
                            uint32_t count) {
    ch_request m = peer_report(p, client, numbers);
    m.report.model = choir_coordinator_offered(p->c);
    m.report.examples = examples;
    m.report.method = asked;
    m.report.dim = count;
    m.report.delta.size = count * sizeof(float);
    return m;
}

static ch_reply reports(peer *p, uint32_t client, uint32_t examples, const float *numbers,
                        uint32_t count) {
    const ch_request m = report_of(p, client, examples, numbers, count);
    return peer_send(p, &m);
}

static void a_task_names_what_comes_with_the_model(void **state) {
    (void)state;
    const choir_coordinator_options o = job("scaffold");
    peer p;
    peer_open(&p, &o);
    const choir_task task = peer_check_in(&p, 1).task;
    const choir_hash hash = choir_coordinator_hash(p.c);
    const choir_hash offered = choir_coordinator_offered(p.c);
    choir_bytes bytes = {0};
    choir_blob blob;
    assert_int_equal(task.method, CHOIR_METHOD_SCAFFOLD);
    assert_int_equal(task.dim, PEER_DIM);
    assert_int_equal(choir_task_fetched(&task), BOTH);
    assert_int_equal(choir_task_sent(&task), BOTH);
    assert_int_equal(choir_coordinator_moved(p.c), BOTH);
    assert_memory_equal(&task.model, &offered, sizeof(offered));
    assert_memory_not_equal(&hash, &offered, sizeof(offered));
    check_status(choir_coordinator_model(p.c, &offered, &bytes), CHOIR_OK);
    check_status(choir_blob_open(&blob, bytes, &offered), CHOIR_OK);
    const float expected[BOTH] = {1, 2, 3, 0, 0, 0};
    assert_int_equal(blob.dim, BOTH);
    assert_memory_equal(blob.params, expected, sizeof(expected));
    check_status(choir_coordinator_model(p.c, &hash, &bytes), CHOIR_OK); // the model by itself
    assert_int_equal(bytes.size, PEER_DIM * sizeof(float));
    peer_close(&p);
}

/* By examples the one, uniform the other: the third client has said nothing that counts. */
static void each_part_has_its_own_weighting(void **state) {
    (void)state;
    const choir_coordinator_options o = job("scaffold");
    peer p;
    peer_open(&p, &o);
    const float a[BOTH] = {1, 0, 0, 8, 0, -8};
    const float b[BOTH] = {4, 0, 0, 2, 0, -2};
    const float c[BOTH] = {0, 0, 0, 2, 0, -2};
    assert_int_equal(reports(&p, 0, 10, a, BOTH).kind, CH_REPLY_ACK);
    assert_int_equal(reports(&p, 1, 20, b, BOTH).kind, CH_REPLY_ACK);
    assert_int_equal(reports(&p, 2, 0, c, BOTH).kind, CH_REPLY_REFUSED); // its n is 0
    assert_true(choir_coordinator_summary(p.c)->applied);
    const choir_hash offered = choir_coordinator_offered(p.c);
    choir_bytes bytes = {0};
    check_status(choir_coordinator_model(p.c, &offered, &bytes), CHOIR_OK);
    const float *now = (const float *)(const void *)bytes.data;
    check_near(now[0], 1 + 3, 1e-6);              // (1 10 + 4 20) / 30
    check_near(now[PEER_DIM], 5 * 2.0 / 3, 1e-6); // (8 + 2) / 2, two clients of three
    check_near(now[PEER_DIM + 2], -5 * 2.0 / 3, 1e-6);
    peer_close(&p);
}

/* d = (1, 2) per step by clients of 2 and 6 steps, n = 10 and 30: tau = 5, mean d = 1.75 */
static void single_numbers_are_weighed_with_the_update(void **state) {
    (void)state;
    const choir_coordinator_options o = job("fednova");
    peer p;
    peer_open(&p, &o);
    const float a[PEER_DIM + 1] = {1, 0, 0, 2};
    const float b[PEER_DIM + 1] = {2, 0, 0, 6};
    assert_int_equal(reports(&p, 0, 10, a, PEER_DIM + 1).kind, CH_REPLY_ACK);
    assert_int_equal(reports(&p, 1, 30, b, PEER_DIM + 1).kind, CH_REPLY_ACK);
    p.now_ms += 60001;
    choir_coordinator_tick(p.c, p.now_ms);
    check_near(choir_coordinator_params(p.c)[0], 1 + 5 * 1.75, 1e-5);
    peer_close(&p);
}

static void check_refused(const char *algorithm, const float *numbers, uint32_t count,
                          ch_reason reason) {
    const choir_coordinator_options o = job(algorithm);
    peer p;
    peer_open(&p, &o);
    const ch_reply reply = reports(&p, 1, 10, numbers, count);
    assert_int_equal(reply.kind, CH_REPLY_REFUSED);
    assert_int_equal(reply.reason, reason);
    assert_int_equal(choir_coordinator_changes(p.c), 1);
    peer_close(&p);
}

static void parts_that_are_wrong_are_refused_like_updates(void **state) {
    (void)state;
    const float good[BOTH] = {1, 1, 1, 1, 1, 1};
    const float nan[BOTH] = {1, 1, 1, 1, NAN, 1};
    const float wide[BOTH] = {1, 1, 1, 1, 17, 1}; // coordinate_max 16
    check_refused("scaffold", good, PEER_DIM, CH_REASON_SIZE);
    check_refused("scaffold", good, BOTH - 1, CH_REASON_SIZE);
    check_refused("fedavg", good, BOTH, CH_REASON_SIZE);
    check_refused("scaffold", nan, BOTH, CH_REASON_NOT_FINITE);
    check_refused("scaffold", wide, BOTH, CH_REASON_RANGE);
    const float steps[][PEER_DIM + 1] = {
        {1, 1, 1, 0}, {1, 1, 1, -1}, {1, 1, 1, 65537}, {1, 1, 1, INFINITY}};
    check_refused("fednova", steps[0], PEER_DIM + 1, CH_REASON_RANGE);
    check_refused("fednova", steps[1], PEER_DIM + 1, CH_REASON_RANGE);
    check_refused("fednova", steps[2], PEER_DIM + 1, CH_REASON_RANGE);
    check_refused("fednova", steps[3], PEER_DIM + 1, CH_REASON_NOT_FINITE);
}

/* FedDyn's are as long as anybody's, so their size does not tell. */
static void a_report_of_another_method_is_refused_and_counted(void **state) {
    (void)state;
    static const struct {
        const char *algorithm;
        uint32_t method, count;
        bool is_right;
    } rows[] = {
        {"feddyn", CHOIR_METHOD_FEDDYN, PEER_DIM, true},
        {"feddyn", CHOIR_METHOD_PLAIN, PEER_DIM, false},
        {"feddyn", 99, PEER_DIM, false},
        {"scaffold", CHOIR_METHOD_PLAIN, PEER_DIM, false},
        {"q-fedavg", CHOIR_METHOD_FEDNOVA, PEER_DIM + 1, false},
        {"fedavg", CHOIR_METHOD_PLAIN, PEER_DIM, true},
        {"fedavg", CHOIR_METHOD_FEDDYN, PEER_DIM, false},
    };
    const float numbers[BOTH] = {1, 1, 1, 1, 1, 1};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_coordinator_options o = job(rows[i].algorithm);
        o.chain = "uniform";
        o.client_proximal_mu = strcmp(rows[i].algorithm, "feddyn") == 0 ? 0.1F : 0;
        peer p;
        peer_open(&p, &o);
        ch_request m = report_of(&p, 1, 10, numbers, rows[i].count);
        m.report.method = rows[i].method;
        const ch_reply reply = peer_send(&p, &m);
        assert_int_equal(reply.kind, rows[i].is_right ? CH_REPLY_ACK : CH_REPLY_REFUSED);
        assert_int_equal(reply.reason, rows[i].is_right ? CH_REASON_NONE : CH_REASON_UNSUPPORTED);
        p.now_ms += 60001;
        choir_coordinator_tick(p.c, p.now_ms);
        const choir_round_summary *s = choir_coordinator_summary(p.c);
        assert_int_equal(s->refused[CHOIR_REFUSAL_UNSUPPORTED], rows[i].is_right ? 0 : 1);
        peer_close(&p);
    }
}

/* Sends the report once more, and expects this reason. */
static void check_late(peer *p, const ch_request *m, ch_reason reason) {
    uint8_t bytes[PEER_BYTES_MAX];
    const bool is_counted = choir_coordinator_has_counted(p->c, peer_write(m, bytes));
    assert_int_equal(is_counted, reason == CH_REASON_DUPLICATE);
    const ch_reply reply = peer_send(p, m);
    assert_int_equal(reply.kind, CH_REPLY_REFUSED);
    assert_int_equal(reply.reason, reason);
}

/* Clients 0 and 1 of 3 are counted in the round, 2 is missing. Returns the report of 0. */
static ch_request round_of_two(peer *p, const float *numbers) {
    const uint32_t count = asked == CHOIR_METHOD_SCAFFOLD ? BOTH : PEER_DIM;
    const ch_request m = report_of(p, 0, 10, numbers, count);
    ch_request other = m;
    other.client = 1;
    assert_int_equal(peer_send(p, &m).kind, CH_REPLY_ACK);
    assert_int_equal(peer_send(p, &other).kind, CH_REPLY_ACK);
    p->now_ms += 60001;
    choir_coordinator_tick(p->c, p->now_ms);
    return m;
}

/* What a client keeps, of a method or of a trainer of its own, must not depend on whether it has
 * heard the answer before the round closed. */
static void who_was_counted_is_told_so_later_too(void **state) {
    (void)state;
    static const char *const algorithms[] = {"scaffold", "fedavg"};
    const float numbers[BOTH] = {1, 1, 1, 1, 1, 1};
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        choir_coordinator_options o = job(algorithms[i]);
        o.rounds = 20;
        peer p;
        peer_open(&p, &o);
        p.now_ms = 1;
        choir_coordinator_tick(p.c, p.now_ms);
        const ch_request first = round_of_two(&p, numbers);
        assert_int_equal(choir_coordinator_round(p.c), 1);
        check_late(&p, &first, CH_REASON_DUPLICATE);
        ch_request missing = first;
        missing.client = 2;
        check_late(&p, &missing, CH_REASON_STALE);
        ch_request measured = first;
        measured.report.purpose = CHOIR_PURPOSE_EVALUATE;
        check_late(&p, &measured, CH_REASON_STALE);
        const size_t size = choir_coordinator_state_bytes(p.c);
        uint8_t *saved = malloc(size);
        assert_non_null(saved);
        choir_coordinator_save(p.c, saved);
        peer q;
        peer_open(&q, &o);
        check_status(choir_coordinator_restore(q.c, (choir_bytes){saved, size}, NULL), CHOIR_OK);
        free(saved);
        check_late(&q, &first, CH_REASON_DUPLICATE);
        peer_close(&q);
        for (uint32_t round = 2; round <= 17; round++) {
            check_late(&p, &first, CH_REASON_DUPLICATE);
            (void)round_of_two(&p, numbers);
        }
        check_late(&p, &first, CH_REASON_STALE); // sixteen rounds are known
        peer_close(&p);
    }
}

/* It closes its round at once, so its copy comes when there is another. */
static void the_last_report_of_a_round_is_known_when_it_comes_again(void **state) {
    (void)state;
    choir_coordinator_options o = job("fedavg");
    const float numbers[PEER_DIM] = {1, 1, 1};
    o.clients = 1;
    o.quorum = 1;
    o.rounds = 3;
    peer p;
    peer_open(&p, &o);
    const ch_request m = report_of(&p, 0, 10, numbers, PEER_DIM);
    assert_int_equal(peer_send(&p, &m).kind, CH_REPLY_ACK);
    assert_int_equal(choir_coordinator_round(p.c), 1);
    check_late(&p, &m, CH_REASON_DUPLICATE);
    peer_close(&p);
}

static void a_long_second_vector_is_refused(void **state) {
    (void)state;
    choir_coordinator_options o = job("scaffold");
    o.update_norm_max = 2;
    peer p;
    peer_open(&p, &o);
    const float longer[BOTH] = {1, 1, 1, 1.9F, 1, 1};
    assert_int_equal(reports(&p, 1, 10, longer, BOTH).reason, CH_REASON_NORM);
    peer_close(&p);
}

/* Also what a restart in the middle of the round costs: nothing. */
static void rounds_are_saved_and_replayed_with_their_parts(void **state) {
    (void)state;
    const choir_coordinator_options o = job("scaffold");
    const float start[PEER_DIM] = {1, 2, 3};
    const float numbers[2][BOTH] = {{1, -1, 0.5F, 8, 0.25F, -8}, {4, 3, 2, 2, -0.5F, 1}};
    peer p;
    peer q;
    choir_replay *r = NULL;
    peer_open(&p, &o);
    peer_open(&q, &o);
    check_status(choir_replay_create(&r, start, &o, &p.env, NULL), CHOIR_OK);
    assert_true(choir_replay_has_state(r));
    for (uint32_t round = 0; round < 2; round++) {
        uint8_t kept[PEER_BYTES_MAX];
        assert_int_equal(reports(&p, 0, 10, numbers[round], BOTH).kind, CH_REPLY_ACK);
        const size_t size = choir_coordinator_round_bytes(p.c);
        uint8_t *saved = malloc(size);
        assert_non_null(saved);
        choir_coordinator_round_save(p.c, p.now_ms, saved);
        check_status(
            choir_coordinator_round_restore(q.c, q.now_ms, (choir_bytes){saved, size}, NULL),
            CHOIR_OK);
        free(saved);
        const ch_request again = report_of(&p, 0, 10, numbers[round], BOTH);
        const size_t head = ch_request_head(&again, kept);
        memcpy(kept + head, numbers[round], sizeof(numbers[round]));
        check_status(
            choir_replay_report(r, (choir_bytes){kept, head + sizeof(numbers[round])}, NULL),
            CHOIR_OK);
        const ch_request last = report_of(&p, 1, 20, numbers[1 - round], BOTH);
        const size_t last_head = ch_request_head(&last, kept);
        memcpy(kept + last_head, numbers[1 - round], sizeof(numbers[0]));
        check_status(
            choir_replay_report(r, (choir_bytes){kept, last_head + sizeof(numbers[0])}, NULL),
            CHOIR_OK);
        for (int i = 0; i < 2; i++) {
            peer *one = i == 0 ? &p : &q;
            assert_int_equal(reports(one, 1, 20, numbers[1 - round], BOTH).kind, CH_REPLY_ACK);
            one->now_ms += 60001;
            choir_coordinator_tick(one->c, one->now_ms);
        }
        uint32_t count = 0;
        uint64_t examples = 0;
        const choir_bytes sum = choir_coordinator_sum(p.c);
        const choir_bytes gathered = choir_replay_gathered(r, &count, &examples);
        assert_int_equal(sum.size, BOTH * sizeof(int64_t));
        assert_int_equal(gathered.size, sum.size);
        assert_memory_equal(gathered.data, sum.data, sum.size);
        check_status(choir_replay_round(r, 2, 30, sum, NULL), CHOIR_OK);
        const choir_hash hashes[] = {choir_coordinator_hash(p.c), choir_coordinator_hash(q.c),
                                     choir_replay_hash(r)};
        assert_memory_equal(&hashes[1], &hashes[0], sizeof(hashes[0]));
        assert_memory_equal(&hashes[2], &hashes[0], sizeof(hashes[0]));
    }
    choir_replay_destroy(r);
    peer_close(&p);
    peer_close(&q);
}

/* h = 999 / 2^30 of each of two clients, then 1000 / 2^30. */
static void sums_that_are_too_small_are_not_applied_and_why_is_said(void **state) {
    (void)state;
    choir_coordinator_options o = job("q-fedavg");
    o.chain = "uniform";
    o.server_q = 5;
    const float start[PEER_DIM] = {1, 2, 3};
    const float faint[PEER_DIM + 1] = {0x1p-20F, 0, 0, 999 * 0x1p-30F};
    const float clear[PEER_DIM + 1] = {0x1p-20F, 0, 0, 1000 * 0x1p-30F};
    peer p;
    choir_replay *r = NULL;
    peer_open(&p, &o);
    check_status(choir_replay_create(&r, start, &o, &p.env, NULL), CHOIR_OK);
    assert_string_equal(choir_coordinator_unfit(p.c), "");
    for (int round = 0; round < 2; round++) {
        const float *numbers = round == 0 ? faint : clear;
        for (uint32_t client = 0; client < 2; client++) {
            assert_int_equal(reports(&p, client, 10, numbers, PEER_DIM + 1).kind, CH_REPLY_ACK);
        }
        p.now_ms += 60001;
        uint32_t told = p.events;
        choir_coordinator_tick(p.c, p.now_ms);
        assert_int_equal(p.events, told + (round == 0 ? 2 : 1)); // why, and that it has closed
        assert_int_equal(choir_coordinator_summary(p.c)->reports, 2);
        assert_int_equal(choir_coordinator_summary(p.c)->applied, round == 1);
        assert_string_equal(choir_coordinator_unfit(p.c),
                            round == 1 ? ""
                                       : "the clients' losses to the power of server.q are too "
                                         "small to be summed up: a smaller server.q makes them "
                                         "larger");
        told = p.events;
        check_status(choir_replay_round(r, 2, 2, choir_coordinator_sum(p.c), NULL), CHOIR_OK);
        assert_int_equal(p.events, told); // which round it replays, it does not know
        const choir_hash now = choir_coordinator_hash(p.c);
        const choir_hash replayed = choir_replay_hash(r);
        assert_memory_equal(&now, &replayed, sizeof(now));
        check_near(choir_coordinator_params(p.c)[0], round == 0 ? 1 : 1 + 1024.0 / 1000, 1e-6);
    }
    choir_replay_destroy(r);
    peer_close(&p);
}

/* A restored coordinator has no last round, and nothing to say of it. */
static void why_a_round_was_not_applied_is_not_said_of_a_restored_state(void **state) {
    (void)state;
    choir_coordinator_options o = job("q-fedavg");
    o.chain = "uniform";
    o.server_q = 5;
    const float faint[PEER_DIM + 1] = {0x1p-20F, 0, 0, 999 * 0x1p-30F};
    peer p;
    peer_open(&p, &o);
    const size_t size = choir_coordinator_state_bytes(p.c);
    uint8_t *saved = malloc(size);
    assert_non_null(saved);
    choir_coordinator_save(p.c, saved);
    assert_int_equal(reports(&p, 0, 10, faint, PEER_DIM + 1).kind, CH_REPLY_ACK);
    assert_int_equal(reports(&p, 1, 10, faint, PEER_DIM + 1).kind, CH_REPLY_ACK);
    p.now_ms += 60001;
    choir_coordinator_tick(p.c, p.now_ms);
    assert_string_not_equal(choir_coordinator_unfit(p.c), "");
    saved[0] ^= 1; // refused, it changes nothing
    check_status(choir_coordinator_restore(p.c, (choir_bytes){saved, size}, NULL), CHOIR_EPROTO);
    assert_string_not_equal(choir_coordinator_unfit(p.c), "");
    saved[0] ^= 1;
    check_status(choir_coordinator_restore(p.c, (choir_bytes){saved, size}, NULL), CHOIR_OK);
    assert_int_equal(choir_coordinator_summary(p.c)->round, 0);
    assert_string_equal(choir_coordinator_unfit(p.c), "");
    free(saved);
    peer_close(&p);
}

static void what_cannot_be_is_no_sum(void **state) {
    (void)state;
    const choir_coordinator_options o = job("scaffold");
    const float start[PEER_DIM] = {1, 2, 3};
    const choir_env env = choir_env_default();
    choir_replay *r = NULL;
    check_status(choir_replay_create(&r, start, &o, &env, NULL), CHOIR_OK);
    int64_t sum[BOTH] = {0};
    const choir_bytes bytes = {(const uint8_t *)sum, sizeof(sum)};
    sum[BOTH - 1] = INT64_C(1) << 60; // of two reports, each at most 16 at scale 46
    check_status(choir_replay_round(r, 2, 20, bytes, NULL), CHOIR_EPROTO);
    sum[BOTH - 1] = INT64_C(1) << 50;
    check_status(choir_replay_round(r, 2, 20, bytes, NULL), CHOIR_OK);
    check_status(choir_replay_round(r, 2, 20, (choir_bytes){bytes.data, bytes.size - 8}, NULL),
                 CHOIR_EPROTO);
    choir_replay_destroy(r);
}

static void to_evaluate_there_is_no_method(void **state) {
    (void)state;
    choir_coordinator_options o = job("scaffold");
    o.evaluation_every = 1;
    peer p;
    peer_open(&p, &o);
    const float numbers[BOTH] = {1, 1, 1, 1, 1, 1};
    for (uint32_t client = 0; client < 3; client++) {
        assert_int_equal(reports(&p, client, 10, numbers, BOTH).kind, CH_REPLY_ACK);
    }
    assert_true(choir_coordinator_is_evaluating(p.c));
    const choir_task task = peer_check_in(&p, 1).task;
    const choir_hash hash = choir_coordinator_hash(p.c);
    assert_int_equal(task.purpose, CHOIR_PURPOSE_EVALUATE);
    assert_int_equal(task.method, CHOIR_METHOD_PLAIN);
    assert_int_equal(choir_task_fetched(&task), PEER_DIM);
    assert_int_equal(choir_task_sent(&task), 0);
    assert_memory_equal(&task.model, &hash, sizeof(hash));
    peer_close(&p);
}

static void jobs_that_an_algorithm_cannot_do_with_are_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const float params[PEER_DIM] = {0};
    static const struct {
        const char *algorithm, *chain, *population;
        float momentum, proximal_mu;
        uint32_t quorum;
        const char *why;
    } rows[] = {
        {"scaffold", "clip=1|weight", "closed", 0, 0, 1,
         "algorithm: 'scaffold' sends a second vector, which the chain's 'clip' would not bound; "
         "remove that link"},
        {"scaffold", "weight", "closed", 0.5F, 0, 1,
         "algorithm: 'scaffold' knows a client's gradients by its steps, so client.momentum and "
         "client.proximal_mu must be 0"},
        {"scaffold", "weight", "open", 0, 0, 1,
         "algorithm: 'scaffold' counts all clients there are, so the population must be closed"},
        {"feddyn", "uniform", "closed", 0, 0, 1,
         "algorithm: 'feddyn' needs a client.proximal_mu above 0, like 0.01"},
        {"feddyn", "weight", "closed", 0, 1, 1,
         "algorithm: 'feddyn' has all clients count alike, so the chain must say 'uniform'"},
        {"q-fedavg", "weight", "closed", 0, 0, 1,
         "algorithm: 'q-fedavg' has all clients count alike, so the chain must say 'uniform'"},
        {"feddyn", "clip=1|uniform", "closed", 0, 1, 1,
         "algorithm: 'feddyn' has clients keep what their updates were, which the chain's 'clip' "
         "would change on the way; remove that link"},
        {"scaffold", "weight", "closed", 0, 0, 2,
         "algorithm: 'scaffold' has clients keep what their updates were once these are counted, "
         "which a round that is discarded would not undo, so the quorum must be 1"},
        {"feddyn", "uniform", "closed", 0, 1, 2,
         "algorithm: 'feddyn' has clients keep what their updates were once these are counted, "
         "which a round that is discarded would not undo, so the quorum must be 1"},
        {"scaffold", "weight", "closed", 0, 0, 1, NULL},
        {"q-fedavg", "clip=1|weight=1", "open", 0, 0, 2, NULL},
        {"fednova", "clip=1|weight", "open", 0.5F, 1, 2,
         "algorithm: 'fednova' sends an update divided by its steps, so the chain's 'clip' would "
         "bound one step and not how far all of them go; remove that link"},
        {"fednova", "weight", "open", 0.5F, 1, 2, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_coordinator_options o = job(rows[i].algorithm);
        choir_coordinator *c = NULL;
        choir_error err = {.message = ""};
        o.chain = rows[i].chain;
        o.population = rows[i].population;
        o.goal = strcmp(o.population, "open") == 0 ? 2 : 0;
        o.client_momentum = rows[i].momentum;
        o.client_proximal_mu = rows[i].proximal_mu;
        o.quorum = rows[i].quorum;
        const choir_status status = choir_coordinator_create(&c, params, &o, &env, &err);
        assert_string_equal(err.message, rows[i].why == NULL ? "" : rows[i].why);
        check_status(status, rows[i].why == NULL ? CHOIR_OK : CHOIR_EINVAL);
        choir_coordinator_destroy(c);
    }
}

static void weights_that_leave_a_part_too_few_bits_are_refused_by_its_name(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const float params[PEER_DIM] = {0};
    choir_coordinator_options o = job("fednova");
    choir_coordinator *c = NULL;
    choir_error err = {.message = ""};
    o.examples_max = UINT32_C(1) << 23;
    check_status(choir_coordinator_create(&c, params, &o, &env, &err), CHOIR_EINVAL);
    assert_string_equal(
        err.message,
        "algorithm: 'fednova' sends 'steps', up to 65536, of which 3 clients that each "
        "weigh up to 8388608 leave too few bits in a 64-bit sum; lower "
        "server.examples_max or the clients in a round");
    o.examples_max = UINT32_C(1) << 22;
    check_status(choir_coordinator_create(&c, params, &o, &env, &err), CHOIR_OK);
    choir_coordinator_destroy(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_names_what_comes_with_the_model),
        cmocka_unit_test(each_part_has_its_own_weighting),
        cmocka_unit_test(single_numbers_are_weighed_with_the_update),
        cmocka_unit_test(parts_that_are_wrong_are_refused_like_updates),
        cmocka_unit_test(a_long_second_vector_is_refused),
        cmocka_unit_test(rounds_are_saved_and_replayed_with_their_parts),
        cmocka_unit_test(sums_that_are_too_small_are_not_applied_and_why_is_said),
        cmocka_unit_test(why_a_round_was_not_applied_is_not_said_of_a_restored_state),
        cmocka_unit_test(what_cannot_be_is_no_sum),
        cmocka_unit_test(a_report_of_another_method_is_refused_and_counted),
        cmocka_unit_test(who_was_counted_is_told_so_later_too),
        cmocka_unit_test(the_last_report_of_a_round_is_known_when_it_comes_again),
        cmocka_unit_test(to_evaluate_there_is_no_method),
        cmocka_unit_test(jobs_that_an_algorithm_cannot_do_with_are_refused),
        cmocka_unit_test(weights_that_leave_a_part_too_few_bits_are_refused_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
