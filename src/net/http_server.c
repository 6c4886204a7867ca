/* HTTP server: its start and stop. See http_server.h and http_parts.h. */
#include "net/http_server.h"

#include "base/env.h"
#include "base/error.h"
#include "crypto/entropy.h"
#include "net/http_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    UNIT = 64,                 // bytes in which env->alloc counts
    WAITING_MAX = 4096,        // connections in the system's queue, as far as it allows
    DESCRIPTORS_FOR_ELSE = 64, // left to files, the database, the log
    FAREWELL_MS = 1000,        // for the 503s of a stop to be sent
};

ch_http_server_options ch_http_server_defaults(void) {
    return (ch_http_server_options){
        .address = "127.0.0.1",
        .connections_max = 16384,
        .connection_bytes = 9728,
        .idle_s = 60,
        .request_s = 120,
        .answer_s = 3600,
        .bodies_max = (size_t)512 << 20,
    };
}

/* ------------------------------------------------------------------------------------ listening */

static choir_status address_read(const char *text, uint16_t port, struct addrinfo **out,
                                 choir_error *err) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    char service[8];
    (void)snprintf(service, sizeof(service), "%u", port);
    const int code = text == NULL ? EAI_NONAME : getaddrinfo(text, service, &hints, out);
    if (code == EAI_MEMORY) {
        return CHOIR_ENOMEM;
    }
    return code == 0 ? CHOIR_OK
                     : ch_error_set(err, CHOIR_EINVAL,
                                    "http: '%s' is no IP address; give one such as 127.0.0.1 or ::",
                                    text == NULL ? "" : text);
}

/* The port in a socket's address, which begins alike in IPv4 and IPv6. */
static uint16_t port_of(int descriptor) {
    struct sockaddr_in6 bound;
    socklen_t size = sizeof(bound);
    memset(&bound, 0, sizeof(bound));
    (void)getsockname(descriptor, (struct sockaddr *)&bound, &size);
    return ntohs(bound.sin6_port);
}

