/* Columns as inputs, labels and groups; see encoding.h. */
#include "data/encoding.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/cells.h"
#include "data/deviates.h"
#include "data/file.h"

#include <math.h>
#include <string.h>

enum {
    NO_COLUMN = CH_CSV_COLUMNS_MAX,
    FRACTIONS_MAX = 20, // classes whose names may be numbers that are not whole
};

static const double NUMBER_MAX = 1e30; // of an input or a target

typedef enum column_kind {
    KIND_UNKNOWN,
    KIND_NUMERIC,
    KIND_CATEGORICAL,
    KIND_DROPPED,
    KIND_LABEL,
    KIND_GROUP,
} column_kind;

typedef struct column {
    column_kind kind;
    uint32_t first;      // its first input
    double mean, scale;  // numeric: input = (v - mean) * scale
    ch_cell *categories; // (count) categorical: ascending
    uint32_t count;
} column;

typedef struct encoder {
    const ch_csv *csv;
    const char *name;
    const choir_job_data *options;
    choir_error *err;
    bool has_header;
    bool is_regression;
    uint32_t rows, train; // the training rows come first in order
    uint32_t features;
    uint32_t label, group; // columns; group may be NO_COLUMN
    ch_arena arena;        // of what follows
    column *columns;       // (csv->columns)
    uint32_t *order;       // (rows) records, shuffled
    ch_cell *sorted;       // (rows) room
} encoder;

static const ch_cell *cell_at(const encoder *e, uint32_t record, uint32_t c) {
    return &e->csv->cells[(size_t)record * e->csv->columns + c];
}

/* The cell of the i-th row in order. */
static const ch_cell *row_cell(const encoder *e, uint32_t i, uint32_t c) {
    return cell_at(e, e->order[i], c);
}

static choir_status cell_refuse(const encoder *e, uint32_t i, uint32_t c, const char *what,
                                const char *why) {
    char shown[CH_TEXT_SHOWN_MAX];
    ch_cell_show(shown, row_cell(e, i, c));
    return ch_error_set(e->err, CHOIR_EPROTO, "%s: line %u: %s '%s' in column %u %s", e->name,
                        e->csv->lines[e->order[i]], what, shown, c + 1, why);
}

/* ------------------------------------------------------------------------------------ columns */

static ch_cell text_of(const char *s, size_t size) {
    return (ch_cell){.data = s, .size = (uint32_t)size};
}

/* The column with this name in the first record, or NO_COLUMN. */
static uint32_t column_named(const encoder *e, const ch_cell *name) {
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        if (ch_cell_compare(cell_at(e, 0, c), name) == 0) {
            return c;
        }
    }
    return NO_COLUMN;
}

/* The column that an option's text means: a name of the header, or a number from 1. */
static choir_status column_find(const encoder *e, uint32_t *out, const char *key,
                                const ch_cell *text) {
    double number = 0;
    uint32_t c = e->has_header ? column_named(e, text) : NO_COLUMN;
    if (c == NO_COLUMN && ch_cell_number(&number, text) && number >= 1 &&
        number <= e->csv->columns && number == (uint32_t)number) {
        c = (uint32_t)number - 1;
    }
    if (c == NO_COLUMN) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_cell_show(shown, text);
        return ch_error_set(e->err, CHOIR_EINVAL, "%s: '%s' is no column of %s, which has %u%s",
                            key, shown, e->name, e->csv->columns,
                            e->has_header ? " and names them in its first line" : " and no names");
    }
    *out = c;
    return CHOIR_OK;
}

/* Takes the next name off a comma-separated list; false at its end. */
static bool list_next(const char **list, ch_cell *out) {
    while (**list == ',' || **list == ' ') {
        *list += 1;
    }
    size_t size = strcspn(*list, ",");
    *out = text_of(*list, size);
    *list += size;
    while (out->size > 0 && out->data[out->size - 1] == ' ') {
        out->size -= 1;
    }
    return out->size > 0;
}

static bool header_is_used(const encoder *e, const char *list) {
    ch_cell name;
    while (list_next(&list, &name)) {
        double number;
        if (!ch_cell_number(&number, &name) && column_named(e, &name) != NO_COLUMN) {
            return true;
        }
    }
    return false;
}

static bool has_number(const encoder *e, uint32_t record) {
    double number;
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        if (ch_cell_number(&number, cell_at(e, record, c))) {
            return true;
        }
    }
    return false;
}

