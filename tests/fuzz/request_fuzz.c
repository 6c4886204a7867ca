/* Requests from anybody: decoded, checked, gathered and encoded again without harm. */
#include "wire/message.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ch_request m;
    (void)ch_request_is_foreign((choir_bytes){data, size});
    if (ch_request_decode(&m, (choir_bytes){data, size}) != CHOIR_OK) {
        return 0;
    }
    (void)ch_request_is_intact(&m);
    CH_ASSERT((size_t)m.report.dim <= size / sizeof(float));
    float *delta = malloc((m.report.dim + 1) * sizeof(float));
    CH_ASSERT(delta != NULL);
    if (m.kind == CH_REQUEST_REPORT) {
        ch_request_gather(&m, delta);
    }

    // What was understood is written and understood to be the same.
    m.report.delta = (choir_bytes){(const uint8_t *)delta, m.report.dim * sizeof(float)};
    uint8_t head[CH_REQUEST_HEAD_MAX];
    const uint32_t head_size = ch_request_head(&m, head);
    uint8_t *bytes = malloc(head_size + m.report.delta.size);
    CH_ASSERT(bytes != NULL);
    memcpy(bytes, head, head_size);
    memcpy(bytes + head_size, delta, m.report.delta.size);
    ch_request again;
    const choir_bytes whole = {bytes, head_size + m.report.delta.size};
    CH_ASSERT(ch_request_decode(&again, whole) == CHOIR_OK);
    CH_ASSERT(ch_request_is_intact(&again));
    CH_ASSERT(!ch_request_is_foreign(whole));
    CH_ASSERT(again.kind == m.kind);
    CH_ASSERT(again.client == m.client);
    CH_ASSERT(again.report.dim == m.report.dim);
    CH_ASSERT(again.report.examples == m.report.examples);
    CH_ASSERT(again.report.round == m.report.round);
    CH_ASSERT(again.report.purpose == m.report.purpose);
    free(bytes);
    free(delta);
    return 0;
}
