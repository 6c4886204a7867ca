/*
 * Zoo: the models that have a name.
 *
 * A model is a text of layers (grammar: docs/model.md); a row of the zoo is that text with a name,
 * sized from the data where the row leaves it open.
 */
#ifndef CH_TRAIN_ZOO_H
#define CH_TRAIN_ZOO_H

#include "choir/job.h"
#include "data/examples.h"

#include <stdbool.h>
#include <stdint.h>

enum { CH_LAYERS_TEXT_MAX = 512 }; // bytes of a layers text, with the terminating zero

typedef struct ch_zoo_row {
    const char *name;
    const char *layers;  // "{hidden}" and "{outputs}" stand for what the job and the data say
    ch_shape shape;      // of the inputs it wants; all 0: any
    uint32_t classes;    // it wants; 0: any
    uint32_t parameters; // with that shape, or so many tokens; 0: depends on the data
    const char *about;
    uint32_t tokens; // 0: it reads no text; else it does, of any number of tokens: its source's
} ch_zoo_row;

extern const ch_zoo_row CH_ZOO[];
extern const uint32_t CH_ZOO_COUNT;

/*
 * Whether the zoo has the model that options name, and its hidden sizes are such, whatever the
 * data. Returns OK, or EINVAL with a sentence that begins with the key.
 */
CHOIR_NODISCARD choir_status ch_zoo_check(const choir_job_model *options, choir_error *err);

/*
 * Writes the layers of the model that options name, for examples of this shape.
 *
 * is_text  they are sequences of tokens, whatever the shape
 * classes  of the data; 0: regression, one output; of text its tokens
 *
 * Returns OK; EINVAL for a name that is not in the zoo, hidden sizes that are missing or no list
 * of sizes, or data of another kind or shape than the model wants.
 */
CHOIR_NODISCARD choir_status ch_zoo_layers(const choir_job_model *options, ch_shape shape,
                                           bool is_text, uint32_t classes,
                                           char out[CH_LAYERS_TEXT_MAX], choir_error *err);

#endif
