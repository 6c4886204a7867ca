/* Gate: see gate.h. */
#include "client/gate.h"

#include <stdio.h>

/* A report is sent whatever else holds: its work is done, and others wait for it. */
static choir_activity activity_of(const choir_intent *next, bool has_left) {
    const bool is_report = next->kind == CHOIR_INTENT_SEND && next->task != NULL;
    return is_report || has_left ? CHOIR_ACTIVITY_SEND : CHOIR_ACTIVITY_WORK;
}

bool ch_gate_is_closed(const choir_conditions *conditions, const choir_intent *next,
                       bool has_joined, bool has_left, uint64_t now_ms, choir_event *event) {
    choir_obstacles obstacles;
    if (next->kind == CHOIR_INTENT_DONE || (next->kind == CHOIR_INTENT_WAIT && has_joined)) {
        return false;
    }
    choir_conditions_look(&obstacles, conditions, activity_of(next, !has_joined && has_left));
    if (obstacles.set == 0) {
        return false;
    }
    *event = (choir_event){.kind = CHOIR_EVENT_BLOCKED,
                           .round = next->task == NULL ? 0 : next->task->round,
                           .wake_ms = now_ms + obstacles.wait_ms,
                           .obstacles = obstacles.set};
    (void)snprintf(event->message, sizeof(event->message), "%s", obstacles.text);
    return true;
}
