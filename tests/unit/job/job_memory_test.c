/*
 * Job: every failed allocation is reported and leaks nothing.
 *
 * libyaml allocates by itself, so this program puts its own malloc before libc's. A sanitizer does
 * the same and would not tolerate a second one; under it the test is skipped. So it is under
 * valgrind, which puts its own before ours.
 */
#include "support/check.h"
#include "support/sanitizers.h"

#include "choir/job.h"

#include <string.h>

#if HAS_SANITIZER || !defined(__GLIBC__)

int main(void) {
    return 77; // what ctest takes for "skipped"
}

#else

void *__libc_malloc(size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t align, size_t bytes);
void __libc_free(void *block);

// What stands here is what libyaml calls too: the program comes before any library.
#define SEEN_BY_ALL __attribute__((visibility("default")))
SEEN_BY_ALL void *malloc(size_t bytes);
SEEN_BY_ALL void *realloc(void *block, size_t bytes);
SEEN_BY_ALL void *aligned_alloc(size_t align, size_t bytes);
SEEN_BY_ALL void free(void *block);

// The compiler knows malloc and believes that it reads none of these.
static volatile bool is_counting;
static volatile uint32_t until_failure;
static volatile int32_t alive;

static bool fails_now(void) {
    if (is_counting && until_failure == 0) {
        return true;
    }
    until_failure -= is_counting ? 1 : 0;
    return false;
}

static void *counted(void *block) {
    alive += is_counting && block != NULL ? 1 : 0;
    return block;
}

void *malloc(size_t bytes) {
    return fails_now() ? NULL : counted(__libc_malloc(bytes));
}

void *aligned_alloc(size_t align, size_t bytes) {
    return fails_now() ? NULL : counted(__libc_memalign(align, bytes));
}

void *realloc(void *block, size_t bytes) {
    if (fails_now()) {
        return NULL;
    }
    return block == NULL ? counted(__libc_realloc(block, bytes)) : __libc_realloc(block, bytes);
}

void free(void *block) {
    alive -= is_counting && block != NULL ? 1 : 0;
    __libc_free(block);
}

static const char TEXT[] = "name: a\nmodel: {name: mlp, hidden: [200, 100]}\nclient:\n  epochs: 5\n"
                           "data: {source: \"a long enough text, in quotes, to need its room\"}\n";

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    choir_status status = CHOIR_ENOMEM;
    uint32_t n = 0;
    for (; status == CHOIR_ENOMEM && n < 1000; n++) {
        choir_job job = {.seed = 99};
        choir_error err = {.message = ""};
        alive = 0;
        until_failure = n;
        is_counting = true;
        status = choir_job_parse(&job, TEXT, strlen(TEXT), "a.yaml", NULL, 0, &err);
        is_counting = false;
        assert_int_equal(alive, 0);
        assert_true(job.seed == (status == CHOIR_OK ? 1U : 99U));
    }
    check_status(status, CHOIR_OK);
    assert_in_range(n, 10, 999);
}

static void a_file_without_memory_to_read_it_is_reported(void **state) {
    (void)state;
    choir_job job;
    choir_error err = {.message = ""};
    until_failure = 0;
    is_counting = true;
    const choir_status status = choir_job_read(&job, "a.yaml", NULL, 0, &err);
    is_counting = false;
    check_status(status, CHOIR_ENOMEM);
    assert_string_equal(err.message, "a.yaml: no memory to read it");
}

/* Whether malloc is ours. */
static bool is_heard(void) {
    until_failure = UINT32_MAX;
    is_counting = true;
    void *volatile block = malloc(1);
    is_counting = false;
    free(block);
    const bool heard = alive == 1;
    alive = 0;
    return heard;
}

int main(void) {
    if (!is_heard()) {
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
        cmocka_unit_test(a_file_without_memory_to_read_it_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
