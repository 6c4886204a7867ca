/* Cropping pictures where they lie; see crop.h. */
#include "data/crop.h"

#include "base/assert.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

choir_status ch_crop_check(uint32_t side, ch_shape shape, const char *source, choir_error *err) {
    if (side == 0) {
        return CHOIR_OK;
    }
    if (shape.height == 1 && shape.width == 1) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.crop: %u crops pictures, and '%s' has rows of %u numbers; leave "
                            "it at 0",
                            side, source, shape.channels);
    }
    if (side > shape.height || side > shape.width) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.crop: %u is more than the pictures of '%s' have, which are %ux%u",
                            side, source, shape.height, shape.width);
    }
    return CHOIR_OK;
}

const char *ch_crop_hint(char out[CH_CROP_HINT_MAX], ch_shape wanted, ch_shape shape) {
    const bool is_picture = wanted.height > 1 && shape.height > 1;
    const bool is_square = wanted.height == wanted.width;
    const bool is_same = wanted.height == shape.height && wanted.width == shape.width;
    out[0] = '\0';
    if (is_picture && is_square && !is_same && wanted.channels == shape.channels) {
        (void)snprintf(out, CH_CROP_HINT_MAX, "; data.crop: %u cuts larger pictures to that size",
                       wanted.height);
    }
    return out;
}

ch_shape ch_crop_shape(uint32_t side, ch_shape shape) {
    return side == 0 ? shape
                     : (ch_shape){.height = side, .width = side, .channels = shape.channels};
}

/* Crops count pictures; pixel_bytes is what all channels of one take. to never passes from. */
static void pictures_crop(uint8_t *pictures, uint32_t count, size_t pixel_bytes, ch_shape shape,
                          uint32_t side) {
    const size_t row = shape.width * pixel_bytes;
    const size_t kept = side * pixel_bytes;
    const size_t top = (shape.height - side) / 2;
    const size_t left = (shape.width - side) / 2 * pixel_bytes;
    uint8_t *to = pictures;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = pictures + (i * shape.height + top) * row + left;
        for (uint32_t y = 0; y < side; y++) {
            memmove(to, from, kept);
            to += kept;
            from += row;
        }
    }
}

void ch_crop_apply(uint32_t side, ch_examples *e) {
    const ch_shape shape = e->shape;
    if (side == 0) {
        return;
    }
    CH_ASSERT(side <= shape.height && side <= shape.width);
    if (e->bytes != NULL) {
        pictures_crop((uint8_t *)(uintptr_t)e->bytes, e->count, shape.channels, shape, side);
    }
    if (e->reals != NULL) {
        pictures_crop((uint8_t *)(uintptr_t)e->reals, e->count,
                      shape.channels * sizeof(e->reals[0]), shape, side);
    }
    e->shape = ch_crop_shape(side, shape);
}
