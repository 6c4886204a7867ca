/* Compare: see compare.h. */
#include "paper/compare.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/text.h"
#include "job/keys.h"
#include "job/rules.h"
#include "paper/grid.h"
#include "report/units.h"
#include "store/metrics_log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double PLAIN_RATES[] = {1};
static const double MOMENTUM_RATES[] = {1, 0.316};
static const double ADAPTIVE_RATES[] = {0.1, 0.0316, 0.01};

// ----- the grid ---------------------------------------------------------------------------------

static uint32_t server_rates(const double **rates, const choir_job *job) {
    if (ch_job_heeds(job, "server.tau")) {
        *rates = ADAPTIVE_RATES;
        return sizeof(ADAPTIVE_RATES) / sizeof(ADAPTIVE_RATES[0]);
    }
    if (ch_job_heeds(job, "server.momentum")) {
        *rates = MOMENTUM_RATES;
        return sizeof(MOMENTUM_RATES) / sizeof(MOMENTUM_RATES[0]);
    }
    *rates = PLAIN_RATES;
    return sizeof(PLAIN_RATES) / sizeof(PLAIN_RATES[0]);
}

/* The job of a point of an algorithm's grid. The job's own client rate comes first. */
static choir_job job_at(const choir_job *job, double client_rate, uint32_t point) {
    double own[CH_ARM_RATES];
    const double *rates = NULL;
    const uint32_t count = server_rates(&rates, job);
    choir_job out = *job;
    CH_ASSERT(point < CH_ARM_RATES * count);
    out.client_learning_rate = client_rate;
    ch_ignore(ch_arm_rates(own, &out, 1, NULL), "they were looked at");
    out.client_learning_rate = own[point % CH_ARM_RATES];
    out.server_learning_rate = rates[point / CH_ARM_RATES];
    return out;
}

// ----- what is compared -------------------------------------------------------------------------

/* What of a job is changed for an algorithm that cannot do with it as it is. */
typedef struct change {
    bool is_uniform;  // all clients count alike
    bool is_proximal; // client.proximal_mu is set
    bool is_long;     // the chain's clip is left out
} change;

/* Bytes of the link that text begins with, without the blanks behind it. */
static size_t link_size(const char *text) {
    size_t size = strcspn(text, "|");
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t')) {
        size -= 1;
    }
    return size;
}

/* Whether text begins with the link of this name, with or without a number. */
static bool is_link(const char *text, const char *name) {
    const size_t size = strlen(name);
    return strcspn(text, " \t=|") == size && memcmp(text, name, size) == 0;
}

/* The links of a chain, each as it is written, after the change. False, and out is of no use: there
 * is no room for them, as "uniform" is longer than "weight". */
static bool chain_write(char out[CHOIR_CHAIN_TEXT_MAX], const char *chain, const change *c) {
    size_t used = 0;
    for (const char *at = chain; *at != '\0' && used < CHOIR_CHAIN_TEXT_MAX;) {
        at += strspn(at, " \t|");
        const bool is_replaced = c->is_uniform && is_link(at, "weight");
        if (!(c->is_long && is_link(at, "clip"))) {
            used += (size_t)snprintf(out + used, CHOIR_CHAIN_TEXT_MAX - used, "%s%.*s",
                                     used == 0 ? "" : "|", (int)(is_replaced ? 7 : link_size(at)),
                                     is_replaced ? "uniform" : at);
        }
        at += strcspn(at, "|");
    }
    return used < CHOIR_CHAIN_TEXT_MAX;
}

