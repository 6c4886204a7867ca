/* Schema: see schema.h. */
#include "store/schema.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { APPLICATION_ID = 0x63686f72 }; // "chor"

// ----- the versions -----------------------------------------------------------------------------

// Values of megabytes stand in tables of their own, last in their row, so that neither a search nor
// a change of what is small reads or writes them. `checksum` is of the bytes beside it.
static const char VERSION_1[] =
    "CREATE TABLE settings ("
    "  name TEXT PRIMARY KEY, checksum INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE subjects ("
    "  id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, name TEXT NOT NULL,"
    "  platform TEXT NOT NULL, version TEXT NOT NULL, tags TEXT NOT NULL,"
    "  enrolled_ms INTEGER NOT NULL, is_revoked INTEGER NOT NULL) STRICT;"
    "CREATE TABLE admins ("
    "  id INTEGER PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL,"
    "  hash BLOB NOT NULL UNIQUE, is_revoked INTEGER NOT NULL) STRICT;"
    "CREATE TABLE audit ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, actor TEXT NOT NULL,"
    "  act TEXT NOT NULL, matter TEXT NOT NULL, detail TEXT NOT NULL) STRICT;"
    "CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN"
    "  SELECT RAISE(ABORT, 'the audit log is only added to'); END;"
    "CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN"
    "  SELECT RAISE(ABORT, 'the audit log is only added to'); END;"
    // AUTOINCREMENT: the id of a job that was removed is not another's later
    "CREATE TABLE jobs ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, version INTEGER NOT NULL,"
    "  state TEXT NOT NULL, clients INTEGER NOT NULL, dim INTEGER NOT NULL,"
    "  created_ms INTEGER NOT NULL, digest TEXT NOT NULL,"
    "  free_client INTEGER NOT NULL DEFAULT 0," // all clients below it are claimed
    "  UNIQUE (name, version)) STRICT;"
    "CREATE TABLE yamls ("
    "  job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,"
    "  checksum INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE bundles ("
    "  job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,"
    "  checksum INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE roster ("
    "  job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, client INTEGER NOT NULL,"
    "  subject INTEGER NOT NULL REFERENCES subjects,"
    "  PRIMARY KEY (job, client), UNIQUE (job, subject)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE states ("
    "  job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,"
    "  checksum INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE open_rounds ("
    "  job INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,"
    "  slot INTEGER," // of the file that has the bytes; NULL: they are here
    "  size INTEGER NOT NULL, checksum INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE models ("
    "  hash BLOB NOT NULL UNIQUE, checksum INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE rounds ("
    "  job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, round INTEGER NOT NULL,"
    "  closed_ms INTEGER NOT NULL, model BLOB NOT NULL,"
    "  held BLOB REFERENCES models (hash)," // the model, until it is pruned
    "  summary BLOB NOT NULL, PRIMARY KEY (job, round)) STRICT;"
    "CREATE INDEX rounds_held ON rounds (held);"
    "CREATE INDEX rounds_unpruned ON rounds (job, round) WHERE held IS NOT NULL;"
    "CREATE TABLE sums ("
    "  job INTEGER NOT NULL, round INTEGER NOT NULL,"
    "  checksum INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (job, round),"
    "  FOREIGN KEY (job, round) REFERENCES rounds ON DELETE CASCADE) STRICT;"
    "CREATE TABLE receipts ("
    "  job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, round INTEGER NOT NULL,"
    "  client INTEGER NOT NULL, digest BLOB NOT NULL,"
    "  PRIMARY KEY (job, round, client)) STRICT, WITHOUT ROWID;";

// Models that are promoted, and the round that came out best. A promotion stands as long as it
// holds its model; the newest that stands is the one that counts.
static const char VERSION_2[] =
    "CREATE TABLE promotions ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, round INTEGER NOT NULL,"
    "  at_ms INTEGER NOT NULL, actor TEXT NOT NULL, model BLOB NOT NULL,"
    "  held BLOB REFERENCES models (hash),"
    "  undone_ms INTEGER, undone_by TEXT) STRICT;"
    "CREATE INDEX promotions_job ON promotions (job);"
    "CREATE INDEX promotions_held ON promotions (held);"
    "ALTER TABLE jobs ADD COLUMN best_round INTEGER NOT NULL DEFAULT 0;";

