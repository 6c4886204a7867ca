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

enum { CH_LAYERS_TEXT_MAX = 512 }; // bytes of a layers text, with the terminating zero

typedef struct ch_zoo_row {
    const char *name;
    const char *layers;  // "{hidden}" and "{outputs}" stand for what the job and the data say
    ch_shape shape;      // of the inputs it wants; all 0: any
    uint32_t classes;    // it wants; 0: any
    uint32_t parameters; // with that shape; 0: depends on the data
    const char *about;
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
 * classes  of the data; 0: regression, one output
 *
 * Returns OK; EINVAL for a name that is not in the zoo, hidden sizes that are missing or no list
 * of sizes, or data of another shape than the model wants.
 */
CHOIR_NODISCARD choir_status ch_zoo_layers(const choir_job_model *options, ch_shape shape,
                                           uint32_t classes, char out[CH_LAYERS_TEXT_MAX],
                                           choir_error *err);

#endif
