/*
 * Digits: handwritten-looking digits in 28 x 28 pixels, one writer a client, as many writers as one
 * likes.
 *
 *   skeleton (glyphs.c) -> the writer's habits -> this one's slips -> curves -> ink
 *
 * A writer has a hand: which allograph of each digit, how its points differ from the copybook's,
 * slant, width, proportions, roundness, pen and ink. Each digit written then differs by small slips
 * of the same kinds. Both are drawn from normal deviates, so a few writers are hard to read. The
 * constants were chosen so that models of the sizes used on MNIST find it about as hard; what they
 * reach is in docs/dataset.md.
 *
 * The same pixels on every machine: only + - * / and sqrt in a fixed order.
 */
#include "base/real.h"
#include "data/deviates.h"
#include "data/generator.h"
#include "data/glyphs.h"

#include <math.h>
#include <string.h>

enum {
    SIDE = 28,
    PIXELS = SIDE * SIDE,
    PIECES = 5, // straight lines that a curve between two points is drawn as
};

/* How much hands differ, in standard deviations; box is the digit's own unit box. */
static const struct {
    double habit, slip;         // of a point, in boxes
    double slant, slant_slip;   // horizontal shift over the height, in boxes
    double turn, turn_slip;     // half-angle tangent
    double width, width_slip;   // logarithm
    double height, height_slip; // logarithm
    double waist, waist_slip;   // where the middle goes, in boxes
    double bend;                // the same sideways
    double place, place_slip;   // of the middle, in pixels
    double pen, pen_slip;       // logarithm
    double sloppiness;          // logarithm of a factor on all slips
} SPREAD = {
    .habit = 0.042,
    .slip = 0.026,
    .slant = 0.20,
    .slant_slip = 0.07,
    .turn = 0.045,
    .turn_slip = 0.035,
    .width = 0.16,
    .width_slip = 0.08,
    .height = 0.06,
    .height_slip = 0.045,
    .waist = 0.14,
    .waist_slip = 0.06,
    .bend = 0.06,
    .place = 0.45,
    .place_slip = 0.55,
    .pen = 0.26,
    .pen_slip = 0.08,
    .sloppiness = 0.35,
};

static const double BOX_WIDTH = 12.5;       // pixels, before a writer's width
static const double BOX_HEIGHT = 18.0;      //
static const double PEN_RADIUS = 1.05;      // pixels, to where the ink is half
static const double OTHER_ALLOGRAPH = 0.10; // chance that a writer departs from habit

/* Where a digit's unit box lands on the paper, and how. */
typedef struct pose {
    double slant, turn, width, height, waist, bend, x, y;
} pose;

typedef struct writer {
    pose pose;
    double roundness; // of curves: 0 is straight lines between points
    double pen;       // radius in pixels
    double edge;      // pixels over which ink fades
    double ink;       // darkness of a full stroke, (0, 1]
    double slip;      // factor on all slips
    uint32_t allograph[10];
    uint64_t habits; // seed of the points' habitual places
} writer;

typedef struct point {
    float x, y;
} point;

/* ------------------------------------------------------------------------------------- hands */

static double spread(ch_rng *rng, double deviation) {
    return deviation * ch_rng_normal(rng);
}

static uint32_t allograph_choose(ch_rng *rng, uint32_t digit) {
    uint32_t total = 0;
    for (uint32_t a = 0; a < CH_GLYPH_ALLOGRAPHS_MAX; a++) {
        total += CH_GLYPHS[digit][a].weight;
    }
    uint32_t ticket = ch_rng_below(rng, total);
    uint32_t chosen = 0;
    while (ticket >= CH_GLYPHS[digit][chosen].weight) {
        ticket -= CH_GLYPHS[digit][chosen].weight;
        chosen += 1;
    }
    return chosen;
}

static void writer_draw(writer *w, uint64_t seed, uint32_t client) {
    ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_WRITER, 0, client);
    w->pose.slant = 0.10 + spread(&rng, SPREAD.slant);
    w->pose.turn = spread(&rng, SPREAD.turn);
    w->pose.width = BOX_WIDTH * ch_real_exp(spread(&rng, SPREAD.width));
    w->pose.height = BOX_HEIGHT * ch_real_exp(spread(&rng, SPREAD.height));
    w->pose.waist = spread(&rng, SPREAD.waist);
    w->pose.bend = spread(&rng, SPREAD.bend);
    w->pose.x = SIDE / 2.0 + spread(&rng, SPREAD.place);
    w->pose.y = SIDE / 2.0 + spread(&rng, SPREAD.place);
    w->roundness = 0.90 + 0.25 * ch_rng_unit(&rng);
    w->pen = PEN_RADIUS * ch_real_exp(spread(&rng, SPREAD.pen));
    w->edge = 0.8 + 0.7 * ch_rng_unit(&rng);
    w->ink = 0.80 + 0.20 * ch_rng_unit(&rng);
    w->slip = ch_real_exp(spread(&rng, SPREAD.sloppiness));
    for (uint32_t digit = 0; digit < 10; digit++) {
        w->allograph[digit] = allograph_choose(&rng, digit);
    }
    w->habits = ch_rng_next(&rng);
}

