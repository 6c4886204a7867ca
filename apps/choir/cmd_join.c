/* choir join: one client of a hosted job, with its own data. */
#include "commands.h"
#include "conditions_rows.h"
#include "flags_file.h"
#include "policy_rows.h"
#include "show.h"

#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "choir/client.h"
#include "choir/examples.h"
#include "run/device.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

enum { PLATFORM_MAX = 64 }; // bytes, with the terminating zero

typedef struct join_flags {
    char job[CHOIR_NAME_MAX];
    char data[CHOIR_PATH_MAX];
    char examples[CHOIR_PATH_MAX];
    char dir[CHOIR_PATH_MAX];
    char client[16];
    char state[CHOIR_PATH_MAX];
    char name[64];
    char platform[PLATFORM_MAX];
    char tags[256];
    char ca[CHOIR_PATH_MAX];
    char certificate[CHOIR_PATH_MAX];
    char certificate_key[CHOIR_PATH_MAX];
    char token[CHOIR_PATH_MAX];
    char config[CHOIR_PATH_MAX];
    choir_policy policy;
    choir_conditions conditions;
    uint32_t part_bytes;
    bool show;
    bool no_wait;
    bool quiet;
} join_flags;

#define TEXT(flag, member, help)                                                                   \
    {                                                                                              \
        flag, CH_OPTION_TEXT, offsetof(join_flags, member), 0, sizeof(((join_flags *)0)->member),  \
            "", NULL, help                                                                         \
    }

