/* Measure: see measure.h. */
#include "paper/measure.h"

#include "base/error.h"
#include "base/text.h"
#include "job/rules.h"
#include "report/units.h"
#include "store/run_dir.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ASIDE_AFTER = 3 }; // times the paper's rounds

ch_ledger ch_conduct_ledger(const ch_conduct *c) {
    return (ch_ledger){c->catalogue, c->site.results, c->site.seed};
}

uint32_t ch_conduct_rates(const ch_conduct *c, const ch_paper_cell *cell) {
    const uint32_t room = CH_OUTCOME_ARMS_MAX / ch_measure_runs(cell->e, cell->row);
    const uint32_t wanted = c->rates_max > 0 ? c->rates_max : cell->e->rates_max;
    return wanted < room ? wanted : room;
}

uint32_t ch_measure_runs(const ch_paper_experiment *e, uint32_t row) {
    const char *baselines = e->rows[row].baselines;
    return 1U + (strstr(baselines, "central") != NULL ? 1 : 0) +
           (strstr(baselines, "local") != NULL ? 1 : 0);
}

uint32_t ch_measure_clients(const choir_job *job) {
    if (job->data.clients == 0) {
        return UINT32_MAX;
    }
    const double clients = floor(ch_job_asked(job, job->data.clients) + 0.5);
    return clients < 1 ? 1 : (uint32_t)clients;
}

uint32_t ch_measure_pooled_every(const ch_paper_experiment *e, uint32_t rounds) {
    return strcmp(e->metric, "pooled-loss") == 0 ? rounds / CH_ARM_FIGURE_POINTS + 1 : 0;
}

choir_status ch_measure_task(ch_arm_task *out, choir_job *job, const ch_outcome *outcome,
                             const ch_conduct *c, const ch_paper_cell *cell, int32_t rate,
                             choir_error *err) {
    const ch_outcome_arm *best = ch_outcome_best(outcome);
    const ch_paper_experiment *e = cell->e;
    const choir_status status =
        ch_paper_job(job, e, cell->row, cell->column, rate, c->site.seed, c->site.data_dir, err);
    const bool is_table = strcmp(e->kind, "table") == 0;
    const bool has_winner = outcome->target > 0 && best != NULL && isfinite(best->crossing);
    *out = (ch_arm_task){.cell = outcome->cell,
                         .job = job,
                         .rate = rate,
                         .target = outcome->target,
                         .level = is_table ? 0 : e->level,
                         .limit = outcome->rounds_max,
                         .beaten = has_winner ? best->crossing : INFINITY,
                         .ahead = has_winner ? best : NULL,
                         .points = is_table ? CH_ARM_TABLE_POINTS : CH_ARM_FIGURE_POINTS,
                         .is_monotone = !is_table && strcmp(e->metric, "accuracy") == 0,
                         .pooled_every = ch_measure_pooled_every(e, outcome->rounds_max),
                         .baselines = e->rows[cell->row].baselines};
    return status;
}

/* A baseline's curve, when there is one. */
static choir_status baseline_add(ch_outcome *o, const ch_arm_task *task, const char *dir,
                                 const char *name, const choir_env *env, choir_error *err) {
    char folder[CHOIR_PATH_MAX];
    (void)snprintf(folder, sizeof(folder), "%.400s/baseline-%s", dir, name);
    ch_arm_task own = *task;
    own.baselines = "";
    own.pooled_every = 0;
    own.ahead = NULL;
    ch_outcome_arm *arm = &o->arms[o->arms_count];
    const choir_status status = ch_arm_judge(arm, &own, folder, env, err);
    if (status == CHOIR_OK && arm->points > 0) {
        arm->end = arm->end == CH_CROSSING_GOES_ON ? CH_CROSSING_LIMIT : arm->end;
        (void)snprintf(arm->name, sizeof(arm->name), "%s", name);
        o->arms_count += 1;
    }
    return status;
}

static choir_status baselines_add(ch_outcome *o, const ch_arm_task *task, const ch_paper_site *site,
                                  const choir_env *env, choir_error *err) {
    static const char *const names[] = {"central", "local"};
    char dir[CHOIR_PATH_MAX];
    choir_status status = ch_arm_dir(dir, site->runs, task->job, err);
    for (size_t i = 0; i < 2 && status == CHOIR_OK; i++) {
        if (strstr(task->baselines, names[i]) != NULL && o->arms_count < CH_OUTCOME_ARMS_MAX) {
            status = baseline_add(o, task, dir, names[i], env, err);
        }
    }
    return status;
}

/* Adds a name to those that are told apart by "; ", as long as there is room. */
static void name_add(char *names, size_t size, const char *name) {
    const size_t length = strlen(name);
    const char *at = names;
    while (at != NULL && at[0] != '\0') {
        const char *end = strstr(at, "; ");
        if (end == NULL ? strcmp(at, name) == 0
                        : (size_t)(end - at) == length && strncmp(at, name, length) == 0) {
            return;
        }
        at = end == NULL ? NULL : end + 2;
    }
    const size_t used = strlen(names);
    if (used + 2 + length < size) {
        (void)snprintf(names + used, size - used, "%s%s", used > 0 ? "; " : "", name);
    }
}

