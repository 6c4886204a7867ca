/* choir admin secret: a fresh secret by which devices enrol. */
#include "commands.h"
#include "operators.h"

#include "base/error.h"
#include "net/secret_file.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct secret_flags {
    char admin[ADMIN_PATH_MAX];
    bool rotate;
    char out[ADMIN_PATH_MAX];
} secret_flags;

static const ch_option ROWS[] = {
    ADMIN_ROW(secret_flags),
    {"--rotate", CH_OPTION_FLAG, offsetof(secret_flags, rotate), 0, 0, "", NULL,
     "make it now; required, because join files of before are worthless then"},
    {"--out", CH_OPTION_TEXT, offsetof(secret_flags, out), 0, ADMIN_PATH_MAX, "", NULL,
     "write the join file of today here, too"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const secret_flags DEFAULTS = {.admin = ADMIN_DEFAULT};

static choir_status rotate(const operator_session *o, void *self, choir_error *err) {
    const secret_flags *flags = o->call->options;
    json_t *join = NULL;
    (void)self;
    choir_status status =
        ch_operator_ask(o->server, "POST", "/secret", json_object(), "secret", &join, err);
    if (status == CHOIR_OK && flags->out[0] != '\0') {
        status = ch_secret_file_write(flags->out, json_incref(join), err);
    }
    if (status == CHOIR_OK) {
        (void)fprintf(o->call->out,
                      "the enrolment secret is another; the join file of today is %s\n",
                      flags->out[0] == '\0' ? "in the server's folder" : flags->out);
    }
    json_decref(join);
    return status;
}

static int secret_run(const ch_call *call, choir_error *err) {
    const secret_flags *flags = call->options;
    if (!flags->rotate) {
        return exit_of(ch_error_set(err, CHOIR_EINVAL,
                                    "--rotate is missing: it makes a fresh secret, and join files "
                                    "of before enrol nobody any more"),
                       err);
    }
    return operator_work(call, flags->admin, rotate, NULL, err);
}

const ch_command CMD_ADMIN_SECRET = {
    .name = "admin secret",
    .operands = "",
    .summary = "make a fresh secret by which devices enrol",
    .text =
        "Makes a fresh enrolment secret at a server, and its join file anew. Whoever has a join "
        "file of before can enrol no more; devices that have enrolled go on. For owners.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = secret_run,
};
