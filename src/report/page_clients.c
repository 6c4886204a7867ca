/*
 * The clients' part of a run's page: what they hold, and how well they are served.
 *
 * Clients stand in one order in both charts of what they hold: the largest first, and among equals
 * by the label they hold most of, so that the order itself says nothing but that.
 */
#include "report/page.h"

#include "report/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORST_SHARE = 10, // one in so many is among the worst
    ROW_PIXELS = 16,  // of the chart of labels
    ROWS_PIXELS_MAX = 384,
    AXIS_PIXELS = 62, // below the rows
};

/* What the charts are drawn from. */
typedef struct crowd {
    const ch_clients *clients;
    ch_arena arena;
    double *labels;                         // (count, classes) share of a client's examples
    const char **names;                     // (classes) of the labels
    char (*numbers)[CH_CLIENTS_NUMBER_MAX]; // (classes) for those that have none
    double *sizes;                          // (count) in the same order
    double *served;                         // (evaluated) accuracies, ascending
    double *alone;                          // (evaluated) of the same clients
    uint32_t evaluated;
    uint32_t alones;   // of those, trained alone too
    uint32_t better;   // of those, better served alone
    double mean_alone; // over the alones: by a model of their own
    double mean_both;  // and by the final model
} crowd;

/* What clients are ordered by. */
typedef struct rank {
    double first;  // ascending
    double second; // likewise
    uint32_t index;
} rank;

static int rank_compare(const void *a, const void *b) {
    const rank *x = a;
    const rank *y = b;
    if (x->first != y->first) {
        return x->first < y->first ? -1 : 1;
    }
    if (x->second != y->second) {
        return x->second < y->second ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index ? 1 : 0;
}

static uint32_t top_label(const ch_clients *c, uint32_t i) {
    const uint32_t *labels = c->labels + (size_t)i * c->classes;
    uint32_t top = 0;
    for (uint32_t k = 1; k < c->classes; k++) {
        top = labels[k] > labels[top] ? k : top;
    }
    return top;
}

/* Each client's labels as shares of the largest, so that the eye compares mixtures, not sizes. */
static void crowd_fill_labels(crowd *w, rank *order) {
    const ch_clients *c = w->clients;
    for (uint32_t i = 0; i < c->count; i++) {
        order[i] = (rank){.first = -(double)c->clients[i].examples, .index = i};
        order[i].second = c->classes > 0 ? top_label(c, i) : 0;
    }
    qsort(order, c->count, sizeof(order[0]), rank_compare);
    for (uint32_t i = 0; i < c->count; i++) {
        const uint32_t from = order[i].index;
        const uint32_t *labels = c->labels + (size_t)from * c->classes;
        w->sizes[i] = c->clients[from].examples;
        uint32_t most = 1;
        for (uint32_t k = 0; k < c->classes; k++) {
            most = labels[k] > most ? labels[k] : most;
        }
        for (uint32_t k = 0; k < c->classes; k++) {
            w->labels[(size_t)i * c->classes + k] = (double)labels[k] / most;
        }
    }
}

static void crowd_fill_accuracies(crowd *w, rank *order) {
    const ch_clients *c = w->clients;
    for (uint32_t i = 0; i < c->count; i++) {
        const ch_client_facts *f = &c->clients[i];
        if (!isnan(f->accuracy)) {
            order[w->evaluated++] = (rank){f->accuracy, f->id, i};
        }
    }
    qsort(order, w->evaluated, sizeof(order[0]), rank_compare);
    for (uint32_t i = 0; i < w->evaluated; i++) {
        const ch_client_facts *f = &c->clients[order[i].index];
        w->served[i] = f->accuracy;
        w->alone[i] = f->alone;
        if (!isnan(f->alone)) {
            w->alones += 1;
            w->better += f->alone > f->accuracy ? 1 : 0;
            w->mean_alone += (f->alone - w->mean_alone) / w->alones;
            w->mean_both += (f->accuracy - w->mean_both) / w->alones;
        }
    }
}

static bool crowd_create(crowd *w, const ch_clients *c, const choir_env *env) {
    *w = (crowd){.clients = c};
    const size_t cells = (size_t)c->count * c->classes;
    const size_t bytes =
        ch_arena_cost(cells, sizeof(double)) + 3 * ch_arena_cost(c->count, sizeof(double)) +
        ch_arena_cost(c->count, sizeof(rank)) + ch_arena_cost(c->classes, sizeof(w->names[0])) +
        ch_arena_cost(c->classes, sizeof(w->numbers[0]));
    if (ch_arena_init(&w->arena, bytes, env) != CHOIR_OK) {
        return false;
    }
    w->labels = CH_NEW(&w->arena, double, cells);
    w->sizes = CH_NEW(&w->arena, double, c->count);
    w->served = CH_NEW(&w->arena, double, c->count);
    w->alone = CH_NEW(&w->arena, double, c->count);
    w->names = CH_NEW(&w->arena, const char *, c->classes);
    w->numbers = ch_arena_alloc(&w->arena, c->classes, sizeof(w->numbers[0]));
    for (uint32_t k = 0; k < c->classes; k++) {
        w->names[k] = ch_clients_label(c, k, w->numbers[k]);
    }
    rank *order = CH_NEW(&w->arena, rank, c->count);
    crowd_fill_labels(w, order);
    crowd_fill_accuracies(w, order);
    return true;
}

static double mean(const double *values, uint32_t count) {
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += values[i];
    }
    return sum / count;
}

