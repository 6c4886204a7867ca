/* Encoding and decoding of messages: see message.h and proto/choir.proto. */
#include "wire/message.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "wire/pb.h"

#include <string.h>

enum { REQUEST_CHECK = 3, REPLY_CHECK = 1, REPORT_DELTA = 15 };

/* What a checksum covers besides the body: which body, of whom, in which version. A sum, because a
 * later version's numbers may be of more bits than are between the two. */
static uint64_t request_seed(const ch_request *m) {
    return ((uint64_t)m->protocol << 40) + ((uint64_t)m->kind << 32) + m->client;
}

static uint64_t reply_seed(ch_reply_kind kind) {
    return (uint64_t)kind << 32;
}

static void put_metrics(ch_writer *w, uint32_t number, const choir_metrics *metrics) {
    uint8_t bytes[40];
    ch_writer inner = {.data = bytes, .capacity = sizeof(bytes)};
    ch_pb_put_uint(&inner, 1, metrics->examples);
    ch_pb_put_uint(&inner, 2, metrics->correct);
    ch_pb_put_sint(&inner, 3, metrics->loss_q20);
    CH_ASSERT(!inner.failed);
    ch_pb_put_head(w, number, inner.size);
    ch_put_bytes(w, inner.data, inner.size);
}

static void put_text(ch_writer *w, uint32_t number, const char *text) {
    ch_pb_put_bytes(w, number, text, strlen(text));
}

/* What an announcement says of its report. */
static void put_announce(ch_writer *w, const ch_report *report, const char *job) {
    ch_pb_put_uint(w, 1, report->round);
    ch_pb_put_bytes(w, 2, report->model.bytes, CHOIR_HASH_BYTES);
    ch_pb_put_uint(w, 3, report->examples);
    put_text(w, 6, job);
    ch_pb_put_uint(w, 7, report->purpose);
}

/* All of a report but the bytes of its delta. */
static void put_report(ch_writer *w, const ch_report *report, const char *job) {
    ch_pb_put_uint(w, 1, report->round);
    ch_pb_put_bytes(w, 2, report->model.bytes, CHOIR_HASH_BYTES);
    ch_pb_put_uint(w, 3, report->examples);
    put_metrics(w, 4, &report->metrics);
    ch_pb_put_uint(w, 5, report->failure);
    put_text(w, 6, job);
    ch_pb_put_uint(w, 7, report->purpose);
    ch_pb_put_uint(w, 8, report->method);
    if (report->delta.size > 0) {
        ch_pb_put_head(w, REPORT_DELTA, report->delta.size);
    }
}

uint32_t ch_request_head(const ch_request *m, uint8_t out[CH_REQUEST_HEAD_MAX]) {
    uint8_t bytes[CH_REQUEST_HEAD_MAX];
    ch_writer body = {.data = bytes, .capacity = sizeof(bytes)};
    choir_bytes delta = {0};
    if (m->kind == CH_REQUEST_REPORT) {
        delta = m->report.delta;
        CH_ASSERT(delta.size == sizeof(float) * (size_t)m->report.dim);
        put_report(&body, &m->report, m->job);
    } else if (m->kind == CH_REQUEST_ANNOUNCE) {
        put_announce(&body, &m->report, m->job);
    } else {
        put_text(&body, 1, m->job);
    }
    ch_checksum check;
    ch_checksum_init(&check, request_seed(m));
    ch_checksum_add(&check, body.data, body.size);
    ch_checksum_add(&check, delta.data, delta.size);

    ch_writer w = {.data = out, .capacity = CH_REQUEST_HEAD_MAX};
    ch_pb_put_uint(&w, 1, m->protocol);
    ch_pb_put_uint(&w, 2, m->client);
    ch_pb_put_fixed64(&w, REQUEST_CHECK, ch_checksum_finish(&check));
    ch_pb_put_head(&w, (uint32_t)m->kind, body.size + delta.size);
    ch_put_bytes(&w, body.data, body.size);
    CH_ASSERT(!body.failed);
    CH_ASSERT(!w.failed);
    return (uint32_t)w.size;
}

/* A hash is 32 bytes, or none at all: proto3 leaves out what is empty. */
static void get_hash(ch_reader *r, choir_hash *out, choir_bytes bytes) {
    *out = (choir_hash){0};
    if (bytes.size == CHOIR_HASH_BYTES) {
        memcpy(out->bytes, bytes.data, CHOIR_HASH_BYTES);
    } else if (bytes.size != 0) {
        r->failed = true;
    }
}

