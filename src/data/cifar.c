/* Reading CIFAR-10; see cifar.h. */
#include "data/cifar.h"

#include "base/error.h"
#include "data/file.h"
#include "data/filed.h"
#include "data/tar.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    PATH_BYTES = 1024,
    BATCHES_MAX = 9, // for training
    TEST = 0,        // the test batch's number; training batches are 1 .. BATCHES_MAX
};

#define ARCHIVE "cifar-10-binary.tar.gz"
#define INNER   "cifar-10-batches-bin"
#define NAMES   "batches.meta.txt"

/* How many records a file of so many bytes has. */
static choir_status records_count(uint32_t *count, uint64_t size, const char *name,
                                  choir_error *err) {
    const uint64_t records = size / CH_CIFAR_RECORD;
    if (records == 0 || size % CH_CIFAR_RECORD != 0 || records > CH_EXAMPLES_MAX) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: %llu bytes; CIFAR-10 has records of %d bytes, and this is %llu of "
                            "them and %llu bytes",
                            name, (unsigned long long)size, CH_CIFAR_RECORD,
                            (unsigned long long)records,
                            (unsigned long long)(size % CH_CIFAR_RECORD));
    }
    *count = (uint32_t)records;
    return CHOIR_OK;
}

/* Whether count records, the first of which is number first in the file, have labels. */
static choir_status labels_check(const uint8_t *records, size_t first, size_t count,
                                 const char *name, choir_error *err) {
    for (size_t i = 0; i < count; i++) {
        const uint8_t label = records[i * CH_CIFAR_RECORD];
        if (label >= CH_CIFAR_CLASSES) {
            return ch_error_set(err, CHOIR_EPROTO,
                                "%s: record %zu at byte %zu: label %u is not below %d", name,
                                first + i, (first + i) * CH_CIFAR_RECORD, label, CH_CIFAR_CLASSES);
        }
    }
    return CHOIR_OK;
}

choir_status ch_cifar_check(uint32_t *count, choir_bytes bytes, const char *name,
                            choir_error *err) {
    uint32_t records = 0;
    choir_status status = records_count(&records, bytes.size, name, err);
    if (status == CHOIR_OK) {
        status = labels_check(bytes.data, 0, records, name, err);
    }
    if (status == CHOIR_OK) {
        *count = records;
    }
    return status;
}

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r';
}

choir_status ch_cifar_names(ch_cell names[CH_CIFAR_CLASSES], choir_bytes text, const char *name,
                            choir_error *err) {
    uint32_t count = 0;
    if (text.size > CH_CIFAR_NAMES_MAX) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: %zu bytes for the names of %d labels", name,
                            text.size, CH_CIFAR_CLASSES);
    }
    for (size_t at = 0; at < text.size; at++) {
        size_t end = at;
        while (end < text.size && text.data[end] != '\n') {
            end += 1;
        }
        size_t last = end;
        while (last > at && is_blank(text.data[last - 1])) {
            last -= 1;
        }
        if (last > at) {
            if (count < CH_CIFAR_CLASSES) {
                names[count] =
                    (ch_cell){.data = (const char *)text.data + at, .size = (uint32_t)(last - at)};
            }
            count += 1;
        }
        at = end;
    }
    if (count != CH_CIFAR_CLASSES) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: names %u labels; CIFAR-10 has %d", name, count,
                            CH_CIFAR_CLASSES);
    }
    return CHOIR_OK;
}

void ch_cifar_unpack(uint8_t *images, uint32_t *labels, choir_bytes bytes) {
    const size_t count = bytes.size / CH_CIFAR_RECORD;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *record = bytes.data + i * CH_CIFAR_RECORD;
        const uint8_t *planes = record + 1;
        uint8_t *image = images + i * CH_CIFAR_FEATURES;
        labels[i] = record[0];
        for (size_t p = 0; p < CH_CIFAR_PIXELS; p++) {
            for (size_t c = 0; c < 3; c++) {
                image[3 * p + c] = planes[c * CH_CIFAR_PIXELS + p];
            }
        }
    }
}

/* ------------------------------------------------------------------------------------ batches */

/* What was found: views on files that stay until everything is unpacked, or where they are. */
typedef struct batches {
    char paths[1 + BATCHES_MAX][PATH_BYTES]; // by number; "": no file of its own
    choir_bytes bytes[1 + BATCHES_MAX];      // size 0: not there, or it stays in its file
    uint32_t counts[1 + BATCHES_MAX];        // records; 0: not there
    bool is_packed[1 + BATCHES_MAX];         // the file of its own is gzip
    bool is_filed[2];                        // the training batches stay in their files; the test
    uint64_t left[2];                        // bytes of packed files that a table may have yet
    ch_file files[1 + BATCHES_MAX];          // owned; the archive is in the first
    choir_bytes names;                       // batches.meta.txt; size 0: not there
    ch_file names_file;                      // owned
} batches;

