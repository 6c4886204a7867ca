/* Protocol Buffers encoding: see pb.h. */
#include "wire/pb.h"

#include <string.h>

enum { VARINT_SHIFT_MAX = 63 };

static uint64_t get_varint(ch_reader *r) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift <= VARINT_SHIFT_MAX; shift += 7) {
        const choir_bytes next = ch_get_bytes(r, 1);
        if (next.size == 0) {
            return 0;
        }
        const uint64_t bits = next.data[0] & 0x7F;
        if (shift == VARINT_SHIFT_MAX && next.data[0] > 1) {
            break; // more than 64 bits
        }
        value |= bits << shift;
        if (bits == next.data[0]) {
            return value;
        }
    }
    r->failed = true;
    return 0;
}

static choir_bytes get_sized(ch_reader *r) {
    const uint64_t size = get_varint(r);
    if (size > r->size) { // before it is narrowed to size_t
        r->failed = true;
    }
    return ch_get_bytes(r, (size_t)size);
}

bool ch_pb_next(ch_reader *r, ch_pb_field *field) {
    if (r->failed || r->at == r->size) {
        return false;
    }
    const uint64_t key = get_varint(r);
    *field = (ch_pb_field){.key = (uint32_t)key};
    switch (key & 7) {
    case CH_PB_VARINT:
        field->value = get_varint(r);
        break;
    case CH_PB_FIXED64:
        field->value = ch_get_u64(r);
        break;
    case CH_PB_BYTES:
        field->bytes = get_sized(r);
        break;
    case CH_PB_FIXED32:
        field->value = ch_get_u32(r);
        break;
    default: // groups, and what nobody has defined
        r->failed = true;
    }
    if (key > UINT32_MAX || key >> 3 == 0) {
        r->failed = true;
    }
    return !r->failed;
}

bool ch_pb_next_varint(ch_reader *r, uint64_t *value) {
    if (r->failed || r->at == r->size) {
        return false;
    }
    *value = get_varint(r);
    return !r->failed;
}

int64_t ch_pb_sint(uint64_t value) {
    const uint64_t half = value >> 1; // zigzag: 0, -1, 1, -2, ...
    return (int64_t)((value & 1) != 0 ? ~half : half);
}

float ch_pb_float(uint64_t value) {
    const uint32_t bits = (uint32_t)value;
    float out = 0;
    memcpy(&out, &bits, sizeof(out));
    return out;
}

static void put_varint(ch_writer *w, uint64_t value) {
    uint8_t bytes[10];
    size_t size = 0;
    for (; value > 0x7F; value >>= 7) {
        bytes[size] = (uint8_t)(value | 0x80);
        size += 1;
    }
    bytes[size] = (uint8_t)value;
    ch_put_bytes(w, bytes, size + 1);
}

void ch_pb_put_uint(ch_writer *w, uint32_t number, uint64_t value) {
    if (value != 0) {
        put_varint(w, CH_PB_KEY(number, CH_PB_VARINT));
        put_varint(w, value);
    }
}

void ch_pb_put_sint(ch_writer *w, uint32_t number, int64_t value) {
    const uint64_t twice = (uint64_t)value << 1;
    ch_pb_put_uint(w, number, value < 0 ? ~twice : twice);
}

void ch_pb_put_float(ch_writer *w, uint32_t number, float value) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    if (bits != 0) { // not value != 0: a negative zero is not the default
        put_varint(w, CH_PB_KEY(number, CH_PB_FIXED32));
        ch_put_u32(w, bits);
    }
}

void ch_pb_put_fixed64(ch_writer *w, uint32_t number, uint64_t value) {
    if (value != 0) {
        put_varint(w, CH_PB_KEY(number, CH_PB_FIXED64));
        ch_put_u64(w, value);
    }
}

void ch_pb_put_bytes(ch_writer *w, uint32_t number, const void *data, size_t size) {
    if (size != 0) {
        ch_pb_put_head(w, number, size);
        ch_put_bytes(w, data, size);
    }
}

void ch_pb_put_head(ch_writer *w, uint32_t number, size_t size) {
    put_varint(w, CH_PB_KEY(number, CH_PB_BYTES));
    put_varint(w, size);
}
