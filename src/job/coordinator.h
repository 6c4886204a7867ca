/* Coordinator: what a job asks of the server's side, in the words of choir/coordinator.h. */
#ifndef CH_JOB_COORDINATOR_H
#define CH_JOB_COORDINATOR_H

#include "choir/coordinator.h"
#include "choir/job.h"

/*
 * Options of the coordinator that runs the job, whoever drives it: a simulation and a server of one
 * job make equal ones.
 *
 * clients  K: of the job's data, which may hold fewer than data.clients
 * dim      parameters of its model
 *
 * Texts are borrowed from the job.
 */
choir_coordinator_options ch_job_coordinator(const choir_job *job, uint32_t clients, uint32_t dim);

/*
 * Whether rounds of the job can be what it says they are where nobody tells the coordinator the
 * model's loss (choir_coordinator_observe), as on a server, which has no test set, and where
 * clients hold their own data.
 *
 * Returns OK; EINVAL with a sentence that begins with the key of a schedule that watches the loss,
 * or with data.holder when it is not "clients".
 */
CHOIR_NODISCARD choir_status ch_job_hosting_check(const choir_job *job, choir_error *err);

#endif
