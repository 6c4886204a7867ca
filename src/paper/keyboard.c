/* Keyboard: see keyboard.h. Here what is trained; keyboard_judge.c judges, keyboard_write.c tells.
 */
#include "paper/keyboard_parts.h"

#include "base/error.h"
#include "data/federation.h"
#include "data/source.h"
#include "job/rules.h"
#include "paper/grid.h"
#include "store/metrics_log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PILOT_SHARE = 4 }; // of the rounds, which a rate is tried for

static const char *const NAMES[CH_KEYBOARD_COUNT] = {
    [CH_KEYBOARD_PROXY] = "proxy",
    [CH_KEYBOARD_NGRAM_PROXY] = "ngram-proxy",
    [CH_KEYBOARD_NGRAM_POOLED] = "ngram-pooled",
    [CH_KEYBOARD_POOLED] = "pooled",
    [CH_KEYBOARD_FEDERATED] = "federated",
};

// ----- preparing --------------------------------------------------------------------------------

static choir_status job_check(const choir_job *job, choir_error *err) {
    const choir_job_data *d = &job->data;
    if (ch_source_look(d) != CH_SOURCE_MESSAGES) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.source: '%s' holds no messages by sender; a keyboard's are lines "
                            "of sender, number and text in a .tsv file",
                            d->source);
    }
    if (strcmp(d->holder, "clients") != 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.holder: is '%s'; here it is clients, and the others are what "
                            "they are compared with",
                            d->holder);
    }
    if (strcmp(d->partition, "natural") != 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.partition: is '%s'; a keyboard's clients are the senders, so it "
                            "must be natural",
                            d->partition);
    }
    if (strcmp(job->population, "closed") != 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "population: is '%s'; rounds are counted by the senders that there "
                            "are, so it must be closed",
                            job->population);
    }
    if (strcmp(job->schedule_epochs, choir_job_defaults().schedule_epochs) != 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "schedule.epochs: is '%s'; what it is compared with is trained for as "
                            "many epochs, so it must be constant",
                            job->schedule_epochs);
    }
    if (!(d->heldout > 0)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.heldout: is 0; recall is counted on messages that each sender "
                            "holds out, such as 0.2 of them");
    }
    if (!(d->test_share > 0)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.test_share: is 0; learning rates are chosen on messages that "
                            "nobody trains on, such as 0.05 of them");
    }
    if (job->model.name[0] == '\0' || job->model.init[0] != '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: training begins with the model of the proxy's messages; give "
                            "model.name alone",
                            job->model.name[0] == '\0' ? "model.file" : "model.init");
    }
    return CHOIR_OK;
}

/* One client, all of whose messages are passed over in each round: central training. */
static void central_set(choir_job *job, const char *holder, uint32_t passes) {
    const choir_job usual = choir_job_defaults();
    (void)snprintf(job->data.holder, sizeof(job->data.holder), "%s", holder);
    memcpy(job->population, usual.population, sizeof(job->population));
    memcpy(job->algorithm, usual.algorithm, sizeof(job->algorithm));
    memcpy(job->sampler, usual.sampler, sizeof(job->sampler));
    memcpy(job->chain, usual.chain, sizeof(job->chain));
    memcpy(job->schedule_learning_rate, usual.schedule_learning_rate,
           sizeof(job->schedule_learning_rate));
    memcpy(job->schedule_epochs, usual.schedule_epochs, sizeof(job->schedule_epochs));
    memcpy(job->schedule_batch_size, usual.schedule_batch_size, sizeof(job->schedule_batch_size));
    job->network = usual.network;
    job->deadline_s = DEADLINE_S; // virtual, of a round of all messages
    job->quorum = 1;
    job->server_learning_rate = 1;
    job->proximal_mu = 0;
    job->sample_rate = 1;
    job->epochs = 1;
    job->rounds = passes;
    job->evaluate_every = 1;
}

/* How often a sender's messages are passed over on average. */
static uint32_t pooled_passes(const choir_job *job, uint32_t senders) {
    const double asked = ch_job_asked(job, senders) / senders; // a round
    const double passes = floor(job->rounds * asked * job->epochs + 0.5);
    return passes < 1 ? 1 : passes > ROUNDS_MAX ? ROUNDS_MAX : (uint32_t)passes;
}

/* A directory of its own for each number of rounds: the model that counts is that of the last, and
 * a run that has had more does not go back. */
