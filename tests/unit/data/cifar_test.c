/* CIFAR-10: records, folders, archives, single files, and everything that can be wrong with them.
 */
#include "support/check.h"

#include "data/cifar.h"
#include "data/tar.h"
#include "unit/data/files.h"

#include <string.h>

enum { RECORDS = 20 };

static const char NAMES[] =
    "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\r\ntruck\n\n";

/* Records whose label and pixels say which they are. */
static void records_make(uint8_t *out, uint32_t count, uint32_t first) {
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *record = out + (size_t)i * CH_CIFAR_RECORD;
        record[0] = (uint8_t)((first + i) % CH_CIFAR_CLASSES);
        for (uint32_t p = 0; p < CH_CIFAR_PIXELS; p++) {
            record[1 + p] = (uint8_t)(first + i);
            record[1 + CH_CIFAR_PIXELS + p] = (uint8_t)p;
            record[1 + 2 * CH_CIFAR_PIXELS + p] = (uint8_t)(p >> 8);
        }
    }
}

static choir_status read_path(ch_dataset *d, const char *path, double test_share,
                              choir_error *err) {
    const choir_env env = choir_env_default();
    const choir_job_data options = {.test_share = test_share};
    ch_dataset_init(d, &env);
    return ch_cifar_read(d, path, &options, 1, err);
}

static void check_names(const ch_dataset *d) {
    assert_int_equal(d->named, CH_CIFAR_CLASSES);
    assert_string_equal(d->names[0], "airplane");
    assert_string_equal(d->names[8], "ship");
    assert_string_equal(d->names[9], "truck");
}

static void pixels_are_interleaved(void **state) {
    (void)state;
    static uint8_t record[CH_CIFAR_RECORD];
    static uint8_t image[CH_CIFAR_FEATURES];
    uint32_t label;
    records_make(record, 1, 7);
    ch_cifar_unpack(image, &label, (choir_bytes){.data = record, .size = sizeof(record)});
    assert_int_equal(label, 7);
    for (uint32_t p = 0; p < CH_CIFAR_PIXELS; p++) {
        assert_int_equal(image[3 * p], 7);
        assert_int_equal(image[3 * p + 1], p & 0xFF);
        assert_int_equal(image[3 * p + 2], p >> 8);
    }
}

static void folders_have_batches_and_a_test_batch(void **state) {
    (void)state;
    static uint8_t records[RECORDS * CH_CIFAR_RECORD];
    char f[FOLDER_PATH_MAX];
    folder_make(f);
    assert_false(ch_cifar_is(f));
    records_make(records, RECORDS, 0);
    file_write(f, "data_batch_1.bin", records, 5 * CH_CIFAR_RECORD);
    file_write(f, "data_batch_2.bin", records + 5 * CH_CIFAR_RECORD, 3 * CH_CIFAR_RECORD);
    file_write(f, "test_batch.bin", records + 8 * CH_CIFAR_RECORD, 2 * CH_CIFAR_RECORD);
    assert_true(ch_cifar_is(f));
    ch_dataset d;
    check_status(read_path(&d, f, 0.5, NULL), CHOIR_OK);
    assert_int_equal(d.named, 0);
    ch_dataset_release(&d);
    file_write(f, "batches.meta.txt", NAMES, strlen(NAMES));
    check_status(read_path(&d, f, 0.5, NULL), CHOIR_OK);
    check_names(&d);
    assert_int_equal(d.train.count, 8);
    assert_int_equal(d.test.count, 2);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(d.train.labels[i], i);
        assert_int_equal(d.train.bytes[(size_t)i * CH_CIFAR_FEATURES], i);
    }
    assert_int_equal(d.test.labels[1], 9);
    ch_dataset_release(&d);
    file_write(f, "data_batch_4.bin", records, CH_CIFAR_RECORD);
    choir_error err = {.message = ""};
    check_status(read_path(&d, f, 0.5, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, ": has no data_batch_3.bin, but a later one"));
    ch_dataset_release(&d);
    folder_remove(f);
}

