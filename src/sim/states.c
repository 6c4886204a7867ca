/* States: see states.h. */
#include "sim/states.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/error.h"
#include "choir/sim.h"

#include <inttypes.h>
#include <string.h>

enum { CHECK_BYTES = 8 };

choir_status ch_states_init(ch_states *s, uint32_t clients, uint32_t bytes_max,
                            const choir_env *env, choir_error *err) {
    *s = (ch_states){.env = *env, .clients = clients, .bytes_max = bytes_max};
    if (bytes_max == 0) {
        return CHOIR_OK;
    }
    if ((uint64_t)clients * bytes_max > CHOIR_SIM_STATES_MAX) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "sim: each of %u clients keeps %u bytes between rounds, together more "
                            "than %" PRIu64 "; fewer clients, a smaller model, or an algorithm "
                            "without client state",
                            clients, bytes_max, CHOIR_SIM_STATES_MAX);
    }
    s->data = env->alloc(env->self, ch_arena_cost(clients, sizeof(s->data[0])));
    s->sizes = env->alloc(env->self, ch_arena_cost(clients, sizeof(s->sizes[0])));
    if (s->data == NULL || s->sizes == NULL) {
        ch_states_release(s);
        return CHOIR_ENOMEM;
    }
    memset(s->data, 0, clients * sizeof(s->data[0]));
    memset(s->sizes, 0, clients * sizeof(s->sizes[0]));
    return CHOIR_OK;
}

void ch_states_release(ch_states *s) {
    for (uint32_t i = 0; s->data != NULL && s->sizes != NULL && i < s->clients; i++) {
        if (s->data[i] != NULL) {
            s->env.free(s->env.self, s->data[i]);
        }
    }
    if (s->data != NULL) {
        s->env.free(s->env.self, s->data);
    }
    if (s->sizes != NULL) {
        s->env.free(s->env.self, s->sizes);
    }
    *s = (ch_states){.clients = 0};
}

choir_bytes ch_states_of(const ch_states *s, uint32_t client) {
    if (s->bytes_max == 0 || s->sizes[client] == 0) {
        return (choir_bytes){.size = 0};
    }
    return (choir_bytes){.data = s->data[client], .size = s->sizes[client]};
}

choir_status ch_states_put(ch_states *s, uint32_t client, const uint8_t *state, uint32_t size) {
    CH_ASSERT(client < s->clients);
    CH_ASSERT(size <= s->bytes_max);
    if (size > 0 && s->data[client] == NULL) {
        s->data[client] = s->env.alloc(s->env.self, ch_arena_cost(s->bytes_max, 1));
        if (s->data[client] == NULL) {
            return CHOIR_ENOMEM;
        }
    }
    if (size > 0) {
        memcpy(s->data[client], state, size);
    }
    s->sizes[client] = size;
    return CHOIR_OK;
}

size_t ch_states_bytes(const ch_states *s) {
    if (s->bytes_max == 0) {
        return 0;
    }
    size_t bytes = sizeof(uint32_t) + CHECK_BYTES;
    for (uint32_t i = 0; i < s->clients; i++) {
        bytes += s->sizes[i] > 0 ? 2 * sizeof(uint32_t) + s->sizes[i] : 0;
    }
    return bytes;
}

void ch_states_save(const ch_states *s, uint8_t *out) {
    if (s->bytes_max == 0) {
        return;
    }
    ch_writer w = {.data = out, .capacity = ch_states_bytes(s)};
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->clients; i++) {
        count += s->sizes[i] > 0;
    }
    ch_put_u32(&w, count);
    for (uint32_t i = 0; i < s->clients; i++) {
        if (s->sizes[i] > 0) {
            ch_put_u32(&w, i);
            ch_put_u32(&w, s->sizes[i]);
            ch_put_bytes(&w, s->data[i], s->sizes[i]);
        }
    }
    ch_put_u64(&w, ch_checksum_of(0, out, w.size));
    CH_ASSERT(!w.failed);
    CH_ASSERT(w.size == w.capacity);
}

static choir_status damaged(choir_error *err) {
    return ch_error_set(err, CHOIR_EPROTO, "sim: what clients keep is damaged, or of another job");
}

choir_status ch_states_check(const ch_states *s, choir_bytes saved, choir_error *err) {
    if (s->bytes_max == 0) {
        return saved.size == 0 ? CHOIR_OK : damaged(err);
    }
    if (saved.size < sizeof(uint32_t) + CHECK_BYTES) {
        return damaged(err);
    }
    const size_t checked = saved.size - CHECK_BYTES;
    ch_reader end = {.data = saved.data, .size = saved.size, .at = checked};
    ch_reader r = {.data = saved.data, .size = checked};
    bool is_right = ch_get_u64(&end) == ch_checksum_of(0, saved.data, checked);
    const uint32_t count = ch_get_u32(&r);
    uint32_t least = 0; // client that may come next
    for (uint32_t i = 0; i < count && is_right; i++) {
        const uint32_t client = ch_get_u32(&r);
        const uint32_t size = ch_get_u32(&r);
        (void)ch_get_bytes(&r, size);
        is_right =
            !r.failed && client >= least && client < s->clients && size > 0 && size <= s->bytes_max;
        least = client + 1;
    }
    return is_right && ch_reader_done(&r) ? CHOIR_OK : damaged(err);
}

choir_status ch_states_restore(ch_states *s, choir_bytes saved) {
    if (s->bytes_max == 0) {
        return CHOIR_OK;
    }
    memset(s->sizes, 0, s->clients * sizeof(s->sizes[0]));
    ch_reader r = {.data = saved.data, .size = saved.size};
    const uint32_t count = ch_get_u32(&r);
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < count && status == CHOIR_OK; i++) {
        const uint32_t client = ch_get_u32(&r);
        const uint32_t size = ch_get_u32(&r);
        status = ch_states_put(s, client, ch_get_bytes(&r, size).data, size);
    }
    return status;
}
