/* Hosting store: see hosting_store.h. Subjects, administrators and the audit log. */
#include "base/assert.h"
#include "base/error.h"
#include "store/hosting_parts.h"

#include <inttypes.h>
#include <string.h>

// ----- subjects ---------------------------------------------------------------------------------

static void subject_check(const ch_subject *subject) {
    CH_ASSERT_FITS(subject->name);
    CH_ASSERT_FITS(subject->platform);
    CH_ASSERT_FITS(subject->version);
    CH_ASSERT_FITS(subject->tags);
    CH_ASSERT_FITS(subject->account);
}

/* The subject of a key, into its id; EAGAIN when there is none. */
static choir_status key_find(ch_database *db, ch_subject *subject, choir_error *err) {
    ch_query q = ch_query_begin(db, "SELECT id, account = ? FROM subjects WHERE key = ?");
    ch_query_bind_text(&q, subject->account);
    ch_query_bind_bytes(&q, subject->key, CH_KEY_BYTES);
    const bool is_found = ch_query_row(&q);
    if (is_found) {
        const bool is_own = subject->account[0] == '\0' || ch_query_i64(&q, 1) != 0;
        subject->id = is_own ? ch_query_i64(&q, 0) : CH_SUBJECT_ANOTHERS;
    }
    return ch_hosting_end_one(&q, is_found, err);
}

/* How many subjects of an account are not revoked. */
static choir_status account_count(ch_database *db, int64_t *out, const char *account,
                                  choir_error *err) {
    ch_query q = ch_query_begin(db, "SELECT count(*) FROM subjects WHERE account = ?"
                                    " AND account <> '' AND is_revoked = 0");
    ch_query_bind_text(&q, account);
    *out = ch_query_row(&q) ? ch_query_i64(&q, 0) : 0;
    return ch_query_end(&q, err);
}

static choir_status subject_insert(ch_database *db, ch_subject *subject, choir_error *err) {
    ch_query q =
        ch_query_begin(db, "INSERT INTO subjects (key, name, platform, version, tags, enrolled_ms,"
                           " is_revoked, account) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    ch_query_bind_bytes(&q, subject->key, CH_KEY_BYTES);
    ch_query_bind_text(&q, subject->name);
    ch_query_bind_text(&q, subject->platform);
    ch_query_bind_text(&q, subject->version);
    ch_query_bind_text(&q, subject->tags);
    ch_query_bind_i64(&q, (int64_t)subject->enrolled_ms);
    ch_query_bind_i64(&q, subject->is_revoked);
    ch_query_bind_text(&q, subject->account);
    const choir_status status = ch_query_run(&q, err);
    subject->id = status == CHOIR_OK ? ch_database_last_id(db) : 0;
    return status;
}

/* Adds a subject, finds it by its key, or says in its id why not. */
static choir_status subject_add(ch_database *db, ch_subject *subject, uint32_t account_max,
                                choir_error *err) {
    int64_t count = 0;
    choir_status status = key_find(db, subject, err);
    if (status != CHOIR_EAGAIN) {
        return status;
    }
    status = account_count(db, &count, subject->account, err);
    if (status == CHOIR_OK && account_max > 0 && count >= account_max) {
        subject->id = CH_SUBJECT_TOO_MANY;
        return CHOIR_OK;
    }
    return status == CHOIR_OK ? subject_insert(db, subject, err) : status;
}

static choir_status subject_change(ch_database *db, const ch_subject *subject, choir_error *err) {
    ch_query q = ch_query_begin(
        db, "UPDATE subjects SET name = ?, platform = ?, version = ?, tags = ? WHERE id = ?");
    ch_query_bind_text(&q, subject->name);
    ch_query_bind_text(&q, subject->platform);
    ch_query_bind_text(&q, subject->version);
    ch_query_bind_text(&q, subject->tags);
    ch_query_bind_i64(&q, subject->id);
    return ch_hosting_changed(db, ch_query_run(&q, err), err, "subject %" PRId64 ": there is none",
                              subject->id);
}

choir_status ch_hosting_subjects_keep(ch_database *db, const ch_arrivals *a, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < a->subjects_count && status == CHOIR_OK; i++) {
        ch_subject *subject = &a->subjects[i];
        subject_check(subject);
        status = subject->id == 0 ? subject_add(db, subject, a->account_max, err)
                                  : subject_change(db, subject, err);
    }
    return status;
}

