/* choir serve: federated training for real clients. */
#include "commands.h"

#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "net/notify.h"
#include "net/server.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { DIR_MAX = 512, WHO_MAX = 256, WORD_MAX = 8, RATE_MAX = 6000000 };

typedef struct serve_flags {
    char dir[DIR_MAX];
    char address[64];
    uint32_t port;
    char url[CH_URL_MAX];
    uint32_t token_s;
    char token_algorithm[WORD_MAX];
    uint32_t away_s;
    uint32_t idle_s;
    uint32_t request_s;
    uint32_t join_rate;
    uint32_t exchange_rate;
    uint32_t failure_rate;
    bool plain;
    char certificate[DIR_MAX];
    char certificate_key[DIR_MAX];
    char clients_ca[DIR_MAX];
    char pin[CH_PINS_MAX];
    char jwks[DIR_MAX];
    char issuer[WHO_MAX];
    char audience[WHO_MAX];
    uint32_t account_max;
    uint32_t keep_rounds;
    uint32_t keep_sums;
    bool no_sums;
    char log[WORD_MAX];
    bool access_log;
    bool quiet;
} serve_flags;

#define FIELD(member) offsetof(serve_flags, member)

static const ch_option ROWS[] = {
    {"--dir", CH_OPTION_TEXT, FIELD(dir), 0, DIR_MAX, "", NULL,
     "the server's folder: its store, join.json for devices, admin.json for its operator"},
    {"--address", CH_OPTION_TEXT, FIELD(address), 0, 64, "", NULL,
     "to listen on: 127.0.0.1 or ::1 for this machine alone, 0.0.0.0 or :: for all"},
    {"--port", CH_OPTION_U32, FIELD(port), 0, 65535, "", NULL, "to listen on; 0: any that is free"},
    {"--url", CH_OPTION_TEXT, FIELD(url), 0, CH_URL_MAX, "", NULL,
     "by which clients reach it, when that is another: behind a proxy"},
    {"--token-time", CH_OPTION_U32, FIELD(token_s), 10, 86400, "s", NULL,
     "how long a device's token is good"},
    {"--away-time", CH_OPTION_U32, FIELD(away_s), 1, 2400, "s", NULL,
     "how long a device stays away that a job does not take, or has no place for"},
    {"--idle-time", CH_OPTION_U32, FIELD(idle_s), 1, 3600, "s", NULL,
     "after which a connection on which nothing moves is closed"},
    {"--request-time", CH_OPTION_U32, FIELD(request_s), 1, 86400, "s", NULL,
     "after which a request that is not whole is cut off; a slow device's upload needs some"},
    {"--token-algorithm", CH_OPTION_TEXT, FIELD(token_algorithm), 0, WORD_MAX, "", "HS256|EdDSA",
     "how devices' tokens are signed: others can tell EdDSA's by the key in token.jwks"},
    {"--join-rate", CH_OPTION_U32, FIELD(join_rate), 0, RATE_MAX, "a minute", NULL,
     "how often an address may enrol or join; ten minutes' worth at once; 0: no limit"},
    {"--exchange-rate", CH_OPTION_U32, FIELD(exchange_rate), 0, RATE_MAX, "a minute", NULL,
     "how often a device may ask or report, likewise"},
    {"--failure-rate", CH_OPTION_U32, FIELD(failure_rate), 0, RATE_MAX, "a minute", NULL,
     "how often an address may show no administrator's key that may, likewise"},
    {"--certificate", CH_OPTION_TEXT, FIELD(certificate), 0, DIR_MAX, "", NULL,
     "a PEM file, the server's own first, instead of the one it makes for itself"},
    {"--certificate-key", CH_OPTION_TEXT, FIELD(certificate_key), 0, DIR_MAX, "", NULL,
     "a PEM file: the key of --certificate; renewed for the same key, no device notices"},
    {"--clients-ca", CH_OPTION_TEXT, FIELD(clients_ca), 0, DIR_MAX, "", NULL,
     "a PEM file: only clients with a certificate that one of these signed are heard"},
    {"--pin", CH_OPTION_TEXT, FIELD(pin), 0, CH_PINS_MAX, "", NULL,
     "further keys that clients may trust, sha256//BASE64;...: a proxy's, the next one's; none: "
     "not even the server's, so that clients look at who signed"},
    {"--jwks", CH_OPTION_TEXT, FIELD(jwks), 0, DIR_MAX, "", NULL,
     "a JWKS file: the public keys of an identity provider; its tokens, RS256 or ES256, then enrol "
     "devices, and the join file does not; read again when it changes"},
    {"--issuer", CH_OPTION_TEXT, FIELD(issuer), 0, WHO_MAX, "", NULL,
     "what the iss of such a token must be"},
    {"--audience", CH_OPTION_TEXT, FIELD(audience), 0, WHO_MAX, "", NULL,
     "what the aud of such a token must be or have: without it one for any other service enrols"},
    {"--account-devices", CH_OPTION_U32, FIELD(account_max), 0, UINT32_MAX, "", NULL,
     "how many devices the tokens of one sub may enrol; 0: any number"},
    {"--plain", CH_OPTION_FLAG, FIELD(plain), 0, 0, "", NULL,
     "HTTP without TLS: for behind a proxy that has it; --url is then the proxy's"},
    {"--keep-rounds", CH_OPTION_U32, FIELD(keep_rounds), 0, UINT32_MAX, "", NULL,
     "how many of a job's last rounds keep their models and receipts, beside the best round and "
     "promoted models; 0: all"},
    {"--keep-sums", CH_OPTION_U32, FIELD(keep_sums), 0, UINT32_MAX, "", NULL,
     "of how many of a job's last rounds to keep the sum, for choir replay: 8 bytes a parameter "
     "each; 0: of all whose models are kept"},
    {"--no-sums", CH_OPTION_FLAG, FIELD(no_sums), 0, 0, "", NULL,
     "keep no sums of the rounds that close from now on"},
    {"--log", CH_OPTION_TEXT, FIELD(log), 0, WORD_MAX, "", "text|json",
     "how lines are written to standard error: for people, or each a JSON object"},
    {"--access-log", CH_OPTION_FLAG, FIELD(access_log), 0, 0, "", NULL,
     "a line for each request: what was asked, by whom, and how it ended"},
    {"--quiet", CH_OPTION_FLAG, FIELD(quiet), 0, 0, "", NULL, "only warnings and errors"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const serve_flags DEFAULTS = {.dir = "choir-server",
                                     .address = "127.0.0.1",
                                     .port = 8470,
                                     .log = "text",
                                     .token_s = 3600,
                                     .token_algorithm = "HS256",
                                     .away_s = 600,
                                     .idle_s = 60,
                                     .request_s = 120,
                                     .join_rate = 3000,
                                     .exchange_rate = 6000,
                                     .failure_rate = 60};

/* What it is, for the terminal; the key is told once, when it is made. */
static void announce(const ch_call *call, const ch_server *s) {
    const serve_flags *flags = call->options;
    (void)fprintf(call->out, "serving  %s\n", ch_server_url(s));
    (void)fprintf(call->out, "devices  choir join %s/join.json --job NAME\n", flags->dir);
    (void)fprintf(call->out, "jobs     choir host JOB.yaml --admin %s/admin.json\n", flags->dir);
    if (ch_server_admin_key(s)[0] != '\0') {
        (void)fprintf(call->out, "key      %s (the owner's; in admin.json, and shown only now)\n",
                      ch_server_admin_key(s));
    }
    (void)fflush(call->out);
}

/* Tells systemd, or whoever else asks for it; that it could not is no reason to serve nobody. */
static void supervisor_tell(const choir_env *env, const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    choir_error err = {.message = ""};
    if (path != NULL && ch_notify(path, state, &err) != CHOIR_OK) {
        ch_log_text(env, CHOIR_LEVEL_WARN, "notify_failed", "why", err.message);
    }
}

/* Signals are blocked before any thread begins, so that this one alone hears them. */
static void signal_wait(const sigset_t *ends) {
    int signal = 0;
    (void)sigwait(ends, &signal);
}

/* As many open files, and so connections, as the system allows: a shell's own limit is often 1024.
 */
static void files_allow(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); // else it is as it was, and fewer are taken
    }
}

