/*
 * Chart: a picture of figures, drawn by gnuplot as SVG to stand inside a page.
 *
 * gnuplot is given numbers and the fixed words of this program, never a text that a stranger wrote:
 * names of runs stand in the page's legend, in HTML, and names of rows take the place of marks in
 * what gnuplot has drawn. Colours are those of the page: ch_chart_style gives what they are in
 * light, in the dark, and in legends.
 */
#ifndef CH_REPORT_CHART_H
#define CH_REPORT_CHART_H

#include "report/draft.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CH_CHART_SERIES_MAX = 40,
    CH_CHART_POINTS_MAX = 2000, // drawn of a series; of more, every n-th and the last
};

/* The palette: what is told apart by hue stands first. */
typedef enum ch_chart_colour {
    CH_COLOUR_BLUE, // the run itself
    CH_COLOUR_ORANGE,
    CH_COLOUR_GREEN,
    CH_COLOUR_PURPLE,
    CH_COLOUR_RED,
    CH_COLOUR_CYAN,
    CH_COLOUR_OLIVE,
    CH_COLOUR_PINK,
    CH_COLOURS,
    CH_COLOUR_GREY = CH_COLOURS,
    CH_COLOUR_GRID,
    CH_COLOUR_WORDS,
    CH_COLOURS_ALL,
} ch_chart_colour;

typedef enum ch_chart_look {
    CH_LOOK_LINE,    // through the points
    CH_LOOK_THIN,    // likewise, in the background
    CH_LOOK_DASHED,  // through the points, broken
    CH_LOOK_DOTTED,  // likewise, into shorter pieces
    CH_LOOK_BARS,    // one for each point, from zero
    CH_LOOK_TICKS,   // a short level stroke at each point
    CH_LOOK_STROKES, // likewise, a bold one
} ch_chart_look;

/* Points whose x or y is not finite are left out. */
typedef struct ch_chart_series {
    const double *x; // (count) borrowed; NULL: 1, 2, 3, ...
    const double *y; // (count) borrowed
    uint32_t count;
    ch_chart_colour colour;
    ch_chart_look look;
    const char *name; // in the legend under the chart's heading, any text; NULL: not there
} ch_chart_series;

/* A table of cells, each as dark as its value: (columns, rows), values in [0, 1]. */
typedef struct ch_chart_cells {
    const double *values;     // (columns, rows) borrowed; NULL: none
    const char *const *names; // (rows) of them, from the top; any texts, cut to fit; borrowed
    uint32_t columns;         // numbered from 1
    uint32_t rows;
} ch_chart_cells;

typedef struct ch_chart {
    const char *title;   // for those who cannot see it: "accuracy over rounds"
    const char *x_label; // "" for none
    uint32_t width;      // in its own pixels; the page stretches it
    uint32_t height;
    bool is_percent;        // y in [0, 1], written as 0 % .. 100 %
    bool may_be_log;        // y on a logarithmic axis when it is positive and spans much
    bool is_x_whole;        // x are whole numbers: rounds, clients
    double low;             // where the axis of y begins; NaN: below all there is
    double level;           // a dashed line at this y; NaN: none
    const char *level_name; // as a series' name
    ch_chart_cells cells;
    ch_chart_series series[CH_CHART_SERIES_MAX];
    uint32_t count;
} ch_chart;

/* Nothing to draw yet; 500 x 310. */
ch_chart ch_chart_defaults(void);

/* Adds a series, while there is room: later ones are drawn over earlier ones. */
void ch_chart_add(ch_chart *chart, const ch_chart_series *series);

/* The script that draws it. */
void ch_chart_script(ch_draft *out, const ch_chart *chart);

/*
 * Draws it and appends the <svg> element to page.
 *
 * Returns OK, also when there is nothing to draw; else as ch_gnuplot_run, with page as it was.
 */
CHOIR_NODISCARD choir_status ch_chart_put(ch_draft *page, const ch_chart *chart, choir_error *err);

/* Appends the style sheet of all charts of a page: --c0, --c1, ... are the colours. */
void ch_chart_style(ch_draft *page);

#endif