/* What measured it and with which examples, as the run itself says. */
static choir_status machine_add(ch_outcome *o, const ch_arm_task *task, const ch_paper_site *site,
                                const choir_env *env, choir_error *err) {
    char dir[CHOIR_PATH_MAX];
    ch_run_facts facts;
    choir_status status = ch_arm_dir(dir, site->runs, task->job, err);
    if (status == CHOIR_OK) {
        status = ch_run_facts_read(&facts, dir, env, err);
    }
    if (status == CHOIR_OK) {
        name_add(o->version, sizeof(o->version), facts.version);
        name_add(o->backend, sizeof(o->backend), facts.backend);
        name_add(o->cpu, sizeof(o->cpu), facts.cpu);
        (void)snprintf(o->data, sizeof(o->data), "%s", facts.data_digest);
    }
    return status;
}

/* Whether the rates before were measured with the examples there are. */
static choir_status data_check(const ch_outcome *o, const ch_arm_task *task,
                               const ch_paper_site *site, const ch_paper_cell *cell,
                               const choir_env *env, choir_error *err) {
    char now[CH_DIGEST_TEXT];
    char path[CHOIR_PATH_MAX];
    if (o->data[0] == '\0') {
        return CHOIR_OK;
    }
    choir_status status = ch_arm_data(now, task->job, env, err);
    if (status == CHOIR_OK) {
        status =
            ch_outcome_path(path, site->results, cell->e, cell->row, cell->column, site->seed, err);
    }
    if (status != CHOIR_OK || strcmp(now, o->data) == 0) {
        return status;
    }
    return ch_error_set(err, CHOIR_EINVAL,
                        "data.source: '%s' holds other examples than when %s was begun (digest %s, "
                        "now %s); put the old ones back, or remove that file",
                        task->job->data.source, path, o->data, now);
}

/* How many rounds a rate may have yet: while none has got to the target, so many times the
 * paper's, so that one that cannot get there does not use up all rounds before others had their
 * turn. */
static uint32_t rounds_yet(const ch_outcome *o, const ch_arm_task *task,
                           const ch_paper_cell *cell) {
    const double expect = cell->e->facts[cell->row][cell->column].expect;
    const double rounds = ASIDE_AFTER * expect;
    const bool may_wait = o->target > 0 && isinf(task->beaten) && isfinite(expect);
    return may_wait && rounds < task->limit ? (uint32_t)ceil(rounds) : task->limit;
}

