/* Layers: see layers.h. */
#include "nn/layers.h"

#include "base/error.h"
#include "base/text.h"
#include "math/pool.h"

#include <stdio.h>
#include <string.h>

bool ch_layer_number(const char *word, uint32_t max, uint32_t *out) {
    uint64_t value = 0;
    if (!ch_text_read_u64(&value, word) || value < 1 || value > max) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

ch_node *ch_layer_node(ch_graph *graph, const ch_layer *layer, const char *op) {
    if (graph->nodes_count + 1 >= CH_NODES_MAX) {
        return NULL; // one is the loss's
    }
    ch_node *node = ch_graph_node(graph, op);
    if (node != NULL) {
        memcpy(node->label, layer->label, sizeof(node->label));
        memcpy(node->name, layer->name, sizeof(node->name));
    }
    return node;
}

choir_status ch_layer_refuse(const ch_layer *layer, const char *right, choir_error *err) {
    return ch_error_set(err, CHOIR_EINVAL, "%s: right is %s", layer->label, right);
}

// The kinds of layers.

static choir_status append_node(ch_graph *graph, const ch_layer *layer, const char *op,
                                uint32_t units, choir_error *err) {
    ch_node *node = ch_layer_node(graph, layer, op);
    if (node == NULL) {
        return ch_layer_refuse(layer, "a net of fewer layers", err);
    }
    node->units = units;
    return ch_graph_append(graph, node, err);
}

static choir_status append_dense(ch_graph *graph, const ch_layer *layer, choir_error *err) {
    uint32_t units = 0;
    if (!ch_layer_number(layer->words[1], CH_LAYER_UNITS_MAX, &units)) {
        return ch_layer_refuse(layer, "'dense UNITS', UNITS a whole number in [1, 1048576]", err);
    }
    const choir_status status = append_node(graph, layer, "matmul", units, err);
    return status == CHOIR_OK ? append_node(graph, layer, "bias", 0, err) : status;
}

static choir_status append_relu(ch_graph *graph, const ch_layer *layer, choir_error *err) {
    return append_node(graph, layer, "relu", 0, err);
}

enum { FILTER_MAX = 31 };

/* A word of two numbers in [1, max] with a sign between them: "5x5", "3/2". */
static bool pair_of(const char *word, char sign, uint32_t max, uint32_t *a, uint32_t *b) {
    const char *at = strchr(word, sign);
    char first[CH_LAYER_WORD_MAX] = "";
    if (at == NULL) {
        return false;
    }
    memcpy(first, word, (size_t)(at - word));
    return ch_layer_number(first, max, a) && ch_layer_number(at + 1, max, b);
}

static choir_status append_conv(ch_graph *graph, const ch_layer *layer, choir_error *err) {
    ch_node *node = ch_layer_node(graph, layer, "convolve");
    if (node == NULL) {
        return ch_layer_refuse(layer, "a net of fewer layers", err);
    }
    if (!pair_of(layer->words[1], 'x', FILTER_MAX, &node->window_height, &node->window_width) ||
        !ch_layer_number(layer->words[2], CH_LAYER_UNITS_MAX, &node->units)) {
        return ch_layer_refuse(layer,
                               "'conv HEIGHTxWIDTH CHANNELS', HEIGHT and WIDTH odd in [1, 31], "
                               "CHANNELS in [1, 1048576]",
                               err);
    }
    const choir_status status = ch_graph_append(graph, node, err);
    return status == CHOIR_OK ? append_node(graph, layer, "bias", 0, err) : status;
}

static choir_status append_maxpool(ch_graph *graph, const ch_layer *layer, choir_error *err) {
    ch_node *node = ch_layer_node(graph, layer, "maxpool");
    if (node == NULL) {
        return ch_layer_refuse(layer, "a net of fewer layers", err);
    }
    const char *word = layer->words[1];
    if (ch_layer_number(word, CH_POOL_WINDOW_MAX, &node->window_height)) {
        node->window_stride = node->window_height;
    } else if (!pair_of(word, '/', CH_POOL_WINDOW_MAX, &node->window_height,
                        &node->window_stride)) {
        return ch_layer_refuse(layer,
                               "'maxpool WINDOW' or 'maxpool WINDOW/STRIDE', both in [1, 15]", err);
    }
    node->window_width = node->window_height;
    return ch_graph_append(graph, node, err);
}

static choir_status append_embedding(ch_graph *graph, const ch_layer *layer, choir_error *err) {
    ch_node *node = ch_layer_node(graph, layer, "embedding");
    if (node == NULL) {
        return ch_layer_refuse(layer, "a net of fewer layers", err);
    }
    if (!ch_layer_number(layer->words[1], CH_LAYER_UNITS_MAX, &node->vocabulary) ||
        !ch_layer_number(layer->words[2], CH_LAYER_UNITS_MAX, &node->units)) {
        return ch_layer_refuse(layer,
                               "'embedding TOKENS UNITS', both whole numbers in [1, 1048576]", err);
    }
    return ch_graph_append(graph, node, err);
}

static choir_status append_unembedding(ch_graph *graph, const ch_layer *layer, choir_error *err) {
    return append_node(graph, layer, "unembedding", 0, err);
}

/* What follows an LSTM's size. */
static bool lstm_form(ch_node *node, const ch_layer *layer) {
    for (uint32_t i = 2; i < layer->count; i++) {
        const bool is_peephole = strcmp(layer->words[i], "peephole") == 0;
        bool *form = is_peephole ? &node->peepholes : &node->coupled;
        if (*form || (!is_peephole && strcmp(layer->words[i], "cifg") != 0)) {
            return false;
        }
        *form = true;
    }
    return true;
}

static choir_status append_lstm(ch_graph *graph, const ch_layer *layer, choir_error *err) {
    ch_node *node = ch_layer_node(graph, layer, "lstm");
    if (node == NULL) {
        return ch_layer_refuse(layer, "a net of fewer layers", err);
    }
    const char *word = layer->words[1];
    if ((!ch_layer_number(word, CH_LAYER_UNITS_MAX, &node->units) &&
         !pair_of(word, '/', CH_LAYER_UNITS_MAX, &node->units, &node->projected)) ||
        !lstm_form(node, layer)) {
        return ch_layer_refuse(layer,
                               "'lstm UNITS' or 'lstm UNITS/OUTPUTS', both in [1, 1048576], and "
                               "behind it 'peephole', 'cifg' or both",
                               err);
    }
    return ch_graph_append(graph, node, err);
}

static const ch_layer_kind KINDS[] = {
    {"conv HEIGHTxWIDTH CHANNELS", 0, append_conv},  {"dense UNITS", 0, append_dense},
    {"embedding TOKENS UNITS", 0, append_embedding}, {"lstm UNITS", 2, append_lstm},
    {"maxpool WINDOW", 0, append_maxpool},           {"relu", 0, append_relu},
    {"unembedding", 0, append_unembedding},
};

enum { KINDS_COUNT = sizeof(KINDS) / sizeof(KINDS[0]) };

// The text.

static uint32_t words_of(const char *usage) {
    uint32_t count = 1;
    for (; *usage != '\0'; usage++) {
        count += *usage == ' ' ? 1 : 0;
    }
    return count;
}

static bool is_kind(const ch_layer_kind *kind, const char *word) {
    const size_t size = strcspn(kind->usage, " ");
    return strlen(word) == size && memcmp(kind->usage, word, size) == 0;
}

/* Splits text (size) at blanks. False when there are too many words, or one is too long. */
static bool split(ch_layer *layer, const char *text, size_t size) {
    layer->count = 0;
    size_t at = 0;
    for (;;) {
        while (at < size && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n')) {
            at++;
        }
        if (at == size) {
            return true;
        }
        const size_t start = at;
        while (at < size && text[at] != ' ' && text[at] != '\t' && text[at] != '\n') {
            at++;
        }
        if (layer->count == CH_LAYER_WORDS_MAX || at - start >= CH_LAYER_WORD_MAX) {
            return false;
        }
        char *word = layer->words[layer->count++];
        memcpy(word, text + start, at - start);
        word[at - start] = '\0';
    }
}

static choir_status refuse_kind(const ch_layer *layer, choir_error *err) {
    char known[400] = "";
    size_t used = 0;
    for (uint32_t row = 0; row < KINDS_COUNT && used < sizeof(known); row++) {
        const int size = snprintf(known + used, sizeof(known) - used, "%s'%s'",
                                  row > 0 ? ", " : "one of ", KINDS[row].usage);
        used += size > 0 ? (size_t)size : 0;
    }
    return ch_layer_refuse(layer, known, err);
}

/* Appends the layer's text (size); counts is how many of each kind there were. */
static choir_status append_layer(ch_graph *graph, const char *text, size_t size, uint32_t number,
                                 uint32_t *counts, choir_error *err) {
    ch_layer layer = {0};
    while (size > 0 && text[0] == ' ') {
        text++;
        size--;
    }
    while (size > 0 && text[size - 1] == ' ') {
        size--;
    }
    char piece[CH_TEXT_SHOWN_MAX];
    char shown[CH_TEXT_SHOWN_MAX];
    (void)snprintf(piece, sizeof(piece), "%.*s", (int)(size < sizeof(piece) ? size : sizeof(piece)),
                   text);
    ch_text_show(shown, sizeof(shown), piece);
    (void)snprintf(layer.label, sizeof(layer.label), "layer %u '%s'", number, shown);
    if (!split(&layer, text, size)) {
        return ch_layer_refuse(&layer, "at most 4 words of at most 31 characters", err);
    }
    for (uint32_t row = 0; row < KINDS_COUNT; row++) {
        if (is_kind(&KINDS[row], layer.words[0])) {
            counts[row] += 1;
            (void)snprintf(layer.name, sizeof(layer.name), "%.16s%u", layer.words[0], counts[row]);
            const uint32_t words = words_of(KINDS[row].usage);
            if (layer.count < words || layer.count > words + KINDS[row].more) {
                char right[64];
                (void)snprintf(right, sizeof(right), "'%s'", KINDS[row].usage);
                return ch_layer_refuse(&layer, right, err);
            }
            return KINDS[row].append(graph, &layer, err);
        }
    }
    return refuse_kind(&layer, err);
}

choir_status ch_layers_append(ch_graph *graph, const char *text, choir_error *err) {
    uint32_t counts[KINDS_COUNT] = {0};
    for (uint32_t number = 1;; number++) {
        const size_t size = strcspn(text, "|");
        const choir_status status = append_layer(graph, text, size, number, counts, err);
        if (status != CHOIR_OK || text[size] == '\0') {
            return status;
        }
        text += size + 1;
    }
}
