/* Coordinator: options, rounds, and what it answers to well-meaning and ill-meaning peers. */
#include "unit/proto/peer.h"

#include "base/checksum.h"
#include "choir/blob.h"
#include "wire/pb.h"

static const float SMALL[PEER_DIM] = {0.5F, -0.5F, 0};

static void bad_options_are_named(void **state) {
    (void)state;
    choir_error err;
    choir_coordinator *c = NULL;
    const choir_env env = choir_env_default();
    const float params[PEER_DIM] = {0};
#define CHECK_BAD(field, bad, text)                                                                \
    do {                                                                                           \
        choir_coordinator_options o = peer_options();                                              \
        o.field = (bad);                                                                           \
        check_status(choir_coordinator_create(&c, params, &o, &env, &err), CHOIR_EINVAL);          \
        assert_string_equal(err.message, text);                                                    \
        assert_null(c);                                                                            \
    } while (0)
    CHECK_BAD(dim, 0, "coordinator: dim is 0, must be in [1, 268435456]");
    CHECK_BAD(clients, 0, "sampler: 0 clients, but there must be 1 to 2^31");
    CHECK_BAD(rounds, 0, "coordinator: rounds is 0, must be in [1, 4294967295]");
    CHECK_BAD(sampler, "random", "sampler: 'random' is unknown; known: fixed, poisson");
    CHECK_BAD(sample_rate, NAN, "sampler: sample_rate is nan, must be in (0, 1]");
    CHECK_BAD(quorum, 0, "coordinator: quorum is 0, must be in [1, 3], the largest cohort");
    CHECK_BAD(quorum, 4, "coordinator: quorum is 4, must be in [1, 3], the largest cohort");
    CHECK_BAD(deadline_ms, 0, "coordinator: deadline_ms is 0, must be in [1, 4294967295]");
    CHECK_BAD(algorithm, "fedsgd",
              "algorithm: 'fedsgd' is unknown; known: fedavg, fedavgm, fedprox, fedadagrad, "
              "fedadam, fedyogi, fednova, q-fedavg, scaffold, feddyn");
    CHECK_BAD(algorithm, "fedprox",
              "algorithm: 'fedprox' needs a client.proximal_mu above 0, like 0.01");
    CHECK_BAD(server_beta1, 1, "coordinator: server_beta1 is 1, must be in [0, 0.9999999404]");
    CHECK_BAD(server_beta2, -1, "coordinator: server_beta2 is -1, must be in [0, 0.9999999404]");
    CHECK_BAD(server_tau, 0, "coordinator: server_tau is 0, must be in [1e-09, 1000]");
    CHECK_BAD(server_learning_rate, 0,
              "coordinator: server_learning_rate is 0, must be in [1e-12, 10000]");
    CHECK_BAD(server_momentum, 1,
              "coordinator: server_momentum is 1, must be in [0, 0.9999999404]");
    CHECK_BAD(client_epochs, 0, "coordinator: client_epochs is 0, must be in [1, 4294967295]");
    CHECK_BAD(client_learning_rate, NAN,
              "coordinator: client_learning_rate is nan, must be in [1e-12, 1000000]");
    CHECK_BAD(client_momentum, -1,
              "coordinator: client_momentum is -1, must be in [0, 0.9999999404]");
    CHECK_BAD(client_weight_decay, -1,
              "coordinator: client_weight_decay is -1, must be in [0, 1000000]");
    CHECK_BAD(client_proximal_mu, INFINITY,
              "coordinator: client_proximal_mu is inf, must be in [0, 1000000]");
    CHECK_BAD(schedule_learning_rate, NULL,
              "schedule_learning_rate: a text of at most 63 bytes is needed");
    CHECK_BAD(schedule_epochs, "slow",
              "schedule_epochs: 'slow' is unknown; known: constant, step, exponential, cosine, "
              "plateau");
    CHECK_BAD(schedule_batch_size, "step x=1",
              "schedule_batch_size: 'x' is no knob of step; it has every and factor");
    CHECK_BAD(chain, "",
              "chain: nothing says how a client's examples count; add 'weight' or "
              "'uniform'");
    CHECK_BAD(examples_max, 0, "coordinator: examples_max is 0, must be in [1, 1073741824]");
    CHECK_BAD(update_norm_max, 0, "coordinator: update_norm_max is 0, must be in [1e-12, 1e+30]");
    CHECK_BAD(coordinate_max, 1e9,
              "coordinator: coordinate_max is 1000000000, must be in [1e-12, "
              "1048576]");
}

