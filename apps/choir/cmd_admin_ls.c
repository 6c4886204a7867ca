/* choir admin ls: who may do what at a server. */
#include "commands.h"
#include "operators.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct list_flags {
    char admin[ADMIN_PATH_MAX];
    bool json;
} list_flags;

static const ch_option ROWS[] = {
    ADMIN_ROW(list_flags),
    {"--json", CH_OPTION_FLAG, offsetof(list_flags, json), 0, 0, "", NULL,
     "one line: the answer as a JSON object"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const list_flags DEFAULTS = {.admin = ADMIN_DEFAULT};

static void table_put(FILE *out, const json_t *answer) {
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
    const list_flags *flags = call->options;
    json_t *answer = NULL;
    const choir_status status =
        operator_ask("choir admin", flags->admin, "GET", "/admins", NULL, "admin", &answer, err);
    if (status == CHOIR_OK && flags->json) {
        answer_line(call->out, answer);
    } else if (status == CHOIR_OK) {
        table_put(call->out, answer);
    }
    json_decref(answer);
    return exit_of(status, err);
}

const ch_command CMD_ADMIN_LS = {
    .name = "admin ls",
    .operands = "",
    .summary = "list who may do what at a server",
    .text =
        "Lists the administrators with their roles. The keys themselves nobody has. For owners.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = list_run,
};
