/* Grid: see grid.h. */
#include "paper/grid.h"

#include "base/assert.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>

// The points of a decade; the others are these with the decimal point moved.
static const char *const DECADE[] = {"1", "1.47", "2.15", "3.16", "4.64", "6.81"};

enum { DECADE_POINTS = 6, DECADES_BELOW = 4 };

void ch_grid_text(char out[CH_GRID_TEXT_MAX], int32_t k) {
    CH_ASSERT(k >= CH_GRID_LEAST && k <= CH_GRID_MOST);
    const int32_t above = k + DECADE_POINTS * DECADES_BELOW; // never negative
    char text[CH_GRID_TEXT_MAX];
    double value = 0;
    (void)snprintf(text, sizeof(text), "%se%d", DECADE[above % DECADE_POINTS],
                   above / DECADE_POINTS - DECADES_BELOW);
    CH_ASSERT(ch_text_read_f64(&value, text));
    char number[CH_TEXT_NUMBER_MAX];
    ch_text_number(number, sizeof(number), value);
    (void)snprintf(out, CH_GRID_TEXT_MAX, "%.15s", number);
}

double ch_grid_rate(int32_t k) {
    char text[CH_GRID_TEXT_MAX];
    double value = 0;
    ch_grid_text(text, k);
    CH_ASSERT(ch_text_read_f64(&value, text));
    return value;
}

bool ch_grid_find(int32_t *k, double rate) {
    for (int32_t i = CH_GRID_LEAST; i <= CH_GRID_MOST; i++) {
        if (fabs(rate / ch_grid_rate(i) - 1) < 0.03) {
            *k = i;
            return true;
        }
    }
    return false;
}

int32_t ch_grid_near(double rate) {
    const double k = CH_GRID_STEP * nearbyint(DECADE_POINTS / CH_GRID_STEP * log10(rate));
    const double least = CH_GRID_LEAST + CH_GRID_STEP;
    const double most = CH_GRID_MOST - CH_GRID_STEP;
    return (int32_t)(k < least ? least : k > most ? most : k);
}

static double three_digits(double value) {
    char text[CH_TEXT_NUMBER_MAX];
    double rounded = value;
    const int last = (int)floor(log10(value)) - 2; // decimal place of the third digit
    (void)snprintf(text, sizeof(text), "%.0fe%d", value / pow(10, last), last);
    CH_ASSERT(ch_text_read_f64(&rounded, text));
    return rounded;
}

double ch_grid_beside(double rate, int32_t points) {
    int32_t k = 0;
    const bool is_point = ch_grid_find(&k, rate) && ch_grid_rate(k) == rate;
    const int32_t beside = k + points;
    if (is_point && beside >= CH_GRID_LEAST && beside <= CH_GRID_MOST) {
        return ch_grid_rate(beside);
    }
    return three_digits(rate * pow(10, (double)points / DECADE_POINTS));
}

static bool is_better(const ch_grid_trial *a, const ch_grid_trial *b) {
    if (a->crossing < b->crossing) {
        return true;
    }
    return isinf(a->crossing) && isinf(b->crossing) && a->best > b->best;
}

uint32_t ch_grid_best(const ch_grid_trial *trials, uint32_t count) {
    CH_ASSERT(count > 0);
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++) {
        best = is_better(&trials[i], &trials[best]) ? i : best;
    }
    return best;
}

static bool is_tried(int32_t k, const ch_grid_trial *trials, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (trials[i].k == k) {
            return true;
        }
    }
    return false;
}

ch_grid_edge ch_grid_edge_of(const ch_grid_trial *trials, uint32_t count) {
    const int32_t k = trials[ch_grid_best(trials, count)].k;
    return (ch_grid_edge){.is_low = !is_tried(k - CH_GRID_STEP, trials, count),
                          .is_high = !is_tried(k + CH_GRID_STEP, trials, count)};
}

bool ch_grid_next(int32_t *k, const ch_grid_trial *trials, uint32_t count, const int32_t *start,
                  uint32_t start_count, uint32_t rates_max) {
    if (count >= rates_max) {
        return false;
    }
    for (uint32_t i = 0; i < start_count; i++) {
        if (!is_tried(start[i], trials, count)) {
            *k = start[i];
            return true;
        }
    }
    if (count == 0) {
        return false;
    }
    const int32_t best = trials[ch_grid_best(trials, count)].k;
    const ch_grid_edge edge = ch_grid_edge_of(trials, count);
    if (edge.is_high && best + CH_GRID_STEP <= CH_GRID_MOST) {
        *k = best + CH_GRID_STEP;
        return true;
    }
    if (edge.is_low && best - CH_GRID_STEP >= CH_GRID_LEAST) {
        *k = best - CH_GRID_STEP;
        return true;
    }
    return false;
}
