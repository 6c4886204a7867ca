/*
 * Swarm: thousands of devices in one process, over real HTTP: to measure a server under load, and
 * to try a deployment out.
 *
 *     ch_swarm_options o = ch_swarm_defaults();
 *     o.join = &join, o.job = "keyboard", o.clients = 1000;
 *     ch_swarm_run(&result, &o, host, &env, &err);
 *
 * Each is a device as any other: a key, a number, a token, a participant (choir/participant.h) that
 * decides what is next, and its own downloads and uploads. What they share is this process's
 * thread, its connections and its memory:
 *
 *     members ──ready──> lanes ── ch_http_crowd ── server         connections: calls at a time
 *        ^  '──has a task──> rooms ── fetch, train, report        updates: in memory at a time
 *        '──timers: told to wait, or not heard
 *
 * First all of them enter (enrol once, join); then the load begins and is timed. One thread trains
 * and talks, so a trainer that takes long delays everybody's calls; what is measured then is a
 * deployment and not its server.
 */
#ifndef CH_SWARM_SWARM_H
#define CH_SWARM_SWARM_H

#include "choir/client.h"
#include "swarm/latency.h"

typedef enum ch_swarm_load {
    CH_SWARM_ROUNDS,    // they take part until the job is over
    CH_SWARM_CHECK_INS, // they check in again and again, whatever is answered
    CH_SWARM_WAITS,     // they check in and wait at the server; who is given a task leaves it alone
    CH_SWARM_RESENDS, // they take part up to the report, whose every answer is as if it were lost:
                      // so the server reads and knows it, and drops it
} ch_swarm_load;

typedef struct ch_swarm_options {
    const choir_join *join; // borrowed, like all texts; required
    const char *job;        // by its name; required
    const char *state_dir;  // where their keys and numbers are kept: swarm/identities.h; default ""
    const char *platform; // these two are told to the server, which may choose by them; default ""
    const char *tags;     // comma-separated
    uint32_t first;       // which client of the job the first of them is; default 0
    uint32_t clients;     // how many they are, at least 1; first + clients at most
                          // CH_IDENTITIES_MAX; required
    uint32_t
        connections;     // calls at a time, so also connections; 0, the default: as many as clients
    uint32_t updates;    // models and updates in memory at a time; default 16
    uint32_t patience_s; // how long a check-in of ROUNDS and WAITS may wait at the server, at most
                         // 60; then every client needs a connection; default 0
    uint32_t seconds;    // that the load lasts; 0, the default: until the job is over
    uint32_t dim_max;    // largest model; default 2^26
    bool caches_models;  // a model is fetched once, as through a cache near the devices
    ch_swarm_load load;  // default CH_SWARM_ROUNDS
    const char *ca_file; // as in choir_client_options; default NULL
    const char *certificate_file;
    const char *key_file;
} ch_swarm_options;

ch_swarm_options ch_swarm_defaults(void);

typedef enum ch_swarm_kind {
    CH_SWARM_ENROL,
    CH_SWARM_CHALLENGE,
    CH_SWARM_JOIN,
    CH_SWARM_CHECK_IN,
    CH_SWARM_MODEL,
    CH_SWARM_ANNOUNCE,
    CH_SWARM_REPORT,
    CH_SWARM_KINDS,
} ch_swarm_kind;

/* "check-in". */
const char *ch_swarm_kind_name(ch_swarm_kind kind);

/* The calls of a kind. Bytes are those of bodies. */
typedef struct ch_swarm_calls {
    uint64_t answered; // with 2xx
    uint64_t lost; // no answer, or another one: they were made again, or the job went on without
    uint64_t bytes_up; //
    uint64_t bytes_down;
    ch_latency latency; // of those that were answered, from when it was begun
} ch_swarm_calls;

enum { CH_SWARM_ANSWERS = 6 }; // kinds of answers: choir_answer

typedef struct ch_swarm_result {
    uint32_t clients;
    uint32_t entered;     // have joined the job
    uint32_t over;        // have been told that the job is over, or, of CH_SWARM_WAITS, have a task
    uint32_t open;        // calls under way
    uint32_t open_max;    //
    double entering_s;    // until all had entered
    double load_s;        // since then
    double last_ack_s;    // of load_s, until the last report was acknowledged; 0: none was
    uint32_t first_round; // of tasks; 0: there was none
    uint32_t last_round;  //
    uint64_t failures;    // trainings that failed
    uint64_t answers[CH_SWARM_ANSWERS]; // to check-ins and reports, by choir_answer
    ch_swarm_calls calls[CH_SWARM_KINDS];
} ch_swarm_result;

/* Whose swarm it is. */
typedef struct ch_swarm_host {
    /*
     * A version of the job that has not been met: makes its trainer, for whichever client, which is
     * used until the next version is offered or the run ends. Any status but OK ends the run.
     */
    choir_status (*offered)(void *self, const choir_offer *offer, choir_trainer *trainer,
                            choir_error *err);

    /* Asked a few times a second; true ends the run in good order. NULL: never. */
    bool (*is_stopped)(void *self);

    /* Told about once a second how far it is. NULL: not. */
    void (*told)(void *self, const ch_swarm_result *so_far);

    void *self; // borrowed
} ch_swarm_host;

/*
 * Runs a swarm until its job is over, its time is up or it is stopped. Raises the soft limit of
 * open files as far as it must. Calls that are under way at the end are given up and not counted.
 *
 * result  large: not for a small stack; what there was of a run that failed, too
 * env     log lines "call_lost", "training_failed" (warning)
 *
 * Returns OK; EINVAL for options, more connections than the system gives descriptors for, and a
 * secret or key that the server refuses; EAGAIN when there is no such job, or one of the clients is
 * another device's; EPROTO when what the server says of the job makes no sense; EIO when identities
 * cannot be kept; what offered returned; ENOMEM. A server that does not answer is asked again.
 */
CHOIR_NODISCARD choir_status ch_swarm_run(ch_swarm_result *result, const ch_swarm_options *options,
                                          ch_swarm_host host, const choir_env *env,
                                          choir_error *err);

#endif
