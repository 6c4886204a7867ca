/*
 * Units: figures as people write them, for terminals and pages alike.
 *
 * Three significant digits where a figure is read, all digits where it is counted. Whatever the
 * value (negative, huge, not a number), out holds a short text that ends in a zero.
 */
#ifndef CH_REPORT_UNITS_H
#define CH_REPORT_UNITS_H

#include <stdint.h>

enum { CH_UNITS_MAX = 32 }; // bytes that any of these texts fits in, its zero included

/* "0 B", "812 B", "1.66 MB", "12.3 GB": powers of 1000. */
void ch_units_bytes(char out[CH_UNITS_MAX], uint64_t bytes);

/* "42 ms", "4.2 s", "42 s", "3 min 05 s", "2 h 14 min", "3 d 4 h"; "-" unless >= 0 and finite. */
void ch_units_seconds(char out[CH_UNITS_MAX], double seconds);

/* "97.42 %" of a share in [0, 1]; "-" when it is not finite. */
void ch_units_share(char out[CH_UNITS_MAX], double share);

/* "1,663,370" */
void ch_units_count(char out[CH_UNITS_MAX], uint64_t count);

/* "0.0931", "12.3", "1.2e+06": a loss; "not finite" for NaN and infinity. */
void ch_units_loss(char out[CH_UNITS_MAX], double loss);

/* "3.2 rounds/s", "4.2 s/round": whichever reads better; "-" unless > 0 and finite. */
void ch_units_rate(char out[CH_UNITS_MAX], double rounds_per_s);

#endif
