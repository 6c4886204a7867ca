/* Metrics log: see metrics_log.h. */
#include "store/metrics_log.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/disk.h"
#include "base/error.h"
#include "store/metrics_row.h"
#include "store/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WHERE_MAX = 600, ROUNDS_MAX = 1000000 }; // as many as server.rounds may be

static const size_t FILE_BYTES_MAX = (size_t)ROUNDS_MAX * CH_METRICS_LINE_MAX;

typedef enum log_form { FORM_JSON, FORM_CSV, FORMS } log_form;

static const char *const FILES[FORMS] = {"metrics.jsonl", "metrics.csv"};

struct ch_metrics_log {
    choir_env env;
    uint32_t rounds; // the last round added
    int descriptor[FORMS];
    char path[FORMS][CHOIR_PATH_MAX];
};

// ----- reading ----------------------------------------------------------------------------------

static uint32_t lines_count(const char *text, size_t size) {
    uint32_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += text[i] == '\n' ? 1 : 0;
    }
    return count;
}

static choir_status rows_read(ch_metrics_table *t, uint32_t lines, const char *text,
                              const char *name, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < lines && status == CHOIR_OK; i++) {
        const char *end = strchr(text, '\n');
        char where[WHERE_MAX];
        (void)snprintf(where, sizeof(where), "%s:%u", name, i + 1);
        ch_metrics_row *row = &t->rows[i];
        status = ch_metrics_row_read(row, text, (size_t)(end - text), where, err);
        if (status == CHOIR_OK && i > 0 && row->round <= t->rows[i - 1].round) {
            status = ch_error_set(err, CHOIR_EPROTO, "%s: round %u comes after round %u", where,
                                  row->round, t->rows[i - 1].round);
        } else if (status == CHOIR_OK && row->round == 0) {
            status = ch_error_set(err, CHOIR_EPROTO, "%s: round 0: rounds are from 1 on", where);
        }
        t->count = i + 1;
        text = end + 1;
    }
    return status;
}

choir_status ch_metrics_parse(ch_metrics_table *out, const char *text, size_t size,
                              const char *name, const choir_env *env, choir_error *err) {
    *out = (ch_metrics_table){.env = *env};
    if (memchr(text, '\0', size) != NULL) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: has a zero byte", name);
    }
    const uint32_t lines = lines_count(text, size);
    if (lines == 0) {
        return CHOIR_OK;
    }
    out->rows = env->alloc(env->self, ch_arena_cost(lines, sizeof(out->rows[0])));
    if (out->rows == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for its %u rounds", name, lines);
    }
    const choir_status status = rows_read(out, lines, text, name, err);
    if (status != CHOIR_OK) {
        ch_metrics_table_release(out);
    }
    return status;
}

/* Bytes of the first lines of a text, or of all of it. */
static size_t lines_size(const char *text, size_t size, uint32_t lines) {
    size_t end = 0;
    for (uint32_t i = 0; i < lines && end < size; i++) {
        const char *found = memchr(text + end, '\n', size - end);
        end = found == NULL ? size : (size_t)(found + 1 - text);
    }
    return end;
}

