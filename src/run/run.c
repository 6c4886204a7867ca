/* Run: see run.h. */
#include "run/run_parts.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "report/progress.h"
#include "run/digest.h"
#include "run/paths.h"
#include "store/checkpoint.h"
#include "store/metrics_log.h"
#include "store/run_dir.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STATE_BYTES = 64 }; // room for what the run adds to a checkpoint

// A log line must not end up in the middle of the progress line.

static void *outer_alloc(void *self, size_t bytes) {
    const ch_running *r = self;
    return r->outer.alloc(r->outer.self, bytes);
}

static void outer_free(void *self, void *block) {
    const ch_running *r = self;
    r->outer.free(r->outer.self, block);
}

static void outer_log(void *self, choir_level level, const char *event, const char *fields) {
    ch_running *r = self;
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

/* Room for a checkpoint, which grows as clients begin to keep something. */
static choir_status state_have(ch_running *r, choir_error *err) {
    const choir_env *env = &r->session.env;
    const size_t bytes = choir_sim_state_bytes(r->sim);
    if (r->state != NULL && r->state_bytes == bytes) {
        return CHOIR_OK;
    }
    if (r->state != NULL) {
        env->free(env->self, r->state);
    }
    r->state_bytes = bytes;
    r->state = env->alloc(env->self, ch_arena_cost(bytes, 1));
    if (r->state == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a checkpoint of %zu bytes", bytes);
    }
    return CHOIR_OK;
}

static choir_status checkpoint_write(ch_running *r, choir_error *err) {
    choir_status status = ch_metrics_log_sync(r->log, err);
    if (status != CHOIR_OK) {
        return status;
    }
    uint8_t totals[STATE_BYTES];
    status = state_have(r, err);
    if (status != CHOIR_OK) {
        return status;
    }
    choir_sim_save(r->sim, r->state);
    r->saved = r->result.rounds;
    return ch_checkpoint_write(
        r->dir.path, r->result.rounds, (choir_bytes){.data = r->state, .size = r->state_bytes},
        (choir_bytes){.data = totals, .size = totals_encode(&r->result, totals)}, err);
}

/* A run without a checkpoint starts again, unless it must have had one: then its rounds would be
 * cut for nothing. */
static choir_status restart_check(const ch_running *r, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    ch_metrics_table table = {0};
    const char *dir = r->dir.path;
    choir_status status = ch_run_dir_file(path, dir, "metrics.jsonl", err);
    if (status != CHOIR_OK || access(path, F_OK) != 0) {
        return status;
    }
    status = ch_metrics_read(&table, dir, &r->session.env, err);
    const uint32_t every = r->session.job.checkpoint_every;
    const uint32_t rounds = table.count;
    ch_metrics_table_release(&table);
    if (status == CHOIR_OK && every > 0 && rounds > every) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: has %u rounds and no checkpoint, though one is written every %u; "
                            "put checkpoint-N.bin back, or start a run of its own",
                            dir, rounds, every);
    }
    return status;
}

/* A checkpoint is whole, and yet not of the job that the run's folder has. */
static choir_status sim_restore(const ch_running *r, const ch_checkpoint *found, choir_error *err) {
    choir_error why = {.message = ""};
    const choir_status status = choir_sim_restore(r->sim, found->simulation, &why);
    if (status == CHOIR_EPROTO) {
        return ch_error_set(err, status,
                            "%s/job.yaml: does not fit checkpoint-%u.bin beside it (%s); if it was "
                            "changed since, put back what it said, else start a run of its own",
                            r->dir.path, found->round, why.message);
    }
    return status == CHOIR_OK ? status : ch_error_set(err, status, "%s", why.message);
}

/* Goes back to the newest whole checkpoint; before the first one the run starts again. */
static choir_status checkpoint_restore(ch_running *r, choir_error *err) {
    ch_checkpoint found = {0};
    choir_status status = ch_checkpoint_find(&found, r->dir.path, &r->session.env, err);
    if (status == CHOIR_EAGAIN) {
        ch_checkpoint_release(&found);
        return restart_check(r, err);
    }
    if (status == CHOIR_OK) {
        status = sim_restore(r, &found, err);
    }
    if (status == CHOIR_OK) {
        status = totals_decode(&r->result, found.run);
        r->result.rounds = found.round;
        r->saved = found.round;
    }
    ch_checkpoint_release(&found);
    return status;
}

