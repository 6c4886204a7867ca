/* Finding and opening sources; see source.h. */
#include "data/source.h"

#include "base/error.h"
#include "base/text.h"
#include "data/catalog.h"
#include "data/cifar.h"
#include "data/encoder.h"
#include "data/file.h"
#include "data/idx.h"
#include "data/leaf.h"
#include "data/messages.h"
#include "data/plays_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_BYTES = CHOIR_PATH_MAX + CHOIR_PATH_MAX,
    GET_BYTES = CHOIR_PATH_MAX + 100, // of a command
};

static bool is_set(const char *value) {
    return value != NULL && value[0] != '\0';
}

choir_status ch_data_dir(char out[CHOIR_PATH_MAX], const char *options_dir, choir_error *err) {
    const char *choir_data = getenv("CHOIR_DATA");
    const char *xdg = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int size;
    if (is_set(options_dir)) {
        size = snprintf(out, CHOIR_PATH_MAX, "%s", options_dir);
    } else if (is_set(choir_data)) {
        size = snprintf(out, CHOIR_PATH_MAX, "%s", choir_data);
    } else if (is_set(xdg)) {
        size = snprintf(out, CHOIR_PATH_MAX, "%s/choir", xdg);
    } else if (is_set(home)) {
        size = snprintf(out, CHOIR_PATH_MAX, "%s/.local/share/choir", home);
    } else {
        return ch_error_set(err, CHOIR_EINVAL,
                            "no data directory: set data.dir, or --dir where a command has it, or "
                            "CHOIR_DATA or HOME in the environment");
    }
    if (size >= CHOIR_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "the data directory's path has %d bytes; at most %d",
                            size, CHOIR_PATH_MAX - 1);
    }
    return CHOIR_OK;
}

/* ------------------------------------------------------------------------------------ formats */

typedef struct format {
    ch_source_form form;
    bool (*fits)(const char *path);
    choir_status (*read)(ch_dataset *out, const char *path, const choir_job_data *options,
                         const ch_reading *reading, uint64_t seed, choir_error *err);
} format;

static choir_status idx_read(ch_dataset *out, const char *path, const choir_job_data *options,
                             const ch_reading *reading, uint64_t seed, choir_error *err) {
    (void)seed;
    const choir_status status =
        ch_idx_read(out, path, options, reading != NULL && reading->may_lack_test, err);
    if (status == CHOIR_OK && reading != NULL && out->train.classes < reading->classes_min) {
        out->train.classes = reading->classes_min;
        out->test.classes = reading->classes_min;
    }
    return status;
}

static choir_status cifar_read(ch_dataset *out, const char *path, const choir_job_data *options,
                               const ch_reading *reading, uint64_t seed, choir_error *err) {
    (void)reading;
    return ch_cifar_read(out, path, options, seed, err);
}

static choir_status plays_read(ch_dataset *out, const char *path, const choir_job_data *options,
                               const ch_reading *reading, uint64_t seed, choir_error *err) {
    (void)reading;
    (void)seed;
    return ch_plays_read(out, path, options, err);
}

static choir_status messages_read(ch_dataset *out, const char *path, const choir_job_data *options,
                                  const ch_reading *reading, uint64_t seed, choir_error *err) {
    (void)reading;
    return ch_messages_read(out, path, options, seed, err);
}

static choir_status leaf_read(ch_dataset *out, const char *path, const choir_job_data *options,
                              const ch_reading *reading, uint64_t seed, choir_error *err) {
    (void)reading;
    return ch_leaf_read(out, path, options, seed, err);
}

/* Any file is a CSV file when it is nothing else. */
static const format FORMATS[] = {
    {CH_SOURCE_IDX, ch_idx_is_folder, idx_read},
    {CH_SOURCE_CIFAR, ch_cifar_is, cifar_read},
    {CH_SOURCE_LEAF, ch_leaf_is, leaf_read},
    {CH_SOURCE_PLAYS, ch_plays_is, plays_read},
    {CH_SOURCE_MESSAGES, ch_messages_is, messages_read},
    {CH_SOURCE_CSV, ch_is_file, ch_csv_read},
};

