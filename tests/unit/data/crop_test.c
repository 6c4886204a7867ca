/* Crop: the middle of every picture, for any source of pictures, and nothing of what is none. */
#include "support/check.h"

#include "data/crop.h"
#include "data/federation.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 7, COLUMNS = 6, CHANNELS = 3, PICTURES = 4 };

/* A value that says where it comes from: unlike any other of the same picture. */
static uint8_t value_at(uint32_t picture, uint32_t row, uint32_t column, uint32_t channel) {
    return (uint8_t)(picture * 29 + (row * COLUMNS + column) * CHANNELS + channel);
}

static void values_fill(uint8_t *bytes, float *reals) {
    for (uint32_t i = 0; i < PICTURES * ROWS * COLUMNS * CHANNELS; i++) {
        const uint32_t within = i % (ROWS * COLUMNS * CHANNELS);
        const uint32_t pixel = within / CHANNELS;
        bytes[i] = value_at(i / (ROWS * COLUMNS * CHANNELS), pixel / COLUMNS, pixel % COLUMNS,
                            within % CHANNELS);
        reals[i] = (float)bytes[i] + 0.5F;
    }
}

static void every_size_keeps_the_middle_of_every_picture(void **state) {
    (void)state;
    static uint8_t bytes[PICTURES * ROWS * COLUMNS * CHANNELS];
    static float reals[PICTURES * ROWS * COLUMNS * CHANNELS];
    for (uint32_t side = 1; side <= COLUMNS; side++) {
        values_fill(bytes, reals);
        const ch_examples whole = {.count = PICTURES, .shape = {ROWS, COLUMNS, CHANNELS}};
        ch_examples pixels = whole;
        ch_examples numbers = whole;
        pixels.bytes = bytes;
        numbers.reals = reals;
        ch_crop_apply(side, &pixels);
        ch_crop_apply(side, &numbers);
        assert_int_equal(pixels.shape.height, side);
        assert_int_equal(pixels.shape.width, side);
        assert_int_equal(pixels.shape.channels, CHANNELS);
        const uint32_t top = (ROWS - side) / 2;
        const uint32_t left = (COLUMNS - side) / 2;
        for (uint32_t i = 0; i < PICTURES * side * side * CHANNELS; i++) {
            const uint32_t pixel = i / CHANNELS % (side * side);
            const uint8_t wanted = value_at(i / (side * side * CHANNELS), top + pixel / side,
                                            left + pixel % side, i % CHANNELS);
            assert_int_equal(pixels.bytes[i], wanted);
            assert_true(numbers.reals[i] == (float)wanted + 0.5F);
        }
    }
}

static void no_crop_changes_nothing(void **state) {
    (void)state;
    ch_examples none = {.count = 1, .shape = {ROWS, COLUMNS, CHANNELS}};
    ch_crop_apply(0, &none);
    assert_int_equal(none.shape.height, ROWS);
    assert_int_equal(none.shape.width, COLUMNS);
    check_status(ch_crop_check(0, (ch_shape){1, 1, 60}, "x", NULL), CHOIR_OK);
}

