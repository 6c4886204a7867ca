/* Server: the group commit, and who is told how it ended. See server_parts.h. */
#include "net/server_parts.h"

#include "base/env.h"

/* Drops what older rounds of a job left. */
static choir_status job_prune(ch_server *s, const ch_commit *c, choir_error *err) {
    choir_status status = CHOIR_OK;
    if (s->keep_rounds > 0) {
        status = ch_hosting_store_prune(s->store, c->job, s->keep_rounds, &c->best_round,
                                        c->best_round > 0, err);
    }
    if (status == CHOIR_OK && s->keep_sums > 0) {
        status = ch_hosting_store_sums_prune(s->store, c->job, s->keep_sums, err);
    }
    return status;
}

/* For a job whose rounds have just been kept. Without the lock. */
static void rounds_prune(ch_server *s, const ch_commit *c) {
    choir_error err = {.message = ""};
    if (c->closed_count > 0 && job_prune(s, c, &err) != CHOIR_OK) {
        ch_log_text(&s->env, CHOIR_LEVEL_WARN, "prune_failed", "why", err.message);
    }
}

/* Keeps what came together; of nothing, whether the disk takes anything again. */
static choir_status together_keep(ch_server *s, const ch_commit *commits, uint32_t count,
                                  choir_error *err) {
    const ch_arrivals *a = &s->door.arrivals;
    if (count == 0 && a->subjects_count == 0 && a->claims_count == 0) {
        const choir_bytes probe = {.data = (const uint8_t *)"probe", .size = 5};
        return ch_hosting_store_setting_set(s->store, "disk_probe", probe, err);
    }
    return ch_hosting_store_commit(s->store, a, commits, count, err);
}

void ch_server_disturb(ch_server *s, const char *why) {
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        ch_hosted_disturb(s->jobs[i], why);
    }
}

/* Whether a commit was refused for what is in it, and not by the disk: it never will be kept. */
static bool is_fault(choir_status status) {
    return status == CHOIR_EINVAL || status == CHOIR_EPROTO;
}

/* How a group commit ended, beside its batches, each of which has an end of its own. */
typedef struct committed {
    choir_status door; // of who came
    choir_status disk;
    choir_error err; // of whichever is not OK
} committed;

/* Each part for itself, so that only what is at fault is not kept. A disk that refuses ends it. */
static void apart_keep(ch_server *s, committed *out, const ch_commit *commits, uint32_t count) {
    const ch_arrivals *a = &s->door.arrivals;
    const bool is_anybody = a->subjects_count > 0 || a->claims_count > 0;
    out->door = together_keep(s, NULL, 0, &out->err); // of nobody, it is the store that is at fault
    out->disk = is_fault(out->door) && is_anybody ? CHOIR_OK : out->door;
    for (uint32_t i = 0; i < count; i++) {
        ch_batch *b = &s->batches[i];
        b->status = out->disk;
        if (out->disk == CHOIR_OK) {
            b->status = ch_hosting_store_commit(s->store, NULL, &commits[i], 1, &b->err);
        }
        if (b->status != CHOIR_OK && !is_fault(b->status) && out->disk == CHOIR_OK) {
            out->disk = b->status;
            out->err = b->err;
        }
    }
}

/* All at once, which is what the disk is fast at; else apart. Without the lock. */
static committed batches_keep(ch_server *s, const ch_commit *commits, uint32_t count) {
    committed out = {.err = {.message = ""}};
    const choir_status status = together_keep(s, commits, count, &out.err);
    if (is_fault(status)) {
        apart_keep(s, &out, commits, count);
        return out;
    }
    out.door = status;
    out.disk = status;
    for (uint32_t i = 0; i < count; i++) {
        s->batches[i].status = status;
    }
    return out;
}

/* Says how it ended, and tells it to whoever waits. With the lock. */
static void commit_settle(ch_server *s, const committed *c, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        ch_batch *b = &s->batches[i];
        if (is_fault(b->status) && !is_fault(c->disk)) {
            ch_hosted_fail(b->hosted, b->err.message);
        }
        ch_batch_settle(b, b->status == CHOIR_OK);
    }
    s->commits += c->disk == CHOIR_OK;
    if (c->disk != CHOIR_OK || c->door != CHOIR_OK) {
        ch_log_text(&s->env, CHOIR_LEVEL_ERROR, "commit_failed", "why", c->err.message);
    } else if (s->disk_fails) {
        ch_log(&s->env, CHOIR_LEVEL_WARN, "commit_works_again", "jobs=%u", count);
    }
    s->disk_fails = c->disk != CHOIR_OK;
    if (s->disk_fails) {
        ch_server_disturb(s, "the server cannot write to its disk");
    }
    ch_door_settle(s, c->door == CHOIR_OK);
}

void ch_server_commit(ch_server *s, uint32_t count) {
    ch_commit commits[CH_JOBS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        commits[i] = s->batches[i].commit;
    }
    s->is_committing = true;
    (void)pthread_mutex_unlock(&s->lock);
    const committed c = batches_keep(s, commits, count);
    for (uint32_t i = 0; i < count; i++) {
        if (s->batches[i].status == CHOIR_OK) {
            rounds_prune(s, &commits[i]);
        }
    }
    (void)pthread_mutex_lock(&s->lock);
    commit_settle(s, &c, count);
    s->is_committing = false;
    (void)pthread_cond_broadcast(&s->quiet);
}
