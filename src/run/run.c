/* Run: see run.h. */
#include "run/run.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "choir/blob.h"
#include "report/progress.h"
#include "report/report.h"
#include "run/baseline.h"
#include "run/exhibits.h"
#include "run/labels.h"
#include "run/saved.h"
#include "run/session.h"
#include "store/checkpoint.h"
#include "store/metrics_log.h"
#include "store/run_dir.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STATE_BYTES = 64 }; // room for what the run adds to a checkpoint

typedef struct run {
    choir_env outer; // the caller's; the session's lends it the terminal
    ch_session session;
    const ch_run_options *options;
    choir_sim *sim;
    ch_run_dir dir;
    ch_metrics_log *log;
    ch_progress progress;
    uint8_t *state; // (state_bytes) room for the simulation's part of a checkpoint
    size_t state_bytes;
    ch_run_result result; // totals so far
    uint32_t saved;       // round of the last checkpoint; 0: none
    uint32_t evaluated;   // round of the last evaluation; 0: none
} run;

// A log line must not end up in the middle of the progress line.

static void *outer_alloc(void *self, size_t bytes) {
    const run *r = self;
    return r->outer.alloc(r->outer.self, bytes);
}

static void outer_free(void *self, void *block) {
    const run *r = self;
    r->outer.free(r->outer.self, block);
}

static void outer_log(void *self, choir_level level, const char *event, const char *fields) {
    run *r = self;
    const bool is_hidden = ch_progress_hide(&r->progress);
    r->outer.log(r->outer.self, level, event, fields);
    if (is_hidden) {
        ch_progress_show(&r->progress);
    }
}

ch_run_options ch_run_defaults(void) {
    return (ch_run_options){.report = true};
}

// The totals travel in checkpoints, so that a resumed run ends with the sums of the whole.

static size_t totals_encode(const ch_run_result *r, uint8_t out[STATE_BYTES]) {
    ch_writer w = {.data = out, .capacity = STATE_BYTES};
    const double reals[] = {r->accuracy, r->loss, r->seconds, r->evaluation_seconds,
                            r->virtual_seconds};
    ch_put_u64(&w, r->bytes_up);
    ch_put_u64(&w, r->bytes_down);
    ch_put_u32(&w, r->reached_target ? 1 : 0);
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        uint64_t bits = 0;
        memcpy(&bits, &reals[i], sizeof(bits));
        ch_put_u64(&w, bits);
    }
    return w.size;
}

static choir_status totals_decode(ch_run_result *r, choir_bytes bytes) {
    ch_reader in = {.data = bytes.data, .size = bytes.size};
    double *const reals[] = {&r->accuracy, &r->loss, &r->seconds, &r->evaluation_seconds,
                             &r->virtual_seconds};
    r->bytes_up = ch_get_u64(&in);
    r->bytes_down = ch_get_u64(&in);
    r->reached_target = ch_get_u32(&in) != 0;
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        const uint64_t bits = ch_get_u64(&in);
        memcpy(reals[i], &bits, sizeof(bits));
    }
    return ch_reader_done(&in) ? CHOIR_OK : CHOIR_EPROTO;
}

static choir_status checkpoint_write(run *r, choir_error *err) {
    choir_status status = ch_metrics_log_sync(r->log, err);
    if (status != CHOIR_OK) {
        return status;
    }
    uint8_t totals[STATE_BYTES];
    choir_sim_save(r->sim, r->state);
    r->saved = r->result.rounds;
    return ch_checkpoint_write(
        r->dir.path, r->result.rounds, (choir_bytes){.data = r->state, .size = r->state_bytes},
        (choir_bytes){.data = totals, .size = totals_encode(&r->result, totals)}, err);
}

