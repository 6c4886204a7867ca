/*
 * Hosting store: what a server survives a crash with: subjects, jobs, rounds, models, receipts.
 *
 *     <dir>/choir.db      an SQLite database; choir.db-wal beside it is a part of it
 *     <dir>/open-J.0 .1   what the open round of job J has, when that is large; the database says
 * which <dir>/choir.lock    held by the process that serves
 *
 * Every call is a transaction of its own: it is kept whole or not at all, and is on the disk when
 * it returns OK. ch_hosting_store_commit is the group commit: who came, and what many clients of
 * many jobs reported, for the price of one. Updates of single clients are here where a
 * job wants them kept, and else never.
 *
 * Calls may come from any thread; they take turns. A callback must not call the store. After a
 * failure the store is as it was before the call, and the next call may succeed: a full disk that
 * has room again needs no restart. Large values carry a checksum, so that a damaged disk block is
 * told and not served. Times are only told, never compared.
 *
 * Statuses, wherever a call says no more: OK; ENOMEM; EIO when the disk is full, may not be written
 * or fails; EPROTO when the file is damaged. All with a sentence that names the file.
 */
#ifndef CH_STORE_HOSTING_STORE_H
#define CH_STORE_HOSTING_STORE_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"
#include "choir/task.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_hosting_store ch_hosting_store;

enum {
    CH_SETTING_BYTES_MAX = 65536,
    CH_AUDIT_TEXT_MAX = 1024, // bytes kept of each text of an entry
    CH_KEY_BYTES = 32,        // a public key, a hash of a secret
    CH_JOB_STATE_MAX = 16,    // bytes of a job's state, its zero included
};

#define CH_ANY_CLIENT UINT32_MAX // the lowest that is free

/* Bytes from the store. */
typedef struct ch_stored {
    uint8_t *data; // (size) owned, 64-byte aligned, with a zero behind; NULL: none
    size_t size;
    choir_env env;
} ch_stored;

/* Safe to call twice, and on one that is all zero. */
void ch_stored_release(ch_stored *b);

/*
 * Opens the store in dir, or makes both. Reads all of it once, to see that its structure is whole,
 * before anything is written; tables of an older version become today's.
 *
 * dir  borrowed; its files can be read by their owner alone
 * env  copied
 *
 * Returns OK and an object to close; EPROTO when the store is damaged, another program's or of a
 * later choir, and then nothing was changed; EIO, also when another process serves it; EINVAL when
 * the path is too long; ENOMEM. *out == NULL on failure.
 */
CHOIR_NODISCARD choir_status ch_hosting_store_open(ch_hosting_store **out, const char *dir,
                                                   const choir_env *env, choir_error *err);

/* Accepts NULL. */
void ch_hosting_store_close(ch_hosting_store *s);

// ----- settings: the server's own keys and such --------------------------------------------------

/* Reads a setting. Returns OK and bytes to release; EAGAIN when there is none of that name. */
CHOIR_NODISCARD choir_status ch_hosting_store_setting(ch_hosting_store *s, ch_stored *out,
                                                      const char *name, choir_error *err);

/* Sets or replaces one. Returns EINVAL when value has more than CH_SETTING_BYTES_MAX. */
CHOIR_NODISCARD choir_status ch_hosting_store_setting_set(ch_hosting_store *s, const char *name,
                                                          choir_bytes value, choir_error *err);

// ----- subjects: devices and other clients, by their public keys
// ----------------------------------

typedef struct ch_subject {
    int64_t id; // from 1
    uint8_t key[CH_KEY_BYTES];
    char name[64]; // these four as the subject says; the store does not look inside
    char platform[64];
    char version[64];
    char tags[256];
    char account[256]; // by whose it was enrolled; "": nobody's
    uint64_t enrolled_ms;
    bool is_revoked;
} ch_subject;

/* Returns EAGAIN when there is none with that id. */
CHOIR_NODISCARD choir_status ch_hosting_store_subject(ch_hosting_store *s, ch_subject *out,
                                                      int64_t id, choir_error *err);

