/*
 * Job: see include/choir/job.h.
 *
 * Defaults, then the file, then overrides; then what no row of the table can see alone.
 */
#include "choir/job.h"

#include "base/error.h"
#include "base/text.h"
#include "job/places.h"
#include "job/rules.h"
#include "job/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 1 << 20 }; // bytes of a job file

typedef struct parsing {
    choir_job job;
    ch_job_places places;
    bool names_model;   // the file said model.name
    bool names_job;     // the file or an override said name
    bool says_announce; // likewise server.announce
} parsing;

choir_job choir_job_defaults(void) {
    return CH_JOB_DEFAULTS;
}

/* The first key of a section, or NULL when key names none. */
static const char *section_first(const char *key) {
    const size_t size = strlen(key);
    for (size_t i = 0; i < CH_JOB_KEYS.count; i++) {
        if (strncmp(CH_JOB_KEYS.rows[i].key, key, size) == 0 &&
            CH_JOB_KEYS.rows[i].key[size] == '.') {
            return CH_JOB_KEYS.rows[i].key;
        }
    }
    return NULL;
}

/* The short way to name a model. */
static const char *key_expand(const char *key) {
    return strcmp(key, "model") == 0 ? "model.name" : key;
}

/* A list for a key that takes one value. */
static choir_status list_refuse(const ch_option *row, const char *where, choir_error *err) {
    char domain[CH_OPTION_DOMAIN_MAX];
    ch_options_domain(row, domain, sizeof(domain));
    return ch_error_set(err, CHOIR_EINVAL, "%s: %s: a list is not %s", where, row->key, domain);
}

/* What other frameworks and papers call a key. */
static const char *alias_find(const char *word) {
    static const struct {
        const char *word, *key;
    } aliases[] = {
        {"lr", "client.learning_rate"},
        {"eta", "client.learning_rate"},
        {"local_epochs", "client.epochs"},
        {"num_epochs", "client.epochs"},
        {"local_steps", "client.epochs"},
        {"bs", "client.batch_size"},
        {"mu", "client.proximal_mu"},
        {"dataset", "data.source"},
        {"num_clients", "data.clients"},
        {"n_clients", "data.clients"},
        {"num_rounds", "server.rounds"},
        {"global_rounds", "server.rounds"},
        {"comm_rounds", "server.rounds"},
        {"fraction", "server.sample_rate"},
        {"fraction_fit", "server.sample_rate"},
        {"frac", "server.sample_rate"},
        {"participation", "server.sample_rate"},
        {"strategy", "server.algorithm"},
        {"aggregator", "server.algorithm"},
        {"dirichlet_alpha", "data.alpha"},
        {"random_seed", "seed"},
        {"arch", "model.name"},
        {"path", "data.source"},
    };
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (strcmp(word, aliases[i].word) == 0) {
            return aliases[i].key;
        }
    }
    return NULL;
}

/* The key that is meant by what others call it: the one of that name in the section that was said,
 * if it has such. */
static const char *key_meant(const char *key) {
    char own[CH_YAML_KEY_MAX];
    const char *dot = strrchr(key, '.');
    const char *alias = alias_find(dot == NULL ? key : dot + 1);
    const char *last = alias == NULL ? NULL : strrchr(alias, '.');
    if (last != NULL && dot != NULL) {
        (void)snprintf(own, sizeof(own), "%.*s%s", (int)(dot - key), key, last);
        const ch_option *row = ch_options_find(&CH_JOB_KEYS, own);
        alias = row != NULL ? row->key : alias;
    }
    return alias != NULL ? alias : ch_options_nearest(&CH_JOB_KEYS, key);
}

/* " has epochs, batch_size": the keys of the section that a key begins with, which it has. */
static void section_list(char *out, size_t size, const char *key) {
    const size_t prefix = strcspn(key, ".");
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < CH_JOB_KEYS.count && used < size; i++) {
        const char *known = CH_JOB_KEYS.rows[i].key;
        if (strncmp(known, key, prefix) == 0 && known[prefix] == '.' && key[prefix] == '.') {
            used += (size_t)snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ", ",
                                     known + prefix + 1);
        }
    }
}

/* A key that is not known: what may be meant, else what its section has. */
static choir_status key_refuse(const char *key, const char *where, choir_error *err) {
    char shown[CH_TEXT_SHOWN_MAX];
    char keys[256];
    const char *meant = key_meant(key);
    ch_text_show(shown, sizeof(shown), key);
    if (meant != NULL) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: %s is not known; did you mean '%s'?", where,
                            shown, meant);
    }
    section_list(keys, sizeof(keys), key);
    if (keys[0] != '\0') {
        return ch_error_set(err, CHOIR_EINVAL, "%s: %s is not known; %.*s has %s", where, shown,
                            (int)strcspn(key, "."), key, keys);
    }
    return ch_error_set(err, CHOIR_EINVAL,
                        "%s: %s is not known; 'choir job keys' lists what can be given", where,
                        shown);
}

