/* The table of algorithms: see algorithm.h. */
#include "fl/algorithm.h"

#include "base/error.h"

#include <stddef.h>
#include <string.h>

static const ch_algorithm_ops *const ALGORITHMS[] = {
    &ch_algorithm_fedavg,
    &ch_algorithm_fedavgm,
};

const ch_algorithm_ops *ch_algorithm_find(const char *name, choir_error *err) {
    for (size_t i = 0; i < sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]); i++) {
        if (name != NULL && strcmp(ALGORITHMS[i]->name, name) == 0) {
            return ALGORITHMS[i];
        }
    }
    (void)ch_error_set(err, CHOIR_EINVAL, "algorithm: '%.40s' is unknown; known: fedavg, fedavgm",
                       name == NULL ? "" : name);
    return NULL;
}
