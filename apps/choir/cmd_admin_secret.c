/* choir admin secret: a fresh secret by which devices enrol. */
#include "commands.h"
#include "operators.h"

#include "base/disk.h"
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

/* The join file of today where it is wanted. It is in the server's folder in any case. */
static choir_status join_write(const char *path, json_t *join, choir_error *err) {
    choir_error why = {.message = ""};
    const choir_status status = ch_secret_file_write(path, json_incref(join), &why);
    return status == CHOIR_OK
               ? status
               : ch_error_set(err, status,
                              "%.300s; the enrolment secret is another all the same, and the join "
                              "file of today in the server's folder",
                              why.message);
}

/* What cannot be written is known before the secret of before is worthless. */
static choir_status rotate(const operator_session *o, void *self, choir_error *err) {
    const secret_flags *flags = o->call->options;
    const bool writes = flags->out[0] != '\0';
    json_t *join = NULL;
    (void)self;
    choir_status status = writes ? ch_disk_check_replace(flags->out, err) : CHOIR_OK;
    if (status == CHOIR_OK) {
        status = ch_operator_ask(o->server, "POST", "/secret", json_object(), "secret", &join, err);
    }
    if (status == CHOIR_OK && writes) {
        status = join_write(flags->out, join, err);
    }
    if (status == CHOIR_OK) {
        (void)fprintf(o->call->out,
                      "the enrolment secret is another; the join file of today is %s\n",
                      writes ? flags->out : "in the server's folder");
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
