/* What CSV cells say; see cells.h. */
#include "data/cells.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const double EXACT_MAX = 9007199254740992.0; // 2^53

bool ch_cell_is_missing(const ch_cell *t) {
    return t->size == 0 || (t->size == 1 && t->data[0] == '?');
}

bool ch_cell_is_missing_number(const ch_cell *t) {
    static const char *const words[] = {"na", "n/a", "nan", "null"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i]) == t->size && strncasecmp(words[i], t->data, t->size) == 0) {
            return true;
        }
    }
    return false;
}

void ch_cell_show(char out[CH_TEXT_SHOWN_MAX], const ch_cell *t) {
    char piece[CH_TEXT_SHOWN_MAX];
    (void)snprintf(piece, sizeof(piece), "%.*s",
                   (int)(t->size < sizeof(piece) ? t->size : sizeof(piece)), t->data);
    ch_text_show(out, CH_TEXT_SHOWN_MAX, piece);
}

static int compare_texts(const void *a, const void *b) {
    return ch_cell_compare(a, b);
}

/* The digits of a whole number without point or exponent, from the first that is not 0; none of
 * another. */
static ch_cell digits_of(const ch_cell *t) {
    uint32_t at = t->size > 0 && (t->data[0] == '-' || t->data[0] == '+') ? 1 : 0;
    while (at < t->size && t->data[at] == '0') {
        at += 1;
    }
    for (uint32_t i = at; i < t->size; i++) {
        if (t->data[i] < '0' || t->data[i] > '9') {
            return (ch_cell){.data = t->data, .size = 0};
        }
    }
    return (ch_cell){.data = t->data + at, .size = t->size - at};
}

/* From EXACT_MAX on, a double stands for several whole numbers, such as identifiers: digits tell
 * them apart. There, what is written otherwise is one value before them. */
static int compare_values(const void *a, const void *b) {
    double x = 0;
    double y = 0;
    (void)ch_cell_number(&x, a);
    (void)ch_cell_number(&y, b);
    if (x != y || fabs(x) < EXACT_MAX) {
        return (x > y) - (x < y);
    }
    const ch_cell p = digits_of(a);
    const ch_cell q = digits_of(b);
    const int order =
        p.size != q.size ? (p.size > q.size) - (p.size < q.size) : memcmp(p.data, q.data, p.size);
    return x < 0 && p.size > 0 && q.size > 0 ? -order : order;
}

/* Numbers ascending; equal ones ("1", "1.0") by their texts, so that the order is total. */
static int compare_numbers(const void *a, const void *b) {
    const int order = compare_values(a, b);
    return order != 0 ? order : ch_cell_compare(a, b);
}

const ch_cell_order CH_CELLS_AS_TEXTS = {compare_texts, compare_texts};
const ch_cell_order CH_CELLS_AS_NUMBERS = {compare_numbers, compare_values};

uint32_t ch_cells_distinct(ch_cell *cells, uint32_t count, const ch_cell_order *by) {
    qsort(cells, count, sizeof(cells[0]), by->sort);
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (distinct == 0 || by->same(&cells[distinct - 1], &cells[i]) != 0) {
            cells[distinct] = cells[i];
            distinct += 1;
        }
    }
    return distinct;
}

uint32_t ch_cells_find(const ch_cell *sorted, uint32_t count, const ch_cell *value,
                       const ch_cell_order *by) {
    if (count == 0) { // of an array that need not be there
        return 0;
    }
    const ch_cell *found = bsearch(value, sorted, count, sizeof(sorted[0]), by->same);
    return found == NULL ? count : (uint32_t)(found - sorted);
}
