/* Experiment: see experiment.h. */
#include "paper/experiment.h"

#include "base/assert.h"
#include "base/disk.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "job/keys.h"
#include "job/rules.h"
#include "job/yaml.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
    FILE_BYTES_MAX = 1 << 20,
    OVERRIDES_MAX = 2 * CH_PAPER_SETS_MAX + 6,
    OVERRIDE_MAX = CHOIR_PATH_MAX + 32,
};

// Of words that gnuplot draws.
#define AXIS_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,"

#define FIELD(member) offsetof(ch_paper_experiment, member)
#define TEXT(key, member, choices, help)                                                           \
    {                                                                                              \
        key, CH_OPTION_TEXT, FIELD(member), 0, sizeof(((ch_paper_experiment *)0)->member), "",     \
            choices, help                                                                          \
    }

static const ch_option ROWS[] = {
    TEXT("title", title, NULL, "what the report calls it"),
    TEXT("paper", paper, NULL, "what it is in the paper: 'Table 1'"),
    TEXT("source", source, NULL, "how the paper's numbers are known"),
    TEXT("about", about, NULL, "what a reader should know, in a sentence or two"),
    TEXT("note", note, NULL, "why ours differs, where a cell does not say it of its own"),
    TEXT("kind", kind, "table|curves|average", "rounds to a target, curves, or averaged models"),
    TEXT("job", job, NULL, "the base job file, from the experiment's folder"),
    {"target", CH_OPTION_F64, FIELD(target), 0, 1, "", NULL,
     "test accuracy that rounds are counted to; 0: all rounds are run"},
    {"rounds", CH_OPTION_U32, FIELD(rounds), 1, 1e6, "rounds", NULL, "at most for a cell"},
    TEXT("rates", rates, NULL, "learning rates to begin with, points of the grid"),
    {"rates_max", CH_OPTION_U32, FIELD(rates_max), 1, CH_GRID_RATES_MAX, "rates", NULL,
     "at most for a cell"},
    TEXT("baseline", baseline, NULL, "the row that speed-ups are over"),
    TEXT("like", like, NULL, "the table whose cells have the best rates for cells of their names"),
    TEXT("metric", metric, "accuracy|accuracy-raw|loss|pooled-loss", "curves: what is drawn"),
    {"level", CH_OPTION_F64, FIELD(level), 0, 1, "", NULL, "curves: a line across"},
    TEXT("axis", axis, NULL, "curves: what rounds, times a row's scale, are called"),
    {"log", CH_OPTION_FLAG, FIELD(is_log), 0, 0, "", NULL, "curves: on a logarithmic axis"},
    {"elsewhere", CH_OPTION_FLAG, FIELD(is_elsewhere), 0, 0, "", NULL,
     "the paper's numbers are of other data: shown beside ours, not held against them"},
};

const ch_options CH_PAPER_KEYS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};

static const ch_paper_experiment DEFAULTS = {.kind = "table",
                                             .rates = "0.1",
                                             .rates_max = 3,
                                             .rounds = 1000,
                                             .metric = "accuracy",
                                             .axis = "round"};

// What is decided for each run of a cell, whatever its settings.
static const char *const DECIDED[] = {"client.learning_rate", "seed", "server.rounds",
                                      "server.target_accuracy", "data.dir"};

// ----- reading ----------------------------------------------------------------------------------

enum { KEYS_MAX = 2048 };

/* The keys that were read, by 64 bits of their SHA-256, and where. */
typedef struct keys_seen {
    uint64_t digests[KEYS_MAX]; // (count)
    uint32_t lines[KEYS_MAX];   // likewise
    uint32_t count;
} keys_seen;

typedef struct reader {
    ch_paper_experiment *e;
    const char *file; // for messages
    keys_seen *seen;
} reader;

static choir_status refuse(const reader *r, const ch_yaml_entry *entry, const char *why,
                           choir_error *err) {
    return ch_error_set(err, CHOIR_EINVAL, "%s:%u: %.80s: %s", r->file, entry->line, entry->key,
                        why);
}

