/*
 * Agent: see include/choir/agent.h.
 *
 *     step:  whose turn ──> choir_client_step ──> what it says: over, waits until, busy
 *
 * The memory of a model is a job's while it has a task, and is given back when the next job has its
 * turn: what several jobs need at once is then what the largest needs.
 */
#include "choir/agent.h"

#include "base/arena.h"
#include "base/error.h"
#include "client/client_parts.h"
#include "crypto/entropy.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    SLICE_MS = 1000, // of a sleep, after which it is asked whether to stop
    SHARED_S = 2,    // that a check-in waits at the server while another job would have its turn
};

static const char NO_MEMORY[] = "no memory for an agent";

typedef struct slot {
    choir_agent *agent;
    choir_client *client; // owned
    choir_trainer trainer;
    choir_status (*trainer_make)(void *self, const choir_offer *offer, choir_trainer *out,
                                 choir_error *err);
    void *self; // of trainer_make
    uint64_t wake_ms;
    uint64_t turn;       // when it had its last, counted
    choir_status status; // it ended with; OK: it did not, or as it should
    bool is_busy;        // it has a task
    bool is_over;
} slot;

struct choir_agent {
    choir_env env;
    ch_identity identity;
    ch_http_client *http;
    choir_agent_callbacks callbacks;
    bool (*is_stopped)(void *self);
    void *self; // of is_stopped
    uint32_t patience_s;
    uint64_t turns;
    slot *current;
    uint32_t count;
    slot slots[CHOIR_AGENT_JOBS_MAX];
    choir_error first; // of a job that ended with one
};

choir_agent_job choir_agent_job_defaults(void) {
    return (choir_agent_job){.client = CHOIR_CLIENT_ANY};
}

choir_agent_options choir_agent_defaults(void) {
    return (choir_agent_options){.client = choir_client_defaults()};
}

// ----- life -------------------------------------------------------------------------------------

static void on_progress(void *self, const choir_progress *progress) {
    const slot *s = self;
    const choir_agent *a = s->agent;
    a->callbacks.progress(a->callbacks.self, (uint32_t)(s - a->slots), progress);
}

static choir_status jobs_check(const choir_agent_options *o, choir_error *err) {
    if (o->jobs == NULL || o->count < 1 || o->count > CHOIR_AGENT_JOBS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "agent: %u jobs; must be 1 to %d",
                            o->jobs == NULL ? 0 : o->count, CHOIR_AGENT_JOBS_MAX);
    }
    for (uint32_t i = 0; i < o->count; i++) {
        const choir_agent_job *job = &o->jobs[i];
        if (job->job == NULL || job->job[0] == '\0') {
            return ch_error_set(err, CHOIR_EINVAL, "agent: job %u has no name", i);
        }
        if (job->trainer.ops == NULL && job->trainer_make == NULL) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "agent: job '%s' has no trainer; give one, or trainer_make",
                                job->job);
        }
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(job->job, o->jobs[j].job) == 0) {
                return ch_error_set(err, CHOIR_EINVAL, "agent: job '%s' is there twice", job->job);
            }
        }
    }
    return CHOIR_OK;
}

static choir_status slot_init(slot *s, const choir_agent_options *options,
                              const choir_agent_job *job, choir_error *err) {
    choir_agent *a = s->agent;
    choir_client_options o = options->client;
    o.job = job->job;
    o.client = job->client;
    o.conditions = job->conditions != NULL ? job->conditions : o.conditions;
    o.policy = job->policy != NULL ? job->policy : o.policy;
    o.progress = a->callbacks.progress != NULL ? on_progress : NULL;
    o.self = s;
    s->trainer = job->trainer;
    s->trainer_make = job->trainer.ops == NULL ? job->trainer_make : NULL;
    s->self = job->self;
    return ch_client_create_with(&s->client, &o, &a->identity, a->http, &a->env, err);
}

static choir_status agent_build(choir_agent *a, const choir_agent_options *o, choir_error *err) {
    choir_status status = ch_client_line(&a->identity, &a->http, &o->client, &a->env, err);
    for (; a->count < o->count && status == CHOIR_OK; a->count++) {
        slot *s = &a->slots[a->count];
        s->agent = a;
        status = slot_init(s, o, &o->jobs[a->count], err);
    }
    return status;
}

