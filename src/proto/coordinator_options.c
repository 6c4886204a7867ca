/* The coordinator's options: defaults, bounds, digest. See include/choir/coordinator.h. */
#include "proto/coordinator_parts.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/sha256.h"

#include <string.h>

enum {
    TEXTS_MAX = 512,
    COUNTED_ROUNDS = 16, // of which the clients of a closed population are told that they counted
};

static const double COORDINATE_MAX = 1 << 20;

choir_coordinator_options choir_coordinator_defaults(void) {
    return (choir_coordinator_options){
        .job = "",
        .rounds = 1,
        .population = "closed",
        .sampler = "fixed",
        .sample_rate = 1.0,
        .over_selection = 1.3,
        .quorum = 1,
        .deadline_ms = 600000,
        .algorithm = "fedavg",
        .server_learning_rate = 1.0F,
        .server_momentum = 0.9F,
        .server_beta1 = 0.9F,
        .server_beta2 = 0.99F,
        .server_tau = 1e-3F,
        .server_q = 1,
        .client_epochs = 1,
        .client_batch_size = 10,
        .client_learning_rate = 0.1F,
        .schedule_learning_rate = "constant",
        .schedule_epochs = "constant",
        .schedule_batch_size = "constant",
        .chain = "weight",
        .examples_max = 65536,
        .update_norm_max = 1e4,
        .coordinate_max = 16,
        .seed = 1,
    };
}

ch_algorithm_options ch_coordinator_algorithm_options(const choir_coordinator *c) {
    const choir_coordinator_options *o = &c->options;
    return (ch_algorithm_options){
        .learning_rate = o->server_learning_rate,
        .momentum = o->server_momentum,
        .beta1 = o->server_beta1,
        .beta2 = o->server_beta2,
        .tau = o->server_tau,
        .alpha = o->client_proximal_mu,
        .clients = o->clients,
    };
}

/* NaN is outside of everything. Bounds keep parameters finite for any number of rounds. */
static choir_status numbers_check(const choir_coordinator_options *o, choir_error *err) {
    const double below_one = 1 - 0x1p-24;
    const struct {
        const char *name;
        double value;
        double min; // both inclusive
        double max;
    } rules[] = {
        {"dim", o->dim, 1, CHOIR_DIM_MAX},
        {"rounds", o->rounds, 1, UINT32_MAX},
        {"over_selection", o->over_selection, 1, 100},
        {"deadline_ms", o->deadline_ms, 1, UINT32_MAX},
        {"server_learning_rate", o->server_learning_rate, 1e-12, 1e4},
        {"server_momentum", o->server_momentum, 0, below_one},
        {"server_beta1", o->server_beta1, 0, below_one},
        {"server_beta2", o->server_beta2, 0, below_one},
        {"server_tau", o->server_tau, 1e-9, 1e3},
        {"server_q", o->server_q, 0, 10},
        {"client_epochs", o->client_epochs, 1, UINT32_MAX},
        {"client_learning_rate", o->client_learning_rate, 1e-12, 1e6},
        {"client_momentum", o->client_momentum, 0, below_one},
        {"client_weight_decay", o->client_weight_decay, 0, 1e6},
        {"client_proximal_mu", o->client_proximal_mu, 0, 1e6},
        {"examples_max", o->examples_max, 1, UINT32_C(1) << 30},
        {"update_norm_max", o->update_norm_max, 1e-12, 1e30},
        {"coordinate_max", o->coordinate_max, 1e-12, COORDINATE_MAX},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!(rules[i].value >= rules[i].min && rules[i].value <= rules[i].max)) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "coordinator: %s is %.10g, must be in [%.10g, %.10g]",
                                rules[i].name, rules[i].value, rules[i].min, rules[i].max);
        }
    }
    return CHOIR_OK;
}

/* In a closed population nobody is taken in, and so none of what says whom. */
static choir_status closed_take(choir_coordinator *c, const choir_coordinator_options *o,
                                choir_error *err) {
    if (o->goal != 0 || o->rounds_between != 0) {
        return ch_error_set(
            err, CHOIR_EINVAL, "coordinator: %s is %u, but the population is closed; must be 0",
            o->goal != 0 ? "goal" : "rounds_between", o->goal != 0 ? o->goal : o->rounds_between);
    }
    const choir_status status =
        ch_sampler_init(&c->sampler, o->sampler, o->clients, o->sample_rate, o->seed, err);
    c->places = c->sampler.cohort_max;
    c->cohort.capacity = c->places;
    return status;
}