/* False: there is no room for the chain. */
static bool row_change(ch_compare_row *row, const choir_job *given, const change *c) {
    const bool is_chain = c->is_uniform || c->is_long;
    char chain[CHOIR_CHAIN_TEXT_MAX] = "";
    row->job = *given;
    if (is_chain && !chain_write(chain, given->chain, c)) {
        return false;
    }
    if (is_chain) {
        memcpy(row->job.chain, chain, sizeof(chain));
    }
    row->job.proximal_mu = c->is_proximal ? 0.1 : given->proximal_mu;
    (void)snprintf(row->set, sizeof(row->set), "%s%s%s%s%s", is_chain ? "chain=" : "", chain,
                   c->is_long ? " without clip" : "", is_chain && c->is_proximal ? " " : "",
                   c->is_proximal ? "client.proximal_mu=0.1" : "");
    return true;
}

/* Sets what the algorithm cannot do without: the first of these with which the job is one. A clip
 * is left out last, and never for want of room. */
static choir_status row_fit(ch_compare_row *row, choir_error *err) {
    const choir_job given = row->job;
    bool is_cut = false;
    for (uint32_t i = 0; i < 8; i++) {
        const change c = {
            .is_uniform = (i & 1) != 0, .is_proximal = (i & 2) != 0, .is_long = (i & 4) != 0};
        if (!row_change(row, &given, &c)) {
            is_cut = true;
        } else if (!(is_cut && c.is_long) && ch_job_rules(&row->job, NULL) == CHOIR_OK) {
            return CHOIR_OK;
        }
    }
    if (is_cut) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "chain: is too long to say uniform for its weight, as '%s' may need; "
                            "at most %d bytes then",
                            given.algorithm, CHOIR_CHAIN_TEXT_MAX - 2);
    }
    return ch_job_rules(&given, err);
}

static choir_status row_add(ch_compare *c, const choir_job *job, const char *name,
                            choir_error *err) {
    if (c->count == CH_COMPARE_ALGORITHMS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "--algorithms: more than %d",
                            CH_COMPARE_ALGORITHMS_MAX);
    }
    ch_compare_row *row = &c->rows[c->count];
    *row = (ch_compare_row){.job = *job, .crossing = INFINITY};
    choir_status status =
        ch_options_set(&CH_JOB_KEYS, &row->job, "server.algorithm", name, "--algorithms", err);
    for (uint32_t i = 0; i < c->count && status == CHOIR_OK; i++) {
        if (strcmp(c->rows[i].job.algorithm, name) == 0) {
            status = ch_error_set(err, CHOIR_EINVAL, "--algorithms: '%s' is named twice", name);
        }
    }
    if (status == CHOIR_OK) {
        status = row_fit(row, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    const double *rates = NULL;
    row->points = CH_ARM_RATES * server_rates(&rates, &row->job);
    CH_ASSERT(row->points <= CH_COMPARE_POINTS_MAX);
    char label[CHOIR_NAME_MAX];
    (void)snprintf(label, sizeof(label), "%.40s-%.20s", job->name, name);
    memcpy(row->job.name, label, sizeof(label));
    row->job.target_accuracy = 0; // a run knows no target: arm.h
    c->count += 1;
    return CHOIR_OK;
}

choir_status ch_compare_init(ch_compare *out, const choir_job *job, const char *algorithms,
                             choir_error *err) {
    *out = (ch_compare){.target = job->target_accuracy};
    if (strcmp(job->data.task, "regression") == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.task: a regression has no accuracy to compare algorithms by");
    }
    double rates[CH_ARM_RATES];
    choir_status status = ch_arm_rates(rates, job, CH_ARM_RATES, err);
    for (const char *at = algorithms; status == CHOIR_OK;) {
        char name[CHOIR_NAME_MAX];
        const size_t size = strcspn(at, ",");
        (void)snprintf(name, sizeof(name), "%.*s", (int)(size < sizeof(name) ? size : 0), at);
        status = row_add(out, job, name, err);
        if (at[size] == '\0') {
            break;
        }
        at += size + 1;
    }
    return status;
}

uint32_t ch_compare_points(const ch_compare *c) {
    uint32_t points = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        points += c->rows[i].points;
    }
    return points;
}

// ----- running it -------------------------------------------------------------------------------