static void parameters_that_are_no_numbers_are_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_coordinator_options o = peer_options();
    const float params[PEER_DIM] = {0, NAN, 0};
    choir_coordinator *c = NULL;
    choir_error err;
    check_status(choir_coordinator_create(&c, params, &o, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "coordinator: initial parameter 1 is nan, must be within 1e+30");
}

static void a_task_says_all_that_the_options_say(void **state) {
    (void)state;
    choir_coordinator_options o = peer_options();
    o.client_epochs = 4;
    o.client_batch_size = 0;
    o.client_learning_rate = 0.25F;
    o.client_momentum = 0.5F;
    o.client_weight_decay = 0.125F;
    o.client_proximal_mu = 2;
    o.chain = "clip=3|weight";
    o.schedule_epochs = "step every=1 factor=0.5";
    peer p;
    peer_open(&p, &o);
    const choir_hash hash = choir_coordinator_hash(p.c);
    const ch_reply reply = peer_check_in(&p, 1);
    assert_int_equal(reply.kind, CH_REPLY_TASK);
    assert_int_equal(reply.task.round, 1);
    assert_int_equal(reply.task.dim, PEER_DIM);
    assert_memory_equal(&reply.task.model, &hash, sizeof(hash));
    assert_int_equal(reply.task.epochs, 4);
    assert_int_equal(reply.task.batch_size, 0);
    assert_true(reply.task.learning_rate == 0.25F);
    assert_true(reply.task.momentum == 0.5F);
    assert_true(reply.task.weight_decay == 0.125F);
    assert_true(reply.task.proximal_mu == 2);
    assert_true(reply.task.seed != o.seed); // the run's own stays at home
    assert_string_equal(reply.task.chain, "clip=3|weight");
    assert_int_equal(peer_reports(&p, 0, 0), CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 1, 0), CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 2, 0), CH_REPLY_ACK);
    assert_int_equal(choir_coordinator_summary(p.c)->epochs, 4);
    assert_int_equal(peer_check_in(&p, 1).task.epochs, 2);
    assert_true(peer_check_in(&p, 1).task.seed != reply.task.seed);
    peer_close(&p);
}

static void the_model_is_served_by_its_hash(void **state) {
    (void)state;
    const choir_coordinator_options o = peer_options();
    peer p;
    peer_open(&p, &o);
    const choir_hash first = choir_coordinator_hash(p.c);
    choir_bytes bytes = {0};
    choir_blob blob;
    check_status(choir_coordinator_model(p.c, &first, &bytes), CHOIR_OK);
    check_status(choir_blob_open(&blob, bytes, &first), CHOIR_OK);
    assert_int_equal(blob.dim, PEER_DIM);
    assert_true(blob.params[2] == 3);
    for (uint32_t client = 0; client < 3; client++) {
        assert_int_equal(peer_reports(&p, client, 0.5F), CH_REPLY_ACK);
    }
    check_status(choir_coordinator_model(p.c, &first, &bytes), CHOIR_ESTALE);
    const choir_hash second = choir_coordinator_hash(p.c);
    check_status(choir_coordinator_model(p.c, &second, &bytes), CHOIR_OK);
    check_status(choir_blob_open(&blob, bytes, &second), CHOIR_OK);
    assert_true(blob.params[2] == 3.5F);
    peer_close(&p);
}

