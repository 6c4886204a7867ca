/*
 * Engine: one worker's means to train and evaluate: a net, and room for a batch and a client's
 * data.
 *
 * It is choir's own trainer behind the port of include/choir/trainer.h. A simulation makes one per
 * worker thread; a device makes one.
 */
#ifndef CH_TRAIN_ENGINE_H
#define CH_TRAIN_ENGINE_H

#include "choir/env.h"
#include "choir/trainer.h"
#include "data/federation.h"
#include "nn/net.h"

typedef struct ch_engine ch_engine;

/* The input of a net for the federation's examples: its shape, or one token at each of so many
 * steps of a sequence. */
void ch_engine_input(ch_net_options *net, const ch_federation *federation);

/*
 * net         which model; its input is the data's, and its batch_max at most 64: steps on more go
 *             through it in parts
 * federation  borrowed; outlives the engine
 * batch       the most examples that one step will take, >= 1: as many are copied side by side
 * method      a choir_method: what tasks may ask for beside plain training
 *
 * Of sequences, B counts examples, and figures count what they predict: the score's count, and the
 * examples of a training's metrics.
 *
 * Returns OK; EINVAL when the layers do not fit the data: other outputs, text without an embedding
 * of its tokens, or an embedding of what is no text; ENOMEM; *out == NULL then.
 */
CHOIR_NODISCARD choir_status ch_engine_create(ch_engine **out, const ch_net_options *net,
                                              const ch_federation *federation, uint32_t batch,
                                              uint32_t method, const choir_env *env,
                                              choir_error *err);
void ch_engine_destroy(ch_engine *e);

/*
 * Bytes that ch_engine_create claims, and nothing is but for the moment a graph, where examples are
 * in memory and a client has at most held of them.
 *
 * net  with the shape of its inputs, or their steps
 *
 * Returns as ch_net_create.
 */
CHOIR_NODISCARD choir_status ch_engine_bytes(size_t *out, const ch_net_options *net, uint32_t held,
                                             uint32_t batch, uint32_t method, const choir_env *env,
                                             choir_error *err);

const ch_net *ch_engine_net(const ch_engine *e);

/* The port: train(client, task, params) on the client's training examples, evaluate on those it
 * holds out. */
choir_trainer ch_engine_trainer(ch_engine *e);

/* Bytes that a client keeps from one training of the engine's method to the next; 0: nothing. */
uint32_t ch_engine_state_bytes(const ch_engine *e);

/* What the trainings that follow may use, up to NULL; see choir_trainer_ops. Borrowed. */
void ch_engine_lend(ch_engine *e, choir_lent *lent);

/* Epochs of SGD on any holding, as a task asks; what the port does once it has the client's data.
 * See choir_trainer_ops for the arguments; client numbers the shuffles. EIO when its examples stay
 * in files that cannot be read or have changed, EINVAL when the task's model is not of the net's
 * size, or its method not the engine's or
 * keeps a state that no room was lent for, ENOMEM when it asks for larger steps than the engine was
 * made for; *out is zero then. */
CHOIR_NODISCARD choir_status ch_engine_train(ch_engine *e, const ch_holding *holding,
                                             uint32_t client, const choir_task *task,
                                             const float *params, float *delta, choir_training *out,
                                             choir_error *err);

/* The loss and hits of params on any holding, which is not empty; what the port's evaluate does
 * once it has the client's data. See choir_trainer_ops. */
CHOIR_NODISCARD choir_status ch_engine_measure(ch_engine *e, const ch_holding *holding,
                                               uint32_t client, const choir_task *task,
                                               const float *params, choir_training *out,
                                               choir_error *err);

/* Makes params (dim) the ones that the evaluations below use. */
void ch_engine_load(ch_engine *e, const float *params);

/* Adds the loss and hits of the holding's examples first .. first+count-1 to *score. Returns OK;
 * EIO when they stay in files that cannot be read or have changed, and *score is not to be used. */
CHOIR_NODISCARD choir_status ch_engine_evaluate(ch_engine *e, const ch_holding *holding,
                                                uint32_t first, uint32_t count, ch_score *score,
                                                choir_error *err);

/* Outputs (count, outputs) for the holding's examples: class probabilities, or values. Of sequences
 * (count, steps, outputs), of which those beyond a length are left as they were. Returns likewise.
 */
CHOIR_NODISCARD choir_status ch_engine_predict(ch_engine *e, const ch_holding *holding,
                                               uint32_t first, uint32_t count, float *predictions,
                                               choir_error *err);

/* A client's held-out examples: their number and score. OK also when it has none; EIO likewise. */
CHOIR_NODISCARD choir_status ch_engine_heldout(ch_engine *e, uint32_t client, uint32_t *count,
                                               ch_score *score, choir_error *err);

#endif
