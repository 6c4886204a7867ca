/*
 * Source: from the text of data.source to examples in memory or a generator of them.
 *
 * The text is a generator ("digits", "synthetic(0.5,1)"), a data set by name ("mnist"), which is a
 * folder of the user's data directory, or a path; what kind of data lie there is seen by looking.
 */
#ifndef CH_DATA_SOURCE_H
#define CH_DATA_SOURCE_H

#include "choir/job.h"
#include "data/dataset.h"
#include "data/encoding.h"
#include "data/generator.h"

#include <stdbool.h>

/* What a source is, as far as can be seen without reading it. */
typedef enum ch_source_form {
    CH_SOURCE_GENERATED,
    CH_SOURCE_IDX,
    CH_SOURCE_CIFAR,
    CH_SOURCE_LEAF,
    CH_SOURCE_PLAYS,
    CH_SOURCE_MESSAGES,
    CH_SOURCE_CSV,
    CH_SOURCE_UNSEEN, // it is not here, or nothing that is known
} ch_source_form;

typedef struct ch_source {
    bool is_generated;
    ch_generator generator; // when generated; else zero
    ch_dataset dataset;     // when not; else empty
} ch_source;

/*
 * Finds the source and reads it, when it is one to be read.
 *
 * reading  how; NULL: to train on
 * seed     of the generator, and of the choice of test rows where the files choose none
 *
 * Returns OK and a source whose dataset is to be released; EINVAL for options that do not fit, EIO,
 * EPROTO and ENOMEM as ch_federation_open. On failure *out has nothing to release.
 */
CHOIR_NODISCARD choir_status ch_source_open(ch_source *out, const choir_job_data *options,
                                            const ch_reading *reading, uint64_t seed,
                                            const choir_env *env, choir_error *err);

/*
 * Where named data sets are kept: options_dir, else $CHOIR_DATA, else $XDG_DATA_HOME/choir, else
 * $HOME/.local/share/choir. EINVAL when none is set or it is too long.
 */
CHOIR_NODISCARD choir_status ch_data_dir(char out[CHOIR_PATH_MAX], const char *options_dir,
                                         choir_error *err);

/*
 * Whether there is such a source, without reading it: a generator, or a name or a path where
 * something lies. Returns EINVAL or EIO otherwise.
 */
CHOIR_NODISCARD choir_status ch_source_check(const choir_job_data *options, choir_error *err);

/* What the source is; see above. */
ch_source_form ch_source_look(const choir_job_data *options);

/* The name of a data set nearest to a misspelt one; NULL when none is near. */
const char *ch_source_nearest(const char *name);

#endif
