/* Judging saved models: evaluation and prediction on a job's data. See run.h. */
#include "run/run.h"

#include "base/arena.h"
#include "base/error.h"
#include "run/labels.h"
#include "run/saved.h"
#include "run/session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PREDICT_PIECE = 64, PREDICT_LINES = 4 }; // examples, and lines of text, predicted at a time

/* A model is judged by the loss it was trained for, on the labels it was trained for, and on inputs
 * that were treated as those it was trained on. */
static choir_status model_ask(choir_job *job, char labels[CH_LABELS_TEXT_MAX], const char *model,
                              const choir_env *env, choir_error *err) {
    ch_saved saved;
    const choir_status status = ch_saved_open(&saved, model, env, err);
    if (status == CHOIR_OK) {
        const bool squared = saved.loss == CH_LOSS_MEAN_SQUARED;
        (void)snprintf(job->model.loss, sizeof(job->model.loss), "%s",
                       squared ? "mean-squared-error" : "cross-entropy");
        (void)snprintf(labels, CH_LABELS_TEXT_MAX, "%s", saved.labels);
        (void)snprintf(job->data.preprocess, sizeof(job->data.preprocess), "%s", saved.preprocess);
        ch_saved_release(&saved);
    }
    return status;
}

static choir_status labels_check(const ch_session *s, const char *labels, const char *model,
                                 choir_error *err) {
    char own[CH_LABELS_TEXT_MAX];
    (void)ch_labels_text(own, s->federation);
    return ch_labels_check(labels, own, model, s->job.data.source, err);
}

/* A session whose initial parameters are the model's. */
static choir_status model_open(ch_session *s, ch_session_use use, const char *model,
                               const choir_job_data *data, uint64_t seed, const choir_env *env,
                               choir_error *err) {
    choir_job job = choir_job_defaults();
    job.data = *data;
    job.seed = seed;
    const int wrote = snprintf(job.model.file, sizeof(job.model.file), "%s", model);
    if (wrote < 0 || (size_t)wrote >= sizeof(job.model.file)) {
        *s = (ch_session){0};
        return ch_error_set(err, CHOIR_EINVAL, "%s: path too long", model);
    }
    job.model.name[0] = '\0';
    job.model.hidden[0] = '\0';
    char labels[CH_LABELS_TEXT_MAX];
    choir_status status = model_ask(&job, labels, model, env, err);
    if (status != CHOIR_OK) {
        *s = (ch_session){0};
        return status;
    }
    status = ch_session_open(s, &job, 1, use, env, err);
    if (status == CHOIR_OK && ch_federation_test(s->federation)->count == 0) {
        status =
            ch_error_set(err, CHOIR_EINVAL, "data.source: '%s' has no test examples", data->source);
    }
    if (status == CHOIR_OK) {
        status = labels_check(s, labels, model, err);
    }
    if (status == CHOIR_OK) {
        ch_engine_load(s->engines[0], s->params);
    }
    return status;
}

static uint32_t best_of(const float *values, uint32_t count) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++) {
        best = values[i] > values[best] ? i : best;
    }
    return best;
}

/* Numbers that a net says of one example. */
static size_t outputs_each(const ch_session *s) {
    const bool is_text = ch_federation_is_text(s->federation);
    const size_t steps = is_text ? ch_federation_shape(s->federation).channels : 1;
    return steps * ch_net_outputs(ch_session_net(s));
}

/* Calls each with the outputs of every test example first .. first+count-1, in order; of text, with
 * those of every step. */
static choir_status outputs_walk(ch_session *s, uint32_t first, uint32_t count, void *self,
                                 void (*each)(void *self, uint32_t row, const float *outputs),
                                 choir_error *err) {
    const ch_examples *table = ch_federation_test(s->federation);
    const ch_holding test = {.examples = table, .count = table->count};
    const size_t outputs = outputs_each(s);
    const uint32_t piece = ch_federation_is_text(s->federation) ? PREDICT_LINES : PREDICT_PIECE;
    const size_t bytes = ch_arena_cost(piece * outputs, sizeof(float));
    float *room = s->env.alloc(s->env.self, bytes);
    if (room == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for the outputs of %d examples",
                            (int)piece);
    }
    choir_status status = CHOIR_OK;
    for (uint32_t at = 0; at < count && status == CHOIR_OK; at += piece) {
        const uint32_t some = count - at < piece ? count - at : piece;
        status = ch_engine_predict(s->engines[0], &test, first + at, some, room, err);
        for (uint32_t i = 0; i < some && status == CHOIR_OK; i++) {
            each(self, first + at + i, room + i * outputs);
        }
    }
    s->env.free(s->env.self, room);
    return status;
}

