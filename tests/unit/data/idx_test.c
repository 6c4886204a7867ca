/* IDX files: every prefix, wrong headers, folders in all spellings, and QMNIST's writers. */
#include "support/check.h"

#include "data/idx.h"
#include "unit/data/files.h"

#include <string.h>

// Two images of 2 x 3.
static const uint8_t IMAGES[] = {0, 0, 8, 3, 0, 0,  0,  2,  0,  0,   0, 2, 0, 0,
                                 0, 3, 1, 2, 3, 10, 11, 12, 13, 255, 0, 7, 8, 9};
static const uint8_t LABELS[] = {0, 0, 8, 1, 0, 0, 0, 2, 4, 1};
// Two rows of three columns; writers 500 and 20.
static const uint8_t WRITERS[] = {0, 0, 12, 2, 0, 0,    0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0,
                                  0, 1, 0,  0, 1, 0xF4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 20};

static choir_status parse(ch_idx *out, const uint8_t *data, size_t size, choir_error *err) {
    return ch_idx_parse(out, (choir_bytes){.data = data, .size = size}, "file", err);
}

static void a_whole_file_is_viewed_in_place(void **state) {
    (void)state;
    ch_idx idx;
    check_status(parse(&idx, IMAGES, sizeof(IMAGES), NULL), CHOIR_OK);
    assert_int_equal(idx.rank, 3);
    assert_int_equal(idx.sizes[0], 2);
    assert_int_equal(idx.sizes[1], 2);
    assert_int_equal(idx.sizes[2], 3);
    assert_int_equal(idx.sizes[3], 1);
    assert_ptr_equal(idx.elements, IMAGES + 16);
}

static void every_prefix_and_every_surplus_is_refused(void **state) {
    (void)state;
    for (size_t size = 0; size < sizeof(IMAGES); size++) {
        uint8_t *exact = malloc(size > 0 ? size : 1); // so that the sanitizer sees an overrun
        memcpy(exact, IMAGES, size);
        ch_idx idx;
        choir_error err = {.message = ""};
        check_status(parse(&idx, exact, size, &err), CHOIR_EPROTO);
        assert_non_null(strstr(err.message, "file: "));
        free(exact);
    }
    uint8_t longer[sizeof(IMAGES) + 1] = {0};
    memcpy(longer, IMAGES, sizeof(IMAGES));
    ch_idx idx;
    choir_error err = {.message = ""};
    check_status(parse(&idx, longer, sizeof(longer), &err), CHOIR_EPROTO);
    assert_string_equal(err.message, "file: 13 bytes after the header, which promises 12: the file "
                                     "is longer than it says");
}

static void wrong_headers_are_named(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        const char *message;
    } rows[] = {
        {0, 1, "starts with 01 00 08"},
        {2, 9, "starts with 00 00 09"},
        {3, 0, "byte 3: rank 0 is not in [1, 4]"},
        {3, 5, "byte 3: rank 5 is not in [1, 4]"},
        {7, 0, "byte 4: size 0 is not in"},
        {8, 255, "byte 8: size 4278190082 is not in"},
        {4, 8, "the file is cut off"},
        {5, 255, "the file is cut off"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bad[sizeof(IMAGES)];
        memcpy(bad, IMAGES, sizeof(bad));
        bad[rows[i].at] = rows[i].value;
        ch_idx idx;
        choir_error err = {.message = ""};
        check_status(parse(&idx, bad, sizeof(bad), &err), CHOIR_EPROTO);
        if (strstr(err.message, rows[i].message) == NULL) {
            fail_msg("'%s' lacks '%s'", err.message, rows[i].message);
        }
    }
}

typedef void (*file_writer)(const char *f, const char *name, const void *data, size_t size);

