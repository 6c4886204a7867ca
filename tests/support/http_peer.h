/*
 * HTTP peer: a client that sends what a test wants on the wire, honest or not, and reads answers.
 * Every wait ends after PEER_WAIT_S; the test then fails.
 */
#ifndef CHOIR_TESTS_HTTP_PEER_H
#define CHOIR_TESTS_HTTP_PEER_H

#include "support/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PEER_WAIT_S = 20, PEER_HEAD_MAX = 4096, PEER_BODY_MAX = 1 << 16 };

typedef struct peer_reply {
    unsigned code;                   // 0: the connection ended before an answer
    char head[PEER_HEAD_MAX];        // with the status line
    uint8_t body[PEER_BODY_MAX + 1]; // (size), and a zero
    size_t size;
} peer_reply;

/* A connection to 127.0.0.1. */
static inline int peer_connect(uint16_t port) {
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval wait = {.tv_sec = PEER_WAIT_S};
    const int peer = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(peer >= 0);
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), 0);
    assert_int_equal(connect(peer, (struct sockaddr *)&at, sizeof(at)), 0);
    return peer;
}

/* Sends, as far as the other end takes it. */
static inline void peer_send(int peer, const void *data, size_t size) {
    const char *from = data;
    while (size > 0) {
        const ssize_t sent = send(peer, from, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        from += sent;
        size -= (size_t)sent;
    }
}

static inline void peer_say(int peer, const char *text) {
    peer_send(peer, text, strlen(text));
}

/* The value of an answer's header, without its end; NULL when it has none. */
static inline const char *peer_header(const peer_reply *r, const char *name) {
    static char value[512];
    const size_t length = strlen(name);
    for (const char *line = strstr(r->head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            const char *from = line + length + 1 + strspn(line + length + 1, " ");
            (void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(from, "\r"), from);
            return value;
        }
    }
    return NULL;
}

static inline bool peer_read(int peer, void *out, size_t size) {
    for (size_t got = 0; got < size;) {
        const ssize_t more = recv(peer, (uint8_t *)out + got, size - got, 0);
        if (more <= 0) {
            return false;
        }
        got += (size_t)more;
    }
    return true;
}

/* Reads one answer; code is 0 when the connection ends before it is whole. */
static inline void peer_receive_of(int peer, peer_reply *r, bool has_body) {
    size_t size = 0;
    r->code = 0;
    r->size = 0;
    r->head[0] = '\0';
    while (strstr(r->head, "\r\n\r\n") == NULL) {
        if (size + 1 >= sizeof(r->head) || !peer_read(peer, r->head + size, 1)) {
            return;
        }
        size += 1;
        r->head[size] = '\0';
    }
    const char *length = peer_header(r, "Content-Length");
    r->size = has_body && length != NULL ? (size_t)strtoull(length, NULL, 10) : 0;
    assert_true(r->size <= PEER_BODY_MAX);
    if (!peer_read(peer, r->body, r->size)) {
        return;
    }
    r->body[r->size] = 0;
    r->code = (unsigned)strtoul(r->head + strlen("HTTP/1.1 "), NULL, 10);
}

static inline void peer_receive(int peer, peer_reply *r) {
    peer_receive_of(peer, r, true);
}

/* Whether the other end closes, whatever it sends before. */
static inline bool peer_is_closed(int peer) {
    char byte[512];
    ssize_t got = 0;
    do {
        got = recv(peer, byte, sizeof(byte), 0);
    } while (got > 0);
    return got == 0 || errno == ECONNRESET;
}

/* Sends a head and body on a connection of its own, reads the answer and closes. */
static inline void peer_ask(uint16_t port, const char *text, peer_reply *r) {
    const int peer = peer_connect(port);
    peer_say(peer, text);
    peer_receive_of(peer, r, strncmp(text, "HEAD", 4) != 0);
    (void)close(peer);
}

#endif
