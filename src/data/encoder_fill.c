/* From rows of cells to tables of inputs, labels and groups; see encoder.h. */
#include "data/encoder_parts.h"

#include "base/assert.h"
#include "base/env.h"
#include "base/error.h"
#include "base/text.h"
#include "data/filed.h"
#include "data/spool.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NOTE_BYTES = CHOIR_PATH_MAX + CHOIR_PATH_MAX + 256 };

/* Tables that are being filled, row by row. */
typedef struct filling {
    ch_encoder *e;
    float *x;                // (features) the next row's
    ch_spool *spool;         // where it goes; NULL: it stays, and x moves on
    uint32_t *labels;        // (rows) or NULL
    float *targets;          // (rows) or NULL
    uint32_t *groups;        // (train) or NULL
    const ch_cell_order *by; // of labels; NULL: they are targets
} filling;

/* -------------------------------------------------------------------------------------- inputs */

static float number_encode(const ch_encoding_column *column, const ch_cell *cell) {
    double v = column->mean;
    (void)ch_cell_number(&v, cell); // missing: the mean stays
    const double scaled = (v - column->mean) * column->scale;
    return (float)(scaled > 1e6 ? 1e6 : scaled < -1e6 ? -1e6 : scaled);
}

/* One more of a category that is unknown to an encoding that is given. */
static void unknown_add(const ch_encoder *e, uint32_t i, uint32_t c) {
    ch_column_facts *f = &e->facts[c];
    const uint32_t record = e->order[i];
    if (e->reading.encoding != NULL) {
        f->first_text = f->texts == 0 || record < f->first_text ? record : f->first_text;
        f->texts += 1;
    }
}

/* Encodes what row i has in column c into x. */
static void cell_encode(const ch_encoder *e, float *x, uint32_t i, uint32_t c,
                        const ch_cell *cell) {
    const ch_encoding_column *column = e->inputs[c];
    if (!column->has_values) {
        x[column->first] = number_encode(column, cell);
        return;
    }
    if (ch_cell_is_missing(cell)) {
        return;
    }
    const uint32_t place = ch_cells_find(column->values, column->count, cell, &CH_CELLS_AS_TEXTS);
    if (place < column->count) {
        x[column->first + place] = 1;
    } else {
        unknown_add(e, i, c);
    }
}

/* -------------------------------------------------------------------------------------- labels */

/* Labels are read as numbers where they are targets, or where all of the classes are numbers. */
static bool label_is_missing(const filling *f, const ch_cell *cell) {
    return ch_cell_is_missing(cell) ||
           (f->by != &CH_CELLS_AS_TEXTS && ch_cell_is_missing_number(cell));
}

/* Whether row i has a label. EPROTO when it has none, and must have one. */
static choir_status label_look(const filling *f, bool *has_label, uint32_t i,
                               const ch_cell *cells) {
    const ch_encoder *e = f->e;
    *has_label = e->label != CH_NO_COLUMN && !label_is_missing(f, &cells[e->label]);
    if (*has_label || e->label == CH_NO_COLUMN || e->reading.may_lack_labels) {
        return CHOIR_OK;
    }
    return ch_encoder_refuse(e, e->order[i], e->label, "label", "is missing");
}

static choir_status target_fill(const filling *f, uint32_t i, const ch_cell *cells) {
    const ch_encoder *e = f->e;
    double v = (double)NAN;
    bool has_label = false;
    const choir_status status = label_look(f, &has_label, i, cells);
    if (has_label && (!ch_cell_number(&v, &cells[e->label]) || fabs(v) > CH_ENCODED_NUMBER_MAX)) {
        return ch_encoder_refuse(e, e->order[i], e->label, "label",
                                 "is not a number below 1e30, which regression needs");
    }
    f->targets[i] = (float)v;
    return status;
}

static choir_status label_unknown(const ch_encoder *e, uint32_t record) {
    const ch_encoding_column *label = &e->encoding.label;
    char wanted[CH_TEXT_SHOWN_MAX];
    char why[2 * CH_TEXT_SHOWN_MAX];
    ch_cell_show(wanted, &label->values[0]);
    (void)snprintf(why, sizeof(why),
                   "is none of the %u that the model tells apart, the first of which is '%s'",
                   label->count, wanted);
    const choir_status status = ch_encoder_refuse(e, record, e->label, "label", why);
    return status == CHOIR_EPROTO ? CHOIR_EINVAL : status; // the file is whole, and another's
}

