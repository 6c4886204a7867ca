/*
 * A trainer small enough to reason about: least squares on data drawn for each client.
 *
 * Client k holds 1 + k % 7 examples x ~ U(-1,1)^dim with y = x . w*, w*_i = i + 1, so every client
 * agrees on the best model and federated averaging must find it. Its loss is error^2 / 2. A batch
 * of 0, or larger than what the client holds, is all of its examples.
 */
#ifndef CHOIR_TESTS_LINEAR_TRAINER_H
#define CHOIR_TESTS_LINEAR_TRAINER_H

#include "base/rng.h"
#include "choir/trainer.h"

#include <math.h>
#include <string.h>

enum { LINEAR_DIM_MAX = 64 };

static inline uint32_t linear_examples(void *self, uint32_t client) {
    (void)self;
    return 1 + client % 7;
}

static inline float linear_example(float *x, uint32_t client, uint32_t dim, uint32_t index) {
    ch_rng rng = ch_rng_stream(7, CH_PURPOSE_DATA, index, client);
    float y = 0;
    for (uint32_t i = 0; i < dim; i++) {
        x[i] = (float)(2.0 * ch_rng_unit(&rng) - 1.0);
        y += x[i] * (float)(i + 1);
    }
    return y;
}

/* Adds one example's gradient; returns its loss. */
static inline double linear_gradient(double *gradient, const float *w, uint32_t client,
                                     uint32_t dim, uint32_t index) {
    float x[LINEAR_DIM_MAX];
    double error = -(double)linear_example(x, client, dim, index);
    for (uint32_t i = 0; i < dim; i++) {
        error += (double)w[i] * (double)x[i];
    }
    for (uint32_t i = 0; i < dim; i++) {
        gradient[i] += error * (double)x[i];
    }
    return error * error / 2;
}

static inline choir_status linear_train(void *self, uint32_t client, const choir_task *task,
                                        const float *params, float *delta, choir_training *out,
                                        choir_error *err) {
    (void)err;
    float w[LINEAR_DIM_MAX];
    memcpy(w, params, task->dim * sizeof(w[0]));
    const uint32_t n = linear_examples(self, client);
    const uint32_t batch = task->batch_size == 0 || task->batch_size > n ? n : task->batch_size;
    *out = (choir_training){.examples = n};
    for (uint32_t first = 0; first < task->epochs * n;) {
        const uint32_t left = n - first % n;
        const uint32_t count = left < batch ? left : batch;
        double gradient[LINEAR_DIM_MAX] = {0};
        double loss = 0;
        for (uint32_t b = 0; b < count; b++) {
            loss += linear_gradient(gradient, w, client, task->dim, first % n + b);
        }
        for (uint32_t i = 0; i < task->dim; i++) {
            w[i] -= (float)((double)task->learning_rate * gradient[i] / count);
        }
        out->metrics.examples += count;
        if (!(loss < 1e12)) {
            return CHOIR_ERANGE;
        }
        out->metrics.loss_q20 += (int64_t)(loss * 0x1p20);
        first += count;
    }
    for (uint32_t i = 0; i < task->dim; i++) {
        delta[i] = w[i] - params[i];
    }
    return CHOIR_OK;
}

/* On the examples behind those that it trains on. */
static inline choir_status linear_evaluate(void *self, uint32_t client, const choir_task *task,
                                           const float *params, choir_training *out,
                                           choir_error *err) {
    (void)err;
    const uint32_t n = linear_examples(self, client);
    *out = (choir_training){.examples = n, .metrics = {.examples = n}};
    for (uint32_t i = 0; i < n; i++) {
        double gradient[LINEAR_DIM_MAX] = {0};
        const double loss = linear_gradient(gradient, params, client, task->dim, n + i);
        out->metrics.loss_q20 += (int64_t)(loss * 0x1p20);
    }
    return CHOIR_OK;
}

static const choir_trainer_ops LINEAR_TRAINER_OPS = {
    .train = linear_train, .evaluate = linear_evaluate, .examples = linear_examples};

#endif
