/*
 * PNG: a small picture as the bytes of a PNG file, compressed by zlib.
 *
 * Eight bits a channel, no filter, no interlacing: a few sample pictures on a page need no more.
 *
 * Source: "Portable Network Graphics (PNG) Specification (Second Edition)", ISO/IEC 15948:2003.
 */
#ifndef CH_REPORT_PNG_H
#define CH_REPORT_PNG_H

#include "report/draft.h"

/*
 * Appends a data URI, "data:image/png;base64,...", to d.
 *
 * pixels    (height, width, channels) row by row
 * channels  1: grey, 3: red, green, blue, 4: and opacity
 *
 * Sizes are 1 .. 4096. Out of memory is d's to tell.
 */
void ch_png_put(ch_draft *d, const uint8_t *pixels, uint32_t height, uint32_t width,
                uint32_t channels);

#endif
