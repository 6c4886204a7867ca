/* The curves of a figure in figures: see book.h. */
#include "paper/book.h"

#include "report/units.h"

#include <math.h>
#include <string.h>

const char *ch_book_baseline(const ch_outcome *o, uint32_t i) {
    static const char *const kinds[][2] = {{"central", "all data on one machine"},
                                           {"local", "each client alone"}};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        if (ch_outcome_best_named(o, kinds[k][0]) == &o->arms[i]) {
            return kinds[k][1];
        }
    }
    return NULL;
}

const ch_outcome_arm *ch_book_curve(const ch_book_part *p, uint32_t row, uint32_t column,
                                    bool *is_own) {
    const ch_outcome *own = ch_book_outcome(p, row, column);
    *is_own = ch_outcome_best(own) != NULL;
    const ch_outcome_arm *best =
        ch_outcome_best(*is_own ? own : &p->likes[row * p->e->columns_count + column]);
    return best == NULL || best->points == 0 ? NULL : best;
}

static bool is_loss(const ch_paper_experiment *e) {
    return strcmp(e->metric, "loss") == 0 || strcmp(e->metric, "pooled-loss") == 0;
}

static void put_losses(ch_draft *d, const ch_paper_experiment *e, const ch_outcome_arm *arm) {
    char last[CH_UNITS_MAX];
    char least[CH_UNITS_MAX];
    const bool is_pooled = strcmp(e->metric, "pooled-loss") == 0;
    double lowest = INFINITY;
    double value = NAN;
    for (uint32_t i = 0; i < arm->points; i++) {
        value = is_pooled ? arm->curve[i].pooled_loss : arm->curve[i].loss;
        lowest = fmin(lowest, value);
    }
    ch_units_loss(least, lowest);
    ch_units_loss(last, value);
    ch_draft_format(d, "<td>%s</td><td>%s</td>", least, last);
}

static void put_curve(ch_draft *d, const ch_book_part *p, uint32_t column,
                      const ch_outcome_arm *arm, const char *label) {
    char rate[CH_GRID_TEXT_MAX];
    char text[CH_UNITS_MAX];
    ch_grid_text(rate, arm->rate);
    ch_draft_put(d, "<tr><th>");
    ch_draft_html(d, label);
    ch_draft_put(d, "</th>");
    if (p->e->columns_count > 1) {
        ch_draft_put(d, "<td class=\"word\">");
        ch_draft_html(d, p->e->columns[column].label);
        ch_draft_put(d, "</td>");
    }
    ch_draft_format(d, "<td>%s</td><td>%u</td>", rate, arm->rounds);
    if (is_loss(p->e)) {
        put_losses(d, p->e, arm);
    } else {
        ch_units_share(text, arm->best);
        ch_draft_format(d, "<td>%s</td>", text);
        ch_units_share(text, arm->curve[arm->points - 1].accuracy);
        ch_draft_format(d, "<td>%s</td>", text);
    }
    if (p->e->level > 0 && isfinite(arm->crossing)) {
        ch_draft_format(d, "<td>%.1f</td>", arm->crossing);
    } else {
        ch_draft_put(d, p->e->level > 0 ? "<td>&mdash;</td>" : "");
    }
    ch_units_bytes(text, (uint64_t)arm->bytes);
    ch_draft_format(d, "<td>%s</td></tr>\n", arm->bytes > 0 ? text : "&mdash;");
}

static void put_cell(ch_draft *d, const ch_book_part *p, uint32_t row, uint32_t column) {
    const ch_outcome *own = ch_book_outcome(p, row, column);
    const ch_outcome_arm *best = ch_outcome_best(own);
    if (best != NULL && best->points > 0) {
        put_curve(d, p, column, best, p->e->rows[row].label);
    }
    for (uint32_t i = 0; i < own->arms_count; i++) {
        const char *label = ch_book_baseline(own, i);
        if (label != NULL && own->arms[i].points > 0) {
            put_curve(d, p, column, &own->arms[i], label);
        }
    }
}

static bool has_any(const ch_book_part *p) {
    for (uint32_t i = 0; i < p->e->rows_count * p->e->columns_count; i++) {
        if (ch_outcome_best(&p->outcomes[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void put_head(ch_draft *d, const ch_paper_experiment *e) {
    ch_draft_put(d, "<div class=\"scroll\"><table class=\"paper\"><thead><tr><th>curve</th>");
    ch_draft_put(d, e->columns_count > 1 ? "<th class=\"word\">panel</th>" : "");
    ch_draft_put(d, "<th>learning rate</th><th>rounds</th>");
    ch_draft_put(d, is_loss(e) ? "<th>least loss</th><th>loss at the end</th>"
                               : "<th>best test accuracy</th><th>at the end</th>");
    if (e->level > 0) {
        ch_draft_format(d, "<th>rounds to %g&nbsp;%%</th>", 100 * e->level);
    }
    ch_draft_put(d, "<th>sent both ways</th></tr></thead><tbody>\n");
}

void ch_book_curves(ch_draft *d, const ch_book_part *p) {
    const bool is_figure = strncmp(p->e->paper, "Figure", 6) == 0;
    if (!has_any(p)) {
        return;
    }
    ch_draft_put(d, is_figure ? "<details class=\"card\"><summary>The curves in numbers</summary>"
                              : "<div class=\"card below\">");
    put_head(d, p->e);
    for (uint32_t k = 0; k < p->e->columns_count; k++) {
        for (uint32_t i = 0; i < p->e->rows_count; i++) {
            put_cell(d, p, i, k);
        }
    }
    ch_draft_put(d, "</tbody></table></div>");
    ch_draft_put(d, is_figure ? "</details>\n" : "</div>\n");
}