/* Whether a round of the run in dir counted. */
static choir_status counted_find(bool *out, const char *dir, const choir_env *env,
                                 choir_error *err) {
    ch_metrics_table table = {0};
    const choir_status status = ch_metrics_read(&table, dir, env, err);
    *out = false;
    for (uint32_t i = 0; i < table.count; i++) {
        *out = *out || table.rows[i].applied;
    }
    ch_metrics_table_release(&table);
    return status;
}

/* Whether a point is better than what the row has: one of which rounds counted than one without,
 * then one that kept to numbers than one that diverged. */
static bool is_better(const ch_compare_row *row, const ch_outcome_arm *arm, bool is_counted) {
    const bool is_diverged = arm->end == CH_CROSSING_DIVERGED;
    if (row->dir[0] == '\0' || is_counted != row->is_counted) {
        return row->dir[0] == '\0' || is_counted;
    }
    if (is_diverged != row->is_diverged) {
        return row->is_diverged;
    }
    return arm->crossing == row->crossing ? arm->best > row->best : arm->crossing < row->crossing;
}

/* Keeps a point that has rounds in the row when it is better than what that has. */
static choir_status point_keep(ch_compare_row *row, const choir_job *job, bool is_edge,
                               const ch_outcome_arm *arm, const ch_paper_site *site,
                               const choir_env *env, choir_error *err) {
    char dir[CHOIR_PATH_MAX];
    bool is_counted = false;
    choir_status status = ch_arm_dir(dir, site->runs, job, err);
    if (status == CHOIR_OK) {
        status = counted_find(&is_counted, dir, env, err);
    }
    if (status == CHOIR_OK && is_better(row, arm, is_counted)) {
        row->job = *job;
        row->crossing = is_counted ? arm->crossing : INFINITY;
        row->best = arm->best;
        row->bytes = arm->bytes;
        row->is_counted = is_counted;
        row->is_edge = is_edge;
        row->is_diverged = arm->end == CH_CROSSING_DIVERGED;
        memcpy(row->dir, dir, sizeof(dir));
    }
    return status;
}

static choir_status point_run(ch_compare_row *row, const choir_job *given, double client_rate,
                              uint32_t point, double target, const char *data,
                              const ch_paper_site *site, const choir_env *env, choir_error *err) {
    const choir_job job = job_at(given, client_rate, point);
    const ch_arm_task task = {.cell = job.algorithm,
                              .job = &job,
                              .rate = ch_grid_near(job.client_learning_rate),
                              .target = target,
                              .is_judged = true,
                              .limit = job.rounds,
                              .beaten = row->crossing,
                              .points = CH_ARM_TABLE_POINTS,
                              .baselines = "none",
                              .data = data};
    ch_outcome_arm arm;
    const choir_status status = ch_arm_run(&arm, &task, site, 0, env, err);
    if (status != CHOIR_OK && status != CHOIR_EAGAIN) {
        return status;
    }
    row->decided += status == CHOIR_OK;
    const choir_status kept =
        arm.rounds == 0 ? CHOIR_OK
                        : point_keep(row, &job, point % CH_ARM_RATES != 0, &arm, site, env, err);
    return kept == CHOIR_OK ? status : kept;
}

/* Goes on with the best run to its last round, beyond the target: so that curves can be compared.
 */
static choir_status best_end(ch_compare_row *row, const char *data, const ch_paper_site *site,
                             const choir_env *env, choir_error *err) {
    const ch_arm_task task = {.cell = row->job.algorithm,
                              .job = &row->job,
                              .rate = ch_grid_near(row->job.client_learning_rate),
                              .limit = row->job.rounds,
                              .beaten = INFINITY,
                              .points = CH_ARM_TABLE_POINTS,
                              .baselines = "none",
                              .data = data};
    ch_outcome_arm arm;
    const choir_status status = ch_arm_run(&arm, &task, site, 0, env, err);
    if (status == CHOIR_OK || status == CHOIR_EAGAIN) {
        row->best = arm.best > row->best ? arm.best : row->best;
    }
    return status;
}

