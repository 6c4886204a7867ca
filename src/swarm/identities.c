/* Identities: see identities.h. */
#include "swarm/identities.h"

#include "base/arena.h"
#include "base/disk.h"
#include "base/error.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = CH_IDENTITIES_MAX * 21 + 4096, PATH_TEXT_MAX = 544 };

static void path_write(const ch_identities *s, char path[PATH_TEXT_MAX]) {
    (void)snprintf(path, PATH_TEXT_MAX, "%s/swarm.json", s->dir);
}

static choir_status subjects_claim(ch_identities *s, uint32_t clients, choir_error *err) {
    const size_t bytes = ch_arena_cost(clients, sizeof(*s->subjects));
    s->subjects = s->env.alloc(s->env.self, bytes);
    if (s->subjects == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for %u identities", clients);
    }
    memset(s->subjects, 0, bytes);
    s->clients = clients;
    return CHOIR_OK;
}

/* The numbers; false when one is none. */
static bool subjects_take(ch_identities *s, const json_t *list) {
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(list, i, item) {
        if (!json_is_integer(item) || json_integer_value(item) < 0) {
            return false;
        }
        s->subjects[i] = json_integer_value(item);
    }
    return true;
}

static choir_status parse(ch_identities *s, const ch_disk_file *file, uint32_t clients,
                          const char *path, choir_error *err) {
    json_t *root = json_loadb((const char *)file->data, file->size, 0, NULL);
    const char *url = json_string_value(json_object_get(root, "url"));
    const char *seed = json_string_value(json_object_get(root, "seed"));
    const json_t *list = json_object_get(root, "subjects");
    const size_t known = json_array_size(list);
    size_t size = 0;
    bool is_read =
        url != NULL && seed != NULL && json_is_array(list) && known <= CH_IDENTITIES_MAX &&
        ch_base64_read(s->seed, sizeof(s->seed), &size, seed, strlen(seed)) == CHOIR_OK &&
        size == sizeof(s->seed);
    choir_status status = CHOIR_OK;
    if (is_read) {
        status = subjects_claim(s, known > clients ? (uint32_t)known : clients, err);
    }
    if (is_read && status == CHOIR_OK && strcmp(url, s->url) == 0) {
        is_read = subjects_take(s, list);
    }
    json_decref(root);
    return is_read
               ? status
               : ch_error_set(err, CHOIR_EPROTO,
                              "%s: is no swarm's identities; remove it to be other devices", path);
}

static choir_status file_read(ch_identities *s, uint32_t clients, const char *path,
                              choir_error *err) {
    ch_disk_file file = {0};
    choir_status status = ch_disk_read(&file, path, FILE_MAX, &s->env, err);
    if (status == CHOIR_OK) {
        status = parse(s, &file, clients, path, err);
        ch_wipe(file.data, file.size);
    }
    ch_disk_release(&file);
    return status;
}

choir_status ch_identities_open(ch_identities *out, const char *dir, const char *url,
                                uint32_t clients, const choir_env *env, choir_error *err) {
    *out = (ch_identities){.env = *env};
    if (strlen(dir) >= sizeof(out->dir) || strlen(url) >= sizeof(out->url)) {
        return ch_error_set(err, CHOIR_EINVAL, "state: '%.80s...' is too long", dir);
    }
    (void)snprintf(out->dir, sizeof(out->dir), "%s", dir);
    (void)snprintf(out->url, sizeof(out->url), "%s", url);
    char path[PATH_TEXT_MAX];
    path_write(out, path);
    if (dir[0] != '\0') {
        const choir_status status = ch_disk_folders(dir, err);
        if (status != CHOIR_OK) {
            return status;
        }
        if (access(path, F_OK) == 0) {
            return file_read(out, clients, path, err);
        }
    }
    ch_entropy_fill(out->seed, sizeof(out->seed));
    const choir_status status = subjects_claim(out, clients, err);
    return status == CHOIR_OK ? ch_identities_save(out, err) : status;
}

static json_t *subjects_list(const ch_identities *s) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < s->clients; i++) {
        (void)json_array_append_new(list, json_integer((json_int_t)s->subjects[i]));
    }
    return list;
}

choir_status ch_identities_save(const ch_identities *s, choir_error *err) {
    if (s->dir[0] == '\0') {
        return CHOIR_OK;
    }
    char path[PATH_TEXT_MAX];
    char seed[CH_BASE64_MAX(CH_SHARED_KEY_BYTES)];
    path_write(s, path);
    ch_base64(seed, (choir_bytes){.data = s->seed, .size = sizeof(s->seed)});
    json_t *root =
        json_pack("{s:s, s:s, s:o}", "url", s->url, "seed", seed, "subjects", subjects_list(s));
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    ch_wipe(seed, sizeof(seed));
    if (text == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory to keep %u identities", s->clients);
    }
    const choir_bytes parts[] = {{(const uint8_t *)text, strlen(text)}, {(const uint8_t *)"\n", 1}};
    const choir_status status = ch_disk_replace_private(path, parts, 2, err);
    ch_wipe(text, strlen(text));
    free(text);
    return status;
}

void ch_identities_release(ch_identities *s) {
    if (s->subjects != NULL) {
        s->env.free(s->env.self, s->subjects);
    }
    ch_wipe(s->seed, sizeof(s->seed));
    s->subjects = NULL;
}
