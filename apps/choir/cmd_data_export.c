/* choir data export: a data set of pictures as files that other programs read. */
#include "commands.h"

#include "base/env.h"
#include "base/error.h"
#include "data/federation.h"
#include "data/idx.h"
#include "jobs.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

typedef struct export_flags {
    ch_option_texts set;
} export_flags;

static const ch_option ROWS[] = {
    {"--set", CH_OPTION_TEXTS, offsetof(export_flags, set), 0, 0, "", NULL,
     "key=value of a job, such as data.clients=100"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const export_flags DEFAULTS = {.set = {.count = 0}};

static choir_status folder_make(const char *folder, choir_error *err) {
    if (ch_idx_is_folder(folder)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: holds a data set already; give another folder, or remove it",
                            folder);
    }
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        return ch_error_set(err, CHOIR_EIO, "%s: %s", folder, strerror(errno));
    }
    return CHOIR_OK;
}

/* Writes what clients hold; *written: how many those examples are. */
static choir_status federation_write(const ch_federation *f, const char *folder, uint32_t *written,
                                     const choir_env *env, choir_error *err) {
    const ch_holding *pooled = ch_federation_pooled(f);
    if (pooled->count == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: the clients are too many to be in memory; ask for fewer", folder);
    }
    const uint32_t count = pooled->examples->count;
    choir_status status = folder_make(folder, err);
    if (status != CHOIR_OK) {
        return status;
    }
    bool *is_held = ch_claim(env, count, sizeof(is_held[0]));
    if (is_held == NULL) {
        return CHOIR_ENOMEM;
    }
    *written = ch_federation_held(f, is_held);
    status = ch_idx_write(folder, pooled->examples, *written == count ? NULL : is_held,
                          ch_federation_test(f), env, err);
    env->free(env->self, is_held);
    return status;
}

static int export_run(const ch_call *call, choir_error *err) {
    const export_flags *flags = call->options;
    const choir_env env = choir_env_default();
    uint32_t written = 0;
    choir_job job;
    ch_federation *f = NULL;
    choir_status status = job_of_source(&job, call->operands[0], &flags->set, err);
    if (status == CHOIR_OK) {
        job.data.memory = 0; // it writes from memory
        status = ch_federation_open(&f, &job.data, NULL, job.seed, &env, err);
    }
    if (status == CHOIR_OK) {
        status = federation_write(f, call->operands[1], &written, &env, err);
    }
    if (status == CHOIR_OK) {
        (void)fprintf(call->out, "%s: %u examples, held-out ones among them, and %u for testing\n",
                      call->operands[1], written, ch_federation_test(f)->count);
    }
    ch_federation_destroy(f);
    return exit_of(status, err);
}

const ch_command CMD_DATA_EXPORT = {
    .name = "data export",
    .operands = "NAME|PATH|JOB.yaml FOLDER",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "write pictures as the files MNIST comes in",
    .text = "Writes the training and test examples of a data set of pictures to a folder as IDX "
            "files, for other programs: all clients' examples, held-out ones among them, and "
            "who made each in QMNIST's format. The folder is itself a data set that choir reads.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = export_run,
};
