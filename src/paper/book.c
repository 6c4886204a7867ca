/* Book: see book.h. */
#include "paper/book.h"

#include "base/arena.h"
#include "base/disk.h"
#include "base/error.h"
#include "paper/ledger.h"

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

typedef struct writer {
    ch_ledger ledger;
    const choir_env *env;
    ch_page page;
    ch_draft contents; // the list of what is on the page
    ch_book_result counts;
} writer;

/* The cell of these names in the table; its outcome has no arms when there is none, or when the
 * figure draws the loss on all training examples, which no table has. */
static choir_status like_load(ch_outcome *out, const writer *w, const ch_paper_cell *cell,
                              choir_error *err) {
    ch_paper_cell its;
    const bool has_its_own = strcmp(cell->e->metric, "pooled-loss") == 0;
    if (!has_its_own && ch_ledger_like(&its, &w->ledger, cell)) {
        return ch_ledger_load(out, &w->ledger, &its, w->env, err);
    }
    ch_outcome_init(out, cell->e, cell->row, cell->column, w->ledger.seed);
    return CHOIR_OK;
}

static choir_status part_load(ch_arena *arena, ch_book_part *out, const writer *w,
                              const ch_paper_experiment *e, choir_error *err) {
    const uint32_t cells = e->rows_count * e->columns_count;
    choir_status status =
        ch_arena_init(arena, 2 * ch_arena_cost(cells, sizeof(ch_outcome)), w->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "%s: no memory for %u cells", e->name, cells);
    }
    ch_outcome *outcomes = CH_NEW(arena, ch_outcome, cells);
    ch_outcome *likes = CH_NEW(arena, ch_outcome, cells);
    for (uint32_t i = 0; i < cells && status == CHOIR_OK; i++) {
        const ch_paper_cell cell = {e, i / e->columns_count, i % e->columns_count};
        status = ch_ledger_load(&outcomes[i], &w->ledger, &cell, w->env, err);
        if (status == CHOIR_OK) {
            status = like_load(&likes[i], w, &cell, err);
        }
    }
    *out = (ch_book_part){.e = e, .outcomes = outcomes, .likes = likes};
    return status;
}

// ----- the page ---------------------------------------------------------------------------------

static bool is_table(const ch_paper_experiment *e) {
    return strcmp(e->kind, "table") == 0;
}

/* Tables, figures, and what is not of the paper. */
static bool is_of(const ch_paper_experiment *e, uint32_t chapter) {
    const bool is_own = is_table(e) || strncmp(e->paper, "Figure", 6) == 0;
    const uint32_t its = e->is_elsewhere || !is_own ? 2 : is_table(e) ? 0 : 1;
    return its == chapter;
}

static void put_head(ch_draft *d, const ch_book_part *part) {
    const ch_paper_experiment *e = part->e;
    ch_draft_put(d, "<section id=\"");
    ch_draft_html(d, e->name);
    ch_draft_put(d, "\">\n<h2>");
    ch_draft_html(d, e->paper);
    ch_draft_put(d, ". ");
    ch_draft_html(d, e->title);
    ch_draft_put(d, "</h2>\n<p class=\"note\">");
    ch_draft_html(d, e->about);
    ch_draft_put(d, "</p>\n<p class=\"note\"><code>choir paper run ");
    ch_draft_html(d, e->name);
    ch_draft_put(d, "</code>. ");
    ch_book_machine(d, part);
    ch_draft_put(d, "</p>\n");
}

/* An entry of the list of contents: what it is, and how much of it is measured. */
static void put_entry(ch_draft *d, const ch_paper_experiment *e, const ch_book_result *before,
                      const ch_book_result *after) {
    ch_draft_put(d, "<li><a href=\"#");
    ch_draft_html(d, e->name);
    ch_draft_put(d, "\">");
    ch_draft_html(d, e->paper);
    ch_draft_put(d, ". ");
    ch_draft_html(d, e->title);
    ch_draft_format(d, "</a> <span>%u of %u</span></li>\n", after->measured - before->measured,
                    after->cells - before->cells);
}

static bool is_same_machine(const ch_outcome *a, const ch_outcome *b) {
    return strcmp(a->version, b->version) == 0 && strcmp(a->backend, b->backend) == 0 &&
           strcmp(a->cpu, b->cpu) == 0;
}

/* Outcome i of a part: first its own, then those of the table it is like. */
static const ch_outcome *outcome_at(const ch_book_part *p, uint32_t i) {
    const uint32_t cells = p->e->rows_count * p->e->columns_count;
    return i < cells ? &p->outcomes[i] : &p->likes[i - cells];
}