static choir_status label_fill(const filling *f, uint32_t i, const ch_cell *cells) {
    const ch_encoder *e = f->e;
    const ch_encoding_column *label = &e->encoding.label;
    bool has_label = false;
    const choir_status status = label_look(f, &has_label, i, cells);
    f->labels[i] = CH_LABEL_NONE;
    if (!has_label) {
        return status;
    }
    const ch_cell *cell = &cells[e->label];
    double number = 0;
    const bool fits = f->by == &CH_CELLS_AS_TEXTS || ch_cell_number(&number, cell);
    const uint32_t place =
        fits ? ch_cells_find(label->values, label->count, cell, f->by) : label->count;
    if (place == label->count) {
        return label_unknown(e, e->order[i]);
    }
    f->labels[i] = place;
    return CHOIR_OK;
}

/* Groups of the training rows only, so that none of them is empty. */
static choir_status group_fill(const filling *f, uint32_t i, const ch_cell *cells) {
    const ch_encoder *e = f->e;
    if (f->groups == NULL || i >= e->train) {
        return CHOIR_OK;
    }
    const ch_values *values = &e->values[e->group];
    f->groups[i] =
        ch_cells_find(values->cells, values->count, &cells[e->group], &CH_CELLS_AS_TEXTS);
    return f->groups[i] == values->count ? ch_csv_changed(e->csv, e->err) : CHOIR_OK;
}

/* ---------------------------------------------------------------------------------------- rows */

static choir_status row_fill(void *self, uint32_t i, const ch_cell *cells) {
    filling *f = self;
    const ch_encoder *e = f->e;
    const uint32_t features = e->encoding.features;
    memset(f->x, 0, features * sizeof(f->x[0]));
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        if (e->inputs[c] != NULL) {
            cell_encode(e, f->x, i, c, &cells[c]);
        }
    }
    choir_status status = f->targets != NULL ? target_fill(f, i, cells) : label_fill(f, i, cells);
    if (status == CHOIR_OK) {
        status = group_fill(f, i, cells);
    }
    if (status == CHOIR_OK && f->spool != NULL) {
        return ch_spool_add(f->spool, f->x, 1, e->err);
    }
    f->x += features;
    return status;
}

