/* LeafText: see leaf_text.h. */
#include "data/leaf_text.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/filed.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_VALUE = 1 << 12, FIRST_USERS = 64, END = -1 };

static choir_status refuse(ch_leaf_text *t, const char *why) {
    if (t->status != CHOIR_OK) {
        return t->status;
    }
    return ch_error_set(t->err, CHOIR_EPROTO, "%s: line %u: %s", t->name, t->line,
                        t->at == t->size ? "the file ends here, before its end" : why);
}

/* -------------------------------------------------------------------------------- characters */

/* Reads the window that begins here. */
static bool window_read(ch_leaf_text *t) {
    const uint64_t behind = t->size - t->at;
    const size_t some = behind < t->window_room ? (size_t)behind : t->window_room;
    if (t->status == CHOIR_OK) {
        t->status = ch_filed_file_read(t->file, t->at, t->window, some, t->err);
    }
    t->window_at = t->at;
    t->window_had = t->status == CHOIR_OK ? some : 0;
    return t->status == CHOIR_OK;
}

/* The character here; END behind the last one, and when it cannot be read. */
static int peek(ch_leaf_text *t) {
    if (t->at == t->size) {
        return END;
    }
    if (t->text != NULL) {
        return (unsigned char)t->text[t->at];
    }
    const bool is_seen = t->at >= t->window_at && t->at - t->window_at < t->window_had;
    if (!is_seen && !window_read(t)) {
        return END;
    }
    return (unsigned char)t->window[t->at - t->window_at];
}

static void pass(ch_leaf_text *t, int c) {
    t->line += c == '\n';
    t->at += 1;
}

/* The next character that is no blank. */
static int blanks_pass(ch_leaf_text *t) {
    int c = peek(t);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        pass(t, c);
        c = peek(t);
    }
    return c;
}

/* ------------------------------------------------------------------------------------- values */

static choir_status value_push(ch_leaf_text *t, int c) {
    if (t->value_size == t->value_room) {
        const size_t room = t->value_room == 0 ? FIRST_VALUE : 2 * t->value_room;
        if (room > CH_LEAF_VALUE_MAX) {
            return refuse(t, "a value of more than 64 MiB");
        }
        char *value = ch_claim(&t->env, room, 1);
        if (value == NULL) {
            return CHOIR_ENOMEM;
        }
        if (t->value != NULL) {
            memcpy(value, t->value, t->value_size);
            t->env.free(t->env.self, t->value);
        }
        t->value = value;
        t->value_room = room;
    }
    t->value[t->value_size] = (char)c;
    t->value_size += 1;
    return CHOIR_OK;
}

/* Where in a value one is. */
typedef struct nesting {
    uint32_t depth;
    bool is_text, is_escape;
} nesting;

/* Whether a text, a list or an object goes on behind a character. */
static bool goes_on(nesting *n, int c) {
    if (n->is_text) {
        n->is_text = n->is_escape || c != '"';
        n->is_escape = !n->is_escape && c == '\\';
    } else if (c == '"') {
        n->is_text = true;
    } else if (c == '[' || c == '{') {
        n->depth += 1;
    } else if (c == ']' || c == '}') {
        n->depth -= 1;
    }
    return n->is_text || n->depth > 0;
}

/* Whether a value that is neither a text nor nested ends before a character. */
static bool ends_before(int c) {
    return c == END || c == ',' || c == ':' || c == ']' || c == '}' || c == ' ' || c == '\t' ||
           c == '\n' || c == '\r';
}

/* Passes the value that begins here, and keeps it when it is wanted. What is inside is not looked
 * at but for where it ends. */
static choir_status value_pass(ch_leaf_text *t, bool is_kept) {
    nesting n = {.depth = 0};
    int c = blanks_pass(t);
    const bool is_bare = c != '"' && c != '[' && c != '{';
    t->value_size = 0;
    if (is_bare && ends_before(c)) {
        return refuse(t, "a value is missing");
    }
    for (bool more = true; more; c = peek(t)) {
        if (is_bare && ends_before(c)) {
            break;
        }
        if (c == END) {
            return refuse(t, "a value goes on");
        }
        const choir_status status = is_kept ? value_push(t, c) : CHOIR_OK;
        if (status != CHOIR_OK) {
            return status;
        }
        pass(t, c);
        more = is_bare || goes_on(&n, c);
    }
    return CHOIR_OK;
}

