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

json_t *ch_http_json(choir_bytes body) {
    uint32_t count = 0;
    bool is_text = false;
    for (size_t i = 0; i < body.size && count <= CH_HTTP_VALUES_MAX; i++) {
        const uint8_t letter = body.data[i];
        if (letter == '"') {
            is_text = !is_text;
        } else if (is_text) {
            i += letter == '\\' ? 1 : 0; // what it escapes does not end the text
        } else {
            count += letter == ',' || letter == '[' || letter == '{' ? 1 : 0;
        }
    }
    return count > CH_HTTP_VALUES_MAX
               ? NULL
               : json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
}

choir_status ch_http_said(const ch_http_reply *reply, const char *what, choir_error *err) {
    json_t *root = ch_http_json(reply->body);
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

static json_t *trusted(choir_bytes body) {
    return json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
}

static choir_status took(const ch_http_reply *reply, json_t *(*read)(choir_bytes body),
                         const char *what, json_t **out, choir_error *err) {
    *out = NULL;
    if (reply->code != 200 && reply->code != 201) {
        return ch_http_said(reply, what, err);
    }
    json_t *root = read(reply->body);
    if (!json_is_object(root)) {
        json_decref(root);
        return ch_error_set(err, CHOIR_EPROTO, "%s: the server's answer is no JSON object", what);
    }
    *out = root;
    return CHOIR_OK;
}

choir_status ch_http_took(const ch_http_reply *reply, const char *what, json_t **out,
                          choir_error *err) {
    return took(reply, ch_http_json, what, out, err);
}

choir_status ch_http_ask(ch_http_client *c, const ch_http_call *call, json_t *body,
                         const char *what, json_t **out, json_t **refusal, choir_error *err) {
    *out = NULL;
    if (refusal != NULL) {
        *refusal = NULL;
    }
    const bool is_get = strcmp(call->method, "GET") == 0;
    char *text = is_get ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (!is_get && text == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory to ask the server", what);
    }
    ch_http_call whole = *call;
    if (text != NULL) {
        whole.type = "application/json";
        whole.body = (choir_bytes){.data = (const uint8_t *)text, .size = strlen(text)};
    }
    ch_http_reply reply = {0};
    choir_status status = ch_http_client_send(c, &whole, &reply, err);
    if (text != NULL) { // it may hold a secret
        ch_wipe(text, strlen(text));
        free(text);
    }
    if (status == CHOIR_OK) {
        status = took(&reply, call->answer_max > 0 ? ch_http_json : trusted, what, out, err);
        if (status != CHOIR_OK && refusal != NULL) {
            *refusal = ch_http_json(reply.body);
        }
    }
    return status;
}
