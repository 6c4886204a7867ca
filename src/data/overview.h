/*
 * Overview: what a federation's clients hold, as text for a terminal and as a picture.
 *
 * Both show the first clients in full; sums and extremes are over at most a million, since a
 * generated source may have any number.
 */
#ifndef CH_DATA_OVERVIEW_H
#define CH_DATA_OVERVIEW_H

#include "data/federation.h"

#include <stdio.h>

enum {
    CH_OVERVIEW_CLIENTS_MAX = 1000000, // that sums are taken over
    CH_OVERVIEW_DRAWN_MAX = 512,       // clients in the picture
    CH_OVERVIEW_CLASSES_MAX = 256,     // labels in the picture
};

/*
 * Prints counts, and a line with the label histogram of each of the first clients; of text, how
 * many lines and tokens it has.
 *
 * name  of the source, for the first line
 * rows  clients to print
 *
 * Returns OK; ENOMEM. Whether out could be written is the caller's to check.
 */
CHOIR_NODISCARD choir_status ch_overview_print(FILE *out, const ch_federation *f, const char *name,
                                               uint32_t rows, const choir_env *env);

/*
 * Draws an SVG heat map: a row a client, a column a label, darker where the client holds more of
 * it than of others, and the number of its training examples beside it.
 *
 * Returns OK; EINVAL for regression, which has no labels, and for more than CH_OVERVIEW_CLASSES_MAX
 * classes; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_overview_draw(FILE *out, const ch_federation *f, const char *name,
                                              const choir_env *env, choir_error *err);

#endif
