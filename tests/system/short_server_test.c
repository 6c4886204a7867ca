/*
 * A server with too little memory for a version of a job: hosting it is refused and changes
 * nothing; and where the store has it already, the server serves the others, and says which one it
 * cannot.
 */
#include "store/hosting_store.h"
#include "support/hosted_job.h"

#include <stdatomic.h>

enum {
    MANY = 2000000, // clients, whose roster alone is 16 MB
    SMALL_MAX = 15 << 20,
};

static char folder[FOLDER_PATH_MAX];

// ----- memory -----------------------------------------------------------------------------------

static atomic_bool is_short;

static void *capped_alloc(void *self, size_t bytes) {
    const choir_env env = choir_env_default();
    (void)self;
    return is_short && bytes > SMALL_MAX ? NULL : env.alloc(env.self, bytes);
}

// ----- a server and its operator ----------------------------------------------------------------

typedef struct site {
    char dir[FOLDER_PATH_MAX];
    ch_server *server;
    ch_operator *operator;
} site;

static void serve(site *s) {
    choir_env env = choir_env_default();
    ch_server_options o = ch_server_defaults();
    env.alloc = capped_alloc;
    o.dir = s->dir;
    o.port = 0;
    check_ok(ch_server_start(&s->server, &o, &env, &err));
    char path[FOLDER_PATH_MAX + 16];
    (void)snprintf(path, sizeof(path), "%s/admin.json", s->dir);
    check_ok(ch_operator_open(&s->operator, path, &env, &err));
}

static void leave(site *s) {
    ch_operator_close(s->operator);
    ch_server_stop(s->server);
}

/* Begins to serve a folder, where tiny@1 is hosted for its 20 clients. */
static void begin(site *s, const char *name) {
    const char *path = folder_file(folder, "tiny.yaml");
    const choir_job job = tiny_job();
    atomic_store(&is_short, false);
    (void)snprintf(s->dir, sizeof(s->dir), "%s", folder_file(folder, name));
    job_put(&job, path);
    serve(s);
    host(s->operator, path);
}

/* The text of the next version, for so many clients; to be freed. */
static char *text_of(const ch_bundle *b, uint32_t clients) {
    choir_job job;
    check_ok(choir_job_parse(&job, b->text, b->text_size, "job", NULL, 0, &err));
    (void)snprintf(job.population, sizeof(job.population), "open");
    job.sample_rate = choir_job_defaults().sample_rate;
    job.goal = 1;
    job.data.clients = clients;
    const size_t size = choir_job_write(&job, NULL, 0);
    char *text = malloc(size + 1);
    assert_non_null(text);
    (void)choir_job_write(&job, text, size + 1);
    return text;
}

/* Hosts tiny for so many clients, or says what would be. Returns the version; 0: 503. */
static json_int_t host_for(site *s, uint32_t clients, bool is_dry) {
    const choir_env env = choir_env_default();
    ch_bundle bundle;
    check_ok(ch_bundle_create(&bundle, folder_file(folder, "tiny.yaml"), NULL, 0, &env, &err));
    char *text = text_of(&bundle, clients);
    char *model = malloc(CH_BASE64_MAX(bundle.model_size));
    assert_non_null(model);
    ch_base64(model, (choir_bytes){bundle.model, bundle.model_size});
    json_t *answer = NULL;
    choir_error err = {.message = ""};
    const choir_status status =
        ch_operator_ask(s->operator, "POST", "/jobs",
                        json_pack("{s:s, s:s, s:I, s:b}", "job", text, "model", model, "clients",
                                  (json_int_t)clients, "dry_run", is_dry),
                        "host", &answer, &err);
    if (status != CHOIR_OK) {
        check_status(status, CHOIR_EIO);
        assert_non_null(strstr(err.message, "no memory"));
    }
    const json_int_t version = json_integer_value(json_object_get(answer, "version"));
    json_decref(answer);
    free(model);
    free(text);
    ch_bundle_release(&bundle);
    return version;
}

static json_t *ask(site *s, const char *method, const char *path) {
    json_t *answer = NULL;
    check_ok(ch_operator_ask(s->operator, method, path,
                             strcmp(method, "GET") == 0 ? NULL : json_object(), "test", &answer,
                             &err));
    return answer;
}

/* What the versions are, "1 stopped, 2 running". */
static void check_states(site *s, const char *wanted) {
    char found[256] = "";
    json_t *answer = ask(s, "GET", "/jobs");
    size_t i = 0;
    json_t *job = NULL;
    json_array_foreach(json_object_get(answer, "jobs"), i, job) {
        const size_t size = strlen(found);
        (void)snprintf(found + size, sizeof(found) - size, "%s%d %s", size > 0 ? ", " : "",
                       (int)json_integer_value(json_object_get(job, "version")),
                       json_string_value(json_object_get(job, "state")));
    }
    json_decref(answer);
    assert_string_equal(found, wanted);
}

// ----- what it does -----------------------------------------------------------------------------

