/* Door: see door.h. */
#include "net/door.h"

#include "base/arena.h"
#include "base/env.h"
#include "choir/route.h"
#include "crypto/entropy.h"
#include "job/select.h"
#include "net/offer.h"
#include "net/request_log.h"
#include "net/routes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char DISK_FAILS[] = "the server cannot write to its disk";

// ----- the line ---------------------------------------------------------------------------------

void ch_door_enter(ch_server *s, const ch_entrant *e) {
    ch_entrant *own = s->env.alloc(s->env.self, ch_arena_cost(1, sizeof(*own)));
    if (own == NULL) {
        ch_answer_busy(e->exchange, "no memory");
        return;
    }
    *own = *e;
    own->next = NULL;
    if (s->door.first == NULL) {
        s->door.first = own;
    } else {
        s->door.last->next = own;
    }
    s->door.last = own;
    ch_server_wake(s);
}

/* The first in line, now the caller's; NULL: there is none. */
static ch_entrant *line_pop(ch_door *d) {
    ch_entrant *e = d->first;
    if (e != NULL) {
        d->first = e->next;
    }
    return e;
}

void ch_door_close(ch_server *s) {
    for (ch_entrant *e = line_pop(&s->door); e != NULL; e = line_pop(&s->door)) {
        s->env.free(s->env.self, e);
    }
}

// ----- who they are -----------------------------------------------------------------------------

/* Takes what is told anew. */
static void tell(char *out, size_t size, const char *told, bool is_told, bool *is_changed) {
    if (is_told && strcmp(out, told) != 0) {
        (void)snprintf(out, size, "%s", told);
        *is_changed = true;
    }
}

/* What the store has of the subject, and what it says anew. */
static void known(ch_entrant *e, const ch_subject *stored) {
    ch_subject now = *stored;
    const ch_subject *told = &e->subject;
    tell(now.platform, sizeof(now.platform), told->platform, e->tells_platform, &e->is_changed);
    tell(now.version, sizeof(now.version), told->version, e->tells_version, &e->is_changed);
    tell(now.tags, sizeof(now.tags), told->tags, e->tells_tags, &e->is_changed);
    e->subject = now;
}

/* Whether one who joins is the subject: it signed by its key. */
static bool has_signed(const ch_entrant *e, const ch_subject *subject) {
    const choir_bytes text = {.data = (const uint8_t *)e->signed_text, .size = e->signed_size};
    return e->kind != CH_ENTRANT_JOINS || ch_sign_check(e->signature, text, subject->key);
}

/* Whether the store knows who it is; else 401 or 503 was answered. Without the lock. */
static bool is_known(ch_server *s, ch_entrant *e) {
    ch_subject subject;
    choir_error err = {.message = ""};
    if (e->kind == CH_ENTRANT_ENROLS) {
        return true;
    }
    const choir_status status = ch_hosting_store_subject(s->store, &subject, e->subject.id, &err);
    if (status != CHOIR_OK && status != CHOIR_EAGAIN) {
        ch_log_text(&s->env, CHOIR_LEVEL_ERROR, "join_failed", "why", err.message);
        ch_answer_busy(e->exchange, "the store cannot be read");
        return false;
    }
    if (status == CHOIR_EAGAIN || !has_signed(e, &subject)) {
        ch_answer_error(e->exchange, 401, "subject: unknown here, or its key did not sign this");
        return false;
    }
    known(e, &subject);
    return true;
}

/* How long one that a job does not take stays away: some more, some less, so that those who came
 * together do not come again together. */
static uint32_t away_ms(const ch_server *s) {
    uint32_t chance = 0;
    ch_entropy_fill(&chance, sizeof(chance));
    return s->away_s * 500 + (uint32_t)((uint64_t)s->away_s * 1000 * chance >> 32);
}

