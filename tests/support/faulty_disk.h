/*
 * A disk that fails when a test wants it to: SQLite's own way to the disk, in which from some
 * moment on writing, or waiting for the disk, is refused; or waiting takes as long as it wants. And
 * what another process does meanwhile: a test's own functions, between its locks.
 *
 *     faulty_disk_install(); ... faulty_disk_fail(SQLITE_FULL, false, 3); ... faulty_disk_heal();
 */
#ifndef CHOIR_TESTS_FAULTY_DISK_H
#define CHOIR_TESTS_FAULTY_DISK_H

#include "support/check.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

/* SQLite's own way to the disk, in which from some moment on writing or waiting for the disk fails.
 */
typedef struct faulty_file {
    sqlite3_file base;
    sqlite3_file *real; // behind this
} faulty_file;

static sqlite3_vfs *real_vfs;
static uint32_t until_failure = UINT32_MAX; // changes that still succeed
static int fault;                           // what those after them answer
static bool fails_syncs;                    // or writes
static atomic_bool holds_syncs;             // for any thread to set and to take back
static void (*when_let_go)(void);           // after the last lock of a file that has no log yet
static void (*when_refused)(void);          // after a lock that another has

static inline bool change_fails(bool is_sync) {
    if (is_sync != fails_syncs || until_failure == UINT32_MAX) {
        return false;
    }
    if (until_failure > 0) {
        until_failure -= 1;
        return false;
    }
    return true;
}

static inline sqlite3_file *real_of(sqlite3_file *file) {
    return ((faulty_file *)file)->real;
}

static inline int faulty_close(sqlite3_file *f) {
    return real_of(f)->pMethods->xClose(real_of(f));
}

static inline int faulty_read(sqlite3_file *f, void *out, int size, sqlite3_int64 at) {
    return real_of(f)->pMethods->xRead(real_of(f), out, size, at);
}

static inline int faulty_write(sqlite3_file *f, const void *data, int size, sqlite3_int64 at) {
    return change_fails(false) ? fault : real_of(f)->pMethods->xWrite(real_of(f), data, size, at);
}

static inline int faulty_truncate(sqlite3_file *f, sqlite3_int64 size) {
    return change_fails(false) ? fault : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static inline int faulty_sync(sqlite3_file *f, int flags) {
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    while (atomic_load(&holds_syncs)) {
        (void)nanosleep(&pause, NULL);
    }
    return change_fails(true) ? fault : real_of(f)->pMethods->xSync(real_of(f), flags);
}

static inline int faulty_size(sqlite3_file *f, sqlite3_int64 *out) {
    return real_of(f)->pMethods->xFileSize(real_of(f), out);
}

static inline int lock_came_to(int result) {
    if (result == SQLITE_BUSY && when_refused != NULL) {
        when_refused();
    }
    return result;
}

static inline int faulty_lock(sqlite3_file *f, int level) {
    return lock_came_to(real_of(f)->pMethods->xLock(real_of(f), level));
}

static inline int faulty_unlock(sqlite3_file *f, int level) {
    const int result = real_of(f)->pMethods->xUnlock(real_of(f), level);
    if (level == SQLITE_LOCK_NONE && when_let_go != NULL) {
        when_let_go();
    }
    return result;
}

static inline int faulty_reserved(sqlite3_file *f, int *out) {
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static inline int faulty_control(sqlite3_file *f, int what, void *argument) {
    return real_of(f)->pMethods->xFileControl(real_of(f), what, argument);
}

static inline int faulty_sector(sqlite3_file *f) {
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static inline int faulty_device(sqlite3_file *f) {
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static inline int faulty_shm_map(sqlite3_file *f, int page, int size, int extend,
                                 void volatile **out) {
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static inline int faulty_shm_lock(sqlite3_file *f, int from, int count, int flags) {
    return lock_came_to(real_of(f)->pMethods->xShmLock(real_of(f), from, count, flags));
}

static inline void faulty_shm_barrier(sqlite3_file *f) {
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static inline int faulty_shm_unmap(sqlite3_file *f, int remove) {
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods FAULTY = {
    .iVersion = 2,
    .xClose = faulty_close,
    .xRead = faulty_read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_size,
    .xLock = faulty_lock,
    .xUnlock = faulty_unlock,
    .xCheckReservedLock = faulty_reserved,
    .xFileControl = faulty_control,
    .xSectorSize = faulty_sector,
    .xDeviceCharacteristics = faulty_device,
    .xShmMap = faulty_shm_map,
    .xShmLock = faulty_shm_lock,
    .xShmBarrier = faulty_shm_barrier,
    .xShmUnmap = faulty_shm_unmap,
};

static inline int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                              int *out) {
    (void)vfs;
    faulty_file *f = (faulty_file *)file;
    f->real = (sqlite3_file *)(f + 1);
    const int result = real_vfs->xOpen(real_vfs, name, f->real, flags, out);
    f->base.pMethods = f->real->pMethods != NULL ? &FAULTY : NULL;
    return result;
}

/* Once for all tests of a program. */
static inline void faulty_disk_install(void) {
    static sqlite3_vfs vfs;
    if (real_vfs != NULL) {
        return;
    }
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "faulty";
    vfs.szOsFile = (int)sizeof(faulty_file) + real_vfs->szOsFile;
    vfs.xOpen = faulty_open;
    assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

/* Lets all changes fail with result after some that succeed: writes, or waits for the disk. */
static inline void faulty_disk_fail(int result, bool is_of_syncs, uint32_t after) {
    fault = result;
    fails_syncs = is_of_syncs;
    until_failure = after;
}

static inline void faulty_disk_heal(void) {
    until_failure = UINT32_MAX;
}

#endif
