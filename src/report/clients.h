/*
 * Clients: what some clients of a run hold and how the final model does for each, as clients.json.
 *
 *     {"total": 1000, "classes": 10, "names": ["airplane", "automobile", ...], "clients": [
 *     {"id": 7, "examples": 540, "heldout": 60, "accuracy": 0.95, "alone": null,
 *      "labels": [54, 0, 61, ...]},
 *     ...]}
 *
 * A run of a million clients describes a sample of them: a report draws no more. "names" are those
 * of the labels, and are left out when labels have none but their numbers.
 */
#ifndef CH_REPORT_CLIENTS_H
#define CH_REPORT_CLIENTS_H

#include "base/arena.h"
#include "choir/bytes.h"
#include "choir/env.h"
#include "choir/status.h"

#include <stdint.h>

#define CH_CLIENTS_FILE "clients.json"

enum {
    CH_CLIENTS_MAX = 512,         // clients described
    CH_CLIENTS_CLASSES_MAX = 256, // with more classes, labels are left out: classes = 0
    CH_CLIENTS_NAME_MAX = 64,     // bytes of a label's name, its zero included; longer ones are cut
    CH_CLIENTS_NUMBER_MAX = 16,   // bytes that any label's number fits in, its zero included
};

typedef struct ch_client_facts {
    uint32_t id;
    uint32_t examples; // to train on
    uint32_t heldout;  // kept for its own evaluation
    double accuracy;   // of the final model on those, [0, 1]; NaN: none, or not evaluated
    double alone;      // of a model trained on this client's examples only; NaN: not trained
} ch_client_facts;

typedef struct ch_clients {
    uint32_t total;                     // clients in the federation
    uint32_t classes;                   // 0: no labels
    uint32_t count;                     // clients described, at most CH_CLIENTS_MAX
    ch_client_facts *clients;           // (count) owned
    uint32_t *labels;                   // (count, classes) training examples with each label; owned
    char (*names)[CH_CLIENTS_NAME_MAX]; // (classes) of the labels, printable; "": none; owned
    ch_arena arena;
} ch_clients;

/*
 * Claims room for facts about (count) clients, all zero but accuracies, which are NaN, and names,
 * which are "". The caller fills it in.
 *
 * Returns OK and an object to release; EINVAL when count or classes is beyond its maximum; ENOMEM.
 * *out is safe to release in any case.
 */
CHOIR_NODISCARD choir_status ch_clients_create(ch_clients *out, uint32_t count, uint32_t classes,
                                               const choir_env *env);

/* Safe to call twice, and on one that is all zero. */
void ch_clients_release(ch_clients *c);

/* Names a label below classes: copies text, printable, as far as it fits, never half a character.
 */
void ch_clients_name(ch_clients *c, uint32_t label, const char *text);

/* A label's name, or its number, written to room, when it has none: a label of any value. */
const char *ch_clients_label(const ch_clients *c, uint32_t label, char room[CH_CLIENTS_NUMBER_MAX]);

/* Writes dir/clients.json, at once or not at all. Returns OK; EIO; ENOMEM; EINVAL: path too long.
 */
CHOIR_NODISCARD choir_status ch_clients_write(const ch_clients *c, const char *dir,
                                              choir_error *err);

/*
 * Reads dir/clients.json.
 *
 * Returns OK and an object to release; EAGAIN when there is no such file; EIO when it cannot be
 * read; EPROTO when it is not what it should be (err says where); ENOMEM. *out is safe to release
 * in any case.
 */
CHOIR_NODISCARD choir_status ch_clients_read(ch_clients *out, const char *dir, const choir_env *env,
                                             choir_error *err);

/* The same from bytes in memory; name stands for the file in messages. */
CHOIR_NODISCARD choir_status ch_clients_parse(ch_clients *out, choir_bytes bytes, const char *name,
                                              const choir_env *env, choir_error *err);

#endif
