/* Saved tasks: another process goes on with them to the same report, or says why it cannot. */
#include "support/check.h"

#include "choir/participant.h"
#include "wire/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 5, DIM_MAX = 8, CLIENT = 77, STATE_MAX = 2048 };

static const float PARAMS[DIM] = {1, 2, 3, 4, 5};

typedef struct device {
    choir_participant *p;
    choir_workspace *room;
    choir_status trained; // what its trainer says
    uint32_t trainings;
} device;

static choir_status add_one(void *self, uint32_t client, const choir_task *task,
                            const float *params, float *delta, choir_training *out,
                            choir_error *err) {
    device *d = self;
    (void)client;
    (void)err;
    d->trainings += 1;
    for (uint32_t i = 0; i < task->dim; i++) {
        delta[i] = params[i] / 8;
    }
    *out = (choir_training){.examples = 3, .metrics = {.examples = 3, .correct = 2}};
    return d->trained;
}

static const choir_trainer_ops ADD_ONE = {.train = add_one};

static device device_open_as(uint32_t client, const char *job, uint32_t dim_max) {
    device d = {.trained = CHOIR_OK};
    const choir_env env = choir_env_default();
    choir_participant_options o = choir_participant_defaults();
    o.job = job;
    o.client = client;
    o.dim_max = dim_max;
    check_status(choir_participant_create(&d.p, &o, &env, NULL), CHOIR_OK);
    check_status(choir_workspace_create(&d.room, DIM_MAX, &env), CHOIR_OK);
    return d;
}

static device device_open(void) {
    return device_open_as(CLIENT, "keyboard", DIM_MAX);
}

static void device_close(device *d) {
    choir_participant_destroy(d->p);
    choir_workspace_destroy(d->room);
}

static choir_intent wants(device *d, choir_intent_kind kind) {
    choir_intent intent;
    choir_participant_next(d->p, 0, &intent);
    assert_int_equal(intent.kind, kind);
    return intent;
}

static ch_reply task_reply(void) {
    return (ch_reply){.kind = CH_REPLY_TASK,
                      .task = {.round = 3,
                               .dim = DIM,
                               .model = choir_hash_params(PARAMS, DIM),
                               .epochs = 2,
                               .batch_size = 10,
                               .learning_rate = 0.1F,
                               .momentum = 0.5F,
                               .weight_decay = 0.25F,
                               .proximal_mu = 0.125F,
                               .seed = UINT64_MAX - 1,
                               .chain = "clip=1|weight=3",
                               .job = "keyboard@2"}};
}

static void hears(device *d, ch_reply reply, choir_status expected) {
    uint8_t bytes[CH_REPLY_MAX];
    const size_t size = ch_reply_encode(&reply, bytes);
    check_status(choir_participant_receive(d->p, 0, (choir_bytes){bytes, size}), expected);
}

static void fetches_and_trains(device *d) {
    const choir_blob blob = {choir_hash_params(PARAMS, DIM), PARAMS, DIM};
    wants(d, CHOIR_INTENT_FETCH);
    check_status(choir_participant_fetched(d->p, 0, &blob), CHOIR_OK);
    wants(d, CHOIR_INTENT_TRAIN);
    const choir_trainer trainer = {&ADD_ONE, d};
    check_status(choir_participant_train(d->p, 0, trainer, d->room, NULL), d->trained);
}

/* A file's bytes. */
typedef struct file {
    uint8_t data[STATE_MAX];
    size_t size;
} file;

static file saved(const device *d) {
    file f = {.size = 0};
    choir_saved s;
    choir_participant_save(d->p, &s);
    assert_true(s.head_size + s.report.size <= STATE_MAX);
    memcpy(f.data, s.head, s.head_size);
    f.size = s.head_size;
    if (s.report.size > 0) {
        memcpy(f.data + f.size, s.report.data, s.report.size);
        f.size += s.report.size;
    }
    return f;
}

static choir_bytes bytes_of(const file *f) {
    return (choir_bytes){f->data, f->size};
}

static void check_same(const file *a, const file *b) {
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->data, b->data, a->size);
}

