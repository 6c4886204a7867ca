/* Hosting store: see hosting_store.h. The group commit, and what rounds leave. */
#include "base/error.h"
#include "store/hosting_parts.h"

#include <inttypes.h>

// ----- the group commit -------------------------------------------------------------------------

/* Sets the bytes of a job in a table of (job, checksum, bytes). */
static choir_status bytes_set(ch_database *db, const char *sql, int64_t job, choir_bytes bytes,
                              choir_error *err) {
    ch_query q = ch_query_begin(db, sql);
    ch_query_bind_i64(&q, job);
    ch_hosting_bind_checked(&q, bytes);
    return ch_query_run(&q, err);
}

static choir_status between_rounds_set(ch_hosting_store *s, const ch_commit *c, choir_error *err) {
    static const char state[] = "INSERT INTO states (job, checksum, bytes) VALUES (?, ?, ?)"
                                " ON CONFLICT DO UPDATE"
                                " SET checksum = excluded.checksum, bytes = excluded.bytes";
    choir_status status = CHOIR_OK;
    if (c->state.size > 0) {
        status = bytes_set(&s->db, state, c->job, c->state, err);
    }
    return status == CHOIR_OK ? ch_hosting_open_round_set(s, c->job, c->open_round, err) : status;
}

static choir_status receipts_add(ch_database *db, const ch_commit *c, choir_error *err) {
    ch_query q =
        ch_query_begin(db, "INSERT INTO receipts (job, round, client, digest) VALUES (?, ?, ?, ?)");
    for (uint32_t i = 0; i < c->receipts_count; i++) {
        const ch_receipt *r = &c->receipts[i];
        ch_query_bind_i64(&q, c->job);
        ch_query_bind_i64(&q, r->round);
        ch_query_bind_i64(&q, r->client);
        ch_query_bind_bytes(&q, r->digest, sizeof(r->digest));
        while (ch_query_row(&q)) {
        }
        if (ch_query_is_conflict(&q)) {
            ch_ignore(ch_query_end(&q, NULL), "told better here");
            return ch_error_set(err, CHOIR_EINVAL,
                                "job %" PRId64 ": client %u has a receipt for round %u already",
                                c->job, r->client, r->round);
        }
        ch_query_reset(&q);
    }
    return ch_query_end(&q, err);
}

static choir_status update_add(ch_database *db, int64_t job, const ch_receipt *r,
                               choir_error *err) {
    ch_query q = ch_query_begin(
        db, "INSERT INTO updates (job, round, client, checksum, bytes) VALUES (?, ?, ?, ?, ?)");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, r->round);
    ch_query_bind_i64(&q, r->client);
    ch_hosting_bind_checked(&q, r->update);
    return ch_query_run(&q, err);
}

/* Those that are to be kept. */
static choir_status updates_add(ch_database *db, const ch_commit *c, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < c->receipts_count && status == CHOIR_OK; i++) {
        if (c->receipts[i].update.size > 0) {
            status = update_add(db, c->job, &c->receipts[i], err);
        }
    }
    return status;
}

static choir_status model_add(ch_database *db, const ch_closed_round *r, choir_error *err) {
    if (r->params.size == 0) {
        return CHOIR_OK;
    }
    ch_query q = ch_query_begin(db, "INSERT INTO models (hash, checksum, bytes) VALUES (?, ?, ?)"
                                    " ON CONFLICT DO NOTHING");
    ch_query_bind_bytes(&q, r->model, sizeof(r->model));
    ch_hosting_bind_checked(&q, r->params);
    return ch_query_run(&q, err);
}

static choir_status sum_add(ch_database *db, int64_t job, const ch_closed_round *r,
                            choir_error *err) {
    if (r->sum.size == 0) {
        return CHOIR_OK;
    }
    ch_query q =
        ch_query_begin(db, "INSERT INTO sums (job, round, checksum, bytes) VALUES (?, ?, ?, ?)");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, r->round);
    ch_hosting_bind_checked(&q, r->sum);
    return ch_query_run(&q, err);
}

