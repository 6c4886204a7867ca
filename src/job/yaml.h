/*
 * YAML: the part of it a job file needs, as a stream of dotted keys and their values.
 *
 *     client:              client.epochs = 5
 *       epochs: 5    -->   model.hidden = 200,200
 *     model: {hidden: [200, 200]}
 *
 * Mappings nest, lists hold scalars, a file is one document. Anchors, aliases and tags are refused:
 * a job is read by people. Parsing itself is libyaml's.
 */
#ifndef CH_JOB_YAML_H
#define CH_JOB_YAML_H

#include "choir/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CH_YAML_KEY_MAX = 128,    // bytes of a dotted key, its zero included
    CH_YAML_VALUE_MAX = 1024, // likewise of a value
    CH_YAML_DEPTH_MAX = 8,    // mappings inside one another
};

typedef struct ch_yaml_entry {
    const char *key;   // dotted; borrowed for the call
    const char *value; // a list's items are joined by commas; borrowed for the call
    bool is_list;
    bool is_empty; // nothing was written after the colon, or an empty mapping
    uint32_t line; // from 1
} ch_yaml_entry;

/* Takes one entry; anything but OK ends the reading with that status. */
typedef choir_status (*ch_yaml_visit)(void *self, const ch_yaml_entry *entry, choir_error *err);

/*
 * Reads text, calling visit for every key that has a value, in order.
 *
 * name  stands for the file in messages
 *
 * Returns OK; what visit returned; EINVAL for text that is not such YAML (err: name, line, what);
 * ENOMEM. Keys are not checked for repetition.
 */
CHOIR_NODISCARD choir_status ch_yaml_read(const char *text, size_t size, const char *name,
                                          ch_yaml_visit visit, void *self, choir_error *err);

#endif
