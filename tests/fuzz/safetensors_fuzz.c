/* Fuzz target: any bytes as a safetensors file. What is accepted must be what it says. */
#include "onnx/safetensors.h"

#include "base/assert.h"

#include <math.h>
#include <stdbool.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const choir_env env = choir_env_default();
    ch_safetensors file;
    choir_error err;
    const choir_bytes bytes = {.data = data, .size = size};
    if (ch_safetensors_parse(&file, bytes, "input", &env, &err) == CHOIR_OK) {
        uint32_t dim = 0;
        for (uint32_t i = 0; i < file.layout.count; i++) {
            CH_ASSERT(file.layout.tensors[i].offset == dim);
            dim += file.layout.tensors[i].count;
        }
        CH_ASSERT(dim == file.layout.dim);
        for (uint32_t i = 0; i < dim; i++) {
            CH_ASSERT(isfinite(file.params[i]));
        }
    }
    const uint32_t pairs = file.pairs;
    const bool is_whole = file.params != NULL;
    ch_safetensors_release(&file);
    const choir_status described = ch_safetensors_describe(&file, bytes, "input", &env, &err);
    CH_ASSERT(!is_whole || (described == CHOIR_OK && file.pairs == pairs));
    ch_safetensors_release(&file);
    return 0;
}