/* Of a row (key, name, platform, version, tags, enrolled_ms, is_revoked, id, account). */
static void subject_read(ch_query *q, ch_subject *out) {
    ch_query_copy(q, 1, out->name, sizeof(out->name));
    ch_query_copy(q, 2, out->platform, sizeof(out->platform));
    ch_query_copy(q, 3, out->version, sizeof(out->version));
    ch_query_copy(q, 4, out->tags, sizeof(out->tags));
    out->enrolled_ms = (uint64_t)ch_query_i64(q, 5);
    out->is_revoked = ch_query_i64(q, 6) != 0;
    out->id = ch_query_i64(q, 7);
    ch_query_copy(q, 8, out->account, sizeof(out->account));
    ch_query_copy_bytes(q, 0, out->key, sizeof(out->key));
}

choir_status ch_hosting_store_subject(ch_hosting_store *s, ch_subject *out, int64_t id,
                                      choir_error *err) {
    ch_query q =
        ch_query_begin(ch_hosting_enter(s),
                       "SELECT key, name, platform, version, tags, enrolled_ms, is_revoked, id,"
                       " account"
                       " FROM subjects WHERE id = ?");
    ch_query_bind_i64(&q, id);
    ch_subject subject;
    const bool is_found = ch_query_row(&q);
    if (is_found) {
        subject_read(&q, &subject);
    }
    const choir_status status = ch_hosting_end_one(&q, is_found, err);
    if (status == CHOIR_OK) {
        *out = subject;
    }
    return ch_hosting_leave(
        s, ch_hosting_found(status, err, "subject %" PRId64 ": there is none", id));
}

choir_status ch_hosting_store_subject_revoke(ch_hosting_store *s, int64_t id, choir_error *err) {
    ch_database *db = ch_hosting_enter(s);
    ch_query q = ch_query_begin(db, "UPDATE subjects SET is_revoked = 1 WHERE id = ?");
    ch_query_bind_i64(&q, id);
    const choir_status status = ch_query_run(&q, err);
    return ch_hosting_leave(
        s, ch_hosting_changed(db, status, err, "subject %" PRId64 ": there is none", id));
}

choir_status ch_hosting_store_subjects_from(ch_hosting_store *s, int64_t from, uint32_t limit,
                                            void (*each)(void *self, const ch_subject *subject),
                                            void *self, choir_error *err) {
    ch_query q =
        ch_query_begin(ch_hosting_enter(s),
                       "SELECT key, name, platform, version, tags, enrolled_ms, is_revoked, id,"
                       " account"
                       " FROM subjects WHERE id >= ? ORDER BY id LIMIT ?");
    ch_query_bind_i64(&q, from);
    ch_query_bind_i64(&q, limit);
    while (ch_query_row(&q)) {
        ch_subject subject;
        subject_read(&q, &subject);
        if (ch_query_is_good(&q)) {
            each(self, &subject);
        }
    }
    return ch_hosting_leave(s, ch_query_end(&q, err));
}

choir_status ch_hosting_store_subjects_revoked(ch_hosting_store *s,
                                               void (*each)(void *self, int64_t id), void *self,
                                               choir_error *err) {
    ch_query q = ch_query_begin(ch_hosting_enter(s),
                                "SELECT id FROM subjects WHERE is_revoked = 1 ORDER BY id");
    while (ch_query_row(&q)) {
        each(self, ch_query_i64(&q, 0));
    }
    return ch_hosting_leave(s, ch_query_end(&q, err));
}

choir_status ch_hosting_store_subjects(ch_hosting_store *s, uint64_t *out, choir_error *err) {
    int64_t count = 0;
    const choir_status status =
        ch_database_number(ch_hosting_enter(s), &count, "SELECT count(*) FROM subjects", err);
    *out = status == CHOIR_OK ? (uint64_t)count : *out;
    return ch_hosting_leave(s, status);
}

// ----- administrators ---------------------------------------------------------------------------

choir_status ch_hosting_store_admin_add(ch_hosting_store *s, int64_t *id, const ch_admin *admin,
                                        choir_error *err) {
    CH_ASSERT_FITS(admin->name);
    CH_ASSERT_FITS(admin->role);
    ch_database *db = ch_hosting_enter(s);
    ch_query q =
        ch_query_begin(db, "INSERT INTO admins (name, role, hash, is_revoked) VALUES (?, ?, ?, ?)");
    ch_query_bind_text(&q, admin->name);
    ch_query_bind_text(&q, admin->role);
    ch_query_bind_bytes(&q, admin->hash, CH_KEY_BYTES);
    ch_query_bind_i64(&q, admin->is_revoked);
    while (ch_query_row(&q)) {
    }
    const bool is_known = ch_query_is_conflict(&q);
    choir_status status = ch_query_end(&q, err);
    if (is_known) {
        status = ch_error_set(err, CHOIR_EINVAL, "administrator '%s': the key is one's already",
                              admin->name);
    }
    *id = status == CHOIR_OK ? ch_database_last_id(db) : *id;
    return ch_hosting_leave(s, status);
}

