/* A file of flags: see flags_file.h. */
#include "flags_file.h"

#include "base/disk.h"
#include "base/error.h"
#include "job/yaml.h"

#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 64 * 1024, WHERE_MAX = 160 };

typedef struct reading {
    const ch_options *table;
    void *target;
    const char *path;
    const char *not_in_files;
    uint64_t seen[2]; // rows, bit by bit
} reading;

/* Whether a key is there for the first time. */
static bool is_first(reading *r, const ch_option *row) {
    const size_t i = (size_t)(row - r->table->rows);
    const uint64_t bit = UINT64_C(1) << i % 64;
    const bool is_known = i >= 128 || (r->seen[i / 64] & bit) == 0;
    if (i < 128) {
        r->seen[i / 64] |= bit;
    }
    return is_known;
}

static choir_status entry_take(void *self, const ch_yaml_entry *entry, choir_error *err) {
    reading *r = self;
    char where[WHERE_MAX];
    char key[CH_YAML_KEY_MAX + 2];
    (void)snprintf(where, sizeof(where), "%.120s:%u", r->path, entry->line);
    (void)snprintf(key, sizeof(key), "--%s", entry->key);
    const ch_option *row = ch_options_find(r->table, key);
    if (strcmp(key, r->not_in_files) == 0) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: %s is for the command line alone", where,
                            entry->key);
    }
    if (row != NULL && entry->is_empty) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: %s has no value; give one, or leave it out",
                            where, entry->key);
    }
    if (row != NULL && !is_first(r, row)) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: %s is there twice", where, entry->key);
    }
    return ch_options_set(r->table, r->target, key, entry->value, where, err);
}

choir_status flags_file_read(const ch_options *table, void *target, const char *path,
                             const char *not_in_files, const choir_env *env, choir_error *err) {
    reading r = {.table = table, .target = target, .path = path, .not_in_files = not_in_files};
    ch_disk_file file = {0};
    choir_status status = ch_disk_read(&file, path, FILE_MAX, env, err);
    if (status == CHOIR_OK) {
        status = ch_yaml_read((const char *)file.data, file.size, path, entry_take, &r, err);
    }
    ch_disk_release(&file);
    return status;
}
