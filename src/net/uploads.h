/*
 * Uploads: bodies that come in parts, each named by its SHA-256, until they are whole.
 *
 *     begin ---- add, add, ... ---- end ---> PART: more is to come
 *       |                            |-----> WHOLE: the caller takes the body, and settles
 *       |                            |-----> WRONG: not the body of that name; forgotten
 *       |                            '-----> COUNTED: it is in the sum already
 *       '--> ELSEWHERE: the part does not begin where the upload is
 *
 * What comes of a part is kept as it comes, so a connection that breaks costs what was on its way
 * and no more. A subject has one upload for each job: the beginning of another takes its place. The
 * request that began last fills it; what an earlier one, on a connection that is dead or slow,
 * still brings is refused by its ticket.
 *
 * Of one that is WHOLE the body is lent to the caller; until it is settled no part of it can be
 * begun. What then stays, because its answer was that it is to come again, is whole for the next
 * part of it, whatever that brings. An upload that was counted gives its memory back and leaves a
 * note, so that a device which did not hear the answer is told without sending the body again. One
 * that is not counted is dropped when its round is over; a note, when its job is gone, or goes on
 * from before the report.
 *
 * Bounded: CH_UPLOADS_MAX in number, one body of its job for a subject, all of it among the
 * server's bodies, of which they hold a share, so that whole ones always find room. An upload
 * claims all of its size when it begins. It is left alone for CH_UPLOADS_CALM_MS, and then as long
 * as its bytes come at CH_UPLOADS_PACE or faster: each buys its time at that pace, up to
 * CH_UPLOADS_CALM_MS ahead. So under pressure some get through instead of all beginning anew, and
 * who sends a byte now and then keeps nobody out. Otherwise it makes room for others, first what
 * was left alone least long. After CH_UPLOADS_IDLE_MS without a byte it goes anyway. Nothing of it
 * is on a disk.
 *
 * Any thread. The time is the caller's.
 */
#ifndef CH_NET_UPLOADS_H
#define CH_NET_UPLOADS_H

#include "base/sha256.h"
#include "choir/blob.h"
#include "choir/env.h"
#include "choir/status.h"
#include "net/http_content.h"
#include "net/http_server.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CH_UPLOADS_MAX = 1024,
    CH_UPLOADS_CALM_MS = 10 * 1000,
    CH_UPLOADS_IDLE_MS = 10 * 60 * 1000,
    CH_UPLOADS_PACE = 1024, // bytes a second
};

/* Who uploads what, and for which round. */
typedef struct ch_upload_name {
    int64_t subject;
    int64_t job; // a version's row in the store
    uint32_t round;
    choir_hash hash;
} ch_upload_name;

typedef struct ch_upload {
    uint64_t ticket; // of the request that fills it; 0: the place is free
    ch_upload_name name;
    bool is_counted; // of which nothing but the name is left
    bool is_checked; // its bytes are those of its name
    bool is_lent;    // to who settles it
    size_t total;
    size_t had;
    size_t until; // where the part under way ends
    uint64_t used_ms;
    uint64_t safe_ms;    // up to when it is left alone
    ch_sha256 sum;       // of what it had
    ch_http_block block; // (total)
} ch_upload;

/* Where blocks come from and go to: ch_http_block_claim and _give, but for a test; and how much
 * uploads may hold of it together, in bytes. */
typedef struct ch_upload_memory {
    bool (*claim)(ch_http_exchange *x, size_t bytes, ch_http_block *out);
    void (*give)(ch_http_block *block);
    size_t bytes_max;
} ch_upload_memory;

typedef struct ch_uploads {
    choir_env env;
    ch_upload_memory memory;
    pthread_mutex_t lock; // around what follows
    ch_upload *items;     // (CH_UPLOADS_MAX) owned; NULL: closed
    uint64_t turns;       // tickets given so far
    size_t bytes;         // of all blocks
} ch_uploads;

