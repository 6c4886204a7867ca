/* Stopped: a device's host gives up what is under way at a server that does not answer. */
#include "support/check.h"

#include "choir/agent.h"
#include "crypto/encode.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server that takes connections and says nothing: none is ever accepted. */
typedef struct silence {
    int listener;
    choir_join join;
} silence;

static silence silence_open(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    silence s = {.listener = socket(AF_INET, SOCK_STREAM, 0)};
    assert_true(s.listener >= 0);
    assert_int_equal(bind(s.listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(s.listener, 8), 0);
    assert_int_equal(getsockname(s.listener, (struct sockaddr *)&at, &size), 0);
    const uint8_t key[32] = {1};
    (void)snprintf(s.join.url, sizeof(s.join.url), "http://127.0.0.1:%u", ntohs(at.sin_port));
    ch_base64(s.join.signing_key, (choir_bytes){.data = key, .size = sizeof(key)});
    ch_base64(s.join.secret, (choir_bytes){.data = key, .size = sizeof(key)});
    return s;
}

static bool stop_at_once(void *self) {
    *(bool *)self = true;
    return true;
}

static choir_client_options options_of(const silence *s, bool *is_asked) {
    choir_client_options o = choir_client_defaults();
    o.join = &s->join;
    o.job = "letters";
    o.is_stopped = stop_at_once;
    o.self = is_asked;
    return o;
}

static void what_is_given_up_is_lost_and_asked_again(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    silence s = silence_open();
    bool is_asked = false;
    const choir_client_options o = options_of(&s, &is_asked);
    choir_client *c = NULL;
    choir_event event;
    choir_error err = {.message = ""};
    check_status(choir_client_create(&c, &o, &env, &err), CHOIR_OK);
    check_status(choir_client_step(c, (choir_trainer){0}, &event, &err), CHOIR_OK);
    assert_true(is_asked);
    assert_int_equal(event.kind, CHOIR_EVENT_LOST);
    assert_non_null(strstr(event.message, ": stopped while waiting for the answer"));
    check_status(choir_client_step(c, (choir_trainer){0}, &event, &err), CHOIR_OK);
    assert_int_equal(event.kind, CHOIR_EVENT_WAIT);
    const choir_promoted *promoted = NULL;
    check_status(choir_client_promoted(c, &promoted, &err), CHOIR_EIO);
    assert_null(promoted);
    choir_client_destroy(c);
    (void)close(s.listener);
}

static choir_status never_made(void *self, const choir_offer *offer, choir_trainer *out,
                               choir_error *err) {
    (void)self, (void)offer, (void)out, (void)err;
    return CHOIR_EINVAL;
}

static void an_agents_job_is_not_over(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    silence s = silence_open();
    bool is_asked = false;
    choir_agent_job job = choir_agent_job_defaults();
    job.job = "letters";
    job.trainer_make = never_made;
    choir_agent_options o = choir_agent_defaults();
    o.client = options_of(&s, &is_asked);
    o.jobs = &job;
    o.count = 1;
    choir_agent *agent = NULL;
    choir_agent_event event;
    check_status(choir_agent_create(&agent, &o, &env, NULL), CHOIR_OK);
    choir_agent_step(agent, &event);
    assert_true(is_asked);
    assert_int_equal(event.event.kind, CHOIR_EVENT_LOST);
    check_status(event.status, CHOIR_OK);
    assert_int_equal(event.left, 1);
    choir_agent_destroy(agent);
    (void)close(s.listener);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_up_is_lost_and_asked_again),
        cmocka_unit_test(an_agents_job_is_not_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
