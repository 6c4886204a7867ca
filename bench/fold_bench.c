/*
 * Fold benchmark: how many updates of the MNIST CNN a second one core takes into the sum.
 *
 * "warm" folds the same update again, which stays in the cache; "cold" takes each from a ring that
 * is larger than any cache. The passes are those of a coordinator: the message's checksum, the
 * measure, the weighted addition; "report answered" is choir_coordinator_reply, all of them
 * together with the codec. Medians.
 *
 *     build/release/bench/fold_bench
 */
#include "base/checksum.h"
#include "choir/coordinator.h"
#include "choir/participant.h"
#include "math/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DIM = 1663370, RING = 24, TURNS = 97, SCALE_BITS = 24, WEIGHT = 600 };

static const float *ring[RING];
static int64_t *sum;
static volatile uint64_t sink; // what is computed must be used

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int double_compare(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef void (*pass)(const ch_fold *fold, const float *update);

static void pass_checksum(const ch_fold *fold, const float *update) {
    (void)fold;
    sink += ch_checksum_of(0, update, DIM * sizeof(float));
}

static void pass_measure(const ch_fold *fold, const float *update) {
    sink += fold->measure(update, DIM).is_finite;
}

static void pass_add(const ch_fold *fold, const float *update) {
    fold->add(sum, update, DIM, SCALE_BITS, WEIGHT);
}

static void pass_both(const ch_fold *fold, const float *update) {
    pass_measure(fold, update);
    pass_add(fold, update);
}

static double median_s(pass run, const ch_fold *fold, int updates) {
    double times[TURNS];
    for (int i = 0; i < TURNS; i++) {
        const double start = now_s();
        run(fold, ring[i % updates]);
        times[i] = now_s() - start;
    }
    qsort(times, TURNS, sizeof(times[0]), double_compare);
    return times[TURNS / 2];
}

static void print_row(const char *variant, const char *what, pass run, const ch_fold *fold) {
    const double warm = median_s(run, fold, 1);
    const double cold = median_s(run, fold, RING);
    (void)printf("| %-10s | %-18s | %9.0f | %9.0f |\n", variant, what, 1 / warm, 1 / cold);
}

static choir_status update_train(void *self, uint32_t client, const choir_task *task,
                                 const float *params, float *delta, choir_training *out,
                                 choir_error *err) {
    (void)self;
    (void)client;
    (void)params;
    (void)err;
    memcpy(delta, ring[0], task->dim * sizeof(delta[0]));
    *out = (choir_training){.examples = WEIGHT};
    return CHOIR_OK;
}

static const choir_trainer_ops UPDATE_TRAINER = {.train = update_train};

static void fail(const char *what) {
    (void)fprintf(stderr, "fold_bench: %s\n", what);
    exit(1);
}

/* Takes one participant to its report. */
static void report_prepare(choir_coordinator *c, choir_participant *p, choir_workspace *room,
                           choir_intent *intent) {
    for (choir_participant_next(p, 0, intent); intent->task == NULL || intent->request.size == 0;
         choir_participant_next(p, 0, intent)) {
        choir_status status = CHOIR_EPROTO;
        choir_bytes model = {0};
        choir_blob blob;
        if (intent->kind == CHOIR_INTENT_SEND) {
            status =
                choir_participant_receive(p, 0, choir_coordinator_reply(c, 0, intent->request));
        } else if (intent->kind == CHOIR_INTENT_FETCH) {
            status = choir_coordinator_model(c, &intent->task->model, &model);
            status =
                status == CHOIR_OK ? choir_blob_open(&blob, model, &intent->task->model) : status;
            status = status == CHOIR_OK ? choir_participant_fetched(p, 0, &blob) : status;
        } else if (intent->kind == CHOIR_INTENT_TRAIN) {
            const choir_trainer trainer = {.ops = &UPDATE_TRAINER};
            status = choir_participant_train(p, 0, trainer, room, NULL);
        }
        if (status != CHOIR_OK) {
            fail("a participant does not come to its report");
        }
    }
}

/* Every client of one round reports; the participant is made ready for it off the clock. */
static void bench_reply(float *params) {
    const choir_env env = choir_env_default();
    choir_coordinator_options o = choir_coordinator_defaults();
    choir_participant_options po = choir_participant_defaults();
    choir_coordinator *c = NULL;
    choir_participant *p = NULL;
    choir_workspace *room = NULL;
    double times[TURNS];
    o.dim = DIM;
    o.clients = TURNS + 1; // one stays silent, so that the round does not close on the clock
    po.dim_max = DIM;
    if (choir_coordinator_create(&c, params, &o, &env, NULL) != CHOIR_OK ||
        choir_participant_create(&p, &po, &env, NULL) != CHOIR_OK ||
        choir_workspace_create(&room, DIM, &env) != CHOIR_OK) {
        fail("out of memory");
    }
    for (uint32_t client = 0; client < TURNS; client++) {
        choir_intent intent;
        choir_participant_reset(p, client);
        report_prepare(c, p, room, &intent);
        const double start = now_s();
        sink += choir_coordinator_reply(c, 0, intent.request).size;
        times[client] = now_s() - start;
    }
    qsort(times, TURNS, sizeof(times[0]), double_compare);
    (void)printf("| %-10s | %-18s | %9.0f | %9s |\n", ch_fold_variant(0)->name, "report answered",
                 1 / times[TURNS / 2], "");
    choir_coordinator_destroy(c);
    choir_participant_destroy(p);
    choir_workspace_destroy(room);
}

int main(void) {
    const choir_env env = choir_env_default();
    const size_t bytes = (DIM * sizeof(float) + 63) / 64 * 64;
    float *updates[RING];
    sum = env.alloc(env.self, 2 * bytes);
    for (int i = 0; i < RING; i++) {
        updates[i] = env.alloc(env.self, bytes);
        if (updates[i] == NULL || sum == NULL) {
            fail("out of memory");
        }
        for (uint32_t j = 0; j < DIM; j++) {
            updates[i][j] = 1e-3F * (float)((int)((j * 2654435761U + (uint32_t)i) >> 24) - 128);
        }
        ring[i] = updates[i];
    }
    memset(sum, 0, DIM * sizeof(sum[0]));
    (void)printf("updates of %d parameters a second, one core\n\n", DIM);
    (void)printf("| %-10s | %-18s | %9s | %9s |\n", "variant", "pass", "warm", "cold");
    (void)printf("|------------|--------------------|-----------|-----------|\n");
    for (uint32_t v = 0; ch_fold_variant(v) != NULL; v++) {
        const ch_fold *fold = ch_fold_variant(v);
        print_row(fold->name, "measure", pass_measure, fold);
        print_row(fold->name, "add", pass_add, fold);
        print_row(fold->name, "measure and add", pass_both, fold);
    }
    print_row("", "checksum", pass_checksum, NULL);
    bench_reply(updates[1]);
    for (int i = 0; i < RING; i++) {
        env.free(env.self, updates[i]);
    }
    env.free(env.self, sum);
    return 0;
}
