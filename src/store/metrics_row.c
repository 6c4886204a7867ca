/*
 * Metrics rows as lines: see metrics_log.h and metrics_row.h.
 *
 * Every column is one row of a table; writing either form and reading are loops over it. Numbers
 * are written as the shortest decimal that reads back to the same value, so a row survives any
 * number of trips. What was not measured is NaN in memory, null in JSON and empty in CSV.
 */
#include "store/metrics_row.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum column_type { COLUMN_U32, COLUMN_U64, COLUMN_F64, COLUMN_BOOL } column_type;

typedef struct column {
    const char *name;
    column_type type;
    size_t offset; // of the field in a ch_metrics_row
} column;

#define U32(member)                                                                                \
    { #member, COLUMN_U32, offsetof(ch_metrics_row, member) }
#define U64(member)                                                                                \
    { #member, COLUMN_U64, offsetof(ch_metrics_row, member) }
#define F64(member)                                                                                \
    { #member, COLUMN_F64, offsetof(ch_metrics_row, member) }
#define BOOL(member)                                                                               \
    { #member, COLUMN_BOOL, offsetof(ch_metrics_row, member) }
#define REFUSED(name, text)                                                                        \
    {"refused_" text, COLUMN_U32, offsetof(ch_metrics_row, refused[CHOIR_REFUSAL_##name])},

static const column COLUMNS[] = {
    U32(round),
    F64(accuracy),
    F64(loss),
    F64(heldout_mean),
    F64(heldout_worst),
    F64(heldout_spread),
    F64(train_accuracy),
    F64(train_loss),
    U32(clients),
    U32(reports),
    BOOL(applied),
    U64(examples),
    F64(learning_rate),
    U32(epochs),
    U32(batch_size),
    // clang-format off
    CHOIR_REFUSAL_MAP(REFUSED)
    // clang-format on
    F64(diverged_client),
    F64(diverged_loss),
    U64(requests),
    U64(bytes_up),
    U64(bytes_down),
    F64(seconds),
    F64(evaluation_seconds),
    F64(virtual_seconds),
    U32(measured_clients),
    U32(measured_reports),
    U64(measured_examples),
    F64(measured_accuracy),
    F64(measured_loss),
};

enum { COLUMNS_COUNT = sizeof(COLUMNS) / sizeof(COLUMNS[0]) };

ch_metrics_row ch_metrics_row_empty(void) {
    return (ch_metrics_row){
        .accuracy = NAN,
        .loss = NAN,
        .heldout_mean = NAN,
        .heldout_worst = NAN,
        .heldout_spread = NAN,
        .train_accuracy = NAN,
        .train_loss = NAN,
        .measured_accuracy = NAN,
        .measured_loss = NAN,
        .diverged_client = NAN,
        .diverged_loss = NAN,
    };
}

ch_metrics_row ch_metrics_row_of(const choir_round_summary *summary) {
    ch_metrics_row row = ch_metrics_row_empty();
    row.round = summary->round;
    row.clients = summary->cohort;
    row.reports = summary->reports;
    row.applied = summary->applied;
    row.examples = summary->examples;
    row.learning_rate = ch_text_decimal(summary->learning_rate);
    row.epochs = summary->epochs;
    row.batch_size = summary->batch_size;
    memcpy(row.refused, summary->refused, sizeof(row.refused));
    if (summary->metrics.examples > 0) {
        const double examples = (double)summary->metrics.examples;
        row.train_accuracy = (double)summary->metrics.correct / examples;
        row.train_loss = (double)summary->metrics.loss_q20 * 0x1p-20 / examples;
    }
    return row;
}

void ch_metrics_row_measure(ch_metrics_row *row, const choir_round_summary *evaluation) {
    const choir_metrics *m = &evaluation->metrics;
    if (evaluation->round == 0 || evaluation->round != row->round) {
        return;
    }
    row->measured_clients = evaluation->cohort;
    row->measured_reports = evaluation->reports;
    row->measured_examples = evaluation->examples;
    if (evaluation->applied && m->examples > 0) {
        row->measured_accuracy = (double)m->correct / (double)m->examples;
        row->measured_loss = (double)m->loss_q20 * 0x1p-20 / (double)m->examples;
    }
}

// ----- writing ----------------------------------------------------------------------------------

static const void *field(const ch_metrics_row *row, const column *c) {
    return (const char *)row + c->offset;
}

/* One value as JSON writes it; absent is how what was not measured is written. */
static void value_text(char out[CH_TEXT_NUMBER_MAX], const ch_metrics_row *row, const column *c,
                       const char *absent) {
    const void *value = field(row, c);
    switch (c->type) {
    case COLUMN_U32:
        (void)snprintf(out, CH_TEXT_NUMBER_MAX, "%" PRIu32, *(const uint32_t *)value);
        break;
    case COLUMN_U64:
        (void)snprintf(out, CH_TEXT_NUMBER_MAX, "%" PRIu64, *(const uint64_t *)value);
        break;
    case COLUMN_BOOL:
        (void)snprintf(out, CH_TEXT_NUMBER_MAX, "%s", *(const bool *)value ? "true" : "false");
        break;
    case COLUMN_F64:
        if (isfinite(*(const double *)value)) {
            ch_text_number(out, CH_TEXT_NUMBER_MAX, *(const double *)value);
        } else {
            (void)snprintf(out, CH_TEXT_NUMBER_MAX, "%s", absent);
        }
        break;
    }
}

static size_t put(char *line, size_t at, const char *text) {
    const size_t size = strlen(text);
    CH_ASSERT(at + size < CH_METRICS_LINE_MAX);
    memcpy(line + at, text, size + 1);
    return at + size;
}

size_t ch_metrics_row_json(char line[CH_METRICS_LINE_MAX], const ch_metrics_row *row) {
    size_t at = 0;
    for (int i = 0; i < COLUMNS_COUNT; i++) {
        char value[CH_TEXT_NUMBER_MAX];
        value_text(value, row, &COLUMNS[i], "null");
        at = put(line, at, i == 0 ? "{\"" : ", \"");
        at = put(line, at, COLUMNS[i].name);
        at = put(line, at, "\": ");
        at = put(line, at, value);
    }
    return put(line, at, "}\n");
}

size_t ch_metrics_row_csv(char line[CH_METRICS_LINE_MAX], const ch_metrics_row *row) {
    size_t at = 0;
    for (int i = 0; i < COLUMNS_COUNT; i++) {
        char value[CH_TEXT_NUMBER_MAX];
        value_text(value, row, &COLUMNS[i], "");
        at = put(line, at, i == 0 ? "" : ",");
        at = put(line, at, value);
    }
    return put(line, at, "\n");
}

size_t ch_metrics_csv_head(char line[CH_METRICS_LINE_MAX]) {
    size_t at = 0;
    for (int i = 0; i < COLUMNS_COUNT; i++) {
        at = put(line, at, i == 0 ? "" : ",");
        at = put(line, at, COLUMNS[i].name);
    }
    return put(line, at, "\n");
}

// ----- reading ----------------------------------------------------------------------------------

static const char *const WANTED[] = {
    [COLUMN_U32] = "a whole number in [0, 4294967295]",
    [COLUMN_U64] = "a whole number, not below 0",
    [COLUMN_BOOL] = "true or false",
    [COLUMN_F64] = "a number or null",
};

static bool value_read(ch_metrics_row *row, const column *c, const json_t *value) {
    void *to = (char *)row + c->offset;
    const json_int_t integer = json_integer_value(value);
    switch (c->type) {
    case COLUMN_U32:
        *(uint32_t *)to = (uint32_t)integer;
        return json_is_integer(value) && integer >= 0 && integer <= UINT32_MAX;
    case COLUMN_U64:
        *(uint64_t *)to = (uint64_t)integer;
        return json_is_integer(value) && integer >= 0;
    case COLUMN_BOOL:
        *(bool *)to = json_is_true(value);
        return json_is_boolean(value);
    case COLUMN_F64:
        *(double *)to = json_is_null(value) ? (double)NAN : json_number_value(value);
        return json_is_null(value) || json_is_number(value);
    }
    return false;
}

choir_status ch_metrics_row_read(ch_metrics_row *out, const char *line, size_t size,
                                 const char *where, choir_error *err) {
    json_error_t why;
    json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_text_show(shown, sizeof(shown), root == NULL ? why.text : "");
        json_decref(root);
        return ch_error_set(err, CHOIR_EPROTO, "%s: is not a JSON object%s%s", where,
                            shown[0] == '\0' ? "" : ": ", shown);
    }
    // A column that an older version did not write stays empty; one that a newer one adds is left.
    choir_status status = CHOIR_OK;
    *out = ch_metrics_row_empty();
    for (int i = 0; i < COLUMNS_COUNT && status == CHOIR_OK; i++) {
        const column *c = &COLUMNS[i];
        const json_t *value = json_object_get(root, c->name);
        if (value == NULL && i == 0) {
            status = ch_error_set(err, CHOIR_EPROTO, "%s: '%s' is missing", where, c->name);
        } else if (value != NULL && !value_read(out, c, value)) {
            status = ch_error_set(err, CHOIR_EPROTO, "%s: '%s' is not %s", where, c->name,
                                  WANTED[c->type]);
        }
    }
    json_decref(root);
    return status;
}
