/* A run's result: see result.h. */
#include "result.h"

#include "commands.h"

#include "base/error.h"
#include "base/text.h"
#include "fl/algorithm.h"
#include "store/metrics_log.h"
#include "store/run_dir.h"

#include <math.h>
#include <string.h>

static void real_put(FILE *out, const char *key, double value) {
    char text[CH_TEXT_NUMBER_MAX] = "null";
    if (isfinite(value)) {
        ch_text_number(text, sizeof(text), value);
    }
    (void)fprintf(out, "\"%s\":%s,", key, text);
}

static void count_put(FILE *out, const char *key, uint64_t value) {
    (void)fprintf(out, "\"%s\":%llu,", key, (unsigned long long)value);
}

/* null where there is no text. */
static void text_put(FILE *out, const char *key, const char *value, const char *after) {
    char quoted[2 * CHOIR_PATH_MAX + 2];
    (void)ch_text_quote(quoted, sizeof(quoted), value);
    (void)fprintf(out, "\"%s\":%s%s", key, value[0] == '\0' ? "null" : quoted, after);
}

/* null when it was not asked for, or did not come to its end. */
static void baseline_put(FILE *out, const char *key, const ch_baseline *b) {
    (void)fprintf(out, "\"%s\":%s", key, b->is_done ? "{" : "null,");
    if (b->is_done) {
        real_put(out, "accuracy", b->accuracy);
        real_put(out, "loss", b->loss);
        real_put(out, "heldout_mean", b->heldout);
        real_put(out, "seconds", b->seconds);
        (void)fprintf(out, "\"diverged_clients\":%u},", b->diverged);
    }
}

void result_json(FILE *out, const ch_run_result *r, const ch_summary *s, const char *reason) {
    (void)fprintf(out, "{");
    real_put(out, "accuracy", r->accuracy);
    real_put(out, "loss", r->loss);
    count_put(out, "rounds", r->rounds);
    (void)fprintf(out, "\"reached_target\":%s,", r->reached_target ? "true" : "false");
    (void)fprintf(out, "\"interrupted\":%s,", r->interrupted ? "true" : "false");
    text_put(out, "reason", reason, ",");
    text_put(out, "model_hash", r->model_hash, ",");
    if (s->diverged_round > 0) {
        (void)fprintf(out, "\"diverged\":{\"round\":%u,", s->diverged_round);
        real_put(out, "client", s->diverged_client);
        real_put(out, "loss", s->diverged_loss);
        (void)fprintf(out, "\"updates\":%llu},",
                      (unsigned long long)s->refused[CHOIR_REFUSAL_DIVERGED]);
    } else {
        (void)fprintf(out, "\"diverged\":null,");
    }
    count_put(out, "bytes_up", r->bytes_up);
    count_put(out, "bytes_down", r->bytes_down);
    real_put(out, "seconds", r->seconds);
    real_put(out, "evaluation_seconds", r->evaluation_seconds);
    real_put(out, "virtual_seconds", r->virtual_seconds);
    baseline_put(out, "central", &r->central);
    baseline_put(out, "local", &r->local);
    text_put(out, "report", r->report, ",");
    text_put(out, "run_dir", r->run_dir, "}\n");
}

/* What the job's algorithm has to say where most updates were refused for their size; "": nothing,
 * else with what is to stand behind it. */
static void advice_text(char *out, size_t size, const ch_summary *s, const choir_job *job) {
    const ch_algorithm_ops *algorithm = ch_algorithm_find(job->algorithm, NULL);
    const uint64_t *n = s->refused;
    const uint64_t lost = n[CHOIR_REFUSAL_DIVERGED] + n[CHOIR_REFUSAL_NOT_FINITE];
    const bool is_range = n[CHOIR_REFUSAL_RANGE] >= n[CHOIR_REFUSAL_NORM];
    const char *advice = algorithm == NULL || lost > n[CHOIR_REFUSAL_RANGE] + n[CHOIR_REFUSAL_NORM]
                             ? NULL
                         : is_range ? algorithm->range_advice
                                    : algorithm->norm_advice;
    (void)snprintf(out, size, "%s%s", advice == NULL ? "" : advice, advice == NULL ? "" : "; ");
}

