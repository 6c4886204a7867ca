/* choir eval: how good a saved model is. */
#include "commands.h"
#include "jobs.h"

#include "base/log.h"
#include "base/text.h"
#include "run/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    CLASSES_SHOWN_MAX = 20,     // more columns do not fit a terminal
    QUOTED_BYTES = 2 * 4096 + 3 // a label's name has at most 4,096
};

typedef struct eval_flags {
    job_data_flags on;
    bool json;
} eval_flags;

static const ch_option ROWS[] = {
    {"--job", CH_OPTION_TEXT, offsetof(eval_flags, on.job), 0, CHOIR_PATH_MAX, "", NULL,
     "a job file whose data to use, if not the job of the model's run"},
    {"--data", CH_OPTION_TEXT, offsetof(eval_flags, on.data), 0, CHOIR_PATH_MAX, "", NULL,
     "other data than the job's: a data.source, such as a CSV file, of which all rows are taken"},
    {"--set", CH_OPTION_TEXTS, offsetof(eval_flags, on.set), 0, 0, "", NULL,
     "key=value that wins over it, such as data.source=mnist"},
    {"--json", CH_OPTION_FLAG, offsetof(eval_flags, json), 0, 0, "", NULL,
     "one line: the result as a JSON object"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const eval_flags DEFAULTS = {.json = false};

static void number_show(char text[CH_TEXT_NUMBER_MAX], double value) {
    (void)snprintf(text, CH_TEXT_NUMBER_MAX, "null");
    if (isfinite(value)) {
        ch_text_number(text, CH_TEXT_NUMBER_MAX, value);
    }
}

static void names_print(FILE *out, const ch_eval_result *r) {
    (void)fprintf(out, "\"labels\":[");
    for (uint32_t i = 0; i < r->classes; i++) {
        char quoted[QUOTED_BYTES];
        (void)ch_text_quote(quoted, sizeof(quoted), r->names[i]);
        (void)fprintf(out, "%s%s", i == 0 ? "" : ",", quoted);
    }
    (void)fprintf(out, "],");
}

static void json_print(FILE *out, const ch_eval_result *r) {
    char accuracy[CH_TEXT_NUMBER_MAX];
    char loss[CH_TEXT_NUMBER_MAX];
    number_show(accuracy, r->accuracy);
    number_show(loss, r->loss);
    (void)fprintf(out, "{\"examples\":%u,", r->examples);
    if (r->predictions != r->examples) {
        (void)fprintf(out, "\"predictions\":%" PRIu64 ",", r->predictions);
    }
    (void)fprintf(out, "\"accuracy\":%s,\"loss\":%s,", accuracy, loss);
    if (r->recall.words > 0) {
        (void)fprintf(out, "\"words\":%" PRIu64 ",\"top1\":%.6f,\"top3\":%.6f,", r->recall.words,
                      ch_recall_first(&r->recall), ch_recall_among(&r->recall));
    }
    if (r->names != NULL) {
        names_print(out, r);
    }
    (void)fprintf(out, "\"confusion\":[");
    for (uint32_t i = 0; r->confusion != NULL && i < r->classes; i++) {
        (void)fprintf(out, i == 0 ? "[" : ",[");
        for (uint32_t j = 0; j < r->classes; j++) {
            (void)fprintf(out, "%s%llu", j == 0 ? "" : ",",
                          (unsigned long long)r->confusion[(size_t)i * r->classes + j]);
        }
        (void)fprintf(out, "]");
    }
    (void)fprintf(out, "]}\n");
}

static void table_print(FILE *out, const ch_eval_result *r) {
    if (r->classes == 0) {
        (void)fprintf(out, "loss %.4f, %u example%s\n", r->loss, r->examples,
                      ch_text_plural(r->examples));
        return;
    }
    (void)fprintf(out, "accuracy %.2f %%, loss %.4f, %u example%s", 100.0 * r->accuracy, r->loss,
                  r->examples, ch_text_plural(r->examples));
    if (r->predictions != r->examples) {
        (void)fprintf(out, ", %" PRIu64 " prediction%s", r->predictions,
                      ch_text_plural(r->predictions));
    }
    (void)fprintf(out, "\n");
    if (r->recall.words > 0) {
        (void)fprintf(out, "recall of words: top-1 %.2f %%, top-3 %.2f %%, %" PRIu64 " word%s\n",
                      100.0 * ch_recall_first(&r->recall), 100.0 * ch_recall_among(&r->recall),
                      r->recall.words, ch_text_plural(r->recall.words));
    }
    if (r->confusion == NULL || r->classes > CLASSES_SHOWN_MAX) {
        return;
    }
    (void)fprintf(out, "\nhow often each label (rows) was taken for each (columns):\n     ");
    for (uint32_t j = 0; j < r->classes; j++) {
        (void)fprintf(out, "%6u", j);
    }
    for (uint32_t i = 0; i < r->classes; i++) {
        (void)fprintf(out, "\n%5u", i);
        for (uint32_t j = 0; j < r->classes; j++) {
            (void)fprintf(out, "%6llu",
                          (unsigned long long)r->confusion[(size_t)i * r->classes + j]);
        }
        if (r->names != NULL) {
            (void)fprintf(out, "  %s", r->names[i]);
        }
    }
    (void)fprintf(out, "\n");
}

static int eval_run(const ch_call *call, choir_error *err) {
    const eval_flags *flags = call->options;
    const char *model = call->operands[0];
    ch_log_lines lines = {.out = stderr, .name = "choir eval", .level = CHOIR_LEVEL_WARN};
    const choir_env env = ch_log_env(&lines);
    choir_job job;
    ch_eval_result result = {0};
    choir_status status = job_of_model(&job, model, &flags->on, err);
    if (status == CHOIR_OK) {
        status = ch_run_eval(&result, model, &job.data, job.seed, &env, err);
    }
    if (status == CHOIR_OK) {
        (flags->json ? json_print : table_print)(call->out, &result);
    }
    ch_eval_result_release(&result, &env);
    return exit_of(status, err);
}

const ch_command CMD_EVAL = {
    .name = "eval",
    .operands = "MODEL",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "evaluate a saved model on a test set",
    .text = "Evaluates MODEL, a run folder or a safetensors file that choir wrote, on the central "
            "test set of its job's data, or of other data, and prints accuracy, loss and how "
            "often each label was taken for each; of words also how often the next one was the "
            "first suggestion, or among the first three.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = eval_run,
};
