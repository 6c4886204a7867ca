/* choir sim: runs a job in simulation. */
#include "commands.h"
#include "interrupt.h"
#include "result.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "job/keys.h"
#include "job/origin.h"
#include "run/check.h"
#include "run/paths.h"
#include "run/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { SHORT_MAX = 24, SHORTS_MAX = 2, COMMAND_MAX = 2048 };

typedef struct sim_flags {
    ch_option_texts set;
    uint32_t workers;
    char seed[SHORT_MAX];
    char rounds[SHORT_MAX];
    char run_dir[CHOIR_PATH_MAX];
    char resume[CHOIR_PATH_MAX];
    char baseline[SHORT_MAX];
    bool no_report;
    bool quiet;
    bool json;
} sim_flags;

#define FIELD(member) offsetof(sim_flags, member)
#define FLAG(key, member, help)                                                                    \
    { key, CH_OPTION_FLAG, FIELD(member), 0, 0, "", NULL, help }
#define TEXT(key, member, choices, help)                                                           \
    { key, CH_OPTION_TEXT, FIELD(member), 0, sizeof(((sim_flags *)0)->member), "", choices, help }

static const ch_option ROWS[] = {
    {"--set", CH_OPTION_TEXTS, FIELD(set), 0, 0, "", NULL,
     "key=value that wins over the file, such as client.epochs=5"},
    TEXT("--seed", seed, NULL, "short for --set seed=SEED"),
    TEXT("--rounds", rounds, NULL, "short for --set server.rounds=ROUNDS"),
    {"--workers", CH_OPTION_U32, FIELD(workers), 0, 256, "threads", NULL,
     "how many train at once; 0 = one per core; the model does not depend on it"},
    TEXT("--run-dir", run_dir, NULL, "the run's folder, if not runs/NAME-N"),
    TEXT("--resume", resume, NULL, "goes on with the run in this folder, from its checkpoint"),
    TEXT("--baseline", baseline, "none|central|local|central,local|local,central",
         "also trains the pooled examples, each client alone, on the same budget"),
    FLAG("--no-report", no_report, "leaves report.html to 'choir report'"),
    FLAG("--quiet", quiet, "no progress, no summary"),
    FLAG("--json", json, "ends standard output with one line: the result as a JSON object"),
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const sim_flags DEFAULTS = {.baseline = "none"};

/* Whether a short flag has a value that fits its key, and --set says nothing else. */
static choir_status short_check(const char *flag, const char *key, const char *value,
                                const sim_flags *flags, choir_error *err) {
    choir_job scratch = CH_JOB_DEFAULTS;
    const size_t size = strlen(key);
    for (uint32_t i = 0; i < flags->set.count; i++) {
        const char *item = flags->set.items[i];
        if (strncmp(item, key, size) == 0 && item[size] == '=' &&
            strcmp(item + size + 1, value) != 0) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "%s: %s contradicts --set %.60s; give one of them", flag, value,
                                item);
        }
    }
    return ch_options_set(&CH_JOB_KEYS, &scratch, key, value, flag, err);
}

/* Overrides in their order, the short ones last. */
static choir_status job_read(choir_job *out, ch_job_places *places, const char *path,
                             const sim_flags *flags, choir_error *err) {
    const char *all[CH_OPTION_TEXTS_MAX + SHORTS_MAX];
    char shorts[SHORTS_MAX][SHORT_MAX + 16];
    uint32_t count = flags->set.count;
    memcpy((void *)all, (const void *)flags->set.items, count * sizeof(all[0]));
    const struct {
        const char *flag, *key, *value;
    } given[SHORTS_MAX] = {{"--seed", "seed", flags->seed},
                           {"--rounds", "server.rounds", flags->rounds}};
    for (uint32_t i = 0; i < SHORTS_MAX; i++) {
        if (given[i].value[0] == '\0') {
            continue;
        }
        const choir_status status =
            short_check(given[i].flag, given[i].key, given[i].value, flags, err);
        if (status != CHOIR_OK) {
            return status;
        }
        (void)snprintf(shorts[i], sizeof(shorts[i]), "%s=%s", given[i].key, given[i].value);
        all[count] = shorts[i];
        count += 1;
    }
    return ch_job_read_places(out, places, path, all, count, err);
}

