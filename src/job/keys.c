/* Keys: see keys.h. */
#include "job/keys.h"

#include <string.h>

#define FIELD(member) offsetof(choir_job, member)

#define TEXT(key, member, choices, help)                                                           \
    { key, CH_OPTION_TEXT, FIELD(member), 0, sizeof(((choir_job *)0)->member), "", choices, help }
#define U32(key, member, min, max, unit, help)                                                     \
    { key, CH_OPTION_U32, FIELD(member), min, max, unit, NULL, help }
#define U64(key, member, min, max, unit, help)                                                     \
    { key, CH_OPTION_U64, FIELD(member), min, max, unit, NULL, help }
#define F64(key, member, min, max, unit, help)                                                     \
    { key, CH_OPTION_F64, FIELD(member), min, max, unit, NULL, help }

#define CLIENTS_MAX 2147483648.0       // what a coordinator takes
#define SEED_MAX    9007199254740991.0 // 2^53 - 1: what every JSON reader keeps exact

static const ch_option ROWS[] = {
    TEXT("name", name, NULL,
         "names the run's folder: letters, digits, '.', '_', '-'; else as the file is called"),
    U64("seed", seed, 0, SEED_MAX, "", "of everything that is drawn: data, model, clients, order"),
    TEXT("backend", backend, NULL, "kernels: 'auto', or the ones the job requires"),

    TEXT("model.name", model.name, NULL, "a model of the zoo; 'model: NAME' for short"),
    TEXT("model.hidden", model.hidden, NULL, "mlp: sizes of its hidden layers, '[200, 200]'"),
    TEXT("model.file", model.file, NULL, "instead of a name: a safetensors file choir wrote"),
    TEXT("model.init", model.init, NULL, "safetensors file with the parameters to start from"),
    TEXT("model.loss", model.loss, "cross-entropy|mean-squared-error", "what training lowers"),

    TEXT("data.source", data.source, NULL, "a data set's name ('choir data list'), or a path"),
    TEXT("data.dir", data.dir, NULL,
         "where named data sets are kept; empty: the user's data folder"),
    TEXT("data.partition", data.partition, "iid|shards|dirichlet|similarity|quantity|natural",
         "who holds which examples"),
    U32("data.clients", data.clients, 0, CLIENTS_MAX, "clients",
        "K; natural: the most to keep, 0 = all groups"),
    TEXT(
        "data.holder", data.holder, "clients|pooled|proxy",
        "simulations: 'pooled': one client holds all that they do; 'proxy': data.proxy's messages"),
    U32("data.shards", data.shards, 1, 1000, "shards", "shards: how many a client gets"),
    F64("data.alpha", data.alpha, 1e-3, 1e6, "",
        "dirichlet: concentration; small = few labels a client"),
    F64("data.similarity", data.similarity, 0, 1, "",
        "similarity: share of the examples that is dealt evenly; 0 = all by label, 1 = iid"),
    F64("data.power", data.power, 0, 10, "", "quantity: exponent of the size law; 0 = all equal"),
    U32("data.examples", data.examples, 1, 1e6, "examples", "generated sources: mean a client"),
    U32("data.test_examples", data.test_examples, 1, 1e7, "examples",
        "generated sources: size of the central test set"),
    F64("data.heldout", data.heldout, 0, 0.9, "",
        "share of every client's examples kept for its own evaluation"),
    U32("data.crop", data.crop, 0, 65536, "pixels",
        "pictures: the side of the square kept of each one's middle; 0 = all"),
    TEXT("data.preprocess", data.preprocess, NULL,
         "pictures: steps before the model, '[crop, flip, brightness, contrast, whiten]'"),
    U32("data.steps", data.steps, 0, 4096, "predictions",
        "text: the most of one example; 0 = 80 characters, or 20 words"),
    TEXT("data.speech", data.speech, "spoken|indented",
         "plays: 'spoken': without directions; 'indented': every line further in than names"),
    U32("data.vocabulary", data.vocabulary, 1, 60000, "words",
        "messages: the proxy's most frequent words, each a token of its own"),
    TEXT("data.proxy", data.proxy, NULL,
         "messages: the sender whose words make the vocabulary, and who is no client"),
    U32("data.memory", data.memory, 0, 4194304, "MiB",
        "inputs that take more stay in files, of pictures each table by itself; 0 = none do"),
    TEXT("data.label", data.label, NULL, "csv: label column, name or number; empty: the last"),
    TEXT("data.group", data.group, NULL, "csv: the column whose values are natural's clients"),
    TEXT("data.categorical", data.categorical, NULL, "csv: columns to one-hot encode, '[a, b]'"),
    TEXT("data.drop", data.drop, NULL, "csv: columns to leave out, such as row numbers, '[id]'"),
    TEXT("data.task", data.task, "classification|regression", "csv: what the label is"),
    F64("data.test_share", data.test_share, 0, 0.9, "",
        "csv, messages, or a set without a test part: share that becomes the central test set"),

    TEXT("select.platform", select.platform, NULL,
         "hosted: takes devices of this platform alone; empty: all"),
    TEXT("select.version", select.version, NULL,
         "hosted: of this version, or of one from it on, '>=1.4'; empty: all"),
    TEXT("select.tags", select.tags, NULL,
         "hosted: devices that have all of these tags, '[a, b]'; empty: all"),

    U32("client.epochs", epochs, 1, 1000, "epochs", "E: passes over a client's examples a round"),
    U32("client.batch_size", batch_size, 0, 1048576, "examples", "B: a step; 0 = all in one step"),
    F64("client.learning_rate", client_learning_rate, 1e-9, 1000, "", "eta: a client's step size"),
    F64("client.momentum", momentum, 0, 0.9999, "", "of a client's steps; starts anew every round"),
    F64("client.weight_decay", weight_decay, 0, 1000, "", "adds this times w to the gradient"),
    F64("client.proximal_mu", proximal_mu, 0, 1000, "",
        "FedProx: adds this times (w - w_global) to the gradient"),

    TEXT("population", population, "closed|open",
         "a roster that rounds are drawn of, or whoever checks in"),

    TEXT("server.algorithm", algorithm,
         "fedavg|fedavgm|fedprox|fedadagrad|fedadam|fedyogi|fednova|q-fedavg|scaffold|feddyn",
         "turns a round's mean into a model"),
    F64("server.learning_rate", server_learning_rate, 1e-9, 1000, "", "the server's step size"),
    F64("server.momentum", server_momentum, 0, 0.9999, "", "fedavgm: beta"),
    F64("server.beta1", server_beta1, 0, 0.9999, "", "fedadam, fedyogi: of the mean update"),
    F64("server.beta2", server_beta2, 0, 0.9999, "", "fedadam, fedyogi: of its square"),
    F64("server.tau", server_tau, 1e-9, 1000, "",
        "fedadagrad, fedadam, fedyogi: added to the root below; small = more adaptive"),
    F64("server.q", server_q, 0, 10, "", "q-fedavg: the power of a client's loss; 0 = fedavg"),
    TEXT("server.sampler", sampler, "fixed|poisson",
         "closed: max(round(C K), 1) clients a round, or each with chance C"),
    F64("server.sample_rate", sample_rate, 1e-9, 1, "",
        "closed: C: share of the clients in a round"),
    U32("server.goal", goal, 1, CLIENTS_MAX, "reports",
        "open: with which a round closes; to be given"),
    F64("server.over_selection", over_selection, 1, 100, "",
        "open: so many times the goal may hold a round's task"),
    U32("server.rounds_between", rounds_between, 0, 1e6, "rounds",
        "open: a client is left out for, once counted"),
    U32("server.rounds", rounds, 1, 1e6, "rounds", "to run at most"),
    U32("server.evaluation_every", evaluation_every, 0, 1e6, "rounds",
        "applied ones between rounds in which clients measure the model; 0 = never"),
    F64("server.target_accuracy", target_accuracy, 0, 1, "",
        "ends the run when the central test accuracy reaches it; 0 = never"),
    F64("server.deadline", deadline_s, 0.001, 4e6, "s",
        "virtual time after which a round closes without the missing"),
    U32("server.quorum", quorum, 1, CLIENTS_MAX, "reports", "without which a round is discarded"),
    U32("server.examples_max", examples_max, 1, 16777216, "examples",
        "the most that one update's weight counts for"),
    F64("server.update_norm_max", update_norm_max, 1e-6, 1e9, "",
        "L2 norm beyond which an update is refused"),
    F64("server.coordinate_max", coordinate_max, 1e-6, 1e6, "",
        "magnitude beyond which an update is refused"),
    {"server.announce", CH_OPTION_FLAG, FIELD(announce), 0, 0, "", NULL,
     "a client asks whether its update is still wanted before it sends it; open: unless false"},
    {"server.retain_updates", CH_OPTION_FLAG, FIELD(retain_updates), 0, 0, "", NULL,
     "a server keeps each client's update, to replay rounds from: against the purpose"},

    TEXT("schedule.learning_rate", schedule_learning_rate, NULL,
         "of client.learning_rate over rounds; see docs/schedule.md"),
    TEXT("schedule.epochs", schedule_epochs, NULL, "of client.epochs over rounds"),
    TEXT("schedule.batch_size", schedule_batch_size, NULL, "of client.batch_size over rounds"),

    TEXT("chain", chain, NULL, "what happens to an update on its way; see docs/chain.md"),

    U64("network.seed", network.seed, 0, SEED_MAX, "", "of delays, losses and devices"),
    U32("network.latency", network.latency_ms, 0, 3.6e6, "ms", "mean delay of a message, one way"),
    F64("network.loss", network.loss, 0, 0.9, "", "chance that a request or its reply is lost"),
    F64("network.up", network.up_mbps, 1e-3, 1e6, "Mbit/s", "a device's bandwidth to the server"),
    F64("network.down", network.down_mbps, 1e-3, 1e6, "Mbit/s", "and from it"),
    F64("network.device_speed", network.examples_per_s, 1e-3, 1e9, "examples/s",
        "the median device's training speed"),
    F64("network.speed_spread", network.speed_spread, 0, 3, "",
        "sigma of the log-normal spread of the devices' speeds"),
    F64("network.availability", network.availability, 1e-6, 1, "",
        "chance that a sampled client is there"),
    F64("network.dropout", network.dropout, 0, 0.9999, "",
        "chance that a client goes away after training"),

    U32("evaluate_every", evaluate_every, 1, 1e6, "rounds",
        "between evaluations; the last round is always evaluated"),
    U32("evaluate_clients", evaluate_clients, 0, CLIENTS_MAX, "clients",
        "whose held-out examples are evaluated; 0 = all"),
    U32("checkpoint_every", checkpoint_every, 1, 1e6, "rounds", "between checkpoints"),
};

