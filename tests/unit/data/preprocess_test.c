/*
 * Preprocess: every step is what its formula says, draws are of nobody else, and what is not
 * trained on is not drawn for.
 */
#include "support/check.h"

#include "data/federation.h"
#include "data/preprocess.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 4, CHANNELS = 3, VALUES = SIDE * SIDE * CHANNELS, DRAWS = 4000 };

static const ch_shape SHAPE = {SIDE, SIDE, CHANNELS};

static const ch_preprocess_row *row_of(const char *name) {
    for (uint32_t i = 0; i < CH_PREPROCESS_COUNT; i++) {
        if (strcmp(CH_PREPROCESS_ROWS[i].name, name) == 0) {
            return &CH_PREPROCESS_ROWS[i];
        }
    }
    fail_msg("no step '%s'", name);
    return NULL;
}

static void values_fill(float x[VALUES]) {
    for (uint32_t i = 0; i < VALUES; i++) {
        x[i] = (float)((i * 37 + 11) % 256) / 255.0F;
    }
}

static void lists_are_checked_word_by_word(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"flop", "data.preprocess: 'flop' is not known; did you mean 'flip'? there are crop, flip, "
                 "brightness, contrast, whiten"},
        {"", ""},
        {"whiten", ""},
        {"crop,flip,brightness,contrast,whiten", ""},
        {"brightness=0,contrast=1", ""},
        {",", "data.preprocess: '' is not known; there are crop, flip, brightness, contrast, "
              "whiten"},
        {"flip,", "data.preprocess: '' is not known; there are crop, flip, brightness, contrast, "
                  "whiten"},
        {"flip,flip", "data.preprocess: 'flip' is there twice; each is there once, in the order "
                      "crop, flip, brightness, contrast, whiten"},
        {"contrast,brightness", "data.preprocess: 'brightness' is out of place; each is there "
                                "once, in the order crop, flip, brightness, contrast, whiten"},
        {"flip=1", "data.preprocess: 'flip' takes no number, and has 1"},
        {"brightness=", "data.preprocess: brightness= is not a number in [0, 255]"},
        {"brightness=256", "data.preprocess: brightness=256 is not a number in [0, 255]"},
        {"contrast=-0.1", "data.preprocess: contrast=-0.1 is not a number in [0, 1]"},
        {"contrast=nan", "data.preprocess: contrast=nan is not a number in [0, 1]"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_preprocess p = {.is_on = {false}};
        choir_error err = {.message = ""};
        check_status(ch_preprocess_parse(&p, rows[i].text, &err),
                     rows[i].message[0] == '\0' ? CHOIR_OK : CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
    }
    char text[CH_PREPROCESS_TEXT_MAX + 1];
    memset(text, 'a', sizeof(text));
    text[CH_PREPROCESS_TEXT_MAX] = '\0';
    ch_preprocess p;
    check_status(ch_preprocess_parse(&p, text, NULL), CHOIR_EINVAL);
}

