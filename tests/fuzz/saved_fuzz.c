/*
 * Saved tasks from anybody. What has a wrong checksum is refused, so the input is laid over a good
 * one and the checksum made right; whatever is then taken, the participant has something to do, and
 * a report that it sends is one.
 */
#include "choir/participant.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "wire/message.h"

#include <string.h>

enum { DIM = 4, DIM_MAX = 8, STATE_MAX = 2048, CHECK_AT = 4, CHECKED_FROM = 12 };

static const uint64_t SEED = 0x31504843; // of the checksum: the format's name

static const float PARAMS[DIM] = {1, -1, 2, -2};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static choir_status fuzz_train(void *self, uint32_t client, const choir_task *task,
                               const float *params, float *delta, choir_training *out,
                               choir_error *err) {
    (void)client;
    (void)err;
    memcpy(delta, params, task->dim * sizeof(delta[0]));
    *out = (choir_training){.examples = 3};
    return *(const choir_status *)self;
}

static const choir_trainer_ops FUZZ_TRAINER = {.train = fuzz_train};

static choir_participant *participant_make(void) {
    const choir_env env = choir_env_default();
    choir_participant_options o = choir_participant_defaults();
    choir_participant *p = NULL;
    o.dim_max = DIM_MAX;
    o.job = "a";
    CH_ASSERT(choir_participant_create(&p, &o, &env, NULL) == CHOIR_OK);
    return p;
}

/* Good bytes: a task, a task with its update, or with a failure. Returns how many. */
static size_t good_make(uint8_t out[STATE_MAX], choir_workspace *room, uint8_t choice) {
    choir_participant *p = participant_make();
    ch_reply m = {.kind = CH_REPLY_TASK,
                  .task = {.round = 1,
                           .dim = DIM,
                           .model = choir_hash_params(PARAMS, DIM),
                           .epochs = 1,
                           .learning_rate = 1,
                           .chain = "weight",
                           .job = "a@1"}};
    if (choice % 6 > 2) {
        m.task.exchanges[0] = CHOIR_EXCHANGE_ANNOUNCE;
    }
    uint8_t bytes[CH_REPLY_MAX];
    const choir_bytes reply = {bytes, ch_reply_encode(&m, bytes)};
    CH_ASSERT(choir_participant_receive(p, 0, reply) == CHOIR_OK);
    if (choice % 3 > 0) {
        const choir_blob blob = {m.task.model, PARAMS, DIM};
        choir_status status = choice % 3 == 1 ? CHOIR_OK : CHOIR_ERANGE;
        const choir_trainer trainer = {&FUZZ_TRAINER, &status};
        CH_ASSERT(choir_participant_fetched(p, 0, &blob) == CHOIR_OK);
        CH_ASSERT(choir_participant_train(p, 0, trainer, room, NULL) == status);
    }
    choir_saved s;
    choir_participant_save(p, &s);
    CH_ASSERT(s.head_size + s.report.size <= STATE_MAX);
    memcpy(out, s.head, s.head_size);
    if (s.report.size > 0) {
        memcpy(out + s.head_size, s.report.data, s.report.size);
    }
    choir_participant_destroy(p);
    return s.head_size + s.report.size;
}

static void restore_try(choir_bytes state, choir_workspace *room) {
    choir_participant *p = participant_make();
    choir_saved_about about;
    const choir_status seen = choir_participant_saved_about(&about, state, NULL);
    CH_ASSERT(seen == CHOIR_OK || seen == CHOIR_EPROTO);
    choir_status status = seen;
    if (seen == CHOIR_OK && about.room_dim <= DIM_MAX) {
        status = choir_participant_restore(p, 0, state, room, NULL);
        CH_ASSERT(status != CHOIR_EPROTO);
    }
    choir_intent intent;
    choir_participant_next(p, 0, &intent);
    if (status != CHOIR_OK || about.room_dim > DIM_MAX) {
        CH_ASSERT(intent.kind == CHOIR_INTENT_SEND && intent.task == NULL);
    } else if (about.has_report) {
        ch_request m;
        CH_ASSERT(intent.kind == CHOIR_INTENT_SEND && intent.task != NULL);
        CH_ASSERT(ch_request_decode(&m, intent.request) == CHOIR_OK && ch_request_is_intact(&m));
        CH_ASSERT((choir_participant_holds(p) == room) == (about.room_dim > 0));
    } else {
        CH_ASSERT(intent.kind == CHOIR_INTENT_FETCH && intent.task->dim <= DIM_MAX);
    }
    choir_saved again;
    choir_participant_save(p, &again);
    CH_ASSERT((again.head_size > 0) == (intent.task != NULL));
    choir_participant_destroy(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const choir_env env = choir_env_default();
    choir_workspace *room = NULL;
    CH_ASSERT(choir_workspace_create(&room, DIM_MAX, &env) == CHOIR_OK);
    restore_try((choir_bytes){data, size}, room);
    if (size > 0) {
        uint8_t state[STATE_MAX];
        const size_t bytes = good_make(state, room, data[0]);
        for (size_t i = 1; i + 1 < size; i += 2) {
            state[CHECKED_FROM + data[i] * 2U % (bytes - CHECKED_FROM)] ^= data[i + 1];
        }
        const uint64_t check = ch_checksum_of(SEED, state + CHECKED_FROM, bytes - CHECKED_FROM);
        memcpy(state + CHECK_AT, &check, sizeof(check));
        restore_try((choir_bytes){state, bytes}, room);
    }
    choir_workspace_destroy(room);
    return 0;
}
