/*
 * Delivery: a report's way to the server in parts, so that what a bad link has carried need not be
 * carried again.
 *
 *     GET  /v1/uploads/HASH   where to go on, before the first part and after a loss
 *     PUT  /v1/uploads/HASH   a part; of the last one the answer is the report's
 *
 * A part may take as long as any request, so a slow link needs no more time than it is given for a
 * part. A part of which nothing arrived, as behind a proxy that passes on only whole ones, is
 * followed by one of half its size, and each that arrives by one twice as large. What the server
 * does not know, because it began anew or dropped it, begins anew. Where parts are not taken (404,
 * 405, 501) the report goes whole.
 */
#ifndef CH_CLIENT_DELIVERY_H
#define CH_CLIENT_DELIVERY_H

#include "choir/task.h"
#include "net/http_client.h"

#include <stdbool.h>

enum { CH_DELIVERY_PART_MIN = 1 << 12 }; // bytes, that a host may say

typedef struct ch_delivery {
    size_t part_max; // bytes; 0: reports go whole
    size_t part;     // of the next
    choir_hash name; // of the body under way
    size_t offset;   // that the server has of it
    bool is_sure;    // of offset
    bool has_tried;  // to send a part of it, and had no answer
    bool goes_whole; // the server takes no parts
} ch_delivery;

/* A report to be sent. All is borrowed for the call. */
typedef struct ch_delivery_report {
    choir_bytes body;
    const char *job; // "keyboard@3", and the round that it is of
    uint32_t round;
    const char *token;
} ch_delivery_report;

/* Whether a body is to go in parts. */
bool ch_delivery_takes(const ch_delivery *u, choir_bytes body);

/*
 * Sends a part of a report. To be called with the same body until the answer is there, after a
 * failure later; or with another one, which gives up the one before.
 *
 * is_more  out: the answer is not there yet; a part has arrived, or parts are not taken
 * gains    out: bytes arrived that had not before
 *
 * Returns OK and *reply, unless is_more: what POST /v1/exchange would have answered; as
 * ch_http_client_send, and EIO also when the server has less than had arrived, or has all of it and
 * wants more.
 */
CHOIR_NODISCARD choir_status ch_delivery_send(ch_delivery *u, ch_http_client *http,
                                              const ch_delivery_report *report,
                                              ch_http_reply *reply, bool *is_more, bool *gains,
                                              choir_error *err);

#endif
