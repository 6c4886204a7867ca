/* Conduct: see conduct.h. */
#include "paper/conduct.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/pool.h"
#include "paper/average.h"
#include "paper/cost.h"
#include "paper/measure.h"
#include "report/units.h"
#include "run/session.h"
#include "store/metrics_log.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

// ----- how long it will take --------------------------------------------------------------------

enum { SAMPLES_MAX = 64 };

// A loss on all training examples to an evaluation: MNIST has six of them for each of its test set,
// no other set that the experiments use has more.
static const double POOLED_EVALUATIONS = 6;

static const double AVERAGE_S = 11; // of one core, for two averaged 2NNs on MNIST, as measured

/* A measured round of a model, B and data, dealt to so many clients: how many examples each has. */
typedef struct sample {
    char model[CHOIR_NAME_MAX];
    char data[CHOIR_PATH_MAX];
    uint32_t batch_size;
    uint32_t clients; // of the data; 0: all there are
    ch_cost_sample cost;
} sample;

typedef struct samples {
    sample items[SAMPLES_MAX];
    uint32_t count;
} samples;

/* Whether an evaluation is the same. */
static bool is_near(const sample *s, const choir_job *job) {
    return strcmp(s->model, job->model.name) == 0 && strcmp(s->data, job->data.source) == 0;
}

static bool is_of(const sample *s, const choir_job *job) {
    return is_near(s, job) && s->batch_size == job->batch_size && s->clients == job->data.clients;
}

static const sample *sample_find(const samples *all, const choir_job *job) {
    for (uint32_t i = 0; i < all->count; i++) {
        if (is_of(&all->items[i], job)) {
            return &all->items[i];
        }
    }
    return NULL;
}

/* What a round of a sample costs; of one whose few rounds had no evaluation, with another's. */
static ch_cost_sample cost_of(const sample *s, const samples *all, const choir_job *job) {
    ch_cost_sample cost = s->cost;
    for (uint32_t i = 0; i < all->count && !(cost.evaluate_s > 0); i++) {
        cost.evaluate_s = is_near(&all->items[i], job) ? all->items[i].cost.evaluate_s : 0;
    }
    return cost;
}

static ch_cost_shape shape_of(const choir_job *job, uint32_t workers) {
    return (ch_cost_shape){.clients = ch_measure_clients(job),
                           .epochs = job->epochs,
                           .workers = workers,
                           .evaluated = 1.0 / job->evaluate_every};
}

/* What a run's fastest round took, when it has had enough of them. */
static bool round_measured(ch_cost_sample *out, const char *dir, const choir_env *env) {
    ch_metrics_table table = {0};
    const choir_status status = ch_metrics_read(&table, dir, env, NULL);
    const bool is_enough = status == CHOIR_OK && table.count >= CH_CONDUCT_CALIBRATION;
    out->train_s = INFINITY;
    out->evaluate_s = INFINITY;
    for (uint32_t i = 0; i < table.count && is_enough; i++) {
        const ch_metrics_row *row = &table.rows[i];
        out->train_s = fmin(out->train_s, row->seconds);
        if (row->evaluation_seconds > 0) {
            out->evaluate_s = fmin(out->evaluate_s, row->evaluation_seconds);
        }
    }
    out->evaluate_s = isinf(out->evaluate_s) ? 0 : out->evaluate_s;
    ch_metrics_table_release(&table);
    return is_enough;
}

static bool is_average(const ch_paper_cell *cell) {
    return strcmp(cell->e->kind, "average") == 0;
}

/* A cell under estimation. */
typedef struct item {
    const ch_paper_cell *cell;
    choir_job job; // with its first rate
    int32_t rate;
    uint32_t rates_left;
    double paper;    // rounds there; of its dash the most of the column; NaN: it has none
    double measured; // rounds of the best rate so far; NaN: none got there
    uint32_t limit;
    bool is_done;
    bool is_average; // and not done
} item;