static choir_status round_add(ch_database *db, int64_t job, const ch_closed_round *r,
                              choir_error *err) {
    choir_status status = model_add(db, r, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_query q = ch_query_begin(db, "INSERT INTO rounds (job, round, closed_ms, summary, model,"
                                    " held) SELECT ?, ?, ?, ?, hash, hash FROM models"
                                    " WHERE hash = ?");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, r->round);
    ch_query_bind_i64(&q, (int64_t)r->closed_ms);
    ch_query_bind_bytes(&q, r->summary.data, r->summary.size);
    ch_query_bind_bytes(&q, r->model, sizeof(r->model));
    while (ch_query_row(&q)) {
    }
    const bool is_closed = ch_query_is_conflict(&q);
    status = ch_query_end(&q, err);
    if (is_closed) {
        return ch_error_set(err, CHOIR_EINVAL, "job %" PRId64 ": round %u has closed already", job,
                            r->round);
    }
    status = ch_hosting_changed(db, status, err,
                                "job %" PRId64 ": the model of round %u has no parameters here",
                                job, r->round);
    return status == CHOIR_OK ? sum_add(db, job, r, err) : status;
}

static choir_status round_tell(ch_database *db, int64_t job, const ch_closed_round *r,
                               choir_error *err) {
    ch_query q = ch_query_begin(db, "UPDATE rounds SET summary = ? WHERE job = ? AND round = ?");
    ch_query_bind_bytes(&q, r->summary.data, r->summary.size);
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, r->round);
    return ch_hosting_changed(db, ch_query_run(&q, err), err,
                              "job %" PRId64 ": round %u has not closed yet", job, r->round);
}

static choir_status job_check(ch_database *db, int64_t job, choir_error *err) {
    ch_query q = ch_query_begin(db, "SELECT 1 FROM jobs WHERE id = ?");
    ch_query_bind_i64(&q, job);
    const choir_status status = ch_hosting_end_one(&q, ch_query_row(&q), err);
    return status != CHOIR_EAGAIN
               ? status
               : ch_error_set(err, CHOIR_EINVAL, "job %" PRId64 ": there is none", job);
}

static choir_status best_set(ch_database *db, const ch_commit *c, choir_error *err) {
    if (c->best_round == 0) {
        return CHOIR_OK;
    }
    ch_query q = ch_query_begin(db, "UPDATE jobs SET best_round = ? WHERE id = ?");
    ch_query_bind_i64(&q, c->best_round);
    ch_query_bind_i64(&q, c->job);
    return ch_query_run(&q, err);
}

static choir_status one_keep(ch_hosting_store *s, const ch_commit *c, choir_error *err) {
    ch_database *db = &s->db;
    choir_status status = c->job_state != NULL ? ch_hosting_state_set(db, c->job, c->job_state, err)
                                               : job_check(db, c->job, err);
    if (status == CHOIR_OK) {
        status = receipts_add(db, c, err);
    }
    if (status == CHOIR_OK) {
        status = updates_add(db, c, err);
    }
    for (uint32_t i = 0; i < c->closed_count && status == CHOIR_OK; i++) {
        const ch_closed_round *r = &c->closed[i];
        status = r->is_told ? round_tell(db, c->job, r, err) : round_add(db, c->job, r, err);
    }
    if (status == CHOIR_OK) {
        status = best_set(db, c, err);
    }
    return status == CHOIR_OK ? between_rounds_set(s, c, err) : status;
}

// A second part would write the open round over the one that a crash has to find.
static choir_status once_check(const ch_commit *commits, uint32_t count, choir_error *err) {
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (commits[i].job == commits[j].job) {
                return ch_error_set(err, CHOIR_EINVAL,
                                    "job %" PRId64 ": is in the commit twice, once is allowed",
                                    commits[i].job);
            }
        }
    }
    return CHOIR_OK;
}

