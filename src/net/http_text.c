/* HTTP text: see http_text.h. */
#include "net/http_text.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

/* The value of a hexadecimal digit; -1 for another character. */
static int digit_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte that "%2f" at text stands for; -1 when it is no such thing, and for zero. */
static int escape_value(const char *text) {
    const int high = digit_value(text[1]);
    const int low = high < 0 ? -1 : digit_value(text[2]);
    const int value = low < 0 ? -1 : high * 16 + low;
    return value == 0 ? -1 : value;
}

bool ch_http_unescape(char *text, size_t *length) {
    for (const char *at = strchr(text, '%'); at != NULL; at = strchr(at + 1, '%')) {
        if (escape_value(at) < 0) {
            return false;
        }
    }
    char *out = text;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '%') {
            *out = (char)escape_value(at);
            at += 2;
        } else {
            *out = *at;
        }
        out++;
    }
    *out = '\0';
    *length = (size_t)(out - text);
    return true;
}

bool ch_http_path_is_plain(const char *path, size_t bytes_max) {
    if (path[0] != '/' || strlen(path) > bytes_max || !ch_text_is_printable(path)) {
        return false;
    }
    for (const char *segment = path; segment != NULL; segment = strchr(segment, '/')) {
        segment += 1;
        const size_t length = strcspn(segment, "/");
        if ((length == 1 && segment[0] == '.') ||
            (length == 2 && segment[0] == '.' && segment[1] == '.')) {
            return false;
        }
    }
    return true;
}

const char *ch_http_token(const char *authorization) {
    static const char scheme[] = "Bearer";
    const size_t length = sizeof(scheme) - 1;
    if (authorization == NULL || strncasecmp(authorization, scheme, length) != 0) {
        return NULL;
    }
    const char *token = authorization + length;
    const size_t blanks = strspn(token, " ");
    token += blanks;
    return blanks == 0 || *token == '\0' || strpbrk(token, " \t,") != NULL ? NULL : token;
}

bool ch_http_is_id(const char *text, size_t bytes_max) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t size = strspn(text, letters);
    return size > 0 && size <= bytes_max && text[size] == '\0';
}

/* Behind so many small hexadecimal digits; NULL when there are others, or all are 0. */
static const char *digits_behind(const char *text, size_t count) {
    return strspn(text, "0123456789abcdef") == count && strspn(text, "0") < count ? text + count
                                                                                  : NULL;
}

/* 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01; later versions may go on behind it. */
bool ch_http_trace_id(char out[CH_HTTP_TRACE_MAX], const char *traceparent) {
    static const char digits[] = "0123456789abcdef";
    const bool is_first = strncmp(traceparent, "00-", 3) == 0;
    if (strspn(traceparent, digits) != 2 || traceparent[2] != '-' ||
        strncmp(traceparent, "ff", 2) == 0) {
        return false;
    }
    const char *trace = traceparent + 3;
    const char *at = digits_behind(trace, CH_HTTP_TRACE_MAX - 1);
    if (at == NULL || *at != '-') {
        return false;
    }
    at = digits_behind(at + 1, 16);
    if (at == NULL || *at != '-' || strspn(at + 1, digits) != 2) {
        return false;
    }
    const char end = at[3];
    if (end != '\0' && (is_first || end != '-')) {
        return false;
    }
    memcpy(out, trace, CH_HTTP_TRACE_MAX - 1);
    out[CH_HTTP_TRACE_MAX - 1] = '\0';
    return true;
}

bool ch_http_is_token(const char *text) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
    return text[0] != '\0' && text[strspn(text, letters)] == '\0';
}

bool ch_http_is_line(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at < ' ' || *at == 0x7f) {
            return false;
        }
    }
    return true;
}

bool ch_http_hash_read(uint8_t out[32], const char *text) {
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != 64) {
        return false;
    }
    for (size_t i = 0; i < 32; i++) {
        const char *high = strchr(digits, text[2 * i]);
        const char *low = strchr(digits, text[2 * i + 1]);
        if (high == NULL || low == NULL) {
            return false;
        }
        out[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}
