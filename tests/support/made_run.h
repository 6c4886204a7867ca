/*
 * A run directory as choir leaves one, made up: curves that rise and fall as such curves do, by
 * formulas, so that pages can be looked at and tested without training anything.
 */
#ifndef CHOIR_TESTS_MADE_RUN_H
#define CHOIR_TESTS_MADE_RUN_H

#include "support/check.h"
#include "support/folder.h"

#include "base/rng.h"
#include "report/clients.h"
#include "report/samples.h"
#include "store/metrics_log.h"
#include "store/run_dir.h"

#include <math.h>
#include <sys/stat.h>

typedef struct made_run {
    char dir[FOLDER_PATH_MAX]; // exists, or can be made in a directory that does
    const char *source;        // of the data
    const char *command;       // that ran it
    const char *name;          // of label 3; NULL: labels have no names
    uint32_t rounds;           // recorded
    uint32_t job_rounds;       // that the job asks for
    uint32_t clients;
    double speed;    // how fast accuracy rises: 1 is usual
    double ceiling;  // and where to
    double target;   // of accuracy; 0: none
    bool has_extras; // baselines, clients, samples, run.json
    bool has_model;  // a final model
    bool is_diverging;
    bool is_regression; // there is no accuracy
} made_run;

static inline made_run made_run_defaults(const char *dir) {
    made_run m = {.source = "digits",
                  .command = "choir sim experiments/digits.yaml --baseline central,local",
                  .rounds = 40,
                  .job_rounds = 40,
                  .clients = 100,
                  .speed = 1,
                  .ceiling = 0.985,
                  .target = 0.97,
                  .has_extras = true,
                  .has_model = true};
    (void)snprintf(m.dir, sizeof(m.dir), "%.*s", (int)sizeof(m.dir) - 1, dir);
    return m;
}

static inline double made_noise(ch_rng *rng) {
    return ch_rng_unit(rng) + ch_rng_unit(rng) + ch_rng_unit(rng) - 1.5;
}

/* accuracy(t) = ceiling - (ceiling - 0.1) (1 + speed t)^-1.3, and some noise */
static inline ch_metrics_row made_row(const made_run *m, ch_rng *rng, uint32_t round) {
    const double gap = (m->ceiling - 0.1) * pow(1 + m->speed * round, -1.3);
    ch_metrics_row row = {.round = round, .clients = 10, .reports = 10, .applied = true};
    row.accuracy = m->ceiling - gap + 0.02 * gap * made_noise(rng);
    row.loss = 0.05 + 2.2 * gap + 0.05 * gap * made_noise(rng);
    row.diverged_client = row.diverged_loss = NAN;
    if (m->is_diverging) {
        row.diverged_client = round > 8 ? 17 : (double)NAN;
        row.diverged_loss = round > 8 ? 1e6 * round : (double)NAN;
        row.accuracy = 0.1 + 0.5 * exp(-0.15 * round);
        row.loss = 0.7 * exp(0.12 * round);
        row.refused[CHOIR_REFUSAL_DIVERGED] = round > 8 ? 3 : 0;
    }
    row.accuracy = m->is_regression ? (double)NAN : row.accuracy;
    row.heldout_mean = row.accuracy - 0.01;
    row.heldout_worst = fmax(0, row.accuracy - 0.05 - 0.6 * gap);
    row.heldout_spread = 0.03;
    if (m->has_extras && round % 5 == 0) {
        row.measured_clients = row.measured_reports = 5;
        row.measured_examples = 300;
        row.measured_accuracy = row.accuracy - 0.02;
        row.measured_loss = 1.1 * row.loss;
    }
    row.train_accuracy = fmin(1, row.accuracy + 0.01);
    row.train_loss = row.loss * (0.8 + 0.1 * made_noise(rng));
    row.refused[CHOIR_REFUSAL_MISSING] = round % 4 == 0 ? 1 : 0;
    row.refused[CHOIR_REFUSAL_NORM] = round % 11 == 0 ? 1 : 0;
    row.refused[CHOIR_REFUSAL_DUPLICATE] = 1; // who was counted had reported twice
    row.reports -= row.refused[CHOIR_REFUSAL_MISSING] + row.refused[CHOIR_REFUSAL_NORM];
    row.examples = 600ULL * row.reports;
    row.learning_rate = 0.1;
    row.epochs = 1;
    row.batch_size = 10;
    row.requests = 31;
    row.bytes_up = 6654000ULL * row.reports;
    row.bytes_down = 6654100ULL * row.clients;
    row.seconds = 0.41 + 0.02 * made_noise(rng);
    row.evaluation_seconds = 0.12;
    row.virtual_seconds = 21.5 * round;
    return row;
}

