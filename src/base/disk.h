/*
 * Disk: whole files, read within a bound and replaced at once.
 *
 * A reader of a file that is being replaced sees the old bytes or the new ones, never a mixture;
 * after a power cut it is the same. Apart from the rest of base, because the protocol core does not
 * touch files.
 */
#ifndef CH_BASE_DISK_H
#define CH_BASE_DISK_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ch_disk_file {
    uint8_t *data; // (size) owned, 64-byte aligned, with a zero behind
    size_t size;
    choir_env env;
} ch_disk_file;

/*
 * Reads a regular file.
 *
 * bytes_max  larger files are refused
 *
 * Returns OK and an object to release; EIO when it cannot be read, is no regular file or is too
 * large; ENOMEM. *out is safe to release in any case.
 */
CHOIR_NODISCARD choir_status ch_disk_read(ch_disk_file *out, const char *path, size_t bytes_max,
                                          const choir_env *env, choir_error *err);

/* Safe to call twice, and on one that is all zero. */
void ch_disk_release(ch_disk_file *f);

/*
 * Writes the parts one after the other to a temporary file beside path, waits until the disk has
 * it, and renames it to path. Where path is a link, what it leads to is replaced; a device or a
 * pipe is written to as it stands.
 *
 * Returns OK; EIO with path as it was before.
 */
CHOIR_NODISCARD choir_status ch_disk_replace(const char *path, const choir_bytes *parts,
                                             uint32_t count, choir_error *err);

/* The same for secrets: the file can be read and written by its owner alone, from its beginning. */
CHOIR_NODISCARD choir_status ch_disk_replace_private(const char *path, const choir_bytes *parts,
                                                     uint32_t count, choir_error *err);

/*
 * Makes an empty file, its owner's alone, where nothing is: for ch_disk_replace_private to replace
 * by what is given only once, and must not be lost for want of a place.
 *
 * Returns OK; EINVAL when something is there; EIO.
 */
CHOIR_NODISCARD choir_status ch_disk_claim(const char *path, choir_error *err);

/*
 * Whether ch_disk_replace could write to path now: for what takes hours to have something to write.
 * Leaves nothing behind. A disk may still be full later.
 *
 * Returns OK; EIO with what ch_disk_replace would say.
 */
CHOIR_NODISCARD choir_status ch_disk_check_replace(const char *path, choir_error *err);

/* Writes all bytes to an open descriptor. path is for messages. Returns OK; EIO. */
CHOIR_NODISCARD choir_status ch_disk_append(int descriptor, const char *path, choir_bytes bytes,
                                            choir_error *err);

/*
 * Takes the lock of an open file for this descriptor alone. The system drops it when the descriptor
 * is closed, also by the end of the process, however it ends: there are no stale locks.
 *
 * Returns OK; EAGAIN when another descriptor holds it; EIO when the file system cannot lock.
 */
CHOIR_NODISCARD choir_status ch_disk_lock(int descriptor, const char *path, choir_error *err);

/* Makes the directory and what is missing above it. OK also when all is there; EIO, and when what
 * is there is no directory. */
CHOIR_NODISCARD choir_status ch_disk_folders(const char *path, choir_error *err);

#endif