/* The format of what lies at path; NULL when it is none that is known. */
static const format *format_find(const char *path) {
    for (size_t i = 0; i < sizeof(FORMATS) / sizeof(FORMATS[0]); i++) {
        if (FORMATS[i].fits(path)) {
            return &FORMATS[i];
        }
    }
    return NULL;
}

/* The source as a path: itself, or a folder of the data directory when it has no slash. */
static choir_status source_locate(char path[PATH_BYTES], const choir_job_data *options,
                                  choir_error *err) {
    (void)snprintf(path, PATH_BYTES, "%s", options->source);
    if (strchr(options->source, '/') != NULL || ch_is_folder(path) || ch_is_file(path)) {
        return CHOIR_OK;
    }
    char dir[CHOIR_PATH_MAX];
    const choir_status status = ch_data_dir(dir, options->dir, err);
    if (status == CHOIR_OK) {
        (void)snprintf(path, PATH_BYTES, "%s/%s", dir, options->source);
    }
    return status;
}

const char *ch_source_nearest(const char *name) {
    const char *best = NULL;
    uint32_t least = CH_TEXT_DISTANCE_FAR;
    for (size_t i = 0; i < CH_GENERATORS_COUNT + CH_CATALOG_COUNT; i++) {
        const char *known = i < CH_GENERATORS_COUNT ? CH_GENERATORS[i]->name
                                                    : CH_CATALOG[i - CH_GENERATORS_COUNT].name;
        const uint32_t distance = ch_text_distance(name, known);
        if (distance < least) {
            least = distance;
            best = known;
        }
    }
    return best != NULL && ch_text_is_near(least, strlen(best)) ? best : NULL;
}

/* A path for a message: as it is when a terminal may see it. out is room. */
static const char *path_show(char out[CH_TEXT_SHOWN_MAX], const char *path) {
    if (ch_text_is_printable(path)) {
        return path;
    }
    ch_text_show(out, CH_TEXT_SHOWN_MAX, path);
    return out;
}

/* What gets a data set to where the options look for it, as a shell takes it. */
static const char *get_text(char out[GET_BYTES], const choir_job_data *options) {
    (void)snprintf(out, GET_BYTES, "choir data get");
    ch_text_shell(out, GET_BYTES, options->source);
    if (options->dir[0] != '\0' && ch_text_is_printable(options->dir)) {
        ch_text_shell(out, GET_BYTES, "--dir");
        ch_text_shell(out, GET_BYTES, options->dir);
    }
    return out;
}

static choir_status source_missing(const choir_job_data *options, const char *where,
                                   choir_error *err) {
    const char *name = options->source;
    char get[GET_BYTES];
    char source[CH_TEXT_SHOWN_MAX];
    char room[CH_TEXT_SHOWN_MAX];
    const char *path = path_show(room, where);
    if (access(where, F_OK) == 0) { // a device, a pipe
        return ch_error_set(err, CHOIR_EIO, "data.source: %s is neither a file nor a folder", path);
    }
    ch_text_show(source, sizeof(source), name);
    if (ch_catalog_find(name) != NULL) {
        return ch_error_set(err, CHOIR_EIO, "data.source: '%s' is not in %s; get it with: %s",
                            source, path, get_text(get, options));
    }
    const char *near = ch_source_nearest(name);
    if (near != NULL) {
        return ch_error_set(err, CHOIR_EIO,
                            "data.source: no data set is called '%s', and there is no %s; did you "
                            "mean '%s'?",
                            source, path, near);
    }
    const bool is_name = strchr(name, '/') == NULL; // that was looked for in two places
    return ch_error_set(err, CHOIR_EIO,
                        "data.source: '%s' is no built-in data set, and there is no %s%s; "
                        "'choir data list' shows what can be had",
                        source, path, is_name ? ", nor such a file in the working directory" : "");
}

