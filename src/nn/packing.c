/* Packing: see packing.h. */
#include "nn/packing.h"

#include "base/assert.h"

#include <string.h>

size_t ch_packing_bytes(uint32_t steps, uint32_t batch) {
    const size_t rows = (size_t)batch * steps;
    return ch_arena_cost(batch, sizeof(uint32_t)) + ch_arena_cost(steps, sizeof(uint32_t)) +
           ch_arena_cost((size_t)steps + 1, sizeof(uint32_t)) + ch_arena_cost(rows, sizeof(float)) +
           ch_arena_cost(rows, sizeof(uint32_t));
}

choir_status ch_packing_init(ch_packing *packing, uint32_t steps, uint32_t batch,
                             const choir_env *env) {
    const size_t rows = (size_t)batch * steps;
    *packing = (ch_packing){.steps = steps, .batch = batch};
    ch_arena *arena = &packing->arena;
    const choir_status status = ch_arena_init(arena, ch_packing_bytes(steps, batch), env);
    if (status != CHOIR_OK) {
        return status;
    }
    packing->order = CH_NEW(arena, uint32_t, batch);
    packing->active = CH_NEW(arena, uint32_t, steps);
    packing->places = CH_NEW(arena, uint32_t, (size_t)steps + 1);
    packing->x = CH_NEW(arena, float, rows);
    packing->labels = CH_NEW(arena, uint32_t, rows);
    CH_ASSERT(packing->labels != NULL);
    return CHOIR_OK;
}

void ch_packing_release(ch_packing *packing) {
    ch_arena_release(&packing->arena);
}

/* places[l] = sequences of b that are longer than l: where those of length l begin. */
static void find_places(ch_packing *packing, const ch_batch *b) {
    uint32_t *places = packing->places;
    memset(places, 0, ((size_t)packing->steps + 1) * sizeof(places[0]));
    for (uint32_t i = 0; i < b->count; i++) {
        CH_ASSERT(b->lengths[i] >= 1);
        CH_ASSERT(b->lengths[i] <= packing->steps);
        places[b->lengths[i]] += 1;
    }
    uint32_t longer = 0;
    for (uint32_t length = packing->steps; length > 0; length--) {
        const uint32_t equal = places[length];
        places[length] = longer;
        longer += equal;
    }
}

/* Those of b at first, first + 1, ... in the order by length. */
static void find_order(ch_packing *packing, const ch_batch *b, uint32_t first) {
    find_places(packing, b);
    memset(packing->active, 0, packing->steps * sizeof(packing->active[0]));
    for (uint32_t i = 0; i < b->count; i++) {
        const uint32_t length = b->lengths[i];
        const uint32_t place = packing->places[length]++;
        if (place >= first && place - first < packing->count) {
            packing->order[place - first] = i;
            packing->active[length - 1] += 1;
        }
    }
    for (uint32_t step = packing->steps - 1; step > 0; step--) {
        packing->active[step - 1] += packing->active[step];
    }
}

size_t ch_packing_position(const ch_packing *packing, uint32_t example, uint32_t step) {
    return (size_t)packing->order[example] * packing->steps + step;
}

void ch_packing_fill(ch_packing *packing, const ch_batch *b, uint32_t first, uint32_t count) {
    CH_ASSERT(count <= packing->batch);
    packing->count = count;
    find_order(packing, b, first);
    uint32_t row = 0;
    for (uint32_t step = 0; step < packing->steps; step++) {
        for (uint32_t i = 0; i < packing->active[step]; i++, row++) {
            const size_t at = ch_packing_position(packing, i, step);
            packing->x[row] = b->x[at];
            packing->labels[row] = b->labels != NULL ? b->labels[at] : 0;
        }
    }
    packing->rows = row;
}
