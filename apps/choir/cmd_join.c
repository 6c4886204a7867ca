/* choir join: one client of a hosted job, with its own data. */
#include "commands.h"
#include "conditions_rows.h"
#include "flags_file.h"
#include "interrupt.h"
#include "member.h"
#include "operators.h"
#include "policy_rows.h"
#include "show.h"

#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "choir/agent.h"
#include "choir/client.h"
#include "choir/examples.h"
#include "job/rules.h"
#include "run/device.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

enum {
    PLATFORM_MAX = 64, // bytes, with the terminating zero
    JOBS_TEXT_MAX = CH_OPTION_VALUE_MAX,
    JOIN_JOBS_MAX = 16,
};

typedef struct join_flags {
    char job[JOBS_TEXT_MAX];
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
    TEXT("--job", job,
         "which of the server's jobs, or several with commas between; NAME=DATA for one with data "
         "of its own; required"),
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
     "end when the job does not take this device now, or its policy the job, instead of asking "
     "again later"},
    {"--part", CH_OPTION_U32, offsetof(join_flags, part_bytes), 0, UINT32_MAX, "bytes", NULL,
     "a larger report goes in parts of that, so that what has arrived need not go again; 0: whole"},
    {"--quiet", CH_OPTION_FLAG, offsetof(join_flags, quiet), 0, 0, "", NULL,
     "no line for each thing done"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const join_flags DEFAULTS = {
    .job = "", .conditions = {.pause_s = CHOIR_PAUSE_S}, .part_bytes = CHOIR_PART_BYTES};

/* Sleeps until then, or a signal. */
static void sleep_until(uint64_t wake_ms) {
    const uint64_t now_ms = choir_client_now_ms();
    if (wake_ms > now_ms && interrupt_came == 0) {
        const uint64_t left_ms = wake_ms - now_ms;
        const struct timespec left = {.tv_sec = (time_t)(left_ms / 1000),
                                      .tv_nsec = (long)(left_ms % 1000) * 1000000};
        (void)nanosleep(&left, NULL);
    }
}

typedef struct joining {
    const join_flags *flags;
    choir_env env;
    choir_examples *examples; // NULL: without
    member members[JOIN_JOBS_MAX];
    choir_agent_job jobs[JOIN_JOBS_MAX];
    uint32_t count;
    choir_error turned_away; // with --no-wait: why a job does not take this device now
} joining;

/* Asked while a request is under way, too. */
static bool is_stopped(void *self) {
    const joining *j = self;
    return interrupt_came != 0 || j->turned_away.status != CHOIR_OK;
}

/* The number after --client; CHOIR_CLIENT_ANY when it was not given. */
static choir_status client_read(uint32_t *out, const char *text, choir_error *err) {
    static const ch_option row = {"--client", CH_OPTION_U32, 0, 0, INT32_MAX, "", NULL, ""};
    static const ch_options table = {&row, 1};
    *out = CHOIR_CLIENT_ANY;
    return text[0] == '\0' ? CHOIR_OK : ch_options_set(&table, out, "--client", text, "", err);
}

static choir_status examples_open(joining *j, choir_error *err) {
    if (j->flags->examples[0] == '\0') {
        return CHOIR_OK;
    }
    for (uint32_t i = 0; i < j->count; i++) {
        if (j->members[i].data[0] != '\0') {
            return ch_error_set(err, CHOIR_EINVAL,
                                "--examples: --data is given too; a device trains on one of them");
        }
    }
    const choir_examples_options options = choir_examples_defaults();
    return choir_examples_open(&j->examples, j->flags->examples, &options, &j->env, err);
}

/* What is too old is not trained on. */
static void examples_expire(joining *j) {
    choir_error why = {.message = ""};
    if (j->examples != NULL &&
        choir_examples_expire(j->examples, (uint64_t)time(NULL) * 1000, NULL, &why) != CHOIR_OK) {
        ch_log_text(&j->env, CHOIR_LEVEL_WARN, "examples_not_expired", "error", why.message);
    }
}

// ----- the jobs ---------------------------------------------------------------------------------

/* One of the jobs, from "NAME" or "NAME=DATA". */
static choir_status job_add(joining *j, const char *word, size_t size, uint32_t client, FILE *out,
                            choir_error *err) {
    const char *data = memchr(word, '=', size);
    const size_t name = data == NULL ? size : (size_t)(data - word);
    if (j->count == JOIN_JOBS_MAX || name == 0 || name >= CHOIR_NAME_MAX ||
        size - name >= CHOIR_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "--job: '%.40s' is not NAME or NAME=DATA, with commas between at most "
                            "%d of them",
                            word, JOIN_JOBS_MAX);
    }
    member *m = &j->members[j->count];
    *m = (member){.env = j->env, .examples = j->examples, .dir = j->flags->dir, .out = out};
    memcpy(m->name, word, name);
    if (!ch_job_is_reference(m->name)) {
        return ch_error_set(err, CHOIR_EINVAL, "--job: '%s' " NO_JOBS_NAME, m->name);
    }
    (void)snprintf(m->data, sizeof(m->data), "%.*s", (int)(size - name - (data != NULL)),
                   data == NULL ? "" : data + 1);
    if (data == NULL) {
        memcpy(m->data, j->flags->data, sizeof(m->data));
    }
    choir_agent_job *job = &j->jobs[j->count];
    *job = choir_agent_job_defaults();
    job->job = m->name;
    job->client = client;
    job->trainer_make = member_trainer;
    job->self = m;
    j->count += 1;
    return CHOIR_OK;
}

