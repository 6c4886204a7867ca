/* Checkpoint: see checkpoint.h. */
#include "store/checkpoint.h"

#include "base/bytes.h"
#include "base/disk.h"
#include "base/env.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "choir/job.h"
#include "store/run_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    VERSION = 1,
    HEAD_BYTES = 32,
    HASH_BYTES = 32,
    NAME_BYTES_MAX = 32,
};

static const uint64_t MAGIC = UINT64_C(0x706b6372696f6863); // "choirckp"
static const uint64_t FILE_BYTES_MAX = UINT64_C(1) << 34;

static const char PREFIX[] = "checkpoint-";
static const char SUFFIX[] = ".bin";

// ----- one file ---------------------------------------------------------------------------------

/* What stands before the parts. */
typedef struct head {
    uint64_t magic;
    uint32_t version;
    uint32_t round;
    uint64_t simulation_bytes;
    uint64_t run_bytes;
} head;

static head head_read(choir_bytes bytes) {
    ch_reader r = {.data = bytes.data, .size = bytes.size};
    head h;
    h.magic = ch_get_u64(&r);
    h.version = ch_get_u32(&r);
    h.round = ch_get_u32(&r);
    h.simulation_bytes = ch_get_u64(&r);
    h.run_bytes = ch_get_u64(&r);
    return h;
}

static bool sizes_fit(const head *h, size_t size) {
    const uint64_t parts = size - HEAD_BYTES - HASH_BYTES;
    return h->simulation_bytes <= parts && h->run_bytes == parts - h->simulation_bytes;
}

choir_status ch_checkpoint_parse(ch_checkpoint *out, choir_bytes bytes, const char *name,
                                 choir_error *err) {
    *out = (ch_checkpoint){0};
    if (bytes.size < HEAD_BYTES + HASH_BYTES) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: has %zu bytes, too few for a checkpoint", name,
                            bytes.size);
    }
    const head h = head_read(bytes);
    if (h.magic != MAGIC) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: is not a checkpoint", name);
    }
    if (h.version != VERSION) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: has version %u, this choir reads %d", name,
                            h.version, VERSION);
    }
    if (!sizes_fit(&h, bytes.size)) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: has %zu bytes, not what its head says", name,
                            bytes.size);
    }
    uint8_t hash[HASH_BYTES];
    ch_sha256_of(bytes.data, bytes.size - HASH_BYTES, hash);
    if (memcmp(hash, bytes.data + bytes.size - HASH_BYTES, HASH_BYTES) != 0) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: is damaged: its SHA-256 differs", name);
    }
    const uint8_t *parts = bytes.data + HEAD_BYTES;
    out->round = h.round;
    out->simulation = (choir_bytes){.data = parts, .size = (size_t)h.simulation_bytes};
    out->run = (choir_bytes){.data = parts + h.simulation_bytes, .size = (size_t)h.run_bytes};
    return CHOIR_OK;
}

static choir_status checkpoint_read(ch_checkpoint *out, const char *path, uint32_t round,
                                    const choir_env *env, choir_error *err) {
    ch_disk_file file;
    choir_status status = ch_disk_read(&file, path, FILE_BYTES_MAX, env, err);
    if (status == CHOIR_OK) {
        const choir_bytes bytes = {.data = file.data, .size = file.size};
        status = ch_checkpoint_parse(out, bytes, path, err);
    }
    if (status == CHOIR_OK && out->round != round) {
        status = ch_error_set(err, CHOIR_EPROTO, "%s: is of round %u", path, out->round);
    }
    if (status != CHOIR_OK) {
        *out = (ch_checkpoint){0};
        ch_disk_release(&file);
        return status;
    }
    out->block = file.data; // moved
    out->env = *env;
    return CHOIR_OK;
}

void ch_checkpoint_release(ch_checkpoint *c) {
    if (c->block != NULL) {
        c->env.free(c->env.self, c->block);
    }
    *c = (ch_checkpoint){0};
}

// ----- a folder of them -------------------------------------------------------------------------

/* The round in "checkpoint-<round>.bin"; 0 when name is not of that form. */
static uint32_t round_of(const char *name) {
    const size_t size = strlen(name);
    const size_t frame = strlen(PREFIX) + strlen(SUFFIX);
    if (size <= frame || size >= NAME_BYTES_MAX || strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
        strcmp(name + size - strlen(SUFFIX), SUFFIX) != 0) {
        return 0;
    }
    char digits[NAME_BYTES_MAX];
    memcpy(digits, name + strlen(PREFIX), size - frame);
    digits[size - frame] = '\0';
    uint64_t round = 0;
    return ch_text_read_u64(&round, digits) && round <= UINT32_MAX ? (uint32_t)round : 0;
}

static choir_status path_of(char out[CHOIR_PATH_MAX], const char *dir, uint32_t round,
                            choir_error *err) {
    char name[NAME_BYTES_MAX];
    (void)snprintf(name, sizeof(name), "%s%u%s", PREFIX, round, SUFFIX);
    return ch_run_dir_file(out, dir, name, err);
}

