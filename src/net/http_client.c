/* HTTP client: see http_client.h. */
#include "net/http_client_parts.h"

#include "base/error.h"
#include "base/text.h"
#include "net/http_text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    UNIT = 64,                         // bytes in which env->alloc counts
    FIRST = 1 << 14,                   // bytes that a body's buffer begins with
    KEPT_MAX = CH_HTTP_UNEXPECTED_MAX, // a larger one is not kept for the next answer
    HEADS_MAX = 1 << 16,               // bytes of an answer's headers
    LINE_MAX_BYTES = 4096,
};

struct ch_http_client {
    choir_env env;
    CURL *curl;
    char url[CH_HTTP_URL_MAX];     // without a slash at its end
    char shown[CH_TEXT_SHOWN_MAX]; // of it, in messages
    bool (*is_stopped)(void *self);
    void *self;
    size_t body_max;
    char reason[CURL_ERROR_SIZE];

    ch_http_reply *reply;       // of the call under way
    struct curl_slist *headers; // of the call under way; owned
    uint8_t *body;              // (body_capacity) owned
    size_t body_size;
    size_t body_capacity;
    size_t answer_max; // of the call under way: what is taken of the body; at most body_max
    size_t expected;   // bytes of the body, if that is known; no more are taken then; 0: it is not
    size_t heads;      // bytes of headers so far
    uint64_t retry_after_ms; // of the last answer
    bool is_too_large;
    bool is_out_of_memory;
};

ch_http_client_options ch_http_client_defaults(void) {
    return (ch_http_client_options){
        .agent = "choir/" CHOIR_VERSION,
        .connect_ms = 10000,
        .request_ms = 300000,
        .silence_s = 30,
        .body_max = ((size_t)2 << 30) + (64 << 10),
    };
}

/* --------------------------------------------------------------------------------- what comes in
 */

/* The most that is taken. What is in the way of an expected answer may be a sentence that says so.
 */
static size_t body_most(const ch_http_client *c) {
    const size_t most = c->expected > KEPT_MAX ? c->expected : KEPT_MAX;
    return c->expected > 0 && most < c->answer_max ? most : c->answer_max;
}

/* Makes room for needed bytes, which are at most body_most. */
static bool body_grow(ch_http_client *c, size_t needed) {
    curl_off_t said = -1; // of a packed body it is less than what comes
    (void)curl_easy_getinfo(c->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &said);
    size_t capacity = c->body_capacity > FIRST / 2 ? 2 * c->body_capacity : FIRST;
    if (said > 0 && c->body_capacity < (size_t)said) {
        capacity = (size_t)said;
    }
    capacity = capacity < c->expected ? c->expected : capacity;
    capacity = capacity < body_most(c) ? capacity : body_most(c);
    capacity = ((capacity > needed ? capacity : needed) + UNIT - 1) / UNIT * UNIT;
    uint8_t *body = c->env.alloc(c->env.self, capacity);
    if (body == NULL) {
        return false;
    }
    if (c->body != NULL) {
        memcpy(body, c->body, c->body_size);
        c->env.free(c->env.self, c->body);
    }
    c->body = body;
    c->body_capacity = capacity;
    return true;
}

/* Whether the answer says no: a page of a proxy in between, however long, is still that. */
static bool is_refusal(const ch_http_client *c) {
    long code = 0;
    (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &code);
    return code >= 300;
}

static size_t on_body(char *data, size_t item, size_t count, void *self) {
    ch_http_client *c = self;
    const size_t bytes = item * count;
    if (bytes > body_most(c) - c->body_size && c->answer_max < c->body_max && is_refusal(c)) {
        return bytes;
    }
    if (bytes > body_most(c) - c->body_size) {
        c->is_too_large = true;
        return 0;
    }
    if (bytes > c->body_capacity - c->body_size && !body_grow(c, c->body_size + bytes)) {
        c->is_out_of_memory = true;
        return 0;
    }
    memcpy(c->body + c->body_size, data, bytes);
    c->body_size += bytes;
    return bytes;
}

