/* Folders of LEAF's; see leaf.h. */
#include "data/leaf.h"

#include "base/checksum.h"
#include "base/error.h"
#include "data/file.h"
#include "data/filed.h"
#include "data/leaf_text.h"
#include "data/spool.h"
#include "data/unpacked.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = 2 * CHOIR_PATH_MAX };

static int is_json(const struct dirent *entry) {
    const size_t size = strlen(entry->d_name);
    return size > 5 && strcmp(entry->d_name + size - 5, ".json") == 0;
}

bool ch_leaf_is(const char *path) {
    char folder[PATH_BYTES];
    struct dirent **names = NULL;
    if (snprintf(folder, sizeof(folder), "%s/train", path) >= PATH_BYTES || !ch_is_folder(folder)) {
        return false;
    }
    const int count = scandir(folder, &names, is_json, NULL);
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    return count > 0;
}

/* One half of a folder, "train" or "test". */
typedef struct half {
    char folder[PATH_BYTES];
    struct dirent **names; // (count) owned; its files in the order of their names
    int count;
    uint32_t idle;                 // users without an example, once it was read
    char to[CH_UNPACKED_PATH_MAX]; // where its numbers go that are more than the memory holds
} half;

static choir_status file_path(char path[PATH_BYTES], const half *h, int i, choir_error *err) {
    if (snprintf(path, PATH_BYTES, "%s/%s", h->folder, h->names[i]->d_name) >= PATH_BYTES) {
        return ch_error_set(err, CHOIR_EIO, "%s: the path is too long", h->folder);
    }
    return CHOIR_OK;
}

static void half_look(half *h, const char *path, const char *name) {
    *h = (half){.count = 0};
    (void)snprintf(h->folder, sizeof(h->folder), "%s/%s", path, name);
    h->count = ch_is_folder(h->folder) ? scandir(h->folder, &h->names, is_json, alphasort) : 0;
    h->count = h->count < 0 ? 0 : h->count;
}

static void half_release(half *h) {
    for (int i = 0; i < h->count; i++) {
        free(h->names[i]);
    }
    free(h->names);
}

/* What tells its files, as they are now, and what was read before them, from any other. */
static uint64_t way_of(const half *h, const ch_leaf_form *form) {
    ch_checksum c;
    ch_checksum_init(&c, 0);
    ch_checksum_add(&c, "leaf 2", 7);
    ch_checksum_add(&c, &form->features, sizeof(form->features));
    ch_checksum_add(&c, &form->classes, sizeof(form->classes));
    for (int i = 0; i < h->count; i++) {
        char path[PATH_BYTES];
        struct stat about;
        if (file_path(path, h, i, NULL) == CHOIR_OK && stat(path, &about) == 0) {
            const int64_t facts[] = {about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
            ch_checksum_add(&c, h->names[i]->d_name, strlen(h->names[i]->d_name) + 1);
            ch_checksum_add(&c, facts, sizeof(facts));
        }
    }
    return ch_checksum_finish(&c);
}

static choir_status file_add(ch_leaf *l, const half *h, int i, choir_error *err) {
    char path[PATH_BYTES];
    choir_status status = file_path(path, h, i, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (ch_file_is_packed(path)) {
        ch_file packed = {.env = l->env};
        status = ch_file_read(&packed, path, CH_LEAF_BYTES_MAX, &l->env, err);
        if (status == CHOIR_OK) {
            status = ch_leaf_add(l, (const char *)packed.data, packed.size, path, err);
        }
        ch_file_release(&packed);
        return status;
    }
    ch_filed_file file;
    status = ch_filed_file_open(&file, path, err);
    if (status == CHOIR_OK) {
        status = ch_leaf_add_file(l, &file, CH_LEAF_WINDOW, path, err);
        ch_filed_file_close(&file);
    }
    return status;
}

/* Whether its numbers are in a file already, which is whole. */
static bool half_is_made(const half *h, uint64_t memory, const choir_env *env) {
    ch_dataset d;
    const char *notes = NULL;
    if (ch_spool_bytes(h->to) <= memory) {
        return false;
    }
    ch_dataset_init(&d, env);
    const bool is_whole = ch_spool_open(&d, &notes, h->to, NULL) == CHOIR_OK;
    ch_dataset_release(&d);
    return is_whole;
}

/*
 * Reads a half into a table, and says what its examples are.
 *
 * form  as far as it is known; what they are, then
 */
static choir_status half_read(ch_dataset *out, ch_examples *table, half *h, ch_leaf_form *form,
                              uint32_t steps, const choir_job_data *options, choir_error *err) {
    bool is_there = false;
    choir_error why = {.message = ""};
    const ch_leaf_filing filing = {
        .memory = ch_filed_memory(options), .to = h->to, .path = h->folder, .why = why.message};
    if (h->count > 0 && filing.memory != UINT64_MAX &&
        ch_unpacked_find(h->to, &is_there, h->folder, way_of(h, form), options->dir, &why) !=
            CHOIR_OK) {
        h->to[0] = '\0'; // which matters only if there is more
    }
    if (is_there && half_is_made(h, filing.memory, &out->env)) {
        const choir_status status = ch_leaf_open_filed(out, table, &h->idle, h->to, err);
        form->kind = CH_LEAF_NUMBERS;
        form->features = ch_shape_features(table->shape);
        form->classes = table->classes;
        return status;
    }
    ch_leaf l;
    ch_leaf_init(&l, form, steps, &filing, &out->env);
    choir_status status = CHOIR_OK;
    for (int i = 0; i < h->count && status == CHOIR_OK; i++) {
        status = file_add(&l, h, i, err);
    }
    *form = l.form;
    h->idle = l.idle;
    if (status == CHOIR_OK) {
        status = ch_leaf_move(&l, out, table, err);
    }
    ch_leaf_release(&l);
    return status;
}

static choir_status halves_read(ch_dataset *out, half *train, half *test, const char *path,
                                uint32_t steps, const choir_job_data *options, choir_error *err) {
    ch_leaf_form form = {.kind = CH_LEAF_UNSEEN};
    choir_status status = half_read(out, &out->train, train, &form, steps, options, err);
    if (status == CHOIR_OK && out->train.count == 0) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: no user has an example to train on", path);
    }
    out->idle = train->idle;
    if (status == CHOIR_OK) {
        status = half_read(out, &out->test, test, &form, steps, options, err);
    }
    if (form.kind == CH_LEAF_NUMBERS) {
        out->train.classes = form.classes; // a class may be in the test set alone
    }
    if (status == CHOIR_OK && form.kind == CH_LEAF_TEXT) {
        status = ch_sequences_name_bytes(out);
    }
    return status;
}

choir_status ch_leaf_read(ch_dataset *out, const char *path, const choir_job_data *options,
                          uint64_t seed, choir_error *err) {
    uint32_t steps = 0;
    choir_status status = ch_sequences_steps(&steps, options, CH_STEPS_CHARACTERS, err);
    if (status != CHOIR_OK) {
        return status;
    }
    half train;
    half test;
    half_look(&train, path, "train");
    half_look(&test, path, "test");
    status = halves_read(out, &train, &test, path, steps, options, err);
    half_release(&train);
    half_release(&test);
    if (status == CHOIR_OK && out->test.count == 0) {
        const uint32_t groups = out->train.groups[out->train.count - 1] + 1; // they are in order
        status = ch_dataset_split(out, options->test_share, seed, err);
        status = status == CHOIR_OK ? ch_dataset_number(out, groups) : status;
    }
    return status;
}
