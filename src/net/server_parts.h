/* What the files of the server share. */
#ifndef CH_NET_SERVER_PARTS_H
#define CH_NET_SERVER_PARTS_H

#include "crypto/sign.h"
#include "net/admin.h"
#include "net/batch.h"
#include "net/door.h"
#include "net/hosted.h"
#include "net/http_server.h"
#include "net/limiter.h"
#include "net/provider.h"
#include "net/request_log.h"
#include "net/revoked.h"
#include "net/server.h"
#include "net/token.h"
#include "net/uploads.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>

enum {
    CH_JOBS_MAX = 256,              // that one server hosts at a time
    CH_SERVER_BODIES_MAX = 1 << 30, // bytes of all bodies in memory; uploads may hold half of them
    CH_SERVER_MODELS_MAX = 1 << 30, // bytes of closed rounds' models that are being fetched
};

/* A request whose token was found right. */
typedef struct ch_shown {
    uint64_t number; // of its exchange; 0: none
    ch_claims claims;
} ch_shown;

/* A round whose updates were read, and by whom, as the audit log was told. */
typedef struct ch_updates_read {
    char job[CHOIR_JOB_TEXT_MAX]; // "keyboard@3"; "": none
    uint32_t round;
    int64_t admin;
} ch_updates_read;

struct ch_server {
    ch_request_log log; // the host's environment
    choir_env env;      // the same, whose lines name requests
    ch_hosting_store *store;
    ch_http_server *http;
    char dir[CHOIR_PATH_MAX];
    char url[CH_URL_MAX];
    char pin[CH_PINS_MAX]; // that clients are given; "": they look at who signed
    char admin_key[CH_ADMIN_KEY_MAX];
    uint32_t token_s;
    uint32_t away_s;
    uint32_t keep_rounds; // 0: all
    uint32_t keep_sums;   // likewise
    bool no_sums;
    bool logs_access;
    bool has_provider;                   // and then it enrols, and not the secret
    ch_provider provider;                // HTTP's thread's
    uint32_t account_max;                // of its subjects; 0: no limit
    ch_key_pair signing;                 // of jobs
    ch_token_key token_key;              // of devices' tokens; its shared one, of challenges too
    uint8_t secret[CH_SHARED_KEY_BYTES]; // that enrols; HTTP's thread's
    uint64_t started_ms;
    ch_limiter entrances; // these six: HTTP's thread's
    ch_limiter failures;
    ch_limiter exchanges;
    ch_limiter limited_lines; // in the log
    uint64_t limited;         // requests that were answered 429
    uint64_t limited_untold;  // of those, since the last line
    ch_shown shown;           // the last; HTTP's thread's too, like the next
    ch_updates_read updates_read;
    ch_models fetched;  // of closed rounds; with a lock of its own, which is taken last
    ch_uploads uploads; // with a lock of its own, which is taken after the other
    pthread_t keeper;
    bool has_keeper;

    pthread_mutex_t lock; // around all below
    pthread_cond_t wake;  // the keeper's
    pthread_cond_t quiet; // of whoever waits for a commit to end, and of the keeper meanwhile
    bool is_committing;   // batches point to jobs while the lock is free
    bool wants_quiet;
    bool is_draining; // nobody is let sleep
    bool is_stopping; // the keeper commits once more and ends
    bool disk_fails;  // the last commit was refused; nothing new is begun until one is not
    ch_revoked revoked;
    ch_hosted *jobs[CH_JOBS_MAX];
    uint32_t jobs_count;
    ch_door door;                  // but for its line the keeper's
    ch_batch batches[CH_JOBS_MAX]; // the keeper's
    uint64_t commits;
};

/* Milliseconds of a clock that never goes back, and of the Unix epoch. */
uint64_t ch_server_now_ms(void);
uint64_t ch_server_unix_ms(void);

/*
 * The job of a reference: "keyboard@3" is that version, "keyboard" the newest that is not stopped,
 * else the newest. NULL when there is none. With the lock.
 */
ch_hosted *ch_server_find(const ch_server *s, const char *reference);

/* The version of a number in the store; NULL when there is none. With the lock. */
ch_hosted *ch_server_find_id(const ch_server *s, int64_t id);

/*
 * Waits until no commit is on its way, so that jobs may go and their states be written: a commit
 * would write over them what they were. With the lock, which it gives up meanwhile; until it is
 * given up again the keeper begins no other.
 */
void ch_server_quiet(ch_server *s);

/* Tells the keeper that there is something to do. With the lock. */
void ch_server_wake(ch_server *s);

/*
 * One group commit, of the first count batches and of who came: server_commit.c. With the lock,
 * which is free while the disk works. Where it is refused for what is in it, each part is kept for
 * itself, and the job whose part is at fault has failed; a disk that refuses sets disk_fails.
 */
void ch_server_commit(ch_server *s, uint32_t count);

/* Answers whoever sleeps, of all jobs, with a 503 that says why: what there is to tell might never
 * be on the disk. With the lock. */
void ch_server_disturb(ch_server *s, const char *why);

/* Begins to listen, with TLS or without, and finds out under which URL: server_http.c. */
CHOIR_NODISCARD choir_status ch_server_listen(ch_server *s, const ch_server_options *o,
                                              choir_error *err);

/* Writes join.json and admin.json: server_files.c. */
CHOIR_NODISCARD choir_status ch_server_files_write(ch_server *s, choir_error *err);

/* What a device needs, the join file, as an object to be given back, and the file alone. Once the
 * server listens, HTTP's thread's. */
json_t *ch_server_join(const ch_server *s);
CHOIR_NODISCARD choir_status ch_server_join_write(const ch_server *s, choir_error *err);

/* The limits: limits.c. init returns OK; EINVAL; ENOMEM; what it made is to be released. */
CHOIR_NODISCARD choir_status ch_limits_init(ch_server *s, const ch_server_options *o,
                                            choir_error *err);
void ch_limits_release(ch_server *s);

/* The HTTP handler's two ends: routes.c. self is the server. */
size_t ch_routes_body_max(void *self, ch_http_exchange *x);
void ch_routes_handle(void *self, ch_http_exchange *x);

/* And its third, which writes the access log. */
void ch_routes_over(void *self, const ch_http_exchange *x, const ch_http_outcome *outcome);

/* Bodies need the room of uploads; whether an upload is over, with the lock: routes_upload.c. self
 * is the server. */
bool ch_routes_make_room(void *self);
bool ch_upload_is_over(void *self, const ch_upload_name *name, bool is_counted);

#endif
