/*
 * Store benchmark: group commits of a hosting store a second, on the disk that DIR is on.
 *
 * A commit has ten receipts and the open round: the integer sum of a model, 8 bytes a parameter.
 * "and closes" also ends the round: its model, its sum and the coordinator's state, 4, 8 and 4
 * bytes a parameter. The ceiling is the same bytes written over an old file, and waited for: what
 * the disk does without a database. All are durable when they are counted. Medians.
 *
 *     build/release/bench/store_bench DIR
 */
#include "store/hosting_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 60, RECEIPTS = 10, DIM_MAX = 1663370, SUM_BYTES = 8, PARAM_BYTES = 4, ROUNDS = 8 };

static uint8_t *bytes; // (DIM_MAX * SUM_BYTES)

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int double_compare(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void fail(const char *what) {
    (void)fprintf(stderr, "store_bench: %s\n", what);
    exit(1);
}

/* What changes between two commits: everything, a little. */
static void bytes_change(size_t size) {
    for (size_t i = 0; i < size; i += 512) {
        bytes[i] += 1;
    }
}

static void print_row(uint32_t dim, const char *what, double times[TURNS]) {
    qsort(times, TURNS, sizeof(times[0]), double_compare);
    const double median = times[TURNS / 2];
    (void)printf("| %7u | %-22s | %5.1f | %7.1f | %7.1f | %8.1f |\n", dim, what,
                 1e-6 * SUM_BYTES * dim, 1e3 * median, 1e3 * times[TURNS * 9 / 10], 1 / median);
}

static void bench_ceiling(const char *dir, uint32_t dim) {
    char path[1024];
    double times[TURNS];
    const size_t size = (size_t)SUM_BYTES * dim;
    (void)snprintf(path, sizeof(path), "%s/ceiling", dir);
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = -2; i < TURNS; i++) {
        bytes_change(size);
        const double start = now_s();
        for (size_t at = 0; at < size;) {
            const ssize_t put = pwrite(file, bytes + at, size - at, (off_t)at);
            if (put <= 0) {
                fail("cannot write");
            }
            at += (size_t)put;
        }
        if (fdatasync(file) != 0) {
            fail("cannot write");
        }
        times[i < 0 ? 0 : i] = now_s() - start;
    }
    (void)close(file);
    (void)unlink(path);
    print_row(dim, "ceiling", times);
}

static void receipts_make(ch_receipt receipts[RECEIPTS], uint32_t turn) {
    for (uint32_t i = 0; i < RECEIPTS; i++) {
        receipts[i] = (ch_receipt){.round = 1 + turn, .client = turn * RECEIPTS + i};
    }
}

/* One commit, timed. */
static double commit_time(ch_hosting_store *s, int64_t job, uint32_t dim, uint32_t turn,
                          bool closes) {
    const size_t params = (size_t)PARAM_BYTES * dim;
    const size_t sum = (size_t)SUM_BYTES * dim;
    ch_receipt receipts[RECEIPTS];
    receipts_make(receipts, turn);
    bytes_change(sum);
    ch_closed_round closed = {.round = 1 + turn, .params = {bytes, params}, .sum = {bytes, sum}};
    memcpy(closed.model, &turn, sizeof(turn));
    const ch_commit commit = {.job = job,
                              .state = {bytes, closes ? params : 0},
                              .open_round = {bytes, closes ? 0 : sum},
                              .receipts = receipts,
                              .receipts_count = RECEIPTS,
                              .closed = &closed,
                              .closed_count = closes ? 1 : 0};
    choir_error err = {.message = ""};
    const double start = now_s();
    if (ch_hosting_store_commit(s, NULL, &commit, 1, &err) != CHOIR_OK) {
        fail(err.message);
    }
    const double seconds = now_s() - start;
    if (turn % ROUNDS == 0 && ch_hosting_store_prune(s, job, 1, NULL, 0, &err) != CHOIR_OK) {
        fail(err.message);
    }
    return seconds;
}

static void bench_commits(ch_hosting_store *s, uint32_t dim, bool closes) {
    double times[TURNS];
    ch_hosted_row row = {.version = dim, .state = "running", .clients = 1, .dim = dim};
    (void)snprintf(row.name, sizeof(row.name), closes ? "closes" : "reports");
    int64_t job = 0;
    choir_error err = {.message = ""};
    const choir_bytes none = {.data = NULL};
    if (ch_hosting_store_job_add(s, &job, &row, "", none, &err) != CHOIR_OK) {
        fail(err.message);
    }
    for (uint32_t i = 0; i < TURNS; i++) {
        times[i] = commit_time(s, job, dim, i, closes);
    }
    print_row(dim, closes ? "commit, and closes" : "commit", times);
}

int main(int argc, char **argv) {
    const choir_env env = choir_env_default();
    ch_hosting_store *s = NULL;
    choir_error err = {.message = ""};
    if (argc != 2) {
        fail("wants a folder: store_bench DIR");
    }
    bytes = calloc(DIM_MAX, SUM_BYTES);
    if (bytes == NULL) {
        fail("out of memory");
    }
    if (ch_hosting_store_open(&s, argv[1], &env, &err) != CHOIR_OK) {
        fail(err.message);
    }
    (void)printf("group commits of %d receipts\n\n", RECEIPTS);
    (void)printf("|   model | what                   |    MB | ms, med | ms, p90 | a second |\n");
    (void)printf("|---------|------------------------|-------|---------|---------|----------|\n");
    static const uint32_t dims[] = {1000, 199210, DIM_MAX};
    for (int i = 0; i < 3; i++) {
        bench_ceiling(argv[1], dims[i]);
        bench_commits(s, dims[i], false);
        bench_commits(s, dims[i], true);
    }
    ch_hosting_store_close(s);
    free(bytes);
    return 0;
}
