/* What columns are, by the options and the training rows; see encoder.h. */
#include "data/encoder_parts.h"

#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    FRACTIONS_MAX = 20, // classes whose names may be numbers that are not whole
    LISTED_MAX = 12,    // columns that a message names
};

enum { HINT_BYTES = CH_TEXT_LIST_MAX + 100 };

/* ------------------------------------------------------------------------------------ columns */

static ch_cell text_of(const char *s, size_t size) {
    return (ch_cell){.data = s, .size = (uint32_t)size};
}

uint32_t ch_encoder_named(const ch_encoder *e, const ch_cell *name) {
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        if (ch_cell_compare(&e->csv->first[c], name) == 0) {
            return c;
        }
    }
    return CH_NO_COLUMN;
}

/* ": a, b, c" or "; did you mean 'b'?", by what the first line has; or nothing. */
static const char *columns_hint(char out[HINT_BYTES], const ch_encoder *e, const char *text) {
    char name[CH_TEXT_SHOWN_MAX];
    char list[CH_TEXT_LIST_MAX] = "";
    uint32_t least = CH_TEXT_DISTANCE_FAR;
    out[0] = '\0';
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        ch_cell_show(name, &e->csv->first[c]);
        ch_text_list(list, sizeof(list), name);
        const uint32_t distance = strcasecmp(name, text) == 0 ? 0 : ch_text_distance(name, text);
        if (distance < least && distance < strlen(name) &&
            (distance == 0 || ch_text_is_near(distance, strlen(name)))) {
            least = distance;
            (void)snprintf(out, HINT_BYTES, "; did you mean '%s'?", name);
        }
    }
    if (out[0] == '\0' && e->has_header && e->csv->columns <= LISTED_MAX) {
        (void)snprintf(out, HINT_BYTES, ": %s", list);
    }
    return out;
}

choir_status ch_encoder_find(const ch_encoder *e, uint32_t *out, const char *key,
                             const ch_cell *text) {
    double number = 0;
    uint32_t c = e->has_header ? ch_encoder_named(e, text) : CH_NO_COLUMN;
    if (c == CH_NO_COLUMN && ch_cell_number(&number, text) && number >= 1 &&
        number <= e->csv->columns && number == (uint32_t)number) {
        c = (uint32_t)number - 1;
    }
    if (c == CH_NO_COLUMN) {
        char shown[CH_TEXT_SHOWN_MAX];
        char hint[HINT_BYTES];
        ch_cell_show(shown, text);
        return ch_error_set(e->err, CHOIR_EINVAL, "%s: '%s' is no column of %s, which has %u%s%s",
                            key, shown, e->name, e->csv->columns,
                            e->has_header ? " and names them in its first line" : " and no names",
                            columns_hint(hint, e, shown));
    }
    *out = c;
    return CHOIR_OK;
}

bool ch_encoder_list_next(const char **list, ch_cell *out) {
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

static bool header_is_used(const ch_encoder *e, const char *list) {
    ch_cell name;
    while (ch_encoder_list_next(&list, &name)) {
        double number;
        if (!ch_cell_number(&number, &name) && ch_encoder_named(e, &name) != CH_NO_COLUMN) {
            return true;
        }
    }
    return false;
}

static bool has_number(const ch_encoder *e, const ch_cell *cells) {
    double number;
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        if (ch_cell_number(&number, &cells[c])) {
            return true;
        }
    }
    return false;
}

choir_status ch_encoder_see_header(ch_encoder *e) {
    const choir_job_data *o = e->options;
    e->has_header = header_is_used(e, o->label) || header_is_used(e, o->group) ||
                    header_is_used(e, o->categorical) || header_is_used(e, o->drop);
    if (e->has_header || e->csv->records < 2 || has_number(e, e->csv->first)) {
        return CHOIR_OK;
    }
    const ch_cell *second = NULL;
    const choir_status status = ch_csv_record(e->csv, 1, &second, e->err);
    e->has_header = status == CHOIR_OK && has_number(e, second);
    return status;
}

/*
 * Whether a column that no option names holds numbers or categories. A text among numbers is more
 * often a slip than a category, and one input for every number would be no help.
 */