/* A run goes on with its own job; what the command line says must not contradict it. */
static choir_status job_resume(choir_job *out, ch_job_places *places, const ch_call *call,
                               choir_error *err) {
    const sim_flags *flags = call->options;
    char path[CHOIR_PATH_MAX];
    char own_value[CH_OPTION_VALUE_MAX];
    char value[CH_OPTION_VALUE_MAX];
    if (!ch_job_origin(path, flags->resume)) {
        return ch_error_set(err, CHOIR_EIO, "--resume: '%s' is not a run: no job.yaml in it",
                            flags->resume);
    }
    if (flags->run_dir[0] != '\0' && strcmp(flags->run_dir, flags->resume) != 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "--run-dir: '%.120s' is not where the run is that --resume '%.120s' "
                            "goes on with; leave it out",
                            flags->run_dir, flags->resume);
    }
    choir_job wanted;
    ch_job_places wanted_places;
    const char *from = call->operands_count > 0 ? call->operands[0] : path;
    choir_status status = ch_job_read_places(out, places, path, NULL, 0, err);
    if (status == CHOIR_OK) {
        status = job_read(&wanted, &wanted_places, from, flags, err);
    }
    if (status == CHOIR_OK && call->operands_count > 0) { // a run keeps whole paths
        status = ch_paths_fix(&wanted, err);
    }
    const ch_option *row = status == CHOIR_OK ? ch_job_difference(&wanted, out) : NULL;
    if (row != NULL) {
        ch_options_get(row, out, own_value, sizeof(own_value));
        ch_options_get(row, &wanted, value, sizeof(value));
        return ch_error_set(err, CHOIR_EINVAL,
                            "--resume: %s is '%.60s' in the run and cannot become '%.60s'; leave "
                            "it as it was, or start a run of its own",
                            row->key, own_value, value);
    }
    return status;
}

static choir_status job_load(choir_job *out, ch_job_places *places, const ch_call *call,
                             choir_error *err) {
    const sim_flags *flags = call->options;
    if (flags->resume[0] != '\0') {
        return job_resume(out, places, call, err);
    }
    if (call->operands_count == 0) {
        return ch_error_set(err, CHOIR_EINVAL, "needs JOB.yaml, or --resume RUN");
    }
    return job_read(out, places, call->operands[0], flags, err);
}

/* What goes on with a run, as a shell takes it. */
static void resume_text(char *out, size_t size, const ch_run_result *r, const sim_flags *flags) {
    const bool has_baseline = strcmp(flags->baseline, "none") != 0;
    const char *const words[] = {"choir",    "sim",        "--resume",
                                 r->run_dir, "--baseline", flags->baseline};
    const ch_call again = {.words = words, .words_count = has_baseline ? 6 : 4};
    ch_call_text(&again, out, size);
}

/* Of a run that files or memory failed after some rounds: they are not lost. */
static void failure_comfort(const ch_run_result *r, choir_status status, const sim_flags *flags,
                            choir_error *err) {
    char command[COMMAND_MAX];
    const choir_error why = *err;
    if ((status == CHOIR_EIO || status == CHOIR_ENOMEM) && r->rounds > 0 &&
        why.message[0] != '\0') {
        resume_text(command, sizeof(command), r, flags);
        (void)ch_error_set(err, status, "%s; when that is mended, this goes on: %s", why.message,
                           command);
    }
}

