/*
 * Labels: what the classes of a run's data are called, as a saved model keeps it.
 *
 * A model's outputs are numbered as the labels of its data were; on other data the same number may
 * stand for another label, and no accuracy would tell.
 */
#ifndef CH_RUN_LABELS_H
#define CH_RUN_LABELS_H

#include "data/federation.h"

#include <stdbool.h>

enum {
    CH_LABELS_TEXT_MAX = 16384, // bytes of the text, with its zero; longer ones are not kept
    CH_LABELS_DIGEST_MAX = 64,  // of what stands for a vocabulary
};

/*
 * Writes the names in the order of their numbers, a JSON list: ["no","yes"].
 * Returns false, and leaves out "", when labels have no names or these are too long; but of text, a
 * vocabulary that is too long is one name, of its size and a checksum of its words.
 */
bool ch_labels_text(char out[CH_LABELS_TEXT_MAX], const ch_federation *f);

/* What ch_labels_text says of a vocabulary that is too long: ["5321 words, checksum 0123..."]. */
void ch_labels_digest(char out[CH_LABELS_DIGEST_MAX], const char *const *names, uint32_t count);

/*
 * All words of a vocabulary that ch_labels_text tells by its checksum, a JSON list as that of
 * others: *out is owned by the caller and freed by env; NULL where the names are told in full, or
 * there are none.
 *
 * Returns OK or ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_labels_vocabulary(char **out, const ch_federation *f,
                                                  const choir_env *env);

/* EINVAL when a model's text and the data's differ; OK when either is "". model and source stand
 * for them in messages. */
CHOIR_NODISCARD choir_status ch_labels_check(const char *models, const char *datas,
                                             const char *model, const char *source,
                                             choir_error *err);

/* A label's name, or its number, written to room when it has none. */
const char *ch_labels_show(const ch_federation *f, uint32_t label, char room[16]);

#endif
