/* PNG: taken apart again, chunk by chunk, and unpacked by zlib. */
#include "support/check.h"

#include "report/png.h"

#include <string.h>
#include <zlib.h>

enum { FILE_MAX = 1 << 16 };

static int digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(digits, c);
    return at == NULL || c == '\0' ? -1 : (int)(at - digits);
}

static size_t base64_decode(const char *text, uint8_t *out) {
    size_t size = 0;
    uint32_t bits = 0;
    int count = 0;
    for (; digit(*text) >= 0; text++) {
        bits = bits << 6 | (uint32_t)digit(*text);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[size++] = (uint8_t)(bits >> count);
        }
    }
    return size;
}

static uint32_t u32_of(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Checks a chunk's frame and returns its data. */
static const uint8_t *chunk(const uint8_t **at, const char *letters, uint32_t *size) {
    *size = u32_of(*at);
    const uint8_t *data = *at + 8;
    assert_memory_equal(*at + 4, letters, 4);
    assert_true(u32_of(data + *size) == crc32(0, *at + 4, *size + 4));
    *at = data + *size + 4;
    return data;
}

static void check_picture(uint32_t height, uint32_t width, uint32_t channels, uint8_t form) {
    const choir_env env = choir_env_default();
    uint8_t pixels[1 << 12];
    for (size_t i = 0; i < sizeof(pixels); i++) {
        pixels[i] = (uint8_t)(i * i >> 3);
    }
    ch_draft d;
    ch_draft_init(&d, &env);
    ch_png_put(&d, pixels, height, width, channels);
    check_status(ch_draft_status(&d), CHOIR_OK);
    const char *head = "data:image/png;base64,";
    assert_memory_equal(d.text, head, strlen(head));
    static uint8_t file[FILE_MAX];
    const size_t size = base64_decode(d.text + strlen(head), file);
    ch_draft_release(&d);
    assert_memory_equal(file, "\x89PNG\r\n\x1a\n", 8);
    const uint8_t *at = file + 8;
    uint32_t bytes = 0;
    const uint8_t *ihdr = chunk(&at, "IHDR", &bytes);
    assert_int_equal(bytes, 13);
    assert_true(u32_of(ihdr) == width && u32_of(ihdr + 4) == height);
    const uint8_t rest[] = {8, form, 0, 0, 0};
    assert_memory_equal(ihdr + 8, rest, sizeof(rest));
    const uint8_t *idat = chunk(&at, "IDAT", &bytes);
    static uint8_t rows[FILE_MAX];
    uLongf unpacked = sizeof(rows);
    assert_int_equal(uncompress(rows, &unpacked, idat, bytes), Z_OK);
    const size_t row = (size_t)width * channels;
    assert_true(unpacked == height * (row + 1));
    for (uint32_t i = 0; i < height; i++) {
        assert_int_equal(rows[i * (row + 1)], 0);
        assert_memory_equal(rows + i * (row + 1) + 1, pixels + i * row, row);
    }
    (void)chunk(&at, "IEND", &bytes);
    assert_int_equal(bytes, 0);
    assert_true(at == file + size);
}

static void every_form_of_picture_unpacks_to_its_pixels(void **state) {
    (void)state;
    check_picture(1, 1, 1, 0);
    check_picture(28, 28, 1, 0);
    check_picture(32, 32, 3, 2);
    check_picture(5, 7, 4, 6);
    check_picture(1, 4096, 1, 0);
}

static void a_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const uint8_t pixels[16] = {0};
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_draft d;
        ch_draft_init(&d, &m.env);
        ch_png_put(&d, pixels, 4, 4, 1);
        m.status = ch_draft_status(&d);
        ch_draft_release(&d);
    }
    assert_true(m.tries >=
                3 + 1); // the picture's arena, zlib's own, the draft's text, and the success
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_picture_unpacks_to_its_pixels),
        cmocka_unit_test(a_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
