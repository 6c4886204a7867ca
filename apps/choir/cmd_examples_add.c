/* choir examples add: fills a store of examples from a data set, for trying out. */
#include "commands.h"
#include "jobs.h"

#include "base/error.h"
#include "choir/examples.h"
#include "data/federation.h"
#include "data/source.h"
#include "run/saved.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { BATCH = 256 }; // examples of one commit

typedef struct add_flags {
    char client[16];
    char model[CHOIR_PATH_MAX];
    uint32_t from;
    uint32_t count;
    uint64_t rows_max;
    uint64_t bytes_max;
    uint64_t age_max_s;
    ch_option_texts set;
} add_flags;

#define WHOLE(flag, type, member, most, unit, help)                                                \
    { flag, type, offsetof(add_flags, member), 0, most, unit, NULL, help }

static const ch_option ROWS[] = {
    {"--client", CH_OPTION_TEXT, offsetof(add_flags, client), 0, 16, "", NULL,
     "only what this client of the data set has: a number from 0"},
    {"--model", CH_OPTION_TEXT, offsetof(add_flags, model), 0, CHOIR_PATH_MAX, "", NULL,
     "a CSV file is read as this model's was: a model or a run folder"},
    WHOLE("--from", CH_OPTION_U32, from, UINT32_MAX, "", "the first to add, of those, from 0"),
    WHOLE("--count", CH_OPTION_U32, count, UINT32_MAX, "", "how many to add; 0: all"),
    WHOLE("--rows-max", CH_OPTION_U64, rows_max, 9e15, "", "the store's limit; 0: as it has it"),
    WHOLE("--bytes-max", CH_OPTION_U64, bytes_max, 9e15, "bytes", "likewise, of features"),
    WHOLE("--age-max", CH_OPTION_U64, age_max_s, 9e12, "s", "likewise, how old they may get"),
    {"--set", CH_OPTION_TEXTS, offsetof(add_flags, set), 0, 0, "", NULL,
     "key=value of a job, such as data.label=class"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const add_flags DEFAULTS = {.client = ""};

/* The examples to add: of one client, or all of a data set. One of f and source holds them. */
typedef struct opened {
    ch_federation *f;
    ch_source source;
    ch_holding holding;
} opened;

static choir_status client_open(opened *o, const choir_job *job, const ch_reading *reading,
                                const char *client, const choir_env *env, choir_error *err) {
    static const ch_option row = {"--client", CH_OPTION_U32, 0, 0, INT32_MAX, "", NULL, ""};
    static const ch_options table = {&row, 1};
    uint32_t number = 0;
    choir_status status = ch_options_set(&table, &number, "--client", client, "", err);
    if (status == CHOIR_OK) {
        status = ch_federation_open_client(&o->f, &job->data, reading, number, job->seed, env, err);
    }
    if (status == CHOIR_OK) {
        status = ch_federation_holding(o->f, 0, CH_SPLIT_TRAIN, NULL, &o->holding);
    }
    return status == CHOIR_EAGAIN
               ? ch_error_set(err, CHOIR_EINVAL, "--client: client %u has no examples", number)
               : status;
}

static choir_status all_open(opened *o, choir_job *job, const ch_reading *reading,
                             const choir_env *env, choir_error *err) {
    job->data.test_share = 0;
    job->data.memory = 0; // they are stored from memory
    const choir_status status =
        ch_source_open(&o->source, &job->data, reading, job->seed, env, err);
    if (status == CHOIR_OK && o->source.is_generated) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "data.source: '%s' is drawn client by client; say which with --client",
                            job->data.source);
    }
    const ch_examples *train = &o->source.dataset.train;
    o->holding = (ch_holding){.examples = train, .count = train->count};
    return status;
}

/* What is set of the split counts for nothing where all is added. */
static choir_status split_check(const add_flags *flags, choir_error *err) {
    static const char key[] = "data.test_share";
    for (uint32_t i = 0; i < flags->set.count && flags->client[0] == '\0'; i++) {
        if (strncmp(flags->set.items[i], key, sizeof(key) - 1) == 0) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "--set: %s says nothing without --client: all rows of a file are "
                                "added then; --from and --count choose among them",
                                key);
        }
    }
    return CHOIR_OK;
}

/* What the data are is what the model was trained on: columns, or none. */
static choir_status model_check(const ch_saved *saved, const choir_job_data *data,
                                choir_error *err) {
    const ch_source_form form = ch_source_look(data);
    const bool has_columns = saved->encoding.width > 0;
    if (form == CH_SOURCE_UNSEEN || has_columns == (form == CH_SOURCE_CSV)) {
        return CHOIR_OK; // of what is not there, opening it says so
    }
    return has_columns
               ? ch_error_set(err, CHOIR_EINVAL,
                              "--model: %.120s was trained on the columns of a CSV file; "
                              "data.source '%.120s' is none",
                              saved->path, data->source)
               : ch_error_set(err, CHOIR_EINVAL,
                              "--model: %.120s was trained on no CSV file, so it does not say "
                              "what the columns of '%.120s' mean to it",
                              saved->path, data->source);
}

