/* Job: what a file may say, and the sentence for everything it may not. */
#include "support/check.h"

#include "choir/job.h"
#include "job/keys.h"
#include "job/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static choir_status parse(choir_job *job, const char *text, choir_error *err) {
    return choir_job_parse(job, text, strlen(text), "a.yaml", NULL, 0, err);
}

static void check_message(const char *text, const char *message) {
    choir_job job = {.seed = 99};
    choir_error err = {.message = ""};
    check_status(parse(&job, text, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, message);
    assert_true(job.seed == 99);
    check_status(parse(&job, text, NULL), CHOIR_EINVAL);
}

static void an_empty_file_is_the_defaults_named_after_the_file(void **state) {
    (void)state;
    choir_job job;
    choir_error err = {.message = ""};
    check_status(parse(&job, "", &err), CHOIR_OK);
    assert_string_equal(job.name, "a");
    assert_string_equal(job.model.name, "mnist-2nn");
    assert_string_equal(job.data.source, "digits");
    assert_int_equal(job.rounds, 50);
    check_status(parse(&job, "# nothing\n", &err), CHOIR_OK);
    check_status(parse(&job, "network:\nclient: {}\n", &err), CHOIR_OK);
}

static void every_default_is_within_its_own_bounds(void **state) {
    (void)state;
    for (size_t i = 0; i < CH_JOB_KEYS.count; i++) {
        const ch_option *row = &CH_JOB_KEYS.rows[i];
        choir_job job = choir_job_defaults();
        char value[CH_OPTION_VALUE_MAX];
        choir_error err = {.message = ""};
        ch_options_get(row, &job, value, sizeof(value));
        const bool must_be_given = strcmp(row->key, "server.goal") == 0;
        check_status(ch_options_set(&CH_JOB_KEYS, &job, row->key, value, "", &err),
                     must_be_given ? CHOIR_EINVAL : CHOIR_OK);
        assert_true(strlen(row->help) > 0);
    }
}

static void keys_nest_and_lists_join(void **state) {
    (void)state;
    choir_job job;
    choir_error err = {.message = ""};
    check_status(parse(&job,
                       "name: spoken\n"
                       "model:\n"
                       "  name: mlp\n"
                       "  hidden: [200, 100]\n"
                       "client: {epochs: 5, learning_rate: 2.5e-1}\n"
                       "data.clients: 12 # dotted, too\n"
                       "chain: clip=1.5|weight\n"
                       "network:\n"
                       "  loss: .25\n",
                       &err),
                 CHOIR_OK);
    assert_string_equal(job.name, "spoken");
    assert_string_equal(job.model.name, "mlp");
    assert_string_equal(job.model.hidden, "200,100");
    assert_int_equal(job.epochs, 5);
    assert_true(job.client_learning_rate == 0.25);
    assert_int_equal(job.data.clients, 12);
    assert_string_equal(job.chain, "clip=1.5|weight");
    assert_true(job.network.loss == 0.25);
    check_status(parse(&job, "data: {drop: ['', id, '']}\n", &err), CHOIR_OK);
    assert_string_equal(job.data.drop, ",id,");
}

static void texts_beyond_what_is_read_are_refused(void **state) {
    (void)state;
    char text[CH_YAML_VALUE_MAX + 64];
    char letters[CH_YAML_VALUE_MAX + 1];
    memset(letters, 'a', sizeof(letters));
    (void)snprintf(text, sizeof(text), "%.*s: 1\n", CH_YAML_KEY_MAX - 1, letters);
    check_message(text, "a.yaml:1: a key must have 1 to 126 bytes, with the sections it is in");
    (void)snprintf(text, sizeof(text), "name: %.*s\n", CH_YAML_VALUE_MAX, letters);
    check_message(text, "a.yaml:1: name: the value is too long; at most 1023 bytes are read");
    static const struct {
        const char *before, *after;
        int letters;
        const char *says; // one letter less is read
    } rows[] = {{"", ": 1\n", CH_YAML_KEY_MAX - 2, "is not known"},
                {"name: ", "\n", CH_YAML_VALUE_MAX - 1, "is not printable text"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_job job;
        choir_error err = {.message = ""};
        (void)snprintf(text, sizeof(text), "%s%.*s%s", rows[i].before, rows[i].letters, letters,
                       rows[i].after);
        check_status(parse(&job, text, &err), CHOIR_EINVAL);
        assert_non_null(strstr(err.message, rows[i].says));
    }
}

static void a_model_may_be_named_in_one_word_or_be_a_file(void **state) {
    (void)state;
    choir_job job;
    check_status(parse(&job, "model: softmax\n", NULL), CHOIR_OK);
    assert_string_equal(job.model.name, "softmax");
    check_status(parse(&job, "model: {file: m.safetensors}\n", NULL), CHOIR_OK);
    assert_string_equal(job.model.name, "");
    assert_string_equal(job.model.file, "m.safetensors");
}

static void wrong_values_are_refused_with_line_key_value_and_what_would_be_right(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"client:\n  epoch: 5\n",
         "a.yaml:2: client.epoch is not known; did you mean 'client.epochs'?"},
        {"\nepochs: 5\n", "a.yaml:2: epochs is not known; did you mean 'client.epochs'?"},
        {"server: {epochs: 5}\n",
         "a.yaml:1: server.epochs is not known; did you mean 'client.epochs'?"},
        {"orchestra: 5\n",
         "a.yaml:1: orchestra is not known; 'choir job keys' lists what can be given"},
        {"orchestra:\n",
         "a.yaml:1: orchestra is not known; 'choir job keys' lists what can be given"},
        {"client:\n  lr: 1\n",
         "a.yaml:2: client.lr is not known; did you mean 'client.learning_rate'?"},
        {"schedule: {lr: constant}\n",
         "a.yaml:1: schedule.lr is not known; did you mean 'schedule.learning_rate'?"},
        {"data:\n  lr: 1\n",
         "a.yaml:2: data.lr is not known; did you mean 'client.learning_rate'?"},
        {"data: {dataset: mnist}\n",
         "a.yaml:1: data.dataset is not known; did you mean 'data.source'?"},
        {"data: {num_clients: 5}\n",
         "a.yaml:1: data.num_clients is not known; did you mean 'data.clients'?"},
        {"server: {fraction: 0.5}\n",
         "a.yaml:1: server.fraction is not known; did you mean 'server.sample_rate'?"},
        {"client: {orchestra: 5}\n",
         "a.yaml:1: client.orchestra is not known; client has epochs, batch_size, learning_rate, "
         "momentum, weight_decay, proximal_mu"},
        {"client:\n  epochs: five\n",
         "a.yaml:2: client.epochs: 'five' is not a whole number in [1, 1000] epochs"},
        {"client:\n  epochs:\n",
         "a.yaml:2: client.epochs: '' is not a whole number in [1, 1000] epochs"},
        {"client:\n  epochs: [1, 2]\n",
         "a.yaml:2: client.epochs: a list is not a whole number in [1, 1000] epochs"},
        {"client: 5\n", "a.yaml:1: client is a section; give a key of it, such as 'client.epochs'"},
        {"seed: {a: 1}\n", "a.yaml:1: seed.a is not known; did you mean 'seed'?"},
        {"server:\n  sample_rate: 1.5\n",
         "a.yaml:2: server.sample_rate: '1.5' is not a number in [1e-09, 1]"},
        {"server:\n  algorithm: fedvag\n",
         "a.yaml:2: server.algorithm: 'fedvag' is not one of "
         "fedavg, fedavgm, fedprox, fedadagrad, fedadam, "
         "fedyogi, fednova, q-fedavg, scaffold, feddyn; did you mean 'fedavg'?"},
        {"seed: 1\nrounds: 3\n", "a.yaml:2: rounds is not known; did you mean 'server.rounds'?"},
        {"seed: 1\nseed: 2\n", "a.yaml:2: seed: was given in line 1 already"},
        {"model: [a, b]\n",
         "a.yaml:1: model.name: a list is not printable text of at most 63 bytes"},
        {"data:\n  categorical: ['a,b', c]\n",
         "a.yaml:2: data.categorical: a list's item cannot hold a comma, because commas stand "
         "between items"},
        {"model: a\nmodel: {name: b}\n", "a.yaml:2: model.name: was given in line 1 already"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_message(rows[i].text, rows[i].message);
    }
}

static void what_is_not_a_job_in_yaml_is_refused_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"client:\n  epochs: 5\n seed: 1\n", "a.yaml:3: not YAML: did not find expected key while "
                                             "parsing a block mapping"},
        {"a: \"open\n", "a.yaml:2: not YAML: found unexpected end of stream while scanning a "
                        "quoted scalar"},
        {"name: a\n\xff: 1\n", "a.yaml:2: not YAML: invalid leading UTF-8 octet; save it as UTF-8 "
                               "text"},
        {"5\n", "a.yaml:1: a job is lines of 'key: value', not a single value"},
        {"- 5\n", "a.yaml:1: a job is lines of 'key: value', not a list"},
        {"seed: 1\n---\nseed: 2\n", "a.yaml:2: a second document; a file holds one job"},
        {"seed: &a 1\n", "a.yaml:1: seed: anchors and tags are not read; write the value out"},
        {"seed: *a\n", "a.yaml:1: seed: aliases are not read; write the value out"},
        {"seed: !!int 1\n", "a.yaml:1: seed: anchors and tags are not read; write the value out"},
        {"model:\n  hidden: [[1]]\n",
         "a.yaml:2: model.hidden: a list cannot stand here; a list holds values"},
        {"model:\n  hidden: [{a: 1}]\n",
         "a.yaml:2: model.hidden: 'key: value' cannot stand here; a list holds values"},
        {"{{a: 1}: 2}\n", "a.yaml:1: 'key: value' cannot stand here; a list holds values"},
        {"{[a]: 2}\n", "a.yaml:1: a list cannot stand here; a list holds values"},
        {"name: \"a\\0b\"\n", "a.yaml:1: name: a value must not contain a zero byte"},
        {"name: \"a\\eb\"\n", "a.yaml:1: name: 'a?b' is not printable text of at most 63 bytes"},
        {"a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}\n",
         "a.yaml:1: a.a.a.a.a.a.a.a is not known; 'choir job keys' lists what can be given"},
        {"a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}\n",
         "a.yaml:1: a.a.a.a.a.a.a.a: sections inside sections inside sections; no key is so deep"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_message(rows[i].text, rows[i].message);
    }
}

