/* Fuzz target: any bytes as an experiment's file. What is accepted has rows, columns and rates. */
#include "paper/experiment.h"

#include "base/assert.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ch_paper_experiment e; // large

static void line_check(const ch_paper_line *line) {
    CH_ASSERT(line->sets_count <= CH_PAPER_SETS_MAX);
    CH_ASSERT(ch_text_is_printable(line->label));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    choir_error err;
    if (ch_paper_experiment_parse(&e, (const char *)data, size, "dir/input.yaml", &err) ==
        CHOIR_OK) {
        CH_ASSERT(e.rows_count > 0 && e.rows_count <= CH_PAPER_ROWS_MAX);
        CH_ASSERT(e.columns_count > 0 && e.columns_count <= CH_PAPER_COLUMNS_MAX);
        for (uint32_t i = 0; i < e.rows_count; i++) {
            line_check(&e.rows[i]);
        }
        for (uint32_t k = 0; k < e.columns_count; k++) {
            int32_t start[CH_PAPER_START_MAX];
            line_check(&e.columns[k]);
            CH_ASSERT(ch_paper_start(start, &e, k) > 0);
            CH_ASSERT(ch_paper_rounds(&e, 0, k) > 0);
        }
    }
    return 0;
}
