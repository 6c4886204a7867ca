/* choir swarm: thousands of clients of a hosted job, to load a server and to try a deployment out.
 */
#include "commands.h"
#include "interrupt.h"
#include "operators.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "choir/route.h"
#include "job/rules.h"
#include "run/device.h"
#include "swarm/made.h"
#include "swarm/swarm.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
    CLIENTS_MAX = 1 << 20,
    EXAMPLES_MAX = 1 << 20,
    SECONDS_MAX = 7 * 86400,
    UPDATES_MAX = 65536
};

typedef struct swarm_flags {
    char job[CHOIR_NAME_MAX];
    uint32_t clients;
    uint32_t first;
    char load[16];
    uint32_t seconds;
    char trainer[16];
    uint32_t examples;
    char dir[CHOIR_PATH_MAX];
    char state[CHOIR_PATH_MAX];
    char platform[64];
    char tags[256];
    uint32_t connections;
    uint32_t updates;
    uint32_t patience_s;
    bool cache;
    char ca[CHOIR_PATH_MAX];
    char certificate[CHOIR_PATH_MAX];
    char certificate_key[CHOIR_PATH_MAX];
    bool json;
    bool quiet;
} swarm_flags;

#define FIELD(member) offsetof(swarm_flags, member)
#define TEXT(flag, member, choices, help)                                                          \
    {                                                                                              \
        flag, CH_OPTION_TEXT, FIELD(member), 0, sizeof(((swarm_flags *)0)->member), "", choices,   \
            help                                                                                   \
    }

