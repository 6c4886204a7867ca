/* Units: see units.h. */
#include "report/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const double MINUTE = 60;
static const double HOUR = 3600;
static const double DAY = 86400;
static const double LONGEST = 1e9; // seconds; beyond, a time says nothing

/* Three significant digits of a value in [0, 1000), such that none of them is rounded to four. */
static int decimals(double value) {
    return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

void ch_units_bytes(char out[CH_UNITS_MAX], uint64_t bytes) {
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        (void)snprintf(out, CH_UNITS_MAX, "%" PRIu64 " B", bytes);
        return;
    }
    double value = (double)bytes / 1e3;
    uint32_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1e3;
        unit++;
    }
    (void)snprintf(out, CH_UNITS_MAX, "%.*f %s", decimals(value), value, units[unit]);
}

void ch_units_seconds(char out[CH_UNITS_MAX], double seconds) {
    if (!(seconds >= 0 && seconds < LONGEST)) {
        (void)snprintf(out, CH_UNITS_MAX, "-");
    } else if (seconds < 0.9995) {
        (void)snprintf(out, CH_UNITS_MAX, "%.0f ms", seconds * 1e3);
    } else if (seconds < 9.95) {
        (void)snprintf(out, CH_UNITS_MAX, "%.1f s", seconds);
    } else if (seconds < MINUTE - 0.5) {
        (void)snprintf(out, CH_UNITS_MAX, "%.0f s", seconds);
    } else if (seconds < HOUR - 0.5) {
        const uint32_t whole = (uint32_t)(seconds + 0.5);
        (void)snprintf(out, CH_UNITS_MAX, "%u min %02u s", whole / 60, whole % 60);
    } else if (seconds < DAY - 30) {
        const uint32_t minutes = (uint32_t)(seconds / MINUTE + 0.5);
        (void)snprintf(out, CH_UNITS_MAX, "%u h %02u min", minutes / 60, minutes % 60);
    } else {
        const uint32_t hours = (uint32_t)(seconds / HOUR + 0.5);
        (void)snprintf(out, CH_UNITS_MAX, "%u d %u h", hours / 24, hours % 24);
    }
}

void ch_units_share(char out[CH_UNITS_MAX], double share) {
    if (!(fabs(share) < 1e6)) {
        (void)snprintf(out, CH_UNITS_MAX, "-");
        return;
    }
    (void)snprintf(out, CH_UNITS_MAX, "%.2f %%", share * 100);
}

void ch_units_count(char out[CH_UNITS_MAX], uint64_t count) {
    char digits[CH_UNITS_MAX];
    const int size = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    int at = 0;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

void ch_units_loss(char out[CH_UNITS_MAX], double loss) {
    if (!isfinite(loss)) {
        (void)snprintf(out, CH_UNITS_MAX, "not finite");
    } else if (fabs(loss) < 1e-4 || fabs(loss) >= 1e4) {
        (void)snprintf(out, CH_UNITS_MAX, loss == 0 ? "%.0f" : "%.3g", loss);
    } else {
        const double size = fabs(loss);
        const int places = size < 0.995 ? 4 : decimals(size) + 1;
        (void)snprintf(out, CH_UNITS_MAX, "%.*f", places, loss);
    }
}

void ch_units_rate(char out[CH_UNITS_MAX], double rounds_per_s) {
    if (!(rounds_per_s > 1 / LONGEST && rounds_per_s < LONGEST)) {
        (void)snprintf(out, CH_UNITS_MAX, "-");
    } else if (rounds_per_s >= 0.95) {
        const int places = rounds_per_s < 99.5 ? 1 : 0;
        (void)snprintf(out, CH_UNITS_MAX, "%.*f rounds/s", places, rounds_per_s);
    } else {
        char each[CH_UNITS_MAX];
        ch_units_seconds(each, 1 / rounds_per_s);
        (void)snprintf(out, CH_UNITS_MAX, "%.24s/round", each);
    }
}
