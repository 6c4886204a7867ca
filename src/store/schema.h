/*
 * Schema: the tables of a hosting store, and how those of older versions become today's.
 *
 * A file says its version in PRAGMA user_version and whose it is in PRAGMA application_id. Each
 * version is a row in a table of migrations, which is only ever added to: version 1 makes the first
 * tables, every other changes what the one before it left.
 */
#ifndef CH_STORE_SCHEMA_H
#define CH_STORE_SCHEMA_H

#include "store/database.h"

/* Today's. */
uint32_t ch_schema_version(void);

/*
 * Looks at a file, and changes nothing: is it a hosting store or empty, of a version that is known,
 * and is its structure whole? The last reads all of it.
 *
 * Returns OK; EPROTO when it is damaged, another program's, or a later choir's; EIO; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_schema_check(ch_database *db, choir_error *err);

/*
 * Brings a checked file to today's version; a version at a time, each whole or not at all.
 *
 * Returns OK; a status as ch_query_end.
 */
CHOIR_NODISCARD choir_status ch_schema_migrate(ch_database *db, choir_error *err);

#endif