/* A text of less than size bytes; one with a zero inside would hide what follows it. */
static void get_text(ch_reader *r, char *out, size_t size, choir_bytes bytes) {
    memset(out, 0, size);
    if (bytes.size >= size) {
        r->failed = true;
        return;
    }
    if (bytes.size > 0) {
        memcpy(out, bytes.data, bytes.size);
    }
    r->failed = r->failed || strlen(out) != bytes.size;
}

static bool metrics_decode(choir_metrics *out, choir_bytes bytes) {
    ch_reader r = {.data = bytes.data, .size = bytes.size};
    for (ch_pb_field f; ch_pb_next(&r, &f);) {
        switch (f.key) {
        case CH_PB_KEY(1, CH_PB_VARINT):
            out->examples = f.value;
            break;
        case CH_PB_KEY(2, CH_PB_VARINT):
            out->correct = f.value;
            break;
        case CH_PB_KEY(3, CH_PB_VARINT):
            out->loss_q20 = ch_pb_sint(f.value);
            break;
        }
    }
    return ch_reader_done(&r);
}

/* The piece of delta that a field is: a packed run, a single element, or nothing. */
static choir_bytes delta_piece(const ch_reader *r, const ch_pb_field *f) {
    if (f->key == CH_PB_KEY(REPORT_DELTA, CH_PB_BYTES)) {
        return f->bytes;
    }
    if (f->key == CH_PB_KEY(REPORT_DELTA, CH_PB_FIXED32)) {
        return (choir_bytes){.data = r->data + r->at - sizeof(float), .size = sizeof(float)};
    }
    return (choir_bytes){0};
}

static void delta_extend(ch_reader *r, ch_report *out, choir_bytes piece) {
    const size_t count = piece.size / sizeof(float);
    if (piece.size % sizeof(float) != 0 || count > UINT32_MAX - out->dim) {
        r->failed = true;
        return;
    }
    if (count > 0) {
        out->delta = out->dim == 0 ? piece : (choir_bytes){0};
        out->dim += (uint32_t)count;
    }
}

static bool check_in_decode(char job[CHOIR_JOB_TEXT_MAX], choir_bytes bytes) {
    ch_reader r = {.data = bytes.data, .size = bytes.size};
    for (ch_pb_field f; ch_pb_next(&r, &f);) {
        if (f.key == CH_PB_KEY(1, CH_PB_BYTES)) {
            get_text(&r, job, CHOIR_JOB_TEXT_MAX, f.bytes);
        }
    }
    return ch_reader_done(&r);
}

/* A field that a report and its announcement share. */
static void said_take(ch_reader *r, ch_report *out, char job[CHOIR_JOB_TEXT_MAX],
                      const ch_pb_field *f) {
    switch (f->key) {
    case CH_PB_KEY(1, CH_PB_VARINT):
        out->round = (uint32_t)f->value;
        break;
    case CH_PB_KEY(2, CH_PB_BYTES):
        get_hash(r, &out->model, f->bytes);
        break;
    case CH_PB_KEY(3, CH_PB_VARINT):
        out->examples = (uint32_t)f->value;
        break;
    case CH_PB_KEY(6, CH_PB_BYTES):
        get_text(r, job, CHOIR_JOB_TEXT_MAX, f->bytes);
        break;
    case CH_PB_KEY(7, CH_PB_VARINT):
        out->purpose = (uint32_t)f->value;
        break;
    }
}

static bool announce_decode(ch_report *out, char job[CHOIR_JOB_TEXT_MAX], choir_bytes bytes) {
    ch_reader r = {.data = bytes.data, .size = bytes.size};
    for (ch_pb_field f; ch_pb_next(&r, &f);) {
        said_take(&r, out, job, &f);
    }
    return ch_reader_done(&r);
}

static bool report_decode(ch_report *out, char job[CHOIR_JOB_TEXT_MAX], choir_bytes bytes) {
    ch_reader r = {.data = bytes.data, .size = bytes.size};
    for (ch_pb_field f; ch_pb_next(&r, &f);) {
        switch (f.key) {
        case CH_PB_KEY(4, CH_PB_BYTES):
            r.failed = !metrics_decode(&out->metrics, f.bytes);
            break;
        case CH_PB_KEY(5, CH_PB_VARINT):
            out->failure = (uint32_t)f.value;
            break;
        case CH_PB_KEY(8, CH_PB_VARINT):
            out->method = (uint32_t)f.value;
            break;
        default:
            said_take(&r, out, job, &f);
            delta_extend(&r, out, delta_piece(&r, &f));
        }
    }
    const bool both = out->failure != CH_FAILURE_NONE && out->dim > 0;
    return ch_reader_done(&r) && !both;
}

