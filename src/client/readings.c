/*
 * Readings: a device's state as Linux tells it in sysfs and procfs. See include/choir/conditions.h.
 *
 *     charging     sys/class/power_supply/NAME/{type,scope,online,status}
 *     battery      sys/class/power_supply/NAME/capacity
 *     unmetered    proc/net/{route,ipv6_route}: which interfaces lead out;
 *                  sys/class/net/NAME/{type,uevent}: what they are
 *     idle         proc/loadavg, sys/devices/system/cpu/online
 *     temperature  sys/class/thermal/thermal_zoneN/temp
 *
 * Source: Documentation/ABI/testing/sysfs-class-{power,net,thermal} and Documentation/filesystems/
 * proc.rst of Linux; ARPHRD_* in its include/uapi/linux/if_arp.h.
 */
#include "base/text.h"
#include "choir/conditions.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_BYTES = CHOIR_ROOT_MAX + 384,
    WORD_BYTES = 64,
    FILE_BYTES = 64 * 1024, // of a routing table that is looked at
    LINE_BYTES = 256,
    ETHERNET = 1, // ARPHRD_ETHER: Wi-Fi too
    POINT = 512,  // ARPHRD_PPP: a modem's
    RAW_IP = 519, // ARPHRD_RAWIP: likewise
    ENTRIES_MAX = 256,
};

static const double LOAD_IDLE = 0.5; // a core, over the last minute
static const double COLDEST = -50;   // degrees C; what is outside is a sensor that is none
static const double HOTTEST = 150;

/* The first line of a file below root, without its end; false when there is none. */
static bool word_read(char out[LINE_BYTES], const char *root, const char *path) {
    char whole[PATH_BYTES];
    const int size = snprintf(whole, sizeof(whole), "%s/%s", root, path);
    FILE *file = (size_t)size < sizeof(whole) ? fopen(whole, "re") : NULL;
    if (file == NULL) {
        return false;
    }
    const bool is_read = fgets(out, LINE_BYTES, file) != NULL;
    (void)fclose(file);
    if (is_read) {
        out[strcspn(out, "\n")] = '\0';
    }
    return is_read;
}

/* The same of one file of an entry of a class: sys/class/CLASS/NAME/FILE. */
static bool class_read(char out[LINE_BYTES], const char *root, const char *class, const char *name,
                       const char *file) {
    char path[PATH_BYTES];
    const int size = snprintf(path, sizeof(path), "sys/class/%s/%s/%s", class, name, file);
    return (size_t)size < sizeof(path) && word_read(out, root, path);
}

/* Calls visit for every entry of a class. False when there is no such class. */
static bool class_visit(const char *root, const char *class,
                        void (*visit)(void *self, const char *root, const char *name), void *self) {
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/sys/class/%s", root, class);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return false;
    }
    const struct dirent *entry = readdir(folder);
    for (int i = 0; entry != NULL && i < ENTRIES_MAX; i++) {
        if (entry->d_name[0] != '.') {
            visit(self, root, entry->d_name);
        }
        entry = readdir(folder);
    }
    (void)closedir(folder);
    return true;
}

// ----- power ------------------------------------------------------------------------------------

typedef struct power {
    bool has_source; // something that feeds it tells whether it does
    bool is_fed;
    uint32_t batteries;
    uint32_t levels; // batteries that tell theirs
    uint32_t level_sum;
    bool is_drained; // a battery says that it discharges
    bool is_filled;  // or that it does not
} power;

static void battery_visit(power *p, const char *root, const char *name) {
    char text[LINE_BYTES];
    uint64_t level = 0;
    p->batteries += 1;
    if (class_read(text, root, "power_supply", name, "capacity") &&
        ch_text_read_u64(&level, text) && level <= 100) {
        p->levels += 1;
        p->level_sum += (uint32_t)level;
    }
    if (class_read(text, root, "power_supply", name, "status")) {
        p->is_drained = p->is_drained || strcmp(text, "Discharging") == 0;
        p->is_filled = p->is_filled || strcmp(text, "Charging") == 0 || strcmp(text, "Full") == 0 ||
                       strcmp(text, "Not charging") == 0;
    }
}