static void a_round_closes_when_everybody_has_reported(void **state) {
    (void)state;
    const choir_coordinator_options o = peer_options();
    peer p;
    peer_open(&p, &o);
    p.now_ms = 5;
    assert_int_equal(peer_reports(&p, 2, 3), CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 0, 0), CH_REPLY_ACK);
    assert_int_equal(choir_coordinator_round(p.c), 0);
    assert_int_equal(peer_reports(&p, 1, 0), CH_REPLY_ACK);
    assert_int_equal(choir_coordinator_round(p.c), 1);
    assert_string_equal(p.event, "round_applied");
    assert_string_equal(p.fields, "round=1 cohort=3 reports=3 missing=0 quorum=2");
    const choir_round_summary *s = choir_coordinator_summary(p.c);
    assert_int_equal(s->round, 1);
    assert_int_equal(s->cohort, 3);
    assert_int_equal(s->reports, 3);
    assert_true(s->applied);
    assert_int_equal(s->examples, 30);
    assert_int_equal(s->metrics.examples, 30);
    assert_int_equal(s->metrics.correct, 15);
    assert_int_equal(s->metrics.loss_q20, 30 << 20);
    assert_true(choir_coordinator_params(p.c)[0] == 2);
    assert_int_equal(choir_coordinator_deadline_ms(p.c), 5 + 60000);
    peer_close(&p);
}

static void a_deadline_with_quorum_applies_what_has_come(void **state) {
    (void)state;
    const choir_coordinator_options o = peer_options();
    peer p;
    peer_open(&p, &o);
    assert_true(choir_coordinator_deadline_ms(p.c) == UINT64_MAX);
    p.now_ms = 100;
    assert_int_equal(peer_reports(&p, 0, 1), CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 1, 2), CH_REPLY_ACK);
    assert_int_equal(choir_coordinator_deadline_ms(p.c), 60100);
    choir_coordinator_tick(p.c, 60099);
    assert_int_equal(choir_coordinator_round(p.c), 0);
    choir_coordinator_tick(p.c, 60100);
    assert_int_equal(choir_coordinator_round(p.c), 1);
    const choir_round_summary *s = choir_coordinator_summary(p.c);
    assert_true(s->applied);
    assert_int_equal(s->refused[CHOIR_REFUSAL_MISSING], 1);
    assert_true(choir_coordinator_params(p.c)[0] == 2.5F); // the mean over the two, not three
    peer_close(&p);
}

static void a_deadline_without_quorum_discards_the_round(void **state) {
    (void)state;
    const choir_coordinator_options o = peer_options();
    peer p;
    peer_open(&p, &o);
    const choir_hash hash = choir_coordinator_hash(p.c);
    assert_int_equal(peer_reports(&p, 0, 1), CH_REPLY_ACK);
    choir_coordinator_tick(p.c, 60000);
    const choir_hash after = choir_coordinator_hash(p.c);
    assert_memory_equal(&after, &hash, sizeof(hash));
    assert_int_equal(choir_coordinator_round(p.c), 1);
    assert_false(choir_coordinator_summary(p.c)->applied);
    assert_int_equal(choir_coordinator_summary(p.c)->reports, 1);
    assert_string_equal(p.event, "round_discarded");
    assert_int_equal(choir_coordinator_deadline_ms(p.c), 120000);
    p.now_ms = 60000;
    for (uint32_t client = 0; client < 3; client++) { // nothing of it is left in the next
        assert_int_equal(peer_reports(&p, client, 1), CH_REPLY_ACK);
    }
    assert_true(choir_coordinator_params(p.c)[0] == 2);
    peer_close(&p);
}

static void an_empty_cohort_closes_its_round_at_once(void **state) {
    (void)state;
    choir_coordinator_options o = peer_options();
    o.sampler = "poisson";
    o.sample_rate = 1e-9;
    o.quorum = 1;
    peer p;
    peer_open(&p, &o);
    for (uint32_t round = 1; round <= o.rounds; round++) {
        uint32_t count = 1;
        (void)choir_coordinator_cohort(p.c, &count);
        assert_int_equal(count, 0);
        choir_coordinator_tick(p.c, 7);
        assert_int_equal(choir_coordinator_round(p.c), round); // one a call
        assert_false(choir_coordinator_summary(p.c)->applied);
        assert_true(round == o.rounds || choir_coordinator_deadline_ms(p.c) == 7);
    }
    assert_true(choir_coordinator_is_done(p.c));
    assert_true(choir_coordinator_deadline_ms(p.c) == UINT64_MAX);
    peer_close(&p);
}