static double paper_rounds(const ch_paper_cell *cell) {
    const ch_paper_experiment *e = cell->e;
    const double own = e->facts[cell->row][cell->column].expect;
    double most = NAN;
    for (uint32_t i = 0; i < e->rows_count; i++) {
        const double other = e->facts[i][cell->column].expect;
        most = isfinite(other) ? fmax(most, other) : most; // passes over NaN
    }
    return isinf(own) ? most : own;
}

static choir_status item_load(item *out, const ch_conduct *c, const ch_paper_cell *cell,
                              ch_outcome *room, const choir_env *env, choir_error *err) {
    int32_t start[CH_PAPER_START_MAX];
    uint32_t start_count = 0;
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    const uint32_t most = ch_conduct_rates(c, cell);
    const ch_ledger ledger = ch_conduct_ledger(c);
    choir_status status = ch_ledger_load(room, &ledger, cell, env, err);
    if (status == CHOIR_OK) {
        status = ch_ledger_start(start, &start_count, &ledger, cell, env, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    const uint32_t count = ch_outcome_trials(trials, room);
    const ch_outcome_arm *best = ch_outcome_best(room);
    *out = (item){.cell = cell,
                  .limit = room->rounds_max,
                  .paper = paper_rounds(cell),
                  .measured = best != NULL && isfinite(best->crossing) ? best->crossing : NAN};
    out->is_average = is_average(cell) && !room->is_complete;
    const bool has_next = ch_grid_next(&out->rate, trials, count, start, start_count, most);
    const int32_t aside = ch_outcome_aside(room);
    out->rates_left = most > count ? most - count : 0;
    if (!has_next && aside >= 0) {
        out->rate = room->arms[aside].rate;
        out->rates_left = 1;
    }
    out->is_done = is_average(cell) || (!has_next && aside < 0);
    if (out->is_done) {
        out->rate = start[0];
    }
    return ch_paper_job(&out->job, cell->e, cell->row, cell->column, out->rate, c->site.seed,
                        c->site.data_dir, err);
}

static choir_status sample_add(samples *all, const item *i, const ch_conduct *c, bool may_run,
                               const choir_env *env, choir_error *err) {
    ch_cost_sample cost = {.shape = shape_of(&i->job, c->site.workers)};
    char dir[CHOIR_PATH_MAX];
    choir_status status = ch_arm_dir(dir, c->site.runs, &i->job, err);
    if (status != CHOIR_OK || all->count == SAMPLES_MAX || sample_find(all, &i->job) != NULL) {
        return status;
    }
    bool is_known = round_measured(&cost, dir, env);
    if (!is_known && may_run) {
        ch_arm_task task = {.cell = i->cell->e->name,
                            .job = &i->job,
                            .rate = i->rate,
                            .limit = i->limit,
                            .beaten = INFINITY,
                            .points = 2,
                            .pooled_every = ch_measure_pooled_every(i->cell->e, i->limit),
                            .baselines = ""};
        ch_outcome_arm arm;
        status = ch_arm_run(&arm, &task, &c->site, CH_CONDUCT_CALIBRATION, env, err);
        status = status == CHOIR_EAGAIN && !ch_paper_site_is_over(&c->site) ? CHOIR_OK : status;
        is_known = status == CHOIR_OK && round_measured(&cost, dir, env);
    }
    if (is_known) {
        sample *s = &all->items[all->count];
        *s =
            (sample){.batch_size = i->job.batch_size, .clients = i->job.data.clients, .cost = cost};
        (void)snprintf(s->model, sizeof(s->model), "%s", i->job.model.name);
        (void)snprintf(s->data, sizeof(s->data), "%s", i->job.data.source);
        all->count += 1;
    }
    return status;
}

/* The cheapest cell that is to be measured of those that nothing is known of; NULL: none. */
static const item *cheapest_unknown(const item *items, uint32_t count, const samples *all) {
    const item *found = NULL;
    double least = INFINITY;
    for (uint32_t i = 0; i < count; i++) {
        const double work = (double)ch_measure_clients(&items[i].job) * items[i].job.epochs;
        if (!items[i].is_done && sample_find(all, &items[i].job) == NULL && work < least) {
            found = &items[i];
            least = work;
        }
    }
    return found;
}

static choir_status samples_take(samples *all, const item *items, uint32_t count,
                                 const ch_conduct *c, const choir_env *env, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        status = sample_add(all, &items[i], c, false, env, err);
    }
    const item *next = NULL;
    while (status == CHOIR_OK && all->count < SAMPLES_MAX &&
           (next = cheapest_unknown(items, count, all)) != NULL) {
        const uint32_t before = all->count;
        status = sample_add(all, next, c, true, env, err);
        if (all->count == before) {
            break; // its rounds are fewer than are needed to tell
        }
    }
    return status;
}

/* Rounds to its target; of a figure, all. NaN: not known. */
static double expected_rounds(const item *i, double ratio) {
    if (ch_paper_target(i->cell->e, i->cell->column) == 0) {
        return i->limit;
    }
    return isnan(i->measured) ? i->paper * ratio : i->measured;
}

/* Seconds of a round for the loss on all training examples, which not every round measures. */
static double pooled_s(const item *i, const ch_cost_sample *cost) {
    const uint32_t every = ch_measure_pooled_every(i->cell->e, i->limit);
    return every == 0 ? 0 : POOLED_EVALUATIONS * cost->evaluate_s / every;
}

static void item_add(ch_conduct_estimate *out, const item *i, const samples *all,
                     const ch_conduct *c, uint32_t count, double ratio) {
    const sample *s = sample_find(all, &i->job);
    if (i->is_average) {
        out->seconds += AVERAGE_S / c->site.workers;
        out->most += AVERAGE_S / c->site.workers;
        out->cells += 1;
    }
    if (i->is_done) {
        return;
    }
    out->cells += 1;
    if (s == NULL) { // of so few rounds that they tell no time: they take none
        return;
    }
    const uint32_t lanes = ch_cost_lanes(ch_measure_clients(&i->job), c->site.workers, count);
    const ch_cost_shape shape = shape_of(&i->job, c->site.workers / lanes);
    const ch_cost_sample cost = cost_of(s, all, &i->job);
    const double round_s =
        (ch_cost_round(&cost, &shape) * ch_measure_runs(i->cell->e, i->cell->row) +
         pooled_s(i, &cost)) /
        lanes;
    const double expected = expected_rounds(i, ratio);
    out->seconds += round_s * ch_cost_rounds(expected, i->limit, i->rates_left);
    out->most += round_s * ch_cost_rounds(NAN, i->limit, i->rates_left);
    out->guessed += isfinite(expected) ? 0 : 1;
}

/* Ours to the paper's, in the middle of the cells that are measured. */
static double ratio_of(const item *items, uint32_t count) {
    double ratios[CH_CHOICE_MAX];
    uint32_t known = 0;
    for (uint32_t i = 0; i < count && known < CH_CHOICE_MAX; i++) {
        if (items[i].is_done && isfinite(items[i].measured) && isfinite(items[i].paper)) {
            ratios[known] = items[i].measured / items[i].paper;
            known += 1;
        }
    }
    return ch_cost_ratio(ratios, known);
}

choir_status ch_conduct_estimate_of(ch_conduct_estimate *out, const ch_conduct *c,
                                    const ch_paper_cell *cells, uint32_t count,
                                    const choir_env *env, choir_error *err) {
    ch_arena arena;
    *out = (ch_conduct_estimate){.seconds = 0};
    choir_status status =
        ch_arena_init(&arena,
                      ch_arena_cost(count, sizeof(item)) + ch_arena_cost(1, sizeof(samples)) +
                          ch_arena_cost(1, sizeof(ch_outcome)),
                      env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "no memory for %u cells", count);
    }
    item *items = CH_NEW(&arena, item, count);
    samples *all = CH_NEW(&arena, samples, 1);
    ch_outcome *room = CH_NEW(&arena, ch_outcome, 1);
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        status = item_load(&items[i], c, &cells[i], room, env, err);
    }
    if (status == CHOIR_OK) {
        status = samples_take(all, items, count, c, env, err);
    }
    const double ratio = ratio_of(items, count);
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        item_add(out, &items[i], all, c, count, ratio);
    }
    ch_arena_release(&arena);
    return status;
}

