/*
 * Routes for keys: administrators', devices', and what was done with them.
 *
 *     GET  /v1/admin/admins                                        -> all, never a key
 *     POST /v1/admin/admins                  {name, role}          -> its key, told only now
 *     POST /v1/admin/admins/NAME/revoke
 *     GET  /v1/admin/devices                 ?from=SUBJECT&limit=M -> in the order they enrolled in
 *     POST /v1/admin/devices/SUBJECT/revoke
 *     POST /v1/admin/secret                                        -> the join file of today
 *     GET  /v1/admin/audit                   ?limit=M              -> the newest first
 */
#include "net/routes.h"

#include "base/env.h"
#include "base/text.h"
#include "crypto/entropy.h"

#include <inttypes.h>
#include <string.h>

enum { PAGE = 1000 }; // entries in one answer

static void answer_store(const ch_ask *ask, const choir_error *err) {
    ch_log_text(&ask->server->env, CHOIR_LEVEL_ERROR, "store_failed", "why", err->message);
    ch_answer_busy(ask->exchange, "the store does not work");
}

// ----- administrators ---------------------------------------------------------------------------

static void admin_list(void *list, const ch_admin *admin) {
    (void)json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:b}", "id", (json_int_t)admin->id,
                                                "name", admin->name, "role", admin->role, "revoked",
                                                admin->is_revoked));
}

void ch_route_admins(ch_ask *ask) {
    json_t *list = json_array();
    choir_error err = {.message = ""};
    if (ch_hosting_store_admins(ask->server->store, admin_list, list, &err) != CHOIR_OK) {
        json_decref(list);
        answer_store(ask, &err);
        return;
    }
    ch_answer_json(ask->exchange, 200, json_pack("{s:o}", "admins", list));
}

/* What there is of a name among the administrators that are not revoked. */
typedef struct named {
    const char *name;
    ch_admin found; // id 0: none
    uint32_t owners;
} named;

static void admin_name(void *self, const ch_admin *admin) {
    named *n = self;
    if (!admin->is_revoked) {
        n->owners += ch_admin_may(admin->role, CH_ADMIN_OWNS);
        if (strcmp(admin->name, n->name) == 0) {
            n->found = *admin;
        }
    }
}

/* False when the store failed, and then 503 was answered. */
static bool named_find(const ch_ask *ask, named *n) {
    choir_error err = {.message = ""};
    if (ch_hosting_store_admins(ask->server->store, admin_name, n, &err) != CHOIR_OK) {
        answer_store(ask, &err);
        return false;
    }
    return true;
}

static void admin_add(const ch_ask *ask, json_t *root) {
    ch_admin admin = {.id = 0};
    if (!ch_ask_text(ask, root, "name", admin.name, sizeof(admin.name)) ||
        !ch_ask_text(ask, root, "role", admin.role, sizeof(admin.role))) {
        return;
    }
    if (!ch_text_is_plain(admin.name)) {
        ch_answer_error(ask->exchange, 400,
                        "name: must be letters, digits, '.', '_' and '-', and not '.' or '..'");
        return;
    }
    if (!ch_admin_is_role(admin.role)) {
        ch_answer_error(ask->exchange, 400, "role: must be owner, analyst or viewer");
        return;
    }
    named n = {.name = admin.name};
    if (!named_find(ask, &n)) {
        return;
    }
    if (n.found.id != 0) {
        ch_answer_error(
            ask->exchange, 409,
            "name: there is a '%s' already; revoke that key first, or take another name",
            admin.name);
        return;
    }
    char key[CH_ADMIN_KEY_MAX];
    choir_error err = {.message = ""};
    ch_admin_key_make(key, admin.hash);
    if (ch_hosting_store_admin_add(ask->server->store, &admin.id, &admin, &err) == CHOIR_OK) {
        ch_ask_audit(ask, "admin_add", admin.name);
        ch_http_answer_header(ask->exchange, "Cache-Control", "no-store");
        ch_answer_json(
            ask->exchange, 201,
            json_pack("{s:s, s:s, s:s}", "name", admin.name, "role", admin.role, "key", key));
    } else {
        answer_store(ask, &err);
    }
    ch_wipe(key, sizeof(key));
}

void ch_route_admin_add(ch_ask *ask) {
    json_t *root = ch_ask_json(ask);
    if (root != NULL) {
        admin_add(ask, root);
        json_decref(root);
    }
}

/* Somebody has to be left who can make keys. */
void ch_route_admin_revoke(ch_ask *ask) {
    named n = {.name = ask->wild};
    choir_error err = {.message = ""};
    if (!named_find(ask, &n)) {
        return;
    }
    if (n.found.id == 0) {
        ch_answer_error(ask->exchange, 404, "there is no administrator '%s' here", ask->wild);
    } else if (ch_admin_may(n.found.role, CH_ADMIN_OWNS) && n.owners == 1) {
        ch_answer_error(ask->exchange, 409, "'%s' is the only owner; make another one first",
                        ask->wild);
    } else if (ch_hosting_store_admin_revoke(ask->server->store, n.found.id, &err) == CHOIR_OK) {
        ch_ask_audit(ask, "admin_revoke", ask->wild);
        ch_answer_json(ask->exchange, 200, json_pack("{s:s}", "revoked", ask->wild));
    } else {
        answer_store(ask, &err);
    }
}

