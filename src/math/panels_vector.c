/*
 * Panels in vectors: see panels.h. Compiled once per instruction set.
 *
 * Some rows at a time, panel after panel, so that the flat rows are in the nearest cache for all of
 * their panels; the last panel's part of a row may be narrower than a vector.
 */
#include "math/turn.h"
#include "math/vector.h"

#include <string.h>

enum { ROWS_AT_A_TIME = 16 };

typedef enum direction {
    WAY_LOAD,
    WAY_STORE,
    WAY_CHANGE,
} direction;

typedef struct call {
    float *panels;
    float *flat;
    const float *from; // WAY_CHANGE
    size_t rows, cols;
} call;

/* Lanes that are infinite or NaN: an exponent with all bits set. */
V_INLINE vint v_overflown(vfloat a) {
    const vint infinite = (vint){0} + INT32_C(0x7F800000);
    return ((vint)a & infinite) == infinite;
}

/* A whole panel's part of a row. */
V_INLINE vint whole_move(float *panel, float *flat, const float *from, const direction way) {
    vint overflown = {0};
    V_UNROLL
    for (int i = 0; i < CH_PANEL; i += LANES) {
        if (way == WAY_LOAD) {
            v_store(panel + i, v_load(flat + i));
        } else if (way == WAY_STORE) {
            v_store(flat + i, v_load(panel + i));
        } else {
            const vfloat change = v_load(panel + i) - v_load(from + i);
            v_store(flat + i, change);
            overflown |= v_overflown(change);
        }
    }
    return overflown;
}

/* A narrower panel's, by way of rooms that are as wide as a panel. */
V_INLINE vint part_move(float *panel, float *flat, const float *from, size_t some,
                        const direction way) {
    float room[CH_PANEL] = {0};
    float start[CH_PANEL] = {0};
    if (way == WAY_LOAD) {
        memcpy(panel, flat, some * sizeof(float));
        return (vint){0};
    }
    memcpy(room, panel, some * sizeof(float));
    if (way == WAY_CHANGE) {
        memcpy(start, from, some * sizeof(float));
    }
    const vint overflown = whole_move(room, room, start, way);
    memcpy(flat, room, some * sizeof(float));
    return overflown;
}

V_INLINE bool move(const call *m, const direction way) {
    vint overflown = {0};
    for (size_t first = 0; first < m->rows; first += ROWS_AT_A_TIME) {
        const size_t left = m->rows - first;
        const size_t last = first + (left < ROWS_AT_A_TIME ? left : ROWS_AT_A_TIME);
        for (size_t c = 0; c < m->cols; c += CH_PANEL) {
            const size_t some = m->cols - c;
            float *panel = m->panels + ch_panel_offset(m->rows, first, c);
            for (size_t r = first; r < last; r++, panel += CH_PANEL) {
                const size_t at = r * m->cols + c;
                const float *from = way == WAY_CHANGE ? m->from + at : NULL;
                overflown |= some >= CH_PANEL ? whole_move(panel, m->flat + at, from, way)
                                              : part_move(panel, m->flat + at, from, some, way);
            }
        }
    }
    return v_none(overflown);
}

static void panels_load(float *panels, const float *flat, uint32_t rows, uint32_t cols) {
    const call m = {.panels = panels, .flat = (float *)flat, .rows = rows, .cols = cols};
    (void)move(&m, WAY_LOAD);
}

static void panels_store(float *flat, const float *panels, uint32_t rows, uint32_t cols) {
    const call m = {.panels = (float *)panels, .flat = flat, .rows = rows, .cols = cols};
    (void)move(&m, WAY_STORE);
}

static bool panels_store_change(float *change, const float *panels, const float *from,
                                uint32_t rows, uint32_t cols) {
    const call m = {
        .panels = (float *)panels, .flat = change, .from = from, .rows = rows, .cols = cols};
    return move(&m, WAY_CHANGE);
}

/* All blocks of eight columns of some rows, at most eight. */
V_INLINE void turn_rows(float *to, const float *from, size_t rows, size_t cols, size_t r) {
    const size_t some = r < rows ? rows - r : 0;
    for (size_t c = 0; c < cols; c += TURN) {
        const float *block = from + ch_panel_offset(rows, r, c);
        float *turned = to + ch_panel_offset(cols, c, r);
        if (some >= TURN && cols - c >= TURN) {
            turn_block(turned, block, TURN, TURN);
        } else {
            turn_block(turned, block, some, cols - c);
        }
    }
}

static void panels_transpose(float *to, const float *from, uint32_t rows, uint32_t cols) {
    for (size_t r = 0; r < ch_padded(rows); r += TURN) {
        turn_rows(to, from, rows, cols, r);
    }
}

const ch_panel_kernels CH_EXPORT(ch_panel) = {
    .load = panels_load,
    .store = panels_store,
    .store_change = panels_store_change,
    .transpose = panels_transpose,
};
