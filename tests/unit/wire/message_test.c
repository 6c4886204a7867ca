/* Messages: the golden bytes, what is written is read, and no damage to it does harm. */
#include "unit/wire/samples.h"

#include "base/checksum.h"
#include "wire/pb.h"

#include <stdlib.h>

static void messages_have_their_golden_bytes(void **state) {
    (void)state;
    for (int i = 0; i < SAMPLES_COUNT; i++) {
        const sample s = sample_at(i);
        uint8_t ours[SAMPLE_BYTES_MAX];
        uint8_t golden[SAMPLE_BYTES_MAX];
        const size_t size = sample_encode(&s, ours);
        if (size != sample_file(s.name, "bin", golden) || memcmp(ours, golden, size) != 0) {
            fail_msg("%s differs from tests/golden/wire/%s.bin", s.name, s.name);
        }
    }
}

static void every_kind_of_message_has_a_golden_one(void **state) {
    (void)state;
    uint32_t requests = 0;
    uint32_t replies = 0;
    for (int i = 0; i < SAMPLES_COUNT; i++) {
        const sample s = sample_at(i);
        requests |= s.is_request ? 1U << s.request.kind : 0;
        replies |= s.is_request ? 0 : 1U << s.reply.kind;
    }
    assert_int_equal(requests, 1U << CH_REQUEST_CHECK_IN | 1U << CH_REQUEST_REPORT |
                                   1U << CH_REQUEST_ANNOUNCE);
    assert_int_equal(replies, 1U << CH_REPLY_TASK | 1U << CH_REPLY_WAIT | 1U << CH_REPLY_ACK |
                                  1U << CH_REPLY_DONE | 1U << CH_REPLY_REFUSED |
                                  1U << CH_REPLY_PROCEED);
}

static void a_report_survives_the_wire(void **state) {
    (void)state;
    uint8_t bytes[SAMPLE_BYTES_MAX];
    const size_t size = sample_file("report", "bin", bytes);
    const ch_request expected = sample_report();
    ch_request m;
    check_status(ch_request_decode(&m, (choir_bytes){bytes, size}), CHOIR_OK);
    assert_true(ch_request_is_intact(&m));
    assert_int_equal(m.protocol, 1);
    assert_int_equal(m.client, 300);
    assert_int_equal(m.kind, CH_REQUEST_REPORT);
    assert_string_equal(m.job, "keyboard@3");
    assert_int_equal(m.report.round, 7);
    assert_memory_equal(&m.report.model, &expected.report.model, sizeof(m.report.model));
    assert_int_equal(m.report.examples, 600);
    assert_memory_equal(&m.report.metrics, &expected.report.metrics, sizeof(m.report.metrics));
    assert_int_equal(m.report.failure, CH_FAILURE_NONE);
    assert_int_equal(m.report.dim, SAMPLE_DIM);
    assert_ptr_equal(m.report.delta.data, bytes + size - sizeof(SAMPLE_DELTA)); // not copied
    assert_memory_equal(m.report.delta.data, SAMPLE_DELTA, sizeof(SAMPLE_DELTA));
}

static void a_task_survives_the_wire(void **state) {
    (void)state;
    uint8_t bytes[SAMPLE_BYTES_MAX];
    const size_t size = sample_file("task", "bin", bytes);
    const choir_task expected = sample_task().task;
    ch_reply m;
    check_status(ch_reply_decode(&m, (choir_bytes){bytes, size}), CHOIR_OK);
    assert_int_equal(m.kind, CH_REPLY_TASK);
    assert_int_equal(m.task.round, expected.round);
    assert_int_equal(m.task.dim, expected.dim);
    assert_memory_equal(&m.task.model, &expected.model, sizeof(expected.model));
    assert_int_equal(m.task.epochs, expected.epochs);
    assert_int_equal(m.task.batch_size, expected.batch_size);
    assert_true(m.task.learning_rate == expected.learning_rate);
    assert_true(m.task.momentum == expected.momentum);
    assert_true(m.task.weight_decay == expected.weight_decay);
    assert_true(m.task.proximal_mu == expected.proximal_mu);
    assert_true(m.task.seed == expected.seed);
    assert_string_equal(m.task.chain, expected.chain);
    assert_string_equal(m.task.job, expected.job);
}

/* A reply around a body, with the right checksum. Returns its size. */
static size_t reply_made(uint8_t out[SAMPLE_BYTES_MAX], ch_reply_kind kind, const uint8_t *body,
                         size_t size) {
    ch_writer w = {.data = out, .capacity = SAMPLE_BYTES_MAX};
    ch_pb_put_fixed64(&w, 1, ch_checksum_of((uint64_t)kind << 32, body, size));
    ch_pb_put_head(&w, kind, size);
    ch_put_bytes(&w, body, size);
    assert_false(w.failed);
    return w.size;
}

