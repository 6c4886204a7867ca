/* Identity: see identity.h. */
#include "client/identity.h"

#include "base/disk.h"
#include "base/error.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 4096, IDENTITY_PATH_MAX = 544 };

static choir_status path_of(const ch_identity *identity, char path[IDENTITY_PATH_MAX],
                            choir_error *err) {
    const int size = snprintf(path, IDENTITY_PATH_MAX, "%s/identity.json", identity->dir);
    if ((size_t)size >= IDENTITY_PATH_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "state_dir: '%s' is too long", identity->dir);
    }
    return CHOIR_OK;
}

static choir_status parse(ch_identity *out, const ch_disk_file *file, const char *path,
                          choir_error *err) {
    json_t *root = json_loadb((const char *)file->data, file->size, 0, NULL);
    const char *url = json_string_value(json_object_get(root, "url"));
    const char *key = json_string_value(json_object_get(root, "key"));
    const json_int_t subject = json_integer_value(json_object_get(root, "subject"));
    size_t size = 0;
    const bool is_read = url != NULL && key != NULL && subject >= 0 &&
                         ch_base64_read(out->key.secret_key, CH_SECRET_KEY_BYTES, &size, key,
                                        strlen(key)) == CHOIR_OK &&
                         size == CH_SECRET_KEY_BYTES;
    if (is_read) {
        // Of Ed25519 the second half of the secret key is the public one.
        memcpy(out->key.public_key, out->key.secret_key + CH_SECRET_KEY_BYTES - CH_PUBLIC_KEY_BYTES,
               CH_PUBLIC_KEY_BYTES);
        out->subject = strcmp(url, out->url) == 0 ? subject : 0;
    }
    json_decref(root);
    return is_read ? CHOIR_OK
                   : ch_error_set(err, CHOIR_EPROTO,
                                  "%s: is no identity; remove it to be another device", path);
}

choir_status ch_identity_open(ch_identity *out, const char *dir, const char *url,
                              const choir_env *env, choir_error *err) {
    *out = (ch_identity){0};
    (void)snprintf(out->dir, sizeof(out->dir), "%s", dir);
    (void)snprintf(out->url, sizeof(out->url), "%s", url);
    if (dir[0] == '\0') {
        ch_key_pair_make(&out->key);
        return CHOIR_OK;
    }
    char path[IDENTITY_PATH_MAX];
    choir_status status = path_of(out, path, err);
    if (status == CHOIR_OK) {
        status = ch_disk_folders(dir, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    if (access(path, F_OK) != 0) {
        ch_key_pair_make(&out->key);
        return ch_identity_save(out, err);
    }
    ch_disk_file file = {0};
    status = ch_disk_read(&file, path, FILE_MAX, env, err);
    if (status == CHOIR_OK) {
        status = parse(out, &file, path, err);
        ch_wipe(file.data, file.size);
    }
    ch_disk_release(&file);
    return status;
}

choir_status ch_identity_save(const ch_identity *identity, choir_error *err) {
    if (identity->dir[0] == '\0') {
        return CHOIR_OK;
    }
    char path[IDENTITY_PATH_MAX];
    choir_status status = path_of(identity, path, err);
    if (status != CHOIR_OK) {
        return status;
    }
    char text[1024];
    char key[CH_BASE64_MAX(CH_SECRET_KEY_BYTES)];
    ch_base64(key, (choir_bytes){.data = identity->key.secret_key, .size = CH_SECRET_KEY_BYTES});
    const int size = snprintf(text, sizeof(text),
                              "{\"url\": \"%s\",\n \"key\": \"%s\",\n \"subject\": %" PRId64 "}\n",
                              identity->url, key, identity->subject);
    const choir_bytes bytes = {.data = (const uint8_t *)text, .size = (size_t)size};
    status = ch_disk_replace_private(path, &bytes, 1, err);
    ch_wipe(text, sizeof(text));
    ch_wipe(key, sizeof(key));
    return status;
}