static bool header_detect(const encoder *e) {
    const choir_job_data *o = e->options;
    return header_is_used(e, o->label) || header_is_used(e, o->group) ||
           header_is_used(e, o->categorical) || header_is_used(e, o->drop) ||
           (e->csv->records > 1 && !has_number(e, 0) && has_number(e, 1));
}

static bool column_has_text(const encoder *e, uint32_t c) {
    double number;
    for (uint32_t i = 0; i < e->rows; i++) {
        const ch_cell *cell = row_cell(e, i, c);
        if (!ch_cell_is_missing(cell) && !ch_cell_number(&number, cell)) {
            return true;
        }
    }
    return false;
}

/*
 * Whether a column that no option names holds numbers or categories. A text among numbers is more
 * often a slip than a category, and one input for every number would be no help.
 */
static choir_status column_judge(encoder *e, uint32_t c) {
    uint32_t numbers = 0;
    uint32_t words = 0;
    uint32_t texts = 0;
    uint32_t first = 0; // row of the first text
    double number;
    for (uint32_t i = 0; i < e->rows; i++) {
        const ch_cell *cell = row_cell(e, i, c);
        if (ch_cell_is_missing(cell)) {
            continue;
        }
        if (ch_cell_number(&number, cell)) {
            numbers += 1;
        } else if (ch_cell_is_missing_number(cell)) {
            words += 1;
        } else {
            first = texts == 0 || e->order[i] < e->order[first] ? i : first;
            texts += 1;
        }
    }
    if (texts > 0 && numbers > texts + words) {
        return cell_refuse(e, first, c, "value",
                           "is no number, and most in that column are; leave it empty when it is "
                           "missing, or list the column in data.categorical");
    }
    const bool is_numeric = texts == 0 && (numbers > 0 || words == 0);
    e->columns[c].kind = is_numeric ? KIND_NUMERIC : KIND_CATEGORICAL;
    return CHOIR_OK;
}

/* Columns that a key lists are of this kind; no column is of two. */
static choir_status columns_list(encoder *e, const char *key, const char *list, column_kind kind) {
    ch_cell name;
    while (list_next(&list, &name)) {
        uint32_t c = 0;
        const choir_status status = column_find(e, &c, key, &name);
        if (status != CHOIR_OK) {
            return status;
        }
        const column_kind other = e->columns[c].kind;
        if (kind == KIND_DROPPED && other != KIND_UNKNOWN && other != KIND_DROPPED) {
            char shown[CH_TEXT_SHOWN_MAX];
            ch_cell_show(shown, &name);
            return ch_error_set(e->err, CHOIR_EINVAL, "%s: '%s' is %s; it cannot be left out", key,
                                shown,
                                other == KIND_LABEL   ? "the label's column"
                                : other == KIND_GROUP ? "data.group's column"
                                                      : "in data.categorical");
        }
        e->columns[c].kind = kind;
    }
    return CHOIR_OK;
}

/* Says what every column is. */
static choir_status columns_assign(encoder *e) {
    const choir_job_data *o = e->options;
    const ch_cell label = text_of(o->label, strlen(o->label));
    const ch_cell group = text_of(o->group, strlen(o->group));
    choir_status status = CHOIR_OK;
    e->label = e->csv->columns - 1;
    e->group = NO_COLUMN;
    if (label.size > 0) {
        status = column_find(e, &e->label, "data.label", &label);
    }
    if (status == CHOIR_OK && group.size > 0) {
        status = column_find(e, &e->group, "data.group", &group);
    }
    if (status == CHOIR_OK && e->group == e->label) {
        status =
            ch_error_set(e->err, CHOIR_EINVAL, "data.group: '%s' is the label's column", o->group);
    }
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        e->columns[c].kind = KIND_UNKNOWN;
    }
    if (status == CHOIR_OK) {
        status = columns_list(e, "data.categorical", o->categorical, KIND_CATEGORICAL);
    }
    if (status == CHOIR_OK) {
        e->columns[e->label].kind = KIND_LABEL;
    }
    if (status == CHOIR_OK && e->group != NO_COLUMN) {
        e->columns[e->group].kind = KIND_GROUP;
    }
    if (status == CHOIR_OK) {
        status = columns_list(e, "data.drop", o->drop, KIND_DROPPED);
    }
    for (uint32_t c = 0; status == CHOIR_OK && c < e->csv->columns; c++) {
        if (e->columns[c].kind == KIND_UNKNOWN) {
            status = column_judge(e, c);
        }
    }
    return status;
}

