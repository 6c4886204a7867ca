/*
 * Crop: the middle of pictures, side x side pixels of each.
 *
 * The first row that is kept is (height - side) / 2, rounded down, and so with columns. Where a job
 * has the part that it trains on drawn, pictures stay whole instead, and preprocess.h cuts them
 * when they are used; for evaluation, in the middle too.
 *
 * Source: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized
 * Data", AISTATS 2017, sec. 3: CIFAR-10 in 24 x 24, after TensorFlow's tutorial of 2016, which
 * evaluates on the middle of each picture.
 */
#ifndef CH_DATA_CROP_H
#define CH_DATA_CROP_H

#include "choir/status.h"
#include "data/examples.h"

enum { CH_CROP_HINT_MAX = 80 }; // bytes, with the terminating zero

/*
 * Whether inputs of this shape can be cropped.
 *
 * side    pixels; 0: no crop, which fits anything
 * source  stands for the data in messages
 *
 * Returns OK; EINVAL when the inputs are flat rows, or smaller than side.
 */
CHOIR_NODISCARD choir_status ch_crop_check(uint32_t side, ch_shape shape, const char *source,
                                           choir_error *err);

/*
 * What a message about a model that wants other inputs has to add: "; data.crop: 24 cuts larger
 * pictures to that size", or "" when no crop leads there. Returns out.
 */
const char *ch_crop_hint(char out[CH_CROP_HINT_MAX], ch_shape wanted, ch_shape shape);

/* What is left of a shape that fits; the shape itself when side is 0. */
ch_shape ch_crop_shape(uint32_t side, ch_shape shape);

/*
 * Crops every picture of a table whose shape fits, in its own arrays, which the caller owns and may
 * write to: each picture moves down to where the one before it now ends.
 */
void ch_crop_apply(uint32_t side, ch_examples *e);

#endif
