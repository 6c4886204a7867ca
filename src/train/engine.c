/* Engine: see engine.h. */
#include "train/engine.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/error.h"
#include "data/deviates.h"
#include "fl/algorithm.h"

#include <math.h>
#include <string.h>

enum {
    STEP_MAX = 64,           // examples that a kernel pass works on,
    POSITIONS_MAX = 64 * 80, // and positions, of sequences: of longer ones, fewer at a time
    EVALUATE_MAX = 64,       // examples that an evaluation gathers
};

struct ch_engine {
    choir_env env;
    ch_arena arena; // owns the arrays below
    const ch_federation *federation;
    ch_net *net;
    ch_scratch *scratch;
    choir_lent *lent;               // NULL: nothing
    const ch_algorithm_ops *method; // whose client end it can do beside plain training; NULL: none
    choir_trainer_ops ops;          // its port
    ch_shape shape;                 // of an input
    uint32_t features;              // in it
    uint32_t steps; // of sequences, the most predictions of one; 0: examples are none
    uint32_t outputs;
    uint32_t batch_max; // examples that x has room for
    uint32_t order_max; // examples that order has room for
    float *x;           // (batch_max, features), of sequences (batch_max, steps)
    uint32_t *labels;   // (batch_max), of sequences (batch_max, steps)
    float *targets;     // (batch_max)
    uint32_t *lengths;  // (batch_max) of sequences
    uint32_t *order;    // (order_max) a client's examples, shuffled
    uint8_t *input;     // one, as it lies in a file; NULL where examples are in memory
};

static size_t arrays_bytes(uint32_t batch_max, uint32_t order_max, uint32_t features,
                           uint32_t steps) {
    const size_t answers = steps > 0 ? (size_t)batch_max * steps : batch_max;
    return ch_arena_cost((size_t)batch_max * features, sizeof(float)) +
           ch_arena_cost(answers, sizeof(uint32_t)) + ch_arena_cost(batch_max, sizeof(float)) +
           (steps > 0 ? ch_arena_cost(batch_max, sizeof(uint32_t)) : 0) +
           ch_arena_cost(order_max, sizeof(uint32_t));
}

static choir_status arrays_claim(ch_engine *e, choir_error *err) {
    const size_t input = ch_federation_input_bytes(e->federation);
    const size_t bytes = arrays_bytes(e->batch_max, e->order_max, e->features, e->steps) +
                         (input == 0 ? 0 : ch_arena_cost(input, 1));
    const choir_status status = ch_arena_init(&e->arena, bytes, &e->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status,
                            "no memory for steps on %u examples of %u values; a smaller "
                            "client.batch_size needs less",
                            e->batch_max, e->features);
    }
    e->x = CH_NEW(&e->arena, float, (size_t)e->batch_max * e->features);
    e->labels = CH_NEW(&e->arena, uint32_t, (size_t)e->batch_max * (e->steps > 0 ? e->steps : 1));
    e->targets = CH_NEW(&e->arena, float, e->batch_max);
    e->lengths = e->steps > 0 ? CH_NEW(&e->arena, uint32_t, e->batch_max) : NULL;
    e->order = CH_NEW(&e->arena, uint32_t, e->order_max);
    e->input = input == 0 ? NULL : CH_NEW(&e->arena, uint8_t, input);
    CH_ASSERT(e->order != NULL && (input == 0 || e->input != NULL));
    return CHOIR_OK;
}

static const choir_trainer_ops ENGINE_TRAINER_OPS; // below

