/*
 * Device: what a hosted job becomes where the data is: the examples of one client, and choir's
 * engine to train on them, behind the port of include/choir/trainer.h.
 *
 *     ch_device_open(&d, &options, ...);
 *     ch_device_trainer(&d) -> choir_participant_train(p, now_ms, trainer, room, &err)
 *
 * A device that is given a client of the job's own data set trains to the bit what that client does
 * in a simulation. The engine, the examples and the model it builds are all the memory it has.
 */
#ifndef CH_RUN_DEVICE_H
#define CH_RUN_DEVICE_H

#include "choir/bytes.h"
#include "choir/examples.h"
#include "run/plan.h"
#include "train/engine.h"

/* These two stand for a client's number: all of the data set is this device's; and: it is whichever
 * client of the job's data set it is asked for, one after the other. */
#define CH_DEVICE_ALL  UINT32_MAX
#define CH_DEVICE_EACH (UINT32_MAX - 1)

typedef struct ch_device_options {
    choir_bytes job;    // the bundle's text; borrowed for the call
    choir_bytes model;  // its model, which may end where the parameters begin; likewise
    const char *source; // what to read instead of the job's data set, as data.source; NULL: that
    choir_examples *examples; // to train on instead, as they are when a task comes; borrowed until
                              // the release; NULL: source's
    const char *dir; // where named data sets are kept; NULL or "": the user's data directory
    uint32_t client; // which client of the data set the device is; CH_DEVICE_ALL, CH_DEVICE_EACH
} ch_device_options;

/* Points into itself; do not copy. */
typedef struct ch_device {
    choir_env env;
    choir_job job;             // as the server has it, but for the data, which are the device's
    ch_federation *federation; // of one client, or of each; owned, like the engine
    ch_plan_model model;
    ch_engine *engine;           // NULL after a failure to read examples anew
    choir_examples *examples;    // borrowed; NULL: they are source's
    choir_examples_summary read; // what examples held when the federation was made of it
    choir_trainer_ops ops;       // its port
    choir_lent *lent;            // to the training under way; borrowed; NULL: nothing
    uint32_t dim;                // parameters of the model
    bool has_each;               // client of the data set
} ch_device;

/*
 * Reads the device's data and makes an engine for the job's model.
 *
 * A device that has all of a data set deals nothing out and needs no test set: all its examples are
 * to train on, but for the job's data.heldout. One that is a client of the job's data set must find
 * that under its name, in the folder where it runs or in dir: a job cannot lead to a path. A CSV
 * file is read as the model says, so that numbers, categories and labels mean to it what they do
 * elsewhere; columns that the model does not read may be there or not.
 *
 * Of a store of examples all are read when it is opened, and again, if others are there then,
 * before a training and when its trainer is asked how many there are; whether one is held out
 * follows from the job's seed and its number. It may be empty: tasks are then answered with EAGAIN,
 * no data. Its features are what the model sees, so nothing is known of columns, and its labels are
 * the numbers of the model's outputs.
 *
 * Returns OK and an object to release; EINVAL for a job or a model that is none, for data that the
 * model does not fit (shape, columns, labels) or that have no such client, and for a source that is
 * drawn and not read, unless a client is given; EIO, EPROTO, ENOMEM. *out is safe to release in any
 * case.
 */
CHOIR_NODISCARD choir_status ch_device_open(ch_device *out, const ch_device_options *options,
                                            const choir_env *env, choir_error *err);

/* Safe to call twice, and on one that is all zero. */
void ch_device_release(ch_device *device);

/*
 * Trains on the device's examples whatever client it is asked for: that number is the participant's
 * and numbers the shuffles; a device of each client trains on that one's. Refuses with EPROTO a
 * task for a model of another size, beside what choir_trainer_ops says. Borrowed from the device.
 */
choir_trainer ch_device_trainer(ch_device *device);

/* Parameters of the model. */
uint32_t ch_device_dim(const ch_device *device);

/* Examples it trains on; a device of each client: the most that one has. */
uint32_t ch_device_examples(const ch_device *device);

#endif