/* The part of key before its first point, and what is behind that; NULL: there is no point. */
static const char *key_cut(char out[CH_PAPER_NAME_MAX], const char *key) {
    const char *point = strchr(key, '.');
    if (point == NULL || point - key >= CH_PAPER_NAME_MAX) {
        return NULL;
    }
    memcpy(out, key, (size_t)(point - key));
    out[point - key] = '\0';
    return point + 1;
}

static uint32_t line_find(const ch_paper_line *lines, uint32_t count, const char *name) {
    uint32_t i = 0;
    while (i < count && strcmp(lines[i].name, name) != 0) {
        i += 1;
    }
    return i;
}

/* Finds a row or a column, or adds it; NULL when there is no room. */
static ch_paper_line *line_of(ch_paper_line *lines, uint32_t *count, uint32_t max,
                              const char *name) {
    const uint32_t i = line_find(lines, *count, name);
    if (i == max) {
        return NULL;
    }
    if (i == *count) {
        (void)snprintf(lines[i].name, sizeof(lines[i].name), "%s", name);
        (void)snprintf(lines[i].label, sizeof(lines[i].label), "%s", name);
        *count += 1;
    }
    return &lines[i];
}

/* Whether a job has this key, "client.epochs" behind "rows.e5.set.", and it can have the value. */
static choir_status set_check(const reader *r, const char *key, const ch_yaml_entry *entry,
                              choir_error *err) {
    char where[CHOIR_PATH_MAX + CH_YAML_KEY_MAX + 16];
    choir_job scratch = CH_JOB_DEFAULTS;
    for (size_t i = 0; i < sizeof(DECIDED) / sizeof(DECIDED[0]); i++) {
        if (strcmp(key, DECIDED[i]) == 0) {
            return refuse(r, entry,
                          "is not a setting's: rates, rounds and target are keys of their "
                          "own, --seed and --data flags",
                          err);
        }
    }
    const char *known = strcmp(key, "model") == 0 ? "model.name" : key;
    (void)snprintf(where, sizeof(where), "%s:%u: %.*s", r->file, entry->line,
                   (int)(key - entry->key - 1), entry->key);
    return ch_options_set(&CH_JOB_KEYS, &scratch, known, entry->value, where, err);
}

