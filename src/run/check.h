/*
 * Check: what is wrong with a job as far as this machine can tell before anything is trained. A run
 * asks what costs nothing first; `choir job check` also opens the job as far as a run does.
 */
#ifndef CH_RUN_CHECK_H
#define CH_RUN_CHECK_H

#include "choir/env.h"
#include "job/places.h"

/*
 * Looks for the model in the zoo or its files, for the kernels, and for the data: a name or a path
 * where something lies, which is not read. Logs a warning "key_idle" for every key that was given
 * another value than its default and can have no effect, beside what it is for.
 *
 * Returns OK; EINVAL, EIO or EPROTO with a sentence that begins with file and line of the key.
 */
CHOIR_NODISCARD choir_status ch_run_check(const choir_job *job, const ch_job_places *places,
                                          const choir_env *env, choir_error *err);

/* The same without a look for the data, for a machine that does not have them. */
CHOIR_NODISCARD choir_status ch_run_check_apart(const choir_job *job, const ch_job_places *places,
                                                const choir_env *env, choir_error *err);

/*
 * Opens all that a run has open before its first round, and closes it: reads the data and deals
 * them out, makes the model and a simulation. It costs the time and the memory that a run with one
 * worker takes to begin. Writes nothing.
 *
 * job  that ch_run_check found right
 *
 * Returns OK; EINVAL, EIO, EPROTO or ENOMEM as the run would, with file and line of the key where
 * the sentence begins with one.
 */
CHOIR_NODISCARD choir_status ch_run_check_open(const choir_job *job, const ch_job_places *places,
                                               const choir_env *env, choir_error *err);

/*
 * The same for a job that a server will host, which is stricter: EINVAL also for what a server
 * cannot do (ch_job_hosting_check). Keys that only a simulation heeds are idle too.
 */
CHOIR_NODISCARD choir_status ch_run_check_hosting(const choir_job *job, const ch_job_places *places,
                                                  const choir_env *env, choir_error *err);

#endif
