/* choir admin ls: who may do what at a server. */
#include "commands.h"
#include "operators.h"

#include <stddef.h>

static void table_put(const ch_call *call, const json_t *answer) {
    FILE *out = call->out;
    size_t i = 0;
    const json_t *admin = NULL;
    (void)fprintf(out, "%-32s %-8s  %s\n", "NAME", "ROLE", "KEY");
    json_array_foreach(json_object_get(answer, "admins"), i, admin) {
        (void)fprintf(out, "%-32s %-8s  %s\n", answer_text(admin, "name"),
                      answer_text(admin, "role"),
                      json_is_true(json_object_get(admin, "revoked")) ? "revoked" : "good");
    }
}

static int list_run(const ch_call *call, choir_error *err) {
    const operator_flags *flags = call->options;
    const operator_act act = {.admin = flags->admin,
                              .method = "GET",
                              .path = "/admins",
                              .what = "admin",
                              .json = flags->json,
                              .show = table_put};
    return operator_ask(call, &act, err);
}

const ch_command CMD_ADMIN_LS = {
    .name = "admin ls",
    .operands = "",
    .summary = "list who may do what at a server",
    .text =
        "Lists the administrators with their roles. The keys themselves nobody has. For owners.",
    .options = &OPERATOR_OPTIONS,
    .defaults = &OPERATOR_DEFAULTS,
    .bytes = sizeof(OPERATOR_DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = list_run,
};
