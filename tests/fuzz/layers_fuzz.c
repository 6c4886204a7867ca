/* Fuzz target: any text as the layers of a net, as model files bring them, on any inputs. */
#include "nn/layers.h"

#include "base/assert.h"
#include "choir/task.h"

#include <string.h>

enum { TEXT_MAX = 512, SIZES = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static ch_graph graph;
    char text[TEXT_MAX] = {0};
    choir_error err = {.message = ""};
    if (size < SIZES) {
        return 0;
    }
    const size_t rest = size - SIZES;
    memcpy(text, data + SIZES, rest < TEXT_MAX ? rest : TEXT_MAX - 1);
    ch_graph_init(&graph, (ch_shape){data[0] + 1U, data[1] + 1U, data[2] + 1U});
    if (ch_layers_append(&graph, text, &err) != CHOIR_OK) {
        CH_ASSERT(err.message[0] != '\0');
    } else {
        const choir_layout *layout = &graph.layout;
        uint64_t dim = 0;
        for (uint32_t i = 0; i < layout->count; i++) {
            CH_ASSERT(layout->tensors[i].offset == dim);
            dim += layout->tensors[i].count;
        }
        CH_ASSERT(layout->dim == dim);
        CH_ASSERT(dim <= CHOIR_DIM_MAX);
        CH_ASSERT(ch_shape_features(graph.last->shape) <= CH_ACTIVATION_MAX);
    }
    ch_graph_release(&graph);
    return 0;
}