static choir_status set_take(const reader *r, ch_paper_line *line, const char *key,
                             const ch_yaml_entry *entry, choir_error *err) {
    const choir_status status = set_check(r, key, entry, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (line->sets_count == CH_PAPER_SETS_MAX) {
        return refuse(r, entry, "more settings than a row or a column may have", err);
    }
    char *out = line->sets[line->sets_count];
    const int size = snprintf(out, CH_PAPER_SET_MAX, "%s=%s", key, entry->value);
    if (size < 0 || size >= CH_PAPER_SET_MAX) {
        return refuse(r, entry, "the setting is too long", err);
    }
    line->sets_count += 1;
    return CHOIR_OK;
}

/* other: what it may be besides, for the message. */
static choir_status number_take(const reader *r, double *out, double most, const char *other,
                                const ch_yaml_entry *entry, choir_error *err) {
    double value = 0;
    if (!ch_text_read_f64(&value, entry->value) || value < 0 || value > most) {
        char why[128];
        (void)snprintf(why, sizeof(why), "'%.40s' must be a number from 0 to %.10g%s", entry->value,
                       most, other);
        return refuse(r, entry, why, err);
    }
    *out = value;
    return CHOIR_OK;
}

/* 0: as what is around it says. */
static choir_status rounds_take(const reader *r, uint32_t *out, const ch_yaml_entry *entry,
                                choir_error *err) {
    double value = 0;
    const choir_status status = number_take(r, &value, CH_PAPER_ROUNDS_ENDLESS, "", entry, err);
    if (status == CHOIR_OK && value != floor(value)) {
        return refuse(r, entry, "rounds must be a whole number", err);
    }
    *out = (uint32_t)value;
    return status;
}

static choir_status text_take(const reader *r, char *out, size_t room, const ch_yaml_entry *entry,
                              choir_error *err) {
    if (strlen(entry->value) >= room) {
        return refuse(r, entry, "the text is too long", err);
    }
    (void)snprintf(out, room, "%s", entry->value);
    return CHOIR_OK;
}

/* What a row and a column may both say: label, set, rounds. EAGAIN: it is none of these. */
static choir_status line_take(const reader *r, ch_paper_line *line, const char *key,
                              const ch_yaml_entry *entry, choir_error *err) {
    if (strncmp(key, "set.", 4) == 0) {
        return set_take(r, line, key + 4, entry, err);
    }
    if (strcmp(key, "label") == 0) {
        return text_take(r, line->label, sizeof(line->label), entry, err);
    }
    if (strcmp(key, "rounds") == 0) {
        return rounds_take(r, &line->rounds, entry, err);
    }
    return CHOIR_EAGAIN;
}

static choir_status column_take(const reader *r, const char *name, const char *key,
                                const ch_yaml_entry *entry, choir_error *err) {
    ch_paper_line *c = line_of(r->e->columns, &r->e->columns_count, CH_PAPER_COLUMNS_MAX, name);
    if (c == NULL) {
        return refuse(r, entry, "more columns than there may be", err);
    }
    const choir_status status = line_take(r, c, key, entry, err);
    if (status != CHOIR_EAGAIN) {
        return status;
    }
    if (strcmp(key, "rates") == 0) {
        return text_take(r, c->rates, sizeof(c->rates), entry, err);
    }
    if (strcmp(key, "target") == 0) {
        return number_take(r, &c->target, 1, "", entry, err);
    }
    return refuse(r, entry, "a column has label, set, rounds, rates and target", err);
}

/* expect.COLUMN, rounds.COLUMN, note.COLUMN: what one cell has of its own. */
static choir_status facts_take(const reader *r, uint32_t row, const char *key,
                               const ch_yaml_entry *entry, choir_error *err) {
    char word[CH_PAPER_NAME_MAX];
    const char *column = key_cut(word, key);
    const uint32_t c = column == NULL ? 0 : line_find(r->e->columns, r->e->columns_count, column);
    if (column == NULL) {
        return refuse(r, entry, "a row has label, set, rounds, expect, note, scale and baselines",
                      err);
    }
    if (c == r->e->columns_count) {
        return refuse(r, entry, "there is no such column; columns stand before rows", err);
    }
    ch_paper_facts *f = &r->e->facts[row][c];
    choir_status status = CHOIR_OK;
    if (strcmp(word, "note") == 0) {
        return text_take(r, f->note, sizeof(f->note), entry, err);
    }
    if (strcmp(word, "expect") == 0 && strcmp(entry->value, "never") == 0) {
        f->expect = INFINITY;
    } else if (strcmp(word, "expect") == 0) {
        status = number_take(r, &f->expect, 1e9, ", or never", entry, err);
        if (status == CHOIR_OK && f->expect <= 0) {
            return refuse(r, entry, "must be above 0, or never", err);
        }
    } else if (strcmp(word, "rounds") == 0) {
        status = rounds_take(r, &f->rounds, entry, err);
    } else {
        return refuse(r, entry, "a row has label, set, rounds, expect, note, scale and baselines",
                      err);
    }
    return status;
}

static choir_status baselines_take(const reader *r, ch_paper_line *row, const ch_yaml_entry *entry,
                                   choir_error *err) {
    static const char *const choices[] = {"", "central", "local", "central,local", "local,central"};
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        if (strcmp(entry->value, choices[i]) == 0) {
            return text_take(r, row->baselines, sizeof(row->baselines), entry, err);
        }
    }
    return refuse(r, entry, "must be central, local or central,local", err);
}

static choir_status row_take(const reader *r, const char *name, const char *key,
                             const ch_yaml_entry *entry, choir_error *err) {
    ch_paper_line *line = line_of(r->e->rows, &r->e->rows_count, CH_PAPER_ROWS_MAX, name);
    if (line == NULL) {
        return refuse(r, entry, "more rows than there may be", err);
    }
    const choir_status status = line_take(r, line, key, entry, err);
    if (status == CHOIR_EAGAIN && strcmp(key, "scale") == 0) {
        return number_take(r, &line->scale, 1e9, "", entry, err);
    }
    if (status == CHOIR_EAGAIN && strcmp(key, "baselines") == 0) {
        return baselines_take(r, line, entry, err);
    }
    return status == CHOIR_EAGAIN ? facts_take(r, (uint32_t)(line - r->e->rows), key, entry, err)
                                  : status;
}