static void what_is_no_picture_is_refused(void **state) {
    (void)state;
    ch_preprocess p;
    choir_error err = {.message = ""};
    check_status(ch_preprocess_parse(&p, "crop,whiten", NULL), CHOIR_OK);
    check_status(ch_preprocess_check(&p, 3, SHAPE, "x", NULL), CHOIR_OK);
    check_status(ch_preprocess_check(&p, 0, SHAPE, "x", &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "data.preprocess: 'crop' draws where the square of data.crop "
                                     "lies, and data.crop is 0");
    check_status(ch_preprocess_parse(&p, "whiten", NULL), CHOIR_OK);
    check_status(ch_preprocess_check(&p, 0, (ch_shape){1, 1, 14}, "x", &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "data.preprocess: 'whiten' is for pictures, and 'x' has rows "
                                     "of 14 numbers; leave it empty");
}

/* What is taken of every input is what a list says without what is drawn. */
static void what_stays_for_evaluation_can_be_written(void **state) {
    (void)state;
    char text[CH_PREPROCESS_TEXT_MAX];
    ch_preprocess p;
    check_status(ch_preprocess_parse(&p, "crop,flip,brightness=9,contrast,whiten", NULL), CHOIR_OK);
    assert_true(ch_preprocess_wants_whole(&p));
    ch_preprocess_write_still(&p, text);
    assert_string_equal(text, "whiten");
    check_status(ch_preprocess_parse(&p, "flip,contrast", NULL), CHOIR_OK);
    assert_false(ch_preprocess_wants_whole(&p));
    ch_preprocess_write_still(&p, text);
    assert_string_equal(text, "");
}

/* The corner of every crop of 24 of 32, and how often it was drawn: each of 9 x 9 about 49 times.
 */
static void crops_lie_anywhere_and_nowhere_more_often(void **state) {
    (void)state;
    uint32_t seen[9][9] = {{0}};
    for (uint32_t i = 0; i < DRAWS; i++) {
        ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, i);
        const ch_corner at = row_of("crop")->place((ch_shape){32, 32, 3}, 24, &rng);
        assert_true(at.top <= 8 && at.left <= 8);
        seen[at.top][at.left] += 1;
    }
    double chi = 0;
    for (uint32_t i = 0; i < 81; i++) {
        const double off = seen[i / 9][i % 9] - DRAWS / 81.0;
        chi += off * off / (DRAWS / 81.0);
    }
    assert_true(chi < 124.8); // 80 degrees of freedom, 1 in 1000
}

static void flips_mirror_rows_once_in_two(void **state) {
    (void)state;
    float before[VALUES];
    values_fill(before);
    uint32_t flipped = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        float x[VALUES];
        values_fill(x);
        ch_rng rng = ch_rng_stream(2, CH_PURPOSE_TEST, 0, i);
        row_of("flip")->apply(x, SHAPE, 0, &rng);
        const bool is_same = memcmp(x, before, sizeof(x)) == 0;
        for (uint32_t v = 0; v < VALUES && !is_same; v++) {
            const uint32_t column = v / CHANNELS % SIDE;
            const uint32_t mirror = v + (SIDE - 1 - column) * CHANNELS - column * CHANNELS;
            assert_true(x[v] == before[mirror]);
        }
        flipped += is_same ? 0 : 1;
    }
    check_near(flipped, DRAWS / 2.0, 3.3 * sqrt(DRAWS) / 2);
}

/* What a step drew, from what it did, is spread evenly over [least, most). */
static void check_uniform(const double *drawn, double least, double most) {
    double sum = 0;
    double squares = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        assert_true(drawn[i] >= least - 1e-5 && drawn[i] <= most + 1e-5);
        sum += drawn[i];
        squares += drawn[i] * drawn[i];
    }
    const double mean = sum / DRAWS;
    const double width = most - least;
    check_near(mean, (least + most) / 2, 3.3 * width / sqrt(12.0 * DRAWS));
    check_near(squares / DRAWS - mean * mean, width * width / 12, 0.05 * width * width / 12);
}

static void brightness_moves_all_values_alike(void **state) {
    (void)state;
    static double drawn[DRAWS];
    float before[VALUES];
    values_fill(before);
    for (uint32_t i = 0; i < DRAWS; i++) {
        float x[VALUES];
        values_fill(x);
        ch_rng rng = ch_rng_stream(3, CH_PURPOSE_TEST, 0, i);
        row_of("brightness")->apply(x, SHAPE, 63, &rng);
        drawn[i] = 255 * ((double)x[0] - (double)before[0]);
        for (uint32_t v = 0; v < VALUES; v++) {
            check_near(x[v], (double)before[v] + drawn[i] / 255, 1e-6);
        }
    }
    check_uniform(drawn, -63, 63);
}

static void contrast_stretches_each_channel_about_its_mean(void **state) {
    (void)state;
    static double drawn[DRAWS];
    float before[VALUES];
    double mean[CHANNELS] = {0};
    values_fill(before);
    for (uint32_t v = 0; v < VALUES; v++) {
        mean[v % CHANNELS] += (double)before[v] / (SIDE * SIDE);
    }
    for (uint32_t i = 0; i < DRAWS; i++) {
        float x[VALUES];
        values_fill(x);
        ch_rng rng = ch_rng_stream(4, CH_PURPOSE_TEST, 0, i);
        row_of("contrast")->apply(x, SHAPE, 0.8, &rng);
        drawn[i] = ((double)x[0] - mean[0]) / ((double)before[0] - mean[0]);
        for (uint32_t v = 0; v < VALUES; v++) {
            const double m = mean[v % CHANNELS];
            check_near(x[v], m + drawn[i] * ((double)before[v] - m), 1e-6);
        }
    }
    check_uniform(drawn, 0.2, 1.8);
}

