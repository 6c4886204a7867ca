/* The figures of the book: see book.h. */
#include "paper/book.h"

#include "base/arena.h"
#include "paper/average.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SERIES_MAX = 2 * CH_PAPER_ROWS_MAX };

/* What is drawn of one panel; arrays of the curves' points. */
typedef struct panel {
    ch_chart chart;
    double x[SERIES_MAX][CH_OUTCOME_POINTS_MAX];
    double y[SERIES_MAX][CH_OUTCOME_POINTS_MAX];
    char names[SERIES_MAX][CHOIR_TEXT_MAX + CH_PAPER_NAME_MAX + 32];
    uint32_t count;
    uint32_t borrowed; // curves that a table measured, up to its target
} panel;

static ch_chart_look look_of(uint32_t series) {
    static const ch_chart_look looks[] = {CH_LOOK_LINE, CH_LOOK_DASHED, CH_LOOK_DOTTED};
    return looks[series / CH_COLOURS % 3];
}

static bool is_accuracy(const ch_paper_experiment *e) {
    return strncmp(e->metric, "accuracy", 8) == 0;
}

static double value_of(const ch_paper_experiment *e, const ch_outcome_point *p) {
    if (is_accuracy(e)) {
        return p->accuracy;
    }
    return strcmp(e->metric, "pooled-loss") == 0 ? p->pooled_loss : p->loss;
}

/* False when there is nothing to draw. */
static bool series_add(panel *out, const ch_paper_experiment *e, const ch_outcome_arm *arm,
                       uint32_t row, const char *label) {
    const uint32_t s = out->count;
    const double scale = e->rows[row].scale > 0 ? e->rows[row].scale : 1;
    const bool is_monotone = strcmp(e->metric, "accuracy") == 0;
    double best = -INFINITY;
    if (s == SERIES_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < arm->points; i++) {
        const double value = value_of(e, &arm->curve[i]);
        best = fmax(best, value);
        out->x[s][i] = arm->curve[i].round * scale;
        out->y[s][i] = is_monotone ? best : value;
    }
    if (isinf(best)) {
        return false; // it does not have what the figure is of
    }
    (void)snprintf(out->names[s], sizeof(out->names[s]), "%s", label);
    ch_chart_add(&out->chart, &(ch_chart_series){.x = out->x[s],
                                                 .y = out->y[s],
                                                 .count = arm->points,
                                                 .colour = (ch_chart_colour)(s % CH_COLOURS),
                                                 .look = look_of(s),
                                                 .name = out->names[s]});
    out->count += 1;
    return true;
}

/* Of two averaged models: the mixtures, and the better parent as the line across. */
static void average_add(panel *out, const ch_book_part *p, uint32_t row, uint32_t column) {
    const ch_outcome *o = ch_book_outcome(p, row, column);
    for (uint32_t i = 0; i < o->arms_count; i++) {
        const ch_outcome_arm *arm = &o->arms[i];
        if (strcmp(arm->name, CH_AVERAGE_MIXED) == 0) {
            (void)series_add(out, p->e, arm, row, p->e->rows[row].label);
        } else if (arm->points == 2) {
            out->chart.level = fmin(arm->curve[0].pooled_loss, arm->curve[1].pooled_loss);
            out->chart.level_name = "the better of the two";
        }
    }
    out->chart.is_x_whole = false;
}

