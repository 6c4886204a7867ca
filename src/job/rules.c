/* Rules: see rules.h. */
#include "job/rules.h"

#include "base/assert.h"
#include "base/error.h"
#include "fl/aggregator.h"
#include "fl/algorithm.h"
#include "fl/chain.h"
#include "fl/sampler.h"
#include "fl/schedule.h"
#include "job/select.h"

#include <stdbool.h>
#include <string.h>

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Bytes of a name at the beginning of text; 0: it does not begin with one. */
static size_t name_span(const char *text) {
    return text[0] == '.' || text[0] == '-' ? 0 : strspn(text, LETTERS DIGITS "._-");
}

bool ch_job_is_name(const char *name) {
    const size_t size = name_span(name);
    return size > 0 && name[size] == '\0';
}

bool ch_job_is_reference(const char *text) {
    const size_t size = name_span(text);
    const char *version = text + size + 1;
    return size > 0 && size < CHOIR_NAME_MAX &&
           (text[size] == '\0' ||
            (text[size] == '@' && version[0] != '\0' && version[strspn(version, DIGITS)] == '\0'));
}

static bool is(const char *text, const char *other) {
    return strcmp(text, other) == 0;
}

static choir_status name_rule(const choir_job *j, choir_error *err) {
    if (ch_job_is_name(j->name)) {
        return CHOIR_OK;
    }
    return ch_error_set(err, CHOIR_EINVAL,
                        "name: '%s' names no folder; it must be letters, digits, '.', '_' or '-', "
                        "and begin with a letter, digit or '_'",
                        j->name);
}

static choir_status model_rules(const choir_job *j, choir_error *err) {
    const choir_job_model *m = &j->model;
    const bool is_mlp = is(m->name, "mlp");
    if (m->name[0] != '\0' && m->file[0] != '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model.file: '%s' is given, and model.name '%s' too; a model has a "
                            "name or a file, so remove one",
                            m->file, m->name);
    }
    if (m->name[0] == '\0' && m->file[0] == '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model.name: is empty; give a model of the zoo, or model.file");
    }
    if (is_mlp && m->hidden[0] == '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model.hidden: is empty; mlp needs the sizes of its hidden layers, "
                            "like [200, 200]");
    }
    if (!is_mlp && m->hidden[0] != '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model.hidden: '%s' is for model.name 'mlp' alone, which is '%s'; "
                            "remove it, or name that model",
                            m->hidden, m->name);
    }
    if (m->file[0] != '\0' && m->init[0] != '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model.init: '%s' is given, but model.file brings its own parameters; "
                            "remove one",
                            m->init);
    }
    return CHOIR_OK;
}

static choir_status data_rules(const choir_job *j, choir_error *err) {
    if (j->data.source[0] == '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.source: is empty; give a data set's name or a path");
    }
    if (j->data.clients == 0 && !is(j->data.partition, "natural")) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.clients: is 0; only data.partition 'natural' knows by itself how "
                            "many clients there are, and it is '%s'",
                            j->data.partition);
    }
    if (j->evaluation_every > 0 && j->data.heldout == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "server.evaluation_every: is %u, but clients hold no examples out to "
                            "evaluate on; data.heldout must be more than 0",
                            j->evaluation_every);
    }
    if (!is(j->data.task, "regression")) {
        return CHOIR_OK;
    }
    if (!is(j->model.loss, "mean-squared-error")) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model.loss: '%s' is for classes; must be mean-squared-error, because "
                            "data.task is regression",
                            j->model.loss);
    }
    if (j->target_accuracy > 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "server.target_accuracy: %g is never reached, because a regression "
                            "has no accuracy; remove it",
                            j->target_accuracy);
    }
    return CHOIR_OK;
}

uint32_t ch_job_method(const choir_job *j) {
    const ch_algorithm_ops *algorithm = ch_algorithm_find(j->algorithm, NULL);
    return algorithm == NULL ? CHOIR_METHOD_PLAIN : (uint32_t)algorithm->method;
}

bool ch_job_heeds(const choir_job *j, const char *key) {
    static const struct {
        const char *key;
        ch_algorithm_knob knob;
    } rows[] = {{"server.momentum", CH_KNOB_MOMENTUM},
                {"server.beta1", CH_KNOB_BETAS},
                {"server.beta2", CH_KNOB_BETAS},
                {"server.tau", CH_KNOB_TAU},
                {"server.q", CH_KNOB_Q}};
    const ch_algorithm_ops *algorithm = ch_algorithm_find(j->algorithm, NULL);
    ch_chain chain;
    if (is("server.examples_max", key)) {
        return ch_chain_parse(&chain, j->chain, NULL) != CHOIR_OK || !ch_chain_is_uniform(&chain);
    }
    for (size_t i = 0; algorithm != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is(rows[i].key, key)) {
            return (algorithm->knobs & (uint32_t)rows[i].knob) != 0;
        }
    }
    return true;
}

