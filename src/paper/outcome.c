/* Outcome: see outcome.h. */
#include "paper/outcome.h"

#include "base/assert.h"
#include "base/disk.h"
#include "base/error.h"
#include "base/text.h"
#include "report/draft.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 1 << 22 };

static const double BYTES_MAX = 1e18;

/* What decides which numbers a figure's file has, as its settings do. */
static void figure_text(char out[CHOIR_TEXT_MAX], const ch_paper_experiment *e, uint32_t row,
                        uint32_t column) {
    int32_t start[CH_PAPER_START_MAX];
    char rate[CH_GRID_TEXT_MAX];
    out[0] = '\0';
    if (strcmp(e->kind, "average") == 0) {
        (void)ch_paper_start(start, e, column);
        ch_grid_text(rate, start[0]);
        (void)snprintf(out, CHOIR_TEXT_MAX, "rate=%s", rate);
    } else if (strcmp(e->kind, "table") != 0) {
        (void)snprintf(out, CHOIR_TEXT_MAX, "metric=%s level=%.10g baselines=%s", e->metric,
                       e->level, e->rows[row].baselines);
    }
}

void ch_outcome_init(ch_outcome *out, const ch_paper_experiment *e, uint32_t row, uint32_t column,
                     uint64_t seed) {
    memset(out, 0, sizeof(*out));
    (void)snprintf(out->cell, sizeof(out->cell), "%s/%s/%s", e->name, e->rows[row].name,
                   e->columns[column].name);
    ch_paper_settings(out->settings, sizeof(out->settings), e, row, column);
    figure_text(out->figure, e, row, column);
    if (ch_paper_digest(out->job, e, row, column, seed, NULL) != CHOIR_OK) {
        out->job[0] = '\0'; // whoever measures it is told why
    }
    out->seed = seed;
    out->target = ch_paper_target(e, column);
    out->rounds_max = ch_paper_rounds(e, row, column);
}

/* A target as a file has it. */
static double target_written(double target) {
    return ch_outcome_real(target, CH_OUTCOME_DIGITS + 1);
}

bool ch_outcome_is_like(const ch_outcome *a, const ch_outcome *b) {
    if (strcmp(a->settings, b->settings) != 0 || strcmp(a->figure, b->figure) != 0 ||
        a->seed != b->seed || target_written(a->target) != target_written(b->target)) {
        return false;
    }
    if (a->job[0] != '\0' && b->job[0] != '\0' && strcmp(a->job, b->job) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < b->arms_count && a->rounds_max != b->rounds_max; i++) {
        const ch_outcome_arm *arm = &b->arms[i];
        if (arm->end == CH_CROSSING_LIMIT || arm->rounds > a->rounds_max) {
            return false;
        }
    }
    return true;
}

static uint32_t trials_of(ch_grid_trial out[CH_GRID_RATES_MAX], const ch_outcome *o,
                          const char *name) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < o->arms_count && count < CH_GRID_RATES_MAX; i++) {
        const ch_outcome_arm *arm = &o->arms[i];
        if (strcmp(arm->name, name) != 0) {
            continue;
        }
        const bool is_lost = arm->end == CH_CROSSING_DIVERGED;
        out[count] = (ch_grid_trial){
            .k = arm->rate, .crossing = arm->crossing, .best = is_lost ? -1 : arm->best};
        count += 1;
    }
    return count;
}

uint32_t ch_outcome_trials(ch_grid_trial out[CH_GRID_RATES_MAX], const ch_outcome *o) {
    return trials_of(out, o, "");
}

const ch_outcome_arm *ch_outcome_best_named(const ch_outcome *o, const char *name) {
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    const uint32_t count = trials_of(trials, o, name);
    if (count == 0) {
        return NULL;
    }
    const int32_t rate = trials[ch_grid_best(trials, count)].k;
    uint32_t i = 0;
    while (strcmp(o->arms[i].name, name) != 0 || o->arms[i].rate != rate) {
        i += 1;
    }
    return &o->arms[i];
}

const ch_outcome_arm *ch_outcome_best(const ch_outcome *o) {
    return ch_outcome_best_named(o, "");
}

int32_t ch_outcome_aside(const ch_outcome *o) {
    int32_t found = -1;
    for (uint32_t i = 0; i < o->arms_count; i++) {
        const ch_outcome_arm *arm = &o->arms[i];
        const bool is_aside = arm->name[0] == '\0' && arm->end == CH_CROSSING_GOES_ON;
        if (is_aside && (found < 0 || arm->best > o->arms[found].best)) {
            found = (int32_t)i;
        }
    }
    return found;
}

