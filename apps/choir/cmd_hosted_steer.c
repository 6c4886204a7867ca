/* choir hosted pause, resume, stop, rm: what becomes of a hosted job. */
#include "commands.h"
#include "operators.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { PATH_TEXT_MAX = 256 };

typedef struct steer_flags {
    char admin[ADMIN_PATH_MAX];
    bool json;
} steer_flags;

static const ch_option ROWS[] = {
    ADMIN_ROW(steer_flags),
    {"--json", CH_OPTION_FLAG, offsetof(steer_flags, json), 0, 0, "", NULL,
     "one line: the answer as a JSON object"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const steer_flags DEFAULTS = {.admin = ADMIN_DEFAULT};

/* Asks for one act, the command's last word. */
static choir_status ask(const ch_call *call, const char *method, const char *tail, json_t **answer,
                        choir_error *err) {
    const steer_flags *flags = call->options;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/jobs/%s%s", call->operands[0], tail);
    const choir_status status = operator_ask("choir hosted", flags->admin, method, path,
                                             json_object(), call->operands[0], answer, err);
    if (status == CHOIR_OK && flags->json) {
        answer_line(call->out, *answer);
    }
    return status;
}

static int steer(const ch_call *call, const char *tail, choir_error *err) {
    const steer_flags *flags = call->options;
    json_t *answer = NULL;
    const choir_status status = ask(call, "POST", tail, &answer, err);
    if (status == CHOIR_OK && !flags->json) {
        (void)fprintf(call->out, "%s %s\n", answer_text(answer, "job"),
                      answer_text(answer, "state"));
    }
    json_decref(answer);
    return exit_of(status, err);
}

static int pause_run(const ch_call *call, choir_error *err) {
    return steer(call, "/pause", err);
}

static int resume_run(const ch_call *call, choir_error *err) {
    return steer(call, "/resume", err);
}

static int stop_run(const ch_call *call, choir_error *err) {
    return steer(call, "/stop", err);
}

static int rm_run(const ch_call *call, choir_error *err) {
    const steer_flags *flags = call->options;
    json_t *answer = NULL;
    const choir_status status = ask(call, "DELETE", "", &answer, err);
    if (status == CHOIR_OK && !flags->json) {
        const double count = answer_real(answer, "removed");
        (void)fprintf(call->out, "%s removed: %.0f version%s\n", answer_text(answer, "job"), count,
                      count == 1 ? "" : "s");
    }
    json_decref(answer);
    return exit_of(status, err);
}

#define STEERING(word, what, tells)                                                                \
    {                                                                                              \
        .name = "hosted " #word, .operands = "JOB", .operands_min = 1, .operands_max = 1,          \
        .summary = (what), .text = (tells), .options = &OPTIONS, .defaults = &DEFAULTS,            \
        .bytes = sizeof(DEFAULTS), .exits_count = EXITS_USUAL, .run = word##_run,                  \
    }

const ch_command CMD_HOSTED_PAUSE =
    STEERING(pause, "let a hosted job rest",
             "Rounds stand still, and clients are told to come back. What the open round has is "
             "kept. JOB is its name, or NAME@VERSION.");

const ch_command CMD_HOSTED_RESUME =
    STEERING(resume, "let a paused or stopped job go on",
             "Goes on with the open round. A version that has been replaced does not come back. "
             "JOB is its name, or NAME@VERSION.");

const ch_command CMD_HOSTED_STOP =
    STEERING(stop, "end a hosted job",
             "Clients are told that it is over. Its models stay, and choir hosted resume lets it "
             "go on. JOB is its name, or NAME@VERSION.");

const ch_command CMD_HOSTED_RM = STEERING(
    rm, "remove a hosted job with everything of it",
    "Removes its rounds, its models and its clients' places, for good. JOB is NAME@VERSION, or a "
    "name, for all versions of it. One that is running or paused must be stopped first.");
