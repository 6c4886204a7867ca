/* Progress: see progress.h. */
#include "report/progress.h"

#include "report/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    WIDTH_USUAL = 80, // columns of a terminal that does not say
    FIELDS_MAX = 9,
    FIELD_MAX = 64, // bytes
};

static const double REDRAW_S = 0.1; // a terminal's line at most this often
static const double LINE_S = 1;     // a log's

/* One part of the line, and how soon it is left out when the line is too long: 0 never. */
typedef struct field {
    char text[FIELD_MAX];
    uint32_t expendable;
} field;

typedef struct line {
    field fields[FIELDS_MAX];
    uint32_t count;
} line;

static char *field_add(line *l, uint32_t expendable) {
    field *f = &l->fields[l->count++];
    f->expendable = expendable;
    return f->text;
}

static void fields_of_model(line *l, const ch_progress_figures *g) {
    char value[CH_UNITS_MAX];
    if (!g->is_evaluated) {
        return;
    }
    const bool is_alone = isnan(g->accuracy); // in regression there is none
    if (!is_alone) {
        ch_units_share(field_add(l, 1), g->accuracy);
    }
    ch_units_loss(value, g->loss);
    (void)snprintf(field_add(l, isfinite(g->loss) && !is_alone ? 6 : 1), FIELD_MAX, "loss %s",
                   value);
}

static void fields_of_cohort(line *l, const ch_progress_figures *g) {
    char *text = field_add(l, 7);
    const char *noun = g->cohort == 1 ? "client" : "clients";
    if (g->clients == g->cohort) {
        (void)snprintf(text, FIELD_MAX, "%u %s", g->clients, noun);
    } else {
        (void)snprintf(text, FIELD_MAX, "%u of %u %s", g->clients, g->cohort, noun);
    }
    char value[CH_UNITS_MAX];
    if (g->bytes_up + g->bytes_down > 0) { // a baseline sends nothing
        ch_units_bytes(value, g->bytes_up);
        (void)snprintf(field_add(l, 4), FIELD_MAX, "up %s", value);
        ch_units_bytes(value, g->bytes_down);
        (void)snprintf(field_add(l, 5), FIELD_MAX, "down %s", value);
    }
}

static void fields_of_time(line *l, const ch_progress_figures *g) {
    char value[CH_UNITS_MAX];
    if (isfinite(g->rounds_per_s) && g->noun == NULL) {
        ch_units_rate(field_add(l, 3), g->rounds_per_s);
    }
    if (isfinite(g->seconds_left) && g->round < g->rounds) {
        ch_units_seconds(value, g->seconds_left);
        (void)snprintf(field_add(l, 2), FIELD_MAX, "%s left", value);
    }
}

static size_t line_join(const line *l, char *out, size_t size) {
    size_t used = 0;
    for (uint32_t i = 0; i < l->count && used < size; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", i == 0 ? "" : "  ",
                                 l->fields[i].text);
    }
    return used;
}

/* Takes out the most expendable field; false when none is. */
static bool line_shorten(line *l) {
    uint32_t worst = 0;
    for (uint32_t i = 1; i < l->count; i++) {
        worst = l->fields[i].expendable > l->fields[worst].expendable ? i : worst;
    }
    if (l->fields[worst].expendable == 0) {
        return false;
    }
    l->count -= 1;
    memmove(&l->fields[worst], &l->fields[worst + 1], (l->count - worst) * sizeof(field));
    return true;
}

void ch_progress_line(char *out, size_t size, const ch_progress_figures *figures, uint32_t width) {
    line l = {.count = 0};
    (void)snprintf(field_add(&l, 0), FIELD_MAX, "%s%s%s %u/%u", figures->label,
                   figures->label[0] == '\0' ? "" : " ",
                   figures->noun == NULL ? "round" : figures->noun, figures->round,
                   figures->rounds);
    if (figures->round > 0) {
        fields_of_model(&l, figures);
        if (figures->cohort > 0) { // of a baseline there is none
            fields_of_cohort(&l, figures);
        }
        fields_of_time(&l, figures);
    }
    const size_t columns = width == 0 || width >= size ? size - 1 : width;
    while (line_join(&l, out, size) > columns && line_shorten(&l)) {
    }
    out[columns] = '\0';
}

/* Columns of the terminal that out is. */
static uint32_t terminal_width(FILE *out) {
    struct winsize size = {.ws_col = 0};
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return WIDTH_USUAL;
}

/* A terminal that can go back to the start of a line. */
static bool is_terminal(FILE *out) {
    const char *term = getenv("TERM");
    return isatty(fileno(out)) == 1 && term != NULL && strcmp(term, "dumb") != 0;
}

