/* Chain texts from anybody: what is accepted weighs, measures and promises sensibly. */
#include "fl/chain.h"

#include "base/assert.h"

#include <math.h>
#include <string.h>

enum { TEXT_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[TEXT_MAX] = {0};
    memcpy(text, data, size < TEXT_MAX ? size : TEXT_MAX - 1);
    ch_chain chain = {0};
    choir_error err = {.message = ""};
    if (ch_chain_parse(&chain, text, &err) != CHOIR_OK) {
        CH_ASSERT(err.message[0] != '\0');
        CH_ASSERT(chain.count == 0);
        return 0;
    }
    float delta[4] = {1e3F, -1e3F, 1, 0};
    ch_payload p = {.delta = delta, .dim = 4, .examples = 1000};
    ch_chain_client(&chain, &p);
    CH_ASSERT(p.examples >= 1);
    CH_ASSERT(p.examples <= 1000);
    ch_offer offer = {.norm = ch_fold_measure(delta, 4).norm, .weight = 1000};
    CH_ASSERT(ch_chain_server(&chain, &offer) == CHOIR_OK); // the two ends agree
    CH_ASSERT(offer.weight == p.examples);
    CH_ASSERT(isfinite(ch_chain_sensitivity(&chain, 1e4, 1000, 4, 20)));
    return 0;
}
