/* Swarm: see swarm.h. Its life, and the loop. */
#include "swarm/swarm_parts.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/error.h"
#include "crypto/encode.h"
#include "crypto/entropy.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
    PATIENCE_MAX_S = 60,
    LOOK_MS = 100,             // how often the host is asked, at the least
    TELL_US = 1000000,         // how often it is told
    HEAD_MAX = 1 << 20,        // bytes of a job and a model's head, when a client joins
    DESCRIPTORS_FOR_ELSE = 64, // files, epoll, what libcurl has for itself
    LANES_TO_ENTER = 256,      // that clients enter over, when there are more
};

ch_swarm_options ch_swarm_defaults(void) {
    return (ch_swarm_options){
        .state_dir = "", .platform = "", .tags = "", .updates = 16, .dim_max = 1 << 26};
}

const char *ch_swarm_kind_name(ch_swarm_kind kind) {
    static const char *const names[] = {
        [CH_SWARM_ENROL] = "enrolment", [CH_SWARM_CHALLENGE] = "challenge",
        [CH_SWARM_JOIN] = "join",       [CH_SWARM_CHECK_IN] = "check-in",
        [CH_SWARM_MODEL] = "model",     [CH_SWARM_ANNOUNCE] = "announcement",
        [CH_SWARM_REPORT] = "report",   [CH_SWARM_KINDS] = "",
    };
    return names[kind];
}

static uint64_t now_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void ch_swarm_fail(ch_swarm *s, choir_status status, const char *format, ...) {
    if (s->status != CHOIR_OK) {
        return;
    }
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    s->status = ch_error_set(s->err, status, "%s", text);
}

/* ------------------------------------------------------------------------------------------- lines
 */

static void line_put(ch_swarm *s, ch_line *line, uint32_t number) {
    s->members[number].next = CH_NOBODY;
    if (line->first == CH_NOBODY) {
        line->first = number;
    } else {
        s->members[line->last].next = number;
    }
    line->last = number;
}

static uint32_t line_take(const ch_swarm *s, ch_line *line) {
    const uint32_t number = line->first;
    if (number != CH_NOBODY) {
        line->first = s->members[number].next;
    }
    return number;
}

void ch_swarm_ready(ch_swarm *s, uint32_t member) {
    line_put(s, &s->ready, member);
}

void ch_swarm_later(ch_swarm *s, uint32_t member, uint64_t wake_ms) {
    ch_timers_add(&s->timers, member, wake_ms);
}

/* ------------------------------------------------------------------------------------------- rooms
 */

static choir_status room_fit(ch_swarm *s, ch_room *room, uint32_t dim) {
    if (room->dim >= dim) {
        return CHOIR_OK;
    }
    choir_workspace_destroy(room->workspace);
    room->dim = 0;
    const choir_status status = choir_workspace_create(&room->workspace, dim, &s->env);
    room->dim = status == CHOIR_OK ? dim : 0;
    return status;
}

bool ch_swarm_room_take(ch_swarm *s, uint32_t member, uint32_t dim) {
    for (uint32_t i = 0; i < s->options.updates; i++) {
        ch_room *room = &s->rooms[i];
        if (room->is_taken) {
            continue;
        }
        if (room_fit(s, room, dim) != CHOIR_OK) {
            ch_swarm_fail(s, CHOIR_ENOMEM,
                          "no memory for %" PRIu32 " updates of %" PRIu32
                          " parameters; fewer at a time need less",
                          s->options.updates, dim);
            return false;
        }
        room->is_taken = true;
        s->members[member].room = i;
        return true;
    }
    line_put(s, &s->waiting, member);
    return false;
}

void ch_swarm_room_give(ch_swarm *s, uint32_t member) {
    ch_member *m = &s->members[member];
    if (m->room == CH_NOBODY) {
        return;
    }
    s->rooms[m->room].is_taken = false;
    m->room = CH_NOBODY;
    const uint32_t next = line_take(s, &s->waiting);
    if (next != CH_NOBODY) {
        ch_swarm_ready(s, next);
    }
}

/* ------------------------------------------------------------------------------------------- calls
 */

static void text_wipe(char *text) {
    if (text != NULL) {
        ch_wipe(text, strlen(text)); // it may hold a secret
        free(text);
    }
}

