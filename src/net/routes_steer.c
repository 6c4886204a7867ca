/*
 * Routes of steering: what becomes of a hosted job.
 *
 *     POST   /v1/admin/jobs/REF/pause | resume | stop  -> its state
 *     DELETE /v1/admin/jobs/REF                        -> what is gone: NAME@VERSION, or by NAME
 *                                                         all its versions
 *
 * What makes no sense is a 409 with a sentence. States are written while no commit is on its way:
 * it would write over them what they were.
 */
#include "net/routes.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// ----- states -----------------------------------------------------------------------------------

typedef struct step {
    const char *act;
    const char *from[3];
    const char *to;
} step;

static bool leads_from(const step *t, const char *state) {
    for (size_t i = 0; i < sizeof(t->from) / sizeof(t->from[0]); i++) {
        if (t->from[i] != NULL && strcmp(t->from[i], state) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether it is to be opened again, and no more: its rounds are over. */
static bool is_only_opened(const ch_hosted *h, const step *t) {
    return strcmp(t->act, "resume") == 0 && strcmp(h->row.state, "finished") == 0 &&
           !ch_hosted_is_open(h);
}

/* Whether the step makes sense for the job. With the lock. */
static choir_status step_check(const ch_server *s, const ch_hosted *h, const char *reference,
                               const step *t, choir_error *err) {
    const ch_hosted *latest = ch_server_newest(s, h->row.name);
    if (is_only_opened(h, t)) {
        return CHOIR_OK;
    }
    if (!leads_from(t, h->row.state)) {
        if (latest != h && strcmp(reference, h->reference) != 0) { // a name means an older one
            return ch_error_set(err, CHOIR_EAGAIN,
                                "'%s' is %s: there is nothing to %s; the newest, '%s', is %s: name "
                                "it with its version",
                                h->reference, h->row.state, t->act, latest->reference,
                                latest->row.state);
        }
        return ch_error_set(err, CHOIR_EAGAIN, "'%s' is %s: there is nothing to %s", reference,
                            h->row.state, t->act);
    }
    if (strcmp(t->act, "resume") == 0 && latest != h) {
        return ch_error_set(err, CHOIR_EAGAIN, "'%s' has been replaced by '%s'", h->reference,
                            latest->reference);
    }
    return CHOIR_OK;
}

/* In the store, then in memory: while a job does not run, its open round's clock stands still. */
static choir_status step_take(ch_server *s, ch_hosted *h, const step *t, choir_error *err) {
    const uint64_t now_ms = ch_server_now_ms();
    choir_status status = ch_hosted_freeze(h, now_ms);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "no memory to %s '%s'", t->act, h->reference);
    }
    status = ch_hosting_store_job_set_state(s->store, h->row.id, t->to, err);
    if (status == CHOIR_OK) {
        (void)snprintf(h->row.state, sizeof(h->row.state), "%s", t->to);
        h->is_replaced = h->is_replaced && !ch_hosted_is_running(h);
    }
    if (ch_hosted_is_running(h)) { // also when the store refused, and it never stopped
        ch_hosted_thaw(h, now_ms);
    }
    ch_server_wake(s);
    return status;
}

/* A job that has failed, or is not open, goes on from what the store has of it. */
static choir_status failed_take(ch_server *s, ch_hosted *h, const step *t, choir_error *err) {
    ch_hosted_row row;
    ch_hosted *again = NULL;
    const char *to = is_only_opened(h, t) ? h->row.state : t->to;
    choir_status status = ch_hosting_store_job(s->store, &row, h->row.id, err);
    if (status == CHOIR_OK) {
        (void)snprintf(row.state, sizeof(row.state), "%s", to);
        status =
            ch_hosted_open(&again, s->store, &row, !s->no_sums, ch_server_now_ms(), &s->env, err);
    }
    if (status == CHOIR_OK) {
        status = ch_hosting_store_job_set_state(s->store, h->row.id, to, err);
    }
    if (status != CHOIR_OK) {
        ch_hosted_close(again, NULL);
        return status;
    }
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        s->jobs[i] = s->jobs[i] == h ? again : s->jobs[i];
    }
    ch_hosted_close(h, "the job goes on");
    ch_server_wake(s);
    return CHOIR_OK;
}

