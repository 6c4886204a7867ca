/* Run facts: run.json; see run_dir.h. */
#include "store/run_dir.h"

#include "base/disk.h"
#include "base/error.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    FACTS_BYTES_MAX = 1 << 16,
    RESUMED_MAX = 8, // entries: the last ones are kept
};

static const char FACTS_FILE[] = "run.json";

void ch_cpu_name(char out[CHOIR_TEXT_MAX]) {
    (void)snprintf(out, CHOIR_TEXT_MAX, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (file == NULL) {
        return;
    }
    char line[2 * CHOIR_TEXT_MAX];
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", strlen("model name")) == 0 && colon != NULL) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(out, CHOIR_TEXT_MAX, "%.*s", CHOIR_TEXT_MAX - 1,
                           colon + 1 + strspn(colon + 1, " "));
            break;
        }
    }
    (void)fclose(file);
}

// A command line is whatever bytes its user typed; JSON holds text only.
static json_t *text_or_shown(const char *text) {
    json_t *value = json_string(text);
    if (value == NULL) {
        char shown[CHOIR_TEXT_MAX];
        ch_text_show(shown, sizeof(shown), text);
        value = json_string(shown);
    }
    return value;
}

static json_t *facts_pack(const ch_run_facts *facts) {
    // The seed is a text because half of all JSON readers keep numbers as doubles.
    char seed[CH_TEXT_NUMBER_MAX];
    (void)snprintf(seed, sizeof(seed), "%llu", (unsigned long long)facts->seed);
    return json_pack("{s:o, s:s, s:s, s:s, s:o, s:I, s:I, s:o}", "name", text_or_shown(facts->name),
                     "version", facts->version, "seed", seed, "backend", facts->backend, "cpu",
                     text_or_shown(facts->cpu), "workers", (json_int_t)facts->workers, "parameters",
                     (json_int_t)facts->parameters, "command", text_or_shown(facts->command));
}

static choir_status root_write(const char *dir, const json_t *root, choir_error *err) {
    char text[FACTS_BYTES_MAX];
    size_t size = json_dumpb(root, text, sizeof(text) - 1, JSON_INDENT(2));
    if (size == 0 || size > sizeof(text) - 1) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s/%s: no memory", dir, FACTS_FILE);
    }
    text[size++] = '\n';
    return ch_run_dir_write(dir, FACTS_FILE, (choir_bytes){(const uint8_t *)text, size}, err);
}

choir_status ch_run_facts_write(const char *dir, const ch_run_facts *facts, choir_error *err) {
    json_t *root = facts_pack(facts);
    if (facts->data_digest[0] != '\0') {
        (void)json_object_set_new(root, "data_digest", json_string(facts->data_digest));
    }
    if (isfinite(facts->start_loss)) {
        (void)json_object_set_new(root, "start_loss", json_real(facts->start_loss));
    }
    const choir_status status = root_write(dir, root, err);
    json_decref(root);
    return status;
}

static bool text_read(const json_t *value, char *out, size_t size) {
    const char *text = json_string_value(value);
    (void)snprintf(out, size, "%s", text != NULL ? text : "");
    return text != NULL;
}

static bool count_read(const json_t *value, uint32_t *out) {
    const json_int_t integer = json_integer_value(value);
    *out = (uint32_t)integer;
    return json_is_integer(value) && integer >= 0 && integer <= UINT32_MAX;
}

static bool seed_read(const json_t *value, uint64_t *out) {
    const char *text = json_string_value(value);
    return text != NULL && ch_text_read_u64(out, text);
}

static choir_status facts_unpack(ch_run_facts *f, const json_t *root, const char *path,
                                 choir_error *err) {
    static const char a_text[] = "a text";
    static const char a_count[] = "a whole number in [0, 4294967295]";
    static const char *const keys[] = {"seed", "name",    "version",    "backend",
                                       "cpu",  "workers", "parameters", "command"};
    const json_t *values[sizeof(keys) / sizeof(keys[0])];
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        values[i] = json_object_get(root, keys[i]);
    }
    const struct {
        bool is_right;
        const char *wanted;
    } checks[] = {
        {seed_read(values[0], &f->seed), "digits between quotes"},
        {text_read(values[1], f->name, sizeof(f->name)), a_text},
        {text_read(values[2], f->version, sizeof(f->version)), a_text},
        {text_read(values[3], f->backend, sizeof(f->backend)), a_text},
        {text_read(values[4], f->cpu, sizeof(f->cpu)), a_text},
        {count_read(values[5], &f->workers), a_count},
        {count_read(values[6], &f->parameters), a_count},
        {text_read(values[7], f->command, sizeof(f->command)), a_text},
    };
    // Those that a run has only later, or an older version did not write.
    const json_t *start = json_object_get(root, "start_loss");
    f->start_loss = json_is_number(start) ? json_number_value(start) : (double)NAN;
    f->model_hash[0] = f->data_digest[0] = '\0';
    (void)text_read(json_object_get(root, "data_digest"), f->data_digest, sizeof(f->data_digest));
    (void)text_read(json_object_get(root, "model_hash"), f->model_hash, sizeof(f->model_hash));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (!checks[i].is_right) {
            return ch_error_set(err, CHOIR_EPROTO, "%s: '%s' is %s %s", path, keys[i],
                                values[i] == NULL ? "missing; it is" : "not", checks[i].wanted);
        }
    }
    return CHOIR_OK;
}

