/*
 * Predictor: what a trained model says of inputs, on the device: the promoted model, or a file's.
 *
 *     const choir_promoted *promoted;
 *     choir_client_promoted(c, &promoted, &err);
 *     choir_predictor_open(&p, promoted, &env, &err);
 *     choir_predictor_predict(p, features, 1, scores, &label, &err);
 *
 * A model that is promoted later takes the place of the one before while others predict: that may
 * be another thread. Any thread may use a predictor at any time; one predicts at a time.
 *
 * In the library choir-engine. It keeps the parameters once, and reads no file and no clock.
 */
#ifndef CHOIR_PREDICTOR_H
#define CHOIR_PREDICTOR_H

#include "choir/client.h"
#include "choir/env.h"
#include "choir/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choir_predictor choir_predictor;

/*
 * Makes one of a model that choir wrote.
 *
 * model  as choir_client_promoted gives it; or params is NULL, and then model->model is a whole
 *        safetensors file. Borrowed for the call
 *
 * Returns OK and an object to close; EPROTO when it is no such model, does not say its layers,
 * reads text, by an embedding or as it says, or has other parameters than these have, or some that
 * are not finite; EINVAL when its layers are none; ENOMEM. *out == NULL on failure.
 */
CHOIR_NODISCARD choir_status choir_predictor_open(choir_predictor **out,
                                                  const choir_promoted *model, const choir_env *env,
                                                  choir_error *err);

/* Accepts NULL. Nobody may use it any more. */
void choir_predictor_close(choir_predictor *p);

/*
 * Takes another model instead; who predicts meanwhile has one of the two, whole. For a while there
 * is memory for both.
 *
 * Returns as _open, and EINVAL when it has other inputs or outputs than the one before: that is for
 * another predictor. Nothing has changed on failure.
 */
CHOIR_NODISCARD choir_status choir_predictor_replace(choir_predictor *p,
                                                     const choir_promoted *model, choir_error *err);

/* Numbers of one input, in the order height, width, channels; and of what is said of it. */
uint32_t choir_predictor_features(const choir_predictor *p);
uint32_t choir_predictor_outputs(const choir_predictor *p);

/*
 * Predicts.
 *
 * features  (count, features) as the model was trained on them: pixels in [0, 1], which this
 *           whitens where the model says so, or the columns of a CSV file as its encoding makes
 *           numbers of them
 * scores    (count, outputs) out: probabilities of the labels, or values, when it was trained for
 *           squared errors; may be NULL
 * labels    (count) out: the first of the largest scores; may be NULL
 *
 * Returns OK; ERANGE when a feature is not finite: err says which, and nothing was written.
 */
CHOIR_NODISCARD choir_status choir_predictor_predict(choir_predictor *p, const float *features,
                                                     uint32_t count, float *scores,
                                                     uint32_t *labels, choir_error *err);

/* Writes what a label is called, cut to size (>= 1): its number when the model has no names. */
void choir_predictor_label(choir_predictor *p, uint32_t label, char *out, uint32_t size);

#ifdef __cplusplus
}
#endif

#endif