static choir_status listen_at(ch_http_server *s, const ch_http_server_options *o,
                              choir_error *err) {
    struct addrinfo *at = NULL;
    const choir_status status = address_read(o->address, o->port, &at, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const int on = 1;
    const int off = 0;
    s->listener = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool listens =
        s->listener >= 0 && setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
    if (listens && at->ai_family == AF_INET6) {
        listens = setsockopt(s->listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0;
    }
    listens = listens && bind(s->listener, at->ai_addr, at->ai_addrlen) == 0 &&
              listen(s->listener, WAITING_MAX) == 0;
    const int reason = errno;
    freeaddrinfo(at);
    if (!listens) {
        return ch_error_set(err, CHOIR_EIO,
                            "http: cannot listen at %s port %u: %s; must be a free port of an "
                            "address of this machine",
                            o->address, o->port, strerror(reason));
    }
    s->port = port_of(s->listener);
    return CHOIR_OK;
}

/* ---------------------------------------------------------------------------------- connections */

/* The peer's address as text; of IPv4 in IPv6's form only IPv4's part. */
static void peer_write(char *out, size_t size, const struct sockaddr *peer) {
    static const char mapped[] = "::ffff:";
    const socklen_t bytes =
        peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    char text[CH_HTTP_PEER_BYTES];
    if (getnameinfo(peer, bytes, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0) {
        text[0] = '\0';
    }
    const char *from = text;
    if (strncmp(text, mapped, sizeof(mapped) - 1) == 0 && strchr(text, '.') != NULL) {
        from += sizeof(mapped) - 1;
    }
    (void)snprintf(out, size, "%s", from);
}

static void connection_open(ch_http_server *s, struct MHD_Connection *connection, void **context) {
    const size_t bytes = (sizeof(ch_http_exchange) + UNIT - 1) / UNIT * UNIT;
    ch_http_exchange *x = s->env.alloc(s->env.self, bytes);
    *context = x;
    if (x == NULL) {
        return;
    }
    *x = (ch_http_exchange){.server = s, .connection = connection};
    x->descriptor =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    peer_write(
        x->peer, sizeof(x->peer),
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    if (s->asks_clients) {
        ch_http_tls_require(connection);
    }
    ch_http_watch_enter(x);
}

static void on_connection(void *self, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code) {
    ch_http_server *s = self;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_open(s, connection, context);
    } else if (*context != NULL) {
        ch_http_watch_leave(*context);
        s->env.free(s->env.self, *context);
        *context = NULL;
    }
}

/* --------------------------------------------------------------------------------------- daemon */

/* What libmicrohttpd has to say; peers can cause it. */
static void on_complaint(void *self, const char *format, va_list arguments) {
    const ch_http_server *s = self;
    char text[200];
    (void)vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = '\0';
    ch_log_text(&s->env, CHOIR_LEVEL_DEBUG, "http_library", "says", text);
}

/* As many as wanted, or as there can be descriptors for. */
static uint32_t connections_allowed(const ch_http_server *s, uint32_t wanted) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY ||
        files.rlim_cur >= (rlim_t)wanted + DESCRIPTORS_FOR_ELSE) {
        return wanted;
    }
    const uint32_t allowed = files.rlim_cur > 2 * DESCRIPTORS_FOR_ELSE
                                 ? (uint32_t)files.rlim_cur - DESCRIPTORS_FOR_ELSE
                                 : DESCRIPTORS_FOR_ELSE;
    if (allowed < wanted) {
        ch_log(&s->env, CHOIR_LEVEL_WARN, "http_connections_lowered",
               "wanted=%u allowed=%u because=RLIMIT_NOFILE", wanted, allowed);
    }
    return allowed < wanted ? allowed : wanted;
}

enum { OPTIONS_MAX = 20 };

/* libmicrohttpd's options; the certificates' only with TLS. */
static void daemon_options(struct MHD_OptionItem out[OPTIONS_MAX], ch_http_server *s,
                           const ch_http_server_options *o) {
    const struct MHD_OptionItem fixed[] = {
        {MHD_OPTION_LISTEN_SOCKET, s->listener, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, connections_allowed(s, o->connections_max), NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connections_per_address_max, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->connection_bytes, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, o->idle_s, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, s},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)ch_http_on_completed, s},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)ch_http_on_escape, s},
    };
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)o->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)(uintptr_t)o->clients_ca},
    };
    size_t count = sizeof(fixed) / sizeof(fixed[0]);
    memcpy(out, fixed, sizeof(fixed));
    if (o->certificate != NULL) {
        const size_t more = o->clients_ca != NULL ? 4 : 3;
        memcpy(out + count, tls, more * sizeof(tls[0]));
        count += more;
    }
    out[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

/*
 * libmicrohttpd owns the listener from here; it closes it in the failures that our checks leave.
 *
 * TLS by poll: with epoll, libmicrohttpd (0.9.75) asks again and again without a pause as long as
 * any handshake is half done, so that one client that falls silent there would keep a core busy.
 * Connections that sleep are in neither's list, so that many of them cost nothing here.
 */
static choir_status daemon_start(ch_http_server *s, const ch_http_server_options *o,
                                 choir_error *err) {
    struct MHD_OptionItem items[OPTIONS_MAX];
    daemon_options(items, s, o);
    const unsigned loop =
        o->certificate == NULL ? MHD_USE_EPOLL_INTERNAL_THREAD : MHD_USE_POLL_INTERNAL_THREAD;
    const unsigned flags = loop | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG |
                           (o->certificate != NULL ? MHD_USE_TLS : 0);
    s->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, ch_http_on_request, s, MHD_OPTION_EXTERNAL_LOGGER,
                         on_complaint, s, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
    if (s->daemon == NULL) {
        s->listener = -1;
        return ch_error_set(err, CHOIR_EIO, "http: cannot start the server's thread: %s",
                            strerror(errno));
    }
    return CHOIR_OK;
}

/* ------------------------------------------------------------------------------------ life cycle
 */

static choir_status options_check(const ch_http_server_options *o, choir_error *err) {
    const struct {
        const char *name;
        size_t value, least;
    } rows[] = {
        {"connections_max", o->connections_max, 1},
        {"idle_s", o->idle_s, 1},
        {"request_s", o->request_s, 1},
        {"answer_s", o->answer_s, 1},
        {"bodies_max", o->bodies_max, 1},
        {"connection_bytes", o->connection_bytes, CH_HTTP_CONNECTION_MIN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value < rows[i].least) {
            return ch_error_set(err, CHOIR_EINVAL, "http: %s is %zu; it is to be at least %zu",
                                rows[i].name, rows[i].value, rows[i].least);
        }
    }
    return ch_http_tls_check(o, err);
}

static void locks_init(ch_http_server *s) {
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->change, &monotonic);
    (void)pthread_cond_init(&s->over, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&s->lock, NULL);
}

static ch_http_server *server_create(const ch_http_server_options *o, ch_http_handler handler,
                                     const choir_env *env) {
    ch_http_server *s = env->alloc(env->self, (sizeof(*s) + UNIT - 1) / UNIT * UNIT);
    if (s == NULL) {
        return NULL;
    }
    *s = (ch_http_server){.env = *env,
                          .handler = handler,
                          .listener = -1,
                          .asks_clients = o->clients_ca != NULL,
                          .trusts_ids = o->trusts_ids,
                          .bodies_max = o->bodies_max};
    s->queues[CH_HTTP_FRESH].limit_ms = (uint64_t)o->request_s * 1000;
    s->queues[CH_HTTP_KEPT].limit_ms = ((uint64_t)o->idle_s + o->request_s) * 1000;
    s->queues[CH_HTTP_ASKED].limit_ms = UINT64_MAX;
    s->queues[CH_HTTP_ANSWERING].limit_ms = (uint64_t)o->answer_s * 1000;
    s->queues[CH_HTTP_CUT].limit_ms = UINT64_MAX;
    locks_init(s);
    return s;
}