/* Copies a header's value when the line is of that name and its value fits. */
static void header_read(char *out, size_t size, const char *name, const char *line, size_t length) {
    const size_t named = strlen(name);
    if (length <= named || strncasecmp(line, name, named) != 0 || line[named] != ':') {
        return;
    }
    const char *from = line + named + 1;
    const char *end = line + length;
    while (from < end && (*from == ' ' || *from == '\t')) {
        from++;
    }
    while (end > from && (unsigned char)end[-1] <= ' ') {
        end--;
    }
    if ((size_t)(end - from) < size) {
        memcpy(out, from, (size_t)(end - from));
        out[end - from] = '\0';
    }
}

static size_t on_header(char *line, size_t item, size_t count, void *self) {
    ch_http_client *c = self;
    const size_t length = item * count;
    c->heads += length;
    if (c->heads > HEADS_MAX) {
        c->is_too_large = true;
        return 0;
    }
    if (length > 5 && memcmp(line, "HTTP/", 5) == 0) { // the last answer counts, after 100s
        c->reply->etag[0] = '\0';
        c->reply->type[0] = '\0';
    }
    header_read(c->reply->etag, sizeof(c->reply->etag), "ETag", line, length);
    header_read(c->reply->type, sizeof(c->reply->type), "Content-Type", line, length);
    return length;
}

static int on_progress(void *self, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                       curl_off_t up) {
    (void)down_all;
    (void)down;
    (void)up_all;
    (void)up;
    const ch_http_client *c = self;
    return c->is_stopped(c->self) ? 1 : 0;
}

/* --------------------------------------------------------------------------------------- creating
 */

// Anything else libcurl would take for a file's name.
bool ch_http_pin_is_right(const char *pin) {
    static const char begin[] = "sha256//";
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (;;) {
        if (strncmp(pin, begin, sizeof(begin) - 1) != 0) {
            return false;
        }
        pin += sizeof(begin) - 1;
        if (strspn(pin, letters) != 43 || pin[43] != '=') {
            return false;
        }
        pin += 44;
        if (*pin != ';') {
            return *pin == '\0';
        }
        pin++;
    }
}

/* Copies the URL without slashes at its end. */
static choir_status url_read(ch_http_client *c, const char *url, choir_error *err) {
    const size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : 7;
    const bool is_http = scheme == 8 || strncmp(url, "http://", 7) == 0;
    if (is_http && strchr(url, '@') != NULL) { // shown to nobody: there is a password in it
        return ch_error_set(err, CHOIR_EINVAL,
                            "http: the server's URL has '@'; a user and password do not belong "
                            "there");
    }
    if (!is_http || url[scheme] == '\0' || strpbrk(url, "?# \t\"<>\\^`{|}") != NULL ||
        !ch_http_is_line(url) || strlen(url) >= sizeof(c->url)) {
        ch_text_show(c->shown, sizeof(c->shown), url);
        return ch_error_set(err, CHOIR_EINVAL,
                            "http: '%s' is no server's URL; give one such as https://host:8443",
                            c->shown);
    }
    size_t length = strlen(url);
    while (length > scheme + 1 && url[length - 1] == '/') {
        length--;
    }
    memcpy(c->url, url, length);
    c->url[length] = '\0';
    ch_text_show(c->shown, sizeof(c->shown), c->url);
    return CHOIR_OK;
}