static void keys_that_contradict_each_other_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"model: {name: mlp, file: m}\n", "a.yaml:1: model.file: 'm' is given, and model.name "
                                          "'mlp' too; a model has a name or a file, so remove one"},
        {"model: mlp\n", "a.yaml: model.hidden: is empty; mlp needs the sizes of its hidden "
                         "layers, like [200, 200]"},
        {"model: {hidden: 5}\n",
         "a.yaml:1: model.hidden: '5' is for model.name 'mlp' alone, which is 'mnist-2nn'; "
         "remove it, or name that model"},
        {"model: ''\n", "a.yaml:1: model.name: is empty; give a model of the zoo, or model.file"},
        {"model: {file: a, init: b}\n", "a.yaml:1: model.init: 'b' is given, but model.file brings "
                                        "its own parameters; remove one"},
        {"data: {source: ''}\n",
         "a.yaml:1: data.source: is empty; give a data set's name or a path"},
        {"data: {partition: shards, clients: 0}\n",
         "a.yaml:1: data.clients: is 0; only data.partition 'natural' knows by itself how many "
         "clients there are, and it is 'shards'"},
        {"data: {clients: 50}\nserver: {quorum: 6}\n",
         "a.yaml:2: server.quorum: 6 reports never come; server.sample_rate 0.1 of 50 clients is "
         "at most 5 a round"},
        {"data: {heldout: 0}\nserver: {evaluation_every: 3}\n",
         "a.yaml:2: server.evaluation_every: is 3, but clients hold no examples out to evaluate "
         "on; "
         "data.heldout must be more than 0"},
        {"server: {goal: 5}\n",
         "a.yaml:1: server.goal: is for population 'open'; remove it, or say population: open"},
        {"population: closed\nserver:\n  rounds_between: 0\n",
         "a.yaml:3: server.rounds_between: is for population 'open'; remove it, or say population: "
         "open"},
        {"population: open\nserver:\n  goal: 5\n  sample_rate: 0.1\n",
         "a.yaml:4: server.sample_rate: is drawn from a roster, and population 'open' has none; "
         "remove it: server.goal says how many a round takes"},
        {"population: open\nserver: {goal: 5, sampler: fixed}\n",
         "a.yaml:2: server.sampler: is drawn from a roster, and population 'open' has none; remove "
         "it: server.goal says how many a round takes"},
        {"population: open\n", "a.yaml: server.goal: is not given; population 'open' needs to know "
                               "how many reports close a round"},
        {"population: open\nserver: {goal: 101}\n",
         "a.yaml:2: server.goal: 101 reports never come; there can be 100 clients"},
        {"population: open\nserver: {goal: 5, quorum: 6}\n",
         "a.yaml:2: server.quorum: 6 reports never come; a round closes with the 5 of server.goal"},
        {"population: open\nserver: {goal: 50, rounds_between: 100000}\n",
         "a.yaml:2: server.rounds_between: 100000 rounds of 50 clients are too many to remember; "
         "at "
         "most 83886"},
        {"population: open\ndata: {clients: 60}\nserver: {goal: 7, rounds_between: 8}\n",
         "a.yaml:3: server.rounds_between: 8 rounds of 7 clients leave out so many of 60 that a "
         "round's 7 never come; at most 7"},
        {"data: {task: regression}\n",
         "a.yaml: model.loss: 'cross-entropy' is for classes; must be mean-squared-error, because "
         "data.task is regression"},
        {"data: {task: regression}\nmodel: {loss: mean-squared-error}\n"
         "server:\n  target_accuracy: 0.9\n",
         "a.yaml:4: server.target_accuracy: 0.9 is never reached, because a regression has no "
         "accuracy; remove it"},
        {"name: ../up\n",
         "a.yaml:1: name: '../up' names no folder; it must be letters, digits, '.', '_' or '-', "
         "and begin with a letter, digit or '_'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_message(rows[i].text, rows[i].message);
    }
}

