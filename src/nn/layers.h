/*
 * Layers: the text that describes a net, and the chain of operators it stands for.
 *
 *     "conv 5x5 32 | relu | maxpool 2 | dense 512 | relu | dense 10"
 *
 * Layers are separated by '|', each a kind and its numbers. Every kind is a row of one table.
 */
#ifndef CH_NN_LAYERS_H
#define CH_NN_LAYERS_H

#include "nn/graph.h"

enum {
    CH_LAYER_WORDS_MAX = 4,
    CH_LAYER_WORD_MAX = 32, // bytes, with the terminating zero
    CH_LAYER_UNITS_MAX = 1 << 20,
};

/* One layer's text, in words; the first is its kind. */
typedef struct ch_layer {
    char words[CH_LAYER_WORDS_MAX][CH_LAYER_WORD_MAX];
    uint32_t count;               // words
    char label[CH_LABEL_MAX];     // "layer 2 'dense 10'"
    char name[CH_LAYER_NAME_MAX]; // "dense2": its kind and how many of it so far
} ch_layer;

/*
 * One kind of layer.
 *
 * usage  "dense UNITS": the kind, then the words it wants, for messages
 * more   how many words it takes beyond those
 * append adds the layer's nodes to the chain. Its words are as many as usage's, and at most more.
 *        Returns OK; EINVAL with a message that starts with the label.
 */
typedef struct ch_layer_kind {
    const char *usage;
    uint32_t more;
    choir_status (*append)(ch_graph *graph, const ch_layer *layer, choir_error *err);
} ch_layer_kind;

/* Builds the chain for a text behind the graph's input. EINVAL with a message naming the layer. */
CHOIR_NODISCARD choir_status ch_layers_append(ch_graph *graph, const char *text, choir_error *err);

/* For kinds: a word as a whole number in [1, max]; false when it is none. */
bool ch_layer_number(const char *word, uint32_t max, uint32_t *out);

/* For kinds: a node of that operator with the layer's label and name. NULL: too many. */
ch_node *ch_layer_node(ch_graph *graph, const ch_layer *layer, const char *op);

/* For kinds: EINVAL; "layer 2 'dense x': right is 'dense UNITS', UNITS a whole number in ..." */
choir_status ch_layer_refuse(const ch_layer *layer, const char *right, choir_error *err);

#endif