static pose pose_slip(const writer *w, ch_rng *rng) {
    pose p = w->pose;
    p.slant += w->slip * spread(rng, SPREAD.slant_slip);
    p.turn += w->slip * spread(rng, SPREAD.turn_slip);
    p.width *= ch_real_exp(w->slip * spread(rng, SPREAD.width_slip));
    p.height *= ch_real_exp(w->slip * spread(rng, SPREAD.height_slip));
    p.waist += w->slip * spread(rng, SPREAD.waist_slip);
    p.x += spread(rng, SPREAD.place_slip);
    p.y += spread(rng, SPREAD.place_slip);
    return p;
}

/* ------------------------------------------------------------------------------------ points */

/*
 * From the unit box to pixels: proportions, slant, size, then a turn.
 *
 *   y' = y + waist y (1 - y),  x' = x + bend y (1 - y) + slant (1/2 - y)
 *   cos = (1 - t^2) / (1 + t^2),  sin = 2 t / (1 + t^2)           for a turn of 2 atan(t)
 */
static point pose_apply(const pose *p, double x, double y) {
    const double belly = y * (1 - y);
    const double v = (y + p->waist * belly - 0.5) * p->height;
    const double u = (x + p->bend * belly - 0.5) * p->width + p->slant * (0.5 - y) * p->height;
    const double t = p->turn;
    const double scale = 1 / (1 + t * t);
    const double cosine = (1 - t * t) * scale;
    const double sine = 2 * t * scale;
    return (point){.x = (float)(p->x + cosine * u - sine * v),
                   .y = (float)(p->y + sine * u + cosine * v)};
}

/*
 * How far points of a stroke are off, in deviations: neighbours go astray together, or curves would
 * get corners.
 *
 *   d_i = rho d_{i-1} + sqrt(1 - rho^2) z_i
 */
typedef struct stray {
    double x, y;
} stray;

static void stray_step(stray *d, ch_rng *rng) {
    static const double rho = 0.6;
    static const double fresh = 0.8; // sqrt(1 - rho^2)
    d->x = rho * d->x + fresh * ch_rng_normal(rng);
    d->y = rho * d->y + fresh * ch_rng_normal(rng);
}

static void points_place(point *out, const ch_glyph *glyph, const writer *w, const pose *p,
                         uint64_t habit, ch_rng *slips) {
    static const double wide = 1.3; // boxes are higher than wide
    ch_rng habits = ch_rng_stream(w->habits, CH_PURPOSE_WRITER, 1, habit);
    stray h = {.x = ch_rng_normal(&habits), .y = ch_rng_normal(&habits)};
    stray s = {.x = ch_rng_normal(slips), .y = ch_rng_normal(slips)};
    const double slip = w->slip * SPREAD.slip;
    for (uint32_t i = 0; i < glyph->count; i++) {
        stray_step(&h, &habits);
        stray_step(&s, slips);
        out[i] =
            pose_apply(p, (double)glyph->points[i].x + wide * (SPREAD.habit * h.x + slip * s.x),
                       (double)glyph->points[i].y + SPREAD.habit * h.y + slip * s.y);
    }
}

/* -------------------------------------------------------------------------------------- ink */

/* The pixels from low to high, kept inside the paper. */
static void pixel_range(float low, float high, int *first, int *end) {
    *first = low <= 0 ? 0 : low >= SIDE ? SIDE : (int)low;
    *end = high <= 0 ? 0 : high >= SIDE ? SIDE : (int)high + 1;
}

/*
 * Inks one straight line: a pixel's ink is 1 inside the pen's radius and fades to 0 over the edge.
 *
 *   ink = clamp((reach - d) / edge, 0, 1),  reach = radius + edge / 2,  d = |p - segment|
 */
static void line_ink(float *paper, point a, point b, float reach, float edge) {
    const float dx = b.x - a.x;
    const float dy = b.y - a.y;
    const float squared = dx * dx + dy * dy;
    const float inverse = squared > 1e-12F ? 1 / squared : 0;
    const float slope = 1 / edge;
    int left;
    int right;
    int top;
    int bottom;
    pixel_range((a.x < b.x ? a.x : b.x) - reach, (a.x > b.x ? a.x : b.x) + reach, &left, &right);
    pixel_range((a.y < b.y ? a.y : b.y) - reach, (a.y > b.y ? a.y : b.y) + reach, &top, &bottom);
    for (int y = top; y < bottom; y++) {
        const float py = (float)y + 0.5F - a.y;
        for (int x = left; x < right; x++) {
            const float px = (float)x + 0.5F - a.x;
            float t = (px * dx + py * dy) * inverse;
            t = t < 0 ? 0 : t;
            t = t > 1 ? 1 : t;
            const float ex = px - t * dx;
            const float ey = py - t * dy;
            const float ink = (reach - sqrtf(ex * ex + ey * ey)) * slope;
            float *pixel = paper + (ptrdiff_t)y * SIDE + x;
            *pixel = ink > *pixel ? ink : *pixel;
        }
    }
}

