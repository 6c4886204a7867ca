/* One file of LEAF's; see leaf.h. */
#include "data/leaf.h"

#include "base/error.h"
#include "base/text.h"
#include "data/leaf_text.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 256, PICTURE_SIDE = 28 };

/* A file while it is read, for messages. */
typedef struct place {
    const char *name;
    const char *user;
    uint32_t example; // of the user, from 1; 0: of none
    choir_error *err;
} place;

enum { WHY_BYTES = 200, VALUE_BYTES = CH_TEXT_SHOWN_MAX + 2 };

static choir_status user_refuse(const place *p, const char *why) {
    char shown[CH_TEXT_SHOWN_MAX];
    char example[32] = "";
    ch_text_show(shown, sizeof(shown), p->user);
    if (p->example > 0) {
        (void)snprintf(example, sizeof(example), "example %u: ", p->example);
    }
    return ch_error_set(p->err, CHOIR_EPROTO, "%s: user '%s': %s%s", p->name, shown, example, why);
}

/* A value for a message: a number as it is, a text between quotes, or what else it is. */
static const char *value_show(char out[VALUE_BYTES], const json_t *v) {
    char text[CH_TEXT_SHOWN_MAX];
    if (json_is_integer(v)) {
        (void)snprintf(out, VALUE_BYTES, "%lld", (long long)json_integer_value(v));
    } else if (json_is_real(v)) {
        (void)snprintf(out, VALUE_BYTES, "%g", json_real_value(v));
    } else if (json_is_string(v)) {
        ch_text_show(text, sizeof(text), json_string_value(v));
        (void)snprintf(out, VALUE_BYTES, "'%s'", text);
    } else {
        (void)snprintf(out, VALUE_BYTES, "%s", json_is_array(v) ? "a list" : "no number");
    }
    return out;
}

void ch_leaf_init(ch_leaf *l, const ch_leaf_form *form, uint32_t steps,
                  const ch_leaf_filing *filing, const choir_env *env) {
    const ch_leaf_filing none = {.memory = UINT64_MAX};
    *l = (ch_leaf){.form = *form, .filing = filing == NULL ? none : *filing, .env = *env};
    ch_sequences_init(&l->sequences, steps, env);
    ch_leaf_names_init(&l->names, env);
}

static void block_free(const choir_env *env, void *block) {
    if (block != NULL) {
        env->free(env->self, block);
    }
}