/* For good. Returns EINVAL when there is none with that id. */
CHOIR_NODISCARD choir_status ch_hosting_store_subject_revoke(ch_hosting_store *s, int64_t id,
                                                             choir_error *err);

/* Calls each for those from an id on, at most limit, by their ids. */
CHOIR_NODISCARD choir_status ch_hosting_store_subjects_from(
    ch_hosting_store *s, int64_t from, uint32_t limit,
    void (*each)(void *self, const ch_subject *subject), void *self, choir_error *err);

/* Calls each for the ids of those that are revoked. */
CHOIR_NODISCARD choir_status ch_hosting_store_subjects_revoked(ch_hosting_store *s,
                                                               void (*each)(void *self, int64_t id),
                                                               void *self, choir_error *err);

/* How many there are, revoked ones among them. */
CHOIR_NODISCARD choir_status ch_hosting_store_subjects(ch_hosting_store *s, uint64_t *out,
                                                       choir_error *err);

// ----- administrators: of a key only its hash is here
// ---------------------------------------------

typedef struct ch_admin {
    int64_t id; // from 1
    char name[64];
    char role[16];
    uint8_t hash[CH_KEY_BYTES];
    bool is_revoked;
} ch_admin;

/* Adds an administrator; its id is not read. Returns EINVAL when the hash is there already. */
CHOIR_NODISCARD choir_status ch_hosting_store_admin_add(ch_hosting_store *s, int64_t *id,
                                                        const ch_admin *admin, choir_error *err);

/* Returns EAGAIN when there is none with that hash. */
CHOIR_NODISCARD choir_status ch_hosting_store_admin(ch_hosting_store *s, ch_admin *out,
                                                    const uint8_t hash[CH_KEY_BYTES],
                                                    choir_error *err);

/* Calls each for all, in the order in which they were added. */
CHOIR_NODISCARD choir_status ch_hosting_store_admins(ch_hosting_store *s,
                                                     void (*each)(void *self,
                                                                  const ch_admin *admin),
                                                     void *self, choir_error *err);

/* For good. Returns EINVAL when there is none with that id. */
CHOIR_NODISCARD choir_status ch_hosting_store_admin_revoke(ch_hosting_store *s, int64_t id,
                                                           choir_error *err);

// ----- the audit log: only ever added to
// ----------------------------------------------------------

typedef struct ch_audit {
    int64_t id; // from 1, and up
    uint64_t at_ms;
    const char *actor; // who; borrowed, like the next
    const char *act;
    const char *matter; // to what
    const char *detail;
} ch_audit;

/* Adds an entry; its id is not read. Texts are cut to CH_AUDIT_TEXT_MAX. */
CHOIR_NODISCARD choir_status ch_hosting_store_audit_add(ch_hosting_store *s, const ch_audit *entry,
                                                        choir_error *err);

/* Calls each for the newest entries, at most limit, the newest first. */
CHOIR_NODISCARD choir_status ch_hosting_store_audit(ch_hosting_store *s, uint32_t limit,
                                                    void (*each)(void *self, const ch_audit *entry),
                                                    void *self, choir_error *err);

// ----- jobs
// ---------------------------------------------------------------------------------------

typedef struct ch_hosted_row {
    int64_t id; // from 1; never another job's, also when this one is gone
    char name[64];
    uint32_t version;
    char state[CH_JOB_STATE_MAX]; // "running" | "paused" | "stopped" | "finished" | "failed"
    uint32_t clients;             // size of its roster
    uint32_t dim;
    uint64_t created_ms;
    char digest[65];     // of YAML and initial model: whether the same job is hosted twice
    uint32_t best_round; // as commits said; 0: none yet; not read by job_add
} ch_hosted_row;

/*
 * Adds a job; its id is not read.
 *
 * yaml    its text
 * bundle  the initial model
 *
 * Returns EINVAL when that version of that name is there, or state is none of the five.
 */
CHOIR_NODISCARD choir_status ch_hosting_store_job_add(ch_hosting_store *s, int64_t *id,
                                                      const ch_hosted_row *row, const char *yaml,
                                                      choir_bytes bundle, choir_error *err);

