/* Session: it claims what its job can use, and names what it cannot get. */
#include "support/tiny_job.h"

#include "run/session.h"

#include <string.h>

/* An environment that counts bytes. */
typedef struct measured_memory {
    choir_env real;
    size_t bytes;
} measured_memory;

static void *measured_alloc(void *self, size_t bytes) {
    measured_memory *m = self;
    m->bytes += bytes;
    return m->real.alloc(m->real.self, bytes);
}

static void measured_free(void *self, void *block) {
    const measured_memory *m = self;
    m->real.free(m->real.self, block);
}

static choir_env measured_env(measured_memory *m) {
    *m = (measured_memory){.real = choir_env_default()};
    choir_env env = m->real;
    env.alloc = measured_alloc;
    env.free = measured_free;
    env.self = m;
    return env;
}

static size_t bytes_of(const choir_job *job, bool pooled) {
    measured_memory memory;
    const choir_env env = measured_env(&memory);
    ch_session s;
    check_status(
        ch_session_open(&s, job, 2, pooled ? CH_SESSION_POOL : CH_SESSION_TRAIN, &env, NULL),
        CHOIR_OK);
    ch_session_release(&s);
    return memory.bytes;
}

static void a_batch_larger_than_any_client_takes_no_memory(void **state) {
    (void)state;
    choir_job job = tiny_job();
    job.data.examples = 300; // more than evaluation works on at once
    job.batch_size = 0;
    const size_t whole = bytes_of(&job, false);
    const size_t whole_pooled = bytes_of(&job, true);
    job.batch_size = 200000;
    assert_int_equal(bytes_of(&job, false), whole);
    assert_int_equal(bytes_of(&job, true), whole_pooled);
    job.batch_size = 20;
    assert_true(bytes_of(&job, false) < whole);
}

static void every_failed_allocation_says_what_it_was_for(void **state) {
    (void)state;
    const choir_job job = tiny_job();
    failing_memory m = {.tries = 0};
    uint32_t steps = 0;
    while (failing_memory_next(&m)) {
        ch_session s;
        choir_error err = {.message = ""};
        m.status = ch_session_open(&s, &job, 2, CH_SESSION_TRAIN, &m.env, &err);
        ch_session_release(&s);
        if (m.status != CHOIR_OK && err.message[0] == '\0') {
            fail_msg("allocation %u fails without a word", m.tries - 1);
        }
        steps += strstr(err.message, "client.batch_size") != NULL ? 1 : 0;
    }
    assert_int_equal(steps, 2); // one a worker
}

static void a_backend_that_is_not_there_is_told_from_those_that_are(void **state) {
    (void)state;
    static const struct {
        const char *backend;
        const char *begins;
    } rows[] = {
        {"referense",
         "backend: 'referense' is unknown; did you mean 'reference'? there are auto, "},
        {"basline",
         "backend: 'basline' is unknown; did you mean 'vector-baseline'? there are auto"},
        {"quantum", "backend: 'quantum' is unknown; there are auto, "},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_job job = tiny_job();
        (void)snprintf(job.backend, sizeof(job.backend), "%s", rows[i].backend);
        ch_session s;
        choir_error err = {.message = ""};
        check_status(ch_session_open(&s, &job, 1, CH_SESSION_TRAIN, &env, &err), CHOIR_EINVAL);
        ch_session_release(&s);
        assert_memory_equal(err.message, rows[i].begins, strlen(rows[i].begins));
        assert_non_null(strstr(err.message, ", vector-baseline, reference"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_larger_than_any_client_takes_no_memory),
        cmocka_unit_test(a_backend_that_is_not_there_is_told_from_those_that_are),
        cmocka_unit_test(every_failed_allocation_says_what_it_was_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