static choir_status data_open(opened *o, const ch_call *call, const choir_env *env,
                              choir_error *err) {
    const add_flags *flags = call->options;
    choir_job job;
    ch_saved saved = {.path = ""};
    choir_status status = split_check(flags, err);
    if (status == CHOIR_OK) {
        status = job_of_source(&job, call->operands[1], &flags->set, err);
    }
    if (status == CHOIR_OK && flags->model[0] != '\0') {
        status = ch_saved_open(&saved, flags->model, env, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    job.data.heldout = 0; // that is for whoever trains on the store to say
    const ch_reading reading = {.encoding = saved.encoding.width > 0 ? &saved.encoding : NULL};
    status = flags->model[0] != '\0' ? model_check(&saved, &job.data, err) : CHOIR_OK;
    if (status == CHOIR_OK) {
        status = flags->client[0] != '\0' ? client_open(o, &job, &reading, flags->client, env, err)
                                          : all_open(o, &job, &reading, env, err);
    }
    if (flags->model[0] != '\0') {
        ch_saved_release(&saved);
    }
    return status;
}

static choir_status store_open(choir_examples **out, const ch_call *call, const ch_examples *table,
                               const choir_env *env, choir_error *err) {
    const add_flags *flags = call->options;
    const choir_examples_form form = {.kind = table->bytes != NULL ? CHOIR_FEATURES_PIXELS
                                                                   : CHOIR_FEATURES_REALS,
                                      .height = table->shape.height,
                                      .width = table->shape.width,
                                      .channels = table->shape.channels,
                                      .classes = table->classes};
    choir_examples_options options = choir_examples_defaults();
    options.form = &form;
    options.rows_max = flags->rows_max;
    options.bytes_max = flags->bytes_max;
    options.age_max_ms = flags->age_max_s * 1000;
    return choir_examples_open(out, call->operands[0], &options, env, err);
}

static choir_example example_of(const ch_holding *h, uint32_t i, uint64_t now_ms) {
    const ch_examples *t = h->examples;
    const uint32_t row = ch_holding_row(h, i);
    const size_t at = (size_t)row * ch_shape_features(t->shape);
    choir_example x = {.at_ms = now_ms};
    x.features = t->bytes != NULL ? (const void *)(t->bytes + at) : (const void *)(t->reals + at);
    if (t->classes > 0) {
        x.label = t->labels[row];
    } else {
        x.target = t->targets[row];
    }
    return x;
}

static choir_status examples_add(choir_examples *e, const ch_holding *h, uint32_t from,
                                 uint32_t count, choir_error *err) {
    const uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    choir_status status = CHOIR_OK;
    for (uint32_t done = 0; done < count && status == CHOIR_OK;) {
        choir_example batch[BATCH];
        const uint32_t n = count - done < BATCH ? count - done : BATCH;
        for (uint32_t i = 0; i < n; i++) {
            batch[i] = example_of(h, from + done + i, now_ms);
        }
        status = choir_examples_add(e, batch, n, err);
        done += n;
    }
    return status;
}

/* Which of count the flags ask for. */
static choir_status range_read(const add_flags *flags, uint32_t count, uint32_t *out,
                               choir_error *err) {
    const uint32_t left = flags->from <= count ? count - flags->from : 0;
    if (left == 0 || flags->count > left) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "--from %u --count %u: there are %u examples, numbered from 0",
                            flags->from, flags->count, count);
    }
    *out = flags->count > 0 ? flags->count : left;
    return CHOIR_OK;
}

static int add_run(const ch_call *call, choir_error *err) {
    const add_flags *flags = call->options;
    const choir_env env = choir_env_default();
    opened o = {.f = NULL};
    choir_examples *e = NULL;
    uint32_t count = 0;
    choir_examples_summary s = {.count = 0};
    ch_dataset_init(&o.source.dataset, &env);
    choir_status status = data_open(&o, call, &env, err);
    if (status == CHOIR_OK && ch_examples_are_sequences(o.holding.examples)) {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "data.source: '%s' is text, and a store keeps pixels or numbers; "
                              "needs pictures or a CSV file",
                              call->operands[1]);
    }
    if (status == CHOIR_OK) {
        status = range_read(flags, o.holding.count, &count, err);
    }
    if (status == CHOIR_OK) {
        status = store_open(&e, call, o.holding.examples, &env, err);
    }
    if (status == CHOIR_OK) {
        status = examples_add(e, &o.holding, flags->from, count, err);
    }
    if (status == CHOIR_OK) {
        status = choir_examples_count(e, &s, err);
    }
    if (status == CHOIR_OK) {
        (void)fprintf(call->out, "%s: %u added, holds %llu\n", call->operands[0], count,
                      (unsigned long long)s.count);
    }
    choir_examples_close(e);
    ch_federation_destroy(o.f);
    ch_dataset_release(&o.source.dataset);
    return exit_of(status, err);
}

const ch_command CMD_EXAMPLES_ADD = {
    .name = "examples add",
    .operands = "STORE NAME|PATH|JOB.yaml",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "fill a device's store of examples from a data set",
    .text =
        "Adds the training examples of a data set to a store, which is made when it is not "
        "there: as an app would that collects them on a device, for trying out choir join "
        "--examples. Of a CSV file all rows are added, or with --client those that the job gives "
        "that client to train on. They count as collected now. docs/examples.md says what a store "
        "is.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = add_run,
};