static const ch_option ROWS[] = {
    TEXT("--job", job, NULL, "which of the server's jobs; required"),
    {"--clients", CH_OPTION_U32, FIELD(clients), 1, CLIENTS_MAX, "", NULL, "how many there are"},
    {"--first", CH_OPTION_U32, FIELD(first), 0, CLIENTS_MAX, "", NULL,
     "which client of the job the first of them is, for several swarms in one job"},
    TEXT("--load", load, "rounds|check-ins|waits|resends",
         "rounds: they take part; check-ins: they check in again and again, whatever is answered; "
         "waits: they check in and wait at the server; resends: the answer to every report is as "
         "if it were lost, so that the server has it again"),
    {"--time", CH_OPTION_U32, FIELD(seconds), 0, SECONDS_MAX, "s", NULL,
     "that the load lasts, once all have joined; 0: until the job is over"},
    TEXT("--trainer", trainer, "engine|made",
         "engine: each trains on its part of the job's data; made: updates are made up, so that "
         "they cost next to nothing and the server is what is measured"),
    {"--examples", CH_OPTION_U32, FIELD(examples), 1, EXAMPLES_MAX, "", NULL,
     "that each client says it has, of --trainer made"},
    TEXT("--dir", dir, NULL, "where named data sets are kept"),
    TEXT("--state", state, NULL,
         "a folder for their keys and numbers, so that the server knows them again; of one swarm "
         "at a time"),
    TEXT("--platform", platform, NULL,
         "of all of them, told to the server, which may choose clients by it"),
    TEXT("--tags", tags, NULL, "likewise, with commas between"),
    {"--connections", CH_OPTION_U32, FIELD(connections), 0, CLIENTS_MAX, "", NULL,
     "calls at a time, and so connections; 0: one for each client"},
    {"--updates", CH_OPTION_U32, FIELD(updates), 1, UPDATES_MAX, "", NULL,
     "models and updates in memory at a time; who has a task waits for room"},
    {"--patience", CH_OPTION_U32, FIELD(patience_s), 0, 60, "s", NULL,
     "how long a check-in of rounds or waits may wait at the server; not at all with fewer "
     "connections than clients"},
    {"--cache", CH_OPTION_FLAG, FIELD(cache), 0, 0, "", NULL,
     "fetch each model once for all, as through a cache near the devices"},
    TEXT("--ca", ca, NULL,
         "a PEM file: who may sign the server's certificate, instead of the join file's pin"),
    TEXT("--certificate", certificate, NULL,
         "a PEM file: these devices', for a server that asks for one"),
    TEXT("--certificate-key", certificate_key, NULL, "a PEM file: the key of --certificate"),
    {"--json", CH_OPTION_FLAG, FIELD(json), 0, 0, "", NULL,
     "one line: the figures as a JSON object"},
    {"--quiet", CH_OPTION_FLAG, FIELD(quiet), 0, 0, "", NULL, "no lines about how far it is"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const swarm_flags DEFAULTS = {.clients = 100,
                                     .load = "rounds",
                                     .trainer = "engine",
                                     .examples = 100,
                                     .updates = 16,
                                     .patience_s = 25};

static bool is_stopped(void *self) {
    (void)self;
    return interrupt_came != 0;
}

/* ---------------------------------------------------------------------------------------- its host
 */

typedef struct swarming {
    const swarm_flags *flags;
    choir_env env;
    ch_device device;
    bool has_entered;
} swarming;

static choir_status offered(void *self, const choir_offer *offer, choir_trainer *trainer,
                            choir_error *err) {
    swarming *w = self;
    if (strcmp(w->flags->trainer, "made") == 0) {
        *trainer = ch_made_trainer(&w->flags->examples);
        return CHOIR_OK;
    }
    const ch_device_options options = {
        .job = {.data = (const uint8_t *)offer->job, .size = offer->job_size},
        .model = offer->model,
        .dir = w->flags->dir,
        .client = CH_DEVICE_EACH};
    ch_device_release(&w->device);
    const choir_status status = ch_device_open(&w->device, &options, &w->env, err);
    if (status == CHOIR_OK) {
        *trainer = ch_device_trainer(&w->device);
    }
    return status;
}

/* One line a second, until there is nothing new to say. */
static void told(void *self, const ch_swarm_result *r) {
    swarming *w = self;
    if (r->entered < r->clients) {
        (void)fprintf(stderr, "joined %u of %u\n", r->entered, r->clients);
    } else if (!w->has_entered) {
        (void)fprintf(stderr, "joined %u in %.1f s\n", r->clients, r->entering_s);
    } else {
        (void)fprintf(stderr, "%.0f s: %llu check-ins, %llu reports; %u calls open, %u over\n",
                      r->load_s, (unsigned long long)r->calls[CH_SWARM_CHECK_IN].answered,
                      (unsigned long long)r->calls[CH_SWARM_REPORT].answered, r->open, r->over);
    }
    w->has_entered = r->entered == r->clients;
}

/* ----------------------------------------------------------------------------------------- figures
 */

static const char *const ANSWERS[CH_SWARM_ANSWERS] = {
    [CHOIR_ANSWER_TASK] = "tasks",      [CHOIR_ANSWER_WAIT] = "waits",
    [CHOIR_ANSWER_ACK] = "acks",        [CHOIR_ANSWER_DONE] = "done",
    [CHOIR_ANSWER_REFUSED] = "refused", [CHOIR_ANSWER_PROCEED] = "proceeds",
};

static double ms_of(const ch_swarm_calls *calls, double share) {
    return 1e-3 * (double)ch_latency_quantile(&calls->latency, share);
}

/* Who has entered enters no more, but when a token's time is over. */
static double rate_of(const ch_swarm_result *r, ch_swarm_kind kind) {
    const double seconds = kind <= CH_SWARM_JOIN ? r->entering_s : r->load_s;
    return seconds > 0 ? (double)r->calls[kind].answered / seconds : 0;
}

static void table_put(FILE *out, const ch_swarm_result *r) {
    (void)fprintf(out, "%u client%s, joined in %.1f s; load of %.1f s, at most %u call%s at a time",
                  r->entered, ch_text_plural(r->entered), r->entering_s, r->load_s, r->open_max,
                  ch_text_plural(r->open_max));
    if (r->first_round > 0) {
        (void)fprintf(out, "; rounds %u to %u", r->first_round, r->last_round);
    }
    (void)fprintf(out, "\n\n%-10s %10s %9s %7s %10s %10s %10s %10s %10s\n", "CALL", "ANSWERED",
                  "A SECOND", "LOST", "P50 MS", "P99 MS", "MAX MS", "MB UP", "MB DOWN");
    for (ch_swarm_kind kind = 0; kind < CH_SWARM_KINDS; kind++) {
        const ch_swarm_calls *c = &r->calls[kind];
        if (c->answered + c->lost > 0) {
            (void)fprintf(out, "%-10s %10llu %9.0f %7llu %10.2f %10.2f %10.2f %10.1f %10.1f\n",
                          ch_swarm_kind_name(kind), (unsigned long long)c->answered,
                          rate_of(r, kind), (unsigned long long)c->lost, ms_of(c, 0.5),
                          ms_of(c, 0.99), ms_of(c, 1), 1e-6 * (double)c->bytes_up,
                          1e-6 * (double)c->bytes_down);
        }
    }
    (void)fprintf(out, "\nanswers: ");
    for (int i = 0; i < CH_SWARM_ANSWERS; i++) {
        (void)fprintf(out, "%llu %s, ", (unsigned long long)r->answers[i], ANSWERS[i]);
    }
    (void)fprintf(out, "%llu trainings failed\n", (unsigned long long)r->failures);
}

static json_t *calls_json(const ch_swarm_result *r, ch_swarm_kind kind) {
    const ch_swarm_calls *c = &r->calls[kind];
    return json_pack("{s:I, s:f, s:I, s:f, s:f, s:f, s:I, s:I}", "answered",
                     (json_int_t)c->answered, "per_second", rate_of(r, kind), "lost",
                     (json_int_t)c->lost, "p50_ms", ms_of(c, 0.5), "p99_ms", ms_of(c, 0.99),
                     "max_ms", ms_of(c, 1), "bytes_up", (json_int_t)c->bytes_up, "bytes_down",
                     (json_int_t)c->bytes_down);
}

static void json_put(FILE *out, const ch_swarm_result *r) {
    json_t *calls = json_object();
    json_t *answers = json_object();
    for (ch_swarm_kind kind = 0; kind < CH_SWARM_KINDS; kind++) {
        (void)json_object_set_new(calls, ch_swarm_kind_name(kind), calls_json(r, kind));
    }
    for (int i = 0; i < CH_SWARM_ANSWERS; i++) {
        (void)json_object_set_new(answers, ANSWERS[i], json_integer((json_int_t)r->answers[i]));
    }
    json_t *root = json_pack(
        "{s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:I, s:I, s:I, s:o, s:o}", "clients",
        (json_int_t)r->clients, "joined", (json_int_t)r->entered, "over", (json_int_t)r->over,
        "open_max", (json_int_t)r->open_max, "join_seconds", r->entering_s, "seconds", r->load_s,
        "last_ack_seconds", r->last_ack_s, "first_round", (json_int_t)r->first_round, "last_round",
        (json_int_t)r->last_round, "failed_trainings", (json_int_t)r->failures, "answers", answers,
        "calls", calls);
    answer_line(out, root);
    json_decref(root);
}

/* --------------------------------------------------------------------------------------------- run
 */

static ch_swarm_load load_of(const char *text) {
    static const char *const names[] = {[CH_SWARM_ROUNDS] = "rounds",
                                        [CH_SWARM_CHECK_INS] = "check-ins",
                                        [CH_SWARM_WAITS] = "waits",
                                        [CH_SWARM_RESENDS] = "resends"};
    ch_swarm_load load = CH_SWARM_ROUNDS;
    while (strcmp(names[load], text) != 0) {
        load++;
    }
    return load;
}

static const char *file_or_none(const char *path) {
    return path[0] == '\0' ? NULL : path;
}

static ch_swarm_options options_of(const swarm_flags *flags, const choir_join *join) {
    ch_swarm_options o = ch_swarm_defaults();
    o.join = join;
    o.job = flags->job;
    o.state_dir = flags->state;
    o.platform = flags->platform;
    o.tags = flags->tags;
    o.first = flags->first;
    o.clients = flags->clients;
    o.connections = flags->connections;
    o.updates = flags->updates;
    o.patience_s =
        flags->connections == 0 || flags->connections >= flags->clients ? flags->patience_s : 0;
    o.seconds = flags->seconds;
    o.caches_models = flags->cache;
    o.load = load_of(flags->load);
    o.ca_file = file_or_none(flags->ca);
    o.certificate_file = file_or_none(flags->certificate);
    o.key_file = file_or_none(flags->certificate_key);
    return o;
}

static int swarm_run(const ch_call *call, choir_error *err) {
    static ch_swarm_result result; // too large for a stack
    const swarm_flags *flags = call->options;
    ch_log_lines lines = {.out = stderr, .name = "choir swarm", .level = CHOIR_LEVEL_WARN};
    swarming w = {.flags = flags, .env = ch_log_env(&lines)};
    choir_join file;
    if (flags->job[0] == '\0') {
        return exit_of(ch_error_set(err, CHOIR_EINVAL,
                                    "--job is missing: which of the server's jobs to take part in"),
                       err);
    }
    if (!ch_job_is_reference(flags->job)) {
        return exit_of(ch_error_set(err, CHOIR_EINVAL, "--job: '%s' " NO_JOBS_NAME, flags->job),
                       err);
    }
    choir_status status = choir_join_read(&file, call->operands[0], &w.env, err);
    if (status != CHOIR_OK) {
        return exit_of(status, err);
    }
    interrupts_catch();
    const ch_swarm_options options = options_of(flags, &file);
    const ch_swarm_host host = {.offered = offered,
                                .is_stopped = is_stopped,
                                .told = flags->quiet ? NULL : told,
                                .self = &w};
    status = ch_swarm_run(&result, &options, host, &w.env, err);
    if (status == CHOIR_OK && flags->json) {
        json_put(call->out, &result);
    } else if (status == CHOIR_OK) {
        table_put(call->out, &result);
    }
    ch_device_release(&w.device);
    return exit_of(status, err);
}

const ch_command CMD_SWARM = {
    .name = "swarm",
    .operands = "JOINFILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "be thousands of clients of a hosted job, to load a server or try a deployment out",
    .text =
        "Joins a job as many clients, each a device with a key and a token of its own, and takes "
        "part for all of them from one process, over real HTTP. Client K has part K of the job's "
        "data set, so that a job of a closed population ends with the model of choir sim. "
        "Afterwards it says how many calls there were, how many a second, and how long they took: "
        "the median, the 99th of a hundred, and the longest. SIGINT and SIGTERM end it, and the "
        "figures are those until then. Many clients from one address are more than a server takes "
        "by itself: see choir serve --join-rate and --exchange-rate. docs/swarm.md has more.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = swarm_run,
};