static void name_set(ch_keyboard_row *row, const char *name) {
    char label[CHOIR_NAME_MAX];
    (void)snprintf(label, sizeof(label), "%.40s-%.10s-%u", name, row->name, row->job.rounds);
    memcpy(row->job.name, label, sizeof(label));
}

/* Rounds that a rate is tried for. */
static uint32_t pilot_rounds(const choir_job *job) {
    return (job->rounds + PILOT_SHARE - 1) / PILOT_SHARE;
}

static void row_init(ch_keyboard_row *row, const ch_keyboard *k, ch_keyboard_who who) {
    *row = (ch_keyboard_row){.name = NAMES[who], .job = k->job, .validation = (double)NAN};
    row->is_trained = who != CH_KEYBOARD_NGRAM_PROXY && who != CH_KEYBOARD_NGRAM_POOLED;
    row->job.target_accuracy = 0; // a run knows no target: arm.h
    row->job.evaluate_clients = 1;
    ch_ignore(ch_arm_rates(row->rates, &k->job, 1, NULL), "they were looked at");
    for (uint32_t i = 0; i < CH_KEYBOARD_RATES; i++) {
        row->tried[i] = (double)NAN;
    }
    if (who == CH_KEYBOARD_PROXY) {
        central_set(&row->job, "proxy", k->passes);
        row->job.data.clients = 0;
        row->job.data.heldout = 0;
    } else if (who == CH_KEYBOARD_POOLED) {
        central_set(&row->job, "pooled", pooled_passes(&k->job, k->senders));
    }
    if (row->job.evaluate_every > pilot_rounds(&row->job)) { // or no rate would be told by its loss
        row->job.evaluate_every = pilot_rounds(&row->job);
    }
    name_set(row, k->job.name);
}

choir_status ch_keyboard_init(ch_keyboard *out, const choir_job *job, uint32_t passes,
                              uint32_t rates, const char *command, const choir_env *env,
                              choir_error *err) {
    memset(out, 0, sizeof(*out));
    double tried[CH_KEYBOARD_RATES];
    choir_status status = job_check(job, err);
    if (status == CHOIR_OK) {
        status = ch_arm_rates(tried, job, rates, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    out->env = *env;
    out->job = *job;
    out->passes = passes;
    out->rates = rates;
    (void)snprintf(out->command, sizeof(out->command), "%s", command);
    return CHOIR_OK;
}

void ch_keyboard_release(ch_keyboard *k) {
    for (ch_keyboard_who who = 0; who < CH_KEYBOARD_COUNT; who++) {
        if (k->rows[who].senders != NULL) {
            k->env.free(k->env.self, k->rows[who].senders);
            k->rows[who].senders = NULL;
        }
    }
}

// ----- training ---------------------------------------------------------------------------------

/* Whether a round came to nothing because training left the numbers that can be sent. */
static bool is_lost(const ch_metrics_row *r) {
    static const choir_refusal reasons[] = {CHOIR_REFUSAL_DIVERGED, CHOIR_REFUSAL_NOT_FINITE,
                                            CHOIR_REFUSAL_NORM, CHOIR_REFUSAL_RANGE};
    uint32_t refused = 0;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        refused += r->refused[reasons[i]];
    }
    return !r->applied && refused > 0;
}

/* The loss that was measured last in the rounds of a run up to one; NaN: a round was lost. */
static choir_status loss_read(double *loss, const char *dir, uint32_t rounds, const choir_env *env,
                              choir_error *err) {
    ch_metrics_table table = {0};
    bool is_diverged = false;
    const choir_status status = ch_metrics_read(&table, dir, env, err);
    *loss = (double)NAN;
    for (uint32_t i = 0; i < table.count && table.rows[i].round <= rounds; i++) {
        *loss = isnan(table.rows[i].loss) ? *loss : table.rows[i].loss;
        is_diverged |= is_lost(&table.rows[i]);
    }
    *loss = is_diverged ? (double)NAN : *loss;
    ch_metrics_table_release(&table);
    return status;
}

/* Runs the row's job at a rate up to a round; up to its last one its model is in row->dir. *loss:
 * the last that was measured until then; NaN: it diverged. */
static choir_status rate_run(ch_keyboard_row *row, double rate, uint32_t rounds, double *loss,
                             const ch_paper_site *site, const choir_env *env, choir_error *err) {
    row->job.client_learning_rate = rate;
    const ch_arm_task task = {.cell = row->name,
                              .job = &row->job,
                              .rate = ch_grid_near(rate),
                              .limit = rounds,
                              .beaten = INFINITY,
                              .points = CH_ARM_TABLE_POINTS,
                              .baselines = "",
                              .wants_model = rounds == row->job.rounds};
    ch_outcome_arm arm;
    choir_status status = ch_arm_run(&arm, &task, site, 0, env, err);
    *loss = (double)NAN;
    if (status == CHOIR_OK) {
        status = ch_arm_dir(row->dir, site->runs, &row->job, err);
    }
    return status == CHOIR_OK && arm.end != CH_CROSSING_DIVERGED
               ? loss_read(loss, row->dir, rounds, env, err)
               : status;
}

/* The rate with the lowest loss of those that are left; CH_KEYBOARD_RATES when there is none. */
static uint32_t rate_best(const ch_keyboard_row *row, const bool is_out[CH_KEYBOARD_RATES]) {
    uint32_t best = CH_KEYBOARD_RATES;
    for (uint32_t i = 0; i < CH_KEYBOARD_RATES; i++) {
        if (!is_out[i] && !isnan(row->tried[i]) &&
            (best == CH_KEYBOARD_RATES || row->tried[i] < row->tried[best])) {
            best = i;
        }
    }
    return best;
}

static choir_status row_train(ch_keyboard_row *row, uint32_t rates, const ch_paper_site *site,
                              const choir_env *env, choir_error *err) {
    const uint32_t rounds = row->job.rounds;
    const uint32_t pilot = pilot_rounds(&row->job);
    bool is_out[CH_KEYBOARD_RATES] = {false};
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < rates && status == CHOIR_OK; i++) {
        status = rate_run(row, row->rates[i], pilot, &row->tried[i], site, env, err);
    }
    while (status == CHOIR_OK) {
        const uint32_t best = rate_best(row, is_out);
        if (best == CH_KEYBOARD_RATES) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "%s: training diverged at each learning rate; give a lower "
                                "client.learning_rate than %g",
                                row->name, row->rates[rates > 1 ? 1 : 0]); // the one below
        }
        status = rate_run(row, row->rates[best], rounds, &row->validation, site, env, err);
        if (status == CHOIR_OK && !isnan(row->validation)) {
            return CHOIR_OK;
        }
        is_out[best] = true; // it diverged on the way, so the next best goes on in its place
    }
    return status;
}

