/* choir hosted promote, rollback: which model of a job devices use. */
#include "commands.h"
#include "operators.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { PATH_TEXT_MAX = 256 };

typedef struct promote_flags {
    char admin[ADMIN_PATH_MAX];
    uint32_t round; // 0: the last; unused to roll back
    bool json;
} promote_flags;

static const ch_option PROMOTE_ROWS[] = {
    ADMIN_ROW(promote_flags),
    {"--round", CH_OPTION_U32, offsetof(promote_flags, round), 0, UINT32_MAX, "", NULL,
     "after which round; 0: the last that closed"},
    JSON_ROW(promote_flags),
};

static const ch_option ROLLBACK_ROWS[] = {ADMIN_ROW(promote_flags), JSON_ROW(promote_flags)};

static const ch_options PROMOTE = {PROMOTE_ROWS, sizeof(PROMOTE_ROWS) / sizeof(PROMOTE_ROWS[0])};
static const ch_options ROLLBACK = {ROLLBACK_ROWS,
                                    sizeof(ROLLBACK_ROWS) / sizeof(ROLLBACK_ROWS[0])};
static const promote_flags DEFAULTS = {.admin = ADMIN_DEFAULT};

static void promoted_put(const ch_call *call, const json_t *answer) {
    (void)fprintf(call->out, "%s  %s@%.0f round %.0f is promoted\n", answer_text(answer, "hash"),
                  answer_text(answer, "name"), answer_real(answer, "version"),
                  answer_real(answer, "round"));
}

static int ask(const ch_call *call, const char *what, json_t *body, choir_error *err) {
    const promote_flags *flags = call->options;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/jobs/%s/%s", call->operands[0], what);
    const operator_act act = {.admin = flags->admin,
                              .method = "POST",
                              .path = path,
                              .body = body,
                              .what = what,
                              .json = flags->json,
                              .show = promoted_put};
    return operator_ask(call, &act, err);
}

static int promote_run(const ch_call *call, choir_error *err) {
    const promote_flags *flags = call->options;
    json_t *body = json_object();
    if (flags->round > 0) {
        (void)json_object_set_new(body, "round", json_integer((json_int_t)flags->round));
    }
    return ask(call, "promote", body, err);
}

static int rollback_run(const ch_call *call, choir_error *err) {
    return ask(call, "rollback", json_object(), err);
}

const ch_command CMD_HOSTED_PROMOTE = {
    .name = "hosted promote",
    .operands = "JOB",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "make a round's model the one that devices use",
    .text = "The model of a round becomes the promoted one of the job's name: devices fetch it for "
            "inference, without a new release of theirs, and it is kept whatever else is dropped. "
            "JOB is its name, or NAME@VERSION.",
    .options = &PROMOTE,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = promote_run,
};

const ch_command CMD_HOSTED_ROLLBACK = {
    .name = "hosted rollback",
    .operands = "JOB",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "go back to the model that was promoted before",
    .text = "What was promoted last is so no more; what was before it is again. Given again it "
            "goes further back. choir hosted show --json has who promoted what, and when.",
    .options = &ROLLBACK,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = rollback_run,
};