/* The parts that are there, last first. */
static void server_release(ch_http_server *s) {
    if (s->daemon != NULL) {
        MHD_stop_daemon(s->daemon);
    }
    if (s->listener >= 0) {
        (void)close(s->listener);
    }
    if (s->is_watched) {
        (void)pthread_mutex_lock(&s->lock);
        s->is_over = true;
        (void)pthread_cond_signal(&s->over);
        (void)pthread_mutex_unlock(&s->lock);
        (void)pthread_join(s->watcher, NULL);
    }
    ch_http_bodies_drop(s);
    if (s->unavailable != NULL) {
        MHD_destroy_response(s->unavailable);
    }
    (void)pthread_cond_destroy(&s->change);
    (void)pthread_cond_destroy(&s->over);
    (void)pthread_mutex_destroy(&s->lock);
    const choir_env env = s->env;
    env.free(env.self, s);
}

/* Ids of another start are others. */
static void prefix_make(ch_http_server *s) {
    uint32_t number = 0;
    ch_entropy_fill(&number, sizeof(number));
    (void)snprintf(s->id_prefix, sizeof(s->id_prefix), "%08" PRIx32, number);
}

/* Starts both threads with signals blocked: those are the program's. */
static choir_status threads_start(ch_http_server *s, const ch_http_server_options *o,
                                  choir_error *err) {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    choir_status status = CHOIR_OK;
    const int reason = pthread_create(&s->watcher, NULL, ch_http_watch_run, s);
    s->is_watched = reason == 0;
    if (s->is_watched) {
        status = daemon_start(s, o, err);
    } else {
        status = ch_error_set(err, CHOIR_EIO, "http: cannot start a thread: %s", strerror(reason));
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

choir_status ch_http_server_start(ch_http_server **out, const ch_http_server_options *options,
                                  ch_http_handler handler, const choir_env *env, choir_error *err) {
    *out = NULL;
    choir_status status = options_check(options, err);
    if (status == CHOIR_OK) {
        status = ch_crypto_start(err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    ch_http_server *s = server_create(options, handler, env);
    if (s == NULL) {
        return CHOIR_ENOMEM;
    }
    prefix_make(s);
    s->unavailable = ch_http_unavailable();
    status = s->unavailable == NULL ? CHOIR_ENOMEM : listen_at(s, options, err);
    if (status == CHOIR_OK) {
        *out = s; // before anybody can ask the handler
        status = threads_start(s, options, err);
    }
    if (status != CHOIR_OK) {
        server_release(s);
        *out = NULL;
    }
    return status;
}

uint16_t ch_http_server_port(const ch_http_server *s) {
    return s->port;
}

uint32_t ch_http_server_connections(ch_http_server *s) {
    (void)pthread_mutex_lock(&s->lock);
    const uint32_t connections = s->connections;
    (void)pthread_mutex_unlock(&s->lock);
    return connections;
}

/* Waits until no exchange is under way, but at most so long. Under the lock. */
static void wait_until_idle(ch_http_server *s, uint32_t wait_ms) {
    const uint64_t end_ms = ch_http_now_ms() + wait_ms;
    const struct timespec end = {.tv_sec = (time_t)(end_ms / 1000),
                                 .tv_nsec = (long)(end_ms % 1000) * 1000000};
    while (s->busy > 0 && pthread_cond_timedwait(&s->change, &s->lock, &end) == 0) {
    }
}

/* The listener stays open until libmicrohttpd's thread has ended, which might just be using it. */
static void listener_shut(ch_http_server *s) {
    if (!s->is_draining) {
        (void)MHD_quiesce_daemon(s->daemon);
        (void)shutdown(s->listener, SHUT_RDWR);
    }
}

void ch_http_server_drain(ch_http_server *s, uint32_t drain_ms) {
    listener_shut(s);
    (void)pthread_mutex_lock(&s->lock);
    s->is_draining = true;
    wait_until_idle(s, drain_ms);
    (void)pthread_mutex_unlock(&s->lock);
}

void ch_http_server_stop(ch_http_server *s, uint32_t drain_ms) {
    if (s == NULL) {
        return;
    }
    ch_http_server_drain(s, drain_ms);
    (void)pthread_mutex_lock(&s->lock);
    s->is_closing = true;
    const bool has_farewells = s->queues[CH_HTTP_ASKED].first != NULL;
    for (ch_http_exchange *x = s->queues[CH_HTTP_ASKED].first; x != NULL; x = x->after) {
        if (x->state == CH_HTTP_SLEEPING) { // one that is about to sleep sees is_closing
            ch_http_give(x, MHD_HTTP_SERVICE_UNAVAILABLE, NULL);
        }
    }
    wait_until_idle(s, has_farewells ? FAREWELL_MS : 0);
    (void)pthread_mutex_unlock(&s->lock);
    server_release(s);
}
