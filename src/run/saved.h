/*
 * Saved model: a safetensors file that says what it is: layers, input, loss, and where it is from.
 */
#ifndef CH_RUN_SAVED_H
#define CH_RUN_SAVED_H

#include "choir/env.h"
#include "choir/layout.h"
#include "choir/status.h"
#include "data/encoding.h"
#include "data/preprocess.h"
#include "nn/net.h"
#include "onnx/safetensors.h"
#include "train/zoo.h"

/* What a file says of the model beside its net. "": nothing. */
typedef struct ch_saved_texts {
    const char *hash;   // SHA-256 of its parameters in hexadecimal
    const char *labels; // what its outputs are called, as ch_labels_text; where no encoding says it
    const char *vocabulary; // of words that labels tell by their checksum, as ch_labels_vocabulary;
                            // NULL: none
    const char *encoding;   // of the CSV file that it was trained on, as ch_encoding_write
    const ch_preprocess *preprocess; // of its inputs; borrowed; NULL: none
} ch_saved_texts;

typedef struct ch_saved {
    ch_safetensors file;             // owned
    char path[CHOIR_PATH_MAX];       // of the file, for messages
    char layers[CH_LAYERS_TEXT_MAX]; // "" when the file was not written by choir
    ch_shape input;                  // of one example, or one step; all 0 likewise
    uint32_t steps;                  // of the sequences that it read; 0: it reads none
    ch_loss loss;
    const char *labels;     // as ch_labels_text; "" when the file does not say; in file
    const char *vocabulary; // as ch_labels_vocabulary; "" likewise; in file. Whether it is the one
                            // that labels tell of is seen when it is used
    ch_encoding encoding;   // of the CSV file that it was trained on; width 0: of none. Owned
    char preprocess[CH_PREPROCESS_TEXT_MAX]; // what is to be done to any input, as it is parsed
} ch_saved;

/*
 * Opens path: a safetensors file, or a run directory with a model.safetensors in it.
 * Returns OK and an object to release; EIO, EPROTO or ENOMEM with nothing to release. EPROTO also
 * when what the file says of layers, input, loss, labels, preprocess or encoding is not what choir
 * would write: err names the entry, what it says and what would be right.
 */
CHOIR_NODISCARD choir_status ch_saved_open(ch_saved *out, const char *path, const choir_env *env,
                                           choir_error *err);

/*
 * What a model in memory says it is, without its parameters: bytes may end where those begin.
 *
 * name  stands for the file in messages
 *
 * Returns as ch_saved_open.
 */
CHOIR_NODISCARD choir_status ch_saved_describe(ch_saved *out, choir_bytes bytes, const char *name,
                                               const choir_env *env, choir_error *err);

/* The same for bytes with their parameters. Returns as ch_saved_open. */
CHOIR_NODISCARD choir_status ch_saved_parse(ch_saved *out, choir_bytes bytes, const char *name,
                                            const choir_env *env, choir_error *err);

void ch_saved_release(ch_saved *saved);

/* Copies the parameters (layout->dim) out. EINVAL when names or shapes differ from the layout's;
 * err names the file and the first tensor that does. */
CHOIR_NODISCARD choir_status ch_saved_params(const ch_saved *saved, const choir_layout *layout,
                                             float *params, choir_error *err);

/*
 * Writes params (dim of the net) to path, at once or not at all.
 *
 * options  the net's, with its layers, input and steps
 */
CHOIR_NODISCARD choir_status ch_saved_write(const char *path, const ch_net *net,
                                            const ch_net_options *options, const float *params,
                                            const ch_saved_texts *texts, const choir_env *env,
                                            choir_error *err);

/*
 * What ch_saved_write writes, in memory: *out are (*size) bytes, owned by the caller and freed by
 * env; NULL on failure. name stands for the file in messages.
 */
CHOIR_NODISCARD choir_status ch_saved_encode(uint8_t **out, size_t *size, const char *name,
                                             const ch_net *net, const ch_net_options *options,
                                             const float *params, const ch_saved_texts *texts,
                                             const choir_env *env, choir_error *err);

#endif
