/* The zoo: see zoo.h. */
#include "train/zoo.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/text.h"
#include "data/crop.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/*
 * The fixed models are those of McMahan et al., "Communication-Efficient Learning of Deep Networks
 * from Decentralized Data", AISTATS 2017, sec. 3, with its counts: of 258 tokens, the bytes and two
 * more, and of 10,000 words. The CIFAR network is that of the 2016 TensorFlow tutorial with its
 * pools of 3 x 3 and stride 2, and without its local response normalisation, which the paper does
 * not count. next-word is that of Hard et al., "Federated Learning for Mobile Keyboard Prediction",
 * 2018: its 1.4 million parameters are these if recurrence and scores see 96 numbers, words'
 * scores are by their embedding, and have no bias.
 */
const ch_zoo_row CH_ZOO[] = {
    {"softmax", "dense {outputs}", {0, 0, 0}, 0, 0, "softmax regression, sized from the data", 0},
    {"mlp",
     "{hidden}dense {outputs}",
     {0, 0, 0},
     0,
     0,
     "multilayer perceptron with model.hidden sizes and relu",
     0},
    {"mnist-2nn",
     "dense 200 | relu | dense 200 | relu | dense 10",
     {28, 28, 1},
     10,
     199210,
     "two hidden layers of 200 units",
     0},
    {"mnist-cnn",
     "conv 5x5 32 | relu | maxpool 2 | conv 5x5 64 | relu | maxpool 2 | "
     "dense 512 | relu | dense 10",
     {28, 28, 1},
     10,
     1663370,
     "two 5x5 convolutions and 512 units",
     0},
    {"cifar-cnn",
     "conv 5x5 64 | relu | maxpool 3/2 | conv 5x5 64 | relu | maxpool 3/2 | "
     "dense 384 | relu | dense 192 | relu | dense 10",
     {24, 24, 3},
     10,
     1068298,
     "two 5x5 convolutions, 384 and 192 units; 24x24 crops",
     0},
    {.name = "char-lstm",
     .layers = "embedding {outputs} 8 | lstm 256 peephole | lstm 256 peephole | dense {outputs}",
     .parameters = 866578,
     .about = "text: two LSTM of 256 units with peepholes",
     .tokens = 258},
    {.name = "char-lstm-plain",
     .layers = "embedding {outputs} 8 | lstm 256 | lstm 256 | dense {outputs}",
     .parameters = 865042,
     .about = "text: likewise without peepholes",
     .tokens = 258},
    {.name = "word-lstm",
     .layers = "embedding {outputs} 192 | lstm 256 peephole | dense {outputs}",
     .parameters = 4950544,
     .about = "text: embeddings of 192 numbers, one LSTM of 256 units",
     .tokens = 10000},
    {.name = "next-word",
     .layers = "embedding {outputs} 96 | lstm 670/96 cifg | unembedding",
     .parameters = 1412250,
     .about = "text: a keyboard's, one LSTM of 670 units with coupled gates",
     .tokens = 10000},
};

const uint32_t CH_ZOO_COUNT = sizeof(CH_ZOO) / sizeof(CH_ZOO[0]);

/* A job's list of so many sizes, at most CHOIR_NAME_MAX bytes, fits into a layers text. */
enum { HIDDEN_MAX = 65536, HIDDEN_SIZES_MAX = 24 };