choir_status choir_agent_create(choir_agent **out, const choir_agent_options *options,
                                const choir_env *env, choir_error *err) {
    *out = NULL;
    choir_status status = jobs_check(options, err);
    if (status != CHOIR_OK) {
        return status;
    }
    choir_agent *a = env->alloc(env->self, ch_arena_cost(1, sizeof(*a)));
    if (a == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s", NO_MEMORY);
    }
    *a = (choir_agent){.env = *env,
                       .callbacks = options->callbacks,
                       .is_stopped = options->client.is_stopped,
                       .self = options->client.self,
                       .patience_s = options->client.patience_s};
    status = agent_build(a, options, err);
    if (status != CHOIR_OK) {
        choir_agent_destroy(a);
        return status;
    }
    *out = a;
    return CHOIR_OK;
}

size_t choir_agent_bytes(const uint32_t *dims, const uint32_t *state_bytes, uint32_t count) {
    size_t bytes = ch_arena_cost(1, sizeof(choir_agent));
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += ch_client_bytes_with(dims[i], state_bytes == NULL ? 0 : state_bytes[i]);
        most = dims[i] > most ? dims[i] : most;
    }
    return bytes + ch_http_client_bytes((size_t)most * sizeof(float));
}

void choir_agent_destroy(choir_agent *a) {
    if (a == NULL) {
        return;
    }
    const choir_env env = a->env;
    for (uint32_t i = 0; i < a->count; i++) {
        choir_client_destroy(a->slots[i].client);
    }
    ch_http_client_destroy(a->http);
    ch_wipe(a, sizeof(*a));
    env.free(env.self, a);
}

choir_client *choir_agent_client(choir_agent *a, uint32_t job) {
    return a->slots[job].client;
}

// ----- whose turn -------------------------------------------------------------------------------

/* Whether a is to have its turn before b: who need not wait, then who has had none for longest. */
static bool is_before(const slot *a, const slot *b, uint64_t now_ms) {
    const uint64_t a_ms = a->wake_ms > now_ms ? a->wake_ms : now_ms;
    const uint64_t b_ms = b->wake_ms > now_ms ? b->wake_ms : now_ms;
    return a_ms != b_ms ? a_ms < b_ms : a->turn < b->turn;
}

/* The first of those that are not over, but for one; NULL: there is none. */
static slot *first_but(choir_agent *a, const slot *but, uint64_t now_ms) {
    slot *first = NULL;
    for (uint32_t i = 0; i < a->count; i++) {
        slot *s = &a->slots[i];
        if (s != but && !s->is_over && (first == NULL || is_before(s, first, now_ms))) {
            first = s;
        }
    }
    return first;
}

static slot *slot_next(choir_agent *a, uint64_t now_ms) {
    slot *s = a->current;
    if (s != NULL && !s->is_over && s->is_busy && s->wake_ms <= now_ms) {
        return s;
    }
    return first_but(a, NULL, now_ms);
}

/*
 * A check-in may wait at the server for as long as no other job has anything to do; and a little
 * when one has, so that it is not told to come back in a long time.
 */
static void patience_set(choir_agent *a, slot *s, uint64_t now_ms) {
    const slot *other = first_but(a, s, now_ms);
    uint64_t left_s = a->patience_s;
    if (other != NULL) {
        const uint64_t due_s = other->wake_ms > now_ms ? (other->wake_ms - now_ms) / 1000 : 0;
        const uint64_t most_s = due_s > SHARED_S ? due_s : SHARED_S;
        left_s = most_s < left_s ? most_s : left_s;
    }
    ch_client_be_patient(s->client, (uint32_t)left_s);
}

// ----- what came of it --------------------------------------------------------------------------

static bool is_pause(choir_event_kind kind) {
    return kind == CHOIR_EVENT_WAIT || kind == CHOIR_EVENT_BLOCKED || kind == CHOIR_EVENT_REJECTED;
}

/* Whether a job has a task after an event, when it had one before or not. */
static bool is_busy_after(choir_event_kind kind, bool before) {
    switch (kind) {
    case CHOIR_EVENT_TASK:
    case CHOIR_EVENT_FETCHED:
    case CHOIR_EVENT_TRAINED:
    case CHOIR_EVENT_FAILED:
    case CHOIR_EVENT_RESUMED:
        return true;
    case CHOIR_EVENT_REPORTED:
    case CHOIR_EVENT_REFUSED:
    case CHOIR_EVENT_DONE:
        return false;
    default:
        return before;
    }
}

static void over(slot *s, choir_status status, const choir_error *why, choir_agent_event *out) {
    choir_agent *a = s->agent;
    out->status = status;
    out->event = (choir_event){.kind = CHOIR_EVENT_DONE, .round = out->event.round};
    (void)snprintf(out->event.message, sizeof(out->event.message), "%s", why->message);
    s->status = status;
    if (a->first.status == CHOIR_OK) {
        a->first = *why;
        a->first.status = status;
    }
}

