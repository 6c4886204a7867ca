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

static ch_chart_look look_of(uint32_t run) {
    return run < CH_COLOURS ? CH_LOOK_LINE : CH_LOOK_DASHED;
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
    return (yardstick){.accuracy = floor(reached * 100) / 100};
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
            put_view(p, &views[i], curves, count, unit, target);
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

/* The least of what every run took, to be marked in the table. */
static cost cost_least(const ch_record *records, uint32_t count, double target) {
    cost least = {.round = UINT32_MAX, .bytes = UINT64_MAX};
    for (uint32_t i = 0; i < count; i++) {
        const cost c = cost_of(&records[i], target);
        if (c.round > 0) {
            least.round = c.round < least.round ? c.round : least.round;
            least.bytes = c.bytes < least.bytes ? c.bytes : least.bytes;
        }
    }
    return least;
}

static double accuracy_most(const ch_record *records, uint32_t count) {
    double most = -INFINITY;
    for (uint32_t i = 0; i < count; i++) {
        most = fmax(most, records[i].summary.accuracy); // fmax passes over NaN
    }
    return most;
}

static void put_cell(ch_draft *d, bool is_best, const char *text) {
    ch_draft_format(d, "<td%s>%s</td>", is_best ? " class=\"best\"" : "", text);
}

static void put_result(ch_draft *d, const ch_record *r, const cost *least, double most,
                       double target) {
    const ch_summary *s = &r->summary;
    const cost c = cost_of(r, target);
    char value[CH_UNITS_MAX];
    ch_draft_put(d, "<tr><th>");
    ch_draft_html(d, r->dir);
    ch_draft_put(d, "</th>");
    ch_units_share(value, s->accuracy);
    put_cell(d, s->accuracy == most, value);
    ch_units_share(value, s->best);
    put_cell(d, false, value);
    ch_units_loss(value, s->loss);
    put_cell(d, false, isnan(s->accuracy) && isnan(s->loss) ? "-" : value);
    (void)snprintf(value, sizeof(value), "%u", s->round);
    put_cell(d, false, value);
    (void)snprintf(value, sizeof(value),
                   c.round > 0  ? "%u"
                   : target > 0 ? "not reached"
                                : "-",
                   c.round);
    put_cell(d, c.round > 0 && c.round == least->round, value);
    if (c.round > 0) {
        ch_units_bytes(value, c.bytes);
    } else {
        (void)snprintf(value, sizeof(value), "-");
    }
    put_cell(d, c.round > 0 && c.bytes == least->bytes, value);
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
    char value[CH_UNITS_MAX];
    ch_units_share(value, target);
    if (!(target > 0)) {
        (void)snprintf(value, sizeof(value), "a target");
    }
    ch_page_section(p, "Results");
    ch_draft_format(d,
                    "<div class=\"card scroll\"><table><thead><tr><th>run</th>"
                    "<th>final accuracy</th><th>best</th><th>final "
                    "loss</th><th>rounds</th><th>rounds to %s</th>"
                    "<th>bytes to %s</th><th>sent up</th><th>sent down</th><th>training</th>"
                    "</tr></thead><tbody>\n",
                    value, value);
    const cost least = cost_least(records, count, target);
    const double most = accuracy_most(records, count);
    for (uint32_t i = 0; i < count; i++) {
        put_result(d, &records[i], &least, most, target);
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
    } else {
        ch_draft_put(&p->html,
                     "There is no accuracy that all of them reached, so they are compared "
                     "by what they came to.");
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