/* The pen's direction at point i, times roundness: zero-length at corners, one-sided at ends. */
static point tangent_at(const point *at, const ch_glyph *glyph, uint32_t i, bool leaving,
                        float roundness) {
    const bool first = glyph->points[i].mark == CH_GLYPH_DOWN;
    const bool last = i + 1 == glyph->count || glyph->points[i + 1].mark == CH_GLYPH_DOWN;
    const bool corner = glyph->points[i].mark == CH_GLYPH_CORNER;
    const uint32_t from = first || (corner && leaving) ? i : i - 1;
    const uint32_t to = last || (corner && !leaving) ? i : i + 1;
    const float scale = to - from == 2 ? 0.5F * roundness : roundness;
    return (point){.x = scale * (at[to].x - at[from].x), .y = scale * (at[to].y - at[from].y)};
}

/*
 * Draws the curve from point i to i + 1: the cubic with the given ends and tangents.
 *
 *   p(t) = (2t^3 - 3t^2 + 1) a + (t^3 - 2t^2 + t) m + (3t^2 - 2t^3) b + (t^3 - t^2) n
 */
static void curve_ink(float *paper, const point *at, const ch_glyph *glyph, uint32_t i,
                      const writer *w, float reach) {
    const point a = at[i];
    const point b = at[i + 1];
    const point m = tangent_at(at, glyph, i, true, (float)w->roundness);
    const point n = tangent_at(at, glyph, i + 1, false, (float)w->roundness);
    point previous = a;
    for (int piece = 1; piece <= PIECES; piece++) {
        const float t = (float)piece / PIECES;
        const float t2 = t * t;
        const float t3 = t2 * t;
        const float ha = 2 * t3 - 3 * t2 + 1;
        const float hm = t3 - 2 * t2 + t;
        const float hn = t3 - t2;
        const point next = {.x = ha * a.x + hm * m.x + (1 - ha) * b.x + hn * n.x,
                            .y = ha * a.y + hm * m.y + (1 - ha) * b.y + hn * n.y};
        line_ink(paper, previous, next, reach, (float)w->edge);
        previous = next;
    }
}

static void paper_scan(uint8_t *bytes, const float *paper, float ink) {
    for (int i = 0; i < PIXELS; i++) {
        const float full = paper[i] > 1 ? 1 : paper[i];
        bytes[i] = (uint8_t)(full * ink * 255 + 0.5F);
    }
}

static void digit_draw(uint8_t *bytes, uint32_t digit, const writer *w, ch_rng *rng) {
    const bool departs = ch_rng_unit(rng) < OTHER_ALLOGRAPH;
    const uint32_t allograph = departs ? allograph_choose(rng, digit) : w->allograph[digit];
    const ch_glyph *glyph = &CH_GLYPHS[digit][allograph];
    const pose p = pose_slip(w, rng);
    const double radius = w->pen * ch_real_exp(spread(rng, SPREAD.pen_slip));
    point at[CH_GLYPH_POINTS_MAX] = {{0}};
    points_place(at, glyph, w, &p, digit * CH_GLYPH_ALLOGRAPHS_MAX + allograph, rng);
    float paper[PIXELS] = {0};
    for (uint32_t i = 0; i + 1 < glyph->count; i++) {
        if (glyph->points[i + 1].mark != CH_GLYPH_DOWN) {
            curve_ink(paper, at, glyph, i, w, (float)(radius + w->edge / 2));
        }
    }
    paper_scan(bytes, paper, (float)w->ink);
}

static void digits_draw(const ch_generator *g, uint32_t client, uint32_t count,
                        const ch_drawing *out) {
    writer w;
    writer_draw(&w, g->seed, client);
    for (uint32_t i = 0; i < count; i++) {
        ch_rng rng = ch_rng_stream(g->seed, CH_PURPOSE_GLYPH, i, client);
        out->labels[i] = ch_rng_below(&rng, 10);
        digit_draw(out->bytes + (size_t)i * PIXELS, out->labels[i], &w, &rng);
    }
}

const ch_generator_ops ch_generator_digits = {
    .name = "digits",
    .about = "drawn handwriting: 28 x 28 grey, 10 classes; one writer a client; no download",
    .shape = {.height = SIDE, .width = SIDE, .channels = 1},
    .classes = 10,
    .is_bytes = true,
    .draw = digits_draw,
};
