/*
 * Session: what a run is made of while it runs: data, net, workers. Shared by simulation,
 * baselines, evaluation and prediction.
 */
#ifndef CH_RUN_SESSION_H
#define CH_RUN_SESSION_H

#include "base/pool.h"
#include "run/evaluate.h"
#include "run/plan.h"
#include "train/engine.h"

enum { CH_WORKERS_MAX = 256 };

/* What a session is for. */
typedef enum ch_session_use {
    CH_SESSION_TRAIN,
    CH_SESSION_POOL,    // and for steps on all clients' examples at once, by the first engine, if
                        // the job's B asks for such
    CH_SESSION_EVAL,    // only the test set is read: no clients
    CH_SESSION_PREDICT, // likewise, and rows of a CSV file may lack labels
} ch_session_use;

typedef struct ch_session {
    choir_env env;
    choir_job job;
    ch_federation *federation; // owned, like all below
    ch_plan_model model;
    uint32_t workers;
    ch_pool *pool;
    ch_engine *engines[CH_WORKERS_MAX]; // (workers)
    choir_trainer trainers[CH_WORKERS_MAX];
    ch_evaluator *evaluator;
    uint32_t dim;
    float *params; // (dim) initial
} ch_session;

/*
 * Opens the job's data and makes workers engines for its model, with initial parameters. A CSV file
 * is read as the model was trained to that the parameters come from, when they come from one.
 *
 * workers  0 = one per core
 *
 * Returns OK and an object to release; EINVAL when the model reads the columns of a CSV file and
 * the data are of none, and the reverse to judge one; or what else went wrong. *out is safe to
 * release in any case.
 */
CHOIR_NODISCARD choir_status ch_session_open(ch_session *out, const choir_job *job,
                                             uint32_t workers, ch_session_use use,
                                             const choir_env *env, choir_error *err);
void ch_session_release(ch_session *s);

static inline const ch_net *ch_session_net(const ch_session *s) {
    return ch_engine_net(s->engines[0]);
}

/* Wall time in seconds, from a clock that never goes back. */
double ch_session_clock(void);

/* How many train at once where nobody says: one per core, 1 .. CH_WORKERS_MAX. */
uint32_t ch_session_cores(void);

#endif
