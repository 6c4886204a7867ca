/*
 * What the parts of a swarm share.
 *
 *   swarm.c    its life, and the loop: who acts next, on which lane, in which room
 *   member.c   what one member does next, and what an answer means to it
 */
#ifndef CH_SWARM_SWARM_PARTS_H
#define CH_SWARM_SWARM_PARTS_H

#include "choir/blob.h"
#include "choir/participant.h"
#include "choir/route.h"
#include "client/entry.h"
#include "net/http_crowd.h"
#include "swarm/identities.h"
#include "swarm/swarm.h"
#include "swarm/timers.h"

#define CH_NOBODY UINT32_MAX

enum { CH_SWARM_RETRY_MS = 1000, CH_SWARM_RETRY_MAX_MS = 60000 };

/*
 *   ENROL --> CHALLENGE --> JOIN --> WORK --DONE--> OVER
 *                ^            '        |
 *                '------- 401, next version
 */
typedef enum ch_stage {
    CH_STAGE_ENROL,
    CH_STAGE_CHALLENGE,
    CH_STAGE_JOIN,
    CH_STAGE_WORK,
    CH_STAGE_OVER,
} ch_stage;

typedef struct ch_member {
    ch_stage stage;
    bool has_entered;
    bool was_enrolled_anew; // because the server did not know it: once
    uint32_t client;        // of the job
    uint32_t next;          // in a queue
    uint32_t room;          // CH_NOBODY: none
    uint32_t version;       // of the job that it joined
    uint32_t failures;      // in a row
    char *token;            // owned, to be wiped; NULL: none
    choir_participant *participant;
    char challenge[CH_CHALLENGE_MAX];
} ch_member;

/* First in, first out. */
typedef struct ch_line {
    uint32_t first;
    uint32_t last;
} ch_line;

/* A call of a member's, or none. */
typedef struct ch_lane {
    uint32_t member;
    ch_swarm_kind kind;
    uint64_t began_us;
    size_t bytes_up;
    char *text; // a body of JSON; owned, to be wiped; NULL: none
} ch_lane;

/* Room for one update. */
typedef struct ch_room {
    choir_workspace *workspace; // (dim)
    uint32_t dim;
    bool is_taken;
} ch_room;

/* The model that was fetched last, and found right. */
typedef struct ch_swarm_model {
    float *params; // (dim) owned; NULL: none
    choir_blob blob;
} ch_swarm_model;

typedef struct ch_swarm {
    choir_env env;
    ch_swarm_options options;
    ch_swarm_host host;
    uint8_t signing_key[CH_PUBLIC_KEY_BYTES]; // of jobs
    char prefer[32];                          // "Prefer: wait=25"; "": none
    ch_identities identities;
    ch_http_crowd *crowd;

    ch_member *members;   // (clients)
    ch_line ready;        // to act, when there is a lane
    ch_line waiting;      // for a room
    ch_timers timers;     // of those who are to act later
    ch_lane *lanes;       // (lanes_count)
    uint32_t *lanes_idle; // (lanes_count) the first lanes_idle_count are the idle ones' numbers
    uint32_t lanes_count;
    uint32_t lanes_idle_count;
    ch_room *rooms; // (options.updates)

    uint32_t version;      // of the job, that was offered last
    choir_trainer trainer; // for it
    ch_swarm_model model;

    bool is_entering; // nobody works yet
    uint64_t began_us;
    uint64_t load_us;
    choir_status status; // but OK: the run ends
    choir_error *err;
    ch_swarm_result *result;
} ch_swarm;

/* --------------------------------------------------------------------------------------- swarm.c
 */

/* Lets a member act as soon as there is a lane; or later; the member is in no line and no timer. */
void ch_swarm_ready(ch_swarm *s, uint32_t member);
void ch_swarm_later(ch_swarm *s, uint32_t member, uint64_t wake_ms);

/*
 * Sends a member's call on an idle lane, of which there is one.
 *
 * text  the body, when it is JSON; moved; NULL: call->body, or none
 */
void ch_swarm_send(ch_swarm *s, uint32_t member, ch_swarm_kind kind, ch_http_call call, char *text);

/* A room for dim parameters; false, and the member will act when there is one. */
bool ch_swarm_room_take(ch_swarm *s, uint32_t member, uint32_t dim);
void ch_swarm_room_give(ch_swarm *s, uint32_t member);

/* Ends the run. */
void ch_swarm_fail(ch_swarm *s, choir_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* -------------------------------------------------------------------------------------- member.c
 */

/* Does the next thing. There is an idle lane. */
void ch_member_act(ch_swarm *s, uint32_t member);

/* What became of its call; as ch_http_crowd_done. */
void ch_member_hear(ch_swarm *s, uint32_t member, ch_swarm_kind kind, choir_status status,
                    const ch_http_reply *reply, const choir_error *err);

#endif
