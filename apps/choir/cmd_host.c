/* choir host, choir hosted replace: give a job to a server. */
#include "commands.h"
#include "operators.h"

#include "base/error.h"
#include "base/text.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"
#include "net/operator.h"
#include "run/bundle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct host_flags {
    char admin[ADMIN_PATH_MAX];
    ch_option_texts set;
    bool dry_run;
    bool json;
} host_flags;

enum { NAME_KEY_MAX = 128 };

static const ch_option ROWS[] = {
    ADMIN_ROW(host_flags),
    {"--set", CH_OPTION_TEXTS, offsetof(host_flags, set), 0, 0, "", NULL,
     "key=value that wins over the file, such as client.epochs=5"},
    {"--dry-run", CH_OPTION_FLAG, offsetof(host_flags, dry_run), 0, 0, "", NULL,
     "check everything, here and at the server, say what would be, and change nothing"},
    {"--json", CH_OPTION_FLAG, offsetof(host_flags, json), 0, 0, "", NULL,
     "one line: the answer as a JSON object"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const host_flags DEFAULTS = {.admin = ADMIN_DEFAULT};

/* What the server takes: the job's text, and its model as text. */
static json_t *body_of(const ch_bundle *b, bool replaces, bool dry_run) {
    char *model = malloc(CH_BASE64_MAX(b->model_size));
    if (model == NULL) {
        return NULL;
    }
    ch_base64(model, (choir_bytes){.data = b->model, .size = b->model_size});
    json_t *out =
        json_pack("{s:s%, s:s, s:I, s:b, s:b}", "job", b->text, b->text_size, "model", model,
                  "clients", (json_int_t)b->clients, "replace", replaces, "dry_run", dry_run);
    free(model);
    return out;
}

static const char *outcome(const json_t *answer, bool dry_run) {
    if (!json_is_true(json_object_get(answer, "created"))) {
        return "is hosted already";
    }
    return dry_run ? "would be hosted" : "hosted";
}

static void tell(const ch_call *call, const json_t *answer, const ch_bundle *b, const char *url) {
    const host_flags *flags = call->options;
    if (flags->json) {
        answer_line(call->out, answer);
        return;
    }
    (void)fprintf(call->out, "%s@%lld %s at %s: %u client%s, %u parameters\n", b->job.name,
                  (long long)json_integer_value(json_object_get(answer, "version")),
                  outcome(answer, flags->dry_run), url, b->clients, ch_text_plural(b->clients),
                  b->dim);
}

/* name: under which it is hosted, if not its own, and then it must be there; NULL. */
static choir_status bundle_make(ch_bundle *out, const ch_call *call, const char *path,
                                const char *name, const choir_env *env, choir_error *err) {
    const host_flags *flags = call->options;
    ch_option_texts set = flags->set;
    char key[NAME_KEY_MAX];
    if (name != NULL) {
        if (set.count == CH_OPTION_TEXTS_MAX) {
            return ch_error_set(err, CHOIR_EINVAL, "--set: may be given at most %d times here",
                                CH_OPTION_TEXTS_MAX - 1);
        }
        (void)snprintf(key, sizeof(key), "name=%s", name);
        set.items[set.count] = key;
        set.count += 1;
    }
    return ch_bundle_create(out, path, set.items, set.count, env, err);
}

/* What is hosted: a file, and under which name when that is not its own; else NULL. */
typedef struct giving {
    const char *path;
    const char *name;
} giving;

static choir_status give(const operator_session *o, void *self, choir_error *err) {
    const host_flags *flags = o->call->options;
    const giving *g = self;
    ch_bundle bundle = {0};
    json_t *answer = NULL;
    choir_status status = bundle_make(&bundle, o->call, g->path, g->name, &o->env, err);
    if (status == CHOIR_OK) {
        status = ch_crypto_start(err);
    }
    if (status == CHOIR_OK) {
        json_t *body = body_of(&bundle, g->name != NULL, flags->dry_run);
        status = ch_operator_ask(o->server, "POST", "/jobs", body,
                                 g->name == NULL ? "host" : "replace", &answer, err);
    }
    if (status == CHOIR_OK) {
        tell(o->call, answer, &bundle, ch_operator_url(o->server));
    }
    json_decref(answer);
    ch_bundle_release(&bundle);
    return status;
}

static int host_run(const ch_call *call, choir_error *err) {
    const host_flags *flags = call->options;
    giving g = {.path = call->operands[0]};
    return operator_work(call, flags->admin, give, &g, err);
}

static int replace_run(const ch_call *call, choir_error *err) {
    const host_flags *flags = call->options;
    giving g = {.path = call->operands[1], .name = call->operands[0]};
    return operator_work(call, flags->admin, give, &g, err);
}

const ch_command CMD_HOST = {
    .name = "host",
    .operands = "JOB.yaml",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "give a job to a server, which runs it with the clients that join it",
    .text = "Checks the job, makes its initial model, and gives both to the server. Hosting the "
            "same job again changes nothing; a changed one of the same name becomes its next "
            "version, to which devices go over by themselves.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = host_run,
};

const ch_command CMD_HOSTED_REPLACE = {
    .name = "hosted replace",
    .operands = "JOB JOB.yaml",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "host a file as the next version of a job that is there",
    .text = "As choir host, under the name JOB whatever the file says, and only when a job of that "
            "name is hosted and is another one: a slip in a name makes no further job.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = replace_run,
};
