/*
 * Chart: see chart.h.
 *
 * gnuplot writes every colour into the element that has it. A style sheet outranks such attributes,
 * so the dark page repaints them by selecting on the very text gnuplot has written.
 */
#include "report/chart.h"

#include "report/gnuplot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROW_NAME_MAX = 14,    // columns of a name at the axis
    ROW_NAME_HEIGHT = 15, // pixels
    AXIS_HEIGHT = 62,     // likewise, of what stands below the cells
    BARS_APART = 120,     // of so many, each has a gap beside it
    LOG_DECADES_FULL = 3, // of a logarithmic axis with 1, 2 and 5 of each decade
    LOG_DECADES_MAX = 8,  // and with a label for each decade
    WHOLE_TICKS_MAX = 8,  // up to so many whole numbers each has its label
    LONG_LABEL = 10000,   // a number whose label is wide
    LONG_TICKS_MAX = 5,   // up to so many of them have room
};

/* Red, green, blue. */
typedef struct shade {
    uint8_t r, g, b;
} shade;

static const struct {
    shade light, dark;
} PALETTE[CH_COLOURS_ALL] = {
    [CH_COLOUR_BLUE] = {{0x25, 0x63, 0xeb}, {0x6e, 0xa8, 0xfe}},
    [CH_COLOUR_ORANGE] = {{0xd9, 0x77, 0x06}, {0xfb, 0xb0, 0x4b}},
    [CH_COLOUR_GREEN] = {{0x0f, 0x91, 0x6e}, {0x4c, 0xd3, 0xa5}},
    [CH_COLOUR_PURPLE] = {{0x7c, 0x3a, 0xed}, {0xb7, 0x94, 0xf6}},
    [CH_COLOUR_RED] = {{0xdc, 0x26, 0x26}, {0xf8, 0x80, 0x80}},
    [CH_COLOUR_CYAN] = {{0x08, 0x91, 0xb2}, {0x5c, 0xd5, 0xee}},
    [CH_COLOUR_OLIVE] = {{0x65, 0x7b, 0x0b}, {0xb8, 0xd1, 0x4a}},
    [CH_COLOUR_PINK] = {{0xdb, 0x27, 0x77}, {0xf4, 0x8a, 0xbf}},
    [CH_COLOUR_GREY] = {{0x94, 0xa3, 0xb8}, {0x7c, 0x8a, 0xa0}},
    [CH_COLOUR_GRID] = {{0xe6, 0xe9, 0xef}, {0x2b, 0x33, 0x40}},
    [CH_COLOUR_WORDS] = {{0x5b, 0x67, 0x7a}, {0xa3, 0xaf, 0xc0}},
};

static const double DRAWN_MAX = 1e300; // beyond, percentages and an axis around them are no numbers
static const double LOG_SPAN = 8;      // largest over smallest value from which a logarithm helps

ch_chart ch_chart_defaults(void) {
    return (ch_chart){
        .title = "", .x_label = "", .width = 500, .height = 310, .low = NAN, .level = NAN};
}

void ch_chart_add(ch_chart *chart, const ch_chart_series *series) {
    if (chart->count < CH_CHART_SERIES_MAX) {
        chart->series[chart->count++] = *series;
    }
}

// ----- the script -------------------------------------------------------------------------------

static void put_colour(ch_draft *d, const char *key, ch_chart_colour colour) {
    const shade s = PALETTE[colour].light;
    ch_draft_format(d, "%s rgb '#%02x%02x%02x'", key, s.r, s.g, s.b);
}

/* A setting whose text is in the colour of words. */
static void put_words(ch_draft *d, const char *setting) {
    ch_draft_format(d, "set %s", setting);
    put_colour(d, " textcolor", CH_COLOUR_WORDS);
    ch_draft_put(d, "\n");
}

static double point_x(const ch_chart_series *s, uint32_t i) {
    return s->x == NULL ? i + 1.0 : s->x[i];
}

static bool is_point(const ch_chart_series *s, uint32_t i) {
    return fabs(point_x(s, i)) <= DRAWN_MAX && fabs(s->y[i]) <= DRAWN_MAX; // neither is NaN
}

/* Over the points of a series that are drawn: every n-th of those that it has, and the last. */
typedef struct point_walk {
    const ch_chart_series *series;
    uint32_t points; // that it has; most rounds of a run may have no value
    uint32_t passed; // of them
    uint32_t next;   // where to look for more
} point_walk;

