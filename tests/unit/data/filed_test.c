/*
 * Filed: pictures that stay in their files are those that would be in memory, to the bit, and a
 * file that has changed or cannot be read is a sentence.
 */
#include "support/large_pictures.h"

#include "data/cifar.h"
#include "data/federation.h"
#include "data/filed.h"
#include "data/unpacked.h"
#include "unit/data/files.h"
#include "unit/data/unpacked.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

enum { PATH_BYTES = UNPACKED_PATH_MAX };

/* A path in the test's folder that stays: "set/train-images-idx3-ubyte". */
static void path_of(char out[PATH_BYTES], const char *name) {
    (void)snprintf(out, PATH_BYTES, "%s", folder_file(folder, name));
}

static choir_job_data data_of(const char *source, uint32_t memory) {
    choir_job_data o = {.partition = "iid",
                        .clients = 3,
                        .heldout = 0.2,
                        .crop = 16,
                        .preprocess = "crop,flip,brightness,contrast,whiten",
                        .memory = memory,
                        .test_share = 0.1};
    (void)snprintf(o.source, sizeof(o.source), "%s", source);
    (void)snprintf(o.dir, sizeof(o.dir), "%s/data", folder);
    return o;
}

static ch_federation *open_or_fail(const choir_job_data *o) {
    const choir_env env = choir_env_default();
    ch_federation *f = NULL;
    choir_error err = {.message = ""};
    if (ch_federation_open(&f, o, NULL, 5, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return f;
}

/* Every example of a holding of both, as a model reads it in an epoch. */
static void check_same_holding(const ch_federation *fa, const ch_holding *a,
                               const ch_federation *fb, const ch_holding *b,
                               const ch_preprocess_key *key) {
    static float x[2][LARGE_BYTES];
    static uint8_t room[CH_CIFAR_FEATURES];
    const ch_shape shape = ch_federation_shape(fa);
    const size_t bytes = ch_shape_features(shape) * sizeof(float);
    assert_int_equal(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        check_status(ch_preprocess_gather(ch_federation_preprocess(fa), shape, a, NULL, i, 1, key,
                                          room, x[0], NULL),
                     CHOIR_OK);
        check_status(ch_preprocess_gather(ch_federation_preprocess(fb), shape, b, NULL, i, 1, key,
                                          room, x[1], NULL),
                     CHOIR_OK);
        assert_memory_equal(x[0], x[1], bytes);
        assert_int_equal(a->examples->labels[ch_holding_row(a, i)],
                         b->examples->labels[ch_holding_row(b, i)]);
    }
}

static void check_same(const ch_federation *a, const ch_federation *b) {
    const ch_preprocess_key key = {.seed = 3, .epoch = 1, .client = 2};
    assert_int_equal(ch_federation_clients(a), ch_federation_clients(b));
    assert_int_equal(ch_federation_classes(a), ch_federation_classes(b));
    for (uint32_t k = 0; k < ch_federation_clients(a); k++) {
        for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
            ch_holding ha;
            ch_holding hb;
            check_status(ch_federation_holding(a, k, s, NULL, &ha), CHOIR_OK);
            check_status(ch_federation_holding(b, k, s, NULL, &hb), CHOIR_OK);
            check_same_holding(a, &ha, b, &hb, s == CH_SPLIT_TRAIN ? &key : NULL);
        }
    }
    const ch_examples *ta = ch_federation_test(a);
    const ch_examples *tb = ch_federation_test(b);
    const ch_holding ha = {.examples = ta, .count = ta->count};
    const ch_holding hb = {.examples = tb, .count = tb->count};
    check_same_holding(a, &ha, b, &hb, NULL);
}

/* With data.memory of 1, and with all in memory: the same, also arranged by client, and copied for
 * one client. */
static void check_source(const char *source) {
    const choir_env env = choir_env_default();
    const choir_job_data whole = data_of(source, 0);
    const choir_job_data some = data_of(source, 1);
    ch_federation *memory = open_or_fail(&whole);
    ch_federation *filed = open_or_fail(&some);
    assert_int_equal(ch_federation_input_bytes(memory), 0);
    assert_true(ch_federation_input_bytes(filed) >= LARGE_BYTES);
    assert_null(ch_federation_pooled(filed)->examples->bytes);
    check_same(memory, filed);
    check_status(ch_federation_arrange(filed), CHOIR_OK);
    check_same(memory, filed);
    for (uint32_t k = 0; k < ch_federation_clients(memory); k++) {
        ch_federation *one = NULL;
        ch_holding ho;
        ch_holding hm;
        check_status(ch_federation_open_client(&one, &some, NULL, k, 5, &env, NULL), CHOIR_OK);
        assert_int_equal(ch_federation_input_bytes(one), 0);
        check_status(ch_federation_holding(one, 0, CH_SPLIT_TRAIN, NULL, &ho), CHOIR_OK);
        check_status(ch_federation_holding(memory, k, CH_SPLIT_TRAIN, NULL, &hm), CHOIR_OK);
        check_same_holding(memory, &hm, one, &ho, NULL);
        ch_federation_destroy(one);
    }
    ch_federation_destroy(memory);
    ch_federation_destroy(filed);
}

static void images_stay_in_their_file(void **state) {
    (void)state;
    char set[PATH_BYTES];
    path_of(set, "set");
    large_pictures_write(set);
    check_source(set);
}

/* count records of 3,073 bytes from number first on. */
static void records_write(const char *path, uint32_t first, uint32_t count) {
    uint8_t *bytes = malloc((size_t)count * CH_CIFAR_RECORD);
    for (uint32_t i = 0; i < count; i++) {
        ch_rng rng = ch_rng_stream(2, CH_PURPOSE_TEST, 2, first + i);
        uint8_t *record = bytes + (size_t)i * CH_CIFAR_RECORD;
        record[0] = (uint8_t)ch_rng_below(&rng, 10);
        for (uint32_t b = 1; b < CH_CIFAR_RECORD; b++) {
            record[b] = (uint8_t)ch_rng_next(&rng);
        }
    }
    folder_put(path, bytes, (size_t)count * CH_CIFAR_RECORD);
    free(bytes);
}

static void records_stay_in_their_files(void **state) {
    (void)state;
    char path[FOLDER_PATH_MAX + 64];
    (void)snprintf(path, sizeof(path), "%s/cifar", folder);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof(path), "%s/cifar/data_batch_1.bin", folder);
    records_write(path, 0, 200);
    (void)snprintf(path, sizeof(path), "%s/cifar/data_batch_2.bin", folder);
    records_write(path, 200, 190);
    (void)snprintf(path, sizeof(path), "%s/cifar/test_batch.bin", folder);
    records_write(path, 400, 30);
    check_source(folder_file(folder, "cifar"));
    // One file, of which some records are drawn for testing.
    records_write(folder_file(folder, "one.bin"), 0, 400);
    check_source(folder_file(folder, "one.bin"));
}

