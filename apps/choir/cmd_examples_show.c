/* choir examples show, ls, expire: what a store of examples holds, and what is too old in it. */
#include "commands.h"

#include "base/error.h"
#include "choir/examples.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum { DATE_TEXT_MAX = 32 };

typedef struct examples_flags {
    uint64_t from;
    uint64_t count;
    bool json;
} examples_flags;

#define JSON_ROW(help)                                                                             \
    { "--json", CH_OPTION_FLAG, offsetof(examples_flags, json), 0, 0, "", NULL, help }

static const ch_option SHOW_ROWS[] = {JSON_ROW("a JSON object")};
static const ch_option LS_ROWS[] = {
    {"--from", CH_OPTION_U64, offsetof(examples_flags, from), 0, 9e15, "", NULL,
     "the number of the first"},
    {"--count", CH_OPTION_U64, offsetof(examples_flags, count), 0, 9e15, "", NULL,
     "how many at most"},
    JSON_ROW("each example as a line: a JSON object"),
};

static const ch_options SHOW_OPTIONS = {SHOW_ROWS, 1};
static const ch_options LS_OPTIONS = {LS_ROWS, sizeof(LS_ROWS) / sizeof(LS_ROWS[0])};
static const examples_flags DEFAULTS = {.from = 1, .count = 100};

static choir_status store_open(choir_examples **out, const ch_call *call, bool is_reader,
                               choir_error *err) {
    const choir_env env = choir_env_default();
    choir_examples_options options = choir_examples_defaults();
    options.is_reader = is_reader;
    return choir_examples_open(out, call->operands[0], &options, &env, err);
}

