/* HTTP client: calls and answers as they were made; options, calls and memory that are not. */
#include "support/measured_memory.h"
#include "unit/net/http_talk.h"

/* ---------------------------------------------------------------------------- calls and answers */

static void a_call_arrives_as_it_was_made(void **state) {
    (void)state;
    static const struct {
        ch_http_call call;
        const char *facts;
    } rows[] = {
        {{.method = "GET", .path = "/facts?a=b"},
         "GET /facts bearer=- X-Thing=- Content-Type=- Accept-Encoding=+ User-Agent=choir/test "
         "Content-Length=-"},
        {{.method = "POST",
          .path = "/facts",
          .bearer = "t0k.en",
          .type = "application/x-protobuf",
          .headers = {"X-Thing: a thing"},
          .body = {(const uint8_t *)"body", 4}},
         "POST /facts bearer=t0k.en X-Thing=a thing Content-Type=application/x-protobuf "
         "Accept-Encoding=+ User-Agent=choir/test Content-Length=4"},
        {{.method = "PUT", .path = "/facts", .headers = {"Range: bytes=0-1"}},
         "PUT /facts bearer=- X-Thing=- Content-Type=- Accept-Encoding=- User-Agent=choir/test "
         "Content-Length=0"},
        {{.method = "DELETE", .path = "/facts"},
         "DELETE /facts bearer=- X-Thing=- Content-Type=- Accept-Encoding=+ User-Agent=choir/test "
         "Content-Length=0"},
        {{.method = "GET", .path = "/facts"}, // nothing is left of the calls before
         "GET /facts bearer=- X-Thing=- Content-Type=- Accept-Encoding=+ User-Agent=choir/test "
         "Content-Length=-"},
    };
    ch_http_server *s = server_open(NULL, NULL, NULL);
    ch_http_client_options o = options_for("http", ch_http_server_port(s));
    o.agent = "choir/test";
    ch_http_client *c = client_open(&o);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_http_reply r;
        choir_error err = {.message = ""};
        check_status(ch_http_client_send(c, &rows[i].call, &r, &err), CHOIR_OK);
        assert_int_equal(r.code, 200);
        assert_string_equal(r.type, "text/plain");
        char facts[1024];
        (void)snprintf(facts, sizeof(facts), "%.*s", (int)r.body.size, (const char *)r.body.data);
        char *codings = strstr(facts, "Accept-Encoding=");
        assert_non_null(codings);
        codings += strlen("Accept-Encoding=");
        if (*codings != '-') { // whatever this libcurl can, zstd too
            char *end = strstr(codings, " User-Agent");
            const char *zstd = strstr(codings, "zstd");
            assert_true(zstd != NULL && zstd < end);
            *codings = '+';
            memmove(codings + 1, end, strlen(end) + 1);
        }
        assert_string_equal(facts, rows[i].facts);
    }
    assert_int_equal(ch_http_server_connections(s), 1);
    ch_http_client_destroy(c);
    ch_http_server_stop(s, 0);
}

static void an_answer_comes_whole_and_unpacked(void **state) {
    (void)state;
    ch_http_server *s = server_open(NULL, NULL, NULL);
    const ch_http_client_options o = options_for("http", ch_http_server_port(s));
    ch_http_client *c = client_open(&o);
    ch_http_reply r;
    const ch_http_call whole = {.method = "GET", .path = "/model"};
    const ch_http_call part = {
        .method = "GET", .path = "/model", .headers = {"Range: bytes=1000-1009"}};
    const ch_http_call known = {
        .method = "GET", .path = "/model", .headers = {"If-None-Match: \"model-zstd\""}};
    const ch_http_call head = {.method = "HEAD", .path = "/model"};
    const ch_http_call upload = {.method = "PUT", .path = "/echo", .body = {model, MODEL}};
    for (int i = 0; i < 2; i++) {
        check_status(ch_http_client_send(c, &whole, &r, NULL), CHOIR_OK);
        assert_int_equal(r.code, 200);
        assert_string_equal(r.etag, "\"model-zstd\"");
        assert_string_equal(r.type, "application/octet-stream");
        assert_int_equal(r.body.size, MODEL);
        assert_memory_equal(r.body.data, model, MODEL);
        assert_int_equal((uintptr_t)r.body.data % 64, 0);
        check_status(ch_http_client_send(c, &part, &r, NULL), CHOIR_OK);
        assert_int_equal(r.code, 206);
        assert_string_equal(r.etag, "\"model\"");
        assert_int_equal(r.body.size, 10);
        assert_memory_equal(r.body.data, model + 1000, 10);
        check_status(ch_http_client_send(c, &known, &r, NULL), CHOIR_OK);
        assert_int_equal(r.code, 304);
        assert_int_equal(r.body.size, 0);
        check_status(ch_http_client_send(c, &head, &r, NULL), CHOIR_OK);
        assert_int_equal(r.code, 200);
        assert_int_equal(r.body.size, 0);
        check_status(ch_http_client_send(c, &upload, &r, NULL), CHOIR_OK);
        assert_string_equal(r.type, "application/x-thing");
        assert_int_equal(r.body.size, MODEL);
        assert_memory_equal(r.body.data, model, MODEL);
    }
    assert_int_equal(ch_http_server_connections(s), 1);
    ch_http_client_destroy(c);
    ch_http_server_stop(s, 0);
}

