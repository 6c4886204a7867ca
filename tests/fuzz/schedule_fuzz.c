/* Schedule texts from anybody: what is accepted has sensible factors in every round. */
#include "fl/schedule.h"

#include "base/assert.h"

#include <string.h>

enum { TEXT_MAX = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[TEXT_MAX] = {0};
    memcpy(text, data, size < TEXT_MAX ? size : TEXT_MAX - 1);
    ch_schedule s = {0};
    choir_error err = {.message = ""};
    if (ch_schedule_parse(&s, text, "fuzz", &err) != CHOIR_OK) {
        CH_ASSERT(err.message[0] != '\0');
        return 0;
    }
    ch_progress progress = ch_progress_start();
    CH_ASSERT(ch_schedule_factor(&s, &progress, 1) == 1);
    for (uint32_t round = 1; round < UINT32_MAX / 3; round *= 3) {
        const double factor = ch_schedule_factor(&s, &progress, round);
        CH_ASSERT(factor >= 1e-6);
        CH_ASSERT(factor <= 1e6);
        CH_ASSERT(ch_schedule_whole(&s, &progress, round, 10) >= 1);
        CH_ASSERT(ch_schedule_whole(&s, &progress, round, 0) == 0);
        ch_schedule_observe(&s, &progress, 1.0);
    }
    return 0;
}