/* Refuses a key that there was before. */
static choir_status key_see(const reader *r, const ch_yaml_entry *entry, choir_error *err) {
    keys_seen *seen = r->seen;
    uint8_t sum[32];
    uint64_t digest = 0;
    ch_sha256_of(entry->key, strlen(entry->key), sum);
    memcpy(&digest, sum, sizeof(digest));
    for (uint32_t i = 0; i < seen->count; i++) {
        if (seen->digests[i] == digest) {
            char why[64];
            (void)snprintf(why, sizeof(why), "was given in line %u already", seen->lines[i]);
            return refuse(r, entry, why, err);
        }
    }
    if (seen->count == KEYS_MAX) {
        return refuse(r, entry, "more keys than an experiment may have", err);
    }
    seen->digests[seen->count] = digest;
    seen->lines[seen->count] = entry->line;
    seen->count += 1;
    return CHOIR_OK;
}

static choir_status entry_take(void *self, const ch_yaml_entry *entry, choir_error *err) {
    const reader *r = self;
    const choir_status seen = key_see(r, entry, err);
    if (seen != CHOIR_OK) {
        return seen;
    }
    if (!ch_text_is_printable(entry->value)) {
        return refuse(r, entry, "holds characters that cannot be shown", err);
    }
    const bool is_column = strncmp(entry->key, "columns.", 8) == 0;
    if (is_column || strncmp(entry->key, "rows.", 5) == 0) {
        char name[CH_PAPER_NAME_MAX];
        const char *rest = key_cut(name, entry->key + (is_column ? 8 : 5));
        if (rest == NULL || !ch_job_is_name(name)) {
            return refuse(r, entry, "must be a name of at most 31 letters, and a mapping", err);
        }
        return is_column ? column_take(r, name, rest, entry, err)
                         : row_take(r, name, rest, entry, err);
    }
    if (strchr(entry->key, '.') != NULL) {
        return refuse(r, entry, "is not known; only columns and rows have keys below them", err);
    }
    char where[CHOIR_PATH_MAX + 16];
    (void)snprintf(where, sizeof(where), "%s:%u", r->file, entry->line);
    return ch_options_set(&CH_PAPER_KEYS, r->e, entry->key, entry->value, where, err);
}

// ----- checking ---------------------------------------------------------------------------------

/* Points of the grid in a list of rates; 0: one of them is none. */
static uint32_t rates_parse(int32_t out[CH_PAPER_START_MAX], const char *list) {
    char text[CHOIR_TEXT_MAX];
    uint32_t count = 0;
    for (const char *at = list; *at != '\0';) {
        at += strspn(at, " ");
        const size_t size = strcspn(at, ",");
        const size_t word = strcspn(at, " ,");
        double rate = 0;
        (void)snprintf(text, sizeof(text), "%.*s", (int)word, at);
        if (word + strspn(at + word, " ") != size || count == CH_PAPER_START_MAX ||
            !ch_text_read_f64(&rate, text) || !ch_grid_find(&out[count], rate)) {
            return 0;
        }
        count += 1;
        at += size + (at[size] == ',' ? 1 : 0);
    }
    return count;
}

static choir_status rates_check(const char *file, const char *who, const char *list,
                                choir_error *err) {
    int32_t points[CH_PAPER_START_MAX];
    if (rates_parse(points, list) == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: %s: '%.40s' must be 1 to %d rates of the grid: 0.1, 0.215, 0.464, "
                            "1 and these times 10, 100, 0.1 and so on",
                            file, who, list, (int)CH_PAPER_START_MAX);
    }
    return CHOIR_OK;
}

static choir_status experiment_check(const ch_paper_experiment *e, const char *file,
                                     choir_error *err) {
    if (e->title[0] == '\0' || e->job[0] == '\0') {
        return ch_error_set(err, CHOIR_EINVAL, "%s: title and job must be given", file);
    }
    if (e->rows_count == 0 || e->columns_count == 0) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: must have columns, and rows after them", file);
    }
    if (e->baseline[0] != '\0' && line_find(e->rows, e->rows_count, e->baseline) == e->rows_count) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: baseline: there is no row '%s'", file,
                            e->baseline);
    }
    if (e->axis[strspn(e->axis, AXIS_CHARACTERS)] != '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: axis: '%.40s' must be letters, digits, blanks and commas", file,
                            e->axis);
    }
    choir_status status = rates_check(file, "rates", e->rates, err);
    for (uint32_t i = 0; i < e->columns_count && status == CHOIR_OK; i++) {
        if (e->columns[i].rates[0] != '\0') {
            status = rates_check(file, e->columns[i].name, e->columns[i].rates, err);
        }
    }
    return status;
}

