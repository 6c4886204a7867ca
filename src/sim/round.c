/*
 * Round: one round of a simulation.
 *
 * It is a walk along the timeline of the clients in the cohort. A client has a slot while the round
 * lasts, and in it one next moment at a time:
 *
 *     WAKE --SEND--> REQUEST --reply--> WAKE      the participant is asked what to do next
 *     WAKE --FETCH--> MODEL --bytes--> WAKE       the model reaches it
 *     WAKE --TRAIN--> REPORT --ACK--> gone        trained; the report reaches the server,
 *                       '--PROCEED--> WAKE        or its announcement, and then it departs
 *     WAKE --WAIT--> WAKE
 *
 * In an open population nobody is in the cohort when a round opens. Its clients come by one after
 * another, in an order that is drawn for the round, and each of them once: one that is told to wait
 * is gone, and comes by again in the next round. When all slots are taken the next one comes when
 * one is free.
 *
 * A lost message leads back to WAKE: its participant knows how to go on. A client whose report
 * would come after the deadline, or that drops out, is gone when it begins to train: nobody will
 * ever see what it would have learnt, so nothing is trained; where its task lets it do less, it
 * does as many epochs as there is time for. So is whoever has an answer to its report. What clients
 * would do after their round has closed is not simulated, but for its outcome: whoever was counted
 * would get to know, and keeps what its trainer left, also when the acknowledgement got lost.
 *
 * Requests and models are handed over at the moment they arrive, and replies are received as they
 * are sent, with the time at which they arrive: nothing else happens to a participant in between,
 * so nobody can tell, and no reply has to be kept.
 */
#include "sim/simulator.h"

#include "base/assert.h"
#include "base/env.h"
#include "base/error.h"
#include "base/text.h"
#include "choir/route.h"
#include "sim/network.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { ARRIVAL_MS = 1 }; // between two clients that come by

/* The open round in what is drawn for it: an evaluation has draws of its own. */
static uint32_t round_key(const choir_sim *s) {
    const uint32_t closed = choir_coordinator_round(s->coordinator);
    return choir_coordinator_is_evaluating(s->coordinator) ? closed | UINT32_C(1) << 31
                                                           : closed + 1;
}

// ----- a client's moments -----------------------------------------------------------------------

static void slot_at(choir_sim *s, ch_slot *k, ch_slot_state state, uint64_t time_ms) {
    k->state = state;
    ch_timeline_add(&s->timeline, (ch_moment){time_ms, k->work.client, k->work.number});
}

/* Nobody hears of its client any more in this round. */
static void slot_gone(choir_sim *s, const ch_slot *k) {
    if (s->is_open) {
        s->free_slots[s->free_count] = k->work.number;
        s->free_count += 1;
    }
}

static void slot_lost(choir_sim *s, ch_slot *k, uint64_t time_ms) {
    choir_participant_lost(k->participant, time_ms);
    slot_at(s, k, CH_SLOT_WAKE, time_ms);
}

/* WAKE, to SEND: the request travels. */
static void request_depart(choir_sim *s, ch_slot *k, size_t bytes) {
    const choir_network *n = &s->options.network;
    const uint64_t travel_ms = ch_network_latency_ms(n, &k->rng) + ch_network_up_ms(n, bytes);
    slot_at(s, k, CH_SLOT_REQUEST, s->now_ms + travel_ms);
}

/* WAKE, to FETCH: the question travels there, the model back. */
static void model_depart(choir_sim *s, ch_slot *k, uint32_t numbers) {
    const choir_network *n = &s->options.network;
    const uint64_t there_ms = ch_network_latency_ms(n, &k->rng);
    const uint64_t back_ms = ch_network_latency_ms(n, &k->rng) +
                             ch_network_down_ms(n, (uint64_t)numbers * sizeof(float));
    slot_at(s, k, CH_SLOT_MODEL, s->now_ms + there_ms + back_ms);
}

static bool is_announced(const choir_task *task) {
    return task->exchanges[0] == CHOIR_EXCHANGE_ANNOUNCE;
}