static void after_the_last_round_everybody_is_sent_home(void **state) {
    (void)state;
    choir_coordinator_options o = peer_options();
    o.rounds = 1;
    peer p;
    peer_open(&p, &o);
    for (uint32_t client = 0; client < 3; client++) {
        assert_int_equal(peer_reports(&p, client, 1), CH_REPLY_ACK);
    }
    assert_true(choir_coordinator_is_done(p.c));
    const ch_reply home = peer_check_in(&p, 0);
    assert_int_equal(home.kind, CH_REPLY_DONE);
    assert_int_equal(home.why, CHOIR_WHY_FINISHED);
    assert_int_equal(peer_reports(&p, 2, 1), CH_REPLY_DONE);
    uint32_t count = 1;
    (void)choir_coordinator_cohort(p.c, &count);
    assert_int_equal(count, 0);
    choir_coordinator_tick(p.c, UINT64_MAX);
    choir_coordinator_observe(p.c, 1);
    assert_true(choir_coordinator_params(p.c)[0] == 2);
    peer_close(&p);
}

static void who_is_not_wanted_is_told_when_to_come_back(void **state) {
    (void)state;
    choir_coordinator_options o = peer_options();
    o.clients = 10;
    o.sample_rate = 0.3;
    peer p;
    peer_open(&p, &o);
    uint32_t count = 0;
    const uint32_t *cohort = choir_coordinator_cohort(p.c, &count);
    assert_int_equal(count, 3);
    uint32_t waits = 0;
    for (uint32_t client = 0; client < 10; client++) {
        const bool sampled = client == cohort[0] || client == cohort[1] || client == cohort[2];
        const ch_reply reply = peer_check_in(&p, client);
        assert_int_equal(reply.kind, sampled ? CH_REPLY_TASK : CH_REPLY_WAIT);
        assert_int_equal(reply.wait_ms, sampled ? 0 : 15000); // a quarter of what is left
        waits += reply.kind == CH_REPLY_WAIT;
    }
    assert_int_equal(waits, 7);
    assert_int_equal(peer_reports(&p, cohort[0], 1), CH_REPLY_ACK);
    p.now_ms = 59999;
    const ch_reply late = peer_check_in(&p, cohort[0]);
    assert_int_equal(late.kind, CH_REPLY_WAIT);
    assert_int_equal(late.wait_ms, 1000);
    const ch_reply stranger = peer_check_in(&p, 10);
    assert_int_equal(stranger.kind, CH_REPLY_REFUSED);
    assert_int_equal(stranger.reason, CH_REASON_UNSAMPLED);
    peer_close(&p);
}

/* Sends a report that must be refused; then again; then checks in. */
static void check_refused(const ch_request *m, choir_refusal refusal, ch_reason reason, bool ends) {
    choir_coordinator_options o = peer_options();
    o.chain = "clip=2|weight";
    o.coordinate_max = 1;
    peer p;
    peer_open(&p, &o);
    ch_request again = *m;
    if (again.report.round == 0) {
        again.report.round = 1;
    }
    if (again.report.model.bytes[0] == 0) {
        again.report.model = choir_coordinator_hash(p.c);
    }
    for (int i = 0; i < 3; i++) {
        const ch_reply reply = peer_send(&p, &again);
        assert_int_equal(reply.kind, CH_REPLY_REFUSED);
        assert_int_equal(reply.reason, reason);
    }
    assert_string_equal(p.event, "update_refused");
    assert_non_null(strstr(p.fields, choir_refusal_text(refusal)));
    // An ended round stays ended; a report that says nothing about its client ends nothing.
    assert_int_equal(peer_check_in(&p, 1).kind, ends ? CH_REPLY_WAIT : CH_REPLY_TASK);
    assert_int_equal(peer_reports(&p, 0, 1), CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 2, 1), CH_REPLY_ACK);
    assert_int_equal(choir_coordinator_round(p.c), ends); // nobody is waited for in vain
    if (!ends) {
        choir_coordinator_tick(p.c, 60000);
    }
    const choir_round_summary *s = choir_coordinator_summary(p.c);
    assert_int_equal(s->round, 1);
    assert_int_equal(s->reports, 2);
    assert_int_equal(s->refused[refusal], ends ? 1 : 3);
    assert_int_equal(s->refused[CHOIR_REFUSAL_MISSING], ends ? 0 : 1);
    assert_true(choir_coordinator_params(p.c)[0] == 2); // untouched by it
    peer_close(&p);
}

