/* Places: see places.h. */
#include "job/places.h"

#include <stdio.h>
#include <string.h>

ch_job_places ch_job_places_of(const char *file) {
    ch_job_places places = {.file = ""};
    const size_t size = sizeof(places.file);
    const size_t length = strlen(file);
    const bool is_long = length >= size; // the end of a long path says more than its beginning
    (void)snprintf(places.file, size, "%s%s", is_long ? "..." : "",
                   is_long ? file + length - (size - 4) : file);
    return places;
}

void ch_job_place_show(char out[CH_JOB_PLACE_MAX], const ch_job_places *places, const char *key) {
    const ch_option *row = ch_options_find(&CH_JOB_KEYS, key);
    const uint32_t line = row == NULL ? 0 : places->lines[row - CH_JOB_KEYS.rows];
    if (line == CH_JOB_LINE_SET) {
        (void)snprintf(out, CH_JOB_PLACE_MAX, "--set");
    } else if (line == 0) {
        (void)snprintf(out, CH_JOB_PLACE_MAX, "%s", places->file);
    } else {
        (void)snprintf(out, CH_JOB_PLACE_MAX, "%s:%u", places->file, line);
    }
}

void ch_job_locate(const ch_job_places *places, choir_error *err) {
    char key[64];
    const size_t size = err == NULL ? 0 : strcspn(err->message, ":");
    if (size == 0 || size >= sizeof(key) || err->message[size] != ':') {
        return;
    }
    memcpy(key, err->message, size);
    key[size] = '\0';
    if (ch_options_find(&CH_JOB_KEYS, key) == NULL) {
        return;
    }
    const choir_error why = *err;
    char place[CH_JOB_PLACE_MAX];
    ch_job_place_show(place, places, key);
    (void)snprintf(err->message, sizeof(err->message), "%s: %s", place, why.message);
}
