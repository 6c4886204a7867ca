/* choir hosted show: everything of one hosted job. */
#include "commands.h"
#include "operators.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { PATH_TEXT_MAX = 256 };

static void versions_put(FILE *out, const json_t *job) {
    size_t i = 0;
    const json_t *version = NULL;
    (void)fprintf(out, "versions   ");
    json_array_foreach(json_object_get(job, "versions"), i, version) {
        (void)fprintf(out, "%s%.0f %s, round %.0f/%.0f", i == 0 ? "" : "; ",
                      answer_real(version, "version"), answer_text(version, "state"),
                      answer_real(version, "round"), answer_real(version, "rounds"));
    }
    (void)fprintf(out, "\n");
}

/* The job's text, further in. */
static void text_put(FILE *out, const char *text) {
    (void)fprintf(out, "\n");
    while (*text != '\0') {
        const size_t size = strcspn(text, "\n");
        (void)fprintf(out, "  %.*s\n", (int)size, text);
        text += size + (text[size] == '\n');
    }
}

static void show(const ch_call *call, const json_t *job) {
    FILE *out = call->out;
    (void)fprintf(out, "%s@%.0f  %s  round %.0f/%.0f\n", answer_text(job, "name"),
                  answer_real(job, "version"), answer_text(job, "state"), answer_real(job, "round"),
                  answer_real(job, "rounds"));
    (void)fprintf(out, "clients    %.0f, %.0f have joined; %.0f in the open round\n",
                  answer_real(job, "clients"), answer_real(job, "joined"),
                  answer_real(job, "cohort"));
    select_put(out, "select     ", job, "\n");
    const double left_ms = answer_real(job, "deadline_left_ms");
    if (isfinite(left_ms)) {
        (void)fprintf(out, "deadline   in %.1f s\n", left_ms / 1000);
    }
    (void)fprintf(out, "model      %s, %.0f parameters\n", answer_text(job, "model"),
                  answer_real(job, "parameters"));
    const double best = answer_real(job, "best_round");
    if (isfinite(best)) {
        (void)fprintf(out, "best       round %.0f\n", best);
    }
    const json_t *promoted = json_object_get(job, "promoted");
    if (promoted != NULL) {
        (void)fprintf(out, "promoted   %s, version %.0f round %.0f\n",
                      answer_text(promoted, "hash"), answer_real(promoted, "version"),
                      answer_real(promoted, "round"));
    }
    versions_put(out, job);
    size_t i = 0;
    const json_t *round = NULL;
    json_array_foreach(json_object_get(job, "last_rounds"), i, round) {
        round_line(out, round);
        measure_line(out, round);
    }
    text_put(out, answer_text(job, "job"));
}

static int show_run(const ch_call *call, choir_error *err) {
    const operator_flags *flags = call->options;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/jobs/%s/details", call->operands[0]);
    const operator_act act = {.admin = flags->admin,
                              .method = "GET",
                              .path = path,
                              .what = call->operands[0],
                              .json = flags->json,
                              .show = show};
    return operator_ask(call, &act, err);
}

const ch_command CMD_HOSTED_SHOW = {
    .name = "hosted show",
    .operands = "JOB",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "everything of one hosted job",
    .text = "Its state, its round and what is left of that round's time, its clients, its model, "
            "its versions, its last rounds, and every key of it. JOB is its name, or "
            "NAME@VERSION. choir status lists all jobs.",
    .options = &OPERATOR_OPTIONS,
    .defaults = &OPERATOR_DEFAULTS,
    .bytes = sizeof(OPERATOR_DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = show_run,
};
