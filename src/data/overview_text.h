/* Overview, of a federation whose examples are lines of text; see overview.h. */
#ifndef CH_DATA_OVERVIEW_TEXT_H
#define CH_DATA_OVERVIEW_TEXT_H

#include "data/federation.h"

#include <stdio.h>

/*
 * Prints how many lines and tokens there are, and what each of the first clients has of them.
 * Arguments and results as ch_overview_print.
 */
CHOIR_NODISCARD choir_status ch_overview_text(FILE *out, const ch_federation *f, const char *name,
                                              uint32_t rows, const choir_env *env);

/* A line that says what natural leaves out, if it leaves anything. */
void ch_overview_left_out(FILE *out, const ch_federation *f);

#endif
