/* The tables of the book: see book.h. */
#include "paper/book.h"

#include "base/text.h"
#include "report/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

uint32_t ch_book_baseline_row(const ch_paper_experiment *e) {
    for (uint32_t i = 0; i < e->rows_count; i++) {
        if (strcmp(e->rows[i].name, e->baseline) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

bool ch_book_is_at_edge(const ch_outcome *o) {
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    const uint32_t count = ch_outcome_trials(trials, o);
    const ch_grid_edge edge =
        count == 0 ? (ch_grid_edge){false, false} : ch_grid_edge_of(trials, count);
    return edge.is_low || edge.is_high;
}

bool ch_book_has_edge(const ch_book_part *p) {
    for (uint32_t i = 0; i < p->e->rows_count * p->e->columns_count; i++) {
        if (ch_book_is_at_edge(&p->outcomes[i])) {
            return true;
        }
    }
    return false;
}

double ch_book_rounds(const ch_outcome *o) {
    const ch_outcome_arm *best = ch_outcome_best(o);
    return best == NULL ? NAN : best->crossing;
}

double ch_book_base_rounds(const ch_book_part *p, uint32_t column) {
    const uint32_t base = ch_book_baseline_row(p->e);
    const ch_outcome *o = base == UINT32_MAX ? NULL : ch_book_outcome(p, base, column);
    return o != NULL && o->is_complete ? ch_book_rounds(o) : NAN;
}

/* ", 3.6 times" over the baseline's; "" where there is no such thing. */
static void put_speed(ch_draft *d, double baseline, double rounds, bool is_baseline) {
    if (!is_baseline && isfinite(baseline) && isfinite(rounds)) {
        ch_draft_format(d, " <span>(%.1f&times;)</span>", baseline / rounds);
    }
}

/* Rounds, as those of the paper: whole ones where they are many. */
static void put_rounds(ch_draft *d, double rounds) {
    ch_draft_format(d, rounds < 99.95 ? "<b>%.1f</b>" : "<b>%.0f</b>", rounds);
}

static void put_ours(ch_draft *d, const ch_outcome *o, double baseline, bool is_baseline) {
    const double rounds = ch_book_rounds(o);
    if (isfinite(rounds)) {
        put_rounds(d, rounds);
        ch_draft_put(d, ch_book_is_at_edge(o) ? "&dagger;" : "");
        put_speed(d, baseline, rounds, is_baseline);
    } else {
        ch_draft_put(d, "<b>&mdash;</b>");
    }
    if (!o->is_complete) {
        ch_draft_put(d, " <span>so far</span>");
    }
}

/* Whether a cell is to be held against the paper's, and is further from it than it should be. */
static bool is_outside(const ch_paper_experiment *e, const ch_outcome *o, double paper) {
    return !e->is_elsewhere && o->is_complete && ch_book_is_outside(ch_book_rounds(o), paper);
}

static void put_paper(ch_draft *d, double paper, double baseline, bool is_baseline) {
    if (isnan(paper)) {
        return;
    }
    ch_draft_put(d, "<small>paper: ");
    if (isinf(paper)) {
        ch_draft_put(d, "&mdash;");
    } else {
        ch_draft_format(d, "%.0f", paper);
        put_speed(d, baseline, paper, is_baseline);
    }
    ch_draft_put(d, "</small>");
}

/* Ours as a share of the paper's, or how far it came; and what was sent. */
static void put_facts(ch_draft *d, const ch_outcome *o, double paper) {
    const ch_outcome_arm *best = ch_outcome_best(o);
    char bytes[CH_UNITS_MAX];
    ch_units_bytes(bytes, (uint64_t)best->bytes);
    ch_draft_put(d, "<small>");
    if (isfinite(best->crossing) && isfinite(paper)) {
        ch_draft_format(d, "%.2f of it; ", best->crossing / paper);
    } else if (!isfinite(best->crossing)) {
        char share[CH_UNITS_MAX];
        ch_units_share(share, best->best);
        ch_draft_format(d, "%s in %u round%s; ", share, best->rounds, ch_text_plural(best->rounds));
    }
    ch_draft_format(d, "%s</small>", bytes);
}

static void put_cell(ch_draft *d, const ch_book_part *p, uint32_t row, uint32_t column,
                     ch_book_result *counts) {
    const ch_outcome *o = ch_book_outcome(p, row, column);
    const uint32_t base = ch_book_baseline_row(p->e);
    const bool has_base = base != UINT32_MAX;
    const double paper = p->e->facts[row][column].expect;
    const double ours = ch_book_rounds(o);
    if (!ch_paper_has_cell(p->e, row, column)) {
        ch_draft_put(d, "<td></td>");
        return;
    }
    counts->cells += 1;
    const bool is_off = is_outside(p->e, o, paper);
    ch_draft_put(d, is_off ? "<td class=\"off\">" : "<td>");
    if (isnan(ours)) {
        ch_draft_put(d, "<span>not measured</span>");
    } else {
        counts->measured += o->is_complete ? 1 : 0;
        counts->compared += isnan(paper) || !o->is_complete || p->e->is_elsewhere ? 0 : 1;
        counts->outside += is_off ? 1 : 0;
        put_ours(d, o, ch_book_base_rounds(p, column), row == base);
    }
    put_paper(d, paper, has_base ? p->e->facts[base][column].expect : NAN, row == base);
    if (!isnan(ours)) {
        put_facts(d, o, p->e->is_elsewhere ? NAN : paper);
    }
    ch_draft_put(d, "</td>");
}

static void put_table(ch_draft *d, const ch_book_part *p, ch_book_result *counts) {
    const ch_paper_experiment *e = p->e;
    ch_draft_put(d, "<div class=\"card scroll\"><table class=\"paper\"><thead><tr><th></th>");
    for (uint32_t k = 0; k < e->columns_count; k++) {
        ch_draft_put(d, "<th>");
        ch_draft_html(d, e->columns[k].label);
        ch_draft_put(d, "</th>");
    }
    ch_draft_put(d, "</tr></thead><tbody>\n");
    for (uint32_t i = 0; i < e->rows_count; i++) {
        ch_draft_put(d, "<tr><th>");
        ch_draft_html(d, e->rows[i].label);
        ch_draft_put(d, "</th>");
        for (uint32_t k = 0; k < e->columns_count; k++) {
            put_cell(d, p, i, k, counts);
        }
        ch_draft_put(d, "</tr>\n");
    }
    ch_draft_put(d, "</tbody></table></div>\n<p class=\"note below\">The paper's numbers: ");
    ch_draft_html(d, e->source);
    ch_draft_put(d, ch_book_has_edge(p)
                        ? ". &dagger; is at the edge of the learning rates that were tried: "
                          "another may need fewer rounds.</p>\n"
                        : ".</p>\n");
}

/* Why a cell is where it is, when it says so: of what the experiment's own seed has come to. Counts
 * those outside that do not. */
static void put_note(ch_draft *d, const ch_book_part *p, uint32_t row, uint32_t column,
                     uint32_t *silent) {
    const ch_paper_experiment *e = p->e;
    const ch_outcome *o = ch_book_outcome(p, row, column);
    const double ours = ch_book_rounds(o);
    const char *note = e->facts[row][column].note;
    const bool is_off = is_outside(e, o, e->facts[row][column].expect);
    if (note[0] == '\0' || isnan(ours) || !o->is_complete || o->seed != CH_PAPER_SEED) {
        *silent += is_off ? 1 : 0;
        return;
    }
    ch_draft_put(d, is_off ? "<li class=\"off\"><b>" : "<li><b>");
    ch_draft_html(d, e->rows[row].label);
    ch_draft_put(d, "; ");
    ch_draft_html(d, e->columns[column].label);
    ch_draft_put(d, "</b>: ");
    ch_draft_html(d, note);
    ch_draft_put(d, "</li>\n");
}

static void put_notes(ch_draft *d, const ch_book_part *p) {
    const ch_paper_experiment *e = p->e;
    uint32_t silent = 0;
    ch_draft_put(d, "<ul class=\"notes\">\n");
    for (uint32_t i = 0; i < e->rows_count; i++) {
        for (uint32_t k = 0; k < e->columns_count; k++) {
            put_note(d, p, i, k, &silent);
        }
    }
    if (silent > 0) {
        ch_draft_format(d, "<li class=\"off\"><b>%u %s</b> outside 25&nbsp;%% of the paper's: ",
                        silent, silent == 1 ? "cell is" : "cells are");
        ch_draft_html(d, e->note[0] != '\0' ? e->note : "no reason is stated yet.");
        ch_draft_put(d, "</li>\n");
    }
    ch_draft_put(d, "</ul>\n");
}

static void put_arm(ch_draft *d, const ch_outcome_arm *arm) {
    char rate[CH_GRID_TEXT_MAX];
    ch_grid_text(rate, arm->rate);
    if (isfinite(arm->crossing)) {
        ch_draft_format(d, "%s: %.1f. ", rate, arm->crossing);
    } else {
        char share[CH_UNITS_MAX];
        ch_units_share(share, arm->best);
        ch_draft_format(d, "%s: %s after %u, %s. ", rate, ch_crossing_end_text(arm->end),
                        arm->rounds, share);
    }
}

static void put_rates_row(ch_draft *d, const ch_book_part *p, const ch_outcome *o) {
    char bytes[CH_UNITS_MAX];
    const ch_outcome_arm *best = ch_outcome_best(o);
    if (best == NULL) {
        return;
    }
    ch_units_bytes(bytes, (uint64_t)best->bytes);
    ch_draft_put(d, "<tr><th><code>");
    ch_draft_html(d, o->cell + strlen(p->e->name) + 1);
    ch_draft_put(d, "</code></th><td class=\"word\">");
    for (uint32_t i = 0; i < o->arms_count; i++) {
        if (o->arms[i].name[0] == '\0') {
            put_arm(d, &o->arms[i]);
        }
    }
    ch_draft_format(d, "</td><td>%s</td><td>%s</td></tr>\n", bytes,
                    ch_book_is_at_edge(o) ? "at the edge" : "inside");
}

static void put_rates(ch_draft *d, const ch_book_part *p) {
    const uint32_t cells = p->e->rows_count * p->e->columns_count;
    bool is_any = false;
    for (uint32_t i = 0; i < cells; i++) {
        is_any = is_any || p->outcomes[i].arms_count > 0;
    }
    if (!is_any) {
        return;
    }
    ch_draft_put(d, "<details class=\"card\"><summary>Learning rates tried, and the rounds of "
                    "each</summary><div class=\"scroll\"><table><thead><tr><th>cell</th>"
                    "<th class=\"word\">rate: rounds</th><th>sent both ways</th>"
                    "<th>best of the grid</th></tr></thead><tbody>\n");
    for (uint32_t i = 0; i < cells; i++) {
        put_rates_row(d, p, &p->outcomes[i]);
    }
    ch_draft_put(d, "</tbody></table></div></details>\n");
}

void ch_book_table(ch_page *page, const ch_book_part *part, ch_book_result *counts) {
    put_table(&page->html, part, counts);
    put_notes(&page->html, part);
    put_rates(&page->html, part);
}
