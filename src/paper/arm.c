/* Arm: see arm.h. */
#include "paper/arm.h"

#include "base/error.h"
#include "base/text.h"
#include "data/federation.h"
#include "job/keys.h"
#include "paper/grid.h"
#include "paper/job_digest.h"
#include "paper/pooled.h"
#include "report/report.h"
#include "report/units.h"
#include "run/digest.h"
#include "run/run.h"
#include "run/session.h"
#include "store/metrics_log.h"
#include "store/run_dir.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_EVERY_S = 20, // a line about an arm that is under way
    LINE_BYTES = 256,
};

bool ch_paper_site_is_over(const ch_paper_site *site) {
    return (site->stop != NULL && *site->stop != 0) || ch_session_clock() >= site->deadline_s;
}

// ----- where it lies ----------------------------------------------------------------------------

choir_status ch_arm_dir(char out[CHOIR_PATH_MAX], const char *runs, const choir_job *job,
                        choir_error *err) {
    static const char *const apart[] = {"server.rounds"};
    char digest[CH_JOB_DIGEST_TEXT];
    char rate[CH_TEXT_NUMBER_MAX];
    ch_job_digest(digest, job, apart, job->rounds == CH_PAPER_ROUNDS_ENDLESS ? 1 : 0);
    ch_text_number(rate, sizeof(rate), job->client_learning_rate);
    const int size = snprintf(out, CHOIR_PATH_MAX, "%s/%s-%s-%s", runs, job->name, rate, digest);
    if (size < 0 || size >= CHOIR_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%.60s...: the path is longer than %d bytes", runs,
                            CHOIR_PATH_MAX - 1);
    }
    return CHOIR_OK;
}

choir_status ch_arm_rates(double out[CH_ARM_RATES], const choir_job *job, uint32_t count,
                          choir_error *err) {
    static const int32_t steps[CH_ARM_RATES] = {0, -CH_GRID_STEP, CH_GRID_STEP};
    static const char key[] = "client.learning_rate";
    const ch_option *row = ch_options_find(&CH_JOB_KEYS, key);
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < CH_ARM_RATES; i++) {
        const double own = job->client_learning_rate;
        out[i] = i == 0 ? own : ch_grid_beside(own, steps[i]);
        if (i < count && status == CHOIR_OK && (out[i] < row->min || out[i] > row->max)) {
            status = ch_error_set(err, CHOIR_EINVAL,
                                  "%s: is %g, and its neighbour %g is tried too; both must be in "
                                  "[%g, %g]",
                                  key, own, out[i], row->min, row->max);
        }
    }
    return status;
}

static bool has_baselines(const ch_arm_task *task) {
    return task->baselines[0] != '\0';
}

static bool has_file(const char *dir, const char *file) {
    char path[CHOIR_PATH_MAX];
    return ch_run_dir_file(path, dir, file, NULL) == CHOIR_OK && access(path, F_OK) == 0;
}

choir_status ch_arm_data(char out[CH_DIGEST_TEXT], const choir_job *job, const choir_env *env,
                         choir_error *err) {
    ch_federation *f = NULL;
    choir_status status = ch_federation_open(&f, &job->data, NULL, job->seed, env, err);
    if (status == CHOIR_OK && ch_federation_arrange(f) != CHOIR_OK) { // as a run does
        status = ch_error_set(err, CHOIR_ENOMEM, "no memory to arrange the examples by client");
    }
    if (status == CHOIR_OK) {
        status = ch_digest_text(out, f, env, err);
    }
    ch_federation_destroy(f);
    return status;
}

/* Whether a run that needs no further round had the examples there are; one that goes on is asked
 * by itself. */
static choir_status data_check(const ch_arm_task *task, const char *dir, const choir_env *env,
                               choir_error *err) {
    char now[CH_DIGEST_TEXT] = "";
    ch_run_facts facts;
    choir_status status = ch_run_facts_read(&facts, dir, env, err);
    if (status == CHOIR_OK && task->data != NULL) {
        memcpy(now, task->data, sizeof(now));
    } else if (status == CHOIR_OK && facts.data_digest[0] != '\0') {
        status = ch_arm_data(now, task->job, env, err);
    }
    if (status != CHOIR_OK || facts.data_digest[0] == '\0' || strcmp(facts.data_digest, now) == 0) {
        return status;
    }
    return ch_error_set(err, CHOIR_EINVAL,
                        "data.source: '%s' holds other examples than when %s was run (digest %s, "
                        "now %s); put the old ones back, or give another --runs",
                        task->job->data.source, dir, facts.data_digest, now);
}

