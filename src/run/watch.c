/* Watch: see watch.h. */
#include "run/watch.h"

#include <math.h>

static choir_status watched_train(void *self, uint32_t client, const choir_task *task,
                                  const float *params, float *delta, choir_training *out,
                                  choir_error *err) {
    ch_watched *w = self;
    const choir_status status =
        w->inner.ops->train(w->inner.self, client, task, params, delta, out, err);
    if (status == CHOIR_ERANGE && (!w->has_diverged || client < w->client)) {
        const double examples = (double)out->metrics.examples;
        const double loss = (double)out->metrics.loss_q20 * 0x1p-20;
        const bool is_saturated = out->metrics.loss_q20 > INT64_MAX / 2;
        w->has_diverged = true;
        w->client = client;
        w->loss = is_saturated || examples == 0 ? INFINITY : loss / examples;
    }
    return status;
}

static choir_status watched_evaluate(void *self, uint32_t client, const choir_task *task,
                                     const float *params, choir_training *out, choir_error *err) {
    const ch_watched *w = self;
    return w->inner.ops->evaluate(w->inner.self, client, task, params, out, err);
}

static uint32_t watched_examples(void *self, uint32_t client) {
    const ch_watched *w = self;
    return w->inner.ops->examples(w->inner.self, client);
}

static void watched_lend(void *self, choir_lent *lent) {
    const ch_watched *w = self;
    if (w->inner.ops->lend != NULL) {
        w->inner.ops->lend(w->inner.self, lent);
    }
}

static const choir_trainer_ops OPS = {
    .train = watched_train,
    .evaluate = watched_evaluate,
    .examples = watched_examples,
    .lend = watched_lend,
};

void ch_watch_init(ch_watch *w, const choir_trainer *trainers, uint32_t workers) {
    w->workers = workers;
    w->ops = OPS;
    w->ops.state_bytes_max = trainers[0].ops->state_bytes_max;
    for (uint32_t i = 0; i < workers; i++) {
        w->watched[i] = (ch_watched){.inner = trainers[i]};
        w->trainers[i] = (choir_trainer){.ops = &w->ops, .self = &w->watched[i]};
    }
}

bool ch_watch_round(ch_watch *w, uint32_t *client, double *loss) {
    const ch_watched *first = NULL;
    for (uint32_t i = 0; i < w->workers; i++) {
        ch_watched *one = &w->watched[i];
        if (one->has_diverged && (first == NULL || one->client < first->client)) {
            first = one;
        }
    }
    if (first == NULL) {
        return false;
    }
    *client = first->client;
    *loss = first->loss;
    for (uint32_t i = 0; i < w->workers; i++) {
        w->watched[i].has_diverged = false;
    }
    return true;
}
