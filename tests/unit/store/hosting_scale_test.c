/*
 * Hosting store: with a million subjects a call costs what it costs with ten. Not timed: what is
 * counted are the steps of SQLite's machine, and the rows it had to look at one by one.
 */
#include "support/hosting.h"

enum { SUBJECTS = 1000000, STEPS_MAX = 300 };

static char folder[FOLDER_PATH_MAX];

/* What the statements of the store cost since it was looked at last. */
static struct {
    int64_t steps;
    int64_t scanned; // rows that no index led to
} cost;

static int statement_count(unsigned what, void *self, void *statement, void *ns) {
    (void)what;
    (void)self;
    (void)ns;
    cost.steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
    cost.scanned += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
    return SQLITE_OK;
}

/* SQLite calls it for every database that is opened. */
static int database_watch(sqlite3 *db, char **message, const void *api) {
    (void)message;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, statement_count, NULL);
}

static void check_cheap(const char *what) {
    if (cost.steps > STEPS_MAX || cost.scanned > 0) {
        fail_msg("%s: %d steps, %d rows scanned", what, (int)cost.steps, (int)cost.scanned);
    }
    cost.steps = 0;
}

/* A million subjects, all but two of them clients of job 1, and with receipts of its round 9. */
static void store_fill(const char *dir) {
    static const char sql[] =
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN;"
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 1000000)"
        " INSERT INTO subjects (id, key, name, platform, version, tags, enrolled_ms, is_revoked)"
        " SELECT i, CAST(format('%032d', (i * 7919) % 1000003) AS BLOB), 's', 'p', 'v', 't', i, 0"
        " FROM n;"
        "INSERT INTO roster (job, client, subject) SELECT 1, id - 1, id FROM subjects"
        " WHERE id < 999999;"
        "INSERT INTO receipts (job, round, client, digest) SELECT 1, 9, client, zeroblob(32)"
        " FROM roster;"
        "UPDATE jobs SET free_client = 999998 WHERE id = 1;"
        "COMMIT;";
    assert_int_equal(outside(dir, sql), SQLITE_OK);
}

static void calls_do_not_depend_on_how_many_subjects_there_are(void **state) {
    (void)state;
    const char *dir = hosting_dir(folder, "store");
    ch_hosting_store *s = hosting_open(dir);
    ch_hosted_row row = hosted_row("large");
    row.clients = SUBJECTS;
    int64_t id = 0;
    check_status(ch_hosting_store_job_add(s, &id, &row, "", bytes_of(""), NULL), CHOIR_OK);
    ch_hosting_store_close(s);
    store_fill(dir);
    assert_int_equal(sqlite3_auto_extension((void (*)(void))database_watch), SQLITE_OK);
    s = hosting_open(dir);
    cost.steps = 0;
    cost.scanned = 0;
    const ch_subject subject = subject_named("a", 200);
    ch_subject got;
    uint32_t client = 0;
    int64_t holder = 0;
    check_status(subject_keep(s, &id, &subject, NULL), CHOIR_OK);
    assert_int_equal(id, SUBJECTS + 1);
    check_cheap("a subject that is added");
    check_status(subject_keep(s, &id, &subject, NULL), CHOIR_OK);
    check_cheap("a key that is known");
    check_status(ch_hosting_store_subject(s, &got, 500000, NULL), CHOIR_OK);
    check_cheap("a subject that is read");
    check_status(claim_keep(s, &client, 1, CH_ANY_CLIENT, 999999, NULL), CHOIR_OK);
    assert_int_equal(client, 999998);
    check_cheap("a claim of the lowest that is free");
    check_status(claim_keep(s, &client, 1, 999999, 1000000, NULL), CHOIR_OK);
    check_cheap("a claim of one that is wanted");
    check_status(claim_keep(s, &client, 1, CH_ANY_CLIENT, 1, NULL), CHOIR_OK);
    check_cheap("a claim of who has one");
    check_status(claim_keep(s, &client, 1, CH_ANY_CLIENT, SUBJECTS + 1, NULL), CHOIR_EAGAIN);
    check_cheap("a claim when none is free");
    check_status(ch_hosting_store_client_of(s, &client, 1, 700000, NULL), CHOIR_OK);
    check_status(ch_hosting_store_subject_of(s, &holder, 1, client, NULL), CHOIR_OK);
    assert_int_equal(holder, 700000);
    check_cheap("a client and its subject");
    ch_receipt receipt = {.round = 9, .client = 5};
    check_status(ch_hosting_store_receipt(s, &receipt, 1, 9, 600000, NULL), CHOIR_OK);
    check_cheap("a receipt");
    receipt.round = 10;
    const ch_commit commit = {
        .job = 1, .state = bytes_of("state"), .receipts = &receipt, .receipts_count = 1};
    check_status(ch_hosting_store_commit(s, NULL, &commit, 1, NULL), CHOIR_OK);
    check_cheap("a commit");
    uint64_t count = 0;
    check_status(ch_hosting_store_subjects(s, &count, NULL), CHOIR_OK);
    assert_int_equal(count, SUBJECTS + 1);
    check_cheap("their number");
    ch_hosting_store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_do_not_depend_on_how_many_subjects_there_are),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
