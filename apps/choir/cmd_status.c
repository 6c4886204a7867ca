/* choir status: what a server's jobs are doing. */
#include "commands.h"
#include "operators.h"

#include "choir/task.h"

#include <math.h>
#include <stddef.h>

static void share_put(FILE *out, double value, const char *format) {
    if (isfinite(value)) {
        (void)fprintf(out, format, value);
    } else {
        (void)fprintf(out, "%9s", "-");
    }
}

static void job_put(FILE *out, const json_t *job) {
    char name[CHOIR_JOB_TEXT_MAX];
    const json_t *last = json_object_get(job, "last");
    (void)snprintf(name, sizeof(name), "%s@%.0f", answer_text(job, "name"),
                   answer_real(job, "version"));
    (void)fprintf(out, "%-24s %-9s %6.0f/%-6.0f %9.0f %7.0f ", name, answer_text(job, "state"),
                  answer_real(job, "round"), answer_real(job, "rounds"),
                  answer_real(job, "clients"), answer_real(job, "cohort"));
    share_put(out, 100 * answer_real(last, "train_accuracy"), "%7.2f %%");
    share_put(out, answer_real(last, "train_loss"), "%9.4f");
    (void)fprintf(out, "  %.12s", answer_text(job, "model"));
    select_put(out, "  selects ", job, "");
    (void)fprintf(out, "\n");
}

static void table_put(const ch_call *call, const json_t *answer) {
    FILE *out = call->out;
    const json_t *jobs = json_object_get(answer, "jobs");
    (void)fprintf(out, "%-24s %-9s %13s %9s %7s %9s%9s  %s\n", "JOB", "STATE", "ROUND", "CLIENTS",
                  "COHORT", "ACCURACY", "LOSS", "MODEL");
    size_t i = 0;
    const json_t *job = NULL;
    json_array_foreach(jobs, i, job) {
        job_put(out, job);
    }
    if (json_array_size(jobs) > 0) {
        (void)fprintf(out, "accuracy and loss: of the last round's clients, while they trained\n");
    }
}

static int status_run(const ch_call *call, choir_error *err) {
    const operator_flags *flags = call->options;
    const operator_act act = {.admin = flags->admin,
                              .method = "GET",
                              .path = "/jobs",
                              .what = "status",
                              .json = flags->json,
                              .show = table_put};
    return operator_ask(call, &act, err);
}

const ch_command CMD_STATUS = {
    .name = "status",
    .operands = "",
    .summary = "what a server's jobs are doing",
    .text = "Lists the jobs of a server with their state, their round and what it came to. choir "
            "hosted show tells everything of one of them.",
    .options = &OPERATOR_OPTIONS,
    .defaults = &OPERATOR_DEFAULTS,
    .bytes = sizeof(OPERATOR_DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = status_run,
};