/* The newest round below `below` that dir has a checkpoint of; 0 when there is none. */
static choir_status newest_below(uint32_t *out, const char *dir, uint64_t below, choir_error *err) {
    *out = 0;
    DIR *folder = opendir(dir);
    if (folder == NULL) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot open: %s", dir, strerror(errno));
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const uint32_t round = round_of(entry->d_name);
        *out = round < below && round > *out ? round : *out;
    }
    (void)closedir(folder);
    return CHOIR_OK;
}

choir_status ch_checkpoint_find(ch_checkpoint *out, const char *dir, const choir_env *env,
                                choir_error *err) {
    *out = (ch_checkpoint){0};
    choir_error first = {.message = ""}; // why the newest cannot be read
    uint32_t others = 0;
    uint32_t round = 0;
    choir_status status = newest_below(&round, dir, UINT64_MAX, err);
    while (status == CHOIR_OK && round > 0) {
        char path[CHOIR_PATH_MAX];
        choir_error why = {.message = ""};
        status = path_of(path, dir, round, err);
        if (status == CHOIR_OK) {
            status = checkpoint_read(out, path, round, env, &why);
        }
        if (status != CHOIR_EPROTO && status != CHOIR_EIO) {
            return status == CHOIR_ENOMEM ? ch_error_set(err, status, "%s", why.message) : status;
        }
        char quoted[2 * sizeof(why.message)];
        (void)ch_text_quote(quoted, sizeof(quoted), why.message);
        ch_log(env, CHOIR_LEVEL_WARN, "checkpoint_damaged", "why=%s", quoted);
        others += first.message[0] != '\0' ? 1 : 0;
        first = first.message[0] != '\0' ? first : why;
        status = newest_below(&round, dir, round, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    if (first.message[0] == '\0') {
        return ch_error_set(err, CHOIR_EAGAIN, "%s: has no checkpoint to go on from", dir);
    }
    char more[64] = "";
    if (others > 0) {
        (void)snprintf(more, sizeof(more), ", nor can %u older", others);
    }
    return ch_error_set(err, CHOIR_EPROTO,
                        "%s%s; the run cannot go on without one, and its folder is left as it is",
                        first.message, more);
}

static choir_status round_remove(const char *dir, uint32_t round, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    const choir_status status = path_of(path, dir, round, err);
    if (status == CHOIR_OK && unlink(path) != 0 && errno != ENOENT) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot remove: %s", path, strerror(errno));
    }
    return status;
}

/* Whether path looks like a checkpoint of this form and round: only such a one may be removed. */
static bool is_ours(const char *dir, uint32_t round) {
    char path[CHOIR_PATH_MAX];
    uint8_t bytes[HEAD_BYTES];
    if (path_of(path, dir, round, NULL) != CHOIR_OK) {
        return false;
    }
    FILE *file = fopen(path, "rb");
    const bool is_whole = file != NULL && fread(bytes, 1, sizeof(bytes), file) == sizeof(bytes);
    if (file != NULL) {
        (void)fclose(file);
    }
    const head h = is_whole ? head_read((choir_bytes){.data = bytes, .size = sizeof(bytes)})
                            : (head){.magic = 0};
    return h.magic == MAGIC && h.version == VERSION && h.round == round;
}

/* Removes what is later than round, and all but the newest that are to be kept. What cannot be read
 * is another's, or evidence: it stays. */
static choir_status prune(const char *dir, uint32_t round, choir_error *err) {
    uint64_t below = UINT64_MAX;
    uint32_t kept = 0;
    for (;;) {
        uint32_t next = 0;
        choir_status status = newest_below(&next, dir, below, err);
        if (status != CHOIR_OK || next == 0) {
            return status;
        }
        below = next;
        if (!is_ours(dir, next)) {
            continue;
        }
        kept += next <= round ? 1 : 0;
        if (next > round || kept > CH_CHECKPOINTS_KEPT) {
            status = round_remove(dir, next, err);
        }
        if (status != CHOIR_OK) {
            return status;
        }
    }
}

choir_status ch_checkpoint_write(const char *dir, uint32_t round, choir_bytes simulation,
                                 choir_bytes run, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    choir_status status = path_of(path, dir, round, err);
    if (status != CHOIR_OK) {
        return status;
    }
    uint8_t front[HEAD_BYTES];
    ch_writer w = {.data = front, .capacity = sizeof(front)};
    ch_put_u64(&w, MAGIC);
    ch_put_u32(&w, VERSION);
    ch_put_u32(&w, round);
    ch_put_u64(&w, simulation.size);
    ch_put_u64(&w, run.size);
    choir_bytes parts[] = {{front, sizeof(front)}, simulation, run, {NULL, 0}};
    ch_sha256 sum;
    ch_sha256_init(&sum);
    for (int i = 0; i < 3; i++) {
        ch_sha256_add(&sum, parts[i].data, parts[i].size);
    }
    uint8_t hash[HASH_BYTES];
    ch_sha256_finish(&sum, hash);
    parts[3] = (choir_bytes){.data = hash, .size = sizeof(hash)};
    status = ch_disk_replace(path, parts, 4, err);
    return status == CHOIR_OK ? prune(dir, round, err) : status;
}