/* Returns OK; ENOMEM. To be closed in either case. */
CHOIR_NODISCARD choir_status ch_uploads_init(ch_uploads *u, ch_upload_memory memory,
                                             const choir_env *env);

/* Forgets all; nothing can be begun, and nothing is added, from now on. */
void ch_uploads_close(ch_uploads *u);

/* After close, when nobody uses it any more. */
void ch_uploads_release(ch_uploads *u);

typedef enum ch_upload_begun {
    CH_UPLOAD_GOES_ON,
    CH_UPLOAD_ELSEWHERE, // the part does not begin at *had
    CH_UPLOAD_NO_ROOM,
    CH_UPLOAD_BUSY,      // that subject's is WHOLE and not settled
    CH_UPLOAD_TOO_LARGE, // for the share of all uploads: it can only come whole
} ch_upload_begun;

/*
 * Begins a part: of the upload of that name and size; or, with its first byte, of a new one. Of one
 * that is whole, or counted, any part does, and what it brings is not looked at.
 *
 * x       whose server gives the memory
 * ticket  out: for add and end, when it GOES_ON
 * had     out: bytes that are there; 0 of an upload that is not known
 */
ch_upload_begun ch_uploads_begin(ch_uploads *u, const ch_upload_name *name,
                                 const ch_http_part *part, uint64_t now_ms, ch_http_exchange *x,
                                 uint64_t *ticket, size_t *had);

/* Adds what has come of a part. False when it is no longer that request's to fill, or the part
 * would be longer than it said. */
bool ch_uploads_add(ch_uploads *u, uint64_t ticket, choir_bytes bytes, uint64_t now_ms);

typedef enum ch_upload_state {
    CH_UPLOAD_GONE, // dropped, or another request fills it
    CH_UPLOAD_PART,
    CH_UPLOAD_WHOLE,
    CH_UPLOAD_WRONG,
    CH_UPLOAD_COUNTED,
} ch_upload_state;

typedef struct ch_upload_end {
    ch_upload_state state;
    ch_upload_name name;
    size_t had;
    size_t until; // where the part was to end
    size_t total;
    ch_http_block block; // WHOLE: lent to the caller; total bytes
} ch_upload_end;

/* The request is whole. */
ch_upload_state ch_uploads_end(ch_uploads *u, uint64_t ticket, ch_upload_end *out);

/* What has become of one that was WHOLE. */
typedef enum ch_upload_fate {
    CH_UPLOAD_COUNTS, // a note of it is left
    CH_UPLOAD_STAYS,  // it is to be looked at again
    CH_UPLOAD_ENDS,   // it is forgotten
} ch_upload_fate;

/*
 * Settles it, by the ticket that it was WHOLE with.
 *
 * block  what end gave; it is given back, or kept when the upload STAYS and was not dropped in
 *        between; empty, unless it STAYS, when it went elsewhere. *block is then empty
 */
void ch_uploads_settle(ch_uploads *u, uint64_t ticket, ch_upload_fate fate, ch_http_block *block);

/* How much of an upload is there: all of it, when it is counted. False when it is not known. */
bool ch_uploads_find(ch_uploads *u, const ch_upload_name *name, size_t *had, size_t *total);

/* Whether nobody is to be told any more of an upload of that name. */
typedef bool ch_upload_over(void *self, const ch_upload_name *name, bool is_counted);

/*
 * Drops what nobody has moved for CH_UPLOADS_IDLE_MS, and what is over.
 *
 * is_over  called with self
 *
 * Returns when the next one is to be dropped; UINT64_MAX when there is none.
 */
uint64_t ch_uploads_sweep(ch_uploads *u, uint64_t now_ms, ch_upload_over *is_over, void *self);

/* Drops the one that was left alone least long; false when all are to be. */
bool ch_uploads_make_room(ch_uploads *u, uint64_t now_ms);

/* How many there are that more is to come of, and what has come of them. */
void ch_uploads_count(ch_uploads *u, uint32_t *open, uint64_t *bytes);

#endif
