/* choir admin add: another administrator, with a key of their own. */
#include "commands.h"
#include "operators.h"

#include "base/disk.h"
#include "base/error.h"

#include <stddef.h>
#include <unistd.h>

enum { PATH_TEXT_MAX = 256 };

typedef struct add_flags {
    char admin[ADMIN_PATH_MAX];
    char role[16];
    char out[ADMIN_PATH_MAX];
} add_flags;

static const ch_option ROWS[] = {
    ADMIN_ROW(add_flags),
    {"--role", CH_OPTION_TEXT, offsetof(add_flags, role), 0, 16, "", "owner|analyst|viewer",
     "viewer: looks; analyst: hosts and steers jobs too; owner: keys and the audit log too"},
    {"--out", CH_OPTION_TEXT, offsetof(add_flags, out), 0, ADMIN_PATH_MAX, "", NULL,
     "write the file that the new administrator gives as --admin, where none is yet, instead of "
     "printing the key"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const add_flags DEFAULTS = {.admin = ADMIN_DEFAULT, .role = "viewer"};

/* The key is told once: there is no other way to have it. */
static choir_status key_tell(const operator_session *o, const char *key, choir_error *err) {
    const ch_call *call = o->call;
    const add_flags *flags = call->options;
    if (flags->out[0] == '\0') {
        (void)fprintf(call->out, "%s\n", key);
        return fflush(call->out) == 0
                   ? CHOIR_OK
                   : ch_error_set(err, CHOIR_EIO, "the key could not be printed");
    }
    const choir_status status = ch_operator_file_write(o->server, flags->out, key, err);
    if (status == CHOIR_OK) {
        (void)fprintf(call->out, "%s is %s: choir status --admin %s\n", call->operands[0],
                      flags->role, flags->out);
    }
    return status;
}

/* Takes back a key that nobody has. err: why, to which it adds what came of it. */
static choir_status key_revoke(const operator_session *o, choir_status why, choir_error *err) {
    char path[PATH_TEXT_MAX];
    json_t *answer = NULL;
    const char *name = o->call->operands[0];
    const choir_error before = *err;
    (void)snprintf(path, sizeof(path), "/admins/%s/revoke", name);
    const choir_status status =
        ch_operator_ask(o->server, "POST", path, json_object(), "admin", &answer, NULL);
    json_decref(answer);
    return ch_error_set(err, why, "%.300s; %s%.100s%s", before.message,
                        status == CHOIR_OK ? "'" : "nobody has it: choir admin revoke ", name,
                        status == CHOIR_OK ? "' is revoked again" : "");
}

static choir_status add(const operator_session *o, void *self, choir_error *err) {
    const add_flags *flags = o->call->options;
    json_t *answer = NULL;
    json_t *body = json_pack("{s:s, s:s}", "name", o->call->operands[0], "role", flags->role);
    (void)self;
    choir_status status =
        ch_operator_ask(o->server, "POST", "/admins", body, "admin", &answer, err);
    if (status == CHOIR_OK) {
        const char *key = json_string_value(json_object_get(answer, "key"));
        status = key == NULL ? ch_error_set(err, CHOIR_EPROTO, "admin: the server gave no key")
                             : key_tell(o, key, err);
        status = status == CHOIR_OK ? status : key_revoke(o, status, err);
    }
    json_decref(answer);
    return status;
}

/* The file is there before the key is, and is no other's. */
static choir_status add_to_file(const operator_session *o, void *self, choir_error *err) {
    const add_flags *flags = o->call->options;
    choir_status status = ch_disk_claim(flags->out, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = add(o, self, err);
    if (status != CHOIR_OK) {
        (void)unlink(flags->out);
    }
    return status;
}

static int add_run(const ch_call *call, choir_error *err) {
    const add_flags *flags = call->options;
    return operator_work(call, flags->admin, flags->out[0] == '\0' ? add : add_to_file, NULL, err);
}

const ch_command CMD_ADMIN_ADD = {
    .name = "admin add",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "make a key for another administrator of a server",
    .text = "Makes an administrator of that name, and prints the key, which nobody can have again: "
            "the server keeps only a hash of it. For owners.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = add_run,
};
