/* Preprocess: see preprocess.h. */
#include "data/preprocess.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/text.h"
#include "data/filed.h"
#include "math/pixels.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------------ parsing */

static void names_list(char out[CH_TEXT_LIST_MAX]) {
    out[0] = '\0';
    for (uint32_t i = 0; i < CH_PREPROCESS_COUNT; i++) {
        ch_text_list(out, CH_TEXT_LIST_MAX, CH_PREPROCESS_ROWS[i].name);
    }
}

/* The row of that name; the table's size when there is none. */
static uint32_t row_find(const char *name) {
    uint32_t row = 0;
    while (row < CH_PREPROCESS_COUNT && strcmp(CH_PREPROCESS_ROWS[row].name, name) != 0) {
        row += 1;
    }
    return row;
}

static choir_status name_refuse(const char *name, choir_error *err) {
    char known[CH_TEXT_LIST_MAX];
    const char *near = NULL;
    uint32_t least = CH_TEXT_DISTANCE_FAR;
    names_list(known);
    for (uint32_t i = 0; i < CH_PREPROCESS_COUNT; i++) {
        const uint32_t distance = ch_text_distance(name, CH_PREPROCESS_ROWS[i].name);
        if (distance < least && ch_text_is_near(distance, strlen(CH_PREPROCESS_ROWS[i].name))) {
            least = distance;
            near = CH_PREPROCESS_ROWS[i].name;
        }
    }
    return ch_error_set(err, CHOIR_EINVAL, "data.preprocess: '%s' is not known; %s%s%sthere are %s",
                        name, near == NULL ? "" : "did you mean '", near == NULL ? "" : near,
                        near == NULL ? "" : "'? ", known);
}

/* The number behind a step's '='; value is NULL when there is none. */
static choir_status knob_read(double *out, const ch_preprocess_row *row, const char *value,
                              choir_error *err) {
    double knob = row->knob_default;
    if (value != NULL && !row->has_knob) {
        return ch_error_set(err, CHOIR_EINVAL, "data.preprocess: '%s' takes no number, and has %s",
                            row->name, value);
    }
    if (value != NULL &&
        (!ch_text_read_f64(&knob, value) || knob < row->knob_min || knob > row->knob_max)) {
        return ch_error_set(err, CHOIR_EINVAL, "data.preprocess: %s=%s is not a number in [%g, %g]",
                            row->name, value, row->knob_min, row->knob_max);
    }
    *out = knob;
    return CHOIR_OK;
}

/* One step, "flip" or "contrast=0.5", which the text is cut up for. next is the first row that may
 * stand here. */
static choir_status step_read(ch_preprocess *p, uint32_t *next, char *step, choir_error *err) {
    char *equals = strchr(step, '=');
    if (equals != NULL) {
        *equals = '\0';
    }
    const uint32_t row = row_find(step);
    if (row == CH_PREPROCESS_COUNT) {
        return name_refuse(step, err);
    }
    if (row < *next) {
        char known[CH_TEXT_LIST_MAX];
        names_list(known);
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.preprocess: '%s' is %s; each is there once, in the order %s",
                            step, p->is_on[row] ? "there twice" : "out of place", known);
    }
    *next = row + 1;
    p->is_on[row] = true;
    return knob_read(&p->knob[row], &CH_PREPROCESS_ROWS[row], equals == NULL ? NULL : equals + 1,
                     err);
}

choir_status ch_preprocess_parse(ch_preprocess *out, const char *text, choir_error *err) {
    ch_preprocess p = {0};
    char room[CH_PREPROCESS_TEXT_MAX];
    const size_t size = strlen(text);
    if (size >= sizeof(room)) {
        return ch_error_set(err, CHOIR_EINVAL, "data.preprocess: %zu bytes; at most %zu", size,
                            sizeof(room) - 1);
    }
    memcpy(room, text, size + 1);
    choir_status status = CHOIR_OK;
    uint32_t next = 0;
    for (char *step = room; size > 0 && step != NULL && status == CHOIR_OK;) {
        char *comma = strchr(step, ',');
        if (comma != NULL) {
            *comma = '\0';
        }
        status = step_read(&p, &next, step, err);
        step = comma == NULL ? NULL : comma + 1;
    }
    if (status == CHOIR_OK) {
        *out = p;
    }
    return status;
}

choir_status ch_preprocess_check(const ch_preprocess *p, uint32_t crop, ch_shape shape,
                                 const char *source, choir_error *err) {
    for (uint32_t i = 0; i < CH_PREPROCESS_COUNT; i++) {
        const ch_preprocess_row *row = &CH_PREPROCESS_ROWS[i];
        if (p->is_on[i] && shape.height == 1 && shape.width == 1) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "data.preprocess: '%s' is for pictures, and '%s' has rows of %u "
                                "numbers; leave it empty",
                                row->name, source, shape.channels);
        }
        if (p->is_on[i] && row->place != NULL && crop == 0) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "data.preprocess: '%s' draws where the square of data.crop lies, "
                                "and data.crop is 0",
                                row->name);
        }
    }
    return CHOIR_OK;
}

/* -------------------------------------------------------------------------------------- steps */

bool ch_preprocess_wants_whole(const ch_preprocess *p) {
    for (uint32_t i = 0; i < CH_PREPROCESS_COUNT; i++) {
        if (p->is_on[i] && CH_PREPROCESS_ROWS[i].place != NULL) {
            return true;
        }
    }
    return false;
}

