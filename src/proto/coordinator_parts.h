/* What the files of the coordinator share: its fields, and how a round opens. */
#ifndef CH_PROTO_COORDINATOR_PARTS_H
#define CH_PROTO_COORDINATOR_PARTS_H

#include "base/arena.h"
#include "choir/coordinator.h"
#include "choir/why.h"
#include "fl/aggregator.h"
#include "fl/algorithm.h"
#include "fl/chain.h"
#include "fl/sampler.h"
#include "fl/schedule.h"
#include "proto/cohort.h"
#include "proto/crowd.h"
#include "proto/pace.h"
#include "proto/recent.h"
#include "wire/message.h"

/* What changes over rounds, by schedules of their own. */
enum { CH_SCHEDULED_RATE, CH_SCHEDULED_EPOCHS, CH_SCHEDULED_BATCH, CH_SCHEDULED_COUNT };

/* Where a part of reports stands in the row of sums, and in a report. */
typedef struct ch_part_sum {
    const ch_part *part;
    uint32_t dim;
    uint32_t offset;
    uint32_t scale_bits;
    double max; // largest magnitude
} ch_part_sum;

struct choir_coordinator {
    // What was asked for; constant.
    choir_coordinator_options options; // its texts are NULL: parsed, or copied into task
    uint8_t options_digest[CHOIR_HASH_BYTES];
    bool is_open;       // the population
    ch_sampler sampler; // of a closed one
    uint32_t places;    // the most clients that hold a task of a round at a time
    const ch_algorithm_ops *algorithm;
    ch_part_sum parts[CH_PARTS_MAX]; // (algorithm->parts_count)
    uint32_t numbers;                // in a report, and in the row of sums: dim without parts
    uint32_t fetched;                // in the blob that tasks name: dim without shared vectors
    ch_chain chain;
    ch_schedule schedules[CH_SCHEDULED_COUNT];
    choir_env env;
    ch_arena arena;    // owns every array below
    uint64_t closings; // rounds closed in it
    uint64_t changes;  // reports settled and rounds closed in this object's life

    ch_pace pace;   // of rounds that closed in this object's life
    ch_crowd heard; // clients that have checked in in it

    // What one round leaves to the next.
    uint32_t rounds_closed; // to train
    uint32_t applied;       // of them, since the last evaluation round
    bool is_evaluating;     // the open round: the model of round rounds_closed
    float *params;          // (dim)
    float *state;           // (dim * algorithm->state_per_param) right behind params
    choir_hash hash;        // of params
    choir_hash offered;     // of params and what is shared of the state: what tasks to train name
    ch_progress progress[CH_SCHEDULED_COUNT];
    ch_recent recent;               // whose reports were counted
    choir_round_summary summary;    // of the last training round
    const char *unfit;              // why that was not applied though there was a quorum, or ""
    choir_round_summary evaluation; // of the last evaluation round
    int64_t *sum; // (numbers) of the round that closed last, with options.keep_sum; else NULL
    bool has_sum;

    // The open round: all of it is reset when the next one opens.
    choir_task task;
    bool has_given_tasks;
    uint64_t deadline_ms; // UINT64_MAX until there has been a clock to start it
    ch_cohort cohort;
    ch_aggregator aggregator;
    choir_metrics metrics;
    uint32_t refused[CHOIR_REFUSAL_COUNT];

    uint32_t *scratch; // (sampler.cohort_max) of a closed population
    float *gathered;   // (numbers) a delta that came in pieces
    uint8_t reply[CH_REPLY_MAX];
};

/* Says which option is wrong; else parses the texts into the constant part of *c. */
CHOIR_NODISCARD choir_status ch_coordinator_configure(choir_coordinator *c,
                                                      const choir_coordinator_options *o,
                                                      choir_error *err);

/* Whether initial parameters are; EINVAL with a sentence. */
CHOIR_NODISCARD choir_status ch_coordinator_params_check(const float *params, uint32_t dim,
                                                         choir_error *err);

/* Derives where the algorithm's parts stand, once dim and the aggregator's bounds are known. EINVAL
 * with a sentence when they are too large. */
CHOIR_NODISCARD choir_status ch_coordinator_parts_init(choir_coordinator *c, choir_error *err);

/* Empties a sum (numbers), and adds a report (numbers) to it. */
void ch_coordinator_sum_reset(const choir_coordinator *c, ch_aggregator *a);
void ch_coordinator_sum_add(const choir_coordinator *c, ch_aggregator *a, const void *delta,
                            uint32_t weight);

/* Bytes of the open round's sum, of so many reports. */
size_t ch_coordinator_sum_bytes(const choir_coordinator *c, uint32_t reports);

/* What is wrong with the parts of a report (numbers), at any address; COUNT: nothing. */
choir_refusal ch_coordinator_parts_judge(const choir_coordinator *c, const void *delta);

/* Hashes what has changed. */
void ch_coordinator_name(choir_coordinator *c);

/* Whether (8 numbers) bytes can be the sum of so many reports of that weight together. */
bool ch_coordinator_sum_is_sane(const choir_coordinator *c, uint32_t reports, uint64_t weight,
                                const uint8_t *sum);

/* What is wrong with a report for the open round, and how it counts; CHOIR_REFUSAL_COUNT: nothing.
 * delta (in->report.dim), at any address, whose update's measure is known or NULL; offer is only
 * filled when nothing is. */
choir_refusal ch_coordinator_judge(const choir_coordinator *c, const ch_request *in,
                                   const void *delta, const ch_measure *known, ch_offer *offer);

/* Why a report, or its announcement, is none of the open round's task; CHOIR_REFUSAL_COUNT when it
 * is. One of a closed round is told that it was counted, where that is known: an answer may have
 * got lost. */
choir_refusal ch_coordinator_lateness(const choir_coordinator *c, const ch_request *in);

/* What an algorithm is told of the options. */
ch_algorithm_options ch_coordinator_algorithm_options(const choir_coordinator *c);

/* What a round with a quorum makes of parameters, state and hash: from the aggregator's sum. False
 * without a quorum, and when the algorithm cannot apply it, which c->unfit then says. */
bool ch_coordinator_apply(choir_coordinator *c);

/* In an open population: how many clients may hold a round's task at a time; and how many a round
 * remembers. */
uint32_t ch_coordinator_places(uint32_t goal, double over_selection, uint32_t clients);
uint32_t ch_coordinator_table(uint32_t places, uint32_t clients);

/* Why a client has no place in the open round, and how many rounds must close before it may. */
typedef struct ch_unseated {
    choir_why why;
    uint32_t rounds;
} ch_unseated;

/*
 * In an open population: a client's place in the open round, which nothing changes.
 *
 * client   below options.clients
 * is_free  out, when it has none: whether there is one for it
 * why      out, as below, but for one that there is a place for
 *
 * Returns the place; UINT32_MAX when it has none.
 */
uint32_t ch_coordinator_seat_find(const choir_coordinator *c, uint32_t client, bool *is_free,
                                  ch_unseated *why);

/*
 * In an open population: a client's place in the open round, which it is given where there is room.
 *
 * client  below options.clients
 * why     out, when it is not to be given the task (again): it has no place, or is settled
 *
 * Returns the place; UINT32_MAX when it has none.
 */
uint32_t ch_coordinator_seat(choir_coordinator *c, uint32_t client, ch_unseated *why);

/* The open round's number: that of the model it makes, or measures. */
uint32_t ch_coordinator_open_round(const choir_coordinator *c);

/* Opens that round. now_ms: UINT64_MAX when nobody has told the time yet. */
void ch_coordinator_round_open(choir_coordinator *c, uint64_t now_ms);

#endif
