/*
 * Conditions: each lets through or stands in the way, with its name, what was read and what is
 * wanted; what is unknown stands in the way of who needs it.
 */
#include "support/made_system.h"

#include "choir/conditions.h"
#include "client/gate.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

static choir_conditions with(choir_condition condition) {
    choir_conditions c = choir_conditions_defaults();
    c.charging = condition == CHOIR_CONDITION_CHARGING;
    c.unmetered = condition == CHOIR_CONDITION_UNMETERED;
    c.idle = condition == CHOIR_CONDITION_IDLE;
    c.battery_min = condition == CHOIR_CONDITION_BATTERY ? 30 : 0;
    c.temperature_max = condition == CHOIR_CONDITION_TEMPERATURE ? 40 : 0;
    (void)snprintf(c.window, sizeof(c.window), "%s",
                   condition == CHOIR_CONDITION_WINDOW ? "22:00-06:00" : "");
    return c;
}

static choir_readings best(void) {
    return (choir_readings){CHOIR_YES, CHOIR_YES, CHOIR_YES, 100, 20, 23 * (int64_t)HOUR_MS};
}

static choir_readings worst(void) {
    return (choir_readings){CHOIR_NO, CHOIR_NO, CHOIR_NO, 23, 41.5, 14 * (int64_t)HOUR_MS};
}

/* Judges c by r: what stands in the way must be exactly this; "" for nothing. */
static void check_text(const choir_conditions *c, choir_readings r, const char *text) {
    choir_obstacles o;
    choir_conditions_judge(&o, c, &r, CHOIR_ACTIVITY_WORK);
    assert_string_equal(o.text, text);
    assert_int_equal(o.set == 0, text[0] == '\0');
}

static const struct {
    const char *bad;
    const char *unknown;
} SAID[CHOIR_CONDITIONS] = {
    [CHOIR_CONDITION_CHARGING] = {"power is the battery, must be mains",
                                  "power is unknown, must be mains"},
    [CHOIR_CONDITION_BATTERY] = {"battery is 23 %, must be at least 30 %",
                                 "battery is unknown, must be at least 30 %"},
    [CHOIR_CONDITION_UNMETERED] = {"network is metered, must be unmetered",
                                   "network is unknown, must be unmetered"},
    [CHOIR_CONDITION_IDLE] = {"device is busy, must be idle", "device is unknown, must be idle"},
    [CHOIR_CONDITION_WINDOW] = {"time is 14:00, must be in 22:00-06:00",
                                "time is unknown, must be in 22:00-06:00"},
    [CHOIR_CONDITION_TEMPERATURE] = {"temperature is 41.5 C, must be at most 40 C",
                                     "temperature is unknown, must be at most 40 C"},
};

static void each_holds_or_is_named_with_its_reading(void **state) {
    (void)state;
    for (choir_condition i = 0; i < CHOIR_CONDITIONS; i++) {
        const choir_conditions c = with(i);
        check_text(&c, best(), "");
        check_text(&c, worst(), SAID[i].bad);
        check_text(&c, choir_readings_unknown(), SAID[i].unknown);
        choir_obstacles o;
        const choir_readings r = worst();
        choir_conditions_judge(&o, &c, &r, CHOIR_ACTIVITY_WORK);
        assert_int_equal(o.set, 1U << i);
    }
}

static void nothing_is_asked_unless_it_is_set(void **state) {
    (void)state;
    const choir_conditions c = choir_conditions_defaults();
    check_text(&c, worst(), "");
    check_text(&c, choir_readings_unknown(), "");
}

static void bounds_are_in(void **state) {
    (void)state;
    choir_readings r = best();
    r.battery = 30;
    r.temperature = 40;
    const choir_conditions battery = with(CHOIR_CONDITION_BATTERY);
    const choir_conditions temperature = with(CHOIR_CONDITION_TEMPERATURE);
    check_text(&battery, r, "");
    check_text(&temperature, r, "");
    r.battery = 29;
    r.temperature = 40.1;
    check_text(&battery, r, "battery is 29 %, must be at least 30 %");
    check_text(&temperature, r, "temperature is 40.1 C, must be at most 40 C");
    r.temperature = NAN;
    check_text(&temperature, r, "temperature is unknown, must be at most 40 C");
}

static void all_that_stand_in_the_way_are_named(void **state) {
    (void)state;
    choir_conditions c = with(CHOIR_CONDITION_WINDOW);
    c.charging = c.unmetered = c.idle = true;
    c.battery_min = 30;
    c.temperature_max = 40;
    choir_obstacles o;
    const choir_readings r = worst();
    choir_conditions_judge(&o, &c, &r, CHOIR_ACTIVITY_WORK);
    assert_int_equal(o.set, (1U << CHOIR_CONDITIONS) - 1);
    for (size_t i = 0; i < CHOIR_CONDITIONS; i++) {
        assert_non_null(strstr(o.text, SAID[i].bad));
    }
    check_text(&c, best(), "");
}

