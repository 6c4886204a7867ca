/*
 * Client: the device library: a participant of a job on a server, with the network and an identity
 * of its own.
 *
 *     choir_join join;
 *     choir_join_read(&join, "join.json", &env, &err);
 *     options.join = &join, options.job = "keyboard";
 *     choir_client_create(&c, &options, &env, &err);
 *     for (choir_event event = {0}; event.kind != CHOIR_EVENT_DONE;) {
 *         choir_client_step(c, trainer, &event, &err);
 *         JOINED: make a trainer for choir_client_offer(c)
 *         WAIT, REJECTED: sleep until event.wake_ms
 *     }
 *
 * A host with an event loop of its own calls step when it suits it: a step is one exchange, one
 * part of a large report, one download or one training, and there is nothing to do before wake_ms.
 * It starts no thread and keeps no timer. Single-threaded.
 *
 * A device is a subject by a key that it makes itself and keeps in state_dir; it enrols once, with
 * the secret of the join file. A server that does not answer is asked again, after pauses that
 * grow, and no sooner than it says; what was trained is kept until it has been taken, in state_dir,
 * so that also a process that is killed at any moment, or a device that is switched off, goes on
 * where it was: it trains no task twice that it has trained.
 */
#ifndef CHOIR_CLIENT_H
#define CHOIR_CLIENT_H

#include "choir/bytes.h"
#include "choir/conditions.h"
#include "choir/coordinator.h"
#include "choir/env.h"
#include "choir/policy.h"
#include "choir/status.h"
#include "choir/task.h"
#include "choir/trainer.h"
#include "choir/why.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choir_client choir_client;

/* What a server's operator gives to devices: a join file. */
typedef struct choir_join {
    char url[256];        // of the server
    char pin[256];        // of its TLS key, "sha256//BASE64", or several with ';' between: the only
                          // ones it is believed with; "": who signed its certificate decides
    char signing_key[64]; // by which it signs jobs, Ed25519; base64url; what is not signed by it is
                          // not used
    char secret[64];      // that enrols a device; base64url; never logged; "": a token does
} choir_join;

/* Reads a join file. Returns OK; EIO when it cannot be read; EPROTO when it is none; ENOMEM. */
CHOIR_NODISCARD choir_status choir_join_read(choir_join *out, const char *path,
                                             const choir_env *env, choir_error *err);

/* Stands for any client that is free. */
#define CHOIR_CLIENT_ANY UINT32_MAX

enum { CHOIR_PART_BYTES = 1 << 20 }; // of a report that goes in parts, unless the host says else

typedef struct choir_client_options {
    const choir_join *join; // borrowed for the call; required
    const char *job;        // to take part in, by its name; copied; required
    const char *state_dir;  // where its keys and its numbers are kept, one of each for a server,
                            // and what it has under way; made when it is not there; several jobs
                            // may share it, and of each one process at a time; less than 512
                            // bytes; "": nowhere, a new subject every time; default ""; copied
    uint32_t client;        // which client of the job to be; default CHOIR_CLIENT_ANY
    const char *name;       // these four are told to the server, which may choose by them: UTF-8
    const char *platform;   // without control characters; default ""; copied
    const char *version;    //
    const char *tags;       // comma-separated
    uint32_t dim_max;       // largest model it will take, parameters; default 2^26
    uint32_t retry_ms;     // first pause after a failure, which doubles up to retry_max_ms; default
    uint32_t retry_max_ms; // 1000 and 60 000
    uint32_t request_ms;   // longest that one request may take; default 300 000
    uint32_t part_bytes; // a larger report goes in parts of that, each a request, so that what has
                         // arrived need not go again; at least 4096; 0: it goes whole; default
                         // CHOIR_PART_BYTES
    const char *ca_file; // PEM: who may sign the server's certificate, whatever join->pin says:
                         // where a proxy in between has a key of its own; default NULL; borrowed
                         // for the call, like the next two
    const char *certificate_file; // PEM, of this device, for a server that asks for one; default
    const char *key_file;         // NULL; and its key
    const char *token_file; // with an identity provider's token, for a server that enrols by those;
                            // read whenever it enrols, so that the file may be renewed; default
                            // NULL; copied
    uint32_t patience_s;    // how long a check-in with nothing to do may stay open at the server,
                            // instead of coming back: for devices on mains; at most 60; default 0
    const choir_policy *policy; // what its owner accepts; copied; NULL, the default: anything
    const choir_conditions *conditions; // when it works; copied; NULL, the default: whenever it may

    /* Asked about once a second while a request is under way: true gives it up, as if it had been
     * lost. NULL, the default: never. */
    bool (*is_stopped)(void *self);
    /* Told how far a training is, after each step of it, by a trainer that says so, as choir's
     * engine does; must be quick. NULL, the default: nobody is. */
    void (*progress)(void *self, const choir_progress *progress);
    void *self; // of both; borrowed
} choir_client_options;

choir_client_options choir_client_defaults(void);

/*
 * Makes a client; nothing is sent yet.
 *
 * Returns OK and an object to destroy; EINVAL for options; EIO for state_dir, also when another
 * client has it for this job, and for a PEM file that cannot be opened; ENOMEM; *out == NULL then.
 */
CHOIR_NODISCARD choir_status choir_client_create(choir_client **out,
                                                 const choir_client_options *options,
                                                 const choir_env *env, choir_error *err);