static choir_status jobs_read(joining *j, FILE *out, choir_error *err) {
    uint32_t client = CHOIR_CLIENT_ANY;
    const char *word = j->flags->job;
    if (word[0] == '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "--job is missing: which of the server's jobs to take part in");
    }
    choir_status status = client_read(&client, j->flags->client, err);
    for (const char *end = word; status == CHOIR_OK && *end != '\0'; word = end + 1) {
        end = word + strcspn(word, ",");
        status = job_add(j, word, (size_t)(end - word), client, out, err);
    }
    for (uint32_t i = 0; i < j->count && status == CHOIR_OK; i++) {
        j->members[i].is_named = j->count > 1;
        status = member_check(&j->members[i], err);
    }
    return status;
}

static void on_event(void *self, uint32_t job, const choir_event *event) {
    joining *j = self;
    member_tell(&j->members[job], event);
    if (event->kind == CHOIR_EVENT_TASK || event->kind == CHOIR_EVENT_RESUMED) {
        examples_expire(j);
    }
    if (j->flags->no_wait && (member_is_turned_away(event) || member_is_unwilling(event))) {
        (void)ch_error_set(&j->turned_away, CHOIR_EAGAIN, "%s", event->message);
        j->turned_away.status = CHOIR_EAGAIN;
    }
}

static choir_status take_part(joining *j, choir_agent_options *options, choir_error *err) {
    choir_agent *agent = NULL;
    options->jobs = j->jobs;
    options->count = j->count;
    options->callbacks = (choir_agent_callbacks){.event = on_event, .self = j};
    choir_status status = choir_agent_create(&agent, options, &j->env, err);
    if (status == CHOIR_OK) {
        status = choir_agent_run(agent, err);
    }
    choir_agent_destroy(agent);
    if (status == CHOIR_OK && interrupt_came == 0 && j->turned_away.status != CHOIR_OK) {
        return ch_error_set(err, CHOIR_EAGAIN, "%s", j->turned_away.message);
    }
    return status;
}

// ----- --show -----------------------------------------------------------------------------------