// ----- what its rounds say ----------------------------------------------------------------------

/* NaN of a model that has left the numbers, whatever its answers happen to be. */
static double accuracy_of(const ch_metrics_row *row) {
    return isfinite(row->loss) ? row->accuracy : (double)NAN;
}

static void row_add(ch_crossing *c, const ch_metrics_row *row) {
    ch_crossing_add(c, row->round, accuracy_of(row), (double)(row->bytes_up + row->bytes_down));
}

/* Why the run that c tells of needs no further round. */
static ch_crossing_end end_of(const ch_crossing *c, const ch_arm_task *task) {
    double rounds[CH_OUTCOME_POINTS_MAX];
    double accuracies[CH_OUTCOME_POINTS_MAX];
    const ch_crossing_end end = ch_crossing_judge(c, task->beaten, task->limit);
    if (end != CH_CROSSING_GOES_ON || task->ahead == NULL) {
        return end;
    }
    for (uint32_t i = 0; i < task->ahead->points; i++) {
        rounds[i] = task->ahead->curve[i].round;
        accuracies[i] = task->ahead->curve[i].accuracy;
    }
    return ch_crossing_is_behind(c, task->beaten, rounds, accuracies, task->ahead->points)
               ? CH_CROSSING_BEHIND
               : end;
}

static ch_outcome_point point_of(const ch_metrics_row *row, double pooled) {
    return (ch_outcome_point){.round = row->round,
                              .accuracy = ch_outcome_real(accuracy_of(row), CH_OUTCOME_DIGITS),
                              .loss = row->loss,
                              .pooled_loss = pooled,
                              .heldout = row->heldout_mean};
}

/* Whether a round is a point that may be kept: of a figure of the pooled loss, one that has it. */
static bool is_point(const ch_metrics_row *row, const ch_arm_task *task, const ch_pooled *pooled) {
    return task->pooled_every > 0 ? !isnan(ch_pooled_at(pooled, row->round))
                                  : !isnan(row->loss) || !isnan(row->heldout_mean);
}

/* Moves rows that are better than all before to the front, and the last; returns how many. */
static uint32_t records_keep(ch_metrics_row *rows, uint32_t count) {
    double best = -INFINITY;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (accuracy_of(&rows[i]) > best || i + 1 == count) {
            best = fmax(best, accuracy_of(&rows[i]));
            rows[kept] = rows[i];
            kept += 1;
        }
    }
    return kept;
}

/* Keeps some of the first (count) rows that were evaluated: moves those to the front first. */
static void curve_keep(ch_outcome_arm *out, ch_metrics_row *rows, uint32_t count,
                       const ch_arm_task *task, const ch_pooled *pooled) {
    uint32_t kept[CH_OUTCOME_POINTS_MAX];
    uint32_t evaluated = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (is_point(&rows[i], task, pooled)) {
            rows[evaluated] = rows[i];
            evaluated += 1;
        }
    }
    if (task->is_monotone) {
        evaluated = records_keep(rows, evaluated);
    }
    out->points = ch_crossing_thin(kept, evaluated, task->points);
    for (uint32_t i = 0; i < out->points; i++) {
        out->curve[i] = point_of(&rows[kept[i]], ch_pooled_at(pooled, rows[kept[i]].round));
    }
}

/* Whether what was to be trained beside the run was, or could not be. */
static bool has_ended(const ch_arm_task *task, const char *dir) {
    static const char *const names[] = {"central", "local"};
    for (size_t i = 0; i < 2; i++) {
        char folder[CHOIR_PATH_MAX];
        (void)snprintf(folder, sizeof(folder), "%.400s/baseline-%s", dir, names[i]);
        if (strstr(task->baselines, names[i]) != NULL && !has_file(folder, "metrics.jsonl") &&
            !has_file(folder, CH_REPORT_FAILURE_FILE)) {
            return false;
        }
    }
    return true;
}

