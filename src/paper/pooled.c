/* Pooled losses: see pooled.h. */
#include "paper/pooled.h"

#include "base/disk.h"
#include "base/error.h"
#include "base/text.h"
#include "store/run_dir.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2 * CH_TEXT_NUMBER_MAX, FILE_BYTES_MAX = CH_POOLED_MAX * LINE_MAX_BYTES };

static const char FILE_NAME[] = "pooled-loss.csv";

double ch_pooled_at(const ch_pooled *p, uint32_t round) {
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->rounds[i] == round) {
            return p->losses[i];
        }
    }
    return (double)NAN;
}

void ch_pooled_add(ch_pooled *p, uint32_t round, double loss) {
    const bool is_next = p->count == 0 || round > p->rounds[p->count - 1];
    if (is_next && p->count < CH_POOLED_MAX && isfinite(loss)) {
        p->rounds[p->count] = round;
        p->losses[p->count] = loss;
        p->count += 1;
    }
}

choir_status ch_pooled_write(const ch_pooled *p, const char *dir, choir_error *err) {
    char text[FILE_BYTES_MAX];
    size_t size = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        char loss[CH_TEXT_NUMBER_MAX];
        ch_text_number(loss, sizeof(loss), p->losses[i]);
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%u,%s\n", p->rounds[i], loss);
    }
    return ch_run_dir_write(dir, FILE_NAME,
                            (choir_bytes){.data = (const uint8_t *)text, .size = size}, err);
}

/* One line without its newline. */
static bool line_take(ch_pooled *out, char *line) {
    char *comma = strchr(line, ',');
    uint64_t round = 0;
    double loss = 0;
    if (comma == NULL) {
        return false;
    }
    *comma = '\0';
    if (!ch_text_read_u64(&round, line) || round > UINT32_MAX ||
        !ch_text_read_f64(&loss, comma + 1)) {
        return false;
    }
    const uint32_t before = out->count;
    ch_pooled_add(out, (uint32_t)round, loss);
    return out->count == before + 1;
}

choir_status ch_pooled_read(ch_pooled *out, const char *dir, const choir_env *env,
                            choir_error *err) {
    char path[CHOIR_PATH_MAX];
    ch_disk_file file;
    *out = (ch_pooled){.count = 0};
    choir_status status = ch_run_dir_file(path, dir, FILE_NAME, err);
    if (status != CHOIR_OK || access(path, F_OK) != 0) {
        return status;
    }
    status = ch_disk_read(&file, path, FILE_BYTES_MAX, env, err);
    char *line = (char *)file.data;
    for (uint32_t number = 1; status == CHOIR_OK && *line != '\0'; number++) {
        char *end = line + strcspn(line, "\n");
        char *next = *end == '\0' ? end : end + 1;
        *end = '\0';
        if (!line_take(out, line)) {
            status = ch_error_set(err, CHOIR_EPROTO, "%s:%u: must be a later round and a loss",
                                  path, number);
        }
        line = next;
    }
    ch_disk_release(&file);
    return status;
}
