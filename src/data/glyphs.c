/*
 * The skeletons: see glyphs.h. Drawn by hand on squared paper for this project.
 */
#include "data/glyphs.h"

#define DOWN(x, y)                                                                                 \
    { (x), (y), CH_GLYPH_DOWN }
#define AT(x, y)                                                                                   \
    { (x), (y), CH_GLYPH_CURVE }
#define CORNER(x, y)                                                                               \
    { (x), (y), CH_GLYPH_CORNER }

// clang-format off
const ch_glyph CH_GLYPHS[10][CH_GLYPH_ALLOGRAPHS_MAX] = {
    [0] = {
        // round, from the top, counter-clockwise
        {6, 9, {
            DOWN(0.55F, 0.02F), AT(0.25F, 0.12F), AT(0.06F, 0.42F), AT(0.10F, 0.76F),
            AT(0.38F, 0.98F), AT(0.70F, 0.90F), AT(0.93F, 0.58F), AT(0.86F, 0.20F),
            AT(0.55F, 0.02F)
        }},
        // narrow, closing past the start
        {3, 10, {
            DOWN(0.62F, 0.06F), AT(0.36F, 0.04F), AT(0.14F, 0.30F), AT(0.12F, 0.70F),
            AT(0.36F, 0.97F), AT(0.66F, 0.90F), AT(0.84F, 0.58F), AT(0.80F, 0.22F),
            AT(0.50F, 0.05F), AT(0.36F, 0.14F)
        }},
        // open at the top
        {2, 8, {
            DOWN(0.46F, 0.06F), AT(0.18F, 0.26F), AT(0.08F, 0.62F), AT(0.30F, 0.95F),
            AT(0.66F, 0.92F), AT(0.92F, 0.60F), AT(0.86F, 0.22F), AT(0.60F, 0.00F)
        }},
        // clockwise, tall
        {1, 9, {
            DOWN(0.35F, 0.10F), AT(0.60F, 0.00F), AT(0.84F, 0.20F), AT(0.90F, 0.60F),
            AT(0.70F, 0.94F), AT(0.40F, 0.98F), AT(0.14F, 0.70F), AT(0.14F, 0.30F),
            AT(0.42F, 0.04F)
        }},
    },
    [1] = {
        // a bare stroke
        {6, 4, {
            DOWN(0.50F, 0.00F), AT(0.50F, 0.35F), AT(0.50F, 0.68F), AT(0.50F, 1.00F)
        }},
        // with a flag
        {4, 4, {
            DOWN(0.28F, 0.24F), CORNER(0.54F, 0.00F), AT(0.53F, 0.50F), AT(0.52F, 1.00F)
        }},
        // with flag and base
        {2, 7, {
            DOWN(0.26F, 0.22F), CORNER(0.52F, 0.00F), AT(0.52F, 0.50F), AT(0.52F, 1.00F),
            DOWN(0.24F, 1.00F), AT(0.50F, 0.99F), AT(0.80F, 1.00F)
        }},
        // with a long upstroke
        {1, 5, {
            DOWN(0.16F, 0.46F), AT(0.36F, 0.24F), CORNER(0.60F, 0.00F), AT(0.58F, 0.50F),
            AT(0.55F, 1.00F)
        }},
    },
    [2] = {
        // swan neck, straight base
        {5, 9, {
            DOWN(0.10F, 0.24F), AT(0.30F, 0.03F), AT(0.68F, 0.04F), AT(0.84F, 0.28F),
            AT(0.62F, 0.58F), AT(0.30F, 0.84F), CORNER(0.06F, 0.98F), AT(0.46F, 0.96F),
            AT(0.94F, 0.98F)
        }},
        // with a loop at the foot
        {4, 10, {
            DOWN(0.12F, 0.22F), AT(0.36F, 0.00F), AT(0.74F, 0.10F), AT(0.78F, 0.38F),
            AT(0.50F, 0.72F), AT(0.18F, 0.96F), AT(0.08F, 0.84F), AT(0.26F, 0.76F),
            AT(0.56F, 0.92F), AT(0.95F, 0.94F)
        }},
        // like a z
        {2, 7, {
            DOWN(0.12F, 0.12F), AT(0.50F, 0.02F), CORNER(0.84F, 0.10F), AT(0.50F, 0.52F),
            CORNER(0.10F, 0.96F), AT(0.50F, 0.94F), AT(0.92F, 0.96F)
        }},
        // round foot
        {2, 10, {
            DOWN(0.16F, 0.30F), AT(0.28F, 0.06F), AT(0.62F, 0.00F), AT(0.84F, 0.20F),
            AT(0.74F, 0.50F), AT(0.40F, 0.76F), AT(0.14F, 0.94F), AT(0.40F, 0.92F),
            AT(0.70F, 1.00F), AT(0.94F, 0.90F)
        }},
    },
    [3] = {
        // two bows
        {6, 9, {
            DOWN(0.14F, 0.14F), AT(0.42F, 0.00F), AT(0.78F, 0.12F), AT(0.72F, 0.36F),
            CORNER(0.38F, 0.46F), AT(0.76F, 0.54F), AT(0.88F, 0.78F), AT(0.58F, 0.99F),
            AT(0.10F, 0.88F)
        }},
        // soft waist
        {3, 10, {
            DOWN(0.18F, 0.10F), AT(0.50F, 0.00F), AT(0.80F, 0.16F), AT(0.66F, 0.40F),
            AT(0.46F, 0.46F), AT(0.74F, 0.54F), AT(0.86F, 0.76F), AT(0.60F, 0.98F),
            AT(0.20F, 0.96F), AT(0.08F, 0.84F)
        }},
        // flat top
        {2, 9, {
            DOWN(0.14F, 0.04F), AT(0.48F, 0.04F), CORNER(0.84F, 0.04F), AT(0.62F, 0.24F),
            CORNER(0.42F, 0.42F), AT(0.78F, 0.50F), AT(0.90F, 0.74F), AT(0.60F, 0.98F),
            AT(0.10F, 0.90F)
        }},
        // small loop at the waist
        {1, 10, {
            DOWN(0.16F, 0.16F), AT(0.44F, 0.00F), AT(0.76F, 0.14F), AT(0.60F, 0.40F),
            AT(0.38F, 0.48F), AT(0.44F, 0.40F), AT(0.76F, 0.54F), AT(0.84F, 0.80F),
            AT(0.52F, 1.00F), AT(0.12F, 0.90F)
        }},
    },
    [4] = {
        // open, two strokes
        {5, 8, {
            DOWN(0.16F, 0.04F), AT(0.12F, 0.30F), CORNER(0.10F, 0.56F), AT(0.50F, 0.55F),
            AT(0.92F, 0.52F), DOWN(0.74F, 0.10F), AT(0.70F, 0.50F), AT(0.68F, 1.00F)
        }},
        // closed, one stroke
        {4, 7, {
            DOWN(0.66F, 1.00F), AT(0.68F, 0.50F), CORNER(0.70F, 0.00F), AT(0.38F, 0.34F),
            CORNER(0.04F, 0.66F), AT(0.50F, 0.66F), AT(0.96F, 0.64F)
        }},
        // open, round
        {3, 8, {
            DOWN(0.22F, 0.02F), AT(0.10F, 0.34F), AT(0.22F, 0.54F), AT(0.52F, 0.52F),
            AT(0.80F, 0.40F), DOWN(0.82F, 0.04F), AT(0.74F, 0.50F), AT(0.68F, 1.00F)
        }},
        // closed, in two strokes
        {2, 8, {
            DOWN(0.58F, 0.02F), AT(0.30F, 0.32F), CORNER(0.06F, 0.62F), AT(0.50F, 0.62F),
            AT(0.94F, 0.62F), DOWN(0.64F, 0.30F), AT(0.64F, 0.66F), AT(0.62F, 1.00F)
        }},
    },
    [5] = {
        // bar last
        {5, 11, {
            DOWN(0.28F, 0.06F), AT(0.24F, 0.24F), CORNER(0.20F, 0.44F), AT(0.54F, 0.36F),
            AT(0.86F, 0.56F), AT(0.80F, 0.86F), AT(0.44F, 1.00F), AT(0.06F, 0.88F),
            DOWN(0.28F, 0.06F), AT(0.56F, 0.05F), AT(0.90F, 0.04F)
        }},
        // one stroke
        {4, 10, {
            DOWN(0.88F, 0.04F), AT(0.60F, 0.03F), CORNER(0.28F, 0.06F), AT(0.24F, 0.24F),
            CORNER(0.18F, 0.46F), AT(0.50F, 0.38F), AT(0.84F, 0.54F), AT(0.84F, 0.84F),
            AT(0.46F, 1.00F), AT(0.08F, 0.90F)
        }},
        // s-like
        {2, 9, {
            DOWN(0.86F, 0.06F), AT(0.54F, 0.02F), AT(0.26F, 0.14F), AT(0.22F, 0.40F),
            AT(0.50F, 0.46F), AT(0.80F, 0.58F), AT(0.80F, 0.84F), AT(0.46F, 1.00F),
            AT(0.10F, 0.90F)
        }},
        // angular, with a flat belly
        {1, 10, {
            DOWN(0.90F, 0.02F), AT(0.58F, 0.04F), CORNER(0.26F, 0.06F), AT(0.20F, 0.26F),
            CORNER(0.20F, 0.42F), AT(0.52F, 0.44F), AT(0.80F, 0.50F), AT(0.82F, 0.80F),
            AT(0.60F, 0.96F), AT(0.10F, 0.98F)
        }},
    },
    [6] = {
        // curved stem
        {5, 9, {
            DOWN(0.76F, 0.02F), AT(0.42F, 0.20F), AT(0.16F, 0.54F), AT(0.16F, 0.84F),
            AT(0.46F, 1.00F), AT(0.80F, 0.86F), AT(0.80F, 0.62F), AT(0.50F, 0.52F),
            AT(0.20F, 0.70F)
        }},
        // straight stem
        {3, 9, {
            DOWN(0.62F, 0.00F), AT(0.38F, 0.28F), AT(0.14F, 0.66F), AT(0.24F, 0.92F),
            AT(0.56F, 0.99F), AT(0.84F, 0.80F), AT(0.72F, 0.56F), AT(0.40F, 0.58F),
            AT(0.18F, 0.78F)
        }},
        // high loop
        {2, 9, {
            DOWN(0.70F, 0.04F), AT(0.36F, 0.12F), AT(0.12F, 0.48F), AT(0.18F, 0.86F),
            AT(0.50F, 1.00F), AT(0.86F, 0.80F), AT(0.78F, 0.50F), AT(0.46F, 0.40F),
            AT(0.16F, 0.58F)
        }},
        // tight curl
        {1, 9, {
            DOWN(0.52F, 0.00F), AT(0.30F, 0.36F), AT(0.18F, 0.74F), AT(0.36F, 0.98F),
            AT(0.66F, 0.94F), AT(0.76F, 0.74F), AT(0.56F, 0.60F), AT(0.34F, 0.72F),
            AT(0.36F, 0.86F)
        }},
    },
    [7] = {
        // plain
        {6, 5, {
            DOWN(0.08F, 0.08F), AT(0.48F, 0.06F), CORNER(0.90F, 0.04F), AT(0.64F, 0.48F),
            AT(0.40F, 1.00F)
        }},
        // crossed
        {3, 8, {
            DOWN(0.10F, 0.08F), AT(0.48F, 0.06F), CORNER(0.88F, 0.04F), AT(0.66F, 0.46F),
            AT(0.42F, 1.00F), DOWN(0.28F, 0.52F), AT(0.54F, 0.50F), AT(0.84F, 0.48F)
        }},
        // with a hook
        {2, 6, {
            DOWN(0.10F, 0.24F), CORNER(0.12F, 0.06F), AT(0.50F, 0.08F), CORNER(0.88F, 0.04F),
            AT(0.60F, 0.50F), AT(0.46F, 1.00F)
        }},
        // curved stem
        {2, 7, {
            DOWN(0.08F, 0.12F), AT(0.36F, 0.04F), AT(0.70F, 0.08F), CORNER(0.90F, 0.04F),
            AT(0.62F, 0.30F), AT(0.46F, 0.60F), AT(0.42F, 1.00F)
        }},
    },
    [8] = {
        // one stroke, from the top right
        {6, 11, {
            DOWN(0.76F, 0.14F), AT(0.48F, 0.00F), AT(0.22F, 0.14F), AT(0.30F, 0.38F),
            AT(0.60F, 0.54F), AT(0.80F, 0.76F), AT(0.50F, 1.00F), AT(0.20F, 0.80F),
            AT(0.38F, 0.54F), AT(0.68F, 0.34F), AT(0.78F, 0.12F)
        }},
        // two rings
        {3, 14, {
            DOWN(0.50F, 0.02F), AT(0.24F, 0.14F), AT(0.28F, 0.40F), AT(0.52F, 0.48F),
            AT(0.76F, 0.36F), AT(0.76F, 0.12F), AT(0.50F, 0.02F), DOWN(0.52F, 0.48F),
            AT(0.20F, 0.62F), AT(0.20F, 0.90F), AT(0.50F, 1.00F), AT(0.82F, 0.88F),
            AT(0.80F, 0.62F), AT(0.52F, 0.48F)
        }},
        // from the middle
        {2, 11, {
            DOWN(0.50F, 0.50F), AT(0.24F, 0.28F), AT(0.36F, 0.03F), AT(0.68F, 0.04F),
            AT(0.74F, 0.28F), AT(0.50F, 0.50F), AT(0.20F, 0.72F), AT(0.30F, 0.98F),
            AT(0.68F, 0.98F), AT(0.82F, 0.74F), AT(0.50F, 0.50F)
        }},
        // open at the top right
        {1, 10, {
            DOWN(0.84F, 0.08F), AT(0.52F, 0.00F), AT(0.24F, 0.16F), AT(0.36F, 0.42F),
            AT(0.66F, 0.58F), AT(0.78F, 0.80F), AT(0.50F, 1.00F), AT(0.22F, 0.84F),
            AT(0.40F, 0.54F), AT(0.74F, 0.26F)
        }},
    },
    [9] = {
        // straight stem
        {5, 9, {
            DOWN(0.78F, 0.20F), AT(0.50F, 0.02F), AT(0.20F, 0.14F), AT(0.18F, 0.40F),
            AT(0.46F, 0.52F), AT(0.74F, 0.38F), CORNER(0.80F, 0.10F), AT(0.76F, 0.54F),
            AT(0.70F, 1.00F)
        }},
        // curved tail
        {3, 10, {
            DOWN(0.80F, 0.26F), AT(0.58F, 0.02F), AT(0.24F, 0.10F), AT(0.16F, 0.38F),
            AT(0.42F, 0.54F), AT(0.76F, 0.36F), AT(0.82F, 0.14F), AT(0.80F, 0.60F),
            AT(0.62F, 0.92F), AT(0.26F, 0.98F)
        }},
        // one curve, like a g
        {3, 8, {
            DOWN(0.82F, 0.12F), AT(0.48F, 0.00F), AT(0.18F, 0.20F), AT(0.24F, 0.48F),
            AT(0.58F, 0.48F), AT(0.82F, 0.16F), AT(0.78F, 0.56F), AT(0.66F, 1.00F)
        }},
        // ring and stick
        {1, 10, {
            DOWN(0.70F, 0.06F), AT(0.34F, 0.04F), AT(0.16F, 0.26F), AT(0.34F, 0.50F),
            AT(0.66F, 0.44F), AT(0.78F, 0.20F), AT(0.66F, 0.04F), DOWN(0.78F, 0.04F),
            AT(0.76F, 0.50F), AT(0.74F, 1.00F)
        }},
    },
};
// clang-format on