static void a_single_file_is_split_by_the_test_share(void **state) {
    (void)state;
    static uint8_t records[RECORDS * CH_CIFAR_RECORD];
    char f[FOLDER_PATH_MAX];
    folder_make(f);
    records_make(records, RECORDS, 0);
    file_write(f, "some.bin", records, sizeof(records));
    const char *path = folder_file(f, "some.bin");
    assert_true(ch_cifar_is(path));
    ch_dataset d;
    check_status(read_path(&d, path, 0.3, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 14);
    assert_int_equal(d.test.count, 6);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < RECORDS; i++) { // training and test rows are one array
        const uint8_t which = d.train.bytes[(size_t)i * CH_CIFAR_FEATURES];
        assert_int_equal(d.train.labels[i], which % CH_CIFAR_CLASSES);
        assert_true((seen >> which & 1) == 0);
        seen |= 1U << which;
    }
    ch_dataset_release(&d);
    check_status(read_path(&d, path, 0, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, RECORDS);
    assert_int_equal(d.test.count, 0);
    ch_dataset_release(&d);
    check_status(read_path(&d, path, 1, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 0);
    assert_int_equal(d.test.count, RECORDS);
    for (uint32_t i = 0; i < RECORDS; i++) { // in their order
        assert_int_equal(d.test.bytes[(size_t)i * CH_CIFAR_FEATURES], i);
    }
    ch_dataset_release(&d);
    choir_error err = {.message = ""};
    check_status(read_path(&d, path, 0.999, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "data.test_share: 0.999 of 20 examples leaves none to train "
                                     "on");
    ch_dataset_release(&d);
    folder_remove(f);
}

/* Appends a file to a tar archive; returns the archive's new size. */
static size_t tar_append(uint8_t *archive, size_t at, const char *name, char type,
                         const uint8_t *data, size_t size) {
    uint8_t *header = archive + at;
    memset(header, 0, 512);
    (void)snprintf((char *)header, 100, "%s", name);
    (void)snprintf((char *)header + 124, 12, "%011o", (unsigned)size);
    header[156] = (uint8_t)type;
    memcpy(header + 257, "ustar", 6);
    if (size > 0) {
        memcpy(header + 512, data, size);
    }
    const size_t padded = (size + 511) / 512 * 512;
    memset(header + 512 + size, 0, padded - size);
    return at + 512 + padded;
}

static size_t archive_make(uint8_t *archive, const uint8_t *records) {
    size_t size = tar_append(archive, 0, "cifar-10-batches-bin/", '5', NULL, 0);
    size = tar_append(archive, size, "cifar-10-batches-bin/readme.html", '0', records, 70);
    size = tar_append(archive, size, "cifar-10-batches-bin/test_batch.bin", '0',
                      records + 2 * CH_CIFAR_RECORD, CH_CIFAR_RECORD);
    size = tar_append(archive, size, "cifar-10-batches-bin/batches.meta.txt", '0',
                      (const uint8_t *)NAMES, strlen(NAMES));
    size = tar_append(archive, size, "cifar-10-batches-bin/data_batch_1.bin", '0', records,
                      2 * CH_CIFAR_RECORD);
    memset(archive + size, 0, 1024);
    return size + 1024;
}

static void the_archive_is_read_as_it_was_downloaded(void **state) {
    (void)state;
    static uint8_t records[3 * CH_CIFAR_RECORD];
    static uint8_t archive[1 << 15];
    char f[FOLDER_PATH_MAX];
    folder_make(f);
    records_make(records, 3, 0);
    const size_t size = archive_make(archive, records);
    file_write_gz(f, "cifar-10-binary.tar.gz", archive, size);
    assert_true(ch_cifar_is(f));
    ch_dataset d;
    check_status(read_path(&d, f, 0, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 2);
    assert_int_equal(d.test.count, 1);
    assert_int_equal(d.test.labels[0], 2);
    check_names(&d);
    ch_dataset_release(&d);
    folder_remove(f);
}

static void every_prefix_of_an_archive_ends_in_an_answer(void **state) {
    (void)state;
    static uint8_t records[3 * CH_CIFAR_RECORD];
    static uint8_t archive[1 << 15];
    records_make(records, 3, 0);
    const size_t whole = archive_make(archive, records);
    for (size_t size = 0; size < whole; size += size < 2048 ? 1 : 97) {
        uint8_t *exact = malloc(size > 0 ? size : 1);
        memcpy(exact, archive, size);
        ch_tar_entry entry;
        size_t at = 0;
        choir_error err = {.message = ""};
        choir_status status = CHOIR_OK;
        while (status == CHOIR_OK) {
            status =
                ch_tar_next(&entry, &at, (choir_bytes){.data = exact, .size = size}, "a.tar", &err);
            assert_true(at <= size);
        }
        assert_true(status == CHOIR_EAGAIN || strncmp(err.message, "a.tar: ", 7) == 0);
        free(exact);
    }
}

static void wrong_sizes_and_labels_are_named(void **state) {
    (void)state;
    static uint8_t records[2 * CH_CIFAR_RECORD];
    records_make(records, 2, 0);
    static const struct {
        size_t size;
        const char *message;
    } rows[] = {
        {0, "x: 0 bytes; CIFAR-10 has records of 3073 bytes, and this is 0 of them and 0 bytes"},
        {3072,
         "x: 3072 bytes; CIFAR-10 has records of 3073 bytes, and this is 0 of them and 3072 bytes"},
        {6145,
         "x: 6145 bytes; CIFAR-10 has records of 3073 bytes, and this is 1 of them and 3072 bytes"},
    };
    uint32_t count;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_error err = {.message = ""};
        const choir_bytes bytes = {.data = records, .size = rows[i].size};
        check_status(ch_cifar_check(&count, bytes, "x", &err), CHOIR_EPROTO);
        assert_string_equal(err.message, rows[i].message);
    }
    records[CH_CIFAR_RECORD] = 10;
    choir_error err = {.message = ""};
    const choir_bytes bytes = {.data = records, .size = sizeof(records)};
    check_status(ch_cifar_check(&count, bytes, "x", &err), CHOIR_EPROTO);
    assert_string_equal(err.message, "x: record 1 at byte 3073: label 10 is not below 10");
}

static void names_that_are_not_ten_are_refused(void **state) {
    (void)state;
    static uint8_t records[CH_CIFAR_RECORD];
    char long_text[CH_CIFAR_NAMES_MAX + 1];
    char f[FOLDER_PATH_MAX];
    char message[FOLDER_PATH_MAX + 100];
    folder_make(f);
    records_make(records, 1, 0);
    memset(long_text, 'a', sizeof(long_text));
    file_write(f, "data_batch_1.bin", records, sizeof(records));
    file_write(f, "batches.meta.txt", NAMES, strlen("airplane\nautomobile\nbird"));
    ch_dataset d;
    choir_error err = {.message = ""};
    check_status(read_path(&d, f, 0, &err), CHOIR_EPROTO);
    (void)snprintf(message, sizeof(message), "%s/batches.meta.txt: names 3 labels; CIFAR-10 has 10",
                   f);
    assert_string_equal(err.message, message);
    ch_dataset_release(&d);
    ch_cell names[CH_CIFAR_CLASSES];
    choir_bytes text = {.data = (const uint8_t *)NAMES, .size = strlen(NAMES)};
    check_status(ch_cifar_names(names, text, "x", NULL), CHOIR_OK);
    text = (choir_bytes){.data = (const uint8_t *)long_text, .size = sizeof(long_text)};
    check_status(ch_cifar_names(names, text, "x", &err), CHOIR_EPROTO);
    assert_string_equal(err.message, "x: 4097 bytes for the names of 10 labels");
    folder_remove(f);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    static uint8_t records[3 * CH_CIFAR_RECORD];
    static uint8_t archive[1 << 15];
    char f[FOLDER_PATH_MAX];
    folder_make(f);
    records_make(records, 3, 0);
    file_write_gz(f, "cifar-10-binary.tar.gz", archive, archive_make(archive, records));
    const choir_job_data options = {.test_share = 0};
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_dataset d;
        ch_dataset_init(&d, &m.env);
        m.status = ch_cifar_read(&d, f, &options, 1, NULL);
        ch_dataset_release(&d);
    }
    folder_remove(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_are_interleaved),
        cmocka_unit_test(folders_have_batches_and_a_test_batch),
        cmocka_unit_test(a_single_file_is_split_by_the_test_share),
        cmocka_unit_test(the_archive_is_read_as_it_was_downloaded),
        cmocka_unit_test(every_prefix_of_an_archive_ends_in_an_answer),
        cmocka_unit_test(wrong_sizes_and_labels_are_named),
        cmocka_unit_test(names_that_are_not_ten_are_refused),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