void ch_swarm_send(ch_swarm *s, uint32_t member, ch_swarm_kind kind, ch_http_call call,
                   char *text) {
    CH_ASSERT(s->lanes_idle_count > 0);
    const uint32_t number = s->lanes_idle[s->lanes_idle_count - 1];
    choir_error why = {.message = ""};
    const choir_status status = ch_http_crowd_send(s->crowd, number, &call, &why);
    if (status != CHOIR_OK) {
        text_wipe(text);
        ch_swarm_fail(s, status, "%s", why.message);
        return;
    }
    s->lanes_idle_count -= 1;
    s->lanes[number] = (ch_lane){.member = member,
                                 .kind = kind,
                                 .began_us = now_us(),
                                 .bytes_up = call.body.size,
                                 .text = text};
    s->result->open += 1;
    s->result->open_max =
        s->result->open > s->result->open_max ? s->result->open : s->result->open_max;
}

/* A call is done: self is the swarm. */
static void on_reply(void *self, uint32_t number, choir_status status, const ch_http_reply *reply,
                     const choir_error *err) {
    ch_swarm *s = self;
    const ch_lane lane = s->lanes[number];
    ch_swarm_calls *calls = &s->result->calls[lane.kind];
    if (status == CHOIR_OK && reply->code / 100 == 2) {
        calls->answered += 1;
        calls->bytes_up += lane.bytes_up;
        calls->bytes_down += reply->body.size;
        ch_latency_add(&calls->latency, now_us() - lane.began_us);
    }
    text_wipe(lane.text);
    s->lanes[number] = (ch_lane){.member = CH_NOBODY};
    s->lanes_idle[s->lanes_idle_count] = number;
    s->lanes_idle_count += 1;
    s->result->open -= 1;
    ch_member_hear(s, lane.member, lane.kind, status, reply, err);
}

/* -------------------------------------------------------------------------------------------- loop
 */

static void figures_time(ch_swarm *s) {
    const uint64_t now = now_us();
    const uint64_t entered = s->is_entering ? now : s->load_us;
    s->result->entering_s = 1e-6 * (double)(entered - s->began_us);
    s->result->load_s = s->is_entering ? 0 : 1e-6 * (double)(now - s->load_us);
}

static bool is_over(ch_swarm *s) {
    if (s->status != CHOIR_OK || (s->host.is_stopped != NULL && s->host.is_stopped(s->host.self))) {
        return true;
    }
    if (s->is_entering) {
        return false;
    }
    const uint64_t end_us = s->load_us + (uint64_t)s->options.seconds * 1000000;
    const bool stays = s->options.load == CH_SWARM_WAITS && s->options.seconds > 0;
    return (s->options.seconds > 0 && now_us() >= end_us) ||
           (s->result->over == s->options.clients && !stays);
}

/* All have entered: the load begins. */
static void load_begin(ch_swarm *s) {
    s->is_entering = false;
    const choir_status status = ch_identities_save(&s->identities, s->err);
    s->status = s->status == CHOIR_OK ? status : s->status;
    s->load_us = now_us();
    for (uint32_t i = 0; i < s->options.clients; i++) {
        ch_swarm_ready(s, i);
    }
}

static void members_act(ch_swarm *s) {
    const uint32_t reserve =
        s->is_entering && s->lanes_count > LANES_TO_ENTER ? s->lanes_count - LANES_TO_ENTER : 0;
    while (s->status == CHOIR_OK && s->lanes_idle_count > reserve && s->ready.first != CH_NOBODY) {
        ch_member_act(s, line_take(s, &s->ready));
    }
}

/* One turn: who is due becomes ready, who is ready acts, and calls are carried. */
static void turn(ch_swarm *s) {
    uint32_t member = 0;
    const uint64_t now_ms = choir_client_now_ms();
    while (ch_timers_take(&s->timers, now_ms, &member)) {
        ch_swarm_ready(s, member);
    }
    members_act(s);
    const uint64_t next_ms = ch_timers_next_ms(&s->timers);
    const uint64_t wait_ms = next_ms > now_ms + LOOK_MS ? LOOK_MS : next_ms - now_ms;
    ch_http_crowd_turn(s->crowd, (uint32_t)wait_ms, on_reply, s);
    if (s->is_entering && s->result->entered == s->options.clients) {
        load_begin(s);
    }
}