void ch_preprocess_write_still(const ch_preprocess *p, char out[CH_PREPROCESS_TEXT_MAX]) {
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < CH_PREPROCESS_COUNT; i++) {
        if (p->is_on[i] && !CH_PREPROCESS_ROWS[i].is_drawn) {
            CH_ASSERT(!CH_PREPROCESS_ROWS[i].has_knob);
            used += (size_t)snprintf(out + used, CH_PREPROCESS_TEXT_MAX - used, "%s%s",
                                     used == 0 ? "" : ",", CH_PREPROCESS_ROWS[i].name);
            CH_ASSERT(used < CH_PREPROCESS_TEXT_MAX);
        }
    }
}

/* The example's own numbers for one row. */
static ch_rng stream_of(const ch_preprocess_key *key, uint32_t row, uint32_t example) {
    return ch_rng_stream(key->seed, CH_PURPOSE_PREPROCESS, (uint64_t)key->epoch << 32 | example,
                         (uint64_t)row << 32 | key->client);
}

/* Takes every step of x; of those that are drawn, none when key is NULL. */
static void steps_apply(const ch_preprocess *p, ch_shape shape, const ch_preprocess_key *key,
                        uint32_t example, float *x) {
    for (uint32_t i = 0; i < CH_PREPROCESS_COUNT; i++) {
        const ch_preprocess_row *row = &CH_PREPROCESS_ROWS[i];
        if (p->is_on[i] && row->apply != NULL && (key != NULL || !row->is_drawn)) {
            ch_rng rng = key == NULL ? (ch_rng){0} : stream_of(key, i, example);
            row->apply(x, shape, p->knob[i], &rng);
        }
    }
}

void ch_preprocess_still(const ch_preprocess *p, ch_shape shape, float *x) {
    steps_apply(p, shape, NULL, 0, x);
}

static bool is_whole(ch_shape whole, ch_shape kept) {
    return whole.height == kept.height && whole.width == kept.width;
}

/* Where what is kept of a picture begins: the middle, unless it is drawn. */
static ch_corner corner_of(const ch_preprocess *p, ch_shape whole, ch_shape kept,
                           const ch_preprocess_key *key, uint32_t example) {
    const bool may_draw = key != NULL && !is_whole(whole, kept);
    for (uint32_t i = 0; i < CH_PREPROCESS_COUNT && may_draw; i++) {
        if (p->is_on[i] && CH_PREPROCESS_ROWS[i].place != NULL) {
            ch_rng rng = stream_of(key, i, example);
            return CH_PREPROCESS_ROWS[i].place(whole, kept.height, &rng);
        }
    }
    return (ch_corner){.top = (whole.height - kept.height) / 2,
                       .left = (whole.width - kept.width) / 2};
}

/* ------------------------------------------------------------------------------------ gathering */

/* Copies the part (shape) that begins at corner of a picture (whole), which is bytes or reals. */
static void part_copy(float *x, const uint8_t *bytes, const float *reals, ch_shape whole,
                      ch_shape shape, ch_corner corner) {
    const size_t line = (size_t)whole.width * whole.channels;
    const size_t kept = (size_t)shape.width * shape.channels;
    size_t from = corner.top * line + (size_t)corner.left * whole.channels;
    for (uint32_t y = 0; y < shape.height; y++, x += kept, from += line) {
        if (bytes != NULL) {
            ch_pixels_scale(x, bytes + from, kept);
        } else {
            memcpy(x, reals + from, kept * sizeof(x[0]));
        }
    }
}

/* Copies what is kept of one example. */
static choir_status example_copy(const ch_preprocess *p, ch_shape shape, const ch_holding *h,
                                 uint32_t position, const ch_preprocess_key *key, void *room,
                                 float *x, choir_error *err) {
    const ch_examples *e = h->examples;
    const uint32_t row = ch_holding_row(h, position);
    const ch_corner corner = corner_of(p, e->shape, shape, key, position);
    const void *input = NULL;
    const choir_status status = ch_filed_input(&input, e, row, room, err);
    if (status == CHOIR_OK) {
        const bool is_pixels = ch_filed_has_pixels(e);
        part_copy(x, is_pixels ? input : NULL, is_pixels ? NULL : input, e->shape, shape, corner);
    }
    return status;
}

choir_status ch_preprocess_gather(const ch_preprocess *p, ch_shape shape, const ch_holding *h,
                                  const uint32_t *order, uint32_t first, uint32_t count,
                                  const ch_preprocess_key *key, void *room, float *x,
                                  choir_error *err) {
    const ch_examples *e = h->examples;
    const bool is_plain = e->filed == NULL && is_whole(e->shape, shape);
    CH_ASSERT(shape.channels == e->shape.channels);
    CH_ASSERT(shape.height <= e->shape.height && shape.width <= e->shape.width);
    choir_status status = e->filed == NULL ? CHOIR_OK : ch_filed_check(e->filed, err);
    if (is_plain) {
        ch_holding_gather(h, order, first, count, x);
    }
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++, x += ch_shape_features(shape)) {
        const uint32_t position = order == NULL ? first + i : order[i];
        if (!is_plain) {
            status = example_copy(p, shape, h, position, key, room, x, err);
        }
        if (status == CHOIR_OK) {
            steps_apply(p, shape, key, position, x);
        }
    }
    return status;
}
