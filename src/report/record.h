/*
 * Record: what a report knows of one run: everything its directory holds, read and judged.
 *
 * job.yaml must be there and metrics.jsonl must not be malformed; whatever else is missing or
 * malformed is left out, and a finding says so.
 */
#ifndef CH_REPORT_RECORD_H
#define CH_REPORT_RECORD_H

#include "choir/job.h"
#include "report/clients.h"
#include "report/samples.h"
#include "report/summary.h"
#include "store/metrics_log.h"
#include "store/run_dir.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CH_FINDINGS_MAX = 16,
    CH_FINDING_MAX = 512, // bytes, with the terminating zero
};

/* One sentence that a reader of the report must not miss. */
typedef struct ch_finding {
    bool is_bad; // training failed or was refused; else it is only good to know
    char text[CH_FINDING_MAX];
} ch_finding;

typedef enum ch_baseline_kind {
    CH_BASELINE_CENTRAL, // the clients' data pooled on one machine
    CH_BASELINE_LOCAL,   // every client alone; the mean over them
    CH_BASELINES,
} ch_baseline_kind;

typedef struct ch_record {
    char dir[CHOIR_PATH_MAX];
    choir_job job;
    ch_run_facts facts;
    bool has_facts;
    bool is_finished;                         // all rounds are closed, or the target is reached
    ch_metrics_table metrics;                 // owned, like all that follow; count 0: no round yet
    ch_metrics_table baselines[CH_BASELINES]; // count 0: none
    ch_clients clients;                       // count 0: none
    ch_samples samples;                       // count 0: none
    ch_summary summary;
    ch_finding findings[CH_FINDINGS_MAX];
    uint32_t findings_count;
} ch_record;

/*
 * Reads the run in dir.
 *
 * Returns OK and an object to release; EIO when dir holds no run or a file cannot be read; EINVAL
 * when job.yaml is none; EPROTO when metrics.jsonl is malformed; ENOMEM. *out is safe to release in
 * any case.
 */
CHOIR_NODISCARD choir_status ch_record_read(ch_record *out, const char *dir, const choir_env *env,
                                            choir_error *err);

/* Safe to call twice, and on one that is all zero. */
void ch_record_release(ch_record *r);

/* Adds a sentence, while there is room. */
void ch_record_find(ch_record *r, bool is_bad, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Judges what was read: how training went, and whether it is over. Called by ch_record_read. */
void ch_record_judge(ch_record *r);

/* Why updates were refused: the sum over all rounds, by reason; 0 of DUPLICATE, since those were
 * counted. Returns the sum of sums. */
uint64_t ch_record_refusals(const ch_record *r, uint64_t sums[CHOIR_REFUSAL_COUNT]);

#endif
