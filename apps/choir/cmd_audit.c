/* choir audit: what administrators did at a server. */
#include "commands.h"
#include "operators.h"

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum { PATH_TEXT_MAX = 64, LIMIT_MAX = 1000 };

typedef struct audit_flags {
    char admin[ADMIN_PATH_MAX];
    uint32_t limit;
    bool json;
} audit_flags;

static const ch_option ROWS[] = {
    ADMIN_ROW(audit_flags),
    {"--limit", CH_OPTION_U32, offsetof(audit_flags, limit), 1, LIMIT_MAX, "", NULL,
     "the newest so many"},
    JSON_ROW(audit_flags),
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const audit_flags DEFAULTS = {.admin = ADMIN_DEFAULT, .limit = 100};

static void entry_put(FILE *out, const json_t *entry) {
    char matter[CH_TEXT_SHOWN_MAX];
    char date[DATE_MAX];
    answer_date(date, entry, "at_ms");
    ch_text_show(matter, sizeof(matter), answer_text(entry, "matter"));
    (void)fprintf(out, "%s  %-16s %-14s %-24s %s\n", date, answer_text(entry, "who"),
                  answer_text(entry, "act"), matter, answer_text(entry, "from"));
}

/* The newest last. */
static void entries_put(const ch_call *call, const json_t *answer) {
    const json_t *list = json_object_get(answer, "entries");
    for (size_t i = json_array_size(list); i > 0; i--) {
        entry_put(call->out, json_array_get(list, i - 1));
    }
}

static int audit_run(const ch_call *call, choir_error *err) {
    const audit_flags *flags = call->options;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/audit?limit=%u", flags->limit);
    const operator_act act = {.admin = flags->admin,
                              .method = "GET",
                              .path = path,
                              .what = "audit",
                              .json = flags->json,
                              .show = entries_put};
    return operator_ask(call, &act, err);
}

const ch_command CMD_AUDIT = {
    .name = "audit",
    .operands = "",
    .summary = "show what administrators did at a server",
    .text = "Prints the audit log: who did what to which job, administrator or device, from which "
            "address; "
            "and what a role did not allow. Times are UTC. For owners.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = audit_run,
};
