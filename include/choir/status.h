/*
 * Status codes: how every choir function that can fail answers.
 *
 * OK is 0 and every failure is negative. The codes are few because each names a different
 * *reaction*, not a different cause; causes go into a choir_error message. Programmer errors are
 * not here at all: those abort (see src/base/assert.h).
 */
#ifndef CHOIR_STATUS_H
#define CHOIR_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

//  name, value, text                                                 who reacts, and how
#define CHOIR_STATUS_MAP(X)                                                                        \
    X(OK, 0, "ok")                                                  /* nobody */                   \
    X(EAGAIN, -1, "nothing to do yet")                              /* caller: ask again later */  \
    X(ENOMEM, -2, "out of memory")                                  /* caller: release, give up */ \
    X(EINVAL, -3, "an option is outside its documented range")      /* operator: fix the config */ \
    X(EPROTO, -4, "the peer sent bytes that do not parse")          /* drop the peer */            \
    X(ESTALE, -5, "the message belongs to a round that has closed") /* peer: check in again */     \
    X(ERANGE, -6, "a value left its declared range")                /* drop the value */           \
    X(EIO, -7, "the operating system refused")                      /* caller: retry or report */

typedef enum choir_status {
#define X(name, value, text) CHOIR_##name = (value),
    CHOIR_STATUS_MAP(X)
#undef X
} choir_status;

#if defined(__GNUC__)
#define CHOIR_NODISCARD __attribute__((warn_unused_result))
#else
#define CHOIR_NODISCARD
#endif

/* "ESTALE". Never NULL; "EUNKNOWN" for a number that is not a status. */
const char *choir_status_name(choir_status status);

/* "the message belongs to a round that has closed". Never NULL. */
const char *choir_status_text(choir_status status);

/* Where a human finds out which option, which line, which layer. Optional everywhere: NULL. */
typedef struct choir_error {
    choir_status status;
    char message[400];
} choir_error;

#ifdef __cplusplus
}
#endif

#endif
