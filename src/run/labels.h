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

/* Bytes of the text, with its zero. Longer ones are not kept. */
enum { CH_LABELS_TEXT_MAX = 16384 };

/*
 * Writes the names in the order of their numbers, a JSON list: ["no","yes"].
 * Returns false, and leaves out "", when labels have no names or these are too long; but of text, a
 * vocabulary that is too long is one name, of its size and a checksum of its words.
 */
bool ch_labels_text(char out[CH_LABELS_TEXT_MAX], const ch_federation *f);

/* EINVAL when a model's text and the data's differ; OK when either is "". model and source stand
 * for them in messages. */
CHOIR_NODISCARD choir_status ch_labels_check(const char *models, const char *datas,
                                             const char *model, const char *source,
                                             choir_error *err);

/* A label's name, or its number, written to room when it has none. */
const char *ch_labels_show(const ch_federation *f, uint32_t label, char room[16]);

#endif
