/* Rules: what joins several keys of a job, and so no row of the table can see alone. */
#ifndef CH_JOB_RULES_H
#define CH_JOB_RULES_H

#include "choir/job.h"

#include <stdbool.h>

/* Whether a run's folder can be called so: letters, digits, '.', '_', '-', no '.' or '-' first. */
bool ch_job_is_name(const char *name);

/* Whether a job of a server can be asked for so: a name, or NAME@VERSION. */
bool ch_job_is_reference(const char *text);

/*
 * Whether the keys of a job go together, as far as that can be told without its data.
 * Returns OK; EINVAL with a sentence that begins with a key; it is the first rule that fails.
 */
CHOIR_NODISCARD choir_status ch_job_rules(const choir_job *job, choir_error *err);

/*
 * Whether rounds of a population of so many clients, >= 1, can count: the quorum against the
 * largest cohort, and the integer sum against the largest updates and weights.
 * Returns as ch_job_rules.
 */
CHOIR_NODISCARD choir_status ch_job_fits(const choir_job *job, uint32_t clients, choir_error *err);

/*
 * The most examples that a client of the job counts for: 1 where all count alike.
 * Returns OK; EINVAL when its chain is none.
 */
CHOIR_NODISCARD choir_status ch_job_weight_max(uint32_t *out, const choir_job *job,
                                               choir_error *err);

/* How many of so many clients, >= 1, a round of a closed population asks on average. */
double ch_job_asked(const choir_job *job, uint32_t clients);

/* What its algorithm has clients do: a choir_method. */
uint32_t ch_job_method(const choir_job *job);

/* Whether the job's algorithm heeds a key, and its chain server.examples_max; keys that neither
 * claims are heeded by all. */
bool ch_job_heeds(const choir_job *job, const char *key);

#endif
