/* Job digest: see job_digest.h. */
#include "paper/job_digest.h"

#include "base/sha256.h"
#include "job/keys.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_among(const char *key, const char *const *keys, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(key, keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Keys that say nothing of what is trained. */
static bool is_place(const char *key) {
    static const char *const places[] = {"name", "data.dir", "server.target_accuracy",
                                         "checkpoint_every"};
    return is_among(key, places, sizeof(places) / sizeof(places[0]));
}

void ch_job_digest(char out[CH_JOB_DIGEST_TEXT], const choir_job *job, const char *const *apart,
                   size_t count) {
    ch_sha256 hash;
    uint8_t sum[32];
    ch_sha256_init(&hash);
    for (size_t i = 0; i < CH_JOB_KEYS.count; i++) {
        const ch_option *row = &CH_JOB_KEYS.rows[i];
        char value[CH_OPTION_VALUE_MAX];
        if (!is_place(row->key) && !is_among(row->key, apart, count) &&
            ch_job_key_differs(value, row, job)) {
            ch_sha256_add(&hash, row->key, strlen(row->key) + 1);
            ch_sha256_add(&hash, value, strlen(value) + 1);
        }
    }
    ch_sha256_finish(&hash, sum);
    for (size_t i = 0; i < CH_JOB_DIGEST_TEXT / 2; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", sum[i]);
    }
}
