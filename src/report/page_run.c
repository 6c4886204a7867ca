/* The page of one run: headline figures, curves, clients, refusals, samples, configuration. */
#include "report/page.h"

#include "report/png.h"
#include "report/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    CONFIGURATION_MAX = 1 << 14, // bytes
    HTML_MAX = 256,              // of a remark
    TABLE_ROWS_MAX = 100,
};

/* "mnist" of "/data/mnist/"; names are left as they are. */
static const char *last_part(const char *path, char out[CHOIR_PATH_MAX]) {
    (void)snprintf(out, CHOIR_PATH_MAX, "%s", path);
    for (size_t size = strlen(out); size > 1 && out[size - 1] == '/'; size--) {
        out[size - 1] = '\0';
    }
    const char *slash = strrchr(out, '/');
    return slash == NULL || slash[1] == '\0' ? out : slash + 1;
}

static void put_lede(ch_page *p, const ch_record *r) {
    ch_draft *d = &p->html;
    const choir_job *job = &r->job;
    char part[CHOIR_PATH_MAX];
    char count[CH_UNITS_MAX];
    ch_draft_put(d, "<p class=\"lede\">");
    ch_draft_html(d,
                  job->model.file[0] != '\0' ? last_part(job->model.file, part) : job->model.name);
    if (r->has_facts && r->facts.parameters > 0) {
        ch_units_count(count, r->facts.parameters);
        ch_draft_format(d, " (%s parameters)", count);
    }
    ch_draft_put(d, " on ");
    ch_draft_html(d, last_part(job->data.source, part));
    ch_draft_put(d, ", partition ");
    ch_draft_html(d, job->data.partition);
    ch_draft_put(d, "; ");
    ch_draft_html(d, job->algorithm);
    ch_draft_format(d, ", %u local %s, ", job->epochs, job->epochs == 1 ? "epoch" : "epochs");
    if (job->batch_size == 0) {
        ch_draft_put(d, "full batches");
    } else {
        ch_draft_format(d, "batches of %u", job->batch_size);
    }
    ch_draft_format(d, ", learning rate %g.</p>\n", job->client_learning_rate);
}

// ----- headline figures -------------------------------------------------------------------------

/* The loss leads where there is no accuracy: in regression. */
static void put_quality_tile(ch_page *p, const ch_summary *s) {
    char value[CH_UNITS_MAX];
    char more[HTML_MAX] = "";
    ch_units_loss(value, s->loss);
    if (isnan(s->accuracy) && !isnan(s->loss)) {
        ch_page_tile(p, "Final loss", value, "test set");
        return;
    }
    if (!isnan(s->accuracy)) {
        const size_t used = (size_t)snprintf(more, sizeof(more), "test set; loss %s", value);
        if (s->best > s->accuracy) {
            ch_units_share(value, s->best);
            (void)snprintf(more + used, sizeof(more) - used, "; best %s in round %u", value,
                           s->best_round);
        }
    }
    ch_units_share(value, s->accuracy);
    ch_page_tile(p, "Final accuracy", value, more);
}

static void put_rounds_tile(ch_page *p, const ch_summary *s) {
    char value[CH_UNITS_MAX];
    char more[HTML_MAX] = "";
    char target[CH_UNITS_MAX];
    ch_units_share(target, s->target);
    (void)snprintf(value, sizeof(value), s->round == s->rounds ? "%u" : "%u of %u", s->round,
                   s->rounds);
    if (s->target > 0 && s->target_round > 0) {
        (void)snprintf(more, sizeof(more), "target %s reached in round %u", target,
                       s->target_round);
    } else if (s->target > 0) {
        (void)snprintf(more, sizeof(more), "target %s not reached", target);
    }
    ch_page_tile(p, "Rounds", value, more);
}

static void put_cost_tiles(ch_page *p, const ch_summary *s) {
    char value[CH_UNITS_MAX];
    char other[CH_UNITS_MAX];
    char more[HTML_MAX] = "";
    const uint32_t rounds = s->round > 0 ? s->round : 1;
    ch_units_bytes(value, s->bytes_up);
    ch_units_bytes(other, s->bytes_up / rounds);
    (void)snprintf(more, sizeof(more), "%s a round", other);
    ch_page_tile(p, "Sent by clients", value, more);
    ch_units_bytes(value, s->bytes_down);
    ch_units_bytes(other, s->bytes_down / rounds);
    (void)snprintf(more, sizeof(more), "%s a round", other);
    ch_page_tile(p, "Sent to clients", value, more);
    ch_units_seconds(value, s->seconds);
    ch_units_seconds(other, s->evaluation_seconds);
    size_t used = (size_t)snprintf(more, sizeof(more), "and %s of evaluation", other);
    if (s->virtual_seconds > 0) {
        ch_units_seconds(other, s->virtual_seconds);
        (void)snprintf(more + used, sizeof(more) - used, "; %s in the simulated network", other);
    }
    ch_page_tile(p, "Training time", value, more);
}

