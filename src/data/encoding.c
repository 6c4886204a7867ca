/* Encodings as text, the writing end: see encoding.h. */
#include "data/encoding.h"

#include <stdio.h>
#include <string.h>

enum { QUOTED_BYTES = 2 * CH_CSV_CELL_MAX + 3 };

/* Where a text goes: as much of it as there is room for. */
typedef struct sink {
    char *out;
    size_t size;
    size_t used; // of the whole text
} sink;

static void put(sink *s, const char *text) {
    const size_t size = strlen(text);
    if (s->used < s->size) {
        const size_t left = s->size - s->used;
        memcpy(s->out + s->used, text, size < left ? size : left);
    }
    s->used += size;
}

static void number_put(sink *s, const char *key, double value) {
    char text[CH_TEXT_NUMBER_MAX];
    ch_text_number(text, sizeof(text), value);
    put(s, key);
    put(s, text);
}

static void cell_put(sink *s, const ch_cell *cell) {
    char text[CH_CSV_CELL_MAX + 1];
    char quoted[QUOTED_BYTES];
    const size_t size = cell->size < sizeof(text) ? cell->size : sizeof(text) - 1;
    memcpy(text, size > 0 ? cell->data : "", size);
    text[size] = '\0';
    if (ch_text_is_printable(text)) {
        (void)ch_text_quote(quoted, sizeof(quoted), text);
        put(s, quoted);
        return;
    }
    put(s, "{\"hex\":\"");
    for (size_t i = 0; i < size; i++) {
        char digits[3];
        (void)snprintf(digits, sizeof(digits), "%02x", (unsigned char)text[i]);
        put(s, digits);
    }
    put(s, "\"}");
}

static void column_put(sink *s, const ch_encoding *e, const ch_encoding_column *c) {
    put(s, "{");
    if (e->has_names) {
        put(s, "\"name\":");
        cell_put(s, &c->name);
        put(s, ",");
    }
    number_put(s, "\"column\":", c->place + 1.0);
    if (c->has_values) {
        put(s, ",\"values\":[");
        for (uint32_t i = 0; i < c->count; i++) {
            put(s, i == 0 ? "" : ",");
            cell_put(s, &c->values[i]);
        }
        put(s, "]");
    } else if (c != &e->label) {
        number_put(s, ",\"mean\":", c->mean);
        number_put(s, ",\"scale\":", c->scale);
    }
    put(s, "}");
}

size_t ch_encoding_write(char *out, size_t size, const ch_encoding *encoding) {
    sink s = {.out = out, .size = size};
    number_put(&s, "{\"width\":", encoding->width);
    put(&s, ",\"columns\":[");
    for (uint32_t i = 0; i < encoding->count; i++) {
        put(&s, i == 0 ? "" : ",");
        column_put(&s, encoding, &encoding->columns[i]);
    }
    put(&s, "],\"label\":");
    column_put(&s, encoding, &encoding->label);
    put(&s, "}");
    out[s.used < size ? s.used : size - 1] = '\0';
    return s.used;
}

const ch_cell_order *ch_encoding_classes(const ch_cell *values, uint32_t count) {
    double number = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!ch_cell_number(&number, &values[i])) {
            return &CH_CELLS_AS_TEXTS;
        }
    }
    return &CH_CELLS_AS_NUMBERS;
}