static point_walk walk_begin(const ch_chart_series *s) {
    point_walk w = {.series = s};
    for (uint32_t i = 0; i < s->count; i++) {
        w.points += is_point(s, i) ? 1 : 0;
    }
    return w;
}

/* out = the next to be drawn; false at the end. */
static bool walk_next(point_walk *w, uint32_t *out) {
    const uint32_t every = w->points / CH_CHART_POINTS_MAX + 1;
    while (w->passed < w->points) {
        *out = w->next;
        w->next += 1;
        if (is_point(w->series, *out)) {
            w->passed += 1;
            if ((w->passed - 1) % every == 0 || w->passed == w->points) {
                return true;
            }
        }
    }
    return false;
}

/* What is drawn lies between. */
typedef struct extent {
    double least, most, x_least, x_most;
    uint32_t points;
} extent;

static void extent_add(extent *e, const ch_chart_series *s) {
    uint32_t i = 0;
    for (point_walk w = walk_begin(s); walk_next(&w, &i);) {
        e->points += 1;
        e->least = fmin(e->least, s->y[i]);
        e->most = fmax(e->most, s->y[i]);
        e->x_least = fmin(e->x_least, point_x(s, i));
        e->x_most = fmax(e->x_most, point_x(s, i));
    }
}

static const extent NOTHING = {INFINITY, -INFINITY, INFINITY, -INFINITY, 0};

static extent extent_of(const ch_chart *c) {
    extent e = NOTHING;
    for (uint32_t k = 0; k < c->count; k++) {
        extent_add(&e, &c->series[k]);
    }
    if (isfinite(c->level)) {
        e.least = fmin(e.least, c->level);
        e.most = fmax(e.most, c->level);
    }
    e.least = isnan(c->low) ? e.least : c->low;
    return e;
}

static bool is_log(const ch_chart *c, const extent *e) {
    return c->may_be_log && e->least > 0 && e->most / e->least >= LOG_SPAN;
}

/* 1, 2 and 5 of every decade in sight, or 1 of every so many: labels must not overlap. */
static void put_log_ticks(ch_draft *d, const extent *e) {
    const char *comma = "";
    ch_draft_put(d, "set logscale y\nset ytics (");
    const int first = (int)floor(log10(e->least));
    const int last = (int)floor(log10(e->most));
    const int decades = last - first + 1;
    const int every = (decades + LOG_DECADES_MAX - 1) / LOG_DECADES_MAX;
    const int steps_count = decades <= LOG_DECADES_FULL ? 3 : 1;
    for (int decade = first; decade <= last; decade++) {
        for (int k = 0; k < steps_count && (decade - first) % every == 0; k++) {
            static const double steps[] = {1, 2, 5};
            const double at = steps[k] * pow(10, decade);
            if (at >= e->least * 0.9 && at <= e->most * 1.1) {
                ch_draft_format(d, "%s'%g' %.9g", comma, at, at);
                comma = ", ";
            }
        }
    }
    ch_draft_put(d, ")\n");
}

static void put_axes(ch_draft *d, const ch_chart *c, const extent *e) {
    ch_draft_format(d, "set terminal svg size %u,%u dynamic font 'sans-serif,14' noenhanced\n",
                    c->width, c->height);
    ch_draft_put(d, "set border 1 lw 1");
    put_colour(d, " lc", CH_COLOUR_GREY);
    ch_draft_put(d, "\nset grid ytics lt 1 lw 1");
    put_colour(d, " lc", CH_COLOUR_GRID);
    ch_draft_put(d, "\nset grid noxtics\nset lmargin 8\nset rmargin 2.5\nset tmargin 0.6\n"
                    "set bmargin 3.2\nunset key\n");
    put_words(d, "xtics nomirror scale 0.4");
    put_words(d, "ytics nomirror scale 0");
    ch_draft_format(d, "set xlabel '%s' offset 0,0.3\n", c->x_label);
    put_words(d, "xlabel");
    ch_draft_format(d, "set format y '%s'\n", c->is_percent ? "%g %%" : "%g");
    if (is_log(c, e)) {
        put_log_ticks(d, e);
    }
}

static bool has_look(const ch_chart *c, ch_chart_look least) {
    bool has = false;
    for (uint32_t k = 0; k < c->count; k++) {
        has = has || c->series[k].look >= least;
    }
    return has;
}

