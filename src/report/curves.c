/* Curves: see curves.h. */
#include "report/curves.h"

#include <math.h>

enum { COLUMNS = 9 };

choir_status ch_curves_create(ch_curves *out, const ch_metrics_table *table, const choir_env *env) {
    *out = (ch_curves){.count = 0};
    const uint32_t count = table->count;
    const choir_status status =
        ch_arena_init(&out->arena, COLUMNS * ch_arena_cost((size_t)count + 1, sizeof(double)), env);
    if (status != CHOIR_OK) {
        return status;
    }
    double **const columns[COLUMNS] = {
        &out->round,         &out->sent,          &out->accuracy,   &out->loss,
        &out->heldout_mean,  &out->heldout_worst, &out->train_loss, &out->measured_accuracy,
        &out->measured_loss,
    };
    for (int k = 0; k < COLUMNS; k++) {
        *columns[k] = CH_NEW(&out->arena, double, count);
    }
    double sent = 0;
    for (uint32_t i = 0; i < count; i++) {
        const ch_metrics_row *row = &table->rows[i];
        sent += (double)row->bytes_up + (double)row->bytes_down;
        out->round[i] = row->round;
        out->sent[i] = sent;
        out->accuracy[i] = row->accuracy;
        out->loss[i] = row->loss;
        out->heldout_mean[i] = row->heldout_mean;
        out->heldout_worst[i] = row->heldout_worst;
        out->train_loss[i] = row->train_loss;
        const bool is_measured = row->measured_clients > 0;
        out->measured_accuracy[i] = is_measured ? row->measured_accuracy : (double)NAN;
        out->measured_loss[i] = is_measured ? row->measured_loss : (double)NAN;
    }
    out->count = count;
    return CHOIR_OK;
}

void ch_curves_release(ch_curves *c) {
    ch_arena_release(&c->arena);
    *c = (ch_curves){.count = 0};
}

const char *ch_curves_scale(ch_curves *curves, uint32_t count) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double most = 0;
    for (uint32_t k = 0; k < count; k++) {
        const double last = curves[k].count == 0 ? 0 : curves[k].sent[curves[k].count - 1];
        most = last > most ? last : most;
    }
    uint32_t unit = 0;
    double scale = 1;
    while (most / scale >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        scale *= 1000;
        unit++;
    }
    for (uint32_t k = 0; k < count; k++) {
        for (uint32_t i = 0; i < curves[k].count; i++) {
            curves[k].sent[i] /= scale;
        }
    }
    return units[unit];
}
