/* Kept: see kept.h. */
#include "client/kept.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/disk.h"
#include "base/env.h"
#include "base/error.h"
#include "client/file_name.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    MAGIC = 0x314b4843, // "CHK1" as little-endian bytes
    CHECKED_BYTES = 4 + CH_PUBLIC_KEY_BYTES + 8,
    HEAD_BYTES = CHECKED_BYTES + 8,
    REPORT_HEAD_MAX = 1024, // of a report, without its update
    LOCK_MODE = 0600,
};

static choir_status lock_take(ch_kept *k, const char *dir, const char *job, choir_error *err) {
    char path[CH_KEPT_PATH_MAX];
    const size_t stem = strlen(k->path) - strlen(".bin");
    (void)snprintf(path, sizeof(path), "%.*s.lock", (int)stem, k->path);
    k->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
    if (k->lock_file < 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot open for writing: %s", path,
                            strerror(errno));
    }
    const choir_status status = ch_disk_lock(k->lock_file, path, err);
    if (status != CHOIR_EAGAIN) {
        return status;
    }
    return ch_error_set(err, CHOIR_EIO,
                        "client: another one trains '%s' with state_dir '%s'; each needs its own",
                        job, dir);
}

choir_status ch_kept_init(ch_kept *out, const char *dir, const char *job,
                          const uint8_t server[CH_PUBLIC_KEY_BYTES], uint32_t dim_max,
                          const choir_env *env, choir_error *err) {
    *out = (ch_kept){.env = *env, .dim_max = dim_max, .lock_file = -1};
    memcpy(out->server, server, sizeof(out->server));
    const size_t size = sizeof(out->path) - strlen(".aside");
    const choir_status status = ch_file_name(out->path, size, dir, "task", job, err);
    return status == CHOIR_OK && out->path[0] != '\0' ? lock_take(out, dir, job, err) : status;
}

void ch_kept_release(ch_kept *k) {
    if (k->lock_file >= 0) {
        (void)close(k->lock_file);
        k->lock_file = -1;
    }
}

static const char *name_of(const ch_kept *k) {
    return strrchr(k->path, '/') + 1;
}

// ----- the head ---------------------------------------------------------------------------------

static void head_write(uint8_t out[HEAD_BYTES], const ch_kept *k, int64_t subject) {
    ch_writer w = {.data = out, .capacity = HEAD_BYTES};
    ch_put_u32(&w, MAGIC);
    ch_put_bytes(&w, k->server, sizeof(k->server));
    ch_put_u64(&w, (uint64_t)subject);
    ch_put_u64(&w, ch_checksum_of(MAGIC, out, CHECKED_BYTES));
}

/* Whether a file's head is this server's and subject's. Returns OK; EPROTO when it is damaged;
 * EINVAL when it is another's. */
static choir_status head_check(const ch_kept *k, int64_t subject, const ch_disk_file *file) {
    uint8_t own[HEAD_BYTES];
    ch_reader r = {.data = file->data, .size = file->size, .at = CHECKED_BYTES};
    head_write(own, k, subject);
    const bool is_intact = file->size >= HEAD_BYTES && memcmp(file->data, own, 4) == 0 &&
                           ch_get_u64(&r) == ch_checksum_of(MAGIC, file->data, CHECKED_BYTES);
    if (!is_intact) {
        return CHOIR_EPROTO;
    }
    return memcmp(file->data, own, HEAD_BYTES) == 0 ? CHOIR_OK : CHOIR_EINVAL;
}

/* That the file has what the participant has under way. */
static void remember(ch_kept *k, const choir_participant *p) {
    choir_participant_save(p, &k->last);
    k->last.report = (choir_bytes){.size = 0}; // it is not ours
    k->is_known = true;
}

// ----- going on ---------------------------------------------------------------------------------

static void tell(choir_event *event, choir_event_kind kind, uint32_t round) {
    event->kind = kind;
    event->round = round;
}

/* Out of the way of what comes next, but not gone: somebody may want to know. */
static void set_aside(const ch_kept *k, const char *why, choir_event *event) {
    char aside[CH_KEPT_PATH_MAX + 8];
    (void)snprintf(aside, sizeof(aside), "%s.aside", k->path);
    const bool is_aside = rename(k->path, aside) == 0;
    tell(event, CHOIR_EVENT_LOST, 0);
    (void)snprintf(event->message, sizeof(event->message),
                   "%s: %s; what it had under way is lost, and the file %s", name_of(k), why,
                   is_aside ? "is set aside, with .aside behind its name" : "cannot be set aside");
}

static choir_status room_have(const ch_kept *k, const ch_kept_place *place, uint32_t dim,
                              choir_error *err) {
    if (dim <= *place->room_dim || dim > k->dim_max) {
        return CHOIR_OK;
    }
    choir_workspace_destroy(*place->room);
    *place->room_dim = 0;
    if (choir_workspace_create(place->room, dim, &k->env) != CHOIR_OK) {
        return ch_error_set(err, CHOIR_ENOMEM,
                            "no memory for a report of %" PRIu32 " parameters that was kept", dim);
    }
    *place->room_dim = dim;
    return CHOIR_OK;
}