/* A report whose round and model check_refused fills in. */
static ch_request report_with(const float *delta) {
    ch_request m = {.protocol = CH_PROTOCOL, .client = 1, .kind = CH_REQUEST_REPORT};
    m.report.examples = 10;
    m.report.dim = delta == NULL ? 0 : PEER_DIM;
    m.report.delta = (choir_bytes){(const uint8_t *)delta, m.report.dim * sizeof(float)};
    return m;
}

static void reports_that_are_wrong_end_their_clients_round_once(void **state) {
    (void)state;
    const float nan[PEER_DIM] = {0, NAN, 0};
    const float infinite[PEER_DIM] = {0, 0, -INFINITY};
    const float longer[PEER_DIM] = {0.9F, 0.9F, 2};
    const float wide[PEER_DIM] = {0, 1.5F, 0};
    ch_request m = report_with(nan);
    check_refused(&m, CHOIR_REFUSAL_NOT_FINITE, CH_REASON_NOT_FINITE, true);
    m = report_with(infinite);
    check_refused(&m, CHOIR_REFUSAL_NOT_FINITE, CH_REASON_NOT_FINITE, true);
    m = report_with(longer);
    check_refused(&m, CHOIR_REFUSAL_NORM, CH_REASON_NORM, true);
    m = report_with(wide);
    check_refused(&m, CHOIR_REFUSAL_RANGE, CH_REASON_RANGE, true);
    m = report_with(SMALL);
    m.report.dim -= 1;
    m.report.delta.size -= sizeof(float);
    check_refused(&m, CHOIR_REFUSAL_SIZE, CH_REASON_SIZE, true);
    m = report_with(NULL); // neither a delta nor a failure
    check_refused(&m, CHOIR_REFUSAL_SIZE, CH_REASON_SIZE, true);
    m = report_with(SMALL);
    m.report.examples = 0;
    check_refused(&m, CHOIR_REFUSAL_SIZE, CH_REASON_SIZE, true);
}

static void failures_that_clients_admit_end_their_round_once(void **state) {
    (void)state;
    const struct {
        uint32_t failure;
        choir_refusal refusal;
        ch_reason reason;
    } cases[] = {
        {CH_FAILURE_DIVERGED, CHOIR_REFUSAL_DIVERGED, CH_REASON_DIVERGED},
        {CH_FAILURE_NO_DATA, CHOIR_REFUSAL_NO_DATA, CH_REASON_NO_DATA},
        {CH_FAILURE_UNSUPPORTED, CHOIR_REFUSAL_UNSUPPORTED, CH_REASON_UNSUPPORTED},
        {12345, CHOIR_REFUSAL_UNSUPPORTED, CH_REASON_UNSUPPORTED},
    };
    for (int i = 0; i < 4; i++) {
        ch_request m = report_with(NULL);
        m.report.failure = cases[i].failure;
        check_refused(&m, cases[i].refusal, cases[i].reason, true);
    }
}

