/*
 * Synthetic: a linear classification problem that clients see differently, in as many clients as
 * one likes. "synthetic(alpha,beta)": alpha is how much clients disagree about the labels, beta how
 * much their inputs differ.
 *
 *   y = argmax(W_k x + b_k)                    10 classes, 60 features
 *   W_k = W + sqrt(alpha) D_k,  b_k likewise;  W, b, D_k standard normal
 *   x_j = v_kj + z_j j^-0.6;  v_kj = m_k + sqrt(beta) n_kj;  m_k = sqrt(beta) n_k;  z, n standard
 *
 * Source: Li et al., "Federated Optimization in Heterogeneous Networks", MLSys 2020, sec. 5.1 and
 * app. C.1: the feature covariance j^-1.2 and m_k ~ N(0, beta) are theirs. There v_kj ~ N(m_k, 1)
 * whatever beta is, so inputs differ in synthetic(0,0) too; and W_k ~ N(u_k, 1) shares nothing
 * between clients, so a model says nothing about a client it has not seen. Here the shared W makes
 * one global model worth learning, beta scales all that inputs differ by, and synthetic(0,0) is
 * IID.
 */
#include "data/deviates.h"
#include "data/generator.h"

#include <math.h>

enum { FEATURES = 60, CLASSES = 10, WEIGHTS = (FEATURES + 1) * CLASSES };

/* One client's labelling: for every class its weights, then its bias. */
typedef struct client_law {
    double w[WEIGHTS];       // (classes, features + 1)
    double center[FEATURES]; // v_k
    double spread[FEATURES]; // j^-0.6
} client_law;

static void law_draw(client_law *law, const ch_generator *g, uint32_t client) {
    ch_rng shared = ch_rng_stream(g->seed, CH_PURPOSE_DATA, 1, 0);
    ch_rng own = ch_rng_stream(g->seed, CH_PURPOSE_DATA, 2, client);
    const double disagree = sqrt(g->parameter[0]);
    const double differ = sqrt(g->parameter[1]);
    for (uint32_t i = 0; i < WEIGHTS; i++) {
        law->w[i] = ch_rng_normal(&shared) + disagree * ch_rng_normal(&own);
    }
    const double middle = differ * ch_rng_normal(&own);
    for (uint32_t j = 0; j < FEATURES; j++) {
        law->center[j] = middle + differ * ch_rng_normal(&own);
        law->spread[j] = ch_real_pow(j + 1, -0.6);
    }
}

static uint32_t law_label(const client_law *law, const float *x) {
    uint32_t best = 0;
    double most = -INFINITY;
    for (uint32_t c = 0; c < CLASSES; c++) {
        const double *w = law->w + (size_t)c * (FEATURES + 1);
        double score = w[FEATURES];
        for (uint32_t j = 0; j < FEATURES; j++) {
            score += w[j] * (double)x[j];
        }
        if (score > most) {
            most = score;
            best = c;
        }
    }
    return best;
}

static void synthetic_draw(const ch_generator *g, uint32_t client, uint32_t count,
                           const ch_drawing *out) {
    client_law law;
    law_draw(&law, g, client);
    ch_rng rng = ch_rng_stream(g->seed, CH_PURPOSE_DATA, 3, client);
    for (uint32_t i = 0; i < count; i++) {
        float *x = out->reals + (size_t)i * FEATURES;
        for (uint32_t j = 0; j < FEATURES; j++) {
            x[j] = (float)(law.center[j] + law.spread[j] * ch_rng_normal(&rng));
        }
        out->labels[i] = law_label(&law, x);
    }
}

const ch_generator_ops ch_generator_synthetic = {
    .name = "synthetic",
    .about = "60 real features, 10 classes; (alpha,beta): how much clients differ",
    .shape = {.height = 1, .width = 1, .channels = FEATURES},
    .classes = CLASSES,
    .is_bytes = false,
    .parameters = 2,
    .defaults = {0.5, 0.5},
    .draw = synthetic_draw,
};
