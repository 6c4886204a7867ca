/* Paths: see paths.h. */
#include "run/paths.h"

#include "base/error.h"
#include "data/catalog.h"
#include "data/source.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static choir_status path_fix(char path[CHOIR_PATH_MAX], const char *key, choir_error *err) {
    char here[CHOIR_PATH_MAX];
    char whole[2 * CHOIR_PATH_MAX];
    if (path[0] == '\0' || path[0] == '/') {
        return CHOIR_OK;
    }
    if (getcwd(here, sizeof(here)) == NULL) {
        return ch_error_set(err, CHOIR_EIO, "%s: the working directory has no path: %s", key,
                            strerror(errno));
    }
    const int size = snprintf(whole, sizeof(whole), "%s/%s", here, path);
    if (size < 0 || size >= CHOIR_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: '%s' in '%s' is a path of %d bytes, must be below %d", key, path,
                            here, size, CHOIR_PATH_MAX);
    }
    memcpy(path, whole, (size_t)size + 1);
    return CHOIR_OK;
}

choir_status ch_paths_fix(choir_job *job, choir_error *err) {
    ch_generator generator;
    const char *source = job->data.source;
    // What does not lie here is looked for among the data sets that are kept.
    const bool is_path = ch_catalog_find(source) == NULL && access(source, F_OK) == 0 &&
                         ch_generator_parse(&generator, source, NULL) == CHOIR_EAGAIN;
    choir_status status = path_fix(job->data.dir, "data.dir", err);
    if (status == CHOIR_OK && is_path) {
        status = path_fix(job->data.source, "data.source", err);
    }
    if (status == CHOIR_OK) {
        status = path_fix(job->model.file, "model.file", err);
    }
    return status == CHOIR_OK ? path_fix(job->model.init, "model.init", err) : status;
}
