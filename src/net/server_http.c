/*
 * Server: see server.h. How it listens: with TLS by a key of its own, with TLS by an operator's, or
 * plain behind a proxy; and what clients are told of that: a URL and a pin.
 */
#define _GNU_SOURCE 1 // gethostname
#include "net/server_parts.h"

#include "base/disk.h"
#include "base/env.h"
#include "base/error.h"
#include "net/certificate.h"
#include "net/http_client.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HOST_MAX = 256, NAMES_MAX = 6 };

static const char HTTPS[] = "https://";
static const char HTTP[] = "http://";

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

// ----- names ------------------------------------------------------------------------------------

/* This machine's name, when it is one that certificates and URLs take; else "localhost". */
static void machine_name(char out[HOST_MAX]) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    out[HOST_MAX - 1] = '\0';
    if (gethostname(out, HOST_MAX - 1) != 0 || out[0] == '\0' || out[strspn(out, plain)] != '\0') {
        (void)snprintf(out, HOST_MAX, "localhost");
    }
}

static bool is_every_address(const char *address) {
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* The host in a URL, without the brackets of IPv6. */
static void url_host(char out[HOST_MAX], const char *url) {
    const char *from = strstr(url, "//");
    from = from == NULL ? url : from + 2;
    const bool is_v6 = from[0] == '[';
    from += is_v6;
    (void)snprintf(out, HOST_MAX, "%.*s", (int)strcspn(from, is_v6 ? "]" : ":/"), from);
}

static void name_add(const char *names[NAMES_MAX], uint32_t *count, const char *name) {
    for (uint32_t i = 0; i < *count; i++) {
        if (strcmp(names[i], name) == 0) {
            return;
        }
    }
    names[*count] = name;
    *count += 1;
}

/* ":8470" is of the port that it got, so the URL comes after listening. */
static choir_status url_write(ch_server *s, const ch_server_options *o, choir_error *err) {
    int size = 0;
    if (o->url[0] != '\0') {
        size = snprintf(s->url, sizeof(s->url), "%s", o->url);
    } else {
        char host[HOST_MAX];
        machine_name(host);
        const char *shown = is_every_address(o->address) ? host : o->address;
        const bool is_v6 = strchr(shown, ':') != NULL;
        size = snprintf(s->url, sizeof(s->url), "%s%s%s%s:%u", o->is_plain ? HTTP : HTTPS,
                        is_v6 ? "[" : "", shown, is_v6 ? "]" : "", ch_http_server_port(s->http));
    }
    if ((size_t)size >= sizeof(s->url)) {
        return ch_error_set(err, CHOIR_EINVAL, "url: longer than %d bytes", CH_URL_MAX);
    }
    return CHOIR_OK;
}

// ----- options ----------------------------------------------------------------------------------

static choir_status url_check(const ch_server_options *o, choir_error *err) {
    if (o->url[0] == '\0') {
        return CHOIR_OK;
    }
    const size_t scheme = begins(o->url, HTTPS) ? sizeof(HTTPS) - 1 : sizeof(HTTP) - 1;
    if (!(begins(o->url, HTTPS) || begins(o->url, HTTP)) || o->url[scheme] == '\0' ||
        strpbrk(o->url, "@?# \t\n\"<>\\^`{|}") != NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "url: must be one such as https://choir.example.org:8470");
    }
    if (!o->is_plain && begins(o->url, HTTP)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "url: '%s' is without TLS, and the server is not; give https://, or "
                            "have it serve plain",
                            o->url);
    }
    return CHOIR_OK;
}

static choir_status pin_check(const ch_server_options *o, choir_error *err) {
    if (o->pin[0] == '\0' || strcmp(o->pin, "none") == 0) {
        return CHOIR_OK;
    }
    if (!ch_http_pin_is_right(o->pin)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "pin: must be 'none', or 'sha256//' and the base64 of 32 bytes, or "
                            "several with ';' between");
    }
    if (o->is_plain && !begins(o->url, HTTPS)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "pin: clients can look at a key only where the url is https://");
    }
    return CHOIR_OK;
}

