/* Hosting store: jobs come back as they were hosted, and subjects keep their clients. */
#include "support/hosting.h"

static char folder[FOLDER_PATH_MAX];

/* A store of its own for a test. */
static const char *dir_of(const char *name) {
    return hosting_dir(folder, name);
}

// ----- jobs -------------------------------------------------------------------------------------

static void jobs_come_back_as_they_were_hosted(void **state) {
    (void)state;
    const char *dir = dir_of("jobs");
    ch_hosting_store *s = hosting_open(dir);
    for (uint32_t i = 0; i < HOSTILE_COUNT; i++) {
        ch_hosted_row row = hosted_row(HOSTILE[i]);
        row.version = UINT32_MAX - i;
        row.clients = UINT32_MAX;
        row.created_ms = UINT64_MAX;
        int64_t id = 0;
        check_status(ch_hosting_store_job_add(s, &id, &row, HOSTILE[i], bytes_of("b\0b"), NULL),
                     CHOIR_OK);
        assert_int_equal(id, i + 1);
    }
    s = reopen(s, dir);
    for (uint32_t i = 0; i < HOSTILE_COUNT; i++) {
        ch_hosted_row row;
        check_status(ch_hosting_store_job(s, &row, i + 1, NULL), CHOIR_OK);
        assert_string_equal(row.name, HOSTILE[i]);
        assert_true(row.version == UINT32_MAX - i);
        assert_true(row.clients == UINT32_MAX);
        assert_true(row.created_ms == UINT64_MAX);
        assert_int_equal(row.dim, 7);
        assert_string_equal(row.state, "running");
        ch_stored got;
        check_status(ch_hosting_store_job_yaml(s, &got, i + 1, NULL), CHOIR_OK);
        check_bytes(&got, (const uint8_t *)HOSTILE[i], strlen(HOSTILE[i]));
        check_status(ch_hosting_store_job_bundle(s, &got, i + 1, NULL), CHOIR_OK);
        check_bytes(&got, (const uint8_t *)"b", 1);
    }
    ch_stored got;
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_job_yaml(s, &got, 99, &err), CHOIR_EAGAIN);
    assert_string_equal(err.message, "job 99: there is none");
    check_status(ch_hosting_store_job_bundle(s, &got, 99, NULL), CHOIR_EAGAIN);
    ch_hosting_store_close(s);
}

static void job_see(void *self, const ch_hosted_row *row) {
    char *seen = self;
    const size_t size = strlen(seen);
    (void)snprintf(seen + size, 200 - size, "%s %u %s;", row->name, row->version, row->state);
}

static void jobs_are_listed_by_name_and_version(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("job list"));
    static const struct {
        const char *name;
        uint32_t version;
    } jobs[] = {{"b", 1}, {"a", 10}, {"a", 9}, {"B", 1}};
    int64_t id = 0;
    for (int i = 0; i < 4; i++) {
        ch_hosted_row row = hosted_row(jobs[i].name);
        row.version = jobs[i].version;
        check_status(ch_hosting_store_job_add(s, &id, &row, "", bytes_of(""), NULL), CHOIR_OK);
    }
    check_status(ch_hosting_store_job_set_state(s, 2, "paused", NULL), CHOIR_OK);
    char seen[200] = "";
    check_status(ch_hosting_store_jobs(s, job_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "B 1 running;a 9 running;a 10 paused;b 1 running;");
    ch_hosting_store_close(s);
}