/* A task that is whole, and this device's, and cannot be gone on with all the same. */
static void lost(const choir_saved_about *about, const char *why, choir_event *event) {
    tell(event, CHOIR_EVENT_LOST, about->task.round);
    (void)snprintf(event->message, sizeof(event->message),
                   "the %s of round %" PRIu32 " of '%s', kept from before, is lost: %s",
                   about->has_report ? "report" : "task", about->task.round, about->task.job, why);
}

static choir_status saved_take(ch_kept *k, const ch_kept_place *place, choir_bytes state,
                               uint64_t now_ms, choir_event *event, choir_error *err) {
    choir_saved_about about;
    choir_error why = {.message = ""};
    if (choir_participant_saved_about(&about, state, &why) != CHOIR_OK) {
        set_aside(k, why.message, event);
        return CHOIR_OK;
    }
    if (strcmp(about.task.job, place->job) != 0) {
        (void)snprintf(why.message, sizeof(why.message), "the server has '%s' now", place->job);
        lost(&about, why.message, event);
        return CHOIR_OK;
    }
    const choir_status status = room_have(k, place, about.room_dim, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (choir_participant_restore(place->participant, now_ms, state, *place->room, &why) !=
        CHOIR_OK) {
        lost(&about, why.message, event);
        return CHOIR_OK;
    }
    tell(event, CHOIR_EVENT_RESUMED, about.task.round);
    event->purpose = (choir_purpose)about.task.purpose;
    (void)snprintf(event->message, sizeof(event->message), "%s",
                   about.has_report ? "sends the report that was kept"
                                    : "goes on with the task that was kept");
    return CHOIR_OK;
}

static choir_status file_take(ch_kept *k, const ch_kept_place *place, const ch_disk_file *file,
                              uint64_t now_ms, choir_event *event, choir_error *err) {
    const choir_status status = head_check(k, place->subject, file);
    if (status != CHOIR_OK) {
        set_aside(k,
                  status == CHOIR_EPROTO ? "is damaged, or no file of choir's"
                                         : "is of another server, or of another device",
                  event);
        return CHOIR_OK;
    }
    const choir_bytes state = {.data = file->data + HEAD_BYTES, .size = file->size - HEAD_BYTES};
    return saved_take(k, place, state, now_ms, event, err);
}

static choir_status left_take(ch_kept *k, const ch_kept_place *place, uint64_t now_ms,
                              choir_event *event, choir_error *err) {
    if (k->path[0] == '\0' || access(k->path, F_OK) != 0) {
        return CHOIR_EAGAIN;
    }
    ch_disk_file file = {0};
    choir_error why = {.message = ""};
    const size_t bytes_max =
        HEAD_BYTES + CHOIR_SAVED_HEAD_MAX + REPORT_HEAD_MAX + (size_t)k->dim_max * sizeof(float);
    choir_status status = ch_disk_read(&file, k->path, bytes_max, &k->env, &why);
    if (status == CHOIR_EIO) {
        set_aside(k, "cannot be read, or is no file of choir's", event);
        status = CHOIR_OK;
    } else if (status == CHOIR_OK) {
        status = file_take(k, place, &file, now_ms, event, err);
    } else {
        (void)ch_error_set(err, status, "%s", why.message);
    }
    ch_disk_release(&file);
    return status;
}

bool ch_kept_has_left(const ch_kept *k) {
    return k->path[0] != '\0' && !k->is_read && access(k->path, F_OK) == 0;
}

choir_status ch_kept_resume(ch_kept *k, const ch_kept_place *place, uint64_t now_ms,
                            choir_event *event, choir_error *err) {
    const choir_status status = left_take(k, place, now_ms, event, err);
    k->is_read = status == CHOIR_OK || status == CHOIR_EAGAIN;
    k->is_known = status == CHOIR_EAGAIN;
    if (status == CHOIR_OK && event->kind == CHOIR_EVENT_RESUMED) {
        remember(k, place->participant);
    }
    return status;
}

// ----- following --------------------------------------------------------------------------------

static choir_status file_write(const ch_kept *k, int64_t subject, const choir_saved *now,
                               choir_error *err) {
    uint8_t head[HEAD_BYTES];
    head_write(head, k, subject);
    const choir_bytes parts[] = {{.data = head, .size = sizeof(head)},
                                 {.data = now->head, .size = now->head_size},
                                 now->report};
    return ch_disk_replace_private(k->path, parts, 3, err);
}

static choir_status file_remove(const ch_kept *k, choir_error *err) {
    if (unlink(k->path) != 0 && access(k->path, F_OK) == 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot be removed", k->path);
    }
    return CHOIR_OK;
}

void ch_kept_follow(ch_kept *k, int64_t subject, const choir_participant *p) {
    if (!k->is_read || k->path[0] == '\0' || p == NULL) {
        return;
    }
    choir_saved now;
    choir_participant_save(p, &now);
    if (k->is_known && now.head_size == k->last.head_size &&
        memcmp(now.head, k->last.head, now.head_size) == 0) {
        return;
    }
    choir_error why = {.message = ""};
    const choir_status status =
        now.head_size > 0 ? file_write(k, subject, &now, &why) : file_remove(k, &why);
    if (status == CHOIR_OK) {
        k->last = now;
        k->last.report = (choir_bytes){.size = 0}; // it is not ours
    } else if (!k->has_failed) {
        ch_log_text(&k->env, CHOIR_LEVEL_WARN, "task_not_kept", "error", why.message);
    }
    k->is_known = status == CHOIR_OK;
    k->has_failed = !k->is_known;
}
