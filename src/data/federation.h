/*
 * Federation: the clients of a job and what each of them holds.
 *
 * Two kinds behind one face: a data set in memory dealt out by a partitioner, and a generated
 * source that draws a client's examples when they are asked for, so that a million clients cost
 * nothing until sampled. The split into training and held-out examples is part of it.
 */
#ifndef CH_DATA_FEDERATION_H
#define CH_DATA_FEDERATION_H

#include "choir/env.h"
#include "choir/job.h"
#include "data/encoding.h"
#include "data/examples.h"
#include "data/preprocess.h"

#include <stdbool.h>

struct ch_dataset;

typedef enum ch_split {
    CH_SPLIT_TRAIN,
    CH_SPLIT_HELDOUT, // of the same client, never trained on
} ch_split;

typedef struct ch_federation ch_federation;

/* What natural leaves out. */
typedef struct ch_left_out {
    uint32_t groups;   // beyond data.clients
    uint32_t examples; // of theirs
    uint32_t idle;     // groups without an example to train on
    uint32_t of;       // groups that there are
} ch_left_out;

/* One worker's room for examples that are generated on demand; not touched, and may be NULL, when
 * the federation is in memory. */
typedef struct ch_scratch ch_scratch;

/*
 * Opens the job's data set, deals it out, and splits every client's share.
 *
 * reading  how; NULL: to train on. Of one that is for its test set alone there are no clients
 * seed     of partitions, splits and generators
 * err      what is missing or malformed, where, and what to do
 *
 * Returns OK and an object to destroy; EINVAL for options that do not fit the data, EIO for files
 * that cannot be read, EPROTO for files that are not what they should be, ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_federation_open(ch_federation **out, const choir_job_data *options,
                                                const ch_reading *reading, uint64_t seed,
                                                const choir_env *env, choir_error *err);

/*
 * The same for one client of it alone: a federation of one, whose client 0 holds in both splits, in
 * the same order, what client holds in the whole, in memory; it has no test set. What else had to
 * be read is given back, and what is drawn client by client is not drawn for the others.
 *
 * options->clients  unless it is 0, as many as there must be
 * reading           not one for the test set alone
 *
 * Returns as ch_federation_open; EINVAL also when the data has another number of clients, or none
 * of this number.
 */
CHOIR_NODISCARD choir_status ch_federation_open_client(ch_federation **out,
                                                       const choir_job_data *options,
                                                       const ch_reading *reading, uint32_t client,
                                                       uint64_t seed, const choir_env *env,
                                                       choir_error *err);

/*
 * A federation of one client that holds the training table of a data set: held-out rows, and the
 * others to train on, in their order. It has no test set.
 *
 * dataset     moved, whatever is returned
 * is_heldout  (dataset->train.count)
 * options     of which crop and preprocess matter
 * name        stands for the data in messages
 *
 * Returns OK and an object to destroy; EINVAL when one of these does not fit; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_federation_of_dataset(
    ch_federation **out, struct ch_dataset *dataset, const bool *is_heldout,
    const choir_job_data *options, const char *name, const choir_env *env, choir_error *err);

/* Bytes that it claims beside the data set, at most. */
size_t ch_federation_dataset_bytes(uint32_t rows);

/*
 * Lays the examples of every client side by side in memory, where they are all in memory: training
 * reads them from one place. Nothing else changes: clients hold the same in the same order.
 * Returns OK or ENOMEM, and then all is as before.
 */
CHOIR_NODISCARD choir_status ch_federation_arrange(ch_federation *f);

/* Accepts NULL. */
void ch_federation_destroy(ch_federation *f);

uint32_t ch_federation_clients(const ch_federation *f);

/* Shape of every example as a model reads it, cropped when the job says so, and classes. */
ch_shape ch_federation_shape(const ch_federation *f);
uint32_t ch_federation_classes(const ch_federation *f);

/* What is done to an example before a model reads it. Where data.crop keeps a part that is drawn
 * anew for every step, and where pictures stay in files, the tables are of whole pictures.
 * Borrowed.
 */
const ch_preprocess *ch_federation_preprocess(const ch_federation *f);

/* Bytes of one input where they stay in files, and are read when they are used; 0: all examples are
 * in memory. */
size_t ch_federation_input_bytes(const ch_federation *f);

/* What a label, below classes, is called: printable; NULL when it has no name but its number.
 * Borrowed. */
const char *ch_federation_name(const ch_federation *f, uint32_t label);

/* How a CSV file was encoded, as ch_encoding_write; NULL when the examples are of no such file.
 * Borrowed. */
const char *ch_federation_encoding(const ch_federation *f);

/* Whether its examples are sequences of tokens, of which the shape's channels are the most that one
 * predicts. */
bool ch_federation_is_text(const ch_federation *f);

/* Lines of text, of all clients and the test set, that were cut into several examples. */
uint32_t ch_federation_cut(const ch_federation *f);

/* Groups that are no clients, and the examples that nobody holds for it. */
ch_left_out ch_federation_left_out(const ch_federation *f);

/* The central test set; count 0 when the data set has none. Borrowed. */
const ch_examples *ch_federation_test(const ch_federation *f);

/* All training examples of a data set in memory (held-out ones are not among them), for a central
 * baseline; count 0 when clients are drawn on demand. Borrowed. */
const ch_holding *ch_federation_pooled(const ch_federation *f);

/* Marks the examples in memory that a client holds, in either split: is_held (count of the table of
 * the pooled). Returns how many they are. */
uint32_t ch_federation_held(const ch_federation *f, bool *is_held);

/* How many examples a client has in a split. O(1), thread-safe. */
uint32_t ch_federation_count(const ch_federation *f, uint32_t client, ch_split split);

/* The most that any client has in a split, or, drawn on demand, can have: what buffers must hold.
 */
uint32_t ch_federation_count_max(const ch_federation *f, ch_split split);

/* How many of a client's training examples have each label, or, of text, how often each token is to
 * be predicted: (classes) counts. scratch as below. */
CHOIR_NODISCARD choir_status ch_federation_labels(const ch_federation *f, uint32_t client,
                                                  ch_scratch *scratch, uint32_t *counts);

/* Claims room for any client's examples; next to nothing when they are in memory. ENOMEM. */
CHOIR_NODISCARD choir_status ch_scratch_create(ch_scratch **out, const ch_federation *f,
                                               const choir_env *env);

/* Bytes of it where examples are in memory. */
size_t ch_scratch_bytes(void);

/* Accepts NULL. */
void ch_scratch_destroy(ch_scratch *s);

/*
 * One client's examples; valid until scratch is used again. Different scratches may be used by
 * different threads. Returns OK; EAGAIN when it holds none.
 */
CHOIR_NODISCARD choir_status ch_federation_holding(const ch_federation *f, uint32_t client,
                                                   ch_split split, ch_scratch *scratch,
                                                   ch_holding *out);

#endif