/*
 * By Python's statistics: (v - fmean(v)) / pstdev(v) of v = (i * 37 + 11) % 256 for i below 48.
 * The tutorial's bound is that of values in [0, 255]: for three of them, 0, 0 and 1 of 255, the
 * deviation is 0.4714 and the bound 0.5774.
 */
static void whitening_agrees_with_pythons_statistics(void **state) {
    (void)state;
    static const struct {
        uint32_t at;
        double value;
    } rows[] = {{0, -1.6108616479}, {1, -1.1036115971}, {17, -0.0068547304}, {47, 1.1721589012}};
    float x[VALUES];
    values_fill(x);
    row_of("whiten")->apply(x, SHAPE, 0, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_near(x[rows[i].at], rows[i].value, 2e-7);
    }
    float dark[3] = {0, 0, 1.0F / 255.0F};
    row_of("whiten")->apply(dark, (ch_shape){1, 3, 1}, 0, NULL);
    check_near(dark[0], -1 / 3.0 * sqrt(3), 1e-7);
    check_near(dark[2], 2 / 3.0 * sqrt(3), 1e-7);
    float grey[3] = {0.3F, 0.3F, 0.3F};
    row_of("whiten")->apply(grey, (ch_shape){1, 3, 1}, 0, NULL);
    check_near(grey[1], 0, 1e-4);
}

/* Eight 6 x 6 pictures of two channels, of which 4 x 4 are kept. */
enum { WHOLE = 6, KEPT = 4, PICTURES = 8, WHOLE_BYTES = WHOLE * WHOLE * 2, KEPT_VALUES = 32 };

static ch_examples pictures(uint8_t bytes[PICTURES * WHOLE_BYTES]) {
    ch_rng rng = ch_rng_stream(9, CH_PURPOSE_TEST, 0, 0);
    for (uint32_t i = 0; i < PICTURES * WHOLE_BYTES; i++) {
        bytes[i] = (uint8_t)ch_rng_below(&rng, 256);
    }
    return (ch_examples){.count = PICTURES, .shape = {WHOLE, WHOLE, 2}, .bytes = bytes};
}

static void gather_one(float x[KEPT_VALUES], const char *list, const ch_examples *e,
                       uint32_t position, const ch_preprocess_key *key) {
    const ch_holding h = {.examples = e, .count = e->count};
    ch_preprocess p;
    check_status(ch_preprocess_parse(&p, list, NULL), CHOIR_OK);
    check_status(ch_preprocess_gather(&p, (ch_shape){KEPT, KEPT, 2}, &h, NULL, position, 1, key,
                                      NULL, x, NULL),
                 CHOIR_OK);
}

static void draws_are_of_seed_epoch_client_example_and_step(void **state) {
    (void)state;
    static const ch_preprocess_key keys[] = {{7, 0, 3}, {8, 0, 3}, {7, 1, 3}, {7, 0, 4}};
    static uint8_t bytes[PICTURES * WHOLE_BYTES];
    ch_examples e = pictures(bytes);
    const char *all = "crop,flip,brightness,contrast,whiten";
    float first[KEPT_VALUES];
    float x[KEPT_VALUES];
    gather_one(first, all, &e, 5, &keys[0]);
    for (size_t i = 1; i < sizeof(keys) / sizeof(keys[0]); i++) {
        gather_one(x, all, &e, 5, &keys[i]);
        assert_memory_not_equal(x, first, sizeof(x));
        gather_one(x, all, &e, 5, &keys[0]);
        assert_memory_equal(x, first, sizeof(x));
    }
    // The example: the same picture in another position.
    memcpy(bytes + 2 * WHOLE_BYTES, bytes + 5 * WHOLE_BYTES, WHOLE_BYTES);
    gather_one(x, all, &e, 2, &keys[0]);
    assert_memory_not_equal(x, first, sizeof(x));
    // The step: one more of them leaves what the others draw.
    float less[KEPT_VALUES];
    gather_one(less, "crop,brightness", &e, 5, &keys[0]);
    gather_one(x, "crop,flip,brightness", &e, 5, &keys[0]);
    double sums[2] = {0};
    for (uint32_t i = 0; i < KEPT_VALUES; i++) {
        sums[0] += (double)less[i];
        sums[1] += (double)x[i];
    }
    check_near(sums[0], sums[1], 1e-4); // the same values, mirrored or not
}