static choir_status options_check(const ch_http_client_options *o, choir_error *err) {
    if (o->url == NULL) {
        return ch_error_set(err, CHOIR_EINVAL, "http: there is no server's URL");
    }
    if (o->pin != NULL && !ch_http_pin_is_right(o->pin)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "http: a pin is 'sha256//' and the base64 of 32 bytes, 44 letters");
    }
    if (o->pin != NULL && strncmp(o->url, "https://", 8) != 0) {
        return ch_error_set(
            err, CHOIR_EINVAL,
            "http: the server's key is pinned, so its URL must begin with https://");
    }
    if ((o->certificate_file == NULL) != (o->key_file == NULL)) {
        return ch_error_set(err, CHOIR_EINVAL, "http: a certificate needs its key; give both");
    }
    if (o->connect_ms == 0 || o->request_ms == 0 || o->silence_s == 0 || o->body_max == 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "http: connect_ms, request_ms, silence_s and body_max are to be at "
                            "least 1");
    }
    return CHOIR_OK;
}

/* Files that are not there would be told at every call, as if the server were away. */
static choir_status files_check(const ch_http_client_options *o, choir_error *err) {
    const char *const files[] = {o->ca_file, o->certificate_file, o->key_file};
    for (int i = 0; i < 3; i++) {
        const int descriptor = files[i] == NULL ? -1 : open(files[i], O_RDONLY | O_CLOEXEC);
        if (files[i] != NULL && descriptor < 0) {
            return ch_error_set(err, CHOIR_EIO, "%s: cannot open: %s", files[i], strerror(errno));
        }
        if (descriptor >= 0) {
            (void)close(descriptor);
        }
    }
    return CHOIR_OK;
}

/* Sets all, unless an earlier one failed. */
static CURLcode texts_set(CURL *curl, const ch_http_client_options *o) {
    const struct {
        CURLoption option;
        const char *text; // NULL: libcurl's default
    } rows[] = {
        {CURLOPT_PROTOCOLS_STR, "http,https"}, {CURLOPT_PINNEDPUBLICKEY, o->pin},
        {CURLOPT_CAINFO, o->ca_file},          {CURLOPT_SSLCERT, o->certificate_file},
        {CURLOPT_SSLKEY, o->key_file},         {CURLOPT_PROXY, o->proxy},
        {CURLOPT_USERAGENT, o->agent},
    };
    CURLcode code = CURLE_OK;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && code == CURLE_OK; i++) {
        code = rows[i].text == NULL ? code : curl_easy_setopt(curl, rows[i].option, rows[i].text);
    }
    return code;
}

/* With a pin, the pin alone decides: CURLOPT_PINNEDPUBLICKEY is checked whatever else is not. */
static CURLcode numbers_set(CURL *curl, const ch_http_client_options *o) {
    const struct {
        CURLoption option;
        long value;
    } rows[] = {
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_HTTP09_ALLOWED, 0},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_SSL_VERIFYPEER, o->pin == NULL ? 1 : 0},
        {CURLOPT_SSL_VERIFYHOST, o->pin == NULL ? 2 : 0},
        {CURLOPT_MAXCONNECTS, 1},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
        {CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_ms},
        {CURLOPT_TIMEOUT_MS, (long)o->request_ms},
        {CURLOPT_LOW_SPEED_LIMIT, 1},
        {CURLOPT_LOW_SPEED_TIME, (long)o->silence_s},
        {CURLOPT_NOPROGRESS, o->is_stopped == NULL ? 1 : 0},
    };
    CURLcode code = CURLE_OK;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && code == CURLE_OK; i++) {
        code = curl_easy_setopt(curl, rows[i].option, rows[i].value);
    }
    return code;
}

static choir_status options_set(ch_http_client *c, const ch_http_client_options *o,
                                choir_error *err) {
    CURLcode code = texts_set(c->curl, o);
    code = code == CURLE_OK ? numbers_set(c->curl, o) : code;
    if (code != CURLE_OK && code != CURLE_OUT_OF_MEMORY) {
        return ch_error_set(err, CHOIR_EIO, "http: this machine's libcurl lacks something: %s",
                            curl_easy_strerror(code));
    }
    if (code != CURLE_OK) {
        return CHOIR_ENOMEM;
    }
    (void)curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->reason);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
    (void)curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, c);
    (void)curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, c);
    return CHOIR_OK;
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_state = CURLE_FAILED_INIT;