/* Numbers that are in the first that is sent of a report. */
static uint64_t first_params(const choir_task *task) {
    const bool is_small = task->purpose == CHOIR_PURPOSE_EVALUATE || is_announced(task);
    return is_small ? 0 : choir_task_sent(task);
}

// The size of the report is taken to be its numbers': what else is in it does not weigh.
static uint64_t report_travels_ms(const choir_sim *s, ch_slot *k, const choir_task *task) {
    const choir_network *n = &s->options.network;
    return ch_network_latency_ms(n, &k->rng) +
           ch_network_up_ms(n, first_params(task) * sizeof(float));
}

/* What a report needs at most from the end of training until its update has arrived, whose first
 * message takes first_ms: behind an announcement come its answer and the update. */
static uint64_t update_travels_ms(const choir_sim *s, const choir_task *task, uint64_t first_ms) {
    const choir_network *n = &s->options.network;
    const uint64_t latency_ms = ch_network_latency_most_ms(n);
    return is_announced(task) ? first_ms + 2 * latency_ms +
                                    ch_network_up_ms(n, choir_task_sent(task) * sizeof(float))
                              : first_ms;
}

/* When a training of so many epochs is over. */
static uint64_t trained_ms(const choir_sim *s, uint32_t client, uint32_t epochs) {
    const choir_trainer *t = &s->trainers[0];
    const uint64_t examples = (uint64_t)t->ops->examples(t->self, client) * epochs;
    return s->now_ms + ch_network_training_ms(&s->options.network, client, examples);
}

/* The epochs for which there is time, where a task asks for what is possible; else all it asks for.
 * At least one, which may be late. */
static uint32_t epochs_in_time(const choir_sim *s, uint32_t client, const choir_task *task,
                               uint64_t travels_ms) {
    const uint64_t deadline_ms = choir_coordinator_deadline_ms(s->coordinator);
    uint32_t most = task->epochs;
    uint32_t least = 1;
    while (task->partial && least < most) { // least may be late, more than most is
        const uint32_t epochs = most - (most - least) / 2;
        const bool late = trained_ms(s, client, epochs) + travels_ms >= deadline_ms;
        most = late ? epochs - 1 : most;
        least = late ? least : epochs;
    }
    return most;
}

static void training_begin(choir_sim *s, ch_slot *k, const choir_task *task) {
    const uint32_t client = k->work.client;
    const uint64_t travels_ms = report_travels_ms(s, k, task);
    const uint32_t epochs = epochs_in_time(s, client, task, update_travels_ms(s, task, travels_ms));
    k->work.trained_ms = trained_ms(s, client, epochs);
    k->work.due_ms = k->work.trained_ms + travels_ms;
    const bool late = k->work.due_ms >= choir_coordinator_deadline_ms(s->coordinator);
    if (late || ch_network_drops_out(&s->options.network, round_key(s), client)) {
        slot_gone(s, k);
        return;
    }
    if (epochs < task->epochs) {
        choir_participant_shorten(k->participant, epochs);
    }
    k->work.keeps = s->states.bytes_max > 0 && task->purpose == CHOIR_PURPOSE_TRAIN;
    k->work.state = ch_states_of(&s->states, client);
    ch_crew_offer(s->crew, &k->work);
    slot_at(s, k, CH_SLOT_REPORT, k->work.due_ms);
}

static void slot_wake(choir_sim *s, ch_slot *k) {
    choir_intent intent;
    choir_participant_next(k->participant, s->now_ms, &intent);
    switch (intent.kind) {
    case CHOIR_INTENT_SEND:
        request_depart(s, k, intent.request.size);
        break;
    case CHOIR_INTENT_FETCH:
        model_depart(s, k, choir_task_fetched(intent.task));
        break;
    case CHOIR_INTENT_TRAIN:
        training_begin(s, k, intent.task);
        break;
    case CHOIR_INTENT_WAIT:
        slot_at(s, k, CH_SLOT_WAKE, intent.wake_ms > s->now_ms ? intent.wake_ms : s->now_ms + 1);
        break;
    case CHOIR_INTENT_DONE:
        slot_gone(s, k);
        break;
    }
}