// ----- where it is written ----------------------------------------------------------------------

choir_status ch_conduct_check(const ch_conduct *c, const ch_paper_cell *cells, uint32_t count,
                              const choir_env *env, choir_error *err) {
    ch_outcome *room = env->alloc(env->self, ch_arena_cost(1, sizeof(*room)));
    choir_status status =
        room != NULL ? CHOIR_OK : ch_error_set(err, CHOIR_ENOMEM, "no memory for a result");
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        char path[CHOIR_PATH_MAX];
        item its;
        status = item_load(&its, c, &cells[i], room, env, err);
        if (status == CHOIR_OK) {
            status = ch_outcome_path(path, c->site.results, cells[i].e, cells[i].row,
                                     cells[i].column, c->site.seed, err);
        }
        if (status == CHOIR_OK && (!its.is_done || its.is_average)) {
            status = ch_outcome_check(path, err);
        }
    }
    if (room != NULL) {
        env->free(env->self, room);
    }
    return status;
}

// ----- measuring --------------------------------------------------------------------------------

/* Cells that are measured side by side. */
typedef struct lanes {
    const ch_conduct *c;
    const ch_paper_cell *cells;
    const choir_env *env;
    uint32_t workers;     // of one lane
    choir_status *status; // (count of cells)
    choir_error *errors;  // likewise
} lanes;