/* How many of the clients are the worst tenth: at least one. */
static uint32_t worst_count(uint32_t count) {
    return count < WORST_SHARE ? 1 : count / WORST_SHARE;
}

static void put_note(ch_page *p, const crowd *w) {
    const ch_clients *c = w->clients;
    ch_draft *d = &p->html;
    char total[CH_UNITS_MAX];
    ch_units_count(total, c->total);
    ch_draft_put(d, "<p class=\"note\">");
    if (c->count < c->total) {
        ch_draft_format(d, "%u of %s clients are shown. ", c->count, total);
    }
    const double most = w->sizes[0];
    const double least = w->sizes[c->count - 1];
    if (most > least) {
        ch_draft_format(d,
                        "The largest client holds %.0f training examples, the median one %.0f, "
                        "the smallest %.0f.</p>\n",
                        most, w->sizes[c->count / 2], least);
    } else {
        ch_draft_format(d, "Each holds %.0f training examples.</p>\n", most);
    }
}

/* Is it worth a client's while to take part? */
static void put_alone(ch_page *p, const crowd *w) {
    char alone[CH_UNITS_MAX];
    char both[CH_UNITS_MAX];
    ch_units_share(alone, w->mean_alone);
    ch_units_share(both, w->mean_both);
    ch_draft_format(&p->html,
                    "<p class=\"note\">Trained alone, %s%u clients reach %s on their own "
                    "held-out examples on average, where the final model reaches %s; %u of them %s "
                    "better served alone.</p>\n",
                    w->alones == w->clients->count ? "these " : "", w->alones, alone, both,
                    w->better, w->better == 1 ? "is" : "are");
}

/* As high as its rows need. */
static uint32_t labels_height(const ch_clients *c) {
    const uint32_t rows = c->classes * ROW_PIXELS;
    const uint32_t wanted = AXIS_PIXELS + (rows < ROWS_PIXELS_MAX ? rows : ROWS_PIXELS_MAX);
    const uint32_t usual = ch_chart_defaults().height;
    return wanted > usual ? wanted : usual;
}

static void put_labels(ch_page *p, const crowd *w) {
    const ch_clients *clients = w->clients;
    ch_chart c = ch_chart_defaults();
    c.title = "share of each label among each client's examples";
    c.x_label = "clients, the largest first";
    c.height = labels_height(clients);
    c.cells = (ch_chart_cells){.values = w->labels,
                               .names = w->names,
                               .columns = clients->count,
                               .rows = clients->classes};
    if (clients->classes > 0) {
        ch_page_chart(p, &c,
                      "Who holds which labels <span>one column a client, one row a label: how many "
                      "examples have it</span><span class=\"scale\">none <i></i> as many as of the "
                      "client's most frequent label</span>");
    }
}

static void put_sizes(ch_page *p, const crowd *w) {
    const ch_clients *clients = w->clients;
    ch_chart c = ch_chart_defaults();
    c.title = "training examples of each client";
    c.x_label = "clients, the largest first";
    c.height = labels_height(clients);
    c.is_x_whole = true;
    ch_chart_add(&c, &(ch_chart_series){.y = w->sizes,
                                        .count = clients->count,
                                        .colour = CH_COLOUR_GREY,
                                        .look = CH_LOOK_BARS});
    ch_page_chart(
        p, &c,
        clients->classes > 0
            ? "How much each holds <span>training examples; one bar a client, in the same "
              "order</span>"
            : "How much each holds <span>training examples; one bar a client</span>");
}

