/* Encode: bytes as text: base64 as in RFC 4648 §5, of letters that need no escape in URLs and JSON,
 * without padding. */
#ifndef CH_CRYPTO_ENCODE_H
#define CH_CRYPTO_ENCODE_H

#include "choir/bytes.h"
#include "choir/status.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes that (size) bytes take as text, with the terminating zero. */
#define CH_BASE64_MAX(size) (((size)*4 + 2) / 3 + 1)

/* Writes bytes to out (CH_BASE64_MAX(bytes.size)). */
void ch_base64(char *out, choir_bytes bytes);

/*
 * Reads text, all of it, into at most capacity bytes; size is how many there are.
 * Returns OK; EPROTO when it is no base64 of this kind or longer.
 */
CHOIR_NODISCARD choir_status ch_base64_read(uint8_t *out, size_t capacity, size_t *size,
                                            const char *text, size_t length);

#endif