static const ch_option ROWS[] = {
    TEXT("--job", job, "which of the server's jobs; required"),
    TEXT("--data", data, "this client's examples: a folder or a file; all of it is its own"),
    TEXT("--examples", examples, "instead: a store that an app fills, read anew for every task"),
    TEXT("--client", client,
         "which client of the job to be; without --data it has that part of the job's data set"),
    TEXT("--dir", dir, "where named data sets are kept"),
    TEXT("--state", state, "where its key is kept, so that the server knows it again"),
    TEXT("--name", name, "told to the server, for people"),
    TEXT("--platform", platform,
         "told to the server, whose jobs may select devices by it; default: this system, 'linux'"),
    TEXT("--tags", tags, "likewise, with commas between"),
    TEXT("--ca", ca,
         "a PEM file: who may sign the server's certificate, instead of the join file's pin"),
    TEXT("--certificate", certificate, "a PEM file: this device's, for a server that asks for one"),
    TEXT("--certificate-key", certificate_key, "a PEM file: the key of --certificate"),
    TEXT("--token", token,
         "a file with an identity provider's token, for a server that enrols by those; read when "
         "it enrols"),
    TEXT("--config", config, "a YAML file of these flags, without their dashes; flags win"),
    {"--show", CH_OPTION_FLAG, offsetof(join_flags, show), 0, 0, "", NULL,
     "say what the job asks and what the policy says of it, and end"},
    POLICY_ROWS(join_flags, policy),
    CONDITIONS_ROWS(join_flags, conditions),
    {"--no-wait", CH_OPTION_FLAG, offsetof(join_flags, no_wait), 0, 0, "", NULL,
     "end when the job does not take this device now, instead of asking again later"},
    {"--part", CH_OPTION_U32, offsetof(join_flags, part_bytes), 0, UINT32_MAX, "bytes", NULL,
     "a larger report goes in parts of that, so that what has arrived need not go again; 0: whole"},
    {"--quiet", CH_OPTION_FLAG, offsetof(join_flags, quiet), 0, 0, "", NULL,
     "no line for each thing done"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const join_flags DEFAULTS = {
    .job = "", .conditions = {.pause_s = CHOIR_PAUSE_S}, .part_bytes = CHOIR_PART_BYTES};

static volatile sig_atomic_t stop;

static void on_signal(int signal) {
    (void)signal;
    stop = 1;
}

static bool is_stopped(void *self) {
    (void)self;
    return stop != 0;
}

static void signals_catch(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* Sleeps until then, or a signal. */
static void sleep_until(uint64_t wake_ms) {
    const uint64_t now_ms = choir_client_now_ms();
    if (wake_ms > now_ms && stop == 0) {
        const uint64_t left_ms = wake_ms - now_ms;
        const struct timespec left = {.tv_sec = (time_t)(left_ms / 1000),
                                      .tv_nsec = (long)(left_ms % 1000) * 1000000};
        (void)nanosleep(&left, NULL);
    }
}

typedef struct joining {
    const join_flags *flags;
    uint32_t client; // wanted
    choir_env env;
    choir_client *client_object;
    choir_examples *examples; // NULL: without
    ch_device device;
    FILE *out;          // NULL: quiet
    choir_why told_why; // of the last wait
    uint32_t obstacles; // that it is known to stand before
} joining;

/* The number after --client; CHOIR_CLIENT_ANY when it was not given. */
static choir_status client_read(uint32_t *out, const char *text, choir_error *err) {
    static const ch_option row = {"--client", CH_OPTION_U32, 0, 0, INT32_MAX, "", NULL, ""};
    static const ch_options table = {&row, 1};
    *out = CHOIR_CLIENT_ANY;
    return text[0] == '\0' ? CHOIR_OK : ch_options_set(&table, out, "--client", text, "", err);
}

/* The device of the version that was joined last. */
static choir_status device_open(joining *j, choir_error *err) {
    const choir_offer *offer = choir_client_offer(j->client_object);
    const bool is_own = j->flags->data[0] != '\0';
    const ch_device_options options = {
        .job = {.data = (const uint8_t *)offer->job, .size = offer->job_size},
        .model = offer->model,
        .source = is_own ? j->flags->data : NULL,
        .examples = j->examples,
        .dir = j->flags->dir,
        .client = is_own ? CH_DEVICE_ALL : offer->client};
    ch_device_release(&j->device);
    const choir_status status = ch_device_open(&j->device, &options, &j->env, err);
    if (status == CHOIR_OK && j->out != NULL) {
        (void)fprintf(j->out, "client %u of %s@%u: %u examples, %u parameters\n", offer->client,
                      offer->name, offer->version, ch_device_examples(&j->device),
                      ch_device_dim(&j->device));
        (void)fflush(j->out);
    }
    return status;
}

/* What is said behind the word; "" for nothing. */
static const char *remark_on(const choir_event *event) {
    switch (event->kind) {
    case CHOIR_EVENT_REFUSED:
        return choir_refusal_text(event->refusal);
    case CHOIR_EVENT_WAIT:
    case CHOIR_EVENT_DONE:
        return event->why == CHOIR_WHY_NONE ? "" : choir_why_text(event->why);
    default:
        return event->message;
    }
}

/* Why it waits is told once, and nothing when that is only because the round needs others. */
static bool is_wait_told(joining *j, const choir_event *event) {
    const bool is_other = event->why != j->told_why;
    j->told_why = event->why;
    return is_other && event->why != CHOIR_WHY_NONE;
}

/* Whether an event is worth a line: what stands in the way, when that is something else. */
static bool is_told(joining *j, const choir_event *event) {
    if (event->kind == CHOIR_EVENT_WAIT) {
        return is_wait_told(j, event);
    }
    const bool is_known = event->kind == CHOIR_EVENT_BLOCKED && event->obstacles == j->obstacles;
    j->obstacles = event->obstacles;
    return !is_known && event->kind != CHOIR_EVENT_JOINED;
}

static void tell(joining *j, const choir_event *event) {
    static const char *const words[] = {
        [CHOIR_EVENT_JOINED] = "joined",     [CHOIR_EVENT_TASK] = "task",
        [CHOIR_EVENT_FETCHED] = "fetched",   [CHOIR_EVENT_TRAINED] = "trained",
        [CHOIR_EVENT_REPORTED] = "reported", [CHOIR_EVENT_REFUSED] = "refused",
        [CHOIR_EVENT_FAILED] = "failed",     [CHOIR_EVENT_WAIT] = "waits",
        [CHOIR_EVENT_BLOCKED] = "blocked",   [CHOIR_EVENT_LOST] = "lost",
        [CHOIR_EVENT_REJECTED] = "rejected", [CHOIR_EVENT_RESUMED] = "resumed",
        [CHOIR_EVENT_DONE] = "done",
    };
    if (is_told(j, event) && j->out != NULL) {
        const char *remark = remark_on(event);
        const bool measured =
            event->kind == CHOIR_EVENT_TRAINED && event->purpose == CHOIR_PURPOSE_EVALUATE;
        (void)fprintf(j->out, "round %u  %s%s%s\n", event->round,
                      measured ? "evaluated" : words[event->kind], remark[0] == '\0' ? "" : ": ",
                      remark);
        (void)fflush(j->out);
    }
}

/* Nobody trains before there is a device. */
static choir_trainer trainer_of(joining *j) {
    return j->device.dim == 0 ? (choir_trainer){0} : ch_device_trainer(&j->device);
}

static choir_status examples_open(joining *j, choir_error *err) {
    if (j->flags->examples[0] == '\0') {
        return CHOIR_OK;
    }
    if (j->flags->data[0] != '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "--examples: --data is given too; a device trains on one of them");
    }
    const choir_examples_options options = choir_examples_defaults();
    return choir_examples_open(&j->examples, j->flags->examples, &options, &j->env, err);
}

/* What is too old is not trained on. */
static void examples_expire(joining *j) {
    choir_error why = {.message = ""};
    if (j->examples != NULL &&
        choir_examples_expire(j->examples, (uint64_t)time(NULL) * 1000, NULL, &why) != CHOIR_OK) {
        ch_log(&j->env, CHOIR_LEVEL_WARN, "examples_not_expired", "error=\"%s\"", why.message);
    }
}

/* By the job, not by its own policy. */
static bool is_turned_away(const choir_event *event) {
    return event->kind == CHOIR_EVENT_REJECTED && event->why != CHOIR_WHY_NONE;
}

static choir_status take_part(joining *j, choir_error *err) {
    choir_status status = CHOIR_OK;
    while (status == CHOIR_OK && stop == 0) {
        choir_event event;
        status = choir_client_step(j->client_object, trainer_of(j), &event, err);
        if (status != CHOIR_OK) {
            break;
        }
        tell(j, &event);
        if (event.kind == CHOIR_EVENT_TASK || event.kind == CHOIR_EVENT_RESUMED) {
            examples_expire(j);
        }
        if (event.kind == CHOIR_EVENT_DONE) {
            break;
        }
        if (j->flags->no_wait && is_turned_away(&event)) {
            status = ch_error_set(err, CHOIR_EAGAIN, "%s", event.message);
        } else if (event.kind == CHOIR_EVENT_WAIT || event.kind == CHOIR_EVENT_BLOCKED ||
                   event.kind == CHOIR_EVENT_REJECTED) {
            sleep_until(event.wake_ms);
        }
        if (event.kind == CHOIR_EVENT_JOINED) {
            status = device_open(j, err);
        }
    }
    return stop != 0 ? CHOIR_OK : status; // what was given up was given up on request
}

/* Joins, and says what it has joined. */
static choir_status show(joining *j, FILE *out, choir_error *err) {
    choir_status status = CHOIR_OK;
    choir_event event = {.kind = CHOIR_EVENT_WAIT};
    while (status == CHOIR_OK && stop == 0 && event.kind != CHOIR_EVENT_JOINED &&
           event.kind != CHOIR_EVENT_REJECTED) {
        status = choir_client_step(j->client_object, (choir_trainer){0}, &event, err);
        if (status == CHOIR_OK && event.kind == CHOIR_EVENT_LOST) {
            tell(j, &event);
        }
        if (status == CHOIR_OK && event.kind == CHOIR_EVENT_WAIT) {
            sleep_until(event.wake_ms);
        }
    }
    if (status == CHOIR_OK && is_turned_away(&event)) {
        status = ch_error_set(err, CHOIR_EAGAIN, "%s", event.message);
    }
    uint32_t examples = CHOIR_TERMS_UNKNOWN;
    if (status == CHOIR_OK && stop == 0 &&
        (j->flags->data[0] != '\0' || j->flags->client[0] != '\0')) {
        j->out = NULL;
        status = device_open(j, err);
        examples = status == CHOIR_OK ? ch_device_examples(&j->device) : examples;
    }
    if (status == CHOIR_OK && stop == 0) {
        status =
            show_offer(out, choir_client_offer(j->client_object), &j->flags->policy, examples, err);
    }
    return status;
}

static const char *file_or_none(const char *path) {
    return path[0] == '\0' ? NULL : path;
}

/* The flags, over what the file of --config says, over the defaults. */
static choir_status flags_read(join_flags *out, const ch_call *call, const choir_env *env,
                               choir_error *err) {
    const join_flags *given = call->options;
    *out = *given;
    if (given->config[0] == '\0') {
        return CHOIR_OK;
    }
    *out = DEFAULTS;
    const choir_status status = flags_file_read(&OPTIONS, out, given->config, "--config", env, err);
    return status == CHOIR_OK ? ch_call_flags(call, out, err) : status;
}

/* What this system calls itself, in small letters. */
static void platform_default(char out[PLATFORM_MAX]) {
    struct utsname system = {.sysname = ""};
    (void)uname(&system);
    (void)snprintf(out, PLATFORM_MAX, "%.60s", system.sysname);
    for (char *at = out; *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    }
}

static choir_status client_make(joining *j, const char *path, choir_error *err) {
    const join_flags *flags = j->flags;
    choir_join file;
    choir_status status = client_read(&j->client, flags->client, err);
    if (status == CHOIR_OK) {
        status = choir_join_read(&file, path, &j->env, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    char platform[PLATFORM_MAX];
    platform_default(platform);
    choir_client_options options = choir_client_defaults();
    options.join = &file;
    options.job = flags->job;
    options.state_dir = flags->state;
    options.client = j->client;
    options.name = flags->name;
    options.platform = flags->platform[0] == '\0' ? platform : flags->platform;
    options.tags = flags->tags;
    options.version = CHOIR_VERSION;
    options.ca_file = file_or_none(flags->ca);
    options.certificate_file = file_or_none(flags->certificate);
    options.key_file = file_or_none(flags->certificate_key);
    options.token_file = file_or_none(flags->token);
    options.patience_s = 25;
    options.policy = &flags->policy;
    options.conditions = flags->show ? NULL : &flags->conditions;
    options.part_bytes = flags->part_bytes;
    options.is_stopped = is_stopped;
    return choir_client_create(&j->client_object, &options, &j->env, err);
}

static int join_run(const ch_call *call, choir_error *err) {
    join_flags flags;
    ch_log_lines lines = {.out = stderr, .name = "choir join", .level = CHOIR_LEVEL_WARN};
    joining j = {.flags = &flags, .env = ch_log_env(&lines)};
    choir_status status = flags_read(&flags, call, &j.env, err);
    j.out = flags.quiet ? NULL : call->out;
    if (status == CHOIR_OK && flags.job[0] == '\0') {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "--job is missing: which of the server's jobs to take part in");
    }
    if (status == CHOIR_OK) {
        status = client_make(&j, call->operands[0], err);
    }
    if (status == CHOIR_OK) {
        status = examples_open(&j, err);
    }
    if (status == CHOIR_OK) {
        signals_catch();
        status = flags.show ? show(&j, call->out, err) : take_part(&j, err);
    }
    ch_device_release(&j.device);
    choir_examples_close(j.examples);
    choir_client_destroy(j.client_object);
    return exit_of(status, err);
}

const ch_command CMD_JOIN = {
    .name = "join",
    .operands = "JOINFILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "be a client of a hosted job, with data of its own",
    .text =
        "Joins a job on a server and trains its model on this machine's examples, round after "
        "round, until the job is over. The examples stay here; the updates go to the server. "
        "A server that cannot be reached is asked again, after pauses that grow. A proxy is used "
        "as https_proxy and no_proxy say. It works when the conditions "
        "hold that are set, and says what stands in the way: docs/conditions.md. What "
        "asks for more than the policy accepts is refused: docs/policy.md.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = join_run,
};
