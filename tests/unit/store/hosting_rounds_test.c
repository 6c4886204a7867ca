/* Hosting store: a commit is kept whole or not at all; what rounds left is there until pruned. */
#include "support/hosting.h"

static char folder[FOLDER_PATH_MAX];

/* A store of its own for a test. */
static const char *dir_of(const char *name) {
    return hosting_dir(folder, name);
}

// ----- commits ----------------------------------------------------------------------------------

static void commits_come_back_as_they_were_made(void **state) {
    (void)state;
    const char *dir = dir_of("commits");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    assert_int_equal(history_length(s), 0);
    for (uint32_t n = 1; n <= 5; n++) {
        check_status(history_add(s, n, NULL), CHOIR_OK);
        assert_int_equal(history_length(s), n);
    }
    s = reopen(s, dir);
    assert_int_equal(history_length(s), 5);
    ch_hosting_store_close(s);
}

static void a_commit_changes_only_what_it_has(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("parts of commits"));
    check_status(history_begin(s, NULL), CHOIR_OK);
    const ch_receipt receipt = {.round = 1, .client = 7, .digest = {7}};
    const ch_commit first = {.job = 1, .state = bytes_of("state"), .open_round = bytes_of("open")};
    const ch_commit second = {.job = 1,
                              .open_round = bytes_of("more"),
                              .receipts = &receipt,
                              .receipts_count = 1,
                              .job_state = "paused"};
    const ch_commit third = {.job = 1};
    ch_stored kept;
    ch_stored open_round;
    check_status(ch_hosting_store_commit(s, NULL, &first, 1, NULL), CHOIR_OK);
    check_status(ch_hosting_store_commit(s, NULL, &second, 1, NULL), CHOIR_OK);
    check_status(ch_hosting_store_state(s, &kept, &open_round, 1, NULL), CHOIR_OK);
    check_bytes(&kept, (const uint8_t *)"state", 5);
    check_bytes(&open_round, (const uint8_t *)"more", 4);
    check_status(ch_hosting_store_commit(s, NULL, &third, 1, NULL), CHOIR_OK);
    check_status(ch_hosting_store_commit(s, NULL, NULL, 0, NULL), CHOIR_OK);
    check_status(ch_hosting_store_state(s, &kept, &open_round, 1, NULL), CHOIR_OK);
    check_bytes(&kept, (const uint8_t *)"state", 5);
    assert_null(open_round.data);
    ch_hosted_row row;
    check_status(ch_hosting_store_job(s, &row, 1, NULL), CHOIR_OK);
    assert_string_equal(row.state, "paused");
    uint32_t count = 0;
    check_status(ch_hosting_store_receipts(s, 1, 1, count_receipt, &count, NULL), CHOIR_OK);
    assert_int_equal(count, 1);
    ch_hosting_store_close(s);
}

/* The second part of a commit is refused: nothing of the first is kept. */
static void check_refused(ch_hosting_store *s, const ch_commit *second, const char *message) {
    static history_part part;
    ch_commit commits[2];
    history_commit(&commits[0], &part, 1, 2);
    commits[1] = *second;
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_commit(s, NULL, commits, 2, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, message);
    assert_int_equal(history_length(s), 1);
}

static void a_commit_that_is_refused_leaves_nothing(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("commits refused"));
    check_status(history_begin(s, NULL), CHOIR_OK);
    check_status(history_add(s, 1, NULL), CHOIR_OK);
    static history_part part;
    ch_commit second;
    history_commit(&second, &part, 2, 2);
    second.job = 3;
    check_refused(s, &second, "job 3: there is none");
    second.job = 2;
    second.job_state = "gone";
    check_refused(s, &second,
                  "job: state 'gone' is not one of running, paused, stopped, finished, failed");
    second.job_state = NULL;
    part.receipts[1].round = 1;
    check_refused(s, &second, "job 2: client 1 has a receipt for round 1 already");
    part.receipts[1].round = 2;
    part.receipts[1].client = 0;
    check_refused(s, &second, "job 2: client 0 has a receipt for round 2 already");
    part.receipts[1].client = 1;
    part.closed.round = 1;
    check_refused(s, &second, "job 2: round 1 has closed already");
    part.closed.round = 2;
    part.closed.params.size = 0;
    check_refused(s, &second, "job 2: the model of round 2 has no parameters here");
    second.job = 1;
    check_refused(s, &second, "job 1: is in the commit twice, once is allowed");
    check_status(history_add(s, 2, NULL), CHOIR_OK);
    assert_int_equal(history_length(s), 2);
    ch_hosting_store_close(s);
}

