/*
 * Job: the whole description of a run. Data, never code.
 *
 * An operator writes it as a YAML file; every key is one row of the options table in src/job, which
 * gives its unit, bounds, default and help. Texts are held inline, so a job is copied by assignment
 * and owns nothing.
 */
#ifndef CHOIR_JOB_H
#define CHOIR_JOB_H

#include "choir/policy.h"
#include "choir/sim.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CHOIR_NAME_MAX = 64,  // bytes, with the terminating zero, here and below
    CHOIR_PATH_MAX = 512, //
    CHOIR_TEXT_MAX = 128, //
};

/* What is trained. */
typedef struct choir_job_model {
    char name[CHOIR_NAME_MAX];   // a row of the zoo: "softmax", "mlp", "mnist-2nn", ...
    char hidden[CHOIR_NAME_MAX]; // mlp's hidden sizes: "200,200"
    char file[CHOIR_PATH_MAX];   // instead of a name: a safetensors file written by choir
    char init[CHOIR_PATH_MAX];   // parameters to start from: a safetensors file; "" = seeded
    char loss[CHOIR_NAME_MAX];   // "cross-entropy" | "mean-squared-error"
} choir_job_model;

/* On what, and who holds which. */
typedef struct choir_job_data {
    char source[CHOIR_PATH_MAX]; // a name of the datasets' table, or a path
    char dir[CHOIR_PATH_MAX];    // where named data sets are kept; "" = the user's data directory
    char partition[CHOIR_NAME_MAX];  // "iid" | "shards" | "dirichlet" | "similarity" | "quantity" |
                                     // "natural"
    uint32_t clients;                // K; for natural: the most to keep, 0 = all groups
    char holder[CHOIR_NAME_MAX];     // "clients", or one in place of all: "pooled" | "proxy"
    uint32_t shards;                 // shards: how many a client gets
    double alpha;                    // dirichlet: concentration; small = one label a client
    double similarity;               // similarity: share of the examples that is dealt evenly
    double power;                    // quantity: exponent of the size law
    uint32_t examples;               // generated sources: mean examples a client
    uint32_t test_examples;          // generated sources: size of the central test set
    double heldout;                  // share of every client's examples kept for its own evaluation
    uint32_t crop;                   // pictures: keep the middle crop x crop pixels; 0 = all
    uint32_t steps;                  // text: most predictions of an example; 0 = as it is read
    char speech[CHOIR_NAME_MAX];     // plays: "spoken" | "indented", with stage directions
    uint32_t vocabulary;             // messages: words that have a token of their own
    char proxy[CHOIR_NAME_MAX];      // messages: whose words these are, and who is no client
    char preprocess[CHOIR_TEXT_MAX]; // pictures: steps before the model, comma-separated
    uint32_t memory;                 // MiB of a table's inputs that are kept in memory; 0 = all
    char label[CHOIR_NAME_MAX];      // csv: label column, by name or number from 1; "" = the last
    char group[CHOIR_NAME_MAX];      // csv: group column of "natural"
    char categorical[CHOIR_TEXT_MAX]; // csv: columns to one-hot encode, comma-separated
    char drop[CHOIR_TEXT_MAX];        // csv: columns to leave out, comma-separated
    char task[CHOIR_NAME_MAX];        // csv: "classification" | "regression"
    double test_share; // csv, messages: share of rows that become the central test set
} choir_job_data;

/* Whom a hosted job takes, by what devices say of themselves; "": everybody. docs/job.md. */
typedef struct choir_job_select {
    char platform[CHOIR_NAME_MAX]; // this one
    char version[CHOIR_NAME_MAX];  // this one, or ">=1.4"
    char tags[CHOIR_TEXT_MAX];     // all of these, comma-separated
} choir_job_select;

typedef struct choir_job {
    char name[CHOIR_NAME_MAX];
    choir_job_model model;
    choir_job_data data;
    choir_job_select select;

    /* client.*: what a task asks for */
    uint32_t epochs;
    uint32_t batch_size;
    double client_learning_rate;
    double momentum;
    double weight_decay;
    double proximal_mu;

    char population[CHOIR_NAME_MAX]; // "closed" | "open"

    /* server.* */
    char algorithm[CHOIR_NAME_MAX];
    double server_learning_rate;
    double server_momentum;       // fedavgm
    double server_beta1;          // fedadam, fedyogi
    double server_beta2;          // likewise
    double server_tau;            // fedadagrad, fedadam, fedyogi
    double server_q;              // q-fedavg
    char sampler[CHOIR_NAME_MAX]; // closed
    double sample_rate;           // closed
    uint32_t goal;                // open: reports that close a round; 0 in a closed population
    double over_selection;        // open
    uint32_t rounds_between;      // open
    uint32_t rounds;
    uint32_t evaluation_every; // applied rounds between evaluations by clients; 0 = never
    double target_accuracy;    // stop when the central test accuracy reaches it; 0 = run all rounds
    double deadline_s;         // virtual seconds
    uint32_t quorum;
    uint32_t examples_max;
    double update_norm_max;
    double coordinate_max;
    bool announce;       // clients ask before they send an update; as it is parsed, an open
                         // population's do unless it says that they do not
    bool retain_updates; // a server keeps each update that is counted, and not their sum alone

    /* schedule.* */
    char schedule_learning_rate[CHOIR_NAME_MAX];
    char schedule_epochs[CHOIR_NAME_MAX];
    char schedule_batch_size[CHOIR_NAME_MAX];

    char chain[CHOIR_CHAIN_TEXT_MAX];
    choir_network network;        // network.*
    uint32_t evaluate_every;      // rounds between evaluations; the last round is always evaluated
    uint32_t evaluate_clients;    // clients whose held-out data are evaluated, 0 = all
    uint32_t checkpoint_every;    // rounds between checkpoints
    char backend[CHOIR_NAME_MAX]; // kernels: "auto", or the one the job requires
    uint64_t seed;
} choir_job;

/* Every key at its default. */
choir_job choir_job_defaults(void);

/*
 * Reads a YAML job file over the defaults.
 *
 * overrides  (count) "key=value" texts that win over the file, e.g. "client.epochs=5"
 * err        one sentence with file, line, key, value and what would be right
 *
 * Returns OK; EINVAL for an unknown key (err names the nearest known one), a wrong type, a value
 * out of bounds, or text that is not YAML; EIO when the file cannot be read. *out is unchanged on
 * failure.
 */
CHOIR_NODISCARD choir_status choir_job_read(choir_job *out, const char *path,
                                            const char *const *overrides, uint32_t count,
                                            choir_error *err);

/* The same from text in memory; name stands for the file in messages. */
CHOIR_NODISCARD choir_status choir_job_parse(choir_job *out, const char *text, size_t size,
                                             const char *name, const char *const *overrides,
                                             uint32_t count, choir_error *err);

/*
 * Writes every key with its value as YAML that choir_job_parse reads back to an equal job.
 *
 * out  (size) zero-terminated text; truncated when size is too small
 * Returns the length the whole text has, like snprintf.
 */
size_t choir_job_write(const choir_job *job, char *out, size_t size);

/*
 * What the job asks of a device, of whose data nothing is known: the most epochs of its rounds, its
 * chain, the fewest reports that it goes on with.
 *
 * parameters  of its model
 */
choir_terms choir_job_terms(const choir_job *job, uint32_t parameters);

#ifdef __cplusplus
}
#endif

#endif
