/* choir export: a hosted job's model, as a file. */
#include "commands.h"
#include "operators.h"

#include "base/error.h"
#include "choir/blob.h"
#include "net/export.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct export_flags {
    char admin[ADMIN_PATH_MAX];
    char out[ADMIN_PATH_MAX];
    uint32_t round;
    bool best;
    bool promoted;
} export_flags;

#define NEWEST UINT32_MAX

static const ch_option ROWS[] = {
    ADMIN_ROW(export_flags),
    {"--round", CH_OPTION_U32, offsetof(export_flags, round), 0, UINT32_MAX, "", NULL,
     "after which round; 0: the initial model; the largest number: the newest"},
    {"--best", CH_OPTION_FLAG, offsetof(export_flags, best), 0, 0, "", NULL,
     "after the round of the lowest loss, as its clients had it while they trained"},
    {"--promoted", CH_OPTION_FLAG, offsetof(export_flags, promoted), 0, 0, "", NULL,
     "the promoted one, whichever version and round it is of"},
    {"--out", CH_OPTION_TEXT, offsetof(export_flags, out), 0, ADMIN_PATH_MAX, "", NULL,
     "the file, if not JOB.safetensors"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const export_flags DEFAULTS = {.admin = ADMIN_DEFAULT, .round = NEWEST};

static choir_status choice_make(ch_export_choice *out, const export_flags *flags,
                                choir_error *err) {
    if (flags->promoted + flags->best + (flags->round != NEWEST) > 1) {
        return ch_error_set(err, CHOIR_EINVAL, "--round, --best, --promoted: give one of them");
    }
    *out = (ch_export_choice){.kind = CH_EXPORT_ROUND, .round = flags->round};
    if (flags->best) {
        out->kind = CH_EXPORT_BEST;
    } else if (flags->promoted) {
        out->kind = CH_EXPORT_PROMOTED;
    } else if (flags->round == NEWEST) {
        out->kind = CH_EXPORT_NOW;
    }
    return CHOIR_OK;
}

static choir_status fetch(const operator_session *o, void *self, choir_error *err) {
    const export_flags *flags = o->call->options;
    const ch_export_choice *choice = self;
    char path[2 * ADMIN_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s", flags->out);
    if (flags->out[0] == '\0') {
        (void)snprintf(path, sizeof(path), "%.*s.safetensors", ADMIN_PATH_MAX,
                       o->call->operands[0]);
    }
    choir_hash hash;
    const choir_status status =
        ch_export(o->server, o->call->operands[0], *choice, path, &hash, &o->env, err);
    if (status == CHOIR_OK) {
        char text[2 * CHOIR_HASH_BYTES + 1];
        choir_hash_text(&hash, text);
        (void)fprintf(o->call->out, "%s  %s\n", text, path);
    }
    return status;
}

static int export_run(const ch_call *call, choir_error *err) {
    const export_flags *flags = call->options;
    ch_export_choice choice;
    const choir_status status = choice_make(&choice, flags, err);
    return status == CHOIR_OK ? operator_work(call, flags->admin, fetch, &choice, err)
                              : exit_of(status, err);
}

const ch_command CMD_EXPORT = {
    .name = "export",
    .operands = "JOB",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "fetch the model of any round of a hosted job",
    .text = "Writes a job's model after a round as a safetensors file, and prints the hash of its "
            "parameters. JOB is its name, or NAME@VERSION. choir eval and choir predict read the "
            "file.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = export_run,
};