static void short_replies_survive_the_wire(void **state) {
    (void)state;
    for (int i = 5; i < SAMPLES_COUNT; i++) {
        const sample s = sample_at(i);
        uint8_t bytes[CH_REPLY_MAX];
        ch_reply m;
        if (s.is_request) {
            continue;
        }
        const size_t size = ch_reply_encode(&s.reply, bytes);
        check_status(ch_reply_decode(&m, (choir_bytes){bytes, size}), CHOIR_OK);
        assert_int_equal(m.kind, s.reply.kind);
        assert_int_equal(m.wait_ms, s.reply.wait_ms);
        assert_int_equal(m.why, s.reply.why);
        assert_int_equal(m.task.purpose, s.reply.task.purpose);
        assert_int_equal(m.task.method, s.reply.task.method);
        assert_int_equal(m.task.partial, s.reply.task.partial);
        assert_true(m.task.fairness_q == s.reply.task.fairness_q);
        assert_memory_equal(m.task.exchanges, s.reply.task.exchanges, sizeof(m.task.exchanges));
        assert_int_equal(m.reason, s.reply.reason);
        assert_int_equal(m.protocol_lowest, s.reply.protocol_lowest);
        assert_int_equal(m.protocol_highest, s.reply.protocol_highest);
    }
}

/* The largest values there are fit the sizes that the header promises; the asserts inside check. */
static void the_largest_messages_fit(void **state) {
    (void)state;
    choir_task task = sample_task().task;
    task.round = task.dim = task.epochs = task.batch_size = UINT32_MAX;
    task.purpose = task.method = UINT32_MAX;
    task.fairness_q = 10;
    task.partial = 1;
    task.seed = UINT64_MAX;
    memset(task.exchanges, CHOIR_EXCHANGE_ANNOUNCE, sizeof(task.exchanges));
    memset(task.chain, 'x', sizeof(task.chain) - 1);
    memset(task.job, 'x', sizeof(task.job) - 1);
    uint8_t bytes[CH_REPLY_MAX];
    const ch_reply reply = {.kind = CH_REPLY_TASK, .task = task};
    assert_true(ch_reply_encode(&reply, bytes) <= CH_REPLY_MAX);

    ch_request m = sample_report();
    m.client = m.report.round = m.report.examples = m.protocol = UINT32_MAX;
    m.report.metrics = (choir_metrics){UINT64_MAX, UINT64_MAX, INT64_MIN};
    m.report.failure = m.report.purpose = m.report.method = UINT32_MAX;
    memset(m.job, 'x', sizeof(m.job) - 1);
    uint8_t head[CH_REQUEST_HEAD_MAX];
    // The head of the largest model's report is three bytes longer than this one's, twice.
    assert_true(ch_request_head(&m, head) + 2 * 4 <= CH_REQUEST_HEAD_MAX);
}

static void an_announcement_survives_the_wire(void **state) {
    (void)state;
    uint8_t bytes[SAMPLE_BYTES_MAX];
    const size_t size = sample_file("announce", "bin", bytes);
    const ch_request expected = sample_announce();
    ch_request m;
    check_status(ch_request_decode(&m, (choir_bytes){bytes, size}), CHOIR_OK);
    assert_true(ch_request_is_intact(&m));
    assert_int_equal(m.client, 300);
    assert_int_equal(m.kind, CH_REQUEST_ANNOUNCE);
    assert_string_equal(m.job, "keyboard@3");
    assert_int_equal(m.report.round, 7);
    assert_memory_equal(&m.report.model, &expected.report.model, sizeof(m.report.model));
    assert_int_equal(m.report.examples, 600);
    assert_int_equal(m.report.dim, 0);
}

