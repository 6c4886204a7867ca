/* Hosting store: see hosting_store.h. Jobs. */
#include "base/assert.h"
#include "base/error.h"
#include "base/text.h"
#include "store/hosting_parts.h"

#include <inttypes.h>
#include <string.h>

static const char NO_JOB[] = "job %" PRId64 ": there is none";

// ----- states -----------------------------------------------------------------------------------

choir_status ch_hosting_state_check(const char *state, choir_error *err) {
    static const char *const states[] = {"running", "paused", "stopped", "finished", "failed"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strcmp(state, states[i]) == 0) {
            return CHOIR_OK;
        }
    }
    char shown[CH_TEXT_SHOWN_MAX];
    ch_text_show(shown, sizeof(shown), state);
    return ch_error_set(err, CHOIR_EINVAL,
                        "job: state '%s' is not one of running, paused, stopped, finished, failed",
                        shown);
}

choir_status ch_hosting_state_set(ch_database *db, int64_t job, const char *state,
                                  choir_error *err) {
    choir_status status = ch_hosting_state_check(state, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_query q = ch_query_begin(db, "UPDATE jobs SET state = ? WHERE id = ?");
    ch_query_bind_text(&q, state);
    ch_query_bind_i64(&q, job);
    status = ch_query_run(&q, err);
    return ch_hosting_changed(db, status, err, NO_JOB, job);
}

choir_status ch_hosting_store_job_set_state(ch_hosting_store *s, int64_t id, const char *state,
                                            choir_error *err) {
    return ch_hosting_leave(s, ch_hosting_state_set(ch_hosting_enter(s), id, state, err));
}

// ----- adding and removing ----------------------------------------------------------------------

static choir_status row_add(ch_database *db, const ch_hosted_row *row, choir_error *err) {
    ch_query q = ch_query_begin(db, "INSERT INTO jobs (name, version, state, clients, dim,"
                                    " created_ms, digest) VALUES (?, ?, ?, ?, ?, ?, ?)");
    ch_query_bind_text(&q, row->name);
    ch_query_bind_i64(&q, row->version);
    ch_query_bind_text(&q, row->state);
    ch_query_bind_i64(&q, row->clients);
    ch_query_bind_i64(&q, row->dim);
    ch_query_bind_i64(&q, (int64_t)row->created_ms);
    ch_query_bind_text(&q, row->digest);
    while (ch_query_row(&q)) {
    }
    const bool is_hosted = ch_query_is_conflict(&q);
    const choir_status status = ch_query_end(&q, err);
    return is_hosted ? ch_error_set(err, CHOIR_EINVAL, "job '%s': version %u is hosted already",
                                    row->name, row->version)
                     : status;
}

static choir_status bytes_add(ch_database *db, const char *sql, int64_t job, choir_bytes bytes,
                              choir_error *err) {
    ch_query q = ch_query_begin(db, sql);
    ch_query_bind_i64(&q, job);
    ch_hosting_bind_checked(&q, bytes);
    return ch_query_run(&q, err);
}

/* Stops what a version that has just been added takes the place of. */
static choir_status older_stop(ch_database *db, const ch_hosted_row *row, choir_error *err) {
    ch_query q =
        ch_query_begin(db, "UPDATE jobs SET state = 'stopped' WHERE name = ? AND version < ?"
                           " AND state IN ('running', 'paused')");
    ch_query_bind_text(&q, row->name);
    ch_query_bind_i64(&q, row->version);
    return ch_query_run(&q, err);
}

static choir_status job_add(ch_database *db, int64_t *id, const ch_hosted_row *row,
                            const char *yaml, choir_bytes bundle, bool stops_older,
                            choir_error *err) {
    const choir_bytes text = {.data = (const uint8_t *)yaml, .size = strlen(yaml)};
    choir_status status = ch_database_begin(db, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = row_add(db, row, err);
    *id = ch_database_last_id(db);
    if (status == CHOIR_OK) {
        status = bytes_add(db, "INSERT INTO yamls (job, checksum, bytes) VALUES (?, ?, ?)", *id,
                           text, err);
    }
    if (status == CHOIR_OK) {
        status = bytes_add(db, "INSERT INTO bundles (job, checksum, bytes) VALUES (?, ?, ?)", *id,
                           bundle, err);
    }
    if (status == CHOIR_OK && stops_older) {
        status = older_stop(db, row, err);
    }
    return ch_database_end(db, status, err);
}

static choir_status checked_add(ch_hosting_store *s, int64_t *id, const ch_hosted_row *row,
                                const char *yaml, choir_bytes bundle, bool stops_older,
                                choir_error *err) {
    CH_ASSERT_FITS(row->name);
    CH_ASSERT_FITS(row->state);
    CH_ASSERT_FITS(row->digest);
    choir_status status = ch_hosting_state_check(row->state, err);
    if (status != CHOIR_OK) {
        return status;
    }
    int64_t added = 0;
    status = job_add(ch_hosting_enter(s), &added, row, yaml, bundle, stops_older, err);
    *id = status == CHOIR_OK ? added : *id;
    return ch_hosting_leave(s, status);
}

choir_status ch_hosting_store_job_add(ch_hosting_store *s, int64_t *id, const ch_hosted_row *row,
                                      const char *yaml, choir_bytes bundle, choir_error *err) {
    return checked_add(s, id, row, yaml, bundle, false, err);
}

choir_status ch_hosting_store_job_succeed(ch_hosting_store *s, int64_t *id,
                                          const ch_hosted_row *row, const char *yaml,
                                          choir_bytes bundle, choir_error *err) {
    return checked_add(s, id, row, yaml, bundle, true, err);
}

static choir_status row_remove(ch_database *db, int64_t id, choir_error *err) {
    ch_query q = ch_query_begin(db, "DELETE FROM jobs WHERE id = ?"); // and what refers to it
    ch_query_bind_i64(&q, id);
    const choir_status status = ch_query_run(&q, err);
    return ch_hosting_changed(db, status, err, NO_JOB, id);
}

static choir_status jobs_remove(ch_database *db, const int64_t *ids, uint32_t count,
                                choir_error *err) {
    choir_status status = ch_database_begin(db, err);
    if (status != CHOIR_OK) {
        return status;
    }
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        status = row_remove(db, ids[i], err);
    }
    if (status == CHOIR_OK) {
        status = ch_hosting_models_drop(db, err);
    }
    return ch_database_end(db, status, err);
}

choir_status ch_hosting_store_jobs_remove(ch_hosting_store *s, const int64_t *ids, uint32_t count,
                                          choir_error *err) {
    const choir_status status = jobs_remove(ch_hosting_enter(s), ids, count, err);
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        ch_hosting_open_round_remove(s, ids[i]);
    }
    return ch_hosting_leave(s, status);
}

