/* Refusals: their names, and what the wire calls them. */
#include "proto/refusal.h"

const char *choir_refusal_text(choir_refusal refusal) {
    switch (refusal) {
#define X(name, text)                                                                              \
    case CHOIR_REFUSAL_##name:                                                                     \
        return text;
        CHOIR_REFUSAL_MAP(X)
#undef X
    case CHOIR_REFUSAL_COUNT:
        break;
    }
    return "unknown";
}

static const ch_reason REASONS[CHOIR_REFUSAL_COUNT] = {
    [CHOIR_REFUSAL_MALFORMED] = CH_REASON_MALFORMED,
    [CHOIR_REFUSAL_STALE] = CH_REASON_STALE,
    [CHOIR_REFUSAL_DUPLICATE] = CH_REASON_DUPLICATE,
    [CHOIR_REFUSAL_UNSAMPLED] = CH_REASON_UNSAMPLED,
    [CHOIR_REFUSAL_SIZE] = CH_REASON_SIZE,
    [CHOIR_REFUSAL_NOT_FINITE] = CH_REASON_NOT_FINITE,
    [CHOIR_REFUSAL_NORM] = CH_REASON_NORM,
    [CHOIR_REFUSAL_RANGE] = CH_REASON_RANGE,
    [CHOIR_REFUSAL_DIVERGED] = CH_REASON_DIVERGED,
    [CHOIR_REFUSAL_NO_DATA] = CH_REASON_NO_DATA,
    [CHOIR_REFUSAL_PROTOCOL] = CH_REASON_PROTOCOL,
    [CHOIR_REFUSAL_UNSUPPORTED] = CH_REASON_UNSUPPORTED,
};

ch_reason ch_refusal_reason(choir_refusal refusal) {
    return REASONS[refusal];
}

choir_refusal ch_refusal_of(uint32_t reason) {
    int refusal = 0;
    while (refusal < CHOIR_REFUSAL_COUNT &&
           (reason == CH_REASON_NONE || (uint32_t)REASONS[refusal] != reason)) {
        refusal += 1;
    }
    return (choir_refusal)refusal;
}

ch_reply ch_refusal_reply(choir_refusal refusal) {
    ch_reply out = {.kind = CH_REPLY_REFUSED, .reason = ch_refusal_reason(refusal)};
    if (refusal == CHOIR_REFUSAL_PROTOCOL) {
        out.protocol_lowest = CH_PROTOCOL;
        out.protocol_highest = CH_PROTOCOL;
    }
    return out;
}
