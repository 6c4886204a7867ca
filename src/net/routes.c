/* Routes: see routes.h. Which row a request is for, and whether who asks may. */
#include "net/routes.h"

#include "base/assert.h"
#include "base/env.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "crypto/encode.h"
#include "net/request_log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A bundle travels as text: a third more than its bytes, and the job beside it.
enum { SMALL = CH_HTTP_SMALL, HOST_MAX = 1 << 30 };

enum { REPORTED_PER_PARAM_MAX = 4 }; // numbers of a report, by any method

static const ch_route ROUTES[] = {
    {"POST", "/v1/exchange", CH_ACCESS_DEVICE, SIZE_MAX, ch_route_exchange},
    {"GET", "/v1/uploads/*", CH_ACCESS_DEVICE, 0, ch_route_upload_show},
    {"PUT", "/v1/uploads/*", CH_ACCESS_DEVICE, SIZE_MAX, ch_route_upload},
    {"GET", "/v1/models/*", CH_ACCESS_ANYONE, 0, ch_route_model},
    {"GET", "/v1/challenge", CH_ACCESS_ANYONE, 0, ch_route_challenge},
    {"POST", "/v1/enroll", CH_ACCESS_ENTRANT, SMALL, ch_route_enroll},
    {"POST", "/v1/jobs/*/join", CH_ACCESS_ENTRANT, SMALL, ch_route_join},
    {"GET", "/v1/jobs/*/promoted", CH_ACCESS_DEVICE, 0, ch_route_promoted},
    {"GET", "/v1/admin/jobs", CH_ACCESS_ADMIN, 0, ch_route_jobs},
    {"POST", "/v1/admin/jobs", CH_ACCESS_ADMIN, HOST_MAX, ch_route_host},
    {"GET", "/v1/admin/jobs/*", CH_ACCESS_ADMIN, 0, ch_route_job},
    {"DELETE", "/v1/admin/jobs/*", CH_ACCESS_ADMIN, SMALL, ch_route_remove},
    {"GET", "/v1/admin/jobs/*/details", CH_ACCESS_ADMIN, 0, ch_route_details},
    {"GET", "/v1/admin/jobs/*/rounds", CH_ACCESS_ADMIN, 0, ch_route_rounds},
    {"GET", "/v1/admin/jobs/*/sum", CH_ACCESS_ADMIN, 0, ch_route_sum},
    {"GET", "/v1/admin/jobs/*/receipts", CH_ACCESS_ADMIN, 0, ch_route_receipts},
    {"GET", "/v1/admin/jobs/*/update", CH_ACCESS_OWNER, 0, ch_route_update},
    {"GET", "/v1/admin/jobs/*/bundle", CH_ACCESS_ADMIN, 0, ch_route_bundle},
    {"POST", "/v1/admin/jobs/*/clone", CH_ACCESS_ADMIN, SMALL, ch_route_clone},
    {"POST", "/v1/admin/jobs/*/pause", CH_ACCESS_ADMIN, SMALL, ch_route_pause},
    {"POST", "/v1/admin/jobs/*/resume", CH_ACCESS_ADMIN, SMALL, ch_route_resume},
    {"POST", "/v1/admin/jobs/*/stop", CH_ACCESS_ADMIN, SMALL, ch_route_stop},
    {"POST", "/v1/admin/jobs/*/promote", CH_ACCESS_ADMIN, SMALL, ch_route_promote},
    {"POST", "/v1/admin/jobs/*/rollback", CH_ACCESS_ADMIN, SMALL, ch_route_rollback},
    {"GET", "/v1/admin/jobs/*/promotions", CH_ACCESS_ADMIN, 0, ch_route_promotions},
    {"GET", "/v1/admin/admins", CH_ACCESS_OWNER, 0, ch_route_admins},
    {"POST", "/v1/admin/admins", CH_ACCESS_OWNER, SMALL, ch_route_admin_add},
    {"POST", "/v1/admin/admins/*/revoke", CH_ACCESS_OWNER, SMALL, ch_route_admin_revoke},
    {"GET", "/v1/admin/devices", CH_ACCESS_ADMIN, 0, ch_route_devices},
    {"POST", "/v1/admin/devices/*/revoke", CH_ACCESS_OWNER, SMALL, ch_route_device_revoke},
    {"POST", "/v1/admin/secret", CH_ACCESS_OWNER, SMALL, ch_route_secret},
    {"GET", "/v1/admin/audit", CH_ACCESS_OWNER, 0, ch_route_audit},
    {"GET", "/v1/openapi.json", CH_ACCESS_ANYONE, 0, ch_route_openapi},
    {"GET", "/healthz", CH_ACCESS_ANYONE, 0, ch_route_health},
    {"GET", "/readyz", CH_ACCESS_ANYONE, 0, ch_route_ready},
    {"GET", "/metrics", CH_ACCESS_ANYONE, 0, ch_route_metrics},
};