static void a_hosting_without_memory_changes_nothing(void **state) {
    (void)state;
    site s;
    begin(&s, "refused");
    atomic_store(&is_short, true);
    assert_int_equal(host_for(&s, MANY, false), 0);
    check_states(&s, "1 running");
    assert_int_equal(host_for(&s, 40, true), 2); // nor does it take a number
    leave(&s);
    serve(&s);
    check_states(&s, "1 running");
    assert_int_equal(host_for(&s, 40, false), 2);
    check_states(&s, "1 stopped, 2 running");
    leave(&s);
}

static void a_version_that_cannot_be_opened_has_failed_and_the_server_serves(void **state) {
    (void)state;
    site s;
    begin(&s, "failed");
    assert_int_equal(host_for(&s, MANY, false), 2);
    leave(&s);
    atomic_store(&is_short, true);
    serve(&s);
    check_states(&s, "1 stopped, 2 failed");
    json_t *shown = ask(&s, "GET", "/jobs/tiny/details");
    assert_int_equal(json_integer_value(json_object_get(shown, "version")), 2);
    assert_int_equal(json_integer_value(json_object_get(shown, "clients")), MANY);
    assert_int_equal(json_integer_value(json_object_get(shown, "rounds")), 6);
    assert_string_equal(json_string_value(json_object_get(shown, "model")), "");
    json_decref(shown);
    choir_bytes page = {0};
    check_ok(ch_operator_get(s.operator, "/metrics", "metrics", &page, &err));
    json_t *answer = NULL;
    check_status(ch_operator_ask(s.operator, "POST", "/jobs/tiny/resume", json_object(), "resume",
                                 &answer, NULL),
                 CHOIR_EIO);
    check_states(&s, "1 stopped, 2 failed");
    atomic_store(&is_short, false);
    json_decref(ask(&s, "POST", "/jobs/tiny/resume"));
    check_states(&s, "1 stopped, 2 running");
    leave(&s);
}

static void it_makes_room_by_being_removed(void **state) {
    (void)state;
    site s;
    begin(&s, "removed");
    assert_int_equal(host_for(&s, MANY, false), 2);
    leave(&s);
    atomic_store(&is_short, true);
    serve(&s);
    json_decref(ask(&s, "DELETE", "/jobs/tiny@2"));
    json_decref(ask(&s, "POST", "/jobs/tiny@1/resume"));
    check_states(&s, "1 running");
    leave(&s);
}

/* One that has stopped is that, and not what its operator is warned of. */
static void what_does_not_go_on_is_what_it_was(void **state) {
    (void)state;
    site s;
    begin(&s, "stopped");
    assert_int_equal(host_for(&s, MANY, false), 2);
    json_decref(ask(&s, "POST", "/jobs/tiny/stop"));
    leave(&s);
    atomic_store(&is_short, true);
    serve(&s);
    check_states(&s, "1 stopped, 2 stopped");
    atomic_store(&is_short, false);
    json_decref(ask(&s, "POST", "/jobs/tiny@2/resume"));
    check_states(&s, "1 stopped, 2 running");
    leave(&s);
}

/* Ends a version behind the server's back, as its last round does. */
static void end(const site *s, int64_t id) {
    const choir_env env = choir_env_default();
    ch_hosting_store *store = NULL;
    check_ok(ch_hosting_store_open(&store, s->dir, &env, &err));
    check_ok(ch_hosting_store_job_set_state(store, id, "finished", &err));
    ch_hosting_store_close(store);
}

static bool has_model(site *s) {
    json_t *shown = ask(s, "GET", "/jobs/tiny@2");
    const bool has = json_string_length(json_object_get(shown, "model")) > 0;
    json_decref(shown);
    return has;
}

static void what_has_finished_is_opened_again_and_stays_that(void **state) {
    (void)state;
    site s;
    begin(&s, "finished");
    assert_int_equal(host_for(&s, MANY, false), 2);
    leave(&s);
    end(&s, 2);
    atomic_store(&is_short, true);
    serve(&s);
    check_states(&s, "1 stopped, 2 finished");
    assert_false(has_model(&s));
    atomic_store(&is_short, false);
    json_t *answer = ask(&s, "POST", "/jobs/tiny@2/resume");
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "finished");
    json_decref(answer);
    check_states(&s, "1 stopped, 2 finished");
    assert_true(has_model(&s));
    check_status(ch_operator_ask(s.operator, "POST", "/jobs/tiny@2/resume", json_object(), "resume",
                                 &answer, NULL),
                 CHOIR_EAGAIN);
    leave(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hosting_without_memory_changes_nothing),
        cmocka_unit_test(a_version_that_cannot_be_opened_has_failed_and_the_server_serves),
        cmocka_unit_test(it_makes_room_by_being_removed),
        cmocka_unit_test(what_does_not_go_on_is_what_it_was),
        cmocka_unit_test(what_has_finished_is_opened_again_and_stays_that),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failed;
}