/* The same, and stops the versions of that name before it that are running or paused: all of it or
 * nothing. */
CHOIR_NODISCARD choir_status ch_hosting_store_job_succeed(ch_hosting_store *s, int64_t *id,
                                                          const ch_hosted_row *row,
                                                          const char *yaml, choir_bytes bundle,
                                                          choir_error *err);

/* Returns EAGAIN when there is none with that id. */
CHOIR_NODISCARD choir_status ch_hosting_store_job(ch_hosting_store *s, ch_hosted_row *out,
                                                  int64_t id, choir_error *err);

/* Calls each for all, by name and then version. */
CHOIR_NODISCARD choir_status ch_hosting_store_jobs(ch_hosting_store *s,
                                                   void (*each)(void *self,
                                                                const ch_hosted_row *row),
                                                   void *self, choir_error *err);

/* Both return OK and bytes to release; EAGAIN when there is no job with that id. */
CHOIR_NODISCARD choir_status ch_hosting_store_job_yaml(ch_hosting_store *s, ch_stored *out,
                                                       int64_t id, choir_error *err);
CHOIR_NODISCARD choir_status ch_hosting_store_job_bundle(ch_hosting_store *s, ch_stored *out,
                                                         int64_t id, choir_error *err);

/* Returns EINVAL when there is no job with that id, or state is none of the five. */
CHOIR_NODISCARD choir_status ch_hosting_store_job_set_state(ch_hosting_store *s, int64_t id,
                                                            const char *state, choir_error *err);

/* Removes a job with everything of it, and models that no other job's rounds came to. Returns
 * EINVAL when there is none with that id. */
CHOIR_NODISCARD choir_status ch_hosting_store_job_remove(ch_hosting_store *s, int64_t id,
                                                         choir_error *err);

/* Removes the jobs with these ids (count), all or none of them. Returns as job_remove. */
CHOIR_NODISCARD choir_status ch_hosting_store_jobs_remove(ch_hosting_store *s, const int64_t *ids,
                                                          uint32_t count, choir_error *err);

// ----- the roster: which subject is which client of a job
// -----------------------------------------

/* Which client of a job a subject is. Returns EAGAIN when it is none. */
CHOIR_NODISCARD choir_status ch_hosting_store_client_of(ch_hosting_store *s, uint32_t *out,
                                                        int64_t job, int64_t subject,
                                                        choir_error *err);

/* Which subject a client of a job is. Returns EAGAIN when nobody is. */
CHOIR_NODISCARD choir_status ch_hosting_store_subject_of(ch_hosting_store *s, int64_t *out,
                                                         int64_t job, uint32_t client,
                                                         choir_error *err);

/* How many clients of a job are claimed. */
CHOIR_NODISCARD choir_status ch_hosting_store_claims(ch_hosting_store *s, uint32_t *out,
                                                     int64_t job, choir_error *err);

// ----- the group commit
// ---------------------------------------------------------------------------

/* A subject wants to be a client of a job, for as long as the job is there. */
typedef struct ch_roster_claim {
    int64_t job;
    int64_t subject;
    uint32_t wanted;     // below the job's clients, or CH_ANY_CLIENT for the lowest that is free
    uint32_t client;     // out: the one of its first claim, whatever is wanted later
    choir_status status; // out: OK; EAGAIN: that client is another subject's, or none is free;
                         // EINVAL: there is no such job or subject, or wanted is too large
} ch_roster_claim;

enum {                        // instead of the id of a subject that is not added
    CH_SUBJECT_ANOTHERS = -1, // has an account, and its key is known as another's or nobody's
    CH_SUBJECT_TOO_MANY = -2, // its account has account_max that are not revoked
};

/* Who comes: subjects first, then claims, each in its order. Borrowed. */
typedef struct ch_arrivals {
    ch_subject *subjects; // (subjects_count) with id 0: is added, unless its key is known, and gets
                          // its id, or one of the two above; else name, platform, version and
                          // tags of that id are set
    uint32_t subjects_count;
    uint32_t account_max;    // subjects of one account; 0: any number
    ch_roster_claim *claims; // (claims_count)
    uint32_t claims_count;
} ch_arrivals;

