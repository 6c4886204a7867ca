/* Ledger: see ledger.h. */
#include "paper/ledger.h"

#include "base/arena.h"
#include "base/error.h"

#include <string.h>

static ch_outcome *room_for(const choir_env *env, choir_error *err) {
    ch_outcome *room = env->alloc(env->self, ch_arena_cost(1, sizeof(*room)));
    if (room == NULL) {
        (void)ch_error_set(err, CHOIR_ENOMEM, "no memory for a result");
    }
    return room;
}

bool ch_ledger_like(ch_paper_cell *out, const ch_ledger *l, const ch_paper_cell *cell) {
    const ch_paper_experiment *e = cell->e;
    const ch_paper_experiment *like =
        e->like[0] == '\0' ? NULL : ch_catalogue_find(l->catalogue, e->like);
    for (uint32_t i = 0; like != NULL && i < like->rows_count; i++) {
        for (uint32_t k = 0; k < like->columns_count; k++) {
            if (strcmp(like->rows[i].name, e->rows[cell->row].name) == 0 &&
                strcmp(like->columns[k].name, e->columns[cell->column].name) == 0) {
                *out = (ch_paper_cell){like, i, k};
                return true;
            }
        }
    }
    return false;
}

/* What a cell's file says, when it answers what the experiment asks. */
static choir_status outcome_load(ch_outcome *out, const ch_ledger *l, const ch_paper_cell *cell,
                                 const choir_env *env, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    ch_outcome_init(out, cell->e, cell->row, cell->column, l->seed);
    choir_status status =
        ch_outcome_path(path, l->results, cell->e, cell->row, cell->column, l->seed, err);
    ch_outcome *found = status == CHOIR_OK ? room_for(env, err) : NULL;
    if (found == NULL) {
        return status != CHOIR_OK ? status : CHOIR_ENOMEM;
    }
    status = ch_outcome_read(found, path, env, err);
    if (status == CHOIR_OK && ch_outcome_is_like(out, found)) {
        found->rounds_max = out->rounds_max;
        memcpy(found->job, out->job, sizeof(out->job));
        *out = *found;
    }
    env->free(env->self, found);
    return status == CHOIR_EAGAIN ? CHOIR_OK : status;
}

choir_status ch_ledger_start(int32_t start[CH_PAPER_START_MAX], uint32_t *count, const ch_ledger *l,
                             const ch_paper_cell *cell, const choir_env *env, choir_error *err) {
    ch_paper_cell its;
    *count = ch_paper_start(start, cell->e, cell->column);
    if (!ch_ledger_like(&its, l, cell)) {
        return CHOIR_OK;
    }
    ch_outcome *o = room_for(env, err);
    if (o == NULL) {
        return CHOIR_ENOMEM;
    }
    const choir_status status = outcome_load(o, l, &its, env, err);
    const ch_outcome_arm *best = status == CHOIR_OK ? ch_outcome_best(o) : NULL;
    if (best != NULL && o->is_complete) {
        start[0] = best->rate;
        *count = 1;
    }
    env->free(env->self, o);
    return status;
}

choir_status ch_ledger_load(ch_outcome *out, const ch_ledger *l, const ch_paper_cell *cell,
                            const choir_env *env, choir_error *err) {
    int32_t start[CH_PAPER_START_MAX];
    uint32_t count = 0;
    ch_grid_trial trials[CH_GRID_RATES_MAX];
    choir_status status = outcome_load(out, l, cell, env, err);
    if (status != CHOIR_OK || strcmp(cell->e->kind, "curves") != 0) {
        return status;
    }
    status = ch_ledger_start(start, &count, l, cell, env, err);
    if (status == CHOIR_OK && ch_outcome_trials(trials, out) > 0 && trials[0].k != start[0]) {
        ch_outcome_init(out, cell->e, cell->row, cell->column, l->seed);
    }
    return status;
}
