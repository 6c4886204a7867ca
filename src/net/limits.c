/*
 * Limits: how often strangers may enrol and join, devices may ask, and administrators may fail.
 *
 * All of it is HTTP's thread's alone, and asked once for each request, when its head is in.
 */
#include "net/routes.h"

#include "base/env.h"
#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>

enum { ADDRESSES = 16384, SUBJECTS = 65536, BURST_MINUTES = 10 };

choir_status ch_limits_init(ch_server *s, const ch_server_options *o, choir_error *err) {
    const struct {
        ch_limiter *limiter;
        uint32_t keys;
        uint32_t per_minute;
        uint32_t burst_minutes;
    } rows[] = {
        {&s->entrances, ADDRESSES, o->join_rate, BURST_MINUTES},
        {&s->failures, ADDRESSES, o->failure_rate, BURST_MINUTES},
        {&s->exchanges, SUBJECTS, o->exchange_rate, BURST_MINUTES},
        {&s->limited_lines, ADDRESSES, 1, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint32_t rate = rows[i].per_minute;
        if (rate > CH_LIMITER_RATE_MAX) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "rate: %" PRIu32 " a minute is more than the %d that can be told "
                                "apart; 0 is no limit",
                                rate, CH_LIMITER_RATE_MAX);
        }
        if (ch_limiter_init(rows[i].limiter, rows[i].keys, rate, rate * rows[i].burst_minutes,
                            &s->env) != CHOIR_OK) {
            return ch_error_set(err, CHOIR_ENOMEM, "no memory for the limits");
        }
    }
    return CHOIR_OK;
}

void ch_limits_release(ch_server *s) {
    ch_limiter_release(&s->entrances, &s->env);
    ch_limiter_release(&s->failures, &s->env);
    ch_limiter_release(&s->exchanges, &s->env);
    ch_limiter_release(&s->limited_lines, &s->env);
}

static choir_bytes address_of(const ch_ask *ask, uint8_t key[CH_ADDRESS_KEY_MAX]) {
    const size_t size = ch_limiter_address(key, ch_http_peer(ask->exchange));
    return (choir_bytes){.data = key, .size = size};
}

/* A line a minute for each address: who is not heard may not fill the log either. */
static void limited_tell(const ch_ask *ask, uint64_t wait_s) {
    ch_server *s = ask->server;
    uint8_t key[CH_ADDRESS_KEY_MAX];
    s->limited += 1;
    if (ch_limiter_take(&s->limited_lines, address_of(ask, key), ch_server_now_ms()) > 0) {
        s->limited_untold += 1;
        return;
    }
    ch_log(&s->env, CHOIR_LEVEL_WARN, "request_limited",
           "from=%s wait_s=%" PRIu64 " untold=%" PRIu64, ch_http_peer(ask->exchange), wait_s,
           s->limited_untold);
    s->limited_untold = 0;
}

/* True; or false, and 429 was answered. */
static bool lets(ch_ask *ask, uint64_t wait_ms, const char *who) {
    if (wait_ms == 0) {
        return true;
    }
    char seconds[24];
    const uint64_t wait_s = (wait_ms + 999) / 1000;
    limited_tell(ask, wait_s);
    (void)snprintf(seconds, sizeof(seconds), "%" PRIu64, wait_s);
    ch_http_answer_header(ask->exchange, "Retry-After", seconds);
    ch_answer_error(ask->exchange, 429, "too many requests from %s; come again in %s s", who,
                    seconds);
    return false;
}

bool ch_limits_before(ch_ask *ask, ch_access access) {
    uint8_t key[CH_ADDRESS_KEY_MAX];
    const choir_bytes address = address_of(ask, key);
    const uint64_t now_ms = ch_server_now_ms();
    switch (access) {
    case CH_ACCESS_ENTRANT:
        return lets(ask, ch_limiter_take(&ask->server->entrances, address, now_ms), "this address");
    case CH_ACCESS_ADMIN:
    case CH_ACCESS_OWNER:
        return lets(ask, ch_limiter_peek(&ask->server->failures, address, now_ms), "this address");
    case CH_ACCESS_ANYONE:
    case CH_ACCESS_DEVICE:
        break;
    }
    return true;
}

bool ch_limits_after(ch_ask *ask, ch_access access) {
    if (access != CH_ACCESS_DEVICE) {
        return true;
    }
    const choir_bytes subject = {.data = (const uint8_t *)&ask->claims.subject,
                                 .size = sizeof(ask->claims.subject)};
    return lets(ask, ch_limiter_take(&ask->server->exchanges, subject, ch_server_now_ms()),
                "this device");
}

void ch_limits_failed(ch_ask *ask) {
    uint8_t key[CH_ADDRESS_KEY_MAX];
    (void)ch_limiter_take(&ask->server->failures, address_of(ask, key), ch_server_now_ms());
}
