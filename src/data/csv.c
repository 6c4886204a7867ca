/* Splitting text into cells; see csv.h. Two passes: one counts records, one keeps their places. */
#include "data/csv.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/filed.h"

#include <string.h>

typedef struct scanner {
    const char *data;
    char *to; // data, to reduce doubled quotes in place; NULL: not to
    size_t size;
    size_t at;
    uint32_t line;    // of data[at], from 1
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
        if (s->to != NULL) {
            s->to[end] = c;
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

/* ------------------------------------------------------------------------------------- windows */

static bool is_last(const ch_csv *csv) {
    return csv->text != NULL || csv->window_at + csv->window_had == csv->size;
}

/* Drops what has been scanned of the window, and reads more behind the rest of it. */
static choir_status window_move(ch_csv *csv, scanner *s, choir_error *err) {
    const size_t rest = csv->window_had - s->at;
    char *to = csv->window;
    if (rest == csv->window_room) {
        if (2 * csv->window_room > CH_CSV_RECORD_MAX) {
            return ch_error_set(err, CHOIR_EPROTO, "%s: line %u: a record of more than %zu bytes",
                                s->name, s->line, csv->window_room);
        }
        to = ch_claim(&csv->env, 2 * csv->window_room, 1);
        if (to == NULL) {
            return CHOIR_ENOMEM;
        }
    }
    memmove(to, csv->window + s->at, rest);
    if (to != csv->window) {
        csv->env.free(csv->env.self, csv->window);
        csv->window = to;
        csv->window_room *= 2;
    }
    csv->window_at += s->at;
    const uint64_t behind = csv->size - csv->window_at - rest;
    const size_t room = csv->window_room - rest;
    const size_t some = behind < room ? (size_t)behind : room;
    csv->window_had = rest;
    const choir_status status =
        ch_filed_file_read(csv->file, csv->window_at + rest, to + rest, some, err);
    csv->window_had += status == CHOIR_OK ? some : 0;
    s->data = csv->window;
    s->size = csv->window_had;
    s->at = 0;
    return status;
}

/* ------------------------------------------------------------------------------------- records */

static choir_status record_check(const scanner *s, uint32_t line, uint32_t fields, uint32_t records,
                                 uint32_t columns) {
    if (records > 0 && fields != columns) {
        return ch_error_set(s->err, CHOIR_EPROTO,
                            "%s: line %u: %u field%s, but the first record has %u; only commas "
                            "separate fields",
                            s->name, line, fields, ch_text_plural(fields), columns);
    }
    if (records == CH_CSV_RECORDS_MAX) {
        return ch_error_set(s->err, CHOIR_EPROTO, "%s: line %u: more than %d records", s->name,
                            line, CH_CSV_RECORDS_MAX);
    }
    return CHOIR_OK;
}

/* Scans the record that begins here. EAGAIN: it may go on behind the window. */
static choir_status record_scan(const ch_csv *csv, scanner *s, uint32_t fields_max,
                                uint32_t *fields, choir_error *err) {
    const scanner begin = *s;
    choir_status status = record_next(s, NULL, fields_max, fields);
    if (at_end(s) && !is_last(csv)) {
        *s = begin;
        return CHOIR_EAGAIN;
    }
    if (status != CHOIR_OK) { // once more, to say why
        *s = begin;
        s->err = err;
        status = record_next(s, NULL, fields_max, fields);
    }
    return status;
}

/* Where to begin: behind a byte order mark. */
static choir_status scanner_begin(ch_csv *csv, scanner *s, choir_error *err) {
    choir_status status = CHOIR_OK;
    *s = (scanner){.data = csv->text, .size = (size_t)csv->size, .line = 1, .name = csv->name};
    if (csv->text == NULL) {
        csv->window_at = csv->window_had = 0;
        while (status == CHOIR_OK && csv->window_had < 3 && !is_last(csv)) {
            status = window_move(csv, s, err);
        }
        s->data = csv->window;
        s->size = csv->window_had;
    }
    s->at = s->size >= 3 && memcmp(s->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    return status;
}

/* Keeps where a record begins. */
static void record_keep(ch_csv *csv, uint32_t record, const scanner *begin) {
    csv->begins[record] = (csv->text == NULL ? csv->window_at : 0) + begin->at;
    csv->lines[record] = begin->line;
}

/* Scans all records: counts them, or keeps where they begin when there is room for that. */
static choir_status records_scan(ch_csv *csv, choir_error *err) {
    scanner s;
    uint32_t records = 0;
    uint32_t columns = 0;
    choir_status status = scanner_begin(csv, &s, err);
    while (status == CHOIR_OK) {
        if (!record_begin(&s)) {
            if (is_last(csv)) {
                break;
            }
            status = window_move(csv, &s, err);
            continue;
        }
        const scanner begin = s;
        uint32_t fields = 0;
        status = record_scan(csv, &s, records == 0 ? CH_CSV_COLUMNS_MAX : columns, &fields, err);
        if (status == CHOIR_EAGAIN) {
            status = window_move(csv, &s, err);
            continue;
        }
        if (status == CHOIR_OK) {
            s.err = err;
            status = record_check(&s, begin.line, fields, records, columns);
            s.err = NULL;
        }
        const bool is_second = csv->begins != NULL; // there is room for what the first scan found
        if (is_second && (records == csv->records ||
                          (status == CHOIR_OK && records == 0 && fields != csv->columns))) {
            return ch_csv_changed(csv, err);
        }
        if (status == CHOIR_OK && is_second) {
            record_keep(csv, records, &begin);
        }
        columns = records == 0 ? fields : columns;
        records += 1;
    }
    if (status == CHOIR_OK && csv->begins != NULL && csv->records != records) {
        return ch_csv_changed(csv, err);
    }
    csv->records = records;
    csv->columns = columns;
    return status;
}

/* Room for what is kept of records, and for one of them. */
static choir_status places_claim(ch_csv *csv) {
    csv->lines = ch_claim(&csv->env, csv->records, sizeof(csv->lines[0]));
    csv->begins = ch_claim(&csv->env, (size_t)csv->records + 1, sizeof(csv->begins[0]));
    csv->cells = ch_claim(&csv->env, 2 * (size_t)csv->columns, sizeof(csv->cells[0]));
    return csv->lines == NULL || csv->begins == NULL || csv->cells == NULL ? CHOIR_ENOMEM
                                                                           : CHOIR_OK;
}

/* Room for the longest record; the first one stays. */
static choir_status record_claim(ch_csv *csv, choir_error *err) {
    csv->begins[csv->records] = csv->size;
    for (uint32_t i = 0; i < csv->records; i++) {
        const uint64_t size = csv->begins[i + 1] - csv->begins[i];
        csv->record_max = size > csv->record_max ? (size_t)size : csv->record_max;
    }
    csv->record = ch_claim(&csv->env, csv->record_max, 1);
    csv->first_text = ch_claim(&csv->env, (size_t)(csv->begins[1] - csv->begins[0]), 1);
    if (csv->record == NULL || csv->first_text == NULL) {
        return CHOIR_ENOMEM;
    }
    const ch_cell *cells = NULL;
    const choir_status status = ch_csv_record(csv, 0, &cells, err);
    if (status != CHOIR_OK) {
        return status;
    }
    memcpy(csv->first_text, csv->record, (size_t)(csv->begins[1] - csv->begins[0]));
    csv->first = csv->cells + csv->columns;
    for (uint32_t c = 0; c < csv->columns; c++) {
        csv->first[c] = (ch_cell){.data = csv->first_text + (cells[c].data - csv->record),
                                  .size = cells[c].size};
    }
    return CHOIR_OK;
}

/* What is missing of a CSV whose text is known. */
static choir_status csv_fill(ch_csv *csv, choir_error *err) {
    choir_status status = records_scan(csv, err);
    if (status == CHOIR_OK && csv->records == 0) {
        status = ch_error_set(err, CHOIR_EPROTO, "%s: has no records", csv->name);
    }
    if (status == CHOIR_OK) {
        status = places_claim(csv);
    }
    if (status == CHOIR_OK) {
        status = records_scan(csv, err);
    }
    if (status == CHOIR_OK) {
        status = record_claim(csv, err);
    }
    if (status != CHOIR_OK) {
        ch_csv_release(csv);
    }
    return status;
}

choir_status ch_csv_parse(ch_csv *out, const char *data, size_t size, const char *name,
                          const choir_env *env, choir_error *err) {
    *out = (ch_csv){.text = data, .size = size, .name = name, .env = *env};
    if (size > CH_CSV_BYTES_MAX) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: %zu bytes; at most %llu are read as CSV in memory", name, size,
                            (unsigned long long)CH_CSV_BYTES_MAX);
    }
    out->text = data == NULL ? "" : data;
    return csv_fill(out, err);
}

choir_status ch_csv_open(ch_csv *out, const ch_filed_file *file, size_t window, const char *name,
                         const choir_env *env, choir_error *err) {
    *out = (ch_csv){.file = file, .size = file->size, .name = name, .env = *env};
    CH_ASSERT(window > 0);
    out->window = ch_claim(env, window, 1);
    if (out->window == NULL) {
        return CHOIR_ENOMEM;
    }
    out->window_room = window;
    return csv_fill(out, err);
}

/* Copies the record's bytes (size) to where its quotes may be reduced. */
static choir_status record_fetch(ch_csv *csv, uint32_t record, size_t size, choir_error *err) {
    const uint64_t at = csv->begins[record];
    if (csv->text != NULL) {
        memcpy(csv->record, csv->text + at, size);
        return CHOIR_OK;
    }
    const bool is_seen = at >= csv->window_at && size <= csv->window_had &&
                         at - csv->window_at <= csv->window_had - size;
    if (!is_seen && (record != csv->next || size > csv->window_room)) {
        return ch_filed_file_read(csv->file, at, csv->record, size, err);
    }
    if (!is_seen) {
        const uint64_t behind = csv->size - at;
        csv->window_at = at;
        csv->window_had = 0;
        const size_t some = behind < csv->window_room ? (size_t)behind : csv->window_room;
        const choir_status status = ch_filed_file_read(csv->file, at, csv->window, some, err);
        if (status != CHOIR_OK) {
            return status;
        }
        csv->window_had = some;
    }
    memcpy(csv->record, csv->window + (at - csv->window_at), size);
    return CHOIR_OK;
}

choir_status ch_csv_record(ch_csv *csv, uint32_t record, const ch_cell **out, choir_error *err) {
    CH_ASSERT(record < csv->records);
    const size_t size = (size_t)(csv->begins[record + 1] - csv->begins[record]);
    const choir_status status = record_fetch(csv, record, size, err);
    if (status != CHOIR_OK) {
        return status;
    }
    uint32_t fields = 0;
    scanner s = {.data = csv->record, .to = csv->record, .size = size, .name = csv->name};
    if (record_next(&s, csv->cells, csv->columns, &fields) != CHOIR_OK || fields != csv->columns) {
        return ch_csv_changed(csv, err);
    }
    csv->next = record + 1;
    *out = csv->cells;
    return CHOIR_OK;
}

choir_status ch_csv_changed(const ch_csv *csv, choir_error *err) {
    return ch_error_set(err, CHOIR_EIO,
                        "%s: was changed while it was read; leave it alone, and start again",
                        csv->name);
}

void ch_csv_release(ch_csv *csv) {
    void *const blocks[] = {csv->lines,  csv->begins, csv->cells,
                            csv->record, csv->window, csv->first_text};
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (blocks[i] != NULL) {
            csv->env.free(csv->env.self, blocks[i]);
        }
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
