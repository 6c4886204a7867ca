/*
 * Glyphs: the skeletons of handwritten digits, as points that a pen passes through.
 *
 * Coordinates are in the unit box, x to the right and y down. A digit has several allographs, the
 * ways in which people write it. Lines between points are curves (digits.c); a corner is sharp.
 */
#ifndef CH_DATA_GLYPHS_H
#define CH_DATA_GLYPHS_H

#include <stdint.h>

enum {
    CH_GLYPH_POINTS_MAX = 20,
    CH_GLYPH_ALLOGRAPHS_MAX = 5,
};

typedef enum ch_glyph_mark {
    CH_GLYPH_CURVE,  // passes through smoothly
    CH_GLYPH_CORNER, // turns sharply here
    CH_GLYPH_DOWN,   // the pen comes down here: a stroke begins
} ch_glyph_mark;

typedef struct ch_glyph_point {
    float x, y;
    ch_glyph_mark mark;
} ch_glyph_point;

typedef struct ch_glyph {
    uint32_t weight; // how common among writers, relative to the digit's other allographs
    uint32_t count;  // points
    ch_glyph_point points[CH_GLYPH_POINTS_MAX];
} ch_glyph;

/* The allographs of each digit; unused ones have weight 0 and come last. */
extern const ch_glyph CH_GLYPHS[10][CH_GLYPH_ALLOGRAPHS_MAX];

#endif
