/*
 * Operator: the other end of a server's administration: who hosts jobs and looks at them.
 *
 * Who the server is and the key come from a file that the server wrote, or from elsewhere; never
 * from a command line, which others can read.
 */
#ifndef CH_NET_OPERATOR_H
#define CH_NET_OPERATOR_H

#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"

#include <jansson.h>

typedef struct ch_operator ch_operator;

/*
 * Opens what an administrator's file says:
 *
 *     url, key                       where the server is, and who asks
 *     pin                            of its TLS key; without it who signed for it decides
 *     ca                             a file, PEM: who may sign for it, instead of the pin
 *     certificate, certificate_key   files, PEM: for a server that asks for clients' certificates
 *
 * Returns OK and an object to close; EIO when the file cannot be read; EPROTO when it is none;
 * ENOMEM; *out == NULL then.
 */
CHOIR_NODISCARD choir_status ch_operator_open(ch_operator **out, const char *path,
                                              const choir_env *env, choir_error *err);
void ch_operator_close(ch_operator *o);

/* "https://127.0.0.1:8470". */
const char *ch_operator_url(const ch_operator *o);

/* Asks; see ch_http_ask. path is behind "/v1/admin". */
CHOIR_NODISCARD choir_status ch_operator_ask(ch_operator *o, const char *method, const char *path,
                                             json_t *body, const char *what, json_t **out,
                                             choir_error *err);

/*
 * Writes a file for another administrator of the same server, for its owner alone to read.
 *
 * key  of that administrator
 *
 * Returns OK; EIO; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_operator_file_write(const ch_operator *o, const char *path,
                                                    const char *key, choir_error *err);

/* Gets bytes, borrowed until the next call. path is a whole one. Statuses as ch_http_ask's. */
CHOIR_NODISCARD choir_status ch_operator_get(ch_operator *o, const char *path, const char *what,
                                             choir_bytes *out, choir_error *err);

#endif