static choir_status column_judge(ch_encoder *e, uint32_t c) {
    const ch_column_facts *f = &e->facts[c];
    if (f->texts > 0 && f->numbers > f->texts + f->words) {
        const bool is_first = f->first_text == 0; // which is no record of a file with a header
        return ch_encoder_refuse(
            e, f->first_text, c, "value",
            is_first ? "is no number, and most in that column are; if the line is a header, name "
                       "one of its columns in data.label; otherwise leave the value empty when it "
                       "is missing, or list the column in data.categorical"
                     : "is no number, and most in that column are; leave it empty when it is "
                       "missing, or list the column in data.categorical");
    }
    const bool is_numeric = f->texts == 0 && (f->numbers > 0 || f->words == 0);
    e->kinds[c] = is_numeric ? CH_COLUMN_NUMERIC : CH_COLUMN_CATEGORICAL;
    return CHOIR_OK;
}

/* Columns that a key lists are of this kind; no column is of two. */
static choir_status columns_list(ch_encoder *e, const char *key, const char *list,
                                 ch_column_kind kind) {
    ch_cell name;
    while (ch_encoder_list_next(&list, &name)) {
        uint32_t c = 0;
        const choir_status status = ch_encoder_find(e, &c, key, &name);
        if (status != CHOIR_OK) {
            return status;
        }
        const ch_column_kind other = e->kinds[c];
        if (kind == CH_COLUMN_DROPPED && other != CH_COLUMN_UNKNOWN && other != CH_COLUMN_DROPPED) {
            char shown[CH_TEXT_SHOWN_MAX];
            ch_cell_show(shown, &name);
            return ch_error_set(e->err, CHOIR_EINVAL, "%s: '%s' is %s; it cannot be left out", key,
                                shown,
                                other == CH_COLUMN_LABEL   ? "the label's column"
                                : other == CH_COLUMN_GROUP ? "data.group's column"
                                                           : "in data.categorical");
        }
        e->kinds[c] = kind;
    }
    return CHOIR_OK;
}

/* Says what every column is. */
static choir_status columns_assign(ch_encoder *e) {
    const choir_job_data *o = e->options;
    const ch_cell label = text_of(o->label, strlen(o->label));
    const ch_cell group = text_of(o->group, strlen(o->group));
    choir_status status = CHOIR_OK;
    e->label = e->csv->columns - 1;
    e->group = CH_NO_COLUMN;
    if (label.size > 0) {
        status = ch_encoder_find(e, &e->label, "data.label", &label);
    }
    if (status == CHOIR_OK && group.size > 0) {
        status = ch_encoder_find(e, &e->group, "data.group", &group);
    }
    if (status == CHOIR_OK && e->group == e->label) {
        status =
            ch_error_set(e->err, CHOIR_EINVAL, "data.group: '%s' is the label's column", o->group);
    }
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        e->kinds[c] = CH_COLUMN_UNKNOWN;
    }
    if (status == CHOIR_OK) {
        status = columns_list(e, "data.categorical", o->categorical, CH_COLUMN_CATEGORICAL);
    }
    if (status == CHOIR_OK) {
        e->kinds[e->label] = CH_COLUMN_LABEL;
    }
    if (status == CHOIR_OK && e->group != CH_NO_COLUMN) {
        e->kinds[e->group] = CH_COLUMN_GROUP;
    }
    if (status == CHOIR_OK) {
        status = columns_list(e, "data.drop", o->drop, CH_COLUMN_DROPPED);
    }
    if (status == CHOIR_OK) {
        status = ch_encoder_look(e);
    }
    if (status == CHOIR_OK) {
        status = ch_encoder_check_groups(e);
    }
    for (uint32_t c = 0; status == CHOIR_OK && c < e->csv->columns; c++) {
        if (e->kinds[c] == CH_COLUMN_UNKNOWN) {
            status = column_judge(e, c);
        }
    }
    return status;
}

/* --------------------------------------------------------------------------------- statistics */

