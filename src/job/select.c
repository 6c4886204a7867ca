/* Select: see select.h. */
#include "job/select.h"

#include "base/error.h"

#include <stddef.h>
#include <string.h>

static const char AT_LEAST[] = ">=";
static const char DIGITS[] = "0123456789";

bool ch_select_is_all(const choir_job_select *s) {
    return s->platform[0] == '\0' && s->version[0] == '\0' && s->tags[0] == '\0';
}

// ----- versions ---------------------------------------------------------------------------------

/* Numbers with dots between: "1.4", "10". */
static bool is_dotted(const char *text) {
    for (;;) {
        const size_t digits = strspn(text, DIGITS);
        if (digits == 0 || (text[digits] != '\0' && text[digits] != '.')) {
            return false;
        }
        if (text[digits] == '\0') {
            return true;
        }
        text += digits + 1;
    }
}

/* A number of any length. */
typedef struct number {
    const char *digits; // (size) without leading zeros; none for 0
    size_t size;
} number;

/* The next number of a dotted text, which then begins behind it; 0 at its end. */
static number number_next(const char **text) {
    *text += strspn(*text, "0");
    const number n = {.digits = *text, .size = strspn(*text, DIGITS)};
    *text += n.size;
    *text += **text == '.';
    return n;
}

static int number_compare(number a, number b) {
    return a.size != b.size ? (a.size > b.size ? 1 : -1) : memcmp(a.digits, b.digits, a.size);
}

/* Whether dotted a is b or later: by the first numbers that differ; those that are missing are 0.
 */
static bool is_at_least(const char *a, const char *b) {
    while (*a != '\0' || *b != '\0') {
        const int order = number_compare(number_next(&a), number_next(&b));
        if (order != 0) {
            return order > 0;
        }
    }
    return true;
}

/* The dotted text of ">=1.4"; NULL for a version that is wanted as it is. */
static const char *least_of(const char *version) {
    const size_t size = sizeof(AT_LEAST) - 1;
    return strncmp(version, AT_LEAST, size) == 0 ? version + size : NULL;
}

static bool version_takes(const char *wanted, const char *version) {
    const char *least = least_of(wanted);
    if (least == NULL) {
        return strcmp(wanted, version) == 0;
    }
    return is_dotted(version) && is_at_least(version, least);
}

// ----- tags -------------------------------------------------------------------------------------

/* One tag. */
typedef struct tag {
    const char *text; // (size) without blanks around it
    size_t size;
} tag;

/* The next tag of a list, which then begins behind it; NULL at its end. */
static const char *tag_next(tag *out, const char *list) {
    const size_t size = strcspn(list, ",");
    out->text = list + strspn(list, " ");
    out->size = out->text < list + size ? (size_t)(list + size - out->text) : 0;
    while (out->size > 0 && out->text[out->size - 1] == ' ') {
        out->size -= 1;
    }
    return list[size] == ',' ? list + size + 1 : NULL;
}

static bool tags_have(const char *list, tag wanted) {
    while (list != NULL) {
        tag t;
        list = tag_next(&t, list);
        if (t.size == wanted.size && memcmp(t.text, wanted.text, t.size) == 0) {
            return true;
        }
    }
    return false;
}

// ----- all of it --------------------------------------------------------------------------------

choir_status ch_select_check(const choir_job_select *s, choir_error *err) {
    const char *least = least_of(s->version);
    const bool is_other = least == NULL && strpbrk(s->version, "<>=~^*") != NULL;
    if (is_other || (least != NULL && !is_dotted(least))) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "select.version: '%s' must be a version as devices tell it, or >= and "
                            "numbers with dots between, like >=1.4",
                            s->version);
    }
    for (const char *list = s->tags; s->tags[0] != '\0' && list != NULL;) {
        tag t;
        list = tag_next(&t, list);
        if (t.size == 0) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "select.tags: '%s' has an empty tag; write [a, b]", s->tags);
        }
    }
    return CHOIR_OK;
}

choir_status ch_select_takes(const choir_job_select *s, const ch_attributes *d, choir_error *err) {
    if (s->platform[0] != '\0' && strcmp(s->platform, d->platform) != 0) {
        return ch_error_set(err, CHOIR_EAGAIN, "platform: '%s' is not '%s', which the job selects",
                            d->platform, s->platform);
    }
    if (s->version[0] != '\0' && !version_takes(s->version, d->version)) {
        return ch_error_set(err, CHOIR_EAGAIN, "version: '%s' is not '%s', which the job selects",
                            d->version, s->version);
    }
    for (const char *list = s->tags; s->tags[0] != '\0' && list != NULL;) {
        tag t;
        list = tag_next(&t, list);
        if (!tags_have(d->tags, t)) {
            return ch_error_set(err, CHOIR_EAGAIN, "tags: '%s' lack '%.*s', which the job selects",
                                d->tags, (int)t.size, t.text);
        }
    }
    return CHOIR_OK;
}
