/* One file of LEAF's; see leaf.h. */
#include "data/leaf.h"

#include "base/error.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { FIRST_ROOM = 256, PICTURE_SIDE = 28 };

/* A file while it is read, for messages. */
typedef struct place {
    const char *name;
    const char *user;
    choir_error *err;
} place;

static choir_status user_refuse(const place *p, const char *why) {
    char shown[CH_TEXT_SHOWN_MAX];
    ch_text_show(shown, sizeof(shown), p->user);
    return ch_error_set(p->err, CHOIR_EPROTO, "%s: user '%s': %s", p->name, shown, why);
}

void ch_leaf_init(ch_leaf *l, const ch_leaf_form *form, uint32_t steps, const choir_env *env) {
    *l = (ch_leaf){.form = *form, .env = *env};
    ch_sequences_init(&l->sequences, steps, env);
}

static void block_free(const choir_env *env, void *block) {
    if (block != NULL) {
        env->free(env->self, block);
    }
}

void ch_leaf_release(ch_leaf *l) {
    const choir_env env = l->env;
    const ch_leaf_form form = l->form;
    const uint32_t steps = l->sequences.steps;
    block_free(&env, l->reals);
    block_free(&env, l->labels);
    block_free(&env, l->groups);
    ch_sequences_release(&l->sequences);
    ch_leaf_init(l, &form, steps, &env);
}

/* ---------------------------------------------------------------------------------------- text */

/* Whether the example moves the last one of the same user on by its last byte. */
static bool is_slide(const ch_sequences *s, uint32_t user, const char *x, size_t x_size,
                     size_t y_size) {
    if (s->count == 0 || s->groups[s->count - 1] != user || y_size != 1) {
        return false;
    }
    const ch_span last = s->spans[s->count - 1];
    if (last.length != x_size + 1 || last.first + last.length != s->token_count) {
        return false;
    }
    for (size_t i = 0; i < x_size; i++) {
        if (s->tokens[last.first + 1 + i] != (uint8_t)x[i]) {
            return false;
        }
    }
    return true;
}

static choir_status bytes_push(ch_sequences *s, const char *text, size_t size) {
    choir_status status = CHOIR_OK;
    for (size_t i = 0; i < size && status == CHOIR_OK; i++) {
        status = ch_sequences_push(s, (uint8_t)text[i]);
    }
    return status;
}

static choir_status text_add(ch_leaf *l, const json_t *x, const json_t *y, const place *p) {
    ch_sequences *s = &l->sequences;
    if (!json_is_string(x) || !json_is_string(y)) {
        return user_refuse(p, "an example whose x and y are not both texts, after some that are");
    }
    const char *before = json_string_value(x);
    const char *after = json_string_value(y);
    const size_t before_size = json_string_length(x);
    const size_t after_size = json_string_length(y);
    if (before_size == 0 || after_size == 0) {
        return user_refuse(p, "an example whose x or y is empty; needs a text and what follows");
    }
    if (is_slide(s, l->users, before, before_size, after_size)) {
        return ch_sequences_slide(s, (uint8_t)after[0], l->users);
    }
    choir_status status = bytes_push(s, before, before_size);
    if (status == CHOIR_OK) {
        status = bytes_push(s, after, after_size);
    }
    return status == CHOIR_OK ? ch_sequences_close(s, l->users) : status;
}

/* ------------------------------------------------------------------------------------- numbers */

/* An array with room for more items; what it held is given back. NULL: there is no memory. */
static void *grown(const choir_env *env, void *from, size_t bytes, size_t room_bytes) {
    void *to = ch_claim(env, room_bytes, 1);
    if (to != NULL && from != NULL) {
        memcpy(to, from, bytes);
        env->free(env->self, from);
    }
    return to;
}

static choir_status room_make(ch_leaf *l) {
    if (l->count < l->room) {
        return CHOIR_OK;
    }
    const uint32_t room = l->room == 0 ? FIRST_ROOM : 2 * l->room;
    const size_t row = l->form.features * sizeof(l->reals[0]);
    if (room > CH_EXAMPLES_MAX) {
        return CHOIR_ENOMEM;
    }
    float *reals = grown(&l->env, l->reals, l->count * row, room * row);
    l->reals = reals == NULL ? l->reals : reals;
    uint32_t *labels = reals == NULL ? NULL : grown(&l->env, l->labels, l->count * 4UL, room * 4UL);
    l->labels = labels == NULL ? l->labels : labels;
    uint32_t *groups =
        labels == NULL ? NULL : grown(&l->env, l->groups, l->count * 4UL, room * 4UL);
    l->groups = groups == NULL ? l->groups : groups;
    if (groups == NULL) {
        return CHOIR_ENOMEM;
    }
    l->room = room;
    return CHOIR_OK;
}

static choir_status label_read(uint32_t *out, const json_t *y, const place *p) {
    const json_int_t label = json_integer_value(y);
    if (!json_is_integer(y) || label < 0 || label >= (json_int_t)CH_CLASSES_MAX) {
        return user_refuse(p, "a y that is no class; right is a whole number in [0, 65535]");
    }
    *out = (uint32_t)label;
    return CHOIR_OK;
}

