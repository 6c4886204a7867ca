/* Kept: what a client has under way outlives its process, and what cannot be used is set aside. */
#include "support/check.h"
#include "support/folder.h"

#include "client/kept.h"
#include "wire/message.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIM = 5, DIM_MAX = 8, CLIENT = 2, SUBJECT = 7, FILE_MAX = 4096, WARNINGS_MAX = 400 };

static const float PARAMS[DIM] = {1, 2, 3, 4, 5};
static const uint8_t SERVER[CH_PUBLIC_KEY_BYTES] = {9, 8, 7};

static char folder[FOLDER_PATH_MAX];
static char warnings[WARNINGS_MAX];

static int start(void **state) {
    (void)state;
    folder_make(folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

static void take_warning(void *self, choir_level level, const char *event, const char *fields) {
    (void)self;
    (void)level;
    const size_t size = strlen(warnings);
    (void)snprintf(warnings + size, sizeof(warnings) - size, "%s %s\n", event, fields);
}

/* A process: a participant, and what it keeps. */
typedef struct process {
    choir_participant *p;
    choir_workspace *room;
    uint32_t room_dim;
    ch_kept kept;
    uint32_t trainings;
} process;

static choir_status train(void *self, uint32_t client, const choir_task *task, const float *params,
                          float *delta, choir_training *out, choir_error *err) {
    process *me = self;
    (void)client;
    (void)err;
    me->trainings += 1;
    memcpy(delta, params, task->dim * sizeof(delta[0]));
    *out = (choir_training){.examples = 3};
    return CHOIR_OK;
}

static const choir_trainer_ops OPS = {.train = train};

static process process_open_as(const char *job, const uint8_t *server, uint32_t client) {
    process me = {.room_dim = 0};
    choir_env env = choir_env_default();
    env.log = take_warning;
    warnings[0] = '\0';
    choir_participant_options o = choir_participant_defaults();
    o.job = job;
    o.client = client;
    o.dim_max = DIM_MAX;
    check_status(choir_participant_create(&me.p, &o, &env, NULL), CHOIR_OK);
    check_status(ch_kept_init(&me.kept, folder, job, server, DIM_MAX, &env, NULL), CHOIR_OK);
    return me;
}

static process process_open(void) {
    return process_open_as("keyboard", SERVER, CLIENT);
}

/* As a kill would end it: nothing is written at its end. */
static void process_close(process *me) {
    choir_participant_destroy(me->p);
    choir_workspace_destroy(me->room);
    ch_kept_release(&me->kept);
}

static choir_status resumes_at(process *me, int64_t subject, const char *job, choir_event *event) {
    const ch_kept_place place = {subject, job, me->p, &me->room, &me->room_dim};
    *event = (choir_event){.kind = CHOIR_EVENT_DONE};
    return ch_kept_resume(&me->kept, &place, 0, event, NULL);
}

static choir_event resumes(process *me) {
    choir_event event;
    check_status(resumes_at(me, SUBJECT, "keyboard@3", &event), CHOIR_OK);
    assert_true(me->kept.is_read);
    return event;
}

static void starts_empty(process *me) {
    choir_event event;
    check_status(resumes_at(me, SUBJECT, "keyboard@3", &event), CHOIR_EAGAIN);
}

static void follows(process *me) {
    ch_kept_follow(&me->kept, SUBJECT, me->p);
}

static void hears(process *me, ch_reply reply) {
    uint8_t bytes[CH_REPLY_MAX];
    const size_t size = ch_reply_encode(&reply, bytes);
    check_status(choir_participant_receive(me->p, 0, (choir_bytes){bytes, size}), CHOIR_OK);
}

static void is_given_a_task(process *me) {
    hears(me, (ch_reply){.kind = CH_REPLY_TASK,
                         .task = {.round = 4,
                                  .dim = DIM,
                                  .model = choir_hash_params(PARAMS, DIM),
                                  .epochs = 1,
                                  .learning_rate = 1,
                                  .chain = "weight",
                                  .job = "keyboard@3"}});
}

static void trains(process *me) {
    const choir_env env = choir_env_default();
    const choir_blob blob = {choir_hash_params(PARAMS, DIM), PARAMS, DIM};
    check_status(choir_participant_fetched(me->p, 0, &blob), CHOIR_OK);
    check_status(choir_workspace_create(&me->room, DIM, &env), CHOIR_OK);
    me->room_dim = DIM;
    const choir_trainer trainer = {&OPS, me};
    check_status(choir_participant_train(me->p, 0, trainer, me->room, NULL), CHOIR_OK);
}

static choir_intent wants(process *me, choir_intent_kind kind) {
    choir_intent intent;
    choir_participant_next(me->p, 0, &intent);
    assert_int_equal(intent.kind, kind);
    return intent;
}

static const char *file(void) {
    return folder_file(folder, "task-keyboard.bin");
}

static const char *aside(void) {
    return folder_file(folder, "task-keyboard.bin.aside");
}

static bool is_there(const char *path) {
    return access(path, F_OK) == 0;
}

/* Leaves the file of a process that was killed with a task, or a report. */
static void leave(bool has_report) {
    (void)unlink(file());
    (void)unlink(aside());
    process me = process_open();
    starts_empty(&me);
    is_given_a_task(&me);
    if (has_report) {
        trains(&me);
    }
    follows(&me);
    assert_true(is_there(file()));
    process_close(&me);
}

static void a_report_outlives_its_process_until_it_is_answered(void **state) {
    (void)state;
    const ch_reply answers[] = {{.kind = CH_REPLY_ACK},
                                {.kind = CH_REPLY_REFUSED, .reason = CH_REASON_DUPLICATE},
                                {.kind = CH_REPLY_REFUSED, .reason = CH_REASON_STALE}};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        leave(true);
        for (int restart = 0; restart < 3; restart++) { // and the server is away
            process me = process_open();
            const choir_event event = resumes(&me);
            assert_int_equal(event.kind, CHOIR_EVENT_RESUMED);
            assert_int_equal(event.round, 4);
            assert_string_equal(event.message, "sends the report that was kept");
            assert_non_null(wants(&me, CHOIR_INTENT_SEND).task);
            choir_participant_lost(me.p, 0);
            follows(&me);
            process_close(&me);
        }
        process me = process_open();
        assert_int_equal(resumes(&me).kind, CHOIR_EVENT_RESUMED);
        hears(&me, answers[i]);
        follows(&me);
        assert_false(is_there(file()));
        assert_int_equal(me.trainings, 0);
        process_close(&me);
        process next = process_open();
        starts_empty(&next);
        process_close(&next);
    }
}

static void a_task_goes_on_from_the_fetch(void **state) {
    (void)state;
    leave(false);
    process me = process_open();
    const choir_event event = resumes(&me);
    assert_int_equal(event.kind, CHOIR_EVENT_RESUMED);
    assert_string_equal(event.message, "goes on with the task that was kept");
    wants(&me, CHOIR_INTENT_FETCH);
    choir_participant_lost(me.p, 0); // its model is gone
    follows(&me);
    assert_false(is_there(file()));
    process_close(&me);
}

static void only_the_owner_can_read_it(void **state) {
    (void)state;
    leave(true);
    struct stat about;
    assert_int_equal(stat(file(), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

/* Going on, and nothing new, writes nothing: the file is the same one. */
static void what_the_file_has_is_not_written_again(void **state) {
    (void)state;
    leave(true);
    struct stat before;
    struct stat after;
    assert_int_equal(stat(file(), &before), 0);
    process me = process_open();
    follows(&me); // before it was read, nothing is touched
    assert_int_equal(resumes(&me).kind, CHOIR_EVENT_RESUMED);
    follows(&me);
    follows(&me);
    assert_int_equal(stat(file(), &after), 0);
    assert_true(before.st_ino == after.st_ino);
    process_close(&me);
}

static void check_aside(const char *words) {
    process me = process_open();
    const choir_event event = resumes(&me);
    assert_int_equal(event.kind, CHOIR_EVENT_LOST);
    if (strstr(event.message, words) == NULL ||
        strstr(event.message, "task-keyboard.bin: ") == NULL ||
        strstr(event.message, ".aside") == NULL) {
        fail_msg("'%s' has no '%s'", event.message, words);
    }
    assert_true(is_there(aside()));
    assert_false(is_there(file()));
    wants(&me, CHOIR_INTENT_SEND); // a check-in
    follows(&me);
    assert_true(is_there(aside()));
    process_close(&me);
}

static void every_damaged_byte_and_every_cut_is_set_aside(void **state) {
    (void)state;
    for (int has_report = 0; has_report < 2; has_report++) {
        char whole[FILE_MAX];
        leave(has_report != 0);
        const size_t size = folder_get(file(), whole, sizeof(whole));
        for (size_t at = 0; at < size; at++) {
            char content[FILE_MAX];
            memcpy(content, whole, size);
            content[at] = (char)(content[at] ^ 0x10);
            folder_put(file(), content, size);
            check_aside("damaged");
            folder_put(file(), whole, at);
            check_aside("damaged");
        }
        char longer[FILE_MAX + 1] = "";
        memcpy(longer, whole, size);
        folder_put(file(), longer, size + 1);
        check_aside("damaged");
    }
    process me = process_open(); // and what comes next is kept
    starts_empty(&me);
    is_given_a_task(&me);
    follows(&me);
    assert_true(is_there(file()));
    process_close(&me);
}

static void what_is_no_file_or_too_large_is_set_aside(void **state) {
    (void)state;
    static char large[1 << 16];
    (void)unlink(file());
    (void)unlink(aside());
    folder_put(file(), large, sizeof(large));
    check_aside("cannot be read");
    (void)unlink(file());
    (void)unlink(aside());
    assert_int_equal(mkdir(file(), 0700), 0);
    check_aside("cannot be read");
    assert_int_equal(rmdir(aside()), 0);
}

static void another_servers_and_another_devices_are_set_aside(void **state) {
    (void)state;
    static const uint8_t other[CH_PUBLIC_KEY_BYTES] = {9, 8, 6};
    choir_event event;
    leave(true);
    process me = process_open_as("keyboard", other, CLIENT);
    check_status(resumes_at(&me, SUBJECT, "keyboard@3", &event), CHOIR_OK);
    assert_int_equal(event.kind, CHOIR_EVENT_LOST);
    assert_non_null(strstr(event.message, "another server"));
    assert_true(is_there(aside()));
    process_close(&me);
    leave(true);
    me = process_open();
    check_status(resumes_at(&me, SUBJECT + 1, "keyboard@3", &event), CHOIR_OK);
    assert_int_equal(event.kind, CHOIR_EVENT_LOST);
    assert_true(is_there(aside()));
    wants(&me, CHOIR_INTENT_SEND);
    process_close(&me);
}

/* It is whole, but there is nobody to send it to: told once, with its round, and removed. */
static void what_the_server_does_not_want_any_more_is_told_as_lost(void **state) {
    (void)state;
    choir_event event;
    leave(true);
    process me = process_open();
    check_status(resumes_at(&me, SUBJECT, "keyboard@4", &event), CHOIR_OK);
    assert_int_equal(event.kind, CHOIR_EVENT_LOST);
    assert_int_equal(event.round, 4);
    assert_string_equal(event.message,
                        "the report of round 4 of 'keyboard@3', kept from before, is "
                        "lost: the server has 'keyboard@4' now");
    follows(&me);
    assert_false(is_there(file()));
    assert_false(is_there(aside()));
    process_close(&me);
    leave(false);
    me = process_open_as("keyboard", SERVER, CLIENT + 1);
    event = resumes(&me);
    assert_int_equal(event.kind, CHOIR_EVENT_LOST);
    assert_non_null(strstr(event.message, "the task of round 4"));
    assert_non_null(strstr(event.message, "this is client 3"));
    follows(&me);
    assert_false(is_there(file()));
    process_close(&me);
}

/* A disk that refuses costs what a crash would, and not the training: told once. */
static void a_disk_that_refuses_is_a_warning(void **state) {
    (void)state;
    (void)unlink(file());
    process me = process_open();
    starts_empty(&me);
    assert_int_equal(mkdir(folder_file(folder, "task-keyboard.bin.tmp"), 0700), 0);
    is_given_a_task(&me);
    follows(&me);
    follows(&me);
    assert_false(is_there(file()));
    assert_non_null(strstr(warnings, "task_not_kept error=\""));
    assert_ptr_equal(strchr(warnings, '\n') + 1, warnings + strlen(warnings)); // one line
    assert_int_equal(rmdir(folder_file(folder, "task-keyboard.bin.tmp")), 0);
    follows(&me); // it has room again
    assert_true(is_there(file()));
    process_close(&me);
}

/* What was left stays where it is until there is memory for it. */
static void without_memory_it_may_be_called_again(void **state) {
    (void)state;
    leave(true);
    process me = process_open();
    choir_event event;
    counted_memory memory;
    for (uint32_t until = 0; until < 2; until++) { // the file, the room for its report
        me.kept.env = counted_env(&memory, until);
        check_status(resumes_at(&me, SUBJECT, "keyboard@3", &event), CHOIR_ENOMEM);
        assert_int_equal(memory.alive, 0);
        follows(&me);
        assert_true(is_there(file()));
    }
    me.kept.env = choir_env_default();
    assert_int_equal(resumes(&me).kind, CHOIR_EVENT_RESUMED);
    process_close(&me);
}

static void jobs_do_not_share_a_file_and_lead_nowhere(void **state) {
    (void)state;
    process me = process_open_as("../a/b@2", SERVER, CLIENT);
    assert_string_equal(me.kept.path, folder_file(folder, "task-.._a_b@2.bin"));
    process_close(&me);
    ch_kept kept;
    char dir[CH_KEPT_PATH_MAX + 1];
    memset(dir, 'a', sizeof(dir) - 1);
    dir[sizeof(dir) - 1] = '\0';
    const choir_env env = choir_env_default();
    check_status(ch_kept_init(&kept, dir, "a", SERVER, DIM_MAX, &env, NULL), CHOIR_EINVAL);
}

static void a_folder_is_one_clients_of_a_job(void **state) {
    (void)state;
    process me = process_open();
    const choir_env env = choir_env_default();
    ch_kept other;
    choir_error err;
    check_status(ch_kept_init(&other, folder, "keyboard", SERVER, DIM_MAX, &env, &err), CHOIR_EIO);
    ch_kept_release(&other);
    char expected[CH_KEPT_PATH_MAX];
    (void)snprintf(expected, sizeof(expected),
                   "client: another one trains 'keyboard' with state_dir '%s'; each needs its own",
                   folder);
    assert_string_equal(err.message, expected);
    process beside = process_open_as("voices", SERVER, CLIENT);
    process_close(&beside);
    process_close(&me);
    me = process_open();
    process_close(&me);
}

static void without_a_folder_nothing_is_kept(void **state) {
    (void)state;
    (void)unlink(file());
    process me = process_open();
    const choir_env env = choir_env_default();
    ch_kept_release(&me.kept);
    check_status(ch_kept_init(&me.kept, "", "keyboard", SERVER, DIM_MAX, &env, NULL), CHOIR_OK);
    starts_empty(&me);
    is_given_a_task(&me);
    follows(&me);
    assert_false(is_there(file()));
    process_close(&me);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_outlives_its_process_until_it_is_answered),
        cmocka_unit_test(a_task_goes_on_from_the_fetch),
        cmocka_unit_test(only_the_owner_can_read_it),
        cmocka_unit_test(what_the_file_has_is_not_written_again),
        cmocka_unit_test(every_damaged_byte_and_every_cut_is_set_aside),
        cmocka_unit_test(what_is_no_file_or_too_large_is_set_aside),
        cmocka_unit_test(another_servers_and_another_devices_are_set_aside),
        cmocka_unit_test(what_the_server_does_not_want_any_more_is_told_as_lost),
        cmocka_unit_test(a_disk_that_refuses_is_a_warning),
        cmocka_unit_test(without_memory_it_may_be_called_again),
        cmocka_unit_test(jobs_do_not_share_a_file_and_lead_nowhere),
        cmocka_unit_test(a_folder_is_one_clients_of_a_job),
        cmocka_unit_test(without_a_folder_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, start, end);
}