// ----- devices ----------------------------------------------------------------------------------

static void device_list(void *list, const ch_subject *subject) {
    (void)json_array_append_new(
        list,
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:b}", "subject", (json_int_t)subject->id,
                  "name", subject->name, "platform", subject->platform, "version", subject->version,
                  "tags", subject->tags, "account", subject->account, "enrolled_ms",
                  (json_int_t)subject->enrolled_ms, "revoked", subject->is_revoked));
}

void ch_route_devices(ch_ask *ask) {
    uint32_t from = 1;
    uint32_t limit = PAGE;
    if (!ch_ask_number(ask, "from", UINT32_MAX, &from) ||
        !ch_ask_number(ask, "limit", PAGE, &limit)) {
        return;
    }
    json_t *list = json_array();
    choir_error err = {.message = ""};
    if (ch_hosting_store_subjects_from(ask->server->store, from, limit, device_list, list, &err) !=
        CHOIR_OK) {
        json_decref(list);
        answer_store(ask, &err);
        return;
    }
    ch_answer_json(ask->exchange, 200, json_pack("{s:o}", "devices", list));
}

/* In memory first, so that what the store has is never believed longer here. */
void ch_route_device_revoke(ch_ask *ask) {
    ch_server *s = ask->server;
    uint64_t subject = 0;
    ch_subject found;
    choir_error err = {.message = ""};
    if (!ch_text_read_u64(&subject, ask->wild) || subject > INT64_MAX) {
        ch_answer_error(ask->exchange, 404,
                        "a device's name here is its number; device ls lists them");
        return;
    }
    choir_status status = ch_hosting_store_subject(s->store, &found, (int64_t)subject, &err);
    if (status == CHOIR_OK) {
        (void)pthread_mutex_lock(&s->lock);
        status = ch_revoked_add(&s->revoked, (int64_t)subject, &s->env);
        for (uint32_t i = 0; i < s->jobs_count && status == CHOIR_OK; i++) {
            ch_hosted_revoke(s->jobs[i], (int64_t)subject);
        }
        (void)pthread_mutex_unlock(&s->lock);
    }
    if (status == CHOIR_OK) {
        status = ch_hosting_store_subject_revoke(s->store, (int64_t)subject, &err);
    }
    if (status == CHOIR_EAGAIN) {
        ch_answer_error(ask->exchange, 404, "there is no device %s here", ask->wild);
    } else if (status != CHOIR_OK) {
        answer_store(ask, &err);
    } else {
        ch_ask_audit(ask, "device_revoke", ask->wild);
        ch_answer_json(ask->exchange, 200, json_pack("{s:I}", "revoked", (json_int_t)subject));
    }
}

// ----- the enrolment secret ---------------------------------------------------------------------

/* In the store first: what a join file says must be so after a restart, too. */
void ch_route_secret(ch_ask *ask) {
    ch_server *s = ask->server;
    if (s->has_provider) {
        ch_answer_error(ask->exchange, 409,
                        "secret: there is none; devices are enrolled here by tokens of the "
                        "identity provider");
        return;
    }
    uint8_t fresh[CH_SHARED_KEY_BYTES];
    choir_error err = {.message = ""};
    ch_entropy_fill(fresh, sizeof(fresh));
    const choir_bytes bytes = {.data = fresh, .size = sizeof(fresh)};
    choir_status status = ch_hosting_store_setting_set(s->store, "enrolment_secret", bytes, &err);
    if (status == CHOIR_OK) {
        memcpy(s->secret, fresh, sizeof(fresh));
        ch_ask_audit(ask, "secret_rotate", "enrolment");
        status = ch_server_join_write(s, &err);
    }
    ch_wipe(fresh, sizeof(fresh));
    if (status == CHOIR_OK) {
        ch_http_answer_header(ask->exchange, "Cache-Control", "no-store");
        ch_answer_json(ask->exchange, 200, ch_server_join(s));
    } else {
        answer_store(ask, &err);
    }
}

// ----- the audit log ----------------------------------------------------------------------------

static void audit_list(void *list, const ch_audit *entry) {
    (void)json_array_append_new(
        list, json_pack("{s:I, s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)entry->id, "at_ms",
                        (json_int_t)entry->at_ms, "who", entry->actor, "act", entry->act, "matter",
                        entry->matter, "from", entry->detail));
}

void ch_route_audit(ch_ask *ask) {
    uint32_t limit = 100;
    if (!ch_ask_number(ask, "limit", PAGE, &limit)) {
        return;
    }
    json_t *list = json_array();
    choir_error err = {.message = ""};
    if (ch_hosting_store_audit(ask->server->store, limit, audit_list, list, &err) != CHOIR_OK) {
        json_decref(list);
        answer_store(ask, &err);
        return;
    }
    ch_answer_json(ask->exchange, 200, json_pack("{s:o}", "entries", list));
}