static void what_a_sum_cannot_hold_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"population: open\nserver: {goal: 10, coordinate_max: 1e6, examples_max: 16777216}\n",
         "a.yaml:2: server.coordinate_max: 1e+06 does not fit the 64-bit sum of 10 updates that "
         "each weigh up to 16777216; lower it, server.examples_max or server.goal"},
        {"server: {coordinate_max: 1e6, examples_max: 16777216}\n",
         "a.yaml:1: server.coordinate_max: 1e+06 does not fit the 64-bit sum of 10 updates that "
         "each weigh up to 16777216; lower it, server.examples_max or server.sample_rate"},
        {"server: {algorithm: fednova, examples_max: 16777216}\n",
         "a.yaml:1: server.algorithm: 'fednova' sends 'steps', up to 65536, of which 10 clients "
         "that each weigh up to 16777216 leave too few bits in a 64-bit sum; lower "
         "server.examples_max or the clients in a round"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_message(rows[i].text, rows[i].message);
    }
}

static void the_population_says_whether_updates_are_announced_unless_the_job_does(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *override;
        bool announce;
    } rows[] = {
        {"population: closed\n", NULL, false},
        {"server: {announce: true}\n", NULL, true},
        {"", "server.announce=true", true},
        {"population: open\nserver: {goal: 7}\n", NULL, true},
        {"server: {goal: 7}\n", "population=open", true},
        {"population: open\nserver: {goal: 7, announce: false}\n", NULL, false},
        {"population: open\nserver: {goal: 7}\n", "server.announce=false", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_job job;
        choir_job again;
        char written[8192];
        choir_error err = {.message = ""};
        check_status(choir_job_parse(&job, rows[i].text, strlen(rows[i].text), "a.yaml",
                                     &rows[i].override, rows[i].override != NULL, &err),
                     CHOIR_OK);
        assert_int_equal(job.announce, rows[i].announce);
        const size_t size = choir_job_write(&job, written, sizeof(written));
        check_status(choir_job_parse(&again, written, size, "a.yaml", NULL, 0, &err), CHOIR_OK);
        assert_memory_equal(&job, &again, sizeof(job));
    }
}