/* Goes back to the newest whole checkpoint; without one the run starts again. */
static choir_status checkpoint_restore(run *r, choir_error *err) {
    ch_checkpoint found = {0};
    choir_status status = ch_checkpoint_find(&found, r->dir.path, &r->session.env, err);
    if (status == CHOIR_EAGAIN) {
        ch_checkpoint_release(&found);
        return CHOIR_OK;
    }
    if (status == CHOIR_OK) {
        status = choir_sim_restore(r->sim, found.simulation, err);
    }
    if (status == CHOIR_OK) {
        status = totals_decode(&r->result, found.run);
        r->result.rounds = found.round;
        r->saved = found.round;
    }
    ch_checkpoint_release(&found);
    return status;
}

static choir_status sim_create(run *r, choir_error *err) {
    ch_session *s = &r->session;
    const choir_sim_options o = ch_plan_sim(&s->job, s->federation, s->dim, s->workers);
    choir_status status = choir_sim_create(&r->sim, s->params, s->trainers, &o, &s->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    r->state_bytes = choir_sim_state_bytes(r->sim);
    r->state = s->env.alloc(s->env.self, ch_arena_cost(r->state_bytes, 1));
    return r->state == NULL ? CHOIR_ENOMEM : CHOIR_OK;
}

static choir_status job_write(const run *r, choir_error *err) {
    char text[16384];
    const size_t size = choir_job_write(&r->session.job, text, sizeof(text));
    if (size >= sizeof(text)) {
        return ch_error_set(err, CHOIR_EINVAL, "job: its configuration is longer than %zu bytes",
                            sizeof(text));
    }
    return ch_run_dir_write(r->dir.path, "job.yaml",
                            (choir_bytes){.data = (const uint8_t *)text, .size = size}, err);
}

static choir_status facts_write(const run *r, choir_error *err) {
    const ch_session *s = &r->session;
    ch_run_facts facts = {.seed = s->job.seed, .workers = s->workers, .parameters = s->dim};
    const char *command = r->options->command == NULL ? "" : r->options->command;
    (void)snprintf(facts.name, sizeof(facts.name), "%s", s->job.name);
    (void)snprintf(facts.version, sizeof(facts.version), "%s", CHOIR_VERSION);
    (void)snprintf(facts.backend, sizeof(facts.backend), "%s",
                   ch_kernels_name(s->model.net.kernels));
    (void)snprintf(facts.command, sizeof(facts.command), "%s", command);
    ch_cpu_name(facts.cpu);
    return ch_run_facts_write(r->dir.path, &facts, err);
}

static choir_status dir_begin(run *r, choir_error *err) {
    choir_status status = ch_run_dir_create(&r->dir, r->options->run_dir, r->session.job.name, err);
    if (status == CHOIR_OK) {
        status = job_write(r, err);
    }
    if (status == CHOIR_OK) {
        status = facts_write(r, err);
    }
    return status;
}

/* Shows progress from the round on where the log stands. */
static choir_status progress_open(run *r, choir_error *err) {
    ch_progress_open(&r->progress, r->options->progress, "", r->session.job.rounds,
                     ch_session_clock());
    if (r->result.rounds == 0) {
        return CHOIR_OK;
    }
    ch_metrics_table table = {0};
    const choir_status status = ch_metrics_read(&table, r->dir.path, &r->session.env, err);
    if (status == CHOIR_OK) {
        ch_progress_resume(&r->progress, table.rows, table.count);
    }
    ch_metrics_table_release(&table);
    return status;
}

static choir_status run_open(run *r, const choir_job *job, choir_error *err) {
    choir_job own = *job;
    choir_status status = CHOIR_OK;
    if (r->options->resume != NULL) {
        char path[CHOIR_PATH_MAX];
        status = ch_run_dir_open(&r->dir, r->options->resume, err);
        if (status == CHOIR_OK) {
            status = ch_run_dir_file(path, r->dir.path, "job.yaml", err);
        }
        if (status == CHOIR_OK) {
            status = choir_job_read(&own, path, NULL, 0, err);
        }
    }
    if (status == CHOIR_OK) {
        status = ch_session_open(&r->session, &own, r->options->workers,
                                 r->options->baseline_central, &r->session.env, err);
    }
    if (status == CHOIR_OK) {
        status = sim_create(r, err);
    }
    if (status == CHOIR_OK) {
        status = r->options->resume == NULL ? dir_begin(r, err) : checkpoint_restore(r, err);
    }
    if (status == CHOIR_OK) {
        status = ch_metrics_log_open(&r->log, r->dir.path, r->result.rounds, &r->session.env, err);
    }
    if (status == CHOIR_OK) {
        status = progress_open(r, err);
    }
    return status;
}

static void run_release(run *r) {
    ch_progress_close(&r->progress);
    ch_metrics_log_close(r->log);
    choir_sim_destroy(r->sim);
    if (r->state != NULL) {
        r->session.env.free(r->session.env.self, r->state);
    }
    ch_session_release(&r->session);
    ch_run_dir_release(&r->dir);
}

static bool stop_is_wanted(const run *r) {
    return r->options->stop != NULL && *r->options->stop != 0;
}

/* Measures the model as it is; the figures become the result's. */
static choir_status evaluation_run(run *r, ch_evaluation *e, double *seconds, choir_error *err) {
    const double start = ch_session_clock();
    const choir_coordinator *c = choir_sim_coordinator(r->sim);
    const choir_status status =
        ch_evaluator_run(r->session.evaluator, choir_coordinator_params(c), e);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "round %u: a client's held-out data cannot be read",
                            r->result.rounds);
    }
    *seconds = ch_session_clock() - start;
    r->result.accuracy = e->accuracy;
    r->result.loss = e->loss;
    r->result.evaluation_seconds += *seconds;
    r->evaluated = r->result.rounds;
    return CHOIR_OK;
}