/* --------------------------------------------------------------------------------- statistics */

/* Beyond the bound, squares and sums would not be finite. */
static choir_status numeric_check(const encoder *e, uint32_t c) {
    double v = 0;
    for (uint32_t i = 0; i < e->rows; i++) {
        if (ch_cell_number(&v, row_cell(e, i, c)) && fabs(v) > NUMBER_MAX) {
            return cell_refuse(e, i, c, "value",
                               "is not between -1e30 and 1e30, as an input must be");
        }
    }
    return CHOIR_OK;
}

/* Mean and deviation of the training rows' numbers, in two passes. */
static void numeric_measure(const encoder *e, column *col, uint32_t c) {
    double sum = 0;
    double squares = 0;
    uint32_t count = 0;
    double v = 0;
    for (uint32_t i = 0; i < e->train; i++) {
        if (ch_cell_number(&v, row_cell(e, i, c))) {
            sum += v;
            count += 1;
        }
    }
    col->mean = count > 0 ? sum / count : 0;
    for (uint32_t i = 0; i < e->train; i++) {
        if (ch_cell_number(&v, row_cell(e, i, c))) {
            squares += (v - col->mean) * (v - col->mean);
        }
    }
    const double deviation = count > 0 ? sqrt(squares / count) : 0;
    col->scale = deviation > 0 && isfinite(deviation) ? 1 / deviation : 0; // constant: input 0
}

/* Sorts the column's values of the first rows into e->sorted and drops repetitions. */
static uint32_t values_distinct(const encoder *e, uint32_t c, uint32_t rows, bool keep_missing,
                                const ch_cell_order *by) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows; i++) {
        const ch_cell *cell = row_cell(e, i, c);
        if (keep_missing || !ch_cell_is_missing(cell)) {
            e->sorted[count] = *cell;
            count += 1;
        }
    }
    return ch_cells_distinct(e->sorted, count, by);
}

static choir_status categories_find(encoder *e, column *col, uint32_t c) {
    col->count = values_distinct(e, c, e->train, false, &CH_CELLS_AS_TEXTS);
    if (col->count > CH_CATEGORIES_MAX) {
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: column %u has %u different values; at most %d are encoded. "
                            "Leave it out with data.drop=%u, or make it numeric",
                            e->name, c + 1, col->count, CH_CATEGORIES_MAX, c + 1);
    }
    memcpy(col->categories, e->sorted, col->count * sizeof(col->categories[0]));
    return CHOIR_OK;
}

static choir_status columns_measure(encoder *e) {
    const uint32_t capacity = e->train < CH_CATEGORIES_MAX ? e->train : CH_CATEGORIES_MAX;
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        column *col = &e->columns[c];
        col->first = e->features;
        if (col->kind == KIND_NUMERIC) {
            const choir_status status = numeric_check(e, c);
            if (status != CHOIR_OK) {
                return status;
            }
            numeric_measure(e, col, c);
            e->features += 1;
        } else if (col->kind == KIND_CATEGORICAL) {
            col->categories = CH_NEW(&e->arena, ch_cell, capacity);
            const choir_status status = categories_find(e, col, c);
            if (status != CHOIR_OK) {
                return status;
            }
            e->features += col->count;
        }
    }
    if (e->features == 0) {
        return ch_error_set(e->err, CHOIR_EINVAL, "%s: has no column for input beside the label",
                            e->name);
    }
    return CHOIR_OK;
}

/* ------------------------------------------------------------------------------------ encoding */

static void inputs_encode(const encoder *e, float *x, uint32_t i) {
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        const column *col = &e->columns[c];
        const ch_cell *cell = row_cell(e, i, c);
        double v = col->mean;
        if (col->kind == KIND_NUMERIC) {
            (void)ch_cell_number(&v, cell); // missing: the mean stays
            const double scaled = (v - col->mean) * col->scale;
            x[col->first] = (float)(scaled > 1e6 ? 1e6 : scaled < -1e6 ? -1e6 : scaled);
        } else if (col->kind == KIND_CATEGORICAL) {
            const uint32_t place =
                ch_cells_find(col->categories, col->count, cell, &CH_CELLS_AS_TEXTS);
            if (place < col->count && !ch_cell_is_missing(cell)) {
                x[col->first + place] = 1;
            }
        }
    }
}

