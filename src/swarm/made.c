/* Made: see made.h. */
#include "swarm/made.h"

#include "base/mix.h"

enum { PERIOD = 256 };

static const float STEP = 1.0F / (1 << 20); // so that any update's norm is small

/* delta_i = STEP ((i + offset) mod PERIOD - PERIOD / 2) */
static choir_status made_train(void *self, uint32_t client, const choir_task *task,
                               const float *params, float *delta, choir_training *out,
                               choir_error *err) {
    (void)params;
    (void)err;
    const uint32_t examples = *(const uint32_t *)self;
    const uint32_t offset = (uint32_t)ch_mix((uint64_t)client << 32 | task->round) % PERIOD;
    for (uint32_t i = 0; i < task->dim; i++) {
        delta[i] = STEP * (float)((int32_t)((i + offset) % PERIOD) - PERIOD / 2);
    }
    *out = (choir_training){
        .examples = examples,
        .metrics = {.examples = (uint64_t)examples * task->epochs, .correct = examples}};
    return CHOIR_OK;
}

static uint32_t made_examples(void *self, uint32_t client) {
    (void)client;
    return *(const uint32_t *)self;
}

static const choir_trainer_ops MADE_TRAINER_OPS = {
    .train = made_train,
    .examples = made_examples,
};

choir_trainer ch_made_trainer(const uint32_t *examples) {
    return (choir_trainer){.ops = &MADE_TRAINER_OPS, .self = (void *)(uintptr_t)examples};
}
