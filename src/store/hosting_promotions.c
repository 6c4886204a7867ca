/* Hosting store: see hosting_store.h. Which model of a job's name devices use, and used. */
#include "base/error.h"
#include "store/hosting_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS                                                                                    \
    "SELECT p.id, p.job, j.version, p.round, p.model, p.at_ms, p.actor, p.held NOTNULL,"           \
    " coalesce(p.undone_ms, 0), coalesce(p.undone_by, '')"                                         \
    " FROM promotions p JOIN jobs j ON j.id = p.job WHERE j.name = ?"

// ----- reading ----------------------------------------------------------------------------------

/* Of a row of COLUMNS. */
static void row_read(ch_query *q, ch_promotion *out) {
    *out = (ch_promotion){.id = ch_query_i64(q, 0),
                          .job = ch_query_i64(q, 1),
                          .version = (uint32_t)ch_query_i64(q, 2),
                          .round = (uint32_t)ch_query_i64(q, 3),
                          .at_ms = (uint64_t)ch_query_i64(q, 5),
                          .stands = ch_query_i64(q, 7) != 0,
                          .undone_ms = (uint64_t)ch_query_i64(q, 8)};
    ch_query_copy_bytes(q, 4, out->model, sizeof(out->model));
    ch_query_copy(q, 6, out->actor, sizeof(out->actor));
    ch_query_copy(q, 9, out->undone_by, sizeof(out->undone_by));
}

/* The newest two that stand, *count of them. */
static choir_status standing_read(ch_database *db, ch_promotion out[2], uint32_t *count,
                                  const char *name, choir_error *err) {
    ch_query q = ch_query_begin(db, COLUMNS " AND p.held NOTNULL ORDER BY p.id DESC LIMIT 2");
    ch_query_bind_text(&q, name);
    *count = 0;
    while (ch_query_row(&q)) {
        row_read(&q, &out[*count]);
        *count += 1;
    }
    return ch_query_end(&q, err);
}

choir_status ch_hosting_store_promoted(ch_hosting_store *s, ch_promotion *out, const char *name,
                                       choir_error *err) {
    ch_promotion found[2];
    uint32_t count = 0;
    choir_status status = standing_read(ch_hosting_enter(s), found, &count, name, err);
    if (status == CHOIR_OK && count > 0) {
        *out = found[0];
    } else if (status == CHOIR_OK) {
        status = ch_error_set(err, CHOIR_EAGAIN, "no model of '%s' is promoted", name);
    }
    return ch_hosting_leave(s, status);
}

choir_status ch_hosting_store_promotions(ch_hosting_store *s, const char *name, uint32_t limit,
                                         void (*each)(void *self, const ch_promotion *promotion),
                                         void *self, choir_error *err) {
    ch_query q = ch_query_begin(ch_hosting_enter(s), COLUMNS " ORDER BY p.id DESC LIMIT ?");
    ch_query_bind_text(&q, name);
    ch_query_bind_i64(&q, limit);
    while (ch_query_row(&q)) {
        ch_promotion row;
        row_read(&q, &row);
        if (ch_query_is_good(&q)) {
            each(self, &row);
        }
    }
    return ch_hosting_leave(s, ch_query_end(&q, err));
}

// ----- promoting --------------------------------------------------------------------------------

static choir_status name_find(ch_database *db, char *out, size_t size, int64_t job,
                              choir_error *err) {
    ch_query q = ch_query_begin(db, "SELECT name FROM jobs WHERE id = ?");
    ch_query_bind_i64(&q, job);
    const bool is_found = ch_query_row(&q);
    if (is_found) {
        ch_query_copy(&q, 0, out, size);
    }
    return ch_hosting_found(ch_hosting_end_one(&q, is_found, err), err,
                            "job %" PRId64 ": there is none", job);
}