static void an_answer_takes_no_more_than_was_expected_of_it(void **state) {
    (void)state;
    ch_http_server *s = server_open(NULL, NULL, NULL);
    const ch_http_client_options o = options_for("http", ch_http_server_port(s));
    measured_memory memory;
    const choir_env env = measured_env(&memory);
    ch_http_client *c = NULL;
    ch_http_reply r;
    choir_error err = {.message = ""};
    ch_http_call call = {.method = "GET", .path = "/model", .answer_bytes = MODEL};
    check_status(ch_http_client_create(&c, &o, &env, NULL), CHOIR_OK);
    check_status(ch_http_client_send(c, &call, &r, NULL), CHOIR_OK); // packed, and so grows
    assert_int_equal(r.body.size, MODEL);
    assert_memory_equal(r.body.data, model, MODEL);
    assert_true(memory.peak <= ch_http_client_bytes(MODEL));
    call.answer_bytes = MODEL - 1;
    check_status(ch_http_client_send(c, &call, &r, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "the answer is larger than the"));
    assert_true(memory.peak <= ch_http_client_bytes(MODEL));
    call.path = "/busy"; // a sentence instead is not held to what was expected
    call.answer_bytes = 1;
    check_status(ch_http_client_send(c, &call, &r, NULL), CHOIR_OK);
    assert_int_equal(r.code, 503);
    ch_http_client_destroy(c);
    assert_int_equal(memory.alive, 0);
    ch_http_server_stop(s, 0);
}

static void an_answer_takes_no_more_than_its_call_lets_it(void **state) {
    (void)state;
    ch_http_server *s = server_open(NULL, NULL, NULL);
    const ch_http_client_options o = options_for("http", ch_http_server_port(s));
    ch_http_client *c = client_open(&o);
    ch_http_reply r;
    choir_error err = {.message = ""};
    ch_http_call call = {.method = "GET", .path = "/model", .answer_max = MODEL};
    check_status(ch_http_client_send(c, &call, &r, NULL), CHOIR_OK);
    assert_int_equal(r.body.size, MODEL);
    call.answer_max = MODEL - 1;
    check_status(ch_http_client_send(c, &call, &r, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "the answer is larger than the"));
    call.path = "/busy"; // which it is, whatever page a proxy shows
    call.answer_max = 1;
    check_status(ch_http_client_send(c, &call, &r, NULL), CHOIR_OK);
    assert_int_equal(r.code, 503);
    assert_true(r.body.size <= 1);
    ch_http_client_destroy(c);
    ch_http_server_stop(s, 0);
}

static void any_status_is_an_answer(void **state) {
    (void)state;
    static const struct {
        const char *path;
        unsigned code;
        uint64_t retry_after_ms;
        size_t upload;
    } rows[] = {
        {"/busy", 503, 7000, 0},     {"/away", 302, 0, 0},          {"/a/../b?%00", 400, 0, 0},
        {"/small", 413, 0, 1000},    {"/small", 413, 0, MODEL / 2}, {"/small", 413, 0, MODEL},
        {"/small", 413, 0, 3 << 20},
    };
    static uint8_t upload[3 << 20];
    ch_http_server *s = server_open(NULL, NULL, NULL);
    const ch_http_client_options o = options_for("http", ch_http_server_port(s));
    ch_http_client *c = client_open(&o);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_http_reply r;
        choir_error err = {.message = ""};
        const ch_http_call call = {
            .method = "POST", .path = rows[i].path, .body = {upload, rows[i].upload}};
        check_status(ch_http_client_send(c, &call, &r, &err), CHOIR_OK);
        assert_int_equal(r.code, rows[i].code);
        assert_int_equal(r.retry_after_ms, rows[i].retry_after_ms);
        assert_int_equal(ch_http_client_retry_after_ms(c), rows[i].retry_after_ms);
    }
    ch_http_client_destroy(c);
    ch_http_server_stop(s, 0);
}

/* ------------------------------------------------------------------------------ options, memory */