/* Joins a job, and says what it has joined. */
static choir_status show_job(joining *j, const choir_client_options *options, uint32_t job,
                             FILE *out, choir_error *err) {
    choir_client_options o = *options;
    choir_client *client = NULL;
    choir_event event = {.kind = CHOIR_EVENT_WAIT};
    member *m = &j->members[job];
    o.job = m->name;
    o.client = j->jobs[job].client;
    choir_status status = choir_client_create(&client, &o, &j->env, err);
    while (status == CHOIR_OK && interrupt_came == 0 && event.kind != CHOIR_EVENT_JOINED &&
           event.kind != CHOIR_EVENT_REJECTED) {
        status = choir_client_step(client, (choir_trainer){0}, &event, err);
        if (status == CHOIR_OK && event.kind == CHOIR_EVENT_LOST) {
            member_tell(m, &event);
        }
        if (status == CHOIR_OK && event.kind == CHOIR_EVENT_WAIT) {
            sleep_until(event.wake_ms);
        }
    }
    if (status == CHOIR_OK && member_is_turned_away(&event)) {
        status = ch_error_set(err, CHOIR_EAGAIN, "%s", event.message);
    }
    uint32_t examples = CHOIR_TERMS_UNKNOWN;
    if (status == CHOIR_OK && interrupt_came == 0 &&
        (m->data[0] != '\0' || j->flags->client[0] != '\0')) {
        choir_trainer trainer;
        m->out = NULL;
        status = member_trainer(m, choir_client_offer(client), &trainer, err);
        examples = status == CHOIR_OK ? ch_device_examples(&m->device) : examples;
    }
    if (status == CHOIR_OK && interrupt_came == 0) {
        status = show_offer(out, choir_client_offer(client), &j->flags->policy, examples, err);
    }
    choir_client_destroy(client);
    return interrupt_came != 0 ? CHOIR_OK : status;
}

static choir_status show_all(joining *j, const choir_client_options *options, FILE *out,
                             choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < j->count && status == CHOIR_OK && interrupt_came == 0; i++) {
        status = show_job(j, options, i, out, err);
    }
    return status;
}

// ----- flags ------------------------------------------------------------------------------------

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

/* What all jobs have in common. join and platform are room. */
static choir_status client_describe(choir_client_options *out, joining *j, choir_join *join,
                                    char platform[PLATFORM_MAX], const char *path,
                                    choir_error *err) {
    const join_flags *flags = j->flags;
    const choir_status status = choir_join_read(join, path, &j->env, err);
    platform_default(platform);
    *out = choir_client_defaults();
    out->join = join;
    out->state_dir = flags->state;
    out->name = flags->name;
    out->platform = flags->platform[0] == '\0' ? platform : flags->platform;
    out->tags = flags->tags;
    out->version = CHOIR_VERSION;
    out->ca_file = file_or_none(flags->ca);
    out->certificate_file = file_or_none(flags->certificate);
    out->key_file = file_or_none(flags->certificate_key);
    out->token_file = file_or_none(flags->token);
    out->patience_s = 25;
    out->policy = &flags->policy;
    out->conditions = flags->show ? NULL : &flags->conditions;
    out->part_bytes = flags->part_bytes;
    out->is_stopped = is_stopped;
    out->self = j;
    return status;
}

static choir_status join_all(joining *j, const char *path, FILE *out, choir_error *err) {
    choir_join join;
    char platform[PLATFORM_MAX];
    choir_agent_options options = choir_agent_defaults();
    choir_status status = client_describe(&options.client, j, &join, platform, path, err);
    if (status == CHOIR_OK) {
        status = examples_open(j, err);
    }
    for (uint32_t i = 0; i < j->count; i++) {
        j->members[i].examples = j->examples;
    }
    if (status == CHOIR_OK) {
        interrupts_catch();
        status =
            j->flags->show ? show_all(j, &options.client, out, err) : take_part(j, &options, err);
    }
    return status;
}

static int join_run(const ch_call *call, choir_error *err) {
    join_flags flags;
    ch_log_lines lines = {.out = stderr, .name = "choir join", .level = CHOIR_LEVEL_WARN};
    static joining j;
    j = (joining){.flags = &flags, .env = ch_log_env(&lines)};
    choir_status status = flags_read(&flags, call, &j.env, err);
    if (status == CHOIR_OK) {
        status = jobs_read(&j, flags.quiet ? NULL : call->out, err);
    }
    if (status == CHOIR_OK) {
        status = join_all(&j, call->operands[0], call->out, err);
    }
    for (uint32_t i = 0; i < j.count; i++) {
        ch_device_release(&j.members[i].device);
    }
    choir_examples_close(j.examples);
    return exit_of(status, err);
}

const ch_command CMD_JOIN = {
    .name = "join",
    .operands = "JOINFILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "be a client of hosted jobs, with data of its own",
    .text =
        "Joins a job on a server and trains its model on this machine's examples, round after "
        "round, until the job is over. With several jobs one trains at a time. The examples stay "
        "here; the updates go to the server. "
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