static choir_status algorithm_rules(const choir_job *j, choir_error *err) {
    ch_chain chain;
    const ch_algorithm_ops *algorithm = ch_algorithm_find(j->algorithm, err);
    if (algorithm == NULL) {
        return CHOIR_EINVAL;
    }
    const choir_status status = ch_chain_parse(&chain, j->chain, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const ch_algorithm_setting setting = {
        .has_proximal = j->proximal_mu > 0,
        .has_momentum = j->momentum > 0,
        .is_uniform = ch_chain_is_uniform(&chain),
        .has_clip = ch_chain_has(&chain, CH_STAGE_CLIP),
        .is_closed = is(j->population, "closed"),
        .has_quorum = j->quorum > 1,
    };
    return ch_algorithm_check(algorithm, &setting, "server.algorithm", err);
}

/* The texts that have a grammar of their own. Their parsers begin the sentence with the key. */
static choir_status text_rules(const choir_job *j, choir_error *err) {
    const struct {
        const char *key, *text;
    } schedules[] = {{"schedule.learning_rate", j->schedule_learning_rate},
                     {"schedule.epochs", j->schedule_epochs},
                     {"schedule.batch_size", j->schedule_batch_size}};
    ch_chain chain;
    choir_status status = ch_chain_parse(&chain, j->chain, err);
    for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]) && status == CHOIR_OK; i++) {
        ch_schedule schedule;
        status = ch_schedule_parse(&schedule, schedules[i].text, schedules[i].key, err);
    }
    return status == CHOIR_OK ? ch_select_check(&j->select, err) : status;
}

double ch_job_asked(const choir_job *job, uint32_t clients) {
    ch_sampler sampler;
    const choir_status status =
        ch_sampler_init(&sampler, job->sampler, clients, job->sample_rate, job->seed, NULL);
    CH_ASSERT(status == CHOIR_OK); // the table of keys knows samplers and their range
    return sampler.ops->cohort_mean(clients, job->sample_rate);
}

/* The most reports that a round of a closed population can count. */
static choir_status closed_fits(uint32_t *most, const choir_job *j, uint32_t clients,
                                choir_error *err) {
    ch_sampler sampler;
    const choir_status status =
        ch_sampler_init(&sampler, j->sampler, clients, j->sample_rate, j->seed, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (j->quorum > sampler.cohort_max) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "server.quorum: %u reports never come; server.sample_rate %g of %u "
                            "clients is at most %u a round",
                            j->quorum, j->sample_rate, clients, sampler.cohort_max);
    }
    *most = sampler.cohort_max;
    return CHOIR_OK;
}

static choir_status open_fits(uint32_t *most, const choir_job *j, uint32_t clients,
                              choir_error *err) {
    if (j->goal == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "server.goal: is not given; population 'open' needs to know how many "
                            "reports close a round");
    }
    if (j->goal > clients) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "server.goal: %u reports never come; there can be %u clients", j->goal,
                            clients);
    }
    if (j->quorum > j->goal) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "server.quorum: %u reports never come; a round closes with the %u of "
                            "server.goal",
                            j->quorum, j->goal);
    }
    if (j->rounds_between > CHOIR_RECENT_MAX / j->goal) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "server.rounds_between: %u rounds of %u clients are too many to "
                            "remember; at most %u",
                            j->rounds_between, j->goal, CHOIR_RECENT_MAX / j->goal);
    }
    const uint32_t between_most = clients / j->goal - 1;
    if (j->rounds_between > between_most) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "server.rounds_between: %u rounds of %u clients leave out so many of "
                            "%u that a round's %u never come; at most %u",
                            j->rounds_between, j->goal, clients, j->goal, between_most);
    }
    *most = j->goal;
    return CHOIR_OK;
}

choir_status ch_job_weight_max(uint32_t *out, const choir_job *job, choir_error *err) {
    ch_chain chain;
    const choir_status status = ch_chain_parse(&chain, job->chain, err);
    *out = status == CHOIR_OK ? ch_chain_weight_max(&chain, job->examples_max) : 1;
    return status;
}

choir_status ch_job_fits(const choir_job *j, uint32_t clients, choir_error *err) {
    ch_aggregator sum;
    uint32_t most = 0;
    uint32_t weight = 1;
    const bool is_open = is(j->population, "open");
    choir_status status =
        is_open ? open_fits(&most, j, clients, err) : closed_fits(&most, j, clients, err);
    if (status == CHOIR_OK) {
        status = ch_job_weight_max(&weight, j, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    if (ch_aggregator_init(&sum, NULL, 1, j->coordinate_max, weight, most, NULL) != CHOIR_OK) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "server.coordinate_max: %g does not fit the 64-bit sum of %u updates "
                            "that each weigh up to %u; lower it, server.examples_max or "
                            "server.%s",
                            j->coordinate_max, most, weight, is_open ? "goal" : "sample_rate");
    }
    const ch_algorithm_ops *algorithm = ch_algorithm_find(j->algorithm, err);
    status = algorithm == NULL ? CHOIR_EINVAL : CHOIR_OK;
    for (uint32_t i = 0; status == CHOIR_OK && i < algorithm->parts_count; i++) {
        ch_aggregator part;
        status = ch_part_sum_init(&part, algorithm, i, &sum, "server.algorithm", err);
    }
    return status;
}

choir_status ch_job_rules(const choir_job *j, choir_error *err) {
    choir_status (*const rules[])(const choir_job *, choir_error *) = {
        name_rule, model_rules, data_rules, text_rules, algorithm_rules};
    choir_status status = CHOIR_OK;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && status == CHOIR_OK; i++) {
        status = rules[i](j, err);
    }
    // 0 stands for all groups of the data, whose number is not known yet
    if (status == CHOIR_OK && j->data.clients > 0) {
        status = ch_job_fits(j, j->data.clients, err);
    }
    return status;
}