/* Sums of numbers, and the different texts of other columns: of labels in all rows. */
static choir_status row_measure(void *self, uint32_t i, const ch_cell *cells) {
    const ch_encoder *e = self;
    choir_status status = CHOIR_OK;
    for (uint32_t c = 0; c < e->csv->columns && status == CHOIR_OK; c++) {
        const ch_column_kind kind = e->kinds[c];
        const bool is_category = kind == CH_COLUMN_CATEGORICAL && !ch_cell_is_missing(&cells[c]);
        const bool is_label = kind == CH_COLUMN_LABEL && !e->is_regression;
        double v = 0;
        if (is_label || (i < e->train && (is_category || kind == CH_COLUMN_GROUP))) {
            status = ch_values_add(&e->values[c], &cells[c]);
        } else if (kind == CH_COLUMN_NUMERIC && i < e->train && ch_cell_number(&v, &cells[c])) {
            ch_column_sums *s = &e->sums[c];
            s->least = s->count > 0 ? fmin(s->least, v) : v;
            s->most = s->count > 0 ? fmax(s->most, v) : v;
            s->sum += v;
            s->count += 1;
        }
    }
    return status;
}

/* The squares of numbers about their means. */
static choir_status row_square(void *self, uint32_t i, const ch_cell *cells) {
    const ch_encoder *e = self;
    (void)i;
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        double v = 0;
        if (e->kinds[c] == CH_COLUMN_NUMERIC && ch_cell_number(&v, &cells[c])) {
            const double mean = e->sums[c].mean;
            e->sums[c].squares += (v - mean) * (v - mean);
        }
    }
    return CHOIR_OK;
}

/* What there is to know of all columns' rows, in two passes over them. */
static choir_status rows_measure(ch_encoder *e) {
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        e->values[c].most = e->kinds[c] == CH_COLUMN_LABEL   ? CH_CLASSES_MAX
                            : e->kinds[c] == CH_COLUMN_GROUP ? e->train
                                                             : CH_CATEGORIES_MAX;
    }
    choir_status status = ch_encoder_visit(e, e->rows, row_measure, e);
    bool has_numbers = false;
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        ch_column_sums *s = &e->sums[c];
        s->mean = s->count > 0 ? s->sum / s->count + 0.0 : 0; // no -0, which is another text
        has_numbers = has_numbers || s->count > 0;
    }
    if (status == CHOIR_OK && has_numbers) {
        status = ch_encoder_visit(e, e->train, row_square, e);
    }
    if (status == CHOIR_OK && e->group != CH_NO_COLUMN) {
        ch_values_sort(&e->values[e->group], &CH_CELLS_AS_TEXTS);
    }
    return status;
}

/* Mean and deviation of the training rows' numbers. Those of a constant that is not exact in binary
 * may be off in the last bit, so that it is told by the numbers themselves. */
static void numeric_measure(const ch_encoder *e, ch_encoding_column *to, uint32_t c) {
    const ch_column_sums *s = &e->sums[c];
    const double deviation = s->count > 0 ? sqrt(s->squares / s->count) : 0;
    to->mean = s->mean;
    const bool is_constant = s->count == 0 || s->least == s->most;
    to->scale = !is_constant && deviation > 0 && isfinite(deviation) ? 1 / deviation : 0;
}

static choir_status categories_find(ch_encoder *e, ch_encoding_column *to, uint32_t c) {
    ch_values *values = &e->values[c];
    if (values->is_over) {
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: column %u has more than %d different values, the most that are "
                            "encoded. Leave it out with data.drop=%u, or make it numeric",
                            e->name, c + 1, CH_CATEGORIES_MAX, c + 1);
    }
    ch_values_sort(values, &CH_CELLS_AS_TEXTS);
    to->has_values = true;
    to->values = values->cells;
    to->count = values->count;
    return CHOIR_OK;
}

/* Name and place of a column that the encoding will have. */
static ch_encoding_column column_of(const ch_encoder *e, uint32_t c) {
    const ch_cell none = {.data = "", .size = 0};
    return (ch_encoding_column){
        .name = e->has_header ? e->csv->first[c] : none, .place = c, .first = e->encoding.features};
}

static bool has_byte(const ch_cell *cell, char byte) {
    return memchr(cell->data, byte, cell->size) != NULL;
}

#define SEPARATORS(what) "; only commas separate fields, and its first line has" what