/* Measures a rate for the first time, as the arm behind all others. */
static choir_status rate_measure(ch_outcome *o, const ch_conduct *c, const ch_paper_cell *cell,
                                 const ch_paper_site *site, int32_t rate, const choir_env *env,
                                 choir_error *err) {
    choir_job job;
    ch_arm_task task;
    choir_status status = ch_measure_task(&task, &job, o, c, cell, rate, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (o->arms_count == CH_OUTCOME_ARMS_MAX) {
        return ch_error_set(err, CHOIR_EPROTO, "its result has %d runs, and no room for another",
                            (int)CH_OUTCOME_ARMS_MAX);
    }
    ch_outcome_arm *arm = &o->arms[o->arms_count];
    task.limit = rounds_yet(o, &task, cell);
    status = data_check(o, &task, site, cell, env, err);
    if (status == CHOIR_OK) {
        status = ch_arm_run(arm, &task, site, 0, env, err);
    }
    if (status == CHOIR_OK) {
        const bool is_early = arm->end == CH_CROSSING_LIMIT && task.limit < o->rounds_max;
        arm->end = is_early ? CH_CROSSING_GOES_ON : arm->end;
        o->arms_count += 1;
        status = machine_add(o, &task, site, env, err);
    }
    return status == CHOIR_OK ? baselines_add(o, &task, site, env, err) : status;
}

/* Goes on with a rate that was put aside, until it is decided. */
static choir_status aside_measure(ch_outcome *o, ch_outcome_arm *arm, const ch_conduct *c,
                                  const ch_paper_cell *cell, const ch_paper_site *site,
                                  const choir_env *env, choir_error *err) {
    choir_job job;
    ch_arm_task task;
    choir_status status = ch_measure_task(&task, &job, o, c, cell, arm->rate, err);
    if (status == CHOIR_OK) {
        status = data_check(o, &task, site, cell, env, err);
    }
    if (status == CHOIR_OK) {
        status = ch_arm_run(arm, &task, site, 0, env, err);
    }
    return status == CHOIR_OK ? machine_add(o, &task, site, env, err) : status;
}

/* Whatever of a cell is to be measured next; *is_over when nothing is. */
static choir_status next_measure(ch_outcome *o, bool *is_over, const ch_conduct *c,
                                 const ch_paper_cell *cell, const ch_paper_site *site,
                                 const choir_env *env, choir_error *err) {
    int32_t start[CH_PAPER_START_MAX];
    uint32_t start_count = 0;
    const ch_ledger ledger = ch_conduct_ledger(c);
    const choir_status status = ch_ledger_start(start, &start_count, &ledger, cell, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    const uint32_t count = ch_outcome_trials(trials, o);
    const uint32_t most = ch_conduct_rates(c, cell);
    int32_t rate = 0;
    if (ch_grid_next(&rate, trials, count, start, start_count, most)) {
        return rate_measure(o, c, cell, site, rate, env, err);
    }
    const int32_t aside = ch_outcome_aside(o);
    *is_over = aside < 0;
    return *is_over ? CHOIR_OK : aside_measure(o, &o->arms[aside], c, cell, site, env, err);
}

/* How many rates the command must allow that comes to the same: of a complete cell that further
 * ones are being added to, those there are; 0: as many as the experiment says. */
static uint32_t rates_told(const ch_outcome *o, const ch_conduct *c, const ch_paper_cell *cell,
                           bool is_over) {
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    const uint32_t count = ch_outcome_trials(trials, o);
    const uint32_t asked = c->rates_max > 0 ? c->rates_max : cell->e->rates_max;
    const uint32_t told = count > asked || (o->is_complete && !is_over) ? count : asked;
    return told == cell->e->rates_max ? 0 : told;
}

choir_status ch_measure_cell(ch_outcome *out, const ch_conduct *c, const ch_paper_cell *cell,
                             const ch_paper_site *site, const choir_env *env, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    const ch_ledger ledger = ch_conduct_ledger(c);
    choir_status status = ch_ledger_load(out, &ledger, cell, env, err);
    if (status == CHOIR_OK) {
        status =
            ch_outcome_path(path, site->results, cell->e, cell->row, cell->column, site->seed, err);
    }
    bool is_over = false;
    while (status == CHOIR_OK && !is_over) {
        status = next_measure(out, &is_over, c, cell, site, env, err);
        if (status == CHOIR_OK && !(is_over && out->is_complete)) {
            out->rates_max = rates_told(out, c, cell, is_over);
            out->is_complete = is_over || out->is_complete;
            status = ch_outcome_write(out, path, env, err);
        }
    }
    return status;
}

// ----- what to say of it ------------------------------------------------------------------------

/* "; the best of 3 rates is the highest", when it is at the grid's edge. */
static void edge_text(char *out, size_t size, const ch_outcome *o) {
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    const uint32_t count = ch_outcome_trials(trials, o);
    const ch_grid_edge edge = ch_grid_edge_of(trials, count);
    const char *where = edge.is_low && edge.is_high ? "only" : edge.is_low ? "lowest" : "highest";
    out[0] = '\0';
    if (edge.is_low || edge.is_high) {
        (void)snprintf(out, size, "; at the grid's edge: the %s of %u rate%s", where, count,
                       ch_text_plural(count));
    }
}

static void paper_text(char *out, size_t size, double ours, double expect) {
    out[0] = '\0';
    if (isinf(expect)) {
        (void)snprintf(out, size, "; the paper: not reached");
    } else if (!isnan(expect) && isfinite(ours)) {
        (void)snprintf(out, size, "; the paper: %.0f, ours is %.2f of it", expect, ours / expect);
    } else if (!isnan(expect)) {
        (void)snprintf(out, size, "; the paper: %.0f", expect);
    }
}

void ch_measure_line(char *out, size_t size, const ch_outcome *o, const ch_paper_cell *cell,
                     const ch_outcome *baseline) {
    const ch_outcome_arm *best = ch_outcome_best(o);
    char rate[CH_GRID_TEXT_MAX];
    char share[CH_UNITS_MAX];
    char bytes[CH_UNITS_MAX];
    char edge[96];
    char paper[96];
    char speed[48] = "";
    const ch_outcome_arm *base = baseline == NULL ? NULL : ch_outcome_best(baseline);
    if (best == NULL) {
        (void)snprintf(out, size, "%s: %s", o->cell,
                       o->arms_count > 0 ? "measured" : "nothing measured");
        return;
    }
    ch_grid_text(rate, best->rate);
    ch_units_share(share, best->best);
    ch_units_bytes(bytes, (uint64_t)best->bytes);
    edge_text(edge, sizeof(edge), o);
    paper_text(paper, sizeof(paper), cell->e->is_elsewhere ? INFINITY : best->crossing,
               cell->e->facts[cell->row][cell->column].expect);
    if (base != NULL && isfinite(base->crossing) && isfinite(best->crossing)) {
        (void)snprintf(speed, sizeof(speed), ", %.1fx", base->crossing / best->crossing);
    }
    if (isfinite(best->crossing) && o->target > 0) {
        (void)snprintf(out, size, "%s: %.1f rounds%s, %s, at rate %s%s%s", o->cell, best->crossing,
                       speed, bytes, rate, paper, edge);
    } else {
        (void)snprintf(out, size, "%s: %u round%s, best %s, %s, at rate %s%s%s", o->cell,
                       best->rounds, ch_text_plural(best->rounds), share, bytes, rate, paper,
                       o->target > 0 ? edge : "");
    }
}