static bool is_there(const char *dir, const char *name) {
    return access(folder_file(dir, name), F_OK) == 0;
}

/* Commits an open round of that many bytes and reads it back, also from a store opened anew. */
static ch_hosting_store *check_open_round(ch_hosting_store *s, const char *dir, uint8_t *bytes,
                                          size_t size) {
    bytes[size > 0 ? size / 2 : 0] += 1;
    const ch_commit commit = {.job = 1, .state = bytes_of("state"), .open_round = {bytes, size}};
    check_status(ch_hosting_store_commit(s, NULL, &commit, 1, NULL), CHOIR_OK);
    for (int i = 0; i < 2; i++) {
        ch_stored between;
        ch_stored open_round;
        check_status(ch_hosting_store_state(s, &between, &open_round, 1, NULL), CHOIR_OK);
        ch_stored_release(&between);
        check_bytes(&open_round, bytes, size);
        s = i == 0 ? reopen(s, dir) : s;
    }
    return s;
}

static void open_rounds_grow_shrink_and_go(void **state) {
    (void)state;
    enum { LIMIT = 256 << 10 };
    static uint8_t bytes[3 * LIMIT];
    static const size_t sizes[] = {1,     LIMIT, LIMIT + 1, 3 * LIMIT, LIMIT + 9, 2 * LIMIT, 7,
                                   LIMIT, 0,     3 * LIMIT, 0,         LIMIT + 1, LIMIT + 1};
    const char *dir = hosting_dir(folder, "sizes");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        s = check_open_round(s, dir, bytes, sizes[i]);
        // what was opened anew has the file that counts, and no other
        assert_int_equal(is_there(dir, "open-1.0") + is_there(dir, "open-1.1"),
                         sizes[i] > LIMIT ? 1 : 0);
    }
    folder_put(folder_file(dir, "open-notes.txt"), "mine", 4);
    s = check_open_round(s, dir, bytes, 2 * LIMIT);
    check_status(ch_hosting_store_job_remove(s, 1, NULL), CHOIR_OK);
    assert_false(is_there(dir, "open-1.0") || is_there(dir, "open-1.1"));
    s = reopen(s, dir);
    assert_true(is_there(dir, "open-notes.txt"));
    ch_hosting_store_close(s);
}

static void round_see(void *self, const ch_round_row *row) {
    char *seen = self;
    const size_t size = strlen(seen);
    (void)snprintf(seen + size, 400 - size, "%u %.*s %d;", row->round, (int)row->summary.size,
                   (const char *)row->summary.data, row->has_model);
}

static void rounds_are_listed_in_parts(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("rounds"));
    check_status(history_begin(s, NULL), CHOIR_OK);
    for (uint32_t n = 1; n <= 5; n++) {
        check_status(history_add(s, n, NULL), CHOIR_OK);
    }
    char seen[400] = "";
    check_status(ch_hosting_store_rounds(s, 1, 2, 2, round_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "2 {\"round\":2,\"job\":1} 1;3 {\"round\":3,\"job\":1} 1;");
    uint8_t model[CHOIR_HASH_BYTES];
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_round_model(s, model, 1, 6, &err), CHOIR_EAGAIN);
    assert_string_equal(err.message, "job 1: round 6 has not closed");
    ch_hosting_store_close(s);
}

