/* The figures of the book: see book.h. */
#include "paper/book.h"

#include "base/arena.h"
#include "paper/average.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SERIES_MAX = CH_CHART_SERIES_MAX, NAME_BYTES = CHOIR_TEXT_MAX + 48 };

/* What is drawn of one panel; arrays of the curves' points. */
typedef struct panel {
    ch_chart chart;
    double x[SERIES_MAX][CH_OUTCOME_POINTS_MAX];
    double y[SERIES_MAX][CH_OUTCOME_POINTS_MAX];
    char names[SERIES_MAX][NAME_BYTES];
    char level_name[CHOIR_TEXT_MAX];
    uint32_t count;
    uint32_t borrowed; // curves that a table measured, up to its target
    bool has_rate;     // the learning rate of all curves is the same
    int32_t rate;      // that one
} panel;

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
                       uint32_t row, ch_chart_series series, const char *label) {
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
    series.x = out->x[s];
    series.y = out->y[s];
    series.count = arm->points;
    series.name = out->names[s];
    ch_chart_add(&out->chart, &series);
    out->count += 1;
    return true;
}

/* Of two averaged models: the mixtures, and the better parent as the line across. */
static void average_add(panel *out, const ch_book_part *p, uint32_t row, uint32_t column) {
    const ch_outcome *o = ch_book_outcome(p, row, column);
    for (uint32_t i = 0; i < o->arms_count; i++) {
        const ch_outcome_arm *arm = &o->arms[i];
        if (strcmp(arm->name, CH_AVERAGE_MIXED) == 0) {
            (void)series_add(out, p->e, arm, row, ch_book_look(p->e, row), p->e->rows[row].label);
        } else if (arm->points == 2) {
            out->chart.level = fmin(arm->curve[0].pooled_loss, arm->curve[1].pooled_loss);
            out->chart.level_name = "the better of the two";
        }
    }
    out->chart.is_x_whole = false;
}

/* What was also trained on the row's budget, coloured after all rows. */
static void baselines_add(panel *out, const ch_book_part *p, uint32_t row, uint32_t column) {
    const ch_outcome *own = ch_book_outcome(p, row, column);
    for (uint32_t i = own->arms_count; i > 0; i--) {
        const char *label = ch_book_baseline(own, i - 1);
        if (label != NULL) {
            (void)series_add(out, p->e, &own->arms[i - 1], row,
                             ch_book_look(p->e, p->e->rows_count + i - 1), label);
        }
    }
}

/* A row's curve at its best rate; else, with a star at its name, what a table has of it. */
static void row_add(panel *out, const ch_book_part *p, uint32_t row, uint32_t column) {
    const ch_paper_experiment *e = p->e;
    bool is_own = false;
    const ch_outcome_arm *best = ch_book_curve(p, row, column, &is_own);
    char label[NAME_BYTES];
    char rate[CH_GRID_TEXT_MAX];
    if (best == NULL) {
        return;
    }
    ch_grid_text(rate, best->rate);
    (void)snprintf(label, sizeof(label), "%s%s%s%s", e->rows[row].label,
                   out->has_rate ? "" : ", rate ", out->has_rate ? "" : rate, is_own ? "" : " *");
    const bool is_drawn = series_add(out, e, best, row, ch_book_look(e, row), label);
    out->borrowed += is_drawn && !is_own ? 1 : 0;
}

/* Whether all curves of a panel have one learning rate, which then stands above them. */
static void rate_find(panel *out, const ch_book_part *p, uint32_t column) {
    uint32_t count = 0;
    out->has_rate = true;
    for (uint32_t i = 0; i < p->e->rows_count; i++) {
        bool is_own = false;
        const ch_outcome_arm *best = ch_book_curve(p, i, column, &is_own);
        if (best != NULL) {
            out->has_rate = out->has_rate && (count == 0 || best->rate == out->rate);
            out->rate = best->rate;
            count += 1;
        }
    }
    out->has_rate = out->has_rate && count > 0;
}

static void panel_open(panel *out, const ch_paper_experiment *e) {
    memset(out, 0, sizeof(*out));
    out->chart = ch_chart_defaults();
    out->chart.title = is_accuracy(e) ? "test accuracy" : "loss";
    out->chart.x_label = e->axis;
    out->chart.is_percent = is_accuracy(e);
    out->chart.may_be_log = e->is_log;
    out->chart.is_x_whole = true;
    if (e->level > 0) {
        (void)snprintf(out->level_name, sizeof(out->level_name), "the target, %g %%",
                       100 * e->level);
        out->chart.level = e->level;
        out->chart.level_name = out->level_name;
    }
}

