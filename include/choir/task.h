/*
 * Task: what the server asks of one client in one round.
 *
 * A task is complete: a client that holds it, the model it names and its own data needs nothing
 * else, and two clients with equal tasks, models and data send equal bytes. It is immutable once
 * made and it is the only thing an algorithm can use to talk to clients. The model is named by the
 * hash of its bytes, so any cache may serve it.
 */
#ifndef CHOIR_TASK_H
#define CHOIR_TASK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CHOIR_DIM_MAX = 1 << 28,    // parameters: a report stays below the 2 GiB of Protocol Buffers
    CHOIR_CHAIN_TEXT_MAX = 128, // bytes, with the terminating zero
    CHOIR_JOB_TEXT_MAX = 80,    // likewise: a name, '@', a version
    CHOIR_HASH_BYTES = 32,      // SHA-256
    CHOIR_EXCHANGES_MAX = 8,    // that a report comes to
};

/* SHA-256 of parameters as little-endian fp32 in layout order. */
typedef struct choir_hash {
    uint8_t bytes[CHOIR_HASH_BYTES];
} choir_hash;

/* What a task is for. The numbers are those of the wire. */
typedef enum choir_purpose {
    CHOIR_PURPOSE_TRAIN = 0,
    CHOIR_PURPOSE_EVALUATE = 1, // measure the model on held-out examples; nobody trains
} choir_purpose;

/* What a client does beyond plain local SGD: the client end of an algorithm. docs/algorithm.md. The
 * numbers are those of the wire. */
typedef enum choir_method {
    CHOIR_METHOD_PLAIN = 0,
    CHOIR_METHOD_FEDNOVA = 1,
    CHOIR_METHOD_QFEDAVG = 2,
    CHOIR_METHOD_SCAFFOLD = 3,
    CHOIR_METHOD_FEDDYN = 4,
} choir_method;

/* A request and its reply, of those that a report comes to. The numbers are those of the wire. */
typedef enum choir_exchange {
    CHOIR_EXCHANGE_NONE = 0,
    CHOIR_EXCHANGE_REPORT = 1,   // the report itself
    CHOIR_EXCHANGE_ANNOUNCE = 2, // before an update is sent: whether it is still wanted
} choir_exchange;

typedef struct choir_task {
    uint32_t round;      // the first round is 1; to evaluate, the one whose model is measured
    uint32_t dim;        // parameters in the model, 1 .. CHOIR_DIM_MAX
    choir_hash model;    // the global parameters to start from, with what its method has beside
    uint32_t epochs;     // E: passes over the client's data, >= 1
    uint32_t batch_size; // B: examples a step; 0 = all local examples in one step
    float learning_rate; // eta: client step size, > 0
    float momentum;      // [0, 1); the buffer starts at zero every round
    float weight_decay;  // L2, >= 0: adds weight_decay * w to the gradient
    float proximal_mu;   // FedProx, >= 0: adds proximal_mu * (w - w_global) to the gradient
    uint64_t seed;       // of the client's own shuffles; equal for all clients of the round
    char chain[CHOIR_CHAIN_TEXT_MAX]; // what to do to the update, e.g. "clip=1|weight"
    char job[CHOIR_JOB_TEXT_MAX];     // whose task it is, "keyboard@3"; "" where there is only one
    uint32_t purpose; // a choir_purpose, or a number from a later version, which nobody here can do
    uint8_t exchanges[CHOIR_EXCHANGES_MAX]; // how its report goes: choir_exchange, in order, up to
                                            // the first NONE; none at all: REPORT alone
    uint32_t method;  // a choir_method, or a number from a later version, which nobody here can do
    float fairness_q; // q-FedAvg's q, >= 0
    uint8_t partial;  // 1: who has no time for all epochs may do fewer, and counts; else 0
} choir_task;

/* Numbers in the blob that a task names, and in a report on it: dim, and what its method moves
 * beside; UINT32_MAX when that is more. To evaluate, a report has none. */
uint32_t choir_task_fetched(const choir_task *task);
uint32_t choir_task_sent(const choir_task *task);

#ifdef __cplusplus
}
#endif

#endif
