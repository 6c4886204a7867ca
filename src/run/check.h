/*
 * Check: what is wrong with a job as far as this machine can tell before anything is read or
 * trained. `choir job check` asks no more than this; a run asks it first.
 */
#ifndef CH_RUN_CHECK_H
#define CH_RUN_CHECK_H

#include "choir/env.h"
#include "job/places.h"

/*
 * Looks for the model in the zoo or its files, for the kernels, and for the data: a name that can
 * be got, or a path where something lies. Logs a warning "key_idle" for every key that was given
 * another value than its default and can have no effect, beside what it is for.
 *
 * Returns OK; EINVAL, EIO or EPROTO with a sentence that begins with file and line of the key.
 */
CHOIR_NODISCARD choir_status ch_run_check(const choir_job *job, const ch_job_places *places,
                                          const choir_env *env, choir_error *err);

/*
 * The same for a job that a server will host, which is stricter: EINVAL also for what a server
 * cannot do (ch_job_hosting_check). Keys that only a simulation heeds are idle too.
 */
CHOIR_NODISCARD choir_status ch_run_check_hosting(const choir_job *job, const ch_job_places *places,
                                                  const choir_env *env, choir_error *err);

#endif
