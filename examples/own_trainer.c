/*
 * A device whose training is its own: softmax regression by hand, where an app would call its
 * framework. Its velocity is kept on the device from round to round: choir has it with the reports.
 *
 *     cc -std=c17 own_trainer.c $(pkg-config --cflags --libs choir-client) -lm -o own_trainer
 *     ./own_trainer join.json JOB FOLDER
 */
#include <choir/agent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = 60, CLASSES = 10, EXAMPLES = 200, DIM = FEATURES * CLASSES + CLASSES };

typedef struct learner {
    float x[EXAMPLES][FEATURES];
    choir_lent *lent;
} learner;

/* g += gradient of -log softmax(x W + b)[label] / EXAMPLES. Returns whether it was predicted. */
static bool gradient_add(const float w[DIM], const float *x, uint32_t label, float g[DIM]) {
    uint32_t best = 0;
    float y[CLASSES], sum = 0;
    for (uint32_t c = 0; c < CLASSES; c++) {
        float z = w[FEATURES * CLASSES + c];
        for (uint32_t i = 0; i < FEATURES; i++) {
            z += x[i] * w[i * CLASSES + c];
        }
        y[c] = expf(z);
        sum += y[c];
        best = y[c] > y[best] ? c : best;
    }
    for (uint32_t c = 0; c < CLASSES; c++) {
        const float d = (y[c] / sum - (c == label)) / EXAMPLES;
        for (uint32_t i = 0; i < FEATURES; i++) {
            g[i * CLASSES + c] += d * x[i];
        }
        g[FEATURES * CLASSES + c] += d;
    }
    return best == label;
}

/* (task, parameters, client state) -> (delta, state, examples, metrics) */
static choir_status train(void *self, uint32_t client, const choir_task *task, const float *params,
                          float *delta, choir_training *out, choir_error *err) {
    learner *l = self;
    float w[DIM], v[DIM] = {0};
    if (task->dim != DIM) {
        return CHOIR_EINVAL; // a task for another model than this
    }
    *out = (choir_training){.examples = EXAMPLES};
    memcpy(w, params, sizeof(w));
    if (l->lent->state.size == sizeof(v)) {
        memcpy(v, l->lent->state.data, sizeof(v));
    }
    for (uint32_t epoch = 1; epoch <= task->epochs; epoch++) {
        float g[DIM] = {0};
        for (uint32_t i = 0; i < EXAMPLES; i++, out->metrics.examples++) {
            out->metrics.correct += gradient_add(w, l->x[i], i % CLASSES, g);
        }
        for (uint32_t i = 0; i < DIM; i++) {
            v[i] = 0.5F * v[i] + g[i];
            w[i] -= task->learning_rate * v[i];
            delta[i] = w[i] - params[i];
        }
        printf("epoch %u of %u\n", epoch, task->epochs);
    }
    memcpy(l->lent->state_next, v, sizeof(v));
    l->lent->state_next_size = sizeof(v);
    return CHOIR_OK;
}

static void lend(void *self, choir_lent *lent) {
    ((learner *)self)->lent = lent;
}

int main(int argc, char **argv) {
    static const choir_trainer_ops ops = {
        .train = train, .lend = lend, .state_bytes_max = DIM * sizeof(float)};
    static learner l;
    const choir_env env = choir_env_default();
    choir_error err = {.message = "usage: own_trainer JOINFILE JOB FOLDER"};
    choir_join join;
    choir_agent *agent = NULL;
    choir_agent_job job = {.client = CHOIR_CLIENT_ANY, .trainer = {&ops, &l}};
    choir_agent_options options = choir_agent_defaults();
    for (uint32_t i = 0, j = 0; i < EXAMPLES; i += ++j / FEATURES, j %= FEATURES) { // made up
        l.x[i][j] = (float)rand() / (float)RAND_MAX + (j * CLASSES / FEATURES == i % CLASSES);
    }
    job.job = argc == 4 ? argv[2] : "", options.client.state_dir = argc == 4 ? argv[3] : "";
    options.client.join = &join, options.client.patience_s = 20;
    options.jobs = &job, options.count = 1;
    const bool is_well = argc == 4 && choir_join_read(&join, argv[1], &env, &err) == CHOIR_OK &&
                         choir_agent_create(&agent, &options, &env, &err) == CHOIR_OK &&
                         choir_agent_run(agent, &err) == CHOIR_OK;
    choir_agent_destroy(agent);
    return is_well ? 0 : (fprintf(stderr, "own_trainer: %s\n", err.message), 1);
}
