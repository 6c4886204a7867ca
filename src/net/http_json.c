/* HTTP with JSON: see http_json.h. */
#include "net/http_json.h"

#include "base/error.h"
#include "base/text.h"
#include "crypto/entropy.h"

#include <stdlib.h>
#include <string.h>

static choir_status reaction(unsigned code) {
    switch (code) {
    case 404:
    case 409:
        return CHOIR_EAGAIN;
    case 400:
    case 401:
    case 403:
    case 405:
    case 413:
        return CHOIR_EINVAL;
    default:
        return code >= 500 || code == 429 ? CHOIR_EIO : CHOIR_EPROTO;
    }
}

/* Whether a sentence begins with its matter: "join: all its clients are claimed". */
static bool names(const char *sentence, const char *what) {
    const size_t size = strlen(what);
    return strncmp(sentence, what, size) == 0 && sentence[size] == ':';
}

choir_status ch_http_said(const ch_http_reply *reply, const char *what, choir_error *err) {
    json_t *root = json_loadb((const char *)reply->body.data, reply->body.size, 0, NULL);
    const char *why = json_string_value(json_object_get(root, "error"));
    const choir_status status = reaction(reply->code);
    char shown[CH_TEXT_SHOWN_MAX];
    if (why != NULL && !ch_text_is_printable(why)) { // it is for terminals and logs
        ch_text_show(shown, sizeof(shown), why);
        why = shown;
    }
    if (why != NULL) {
        (void)ch_error_set(err, status, "%s%s%s", names(why, what) ? "" : what,
                           names(why, what) ? "" : ": ", why);
    } else {
        (void)ch_error_set(err, status, "%s: the server answered with HTTP %u", what, reply->code);
    }
    json_decref(root);
    return status;
}

choir_status ch_http_took(const ch_http_reply *reply, const char *what, json_t **out,
                          choir_error *err) {
    *out = NULL;
    if (reply->code != 200 && reply->code != 201) {
        return ch_http_said(reply, what, err);
    }
    json_t *root =
        json_loadb((const char *)reply->body.data, reply->body.size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return ch_error_set(err, CHOIR_EPROTO, "%s: the server's answer is no JSON object", what);
    }
    *out = root;
    return CHOIR_OK;
}

choir_status ch_http_ask(ch_http_client *c, const char *method, const char *path,
                         const char *bearer, json_t *body, const char *what, json_t **out,
                         json_t **refusal, choir_error *err) {
    *out = NULL;
    if (refusal != NULL) {
        *refusal = NULL;
    }
    const bool is_get = strcmp(method, "GET") == 0;
    char *text = is_get ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (!is_get && text == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory to ask the server", what);
    }
    ch_http_call call = {.method = method, .path = path, .bearer = bearer};
    if (text != NULL) {
        call.type = "application/json";
        call.body = (choir_bytes){.data = (const uint8_t *)text, .size = strlen(text)};
    }
    ch_http_reply reply = {0};
    choir_status status = ch_http_client_send(c, &call, &reply, err);
    if (text != NULL) { // it may hold a secret
        ch_wipe(text, strlen(text));
        free(text);
    }
    if (status == CHOIR_OK) {
        status = ch_http_took(&reply, what, out, err);
        if (status != CHOIR_OK && refusal != NULL) {
            *refusal = json_loadb((const char *)reply.body.data, reply.body.size,
                                  JSON_REJECT_DUPLICATES, NULL);
        }
    }
    return status;
}
