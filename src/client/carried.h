/*
 * Carried: what a trainer keeps of a client from round to round, and only of rounds whose reports
 * were counted.
 *
 *     state_dir/state-keyboard.bin         of the last report that was counted
 *     state_dir/state-keyboard.bin.next    of the report that is under way
 *
 *     train ── begin ──> the trainer sees the one   ── end ──> the other is written
 *     the server has the report ── settle ──> the other takes the place of the one
 *     the server refused it     ── settle ──> the other is removed
 *
 *     "CHS1"  check (8)  the server's signing key (32)  subject (8)  client (4)  job (80)  round
 * (4) the state
 *
 * Numbers are little-endian; check is the checksum of base/checksum.h, seeded with the first four
 * bytes, of all that follows it. Each step may be repeated, so a process that is killed between two
 * of them costs nothing. What cannot be used is never guessed at: it is as if there were none.
 */
#ifndef CH_CLIENT_CARRIED_H
#define CH_CLIENT_CARRIED_H

#include "choir/client.h"
#include "crypto/sign.h"

enum { CH_CARRIED_PATH_MAX = 640 };

/* Of whom a state is. */
typedef struct ch_carried_owner {
    int64_t subject;
    uint32_t client;
    const char *job; // the version: "keyboard@3"
} ch_carried_owner;

/* One state, with a head in front of it as it is in its file. */
typedef struct ch_carried_state {
    uint8_t *data; // (head and capacity) owned; NULL: there is none yet
    uint32_t size; // of the state; with is_known
    bool is_known; // it is what the file has
} ch_carried_state;

typedef struct ch_carried {
    choir_env env;
    char path[CH_CARRIED_PATH_MAX]; // "": nowhere
    uint8_t server[CH_PUBLIC_KEY_BYTES];
    uint32_t capacity;        // bytes that a state may have
    ch_carried_state counted; // of the last report that was
    ch_carried_state next;    // of the report under way
} ch_carried;

/*
 * dir     where; "": in no folder: states then live as long as the client
 * job     as it was asked for: names the file
 * server  the key by which it signs jobs
 *
 * Returns OK; EINVAL when dir is too long.
 */
CHOIR_NODISCARD choir_status ch_carried_init(ch_carried *out, const char *dir, const char *job,
                                             const uint8_t server[CH_PUBLIC_KEY_BYTES],
                                             const choir_env *env, choir_error *err);

/* Bytes that it has at most, for states of up to bytes_max: the two, and a file as it is read. */
size_t ch_carried_bytes(uint32_t bytes_max);

/* Safe to call twice, and on one that is all zero. */
void ch_carried_release(ch_carried *k);

/*
 * Lends the owner's state, and room for the next.
 *
 * bytes_max  of the trainer; 0: nothing is lent
 *
 * Returns OK; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_carried_begin(ch_carried *k, const ch_carried_owner *owner,
                                              uint32_t bytes_max, choir_lent *lent,
                                              choir_error *err);

/*
 * The training of that round ended well: what lent says is kept until it is settled. A disk that
 * refuses is a warning in the log, and the state then ends with the process.
 *
 * lent  of the begin before
 */
void ch_carried_end(ch_carried *k, const ch_carried_owner *owner, uint32_t round,
                    const choir_lent *lent);

/* The server has answered the report of that round. Nothing happens when no state is of it. */
void ch_carried_settle(ch_carried *k, const ch_carried_owner *owner, uint32_t round,
                       bool is_counted);

#endif