/* Parses the value that begins here. */
static choir_status value_parse(ch_leaf_text *t, json_t **out) {
    (void)blanks_pass(t);
    const uint32_t line = t->line;
    const choir_status status = value_pass(t, true);
    if (status != CHOIR_OK) {
        return status;
    }
    json_error_t why;
    *out = json_loadb(t->value, t->value_size,
                      JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);
    if (*out == NULL) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_text_show(shown, sizeof(shown), why.text);
        return ch_error_set(t->err, CHOIR_EPROTO, "%s: line %u: %s", t->name,
                            line + (why.line > 0 ? (uint32_t)why.line - 1 : 0), shown);
    }
    return CHOIR_OK;
}

/* Parses a value that nobody wants. */
static choir_status value_check(ch_leaf_text *t) {
    json_t *value = NULL;
    const choir_status status = value_parse(t, &value);
    json_decref(value);
    return status;
}

/* Passes a list, and counts its items. */
static choir_status list_pass(ch_leaf_text *t, ch_leaf_list *list) {
    *list = (ch_leaf_list){.is_there = true, .at = t->at, .line = t->line};
    pass(t, peek(t));
    if (blanks_pass(t) == ']') {
        pass(t, ']');
        return CHOIR_OK;
    }
    for (;;) {
        const choir_status status = value_pass(t, false);
        if (status != CHOIR_OK) {
            return status;
        }
        if (list->count == CH_EXAMPLES_MAX) {
            return refuse(t, "a list of too many items");
        }
        list->count += 1;
        const int c = blanks_pass(t);
        if (c != ',' && c != ']') {
            return refuse(t, "',' or ']' belongs here");
        }
        pass(t, c);
        if (c == ']') {
            return CHOIR_OK;
        }
    }
}

/* ------------------------------------------------------------------------------------ objects */

/* What is done with a value that is under a key: it passes it. */
typedef choir_status key_visit(ch_leaf_text *t, void *self, const char *key);

static choir_status member_visit(ch_leaf_text *t, key_visit *visit, void *self) {
    json_t *key = NULL;
    if (blanks_pass(t) != '"') {
        return refuse(t, "a key between quotes belongs here");
    }
    choir_status status = value_parse(t, &key);
    if (status == CHOIR_OK && blanks_pass(t) != ':') {
        status = refuse(t, "':' belongs here");
    }
    if (status == CHOIR_OK) {
        pass(t, ':');
        (void)blanks_pass(t);
        status = visit(t, self, json_string_value(key));
    }
    json_decref(key);
    return status;
}

/* Visits the members of the object that begins here. */
static choir_status object_visit(ch_leaf_text *t, key_visit *visit, void *self) {
    CH_ASSERT(peek(t) == '{');
    pass(t, '{');
    if (blanks_pass(t) == '}') {
        pass(t, '}');
        return CHOIR_OK;
    }
    for (;;) {
        const choir_status status = member_visit(t, visit, self);
        if (status != CHOIR_OK) {
            return status;
        }
        const int c = blanks_pass(t);
        if (c != ',' && c != '}') {
            return refuse(t, "',' or '}' belongs here");
        }
        pass(t, c);
        if (c == '}') {
            return CHOIR_OK;
        }
    }
}

static choir_status part_visit(ch_leaf_text *t, void *self, const char *key) {
    ch_leaf_user *user = self;
    ch_leaf_list *list = strcmp(key, "x") == 0 ? &user->x : strcmp(key, "y") == 0 ? &user->y : NULL;
    if (list == NULL || peek(t) != '[') {
        return value_check(t);
    }
    return list->is_there ? refuse(t, "a user's list is there twice") : list_pass(t, list);
}

/* Room for one user more. */
static choir_status users_room(ch_leaf_text *t) {
    if (t->data_count < t->data_room) {
        return CHOIR_OK;
    }
    const uint32_t room = t->data_room == 0 ? FIRST_USERS : 2 * t->data_room;
    ch_leaf_user *data = ch_claim(&t->env, room, sizeof(data[0]));
    if (data == NULL) {
        return CHOIR_ENOMEM;
    }
    if (t->data != NULL) {
        memcpy(data, t->data, t->data_count * sizeof(data[0]));
        t->env.free(t->env.self, t->data);
    }
    t->data = data;
    t->data_room = room;
    return CHOIR_OK;
}

static choir_status user_visit(ch_leaf_text *t, void *self, const char *key) {
    const size_t size = strlen(key) + 1;
    (void)self;
    if (users_room(t) != CHOIR_OK) {
        return CHOIR_ENOMEM;
    }
    ch_leaf_user *user = &t->data[t->data_count];
    *user = (ch_leaf_user){.name = ch_claim(&t->env, size, 1)};
    if (user->name == NULL) {
        return CHOIR_ENOMEM;
    }
    memcpy(user->name, key, size);
    t->data_count += 1;
    return peek(t) == '{' ? object_visit(t, part_visit, user) : value_check(t);
}

