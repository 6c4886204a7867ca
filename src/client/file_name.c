/* File name: see file_name.h. */
#include "client/file_name.h"

#include "base/error.h"
#include "choir/task.h"

#include <stdio.h>
#include <string.h>

/* A job's name as a part of a file's. */
static void name_copy(char *out, const char *job) {
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@";
    for (; *job != '\0'; job++, out++) {
        *out = strchr(fine, *job) != NULL ? *job : '_';
    }
    *out = '\0';
}

choir_status ch_file_name(char *out, size_t size, const char *dir, const char *kind,
                          const char *job, choir_error *err) {
    out[0] = '\0';
    if (dir[0] == '\0') {
        return CHOIR_OK;
    }
    char name[CHOIR_JOB_TEXT_MAX];
    name_copy(name, job);
    const int wrote = snprintf(out, size, "%s/%s-%s.bin", dir, kind, name);
    return (size_t)wrote < size
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EINVAL, "state_dir: '%s' is too long", dir);
}
