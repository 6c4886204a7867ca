/*
 * N-gram: see ngram.h.
 *
 * N-grams are numbers, the first token highest, so that sorted ones of the same beginning lie side
 * by side:
 *
 *     trigram   a << 32 | b << 16 | c        what follows a b is a range of them
 *     bigram    b << 16 | c                  what follows b, likewise
 */
#include "run/ngram.h"

#include "base/arena.h"
#include "base/assert.h"
#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

enum { TOKEN_BITS = 16 };

/* Different n-grams of one order, ascending. */
typedef struct grams {
    uint64_t *key;   // (count)
    uint32_t *times; // (count) how often; of bigrams after how many different words
    uint32_t count;
    double discount;
} grams;

struct ch_ngram {
    choir_env env;
    uint32_t classes;
    uint32_t begin;
    grams tri;
    grams bi;
    double *uni; // (classes) P(c)
};

// ----- counting ---------------------------------------------------------------------------------

static uint64_t places_of(const ch_holding *holdings, uint32_t count) {
    uint64_t places = 0;
    for (uint32_t i = 0; i < count; i++) {
        places += ch_holding_predictions(&holdings[i]);
    }
    return places;
}

uint16_t ch_ngram_before(const ch_examples *e, uint32_t row, uint16_t begin) {
    const uint32_t first = e->spans[row].first;
    return first == 0 || e->tokens[first] == begin ? begin : e->tokens[first - 1];
}

/* The trigram of every place, as they come; returns where the next would be written. */
static uint64_t *holding_add(uint64_t *to, const ch_holding *h, uint16_t begin) {
    const ch_examples *e = h->examples;
    for (uint32_t i = 0; i < h->count; i++) {
        const uint32_t row = ch_holding_row(h, i);
        const ch_span span = e->spans[row];
        const uint16_t *t = e->tokens + span.first;
        uint64_t before = ch_ngram_before(e, row, begin);
        for (uint32_t k = 1; k < span.length; k++, to++) {
            *to = before << 2 * TOKEN_BITS | (uint64_t)t[k - 1] << TOKEN_BITS | t[k];
            before = t[k - 1];
        }
    }
    return to;
}

static int by_key(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts (count) keys, and leaves each once, with how often it was there. */
static void grams_count(grams *g, uint32_t count) {
    qsort(g->key, count, sizeof(g->key[0]), by_key);
    g->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (g->count == 0 || g->key[g->count - 1] != g->key[i]) {
            g->key[g->count] = g->key[i];
            g->times[g->count] = 0;
            g->count += 1;
        }
        g->times[g->count - 1] += 1;
    }
}

static double discount_of(const uint32_t *times, uint32_t count) {
    double once = 0;
    double twice = 0;
    for (uint32_t i = 0; i < count; i++) {
        once += times[i] == 1 ? 1 : 0;
        twice += times[i] == 2 ? 1 : 0;
    }
    return once == 0 || twice == 0 ? 0.5 : once / (once + 2 * twice);
}

/* P(c), from how many different bigrams end in c. */
static choir_status uni_fill(ch_ngram *n) {
    uint32_t *after = ch_claim(&n->env, n->classes, sizeof(after[0]));
    if (after == NULL) {
        return CHOIR_ENOMEM;
    }
    memset(after, 0, n->classes * sizeof(after[0]));
    for (uint32_t i = 0; i < n->bi.count; i++) {
        after[n->bi.key[i] & UINT16_MAX] += 1;
    }
    const double discount = discount_of(after, n->classes);
    double types = 0;
    for (uint32_t c = 0; c < n->classes; c++) {
        types += after[c] > 0 ? 1 : 0;
    }
    const double all = n->bi.count;
    const double even = 1.0 / (n->classes - 1);
    for (uint32_t c = 0; c < n->classes; c++) {
        const double own = after[c] > discount ? after[c] - discount : 0;
        n->uni[c] = all == 0 ? even : own / all + discount * types / all * even;
    }
    n->uni[n->begin] = 0;
    n->env.free(n->env.self, after);
    return CHOIR_OK;
}