/* Packed or not, in pieces; what is not known is left out, and what is too much. */
static void exchanges_come_as_they_like(void **state) {
    (void)state;
    static const uint8_t packed[] = {CHOIR_EXCHANGE_ANNOUNCE, 99, 0x80, 0x02, 0};
    static const uint8_t torn[] = {CHOIR_EXCHANGE_ANNOUNCE, 0x80};
    uint8_t bytes[SAMPLE_BYTES_MAX];
    ch_reply m;
    for (uint32_t reports = 0; reports < 2 * CHOIR_EXCHANGES_MAX; reports++) {
        uint8_t body[SAMPLE_BYTES_MAX];
        ch_writer inner = {.data = body, .capacity = sizeof(body)};
        ch_pb_put_bytes(&inner, 14, packed, sizeof(packed));
        for (uint32_t i = 0; i < reports; i++) {
            ch_pb_put_uint(&inner, 14, CHOIR_EXCHANGE_REPORT);
        }
        const size_t size = reply_made(bytes, CH_REPLY_TASK, body, inner.size);
        check_status(ch_reply_decode(&m, (choir_bytes){bytes, size}), CHOIR_OK);
        for (uint32_t i = 0; i < CHOIR_EXCHANGES_MAX; i++) {
            const choir_exchange later = i <= reports ? CHOIR_EXCHANGE_REPORT : CHOIR_EXCHANGE_NONE;
            assert_int_equal(m.task.exchanges[i], i == 0 ? CHOIR_EXCHANGE_ANNOUNCE : later);
        }
    }
    uint8_t body[SAMPLE_BYTES_MAX];
    ch_writer inner = {.data = body, .capacity = sizeof(body)};
    ch_pb_put_bytes(&inner, 14, torn, sizeof(torn));
    const size_t size = reply_made(bytes, CH_REPLY_TASK, body, inner.size);
    check_status(ch_reply_decode(&m, (choir_bytes){bytes, size}), CHOIR_EPROTO);
}

/* Copies a message to memory of exactly its size, so that reading outside is found. */
static void check_decodes_safely(const uint8_t *bytes, size_t size, bool is_request) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    choir_status status = CHOIR_OK;
    if (is_request) {
        ch_request m;
        status = ch_request_decode(&m, (choir_bytes){copy, size});
        if (status == CHOIR_OK && m.kind == CH_REQUEST_REPORT) {
            float delta[SAMPLE_BYTES_MAX];
            ch_request_gather(&m, delta);
            (void)ch_request_is_intact(&m);
        }
    } else {
        ch_reply m;
        status = ch_reply_decode(&m, (choir_bytes){copy, size});
    }
    free(copy);
    assert_true(status == CHOIR_OK || status == CHOIR_EPROTO);
}

static bool is_taken(const uint8_t *bytes, size_t size, bool is_request) {
    if (is_request) {
        ch_request m;
        return ch_request_decode(&m, (choir_bytes){bytes, size}) == CHOIR_OK &&
               ch_request_is_intact(&m);
    }
    ch_reply m;
    return ch_reply_decode(&m, (choir_bytes){bytes, size}) == CHOIR_OK;
}

static void every_prefix_is_refused_and_reads_nothing_outside(void **state) {
    (void)state;
    for (int i = 0; i < SAMPLES_COUNT; i++) {
        const sample s = sample_at(i);
        uint8_t bytes[SAMPLE_BYTES_MAX];
        const size_t size = sample_encode(&s, bytes);
        assert_true(is_taken(bytes, size, s.is_request));
        for (size_t cut = 0; cut < size; cut++) {
            check_decodes_safely(bytes, cut, s.is_request);
            assert_false(is_taken(bytes, cut, s.is_request));
        }
    }
}

/* Bits beyond the 32 of a number mean nothing, so flipping one of those may pass. */
static bool is_unharmed(const sample *s, const uint8_t *bytes, size_t size) {
    uint8_t calm[SAMPLE_BYTES_MAX];
    uint8_t head[CH_REQUEST_HEAD_MAX];
    ch_request m;
    (void)sample_encode(s, calm);
    if (!s->is_request || ch_request_decode(&m, (choir_bytes){bytes, size}) != CHOIR_OK) {
        return false;
    }
    const uint32_t head_size = ch_request_head(&m, head);
    return memcmp(calm, head, head_size) == 0;
}

