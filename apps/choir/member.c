/* Member: see member.h. */
#include "member.h"

#include "base/error.h"
#include "base/text.h"
#include "data/source.h"

choir_status member_check(const member *m, choir_error *err) {
    choir_job_data data = choir_job_defaults().data;
    if (m->data[0] == '\0') {
        return CHOIR_OK;
    }
    (void)snprintf(data.source, sizeof(data.source), "%s", m->data);
    (void)snprintf(data.dir, sizeof(data.dir), "%s", m->dir);
    const choir_status status = ch_source_check(&data, err);
    if (status != CHOIR_OK) {
        return status;
    }
    switch (ch_source_look(&data)) {
    case CH_SOURCE_GENERATED:
        return ch_error_set(err, CHOIR_EINVAL,
                            "--data: '%s' is drawn and not read; give data of this device's own, "
                            "or --client without --data",
                            m->data);
    case CH_SOURCE_UNSEEN:
        return ch_error_set(err, CHOIR_EPROTO,
                            "--data: %s holds nothing that is known; docs/dataset.md says what is",
                            m->data);
    default:
        return CHOIR_OK;
    }
}

choir_status member_trainer(void *self, const choir_offer *offer, choir_trainer *out,
                            choir_error *err) {
    member *m = self;
    const bool is_own = m->data[0] != '\0';
    const ch_device_options options = {
        .job = {.data = (const uint8_t *)offer->job, .size = offer->job_size},
        .model = offer->model,
        .source = is_own ? m->data : NULL,
        .examples = m->examples,
        .dir = m->dir,
        .client = is_own ? CH_DEVICE_ALL : offer->client};
    ch_device_release(&m->device);
    const choir_status status = ch_device_open(&m->device, &options, &m->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    *out = ch_device_trainer(&m->device);
    if (m->out != NULL) {
        (void)fprintf(m->out, "client %u of %s@%u: %u example%s, %u parameters\n", offer->client,
                      offer->name, offer->version, ch_device_examples(&m->device),
                      ch_text_plural(ch_device_examples(&m->device)), ch_device_dim(&m->device));
        (void)fflush(m->out);
    }
    return CHOIR_OK;
}

bool member_is_turned_away(const choir_event *event) {
    return event->kind == CHOIR_EVENT_REJECTED && event->why != CHOIR_WHY_NONE;
}

bool member_is_unwilling(const choir_event *event) {
    return event->kind == CHOIR_EVENT_REJECTED && event->why == CHOIR_WHY_NONE && event->round == 0;
}

/* What is said behind the word; "" for nothing. */
static const char *remark_on(const choir_event *event) {
    switch (event->kind) {
    case CHOIR_EVENT_REFUSED:
        return choir_refusal_text(event->refusal);
    case CHOIR_EVENT_DONE:
        if (event->message[0] != '\0') {
            return event->message;
        }
        return event->why == CHOIR_WHY_NONE ? "" : choir_why_text(event->why);
    case CHOIR_EVENT_WAIT:
        return event->why == CHOIR_WHY_NONE ? "" : choir_why_text(event->why);
    default:
        return event->message;
    }
}

/* Why it waits is told once, and nothing when that is only because the round needs others. */
static bool is_wait_told(member *m, const choir_event *event) {
    const bool is_other = event->why != m->told_why;
    m->told_why = event->why;
    return is_other && event->why != CHOIR_WHY_NONE;
}

/* Whether an event is worth a line: what stands in the way, when that is something else; and how a
 * job failed, unless it is the only one, whose failure is the command's. */
static bool is_told(member *m, const choir_event *event) {
    if (event->kind == CHOIR_EVENT_DONE && event->message[0] != '\0') {
        return m->is_named;
    }
    if (event->kind == CHOIR_EVENT_WAIT) {
        return is_wait_told(m, event);
    }
    const bool is_known = event->kind == CHOIR_EVENT_BLOCKED && event->obstacles == m->obstacles;
    m->obstacles = event->obstacles;
    return !is_known && event->kind != CHOIR_EVENT_JOINED;
}

void member_tell(member *m, const choir_event *event) {
    static const char *const words[] = {
        [CHOIR_EVENT_JOINED] = "joined",     [CHOIR_EVENT_TASK] = "task",
        [CHOIR_EVENT_FETCHED] = "fetched",   [CHOIR_EVENT_TRAINED] = "trained",
        [CHOIR_EVENT_REPORTED] = "reported", [CHOIR_EVENT_REFUSED] = "refused",
        [CHOIR_EVENT_FAILED] = "failed",     [CHOIR_EVENT_WAIT] = "waits",
        [CHOIR_EVENT_BLOCKED] = "blocked",   [CHOIR_EVENT_LOST] = "lost",
        [CHOIR_EVENT_REJECTED] = "rejected", [CHOIR_EVENT_RESUMED] = "resumed",
        [CHOIR_EVENT_DONE] = "done",
    };
    if (is_told(m, event) && m->out != NULL) {
        const char *remark = remark_on(event);
        const bool measured =
            event->kind == CHOIR_EVENT_TRAINED && event->purpose == CHOIR_PURPOSE_EVALUATE;
        char round[24] = "";
        if (event->round > 0) {
            (void)snprintf(round, sizeof(round), "round %u  ", event->round);
        }
        (void)fprintf(m->out, "%s%s%s%s%s%s\n", m->is_named ? m->name : "", m->is_named ? ": " : "",
                      round, measured ? "evaluated" : words[event->kind],
                      remark[0] == '\0' ? "" : ": ", remark);
        (void)fflush(m->out);
    }
}
