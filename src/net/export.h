/* Export: a hosted job's model as a file that every framework of the field reads. */
#ifndef CH_NET_EXPORT_H
#define CH_NET_EXPORT_H

#include "choir/task.h"
#include "net/operator.h"

#include <stdint.h>

/* Stands for the model of the open round: what the last one that was applied came to. */
#define CH_EXPORT_NOW UINT32_MAX

/*
 * Writes the model of a job after a round to path, at once or not at all.
 *
 * job    its name, or NAME@VERSION
 * round  0 for the initial model; CH_EXPORT_NOW
 * hash   out: of the parameters
 *
 * The file says what the job's initial model says of itself, but for its hash.
 *
 * Returns OK; EAGAIN when there is no such job or round, or its model is not kept any more; EPROTO
 * when the bytes are not the model that the server named; EIO; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_export(ch_operator *o, const char *job, uint32_t round,
                                       const char *path, choir_hash *hash, const choir_env *env,
                                       choir_error *err);

#endif