static void loop(ch_swarm *s) {
    uint64_t told_us = now_us();
    while (!is_over(s)) {
        turn(s);
        if (s->host.told != NULL && now_us() >= told_us + TELL_US) {
            told_us = now_us();
            figures_time(s);
            s->host.told(s->host.self, s->result);
        }
    }
    figures_time(s);
}

/* -------------------------------------------------------------------------------------------- life
 */

static choir_status options_check(const ch_swarm_options *o, choir_error *err) {
    if (o->join == NULL || o->job == NULL || o->job[0] == '\0' ||
        strlen(o->job) >= CHOIR_JOB_TEXT_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "swarm: a join file and a job are required");
    }
    if (o->clients == 0 || o->clients > CH_IDENTITIES_MAX ||
        o->first > CH_IDENTITIES_MAX - o->clients) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "clients: %" PRIu32 " from %" PRIu32
                            " on; there must be 1, and none from %d on",
                            o->clients, o->first, CH_IDENTITIES_MAX);
    }
    if (o->updates == 0 || o->patience_s > PATIENCE_MAX_S) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "updates must be at least 1, and patience at most %d s",
                            PATIENCE_MAX_S);
    }
    if (o->patience_s > 0 && o->connections > 0 && o->connections < o->clients) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "patience: a check-in that waits keeps its connection, and there are "
                            "%" PRIu32 " for %" PRIu32 " clients; give no patience, or as many",
                            o->connections, o->clients);
    }
    return CHOIR_OK;
}

/* So many open files, and some more. */
static choir_status descriptors_have(uint32_t wanted, choir_error *err) {
    const rlim_t needed = (rlim_t)wanted + DESCRIPTORS_FOR_ELSE;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY ||
        files.rlim_cur >= needed) {
        return CHOIR_OK;
    }
    files.rlim_cur = needed;
    if ((files.rlim_max != RLIM_INFINITY && files.rlim_max < needed) ||
        setrlimit(RLIMIT_NOFILE, &files) != 0) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "connections: %" PRIu32 " need %" PRIu64
                            " open files, and the system allows %" PRIu64
                            "; give fewer, or raise the limit (ulimit -n)",
                            wanted, (uint64_t)needed, (uint64_t)files.rlim_max);
    }
    return CHOIR_OK;
}

static choir_status signing_key_take(ch_swarm *s, choir_error *err) {
    const char *text = s->options.join->signing_key;
    size_t size = 0;
    if (ch_base64_read(s->signing_key, sizeof(s->signing_key), &size, text, strlen(text)) !=
            CHOIR_OK ||
        size != sizeof(s->signing_key)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "swarm: the join file's signing_key must be %d bytes in base64url",
                            CH_PUBLIC_KEY_BYTES);
    }
    return CHOIR_OK;
}

static choir_status crowd_create(ch_swarm *s, choir_error *err) {
    const ch_swarm_options *o = &s->options;
    ch_http_client_options http = ch_http_client_defaults();
    http.url = o->join->url;
    http.ca_file = o->ca_file;
    http.pin = o->join->pin[0] == '\0' || o->ca_file != NULL ? NULL : o->join->pin;
    http.certificate_file = o->certificate_file;
    http.key_file = o->key_file;
    http.body_max = (size_t)o->dim_max * sizeof(float) + HEAD_MAX;
    return ch_http_crowd_create(&s->crowd, s->lanes_count, &http, &s->env, err);
}

static void *claim(const choir_env *env, size_t count, size_t bytes) {
    void *block = env->alloc(env->self, ch_arena_cost(count, bytes));
    if (block != NULL) {
        memset(block, 0, ch_arena_cost(count, bytes));
    }
    return block;
}

static choir_status memory_claim(ch_swarm *s) {
    const ch_swarm_options *o = &s->options;
    s->members = claim(&s->env, o->clients, sizeof(*s->members));
    s->lanes = claim(&s->env, s->lanes_count, sizeof(*s->lanes));
    s->lanes_idle = claim(&s->env, s->lanes_count, sizeof(*s->lanes_idle));
    s->rooms = claim(&s->env, o->updates, sizeof(*s->rooms));
    if (s->members == NULL || s->lanes == NULL || s->lanes_idle == NULL || s->rooms == NULL) {
        return CHOIR_ENOMEM;
    }
    for (uint32_t i = 0; i < s->lanes_count; i++) {
        s->lanes[i].member = CH_NOBODY;
        s->lanes_idle[i] = s->lanes_count - 1 - i; // the first is used first
    }
    s->lanes_idle_count = s->lanes_count;
    return ch_timers_init(&s->timers, o->clients, &s->env);
}