/* The outcome of the row that the cell's speed-up is over; NULL: it is not measured. */
static const ch_outcome *baseline_load(ch_outcome *room, const ch_conduct *c,
                                       const ch_paper_cell *cell, const choir_env *env) {
    const ch_paper_experiment *e = cell->e;
    const ch_ledger ledger = ch_conduct_ledger(c);
    for (uint32_t i = 0; i < e->rows_count; i++) {
        const ch_paper_cell base = {e, i, cell->column};
        if (strcmp(e->rows[i].name, e->baseline) == 0 && i != cell->row &&
            ch_ledger_load(room, &ledger, &base, env, NULL) == CHOIR_OK) {
            return room->is_complete ? room : NULL;
        }
    }
    return NULL;
}

static void cell_run(void *self, uint32_t worker, uint32_t index) {
    (void)worker;
    const lanes *l = self;
    const ch_paper_cell *cell = &l->cells[index];
    const size_t bytes = ch_arena_cost(1, sizeof(ch_outcome));
    ch_paper_site site = l->c->site;
    site.workers = l->workers;
    ch_outcome *o = l->env->alloc(l->env->self, bytes);
    ch_outcome *base = l->env->alloc(l->env->self, bytes);
    choir_error *err = &l->errors[index];
    const ch_ledger ledger = ch_conduct_ledger(l->c);
    choir_status status = CHOIR_ENOMEM;
    if (o != NULL && base != NULL) {
        status = is_average(cell) ? ch_ledger_load(o, &ledger, cell, l->env, err)
                                  : ch_measure_cell(o, l->c, cell, &site, l->env, err);
    }
    if (status == CHOIR_OK && is_average(cell)) {
        status = ch_average_cell(o, cell, &site, l->env, err);
    }
    if (status == CHOIR_OK) {
        char line[512];
        ch_measure_line(line, sizeof(line), o, cell, baseline_load(base, l->c, cell, l->env));
        (void)fprintf(l->c->out, "%s\n", line);
        (void)fflush(l->c->out);
    }
    if (o != NULL) {
        l->env->free(l->env->self, o);
    }
    if (base != NULL) {
        l->env->free(l->env->self, base);
    }
    l->status[index] = status;
}