/* What is trained later begins with the proxy's model. */
static choir_status init_set(ch_keyboard_row *row, const char *dir, choir_error *err) {
    char *init = row->job.model.init;
    const int size = snprintf(init, sizeof(row->job.model.init), "%s/model.safetensors", dir);
    return size > 0 && (size_t)size < sizeof(row->job.model.init)
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EINVAL, "%.60s...: the path is longer than %d bytes", dir,
                              CHOIR_PATH_MAX - 1);
}

/* How many senders there are, and whether there will be anything to judge on; told before anything
 * is trained. */
static choir_status senders_look(ch_keyboard *k, const choir_env *env, choir_error *err) {
    const choir_job_data *data = &k->job.data;
    ch_federation *f = NULL;
    choir_status status = ch_federation_open(&f, data, NULL, k->job.seed, env, err);
    if (status == CHOIR_OK && ch_federation_count_max(f, CH_SPLIT_HELDOUT) == 0) {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "data.heldout: %g: no sender has messages enough to hold one out; "
                              "needs a larger share",
                              data->heldout);
    }
    k->senders = status == CHOIR_OK ? ch_federation_clients(f) : 0;
    ch_federation_destroy(f);
    return status;
}

choir_status ch_keyboard_run(ch_keyboard *k, const ch_paper_site *site, const choir_env *env,
                             choir_error *err) {
    choir_status status = senders_look(k, env, err);
    for (ch_keyboard_who who = 0; who < CH_KEYBOARD_COUNT && status == CHOIR_OK; who++) {
        ch_keyboard_row *row = &k->rows[who];
        row_init(row, k, who);
        if (row->is_trained && who != CH_KEYBOARD_PROXY) {
            status = init_set(row, k->rows[CH_KEYBOARD_PROXY].dir, err);
        }
        if (row->is_trained && status == CHOIR_OK) {
            status = row_train(row, k->rates, site, env, err);
        }
    }
    return status == CHOIR_OK ? ch_keyboard_judge(k, site->workers, env, err) : status;
}
