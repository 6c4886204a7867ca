/* Metrics rows as lines of metrics.jsonl and metrics.csv. Shared only inside the store. */
#ifndef CH_STORE_METRICS_ROW_H
#define CH_STORE_METRICS_ROW_H

#include "store/metrics_log.h"

enum { CH_METRICS_LINE_MAX = 4096 }; // bytes of a line, with its newline and a zero

/* All counts zero, everything that is measured NaN. */
ch_metrics_row ch_metrics_row_empty(void);

/* The row as a line that ends in a newline and a zero. Returns its length without the zero. */
size_t ch_metrics_row_json(char line[CH_METRICS_LINE_MAX], const ch_metrics_row *row);
size_t ch_metrics_row_csv(char line[CH_METRICS_LINE_MAX], const ch_metrics_row *row);

/* The first line of metrics.csv: the columns' names. */
size_t ch_metrics_csv_head(char line[CH_METRICS_LINE_MAX]);

/*
 * Reads a line of metrics.jsonl.
 *
 * where  what messages start with: "metrics.jsonl:7"
 * Returns OK, or EPROTO when it is not a row.
 */
CHOIR_NODISCARD choir_status ch_metrics_row_read(ch_metrics_row *out, const char *line, size_t size,
                                                 const char *where, choir_error *err);

#endif
