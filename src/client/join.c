/* The join file: see include/choir/client.h. */
#include "choir/client.h"

#include "base/disk.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

enum { FILE_MAX = 16384 };

/* A URL is written into other files as it is, and so has no letter that needs an escape there. */
static bool is_plain(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text == 0x7f || *text == '"' || *text == '\\') {
            return false;
        }
    }
    return true;
}

static bool take(const json_t *root, const char *key, char *out, size_t size) {
    const char *text = json_string_value(json_object_get(root, key));
    if (text == NULL || text[0] == '\0' || strlen(text) >= size || !is_plain(text)) {
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* What need not be there is then "". */
static bool take_any(const json_t *root, const char *key, char *out, size_t size) {
    return json_object_get(root, key) == NULL || take(root, key, out, size);
}

choir_status choir_join_read(choir_join *out, const char *path, const choir_env *env,
                             choir_error *err) {
    ch_disk_file file = {0};
    choir_status status = ch_disk_read(&file, path, FILE_MAX, env, err);
    if (status == CHOIR_OK) {
        json_t *root = json_loadb((const char *)file.data, file.size, 0, NULL);
        choir_join read = {.url = ""};
        if (take(root, "url", read.url, sizeof(read.url)) &&
            take_any(root, "pin", read.pin, sizeof(read.pin)) &&
            take(root, "signing_key", read.signing_key, sizeof(read.signing_key)) &&
            take_any(root, "secret", read.secret, sizeof(read.secret))) {
            *out = read;
        } else {
            status = ch_error_set(err, CHOIR_EPROTO,
                                  "%s: is no join file; it must be JSON with url and signing_key, "
                                  "as choir serve writes it",
                                  path);
        }
        json_decref(root);
    }
    ch_disk_release(&file);
    return status;
}