static bool has_correction(uint32_t method) {
    const ch_algorithm_ops *ops = ch_algorithm_of_method(method);
    return ops != NULL && ops->correct != NULL;
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

void ch_engine_input(ch_net_options *net, const ch_federation *federation) {
    const ch_shape shape = ch_federation_shape(federation);
    const bool is_text = ch_federation_is_text(federation);
    net->height = is_text ? 1 : shape.height;
    net->width = is_text ? 1 : shape.width;
    net->channels = is_text ? 1 : shape.channels;
    net->steps = is_text ? shape.channels : 0;
}

/* How many examples of a step go through the net at a time. */
static uint32_t step_examples(uint32_t batch, uint32_t steps) {
    const uint32_t most = steps > POSITIONS_MAX / STEP_MAX ? POSITIONS_MAX / steps : STEP_MAX;
    return batch < most ? batch : larger(most, 1);
}

/* Whether the net says what the data has answers for. */
static choir_status outputs_check(const ch_engine *e, choir_error *err) {
    const uint32_t classes = ch_federation_classes(e->federation);
    const uint32_t vocabulary = ch_net_vocabulary(e->net);
    if (e->outputs != larger(classes, 1)) {
        return ch_error_set(err, CHOIR_EINVAL, "the model has %u outputs, the data wants %u",
                            e->outputs, larger(classes, 1));
    }
    if (e->steps > 0 && vocabulary == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "the model has no embedding, and the data is text of %u tokens",
                            classes);
    }
    if (e->steps > 0 && vocabulary != classes) {
        return ch_error_set(err, CHOIR_EINVAL, "the model embeds %u tokens, the data has %u",
                            vocabulary, classes);
    }
    if (e->steps == 0 && vocabulary > 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "the model embeds %u tokens, and the data is no text; right is a model "
                            "without an embedding",
                            vocabulary);
    }
    return CHOIR_OK;
}

choir_status ch_engine_create(ch_engine **out, const ch_net_options *net,
                              const ch_federation *federation, uint32_t batch, uint32_t method,
                              const choir_env *env, choir_error *err) {
    CH_ASSERT(batch >= 1);
    *out = NULL;
    ch_engine *e = env->alloc(env->self, ch_arena_cost(1, sizeof(*e)));
    if (e == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a worker");
    }
    const ch_shape shape = ch_federation_shape(federation);
    const ch_holding *pooled = ch_federation_pooled(federation);
    const uint32_t held = ch_federation_count_max(federation, CH_SPLIT_TRAIN);
    *e = (ch_engine){.env = *env, .federation = federation, .shape = shape};
    e->features = ch_shape_features(shape);
    e->method = ch_algorithm_of_method(method);
    e->batch_max = larger(batch, EVALUATE_MAX);
    e->order_max = larger(held, pooled->count);
    ch_net_options o = *net;
    ch_engine_input(&o, federation);
    e->steps = o.steps;
    o.batch_max = step_examples(batch, o.steps);
    o.corrected = has_correction(method);
    choir_status status = ch_net_create(&e->net, &o, env, err);
    if (status == CHOIR_OK) {
        e->ops = ENGINE_TRAINER_OPS;
        e->ops.state_bytes_max = ch_engine_state_bytes(e);
        e->outputs = ch_net_outputs(e->net);
        status = outputs_check(e, err);
    }
    if (status == CHOIR_OK) {
        status = ch_scratch_create(&e->scratch, federation, env);
        if (status != CHOIR_OK) {
            status = ch_error_set(err, status, "no memory for the %u examples of one client", held);
        }
    }
    if (status == CHOIR_OK) {
        status = arrays_claim(e, err);
    }
    if (status != CHOIR_OK) {
        ch_engine_destroy(e);
        return status;
    }
    *out = e;
    return CHOIR_OK;
}

choir_status ch_engine_bytes(size_t *out, const ch_net_options *net, uint32_t held, uint32_t batch,
                             uint32_t method, const choir_env *env, choir_error *err) {
    CH_ASSERT(batch >= 1);
    ch_net_options o = *net;
    o.batch_max = step_examples(batch, o.steps);
    o.corrected = has_correction(method);
    size_t bytes = 0;
    const choir_status status = ch_net_bytes(&bytes, &o, env, err);
    if (status == CHOIR_OK) {
        const uint32_t features = o.steps > 0 ? o.steps : o.height * o.width * o.channels;
        const size_t arrays = arrays_bytes(larger(batch, EVALUATE_MAX), held, features, o.steps);
        *out = bytes + ch_arena_cost(1, sizeof(ch_engine)) + ch_scratch_bytes() +
               ch_arena_cost(arrays, 1);
    }
    return status;
}

