/*
 * Conditions: when a device works: charging, battery, network, idle, time of day, temperature.
 *
 * Each is off unless it is set. What stands in the way is always named, with what was read and what
 * is wanted: "battery is 23 %, must be at least 30 %". A reading that is not known stands in the
 * way of what needs it: "battery is unknown, must be at least 30 %".
 *
 *     choir_conditions conditions = choir_conditions_defaults();
 *     conditions.charging = true, conditions.battery_min = 30;
 *     options.conditions = &conditions; // of choir_client_create
 *
 * All of them hold before a client joins, checks in, fetches a model or trains; the network's alone
 * before it sends what has become of a task. What runs is not interrupted.
 */
#ifndef CHOIR_CONDITIONS_H
#define CHOIR_CONDITIONS_H

#include "choir/status.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CHOIR_WINDOW_MAX = 16, // bytes of a window's text, with the terminating zero
    CHOIR_ROOT_MAX = 512,  // likewise of a folder's path
    CHOIR_PAUSE_S = 60,    // until what stands in the way is looked at again, unless set otherwise
};

/* 0 is not to know. */
typedef enum choir_truth {
    CHOIR_UNKNOWN,
    CHOIR_NO,
    CHOIR_YES,
} choir_truth;

#define CHOIR_BATTERY_UNKNOWN     (-1)
#define CHOIR_TEMPERATURE_UNKNOWN (-1000.0)
#define CHOIR_TIME_UNKNOWN        (-1)

/* What a device's state is. */
typedef struct choir_readings {
    choir_truth charging;  // or fed from mains with a full battery, or with none
    choir_truth unmetered; // the network costs nothing by the byte
    choir_truth idle;      // nobody needs it now
    int32_t battery;       // percent of full, 0 .. 100; or CHOIR_BATTERY_UNKNOWN
    double temperature;    // degrees C, of what is hottest; or CHOIR_TEMPERATURE_UNKNOWN
    int64_t day_ms;        // local time: milliseconds since midnight; or CHOIR_TIME_UNKNOWN
} choir_readings;

/* Nothing known. */
choir_readings choir_readings_unknown(void);

/*
 * Reads Linux: docs/conditions.md says from which files, and what they cannot tell. What has no
 * file, or one that makes no sense, is unknown.
 *
 * root  (less than CHOIR_ROOT_MAX bytes) the folder in which sys/ and proc/ are: "" or "/" for this
 *       machine's own
 */
void choir_readings_linux(choir_readings *out, const char *root);

typedef struct choir_conditions {
    bool charging;                 // default false, like the next two: it does not matter
    bool unmetered;                //
    bool idle;                     //
    uint32_t battery_min;          // percent, at most 100; default 0: any
    uint32_t temperature_max;      // degrees C, at most 150; default 0: any
    char window[CHOIR_WINDOW_MAX]; // local time, "22:00-06:00", its end not in it, over midnight
                                   // too; default "": any
    uint32_t pause_s;              // until what stands in the way is looked at again, 1 .. 3600;
                                   // default CHOIR_PAUSE_S. For a window: its beginning, or an
                                   // hour, because clocks are set

    char root[CHOIR_ROOT_MAX]; // for choir_readings_linux; default ""
    /* Reads instead of choir_readings_linux, which it may call. out is all unknown but for the time
     * of day, which is the system's. NULL, the default: Linux is read. */
    void (*read)(void *self, choir_readings *out);
    void *self; // borrowed
} choir_conditions;

choir_conditions choir_conditions_defaults(void);

/* Returns OK; EINVAL for what is outside its range, and err says which. */
CHOIR_NODISCARD choir_status choir_conditions_check(const choir_conditions *c, choir_error *err);

typedef enum choir_condition {
    CHOIR_CONDITION_CHARGING,
    CHOIR_CONDITION_BATTERY,
    CHOIR_CONDITION_UNMETERED,
    CHOIR_CONDITION_IDLE,
    CHOIR_CONDITION_WINDOW,
    CHOIR_CONDITION_TEMPERATURE,
    CHOIR_CONDITIONS, // how many
} choir_condition;

/* What is to be done. */
typedef enum choir_activity {
    CHOIR_ACTIVITY_WORK, // all conditions
    CHOIR_ACTIVITY_SEND, // of a report that is ready: the network's
} choir_activity;

/* What stands in the way. */
typedef struct choir_obstacles {
    uint32_t set;     // 1 << a choir_condition for each; 0: nothing
    uint64_t wait_ms; // until it is worth to look again; 0 when nothing stands in the way
    char text[400];   // each named, with what was read and what is wanted; "" for none
} choir_obstacles;

/* Judges readings. c must have passed choir_conditions_check. */
void choir_conditions_judge(choir_obstacles *out, const choir_conditions *c,
                            const choir_readings *r, choir_activity activity);

/* Reads and judges. Reads nothing when nothing is asked. */
void choir_conditions_look(choir_obstacles *out, const choir_conditions *c,
                           choir_activity activity);

#ifdef __cplusplus
}
#endif

#endif