enum { ROUTES_COUNT = sizeof(ROUTES) / sizeof(ROUTES[0]) };

// ----- answers ----------------------------------------------------------------------------------

void ch_answer_json(ch_http_exchange *x, unsigned code, json_t *root) {
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text == NULL) {
        ch_answer_busy(x, "no memory");
    } else {
        ch_http_answer(x, code, "application/json",
                       (choir_bytes){.data = (const uint8_t *)text, .size = strlen(text)});
    }
    free(text);
    json_decref(root);
}

json_t *ch_bytes_json(choir_bytes bytes) {
    char *text = malloc(CH_BASE64_MAX(bytes.size));
    if (text == NULL) {
        return NULL;
    }
    ch_base64(text, bytes);
    json_t *out = json_string(text);
    free(text);
    return out;
}

/* Cuts off a last letter of which only the beginning is there: JSON has whole ones. */
static void letter_finish(char *text) {
    size_t at = strlen(text);
    while (at > 0 && ((unsigned char)text[at - 1] & 0xc0) == 0x80) {
        at -= 1;
    }
    if (at > 0 && ((unsigned char)text[at - 1] & 0x80) != 0) {
        text[at - 1] = '\0';
    }
}

void ch_answer_error(ch_http_exchange *x, unsigned code, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if ((size_t)size >= sizeof(text)) {
        letter_finish(text);
    }
    ch_answer_json(x, code, json_pack("{s:s+}", "error", text, ""));
}

void ch_answer_rejected(ch_http_exchange *x, unsigned code, choir_why why, uint32_t wait_ms,
                        const char *sentence) {
    choir_error text;
    (void)snprintf(text.message, sizeof(text.message), "%s", sentence);
    letter_finish(text.message); // it may have been cut; a whole one ends in none that could be
    ch_answer_json(x, code,
                   json_pack("{s:s, s:s, s:I}", "error", text.message, "reason",
                             choir_why_text(why), "wait_ms", (json_int_t)wait_ms));
}

json_t *ch_ask_json(const ch_ask *ask) {
    const choir_bytes body = ch_http_body(ask->exchange);
    json_error_t why;
    json_t *root = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        const char *what = body.size == 0 ? "it is empty" : why.text;
        ch_answer_error(ask->exchange, 400, "body: must be a JSON object: %s",
                        root == NULL ? what : "it is something else");
        json_decref(root);
        return NULL;
    }
    return root;
}

