/* Fuzz target: any bytes as samples.bin. What is accepted becomes pictures. */
#include "report/samples.h"

#include "base/assert.h"
#include "report/png.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const choir_env env = choir_env_default();
    ch_samples s;
    choir_error err;
    const choir_bytes bytes = {.data = data, .size = size};
    if (ch_samples_parse(&s, bytes, "input", &env, &err) == CHOIR_OK) {
        ch_draft d;
        ch_draft_init(&d, &env);
        for (uint32_t i = 0; i < s.count; i++) {
            ch_draft_reset(&d);
            ch_png_put(&d, s.pixels + i * ch_samples_bytes(&s), s.height, s.width, s.channels);
            CH_ASSERT(ch_draft_status(&d) == CHOIR_OK);
        }
        ch_draft_release(&d);
    }
    ch_samples_release(&s);
    return 0;
}
