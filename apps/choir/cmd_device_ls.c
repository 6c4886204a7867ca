/* choir device ls: the devices that a server knows. */
#include "commands.h"
#include "operators.h"

#include "base/text.h"

#include <stddef.h>

enum { PAGE = 1000, PATH_TEXT_MAX = 64 };

/* Names are the devices' own, and go to a terminal. */
static void device_put(const ch_call *call, const json_t *device) {
    const operator_flags *flags = call->options;
    char texts[3][CH_TEXT_SHOWN_MAX];
    char date[DATE_MAX];
    if (flags->json) {
        answer_line(call->out, device);
        return;
    }
    ch_text_show(texts[0], sizeof(texts[0]), answer_text(device, "name"));
    ch_text_show(texts[1], sizeof(texts[1]), answer_text(device, "version"));
    ch_text_show(texts[2], sizeof(texts[2]), answer_text(device, "tags"));
    answer_date(date, device, "enrolled_ms");
    (void)fprintf(call->out, "%7.0f  %-7s  %s  %-24s %-12s %s\n", answer_real(device, "subject"),
                  json_is_true(json_object_get(device, "revoked")) ? "revoked" : "good", date,
                  texts[0], texts[1], texts[2]);
}

/* Shows a page; *next is then the number after its last, and 0 when it was the last page. */
static choir_status page_show(const operator_session *o, double *next, choir_error *err) {
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/devices?from=%.0f&limit=%d", *next, PAGE);
    json_t *answer = NULL;
    const choir_status status =
        ch_operator_ask(o->server, "GET", path, NULL, "device", &answer, err);
    const json_t *list = json_object_get(answer, "devices");
    size_t i = 0;
    const json_t *device = NULL;
    json_array_foreach(list, i, device) {
        device_put(o->call, device);
        *next = answer_real(device, "subject") + 1;
    }
    if (json_array_size(list) < PAGE) {
        *next = 0;
    }
    json_decref(answer);
    return status;
}

static choir_status list(const operator_session *o, void *self, choir_error *err) {
    const operator_flags *flags = o->call->options;
    choir_status status = CHOIR_OK;
    (void)self;
    if (!flags->json) {
        (void)fprintf(o->call->out, "%7s  %-7s  %-19s  %-24s %-12s %s\n", "SUBJECT", "KEY",
                      "ENROLLED", "NAME", "VERSION", "TAGS");
    }
    for (double next = 1; status == CHOIR_OK && next > 0;) {
        status = page_show(o, &next, err);
    }
    return status;
}

static int list_run(const ch_call *call, choir_error *err) {
    const operator_flags *flags = call->options;
    return operator_work(call, flags->admin, list, NULL, err);
}

const ch_command CMD_DEVICE_LS = {
    .name = "device ls",
    .operands = "",
    .summary = "list the devices that a server knows",
    .text = "Lists the devices that enrolled, with what they said of themselves then, the first "
            "first. Times "
            "are UTC.",
    .options = &OPERATOR_OPTIONS,
    .defaults = &OPERATOR_DEFAULTS,
    .bytes = sizeof(OPERATOR_DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = list_run,
};
