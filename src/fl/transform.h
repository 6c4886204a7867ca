/*
 * Transform: one link of the chain every update passes through.
 *
 * A link has two ends. The client end runs on the device and changes the update; the server end
 * runs on the report and holds the device to it. Both live in the same file, so that nobody can
 * install one without the other. Clipping and weighting are links; so will be noise, quantisation
 * and masks; nothing else in the system knows their names.
 *
 * Links declare where they stand, the domain they map from and to, and what they do to the L2
 * sensitivity of the sum: how far one client, added or removed, can move it.
 */
#ifndef CH_FL_TRANSFORM_H
#define CH_FL_TRANSFORM_H

#include "choir/status.h"
#include "choir/trainer.h"
#include "math/fold.h"

#include <stdint.h>

/* What an update is at a point of the chain. */
typedef enum ch_domain {
    CH_DOMAIN_UPDATE,  // reals: what one client learned
    CH_DOMAIN_SUMMAND, // the same with the whole number by which it counts in the sum
} ch_domain;

/* The canonical order. A chain may leave stages out, but neither repeat nor reorder them. */
typedef enum ch_stage {
    CH_STAGE_START,
    CH_STAGE_CLIP,
    CH_STAGE_WEIGHT,
    CH_STAGE_NOISE,
    CH_STAGE_QUANTISE,
    CH_STAGE_MASK,
} ch_stage;

/* The client end's view of an update on its way out, or of a failure: that has a dim of 0. */
typedef struct ch_payload {
    float *delta; // (dim) borrowed; finite
    uint32_t dim;
    uint32_t examples; // n: what the client has, then what it says it has
    uint32_t epochs;   // E of the task
    double dither;     // of the client in the round: see metrics.h
    choir_metrics metrics;
} ch_payload;

/* The server end's view of an update that has come in. */
typedef struct ch_offer {
    double norm;     // L2, as the server measured it
    uint32_t weight; // n: what the client said, then how often it counts
    uint32_t epochs; // E of the task
    double dither;   // the client's
    choir_metrics metrics;
} ch_offer;

typedef struct ch_transform ch_transform;

typedef struct ch_transform_ops {
    const char *name; // as written in a chain text
    ch_stage stage;
    const char *place; // why it stands there; completes "chain: ... may not follow ...: "
    ch_domain from;
    ch_domain to;
    const char *knob; // what the number after '=' is; NULL when there is none
    double knob_min;  // both inclusive
    double knob_max;
    double knob_default;
    int knob_is_whole; // takes whole numbers only

    void (*client)(const ch_transform *t, ch_payload *p);

    /* OK; ERANGE when the report breaks what the client end promises. */
    choir_status (*server)(const ch_transform *t, ch_offer *offer);

    /* The sensitivity behind the link, given the one before it and the largest n. */
    double (*sensitivity)(const ch_transform *t, double before, uint32_t examples_max);
} ch_transform_ops;

struct ch_transform {
    const ch_transform_ops *ops;
    double knob;
};

extern const ch_transform_ops ch_transform_clip;
extern const ch_transform_ops ch_transform_weight;
extern const ch_transform_ops ch_transform_uniform;

#endif
