/* Samples: written and read back, and everything a file can have wrong. */
#include "support/check.h"

#include "report/samples.h"
#include "support/folder.h"

#include <string.h>

enum { HEADER_BITS = 8 * 28 };

static char folder[FOLDER_PATH_MAX];

static void two_pictures(ch_samples *s, const choir_env *env) {
    check_status(ch_samples_create(s, 2, 2, 3, 3, env), CHOIR_OK);
    for (uint32_t i = 0; i < 2; i++) {
        s->labels[i] = 7 + i;
        s->clients[i] = i == 0 ? 12 : UINT32_MAX;
    }
    for (uint32_t i = 0; i < 2 * ch_samples_bytes(s); i++) {
        s->pixels[i] = (uint8_t)(i * 7);
    }
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_samples s;
    ch_samples t;
    two_pictures(&s, &env);
    check_status(ch_samples_read(&t, folder, &env, NULL), CHOIR_EAGAIN);
    check_status(ch_samples_write(&s, folder, NULL), CHOIR_OK);
    check_status(ch_samples_read(&t, folder, &env, NULL), CHOIR_OK);
    assert_true(t.count == 2 && t.height == 2 && t.width == 3 && t.channels == 3);
    assert_memory_equal(s.labels, t.labels, 2 * sizeof(uint32_t));
    assert_memory_equal(s.clients, t.clients, 2 * sizeof(uint32_t));
    assert_memory_equal(s.pixels, t.pixels, 2 * ch_samples_bytes(&s));
    ch_samples_release(&s);
    ch_samples_release(&t);
    ch_samples_release(&t);
}

static void sizes_outside_their_bounds_are_refused(void **state) {
    (void)state;
    static const uint32_t rows[][4] = {
        {65, 1, 1, 1}, {1, 0, 1, 1}, {1, 513, 1, 1}, {1, 1, 0, 1}, {1, 1, 513, 1}, {1, 1, 1, 2},
    };
    const choir_env env = choir_env_default();
    ch_samples s;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint32_t *r = rows[i];
        check_status(ch_samples_create(&s, r[0], r[1], r[2], r[3], &env), CHOIR_EINVAL);
    }
    check_status(ch_samples_create(&s, 0, 1, 1, 1, &env), CHOIR_OK);
    ch_samples_release(&s);
}

static void flip(char *bytes, size_t bit) {
    uint8_t *at = (uint8_t *)bytes + bit / 8;
    *at = (uint8_t)(*at ^ 1U << bit % 8);
}

static void every_prefix_and_every_flipped_bit_is_survived(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_samples s;
    two_pictures(&s, &env);
    check_status(ch_samples_write(&s, folder, NULL), CHOIR_OK);
    ch_samples_release(&s);
    char file[4096];
    const size_t size = folder_get(folder_file(folder, CH_SAMPLES_FILE), file, sizeof(file));
    choir_error err;
    for (size_t n = 0; n < size; n++) {
        const choir_bytes bytes = {.data = (const uint8_t *)file, .size = n};
        check_status(ch_samples_parse(&s, bytes, "f", &env, &err), CHOIR_EPROTO);
    }
    assert_string_equal(err.message, "f: has 79 bytes; its header says 80");
    for (size_t bit = 0; bit < 8 * size; bit++) {
        flip(file, bit);
        const choir_bytes bytes = {.data = (const uint8_t *)file, .size = size};
        const choir_status status = ch_samples_parse(&s, bytes, "f", &env, NULL);
        check_status(status, bit < HEADER_BITS ? CHOIR_EPROTO : CHOIR_OK);
        ch_samples_release(&s);
        flip(file, bit);
    }
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const choir_env real = choir_env_default();
    ch_samples s;
    two_pictures(&s, &real);
    check_status(ch_samples_write(&s, folder, NULL), CHOIR_OK);
    ch_samples_release(&s);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        m.status = ch_samples_read(&s, folder, &m.env, NULL);
        ch_samples_release(&s);
    }
    assert_int_equal(m.tries, 2 + 1); // file, samples, and the success
}

static int remove_folder(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    folder_make(folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(sizes_outside_their_bounds_are_refused),
        cmocka_unit_test(every_prefix_and_every_flipped_bit_is_survived),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