static choir_status list_keep(ch_leaf_text *t, json_t **out) {
    return *out != NULL ? refuse(t, "a list is there twice") : value_parse(t, out);
}

static choir_status top_visit(ch_leaf_text *t, void *self, const char *key) {
    (void)self;
    if (strcmp(key, "users") == 0) {
        return list_keep(t, &t->users);
    }
    if (strcmp(key, "num_samples") == 0) {
        return list_keep(t, &t->samples);
    }
    if (strcmp(key, "user_data") == 0 && peek(t) == '{') {
        const bool is_again = t->has_data;
        t->has_data = true;
        return is_again ? refuse(t, "'user_data' is there twice")
                        : object_visit(t, user_visit, NULL);
    }
    return value_check(t);
}

static int compare_users(const void *a, const void *b) {
    return strcmp(((const ch_leaf_user *)a)->name, ((const ch_leaf_user *)b)->name);
}

/* Sorts users by name; none is there twice. */
static choir_status users_sort(ch_leaf_text *t) {
    if (t->data_count > 0) {
        qsort(t->data, t->data_count, sizeof(t->data[0]), compare_users);
    }
    for (uint32_t i = 1; i < t->data_count; i++) {
        if (strcmp(t->data[i - 1].name, t->data[i].name) == 0) {
            char shown[CH_TEXT_SHOWN_MAX];
            ch_text_show(shown, sizeof(shown), t->data[i].name);
            return ch_error_set(t->err, CHOIR_EPROTO,
                                "%s: user '%s': is there twice in 'user_data'", t->name, shown);
        }
    }
    return CHOIR_OK;
}

static choir_status text_look(ch_leaf_text *t) {
    const int first = blanks_pass(t);
    choir_status status = first == '{' ? object_visit(t, top_visit, NULL) : value_check(t);
    if (status == CHOIR_OK && blanks_pass(t) != END) {
        status = refuse(t, "something is behind the end of all");
    }
    if (status == CHOIR_OK) {
        status = t->status;
    }
    return status == CHOIR_OK ? users_sort(t) : status;
}

choir_status ch_leaf_text_open(ch_leaf_text *out, const char *text, size_t size,
                               const ch_filed_file *file, size_t window, const char *name,
                               const choir_env *env, choir_error *err) {
    *out = (ch_leaf_text){.name = name,
                          .text = text,
                          .file = file,
                          .size = text != NULL ? size : file->size,
                          .line = 1,
                          .status = CHOIR_OK,
                          .env = *env,
                          .err = err};
    if (text == NULL) {
        out->window = ch_claim(env, window, 1);
        if (out->window == NULL) {
            return CHOIR_ENOMEM;
        }
        out->window_room = window;
    }
    return text_look(out);
}

void ch_leaf_text_release(ch_leaf_text *t) {
    for (uint32_t i = 0; i < t->data_count; i++) {
        t->env.free(t->env.self, t->data[i].name);
    }
    void *const blocks[] = {t->data, t->window, t->value};
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (blocks[i] != NULL) {
            t->env.free(t->env.self, blocks[i]);
        }
    }
    json_decref(t->users);
    json_decref(t->samples);
    *t = (ch_leaf_text){.env = t->env};
}

const ch_leaf_user *ch_leaf_text_find(const ch_leaf_text *t, const char *name) {
    const ch_leaf_user wanted = {.name = (char *)(uintptr_t)name};
    return t->data_count == 0
               ? NULL
               : bsearch(&wanted, t->data, t->data_count, sizeof(t->data[0]), compare_users);
}

choir_status ch_leaf_text_begin(ch_leaf_text *t, const ch_leaf_list *list) {
    CH_ASSERT(list->is_there);
    t->at = list->at;
    t->line = list->line;
    if (peek(t) != '[') {
        return refuse(t, "a list was here; the file was changed while it was read");
    }
    pass(t, '[');
    return CHOIR_OK;
}

choir_status ch_leaf_text_item(ch_leaf_text *t, json_t **out) {
    if (blanks_pass(t) == ',') {
        pass(t, ',');
    }
    return value_parse(t, out);
}

choir_status ch_leaf_text_whole(ch_leaf_text *t, const ch_leaf_list *list, json_t **out) {
    CH_ASSERT(list->is_there);
    t->at = list->at;
    t->line = list->line;
    return value_parse(t, out);
}