/* And has no key of the other, which would be refused. */
static void an_open_job_reads_back_to_an_equal_one(void **state) {
    (void)state;
    static const char text[] = "population: open\n"
                               "server: {goal: 7, over_selection: 1.5, rounds_between: 3}\n";
    choir_job job;
    choir_job again;
    char written[8192];
    choir_error err = {.message = ""};
    check_status(choir_job_parse(&job, text, sizeof(text) - 1, "a.yaml", NULL, 0, &err), CHOIR_OK);
    assert_string_equal(job.population, "open");
    assert_int_equal(job.goal, 7);
    check_near(job.over_selection, 1.5, 0);
    assert_int_equal(job.rounds_between, 3);
    const size_t size = choir_job_write(&job, written, sizeof(written));
    assert_null(strstr(written, "sample"));
    check_status(choir_job_parse(&again, written, size, "a.yaml", NULL, 0, &err), CHOIR_OK);
    assert_memory_equal(&job, &again, sizeof(job));
    const choir_job closed = choir_job_defaults();
    (void)choir_job_write(&closed, written, sizeof(written));
    assert_null(strstr(written, "goal"));
}

static void chains_and_schedules_that_do_not_parse_are_refused_where_they_stand(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"seed: 1\nchain: clop|weight\n",
         "a.yaml:2: chain: 'clop' is no link; known: clip, weight, uniform"},
        {"chain: clip=1\n", "a.yaml:1: chain: nothing says how a client's examples count; add "
                            "'weight' or 'uniform'"},
        {"schedule:\n  epochs: never\n", "a.yaml:2: schedule.epochs: 'never' is unknown; known: "
                                         "constant, step, exponential, cosine, plateau"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_message(rows[i].text, rows[i].message);
    }
    const char *override = "chain=clop";
    choir_job job;
    choir_error err = {.message = ""};
    check_status(choir_job_parse(&job, "", 0, "a.yaml", &override, 1, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "--set: chain: 'clop' is no link; known: clip, weight, uniform");
}

