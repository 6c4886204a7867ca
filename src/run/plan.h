/*
 * Plan: what a job says, in the words of the layers that carry it out.
 */
#ifndef CH_RUN_PLAN_H
#define CH_RUN_PLAN_H

#include "choir/job.h"
#include "data/federation.h"
#include "nn/net.h"
#include "run/saved.h"
#include "train/zoo.h"

/* A job's model: what a net is made from. Points into itself; do not copy. */
typedef struct ch_plan_model {
    char layers[CH_LAYERS_TEXT_MAX];
    ch_net_options net; // shape and batch are the engine's to set
} ch_plan_model;

/*
 * Finds the layers the job names, in the zoo or in its model file, and the kernels it requires.
 *
 * Returns OK; EINVAL when they do not fit the data, the loss or this CPU; EIO or EPROTO for a model
 * file that cannot be read.
 */
CHOIR_NODISCARD choir_status ch_plan_model_init(ch_plan_model *out, const choir_job *job,
                                                const ch_federation *federation,
                                                const choir_env *env, choir_error *err);

/*
 * The same for a model that came as bytes, from what these say (ch_saved_describe).
 *
 * Returns OK; EINVAL when it does not say its layers, or they do not fit the data, the job's loss
 * or this CPU.
 */
CHOIR_NODISCARD choir_status ch_plan_model_saved(ch_plan_model *out, const choir_job *job,
                                                 const ch_saved *saved,
                                                 const ch_federation *federation, choir_error *err);

/* The most examples that a step of the job will take where at_hand are there, >= 1: never more than
 * those, however large B is. */
uint32_t ch_plan_step_max(const choir_job *job, uint32_t at_hand);

/*
 * The kernels that a job's backend names. EINVAL when there are none of that name, with the
 * nearest, or this CPU cannot run them.
 */
CHOIR_NODISCARD choir_status ch_plan_kernels(const ch_kernels **out, const char *name,
                                             choir_error *err);

/*
 * Whether the data has the test set that a run of the job would look at.
 *
 * is_judged  the run's accuracy is what it is for
 *
 * Returns OK, also when nothing looks at one; EINVAL when there is none and it is judged, or the
 * job sets server.target_accuracy, or a schedule that observes the loss.
 */
CHOIR_NODISCARD choir_status ch_plan_test_check(const choir_job *job,
                                                const ch_federation *federation, bool is_judged,
                                                choir_error *err);

/*
 * Simulation options for a model of dim parameters. Texts are borrowed from the job.
 *
 * workers  training threads, >= 1
 */
choir_sim_options ch_plan_sim(const choir_job *job, const ch_federation *federation, uint32_t dim,
                              uint32_t workers);

/*
 * Initial parameters (dim) of the net: from model.init, else model.file, else seeded.
 * Returns OK; EIO, EPROTO or EINVAL for a file that is no such model (err says what differs).
 */
CHOIR_NODISCARD choir_status ch_plan_params(const choir_job *job, const ch_net *net, float *params,
                                            const choir_env *env, choir_error *err);

#endif
