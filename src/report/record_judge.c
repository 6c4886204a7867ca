/*
 * Judging a record: has training gone wrong, and is it over?
 *
 * Training has diverged when a loss is not finite, when clients say theirs is not, or when the loss
 * on the test set ends both above where it began and far above its best.
 */
#include "base/text.h"
#include "report/record.h"

#include "report/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_evaluated(const ch_metrics_row *row) {
    return !isnan(row->accuracy) || !isnan(row->loss);
}

uint64_t ch_record_refusals(const ch_record *r, uint64_t sums[CHOIR_REFUSAL_COUNT]) {
    uint64_t all = 0;
    memset(sums, 0, CHOIR_REFUSAL_COUNT * sizeof(sums[0]));
    for (uint32_t i = 0; i < r->metrics.count; i++) {
        for (uint32_t k = 0; k < CHOIR_REFUSAL_COUNT; k++) {
            const uint32_t refused =
                k == CHOIR_REFUSAL_DUPLICATE ? 0 : r->metrics.rows[i].refused[k];
            sums[k] += refused;
            all += refused;
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
    char who[3 * CH_UNITS_MAX] = "";
    char loss[CH_UNITS_MAX];
    if (!isnan(first->diverged_client)) {
        ch_units_loss(loss, first->diverged_loss);
        const bool is_known = !isnan(first->diverged_loss);
        (void)snprintf(who, sizeof(who), " on client %.0f, whose loss %s %s",
                       first->diverged_client, is_known ? "had been" : "was",
                       is_known ? loss : "not finite");
    }
    char others[2 * CH_UNITS_MAX] = "";
    if (isfinite(first->train_loss)) {
        ch_units_loss(loss, first->train_loss);
        (void)snprintf(others, sizeof(others), "; the other clients' was %s", loss);
    }
    ch_record_find(r, true,
                   "Training diverged on clients: %" PRIu64 " %s refused because numbers in %s "
                   "were no longer finite, first in round %u%s%s. A smaller client.learning_rate "
                   "may help.",
                   count, count == 1 ? "update was" : "updates were", count == 1 ? "it" : "them",
                   first->round, who, others);
}

static void judge_loss(ch_record *r) {
    for (uint32_t i = 0; i < r->metrics.count; i++) {
        const ch_metrics_row *row = &r->metrics.rows[i];
        if (is_evaluated(row) && !isfinite(row->loss)) {
            ch_record_find(r, true,
                           "The model diverged: in round %u its loss on the test set was not a "
                           "finite number.",
                           row->round);
            return;
        }
    }
    double best = NAN;
    double last = NAN;
    uint32_t best_round = 0;
    uint32_t last_round = 0;
    const double start = r->has_facts ? r->facts.start_loss : NAN;
    if (ch_summary_rise(r->metrics.rows, r->metrics.count, start, &best, &best_round, &last,
                        &last_round)) {
        char low[CH_UNITS_MAX];
        char high[CH_UNITS_MAX];
        ch_units_loss(low, best);
        ch_units_loss(high, last);
        ch_record_find(r, true,
                       "Training diverges: the loss on the test set rose from %s in round %u to "
                       "%s in round %u.",
                       low, best_round, high, last_round);
    }
}

static void judge_rounds(ch_record *r) {
    uint32_t discarded = 0;
    uint32_t unfit = 0;
    uint64_t refused = 0;
    uint64_t missing = 0;
    for (uint32_t i = 0; i < r->metrics.count; i++) {
        const ch_metrics_row *row = &r->metrics.rows[i];
        if (!row->applied && row->reports >= r->job.quorum) {
            unfit += 1;
        } else if (!row->applied) {
            discarded += 1;
            missing += row->refused[CHOIR_REFUSAL_MISSING];
            refused += row->clients - row->reports;
        }
    }
    if (discarded > 0) {
        ch_record_find(r, false,
                       "%u of %u round%s changed nothing, because fewer updates than the quorum of "
                       "%u counted: in them %" PRIu64 " were refused and %" PRIu64 " did not come.",
                       discarded, r->metrics.count, ch_text_plural(r->metrics.count), r->job.quorum,
                       refused > missing ? refused - missing : 0, missing);
    }
    if (unfit > 0) {
        ch_record_find(r, false,
                       "%u of %u round%s changed nothing, because %s could make no step of what "
                       "was reported. Its numbers were too small; the log says which.",
                       unfit, r->metrics.count, ch_text_plural(r->metrics.count), r->job.algorithm);
    }
}

/* A run is over when all its rounds are, or when it has reached its target. */
static void judge_end(ch_record *r) {
    const ch_summary *s = &r->summary;
    r->is_finished = s->round >= s->rounds || s->target_round > 0;
    if (r->is_finished) {
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
