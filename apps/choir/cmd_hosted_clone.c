/* choir hosted clone: a hosted job once more, under another name and with other keys. */
#include "commands.h"
#include "operators.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { PATH_TEXT_MAX = 256 };

typedef struct clone_flags {
    char admin[ADMIN_PATH_MAX];
    ch_option_texts set;
    bool json;
} clone_flags;

static const ch_option ROWS[] = {
    ADMIN_ROW(clone_flags),
    {"--set", CH_OPTION_TEXTS, offsetof(clone_flags, set), 0, 0, "", NULL,
     "key=value that the clone has instead, such as client.epochs=5; none of model or data"},
    JSON_ROW(clone_flags),
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const clone_flags DEFAULTS = {.admin = ADMIN_DEFAULT};

static json_t *body_of(const ch_call *call) {
    const clone_flags *flags = call->options;
    json_t *set = json_array();
    for (uint32_t i = 0; i < flags->set.count; i++) {
        (void)json_array_append_new(set, json_string(flags->set.items[i]));
    }
    return json_pack("{s:s, s:o}", "name", call->operands[1], "set", set);
}

static void cloned_put(const ch_call *call, const json_t *answer) {
    (void)fprintf(call->out, "%s@%.0f hosted: %.0f clients, %.0f parameters\n",
                  answer_text(answer, "name"), answer_real(answer, "version"),
                  answer_real(answer, "clients"), answer_real(answer, "parameters"));
}

static int clone_run(const ch_call *call, choir_error *err) {
    const clone_flags *flags = call->options;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/jobs/%s/clone", call->operands[0]);
    const operator_act act = {.admin = flags->admin,
                              .method = "POST",
                              .path = path,
                              .body = body_of(call),
                              .what = "clone",
                              .json = flags->json,
                              .show = cloned_put};
    return operator_ask(call, &act, err);
}

const ch_command CMD_HOSTED_CLONE = {
    .name = "hosted clone",
    .operands = "JOB NAME",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "host a hosted job once more, with other keys",
    .text = "Hosts a job NAME from what the server has of JOB: its text, with other keys where "
            "--set says so, and the model that it began from. Nothing is read on this machine.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = clone_run,
};
