/* Identity: see identity.h. */
#include "client/identity.h"

#include "base/disk.h"
#include "base/error.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char NAME[] = "identity.json";

enum {
    FILE_MAX = 1 << 15,
    IDENTITY_PATH_MAX = sizeof(((ch_identity *)0)->dir) + 32, // of dir and what is in it
    KEY_TEXT = CH_BASE64_MAX(CH_SECRET_KEY_BYTES),
    LOCK_MODE = 0600,
    LOCK_PAUSE_NS = 10 * 1000 * 1000,
    LOCK_TRIES = 1000, // about ten seconds: who has it only replaces a small file
};

static void path_of(const ch_identity *identity, const char *name, char path[IDENTITY_PATH_MAX]) {
    (void)snprintf(path, IDENTITY_PATH_MAX, "%s/%s", identity->dir, name);
}

/* Waits until no other process is between reading the file and replacing it: what one of them
 * added would be lost. *out is to be closed. */
static choir_status lock_take(int *out, const ch_identity *identity, choir_error *err) {
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    char path[IDENTITY_PATH_MAX];
    path_of(identity, "identity.lock", path);
    *out = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
    if (*out < 0) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot open for writing: %s", path,
                            strerror(errno));
    }
    choir_status status = ch_disk_lock(*out, path, NULL);
    for (int i = 0; i < LOCK_TRIES && status == CHOIR_EAGAIN; i++) {
        (void)nanosleep(&pause, NULL);
        status = ch_disk_lock(*out, path, NULL);
    }
    if (status != CHOIR_OK) {
        status = ch_disk_lock(*out, path, err); // once more, for what is in the way
    }
    if (status != CHOIR_OK) {
        (void)close(*out);
    }
    return status == CHOIR_EAGAIN ? CHOIR_EIO : status;
}

// ----- the file ---------------------------------------------------------------------------------

static const char *text_of(const json_t *entry, const char *key) {
    const char *text = json_string_value(json_object_get(entry, key));
    return text == NULL ? "" : text;
}

/* The key and the number that an entry has. */
static bool entry_take(ch_identity *out, const json_t *entry) {
    const char *key = text_of(entry, "key");
    const json_int_t subject = json_integer_value(json_object_get(entry, "subject"));
    size_t size = 0;
    if (text_of(entry, "url")[0] == '\0' || subject < 0 ||
        ch_base64_read(out->key.secret_key, CH_SECRET_KEY_BYTES, &size, key, strlen(key)) !=
            CHOIR_OK ||
        size != CH_SECRET_KEY_BYTES) {
        return false;
    }
    // Of Ed25519 the second half of the secret key is the public one.
    memcpy(out->key.public_key, out->key.secret_key + CH_SECRET_KEY_BYTES - CH_PUBLIC_KEY_BYTES,
           CH_PUBLIC_KEY_BYTES);
    out->subject = subject;
    return true;
}

/* The file's entries, a list, that of the server that was used last first; NULL: it is none. */
static json_t *entries_parse(const ch_disk_file *file) {
    json_t *root = json_loadb((const char *)file->data, file->size, 0, NULL);
    json_t *list = json_array();
    bool is_right = json_array_append(list, root) == 0;
    const json_t *others = json_object_get(root, "others");
    for (size_t i = 0; i < json_array_size(others) && is_right; i++) {
        is_right = json_array_append(list, json_array_get(others, i)) == 0;
    }
    (void)json_object_del(root, "others");
    json_decref(root);
    ch_identity entry = {.subject = 0};
    for (size_t i = 0; i < json_array_size(list) && is_right; i++) {
        is_right = entry_take(&entry, json_array_get(list, i));
    }
    ch_wipe(&entry, sizeof(entry));
    if (!is_right) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* Without a file there are none. */
static choir_status entries_read(json_t **out, const char *path, const choir_env *env,
                                 choir_error *err) {
    *out = NULL;
    if (access(path, F_OK) != 0) {
        *out = json_array();
        return *out != NULL ? CHOIR_OK : ch_error_set(err, CHOIR_ENOMEM, "no memory for %s", path);
    }
    ch_disk_file file = {0};
    const choir_status status = ch_disk_read(&file, path, FILE_MAX, env, err);
    if (status == CHOIR_OK) {
        *out = entries_parse(&file);
        ch_wipe(file.data, file.size);
    }
    ch_disk_release(&file);
    return status != CHOIR_OK || *out != NULL
               ? status
               : ch_error_set(err, CHOIR_EPROTO,
                              "%s: is no identity; remove it to be another device", path);
}

static choir_status entries_write(const json_t *root, const char *path, choir_error *err) {
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    if (text == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for %s", path);
    }
    const choir_bytes bytes = {.data = (const uint8_t *)text, .size = strlen(text)};
    const choir_status status = ch_disk_replace_private(path, &bytes, 1, err);
    ch_wipe(text, bytes.size);
    free(text);
    return status;
}

// ----- whose it is ------------------------------------------------------------------------------

/* The entry for a server; NULL: there is none. */
static const json_t *entry_find(const json_t *entries, const ch_identity *server) {
    const json_t *same_pin = NULL;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        if (strcmp(text_of(entry, "url"), server->url) == 0) {
            return entry;
        }
        if (same_pin == NULL && server->pin[0] != '\0' &&
            strcmp(text_of(entry, "pin"), server->pin) == 0) {
            same_pin = entry;
        }
    }
    return same_pin;
}

