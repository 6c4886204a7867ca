/* The table of algorithms: see algorithm.h. */
#include "fl/algorithm.h"

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>
#include <string.h>

static const ch_algorithm_ops *const ALGORITHMS[] = {
    &ch_algorithm_fedavg,     &ch_algorithm_fedavgm, &ch_algorithm_fedprox,
    &ch_algorithm_fedadagrad, &ch_algorithm_fedadam, &ch_algorithm_fedyogi,
};

const ch_algorithm_ops *ch_algorithm_find(const char *name, choir_error *err) {
    char known[CH_TEXT_LIST_MAX] = "";
    for (size_t i = 0; i < sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]); i++) {
        ch_text_list(known, sizeof(known), ALGORITHMS[i]->name);
        if (name != NULL && strcmp(ALGORITHMS[i]->name, name) == 0) {
            return ALGORITHMS[i];
        }
    }
    (void)ch_error_set(err, CHOIR_EINVAL, "algorithm: '%.40s' is unknown; known: %s",
                       name == NULL ? "" : name, known);
    return NULL;
}

void ch_algorithm_begin(const ch_algorithm_ops *ops, const ch_algorithm_options *o, float *state,
                        uint32_t dim) {
    if (ops->begin != NULL) {
        ops->begin(o, state, dim);
    } else {
        memset(state, 0, (size_t)dim * ops->state_per_param * sizeof(state[0]));
    }
}
