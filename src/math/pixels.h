/*
 * Pixels: bytes become the numbers that a net reads.
 *
 * x = byte * (1/255) in fp32: one multiplication a pixel, at most one unit in the last place from
 * the quotient, and the same bits on every CPU.
 */
#ifndef CH_MATH_PIXELS_H
#define CH_MATH_PIXELS_H

#include <stddef.h>
#include <stdint.h>

/* x (count) from bytes (count), both at any address. */
void ch_pixels_scale(float *x, const uint8_t *bytes, size_t count);

#endif
