/* The table of samplers: see sampler.h. */
#include "fl/sampler.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/text.h"

#include <string.h>

static const ch_sampler_ops *const SAMPLERS[] = {
    &ch_sampler_fixed,
    &ch_sampler_poisson,
};

choir_status ch_sampler_init(ch_sampler *s, const char *name, uint32_t clients, double rate,
                             uint64_t seed, choir_error *err) {
    if (clients == 0 || clients > UINT32_C(1) << CH_CLIENTS_BITS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "sampler: %u clients, but there must be 1 to 2^31",
                            clients);
    }
    if (!(rate > 0 && rate <= 1)) { // also refuses NaN
        return ch_error_set(err, CHOIR_EINVAL, "sampler: sample_rate is %g, must be in (0, 1]",
                            rate);
    }
    char known[CH_TEXT_LIST_MAX] = "";
    for (size_t i = 0; i < sizeof(SAMPLERS) / sizeof(SAMPLERS[0]); i++) {
        ch_text_list(known, sizeof(known), SAMPLERS[i]->name);
        if (name != NULL && strcmp(SAMPLERS[i]->name, name) == 0) {
            *s = (ch_sampler){.ops = SAMPLERS[i], .clients = clients, .rate = rate, .seed = seed};
            s->cohort_max = s->ops->cohort_max(clients, rate);
            return CHOIR_OK;
        }
    }
    return ch_error_set(err, CHOIR_EINVAL, "sampler: '%.40s' is unknown; known: %s",
                        name == NULL ? "" : name, known);
}

uint32_t ch_sampler_draw(const ch_sampler *s, ch_purpose purpose, uint32_t round, uint32_t *out,
                         uint32_t *scratch) {
    ch_rng rng = ch_rng_stream(s->seed, purpose, round, 0);
    const uint32_t count = s->ops->draw(s, &rng, out, scratch);
    CH_ASSERT(count <= s->cohort_max);
    return count;
}
