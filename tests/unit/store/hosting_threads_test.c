/* Hosting store: calls from many threads take turns, and none is lost. */
#include "support/hosting.h"

#include <pthread.h>

enum { THREADS = 4, TURNS = 12 };

static char folder[FOLDER_PATH_MAX];

typedef struct worker {
    ch_hosting_store *store;
    uint32_t number;
    uint32_t client;
    uint32_t failures; // cmocka's checks are for the first thread only
} worker;

static void turn(worker *w, uint32_t n) {
    const ch_receipt receipt = {.round = n, .client = w->client, .digest = {(uint8_t)n}};
    const ch_commit commit = {.job = 1 + w->number % HISTORY_JOBS,
                              .state = bytes_of("state"),
                              .open_round = bytes_of("open"),
                              .receipts = &receipt,
                              .receipts_count = 1};
    ch_receipt got;
    ch_stored between;
    ch_stored open_round;
    w->failures += ch_hosting_store_commit(w->store, NULL, &commit, 1, NULL) != CHOIR_OK;
    w->failures +=
        ch_hosting_store_receipt(w->store, &got, commit.job, n, w->client, NULL) != CHOIR_OK;
    w->failures +=
        ch_hosting_store_state(w->store, &between, &open_round, commit.job, NULL) != CHOIR_OK;
    w->failures += between.size != 5 || open_round.size != 4;
    ch_stored_release(&between);
    ch_stored_release(&open_round);
}

static void *work(void *argument) {
    worker *w = argument;
    const ch_subject subject = subject_named("s", (uint8_t)w->number);
    const int64_t job = 1 + w->number % HISTORY_JOBS;
    int64_t id = 0;
    w->failures += subject_keep(w->store, &id, &subject, NULL) != CHOIR_OK;
    w->failures += claim_keep(w->store, &w->client, job, CH_ANY_CLIENT, id, NULL) != CHOIR_OK;
    for (uint32_t n = 1; n <= TURNS; n++) {
        turn(w, n);
    }
    return NULL;
}

static void every_threads_calls_are_kept(void **state) {
    (void)state;
    const char *dir = hosting_dir(folder, "store");
    ch_hosting_store *s = hosting_open(dir);
    check_status(history_begin(s, NULL), CHOIR_OK);
    worker workers[THREADS];
    pthread_t threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){.store = s, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].failures, 0);
    }
    s = reopen(s, dir);
    for (uint32_t n = 1; n <= TURNS; n++) {
        uint32_t count = 0;
        for (int64_t job = 1; job <= HISTORY_JOBS; job++) {
            check_status(ch_hosting_store_receipts(s, job, n, count_receipt, &count, NULL),
                         CHOIR_OK);
        }
        assert_int_equal(count, THREADS);
    }
    ch_hosting_store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_threads_calls_are_kept),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