void ch_leaf_release(ch_leaf *l) {
    const choir_env env = l->env;
    const ch_leaf_form form = l->form;
    const ch_leaf_filing filing = l->filing;
    const uint32_t steps = l->sequences.steps;
    if (l->is_filed) { // and not moved
        ch_ignore(ch_spool_end(&l->spool, NULL, NULL, CHOIR_EAGAIN, NULL), "nothing is left of it");
    }
    block_free(&env, l->reals);
    block_free(&env, l->labels);
    block_free(&env, l->groups);
    ch_sequences_release(&l->sequences);
    ch_leaf_names_release(&l->names);
    ch_leaf_init(l, &form, steps, &filing, &env);
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
        return user_refuse(p, "its x and y are not both texts, after some that are");
    }
    const char *before = json_string_value(x);
    const char *after = json_string_value(y);
    const size_t before_size = json_string_length(x);
    const size_t after_size = json_string_length(y);
    if (before_size == 0 || after_size == 0) {
        return user_refuse(p, "its x or y is empty; needs a text and what follows");
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

/* Room for twice as many labels and groups. */
static choir_status columns_make(ch_leaf *l) {
    const uint32_t room = l->room == 0 ? FIRST_ROOM : 2 * l->room;
    if (l->count < l->room) {
        return CHOIR_OK;
    }
    if (room > CH_EXAMPLES_MAX) {
        return CHOIR_ENOMEM;
    }
    uint32_t *labels = grown(&l->env, l->labels, l->count * 4UL, room * 4UL);
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

/* From now on numbers go to a file, and so do those so far; there is room for one row. */
static choir_status reals_file(ch_leaf *l, choir_error *err) {
    const size_t features = l->form.features;
    if (l->filing.to[0] == '\0') {
        return ch_error_set(err, CHOIR_EINVAL, "%s", l->filing.why);
    }
    choir_status status =
        ch_spool_begin(&l->spool, l->filing.to, l->filing.path, l->form.features, &l->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    l->is_filed = true;
    if (l->count > 0) {
        status = ch_spool_add(&l->spool, l->reals, l->count, err);
    }
    block_free(&l->env, l->reals);
    l->reals_room = 0;
    l->reals = ch_claim(&l->env, features, sizeof(l->reals[0]));
    if (l->reals == NULL) {
        return status == CHOIR_OK ? CHOIR_ENOMEM : status;
    }
    l->reals_room = 1;
    return status;
}

/* Room for the next row's numbers, which is *out. */
static choir_status reals_make(ch_leaf *l, float **out, choir_error *err) {
    const size_t row = l->form.features * sizeof(l->reals[0]);
    const uint64_t most = l->filing.memory / row; // rows in memory
    choir_status status = CHOIR_OK;
    if (!l->is_filed && l->count >= most) {
        status = reals_file(l, err);
    }
    if (status == CHOIR_OK && !l->is_filed && l->count == l->reals_room) {
        uint32_t room = l->reals_room == 0 ? FIRST_ROOM : 2 * l->reals_room;
        room = room > most ? (uint32_t)most : room;
        float *reals = grown(&l->env, l->reals, l->count * row, room * row);
        if (reals == NULL) {
            return CHOIR_ENOMEM;
        }
        l->reals = reals;
        l->reals_room = room;
    }
    *out = l->is_filed ? l->reals : l->reals + (size_t)l->count * l->form.features;
    return status;
}

/* A class; some write 3.0 for 3. */
static choir_status label_read(uint32_t *out, const json_t *y, const place *p) {
    const double label = json_number_value(y);
    if (!json_is_number(y) || !(label >= 0 && label < CH_CLASSES_MAX) || label != floor(label)) {
        char why[WHY_BYTES];
        char value[VALUE_BYTES];
        (void)snprintf(why, sizeof(why),
                       "its y, %s, is no class; right is a whole number in [0, 65535]",
                       value_show(value, y));
        return user_refuse(p, why);
    }
    *out = (uint32_t)label;
    return CHOIR_OK;
}

static choir_status numbers_add(ch_leaf *l, const json_t *x, const json_t *y, const place *p) {
    uint32_t label = 0;
    if (!json_is_array(x) || json_array_size(x) != l->form.features) {
        char why[WHY_BYTES];
        (void)snprintf(why, sizeof(why), "its x has %zu numbers; needs %u, as the first one has",
                       json_array_size(x), l->form.features);
        return user_refuse(p, why);
    }
    choir_status status = label_read(&label, y, p);
    float *to = NULL;
    if (status == CHOIR_OK) {
        status = columns_make(l);
    }
    if (status == CHOIR_OK) {
        status = reals_make(l, &to, p->err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    for (uint32_t i = 0; i < l->form.features; i++) {
        const json_t *value = json_array_get(x, i);
        to[i] = (float)json_number_value(value);
        if (!json_is_number(value) || !isfinite(to[i])) {
            char why[WHY_BYTES];
            char shown[VALUE_BYTES];
            (void)snprintf(why, sizeof(why),
                           "number %u of its x is %s; needs one of single precision", i + 1,
                           value_show(shown, value));
            return user_refuse(p, why);
        }
    }
    l->labels[l->count] = label;
    l->groups[l->count] = l->users;
    l->form.classes = label >= l->form.classes ? label + 1 : l->form.classes;
    l->count += 1;
    return l->is_filed ? ch_spool_add(&l->spool, to, 1, p->err) : CHOIR_OK;
}

/* --------------------------------------------------------------------------------------- files */

static choir_status form_see(ch_leaf_form *form, const json_t *x, const json_t *y, const place *p) {
    const bool is_row = json_is_array(x) && json_array_size(x) > 0 &&
                        json_is_number(json_array_get(x, 0)) && json_is_number(y);
    if (json_is_string(x) && json_is_string(y)) {
        form->kind = CH_LEAF_TEXT;
        return CHOIR_OK;
    }
    if (!is_row || json_array_size(x) > CH_FEATURES_MAX) {
        return user_refuse(p, "is of no kind that is read; right is a text x and "
                              "the text y that follows, or a list x of at most 1048576 numbers and "
                              "a class y");
    }
    form->kind = CH_LEAF_NUMBERS;
    form->features = (uint32_t)json_array_size(x);
    return CHOIR_OK;
}

/* One of a user's examples. */
static choir_status example_add(ch_leaf *l, const json_t *x, const json_t *y, const place *p) {
    choir_status status = CHOIR_OK;
    if (l->form.kind == CH_LEAF_UNSEEN) {
        status = form_see(&l->form, x, y, p);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    return l->form.kind == CH_LEAF_TEXT ? text_add(l, x, y, p) : numbers_add(l, x, y, p);
}

/* The examples of one user: all y at once, x one by one. */
static choir_status examples_add(ch_leaf *l, ch_leaf_text *t, const ch_leaf_user *user,
                                 const place *p) {
    json_t *ys = NULL;
    choir_status status = ch_leaf_text_whole(t, &user->y, &ys);
    if (status == CHOIR_OK) {
        status = ch_leaf_text_begin(t, &user->x);
    }
    for (uint32_t i = 0; i < user->x.count && status == CHOIR_OK; i++) {
        json_t *x = NULL;
        status = ch_leaf_text_item(t, &x);
        if (status == CHOIR_OK) {
            place at = *p;
            at.example = i + 1;
            status = example_add(l, x, json_array_get(ys, i), &at);
        }
        json_decref(x);
    }
    json_decref(ys);
    return status;
}

/* What there is of one user; said is their number of examples as the file says it, or NULL. */
static choir_status user_add(ch_leaf *l, ch_leaf_text *t, const ch_leaf_user *user,
                             const json_t *said, const place *p) {
    const uint32_t count = user->x.count;
    if (!user->x.is_there || !user->y.is_there || user->y.count != count) {
        char why[WHY_BYTES];
        (void)snprintf(why, sizeof(why),
                       "x has %u examples and y %u; needs lists of one length in user_data", count,
                       user->y.count);
        return user_refuse(p, why);
    }
    if (said != NULL && (!json_is_integer(said) || json_integer_value(said) != (json_int_t)count)) {
        char why[WHY_BYTES];
        char value[VALUE_BYTES];
        (void)snprintf(why, sizeof(why), "num_samples says %s, and x has %u; needs the same",
                       value_show(value, said), count);
        return user_refuse(p, why);
    }
    return examples_add(l, t, user, p);
}

/* A user of two places would be two clients, who may hold the same examples. */
static choir_status name_add(ch_leaf *l, const place *p) {
    const ch_leaf_named named = ch_leaf_names_add(&l->names, p->user);
    return named == CH_LEAF_NAMED_NOWHERE ? CHOIR_OK
           : named == CH_LEAF_NAMED_HERE
               ? user_refuse(p, "is twice in 'users'; right is once")
               : user_refuse(p, "is in 'users' of an earlier file, too; needs all of a user's "
                                "examples in one");
}

static choir_status users_add(ch_leaf *l, ch_leaf_text *t, choir_error *err) {
    if (!json_is_array(t->users) || !t->has_data) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: has no list 'users' and object 'user_data' at its top, as files "
                            "of LEAF have",
                            t->name);
    }
    choir_status status = ch_leaf_names_begin(&l->names, t->users);
    for (size_t i = 0; i < json_array_size(t->users) && status == CHOIR_OK; i++) {
        const json_t *user = json_array_get(t->users, i);
        const place p = {.name = t->name,
                         .user = json_is_string(user) ? json_string_value(user) : "",
                         .err = err};
        const ch_leaf_user *found = json_is_string(user) ? ch_leaf_text_find(t, p.user) : NULL;
        if (found == NULL) {
            return user_refuse(&p, "is in 'users' and not in 'user_data'");
        }
        status = name_add(l, &p);
        if (status == CHOIR_OK) {
            status = user_add(l, t, found, json_array_get(t->samples, i), &p);
        }
        l->users += found->x.count > 0;
        l->idle += found->x.count == 0;
    }
    return status;
}

choir_status ch_leaf_add(ch_leaf *l, const char *text, size_t size, const char *name,
                         choir_error *err) {
    ch_leaf_text t;
    choir_status status =
        ch_leaf_text_open(&t, text == NULL ? "" : text, size, NULL, 0, name, &l->env, err);
    if (status == CHOIR_OK) {
        status = users_add(l, &t, err);
    }
    ch_leaf_text_release(&t);
    return status;
}

choir_status ch_leaf_add_file(ch_leaf *l, const ch_filed_file *file, size_t window,
                              const char *name, choir_error *err) {
    ch_leaf_text t;
    choir_status status = ch_leaf_text_open(&t, NULL, 0, file, window, name, &l->env, err);
    if (status == CHOIR_OK) {
        status = users_add(l, &t, err);
    }
    ch_leaf_text_release(&t);
    return ch_filed_file_judge(file, status, err);
}

/* The table as it is in memory, with shape and all; of numbers. */
static ch_examples numbers_table(const ch_leaf *l) {
    const bool is_picture = l->form.features == PICTURE_SIDE * PICTURE_SIDE;
    const ch_shape row = {1, 1, l->form.features};
    const ch_shape picture = {PICTURE_SIDE, PICTURE_SIDE, 1};
    return (ch_examples){.count = l->count,
                         .shape = is_picture ? picture : row,
                         .classes = l->form.classes,
                         .reals = l->is_filed ? NULL : l->reals,
                         .labels = l->labels,
                         .groups = l->groups};
}

choir_status ch_leaf_open_filed(ch_dataset *d, ch_examples *table, uint32_t *idle, const char *path,
                                choir_error *err) {
    const char *notes = NULL;
    const choir_status status = ch_spool_open_table(d, table, &notes, path, err);
    *idle = notes == NULL ? 0 : (uint32_t)strtoul(notes, NULL, 10);
    return status;
}

/* Ends the file of numbers, and opens it. */
static choir_status filed_move(ch_leaf *l, ch_dataset *d, ch_examples *table, choir_error *err) {
    const ch_dataset kept = {.train = numbers_table(l)};
    char notes[16];
    (void)snprintf(notes, sizeof(notes), "%u", l->idle);
    l->is_filed = false;
    const choir_status status = ch_spool_end(&l->spool, &kept, notes, CHOIR_OK, err);
    return status == CHOIR_OK ? ch_leaf_open_filed(d, table, &l->idle, l->filing.to, err) : status;
}

choir_status ch_leaf_move(ch_leaf *l, ch_dataset *d, ch_examples *table, choir_error *err) {
    choir_status status = CHOIR_OK;
    if (l->form.kind == CH_LEAF_TEXT) {
        ch_sequences_move(&l->sequences, CH_BYTE_TOKENS, d, table);
    } else if (l->is_filed) {
        status = filed_move(l, d, table, err);
    } else if (l->count > 0) {
        *table = numbers_table(l);
        ch_dataset_adopt(d, l->reals);
        ch_dataset_adopt(d, l->labels);
        ch_dataset_adopt(d, l->groups);
        l->reals = NULL;
        l->labels = l->groups = NULL;
    }
    ch_leaf_release(l);
    return status;
}