static void batches_release(batches *b) {
    for (uint32_t i = 0; i <= BATCHES_MAX; i++) {
        ch_file_release(&b->files[i]);
    }
    ch_file_release(&b->names_file);
}

/* A path's last part. */
static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* "data_batch_3.bin" is 3, "test_batch.bin" is TEST, anything else -1. */
static int batch_number(const char *base) {
    if (strcmp(base, "test_batch.bin") == 0) {
        return TEST;
    }
    const bool fits = strlen(base) == strlen("data_batch_1.bin") &&
                      memcmp(base, "data_batch_", 11) == 0 && base[11] >= '1' && base[11] <= '9' &&
                      strcmp(base + 12, ".bin") == 0;
    return fits ? base[11] - '0' : -1;
}

static choir_status batch_set(batches *b, int number, choir_bytes bytes, const char *name,
                              choir_error *err) {
    b->bytes[number] = bytes;
    return ch_cifar_check(&b->counts[number], bytes, name, err);
}

/* The folder's path of a file, in the folder itself or in the archive's folder inside it. */
static bool folder_find(char path[PATH_BYTES], const char *folder, const char *name) {
    const int size = snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    if (size < PATH_BYTES && ch_is_file(path)) {
        return true;
    }
    const int inner = snprintf(path, PATH_BYTES, "%s/" INNER "/%s", folder, name);
    return inner < PATH_BYTES && ch_is_file(path);
}

/* Finds the batches that the folder has. */
static void folder_look(batches *b, const char *folder) {
    for (int i = 0; i <= BATCHES_MAX; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "data_batch_%d.bin", i);
        if (!folder_find(b->paths[i], folder, i == TEST ? "test_batch.bin" : name)) {
            b->paths[i][0] = '\0';
        }
    }
}

static bool is_filed(const batches *b, int number) {
    return b->is_filed[number == TEST];
}

/* Which table stays in its files: one whose pixels take more than memory, those of packed files,
 * whose sizes say nothing, not counted. */
static void sizes_look(batches *b, uint64_t memory) {
    const uint64_t pixels = memory < CH_UNPACKED_BYTES_MAX ? memory : CH_UNPACKED_BYTES_MAX;
    const uint64_t most = (pixels / CH_CIFAR_FEATURES + 1) * CH_CIFAR_RECORD - 1;
    uint64_t sizes[2] = {0};
    for (int i = 0; i <= BATCHES_MAX; i++) {
        struct stat about;
        const char *path = b->paths[i];
        b->is_packed[i] = path[0] != '\0' && ch_file_is_packed(path);
        if (path[0] != '\0' && !b->is_packed[i] && stat(path, &about) == 0) {
            sizes[i == TEST] += (uint64_t)about.st_size;
        }
    }
    for (int i = 0; i < 2; i++) {
        b->is_filed[i] = sizes[i] > most;
        b->left[i] = b->is_filed[i] ? 0 : most - sizes[i];
    }
}

/* Reads a packed one, which has no place of its own to stay in. */
static choir_status packed_read(batches *b, int number, uint64_t memory, const choir_env *env,
                                choir_error *err) {
    uint64_t *left = &b->left[number == TEST];
    ch_file *file = &b->files[number];
    const char *path = b->paths[number];
    const bool is_bounded = *left < CH_FILE_BYTES_MAX;
    const choir_status status = is_bounded ? ch_file_read_within(file, path, *left, env, err)
                                           : ch_file_read(file, path, CH_FILE_BYTES_MAX, env, err);
    if (status == CHOIR_EAGAIN) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.memory: with %s, which is packed, pictures are more than %llu "
                            "MiB; raise it, or unpack that file where it is, and they stay in "
                            "their files",
                            path, (unsigned long long)(memory >> 20));
    }
    *left -= status == CHOIR_OK ? file->size : 0;
    return status;
}

