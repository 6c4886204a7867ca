/*
 * Loopback benchmark: what the system carries over TCP to itself, without HTTP: the ceiling for
 * uploads.
 *
 * A sink reads messages of as many bytes as an update of the CNN and answers each with one byte; a
 * sender has the next one ready. Each is a process with a core of its own, where there are two. One
 * line for each number of connections: how many messages a second.
 *
 *     build/release/bench/loopback_bench [SECONDS]
 */
#define _GNU_SOURCE 1 // sched_setaffinity

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 4 * 1663370, BUFFER = 1 << 17, CONNECTIONS_MAX = 4 };

static uint8_t message[MESSAGE];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Where there is only one core, or the system does not let us choose, nothing changes. */
static void core_take(unsigned core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

/* ------------------------------------------------------------------------------------------- sink
 */

static void sink_read(int peer, size_t *got) {
    static uint8_t buffer[BUFFER];
    const ssize_t more = recv(peer, buffer, sizeof(buffer), 0);
    if (more <= 0) {
        _exit(0); // the sender has gone
    }
    *got += (size_t)more;
    if (*got >= MESSAGE) {
        *got -= MESSAGE;
        if (send(peer, "!", 1, MSG_NOSIGNAL) != 1) {
            _exit(0);
        }
    }
}

static void sink_run(int listener, int connections) {
    struct pollfd peers[CONNECTIONS_MAX];
    size_t got[CONNECTIONS_MAX] = {0};
    core_take(0);
    for (int i = 0; i < connections; i++) {
        peers[i] = (struct pollfd){.fd = accept(listener, NULL, NULL), .events = POLLIN};
    }
    for (;;) {
        (void)poll(peers, (nfds_t)connections, -1);
        for (int i = 0; i < connections; i++) {
            if (peers[i].revents != 0) {
                sink_read(peers[i].fd, &got[i]);
            }
        }
    }
}

/* ----------------------------------------------------------------------------------------- sender
 */

/* One step of a connection; true when a message of its has been answered. */
static bool sender_step(struct pollfd *peer, size_t *sent) {
    char answer = 0;
    if (*sent < MESSAGE) {
        const ssize_t more =
            send(peer->fd, message + *sent, MESSAGE - *sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (more > 0) {
            *sent += (size_t)more;
        }
        peer->events = *sent < MESSAGE ? POLLOUT : POLLIN;
        return false;
    }
    if (recv(peer->fd, &answer, 1, 0) != 1) {
        fail("loopback_bench: the sink has gone");
    }
    *sent = 0;
    peer->events = POLLOUT;
    return true;
}

static double sender_run(const struct sockaddr_in *at, int connections, double seconds) {
    struct pollfd peers[CONNECTIONS_MAX];
    size_t sent[CONNECTIONS_MAX] = {0};
    long count = 0;
    core_take(1);
    for (int i = 0; i < connections; i++) {
        peers[i] = (struct pollfd){.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLOUT};
        if (connect(peers[i].fd, (const struct sockaddr *)at, sizeof(*at)) != 0) {
            fail("loopback_bench: connect");
        }
    }
    const double start_s = now_s();
    while (now_s() < start_s + seconds) {
        (void)poll(peers, (nfds_t)connections, -1);
        for (int i = 0; i < connections; i++) {
            count += peers[i].revents != 0 && sender_step(&peers[i], &sent[i]) ? 1 : 0;
        }
    }
    const double rate = (double)count / (now_s() - start_s);
    for (int i = 0; i < connections; i++) {
        (void)close(peers[i].fd);
    }
    return rate;
}

static double measure(int connections, double seconds) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(listener, CONNECTIONS_MAX) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &size) != 0) {
        fail("loopback_bench: listen");
    }
    const pid_t sink = fork();
    if (sink == 0) {
        sink_run(listener, connections);
    }
    const double rate = sender_run(&at, connections, seconds);
    (void)close(listener);
    (void)kill(sink, SIGKILL);
    (void)waitpid(sink, NULL, 0);
    return rate;
}

int main(int argc, char **argv) {
    const double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    if (!(seconds > 0)) {
        (void)fprintf(stderr, "loopback_bench: '%s' is no number of seconds above 0\n", argv[1]);
        return 2;
    }
    memset(message, 1, sizeof(message));
    for (int connections = 1; connections <= CONNECTIONS_MAX; connections *= 4) {
        (void)printf("%d %.1f\n", connections, measure(connections, seconds));
        (void)fflush(stdout);
    }
    return 0;
}
