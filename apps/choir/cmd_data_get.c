/* choir data get: downloads a public data set, and checks what arrives. */
#include "commands.h"

#include "base/error.h"
#include "choir/job.h"
#include "data/catalog.h"
#include "data/generator.h"
#include "data/source.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

typedef struct get_flags {
    char dir[CHOIR_PATH_MAX];
    bool quiet;
} get_flags;

static const ch_option ROWS[] = {
    {"--dir", CH_OPTION_TEXT, offsetof(get_flags, dir), 0, CHOIR_PATH_MAX, "", NULL,
     "where data sets are kept, if not in the user's data directory"},
    {"--quiet", CH_OPTION_FLAG, offsetof(get_flags, quiet), 0, 0, "", NULL,
     "say nothing of what is going on"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const get_flags DEFAULTS = {.quiet = false};

/* Where progress goes. */
typedef struct telling {
    FILE *out; // NULL: nowhere
    const char *file;
    bool is_terminal;
    uint32_t percent; // last told
} telling;

static void tell_file(void *self, const char *file) {
    telling *t = self;
    t->file = file;
    t->percent = 101;
    if (t->out != NULL) {
        (void)fprintf(t->out, "%s\n", file);
    }
}

static void tell_progress(void *self, uint64_t done, uint64_t bytes) {
    telling *t = self;
    const uint32_t percent = (uint32_t)(done * 100 / bytes);
    if (t->out != NULL && t->is_terminal && percent != t->percent) {
        t->percent = percent;
        (void)fprintf(t->out, "\r%3u %%  %.1f of %.1f MB%s", percent, (double)done / 1e6,
                      (double)bytes / 1e6, done == bytes ? "\n" : "");
        (void)fflush(t->out);
    }
}

static choir_status row_find(const ch_catalog_row **out, const char *name, choir_error *err) {
    ch_generator built_in;
    *out = ch_catalog_find(name);
    if (*out != NULL) {
        return CHOIR_OK;
    }
    if (ch_generator_parse(&built_in, name, NULL) == CHOIR_OK) {
        return ch_error_set(err, CHOIR_EINVAL, "'%s' is built in; there is nothing to get", name);
    }
    const char *near = ch_source_nearest(name);
    return ch_error_set(err, CHOIR_EINVAL, "no data set is called '%.60s'; %s%s%s", name,
                        near != NULL ? "did you mean '" : "'choir data list' shows their names",
                        near != NULL ? near : "", near != NULL ? "'?" : "");
}

/* Where there is no network: what to bring from elsewhere. */
static void by_hand_tell(FILE *out, const ch_catalog_row *row, const char *dir) {
    (void)fprintf(out, "without a network, put these files into %s/%s:\n", dir, row->name);
    for (uint32_t i = 0; i < row->file_count; i++) {
        (void)fprintf(out, "  %s  from %s\n", row->files[i].name, row->files[i].urls[0]);
    }
}

/* Which edition came of what changes with its editions. */
static choir_status editions_tell(FILE *out, const ch_catalog_row *row, const char *dir,
                                  choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < row->file_count && status == CHOIR_OK; i++) {
        char path[CHOIR_PATH_MAX];
        char hash[CH_DOWNLOAD_HASH_TEXT];
        uint64_t bytes = 0;
        const int size =
            snprintf(path, sizeof(path), "%s/%s/%s", dir, row->name, row->files[i].name);
        if (row->files[i].sha256 != NULL || size >= CHOIR_PATH_MAX) {
            continue;
        }
        status = ch_download_hash(hash, &bytes, path, err);
        if (status == CHOIR_OK) {
            (void)fprintf(out, "%s: an edition of %" PRIu64 " bytes, SHA-256 %s\n",
                          row->files[i].name, bytes, hash);
        }
    }
    return status;
}

static int get_run(const ch_call *call, choir_error *err) {
    const get_flags *flags = call->options;
    const ch_catalog_row *row = NULL;
    char dir[CHOIR_PATH_MAX];
    choir_status status = row_find(&row, call->operands[0], err);
    if (status == CHOIR_OK) {
        status = ch_data_dir(dir, flags->dir, err);
    }
    if (status != CHOIR_OK) {
        return exit_of(status, err);
    }
    telling t = {.out = flags->quiet ? NULL : stderr, .is_terminal = isatty(STDERR_FILENO) == 1};
    ch_download like = ch_download_defaults();
    like.progress = tell_progress;
    like.self = &t;
    status = ch_catalog_get(row, dir, &like, tell_file, err);
    if (status == CHOIR_OK) {
        (void)fprintf(call->out, "%s/%s\n", dir, row->name);
        status = editions_tell(call->out, row, dir, err);
    } else if (status == CHOIR_EIO && !flags->quiet) {
        by_hand_tell(stderr, row, dir);
    }
    return exit_of(status, err);
}

const ch_command CMD_DATA_GET = {
    .name = "data get",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "download a public data set",
    .text = "Downloads a data set from its public source into the data directory, going on where "
            "an earlier download ended, and keeps a file only when its SHA-256 is the one in "
            "data/README.md. Prints where the set is, and size and hash of what changes with its "
            "editions, which has none there. Files already here are only checked.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = get_run,
};
