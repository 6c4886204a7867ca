/*
 * Cells: what the fields of a CSV file say: which are missing, which are the same value, and in
 * what order values come.
 */
#ifndef CH_DATA_CELLS_H
#define CH_DATA_CELLS_H

#include "base/text.h"
#include "data/csv.h"

/* An empty field or "?". */
bool ch_cell_is_missing(const ch_cell *t);

/* What common tools write for a missing number: NA, N/A, NaN, null, in letters of either case.
 * Among texts it may well be one. */
bool ch_cell_is_missing_number(const ch_cell *t);

/* A cell for a message, as ch_text_show. */
void ch_cell_show(char out[CH_TEXT_SHOWN_MAX], const ch_cell *t);

/* How values are put in order, and which of them are the same one; as qsort compares. */
typedef struct ch_cell_order {
    int (*sort)(const void *, const void *); // total
    int (*same)(const void *, const void *); // 0: one value; agrees with sort
} ch_cell_order;

extern const ch_cell_order CH_CELLS_AS_TEXTS; // ascending bytes

/* Ascending, "1" and "1.0" being one; all are numbers. Whole ones are told apart by their digits,
 * also where a double cannot. */
extern const ch_cell_order CH_CELLS_AS_NUMBERS;

/*
 * Sorts cells and drops repetitions; of equal values the first text in bytes stays, whatever their
 * order was. Returns how many are left.
 */
uint32_t ch_cells_distinct(ch_cell *cells, uint32_t count, const ch_cell_order *by);

/* The place of a value among distinct ones; count when it is not among them. */
uint32_t ch_cells_find(const ch_cell *sorted, uint32_t count, const ch_cell *value,
                       const ch_cell_order *by);

#endif