static void line_write(ch_progress *p, double now_s) {
    char text[CH_PROGRESS_LINE_MAX];
    if (p->is_terminal) {
        // One column stays free: some terminals wrap as soon as the last one is written.
        ch_progress_line(text, sizeof(text), &p->figures, terminal_width(p->out) - 1);
        (void)fprintf(p->out, "\r%s\033[K", text); // and erase what the last one leaves behind
    } else {
        ch_progress_line(text, sizeof(text), &p->figures, 0);
        (void)fprintf(p->out, "%s\n", text);
    }
    (void)fflush(p->out);
    p->is_drawn = p->is_terminal;
    p->is_owed = false;
    p->written_s = now_s;
}

void ch_progress_open(ch_progress *p, FILE *out, const char *label, uint32_t rounds, double now_s) {
    *p = (ch_progress){
        .out = out,
        .is_terminal = out != NULL && is_terminal(out),
        .opened_s = now_s,
        .written_s = -INFINITY,
        .figures = {.rounds = rounds, .rounds_per_s = NAN, .seconds_left = NAN},
    };
    (void)snprintf(p->figures.label, sizeof(p->figures.label), "%s", label);
}

static void figures_add(ch_progress_figures *g, const ch_metrics_row *row) {
    g->round = row->round;
    g->clients = row->reports;
    g->cohort = row->clients;
    g->bytes_up += row->bytes_up;
    g->bytes_down += row->bytes_down;
    if (!isnan(row->accuracy) || !isnan(row->loss)) {
        g->is_evaluated = true;
        g->accuracy = row->accuracy;
        g->loss = row->loss;
    }
}

void ch_progress_resume(ch_progress *p, const ch_metrics_row *rows, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        figures_add(&p->figures, &rows[i]);
    }
    p->opened_at = p->figures.round;
}

/* The rate is that of this process, evaluation included: it is what the person waits for. */
static void figures_time(ch_progress *p, double now_s) {
    ch_progress_figures *g = &p->figures;
    const double elapsed = now_s - p->opened_s;
    if (g->round > p->opened_at && elapsed > 0) {
        g->rounds_per_s = (g->round - p->opened_at) / elapsed;
        const uint32_t left = g->rounds > g->round ? g->rounds - g->round : 0;
        g->seconds_left = left / g->rounds_per_s;
    }
}

void ch_progress_round(ch_progress *p, const ch_metrics_row *row, double now_s) {
    figures_add(&p->figures, row);
    figures_time(p, now_s);
    if (p->out == NULL) {
        return;
    }
    p->is_owed = true;
    const bool is_worth_it = p->is_terminal || !isnan(row->accuracy) || !isnan(row->loss);
    if (is_worth_it && now_s - p->written_s >= (p->is_terminal ? REDRAW_S : LINE_S)) {
        line_write(p, now_s);
    }
}

void ch_progress_steps(ch_progress *p, const char *noun, uint32_t count) {
    p->figures.noun = noun;
    p->figures.rounds = count;
}

void ch_progress_step(ch_progress *p, uint32_t done, double now_s) {
    p->figures.round = done;
    figures_time(p, now_s);
    if (p->out == NULL) {
        return;
    }
    p->is_owed = true;
    if (now_s - p->written_s >= (p->is_terminal ? REDRAW_S : LINE_S)) {
        line_write(p, now_s);
    }
}

static void line_end(ch_progress *p) {
    if (p->is_drawn) {
        (void)fputc('\n', p->out);
        (void)fflush(p->out);
    }
    p->is_drawn = false;
}

void ch_progress_note(ch_progress *p, const char *text) {
    if (p->out == NULL) {
        return;
    }
    if (p->is_owed && !p->is_terminal) {
        line_write(p, p->written_s);
    }
    (void)fprintf(p->out, "%s%s%s\n", p->is_drawn ? "\r" : "", text, p->is_drawn ? "\033[K" : "");
    (void)fflush(p->out);
    if (p->is_drawn) {
        line_write(p, p->written_s);
    }
}

bool ch_progress_hide(ch_progress *p) {
    const bool was_drawn = p->is_drawn;
    if (was_drawn) {
        (void)fputs("\r\033[K", p->out);
        (void)fflush(p->out);
    }
    p->is_drawn = false;
    return was_drawn;
}

void ch_progress_show(ch_progress *p) {
    line_write(p, p->written_s);
}

void ch_progress_close(ch_progress *p) {
    const bool has_time = isfinite(p->figures.seconds_left) && p->figures.seconds_left > 0;
    p->figures.seconds_left = NAN;
    if (p->out != NULL && (p->is_owed || (p->is_drawn && has_time))) {
        line_write(p, p->written_s);
    }
    line_end(p);
}