/* Of a row (id, name, role, hash, is_revoked). */
static void admin_read(ch_query *q, ch_admin *out) {
    out->id = ch_query_i64(q, 0);
    ch_query_copy(q, 1, out->name, sizeof(out->name));
    ch_query_copy(q, 2, out->role, sizeof(out->role));
    out->is_revoked = ch_query_i64(q, 4) != 0;
    ch_query_copy_bytes(q, 3, out->hash, sizeof(out->hash));
}

choir_status ch_hosting_store_admin(ch_hosting_store *s, ch_admin *out,
                                    const uint8_t hash[CH_KEY_BYTES], choir_error *err) {
    ch_query q = ch_query_begin(
        ch_hosting_enter(s), "SELECT id, name, role, hash, is_revoked FROM admins WHERE hash = ?");
    ch_query_bind_bytes(&q, hash, CH_KEY_BYTES);
    ch_admin admin;
    const bool is_found = ch_query_row(&q);
    if (is_found) {
        admin_read(&q, &admin);
    }
    const choir_status status = ch_hosting_end_one(&q, is_found, err);
    if (status == CHOIR_OK) {
        *out = admin;
    }
    return ch_hosting_leave(s, ch_hosting_found(status, err,
                                                "administrator: there is none with "
                                                "that key"));
}

choir_status ch_hosting_store_admins(ch_hosting_store *s,
                                     void (*each)(void *self, const ch_admin *admin), void *self,
                                     choir_error *err) {
    ch_query q = ch_query_begin(ch_hosting_enter(s),
                                "SELECT id, name, role, hash, is_revoked FROM admins ORDER BY id");
    while (ch_query_row(&q)) {
        ch_admin admin;
        admin_read(&q, &admin);
        if (ch_query_is_good(&q)) {
            each(self, &admin);
        }
    }
    return ch_hosting_leave(s, ch_query_end(&q, err));
}

choir_status ch_hosting_store_admin_revoke(ch_hosting_store *s, int64_t id, choir_error *err) {
    ch_database *db = ch_hosting_enter(s);
    ch_query q = ch_query_begin(db, "UPDATE admins SET is_revoked = 1 WHERE id = ?");
    ch_query_bind_i64(&q, id);
    const choir_status status = ch_query_run(&q, err);
    return ch_hosting_leave(
        s, ch_hosting_changed(db, status, err, "administrator %" PRId64 ": there is none", id));
}

// ----- the audit log ----------------------------------------------------------------------------

/* Copies as much of text as is kept, and no half of a letter. */
static const char *cut(char out[CH_AUDIT_TEXT_MAX + 1], const char *text) {
    size_t size = 0;
    while (size < CH_AUDIT_TEXT_MAX && text[size] != '\0') {
        size += 1;
    }
    while (size > 0 && ((unsigned char)text[size] & 0xC0U) == 0x80) { // inside a letter of UTF-8
        size -= 1;
    }
    memcpy(out, text, size);
    out[size] = '\0';
    return out;
}

choir_status ch_hosting_store_audit_add(ch_hosting_store *s, const ch_audit *entry,
                                        choir_error *err) {
    char texts[4][CH_AUDIT_TEXT_MAX + 1];
    ch_query q = ch_query_begin(
        ch_hosting_enter(s),
        "INSERT INTO audit (at_ms, actor, act, matter, detail) VALUES (?, ?, ?, ?, ?)");
    ch_query_bind_i64(&q, (int64_t)entry->at_ms);
    ch_query_bind_text(&q, cut(texts[0], entry->actor));
    ch_query_bind_text(&q, cut(texts[1], entry->act));
    ch_query_bind_text(&q, cut(texts[2], entry->matter));
    ch_query_bind_text(&q, cut(texts[3], entry->detail));
    return ch_hosting_leave(s, ch_query_run(&q, err));
}

choir_status ch_hosting_store_audit(ch_hosting_store *s, uint32_t limit,
                                    void (*each)(void *self, const ch_audit *entry), void *self,
                                    choir_error *err) {
    ch_query q = ch_query_begin(ch_hosting_enter(s),
                                "SELECT id, at_ms, actor, act, matter, detail FROM audit"
                                " ORDER BY id DESC LIMIT ?");
    ch_query_bind_i64(&q, limit);
    while (ch_query_row(&q)) {
        const ch_audit entry = {.id = ch_query_i64(&q, 0),
                                .at_ms = (uint64_t)ch_query_i64(&q, 1),
                                .actor = ch_query_text(&q, 2),
                                .act = ch_query_text(&q, 3),
                                .matter = ch_query_text(&q, 4),
                                .detail = ch_query_text(&q, 5)};
        if (ch_query_is_good(&q)) {
            each(self, &entry);
        }
    }
    return ch_hosting_leave(s, ch_query_end(&q, err));
}