static void options_that_make_no_sense_are_refused(void **state) {
    (void)state;
    static const char pin[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    static const struct {
        const char *url, *pin, *certificate_file;
        uint32_t request_ms;
        const char *message; // NULL: right
    } rows[] = {
        {"https://h", pin, NULL, 1, NULL},
        {"http://[::1]:80/a/b///", NULL, NULL, 1, NULL},
        {NULL, NULL, NULL, 1, "http: there is no server's URL"},
        {"h:80", NULL, NULL, 1,
         "http: 'h:80' is no server's URL; give one such as https://host:8443"},
        {"file:///etc/passwd", NULL, NULL, 1,
         "http: 'file:///etc/passwd' is no server's URL; give one such as https://host:8443"},
        {"http://", NULL, NULL, 1,
         "http: 'http://' is no server's URL; give one such as https://host:8443"},
        {"http://h/?a", NULL, NULL, 1,
         "http: 'http://h/?a' is no server's URL; give one such as https://host:8443"},
        {"http://h\r\n", NULL, NULL, 1,
         "http: 'http://h?\?' is no server's URL; give one such as https://host:8443"},
        {"https://me:secret@h", NULL, NULL, 1,
         "http: the server's URL has '@'; a user and password do not belong there"},
        {"http://h", pin, NULL, 1,
         "http: the server's key is pinned, so its URL must begin with https://"},
        {"https://h", "/some/file", NULL, 1,
         "http: a pin is 'sha256//' and the base64 of 32 bytes, 44 letters"},
        {"https://h", "sha256//AAAA=", NULL, 1,
         "http: a pin is 'sha256//' and the base64 of 32 bytes, 44 letters"},
        {"https://h", "", NULL, 1,
         "http: a pin is 'sha256//' and the base64 of 32 bytes, 44 letters"},
        {"https://h", NULL, "c.pem", 1, "http: a certificate needs its key; give both"},
        {"https://h", NULL, NULL, 0,
         "http: connect_ms, request_ms, silence_s and body_max are to be at least 1"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_http_client *c = NULL;
        choir_error err = {.message = ""};
        ch_http_client_options o = ch_http_client_defaults();
        o.url = rows[i].url;
        o.pin = rows[i].pin;
        o.certificate_file = rows[i].certificate_file;
        o.request_ms = rows[i].request_ms;
        check_status(ch_http_client_create(&c, &o, &env, &err),
                     rows[i].message == NULL ? CHOIR_OK : CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message == NULL ? "" : rows[i].message);
        ch_http_client_destroy(c);
    }
}

static void a_call_that_http_cannot_carry_is_refused(void **state) {
    (void)state;
    static const ch_http_call calls[] = {
        {.method = "", .path = "/"},
        {.method = "get", .path = "/"},
        {.method = "GET / HTTP/1.1\r\nX: ", .path = "/"},
        {.method = "GET", .path = ""},
        {.method = "GET", .path = "@evil/"},
        {.method = "GET", .path = "/a b"},
        {.method = "GET", .path = "/a\r\nX: y"},
        {.method = "GET", .path = "/", .bearer = "a\r\nX: y"},
        {.method = "GET", .path = "/", .type = "a\r\nX: y"},
        {.method = "GET", .path = "/", .headers = {"A: b", "a\r\nX: y"}},
        {.method = "GET", .path = "/", .headers = {"no colon"}},
    };
    const ch_http_client_options o = options_for("http", 1);
    ch_http_client *c = client_open(&o);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        ch_http_reply r;
        choir_error err = {.message = ""};
        check_status(ch_http_client_send(c, &calls[i], &r, &err), CHOIR_EINVAL);
        assert_non_null(strstr(err.message, "http://127.0.0.1:1: cannot ask: "));
    }
    ch_http_client_destroy(c);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    ch_http_server *s = server_open(NULL, NULL, NULL);
    const ch_http_client_options o = options_for("http", ch_http_server_port(s));
    const ch_http_call call = {.method = "GET", .path = "/model"};
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_http_client *c = NULL;
        ch_http_reply r;
        m.status = ch_http_client_create(&c, &o, &m.env, NULL);
        if (m.status == CHOIR_OK) {
            m.status = ch_http_client_send(c, &call, &r, NULL);
        }
        ch_http_client_destroy(c);
    }
    assert_true(m.tries > 2);
    ch_http_server_stop(s, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_arrives_as_it_was_made),
        cmocka_unit_test(an_answer_comes_whole_and_unpacked),
        cmocka_unit_test(an_answer_takes_no_more_than_was_expected_of_it),
        cmocka_unit_test(an_answer_takes_no_more_than_its_call_lets_it),
        cmocka_unit_test(any_status_is_an_answer),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(a_call_that_http_cannot_carry_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, talk_prepare, NULL);
}