/* That a client's report is in the sum. */
typedef struct ch_receipt {
    uint32_t round;
    uint32_t client;
    uint8_t digest[CHOIR_HASH_BYTES]; // SHA-256 of the report's body
    choir_bytes update; // that body, to be kept; empty: it is not; empty when it is read
} ch_receipt;

/* What a round leaves, or, when it was told before, what is to be said of it instead. Bytes are
 * borrowed. */
typedef struct ch_closed_round {
    uint32_t round;
    bool is_told;        // it has closed, here or before it in the commit: only summary is new
    choir_bytes summary; // JSON; the store does not look inside
    uint8_t model[CHOIR_HASH_BYTES];
    choir_bytes params; // the model after it; kept once under its hash; empty: it is there already
    choir_bytes sum;    // in integers, for a replay; may be empty
    uint64_t closed_ms;
} ch_closed_round;

/* Bytes that any value of a commit may have: SQLite's rows have at most 10^9, other columns too. */
enum { CH_HOSTING_VALUE_MAX = 999000000 };

/* What changed of one job. Everything is borrowed; the state, the open round, updates, models and
 * sums of at most CH_HOSTING_VALUE_MAX bytes. */
typedef struct ch_commit {
    int64_t job;
    choir_bytes state;          // of the coordinator between rounds; empty: as it was
    choir_bytes open_round;     // what the open round has; empty: nothing, what was is forgotten
    const ch_receipt *receipts; // (receipts_count)
    uint32_t receipts_count;
    const ch_closed_round *closed; // (closed_count)
    uint32_t closed_count;
    const char *job_state; // NULL: as it was
    uint32_t best_round;   // 0: as it was
} ch_commit;

/*
 * Keeps who arrives (NULL: nobody) and what changed of count jobs, all of it or nothing. A claim
 * that is refused is no failure; but when the commit fails, nothing that arrivals say is so.
 *
 * Returns OK; EINVAL when a subject that is to be changed is not there, a job is not there or is in
 * it twice, a client has a receipt for the round already, a round is closed already, or not yet
 * when it is told again, its model has no params here nor in the commit, job_state is none of
 * the five, or a value does not fit.
 */
CHOIR_NODISCARD choir_status ch_hosting_store_commit(ch_hosting_store *s,
                                                     const ch_arrivals *arrivals,
                                                     const ch_commit *commits, uint32_t count,
                                                     choir_error *err);

/* What the commits of a job left. Returns OK and bytes to release, open_round empty when there is
 * none; EAGAIN when no commit had a state. */
CHOIR_NODISCARD choir_status ch_hosting_store_state(ch_hosting_store *s, ch_stored *state,
                                                    ch_stored *open_round, int64_t job,
                                                    choir_error *err);

/* Returns EAGAIN when the client has none for that round. */
CHOIR_NODISCARD choir_status ch_hosting_store_receipt(ch_hosting_store *s, ch_receipt *out,
                                                      int64_t job, uint32_t round, uint32_t client,
                                                      choir_error *err);

/* Calls each for all of a round, by client. */
CHOIR_NODISCARD choir_status ch_hosting_store_receipts(
    ch_hosting_store *s, int64_t job, uint32_t round,
    void (*each)(void *self, const ch_receipt *receipt), void *self, choir_error *err);

/* The body of a report that is in the sum. Returns OK and bytes to release; EAGAIN when it is not
 * kept. */
CHOIR_NODISCARD choir_status ch_hosting_store_update(ch_hosting_store *s, ch_stored *out,
                                                     int64_t job, uint32_t round, uint32_t client,
                                                     choir_error *err);

// ----- rounds, their models and sums
// --------------------------------------------------------------

/* A round that has closed, as the store tells it. */
typedef struct ch_round_row {
    uint32_t round;
    uint64_t closed_ms;
    choir_bytes summary; // borrowed while each runs
    uint8_t model[CHOIR_HASH_BYTES];
    bool has_model; // it has not been pruned, or is promoted
} ch_round_row;

