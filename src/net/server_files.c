/* Server: see server.h. The files that it gives to devices and to its operator. */
#include "net/secret_file.h"
#include "net/server_parts.h"

#include "base/disk.h"
#include "base/env.h"
#include "base/error.h"
#include "base/sha256.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 16384, PATH_BYTES = 1024 };

static choir_status path_of(char out[PATH_BYTES], const char *dir, const char *name,
                            choir_error *err) {
    if ((size_t)snprintf(out, PATH_BYTES, "%s/%s", dir, name) >= PATH_BYTES) {
        return ch_error_set(err, CHOIR_EINVAL, "dir: '%.60s...' is too long", dir);
    }
    return CHOIR_OK;
}

/* Where the server is and what its key is, in an object; no pin, none there. */
static void place_set(const ch_server *s, json_t *root) {
    (void)json_object_set_new(root, "url", json_string(s->url));
    (void)json_object_del(root, "pin");
    if (s->pin[0] != '\0') {
        (void)json_object_set_new(root, "pin", json_string(s->pin));
    }
}

json_t *ch_server_join(const ch_server *s) {
    char secret[CH_BASE64_MAX(CH_SHARED_KEY_BYTES)];
    char signing[CH_BASE64_MAX(CH_PUBLIC_KEY_BYTES)];
    ch_base64(secret, (choir_bytes){.data = s->secret, .size = sizeof(s->secret)});
    ch_base64(signing,
              (choir_bytes){.data = s->signing.public_key, .size = sizeof(s->signing.public_key)});
    json_t *root = json_object();
    place_set(s, root);
    (void)json_object_set_new(root, "signing_key", json_string(signing));
    if (!s->has_provider) {
        (void)json_object_set_new(root, "secret", json_string(secret));
    }
    ch_wipe(secret, sizeof(secret));
    return root;
}

choir_status ch_server_join_write(const ch_server *s, choir_error *err) {
    char path[PATH_BYTES];
    const choir_status status = path_of(path, s->dir, "join.json", err);
    return status == CHOIR_OK ? ch_secret_file_write(path, ch_server_join(s), err) : status;
}

/* Whether the key in an administrator's file is one's here. */
static bool is_admins(ch_server *s, const json_t *root) {
    const char *key = json_string_value(json_object_get(root, "key"));
    uint8_t hash[CHOIR_HASH_BYTES];
    ch_admin admin;
    if (key == NULL) {
        return false;
    }
    ch_sha256_of(key, strlen(key), hash);
    return ch_hosting_store_admin(s->store, &admin, hash, NULL) == CHOIR_OK && !admin.is_revoked;
}

/* The file of a first administrator, or the one that is there, whose key nobody else knows. */
static choir_status admin_write(ch_server *s, choir_error *err) {
    char path[PATH_BYTES];
    choir_status status = path_of(path, s->dir, "admin.json", err);
    if (status != CHOIR_OK) {
        return status;
    }
    json_t *root = NULL;
    if (s->admin_key[0] != '\0') {
        root = json_pack("{s:s}", "key", s->admin_key);
    } else if (access(path, F_OK) == 0) {
        ch_disk_file file = {0};
        status = ch_disk_read(&file, path, FILE_MAX, &s->env, err);
        if (status == CHOIR_OK) {
            root = json_loadb((const char *)file.data, file.size, 0, NULL);
            ch_wipe(file.data, file.size);
        }
        ch_disk_release(&file);
        if (status == CHOIR_OK && !is_admins(s, root)) {
            ch_log(&s->env, CHOIR_LEVEL_WARN, "admin_file_is_anothers",
                   "file=admin.json left=as_it_is");
            json_decref(root);
            return CHOIR_OK;
        }
    } else {
        return CHOIR_OK;
    }
    if (status != CHOIR_OK) {
        return status;
    }
    place_set(s, root);
    return ch_secret_file_write(path, root, err);
}

/* The public key of tokens, for a proxy that looks at them itself. */
static choir_status token_key_write(const ch_server *s, choir_error *err) {
    char path[PATH_BYTES];
    char point[CH_BASE64_MAX(CH_PUBLIC_KEY_BYTES)];
    const ch_token_key *key = &s->token_key;
    const choir_status status = path_of(path, s->dir, "token.jwks", err);
    if (status != CHOIR_OK || strcmp(key->algorithm->name, "EdDSA") != 0) {
        return status;
    }
    ch_base64(point, (choir_bytes){key->pair.public_key, sizeof(key->pair.public_key)});
    return ch_secret_file_write(path,
                                json_pack("{s:[{s:s, s:s, s:s, s:s, s:s}]}", "keys", "kty", "OKP",
                                          "crv", "Ed25519", "use", "sig", "alg", "EdDSA", "x",
                                          point),
                                err);
}

choir_status ch_server_files_write(ch_server *s, choir_error *err) {
    choir_status status = ch_server_join_write(s, err);
    if (status == CHOIR_OK) {
        status = token_key_write(s, err);
    }
    return status == CHOIR_OK ? admin_write(s, err) : status;
}