static choir_status options_check(const ch_server_options *o, choir_error *err) {
    if (o->is_plain && (o->certificate[0] != '\0' || o->clients_ca[0] != '\0')) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "plain: without TLS there are no certificates, the server's or "
                            "clients'; give one or the other");
    }
    if ((o->certificate[0] == '\0') != (o->certificate_key[0] == '\0')) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "certificate: it needs its key, and a key its certificate; give both");
    }
    const choir_status status = url_check(o, err);
    return status == CHOIR_OK ? pin_check(o, err) : status;
}

// ----- TLS --------------------------------------------------------------------------------------

/* The certificate, by the options an operator's or the server's own. */
static choir_status certificate_have(const ch_server *s, ch_certificate *out,
                                     const ch_server_options *o, choir_error *err) {
    if (o->certificate[0] != '\0') {
        return ch_certificate_read(out, o->certificate, o->certificate_key, &s->env, err);
    }
    char host[HOST_MAX];
    char machine[HOST_MAX];
    const char *names[NAMES_MAX];
    uint32_t count = 0;
    machine_name(machine);
    url_host(host, o->url[0] != '\0' ? o->url : machine);
    name_add(names, &count, host);
    if (!is_every_address(o->address)) {
        name_add(names, &count, o->address);
    }
    name_add(names, &count, machine);
    name_add(names, &count, "localhost");
    name_add(names, &count, "127.0.0.1");
    name_add(names, &count, "::1");
    return ch_certificate_own(out, o->dir, names, count, ch_server_unix_ms() / 1000, &s->env, err);
}

/* What clients are given: the key's pin, and those that the operator adds. */
static choir_status pin_write(ch_server *s, const char *own, const char *further,
                              choir_error *err) {
    int size = 0;
    if (strcmp(further, "none") != 0) {
        const bool is_in = strstr(further, own) != NULL;
        size = snprintf(s->pin, sizeof(s->pin), "%s%s%s", is_in ? "" : own,
                        is_in || further[0] == '\0' ? "" : ";", further);
    }
    if ((size_t)size >= sizeof(s->pin)) {
        return ch_error_set(err, CHOIR_EINVAL, "pin: no more than %d fit beside the server's",
                            CH_PINS_MAX / 53 - 1);
    }
    return CHOIR_OK;
}

static choir_status http_start(ch_server *s, const ch_server_options *o,
                               const ch_certificate *certificate, const ch_disk_file *clients_ca,
                               choir_error *err) {
    ch_http_server_options http = ch_http_server_defaults();
    http.address = o->address;
    http.port = o->port;
    http.idle_s = o->idle_s;
    http.request_s = o->request_s;
    http.trusts_ids = o->is_plain; // there is a proxy, or only this machine
    http.bodies_max = CH_SERVER_BODIES_MAX;
    http.certificate = (const char *)certificate->chain.data;
    http.key = (const char *)certificate->key.data;
    http.clients_ca = (const char *)clients_ca->data;
    const ch_http_handler handler = {.body_max = ch_routes_body_max,
                                     .handle = ch_routes_handle,
                                     .over = ch_routes_over,
                                     .make_room = ch_routes_make_room,
                                     .self = s};
    return ch_http_server_start(&s->http, &http, handler, &s->env, err);
}

choir_status ch_server_listen(ch_server *s, const ch_server_options *o, choir_error *err) {
    ch_certificate certificate = {.pin = ""};
    ch_disk_file clients_ca = {0};
    choir_status status = options_check(o, err);
    if (status == CHOIR_OK && !o->is_plain) {
        status = certificate_have(s, &certificate, o, err);
    }
    if (status == CHOIR_OK && o->clients_ca[0] != '\0') {
        status = ch_disk_read(&clients_ca, o->clients_ca, CH_PEM_MAX, &s->env, err);
    }
    if (status == CHOIR_OK) {
        status = pin_write(s, certificate.pin, o->pin, err);
    }
    if (status == CHOIR_OK) {
        status = http_start(s, o, &certificate, &clients_ca, err);
    }
    if (status == CHOIR_OK) {
        status = url_write(s, o, err);
    }
    ch_certificate_release(&certificate);
    ch_disk_release(&clients_ca);
    return status;
}