static bool request_body_decode(ch_request *m) {
    switch (m->kind) {
    case CH_REQUEST_CHECK_IN:
        return check_in_decode(m->job, m->body);
    case CH_REQUEST_REPORT:
        return report_decode(&m->report, m->job, m->body);
    case CH_REQUEST_ANNOUNCE:
        return announce_decode(&m->report, m->job, m->body);
    }
    return false;
}

choir_status ch_request_decode(ch_request *m, choir_bytes bytes) {
    *m = (ch_request){0};
    ch_reader r = {.data = bytes.data, .size = bytes.size};
    uint32_t bodies = 0;
    for (ch_pb_field f; ch_pb_next(&r, &f);) {
        switch (f.key) {
        case CH_PB_KEY(1, CH_PB_VARINT):
            m->protocol = (uint32_t)f.value;
            break;
        case CH_PB_KEY(2, CH_PB_VARINT):
            m->client = (uint32_t)f.value;
            break;
        case CH_PB_KEY(REQUEST_CHECK, CH_PB_FIXED64):
            m->check = f.value;
            break;
        case CH_PB_KEY(CH_REQUEST_CHECK_IN, CH_PB_BYTES):
        case CH_PB_KEY(CH_REQUEST_REPORT, CH_PB_BYTES):
        case CH_PB_KEY(CH_REQUEST_ANNOUNCE, CH_PB_BYTES):
            m->kind = (ch_request_kind)(f.key >> 3);
            m->body = f.bytes;
            bodies += 1;
            break;
        }
    }
    if (!ch_reader_done(&r) || bodies != 1 || m->protocol != CH_PROTOCOL) {
        return CHOIR_EPROTO;
    }
    return request_body_decode(m) ? CHOIR_OK : CHOIR_EPROTO;
}

bool ch_request_is_foreign(choir_bytes bytes) {
    ch_request m = {0};
    ch_reader r = {.data = bytes.data, .size = bytes.size};
    uint32_t bodies = 0;
    for (ch_pb_field f; ch_pb_next(&r, &f);) {
        const uint32_t number = f.key >> 3;
        if (f.key == CH_PB_KEY(1, CH_PB_VARINT)) {
            m.protocol = (uint32_t)f.value;
        } else if (f.key == CH_PB_KEY(2, CH_PB_VARINT)) {
            m.client = (uint32_t)f.value;
        } else if (f.key == CH_PB_KEY(REQUEST_CHECK, CH_PB_FIXED64)) {
            m.check = f.value;
        } else if (number > REQUEST_CHECK && f.key == CH_PB_KEY(number, CH_PB_BYTES)) {
            m.kind = (ch_request_kind)number;
            m.body = f.bytes;
            bodies += 1;
        }
    }
    return ch_reader_done(&r) && bodies == 1 && m.protocol != CH_PROTOCOL &&
           ch_request_is_intact(&m);
}

bool ch_request_is_intact(const ch_request *m) {
    return m->check == ch_checksum_of(request_seed(m), m->body.data, m->body.size);
}

void ch_request_gather(const ch_request *m, float *out) {
    CH_ASSERT(m->kind == CH_REQUEST_REPORT);
    ch_reader r = {.data = m->body.data, .size = m->body.size};
    for (ch_pb_field f; ch_pb_next(&r, &f);) {
        const choir_bytes piece = delta_piece(&r, &f);
        if (piece.size > 0) {
            memcpy(out, piece.data, piece.size);
            out += piece.size / sizeof(float);
        }
    }
    CH_ASSERT(ch_reader_done(&r));
}

/* Each below 128, and so one byte. */
static void put_exchanges(ch_writer *w, uint32_t number,
                          const uint8_t exchanges[CHOIR_EXCHANGES_MAX]) {
    size_t count = 0;
    while (count < CHOIR_EXCHANGES_MAX && exchanges[count] != CHOIR_EXCHANGE_NONE) {
        CH_ASSERT(exchanges[count] <= CHOIR_EXCHANGE_ANNOUNCE);
        count += 1;
    }
    ch_pb_put_bytes(w, number, exchanges, count);
}