/* Whether a run that has all its rounds has left the model of the last one, when that is wanted. */
static bool has_model(const ch_arm_task *task, const char *dir, const choir_env *env) {
    ch_run_facts facts;
    return !task->wants_model ||
           (ch_run_facts_read(&facts, dir, env, NULL) == CHOIR_OK && facts.model_hash[0] != '\0');
}

choir_status ch_arm_judge(ch_outcome_arm *out, const ch_arm_task *task, const char *dir,
                          const choir_env *env, choir_error *err) {
    memset(out, 0, sizeof(*out));
    out->rate = task->rate;
    out->end = task->limit == 0 ? CH_CROSSING_LIMIT : CH_CROSSING_GOES_ON;
    out->crossing = INFINITY;
    if (!has_file(dir, "metrics.jsonl")) {
        return CHOIR_OK;
    }
    ch_metrics_table table = {0};
    ch_pooled pooled = {.count = 0};
    choir_status status = ch_metrics_read(&table, dir, env, err);
    if (status == CHOIR_OK && task->pooled_every > 0) {
        status = ch_pooled_read(&pooled, dir, env, err);
    }
    ch_crossing c;
    ch_crossing counted;
    ch_crossing_init(&c, task->target);
    ch_crossing_init(&counted, task->target > 0 ? task->target : task->level);
    for (uint32_t i = 0; i < table.count && out->end == CH_CROSSING_GOES_ON; i++) {
        row_add(&c, &table.rows[i]);
        row_add(&counted, &table.rows[i]);
        out->end = end_of(&c, task);
    }
    if (out->end == CH_CROSSING_GOES_ON && has_file(dir, CH_REPORT_FAILURE_FILE)) {
        out->end = CH_CROSSING_DIVERGED;
    }
    if (out->end == CH_CROSSING_LIMIT && !(has_ended(task, dir) && has_model(task, dir, env))) {
        out->end = CH_CROSSING_GOES_ON;
    }
    out->rounds = c.closed;
    out->crossing = ch_outcome_real(counted.rounds, CH_OUTCOME_DIGITS + 1);
    out->best = ch_outcome_real(c.best, CH_OUTCOME_DIGITS + 1);
    out->bytes = c.bytes;
    if (status == CHOIR_OK) {
        curve_keep(out, table.rows, c.closed < table.count ? c.closed : table.count, task, &pooled);
    }
    ch_metrics_table_release(&table);
    return status;
}

// ----- running it -------------------------------------------------------------------------------

typedef struct running {
    const ch_arm_task *task;
    const ch_paper_site *site;
    const char *dir;
    ch_crossing c;
    ch_pooled pooled;
    choir_status status; // of measuring and writing that
    choir_error why;
    uint32_t last;   // round to end after; UINT32_MAX: none
    double lined_s;  // when the last line was written
    double opened_s; // when the first round of this process began
    uint32_t opened; // rounds there were before
} running;

void ch_arm_line(char *out, size_t size, const ch_arm_task *task, const ch_crossing *c,
                 double rounds_per_s) {
    char speed[CH_UNITS_MAX];
    char best[CH_UNITS_MAX];
    char rate[CH_TEXT_NUMBER_MAX];
    ch_text_number(rate, sizeof(rate), task->job->client_learning_rate);
    ch_units_share(best, c->best);
    ch_units_rate(speed, rounds_per_s);
    (void)snprintf(out, size, "%s  rate %s  round %u of at most %u  best %s  %s", task->cell, rate,
                   c->closed, task->limit, best, speed);
}

static void line_write(const running *r, double now_s) {
    char line[LINE_BYTES];
    const uint32_t done = r->c.closed - r->opened;
    ch_arm_line(line, sizeof(line), r->task, &r->c,
                now_s > r->opened_s ? done / (now_s - r->opened_s) : NAN);
    (void)fprintf(r->site->progress, "%s\n", line);
}

static void pooled_measure(running *r, const ch_run_view *view) {
    const uint32_t round = view->row->round;
    const uint32_t every = r->task->pooled_every;
    ch_evaluation e;
    if (every == 0 || (round > 1 && round % every != 0) ||
        !isnan(ch_pooled_at(&r->pooled, round))) {
        return;
    }
    r->status = ch_evaluator_pooled(view->evaluator, view->params, &e, &r->why);
    if (r->status == CHOIR_OK) {
        ch_pooled_add(&r->pooled, round, e.loss);
        r->status = ch_pooled_write(&r->pooled, r->dir, &r->why);
    }
}