static void a_version_stops_those_before_it_or_is_not_there(void **state) {
    (void)state;
    const char *dir = dir_of("job succeeds");
    ch_hosting_store *s = hosting_open(dir);
    static const char *const states[] = {"finished", "paused", "running"};
    int64_t id = 0;
    for (uint32_t i = 0; i < 3; i++) {
        ch_hosted_row row = hosted_row("a");
        row.version = i + 1;
        (void)snprintf(row.state, sizeof(row.state), "%s", states[i]);
        check_status(ch_hosting_store_job_add(s, &id, &row, "", bytes_of(""), NULL), CHOIR_OK);
    }
    ch_hosted_row row = hosted_row("b");
    check_status(ch_hosting_store_job_add(s, &id, &row, "", bytes_of(""), NULL), CHOIR_OK);
    row = hosted_row("a");
    row.version = 3;
    check_status(ch_hosting_store_job_succeed(s, &id, &row, "", bytes_of(""), NULL), CHOIR_EINVAL);
    char seen[200] = "";
    check_status(ch_hosting_store_jobs(s, job_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "a 1 finished;a 2 paused;a 3 running;b 1 running;");
    row.version = 4;
    check_status(ch_hosting_store_job_succeed(s, &id, &row, "", bytes_of(""), NULL), CHOIR_OK);
    assert_int_equal(id, 5);
    s = reopen(s, dir);
    seen[0] = '\0';
    check_status(ch_hosting_store_jobs(s, job_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "a 1 finished;a 2 stopped;a 3 stopped;a 4 running;b 1 running;");
    ch_hosting_store_close(s);
}

static void jobs_are_removed_together_or_not_at_all(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("jobs removed"));
    int64_t id = 0;
    for (uint32_t i = 1; i <= 3; i++) {
        ch_hosted_row row = hosted_row("a");
        row.version = i;
        check_status(ch_hosting_store_job_add(s, &id, &row, "", bytes_of(""), NULL), CHOIR_OK);
    }
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_jobs_remove(s, (int64_t[]){1, 9}, 2, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "job 9: there is none");
    check_status(ch_hosting_store_jobs_remove(s, (int64_t[]){1, 3}, 2, NULL), CHOIR_OK);
    char seen[200] = "";
    check_status(ch_hosting_store_jobs(s, job_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "a 2 running;");
    ch_hosting_store_close(s);
}

static void what_is_no_job_is_refused(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("job refused"));
    ch_hosted_row row = hosted_row("mnist");
    int64_t id = 0;
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_job_add(s, &id, &row, "", bytes_of(""), NULL), CHOIR_OK);
    check_status(ch_hosting_store_job_add(s, &id, &row, "", bytes_of(""), &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "job 'mnist': version 1 is hosted already");
    assert_int_equal(id, 1);
    check_status(ch_hosting_store_job_set_state(s, 1, "asleep", &err), CHOIR_EINVAL);
    check_message(&err, "state 'asleep' is not one of running, paused, stopped, finished, failed");
    check_status(ch_hosting_store_job_set_state(s, 2, "paused", &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "job 2: there is none");
    row.version = 2;
    (void)snprintf(row.state, sizeof(row.state), "new");
    check_status(ch_hosting_store_job_add(s, &id, &row, "", bytes_of(""), &err), CHOIR_EINVAL);
    check_status(ch_hosting_store_job(s, &row, 2, NULL), CHOIR_EAGAIN);
    check_status(ch_hosting_store_job_remove(s, 2, NULL), CHOIR_EINVAL);
    ch_hosting_store_close(s);
}

static void a_removed_job_leaves_nothing_and_takes_nothing_of_others(void **state) {
    (void)state;
    const char *dir = dir_of("job removed");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    check_status(history_add(s, 1, NULL), CHOIR_OK);
    uint32_t client = 0;
    int64_t id = 1; // the history's subject
    check_status(ch_hosting_store_client_of(s, &client, 1, id, NULL), CHOIR_OK);
    check_status(ch_hosting_store_job_remove(s, 1, NULL), CHOIR_OK);
    s = reopen(s, dir);
    check_round(s, 2, 1);
    static history_part part;
    ch_commit commit;
    history_commit(&commit, &part, 1, 1);
    ch_stored got;
    ch_stored other;
    ch_receipt receipt;
    check_status(ch_hosting_store_model(s, &got, part.closed.model, NULL), CHOIR_EAGAIN);
    check_status(ch_hosting_store_state(s, &got, &other, 1, NULL), CHOIR_EAGAIN);
    check_status(ch_hosting_store_receipt(s, &receipt, 1, 1, 0, NULL), CHOIR_EAGAIN);
    check_status(ch_hosting_store_client_of(s, &client, 1, id, NULL), CHOIR_EAGAIN);
    check_status(ch_hosting_store_job_yaml(s, &got, 1, NULL), CHOIR_EAGAIN);
    const ch_hosted_row row = hosted_row("first");
    check_status(ch_hosting_store_job_add(s, &id, &row, "", bytes_of(""), NULL), CHOIR_OK);
    assert_int_equal(id, 3); // not 1: tokens and receipts name jobs by it
    ch_hosting_store_close(s);
    assert_int_equal(outside(dir, "SELECT 1"), SQLITE_OK);
}

// ----- the roster -------------------------------------------------------------------------------

static void roster_begin(ch_hosting_store *s, uint32_t clients, uint8_t subjects) {
    ch_hosted_row row = hosted_row("job");
    row.clients = clients;
    int64_t id = 0;
    check_status(ch_hosting_store_job_add(s, &id, &row, "", bytes_of(""), NULL), CHOIR_OK);
    for (uint8_t i = 0; i < subjects; i++) {
        const ch_subject subject = subject_named("s", i);
        check_status(subject_keep(s, &id, &subject, NULL), CHOIR_OK);
    }
}

static void a_subject_keeps_its_client(void **state) {
    (void)state;
    const char *dir = dir_of("roster");
    ch_hosting_store *s = hosting_open(dir);
    roster_begin(s, 4, 6);
    static const struct {
        int64_t subject;
        uint32_t wanted;
        choir_status status;
        uint32_t client; // what is there after it
    } rows[] = {
        {1, 1, CHOIR_OK, 1},
        {1, CH_ANY_CLIENT, CHOIR_OK, 1}, // what it has
        {1, 3, CHOIR_OK, 1},             // whatever it wants
        {2, 1, CHOIR_EAGAIN, 99},        // another's
        {2, CH_ANY_CLIENT, CHOIR_OK, 0},
        {3, CH_ANY_CLIENT, CHOIR_OK, 2}, // over the one that was wanted
        {4, 4, CHOIR_EINVAL, 99},
        {4, 3, CHOIR_OK, 3},
        {5, CH_ANY_CLIENT, CHOIR_EAGAIN, 99}, // full
        {9, 0, CHOIR_EAGAIN, 99},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t client = 99;
        check_status(claim_keep(s, &client, 1, rows[i].wanted, rows[i].subject, NULL),
                     rows[i].status);
        assert_int_equal(client, rows[i].client);
        s = reopen(s, dir);
    }
    uint32_t client = 99;
    int64_t subject = 0;
    uint32_t claims = 0;
    check_status(ch_hosting_store_claims(s, &claims, 1, NULL), CHOIR_OK);
    assert_int_equal(claims, 4);
    check_status(ch_hosting_store_claims(s, &claims, 7, NULL), CHOIR_OK);
    assert_int_equal(claims, 0);
    check_status(claim_keep(s, &client, 7, 0, 5, NULL), CHOIR_EINVAL);
    assert_int_equal(client, 99);
    check_status(ch_hosting_store_client_of(s, &client, 1, 3, NULL), CHOIR_OK);
    assert_int_equal(client, 2);
    check_status(ch_hosting_store_subject_of(s, &subject, 1, 2, NULL), CHOIR_OK);
    assert_int_equal(subject, 3);
    check_status(ch_hosting_store_client_of(s, &client, 1, 5, NULL), CHOIR_EAGAIN);
    check_status(ch_hosting_store_subject_of(s, &subject, 2, 2, NULL), CHOIR_EAGAIN);
    ch_hosting_store_close(s);
}

static void a_claim_of_nobody_leaves_the_client_free(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("roster of nobody"));
    roster_begin(s, 2, 1);
    uint32_t client = 99;
    check_status(claim_keep(s, &client, 1, CH_ANY_CLIENT, 7, NULL), CHOIR_EINVAL);
    check_status(claim_keep(s, &client, 1, CH_ANY_CLIENT, 1, NULL), CHOIR_OK);
    assert_int_equal(client, 0);
    ch_hosting_store_close(s);
}

static void who_comes_together_is_told_apart(void **state) {
    (void)state;
    const char *dir = dir_of("arrivals");
    ch_hosting_store *s = hosting_open(dir);
    roster_begin(s, 3, 0);
    ch_subject subjects[] = {subject_named("a", 1), subject_named("b", 2), subject_named("a", 1)};
    ch_roster_claim claims[] = {
        {.job = 1, .subject = 1, .wanted = CH_ANY_CLIENT},
        {.job = 1, .subject = 9, .wanted = CH_ANY_CLIENT}, // nobody
        {.job = 1, .subject = 2, .wanted = 0},             // the first's
        {.job = 1, .subject = 2, .wanted = CH_ANY_CLIENT},
        {.job = 1, .subject = 1, .wanted = 2}, // has one
        {.job = 9, .subject = 1, .wanted = 2}, // of no job
    };
    const struct {
        choir_status status;
        uint32_t client;
    } wanted[] = {{CHOIR_OK, 0}, {CHOIR_EINVAL, 0}, {CHOIR_EAGAIN, 0},
                  {CHOIR_OK, 1}, {CHOIR_OK, 0},     {CHOIR_EINVAL, 0}};
    const ch_arrivals arrivals = {
        .subjects = subjects, .subjects_count = 3, .claims = claims, .claims_count = 6};
    check_status(ch_hosting_store_commit(s, &arrivals, NULL, 0, NULL), CHOIR_OK);
    assert_int_equal(subjects[0].id, 1);
    assert_int_equal(subjects[1].id, 2);
    assert_int_equal(subjects[2].id, 1);
    for (int i = 0; i < 6; i++) {
        check_status(claims[i].status, wanted[i].status);
        assert_int_equal(claims[i].client, wanted[i].client);
    }
    s = reopen(s, dir);
    uint32_t count = 0;
    check_status(ch_hosting_store_claims(s, &count, 1, NULL), CHOIR_OK);
    assert_int_equal(count, 2);
    ch_hosting_store_close(s);
}

static void who_comes_by_a_commit_that_fails_has_not_come(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("arrivals undone"));
    roster_begin(s, 3, 1);
    ch_subject subject = subject_named("b", 7);
    ch_roster_claim claim = {.job = 1, .subject = 1, .wanted = 0};
    const ch_arrivals arrivals = {
        .subjects = &subject, .subjects_count = 1, .claims = &claim, .claims_count = 1};
    const ch_commit of_no_job = {.job = 9};
    check_status(ch_hosting_store_commit(s, &arrivals, &of_no_job, 1, NULL), CHOIR_EINVAL);
    uint64_t subjects = 0;
    uint32_t claims = 0;
    check_status(ch_hosting_store_subjects(s, &subjects, NULL), CHOIR_OK);
    check_status(ch_hosting_store_claims(s, &claims, 1, NULL), CHOIR_OK);
    assert_int_equal(subjects, 1);
    assert_int_equal(claims, 0);
    ch_hosting_store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_come_back_as_they_were_hosted),
        cmocka_unit_test(jobs_are_listed_by_name_and_version),
        cmocka_unit_test(a_version_stops_those_before_it_or_is_not_there),
        cmocka_unit_test(jobs_are_removed_together_or_not_at_all),
        cmocka_unit_test(what_is_no_job_is_refused),
        cmocka_unit_test(a_removed_job_leaves_nothing_and_takes_nothing_of_others),
        cmocka_unit_test(a_subject_keeps_its_client),
        cmocka_unit_test(a_claim_of_nobody_leaves_the_client_free),
        cmocka_unit_test(who_comes_together_is_told_apart),
        cmocka_unit_test(who_comes_by_a_commit_that_fails_has_not_come),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