static void members_begin(ch_swarm *s) {
    for (uint32_t i = 0; i < s->options.clients; i++) {
        const uint32_t client = s->options.first + i;
        s->members[i] = (ch_member){
            .client = client,
            .room = CH_NOBODY,
            .stage = s->identities.subjects[client] == 0 ? CH_STAGE_ENROL : CH_STAGE_CHALLENGE};
        ch_swarm_ready(s, i);
    }
}

static choir_status swarm_build(ch_swarm *s, choir_error *err) {
    const ch_swarm_options *o = &s->options;
    choir_status status = options_check(o, err);
    if (status == CHOIR_OK) {
        s->lanes_count =
            o->connections == 0 || o->connections > o->clients ? o->clients : o->connections;
        status = ch_crypto_start(err);
    }
    if (status == CHOIR_OK) {
        status = signing_key_take(s, err);
    }
    if (status == CHOIR_OK) {
        status = descriptors_have(s->lanes_count, err);
    }
    if (status == CHOIR_OK) {
        status = ch_identities_open(&s->identities, o->state_dir, o->join->url,
                                    o->first + o->clients, &s->env, err);
    }
    if (status == CHOIR_OK) {
        status = memory_claim(s);
    }
    if (status == CHOIR_OK) {
        status = crowd_create(s, err);
    }
    if (o->patience_s > 0 && (o->load == CH_SWARM_ROUNDS || o->load == CH_SWARM_WAITS)) {
        (void)snprintf(s->prefer, sizeof(s->prefer), "Prefer: wait=%" PRIu32, o->patience_s);
    }
    return status;
}

static void give_back(const choir_env *env, void *block) {
    if (block != NULL) {
        env->free(env->self, block);
    }
}

/* Calls that are under way end first: they borrow from members and rooms. */
static void swarm_release(ch_swarm *s) {
    ch_http_crowd_destroy(s->crowd);
    for (uint32_t i = 0; s->lanes != NULL && i < s->lanes_count; i++) {
        text_wipe(s->lanes[i].text);
    }
    for (uint32_t i = 0; s->members != NULL && i < s->options.clients; i++) {
        choir_participant_destroy(s->members[i].participant);
        text_wipe(s->members[i].token);
    }
    for (uint32_t i = 0; s->rooms != NULL && i < s->options.updates; i++) {
        choir_workspace_destroy(s->rooms[i].workspace);
    }
    ch_timers_release(&s->timers, &s->env);
    ch_identities_release(&s->identities);
    give_back(&s->env, s->members);
    give_back(&s->env, s->lanes);
    give_back(&s->env, s->lanes_idle);
    give_back(&s->env, s->rooms);
    give_back(&s->env, s->model.params);
}

choir_status ch_swarm_run(ch_swarm_result *result, const ch_swarm_options *options,
                          ch_swarm_host host, const choir_env *env, choir_error *err) {
    memset(result, 0, sizeof(*result));
    result->clients = options->clients;
    ch_swarm s = {.env = *env,
                  .options = *options,
                  .host = host,
                  .ready = {CH_NOBODY, CH_NOBODY},
                  .waiting = {CH_NOBODY, CH_NOBODY},
                  .is_entering = true,
                  .began_us = now_us(),
                  .err = err,
                  .result = result};
    s.status = swarm_build(&s, err);
    if (s.status == CHOIR_OK) {
        members_begin(&s);
        loop(&s);
    }
    if (s.is_entering && s.crowd != NULL) {
        ch_ignore(ch_identities_save(&s.identities, NULL), "who is enrolled again gets its number");
    }
    swarm_release(&s);
    if (s.status == CHOIR_ENOMEM && err != NULL && err->message[0] == '\0') {
        return ch_error_set(err, s.status, "no memory for a swarm of %" PRIu32 " clients",
                            options->clients);
    }
    return s.status;
}
