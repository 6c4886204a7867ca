/* Summary: see summary.h. */
#include "report/summary.h"

#include "base/text.h"
#include "report/units.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double LOSS_RISE = 2; // times the best loss

bool ch_summary_rise(const ch_metrics_row *rows, uint32_t count, double start, double *best,
                     uint32_t *best_round, double *last, uint32_t *last_round) {
    double first = start;
    *best = start;
    *best_round = 0;
    *last = start;
    *last_round = 0;
    for (uint32_t i = 0; i < count; i++) {
        const double loss = rows[i].loss;
        if (isfinite(loss)) {
            first = isnan(first) ? loss : first;
            *best_round = isnan(*best) || loss < *best ? rows[i].round : *best_round;
            *best = isnan(*best) || loss < *best ? loss : *best;
            *last = loss;
            *last_round = rows[i].round;
        }
    }
    return *last > first && *last > LOSS_RISE * *best;
}

ch_summary ch_summary_of(const ch_metrics_row *rows, uint32_t count, uint32_t rounds,
                         double target) {
    ch_summary s = {.rounds = rounds, .target = target};
    s.accuracy = s.loss = s.best = NAN;
    s.diverged_client = s.diverged_loss = NAN;
    s.central = s.central_loss = s.local = s.local_loss = NAN;
    for (uint32_t i = 0; i < count; i++) {
        const ch_metrics_row *row = &rows[i];
        s.round = row->round;
        s.bytes_up += row->bytes_up;
        s.bytes_down += row->bytes_down;
        s.seconds += row->seconds;
        s.evaluation_seconds += row->evaluation_seconds;
        s.virtual_seconds = row->virtual_seconds;
        s.sampled += row->clients;
        if (!row->applied) {
            s.discarded += 1;
            s.discarded_reports =
                row->reports > s.discarded_reports ? row->reports : s.discarded_reports;
        }
        for (int reason = 0; reason < CHOIR_REFUSAL_COUNT; reason++) {
            s.refused[reason] += row->refused[reason];
        }
        if (s.diverged_round == 0 && row->refused[CHOIR_REFUSAL_DIVERGED] > 0) {
            s.diverged_round = row->round;
            s.diverged_client = row->diverged_client;
            s.diverged_loss = row->diverged_loss;
        }
        if (!isnan(row->accuracy) || !isnan(row->loss)) {
            s.accuracy = row->accuracy;
            s.loss = row->loss;
        }
        if (row->accuracy > s.best || (isnan(s.best) && !isnan(row->accuracy))) {
            s.best = row->accuracy;
            s.best_round = row->round;
        }
        if (target > 0 && s.target_round == 0 && row->accuracy >= target) {
            s.target_round = row->round;
        }
    }
    return s;
}

/* Text that grows up to its buffer's end and is cut there. */
typedef struct block {
    char *out;
    size_t size;
    size_t used;
    bool is_bold;
} block;

__attribute__((format(printf, 2, 3))) static void put(block *b, const char *format, ...) {
    if (b->used + 1 >= b->size) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    const int more = vsnprintf(b->out + b->used, b->size - b->used, format, arguments);
    va_end(arguments);
    const size_t room = b->size - b->used - 1;
    b->used += more < 0 ? 0 : (size_t)more < room ? (size_t)more : room;
}

static void put_title(block *b, const ch_summary *s) {
    put(b, "\n%s%s%s: %s %u of %u round%s\n", b->is_bold ? "\033[1m" : "",
        s->name == NULL || s->name[0] == '\0' ? "run" : s->name, b->is_bold ? "\033[0m" : "",
        s->has_failed       ? "diverged in"
        : s->was_finished   ? "already finished, nothing trained:"
        : s->is_interrupted ? "stopped after"
                            : "done,",
        s->round, s->rounds, ch_text_plural(s->rounds));
}

/* What it is to be compared with. */
static void put_baseline(block *b, const char *name, double accuracy, double loss) {
    char value[CH_UNITS_MAX];
    if (!isnan(accuracy)) {
        ch_units_share(value, accuracy);
        put(b, "  %-9s %s\n", name, value);
    } else if (!isnan(loss)) {
        ch_units_loss(value, loss);
        put(b, "  %-9s loss %s\n", name, value);
    }
}

