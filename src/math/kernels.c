/* Kernels: the table of backends, see kernels.h. */
#include "math/kernels.h"

#include "base/cpu.h"

#include <string.h>

/* One line per group of kernels; every backend exports one of each. */
#define GROUPS(isa)                                                                                \
    extern const ch_map_kernels ch_map_##isa;                                                      \
    extern const ch_dense_kernels ch_dense_##isa;                                                  \
    extern const ch_lookup_kernels ch_lookup_##isa;                                                \
    extern const ch_lstm_kernels ch_lstm_##isa;                                                    \
    extern const ch_conv_kernels ch_conv_##isa;                                                    \
    extern const ch_conv_kernels ch_winograd_##isa;                                                \
    extern const ch_pool_kernels ch_pool_##isa;                                                    \
    extern const ch_panel_kernels ch_panel_##isa;

#define BACKEND(text, isa)                                                                         \
    {                                                                                              \
        .name = (text), .map = &ch_map_##isa, .dense = &ch_dense_##isa,                            \
        .lookup = &ch_lookup_##isa, .lstm = &ch_lstm_##isa, .conv = &ch_conv_##isa,                \
        .winograd = &ch_winograd_##isa, .pool = &ch_pool_##isa, .panel = &ch_panel_##isa           \
    }

GROUPS(reference)
GROUPS(baseline)
#if defined(CH_CPU_X86)
GROUPS(avx512)
GROUPS(avx2)
GROUPS(wide)
#endif

static bool runs_everywhere(void) {
    return true;
}

typedef struct backend {
    ch_kernels kernels;
    bool (*runs)(void); // on this CPU
    bool is_for_tests;
} backend;

/* The best first. */
static const backend BACKENDS[] = {
#if defined(CH_CPU_X86)
    {BACKEND("vector-avx512", avx512), ch_cpu_has_avx512, false},
    {BACKEND("vector-avx2", avx2), ch_cpu_has_avx2, false},
    {BACKEND("vector-wide", wide), ch_cpu_has_avx2, true},
#endif
    {BACKEND("vector-baseline", baseline), runs_everywhere, false},
    {BACKEND("reference", reference), runs_everywhere, true},
};

static const uint32_t BACKENDS_COUNT = sizeof(BACKENDS) / sizeof(BACKENDS[0]);

const ch_kernels *ch_kernels_best(void) {
    uint32_t row = 0;
    while (BACKENDS[row].is_for_tests || !BACKENDS[row].runs()) {
        row++; // ends: the baseline runs everywhere
    }
    return &BACKENDS[row].kernels;
}

const ch_kernels *ch_kernels_find(const char *name) {
    if (strcmp(name, "auto") == 0) {
        return ch_kernels_best();
    }
    for (uint32_t row = 0; row < BACKENDS_COUNT; row++) {
        if (strcmp(BACKENDS[row].kernels.name, name) == 0) {
            return BACKENDS[row].runs() ? &BACKENDS[row].kernels : NULL;
        }
    }
    return NULL;
}

uint32_t ch_kernels_count(void) {
    return BACKENDS_COUNT;
}

const char *ch_kernels_row(uint32_t row) {
    return row < BACKENDS_COUNT ? BACKENDS[row].kernels.name : NULL;
}

const char *ch_kernels_name(const ch_kernels *k) {
    return k->name;
}
