/* Compare: what an algorithm needs of a chain. What is run and told: tests/cli/compare_test.py. */
#include "support/check.h"

#include "paper/compare.h"

#include <string.h>

enum { CHAIN_SIZE = CHOIR_CHAIN_TEXT_MAX - 1 }; // of the longest

/* A chain of so many bytes, "clip=1.000|weight": as many zeros as it takes. */
static choir_job job_of(size_t size) {
    static const char head[] = "clip=1.";
    static const char tail[] = "|weight";
    choir_job job = choir_job_defaults();
    memset(job.chain, '0', sizeof(job.chain));
    memcpy(job.chain, head, strlen(head));
    memcpy(job.chain + size - strlen(tail), tail, sizeof(tail));
    assert_int_equal(strlen(job.chain), size);
    return job;
}

static void a_chain_that_has_room_says_uniform(void **state) {
    (void)state;
    static ch_compare c; // too large for a stack
    const choir_job job = job_of(CHAIN_SIZE - 1);
    check_status(ch_compare_init(&c, &job, "q-fedavg", NULL), CHOIR_OK);
    assert_int_equal(strlen(c.rows[0].job.chain), CHAIN_SIZE);
    assert_memory_equal(c.rows[0].job.chain, job.chain, CHAIN_SIZE - strlen("uniform"));
    assert_string_equal(c.rows[0].job.chain + CHAIN_SIZE - strlen("uniform"), "uniform");
    assert_memory_equal(c.rows[0].set, "chain=", 6);
    assert_string_equal(c.rows[0].set + 6, c.rows[0].job.chain);
}

static void a_chain_that_has_none_is_refused_and_not_cut(void **state) {
    (void)state;
    static ch_compare c;
    const choir_job job = job_of(CHAIN_SIZE);
    choir_error err = {.message = ""};
    check_status(ch_compare_init(&c, &job, "fedavg,fedprox", NULL), CHOIR_OK); // need no uniform
    assert_string_equal(c.rows[1].set, "client.proximal_mu=0.1");
    assert_string_equal(c.rows[1].job.chain, job.chain);
    check_status(ch_compare_init(&c, &job, "q-fedavg", &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "chain: is too long to say uniform for its weight, as "
                                     "'q-fedavg' may need; at most 126 bytes then");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_that_has_room_says_uniform),
        cmocka_unit_test(a_chain_that_has_none_is_refused_and_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
