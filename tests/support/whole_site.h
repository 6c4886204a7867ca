/*
 * An operator's hand and a device with a trainer of the test's own, for tests of a whole server:
 * its folder is server/, the device's device/, in the test's folder.
 */
#ifndef CHOIR_TESTS_SUPPORT_WHOLE_SITE_H
#define CHOIR_TESTS_SUPPORT_WHOLE_SITE_H

#include "support/check.h"
#include "support/check_ok.h"
#include "support/folder.h"

#include "choir/client.h"
#include "crypto/encode.h"
#include "net/operator.h"
#include "run/bundle.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What the server answers to a POST, to be released; body is given away. */
static inline json_t *operator_post(ch_operator *operator, const char * path, json_t *body) {
    json_t *answer = NULL;
    check_ok(ch_operator_ask(operator, "POST", path, body, "test", &answer, &err));
    return answer;
}

/* Hosts a job of one client. set: as --set says it. */
static inline void operator_host(ch_operator *operator, const char * folder, const char *job,
                                 const char *set, const choir_env *env) {
    ch_bundle bundle;
    folder_put(folder_file(folder, "job.yaml"), job, strlen(job));
    check_ok(ch_bundle_create(&bundle, folder_file(folder, "job.yaml"), &set, 1, env, &err));
    char *model = malloc(CH_BASE64_MAX(bundle.model_size));
    assert_non_null(model);
    ch_base64(model, (choir_bytes){.data = bundle.model, .size = bundle.model_size});
    json_decref(operator_post(operator, "/jobs",
                              json_pack("{s:s%, s:s, s:i}", "job", bundle.text, bundle.text_size,
                                        "model", model, "clients", 1)));
    free(model);
    ch_bundle_release(&bundle);
}

/* Moves every parameter a little further in every round. */
static inline choir_status device_train(void *self, uint32_t client, const choir_task *task,
                                        const float *params, float *delta, choir_training *out,
                                        choir_error *err) {
    (void)self;
    (void)client;
    (void)params;
    (void)err;
    for (uint32_t i = 0; i < task->dim; i++) {
        delta[i] = 0.125F * (float)task->round;
    }
    *out = (choir_training){.examples = 1, .metrics = {.examples = 1, .loss_q20 = 1}};
    return CHOIR_OK;
}

/* A client that the server's join file is for; to be destroyed. */
static inline choir_client *device_make(const char *folder, const char *job, const choir_env *env) {
    choir_client *client = NULL;
    choir_join join;
    check_ok(choir_join_read(&join, folder_file(folder, "server/join.json"), env, &err));
    choir_client_options o = choir_client_defaults();
    o.join = &join;
    o.job = job;
    o.state_dir = folder_file(folder, "device");
    check_ok(choir_client_create(&client, &o, env, &err));
    return client;
}

/* Takes part until the job is over; how often it joined. */
static inline uint32_t device_run(choir_client *client) {
    static const choir_trainer_ops ops = {.train = device_train};
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    choir_event event = {.kind = CHOIR_EVENT_WAIT};
    uint32_t joined = 0;
    for (int steps = 0; steps < 5000 && event.kind != CHOIR_EVENT_DONE; steps++) {
        check_ok(choir_client_step(client, (choir_trainer){&ops, NULL}, &event, &err));
        assert_true(event.kind != CHOIR_EVENT_FAILED);
        joined += event.kind == CHOIR_EVENT_JOINED ? 1 : 0;
        if (event.kind == CHOIR_EVENT_WAIT && event.wake_ms > choir_client_now_ms()) {
            (void)nanosleep(&pause, NULL);
        }
    }
    assert_int_equal(event.kind, CHOIR_EVENT_DONE);
    return joined;
}

#endif
