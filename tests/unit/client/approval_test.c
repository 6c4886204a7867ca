/* Approval: jobs and tasks that the owner's policy refuses, and what is learnt by training. */
#include "support/check.h"

#include "client/approval.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

static const char JOB[] = "name: letters\nclient: {epochs: 2}\nserver: {quorum: 3}\n"
                          "chain: clip=1|weight\n";

static choir_offer offer_of(const char *text, uint32_t version) {
    return (choir_offer){.job = text,
                         .job_size = strlen(text),
                         .name = "letters",
                         .version = version,
                         .client = 1,
                         .parameters = 10};
}

static choir_task task_of(uint32_t epochs) {
    choir_task task = {.round = 5, .dim = 10, .epochs = epochs};
    (void)snprintf(task.chain, sizeof(task.chain), "clip=1|weight");
    return task;
}

static ch_approval with(choir_policy policy) {
    ch_approval a;
    check_status(ch_approval_init(&a, &policy, NULL), CHOIR_OK);
    return a;
}

/* A host's trainer. */
typedef struct host {
    uint32_t examples;
    uint32_t sleep_ms;
    choir_status status;
} host;

static choir_status host_train(void *self, uint32_t client, const choir_task *task,
                               const float *params, float *delta, choir_training *out,
                               choir_error *err) {
    const host *h = self;
    const struct timespec nap = {.tv_nsec = (long)h->sleep_ms * 1000000};
    (void)client, (void)task, (void)params, (void)delta, (void)err;
    (void)nanosleep(&nap, NULL);
    *out = (choir_training){.examples = h->examples, .metrics = {.examples = h->examples}};
    return h->status;
}

static uint32_t host_examples(void *self, uint32_t client) {
    const host *h = self;
    (void)client;
    return h->examples;
}

static const choir_trainer_ops COUNTS = {.train = host_train, .examples = host_examples};
static const choir_trainer_ops SILENT = {.train = host_train};
static const choir_trainer NOBODY = {.ops = NULL};

static choir_status trains(ch_approval *a, const choir_trainer_ops *ops, host *h,
                           choir_training *out, choir_error *err) {
    const choir_trainer watched = ch_approval_trainer(a, (choir_trainer){.ops = ops, .self = h});
    const choir_task task = task_of(2);
    float numbers[10] = {0};
    return watched.ops->train(watched.self, 0, &task, numbers, numbers, out, err);
}

static void a_policy_that_is_none_is_named(void **state) {
    (void)state;
    ch_approval a;
    choir_error err = {.message = ""};
    const choir_policy policy = {.clip_max = -1};
    check_status(ch_approval_init(&a, &policy, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "clip_max"));
    check_status(ch_approval_init(&a, NULL, &err), CHOIR_OK);
    assert_false(choir_policy_is_set(&a.policy));
}

static void a_job_that_is_refused_is_looked_at_again_after_an_hour(void **state) {
    (void)state;
    ch_approval a = with((choir_policy){.reports_min = 4});
    const choir_offer offer = offer_of(JOB, 1);
    choir_event event = {.kind = CHOIR_EVENT_DONE};
    for (uint64_t now_ms = 1000; now_ms <= 2000; now_ms += 1000) {
        assert_false(ch_approval_of_job(&a, &offer, NOBODY, now_ms, &event));
        assert_int_equal(event.kind, CHOIR_EVENT_REJECTED);
        assert_int_equal(event.round, 0);
        assert_int_equal(event.wake_ms, 1000 + HOUR_MS);
        assert_string_equal(event.message, "letters@1: sum is 3 reports, must be at least 4");
    }
    assert_false(ch_approval_of_job(&a, &offer, NOBODY, 1000 + HOUR_MS, &event));
    assert_true(event.wake_ms <= 1000 + HOUR_MS); // to be joined again
    assert_false(ch_approval_of_job(&a, &offer, NOBODY, 2000 + HOUR_MS, &event));
    assert_int_equal(event.wake_ms, 2000 + 2 * HOUR_MS);
}

