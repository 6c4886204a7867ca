/* Conditions as options: what commands that train on a device take. docs/conditions.md */
#ifndef CHOIR_APPS_CONDITIONS_ROWS_H
#define CHOIR_APPS_CONDITIONS_ROWS_H

#include "base/options.h"
#include "choir/conditions.h"

#include <stddef.h>

/* Rows for a struct T whose member M is a choir_conditions. */
#define CONDITIONS_ROWS(T, M)                                                                      \
    {"--when-charging",   CH_OPTION_FLAG, offsetof(T, M.charging), 0, 0, "", NULL,                 \
     "work only on mains"},                                                                        \
        {"--when-unmetered",                                                                       \
         CH_OPTION_FLAG,                                                                           \
         offsetof(T, M.unmetered),                                                                 \
         0,                                                                                        \
         0,                                                                                        \
         "",                                                                                       \
         NULL,                                                                                     \
         "work only over a network that is not paid by the byte"},                                 \
        {"--when-idle",                                                                            \
         CH_OPTION_FLAG,                                                                           \
         offsetof(T, M.idle),                                                                      \
         0,                                                                                        \
         0,                                                                                        \
         "",                                                                                       \
         NULL,                                                                                     \
         "work only while the machine has little else to do"},                                     \
        {"--battery-min",                                                                          \
         CH_OPTION_U32,                                                                            \
         offsetof(T, M.battery_min),                                                               \
         0,                                                                                        \
         100,                                                                                      \
         "percent",                                                                                \
         NULL,                                                                                     \
         "work only with the battery at least so full; 0: whatever it has"},                       \
        {"--temperature-max",                                                                      \
         CH_OPTION_U32,                                                                            \
         offsetof(T, M.temperature_max),                                                           \
         0,                                                                                        \
         150,                                                                                      \
         "degrees C",                                                                              \
         NULL,                                                                                     \
         "work only while no part is hotter; 0: however hot"},                                     \
        {"--window",                                                                               \
         CH_OPTION_TEXT,                                                                           \
         offsetof(T, M.window),                                                                    \
         0,                                                                                        \
         CHOIR_WINDOW_MAX,                                                                         \
         "",                                                                                       \
         NULL,                                                                                     \
         "work only at this time of the day, local: 22:00-06:00"},                                 \
        {"--pause",                                                                                \
         CH_OPTION_U32,                                                                            \
         offsetof(T, M.pause_s),                                                                   \
         1,                                                                                        \
         3600,                                                                                     \
         "s",                                                                                      \
         NULL,                                                                                     \
         "how often to look again at what stands in the way"},                                     \
    {                                                                                              \
        "--system", CH_OPTION_TEXT, offsetof(T, M.root), 0, CHOIR_ROOT_MAX, "", NULL,              \
            "the folder whose sys/ and proc/ are read, as where a container sees its host's"       \
    }

#endif