static void the_defaults_are_those_of_the_coordinator_and_the_simulator(void **state) {
    (void)state;
    const choir_job job = choir_job_defaults();
    const choir_sim_options sim = choir_sim_defaults();
    const choir_coordinator_options *c = &sim.coordinator;
    assert_string_equal(job.population, c->population);
    assert_int_equal(job.goal, c->goal);
    assert_true(job.over_selection == c->over_selection);
    assert_int_equal(job.rounds_between, c->rounds_between);
    assert_string_equal(job.sampler, c->sampler);
    assert_string_equal(job.algorithm, c->algorithm);
    assert_string_equal(job.chain, c->chain);
    assert_string_equal(job.schedule_learning_rate, c->schedule_learning_rate);
    assert_string_equal(job.schedule_epochs, c->schedule_epochs);
    assert_string_equal(job.schedule_batch_size, c->schedule_batch_size);
    assert_int_equal(job.quorum, c->quorum);
    assert_int_equal(job.evaluation_every, c->evaluation_every);
    assert_int_equal(job.announce, c->announce);
    assert_true(job.deadline_s * 1000 == c->deadline_ms);
    assert_int_equal(job.epochs, c->client_epochs);
    assert_int_equal(job.batch_size, c->client_batch_size);
    assert_int_equal(job.examples_max, c->examples_max);
    assert_true(job.seed == c->seed);
    const struct {
        double job, other;
    } reals[] = {
        {job.client_learning_rate, c->client_learning_rate},
        {job.momentum, c->client_momentum},
        {job.weight_decay, c->client_weight_decay},
        {job.proximal_mu, c->client_proximal_mu},
        {job.server_learning_rate, c->server_learning_rate},
        {job.server_momentum, c->server_momentum},
        {job.server_beta1, c->server_beta1},
        {job.server_beta2, c->server_beta2},
        {job.server_tau, c->server_tau},
        {job.server_q, c->server_q},
        {job.update_norm_max, c->update_norm_max},
        {job.coordinate_max, c->coordinate_max},
        {job.network.up_mbps, sim.network.up_mbps},
        {job.network.down_mbps, sim.network.down_mbps},
        {job.network.examples_per_s, sim.network.examples_per_s},
        {job.network.speed_spread, sim.network.speed_spread},
        {job.network.availability, sim.network.availability},
        {job.network.dropout, sim.network.dropout},
        {job.network.loss, sim.network.loss},
        {(double)job.network.latency_ms, (double)sim.network.latency_ms},
        {(double)job.network.seed, (double)sim.network.seed},
    };
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        assert_true((float)reals[i].job == (float)reals[i].other);
    }
}

