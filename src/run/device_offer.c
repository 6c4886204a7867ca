/* The device of an offer, for hosts: see include/choir/device.h. */
#include "choir/device.h"

#include "base/arena.h"
#include "base/error.h"
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
