/* What strangers write into Content-Range and Range: a part or a range is within its whole. */
#include "net/http_content.h"

#include "base/assert.h"

#include <string.h>

enum { TEXT_MAX = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[TEXT_MAX] = {0};
    memcpy(text, data, size < TEXT_MAX ? size : TEXT_MAX - 1);
    ch_http_part part;
    if (ch_http_part_read(&part, text)) {
        CH_ASSERT(part.size > 0);
        CH_ASSERT(part.from < part.total);
        CH_ASSERT(part.size <= part.total - part.from);
    }
    static const uint8_t bytes[10];
    const ch_http_content content = {.bytes = {bytes, sizeof(bytes)}, .etag = "abc"};
    const ch_http_wishes wishes = {
        .method = "GET", .accept_encoding = text, .if_none_match = text, .range = text};
    const ch_http_choice choice = ch_http_choose(&content, &wishes);
    CH_ASSERT(choice.from <= sizeof(bytes));
    CH_ASSERT(choice.size <= sizeof(bytes) - choice.from);
    return 0;
}
