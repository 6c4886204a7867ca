/* The coordinator's reports of closed rounds, and reports that come again. */
#include "proto/coordinator_parts.h"

#include <string.h>

choir_refusal ch_coordinator_lateness(const choir_coordinator *c, const ch_request *in) {
    const ch_report *report = &in->report;
    if (strcmp(in->job, c->task.job) == 0 && report->purpose == CHOIR_PURPOSE_TRAIN &&
        ch_recent_has(&c->recent, c->rounds_closed, report->round, in->client)) {
        return CHOIR_REFUSAL_DUPLICATE;
    }
    const bool is_of_task = report->round == c->task.round && report->purpose == c->task.purpose &&
                            strcmp(in->job, c->task.job) == 0 &&
                            memcmp(report->model.bytes, c->task.model.bytes, CHOIR_HASH_BYTES) == 0;
    return is_of_task ? CHOIR_REFUSAL_COUNT : CHOIR_REFUSAL_STALE;
}

bool choir_coordinator_has_counted(const choir_coordinator *c, choir_bytes request) {
    ch_request in;
    if (ch_request_decode(&in, request) != CHOIR_OK || !ch_request_is_intact(&in) ||
        in.kind == CH_REQUEST_CHECK_IN) {
        return false;
    }
    const choir_refusal late = ch_coordinator_lateness(c, &in);
    if (late != CHOIR_REFUSAL_COUNT) {
        return late == CHOIR_REFUSAL_DUPLICATE;
    }
    const uint32_t place = ch_cohort_find(&c->cohort, in.client);
    return place != UINT32_MAX && c->cohort.standing[place] == CH_STANDING_COUNTED;
}