/*
 * Where accuracies are drawn monotone up to a target, what is near it is what is to be seen: four
 * times as far below the target as it is from all, and never below three quarters of it.
 */
static void axis_cut(panel *out, const ch_paper_experiment *e) {
    const double low = fmax(e->level - 4 * (1 - e->level), 0.75 * e->level);
    double best = 0;
    for (uint32_t s = 0; s < out->count; s++) {
        const ch_chart_series *series = &out->chart.series[s];
        best = fmax(best, series->y[series->count - 1]);
    }
    if (e->level > 0 && strcmp(e->metric, "accuracy") == 0 && best > low) {
        out->chart.low = low;
    }
}

/* "IID", and below it what is drawn, at which rate. */
static void put_heading(ch_draft *d, const ch_paper_experiment *e, uint32_t column,
                        const panel *room) {
    static const struct {
        const char *metric, *text;
    } rows[] = {{"accuracy", "test accuracy, the best so far"},
                {"accuracy-raw", "test accuracy"},
                {"pooled-loss", "loss on all training examples"},
                {"loss", "loss on the test set"}};
    ch_draft_html(d, e->columns[column].label);
    ch_draft_put(d, " <span>");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_draft_put(d, strcmp(rows[i].metric, e->metric) == 0 ? rows[i].text : "");
    }
    if (room->has_rate) {
        char rate[CH_GRID_TEXT_MAX];
        ch_grid_text(rate, room->rate);
        ch_draft_format(d, "; learning rate %s", rate);
    }
    if (room->borrowed > 0) {
        ch_draft_format(d, "; * of the table, up to its target: at most %d of its rounds",
                        (int)CH_ARM_TABLE_POINTS);
    }
    ch_draft_put(d, "</span>");
}

/* What is added last is drawn on top, and named first. */
static void curves_add(panel *room, const ch_book_part *p, uint32_t column) {
    if (strcmp(p->e->kind, "average") == 0) {
        for (uint32_t i = p->e->rows_count; i > 0; i--) {
            average_add(room, p, i - 1, column);
        }
        return;
    }
    rate_find(room, p, column);
    for (uint32_t i = p->e->rows_count; i > 0; i--) {
        baselines_add(room, p, i - 1, column);
    }
    for (uint32_t i = p->e->rows_count; i > 0; i--) {
        row_add(room, p, i - 1, column);
    }
}

static void put_panel(ch_page *page, const ch_book_part *p, uint32_t column, panel *room) {
    panel_open(room, p->e);
    curves_add(room, p, column);
    axis_cut(room, p->e);
    if (room->count == 0) {
        return;
    }
    ch_draft heading;
    ch_draft_init(&heading, &page->html.env);
    put_heading(&heading, p->e, column, room);
    ch_page_chart(page, &room->chart, heading.text == NULL ? "" : heading.text);
    ch_draft_release(&heading);
}

/* How the paper's figure is known. */
static void put_source(ch_draft *d, const ch_paper_experiment *e) {
    if (e->source[0] != '\0') {
        ch_draft_put(d, "<p class=\"note\">Its form: ");
        ch_draft_html(d, e->source);
        ch_draft_put(d, ".</p>\n");
    }
}

/* What is not there yet, and how to get it. */
static void put_missing(ch_draft *d, const ch_paper_experiment *e, uint32_t missing,
                        uint32_t cells) {
    if (missing == 0) {
        return;
    }
    const char *what = missing > 1 ? "the others" : "the other";
    if (cells == 1) {
        what = "it";
        ch_draft_put(d, "<p class=\"finding\">Its curve is not measured in full: ");
    } else if (missing == cells) {
        what = "them";
        ch_draft_format(d,
                        "<p class=\"finding\">None of its %u curves is measured in full: ", cells);
    } else {
        ch_draft_format(d, "<p class=\"finding\">Of its %u curves %u %s measured: ", cells,
                        cells - missing, cells - missing == 1 ? "is" : "are");
    }
    ch_draft_put(d, "<code>choir paper run ");
    ch_draft_html(d, e->name);
    ch_draft_format(d, "</code> measures %s.</p>\n", what);
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
    put_source(&page->html, e);
    put_missing(&page->html, e, missing, e->rows_count * e->columns_count);
    ch_draft_put(&page->html, "</div>\n");
    ch_arena_release(&arena);
    if (strcmp(e->kind, "average") != 0) {
        ch_book_curves(&page->html, part);
    }
}
