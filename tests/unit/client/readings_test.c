/* Readings: what Linux's files say of a device, in made trees; what they do not say is unknown. */
#include "support/made_system.h"

#include "choir/conditions.h"

static char folder[FOLDER_PATH_MAX];

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

static choir_readings read_made(void) {
    choir_readings r;
    choir_readings_linux(&r, folder);
    return r;
}

static void nothing_is_known_of_an_empty_tree(void **state) {
    (void)state;
    const choir_readings r = read_made();
    assert_int_equal(r.charging, CHOIR_UNKNOWN);
    assert_int_equal(r.unmetered, CHOIR_UNKNOWN);
    assert_int_equal(r.idle, CHOIR_UNKNOWN);
    assert_int_equal(r.battery, CHOIR_BATTERY_UNKNOWN);
    assert_true(r.temperature == CHOIR_TEMPERATURE_UNKNOWN);
    assert_int_equal(r.day_ms, CHOIR_TIME_UNKNOWN);
}

static void this_machine_can_be_read(void **state) {
    (void)state;
    choir_readings r;
    choir_readings_linux(&r, "");
    assert_in_range(r.charging, CHOIR_UNKNOWN, CHOIR_YES);
    assert_in_range(r.battery + 1, 0, 101);
    assert_in_range(r.idle, CHOIR_NO, CHOIR_YES); // every Linux has /proc/loadavg
}

