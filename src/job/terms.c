/* Terms: what a job asks of a device. See include/choir/job.h. */
#include "choir/job.h"
#include "fl/schedule.h"

#include <string.h>

/*
 * A schedule that does not watch the loss rises or falls all the way, so that an end of it is the
 * most. One that does is no hosted job's: ch_job_hosting_check.
 */
static uint32_t epochs_most(const choir_job *job) {
    const ch_progress start = ch_progress_start();
    ch_schedule s;
    if (ch_schedule_parse(&s, job->schedule_epochs, "schedule.epochs", NULL) != CHOIR_OK) {
        return job->epochs;
    }
    const uint32_t first = ch_schedule_whole(&s, &start, 1, job->epochs);
    const uint32_t last = ch_schedule_whole(&s, &start, job->rounds, job->epochs);
    return first > last ? first : last;
}

choir_terms choir_job_terms(const choir_job *job, uint32_t parameters) {
    choir_terms terms = {.parameters = parameters,
                         .epochs = epochs_most(job),
                         .reports = job->quorum,
                         .examples = CHOIR_TERMS_UNKNOWN,
                         .training_s = CHOIR_TERMS_UNKNOWN,
                         .retains_updates = job->retain_updates};
    memcpy(terms.chain, job->chain, sizeof(terms.chain));
    return terms;
}
