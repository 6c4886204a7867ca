/* Catalogue: see catalogue.h. */
#include "paper/catalogue.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "paper/outcome.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TYPED_MAX = 3 * CH_PAPER_NAME_MAX };

static const char SUFFIX[] = ".yaml";
static const char WHERE[] = "--from names the folder that holds the experiments: experiments/paper "
                            "of choir's source, or of share/doc/choir where it is installed";

static bool is_experiment(const char *file) {
    const size_t size = strlen(file);
    const size_t end = sizeof(SUFFIX) - 1;
    return file[0] != '.' && size > end && strcmp(file + size - end, SUFFIX) == 0;
}

static int name_order(const void *a, const void *b) {
    return strcmp(((const ch_paper_experiment *)a)->name, ((const ch_paper_experiment *)b)->name);
}

static choir_status item_add(ch_catalogue *c, const char *dir, const char *file, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    const int size = snprintf(path, sizeof(path), "%s/%s", dir, file);
    if (size < 0 || (size_t)size >= sizeof(path) || c->count == CH_CATALOGUE_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%.60s: %s", dir,
                            c->count == CH_CATALOGUE_MAX ? "holds more than 48 experiments"
                                                         : "the path is too long");
    }
    const choir_status status = ch_paper_experiment_read(&c->items[c->count], path, &c->env, err);
    c->count += status == CHOIR_OK ? 1 : 0;
    return status;
}

/* What an experiment is like is a table of the folder. */
static choir_status likes_check(const ch_catalogue *c, choir_error *err) {
    for (uint32_t i = 0; i < c->count; i++) {
        const ch_paper_experiment *e = &c->items[i];
        const ch_paper_experiment *like = e->like[0] == '\0' ? NULL : ch_catalogue_find(c, e->like);
        if (e->like[0] != '\0' && (like == NULL || strcmp(like->kind, "table") != 0)) {
            return ch_error_set(err, CHOIR_EINVAL, "%s: like: '%s' is no table of its folder",
                                e->path, e->like);
        }
    }
    return CHOIR_OK;
}

choir_status ch_catalogue_open(ch_catalogue *out, const char *dir, const choir_env *env,
                               choir_error *err) {
    *out = (ch_catalogue){.env = *env};
    DIR *folder = opendir(dir);
    if (folder == NULL) {
        return ch_error_set(err, CHOIR_EIO, "%s: %s; %s", dir, strerror(errno), WHERE);
    }
    choir_status status = CHOIR_OK;
    out->items =
        env->alloc(env->self, ch_arena_cost(CH_CATALOGUE_MAX, sizeof(ch_paper_experiment)));
    if (out->items == NULL) {
        status = ch_error_set(err, CHOIR_ENOMEM, "no memory for %d experiments", CH_CATALOGUE_MAX);
    }
    const struct dirent *entry = NULL;
    while (status == CHOIR_OK && (entry = readdir(folder)) != NULL) {
        if (is_experiment(entry->d_name)) {
            status = item_add(out, dir, entry->d_name, err);
        }
    }
    (void)closedir(folder);
    if (status == CHOIR_OK && out->count == 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: holds no experiment (NAME.yaml); %s", dir, WHERE);
    }
    if (status == CHOIR_OK) {
        status = likes_check(out, err);
    }
    if (status == CHOIR_OK) {
        qsort(out->items, out->count, sizeof(out->items[0]), name_order);
    }
    return status;
}

void ch_catalogue_release(ch_catalogue *c) {
    if (c->items != NULL) {
        c->env.free(c->env.self, c->items);
    }
    *c = (ch_catalogue){.count = 0};
}

const ch_paper_experiment *ch_catalogue_find(const ch_catalogue *c, const char *name) {
    for (uint32_t i = 0; i < c->count; i++) {
        if (strcmp(c->items[i].name, name) == 0) {
            return &c->items[i];
        }
    }
    return NULL;
}

static choir_status has_outcome(bool *out, const char *results, const ch_paper_experiment *e,
                                uint64_t seed, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < e->rows_count * e->columns_count && !*out && status == CHOIR_OK; i++) {
        char path[CHOIR_PATH_MAX];
        status = ch_outcome_path(path, results, e, i / e->columns_count, i % e->columns_count, seed,
                                 err);
        *out = status == CHOIR_OK && access(path, F_OK) == 0;
    }
    return status;
}

choir_status ch_catalogue_check_results(const ch_catalogue *c, const char *results, uint64_t seed,
                                        choir_error *err) {
    bool is_any = false;
    choir_status status = CHOIR_OK;
    DIR *folder = opendir(results);
    if (folder == NULL) {
        return ch_error_set(err, CHOIR_EIO,
                            "%s: %s; --results names the folder that holds what 'choir paper run' "
                            "measured",
                            results, strerror(errno));
    }
    (void)closedir(folder);
    for (uint32_t i = 0; i < c->count && !is_any && status == CHOIR_OK; i++) {
        status = has_outcome(&is_any, results, &c->items[i], seed, err);
    }
    return is_any || status != CHOIR_OK
               ? status
               : ch_error_set(err, CHOIR_EIO,
                              "%s: holds no result with seed %llu of any of the experiments; "
                              "--results names the folder that holds what 'choir paper run' "
                              "measured",
                              results, (unsigned long long)seed);
}

