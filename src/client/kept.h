/*
 * Kept: the file in which a client keeps what it has under way, so that a process that is killed,
 * or a device that is switched off, costs no training: the task that it was given, and once it has
 * trained, the report, until the server has answered it.
 *
 *     state_dir/task-keyboard.bin    "CHK1"  the server's signing key (32)  subject (8)  check (8)
 *                                    what choir_participant_save says
 *
 *     step ── what is under way has changed ──> ch_kept_follow: the file is replaced, or removed
 *     start ──────────────────────────────────> ch_kept_resume: the participant goes on with it
 *
 * One process at a time: a lock, task-keyboard.lock, is held as long as the client is.
 *
 * It is replaced at once and only the owner can read it. What cannot be used is never guessed at: a
 * damaged file, or one of another server or device, is set aside beside it, under its name and
 * ".aside", and told.
 */
#ifndef CH_CLIENT_KEPT_H
#define CH_CLIENT_KEPT_H

#include "choir/client.h"
#include "choir/participant.h"
#include "crypto/sign.h"

#include <stdbool.h>

enum { CH_KEPT_PATH_MAX = 640 };

typedef struct ch_kept {
    choir_env env;
    char path[CH_KEPT_PATH_MAX]; // "": nowhere
    uint8_t server[CH_PUBLIC_KEY_BYTES];
    uint32_t dim_max;
    int lock_file;    // -1: none
    bool is_read;     // what an earlier process left has been seen to
    bool has_failed;  // the last time that the file was to be changed
    bool is_known;    // that the file has last
    choir_saved last; // without its report; empty: there is no file
} ch_kept;

/*
 * dir      where; "": in no folder
 * job      as it was asked for: names the file
 * server   the key by which it signs jobs
 * dim_max  parameters of the largest report
 *
 * Returns OK and a lock to release; EINVAL when dir is too long; EIO when another client trains
 * that job with this folder, or nothing can be written there.
 */
CHOIR_NODISCARD choir_status ch_kept_init(ch_kept *out, const char *dir, const char *job,
                                          const uint8_t server[CH_PUBLIC_KEY_BYTES],
                                          uint32_t dim_max, const choir_env *env, choir_error *err);

/* Lets the next have the folder. */
void ch_kept_release(ch_kept *k);

/* Whether an earlier process left something that has not been seen to. */
bool ch_kept_has_left(const ch_kept *k);

/* Where the participant is to be when it goes on. */
typedef struct ch_kept_place {
    int64_t subject;
    const char *job; // the version that was joined: "keyboard@3"
    choir_participant *participant;
    choir_workspace **room; // replaced by a larger one when the report needs it
    uint32_t *room_dim;     // of *room
} ch_kept_place;

/*
 * Goes on with what an earlier process left, once.
 *
 * event  out, with OK: RESUMED, or LOST when something was left and cannot be gone on with
 *
 * Returns OK; EAGAIN when nothing was left; ENOMEM, and then it may be called again.
 */
CHOIR_NODISCARD choir_status ch_kept_resume(ch_kept *k, const ch_kept_place *place, uint64_t now_ms,
                                            choir_event *event, choir_error *err);

/*
 * Makes the file say what the participant has under way. A disk that refuses is a warning in the
 * log, and the client goes on without: it is tried again with the next call.
 *
 * p  may be NULL; before ch_kept_resume nothing is done
 */
void ch_kept_follow(ch_kept *k, int64_t subject, const choir_participant *p);

#endif
