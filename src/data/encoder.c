/* Columns as inputs, labels and groups; see encoder.h. */
#include "data/encoder_parts.h"

#include "base/arena.h"
#include "base/env.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/deviates.h"
#include "data/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

choir_status ch_encoder_refuse(const ch_encoder *e, uint32_t i, uint32_t c, const char *what,
                               const char *why) {
    char shown[CH_TEXT_SHOWN_MAX];
    ch_cell_show(shown, ch_encoder_row(e, i, c));
    return ch_error_set(e->err, CHOIR_EPROTO, "%s: line %u: %s '%s' in column %u %s", e->name,
                        e->csv->lines[e->order[i]], what, shown, c + 1, why);
}

choir_status ch_encoder_check_numbers(const ch_encoder *e, uint32_t c) {
    double v = 0;
    for (uint32_t i = 0; i < e->rows; i++) {
        if (ch_cell_number(&v, ch_encoder_row(e, i, c)) && fabs(v) > CH_ENCODED_NUMBER_MAX) {
            return ch_encoder_refuse(e, i, c, "value",
                                     "is not between -1e30 and 1e30, as an input must be");
        }
    }
    return CHOIR_OK;
}

/* ------------------------------------------------------------------------------------- inputs */

static float number_encode(const ch_encoding_column *column, const ch_cell *cell) {
    double v = column->mean;
    (void)ch_cell_number(&v, cell); // missing: the mean stays
    const double scaled = (v - column->mean) * column->scale;
    return (float)(scaled > 1e6 ? 1e6 : scaled < -1e6 ? -1e6 : scaled);
}

/* Encodes one column of every row into x (rows, features). */
static void column_encode(const ch_encoder *e, uint32_t c, float *x, const choir_env *env) {
    const ch_encoding_column *column = e->inputs[c];
    uint32_t unknown = 0;
    uint32_t first = 0; // row of the first value that is unknown
    for (uint32_t i = 0; i < e->rows; i++, x += e->encoding.features) {
        const ch_cell *cell = ch_encoder_row(e, i, c);
        if (!column->has_values) {
            x[column->first] = number_encode(column, cell);
            continue;
        }
        const uint32_t place =
            ch_cells_find(column->values, column->count, cell, &CH_CELLS_AS_TEXTS);
        if (place < column->count && !ch_cell_is_missing(cell)) {
            x[column->first + place] = 1;
        } else if (!ch_cell_is_missing(cell)) {
            first = unknown == 0 || e->order[i] < e->order[first] ? i : first;
            unknown += 1;
        }
    }
    if (unknown > 0 && e->reading.encoding != NULL) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_cell_show(shown, ch_encoder_row(e, first, c));
        ch_log(env, CHOIR_LEVEL_WARN, "category_unknown",
               "%s: line %u: value '%s' in column %u is none that the model was trained on, as in "
               "%u row%s in all; it counts as missing",
               e->name, e->csv->lines[e->order[first]], shown, c + 1, unknown,
               ch_text_plural(unknown));
    }
}

/* All rows in order: training first, then test. */
static choir_status inputs_claim(const ch_encoder *e, ch_dataset *out, const float **inputs) {
    const uint32_t features = e->encoding.features;
    const uint64_t bytes = (uint64_t)e->rows * features * sizeof(float);
    if (bytes > CH_ENCODED_BYTES_MAX || features > CH_FEATURES_MAX) {
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: %u rows of %u inputs; no more than %llu bytes are encoded",
                            e->name, e->rows, features, (unsigned long long)CH_ENCODED_BYTES_MAX);
    }
    float *x = ch_dataset_claim(out, e->rows, features * sizeof(x[0]));
    if (x == NULL) {
        return CHOIR_ENOMEM;
    }
    memset(x, 0, (size_t)bytes);
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        if (e->inputs[c] != NULL) {
            column_encode(e, c, x, &out->env);
        }
    }
    *inputs = x;
    return CHOIR_OK;
}

/* ------------------------------------------------------------------------------------- labels */

/* Whether the i-th row has no label, and need not have one. */
static bool label_is_lacking(const ch_encoder *e, uint32_t i) {
    return e->label == CH_NO_COLUMN ||
           (e->reading.may_lack_labels && ch_cell_is_missing(ch_encoder_row(e, i, e->label)));
}

static choir_status targets_claim(const ch_encoder *e, ch_dataset *out, const float **targets) {
    float *to = ch_dataset_claim(out, e->rows, sizeof(to[0]));
    if (to == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < e->rows; i++) {
        double v = (double)NAN;
        if (!label_is_lacking(e, i) && (!ch_cell_number(&v, ch_encoder_row(e, i, e->label)) ||
                                        fabs(v) > CH_ENCODED_NUMBER_MAX)) {
            return ch_encoder_refuse(e, i, e->label, "label",
                                     "is not a number below 1e30, which regression needs");
        }
        to[i] = (float)v;
    }
    *targets = to;
    return CHOIR_OK;
}

