/* Fuzz target: any bytes as metrics.jsonl. What is accepted has its rounds in order. */
#include "store/metrics_log.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const choir_env env = choir_env_default();
    ch_metrics_table table;
    choir_error err;
    if (ch_metrics_parse(&table, (const char *)data, size, "input", &env, &err) == CHOIR_OK) {
        for (uint32_t i = 1; i < table.count; i++) {
            CH_ASSERT(table.rows[i - 1].round < table.rows[i].round);
        }
    }
    ch_metrics_table_release(&table);
    return 0;
}
