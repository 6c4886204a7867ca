/*
 * Job: see include/choir/job.h.
 *
 * Defaults, then the file, then overrides; then what no row of the table can see alone.
 */
#include "choir/job.h"

#include "base/error.h"
#include "base/text.h"
#include "fl/chain.h"
#include "fl/schedule.h"
#include "job/keys.h"
#include "job/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    FILE_MAX = 1 << 20, // bytes of a job file
    WHERE_MAX = 160,    // bytes of "file:line" in messages
};

static const uint32_t LINE_OVERRIDE = UINT32_MAX; // stands for the line of what --set gave

typedef struct parsing {
    choir_job job;
    char file[WHERE_MAX - 16];      // as messages name it
    uint32_t seen[CH_JOB_KEYS_MAX]; // line where each row was given; 0: it was not
    bool names_model;               // the file said model.name
    bool names_job;                 // the file or an override said name
} parsing;

choir_job choir_job_defaults(void) {
    return CH_JOB_DEFAULTS;
}

/* The end of a long path says more than its beginning. */
static void file_show(char *out, size_t size, const char *name) {
    const size_t length = strlen(name);
    const bool is_long = length >= size;
    (void)snprintf(out, size, "%s%s", is_long ? "..." : "",
                   is_long ? name + length - (size - 4) : name);
}

/* Where a key got its value: "job.yaml:7", "--set", or the file alone for a default. */
static void where_show(char out[WHERE_MAX], const parsing *p, const char *key) {
    const ch_option *row = ch_options_find(&CH_JOB_KEYS, key);
    const uint32_t line = row == NULL ? 0 : p->seen[row - CH_JOB_KEYS.rows];
    if (line == LINE_OVERRIDE) {
        (void)snprintf(out, WHERE_MAX, "--set");
    } else if (line == 0) {
        (void)snprintf(out, WHERE_MAX, "%s", p->file);
    } else {
        (void)snprintf(out, WHERE_MAX, "%s:%u", p->file, line);
    }
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

static choir_status key_set(choir_job *job, const char *key, const char *value, const char *where,
                            choir_error *err) {
    const char *first = section_first(key);
    if (first != NULL) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: %s is a section; give a key of it, such as '%s'", where, key,
                            first);
    }
    return ch_options_set(&CH_JOB_KEYS, job, key, value, where, err);
}

static choir_status entry_apply(void *self, const ch_yaml_entry *entry, choir_error *err) {
    parsing *p = self;
    char where[WHERE_MAX];
    (void)snprintf(where, sizeof(where), "%s:%u", p->file, entry->line);
    if (entry->is_empty && section_first(entry->key) != NULL) {
        return CHOIR_OK; // "network:" with nothing under it
    }
    const char *key = key_expand(entry->key);
    const ch_option *row = ch_options_find(&CH_JOB_KEYS, key);
    if (row != NULL) {
        const size_t index = (size_t)(row - CH_JOB_KEYS.rows);
        if (p->seen[index] != 0) {
            return ch_error_set(err, CHOIR_EINVAL, "%s: %s: was given in line %u already", where,
                                key, p->seen[index]);
        }
        if (entry->is_list && (row->type != CH_OPTION_TEXT || row->choices != NULL)) {
            char domain[CH_OPTION_DOMAIN_MAX];
            ch_options_domain(row, domain, sizeof(domain));
            return ch_error_set(err, CHOIR_EINVAL, "%s: %s: a list is not %s", where, key, domain);
        }
        p->seen[index] = entry->line;
    }
    p->names_model = p->names_model || strcmp(key, "model.name") == 0;
    p->names_job = p->names_job || strcmp(key, "name") == 0;
    return key_set(&p->job, key, entry->value, where, err);
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
    const choir_status status = key_set(&p->job, known, equals + 1, "--set", err);
    if (status != CHOIR_OK) {
        return status;
    }
    p->seen[ch_options_find(&CH_JOB_KEYS, known) - CH_JOB_KEYS.rows] = LINE_OVERRIDE;
    if (strcmp(known, "model.name") == 0) {
        p->job.model.file[0] = '\0';
    }
    if (strcmp(known, "model.file") == 0) {
        p->job.model.name[0] = '\0';
    }
    p->names_job = p->names_job || strcmp(known, "name") == 0;
    return CHOIR_OK;
}

