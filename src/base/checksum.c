/* Checksum: see checksum.h. */
#include "base/checksum.h"

#include "base/cpu.h"
#include "base/mix.h"

#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "choir keeps parameters in little-endian order, in memory as on the wire"
#endif

enum { BLOCK = 4 * CH_CHECKSUM_LANES };

typedef uint32_t lanes __attribute__((vector_size(BLOCK)));

CH_ALWAYS_INLINE void blocks_body(ch_checksum *c, const uint8_t *data, size_t count) {
    lanes a;
    lanes b;
    memcpy(&a, c->a, sizeof(a));
    memcpy(&b, c->b, sizeof(b));
    for (size_t i = 0; i < count; i++) {
        lanes words;
        memcpy(&words, data + i * BLOCK, sizeof(words));
        a += words;
        b += a;
    }
    memcpy(c->a, &a, sizeof(a));
    memcpy(c->b, &b, sizeof(b));
}

#if defined(CH_CPU_X86)
CH_TARGET_AVX512 static void blocks_avx512(ch_checksum *c, const uint8_t *data, size_t count) {
    blocks_body(c, data, count);
}

CH_TARGET_AVX2 static void blocks_avx2(ch_checksum *c, const uint8_t *data, size_t count) {
    blocks_body(c, data, count);
}
#endif

static void blocks_add(ch_checksum *c, const uint8_t *data, size_t count) {
#if defined(CH_CPU_X86)
    if (ch_cpu_has_avx512()) {
        blocks_avx512(c, data, count);
        return;
    }
    if (ch_cpu_has_avx2()) {
        blocks_avx2(c, data, count);
        return;
    }
#endif
    blocks_body(c, data, count);
}

void ch_checksum_init(ch_checksum *c, uint64_t seed) {
    *c = (ch_checksum){.seed = seed};
}

void ch_checksum_add(ch_checksum *c, const void *data, size_t size) {
    if (size == 0) {
        return; // data may be NULL
    }
    const uint8_t *from = data;
    const size_t held = c->size % BLOCK;
    c->size += size;
    if (held > 0) {
        const size_t missing = BLOCK - held;
        const size_t taken = size < missing ? size : missing;
        memcpy(c->block + held, from, taken);
        if (taken < missing) {
            return;
        }
        blocks_add(c, c->block, 1);
        from += taken;
        size -= taken;
    }
    blocks_add(c, from, size / BLOCK);
    if (size % BLOCK > 0) {
        memcpy(c->block, from + size / BLOCK * BLOCK, size % BLOCK);
    }
}

uint64_t ch_checksum_finish(ch_checksum *c) {
    const size_t held = c->size % BLOCK;
    if (held > 0) {
        memset(c->block + held, 0, BLOCK - held);
        blocks_add(c, c->block, 1);
    }
    uint64_t h = ch_mix(c->seed + c->size);
    for (int l = 0; l < CH_CHECKSUM_LANES; l++) {
        h = ch_mix(h ^ ((uint64_t)c->b[l] << 32 | c->a[l]));
    }
    return h;
}

uint64_t ch_checksum_of(uint64_t seed, const void *data, size_t size) {
    ch_checksum c;
    ch_checksum_init(&c, seed);
    ch_checksum_add(&c, data, size);
    return ch_checksum_finish(&c);
}
