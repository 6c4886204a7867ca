/*
 * Generator: a source that draws examples instead of reading them.
 *
 * What client k holds is a pure function of (seed, k), so nothing has to be stored: a million
 * clients cost nothing until one is asked for, and any thread may ask. How many examples a client
 * holds is unbalanced and likewise a pure function.
 */
#ifndef CH_DATA_GENERATOR_H
#define CH_DATA_GENERATOR_H

#include "choir/status.h"
#include "data/examples.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct ch_generator ch_generator;

/* Where one client's examples go: bytes or reals, as the generator's row says. */
typedef struct ch_drawing {
    uint8_t *bytes;   // (count, features) or NULL
    float *reals;     // (count, features) or NULL
    uint32_t *labels; // (count)
} ch_drawing;

typedef struct ch_generator_ops {
    const char *name;
    const char *about; // one line, for "choir data list"
    ch_shape shape;
    uint32_t classes;
    bool is_bytes;       // pixels, else reals
    uint32_t parameters; // numbers in "name(a,b)", at most 2
    double defaults[2];

    /* Draws the first count examples of a client. Thread-safe. */
    void (*draw)(const ch_generator *g, uint32_t client, uint32_t count, const ch_drawing *out);
} ch_generator_ops;

struct ch_generator {
    const ch_generator_ops *ops;
    uint64_t seed;
    uint32_t mean;       // examples a client, on average; 1 .. CH_GENERATOR_MEAN_MAX
    double parameter[2]; // what stood in the parentheses
};

#define CH_GENERATOR_MEAN_MAX UINT32_C(1000000)

/* Clients from here on are nobody's: the central test set is drawn from them. */
#define CH_GENERATOR_UNSEEN (UINT32_C(1) << 31)

extern const ch_generator_ops ch_generator_digits;
extern const ch_generator_ops ch_generator_synthetic;

/* Every generator, for lists and tests. */
extern const ch_generator_ops *const CH_GENERATORS[];
extern const size_t CH_GENERATORS_COUNT;

/*
 * Parses "digits" or "synthetic(0.5,1)".
 *
 * Returns OK; EINVAL when the name is a generator's and the numbers are not its parameters;
 * EAGAIN when the text names no generator. seed and mean are the caller's to set.
 */
CHOIR_NODISCARD choir_status ch_generator_parse(ch_generator *out, const char *text,
                                                choir_error *err);

/*
 * How many examples client k holds: log-normal around the mean with sigma 0.5, clamped to
 * [mean / 4, 4 mean] and at least 1. Thread-safe.
 */
uint32_t ch_generator_count(const ch_generator *g, uint32_t client);

/* What no client's count exceeds. */
uint32_t ch_generator_count_max(const ch_generator *g);

#endif