/* Reads bytes as an object, to be given back. */
static choir_status root_parse(json_t **out, choir_bytes bytes, const char *name,
                               choir_error *err) {
    json_error_t why;
    *out = NULL;
    json_t *root = json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        char shown[CH_TEXT_SHOWN_MAX];
        ch_text_show(shown, sizeof(shown), why.text);
        return ch_error_set(err, CHOIR_EPROTO, "%s:%d: is not JSON: %s", name, why.line, shown);
    }
    if (!json_is_object(root)) {
        json_decref(root);
        return ch_error_set(err, CHOIR_EPROTO, "%s: is not a JSON object", name);
    }
    *out = root;
    return CHOIR_OK;
}

/* Reads dir/run.json as an object, to be given back; *path is its name for messages. */
static choir_status root_read(json_t **out, char path[CHOIR_PATH_MAX], const char *dir,
                              const choir_env *env, choir_error *err) {
    *out = NULL;
    choir_status status = ch_run_dir_file(path, dir, FACTS_FILE, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_disk_file file;
    status = ch_disk_read(&file, path, FACTS_BYTES_MAX, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = root_parse(out, (choir_bytes){.data = file.data, .size = file.size}, path, err);
    ch_disk_release(&file);
    return status;
}

/* From an object, which it gives back. */
static choir_status facts_take(ch_run_facts *out, json_t *root, const char *name,
                               choir_error *err) {
    ch_run_facts facts;
    const choir_status status = facts_unpack(&facts, root, name, err);
    *out = status == CHOIR_OK ? facts : *out;
    json_decref(root);
    return status;
}

choir_status ch_run_facts_parse(ch_run_facts *out, choir_bytes bytes, const char *name,
                                choir_error *err) {
    json_t *root = NULL;
    const choir_status status = root_parse(&root, bytes, name, err);
    return status == CHOIR_OK ? facts_take(out, root, name, err) : status;
}

choir_status ch_run_facts_read(ch_run_facts *out, const char *dir, const choir_env *env,
                               choir_error *err) {
    char path[CHOIR_PATH_MAX];
    json_t *root = NULL;
    const choir_status status = root_read(&root, path, dir, env, err);
    return status == CHOIR_OK ? facts_take(out, root, path, err) : status;
}

choir_status ch_run_facts_end(const char *dir, const char *model_hash, const choir_env *env,
                              choir_error *err) {
    char path[CHOIR_PATH_MAX];
    json_t *root = NULL;
    choir_status status = root_read(&root, path, dir, env, err);
    if (status == CHOIR_OK) {
        (void)json_object_set_new(root, "model_hash", json_string(model_hash));
        status = root_write(dir, root, err);
    }
    json_decref(root);
    return status;
}

choir_status ch_run_facts_resume(const char *dir, uint32_t round, const ch_run_facts *facts,
                                 const choir_env *env, choir_error *err) {
    char path[CHOIR_PATH_MAX];
    json_t *root = NULL;
    choir_status status = root_read(&root, path, dir, env, err);
    if (status == CHOIR_OK) {
        (void)json_object_del(root, "model_hash"); // of where it was ended
        json_t *list = json_object_get(root, "resumed");
        if (!json_is_array(list)) {
            list = json_array();
            (void)json_object_set_new(root, "resumed", list);
        }
        while (json_array_size(list) >= RESUMED_MAX) {
            (void)json_array_remove(list, 0);
        }
        (void)json_array_append_new(
            list, json_pack("{s:I, s:s, s:s, s:o, s:I, s:o}", "round", (json_int_t)round, "version",
                            facts->version, "backend", facts->backend, "cpu",
                            text_or_shown(facts->cpu), "workers", (json_int_t)facts->workers,
                            "command", text_or_shown(facts->command)));
        status = root_write(dir, root, err);
    }
    json_decref(root);
    return status;
}
