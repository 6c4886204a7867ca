/* Joined: see joined.h. */
#include "client/joined.h"

#include "base/error.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"
#include "net/offer.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool take_number(const json_t *root, const char *key, uint32_t *out) {
    const json_t *field = json_object_get(root, key);
    const json_int_t value = json_integer_value(field);
    if (!json_is_integer(field) || value < 0 || value > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

/* Whether it is the job that was asked for: "keyboard", or "keyboard@3". */
static bool is_wanted(const choir_offer *o, const char *job) {
    char reference[CHOIR_JOB_TEXT_MAX];
    (void)snprintf(reference, sizeof(reference), "%s@%" PRIu32, o->name, o->version);
    return strcmp(job, o->name) == 0 || strcmp(job, reference) == 0;
}

/* Whether the server's signing key signed what is offered. */
static bool is_signed(const choir_offer *o, const char *text,
                      const uint8_t key[CH_PUBLIC_KEY_BYTES]) {
    uint8_t signature[CH_SIGNATURE_BYTES];
    size_t size = 0;
    const ch_offer offer = {.name = o->name,
                            .version = o->version,
                            .parameters = o->parameters,
                            .job = {.data = (const uint8_t *)o->job, .size = o->job_size},
                            .model = o->model};
    return text != NULL &&
           ch_base64_read(signature, sizeof(signature), &size, text, strlen(text)) == CHOIR_OK &&
           size == sizeof(signature) && ch_offer_check(signature, &offer, key);
}

/* Reads the model of an answer into memory of its own. */
static choir_status model_read(ch_joined *j, const char *text, choir_error *err) {
    const size_t length = strlen(text);
    j->model = malloc(length + 1);
    if (j->model == NULL) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory to join");
    }
    j->offer.model.data = j->model;
    if (ch_base64_read(j->model, length, &j->offer.model.size, text, length) != CHOIR_OK) {
        return ch_error_set(err, CHOIR_EPROTO, "join: the server's model is no base64url");
    }
    return CHOIR_OK;
}

/* Reads the parts, whatever they say. */
static choir_status parts_read(ch_joined *j, choir_error *err) {
    const json_t *job = json_object_get(j->answer, "job");
    const char *token = json_string_value(json_object_get(j->answer, "token"));
    const char *model = json_string_value(json_object_get(j->answer, "model"));
    choir_offer *o = &j->offer;
    o->job = json_string_value(job);
    o->job_size = json_string_length(job);
    o->name = json_string_value(json_object_get(j->answer, "name"));
    if (o->job == NULL || o->name == NULL || token == NULL || model == NULL ||
        strlen(token) >= sizeof(j->token) || !take_number(j->answer, "version", &o->version) ||
        !take_number(j->answer, "client", &o->client) ||
        !take_number(j->answer, "parameters", &o->parameters)) {
        return ch_error_set(err, CHOIR_EPROTO, "join: the server's answer lacks a part of a job");
    }
    memcpy(j->token, token, strlen(token) + 1);
    return model_read(j, model, err);
}

choir_status ch_joined_read(ch_joined *out, json_t *answer, const char *job,
                            const uint8_t key[CH_PUBLIC_KEY_BYTES], choir_error *err) {
    *out = (ch_joined){.answer = answer};
    choir_status status = parts_read(out, err);
    const char *signature = json_string_value(json_object_get(answer, "signature"));
    if (status == CHOIR_OK &&
        !(is_wanted(&out->offer, job) && is_signed(&out->offer, signature, key))) {
        status = ch_error_set(err, CHOIR_EPROTO,
                              "join: '%s' is not signed by the key in the join file; get the "
                              "server's join file of today, or find out who is in between",
                              job);
    }
    if (status != CHOIR_OK) {
        ch_joined_release(out);
    }
    return status;
}

void ch_joined_release(ch_joined *j) {
    json_decref(j->answer);
    free(j->model);
    ch_wipe(j, sizeof(*j));
}
