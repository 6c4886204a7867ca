/* HTTP, both ends, over TLS: by pin, by CA, with a client's certificate, and not at all. */
#include "support/certificate.h"
#include "support/folder.h"
#include "unit/net/http_talk.h"

#include <pthread.h>

static certificate server_key;
static certificate client_key;
static certificate other_key;
static char folder[FOLDER_PATH_MAX];

/* What one GET over TLS comes to, with a message that says so. */
static void check_tls(uint16_t port, const ch_http_client_options *with, choir_status status,
                      const char *message) {
    ch_http_client_options o = options_for("https", port);
    o.pin = with->pin;
    o.ca_file = with->ca_file;
    o.certificate_file = with->certificate_file;
    o.key_file = with->key_file;
    ch_http_client *c = client_open(&o);
    ch_http_reply r;
    choir_error err = {.message = ""};
    const ch_http_call call = {.method = "POST", .path = "/echo", .body = {model, 100000}};
    for (int i = 0; i < 2; i++) {
        check_status(ch_http_client_send(c, &call, &r, &err), status);
        if (status == CHOIR_OK) {
            assert_int_equal(r.body.size, 100000);
            assert_memory_equal(r.body.data, model, 100000);
        } else if (strstr(err.message, message) == NULL) {
            fail_msg("'%s' has no '%s'", err.message, message);
        }
    }
    ch_http_client_destroy(c);
}

static const char *file_with(const char *name, const char *text) {
    const char *path = folder_file(folder, name);
    folder_put(path, text, strlen(text));
    return path;
}

static void a_server_is_known_by_its_pin_or_its_ca(void **state) {
    (void)state;
    char pins[2 * CERTIFICATE_PIN_MAX];
    (void)snprintf(pins, sizeof(pins), "%s;%s", other_key.pin, server_key.pin);
    const char *right_ca = file_with("right.pem", server_key.pem);
    const char *wrong_ca = file_with("wrong.pem", other_key.pem);
    const struct {
        ch_http_client_options with;
        choir_status status;
        const char *message;
    } rows[] = {
        {{.pin = server_key.pin}, CHOIR_OK, ""},
        {{.pin = pins}, CHOIR_OK, ""},
        {{.ca_file = right_ca}, CHOIR_OK, ""},
        {{.pin = server_key.pin, .ca_file = wrong_ca}, CHOIR_OK, ""},
        {{.pin = other_key.pin}, CHOIR_EIO, "another server than the pinned one"},
        {{.pin = other_key.pin, .ca_file = right_ca}, CHOIR_EIO, "than the pinned one"},
        {{.ca_file = wrong_ca}, CHOIR_EIO, "give the server's pin, or the CA"},
        {{.pin = NULL}, CHOIR_EIO, "give the server's pin, or the CA"},
        {{.ca_file = file_with("empty.pem", "")}, CHOIR_EIO, "check the file of CAs"},
    };
    ch_http_server *s = server_open(server_key.pem, server_key.key, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_tls(ch_http_server_port(s), &rows[i].with, rows[i].status, rows[i].message);
    }
    ch_http_server_stop(s, 0);
}