static choir_status grams_claim(grams *g, uint64_t room, const choir_env *env) {
    g->key = ch_claim(env, room, sizeof(g->key[0]));
    g->times = ch_claim(env, room, sizeof(g->times[0]));
    return g->key == NULL || g->times == NULL ? CHOIR_ENOMEM : CHOIR_OK;
}

static void block_free(const choir_env *env, void *block) {
    if (block != NULL) {
        env->free(env->self, block);
    }
}

static choir_status ngram_fill(ch_ngram *n, const ch_holding *holdings, uint32_t count) {
    const uint64_t places = places_of(holdings, count);
    if (places > UINT32_MAX) {
        return CHOIR_ENOMEM;
    }
    choir_status status = grams_claim(&n->tri, places, &n->env);
    if (status != CHOIR_OK) {
        return status;
    }
    uint64_t *to = n->tri.key;
    for (uint32_t i = 0; i < count; i++) {
        to = holding_add(to, &holdings[i], (uint16_t)n->begin);
    }
    CH_ASSERT(to == n->tri.key + places);
    grams_count(&n->tri, (uint32_t)places);
    n->tri.discount = discount_of(n->tri.times, n->tri.count);
    status = grams_claim(&n->bi, n->tri.count, &n->env);
    n->uni = ch_claim(&n->env, n->classes, sizeof(n->uni[0]));
    if (status != CHOIR_OK || n->uni == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < n->tri.count; i++) { // once for each different word before
        n->bi.key[i] = n->tri.key[i] & UINT32_MAX;
    }
    grams_count(&n->bi, n->tri.count);
    n->bi.discount = discount_of(n->bi.times, n->bi.count);
    return uni_fill(n);
}

choir_status ch_ngram_create(ch_ngram **out, const ch_holding *holdings, uint32_t count,
                             uint32_t classes, uint32_t begin, const choir_env *env) {
    *out = NULL;
    CH_ASSERT(classes >= 2 && classes <= CH_CLASSES_MAX && begin < classes);
    ch_ngram *n = ch_claim(env, 1, sizeof(*n));
    if (n == NULL) {
        return CHOIR_ENOMEM;
    }
    *n = (ch_ngram){.env = *env, .classes = classes, .begin = begin};
    const choir_status status = ngram_fill(n, holdings, count);
    if (status != CHOIR_OK) {
        ch_ngram_destroy(n);
        return status;
    }
    *out = n;
    return CHOIR_OK;
}

void ch_ngram_destroy(ch_ngram *n) {
    if (n != NULL) {
        const choir_env env = n->env;
        block_free(&env, n->tri.key);
        block_free(&env, n->tri.times);
        block_free(&env, n->bi.key);
        block_free(&env, n->bi.times);
        block_free(&env, n->uni);
        env.free(env.self, n);
    }
}

// ----- asking -----------------------------------------------------------------------------------

/* The first that is not below key. */
static uint32_t lower_bound(const grams *g, uint64_t key) {
    uint32_t low = 0;
    uint32_t high = g->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (g->key[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* p (classes) = the model of one word less, mixed with what was counted behind context: the n-grams
 * whose numbers begin with it. */
static void mix(const ch_ngram *n, const grams *g, uint64_t context, float *p) {
    const uint32_t from = lower_bound(g, context << TOKEN_BITS);
    const uint32_t to = lower_bound(g, (context + 1) << TOKEN_BITS);
    double all = 0;
    for (uint32_t i = from; i < to; i++) {
        all += g->times[i];
    }
    if (to == from) {
        return;
    }
    const double rest = g->discount * (to - from) / all;
    for (uint32_t c = 0; c < n->classes; c++) {
        p[c] = (float)(rest * (double)p[c]);
    }
    for (uint32_t i = from; i < to; i++) {
        const double own = g->times[i] > g->discount ? g->times[i] - g->discount : 0;
        p[g->key[i] & UINT16_MAX] += (float)(own / all);
    }
}

void ch_ngram_predict(const ch_ngram *n, uint16_t before, uint16_t last, float *probabilities) {
    for (uint32_t c = 0; c < n->classes; c++) {
        probabilities[c] = (float)n->uni[c];
    }
    mix(n, &n->bi, last, probabilities);
    mix(n, &n->tri, (uint64_t)before << TOKEN_BITS | last, probabilities);
}