static choir_status key_set(choir_job *job, const char *key, const char *value, const char *where,
                            choir_error *err) {
    const char *first = section_first(key);
    if (first != NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: %s is a section; give a key of it, such as '%s'", where, key,
                            first);
    }
    if (ch_options_find(&CH_JOB_KEYS, key) == NULL) {
        return key_refuse(key, where, err);
    }
    return ch_options_set(&CH_JOB_KEYS, job, key, value, where, err);
}

static choir_status entry_apply(void *self, const ch_yaml_entry *entry, choir_error *err) {
    parsing *p = self;
    char where[CH_JOB_PLACE_MAX];
    (void)snprintf(where, sizeof(where), "%s:%u", p->places.file, entry->line);
    if (entry->is_empty && section_first(entry->key) != NULL) {
        return CHOIR_OK; // "network:" with nothing under it
    }
    const char *key = key_expand(entry->key);
    const ch_option *row = ch_options_find(&CH_JOB_KEYS, key);
    if (row != NULL) {
        const size_t index = (size_t)(row - CH_JOB_KEYS.rows);
        if (p->places.lines[index] != 0) {
            return ch_error_set(err, CHOIR_EINVAL, "%s: %s: was given in line %u already", where,
                                key, p->places.lines[index]);
        }
        if (entry->is_list && !ch_job_key_is_list(row)) {
            return list_refuse(row, where, err);
        }
        p->places.lines[index] = entry->line;
    }
    p->names_model = p->names_model || strcmp(key, "model.name") == 0;
    p->names_job = p->names_job || strcmp(key, "name") == 0;
    p->says_announce = p->says_announce || strcmp(key, "server.announce") == 0;
    return key_set(&p->job, key, entry->value, where, err);
}

typedef struct override {
    char value[CH_YAML_VALUE_MAX];
    bool is_list;
} override;

static choir_status override_take(void *self, const ch_yaml_entry *entry, choir_error *err) {
    (void)err;
    override *o = self;
    (void)snprintf(o->value, sizeof(o->value), "%s", entry->value);
    o->is_list = entry->is_list;
    return CHOIR_OK;
}

/* What begins as a list or a quotation of YAML does is read as such; all else is the value as it
 * stands, so that a path or a label needs no quoting beyond the shell's. */
static choir_status override_read(override *out, const char *key, const char *text,
                                  choir_error *err) {
    char line[CH_YAML_KEY_MAX + CH_YAML_VALUE_MAX + 4];
    const int size = snprintf(line, sizeof(line), "%s: %s\n", key, text);
    const bool fits = strlen(text) < sizeof(out->value) && ch_text_is_printable(text);
    *out = (override){.is_list = false};
    if (!fits || ch_options_find(&CH_JOB_KEYS, key) == NULL || strchr("['\"", text[0]) == NULL ||
        text[0] == '\0') {
        (void)snprintf(out->value, sizeof(out->value), "%s", text);
        return CHOIR_OK;
    }
    choir_error why = {.message = ""};
    if (ch_yaml_read(line, (size_t)size, "--set", override_take, out, &why) != CHOIR_OK) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_text_show(shown, sizeof(shown), text);
        return ch_error_set(err, CHOIR_EINVAL,
                            "--set: %s: '%s' is no list or quoted text as YAML has them, like "
                            "[200, 200]; an item holds no comma",
                            key, shown);
    }
    return CHOIR_OK;
}

