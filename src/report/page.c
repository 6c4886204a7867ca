/* Page: see page.h. */
#include "report/page.h"

#include <stdio.h>
#include <string.h>

void ch_page_init(ch_page *p, const choir_env *env) {
    *p = (ch_page){.has_no_charts = false};
    ch_draft_init(&p->html, env);
}

void ch_page_release(ch_page *p) {
    ch_draft_release(&p->html);
}

void ch_page_open(ch_page *p, const char *title) {
    ch_draft *d = &p->html;
    ch_draft_put(d, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                    "<title>");
    ch_draft_html(d, title);
    ch_draft_put(d, "</title>\n<style>\n");
    for (const char *const *rule = CH_PAGE_STYLE; *rule != NULL; rule++) {
        ch_draft_put(d, *rule);
        ch_draft_put(d, "\n");
    }
    ch_chart_style(d);
    ch_draft_put(d, "</style>\n</head>\n<body>\n<main>\n");
}

void ch_page_close(ch_page *p, const char *version) {
    ch_draft *d = &p->html;
    ch_draft_put(d, "<footer>Written by choir ");
    ch_draft_html(d, version);
    ch_draft_put(d, ". This page is one file and loads nothing.</footer>\n</main>\n</body>\n"
                    "</html>\n");
}

void ch_page_section(ch_page *p, const char *heading) {
    ch_draft_format(&p->html, "<section>\n<h2>%s</h2>\n", heading);
}

void ch_page_section_close(ch_page *p) {
    ch_draft_put(&p->html, "</section>\n");
}

void ch_page_tile(ch_page *p, const char *name, const char *text, const char *html) {
    ch_draft *d = &p->html;
    ch_draft_format(d, "<div class=\"tile\"><dt>%s</dt><dd>", name);
    ch_draft_html(d, text);
    ch_draft_put(d, "</dd>");
    if (html[0] != '\0') {
        ch_draft_format(d, "<dd class=\"more\">%s</dd>", html);
    }
    ch_draft_put(d, "</div>\n");
}

void ch_page_legend(ch_page *p, bool is_open) {
    ch_draft_put(&p->html, is_open ? "<ul class=\"legend\">\n" : "</ul>\n");
}

void ch_page_legend_entry(ch_page *p, ch_chart_colour colour, ch_chart_look look,
                          const char *text) {
    static const char *const classes[] = {
        [CH_LOOK_LINE] = "line",       [CH_LOOK_THIN] = "thin", [CH_LOOK_DASHED] = "dashed",
        [CH_LOOK_DOTTED] = "dotted",   [CH_LOOK_BARS] = "bars", [CH_LOOK_TICKS] = "ticks",
        [CH_LOOK_STROKES] = "strokes",
    };
    ch_draft_format(&p->html, "<li><i class=\"%s\" style=\"border-color:var(--c%u)\"></i>",
                    classes[look], (unsigned)colour);
    ch_draft_html(&p->html, text);
    ch_draft_put(&p->html, "</li>\n");
}

/* What the chart names: what was added last is drawn on top and comes first. */
static void put_chart_legend(ch_page *p, const ch_chart *chart) {
    bool is_open = false;
    for (uint32_t k = chart->count; k > 0; k--) {
        const ch_chart_series *s = &chart->series[k - 1];
        if (s->name != NULL && s->count > 0) {
            if (!is_open) {
                ch_page_legend(p, true);
            }
            is_open = true;
            ch_page_legend_entry(p, s->colour, s->look, s->name);
        }
    }
    if (is_open && chart->level_name != NULL) {
        ch_page_legend_entry(p, CH_COLOUR_WORDS, CH_LOOK_DASHED, chart->level_name);
    }
    if (is_open) {
        ch_page_legend(p, false);
    }
}

void ch_page_chart(ch_page *p, const ch_chart *chart, const char *heading) {
    if (p->has_no_charts || p->html.failed) {
        return;
    }
    const size_t before = p->html.size;
    ch_draft_format(&p->html, "<figure>\n<figcaption>%s\n", heading);
    put_chart_legend(p, chart);
    ch_draft_put(&p->html, "</figcaption>\n");
    const size_t opened = p->html.size;
    choir_error err = {.message = ""};
    const choir_status status = ch_chart_put(&p->html, chart, &err);
    if (status == CHOIR_ENOMEM || p->html.failed) {
        p->html.failed = true;
        return;
    }
    if (status != CHOIR_OK) {
        p->has_no_charts = true;
        (void)snprintf(p->warning, sizeof(p->warning), "%s", err.message);
    }
    if (p->html.size > opened) {
        ch_draft_put(&p->html, "</figure>\n");
        return;
    }
    p->html.size = before; // no chart, no figure
    p->html.text[before] = '\0';
    if (p->has_no_charts) {
        ch_draft_put(&p->html, "<p class=\"finding\">");
        ch_draft_html(&p->html, p->warning);
        ch_draft_put(&p->html, ".</p>\n");
    }
}

void ch_page_findings(ch_page *p, const ch_record *r) {
    for (uint32_t i = 0; i < r->findings_count; i++) {
        const ch_finding *f = &r->findings[i];
        ch_draft_format(&p->html, "<p class=\"finding%s\"%s>", f->is_bad ? " bad" : "",
                        f->is_bad ? " role=\"alert\"" : "");
        ch_draft_html(&p->html, f->text);
        ch_draft_put(&p->html, "</p>\n");
    }
}
