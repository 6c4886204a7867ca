/*
 * A made sys/ and proc/ below a test's folder.
 *
 *     made_put(root, "sys/class/power_supply/BAT0/capacity", "23\n");
 */
#ifndef CHOIR_TESTS_MADE_SYSTEM_H
#define CHOIR_TESTS_MADE_SYSTEM_H

#include "support/check.h"
#include "support/folder.h"

#include "base/disk.h"

#include <libgen.h>

/* Writes a file and what folders it lies in. */
static inline void made_put(const char *root, const char *path, const char *text) {
    char whole[FOLDER_PATH_MAX + 200];
    char folder[FOLDER_PATH_MAX + 200];
    (void)snprintf(whole, sizeof(whole), "%s/%s", root, path);
    (void)snprintf(folder, sizeof(folder), "%s", whole);
    check_status(ch_disk_folders(dirname(folder), NULL), CHOIR_OK);
    folder_put(whole, text, strlen(text));
}

/* A power supply: its type, and one more file. */
static inline void made_supply(const char *root, const char *name, const char *type,
                               const char *file, const char *text) {
    char path[200];
    (void)snprintf(path, sizeof(path), "sys/class/power_supply/%s/type", name);
    made_put(root, path, type);
    (void)snprintf(path, sizeof(path), "sys/class/power_supply/%s/%s", name, file);
    made_put(root, path, text);
}

/* An interface through which the way out leads, of a type of Linux's ARPHRD_*. */
static inline void made_interface(const char *root, const char *name, const char *type) {
    char path[200];
    char route[300];
    (void)snprintf(path, sizeof(path), "sys/class/net/%s/type", name);
    made_put(root, path, type);
    (void)snprintf(route, sizeof(route),
                   "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n"
                   "%s\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
                   "lo\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n",
                   name);
    made_put(root, "proc/net/route", route);
}

#endif
