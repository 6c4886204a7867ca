/* Inspected requests: a coordinator answers them as it answers those that it reads itself. */
#include "unit/proto/peer.h"

#include "base/checksum.h"
#include "wire/pb.h"

#include <math.h>

static const float DELTA[PEER_DIM] = {3, -4, 0};

/* Two coordinators of one job: only the second is told what its requests' bytes are like. */
typedef struct twins {
    peer reading;
    peer told;
} twins;

static void twins_open(twins *t) {
    choir_coordinator_options o = peer_options();
    o.update_norm_max = 100;
    o.coordinate_max = 50;
    peer_open(&t->reading, &o);
    peer_open(&t->told, &o);
}

static void twins_close(twins *t) {
    peer_close(&t->reading);
    peer_close(&t->told);
}

/* The reply that both give. */
static ch_reply twins_send_bytes(twins *t, choir_bytes request) {
    ch_reply reply;
    uint8_t first[CH_REPLY_MAX];
    const choir_bytes read = choir_coordinator_reply(t->reading.c, 0, request);
    memcpy(first, read.data, read.size);
    const choir_inspection inspection = choir_request_inspect(request);
    const choir_bytes told = choir_coordinator_reply_inspected(t->told.c, 0, &inspection);
    assert_int_equal(told.size, read.size);
    assert_memory_equal(told.data, first, read.size);
    assert_int_equal(choir_coordinator_round(t->told.c), choir_coordinator_round(t->reading.c));
    assert_memory_equal(choir_coordinator_params(t->told.c), choir_coordinator_params(t->reading.c),
                        PEER_DIM * sizeof(float));
    check_status(ch_reply_decode(&reply, told), CHOIR_OK);
    return reply;
}

static ch_reply twins_send(twins *t, const ch_request *m) {
    uint8_t bytes[PEER_BYTES_MAX];
    const size_t head = ch_request_head(m, bytes);
    const choir_bytes delta = m->report.delta;
    if (delta.size > 0) {
        memcpy(bytes + head, delta.data, delta.size);
    }
    return twins_send_bytes(t, (choir_bytes){bytes, head + delta.size});
}

static void a_report_is_measured_where_it_is_inspected(void **state) {
    (void)state;
    twins t;
    twins_open(&t);
    const ch_request m = peer_report(&t.told, 0, DELTA);
    uint8_t bytes[PEER_BYTES_MAX];
    const size_t head = ch_request_head(&m, bytes);
    memcpy(bytes + head, DELTA, sizeof(DELTA));
    const choir_bytes request = {bytes, head + sizeof(DELTA)};
    choir_inspection i = choir_request_inspect(request);
    assert_true(i.request.data == request.data && i.request.size == request.size);
    assert_true(i.is_intact && i.is_measured && i.is_finite);
    assert_true(i.norm == 5 && i.magnitude == 4);
    bytes[request.size - 1] ^= 1;
    i = choir_request_inspect(request);
    assert_false(i.is_intact || i.is_measured);
    assert_int_equal(twins_send_bytes(&t, request).reason, CH_REASON_MALFORMED);
    assert_false(choir_request_inspect((choir_bytes){bytes, 0}).is_intact);
    twins_close(&t);
}

static void rounds_of_inspected_reports_end_alike(void **state) {
    (void)state;
    twins t;
    twins_open(&t);
    while (!choir_coordinator_is_done(t.told.c)) {
        for (uint32_t client = 0; client < 3; client++) {
            const ch_request hello = {
                .protocol = CH_PROTOCOL, .client = client, .kind = CH_REQUEST_CHECK_IN};
            assert_int_equal(twins_send(&t, &hello).kind, CH_REPLY_TASK);
            const ch_request m = peer_report(&t.told, client, DELTA);
            ch_request announced = m;
            announced.kind = CH_REQUEST_ANNOUNCE;
            announced.report.dim = 0;
            announced.report.delta = (choir_bytes){0};
            assert_int_equal(twins_send(&t, &announced).kind, CH_REPLY_PROCEED);
            assert_int_equal(twins_send(&t, &m).kind, CH_REPLY_ACK);
        }
    }
    assert_true(choir_coordinator_params(t.told.c)[0] == 10);
    twins_close(&t);
}

static void what_is_wrong_with_an_inspected_report_is_said(void **state) {
    (void)state;
    static const struct {
        float delta[PEER_DIM];
        ch_reason reason;
    } cases[] = {
        {{NAN, 0, 0}, CH_REASON_NOT_FINITE},
        {{0, 0, -INFINITY}, CH_REASON_NOT_FINITE},
        {{60, 60, 60}, CH_REASON_NORM},
        {{0, -60, 0}, CH_REASON_RANGE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        twins t;
        twins_open(&t);
        ch_request m = peer_report(&t.told, 1, cases[i].delta);
        assert_int_equal(twins_send(&t, &m).reason, cases[i].reason);
        m = peer_report(&t.told, 2, DELTA);
        m.report.dim = PEER_DIM - 1;
        m.report.delta.size -= sizeof(float);
        assert_int_equal(twins_send(&t, &m).reason, CH_REASON_SIZE);
        m = peer_report(&t.told, 0, DELTA);
        m.protocol = CH_PROTOCOL + 1;
        assert_int_equal(twins_send(&t, &m).reason, CH_REASON_PROTOCOL);
        m.protocol = CH_PROTOCOL;
        m.report.failure = CH_FAILURE_DIVERGED;
        m.report.dim = 0;
        m.report.delta = (choir_bytes){0};
        assert_int_equal(twins_send(&t, &m).reason, CH_REASON_DIVERGED);
        twins_close(&t);
    }
}

/* Its parameters are nowhere together before the coordinator has gathered them. */
static void a_report_in_pieces_is_left_to_be_measured(void **state) {
    (void)state;
    twins t;
    twins_open(&t);
    uint8_t body[PEER_BYTES_MAX];
    ch_writer w = {.data = body, .capacity = sizeof(body)};
    const choir_hash hash = choir_coordinator_hash(t.told.c);
    ch_pb_put_uint(&w, 1, 1);
    ch_pb_put_bytes(&w, 2, hash.bytes, sizeof(hash.bytes));
    ch_pb_put_uint(&w, 3, 10);
    for (uint32_t i = 0; i < PEER_DIM; i++) {
        ch_pb_put_float(&w, 15, 3);
    }
    const uint64_t seed =
        ((uint64_t)CH_PROTOCOL << 40) + ((uint64_t)CH_REQUEST_REPORT << 32) + 1; // docs/wire.md
    uint8_t bytes[PEER_BYTES_MAX];
    ch_writer whole = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_uint(&whole, 1, CH_PROTOCOL);
    ch_pb_put_uint(&whole, 2, 1);
    ch_pb_put_fixed64(&whole, 3, ch_checksum_of(seed, body, w.size));
    ch_pb_put_bytes(&whole, CH_REQUEST_REPORT, body, w.size);
    const choir_bytes request = {bytes, whole.size};
    const choir_inspection i = choir_request_inspect(request);
    assert_true(i.is_intact && !i.is_measured);
    assert_int_equal(twins_send_bytes(&t, request).kind, CH_REPLY_ACK);
    twins_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_is_measured_where_it_is_inspected),
        cmocka_unit_test(rounds_of_inspected_reports_end_alike),
        cmocka_unit_test(what_is_wrong_with_an_inspected_report_is_said),
        cmocka_unit_test(a_report_in_pieces_is_left_to_be_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
