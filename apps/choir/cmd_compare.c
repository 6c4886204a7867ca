/* choir compare: algorithms side by side on one job, each at the learning rates that suit it. */
#include "commands.h"
#include "interrupt.h"
#include "paper_flags.h"
#include "result.h"

#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "job/keys.h"
#include "paper/compare.h"
#include "run/check.h"
#include "store/metrics_log.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct compare_flags {
    ch_option_texts set;
    char algorithms[CHOIR_PATH_MAX];
    char runs[CHOIR_PATH_MAX];
    char out[CHOIR_PATH_MAX];
    double budget_min;
    uint32_t workers;
    bool no_report;
    bool quiet;
} compare_flags;

#define FIELD(member) offsetof(compare_flags, member)

static const ch_option ROWS[] = {
    {"--algorithms", CH_OPTION_TEXT, FIELD(algorithms), 0, CHOIR_PATH_MAX, "", NULL,
     "values of server.algorithm, separated by commas: fedavg,fedadam,scaffold; empty: the job's"},
    {"--set", CH_OPTION_TEXTS, FIELD(set), 0, 0, "", NULL,
     "key=value that wins over the file, such as client.epochs=5"},
    {"--runs", CH_OPTION_TEXT, FIELD(runs), 0, CHOIR_PATH_MAX, "", NULL,
     "the folder of run directories, which it goes on from"},
    {"--out", CH_OPTION_TEXT, FIELD(out), 0, CHOIR_PATH_MAX, "", NULL, "the page"},
    {"--budget", CH_OPTION_F64, FIELD(budget_min), 0, 1e6, "minutes", NULL,
     "after which it ends, to be gone on with; 0 = when all is run"},
    {"--workers", CH_OPTION_U32, FIELD(workers), 0, 256, "threads", NULL,
     "how many train at once; 0 = one per core; no result depends on it"},
    {"--no-report", CH_OPTION_FLAG, FIELD(no_report), 0, 0, "", NULL, "prints the table alone"},
    {"--quiet", CH_OPTION_FLAG, FIELD(quiet), 0, 0, "", NULL, "no progress, only the table"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const compare_flags DEFAULTS = {.runs = "runs/compare", .out = "comparison.html"};

/* The job's own server rate is not tried: each algorithm has a grid of its own. */
static void idle_warn(const choir_job *job, const ch_job_places *places, const choir_env *env) {
    static const char key[] = "server.learning_rate";
    char place[CH_JOB_PLACE_MAX];
    if (job->server_learning_rate != CH_JOB_DEFAULTS.server_learning_rate) {
        ch_job_place_show(place, places, key);
        ch_log(env, CHOIR_LEVEL_WARN, "key_idle",
               "%s: %s: '%g' has no effect; each algorithm is tried at its own", place, key,
               job->server_learning_rate);
    }
}

static choir_status comparison_open(ch_compare *out, ch_job_places *places, const ch_call *call,
                                    const choir_env *env, choir_error *err) {
    const compare_flags *flags = call->options;
    choir_job job;
    choir_status status = ch_job_read_places(&job, places, call->operands[0], flags->set.items,
                                             flags->set.count, err);
    if (status == CHOIR_OK) {
        const bool is_named = flags->algorithms[0] != '\0';
        status = ch_compare_init(out, &job, is_named ? flags->algorithms : job.algorithm, err);
    }
    for (uint32_t i = 0; i < (status == CHOIR_OK ? out->count : 0) && status == CHOIR_OK; i++) {
        status = ch_run_check(&out->rows[i].job, places, env, err);
    }
    if (status == CHOIR_OK) {
        idle_warn(&job, places, env);
    }
    if (status == CHOIR_OK && !flags->no_report) {
        status = ch_report_check(flags->out, out->count, err); // before hours of runs
    }
    return status;
}

static choir_status report(const ch_call *call, const ch_compare *c, const choir_env *env,
                           choir_error *err) {
    const compare_flags *flags = call->options;
    ch_report_result result;
    const choir_status status = ch_compare_report(&result, c, flags->out, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (result.warning[0] != '\0') {
        (void)fprintf(stderr, "choir compare: %s\n", result.warning);
    }
    if (!flags->quiet) {
        (void)fprintf(stderr, "%s\n", result.path);
    }
    return CHOIR_OK;
}

/* The exit code when no row has a point to use, of the first row that has a run; else EXIT_DONE. */
static int rows_judge(const ch_compare *c, const choir_env *env, choir_error *err) {
    const ch_compare_row *first = NULL;
    for (uint32_t i = 0; i < c->count; i++) {
        const ch_compare_row *row = &c->rows[i];
        if (ch_compare_is_usable(row)) {
            return EXIT_DONE;
        }
        first = first == NULL && row->dir[0] != '\0' && !row->is_counted ? row : first;
    }
    if (first == NULL) {
        (void)ch_error_set(err, CHOIR_ERANGE,
                           "training diverges with every algorithm at every rate; a lower "
                           "client.learning_rate keeps it down");
        return EXIT_DIVERGED;
    }
    choir_error why = {.message = ""};
    ch_metrics_table table = {0};
    ch_ignore(ch_metrics_read(&table, first->dir, env, NULL), "the reason then has no numbers");
    const ch_summary s = ch_summary_of(table.rows, table.count, first->job.rounds, 0);
    ch_metrics_table_release(&table);
    const int code = result_judge_rounds(&s, &first->job, &why);
    (void)ch_error_set(err, why.status, "%s: %s", first->job.algorithm, why.message);
    return code;
}

static int compare_run(const ch_call *call, choir_error *err) {
    static ch_compare c; // too large for a stack
    const compare_flags *flags = call->options;
    ch_log_lines lines = {.out = stderr, .name = "choir compare", .level = CHOIR_LEVEL_WARN};
    const choir_env env = ch_log_env(&lines);
    ch_job_places places;
    choir_status status = comparison_open(&c, &places, call, &env, err);
    if (status != CHOIR_OK) {
        return exit_of(status, err);
    }
    const ch_paper_site site =
        paper_site(flags->runs, flags->workers, flags->budget_min, flags->quiet);
    if (!flags->quiet) {
        (void)fprintf(stderr, "%u runs of at most %u round%s, in %s\n", ch_compare_points(&c),
                      c.rows[0].job.rounds, ch_text_plural(c.rows[0].job.rounds), flags->runs);
    }
    interrupts_catch();
    status = ch_compare_run(&c, &site, &env, err);
    if (status != CHOIR_OK && status != CHOIR_EAGAIN) {
        ch_job_locate(&places, err);
        return exit_of(status, err);
    }
    ch_compare_print(call->out, &c);
    if (status == CHOIR_EAGAIN) {
        (void)ch_error_set(err, status, "ended before all was run; the same call goes on");
        return EXIT_INTERRUPTED;
    }
    const int code = rows_judge(&c, &env, err);
    if (code != EXIT_DONE) {
        return code;
    }
    status = flags->no_report ? CHOIR_OK : report(call, &c, &env, err);
    return status == CHOIR_OK ? EXIT_DONE : exit_of(status, err);
}

const ch_command CMD_COMPARE = {
    .name = "compare",
    .operands = "JOB.yaml",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "tune algorithms on a job, and compare them at their best",
    .text =
        "Runs the job with each of the algorithms over a small grid of learning rates: the job's "
        "client.learning_rate and its neighbours by a factor of 10^(1/3), times a "
        "server.learning_rate, whatever the job's, of 1; of 1 and 0.316 for fedavgm; of 0.1, "
        "0.0316 and 0.01 for the adaptive ones. The best reaches the job's server.target_accuracy "
        "in the fewest rounds, "
        "or has the highest test accuracy of any round. What an algorithm cannot do without and "
        "the job does not say is set, and told. Prints a table and writes a page with the best "
        "runs side by side. Ended in any way, it goes on with the same call again.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_TRAINED,
    .run = compare_run,
};