static void put_clients_tile(ch_page *p, const ch_record *r) {
    char value[CH_UNITS_MAX];
    char more[HTML_MAX] = "";
    const uint32_t total = r->clients.total > 0 ? r->clients.total : r->job.data.clients;
    ch_units_count(value, total);
    if (r->metrics.count > 0) {
        const ch_metrics_row *last = &r->metrics.rows[r->metrics.count - 1];
        (void)snprintf(more, sizeof(more), "%u sampled a round", last->clients);
    }
    ch_page_tile(p, "Clients", total > 0 ? value : "-", more);
}

/* The last of a baseline's figures that was measured. */
static void put_baseline_tile(ch_page *p, const ch_metrics_table *baseline, const char *name,
                              const char *what) {
    char value[CH_UNITS_MAX];
    for (uint32_t i = baseline->count; i > 0; i--) {
        const ch_metrics_row *row = &baseline->rows[i - 1];
        if (!isnan(row->accuracy)) {
            ch_units_share(value, row->accuracy);
            ch_page_tile(p, name, value, what);
            return;
        }
        if (!isnan(row->loss)) {
            char more[HTML_MAX];
            ch_units_loss(value, row->loss);
            (void)snprintf(more, sizeof(more), "loss; %s", what);
            ch_page_tile(p, name, value, more);
            return;
        }
    }
}

static void put_tiles(ch_page *p, const ch_record *r) {
    ch_draft_put(&p->html, "<dl class=\"tiles\">\n");
    put_quality_tile(p, &r->summary);
    put_baseline_tile(p, &r->baselines[CH_BASELINE_CENTRAL], "Central baseline",
                      "test set; all data on one machine");
    put_baseline_tile(p, &r->baselines[CH_BASELINE_LOCAL], "Local baseline",
                      "test set; every client alone, their mean");
    put_rounds_tile(p, &r->summary);
    put_clients_tile(p, r);
    put_cost_tiles(p, &r->summary);
    ch_draft_put(&p->html, "</dl>\n");
}

// ----- curves -----------------------------------------------------------------------------------

/* The run's curves and its baselines'. */
typedef struct bundle {
    ch_curves run;
    ch_curves baselines[CH_BASELINES];
    const char *unit; // of what was sent
    const char *loss; // what it is: "cross-entropy"; of the job
    double target;    // of accuracy; 0: none
} bundle;

static const struct {
    const char *name;
    ch_chart_colour colour;
    ch_chart_look look;
} BASELINES[CH_BASELINES] = {
    [CH_BASELINE_CENTRAL] = {"central: all data on one machine", CH_COLOUR_ORANGE, CH_LOOK_DASHED},
    [CH_BASELINE_LOCAL] = {"local: every client alone, their mean", CH_COLOUR_GREEN,
                           CH_LOOK_DOTTED},
};

static bool bundle_create(bundle *b, const ch_record *r, const choir_env *env) {
    *b = (bundle){.unit = "B", .loss = r->job.model.loss, .target = r->summary.target};
    bool made = ch_curves_create(&b->run, &r->metrics, env) == CHOIR_OK;
    for (int i = 0; i < CH_BASELINES; i++) {
        made = made && ch_curves_create(&b->baselines[i], &r->baselines[i], env) == CHOIR_OK;
    }
    b->unit = ch_curves_scale(&b->run, 1);
    return made;
}

static void bundle_release(bundle *b) {
    ch_curves_release(&b->run);
    for (int i = 0; i < CH_BASELINES; i++) {
        ch_curves_release(&b->baselines[i]);
    }
}

static void put_curves_legend(ch_page *p, const ch_record *r) {
    ch_page_legend(p, true);
    ch_page_legend_entry(p, CH_COLOUR_BLUE, CH_LOOK_LINE, "federated");
    for (int i = 0; i < CH_BASELINES; i++) {
        if (r->baselines[i].count > 0) {
            ch_page_legend_entry(p, BASELINES[i].colour, BASELINES[i].look, BASELINES[i].name);
        }
    }
    if (r->summary.target > 0) {
        char value[CH_UNITS_MAX];
        char text[2 * CH_UNITS_MAX];
        ch_units_share(value, r->summary.target);
        (void)snprintf(text, sizeof(text), "target %s", value);
        ch_page_legend_entry(p, CH_COLOUR_WORDS, CH_LOOK_DASHED, text);
    }
    ch_page_legend(p, false);
}