/* For the whole process, whose exit gives it back. */
static void curl_prepare(void) {
    curl_state = curl_global_init(CURL_GLOBAL_DEFAULT);
}

choir_status ch_http_client_create(ch_http_client **out, const ch_http_client_options *options,
                                   const choir_env *env, choir_error *err) {
    choir_status status = options_check(options, err);
    if (status == CHOIR_OK) {
        status = files_check(options, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    (void)pthread_once(&curl_once, curl_prepare);
    ch_http_client *c = env->alloc(env->self, (sizeof(*c) + UNIT - 1) / UNIT * UNIT);
    if (c == NULL) {
        return CHOIR_ENOMEM;
    }
    *c = (ch_http_client){.env = *env,
                          .is_stopped = options->is_stopped,
                          .self = options->self,
                          .body_max = options->body_max};
    status = url_read(c, options->url, err);
    if (status == CHOIR_OK) {
        c->curl = curl_state == CURLE_OK ? curl_easy_init() : NULL;
        status = c->curl == NULL ? CHOIR_ENOMEM : options_set(c, options, err);
    }
    if (status != CHOIR_OK) {
        ch_http_client_destroy(c);
        return status;
    }
    *out = c;
    return CHOIR_OK;
}

static void body_release(ch_http_client *c) {
    if (c->body != NULL) {
        c->env.free(c->env.self, c->body);
    }
    c->body = NULL;
    c->body_capacity = 0;
}

size_t ch_http_client_bytes(size_t answer_bytes) {
    const size_t body = answer_bytes > KEPT_MAX ? answer_bytes : KEPT_MAX;
    return (sizeof(ch_http_client) + UNIT - 1) / UNIT * UNIT + (body + UNIT - 1) / UNIT * UNIT +
           KEPT_MAX; // of which the first is a copy
}

void ch_http_client_destroy(ch_http_client *c) {
    if (c == NULL) {
        return;
    }
    curl_easy_cleanup(c->curl);
    curl_slist_free_all(c->headers);
    body_release(c);
    const choir_env env = c->env;
    env.free(env.self, c);
}

/* ---------------------------------------------------------------------------------------- sending
 */

static choir_status call_check(const ch_http_client *c, const ch_http_call *call,
                               choir_error *err) {
    const char *wrong = NULL;
    if (call->method[0] == '\0' ||
        call->method[strspn(call->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0') {
        wrong = "the method is no word in capital letters";
    } else if (call->path[0] != '/' || strlen(call->path) >= CH_HTTP_URL_MAX) {
        wrong = "the path does not begin with '/', or is too long";
    } else if (strpbrk(call->path, " #") != NULL || !ch_http_is_line(call->path)) {
        wrong = "the path has characters that are to be escaped";
    } else if (call->bearer != NULL &&
               (strlen(call->bearer) > LINE_MAX_BYTES || !ch_http_is_line(call->bearer))) {
        wrong = "the token is too long, or has characters that a header cannot have";
    } else if (call->type != NULL && !ch_http_is_line(call->type)) {
        wrong = "the body's type has characters that a header cannot have";
    }
    for (size_t i = 0; i < CH_HTTP_CALL_HEADERS_MAX && call->headers[i] != NULL; i++) {
        if (!ch_http_is_line(call->headers[i]) || strchr(call->headers[i], ':') == NULL) {
            wrong = "a header has no ':', or characters that a header cannot have";
        }
    }
    return wrong == NULL ? CHOIR_OK
                         : ch_error_set(err, CHOIR_EINVAL, "%s: cannot ask: %s", c->shown, wrong);
}

/* Adds "name value" to the list; false without memory. */
static bool line_add(struct curl_slist **list, const char *name, const char *value) {
    char line[LINE_MAX_BYTES + 64];
    (void)snprintf(line, sizeof(line), "%s%s", name, value);
    struct curl_slist *longer = curl_slist_append(*list, line);
    *list = longer != NULL ? longer : *list;
    return longer != NULL;
}

/* The headers of a call; whether it has a Range. False without memory; the list is there anyway. */
static bool headers_write(struct curl_slist **list, const ch_http_call *call, bool *has_range) {
    bool is_whole = call->type != NULL ? line_add(list, "Content-Type: ", call->type)
                                       : line_add(list, "Content-Type:", ""); // which leaves it out
    if (call->bearer != NULL) {
        is_whole = is_whole && line_add(list, "Authorization: Bearer ", call->bearer);
    }
    for (size_t i = 0; i < CH_HTTP_CALL_HEADERS_MAX && call->headers[i] != NULL; i++) {
        *has_range |= strncasecmp(call->headers[i], "Range:", 6) == 0;
        is_whole = is_whole && line_add(list, call->headers[i], "");
    }
    return is_whole;
}

static void headers_forget(ch_http_client *c) {
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(c->headers);
    c->headers = NULL;
}

/* Tells libcurl the call. False without memory. */
static bool call_set(ch_http_client *c, const ch_http_call *call, struct curl_slist *headers,
                     bool has_range) {
    char url[2 * CH_HTTP_URL_MAX];
    (void)snprintf(url, sizeof(url), "%s%s", c->url, call->path);
    const bool is_get = strcmp(call->method, "GET") == 0;
    const bool is_head = strcmp(call->method, "HEAD") == 0;
    CURL *curl = c->curl;
    bool is_set = curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK && // forgets the last
                  curl_easy_setopt(curl, CURLOPT_NOBODY, is_head ? 1L : 0L) == CURLE_OK;
    if (!is_get && !is_head) {
        const char *data = call->body.size > 0 ? (const char *)call->body.data : "";
        is_set = is_set && curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
                 curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.size) ==
                     CURLE_OK &&
                 curl_easy_setopt(curl, CURLOPT_POSTFIELDS, data) == CURLE_OK;
    }
    return is_set &&
           curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, is_get || is_head ? NULL : call->method) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, has_range ? NULL : "") == CURLE_OK;
}

/* What to check when libcurl gives up. */
static const char *advice(CURLcode code) {
    static const struct {
        CURLcode code;
        const char *text;
    } rows[] = {
        {CURLE_COULDNT_RESOLVE_HOST, "check the server's name and this machine's network"},
        {CURLE_COULDNT_RESOLVE_PROXY, "check the proxy's name"},
        {CURLE_COULDNT_CONNECT,
         "check that the server runs there, and that nothing blocks the way"},
        {CURLE_OPERATION_TIMEDOUT, "the server or the network is too slow, or has gone"},
        {CURLE_SSL_PINNEDPUBKEYNOTMATCH,
         "this is another server than the pinned one, or its key was changed"},
        {CURLE_PEER_FAILED_VERIFICATION, "give the server's pin, or the CA that signed for it"},
        {CURLE_SSL_CACERT_BADFILE, "check the file of CAs"},
        {CURLE_SSL_CERTPROBLEM, "check this client's certificate and key files"},
        {CURLE_SSL_CONNECT_ERROR, "check that the server speaks TLS there, and what it asks for"},
        {CURLE_BAD_CONTENT_ENCODING, "the answer cannot be unpacked"},
        {CURLE_UNSUPPORTED_PROTOCOL, "check that this is the port of an HTTP server"},
        {CURLE_WEIRD_SERVER_REPLY, "check that this is the port of an HTTP server"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].code == code) {
            return rows[i].text;
        }
    }
    return "the connection broke off; try again";
}

