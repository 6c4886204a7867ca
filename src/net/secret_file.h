/* Secret file: a JSON object with secrets in it, which nobody but its owner may read. */
#ifndef CH_NET_SECRET_FILE_H
#define CH_NET_SECRET_FILE_H

#include "choir/status.h"

#include <jansson.h>

/*
 * Writes the object to path, at once or not at all.
 *
 * root  its reference is taken; NULL: there was no memory for it
 *
 * Returns OK; EIO; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_secret_file_write(const char *path, json_t *root, choir_error *err);

#endif