/* An evaluation is known after its round; that alone is another then. */
static void what_is_said_of_a_round_may_be_said_anew(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("told again"));
    check_status(history_begin(s, NULL), CHOIR_OK);
    for (uint32_t n = 1; n <= 3; n++) {
        check_status(history_add(s, n, NULL), CHOIR_OK);
    }
    ch_closed_round again = {.round = 2, .is_told = true, .summary = bytes_of("more")};
    const ch_commit commit = {.job = 1, .closed = &again, .closed_count = 1};
    uint8_t models[2][CHOIR_HASH_BYTES];
    check_status(ch_hosting_store_round_model(s, models[0], 1, 2, NULL), CHOIR_OK);
    check_status(ch_hosting_store_commit(s, NULL, &commit, 1, NULL), CHOIR_OK);
    char seen[400] = "";
    check_status(ch_hosting_store_rounds(s, 1, 1, 3, round_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "1 {\"round\":1,\"job\":1} 1;2 more 1;3 {\"round\":3,\"job\":1} 1;");
    check_status(ch_hosting_store_round_model(s, models[1], 1, 2, NULL), CHOIR_OK);
    assert_memory_equal(models[0], models[1], sizeof(models[0]));
    again.round = 4;
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_commit(s, NULL, &commit, 1, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "job 1: round 4 has not closed yet");
    ch_hosting_store_close(s);
}

static void pruning_keeps_the_last_the_told_and_what_others_hold(void **state) {
    (void)state;
    const char *dir = dir_of("pruned");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    for (uint32_t n = 1; n <= 6; n++) {
        check_status(history_add(s, n, NULL), CHOIR_OK);
    }
    // another job came to the same model as round 4 of the first, and does not bring it again
    static history_part part;
    ch_commit commit;
    history_commit(&commit, &part, 1, 4);
    part.closed.params.size = 0;
    part.closed.round = 7;
    const ch_commit same = {.job = 2, .closed = &part.closed, .closed_count = 1};
    check_status(ch_hosting_store_commit(s, NULL, &same, 1, NULL), CHOIR_OK);
    const uint32_t kept[] = {2, 9, 2};
    check_status(ch_hosting_store_prune(s, 1, 1, kept, 3, NULL), CHOIR_OK);
    check_status(ch_hosting_store_prune(s, 1, 0, kept, 3, NULL), CHOIR_OK); // no more than that
    s = reopen(s, dir);
    for (uint32_t n = 1; n <= 6; n++) {
        const bool is_kept = n == 2 || n == 6;
        const choir_status wanted = is_kept ? CHOIR_OK : CHOIR_EAGAIN;
        history_commit(&commit, &part, 1, n);
        ch_stored got;
        check_status(ch_hosting_store_model(s, &got, part.closed.model, NULL),
                     n == 4 ? CHOIR_OK : wanted);
        ch_stored_release(&got);
        check_status(ch_hosting_store_sum(s, &got, 1, n, NULL), wanted);
        ch_stored_release(&got);
        ch_receipt receipt;
        check_status(ch_hosting_store_receipt(s, &receipt, 1, n, 1, NULL), wanted);
        check_round(s, 2, n);
        uint8_t model[CHOIR_HASH_BYTES];
        check_status(ch_hosting_store_round_model(s, model, 1, n, NULL), CHOIR_OK);
    }
    char seen[400] = "";
    check_status(ch_hosting_store_rounds(s, 1, 5, 9, round_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "5 {\"round\":5,\"job\":1} 0;6 {\"round\":6,\"job\":1} 1;");
    check_status(ch_hosting_store_prune(s, 3, 1, NULL, 0, NULL), CHOIR_EINVAL);
    ch_hosting_store_close(s);
}

static void sums_of_older_rounds_go_and_nothing_else(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("sums pruned"));
    check_status(history_begin(s, NULL), CHOIR_OK);
    check_status(ch_hosting_store_sums_prune(s, 1, 2, NULL), CHOIR_OK);
    for (uint32_t n = 1; n <= 5; n++) {
        check_status(history_add(s, n, NULL), CHOIR_OK);
    }
    check_status(ch_hosting_store_sums_prune(s, 1, 2, NULL), CHOIR_OK);
    for (uint32_t n = 1; n <= 5; n++) {
        ch_stored got;
        check_status(ch_hosting_store_sum(s, &got, 1, n, NULL), n > 3 ? CHOIR_OK : CHOIR_EAGAIN);
        ch_stored_release(&got);
        ch_receipt receipt;
        check_status(ch_hosting_store_receipt(s, &receipt, 1, n, 1, NULL), CHOIR_OK);
        check_round(s, 2, n);
    }
    ch_hosting_store_close(s);
}

