/* Splitting text into cells; see csv.h. Two passes: one counts, one keeps. */
#include "data/csv.h"

#include "base/error.h"
#include "base/text.h"
#include "data/dataset.h"

#include <string.h>

typedef struct scanner {
    char *data;
    size_t size;
    size_t at;
    uint32_t line;    // of data[at], from 1
    bool keep;        // reduce doubled quotes
    const char *name; // of the file
    choir_error *err;
} scanner;

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static bool at_end(const scanner *s) {
    return s->at == s->size;
}

static void skip_blanks(scanner *s) {
    while (!at_end(s) && is_blank(s->data[s->at])) {
        s->at += 1;
    }
}

static choir_status refuse(const scanner *s, uint32_t line, const char *why) {
    return ch_error_set(s->err, CHOIR_EPROTO, "%s: line %u: %s", s->name, line, why);
}

/* The text between quotes; at stands on the first one, then behind the last. */
static choir_status quoted_next(scanner *s, ch_cell *out) {
    const uint32_t line = s->line;
    s->at += 1;
    const size_t begin = s->at;
    size_t end = begin;
    for (;; s->at++) {
        if (at_end(s)) {
            return refuse(s, line, "a quote is opened here and never closed");
        }
        const char c = s->data[s->at];
        if (c == '"') {
            s->at += 1;
            if (at_end(s) || s->data[s->at] != '"') {
                break;
            }
        }
        if (c == '\0') {
            return refuse(s, s->line, "a zero byte; this is not text");
        }
        s->line += c == '\n';
        if (s->keep) {
            s->data[end] = c;
        }
        end += 1;
        if (end - begin > CH_CSV_CELL_MAX) {
            return refuse(s, line, "a field of more than 4096 bytes; is a quote not closed?");
        }
    }
    *out = (ch_cell){.data = s->data + begin, .size = (uint32_t)(end - begin)};
    skip_blanks(s);
    if (!at_end(s) && s->data[s->at] != ',' && s->data[s->at] != '\n') {
        return refuse(s, s->line, "text after a closing quote; a quote inside is written twice");
    }
    return CHOIR_OK;
}

static choir_status plain_next(scanner *s, ch_cell *out) {
    const size_t begin = s->at;
    while (!at_end(s) && s->data[s->at] != ',' && s->data[s->at] != '\n') {
        if (s->data[s->at] == '"') {
            return refuse(s, s->line, "a quote inside a field that does not begin with one");
        }
        if (s->data[s->at] == '\0') {
            return refuse(s, s->line, "a zero byte; this is not text");
        }
        s->at += 1;
    }
    size_t end = s->at;
    while (end > begin && is_blank(s->data[end - 1])) {
        end -= 1;
    }
    if (end - begin > CH_CSV_CELL_MAX) {
        return refuse(s, s->line, "a field of more than 4096 bytes; no field may be longer");
    }
    *out = (ch_cell){.data = s->data + begin, .size = (uint32_t)(end - begin)};
    return CHOIR_OK;
}

/* Moves to the next line that is not blank; false when there is none. */
static bool record_begin(scanner *s) {
    for (;;) {
        skip_blanks(s);
        if (at_end(s)) {
            return false;
        }
        if (s->data[s->at] != '\n') {
            return true;
        }
        s->at += 1;
        s->line += 1;
    }
}

/* Reads one record's fields into cells (columns_max), or only counts them when cells is NULL. */
static choir_status record_next(scanner *s, ch_cell *cells, uint32_t columns_max,
                                uint32_t *columns) {
    const uint32_t line = s->line;
    for (uint32_t count = 1;; count++) {
        ch_cell cell = {0};
        skip_blanks(s);
        const bool quoted = !at_end(s) && s->data[s->at] == '"';
        const choir_status status = quoted ? quoted_next(s, &cell) : plain_next(s, &cell);
        if (status != CHOIR_OK) {
            return status;
        }
        if (count > columns_max && columns_max < CH_CSV_COLUMNS_MAX) {
            return ch_error_set(s->err, CHOIR_EPROTO,
                                "%s: line %u: more fields than the first record has, which are %u; "
                                "only commas separate fields",
                                s->name, line, columns_max);
        }
        if (count > columns_max) {
            return ch_error_set(s->err, CHOIR_EPROTO, "%s: line %u: more than %u fields", s->name,
                                line, columns_max);
        }
        if (cells != NULL) {
            cells[count - 1] = cell;
        }
        const bool more = !at_end(s) && s->data[s->at] == ',';
        s->line += !at_end(s) && !more;
        s->at += !at_end(s);
        if (!more) {
            *columns = count;
            return CHOIR_OK;
        }
    }
}

