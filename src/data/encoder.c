/* Columns as inputs, labels and groups; see encoder.h. */
#include "data/encoder_parts.h"

#include "base/arena.h"
#include "base/checksum.h"
#include "base/env.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/deviates.h"
#include "data/file.h"
#include "data/filed.h"
#include "data/spool.h"
#include "data/unpacked.h"

#include <math.h>
#include <string.h>

choir_status ch_encoder_refuse(const ch_encoder *e, uint32_t record, uint32_t c, const char *what,
                               const char *why) {
    char shown[CH_TEXT_SHOWN_MAX];
    const ch_cell *cells = NULL;
    const choir_status status = ch_csv_record(e->csv, record, &cells, e->err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_cell_show(shown, &cells[c]);
    return ch_error_set(e->err, CHOIR_EPROTO, "%s: line %u: %s '%s' in column %u %s", e->name,
                        e->csv->lines[record], what, shown, c + 1, why);
}

choir_status ch_encoder_check_numbers(const ch_encoder *e, uint32_t c) {
    if (e->facts[c].large > 0) {
        return ch_encoder_refuse(e, e->facts[c].first_large, c, "value",
                                 "is not between -1e30 and 1e30, as an input must be");
    }
    return CHOIR_OK;
}

choir_status ch_encoder_check_groups(const ch_encoder *e) {
    if (e->group != CH_NO_COLUMN && e->facts[e->group].missing > 0) {
        return ch_encoder_refuse(e, e->facts[e->group].first_missing, e->group, "group",
                                 "is missing; say whose the row is, or take it out of the file");
    }
    return CHOIR_OK;
}

choir_status ch_encoder_visit(const ch_encoder *e, uint32_t count, ch_row_visit *visit,
                              void *self) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        const ch_cell *cells = NULL;
        status = ch_csv_record(e->csv, e->order[i], &cells, e->err);
        if (status == CHOIR_OK) {
            status = visit(self, i, cells);
        }
    }
    return status;
}

/* One more of a kind, of which the first is remembered. */
static void fact_add(uint32_t *count, uint32_t *first, uint32_t record) {
    *first = *count == 0 ? record : *first;
    *count += 1;
}

static void cell_look(ch_column_facts *f, uint32_t record, const ch_cell *cell) {
    double number = 0;
    if (ch_cell_is_missing(cell)) {
        fact_add(&f->missing, &f->first_missing, record);
    } else if (ch_cell_number(&number, cell)) {
        f->numbers += 1;
        if (fabs(number) > CH_ENCODED_NUMBER_MAX) {
            fact_add(&f->large, &f->first_large, record);
        }
    } else if (ch_cell_is_missing_number(cell)) {
        fact_add(&f->words, &f->first_word, record);
    } else {
        fact_add(&f->texts, &f->first_text, record);
    }
}

choir_status ch_encoder_look(ch_encoder *e) {
    choir_status status = CHOIR_OK;
    const uint32_t begin = e->csv->records - e->rows;
    for (uint32_t record = begin; record < e->csv->records && status == CHOIR_OK; record++) {
        const ch_cell *cells = NULL;
        status = ch_csv_record(e->csv, record, &cells, e->err);
        for (uint32_t c = 0; c < e->csv->columns && status == CHOIR_OK; c++) {
            const ch_column_kind kind = e->kinds[c];
            ch_column_facts *f = &e->facts[c];
            if (kind == CH_COLUMN_UNKNOWN || kind == CH_COLUMN_NUMERIC || kind == CH_COLUMN_LABEL) {
                cell_look(f, record, &cells[c]);
            } else if (c == e->group && ch_cell_is_missing(&cells[c])) {
                fact_add(&f->missing, &f->first_missing, record);
            }
        }
    }
    return status;
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
    const size_t bytes =
        ch_arena_cost(columns, sizeof(e->kinds[0])) + ch_arena_cost(columns, sizeof(e->inputs[0])) +
        ch_arena_cost(columns, sizeof(e->facts[0])) + ch_arena_cost(columns, sizeof(e->sums[0])) +
        ch_arena_cost(columns, sizeof(e->values[0])) +
        ch_arena_cost(columns, sizeof(e->fitted[0])) + ch_arena_cost(e->rows, sizeof(e->order[0]));
    if (ch_arena_init(&e->arena, bytes, env) != CHOIR_OK) {
        return CHOIR_ENOMEM;
    }
    e->kinds = CH_NEW(&e->arena, ch_column_kind, columns);
    e->inputs = CH_NEW(&e->arena, const ch_encoding_column *, columns);
    e->facts = CH_NEW(&e->arena, ch_column_facts, columns);
    e->sums = CH_NEW(&e->arena, ch_column_sums, columns);
    e->values = CH_NEW(&e->arena, ch_values, columns);
    e->fitted = CH_NEW(&e->arena, ch_encoding_column, columns);
    e->order = CH_NEW(&e->arena, uint32_t, e->rows);
    for (uint32_t c = 0; c < columns; c++) {
        ch_values_init(&e->values[c], 0, env);
    }
    return CHOIR_OK;
}

