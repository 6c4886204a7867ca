/* choir hosted pause, resume, stop, rm: what becomes of a hosted job. */
#include "commands.h"
#include "operators.h"

#include <stdio.h>

enum { PATH_TEXT_MAX = 256 };

/* Asks for one act, the end of the path. */
static int ask(const ch_call *call, const char *method, const char *tail,
               void (*show)(const ch_call *call, const json_t *answer), choir_error *err) {
    const operator_flags *flags = call->options;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/jobs/%s%s", call->operands[0], tail);
    const operator_act act = {.admin = flags->admin,
                              .method = method,
                              .path = path,
                              .body = json_object(),
                              .what = call->operands[0],
                              .json = flags->json,
                              .show = show};
    return operator_ask(call, &act, err);
}

static void state_put(const ch_call *call, const json_t *answer) {
    (void)fprintf(call->out, "%s %s\n", answer_text(answer, "job"), answer_text(answer, "state"));
}

static void removed_put(const ch_call *call, const json_t *answer) {
    const double count = answer_real(answer, "removed");
    (void)fprintf(call->out, "%s removed: %.0f version%s\n", answer_text(answer, "job"), count,
                  count == 1 ? "" : "s");
}

static int pause_run(const ch_call *call, choir_error *err) {
    return ask(call, "POST", "/pause", state_put, err);
}

static int resume_run(const ch_call *call, choir_error *err) {
    return ask(call, "POST", "/resume", state_put, err);
}

static int stop_run(const ch_call *call, choir_error *err) {
    return ask(call, "POST", "/stop", state_put, err);
}

static int rm_run(const ch_call *call, choir_error *err) {
    return ask(call, "DELETE", "", removed_put, err);
}

#define STEERING(word, what, tells)                                                                \
    {                                                                                              \
        .name = "hosted " #word, .operands = "JOB", .operands_min = 1, .operands_max = 1,          \
        .summary = (what), .text = (tells), .options = &OPERATOR_OPTIONS,                          \
        .defaults = &OPERATOR_DEFAULTS, .bytes = sizeof(OPERATOR_DEFAULTS),                        \
        .exits_count = EXITS_USUAL, .run = word##_run,                                             \
    }

const ch_command CMD_HOSTED_PAUSE =
    STEERING(pause, "let a hosted job rest",
             "Rounds stand still, and clients are told to come back. What the open round has is "
             "kept. JOB is its name, or NAME@VERSION.");

const ch_command CMD_HOSTED_RESUME = STEERING(
    resume, "let a paused, stopped or failed job go on",
    "Goes on with the open round. One that has failed for want of memory goes on from what "
    "the server has on its disk. A version that has been replaced does not come back. "
    "JOB is its name, or NAME@VERSION.");

const ch_command CMD_HOSTED_STOP =
    STEERING(stop, "end a hosted job",
             "Clients are told that it is over. Its models stay, and choir hosted resume lets it "
             "go on. JOB is its name, or NAME@VERSION.");

const ch_command CMD_HOSTED_RM = STEERING(
    rm, "remove a hosted job with everything of it",
    "Removes its rounds, its models and its clients' places, for good. JOB is NAME@VERSION, or a "
    "name, for all versions of it. One that is running or paused must be stopped first.");
