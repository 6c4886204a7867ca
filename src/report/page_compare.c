/*
 * The page that compares runs: their curves on the same axes, what they came to, where they differ.
 *
 * The target that all are measured by is the highest that any of their jobs sets; when none does,
 * the highest whole percentage that every run reached. Runs without any are compared by their loss.
 */
#include "report/page.h"

#include "job/keys.h"
#include "report/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = CHOIR_PATH_MAX + CHOIR_NAME_MAX };

static ch_chart_colour colour_of(uint32_t run) {
    return (ch_chart_colour)(run % CH_COLOURS);
}

/* Three looks and eight colours: no two of sixteen runs share both. */
static ch_chart_look look_of(uint32_t run) {
    static const ch_chart_look looks[] = {CH_LOOK_LINE, CH_LOOK_DASHED, CH_LOOK_DOTTED};
    return looks[run % 3];
}

/* What all runs are measured by. */
typedef struct yardstick {
    double accuracy;
    bool is_given; // by a job; else it is what every run reached
} yardstick;

static yardstick yardstick_of(const ch_record *records, uint32_t count) {
    double highest = 0;
    double reached = 1;
    for (uint32_t i = 0; i < count; i++) {
        const double best = records[i].summary.best;
        highest = fmax(highest, records[i].job.target_accuracy);
        reached = fmin(reached, isnan(best) ? 0 : best);
    }
    if (highest > 0) {
        return (yardstick){.accuracy = highest, .is_given = true};
    }
    return (yardstick){.accuracy = floor(reached * 100 + 1e-9) / 100};
}

static bool has_accuracy(const ch_record *records, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (!isnan(records[i].summary.best)) {
            return true;
        }
    }
    return false;
}

static void put_legend(ch_page *p, const ch_record *records, uint32_t count) {
    ch_page_legend(p, true);
    for (uint32_t i = 0; i < count; i++) {
        char text[TEXT_MAX];
        (void)snprintf(text, sizeof(text), "%s", records[i].dir);
        ch_page_legend_entry(p, colour_of(i), look_of(i), text);
    }
    ch_page_legend(p, false);
}

// ----- curves -----------------------------------------------------------------------------------

typedef struct view {
    const char *title;
    const char *heading;
    bool is_loss;
    bool is_bytes;
} view;

static void put_view(ch_page *p, const view *v, const ch_curves *curves, uint32_t count,
                     const char *unit, double target) {
    char label[2 * CH_UNITS_MAX];
    (void)snprintf(label, sizeof(label), "sent up and down, %s", unit);
    ch_chart c = ch_chart_defaults();
    c.title = v->title;
    c.x_label = v->is_bytes ? label : "round";
    c.is_percent = !v->is_loss;
    c.may_be_log = v->is_loss;
    c.is_x_whole = !v->is_bytes;
    c.level = !v->is_loss && target > 0 ? target : NAN;
    for (uint32_t i = 0; i < count; i++) {
        const ch_curves *k = &curves[i];
        ch_chart_add(&c, &(ch_chart_series){.x = v->is_bytes ? k->sent : k->round,
                                            .y = v->is_loss ? k->loss : k->accuracy,
                                            .count = k->count,
                                            .colour = colour_of(i),
                                            .look = look_of(i)});
    }
    ch_page_chart(p, &c, v->heading);
}

static bool has_sent(const ch_curves *curves, uint32_t count) {
    bool has = false;
    for (uint32_t i = 0; i < count; i++) {
        has = has || (curves[i].count > 0 && curves[i].sent[curves[i].count - 1] > 0);
    }
    return has;
}

static void put_curves(ch_page *p, const ch_record *records, uint32_t count, double target,
                       const choir_env *env) {
    static const view views[] = {
        {"accuracy over rounds", "Accuracy over rounds <span>on the test set</span>", false, false},
        {"loss over rounds", "Loss over rounds <span>on the test set</span>", true, false},
        {"accuracy over bytes sent", "Accuracy over bytes <span>on the test set</span>", false,
         true},
        {"loss over bytes sent", "Loss over bytes <span>on the test set</span>", true, true},
    };
    ch_curves curves[CH_REPORT_RUNS_MAX] = {{.count = 0}};
    for (uint32_t i = 0; i < count; i++) {
        const choir_status status = ch_curves_create(&curves[i], &records[i].metrics, env);
        p->html.failed = p->html.failed || status != CHOIR_OK;
    }
    if (!p->html.failed) {
        const char *unit = ch_curves_scale(curves, count);
        for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
            if (!views[i].is_bytes || has_sent(curves, count)) {
                put_view(p, &views[i], curves, count, unit, target);
            }
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        ch_curves_release(&curves[i]);
    }
}

