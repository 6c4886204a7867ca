/* Approval: see approval.h. */
#include "client/approval.h"

#include "base/error.h"
#include "choir/job.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { LOOK_MS = 3600 * 1000, TIMED_MS = 24 * 3600 * 1000 };

choir_status ch_approval_init(ch_approval *a, const choir_policy *policy, choir_error *err) {
    *a = (ch_approval){.policy = policy == NULL ? choir_policy_defaults() : *policy,
                       .examples = CHOIR_TERMS_UNKNOWN};
    return choir_policy_check(&a->policy, err);
}

static void offer_read(ch_approval *a, const choir_offer *offer) {
    choir_job job;
    a->version = offer->version;
    a->look_ms = 0;
    a->unread = (choir_error){.message = ""};
    a->is_read = choir_job_parse(&job, offer->job, offer->job_size, "its text", NULL, 0,
                                 &a->unread) == CHOIR_OK;
    if (a->is_read) {
        a->offered = choir_job_terms(&job, offer->parameters);
    }
}

/* What is known of the device's data: as the trainer says, or the last training found. A trainer
 * may have to read its data to say so, and is asked only where the policy wants to know. */
static uint32_t examples_of(const ch_approval *a, choir_trainer trainer, uint32_t client) {
    const bool is_wanted = a->policy.examples_min > 0 || a->policy.training_max_s > 0;
    return is_wanted && trainer.ops != NULL && trainer.ops->examples != NULL
               ? trainer.ops->examples(trainer.self, client)
               : a->examples;
}

static uint32_t training_s(ch_approval *a, uint32_t examples, uint32_t epochs, uint64_t now_ms) {
    if (a->examples_per_ms > 0 && now_ms - a->examples_timed_ms > TIMED_MS) {
        a->examples_per_ms = 0;
    }
    if (a->examples_per_ms == 0 || examples == CHOIR_TERMS_UNKNOWN) {
        return CHOIR_TERMS_UNKNOWN;
    }
    const double seconds = ceil((double)examples * epochs / a->examples_per_ms / 1000);
    return seconds < CHOIR_TERMS_UNKNOWN - 1 ? (uint32_t)seconds : CHOIR_TERMS_UNKNOWN - 1;
}

/* Why the job is refused; false when it is not. */
static bool job_refused(const ch_approval *a, const choir_terms *terms, choir_error *why) {
    if (!choir_policy_is_set(&a->policy)) {
        return false;
    }
    if (!a->is_read) {
        (void)ch_error_set(why, CHOIR_ERANGE, "what it asks is not understood: %.300s",
                           a->unread.message);
        return true;
    }
    return choir_policy_accepts(&a->policy, terms, why) != CHOIR_OK;
}

bool ch_approval_of_job(ch_approval *a, const choir_offer *offer, choir_trainer trainer,
                        uint64_t now_ms, choir_event *event) {
    choir_error why = {.message = ""};
    if (a->version != offer->version) {
        offer_read(a, offer);
    }
    a->client = offer->client;
    choir_terms terms = a->offered;
    terms.examples = examples_of(a, trainer, offer->client);
    if (!job_refused(a, &terms, &why)) {
        a->look_ms = 0;
        return true;
    }
    if (a->look_ms == 0) {
        a->look_ms = now_ms + LOOK_MS;
    }
    *event = (choir_event){.kind = CHOIR_EVENT_REJECTED, .wake_ms = a->look_ms};
    (void)snprintf(event->message, sizeof(event->message), "%s@%" PRIu32 ": %.320s", offer->name,
                   offer->version, why.message);
    if (now_ms >= a->look_ms) {
        a->look_ms = 0;
    }
    return false;
}

bool ch_approval_of_task(ch_approval *a, const choir_task *task, choir_trainer trainer,
                         uint64_t now_ms, choir_event *event) {
    choir_error why = {.message = ""};
    choir_terms terms = choir_terms_of_task(task);
    terms.examples = examples_of(a, trainer, a->client);
    terms.training_s = training_s(a, terms.examples, task->epochs, now_ms);
    choir_status status = CHOIR_OK;
    if (a->is_read) {
        status = choir_terms_check(&terms, &a->offered, &why);
    }
    if (status == CHOIR_OK) {
        status = choir_policy_accepts(&a->policy, &terms, &why);
    }
    if (status == CHOIR_OK) {
        return true;
    }
    *event = (choir_event){.kind = CHOIR_EVENT_REJECTED, .round = task->round, .wake_ms = now_ms};
    (void)snprintf(event->message, sizeof(event->message), "%s", why.message);
    return false;
}

// ----- the watch --------------------------------------------------------------------------------

static void training_note(ch_approval *a, uint64_t work, uint64_t begin_ms) {
    const uint64_t now_ms = choir_client_now_ms();
    const double pace = (double)work / (double)(now_ms > begin_ms ? now_ms - begin_ms : 1);
    if (a->examples_per_ms == 0) {
        a->examples_timed_ms = now_ms;
    }
    a->examples_per_ms = pace > a->examples_per_ms ? pace : a->examples_per_ms;
}

static choir_status watched_train(void *self, uint32_t client, const choir_task *task,
                                  const float *params, float *delta, choir_training *out,
                                  choir_error *err) {
    ch_approval *a = self;
    const uint64_t begin_ms = choir_client_now_ms();
    const choir_status status =
        a->trainer.ops->train(a->trainer.self, client, task, params, delta, out, err);
    if (status != CHOIR_OK) {
        return status;
    }
    a->examples = out->examples;
    training_note(a, (uint64_t)out->examples * task->epochs, begin_ms);
    if (out->examples < a->policy.examples_min) {
        const uint32_t found = out->examples;
        *out = (choir_training){0}; // it takes no part, and tells nothing
        return ch_error_set(err, CHOIR_EAGAIN,
                            "data is %" PRIu32 " examples, must be at least %" PRIu32, found,
                            a->policy.examples_min);
    }
    return CHOIR_OK;
}

/* Nothing of the policy is about a model that is only looked at. */
static choir_status watched_evaluate(void *self, uint32_t client, const choir_task *task,
                                     const float *params, choir_training *out, choir_error *err) {
    const ch_approval *a = self;
    return a->trainer.ops->evaluate(a->trainer.self, client, task, params, out, err);
}

static const choir_trainer_ops WATCHED = {.train = watched_train};
static const choir_trainer_ops WATCHED_BOTH = {.train = watched_train,
                                               .evaluate = watched_evaluate};

choir_trainer ch_approval_trainer(ch_approval *a, choir_trainer trainer) {
    a->trainer = trainer;
    const bool can_evaluate = trainer.ops != NULL && trainer.ops->evaluate != NULL;
    return (choir_trainer){.ops = can_evaluate ? &WATCHED_BOTH : &WATCHED, .self = a};
}