typedef struct confusion {
    const ch_examples *test;
    ch_eval_result *out;
} confusion;

static void confusion_add(void *self, uint32_t row, const float *outputs) {
    const confusion *c = self;
    const uint32_t guess = best_of(outputs, c->out->classes);
    c->out->confusion[(size_t)c->test->labels[row] * c->out->classes + guess] += 1;
}

static choir_status confusion_count(ch_eval_result *out, ch_session *s, choir_error *err) {
    const size_t cells = (size_t)out->classes * out->classes;
    const choir_env *env = &s->env;
    out->confusion = env->alloc(env->self, ch_arena_cost(cells, sizeof(uint64_t)));
    if (out->confusion == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a table of %u labels by %u",
                            out->classes, out->classes);
    }
    memset(out->confusion, 0, cells * sizeof(uint64_t));
    confusion c = {.test = ch_federation_test(s->federation), .out = out};
    return outputs_walk(s, 0, c.test->count, &c, confusion_add, err);
}

typedef struct counting {
    const ch_examples *test;
    const uint8_t *kinds; // (classes)
    uint32_t classes;
    ch_recall *out;
} counting;

static void places_add(void *self, uint32_t row, const float *outputs) {
    const counting *c = self;
    const ch_span span = c->test->spans[row];
    const uint16_t *tokens = c->test->tokens + span.first;
    for (uint32_t t = 0; t + 1 < span.length; t++, outputs += c->classes) {
        ch_recall_add(c->out, outputs, c->kinds, c->classes, tokens[t + 1]);
    }
}

static choir_status recall_count(ch_eval_result *out, ch_session *s, choir_error *err) {
    const choir_env *env = &s->env;
    uint8_t *kinds = env->alloc(env->self, ch_arena_cost(out->classes, 1));
    if (kinds == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for what %u words are", out->classes);
    }
    ch_recall_kinds(kinds, s->federation);
    counting c = {.test = ch_federation_test(s->federation),
                  .kinds = kinds,
                  .classes = out->classes,
                  .out = &out->recall};
    const choir_status status = outputs_walk(s, 0, c.test->count, &c, places_add, err);
    env->free(env->self, kinds);
    return status;
}

/* Names of all classes in one block, the numbers of those without; NULL when none has one. */
static choir_status names_copy(ch_eval_result *out, const ch_session *s, choir_error *err) {
    char room[16];
    const ch_federation *f = s->federation;
    size_t bytes = 0;
    for (uint32_t c = 0; c < out->classes; c++) {
        bytes += strlen(ch_labels_show(f, c, room)) + 1;
    }
    if (ch_federation_name(f, 0) == NULL) {
        return CHOIR_OK;
    }
    const size_t pointers = ch_arena_cost(out->classes, sizeof(out->names[0]));
    out->names = s->env.alloc(s->env.self, pointers + ch_arena_cost(bytes, 1));
    if (out->names == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for the names of %u labels",
                            out->classes);
    }
    char *to = (char *)out->names + pointers;
    for (uint32_t c = 0; c < out->classes; c++) {
        const char *name = ch_labels_show(f, c, room);
        const size_t size = strlen(name) + 1;
        memcpy(to, name, size);
        out->names[c] = to;
        to += size;
    }
    return CHOIR_OK;
}

