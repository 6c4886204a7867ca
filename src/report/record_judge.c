/*
 * Judging a record: has training gone wrong, and is it over?
 *
 * Training has diverged when a loss is not finite, when clients say theirs is not, or when the loss
 * on the test set ends both above where it began and far above its best.
 */
#include "report/record.h"

#include "report/units.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const double LOSS_RISE = 2; // times the best loss

static bool is_evaluated(const ch_metrics_row *row) {
    return !isnan(row->accuracy) || !isnan(row->loss);
}

uint64_t ch_record_refusals(const ch_record *r, uint64_t sums[CHOIR_REFUSAL_COUNT]) {
    uint64_t all = 0;
    memset(sums, 0, CHOIR_REFUSAL_COUNT * sizeof(sums[0]));
    for (uint32_t i = 0; i < r->metrics.count; i++) {
        for (uint32_t k = 0; k < CHOIR_REFUSAL_COUNT; k++) {
            sums[k] += r->metrics.rows[i].refused[k];
            all += r->metrics.rows[i].refused[k];
        }
    }
    return all;
}

static void judge_updates(ch_record *r) {
    uint64_t count = 0;
    const ch_metrics_row *first = NULL;
    for (uint32_t i = 0; i < r->metrics.count; i++) {
        const ch_metrics_row *row = &r->metrics.rows[i];
        const uint64_t here =
            (uint64_t)row->refused[CHOIR_REFUSAL_DIVERGED] + row->refused[CHOIR_REFUSAL_NOT_FINITE];
        first = first == NULL && here > 0 ? row : first;
        count += here;
    }
    if (first == NULL) {
        return;
    }
    char loss[CH_UNITS_MAX];
    ch_units_loss(loss, first->train_loss);
    ch_record_find(r, true,
                   "Training diverged on clients: %" PRIu64 " %s refused because numbers in %s "
                   "were no longer finite, first in round %u, where the other clients' loss "
                   "was %s. A smaller client.learning_rate may help.",
                   count, count == 1 ? "update was" : "updates were", count == 1 ? "it" : "them",
                   first->round, loss);
}

static void judge_loss(ch_record *r) {
    const ch_metrics_row *first = NULL;
    const ch_metrics_row *best = NULL;
    const ch_metrics_row *last = NULL;
    for (uint32_t i = 0; i < r->metrics.count; i++) {
        const ch_metrics_row *row = &r->metrics.rows[i];
        if (!is_evaluated(row)) {
            continue;
        }
        if (!isfinite(row->loss)) {
            ch_record_find(r, true,
                           "The model diverged: in round %u its loss on the test set was not a "
                           "finite number.",
                           row->round);
            return;
        }
        first = first == NULL ? row : first;
        best = best == NULL || row->loss < best->loss ? row : best;
        last = row;
    }
    if (last != NULL && last->loss > first->loss && last->loss > LOSS_RISE * best->loss) {
        char low[CH_UNITS_MAX];
        char high[CH_UNITS_MAX];
        ch_units_loss(low, best->loss);
        ch_units_loss(high, last->loss);
        ch_record_find(r, true,
                       "Training diverges: the loss on the test set rose from %s in round %u to "
                       "%s in round %u.",
                       low, best->round, high, last->round);
    }
}

static void judge_rounds(ch_record *r) {
    uint32_t discarded = 0;
    for (uint32_t i = 0; i < r->metrics.count; i++) {
        discarded += r->metrics.rows[i].applied ? 0 : 1;
    }
    if (discarded > 0) {
        ch_record_find(r, false,
                       "%u of %u rounds changed nothing, because fewer clients than the quorum of "
                       "%u reported.",
                       discarded, r->metrics.count, r->job.quorum);
    }
}

static void judge_end(ch_record *r) {
    const ch_summary *s = &r->summary;
    if (r->is_finished || s->round >= s->rounds) {
        return;
    }
    if (s->round == 0) {
        ch_record_find(r, false, "No round is closed yet: the run has just begun, or never did.");
    } else {
        ch_record_find(r, false,
                       "Round %u of %u is the last one recorded: the run is in progress or was "
                       "stopped. It goes on with choir sim --resume.",
                       s->round, s->rounds);
    }
}

void ch_record_judge(ch_record *r) {
    r->summary =
        ch_summary_of(r->metrics.rows, r->metrics.count, r->job.rounds, r->job.target_accuracy);
    r->summary.name = r->job.name;
    judge_loss(r);
    judge_updates(r);
    judge_rounds(r);
    judge_end(r);
}
