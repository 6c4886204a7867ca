/* Option tables: see options.h. */
#include "base/options.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { CHOICE_MAX = 64, SHOW_MAX = 72 };

const ch_option *ch_options_find(const ch_options *table, const char *key) {
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].key, key) == 0) {
            return &table->rows[i];
        }
    }
    return NULL;
}

/* What follows the last dot. */
static const char *last_word(const char *key) {
    const char *word = key;
    for (const char *dot = strchr(key, '.'); dot != NULL; dot = strchr(word, '.')) {
        word = dot + 1;
    }
    return word;
}

const char *ch_options_nearest(const ch_options *table, const char *key) {
    const char *nearest = NULL;
    uint32_t best = UINT32_MAX;
    for (size_t i = 0; i < table->count; i++) {
        const char *known = table->rows[i].key;
        const uint32_t whole = ch_text_distance(key, known);
        const char *word = last_word(known);
        const uint32_t last = ch_text_distance(last_word(key), word) + 1;
        const bool is_near =
            ch_text_is_near(whole, strlen(known)) || ch_text_is_near(last, strlen(word));
        const uint32_t distance = whole < last ? whole : last;
        if (is_near && distance < best) {
            best = distance;
            nearest = known;
        }
    }
    return nearest;
}

/* The next of "fedavg|fedavgm" into out; NULL at the end, else where to go on. */
static const char *choice_next(const char *at, char out[CHOICE_MAX]) {
    if (at == NULL || *at == '\0') {
        return NULL;
    }
    const size_t size = strcspn(at, "|");
    CH_ASSERT(size < CHOICE_MAX);
    memcpy(out, at, size);
    out[size] = '\0';
    return at + size + (at[size] == '|' ? 1 : 0);
}

static bool is_choice(const ch_option *row, const char *value) {
    char choice[CHOICE_MAX];
    for (const char *at = row->choices; (at = choice_next(at, choice)) != NULL;) {
        if (strcmp(choice, value) == 0) {
            return true;
        }
    }
    return false;
}

/* "; did you mean 'fedavg'?" or nothing. */
static void choice_hint(const ch_option *row, const char *value, char *out, size_t size) {
    char choice[CHOICE_MAX];
    uint32_t best = UINT32_MAX;
    out[0] = '\0';
    for (const char *at = row->choices; (at = choice_next(at, choice)) != NULL;) {
        const uint32_t distance = ch_text_distance(value, choice);
        if (distance < best && ch_text_is_near(distance, strlen(choice))) {
            best = distance;
            (void)snprintf(out, size, "; did you mean '%s'?", choice);
        }
    }
}

static void choices_list(const char *choices, char *out, size_t size) {
    char choice[CHOICE_MAX];
    size_t used = (size_t)snprintf(out, size, "one of");
    for (const char *at = choices; (at = choice_next(at, choice)) != NULL && used < size;) {
        used += (size_t)snprintf(out + used, size - used, " %s%s", choice, *at != '\0' ? "," : "");
    }
}

void ch_options_domain(const ch_option *row, char *out, size_t size) {
    char min[CH_TEXT_NUMBER_MAX];
    char max[CH_TEXT_NUMBER_MAX];
    ch_text_number(min, sizeof(min), row->min);
    ch_text_number(max, sizeof(max), row->max);
    const char *blank = row->unit[0] == '\0' ? "" : " ";
    switch (row->type) {
    case CH_OPTION_U32:
    case CH_OPTION_U64:
        (void)snprintf(out, size, "a whole number in [%s, %s]%s%s", min, max, blank, row->unit);
        break;
    case CH_OPTION_F64:
        (void)snprintf(out, size, "a number in [%s, %s]%s%s", min, max, blank, row->unit);
        break;
    case CH_OPTION_TEXT:
        if (row->choices != NULL) {
            choices_list(row->choices, out, size);
        } else {
            (void)snprintf(out, size, "printable text of at most %u bytes", (unsigned)row->max - 1);
        }
        break;
    case CH_OPTION_FLAG:
        (void)snprintf(out, size, "true or false");
        break;
    case CH_OPTION_TEXTS:
        (void)snprintf(out, size, "text, up to %d times", (int)CH_OPTION_TEXTS_MAX);
        break;
    }
}

/* One function per type; false when value does not fit, and the field is then unchanged. */