int result_judge_rounds(const ch_summary *s, const choir_job *job, choir_error *err) {
    char refusals[200];
    ch_summary_refusals(refusals, sizeof(refusals), s);
    const uint64_t large = s->refused[CHOIR_REFUSAL_DIVERGED] +
                           s->refused[CHOIR_REFUSAL_NOT_FINITE] + s->refused[CHOIR_REFUSAL_NORM] +
                           s->refused[CHOIR_REFUSAL_RANGE];
    const uint64_t missing = s->refused[CHOIR_REFUSAL_MISSING];
    if (large > 0 && large >= missing) {
        char advice[200];
        advice_text(advice, sizeof(advice), s, job);
        const bool is_regression = strcmp(job->data.task, "regression") == 0;
        (void)ch_error_set(err, CHOIR_ERANGE,
                           "not one of %u round%s counted; updates refused: %s; %sa lower "
                           "client.learning_rate keeps them small%s",
                           s->round, ch_text_plural(s->round), refusals, advice,
                           is_regression ? ", and so do labels of about 1: they are not scaled as "
                                           "inputs are, so divide large ones in the file"
                                         : "");
        return EXIT_DIVERGED;
    }
    if (s->discarded_reports >= job->quorum) {
        const ch_algorithm_ops *algorithm = ch_algorithm_find(job->algorithm, NULL);
        (void)ch_error_set(err, CHOIR_EAGAIN, "not one of %u round%s counted: %s", s->round,
                           ch_text_plural(s->round),
                           algorithm == NULL || algorithm->unfit == NULL
                               ? "what was reported could not be applied"
                               : algorithm->unfit);
        return EXIT_QUORUM;
    }
    if (s->sampled == 0 && strcmp(job->population, "closed") == 0) {
        (void)ch_error_set(err, CHOIR_EAGAIN,
                           "not one of %u round%s counted: no client was sampled in any; a "
                           "server.sample_rate above %g samples more",
                           s->round, ch_text_plural(s->round), job->sample_rate);
        return EXIT_QUORUM;
    }
    (void)ch_error_set(err, CHOIR_EAGAIN,
                       "not one of %u round%s counted: too few reports for server.quorum %u; %llu "
                       "of the clients asked did not report%s%s; see server.deadline, "
                       "server.sample_rate, network.availability and network.dropout",
                       s->round, ch_text_plural(s->round), job->quorum, (unsigned long long)missing,
                       refusals[0] == '\0' ? "" : ", refused: ", refusals);
    return EXIT_QUORUM;
}

ch_summary result_summary(const ch_run_result *r, const choir_job *job) {
    const choir_env env = choir_env_default();
    ch_metrics_table table = {0};
    ch_ignore(ch_metrics_read(&table, r->run_dir, &env, NULL), "the summary then has totals only");
    ch_summary s = ch_summary_of(table.rows, table.count, job->rounds, job->target_accuracy);
    ch_run_facts facts = {.start_loss = NAN};
    ch_ignore(ch_run_facts_read(&facts, r->run_dir, &env, NULL), "its losses speak for themselves");
    double best = 0;
    double last = 0;
    uint32_t best_round = 0;
    uint32_t last_round = 0;
    s.has_risen = ch_summary_rise(table.rows, table.count, facts.start_loss, &best, &best_round,
                                  &last, &last_round);
    s.best_loss = best;
    s.best_loss_round = best_round;
    ch_metrics_table_release(&table);
    s.name = job->name;
    s.accuracy = r->accuracy;
    s.loss = r->loss;
    s.round = r->rounds;
    s.is_interrupted = r->interrupted;
    s.bytes_up = r->bytes_up;
    s.bytes_down = r->bytes_down;
    s.seconds = r->seconds;
    s.evaluation_seconds = r->evaluation_seconds;
    s.virtual_seconds = r->virtual_seconds;
    s.was_finished = r->was_finished;
    if (r->central.is_done) {
        s.central = r->central.accuracy;
        s.central_loss = r->central.loss;
    }
    if (r->local.is_done) {
        s.local = r->local.accuracy;
        s.local_loss = r->local.loss;
    }
    s.model_hash = r->model_hash;
    s.report = r->report;
    return s;
}
