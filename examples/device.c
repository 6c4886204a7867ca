/*
 * A whole device: it collects examples, takes part in a job with choir's engine when its conditions
 * hold, and predicts with the model that the job's operator has promoted.
 *
 *     cc -std=c17 device.c $(pkg-config --cflags --libs choir-client choir-engine) -o device
 *     ./device join.json JOB FOLDER FILE      its state, and its examples
 */
#include <choir/agent.h>
#include <choir/device.h>
#include <choir/predictor.h>
#include <stdio.h>
#include <stdlib.h>

enum { FEATURES = 60, CLASSES = 10, EXAMPLES = 200 };
static choir_env env;
static choir_examples *store;
static choir_device *device;

/* What a sensor might say: noise, and more of it where the label is. Borrowed until the next. */
static const float *sense(uint32_t label) {
    static float features[FEATURES];
    for (uint32_t i = 0; i < FEATURES; i++) {
        features[i] = (float)rand() / (float)RAND_MAX + (i * CLASSES / FEATURES == label);
    }
    return features;
}

static choir_status collect(const char *path, choir_error *err) {
    static const choir_examples_form form = {CHOIR_FEATURES_REALS, 1, 1, FEATURES, CLASSES};
    choir_examples_options options = choir_examples_defaults();
    options.form = &form, options.rows_max = EXAMPLES; // the oldest make room
    choir_status status = choir_examples_open(&store, path, &options, &env, err);
    for (uint32_t i = 0; i < EXAMPLES && status == CHOIR_OK; i++) {
        const uint32_t label = i % CLASSES;
        const choir_example one = {.features = sense(label), .label = label, .at_ms = i};
        status = choir_examples_add(store, &one, 1, err);
    }
    return status;
}

static void platform_read(void *self, choir_readings *out) { // on Linux choir does by itself
    out->charging = CHOIR_YES, out->battery = 80;
}

static choir_status trainer_make(void *self, const choir_offer *offer, choir_trainer *out,
                                 choir_error *err) {
    choir_device_destroy(device);
    const choir_status status = choir_device_create(&device, offer, store, &env, err);
    *out = choir_device_trainer(device);
    return status;
}

static void on_progress(void *self, uint32_t job, const choir_progress *p) {
    printf("epoch %u of %u, step %d of %d\n", p->epoch, p->epochs, (int)p->step, (int)p->steps);
}

static void on_blocked(void *self, uint32_t job, const choir_event *event) {
    printf("waits: %s\n", event->message);
}

static choir_status predict(choir_client *client, choir_error *err) {
    const choir_promoted *model = NULL;
    choir_predictor *predictor = NULL;
    choir_status status = choir_client_promoted(client, &model, err);
    status = status == CHOIR_OK ? choir_predictor_open(&predictor, model, &env, err) : status;
    for (uint32_t label = 0, said; label < CLASSES && status == CHOIR_OK; label++) {
        status = choir_predictor_predict(predictor, sense(label), 1, NULL, &said, err);
        printf("%u is taken for %u\n", label, said);
    }
    choir_predictor_close(predictor);
    return status;
}

int main(int argc, char **argv) {
    choir_error err;
    choir_join join;
    choir_agent *agent = NULL;
    choir_agent_job job = {.client = CHOIR_CLIENT_ANY, .trainer_make = trainer_make};
    choir_conditions conditions = choir_conditions_defaults();
    choir_agent_options options = choir_agent_defaults();
    if (argc != 5) {
        return fprintf(stderr, "usage: device JOINFILE JOB FOLDER FILE\n"), 2;
    }
    env = choir_env_default(), job.job = argv[2];
    conditions.charging = true, conditions.battery_min = 30, conditions.read = platform_read;
    options.client.join = &join, options.client.conditions = &conditions;
    options.client.state_dir = argv[3], options.client.patience_s = 20;
    options.jobs = &job, options.count = 1;
    options.callbacks.progress = on_progress, options.callbacks.blocked = on_blocked;
    choir_status status = choir_join_read(&join, argv[1], &env, &err);
    status = status == CHOIR_OK ? collect(argv[4], &err) : status;
    status = status == CHOIR_OK ? choir_agent_create(&agent, &options, &env, &err) : status;
    status = status == CHOIR_OK ? choir_agent_run(agent, &err) : status; // until the job is over
    status = status == CHOIR_OK ? predict(choir_agent_client(agent, 0), &err) : status;
    choir_agent_destroy(agent);
    choir_device_destroy(device);
    choir_examples_close(store);
    return status == CHOIR_OK ? 0 : (fprintf(stderr, "device: %s\n", err.message), 1);
}
