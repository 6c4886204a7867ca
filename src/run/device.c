/* Device: see device.h. */
#include "run/device.h"

#include "base/error.h"
#include "data/generator.h"
#include "job/rules.h"
#include "run/collected.h"
#include "run/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char MODEL[] = "the job's model"; // what messages call it

static const choir_trainer_ops DEVICE_TRAINER_OPS; // below

static choir_status path_take(char out[CHOIR_PATH_MAX], const char *path, const char *key,
                              choir_error *err) {
    const size_t size = path == NULL ? 0 : strlen(path);
    if (size >= CHOIR_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: a path of %zu bytes, must be below %d", key,
                            size, CHOIR_PATH_MAX);
    }
    (void)snprintf(out, CHOIR_PATH_MAX, "%s", path == NULL ? "" : path);
    return CHOIR_OK;
}

/* A server may name a data set; what lies where on this machine is for its owner to say. */
static choir_status source_check(const choir_job_data *data, choir_error *err) {
    if (strchr(data->source, '/') != NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.source: the job wants '%s' of this device, which is a path; a "
                            "job may name a data set, and only the device says where data lie",
                            data->source);
    }
    return CHOIR_OK;
}

/* All examples of the source for one client. */
static choir_status data_take_all(choir_job_data *data, choir_error *err) {
    ch_generator generator;
    if (ch_generator_parse(&generator, data->source, NULL) != CHOIR_EAGAIN) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.source: '%s' is drawn client by client; give the number of the "
                            "client that this device is, or data of its own",
                            data->source);
    }
    (void)snprintf(data->partition, sizeof(data->partition), "iid");
    data->clients = 1;
    data->group[0] = '\0'; // which column told the job's clients apart is nothing to it
    data->test_share = 0;
    return CHOIR_OK;
}

/* What of the job's description of data holds for this device. */
static choir_status data_describe(choir_job_data *data, const ch_device_options *o,
                                  choir_error *err) {
    const bool has_all = o->client == CH_DEVICE_ALL;
    choir_status status = path_take(data->dir, o->dir, "data.dir", err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (o->source != NULL) {
        status = path_take(data->source, o->source, "data.source", err);
    } else if (has_all) {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "data: this device has neither data of its own nor the number of a "
                              "client of '%s'; give one",
                              data->source);
    } else {
        status = source_check(data, err);
    }
    return status == CHOIR_OK && has_all ? data_take_all(data, err) : status;
}

/* Whether labels are called what the model calls them, and columns are there for one of columns. */
static choir_status data_check(const ch_device *d, const ch_saved *saved, choir_error *err) {
    if (saved->encoding.width > 0 && ch_federation_encoding(d->federation) == NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: was trained on the columns of a CSV file; data.source '%s' is "
                            "none",
                            MODEL, d->job.data.source);
    }
    char labels[CH_LABELS_TEXT_MAX];
    (void)ch_labels_text(labels, d->federation);
    return ch_labels_check(saved->labels, labels, MODEL, d->job.data.source, err);
}

/* How many classes the model tells apart: its layers end in "dense 10". 0: they say none. */
static uint32_t outputs_of(const ch_saved *saved) {
    static const char word[] = "dense ";
    const char *last = strrchr(saved->layers, '|');
    const char *at = strstr(last == NULL ? saved->layers : last, word);
    return at == NULL ? 0 : (uint32_t)strtoul(at + sizeof(word) - 1, NULL, 10);
}

static choir_status data_open(ch_device *d, const ch_saved *saved, const ch_device_options *o,
                              choir_error *err) {
    const bool has_all = o->client == CH_DEVICE_ALL;
    const ch_reading reading = {.encoding = saved->encoding.width > 0 ? &saved->encoding : NULL,
                                .may_lack_test = has_all,
                                .classes_min = has_all ? outputs_of(saved) : 0};
    const uint32_t client = has_all ? 0 : o->client;
    choir_status status = data_describe(&d->job.data, o, err);
    d->has_each = o->client == CH_DEVICE_EACH;
    if (status == CHOIR_OK && d->has_each) {
        status =
            ch_federation_open(&d->federation, &d->job.data, &reading, d->job.seed, &d->env, err);
    } else if (status == CHOIR_OK) {
        status = ch_federation_open_client(&d->federation, &d->job.data, &reading, client,
                                           d->job.seed, &d->env, err);
    }
    return status == CHOIR_OK ? data_check(d, saved, err) : status;
}

static choir_status examples_open(ch_device *d, choir_error *err) {
    return ch_collected_open(&d->federation, &d->read, d->examples, &d->job, &d->env, err);
}

static choir_status engine_make(ch_device *d, choir_error *err) {
    const uint32_t step = ch_plan_step_max(&d->job, ch_device_examples(d));
    return ch_engine_create(&d->engine, &d->model.net, d->federation, step, ch_job_method(&d->job),
                            &d->env, err);
}

static choir_status engine_open(ch_device *d, const ch_saved *saved, choir_error *err) {
    choir_status status = ch_plan_model_saved(&d->model, &d->job, saved, d->federation, err);
    if (status == CHOIR_OK) {
        status = engine_make(d, err);
    }
    if (status == CHOIR_OK) {
        d->dim = ch_net_layout(ch_engine_net(d->engine))->dim;
        d->ops = DEVICE_TRAINER_OPS;
        d->ops.state_bytes_max = ch_engine_state_bytes(d->engine);
    }
    return status;
}