// By whose account a device was enrolled: what an identity provider calls somebody; '' for one that
// showed the server's secret.
static const char VERSION_3[] =
    "ALTER TABLE subjects ADD COLUMN account TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX subjects_account ON subjects (account) WHERE account <> '';";

// Reports as they came, of jobs that want them kept; each as long as its receipt, which has its
// digest.
static const char VERSION_4[] =
    "CREATE TABLE updates ("
    "  job INTEGER NOT NULL, round INTEGER NOT NULL, client INTEGER NOT NULL,"
    "  checksum INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (job, round, client),"
    "  FOREIGN KEY (job, round, client) REFERENCES receipts ON DELETE CASCADE) STRICT;";

/* What makes version i + 1 of version i. */
static const char *const MIGRATIONS[] = {
    VERSION_1,
    VERSION_2,
    VERSION_3,
    VERSION_4,
};
enum { VERSIONS = sizeof(MIGRATIONS) / sizeof(MIGRATIONS[0]) };

uint32_t ch_schema_version(void) {
    return VERSIONS;
}

// ----- checking ---------------------------------------------------------------------------------

/* What a fault says. It may be that a page could not be read at all: then the result of that. */
static choir_status fault_tell(const ch_database *db, const char *fault, choir_error *err) {
    static const char unread[] = "error code=";
    const char *code = strstr(fault, unread);
    if (code != NULL) {
        return ch_database_failed(db, (int)strtol(code + strlen(unread), NULL, 10), err);
    }
    const char *line = strrchr(fault, '\n'); // the first names the database
    return ch_error_set(err, CHOIR_EPROTO, "%s: is damaged; bring it back from a backup (%s)",
                        db->path, line != NULL ? line + 1 : fault);
}

static choir_status structure_check(ch_database *db, choir_error *err) {
    char fault[sizeof(err->message) / 2] = "";
    ch_query q = ch_query_begin(db, "PRAGMA quick_check(1)");
    if (ch_query_row(&q)) {
        ch_query_copy(&q, 0, fault, sizeof(fault));
    }
    const choir_status status = ch_query_end(&q, err);
    return status == CHOIR_OK && strcmp(fault, "ok") != 0 ? fault_tell(db, fault, err) : status;
}

choir_status ch_schema_check(ch_database *db, choir_error *err) {
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;
    choir_status status = ch_database_number(db, &application, "PRAGMA application_id", err);
    if (status == CHOIR_OK) {
        status = ch_database_number(db, &version, "PRAGMA user_version", err);
    }
    if (status == CHOIR_OK) {
        status = ch_database_number(db, &tables, "SELECT count(*) FROM sqlite_schema", err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    const bool is_empty = application == 0 && version == 0 && tables == 0;
    if (!is_empty && (application != APPLICATION_ID || version < 1)) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: is a database of another program; give another folder", db->path);
    }
    if (version > VERSIONS) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: has version %" PRId64
                            ", this choir knows up to %d; use a later one",
                            db->path, version, VERSIONS);
    }
    return structure_check(db, err);
}

// ----- migrating --------------------------------------------------------------------------------

static choir_status step(ch_database *db, uint32_t version, choir_error *err) {
    char mark[96];
    (void)snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %u",
                   APPLICATION_ID, version);
    choir_status status = ch_database_begin(db, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = ch_database_run(db, MIGRATIONS[version - 1], err);
    if (status == CHOIR_OK) {
        status = ch_database_run(db, mark, err);
    }
    return ch_database_end(db, status, err);
}

choir_status ch_schema_migrate(ch_database *db, choir_error *err) {
    int64_t current = 0;
    choir_status status = ch_database_number(db, &current, "PRAGMA user_version", err);
    for (uint32_t v = (uint32_t)current + 1; v <= VERSIONS && status == CHOIR_OK; v++) {
        status = step(db, v, err);
    }
    return status;
}