static void reports_that_are_not_of_this_round_end_nothing(void **state) {
    (void)state;
    ch_request m = report_with(SMALL);
    m.report.round = 2;
    check_refused(&m, CHOIR_REFUSAL_STALE, CH_REASON_STALE, false);
    m = report_with(SMALL);
    m.report.model.bytes[0] = 1; // another model
    check_refused(&m, CHOIR_REFUSAL_STALE, CH_REASON_STALE, false);
    m = report_with(SMALL);
    m.client = 3;
    check_refused(&m, CHOIR_REFUSAL_UNSAMPLED, CH_REASON_UNSAMPLED, false);
    m = report_with(SMALL);
    m.protocol = 2;
    check_refused(&m, CHOIR_REFUSAL_PROTOCOL, CH_REASON_PROTOCOL, false);
}

/* What it says is unknown here; that it is not for here can still be told. */
static void another_version_is_told_so_whatever_its_body(void **state) {
    (void)state;
    const choir_coordinator_options o = peer_options();
    const uint8_t body[] = {0xFF, 0x07, 0x13}; // no message of this version
    const uint32_t numbers[] = {CH_REQUEST_CHECK_IN, CH_REQUEST_REPORT, 6, 1000};
    for (uint32_t i = 0; i < 4 * 2; i++) {
        const uint32_t number = numbers[i % 4];
        const uint64_t seed = (UINT64_C(2) << 40) + ((uint64_t)number << 32) + 1; // docs/wire.md
        uint8_t bytes[PEER_BYTES_MAX];
        ch_writer w = {.data = bytes, .capacity = sizeof(bytes)};
        ch_pb_put_uint(&w, 1, 2);
        ch_pb_put_uint(&w, 2, 1);
        ch_pb_put_fixed64(&w, 3, ch_checksum_of(seed, body, sizeof(body)));
        ch_pb_put_bytes(&w, number, body, sizeof(body));
        const bool is_damaged = i >= 4;
        bytes[w.size - 1] ^= is_damaged;
        peer p;
        peer_open(&p, &o);
        ch_reply reply;
        const choir_bytes answer = choir_coordinator_reply(p.c, 0, (choir_bytes){bytes, w.size});
        check_status(ch_reply_decode(&reply, answer), CHOIR_OK);
        assert_int_equal(reply.kind, CH_REPLY_REFUSED);
        assert_int_equal(reply.reason, is_damaged ? CH_REASON_MALFORMED : CH_REASON_PROTOCOL);
        assert_int_equal(reply.protocol_lowest, is_damaged ? 0 : CH_PROTOCOL);
        assert_int_equal(reply.protocol_highest, is_damaged ? 0 : CH_PROTOCOL);
        peer_close(&p);
    }
}

static void a_repeated_report_is_counted_once(void **state) {
    (void)state;
    const choir_coordinator_options o = peer_options();
    peer p;
    peer_open(&p, &o);
    assert_int_equal(peer_reports(&p, 1, 1), CH_REPLY_ACK);
    uint8_t bytes[3][PEER_BYTES_MAX];
    const ch_request m = peer_report(&p, 1, SMALL);
    const ch_request other = peer_report(&p, 0, SMALL);
    const ch_request asked = {.protocol = CH_PROTOCOL, .client = 1, .kind = CH_REQUEST_CHECK_IN};
    assert_true(choir_coordinator_has_counted(p.c, peer_write(&m, bytes[0])));
    assert_false(choir_coordinator_has_counted(p.c, peer_write(&other, bytes[1])));
    assert_false(choir_coordinator_has_counted(p.c, peer_write(&asked, bytes[2])));
    assert_false(choir_coordinator_has_counted(p.c, (choir_bytes){.size = 0}));
    assert_int_equal(peer_send(&p, &m).reason, CH_REASON_DUPLICATE);
    assert_int_equal(peer_check_in(&p, 1).kind, CH_REPLY_WAIT);
    assert_int_equal(peer_reports(&p, 0, 1), CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 2, 1), CH_REPLY_ACK);
    assert_int_equal(choir_coordinator_summary(p.c)->refused[CHOIR_REFUSAL_DUPLICATE], 1);
    assert_int_equal(choir_coordinator_summary(p.c)->reports, 3);
    assert_true(choir_coordinator_has_counted(p.c, peer_write(&m, bytes[0])));
    assert_int_equal(peer_send(&p, &m).reason, CH_REASON_DUPLICATE); // though its round is over
    peer_close(&p);
}