static choir_status row_add(ch_database *db, int64_t job, uint32_t round, uint64_t at_ms,
                            const char *actor, choir_error *err) {
    ch_query q =
        ch_query_begin(db, "INSERT INTO promotions (job, round, at_ms, actor, model, held)"
                           " SELECT job, round, ?, ?, model, model FROM rounds"
                           " WHERE job = ? AND round = ? AND model IN (SELECT hash FROM models)");
    ch_query_bind_i64(&q, (int64_t)at_ms);
    ch_query_bind_text(&q, actor);
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, round);
    const choir_status status = ch_query_run(&q, err);
    return status == CHOIR_OK && ch_database_changes(db) == 0 ? CHOIR_EAGAIN : status;
}

/* Older ones no longer hold their models. */
static choir_status older_drop(ch_database *db, const char *name, choir_error *err) {
    ch_query q =
        ch_query_begin(db, "UPDATE promotions SET held = NULL WHERE held NOTNULL"
                           " AND job IN (SELECT id FROM jobs WHERE name = ?1) AND id NOT IN"
                           " (SELECT p.id FROM promotions p JOIN jobs j ON j.id = p.job"
                           "  WHERE j.name = ?1 AND p.held NOTNULL ORDER BY p.id DESC LIMIT ?2)");
    ch_query_bind_text(&q, name);
    ch_query_bind_i64(&q, CH_PROMOTIONS_KEPT);
    const choir_status status = ch_query_run(&q, err);
    return status == CHOIR_OK ? ch_hosting_models_drop(db, err) : status;
}

static choir_status promote(ch_database *db, int64_t job, uint32_t round, uint64_t at_ms,
                            const char *actor, choir_error *err) {
    char name[sizeof(((ch_hosted_row *)0)->name)];
    ch_promotion found[2];
    uint32_t count = 0;
    choir_status status = name_find(db, name, sizeof(name), job, err);
    if (status == CHOIR_OK) {
        status = standing_read(db, found, &count, name, err);
    }
    if (status == CHOIR_OK && count > 0 && found[0].job == job && found[0].round == round) {
        return ch_error_set(err, CHOIR_EAGAIN, "round %u of '%s@%u' is promoted already", round,
                            name, found[0].version);
    }
    if (status == CHOIR_OK) {
        status = ch_hosting_found(row_add(db, job, round, at_ms, actor, err), err,
                                  "round %u of '%s' has not closed, or its model is not kept",
                                  round, name);
    }
    return status == CHOIR_OK ? older_drop(db, name, err) : status;
}

choir_status ch_hosting_store_promote(ch_hosting_store *s, int64_t job, uint32_t round,
                                      uint64_t at_ms, const char *actor, choir_error *err) {
    ch_database *db = ch_hosting_enter(s);
    choir_status status = ch_database_begin(db, err);
    if (status == CHOIR_OK) {
        status = ch_database_end(db, promote(db, job, round, at_ms, actor, err), err);
    }
    return ch_hosting_leave(s, status);
}

// ----- going back -------------------------------------------------------------------------------

static choir_status rollback(ch_database *db, const char *name, uint64_t at_ms, const char *actor,
                             choir_error *err) {
    ch_promotion found[2];
    uint32_t count = 0;
    choir_status status = standing_read(db, found, &count, name, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (count < 2) {
        return ch_error_set(err, CHOIR_EAGAIN,
                            "no model of '%s' was promoted before: there is nothing to go back to",
                            name);
    }
    ch_query q = ch_query_begin(
        db, "UPDATE promotions SET held = NULL, undone_ms = ?, undone_by = ? WHERE id = ?");
    ch_query_bind_i64(&q, (int64_t)at_ms);
    ch_query_bind_text(&q, actor);
    ch_query_bind_i64(&q, found[0].id);
    status = ch_query_run(&q, err);
    return status == CHOIR_OK ? ch_hosting_models_drop(db, err) : status;
}

choir_status ch_hosting_store_rollback(ch_hosting_store *s, const char *name, uint64_t at_ms,
                                       const char *actor, choir_error *err) {
    ch_database *db = ch_hosting_enter(s);
    choir_status status = ch_database_begin(db, err);
    if (status == CHOIR_OK) {
        status = ch_database_end(db, rollback(db, name, at_ms, actor, err), err);
    }
    return ch_hosting_leave(s, status);
}