/* Whether the job selects it; else it was told. */
static bool is_selected(const ch_server *s, const ch_entrant *e) {
    const ch_attributes device = {
        .platform = e->subject.platform, .version = e->subject.version, .tags = e->subject.tags};
    choir_error err = {.message = ""};
    if (ch_select_takes(&e->hosted->job.select, &device, &err) == CHOIR_OK) {
        return true;
    }
    const uint32_t wait_ms = away_ms(s);
    if (e->kind == CH_ENTRANT_JOINS) {
        ch_answer_rejected(e->exchange, 403, CHOIR_WHY_NOT_ELIGIBLE, wait_ms, err.message);
    } else {
        uint8_t bytes[CHOIR_ANSWER_MAX];
        const size_t size = choir_answer_wait(bytes, wait_ms, CHOIR_WHY_NOT_ELIGIBLE);
        ch_answer_reply(e->exchange, (choir_bytes){.data = bytes, .size = size});
    }
    return false;
}

/* Whether it may come in, and to a job that is there; else it was told. */
static bool is_welcome(ch_server *s, ch_entrant *e) {
    const bool joins = e->kind == CH_ENTRANT_JOINS;
    if (ch_revoked_has(&s->revoked, e->subject.id)) {
        ch_answer_error(e->exchange, joins ? 403 : 401, "subject: %" PRId64 " has been revoked",
                        e->subject.id);
        return false;
    }
    e->hosted = ch_server_find(s, e->job);
    if (e->hosted == NULL && joins) {
        ch_answer_error(e->exchange, 404, "there is no job '%s' here", e->job);
    } else if (e->hosted == NULL) {
        ch_answer_refused(e->exchange, CHOIR_REFUSAL_UNSAMPLED);
    }
    if (e->hosted != NULL && !ch_hosted_is_open(e->hosted)) {
        ch_answer_busy(e->exchange, "the server has not been able to open the job");
        return false;
    }
    return e->hosted != NULL && is_selected(s, e);
}

/* What the commit has to keep; false when it was answered. */
static bool note(ch_server *s, ch_entrant *e) {
    ch_arrivals *a = &s->door.arrivals;
    if (e->kind == CH_ENTRANT_ENROLS || e->is_changed) {
        e->place = a->subjects_count;
        a->subjects[e->place] = e->subject;
        a->subjects_count += 1;
    }
    if (e->kind == CH_ENTRANT_ENROLS) {
        return true;
    }
    if (!is_welcome(s, e)) {
        return false;
    }
    e->place = a->claims_count;
    a->claims[e->place] =
        (ch_roster_claim){.job = e->hosted->row.id, .subject = e->subject.id, .wanted = e->wanted};
    a->claims_count += 1;
    return true;
}

/* Keeps of those admitted who is still let in; frees the others, who have been answered. */
static void admitted_filter(ch_server *s, bool (*is_let_in)(ch_server *s, ch_entrant *e)) {
    ch_door *d = &s->door;
    uint32_t left = 0;
    for (uint32_t i = 0; i < d->admitted_count; i++) {
        ch_request_log_enter(ch_http_id(d->admitted[i]->exchange));
        if (is_let_in(s, d->admitted[i])) {
            d->admitted[left] = d->admitted[i];
            left += 1;
        } else {
            s->env.free(s->env.self, d->admitted[i]);
        }
    }
    ch_request_log_leave();
    d->admitted_count = left;
}

void ch_door_admit(ch_server *s) {
    ch_door *d = &s->door;
    d->admitted_count = 0;
    d->arrivals =
        (ch_arrivals){.subjects = d->subjects, .claims = d->claims, .account_max = s->account_max};
    while (d->first != NULL && d->admitted_count < CH_DOOR_MAX) {
        d->admitted[d->admitted_count] = line_pop(d);
        d->admitted_count += 1;
    }
    if (d->admitted_count > 0) {
        (void)pthread_mutex_unlock(&s->lock);
        admitted_filter(s, is_known);
        (void)pthread_mutex_lock(&s->lock);
        admitted_filter(s, note);
    }
}

// ----- what they are told -----------------------------------------------------------------------