/* A chart without its series. */
static ch_chart chart_begin(const bundle *b, bool is_loss) {
    ch_chart c = ch_chart_defaults();
    c.is_percent = !is_loss;
    c.may_be_log = is_loss;
    c.level = !is_loss && b->target > 0 ? b->target : NAN;
    return c;
}

/* The last value of a curve that is one; NaN when none is. */
static double last_finite(const double *values, uint32_t count) {
    for (uint32_t i = count; i > 0; i--) {
        if (isfinite(values[i - 1])) {
            return values[i - 1];
        }
    }
    return NAN;
}

/* What clients measured of the model in evaluation rounds, when there were any. */
static void chart_add_measured(ch_chart *c, const ch_curves *run, bool is_loss) {
    const double *values = is_loss ? run->measured_loss : run->measured_accuracy;
    if (isfinite(last_finite(values, run->count))) {
        ch_chart_add(c, &(ch_chart_series){
                            .x = run->round,
                            .y = values,
                            .count = run->count,
                            .colour = CH_COLOUR_PURPLE,
                            .look = CH_LOOK_DASHED,
                            .name = "measured by clients in evaluation rounds, on what they hold "
                                    "out"});
    }
}

static void chart_add_run(ch_chart *c, const bundle *b, const double *x, bool is_loss) {
    ch_chart_add(c, &(ch_chart_series){.x = x,
                                       .y = is_loss ? b->run.loss : b->run.accuracy,
                                       .count = b->run.count,
                                       .colour = CH_COLOUR_BLUE,
                                       .look = CH_LOOK_LINE});
}

/* What is drawn, of which examples. */
static void put_chart(ch_page *p, const bundle *b, const ch_chart *c, bool is_loss,
                      const char *over, const char *note) {
    char heading[HTML_MAX];
    (void)snprintf(heading, sizeof(heading), "%s over %s <span>%s%son the test set%s</span>",
                   is_loss ? "Loss" : "Accuracy", over, is_loss ? b->loss : "", is_loss ? " " : "",
                   note);
    ch_page_chart(p, c, heading);
}

static void put_over_rounds(ch_page *p, const bundle *b, bool is_loss) {
    ch_chart c = chart_begin(b, is_loss);
    c.title = is_loss ? "loss over rounds" : "accuracy over rounds";
    c.x_label = "round";
    c.is_x_whole = true;
    if (is_loss) {
        ch_chart_add(&c, &(ch_chart_series){
                             .x = b->run.round,
                             .y = b->run.train_loss,
                             .count = b->run.count,
                             .colour = CH_COLOUR_GREY,
                             .look = CH_LOOK_THIN,
                             .name = "while training: mean over the round's clients, each on its "
                                     "own examples"});
    }
    for (int i = 0; i < CH_BASELINES; i++) {
        const ch_curves *k = &b->baselines[i];
        ch_chart_add(&c, &(ch_chart_series){.x = k->round,
                                            .y = is_loss ? k->loss : k->accuracy,
                                            .count = k->count,
                                            .colour = BASELINES[i].colour,
                                            .look = BASELINES[i].look});
    }
    chart_add_measured(&c, &b->run, is_loss);
    chart_add_run(&c, b, b->run.round, is_loss);
    put_chart(p, b, &c, is_loss, "rounds", "");
}

/* Baselines send nothing: what they came to is a level line. A run that sent nothing has no chart.
 */
static void put_over_bytes(ch_page *p, const bundle *b, bool is_loss) {
    const double end = b->run.count == 0 ? 0 : b->run.sent[b->run.count - 1];
    if (!(end > 0)) {
        return;
    }
    char label[2 * CH_UNITS_MAX];
    (void)snprintf(label, sizeof(label), "sent up and down, %s", b->unit);
    ch_chart c = chart_begin(b, is_loss);
    c.title = is_loss ? "loss over bytes sent" : "accuracy over bytes sent";
    c.x_label = label;
    const double x[] = {0, end};
    double levels[CH_BASELINES][2];
    for (int i = 0; i < CH_BASELINES; i++) {
        const ch_curves *k = &b->baselines[i];
        levels[i][0] = levels[i][1] = last_finite(is_loss ? k->loss : k->accuracy, k->count);
        ch_chart_add(&c, &(ch_chart_series){.x = x,
                                            .y = levels[i],
                                            .count = 2,
                                            .colour = BASELINES[i].colour,
                                            .look = BASELINES[i].look});
    }
    chart_add_run(&c, b, b->run.sent, is_loss);
    const bool has_baselines = isfinite(levels[0][0]) || isfinite(levels[1][0]);
    put_chart(p, b, &c, is_loss, "bytes", has_baselines ? "; baselines: where they ended" : "");
}

