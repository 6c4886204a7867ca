/*
 * Examples: what a device has collected to train on, in a file of its own that outlives the app.
 *
 *     const choir_examples_form form = {CHOIR_FEATURES_PIXELS, 28, 28, 1, 10};
 *     options.form = &form;
 *     choir_examples_open(&e, "letters.db", &options, &env, &err);
 *     choir_examples_add(e, &example, 1, &err);        // whenever there is one
 *     choir_examples_expire(e, now_ms, NULL, &err);    // now and then
 *     choir_examples_close(e);
 *
 * The file is an SQLite database; NAME-wal and NAME-shm beside it are parts of it. Its owner alone
 * can read it, and nothing in it goes anywhere but into training. What was added is on the disk
 * when the call returns, whenever the process is killed. One process writes at a time, and the next
 * waits for it; others may read meanwhile.
 *
 * It does not grow beyond its limits: the examples that were added first go first. What is removed
 * is overwritten with zeros. docs/examples.md has the format, and what that does for privacy.
 *
 * choir/device.h trains on it. Single-threaded; each process or thread opens its own.
 */
#ifndef CHOIR_EXAMPLES_H
#define CHOIR_EXAMPLES_H

#include "choir/env.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choir_examples choir_examples;

typedef enum choir_feature_kind {
    CHOIR_FEATURES_REALS,  // fp32, as the model is to see them: scaling is the host's
    CHOIR_FEATURES_PIXELS, // a byte each, of which the model sees byte / 255
} choir_feature_kind;

/* What every example of a store looks like. */
typedef struct choir_examples_form {
    choir_feature_kind kind;
    uint32_t height; // a picture's; a flat row of n features is 1 x 1 x n, and there are at most
    uint32_t width;  // 2^20 of them
    uint32_t channels;
    uint32_t classes; // labels are below, at most 2^16; 0: there is a number to predict instead
} choir_examples_form;

typedef struct choir_example {
    const void *features; // (height, width, channels) float or uint8_t; borrowed
    uint32_t label;       // where the form has classes
    float target;         // where it has none
    uint64_t at_ms;       // when it was collected, in milliseconds since 1970
} choir_example;

typedef struct choir_examples_options {
    const choir_examples_form
        *form;           // of a store that is to be made, and that one that is there must
                         // have; borrowed for the call; NULL, the default: as it is
    uint64_t rows_max;   // limits, which the store keeps: examples, default 10 000,
    uint64_t bytes_max;  // bytes of their features, default 64 MiB,
    uint64_t age_max_ms; // and how old they may get, default: any. 0, the default here: as the
                         // store has them
    bool is_reader;      // it must be there, and nothing can be added or removed; default false
} choir_examples_options;

choir_examples_options choir_examples_defaults(void);

/*
 * Opens a store, or makes one. Reads all of it once, to see that its structure is whole.
 *
 * path  of the file; copied, with at most 511 bytes
 * env   copied
 *
 * Returns OK and an object to close; EINVAL for options, for a store that is of another form, and
 * when one is to be made without a form; EPROTO when the file is damaged, another program's or a
 * later choir's, and then nothing was changed; EIO when it cannot be read or written; ENOMEM.
 * *out == NULL on failure.
 */
CHOIR_NODISCARD choir_status choir_examples_open(choir_examples **out, const char *path,
                                                 const choir_examples_options *options,
                                                 const choir_env *env, choir_error *err);

/* Accepts NULL. */
void choir_examples_close(choir_examples *e);

/* Borrowed until it is closed. */
const choir_examples_form *choir_examples_form_of(const choir_examples *e);

/* Bytes of one example's features. */
uint32_t choir_examples_bytes(const choir_examples *e);

/*
 * Adds (count) examples, all or none, and removes the oldest beyond the limits on rows and bytes.
 *
 * Returns OK; EINVAL for a feature or target that is not finite, a label that is no class, a time
 * beyond 2^63, or a reader; EIO when the disk is full or may not be written, or others write for
 * longer than two seconds; EPROTO when the file is damaged; ENOMEM.
 */
CHOIR_NODISCARD choir_status choir_examples_add(choir_examples *e, const choir_example *examples,
                                                uint32_t count, choir_error *err);

/*
 * Removes what is older than the limit on age, and gives the file's free room back to the disk.
 *
 * now_ms   milliseconds since 1970; a clock that was set back only makes examples last longer
 * removed  out: how many; may be NULL
 *
 * Returns as _add.
 */
CHOIR_NODISCARD choir_status choir_examples_expire(choir_examples *e, uint64_t now_ms,
                                                   uint64_t *removed, choir_error *err);

typedef struct choir_examples_summary {
    uint64_t count;
    uint64_t bytes;    // of their features
    uint64_t first_id; // of those that are there, 0 when there is none; ids are from 1, go up, and
    uint64_t last_id;  // are never given again
    uint64_t oldest_ms;
    uint64_t newest_ms;
    uint64_t rows_max;
    uint64_t bytes_max;
    uint64_t age_max_ms; // UINT64_MAX: any
} choir_examples_summary;

/* What it holds. Returns OK; EPROTO, EIO, ENOMEM as above. */
CHOIR_NODISCARD choir_status choir_examples_count(choir_examples *e, choir_examples_summary *out,
                                                  choir_error *err);

/*
 * Calls each for the examples from an id on, at most limit, in the order in which they were added:
 * as they are at one moment, whatever is added or removed meanwhile.
 *
 * each  example is borrowed while it runs; must not use the store
 *
 * Returns OK; EPROTO when an example is damaged, which each is then not called for; EIO, ENOMEM.
 */
CHOIR_NODISCARD choir_status choir_examples_read(choir_examples *e, uint64_t from_id,
                                                 uint64_t limit,
                                                 void (*each)(void *self, uint64_t id,
                                                              const choir_example *example),
                                                 void *self, choir_error *err);

#ifdef __cplusplus
}
#endif

#endif
