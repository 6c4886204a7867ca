/* Clients: see clients.h. */
#include "report/clients.h"

#include "base/assert.h"
#include "base/disk.h"
#include "base/error.h"
#include "base/text.h"
#include "report/draft.h"
#include "store/run_dir.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_BYTES_MAX = 1 << 22,
    SHOWN_MAX = 72,
};

choir_status ch_clients_create(ch_clients *out, uint32_t count, uint32_t classes,
                               const choir_env *env) {
    *out = (ch_clients){.count = 0};
    if (count > CH_CLIENTS_MAX || classes > CH_CLIENTS_CLASSES_MAX) {
        return CHOIR_EINVAL;
    }
    const size_t cells = (size_t)count * classes;
    const choir_status status = ch_arena_init(&out->arena,
                                              ch_arena_cost(count, sizeof(ch_client_facts)) +
                                                  ch_arena_cost(cells + 1, sizeof(uint32_t)) +
                                                  ch_arena_cost(classes, sizeof(out->names[0])),
                                              env); // a cell more, because an arena is never empty
    if (status != CHOIR_OK) {
        return status;
    }
    out->clients = CH_NEW(&out->arena, ch_client_facts, count);
    out->labels = CH_NEW(&out->arena, uint32_t, cells);
    out->names = ch_arena_alloc(&out->arena, classes, sizeof(out->names[0]));
    out->count = count;
    out->classes = classes;
    for (uint32_t i = 0; i < count; i++) {
        out->clients[i].accuracy = NAN;
        out->clients[i].alone = NAN;
    }
    return CHOIR_OK;
}

void ch_clients_release(ch_clients *c) {
    ch_arena_release(&c->arena);
    *c = (ch_clients){.count = 0};
}

// ----- names ------------------------------------------------------------------------------------

/* Whether a byte of UTF-8 goes on with a character that began before it. */
static bool goes_on(char byte) {
    return ((uint8_t)byte & 0xC0) == 0x80;
}

void ch_clients_name(ch_clients *c, uint32_t label, const char *text) {
    CH_ASSERT(label < c->classes);
    size_t size = strlen(text);
    if (size >= CH_CLIENTS_NAME_MAX) {
        size = CH_CLIENTS_NAME_MAX - 1;
        while (size > 0 && goes_on(text[size])) {
            size -= 1;
        }
    }
    memcpy(c->names[label], text, size);
    c->names[label][size] = '\0';
}

const char *ch_clients_label(const ch_clients *c, uint32_t label,
                             char room[CH_CLIENTS_NUMBER_MAX]) {
    if (label < c->classes && c->names[label][0] != '\0') {
        return c->names[label];
    }
    (void)snprintf(room, CH_CLIENTS_NUMBER_MAX, "%" PRIu32, label);
    return room;
}

static bool has_names(const ch_clients *c) {
    for (uint32_t k = 0; k < c->classes; k++) {
        if (c->names[k][0] != '\0') {
            return true;
        }
    }
    return false;
}

// ----- writing ----------------------------------------------------------------------------------

static void put_share(ch_draft *d, const char *key, double share) {
    char number[CH_TEXT_NUMBER_MAX] = "null";
    if (isfinite(share)) {
        ch_text_number(number, sizeof(number), share);
    }
    ch_draft_format(d, ", \"%s\": %s", key, number);
}

static void put_client(ch_draft *d, const ch_clients *c, uint32_t i) {
    const ch_client_facts *f = &c->clients[i];
    ch_draft_format(d, "%s\n{\"id\": %u, \"examples\": %u, \"heldout\": %u", i == 0 ? "" : ",",
                    f->id, f->examples, f->heldout);
    put_share(d, "accuracy", f->accuracy);
    put_share(d, "alone", f->alone);
    ch_draft_put(d, ", \"labels\": [");
    for (uint32_t k = 0; k < c->classes; k++) {
        ch_draft_format(d, "%s%u", k == 0 ? "" : ", ", c->labels[(size_t)i * c->classes + k]);
    }
    ch_draft_put(d, "]}");
}

static void put_names(ch_draft *d, const ch_clients *c) {
    if (!has_names(c)) {
        return;
    }
    for (uint32_t k = 0; k < c->classes; k++) {
        char quoted[2 * CH_CLIENTS_NAME_MAX + 2];
        (void)ch_text_quote(quoted, sizeof(quoted), c->names[k]);
        ch_draft_format(d, "%s%s", k == 0 ? "\"names\": [" : ", ", quoted);
    }
    ch_draft_put(d, "], ");
}

choir_status ch_clients_write(const ch_clients *c, const char *dir, choir_error *err) {
    ch_draft d;
    ch_draft_init(&d, &c->arena.env);
    ch_draft_format(&d, "{\"total\": %u, \"classes\": %u, ", c->total, c->classes);
    put_names(&d, c);
    ch_draft_put(&d, "\"clients\": [");
    for (uint32_t i = 0; i < c->count; i++) {
        put_client(&d, c, i);
    }
    ch_draft_put(&d, "]}\n");
    choir_status status = ch_draft_status(&d);
    if (status == CHOIR_OK) {
        status = ch_run_dir_write(dir, CH_CLIENTS_FILE, ch_draft_bytes(&d), err);
    } else {
        (void)ch_error_set(err, status, "%s/%s: no memory for its %u clients", dir, CH_CLIENTS_FILE,
                           c->count);
    }
    ch_draft_release(&d);
    return status;
}