/* Copies what libcurl says, some of which the other end may have written. */
static void reason_write(char out[CURL_ERROR_SIZE], const char *reason) {
    size_t i = 0;
    for (; i < CURL_ERROR_SIZE - 1 && reason[i] != '\0'; i++) {
        out[i] = reason[i];
        if (reason[i] < ' ' || reason[i] > '~') {
            out[i] = '?';
        }
    }
    out[i] = '\0';
}

static choir_status failure(const ch_http_client *c, CURLcode code, choir_error *err) {
    if (c->is_out_of_memory || code == CURLE_OUT_OF_MEMORY) {
        return CHOIR_ENOMEM;
    }
    if (c->is_too_large) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: the answer is larger than the %zu bytes of body, or %d of "
                            "headers, that are taken",
                            c->shown, body_most(c), HEADS_MAX);
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        return ch_error_set(err, CHOIR_EIO, "%s: stopped while waiting for the answer", c->shown);
    }
    char reason[CURL_ERROR_SIZE];
    reason_write(reason, c->reason[0] != '\0' ? c->reason : curl_easy_strerror(code));
    const bool is_nonsense = code == CURLE_BAD_CONTENT_ENCODING ||
                             code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY;
    return ch_error_set(err, is_nonsense ? CHOIR_EPROTO : CHOIR_EIO, "%s: %s; %s", c->shown, reason,
                        advice(code));
}