static void put_task(ch_writer *w, const choir_task *task) {
    ch_pb_put_uint(w, 1, task->round);
    ch_pb_put_uint(w, 2, task->dim);
    ch_pb_put_bytes(w, 3, task->model.bytes, CHOIR_HASH_BYTES);
    ch_pb_put_uint(w, 4, task->epochs);
    ch_pb_put_uint(w, 5, task->batch_size);
    ch_pb_put_float(w, 6, task->learning_rate);
    ch_pb_put_float(w, 7, task->momentum);
    ch_pb_put_float(w, 8, task->weight_decay);
    ch_pb_put_float(w, 9, task->proximal_mu);
    ch_pb_put_fixed64(w, 10, task->seed);
    put_text(w, 11, task->chain);
    put_text(w, 12, task->job);
    ch_pb_put_uint(w, 13, task->purpose);
    put_exchanges(w, 14, task->exchanges);
    ch_pb_put_uint(w, 15, task->method);
    ch_pb_put_float(w, 16, task->fairness_q);
    ch_pb_put_uint(w, 17, task->partial);
}

uint32_t ch_reply_encode(const ch_reply *m, uint8_t out[CH_REPLY_MAX]) {
    uint8_t bytes[CH_REPLY_MAX];
    ch_writer body = {.data = bytes, .capacity = sizeof(bytes)};
    switch (m->kind) {
    case CH_REPLY_TASK:
        put_task(&body, &m->task);
        break;
    case CH_REPLY_WAIT:
        ch_pb_put_uint(&body, 1, m->wait_ms);
        ch_pb_put_uint(&body, 2, m->why);
        break;
    case CH_REPLY_DONE:
        ch_pb_put_uint(&body, 1, m->why);
        break;
    case CH_REPLY_REFUSED:
        ch_pb_put_uint(&body, 1, m->reason);
        ch_pb_put_uint(&body, 2, m->protocol_lowest);
        ch_pb_put_uint(&body, 3, m->protocol_highest);
        break;
    case CH_REPLY_ACK:
    case CH_REPLY_PROCEED:
        break;
    }
    const uint64_t check = ch_checksum_of(reply_seed(m->kind), body.data, body.size);
    ch_writer w = {.data = out, .capacity = CH_REPLY_MAX};
    ch_pb_put_fixed64(&w, REPLY_CHECK, check);
    ch_pb_put_head(&w, (uint32_t)m->kind, body.size);
    ch_put_bytes(&w, body.data, body.size);
    CH_ASSERT(!body.failed);
    CH_ASSERT(!w.failed);
    return (uint32_t)w.size;
}

/* Leaves out what is not known here: docs/wire.md says why that is right. */
static void exchange_add(choir_task *out, uint64_t value) {
    size_t count = 0;
    while (count < CHOIR_EXCHANGES_MAX && out->exchanges[count] != CHOIR_EXCHANGE_NONE) {
        count += 1;
    }
    if (count < CHOIR_EXCHANGES_MAX && value <= CHOIR_EXCHANGE_ANNOUNCE) {
        out->exchanges[count] = (uint8_t)value;
    }
}

static void exchanges_add(ch_reader *r, choir_task *out, choir_bytes packed) {
    ch_reader run = {.data = packed.data, .size = packed.size};
    for (uint64_t value = 0; ch_pb_next_varint(&run, &value);) {
        exchange_add(out, value);
    }
    r->failed = r->failed || !ch_reader_done(&run);
}

