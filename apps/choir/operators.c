/* What the commands for a server's operator share: see operators.h. */
#include "operators.h"

#include "commands.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "job/rules.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const ch_option ROWS[] = {ADMIN_ROW(operator_flags), JSON_ROW(operator_flags)};

const ch_options OPERATOR_OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
const operator_flags OPERATOR_DEFAULTS = {.admin = ADMIN_DEFAULT};

/* What an operand of these commands is, by its word in their usage. It becomes a part of a path, in
 * which '?' or '%' would lead to another job, or another person. */
typedef struct operand_kind {
    const char *word;
    bool (*fits)(const char *text);
    const char *must; // behind "'X' "
} operand_kind;

static bool is_number(const char *text) {
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static const operand_kind KINDS[] = {
    {"JOB", ch_job_is_reference, NO_JOBS_NAME},
    {"NAME", ch_text_is_plain,
     "is no name; it must be letters, digits, '.', '_' and '-', and not '.' or '..'"},
    {"SUBJECT", is_number, "is no device's number; choir device ls lists them"},
};

static choir_status operand_check(const char *word, size_t size, const char *text,
                                  choir_error *err) {
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        const operand_kind *kind = &KINDS[i];
        if (strlen(kind->word) == size && memcmp(kind->word, word, size) == 0 &&
            !kind->fits(text)) {
            char shown[CH_TEXT_SHOWN_MAX];
            ch_text_show(shown, sizeof(shown), text);
            return ch_error_set(err, CHOIR_EINVAL, "'%s' %s", shown, kind->must);
        }
    }
    return CHOIR_OK;
}

static choir_status operands_check(const ch_call *call, choir_error *err) {
    const char *word = call->command->operands;
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < call->operands_count && status == CHOIR_OK; i++) {
        const size_t size = strcspn(word, " ");
        status = operand_check(word, size, call->operands[i], err);
        word += size + (word[size] == ' ');
    }
    return status;
}

int operator_work(const ch_call *call, const char *admin,
                  choir_status (*work)(const operator_session *o, void *self, choir_error *err),
                  void *self, choir_error *err) {
    char name[64];
    (void)snprintf(name, sizeof(name), "choir %s", call->command->name);
    ch_log_lines lines = {.out = stderr, .name = name, .level = CHOIR_LEVEL_WARN};
    operator_session o = {.call = call, .env = ch_log_env(&lines)};
    choir_status status = operands_check(call, err);
    if (status == CHOIR_OK) {
        status = ch_operator_open(&o.server, admin, &o.env, err);
    }
    if (status == CHOIR_OK) {
        status = work(&o, self, err);
    }
    ch_operator_close(o.server);
    return exit_of(status, err);
}

/* A body that is not asked with stays the act's. */
static choir_status act_do(const operator_session *o, void *self, choir_error *err) {
    operator_act *act = self;
    json_t *answer = NULL;
    const choir_status status =
        ch_operator_ask(o->server, act->method, act->path, act->body, act->what, &answer, err);
    act->body = NULL;
    if (status == CHOIR_OK && act->json) {
        answer_line(o->call->out, answer);
    } else if (status == CHOIR_OK) {
        act->show(o->call, answer);
    }
    json_decref(answer);
    return status;
}

int operator_ask(const ch_call *call, const operator_act *act, choir_error *err) {
    operator_act own = *act;
    const int code = operator_work(call, own.admin, act_do, &own, err);
    json_decref(own.body);
    return code;
}

void round_line(FILE *out, const json_t *round) {
    const double accuracy = answer_real(round, "train_accuracy");
    const double loss = answer_real(round, "train_loss");
    (void)fprintf(out, "round %.0f", answer_real(round, "round"));
    if (isfinite(accuracy)) {
        (void)fprintf(out, "  %.2f %%", 100 * accuracy);
    }
    if (isfinite(loss)) {
        (void)fprintf(out, "  loss %.4f", loss);
    }
    (void)fprintf(out, "  %.0f of %.0f clients%s\n", answer_real(round, "reports"),
                  answer_real(round, "clients"),
                  json_is_true(json_object_get(round, "applied")) ? "" : "  discarded");
}

void select_put(FILE *out, const char *before, const json_t *job, const char *after) {
    static const char *const keys[] = {"platform", "version", "tags"};
    const json_t *select = json_object_get(job, "select");
    bool is_first = true;
    for (int i = 0; i < 3; i++) {
        if (json_object_get(select, keys[i]) != NULL) {
            (void)fprintf(out, "%s%s %s", is_first ? before : ", ", keys[i],
                          answer_text(select, keys[i]));
            is_first = false;
        }
    }
    (void)fprintf(out, "%s", is_first ? "" : after);
}

void measure_line(FILE *out, const json_t *round) {
    const double accuracy = answer_real(round, "measured_accuracy");
    const double loss = answer_real(round, "measured_loss");
    const double clients = answer_real(round, "measured_clients");
    if (!(clients > 0)) {
        return;
    }
    (void)fprintf(out, "round %.0f  evaluated", answer_real(round, "round"));
    if (isfinite(accuracy)) {
        (void)fprintf(out, "  %.2f %%", 100 * accuracy);
    }
    if (isfinite(loss)) {
        (void)fprintf(out, "  loss %.4f", loss);
    }
    (void)fprintf(out, "  %.0f of %.0f clients%s\n", answer_real(round, "measured_reports"),
                  clients, isfinite(loss) ? "" : "  discarded");
}

void answer_line(FILE *out, const json_t *root) {
    char *text = json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII);
    (void)fprintf(out, "%s\n", text == NULL ? "{}" : text);
    free(text);
}

double answer_real(const json_t *root, const char *key) {
    const json_t *value = json_object_get(root, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

const char *answer_text(const json_t *root, const char *key) {
    const char *text = json_string_value(json_object_get(root, key));
    return text == NULL ? "-" : text;
}

void answer_date(char out[DATE_MAX], const json_t *root, const char *key) {
    const time_t seconds = (time_t)(json_integer_value(json_object_get(root, key)) / 1000);
    struct tm when = {0};
    (void)gmtime_r(&seconds, &when);
    if (strftime(out, DATE_MAX, "%Y-%m-%d %H:%M:%S", &when) == 0) {
        (void)snprintf(out, DATE_MAX, "-");
    }
}