choir_status ch_compare_run(ch_compare *c, const ch_paper_site *site, const choir_env *env,
                            choir_error *err) {
    choir_status ended = CHOIR_OK;
    char data[CH_DIGEST_TEXT]; // they all have the same
    const choir_status opened = ch_arm_data(data, &c->rows[0].job, env, err);
    if (opened != CHOIR_OK) {
        return opened;
    }
    for (uint32_t i = 0; i < c->count; i++) {
        ch_compare_row *row = &c->rows[i];
        const choir_job given = row->job; // the row's becomes that of its best point
        for (uint32_t point = 0; point < row->points; point++) {
            const choir_status status = point_run(row, &given, given.client_learning_rate, point,
                                                  c->target, data, site, env, err);
            if (status != CHOIR_OK && status != CHOIR_EAGAIN) {
                return status;
            }
            ended = status == CHOIR_OK ? ended : status; // what others have had is told too
        }
        const bool is_cut = c->target > 0 && ch_compare_is_usable(row);
        const choir_status status =
            is_cut && ended == CHOIR_OK ? best_end(row, data, site, env, err) : CHOIR_OK;
        if (status != CHOIR_OK && status != CHOIR_EAGAIN) {
            return status;
        }
        ended = status == CHOIR_OK ? ended : status;
    }
    return ended;
}

bool ch_compare_is_usable(const ch_compare_row *row) {
    return row->is_counted && !row->is_diverged;
}

// ----- telling it -------------------------------------------------------------------------------

static void row_print(FILE *out, const ch_compare *c, const ch_compare_row *row) {
    char client[CH_TEXT_NUMBER_MAX] = "-";
    char server[CH_TEXT_NUMBER_MAX] = "-";
    char best[CH_UNITS_MAX] = "-";
    char bytes[CH_UNITS_MAX] = "-";
    char rounds[CH_UNITS_MAX] = "-";
    if (row->dir[0] != '\0') {
        ch_text_number(client, sizeof(client), row->job.client_learning_rate);
        ch_text_number(server, sizeof(server), row->job.server_learning_rate);
        ch_units_bytes(bytes, (uint64_t)row->bytes);
    }
    if (row->is_counted) {
        ch_units_share(best, row->best);
    }
    if (isfinite(row->crossing)) {
        (void)snprintf(rounds, sizeof(rounds), "%.1f", row->crossing);
    }
    (void)fprintf(out, "%-12s %-8s %-8s %10s ", row->job.algorithm, client, server, best);
    if (c->target > 0) {
        (void)fprintf(out, "%8s ", rounds);
    }
    (void)fprintf(out, "%10s  %u of %u", bytes, row->decided, row->points);
    const bool is_void = row->dir[0] != '\0' && !row->is_counted;
    (void)fprintf(out, "%s%s%s%s%s\n", is_void ? "  no round counted" : "",
                  row->is_diverged ? "  diverged" : "",
                  row->is_edge && !is_void ? "  at the grid's edge" : "",
                  row->set[0] == '\0' ? "" : "  ", row->set);
}

void ch_compare_print(FILE *out, const ch_compare *c) {
    (void)fprintf(out, "%-12s %-8s %-8s %10s ", "algorithm", "client", "server", "accuracy");
    if (c->target > 0) {
        (void)fprintf(out, "%8s ", "rounds");
    }
    (void)fprintf(out, "%10s  %s\n", "sent", "runs");
    for (uint32_t i = 0; i < c->count; i++) {
        row_print(out, c, &c->rows[i]);
    }
}

choir_status ch_compare_report(ch_report_result *out, const ch_compare *c, const char *path,
                               const choir_env *env, choir_error *err) {
    const char *runs[CH_COMPARE_ALGORITHMS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->rows[i].dir[0] != '\0') {
            runs[count] = c->rows[i].dir;
            count += 1;
        }
    }
    return ch_report_write(out, runs, count, path, env, err);
}
