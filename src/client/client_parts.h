/* What the files of the client share: its fields, and how it joins. */
#ifndef CH_CLIENT_CLIENT_PARTS_H
#define CH_CLIENT_CLIENT_PARTS_H

#include "choir/client.h"
#include "choir/conditions.h"
#include "choir/participant.h"
#include "client/approval.h"
#include "client/carried.h"
#include "client/delivery.h"
#include "client/fetch.h"
#include "client/identity.h"
#include "client/joined.h"
#include "client/kept.h"
#include "client/promoted.h"
#include "net/http_client.h"

#include <stdbool.h>

struct choir_client {
    choir_env env;
    char job[CHOIR_JOB_TEXT_MAX];
    char secret[sizeof(((choir_join *)0)->secret)];
    char token_file[512];                     // "": none
    uint8_t signing_key[CH_PUBLIC_KEY_BYTES]; // of jobs
    char name[64];
    char platform[64];
    char version[64];
    char tags[256];
    uint32_t wanted;
    uint32_t dim_max;
    uint32_t retry_ms;
    uint32_t retry_max_ms;
    char prefer[32]; // "Prefer: wait=25"; "" for no patience
    choir_conditions conditions;
    ch_approval approval;

    ch_identity *identity; // an agent's, or its own, like the next
    ch_http_client *http;
    ch_identity own;
    bool is_lent;       // the connection
    ch_joined joined;   // last
    ch_kept kept;       // what is under way, across restarts
    ch_carried carried; // what the trainer keeps from round to round
    void (*progress)(void *self, const choir_progress *progress);
    void *self; // of progress; borrowed

    choir_participant *participant;
    choir_workspace *room;
    uint32_t room_dim;
    float *params; // (params_dim) the model of the task, as it was fetched
    uint32_t params_dim;
    ch_fetch fetch;       // into params
    ch_delivery delivery; // of the report
    uint32_t failures;    // in a row
    uint32_t dropped;     // tasks in a row, because the trainer failed
    ch_promoted promoted;
    uint32_t told_version; // of the last JOINED, like the next
    uint32_t told_client;
    bool has_joined;    // and has a token, and an offer of the version whose tasks it is given
    uint64_t join_ms;   // not before
    choir_why rejected; // when it joined last: why the job did not take it; NONE: it did
};

/*
 * What a client reaches its server by, for options whose job and client do not matter: who it is,
 * and a connection.
 *
 * http  out: to be destroyed; NULL on failure
 *
 * Returns as choir_client_create.
 */
CHOIR_NODISCARD choir_status ch_client_line(ch_identity *identity, ch_http_client **http,
                                            const choir_client_options *options,
                                            const choir_env *env, choir_error *err);

/* choir_client_create on such a line, which is borrowed, and which several clients may have. */
CHOIR_NODISCARD choir_status ch_client_create_with(choir_client **out,
                                                   const choir_client_options *options,
                                                   ch_identity *identity, ch_http_client *http,
                                                   const choir_env *env, choir_error *err);

/* As choir_client_bytes, without the line. */
size_t ch_client_bytes_with(uint32_t dim, uint32_t state_bytes);

/* How long its next check-in may stay open at the server, seconds. */
void ch_client_be_patient(choir_client *c, uint32_t seconds);

/* Gives the memory of a model back unless it is at work on it. */
void ch_client_rest(choir_client *c);

/*
 * Joins the job, enrolling first where it must; the participant is then the client that the server
 * says. Returns OK; as choir_client_step; EAGAIN with rejected set and join_ms when the job does
 * not take it now; EIO when the server does not answer.
 */
CHOIR_NODISCARD choir_status ch_client_join(choir_client *c, choir_error *err);

#endif
