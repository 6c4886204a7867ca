/*
 * Web server: a thread that answers HTTP requests on 127.0.0.1 from a script, for tests of clients.
 *
 * Each connection is answered by the next step of the script, the last one for ever: well, without
 * ranges, cut off, too long, not at all. One request a connection.
 */
#ifndef CHOIR_TESTS_WEB_SERVER_H
#define CHOIR_TESTS_WEB_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef enum web_answer {
    WEB_SERVE,     // the file, or the range that was asked for
    WEB_NO_RANGES, // always the whole file
    WEB_CUT,       // half of what is left, then the connection ends
    WEB_LONG,      // the file and one byte more
    WEB_MISSING,   // 404
    WEB_SILENT,    // the header, then nothing
} web_answer;

typedef struct web_server {
    const uint8_t *file; // (size) borrowed
    size_t size;
    const web_answer *script; // (steps) borrowed
    size_t steps;
    size_t requests;     // answered so far
    uint64_t last_range; // where the last request wanted to begin
    int listener;        // -1 after stop
    int silent[16];      // connections left hanging
    size_t silent_count;
    char url[64];
    pthread_t thread;
} web_server;

static inline void web_send(int peer, const void *data, size_t size) {
    const uint8_t *from = data;
    while (size > 0) {
        const ssize_t sent = send(peer, from, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        from += sent;
        size -= (size_t)sent;
    }
}

/* Reads a request's header and returns where its range begins. */
static inline size_t web_request(int peer) {
    char text[4096];
    size_t size = 0;
    while (size + 1 < sizeof(text)) {
        const ssize_t got = recv(peer, text + size, sizeof(text) - 1 - size, 0);
        if (got <= 0) {
            break;
        }
        size += (size_t)got;
        text[size] = '\0';
        if (strstr(text, "\r\n\r\n") != NULL) {
            break;
        }
    }
    text[size] = '\0';
    const char *range = strstr(text, "Range: bytes=");
    return range == NULL ? 0 : (size_t)strtoull(range + strlen("Range: bytes="), NULL, 10);
}

static inline void web_answer_to(web_server *s, int peer, web_answer answer) {
    char header[256];
    size_t from = web_request(peer);
    s->last_range = from;
    if (answer == WEB_MISSING) {
        static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        web_send(peer, missing, sizeof(missing) - 1);
        return;
    }
    from = answer == WEB_NO_RANGES || from > s->size ? 0 : from;
    const size_t left = s->size - from + (answer == WEB_LONG);
    const int size =
        snprintf(header, sizeof(header),
                 "HTTP/1.1 %s\r\nContent-Length: %zu\r\nContent-Range: bytes %zu-%zu/%zu\r\n\r\n",
                 from > 0 ? "206 Partial Content" : "200 OK", left, from, s->size - 1, s->size);
    web_send(peer, header, (size_t)size);
    if (answer != WEB_SILENT) {
        const size_t there = s->size - from;
        web_send(peer, s->file + from, answer == WEB_CUT ? there / 2 : there);
        web_send(peer, "!", answer == WEB_LONG);
    }
}

static inline void *web_run(void *self) {
    web_server *s = self;
    for (;;) {
        const int peer = accept(s->listener, NULL, NULL);
        if (peer < 0) {
            return NULL;
        }
        const web_answer answer = s->script[s->requests < s->steps ? s->requests : s->steps - 1];
        s->requests += 1;
        web_answer_to(s, peer, answer);
        if (answer == WEB_SILENT && s->silent_count < sizeof(s->silent) / sizeof(s->silent[0])) {
            s->silent[s->silent_count] = peer;
            s->silent_count += 1;
        } else {
            (void)close(peer);
        }
    }
}

/* Starts serving; url is then where. Returns false when the system gives no socket or thread. */
static inline bool web_start(web_server *s, const uint8_t *file, size_t size,
                             const web_answer *script, size_t steps) {
    *s = (web_server){.file = file, .size = size, .script = script, .steps = steps};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t at_size = sizeof(at);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(s->listener, 8) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &at_size) != 0) {
        return false;
    }
    (void)snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/file", ntohs(at.sin_port));
    return pthread_create(&s->thread, NULL, web_run, s) == 0;
}

static inline void web_stop(web_server *s) {
    (void)shutdown(s->listener, SHUT_RDWR); // accept returns
    (void)pthread_join(s->thread, NULL);
    (void)close(s->listener);
    for (size_t i = 0; i < s->silent_count; i++) {
        (void)close(s->silent[i]);
    }
}

#endif