static void noise_is_refused_and_does_no_harm(void **state) {
    (void)state;
    const choir_coordinator_options o = peer_options();
    peer p;
    peer_open(&p, &o);
    const uint8_t noise[] = "GET / HTTP/1.1";
    for (size_t size = 0; size <= sizeof(noise); size++) {
        ch_reply reply;
        const choir_bytes answer = choir_coordinator_reply(p.c, 0, (choir_bytes){noise, size});
        check_status(ch_reply_decode(&reply, answer), CHOIR_OK);
        assert_int_equal(reply.kind, CH_REPLY_REFUSED);
        assert_int_equal(reply.reason, CH_REASON_MALFORMED);
    }
    choir_coordinator_tick(p.c, 60000);
    assert_int_equal(choir_coordinator_summary(p.c)->refused[CHOIR_REFUSAL_MALFORMED],
                     sizeof(noise) + 1);
    assert_int_equal(choir_coordinator_summary(p.c)->refused[CHOIR_REFUSAL_MISSING], 3);
    peer_close(&p);
}

static void a_delta_in_pieces_counts_like_a_whole_one(void **state) {
    (void)state;
    const choir_coordinator_options o = peer_options();
    peer p;
    peer_open(&p, &o);
    uint8_t body[PEER_BYTES_MAX];
    ch_writer w = {.data = body, .capacity = sizeof(body)};
    const choir_hash hash = choir_coordinator_hash(p.c);
    ch_pb_put_uint(&w, 1, 1);
    ch_pb_put_bytes(&w, 2, hash.bytes, sizeof(hash.bytes));
    ch_pb_put_uint(&w, 3, 10);
    for (uint32_t i = 0; i < PEER_DIM; i++) {
        ch_pb_put_float(&w, 15, 3); // unpacked
    }
    const uint64_t seed =
        ((uint64_t)CH_PROTOCOL << 40) + ((uint64_t)CH_REQUEST_REPORT << 32) + 1; // docs/wire.md
    uint8_t bytes[PEER_BYTES_MAX];
    ch_writer whole = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_uint(&whole, 1, CH_PROTOCOL);
    ch_pb_put_uint(&whole, 2, 1);
    ch_pb_put_fixed64(&whole, 3, ch_checksum_of(seed, body, w.size));
    ch_pb_put_bytes(&whole, CH_REQUEST_REPORT, body, w.size);
    ch_reply reply;
    const choir_bytes answer = choir_coordinator_reply(p.c, 0, (choir_bytes){bytes, whole.size});
    check_status(ch_reply_decode(&reply, answer), CHOIR_OK);
    assert_int_equal(reply.kind, CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 0, 0), CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 2, 0), CH_REPLY_ACK);
    assert_true(choir_coordinator_params(p.c)[0] == 2);
    assert_true(choir_coordinator_params(p.c)[2] == 4);
    peer_close(&p);
}

static void examples_are_capped(void **state) {
    (void)state;
    choir_coordinator_options o = peer_options();
    o.examples_max = 30;
    peer p;
    peer_open(&p, &o);
    const float three[PEER_DIM] = {4, 4, 4};
    ch_request greedy = peer_report(&p, 1, three);
    greedy.report.examples = UINT32_MAX;
    assert_int_equal(peer_send(&p, &greedy).kind, CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 0, 0), CH_REPLY_ACK);
    assert_int_equal(peer_reports(&p, 2, 0), CH_REPLY_ACK);
    assert_int_equal(choir_coordinator_summary(p.c)->examples, 50);
    assert_true(choir_coordinator_params(p.c)[0] == (float)(1 + 4.0 * 30 / 50));
    peer_close(&p);
}