static choir_status arrivals_keep(ch_database *db, const ch_arrivals *a, choir_error *err) {
    if (a == NULL) {
        return CHOIR_OK;
    }
    const choir_status status = ch_hosting_subjects_keep(db, a, err);
    return status == CHOIR_OK ? ch_hosting_claims_keep(db, a->claims, a->claims_count, err)
                              : status;
}

choir_status ch_hosting_store_commit(ch_hosting_store *s, const ch_arrivals *arrivals,
                                     const ch_commit *commits, uint32_t count, choir_error *err) {
    choir_status status = once_check(commits, count, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_database *db = ch_hosting_enter(s);
    const int64_t before = ch_database_total_changes(db);
    status = ch_database_begin(db, err);
    if (status != CHOIR_OK) {
        return ch_hosting_leave(s, status);
    }
    status = arrivals_keep(db, arrivals, err);
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        status = one_keep(s, &commits[i], err);
    }
    const bool is_tried = status == CHOIR_OK && ch_database_total_changes(db) != before;
    status = ch_database_end(db, status, err);
    s->in_doubt = is_tried ? status != CHOIR_OK : s->in_doubt;
    return ch_hosting_leave(s, status);
}

// ----- what it kept -----------------------------------------------------------------------------

static choir_status state_read(ch_hosting_store *s, ch_stored *state, ch_stored *open_round,
                               int64_t job, choir_error *err) {
    ch_query q = ch_query_begin(&s->db, "SELECT checksum, bytes FROM states WHERE job = ?");
    ch_query_bind_i64(&q, job);
    const choir_status status = ch_hosting_read_checked(s, &q, state, "a job's state", err);
    if (status != CHOIR_OK) {
        return ch_hosting_found(status, err, "job %" PRId64 ": it has no state yet", job);
    }
    return ch_hosting_open_round_read(s, open_round, job, err);
}

choir_status ch_hosting_store_state(ch_hosting_store *s, ch_stored *state, ch_stored *open_round,
                                    int64_t job, choir_error *err) {
    *state = (ch_stored){.data = NULL};
    *open_round = (ch_stored){.data = NULL};
    (void)ch_hosting_enter(s);
    const choir_status status = state_read(s, state, open_round, job, err);
    if (status != CHOIR_OK) {
        ch_stored_release(state);
        ch_stored_release(open_round);
    }
    return ch_hosting_leave(s, status);
}

choir_status ch_hosting_store_receipt(ch_hosting_store *s, ch_receipt *out, int64_t job,
                                      uint32_t round, uint32_t client, choir_error *err) {
    ch_query q =
        ch_query_begin(ch_hosting_enter(s),
                       "SELECT digest FROM receipts WHERE job = ? AND round = ? AND client = ?");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, round);
    ch_query_bind_i64(&q, client);
    ch_receipt receipt = {.round = round, .client = client};
    const bool is_found = ch_query_row(&q);
    if (is_found) {
        ch_query_copy_bytes(&q, 0, receipt.digest, sizeof(receipt.digest));
    }
    const choir_status status = ch_hosting_end_one(&q, is_found, err);
    if (status == CHOIR_OK) {
        *out = receipt;
    }
    return ch_hosting_leave(
        s, ch_hosting_found(status, err, "job %" PRId64 ": client %u has no receipt for round %u",
                            job, client, round));
}

choir_status ch_hosting_store_receipts(ch_hosting_store *s, int64_t job, uint32_t round,
                                       void (*each)(void *self, const ch_receipt *receipt),
                                       void *self, choir_error *err) {
    ch_query q = ch_query_begin(ch_hosting_enter(s),
                                "SELECT client, digest FROM receipts WHERE job = ? AND round = ?"
                                " ORDER BY client");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, round);
    while (ch_query_row(&q)) {
        ch_receipt receipt = {.round = round, .client = (uint32_t)ch_query_i64(&q, 0)};
        ch_query_copy_bytes(&q, 1, receipt.digest, sizeof(receipt.digest));
        if (ch_query_is_good(&q)) {
            each(self, &receipt);
        }
    }
    return ch_hosting_leave(s, ch_query_end(&q, err));
}

