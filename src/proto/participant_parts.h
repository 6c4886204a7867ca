/* What the files of the participant share: its fields, and what it can do. */
#ifndef CH_PROTO_PARTICIPANT_PARTS_H
#define CH_PROTO_PARTICIPANT_PARTS_H

#include "choir/participant.h"
#include "fl/algorithm.h"
#include "fl/chain.h"
#include "wire/message.h"

#include <stdbool.h>

typedef enum participant_state {
    STATE_CHECKIN, // has no task; the request is a check-in
    STATE_FETCH,   // has a task, not its model
    STATE_READY,   // has both, has not trained
    STATE_REPORT,  // knows what became of the task; the request is an exchange of its report
    STATE_FINISHED,
} participant_state;

struct choir_participant {
    choir_participant_options options; // its text is NULL: copied into job
    char job[CHOIR_JOB_TEXT_MAX];
    choir_env env;
    participant_state state;
    uint64_t wake_ms; // nothing is sent before
    uint64_t told_ms; // not before, whatever happens: the coordinator has said so
    choir_why why;    // that, or that it is finished
    choir_task task;
    ch_chain chain;
    choir_blob blob;         // READY
    choir_workspace *room;   // borrowed; REPORT of an update
    uint32_t examples;       // REPORT: that it counts for
    uint32_t exchange;       // REPORT: which of task.exchanges is under way
    uint32_t damaged;        // how often the coordinator could not read this report
    bool has_given_up;       // on given_up_round of given_up_job: its report was refused
    uint32_t given_up_round; // not to be trained for again
    char given_up_job[CHOIR_JOB_TEXT_MAX];
    uint32_t given_up_purpose;
    bool is_refused; // the report that was answered last
    choir_refusal refusal;
    choir_metrics metrics;             // of the last training, as its trainer said
    choir_bytes request;               // a report's, in room or in head; else in head
    uint8_t head[CH_REQUEST_HEAD_MAX]; // that, or the announcement of one in room
};

struct choir_workspace {
    choir_env env;
    uint32_t dim_max;
    uint8_t *head; // (CH_REQUEST_HEAD_MAX) ends where delta begins
    float *delta;  // (dim_max)
};

/* Whether it can do a task; its chain is then parsed. *chain is unchanged otherwise. */
bool ch_participant_can(const choir_participant *p, const choir_task *task, ch_chain *chain);

#endif
