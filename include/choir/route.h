/*
 * Route: what a server with many jobs needs to know of a request before it has a coordinator for
 * it, and what it can answer without one.
 *
 *     choir_route route;
 *     if (choir_route_read(&route, &refusal, request) != CHOIR_OK)
 *         size = choir_answer_refused(out, refusal);
 *     else
 *         reply = choir_coordinator_reply(the coordinator of route.job, now_ms, request);
 *
 * Who sent a request is for the server to find out; the client that it names is what it says.
 */
#ifndef CHOIR_ROUTE_H
#define CHOIR_ROUTE_H

#include "choir/bytes.h"
#include "choir/coordinator.h"
#include "choir/status.h"
#include "choir/task.h"
#include "choir/why.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choir_route {
    char job[CHOIR_JOB_TEXT_MAX]; // "keyboard" to check in, "keyboard@3" in a report
    uint32_t client;              // as the request says
    bool is_report;               // an exchange of a report, its announcement too
    uint32_t round;               // of a report; else 0
} choir_route;

/*
 * Reads a request as far as it names its job. Its parameters and its checksum are not looked at.
 *
 * refusal  out, on failure: MALFORMED, or PROTOCOL when the sender speaks another version
 *
 * Returns OK; EPROTO when a coordinator would refuse the bytes; *out is then unchanged.
 */
CHOIR_NODISCARD choir_status choir_route_read(choir_route *out, choir_refusal *refusal,
                                              choir_bytes request);

/* What a coordinator answered, for a driver that counts. */
typedef enum choir_answer {
    CHOIR_ANSWER_TASK,
    CHOIR_ANSWER_WAIT,
    CHOIR_ANSWER_ACK,
    CHOIR_ANSWER_DONE,
    CHOIR_ANSWER_REFUSED,
    CHOIR_ANSWER_PROCEED,
} choir_answer;

/* reply: one of choir_coordinator_reply's, or of the answers below. */
choir_answer choir_answer_of(choir_bytes reply);

/* The same of bytes that come from elsewhere. Returns OK; EPROTO when they are no reply. */
CHOIR_NODISCARD choir_status choir_answer_read(choir_answer *out, choir_bytes reply);

enum { CHOIR_ANSWER_MAX = 64 }; // bytes of any of the answers below

/* "There will be no more rounds", because. Returns the bytes written. */
size_t choir_answer_done(uint8_t out[CHOIR_ANSWER_MAX], choir_why why);

/* "Nothing to do now", because; "come back in wait_ms." Returns the bytes written. */
size_t choir_answer_wait(uint8_t out[CHOIR_ANSWER_MAX], uint32_t wait_ms, choir_why why);

/* "Not added, and not to be repeated." refusal: any but MISSING; PROTOCOL also says which versions
 * are spoken here. Returns the bytes written. */
size_t choir_answer_refused(uint8_t out[CHOIR_ANSWER_MAX], choir_refusal refusal);

#ifdef __cplusplus
}
#endif

#endif
