/* Fields of log lines from anybody: the line is one JSON object that nothing was added to. */
#include "base/log_json.h"

#include "base/assert.h"

#include <jansson.h>
#include <string.h>

enum { FIELDS_MAX = 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char line[CH_LOG_JSON_MAX];
    char fields[FIELDS_MAX] = {0};
    memcpy(fields, data, size < FIELDS_MAX ? size : FIELDS_MAX - 1);
    const size_t length = ch_log_json(line, 0, "info", "it", fields);
    CH_ASSERT(length > 0 && length < CH_LOG_JSON_MAX);
    CH_ASSERT(strlen(line) == length);
    CH_ASSERT(strchr(line, '\n') == line + length - 1);
    json_t *root = json_loadb(line, length, 0, NULL);
    // what reads as a number and is beyond a double is one in JSON all the same
    if (root == NULL) {
        json_error_t why;
        root = json_loadb(line, length, JSON_DECODE_INT_AS_REAL, &why);
        CH_ASSERT(root != NULL || strstr(why.text, "overflow") != NULL);
    }
    json_decref(root);
    return 0;
}