choir_status ch_outcome_path(char out[CHOIR_PATH_MAX], const char *dir,
                             const ch_paper_experiment *e, uint32_t row, uint32_t column,
                             uint64_t seed, choir_error *err) {
    char other[CH_PAPER_NAME_MAX] = "";
    if (seed != CH_PAPER_SEED) {
        (void)snprintf(other, sizeof(other), ".seed-%llu", (unsigned long long)seed);
    }
    const int size = snprintf(out, CHOIR_PATH_MAX, "%s/%s/%s.%s%s.json", dir, e->name,
                              e->rows[row].name, e->columns[column].name, other);
    if (size < 0 || size >= CHOIR_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%.60s...: the path is longer than %d bytes", dir,
                            CHOIR_PATH_MAX - 1);
    }
    return CHOIR_OK;
}

// ----- writing ----------------------------------------------------------------------------------

static void put_text(ch_draft *d, const char *key, const char *text) {
    char quoted[2 * CH_OUTCOME_SETTINGS_MAX + 2];
    (void)ch_text_quote(quoted, sizeof(quoted), text);
    ch_draft_format(d, " \"%s\": ", key);
    ch_draft_put(d, quoted);
    ch_draft_put(d, ",\n");
}

static void put_text_if(ch_draft *d, const char *key, const char *text) {
    if (text[0] != '\0') {
        put_text(d, key, text);
    }
}

double ch_outcome_real(double value, int digits) {
    char text[CH_TEXT_NUMBER_MAX];
    double rounded = value;
    if (isfinite(value)) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        CH_ASSERT(ch_text_read_f64(&rounded, text));
    }
    return rounded;
}

/* null when it is not finite. */
static void put_real(ch_draft *d, const char *before, double value, int digits) {
    char text[CH_TEXT_NUMBER_MAX] = "null";
    if (isfinite(value)) {
        ch_text_number(text, sizeof(text), ch_outcome_real(value, digits));
    }
    ch_draft_format(d, "%s%s", before, text);
}

static void put_point(ch_draft *d, const ch_outcome_point *p, bool is_last) {
    put_real(d, " [", p->round, 7);
    put_real(d, ", ", p->accuracy, CH_OUTCOME_DIGITS);
    put_real(d, ", ", p->loss, 5);
    put_real(d, ", ", p->pooled_loss, 5);
    put_real(d, ", ", p->heldout, 5);
    ch_draft_put(d, is_last ? "]\n" : "],\n");
}

static void put_arm(ch_draft *d, const ch_outcome_arm *arm, bool is_last) {
    put_real(d, " {\"learning_rate\": ", ch_grid_rate(arm->rate), 3);
    if (arm->name[0] != '\0') {
        char quoted[2 * CH_PAPER_NAME_MAX + 2];
        (void)ch_text_quote(quoted, sizeof(quoted), arm->name);
        ch_draft_format(d, ", \"name\": %s", quoted);
    }
    ch_draft_format(d, ", \"end\": \"%s\", \"rounds\": %u", ch_crossing_end_text(arm->end),
                    arm->rounds);
    put_real(d, ", \"crossing\": ", arm->crossing, CH_OUTCOME_DIGITS + 1);
    put_real(d, ", \"best\": ", arm->best, CH_OUTCOME_DIGITS + 1);
    put_real(d, ", \"bytes\": ", arm->bytes, 15);
    ch_draft_put(d, ", \"curve\": [\n");
    for (uint32_t i = 0; i < arm->points; i++) {
        put_point(d, &arm->curve[i], i + 1 == arm->points);
    }
    ch_draft_put(d, is_last ? " ]}\n" : " ]},\n");
}

