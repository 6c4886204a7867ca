/* Fuzz: IDX files, and gzip streams of them, from any bytes. */
#include "base/assert.h"
#include "data/file.h"
#include "data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(choir_bytes bytes) {
    ch_idx idx;
    choir_error err = {.message = ""};
    if (ch_idx_parse(&idx, bytes, "fuzz", &err) != CHOIR_OK) {
        CH_ASSERT(err.message[0] != '\0');
        return;
    }
    size_t count = idx.type == CH_IDX_U8 ? 1 : 4;
    for (uint32_t i = 0; i < CH_IDX_RANK_MAX; i++) {
        count *= idx.sizes[i];
    }
    CH_ASSERT(idx.elements + count == bytes.data + bytes.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { INFLATED_MAX = 1 << 20 };
    const choir_bytes bytes = {.data = data, .size = size};
    const choir_env env = choir_env_default();
    ch_file file;
    parse(bytes);
    if (ch_file_inflate(&file, bytes, "fuzz", INFLATED_MAX, &env, NULL) == CHOIR_OK) {
        CH_ASSERT(file.size <= INFLATED_MAX);
        parse(ch_file_bytes(&file));
        ch_file_release(&file);
    }
    return 0;
}