static choir_status open_take(choir_coordinator *c, const choir_coordinator_options *o,
                              choir_error *err) {
    if (o->clients == 0 || o->clients > UINT32_C(1) << CH_CLIENTS_BITS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "coordinator: %u clients, but there must be 1 to 2^31", o->clients);
    }
    if (o->goal == 0 || o->goal > o->clients) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "coordinator: goal is %u, must be in [1, %u], the clients there can be",
                            o->goal, o->clients);
    }
    if (o->rounds_between > CHOIR_RECENT_MAX / o->goal) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "coordinator: rounds_between is %u, must be in [0, %u]: a coordinator "
                            "remembers at most %d clients, and a round counts %u",
                            o->rounds_between, CHOIR_RECENT_MAX / o->goal, CHOIR_RECENT_MAX,
                            o->goal);
    }
    // Nothing is drawn, but the name is part of the options' digest.
    ch_sampler none;
    const choir_status status = ch_sampler_init(&none, o->sampler, o->clients, 1, o->seed, err);
    if (status != CHOIR_OK) {
        return status;
    }
    c->is_open = true;
    c->places = ch_coordinator_places(o->goal, o->over_selection, o->clients);
    c->cohort.capacity = ch_coordinator_table(c->places, o->clients);
    return CHOIR_OK;
}

static choir_status population_take(choir_coordinator *c, const choir_coordinator_options *o,
                                    choir_error *err) {
    const char *population = o->population == NULL ? "" : o->population;
    if (strcmp(population, "open") == 0) {
        return open_take(c, o, err);
    }
    if (strcmp(population, "closed") == 0) {
        return closed_take(c, o, err);
    }
    return ch_error_set(err, CHOIR_EINVAL,
                        "coordinator: population '%.40s' is unknown; known: closed, open",
                        population);
}

/* Of how many rounds it is kept who was counted. Whether clients keep something, of a method or of
 * a trainer of their own, is not asked: of the latter a coordinator knows nothing. */
static void recent_size(choir_coordinator *c, const choir_coordinator_options *o) {
    const uint32_t most = c->is_open ? o->goal : c->cohort.capacity;
    const uint32_t room = CHOIR_RECENT_MAX / most;
    const uint32_t counted = room < COUNTED_ROUNDS ? room : COUNTED_ROUNDS;
    c->recent.rounds = c->is_open ? o->rounds_between : counted;
    c->recent.most = most;
}