static void trainer_follow(slot *s, choir_agent_event *out) {
    choir_error why = {.message = ""};
    if (s->trainer_make != NULL) {
        s->trainer = (choir_trainer){.ops = NULL};
        const choir_status status =
            s->trainer_make(s->self, choir_client_offer(s->client), &s->trainer, &why);
        if (status != CHOIR_OK) {
            over(s, status, &why, out);
        }
    }
}

static void tell(const choir_agent *a, const slot *s, const choir_agent_event *out) {
    const choir_agent_callbacks *c = &a->callbacks;
    const choir_event *event = &out->event;
    const choir_event_kind kind = event->kind;
    if (c->event != NULL) {
        c->event(c->self, out->job, event);
    }
    if (kind == CHOIR_EVENT_JOINED && c->ready != NULL) {
        c->ready(c->self, out->job, choir_client_offer(s->client));
    } else if ((kind == CHOIR_EVENT_REJECTED || kind == CHOIR_EVENT_REFUSED) &&
               c->rejected != NULL) {
        c->rejected(c->self, out->job, event);
    } else if (kind == CHOIR_EVENT_BLOCKED && c->blocked != NULL) {
        c->blocked(c->self, out->job, event);
    } else if (kind == CHOIR_EVENT_DONE && out->status == CHOIR_OK && c->complete != NULL) {
        c->complete(c->self, out->job, event);
    } else if ((out->status != CHOIR_OK || kind == CHOIR_EVENT_LOST ||
                kind == CHOIR_EVENT_FAILED) &&
               c->error != NULL) {
        c->error(c->self, out->job, out->status, event->message);
    }
}

/* How many are left, and when there is something to do. */
static void outlook(choir_agent *a, choir_agent_event *out) {
    const uint64_t now_ms = choir_client_now_ms();
    const slot *next = slot_next(a, now_ms);
    out->left = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        out->left += a->slots[i].is_over ? 0 : 1;
    }
    out->wake_ms = next != NULL && next->wake_ms > now_ms ? next->wake_ms : now_ms;
}

void choir_agent_step(choir_agent *a, choir_agent_event *out) {
    const uint64_t now_ms = choir_client_now_ms();
    slot *s = slot_next(a, now_ms);
    *out = (choir_agent_event){.event = {.kind = CHOIR_EVENT_DONE}};
    if (s == NULL) {
        outlook(a, out);
        return;
    }
    if (a->current != NULL && a->current != s) {
        ch_client_rest(a->current->client);
    }
    a->current = s;
    out->job = (uint32_t)(s - a->slots);
    choir_error why = {.message = ""};
    patience_set(a, s, now_ms);
    const choir_status status = choir_client_step(s->client, s->trainer, &out->event, &why);
    if (status != CHOIR_OK) {
        over(s, status, &why, out);
    } else if (out->event.kind == CHOIR_EVENT_JOINED) {
        trainer_follow(s, out);
    }
    a->turns += 1;
    s->turn = a->turns;
    s->wake_ms = is_pause(out->event.kind) ? out->event.wake_ms : 0;
    s->is_busy = is_busy_after(out->event.kind, s->is_busy);
    s->is_over = out->event.kind == CHOIR_EVENT_DONE;
    tell(a, s, out);
    outlook(a, out);
}

// ----- the loop ---------------------------------------------------------------------------------

static bool is_stopped(const choir_agent *a) {
    return a->is_stopped != NULL && a->is_stopped(a->self);
}

/* Sleeps until then, or a signal. */
static void sleep_until(const choir_agent *a, uint64_t wake_ms) {
    for (uint64_t now_ms = choir_client_now_ms(); now_ms < wake_ms && !is_stopped(a);
         now_ms = choir_client_now_ms()) {
        const uint64_t left_ms = wake_ms - now_ms < SLICE_MS ? wake_ms - now_ms : SLICE_MS;
        const struct timespec left = {.tv_sec = (time_t)(left_ms / 1000),
                                      .tv_nsec = (long)(left_ms % 1000) * 1000000};
        if (nanosleep(&left, NULL) != 0) {
            return;
        }
    }
}

choir_status choir_agent_run(choir_agent *a, choir_error *err) {
    choir_agent_event event = {.left = 1};
    while (event.left > 0) {
        if (is_stopped(a)) {
            return CHOIR_OK; // and what was given up was given up on request
        }
        choir_agent_step(a, &event);
        if (event.left > 0) {
            sleep_until(a, event.wake_ms);
        }
    }
    if (is_stopped(a) || a->first.status == CHOIR_OK) {
        return CHOIR_OK;
    }
    return ch_error_set(err, a->first.status, "%s", a->first.message);
}
