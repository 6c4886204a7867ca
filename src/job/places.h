/*
 * Places: where the keys of a job were given, so that what is found wrong later, when the data or a
 * model's file are opened, is still told with its file and line.
 */
#ifndef CH_JOB_PLACES_H
#define CH_JOB_PLACES_H

#include "job/keys.h"

#include <stdbool.h>

enum {
    CH_JOB_FILE_MAX = 144,                   // bytes of a file's name as messages show it
    CH_JOB_PLACE_MAX = CH_JOB_FILE_MAX + 16, // bytes of "file:line"
};

#define CH_JOB_LINE_SET UINT32_MAX // stands for the line of what --set gave

typedef struct ch_job_places {
    char file[CH_JOB_FILE_MAX];
    uint32_t lines[CH_JOB_KEYS_MAX]; // where each row was given, from 1; 0: it was not
} ch_job_places;

/* No key given yet, of a file with this name; a long one is shown by its end. */
ch_job_places ch_job_places_of(const char *file);

/* Where a key got its value: "job.yaml:7", "--set", or the file alone for a default. */
void ch_job_place_show(char out[CH_JOB_PLACE_MAX], const ch_job_places *places, const char *key);

/* Puts in front of a message that begins with a key, "model.file: ...", where that was given. */
void ch_job_locate(const ch_job_places *places, choir_error *err);

/* choir_job_read, which also tells where each key was given. */
CHOIR_NODISCARD choir_status ch_job_read_places(choir_job *out, ch_job_places *places,
                                                const char *path, const char *const *overrides,
                                                uint32_t count, choir_error *err);

#endif