static choir_status evaluation_check(const run *r, const ch_evaluation *e, choir_error *err) {
    if (e->examples > 0 && !isfinite(e->loss)) {
        return ch_error_set(err, CHOIR_ERANGE,
                            "round %u: the loss on the test set is %g; lower client.learning_rate "
                            "or bound updates with chain: clip",
                            r->result.rounds, e->loss);
    }
    return CHOIR_OK;
}

/* An evaluation that the job asks for: it is recorded, and may end the run or cut its rate. */
static choir_status evaluate(run *r, ch_metrics_row *row, choir_error *err) {
    ch_evaluation e;
    const choir_status status = evaluation_run(r, &e, &row->evaluation_seconds, err);
    if (status != CHOIR_OK) {
        return status;
    }
    row->accuracy = e.accuracy;
    row->loss = e.loss;
    row->heldout_mean = e.heldout_mean;
    row->heldout_worst = e.heldout_worst;
    row->heldout_spread = e.heldout_spread;
    if (e.examples > 0) {
        choir_coordinator_observe(choir_sim_coordinator(r->sim), e.loss);
    }
    const double target = r->session.job.target_accuracy;
    r->result.reached_target = target > 0 && e.accuracy >= target;
    return evaluation_check(r, &e, err);
}

static void totals_add(ch_run_result *t, const ch_metrics_row *row) {
    t->rounds = row->round;
    t->bytes_up += row->bytes_up;
    t->bytes_down += row->bytes_down;
    t->seconds += row->seconds;
    t->virtual_seconds = row->virtual_seconds;
}