static choir_status sim_create(ch_running *r, choir_error *err) {
    ch_session *s = &r->session;
    const choir_sim_options o = ch_plan_sim(&s->job, s->federation, s->dim, s->workers);
    choir_status status = choir_sim_create(&r->sim, s->params, s->trainers, &o, &s->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    return state_have(r, err);
}

static choir_status job_write(const ch_running *r, choir_error *err) {
    char text[16384];
    choir_job job = r->session.job; // found from any folder: by eval, by --resume
    const choir_status status = ch_paths_fix(&job, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const size_t size = choir_job_write(&job, text, sizeof(text));
    if (size >= sizeof(text)) {
        return ch_error_set(err, CHOIR_EINVAL, "job: its configuration is longer than %zu bytes",
                            sizeof(text));
    }
    return ch_run_dir_write(r->dir.path, "job.yaml",
                            (choir_bytes){.data = (const uint8_t *)text, .size = size}, err);
}

static choir_status facts_fill(ch_run_facts *out, const ch_running *r, choir_error *err) {
    const ch_session *s = &r->session;
    ch_run_facts facts = {.seed = s->job.seed,
                          .workers = s->workers,
                          .parameters = s->dim,
                          .start_loss = (double)NAN};
    const char *command = r->options->command == NULL ? "" : r->options->command;
    (void)snprintf(facts.name, sizeof(facts.name), "%s", s->job.name);
    (void)snprintf(facts.version, sizeof(facts.version), "%s", CHOIR_VERSION);
    (void)snprintf(facts.backend, sizeof(facts.backend), "%s",
                   ch_kernels_name(s->model.net.kernels));
    (void)snprintf(facts.command, sizeof(facts.command), "%s", command);
    ch_cpu_name(facts.cpu);
    const choir_status status = ch_digest_text(facts.data_digest, s->federation, &s->env, err);
    *out = facts;
    return status;
}

/* What the run is, and where it starts from: a loss that ends above that has risen. */
static choir_status facts_write(const ch_running *r, choir_error *err) {
    ch_run_facts facts;
    ch_evaluation e;
    choir_status status = facts_fill(&facts, r, err);
    if (status == CHOIR_OK) {
        status = ch_evaluator_test(r->session.evaluator, r->session.params, &e, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    facts.start_loss = e.loss;
    return ch_run_facts_write(r->dir.path, &facts, err);
}

/* Backends with the same bits are of the same kind: fused multiply-adds, vector or reference. */
static const char *bits_of(const char *backend) {
    static const char *const fused[] = {"vector-avx512", "vector-avx2", "vector-wide"};
    for (size_t i = 0; i < sizeof(fused) / sizeof(fused[0]); i++) {
        if (strcmp(backend, fused[i]) == 0) {
            return fused[0];
        }
    }
    return backend;
}

/* A run goes on with kernels that give the bits it began with, and says on what it went on. */
static choir_status facts_resume(const ch_running *r, choir_error *err) {
    ch_run_facts before;
    ch_run_facts now;
    const char *dir = r->dir.path;
    choir_status status = facts_fill(&now, r, err);
    if (status == CHOIR_OK) {
        status = ch_run_facts_read(&before, dir, &r->session.env, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    if (r->result.rounds > 0 && strcmp(bits_of(before.backend), bits_of(now.backend)) != 0) {
        char backend[CHOIR_TEXT_MAX]; // a file may hold anything, and a terminal not see it
        char cpu[CHOIR_TEXT_MAX];
        ch_text_show(backend, sizeof(backend), before.backend);
        ch_text_show(cpu, sizeof(cpu), before.cpu);
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: began with backend %s on %s and cannot go on with %s: its model "
                            "would differ in its last bits; resume it on a CPU that has %s",
                            dir, backend, cpu, now.backend, backend);
    }
    if (before.data_digest[0] != '\0' && strcmp(before.data_digest, now.data_digest) != 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.source: '%s' holds other examples than when %s began (digest %s, "
                            "now %s); put the old ones back, or start a run of its own",
                            r->session.job.data.source, dir, before.data_digest, now.data_digest);
    }
    return ch_run_facts_resume(dir, r->result.rounds, &now, &r->session.env, err);
}

/* The job is written last: it makes the folder a run, which a beginning that was cut off is not. */
static choir_status dir_begin(ch_running *r, choir_error *err) {
    choir_status status = ch_run_dir_create(&r->dir, r->options->run_dir, r->session.job.name, err);
    if (status == CHOIR_OK) {
        status = facts_write(r, err);
    }
    if (status == CHOIR_OK) {
        status = job_write(r, err);
    }
    return status;
}

static void diverged_note(ch_running *r, const ch_metrics_row *row) {
    if (r->diverged_round == 0 && !isnan(row->diverged_client)) {
        r->diverged_round = row->round;
        r->diverged_client = row->diverged_client;
        r->diverged_loss = row->diverged_loss;
    }
}

/* Shows progress from the round on where the log stands. */
static choir_status progress_open(ch_running *r, choir_error *err) {
    ch_progress_open(&r->progress, r->options->progress, "", r->session.job.rounds,
                     ch_session_clock());
    if (r->result.rounds == 0) {
        return CHOIR_OK;
    }
    ch_metrics_table table = {0};
    const choir_status status = ch_metrics_read(&table, r->dir.path, &r->session.env, err);
    if (status == CHOIR_OK) {
        ch_progress_resume(&r->progress, table.rows, table.count);
        for (uint32_t i = 0; i < table.count; i++) {
            diverged_note(r, &table.rows[i]);
        }
    }
    ch_metrics_table_release(&table);
    return status;
}

/* Groups that nobody asked to leave out may be most of the data. */
static void left_out_show(ch_running *r) {
    const ch_left_out left = ch_federation_left_out(r->session.federation);
    char text[128];
    if (left.idle > 0) {
        (void)snprintf(text, sizeof(text),
                       "%u of %u groups %s left out, without an example to train on", left.idle,
                       left.of, left.idle == 1 ? "is" : "are");
        ch_progress_note(&r->progress, text);
    }
    if (left.groups > 0) {
        (void)snprintf(text, sizeof(text),
                       "%u of %u groups are left out, with %u examples: data.clients is %u",
                       left.groups, left.of, left.examples, left.of - left.groups - left.idle);
        ch_progress_note(&r->progress, text);
    }
}

static choir_status run_open(ch_running *r, const choir_job *job, choir_error *err) {
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
        if (status == CHOIR_OK && r->options->data_dir != NULL) {
            (void)snprintf(own.data.dir, sizeof(own.data.dir), "%s", r->options->data_dir);
        }
    }
    if (status == CHOIR_OK) {
        status = ch_session_open(&r->session, &own, r->options->workers,
                                 r->options->baseline_central ? CH_SESSION_POOL : CH_SESSION_TRAIN,
                                 &r->session.env, err);
    }
    if (status == CHOIR_OK) {
        status = ch_plan_test_check(&own, r->session.federation, r->options->is_judged, err);
    }
    if (status == CHOIR_OK && r->options->baseline_central) {
        status = ch_baseline_central_check(&r->session, err); // before hours of rounds
    }
    if (status == CHOIR_OK) {
        status = sim_create(r, err);
    }
    if (status == CHOIR_OK) {
        status = r->options->resume == NULL ? dir_begin(r, err) : checkpoint_restore(r, err);
    }
    if (status == CHOIR_OK && r->options->resume != NULL) {
        status = facts_resume(r, err);
    }
    if (status == CHOIR_OK) {
        status = ch_metrics_log_open(&r->log, r->dir.path, r->result.rounds, &r->session.env, err);
    }
    if (status == CHOIR_OK) {
        status = progress_open(r, err);
    }
    if (status == CHOIR_OK) {
        left_out_show(r);
    }
    return status;
}

static void run_release(ch_running *r) {
    ch_progress_close(&r->progress);
    ch_metrics_log_close(r->log);
    choir_sim_destroy(r->sim);
    if (r->state != NULL) {
        r->session.env.free(r->session.env.self, r->state);
    }
    ch_session_release(&r->session);
    ch_run_dir_release(&r->dir);
}

bool ch_running_must_stop(const ch_running *r) {
    return r->was_ended || (r->options->stop != NULL && *r->options->stop != 0);
}

choir_status ch_running_evaluate(ch_running *r, ch_evaluation *e, double *seconds,
                                 choir_error *err) {
    const double start = ch_session_clock();
    const choir_coordinator *c = choir_sim_coordinator(r->sim);
    const choir_status status =
        ch_evaluator_run(r->session.evaluator, choir_coordinator_params(c), e, err);
    if (status != CHOIR_OK) {
        return status;
    }
    *seconds = ch_session_clock() - start;
    r->result.accuracy = e->accuracy;
    r->result.loss = e->loss;
    r->result.evaluation_seconds += *seconds;
    r->evaluated = r->result.rounds;
    return CHOIR_OK;
}

static choir_status evaluation_check(const ch_running *r, const ch_evaluation *e,
                                     choir_error *err) {
    if (e->examples == 0 || isfinite(e->loss)) {
        return CHOIR_OK;
    }
    char first[96] = "";
    if (r->diverged_round > 0) {
        (void)snprintf(first, sizeof(first), "; client %.0f was the first to diverge, in round %u",
                       r->diverged_client, r->diverged_round);
    }
    return ch_error_set(err, CHOIR_ERANGE,
                        "round %u: the loss on the test set is %g%s; lower client.learning_rate "
                        "or bound updates with chain: clip",
                        r->result.rounds, e->loss, first);
}

/* An evaluation that the job asks for: it is recorded, and may end the run or cut its rate. */
static choir_status evaluate(ch_running *r, ch_metrics_row *row, choir_error *err) {
    ch_evaluation e;
    const choir_status status = ch_running_evaluate(r, &e, &row->evaluation_seconds, err);
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

/* Shows a round to whoever wants to see it. What they keep of it is kept before the round counts.
 */
static void round_show(ch_running *r, const ch_metrics_row *row) {
    const ch_run_options *o = r->options;
    const ch_run_view view = {.row = row,
                              .params = choir_coordinator_params(choir_sim_coordinator(r->sim)),
                              .evaluator = r->session.evaluator};
    r->was_ended = o->after != NULL && o->after(o->after_self, &view);
}

/* One round: train, evaluate when due, show, record. */
static choir_status round_run(ch_running *r, choir_error *err) {
    const choir_job *job = &r->session.job;
    choir_sim_round round;
    const double start = ch_session_clock();
    choir_status status = choir_sim_step(r->sim, &round, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_metrics_row row = ch_metrics_row_of(&round.summary);
    ch_metrics_row_measure(&row, &round.evaluation);
    row.seconds = ch_session_clock() - start;
    row.requests = round.requests;
    row.bytes_up = round.bytes_up;
    row.bytes_down = round.bytes_down;
    row.virtual_seconds = (double)round.virtual_ms / 1000.0;
    if (ch_federation_classes(r->session.federation) == 0) {
        row.train_accuracy = (double)NAN; // a regression has no hits to count
        row.measured_accuracy = (double)NAN;
    }
    if (round.diverged_client != UINT32_MAX) {
        row.diverged_client = round.diverged_client;
        row.diverged_loss = round.diverged_loss;
        diverged_note(r, &row);
    }
    totals_add(&r->result, &row);
    const bool last = choir_coordinator_is_done(choir_sim_coordinator(r->sim));
    choir_status judged = CHOIR_OK;
    if (last || row.round % job->evaluate_every == 0) {
        judged = evaluate(r, &row, err);
    }
    if (judged == CHOIR_OK) {
        round_show(r, &row);
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
static choir_status interruption(ch_running *r, choir_error *err) {
    choir_status status = CHOIR_OK;
    if (r->result.rounds > r->saved) {
        status = checkpoint_write(r, err);
    }
    if (status == CHOIR_OK && r->result.rounds > r->evaluated) {
        ch_evaluation e;
        double seconds = 0;
        status = ch_running_evaluate(r, &e, &seconds, err);
        if (status == CHOIR_OK) {
            status = evaluation_check(r, &e, err);
        }
    }
    return status;
}

static choir_status rounds_run(ch_running *r, choir_error *err) {
    choir_status status = CHOIR_OK;
    const choir_coordinator *c = choir_sim_coordinator(r->sim);
    r->result.was_finished = choir_coordinator_is_done(c) || r->result.reached_target;
    while (status == CHOIR_OK && !choir_coordinator_is_done(c) && !r->result.reached_target &&
           !ch_running_must_stop(r)) {
        status = round_run(r, err);
    }
    r->result.interrupted =
        status == CHOIR_OK && !choir_coordinator_is_done(c) && !r->result.reached_target;
    return r->result.interrupted ? interruption(r, err) : status;
}

choir_status ch_run_sim(ch_run_result *out, const choir_job *job, const ch_run_options *options,
                        const choir_env *env, choir_error *err) {
    ch_running r = {.outer = *env,
                    .options = options,
                    .dir = {.lock = -1},
                    .result = {.accuracy = NAN, .loss = NAN}};
    r.session.env =
        (choir_env){.alloc = outer_alloc, .free = outer_free, .log = outer_log, .self = &r};
    choir_error own = {.message = ""};
    choir_error *e = err == NULL ? &own : err;
    choir_status status = run_open(&r, job, e);
    if (status == CHOIR_OK) {
        status = rounds_run(&r, e);
        if (status == CHOIR_OK) {
            status = ch_running_finish(&r, e);
        } else if (status == CHOIR_ERANGE) {
            ch_running_fail(&r, e);
        }
    }
    r.result.wants_target = r.session.job.target_accuracy > 0;
    (void)snprintf(r.result.run_dir, sizeof(r.result.run_dir), "%s", r.dir.path);
    *out = r.result;
    run_release(&r);
    return status;
}