/* Reads those that do not stay where they are. */
static choir_status paths_read(batches *b, uint64_t memory, const choir_env *env,
                               choir_error *err) {
    choir_status status = CHOIR_OK;
    sizes_look(b, memory);
    for (int i = 0; i <= BATCHES_MAX && status == CHOIR_OK; i++) {
        struct stat about;
        const char *path = b->paths[i];
        if (path[0] == '\0') {
            continue;
        }
        if (!b->is_packed[i] && is_filed(b, i) && stat(path, &about) == 0) {
            status = records_count(&b->counts[i], (uint64_t)about.st_size, path, err);
            continue;
        }
        status = b->is_packed[i] ? packed_read(b, i, memory, env, err)
                                 : ch_file_read(&b->files[i], path, CH_FILE_BYTES_MAX, env, err);
        if (status == CHOIR_OK) {
            status = batch_set(b, i, ch_file_bytes(&b->files[i]), path, err);
        }
    }
    return status;
}

static choir_status folder_read(batches *b, const char *folder, uint64_t memory,
                                const choir_env *env, choir_error *err) {
    char path[PATH_BYTES];
    folder_look(b, folder);
    choir_status status = paths_read(b, memory, env, err);
    if (status == CHOIR_OK && folder_find(path, folder, NAMES)) {
        status = ch_file_read(&b->names_file, path, CH_CIFAR_NAMES_MAX, env, err);
        b->names = ch_file_bytes(&b->names_file);
    }
    return status;
}

static choir_status archive_read(batches *b, const char *path, uint64_t memory,
                                 const choir_env *env, choir_error *err) {
    const uint64_t most = memory < CH_FILE_BYTES_MAX ? memory : CH_FILE_BYTES_MAX;
    choir_status status = ch_file_read_within(&b->files[0], path, most, env, err);
    if (status == CHOIR_EAGAIN) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.memory: %s has more than %llu MiB; raise it, or unpack the "
                            "archive where it is, and its pictures stay in their files",
                            path, (unsigned long long)(most >> 20));
    }
    size_t at = 0;
    while (status == CHOIR_OK) {
        ch_tar_entry entry;
        status = ch_tar_next(&entry, &at, ch_file_bytes(&b->files[0]), path, err);
        const char *base = status == CHOIR_OK ? base_of(entry.name) : "";
        const int number = batch_number(base);
        if (number >= 0) {
            status = batch_set(b, number, entry.bytes, entry.name, err);
        } else if (strcmp(base, NAMES) == 0) {
            b->names = entry.bytes;
        }
    }
    return status == CHOIR_EAGAIN ? CHOIR_OK : status;
}

/* Training batches are numbered from 1 without gaps: one that is missing would not be missed. */
static choir_status batches_check(const batches *b, const char *path, choir_error *err) {
    int last = BATCHES_MAX;
    while (last > 1 && b->counts[last] == 0) {
        last -= 1;
    }
    for (int i = 1; i <= last; i++) {
        if (b->counts[i] == 0) {
            return ch_error_set(err, CHOIR_EPROTO, "%s: has no data_batch_%d.bin%s", path, i,
                                i < last ? ", but a later one" : "");
        }
    }
    return CHOIR_OK;
}

static choir_status batches_read(batches *b, const char *path, uint64_t memory,
                                 const choir_env *env, choir_error *err) {
    char archive[PATH_BYTES];
    if (!ch_is_folder(path)) {
        (void)snprintf(b->paths[1], PATH_BYTES, "%s", path);
        return paths_read(b, memory, env, err);
    }
    choir_status status = folder_read(b, path, memory, env, err);
    if (status == CHOIR_OK && b->counts[1] == 0 && folder_find(archive, path, ARCHIVE)) {
        batches_release(b);
        *b = (batches){0};
        status = archive_read(b, archive, memory, env, err);
    }
    return status == CHOIR_OK ? batches_check(b, path, err) : status;
}

bool ch_cifar_is(const char *path) {
    char found[PATH_BYTES];
    const size_t size = strlen(path);
    if (ch_is_folder(path)) {
        return folder_find(found, path, "data_batch_1.bin") || folder_find(found, path, ARCHIVE);
    }
    return ch_is_file(path) && size > 4 && strcmp(path + size - 4, ".bin") == 0;
}

enum { SCANNED = 64 }; // records that are in memory while labels are read

/* Reads the labels of a file's records. */
static choir_status labels_scan(uint32_t *labels, const ch_filed_file *f, uint8_t *room,
                                choir_error *err) {
    choir_status status = CHOIR_OK;
    for (size_t at = 0; at < f->count && status == CHOIR_OK; at += SCANNED) {
        const size_t some = f->count - at < SCANNED ? f->count - at : SCANNED;
        status = ch_filed_file_read(f, at * CH_CIFAR_RECORD, room, some * CH_CIFAR_RECORD, err);
        if (status == CHOIR_OK) {
            status = labels_check(room, at, some, f->path, err);
        }
        for (size_t i = 0; i < some && status == CHOIR_OK; i++) {
            labels[at + i] = room[i * CH_CIFAR_RECORD];
        }
    }
    return status;
}

