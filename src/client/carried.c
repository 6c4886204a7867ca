/* Carried: see carried.h. */
#include "client/carried.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/disk.h"
#include "base/env.h"
#include "base/error.h"
#include "client/file_name.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    MAGIC = 0x31534843, // "CHS1" as little-endian bytes
    CHECKED = 12,       // where what is checked begins
    ROUND_AT = CHECKED + CH_PUBLIC_KEY_BYTES + 8 + 4 + CHOIR_JOB_TEXT_MAX,
    HEAD_BYTES = ROUND_AT + 4,
    BYTES_MAX = 1 << 30, // of a state
};

static const char NEXT[] = ".next";

choir_status ch_carried_init(ch_carried *out, const char *dir, const char *job,
                             const uint8_t server[CH_PUBLIC_KEY_BYTES], const choir_env *env,
                             choir_error *err) {
    *out = (ch_carried){.env = *env};
    memcpy(out->server, server, sizeof(out->server));
    return ch_file_name(out->path, sizeof(out->path) - sizeof(NEXT), dir, "state", job, err);
}

static void state_release(const ch_carried *k, ch_carried_state *s) {
    if (s->data != NULL) {
        k->env.free(k->env.self, s->data);
    }
    *s = (ch_carried_state){.data = NULL};
}

size_t ch_carried_bytes(uint32_t bytes_max) {
    const size_t bytes = ch_arena_cost(HEAD_BYTES + (size_t)bytes_max, 1);
    return bytes_max == 0 ? 0 : 3 * bytes + ch_arena_cost(1, 1); // a file has a zero behind
}

void ch_carried_release(ch_carried *k) {
    state_release(k, &k->counted);
    state_release(k, &k->next);
    k->capacity = 0;
}

// ----- one state --------------------------------------------------------------------------------

/* What stands in front of a state, its round and its check apart. */
static void head_write(const ch_carried *k, const ch_carried_owner *owner, uint8_t *out) {
    char job[CHOIR_JOB_TEXT_MAX] = "";
    ch_writer w = {.data = out, .capacity = HEAD_BYTES};
    (void)snprintf(job, sizeof(job), "%s", owner->job);
    ch_put_u32(&w, MAGIC);
    ch_put_u64(&w, 0);
    ch_put_bytes(&w, k->server, sizeof(k->server));
    ch_put_u64(&w, (uint64_t)owner->subject);
    ch_put_u32(&w, owner->client);
    ch_put_bytes(&w, job, sizeof(job));
    ch_put_u32(&w, 0);
    CH_ASSERT(w.size == HEAD_BYTES);
}

static void state_seal(ch_carried_state *s, uint32_t round) {
    ch_writer w = {.data = s->data, .capacity = HEAD_BYTES, .size = ROUND_AT};
    ch_put_u32(&w, round);
    w.size = 4;
    ch_put_u64(&w, ch_checksum_of(MAGIC, s->data + CHECKED, HEAD_BYTES - CHECKED + s->size));
}

static uint32_t round_of(const uint8_t *data) {
    ch_reader r = {.data = data, .size = HEAD_BYTES, .at = ROUND_AT};
    return ch_get_u32(&r);
}

static bool is_intact(choir_bytes file) {
    ch_reader r = {.data = file.data, .size = file.size};
    return ch_get_u32(&r) == MAGIC &&
           ch_get_u64(&r) == ch_checksum_of(MAGIC, file.data + CHECKED, file.size - CHECKED);
}

static bool is_of(const ch_carried *k, const ch_carried_owner *owner, const uint8_t *data) {
    uint8_t own[HEAD_BYTES];
    head_write(k, owner, own);
    return memcmp(data + CHECKED, own + CHECKED, ROUND_AT - CHECKED) == 0;
}

static void path_next(const ch_carried *k, char out[CH_CARRIED_PATH_MAX]) {
    (void)snprintf(out, CH_CARRIED_PATH_MAX, "%s%s", k->path, NEXT);
}

/* Reads a file into s, or finds that it has none that is the owner's and fits. */
static choir_status state_read(ch_carried *k, const ch_carried_owner *owner, const char *path,
                               ch_carried_state *s, choir_error *err) {
    s->size = 0;
    s->is_known = true;
    head_write(k, owner, s->data);
    if (k->path[0] == '\0' || access(path, F_OK) != 0) {
        return CHOIR_OK;
    }
    ch_disk_file file = {0};
    choir_error why = {.message = "damaged, or another's"};
    const choir_status status =
        ch_disk_read(&file, path, HEAD_BYTES + (size_t)k->capacity, &k->env, &why);
    const choir_bytes bytes = {.data = file.data, .size = file.size};
    if (status == CHOIR_OK && bytes.size >= HEAD_BYTES && is_intact(bytes) &&
        is_of(k, owner, bytes.data)) {
        memcpy(s->data, bytes.data, bytes.size);
        s->size = (uint32_t)(bytes.size - HEAD_BYTES);
    } else if (status != CHOIR_ENOMEM) {
        ch_log_text(&k->env, CHOIR_LEVEL_WARN, "state_not_used", "error", why.message);
    }
    ch_disk_release(&file);
    s->is_known = status != CHOIR_ENOMEM;
    return status == CHOIR_ENOMEM ? ch_error_set(err, status, "no memory for what was kept")
                                  : CHOIR_OK;
}