bool ch_ask_text(const ch_ask *ask, json_t *root, const char *key, char *out, size_t size) {
    const json_t *field = json_object_get(root, key);
    const char *text = field == NULL ? "" : json_string_value(field);
    if (text == NULL || strlen(text) >= size || !ch_text_is_printable(text)) {
        ch_answer_error(ask->exchange, 400, "%s: must be a printable text of less than %zu bytes",
                        key, size);
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

// ----- which row --------------------------------------------------------------------------------

/* Whether path is the pattern's; what stands for its "*" goes to wild. */
static bool path_fits(const char *pattern, const char *path, char *wild, size_t size) {
    const char *star = strchr(pattern, '*');
    if (star == NULL) {
        return strcmp(pattern, path) == 0;
    }
    const size_t before = (size_t)(star - pattern);
    if (strncmp(pattern, path, before) != 0) {
        return false;
    }
    const size_t length = strcspn(path + before, "/");
    if (length == 0 || length >= size || strcmp(star + 1, path + before + length) != 0) {
        return false;
    }
    memcpy(wild, path + before, length);
    wild[length] = '\0';
    return true;
}

/* HEAD is GET without its body; the HTTP server sees to that. */
static bool method_fits(const ch_route *row, const char *method) {
    return strcmp(row->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(row->method, "GET") == 0);
}

/* The row for a request; NULL when there is none, and then 404 or 405 was answered. */
static const ch_route *row_find(ch_ask *ask) {
    const char *path = ch_http_path(ask->exchange);
    char allowed[64] = ""; // methods that the path does take
    size_t size = 0;
    for (int i = 0; i < ROUTES_COUNT; i++) {
        if (path_fits(ROUTES[i].path, path, ask->wild, sizeof(ask->wild))) {
            if (method_fits(&ROUTES[i], ch_http_method(ask->exchange))) {
                return &ROUTES[i];
            }
            size += (size_t)snprintf(allowed + size, sizeof(allowed) - size, "%s%s",
                                     size > 0 ? ", " : "", ROUTES[i].method);
            CH_ASSERT(size < sizeof(allowed));
        }
    }
    if (size > 0) {
        ch_http_answer_header(ask->exchange, "Allow", allowed);
        char method[CH_TEXT_SHOWN_MAX]; // any bytes, as far as HTTP goes
        ch_text_show(method, sizeof(method), ch_http_method(ask->exchange));
        ch_answer_error(ask->exchange, 405, "%s does not take %s", path, method);
    } else {
        ch_answer_error(ask->exchange, 404, "there is no %s", path);
    }
    return NULL;
}

// ----- who asks ---------------------------------------------------------------------------------

static bool is_revoked(ch_server *s, int64_t subject) {
    (void)pthread_mutex_lock(&s->lock);
    const bool found = ch_revoked_has(&s->revoked, subject);
    (void)pthread_mutex_unlock(&s->lock);
    return found;
}

/* A request's token is asked for twice, when its head is in and when it is whole. Mostly that is
 * one moment, without another request in between: then it is read once. */
static choir_status token_read(ch_ask *ask, const char *bearer, choir_error *err) {
    ch_shown *shown = &ask->server->shown;
    const uint64_t number = ch_http_number(ask->exchange);
    if (shown->number == number) {
        ask->claims = shown->claims;
        return CHOIR_OK;
    }
    const uint64_t now_s = ch_server_unix_ms() / 1000;
    const choir_status status =
        ch_token_read(&ask->claims, bearer, &ask->server->token_key, now_s, err);
    if (status == CHOIR_OK) {
        *shown = (ch_shown){.number = number, .claims = ask->claims};
    }
    return status;
}

static bool device_may(ch_ask *ask, const char *bearer) {
    choir_error err = {.message = "a device's token is missing"};
    if (bearer != NULL && token_read(ask, bearer, &err) == CHOIR_OK) {
        if (!is_revoked(ask->server, ask->claims.subject)) {
            return true;
        }
        ch_ignore(ch_error_set(&err, CHOIR_EINVAL, "subject: has been revoked"), "to be told");
    }
    ch_http_answer_header(ask->exchange, "WWW-Authenticate", "Bearer");
    ch_answer_error(ask->exchange, 401, "%s", err.message);
    return false;
}

static bool admin_may(ch_ask *ask, const char *bearer) {
    choir_error err = {.message = ""};
    choir_status status = CHOIR_EAGAIN;
    if (bearer != NULL) {
        uint8_t hash[CHOIR_HASH_BYTES];
        ch_sha256_of((const uint8_t *)bearer, strlen(bearer), hash);
        status = ch_hosting_store_admin(ask->server->store, &ask->admin, hash, &err);
    }
    if (status == CHOIR_OK && !ask->admin.is_revoked) {
        return true;
    }
    if (status != CHOIR_OK && status != CHOIR_EAGAIN) {
        ch_answer_busy(ask->exchange, "the store cannot be read");
        return false;
    }
    ch_limits_failed(ask);
    ch_http_answer_header(ask->exchange, "WWW-Authenticate", "Bearer");
    ch_answer_error(ask->exchange, 401,
                    "an administrator's key is missing, unknown here, or revoked");
    return false;
}

/* What the role must allow: any administrator may look. */
static ch_admin_right right_for(const ch_route *row) {
    if (row->access == CH_ACCESS_OWNER) {
        return CH_ADMIN_OWNS;
    }
    return strcmp(row->method, "GET") == 0 ? CH_ADMIN_LOOKS : CH_ADMIN_STEERS;
}

/* Whose key is known but does not do is remembered. */
static bool role_may(ch_ask *ask, const ch_route *row) {
    if (ch_admin_may(ask->admin.role, right_for(row))) {
        return true;
    }
    char matter[CH_HTTP_PATH_MAX + 16];
    (void)snprintf(matter, sizeof(matter), "%s %s", row->method, ch_http_path(ask->exchange));
    ch_limits_failed(ask);
    ch_ask_audit(ask, "refused", matter);
    ch_answer_error(ask->exchange, 403, "role: '%s' is %s, who may not do that; ask an owner",
                    ask->admin.name, ask->admin.role);
    return false;
}

/* For the access log: what was asked, by its row, so that no part of a path is in it; and who did.
 */
static void note(const ch_ask *ask, const ch_route *row) {
    char who[CH_HTTP_NOTE_MAX] = "";
    if (row->access == CH_ACCESS_DEVICE && ask->claims.subject > 0) {
        (void)snprintf(who, sizeof(who), " subject=%" PRId64, ask->claims.subject);
    } else if (ask->admin.id > 0) {
        (void)snprintf(who, sizeof(who), " admin=\"%s\"", ask->admin.name); // plain letters
    }
    ch_http_note(ask->exchange, "method=%s path=%s%s", row->method, row->path, who);
}

static bool who_may(ch_ask *ask, const ch_route *row) {
    const char *bearer = ch_http_bearer(ask->exchange);
    bool may = false;
    switch (row->access) {
    case CH_ACCESS_ANYONE:
    case CH_ACCESS_ENTRANT:
        may = true;
        break;
    case CH_ACCESS_DEVICE:
        may = device_may(ask, bearer);
        break;
    case CH_ACCESS_ADMIN:
    case CH_ACCESS_OWNER:
        may = admin_may(ask, bearer) && role_may(ask, row);
        break;
    }
    note(ask, row);
    return may;
}

// ----- the HTTP handler's two ends --------------------------------------------------------------

/* Numbers in a report of a job, at most. Of one that is not open the method is not known. */
static size_t numbers_max(const ch_hosted *h) {
    return ch_hosted_is_open(h) ? choir_coordinator_moved(h->coordinator)
                                : (size_t)h->row.dim * REPORTED_PER_PARAM_MAX;
}

/* A report is its numbers and a head; of the largest job here. */
static size_t report_max(ch_server *s) {
    size_t most = 0;
    (void)pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->jobs_count; i++) {
        const size_t bytes = numbers_max(s->jobs[i]) * sizeof(float) + SMALL;
        most = bytes > most ? bytes : most;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return most > 0 ? most : SMALL;
}

/* Who may not ask is told before anything large is read. */
static size_t body_allow(ch_ask *ask) {
    const ch_route *row = row_find(ask);
    if (row != NULL) {
        note(ask, row);
    }
    if (row == NULL || !ch_limits_before(ask, row->access) || !who_may(ask, row) ||
        !ch_limits_after(ask, row->access)) {
        return 0;
    }
    if (row->answer == ch_route_upload) {
        return ch_upload_begin(ask);
    }
    return row->body_max == SIZE_MAX ? report_max(ask->server) : row->body_max;
}

size_t ch_routes_body_max(void *self, ch_http_exchange *x) {
    ch_ask ask = {.server = self, .exchange = x};
    ch_request_log_enter(ch_http_id(x));
    const size_t bytes_max = body_allow(&ask);
    ch_request_log_leave();
    return bytes_max;
}

void ch_routes_handle(void *self, ch_http_exchange *x) {
    ch_ask ask = {.server = self, .exchange = x};
    ch_request_log_enter(ch_http_id(x)); // who keeps the exchange has it answered elsewhere
    const ch_route *row = row_find(&ask);
    if (row != NULL && who_may(&ask, row)) {
        row->answer(&ask);
    }
    ch_request_log_leave();
}

void ch_routes_over(void *self, const ch_http_exchange *x, const ch_http_outcome *outcome) {
    const ch_server *s = self;
    if (!s->logs_access) {
        return;
    }
    ch_request_log_enter(ch_http_id(x));
    ch_log(&s->env, CHOIR_LEVEL_INFO, "request",
           "%s%sstatus=%u bytes=%zu ms=%" PRIu64 " peer=%s whole=%s", ch_http_noted(x),
           ch_http_noted(x)[0] == '\0' ? "" : " ", outcome->code, outcome->bytes, outcome->took_ms,
           ch_http_peer(x), outcome->is_whole ? "true" : "false");
    ch_request_log_leave();
}