/* Keeps the reports of clients 0 and 1 in a round, the second's with its update. */
static void updates_commit(ch_hosting_store *s, int64_t job, uint32_t round, const char *update) {
    const ch_receipt receipts[] = {
        {.round = round, .client = 0, .digest = {1}},
        {.round = round, .client = 1, .digest = {2}, .update = bytes_of(update)}};
    const ch_closed_round closed = {.round = round,
                                    .summary = bytes_of("{}"),
                                    .model = {(uint8_t)round},
                                    .params = bytes_of("parameters")};
    const ch_commit c = {.job = job,
                         .state = bytes_of("state"),
                         .receipts = receipts,
                         .receipts_count = 2,
                         .closed = &closed,
                         .closed_count = 1};
    check_status(ch_hosting_store_commit(s, NULL, &c, 1, NULL), CHOIR_OK);
}

static void check_update(ch_hosting_store *s, int64_t job, uint32_t round, const char *wanted) {
    ch_stored got;
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_update(s, &got, job, round, 0, &err), CHOIR_EAGAIN);
    assert_non_null(strstr(err.message, "the update of client 0 in round "));
    const choir_status status = ch_hosting_store_update(s, &got, job, round, 1, NULL);
    check_status(status, wanted == NULL ? CHOIR_EAGAIN : CHOIR_OK);
    if (wanted != NULL) {
        check_bytes(&got, (const uint8_t *)wanted, strlen(wanted));
    }
}

static void updates_stay_as_long_as_their_receipts(void **state) {
    (void)state;
    const char *dir = dir_of("updates");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    for (uint32_t round = 1; round <= 3; round++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "update %u", round);
        updates_commit(s, 1, round, text);
    }
    updates_commit(s, 2, 1, "of another job");
    s = reopen(s, dir);
    check_update(s, 1, 1, "update 1");
    check_update(s, 1, 3, "update 3");
    check_status(ch_hosting_store_sums_prune(s, 1, 1, NULL), CHOIR_OK);
    check_update(s, 1, 1, "update 1");
    check_status(ch_hosting_store_prune(s, 1, 1, NULL, 0, NULL), CHOIR_OK);
    check_update(s, 1, 1, NULL);
    check_update(s, 1, 2, NULL);
    check_update(s, 1, 3, "update 3");
    check_update(s, 2, 1, "of another job");
    check_status(ch_hosting_store_job_remove(s, 1, NULL), CHOIR_OK);
    check_update(s, 1, 3, NULL);
    check_update(s, 2, 1, "of another job");
    ch_hosting_store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_come_back_as_they_were_made),
        cmocka_unit_test(a_commit_changes_only_what_it_has),
        cmocka_unit_test(a_commit_that_is_refused_leaves_nothing),
        cmocka_unit_test(open_rounds_grow_shrink_and_go),
        cmocka_unit_test(rounds_are_listed_in_parts),
        cmocka_unit_test(updates_stay_as_long_as_their_receipts),
        cmocka_unit_test(what_is_said_of_a_round_may_be_said_anew),
        cmocka_unit_test(sums_of_older_rounds_go_and_nothing_else),
        cmocka_unit_test(pruning_keeps_the_last_the_told_and_what_others_hold),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
