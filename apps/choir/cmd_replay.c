/* choir replay: whether a hosted job's models are what its rounds' sums come to. */
#include "commands.h"
#include "operators.h"

#include "base/error.h"
#include "base/text.h"
#include "net/replay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct replay_flags {
    char admin[ADMIN_PATH_MAX];
    uint32_t round;
    bool json;
} replay_flags;

static const ch_option ROWS[] = {
    ADMIN_ROW(replay_flags),
    {"--round", CH_OPTION_U32, offsetof(replay_flags, round), 0, UINT32_MAX, "", NULL,
     "only this one; 0: all that have closed"},
    {"--json", CH_OPTION_FLAG, offsetof(replay_flags, json), 0, 0, "", NULL,
     "each round as a line: a JSON object"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const replay_flags DEFAULTS = {.admin = ADMIN_DEFAULT};

/* What has been found so far. */
typedef struct findings {
    const ch_call *call;
    uint32_t rounds;
    uint32_t differ;
    uint32_t gone;
} findings;

static const char *const VERDICTS[] = {[CH_REPLAY_SAME] = "ok",
                                       [CH_REPLAY_DISCARDED] = "ok",
                                       [CH_REPLAY_DIFFERS] = "differs",
                                       [CH_REPLAY_GONE] = "not kept"};

static void round_put(void *self, const ch_replay_row *row) {
    findings *f = self;
    const replay_flags *flags = f->call->options;
    const char *verdict = VERDICTS[row->verdict];
    const char *why = row->verdict == CH_REPLAY_DISCARDED ? "discarded" : row->why;
    f->rounds += 1;
    f->differ += row->verdict == CH_REPLAY_DIFFERS;
    f->gone += row->verdict == CH_REPLAY_GONE;
    if (flags->json) {
        json_t *line = json_pack("{s:I, s:s, s:I, s:s}", "round", (json_int_t)row->round, "verdict",
                                 verdict, "updates", (json_int_t)row->updates, "why", why);
        answer_line(f->call->out, line);
        json_decref(line);
    } else {
        (void)fprintf(f->call->out, "round %u  %s%s%s\n", row->round, verdict,
                      why[0] == '\0' ? "" : ": ", why);
    }
    (void)fflush(f->call->out);
}

static choir_status judge(const findings *f, choir_error *err) {
    if (f->differ > 0) {
        return ch_error_set(err, CHOIR_EPROTO, "%u of %u round%s differ%s", f->differ, f->rounds,
                            ch_text_plural(f->rounds), f->differ == 1 ? "s" : "");
    }
    if (f->gone == f->rounds) {
        return ch_error_set(err, CHOIR_EAGAIN, "no round could be replayed: %s",
                            f->rounds == 0 ? "none has closed yet" : "what that takes is not kept");
    }
    return CHOIR_OK;
}

static choir_status replay(const operator_session *o, void *self, choir_error *err) {
    const replay_flags *flags = o->call->options;
    findings f = {.call = o->call};
    (void)self;
    const choir_status status =
        ch_replay_job(o->server, o->call->operands[0], flags->round, round_put, &f, &o->env, err);
    return status == CHOIR_OK ? judge(&f, err) : status;
}

static int replay_run(const ch_call *call, choir_error *err) {
    const replay_flags *flags = call->options;
    return operator_work(call, flags->admin, replay, NULL, err);
}

const ch_command CMD_REPLAY = {
    .name = "replay",
    .operands = "JOB",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "recompute a hosted job's models from the sums of its rounds",
    .text = "Fetches what the server has kept of the rounds that have closed, their sums in "
            "integers, receipts and summaries, computes the model after each anew, and compares "
            "its hash with the server's. Ends with 1 when one differs, or none could be replayed. "
            "Where the algorithm has momentum, a round needs all sums before it. JOB is its name, "
            "or NAME@VERSION.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = replay_run,
};
