/* choir host: gives a job to a server. */
#include "commands.h"
#include "operators.h"

#include "base/error.h"
#include "base/log.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"
#include "net/operator.h"
#include "run/bundle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct host_flags {
    char admin[ADMIN_PATH_MAX];
    ch_option_texts set;
    bool json;
} host_flags;

static const ch_option ROWS[] = {
    ADMIN_ROW(host_flags),
    {"--set", CH_OPTION_TEXTS, offsetof(host_flags, set), 0, 0, "", NULL,
     "key=value that wins over the file, such as client.epochs=5"},
    {"--json", CH_OPTION_FLAG, offsetof(host_flags, json), 0, 0, "", NULL,
     "one line: the answer as a JSON object"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const host_flags DEFAULTS = {.admin = ADMIN_DEFAULT};

/* What the server takes: the job's text, and its model as text. */
static json_t *body_of(const ch_bundle *b) {
    char *model = malloc(CH_BASE64_MAX(b->model_size));
    if (model == NULL) {
        return NULL;
    }
    ch_base64(model, (choir_bytes){.data = b->model, .size = b->model_size});
    json_t *out = json_pack("{s:s%, s:s, s:I}", "job", b->text, b->text_size, "model", model,
                            "clients", (json_int_t)b->clients);
    free(model);
    return out;
}

static void tell(const ch_call *call, const json_t *answer, const ch_bundle *b, const char *url) {
    const host_flags *flags = call->options;
    if (flags->json) {
        answer_line(call->out, answer);
        return;
    }
    (void)fprintf(call->out, "%s@%lld %s at %s: %u clients, %u parameters\n", b->job.name,
                  (long long)json_integer_value(json_object_get(answer, "version")),
                  json_is_true(json_object_get(answer, "created")) ? "hosted" : "is hosted already",
                  url, b->clients, b->dim);
}

static int host_run(const ch_call *call, choir_error *err) {
    const host_flags *flags = call->options;
    ch_log_lines lines = {.out = stderr, .name = "choir host", .level = CHOIR_LEVEL_WARN};
    const choir_env env = ch_log_env(&lines);
    ch_operator *server = NULL;
    ch_bundle bundle = {0};
    json_t *answer = NULL;
    choir_status status = ch_operator_open(&server, flags->admin, &env, err);
    if (status == CHOIR_OK) {
        status = ch_bundle_create(&bundle, call->operands[0], flags->set.items, flags->set.count,
                                  &env, err);
    }
    if (status == CHOIR_OK && ch_crypto_start(err) == CHOIR_OK) {
        status = ch_operator_ask(server, "POST", "/jobs", body_of(&bundle), "host", &answer, err);
    }
    if (status == CHOIR_OK) {
        tell(call, answer, &bundle, ch_operator_url(server));
    }
    json_decref(answer);
    ch_bundle_release(&bundle);
    ch_operator_close(server);
    return exit_of(status, err);
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
