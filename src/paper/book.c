/* Book: see book.h. */
#include "paper/book.h"

#include "base/arena.h"
#include "base/disk.h"
#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool ch_book_is_outside(double ours, double paper) {
    if (isnan(paper) || isnan(ours)) {
        return false;
    }
    if (isinf(paper) || isinf(ours)) {
        return isinf(paper) != isinf(ours);
    }
    return fabs(ours / paper - 1) > CH_BOOK_TOLERANCE;
}

// ----- what was measured ------------------------------------------------------------------------

static choir_status outcome_load(ch_outcome *out, const ch_paper_experiment *e, uint32_t row,
                                 uint32_t column, const char *results, uint64_t seed,
                                 const choir_env *env, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    choir_status status = ch_outcome_path(path, results, e, row, column, seed, err);
    if (status == CHOIR_OK) {
        status = ch_outcome_read(out, path, env, err);
    }
    if (status == CHOIR_EAGAIN) {
        ch_outcome_init(out, e, row, column, seed);
        return CHOIR_OK;
    }
    return status;
}

/* The cell of these names; its outcome has no arms when there is none. */
static choir_status like_load(ch_outcome *out, const ch_paper_experiment *like,
                              const ch_paper_experiment *e, uint32_t row, uint32_t column,
                              const char *results, uint64_t seed, const choir_env *env,
                              choir_error *err) {
    ch_outcome_init(out, e, row, column, seed);
    for (uint32_t i = 0; like != NULL && i < like->rows_count; i++) {
        for (uint32_t k = 0; k < like->columns_count; k++) {
            if (strcmp(like->rows[i].name, e->rows[row].name) == 0 &&
                strcmp(like->columns[k].name, e->columns[column].name) == 0) {
                return outcome_load(out, like, i, k, results, seed, env, err);
            }
        }
    }
    return CHOIR_OK;
}

typedef struct writer {
    const ch_catalogue *catalogue;
    const char *results;
    uint64_t seed;
    const choir_env *env;
    ch_page page;
    ch_book_result counts;
} writer;

static choir_status part_load(ch_arena *arena, ch_book_part *out, const writer *w,
                              const ch_paper_experiment *e, choir_error *err) {
    const uint32_t cells = e->rows_count * e->columns_count;
    const ch_paper_experiment *like =
        e->like[0] == '\0' ? NULL : ch_catalogue_find(w->catalogue, e->like);
    choir_status status =
        ch_arena_init(arena, 2 * ch_arena_cost(cells, sizeof(ch_outcome)), w->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "%s: no memory for %u cells", e->name, cells);
    }
    ch_outcome *outcomes = CH_NEW(arena, ch_outcome, cells);
    ch_outcome *likes = CH_NEW(arena, ch_outcome, cells);
    for (uint32_t i = 0; i < cells && status == CHOIR_OK; i++) {
        const uint32_t row = i / e->columns_count;
        const uint32_t column = i % e->columns_count;
        status = outcome_load(&outcomes[i], e, row, column, w->results, w->seed, w->env, err);
        if (status == CHOIR_OK) {
            status = like_load(&likes[i], like, e, row, column, w->results, w->seed, w->env, err);
        }
    }
    *out = (ch_book_part){.e = e, .outcomes = outcomes, .likes = likes};
    return status;
}

// ----- the page ---------------------------------------------------------------------------------

static bool is_of(const ch_paper_experiment *e, uint32_t chapter) {
    const bool is_table = strcmp(e->kind, "table") == 0;
    const bool is_figure = !is_table && strncmp(e->paper, "Figure", 6) == 0;
    return chapter == 0 ? is_table : chapter == 1 ? is_figure : !is_table && !is_figure;
}

static void put_head(ch_page *p, const ch_paper_experiment *e) {
    ch_draft *d = &p->html;
    ch_draft_put(d, "<section id=\"");
    ch_draft_html(d, e->name);
    ch_draft_put(d, "\">\n<h2>");
    ch_draft_html(d, e->paper);
    ch_draft_put(d, ". ");
    ch_draft_html(d, e->title);
    ch_draft_put(d, "</h2>\n<p class=\"note\">");
    ch_draft_html(d, e->about);
    ch_draft_put(d, " <code>choir paper run ");
    ch_draft_html(d, e->name);
    ch_draft_put(d, "</code></p>\n");
}

