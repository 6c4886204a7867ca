/* The steps: see preprocess.h. Sums are in double and in one order: the same bits on every CPU. */
#include "data/preprocess.h"

#include <math.h>
#include <stddef.h>

/* Uniform in [-bound, bound). */
static double uniform(ch_rng *rng, double bound) {
    return (2 * ch_rng_unit(rng) - 1) * bound;
}

/* Every place is as likely. */
static ch_corner crop_place(ch_shape shape, uint32_t side, ch_rng *rng) {
    const uint32_t top = ch_rng_below(rng, shape.height - side + 1);
    const uint32_t left = ch_rng_below(rng, shape.width - side + 1);
    return (ch_corner){.top = top, .left = left};
}

/* Left becomes right, once in two. */
static void flip_apply(float *x, ch_shape shape, double knob, ch_rng *rng) {
    (void)knob;
    if (ch_rng_below(rng, 2) == 0) {
        return;
    }
    for (uint32_t row = 0; row < shape.height; row++) {
        float *a = x + (size_t)row * shape.width * shape.channels;
        float *b = a + (size_t)(shape.width - 1) * shape.channels;
        for (; a < b; a += shape.channels, b -= shape.channels) {
            for (uint32_t c = 0; c < shape.channels; c++) {
                const float held = a[c];
                a[c] = b[c];
                b[c] = held;
            }
        }
    }
}

/* x <- x + delta, delta uniform in [-knob, knob) / 255; one number for the whole picture. */
static void brightness_apply(float *x, ch_shape shape, double knob, ch_rng *rng) {
    const float delta = (float)(uniform(rng, knob) / 255);
    const uint32_t features = ch_shape_features(shape);
    for (uint32_t i = 0; i < features; i++) {
        x[i] += delta;
    }
}

/* x <- mean + factor (x - mean), factor uniform in [1 - knob, 1 + knob), mean of each channel. */
static void contrast_apply(float *x, ch_shape shape, double knob, ch_rng *rng) {
    const double factor = 1 + uniform(rng, knob);
    const size_t features = ch_shape_features(shape);
    const double pixels = (double)shape.height * shape.width;
    for (uint32_t c = 0; c < shape.channels; c++) {
        double sum = 0;
        for (size_t i = c; i < features; i += shape.channels) {
            sum += (double)x[i];
        }
        const double mean = sum / pixels;
        for (size_t i = c; i < features; i += shape.channels) {
            x[i] = (float)(mean + factor * ((double)x[i] - mean));
        }
    }
}

/*
 * x <- (x - mean) / max(s, 1 / (255 sqrt(n))), mean and standard deviation s over all n values of
 * the picture. The bound is the tutorial's 1 / sqrt(n) in our unit: it keeps a picture of one
 * colour finite.
 */
static void whiten_apply(float *x, ch_shape shape, double knob, ch_rng *rng) {
    (void)knob;
    (void)rng;
    const uint32_t n = ch_shape_features(shape);
    double sum = 0;
    double squares = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += (double)x[i];
    }
    const double mean = sum / n;
    for (uint32_t i = 0; i < n; i++) {
        const double off = (double)x[i] - mean;
        squares += off * off;
    }
    const double deviation = sqrt(squares / n);
    const double least = 1 / (255 * sqrt((double)n));
    const double scale = 1 / (deviation > least ? deviation : least);
    for (uint32_t i = 0; i < n; i++) {
        x[i] = (float)(((double)x[i] - mean) * scale);
    }
}

const ch_preprocess_row CH_PREPROCESS_ROWS[] = {
    {.name = "crop",
     .is_drawn = true,
     .help = "where the square of data.crop lies",
     .place = crop_place},
    {.name = "flip", .is_drawn = true, .help = "left becomes right, or not", .apply = flip_apply},
    {.name = "brightness",
     .is_drawn = true,
     .has_knob = true,
     .knob_min = 0,
     .knob_max = 255,
     .knob_default = 63,
     .help = "adds one number to all values, at most so many 255ths up or down",
     .apply = brightness_apply},
    {.name = "contrast",
     .is_drawn = true,
     .has_knob = true,
     .knob_min = 0,
     .knob_max = 1,
     .knob_default = 0.8,
     .help = "stretches each channel about its mean, by 1 - so much to 1 + so much",
     .apply = contrast_apply},
    {.name = "whiten", .help = "mean 0 and deviation 1 in each picture", .apply = whiten_apply},
};

const uint32_t CH_PREPROCESS_COUNT = sizeof(CH_PREPROCESS_ROWS) / sizeof(CH_PREPROCESS_ROWS[0]);

_Static_assert(sizeof(CH_PREPROCESS_ROWS) / sizeof(CH_PREPROCESS_ROWS[0]) <= CH_PREPROCESS_MAX,
               "a list remembers each row");
