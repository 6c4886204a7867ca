/* Fetch: content that comes in pieces, from servers that do ranges, do not, or say nonsense. */
#include "support/check.h"
#include "support/web_server.h"

#include "base/sha256.h"
#include "client/fetch.h"

enum { SIZE = 1 << 20, STEPS_MAX = 4 };

static uint8_t file[SIZE + 1];
static uint8_t out[SIZE];

static choir_hash file_make(void) {
    choir_hash name;
    for (uint32_t i = 0; i < sizeof(file); i++) {
        file[i] = (uint8_t)(i * 2654435761U >> 24);
    }
    ch_sha256_of(file, SIZE, name.bytes);
    return name;
}

static ch_http_client *client_open(const web_server *s) {
    const choir_env env = choir_env_default();
    ch_http_client_options o = ch_http_client_defaults();
    ch_http_client *c = NULL;
    char url[64];
    (void)snprintf(url, sizeof(url), "%.*s", (int)strlen(s->url) - (int)strlen("/file"), s->url);
    o.url = url;
    o.proxy = "";
    o.silence_s = 1;
    check_status(ch_http_client_create(&c, &o, &env, NULL), CHOIR_OK);
    return c;
}

static void it_goes_on_where_a_connection_broke(void **state) {
    (void)state;
    static const struct {
        web_answer script[STEPS_MAX];
        choir_status status[STEPS_MAX];
        size_t had[STEPS_MAX];
        bool gains[STEPS_MAX];
    } rows[] = {
        {{WEB_SERVE}, {CHOIR_OK}, {SIZE}, {true}},
        {{WEB_CUT, WEB_CUT, WEB_SERVE},
         {CHOIR_EIO, CHOIR_EIO, CHOIR_OK},
         {SIZE / 2, SIZE * 3 / 4, SIZE},
         {true, true, true}},
        // nothing comes of one; one does no ranges and breaks off earlier, then gives all
        {{WEB_CUT, WEB_SILENT, WEB_NO_RANGES},
         {CHOIR_EIO, CHOIR_EIO, CHOIR_OK},
         {SIZE / 2, SIZE / 2, SIZE},
         {true, false, true}},
        // it is gone, or another: what was there is forgotten
        {{WEB_CUT, WEB_MISSING, WEB_SERVE},
         {CHOIR_EIO, CHOIR_EAGAIN, CHOIR_OK},
         {SIZE / 2, 0, SIZE},
         {true, false, true}},
        {{WEB_CUT, WEB_LONG, WEB_SERVE},
         {CHOIR_EIO, CHOIR_EPROTO, CHOIR_OK},
         {SIZE / 2, 0, SIZE},
         {true, false, true}},
    };
    const choir_hash name = file_make();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static web_server s;
        ch_fetch d = {.had = 0};
        size_t steps = 0;
        while (steps < STEPS_MAX && rows[i].had[steps] + (size_t)rows[i].status[steps] != 0) {
            steps += 1;
        }
        assert_true(web_start(&s, file, SIZE, rows[i].script, steps));
        ch_http_client *c = client_open(&s);
        memset(out, 0, sizeof(out));
        for (size_t j = 0; j < steps; j++) {
            bool gains = false;
            choir_error err = {.message = ""};
            const size_t before = d.had;
            check_status(ch_fetch_get(&d, c, &name, out, SIZE, &gains, &err), rows[i].status[j]);
            assert_int_equal(s.last_range, before);
            assert_int_equal(d.had, rows[i].had[j]);
            assert_int_equal(gains, rows[i].gains[j]);
            assert_int_equal(err.message[0] == '\0', rows[i].status[j] == CHOIR_OK);
        }
        assert_memory_equal(out, file, SIZE);
        ch_http_client_destroy(c);
        web_stop(&s);
    }
}

static void another_name_begins_anew(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_CUT, WEB_SERVE};
    static web_server s;
    const choir_hash name = file_make();
    choir_hash other = name;
    other.bytes[0] ^= 1;
    ch_fetch d = {.had = 0};
    bool gains = false;
    assert_true(web_start(&s, file, SIZE, script, 2));
    ch_http_client *c = client_open(&s);
    check_status(ch_fetch_get(&d, c, &name, out, SIZE, &gains, NULL), CHOIR_EIO);
    assert_int_equal(d.had, SIZE / 2);
    check_status(ch_fetch_get(&d, c, &other, out, SIZE, &gains, NULL), CHOIR_OK);
    assert_int_equal(s.last_range, 0);
    check_status(ch_fetch_get(&d, c, &other, out, SIZE, &gains, NULL), CHOIR_OK);
    assert_int_equal(s.requests, 2); // for what is there nobody is asked
    ch_fetch_reset(&d);
    check_status(ch_fetch_get(&d, c, &other, out, SIZE, &gains, NULL), CHOIR_OK);
    assert_int_equal(s.last_range, 0);
    check_status(ch_fetch_get(&d, c, &other, out, SIZE - 1, &gains, NULL), CHOIR_EPROTO);
    ch_http_client_destroy(c);
    web_stop(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_where_a_connection_broke),
        cmocka_unit_test(another_name_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