static void put_served(ch_page *p, const crowd *w) {
    const uint32_t worst = worst_count(w->evaluated);
    ch_chart c = ch_chart_defaults();
    c.title = "accuracy on each client's held-out examples, ascending";
    c.x_label = "clients, the worst served first";
    c.is_percent = true;
    c.is_x_whole = true;
    c.level = mean(w->served, w->evaluated);
    double x[CH_CLIENTS_MAX];
    for (uint32_t i = 0; i < w->evaluated; i++) {
        x[i] = i + 1.0;
    }
    char share[CH_UNITS_MAX];
    char names[2][2 * CH_UNITS_MAX];
    ch_units_share(share, c.level);
    (void)snprintf(names[0], sizeof(names[0]), "mean over clients, %s", share);
    ch_units_share(share, mean(w->served, worst));
    (void)snprintf(names[1], sizeof(names[1]), "the worst tenth, mean %s", share);
    c.level_name = names[0];
    ch_chart_add(&c, &(ch_chart_series){.x = x,
                                        .y = w->alone,
                                        .count = w->alones > 0 ? w->evaluated : 0,
                                        .colour = CH_COLOUR_GREEN,
                                        .look = CH_LOOK_TICKS,
                                        .name = "a model of its own, trained alone"});
    ch_chart_add(&c, &(ch_chart_series){.x = x,
                                        .y = w->served,
                                        .count = worst,
                                        .colour = CH_COLOUR_RED,
                                        .look = CH_LOOK_STROKES,
                                        .name = names[1]});
    ch_chart_add(&c, &(ch_chart_series){.x = x + worst,
                                        .y = w->served + worst,
                                        .count = w->evaluated - worst,
                                        .colour = CH_COLOUR_BLUE,
                                        .look = CH_LOOK_STROKES,
                                        .name = "final model"});
    ch_page_chart(p, &c,
                  "How well each is served <span>accuracy on the client's own held-out "
                  "examples</span>");
}

static void put_heldout(ch_page *p, const ch_curves *k) {
    ch_chart c = ch_chart_defaults();
    c.title = "held-out accuracy over rounds: mean over clients, worst tenth";
    c.x_label = "round";
    c.is_percent = true;
    c.is_x_whole = true;
    ch_chart_add(&c, &(ch_chart_series){.x = k->round,
                                        .y = k->heldout_worst,
                                        .count = k->count,
                                        .colour = CH_COLOUR_RED,
                                        .look = CH_LOOK_DASHED,
                                        .name = "mean over the worst tenth of them"});
    ch_chart_add(&c, &(ch_chart_series){.x = k->round,
                                        .y = k->heldout_mean,
                                        .count = k->count,
                                        .colour = CH_COLOUR_BLUE,
                                        .look = CH_LOOK_LINE,
                                        .name = "mean over clients"});
    ch_page_chart(p, &c,
                  "Held-out accuracy over rounds <span>each client on its own held-out "
                  "examples</span>");
}

static void put_crowd(ch_page *p, const ch_clients *clients, const choir_env *env) {
    crowd w;
    if (!crowd_create(&w, clients, env)) {
        p->html.failed = true;
        return;
    }
    put_note(p, &w);
    if (w.alones > 0) {
        put_alone(p, &w);
    }
    put_labels(p, &w);
    put_sizes(p, &w);
    if (w.evaluated > 0) {
        put_served(p, &w);
    }
    ch_arena_release(&w.arena);
}

static bool has_heldout(const ch_curves *k) {
    for (uint32_t i = 0; i < k->count; i++) {
        if (!isnan(k->heldout_mean[i])) {
            return true;
        }
    }
    return false;
}

void ch_page_clients(ch_page *p, const ch_record *r, const ch_curves *curves,
                     const choir_env *env) {
    if (r->clients.count == 0 && !has_heldout(curves)) {
        return;
    }
    ch_page_section(p, "Clients");
    ch_draft_put(&p->html, "<div class=\"figures\">\n");
    if (r->clients.count > 0) {
        put_crowd(p, &r->clients, env);
    }
    put_heldout(p, curves);
    ch_draft_put(&p->html, "</div>\n");
    ch_page_section_close(p);
}