static void the_next_version_is_judged_anew(void **state) {
    (void)state;
    ch_approval a = with((choir_policy){.clip_max = 1});
    const choir_offer first = offer_of("name: letters\n", 1);
    const choir_offer next = offer_of(JOB, 2);
    choir_event event;
    assert_false(ch_approval_of_job(&a, &first, NOBODY, 0, &event));
    assert_string_equal(event.message, "letters@1: clip is none, must be at most 1");
    assert_true(ch_approval_of_job(&a, &next, NOBODY, 1, &event));
    assert_false(ch_approval_of_job(&a, &first, NOBODY, 2, &event));
}

static void a_job_that_is_not_understood_is_refused_only_by_a_policy(void **state) {
    (void)state;
    const choir_offer offer = offer_of("name: letters\nretain: true\n", 1);
    const choir_task task = task_of(100);
    choir_event event;
    ch_approval any = with(choir_policy_defaults());
    assert_true(ch_approval_of_job(&any, &offer, NOBODY, 0, &event));
    assert_true(ch_approval_of_task(&any, &task, NOBODY, 0, &event));
    ch_approval some = with((choir_policy){.parameters_max = 1000});
    assert_false(ch_approval_of_job(&some, &offer, NOBODY, 0, &event));
    assert_non_null(strstr(event.message, "letters@1: what it asks is not understood: "));
    assert_non_null(strstr(event.message, "retain"));
}

static void a_task_may_not_ask_for_more_than_the_job_said(void **state) {
    (void)state;
    ch_approval a = with(choir_policy_defaults());
    const choir_offer offer = offer_of(JOB, 1);
    const choir_task same = task_of(2);
    const choir_task more = task_of(3);
    choir_event event = {.kind = CHOIR_EVENT_DONE};
    assert_true(ch_approval_of_job(&a, &offer, NOBODY, 0, &event));
    assert_true(ch_approval_of_task(&a, &same, NOBODY, 0, &event));
    assert_int_equal(event.kind, CHOIR_EVENT_DONE);
    assert_false(ch_approval_of_task(&a, &more, NOBODY, 7, &event));
    assert_int_equal(event.kind, CHOIR_EVENT_REJECTED);
    assert_int_equal(event.round, 5);
    assert_int_equal(event.wake_ms, 7);
    assert_string_equal(event.message, "the task asks for 3 epochs, the offer was at most 2");
}

static void data_are_counted_by_the_trainer(void **state) {
    (void)state;
    ch_approval a = with((choir_policy){.examples_min = 20});
    host h = {.examples = 19};
    const choir_trainer trainer = {.ops = &COUNTS, .self = &h};
    const choir_offer offer = offer_of(JOB, 1);
    choir_event event;
    assert_true(ch_approval_of_job(&a, &offer, NOBODY, 0, &event));
    assert_false(ch_approval_of_job(&a, &offer, trainer, 0, &event));
    assert_string_equal(event.message, "letters@1: data is 19 examples, must be at least 20");
    h.examples = 20;
    assert_true(ch_approval_of_job(&a, &offer, trainer, 1, &event));
    h.examples = 19;
    assert_false(ch_approval_of_job(&a, &offer, trainer, 2, &event));
    assert_int_equal(event.wake_ms, 2 + HOUR_MS);
}

/* One host of many clients. */
static uint32_t third_examples(void *self, uint32_t client) {
    (void)self;
    return client == 3 ? 20 : 0;
}

static void they_are_those_of_the_client_that_the_device_is(void **state) {
    (void)state;
    static const choir_trainer_ops third = {.train = host_train, .examples = third_examples};
    ch_approval a = with((choir_policy){.examples_min = 20});
    const choir_trainer trainer = {.ops = &third};
    choir_offer offer = offer_of(JOB, 1);
    const choir_task task = task_of(2);
    choir_event event;
    offer.client = 3;
    assert_true(ch_approval_of_job(&a, &offer, trainer, 0, &event));
    assert_true(ch_approval_of_task(&a, &task, trainer, 0, &event));
    offer.client = 2; // of the same version, when a server began anew
    assert_false(ch_approval_of_job(&a, &offer, trainer, 0, &event));
    assert_false(ch_approval_of_task(&a, &task, trainer, 0, &event));
}