static bool u32_set(const ch_option *row, void *field, const char *value) {
    uint64_t number = 0;
    if (!ch_text_read_u64(&number, value) || number > UINT32_MAX || (double)number < row->min ||
        (double)number > row->max) {
        return false;
    }
    memcpy(field, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
    return true;
}

static bool u64_set(const ch_option *row, void *field, const char *value) {
    uint64_t number = 0;
    if (!ch_text_read_u64(&number, value) || (double)number < row->min ||
        (double)number > row->max) {
        return false;
    }
    memcpy(field, &number, sizeof(number));
    return true;
}

static bool f64_set(const ch_option *row, void *field, const char *value) {
    double number = 0;
    if (!ch_text_read_f64(&number, value) || number < row->min || number > row->max) {
        return false;
    }
    number += 0.0; // -0 becomes 0, so that equal values have equal bytes
    memcpy(field, &number, sizeof(number));
    return true;
}

static bool text_set(const ch_option *row, void *field, const char *value) {
    const size_t size = strlen(value);
    if (size >= (size_t)row->max || !ch_text_is_printable(value) ||
        (row->choices != NULL && !is_choice(row, value))) {
        return false;
    }
    memset(field, 0, (size_t)row->max); // so that equal texts have equal bytes
    memcpy(field, value, size);
    return true;
}

static bool flag_set(void *field, const char *value) {
    const bool is_true = strcmp(value, "true") == 0;
    if (!is_true && strcmp(value, "false") != 0) {
        return false;
    }
    memcpy(field, &is_true, sizeof(is_true));
    return true;
}

static bool texts_set(void *field, const char *value) {
    ch_option_texts *texts = field;
    if (texts->count == CH_OPTION_TEXTS_MAX) {
        return false;
    }
    texts->items[texts->count] = value;
    texts->count += 1;
    return true;
}

static bool value_set(const ch_option *row, void *target, const char *value) {
    void *field = (char *)target + row->offset;
    switch (row->type) {
    case CH_OPTION_U32:
        return u32_set(row, field, value);
    case CH_OPTION_U64:
        return u64_set(row, field, value);
    case CH_OPTION_F64:
        return f64_set(row, field, value);
    case CH_OPTION_TEXT:
        return text_set(row, field, value);
    case CH_OPTION_FLAG:
        return flag_set(field, value);
    case CH_OPTION_TEXTS:
        return texts_set(field, value);
    }
    return false;
}

choir_status ch_options_set(const ch_options *table, void *target, const char *key,
                            const char *value, const char *where, choir_error *err) {
    const char *colon = where[0] == '\0' ? "" : ": ";
    char shown[SHOW_MAX];
    char domain[CH_OPTION_DOMAIN_MAX];
    char hint[CHOICE_MAX + SHOW_MAX];
    const ch_option *row = ch_options_find(table, key);
    if (row == NULL) {
        const char *nearest = ch_options_nearest(table, key);
        ch_text_show(shown, sizeof(shown), key);
        if (nearest == NULL) {
            return ch_error_set(err, CHOIR_EINVAL, "%s%s%s is not known", where, colon, shown);
        }
        return ch_error_set(err, CHOIR_EINVAL, "%s%s%s is not known; did you mean '%s'?", where,
                            colon, shown, nearest);
    }
    if (value_set(row, target, value)) {
        return CHOIR_OK;
    }
    ch_text_show(shown, sizeof(shown), value);
    if (row->type == CH_OPTION_TEXTS) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s%s%s: '%s' is one too many; at most %d may be given", where, colon,
                            key, shown, (int)CH_OPTION_TEXTS_MAX);
    }
    ch_options_domain(row, domain, sizeof(domain));
    choice_hint(row, value, hint, sizeof(hint));
    return ch_error_set(err, CHOIR_EINVAL, "%s%s%s: '%s' is not %s%s", where, colon, key, shown,
                        domain, hint);
}

void ch_options_get(const ch_option *row, const void *target, char *out, size_t size) {
    const void *field = (const char *)target + row->offset;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    double f64 = 0;
    bool flag = false;
    switch (row->type) {
    case CH_OPTION_U32:
        memcpy(&u32, field, sizeof(u32));
        (void)snprintf(out, size, "%u", u32);
        break;
    case CH_OPTION_U64:
        memcpy(&u64, field, sizeof(u64));
        (void)snprintf(out, size, "%llu", (unsigned long long)u64);
        break;
    case CH_OPTION_F64:
        memcpy(&f64, field, sizeof(f64));
        ch_text_number(out, size, f64);
        break;
    case CH_OPTION_TEXT:
        (void)snprintf(out, size, "%.*s", (int)row->max, (const char *)field);
        break;
    case CH_OPTION_FLAG:
        memcpy(&flag, field, sizeof(flag));
        (void)snprintf(out, size, "%s", flag ? "true" : "false");
        break;
    case CH_OPTION_TEXTS:
        (void)snprintf(out, size, "%u", ((const ch_option_texts *)field)->count);
        break;
    }
}
