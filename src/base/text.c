/* Text: see text.h. */
#include "base/text.h"

#include <float.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COMPARED_MAX = 64, // bytes of a text that is compared, its zero included
    SHOWN_MAX = 60,    // bytes of a value repeated in a message
};

/* The code point at *at, which moves behind it; UINT32_MAX when it is not well-formed UTF-8. */
static uint32_t code_point_next(const unsigned char **at) {
    static const struct {
        unsigned char mask, lead;
        uint32_t least, more;
    } forms[] = {{0x80, 0x00, 0, 0},
                 {0xe0, 0xc0, 0x80, 1},
                 {0xf0, 0xe0, 0x800, 2},
                 {0xf8, 0xf0, 0x10000, 3}};
    const unsigned char lead = *(*at)++;
    for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        if ((lead & forms[f].mask) != forms[f].lead) {
            continue;
        }
        uint32_t point = lead & (unsigned char)~forms[f].mask;
        for (uint32_t i = 0; i < forms[f].more; i++) {
            if ((**at & 0xc0) != 0x80) {
                return UINT32_MAX;
            }
            point = point << 6 | (*(*at)++ & 0x3f);
        }
        return point >= forms[f].least ? point : UINT32_MAX;
    }
    return UINT32_MAX;
}

static bool is_letter(uint32_t point) {
    return point <= 0x10ffff && (point < 0xd800 || point >= 0xe000);
}

size_t ch_text_letter(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    const uint32_t point = code_point_next(&at);
    return is_letter(point) ? (size_t)(at - (const unsigned char *)text) : 0;
}

bool ch_text_is_printable(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    while (*at != 0) {
        const uint32_t point = code_point_next(&at);
        const bool is_control = point < 0x20 || (point >= 0x7f && point < 0xa0);
        const bool is_separator = point == 0x2028 || point == 0x2029 || point == 0xfeff;
        if (is_control || is_separator || !is_letter(point) || (point & 0xfffe) == 0xfffe) {
            return false;
        }
    }
    return true;
}

bool ch_text_is_plain(const char *text) {
    const size_t plain =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    const bool is_folder = strcmp(text, ".") == 0 || strcmp(text, "..") == 0;
    return text[0] != '\0' && text[plain] == '\0' && !is_folder;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/*
 * d(i, j) = least of d(i-1, j) + 1, d(i, j-1) + 1, d(i-1, j-1) + [a_i != b_j],
 *           and d(i-2, j-2) + 1 when the last two letters of both are swapped
 */
uint32_t ch_text_distance(const char *a, const char *b) {
    const size_t m = strlen(a);
    const size_t n = strlen(b);
    if (m >= COMPARED_MAX || n >= COMPARED_MAX) {
        return CH_TEXT_DISTANCE_FAR;
    }
    uint32_t rows[3][COMPARED_MAX]; // row i of d is rows[i % 3]
    for (uint32_t j = 0; j <= n; j++) {
        rows[0][j] = j;
    }
    for (uint32_t i = 1; i <= m; i++) {
        uint32_t *row = rows[i % 3];
        const uint32_t *above = rows[(i + 2) % 3];
        row[0] = i;
        for (uint32_t j = 1; j <= n; j++) {
            const uint32_t changed = a[i - 1] != b[j - 1] ? 1 : 0;
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + changed);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], rows[(i + 1) % 3][j - 2] + 1);
            }
        }
    }
    return rows[m % 3][n];
}

bool ch_text_is_near(uint32_t distance, size_t length) {
    return distance <= (length < 4 ? 1 : length < 9 ? 2 : 3);
}

void ch_text_show(char *out, size_t size, const char *text) {
    const bool is_long = strlen(text) > SHOWN_MAX;
    char shown[SHOWN_MAX + 1];
    size_t count = 0;
    for (; count < SHOWN_MAX && text[count] != '\0'; count++) {
        const char c = text[count];
        shown[count] = c;
        if (c < ' ' || c > '~') {
            shown[count] = '?';
        }
    }
    shown[count] = '\0';
    (void)snprintf(out, size, "%s%s", shown, is_long ? "..." : "");
}

typedef struct sink {
    char *out;
    size_t size;
    size_t used; // what the whole has so far, fitting or not
} sink;

static void put(sink *s, char c) {
    if (s->used + 1 < s->size) {
        s->out[s->used] = c;
    }
    s->used += 1;
}

size_t ch_text_quote(char *out, size_t size, const char *text) {
    sink s = {.out = out, .size = size};
    put(&s, '"');
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            put(&s, '\\');
        }
        put(&s, *at);
    }
    put(&s, '"');
    out[s.used < size ? s.used : size - 1] = '\0';
    return s.used;
}

/* A quote itself is written '\\''. */
void ch_text_shell(char *out, size_t size, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "._-/=,:+@%";
    const size_t before = strlen(out);
    sink s = {.out = out + before, .size = size - before};
    const bool is_plain = word[0] != '\0' && word[strspn(word, plain)] == '\0';
    if (before > 0) {
        put(&s, ' ');
    }
    if (!is_plain) {
        put(&s, '\'');
    }
    for (const char *at = word; *at != '\0'; at++) {
        for (const char *c = *at == '\'' ? "'\\'" : ""; *c != '\0'; c++) {
            put(&s, *c);
        }
        put(&s, *at);
    }
    if (!is_plain) {
        put(&s, '\'');
    }
    s.out[s.used < s.size ? s.used : s.size - 1] = '\0';
}

void ch_text_list(char *out, size_t size, const char *item) {
    const size_t used = strlen(out);
    (void)snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ", ", item);
}

/* Lends this thread the "C" locale, for numbers to have their point. newlocale makes nothing for
 * that name and cannot fail; if it did, uselocale would only ask. */
static locale_t c_locale_lend(locale_t *own) {
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *own = uselocale(c);
    return c;
}

static void c_locale_end(locale_t c, locale_t own) {
    (void)uselocale(own);
    if (c != (locale_t)0) {
        freelocale(c);
    }
}

void ch_text_number(char *out, size_t size, double value) {
    locale_t own;
    const locale_t c = c_locale_lend(&own);
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(out, size, "%.*g", digits, value);
        if (strtod(out, NULL) == value) {
            break;
        }
    }
    c_locale_end(c, own);
}

double ch_text_decimal(float value) {
    char text[CH_TEXT_NUMBER_MAX];
    locale_t own;
    const locale_t c = c_locale_lend(&own);
    double decimal = (double)value;
    for (int digits = 6; digits <= 9; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, (double)value);
        decimal = strtod(text, NULL);
        if ((float)decimal == value) {
            break;
        }
    }
    c_locale_end(c, own);
    return decimal;
}

bool ch_text_read_f64(double *out, const char *text) {
    if (text[0] == '\0' || text[strspn(text, "+-.0123456789eE")] != '\0') {
        return false;
    }
    char *end = NULL;
    locale_t own;
    const locale_t c = c_locale_lend(&own);
    const double value = strtod(text, &end);
    c_locale_end(c, own);
    if (end == text || *end != '\0' || !(value >= -DBL_MAX && value <= DBL_MAX)) {
        return false;
    }
    *out = value;
    return true;
}

const char *ch_text_plural(uint64_t count) {
    return count == 1 ? "" : "s";
}

bool ch_text_read_u64(uint64_t *out, const char *text) {
    if (text[0] == '\0') {
        return false;
    }
    uint64_t value = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        const uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}