static choir_status texts_parse(choir_coordinator *c, const choir_coordinator_options *o,
                                choir_error *err) {
    choir_status status = population_take(c, o, err);
    c->algorithm = ch_algorithm_find(o->algorithm, status == CHOIR_OK ? err : NULL);
    if (status == CHOIR_OK && c->algorithm == NULL) {
        status = CHOIR_EINVAL;
    }
    const struct {
        const char *text;
        const char *name;
    } schedules[CH_SCHEDULED_COUNT] = {
        [CH_SCHEDULED_RATE] = {o->schedule_learning_rate, "schedule_learning_rate"},
        [CH_SCHEDULED_EPOCHS] = {o->schedule_epochs, "schedule_epochs"},
        [CH_SCHEDULED_BATCH] = {o->schedule_batch_size, "schedule_batch_size"},
    };
    for (int i = 0; i < CH_SCHEDULED_COUNT && status == CHOIR_OK; i++) {
        status = ch_schedule_parse(&c->schedules[i], schedules[i].text, schedules[i].name, err);
    }
    if (status == CHOIR_OK) {
        status = ch_chain_parse(&c->chain, o->chain, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    recent_size(c, o);
    const ch_algorithm_setting setting = {
        .has_proximal = o->client_proximal_mu > 0,
        .has_momentum = o->client_momentum > 0,
        .is_uniform = ch_chain_is_uniform(&c->chain),
        .has_clip = ch_chain_has(&c->chain, CH_STAGE_CLIP),
        .is_closed = !c->is_open,
        .has_quorum = o->quorum > 1,
    };
    return ch_algorithm_check(c->algorithm, &setting, "algorithm", err);
}

/* Of everything that the model depends on: a state fits only the job that it was saved from, under
 * whatever name. */
static void options_digest(uint8_t out[CHOIR_HASH_BYTES], const choir_coordinator_options *o) {
    uint8_t bytes[TEXTS_MAX + 256];
    ch_writer w = {.data = bytes, .capacity = sizeof(bytes)};
    const uint32_t whole[] = {o->dim,          o->clients,          o->rounds,
                              o->quorum,       o->deadline_ms,      o->client_epochs,
                              o->examples_max, o->client_batch_size};
    const float rates[] = {o->server_learning_rate, o->server_momentum,     o->client_learning_rate,
                           o->client_momentum,      o->client_weight_decay, o->client_proximal_mu};
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        ch_put_u32(&w, whole[i]);
    }
    ch_put_f32s(&w, rates, sizeof(rates) / sizeof(rates[0]));
    ch_put_f64(&w, o->sample_rate);
    ch_put_f64(&w, o->update_norm_max);
    ch_put_f64(&w, o->coordinate_max);
    ch_put_u64(&w, o->seed);
    ch_put_text(&w, o->sampler);
    ch_put_text(&w, o->algorithm);
    ch_put_text(&w, o->schedule_learning_rate);
    ch_put_text(&w, o->schedule_epochs);
    ch_put_text(&w, o->schedule_batch_size);
    ch_put_text(&w, o->chain);
    if (strcmp(o->population, "open") == 0) { // a closed one's digest is what it always was
        ch_put_text(&w, o->population);
        ch_put_u32(&w, o->goal);
        ch_put_f64(&w, o->over_selection);
        ch_put_u32(&w, o->rounds_between);
    }
    if (o->evaluation_every > 0) { // likewise
        ch_put_text(&w, "evaluation");
        ch_put_u32(&w, o->evaluation_every);
    }
    const ch_algorithm_ops *algorithm = ch_algorithm_find(o->algorithm, NULL);
    if ((algorithm->knobs & (CH_KNOB_BETAS | CH_KNOB_TAU)) != 0) { // likewise
        const float knobs[] = {o->server_beta1, o->server_beta2, o->server_tau};
        ch_put_text(&w, "knobs");
        ch_put_f32s(&w, knobs, sizeof(knobs) / sizeof(knobs[0]));
    }
    if ((algorithm->knobs & CH_KNOB_Q) != 0) {
        ch_put_text(&w, "q");
        ch_put_f32s(&w, &o->server_q, 1);
    }
    CH_ASSERT(!w.failed); // every text has been parsed, and so is short
    ch_sha256_of(bytes, w.size, out);
}

choir_status ch_coordinator_configure(choir_coordinator *c, const choir_coordinator_options *o,
                                      choir_error *err) {
    choir_status status = numbers_check(o, err);
    if (status == CHOIR_OK) {
        status = texts_parse(c, o, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    const uint32_t reports_max = c->is_open ? o->goal : c->sampler.cohort_max;
    if (o->quorum == 0 || o->quorum > reports_max) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "coordinator: quorum is %u, must be in [1, %u], the %s", o->quorum,
                            reports_max, c->is_open ? "goal" : "largest cohort");
    }
    if (o->job == NULL || strlen(o->job) >= CHOIR_JOB_TEXT_MAX) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "coordinator: job must be a text of less than %d bytes",
                            CHOIR_JOB_TEXT_MAX);
    }
    status = ch_aggregator_init(&c->aggregator, NULL, o->dim, o->coordinate_max,
                                ch_chain_weight_max(&c->chain, o->examples_max), reports_max, err);
    if (status == CHOIR_OK) {
        status = ch_coordinator_parts_init(c, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    options_digest(c->options_digest, o);
    memcpy(c->task.chain, o->chain, strlen(o->chain) + 1);
    memcpy(c->task.job, o->job, strlen(o->job) + 1);
    c->options = *o;
    c->options.job = NULL; // the caller's texts are not ours to keep
    c->options.population = NULL;
    c->options.sampler = NULL;
    c->options.algorithm = NULL;
    c->options.schedule_learning_rate = NULL;
    c->options.schedule_epochs = NULL;
    c->options.schedule_batch_size = NULL;
    c->options.chain = NULL;
    return CHOIR_OK;
}