static file with_task(void) {
    device d = device_open();
    hears(&d, task_reply(), CHOIR_OK);
    const file f = saved(&d);
    device_close(&d);
    return f;
}

/* What a device has saved that trained, and what it would have sent. */
static file with_report(choir_status trained, file *sent) {
    device d = device_open();
    d.trained = trained;
    hears(&d, task_reply(), CHOIR_OK);
    fetches_and_trains(&d);
    const choir_bytes request = wants(&d, CHOIR_INTENT_SEND).request;
    sent->size = request.size;
    memcpy(sent->data, request.data, request.size);
    const file f = saved(&d);
    device_close(&d);
    return f;
}

static void check_sends(device *d, const file *sent) {
    const choir_bytes request = wants(d, CHOIR_INTENT_SEND).request;
    assert_int_equal(request.size, sent->size);
    assert_memory_equal(request.data, sent->data, sent->size);
}

static void there_is_nothing_to_save_without_a_task(void **state) {
    (void)state;
    device d = device_open();
    assert_int_equal(saved(&d).size, 0);
    wants(&d, CHOIR_INTENT_SEND);
    assert_int_equal(saved(&d).size, 0);
    hears(&d, (ch_reply){.kind = CH_REPLY_DONE}, CHOIR_OK);
    assert_int_equal(saved(&d).size, 0);
    device_close(&d);
}

static void a_task_goes_on_from_the_fetch_to_the_same_report(void **state) {
    (void)state;
    file sent;
    (void)with_report(CHOIR_OK, &sent);
    const file f = with_task();
    choir_saved_about about;
    check_status(choir_participant_saved_about(&about, bytes_of(&f), NULL), CHOIR_OK);
    const choir_task task = task_reply().task;
    assert_int_equal(about.client, CLIENT);
    assert_int_equal(about.room_dim, 0);
    assert_false(about.has_report);
    assert_memory_equal(&about.task, &task, sizeof(task));
    device d = device_open();
    check_status(choir_participant_restore(d.p, 0, bytes_of(&f), NULL, NULL), CHOIR_OK);
    const file again = saved(&d);
    check_same(&again, &f);
    fetches_and_trains(&d);
    assert_int_equal(d.trainings, 1);
    check_sends(&d, &sent);
    device_close(&d);
}

/* Whatever the coordinator says to it: it is settled, and nothing is left to save. */
static void a_report_is_sent_as_it_was_and_not_trained_again(void **state) {
    (void)state;
    const ch_reply replies[] = {{.kind = CH_REPLY_ACK},
                                {.kind = CH_REPLY_REFUSED, .reason = CH_REASON_DUPLICATE},
                                {.kind = CH_REPLY_REFUSED, .reason = CH_REASON_STALE},
                                {.kind = CH_REPLY_REFUSED, .reason = CH_REASON_NORM}};
    file sent;
    const file f = with_report(CHOIR_OK, &sent);
    choir_saved_about about;
    check_status(choir_participant_saved_about(&about, bytes_of(&f), NULL), CHOIR_OK);
    assert_true(about.has_report);
    assert_int_equal(about.room_dim, DIM);
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        device d = device_open();
        check_status(choir_participant_restore(d.p, 0, bytes_of(&f), d.room, NULL), CHOIR_OK);
        assert_ptr_equal(choir_participant_holds(d.p), d.room);
        check_sends(&d, &sent);
        choir_participant_lost(d.p, 0); // nobody was there: it stays
        const file kept = saved(&d);
        check_same(&kept, &f);
        hears(&d, replies[i], CHOIR_OK);
        assert_null(choir_participant_holds(d.p));
        assert_int_equal(saved(&d).size, 0);
        assert_int_equal(d.trainings, 0);
        device_close(&d);
    }
}

static void a_failure_is_told_after_a_restart_too(void **state) {
    (void)state;
    file sent;
    const file f = with_report(CHOIR_ERANGE, &sent);
    device d = device_open();
    check_status(choir_participant_restore(d.p, 0, bytes_of(&f), NULL, NULL), CHOIR_OK);
    assert_null(choir_participant_holds(d.p));
    check_sends(&d, &sent);
    device_close(&d);
}