static void files_that_are_not_there_are_told_before_a_call(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const char *pem = file_with("client.pem", client_key.pem);
    const ch_http_client_options rows[] = {
        {.ca_file = "/no/such/file"},
        {.certificate_file = "/no/such/file", .key_file = pem},
        {.certificate_file = pem, .key_file = "/no/such/file"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_http_client *c = NULL;
        choir_error err = {.message = ""};
        ch_http_client_options o = options_for("https", 1);
        o.ca_file = rows[i].ca_file;
        o.certificate_file = rows[i].certificate_file;
        o.key_file = rows[i].key_file;
        check_status(ch_http_client_create(&c, &o, &env, &err), CHOIR_EIO);
        assert_null(c);
        assert_string_equal(err.message, "/no/such/file: cannot open: No such file or directory");
    }
}

static void a_server_may_ask_for_the_clients_certificate(void **state) {
    (void)state;
    const char *client_pem = file_with("client.pem", client_key.pem);
    const char *client_file = file_with("client.key", client_key.key);
    const char *other_pem = file_with("other.pem", other_key.pem);
    const char *other_file = file_with("other.key", other_key.key);
    const ch_http_client_options nobody = {.pin = server_key.pin};
    const ch_http_client_options known = {
        .pin = server_key.pin, .certificate_file = client_pem, .key_file = client_file};
    const ch_http_client_options unknown = {
        .pin = server_key.pin, .certificate_file = other_pem, .key_file = other_file};
    const ch_http_client_options mixed = {
        .pin = server_key.pin, .certificate_file = client_pem, .key_file = other_file};
    ch_http_server *s = server_open(server_key.pem, server_key.key, client_key.pem);
    const uint16_t port = ch_http_server_port(s);
    check_tls(port, &known, CHOIR_OK, "");
    check_tls(port, &nobody, CHOIR_EIO, "https://127.0.0.1:");
    check_tls(port, &unknown, CHOIR_EIO, "https://127.0.0.1:");
    check_tls(port, &mixed, CHOIR_EIO, "check this client's certificate and key files");
    check_tls(port, &known, CHOIR_OK, "");
    ch_http_server_stop(s, 0);
}

static void plain_text_and_tls_do_not_mix(void **state) {
    (void)state;
    ch_http_server *tls = server_open(server_key.pem, server_key.key, NULL);
    ch_http_server *plain = server_open(NULL, NULL, NULL);
    const ch_http_client_options pinned = {.pin = server_key.pin};
    check_tls(ch_http_server_port(plain), &pinned, CHOIR_EIO, "check that the server speaks TLS");
    const ch_http_client_options o = options_for("http", ch_http_server_port(tls));
    ch_http_client *c = client_open(&o);
    ch_http_reply r;
    const ch_http_call call = {.method = "GET", .path = "/echo"};
    check_status(ch_http_client_send(c, &call, &r, NULL), CHOIR_EIO);
    ch_http_client_destroy(c);
    ch_http_server_stop(plain, 0);
    ch_http_server_stop(tls, 0);
}

/* An exchange that sleeps, and who is to answer it. */
typedef struct bed {
    pthread_mutex_t lock;
    pthread_cond_t change;
    ch_http_exchange *sleeper;
} bed;

static void lie_down(void *self, ch_http_exchange *x) {
    bed *b = self;
    (void)pthread_mutex_lock(&b->lock);
    b->sleeper = x;
    (void)pthread_cond_signal(&b->change);
    (void)pthread_mutex_unlock(&b->lock);
}

static ch_http_exchange *take(bed *b) {
    (void)pthread_mutex_lock(&b->lock);
    while (b->sleeper == NULL) {
        (void)pthread_cond_wait(&b->change, &b->lock);
    }
    ch_http_exchange *x = b->sleeper;
    b->sleeper = NULL;
    (void)pthread_mutex_unlock(&b->lock);
    return x;
}

/* Wakes a first sleeper with an answer, and leaves the second to the stop. */
static void *wake_one_and_stop(void *self) {
    bed *b = ((void **)self)[0];
    ch_http_answer(take(b), 200, "text/plain", text_bytes("late"));
    (void)take(b);
    ch_http_server_stop(((void **)self)[1], 0);
    return NULL;
}

static void an_exchange_sleeps_over_tls_too(void **state) {
    (void)state;
    static bed b = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};
    const choir_env env = choir_env_default();
    const ch_http_handler handler = {.handle = lie_down, .self = &b};
    ch_http_server_options so = ch_http_server_defaults();
    ch_http_server *s = NULL;
    so.certificate = server_key.pem;
    so.key = server_key.key;
    check_status(ch_http_server_start(&s, &so, handler, &env, NULL), CHOIR_OK);
    ch_http_client_options o = options_for("https", ch_http_server_port(s));
    o.pin = server_key.pin;
    ch_http_client *c = client_open(&o);
    pthread_t thread;
    void *both[2] = {&b, s};
    assert_int_equal(pthread_create(&thread, NULL, wake_one_and_stop, both), 0);
    ch_http_reply r;
    const ch_http_call call = {.method = "GET", .path = "/"};
    check_status(ch_http_client_send(c, &call, &r, NULL), CHOIR_OK);
    assert_int_equal(r.code, 200);
    assert_memory_equal(r.body.data, "late", 4);
    check_status(ch_http_client_send(c, &call, &r, NULL), CHOIR_OK);
    assert_int_equal(r.code, 503);
    assert_int_equal(r.retry_after_ms, 1000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    ch_http_client_destroy(c);
}

static int prepare(void **state) {
    certificate_make(&server_key, 1);
    certificate_make(&client_key, 2);
    certificate_make(&other_key, 3);
    folder_make(folder);
    return talk_prepare(state);
}

static int clear(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_known_by_its_pin_or_its_ca),
        cmocka_unit_test(files_that_are_not_there_are_told_before_a_call),
        cmocka_unit_test(a_server_may_ask_for_the_clients_certificate),
        cmocka_unit_test(an_exchange_sleeps_over_tls_too),
        cmocka_unit_test(plain_text_and_tls_do_not_mix),
    };
    return cmocka_run_group_tests(tests, prepare, clear);
}