/* "experiments/paper/table1-2nn.yaml" is of table1-2nn. */
static choir_status name_take(ch_paper_experiment *e, const char *path, choir_error *err) {
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    const char *point = strrchr(name, '.');
    const size_t size = point == NULL ? strlen(name) : (size_t)(point - name);
    if (size >= sizeof(e->name) || strlen(path) >= sizeof(e->path)) {
        return ch_error_set(err, CHOIR_EINVAL, "%.60s: the name is longer than %d bytes", path,
                            CH_PAPER_NAME_MAX - 1);
    }
    (void)snprintf(e->name, sizeof(e->name), "%.*s", (int)size, name);
    if (!ch_job_is_name(e->name)) { // it begins the names of runs
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: the file's name must be letters, digits, '.', '_' or '-', not "
                            "beginning with '.' or '-', before its ending",
                            path);
    }
    (void)snprintf(e->path, sizeof(e->path), "%s", path);
    return CHOIR_OK;
}

choir_status ch_paper_experiment_parse(ch_paper_experiment *out, const char *text, size_t size,
                                       const char *path, choir_error *err) {
    *out = DEFAULTS;
    for (uint32_t i = 0; i < CH_PAPER_ROWS_MAX; i++) {
        for (uint32_t k = 0; k < CH_PAPER_COLUMNS_MAX; k++) {
            out->facts[i][k].expect = NAN;
        }
    }
    keys_seen seen;
    seen.count = 0;
    reader r = {.e = out, .file = path, .seen = &seen};
    choir_status status = name_take(out, path, err);
    if (status == CHOIR_OK) {
        status = ch_yaml_read(text, size, path, entry_take, &r, err);
    }
    return status == CHOIR_OK ? experiment_check(out, path, err) : status;
}

choir_status ch_paper_experiment_read(ch_paper_experiment *out, const char *path,
                                      const choir_env *env, choir_error *err) {
    ch_disk_file file;
    choir_status status = ch_disk_read(&file, path, FILE_BYTES_MAX, env, err);
    if (status == CHOIR_OK) {
        status = ch_paper_experiment_parse(out, (const char *)file.data, file.size, path, err);
    }
    ch_disk_release(&file);
    return status;
}

// ----- cells ------------------------------------------------------------------------------------

bool ch_paper_has_cell(const ch_paper_experiment *e, uint32_t row, uint32_t column) {
    for (uint32_t k = 0; k < e->columns_count; k++) {
        if (!isnan(e->facts[row][k].expect)) { // a row with numbers has the cells that have them
            return !isnan(e->facts[row][column].expect);
        }
    }
    return true;
}

uint32_t ch_paper_rounds(const ch_paper_experiment *e, uint32_t row, uint32_t column) {
    const uint32_t found[] = {e->facts[row][column].rounds, e->rows[row].rounds,
                              e->columns[column].rounds};
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        if (found[i] > 0) {
            return found[i];
        }
    }
    return e->rounds;
}

double ch_paper_target(const ch_paper_experiment *e, uint32_t column) {
    return e->columns[column].target > 0 ? e->columns[column].target : e->target;
}

uint32_t ch_paper_start(int32_t out[CH_PAPER_START_MAX], const ch_paper_experiment *e,
                        uint32_t column) {
    const char *own = e->columns[column].rates;
    const uint32_t count = rates_parse(out, own[0] != '\0' ? own : e->rates);
    CH_ASSERT(count > 0); // it was checked when it was read
    return count;
}

void ch_paper_settings(char *out, size_t size, const ch_paper_experiment *e, uint32_t row,
                       uint32_t column) {
    const ch_paper_line *lines[] = {&e->columns[column], &e->rows[row]};
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < 2; i++) {
        for (uint32_t k = 0; k < lines[i]->sets_count && used < size; k++) {
            const int put =
                snprintf(out + used, size - used, "%s%s", used == 0 ? "" : " ", lines[i]->sets[k]);
            used += put < 0 ? 0 : (size_t)put;
        }
    }
}

