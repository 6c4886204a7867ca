/*
 * Bundle: what an operator's machine makes of a job to have it hosted: all that a server and its
 * devices need to know, and nothing that only this machine has.
 *
 *     text   the job with every key, as choir_job_parse reads it
 *     model  a safetensors file: the parameters that `choir sim` of the job starts from, and what a
 *            saved model says of itself: layers, input, loss, labels or a CSV file's encoding
 *
 * A run of the two gives the model that a simulation of the job gives.
 */
#ifndef CH_RUN_BUNDLE_H
#define CH_RUN_BUNDLE_H

#include "choir/env.h"
#include "choir/job.h"
#include "choir/task.h"

#include <stddef.h>
#include <stdint.h>

/* What the model is called in the text, where the job has it from a file. */
#define CH_BUNDLE_MODEL "model.safetensors"

typedef struct ch_bundle {
    choir_job job;     // what the text says
    char *text;        // (text_size) YAML, with a zero after it; owned
    size_t text_size;  // bytes
    uint8_t *model;    // (model_size) owned
    size_t model_size; // bytes
    uint32_t clients;  // K
    uint32_t dim;      // parameters of the model
    choir_hash hash;   // of the initial parameters
    choir_env env;
} ch_bundle;

/*
 * Makes a bundle of a job file, which it checks, opening the data, as a run would.
 *
 * path, overrides (count)  as choir_job_read
 *
 * In the text, data.clients is what the data has, or, in an open population, what the job says when
 * that is more: how many can ever join; data.dir is empty; a data.source that is a path
 * is its last part, which a device may have in a folder of its own; model.file and model.init,
 * where the job has them, are CH_BUNDLE_MODEL.
 *
 * Logs a warning "key_idle" for every key that has no effect when hosted.
 *
 * Returns OK and an object to release; what choir_job_read, ch_run_check_hosting and
 * ch_session_open return; EINVAL also for a source that has no name to tell devices, or that of
 * another. *out is safe to release in any case.
 */
CHOIR_NODISCARD choir_status ch_bundle_create(ch_bundle *out, const char *path,
                                              const char *const *overrides, uint32_t count,
                                              const choir_env *env, choir_error *err);

/* Safe to call twice, and on one that is all zero. */
void ch_bundle_release(ch_bundle *bundle);

#endif
