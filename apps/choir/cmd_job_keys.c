/* choir job keys: everything a job file may say. */
#include "commands.h"

#include "base/manual.h"
#include "job/keys.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct keys_flags {
    bool json;
    bool markdown;
    bool man;
} keys_flags;

static const ch_option ROWS[] = {
    {"--json", CH_OPTION_FLAG, offsetof(keys_flags, json), 0, 0, "", NULL, "as one JSON array"},
    {"--markdown", CH_OPTION_FLAG, offsetof(keys_flags, markdown), 0, 0, "", NULL,
     "as the table of docs/job.md"},
    {"--man", CH_OPTION_FLAG, offsetof(keys_flags, man), 0, 0, "", NULL,
     "as the manual page choir-job(5)"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const keys_flags DEFAULTS = {.json = false};

static void keys_man(FILE *out, const ch_program *p) {
    (void)fprintf(out,
                  ".TH \"CHOIR-JOB\" 5 \"\" \"%s %s\"\n"
                  ".SH NAME\nchoir\\-job \\- the YAML file that describes a run of choir\n"
                  ".SH DESCRIPTION\n"
                  "A job is a mapping of keys to values. A dot in a key is a section:\n"
                  ".B client.epochs\nstands under\n.BR client: .\n"
                  "Every key has a default, so an empty file is a job too.\n.SH KEYS\n",
                  p->name, p->version);
    ch_manual_options_man(out, &CH_JOB_KEYS, &CH_JOB_DEFAULTS);
}

static int keys_run(const ch_call *call, choir_error *err) {
    (void)err;
    const keys_flags *flags = call->options;
    if (flags->man) {
        keys_man(call->out, call->program);
    } else if (flags->markdown) {
        ch_manual_options_markdown(call->out, &CH_JOB_KEYS, &CH_JOB_DEFAULTS);
    } else if (flags->json) {
        ch_manual_options_json(call->out, &CH_JOB_KEYS, &CH_JOB_DEFAULTS);
    } else {
        ch_manual_options(call->out, &CH_JOB_KEYS, &CH_JOB_DEFAULTS);
    }
    return EXIT_DONE;
}

const ch_command CMD_JOB_KEYS = {
    .name = "job keys",
    .operands = "",
    .summary = "print every key of a job file: unit, bounds, default",
    .text = "Prints every key of a job file with what it is, what it may be, and its default. A "
            "dot is a section: client.epochs stands under 'client:'.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = keys_run,
};