void ch_engine_destroy(ch_engine *e) {
    if (e != NULL) {
        const choir_env env = e->env;
        ch_scratch_destroy(e->scratch);
        ch_net_destroy(e->net);
        ch_arena_release(&e->arena);
        env.free(env.self, e);
    }
}

const ch_net *ch_engine_net(const ch_engine *e) {
    return e->net;
}

/* Copies inputs and answers of count examples into the batch. Arguments and returns as
 * ch_preprocess_gather. */
static choir_status batch_gather(ch_engine *e, const ch_holding *h, const uint32_t *order,
                                 uint32_t first, uint32_t count, const ch_preprocess_key *key,
                                 choir_error *err) {
    CH_ASSERT(count <= e->batch_max);
    if (e->steps > 0) {
        ch_holding_gather_tokens(h, order, first, count, e->x, e->labels, e->lengths);
        return CHOIR_OK;
    }
    const choir_status status =
        ch_preprocess_gather(ch_federation_preprocess(e->federation), e->shape, h, order, first,
                             count, key, e->input, e->x, err);
    const ch_examples *t = h->examples;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = ch_holding_row(h, order == NULL ? first + i : order[i]);
        if (t->labels != NULL) {
            e->labels[i] = t->labels[row];
        } else {
            e->targets[i] = t->targets[row];
        }
    }
    return status;
}

/* What was gathered. */
static ch_batch batch_of(const ch_engine *e, const ch_holding *h, uint32_t count) {
    const bool has_labels = e->steps > 0 || h->examples->labels != NULL;
    return (ch_batch){.count = count,
                      .x = e->x,
                      .labels = has_labels ? e->labels : NULL,
                      .targets = has_labels ? NULL : e->targets,
                      .lengths = e->lengths};
}

/* A fresh order every epoch, a function of (seed, epoch, client). */
static void order_shuffle(uint32_t *order, uint32_t count, uint64_t seed, uint32_t epoch,
                          uint32_t client) {
    ch_rng rng = ch_rng_stream(seed, CH_PURPOSE_SHUFFLE, epoch, client);
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    ch_rng_shuffle(&rng, order, count);
}

static void progress_tell(const ch_engine *e, uint32_t epochs, uint64_t a_pass, uint64_t step) {
    if (e->lent != NULL && e->lent->progress != NULL) {
        const choir_progress progress = {.epoch = (uint32_t)((step - 1) / a_pass) + 1,
                                         .epochs = epochs,
                                         .step = step,
                                         .steps = a_pass * epochs};
        e->lent->progress(e->lent->self, &progress);
    }
}

static choir_status epochs_run(ch_engine *e, const ch_holding *h, uint32_t client,
                               const choir_task *task, ch_score *score, uint64_t *steps,
                               choir_error *err) {
    const ch_sgd sgd = {.learning_rate = task->learning_rate,
                        .momentum = task->momentum,
                        .weight_decay = task->weight_decay,
                        .proximal_mu = task->proximal_mu};
    const uint32_t batch = task->batch_size == 0 ? h->count : task->batch_size;
    choir_status status = CHOIR_OK;
    uint64_t step = 0;
    *steps = 0;
    for (uint32_t epoch = 0; epoch < task->epochs && status == CHOIR_OK; epoch++) {
        const ch_preprocess_key key = {.seed = task->seed, .epoch = epoch, .client = client};
        order_shuffle(e->order, h->count, task->seed, epoch, client);
        for (uint32_t at = 0; at < h->count && status == CHOIR_OK; at += batch) {
            const uint32_t count = h->count - at < batch ? h->count - at : batch;
            const uint32_t left = h->count - at - count;
            status = batch_gather(e, h, e->order + at, 0, count, &key, err);
            if (status != CHOIR_OK) {
                break;
            }
            ch_holding_prefetch(h, e->order + at + count, left < batch ? left : batch);
            const ch_batch part = batch_of(e, h, count);
            const ch_score before = *score;
            status = ch_net_step(e->net, &part, &sgd, score);
            *score = status == CHOIR_ERANGE ? before : *score; // a loss that is none has no mean
            step += 1;
            *steps = step;
            progress_tell(e, task->epochs, ((uint64_t)h->count + batch - 1) / batch, step);
        }
    }
    return status;
}