/* The client of a report that was just counted keeps what its trainer left; of any other, what it
 * had. */
static void state_keep(choir_sim *s, const ch_slot *k) {
    if (k->work.keeps) {
        const choir_bytes kept = ch_crew_kept(&k->work);
        s->keeping = ch_states_put(&s->states, k->work.client, kept.data, (uint32_t)kept.size);
    }
}

static void reply_receive(choir_sim *s, ch_slot *k, choir_bytes reply) {
    const choir_network *n = &s->options.network;
    const uint64_t back_ms =
        s->now_ms + ch_network_latency_ms(n, &k->rng) + ch_network_down_ms(n, reply.size);
    if (ch_network_loses(n, &k->rng)) {
        slot_lost(s, k, back_ms);
        return;
    }
    ch_ignore(choir_participant_receive(k->participant, back_ms, reply),
              "what it cannot read it asks for again");
    if (k->work.room != NULL && choir_participant_holds(k->participant) == NULL) {
        ch_crew_settle(s->crew, &k->work);
        slot_gone(s, k); // its report has been answered
        return;
    }
    if (s->is_open && k->work.room == NULL && choir_answer_of(reply) == CHOIR_ANSWER_WAIT) {
        slot_gone(s, k);
        return;
    }
    slot_at(s, k, CH_SLOT_WAKE, back_ms);
}

/* The coordinator's answer; what the crew has inspected need not be read again, once: the next
 * request may lie in the same place. */
static choir_bytes request_answer(choir_sim *s, ch_work *work, choir_bytes request) {
    const choir_inspection report = work->report;
    work->report = (choir_inspection){0};
    return report.request.data == request.data && report.request.size == request.size
               ? choir_coordinator_reply_inspected(s->coordinator, s->now_ms, &report)
               : choir_coordinator_reply(s->coordinator, s->now_ms, request);
}

/* A client whose training diverged has been heard. Others of an open population may have diverged
 * too, and nobody waited for them: how many trained ahead depends on the workers. */
static void diverged_note(choir_sim *s, const ch_slot *k) {
    const choir_metrics m = choir_participant_metrics(k->participant);
    choir_sim_round *r = &s->round;
    if (k->work.client < r->diverged_client) {
        const double loss = (double)m.loss_q20 * 0x1p-20 / (double)m.examples;
        r->diverged_client = k->work.client;
        r->diverged_loss = m.examples > 0 ? loss : (double)NAN;
    }
}

static void slot_request(choir_sim *s, ch_slot *k) {
    if (ch_network_loses(&s->options.network, &k->rng)) {
        slot_lost(s, k, s->now_ms);
        return;
    }
    choir_intent intent;
    choir_participant_next(k->participant, s->now_ms, &intent);
    CH_ASSERT(intent.kind == CHOIR_INTENT_SEND);
    const bool is_training = !choir_coordinator_is_evaluating(s->coordinator);
    const choir_bytes reply = request_answer(s, &k->work, intent.request);
    s->round.requests += 1;
    s->round.bytes_up += intent.request.size;
    s->round.bytes_down += reply.size;
    if (choir_answer_of(reply) == CHOIR_ANSWER_ACK) { // also when it gets lost on its way back
        state_keep(s, k);
    }
    if (is_training && k->work.status == CHOIR_ERANGE &&
        choir_answer_of(reply) == CHOIR_ANSWER_REFUSED) {
        diverged_note(s, k);
    }
    reply_receive(s, k, reply);
}

/*
 * Where clients read the open round's model: in the coordinator's own memory; but in an open
 * population the round may close, and the coordinator come to the next model, while some of them
 * still train. Those of the round before are no longer there when the first of a round fetches.
 */
static const float *model_lent(choir_sim *s, const choir_hash *hash, choir_bytes model) {
    if (!s->is_open) {
        return (const float *)(const void *)model.data;
    }
    if (memcmp(&s->model_hash, hash, sizeof(*hash)) != 0) {
        memcpy(s->model, model.data, model.size);
        s->model_hash = *hash;
    }
    return s->model;
}