/* "client.epochs=5". The last word on which model it is wins over the file's. */
static choir_status override_apply(parsing *p, const char *text, choir_error *err) {
    char key[CH_YAML_KEY_MAX];
    const char *equals = strchr(text, '=');
    const size_t size = equals == NULL ? 0 : (size_t)(equals - text);
    if (size == 0 || size >= sizeof(key)) {
        char shown[CH_YAML_KEY_MAX];
        ch_text_show(shown, sizeof(shown), text);
        return ch_error_set(err, CHOIR_EINVAL, "--set: '%s' is not key=value", shown);
    }
    memcpy(key, text, size);
    key[size] = '\0';
    const char *known = key_expand(key);
    override value;
    if (equals[1] == '{' && section_first(key) != NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "--set: %s: '%.60s' are several keys; give each of them a --set, such "
                            "as %s=...",
                            key, equals + 1, section_first(key));
    }
    choir_status status = override_read(&value, known, equals + 1, err);
    const ch_option *row = ch_options_find(&CH_JOB_KEYS, known);
    if (status == CHOIR_OK && value.is_list && !ch_job_key_is_list(row)) {
        status = list_refuse(row, "--set", err);
    }
    if (status == CHOIR_OK) {
        status = key_set(&p->job, known, value.value, "--set", err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    p->places.lines[row - CH_JOB_KEYS.rows] = CH_JOB_LINE_SET;
    const bool is_given = value.value[0] != '\0';
    if (is_given && strcmp(known, "model.name") == 0) {
        p->job.model.file[0] = '\0';
    }
    if (is_given && strcmp(known, "model.file") == 0) {
        p->job.model.name[0] = '\0';
    }
    p->names_job = p->names_job || strcmp(known, "name") == 0;
    p->says_announce = p->says_announce || strcmp(known, "server.announce") == 0;
    return CHOIR_OK;
}

/* "jobs/my digits.yaml" names its job "my-digits", and what cannot begin a name is left out. */
static void name_from_file(choir_job *job, const char *file) {
    const char *base = file;
    for (const char *slash = strchr(file, '/'); slash != NULL; slash = strchr(base, '/')) {
        base = slash + 1;
    }
    char name[CHOIR_NAME_MAX] = "";
    size_t used = 0;
    for (; used + 1 < sizeof(name) && *base != '\0'; base++) {
        const bool is_kept = ch_job_is_name((char[]){*base, '\0'}) || *base == '.' || *base == '-';
        const bool is_inside = ((unsigned char)*base & 0xC0) == 0x80; // of a letter in UTF-8
        if (*base == '.' && (strcmp(base, ".yaml") == 0 || strcmp(base, ".yml") == 0)) {
            break;
        }
        if (!is_inside && (used > 0 || ch_job_is_name((char[]){*base, '\0'}))) {
            name[used] = is_kept ? *base : '-';
            used += 1;
        }
    }
    if (ch_job_is_name(name)) {
        memcpy(job->name, name, sizeof(name));
    }
}

/* A key that the job's population does not have makes no sense there, whatever its value. */
static choir_status population_check(const parsing *p, choir_error *err) {
    const bool is_open = strcmp(p->job.population, "open") == 0;
    for (size_t i = 0; i < CH_JOB_KEYS.count; i++) {
        const ch_option *row = &CH_JOB_KEYS.rows[i];
        if (p->places.lines[i] != 0 && !ch_job_key_is_of(row, p->job.population)) {
            return ch_error_set(err, CHOIR_EINVAL,
                                is_open ? "%s: is drawn from a roster, and population 'open' has "
                                          "none; remove it: server.goal says how many a round takes"
                                        : "%s: is for population 'open'; remove it, or say "
                                          "population: open",
                                row->key);
        }
    }
    return CHOIR_OK;
}

static choir_status parse(choir_job *out, ch_job_places *places, const char *text, size_t size,
                          const char *name, const char *const *overrides, uint32_t count,
                          choir_error *err) {
    parsing p = {.job = CH_JOB_DEFAULTS, .places = ch_job_places_of(name)};
    if (size > FILE_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: is larger than %d bytes, so it is not a job",
                            p.places.file, (int)FILE_MAX);
    }
    choir_status status = ch_yaml_read(text, size, p.places.file, entry_apply, &p, err);
    if (p.job.model.file[0] != '\0' && !p.names_model) {
        p.job.model.name[0] = '\0'; // the default name gives way to a file
    }
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        status = override_apply(&p, overrides[i], err);
    }
    if (!p.says_announce) { // only there do rounds close while others are on their way
        p.job.announce = strcmp(p.job.population, "open") == 0;
    }
    if (status == CHOIR_OK && !p.names_job) {
        name_from_file(&p.job, name);
    }
    if (status == CHOIR_OK) {
        status = population_check(&p, err);
        if (status == CHOIR_OK) {
            status = ch_job_rules(&p.job, err);
        }
        if (status != CHOIR_OK) {
            ch_job_locate(&p.places, err);
        }
    }
    if (status == CHOIR_OK) {
        *out = p.job;
        *places = p.places;
    }
    return status;
}

choir_status choir_job_parse(choir_job *out, const char *text, size_t size, const char *name,
                             const char *const *overrides, uint32_t count, choir_error *err) {
    ch_job_places places;
    return parse(out, &places, text, size, name, overrides, count, err);
}

/* At most FILE_MAX + 1 bytes of the file: one more than is allowed shows that it is too long. */
static choir_status file_load(const char *path, char *text, size_t *size, choir_error *err) {
    const ch_job_places places = ch_job_places_of(path);
    const char *shown = places.file;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot be opened: %s", shown, strerror(errno));
    }
    *size = fread(text, 1, FILE_MAX + 1, file);
    const bool failed = ferror(file) != 0;
    const int cause = errno;
    (void)fclose(file);
    if (failed) {
        return ch_error_set(err, CHOIR_EIO, "%s: cannot be read: %s", shown, strerror(cause));
    }
    return CHOIR_OK;
}

choir_status ch_job_read_places(choir_job *out, ch_job_places *places, const char *path,
                                const char *const *overrides, uint32_t count, choir_error *err) {
    const choir_env env = choir_env_default();
    char *text = env.alloc(env.self, FILE_MAX + 64);
    if (text == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory to read it", path);
    }
    size_t size = 0;
    choir_status status = file_load(path, text, &size, err);
    if (status == CHOIR_OK) {
        status = parse(out, places, text, size, path, overrides, count, err);
    }
    env.free(env.self, text);
    return status;
}

choir_status choir_job_read(choir_job *out, const char *path, const char *const *overrides,
                            uint32_t count, choir_error *err) {
    ch_job_places places;
    return ch_job_read_places(out, &places, path, overrides, count, err);
}
