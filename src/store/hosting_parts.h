/*
 * Parts of the hosting store that its sources share: see hosting_store.h.
 *
 * A public call locks, works on the database and unlocks. Functions here are called with the lock
 * held.
 */
#ifndef CH_STORE_HOSTING_PARTS_H
#define CH_STORE_HOSTING_PARTS_H

#include "store/database.h"
#include "store/hosting_store.h"

#include <pthread.h>

struct ch_hosting_store {
    choir_env env;
    pthread_mutex_t lock;
    ch_database db;
    int lock_file; // descriptor; -1: none
    char dir[CHOIR_PATH_MAX];
    bool in_doubt; // the last commit failed at its very end: after a crash it may be there
};

/* Takes the lock, and returns the database that it protects. */
ch_database *ch_hosting_enter(ch_hosting_store *s);

/* Gives it up. Returns status, so: return ch_hosting_leave(s, ...). */
choir_status ch_hosting_leave(ch_hosting_store *s, choir_status status);

/* OK, or EINVAL with the message when the last query changed no row. status is that query's. */
choir_status ch_hosting_changed(const ch_database *db, choir_status status, choir_error *err,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* status, with the message when it is EAGAIN. */
choir_status ch_hosting_found(choir_status status, choir_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends a query for one row: OK when it was found, EAGAIN without a message when not. */
choir_status ch_hosting_end_one(ch_query *q, bool is_found, choir_error *err);

/* Whether a text ends within its field; a programmer's error otherwise. */
#define CH_ASSERT_FITS(field) CH_ASSERT(memchr((field), '\0', sizeof(field)) != NULL)

/* The checksum that stands beside large bytes, and the next two parameters of q: it and them. */
void ch_hosting_bind_checked(ch_query *q, choir_bytes bytes);

/* The checksum itself. */
int64_t ch_hosting_checksum(choir_bytes bytes);

/* dir/file into out. Returns OK; EINVAL when that is too long. */
choir_status ch_hosting_path(char out[CHOIR_PATH_MAX], const char *dir, const char *file,
                             choir_error *err);

/*
 * Ends a query for (checksum, bytes) with the bytes of its first row. what stands for them in
 * messages.
 *
 * Returns OK and bytes to release; EAGAIN when there is no row, without a message; EPROTO when they
 * are not those of the checksum; ENOMEM.
 */
choir_status ch_hosting_read_checked(const ch_hosting_store *s, ch_query *q, ch_stored *out,
                                     const char *what, choir_error *err);

/* OK, or EINVAL when state is none of a job's states. */
choir_status ch_hosting_state_check(const char *state, choir_error *err);

/* Sets a job's state. Returns OK; EINVAL. */
choir_status ch_hosting_state_set(ch_database *db, int64_t job, const char *state,
                                  choir_error *err);

/* Parts of the group commit, in its transaction: what arrives, hosting_subjects.c and
 * hosting_roster.c. Return OK; a status as ch_query_end, and all is to be undone. */
choir_status ch_hosting_subjects_keep(ch_database *db, const ch_arrivals *a, choir_error *err);
choir_status ch_hosting_claims_keep(ch_database *db, ch_roster_claim *claims, uint32_t count,
                                    choir_error *err);

// ----- open rounds: hosting_open.c

/* Sets what the open round of a job has; no bytes: forgets it. In a transaction that has not set it
 * yet. Returns OK; a status as ch_query_end. */
choir_status ch_hosting_open_round_set(ch_hosting_store *s, int64_t job, choir_bytes bytes,
                                       choir_error *err);

/* Returns OK and bytes to release, none when there is no open round; EPROTO when they are damaged;
 * ENOMEM; EIO. */
choir_status ch_hosting_open_round_read(ch_hosting_store *s, ch_stored *out, int64_t job,
                                        choir_error *err);

/* Removes files of open rounds that the database does not name. Returns OK; a status as
 * ch_query_end. */
choir_status ch_hosting_open_rounds_sweep(ch_hosting_store *s, choir_error *err);

/* Removes the files of a job that is gone. */
void ch_hosting_open_round_remove(ch_hosting_store *s, int64_t job);

/* Drops models that no round holds. */
choir_status ch_hosting_models_drop(ch_database *db, choir_error *err);

#endif