/* UTC, to the second. */
static void date_write(char out[DATE_TEXT_MAX], uint64_t at_ms) {
    const time_t at = (time_t)(at_ms / 1000);
    struct tm parts;
    if (gmtime_r(&at, &parts) == NULL ||
        strftime(out, DATE_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        (void)snprintf(out, DATE_TEXT_MAX, "-");
    }
}

static void show_json(FILE *out, const choir_examples_form *f, const choir_examples_summary *s) {
    (void)fprintf(out,
                  "{\"kind\": \"%s\", \"height\": %" PRIu32 ", \"width\": %" PRIu32
                  ", \"channels\": %" PRIu32 ", \"classes\": %" PRIu32 ", \"count\": %" PRIu64
                  ", \"bytes\": %" PRIu64 ", \"first\": %" PRIu64 ", \"last\": %" PRIu64
                  ", \"oldest_ms\": %" PRIu64 ", \"newest_ms\": %" PRIu64 ", \"rows_max\": %" PRIu64
                  ", \"bytes_max\": %" PRIu64 ", \"age_max_ms\": ",
                  f->kind == CHOIR_FEATURES_PIXELS ? "pixels" : "reals", f->height, f->width,
                  f->channels, f->classes, s->count, s->bytes, s->first_id, s->last_id,
                  s->oldest_ms, s->newest_ms, s->rows_max, s->bytes_max);
    if (s->age_max_ms == UINT64_MAX) {
        (void)fprintf(out, "null}\n");
    } else {
        (void)fprintf(out, "%" PRIu64 "}\n", s->age_max_ms);
    }
}

static void show_text(FILE *out, const choir_examples_form *f, const choir_examples_summary *s) {
    char dates[2][DATE_TEXT_MAX];
    (void)fprintf(out,
                  "examples  %" PRIu64 " of at most %" PRIu64 ", %" PRIu64
                  " bytes of at most %" PRIu64 "\n",
                  s->count, s->rows_max, s->bytes, s->bytes_max);
    (void)fprintf(out, "form      %" PRIu32 " x %" PRIu32 " x %" PRIu32 " %s, ", f->height,
                  f->width, f->channels,
                  f->kind == CHOIR_FEATURES_PIXELS ? "pixels" : "numbers (fp32)");
    if (f->classes > 0) {
        (void)fprintf(out, "%" PRIu32 " classes\n", f->classes);
    } else {
        (void)fprintf(out, "a number to predict\n");
    }
    if (s->age_max_ms == UINT64_MAX) {
        (void)fprintf(out, "age       any\n");
    } else {
        (void)fprintf(out, "age       at most %" PRIu64 " s\n", s->age_max_ms / 1000);
    }
    if (s->count > 0) {
        date_write(dates[0], s->oldest_ms);
        date_write(dates[1], s->newest_ms);
        (void)fprintf(out, "from      %s to %s\n", dates[0], dates[1]);
    }
}

static int show_run(const ch_call *call, choir_error *err) {
    const examples_flags *flags = call->options;
    choir_examples *e = NULL;
    choir_examples_summary s;
    choir_status status = store_open(&e, call, true, err);
    if (status == CHOIR_OK) {
        status = choir_examples_count(e, &s, err);
    }
    if (status == CHOIR_OK) {
        (flags->json ? show_json : show_text)(call->out, choir_examples_form_of(e), &s);
    }
    choir_examples_close(e);
    return exit_of(status, err);
}

typedef struct listing {
    FILE *out;
    bool json;
    bool has_classes;
} listing;

static void example_put(void *self, uint64_t id, const choir_example *x) {
    const listing *l = self;
    char date[DATE_TEXT_MAX];
    char answer[32];
    if (l->has_classes) {
        (void)snprintf(answer, sizeof(answer), "%" PRIu32, x->label);
    } else {
        (void)snprintf(answer, sizeof(answer), "%.9g", (double)x->target);
    }
    date_write(date, x->at_ms);
    if (l->json) {
        (void)fprintf(l->out, "{\"example\": %" PRIu64 ", \"at_ms\": %" PRIu64 ", \"%s\": %s}\n",
                      id, x->at_ms, l->has_classes ? "label" : "target", answer);
    } else {
        (void)fprintf(l->out, "%7" PRIu64 "  %s  %s\n", id, date, answer);
    }
}

static int ls_run(const ch_call *call, choir_error *err) {
    const examples_flags *flags = call->options;
    choir_examples *e = NULL;
    choir_status status = store_open(&e, call, true, err);
    if (status == CHOIR_OK) {
        listing l = {call->out, flags->json, choir_examples_form_of(e)->classes > 0};
        status = choir_examples_read(e, flags->from, flags->count, example_put, &l, err);
    }
    choir_examples_close(e);
    return exit_of(status, err);
}

static int expire_run(const ch_call *call, choir_error *err) {
    choir_examples *e = NULL;
    uint64_t removed = 0;
    choir_status status = store_open(&e, call, false, err);
    if (status == CHOIR_OK) {
        status = choir_examples_expire(e, (uint64_t)time(NULL) * 1000, &removed, err);
    }
    if (status == CHOIR_OK) {
        (void)fprintf(call->out, "%s: %" PRIu64 " removed\n", call->operands[0], removed);
    }
    choir_examples_close(e);
    return exit_of(status, err);
}

const ch_command CMD_EXAMPLES_SHOW = {
    .name = "examples show",
    .operands = "STORE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "what a device's store of examples holds, and its limits",
    .text = "Says how many examples there are, what they look like, how old they are, and how many "
            "there may be. Nothing is changed.",
    .options = &SHOW_OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = show_run,
};

const ch_command CMD_EXAMPLES_LS = {
    .name = "examples ls",
    .operands = "STORE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "the examples in a store: number, time and label",
    .text = "Lists examples in the order in which they were added: the number of each, when it was "
            "collected, and its label or the number to predict. Features are not shown.",
    .options = &LS_OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = ls_run,
};

const ch_command CMD_EXAMPLES_EXPIRE = {
    .name = "examples expire",
    .operands = "STORE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "remove what is too old in a store, and empty its log",
    .text = "Removes the examples that are older than the store's limit on age, overwrites them "
            "with zeros, and gives the room back to the disk. choir join --examples does so before "
            "it trains.",
    .options = &NO_OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = expire_run,
};