static choir_status label_unknown(const ch_encoder *e, uint32_t i) {
    const ch_encoding_column *label = &e->encoding.label;
    char wanted[CH_TEXT_SHOWN_MAX];
    char why[2 * CH_TEXT_SHOWN_MAX];
    ch_cell_show(wanted, &label->values[0]);
    (void)snprintf(why, sizeof(why),
                   "is none of the %u that the model tells apart, the first of which is '%s'",
                   label->count, wanted);
    const choir_status status = ch_encoder_refuse(e, i, e->label, "label", why);
    return status == CHOIR_EPROTO ? CHOIR_EINVAL : status; // the file is whole, and another's
}

static choir_status labels_claim(const ch_encoder *e, ch_dataset *out, const uint32_t **labels,
                                 uint32_t *classes) {
    const ch_encoding_column *label = &e->encoding.label;
    const ch_cell_order *by = ch_encoding_classes(label->values, label->count);
    uint32_t *to = ch_dataset_claim(out, e->rows, sizeof(to[0]));
    if (to == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < e->rows; i++) {
        to[i] = CH_LABEL_NONE;
        if (label_is_lacking(e, i)) {
            continue;
        }
        const ch_cell *cell = ch_encoder_row(e, i, e->label);
        double number = 0;
        if (ch_cell_is_missing(cell)) {
            return ch_encoder_refuse(e, i, e->label, "label", "is missing");
        }
        const bool fits = by == &CH_CELLS_AS_TEXTS || ch_cell_number(&number, cell);
        to[i] = fits ? ch_cells_find(label->values, label->count, cell, by) : label->count;
        if (to[i] == label->count) {
            return label_unknown(e, i);
        }
    }
    *labels = to;
    *classes = label->count < 2 ? 2 : label->count;
    return ch_dataset_name(out, label->values, label->count);
}

/* Groups of the training rows only, so that none of them is empty. */
static choir_status groups_claim(const ch_encoder *e, ch_dataset *out, const uint32_t **groups) {
    uint32_t *to = ch_dataset_claim(out, e->train, sizeof(to[0]));
    if (to == NULL) {
        return CHOIR_ENOMEM;
    }
    const uint32_t count = ch_encoder_distinct(e, e->group, e->train, true, &CH_CELLS_AS_TEXTS);
    for (uint32_t i = 0; i < e->train; i++) {
        to[i] = ch_cells_find(e->sorted, count, ch_encoder_row(e, i, e->group), &CH_CELLS_AS_TEXTS);
    }
    *groups = to;
    return CHOIR_OK;
}

/* The encoding as the data set's own text. */
static choir_status encoding_keep(const ch_encoder *e, ch_dataset *out) {
    char none[1];
    const size_t size = ch_encoding_write(none, sizeof(none), &e->encoding) + 1;
    if (size > CH_ENCODING_TEXT_MAX) {
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: the names and values of its columns take %zu bytes; at most %d "
                            "are kept with a model. Leave columns out with data.drop",
                            e->name, size, CH_ENCODING_TEXT_MAX);
    }
    char *text = ch_dataset_claim(out, size, 1);
    if (text == NULL) {
        return CHOIR_ENOMEM;
    }
    (void)ch_encoding_write(text, size, &e->encoding);
    out->encoding = text;
    return CHOIR_OK;
}

static choir_status tables_fill(const ch_encoder *e, ch_dataset *out) {
    ch_examples all = {.count = e->rows, .shape = {1, 1, e->encoding.features}};
    choir_status status = inputs_claim(e, out, &all.reals);
    if (status == CHOIR_OK) {
        status = e->is_regression ? targets_claim(e, out, &all.targets)
                                  : labels_claim(e, out, &all.labels, &all.classes);
    }
    if (status == CHOIR_OK && e->group != CH_NO_COLUMN) {
        status = groups_claim(e, out, &all.groups);
    }
    if (status == CHOIR_OK) {
        status = encoding_keep(e, out);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    out->train = all;
    out->train.count = e->train;
    out->test = all;
    out->test.count = e->rows - e->train;
    out->test.groups = NULL;
    out->test.reals += (size_t)e->train * e->encoding.features;
    out->test.labels = all.labels == NULL ? NULL : all.labels + e->train;
    out->test.targets = all.targets == NULL ? NULL : all.targets + e->train;
    return CHOIR_OK;
}

/* Chooses the test rows: the last ones of a random order. */
static choir_status rows_order(ch_encoder *e, uint64_t seed) {
    const uint32_t first = e->has_header ? 1 : 0;
    for (uint32_t i = 0; i < e->rows; i++) {
        e->order[i] = first + i;
    }
    uint32_t test = 0;
    const choir_status status = ch_test_count(&test, e->rows, e->options->test_share, e->err);
    e->train = e->rows - test;
    if (status == CHOIR_OK && e->train == 0 && !e->reading.is_test_only) {
        return ch_test_refuse(e->rows, e->options->test_share, e->err);
    }
    if (test > 0 && e->train > 0) {
        ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_HELDOUT, 1, 0);
        ch_rng_shuffle(&rng, e->order, e->rows);
    }
    return status;
}

