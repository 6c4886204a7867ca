/* choir admin revoke, device revoke: a key that is good no longer, a device that takes part no
 * longer. */
#include "commands.h"
#include "operators.h"

#include <stddef.h>

enum { PATH_TEXT_MAX = 256 };

typedef struct revoke_flags {
    char admin[ADMIN_PATH_MAX];
} revoke_flags;

static const ch_option ROWS[] = {ADMIN_ROW(revoke_flags)};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const revoke_flags DEFAULTS = {.admin = ADMIN_DEFAULT};

static void revoked_put(const ch_call *call, const json_t *answer) {
    (void)answer;
    (void)fprintf(call->out, "%s is revoked\n", call->operands[0]);
}

/* kind: "admin", or "device". */
static int revoke(const ch_call *call, const char *kind, choir_error *err) {
    const revoke_flags *flags = call->options;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/%ss/%s/revoke", kind, call->operands[0]);
    const operator_act act = {.admin = flags->admin,
                              .method = "POST",
                              .path = path,
                              .body = json_object(),
                              .what = kind,
                              .show = revoked_put};
    return operator_ask(call, &act, err);
}

static int admin_run(const ch_call *call, choir_error *err) {
    return revoke(call, "admin", err);
}

static int device_run(const ch_call *call, choir_error *err) {
    return revoke(call, "device", err);
}

const ch_command CMD_ADMIN_REVOKE = {
    .name = "admin revoke",
    .operands = "NAME",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "take an administrator's key away",
    .text = "From now on the server does not know the key. The only owner stays. For owners.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = admin_run,
};

const ch_command CMD_DEVICE_REVOKE = {
    .name = "device revoke",
    .operands = "SUBJECT",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "bar a device from a server",
    .text = "The server hears the device no more, whatever tokens it has. SUBJECT is its number: "
            "choir device ls. "
            "What it reported before stays in the models. For owners.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = device_run,
};