static void every_flipped_bit_is_noticed_or_means_nothing(void **state) {
    (void)state;
    for (int i = 0; i < SAMPLES_COUNT; i++) {
        const sample s = sample_at(i);
        uint8_t bytes[SAMPLE_BYTES_MAX];
        const size_t size = sample_encode(&s, bytes);
        for (size_t bit = 0; bit < size * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            check_decodes_safely(bytes, size, s.is_request);
            if (is_taken(bytes, size, s.is_request) && !is_unharmed(&s, bytes, size)) {
                fail_msg("%s is taken with bit %zu flipped", s.name, bit);
            }
            bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
    }
}

/* Writes a request around a report's bytes; the checksum is not looked at here. */
static size_t request_around(uint8_t out[SAMPLE_BYTES_MAX], const ch_writer *report) {
    ch_writer w = {.data = out, .capacity = SAMPLE_BYTES_MAX};
    ch_pb_put_uint(&w, 1, 1);
    ch_pb_put_bytes(&w, CH_REQUEST_REPORT, report->data, report->size);
    assert_false(w.failed);
    return w.size;
}

static ch_request decode_report(const ch_writer *report, choir_status expected) {
    static uint8_t bytes[SAMPLE_BYTES_MAX];
    ch_request m;
    const size_t size = request_around(bytes, report);
    check_status(ch_request_decode(&m, (choir_bytes){bytes, size}), expected);
    return m;
}

static void delta_may_come_unpacked_and_in_pieces(void **state) {
    (void)state;
    uint8_t bytes[SAMPLE_BYTES_MAX];
    ch_writer w = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_float(&w, 15, SAMPLE_DELTA[0]);
    ch_pb_put_uint(&w, 1, 6);
    ch_pb_put_bytes(&w, 15, &SAMPLE_DELTA[1], 2 * sizeof(float));
    ch_pb_put_uint(&w, 1, 7); // the last one wins
    const ch_request m = decode_report(&w, CHOIR_OK);
    assert_int_equal(m.report.round, 7);
    assert_int_equal(m.report.dim, SAMPLE_DIM);
    assert_null(m.report.delta.data);
    float delta[SAMPLE_DIM];
    ch_request_gather(&m, delta);
    assert_memory_equal(delta, SAMPLE_DELTA, sizeof(delta));
}

static void unknown_fields_and_unexpected_types_are_skipped(void **state) {
    (void)state;
    uint8_t bytes[SAMPLE_BYTES_MAX];
    ch_writer w = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_uint(&w, 1, 5);
    ch_pb_put_bytes(&w, 1, "round", 5); // a known number with another type
    ch_pb_put_fixed64(&w, 99, 1);
    ch_pb_put_float(&w, 98, 1);
    ch_pb_put_uint(&w, 536870911, UINT64_MAX); // the largest number a field can have
    const ch_request m = decode_report(&w, CHOIR_OK);
    assert_int_equal(m.report.round, 5);
    assert_int_equal(m.report.dim, 0);
}

enum { SPRINKLED_MAX = 4096 };

/* One unknown field of every type. */
static void unknowns_put(ch_writer *w) {
    ch_pb_put_uint(w, 99, UINT64_MAX);
    ch_pb_put_fixed64(w, 100, 1);
    ch_pb_put_bytes(w, 101, "later", 5);
    ch_pb_put_float(w, 102, 1);
}

/*
 * Copies a message with unknown fields around each of its own. The field of key inner becomes
 * those bytes, and the one of key check that number.
 */
static size_t sprinkle(uint8_t out[SPRINKLED_MAX], choir_bytes message, uint32_t inner,
                       choir_bytes inner_bytes, uint32_t check_key, uint64_t check) {
    ch_writer w = {.data = out, .capacity = SPRINKLED_MAX};
    ch_reader r = {.data = message.data, .size = message.size};
    size_t at = 0;
    unknowns_put(&w);
    for (ch_pb_field f; ch_pb_next(&r, &f); at = r.at) {
        if (f.key == inner) {
            ch_pb_put_bytes(&w, inner >> 3, inner_bytes.data, inner_bytes.size);
        } else if (f.key == check_key) {
            ch_pb_put_fixed64(&w, check_key >> 3, check);
        } else {
            ch_put_bytes(&w, message.data + at, r.at - at);
        }
        unknowns_put(&w);
    }
    assert_true(ch_reader_done(&r));
    assert_false(w.failed);
    return w.size;
}

/* A field of a message; without data when it is not there. */
static choir_bytes field_of(choir_bytes message, uint32_t key) {
    ch_reader r = {.data = message.data, .size = message.size};
    choir_bytes found = {0};
    for (ch_pb_field f; ch_pb_next(&r, &f);) {
        found = f.key == key ? f.bytes : found;
    }
    return found;
}

/* The whole of a sample with unknown fields at every level, and a checksum that is right again. */
static size_t sample_sprinkle(const sample *s, uint8_t out[SPRINKLED_MAX]) {
    static uint8_t plain[SAMPLE_BYTES_MAX];
    static uint8_t metrics[SPRINKLED_MAX];
    static uint8_t body[SPRINKLED_MAX];
    const uint32_t kind = s->is_request ? (uint32_t)s->request.kind : (uint32_t)s->reply.kind;
    const uint32_t body_key = CH_PB_KEY(kind, CH_PB_BYTES);
    const uint32_t check_key = CH_PB_KEY(s->is_request ? 3 : 1, CH_PB_FIXED64);
    const bool is_report = s->is_request && kind == CH_REQUEST_REPORT;
    const uint32_t metrics_key = is_report ? CH_PB_KEY(4, CH_PB_BYTES) : 0;
    const choir_bytes message = {plain, sample_encode(s, plain)};
    const choir_bytes inside = field_of(message, body_key);
    choir_bytes inner = {metrics, 0};
    if (is_report) {
        inner.size = sprinkle(metrics, field_of(inside, metrics_key), 0, inner, 0, 0);
    }
    const choir_bytes whole = {body, sprinkle(body, inside, metrics_key, inner, 0, 0)};
    uint64_t seed = (uint64_t)kind << 32; // docs/wire.md
    if (s->is_request) {
        seed += ((uint64_t)s->request.protocol << 40) + s->request.client;
    }
    return sprinkle(out, message, body_key, whole, check_key,
                    ch_checksum_of(seed, whole.data, whole.size));
}

static void unknown_fields_of_every_message_are_skipped(void **state) {
    (void)state;
    for (int i = 0; i < SAMPLES_COUNT; i++) {
        const sample s = sample_at(i);
        uint8_t sprinkled[SPRINKLED_MAX];
        uint8_t plain[SAMPLE_BYTES_MAX];
        uint8_t again[SAMPLE_BYTES_MAX];
        const size_t size = sample_sprinkle(&s, sprinkled);
        const size_t plain_size = sample_encode(&s, plain);
        size_t again_size = 0;
        if (s.is_request) {
            sample found = {.is_request = true};
            check_status(ch_request_decode(&found.request, (choir_bytes){sprinkled, size}),
                         CHOIR_OK);
            assert_true(ch_request_is_intact(&found.request));
            again_size = sample_encode(&found, again);
        } else {
            sample found = {.is_request = false};
            check_status(ch_reply_decode(&found.reply, (choir_bytes){sprinkled, size}), CHOIR_OK);
            again_size = sample_encode(&found, again);
        }
        assert_int_equal(again_size, plain_size);
        assert_memory_equal(again, plain, plain_size);
    }
}

static void reports_that_contradict_themselves_are_refused(void **state) {
    (void)state;
    uint8_t bytes[SAMPLE_BYTES_MAX];
    ch_writer both = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_uint(&both, 5, CH_FAILURE_DIVERGED);
    ch_pb_put_float(&both, 15, 1);
    (void)decode_report(&both, CHOIR_EPROTO);
    ch_writer torn = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_bytes(&torn, 15, SAMPLE_DELTA, 7); // no whole number of floats
    (void)decode_report(&torn, CHOIR_EPROTO);
    ch_writer hash = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_bytes(&hash, 2, SAMPLE_DELTA, 12);
    (void)decode_report(&hash, CHOIR_EPROTO);
}

static void a_request_has_exactly_one_body(void **state) {
    (void)state;
    uint8_t bytes[SAMPLE_BYTES_MAX];
    ch_request m;
    ch_writer none = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_uint(&none, 1, 1);
    check_status(ch_request_decode(&m, (choir_bytes){bytes, none.size}), CHOIR_EPROTO);
    check_status(ch_request_decode(&m, (choir_bytes){0}), CHOIR_EPROTO);
    ch_writer two = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_head(&two, CH_REQUEST_CHECK_IN, 0);
    ch_pb_put_head(&two, CH_REQUEST_REPORT, 0);
    check_status(ch_request_decode(&m, (choir_bytes){bytes, two.size}), CHOIR_EPROTO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_have_their_golden_bytes),
        cmocka_unit_test(every_kind_of_message_has_a_golden_one),
        cmocka_unit_test(a_report_survives_the_wire),
        cmocka_unit_test(a_task_survives_the_wire),
        cmocka_unit_test(short_replies_survive_the_wire),
        cmocka_unit_test(an_announcement_survives_the_wire),
        cmocka_unit_test(exchanges_come_as_they_like),
        cmocka_unit_test(the_largest_messages_fit),
        cmocka_unit_test(every_prefix_is_refused_and_reads_nothing_outside),
        cmocka_unit_test(every_flipped_bit_is_noticed_or_means_nothing),
        cmocka_unit_test(delta_may_come_unpacked_and_in_pieces),
        cmocka_unit_test(unknown_fields_and_unexpected_types_are_skipped),
        cmocka_unit_test(unknown_fields_of_every_message_are_skipped),
        cmocka_unit_test(reports_that_contradict_themselves_are_refused),
        cmocka_unit_test(a_request_has_exactly_one_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