static bool is_folder_name(const char *name) {
    return name[0] != '\0' && name[0] != '.' && name[0] != '-' &&
           name[strspn(
               name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

/* "jobs/my digits.yaml" names its job "my-digits". */
static void name_from_file(choir_job *job, const char *file) {
    const char *base = file;
    for (const char *slash = strchr(file, '/'); slash != NULL; slash = strchr(base, '/')) {
        base = slash + 1;
    }
    char name[CHOIR_NAME_MAX] = "";
    for (size_t i = 0; i + 1 < sizeof(name) && base[i] != '\0'; i++) {
        if (base[i] == '.' && (strcmp(base + i, ".yaml") == 0 || strcmp(base + i, ".yml") == 0)) {
            break;
        }
        name[i] = base[i];
        if (!is_folder_name((char[]){base[i], '\0'}) && base[i] != '.' && base[i] != '-') {
            name[i] = '-';
        }
    }
    if (is_folder_name(name)) {
        memcpy(job->name, name, sizeof(name));
    }
}

/* What joins several keys. The first rule that does not hold is the message. */
static choir_status rules_check(const parsing *p, choir_error *err) {
    const choir_job *j = &p->job;
    const bool is_mlp = strcmp(j->model.name, "mlp") == 0;
    const bool is_natural = strcmp(j->data.partition, "natural") == 0;
    const bool is_regression = strcmp(j->data.task, "regression") == 0;
    const struct {
        bool ok;
        const char *key;
        const char *rule;
    } rules[] = {
        {is_folder_name(j->name), "name",
         "must be letters, digits, '.', '_' or '-', and begin with a letter, digit or '_'"},
        {j->model.name[0] == '\0' || j->model.file[0] == '\0', "model.file",
         "model.name is given too; a model has a name or a file, so remove one"},
        {j->model.name[0] != '\0' || j->model.file[0] != '\0', "model.name",
         "is empty; give a model of the zoo, or model.file"},
        {!is_mlp || j->model.hidden[0] != '\0', "model.hidden",
         "is empty; mlp needs the sizes of its hidden layers, like [200, 200]"},
        {is_mlp || j->model.hidden[0] == '\0', "model.hidden",
         "is for model.name 'mlp' alone; remove it, or name that model"},
        {j->model.file[0] == '\0' || j->model.init[0] == '\0', "model.init",
         "model.file brings its own parameters; remove one"},
        {j->data.source[0] != '\0', "data.source", "is empty; give a data set's name or a path"},
        {is_natural || j->data.clients > 0, "data.clients",
         "is 0; only data.partition 'natural' knows by itself how many clients there are"},
        {j->data.clients == 0 || j->quorum <= j->data.clients, "server.quorum",
         "is more than data.clients; no round could ever count"},
        {!is_regression || strcmp(j->model.loss, "mean-squared-error") == 0, "model.loss",
         "must be mean-squared-error, because data.task is regression"},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!rules[i].ok) {
            char where[WHERE_MAX];
            where_show(where, p, rules[i].key);
            return ch_error_set(err, CHOIR_EINVAL, "%s: %s: %s", where, rules[i].key,
                                rules[i].rule);
        }
    }
    return CHOIR_OK;
}

/* The texts that have a grammar of their own. Their parsers begin the sentence with the key. */
static choir_status texts_check(const parsing *p, choir_error *err) {
    const struct {
        const char *key, *text;
    } schedules[] = {{"schedule.learning_rate", p->job.schedule_learning_rate},
                     {"schedule.epochs", p->job.schedule_epochs},
                     {"schedule.batch_size", p->job.schedule_batch_size}};
    const char *key = "chain";
    choir_error cause = {.message = ""};
    ch_chain chain;
    choir_status status = ch_chain_parse(&chain, p->job.chain, &cause);
    for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]) && status == CHOIR_OK; i++) {
        ch_schedule schedule;
        key = schedules[i].key;
        status = ch_schedule_parse(&schedule, schedules[i].text, key, &cause);
    }
    if (status != CHOIR_OK) {
        char where[WHERE_MAX];
        where_show(where, p, key);
        return ch_error_set(err, CHOIR_EINVAL, "%s: %.220s", where, cause.message);
    }
    return CHOIR_OK;
}

choir_status choir_job_parse(choir_job *out, const char *text, size_t size, const char *name,
                             const char *const *overrides, uint32_t count, choir_error *err) {
    parsing p = {.job = CH_JOB_DEFAULTS};
    file_show(p.file, sizeof(p.file), name);
    if (size > FILE_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: is larger than %d bytes, so it is not a job",
                            p.file, (int)FILE_MAX);
    }
    choir_status status = ch_yaml_read(text, size, p.file, entry_apply, &p, err);
    if (p.job.model.file[0] != '\0' && !p.names_model) {
        p.job.model.name[0] = '\0'; // the default name gives way to a file
    }
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        status = override_apply(&p, overrides[i], err);
    }
    if (status == CHOIR_OK && !p.names_job) {
        name_from_file(&p.job, name);
    }
    if (status == CHOIR_OK) {
        status = rules_check(&p, err);
    }
    if (status == CHOIR_OK) {
        status = texts_check(&p, err);
    }
    if (status == CHOIR_OK) {
        *out = p.job;
    }
    return status;
}

/* At most FILE_MAX + 1 bytes of the file: one more than is allowed shows that it is too long. */
static choir_status file_load(const char *path, char *text, size_t *size, choir_error *err) {
    char shown[WHERE_MAX];
    file_show(shown, sizeof(shown), path);
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

choir_status choir_job_read(choir_job *out, const char *path, const char *const *overrides,
                            uint32_t count, choir_error *err) {
    const choir_env env = choir_env_default();
    char *text = env.alloc(env.self, FILE_MAX + 64);
    if (text == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory to read it", path);
    }
    size_t size = 0;
    choir_status status = file_load(path, text, &size, err);
    if (status == CHOIR_OK) {
        status = choir_job_parse(out, text, size, path, overrides, count, err);
    }
    env.free(env.self, text);
    return status;
}