static bool is_evaluated(const ch_metrics_row *row) {
    return !isnan(row->accuracy) || !isnan(row->loss);
}

static void put_row(ch_draft *d, const ch_metrics_row *row) {
    char cells[8][CH_UNITS_MAX];
    ch_units_share(cells[0], row->accuracy);
    ch_units_loss(cells[1], row->loss);
    ch_units_share(cells[2], row->heldout_mean);
    ch_units_share(cells[3], row->heldout_worst);
    ch_units_count(cells[4], row->examples);
    ch_units_bytes(cells[5], row->bytes_up);
    ch_units_bytes(cells[6], row->bytes_down);
    ch_units_seconds(cells[7], row->seconds);
    ch_draft_format(d,
                    "<tr><td>%u</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td>"
                    "<td>%u of %u</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
                    row->round, cells[0], is_evaluated(row) ? cells[1] : "-", cells[2], cells[3],
                    row->reports, row->clients, cells[4], cells[5], cells[6], cells[7]);
}

/* All rows when there is room for them; else every n-th of those that were evaluated, or of all
 * when none was, and the last. */
static void put_rows(ch_draft *d, const ch_metrics_table *table) {
    uint32_t evaluated = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        evaluated += is_evaluated(&table->rows[i]) ? 1 : 0;
    }
    const bool takes_all = table->count < TABLE_ROWS_MAX || evaluated == 0;
    const uint32_t every = (takes_all ? table->count : evaluated) / TABLE_ROWS_MAX + 1;
    uint32_t passed = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        const ch_metrics_row *row = &table->rows[i];
        const bool is_taken = takes_all || is_evaluated(row);
        if ((is_taken && passed % every == 0) || i + 1 == table->count) {
            put_row(d, row);
        }
        passed += is_taken ? 1 : 0;
    }
}

static void put_table(ch_page *p, const ch_metrics_table *table) {
    ch_draft *d = &p->html;
    ch_draft_put(d, "<details class=\"card\"><summary>The rounds as a table</summary>\n"
                    "<div class=\"scroll\"><table><thead><tr><th>round</th><th>accuracy</th>"
                    "<th>loss</th><th>held-out mean</th><th>worst tenth</th><th>reports</th>"
                    "<th>examples</th><th>up</th><th>down</th><th>time</th></tr></thead><tbody>\n");
    put_rows(d, table);
    ch_draft_put(d, "</tbody></table></div></details>\n");
}

static void put_learning(ch_page *p, const ch_record *r, const bundle *b) {
    ch_page_section(p, "Learning");
    if (!p->has_no_charts) {
        put_curves_legend(p, r);
    }
    ch_draft_put(&p->html, "<div class=\"figures\">\n");
    put_over_rounds(p, b, false);
    put_over_rounds(p, b, true);
    put_over_bytes(p, b, false);
    put_over_bytes(p, b, true);
    ch_draft_put(&p->html, "</div>\n");
    put_table(p, &r->metrics);
    ch_page_section_close(p);
}

// ----- refusals, samples, configuration ---------------------------------------------------------

static void put_refusals(ch_page *p, const ch_record *r) {
    uint64_t sums[CHOIR_REFUSAL_COUNT];
    const uint64_t all = ch_record_refusals(r, sums);
    static const char *const reasons[CHOIR_REFUSAL_COUNT] = {
#define X(name, text) [CHOIR_REFUSAL_##name] = (text),
        CHOIR_REFUSAL_MAP(X)
#undef X
    };
    if (all == 0) {
        return;
    }
    ch_draft *d = &p->html;
    ch_page_section(p, "Refused and missing updates");
    ch_draft_put(d, "<div class=\"card scroll\"><table><thead><tr><th>reason</th><th>updates</th>"
                    "<th>share</th><th style=\"width:40%\"></th></tr></thead><tbody>\n");
    for (uint32_t k = 0; k < CHOIR_REFUSAL_COUNT; k++) {
        if (sums[k] == 0) {
            continue;
        }
        const double share = (double)sums[k] / (double)all;
        char count[CH_UNITS_MAX];
        char part[CH_UNITS_MAX];
        ch_units_count(count, sums[k]);
        ch_units_share(part, share);
        ch_draft_format(d,
                        "<tr><th>%s</th><td>%s</td><td>%s</td><td><span class=\"share\" "
                        "style=\"width:%.1f%%\"></span></td></tr>\n",
                        reasons[k], count, part, share * 100);
    }
    ch_draft_put(d, "</tbody></table></div>\n");
    ch_page_section_close(p);
}

