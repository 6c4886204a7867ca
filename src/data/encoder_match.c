/* What columns are to an encoding that is given; see encoder.h. */
#include "data/encoder_parts.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

choir_status ch_encoder_match_header(ch_encoder *e) {
    const ch_encoding *given = &e->encoding;
    const choir_status status = ch_encoder_see_header(e);
    if (status != CHOIR_OK || !given->has_names) {
        return status;
    }
    e->has_header = ch_encoder_named(e, &given->label.name) != CH_NO_COLUMN;
    for (uint32_t i = 0; i < given->count && !e->has_header; i++) {
        e->has_header = ch_encoder_named(e, &given->columns[i].name) != CH_NO_COLUMN;
    }
    if (!e->has_header) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_cell_show(shown, &given->columns[0].name);
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: its first line names none of the columns that the model was "
                            "trained on, the first of which is '%s'; give it such a header",
                            e->name, shown);
    }
    return CHOIR_OK;
}

/* Columns of the encoding may share a name; each needs a column of the file for itself. */
static choir_status refuse_taken(const ch_encoder *e, const ch_cell *name) {
    const ch_encoding *given = &e->encoding;
    uint32_t called = ch_cell_compare(&given->label.name, name) == 0 ? 1 : 0;
    for (uint32_t i = 0; i < given->count; i++) {
        called += ch_cell_compare(&given->columns[i].name, name) == 0 ? 1 : 0;
    }
    char shown[CH_TEXT_SHOWN_MAX];
    ch_cell_show(shown, name);
    return ch_error_set(e->err, CHOIR_EINVAL,
                        "%s: has one column called '%s'; the model was trained on %u of that name",
                        e->name, shown, called);
}

/* The column of the file that a column of the encoding is; CH_NO_COLUMN when there is none. EINVAL
 * when there are several and none of them stands where it stood, or when another column of the
 * encoding has it. */
static choir_status column_match(const ch_encoder *e, uint32_t *out,
                                 const ch_encoding_column *wanted) {
    *out = wanted->place < e->csv->columns ? wanted->place : CH_NO_COLUMN;
    if (!e->encoding.has_names) {
        return CHOIR_OK;
    }
    uint32_t found = 0;
    uint32_t last = CH_NO_COLUMN;
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        if (ch_cell_compare(&e->csv->first[c], &wanted->name) == 0) {
            last = c;
            found += 1;
        }
    }
    const bool is_there =
        *out != CH_NO_COLUMN && ch_cell_compare(&e->csv->first[*out], &wanted->name) == 0;
    if (found > 1 && !is_there) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_cell_show(shown, &wanted->name);
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: %u columns are called '%s', and none of them is column %u, as the "
                            "model's is; name them apart",
                            e->name, found, shown, wanted->place + 1);
    }
    *out = is_there ? *out : last;
    const bool is_taken = *out != CH_NO_COLUMN && e->inputs[*out] != NULL;
    return is_taken ? refuse_taken(e, &wanted->name) : CHOIR_OK;
}

/* Columns without names are told by their places alone: there are as many, or the label, being the
 * last, is not there. */
static choir_status width_check(const ch_encoder *e) {
    const ch_encoding *given = &e->encoding;
    const bool may_lack = e->reading.may_lack_labels && given->label.place == given->width - 1;
    if (given->has_names || e->csv->columns == given->width ||
        (may_lack && e->csv->columns == given->width - 1)) {
        return CHOIR_OK;
    }
    return ch_error_set(e->err, CHOIR_EINVAL,
                        "%s: has %u columns; the model was trained on %u, which have no names%s",
                        e->name, e->csv->columns, given->width,
                        may_lack ? "; only the last, the label, may be left out" : "");
}

static choir_status input_match(ch_encoder *e, const ch_encoding_column *wanted) {
    uint32_t c = CH_NO_COLUMN;
    const choir_status status = column_match(e, &c, wanted);
    if (status == CHOIR_OK && c == CH_NO_COLUMN) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_cell_show(shown, &wanted->name);
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: has no column '%s', which the model was trained on", e->name,
                            shown);
    }
    if (status == CHOIR_OK) {
        e->kinds[c] = wanted->has_values ? CH_COLUMN_CATEGORICAL : CH_COLUMN_NUMERIC;
        e->inputs[c] = wanted;
    }
    return status;
}

static choir_status label_match(ch_encoder *e) {
    const ch_encoding_column *label = &e->encoding.label;
    const choir_status status = column_match(e, &e->label, label);
    if (status != CHOIR_OK) {
        return status;
    }
    if (e->label != CH_NO_COLUMN) {
        e->kinds[e->label] = CH_COLUMN_LABEL;
        return CHOIR_OK;
    }
    if (!e->reading.may_lack_labels) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_cell_show(shown, &label->name);
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "%s: has no column '%s', which holds the labels; without them, there "
                            "are only predictions",
                            e->name, shown);
    }
    return CHOIR_OK;
}