static choir_status columns_measure(ch_encoder *e) {
    ch_encoding *to = &e->encoding;
    const choir_status measured = rows_measure(e);
    if (measured != CHOIR_OK) {
        return measured;
    }
    *to = (ch_encoding){.width = e->csv->columns, .has_names = e->has_header, .columns = e->fitted};
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        ch_encoding_column *column = &e->fitted[to->count];
        if (e->kinds[c] != CH_COLUMN_NUMERIC && e->kinds[c] != CH_COLUMN_CATEGORICAL) {
            continue;
        }
        *column = column_of(e, c);
        choir_status status = CHOIR_OK;
        if (e->kinds[c] == CH_COLUMN_NUMERIC) {
            status = ch_encoder_check_numbers(e, c);
            numeric_measure(e, column, c);
        } else {
            status = categories_find(e, column, c);
        }
        if (status != CHOIR_OK) {
            return status;
        }
        e->inputs[c] = column;
        to->features += column->has_values ? column->count : 1;
        to->count += 1;
    }
    if (to->features == 0) {
        const bool is_one = e->csv->columns == 1;
        return ch_error_set(e->err, CHOIR_EINVAL, "%s: has no column for input beside the label%s",
                            e->name,
                            is_one && has_byte(e->csv->first, ';')    ? SEPARATORS(" semicolons")
                            : is_one && has_byte(e->csv->first, '\t') ? SEPARATORS(" tabs")
                                                                      : "");
    }
    return CHOIR_OK;
}

/* ------------------------------------------------------------------------------------- labels */

/* Many different numbers that are not whole are measured, not chosen from: no classes. Nor
 * are numbers of which there is one for every other row or more. */
static choir_status labels_judge(const ch_encoder *e, const ch_values *values,
                                 const ch_cell_order *by) {
    const uint32_t count = values->count;
    for (uint32_t i = 0; i < count && count > FRACTIONS_MAX && by == &CH_CELLS_AS_NUMBERS; i++) {
        double number = 0;
        if (ch_cell_number(&number, &values->cells[i]) && number != floor(number)) {
            char shown[CH_TEXT_SHOWN_MAX];
            ch_cell_show(shown, &values->cells[i]);
            return ch_error_set(
                e->err, CHOIR_EINVAL,
                "%s: column %u has %u different labels such as %s, so it looks like "
                "no class; name the label's column in data.label, or set data.task "
                "to regression",
                e->name, e->label + 1, count, shown);
        }
    }
    if (by == &CH_CELLS_AS_NUMBERS && count > FRACTIONS_MAX && count > e->rows / 2) {
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: column %u has %u different labels in %u rows, so it looks like no "
                            "class; name the label's column in data.label, or set data.task to "
                            "regression",
                            e->name, e->label + 1, count, e->rows);
    }
    return CHOIR_OK;
}

static choir_status labels_find(ch_encoder *e) {
    ch_encoding_column *label = &e->encoding.label;
    *label = column_of(e, e->label);
    label->first = 0;
    if (e->is_regression) {
        return CHOIR_OK;
    }
    const ch_column_facts *facts = &e->facts[e->label];
    if (facts->missing > 0) {
        return ch_encoder_refuse(e, facts->first_missing, e->label, "label", "is missing");
    }
    ch_values *values = &e->values[e->label];
    if (values->is_over) {
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: column %u has more than %u different labels, the most there may "
                            "be. For numbers to predict set data.task to regression",
                            e->name, e->label + 1, CH_CLASSES_MAX);
    }
    if (facts->words > 0 && facts->texts == 0 && facts->numbers > 0) {
        return ch_encoder_refuse(e, facts->first_word, e->label, "label",
                                 "is missing, where the other labels are numbers");
    }
    const bool has_text = facts->words + facts->texts > 0;
    const ch_cell_order *by = has_text ? &CH_CELLS_AS_TEXTS : &CH_CELLS_AS_NUMBERS;
    ch_values_sort(values, by);
    label->has_values = true;
    label->values = values->cells;
    label->count = values->count;
    return labels_judge(e, values, by);
}

choir_status ch_encoder_fit(ch_encoder *e) {
    choir_status status = columns_assign(e);
    if (status == CHOIR_OK) {
        status = columns_measure(e);
    }
    return status == CHOIR_OK ? labels_find(e) : status;
}
