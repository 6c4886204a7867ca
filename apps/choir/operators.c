/* What the commands for a server's operator share: see operators.h. */
#include "operators.h"

#include <math.h>
#include <stdlib.h>

void answer_line(FILE *out, const json_t *root) {
    char *text = json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII);
    (void)fprintf(out, "%s\n", text == NULL ? "{}" : text);
    free(text);
}

double answer_real(const json_t *root, const char *key) {
    const json_t *value = json_object_get(root, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

const char *answer_text(const json_t *root, const char *key) {
    const char *text = json_string_value(json_object_get(root, key));
    return text == NULL ? "-" : text;
}
