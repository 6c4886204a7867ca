/* Draft: see draft.h. */
#include "report/draft.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    FIRST = 4096, // bytes; a multiple of 64, as every size that follows by doubling
    FORMATTED_MAX = 1024,
};

void ch_draft_init(ch_draft *d, const choir_env *env) {
    *d = (ch_draft){.env = *env};
}

void ch_draft_release(ch_draft *d) {
    if (d->text != NULL) {
        d->env.free(d->env.self, d->text);
    }
    *d = (ch_draft){.env = d->env};
}

void ch_draft_reset(ch_draft *d) {
    d->size = 0;
    d->failed = false;
    if (d->text != NULL) {
        d->text[0] = '\0';
    }
}

/* Makes room for size bytes more, and a zero. */
static bool reserve(ch_draft *d, size_t size) {
    if (d->failed || size >= CH_DRAFT_BYTES_MAX - d->size) {
        d->failed = true;
        return false;
    }
    const size_t wanted = d->size + size + 1;
    if (wanted <= d->capacity) {
        return true;
    }
    size_t capacity = d->capacity == 0 ? FIRST : d->capacity;
    while (capacity < wanted) {
        capacity *= 2;
    }
    char *text = d->env.alloc(d->env.self, capacity);
    if (text == NULL) {
        d->failed = true;
        return false;
    }
    if (d->text != NULL) {
        memcpy(text, d->text, d->size);
        d->env.free(d->env.self, d->text);
    }
    d->text = text;
    d->capacity = capacity;
    return true;
}

void ch_draft_put_bytes(ch_draft *d, const char *bytes, size_t size) {
    if (!reserve(d, size)) {
        return;
    }
    memcpy(d->text + d->size, bytes, size);
    d->size += size;
    d->text[d->size] = '\0';
}

void ch_draft_put(ch_draft *d, const char *text) {
    ch_draft_put_bytes(d, text, strlen(text));
}

void ch_draft_format(ch_draft *d, const char *format, ...) {
    char text[FORMATTED_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ch_draft_put(d, text);
}

/* Bytes of the well-formed UTF-8 character that text starts with; 0 when it is none. */
static size_t character(const char *text) {
    const unsigned char lead = (unsigned char)text[0];
    const size_t size = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char copy[5] = "";
    for (size_t i = 0; i < size && text[i] != '\0'; i++) {
        copy[i] = text[i];
    }
    return size > 0 && strlen(copy) == size && ch_text_is_printable(copy) ? size : 0;
}

void ch_draft_html(ch_draft *d, const char *text) {
    while (*text != '\0' && !d->failed) {
        const size_t size = character(text);
        switch (*text) {
        case '&':
            ch_draft_put(d, "&amp;");
            break;
        case '<':
            ch_draft_put(d, "&lt;");
            break;
        case '>':
            ch_draft_put(d, "&gt;");
            break;
        case '"':
            ch_draft_put(d, "&quot;");
            break;
        case '\'':
            ch_draft_put(d, "&#39;");
            break;
        case '\n':
        case '\t':
            ch_draft_put_bytes(d, text, 1);
            break;
        default:
            ch_draft_put_bytes(d, size > 0 ? text : "\xef\xbf\xbd", size > 0 ? size : 3);
        }
        text += size > 0 ? size : 1;
    }
}

void ch_draft_base64(ch_draft *d, choir_bytes bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.size && !d->failed; i += 3) {
        const size_t left = bytes.size - i;
        uint32_t three = (uint32_t)bytes.data[i] << 16;
        three |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        three |= left > 2 ? bytes.data[i + 2] : 0;
        char four[] = {digits[three >> 18], digits[three >> 12 & 63], digits[three >> 6 & 63],
                       digits[three & 63]};
        if (left < 3) {
            memset(four + left + 1, '=', 3 - left);
        }
        ch_draft_put_bytes(d, four, sizeof(four));
    }
}

choir_status ch_draft_status(const ch_draft *d) {
    return d->failed ? CHOIR_ENOMEM : CHOIR_OK;
}

choir_bytes ch_draft_bytes(const ch_draft *d) {
    return (choir_bytes){.data = (const uint8_t *)d->text, .size = d->size};
}