// ----- reading ----------------------------------------------------------------------------------

static bool u32_read(uint32_t *out, const json_t *value) {
    const json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

/* A share, or nothing. */
static bool share_read(double *out, const json_t *value) {
    if (value == NULL || json_is_null(value)) {
        *out = NAN;
        return true;
    }
    *out = json_number_value(value);
    return json_is_number(value) && *out >= 0 && *out <= 1;
}

/* NULL, or what is wrong. */
static const char *client_read(ch_clients *c, uint32_t i, const json_t *entry) {
    ch_client_facts *f = &c->clients[i];
    if (!u32_read(&f->id, json_object_get(entry, "id")) ||
        !u32_read(&f->examples, json_object_get(entry, "examples")) ||
        !u32_read(&f->heldout, json_object_get(entry, "heldout"))) {
        return "must have id, examples and heldout, each a whole number";
    }
    if (!share_read(&f->accuracy, json_object_get(entry, "accuracy")) ||
        !share_read(&f->alone, json_object_get(entry, "alone"))) {
        return "must have accuracy and alone in [0, 1], or null";
    }
    const json_t *labels = json_object_get(entry, "labels");
    if (json_array_size(labels) != c->classes) {
        return "must have as many labels as there are classes";
    }
    for (uint32_t k = 0; k < c->classes; k++) {
        if (!u32_read(&c->labels[(size_t)i * c->classes + k], json_array_get(labels, k))) {
            return "must have labels that are whole numbers";
        }
    }
    return NULL;
}

/* False unless there is one for each label, or no list. */
static bool names_read(ch_clients *c, const json_t *names) {
    if (names == NULL) {
        return true;
    }
    for (uint32_t k = 0; k < c->classes; k++) {
        const char *name = json_string_value(json_array_get(names, k));
        if (name == NULL || !ch_text_is_printable(name)) {
            return false;
        }
        ch_clients_name(c, k, name);
    }
    return json_array_size(names) == c->classes;
}

static choir_status root_read(ch_clients *out, const json_t *root, const char *name,
                              const choir_env *env, choir_error *err) {
    const json_t *clients = json_object_get(root, "clients");
    uint32_t total = 0;
    uint32_t classes = 0;
    if (!u32_read(&total, json_object_get(root, "total")) ||
        !u32_read(&classes, json_object_get(root, "classes")) || !json_is_array(clients)) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: must have total, classes and clients", name);
    }
    const size_t count = json_array_size(clients);
    if (classes > CH_CLIENTS_CLASSES_MAX || count > CH_CLIENTS_MAX || count > total) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: describes %zu of %u client%s with %u classes; at most %d clients "
                            "and %d classes are allowed",
                            name, count, total, ch_text_plural(total), classes, CH_CLIENTS_MAX,
                            CH_CLIENTS_CLASSES_MAX);
    }
    const choir_status status = ch_clients_create(out, (uint32_t)count, classes, env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "%s: no memory for %zu clients", name, count);
    }
    out->total = total;
    if (!names_read(out, json_object_get(root, "names"))) {
        return ch_error_set(
            err, CHOIR_EPROTO,
            "%s: must have a printable name for each of its %u classes, or no names", name,
            classes);
    }
    for (uint32_t i = 0; i < out->count; i++) {
        const char *wrong = client_read(out, i, json_array_get(clients, i));
        if (wrong != NULL) {
            return ch_error_set(err, CHOIR_EPROTO, "%s: client number %u of the list %s", name,
                                i + 1, wrong);
        }
    }
    return CHOIR_OK;
}

choir_status ch_clients_parse(ch_clients *out, choir_bytes bytes, const char *name,
                              const choir_env *env, choir_error *err) {
    *out = (ch_clients){.count = 0};
    json_error_t why;
    json_t *root = json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        char shown[SHOWN_MAX];
        ch_text_show(shown, sizeof(shown), why.text);
        // jansson leaves the text empty when it runs out of memory.
        return why.text[0] == '\0'
                   ? ch_error_set(err, CHOIR_ENOMEM, "%s: no memory for its text", name)
                   : ch_error_set(err, CHOIR_EPROTO, "%s:%d: is not JSON: %s", name, why.line,
                                  shown);
    }
    const choir_status status = root_read(out, root, name, env, err);
    json_decref(root);
    if (status != CHOIR_OK) {
        ch_clients_release(out);
    }
    return status;
}

choir_status ch_clients_read(ch_clients *out, const char *dir, const choir_env *env,
                             choir_error *err) {
    *out = (ch_clients){.count = 0};
    char path[CHOIR_PATH_MAX];
    choir_status status = ch_run_dir_file(path, dir, CH_CLIENTS_FILE, err);
    if (status == CHOIR_OK && access(path, F_OK) != 0) {
        return ch_error_set(err, CHOIR_EAGAIN, "%s: there is no such file", path);
    }
    ch_disk_file file = {.env = *env};
    if (status == CHOIR_OK) {
        status = ch_disk_read(&file, path, FILE_BYTES_MAX, env, err);
    }
    if (status == CHOIR_OK) {
        const choir_bytes bytes = {.data = file.data, .size = file.size};
        status = ch_clients_parse(out, bytes, path, env, err);
    }
    ch_disk_release(&file);
    return status;
}
