/*
 * Checkpoint: what a run needs to go on after it was killed, one file a checkpoint.
 *
 *     checkpoint-<round>.bin
 *     offset  bytes
 *     0       8      magic "choirckp"
 *     8       4      version of this form, little-endian like all that follows
 *     12      4      round: closed when it was written
 *     16      8      s: size of the simulation's part
 *     24      8      r: size of the run's part
 *     32      s      choir_sim_save
 *     32+s    r      what the run layer adds
 *     32+s+r  32     SHA-256 of everything before
 *
 * A file appears under its name only when it is whole and on the disk. The last two are kept, so
 * that a damaged disk block costs a few rounds and not the run.
 */
#ifndef CH_STORE_CHECKPOINT_H
#define CH_STORE_CHECKPOINT_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"

#include <stdint.h>

enum { CH_CHECKPOINTS_KEPT = 2 };

typedef struct ch_checkpoint {
    uint32_t round;
    choir_bytes simulation; // for choir_sim_restore; borrowed from the checkpoint, like the next
    choir_bytes run;
    uint8_t *block; // owned
    choir_env env;
} ch_checkpoint;

/*
 * Writes dir/checkpoint-<round>.bin at once, then removes all but the newest two up to this round,
 * and any of later rounds: they belong to a history that this run has left. Files that are not
 * checkpoints of this form stay.
 *
 * round  at least 1
 *
 * Returns OK; EIO when it cannot be written, with the files that were there before, or when one of
 * the others cannot be removed: the new one is then whole, and err names the culprit.
 */
CHOIR_NODISCARD choir_status ch_checkpoint_write(const char *dir, uint32_t round,
                                                 choir_bytes simulation, choir_bytes run,
                                                 choir_error *err);

/*
 * Reads the newest checkpoint in dir that is whole. Others that are newer are named in a warning
 * through env->log.
 *
 * Returns OK and an object to release; EAGAIN when there is no file of one; EPROTO when there
 * are some and none is whole (err says what is wrong with the newest); EIO when dir cannot be read;
 * ENOMEM. *out is safe to release in any case.
 */
CHOIR_NODISCARD choir_status ch_checkpoint_find(ch_checkpoint *out, const char *dir,
                                                const choir_env *env, choir_error *err);

/*
 * Reads a checkpoint from bytes, which are borrowed; name stands for the file in messages.
 * Returns OK; EPROTO when they are not a whole checkpoint.
 */
CHOIR_NODISCARD choir_status ch_checkpoint_parse(ch_checkpoint *out, choir_bytes bytes,
                                                 const char *name, choir_error *err);

/* Safe to call twice, and on a checkpoint that is all zero. */
void ch_checkpoint_release(ch_checkpoint *c);

#endif