static void a_batch_is_its_examples_one_by_one_in_any_order(void **state) {
    (void)state;
    static uint8_t bytes[PICTURES * WHOLE_BYTES];
    const ch_preprocess_key key = {7, 2, 3};
    const uint32_t rows[PICTURES] = {7, 6, 5, 4, 3, 2, 1, 0};
    const uint32_t order[] = {4, 0, 6};
    const ch_examples e = pictures(bytes);
    const ch_holding h = {.examples = &e, .rows = rows, .count = PICTURES};
    ch_preprocess p;
    check_status(ch_preprocess_parse(&p, "crop,flip,contrast", NULL), CHOIR_OK);
    float x[3 * KEPT_VALUES];
    const ch_shape kept = {KEPT, KEPT, 2};
    check_status(ch_preprocess_gather(&p, kept, &h, order, 0, 3, &key, NULL, x, NULL), CHOIR_OK);
    for (uint32_t i = 0; i < 3; i++) {
        float one[KEPT_VALUES];
        check_status(ch_preprocess_gather(&p, kept, &h, NULL, order[i], 1, &key, NULL, one, NULL),
                     CHOIR_OK);
        assert_memory_equal(one, x + (size_t)i * KEPT_VALUES, sizeof(one));
    }
}

static void evaluation_takes_the_middle_and_draws_nothing(void **state) {
    (void)state;
    static uint8_t bytes[PICTURES * WHOLE_BYTES];
    const ch_examples e = pictures(bytes);
    float x[KEPT_VALUES];
    for (uint32_t i = 0; i < PICTURES; i++) {
        gather_one(x, "crop,flip,brightness,contrast", &e, i, NULL);
        for (uint32_t v = 0; v < KEPT_VALUES; v++) {
            const uint32_t pixel = v / 2;
            const size_t at = (size_t)i * WHOLE_BYTES + (pixel / KEPT + 1) * WHOLE * 2 +
                              (pixel % KEPT + 1) * 2 + v % 2;
            assert_true(x[v] == (float)bytes[at] * (1.0F / 255.0F));
        }
        float white[KEPT_VALUES];
        gather_one(white, "crop,whiten", &e, i, NULL);
        row_of("whiten")->apply(x, (ch_shape){KEPT, KEPT, 2}, 0, NULL);
        assert_memory_equal(white, x, sizeof(x));
    }
}

/* Reals are treated as the same pixels are. */
static void numbers_are_treated_as_pixels_are(void **state) {
    (void)state;
    static uint8_t bytes[PICTURES * WHOLE_BYTES];
    static float reals[PICTURES * WHOLE_BYTES];
    const ch_preprocess_key key = {7, 2, 3};
    ch_examples e = pictures(bytes);
    for (uint32_t i = 0; i < PICTURES * WHOLE_BYTES; i++) {
        reals[i] = (float)bytes[i] * (1.0F / 255.0F);
    }
    ch_examples r = e;
    r.bytes = NULL;
    r.reals = reals;
    for (uint32_t i = 0; i < PICTURES; i++) {
        float a[KEPT_VALUES];
        float b[KEPT_VALUES];
        gather_one(a, "crop,flip,brightness,contrast,whiten", &e, i, &key);
        gather_one(b, "crop,flip,brightness,contrast,whiten", &r, i, &key);
        assert_memory_equal(a, b, sizeof(a));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_checked_word_by_word),
        cmocka_unit_test(what_is_no_picture_is_refused),
        cmocka_unit_test(what_stays_for_evaluation_can_be_written),
        cmocka_unit_test(crops_lie_anywhere_and_nowhere_more_often),
        cmocka_unit_test(flips_mirror_rows_once_in_two),
        cmocka_unit_test(brightness_moves_all_values_alike),
        cmocka_unit_test(contrast_stretches_each_channel_about_its_mean),
        cmocka_unit_test(whitening_agrees_with_pythons_statistics),
        cmocka_unit_test(draws_are_of_seed_epoch_client_example_and_step),
        cmocka_unit_test(a_batch_is_its_examples_one_by_one_in_any_order),
        cmocka_unit_test(evaluation_takes_the_middle_and_draws_nothing),
        cmocka_unit_test(numbers_are_treated_as_pixels_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
