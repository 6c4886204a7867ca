/* choir watch: a hosted job's rounds, as they close. */
#include "commands.h"
#include "operators.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 500, AWAY_MS = 1000, AWAY_MAX_MS = 16000, PATH_TEXT_MAX = 256 };

/* Where a watch is. */
typedef struct watching {
    uint32_t next;     // round that has not been shown
    uint32_t measured; // the last whose evaluation was
    bool has_news;     // the last look brought a round
    bool is_over;      // the job
} watching;

/* A round that is new, and its evaluation, which comes to be known later. */
static void round_put(const ch_call *call, const json_t *round, watching *w) {
    const operator_flags *flags = call->options;
    const uint32_t number = (uint32_t)answer_real(round, "round");
    const bool is_new = number >= w->next;
    const bool is_measured = answer_real(round, "measured_clients") > 0 && number > w->measured;
    if (flags->json && (is_new || is_measured)) {
        answer_line(call->out, round);
    } else if (is_new) {
        round_line(call->out, round);
    }
    if (!flags->json && is_measured) {
        measure_line(call->out, round);
    }
    w->next = is_new ? number + 1 : w->next;
    w->measured = is_measured ? number : w->measured;
    (void)fflush(call->out);
}

/* Shows the rounds from w->next on, and what has come to be known of the one before it. */
static choir_status rounds_show(const operator_session *o, watching *w, choir_error *err) {
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/jobs/%s/rounds?from=%u", o->call->operands[0],
                   w->next > 1 ? w->next - 1 : 1);
    json_t *answer = NULL;
    const choir_status status =
        ch_operator_ask(o->server, "GET", path, NULL, o->call->operands[0], &answer, err);
    size_t i = 0;
    const json_t *round = NULL;
    json_array_foreach(json_object_get(answer, "rounds"), i, round) {
        round_put(o->call, round, w);
    }
    json_decref(answer);
    return status;
}

static choir_status job_look(const operator_session *o, watching *w, choir_error *err) {
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/jobs/%s", o->call->operands[0]);
    json_t *answer = NULL;
    const choir_status status =
        ch_operator_ask(o->server, "GET", path, NULL, o->call->operands[0], &answer, err);
    const char *state = answer_text(answer, "state");
    w->is_over = strcmp(state, "running") != 0 && strcmp(state, "paused") != 0;
    json_decref(answer);
    return status;
}

/* Shows what is new. Its state first: no round closes after the last. */
static choir_status look(const operator_session *o, watching *w, choir_error *err) {
    const uint32_t before = w->next;
    choir_status status = job_look(o, w, err);
    if (status == CHOIR_OK) {
        status = rounds_show(o, w, err);
    }
    w->has_news = w->next != before;
    return status;
}

static void pause_for(uint32_t ms) {
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};
    (void)nanosleep(&pause, NULL);
}

/* The same; while the server does not answer, again after pauses that grow. */
static choir_status look_again(const operator_session *o, watching *w, choir_error *err) {
    choir_status status = look(o, w, err);
    for (uint32_t ms = AWAY_MS; status == CHOIR_EIO; ms = ms < AWAY_MAX_MS ? 2 * ms : ms) {
        (void)fprintf(stderr, "choir watch: %s; asking again in %u s\n", err->message, ms / 1000);
        pause_for(ms);
        status = look(o, w, err);
    }
    return status;
}

/* A server that has answered once is expected back. */
static choir_status watch(const operator_session *o, void *self, choir_error *err) {
    watching w = {.next = 1};
    (void)self;
    choir_status status = look(o, &w, err);
    while (status == CHOIR_OK && (!w.is_over || w.has_news)) {
        if (!w.has_news) {
            pause_for(POLL_MS);
        }
        status = look_again(o, &w, err);
    }
    return status;
}

static int watch_run(const ch_call *call, choir_error *err) {
    const operator_flags *flags = call->options;
    return operator_work(call, flags->admin, watch, NULL, err);
}

const ch_command CMD_WATCH = {
    .name = "watch",
    .operands = "JOB",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show a hosted job's rounds as they close",
    .text = "Prints a line for each round of a job, those before and those to come, until the job "
            "is over, and one when clients have evaluated a round's model. While the server is "
            "away, as for a restart, it is asked again after pauses, and "
            "standard error says so. JOB is its name, or NAME@VERSION.",
    .options = &OPERATOR_OPTIONS,
    .defaults = &OPERATOR_DEFAULTS,
    .bytes = sizeof(OPERATOR_DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = watch_run,
};