static void folder_fill(const char *f, char joint, const char *suffix, file_writer write) {
    static const char *const halves[] = {"train", "t10k"};
    for (int i = 0; i < 2; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%s-images%cidx3-ubyte%s", halves[i], joint, suffix);
        write(f, name, IMAGES, sizeof(IMAGES));
        (void)snprintf(name, sizeof(name), "%s-labels%cidx1-ubyte%s", halves[i], joint, suffix);
        write(f, name, LABELS, sizeof(LABELS));
    }
}

static void check_read(const char *f) {
    const choir_env env = choir_env_default();
    ch_dataset d;
    ch_dataset_init(&d, &env);
    choir_error err = {.message = ""};
    assert_true(ch_idx_is_folder(f));
    check_status(ch_idx_read(&d, f, NULL, false, &err), CHOIR_OK);
    assert_int_equal(d.train.count, 2);
    assert_int_equal(d.test.count, 2);
    assert_int_equal(d.train.classes, 5);
    assert_int_equal(d.test.classes, 5);
    assert_int_equal(d.train.labels[0], 4);
    assert_int_equal(d.train.labels[1], 1);
    assert_memory_equal(d.train.bytes, IMAGES + 16, 12);
    ch_dataset_release(&d);
    ch_dataset_release(&d);
}

static void folders_are_read_in_every_spelling(void **state) {
    (void)state;
    static const struct {
        char joint;
        const char *suffix;
        file_writer write;
    } rows[] = {
        {'-', "", file_write},       {'.', "", file_write},    {'-', ".gz", file_write_gz},
        {'.', ".gz", file_write_gz}, {'-', ".gz", file_write}, // not compressed in spite of its
                                                               // name
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char f[FOLDER_PATH_MAX];
        folder_make(f);
        assert_false(ch_idx_is_folder(f));
        folder_fill(f, rows[i].joint, rows[i].suffix, rows[i].write);
        check_read(f);
        folder_remove(f);
    }
}

