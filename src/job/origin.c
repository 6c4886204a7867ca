/* Origin: see origin.h. */
#include "job/origin.h"

#include "job/keys.h"

#include <stdio.h>
#include <string.h>

static bool is_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file != NULL) {
        (void)fclose(file);
    }
    return file != NULL;
}

bool ch_job_origin(char out[CHOIR_PATH_MAX], const char *model) {
    size_t folder = 0; // bytes of model up to and with its last slash
    for (size_t i = 0; model[i] != '\0'; i++) {
        folder = model[i] == '/' ? i + 1 : folder;
    }
    const size_t prefixes[] = {strlen(model), folder};
    for (size_t i = 0; i < 2; i++) {
        char path[CHOIR_PATH_MAX];
        const int wrote = snprintf(path, sizeof(path), "%.*s%sjob.yaml", (int)prefixes[i], model,
                                   i == 0 ? "/" : "");
        if (wrote > 0 && (size_t)wrote < sizeof(path) && is_file(path)) {
            memcpy(out, path, sizeof(path));
            return true;
        }
    }
    return false;
}

const ch_option *ch_job_difference(const choir_job *a, const choir_job *b) {
    for (size_t i = 0; i < CH_JOB_KEYS.count; i++) {
        char left[CH_OPTION_VALUE_MAX];
        char right[CH_OPTION_VALUE_MAX];
        ch_options_get(&CH_JOB_KEYS.rows[i], a, left, sizeof(left));
        ch_options_get(&CH_JOB_KEYS.rows[i], b, right, sizeof(right));
        if (strcmp(left, right) != 0) {
            return &CH_JOB_KEYS.rows[i];
        }
    }
    return NULL;
}
