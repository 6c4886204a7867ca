/* Provider: see provider.h. */
#include "net/provider.h"

#include "base/disk.h"
#include "base/env.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static ch_provider_stamp stamp_take(const char *path) {
    struct stat now;
    if (stat(path, &now) != 0) {
        return (ch_provider_stamp){.is_there = false};
    }
    return (ch_provider_stamp){.inode = (uint64_t)now.st_ino,
                               .bytes = (uint64_t)now.st_size,
                               .changed = now.st_mtim,
                               .is_there = true};
}

static bool is_same(const ch_provider_stamp *a, const ch_provider_stamp *b) {
    return a->inode == b->inode && a->bytes == b->bytes && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec && a->is_there == b->is_there;
}

static choir_status keys_read(ch_jwks *out, const ch_provider *p, choir_error *err) {
    ch_disk_file file = {0};
    choir_status status = ch_disk_read(&file, p->path, CH_JWKS_BYTES_MAX, &p->env, err);
    if (status == CHOIR_OK) {
        const choir_bytes text = {.data = file.data, .size = file.size};
        status = ch_jwks_parse(out, text, p->path, err);
    }
    ch_disk_release(&file);
    return status;
}

static bool take(char out[CH_PROVIDER_TEXT_MAX], const char *text) {
    return (size_t)snprintf(out, CH_PROVIDER_TEXT_MAX, "%s", text) < CH_PROVIDER_TEXT_MAX;
}

choir_status ch_provider_open(ch_provider *out, const char *path, const char *issuer,
                              const char *audience, const choir_env *env, choir_error *err) {
    *out = (ch_provider){.env = *env};
    if (!take(out->path, path) || !take(out->issuer, issuer) || !take(out->audience, audience)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "jwks: its path, issuer and audience must have less than %d bytes each",
                            CH_PROVIDER_TEXT_MAX);
    }
    out->stamp = stamp_take(path); // before it is read: what comes in between is seen later
    return keys_read(&out->keys, out, err);
}

void ch_provider_release(ch_provider *p) {
    ch_jwks_release(&p->keys);
}

static void keys_renew(ch_provider *p) {
    const ch_provider_stamp now = stamp_take(p->path);
    ch_jwks keys;
    choir_error err = {.message = ""};
    if (is_same(&now, &p->stamp)) {
        return;
    }
    p->stamp = now;
    if (keys_read(&keys, p, &err) != CHOIR_OK) {
        ch_log_text(&p->env, CHOIR_LEVEL_ERROR, "provider_refused", "why", err.message);
        return;
    }
    ch_jwks_release(&p->keys);
    p->keys = keys;
    ch_log(&p->env, CHOIR_LEVEL_INFO, "provider_changed", "keys=%u", keys.count);
}

choir_status ch_provider_read(ch_provider *p, ch_jwt *out, const char *token, uint64_t now_s,
                              choir_error *err) {
    const ch_jwt_rules rules = {.issuer = p->issuer, .audience = p->audience};
    keys_renew(p);
    return ch_jwt_read(out, token, &p->keys, &rules, now_s, err);
}