static bool task_decode(choir_task *out, choir_bytes bytes) {
    ch_reader r = {.data = bytes.data, .size = bytes.size};
    for (ch_pb_field f; ch_pb_next(&r, &f);) {
        switch (f.key) {
        case CH_PB_KEY(1, CH_PB_VARINT):
            out->round = (uint32_t)f.value;
            break;
        case CH_PB_KEY(2, CH_PB_VARINT):
            out->dim = (uint32_t)f.value;
            break;
        case CH_PB_KEY(3, CH_PB_BYTES):
            get_hash(&r, &out->model, f.bytes);
            break;
        case CH_PB_KEY(4, CH_PB_VARINT):
            out->epochs = (uint32_t)f.value;
            break;
        case CH_PB_KEY(5, CH_PB_VARINT):
            out->batch_size = (uint32_t)f.value;
            break;
        case CH_PB_KEY(6, CH_PB_FIXED32):
            out->learning_rate = ch_pb_float(f.value);
            break;
        case CH_PB_KEY(7, CH_PB_FIXED32):
            out->momentum = ch_pb_float(f.value);
            break;
        case CH_PB_KEY(8, CH_PB_FIXED32):
            out->weight_decay = ch_pb_float(f.value);
            break;
        case CH_PB_KEY(9, CH_PB_FIXED32):
            out->proximal_mu = ch_pb_float(f.value);
            break;
        case CH_PB_KEY(10, CH_PB_FIXED64):
            out->seed = f.value;
            break;
        case CH_PB_KEY(11, CH_PB_BYTES):
            get_text(&r, out->chain, sizeof(out->chain), f.bytes);
            break;
        case CH_PB_KEY(12, CH_PB_BYTES):
            get_text(&r, out->job, sizeof(out->job), f.bytes);
            break;
        case CH_PB_KEY(13, CH_PB_VARINT):
            out->purpose = (uint32_t)f.value;
            break;
        case CH_PB_KEY(14, CH_PB_VARINT):
            exchange_add(out, f.value);
            break;
        case CH_PB_KEY(14, CH_PB_BYTES):
            exchanges_add(&r, out, f.bytes);
            break;
        case CH_PB_KEY(15, CH_PB_VARINT):
            out->method = (uint32_t)f.value;
            break;
        case CH_PB_KEY(16, CH_PB_FIXED32):
            out->fairness_q = ch_pb_float(f.value);
            break;
        case CH_PB_KEY(17, CH_PB_VARINT):
            out->partial = f.value != 0;
            break;
        }
    }
    return ch_reader_done(&r);
}

/* Bodies of so many numbers: the fields from 1 on. */
static bool numbers_decode(uint32_t *const out[], uint32_t count, choir_bytes bytes) {
    ch_reader r = {.data = bytes.data, .size = bytes.size};
    for (ch_pb_field f; ch_pb_next(&r, &f);) {
        const uint32_t number = f.key >> 3;
        if (number >= 1 && number <= count && f.key == CH_PB_KEY(number, CH_PB_VARINT)) {
            *out[number - 1] = (uint32_t)f.value;
        }
    }
    return ch_reader_done(&r);
}

static bool body_decode(ch_reply *m, choir_bytes body) {
    uint32_t *const wait[] = {&m->wait_ms, &m->why};
    uint32_t *const done[] = {&m->why};
    uint32_t *const refused[] = {&m->reason, &m->protocol_lowest, &m->protocol_highest};
    switch (m->kind) {
    case CH_REPLY_TASK:
        return task_decode(&m->task, body);
    case CH_REPLY_WAIT:
        return numbers_decode(wait, 2, body);
    case CH_REPLY_ACK:
    case CH_REPLY_PROCEED:
        return numbers_decode(NULL, 0, body);
    case CH_REPLY_DONE:
        return numbers_decode(done, 1, body);
    case CH_REPLY_REFUSED:
        return numbers_decode(refused, 3, body);
    }
    return false;
}

choir_status ch_reply_decode(ch_reply *m, choir_bytes bytes) {
    *m = (ch_reply){0};
    ch_reader r = {.data = bytes.data, .size = bytes.size};
    uint64_t check = 0;
    uint32_t bodies = 0;
    choir_bytes body = {0};
    for (ch_pb_field f; ch_pb_next(&r, &f);) {
        switch (f.key) {
        case CH_PB_KEY(REPLY_CHECK, CH_PB_FIXED64):
            check = f.value;
            break;
        case CH_PB_KEY(CH_REPLY_TASK, CH_PB_BYTES):
        case CH_PB_KEY(CH_REPLY_WAIT, CH_PB_BYTES):
        case CH_PB_KEY(CH_REPLY_ACK, CH_PB_BYTES):
        case CH_PB_KEY(CH_REPLY_DONE, CH_PB_BYTES):
        case CH_PB_KEY(CH_REPLY_REFUSED, CH_PB_BYTES):
        case CH_PB_KEY(CH_REPLY_PROCEED, CH_PB_BYTES):
            m->kind = (ch_reply_kind)(f.key >> 3);
            body = f.bytes;
            bodies += 1;
            break;
        }
    }
    if (!ch_reader_done(&r) || bodies != 1 ||
        check != ch_checksum_of(reply_seed(m->kind), body.data, body.size)) {
        return CHOIR_EPROTO;
    }
    return body_decode(m, body) ? CHOIR_OK : CHOIR_EPROTO;
}
