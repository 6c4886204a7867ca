/* The tables of the book for a README: see book.h. */
#include "paper/book.h"

#include "report/units.h"

#include <math.h>
#include <string.h>

/* A label in a cell of a table. */
static void put_label(ch_draft *d, const char *label) {
    for (; *label != '\0'; label++) {
        const char one[] = {*label, '\0'};
        ch_draft_put(d, *label == '|' ? "\\|" : one);
    }
}

static void put_speed(ch_draft *d, double baseline, double rounds, bool is_baseline) {
    if (!is_baseline && isfinite(baseline) && isfinite(rounds)) {
        ch_draft_format(d, " (%.1f×)", baseline / rounds);
    }
}

static void put_ours(ch_draft *d, const ch_outcome *o, double baseline, bool is_baseline) {
    const double rounds = ch_book_rounds(o);
    if (isfinite(rounds)) {
        ch_draft_format(d, rounds < 99.95 ? "**%.1f**" : "**%.0f**", rounds);
        ch_draft_put(d, ch_book_is_at_edge(o) ? "†" : "");
        put_speed(d, baseline, rounds, is_baseline);
    } else {
        ch_draft_put(d, isnan(rounds) ? "not measured" : "**—**");
    }
    ch_draft_put(d, isnan(rounds) || o->is_complete ? "" : " so far");
}

static void put_cell(ch_draft *d, const ch_book_part *p, uint32_t row, uint32_t column) {
    const uint32_t base = ch_book_baseline_row(p->e);
    const bool has_base = base != UINT32_MAX;
    const double paper = p->e->facts[row][column].expect;
    ch_draft_put(d, " | ");
    if (!ch_paper_has_cell(p->e, row, column)) {
        return;
    }
    put_ours(d, ch_book_outcome(p, row, column), ch_book_base_rounds(p, column), row == base);
    if (isinf(paper)) {
        ch_draft_put(d, "; —");
    } else if (!isnan(paper)) {
        ch_draft_format(d, "; %.0f", paper);
        put_speed(d, has_base ? p->e->facts[base][column].expect : NAN, paper, row == base);
    }
}

static bool has_any(const ch_book_part *p) {
    for (uint32_t i = 0; i < p->e->rows_count * p->e->columns_count; i++) {
        if (!isnan(ch_book_rounds(&p->outcomes[i]))) {
            return true;
        }
    }
    return false;
}

void ch_book_table_markdown(ch_draft *d, const ch_book_part *p) {
    const ch_paper_experiment *e = p->e;
    if (!has_any(p)) {
        return;
    }
    ch_draft_put(d, "| ");
    put_label(d, e->paper);
    ch_draft_put(d, ". ");
    put_label(d, e->title);
    for (uint32_t k = 0; k < e->columns_count; k++) {
        ch_draft_put(d, " | ");
        put_label(d, e->columns[k].label);
    }
    ch_draft_put(d, " |\n|---");
    for (uint32_t k = 0; k < e->columns_count; k++) {
        ch_draft_put(d, "|---");
    }
    ch_draft_put(d, "|\n");
    for (uint32_t i = 0; i < e->rows_count; i++) {
        ch_draft_put(d, "| ");
        put_label(d, e->rows[i].label);
        for (uint32_t k = 0; k < e->columns_count; k++) {
            put_cell(d, p, i, k);
        }
        ch_draft_put(d, " |\n");
    }
    ch_draft_put(d, "\n");
}

static void put_curve(ch_draft *d, const ch_book_part *p, const ch_outcome_arm *arm,
                      const char *label) {
    char rate[CH_GRID_TEXT_MAX];
    char best[CH_UNITS_MAX];
    char bytes[CH_UNITS_MAX];
    ch_units_share(best, arm->best);
    ch_units_bytes(bytes, (uint64_t)arm->bytes);
    ch_grid_text(rate, arm->rate);
    ch_draft_put(d, "| ");
    put_label(d, label);
    ch_draft_format(d, " | %s | **%s**", rate, best);
    if (p->e->level > 0 && isfinite(arm->crossing)) {
        ch_draft_format(d, " | %.1f", arm->crossing);
    } else {
        ch_draft_put(d, p->e->level > 0 ? " | —" : "");
    }
    ch_draft_format(d, " | %s |\n", arm->bytes > 0 ? bytes : "nothing");
}

/* A curve is told once it is complete: its best is no number to be set beside others before. */
static bool is_told(const ch_outcome *o) {
    return o->is_complete && ch_outcome_best(o) != NULL;
}

static bool has_told(const ch_book_part *p) {
    for (uint32_t i = 0; i < p->e->rows_count * p->e->columns_count; i++) {
        if (is_told(&p->outcomes[i])) {
            return true;
        }
    }
    return false;
}

static void put_curves(ch_draft *d, const ch_book_part *p, const ch_outcome *o, const char *label) {
    if (!is_told(o)) {
        return;
    }
    put_curve(d, p, ch_outcome_best(o), label);
    for (uint32_t i = 0; i < o->arms_count; i++) {
        const char *beside = ch_book_baseline(o, i);
        if (beside != NULL) {
            put_curve(d, p, &o->arms[i], beside);
        }
    }
}

void ch_book_curves_markdown(ch_draft *d, const ch_book_part *p) {
    const ch_paper_experiment *e = p->e;
    if (!has_told(p) || strcmp(e->kind, "curves") != 0) {
        return;
    }
    ch_draft_put(d, "| ");
    put_label(d, e->paper);
    ch_draft_put(d, ". ");
    put_label(d, e->title);
    ch_draft_put(d, " | learning rate | best test accuracy | ");
    if (e->level > 0) {
        ch_draft_format(d, "rounds to %g %% | ", 100 * e->level);
    }
    ch_draft_put(d, e->level > 0 ? "sent both ways |\n|---|---|---|---|---|\n"
                                 : "sent both ways |\n|---|---|---|---|\n");
    for (uint32_t i = 0; i < e->rows_count; i++) {
        for (uint32_t k = 0; k < e->columns_count; k++) {
            put_curves(d, p, ch_book_outcome(p, i, k), e->rows[i].label);
        }
    }
    ch_draft_put(d, "\n");
}
