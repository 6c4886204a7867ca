/* Run facts: run.json; see run_dir.h. */
#include "store/run_dir.h"

#include "base/disk.h"
#include "base/error.h"
#include "base/text.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { FACTS_BYTES_MAX = 1 << 16 };

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

choir_status ch_run_facts_write(const char *dir, const ch_run_facts *facts, choir_error *err) {
    char text[FACTS_BYTES_MAX];
    json_t *root = facts_pack(facts);
    size_t size = json_dumpb(root, text, sizeof(text) - 1, JSON_INDENT(2));
    json_decref(root);
    if (size == 0 || size > sizeof(text) - 1) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s/%s: no memory", dir, FACTS_FILE);
    }
    text[size++] = '\n';
    return ch_run_dir_write(dir, FACTS_FILE, (choir_bytes){(const uint8_t *)text, size}, err);
}

static bool text_read(const json_t *root, const char *key, char *out, size_t size) {
    const char *text = json_string_value(json_object_get(root, key));
    (void)snprintf(out, size, "%s", text != NULL ? text : "");
    return text != NULL;
}

static bool count_read(const json_t *root, const char *key, uint32_t *out) {
    const json_t *value = json_object_get(root, key);
    const json_int_t integer = json_integer_value(value);
    *out = (uint32_t)integer;
    return json_is_integer(value) && integer >= 0 && integer <= UINT32_MAX;
}

static bool facts_unpack(ch_run_facts *f, const json_t *root) {
    const char *seed = json_string_value(json_object_get(root, "seed"));
    return seed != NULL && ch_text_read_u64(&f->seed, seed) &&
           text_read(root, "name", f->name, sizeof(f->name)) &&
           text_read(root, "version", f->version, sizeof(f->version)) &&
           text_read(root, "backend", f->backend, sizeof(f->backend)) &&
           text_read(root, "cpu", f->cpu, sizeof(f->cpu)) &&
           count_read(root, "workers", &f->workers) &&
           count_read(root, "parameters", &f->parameters) &&
           text_read(root, "command", f->command, sizeof(f->command));
}

choir_status ch_run_facts_read(ch_run_facts *out, const char *dir, const choir_env *env,
                               choir_error *err) {
    char path[CHOIR_PATH_MAX];
    choir_status status = ch_run_dir_file(path, dir, FACTS_FILE, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_disk_file file;
    status = ch_disk_read(&file, path, FACTS_BYTES_MAX, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    ch_run_facts facts;
    json_error_t why;
    json_t *root = json_loadb((const char *)file.data, file.size, JSON_REJECT_DUPLICATES, &why);
    if (!facts_unpack(&facts, root)) {
        status = ch_error_set(err, CHOIR_EPROTO, "%s: is not what choir writes there", path);
    } else {
        *out = facts;
    }
    json_decref(root);
    ch_disk_release(&file);
    return status;
}
