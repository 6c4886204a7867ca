/*
 * Page: the parts every report is made of: head and style, tiles, figures, legends, tables.
 *
 * One self-contained HTML file: no script, no network, light and dark after the reader's system,
 * narrow on a phone, complete on paper. Texts given here as `text` may be anybody's and are
 * escaped; those given as `html` are this program's own.
 */
#ifndef CH_REPORT_PAGE_H
#define CH_REPORT_PAGE_H

#include "report/chart.h"
#include "report/curves.h"
#include "report/record.h"
#include "report/report.h"

typedef struct ch_page {
    ch_draft html;
    bool has_no_charts; // gnuplot is missing or failed: no further chart is tried
    char warning[400];  // what it said
} ch_page;

void ch_page_init(ch_page *p, const choir_env *env);
void ch_page_release(ch_page *p);

/* Everything up to the first section. title is text. */
void ch_page_open(ch_page *p, const char *title);
void ch_page_close(ch_page *p, const char *version);

/* A section with its heading, until the next or ch_page_section_close. */
void ch_page_section(ch_page *p, const char *heading);
void ch_page_section_close(ch_page *p);

/* A headline figure: its name, the figure (text), and what else is to say (html, may be ""). */
void ch_page_tile(ch_page *p, const char *name, const char *text, const char *html);

/* One entry of a legend; ch_page_legend opens and closes the list. */
void ch_page_legend(ch_page *p, bool is_open);
void ch_page_legend_entry(ch_page *p, ch_chart_colour colour, ch_chart_look look, const char *text);

/* A chart under its heading (html, at most 1 kB) and a legend of the series that have names;
 * nothing when there is nothing to draw or no gnuplot. */
void ch_page_chart(ch_page *p, const ch_chart *chart, const char *heading);

/* A box for each finding. */
void ch_page_findings(ch_page *p, const ch_record *r);

/* The style sheet, a rule a line; NULL at its end. */
extern const char *const CH_PAGE_STYLE[];

/* The two kinds of page. Out of memory is p->html's to tell. */
void ch_page_run(ch_page *p, const ch_record *r, const choir_env *env);
void ch_page_comparison(ch_page *p, const ch_record *records, uint32_t count, const choir_env *env);

/* The part of a run's page that is about its clients. */
void ch_page_clients(ch_page *p, const ch_record *r, const ch_curves *curves, const choir_env *env);

#endif
