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

#define JSON_ROW                                                                                   \
    {                                                                                              \
        "--json", CH_OPTION_FLAG, offsetof(promote_flags, json), 0, 0, "", NULL,                   \
            "one line: the answer as a JSON object"                                                \
    }

static const ch_option PROMOTE_ROWS[] = {
    ADMIN_ROW(promote_flags),
    {"--round", CH_OPTION_U32, offsetof(promote_flags, round), 0, UINT32_MAX, "", NULL,
     "after which round; 0: the last that closed"},
    JSON_ROW,
};

static const ch_option ROLLBACK_ROWS[] = {ADMIN_ROW(promote_flags), JSON_ROW};

static const ch_options PROMOTE = {PROMOTE_ROWS, sizeof(PROMOTE_ROWS) / sizeof(PROMOTE_ROWS[0])};
static const ch_options ROLLBACK = {ROLLBACK_ROWS,
                                    sizeof(ROLLBACK_ROWS) / sizeof(ROLLBACK_ROWS[0])};
static const promote_flags DEFAULTS = {.admin = ADMIN_DEFAULT};

static int ask(const ch_call *call, const char *act, json_t *body, choir_error *err) {
    const promote_flags *flags = call->options;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/jobs/%s/%s", call->operands[0], act);
    json_t *answer = NULL;
    const choir_status status =
        operator_ask("choir hosted", flags->admin, "POST", path, body, act, &answer, err);
    if (status == CHOIR_OK && flags->json) {
        answer_line(call->out, answer);
    } else if (status == CHOIR_OK) {
        (void)fprintf(call->out, "%s  %s@%.0f round %.0f is promoted\n",
                      answer_text(answer, "hash"), answer_text(answer, "name"),
                      answer_real(answer, "version"), answer_real(answer, "round"));
    }
    json_decref(answer);
    return exit_of(status, err);
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
