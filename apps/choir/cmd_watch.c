/* choir watch: a hosted job's rounds, as they close. */
#include "commands.h"
#include "operators.h"

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 500, PATH_TEXT_MAX = 256 };

typedef struct watch_flags {
    char admin[ADMIN_PATH_MAX];
    bool json;
} watch_flags;

static const ch_option ROWS[] = {
    ADMIN_ROW(watch_flags),
    {"--json", CH_OPTION_FLAG, offsetof(watch_flags, json), 0, 0, "", NULL,
     "each round as a line: a JSON object"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const watch_flags DEFAULTS = {.admin = ADMIN_DEFAULT};

static void round_put(const ch_call *call, const json_t *round) {
    const watch_flags *flags = call->options;
    if (flags->json) {
        answer_line(call->out, round);
    } else {
        round_line(call->out, round);
    }
    (void)fflush(call->out);
}

/* Shows the rounds from *next on; *next is then the one after them. */
static choir_status rounds_show(const ch_call *call, ch_operator *server, uint32_t *next,
                                choir_error *err) {
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/jobs/%s/rounds?from=%u", call->operands[0], *next);
    json_t *answer = NULL;
    const choir_status status =
        ch_operator_ask(server, "GET", path, NULL, call->operands[0], &answer, err);
    size_t i = 0;
    const json_t *round = NULL;
    json_array_foreach(json_object_get(answer, "rounds"), i, round) {
        round_put(call, round);
        *next = (uint32_t)answer_real(round, "round") + 1;
    }
    json_decref(answer);
    return status;
}

static choir_status job_state(const ch_call *call, ch_operator *server, bool *is_over,
                              choir_error *err) {
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/jobs/%s", call->operands[0]);
    json_t *answer = NULL;
    const choir_status status =
        ch_operator_ask(server, "GET", path, NULL, call->operands[0], &answer, err);
    const char *state = answer_text(answer, "state");
    *is_over = strcmp(state, "running") != 0 && strcmp(state, "paused") != 0;
    json_decref(answer);
    return status;
}

static int watch_run(const ch_call *call, choir_error *err) {
    const watch_flags *flags = call->options;
    ch_log_lines lines = {.out = stderr, .name = "choir watch", .level = CHOIR_LEVEL_WARN};
    const choir_env env = ch_log_env(&lines);
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    ch_operator *server = NULL;
    uint32_t next = 1;
    bool is_over = false;
    choir_status status = ch_operator_open(&server, flags->admin, &env, err);
    while (status == CHOIR_OK && !is_over) { // its state first: no round closes after the last
        status = job_state(call, server, &is_over, err);
        const uint32_t before = next;
        if (status == CHOIR_OK) {
            status = rounds_show(call, server, &next, err);
        }
        is_over = is_over && next == before;
        if (status == CHOIR_OK && next == before && !is_over) {
            (void)nanosleep(&pause, NULL);
        }
    }
    ch_operator_close(server);
    return exit_of(status, err);
}

const ch_command CMD_WATCH = {
    .name = "watch",
    .operands = "JOB",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show a hosted job's rounds as they close",
    .text = "Prints a line for each round of a job, those before and those to come, until the job "
            "is over. JOB is its name, or NAME@VERSION.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = watch_run,
};