static choir_status chapter_put(writer *w, uint32_t chapter, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < w->catalogue->count && status == CHOIR_OK; i++) {
        const ch_paper_experiment *e = &w->catalogue->items[i];
        ch_arena arena = {.base = NULL};
        ch_book_part part;
        if (!is_of(e, chapter)) {
            continue;
        }
        status = part_load(&arena, &part, w, e, err);
        if (status == CHOIR_OK) {
            put_head(&w->page, e);
            if (chapter == 0) {
                ch_book_table(&w->page, &part, &w->counts);
            } else {
                ch_book_figure(&w->page, &part, &w->counts);
            }
            ch_page_section_close(&w->page);
        }
        ch_arena_release(&arena);
    }
    return status;
}

static void put_intro(ch_draft *d) {
    ch_draft_put(
        d, "<header>\n<p class=\"kind\">Reproduction</p>\n<h1>Communication-Efficient Learning of "
           "Deep Networks from Decentralized Data</h1>\n<p class=\"lede\">McMahan, Moore, Ramage, "
           "Hampson, Ag&uuml;era y Arcas, AISTATS 2017. Ours beside the paper's: rounds to the "
           "target at the best learning rate, the running best of the test accuracy interpolated "
           "linearly between rounds; one seed. In each cell: our rounds, the speed-up over the "
           "baseline row, the paper's, and ours as a share of the paper's.</p>\n</header>\n");
}

static void put_tile(ch_page *p, const char *name, uint32_t count, const char *html) {
    char text[16];
    (void)snprintf(text, sizeof(text), "%u", count);
    ch_page_tile(p, name, text, html);
}

/* The counts are known once the parts are there, and stand before them. */
static choir_status page_write(const writer *w, const char *path, choir_error *err) {
    ch_page head;
    const ch_book_result *c = &w->counts;
    ch_page_init(&head, w->env);
    ch_page_open(&head, "choir: the FederatedAveraging paper, measured");
    put_intro(&head.html);
    ch_draft_put(&head.html, "<dl class=\"tiles\">\n");
    put_tile(&head, "cells measured", c->measured, "of all that can be run");
    put_tile(&head, "cells in all", c->cells, "of tables and figures");
    put_tile(&head, "compared", c->compared, "the paper has a number, or its dash, for them");
    put_tile(&head, "within 25&nbsp;%", c->compared - c->outside, "of the paper's rounds");
    ch_draft_put(&head.html, "</dl>\n");
    choir_status status = ch_draft_status(&head.html);
    if (status == CHOIR_OK) {
        status = ch_draft_status(&w->page.html);
    }
    if (status == CHOIR_OK) {
        const choir_bytes parts[] = {ch_draft_bytes(&head.html), ch_draft_bytes(&w->page.html)};
        status = ch_disk_replace(path, parts, 2, err);
    } else {
        (void)ch_error_set(err, status, "%s: no memory for the page", path);
    }
    ch_page_release(&head);
    return status;
}

choir_status ch_book_write(ch_book_result *out, const ch_catalogue *catalogue, const char *results,
                           uint64_t seed, const char *path, const choir_env *env,
                           choir_error *err) {
    writer w = {.catalogue = catalogue, .results = results, .seed = seed, .env = env};
    choir_status status = CHOIR_OK;
    ch_page_init(&w.page, env);
    for (uint32_t chapter = 0; chapter < 3 && status == CHOIR_OK; chapter++) {
        status = chapter_put(&w, chapter, err);
    }
    if (status == CHOIR_OK) {
        ch_page_close(&w.page, CHOIR_VERSION);
        status = page_write(&w, path, err);
    }
    *out = w.counts;
    (void)snprintf(out->warning, sizeof(out->warning), "%s", w.page.warning);
    ch_page_release(&w.page);
    return status;
}