static inline void made_metrics(const made_run *m, const char *dir) {
    const choir_env env = choir_env_default();
    ch_rng rng = ch_rng_stream(m->rounds, CH_PURPOSE_TEST, 0, 0);
    ch_metrics_log *log = NULL;
    (void)mkdir(dir, 0777);
    check_status(ch_metrics_log_open(&log, dir, 0, &env, NULL), CHOIR_OK);
    for (uint32_t round = 1; round <= m->rounds; round++) {
        const ch_metrics_row row = made_row(m, &rng, round);
        check_status(ch_metrics_log_add(log, &row, NULL), CHOIR_OK);
    }
    ch_metrics_log_close(log);
}

/* Unequal sizes, and two or three labels that make up most of what each holds. */
static inline void made_clients(const made_run *m) {
    const choir_env env = choir_env_default();
    ch_rng rng = ch_rng_stream(7, CH_PURPOSE_TEST, 0, 0);
    ch_clients c;
    check_status(ch_clients_create(&c, m->clients, 10, &env), CHOIR_OK);
    c.total = m->clients;
    if (m->name != NULL) {
        ch_clients_name(&c, 3, m->name);
    }
    for (uint32_t i = 0; i < c.count; i++) {
        ch_client_facts *f = &c.clients[i];
        f->id = i;
        const uint32_t liked = ch_rng_below(&rng, 10);
        for (uint32_t k = 0; k < 10; k++) {
            const uint32_t most = k == liked || k == (liked + 3) % 10 ? 300 : 25;
            c.labels[i * 10 + k] = ch_rng_below(&rng, 1 + most / (1 + i / 20));
            f->examples += c.labels[i * 10 + k];
        }
        f->heldout = f->examples / 10 + 1;
        f->accuracy =
            fmin(1, fmax(0.55, m->ceiling - 0.01 -
                                   0.05 * fabs(made_noise(&rng)) * (1 + (i % 13 == 0 ? 4 : 0))));
        f->alone = fmin(1, 0.62 + 0.1 * made_noise(&rng) + 0.0004 * f->examples);
    }
    check_status(ch_clients_write(&c, m->dir, NULL), CHOIR_OK);
    ch_clients_release(&c);
}

/* Rings and bars: 28 x 28, grey. */
static inline void made_samples(const made_run *m) {
    const choir_env env = choir_env_default();
    ch_samples s;
    check_status(ch_samples_create(&s, 20, 28, 28, 1, &env), CHOIR_OK);
    for (uint32_t i = 0; i < s.count; i++) {
        s.labels[i] = i % 10;
        s.clients[i] = i < 15 ? i * 3 : UINT32_MAX;
        for (uint32_t at = 0; at < 28 * 28; at++) {
            const double x = at % 28 - 13.5;
            const uint32_t line = at / 28;
            const double y = line - 13.5;
            const double ring = fabs(hypot(x * (1 + 0.05 * i), y) - 8.5);
            const double bar = fabs(x + 0.1 * y * (i % 5));
            const double far = i % 2 == 0 ? ring : fmax(bar, fabs(y) - 9);
            s.pixels[i * 784 + at] = (uint8_t)(255 * fmin(1, fmax(0, 2.2 - far)));
        }
    }
    check_status(ch_samples_write(&s, m->dir, NULL), CHOIR_OK);
    ch_samples_release(&s);
}

static inline void made_extras(const made_run *m) {
    made_run central = *m;
    central.speed *= 3;
    central.ceiling += 0.006;
    central.is_diverging = false;
    made_metrics(&central, folder_file(m->dir, "baseline-central"));
    made_run local = *m;
    local.ceiling = 0.74;
    local.is_diverging = false;
    made_metrics(&local, folder_file(m->dir, "baseline-local"));
    made_clients(m);
    made_samples(m);
    ch_run_facts facts = {
        .name = "digits-cnn",
        .version = "0.1.0",
        .seed = 1,
        .backend = "vector-avx512",
        .cpu = "A CPU at 2.70GHz",
        .workers = 2,
        .parameters = 1663370,
        .start_loss = 2.3,
    };
    (void)snprintf(facts.command, sizeof(facts.command), "%s", m->command);
    check_status(ch_run_facts_write(m->dir, &facts, NULL), CHOIR_OK);
}

static inline void made_run_write(const made_run *m) {
    (void)mkdir(m->dir, 0777);
    choir_job job = choir_job_defaults();
    (void)snprintf(job.name, sizeof(job.name), "digits-cnn");
    (void)snprintf(job.data.source, sizeof(job.data.source), "%s", m->source);
    (void)snprintf(job.model.name, sizeof(job.model.name), "mnist-cnn");
    job.data.clients = m->clients;
    job.rounds = m->job_rounds;
    job.target_accuracy = m->target;
    job.client_learning_rate = m->is_diverging ? 10 : 0.1;
    job.epochs = m->speed > 1 ? 5 : 1;
    job.sample_rate = 0.1;
    char text[1 << 14];
    const size_t size = choir_job_write(&job, text, sizeof(text));
    folder_put(folder_file(m->dir, "job.yaml"), text, size);
    made_metrics(m, m->dir);
    if (m->has_extras) {
        made_extras(m);
    }
    if (m->has_model) {
        folder_put(folder_file(m->dir, "model.safetensors"), "", 0);
    }
}

#endif