// ----- tables -----------------------------------------------------------------------------------

/* What it took to reach the target. */
typedef struct cost {
    uint32_t round; // 0: not reached
    uint64_t bytes;
} cost;

static cost cost_of(const ch_record *r, double target) {
    uint64_t sent = 0;
    for (uint32_t i = 0; i < r->metrics.count && target > 0; i++) {
        const ch_metrics_row *row = &r->metrics.rows[i];
        sent += row->bytes_up + row->bytes_down;
        if (row->accuracy >= target) {
            return (cost){.round = row->round, .bytes = sent};
        }
    }
    return (cost){.round = 0};
}

/* What all rows of the table of results share. */
typedef struct contest {
    double target;   // 0: none, and no columns for it
    double accuracy; // the highest final one; NaN: no run has any, and no columns for them
    double loss;     // the least final one; NaN: none, or told by the accuracy
    uint32_t round;  // the least that a run took to the target
    uint64_t bytes;  // likewise
} contest;

static contest contest_of(const ch_record *records, uint32_t count, double target) {
    contest best = {target, NAN, NAN, UINT32_MAX, UINT64_MAX};
    for (uint32_t i = 0; i < count; i++) {
        const cost c = cost_of(&records[i], target);
        if (c.round > 0) {
            best.round = c.round < best.round ? c.round : best.round;
            best.bytes = c.bytes < best.bytes ? c.bytes : best.bytes;
        }
        best.accuracy = fmax(best.accuracy, records[i].summary.accuracy); // passes over NaN
        best.loss = fmin(best.loss, records[i].summary.loss);
    }
    best.loss = isnan(best.accuracy) ? best.loss : NAN;
    return best;
}

static void put_cell(ch_draft *d, bool is_best, const char *text) {
    ch_draft_format(d, "<td%s>%s</td>", is_best ? " class=\"best\"" : "", text);
}

static void put_quality(ch_draft *d, const ch_summary *s, const contest *best) {
    char value[CH_UNITS_MAX];
    if (!isnan(best->accuracy)) {
        ch_units_share(value, s->accuracy);
        put_cell(d, s->accuracy == best->accuracy, value);
        ch_units_share(value, s->best);
        put_cell(d, false, value);
    }
    ch_units_loss(value, s->loss);
    put_cell(d, s->loss == best->loss, isnan(s->accuracy) && isnan(s->loss) ? "-" : value);
}

static void put_cost(ch_draft *d, const cost *c, const contest *best) {
    char value[CH_UNITS_MAX];
    if (!(best->target > 0)) {
        return;
    }
    if (c->round == 0) {
        put_cell(d, false, "not reached");
        put_cell(d, false, "-");
        return;
    }
    (void)snprintf(value, sizeof(value), "%u", c->round);
    put_cell(d, c->round == best->round, value);
    ch_units_bytes(value, c->bytes);
    put_cell(d, c->bytes == best->bytes, value);
}

static void put_result(ch_draft *d, const ch_record *r, const contest *best) {
    const ch_summary *s = &r->summary;
    const cost c = cost_of(r, best->target);
    char value[CH_UNITS_MAX];
    ch_draft_put(d, "<tr><th>");
    ch_draft_html(d, r->dir);
    ch_draft_put(d, "</th>");
    put_quality(d, s, best);
    (void)snprintf(value, sizeof(value), "%u", s->round);
    put_cell(d, false, value);
    put_cost(d, &c, best);
    ch_units_bytes(value, s->bytes_up);
    put_cell(d, false, value);
    ch_units_bytes(value, s->bytes_down);
    put_cell(d, false, value);
    ch_units_seconds(value, s->seconds);
    put_cell(d, false, value);
    ch_draft_put(d, "</tr>\n");
}

static void put_results(ch_page *p, const ch_record *records, uint32_t count, double target) {
    ch_draft *d = &p->html;
    const contest best = contest_of(records, count, target);
    ch_page_section(p, "Results");
    ch_draft_put(d, "<div class=\"card scroll\"><table><thead><tr><th>run</th>");
    if (!isnan(best.accuracy)) {
        ch_draft_put(d, "<th>final accuracy</th><th>best accuracy</th>");
    }
    ch_draft_put(d, "<th>final loss</th><th>rounds</th>");
    if (target > 0) {
        char value[CH_UNITS_MAX];
        ch_units_share(value, target);
        ch_draft_format(d, "<th>rounds to %s</th><th>bytes to %s</th>", value, value);
    }
    ch_draft_put(d, "<th>sent by clients</th><th>sent to clients</th><th>training time</th>"
                    "</tr></thead><tbody>\n");
    for (uint32_t i = 0; i < count; i++) {
        put_result(d, &records[i], &best);
    }
    ch_draft_put(d, "</tbody></table></div>\n");
    ch_page_section_close(p);
}

