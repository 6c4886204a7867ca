/* The device of an offer, for hosts: see include/choir/device.h. */
#include "choir/device.h"

#include "base/arena.h"
#include "base/error.h"
#include "job/rules.h"
#include "run/collected.h"
#include "run/device.h"

struct choir_device {
    choir_env env;
    ch_device device;
};

choir_status choir_device_create(choir_device **out, const choir_offer *offer,
                                 choir_examples *examples, const choir_env *env, choir_error *err) {
    *out = NULL;
    choir_device *d = env->alloc(env->self, ch_arena_cost(1, sizeof(*d)));
    if (d == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a device");
    }
    *d = (choir_device){.env = *env};
    const ch_device_options options = {
        .job = {.data = (const uint8_t *)offer->job, .size = offer->job_size},
        .model = offer->model,
        .examples = examples,
        .client = CH_DEVICE_ALL};
    const choir_status status = ch_device_open(&d->device, &options, env, err);
    if (status != CHOIR_OK) {
        choir_device_destroy(d);
        return status;
    }
    *out = d;
    return CHOIR_OK;
}

/* An environment that adds up what is claimed of it. */
typedef struct adding {
    choir_env real;
    size_t bytes;
} adding;

static void *adding_alloc(void *self, size_t bytes) {
    adding *a = self;
    a->bytes += bytes;
    return a->real.alloc(a->real.self, bytes);
}

static void adding_free(void *self, void *block) {
    const adding *a = self;
    a->real.free(a->real.self, block);
}

choir_status choir_device_bytes(size_t *out, const choir_offer *offer,
                                const choir_examples_form *form, uint32_t rows,
                                const choir_env *env, choir_error *err) {
    choir_job job;
    ch_saved saved;
    adding said = {.real = *env};
    choir_env counted = *env;
    counted.alloc = adding_alloc;
    counted.free = adding_free;
    counted.self = &said;
    choir_status status =
        choir_job_parse(&job, offer->job, offer->job_size, "the job", NULL, 0, err);
    if (status == CHOIR_OK) {
        status = ch_saved_describe(&saved, offer->model, "the job's model", &counted, err);
    }
    if (status != CHOIR_OK) {
        return status == CHOIR_ENOMEM ? status : CHOIR_EINVAL;
    }
    ch_net_options net = ch_net_defaults();
    net.layers = saved.layers;
    net.height = saved.input.height;
    net.width = saved.input.width;
    net.channels = saved.input.channels;
    net.steps = saved.steps;
    size_t engine = 0;
    status = ch_engine_bytes(&engine, &net, rows, ch_plan_step_max(&job, rows), ch_job_method(&job),
                             env, err);
    if (status == CHOIR_OK) {
        *out = ch_arena_cost(1, sizeof(choir_device)) + said.bytes + engine +
               ch_collected_bytes(form, rows);
    }
    ch_saved_release(&saved);
    return status;
}

void choir_device_destroy(choir_device *d) {
    if (d != NULL) {
        const choir_env env = d->env;
        ch_device_release(&d->device);
        env.free(env.self, d);
    }
}

choir_trainer choir_device_trainer(choir_device *d) {
    return d == NULL ? (choir_trainer){0} : ch_device_trainer(&d->device);
}

uint32_t choir_device_examples(const choir_device *d) {
    return d == NULL ? 0 : ch_device_examples(&d->device);
}