/* The model has been hashed where it comes from: nothing is left to verify. */
static void slot_model(choir_sim *s, ch_slot *k) {
    choir_intent intent;
    choir_participant_next(k->participant, s->now_ms, &intent);
    CH_ASSERT(intent.kind == CHOIR_INTENT_FETCH);
    const choir_hash *hash = &intent.task->model;
    choir_bytes bytes = {0};
    if (ch_network_loses(&s->options.network, &k->rng) ||
        choir_coordinator_model(s->coordinator, hash, &bytes) != CHOIR_OK) {
        slot_lost(s, k, s->now_ms);
        return;
    }
    const choir_blob blob = {.hash = *hash,
                             .params = model_lent(s, hash, bytes),
                             .dim = (uint32_t)(bytes.size / sizeof(float))};
    s->round.bytes_down += bytes.size;
    ch_ignore(choir_participant_fetched(k->participant, s->now_ms, &blob),
              "what it does not want it asks for again");
    slot_at(s, k, CH_SLOT_WAKE, s->now_ms);
}

/* Diverging and having no data are things to report; anything else ends the simulation. */
static choir_status training_check(choir_sim *s, const ch_work *work, choir_error *err) {
    char why[2 * sizeof(work->err.message)];
    switch (work->status) {
    case CHOIR_OK:
        return CHOIR_OK;
    case CHOIR_ERANGE:
    case CHOIR_EAGAIN:
        (void)ch_text_quote(why, sizeof(why), work->err.message);
        ch_log(&s->env, CHOIR_LEVEL_WARN,
               work->status == CHOIR_ERANGE ? "client_diverged" : "client_without_data",
               "round=%" PRIu32 " client=%" PRIu32 " why=%s",
               choir_coordinator_round(s->coordinator) + 1, work->client, why);
        return CHOIR_OK;
    default:
        return ch_error_set(err, work->status, "client %" PRIu32 " cannot train: %s", work->client,
                            work->err.message[0] != '\0' ? work->err.message
                                                         : choir_status_text(work->status));
    }
}

static choir_status slot_report(choir_sim *s, ch_slot *k, choir_error *err) {
    choir_status status = ch_crew_need(s->crew, &k->work);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "client %" PRIu32 " cannot train: no room for its update",
                            k->work.client);
    }
    status = training_check(s, &k->work, err);
    if (status == CHOIR_OK) {
        slot_request(s, k);
    }
    return status;
}

static choir_status keeping_check(const choir_sim *s, const ch_slot *k, choir_error *err) {
    return s->keeping == CHOIR_OK
               ? CHOIR_OK
               : ch_error_set(err, s->keeping,
                              "client %" PRIu32 ": no memory for what it is to keep",
                              k->work.client);
}

static choir_status slot_run(choir_sim *s, ch_slot *k, choir_error *err) {
    choir_status status = CHOIR_OK;
    switch (k->state) {
    case CH_SLOT_WAKE:
        slot_wake(s, k);
        break;
    case CH_SLOT_REQUEST:
        slot_request(s, k);
        break;
    case CH_SLOT_MODEL:
        slot_model(s, k);
        break;
    case CH_SLOT_REPORT:
        status = slot_report(s, k, err);
        break;
    }
    return status == CHOIR_OK ? keeping_check(s, k, err) : status;
}

// ----- a round ----------------------------------------------------------------------------------

static void slot_enter(choir_sim *s, uint32_t number, uint32_t round, uint32_t client) {
    ch_slot *k = &s->slots[number];
    choir_participant_reset(k->participant, client);
    k->rng = ch_network_stream(&s->options.network, round, client);
    k->work = (ch_work){.participant = k->participant, .client = client, .number = number};
    slot_at(s, k, CH_SLOT_WAKE, s->now_ms);
}

static void arrivals_begin(choir_sim *s, uint32_t round) {
    const choir_coordinator_options *o = &s->options.coordinator;
    ch_rng rng = ch_rng_stream(o->seed, CH_PURPOSE_ARRIVAL, round, 0);
    s->arrivals = (ch_arrivals){.next_ms = s->now_ms};
    ch_permutation_init(&s->arrivals.order, o->clients, &rng);
    s->free_count = s->slots_max;
    s->slots_used = s->slots_max;
    for (uint32_t i = 0; i < s->slots_max; i++) {
        s->free_slots[i] = s->slots_max - 1 - i;
    }
}

