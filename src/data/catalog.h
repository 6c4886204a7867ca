/*
 * Catalog: the public data sets that can be downloaded by name.
 *
 * A row is a name, its files with where they come from and the hash they must have, and a sentence
 * on what it is. data/README.md has the same table with licences and citations; a test compares.
 */
#ifndef CH_DATA_CATALOG_H
#define CH_DATA_CATALOG_H

#include "data/download.h"

#include <stdbool.h>

enum {
    CH_CATALOG_FILES_MAX = 8,
    CH_CATALOG_URLS_MAX = 2,
};

typedef struct ch_catalog_file {
    const char *name;
    const char *urls[CH_CATALOG_URLS_MAX]; // the source, then a mirror or NULL
    const char *sha256;                    // NULL: changes with its editions
    uint64_t bytes;                        // then the most that one may have
} ch_catalog_file;

typedef struct ch_catalog_row {
    const char *name; // also of its folder in the data directory
    const char *about;
    ch_catalog_file files[CH_CATALOG_FILES_MAX]; // (file_count)
    uint32_t file_count;
    const char *published; // what those counted who first dealt it to clients; NULL: nothing
} ch_catalog_row;

extern const ch_catalog_row CH_CATALOG[];
extern const size_t CH_CATALOG_COUNT;

/* The row with this name, or NULL. */
const ch_catalog_row *ch_catalog_find(const char *name);

/* True when every file lies in the folder dir/name with its size, or, of editions, with a possible
 * one; hashes are not looked at. */
bool ch_catalog_is_here(const ch_catalog_row *row, const char *dir);

/*
 * Downloads what is missing of a row to dir/name, which is made when needed.
 *
 * like      limits and progress; its urls, path, hash and size are the rows'
 * fetching  called before each file; may be NULL
 *
 * Returns OK, or what ch_download_run said of the first file that failed.
 */
CHOIR_NODISCARD choir_status ch_catalog_get(const ch_catalog_row *row, const char *dir,
                                            const ch_download *like,
                                            void (*fetching)(void *self, const char *file),
                                            choir_error *err);

#endif