static void encoder_release(ch_encoder *e) {
    for (uint32_t c = 0; e->values != NULL && c < e->csv->columns; c++) {
        ch_values_release(&e->values[c]);
    }
    ch_arena_release(&e->arena);
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
        status = ch_encoder_see_header(e);
    }
    e->rows = e->csv->records - (e->has_header ? 1 : 0);
    if (status == CHOIR_OK && e->rows == 0) {
        status = ch_error_set(e->err, CHOIR_EPROTO, "%s: has a header and no rows", e->name);
    }
    return status;
}

/* Where inputs go that are more than the memory is to hold. */
typedef struct destination {
    uint64_t memory;
    const char *to;   // as ch_unpacked_find
    const char *path; // of the CSV file
} destination;

static choir_status csv_encode(ch_dataset *out, ch_csv *csv, const destination *where,
                               const choir_job_data *options, const ch_reading *reading,
                               uint64_t seed, choir_error *err) {
    ch_encoder e = {.csv = csv, .name = csv->name, .options = options, .err = err};
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
        status = ch_encoder_fill(&e, out, where->memory, where->to, where->path);
    }
    encoder_release(&e);
    return status;
}

choir_status ch_csv_encode(ch_dataset *out, ch_csv *csv, const choir_job_data *options,
                           const ch_reading *reading, uint64_t seed, choir_error *err) {
    const destination memory = {.memory = UINT64_MAX};
    return csv_encode(out, csv, &memory, options, reading, seed, err);
}

/* --------------------------------------------------------------------------------------- files */

static void text_add(ch_checksum *c, const char *text) {
    ch_checksum_add(c, text, strlen(text) + 1);
}

/* All that an encoding depends on beside the file. */
static choir_status way_of(uint64_t *out, const choir_job_data *o, const ch_reading *reading,
                           uint64_t seed, const choir_env *env) {
    static const ch_reading usual = {.encoding = NULL};
    const ch_reading *r = reading == NULL ? &usual : reading;
    const char *const texts[] = {"csv 2", o->label, o->group, o->categorical, o->drop, o->task};
    const uint64_t drawn_by = o->test_share > 0 && o->test_share < 1 ? seed : 0;
    const uint8_t flags[] = {r->is_test_only, r->may_lack_labels, r->encoding != NULL};
    ch_checksum c;
    ch_checksum_init(&c, 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        text_add(&c, texts[i]);
    }
    ch_checksum_add(&c, &o->test_share, sizeof(o->test_share));
    ch_checksum_add(&c, &drawn_by, sizeof(drawn_by));
    ch_checksum_add(&c, flags, sizeof(flags));
    if (r->encoding != NULL) {
        char none[1];
        const size_t size = ch_encoding_write(none, sizeof(none), r->encoding) + 1;
        char *text = ch_claim(env, size, 1);
        if (text == NULL) {
            return CHOIR_ENOMEM;
        }
        (void)ch_encoding_write(text, size, r->encoding);
        text_add(&c, text);
        env->free(env->self, text);
    }
    *out = ch_checksum_finish(&c);
    return CHOIR_OK;
}