/* One round: train, evaluate when due, record. */
static choir_status round_run(run *r, choir_error *err) {
    const choir_job *job = &r->session.job;
    choir_sim_round round;
    const double start = ch_session_clock();
    choir_status status = choir_sim_step(r->sim, &round, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_metrics_row row = ch_metrics_row_of(&round.summary);
    row.seconds = ch_session_clock() - start;
    row.requests = round.requests;
    row.bytes_up = round.bytes_up;
    row.bytes_down = round.bytes_down;
    row.virtual_seconds = (double)round.virtual_ms / 1000.0;
    if (ch_federation_classes(r->session.federation) == 0) {
        row.train_accuracy = (double)NAN; // a regression has no hits to count
    }
    totals_add(&r->result, &row);
    const bool last = choir_coordinator_is_done(choir_sim_coordinator(r->sim));
    choir_status judged = CHOIR_OK;
    if (last || row.round % job->evaluate_every == 0) {
        judged = evaluate(r, &row, err);
    }
    status = ch_metrics_log_add(r->log, &row, judged == CHOIR_OK ? err : NULL);
    ch_progress_round(&r->progress, &row, ch_session_clock());
    if (judged != CHOIR_OK || status != CHOIR_OK) {
        return judged != CHOIR_OK ? judged : status;
    }
    const bool due = job->checkpoint_every > 0 && row.round % job->checkpoint_every == 0;
    return due || last || r->result.reached_target ? checkpoint_write(r, err) : CHOIR_OK;
}

/*
 * What an interrupted run still does: a checkpoint, then figures of the model that it leaves. These
 * are not recorded and nothing follows from them: a run that nobody disturbed would not have them.
 */
static choir_status interruption(run *r, choir_error *err) {
    choir_status status = CHOIR_OK;
    if (r->result.rounds > r->saved) {
        status = checkpoint_write(r, err);
    }
    if (status == CHOIR_OK && r->result.rounds > r->evaluated) {
        ch_evaluation e;
        double seconds = 0;
        status = evaluation_run(r, &e, &seconds, err);
        if (status == CHOIR_OK) {
            status = evaluation_check(r, &e, err);
        }
    }
    return status;
}

static choir_status rounds_run(run *r, choir_error *err) {
    choir_status status = CHOIR_OK;
    const choir_coordinator *c = choir_sim_coordinator(r->sim);
    while (status == CHOIR_OK && !choir_coordinator_is_done(c) && !r->result.reached_target &&
           !stop_is_wanted(r)) {
        status = round_run(r, err);
    }
    r->result.interrupted =
        status == CHOIR_OK && !choir_coordinator_is_done(c) && !r->result.reached_target;
    return r->result.interrupted ? interruption(r, err) : status;
}

static choir_status model_write(run *r, choir_error *err) {
    const ch_session *s = &r->session;
    choir_coordinator *c = choir_sim_coordinator(r->sim);
    const choir_hash hash = choir_coordinator_hash(c);
    choir_hash_text(&hash, r->result.model_hash);
    const ch_shape shape = ch_federation_shape(s->federation);
    ch_net_options net = s->model.net;
    net.height = shape.height;
    net.width = shape.width;
    net.channels = shape.channels;
    char path[CHOIR_PATH_MAX];
    char labels[CH_LABELS_TEXT_MAX];
    (void)ch_labels_text(labels, s->federation);
    choir_status status = ch_run_dir_file(path, r->dir.path, "model.safetensors", err);
    if (status == CHOIR_OK) {
        status = ch_saved_write(path, ch_session_net(s), &net, choir_coordinator_params(c), labels,
                                r->result.model_hash, &s->env, err);
    }
    return status;
}

static choir_status baselines_run(run *r, ch_clients *clients, choir_error *err) {
    const ch_run_options *o = r->options;
    ch_baseline figures;
    choir_status status = CHOIR_OK;
    if (o->baseline_central && !stop_is_wanted(r)) {
        ch_progress_note(&r->progress, "baseline central: the same examples, pooled");
        status = ch_baseline_central(&figures, &r->session, r->dir.path, o->stop, err);
    }
    if (status == CHOIR_OK && o->baseline_local && !stop_is_wanted(r)) {
        ch_progress_note(&r->progress, "baseline local: every client alone");
        status = ch_baseline_local(&figures, &r->session, clients, r->dir.path, o->stop, err);
        if (status == CHOIR_OK) {
            status = ch_clients_write(clients, r->dir.path, err);
        }
    }
    return status;
}

static choir_status report_write(run *r, choir_error *err) {
    const char *dir = r->dir.path;
    ch_report_result report;
    const choir_status status = ch_report_write(&report, &dir, 1, NULL, &r->session.env, err);
    if (status == CHOIR_OK) {
        (void)snprintf(r->result.report, sizeof(r->result.report), "%s", report.path);
        (void)snprintf(r->result.warning, sizeof(r->result.warning), "%s", report.warning);
    }
    return status;
}

/* Leaves the reason in the run's directory, where its report finds it. */
static void failure_write(const run *r, const choir_error *err) {
    const size_t size = strlen(err->message);
    ch_ignore(ch_run_dir_write(r->dir.path, CH_REPORT_FAILURE_FILE,
                               (choir_bytes){.data = (const uint8_t *)err->message, .size = size},
                               NULL),
              "the failure itself is what the caller must hear of");
}

/* What an earlier end of this run found out about clients alone is still so. */
static void alone_keep(ch_clients *clients, const run *r) {
    ch_clients before;
    if (ch_clients_read(&before, r->dir.path, &r->session.env, NULL) == CHOIR_OK) {
        for (uint32_t i = 0, at = 0; i < clients->count; i++) { // both by ascending ids
            while (at < before.count && before.clients[at].id < clients->clients[i].id) {
                at += 1;
            }
            if (at < before.count && before.clients[at].id == clients->clients[i].id) {
                clients->clients[i].alone = before.clients[at].alone;
            }
        }
    }
    ch_clients_release(&before);
}

/* Who holds what, and how each is served: by the run's model at once, since baselines take long and
 * may be interrupted; after them by a model of its own. */
static choir_status comparison_run(run *r, choir_error *err) {
    ch_clients clients = {0};
    choir_status status = CHOIR_OK;
    if (r->evaluated != r->result.rounds) { // nothing was left to do of a run that goes on
        ch_evaluation e;
        double seconds = 0;
        status = evaluation_run(r, &e, &seconds, err);
    }
    if (status == CHOIR_OK) {
        status = ch_exhibit_clients(&clients, &r->session, err);
    }
    if (status == CHOIR_OK) {
        alone_keep(&clients, r);
        status = ch_clients_write(&clients, r->dir.path, err);
    }
    if (status == CHOIR_OK) {
        status = baselines_run(r, &clients, err);
    }
    ch_clients_release(&clients);
    return status;
}

/* All that a run leaves behind beside its rounds. */
static choir_status run_finish(run *r, choir_error *err) {
    choir_status status = model_write(r, err);
    if (status == CHOIR_OK) {
        status = ch_exhibit_samples(&r->session, r->dir.path, err);
    }
    if (status == CHOIR_OK) {
        status = comparison_run(r, err);
    }
    ch_progress_close(&r->progress);
    if (status == CHOIR_OK && r->options->report) {
        status = report_write(r, err);
    }
    return status;
}

choir_status ch_run_sim(ch_run_result *out, const choir_job *job, const ch_run_options *options,
                        const choir_env *env, choir_error *err) {
    run r = {.outer = *env, .options = options, .dir = {.lock = -1}};
    r.session.env =
        (choir_env){.alloc = outer_alloc, .free = outer_free, .log = outer_log, .self = &r};
    choir_error own = {.message = ""};
    choir_error *e = err == NULL ? &own : err;
    choir_status status = run_open(&r, job, e);
    if (status == CHOIR_OK) {
        status = rounds_run(&r, e);
        if (status == CHOIR_OK) {
            status = run_finish(&r, e);
        } else if (status == CHOIR_ERANGE) {
            failure_write(&r, e);
        }
    }
    r.result.wants_target = r.session.job.target_accuracy > 0;
    (void)snprintf(r.result.run_dir, sizeof(r.result.run_dir), "%s", r.dir.path);
    *out = r.result;
    run_release(&r);
    return status;
}