/* All rows in order: training first, then test. */
static choir_status inputs_claim(const encoder *e, ch_dataset *out, const float **inputs) {
    const uint64_t bytes = (uint64_t)e->rows * e->features * sizeof(float);
    if (bytes > CH_ENCODED_BYTES_MAX || e->features > CH_FEATURES_MAX) {
        return ch_error_set(
            e->err, CHOIR_EINVAL, "%s: %u rows of %u inputs; no more than %llu bytes are encoded",
            e->name, e->rows, e->features, (unsigned long long)CH_ENCODED_BYTES_MAX);
    }
    float *x = ch_dataset_claim(out, e->rows, e->features * sizeof(x[0]));
    if (x == NULL) {
        return CHOIR_ENOMEM;
    }
    memset(x, 0, (size_t)bytes);
    for (uint32_t i = 0; i < e->rows; i++) {
        inputs_encode(e, x + (size_t)i * e->features, i);
    }
    *inputs = x;
    return CHOIR_OK;
}

static choir_status label_refuse(const encoder *e, uint32_t i, const char *why) {
    return cell_refuse(e, i, e->label, "label", why);
}

static choir_status targets_claim(const encoder *e, ch_dataset *out, const float **targets) {
    float *to = ch_dataset_claim(out, e->rows, sizeof(to[0]));
    if (to == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < e->rows; i++) {
        double v = 0;
        if (!ch_cell_number(&v, row_cell(e, i, e->label)) || fabs(v) > NUMBER_MAX) {
            return label_refuse(e, i, "is not a number below 1e30, which regression needs");
        }
        to[i] = (float)v;
    }
    *targets = to;
    return CHOIR_OK;
}

/* Many different numbers that are not whole are measured, not chosen from: no classes. */
static choir_status labels_judge(const encoder *e, uint32_t count, const ch_cell_order *by) {
    for (uint32_t i = 0; i < count && count > FRACTIONS_MAX && by == &CH_CELLS_AS_NUMBERS; i++) {
        double number = 0;
        if (ch_cell_number(&number, &e->sorted[i]) && number != floor(number)) {
            char shown[CH_TEXT_SHOWN_MAX];
            ch_cell_show(shown, &e->sorted[i]);
            return ch_error_set(
                e->err, CHOIR_EINVAL,
                "%s: column %u has %u different labels such as %s, so it looks like "
                "no class; name the label's column in data.label, or set data.task "
                "to regression",
                e->name, e->label + 1, count, shown);
        }
    }
    return CHOIR_OK;
}

static choir_status labels_claim(const encoder *e, ch_dataset *out, const uint32_t **labels,
                                 uint32_t *classes) {
    uint32_t *to = ch_dataset_claim(out, e->rows, sizeof(to[0]));
    if (to == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < e->rows; i++) {
        if (ch_cell_is_missing(row_cell(e, i, e->label))) {
            return label_refuse(e, i, "is missing");
        }
    }
    const ch_cell_order *by =
        column_has_text(e, e->label) ? &CH_CELLS_AS_TEXTS : &CH_CELLS_AS_NUMBERS;
    const uint32_t count = values_distinct(e, e->label, e->rows, true, by);
    if (count > CH_CLASSES_MAX) {
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: column %u has %u different labels; at most %u. For numbers to "
                            "predict set data.task to regression",
                            e->name, e->label + 1, count, CH_CLASSES_MAX);
    }
    const choir_status status = labels_judge(e, count, by);
    if (status != CHOIR_OK) {
        return status;
    }
    for (uint32_t i = 0; i < e->rows; i++) {
        to[i] = ch_cells_find(e->sorted, count, row_cell(e, i, e->label), by);
    }
    *labels = to;
    *classes = count < 2 ? 2 : count;
    return ch_dataset_name(out, e->sorted, count);
}

/* Groups of the training rows only, so that none of them is empty. */
static choir_status groups_claim(const encoder *e, ch_dataset *out, const uint32_t **groups) {
    uint32_t *to = ch_dataset_claim(out, e->train, sizeof(to[0]));
    if (to == NULL) {
        return CHOIR_ENOMEM;
    }
    const uint32_t count = values_distinct(e, e->group, e->train, true, &CH_CELLS_AS_TEXTS);
    for (uint32_t i = 0; i < e->train; i++) {
        to[i] = ch_cells_find(e->sorted, count, row_cell(e, i, e->group), &CH_CELLS_AS_TEXTS);
    }
    *groups = to;
    return CHOIR_OK;
}

