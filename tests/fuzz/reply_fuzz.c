/*
 * Replies from anybody. A reply with a wrong checksum is dropped unread, so the input is a body,
 * with its kind in the first byte, and the checksum is made right.
 */
#include "wire/message.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "wire/pb.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ch_reply m;
    const choir_status raw = ch_reply_decode(&m, (choir_bytes){data, size});
    CH_ASSERT(raw == CHOIR_OK || raw == CHOIR_EPROTO);
    if (size == 0) {
        return 0;
    }
    const uint32_t kind = CH_REPLY_TASK + data[0] % 6;
    ch_writer w = {.data = malloc(size + 32), .capacity = size + 32};
    CH_ASSERT(w.data != NULL);
    ch_pb_put_fixed64(&w, 1, ch_checksum_of((uint64_t)kind << 32, data + 1, size - 1));
    ch_pb_put_head(&w, kind, size - 1);
    ch_put_bytes(&w, data + 1, size - 1);
    CH_ASSERT(!w.failed);
    if (ch_reply_decode(&m, (choir_bytes){w.data, w.size}) == CHOIR_OK) {
        uint8_t bytes[CH_REPLY_MAX];
        ch_reply again;
        const uint32_t again_size = ch_reply_encode(&m, bytes);
        CH_ASSERT(ch_reply_decode(&again, (choir_bytes){bytes, again_size}) == CHOIR_OK);
        CH_ASSERT(again.kind == m.kind);
        CH_ASSERT(again.task.round == m.task.round);
        CH_ASSERT(memcmp(again.task.exchanges, m.task.exchanges, sizeof(m.task.exchanges)) == 0);
        CH_ASSERT(again.wait_ms == m.wait_ms);
        CH_ASSERT(again.why == m.why);
        CH_ASSERT(again.reason == m.reason);
        CH_ASSERT(again.protocol_lowest == m.protocol_lowest);
        CH_ASSERT(again.protocol_highest == m.protocol_highest);
    }
    free(w.data);
    return 0;
}
