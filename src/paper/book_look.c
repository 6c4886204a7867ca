/* How curves are told apart in the book's figures: see book.h. */
#include "paper/book.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

static const char EPOCHS[] = "client.epochs=";
static const char BATCH[] = "client.batch_size=";
static const char SCHEDULE[] = "schedule.";

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* Whether a figure's curves differ in E, B and schedules alone. */
static bool is_of_e_and_b(const ch_paper_experiment *e) {
    for (uint32_t i = 0; i < e->rows_count; i++) {
        for (uint32_t k = 0; k < e->rows[i].sets_count; k++) {
            const char *set = e->rows[i].sets[k];
            if (!begins(set, EPOCHS) && !begins(set, BATCH) && !begins(set, SCHEDULE)) {
                return false;
            }
        }
        if (e->rows[i].sets_count == 0) {
            return false;
        }
    }
    return true;
}

/* What a row sets a key to, of which 0 is all there is: INFINITY. NaN: it does not. */
static double value_of(const ch_paper_line *row, const char *key) {
    for (uint32_t k = 0; k < row->sets_count; k++) {
        double value = 0;
        if (begins(row->sets[k], key) && ch_text_read_f64(&value, row->sets[k] + strlen(key))) {
            return value == 0 ? INFINITY : value;
        }
    }
    return (double)NAN;
}

/* How many different values of the rows are below this row's. */
static uint32_t rank_of(const ch_paper_experiment *e, uint32_t row, const char *key) {
    const double own = value_of(&e->rows[row], key);
    uint32_t rank = 0;
    for (uint32_t i = 0; i < e->rows_count; i++) {
        const double value = value_of(&e->rows[i], key);
        bool is_first = true;
        for (uint32_t k = 0; k < i; k++) {
            is_first = is_first && value_of(&e->rows[k], key) != value;
        }
        rank += value < own && is_first ? 1 : 0;
    }
    return rank;
}

/* How many rows before this one have its E and its B: those differ by a schedule. */
static uint32_t twins_before(const ch_paper_experiment *e, uint32_t row) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < row; i++) {
        count += rank_of(e, i, EPOCHS) == rank_of(e, row, EPOCHS) &&
                         rank_of(e, i, BATCH) == rank_of(e, row, BATCH)
                     ? 1
                     : 0;
    }
    return count;
}

ch_chart_series ch_book_look(const ch_paper_experiment *e, uint32_t place) {
    static const ch_chart_look looks[] = {CH_LOOK_LINE, CH_LOOK_DASHED, CH_LOOK_DOTTED};
    uint32_t colour = place;
    uint32_t look = place < e->rows_count ? place / CH_COLOURS : 1;
    if (place < e->rows_count && is_of_e_and_b(e)) {
        colour = rank_of(e, place, EPOCHS);
        look = rank_of(e, place, BATCH) + twins_before(e, place);
    }
    return (ch_chart_series){.colour = (ch_chart_colour)(colour % CH_COLOURS),
                             .look = looks[look % 3]};
}
