/* HTTP content: see http_content.h. */
#include "net/http_content.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char BLANKS[] = " \t";

/* The end of a text that may be followed by blanks. */
static const char *trimmed_end(const char *from, const char *end) {
    while (end > from && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    return end;
}

/* -------------------------------------------------------------------------------- what is packed
 */

/* Whether the parameters of a coding, after its ';', give it weight zero: "q=0", "q=0.000". */
static bool weight_is_zero(const char *at, const char *end) {
    at += strspn(at, " \t;");
    if (end - at < 3 || strncasecmp(at, "q=0", 3) != 0) {
        return false;
    }
    for (at += 3; at < end; at++) {
        if (*at != '0' && *at != '.') {
            return *at == ' ' || *at == '\t';
        }
    }
    return true;
}

/* Whether a list such as "gzip, zstd;q=0.5" has zstd, with a weight above zero. */
static bool accepts_zstd(const char *list) {
    static const char zstd[] = "zstd";
    const size_t length = sizeof(zstd) - 1;
    while (list != NULL && *list != '\0') {
        list += strspn(list, " \t,");
        const char *end = list + strcspn(list, ",");
        const char *name_end = trimmed_end(list, list + strcspn(list, ",;"));
        if ((size_t)(name_end - list) == length && strncasecmp(list, zstd, length) == 0) {
            return !weight_is_zero(name_end, end);
        }
        list = end;
    }
    return false;
}

/* ---------------------------------------------------------------------------------- entity tags */

/* Whether a list of entity tags, or '*', has this one, by weak comparison. */
static bool tags_have(const char *list, const char *etag) {
    const size_t length = strlen(etag);
    while (list != NULL && *list != '\0') {
        list += strspn(list, " \t,");
        if (*list == '*') {
            return true;
        }
        list += strncmp(list, "W/", 2) == 0 ? 2 : 0;
        if (strncmp(list, etag, length) == 0) {
            return true;
        }
        const char *end = *list == '"' ? strchr(list + 1, '"') : NULL;
        if (end == NULL) {
            return false;
        }
        list = end + 1;
    }
    return false;
}

/* --------------------------------------------------------------------------------------- ranges */

/* Reads digits as far as they go; SIZE_MAX stands for all that is larger. False without any. */
static bool digits_read(const char **at, size_t *out) {
    if (**at < '0' || **at > '9') {
        return false;
    }
    size_t value = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        const size_t digit = (size_t)(**at - '0');
        value = value > (SIZE_MAX - digit) / 10 ? SIZE_MAX : value * 10 + digit;
    }
    *out = value;
    return true;
}

typedef enum range_kind {
    RANGE_NONE, // ignore it
    RANGE_PART,
    RANGE_BEYOND, // cannot be satisfied
} range_kind;

/* One range, "bytes=2-5", "bytes=2-" or "bytes=-5", of a representation of total bytes. */
static range_kind range_read(const char *text, size_t total, size_t *from, size_t *size) {
    if (text == NULL || strncasecmp(text, "bytes=", 6) != 0) {
        return RANGE_NONE;
    }
    const char *at = text + 6 + strspn(text + 6, BLANKS);
    size_t first = 0;
    size_t last = SIZE_MAX;
    const bool has_first = digits_read(&at, &first);
    if (*at != '-') {
        return RANGE_NONE;
    }
    at += 1;
    const bool has_last = digits_read(&at, &last);
    at += strspn(at, BLANKS);
    if (*at != '\0' || (!has_first && !has_last) || (has_first && last < first)) {
        return RANGE_NONE;
    }
    if (!has_first) { // the last so many
        first = last < total ? total - last : 0;
        last = last == 0 ? 0 : SIZE_MAX;
        if (last == 0) {
            return RANGE_BEYOND;
        }
    }
    if (first >= total) {
        return RANGE_BEYOND;
    }
    *from = first;
    *size = (last < total ? last + 1 : total) - first;
    return RANGE_PART;
}

ch_http_choice ch_http_choose(const ch_http_content *content, const ch_http_wishes *wishes) {
    ch_http_choice c = {.code = 200};
    c.is_packed = content->packed.size > 0 && accepts_zstd(wishes->accept_encoding);
    (void)snprintf(c.etag, sizeof(c.etag), "\"%s%s\"", content->etag, c.is_packed ? "-zstd" : "");
    if (tags_have(wishes->if_none_match, c.etag)) {
        c.code = 304;
        return c;
    }
    const size_t total = c.is_packed ? content->packed.size : content->bytes.size;
    c.size = total;
    const bool is_same = wishes->if_range == NULL || strcmp(wishes->if_range, c.etag) == 0;
    if (!is_same || strcmp(wishes->method, "GET") != 0) {
        return c;
    }
    switch (range_read(wishes->range, total, &c.from, &c.size)) {
    case RANGE_PART:
        c.code = 206;
        break;
    case RANGE_BEYOND:
        c.code = 416;
        c.size = 0;
        break;
    case RANGE_NONE:
        break;
    }
    return c;
}

/* Reads digits and what must follow them. */
static bool number_read(const char **at, size_t *out, char end) {
    if (!digits_read(at, out) || *out == SIZE_MAX || **at != end) {
        return false;
    }
    *at += end != '\0';
    return true;
}

bool ch_http_part_read(ch_http_part *out, const char *text) {
    if (text == NULL || strncasecmp(text, "bytes ", 6) != 0) {
        return false;
    }
    const char *at = text + 6;
    size_t first = 0;
    size_t last = 0;
    size_t total = 0;
    if (!number_read(&at, &first, '-') || !number_read(&at, &last, '/') ||
        !number_read(&at, &total, '\0') || last < first || last >= total) {
        return false;
    }
    *out = (ch_http_part){.from = first, .size = last - first + 1, .total = total};
    return true;
}