static void what_does_not_fit_is_refused_with_a_sentence(void **state) {
    (void)state;
    static const struct {
        uint32_t side;
        ch_shape shape;
        const char *message;
    } rows[] = {
        {24,
         {1, 1, 14},
         "data.crop: 24 crops pictures, and 'x' has rows of 14 numbers; leave it at 0"},
        {33, {32, 32, 3}, "data.crop: 33 is more than the pictures of 'x' have, which are 32x32"},
        {7, {7, 6, 1}, "data.crop: 7 is more than the pictures of 'x' have, which are 7x6"},
        {7, {6, 7, 1}, "data.crop: 7 is more than the pictures of 'x' have, which are 6x7"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_error err = {.message = ""};
        check_status(ch_crop_check(rows[i].side, rows[i].shape, "x", &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
    }
    check_status(ch_crop_check(6, (ch_shape){7, 6, 1}, "x", NULL), CHOIR_OK);
}

static ch_federation *digits_open(uint32_t clients, uint32_t crop) {
    const choir_env env = choir_env_default();
    const choir_job_data o = {.source = "digits",
                              .partition = "natural",
                              .clients = clients,
                              .examples = 20,
                              .test_examples = 30,
                              .heldout = 0.2,
                              .crop = crop};
    ch_federation *f = NULL;
    check_status(ch_federation_open(&f, &o, NULL, 5, &env, NULL), CHOIR_OK);
    return f;
}

/* x (24, 24) is the middle of whole (28, 28). */
static void check_middle(const float *x, const float *whole) {
    for (uint32_t y = 0; y < 24; y++) {
        assert_memory_equal(x + (size_t)y * 24, whole + (size_t)(y + 2) * 28 + 2,
                            24 * sizeof(float));
    }
}

static void generated_pictures_are_cropped_in_memory_and_on_demand(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_federation *whole = digits_open(5, 0);
    ch_federation *memory = digits_open(5, 24);
    ch_federation *demand = digits_open(1000000, 24);
    ch_scratch *room;
    check_status(ch_scratch_create(&room, demand, &env), CHOIR_OK);
    assert_int_equal(ch_federation_shape(memory).width, 24);
    assert_int_equal(ch_federation_shape(demand).height, 24);
    float a[28 * 28];
    float x[24 * 24];
    for (uint32_t k = 0; k < 5; k++) {
        for (uint32_t i = 0; i < ch_federation_count(whole, k, CH_SPLIT_TRAIN); i++) {
            ch_holding h;
            check_status(ch_federation_holding(whole, k, CH_SPLIT_TRAIN, NULL, &h), CHOIR_OK);
            ch_holding_gather(&h, NULL, i, 1, a);
            check_status(ch_federation_holding(memory, k, CH_SPLIT_TRAIN, NULL, &h), CHOIR_OK);
            ch_holding_gather(&h, NULL, i, 1, x);
            check_middle(x, a);
            check_status(ch_federation_holding(demand, k, CH_SPLIT_TRAIN, room, &h), CHOIR_OK);
            ch_holding_gather(&h, NULL, i, 1, x);
            check_middle(x, a);
        }
    }
    const ch_examples *test = ch_federation_test(memory);
    const ch_holding all = {.examples = test, .count = test->count};
    const ch_holding before = {.examples = ch_federation_test(whole), .count = test->count};
    for (uint32_t i = 0; i < test->count; i++) {
        ch_holding_gather(&before, NULL, i, 1, a);
        ch_holding_gather(&all, NULL, i, 1, x);
        check_middle(x, a);
    }
    ch_scratch_destroy(room);
    ch_federation_destroy(whole);
    ch_federation_destroy(memory);
    ch_federation_destroy(demand);
}

static void a_federation_refuses_a_crop_that_does_not_fit(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job_data o = {.source = "digits",
                        .partition = "natural",
                        .clients = 2,
                        .examples = 5,
                        .test_examples = 5,
                        .crop = 29};
    ch_federation *f = NULL;
    choir_error err = {.message = ""};
    check_status(ch_federation_open(&f, &o, NULL, 5, &env, &err), CHOIR_EINVAL);
    assert_string_equal(
        err.message, "data.crop: 29 is more than the pictures of 'digits' have, which are 28x28");
    (void)snprintf(o.source, sizeof(o.source), "synthetic");
    check_status(ch_federation_open(&f, &o, NULL, 5, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "data.crop: 29 crops pictures, and 'synthetic' has rows of 60 "
                                     "numbers; leave it at 0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_keeps_the_middle_of_every_picture),
        cmocka_unit_test(no_crop_changes_nothing),
        cmocka_unit_test(what_does_not_fit_is_refused_with_a_sentence),
        cmocka_unit_test(generated_pictures_are_cropped_in_memory_and_on_demand),
        cmocka_unit_test(a_federation_refuses_a_crop_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
