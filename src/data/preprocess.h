/*
 * Preprocess: what is done to a picture between where it lies and the model.
 *
 *     crop | flip | brightness=63 | contrast=0.8 | whiten
 *
 * Each step is a row of a table; a job lists those that it wants, in the table's order. Most are
 * drawn for every example anew in every epoch, in training alone: when a model is evaluated, or
 * predicts, pictures are cropped in the middle and whitened, and nothing is drawn.
 *
 * A draw is a pure function of (task's seed, epoch, client, example, step), and a task's seed one
 * of the job's and the round: threads, their number and the device that trains cannot change it,
 * nor can a step that is added to the list change what the others draw.
 *
 * Source: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized
 * Data", AISTATS 2017, sec. 3: CIFAR-10 after TensorFlow's tutorial of 2016, whose constants are
 * the defaults. That tutorial works on values in [0, 255] and does not clip them in between; so do
 * we, on x = byte / 255.
 */
#ifndef CH_DATA_PREPROCESS_H
#define CH_DATA_PREPROCESS_H

#include "base/rng.h"
#include "choir/status.h"
#include "data/examples.h"

#include <stdbool.h>

enum {
    CH_PREPROCESS_MAX = 8,        // rows of the table, at most
    CH_PREPROCESS_TEXT_MAX = 128, // bytes of a list, with the terminating zero
};

/* Where the part of a picture begins that is kept of it. */
typedef struct ch_corner {
    uint32_t top, left;
} ch_corner;

typedef struct ch_preprocess_row {
    const char *name;
    bool is_drawn; // and then of training alone
    bool has_knob;
    double knob_min, knob_max, knob_default;
    const char *help;

    /* One of the two: picks the part of a picture (shape) that is kept, side x side; or changes
     * what is kept, x (shape), in place. rng is the example's and the row's own. */
    ch_corner (*place)(ch_shape shape, uint32_t side, ch_rng *rng);
    void (*apply)(float *x, ch_shape shape, double knob, ch_rng *rng);
} ch_preprocess_row;

extern const ch_preprocess_row CH_PREPROCESS_ROWS[];
extern const uint32_t CH_PREPROCESS_COUNT;

/* Which steps are taken. All zero: none. */
typedef struct ch_preprocess {
    bool is_on[CH_PREPROCESS_MAX]; // by row of the table
    double knob[CH_PREPROCESS_MAX];
} ch_preprocess;

/* Whose draws they are; NULL where nothing is trained. */
typedef struct ch_preprocess_key {
    uint64_t seed; // the task's
    uint32_t epoch;
    uint32_t client;
} ch_preprocess_key;

/*
 * Parses "crop,flip,brightness=63,contrast=0.8,whiten"; "" is no steps.
 *
 * Returns OK; EINVAL for a step that is not known, is there twice or stands before one that comes
 * first, and for a number that is none, out of its bounds or not asked for; *out is unchanged then.
 */
CHOIR_NODISCARD choir_status ch_preprocess_parse(ch_preprocess *out, const char *text,
                                                 choir_error *err);

/*
 * Whether inputs of this shape can be treated so.
 *
 * crop    as data.crop
 * source  stands for the data in messages
 *
 * Returns OK; EINVAL when the inputs are flat rows, or the place of a crop is to be drawn and there
 * is no crop.
 */
CHOIR_NODISCARD choir_status ch_preprocess_check(const ch_preprocess *p, uint32_t crop,
                                                 ch_shape shape, const char *source,
                                                 choir_error *err);

/* Whether a part of the picture is drawn, so that the whole has to be kept. */
bool ch_preprocess_wants_whole(const ch_preprocess *p);

/* Writes the steps that are taken of an input that is not trained on, as they are parsed: "whiten";
 * "" when there are none. */
void ch_preprocess_write_still(const ch_preprocess *p, char out[CH_PREPROCESS_TEXT_MAX]);

/* Takes those steps with one input, x (shape), in place: what a model that was trained with them
 * wants to see. */
void ch_preprocess_still(const ch_preprocess *p, ch_shape shape, float *x);

/*
 * Copies the inputs of (count) examples into x (count, shape) as fp32, preprocessed.
 *
 * shape  of what the model reads: the examples', or a square that is kept of each
 * order  (count) positions in the holding, or NULL: its positions from first on. An example's
 *        draws are of its position
 * key    whose; NULL: nothing is drawn
 * room   for one input, as ch_filed_input, where they stay in files; else it may be NULL
 *
 * Returns OK; EIO when the examples stay in files that cannot be read, or have changed.
 */
CHOIR_NODISCARD choir_status ch_preprocess_gather(const ch_preprocess *p, ch_shape shape,
                                                  const ch_holding *h, const uint32_t *order,
                                                  uint32_t first, uint32_t count,
                                                  const ch_preprocess_key *key, void *room,
                                                  float *x, choir_error *err);

#endif
