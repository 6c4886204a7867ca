/* Labels: see labels.h. */
#include "run/labels.h"

#include "base/checksum.h"
#include "base/error.h"
#include "base/text.h"
#include "data/dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_BYTES = 72 };

static void digest_write(char out[CH_LABELS_DIGEST_MAX], uint32_t count, ch_checksum *c) {
    (void)snprintf(out, CH_LABELS_DIGEST_MAX, "[\"%u words, checksum %016" PRIx64 "\"]", count,
                   ch_checksum_finish(c));
}

void ch_labels_digest(char out[CH_LABELS_DIGEST_MAX], const char *const *names, uint32_t count) {
    ch_checksum c;
    ch_checksum_init(&c, 0);
    for (uint32_t k = 0; k < count; k++) {
        ch_checksum_add(&c, names[k], strlen(names[k]) + 1);
    }
    digest_write(out, count, &c);
}

/* A vocabulary that is too long for a list. */
static void vocabulary_write(char out[CH_LABELS_DIGEST_MAX], const ch_federation *f) {
    const uint32_t classes = ch_federation_classes(f);
    ch_checksum c;
    ch_checksum_init(&c, 0);
    for (uint32_t k = 0; k < classes; k++) {
        const char *name = ch_federation_name(f, k);
        ch_checksum_add(&c, name, strlen(name) + 1);
    }
    digest_write(out, classes, &c);
}

bool ch_labels_text(char out[CH_LABELS_TEXT_MAX], const ch_federation *f) {
    const uint32_t classes = ch_federation_classes(f);
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t c = 0; c < classes && ch_federation_name(f, c) != NULL; c++) {
        out[used] = c == 0 ? '[' : ',';
        used += 1;
        used += ch_text_quote(out + used, CH_LABELS_TEXT_MAX - used, ch_federation_name(f, c));
        if (used + 2 >= CH_LABELS_TEXT_MAX) {
            out[0] = '\0';
            if (ch_federation_is_text(f)) {
                vocabulary_write(out, f);
            }
            return out[0] != '\0';
        }
    }
    if (used > 0) {
        memcpy(out + used, "]", 2);
    }
    return used > 0;
}

/* Bytes that a list of all names fits in, with its zero. */
static size_t list_bytes(const ch_federation *f) {
    const uint32_t classes = ch_federation_classes(f);
    size_t bytes = 3; // brackets
    for (uint32_t k = 0; k < classes; k++) {
        bytes += 2 * strlen(ch_federation_name(f, k)) + 3; // all escaped, quotes, a comma
    }
    return bytes;
}

choir_status ch_labels_vocabulary(char **out, const ch_federation *f, const choir_env *env) {
    char text[CH_LABELS_TEXT_MAX];
    char digest[CH_LABELS_DIGEST_MAX];
    *out = NULL;
    if (!ch_federation_is_text(f) || !ch_labels_text(text, f)) {
        return CHOIR_OK;
    }
    vocabulary_write(digest, f);
    if (strcmp(text, digest) != 0) {
        return CHOIR_OK; // they are told in full
    }
    const uint32_t classes = ch_federation_classes(f);
    const size_t bytes = list_bytes(f);
    char *list = ch_claim(env, bytes, 1);
    if (list == NULL) {
        return CHOIR_ENOMEM;
    }
    size_t used = 0;
    for (uint32_t k = 0; k < classes; k++) {
        list[used] = k == 0 ? '[' : ',';
        used += 1;
        used += ch_text_quote(list + used, bytes - used, ch_federation_name(f, k));
    }
    memcpy(list + used, "]", 2);
    *out = list;
    return CHOIR_OK;
}

choir_status ch_labels_check(const char *models, const char *datas, const char *model,
                             const char *source, choir_error *err) {
    if (models[0] == '\0' || datas[0] == '\0' || strcmp(models, datas) == 0) {
        return CHOIR_OK;
    }
    char wanted[SHOWN_BYTES];
    char found[SHOWN_BYTES];
    ch_text_show(wanted, sizeof(wanted), models);
    ch_text_show(found, sizeof(found), datas);
    return ch_error_set(err, CHOIR_EINVAL,
                        "%s: tells the labels %s apart, '%s' has %s; needs data with the labels it "
                        "was trained on",
                        model, wanted, source, found);
}

const char *ch_labels_show(const ch_federation *f, uint32_t label, char room[16]) {
    const char *name = ch_federation_name(f, label);
    if (name == NULL) {
        (void)snprintf(room, 16, "%u", label);
        name = room;
    }
    return name;
}
