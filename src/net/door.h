/*
 * Door: devices that come in: that enrol, join a job, or check in to a version of theirs first.
 *
 * Of each something has to be on the disk before it is answered: that it is a subject, which client
 * it is. And jobs take only devices that say of themselves what the job selects; what they said
 * last is in the store. So they stand in line for the next group commit, however many they are:
 *
 *     HTTP's thread                  the keeper
 *     ch_door_enter: in line ------> ch_door_admit     who they are; what the commit has to keep
 *                                    store commit
 *                                    ch_door_settle    kept: they are answered, or go on as those
 *                                                      who were in already; else 503
 *
 * Whoever looks into the store waits for a commit that is on its way: here that is the keeper, and
 * never HTTP's thread.
 */
#ifndef CH_NET_DOOR_H
#define CH_NET_DOOR_H

#include "crypto/sign.h"
#include "net/hosted.h"
#include "net/token.h"

enum {
    CH_DOOR_MAX = 256,    // that one commit takes; further ones wait for the next
    CH_DOOR_SIGNED = 256, // bytes that a device signs to join, at most
};

struct ch_server;

typedef enum ch_entrant_kind {
    CH_ENTRANT_ENROLS,
    CH_ENTRANT_JOINS,
    CH_ENTRANT_CHECKS_IN, // shows a token; its version does not know it yet
} ch_entrant_kind;

/* One in line. What is said of a kind is the others' zero. */
typedef struct ch_entrant {
    struct ch_entrant *next;
    ch_http_exchange *exchange;
    ch_entrant_kind kind;
    ch_subject subject;  // who enrols; of the others the id, and what one who joins says anew of
                         // itself; once it is known, all of it
    bool tells_platform; // anew; likewise the next two
    bool tells_version;
    bool tells_tags;
    char job[CHOIR_JOB_TEXT_MAX];     // a reference, of one who joins or checks in
    uint32_t wanted;                  // likewise: a client, or CH_ANY_CLIENT
    char signed_text[CH_DOOR_SIGNED]; // (signed_size) of one who joins
    size_t signed_size;
    uint8_t signature[CH_SIGNATURE_BYTES]; // over that
    ch_claims claims;                      // the token of one who checks in
    bool is_changed;                       // the subject, from what the store has
    ch_hosted *hosted;                     // the job, once it is admitted
    uint32_t place;                        // then: which subject or claim of the commit it is
} ch_entrant;

typedef struct ch_door {
    ch_entrant *first; // of the line
    ch_entrant *last;
    ch_entrant *admitted[CH_DOOR_MAX];
    uint32_t admitted_count;
    ch_subject subjects[CH_DOOR_MAX]; // what the commit has of them
    ch_roster_claim claims[CH_DOOR_MAX];
    ch_arrivals arrivals; // these two
} ch_door;

/* Puts a copy of e in line. Without memory its exchange is answered 503. With the lock. */
void ch_door_enter(struct ch_server *s, const ch_entrant *e);

/* Takes those in line, answers who is not let in, and notes what the commit has to keep of the
 * others. The keeper's; with the lock, which it gives up while it looks into the store: before it
 * notes anything, so that from there to the commit no job goes. */
void ch_door_admit(struct ch_server *s);

/* After the commit: answers those who were admitted; when it failed, also those in line. With the
 * lock. */
void ch_door_settle(struct ch_server *s, bool is_kept);

/* Frees who is still in line, unanswered. */
void ch_door_close(struct ch_server *s);

#endif
