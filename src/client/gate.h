/* Gate: whether the device's owner lets a client do what is next. */
#ifndef CH_CLIENT_GATE_H
#define CH_CLIENT_GATE_H

#include "choir/client.h"
#include "choir/participant.h"

/*
 * Whether conditions stand in the way of what is next; event then is the BLOCKED that says which.
 *
 * has_joined  false: it joins first, to do what is next
 * has_left    then it is seen first what an earlier process left, which may be a report
 */
bool ch_gate_is_closed(const choir_conditions *conditions, const choir_intent *next,
                       bool has_joined, bool has_left, uint64_t now_ms, choir_event *event);

#endif
