/* A tiny job on a server in the test's own process, and the models that it and a simulation end
 * with.
 */
#ifndef CHOIR_TESTS_HOSTED_JOB_H
#define CHOIR_TESTS_HOSTED_JOB_H

#include "support/check_ok.h"
#include "support/tiny_job.h"

#include "choir/blob.h"
#include "crypto/encode.h"
#include "net/export.h"
#include "net/operator.h"
#include "net/server.h"
#include "run/bundle.h"

#include <stdlib.h>

static inline void job_put(const choir_job *job, const char *path) {
    char text[16384];
    const size_t size = choir_job_write(job, text, sizeof(text));
    folder_put(path, text, size);
}

/* Serves dir; port 0: any. */
static inline ch_server *server_start(const char *dir, uint16_t port) {
    const choir_env env = choir_env_default();
    ch_server_options o = ch_server_defaults();
    ch_server *server = NULL;
    o.dir = dir;
    o.port = port;
    check_ok(ch_server_start(&server, &o, &env, &err));
    return server;
}

static inline uint16_t port_of(const ch_server *server) {
    return (uint16_t)strtoul(strrchr(ch_server_url(server), ':') + 1, NULL, 10);
}

/* Hosts the job of that file, which the server has not. */
static inline void host(ch_operator *o, const char *path) {
    const choir_env env = choir_env_default();
    ch_bundle bundle;
    check_ok(ch_bundle_create(&bundle, path, NULL, 0, &env, &err));
    char *model = malloc(CH_BASE64_MAX(bundle.model_size));
    assert_non_null(model);
    ch_base64(model, (choir_bytes){bundle.model, bundle.model_size});
    json_t *answer = NULL;
    check_ok(ch_operator_ask(o, "POST", "/jobs",
                             json_pack("{s:s, s:s, s:I}", "job", bundle.text, "model", model,
                                       "clients", (json_int_t)bundle.clients),
                             "host", &answer, &err));
    assert_int_equal(json_integer_value(json_object_get(answer, "version")), 1);
    json_decref(answer);
    free(model);
    ch_bundle_release(&bundle);
}

/* The hash of the model that the job ends with in a simulation; run: its run directory. */
static inline void hash_of_simulation(const choir_job *job, const char *run, char out[65]) {
    ch_run_options o = ch_run_defaults();
    o.run_dir = run;
    o.workers = 1;
    o.report = false;
    const ch_run_result result = tiny_run(job, &o);
    (void)snprintf(out, 65, "%s", result.model_hash);
}

/* Of the model that the job tiny has now, which is written to path. */
static inline void hash_of_server(ch_operator *o, const char *path, char out[65]) {
    const choir_env env = choir_env_default();
    choir_hash hash;
    check_ok(ch_export(o, "tiny", (ch_export_choice){CH_EXPORT_NOW, 0}, path, &hash, &env, &err));
    choir_hash_text(&hash, out);
}

#endif
