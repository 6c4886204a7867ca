/*
 * Download: one file from the web, resumed where it was cut off, and only kept when its hash is
 * right.
 *
 *   path.part  what has arrived; a later call goes on from its end
 *   path       appears at once, whole and verified
 *
 * Nothing waits for ever: connecting, silence and the whole have their limits. libcurl uses its own
 * memory.
 */
#ifndef CH_DATA_DOWNLOAD_H
#define CH_DATA_DOWNLOAD_H

#include "choir/status.h"

#include <stddef.h>
#include <stdint.h>

enum { CH_DOWNLOAD_HASH_TEXT = 65 }; // bytes of a SHA-256 as text, with its zero

typedef struct ch_download {
    const char *const *urls; // (url_count) tried in order; http or https
    size_t url_count;
    const char *path;   // where it goes; its folder exists
    const char *sha256; // 64 hexadecimal digits, lower case; NULL: what is there changes with
                        // its editions, any of which is taken, and begun anew when it was cut off
    uint64_t bytes;     // of the file; without sha256, the most that it may have
    uint32_t connect_s; // longest wait for a connection; default 20
    uint32_t silence_s; // longest wait without a byte; default 30
    uint32_t total_s;   // longest time for one attempt; default 3600
    uint32_t attempts;  // for each URL, as long as each brings something; default 5

    /* Called now and then where bytes are known; may be NULL. done of bytes are there. */
    void (*progress)(void *self, uint64_t done, uint64_t bytes);
    void *self;
} ch_download;

/* The limits at their defaults, all else zero. */
ch_download ch_download_defaults(void);

/* The hash and size of the file at path, as it is. EIO when it cannot be read. */
CHOIR_NODISCARD choir_status ch_download_hash(char out[CH_DOWNLOAD_HASH_TEXT], uint64_t *bytes,
                                              const char *path, choir_error *err);

/*
 * Makes path the file. Does nothing when it is there with the right hash, or in any edition where
 * none is asked for.
 *
 * err  which URL, what the server or the network said, or both hashes
 *
 * A URL that sends too much or the wrong bytes is given up for the next one. Bytes that an earlier
 * call or another URL left are gone on from; when the whole is then wrong it is fetched anew.
 *
 * Returns OK; EAGAIN when another process is downloading it; EIO when the disk refused; else what
 * the last URL came to: EIO when it did not give the whole file (what arrived is kept for the next
 * call), EPROTO when what it gave is longer or has another hash (it is then deleted).
 */
CHOIR_NODISCARD choir_status ch_download_run(const ch_download *d, choir_error *err);

#endif