static bool differs(const ch_option *row, const ch_record *records, uint32_t count) {
    char first[CH_OPTION_VALUE_MAX];
    char other[CH_OPTION_VALUE_MAX];
    ch_options_get(row, &records[0].job, first, sizeof(first));
    for (uint32_t i = 1; i < count; i++) {
        ch_options_get(row, &records[i].job, other, sizeof(other));
        if (strcmp(first, other) != 0) {
            return true;
        }
    }
    return false;
}

static void put_settings(ch_page *p, const ch_record *records, uint32_t count) {
    ch_draft *d = &p->html;
    uint32_t differences = 0;
    ch_page_section(p, "Settings that differ");
    ch_draft_put(d, "<div class=\"card scroll\"><table><thead><tr><th>key</th>");
    for (uint32_t i = 0; i < count; i++) {
        ch_draft_put(d, "<th>");
        ch_draft_html(d, records[i].dir);
        ch_draft_put(d, "</th>");
    }
    ch_draft_put(d, "</tr></thead><tbody>\n");
    for (size_t k = 0; k < CH_JOB_KEYS.count; k++) {
        const ch_option *row = &CH_JOB_KEYS.rows[k];
        if (!differs(row, records, count)) {
            continue;
        }
        differences += 1;
        ch_draft_format(d, "<tr><th><code>%s</code></th>", row->key);
        for (uint32_t i = 0; i < count; i++) {
            char value[CH_OPTION_VALUE_MAX];
            ch_options_get(row, &records[i].job, value, sizeof(value));
            ch_draft_put(d, "<td>");
            ch_draft_html(d, value);
            ch_draft_put(d, "</td>");
        }
        ch_draft_put(d, "</tr>\n");
    }
    if (differences == 0) {
        ch_draft_format(d, "<tr><td colspan=\"%u\">None: the jobs are equal.</td></tr>\n",
                        count + 1);
    }
    ch_draft_put(d, "</tbody></table></div>\n");
    ch_page_section_close(p);
}

/* Each with the name of its run in front. */
static void put_findings(ch_page *p, const ch_record *records, uint32_t count) {
    ch_draft *d = &p->html;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < records[i].findings_count; k++) {
            const ch_finding *f = &records[i].findings[k];
            ch_draft_format(d, "<p class=\"finding%s\"><b>", f->is_bad ? " bad" : "");
            ch_draft_html(d, records[i].dir);
            ch_draft_put(d, "</b>: ");
            ch_draft_html(d, f->text);
            ch_draft_put(d, "</p>\n");
        }
    }
}

void ch_page_comparison(ch_page *p, const ch_record *records, uint32_t count,
                        const choir_env *env) {
    const yardstick y = yardstick_of(records, count);
    const double target = y.accuracy;
    char value[CH_UNITS_MAX];
    ch_units_share(value, target);
    ch_page_open(p, "choir: comparison of runs");
    ch_draft_format(&p->html,
                    "<header>\n<p class=\"kind\">Comparison</p>\n<h1>%u federated runs</h1>\n"
                    "<p class=\"lede\">",
                    count);
    if (target > 0) {
        ch_draft_format(&p->html, "Measured by an accuracy of %s, the dashed line: %s.", value,
                        y.is_given ? "the highest target of their jobs" : "every run reached it");
    } else if (has_accuracy(records, count)) {
        ch_draft_put(&p->html,
                     "There is no accuracy that all of them reached, so they are compared "
                     "by what they came to.");
    } else {
        ch_draft_put(&p->html, "None of them has an accuracy, so they are compared by their loss.");
    }
    ch_draft_put(&p->html, "</p>\n</header>\n");
    put_findings(p, records, count);
    put_results(p, records, count, target);
    ch_page_section(p, "Learning");
    if (!p->has_no_charts) {
        put_legend(p, records, count);
    }
    ch_draft_put(&p->html, "<div class=\"figures\">\n");
    put_curves(p, records, count, target, env);
    ch_draft_put(&p->html, "</div>\n");
    ch_page_section_close(p);
    put_settings(p, records, count);
    ch_page_close(p, CHOIR_VERSION);
}
