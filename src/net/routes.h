/*
 * Routes: what can be asked of a server, one row each.
 *
 * A row says who may ask, how much they may send, and what answers. A handler is called by the HTTP
 * server's one thread; it answers, or keeps the exchange. docs/http.md is the list for people.
 */
#ifndef CH_NET_ROUTES_H
#define CH_NET_ROUTES_H

#include "net/server_parts.h"

#include <jansson.h>

typedef enum ch_access {
    CH_ACCESS_ANYONE,
    CH_ACCESS_ENTRANT, // anyone, but not too often from one address
    CH_ACCESS_DEVICE,  // shows a token
    CH_ACCESS_ADMIN,   // shows an administrator's key; whose role may look, or, but for GET, steer
    CH_ACCESS_OWNER,   // shows an owner's key
} ch_access;

/* One request on its way to its answer. Texts are borrowed from the exchange. */
typedef struct ch_ask {
    ch_server *server;
    ch_http_exchange *exchange;
    char wild[CHOIR_JOB_TEXT_MAX]; // what stands for "*" in the row's path
    ch_claims claims;              // of a device
    ch_admin admin;                // of an administrator
} ch_ask;

typedef struct ch_route {
    const char *method;
    const char *path; // "*" stands for one segment
    ch_access access;
    size_t body_max; // bytes; SIZE_MAX: of a report of the largest model
    void (*answer)(ch_ask *ask);
} ch_route;

/* Answers. {"error": sentence}, or an object whose reference is taken; NULL for no memory. */
void ch_answer_error(ch_http_exchange *x, unsigned code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ch_answer_json(ch_http_exchange *x, unsigned code, json_t *root);

/* Tells a device that the job does not take it now, why, and when to ask again. sentence: in ASCII
 * at its end. */
void ch_answer_rejected(ch_http_exchange *x, unsigned code, choir_why why, uint32_t wait_ms,
                        const char *sentence);

/* The body as a JSON object with nothing twice; NULL when it is none, and then 400 was answered. */
json_t *ch_ask_json(const ch_ask *ask);

/* A printable text field of at most size - 1 bytes; "" when it is not there. False when it is
 * anything else, and then 400 was answered. */
bool ch_ask_text(const ch_ask *ask, json_t *root, const char *key, char *out, size_t size);

/* Answers of administrators' routes: 404; what a failure means, 400, 409 for EAGAIN or 503; and a
 * line of the audit log about what was done to a matter. */
void ch_answer_missing(const ch_ask *ask);
void ch_answer_failure(const ch_ask *ask, choir_status status, const choir_error *err);
void ch_ask_audit(const ch_ask *ask, const char *act, const char *matter);

/* What is told of a job in lists, and of a round of the store; the latter is put into the array
 * list. With the lock. */
json_t *ch_job_json(const ch_hosted *h);
void ch_round_json(void *list, const ch_round_row *row);

json_t *ch_promotion_json(const ch_promotion *p);

/* Bytes as text in base64url; NULL without memory. */
json_t *ch_bytes_json(choir_bytes bytes);

/* Answers with a Reply that refuses. */
void ch_answer_refused(ch_http_exchange *x, choir_refusal refusal);

/* Answers a device whose token is of a version in which that client was another's: by joining it
 * has one of its own, if there is one. */
void ch_answer_rejoin(ch_http_exchange *x);

/* How an exchange went. */
typedef enum ch_exchanged {
    CH_EXCHANGED, // its answer is there, or waits for the disk; the body is not needed any more
    CH_EXCHANGED_AGAIN, // the same; and the answer is that the body is to come again
    CH_EXCHANGED_LATER, // it is kept, with the body
} ch_exchanged;

/* Answers the body of an exchange, a Request, of the device with that token; or keeps it. With the
 * lock. */
ch_exchanged ch_exchange_answer(ch_server *s, ch_http_exchange *x, const ch_claims *claims);

/* The newest version of a name; NULL when there is none. With the lock. */
ch_hosted *ch_server_newest(const ch_server *s, const char *name);

/* A whole number of the query, up to most; *out stays when it is not there. False when it is
 * something else, and then 400 was answered. */
bool ch_ask_number(const ch_ask *ask, const char *name, uint32_t most, uint32_t *out);

/*
 * Whether the limits let a request pass: before it is known who asks, and after that. False, and
 * then 429 was answered. failed counts one who showed no administrator's key that may. See
 * limits.c.
 */
bool ch_limits_before(ch_ask *ask, ch_access access);
bool ch_limits_after(ch_ask *ask, ch_access access);
void ch_limits_failed(ch_ask *ask);

/* The head of a part is in: the bytes of body to take, for ch_routes_body_max; 0: it was answered,
 * or is too large. See routes_upload.c. */
size_t ch_upload_begin(ch_ask *ask);

/* The rows' handlers, by file. */
void ch_route_exchange(ch_ask *ask);      // routes_device.c
void ch_route_model(ch_ask *ask);         //
void ch_route_challenge(ch_ask *ask);     // routes_enter.c
void ch_route_enroll(ch_ask *ask);        //
void ch_route_join(ch_ask *ask);          //
void ch_route_upload(ch_ask *ask);        // routes_upload.c
void ch_route_upload_show(ch_ask *ask);   //
void ch_route_jobs(ch_ask *ask);          // routes_admin.c
void ch_route_job(ch_ask *ask);           //
void ch_route_rounds(ch_ask *ask);        //
void ch_route_bundle(ch_ask *ask);        //
void ch_route_sum(ch_ask *ask);           //
void ch_route_receipts(ch_ask *ask);      //
void ch_route_update(ch_ask *ask);        //
void ch_route_details(ch_ask *ask);       //
void ch_route_host(ch_ask *ask);          // routes_host.c
void ch_route_clone(ch_ask *ask);         //
void ch_route_remove(ch_ask *ask);        // routes_steer.c
void ch_route_pause(ch_ask *ask);         //
void ch_route_resume(ch_ask *ask);        //
void ch_route_stop(ch_ask *ask);          //
void ch_route_promoted(ch_ask *ask);      // routes_promote.c
void ch_route_promote(ch_ask *ask);       //
void ch_route_rollback(ch_ask *ask);      //
void ch_route_promotions(ch_ask *ask);    //
void ch_route_admins(ch_ask *ask);        // routes_keys.c
void ch_route_admin_add(ch_ask *ask);     //
void ch_route_admin_revoke(ch_ask *ask);  //
void ch_route_devices(ch_ask *ask);       //
void ch_route_device_revoke(ch_ask *ask); //
void ch_route_secret(ch_ask *ask);        //
void ch_route_audit(ch_ask *ask);         //
void ch_route_health(ch_ask *ask);        // routes_health.c
void ch_route_ready(ch_ask *ask);         //
void ch_route_metrics(ch_ask *ask);       //
void ch_route_openapi(ch_ask *ask);       //

#endif
