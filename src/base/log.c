/* Log: see log.h. */
#include "base/log.h"

#include "base/log_json.h"

#include <string.h>
#include <time.h>

static const char *level_word(choir_level level) {
    switch (level) {
    case CHOIR_LEVEL_ERROR:
        return "error";
    case CHOIR_LEVEL_WARN:
        return "warning";
    case CHOIR_LEVEL_INFO:
        return "info";
    case CHOIR_LEVEL_DEBUG:
        return "debug";
    }
    return "log";
}

/* How often the event has been logged, this time included. */
static uint32_t event_count(ch_log_lines *l, const char *event) {
    int i = 0;
    while (i < CH_LOG_EVENTS_MAX - 1 && l->seen[i].count > 0 &&
           strncmp(l->seen[i].event, event, CH_LOG_EVENT_MAX - 1) != 0) {
        i += 1;
    }
    (void)snprintf(l->seen[i].event, CH_LOG_EVENT_MAX, "%s", event);
    l->seen[i].count += l->seen[i].count < UINT32_MAX ? 1 : 0;
    return l->seen[i].count;
}

/* Bytes from 0x80 on are left: they are letters in UTF-8. */
static void text_put(FILE *out, const char *text) {
    for (const char *at = text; *at != '\0'; at++) {
        const unsigned char byte = (unsigned char)*at;
        (void)fputc(byte < ' ' || byte == 0x7f ? '?' : *at, out);
    }
}

static void put_json(FILE *out, choir_level level, const char *event, const char *fields) {
    char line[CH_LOG_JSON_MAX];
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    const size_t size = ch_log_json(line, now_ms, level_word(level), event, fields);
    (void)fwrite(line, 1, size, out);
}

static void put_text(const ch_log_lines *l, choir_level level, const char *event,
                     const char *fields, bool is_last) {
    (void)fprintf(l->out, "%s: %s: %s ", l->name, level_word(level), event);
    text_put(l->out, fields);
    (void)fputs(is_last ? "; more of these are not shown\n" : "\n", l->out);
}

static void lines_log(void *self, choir_level level, const char *event, const char *fields) {
    ch_log_lines *l = self;
    if (level > l->level) {
        return;
    }
    flockfile(l->out);
    const uint32_t count = event_count(l, event);
    if (l->is_endless || count <= CH_LOG_REPEATS_MAX) {
        if (l->is_json) {
            put_json(l->out, level, event, fields);
        } else {
            put_text(l, level, event, fields, !l->is_endless && count == CH_LOG_REPEATS_MAX);
        }
        (void)fflush(l->out);
    }
    funlockfile(l->out);
}

choir_env ch_log_env(ch_log_lines *lines) {
    choir_env env = choir_env_default(); // whose memory is libc's and looks at no self
    env.log = lines_log;
    env.self = lines;
    return env;
}