/* Sum of losses in units of 2^-20, saturating: the loss of a training that is about to diverge is
 * still a number to report. */
static int64_t loss_q20(double loss) {
    const double scaled = loss * 0x1p20;
    if (!(scaled < 0x1p62)) { // also NaN
        return INT64_C(1) << 62;
    }
    return (int64_t)nearbyint(scaled);
}

/* What is said of a training of which a step's loss was not finite; score is of those before. */
static choir_status diverged(const ch_engine *e, uint32_t client, const choir_task *task,
                             const ch_score *score, choir_error *err) {
    if (score->count == 0) {
        return ch_error_set(err, CHOIR_ERANGE,
                            "client %u: training diverged in round %u, in its first step, at "
                            "learning rate %g",
                            client, task->round, (double)task->learning_rate);
    }
    return ch_error_set(err, CHOIR_ERANGE,
                        "client %u: training diverged in round %u, after %llu %s with a mean loss "
                        "of %g, at learning rate %g",
                        client, task->round, (unsigned long long)score->count,
                        e->steps > 0 ? "predictions" : "examples",
                        score->loss / (double)score->count, (double)task->learning_rate);
}

/* A task comes from a server, which may mean another model. */
static choir_status dim_check(const ch_engine *e, uint32_t client, const choir_task *task,
                              choir_error *err) {
    const uint32_t dim = ch_net_layout(e->net)->dim;
    return task->dim == dim
               ? CHOIR_OK
               : ch_error_set(err, CHOIR_EINVAL,
                              "client %u: the task's model has %u parameters, the client's %u",
                              client, task->dim, dim);
}

static choir_status method_check(const ch_engine *e, uint32_t client, const choir_task *task,
                                 choir_error *err) {
    if (task->method == CHOIR_METHOD_PLAIN ||
        (e->method != NULL && task->method == (uint32_t)e->method->method)) {
        return CHOIR_OK;
    }
    return ch_error_set(
        err, CHOIR_EINVAL, "client %u: the task of round %u is for method %u, the job's has %u",
        client, task->round, task->method, e->method == NULL ? 0U : (unsigned)e->method->method);
}

/* What a client's next training needs of this one has to be put somewhere. */
static choir_status room_check(const ch_engine *e, uint32_t client, const choir_task *task,
                               choir_error *err) {
    const uint32_t state = ch_engine_state_bytes(e);
    if (task->method == CHOIR_METHOD_PLAIN || state == 0 ||
        (e->lent != NULL && e->lent->state_next != NULL)) {
        return CHOIR_OK;
    }
    return ch_error_set(err, CHOIR_EINVAL,
                        "client %u: the task of round %u keeps a state of %u bytes, for which the "
                        "trainer was lent no room",
                        client, task->round, state);
}

/* The client's end before training, which the parameters were just loaded for; delta is room. */
static choir_status method_begin(ch_engine *e, const ch_holding *h, const float *params,
                                 float *delta, ch_local *local, choir_error *err) {
    const ch_algorithm_ops *method = e->method;
    const uint32_t state = ch_engine_state_bytes(e);
    local->shared = params + local->task->dim;
    if (state > 0 && e->lent != NULL && e->lent->state.size == state) {
        local->kept = (const float *)(const void *)e->lent->state.data;
    }
    if (method->wants_loss) {
        ch_score score = {0};
        const choir_status status = ch_engine_evaluate(e, h, 0, h->count, &score, err);
        if (status != CHOIR_OK) {
            return status;
        }
        local->loss = score.loss / (double)score.count;
    }
    if (method->correct != NULL) {
        method->correct(local, delta);
        ch_net_correct(e->net, delta);
    }
    return CHOIR_OK;
}