/* Opens the files of batches first .. last, and reads their labels. */
static choir_status files_open(ch_filed *filed, uint32_t *labels, const batches *b, uint32_t first,
                               uint32_t last, uint8_t *room, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = first; i <= last && status == CHOIR_OK; i++) {
        if (b->counts[i] == 0) {
            continue;
        }
        ch_filed_file *f = &filed->files[filed->file_count];
        status = ch_filed_file_open(f, b->paths[i], err);
        if (status != CHOIR_OK) {
            break;
        }
        filed->file_count += 1;
        f->offset = 1; // behind the label
        f->count = b->counts[i];
        status = labels_scan(labels, f, room, err);
        labels += f->count;
    }
    return status;
}

/* A table of batches first .. last that stay in their files. */
static choir_status table_file(ch_dataset *d, ch_examples *table, const batches *b, uint32_t first,
                               uint32_t last, uint32_t count, choir_error *err) {
    uint32_t *labels = ch_dataset_claim(d, count, sizeof(labels[0]));
    const uint32_t *places = ch_filed_places(d, 0, count);
    ch_filed *filed = ch_dataset_file(d);
    uint8_t *room = ch_claim(&d->env, SCANNED, CH_CIFAR_RECORD);
    const bool has_all = labels != NULL && places != NULL && filed != NULL && room != NULL;
    choir_status status = CHOIR_ENOMEM;
    if (has_all) {
        filed->stride = CH_CIFAR_RECORD;
        filed->bytes = CH_CIFAR_FEATURES;
        filed->planes = 3;
        status = files_open(filed, labels, b, first, last, room, err);
    }
    if (room != NULL) {
        d->env.free(d->env.self, room);
    }
    *table = (ch_examples){.count = count,
                           .shape = {CH_CIFAR_SIDE, CH_CIFAR_SIDE, 3},
                           .classes = CH_CIFAR_CLASSES,
                           .labels = labels,
                           .filed = filed,
                           .places = places};
    return status;
}

/* Unpacks batches first .. last into a table, or leaves them where they are. */
static choir_status table_fill(ch_dataset *d, ch_examples *table, const batches *b, uint32_t first,
                               uint32_t last, choir_error *err) {
    uint64_t count = 0;
    for (uint32_t i = first; i <= last; i++) {
        count += b->counts[i];
    }
    if (count > 0 && is_filed(b, (int)first)) {
        return table_file(d, table, b, first, last, (uint32_t)count, err);
    }
    uint8_t *images = ch_dataset_claim(d, (size_t)count, CH_CIFAR_FEATURES);
    uint32_t *labels = ch_dataset_claim(d, (size_t)count, sizeof(labels[0]));
    if (images == NULL || labels == NULL) {
        return CHOIR_ENOMEM;
    }
    size_t next = 0;
    for (uint32_t i = first; i <= last; i++) {
        ch_cifar_unpack(images + next * CH_CIFAR_FEATURES, labels + next, b->bytes[i]);
        next += b->counts[i];
    }
    *table = (ch_examples){.count = (uint32_t)count,
                           .shape = {CH_CIFAR_SIDE, CH_CIFAR_SIDE, 3},
                           .classes = CH_CIFAR_CLASSES,
                           .bytes = images,
                           .labels = labels};
    return CHOIR_OK;
}

static choir_status names_set(ch_dataset *d, const batches *b, const char *path, choir_error *err) {
    char name[PATH_BYTES];
    ch_cell names[CH_CIFAR_CLASSES];
    (void)snprintf(name, sizeof(name), "%s/" NAMES, path);
    const choir_status status = ch_cifar_names(names, b->names, name, err);
    return status == CHOIR_OK ? ch_dataset_name(d, names, CH_CIFAR_CLASSES) : status;
}

choir_status ch_cifar_read(ch_dataset *out, const char *path, const choir_job_data *options,
                           uint64_t seed, choir_error *err) {
    batches b = {0};
    choir_status status = batches_read(&b, path, ch_filed_memory(options), &out->env, err);
    if (status == CHOIR_OK) {
        status = table_fill(out, &out->train, &b, 1, BATCHES_MAX, err);
    }
    if (status == CHOIR_OK) {
        status = table_fill(out, &out->test, &b, TEST, TEST, err);
    }
    if (status == CHOIR_OK && b.names.size > 0) {
        status = names_set(out, &b, path, err);
    }
    batches_release(&b);
    if (status == CHOIR_OK && out->test.count == 0) {
        status = ch_dataset_split(out, options->test_share, seed, err);
    }
    return status;
}