static void data_that_only_training_counts_are_not_reported_when_they_are_too_few(void **state) {
    (void)state;
    ch_approval a = with((choir_policy){.examples_min = 20});
    host h = {.examples = 20};
    choir_training training = {0};
    choir_error err = {.message = ""};
    check_status(trains(&a, &SILENT, &h, &training, &err), CHOIR_OK);
    assert_int_equal(training.examples, 20);
    h.examples = 19;
    check_status(trains(&a, &SILENT, &h, &training, &err), CHOIR_EAGAIN);
    assert_string_equal(err.message, "data is 19 examples, must be at least 20");
    assert_int_equal(training.examples, 0);
    assert_int_equal(training.metrics.examples, 0);
    const choir_offer offer = offer_of(JOB, 1);
    const choir_trainer trainer = {.ops = &SILENT, .self = &h};
    choir_event event;
    assert_false(ch_approval_of_job(&a, &offer, trainer, 0, &event)); // it is known from now on
}

static void a_training_is_expected_to_take_what_the_fastest_took(void **state) {
    (void)state;
    ch_approval a = with((choir_policy){.training_max_s = 60});
    host h = {.examples = 4, .sleep_ms = 20};
    const choir_trainer trainer = {.ops = &COUNTS, .self = &h};
    const choir_offer offer = offer_of(JOB, 1);
    const choir_task task = task_of(2);
    choir_training training;
    choir_event event = {.kind = CHOIR_EVENT_DONE};
    assert_true(ch_approval_of_job(&a, &offer, trainer, 0, &event));
    h.examples = 1000000;
    assert_true(ch_approval_of_task(&a, &task, trainer, 0, &event)); // nothing is known
    h.examples = 4;
    check_status(trains(&a, &COUNTS, &h, &training, NULL), CHOIR_OK);
    assert_true(a.examples_per_ms <= 4 * 2 / 20.0);
    const uint64_t now_ms = choir_client_now_ms();
    assert_true(ch_approval_of_task(&a, &task, trainer, now_ms, &event));
    h.examples = 1000000; // at least 20 ms for 8 passes: 5000 s
    assert_false(ch_approval_of_task(&a, &task, trainer, now_ms, &event));
    assert_non_null(strstr(event.message, " s, must be at most 60"));
    const double fastest = a.examples_per_ms;
    h = (host){.examples = 1, .sleep_ms = 20};
    check_status(trains(&a, &COUNTS, &h, &training, NULL), CHOIR_OK);
    assert_true(a.examples_per_ms >= fastest);
    h.examples = 1000000;
    assert_true(ch_approval_of_task(&a, &task, trainer, now_ms + DAY_MS + HOUR_MS, &event));
}

static void a_training_that_failed_tells_nothing(void **state) {
    (void)state;
    ch_approval a = with((choir_policy){.examples_min = 20});
    host h = {.examples = 5, .status = CHOIR_ERANGE};
    choir_training training;
    check_status(trains(&a, &SILENT, &h, &training, NULL), CHOIR_ERANGE);
    assert_true(a.examples == CHOIR_TERMS_UNKNOWN);
    assert_true(a.examples_per_ms == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_that_is_none_is_named),
        cmocka_unit_test(a_job_that_is_refused_is_looked_at_again_after_an_hour),
        cmocka_unit_test(the_next_version_is_judged_anew),
        cmocka_unit_test(a_job_that_is_not_understood_is_refused_only_by_a_policy),
        cmocka_unit_test(a_task_may_not_ask_for_more_than_the_job_said),
        cmocka_unit_test(data_are_counted_by_the_trainer),
        cmocka_unit_test(they_are_those_of_the_client_that_the_device_is),
        cmocka_unit_test(data_that_only_training_counts_are_not_reported_when_they_are_too_few),
        cmocka_unit_test(a_training_is_expected_to_take_what_the_fastest_took),
        cmocka_unit_test(a_training_that_failed_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
