/*
 * Book: one page with every table ours beside the paper's, and every figure drawn like the paper's.
 *
 * It is a function of the experiments and the outcomes in their folder: what is not measured says
 * so, with the command that measures it. A cell whose rounds are outside 25 % of the paper's is
 * marked, and the reason that its experiment states stands below.
 */
#ifndef CH_PAPER_BOOK_H
#define CH_PAPER_BOOK_H

#include "paper/catalogue.h"
#include "paper/outcome.h"
#include "report/page.h"

/* How far from the paper's rounds a cell may be without a mark. */
#define CH_BOOK_TOLERANCE 0.25

typedef struct ch_book_result {
    uint32_t cells;    // of all experiments
    uint32_t measured; // of them
    uint32_t compared; // measured, and the paper has rounds for them
    uint32_t outside;  // of those, outside the tolerance
    char warning[400]; // what a person should know: the package to install; "" when nothing
} ch_book_result;

/* Whether rounds are outside the tolerance of the paper's: never of what the paper does not have;
 * always when one of them reached the target and the other did not. */
bool ch_book_is_outside(double ours, double paper);

/*
 * Writes the page.
 *
 * results  the folder of outcomes
 * seed     whose outcomes
 * path     of the page
 *
 * Returns OK, also when gnuplot is missing; EPROTO for a file in results that is none; EIO; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_book_write(ch_book_result *out, const ch_catalogue *catalogue,
                                           const char *results, uint64_t seed, const char *path,
                                           const choir_env *env, choir_error *err);

/*
 * Appends the tables of which something is measured to out, as Markdown: what a README can hold.
 *
 * Returns OK; EPROTO for a file in results that is none; EIO; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_book_markdown(ch_draft *out, const ch_catalogue *catalogue,
                                              const char *results, uint64_t seed,
                                              const choir_env *env, choir_error *err);

/* An experiment with its outcomes: what the parts of the page are made of. */
typedef struct ch_book_part {
    const ch_paper_experiment *e;
    const ch_outcome *outcomes; // (rows_count, columns_count); without arms where not measured
    const ch_outcome *likes;    // likewise, of the cells of the same names in the table it is like
} ch_book_part;

static inline const ch_outcome *ch_book_outcome(const ch_book_part *p, uint32_t row,
                                                uint32_t column) {
    return &p->outcomes[row * p->e->columns_count + column];
}

/* The table, its notes, and the rates that were tried; counts its cells. */
void ch_book_table(ch_page *page, const ch_book_part *part, ch_book_result *counts);

/* The same as Markdown: rounds, speed-ups and the paper's; nothing when none is measured. */
void ch_book_table_markdown(ch_draft *d, const ch_book_part *part);

/* The same of the curves of an experiment that is no figure. */
void ch_book_curves_markdown(ch_draft *d, const ch_book_part *part);

/* Whether the best of the rates that were tried has a neighbour that was not, so that its rounds
 * are an upper bound; of what is not measured, false. */
bool ch_book_is_at_edge(const ch_outcome *o);

/* Whether any cell of the part is such. */
bool ch_book_has_edge(const ch_book_part *part);

/* Rounds to the target by the best rate; NaN: not measured; INFINITY: not reached. */
double ch_book_rounds(const ch_outcome *o);

/* Those of the row that speed-ups of a column are over; NaN: it is not measured. */
double ch_book_base_rounds(const ch_book_part *part, uint32_t column);

/* The row that speed-ups of a column are over; UINT32_MAX: there is none. */
uint32_t ch_book_baseline_row(const ch_paper_experiment *e);

/* The charts of a figure, and its curves in figures; counts its cells. */
void ch_book_figure(ch_page *page, const ch_book_part *part, ch_book_result *counts);

/*
 * The colour and the look of a figure's curve. Where its rows differ in E and B, colours are E and
 * lines are B, the smallest whole, and a schedule is the next line; else colours are places. What
 * is drawn beside the rows is dashed.
 *
 * place  the row; beyond the rows: what is drawn beside them
 */
ch_chart_series ch_book_look(const ch_paper_experiment *e, uint32_t place);

/* A table of the curves that are measured; nothing when none is. */
void ch_book_curves(ch_draft *d, const ch_book_part *part);

/* The curve that is drawn of a row: of its best rate, or else that of its table; NULL: neither is
 * measured. Borrowed. */
const ch_outcome_arm *ch_book_curve(const ch_book_part *part, uint32_t row, uint32_t column,
                                    bool *is_own);

/* What arm i of an outcome is that was trained beside its rates, if it is the best of its kind;
 * NULL: it is none such. */
const char *ch_book_baseline(const ch_outcome *o, uint32_t i);

/* "Seed 1; choir 0.1.0, vector-avx512, CPU.", with every machine that measured a part; nothing when
 * none did. */
void ch_book_machine(ch_draft *d, const ch_book_part *part);

#endif