/* A row's curve at its best rate; else, dashed by nothing but its name, what a table has of it. */
static void row_add(panel *out, const ch_book_part *p, uint32_t row, uint32_t column) {
    static const char *const kinds[][2] = {{"central", "all data on one machine"},
                                           {"local", "each client alone"}};
    const ch_paper_experiment *e = p->e;
    const ch_outcome *own = ch_book_outcome(p, row, column);
    const ch_outcome *like = &p->likes[row * e->columns_count + column];
    const bool is_own = ch_outcome_best(own) != NULL;
    const ch_outcome_arm *best = ch_outcome_best(is_own ? own : like);
    char label[CHOIR_TEXT_MAX + 32];
    char rate[CH_GRID_TEXT_MAX];
    if (best == NULL || best->points == 0) {
        return;
    }
    ch_grid_text(rate, best->rate);
    (void)snprintf(label, sizeof(label), "%s, rate %s%s", e->rows[row].label, rate,
                   is_own ? "" : " *");
    out->borrowed += series_add(out, e, best, row, label) && !is_own ? 1 : 0;
    for (uint32_t i = 0; i < own->arms_count; i++) {
        for (size_t k = 0; k < 2; k++) {
            if (strcmp(own->arms[i].name, kinds[k][0]) == 0) {
                (void)series_add(out, e, &own->arms[i], row, kinds[k][1]);
            }
        }
    }
}

static void put_panel(ch_page *page, const ch_book_part *p, uint32_t column, panel *room) {
    const ch_paper_experiment *e = p->e;
    memset(room, 0, sizeof(*room));
    room->chart = ch_chart_defaults();
    room->chart.title = is_accuracy(e) ? "test accuracy" : "loss";
    room->chart.x_label = e->axis;
    room->chart.is_percent = is_accuracy(e);
    room->chart.may_be_log = e->is_log;
    room->chart.is_x_whole = true;
    if (e->level > 0) {
        room->chart.level = e->level;
        room->chart.level_name = "the target";
    }
    for (uint32_t i = 0; i < e->rows_count; i++) {
        if (strcmp(e->kind, "average") == 0) {
            average_add(room, p, i, column);
        } else {
            row_add(room, p, i, column);
        }
    }
    if (room->count == 0) {
        return;
    }
    ch_draft heading;
    ch_draft_init(&heading, &page->html.env);
    ch_draft_html(&heading, e->columns[column].label);
    if (room->borrowed > 0) {
        ch_draft_put(&heading, " <span>* as the table measured it, up to its target</span>");
    }
    ch_page_chart(page, &room->chart, heading.text == NULL ? "" : heading.text);
    ch_draft_release(&heading);
}

/* What is not there yet, and how to get it. */
static void put_missing(ch_draft *d, const ch_paper_experiment *e, uint32_t missing,
                        uint32_t cells) {
    if (missing == 0) {
        return;
    }
    ch_draft_format(d,
                    "<p class=\"finding\">Of its %u curves %u %s measured: <code>choir paper run ",
                    cells, cells - missing, cells - missing == 1 ? "is" : "are");
    ch_draft_html(d, e->name);
    ch_draft_put(d, "</code> measures the others.</p>\n");
}

static void count_cells(ch_book_result *counts, const ch_book_part *p, uint32_t *missing) {
    const uint32_t cells = p->e->rows_count * p->e->columns_count;
    for (uint32_t i = 0; i < cells; i++) {
        counts->measured += p->outcomes[i].is_complete ? 1 : 0;
        *missing += p->outcomes[i].is_complete ? 0 : 1;
    }
    counts->cells += cells;
}

void ch_book_figure(ch_page *page, const ch_book_part *part, ch_book_result *counts) {
    ch_arena arena;
    uint32_t missing = 0;
    const ch_paper_experiment *e = part->e;
    if (ch_arena_init(&arena, ch_arena_cost(1, sizeof(panel)), &page->html.env) != CHOIR_OK) {
        page->html.failed = true;
        return;
    }
    panel *room = CH_NEW(&arena, panel, 1);
    count_cells(counts, part, &missing);
    ch_draft_put(&page->html, "<div class=\"figures\">\n");
    for (uint32_t k = 0; k < e->columns_count; k++) {
        put_panel(page, part, k, room);
    }
    put_missing(&page->html, e, missing, e->rows_count * e->columns_count);
    ch_draft_put(&page->html, "</div>\n");
    ch_arena_release(&arena);
}
