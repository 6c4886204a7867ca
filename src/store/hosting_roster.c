/* Hosting store: see hosting_store.h. Rosters: which subject is which client of a job. */
#include "base/error.h"
#include "store/hosting_parts.h"

#include <inttypes.h>

/* A claim while it is decided. */
typedef struct deciding {
    int64_t job, subject;
    int64_t clients; // of the job
    int64_t free;    // all below are somebody's
} deciding;

static choir_status client_find(ch_database *db, int64_t *out, int64_t job, int64_t subject,
                                choir_error *err) {
    ch_query q = ch_query_begin(db, "SELECT client FROM roster WHERE job = ? AND subject = ?");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, subject);
    const bool is_found = ch_query_row(&q);
    *out = is_found ? ch_query_i64(&q, 0) : 0;
    return ch_hosting_end_one(&q, is_found, err);
}

static choir_status subject_find(ch_database *db, int64_t *out, int64_t job, int64_t client,
                                 choir_error *err) {
    ch_query q = ch_query_begin(db, "SELECT subject FROM roster WHERE job = ? AND client = ?");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, client);
    const bool is_found = ch_query_row(&q);
    *out = is_found ? ch_query_i64(&q, 0) : 0;
    return ch_hosting_end_one(&q, is_found, err);
}

// ----- claims -----------------------------------------------------------------------------------

/* Returns EINVAL when there is no such job. */
static choir_status job_find(ch_database *db, deciding *d, choir_error *err) {
    ch_query q = ch_query_begin(db, "SELECT clients, free_client FROM jobs WHERE id = ?");
    ch_query_bind_i64(&q, d->job);
    const bool is_found = ch_query_row(&q);
    if (is_found) {
        d->clients = ch_query_i64(&q, 0);
        d->free = ch_query_i64(&q, 1);
    }
    const choir_status status = ch_hosting_end_one(&q, is_found, err);
    return status == CHOIR_EAGAIN ? CHOIR_EINVAL : status;
}

/* Goes up from where the last search ended: a client that is somebody's stays so. */
static choir_status free_find(ch_database *db, deciding *d, choir_error *err) {
    ch_query q = ch_query_begin(
        db, "SELECT client FROM roster WHERE job = ? AND client >= ? ORDER BY client");
    ch_query_bind_i64(&q, d->job);
    ch_query_bind_i64(&q, d->free);
    while (ch_query_row(&q) && ch_query_i64(&q, 0) == d->free) {
        d->free += 1;
    }
    const choir_status status = ch_query_end(&q, err);
    return status == CHOIR_OK && d->free >= d->clients ? CHOIR_EAGAIN : status;
}

static choir_status wanted_check(ch_database *db, const deciding *d, uint32_t wanted,
                                 choir_error *err) {
    if (wanted >= d->clients) {
        return CHOIR_EINVAL;
    }
    int64_t subject = 0;
    const choir_status status = subject_find(db, &subject, d->job, wanted, err);
    return status == CHOIR_OK ? CHOIR_EAGAIN : status == CHOIR_EAGAIN ? CHOIR_OK : status;
}

static choir_status claim_write(ch_database *db, const deciding *d, int64_t client,
                                choir_error *err) {
    ch_query q = ch_query_begin(db, "INSERT INTO roster (job, client, subject) SELECT ?, ?, id"
                                    " FROM subjects WHERE id = ?");
    ch_query_bind_i64(&q, d->job);
    ch_query_bind_i64(&q, client);
    ch_query_bind_i64(&q, d->subject);
    choir_status status = ch_query_run(&q, err);
    status = ch_hosting_changed(db, status, err, "subject %" PRId64 ": there is none", d->subject);
    if (status != CHOIR_OK) {
        return status;
    }
    q = ch_query_begin(db, "UPDATE jobs SET free_client = ? WHERE id = ?");
    ch_query_bind_i64(&q, client == d->free ? client + 1 : d->free);
    ch_query_bind_i64(&q, d->job);
    return ch_query_run(&q, err);
}

static choir_status decide(ch_database *db, int64_t *out, deciding *d, uint32_t wanted,
                           choir_error *err) {
    choir_status status = job_find(db, d, err);
    if (status == CHOIR_OK) {
        status = client_find(db, out, d->job, d->subject, err);
    }
    if (status != CHOIR_EAGAIN) {
        return status; // it has one already
    }
    status = wanted == CH_ANY_CLIENT ? free_find(db, d, err) : wanted_check(db, d, wanted, err);
    if (status != CHOIR_OK) {
        return status;
    }
    *out = wanted == CH_ANY_CLIENT ? d->free : wanted;
    return claim_write(db, d, *out, err);
}

choir_status ch_hosting_claims_keep(ch_database *db, ch_roster_claim *claims, uint32_t count,
                                    choir_error *err) {
    for (uint32_t i = 0; i < count; i++) {
        ch_roster_claim *c = &claims[i];
        deciding d = {.job = c->job, .subject = c->subject};
        int64_t client = 0;
        const choir_status status = decide(db, &client, &d, c->wanted, err);
        if (status != CHOIR_OK && status != CHOIR_EAGAIN && status != CHOIR_EINVAL) {
            return status;
        }
        c->status = status;
        c->client = status == CHOIR_OK ? (uint32_t)client : c->client;
    }
    return CHOIR_OK;
}

// ----- what is there ----------------------------------------------------------------------------

choir_status ch_hosting_store_client_of(ch_hosting_store *s, uint32_t *out, int64_t job,
                                        int64_t subject, choir_error *err) {
    int64_t client = 0;
    const choir_status status = client_find(ch_hosting_enter(s), &client, job, subject, err);
    *out = status == CHOIR_OK ? (uint32_t)client : *out;
    return ch_hosting_leave(s, ch_hosting_found(status, err,
                                                "job %" PRId64 ": subject %" PRId64
                                                " is none of its clients",
                                                job, subject));
}

choir_status ch_hosting_store_subject_of(ch_hosting_store *s, int64_t *out, int64_t job,
                                         uint32_t client, choir_error *err) {
    int64_t subject = 0;
    const choir_status status = subject_find(ch_hosting_enter(s), &subject, job, client, err);
    *out = status == CHOIR_OK ? subject : *out;
    return ch_hosting_leave(
        s, ch_hosting_found(status, err, "job %" PRId64 ": client %u is nobody's", job, client));
}

choir_status ch_hosting_store_claims(ch_hosting_store *s, uint32_t *out, int64_t job,
                                     choir_error *err) {
    ch_query q = ch_query_begin(ch_hosting_enter(s), "SELECT count(*) FROM roster WHERE job = ?");
    ch_query_bind_i64(&q, job);
    const int64_t count = ch_query_row(&q) ? ch_query_i64(&q, 0) : 0;
    const choir_status status = ch_query_end(&q, err);
    *out = status == CHOIR_OK ? (uint32_t)count : *out;
    return ch_hosting_leave(s, status);
}
