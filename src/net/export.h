/* Export: a hosted job's model as a file that every framework of the field reads. */
#ifndef CH_NET_EXPORT_H
#define CH_NET_EXPORT_H

#include "choir/task.h"
#include "net/operator.h"

#include <stdint.h>

/* Which model of a job. */
typedef enum ch_export_kind {
    CH_EXPORT_NOW,      // of the open round: what the last one that was applied came to
    CH_EXPORT_ROUND,    // after a round
    CH_EXPORT_BEST,     // after the applied round of the lowest training loss
    CH_EXPORT_PROMOTED, // the one of the job's name that devices use
} ch_export_kind;

typedef struct ch_export_choice {
    ch_export_kind kind;
    uint32_t round; // CH_EXPORT_ROUND: 0 for the initial model
} ch_export_choice;

/*
 * Writes a model of a job to path, at once or not at all.
 *
 * job   its name, or NAME@VERSION
 * hash  out: of the parameters
 *
 * The file says what the job's initial model says of itself, but for its hash.
 *
 * Returns OK; EAGAIN when there is no such job or round, or its model is not kept any more; EPROTO
 * when the bytes are not the model that the server named; EIO; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_export(ch_operator *o, const char *job, ch_export_choice choice,
                                       const char *path, choir_hash *hash, const choir_env *env,
                                       choir_error *err);

#endif