/* Packs a file where it is. */
static void file_pack(const char *path) {
    static char bytes[400 * CH_CIFAR_RECORD];
    const size_t size = folder_get(path, bytes, sizeof(bytes));
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), (int)size);
    assert_int_equal(gzclose(file), Z_OK);
}

/* Opens what is at source with a memory of 1 MiB. path: what is refused in it; NULL: nothing. */
static void check_packed(const char *source, const char *path) {
    const choir_env env = choir_env_default();
    const choir_job_data o = data_of(source, 1);
    ch_federation *f = NULL;
    choir_error err = {.message = ""};
    char wanted[512];
    (void)snprintf(wanted, sizeof(wanted),
                   "data.memory: with %s, which is packed, pictures are more than 1 MiB; raise it, "
                   "or unpack that file where it is, and they stay in their files",
                   path);
    check_status(ch_federation_open(&f, &o, NULL, 5, &env, &err),
                 path == NULL ? CHOIR_OK : CHOIR_EINVAL);
    assert_string_equal(err.message, path == NULL ? "" : wanted);
    ch_federation_destroy(f);
}

static void packed_records_are_in_memory_or_refused(void **state) {
    (void)state;
    enum { FIT = (1 << 20) / CH_CIFAR_FEATURES }; // records in 1 MiB
    char set[PATH_BYTES];
    char path[4][PATH_BYTES];
    path_of(set, "gz");
    path_of(path[0], "gz/data_batch_1.bin");
    path_of(path[1], "gz/data_batch_2.bin");
    path_of(path[2], "gz/test_batch.bin");
    path_of(path[3], "packed.bin");
    (void)mkdir(set, 0755);
    for (uint32_t more = 0; more < 2; more++) {
        records_write(path[0], 0, FIT - 100); // beside one that is not packed
        records_write(path[1], 400, 100 + more);
        records_write(path[2], 600, FIT + more);
        file_pack(path[1]);
        check_packed(set, more == 0 ? NULL : path[1]);
        records_write(path[1], 400, 100);
        file_pack(path[1]);
        file_pack(path[2]);
        check_packed(set, more == 0 ? NULL : path[2]);
        records_write(path[3], 0, FIT + more);
        file_pack(path[3]);
        check_packed(path[3], more == 0 ? NULL : path[3]);
    }
    records_write(path[0], 0, FIT + 1); // that stays where it is
    records_write(path[2], 600, 10);
    check_packed(set, path[1]);
    static uint8_t blank[400 * CH_CIFAR_RECORD]; // small when it is packed
    folder_put(path[3], blank, sizeof(blank));
    file_pack(path[3]);
    check_packed(path[3], path[3]);
}