void ch_book_machine(ch_draft *d, const ch_book_part *p) {
    const uint32_t count = 2 * p->e->rows_count * p->e->columns_count;
    bool is_first = true;
    for (uint32_t i = 0; i < count; i++) {
        const ch_outcome *o = outcome_at(p, i);
        bool is_known = o->arms_count == 0;
        for (uint32_t k = 0; k < i && !is_known; k++) {
            const ch_outcome *before = outcome_at(p, k);
            is_known = before->arms_count > 0 && is_same_machine(o, before);
        }
        if (is_known) {
            continue;
        }
        if (is_first) {
            ch_draft_format(d, "Seed %llu", (unsigned long long)o->seed);
        }
        const char *const texts[] = {"; choir ", o->version, ", ", o->backend, ", ", o->cpu};
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
            ch_draft_html(d, texts[k]);
        }
        is_first = false;
    }
    ch_draft_put(d, is_first ? "" : ".");
}

static choir_status chapter_put(writer *w, uint32_t chapter, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < w->ledger.catalogue->count && status == CHOIR_OK; i++) {
        const ch_paper_experiment *e = &w->ledger.catalogue->items[i];
        ch_arena arena = {.base = NULL};
        ch_book_part part;
        if (!is_of(e, chapter)) {
            continue;
        }
        status = part_load(&arena, &part, w, e, err);
        if (status == CHOIR_OK) {
            const ch_book_result before = w->counts;
            put_head(&w->page.html, &part);
            if (is_table(e)) {
                ch_book_table(&w->page, &part, &w->counts);
            } else {
                ch_book_figure(&w->page, &part, &w->counts);
            }
            ch_page_section_close(&w->page);
            put_entry(&w->contents, e, &before, &w->counts);
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
           "linearly between rounds; one seed. In a cell: <b>our rounds</b> (speed-up over the "
           "baseline row), the paper's, ours as a share of the paper's, and the bytes that were "
           "sent both ways until the target. &Dagger; is outside 25&nbsp;% of the paper's, and the "
           "reason stands below its table.</p>\n</header>\n");
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
    ch_draft_put(&head.html, "</dl>\n<nav class=\"contents\"><ul>\n");
    const ch_draft *const drafts[] = {&head.html, &w->contents, &w->page.html};
    choir_bytes parts[3];
    choir_status status = CHOIR_OK;
    for (size_t i = 0; i < 3 && status == CHOIR_OK; i++) {
        status = ch_draft_status(drafts[i]);
        parts[i] = ch_draft_bytes(drafts[i]);
    }
    if (status == CHOIR_OK) {
        status = ch_disk_replace(path, parts, 3, err);
    } else {
        (void)ch_error_set(err, status, "%s: no memory for the page", path);
    }
    ch_page_release(&head);
    return status;
}

choir_status ch_book_write(ch_book_result *out, const ch_catalogue *catalogue, const char *results,
                           uint64_t seed, const char *path, const choir_env *env,
                           choir_error *err) {
    writer w = {.ledger = {catalogue, results, seed}, .env = env};
    choir_status status = CHOIR_OK;
    ch_page_init(&w.page, env);
    ch_draft_init(&w.contents, env);
    for (uint32_t chapter = 0; chapter < 3 && status == CHOIR_OK; chapter++) {
        status = chapter_put(&w, chapter, err);
    }
    ch_draft_put(&w.contents, "</ul></nav>\n");
    if (status == CHOIR_OK) {
        ch_page_close(&w.page, CHOIR_VERSION);
        status = page_write(&w, path, err);
    }
    *out = w.counts;
    (void)snprintf(out->warning, sizeof(out->warning), "%s", w.page.warning);
    ch_page_release(&w.page);
    ch_draft_release(&w.contents);
    return status;
}

static choir_status markdown_put(ch_draft *out, bool *has_edge, const writer *w,
                                 const ch_paper_experiment *e, choir_error *err) {
    ch_arena arena = {.base = NULL};
    ch_book_part part;
    const choir_status status = part_load(&arena, &part, w, e, err);
    if (status == CHOIR_OK && is_table(e)) {
        ch_book_table_markdown(out, &part);
        *has_edge = *has_edge || ch_book_has_edge(&part);
    } else if (status == CHOIR_OK) {
        ch_book_curves_markdown(out, &part);
    }
    ch_arena_release(&arena);
    return status;
}

choir_status ch_book_markdown(ch_draft *out, const ch_catalogue *catalogue, const char *results,
                              uint64_t seed, const choir_env *env, choir_error *err) {
    const writer w = {.ledger = {catalogue, results, seed}, .env = env};
    choir_status status = CHOIR_OK;
    bool has_edge = false;
    for (uint32_t chapter = 0; chapter < 3; chapter++) {
        for (uint32_t i = 0; i < catalogue->count && status == CHOIR_OK; i++) {
            const ch_paper_experiment *e = &catalogue->items[i];
            if (chapter != 1 && is_of(e, chapter)) {
                status = markdown_put(out, &has_edge, &w, e, err);
            }
        }
    }
    ch_draft_put(out, has_edge
                          ? "† is at the edge of the learning rates that were tried: another may "
                            "need fewer rounds.\n\n"
                          : "");
    return status == CHOIR_OK ? ch_draft_status(out) : status;
}