/* Reads and encodes a file's text where it lies, or a packed one's where it is unpacked. */
static choir_status file_encode(ch_dataset *out, const char *text_path, const destination *where,
                                const choir_job_data *options, const ch_reading *reading,
                                uint64_t seed, choir_error *err) {
    ch_filed_file file;
    ch_csv csv;
    choir_status status = ch_filed_file_open(&file, text_path, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = ch_csv_open(&csv, &file, CH_CSV_WINDOW, where->path, &out->env, err);
    if (status == CHOIR_OK) {
        status = csv_encode(out, &csv, where, options, reading, seed, err);
        ch_csv_release(&csv);
    }
    if (status != CHOIR_OK) {
        status = ch_filed_file_judge(&file, status, err);
    }
    ch_filed_file_close(&file);
    return status;
}

/* The same of a text that is more than the memory is to hold. A packed one is unpacked under a name
 * of its own, which nobody finds and which is gone afterwards, whatever came of it. */
static choir_status large_encode(ch_dataset *out, const destination *where,
                                 const choir_job_data *options, const ch_reading *reading,
                                 uint64_t seed, choir_error *err) {
    if (!ch_file_is_packed(where->path)) {
        return file_encode(out, where->path, where, options, reading, seed, err);
    }
    char plain[CH_UNPACKED_PATH_MAX];
    ch_unpacked text;
    bool is_there = false;
    choir_status status = ch_unpacked_find(plain, &is_there, where->path, 0, options->dir, err);
    if (status == CHOIR_OK) {
        status = ch_unpacked_begin(&text, plain, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    ch_log_text(&out->env, CHOIR_LEVEL_INFO, "data_unpacked", "path", where->path);
    status = ch_file_unpack(text.file, text.part, where->path, &out->env, err);
    if (status == CHOIR_OK) {
        status = file_encode(out, text.part, where, options, reading, seed, err);
    }
    ch_unpacked_drop(&text);
    return status;
}

static choir_status text_encode(ch_dataset *out, const destination *where,
                                const choir_job_data *options, const ch_reading *reading,
                                uint64_t seed, choir_error *err) {
    ch_file file;
    ch_csv csv;
    const uint64_t most = where->memory < CH_CSV_BYTES_MAX ? where->memory : CH_CSV_BYTES_MAX;
    choir_status status = ch_file_read_within(&file, where->path, most, &out->env, err);
    if (status == CHOIR_EAGAIN) {
        return large_encode(out, where, options, reading, seed, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    status = ch_csv_parse(&csv, (const char *)file.data, file.size, where->path, &out->env, err);
    if (status == CHOIR_OK) {
        status = csv_encode(out, &csv, where, options, reading, seed, err);
        ch_csv_release(&csv);
    }
    ch_file_release(&file);
    return status;
}

choir_status ch_csv_read(ch_dataset *out, const char *path, const choir_job_data *options,
                         const ch_reading *reading, uint64_t seed, choir_error *err) {
    char to[CH_UNPACKED_PATH_MAX] = "";
    const destination where = {.memory = ch_filed_memory(options), .to = to, .path = path};
    bool is_there = false;
    uint64_t way = 0;
    choir_status status = way_of(&way, options, reading, seed, &out->env);
    if (status != CHOIR_OK) {
        return status;
    }
    choir_error why = {.message = ""};
    status = ch_unpacked_find(to, &is_there, path, way, options->dir, &why);
    if (status == CHOIR_OK && is_there && ch_spool_bytes(to) > where.memory) {
        status = ch_encoder_reopen(out, to, &why);
        if (status != CHOIR_EPROTO) { // a damaged one is made again
            return status == CHOIR_OK ? status : ch_error_set(err, status, "%s", why.message);
        }
    }
    return text_encode(out, &where, options, reading, seed, err);
}