static choir_status numbers_add(ch_leaf *l, const json_t *x, const json_t *y, const place *p) {
    uint32_t label = 0;
    if (!json_is_array(x) || json_array_size(x) != l->form.features) {
        return user_refuse(p, "an x with another number of numbers than the first one");
    }
    choir_status status = label_read(&label, y, p);
    if (status == CHOIR_OK) {
        status = room_make(l);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    float *to = l->reals + (size_t)l->count * l->form.features;
    for (uint32_t i = 0; i < l->form.features; i++) {
        const json_t *value = json_array_get(x, i);
        to[i] = (float)json_number_value(value);
        if (!json_is_number(value) || !isfinite(to[i])) {
            return user_refuse(p, "an x with something in it that is no number");
        }
    }
    l->labels[l->count] = label;
    l->groups[l->count] = l->users;
    l->form.classes = label >= l->form.classes ? label + 1 : l->form.classes;
    l->count += 1;
    return CHOIR_OK;
}

/* --------------------------------------------------------------------------------------- files */

static choir_status form_see(ch_leaf_form *form, const json_t *x, const json_t *y, const place *p) {
    const bool is_row = json_is_array(x) && json_array_size(x) > 0 &&
                        json_is_number(json_array_get(x, 0)) && json_is_integer(y);
    if (json_is_string(x) && json_is_string(y)) {
        form->kind = CH_LEAF_TEXT;
        return CHOIR_OK;
    }
    if (!is_row || json_array_size(x) > CH_FEATURES_MAX) {
        return user_refuse(p, "an example that is of no kind that is read; right is a text x and "
                              "the text y that follows, or a list x of at most 1048576 numbers and "
                              "a class y");
    }
    form->kind = CH_LEAF_NUMBERS;
    form->features = (uint32_t)json_array_size(x);
    return CHOIR_OK;
}

/* The examples of one user; said is their number as the file says it, or NULL. */
static choir_status user_add(ch_leaf *l, const json_t *data, const json_t *said, const place *p) {
    const json_t *xs = json_object_get(data, "x");
    const json_t *ys = json_object_get(data, "y");
    const size_t count = json_array_size(xs);
    if (!json_is_array(xs) || !json_is_array(ys) || json_array_size(ys) != count) {
        return user_refuse(p, "needs lists x and y of one length in user_data");
    }
    if (said != NULL && (!json_is_integer(said) || json_integer_value(said) != (json_int_t)count)) {
        return user_refuse(p, "num_samples says another number of examples than x has");
    }
    choir_status status = CHOIR_OK;
    for (size_t i = 0; i < count && status == CHOIR_OK; i++) {
        const json_t *x = json_array_get(xs, i);
        const json_t *y = json_array_get(ys, i);
        if (l->form.kind == CH_LEAF_UNSEEN) {
            status = form_see(&l->form, x, y, p);
        }
        if (status == CHOIR_OK) {
            status = l->form.kind == CH_LEAF_TEXT ? text_add(l, x, y, p) : numbers_add(l, x, y, p);
        }
    }
    return status;
}

static choir_status users_add(ch_leaf *l, const json_t *root, const char *name, choir_error *err) {
    const json_t *users = json_object_get(root, "users");
    const json_t *samples = json_object_get(root, "num_samples");
    const json_t *data = json_object_get(root, "user_data");
    if (!json_is_array(users) || !json_is_object(data)) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: has no list 'users' and object 'user_data' at its top, as files "
                            "of LEAF have",
                            name);
    }
    choir_status status = CHOIR_OK;
    for (size_t i = 0; i < json_array_size(users) && status == CHOIR_OK; i++) {
        const json_t *user = json_array_get(users, i);
        const place p = {
            .name = name, .user = json_is_string(user) ? json_string_value(user) : "", .err = err};
        const json_t *of = json_is_string(user) ? json_object_get(data, p.user) : NULL;
        if (of == NULL) {
            return user_refuse(&p, "is in 'users' and not in 'user_data'");
        }
        status = user_add(l, of, json_array_get(samples, i), &p);
        l->users += 1;
    }
    return status;
}

choir_status ch_leaf_add(ch_leaf *l, const char *text, size_t size, const char *name,
                         choir_error *err) {
    json_error_t why;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (root == NULL) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_text_show(shown, sizeof(shown), why.text);
        return ch_error_set(err, CHOIR_EPROTO, "%s: line %d: %s", name, why.line, shown);
    }
    const choir_status status = users_add(l, root, name, err);
    json_decref(root);
    return status;
}

void ch_leaf_move(ch_leaf *l, ch_dataset *d, ch_examples *table) {
    if (l->form.kind == CH_LEAF_TEXT) {
        ch_sequences_move(&l->sequences, CH_BYTE_TOKENS, d, table);
    } else if (l->count > 0) {
        const bool is_picture = l->form.features == PICTURE_SIDE * PICTURE_SIDE;
        const ch_shape row = {1, 1, l->form.features};
        const ch_shape picture = {PICTURE_SIDE, PICTURE_SIDE, 1};
        *table = (ch_examples){.count = l->count,
                               .shape = is_picture ? picture : row,
                               .classes = l->form.classes,
                               .reals = l->reals,
                               .labels = l->labels,
                               .groups = l->groups};
        ch_dataset_adopt(d, l->reals);
        ch_dataset_adopt(d, l->labels);
        ch_dataset_adopt(d, l->groups);
        l->reals = NULL;
        l->labels = l->groups = NULL;
    }
    ch_leaf_release(l);
}