// ----- around a training ------------------------------------------------------------------------

static choir_status room_have(ch_carried *k, uint32_t bytes_max, choir_error *err) {
    if (bytes_max > BYTES_MAX) {
        return ch_error_set(err, CHOIR_ENOMEM, "a state of %u bytes is to be kept, at most %d are",
                            bytes_max, BYTES_MAX);
    }
    if (bytes_max == k->capacity) {
        return CHOIR_OK;
    }
    ch_carried_release(k); // another trainer: its states are read anew
    const size_t bytes = ch_arena_cost(HEAD_BYTES + (size_t)bytes_max, 1);
    k->counted.data = k->env.alloc(k->env.self, bytes);
    k->next.data = k->env.alloc(k->env.self, bytes);
    if (k->counted.data == NULL || k->next.data == NULL) {
        ch_carried_release(k);
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a state of %u bytes", bytes_max);
    }
    k->capacity = bytes_max;
    return CHOIR_OK;
}

choir_status ch_carried_begin(ch_carried *k, const ch_carried_owner *owner, uint32_t bytes_max,
                              choir_lent *lent, choir_error *err) {
    if (bytes_max == 0) {
        return CHOIR_OK;
    }
    choir_status status = room_have(k, bytes_max, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (!k->counted.is_known || !is_of(k, owner, k->counted.data)) {
        status = state_read(k, owner, k->path, &k->counted, err);
    }
    const bool has_state = k->counted.size > 0;
    lent->state = (choir_bytes){.data = has_state ? k->counted.data + HEAD_BYTES : NULL,
                                .size = k->counted.size};
    lent->state_next = k->next.data + HEAD_BYTES;
    return status;
}

void ch_carried_end(ch_carried *k, const ch_carried_owner *owner, uint32_t round,
                    const choir_lent *lent) {
    if (lent->state_next == NULL) {
        return;
    }
    CH_ASSERT(lent->state_next_size <= k->capacity);
    k->next.size = lent->state_next_size;
    k->next.is_known = true;
    head_write(k, owner, k->next.data);
    state_seal(&k->next, round);
    if (k->path[0] == '\0') {
        return;
    }
    char path[CH_CARRIED_PATH_MAX];
    choir_error why = {.message = ""};
    path_next(k, path);
    const choir_bytes bytes = {.data = k->next.data, .size = HEAD_BYTES + (size_t)k->next.size};
    if (ch_disk_replace_private(path, &bytes, 1, &why) != CHOIR_OK) {
        ch_log_text(&k->env, CHOIR_LEVEL_WARN, "state_not_kept", "error", why.message);
    }
}

// ----- after an answer --------------------------------------------------------------------------

/* Whether the file of the next state is of that round: an earlier process may have left it. */
static bool file_is_of(const ch_carried *k, const ch_carried_owner *owner, const char *path,
                       uint32_t round) {
    ch_disk_file file = {0};
    const bool is_read =
        access(path, F_OK) == 0 &&
        ch_disk_read(&file, path, HEAD_BYTES + (size_t)BYTES_MAX, &k->env, NULL) == CHOIR_OK;
    const choir_bytes bytes = {.data = file.data, .size = file.size};
    const bool is_its = is_read && bytes.size >= HEAD_BYTES && is_intact(bytes) &&
                        is_of(k, owner, bytes.data) && round_of(bytes.data) == round;
    ch_disk_release(&file);
    return is_its;
}

/* Returns whether the file of the next state has taken the place of the other. */
static bool file_settle(ch_carried *k, const ch_carried_owner *owner, uint32_t round,
                        bool is_counted) {
    char path[CH_CARRIED_PATH_MAX];
    path_next(k, path);
    if (k->path[0] == '\0' || !file_is_of(k, owner, path, round)) {
        return false;
    }
    if ((is_counted ? rename(path, k->path) : unlink(path)) != 0) {
        choir_error why;
        (void)ch_error_set(&why, CHOIR_EIO, "%s: cannot be %s", path,
                           is_counted ? "renamed" : "removed");
        ch_log_text(&k->env, CHOIR_LEVEL_WARN, "state_not_kept", "error", why.message);
        return false;
    }
    return is_counted;
}

void ch_carried_settle(ch_carried *k, const ch_carried_owner *owner, uint32_t round,
                       bool is_counted) {
    const bool is_replaced = file_settle(k, owner, round, is_counted);
    ch_carried_state *next = &k->next;
    if (!next->is_known || !is_of(k, owner, next->data) || round_of(next->data) != round) {
        k->counted.is_known = k->counted.is_known && !is_replaced; // it is read when it is wanted
        return;
    }
    if (is_counted) {
        const ch_carried_state before = k->counted;
        k->counted = *next;
        *next = before;
    }
    next->is_known = false;
}
