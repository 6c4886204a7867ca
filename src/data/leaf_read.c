/* Folders of LEAF's; see leaf.h. */
#include "data/leaf.h"

#include "base/error.h"
#include "data/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static choir_status file_add(ch_leaf *l, const char *folder, const char *name, choir_error *err) {
    char path[PATH_BYTES];
    ch_file file = {.env = l->env};
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_BYTES) {
        return ch_error_set(err, CHOIR_EIO, "%s: the path is too long", folder);
    }
    choir_status status = ch_file_read(&file, path, CH_LEAF_BYTES_MAX, &l->env, err);
    if (status == CHOIR_OK) {
        status = ch_leaf_add(l, (const char *)file.data, file.size, path, err);
    }
    ch_file_release(&file);
    return status;
}

/* All files of a half, "train" or "test", in the order of their names; none where it is not there.
 */
static choir_status half_add(ch_leaf *l, const char *path, const char *half, choir_error *err) {
    char folder[PATH_BYTES];
    struct dirent **names = NULL;
    (void)snprintf(folder, sizeof(folder), "%s/%s", path, half);
    const int count = ch_is_folder(folder) ? scandir(folder, &names, is_json, alphasort) : 0;
    choir_status status = CHOIR_OK;
    for (int i = 0; i < count; i++) {
        if (status == CHOIR_OK) {
            status = file_add(l, folder, names[i]->d_name, err);
        }
        free(names[i]);
    }
    free(names);
    return status;
}

static choir_status halves_read(ch_dataset *out, ch_leaf *train, ch_leaf *test, const char *path,
                                choir_error *err) {
    choir_status status = half_add(train, path, "train", err);
    if (status == CHOIR_OK && train->count + train->sequences.count == 0) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: no user has an example to train on", path);
    }
    if (status == CHOIR_OK) {
        test->form = train->form;
        status = half_add(test, path, "test", err);
    }
    if (status == CHOIR_OK && train->form.kind == CH_LEAF_TEXT) {
        status = ch_sequences_name_bytes(out);
    }
    return status;
}

choir_status ch_leaf_read(ch_dataset *out, const char *path, const choir_job_data *options,
                          uint64_t seed, choir_error *err) {
    const ch_leaf_form unseen = {.kind = CH_LEAF_UNSEEN};
    uint32_t steps = 0;
    choir_status status = ch_sequences_steps(&steps, options, CH_STEPS_CHARACTERS, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_leaf train;
    ch_leaf test;
    ch_leaf_init(&train, &unseen, steps, &out->env);
    ch_leaf_init(&test, &unseen, steps, &out->env);
    status = halves_read(out, &train, &test, path, err);
    if (status == CHOIR_OK) {
        train.form.classes = test.form.classes; // a class may be in the test set alone
        const bool has_test = test.count + test.sequences.count > 0;
        ch_leaf_move(&train, out, &out->train);
        ch_leaf_move(&test, out, &out->test);
        status = has_test ? CHOIR_OK : ch_dataset_split(out, options->test_share, seed, err);
    }
    ch_leaf_release(&train);
    ch_leaf_release(&test);
    return status;
}
