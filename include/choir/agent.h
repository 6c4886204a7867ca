/*
 * Agent: several jobs at once on one device: one identity, one connection, one training at a time.
 *
 *     choir_agent_job jobs[2] = {choir_agent_job_defaults(), choir_agent_job_defaults()};
 *     jobs[0].job = "keyboard", jobs[0].trainer_make = keyboard_trainer, jobs[0].self = ...;
 *     jobs[1].job = "photos", jobs[1].trainer = mine;
 *     options.client.join = &join, options.jobs = jobs, options.count = 2;
 *     options.callbacks.progress = show;
 *     choir_agent_create(&agent, &options, &env, &err);
 *     choir_agent_run(agent, &err);              // until all jobs are over
 *
 * or, for a host with an event loop of its own, which does what it likes before wake_ms:
 *
 *     for (choir_agent_event e = {.left = 1}; e.left > 0; sleep_until(e.wake_ms)) {
 *         choir_agent_step(agent, &e);
 *     }
 *
 * A job that has a task goes on with it until its report is settled, unless it has to wait; then it
 * is the turn of the one that has not had one for longest. What stops one job, as its conditions, a
 * refusal or a failure, does not stop the others. What each job does is a choir_client of its own:
 * choir/client.h has the events, what is kept across restarts, and what else a host may ask of it.
 *
 * With client.patience_s a check-in that finds nothing to do waits at the server while no other job
 * is due, and else for two seconds at most.
 *
 * Starts no thread and keeps no timer. Single-threaded.
 */
#ifndef CHOIR_AGENT_H
#define CHOIR_AGENT_H

#include "choir/client.h"
#include "choir/conditions.h"
#include "choir/env.h"
#include "choir/policy.h"
#include "choir/status.h"
#include "choir/trainer.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CHOIR_AGENT_JOBS_MAX = 64 };

typedef struct choir_agent choir_agent;

/* One of the jobs. */
typedef struct choir_agent_job {
    const char *job;                    // its name; copied; required
    uint32_t client;                    // which client of it to be; default CHOIR_CLIENT_ANY
    const choir_conditions *conditions; // of this job; copied; default NULL: those of all
    const choir_policy *policy;         // likewise
    choir_trainer trainer;              // for every version of it; or, when ops is NULL:

    /*
     * Makes a trainer for the version that was joined; the one that it made before is not used any
     * more. Returns OK, or why not, in which case the job is over for this device; err says why.
     *
     * offer  borrowed for the call
     */
    choir_status (*trainer_make)(void *self, const choir_offer *offer, choir_trainer *out,
                                 choir_error *err);
    void *self; // borrowed; of trainer_make
} choir_agent_job;

choir_agent_job choir_agent_job_defaults(void);

/* What a host may want to be told; each may be NULL. job is an index into the options' jobs, event
 * is borrowed for the call. None may use the agent, but for choir_agent_client. */
typedef struct choir_agent_callbacks {
    /* It is in the job, or in its next version, and has a trainer. */
    void (*ready)(void *self, uint32_t job, const choir_offer *offer);
    /* The owner's policy rejected the job or a task, or the server refused a report. */
    void (*rejected)(void *self, uint32_t job, const choir_event *event);
    /* Conditions stand in the way; told again when it was looked again and they still do. */
    void (*blocked)(void *self, uint32_t job, const choir_event *event);
    /* A training is under way: after each step of it. Must be quick. */
    void (*progress)(void *self, uint32_t job, const choir_progress *progress);
    /* The job is over, or has no place for this device; event->why says which. */
    void (*complete)(void *self, uint32_t job, const choir_event *event);
    /* Something went wrong: with OK it goes on by itself, else the job is over for this device. */
    void (*error)(void *self, uint32_t job, choir_status status, const char *message);
    /* Every event, before those above. */
    void (*event)(void *self, uint32_t job, const choir_event *event);
    void *self; // borrowed
} choir_agent_callbacks;

typedef struct choir_agent_options {
    choir_client_options client;     // of all jobs; its job, client and progress are not looked at
    const choir_agent_job *jobs;     // (count) borrowed for the call; required
    uint32_t count;                  // 1 .. CHOIR_AGENT_JOBS_MAX
    choir_agent_callbacks callbacks; // copied
} choir_agent_options;

choir_agent_options choir_agent_defaults(void);

/*
 * Makes an agent; nothing is sent yet.
 *
 * Returns OK and an object to destroy; EINVAL for options, for a job that is there twice, and one
 * with neither a trainer nor a way to make one; EIO for client.state_dir; ENOMEM; *out == NULL
 * then.
 */
CHOIR_NODISCARD choir_status choir_agent_create(choir_agent **out,
                                                const choir_agent_options *options,
                                                const choir_env *env, choir_error *err);

/*
 * Bytes of env that an agent has at most, before anything is claimed: as choir_client_bytes says,
 * for jobs of these many parameters and states of these many bytes. By turns they need of the
 * models, (12 bytes a parameter) only the largest job's at a time; the sum is for when conditions
 * or the server hold up all of them in the midst of a task.
 *
 * dims, state_bytes  (count); state_bytes NULL: no states
 */
size_t choir_agent_bytes(const uint32_t *dims, const uint32_t *state_bytes, uint32_t count);

/* Accepts NULL. */
void choir_agent_destroy(choir_agent *a);

typedef struct choir_agent_event {
    uint32_t job;        // of which the event is: an index into the options' jobs
    uint32_t left;       // jobs that are not over
    uint64_t wake_ms;    // nothing to do before, for any of them; in choir_client_now_ms's clock
    choir_status status; // not OK: why the job cannot be taken part in, as choir_client_step or
                         // trainer_make returned it; the event is then a DONE, and message says it
    choir_event event;
} choir_agent_event;

/*
 * Does the next thing that there is to do for one of the jobs, and tells the callbacks.
 *
 * out  of that job; when left is 0 there is nothing to do any more, and the next calls say the same
 */
void choir_agent_step(choir_agent *a, choir_agent_event *out);

/*
 * Steps until all jobs are over, and sleeps in between; a signal ends a sleep early.
 *
 * Returns OK; OK also when options.client.is_stopped said so, which is asked once a second at
 * least; else the status of the first job that ended with one, and err says what it said.
 */
CHOIR_NODISCARD choir_status choir_agent_run(choir_agent *a, choir_error *err);

/* The client of a job, for its offer and its promoted model; not to be stepped. Borrowed. */
choir_client *choir_agent_client(choir_agent *a, uint32_t job);

#ifdef __cplusplus
}
#endif

#endif