/* Reads all records; out's arrays, if there are any, have room for them. */
static choir_status records_scan(scanner *s, ch_csv *out) {
    uint32_t records = 0;
    uint32_t columns = 0;
    while (record_begin(s)) {
        const uint32_t line = s->line;
        const uint32_t fields_max = records == 0 ? CH_CSV_COLUMNS_MAX : columns;
        uint32_t fields = 0;
        ch_cell *cells = s->keep ? out->cells + (size_t)records * out->columns : NULL;
        const choir_status status = record_next(s, cells, fields_max, &fields);
        if (status != CHOIR_OK) {
            return status;
        }
        columns = records == 0 ? fields : columns;
        if (fields != columns) {
            return ch_error_set(s->err, CHOIR_EPROTO,
                                "%s: line %u: %u field%s, but the first record has %u; only commas "
                                "separate fields",
                                s->name, line, fields, ch_text_plural(fields), columns);
        }
        if (s->keep) {
            out->lines[records] = line;
        }
        records += 1;
    }
    out->records = records;
    out->columns = columns;
    return CHOIR_OK;
}

static choir_status cells_claim(ch_csv *csv) {
    csv->cells = ch_claim(&csv->env, (size_t)csv->records * csv->columns, sizeof(csv->cells[0]));
    csv->lines = ch_claim(&csv->env, csv->records, sizeof(csv->lines[0]));
    return csv->cells == NULL || csv->lines == NULL ? CHOIR_ENOMEM : CHOIR_OK;
}

choir_status ch_csv_parse(ch_csv *out, char *data, size_t size, const char *name,
                          const choir_env *env, choir_error *err) {
    *out = (ch_csv){.env = *env};
    if (size > CH_CSV_BYTES_MAX) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: %zu bytes; at most %llu are read as CSV", name,
                            size, (unsigned long long)CH_CSV_BYTES_MAX);
    }
    const size_t mark = size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    scanner s = {.data = data, .size = size, .at = mark, .line = 1, .name = name, .err = err};
    choir_status status = records_scan(&s, out);
    if (status == CHOIR_OK && out->records == 0) {
        status = ch_error_set(err, CHOIR_EPROTO, "%s: has no records", name);
    }
    if (status == CHOIR_OK) {
        status = cells_claim(out);
    }
    if (status == CHOIR_OK) {
        s.at = mark;
        s.line = 1;
        s.keep = true;
        status = records_scan(&s, out);
    }
    if (status != CHOIR_OK) {
        ch_csv_release(out);
    }
    return status;
}

void ch_csv_release(ch_csv *csv) {
    if (csv->cells != NULL) {
        csv->env.free(csv->env.self, csv->cells);
    }
    if (csv->lines != NULL) {
        csv->env.free(csv->env.self, csv->lines);
    }
    *csv = (ch_csv){.env = csv->env};
}

int ch_cell_compare(const ch_cell *a, const ch_cell *b) {
    const uint32_t common = a->size < b->size ? a->size : b->size;
    const int order = common == 0 ? 0 : memcmp(a->data, b->data, common);
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

bool ch_cell_number(double *out, const ch_cell *text) {
    char digits[CH_CSV_CELL_MAX + 1];
    if (text->size >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, text->data, text->size);
    digits[text->size] = '\0';
    return ch_text_read_f64(out, digits);
}
