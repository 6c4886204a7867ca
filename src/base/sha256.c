/* SHA-256: see sha256.h. The letters are those of FIPS 180-4. */
#include "base/sha256.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, unsigned n) {
    return x >> n | x << (32 - n);
}

static uint32_t load_big(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void blocks_portable(uint32_t state[8], const uint8_t *data, size_t blocks) {
    for (; blocks > 0; blocks--, data += 64) {
        uint32_t w[64];
        for (int t = 0; t < 16; t++) {
            w[t] = load_big(data + (size_t)4 * (size_t)t);
        }
        for (int t = 16; t < 64; t++) {
            const uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ (w[t - 15] >> 3);
            const uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ (w[t - 2] >> 10);
            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int t = 0; t < 64; t++) {
            const uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                                ((e & f) ^ (~e & g)) + K[t] + w[t];
            const uint32_t t2 =
                (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
        }
        const uint32_t add[8] = {a, b, c, d, e, f, g, h};
        for (int i = 0; i < 8; i++) {
            state[i] += add[i];
        }
    }
}

#if defined(__x86_64__)
// The state lives in two vectors, {a b e f} and {c d g h}, as the instructions want it; four rounds
// a step, the message schedule four words ahead.
__attribute__((target("sha,sse4.1"))) static void blocks_sha(uint32_t state[8], const uint8_t *data,
                                                             size_t blocks) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)state);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
    dcba = _mm_shuffle_epi32(dcba, 0xB1);
    hgfe = _mm_shuffle_epi32(hgfe, 0x1B);
    __m128i abef = _mm_alignr_epi8(dcba, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, dcba, 0xF0);
    for (; blocks > 0; blocks--, data += 64) {
        const __m128i abef_before = abef;
        const __m128i cdgh_before = cdgh;
        __m128i w[4];
        for (int i = 0; i < 4; i++) {
            w[i] = _mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i));
            w[i] = _mm_shuffle_epi8(w[i], swap);
        }
        for (int i = 0; i < 16; i++) {
            const __m128i *k = (const __m128i *)(const void *)(K + (size_t)4 * (size_t)i);
            const __m128i wk = _mm_add_epi32(w[0], _mm_loadu_si128(k));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0E));
            __m128i next = _mm_sha256msg1_epu32(w[0], w[1]);
            next = _mm_add_epi32(next, _mm_alignr_epi8(w[3], w[2], 4));
            next = _mm_sha256msg2_epu32(next, w[3]);
            w[0] = w[1];
            w[1] = w[2];
            w[2] = w[3];
            w[3] = next;
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    const __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
    const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

static bool cpu_has_sha(void) {
    static atomic_int known; // 0 not asked yet, 1 no, 2 yes; asking is slow under a hypervisor
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer == 0) {
        unsigned a = 0, b = 0, c = 0, d = 0;
        const bool sse41 = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_1) != 0;
        const bool sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
        answer = sse41 && sha ? 2 : 1;
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer == 2;
}
#endif

static const ch_sha256_blocks PORTABLE = {"portable", blocks_portable};

const ch_sha256_blocks *ch_sha256_variant(uint32_t index) {
#if defined(__x86_64__)
    static const ch_sha256_blocks sha = {"sha", blocks_sha};
    if (cpu_has_sha()) {
        return index == 0 ? &sha : index == 1 ? &PORTABLE : NULL;
    }
#endif
    return index == 0 ? &PORTABLE : NULL;
}

static void blocks_hash(uint32_t state[8], const uint8_t *data, size_t blocks) {
    ch_sha256_variant(0)->hash(state, data, blocks);
}

void ch_sha256_init(ch_sha256 *h) {
    *h = (ch_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                               0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void ch_sha256_add(ch_sha256 *h, const void *data, size_t size) {
    if (size == 0) {
        return; // data may be NULL
    }
    const uint8_t *from = data;
    const size_t held = h->bytes % 64;
    h->bytes += size;
    if (held > 0) {
        const size_t room = 64 - held;
        const size_t taken = size < room ? size : room;
        memcpy(h->block + held, from, taken);
        if (taken < room) {
            return;
        }
        blocks_hash(h->state, h->block, 1);
        from += taken;
        size -= taken;
    }
    blocks_hash(h->state, from, size / 64);
    if (size % 64 > 0) {
        memcpy(h->block, from + size / 64 * 64, size % 64);
    }
}

void ch_sha256_finish(ch_sha256 *h, uint8_t out[32]) {
    const uint64_t bits = h->bytes * 8;
    const size_t held = h->bytes % 64;
    uint8_t tail[128] = {0};
    memcpy(tail, h->block, held);
    tail[held] = 0x80;
    const size_t size = held < 56 ? 64 : 128;
    for (size_t i = 0; i < 8; i++) {
        tail[size - 1 - i] = (uint8_t)(bits >> (8 * i));
    }
    blocks_hash(h->state, tail, size / 64);
    for (size_t i = 0; i < 32; i++) {
        out[i] = (uint8_t)(h->state[i / 4] >> (24 - 8 * (i % 4)));
    }
}

void ch_sha256_of(const void *data, size_t size, uint8_t out[32]) {
    ch_sha256 h;
    ch_sha256_init(&h);
    ch_sha256_add(&h, data, size);
    ch_sha256_finish(&h, out);
}
