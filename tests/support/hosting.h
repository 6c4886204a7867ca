/*
 * A history of commits to a hosting store that is known beforehand: by the n-th, from 1, subject n
 * comes, becomes client n - 1 of two jobs, and round n of these closes with two receipts each. So
 * whatever happened to a store, one can say how many of
 * them it holds, and that it holds nothing else.
 */
#ifndef CHOIR_TESTS_HOSTING_H
#define CHOIR_TESTS_HOSTING_H

#include "support/check.h"
#include "support/folder.h"

#include "base/sha256.h"
#include "store/hosting_store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    HISTORY_JOBS = 2,
    HISTORY_CLIENTS = 2,
    HISTORY_BYTES = 40000,       // of a model, a sum, and the first job's open round
    HISTORY_BYTES_LARGE = 300000 // of the second job's open round, which is not in the database
};

/* Of the second job's open round; a test may want it smaller. */
static uint32_t history_bytes_open = HISTORY_BYTES_LARGE;

static inline choir_bytes bytes_of(const char *text) {
    return (choir_bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

static inline ch_hosting_store *hosting_open(const char *dir) {
    const choir_env env = choir_env_default();
    ch_hosting_store *s = NULL;
    choir_error err = {.message = ""};
    if (ch_hosting_store_open(&s, dir, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return s;
}

/* folder/name, for a store. Borrowed until it has been called FOLDER_PATHS times more. */
static inline const char *hosting_dir(const char *folder, const char *name) {
    static char dirs[FOLDER_PATHS][FOLDER_PATH_MAX];
    static int turn;
    turn = (turn + 1) % FOLDER_PATHS;
    (void)snprintf(dirs[turn], sizeof(dirs[turn]), "%.300s/%.90s", folder, name);
    return dirs[turn];
}

/* Closes and opens again: what was kept has to be on the disk. */
static inline ch_hosting_store *reopen(ch_hosting_store *s, const char *dir) {
    ch_hosting_store_close(s);
    return hosting_open(dir);
}

static inline void check_message(const choir_error *err, const char *part) {
    if (strstr(err->message, part) == NULL) {
        fail_msg("'%s' has no '%s'", err->message, part);
    }
}

/* What a child found wrong, as its exit code: 0 when nothing. */
static inline int child_result(int (*run)(const char *dir), const char *dir) {
    const pid_t child = fork();
    if (child == 0) {
        _exit(run(dir));
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how);
}

/* A job of that name, version 1. */
static inline ch_hosted_row hosted_row(const char *name) {
    ch_hosted_row row = {.version = 1, .state = "running", .clients = 100000, .dim = 7};
    (void)snprintf(row.name, sizeof(row.name), "%s", name);
    (void)snprintf(row.digest, sizeof(row.digest), "digest of %.40s", name);
    return row;
}

/* The jobs of a history that are not there yet: they get the ids 1 .. HISTORY_JOBS. */
static inline choir_status history_begin(ch_hosting_store *s, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (int i = 0; i < HISTORY_JOBS && status == CHOIR_OK; i++) {
        const ch_hosted_row row = hosted_row(i == 0 ? "first" : "second");
        ch_hosted_row there;
        int64_t id = 0;
        status = ch_hosting_store_job(s, &there, i + 1, err);
        if (status == CHOIR_EAGAIN) {
            status = ch_hosting_store_job_add(s, &id, &row, "name: job\n", bytes_of("b"), err);
        }
    }
    return status;
}

/* What a hostile client may call itself. */
static const char *const HOSTILE[] = {
    "'; DROP TABLE jobs; --",
    "\" OR 1=1",
    "%s%n%x",
    "../../../etc/passwd",
    "line\nbreak\ttab\x01\x7f",
    "\xff\xfe not UTF-8 \xc0\x80",
    "\xd8\xa7\xd9\x84 \xe2\x80\xae evil",
    "",
};
enum { HOSTILE_COUNT = sizeof(HOSTILE) / sizeof(HOSTILE[0]) };

/* Runs sql on a store that is closed. Returns SQLite's result. */
static inline int outside(const char *dir, const char *sql) {
    char path[FOLDER_PATH_MAX + 16];
    (void)snprintf(path, sizeof(path), "%s/choir.db", dir);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    const int result = sqlite3_exec(db, sql, NULL, NULL, NULL);
    (void)sqlite3_close(db);
    return result;
}

static inline ch_subject subject_named(const char *name, uint8_t key) {
    ch_subject subject = {.enrolled_ms = UINT64_MAX, .platform = "linux", .version = "1.2"};
    memset(subject.key, key, sizeof(subject.key));
    (void)snprintf(subject.name, sizeof(subject.name), "%s", name);
    (void)snprintf(subject.tags, sizeof(subject.tags), "%s,%s", name, name);
    return subject;
}

/* Adds a subject, by a commit of its own; *id: what it is, or is already. */
static inline choir_status subject_keep(ch_hosting_store *s, int64_t *id, const ch_subject *subject,
                                        choir_error *err) {
    ch_subject kept = *subject;
    kept.id = 0;
    const ch_arrivals arrivals = {.subjects = &kept, .subjects_count = 1};
    const choir_status status = ch_hosting_store_commit(s, &arrivals, NULL, 0, err);
    *id = status == CHOIR_OK ? kept.id : *id;
    return status;
}

/* Claims a client of a job, by a commit of its own. Returns the commit's status, or the claim's. */
static inline choir_status claim_keep(ch_hosting_store *s, uint32_t *client, int64_t job,
                                      uint32_t wanted, int64_t subject, choir_error *err) {
    ch_roster_claim claim = {.job = job, .wanted = wanted, .subject = subject, .client = *client};
    const ch_arrivals arrivals = {.claims = &claim, .claims_count = 1};
    const choir_status status = ch_hosting_store_commit(s, &arrivals, NULL, 0, err);
    *client = status == CHOIR_OK ? claim.client : *client;
    return status == CHOIR_OK ? claim.status : status;
}

/* What the n-th commit has of a job, and where it stands. */
typedef struct history_part {
    ch_receipt receipts[HISTORY_CLIENTS];
    ch_closed_round closed;
    uint8_t bytes[3][HISTORY_BYTES_LARGE]; // open round, params, sum
    char state[64], summary[64];
} history_part;

/* Bytes that differ for every job, commit and purpose. */
static inline void history_fill(uint8_t *out, uint32_t size, int64_t job, uint32_t n, int purpose) {
    for (uint32_t i = 0; i < size; i++) {
        out[i] = (uint8_t)((i * 2654435761U + n * 40503U + (uint32_t)job * 7919U) >> (8 + purpose));
    }
}

static inline void history_commit(ch_commit *out, history_part *p, int64_t job, uint32_t n) {
    const uint32_t open_bytes = job == 2 ? history_bytes_open : HISTORY_BYTES;
    for (int i = 0; i < 3; i++) {
        history_fill(p->bytes[i], i == 0 ? open_bytes : HISTORY_BYTES, job, n, i);
    }
    for (uint32_t i = 0; i < HISTORY_CLIENTS; i++) {
        p->receipts[i] = (ch_receipt){.round = n, .client = i};
        memcpy(p->receipts[i].digest, &p->bytes[0][i], CHOIR_HASH_BYTES);
    }
    (void)snprintf(p->state, sizeof(p->state), "state %u of job %d", n, (int)job);
    (void)snprintf(p->summary, sizeof(p->summary), "{\"round\":%u,\"job\":%d}", n, (int)job);
    p->closed = (ch_closed_round){.round = n,
                                  .summary = bytes_of(p->summary),
                                  .params = {p->bytes[1], HISTORY_BYTES},
                                  .sum = {p->bytes[2], HISTORY_BYTES},
                                  .closed_ms = 1000 - n};      // the clock runs backwards
    ch_sha256_of(p->bytes[1], HISTORY_BYTES, p->closed.model); // two that differ have two names
    *out = (ch_commit){.job = job,
                       .state = bytes_of(p->state),
                       .open_round = {p->bytes[0], open_bytes},
                       .receipts = p->receipts,
                       .receipts_count = HISTORY_CLIENTS,
                       .closed = &p->closed,
                       .closed_count = 1};
}

static inline ch_subject history_subject(uint32_t n) {
    ch_subject subject = {.enrolled_ms = n};
    (void)snprintf((char *)subject.key, sizeof(subject.key), "of history %u", n);
    (void)snprintf(subject.name, sizeof(subject.name), "subject %u", n);
    return subject;
}

/* Makes the n-th commit, in a store whose only subjects are a history's. */
static inline choir_status history_add(ch_hosting_store *s, uint32_t n, choir_error *err) {
    static history_part parts[HISTORY_JOBS];
    ch_commit commits[HISTORY_JOBS];
    ch_roster_claim claims[HISTORY_JOBS];
    ch_subject subject = history_subject(n);
    for (int i = 0; i < HISTORY_JOBS; i++) {
        history_commit(&commits[i], &parts[i], i + 1, n);
        claims[i] = (ch_roster_claim){.job = i + 1, .subject = n, .wanted = n - 1};
    }
    const ch_arrivals arrivals = {
        .subjects = &subject, .subjects_count = 1, .claims = claims, .claims_count = HISTORY_JOBS};
    return ch_hosting_store_commit(s, &arrivals, commits, HISTORY_JOBS, err);
}

static inline void count_round(void *self, const ch_round_row *row) {
    uint32_t *count = self;
    *count += 1;
    assert_int_equal(row->round, *count);
    assert_int_equal(row->closed_ms, 1000 - *count);
    assert_true(row->has_model);
}

static inline void count_receipt(void *self, const ch_receipt *receipt) {
    (void)receipt;
    *(uint32_t *)self += 1;
}

static inline void check_bytes(ch_stored *got, const uint8_t *wanted, size_t size) {
    assert_int_equal(got->size, size);
    assert_memory_equal(got->data, wanted, size);
    ch_stored_release(got);
}

/* That a job's n-th round, and the client of it, are what their commit said. */
static inline void check_round(ch_hosting_store *s, int64_t job, uint32_t n) {
    static history_part part;
    ch_commit commit;
    history_commit(&commit, &part, job, n);
    uint8_t model[CHOIR_HASH_BYTES];
    check_status(ch_hosting_store_round_model(s, model, job, n, NULL), CHOIR_OK);
    assert_memory_equal(model, part.closed.model, sizeof(model));
    ch_stored got;
    check_status(ch_hosting_store_model(s, &got, model, NULL), CHOIR_OK);
    check_bytes(&got, part.bytes[1], HISTORY_BYTES);
    check_status(ch_hosting_store_sum(s, &got, job, n, NULL), CHOIR_OK);
    check_bytes(&got, part.bytes[2], HISTORY_BYTES);
    for (uint32_t i = 0; i < HISTORY_CLIENTS; i++) {
        ch_receipt receipt;
        check_status(ch_hosting_store_receipt(s, &receipt, job, n, i, NULL), CHOIR_OK);
        assert_memory_equal(&receipt, &part.receipts[i], sizeof(receipt));
    }
    const ch_subject wanted = history_subject(n);
    ch_subject subject;
    uint32_t client = 0;
    check_status(ch_hosting_store_subject(s, &subject, n, NULL), CHOIR_OK);
    assert_memory_equal(subject.key, wanted.key, sizeof(wanted.key));
    check_status(ch_hosting_store_client_of(s, &client, job, n, NULL), CHOIR_OK);
    assert_int_equal(client, n - 1);
}

/* The commits that the store holds: each whole, in every job, and nothing of any other. */
static inline uint32_t history_length(ch_hosting_store *s) {
    uint32_t count[HISTORY_JOBS] = {0};
    for (uint32_t i = 0; i < HISTORY_JOBS; i++) {
        const int64_t job = i + 1;
        check_status(ch_hosting_store_rounds(s, job, 0, UINT32_MAX, count_round, &count[i], NULL),
                     CHOIR_OK);
        assert_int_equal(count[i], count[0]);
        for (uint32_t n = count[i] < 3 ? 1 : count[i] - 2; n <= count[i]; n++) {
            check_round(s, job, n);
        }
        uint32_t receipts = 0;
        check_status(
            ch_hosting_store_receipts(s, job, count[i] + 1, count_receipt, &receipts, NULL),
            CHOIR_OK);
        assert_int_equal(receipts, 0);
        ch_stored state;
        ch_stored open_round;
        static history_part part;
        ch_commit commit;
        history_commit(&commit, &part, job, count[i]);
        uint32_t claims = 0;
        check_status(ch_hosting_store_claims(s, &claims, job, NULL), CHOIR_OK);
        assert_int_equal(claims, count[i]);
        const choir_status status = ch_hosting_store_state(s, &state, &open_round, job, NULL);
        check_status(status, count[i] > 0 ? CHOIR_OK : CHOIR_EAGAIN);
        if (count[i] > 0) {
            check_bytes(&state, commit.state.data, commit.state.size);
            check_bytes(&open_round, commit.open_round.data, commit.open_round.size);
        }
    }
    return count[0];
}

/* OK when they are what they have to be; the status of a read that was refused; never other bytes.
 */
static inline choir_status same(choir_status status, ch_stored *got, choir_bytes wanted) {
    if (status == CHOIR_OK) {
        check_bytes(got, wanted.data, wanted.size);
    }
    return status;
}

/* Reads the large values of the first rounds of a history. Returns OK or the first refusal. */
static inline choir_status all_read(ch_hosting_store *s, uint32_t rounds) {
    static history_part part;
    choir_status first = CHOIR_OK;
    for (int64_t job = 1; job <= HISTORY_JOBS; job++) {
        ch_commit commit;
        for (uint32_t n = 1; n <= rounds; n++) {
            history_commit(&commit, &part, job, n);
            ch_stored got;
            choir_status status = ch_hosting_store_model(s, &got, part.closed.model, NULL);
            status = same(status, &got, part.closed.params);
            first = first == CHOIR_OK ? status : first;
            status = ch_hosting_store_sum(s, &got, job, n, NULL);
            status = same(status, &got, part.closed.sum);
            first = first == CHOIR_OK ? status : first;
        }
        ch_stored between;
        ch_stored open_round;
        choir_status status = ch_hosting_store_state(s, &between, &open_round, job, NULL);
        if (status == CHOIR_OK) {
            check_bytes(&between, commit.state.data, commit.state.size);
            status = same(status, &open_round, commit.open_round);
        }
        first = first == CHOIR_OK ? status : first;
    }
    return first;
}

#endif