/* From some states to another; anything else is a conflict. */
static void steer(ch_ask *ask, const step *t) {
    ch_server *s = ask->server;
    choir_error err = {.message = ""};
    choir_status status = CHOIR_OK;
    char reference[CHOIR_JOB_TEXT_MAX] = "";
    char state[CH_JOB_STATE_MAX] = "";
    (void)pthread_mutex_lock(&s->lock);
    ch_server_quiet(s);
    ch_hosted *h = ch_server_find(s, ask->wild);
    if (h != NULL) {
        (void)snprintf(reference, sizeof(reference), "%s", h->reference);
        status = step_check(s, h, ask->wild, t, &err);
        if (status == CHOIR_OK) {
            status =
                ch_hosted_may_commit(h) ? step_take(s, h, t, &err) : failed_take(s, h, t, &err);
        }
        if (status == CHOIR_OK) { // it may be another object now
            (void)snprintf(state, sizeof(state), "%s", ch_server_find(s, reference)->row.state);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (h == NULL) {
        ch_answer_missing(ask);
    } else if (status != CHOIR_OK) {
        ch_answer_failure(ask, status, &err);
    } else {
        ch_ask_audit(ask, t->act, reference);
        ch_answer_json(ask->exchange, 200,
                       json_pack("{s:s, s:s}", "job", reference, "state", state));
    }
}

void ch_route_pause(ch_ask *ask) {
    steer(ask, &(step){"pause", {"running"}, "paused"});
}

void ch_route_resume(ch_ask *ask) {
    steer(ask, &(step){"resume", {"paused", "stopped", "failed"}, "running"});
}

void ch_route_stop(ch_ask *ask) {
    steer(ask, &(step){"stop", {"running", "paused"}, "stopped"});
}

// ----- removing ---------------------------------------------------------------------------------

static bool is_named(const ch_hosted *h, const char *reference) {
    return strcmp(h->reference, reference) == 0 || strcmp(h->row.name, reference) == 0;
}

/* The versions that a reference stands for; how many. EAGAIN for one that goes on. */
static choir_status doomed_find(const ch_server *s, const char *reference, int64_t *ids,
                                uint32_t *count, choir_error *err) {
    *count = 0;
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        const ch_hosted *h = s->jobs[i];
        if (!is_named(h, reference)) {
            continue;
        }
        if (strcmp(h->row.state, "running") == 0 || strcmp(h->row.state, "paused") == 0) {
            return ch_error_set(err, CHOIR_EAGAIN, "'%s' is %s: stop it first", h->reference,
                                h->row.state);
        }
        ids[*count] = h->row.id;
        *count += 1;
    }
    return CHOIR_OK;
}

/* Whether a version has the model that devices use; a name may go with it. */
static choir_status promoted_check(ch_server *s, const char *reference, const int64_t *ids,
                                   uint32_t count, choir_error *err) {
    char name[CHOIR_JOB_TEXT_MAX];
    ch_promotion p;
    const size_t size = strcspn(reference, "@");
    if (reference[size] == '\0' || count == 0) {
        return CHOIR_OK;
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)size, reference);
    const choir_status status = ch_hosting_store_promoted(s->store, &p, name, err);
    if (status == CHOIR_OK && p.job == ids[0]) {
        return ch_error_set(err, CHOIR_EAGAIN,
                            "round %" PRIu32 " of '%s' is promoted: promote another one first",
                            p.round, reference);
    }
    return status == CHOIR_EAGAIN ? CHOIR_OK : status;
}

/* Out of memory, once they are out of the store. */
static void doomed_close(ch_server *s, const char *reference) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        if (is_named(s->jobs[i], reference)) {
            ch_hosted_close(s->jobs[i], "the job has been removed");
        } else {
            s->jobs[left] = s->jobs[i];
            left += 1;
        }
    }
    s->jobs_count = left;
}

void ch_route_remove(ch_ask *ask) {
    ch_server *s = ask->server;
    int64_t ids[CH_JOBS_MAX];
    uint32_t count = 0;
    choir_error err = {.message = ""};
    (void)pthread_mutex_lock(&s->lock);
    ch_server_quiet(s);
    choir_status status = doomed_find(s, ask->wild, ids, &count, &err);
    if (status == CHOIR_OK) {
        status = promoted_check(s, ask->wild, ids, count, &err);
    }
    if (status == CHOIR_OK && count > 0) {
        status = ch_hosting_store_jobs_remove(s->store, ids, count, &err);
    }
    if (status == CHOIR_OK && count > 0) {
        doomed_close(s, ask->wild);
        ch_server_wake(s); // the keeper drops what was uploaded for them
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (status != CHOIR_OK) {
        ch_answer_failure(ask, status, &err);
    } else if (count == 0) {
        ch_answer_missing(ask);
    } else {
        ch_ask_audit(ask, "remove", ask->wild);
        ch_answer_json(ask->exchange, 200,
                       json_pack("{s:s, s:I}", "job", ask->wild, "removed", (json_int_t)count));
    }
}
