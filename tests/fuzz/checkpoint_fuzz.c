/* Fuzz target: any bytes as a checkpoint. What is accepted lies inside the bytes. */
#include "store/checkpoint.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ch_checkpoint c;
    choir_error err;
    if (ch_checkpoint_parse(&c, (choir_bytes){data, size}, "input", &err) == CHOIR_OK) {
        CH_ASSERT(c.simulation.data >= data);
        CH_ASSERT(c.run.data + c.run.size + 32 == data + size);
    }
    ch_checkpoint_release(&c);
    return 0;
}
