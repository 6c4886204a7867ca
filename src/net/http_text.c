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

bool ch_http_is_line(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at < ' ' || *at == 0x7f) {
            return false;
        }
    }
    return true;
}