static void overrides_win_over_the_file_and_the_last_one_over_all(void **state) {
    (void)state;
    const char *const text = "model: {name: softmax}\nclient: {epochs: 3}\nseed: 5\n";
    const char *const overrides[] = {"client.epochs=4", "model.file=m.safetensors",
                                     "client.epochs=6", "chain=clip=2|weight", "name=other"};
    choir_job job;
    choir_error err = {.message = ""};
    check_status(choir_job_parse(&job, text, strlen(text), "a.yaml", overrides, 5, &err), CHOIR_OK);
    assert_int_equal(job.epochs, 6);
    assert_true(job.seed == 5);
    assert_string_equal(job.model.file, "m.safetensors");
    assert_string_equal(job.model.name, "");
    assert_string_equal(job.chain, "clip=2|weight");
    assert_string_equal(job.name, "other");
}

static void an_empty_override_of_a_model_leaves_the_other_word_on_it(void **state) {
    (void)state;
    const char *const file = "model.file=";
    const char *const name = "model.name=";
    const char *const text = "model: {file: m.safetensors}\n";
    choir_job job;
    check_status(choir_job_parse(&job, "model: softmax\n", 15, "a.yaml", &file, 1, NULL), CHOIR_OK);
    assert_string_equal(job.model.name, "softmax");
    check_status(choir_job_parse(&job, text, strlen(text), "a.yaml", &name, 1, NULL), CHOIR_OK);
    assert_string_equal(job.model.file, "m.safetensors");
}