static choir_status tables_fill(const encoder *e, ch_dataset *out) {
    ch_examples all = {.count = e->rows, .shape = {1, 1, e->features}};
    choir_status status = inputs_claim(e, out, &all.reals);
    if (status == CHOIR_OK) {
        status = e->is_regression ? targets_claim(e, out, &all.targets)
                                  : labels_claim(e, out, &all.labels, &all.classes);
    }
    if (status == CHOIR_OK && e->group != NO_COLUMN) {
        status = groups_claim(e, out, &all.groups);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    out->train = all;
    out->train.count = e->train;
    out->test = all;
    out->test.count = e->rows - e->train;
    out->test.groups = NULL;
    out->test.reals += (size_t)e->train * e->features;
    out->test.labels = all.labels == NULL ? NULL : all.labels + e->train;
    out->test.targets = all.targets == NULL ? NULL : all.targets + e->train;
    return CHOIR_OK;
}

/* Chooses the test rows: the last ones of a random order. */
static choir_status rows_order(encoder *e, uint64_t seed) {
    const uint32_t first = e->has_header ? 1 : 0;
    for (uint32_t i = 0; i < e->rows; i++) {
        e->order[i] = first + i;
    }
    uint32_t test = 0;
    const choir_status status = ch_test_count(&test, e->rows, e->options->test_share, e->err);
    e->train = e->rows - test;
    if (test > 0) {
        ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_HELDOUT, 1, 0);
        ch_rng_shuffle(&rng, e->order, e->rows);
    }
    return status;
}

static choir_status task_check(encoder *e) {
    const char *task = e->options->task;
    e->is_regression = strcmp(task, "regression") == 0;
    if (!e->is_regression && task[0] != '\0' && strcmp(task, "classification") != 0) {
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "data.task: '%s' is neither classification nor regression", task);
    }
    return CHOIR_OK;
}

static choir_status arena_claim(encoder *e, const choir_env *env) {
    const uint32_t columns = e->csv->columns;
    const size_t categories =
        ch_arena_cost(e->rows < CH_CATEGORIES_MAX ? e->rows : CH_CATEGORIES_MAX, sizeof(ch_cell));
    const size_t bytes = ch_arena_cost(columns, sizeof(column)) +
                         ch_arena_cost(e->rows, sizeof(e->order[0])) +
                         ch_arena_cost(e->rows, sizeof(e->sorted[0])) + columns * categories;
    if (ch_arena_init(&e->arena, bytes, env) != CHOIR_OK) {
        return CHOIR_ENOMEM;
    }
    e->columns = CH_NEW(&e->arena, column, columns);
    e->order = CH_NEW(&e->arena, uint32_t, e->rows);
    e->sorted = CH_NEW(&e->arena, ch_cell, e->rows);
    return CHOIR_OK;
}

choir_status ch_csv_encode(ch_dataset *out, const ch_csv *csv, const char *name,
                           const choir_job_data *options, uint64_t seed, choir_error *err) {
    encoder e = {.csv = csv, .name = name, .options = options, .err = err};
    e.has_header = header_detect(&e);
    e.rows = csv->records - (e.has_header ? 1 : 0);
    if (e.rows == 0) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: has a header and no rows", name);
    }
    choir_status status = task_check(&e);
    if (status == CHOIR_OK) {
        status = arena_claim(&e, &out->env);
    }
    if (status == CHOIR_OK) {
        status = rows_order(&e, seed);
    }
    if (status == CHOIR_OK) {
        status = columns_assign(&e);
    }
    if (status == CHOIR_OK) {
        status = columns_measure(&e);
    }
    if (status == CHOIR_OK) {
        status = tables_fill(&e, out);
    }
    ch_arena_release(&e.arena);
    return status;
}

choir_status ch_csv_read(ch_dataset *out, const char *path, const choir_job_data *options,
                         uint64_t seed, choir_error *err) {
    ch_file file;
    choir_status status = ch_file_read(&file, path, CH_CSV_BYTES_MAX, &out->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_csv csv;
    status = ch_csv_parse(&csv, (char *)file.data, file.size, path, &out->env, err);
    if (status == CHOIR_OK) {
        status = ch_csv_encode(out, &csv, path, options, seed, err);
        ch_csv_release(&csv);
    }
    ch_file_release(&file);
    return status;
}