static void put_outcome(ch_draft *d, const ch_outcome *o) {
    char command[CHOIR_PATH_MAX];
    char rates[32] = "";
    if (o->rates_max > 0) {
        (void)snprintf(rates, sizeof(rates), " --rates %u", o->rates_max);
    }
    (void)snprintf(command, sizeof(command), "choir paper run %s --seed %llu%s", o->cell,
                   (unsigned long long)o->seed, rates);
    ch_draft_put(d, "{\n");
    put_text(d, "cell", o->cell);
    put_text(d, "command", command);
    put_text(d, "settings", o->settings);
    put_text_if(d, "figure", o->figure);
    put_text_if(d, "job", o->job);
    put_text_if(d, "data", o->data);
    ch_draft_format(d, " \"seed\": %llu,\n", (unsigned long long)o->seed);
    put_real(d, " \"target\": ", o->target, CH_OUTCOME_DIGITS + 1);
    ch_draft_format(d, ",\n \"rounds_max\": %u,\n", o->rounds_max);
    if (o->rates_max > 0) {
        ch_draft_format(d, " \"rates_max\": %u,\n", o->rates_max);
    }
    ch_draft_format(d, " \"complete\": %s,\n", o->is_complete ? "true" : "false");
    put_text(d, "version", o->version);
    put_text(d, "backend", o->backend);
    put_text(d, "cpu", o->cpu);
    ch_draft_put(d, " \"rates\": [\n");
    for (uint32_t i = 0; i < o->arms_count; i++) {
        put_arm(d, &o->arms[i], i + 1 == o->arms_count);
    }
    ch_draft_put(d, " ]\n}\n");
}

static choir_status folder_make(const char *path, choir_error *err) {
    char folder[CHOIR_PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) {
        return CHOIR_OK;
    }
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
    return ch_disk_folders(folder, err);
}

choir_status ch_outcome_write(const ch_outcome *o, const char *path, const choir_env *env,
                              choir_error *err) {
    ch_draft d;
    ch_draft_init(&d, env);
    put_outcome(&d, o);
    choir_status status = ch_draft_status(&d);
    if (status != CHOIR_OK) {
        (void)ch_error_set(err, status, "%s: no memory for it", path);
    } else {
        status = folder_make(path, err);
    }
    if (status == CHOIR_OK) {
        const choir_bytes bytes = ch_draft_bytes(&d);
        status = ch_disk_replace(path, &bytes, 1, err);
    }
    ch_draft_release(&d);
    return status;
}

choir_status ch_outcome_check(const char *path, choir_error *err) {
    const choir_status status = folder_make(path, err);
    return status == CHOIR_OK ? ch_disk_check_replace(path, err) : status;
}

// ----- reading ----------------------------------------------------------------------------------

/* A number; NaN of null. False: it is neither. */
static bool real_read(double *out, const json_t *value) {
    *out = json_is_null(value) ? NAN : json_number_value(value);
    return json_is_null(value) || json_is_number(value);
}

static bool text_read(char *out, size_t room, const json_t *value) {
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) >= room || !ch_text_is_printable(text)) {
        return false;
    }
    (void)snprintf(out, room, "%s", text);
    return true;
}

static bool text_read_if(char *out, size_t room, const json_t *value) {
    return value == NULL || text_read(out, room, value);
}

static bool u32_read(uint32_t *out, const json_t *value) {
    const json_int_t number = json_integer_value(value);
    *out = (uint32_t)number;
    return json_is_integer(value) && number >= 0 && number <= UINT32_MAX;
}

static bool end_read(ch_crossing_end *out, const json_t *value) {
    const char *text = json_string_value(value);
    for (ch_crossing_end end = CH_CROSSING_GOES_ON; text != NULL && end <= CH_CROSSING_DIVERGED;
         end++) {
        if (strcmp(text, ch_crossing_end_text(end)) == 0) {
            *out = end;
            return true;
        }
    }
    return false;
}

static bool point_read(ch_outcome_point *out, const json_t *value) {
    double *const fields[] = {&out->round, &out->accuracy, &out->loss, &out->pooled_loss,
                              &out->heldout};
    bool is_right = json_array_size(value) == sizeof(fields) / sizeof(fields[0]);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]) && is_right; i++) {
        is_right = real_read(fields[i], json_array_get(value, i));
    }
    return is_right && isfinite(out->round);
}

static const char *curve_read(ch_outcome_arm *out, const json_t *curve) {
    if (!json_is_array(curve) || json_array_size(curve) > CH_OUTCOME_POINTS_MAX) {
        return "curve must be a list of at most 160 points";
    }
    out->points = (uint32_t)json_array_size(curve);
    for (uint32_t i = 0; i < out->points; i++) {
        if (!point_read(&out->curve[i], json_array_get(curve, i))) {
            return "each point of curve must be [round, accuracy, loss, pooled loss, held-out]";
        }
    }
    return NULL;
}

