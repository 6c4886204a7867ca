/* Delivery: see delivery.h. */
#include "client/delivery.h"

#include "base/error.h"
#include "base/sha256.h"
#include "choir/blob.h"
#include "client/entry.h"
#include "net/http_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { PATH_MAX_BYTES = 320, HALVED_MIN = 1 << 14 };

bool ch_delivery_takes(const ch_delivery *u, choir_bytes body) {
    return u->part_max > 0 && !u->goes_whole && body.size > u->part_max;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static void path_write(char out[PATH_MAX_BYTES], const ch_delivery *u,
                       const ch_delivery_report *r) {
    char hash[2 * CHOIR_HASH_BYTES + 1];
    choir_hash_text(&u->name, hash);
    (void)snprintf(out, PATH_MAX_BYTES, "/v1/uploads/%s?job=%s&round=%" PRIu32, hash, r->job,
                   r->round);
}

/* The offset that the server says, at most the body's size; 0 when it makes no sense. */
static size_t offset_read(const ch_http_reply *reply, size_t size) {
    json_t *root = ch_http_json(reply->body);
    const json_int_t value = json_integer_value(json_object_get(root, "offset"));
    json_decref(root);
    return value > 0 && (uint64_t)value <= size ? (size_t)value : 0;
}

/* Takes the body, which may be another one than before. */
static void name_take(ch_delivery *u, choir_bytes body) {
    choir_hash name;
    ch_sha256_of(body.data, body.size, name.bytes);
    if (memcmp(name.bytes, u->name.bytes, sizeof(name.bytes)) != 0) {
        u->name = name;
        u->offset = 0;
        u->part = u->part_max;
        u->is_sure = false;
        u->has_tried = false;
    }
}

/* What the server has, against what was thought. */
static void offset_take(ch_delivery *u, size_t offset, bool *gains) {
    *gains = offset > u->offset;
    if (u->has_tried && !*gains) {
        u->part = u->part / 2 > HALVED_MIN ? u->part / 2 : least(u->part, HALVED_MIN);
    }
    u->offset = offset;
    u->is_sure = true;
    u->has_tried = false;
}

/* Whether an answer to a path that the server may not know is that it takes no parts. */
static bool has_no_parts(unsigned code) {
    return code == 405 || code == 501;
}

static choir_status ask(ch_delivery *u, ch_http_client *http, const ch_delivery_report *r,
                        ch_http_reply *reply, bool *is_more, bool *gains, choir_error *err) {
    char path[PATH_MAX_BYTES];
    path_write(path, u, r);
    const ch_http_call call = {
        .method = "GET", .path = path, .bearer = r->token, .answer_max = CH_ENTRY_ANSWER_MAX};
    const choir_status status = ch_http_client_send(http, &call, reply, err);
    if (status == CHOIR_OK && reply->code == 200) {
        offset_take(u, offset_read(reply, r->body.size), gains);
    } else if (status == CHOIR_OK && reply->code == 404) {
        offset_take(u, 0, gains);
    } else if (status == CHOIR_OK && has_no_parts(reply->code)) {
        u->goes_whole = true;
        *is_more = true;
    }
    return status;
}

/* A part is sent when the server has said that it takes it: a head may have been repeated by
 * libcurl on another connection than the one that broke, and the upload be elsewhere by then. */
static choir_status put(const ch_delivery *u, size_t from, size_t size, ch_http_client *http,
                        const ch_delivery_report *r, ch_http_reply *reply, choir_error *err) {
    char path[PATH_MAX_BYTES];
    char range[96];
    path_write(path, u, r);
    (void)snprintf(range, sizeof(range), "Content-Range: bytes %zu-%zu/%zu", from, from + size - 1,
                   r->body.size);
    const ch_http_call call = {.method = "PUT",
                               .path = path,
                               .bearer = r->token,
                               .type = "application/octet-stream",
                               .headers = {range, "Expect: 100-continue"},
                               .body = {.data = r->body.data + from, .size = size},
                               .answer_max = CH_ENTRY_ANSWER_MAX};
    return ch_http_client_send(http, &call, reply, err);
}

static choir_status part_send(ch_delivery *u, ch_http_client *http, const ch_delivery_report *r,
                              ch_http_reply *reply, bool *is_more, bool *gains, choir_error *err) {
    const size_t from = least(u->offset, r->body.size - 1); // of all of it the last byte asks
    const size_t size = least(u->part, r->body.size - from);
    u->is_sure = false; // until the answer says so
    u->has_tried = true;
    const choir_status status = put(u, from, size, http, r, reply, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (reply->code == 202 && from + size == r->body.size) { // would be sent again without a pause
        return ch_error_set(err, CHOIR_EIO,
                            "report: the server has all its %zu bytes, and wants more",
                            r->body.size);
    }
    if (reply->code == 202) {
        u->offset = from + size;
        u->part = least(2 * u->part, u->part_max);
        u->is_sure = true;
        u->has_tried = false;
        *is_more = true;
        *gains = true;
    } else if (reply->code == 404 || has_no_parts(reply->code)) {
        u->goes_whole = true;
        *is_more = true;
    } else if (reply->code == 409) {
        offset_take(u, offset_read(reply, r->body.size), gains);
        *is_more = *gains;
        return *gains ? CHOIR_OK
                      : ch_error_set(err, CHOIR_EIO,
                                     "report: of the %zu bytes that had arrived the server has %zu",
                                     from, u->offset);
    }
    return CHOIR_OK;
}

choir_status ch_delivery_send(ch_delivery *u, ch_http_client *http,
                              const ch_delivery_report *report, ch_http_reply *reply, bool *is_more,
                              bool *gains, choir_error *err) {
    *is_more = false;
    *gains = false;
    name_take(u, report->body); // the one before may have been given up between two parts
    if (!u->is_sure) {
        const choir_status status = ask(u, http, report, reply, is_more, gains, err);
        if (status != CHOIR_OK || !u->is_sure) {
            return status;
        }
    }
    return part_send(u, http, report, reply, is_more, gains, err);
}