choir_status ch_hosting_store_update(ch_hosting_store *s, ch_stored *out, int64_t job,
                                     uint32_t round, uint32_t client, choir_error *err) {
    ch_query q = ch_query_begin(
        ch_hosting_enter(s),
        "SELECT checksum, bytes FROM updates WHERE job = ? AND round = ? AND client = ?");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, round);
    ch_query_bind_i64(&q, client);
    const choir_status status = ch_hosting_read_checked(s, &q, out, "an update", err);
    return ch_hosting_leave(s, ch_hosting_found(status, err,
                                                "job %" PRId64
                                                ": the update of client %u in round %u is not kept",
                                                job, client, round));
}

choir_status ch_hosting_store_rounds(ch_hosting_store *s, int64_t job, uint32_t from,
                                     uint32_t limit,
                                     void (*each)(void *self, const ch_round_row *row), void *self,
                                     choir_error *err) {
    ch_query q = ch_query_begin(ch_hosting_enter(s),
                                "SELECT round, closed_ms, summary, model, held NOTNULL OR"
                                " EXISTS (SELECT 1 FROM promotions p WHERE p.held = rounds.model)"
                                " FROM rounds WHERE job = ? AND round >= ? ORDER BY round LIMIT ?");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, from);
    ch_query_bind_i64(&q, limit);
    while (ch_query_row(&q)) {
        ch_round_row row = {.round = (uint32_t)ch_query_i64(&q, 0),
                            .closed_ms = (uint64_t)ch_query_i64(&q, 1),
                            .summary = ch_query_bytes(&q, 2),
                            .has_model = ch_query_i64(&q, 4) != 0};
        ch_query_copy_bytes(&q, 3, row.model, sizeof(row.model));
        if (ch_query_is_good(&q)) {
            each(self, &row);
        }
    }
    return ch_hosting_leave(s, ch_query_end(&q, err));
}

choir_status ch_hosting_store_round_model(ch_hosting_store *s, uint8_t out[CHOIR_HASH_BYTES],
                                          int64_t job, uint32_t round, choir_error *err) {
    ch_query q =
        ch_query_begin(ch_hosting_enter(s), "SELECT model FROM rounds WHERE job = ? AND round = ?");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, round);
    const bool is_found = ch_query_row(&q);
    if (is_found) {
        ch_query_copy_bytes(&q, 0, out, CHOIR_HASH_BYTES);
    }
    const choir_status status = ch_hosting_end_one(&q, is_found, err);
    return ch_hosting_leave(
        s, ch_hosting_found(status, err, "job %" PRId64 ": round %u has not closed", job, round));
}

choir_status ch_hosting_store_sum(ch_hosting_store *s, ch_stored *out, int64_t job, uint32_t round,
                                  choir_error *err) {
    ch_query q = ch_query_begin(ch_hosting_enter(s),
                                "SELECT checksum, bytes FROM sums WHERE job = ? AND round = ?");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, round);
    const choir_status status = ch_hosting_read_checked(s, &q, out, "a round's sum", err);
    return ch_hosting_leave(s, ch_hosting_found(status, err,
                                                "job %" PRId64 ": the sum of round %u is not kept",
                                                job, round));
}

choir_status ch_hosting_store_model(ch_hosting_store *s, ch_stored *out,
                                    const uint8_t hash[CHOIR_HASH_BYTES], choir_error *err) {
    ch_query q =
        ch_query_begin(ch_hosting_enter(s), "SELECT checksum, bytes FROM models WHERE hash = ?");
    ch_query_bind_bytes(&q, hash, CHOIR_HASH_BYTES);
    const choir_status status = ch_hosting_read_checked(s, &q, out, "a model", err);
    return ch_hosting_leave(s,
                            ch_hosting_found(status, err, "model %02x%02x%02x%02x...: is not kept",
                                             hash[0], hash[1], hash[2], hash[3]));
}

