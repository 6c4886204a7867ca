/*
 * Encodings as text, the reading end: see encoding.h.
 *
 * The text is a stranger's. Sizes are counted first, within their limits; then every value is
 * checked as it is copied, and what it must be to its neighbours at the end of each column.
 */
#include "data/encoding.h"

#include "base/error.h"
#include "data/dataset.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WHAT_MAX = 200 };

typedef struct parser {
    const char *name; // of the file, for messages
    choir_error *err;
    ch_encoding *to;
    char *room; // for texts; no text is longer than it was in JSON
} parser;

__attribute__((format(printf, 2, 3))) static choir_status refuse(const parser *p,
                                                                 const char *format, ...) {
    char what[WHAT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    return ch_error_set(p->err, CHOIR_EPROTO, "%s: its encoding (choir.encoding) %s", p->name,
                        what);
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes digits (2 * size of them) at p->room; false when one is none, or a byte is zero. */
static bool hex_read(const parser *p, const char *digits, size_t size) {
    for (size_t i = 0; i < size; i++) {
        const int high = hex_digit(digits[2 * i]);
        const int low = hex_digit(digits[2 * i + 1]);
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        p->room[i] = (char)(16 * high + low);
    }
    return true;
}

/* A text, or {"hex": digits}. */
static bool cell_read(parser *p, ch_cell *out, const json_t *value) {
    const json_t *hex = json_object_get(value, "hex");
    const char *text = json_string_value(hex != NULL ? hex : value);
    size_t size = json_string_length(hex != NULL ? hex : value);
    if (text == NULL) {
        return false;
    }
    if (hex != NULL && (size % 2 != 0 || !hex_read(p, text, size / 2))) {
        return false;
    }
    if (hex == NULL) {
        memcpy(p->room, text, size);
    }
    size = hex != NULL ? size / 2 : size;
    *out = (ch_cell){.data = p->room, .size = (uint32_t)size};
    p->room += size;
    return size <= CH_CSV_CELL_MAX;
}

static bool number_read(double *out, const json_t *value, double least, double most) {
    const double v = json_is_number(value) ? json_number_value(value) : (double)NAN;
    *out = v + 0.0; // and no -0, which would be written as another text
    return isfinite(v) && v >= least && v <= most;
}

static bool integer_read(uint32_t *out, const json_t *value, uint32_t least, uint32_t most) {
    const json_int_t v = json_is_integer(value) ? json_integer_value(value) : -1;
    *out = (uint32_t)v;
    return v >= least && v <= most;
}

static choir_status values_read(parser *p, ch_encoding_column *c, const json_t *values,
                                bool is_label) {
    ch_cell *to = CH_NEW(&p->to->arena, ch_cell, json_array_size(values));
    c->has_values = true;
    c->values = to;
    c->count = (uint32_t)json_array_size(values);
    for (uint32_t i = 0; i < c->count; i++) {
        if (!cell_read(p, &to[i], json_array_get(values, i)) || ch_cell_is_missing(&to[i])) {
            return refuse(p,
                          "has for value %u of column %u no text of 1 to %d bytes that is not "
                          "\"?\", which stands for a missing one",
                          i + 1, c->place + 1, CH_CSV_CELL_MAX);
        }
    }
    const ch_cell_order *by = is_label ? ch_encoding_classes(to, c->count) : &CH_CELLS_AS_TEXTS;
    for (uint32_t i = 1; i < c->count; i++) {
        if (by->same(&to[i - 1], &to[i]) >= 0) {
            return refuse(p, "has values %u and %u of column %u not in ascending order", i, i + 1,
                          c->place + 1);
        }
    }
    return CHOIR_OK;
}

/* Name and place of a column, input or label. */
static choir_status place_read(parser *p, ch_encoding_column *c, const json_t *from) {
    const json_t *name = json_object_get(from, "name");
    const uint32_t width = p->to->width;
    if (!integer_read(&c->place, json_object_get(from, "column"), 1, width)) {
        return refuse(p, "has a column whose number is none from 1 to its width, %u", width);
    }
    c->place -= 1;
    if ((name != NULL) != p->to->has_names) {
        return refuse(p,
                      "has a name for some columns, and none for column %u; all have one or none",
                      c->place + 1);
    }
    if (name != NULL && !cell_read(p, &c->name, name)) {
        return refuse(p, "has for the name of column %u no text of at most %d bytes", c->place + 1,
                      CH_CSV_CELL_MAX);
    }
    return CHOIR_OK;
}

static choir_status input_read(parser *p, ch_encoding_column *c, const json_t *from) {
    const json_t *values = json_object_get(from, "values");
    choir_status status = place_read(p, c, from);
    c->first = p->to->features;
    if (status == CHOIR_OK && values != NULL) {
        status = values_read(p, c, values, false);
    } else if (status == CHOIR_OK &&
               (!number_read(&c->mean, json_object_get(from, "mean"), -CH_ENCODED_NUMBER_MAX,
                             CH_ENCODED_NUMBER_MAX) ||
                !number_read(&c->scale, json_object_get(from, "scale"), 0, HUGE_VAL))) {
        status = refuse(p,
                        "has for column %u neither values nor a mean between -1e30 and 1e30 and a "
                        "scale of at least 0",
                        c->place + 1);
    }
    p->to->features += values != NULL ? c->count : 1;
    return status;
}

static choir_status label_read(parser *p, const json_t *from) {
    ch_encoding *e = p->to;
    const json_t *values = json_object_get(from, "values");
    choir_status status = place_read(p, &e->label, from);
    for (uint32_t i = 0; status == CHOIR_OK && i < e->count; i++) {
        if (e->columns[i].place == e->label.place) {
            status = refuse(p, "has column %u as an input and as the label", e->label.place + 1);
        }
    }
    if (status == CHOIR_OK && values != NULL) {
        status = values_read(p, &e->label, values, true);
        if (status == CHOIR_OK && e->label.count == 0) {
            status = refuse(p, "has no value for the label, which has at least one");
        }
    }
    return status;
}

static choir_status columns_read(parser *p, const json_t *root) {
    ch_encoding *e = p->to;
    const json_t *from = json_object_get(root, "columns");
    ch_encoding_column *columns = CH_NEW(&e->arena, ch_encoding_column, json_array_size(from));
    e->columns = columns;
    for (; e->count < json_array_size(from); e->count++) {
        ch_encoding_column *c = &columns[e->count];
        const choir_status status = input_read(p, c, json_array_get(from, e->count));
        if (status != CHOIR_OK) {
            return status;
        }
        if (e->count > 0 && c[-1].place >= c->place) {
            return refuse(p, "has column %u behind column %u; columns ascend", c->place + 1,
                          c[-1].place + 1);
        }
    }
    if (e->features == 0 || e->features > CH_FEATURES_MAX) {
        return refuse(p, "makes %u inputs; right are 1 to %u", e->features, CH_FEATURES_MAX);
    }
    return label_read(p, json_object_get(root, "label"));
}

/* Whether values are an array of at most max, or not there; adds what they will take. */
static bool values_count(size_t *bytes, const json_t *column, uint32_t max) {
    const json_t *values = json_object_get(column, "values");
    *bytes += ch_arena_cost(json_array_size(values), sizeof(ch_cell));
    return values == NULL || (json_is_array(values) && json_array_size(values) <= max);
}

/* Checks what holds the rest, and claims all memory. */
static choir_status arena_claim(parser *p, const json_t *root, size_t text, const choir_env *env) {
    ch_encoding *e = p->to;
    const json_t *columns = json_object_get(root, "columns");
    const json_t *label = json_object_get(root, "label");
    if (!integer_read(&e->width, json_object_get(root, "width"), 1, CH_CSV_COLUMNS_MAX) ||
        !json_is_array(columns) || json_array_size(columns) > CH_CSV_COLUMNS_MAX ||
        !json_is_object(label)) {
        return refuse(p,
                      "has no width from 1 to %d, no list of at most as many columns, or no "
                      "label",
                      CH_CSV_COLUMNS_MAX);
    }
    size_t bytes = ch_arena_cost(json_array_size(columns), sizeof(ch_encoding_column)) +
                   ch_arena_cost(text, 1);
    bool fits = values_count(&bytes, label, CH_CLASSES_MAX);
    for (size_t i = 0; fits && i < json_array_size(columns); i++) {
        fits = values_count(&bytes, json_array_get(columns, i), CH_CATEGORIES_MAX);
    }
    if (!fits) {
        return refuse(p, "has values that are no list, or more than %d of a column or %u labels",
                      CH_CATEGORIES_MAX, CH_CLASSES_MAX);
    }
    if (ch_arena_init(&e->arena, bytes, env) != CHOIR_OK) {
        return ch_error_set(p->err, CHOIR_ENOMEM, "%s: no memory for its encoding", p->name);
    }
    e->has_names = json_object_get(label, "name") != NULL;
    p->room = CH_NEW(&e->arena, char, text);
    return CHOIR_OK;
}

static choir_status root_load(const parser *p, json_t **out, const char *text, size_t size) {
    json_error_t why;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (*out == NULL && why.text[0] == '\0') { // as jansson says that it had no memory, mostly
        return ch_error_set(p->err, CHOIR_ENOMEM, "%s: no memory for its encoding", p->name);
    }
    if (!json_is_object(*out)) {
        return refuse(p, "is not a JSON object");
    }
    return CHOIR_OK;
}

choir_status ch_encoding_parse(ch_encoding *out, const char *text, const char *name,
                               const choir_env *env, choir_error *err) {
    *out = (ch_encoding){0};
    parser p = {.name = name, .err = err, .to = out};
    const size_t size = strlen(text);
    if (size >= CH_ENCODING_TEXT_MAX) {
        return refuse(&p, "has %zu bytes; at most %d are read", size, CH_ENCODING_TEXT_MAX - 1);
    }
    json_t *root = NULL;
    choir_status status = root_load(&p, &root, text, size);
    if (status == CHOIR_OK) {
        status = arena_claim(&p, root, size, env);
    }
    if (status == CHOIR_OK) {
        status = columns_read(&p, root);
    }
    json_decref(root);
    if (status != CHOIR_OK) {
        ch_encoding_release(out);
    }
    return status;
}

void ch_encoding_release(ch_encoding *encoding) {
    ch_arena_release(&encoding->arena);
    *encoding = (ch_encoding){0};
}