/* And behind it. */
static void method_end(ch_engine *e, const ch_local *local, float *delta, choir_training *out) {
    choir_lent *lent = e->lent;
    const uint32_t state = ch_engine_state_bytes(e);
    CH_ASSERT(state == 0 || (lent != NULL && lent->state_next != NULL));
    e->method->report(local, delta, state > 0 ? (float *)(void *)lent->state_next : NULL);
    if (state > 0) {
        lent->state_next_size = state;
    }
    out->method = local->task->method;
}

uint32_t ch_engine_state_bytes(const ch_engine *e) {
    const uint64_t each = e->method == NULL ? 0 : e->method->kept_per_param * sizeof(float);
    return (uint32_t)(each * ch_net_layout(e->net)->dim);
}

choir_status ch_engine_train(ch_engine *e, const ch_holding *holding, uint32_t client,
                             const choir_task *task, const float *params, float *delta,
                             choir_training *out, choir_error *err) {
    CH_ASSERT(holding->count <= e->order_max);
    *out = (choir_training){0};
    choir_status fits = dim_check(e, client, task, err);
    if (fits == CHOIR_OK) {
        fits = method_check(e, client, task, err);
    }
    if (fits == CHOIR_OK) {
        fits = room_check(e, client, task, err);
    }
    if (fits != CHOIR_OK) {
        return fits;
    }
    const bool is_plain = task->method == CHOIR_METHOD_PLAIN;
    const uint32_t batch = task->batch_size == 0 ? holding->count : task->batch_size;
    if ((batch < holding->count ? batch : holding->count) > e->batch_max) {
        return ch_error_set(err, CHOIR_ENOMEM, "client %u: a batch of %u examples, room for %u",
                            client, batch, e->batch_max);
    }
    ch_score score = {0};
    ch_local local = {.task = task};
    ch_net_load(e->net, params);
    choir_status status =
        is_plain ? CHOIR_OK : method_begin(e, holding, params, delta, &local, err);
    if (status == CHOIR_OK) {
        status = epochs_run(e, holding, client, task, &score, &local.steps, err);
    }
    *out = (choir_training){.examples = holding->count,
                            .metrics = {.examples = score.count,
                                        .correct = score.correct,
                                        .loss_q20 = loss_q20(score.loss)}};
    if (status == CHOIR_ERANGE) {
        return diverged(e, client, task, &score, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    if (!ch_net_store_change(e->net, params, delta)) {
        return ch_error_set(err, CHOIR_ERANGE,
                            "client %u: training diverged in round %u: a parameter is not finite "
                            "at learning rate %g",
                            client, task->round, (double)task->learning_rate);
    }
    if (!is_plain) {
        method_end(e, &local, delta, out);
    }
    return status;
}

void ch_engine_lend(ch_engine *e, choir_lent *lent) {
    e->lent = lent;
}

static void port_lend(void *self, choir_lent *lent) {
    ch_engine_lend(self, lent);
}

static choir_status port_train(void *self, uint32_t client, const choir_task *task,
                               const float *params, float *delta, choir_training *out,
                               choir_error *err) {
    ch_engine *e = self;
    ch_holding holding;
    const choir_status status =
        ch_federation_holding(e->federation, client, CH_SPLIT_TRAIN, e->scratch, &holding);
    if (status != CHOIR_OK) {
        *out = (choir_training){0};
        return status;
    }
    return ch_engine_train(e, &holding, client, task, params, delta, out, err);
}

choir_status ch_engine_measure(ch_engine *e, const ch_holding *holding, uint32_t client,
                               const choir_task *task, const float *params, choir_training *out,
                               choir_error *err) {
    ch_score score = {0};
    *out = (choir_training){0};
    const choir_status fits = dim_check(e, client, task, err);
    if (fits != CHOIR_OK) {
        return fits;
    }
    ch_engine_load(e, params);
    const choir_status status = ch_engine_evaluate(e, holding, 0, holding->count, &score, err);
    if (status != CHOIR_OK) {
        return status;
    }
    *out = (choir_training){.examples = holding->count,
                            .metrics = {.examples = score.count,
                                        .correct = score.correct,
                                        .loss_q20 = loss_q20(score.loss)}};
    if (!isfinite(score.loss)) {
        return ch_error_set(err, CHOIR_ERANGE,
                            "client %u: the model of round %u has a loss of %g on its held-out "
                            "examples",
                            client, task->round, score.loss);
    }
    return CHOIR_OK;
}

static choir_status port_evaluate(void *self, uint32_t client, const choir_task *task,
                                  const float *params, choir_training *out, choir_error *err) {
    ch_engine *e = self;
    ch_holding holding;
    *out = (choir_training){0};
    if (ch_federation_count(e->federation, client, CH_SPLIT_HELDOUT) == 0) {
        return ch_error_set(err, CHOIR_EAGAIN, "client %u: holds no examples out", client);
    }
    const choir_status status =
        ch_federation_holding(e->federation, client, CH_SPLIT_HELDOUT, e->scratch, &holding);
    return status == CHOIR_OK ? ch_engine_measure(e, &holding, client, task, params, out, err)
                              : status;
}

static uint32_t port_examples(void *self, uint32_t client) {
    const ch_engine *e = self;
    return ch_federation_count(e->federation, client, CH_SPLIT_TRAIN);
}

static const choir_trainer_ops ENGINE_TRAINER_OPS = {
    .train = port_train,
    .evaluate = port_evaluate,
    .examples = port_examples,
    .lend = port_lend,
};

choir_trainer ch_engine_trainer(ch_engine *e) {
    return (choir_trainer){.ops = &e->ops, .self = e};
}

void ch_engine_load(ch_engine *e, const float *params) {
    ch_net_load(e->net, params);
}

choir_status ch_engine_evaluate(ch_engine *e, const ch_holding *holding, uint32_t first,
                                uint32_t count, ch_score *score, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t at = 0; at < count && status == CHOIR_OK; at += EVALUATE_MAX) {
        const uint32_t some = count - at < EVALUATE_MAX ? count - at : EVALUATE_MAX;
        status = batch_gather(e, holding, NULL, first + at, some, NULL, err);
        if (status != CHOIR_OK) {
            break;
        }
        const ch_batch part = batch_of(e, holding, some);
        ch_net_evaluate(e->net, &part, NULL, score);
    }
    return status;
}

choir_status ch_engine_predict(ch_engine *e, const ch_holding *holding, uint32_t first,
                               uint32_t count, float *predictions, choir_error *err) {
    choir_status status = CHOIR_OK;
    for (uint32_t at = 0; at < count && status == CHOIR_OK; at += EVALUATE_MAX) {
        const uint32_t some = count - at < EVALUATE_MAX ? count - at : EVALUATE_MAX;
        status = batch_gather(e, holding, NULL, first + at, some, NULL, err);
        if (status != CHOIR_OK) {
            break;
        }
        const ch_batch part = {.count = some, .x = e->x, .lengths = e->lengths};
        const size_t each = (size_t)(e->steps > 0 ? e->steps : 1) * e->outputs;
        ch_net_evaluate(e->net, &part, predictions + at * each, NULL);
    }
    return status;
}

choir_status ch_engine_heldout(ch_engine *e, uint32_t client, uint32_t *count, ch_score *score,
                               choir_error *err) {
    *count = 0;
    *score = (ch_score){0};
    if (ch_federation_count(e->federation, client, CH_SPLIT_HELDOUT) == 0) {
        return CHOIR_OK;
    }
    ch_holding holding;
    choir_status status =
        ch_federation_holding(e->federation, client, CH_SPLIT_HELDOUT, e->scratch, &holding);
    if (status == CHOIR_OK) {
        *count = holding.count;
        status = ch_engine_evaluate(e, &holding, 0, holding.count, score, err);
    }
    return status;
}