/* Whether the cell behind (count) others trains what one of them does, as where two ask for other
 * targets: they share a run, and a run is one cell's at a time. */
static bool is_shared(char (*digests)[CH_JOB_DIGEST_TEXT], uint32_t count) {
    for (uint32_t k = 0; k < count; k++) {
        if (strcmp(digests[k], digests[count]) == 0) {
            return true;
        }
    }
    return false;
}

/* How many of the cells from first on can be measured side by side: they have as few clients in a
 * round, are of one experiment, and have runs of their own. */
static choir_status group_of(uint32_t *out, uint32_t *clients, const ch_conduct *c,
                             const ch_paper_cell *cells, uint32_t count, choir_error *err) {
    char digests[CH_PAPER_ROWS_MAX * CH_PAPER_COLUMNS_MAX][CH_JOB_DIGEST_TEXT];
    const uint32_t most = sizeof(digests) / sizeof(digests[0]);
    for (uint32_t i = 0; i < count && i < most && cells[i].e == cells[0].e; i++) {
        choir_job job;
        const choir_status status = ch_paper_job(&job, cells[i].e, cells[i].row, cells[i].column, 0,
                                                 c->site.seed, c->site.data_dir, err);
        if (status != CHOIR_OK) {
            return status;
        }
        ch_job_digest(digests[i], &job, NULL, 0);
        const uint32_t own = is_average(&cells[i]) ? c->site.workers : ch_measure_clients(&job);
        if (i > 0 && (own != *clients || (!is_average(&cells[i]) && is_shared(digests, i)))) {
            break;
        }
        *clients = own;
        *out = i + 1;
    }
    return CHOIR_OK;
}

static choir_status group_run(lanes *l, const ch_conduct *c, uint32_t count, uint32_t clients,
                              choir_error *err) {
    const uint32_t side_by_side = ch_cost_lanes(clients, c->site.workers, count);
    l->workers = c->site.workers / side_by_side;
    ch_pool *pool = NULL;
    const choir_status status = ch_pool_create(&pool, side_by_side, l->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "the system does not give %u threads", side_by_side);
    }
    ch_pool_each(pool, count, cell_run, l);
    ch_pool_destroy(pool);
    return CHOIR_OK;
}

/* The first failure, or that some were ended, or OK. */
static choir_status all_of(const lanes *l, uint32_t count, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < count; i++) {
        const ch_paper_cell *cell = &l->cells[i];
        if (l->status[i] != CHOIR_OK && l->status[i] != CHOIR_EAGAIN) {
            return ch_error_set(err, l->status[i], "%s/%s/%s: %s", cell->e->name,
                                cell->e->rows[cell->row].name, cell->e->columns[cell->column].name,
                                l->errors[i].message);
        }
        status = l->status[i] == CHOIR_EAGAIN ? CHOIR_EAGAIN : status;
    }
    return status;
}

choir_status ch_conduct_run(const ch_conduct *c, const ch_paper_cell *cells, uint32_t count,
                            const choir_env *env, choir_error *err) {
    ch_arena arena;
    choir_status status = ch_arena_init(&arena,
                                        ch_arena_cost(count, sizeof(choir_status)) +
                                            ch_arena_cost(count, sizeof(choir_error)),
                                        env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "no memory for %u cells", count);
    }
    lanes all = {.c = c,
                 .cells = cells,
                 .env = env,
                 .status = CH_NEW(&arena, choir_status, count),
                 .errors = CH_NEW(&arena, choir_error, count)};
    for (uint32_t first = 0; first < count && status == CHOIR_OK;) {
        uint32_t size = 0;
        uint32_t clients = 1;
        lanes group = all;
        status = group_of(&size, &clients, c, cells + first, count - first, err);
        group.cells += first;
        group.status += first;
        group.errors += first;
        if (status == CHOIR_OK) {
            status = group_run(&group, c, size, clients, err);
        }
        first += size;
    }
    status = status == CHOIR_OK ? all_of(&all, count, err) : status;
    ch_arena_release(&arena);
    return status;
}