/* What a device is told of a job that it has joined. */
static json_t *joined(const ch_server *s, const ch_hosted *h, int64_t subject, uint32_t client) {
    char token[CH_TOKEN_MAX];
    uint8_t signature[CH_SIGNATURE_BYTES];
    ch_claims claims = {
        .subject = subject, .client = client, .expires_s = ch_server_unix_ms() / 1000 + s->token_s};
    const ch_offer offer = {.name = h->row.name,
                            .version = h->row.version,
                            .parameters = h->row.dim,
                            .job = {.data = h->yaml.data, .size = h->yaml.size},
                            .model = {.data = h->head, .size = h->head_size}};
    (void)snprintf(claims.job, sizeof(claims.job), "%s", h->row.name);
    ch_token_make(token, &claims, &s->token_key);
    ch_offer_sign(signature, &offer, s->signing.secret_key);
    const choir_bytes seal = {.data = signature, .size = sizeof(signature)};
    return json_pack("{s:s, s:I, s:I, s:I, s:s, s:I, s:s%, s:o, s:o}", "name", h->row.name,
                     "version", (json_int_t)h->row.version, "client", (json_int_t)client,
                     "parameters", (json_int_t)h->row.dim, "token", token, "expires_in_s",
                     (json_int_t)s->token_s, "job", (const char *)h->yaml.data, h->yaml.size,
                     "model", ch_bytes_json(offer.model), "signature", ch_bytes_json(seal));
}

/* A claim that was refused, in words. */
static void joiner_refuse(const ch_server *s, const ch_entrant *e) {
    const ch_hosted_row *row = &e->hosted->row;
    if (e->wanted == CH_ANY_CLIENT) {
        char why[256];
        (void)snprintf(why, sizeof(why), "%s: all its %" PRIu32 " client%s claimed",
                       e->hosted->reference, row->clients, row->clients == 1 ? " is" : "s are");
        ch_answer_rejected(e->exchange, 409, CHOIR_WHY_FULL, away_ms(s), why);
    } else if (e->wanted >= row->clients) {
        ch_answer_error(e->exchange, 409, "%s: client %" PRIu32 " is none of its %" PRIu32,
                        e->hosted->reference, e->wanted, row->clients);
    } else {
        ch_answer_error(e->exchange, 409, "%s: client %" PRIu32 " is claimed by another device",
                        e->hosted->reference, e->wanted);
    }
}

/* One whose claim was decided: it is a client now, or was told why not. */
static void client_settle(ch_server *s, const ch_entrant *e, const ch_roster_claim *c) {
    const bool is_client = c->status == CHOIR_OK;
    if (is_client) {
        e->hosted->roster[c->client] = e->subject.id;
    }
    if (e->kind == CH_ENTRANT_JOINS && is_client) {
        ch_answer_json(e->exchange, 200, joined(s, e->hosted, e->subject.id, c->client));
    } else if (e->kind == CH_ENTRANT_JOINS) {
        joiner_refuse(s, e);
    } else if (is_client && c->client == e->wanted) {
        (void)ch_exchange_answer(s, e->exchange, &e->claims);
    } else {
        ch_answer_rejoin(e->exchange);
    }
}

/* One who enrols: its number, or why it gets none. */
static void subject_settle(const ch_server *s, const ch_entrant *e) {
    const int64_t id = s->door.subjects[e->place].id;
    if (id == CH_SUBJECT_ANOTHERS) {
        ch_answer_error(e->exchange, 409, "key: was enrolled by somebody else");
    } else if (id == CH_SUBJECT_TOO_MANY) {
        ch_answer_error(e->exchange, 409,
                        "token: its account has %" PRIu32 " devices, and may not have more; have "
                        "one revoked",
                        s->account_max);
    } else {
        ch_answer_json(e->exchange, 200, json_pack("{s:I}", "subject", (json_int_t)id));
    }
}

static void settle(ch_server *s, const ch_entrant *e, bool is_kept) {
    if (!is_kept) {
        ch_answer_busy(e->exchange, DISK_FAILS);
    } else if (e->kind == CH_ENTRANT_ENROLS) {
        subject_settle(s, e);
    } else {
        client_settle(s, e, &s->door.claims[e->place]);
    }
}

void ch_door_settle(ch_server *s, bool is_kept) {
    ch_door *d = &s->door;
    for (uint32_t i = 0; i < d->admitted_count; i++) {
        ch_request_log_enter(ch_http_id(d->admitted[i]->exchange));
        settle(s, d->admitted[i], is_kept);
        s->env.free(s->env.self, d->admitted[i]);
    }
    ch_request_log_leave();
    d->admitted_count = 0;
    for (ch_entrant *e = is_kept ? NULL : line_pop(d); e != NULL; e = line_pop(d)) {
        ch_answer_busy(e->exchange, DISK_FAILS);
        s->env.free(s->env.self, e);
    }
}
