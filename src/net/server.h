/*
 * Server: federated training for real clients: a driver of many coordinators over HTTP.
 *
 *     dir/choir.db      what survives (src/store/hosting_store.h)
 *     dir/tls.key .pem  by which clients know it (certificate.h)
 *     dir/join.json     what a device needs to take part; to be given to devices
 *     dir/admin.json    what an operator needs to host jobs; for the operator alone; whoever serves
 *                       there again finds the key in it kept, and the address brought up to date
 *
 * Three threads: HTTP's, which answers; the keeper, which closes rounds whose time is up and
 * commits what was reported, many reports at a time; and the host's, which waits for a signal. One
 * lock is around all jobs; the keeper lets go of it while a commit is written, but hosting,
 * steering and a client that a version meets first hold it for a write of their own.
 */
#ifndef CH_NET_SERVER_H
#define CH_NET_SERVER_H

#include "choir/env.h"
#include "choir/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ch_server ch_server;

enum { // bytes, with the terminating zero
    CH_URL_MAX = 256,
    CH_PINS_MAX = 256,
};

typedef struct ch_server_options {
    const char *dir;     // made when it is not there; default "choir-server"
    const char *address; // to listen on; default "127.0.0.1"
    uint16_t port;       // 0: any that is free; default 8470
    const char *url;     // by which clients reach it, when that is another; default "": from the
                         // address and port
    uint32_t token_s;    // how long a device's token is good, seconds; default 3600
    const char *token_algorithm; // "EdDSA", or, the default, "HS256"; of another none is believed
    uint32_t away_s;      // how long one that a job does not take stays away: half as long to one
                          // and a half times as long; at most 2400; default 600
    uint32_t keep_rounds; // of a job, the last so many and the best keep their models and receipts,
                          // and so do promoted models; default 0: all do
    bool no_sums;         // rounds leave no sums; else they do, 8 bytes a parameter, for a replay
    uint32_t keep_sums;   // of a job, the last so many keep theirs; default 0: as keep_rounds says

    uint32_t idle_s;    // a connection on which nothing moves is closed after so long, at least 1;
                        // default 60
    uint32_t request_s; // and one whose request is not whole after so long is cut off, at least 1;
                        // default 120

    // How often, a minute; ten minutes' worth at once; 0: no limit. Where it says address, one of
    // IPv6 is its network of 64 bits; behind a proxy it is the proxy's.
    uint32_t join_rate;     // an address enrols or joins; default 3000
    uint32_t exchange_rate; // a device asks for something to do or reports; default 6000
    uint32_t failure_rate;  // an address shows no key that may, as an administrator; default 60

    const char *jwks;     // a file with the public keys of an identity provider, whose tokens then
                          // enrol devices, and the server's secret does not; default "": none
    const char *issuer;   // that those tokens are to be of; default "": whichever
    const char *audience; // that they are to be for; default "": whichever
    uint32_t account_max; // devices that one account enrols; default 0: no limit

    bool logs_access; // a line "request" for each request, when it is over; default false

    bool is_plain;               // HTTP without TLS: for behind a proxy that has it; default false
    const char *certificate;     // an operator's, a PEM file, the server's own first; default "":
                                 // one that the server makes and keeps in dir
    const char *certificate_key; // a PEM file; "" exactly when certificate is
    const char *clients_ca; // a PEM file: clients must have a certificate that one of these signed;
                            // default "": none is asked for
    const char *pin;        // further keys that clients may trust, "sha256//BASE64" with ';'
                            // between: a proxy's, the next one's; "none": not even the server's, so
                            // that clients look at who signed for it; default ""
} ch_server_options;

ch_server_options ch_server_defaults(void);

/*
 * Starts serving what the store in options->dir holds, from where it was.
 *
 * options  borrowed for the call
 * env      log lines: "serving", "round_applied", "job_hosted", "commit_failed", ...
 *
 * Returns OK and a server to stop; EINVAL for options; EIO when the port, the folder or the store
 * cannot be had; EPROTO when the store is damaged; ENOMEM; *out == NULL then.
 */
CHOIR_NODISCARD choir_status ch_server_start(ch_server **out, const ch_server_options *options,
                                             const choir_env *env, choir_error *err);

/* Answers what it has, commits, closes. Accepts NULL. */
void ch_server_stop(ch_server *s);

/* "https://127.0.0.1:8470". */
const char *ch_server_url(const ch_server *s);

/* The first administrator's key, of a server that began with an empty store; else "". */
const char *ch_server_admin_key(const ch_server *s);

#endif
