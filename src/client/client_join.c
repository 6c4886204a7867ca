/* How a client enrols and joins: see client.c. What it signs is a challenge of the server's. */
#include "client/client_parts.h"

#include "base/disk.h"
#include "base/error.h"
#include "client/entry.h"
#include "crypto/entropy.h"
#include "net/http_json.h"

#include <jansson.h>
#include <string.h>

static ch_entry_about about_of(const choir_client *c) {
    return (ch_entry_about){
        .name = c->name, .platform = c->platform, .version = c->version, .tags = c->tags};
}

/* The token in the file, without the blanks around it; its memory is the file's. */
static choir_status token_read(ch_disk_file *file, char **out, const choir_client *c,
                               choir_error *err) {
    static const char blanks[] = " \t\r\n";
    const choir_status status = ch_disk_read(file, c->token_file, CH_BEARER_MAX - 1, &c->env, err);
    if (status != CHOIR_OK) { // EIO would be the server's, who is asked again
        return status == CHOIR_ENOMEM ? status : CHOIR_EINVAL;
    }
    char *text = (char *)file->data; // with a zero behind
    text[file->size] = '\0';
    text += strspn(text, blanks);
    text[strcspn(text, blanks)] = '\0';
    *out = text;
    return text[0] != '\0' ? CHOIR_OK
                           : ch_error_set(err, CHOIR_EINVAL,
                                          "%s: is empty; it must be the identity provider's token",
                                          c->token_file);
}

/* A token enrols, or the secret of the join file; bearer is NULL for the latter. */
static choir_status enroll_send(choir_client *c, const char *bearer, json_t **out,
                                choir_error *err) {
    const ch_entry_about about = about_of(c);
    const char *secret = bearer == NULL ? c->secret : NULL;
    json_t *body = ch_entry_enroll(secret, c->identity->key.public_key, &about);
    const ch_http_call call = {.method = "POST",
                               .path = "/v1/enroll",
                               .bearer = bearer,
                               .answer_max = CH_ENTRY_ANSWER_MAX};
    return ch_http_ask(c->http, &call, body, "enrolment", out, NULL, err);
}

static choir_status enroll_ask(choir_client *c, json_t **out, choir_error *err) {
    ch_disk_file file = {0};
    char *token = NULL;
    choir_status status = c->token_file[0] == '\0' ? CHOIR_OK : token_read(&file, &token, c, err);
    if (status == CHOIR_OK) {
        status = enroll_send(c, token, out, err);
    }
    if (file.data != NULL) {
        ch_wipe(file.data, file.size);
    }
    ch_disk_release(&file);
    return status;
}

static choir_status enroll(choir_client *c, choir_error *err) {
    json_t *answer = NULL;
    choir_status status = enroll_ask(c, &answer, err);
    if (status == CHOIR_OK) {
        status = ch_entry_subject(&c->identity->subject, answer, err);
    }
    json_decref(answer);
    if (status == CHOIR_OK) {
        c->identity->is_unkept = true; // until it is: what cannot be kept now is with the next join
        status = ch_identity_save(c->identity, err);
    }
    return status;
}

/* The body of a join, signed over a challenge that the server has just given. */
static choir_status join_body(choir_client *c, json_t **out, choir_error *err) {
    char challenge[CH_CHALLENGE_MAX];
    json_t *answer = NULL;
    const ch_http_call call = {
        .method = "GET", .path = "/v1/challenge", .answer_max = CH_ENTRY_ANSWER_MAX};
    choir_status status = ch_http_ask(c->http, &call, NULL, "challenge", &answer, NULL, err);
    if (status == CHOIR_OK) {
        status = ch_entry_challenge(challenge, answer, err);
    }
    json_decref(answer);
    if (status != CHOIR_OK) {
        return status;
    }
    const ch_entry_about about = about_of(c);
    *out = ch_entry_join(c->job, c->identity->subject, challenge, c->wanted, &c->identity->key);
    ch_entry_tell(*out, &about);
    return *out != NULL ? CHOIR_OK : ch_error_set(err, CHOIR_ENOMEM, "no memory to join");
}

/* A participant as the client that it now is, unless it is that already: then it goes on. */
static choir_status participant_have(choir_client *c, uint32_t client_before, choir_error *err) {
    if (c->participant != NULL && c->joined.offer.client == client_before) {
        return CHOIR_OK;
    }
    if (c->participant != NULL) {
        choir_participant_reset(c->participant, c->joined.offer.client);
        return CHOIR_OK;
    }
    choir_participant_options o = choir_participant_defaults();
    o.job = c->job;
    o.client = c->joined.offer.client;
    o.dim_max = c->dim_max;
    o.retry_ms = c->retry_ms;
    return choir_participant_create(&c->participant, &o, &c->env, err);
}

/* Notes whether a refusal to join says why and until when: then it is not about the device's key.
 */
static choir_status rejection_note(choir_client *c, const json_t *refusal, choir_status status) {
    const json_t *wait = json_object_get(refusal, "wait_ms");
    const char *reason = json_string_value(json_object_get(refusal, "reason"));
    const json_int_t told_ms = json_integer_value(wait);
    if (reason == NULL || !json_is_integer(wait) || told_ms < 0) {
        return status;
    }
    c->rejected = choir_why_of(reason);
    c->join_ms =
        choir_client_now_ms() + (uint64_t)(told_ms < CH_TOLD_MAX_MS ? told_ms : CH_TOLD_MAX_MS);
    return CHOIR_EAGAIN;
}

static choir_status join_once(choir_client *c, choir_error *err) {
    json_t *body = NULL;
    choir_status status = c->identity->subject == 0 ? enroll(c, err) : CHOIR_OK;
    if (status == CHOIR_OK) {
        status = join_body(c, &body, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    char path[CH_ENTRY_PATH_MAX];
    ch_entry_path(path, c->job);
    const uint32_t before = c->joined.offer.client;
    json_t *answer = NULL;
    json_t *refusal = NULL;
    const ch_http_call call = {.method = "POST", .path = path, .answer_max = CH_ENTRY_OFFER_MAX};
    status = ch_http_ask(c->http, &call, body, "join", &answer, &refusal, err);
    status = rejection_note(c, refusal, status);
    json_decref(refusal);
    ch_joined joined;
    if (status == CHOIR_OK) {
        status = ch_joined_read(&joined, answer, c->job, c->signing_key, err);
    }
    if (status == CHOIR_OK) {
        ch_joined_release(&c->joined);
        c->joined = joined;
    }
    if (status == CHOIR_OK && c->identity->is_unkept) {
        status = ch_identity_save(c->identity, err);
    }
    if (status == CHOIR_OK) {
        status = participant_have(c, before, err);
    }
    return status;
}

choir_status ch_client_join(choir_client *c, choir_error *err) {
    c->rejected = CHOIR_WHY_NONE;
    choir_status status = join_once(c, err);
    if (status == CHOIR_EINVAL && c->identity->subject != 0) {
        c->identity->subject = 0; // a server that began anew knows nobody: enrol there once more
        status = join_once(c, err);
    }
    c->has_joined = status == CHOIR_OK;
    return status;
}