/* Calls each for the rounds of a job from one on, at most limit, in their order. */
CHOIR_NODISCARD choir_status ch_hosting_store_rounds(
    ch_hosting_store *s, int64_t job, uint32_t from, uint32_t limit,
    void (*each)(void *self, const ch_round_row *row), void *self, choir_error *err);

/* The hash of the model after a round. Returns EAGAIN when it has not closed. */
CHOIR_NODISCARD choir_status ch_hosting_store_round_model(ch_hosting_store *s,
                                                          uint8_t out[CHOIR_HASH_BYTES],
                                                          int64_t job, uint32_t round,
                                                          choir_error *err);

/* The sum of a round. Returns OK and bytes to release; EAGAIN when there is none, or none any
 * more. */
CHOIR_NODISCARD choir_status ch_hosting_store_sum(ch_hosting_store *s, ch_stored *out, int64_t job,
                                                  uint32_t round, choir_error *err);

/* A model by its hash. Returns OK and bytes to release; EAGAIN when there is none, or none any
 * more. */
CHOIR_NODISCARD choir_status ch_hosting_store_model(ch_hosting_store *s, ch_stored *out,
                                                    const uint8_t hash[CHOIR_HASH_BYTES],
                                                    choir_error *err);

/*
 * Drops sums, receipts and models of a job's older rounds. Their summaries and the hashes of their
 * models stay, and so does a model that a kept round came to, of this job or another, or that is
 * promoted.
 *
 * last   rounds to keep, counted back from the last that closed; 0 is taken for 1
 * kept   (count) others to keep, such as the best; borrowed
 *
 * Returns EINVAL when there is no such job.
 */
CHOIR_NODISCARD choir_status ch_hosting_store_prune(ch_hosting_store *s, int64_t job, uint32_t last,
                                                    const uint32_t *kept, uint32_t count,
                                                    choir_error *err);

/* Drops the sums of all but the last rounds of a job that closed; 0 is taken for 1. */
CHOIR_NODISCARD choir_status ch_hosting_store_sums_prune(ch_hosting_store *s, int64_t job,
                                                         uint32_t last, choir_error *err);

// ----- promotions: which model devices use
// --------------------------------------------------------

enum { CH_PROMOTIONS_KEPT = 64 }; // of one name that hold their models; older ones are history

/* That a round's model became the one of its job's name. */
typedef struct ch_promotion {
    int64_t id; // from 1, and up
    int64_t job;
    uint32_t version; // of the job
    uint32_t round;
    uint8_t model[CHOIR_HASH_BYTES];
    uint64_t at_ms;
    char actor[64];     // who
    bool stands;        // it holds its model: the newest that does is the one that counts
    uint64_t undone_ms; // 0: it was not rolled back
    char undone_by[64];
} ch_promotion;

/* Promotes the model of a job's round. Returns EAGAIN when that has not closed, its model is not
 * kept any more, or it is the promoted one. */
CHOIR_NODISCARD choir_status ch_hosting_store_promote(ch_hosting_store *s, int64_t job,
                                                      uint32_t round, uint64_t at_ms,
                                                      const char *actor, choir_error *err);

/* Goes back to what was promoted before the newest that stands. Returns EAGAIN when that is
 * nothing. */
CHOIR_NODISCARD choir_status ch_hosting_store_rollback(ch_hosting_store *s, const char *name,
                                                       uint64_t at_ms, const char *actor,
                                                       choir_error *err);

/* The promoted model of a job's name. Returns EAGAIN when there is none. */
CHOIR_NODISCARD choir_status ch_hosting_store_promoted(ch_hosting_store *s, ch_promotion *out,
                                                       const char *name, choir_error *err);

/* Calls each for a name's newest promotions, at most limit, the newest first. */
CHOIR_NODISCARD choir_status ch_hosting_store_promotions(
    ch_hosting_store *s, const char *name, uint32_t limit,
    void (*each)(void *self, const ch_promotion *promotion), void *self, choir_error *err);

#endif