_Static_assert(sizeof(ROWS) / sizeof(ROWS[0]) <= CH_JOB_KEYS_MAX, "the reader remembers each row");

const ch_options CH_JOB_KEYS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};

bool ch_job_key_is_list(const ch_option *row) {
    static const size_t lists[] = {FIELD(model.hidden), FIELD(data.categorical), FIELD(data.drop),
                                   FIELD(data.preprocess), FIELD(select.tags)};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (row->offset == lists[i]) {
            return true;
        }
    }
    return false;
}

bool ch_job_key_is_of(const ch_option *row, const char *population) {
    static const struct {
        size_t offset;
        const char *population;
    } keys[] = {{FIELD(sampler), "closed"},
                {FIELD(sample_rate), "closed"},
                {FIELD(goal), "open"},
                {FIELD(over_selection), "open"},
                {FIELD(rounds_between), "open"}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (row->offset == keys[i].offset) {
            return strcmp(population, keys[i].population) == 0;
        }
    }
    return true;
}

const choir_job CH_JOB_DEFAULTS = {
    .name = "job",
    .seed = 1,
    .backend = "auto",
    .model = {.name = "mnist-2nn", .loss = "cross-entropy"},
    .data = {.source = "digits",
             .partition = "natural",
             .clients = 100,
             .holder = "clients",
             .speech = "spoken",
             .shards = 2,
             .alpha = 0.5,
             .power = 1.5,
             .examples = 80,
             .test_examples = 2000,
             .heldout = 0.1,
             .vocabulary = 10000,
             .proxy = "0",
             .memory = 1024,
             .task = "classification",
             .test_share = 0.2},
    .epochs = 1,
    .batch_size = 10,
    .client_learning_rate = 0.1,
    .population = "closed",
    .algorithm = "fedavg",
    .server_learning_rate = 1.0,
    .server_momentum = 0.9,
    .server_beta1 = 0.9,
    .server_beta2 = 0.99,
    .server_tau = 1e-3,
    .server_q = 1,
    .sampler = "fixed",
    .sample_rate = 0.1,
    .over_selection = 1.3,
    .rounds = 50,
    .deadline_s = 600,
    .quorum = 1,
    .examples_max = 65536,
    .update_norm_max = 1e4,
    .coordinate_max = 16,
    .schedule_learning_rate = "constant",
    .schedule_epochs = "constant",
    .schedule_batch_size = "constant",
    .chain = "weight",
    .network = {.seed = 1,
                .latency_ms = 50,
                .up_mbps = 10,
                .down_mbps = 50,
                .examples_per_s = 1000,
                .availability = 1},
    .evaluate_every = 1,
    .evaluate_clients = 100,
    .checkpoint_every = 10,
};

bool ch_job_key_differs(char value[CH_OPTION_VALUE_MAX], const ch_option *row,
                        const choir_job *job) {
    char usual[CH_OPTION_VALUE_MAX];
    ch_options_get(row, job, value, CH_OPTION_VALUE_MAX);
    ch_options_get(row, &CH_JOB_DEFAULTS, usual, sizeof(usual));
    return strcmp(value, usual) != 0;
}
