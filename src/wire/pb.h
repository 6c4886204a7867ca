/*
 * Protocol Buffers: the encoding, without schemas and without memory of its own.
 *
 * A reader walks over fields where they stand; a writer appends them. Both keep the sticky error of
 * base/bytes.h, so a codec is a loop over fields or a straight line of puts, checked once.
 *
 *     ch_reader r = {.data = bytes.data, .size = bytes.size};
 *     for (ch_pb_field f; ch_pb_next(&r, &f);) {
 *         switch (f.key) {
 *         case CH_PB_KEY(1, CH_PB_VARINT): ...    any other key is unknown, and thereby skipped
 *         }
 *     }
 *     return ch_reader_done(&r) ? CHOIR_OK : CHOIR_EPROTO;
 *
 * Source: "Encoding", protobuf.dev/programming-guides/encoding. Stricter than it in two places:
 * groups, which proto3 does not have, and varints beyond 64 bits do not parse.
 */
#ifndef CH_WIRE_PB_H
#define CH_WIRE_PB_H

#include "base/bytes.h"

typedef enum ch_pb_type {
    CH_PB_VARINT = 0,
    CH_PB_FIXED64 = 1,
    CH_PB_BYTES = 2, // strings, messages, packed arrays
    CH_PB_FIXED32 = 5,
} ch_pb_type;

/* A field's number and type in one: one of known number but other type is an unknown field. */
#define CH_PB_KEY(number, type) ((uint32_t)(number) << 3 | (uint32_t)(type))

typedef struct ch_pb_field {
    uint32_t key;
    uint64_t value;    // VARINT, FIXED64, FIXED32
    choir_bytes bytes; // BYTES: borrowed from the reader's
} ch_pb_field;

/* The next field. False at the end, and for good once something does not parse. */
bool ch_pb_next(ch_reader *r, ch_pb_field *field);

/* The next varint of a packed run. False at the end, and for good once something does not parse. */
bool ch_pb_next_varint(ch_reader *r, uint64_t *value);

/* A field's value as a sint64, and as a float. */
int64_t ch_pb_sint(uint64_t value);
float ch_pb_float(uint64_t value);

/* Append a field; as proto3 wants it, nothing at all when it is zero or empty. */
void ch_pb_put_uint(ch_writer *w, uint32_t number, uint64_t value);
void ch_pb_put_sint(ch_writer *w, uint32_t number, int64_t value);
void ch_pb_put_float(ch_writer *w, uint32_t number, float value);
void ch_pb_put_fixed64(ch_writer *w, uint32_t number, uint64_t value);
void ch_pb_put_bytes(ch_writer *w, uint32_t number, const void *data, size_t size);

/* The head of a BYTES field whose (size) bytes the caller appends. Always written. */
void ch_pb_put_head(ch_writer *w, uint32_t number, size_t size);

#endif
