/* Why: what a device is told with "not now" and "no more". */
#ifndef CHOIR_WHY_H
#define CHOIR_WHY_H

#ifdef __cplusplus
extern "C" {
#endif

//  name, text; in the order of their numbers on the wire
#define CHOIR_WHY_MAP(X)                                                                           \
    X(NONE, "none")                 /* nothing for this client in this round */                    \
    X(FULL, "full")                 /* the round has as many clients as it takes */                \
    X(NOT_ELIGIBLE, "not_eligible") /* this client may not take part, or not yet again */          \
    X(PAUSED, "paused")             /* the job stands still until its operator resumes it */       \
    X(ERROR, "error")               /* the server cannot go on by itself */                        \
    X(FINISHED, "finished")         /* all rounds are over */                                      \
    X(STOPPED, "stopped")           /* the operator has ended the job */

typedef enum choir_why {
#define X(name, text) CHOIR_WHY_##name,
    CHOIR_WHY_MAP(X)
#undef X
        CHOIR_WHY_COUNT,
} choir_why;

/* "not_eligible". Never NULL. */
const char *choir_why_text(choir_why why);

/* The one with that text; ERROR for a text that is none of these. */
choir_why choir_why_of(const char *text);

#ifdef __cplusplus
}
#endif

#endif