/* What cannot be read of a downloaded data set, "choir data get" completes. */
static choir_status download_advise(choir_status status, const choir_job_data *options,
                                    choir_error *err) {
    char get[GET_BYTES];
    if (err == NULL || (status != CHOIR_EIO && status != CHOIR_EPROTO)) {
        return status;
    }
    const choir_error why = *err;
    return ch_error_set(err, status, "%.300s; this gets what is missing or damaged: %s",
                        why.message, get_text(get, options));
}

static choir_status dataset_read(ch_dataset *out, const choir_job_data *options,
                                 const ch_reading *reading, uint64_t seed, choir_error *err) {
    char path[PATH_BYTES];
    const choir_status status = source_locate(path, options, err);
    if (status != CHOIR_OK) {
        return status;
    }
    // Only what lies in the data directory was downloaded; a path of that name is the user's own.
    const bool is_download =
        ch_catalog_find(options->source) != NULL && strcmp(path, options->source) != 0;
    const format *found = format_find(path);
    if (found != NULL) {
        const choir_status read = found->read(out, path, options, reading, seed, err);
        return is_download ? download_advise(read, options, err) : read;
    }
    if (!ch_is_folder(path) && !ch_is_file(path)) {
        return source_missing(options, path, err);
    }
    if (is_download) {
        char get[GET_BYTES];
        return ch_error_set(err, CHOIR_EIO,
                            "data.source: '%s' is not whole in %s; get the rest with: %s",
                            options->source, path, get_text(get, options));
    }
    char room[CH_TEXT_SHOWN_MAX];
    return ch_error_set(err, CHOIR_EPROTO,
                        "data.source: %s holds nothing that is known: needs a folder with "
                        "train-images-idx3-ubyte and the other three files of MNIST, or with "
                        "CIFAR-10's data_batch_1.bin to test_batch.bin, or with LEAF's "
                        "train/*.json, or the text of plays, or "
                        "messages, or a CSV file",
                        path_show(room, path));
}

choir_status ch_source_check(const choir_job_data *options, choir_error *err) {
    ch_generator generator;
    char path[PATH_BYTES];
    choir_status status = ch_generator_parse(&generator, options->source, err);
    if (status != CHOIR_EAGAIN) {
        return status;
    }
    status = source_locate(path, options, err);
    if (status != CHOIR_OK || ch_is_folder(path) || ch_is_file(path)) {
        return status;
    }
    return source_missing(options, path, err);
}

ch_source_form ch_source_look(const choir_job_data *options) {
    ch_generator generator;
    char path[PATH_BYTES];
    if (ch_generator_parse(&generator, options->source, NULL) == CHOIR_OK) {
        return CH_SOURCE_GENERATED;
    }
    const format *found = source_locate(path, options, NULL) == CHOIR_OK ? format_find(path) : NULL;
    return found != NULL ? found->form : CH_SOURCE_UNSEEN;
}

choir_status ch_source_open(ch_source *out, const choir_job_data *options,
                            const ch_reading *reading, uint64_t seed, const choir_env *env,
                            choir_error *err) {
    ch_source s = {0};
    if (strcmp(options->holder, "proxy") == 0 && ch_source_look(options) != CH_SOURCE_MESSAGES) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.holder: 'proxy' is a sender of messages, and '%s' has none; use "
                            "clients or pooled",
                            options->source);
    }
    ch_dataset_init(&s.dataset, env);
    choir_status status = ch_generator_parse(&s.generator, options->source, err);
    if (status == CHOIR_OK) {
        s.is_generated = true;
        s.generator.seed = seed;
        s.generator.mean = options->examples;
    } else if (status == CHOIR_EAGAIN) {
        status = dataset_read(&s.dataset, options, reading, seed, err);
    }
    if (status != CHOIR_OK) {
        ch_dataset_release(&s.dataset);
        return status;
    }
    *out = s;
    return CHOIR_OK;
}