static void only_the_network_holds_up_a_report(void **state) {
    (void)state;
    for (choir_condition i = 0; i < CHOIR_CONDITIONS; i++) {
        const choir_conditions c = with(i);
        const choir_readings r = worst();
        choir_obstacles o;
        choir_conditions_judge(&o, &c, &r, CHOIR_ACTIVITY_SEND);
        assert_int_equal(o.set != 0, i == CHOIR_CONDITION_UNMETERED);
    }
}

static bool is_in(const char *window, int64_t day_ms) {
    choir_conditions c = choir_conditions_defaults();
    choir_readings r = choir_readings_unknown();
    choir_obstacles o;
    (void)snprintf(c.window, sizeof(c.window), "%s", window);
    check_status(choir_conditions_check(&c, NULL), CHOIR_OK);
    r.day_ms = day_ms;
    choir_conditions_judge(&o, &c, &r, CHOIR_ACTIVITY_WORK);
    return o.set == 0;
}

static void windows_begin_with_their_first_moment_and_end_before_their_last(void **state) {
    (void)state;
    assert_false(is_in("09:00-17:30", 9 * (int64_t)HOUR_MS - 1));
    assert_true(is_in("09:00-17:30", 9 * (int64_t)HOUR_MS));
    assert_true(is_in("09:00-17:30", 17 * (int64_t)HOUR_MS + 30 * MINUTE_MS - 1));
    assert_false(is_in("09:00-17:30", 17 * (int64_t)HOUR_MS + 30 * MINUTE_MS));
    assert_false(is_in("22:00-06:00", 22 * (int64_t)HOUR_MS - 1));
    assert_true(is_in("22:00-06:00", 22 * (int64_t)HOUR_MS));
    assert_true(is_in("22:00-06:00", 0));
    assert_true(is_in("22:00-06:00", 6 * (int64_t)HOUR_MS - 1));
    assert_false(is_in("22:00-06:00", 6 * (int64_t)HOUR_MS));
    assert_true(is_in("00:00-23:59", 0));
}

static uint64_t wait_at(const choir_conditions *c, int64_t day_ms) {
    choir_readings r = worst();
    choir_obstacles o;
    r.day_ms = day_ms;
    choir_conditions_judge(&o, c, &r, CHOIR_ACTIVITY_WORK);
    return o.wait_ms;
}

static void it_is_looked_again_when_the_window_begins_or_after_the_pause(void **state) {
    (void)state;
    const int64_t begin = 22 * (int64_t)HOUR_MS;
    choir_conditions c = with(CHOIR_CONDITION_WINDOW);
    assert_int_equal(wait_at(&c, begin - 1), 1);
    assert_int_equal(wait_at(&c, begin - 30 * 1000), 30 * 1000);
    assert_int_equal(wait_at(&c, begin - 40 * MINUTE_MS), 40 * MINUTE_MS);
    assert_int_equal(wait_at(&c, begin - 90 * MINUTE_MS), HOUR_MS);
    assert_int_equal(wait_at(&c, CHOIR_TIME_UNKNOWN), 60 * 1000);
    assert_int_equal(wait_at(&c, begin), 0);
    c.battery_min = 30;
    assert_int_equal(wait_at(&c, begin - 40 * MINUTE_MS), 40 * MINUTE_MS);
    assert_int_equal(wait_at(&c, begin), 60 * 1000);
    c.pause_s = 5;
    assert_int_equal(wait_at(&c, begin), 5 * 1000);
}

static void a_setting_out_of_its_range_is_named(void **state) {
    (void)state;
    static const char *const windows[] = {"22:00",       "22:00-22:00", "24:00-06:00",
                                          "22:60-06:00", "22.00-06:00", "22:00-06:00 ",
                                          "2:00-06:00",  "night",       "22:00-0a:00"};
    choir_error err = {.message = ""};
    choir_conditions c = choir_conditions_defaults();
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        (void)snprintf(c.window, sizeof(c.window), "%s", windows[i]);
        check_status(choir_conditions_check(&c, &err), CHOIR_EINVAL);
        assert_non_null(strstr(err.message, windows[i]));
    }
    c = choir_conditions_defaults();
    c.battery_min = 101;
    check_status(choir_conditions_check(&c, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "conditions: battery_min is 101, must be in [0, 100] percent");
    c = choir_conditions_defaults();
    c.temperature_max = 151;
    check_status(choir_conditions_check(&c, &err), CHOIR_EINVAL);
    c = choir_conditions_defaults();
    c.pause_s = 0;
    check_status(choir_conditions_check(&c, &err), CHOIR_EINVAL);
    c.pause_s = 3601;
    check_status(choir_conditions_check(&c, &err), CHOIR_EINVAL);
    c = choir_conditions_defaults();
    memset(c.window, '1', sizeof(c.window));
    check_status(choir_conditions_check(&c, &err), CHOIR_EINVAL);
}

// ----- looking ----------------------------------------------------------------------------------

typedef struct host {
    choir_readings said;
    int64_t day_ms; // that it was handed
    uint32_t asked;
} host;

static void host_read(void *self, choir_readings *out) {
    host *h = self;
    h->asked += 1;
    h->day_ms = out->day_ms;
    assert_int_equal(out->charging, CHOIR_UNKNOWN);
    assert_int_equal(out->battery, CHOIR_BATTERY_UNKNOWN);
    *out = h->said;
}