choir_status ch_hosting_store_job_remove(ch_hosting_store *s, int64_t id, choir_error *err) {
    return ch_hosting_store_jobs_remove(s, &id, 1, err);
}

// ----- reading ----------------------------------------------------------------------------------

/* Of a row (id, name, version, state, clients, dim, created_ms, digest, best_round). */
static void row_read(ch_query *q, ch_hosted_row *out) {
    out->id = ch_query_i64(q, 0);
    ch_query_copy(q, 1, out->name, sizeof(out->name));
    out->version = (uint32_t)ch_query_i64(q, 2);
    ch_query_copy(q, 3, out->state, sizeof(out->state));
    out->clients = (uint32_t)ch_query_i64(q, 4);
    out->dim = (uint32_t)ch_query_i64(q, 5);
    out->created_ms = (uint64_t)ch_query_i64(q, 6);
    ch_query_copy(q, 7, out->digest, sizeof(out->digest));
    out->best_round = (uint32_t)ch_query_i64(q, 8);
}

choir_status ch_hosting_store_job(ch_hosting_store *s, ch_hosted_row *out, int64_t id,
                                  choir_error *err) {
    ch_query q = ch_query_begin(ch_hosting_enter(s),
                                "SELECT id, name, version, state, clients, dim, created_ms, digest,"
                                " best_round FROM jobs WHERE id = ?");
    ch_query_bind_i64(&q, id);
    ch_hosted_row row;
    const bool is_found = ch_query_row(&q);
    if (is_found) {
        row_read(&q, &row);
    }
    const choir_status status = ch_hosting_end_one(&q, is_found, err);
    if (status == CHOIR_OK) {
        *out = row;
    }
    return ch_hosting_leave(s, ch_hosting_found(status, err, NO_JOB, id));
}

choir_status ch_hosting_store_jobs(ch_hosting_store *s,
                                   void (*each)(void *self, const ch_hosted_row *row), void *self,
                                   choir_error *err) {
    ch_query q = ch_query_begin(ch_hosting_enter(s),
                                "SELECT id, name, version, state, clients, dim, created_ms, digest,"
                                " best_round FROM jobs ORDER BY name, version");
    while (ch_query_row(&q)) {
        ch_hosted_row row;
        row_read(&q, &row);
        if (ch_query_is_good(&q)) {
            each(self, &row);
        }
    }
    return ch_hosting_leave(s, ch_query_end(&q, err));
}

choir_status ch_hosting_store_job_yaml(ch_hosting_store *s, ch_stored *out, int64_t id,
                                       choir_error *err) {
    ch_query q =
        ch_query_begin(ch_hosting_enter(s), "SELECT checksum, bytes FROM yamls WHERE job = ?");
    ch_query_bind_i64(&q, id);
    const choir_status status = ch_hosting_read_checked(s, &q, out, "a job's YAML", err);
    return ch_hosting_leave(s, ch_hosting_found(status, err, NO_JOB, id));
}

choir_status ch_hosting_store_job_bundle(ch_hosting_store *s, ch_stored *out, int64_t id,
                                         choir_error *err) {
    ch_query q =
        ch_query_begin(ch_hosting_enter(s), "SELECT checksum, bytes FROM bundles WHERE job = ?");
    ch_query_bind_i64(&q, id);
    const choir_status status = ch_hosting_read_checked(s, &q, out, "a job's initial model", err);
    return ch_hosting_leave(s, ch_hosting_found(status, err, NO_JOB, id));
}
