/* Bundle: see bundle.h. */
#include "run/bundle.h"

#include "base/arena.h"
#include "base/error.h"
#include "choir/blob.h"
#include "data/generator.h"
#include "run/check.h"
#include "run/labels.h"
#include "run/saved.h"
#include "run/session.h"

#include <stdio.h>
#include <string.h>

/* The last part of a path is what the data set is called where it lies elsewhere. */
static choir_status source_name(char source[CHOIR_PATH_MAX], choir_error *err) {
    char name[CHOIR_PATH_MAX];
    ch_generator generator;
    (void)snprintf(name, sizeof(name), "%s", source);
    for (size_t size = strlen(name); size > 0 && name[size - 1] == '/'; size--) {
        name[size - 1] = '\0';
    }
    const char *slash = strrchr(name, '/');
    const char *last = slash == NULL ? name : slash + 1;
    if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.source: '%s' has no name that devices could be told; give the "
                            "path with the folder's own name",
                            source);
    }
    if (strchr(source, '/') != NULL && ch_generator_parse(&generator, last, NULL) != CHOIR_EAGAIN) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.source: '%s' would be '%s' for devices, which is a built-in "
                            "source; rename it",
                            source, last);
    }
    memmove(source, source + (last - name), strlen(last));
    source[strlen(last)] = '\0';
    return CHOIR_OK;
}

/* The job without what only this machine has. */
static choir_status job_detach(choir_job *job, uint32_t clients, choir_error *err) {
    char *const paths[] = {job->model.file, job->model.init};
    job->data.clients = clients;
    job->data.dir[0] = '\0';
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (paths[i][0] != '\0') {
            (void)snprintf(paths[i], CHOIR_PATH_MAX, "%s", CH_BUNDLE_MODEL);
        }
    }
    return source_name(job->data.source, err);
}

static choir_status text_write(ch_bundle *b, choir_error *err) {
    const size_t size = choir_job_write(&b->job, NULL, 0);
    b->text = b->env.alloc(b->env.self, ch_arena_cost(size + 1, 1));
    if (b->text == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for the %zu bytes of the job", size);
    }
    b->text_size = choir_job_write(&b->job, b->text, size + 1);
    return CHOIR_OK;
}

static choir_status model_write(ch_bundle *b, const ch_session *s, choir_error *err) {
    ch_net_options net = s->model.net;
    ch_engine_input(&net, s->federation);
    char labels[CH_LABELS_TEXT_MAX];
    char hash[2 * CHOIR_HASH_BYTES + 1];
    (void)ch_labels_text(labels, s->federation);
    choir_hash_text(&b->hash, hash);
    const char *encoding = ch_federation_encoding(s->federation);
    char *vocabulary = NULL;
    choir_status status = ch_labels_vocabulary(&vocabulary, s->federation, &b->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "no memory for the words of the model's file");
    }
    const ch_saved_texts texts = {.hash = hash,
                                  .labels = encoding == NULL ? labels : "",
                                  .vocabulary = vocabulary,
                                  .encoding = encoding == NULL ? "" : encoding,
                                  .preprocess = ch_federation_preprocess(s->federation)};
    status = ch_saved_encode(&b->model, &b->model_size, CH_BUNDLE_MODEL, ch_session_net(s), &net,
                             s->params, &texts, &b->env, err);
    if (vocabulary != NULL) {
        b->env.free(b->env.self, vocabulary);
    }
    return status;
}

static choir_status bundle_fill(ch_bundle *b, const ch_session *s, choir_error *err) {
    const uint32_t known = ch_federation_clients(s->federation);
    const bool is_open = strcmp(b->job.population, "open") == 0;
    b->clients = is_open && b->job.data.clients > known ? b->job.data.clients : known;
    b->dim = s->dim;
    b->hash = choir_hash_params(s->params, s->dim);
    choir_status status = job_detach(&b->job, b->clients, err);
    if (status == CHOIR_OK) {
        status = text_write(b, err);
    }
    return status == CHOIR_OK ? model_write(b, s, err) : status;
}

choir_status ch_bundle_create(ch_bundle *out, const char *path, const char *const *overrides,
                              uint32_t count, const choir_env *env, choir_error *err) {
    *out = (ch_bundle){.env = *env};
    ch_job_places places;
    choir_status status = ch_job_read_places(&out->job, &places, path, overrides, count, err);
    if (status == CHOIR_OK) {
        status = ch_run_check_hosting(&out->job, &places, env, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    ch_session session;
    status = ch_session_open(&session, &out->job, 1, CH_SESSION_TRAIN, env, err);
    if (status == CHOIR_OK) {
        status = bundle_fill(out, &session, err);
    }
    ch_session_release(&session);
    if (status != CHOIR_OK) {
        ch_job_locate(&places, err);
        ch_bundle_release(out);
    }
    return status;
}

void ch_bundle_release(ch_bundle *bundle) {
    if (bundle->text != NULL) {
        bundle->env.free(bundle->env.self, bundle->text);
    }
    if (bundle->model != NULL) {
        bundle->env.free(bundle->env.self, bundle->model);
    }
    *bundle = (ch_bundle){0};
}