/* Groups are the job's affair; only who trains has them. */
static choir_status group_match(ch_encoder *e) {
    const ch_cell group = {.data = e->options->group, .size = (uint32_t)strlen(e->options->group)};
    e->group = CH_NO_COLUMN;
    if (group.size == 0 || e->reading.is_test_only) {
        return CHOIR_OK;
    }
    const choir_status status = ch_encoder_find(e, &e->group, "data.group", &group);
    if (status == CHOIR_OK && e->group == e->label) {
        return ch_error_set(e->err, CHOIR_EINVAL, "data.group: '%s' is the label's column",
                            e->options->group);
    }
    return status;
}

/* Columns that a key lists have to be what the encoding says; those that are not there may be
 * listed, and so may numbers of columns that have names, which may stand elsewhere here. */
static choir_status list_agrees(const ch_encoder *e, const char *key, const char *list,
                                ch_column_kind kind, const char *why) {
    ch_encoder quiet = *e;
    quiet.err = NULL;
    ch_cell name;
    while (ch_encoder_list_next(&list, &name)) {
        uint32_t c = e->encoding.has_names ? ch_encoder_named(e, &name) : CH_NO_COLUMN;
        if (!e->encoding.has_names && ch_encoder_find(&quiet, &c, key, &name) != CHOIR_OK) {
            c = CH_NO_COLUMN;
        }
        const bool is_used = c != CH_NO_COLUMN && (e->inputs[c] != NULL || c == e->label);
        if (c != CH_NO_COLUMN && e->kinds[c] != kind && (is_used || kind == CH_COLUMN_LABEL)) {
            char shown[CH_TEXT_SHOWN_MAX];
            ch_cell_show(shown, &name);
            return ch_error_set(e->err, CHOIR_EINVAL, "%s: '%s' is %s", key, shown, why);
        }
    }
    return CHOIR_OK;
}

static choir_status options_agree(const ch_encoder *e) {
    const choir_job_data *o = e->options;
    const bool is_regression = !e->encoding.label.has_values;
    if (!e->reading.is_test_only && o->task[0] != '\0' && e->is_regression != is_regression) {
        return ch_error_set(e->err, CHOIR_EINVAL,
                            "data.task: '%s' is not what the model was trained for, which is %s",
                            o->task, is_regression ? "regression" : "classification");
    }
    choir_status status = list_agrees(e, "data.label", o->label, CH_COLUMN_LABEL,
                                      "not the column that the model was given its labels by");
    if (status == CHOIR_OK) {
        status = list_agrees(e, "data.categorical", o->categorical, CH_COLUMN_CATEGORICAL,
                             "no column of categories to the model");
    }
    if (status == CHOIR_OK) {
        status = list_agrees(e, "data.drop", o->drop, CH_COLUMN_DROPPED,
                             "a column that the model was trained on; it cannot be left out");
    }
    return status;
}

/* Where the encoding has numbers, there are numbers. */
static choir_status numbers_check(const ch_encoder *e, uint32_t c) {
    if (e->facts[c].texts > 0) {
        return ch_encoder_refuse(e, e->facts[c].first_text, c, "value",
                                 "is no number, as all were that the model was trained on; "
                                 "leave it empty when it is missing");
    }
    return ch_encoder_check_numbers(e, c);
}

/* The groups that the training rows name. */
static choir_status group_add(void *self, uint32_t i, const ch_cell *cells) {
    const ch_encoder *e = self;
    (void)i;
    return ch_values_add(&e->values[e->group], &cells[e->group]);
}

static choir_status groups_find(ch_encoder *e) {
    if (e->group == CH_NO_COLUMN) {
        return CHOIR_OK;
    }
    e->values[e->group].most = e->train;
    const choir_status status = ch_encoder_visit(e, e->train, group_add, e);
    ch_values_sort(&e->values[e->group], &CH_CELLS_AS_TEXTS);
    return status;
}

choir_status ch_encoder_match(ch_encoder *e) {
    for (uint32_t c = 0; c < e->csv->columns; c++) {
        e->kinds[c] = CH_COLUMN_DROPPED;
    }
    choir_status status = width_check(e);
    for (uint32_t i = 0; status == CHOIR_OK && i < e->encoding.count; i++) {
        status = input_match(e, &e->encoding.columns[i]);
    }
    if (status == CHOIR_OK) {
        status = label_match(e);
    }
    if (status == CHOIR_OK) {
        status = group_match(e);
    }
    if (status == CHOIR_OK) {
        status = options_agree(e);
    }
    if (status == CHOIR_OK) {
        status = ch_encoder_look(e);
    }
    if (status == CHOIR_OK) {
        status = ch_encoder_check_groups(e);
    }
    for (uint32_t c = 0; status == CHOIR_OK && c < e->csv->columns; c++) {
        status = e->kinds[c] == CH_COLUMN_NUMERIC ? numbers_check(e, c) : CHOIR_OK;
    }
    if (status == CHOIR_OK) {
        status = groups_find(e);
    }
    e->is_regression = !e->encoding.label.has_values;
    return status;
}