static void power_visit(void *self, const char *root, const char *name) {
    power *p = self;
    char text[LINE_BYTES];
    uint64_t online = 0;
    if (class_read(text, root, "power_supply", name, "scope") && strcmp(text, "Device") == 0) {
        return; // a mouse's
    }
    if (!class_read(text, root, "power_supply", name, "type")) {
        return;
    }
    if (strcmp(text, "Battery") == 0 || strcmp(text, "UPS") == 0) {
        battery_visit(p, root, name);
    } else if (class_read(text, root, "power_supply", name, "online") &&
               ch_text_read_u64(&online, text)) {
        p->has_source = true;
        p->is_fed = p->is_fed || online != 0;
    }
}

/* A source that says so outweighs what batteries say; without a battery it can only be mains. */
static choir_truth charging_of(const power *p) {
    if (p->has_source) {
        return p->is_fed ? CHOIR_YES : CHOIR_NO;
    }
    if (p->batteries == 0) {
        return CHOIR_YES;
    }
    if (p->is_drained) {
        return CHOIR_NO;
    }
    return p->is_filled ? CHOIR_YES : CHOIR_UNKNOWN;
}

static void power_read(choir_readings *out, const char *root) {
    power p = {0};
    if (!class_visit(root, "power_supply", power_visit, &p)) {
        return;
    }
    out->charging = charging_of(&p);
    if (p.batteries == 0) {
        out->battery = 100;
    } else if (p.levels == p.batteries) {
        out->battery = (int32_t)(p.level_sum / p.levels);
    }
}

// ----- network ----------------------------------------------------------------------------------

/* What it costs to send through an interface. */
static choir_truth unmetered_of(const char *root, const char *name) {
    static const char *const metered[] = {"wwan", "rmnet", "ppp", "usb", "bnep"};
    char text[LINE_BYTES];
    uint64_t type = 0;
    for (size_t i = 0; i < sizeof(metered) / sizeof(metered[0]); i++) {
        if (strncmp(name, metered[i], strlen(metered[i])) == 0) {
            return CHOIR_NO;
        }
    }
    if (class_read(text, root, "net", name, "uevent") && strcmp(text, "DEVTYPE=wwan") == 0) {
        return CHOIR_NO;
    }
    if (!class_read(text, root, "net", name, "type") || !ch_text_read_u64(&type, text)) {
        return CHOIR_UNKNOWN;
    }
    if (type == POINT || type == RAW_IP) {
        return CHOIR_NO;
    }
    return type == ETHERNET ? CHOIR_YES : CHOIR_UNKNOWN; // a tunnel's way is not known
}

/* The interface of a line, when it is a default route that is up; else "". */
typedef void route_line(char out[WORD_BYTES], char *line);

/* "eth0 00000000 0101A8C0 0003 0 0 100 00000000 ..." */
static void route4_line(char out[WORD_BYTES], char *line) {
    char *rest = NULL;
    char *word[8] = {NULL};
    char *next = strtok_r(line, " \t\n", &rest);
    for (size_t i = 0; i < 8 && next != NULL; i++) {
        word[i] = next;
        next = strtok_r(NULL, " \t\n", &rest);
    }
    const bool is_default = word[7] != NULL && strcmp(word[1], "00000000") == 0 &&
                            strcmp(word[7], "00000000") == 0 &&
                            (strtoul(word[3], NULL, 16) & 1) != 0;
    (void)snprintf(out, WORD_BYTES, "%s", is_default ? word[0] : "");
}

/* "00..00 00 00..00 00 gateway metric refs use flags eth0" */
static void route6_line(char out[WORD_BYTES], char *line) {
    char *rest = NULL;
    char *word[10] = {NULL};
    char *next = strtok_r(line, " \t\n", &rest);
    for (size_t i = 0; i < 10 && next != NULL; i++) {
        word[i] = next;
        next = strtok_r(NULL, " \t\n", &rest);
    }
    const unsigned long flags = word[9] == NULL ? 0 : strtoul(word[8], NULL, 16);
    const bool is_default = word[9] != NULL && strspn(word[0], "0") == strlen(word[0]) &&
                            strcmp(word[1], "00") == 0 && (flags & 1) != 0 &&
                            (flags & 0x200) == 0; // RTF_REJECT: "unreachable"
    (void)snprintf(out, WORD_BYTES, "%s", is_default ? word[9] : "");
}