static void a_battery_charges_or_does_not(void **state) {
    (void)state;
    const struct {
        const char *status;
        choir_truth charging;
    } rows[] = {
        {"Charging\n", CHOIR_YES},   {"Full\n", CHOIR_YES},        {"Not charging\n", CHOIR_YES},
        {"Discharging\n", CHOIR_NO}, {"Unknown\n", CHOIR_UNKNOWN}, {"", CHOIR_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        made_supply(folder, "BAT0", "Battery\n", "status", rows[i].status);
        assert_int_equal(read_made().charging, rows[i].charging);
    }
}

static void a_source_that_is_online_outweighs_the_battery(void **state) {
    (void)state;
    made_supply(folder, "BAT0", "Battery\n", "status", "Discharging\n");
    made_supply(folder, "AC", "Mains\n", "online", "1\n");
    assert_int_equal(read_made().charging, CHOIR_YES);
    made_supply(folder, "AC", "Mains\n", "online", "0\n");
    assert_int_equal(read_made().charging, CHOIR_NO);
    made_supply(folder, "usb", "USB\n", "online", "1\n");
    assert_int_equal(read_made().charging, CHOIR_YES);
    made_supply(folder, "usb", "USB\n", "online", "?\n");
    assert_int_equal(read_made().charging, CHOIR_NO);
}

static void levels_of_batteries_are_their_mean(void **state) {
    (void)state;
    made_supply(folder, "BAT0", "Battery\n", "capacity", "23\n");
    assert_int_equal(read_made().battery, 23);
    made_supply(folder, "BAT1", "Battery\n", "capacity", "100\n");
    assert_int_equal(read_made().battery, 61);
    made_supply(folder, "mouse", "Battery\n", "scope", "Device\n");
    made_supply(folder, "mouse", "Battery\n", "capacity", "1\n");
    assert_int_equal(read_made().battery, 61);
    made_supply(folder, "BAT1", "Battery\n", "capacity", "101\n");
    assert_int_equal(read_made().battery, CHOIR_BATTERY_UNKNOWN);
}

static void a_machine_without_a_battery_is_on_mains(void **state) {
    (void)state;
    made_supply(folder, "mouse", "Battery\n", "scope", "Device\n");
    const choir_readings r = read_made();
    assert_int_equal(r.charging, CHOIR_YES);
    assert_int_equal(r.battery, 100);
}

static void what_leads_out_says_whether_it_is_metered(void **state) {
    (void)state;
    const struct {
        const char *name;
        const char *type;
        choir_truth unmetered;
    } rows[] = {
        {"eth0", "1\n", CHOIR_YES},         {"wlan0", "1\n", CHOIR_YES},
        {"wwan0", "1\n", CHOIR_NO},         {"ppp0", "512\n", CHOIR_NO},
        {"modem", "512\n", CHOIR_NO},       {"modem1", "519\n", CHOIR_NO},
        {"rmnet_data0", "1\n", CHOIR_NO},   {"usb0", "1\n", CHOIR_NO},
        {"tun0", "65534\n", CHOIR_UNKNOWN}, {"odd0", "?\n", CHOIR_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        made_interface(folder, rows[i].name, rows[i].type);
        if (read_made().unmetered != rows[i].unmetered) {
            fail_msg("%s: %d", rows[i].name, (int)read_made().unmetered);
        }
    }
    made_interface(folder, "enx1", "1\n");
    made_put(folder, "sys/class/net/enx1/uevent", "DEVTYPE=wwan\nINTERFACE=enx1\n");
    assert_int_equal(read_made().unmetered, CHOIR_NO);
}

static void of_two_ways_out_the_dearer_counts(void **state) {
    (void)state;
    static const char zeros[] = "00000000000000000000000000000000";
    char route[400];
    made_interface(folder, "eth0", "1\n");
    made_put(folder, "sys/class/net/wwan0/type", "1\n");
    made_put(folder, "sys/class/net/wg0/type", "65534\n");
    const struct {
        const char *name;
        const char *flags;
        choir_truth unmetered;
    } rows[] = {
        {"wwan0", "00000003", CHOIR_NO},    {"eth0", "00000003", CHOIR_YES},
        {"wg0", "00000003", CHOIR_UNKNOWN}, {"wwan0", "00000002", CHOIR_YES}, // is down
        {"wwan0", "00200201", CHOIR_YES},                                     // leads nowhere
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)snprintf(route, sizeof(route), "%s 00 %s 00 %s 00000400 00000001 00000000 %s %s\n",
                       zeros, zeros, zeros, rows[i].flags, rows[i].name);
        made_put(folder, "proc/net/ipv6_route", route);
        if (read_made().unmetered != rows[i].unmetered) {
            fail_msg("row %zu: %d", i, (int)read_made().unmetered);
        }
    }
    made_put(folder, "proc/net/ipv6_route", "no\n\ntable at all\n");
    made_put(folder, "proc/net/route", "Iface\neth0\t00000000\t0\n");
    assert_int_equal(read_made().unmetered, CHOIR_UNKNOWN);
}

static void load_is_weighed_by_cores(void **state) {
    (void)state;
    const struct {
        const char *load;
        const char *cores;
        choir_truth idle;
    } rows[] = {
        {"0.49 9.00 9.00 1/90 1\n", "0\n", CHOIR_YES},
        {"0.50 0.00 0.00 1/90 1\n", "0\n", CHOIR_NO},
        {"1.99 0.00 0.00 1/90 1\n", "0-3\n", CHOIR_YES},
        {"2.00 0.00 0.00 1/90 1\n", "0-2,6\n", CHOIR_NO},
        {"0.10 0.00 0.00 1/90 1\n", "3-0\n", CHOIR_UNKNOWN},
        {"0.10 0.00 0.00 1/90 1\n", "\n", CHOIR_UNKNOWN},
        {"none\n", "0\n", CHOIR_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        made_put(folder, "proc/loadavg", rows[i].load);
        made_put(folder, "sys/devices/system/cpu/online", rows[i].cores);
        if (read_made().idle != rows[i].idle) {
            fail_msg("row %zu: %d", i, (int)read_made().idle);
        }
    }
}

static void the_hottest_zone_counts_and_sensors_that_are_none_do_not(void **state) {
    (void)state;
    made_put(folder, "sys/class/thermal/thermal_zone0/temp", "-274000\n");
    made_put(folder, "sys/class/thermal/cooling_device0/temp", "99000\n");
    assert_true(read_made().temperature == CHOIR_TEMPERATURE_UNKNOWN);
    made_put(folder, "sys/class/thermal/thermal_zone1/temp", "38500\n");
    made_put(folder, "sys/class/thermal/thermal_zone2/temp", "41250\n");
    made_put(folder, "sys/class/thermal/thermal_zone3/temp", "1000000\n");
    check_near(read_made().temperature, 41.25, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_known_of_an_empty_tree, start, end),
        cmocka_unit_test_setup_teardown(this_machine_can_be_read, start, end),
        cmocka_unit_test_setup_teardown(a_battery_charges_or_does_not, start, end),
        cmocka_unit_test_setup_teardown(a_source_that_is_online_outweighs_the_battery, start, end),
        cmocka_unit_test_setup_teardown(levels_of_batteries_are_their_mean, start, end),
        cmocka_unit_test_setup_teardown(a_machine_without_a_battery_is_on_mains, start, end),
        cmocka_unit_test_setup_teardown(what_leads_out_says_whether_it_is_metered, start, end),
        cmocka_unit_test_setup_teardown(of_two_ways_out_the_dearer_counts, start, end),
        cmocka_unit_test_setup_teardown(load_is_weighed_by_cores, start, end),
        cmocka_unit_test_setup_teardown(the_hottest_zone_counts_and_sensors_that_are_none_do_not,
                                        start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
