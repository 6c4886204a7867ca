/*
 * Messages: proto/choir.proto in C, one struct per message, no copy of what is large.
 *
 * Every exchange is one request and one reply, so it fits HTTP, a test's function call and a replay
 * file alike. A report's parameters are not copied on either side: decoded, they are a span over
 * the request's bytes, at any address; to be sent, they lie where the trainer wrote them, and the
 * head is put in front:
 *
 *   | protocol client check | round model examples metrics | 7a size | delta, fp32 x dim |
 *   '---------- Request ----+---------------------- Report ----------+-------------------'
 *   '------------------------ ch_request_head -----------------------'
 *
 * Rules for writers in other languages: docs/wire.md.
 */
#ifndef CH_WIRE_MESSAGE_H
#define CH_WIRE_MESSAGE_H

#include "choir/bytes.h"
#include "choir/status.h"
#include "choir/task.h"
#include "choir/trainer.h"

#include <stdbool.h>

enum {
    CH_PROTOCOL = 1,           // the version this code speaks, and no other
    CH_REQUEST_HEAD_MAX = 256, // bytes of any request without its delta
    CH_REPLY_MAX = 512,        // bytes of any reply
};

/* The numbers are those of the oneof's fields. */
typedef enum ch_request_kind {
    CH_REQUEST_CHECK_IN = 4,
    CH_REQUEST_REPORT = 5,
    CH_REQUEST_ANNOUNCE = 6,
} ch_request_kind;

typedef enum ch_failure {
    CH_FAILURE_NONE = 0,
    CH_FAILURE_DIVERGED = 1,
    CH_FAILURE_NO_DATA = 2,
    CH_FAILURE_UNSUPPORTED = 3,
} ch_failure;

typedef struct ch_report {
    uint32_t round;
    choir_hash model;
    uint32_t examples;
    choir_metrics metrics;
    uint32_t failure;  // ch_failure, or a number that a later version has given a meaning
    uint32_t purpose;  // of its task
    uint32_t method;   // that was done, a choir_method, or a number from a later version
    uint32_t dim;      // numbers in delta: choir_task_sent; 0 when there is a failure
    choir_bytes delta; // (4 dim) borrowed, unaligned; without data when it came in several pieces
} ch_report;

typedef struct ch_request {
    uint32_t protocol;
    uint32_t client;
    ch_request_kind kind;
    char job[CHOIR_JOB_TEXT_MAX]; // of the check-in, or of the report
    ch_report
        report; // zero unless kind says so; of an ANNOUNCE its round, model, examples, purpose

    // Set by decode, for ch_request_is_intact and ch_request_gather.
    uint64_t check;
    choir_bytes body; // borrowed
} ch_request;

typedef enum ch_reply_kind {
    CH_REPLY_TASK = 2,
    CH_REPLY_WAIT = 3,
    CH_REPLY_ACK = 4,
    CH_REPLY_DONE = 5,
    CH_REPLY_REFUSED = 6,
    CH_REPLY_PROCEED = 7,
} ch_reply_kind;

typedef enum ch_reason {
    CH_REASON_NONE = 0,
    CH_REASON_MALFORMED = 1,
    CH_REASON_STALE = 2,
    CH_REASON_DUPLICATE = 3,
    CH_REASON_UNSAMPLED = 4,
    CH_REASON_SIZE = 5,
    CH_REASON_NOT_FINITE = 6,
    CH_REASON_NORM = 7,
    CH_REASON_RANGE = 8,
    CH_REASON_DIVERGED = 9,
    CH_REASON_NO_DATA = 10,
    CH_REASON_PROTOCOL = 11,
    CH_REASON_UNSUPPORTED = 12,
} ch_reason;

/* One reply of any kind; what a kind does not have is zero. */
typedef struct ch_reply {
    ch_reply_kind kind;
    choir_task task;
    uint32_t wait_ms;
    uint32_t why;              // choir_why, or a number from a later version
    uint32_t reason;           // ch_reason, likewise
    uint32_t protocol_lowest;  // with CH_REASON_PROTOCOL: what the server speaks; 0: it does not
    uint32_t protocol_highest; // say
} ch_reply;

/*
 * Encodes a request up to, and without, the bytes of its delta: all of it when there is none.
 *
 * m  report.delta (4 report.dim) is read for the checksum; m->check and m->body are ignored
 *
 * Returns the bytes written, at most CH_REQUEST_HEAD_MAX.
 */
uint32_t ch_request_head(const ch_request *m, uint8_t out[CH_REQUEST_HEAD_MAX]);

/*
 * Parses one whole request without looking at the parameters or the checksum.
 *
 * Returns OK; EPROTO for bytes that are no Request of this protocol with exactly one body. Never
 * reads outside.
 */
CHOIR_NODISCARD choir_status ch_request_decode(ch_request *m, choir_bytes bytes);

/*
 * Whether these bytes are an undamaged request of another protocol version, whatever its body says:
 * the frame, protocol client check body, and the checksum are the same in all of them.
 */
bool ch_request_is_foreign(choir_bytes bytes);

/* Whether the checksum of a decoded request is right. Reads all of its body. */
bool ch_request_is_intact(const ch_request *m);

/* Copies the (report.dim) parameters of a decoded REPORT whose delta came in several pieces. */
void ch_request_gather(const ch_request *m, float *out);

/* Encodes a reply. Returns the bytes written. */
uint32_t ch_reply_encode(const ch_reply *m, uint8_t out[CH_REPLY_MAX]);

/* Parses one whole reply and verifies its checksum. Returns OK or EPROTO; never reads outside. */
CHOIR_NODISCARD choir_status ch_reply_decode(ch_reply *m, choir_bytes bytes);

#endif
