/* Fuzz target: any bytes as a cell's result. What is accepted keeps its bounds, and has a best. */
#include "paper/outcome.h"

#include "base/assert.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ch_outcome outcome; // large

static void arm_check(const ch_outcome_arm *arm) {
    CH_ASSERT(arm->points <= CH_OUTCOME_POINTS_MAX);
    CH_ASSERT(arm->rate >= CH_GRID_LEAST && arm->rate <= CH_GRID_MOST);
    CH_ASSERT(arm->best >= 0 && arm->best <= 1);
    CH_ASSERT(arm->bytes >= 0 && arm->bytes <= 1e18);
    CH_ASSERT(arm->crossing >= 0);
    for (uint32_t i = 0; i < arm->points; i++) {
        CH_ASSERT(isfinite(arm->curve[i].round));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    choir_error err;
    const choir_bytes bytes = {.data = data, .size = size};
    if (ch_outcome_parse(&outcome, bytes, "input", &err) == CHOIR_OK) {
        ch_grid_trial trials[CH_GRID_RATES_MAX];
        CH_ASSERT(outcome.arms_count <= CH_OUTCOME_ARMS_MAX);
        CH_ASSERT(ch_text_is_printable(outcome.cpu));
        for (uint32_t i = 0; i < outcome.arms_count; i++) {
            arm_check(&outcome.arms[i]);
        }
        const uint32_t count = ch_outcome_trials(trials, &outcome);
        CH_ASSERT((ch_outcome_best(&outcome) != NULL) == (count > 0));
    }
    return 0;
}