/* What libcurl knows of the answer. */
static void reply_finish(ch_http_client *c, ch_http_reply *out) {
    long code = 0;
    curl_off_t retry_s = 0;
    (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &code);
    (void)curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &retry_s);
    out->code = (unsigned)code;
    out->retry_after_ms = retry_s > 0 ? (uint64_t)retry_s * 1000 : 0;
    c->retry_after_ms = out->retry_after_ms;
    out->body = (choir_bytes){.data = c->body_size > 0 ? c->body : NULL, .size = c->body_size};
}

/* Forgets the last answer, and its memory when that is large. */
static void reply_begin(ch_http_client *c, ch_http_reply *out) {
    if (c->body_capacity > KEPT_MAX) {
        body_release(c);
    }
    *out = (ch_http_reply){.code = 0};
    c->reply = out;
    c->body_size = 0;
    c->heads = 0;
    c->retry_after_ms = 0;
    c->is_too_large = false;
    c->is_out_of_memory = false;
    c->reason[0] = '\0';
}

choir_status ch_http_client_begin(ch_http_client *c, const ch_http_call *call, ch_http_reply *out,
                                  choir_error *err) {
    reply_begin(c, out);
    c->expected = call->answer_bytes;
    c->answer_max =
        call->answer_max > 0 && call->answer_max < c->body_max ? call->answer_max : c->body_max;
    const choir_status status = call_check(c, call, err);
    bool has_range = false;
    if (status == CHOIR_OK && !(headers_write(&c->headers, call, &has_range) &&
                                call_set(c, call, c->headers, has_range))) {
        headers_forget(c);
        return CHOIR_ENOMEM;
    }
    return status;
}

choir_status ch_http_client_end(ch_http_client *c, CURLcode code, choir_error *err) {
    const choir_status status = code == CURLE_OK ? CHOIR_OK : failure(c, code, err);
    if (status == CHOIR_OK || status == CHOIR_EIO) {
        reply_finish(c, c->reply);
    }
    headers_forget(c);
    return status;
}

void ch_http_client_forget(ch_http_client *c) {
    body_release(c);
    c->body_size = 0;
}

CURL *ch_http_client_curl(const ch_http_client *c) {
    return c->curl;
}

choir_status ch_http_client_send(ch_http_client *c, const ch_http_call *call, ch_http_reply *out,
                                 choir_error *err) {
    const choir_status status = ch_http_client_begin(c, call, out, err);
    return status == CHOIR_OK ? ch_http_client_end(c, curl_easy_perform(c->curl), err) : status;
}

uint64_t ch_http_client_retry_after_ms(const ch_http_client *c) {
    return c->retry_after_ms;
}