static void put_samples(ch_page *p, const ch_samples *s, const ch_clients *c) {
    ch_draft *d = &p->html;
    if (s->count == 0) {
        return;
    }
    ch_page_section(p, "What the clients see");
    ch_draft_put(d, "<ul class=\"card samples\">\n");
    for (uint32_t i = 0; i < s->count; i++) {
        char room[CH_CLIENTS_NUMBER_MAX];
        const char *label = ch_clients_label(c, s->labels[i], room);
        ch_draft_put(d, "<li><img alt=\"example labelled ");
        ch_draft_html(d, label);
        ch_draft_format(d, "\" width=\"%u\" height=\"%u\" src=\"", s->width, s->height);
        ch_png_put(d, s->pixels + i * ch_samples_bytes(s), s->height, s->width, s->channels);
        ch_draft_put(d, "\"><b>");
        ch_draft_html(d, label);
        if (s->clients[i] == UINT32_MAX) {
            ch_draft_put(d, "</b><small>test set</small></li>\n");
        } else {
            ch_draft_format(d, "</b><small>client %u</small></li>\n", s->clients[i]);
        }
    }
    ch_draft_put(d, "</ul>\n");
    ch_page_section_close(p);
}

static void put_facts(ch_page *p, const ch_record *r) {
    ch_draft *d = &p->html;
    ch_draft_format(d, "<p class=\"note\">Seed %" PRIu64, r->job.seed);
    if (r->has_facts) {
        ch_draft_put(d, ", choir ");
        ch_draft_html(d, r->facts.version);
        ch_draft_put(d, ", kernels ");
        ch_draft_html(d, r->facts.backend);
        ch_draft_put(d, " on ");
        ch_draft_html(d, r->facts.cpu);
        ch_draft_format(d, ", %u %s", r->facts.workers,
                        r->facts.workers == 1 ? "worker" : "workers");
        if (r->facts.model_hash[0] != '\0') {
            ch_draft_put(d, ", model ");
            ch_draft_html(d, r->facts.model_hash);
        }
    }
    ch_draft_put(d, ". The same job, seed and kernels give the same model, bit for bit, whatever "
                    "the number of workers.</p>\n");
}

static void put_configuration(ch_page *p, const ch_record *r) {
    ch_draft *d = &p->html;
    char text[CONFIGURATION_MAX];
    (void)choir_job_write(&r->job, text, sizeof(text));
    ch_page_section(p, "To run it again");
    ch_draft_put(d, "<pre class=\"wrap\">");
    if (r->has_facts && r->facts.command[0] != '\0') {
        ch_draft_html(d, r->facts.command);
    } else {
        ch_draft_put(d, "choir sim ");
        ch_draft_html(d, r->dir);
        ch_draft_put(d, "/job.yaml");
    }
    ch_draft_put(d, "</pre>\n");
    put_facts(p, r);
    ch_page_section_close(p);
    ch_page_section(p, "Configuration");
    ch_draft_put(d, "<p class=\"note\">Every key that was in force; this is job.yaml of the run "
                    "directory.</p>\n<pre class=\"columns\">");
    ch_draft_html(d, text);
    ch_draft_put(d, "</pre>\n");
    ch_page_section_close(p);
}

void ch_page_run(ch_page *p, const ch_record *r, const choir_env *env) {
    bundle b;
    if (!bundle_create(&b, r, env)) {
        p->html.failed = true;
        bundle_release(&b);
        return;
    }
    char title[2 * CHOIR_NAME_MAX];
    (void)snprintf(title, sizeof(title), "%s: federated run", r->job.name);
    ch_page_open(p, title);
    ch_draft_put(&p->html, "<header>\n<p class=\"kind\">Federated run</p>\n<h1>");
    ch_draft_html(&p->html, r->job.name);
    ch_draft_put(&p->html, "</h1>\n");
    put_lede(p, r);
    ch_draft_put(&p->html, "</header>\n");
    ch_page_findings(p, r);
    put_tiles(p, r);
    if (r->metrics.count > 0) {
        put_learning(p, r, &b);
    }
    ch_page_clients(p, r, &b.run, env);
    put_refusals(p, r);
    put_samples(p, &r->samples, &r->clients);
    put_configuration(p, r);
    ch_page_close(p, r->has_facts ? r->facts.version : CHOIR_VERSION);
    bundle_release(&b);
}
