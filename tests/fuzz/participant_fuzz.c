/*
 * A participant and an ill-meaning coordinator: each byte of the input picks a reply, right or
 * wrong, to whatever the participant wants next. It must always want something, and must not train
 * twice for a task it was given once.
 */
#include "choir/participant.h"

#include "base/assert.h"
#include "base/error.h"
#include "wire/message.h"

#include <string.h>

enum { DIM = 2, DIM_MAX = 4 };

static const float PARAMS[DIM_MAX] = {1, -1};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct host {
    choir_participant *p;
    choir_workspace *room;
    uint64_t now_ms;
    uint32_t tasks;
    uint32_t trainings;
    uint8_t choice;
} host;

static choir_status fuzz_train(void *self, uint32_t client, const choir_task *task,
                               const float *params, float *delta, choir_training *out,
                               choir_error *err) {
    static const choir_status statuses[] = {CHOIR_OK, CHOIR_ERANGE, CHOIR_EAGAIN, CHOIR_EINVAL,
                                            CHOIR_EIO};
    host *h = self;
    (void)client;
    (void)params;
    (void)err;
    h->trainings += 1;
    const bool does_it = h->choice % 2 == 0;
    const uint32_t count = does_it ? choir_task_sent(task) : task->dim;
    for (uint32_t i = 0; i < count; i++) {
        delta[i] = (float)h->choice;
    }
    *out = (choir_training){.examples = h->choice % 5, .method = does_it ? task->method : 0};
    return statuses[h->choice / 5 % 5];
}

static const choir_trainer_ops FUZZ_TRAINER = {.train = fuzz_train};

static void reply_give(host *h) {
    static const char *const chains[] = {"weight", "clip=1|uniform", "noise|weight", ""};
    const uint8_t choice = h->choice;
    ch_reply m = {.kind = CH_REPLY_TASK + (ch_reply_kind)(choice % 6),
                  .wait_ms = choice * 100U,
                  .why = choice % 9, // beyond what there is, too
                  .reason = choice / 5 % 14,
                  .task = {.round = choice / 64,
                           .dim = choice / 16 % 4 == 3 ? DIM_MAX + 1 : DIM,
                           .method = choice / 8 % 6, // the last is none
                           .epochs = 1,
                           .learning_rate = 1}};
    const uint32_t fetched = choir_task_fetched(&m.task);
    m.task.model = choir_hash_params(PARAMS, fetched < DIM_MAX ? fetched : DIM_MAX);
    for (uint32_t i = 0; i < choice / 4 % 4; i++) { // none is the report alone
        m.task.exchanges[i] =
            choice >> (i + 2) & 1 ? CHOIR_EXCHANGE_ANNOUNCE : CHOIR_EXCHANGE_REPORT;
    }
    const char *chain = chains[choice / 8 % 4];
    memcpy(m.task.chain, chain, strlen(chain) + 1);
    uint8_t bytes[CH_REPLY_MAX];
    uint32_t size = ch_reply_encode(&m, bytes);
    if (choice > 240) {
        size -= choice % 8; // torn
    }
    const choir_status status =
        choir_participant_receive(h->p, h->now_ms, (choir_bytes){bytes, size});
    h->tasks += m.kind == CH_REPLY_TASK && status == CHOIR_OK;
}

static void step(host *h) {
    choir_intent intent;
    choir_participant_next(h->p, h->now_ms, &intent);
    CH_ASSERT(intent.why < CHOIR_WHY_COUNT);
    choir_refusal refusal;
    CH_ASSERT(!choir_participant_is_refused(h->p, &refusal) || refusal <= CHOIR_REFUSAL_COUNT);
    const choir_trainer trainer = {.ops = &FUZZ_TRAINER, .self = h};
    const uint32_t fetched = intent.task == NULL ? DIM : choir_task_fetched(intent.task);
    const uint32_t dim = fetched < DIM_MAX ? fetched : DIM_MAX;
    const choir_blob blob = {choir_hash_params(PARAMS, dim), PARAMS, h->choice < 8 ? 1 : dim};
    ch_request m;
    switch (intent.kind) {
    case CHOIR_INTENT_SEND:
        CH_ASSERT(ch_request_decode(&m, intent.request) == CHOIR_OK);
        CH_ASSERT(ch_request_is_intact(&m));
        CH_ASSERT((intent.exchange != CHOIR_EXCHANGE_NONE) == (intent.task != NULL));
        CH_ASSERT(m.kind != CH_REQUEST_ANNOUNCE || choir_participant_holds(h->p) == h->room);
        if (h->choice % 16 == 15) {
            choir_participant_lost(h->p, h->now_ms);
        } else {
            reply_give(h);
        }
        break;
    case CHOIR_INTENT_FETCH:
        ch_ignore(choir_participant_fetched(h->p, h->now_ms, &blob), "fuzzed");
        break;
    case CHOIR_INTENT_TRAIN:
        ch_ignore(choir_participant_train(h->p, h->now_ms, trainer, h->room, NULL), "fuzzed");
        break;
    case CHOIR_INTENT_WAIT:
        CH_ASSERT(intent.wake_ms > h->now_ms);
        h->now_ms = intent.wake_ms;
        break;
    case CHOIR_INTENT_DONE:
        choir_participant_reset(h->p, h->choice);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const choir_env env = choir_env_default();
    choir_participant_options o = choir_participant_defaults();
    host h = {0};
    o.dim_max = DIM_MAX;
    CH_ASSERT(choir_participant_create(&h.p, &o, &env, NULL) == CHOIR_OK);
    CH_ASSERT(choir_workspace_create(&h.room, DIM_MAX, &env) == CHOIR_OK);
    for (size_t i = 0; i < size; i++) {
        h.choice = data[i];
        step(&h);
        CH_ASSERT(h.trainings <= h.tasks);
    }
    choir_participant_destroy(h.p);
    choir_workspace_destroy(h.room);
    return 0;
}
