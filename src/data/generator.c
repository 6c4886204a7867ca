/* The table of generators, their names and their clients' sizes; see generator.h. */
#include "data/generator.h"

#include "base/error.h"
#include "base/real.h"
#include "base/text.h"
#include "data/deviates.h"

#include <string.h>

const ch_generator_ops *const CH_GENERATORS[] = {&ch_generator_digits, &ch_generator_synthetic};
const size_t CH_GENERATORS_COUNT = sizeof(CH_GENERATORS) / sizeof(CH_GENERATORS[0]);

static const double SIZE_SIGMA = 0.5;

/* Reads "(a,b)" after the name; false when it is anything else. */
static bool parameters_parse(ch_generator *g, const char *text) {
    for (uint32_t i = 0; i < g->ops->parameters; i++) {
        if (*text != (i == 0 ? '(' : ',')) {
            return false;
        }
        text += 1 + strspn(text + 1, " ");
        char number[CH_TEXT_NUMBER_MAX];
        const size_t size = strcspn(text, ",)");
        if (size >= sizeof(number)) {
            return false;
        }
        memcpy(number, text, size);
        number[size] = '\0';
        if (!ch_text_read_f64(&g->parameter[i], number) || g->parameter[i] < 0 ||
            g->parameter[i] > 100) {
            return false;
        }
        text += size;
    }
    return strcmp(text, ")") == 0;
}

choir_status ch_generator_parse(ch_generator *out, const char *text, choir_error *err) {
    const size_t name_size = strcspn(text, "(");
    for (size_t i = 0; i < CH_GENERATORS_COUNT; i++) {
        const ch_generator_ops *ops = CH_GENERATORS[i];
        if (strlen(ops->name) != name_size || memcmp(ops->name, text, name_size) != 0) {
            continue;
        }
        ch_generator g = {.ops = ops};
        memcpy(g.parameter, ops->defaults, sizeof(g.parameter));
        if (text[name_size] != '\0' && !parameters_parse(&g, text + name_size)) {
            return ch_error_set(err, CHOIR_EINVAL,
                                ops->parameters == 0
                                    ? "data.source: '%s': %s takes no parameters"
                                    : "data.source: '%s': %s takes two numbers in [0, 100], "
                                      "as in synthetic(0.5,0.5)",
                                text, ops->name);
        }
        *out = g;
        return CHOIR_OK;
    }
    return CHOIR_EAGAIN;
}

uint32_t ch_generator_count_max(const ch_generator *g) {
    return 4 * g->mean;
}

uint32_t ch_generator_count(const ch_generator *g, uint32_t client) {
    // E[exp(mu + sigma z)] = mean  for  mu = ln(mean) - sigma^2 / 2
    ch_rng rng = ch_rng_stream(g->seed, CH_PURPOSE_DATA, 0, client);
    const double mu = ch_real_log(g->mean) - 0.5 * SIZE_SIGMA * SIZE_SIGMA;
    const double size = ch_real_exp(mu + SIZE_SIGMA * ch_rng_normal(&rng)) + 0.5;
    const uint32_t least = g->mean < 4 ? 1 : g->mean / 4;
    const uint32_t most = ch_generator_count_max(g);
    if (size <= least) {
        return least;
    }
    return size >= most ? most : (uint32_t)size;
}