/* What the server offers: whatever is wrong with it is nothing of the device's own. */
static choir_status offer_read(ch_device *d, ch_saved *saved, const ch_device_options *o,
                               const choir_env *env, choir_error *err) {
    choir_status status =
        choir_job_parse(&d->job, (const char *)o->job.data, o->job.size, "the job", NULL, 0, err);
    if (status == CHOIR_OK) {
        status = ch_saved_describe(saved, o->model, MODEL, env, err);
    }
    return status == CHOIR_OK || status == CHOIR_ENOMEM ? status : CHOIR_EINVAL;
}

choir_status ch_device_open(ch_device *out, const ch_device_options *options, const choir_env *env,
                            choir_error *err) {
    *out = (ch_device){.env = *env};
    ch_saved saved;
    choir_status status = offer_read(out, &saved, options, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    out->examples = options->examples;
    status = out->examples != NULL ? examples_open(out, err) : data_open(out, &saved, options, err);
    if (status == CHOIR_OK) {
        status = engine_open(out, &saved, err);
    }
    ch_saved_release(&saved);
    if (status != CHOIR_OK) {
        ch_device_release(out);
    }
    return status;
}

void ch_device_release(ch_device *device) {
    ch_engine_destroy(device->engine);
    ch_federation_destroy(device->federation);
    *device = (ch_device){0};
}

/* Reads the store again when it holds others than before. What was read makes room first. */
static choir_status examples_follow(ch_device *d, choir_error *err) {
    choir_examples_summary now;
    choir_status status = choir_examples_count(d->examples, &now, err);
    if (status != CHOIR_OK || (d->engine != NULL && !ch_collected_is_other(&now, &d->read))) {
        return status;
    }
    ch_engine_destroy(d->engine);
    ch_federation_destroy(d->federation);
    d->engine = NULL;
    d->federation = NULL;
    status = examples_open(d, err);
    return status == CHOIR_OK ? engine_make(d, err) : status;
}

/* Whether the device can do a task now: its examples as they are, its model the task's. */
static choir_status task_take(ch_device *d, uint32_t client, const choir_task *task,
                              choir_error *err) {
    if (task->dim != d->dim) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "the task of round %u is for %u parameters, the job's model has %u",
                            task->round, task->dim, d->dim);
    }
    const choir_status status = d->examples != NULL ? examples_follow(d, err) : CHOIR_OK;
    if (status != CHOIR_OK || !d->has_each) {
        return status;
    }
    const uint32_t clients = ch_federation_clients(d->federation);
    return client < clients
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EINVAL, "client %u: data.source '%s' has %u clients",
                              client, d->job.data.source, clients);
}

static choir_status device_train(void *self, uint32_t client, const choir_task *task,
                                 const float *params, float *delta, choir_training *out,
                                 choir_error *err) {
    ch_device *d = self;
    *out = (choir_training){0};
    choir_status status = task_take(d, client, task, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_engine_lend(d->engine, d->lent);
    if (d->has_each) {
        const choir_trainer trainer = ch_engine_trainer(d->engine);
        return trainer.ops->train(trainer.self, client, task, params, delta, out, err);
    }
    ch_holding holding;
    status = ch_federation_holding(d->federation, 0, CH_SPLIT_TRAIN, NULL, &holding);
    if (status == CHOIR_EAGAIN) {
        return ch_error_set(err, status, "this device has no examples to train on yet");
    }
    return status == CHOIR_OK
               ? ch_engine_train(d->engine, &holding, client, task, params, delta, out, err)
               : status;
}

/* Its own data are client 0's, whichever client of the job it is. */
static choir_status device_evaluate(void *self, uint32_t client, const choir_task *task,
                                    const float *params, choir_training *out, choir_error *err) {
    ch_device *d = self;
    *out = (choir_training){0};
    const choir_status status = task_take(d, client, task, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const choir_trainer trainer = ch_engine_trainer(d->engine);
    return trainer.ops->evaluate(trainer.self, d->has_each ? client : 0, task, params, out, err);
}

static void device_lend(void *self, choir_lent *lent) {
    ((ch_device *)self)->lent = lent;
}

/* Of a store as it is now: a policy that refuses for want of examples lets no task come to read it
 * again. What cannot be read now is as it was; the task says why. */
static uint32_t device_examples(void *self, uint32_t client) {
    ch_device *d = self;
    if (d->examples != NULL) {
        ch_ignore(examples_follow(d, NULL), "the number has no place for a reason");
    }
    return d->has_each ? ch_federation_count(d->federation, client, CH_SPLIT_TRAIN)
                       : ch_device_examples(d);
}

static const choir_trainer_ops DEVICE_TRAINER_OPS = {
    .train = device_train,
    .evaluate = device_evaluate,
    .examples = device_examples,
    .lend = device_lend,
};

choir_trainer ch_device_trainer(ch_device *device) {
    return (choir_trainer){.ops = &device->ops, .self = device};
}

uint32_t ch_device_dim(const ch_device *device) {
    return device->dim;
}

uint32_t ch_device_examples(const ch_device *device) {
    if (device->federation == NULL) {
        return 0;
    }
    return device->has_each ? ch_federation_count_max(device->federation, CH_SPLIT_TRAIN)
                            : ch_federation_count(device->federation, 0, CH_SPLIT_TRAIN);
}