static void overrides_take_lists_and_quotations_as_the_file_does(void **state) {
    (void)state;
    static const struct {
        const char *override, *value;
    } rows[] = {
        {"model.hidden=[200, 100]", "200,100"},
        {"model.hidden=200,100", "200,100"},
        {"model.hidden=\"200,100\"", "200,100"},
        {"model.hidden=[ 5 ]", "5"},
        {"model.hidden='7'", "7"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_job job;
        const char *const overrides[] = {"model=mlp", rows[i].override, "data.label=it's: #1",
                                         "data.source=a [b]"};
        choir_error err = {.message = ""};
        check_status(choir_job_parse(&job, "", 0, "a.yaml", overrides, 4, &err), CHOIR_OK);
        assert_string_equal(job.model.hidden, rows[i].value);
        assert_string_equal(job.data.label, "it's: #1");
        assert_string_equal(job.data.source, "a [b]");
    }
}

static void wrong_overrides_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"client.epochs", "--set: 'client.epochs' is not key=value"},
        {"=5", "--set: '=5' is not key=value"},
        {"", "--set: '' is not key=value"},
        {"client.epoch=5", "--set: client.epoch is not known; did you mean 'client.epochs'?"},
        {"seed=[1, 2]", "--set: seed: a list is not a whole number in [0, 9007199254740991]"},
        {"model.hidden=[200, 20",
         "--set: model.hidden: '[200, 20' is no list or quoted text as YAML has them, like "
         "[200, 200]; an item holds no comma"},
        {"data.categorical=['a,b', c]",
         "--set: data.categorical: '['a,b', c]' is no list or quoted text as YAML has them, like "
         "[200, 200]; an item holds no comma"},
        {"model.hiden=[200, 200]", "--set: model.hiden is not known; did you mean 'model.hidden'?"},
        {"seed=-1", "--set: seed: '-1' is not a whole number in [0, 9007199254740991]"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_job job;
        choir_error err = {.message = ""};
        check_status(choir_job_parse(&job, "", 0, "a.yaml", &rows[i].text, 1, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
    }
}

static void the_files_own_name_becomes_a_name_that_can_be_a_folder(void **state) {
    (void)state;
    static const struct {
        const char *file, *name;
    } rows[] = {
        {"digits.yaml", "digits"},
        {"jobs/fig2/my digits.yml", "my-digits"},
        {"/dev/stdin", "stdin"},
        {"a.b.yaml", "a.b"},
        {".yaml", "job"},
        {"", "job"},
        {"jobs/\xc3\xa9t\xc3\xa9", "t-"},
        {"\xc3\xa9tude.yaml", "tude"},
        {"-x.yaml", "x"},
        {"\xc3\xa9.yaml", "job"},
        {"x\xc3\xa9.yaml", "x-"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_job job;
        check_status(choir_job_parse(&job, "", 0, rows[i].file, NULL, 0, NULL), CHOIR_OK);
        assert_string_equal(job.name, rows[i].name);
    }
}

static void long_file_names_are_shown_by_their_end(void **state) {
    (void)state;
    char name[500];
    memset(name, 'x', sizeof(name));
    memcpy(name + 488, "/a.yaml", 8);
    choir_job job;
    choir_error err = {.message = ""};
    check_status(choir_job_parse(&job, "seed: x", 7, name, NULL, 0, &err), CHOIR_EINVAL);
    assert_memory_equal(err.message, "...xxx", 6);
    assert_non_null(strstr(err.message, "xx/a.yaml:1: seed: 'x' is not a whole number"));
}

static void a_file_is_read_and_one_that_is_not_there_or_too_large_refused(void **state) {
    (void)state;
    char path[] = "/tmp/choir-job-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_true(fputs("seed: 7\n", file) >= 0);
    assert_int_equal(fflush(file), 0);
    choir_job job;
    choir_error err = {.message = ""};
    check_status(choir_job_read(&job, path, NULL, 0, &err), CHOIR_OK);
    assert_true(job.seed == 7);
    for (int i = 0; i < (1 << 20) / 16 + 1; i++) {
        assert_true(fputs("# padding......\n", file) >= 0);
    }
    assert_int_equal(fclose(file), 0);
    check_status(choir_job_read(&job, path, NULL, 0, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "is larger than 1048576 bytes, so it is not a job"));
    assert_int_equal(unlink(path), 0);
    check_status(choir_job_read(&job, path, NULL, 0, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "cannot be opened: No such file or directory"));
    check_status(choir_job_read(&job, "/tmp", NULL, 0, &err), CHOIR_EIO);
    assert_string_equal(err.message, "/tmp: cannot be read: Is a directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_is_the_defaults_named_after_the_file),
        cmocka_unit_test(every_default_is_within_its_own_bounds),
        cmocka_unit_test(keys_nest_and_lists_join),
        cmocka_unit_test(texts_beyond_what_is_read_are_refused),
        cmocka_unit_test(a_model_may_be_named_in_one_word_or_be_a_file),
        cmocka_unit_test(wrong_values_are_refused_with_line_key_value_and_what_would_be_right),
        cmocka_unit_test(what_is_not_a_job_in_yaml_is_refused_with_its_line),
        cmocka_unit_test(keys_that_contradict_each_other_are_refused),
        cmocka_unit_test(what_a_sum_cannot_hold_is_refused),
        cmocka_unit_test(the_population_says_whether_updates_are_announced_unless_the_job_does),
        cmocka_unit_test(an_open_job_reads_back_to_an_equal_one),
        cmocka_unit_test(chains_and_schedules_that_do_not_parse_are_refused_where_they_stand),
        cmocka_unit_test(the_defaults_are_those_of_the_coordinator_and_the_simulator),
        cmocka_unit_test(overrides_win_over_the_file_and_the_last_one_over_all),
        cmocka_unit_test(an_empty_override_of_a_model_leaves_the_other_word_on_it),
        cmocka_unit_test(overrides_take_lists_and_quotations_as_the_file_does),
        cmocka_unit_test(wrong_overrides_are_refused),
        cmocka_unit_test(the_files_own_name_becomes_a_name_that_can_be_a_folder),
        cmocka_unit_test(long_file_names_are_shown_by_their_end),
        cmocka_unit_test(a_file_is_read_and_one_that_is_not_there_or_too_large_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