/* What a run that did not fail may still not have done. */
static int run_judge(const ch_run_result *r, const ch_summary *s, const choir_job *job,
                     const sim_flags *flags, choir_error *err) {
    if (r->interrupted) {
        char command[COMMAND_MAX];
        resume_text(command, sizeof(command), r, flags);
        (void)ch_error_set(err, CHOIR_EAGAIN, "interrupted after round %u; this goes on: %s",
                           r->rounds, command);
        return EXIT_INTERRUPTED;
    }
    if (s->round > 0 && s->discarded == s->round) {
        return result_judge_rounds(s, job, err);
    }
    if (s->has_risen && !r->reached_target) {
        (void)ch_error_set(err, CHOIR_ERANGE,
                           "training diverges: the loss on the test set rose from %.4g in round %u "
                           "to %.4g in round %u; a lower learning rate, the clients' or the "
                           "server's, keeps it down",
                           s->best_loss, s->best_loss_round, r->loss, r->rounds);
        return EXIT_DIVERGED;
    }
    if (r->wants_target && !r->reached_target) {
        (void)ch_error_set(err, CHOIR_EAGAIN,
                           "server.target_accuracy %g was not reached in %u round%s",
                           job->target_accuracy, r->rounds, ch_text_plural(r->rounds));
        return EXIT_TARGET;
    }
    return EXIT_DONE;
}

static int sim_run(const ch_call *call, choir_error *err) {
    const sim_flags *flags = call->options;
    choir_job job;
    ch_job_places places;
    ch_log_lines lines = {.out = stderr, .name = "choir sim", .level = CHOIR_LEVEL_WARN};
    const choir_env env = ch_log_env(&lines);
    choir_status status = job_load(&job, &places, call, err);
    if (status == CHOIR_OK) {
        status = ch_run_check(&job, &places, &env, err);
    }
    if (status != CHOIR_OK) {
        return exit_of(status, err);
    }
    char command[COMMAND_MAX];
    ch_call_text(call, command, sizeof(command));
    ch_run_options o = ch_run_defaults();
    o.workers = flags->workers;
    o.run_dir = flags->run_dir;
    o.resume = flags->resume[0] == '\0' ? NULL : flags->resume;
    o.baseline_central = strstr(flags->baseline, "central") != NULL;
    o.baseline_local = strstr(flags->baseline, "local") != NULL;
    o.report = !flags->no_report;
    o.progress = flags->quiet ? NULL : stderr;
    o.stop = &interrupt_came;
    o.command = command;
    interrupts_catch();
    ch_run_result result;
    status = ch_run_sim(&result, &job, &o, &env, err);
    if (status != CHOIR_OK && status != CHOIR_ERANGE) {
        ch_job_locate(&places, err);
        failure_comfort(&result, status, flags, err);
        return exit_of(status, err);
    }
    ch_summary summary = result_summary(&result, &job);
    summary.has_failed = status == CHOIR_ERANGE;
    if (!flags->quiet) {
        ch_summary_print(stderr, &summary);
        (void)fprintf(stderr, "%s%s", result.warning, result.warning[0] == '\0' ? "" : "\n");
    }
    const int code =
        status != CHOIR_OK ? exit_of(status, err) : run_judge(&result, &summary, &job, flags, err);
    if (flags->json) {
        result_json(call->out, &result, &summary, code == EXIT_DONE ? "" : err->message);
    }
    return code;
}

const ch_command CMD_SIM = {
    .name = "sim",
    .operands = "JOB.yaml",
    .operands_max = 1,
    .summary = "run a job in simulation: train federated, evaluate, report",
    .text =
        "Trains the job's model over its clients, in virtual time, through the very coordinator "
        "and participants that serve devices. Leaves a run folder with the job, metrics, "
        "checkpoints, the model and a report. The same job and seed give the same model, "
        "whatever the number of workers, and however often it was killed and resumed. Ctrl-C "
        "ends it after the round, with a checkpoint; once more ends it at once.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .keys = &CH_JOB_KEYS,
    .keys_defaults = &CH_JOB_DEFAULTS,
    .keys_title = "keys of JOB.yaml and --set",
    .run = sim_run,
};
