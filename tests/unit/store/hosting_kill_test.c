/*
 * Hosting store: killed at random moments, it holds what was acknowledged and at most one commit
 * more.
 *
 * CHOIR_KILLS sets how often (20). Delays are shares, from a fixed seed, of what some commits take
 * on this machine; where in a commit they fall is no seed's.
 */
#include "support/hosting.h"

#include "base/rng.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { KILLS = 20, KILLS_PER_STORE = 20, COMMITS_MAX = 8 };

static char folder[FOLDER_PATH_MAX];

/* Commits for ever, and says each on the pipe once it is acknowledged. */
static void commit_for_ever(const char *dir, int acknowledged) {
    ch_hosting_store *s = hosting_open(dir);
    uint32_t n = history_length(s);
    if (history_begin(s, NULL) != CHOIR_OK) { // it may have been killed between two of its jobs
        _exit(1);
    }
    while (history_add(s, n + 1, NULL) == CHOIR_OK) {
        n += 1;
        if (write(acknowledged, &n, sizeof(n)) != sizeof(n)) {
            _exit(1);
        }
    }
    _exit(1);
}

static void wait_us(uint32_t us) {
    const struct timespec delay = {.tv_sec = us / 1000000, .tv_nsec = 1000L * (us % 1000000)};
    (void)nanosleep(&delay, NULL);
}

/* A process that commits to dir; what it acknowledges comes out of *acknowledged. */
static pid_t begin(const char *dir, int *acknowledged) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        commit_for_ever(dir, ends[1]);
    }
    (void)close(ends[1]);
    *acknowledged = ends[0];
    return child;
}

static void end(pid_t child) {
    int how = 0;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how)); // it had not ended by itself
}

/* How long it takes to begin and commit COMMITS_MAX times, us: here, now, under whatever watches.
 */
static uint32_t commits_us(const char *dir) {
    struct timespec before;
    struct timespec after;
    int acknowledged;
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    const pid_t child = begin(dir, &acknowledged);
    uint32_t n = 0;
    while (n < COMMITS_MAX) {
        assert_int_equal(read(acknowledged, &n, sizeof(n)), sizeof(n));
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    end(child);
    (void)close(acknowledged);
    const int64_t us =
        (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
    assert_in_range(us, 1, 600 * 1000000);
    return (uint32_t)us;
}

/* Returns the last commit that a killed process acknowledged; known when it came to none. */
static uint32_t killed_after(const char *dir, uint32_t known, uint32_t us) {
    int acknowledged;
    const pid_t child = begin(dir, &acknowledged);
    wait_us(us);
    end(child);
    uint32_t n = known;
    while (read(acknowledged, &n, sizeof(n)) == sizeof(n)) {
    }
    (void)close(acknowledged);
    return n;
}

static void a_killed_store_holds_what_was_acknowledged(void **state) {
    (void)state;
    const char *wanted = getenv("CHOIR_KILLS");
    const uint32_t kills = wanted != NULL ? (uint32_t)strtoul(wanted, NULL, 10) : KILLS;
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, 0);
    char dir[FOLDER_PATH_MAX];
    (void)snprintf(dir, sizeof(dir), "%.300s/measured", folder);
    const uint32_t most_us = commits_us(dir);
    uint32_t length = 0;
    uint32_t total = 0;
    for (uint32_t i = 0; i < kills; i++) {
        if (i % KILLS_PER_STORE == 0) {
            (void)snprintf(dir, sizeof(dir), "%.300s/store", folder);
            folder_remove(dir);
            length = 0;
        }
        const uint32_t acknowledged =
            killed_after(dir, length, (uint32_t)(most_us * ch_rng_unit(&rng)));
        ch_hosting_store *s = hosting_open(dir);
        total -= length;
        length = history_length(s);
        total += length;
        if (length != acknowledged && length != acknowledged + 1) {
            fail_msg("kill %u: %u commits acknowledged, %u held", i, acknowledged, length);
        }
        ch_hosting_store_close(s);
    }
    assert_true(total > 0); // it was not killed before it began, each time
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_store_holds_what_was_acknowledged),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