choir_status ch_run_eval(ch_eval_result *out, const char *model, const choir_job_data *data,
                         uint64_t seed, const choir_env *env, choir_error *err) {
    *out = (ch_eval_result){0};
    ch_session s;
    choir_status status = model_open(&s, CH_SESSION_EVAL, model, data, seed, env, err);
    if (status == CHOIR_OK) {
        ch_evaluation e;
        status = ch_evaluator_test(s.evaluator, s.params, &e, err);
        if (status != CHOIR_OK) {
            ch_session_release(&s);
            return status;
        }
        out->examples = e.examples;
        out->predictions = e.predictions;
        out->accuracy = e.accuracy;
        out->loss = e.loss;
        out->classes = ch_federation_classes(s.federation);
        if (out->classes > 0 && !ch_federation_is_text(s.federation)) {
            status = confusion_count(out, &s, err);
        }
        if (ch_recall_is_of_words(s.federation)) {
            status = recall_count(out, &s, err);
        }
        status = status == CHOIR_OK ? names_copy(out, &s, err) : status;
    }
    ch_session_release(&s);
    return status;
}

void ch_eval_result_release(ch_eval_result *r, const choir_env *env) {
    if (r->confusion != NULL) {
        env->free(env->self, r->confusion);
    }
    if (r->names != NULL) {
        env->free(env->self, (void *)r->names);
    }
    *r = (ch_eval_result){0};
}

typedef struct printer {
    const ch_federation *federation;
    const ch_examples *test;
    uint32_t outputs;
    FILE *out;
} printer;

static void prediction_print(void *self, uint32_t row, const float *outputs) {
    const printer *p = self;
    if (p->test->labels == NULL) {
        const float target = p->test->targets[row];
        (void)fprintf(p->out, "%u\t%g\t", row, (double)outputs[0]);
        (void)fprintf(p->out, isnan(target) ? "?\n" : "%g\n", (double)target);
        return;
    }
    const uint32_t guess = best_of(outputs, p->outputs);
    char guessed[16];
    char true_one[16];
    const uint32_t truth = p->test->labels[row];
    (void)fprintf(p->out, "%u\t%s\t%.4f\t%s\n", row, ch_labels_show(p->federation, guess, guessed),
                  (double)outputs[guess],
                  truth == CH_LABEL_NONE ? "?" : ch_labels_show(p->federation, truth, true_one));
}

/* Each token of a line that is predicted, and what it is. */
static void line_print(void *self, uint32_t row, const float *outputs) {
    const printer *p = self;
    const ch_examples *test = p->test;
    const uint16_t *tokens = test->tokens + test->spans[row].first;
    for (uint32_t t = 0; t + 1 < test->spans[row].length; t++, outputs += p->outputs) {
        char guessed[16];
        char true_one[16];
        const uint32_t guess = best_of(outputs, p->outputs);
        (void)fprintf(p->out, "%u\t%u\t%s\t%.4f\t%s\n", row, t,
                      ch_labels_show(p->federation, guess, guessed), (double)outputs[guess],
                      ch_labels_show(p->federation, tokens[t + 1], true_one));
    }
}

choir_status ch_run_predict(FILE *out, const char *model, const choir_job_data *data, uint64_t seed,
                            uint32_t first, uint32_t count, const choir_env *env,
                            choir_error *err) {
    ch_session s;
    choir_status status = model_open(&s, CH_SESSION_PREDICT, model, data, seed, env, err);
    if (status == CHOIR_OK) {
        const ch_examples *test = ch_federation_test(s.federation);
        if (first >= test->count) {
            status = ch_error_set(err, CHOIR_EINVAL,
                                  "--first: %u is beyond the %u test examples of '%s'", first,
                                  test->count, data->source);
        } else {
            const uint32_t left = test->count - first;
            printer p = {.federation = s.federation,
                         .test = test,
                         .outputs = ch_net_outputs(ch_session_net(&s)),
                         .out = out};
            // Only cross-entropy makes the outputs of a classifier a distribution.
            const bool squared = s.model.net.loss == CH_LOSS_MEAN_SQUARED;
            const bool is_text = ch_examples_are_sequences(test);
            (void)fprintf(out, "example\t%sprediction\t%struth\n", is_text ? "token\t" : "",
                          test->classes == 0 ? ""
                          : squared          ? "score\t"
                                             : "probability\t");
            status = outputs_walk(&s, first, count < left ? count : left, &p,
                                  is_text ? line_print : prediction_print, err);
        }
    }
    ch_session_release(&s);
    return status;
}
