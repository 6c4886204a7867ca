/* Operator: see operator.h. */
#include "net/operator.h"

#include "base/arena.h"
#include "base/disk.h"
#include "base/error.h"
#include "crypto/entropy.h"
#include "net/http_json.h"
#include "net/secret_file.h"

#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 16384, KEY_MAX = 256, PATH_MAX_BYTES = 1024 };

struct ch_operator {
    choir_env env;
    char url[256];
    char pin[256]; // "": none
    char key[KEY_MAX];
    ch_http_client *http;
};

/* Copies a text that fits; false when it is not there. */
static bool take(const json_t *root, const char *name, char *out, size_t size) {
    const char *text = json_string_value(json_object_get(root, name));
    if (text == NULL || text[0] == '\0' || strlen(text) >= size) {
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* NULL when it is not there. Borrowed from root. */
static const char *optional(const json_t *root, const char *name) {
    return json_string_value(json_object_get(root, name));
}

static choir_status connect_as(ch_operator *o, const json_t *root, const char *path,
                               choir_error *err) {
    if (!take(root, "url", o->url, sizeof(o->url)) || !take(root, "key", o->key, sizeof(o->key))) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: is no administrator's file; it must be JSON with url and key, as "
                            "choir serve writes it",
                            path);
    }
    if (json_object_get(root, "pin") != NULL && !take(root, "pin", o->pin, sizeof(o->pin))) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: its pin must be a text of less than %zu bytes",
                            path, sizeof(o->pin));
    }
    ch_http_client_options http = ch_http_client_defaults();
    http.url = o->url;
    http.ca_file = optional(root, "ca");
    http.pin = http.ca_file == NULL && o->pin[0] != '\0' ? o->pin : NULL;
    http.certificate_file = optional(root, "certificate");
    http.key_file = optional(root, "certificate_key");
    return ch_http_client_create(&o->http, &http, &o->env, err);
}

static choir_status file_open(ch_operator *o, const char *path, choir_error *err) {
    ch_disk_file file = {0};
    choir_status status = ch_disk_read(&file, path, FILE_MAX, &o->env, err);
    if (status == CHOIR_OK) {
        json_t *root = json_loadb((const char *)file.data, file.size, 0, NULL);
        status = connect_as(o, root, path, err);
        json_decref(root);
        ch_wipe(file.data, file.size);
    }
    ch_disk_release(&file);
    return status;
}

choir_status ch_operator_open(ch_operator **out, const char *path, const choir_env *env,
                              choir_error *err) {
    *out = NULL;
    ch_operator *o = env->alloc(env->self, ch_arena_cost(1, sizeof(*o)));
    if (o == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory to ask a server");
    }
    *o = (ch_operator){.env = *env};
    const choir_status status = file_open(o, path, err);
    if (status != CHOIR_OK) {
        ch_operator_close(o);
        return status;
    }
    *out = o;
    return CHOIR_OK;
}

void ch_operator_close(ch_operator *o) {
    if (o != NULL) {
        const choir_env env = o->env;
        ch_http_client_destroy(o->http);
        ch_wipe(o, sizeof(*o));
        env.free(env.self, o);
    }
}

const char *ch_operator_url(const ch_operator *o) {
    return o->url;
}

choir_status ch_operator_ask(ch_operator *o, const char *method, const char *path, json_t *body,
                             const char *what, json_t **out, choir_error *err) {
    char whole[PATH_MAX_BYTES];
    (void)snprintf(whole, sizeof(whole), "/v1/admin%s", path);
    const ch_http_call call = {.method = method, .path = whole, .bearer = o->key};
    return ch_http_ask(o->http, &call, body, what, out, NULL, err);
}

choir_status ch_operator_file_write(const ch_operator *o, const char *path, const char *key,
                                    choir_error *err) {
    json_t *root = json_pack("{s:s, s:s*, s:s}", "url", o->url, "pin",
                             o->pin[0] == '\0' ? NULL : o->pin, "key", key);
    return ch_secret_file_write(path, root, err);
}

choir_status ch_operator_get(ch_operator *o, const char *path, const char *what, choir_bytes *out,
                             choir_error *err) {
    const ch_http_call call = {.method = "GET", .path = path, .bearer = o->key};
    ch_http_reply reply = {0};
    const choir_status status = ch_http_client_send(o->http, &call, &reply, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (reply.code != 200) {
        return ch_http_said(&reply, what, err);
    }
    *out = reply.body;
    return CHOIR_OK;
}