// ----- choosing ---------------------------------------------------------------------------------

/* The nearest name so far. */
typedef struct nearest {
    const char *wanted;
    const char *name;
    uint32_t distance;
} nearest;

static void nearest_try(nearest *n, const char *name) {
    const uint32_t distance = ch_text_distance(n->wanted, name);
    if (n->name == NULL || distance < n->distance) {
        n->name = name;
        n->distance = distance;
    }
}

static choir_status unknown(const char *whole, const char *what, const nearest *n,
                            choir_error *err) {
    char shown[CH_TEXT_SHOWN_MAX];
    ch_text_show(shown, sizeof(shown), whole);
    return ch_error_set(err, CHOIR_EINVAL,
                        "%s: there is no such %s%s%s%s; 'choir paper list' has all", shown, what,
                        n->name == NULL ? "" : "; the nearest is '", n->name == NULL ? "" : n->name,
                        n->name == NULL ? "" : "'");
}

static choir_status experiment_unknown(const ch_catalogue *c, const char *whole, const char *name,
                                       choir_error *err) {
    nearest n = {.wanted = name};
    for (uint32_t i = 0; i < c->count; i++) {
        nearest_try(&n, c->items[i].name);
    }
    return unknown(whole, "experiment", &n, err);
}

static choir_status line_find(uint32_t *out, const ch_paper_line *lines, uint32_t count,
                              const char *whole, const char *name, const char *what,
                              choir_error *err) {
    nearest n = {.wanted = name};
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(lines[i].name, name) == 0) {
            *out = i;
            return CHOIR_OK;
        }
        nearest_try(&n, lines[i].name);
    }
    return unknown(whole, what, &n, err);
}

static bool is_chosen(const ch_choice *choice, const ch_paper_cell *cell) {
    for (uint32_t i = 0; i < choice->count; i++) {
        const ch_paper_cell *other = &choice->cells[i];
        if (other->e == cell->e && other->row == cell->row && other->column == cell->column) {
            return true;
        }
    }
    return false;
}

/* UINT32_MAX stands for all rows, all columns. */
static choir_status cells_add(ch_choice *choice, const ch_paper_experiment *e, uint32_t row,
                              uint32_t column, const char *whole, choir_error *err) {
    bool is_any = false;
    for (uint32_t i = 0; i < e->rows_count; i++) {
        for (uint32_t k = 0; k < e->columns_count; k++) {
            const ch_paper_cell cell = {e, i, k};
            if ((row != UINT32_MAX && row != i) || (column != UINT32_MAX && column != k) ||
                !ch_paper_has_cell(e, i, k)) {
                continue;
            }
            is_any = true;
            if (choice->count == CH_CHOICE_MAX) {
                return ch_error_set(err, CHOIR_EINVAL, "%.60s: more than %d cells", whole,
                                    (int)CH_CHOICE_MAX);
            }
            if (!is_chosen(choice, &cell)) {
                choice->cells[choice->count] = cell;
                choice->count += 1;
            }
        }
    }
    return is_any
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EINVAL, "%.60s: the experiment has no such cell", whole);
}

choir_status ch_choice_add(ch_choice *choice, const ch_catalogue *c, const char *text,
                           choir_error *err) {
    char typed[TYPED_MAX];
    const int size = snprintf(typed, sizeof(typed), "%s", text);
    char *row_name = size < 0 || size >= TYPED_MAX ? NULL : strchr(typed, '/');
    char *column_name = row_name == NULL ? NULL : strchr(row_name + 1, '/');
    if (row_name != NULL) {
        *row_name = '\0';
    }
    if (column_name != NULL) {
        *column_name = '\0';
    }
    const ch_paper_experiment *e = ch_catalogue_find(c, typed);
    if (e == NULL) {
        return experiment_unknown(c, text, typed, err);
    }
    uint32_t row = UINT32_MAX;
    uint32_t column = UINT32_MAX;
    choir_status status = CHOIR_OK;
    if (row_name != NULL && strcmp(row_name + 1, "*") != 0) {
        status = line_find(&row, e->rows, e->rows_count, text, row_name + 1, "row", err);
    }
    if (status == CHOIR_OK && column_name != NULL) {
        status =
            line_find(&column, e->columns, e->columns_count, text, column_name + 1, "column", err);
    }
    return status == CHOIR_OK ? cells_add(choice, e, row, column, text, err) : status;
}
