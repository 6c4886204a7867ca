/* OpenAPI: docs/openapi.json, compiled in as it is: what a server can be asked, for programs. */
#ifndef CH_NET_OPENAPI_H
#define CH_NET_OPENAPI_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t CH_OPENAPI[]; // (CH_OPENAPI_SIZE)
extern const size_t CH_OPENAPI_SIZE;

#endif
