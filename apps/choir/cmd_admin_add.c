/* choir admin add: another administrator, with a key of their own. */
#include "commands.h"
#include "operators.h"

#include "base/error.h"

#include <stddef.h>

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
     "write the file that the new administrator gives as --admin, instead of printing the key"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const add_flags DEFAULTS = {.admin = ADMIN_DEFAULT, .role = "viewer"};

/* The key is told once: there is no other way to have it. */
static choir_status key_tell(const ch_call *call, const ch_operator *server, const char *key,
                             choir_error *err) {
    const add_flags *flags = call->options;
    if (flags->out[0] == '\0') {
        (void)fprintf(call->out, "%s\n", key);
        return CHOIR_OK;
    }
    const choir_status status = ch_operator_file_write(server, flags->out, key, err);
    if (status == CHOIR_OK) {
        (void)fprintf(call->out, "%s is %s: choir status --admin %s\n", call->operands[0],
                      flags->role, flags->out);
    }
    return status;
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
                             : key_tell(o->call, o->server, key, err);
    }
    json_decref(answer);
    return status;
}

static int add_run(const ch_call *call, choir_error *err) {
    const add_flags *flags = call->options;
    return operator_work(call, flags->admin, add, NULL, err);
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