/* The entries of other keys, as many as are kept; NULL without memory. */
static json_t *others_of(const json_t *entries, const char *key) {
    json_t *list = json_array();
    bool has_memory = list != NULL;
    for (size_t i = 0; i < json_array_size(entries) && has_memory; i++) {
        json_t *entry = json_array_get(entries, i);
        if (strcmp(text_of(entry, "key"), key) != 0 &&
            json_array_size(list) + 1 < CH_IDENTITY_SERVERS_MAX) {
            has_memory = json_array_append(list, entry) == 0;
        }
    }
    if (!has_memory) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* Puts it in front of the entries that there are, which are of the file; under the lock. */
static choir_status entry_write(ch_identity *identity, const json_t *entries, const char *path,
                                choir_error *err) {
    char key[KEY_TEXT];
    ch_base64(key, (choir_bytes){.data = identity->key.secret_key, .size = CH_SECRET_KEY_BYTES});
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:I, s:o}", "url", identity->url, "pin", identity->pin, "key",
                  key, "subject", (json_int_t)identity->subject, "others", others_of(entries, key));
    const choir_status status = root == NULL
                                    ? ch_error_set(err, CHOIR_ENOMEM, "no memory for %s", path)
                                    : entries_write(root, path, err);
    identity->is_unkept = identity->is_unkept && status != CHOIR_OK;
    ch_wipe(key, sizeof(key));
    json_decref(root);
    return status;
}

/* Takes the entry of its server, or makes one; under the lock. */
static choir_status entry_have(ch_identity *out, choir_error *err) {
    char path[IDENTITY_PATH_MAX];
    json_t *entries = NULL;
    path_of(out, NAME, path);
    choir_status status = entries_read(&entries, path, &out->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const json_t *entry = entry_find(entries, out);
    if (entry != NULL && entry_take(out, entry)) {
        out->is_unkept = strcmp(text_of(entry, "url"), out->url) != 0 ||
                         strcmp(text_of(entry, "pin"), out->pin) != 0;
    } else {
        ch_key_pair_make(&out->key);
        status = entry_write(out, entries, path, err);
    }
    json_decref(entries);
    return status;
}

choir_status ch_identity_open(ch_identity *out, const char *dir, const char *url, const char *pin,
                              const choir_env *env, choir_error *err) {
    *out = (ch_identity){.env = *env};
    if (dir == NULL || strlen(dir) >= sizeof(out->dir)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "client: state_dir must be a text of less than %zu bytes",
                            sizeof(out->dir));
    }
    (void)snprintf(out->dir, sizeof(out->dir), "%s", dir);
    (void)snprintf(out->url, sizeof(out->url), "%s", url);
    (void)snprintf(out->pin, sizeof(out->pin), "%s", pin);
    if (dir[0] == '\0') {
        ch_key_pair_make(&out->key);
        return CHOIR_OK;
    }
    int lock = -1;
    choir_status status = ch_disk_folders(dir, err);
    if (status == CHOIR_OK) {
        status = lock_take(&lock, out, err);
    }
    if (status == CHOIR_OK) {
        status = entry_have(out, err);
        (void)close(lock);
    }
    return status;
}

choir_status ch_identity_save(ch_identity *identity, choir_error *err) {
    if (identity->dir[0] == '\0') {
        return CHOIR_OK;
    }
    int lock = -1;
    choir_status status = lock_take(&lock, identity, err);
    if (status != CHOIR_OK) {
        return status;
    }
    char path[IDENTITY_PATH_MAX];
    json_t *entries = NULL;
    path_of(identity, NAME, path);
    status = entries_read(&entries, path, &identity->env, err);
    if (status == CHOIR_OK) {
        status = entry_write(identity, entries, path, err);
    }
    json_decref(entries);
    (void)close(lock);
    return status;
}
