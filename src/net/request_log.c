/* Request log: see request_log.h. */
#include "net/request_log.h"

#include <stdio.h>

enum { ID_MAX = 80, FIELDS_MAX = 1200 }; // bytes; the latter those of a ch_log, and an id

static _Thread_local char current[ID_MAX]; // "": none

static void *host_alloc(void *self, size_t bytes) {
    const ch_request_log *l = self;
    return l->host.alloc(l->host.self, bytes);
}

static void host_free(void *self, void *block) {
    const ch_request_log *l = self;
    l->host.free(l->host.self, block);
}

/* The id goes first: what is cut off at the end might be in the middle of a text. */
static void host_log(void *self, choir_level level, const char *event, const char *fields) {
    const ch_request_log *l = self;
    char all[FIELDS_MAX];
    if (current[0] == '\0') {
        l->host.log(l->host.self, level, event, fields);
        return;
    }
    (void)snprintf(all, sizeof(all), "request=\"%s\" %s", current, fields);
    l->host.log(l->host.self, level, event, all);
}

choir_env ch_request_log_env(ch_request_log *self, const choir_env *host) {
    self->host = *host;
    return (choir_env){.alloc = host_alloc, .free = host_free, .log = host_log, .self = self};
}

void ch_request_log_enter(const char *id) {
    (void)snprintf(current, sizeof(current), "%s", id);
}

void ch_request_log_leave(void) {
    current[0] = '\0';
}