static void a_host_is_asked_only_for_what_is_wanted(void **state) {
    (void)state;
    host h = {.said = worst()};
    choir_conditions c = choir_conditions_defaults();
    choir_obstacles o;
    c.read = host_read;
    c.self = &h;
    choir_conditions_look(&o, &c, CHOIR_ACTIVITY_WORK);
    assert_int_equal(h.asked, 0);
    c.charging = true;
    choir_conditions_look(&o, &c, CHOIR_ACTIVITY_SEND);
    assert_int_equal(h.asked, 0);
    choir_conditions_look(&o, &c, CHOIR_ACTIVITY_WORK);
    assert_int_equal(h.asked, 1);
    assert_in_range(h.day_ms, 0, 24 * HOUR_MS - 1);
    assert_string_equal(o.text, SAID[CHOIR_CONDITION_CHARGING].bad);
    h.said = best();
    choir_conditions_look(&o, &c, CHOIR_ACTIVITY_WORK);
    assert_int_equal(o.set, 0);
}

static void linux_is_read_below_the_root(void **state) {
    (void)state;
    char folder[FOLDER_PATH_MAX];
    choir_obstacles o;
    choir_conditions c = with(CHOIR_CONDITION_BATTERY);
    folder_make(folder);
    (void)snprintf(c.root, sizeof(c.root), "%s", folder);
    choir_conditions_look(&o, &c, CHOIR_ACTIVITY_WORK);
    assert_string_equal(o.text, SAID[CHOIR_CONDITION_BATTERY].unknown);
    made_supply(folder, "BAT0", "Battery\n", "capacity", "23\n");
    choir_conditions_look(&o, &c, CHOIR_ACTIVITY_WORK);
    assert_string_equal(o.text, SAID[CHOIR_CONDITION_BATTERY].bad);
    made_supply(folder, "BAT0", "Battery\n", "capacity", "30\n");
    choir_conditions_look(&o, &c, CHOIR_ACTIVITY_WORK);
    assert_int_equal(o.set, 0);
    folder_remove(folder);
}

static void the_gate_is_closed_before_work_and_open_for_a_report(void **state) {
    (void)state;
    host h = {.said = worst()};
    const choir_task task = {.round = 7};
    choir_conditions c = with(CHOIR_CONDITION_BATTERY);
    c.read = host_read;
    c.self = &h;
    const struct {
        choir_intent next;
        bool has_joined;
        bool has_left;
        bool is_closed;
    } rows[] = {
        {{.kind = CHOIR_INTENT_SEND}, false, false, true},
        {{.kind = CHOIR_INTENT_SEND}, false, true, false}, // a report may be left
        {{.kind = CHOIR_INTENT_SEND}, true, false, true},
        {{.kind = CHOIR_INTENT_SEND}, true, true, true},
        {{.kind = CHOIR_INTENT_FETCH, .task = &task}, true, false, true},
        {{.kind = CHOIR_INTENT_TRAIN, .task = &task}, true, false, true},
        {{.kind = CHOIR_INTENT_SEND, .task = &task}, true, false, false},
        {{.kind = CHOIR_INTENT_SEND, .task = &task}, false, false, false},
        {{.kind = CHOIR_INTENT_WAIT}, true, false, false},
        {{.kind = CHOIR_INTENT_WAIT}, false, false, true},
        {{.kind = CHOIR_INTENT_DONE}, true, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_event event = {.kind = CHOIR_EVENT_DONE};
        assert_int_equal(ch_gate_is_closed(&c, &rows[i].next, rows[i].has_joined, rows[i].has_left,
                                           1000, &event),
                         rows[i].is_closed);
        assert_int_equal(event.kind, rows[i].is_closed ? CHOIR_EVENT_BLOCKED : CHOIR_EVENT_DONE);
        if (rows[i].is_closed) {
            assert_int_equal(event.wake_ms, 1000 + 60 * 1000);
            assert_int_equal(event.round, rows[i].next.task == NULL ? 0 : 7);
            assert_int_equal(event.obstacles, 1U << CHOIR_CONDITION_BATTERY);
            assert_string_equal(event.message, SAID[CHOIR_CONDITION_BATTERY].bad);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_holds_or_is_named_with_its_reading),
        cmocka_unit_test(nothing_is_asked_unless_it_is_set),
        cmocka_unit_test(bounds_are_in),
        cmocka_unit_test(all_that_stand_in_the_way_are_named),
        cmocka_unit_test(only_the_network_holds_up_a_report),
        cmocka_unit_test(windows_begin_with_their_first_moment_and_end_before_their_last),
        cmocka_unit_test(it_is_looked_again_when_the_window_begins_or_after_the_pause),
        cmocka_unit_test(a_setting_out_of_its_range_is_named),
        cmocka_unit_test(a_host_is_asked_only_for_what_is_wanted),
        cmocka_unit_test(linux_is_read_below_the_root),
        cmocka_unit_test(the_gate_is_closed_before_work_and_open_for_a_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