/* One liar's training loss and accuracy count for no more than its update does. */
static void metrics_of_liars_count_as_their_updates_do(void **state) {
    (void)state;
    choir_coordinator_options o = peer_options();
    o.examples_max = 30;
    o.client_epochs = 2;
    const struct {
        uint32_t examples;
        choir_metrics said;
        choir_metrics counted;
    } cases[] = {
        {10, {20, 15, 20 << 20}, {20, 15, 20 << 20}}, // the truth
        {10, {1000, 500, 1000 << 20}, {20, 10, 20 << 20}},
        {600, {1200, 600, 1200 << 20}, {60, 30, 60 << 20}},
        {10, {20, 21, 0}, {20, 20, 0}},
        {10, {0, 5, 1 << 20}, {0, 0, 0}},
        {10, {20, 5, INT64_MIN}, {20, 5, -INT64_C(1537228672809129301)}}, // a third of 2^62
        {10, {20, 5, INT64_C(20) << 52}, {20, 5, INT64_C(20) << 52}}, // 2^32 each: of a regression
        {UINT32_MAX, {UINT64_MAX, UINT64_MAX, INT64_MIN}, {60, 60, -30}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        peer p;
        peer_open(&p, &o);
        for (uint32_t client = 0; client < 3; client++) {
            ch_request m = peer_report(&p, client, SMALL);
            m.report.examples = cases[i].examples;
            m.report.metrics = cases[i].said;
            assert_int_equal(peer_send(&p, &m).kind, CH_REPLY_ACK);
        }
        const choir_metrics sum = choir_coordinator_summary(p.c)->metrics;
        assert_true(sum.examples == 3 * cases[i].counted.examples);
        assert_true(sum.correct == 3 * cases[i].counted.correct);
        assert_true(sum.loss_q20 == 3 * cases[i].counted.loss_q20);
        peer_close(&p);
    }
}

static void a_plateau_is_observed_before_tasks_are_given(void **state) {
    (void)state;
    choir_coordinator_options o = peer_options();
    o.client_learning_rate = 1;
    o.schedule_learning_rate = "plateau patience=1 factor=0.5";
    peer p;
    peer_open(&p, &o);
    choir_coordinator_observe(p.c, 1.0);
    choir_coordinator_observe(p.c, 1.0); // no better
    assert_true(peer_check_in(&p, 0).task.learning_rate == 0.5F);
    choir_coordinator_observe(p.c, 1.0); // too late for this round
    assert_true(peer_check_in(&p, 1).task.learning_rate == 0.5F);
    for (uint32_t client = 0; client < 3; client++) {
        assert_int_equal(peer_reports(&p, client, 0), CH_REPLY_ACK);
    }
    assert_true(choir_coordinator_summary(p.c)->learning_rate == 0.5F);
    assert_true(peer_check_in(&p, 0).task.learning_rate == 0.25F);
    peer_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_options_are_named),
        cmocka_unit_test(parameters_that_are_no_numbers_are_refused),
        cmocka_unit_test(a_task_says_all_that_the_options_say),
        cmocka_unit_test(the_model_is_served_by_its_hash),
        cmocka_unit_test(a_round_closes_when_everybody_has_reported),
        cmocka_unit_test(a_deadline_with_quorum_applies_what_has_come),
        cmocka_unit_test(a_deadline_without_quorum_discards_the_round),
        cmocka_unit_test(an_empty_cohort_closes_its_round_at_once),
        cmocka_unit_test(after_the_last_round_everybody_is_sent_home),
        cmocka_unit_test(who_is_not_wanted_is_told_when_to_come_back),
        cmocka_unit_test(reports_that_are_wrong_end_their_clients_round_once),
        cmocka_unit_test(failures_that_clients_admit_end_their_round_once),
        cmocka_unit_test(reports_that_are_not_of_this_round_end_nothing),
        cmocka_unit_test(another_version_is_told_so_whatever_its_body),
        cmocka_unit_test(a_repeated_report_is_counted_once),
        cmocka_unit_test(noise_is_refused_and_does_no_harm),
        cmocka_unit_test(a_delta_in_pieces_counts_like_a_whole_one),
        cmocka_unit_test(examples_are_capped),
        cmocka_unit_test(metrics_of_liars_count_as_their_updates_do),
        cmocka_unit_test(a_plateau_is_observed_before_tasks_are_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
