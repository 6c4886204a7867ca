/* Conditions: see include/choir/conditions.h. */
#include "choir/conditions.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    WINDOW_LOOK_MS = HOUR_MS, // clocks are set, and time zones crossed
    SAID_MAX = 48,
    WINDOW_TEXT = 11, // bytes of "22:00-06:00"
};

/* Local time of a day, both in milliseconds since midnight. */
typedef struct window {
    int64_t begin;
    int64_t end;
} window;

choir_conditions choir_conditions_defaults(void) {
    return (choir_conditions){.window = "", .root = "", .pause_s = CHOIR_PAUSE_S};
}

choir_readings choir_readings_unknown(void) {
    return (choir_readings){.battery = CHOIR_BATTERY_UNKNOWN,
                            .temperature = CHOIR_TEMPERATURE_UNKNOWN,
                            .day_ms = CHOIR_TIME_UNKNOWN};
}

// ----- windows ----------------------------------------------------------------------------------

/* "22:00" at the beginning of text; false when it is none. */
static bool clock_read(int64_t *out, const char *text) {
    static const char form[] = "00:00";
    for (size_t i = 0; form[i] != '\0'; i++) {
        if (form[i] == ':' ? text[i] != ':' : text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    const int64_t hour = (text[0] - '0') * 10 + (text[1] - '0');
    const int64_t minute = (text[3] - '0') * 10 + (text[4] - '0');
    *out = hour * HOUR_MS + minute * MINUTE_MS;
    return hour < 24 && minute < 60;
}

static bool window_read(window *out, const char *text) {
    return strlen(text) == WINDOW_TEXT && text[5] == '-' && clock_read(&out->begin, text) &&
           clock_read(&out->end, text + 6) && out->begin != out->end;
}

static bool window_has(const window *w, int64_t day_ms) {
    return w->begin < w->end ? w->begin <= day_ms && day_ms < w->end
                             : w->begin <= day_ms || day_ms < w->end;
}

// ----- what each asks ---------------------------------------------------------------------------

/* One condition, of which a row below says how it is judged. */
typedef struct verdict {
    bool is_met;
    char reading[SAID_MAX];
    char wanted[SAID_MAX];
} verdict;

static void say_truth(verdict *v, choir_truth truth, const char *no, const char *yes) {
    const char *const words[] = {[CHOIR_UNKNOWN] = "unknown", [CHOIR_NO] = no, [CHOIR_YES] = yes};
    v->is_met = truth == CHOIR_YES;
    (void)snprintf(v->reading, SAID_MAX, "%s", words[truth]);
    (void)snprintf(v->wanted, SAID_MAX, "%s", yes);
}

static void judge_charging(verdict *v, const choir_conditions *c, const choir_readings *r) {
    (void)c;
    say_truth(v, r->charging, "the battery", "mains");
}

static void judge_unmetered(verdict *v, const choir_conditions *c, const choir_readings *r) {
    (void)c;
    say_truth(v, r->unmetered, "metered", "unmetered");
}

static void judge_idle(verdict *v, const choir_conditions *c, const choir_readings *r) {
    (void)c;
    say_truth(v, r->idle, "busy", "idle");
}

static void judge_battery(verdict *v, const choir_conditions *c, const choir_readings *r) {
    if (r->battery != CHOIR_BATTERY_UNKNOWN) {
        (void)snprintf(v->reading, SAID_MAX, "%" PRId32 " %%", r->battery);
        v->is_met = r->battery >= (int32_t)c->battery_min;
    }
    (void)snprintf(v->wanted, SAID_MAX, "at least %" PRIu32 " %%", c->battery_min);
}

static void judge_temperature(verdict *v, const choir_conditions *c, const choir_readings *r) {
    if (r->temperature > CHOIR_TEMPERATURE_UNKNOWN) { // and is a number
        (void)snprintf(v->reading, SAID_MAX, "%.1f C", r->temperature);
        v->is_met = r->temperature <= c->temperature_max;
    }
    (void)snprintf(v->wanted, SAID_MAX, "at most %" PRIu32 " C", c->temperature_max);
}

static void judge_window(verdict *v, const choir_conditions *c, const choir_readings *r) {
    window w = {0, 0};
    if (r->day_ms != CHOIR_TIME_UNKNOWN && window_read(&w, c->window)) {
        (void)snprintf(v->reading, SAID_MAX, "%02d:%02d", (int)(r->day_ms / HOUR_MS),
                       (int)(r->day_ms % HOUR_MS / MINUTE_MS));
        v->is_met = window_has(&w, r->day_ms);
    }
    (void)snprintf(v->wanted, SAID_MAX, "in %.*s", WINDOW_TEXT, c->window);
}

static bool wants_charging(const choir_conditions *c) {
    return c->charging;
}

static bool wants_battery(const choir_conditions *c) {
    return c->battery_min > 0;
}

static bool wants_unmetered(const choir_conditions *c) {
    return c->unmetered;
}

static bool wants_idle(const choir_conditions *c) {
    return c->idle;
}

static bool wants_window(const choir_conditions *c) {
    return c->window[0] != '\0';
}

static bool wants_temperature(const choir_conditions *c) {
    return c->temperature_max > 0;
}

typedef struct condition {
    const char *noun;
    bool is_network;
    bool (*wants)(const choir_conditions *c);
    void (*judge)(verdict *v, const choir_conditions *c, const choir_readings *r);
} condition;

static const condition CONDITIONS[CHOIR_CONDITIONS] = {
    [CHOIR_CONDITION_CHARGING] = {"power", false, wants_charging, judge_charging},
    [CHOIR_CONDITION_BATTERY] = {"battery", false, wants_battery, judge_battery},
    [CHOIR_CONDITION_UNMETERED] = {"network", true, wants_unmetered, judge_unmetered},
    [CHOIR_CONDITION_IDLE] = {"device", false, wants_idle, judge_idle},
    [CHOIR_CONDITION_WINDOW] = {"time", false, wants_window, judge_window},
    [CHOIR_CONDITION_TEMPERATURE] = {"temperature", false, wants_temperature, judge_temperature},
};

// ----- judging ----------------------------------------------------------------------------------

static bool is_asked(size_t i, const choir_conditions *c, choir_activity activity) {
    return CONDITIONS[i].wants(c) && (activity == CHOIR_ACTIVITY_WORK || CONDITIONS[i].is_network);
}

/* Until a window begins, which is sooner or later than any pause; else the pause. */
static uint64_t wait_of(uint32_t set, const choir_conditions *c, const choir_readings *r) {
    window w;
    const bool is_timed = (set & 1U << CHOIR_CONDITION_WINDOW) != 0 &&
                          r->day_ms != CHOIR_TIME_UNKNOWN && window_read(&w, c->window);
    if (!is_timed) {
        return (uint64_t)c->pause_s * 1000;
    }
    const int64_t left = (w.begin - r->day_ms + DAY_MS) % DAY_MS;
    return (uint64_t)(left < WINDOW_LOOK_MS ? left : WINDOW_LOOK_MS);
}

void choir_conditions_judge(choir_obstacles *out, const choir_conditions *c,
                            const choir_readings *r, choir_activity activity) {
    *out = (choir_obstacles){.set = 0};
    size_t used = 0;
    for (size_t i = 0; i < CHOIR_CONDITIONS; i++) {
        verdict v = {.reading = "unknown"};
        if (!is_asked(i, c, activity)) {
            continue;
        }
        CONDITIONS[i].judge(&v, c, r);
        if (!v.is_met && used < sizeof(out->text)) {
            out->set |= 1U << i;
            used += (size_t)snprintf(out->text + used, sizeof(out->text) - used,
                                     "%s%s is %s, must be %s", used == 0 ? "" : "; ",
                                     CONDITIONS[i].noun, v.reading, v.wanted);
        }
    }
    out->wait_ms = out->set == 0 ? 0 : wait_of(out->set, c, r);
}

static int64_t local_day_ms(void) {
    struct timespec now;
    struct tm local;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (localtime_r(&now.tv_sec, &local) == NULL) {
        return CHOIR_TIME_UNKNOWN;
    }
    const int second = local.tm_sec < 60 ? local.tm_sec : 59; // a leap second
    return (int64_t)local.tm_hour * HOUR_MS + (int64_t)local.tm_min * MINUTE_MS +
           (int64_t)second * 1000 + now.tv_nsec / 1000000;
}

void choir_conditions_look(choir_obstacles *out, const choir_conditions *c,
                           choir_activity activity) {
    *out = (choir_obstacles){.set = 0};
    bool asks = false;
    for (size_t i = 0; i < CHOIR_CONDITIONS; i++) {
        asks = asks || is_asked(i, c, activity);
    }
    if (!asks) {
        return;
    }
    choir_readings r = choir_readings_unknown();
    if (c->read == NULL) {
        choir_readings_linux(&r, c->root);
    }
    r.day_ms = local_day_ms();
    if (c->read != NULL) {
        c->read(c->self, &r);
    }
    choir_conditions_judge(out, c, &r, activity);
}

choir_status choir_conditions_check(const choir_conditions *c, choir_error *err) {
    window w;
    if (c->battery_min > 100) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "conditions: battery_min is %" PRIu32 ", must be in [0, 100] percent",
                            c->battery_min);
    }
    if (c->temperature_max > 150) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "conditions: temperature_max is %" PRIu32
                            ", must be in [0, 150] degrees C",
                            c->temperature_max);
    }
    if (c->pause_s < 1 || c->pause_s > 3600) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "conditions: pause_s is %" PRIu32 ", must be in [1, 3600] seconds",
                            c->pause_s);
    }
    if (memchr(c->window, '\0', sizeof(c->window)) == NULL ||
        memchr(c->root, '\0', sizeof(c->root)) == NULL) {
        return ch_error_set(err, CHOIR_EINVAL, "conditions: window and root must end in a zero");
    }
    if (c->window[0] != '\0' && !window_read(&w, c->window)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "conditions: window is '%s', must be two different times of the day, "
                            "as 22:00-06:00",
                            c->window);
    }
    return CHOIR_OK;
}
