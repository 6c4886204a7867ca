/* Operands as jobs; see jobs.h. */
#include "jobs.h"

#include "base/error.h"
#include "job/origin.h"
#include "run/saved.h"

#include <stdbool.h>
#include <string.h>

static bool ends_in(const char *text, const char *end) {
    const size_t size = strlen(text);
    const size_t tail = strlen(end);
    return size > tail && strcmp(text + size - tail, end) == 0;
}

/* The first --set of a key, such as "data.source="; NULL: there is none. */
static const char *set_find(const ch_option_texts *set, const char *key) {
    for (uint32_t i = 0; i < set->count; i++) {
        if (strncmp(set->items[i], key, strlen(key)) == 0) {
            return set->items[i];
        }
    }
    return NULL;
}

/* The source is given; a --set of another would be overruled without a word. */
static choir_status source_check(const char *what, const ch_option_texts *set, choir_error *err) {
    const char *other = set_find(set, "data.source=");
    return other == NULL
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EINVAL,
                              "--set: %.100s: the source is '%.100s' already; give one of them",
                              other, what);
}

/* The model is given, too. What else is set may be needed for a job to be one, as model.loss is. */
static choir_status model_check(const char *model, const ch_option_texts *set, choir_error *err) {
    static const char *const keys[] = {
        "model=", "model.name=", "model.hidden=", "model.file=", "model.init="};
    const char *other = NULL;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && other == NULL; i++) {
        other = set_find(set, keys[i]);
    }
    return other == NULL
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EINVAL,
                              "--set: %.100s: the model is %.100s; set keys of data", other, model);
}

/* And so would be a share of rows where all of them are taken. */
static choir_status share_check(const ch_option_texts *set, choir_error *err) {
    const char *share = set_find(set, "data.test_share=");
    return share == NULL
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EINVAL,
                              "--set: %.100s: --data takes all rows; for a share of them, give "
                              "--set data.source=FILE instead of it",
                              share);
}

choir_status job_of_source(choir_job *job, const char *what, const ch_option_texts *set,
                           choir_error *err) {
    const size_t size = strlen(what);
    if (size == 0) {
        return ch_error_set(
            err, CHOIR_EINVAL,
            "the data set's name is empty; 'choir data list' shows those there are");
    }
    if (ends_in(what, ".yaml") || ends_in(what, ".yml")) {
        return choir_job_read(job, what, set->items, set->count, err);
    }
    choir_status status = source_check(what, set, err);
    if (status == CHOIR_OK) {
        status = choir_job_parse(job, "", 0, "defaults", set->items, set->count, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    if (size >= sizeof(job->data.source)) {
        return ch_error_set(err, CHOIR_EINVAL, "the data set's path has %zu bytes; at most %zu",
                            size, sizeof(job->data.source) - 1);
    }
    memcpy(job->data.source, what, size + 1);
    return CHOIR_OK;
}

static bool is_source_set(const job_data_flags *flags) {
    return flags->data[0] != '\0' || set_find(&flags->set, "data.source=") != NULL;
}

/* Refuses a model of which nobody says for which data; one that is none is told as that. */
static choir_status sourceless_refuse(const char *model, choir_error *err) {
    const choir_env env = choir_env_default();
    ch_saved saved;
    const choir_status status = ch_saved_open(&saved, model, &env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_saved_release(&saved);
    return ch_error_set(err, CHOIR_EINVAL,
                        "%.300s: has no job beside it that says which data it is for; say so with "
                        "--data, --job or --set data.source=",
                        model);
}

static choir_status job_load(choir_job *out, const char *model, const job_data_flags *flags,
                             choir_error *err) {
    char origin[CHOIR_PATH_MAX];
    const ch_option_texts *set = &flags->set;
    const char *path = flags->job;
    if (path[0] == '\0' && ch_job_origin(origin, model)) {
        path = origin;
    }
    if (path[0] == '\0' && !is_source_set(flags)) {
        return sourceless_refuse(model, err);
    }
    if (path[0] == '\0') {
        return choir_job_parse(out, "", 0, "defaults", set->items, set->count, err);
    }
    return choir_job_read(out, path, set->items, set->count, err);
}

choir_status job_of_model(choir_job *out, const char *model, const job_data_flags *flags,
                          choir_error *err) {
    choir_status status = model_check(model, &flags->set, err);
    if (status == CHOIR_OK) {
        status = job_load(out, model, flags, err);
    }
    if (status != CHOIR_OK || flags->data[0] == '\0') {
        return status;
    }
    status = source_check(flags->data, &flags->set, err);
    if (status == CHOIR_OK) {
        status = share_check(&flags->set, err);
    }
    if (status == CHOIR_OK) {
        memcpy(out->data.source, flags->data, sizeof(out->data.source));
        out->data.test_share = 1;
    }
    return status;
}