choir_status ch_paper_digest(char out[CH_JOB_DIGEST_TEXT], const ch_paper_experiment *e,
                             uint32_t row, uint32_t column, uint64_t seed, choir_error *err) {
    static const char *const apart[] = {"client.learning_rate", "server.rounds"};
    choir_job job;
    const choir_status status = ch_paper_job(&job, e, row, column, 0, seed, "", err);
    if (status == CHOIR_OK) {
        ch_job_digest(out, &job, apart, sizeof(apart) / sizeof(apart[0]));
    }
    return status;
}

bool ch_paper_has_own_run(const ch_paper_experiment *e, uint32_t row) {
    return e->rows[row].baselines[0] != '\0' || strcmp(e->metric, "pooled-loss") == 0;
}

/* The base job's path: beside the experiment's file. */
static choir_status base_path(char out[CHOIR_PATH_MAX], const ch_paper_experiment *e,
                              choir_error *err) {
    const char *slash = strrchr(e->path, '/');
    const int folder = slash == NULL ? 0 : (int)(slash - e->path) + 1;
    const int size = snprintf(out, CHOIR_PATH_MAX, "%.*s%s", folder, e->path, e->job);
    if (size < 0 || size >= CHOIR_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%.60s: job: the path is too long", e->path);
    }
    return CHOIR_OK;
}

/* Reads the base job with settings over it; a fault of theirs is told with the cell that has them.
 */
static choir_status base_read(choir_job *out, const char *path, const char *const *sets,
                              uint32_t count, const ch_paper_experiment *e, uint32_t row,
                              uint32_t column, choir_error *err) {
    static const char blamed[] = "--set: ";
    choir_error why = {.message = ""};
    const choir_status status = choir_job_read(out, path, sets, count, &why);
    if (status == CHOIR_OK) {
        return status;
    }
    if (strncmp(why.message, blamed, sizeof(blamed) - 1) != 0) {
        return ch_error_set(err, status, "%s", why.message);
    }
    return ch_error_set(err, status, "%s: %s/%s: set: %s", e->path, e->rows[row].name,
                        e->columns[column].name, why.message + sizeof(blamed) - 1);
}

choir_status ch_paper_job(choir_job *out, const ch_paper_experiment *e, uint32_t row,
                          uint32_t column, int32_t rate, uint64_t seed, const char *data_dir,
                          choir_error *err) {
    char own[6][OVERRIDE_MAX];
    const char *all[OVERRIDES_MAX];
    char text[CH_GRID_TEXT_MAX];
    char path[CHOIR_PATH_MAX];
    uint32_t count = 0;
    const ch_paper_line *lines[] = {&e->columns[column], &e->rows[row]};
    for (size_t i = 0; i < 2; i++) {
        for (uint32_t k = 0; k < lines[i]->sets_count; k++) {
            all[count] = lines[i]->sets[k];
            count += 1;
        }
    }
    ch_grid_text(text, rate);
    (void)snprintf(own[0], sizeof(own[0]), "client.learning_rate=%s", text);
    (void)snprintf(own[1], sizeof(own[1]), "seed=%llu", (unsigned long long)seed);
    (void)snprintf(own[2], sizeof(own[2]), "server.rounds=%d", (int)CH_PAPER_ROUNDS_ENDLESS);
    (void)snprintf(own[3], sizeof(own[3]), "server.target_accuracy=0");
    (void)snprintf(own[4], sizeof(own[4]), "data.dir=%s", data_dir);
    const uint32_t own_count = data_dir[0] == '\0' ? 4 : 5;
    for (uint32_t i = 0; i < own_count; i++) {
        all[count] = own[i];
        count += 1;
    }
    choir_status status = base_path(path, e, err);
    if (status == CHOIR_OK) {
        status = base_read(out, path, all, count, e, row, column, err);
    }
    if (status == CHOIR_OK && ch_paper_has_own_run(e, row)) {
        (void)snprintf(out->name, sizeof(out->name), "%s", e->name);
        out->rounds = ch_paper_rounds(e, row, column);
    }
    return status;
}