/* The smallest of 1, 2 and 5 times a power of ten of which span has no more than so many. */
static double step_of(double span, double most) {
    const double power = pow(10, floor(log10(span / most)));
    const double share = span / most / power; // [1, 10)
    return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

static void put_x_range(ch_draft *d, const ch_chart *c, const extent *e) {
    if (has_look(c, CH_LOOK_BARS)) { // half a bar's room on either side
        ch_draft_format(d, "set xrange [%.9g:%.9g]\n", e->x_least - 0.5, e->x_most + 0.5);
        return;
    }
    const double room = e->x_most > e->x_least || !c->is_x_whole ? 0 : 0.5;
    ch_draft_format(d, "set xrange [%.9g:%.9g]\n", fmin(e->x_least, c->is_x_whole ? 1 : 0) - room,
                    e->x_most + room);
    if (c->is_x_whole && e->x_most <= WHOLE_TICKS_MAX) { // else it is wide enough for whole steps
        ch_draft_put(d, "set xtics 1\n");
    } else if (e->x_most >= LONG_LABEL) {
        ch_draft_format(d, "set xtics %.9g\n", step_of(e->x_most, LONG_TICKS_MAX));
    }
}

/* Bars begin at zero, percentages end at 100, and a single value has some room around it. */
static void put_y_range(ch_draft *d, const ch_chart *c, const extent *e) {
    if (is_log(c, e)) {
        ch_draft_format(d, "set yrange [%.9g:%.9g]\n", e->least * 0.85, e->most * 1.15);
        return;
    }
    const double scale = c->is_percent ? 100 : 1;
    const double span = (e->most - e->least) * scale;
    const double room = span > 0 ? 0.05 * span : 0.05 * fmax(fabs(e->most) * scale, 1e-3);
    double low = e->least * scale - (isnan(c->low) ? room : 0);
    for (uint32_t k = 0; k < c->count; k++) {
        low = c->series[k].look == CH_LOOK_BARS ? fmin(low, 0) : low;
    }
    const double high = e->most * scale + room;
    ch_draft_format(d, "set yrange [%.9g:%.9g]\n", e->least >= 0 ? fmax(low, 0) : low,
                    c->is_percent ? fmin(high, 100.4) : high);
}

static void put_points(ch_draft *d, const ch_chart *c) {
    const double scale = c->is_percent ? 100 : 1;
    for (uint32_t k = 0; k < c->count; k++) {
        const ch_chart_series *s = &c->series[k];
        ch_draft_format(d, "$s%u << EOD\n", k);
        uint32_t i = 0;
        for (point_walk w = walk_begin(s); walk_next(&w, &i);) {
            ch_draft_format(d, "%.9g %.9g\n", point_x(s, i), s->y[i] * scale);
        }
        ch_draft_put(d, "EOD\n");
    }
}

/* A line through a single point is a short level stroke. */
static void put_point(ch_draft *d, const extent *all) {
    const double half = fmax(0.025 * (all->x_most - fmin(all->x_least, 0)), 1e-9);
    ch_draft_format(d, "using ($1-%.9g):2:(%.9g):(0) with vectors nohead lw 4", half, 2 * half);
}

static void put_series(ch_draft *d, const ch_chart_series *s, uint32_t k, const extent *all,
                       uint32_t points) {
    static const char *const looks[] = {
        [CH_LOOK_LINE] = "using 1:2 with lines lw 2.2",
        [CH_LOOK_THIN] = "using 1:2 with lines lw 1.2",
        [CH_LOOK_DASHED] = "using 1:2 with lines lw 2.2 dt (9,4)",
        [CH_LOOK_DOTTED] = "using 1:2 with lines lw 2.6 dt (2,3)",
        [CH_LOOK_BARS] = "using 1:2:(0.82) with boxes fs solid noborder",
        [CH_LOOK_TICKS] = "using ($1-0.4):2:(0.8):(0) with vectors nohead lw 2.2",
        [CH_LOOK_STROKES] = "using ($1-0.42):2:(0.84):(0) with vectors nohead lw 4",
    };
    ch_draft_format(d, "$s%u ", k);
    if (points == 1 && s->look < CH_LOOK_BARS) {
        put_point(d, all);
    } else if (s->look == CH_LOOK_BARS && points > BARS_APART) {
        ch_draft_put(d, "using 1:2:(1) with boxes fs solid noborder");
    } else {
        ch_draft_put(d, looks[s->look]);
    }
    put_colour(d, " lc", s->colour);
}

static void put_plot(ch_draft *d, const ch_chart *c, const extent *all) {
    if (isfinite(c->level)) {
        const double level = c->level * (c->is_percent ? 100 : 1);
        ch_draft_format(d,
                        "set arrow from graph 0,first %.9g to graph 1,first %.9g nohead lw 1.2 "
                        "dt (6,5)",
                        level, level);
        put_colour(d, " lc", CH_COLOUR_WORDS);
        ch_draft_put(d, "\n");
    }
    const char *before = "plot ";
    for (uint32_t k = 0; k < c->count; k++) {
        extent e = NOTHING;
        extent_add(&e, &c->series[k]);
        if (e.points > 0) { // to gnuplot, an empty series is an error
            ch_draft_put(d, before);
            put_series(d, &c->series[k], k, all, e.points);
            before = ", ";
        }
    }
    ch_draft_put(d, "\n");
}

/* How many columns a character takes that begins with this byte of UTF-8; 0: it goes on with one.
 */
static uint32_t byte_columns(char byte) {
    const uint8_t value = (uint8_t)byte;
    return (value & 0xC0) == 0x80 ? 0 : value < 0xE1 ? 1 : 2; // from U+1000 on, most are wide
}

static uint32_t text_columns(const char *text) {
    uint32_t columns = 0;
    for (; *text != '\0'; text++) {
        columns += byte_columns(*text);
    }
    return columns;
}

/* Marks where names of rows will stand, "@0", "@1", ..., every so many when there is no room. */
static void put_row_marks(ch_draft *d, const ch_chart *c) {
    const uint32_t rows = c->cells.rows;
    const uint32_t room = (c->height - AXIS_HEIGHT) / ROW_NAME_HEIGHT;
    const uint32_t every = (rows + room - 1) / room;
    uint32_t longest = 0;
    ch_draft_put(d, "set ytics (");
    for (uint32_t y = 0; y < rows; y += every) {
        const uint32_t columns = text_columns(c->cells.names[y]);
        longest = columns > longest ? columns : longest;
        ch_draft_format(d, "%s'@%u' %u", y == 0 ? "" : ", ", y, y);
    }
    longest = longest < ROW_NAME_MAX ? longest : ROW_NAME_MAX;
    ch_draft_format(d, ")\nset lmargin %u\n", longest + 2);
}

/* Cells are an image whose opacity is the value: it looks right on any background. gnuplot draws
 * none of less than 2 x 2 points: a single column, or row, is given to it as two halves. */
static void put_cells(ch_draft *d, const ch_chart *c) {
    const shade s = PALETTE[CH_COLOUR_BLUE].light;
    const uint32_t rows = c->cells.rows;
    const uint32_t across = c->cells.columns == 1 ? 2 : 1; // points of a cell
    const uint32_t down = rows == 1 ? 2 : 1;
    put_row_marks(d, c);
    ch_draft_put(d, "$cells << EOD\n");
    for (uint32_t x = 0; x < c->cells.columns * across; x++) {
        for (uint32_t y = 0; y < rows * down; y++) {
            const double value = c->cells.values[(size_t)(x / across) * rows + y / down];
            const double alpha = isfinite(value) ? 255 * fmin(fmax(value, 0), 1) : 0;
            ch_draft_format(d, "%.9g %.9g %.0f\n", (x + 0.5) / across + 0.5, (y + 0.5) / down - 0.5,
                            alpha);
        }
    }
    ch_draft_format(d,
                    "EOD\nset xrange [0.5:%u.5]\nset yrange [%g:-0.5]\nunset grid\n"
                    "plot $cells using 1:2:(%u):(%u):(%u):3 with rgbalpha\n",
                    c->cells.columns, rows - 0.5, s.r, s.g, s.b);
}

void ch_chart_script(ch_draft *out, const ch_chart *chart) {
    const extent e = extent_of(chart);
    put_axes(out, chart, &e);
    if (chart->cells.values != NULL) {
        put_cells(out, chart);
    } else {
        put_points(out, chart);
        put_x_range(out, chart, &e);
        put_y_range(out, chart, &e);
        put_plot(out, chart, &e);
    }
}

// ----- the picture ------------------------------------------------------------------------------

static bool starts(const char *line, const char *with) {
    return strncmp(line, with, strlen(with)) == 0;
}

/* As much of a name as fits at the axis. */
static void put_row_name(ch_draft *page, const char *name) {
    char shown[8 * ROW_NAME_MAX];
    const bool is_cut = text_columns(name) > ROW_NAME_MAX;
    uint32_t columns = is_cut ? 1 : 0; // of the dots
    size_t size = 0;
    for (; name[size] != '\0' && size + 1 < sizeof(shown); size++) {
        columns += byte_columns(name[size]);
        if (columns > ROW_NAME_MAX) {
            break;
        }
        shown[size] = name[size];
    }
    shown[size] = '\0';
    ch_draft_html(page, shown);
    ch_draft_put(page, is_cut ? "&#8230;" : "");
}

/* A line of the picture, with the name of a row in the place of its mark. */
static void put_line(ch_draft *page, const char *text, const ch_chart_cells *cells) {
    const char *mark = cells->values == NULL ? NULL : strstr(text, ">@");
    if (mark != NULL) {
        char *end = NULL;
        const unsigned long row = strtoul(mark + 2, &end, 10);
        if (*end == '<' && row < cells->rows) {
            ch_draft_put_bytes(page, text, (size_t)(mark + 1 - text));
            put_row_name(page, cells->names[row]);
            text = end;
        }
    }
    ch_draft_put(page, text);
    ch_draft_put(page, "\n");
}

/*
 * Appends the <svg> element of a file by gnuplot. Markers and filters, which our looks do not use,
 * and names are left out: several charts on one page must not share them.
 */
static void put_svg(ch_draft *page, char *svg, const ch_chart *chart) {
    bool is_inside = false;
    bool is_definition = false;
    for (char *line = svg; *line != '\0';) {
        char *end = line + strcspn(line, "\n");
        char *next = *end == '\0' ? end : end + 1;
        *end = '\0';
        const char *text = line + strspn(line, " \t");
        if (starts(text, "<svg")) {
            ch_draft_format(page, "<svg role=\"img\" aria-label=\"%s\"%s\n", chart->title,
                            text + 4);
            is_inside = true;
        } else if (starts(text, "<defs>")) {
            is_definition = true;
        } else if (starts(text, "</defs>")) {
            is_definition = false;
        } else if (starts(text, "<g id=")) {
            ch_draft_put(page, "<g>\n");
        } else if (is_inside && !is_definition && text[0] != '\0' && !starts(text, "<title>") &&
                   !starts(text, "<desc>")) {
            put_line(page, text, &chart->cells);
        }
        line = next;
    }
}

choir_status ch_chart_put(ch_draft *page, const ch_chart *chart, choir_error *err) {
    if (chart->cells.values == NULL && extent_of(chart).points == 0) {
        return CHOIR_OK;
    }
    ch_draft script;
    ch_draft drawn;
    ch_draft_init(&script, &page->env);
    ch_draft_init(&drawn, &page->env);
    ch_chart_script(&script, chart);
    choir_status status = ch_draft_status(&script);
    if (status == CHOIR_OK) {
        status = ch_gnuplot_run(&drawn, ch_draft_bytes(&script), CH_GNUPLOT_TIME_MS, err);
    }
    if (status == CHOIR_OK && drawn.text != NULL) {
        put_svg(page, drawn.text, chart);
    }
    ch_draft_release(&script);
    ch_draft_release(&drawn);
    return status;
}

// ----- the colours ------------------------------------------------------------------------------

static void put_variables(ch_draft *page, bool is_dark) {
    ch_draft_put(page, ":root{");
    for (uint32_t i = 0; i < CH_COLOURS_ALL; i++) {
        const shade s = is_dark ? PALETTE[i].dark : PALETTE[i].light;
        ch_draft_format(page, "--c%u:#%02x%02x%02x;", i, s.r, s.g, s.b);
    }
    ch_draft_put(page, "}\n");
}

void ch_chart_style(ch_draft *page) {
    put_variables(page, false);
    for (uint32_t i = 0; i < CH_COLOURS_ALL; i++) {
        const shade s = PALETTE[i].light;
        static const char *const what[] = {"stroke", "fill"};
        for (int k = 0; k < 2; k++) {
            // lines are written with blanks, words without
            ch_draft_format(page,
                            "svg [%s='rgb(%3d, %3d, %3d)'],svg [%s='rgb(%d,%d,%d)']"
                            "{%s:var(--c%u)}\n",
                            what[k], s.r, s.g, s.b, what[k], s.r, s.g, s.b, what[k], i);
        }
    }
    ch_draft_put(page, "@media (prefers-color-scheme:dark){");
    put_variables(page, true);
    ch_draft_put(page, "}\n");
}