/* Judges the interfaces of one table; what was found worst so far stays. */
static void routes_read(choir_readings *out, bool *is_doubtful, const char *root, const char *path,
                        route_line *parse) {
    char whole[PATH_BYTES];
    char line[LINE_BYTES];
    char name[WORD_BYTES];
    (void)snprintf(whole, sizeof(whole), "%s/%s", root, path);
    FILE *file = fopen(whole, "re");
    if (file == NULL) {
        return;
    }
    for (size_t used = 0; used < FILE_BYTES && fgets(line, sizeof(line), file) != NULL;) {
        used += strlen(line);
        parse(name, line);
        if (name[0] == '\0' || strcmp(name, "lo") == 0) {
            continue;
        }
        const choir_truth truth = unmetered_of(root, name);
        *is_doubtful = *is_doubtful || truth == CHOIR_UNKNOWN;
        out->unmetered = out->unmetered == CHOIR_NO ? CHOIR_NO : truth;
    }
    (void)fclose(file);
}

static void network_read(choir_readings *out, const char *root) {
    bool is_doubtful = false;
    routes_read(out, &is_doubtful, root, "proc/net/route", route4_line);
    routes_read(out, &is_doubtful, root, "proc/net/ipv6_route", route6_line);
    if (is_doubtful && out->unmetered == CHOIR_YES) {
        out->unmetered = CHOIR_UNKNOWN;
    }
}

// ----- idle -------------------------------------------------------------------------------------

/* How many of "0-3,6"; 0 when it is no such list. */
static uint32_t cores_count(char *list) {
    char *rest = NULL;
    uint32_t count = 0;
    for (char *part = strtok_r(list, ",", &rest); part != NULL; part = strtok_r(NULL, ",", &rest)) {
        uint64_t first = 0;
        uint64_t last = 0;
        char *dash = strchr(part, '-');
        if (dash != NULL) {
            *dash = '\0';
        }
        if (!ch_text_read_u64(&first, part) ||
            !ch_text_read_u64(&last, dash == NULL ? part : dash + 1) || last < first ||
            last > UINT16_MAX) {
            return 0;
        }
        count += (uint32_t)(last - first) + 1;
    }
    return count;
}

static void idle_read(choir_readings *out, const char *root) {
    char text[LINE_BYTES];
    char cores[LINE_BYTES];
    double load = 0;
    if (!word_read(text, root, "proc/loadavg") ||
        !word_read(cores, root, "sys/devices/system/cpu/online")) {
        return;
    }
    text[strcspn(text, " ")] = '\0';
    const uint32_t count = cores_count(cores);
    if (count > 0 && ch_text_read_f64(&load, text) && load >= 0) {
        out->idle = load / count < LOAD_IDLE ? CHOIR_YES : CHOIR_NO;
    }
}

// ----- temperature ------------------------------------------------------------------------------

static void zone_visit(void *self, const char *root, const char *name) {
    choir_readings *out = self;
    char text[LINE_BYTES];
    double milli = 0;
    if (strncmp(name, "thermal_zone", strlen("thermal_zone")) == 0 &&
        class_read(text, root, "thermal", name, "temp") && ch_text_read_f64(&milli, text)) {
        const double degrees = milli / 1000;
        if (degrees >= COLDEST && degrees <= HOTTEST && degrees > out->temperature) {
            out->temperature = degrees;
        }
    }
}

void choir_readings_linux(choir_readings *out, const char *root) {
    *out = choir_readings_unknown();
    if (strlen(root) >= CHOIR_ROOT_MAX) {
        return;
    }
    power_read(out, root);
    network_read(out, root);
    idle_read(out, root);
    (void)class_visit(root, "thermal", zone_visit, out); // without it, it stays unknown
}