/* The first rows of dir's log; what is behind them need not be right. */
static choir_status first_rows_read(ch_metrics_table *out, const char *dir, uint32_t lines,
                                    const choir_env *env, choir_error *err) {
    *out = (ch_metrics_table){0};
    char path[CHOIR_PATH_MAX];
    choir_status status = ch_run_dir_file(path, dir, FILES[FORM_JSON], err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_disk_file file;
    status = ch_disk_read(&file, path, FILE_BYTES_MAX, env, err);
    if (status == CHOIR_OK) {
        const char *text = (const char *)file.data;
        status = ch_metrics_parse(out, text, lines_size(text, file.size, lines), path, env, err);
    }
    ch_disk_release(&file);
    return status;
}

choir_status ch_metrics_read(ch_metrics_table *out, const char *dir, const choir_env *env,
                             choir_error *err) {
    return first_rows_read(out, dir, UINT32_MAX, env, err);
}

void ch_metrics_table_release(ch_metrics_table *table) {
    if (table->rows != NULL) {
        table->env.free(table->env.self, table->rows);
    }
    *table = (ch_metrics_table){0};
}

// ----- writing ----------------------------------------------------------------------------------

static size_t row_line(char line[CH_METRICS_LINE_MAX], log_form form, const ch_metrics_row *row) {
    return form == FORM_JSON ? ch_metrics_row_json(line, row) : ch_metrics_row_csv(line, row);
}

static choir_status line_append(ch_metrics_log *log, log_form form, const char *line, size_t size,
                                choir_error *err) {
    const choir_bytes bytes = {.data = (const uint8_t *)line, .size = size};
    return ch_disk_append(log->descriptor[form], log->path[form], bytes, err);
}

choir_status ch_metrics_log_add(ch_metrics_log *log, const ch_metrics_row *row, choir_error *err) {
    CH_ASSERT(row->round == log->rounds + 1);
    choir_status status = CHOIR_OK;
    for (log_form form = FORM_JSON; form < FORMS && status == CHOIR_OK; form++) {
        char line[CH_METRICS_LINE_MAX];
        const size_t size = row_line(line, form, row);
        status = line_append(log, form, line, size, err);
    }
    log->rounds = row->round;
    return status;
}

choir_status ch_metrics_log_sync(ch_metrics_log *log, choir_error *err) {
    for (log_form form = FORM_JSON; form < FORMS; form++) {
        if (fsync(log->descriptor[form]) != 0) {
            return ch_error_set(err, CHOIR_EIO, "%s: cannot write: %s", log->path[form],
                                strerror(errno));
        }
    }
    return CHOIR_OK;
}

void ch_metrics_log_close(ch_metrics_log *log) {
    if (log == NULL) {
        return;
    }
    for (log_form form = FORM_JSON; form < FORMS; form++) {
        if (log->descriptor[form] >= 0) {
            (void)close(log->descriptor[form]);
        }
    }
    const choir_env env = log->env;
    env.free(env.self, log);
}

// ----- opening ----------------------------------------------------------------------------------

static choir_status rows_check(const ch_metrics_table *t, uint32_t rounds, const char *path,
                               choir_error *err) {
    for (uint32_t i = 0; i < rounds; i++) {
        if (i >= t->count || t->rows[i].round != i + 1) {
            return ch_error_set(err, CHOIR_EPROTO,
                                "%s: round %u is missing, but the checkpoint is of round %u", path,
                                i + 1, rounds);
        }
    }
    return CHOIR_OK;
}

/* A fresh file beside the old one, with the lines to keep; open for more. */
static choir_status form_begin(ch_metrics_log *log, log_form form, const ch_metrics_table *kept,
                               const char *temporary, choir_error *err) {
    log->descriptor[form] = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (log->descriptor[form] < 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot create: %s", temporary, strerror(errno));
    }
    choir_status status = CHOIR_OK;
    char line[CH_METRICS_LINE_MAX];
    if (form == FORM_CSV) {
        status = line_append(log, form, line, ch_metrics_csv_head(line), err);
    }
    for (uint32_t i = 0; i < log->rounds && status == CHOIR_OK; i++) {
        const size_t size = row_line(line, form, &kept->rows[i]);
        status = line_append(log, form, line, size, err);
    }
    if (status == CHOIR_OK && fsync(log->descriptor[form]) != 0) {
        status = ch_error_set(err, CHOIR_EIO, "%s: cannot write: %s", temporary, strerror(errno));
    }
    return status;
}

// The descriptor follows the file to its new name: what is added later goes to the right place.
static choir_status form_open(ch_metrics_log *log, log_form form, const ch_metrics_table *kept,
                              choir_error *err) {
    char temporary[CHOIR_PATH_MAX + 8];
    (void)snprintf(temporary, sizeof(temporary), "%s.tmp", log->path[form]);
    choir_status status = form_begin(log, form, kept, temporary, err);
    if (status == CHOIR_OK && rename(temporary, log->path[form]) != 0) {
        status = ch_error_set(err, CHOIR_EIO, "%s: cannot replace: %s", log->path[form],
                              strerror(errno));
    }
    if (status != CHOIR_OK) {
        (void)unlink(temporary);
    }
    return status;
}

static choir_status log_open(ch_metrics_log *log, const char *dir, choir_error *err) {
    ch_metrics_table kept = {0};
    choir_status status = CHOIR_OK;
    for (log_form form = FORM_JSON; form < FORMS && status == CHOIR_OK; form++) {
        status = ch_run_dir_file(log->path[form], dir, FILES[form], err);
    }
    if (status == CHOIR_OK && log->rounds > 0) {
        status = first_rows_read(&kept, dir, log->rounds, &log->env, err);
    }
    if (status == CHOIR_OK) {
        status = rows_check(&kept, log->rounds, log->path[FORM_JSON], err);
    }
    for (log_form form = FORM_JSON; form < FORMS && status == CHOIR_OK; form++) {
        status = form_open(log, form, &kept, err);
    }
    ch_metrics_table_release(&kept);
    return status;
}

choir_status ch_metrics_log_open(ch_metrics_log **out, const char *dir, uint32_t rounds,
                                 const choir_env *env, choir_error *err) {
    *out = NULL;
    ch_metrics_log *log = env->alloc(env->self, ch_arena_cost(1, sizeof(*log)));
    if (log == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for its metrics", dir);
    }
    *log = (ch_metrics_log){.env = *env, .rounds = rounds, .descriptor = {-1, -1}};
    const choir_status status = log_open(log, dir, err);
    if (status != CHOIR_OK) {
        ch_metrics_log_close(log);
        return status;
    }
    *out = log;
    return CHOIR_OK;
}