static void a_record_without_a_label_is_named_where_it_stays(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    char path[PATH_BYTES];
    path_of(path, "bad.bin");
    records_write(path, 0, 400);
    const int file = open(path, O_WRONLY);
    assert_int_equal(pwrite(file, "\x0b", 1, 3073 * 391), 1);
    (void)close(file);
    const choir_job_data o = data_of(path, 1);
    ch_federation *f = NULL;
    choir_error err = {.message = ""};
    char wanted[512];
    (void)snprintf(wanted, sizeof(wanted),
                   "%s: record 391 at byte 1201543: label 11 is not below 10", path);
    check_status(ch_federation_open(&f, &o, NULL, 5, &env, &err), CHOIR_EPROTO);
    assert_string_equal(err.message, wanted);
}

static void an_archive_that_is_too_large_is_to_be_unpacked(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    char set[PATH_BYTES];
    path_of(set, "archive");
    const size_t size = (size_t)2 << 20;
    uint8_t *bytes = calloc(1, size);
    (void)mkdir(set, 0755);
    file_write_gz(set, "cifar-10-binary.tar.gz", bytes, size);
    free(bytes);
    const choir_job_data o = data_of(set, 1);
    ch_federation *f = NULL;
    choir_error err = {.message = ""};
    char wanted[512];
    (void)snprintf(wanted, sizeof(wanted),
                   "data.memory: %s/cifar-10-binary.tar.gz has more than 1 MiB; raise it, or "
                   "unpack the archive where it is, and its pictures stay in their files",
                   set);
    check_status(ch_federation_open(&f, &o, NULL, 5, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, wanted);
}

/* ------------------------------------------------------------------------------------ unpacking */

/* How many files are in the folder of what was unpacked, and when the last of them was made. */
static uint32_t unpacked_newest(struct timespec *newest) {
    char path[FOLDER_PATH_MAX + 300];
    uint32_t count = 0;
    (void)snprintf(path, sizeof(path), "%s/data/unpacked", folder);
    DIR *dir = opendir(path);
    *newest = (struct timespec){0};
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        struct stat about;
        (void)snprintf(path, sizeof(path), "%s/data/unpacked/%s", folder, e->d_name);
        if (e->d_name[0] != '.' && stat(path, &about) == 0) {
            *newest = about.st_mtim;
            count += 1;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return count;
}

static void a_packed_file_is_unpacked_once(void **state) {
    (void)state;
    struct timespec first;
    struct timespec second;
    char set[PATH_BYTES];
    path_of(set, "packed");
    large_pictures_write(set);
    large_pictures_pack(set);
    assert_int_equal(unpacked_newest(&first), 0);
    check_source(set);
    assert_int_equal(unpacked_newest(&first), 1);
    const choir_job_data o = data_of(set, 1);
    ch_federation_destroy(open_or_fail(&o));
    assert_int_equal(unpacked_newest(&second), 1);
    assert_memory_equal(&first, &second, sizeof(first));
    // Of a file that has changed, another is made.
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(
        utimensat(AT_FDCWD, folder_file(folder, "packed/train-images-idx3-ubyte.gz"), times, 0), 0);
    ch_federation_destroy(open_or_fail(&o));
    assert_int_equal(unpacked_newest(&second), 2);
}

/* Damages one of what was unpacked, in the way number turn. */
static void damage(const char *one, off_t size, int turn) {
    const int file = open(one, O_RDWR);
    assert_true(file >= 0);
    if (turn == 0) { // another magic, or a size that the file does not have
        assert_int_equal(pwrite(file, "\xee", 1, 0), 1);
    } else if (turn == 1) {
        assert_int_equal(pwrite(file, "\xee", 1, 6), 1);
    } else if (turn == 2) { // as many bytes in pictures of another shape
        const uint8_t shape[] = {0, 0, 0, LARGE_SIDE / 2, 0, 0, 0, 2 * LARGE_SIDE};
        assert_int_equal(pwrite(file, shape, sizeof(shape), 8), sizeof(shape));
    } else { // half of it, more than it says, without its ending, nothing
        const off_t sizes[] = {size / 2, size + 9, size - 24, 0};
        assert_int_equal(ftruncate(file, sizes[turn - 3]), 0);
    }
    (void)close(file);
}

static void what_was_unpacked_is_made_again_when_it_is_damaged(void **state) {
    (void)state;
    struct stat whole;
    struct stat about;
    char set[PATH_BYTES];
    char one[UNPACKED_PATH_MAX];
    path_of(set, "again");
    large_pictures_write(set);
    large_pictures_pack(set);
    unpacked_remove(folder);
    const choir_job_data o = data_of(set, 1);
    const choir_job_data all = data_of(set, 0);
    ch_federation *memory = open_or_fail(&all);
    ch_federation_destroy(open_or_fail(&o));
    assert_int_equal(unpacked_count(folder, one), 1);
    assert_int_equal(stat(one, &whole), 0);
    for (int turn = 0; turn < 7; turn++) {
        damage(one, whole.st_size, turn);
        ch_federation *filed = open_or_fail(&o);
        check_same(memory, filed);
        ch_federation_destroy(filed);
        assert_int_equal(stat(one, &about), 0);
        assert_true(about.st_size == whole.st_size);
        assert_int_equal(unpacked_count(folder, one), 1);
    }
    ch_federation_destroy(memory);
}

static void a_packed_file_that_is_none_is_named_itself(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    static char bytes[2 << 20];
    char set[PATH_BYTES];
    char wanted[PATH_BYTES + 200];
    path_of(set, "none");
    large_pictures_write(set);
    large_pictures_pack(set);
    memset(bytes, 'x', sizeof(bytes));
    file_write_gz(set, "train-images-idx3-ubyte.gz", bytes, sizeof(bytes));
    const choir_job_data o = data_of(set, 1);
    (void)snprintf(wanted, sizeof(wanted),
                   "%s/train-images-idx3-ubyte.gz: starts with 78 78 78; an IDX file of bytes "
                   "starts with 00 00 08, of 32-bit integers with 00 00 0c",
                   set);
    for (int i = 0; i < 2; i++) { // and when its text is there
        ch_federation *f = NULL;
        choir_error err = {.message = ""};
        check_status(ch_federation_open(&f, &o, NULL, 5, &env, &err), CHOIR_EPROTO);
        assert_string_equal(err.message, wanted);
    }
}

static void a_damaged_stream_leaves_nothing(void **state) {
    (void)state;
    static char packed[LARGE_TRAIN * LARGE_BYTES];
    const choir_env env = choir_env_default();
    struct timespec newest;
    char set[PATH_BYTES];
    choir_error err = {.message = ""};
    path_of(set, "damaged");
    large_pictures_write(set);
    large_pictures_pack(set);
    const uint32_t before = unpacked_newest(&newest);
    char path[PATH_BYTES];
    path_of(path, "damaged/train-images-idx3-ubyte.gz");
    const size_t size = folder_get(path, packed, sizeof(packed));
    const choir_job_data o = data_of(set, 1);
    ch_federation *f = NULL;
    folder_put(path, packed, size - 9);
    check_status(ch_federation_open(&f, &o, NULL, 5, &env, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "train-images-idx3-ubyte.gz: the gzip stream ends after "));
    packed[size - 2000] ^= 0x55; // behind what tells that it is large
    folder_put(path, packed, size);
    check_status(ch_federation_open(&f, &o, NULL, 5, &env, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "train-images-idx3-ubyte.gz: damaged gzip stream near "));
    assert_int_equal(unpacked_newest(&newest), before);
}

static void a_data_folder_that_cannot_be_written_is_named(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    char set[PATH_BYTES];
    path_of(set, "unwritten");
    large_pictures_write(set);
    large_pictures_pack(set);
    choir_job_data o = data_of(set, 1);
    (void)snprintf(o.dir, sizeof(o.dir), "%s/train-labels-idx1-ubyte", set); // a file
    ch_federation *f = NULL;
    choir_error err = {.message = ""};
    check_status(ch_federation_open(&f, &o, NULL, 5, &env, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "/unwritten/train-labels-idx1-ubyte"));
}

/* ------------------------------------------------------------------------------------ trouble */

static choir_status gather(const ch_federation *f, choir_error *err) {
    static float x[LARGE_BYTES];
    static uint8_t room[LARGE_BYTES];
    ch_holding h;
    choir_status status = ch_federation_holding(f, 0, CH_SPLIT_TRAIN, NULL, &h);
    for (uint32_t i = 0; i < h.count && status == CHOIR_OK; i++) {
        status = ch_preprocess_gather(ch_federation_preprocess(f), ch_federation_shape(f), &h, NULL,
                                      i, 1, NULL, room, x, err);
    }
    return status;
}

static void a_file_that_changes_meanwhile_is_refused(void **state) {
    (void)state;
    char set[PATH_BYTES];
    path_of(set, "changing");
    char path[PATH_BYTES];
    path_of(path, "changing/train-images-idx3-ubyte");
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    const choir_job_data o = data_of(set, 1);
    char wanted[512];
    (void)snprintf(wanted, sizeof(wanted),
                   "%s: was changed while its examples were in use; leave it alone, and start "
                   "again",
                   path);
    for (int i = 0; i < 3; i++) {
        large_pictures_write(set);
        ch_federation *f = open_or_fail(&o);
        choir_error err = {.message = ""};
        check_status(gather(f, &err), CHOIR_OK);
        if (i == 0) {
            assert_int_equal(truncate(path, LARGE_TRAIN * LARGE_BYTES / 2), 0);
        } else if (i == 1) {
            assert_int_equal(truncate(path, LARGE_TRAIN * LARGE_BYTES + 5000), 0);
        } else {
            assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
        }
        check_status(gather(f, &err), CHOIR_EIO);
        assert_string_equal(err.message, wanted);
        ch_federation_destroy(f);
    }
}

static void a_file_that_is_removed_is_read_on(void **state) {
    (void)state;
    char set[PATH_BYTES];
    path_of(set, "removed");
    large_pictures_write(set);
    const choir_job_data o = data_of(set, 1);
    ch_federation *f = open_or_fail(&o);
    assert_int_equal(unlink(folder_file(folder, "removed/train-images-idx3-ubyte")), 0);
    check_status(gather(f, NULL), CHOIR_OK);
    ch_federation_destroy(f);
}

static void what_cannot_be_read_is_told(void **state) {
    (void)state;
    uint8_t bytes[8];
    ch_filed_file f;
    choir_error err = {.message = ""};
    char path[PATH_BYTES];
    path_of(path, "short");
    char wanted[512];
    folder_put(path, "12345", 5);
    check_status(ch_filed_file_open(&f, path, &err), CHOIR_OK);
    check_status(ch_filed_file_read(&f, 2, bytes, 3, &err), CHOIR_OK);
    assert_memory_equal(bytes, "345", 3);
    check_status(ch_filed_file_read(&f, 2, bytes, 4, &err), CHOIR_EIO);
    (void)snprintf(wanted, sizeof(wanted),
                   "%s: ends at byte 5, and had 5 bytes when it was opened; it was cut off "
                   "meanwhile",
                   path);
    assert_string_equal(err.message, wanted);
    // A descriptor that is not for reading stands for a disk that fails.
    ch_filed_file broken = f;
    broken.descriptor = open(path, O_WRONLY);
    check_status(ch_filed_file_read(&broken, 2, bytes, 3, &err), CHOIR_EIO);
    (void)snprintf(wanted, sizeof(wanted), "%s: cannot read byte 2: Bad file descriptor", path);
    assert_string_equal(err.message, wanted);
    ch_filed_file_close(&broken);
    ch_filed_file_close(&f);
    ch_filed_file_close(&f);
    check_status(ch_filed_file_open(&f, folder, &err), CHOIR_EIO);
    (void)snprintf(wanted, sizeof(wanted), "%s: is not a regular file", folder);
    assert_string_equal(err.message, wanted);
    ch_filed_file_close(&f);
    check_status(ch_filed_file_open(&f, folder_file(folder, "none"), &err), CHOIR_EIO);
    ch_filed_file_close(&f);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    const char *const sources[] = {"set", "packed", "one.bin"};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        const choir_job_data o = data_of(folder_file(folder, sources[i]), 1);
        failing_memory m = {.tries = 0};
        while (failing_memory_next(&m)) {
            char command[FOLDER_PATH_MAX + 32];
            (void)snprintf(command, sizeof(command), "rm -rf '%s/data'", folder);
            assert_int_equal(system(command), 0); // so that it is unpacked each time
            ch_federation *f = NULL;
            m.status = ch_federation_open(&f, &o, NULL, 5, &m.env, NULL);
            ch_federation_destroy(f);
        }
        assert_true(m.tries > 5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_stay_in_their_file),
        cmocka_unit_test(records_stay_in_their_files),
        cmocka_unit_test(packed_records_are_in_memory_or_refused),
        cmocka_unit_test(a_record_without_a_label_is_named_where_it_stays),
        cmocka_unit_test(an_archive_that_is_too_large_is_to_be_unpacked),
        cmocka_unit_test(a_packed_file_is_unpacked_once),
        cmocka_unit_test(what_was_unpacked_is_made_again_when_it_is_damaged),
        cmocka_unit_test(a_packed_file_that_is_none_is_named_itself),
        cmocka_unit_test(a_damaged_stream_leaves_nothing),
        cmocka_unit_test(a_data_folder_that_cannot_be_written_is_named),
        cmocka_unit_test(a_file_that_changes_meanwhile_is_refused),
        cmocka_unit_test(a_file_that_is_removed_is_read_on),
        cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