static bool after_round(void *self, const ch_run_view *view) {
    running *r = self;
    const ch_metrics_row *row = view->row;
    pooled_measure(r, view);
    if (row->round > r->c.closed) { // rounds after the checkpoint are run again, to the same end
        row_add(&r->c, row);
    }
    const double now_s = ch_session_clock();
    if (r->site->progress != NULL && now_s - r->lined_s >= LINE_EVERY_S) {
        line_write(r, now_s);
        r->lined_s = now_s;
    }
    const bool is_again = row->round < r->c.closed; // it has not ended there before
    const ch_crossing_end end = is_again ? CH_CROSSING_GOES_ON : end_of(&r->c, r->task);
    if (has_baselines(r->task) && end == CH_CROSSING_LIMIT) {
        return false; // it ends by itself, and what follows its rounds is wanted
    }
    return end != CH_CROSSING_GOES_ON || row->round >= r->last || r->status != CHOIR_OK ||
           ch_paper_site_is_over(r->site);
}

static choir_status crossing_load(running *r, const char *dir, const choir_env *env,
                                  choir_error *err) {
    ch_metrics_table table = {0};
    ch_crossing_init(&r->c, r->task->target);
    if (!has_file(dir, "metrics.jsonl")) {
        return CHOIR_OK;
    }
    const choir_status status = ch_metrics_read(&table, dir, env, err);
    for (uint32_t i = 0; i < table.count; i++) {
        row_add(&r->c, &table.rows[i]);
    }
    ch_metrics_table_release(&table);
    return status;
}

static choir_status rounds_run(running *r, const char *dir, uint32_t rounds_max,
                               const choir_env *env, choir_error *err) {
    choir_status status = crossing_load(r, dir, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (r->task->pooled_every > 0) {
        status = ch_pooled_read(&r->pooled, dir, env, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    r->dir = dir;
    r->opened = r->c.closed;
    r->last = rounds_max == 0 ? UINT32_MAX : r->c.closed + rounds_max;
    r->opened_s = ch_session_clock();
    r->lined_s = r->opened_s;
    ch_run_options o = ch_run_defaults();
    o.workers = r->site->workers;
    o.run_dir = dir;
    o.resume = has_file(dir, "job.yaml") ? dir : NULL;
    o.data_dir = r->task->job->data.dir;
    o.baseline_central = strstr(r->task->baselines, "central") != NULL;
    o.baseline_local = strstr(r->task->baselines, "local") != NULL;
    o.is_judged = r->task->is_judged || r->task->target > 0;
    o.report = false;
    o.stop = r->site->stop;
    o.command = r->task->cell;
    o.after = after_round;
    o.after_self = r;
    ch_run_result result;
    status = ch_run_sim(&result, r->task->job, &o, env, err);
    if (status == CHOIR_OK && r->status != CHOIR_OK) {
        return ch_error_set(err, r->status, "%s", r->why.message);
    }
    return status == CHOIR_ERANGE ? CHOIR_OK : status;
}

choir_status ch_arm_run(ch_outcome_arm *out, const ch_arm_task *task, const ch_paper_site *site,
                        uint32_t rounds_max, const choir_env *env, choir_error *err) {
    char dir[CHOIR_PATH_MAX];
    choir_status status = ch_arm_dir(dir, site->runs, task->job, err);
    if (status == CHOIR_OK) {
        status = ch_arm_judge(out, task, dir, env, err);
    }
    if (status == CHOIR_OK && out->end != CH_CROSSING_GOES_ON && out->rounds > 0) {
        status = data_check(task, dir, env, err);
    }
    if (status != CHOIR_OK || out->end != CH_CROSSING_GOES_ON) {
        return status;
    }
    if (ch_paper_site_is_over(site)) {
        return CHOIR_EAGAIN;
    }
    running r = {.task = task, .site = site};
    status = rounds_run(&r, dir, rounds_max, env, err);
    if (status == CHOIR_OK) {
        status = ch_arm_judge(out, task, dir, env, err);
    }
    return status == CHOIR_OK && out->end == CH_CROSSING_GOES_ON ? CHOIR_EAGAIN : status;
}