/* Claims what a filling needs. */
static choir_status filling_claim(filling *f, ch_dataset *d) {
    const ch_encoder *e = f->e;
    const uint32_t x_rows = f->spool != NULL ? 1 : e->rows;
    f->x = ch_dataset_claim(d, x_rows, e->encoding.features * sizeof(f->x[0]));
    void *answers = ch_dataset_claim(d, e->rows, sizeof(uint32_t)); // a float is as large
    if (f->x == NULL || answers == NULL) {
        return CHOIR_ENOMEM;
    }
    if (e->is_regression) {
        f->targets = answers;
    } else {
        f->labels = answers;
        f->by = ch_encoding_classes(e->encoding.label.values, e->encoding.label.count);
    }
    if (e->group != CH_NO_COLUMN) {
        f->groups = ch_dataset_claim(d, e->train, sizeof(f->groups[0]));
    }
    return e->group != CH_NO_COLUMN && f->groups == NULL ? CHOIR_ENOMEM : CHOIR_OK;
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

/* Fills d's tables, but for inputs that go to a spool. All rows in order: training first. */
static choir_status tables_fill(ch_encoder *e, ch_dataset *d, ch_spool *spool) {
    const ch_encoding_column *label = &e->encoding.label;
    filling f = {.e = e, .spool = spool};
    choir_status status = encoding_keep(e, d);
    if (status == CHOIR_OK) {
        status = filling_claim(&f, d);
    }
    if (status == CHOIR_OK && !e->is_regression) {
        status = ch_dataset_name(d, label->values, label->count);
    }
    const float *x = f.x;
    if (status == CHOIR_OK) {
        status = ch_encoder_visit(e, e->rows, row_fill, &f);
    }
    if (status == CHOIR_OK && e->csv->file != NULL) {
        status = ch_filed_file_check(e->csv->file, "it was read", e->err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    d->train = (ch_examples){.count = e->train,
                             .shape = {1, 1, e->encoding.features},
                             .classes = e->is_regression   ? 0
                                        : label->count < 2 ? 2
                                                           : label->count,
                             .reals = spool != NULL ? NULL : x,
                             .labels = f.labels,
                             .targets = f.targets,
                             .groups = f.groups};
    d->test = d->train;
    d->test.count = e->rows - e->train;
    d->test.groups = NULL;
    d->test.reals = spool != NULL ? NULL : x + (size_t)e->train * e->encoding.features;
    d->test.labels = f.labels == NULL ? NULL : f.labels + e->train;
    d->test.targets = f.targets == NULL ? NULL : f.targets + e->train;
    return CHOIR_OK;
}

/* --------------------------------------------------------------------------------------- notes */

static bool is_unknown(const ch_encoder *e, uint32_t c) {
    return e->reading.encoding != NULL && e->kinds[c] == CH_COLUMN_CATEGORICAL &&
           e->facts[c].texts > 0;
}

/* Says which category of a column the encoding does not have. EIO. */
static choir_status unknown_say(const ch_encoder *e, uint32_t c, char out[NOTE_BYTES]) {
    const ch_column_facts *f = &e->facts[c];
    char shown[CH_TEXT_SHOWN_MAX];
    const ch_cell *cells = NULL;
    const choir_status status = ch_csv_record(e->csv, f->first_text, &cells, e->err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_cell_show(shown, &cells[c]);
    (void)snprintf(out, NOTE_BYTES,
                   "%s: line %u: value '%s' in column %u is none that the model was trained on, as "
                   "in %u row%s in all; it counts as missing",
                   e->name, e->csv->lines[f->first_text], shown, c + 1, f->texts,
                   f->texts == 1 ? "" : "s");
    return CHOIR_OK;
}

/* All that is to be said, a line each, in an array of d; NULL where there is nothing. */
static choir_status notes_make(const ch_encoder *e, ch_dataset *d, const char **out) {
    size_t most = 0;
    char note[NOTE_BYTES];
    *out = NULL;
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        most += is_unknown(e, c) ? NOTE_BYTES : 0;
    }
    if (most == 0) {
        return CHOIR_OK;
    }
    char *notes = ch_dataset_claim(d, most, 1);
    if (notes == NULL) {
        return CHOIR_ENOMEM;
    }
    size_t used = 0;
    choir_status status = CHOIR_OK;
    for (uint32_t c = 0; c < e->csv->columns && status == CHOIR_OK; c++) {
        if (is_unknown(e, c)) {
            status = unknown_say(e, c, note);
            used += (size_t)snprintf(notes + used, most - used, "%s%s", used == 0 ? "" : "\n",
                                     status == CHOIR_OK ? note : "");
        }
    }
    *out = notes;
    return status;
}

static void notes_log(const choir_env *env, const char *notes) {
    while (notes != NULL && *notes != '\0') {
        const size_t size = strcspn(notes, "\n");
        ch_log(env, CHOIR_LEVEL_WARN, "category_unknown", "%.*s", (int)size, notes);
        notes += size + (notes[size] == '\n');
    }
}

/* ---------------------------------------------------------------------------------------- both */

static choir_status memory_fill(ch_encoder *e, ch_dataset *out) {
    const char *notes = NULL;
    choir_status status = tables_fill(e, out, NULL);
    if (status == CHOIR_OK) {
        status = notes_make(e, out, &notes);
    }
    if (status == CHOIR_OK) {
        notes_log(&out->env, notes);
    }
    return status;
}

static choir_status spool_fill(ch_encoder *e, const choir_env *env, const char *to,
                               const char *path) {
    ch_spool spool;
    ch_dataset d;
    const char *notes = NULL;
    choir_status status = ch_spool_begin(&spool, to, path, e->encoding.features, env, e->err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_dataset_init(&d, env);
    status = tables_fill(e, &d, &spool);
    if (status == CHOIR_OK) {
        status = notes_make(e, &d, &notes);
    }
    status = ch_spool_end(&spool, &d, notes, status, e->err);
    ch_dataset_release(&d);
    return status;
}

choir_status ch_encoder_reopen(ch_dataset *out, const char *to, choir_error *err) {
    ch_dataset d;
    const char *notes = NULL;
    CH_ASSERT(out->block_count == 0);
    ch_dataset_init(&d, &out->env);
    const choir_status status = ch_spool_open(&d, &notes, to, err);
    if (status != CHOIR_OK) {
        ch_dataset_release(&d);
        return status;
    }
    notes_log(&out->env, notes);
    *out = d;
    return CHOIR_OK;
}

choir_status ch_encoder_fill(ch_encoder *e, ch_dataset *out, uint64_t memory, const char *to,
                             const char *path) {
    const uint32_t features = e->encoding.features;
    const uint64_t bytes = (uint64_t)e->rows * features * sizeof(float);
    const uint64_t most = bytes > memory ? CH_SPOOL_BYTES_MAX : CH_ENCODED_BYTES_MAX;
    if (bytes > most || features > CH_FEATURES_MAX) {
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: %u rows of %u inputs; no more than %llu bytes are encoded%s",
                            e->name, e->rows, features, (unsigned long long)most,
                            bytes > memory ? "" : " in memory, and data.memory says how many");
    }
    if (bytes <= memory) {
        return memory_fill(e, out);
    }
    char found[CH_UNPACKED_PATH_MAX];
    if (to[0] == '\0') { // and why there is none
        bool is_there = false;
        return ch_unpacked_find(found, &is_there, path, 0, e->options->dir, e->err);
    }
    ch_log_text(&out->env, CHOIR_LEVEL_INFO, "data_encoded", "path", path);
    const choir_status status = spool_fill(e, &out->env, to, path);
    return status == CHOIR_OK ? ch_encoder_reopen(out, to, e->err) : status;
}
