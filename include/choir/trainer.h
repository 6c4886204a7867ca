/*
 * Trainer: the port through which the protocol reaches a model and its data.
 *
 * The protocol core knows no neural networks. Our own engine is one trainer (src/train), a phone's
 * native runtime is another, a count of words is a third.
 */
#ifndef CHOIR_TRAINER_H
#define CHOIR_TRAINER_H

#include "choir/bytes.h"
#include "choir/status.h"
#include "choir/task.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a client says about its training: integers, so that sums are exact in any order. */
typedef struct choir_metrics {
    uint64_t examples; // that the two sums run over: every example of every epoch; of sequences,
                       // everything that is predicted
    uint64_t correct;  // of them, predicted right before the step that used them
    int64_t loss_q20;  // sum of their losses before that step, in units of 2^-20
} choir_metrics;

typedef struct choir_training {
    uint32_t examples; // n: examples the client holds, >= 1; the weight of its update
    uint32_t method;   // that was done: the task's, or PLAIN, by which the report is unsupported
                       // where that is another
    choir_metrics metrics;
} choir_training;

/* How far a training is. */
typedef struct choir_progress {
    uint32_t epoch;  // under way, 1 .. epochs
    uint32_t epochs; // E
    uint64_t step;   // that was just done, of all epochs, 1 .. steps
    uint64_t steps;
} choir_progress;

/*
 * What a device lends to one training beside the task: what the client kept of its rounds before,
 * room for what it is to keep of this one, and somebody who wants to know how far it is.
 *
 * What is kept never leaves the device. It is kept once the server has the report, and not when
 * that was refused or lost: so a client's state goes with the models that its updates are in. A
 * client that does not hear the answer asks again, for as many rounds as the server remembers:
 * sixteen in a closed population, rounds_between in an open one.
 */
typedef struct choir_lent {
    choir_bytes state;   // of the last training whose report was counted, of this version of the
                         // job; size 0: there is none
    uint8_t *state_next; // (ops->state_bytes_max) out: what is to be kept
    uint32_t state_next_size;                                     // out: of it; 0: nothing
    void (*progress)(void *self, const choir_progress *progress); // NULL: nobody wants to know
    void *self;
} choir_lent;

typedef struct choir_trainer_ops {
    /*
     * Trains on one client's data, starting from params.
     *
     * client  whose data; below the count the trainer was made for
     * task    borrowed for the call
     * params  (choir_task_fetched) global parameters, and behind them what the task's method has
     *         beside; borrowed for the call
     * delta   (choir_task_sent) out: trained parameters minus params; a trainer that does the
     *         task's method puts what that has beside behind them, else leaves it alone
     * out     out: the update's weight and metrics
     * err     optional; what went wrong, with the client and the loss when training diverged
     *
     * Must be a pure function of (client, task, params, data): no clock, no global random state.
     * May take minutes; it is the only call in the library that may. Runs on any one thread.
     * Returns OK; EAGAIN when the client has no data; ERANGE when the loss or a parameter stopped
     * being finite (out->metrics is then of the steps before); EINVAL when the task is none for
     * this trainer, as one of another model; EIO when its data cannot be read; ENOMEM.
     */
    choir_status (*train)(void *self, uint32_t client, const choir_task *task, const float *params,
                          float *delta, choir_training *out, choir_error *err);

    /*
     * Measures params on one client's held-out examples, which it does not train on. NULL: this
     * trainer cannot, and a task that asks for it is reported as unsupported.
     *
     * out  examples held out, >= 1, and metrics over them once
     *
     * Otherwise as train. Returns OK; EAGAIN when the client holds none out; ERANGE when the loss
     * is not finite (out->metrics is then still set); EINVAL, EIO, ENOMEM as train.
     */
    choir_status (*evaluate)(void *self, uint32_t client, const choir_task *task,
                             const float *params, choir_training *out, choir_error *err);

    /*
     * How many examples the client would train on; 0 when it has none. Cheap, thread-safe. Asked
     * by the simulator, and by a client of choir/client.h for its owner's policy. May be NULL for a
     * participant.
     */
    uint32_t (*examples)(void *self, uint32_t client);

    /*
     * Told before a training what is lent to it, which train may use until it returns; then NULL.
     * A client of choir/client.h does so; the simulator does where there is a state to keep. NULL:
     * it needs nothing beside the task.
     */
    void (*lend)(void *self, choir_lent *lent);

    uint32_t state_bytes_max; // that a client keeps between rounds, at most; 0: nothing
} choir_trainer_ops;

typedef struct choir_trainer {
    const choir_trainer_ops *ops;
    void *self; // borrowed; used by one thread at a time; must outlive whoever holds the trainer
} choir_trainer;

#ifdef __cplusplus
}
#endif

#endif