static int serve_run(const ch_call *call, choir_error *err) {
    const serve_flags *flags = call->options;
    static ch_log_lines lines;
    if (flags->no_sums && flags->keep_sums > 0) {
        return exit_of(ch_error_set(err, CHOIR_EINVAL, "--keep-sums, --no-sums: give one of them"),
                       err);
    }
    lines = (ch_log_lines){.out = stderr,
                           .name = "choir serve",
                           .level = flags->quiet ? CHOIR_LEVEL_WARN : CHOIR_LEVEL_INFO,
                           .is_endless = true,
                           .is_json = strcmp(flags->log, "json") == 0};
    const choir_env env = ch_log_env(&lines);
    ch_server_options options = ch_server_defaults();
    options.dir = flags->dir;
    options.address = flags->address;
    options.port = (uint16_t)flags->port;
    options.url = flags->url;
    options.token_s = flags->token_s;
    options.token_algorithm = flags->token_algorithm;
    options.away_s = flags->away_s;
    options.idle_s = flags->idle_s;
    options.request_s = flags->request_s;
    options.join_rate = flags->join_rate;
    options.exchange_rate = flags->exchange_rate;
    options.failure_rate = flags->failure_rate;
    options.is_plain = flags->plain;
    options.certificate = flags->certificate;
    options.certificate_key = flags->certificate_key;
    options.clients_ca = flags->clients_ca;
    options.pin = flags->pin;
    options.jwks = flags->jwks;
    options.issuer = flags->issuer;
    options.audience = flags->audience;
    options.account_max = flags->account_max;
    options.keep_rounds = flags->keep_rounds;
    options.keep_sums = flags->keep_sums;
    options.no_sums = flags->no_sums;
    options.logs_access = flags->access_log;
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    (void)signal(SIGXFSZ, SIG_IGN); // a file that may not grow is a disk that refuses
    files_allow();
    ch_server *server = NULL;
    const choir_status status = ch_server_start(&server, &options, &env, err);
    if (status != CHOIR_OK) {
        if (lines.is_json) { // whoever collects the lines finds why among them
            ch_log_text(&env, CHOIR_LEVEL_ERROR, "not_serving", "why", err->message);
        }
        return exit_of(status, err);
    }
    announce(call, server);
    supervisor_tell(&env, "READY=1");
    signal_wait(&ends);
    supervisor_tell(&env, "STOPPING=1");
    ch_server_stop(server);
    return EXIT_DONE;
}

const ch_command CMD_SERVE = {
    .name = "serve",
    .operands = "",
    .summary = "coordinate federated training for real clients",
    .text =
        "Hosts jobs and coordinates their rounds over HTTPS, by a key that it makes for itself and "
        "that the join file tells devices. Everything it has to remember is in "
        "its folder; killed at any moment and started again, it goes on where it was, and "
        "nothing that it acknowledged is lost. Ends on SIGINT or SIGTERM, when it has answered "
        "what was asked.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = serve_run,
};