static void put_accuracy(block *b, const ch_summary *s) {
    char value[CH_UNITS_MAX];
    if (!isnan(s->accuracy)) {
        ch_units_share(value, s->accuracy);
        put(b, "  accuracy  %s%s%s", b->is_bold ? "\033[1m" : "", value,
            b->is_bold ? "\033[0m" : "");
        if (s->best > s->accuracy) {
            ch_units_share(value, s->best);
            put(b, "  (best %s in round %u)", value, s->best_round);
        }
        put(b, "\n");
    }
    if (!isnan(s->accuracy) || !isnan(s->loss)) {
        ch_units_loss(value, s->loss);
        put(b, "  loss      %s\n", value);
    }
    if (s->target > 0) {
        ch_units_share(value, s->target);
        put(b, "  target    %s, ", value);
        put(b, s->target_round > 0 ? "reached in round %u\n" : "not reached\n", s->target_round);
    }
}

// As choir_refusal_text has them; a report is made without the coordinator.
static const char *const REFUSALS[] = {
#define X(name, text) text,
    CHOIR_REFUSAL_MAP(X)
#undef X
};

void ch_summary_refusals(char *out, size_t size, const ch_summary *s) {
    block b = {.out = out, .size = size};
    bool is_told[CHOIR_REFUSAL_COUNT] = {false};
    out[0] = '\0';
    for (;;) {
        int most = -1;
        for (int i = 0; i < CHOIR_REFUSAL_COUNT; i++) {
            const bool is_refusal = i != CHOIR_REFUSAL_MISSING && i != CHOIR_REFUSAL_DUPLICATE;
            if (is_refusal && !is_told[i] && s->refused[i] > (most < 0 ? 0 : s->refused[most])) {
                most = i;
            }
        }
        if (most < 0) {
            return;
        }
        is_told[most] = true;
        put(&b, "%s%llu %s", b.used == 0 ? "" : ", ", (unsigned long long)s->refused[most],
            REFUSALS[most]);
    }
}

/* What was trained in vain. */
static void put_losses(block *b, const ch_summary *s) {
    char refusals[CH_SUMMARY_MAX];
    ch_summary_refusals(refusals, sizeof(refusals), s);
    if (refusals[0] != '\0') {
        put(b, "  refused   %s\n", refusals);
    }
    if (s->diverged_round > 0 && !isnan(s->diverged_client)) {
        char loss[CH_UNITS_MAX];
        ch_units_loss(loss, s->diverged_loss);
        const bool is_known = !isnan(s->diverged_loss);
        put(b, "  diverged  first client %.0f in round %u%s%s\n", s->diverged_client,
            s->diverged_round, is_known ? ", after a mean loss of " : "", is_known ? loss : "");
    }
    if (s->refused[CHOIR_REFUSAL_MISSING] > 0) {
        put(b, "  missing   %llu report%s that did not come in time\n",
            (unsigned long long)s->refused[CHOIR_REFUSAL_MISSING],
            ch_text_plural(s->refused[CHOIR_REFUSAL_MISSING]));
    }
    if (s->discarded > 0) {
        put(b, "  discarded %u of %u round%s, the model is as before them\n", s->discarded,
            s->round, ch_text_plural(s->round));
    }
}

static void put_cost(block *b, const ch_summary *s) {
    char value[CH_UNITS_MAX];
    ch_units_bytes(value, s->bytes_up);
    put(b, "  sent      %s up, ", value);
    ch_units_bytes(value, s->bytes_down);
    put(b, "%s down\n", value);
    ch_units_seconds(value, s->seconds);
    put(b, "  time      %s training", value);
    ch_units_seconds(value, s->evaluation_seconds);
    put(b, ", %s evaluation", value);
    if (s->virtual_seconds > 0) {
        ch_units_seconds(value, s->virtual_seconds);
        put(b, "; %s in the simulated network", value);
    }
    put(b, "\n");
}

void ch_summary_text(char *out, size_t size, const ch_summary *s, bool is_bold) {
    block b = {.out = out, .size = size, .is_bold = is_bold};
    out[0] = '\0';
    put_title(&b, s);
    put_accuracy(&b, s);
    put_baseline(&b, "central", s->central, s->central_loss);
    put_baseline(&b, "local", s->local, s->local_loss);
    put_losses(&b, s);
    put_cost(&b, s);
    if (s->model_hash != NULL && s->model_hash[0] != '\0') {
        put(&b, "  model     %s\n", s->model_hash);
    }
    if (s->report != NULL && s->report[0] != '\0') {
        put(&b, "  report    %s\n", s->report);
    }
}

void ch_summary_print(FILE *out, const ch_summary *s) {
    const char *no_color = getenv("NO_COLOR");
    const bool wants_color = no_color == NULL || no_color[0] == '\0';
    char text[CH_SUMMARY_MAX];
    ch_summary_text(text, sizeof(text), s, wants_color && isatty(fileno(out)) == 1);
    (void)fputs(text, out);
    (void)fflush(out);
}