static choir_status task_check(ch_encoder *e) {
    const char *task = e->options->task;
    e->is_regression = strcmp(task, "regression") == 0;
    if (!e->is_regression && task[0] != '\0' && strcmp(task, "classification") != 0) {
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "data.task: '%s' is neither classification nor regression", task);
    }
    return CHOIR_OK;
}

static choir_status arena_claim(ch_encoder *e, const choir_env *env) {
    const uint32_t columns = e->csv->columns;
    const bool is_fit = e->reading.encoding == NULL;
    const size_t categories =
        ch_arena_cost(e->rows < CH_CATEGORIES_MAX ? e->rows : CH_CATEGORIES_MAX, sizeof(ch_cell));
    const size_t bytes =
        ch_arena_cost(columns, sizeof(e->kinds[0])) + ch_arena_cost(columns, sizeof(e->inputs[0])) +
        ch_arena_cost(e->rows, sizeof(e->order[0])) + ch_arena_cost(e->rows, sizeof(e->sorted[0]));
    const size_t fitted = ch_arena_cost(columns, sizeof(e->fitted[0])) +
                          ch_arena_cost(e->rows, sizeof(e->labels[0])) + columns * categories;
    if (ch_arena_init(&e->arena, bytes + (is_fit ? fitted : 0), env) != CHOIR_OK) {
        return CHOIR_ENOMEM;
    }
    e->kinds = CH_NEW(&e->arena, ch_column_kind, columns);
    e->inputs = CH_NEW(&e->arena, const ch_encoding_column *, columns);
    e->order = CH_NEW(&e->arena, uint32_t, e->rows);
    e->sorted = CH_NEW(&e->arena, ch_cell, e->rows);
    if (is_fit) {
        e->fitted = CH_NEW(&e->arena, ch_encoding_column, columns);
        e->labels = CH_NEW(&e->arena, ch_cell, e->rows);
    }
    return CHOIR_OK;
}

/* Reading for a model that has no encoding would make up another one. */
static choir_status header_find(ch_encoder *e) {
    choir_status status = CHOIR_OK;
    if (e->reading.encoding != NULL) {
        e->encoding = *e->reading.encoding;
        status = ch_encoder_match_header(e);
    } else if (e->reading.is_test_only) {
        status = ch_error_set(e->err, CHOIR_EINVAL,
                              "%s: is a CSV file, and the model was trained on none, so it does "
                              "not say what columns mean to it",
                              e->name);
    } else {
        e->has_header = ch_encoder_sees_header(e);
    }
    e->rows = e->csv->records - (e->has_header ? 1 : 0);
    if (status == CHOIR_OK && e->rows == 0) {
        status = ch_error_set(e->err, CHOIR_EPROTO, "%s: has a header and no rows", e->name);
    }
    return status;
}

choir_status ch_csv_encode(ch_dataset *out, const ch_csv *csv, const char *name,
                           const choir_job_data *options, const ch_reading *reading, uint64_t seed,
                           choir_error *err) {
    ch_encoder e = {.csv = csv, .name = name, .options = options, .err = err};
    e.reading = reading == NULL ? e.reading : *reading;
    choir_status status = header_find(&e);
    if (status == CHOIR_OK) {
        status = task_check(&e);
    }
    if (status == CHOIR_OK) {
        status = arena_claim(&e, &out->env);
    }
    if (status == CHOIR_OK) {
        status = rows_order(&e, seed);
    }
    if (status == CHOIR_OK) {
        status = e.reading.encoding != NULL ? ch_encoder_match(&e) : ch_encoder_fit(&e);
    }
    if (status == CHOIR_OK) {
        status = tables_fill(&e, out);
    }
    ch_arena_release(&e.arena);
    return status;
}

choir_status ch_csv_read(ch_dataset *out, const char *path, const choir_job_data *options,
                         const ch_reading *reading, uint64_t seed, choir_error *err) {
    ch_file file;
    choir_status status = ch_file_read(&file, path, CH_CSV_BYTES_MAX, &out->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_csv csv;
    status = ch_csv_parse(&csv, (char *)file.data, file.size, path, &out->env, err);
    if (status == CHOIR_OK) {
        status = ch_csv_encode(out, &csv, path, options, reading, seed, err);
        ch_csv_release(&csv);
    }
    ch_file_release(&file);
    return status;
}