static void who_only_trains_needs_no_test_files(void **state) {
    (void)state;
    char f[FOLDER_PATH_MAX];
    folder_make(f);
    file_write(f, "train-images-idx3-ubyte", IMAGES, sizeof(IMAGES));
    file_write(f, "train-labels-idx1-ubyte", LABELS, sizeof(LABELS));
    const choir_env env = choir_env_default();
    ch_dataset d;
    ch_dataset_init(&d, &env);
    choir_error err = {.message = ""};
    check_status(ch_idx_read(&d, f, NULL, false, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "t10k-images-idx3-ubyte"));
    ch_dataset_release(&d);
    ch_dataset_init(&d, &env);
    check_status(ch_idx_read(&d, f, NULL, true, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 2);
    assert_int_equal(d.train.classes, 5);
    assert_int_equal(d.test.count, 0);
    ch_dataset_release(&d);
    file_write(f, "t10k-labels-idx1-ubyte", LABELS, sizeof(LABELS)); // one of two is a mistake
    ch_dataset_init(&d, &env);
    check_status(ch_idx_read(&d, f, NULL, true, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "t10k-images-idx3-ubyte"));
    ch_dataset_release(&d);
    file_write(f, "t10k-images-idx3-ubyte", IMAGES, sizeof(IMAGES));
    ch_dataset_init(&d, &env);
    check_status(ch_idx_read(&d, f, NULL, true, NULL), CHOIR_OK);
    assert_int_equal(d.test.count, 2);
    ch_dataset_release(&d);
    folder_remove(f);
}

static void writers_become_groups_without_gaps(void **state) {
    (void)state;
    char f[FOLDER_PATH_MAX];
    folder_make(f);
    folder_fill(f, '-', ".gz", file_write_gz);
    file_write_gz(f, "qmnist-train-labels-idx2-int.gz", WRITERS, sizeof(WRITERS));
    const choir_env env = choir_env_default();
    ch_dataset d;
    ch_dataset_init(&d, &env);
    check_status(ch_idx_read(&d, f, NULL, false, NULL), CHOIR_OK);
    assert_int_equal(d.train.groups[0], 1); // 500
    assert_int_equal(d.train.groups[1], 0); // 20
    assert_null(d.test.groups);
    ch_dataset_release(&d);
    folder_remove(f);
}

static void check_refused(const char *f, choir_status expected, const char *message) {
    const choir_env env = choir_env_default();
    ch_dataset d;
    ch_dataset_init(&d, &env);
    choir_error err = {.message = ""};
    check_status(ch_idx_read(&d, f, NULL, false, &err), expected);
    if (strstr(err.message, message) == NULL) {
        fail_msg("'%s' lacks '%s'", err.message, message);
    }
    ch_dataset_release(&d);
}

static void files_that_do_not_fit_each_other_are_refused(void **state) {
    (void)state;
    char f[FOLDER_PATH_MAX];
    folder_make(f);
    folder_fill(f, '-', "", file_write);
    uint8_t three[] = {0, 0, 8, 1, 0, 0, 0, 3, 4, 1, 0};
    file_write(f, "train-labels-idx1-ubyte", three, sizeof(three));
    check_refused(f, CHOIR_EPROTO, "train-labels-idx1-ubyte: 3 labels, but there are 2 images");
    file_write(f, "train-labels-idx1-ubyte", IMAGES, sizeof(IMAGES));
    check_refused(f, CHOIR_EPROTO, "holds type 0x08 of rank 3; here type 0x08 of rank 1");
    file_write(f, "train-labels-idx1-ubyte", LABELS, sizeof(LABELS));
    uint8_t wide[sizeof(IMAGES)];
    memcpy(wide, IMAGES, sizeof(wide));
    wide[11] = 3;
    wide[15] = 2;
    file_write(f, "t10k-images-idx3-ubyte", wide, sizeof(wide));
    check_refused(f, CHOIR_EPROTO, "training images are 2 x 3 x 1, test images 3 x 2 x 1");
    (void)remove(folder_file(f, "t10k-images-idx3-ubyte"));
    check_refused(f, CHOIR_EIO, "t10k-images-idx3-ubyte.gz: cannot open: No such file");
    folder_fill(f, '-', "", file_write);
    file_write(f, "qmnist-train-labels-idx2-int", LABELS, sizeof(LABELS));
    check_refused(f, CHOIR_EPROTO, "holds type 0x08 of rank 1; here type 0x0c of rank 2");
    uint8_t huge[sizeof(WRITERS)];
    memcpy(huge, WRITERS, sizeof(huge));
    huge[20] = 0x7F;
    file_write(f, "qmnist-train-labels-idx2-int", huge, sizeof(huge));
    check_refused(f, CHOIR_EPROTO, "row 0: writer id");
    folder_remove(f);
}

static void damaged_gzip_is_refused_at_every_prefix_and_flip(void **state) {
    (void)state;
    char f[FOLDER_PATH_MAX];
    folder_make(f);
    folder_fill(f, '-', ".gz", file_write_gz);
    const char *name = "train-images-idx3-ubyte.gz";
    uint8_t packed[256];
    FILE *file = fopen(folder_file(f, name), "rb");
    assert_non_null(file);
    const size_t size = fread(packed, 1, sizeof(packed), file);
    (void)fclose(file);
    for (size_t cut = 2; cut < size; cut++) {
        file_write(f, name, packed, cut);
        check_refused(f, CHOIR_EPROTO, name);
    }
    for (size_t bit = 16; bit < 8 * size; bit++) {
        packed[bit / 8] ^= (uint8_t)(1U << bit % 8);
        file_write(f, name, packed, size);
        const choir_env env = choir_env_default();
        ch_dataset d;
        ch_dataset_init(&d, &env);
        const choir_status status = ch_idx_read(&d, f, NULL, false, NULL);
        if (status == CHOIR_OK) { // a bit that means nothing, as in the header's time
            assert_memory_equal(d.train.bytes, IMAGES + 16, 12);
        } else {
            check_status(status, CHOIR_EPROTO);
        }
        ch_dataset_release(&d);
        packed[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    folder_remove(f);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    char f[FOLDER_PATH_MAX];
    folder_make(f);
    folder_fill(f, '-', ".gz", file_write_gz);
    file_write_gz(f, "qmnist-train-labels-idx2-int.gz", WRITERS, sizeof(WRITERS));
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_dataset d;
        ch_dataset_init(&d, &m.env);
        m.status = ch_idx_read(&d, f, NULL, false, NULL);
        ch_dataset_release(&d);
    }
    folder_remove(f);
}

static void what_is_written_reads_back_the_same(void **state) {
    (void)state;
    char from[FOLDER_PATH_MAX];
    char to[FOLDER_PATH_MAX];
    folder_make(from);
    folder_make(to);
    folder_fill(from, '-', "", file_write);
    file_write(from, "qmnist-train-labels-idx2-int", WRITERS, sizeof(WRITERS));
    const choir_env plain = choir_env_default();
    ch_dataset d;
    ch_dataset_init(&d, &plain);
    check_status(ch_idx_read(&d, from, NULL, false, NULL), CHOIR_OK);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        m.status = ch_idx_write(to, &d.train, NULL, &d.test, &m.env, NULL);
    }
    ch_dataset again;
    ch_dataset_init(&again, &plain);
    check_status(ch_idx_read(&again, to, NULL, false, NULL), CHOIR_OK);
    assert_int_equal(again.train.count, d.train.count);
    assert_memory_equal(again.train.bytes, d.train.bytes, 12);
    assert_memory_equal(again.train.labels, d.train.labels, 2 * sizeof(d.train.labels[0]));
    assert_memory_equal(again.train.groups, d.train.groups, 2 * sizeof(d.train.groups[0]));
    assert_memory_equal(again.test.bytes, d.test.bytes, 12);
    ch_examples none = d.test;
    none.count = 0;
    choir_error err = {.message = ""};
    check_status(ch_idx_write(to, &d.train, NULL, &none, &plain, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "has a test set, and this source has none"));
    ch_dataset_release(&d);
    ch_dataset_release(&again);
    folder_remove(from);
    folder_remove(to);
}

static void what_is_left_out_is_not_written(void **state) {
    (void)state;
    char from[FOLDER_PATH_MAX];
    char to[FOLDER_PATH_MAX];
    folder_make(from);
    folder_make(to);
    folder_fill(from, '-', "", file_write);
    file_write(from, "qmnist-train-labels-idx2-int", WRITERS, sizeof(WRITERS));
    const choir_env plain = choir_env_default();
    const bool is_written[] = {false, true};
    ch_dataset d;
    ch_dataset_init(&d, &plain);
    check_status(ch_idx_read(&d, from, NULL, false, NULL), CHOIR_OK);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        m.status = ch_idx_write(to, &d.train, is_written, &d.test, &m.env, NULL);
    }
    ch_dataset again;
    ch_dataset_init(&again, &plain);
    check_status(ch_idx_read(&again, to, NULL, false, NULL), CHOIR_OK);
    assert_int_equal(again.train.count, 1);
    assert_memory_equal(again.train.bytes, d.train.bytes + 6, 6);
    assert_int_equal(again.train.labels[0], d.train.labels[1]);
    assert_int_equal(again.train.groups[0], 0); // numbered anew: it is the only one
    ch_dataset_release(&d);
    ch_dataset_release(&again);
    folder_remove(from);
    folder_remove(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_viewed_in_place),
        cmocka_unit_test(every_prefix_and_every_surplus_is_refused),
        cmocka_unit_test(wrong_headers_are_named),
        cmocka_unit_test(folders_are_read_in_every_spelling),
        cmocka_unit_test(who_only_trains_needs_no_test_files),
        cmocka_unit_test(writers_become_groups_without_gaps),
        cmocka_unit_test(files_that_do_not_fit_each_other_are_refused),
        cmocka_unit_test(damaged_gzip_is_refused_at_every_prefix_and_flip),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(what_is_left_out_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
