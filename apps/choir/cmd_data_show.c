/* choir data show: who holds what, as text and as a picture. */
#include "commands.h"

#include "base/disk.h"
#include "base/error.h"
#include "choir/job.h"
#include "data/federation.h"
#include "data/overview.h"
#include "jobs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct show_flags {
    ch_option_texts set;
    char out[CHOIR_PATH_MAX];
    uint32_t rows;
} show_flags;

static const ch_option ROWS[] = {
    {"--set", CH_OPTION_TEXTS, offsetof(show_flags, set), 0, 0, "", NULL,
     "key=value of a job, such as data.partition=shards"},
    {"--rows", CH_OPTION_U32, offsetof(show_flags, rows), 0, 1e6, "clients", NULL,
     "how many clients to print"},
    {"--out", CH_OPTION_TEXT, offsetof(show_flags, out), 0, CHOIR_PATH_MAX, "", NULL,
     "also draw clients and labels to this SVG file"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const show_flags DEFAULTS = {.rows = 20};

/* Draws it in memory first: what is at path stays as it is until there is another picture. */
static choir_status picture_write(const char *path, const ch_federation *f, const char *name,
                                  const choir_env *env, choir_error *err) {
    char *text = NULL;
    size_t size = 0;
    FILE *drawn = open_memstream(&text, &size);
    if (drawn == NULL) {
        return CHOIR_ENOMEM;
    }
    choir_status status = ch_overview_draw(drawn, f, name, env, err);
    const bool failed = ferror(drawn) != 0;
    if ((fclose(drawn) != 0 || failed) && status == CHOIR_OK) {
        status = CHOIR_ENOMEM;
    }
    if (status == CHOIR_OK) {
        const choir_bytes bytes = {.data = (const uint8_t *)text, .size = size};
        status = ch_disk_replace(path, &bytes, 1, err);
    }
    free(text);
    return status;
}

static bool is_svg(const char *path) {
    const size_t size = strlen(path);
    return size > 4 && strcmp(path + size - 4, ".svg") == 0;
}

static int show_run(const ch_call *call, choir_error *err) {
    const show_flags *flags = call->options;
    const choir_env env = choir_env_default();
    choir_job job;
    ch_federation *f = NULL;
    if (flags->out[0] != '\0' && !is_svg(flags->out)) {
        (void)ch_error_set(err, CHOIR_EINVAL,
                           "--out: '%.200s' does not end in .svg, which is what is drawn",
                           flags->out);
        return EXIT_WRONG;
    }
    choir_status status = job_of_source(&job, call->operands[0], &flags->set, err);
    if (status == CHOIR_OK) {
        status = ch_federation_open(&f, &job.data, NULL, job.seed, &env, err);
    }
    if (status == CHOIR_OK) {
        status = ch_overview_print(call->out, f, job.data.source, flags->rows, &env);
    }
    if (status == CHOIR_OK && flags->out[0] != '\0') {
        status = picture_write(flags->out, f, job.data.source, &env, err);
        if (status == CHOIR_OK) {
            (void)fprintf(call->out, "\npicture: %s\n", flags->out);
        }
    }
    ch_federation_destroy(f);
    return exit_of(status, err);
}

const ch_command CMD_DATA_SHOW = {
    .name = "data show",
    .operands = "NAME|PATH|JOB.yaml",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show how a data set is dealt to clients",
    .text = "Opens a data set as a run would, deals it to clients, and prints how many examples "
            "each holds and of which labels. The data section of a job file, or --set, says how it "
            "is dealt; 'choir job keys' lists what can be set.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = show_run,
};
