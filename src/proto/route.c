/* Route: see include/choir/route.h. */
#include "choir/route.h"

#include "base/assert.h"
#include "proto/refusal.h"

#include <string.h>

choir_status choir_route_read(choir_route *out, choir_refusal *refusal, choir_bytes request) {
    ch_request in;
    if (ch_request_decode(&in, request) != CHOIR_OK) {
        *refusal =
            ch_request_is_foreign(request) ? CHOIR_REFUSAL_PROTOCOL : CHOIR_REFUSAL_MALFORMED;
        return CHOIR_EPROTO;
    }
    *out = (choir_route){
        .client = in.client, .is_report = in.kind != CH_REQUEST_CHECK_IN, .round = in.report.round};
    memcpy(out->job, in.job, sizeof(out->job));
    return CHOIR_OK;
}

choir_status choir_answer_read(choir_answer *out, choir_bytes reply) {
    static const choir_answer answers[] = {
        [CH_REPLY_TASK] = CHOIR_ANSWER_TASK,       [CH_REPLY_WAIT] = CHOIR_ANSWER_WAIT,
        [CH_REPLY_ACK] = CHOIR_ANSWER_ACK,         [CH_REPLY_DONE] = CHOIR_ANSWER_DONE,
        [CH_REPLY_REFUSED] = CHOIR_ANSWER_REFUSED, [CH_REPLY_PROCEED] = CHOIR_ANSWER_PROCEED,
    };
    ch_reply m;
    const choir_status status = ch_reply_decode(&m, reply);
    if (status == CHOIR_OK) {
        *out = answers[m.kind];
    }
    return status;
}

choir_answer choir_answer_of(choir_bytes reply) {
    choir_answer answer = CHOIR_ANSWER_REFUSED;
    const choir_status status = choir_answer_read(&answer, reply);
    CH_ASSERT(status == CHOIR_OK); // it is our own
    return answer;
}

static size_t answer(uint8_t out[CHOIR_ANSWER_MAX], const ch_reply *reply) {
    uint8_t bytes[CH_REPLY_MAX];
    const size_t size = ch_reply_encode(reply, bytes);
    CH_ASSERT(size <= CHOIR_ANSWER_MAX);
    memcpy(out, bytes, size);
    return size;
}

size_t choir_answer_done(uint8_t out[CHOIR_ANSWER_MAX], choir_why why) {
    return answer(out, &(ch_reply){.kind = CH_REPLY_DONE, .why = why});
}

size_t choir_answer_wait(uint8_t out[CHOIR_ANSWER_MAX], uint32_t wait_ms, choir_why why) {
    return answer(out, &(ch_reply){.kind = CH_REPLY_WAIT, .wait_ms = wait_ms, .why = why});
}

size_t choir_answer_refused(uint8_t out[CHOIR_ANSWER_MAX], choir_refusal refusal) {
    CH_ASSERT(refusal < CHOIR_REFUSAL_MISSING);
    const ch_reply reply = ch_refusal_reply(refusal);
    return answer(out, &reply);
}
