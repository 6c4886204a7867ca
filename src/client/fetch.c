/* Fetch: see fetch.h. */
#include "client/fetch.h"

#include "base/error.h"
#include "choir/blob.h"
#include "net/http_json.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 160 };

void ch_fetch_reset(ch_fetch *f) {
    *f = (ch_fetch){.had = 0};
}

static choir_status ask(const ch_fetch *f, ch_http_client *http, size_t size, ch_http_reply *reply,
                        choir_error *err) {
    char hash[2 * CHOIR_HASH_BYTES + 1];
    char path[TEXT_MAX];
    char range[TEXT_MAX];
    char same[TEXT_MAX];
    choir_hash_text(&f->name, hash);
    (void)snprintf(path, sizeof(path), "/v1/models/%s", hash);
    (void)snprintf(range, sizeof(range), "Range: bytes=%zu-", f->had);
    (void)snprintf(same, sizeof(same), "If-Range: \"%s\"", hash);
    ch_http_call call = {.method = "GET", .path = path, .answer_bytes = size};
    if (f->had > 0) {
        call.headers[0] = range;
        call.headers[1] = same;
    }
    return ch_http_client_send(http, &call, reply, err);
}

/* Takes what has come. False: it is more than there is to be. */
static bool take(ch_fetch *f, const ch_http_reply *reply, uint8_t *out, size_t size, bool *gains) {
    const size_t from = reply->code == 206 ? f->had : 0;
    if (reply->body.size > size - from) {
        return false;
    }
    if (reply->body.size > 0) {
        memcpy(out + from, reply->body.data, reply->body.size);
    }
    const size_t had = from + reply->body.size;
    *gains = had > f->had;
    f->had = *gains ? had : f->had; // what had come before is of the same content
    return true;
}

static choir_status size_wrong(ch_fetch *f, size_t size, choir_error *err) {
    ch_fetch_reset(f);
    return ch_error_set(err, CHOIR_EPROTO, "model: what the server sent has not %zu bytes", size);
}

choir_status ch_fetch_get(ch_fetch *f, ch_http_client *http, const choir_hash *name, uint8_t *out,
                          size_t size, bool *gains, choir_error *err) {
    *gains = false;
    if (memcmp(name->bytes, f->name.bytes, sizeof(name->bytes)) != 0 || f->had > size) {
        *f = (ch_fetch){.name = *name};
    }
    if (f->had == size) {
        return CHOIR_OK;
    }
    ch_http_reply reply = {0};
    const choir_status status = ask(f, http, size, &reply, err);
    const bool is_content = reply.code == 200 || (reply.code == 206 && f->had > 0);
    const bool is_answer = status == CHOIR_OK || status == CHOIR_EIO; // whole, or broken off
    if (is_content && is_answer && !take(f, &reply, out, size, gains)) {
        return size_wrong(f, size, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    if (!is_content) {
        if (reply.code == 404 || reply.code == 416) {
            ch_fetch_reset(f);
        }
        return ch_http_said(&reply, "model", err);
    }
    return f->had == size ? CHOIR_OK : size_wrong(f, size, err);
}