/* The device that saved this could not do the task, nor can the one that goes on. */
static void that_a_task_cannot_be_done_is_told_after_a_restart_too(void **state) {
    (void)state;
    ch_reply large = task_reply();
    large.task.dim = DIM_MAX + 1;
    device first = device_open();
    hears(&first, large, CHOIR_ERANGE);
    const file f = saved(&first);
    device_close(&first);
    device d = device_open();
    check_status(choir_participant_restore(d.p, 0, bytes_of(&f), NULL, NULL), CHOIR_OK);
    ch_request m;
    check_status(ch_request_decode(&m, wants(&d, CHOIR_INTENT_SEND).request), CHOIR_OK);
    assert_int_equal(m.report.failure, CH_FAILURE_UNSUPPORTED);
    device_close(&d);
}

static void check_refused(const file *f, device *d, choir_status expected, const char *words) {
    choir_error err = {.message = ""};
    check_status(choir_participant_restore(d->p, 0, bytes_of(f), d->room, &err), expected);
    if (strstr(err.message, words) == NULL) {
        fail_msg("'%s' has no '%s'", err.message, words);
    }
    assert_int_equal(saved(d).size, 0); // as before
    assert_null(choir_participant_holds(d->p));
}

static void every_damaged_byte_and_every_cut_is_noticed(void **state) {
    (void)state;
    file sent;
    const file files[] = {with_task(), with_report(CHOIR_OK, &sent),
                          with_report(CHOIR_ERANGE, &sent)};
    device d = device_open();
    for (int i = 0; i < 3; i++) {
        for (size_t at = 0; at < files[i].size; at++) {
            for (int bit = 0; bit < 8; bit++) {
                file f = files[i];
                f.data[at] ^= (uint8_t)(1 << bit);
                check_refused(&f, &d, CHOIR_EPROTO, "saved task: damaged");
            }
            file cut = files[i];
            cut.size = at;
            check_refused(&cut, &d, CHOIR_EPROTO, "saved task: damaged");
        }
        file longer = files[i];
        longer.data[longer.size] = 0;
        longer.size += 1;
        check_refused(&longer, &d, CHOIR_EPROTO, "saved task: ");
    }
    device_close(&d);
}

static void what_another_client_or_job_has_is_not_taken(void **state) {
    (void)state;
    const file f = with_task();
    device other = device_open_as(CLIENT + 1, "keyboard", DIM_MAX);
    check_refused(&f, &other, CHOIR_EINVAL, "of client 77 of 'keyboard@2', this is client 78");
    device_close(&other);
    static const char *const jobs[] = {"keyboards", "key", "keyboard@3"};
    for (size_t i = 0; i < 3; i++) {
        device job = device_open_as(CLIENT, jobs[i], DIM_MAX);
        check_refused(&f, &job, CHOIR_EINVAL, jobs[i]);
        device_close(&job);
    }
    device any = device_open_as(CLIENT, "", DIM_MAX);
    check_status(choir_participant_restore(any.p, 0, bytes_of(&f), NULL, NULL), CHOIR_OK);
    device_close(&any);
    device small = device_open_as(CLIENT, "keyboard", DIM - 1);
    check_refused(&f, &small, CHOIR_ERANGE, "round 3 asks for 5 parameters");
    device_close(&small);
}

static void what_another_version_wrote_is_not_guessed_at(void **state) {
    (void)state;
    file f = with_task();
    f.data[3] = '2';
    device d = device_open();
    check_refused(&f, &d, CHOIR_EPROTO, "another version of choir");
    device_close(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_nothing_to_save_without_a_task),
        cmocka_unit_test(a_task_goes_on_from_the_fetch_to_the_same_report),
        cmocka_unit_test(a_report_is_sent_as_it_was_and_not_trained_again),
        cmocka_unit_test(a_failure_is_told_after_a_restart_too),
        cmocka_unit_test(that_a_task_cannot_be_done_is_told_after_a_restart_too),
        cmocka_unit_test(every_damaged_byte_and_every_cut_is_noticed),
        cmocka_unit_test(what_another_client_or_job_has_is_not_taken),
        cmocka_unit_test(what_another_version_wrote_is_not_guessed_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
