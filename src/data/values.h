/*
 * Values: the different texts of a column, each copied once.
 */
#ifndef CH_DATA_VALUES_H
#define CH_DATA_VALUES_H

#include "choir/env.h"
#include "choir/status.h"
#include "data/cells.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ch_values {
    ch_cell *cells; // (count) owned, as they came until they are sorted
    uint32_t count, room;
    uint32_t most;   // that are kept
    bool is_over;    // there were more
    uint32_t *slots; // (slot_count) owned; 0, or the number of a cell from 1: by its hash
    uint32_t slot_count;
    struct ch_values_block *texts; // owned; what cells point to
    choir_env env;
} ch_values;

/* Empty. most: how many may be kept. */
void ch_values_init(ch_values *v, uint32_t most, const choir_env *env);

/* Safe on an empty one, on one that is all zero, and twice. */
void ch_values_release(ch_values *v);

/* Adds a text, unless it is there or there are too many, which is_over says then. Not once they
 * are sorted. ENOMEM. */
CHOIR_NODISCARD choir_status ch_values_add(ch_values *v, const ch_cell *text);

/* Puts them in order, and drops those that are the same value as another, as ch_cells_distinct. */
void ch_values_sort(ch_values *v, const ch_cell_order *by);

#endif