/* Whether a client comes by no later than the next thing happens. */
static bool arrival_is_next(const choir_sim *s, uint64_t deadline_ms) {
    const ch_arrivals *a = &s->arrivals;
    const bool may_come = s->is_open && s->free_count > 0 && a->next_ms < deadline_ms &&
                          a->count < s->options.coordinator.clients;
    return may_come && (ch_timeline_is_empty(&s->timeline) ||
                        a->next_ms <= ch_timeline_first(&s->timeline).time_ms);
}

/* The next client comes by, if it is there. */
static void arrival_run(choir_sim *s) {
    ch_arrivals *a = &s->arrivals;
    const uint32_t round = round_key(s);
    const uint32_t client = ch_permutation_at(&a->order, a->count);
    s->now_ms = a->next_ms > s->now_ms ? a->next_ms : s->now_ms;
    a->next_ms = s->now_ms + ARRIVAL_MS;
    a->count += 1;
    if (ch_network_is_available(&s->options.network, round, client)) {
        s->free_count -= 1;
        slot_enter(s, s->free_slots[s->free_count], round, client);
    }
}

// The tick tells a coordinator that has just been made, or restored, when its round opened.
static void round_begin(choir_sim *s) {
    const choir_network *n = &s->options.network;
    choir_coordinator_tick(s->coordinator, s->now_ms);
    const uint32_t round = round_key(s);
    uint32_t count = 0;
    const uint32_t *cohort = choir_coordinator_cohort(s->coordinator, &count);
    CH_ASSERT(count <= s->slots_max);
    ch_timeline_reset(&s->timeline);
    s->slots_used = 0;
    if (s->is_open) {
        arrivals_begin(s, round);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (ch_network_is_available(n, round, cohort[i])) {
            slot_enter(s, s->slots_used, round, cohort[i]);
            s->slots_used += 1;
        }
    }
}

// Nobody may train any more when the coordinator forgets the round's model. A round that closes
// because all have reported leaves nobody to train; before a deadline passes, this sees to it.
static void round_end(choir_sim *s) {
    ch_crew_reset(s->crew);
    for (uint32_t i = 0; i < s->slots_used; i++) {
        choir_participant_reset(s->slots[i].participant, s->slots[i].work.client);
    }
}

static void deadline_pass(choir_sim *s, uint64_t deadline_ms) {
    const uint64_t closed = choir_coordinator_closings(s->coordinator);
    CH_ASSERT(deadline_ms != UINT64_MAX);
    round_end(s);
    s->now_ms = deadline_ms;
    choir_coordinator_tick(s->coordinator, deadline_ms);
    CH_ASSERT(choir_coordinator_closings(s->coordinator) > closed);
}

/* The next thing that happens: a client comes by, a client's moment, or the deadline. */
static choir_status round_advance(choir_sim *s, choir_error *err) {
    const uint64_t deadline_ms = choir_coordinator_deadline_ms(s->coordinator);
    if (arrival_is_next(s, deadline_ms)) {
        arrival_run(s);
        return CHOIR_OK;
    }
    if (ch_timeline_is_empty(&s->timeline) ||
        deadline_ms <= ch_timeline_first(&s->timeline).time_ms) {
        deadline_pass(s, deadline_ms);
        return CHOIR_OK;
    }
    const ch_moment moment = ch_timeline_next(&s->timeline);
    s->now_ms = moment.time_ms;
    return slot_run(s, &s->slots[moment.slot], err);
}

choir_status ch_round_run(choir_sim *s, choir_error *err) {
    const uint64_t closed = choir_coordinator_closings(s->coordinator);
    choir_status status = CHOIR_OK;
    round_begin(s);
    while (status == CHOIR_OK && choir_coordinator_closings(s->coordinator) == closed) {
        status = round_advance(s, err);
    }
    round_end(s);
    return status;
}