/*
 * Bytes of env that a client has at most for tasks of up to dim parameters, before anything is
 * claimed: what it is, a model as it comes and as it is kept, an update.
 *
 * Not among them: what the trainer has; the promoted model, 4 bytes a parameter, and 8 more while
 * another comes; what libcurl and jansson take by malloc, about 200 KB and what the job's
 * text and its model's head have.
 *
 * dim          the most numbers that a task moves: a model's parameters, twice as many where the
 *              job's algorithm has a second vector (docs/algorithm.md)
 * state_bytes  as the trainer's state_bytes_max
 */
size_t choir_client_bytes(uint32_t dim, uint32_t state_bytes);

/* Accepts NULL. */
void choir_client_destroy(choir_client *c);

/* What a job is, as the server tells a client that has joined it. Borrowed until the next step, or
 * choir_client_promoted, which may join again. */
typedef struct choir_offer {
    const char *job;     // YAML, every key: see choir_job_parse
    size_t job_size;     // bytes
    choir_bytes model;   // a safetensors file up to where its parameters begin: layers, labels
    const char *name;    // of the job
    uint32_t version;    // of the job
    uint32_t client;     // which client of it this device is
    uint32_t parameters; // of the model
} choir_offer;

/* What was joined last. All zero before. */
const choir_offer *choir_client_offer(const choir_client *c);

typedef enum choir_event_kind {
    CHOIR_EVENT_JOINED,   // in the job, its next version, or as another client: make a trainer
    CHOIR_EVENT_TASK,     // it was given a task
    CHOIR_EVENT_FETCHED,  // it has the task's model
    CHOIR_EVENT_TRAINED,  // it has trained, or evaluated; the report goes with the next step
    CHOIR_EVENT_REPORTED, // the server has the report
    CHOIR_EVENT_REFUSED,  // the server has read the report and not added it; refusal says why
    CHOIR_EVENT_FAILED,  // its training failed, message says how: the server will be told, but when
                         // the trainer returned EIO, ENOMEM or EPROTO, the task is dropped, and
                         // another asked for after a pause, which grows as after LOST
    CHOIR_EVENT_WAIT,    // nothing to do before wake_ms, because of why
    CHOIR_EVENT_BLOCKED, // conditions stand in the way, until wake_ms at least; message names them
    CHOIR_EVENT_REJECTED, // the job does not take this device now, as why says, which asks again at
                          // wake_ms; or, why being NONE, the policy refuses the job, which is
                          // looked at again at wake_ms, or, in a round, the task, and the server
                          // will be told; message says by what
    CHOIR_EVENT_LOST,     // the server did not answer as it should, or its identity cannot be kept
                          // now, or what an earlier process had under way cannot be gone on with;
                          // message says how; it goes on
    CHOIR_EVENT_RESUMED,  // it goes on with what an earlier process had under way; message says
                          // with what: the task, or the report that it had trained
    CHOIR_EVENT_DONE,     // the job is over, or has no place for this client; why says which
} choir_event_kind;

typedef struct choir_event {
    choir_event_kind kind;
    uint32_t round;        // of the task; 0: none
    choir_purpose purpose; // of the task: what TASK asks for, and TRAINED has done
    uint64_t wake_ms;      // WAIT, BLOCKED, REJECTED: in the clock of choir_client_now_ms
    uint32_t obstacles;    // BLOCKED: 1 << a choir_condition for each that stands in the way
    choir_why why;         // WAIT, REJECTED, DONE: as the server said it; NONE: it said nothing
    choir_refusal refusal; // REFUSED: as the server said it; COUNT: unknown here
    char message[400];     // FAILED, LOST, RESUMED, BLOCKED, REJECTED: one sentence; else ""
} choir_event;

/*
 * Does the next thing that there is to do: first of all it enrols, when it has not, and joins.
 *
 * trainer  for the version that was joined last; used for training alone, so that before JOINED it
 *          may be empty
 *
 * Returns OK and *event; and when it cannot take part: EAGAIN when there is no such job, or the
 * client that it wants to be is another's; EINVAL when the server refuses the secret, the token or
 * the key, or there is no token in token_file; EPROTO when what it says of the job makes no sense;
 * ENOMEM. err says what the server said. It may be called again. A server that does not answer is
 * LOST, as is an identity that cannot be kept in state_dir now: both are tried again.
 */
CHOIR_NODISCARD choir_status choir_client_step(choir_client *c, choir_trainer trainer,
                                               choir_event *event, choir_error *err);

/* The model that the operator has promoted for the job: what a device is to infer with. */
typedef struct choir_promoted {
    uint32_t version;    // of the job
    uint32_t round;      // after which it is the model
    choir_hash hash;     // of params
    choir_bytes model;   // a safetensors file up to where its parameters begin
    const float *params; // (dim)
    uint32_t dim;
} choir_promoted;

/*
 * Asks which model is promoted, and fetches it unless it is the one of the call before: then no
 * parameters travel. It needs not be in a round, nor the job be running. Enrols and joins when it
 * has not; another version of the job is then told by the next step. Conditions do not hold it up:
 * it is the host that asks.
 *
 * out  borrowed until the next call of this one
 *
 * Returns OK; EAGAIN when nothing is promoted, there is no such job, or it does not take this
 * device; EINVAL when the server refuses the secret, the token or the key; EIO when it does not
 * answer, or the identity cannot be kept; EPROTO when what it sends makes no sense, or has more
 * than dim_max parameters; ENOMEM.
 */
CHOIR_NODISCARD choir_status choir_client_promoted(choir_client *c, const choir_promoted **out,
                                                   choir_error *err);

/* Milliseconds of the clock that wake_ms is in: it never goes back. */
uint64_t choir_client_now_ms(void);

#ifdef __cplusplus
}
#endif

#endif