static choir_status row_find(const ch_zoo_row **out, const char *name, choir_error *err) {
    char known[CH_TEXT_LIST_MAX] = "";
    const char *nearest = NULL;
    uint32_t least = CH_TEXT_DISTANCE_FAR;
    for (uint32_t i = 0; i < CH_ZOO_COUNT; i++) {
        if (strcmp(CH_ZOO[i].name, name) == 0) {
            *out = &CH_ZOO[i];
            return CHOIR_OK;
        }
        ch_text_list(known, sizeof(known), CH_ZOO[i].name);
        const uint32_t distance = ch_text_distance(name, CH_ZOO[i].name);
        if (distance < least && ch_text_is_near(distance, strlen(CH_ZOO[i].name))) {
            least = distance;
            nearest = CH_ZOO[i].name;
        }
    }
    return ch_error_set(err, CHOIR_EINVAL, "model.name: '%s' is not known; %s%s%sthere are %s",
                        name, nearest == NULL ? "" : "did you mean '",
                        nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'? ", known);
}

/* The models that read text, or that do not. */
static void kind_list(char *out, size_t size, bool is_text) {
    for (uint32_t i = 0; i < CH_ZOO_COUNT; i++) {
        if ((CH_ZOO[i].tokens > 0) == is_text) {
            ch_text_list(out, size, CH_ZOO[i].name);
        }
    }
}

static choir_status kind_fits(const ch_zoo_row *row, bool is_text, choir_error *err) {
    if ((row->tokens > 0) == is_text) {
        return CHOIR_OK;
    }
    char known[CH_TEXT_LIST_MAX] = "";
    kind_list(known, sizeof(known), is_text);
    return ch_error_set(err, CHOIR_EINVAL,
                        "model.name: '%s' reads %s, and the data is %s; "
                        "models for it are %s",
                        row->name, is_text ? "no text" : "text", is_text ? "text" : "none", known);
}

static choir_status row_fits(const ch_zoo_row *row, ch_shape shape, uint32_t classes,
                             choir_error *err) {
    const bool any = row->shape.height == 0;
    const bool same = row->shape.height == shape.height && row->shape.width == shape.width &&
                      row->shape.channels == shape.channels;
    if (!any && (!same || row->classes != classes)) {
        char hint[CH_CROP_HINT_MAX];
        return ch_error_set(err, CHOIR_EINVAL,
                            "model.name: '%s' wants %ux%ux%u inputs and %u classes, the data has "
                            "%ux%ux%u and %u%s; 'softmax' and 'mlp' fit any data",
                            row->name, row->shape.height, row->shape.width, row->shape.channels,
                            row->classes, shape.height, shape.width, shape.channels, classes,
                            ch_crop_hint(hint, row->shape, shape));
    }
    return CHOIR_OK;
}

/* The size that a list of them starts with; 0 when it starts with none. *next is behind it. */
static uint32_t size_read(const char *list, const char **next) {
    char word[24];
    uint64_t size = 0;
    const size_t length = strcspn(list, ",");
    *next = list + length;
    if (length >= sizeof(word)) {
        return 0;
    }
    memcpy(word, list, length);
    word[length] = '\0';
    return ch_text_read_u64(&size, word) && size <= HIDDEN_MAX ? (uint32_t)size : 0;
}

/* "200,100" -> "dense 200 | relu | dense 100 | relu | " */
static choir_status hidden_layers(const char *sizes, char out[CH_LAYERS_TEXT_MAX],
                                  choir_error *err) {
    size_t used = 0;
    const char *at = sizes;
    for (uint32_t count = 1;; count++, at++) {
        const uint32_t size = size_read(at, &at);
        if (size == 0) {
            return ch_error_set(err, CHOIR_EINVAL,
                                "model.hidden: '%s' is not a list of sizes in [1, %d] like 200,200",
                                sizes, (int)HIDDEN_MAX);
        }
        if (count > HIDDEN_SIZES_MAX) {
            return ch_error_set(err, CHOIR_EINVAL, "model.hidden: '%s' has more than %d sizes",
                                sizes, (int)HIDDEN_SIZES_MAX);
        }
        used += (size_t)snprintf(out + used, CH_LAYERS_TEXT_MAX - used, "dense %u | relu | ", size);
        if (*at == '\0') {
            return CHOIR_OK;
        }
    }
}

/* The layers of the row's hidden sizes, "" when it has none. */
static choir_status hidden_find(const ch_zoo_row *row, const choir_job_model *options,
                                char out[CH_LAYERS_TEXT_MAX], choir_error *err) {
    out[0] = '\0';
    if (strstr(row->layers, "{hidden}") != NULL) {
        return hidden_layers(options->hidden, out, err);
    }
    if (options->hidden[0] != '\0') {
        return ch_error_set(err, CHOIR_EINVAL,
                            "model.hidden: '%s' is set, but model '%s' has no hidden sizes to set",
                            options->hidden, row->name);
    }
    return CHOIR_OK;
}

choir_status ch_zoo_check(const choir_job_model *options, choir_error *err) {
    const ch_zoo_row *row = NULL;
    char hidden[CH_LAYERS_TEXT_MAX];
    const choir_status status = row_find(&row, options->name, err);
    return status == CHOIR_OK ? hidden_find(row, options, hidden, err) : status;
}

/* What a row's text has a word in braces for. */
typedef struct part {
    const char *word;
    const char *text;
} part;

/* Copies the row's text with the texts of both parts. */
static void layers_write(char out[CH_LAYERS_TEXT_MAX], const char *layers, const part parts[2]) {
    size_t used = 0;
    while (*layers != '\0') {
        const part *p = NULL;
        for (uint32_t i = 0; i < 2 && p == NULL; i++) {
            p = strncmp(layers, parts[i].word, strlen(parts[i].word)) == 0 ? &parts[i] : NULL;
        }
        const char *text = p != NULL ? p->text : layers;
        const size_t size = p != NULL ? strlen(text) : 1;
        CH_ASSERT(used + size < CH_LAYERS_TEXT_MAX);
        memcpy(out + used, text, size);
        used += size;
        layers += p != NULL ? strlen(p->word) : 1;
    }
    out[used] = '\0';
}

choir_status ch_zoo_layers(const choir_job_model *options, ch_shape shape, bool is_text,
                           uint32_t classes, char out[CH_LAYERS_TEXT_MAX], choir_error *err) {
    const ch_zoo_row *row = NULL;
    char hidden[CH_LAYERS_TEXT_MAX];
    char outputs[16];
    choir_status status = row_find(&row, options->name, err);
    if (status == CHOIR_OK) {
        status = kind_fits(row, is_text, err);
    }
    if (status == CHOIR_OK && !is_text) {
        status = row_fits(row, shape, classes, err);
    }
    if (status == CHOIR_OK) {
        status = hidden_find(row, options, hidden, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    (void)snprintf(outputs, sizeof(outputs), "%u", classes == 0 ? 1 : classes);
    const part parts[2] = {{"{hidden}", hidden}, {"{outputs}", outputs}};
    layers_write(out, row->layers, parts);
    return CHOIR_OK;
}