/* NULL, or what is wrong. */
static const char *arm_read(ch_outcome_arm *out, const json_t *value) {
    double rate = 0;
    const json_t *name = json_object_get(value, "name");
    if (name != NULL && !text_read(out->name, sizeof(out->name), name)) {
        return "name must be a text";
    }
    if (!real_read(&rate, json_object_get(value, "learning_rate")) ||
        !ch_grid_find(&out->rate, rate)) {
        return "learning_rate must be a point of the grid";
    }
    if (!end_read(&out->end, json_object_get(value, "end")) ||
        !u32_read(&out->rounds, json_object_get(value, "rounds")) ||
        !real_read(&out->crossing, json_object_get(value, "crossing")) ||
        !real_read(&out->best, json_object_get(value, "best")) ||
        !real_read(&out->bytes, json_object_get(value, "bytes"))) {
        return "must have end, rounds, crossing, best and bytes";
    }
    out->crossing = isnan(out->crossing) ? INFINITY : out->crossing;
    if (!(out->crossing >= 0) || !(out->best >= 0 && out->best <= 1) ||
        !(out->bytes >= 0 && out->bytes <= BYTES_MAX)) {
        return "crossing and bytes must not be below 0, best a share";
    }
    return curve_read(out, json_object_get(value, "curve"));
}

static const char *outcome_read(ch_outcome *out, const json_t *root) {
    const json_t *seed = json_object_get(root, "seed");
    const json_t *complete = json_object_get(root, "complete");
    const json_t *rates = json_object_get(root, "rates");
    const json_t *rates_max = json_object_get(root, "rates_max");
    if (!text_read_if(out->job, sizeof(out->job), json_object_get(root, "job")) ||
        !text_read_if(out->data, sizeof(out->data), json_object_get(root, "data")) ||
        !text_read_if(out->figure, sizeof(out->figure), json_object_get(root, "figure"))) {
        return "job must be a digest of 12 digits, data one of 16, figure a text";
    }
    if (rates_max != NULL && !u32_read(&out->rates_max, rates_max)) {
        return "rates_max must be a whole number";
    }
    if (!text_read(out->cell, sizeof(out->cell), json_object_get(root, "cell")) ||
        !text_read(out->settings, sizeof(out->settings), json_object_get(root, "settings")) ||
        !text_read(out->version, sizeof(out->version), json_object_get(root, "version")) ||
        !text_read(out->backend, sizeof(out->backend), json_object_get(root, "backend")) ||
        !text_read(out->cpu, sizeof(out->cpu), json_object_get(root, "cpu"))) {
        return "must have cell, settings, version, backend and cpu, each a text";
    }
    if (!json_is_integer(seed) || json_integer_value(seed) < 0 || !json_is_boolean(complete) ||
        !real_read(&out->target, json_object_get(root, "target")) ||
        !u32_read(&out->rounds_max, json_object_get(root, "rounds_max"))) {
        return "must have seed, target, rounds_max and complete";
    }
    out->seed = (uint64_t)json_integer_value(seed);
    out->is_complete = json_is_true(complete);
    if (!json_is_array(rates) || json_array_size(rates) > CH_OUTCOME_ARMS_MAX) {
        return "rates must be a list of at most 15";
    }
    out->arms_count = (uint32_t)json_array_size(rates);
    for (uint32_t i = 0; i < out->arms_count; i++) {
        const char *wrong = arm_read(&out->arms[i], json_array_get(rates, i));
        if (wrong != NULL) {
            return wrong;
        }
    }
    return NULL;
}

choir_status ch_outcome_parse(ch_outcome *out, choir_bytes bytes, const char *name,
                              choir_error *err) {
    json_error_t why;
    memset(out, 0, sizeof(*out));
    json_t *root = json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        return ch_error_set(err, CHOIR_EPROTO, "%s:%d: is no JSON: %.100s", name, why.line,
                            why.text);
    }
    const char *wrong = outcome_read(out, root);
    json_decref(root);
    return wrong == NULL ? CHOIR_OK
                         : ch_error_set(err, CHOIR_EPROTO, "%s: is no result: %s", name, wrong);
}

choir_status ch_outcome_read(ch_outcome *out, const char *path, const choir_env *env,
                             choir_error *err) {
    ch_disk_file file;
    if (access(path, F_OK) != 0) {
        return ch_error_set(err, CHOIR_EAGAIN, "%s: there is no such file", path);
    }
    choir_status status = ch_disk_read(&file, path, FILE_BYTES_MAX, env, err);
    if (status == CHOIR_OK) {
        status =
            ch_outcome_parse(out, (choir_bytes){.data = file.data, .size = file.size}, path, err);
    }
    ch_disk_release(&file);
    return status;
}