// ----- retention --------------------------------------------------------------------------------

choir_status ch_hosting_models_drop(ch_database *db, choir_error *err) {
    return ch_database_run(db,
                           "DELETE FROM models WHERE NOT EXISTS"
                           " (SELECT 1 FROM rounds WHERE held = models.hash) AND NOT EXISTS"
                           " (SELECT 1 FROM promotions WHERE held = models.hash)",
                           err);
}

/* Drops what rounds first .. end - 1 have beside their summaries. */
static choir_status range_drop(ch_database *db, int64_t job, int64_t first, int64_t end,
                               choir_error *err) {
    static const char *const statements[] = {
        "DELETE FROM receipts WHERE job = ? AND round >= ? AND round < ?",
        "DELETE FROM sums WHERE job = ? AND round >= ? AND round < ?",
        "UPDATE rounds SET held = NULL WHERE job = ? AND round >= ? AND round < ? AND held NOTNULL",
    };
    choir_status status = CHOIR_OK;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]) && status == CHOIR_OK; i++) {
        ch_query q = ch_query_begin(db, statements[i]);
        ch_query_bind_i64(&q, job);
        ch_query_bind_i64(&q, first);
        ch_query_bind_i64(&q, end);
        status = ch_query_run(&q, err);
    }
    return status;
}

/* The first round from `from` on that is kept; end when none below it is. */
static int64_t kept_next(int64_t from, int64_t end, const uint32_t *kept, uint32_t count) {
    int64_t next = end;
    for (uint32_t i = 0; i < count; i++) {
        next = kept[i] >= from && kept[i] < next ? kept[i] : next;
    }
    return next;
}

/* The round from which on all are kept: the last `last` that closed. */
static choir_status kept_from(ch_database *db, int64_t *out, int64_t job, uint32_t last,
                              choir_error *err) {
    ch_query q = ch_query_begin(db, "SELECT max(round) FROM rounds WHERE job = ?");
    ch_query_bind_i64(&q, job);
    *out = ch_query_row(&q) ? ch_query_i64(&q, 0) + 1 - (last > 0 ? last : 1) : 0;
    return ch_query_end(&q, err);
}

static choir_status prune(ch_database *db, int64_t job, uint32_t last, const uint32_t *kept,
                          uint32_t count, choir_error *err) {
    int64_t end = 0;
    choir_status status = job_check(db, job, err);
    if (status == CHOIR_OK) {
        status = kept_from(db, &end, job, last, err);
    }
    for (int64_t from = 0; from < end && status == CHOIR_OK;) {
        const int64_t next = kept_next(from, end, kept, count);
        status = range_drop(db, job, from, next, err);
        from = next + 1;
    }
    return status == CHOIR_OK ? ch_hosting_models_drop(db, err) : status;
}

choir_status ch_hosting_store_prune(ch_hosting_store *s, int64_t job, uint32_t last,
                                    const uint32_t *kept, uint32_t count, choir_error *err) {
    ch_database *db = ch_hosting_enter(s);
    choir_status status = ch_database_begin(db, err);
    if (status == CHOIR_OK) {
        status = ch_database_end(db, prune(db, job, last, kept, count, err), err);
    }
    return ch_hosting_leave(s, status);
}

choir_status ch_hosting_store_sums_prune(ch_hosting_store *s, int64_t job, uint32_t last,
                                         choir_error *err) {
    ch_query q =
        ch_query_begin(ch_hosting_enter(s), "DELETE FROM sums WHERE job = ?1 AND round <="
                                            " (SELECT max(round) FROM rounds WHERE job = ?1) - ?2");
    ch_query_bind_i64(&q, job);
    ch_query_bind_i64(&q, last > 0 ? last : 1);
    return ch_hosting_leave(s, ch_query_run(&q, err));
}
