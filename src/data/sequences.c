/* Collecting lines of tokens; see sequences.h. */
#include "data/sequences.h"

#include "base/assert.h"
#include "base/error.h"
#include "data/csv.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_ROOM = 1024 };

choir_status ch_sequences_steps(uint32_t *out, const choir_job_data *options, uint32_t usual,
                                choir_error *err) {
    if (options->steps > CH_STEPS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "data.steps: %u is more than %d", options->steps,
                            (int)CH_STEPS_MAX);
    }
    *out = options->steps == 0 ? usual : options->steps;
    return CHOIR_OK;
}

void ch_sequences_init(ch_sequences *s, uint32_t steps, const choir_env *env) {
    CH_ASSERT(steps >= 1 && steps <= CH_STEPS_MAX);
    *s = (ch_sequences){.steps = steps, .env = *env};
}

static void block_free(const choir_env *env, void *block) {
    if (block != NULL) {
        env->free(env->self, block);
    }
}

void ch_sequences_release(ch_sequences *s) {
    const choir_env env = s->env;
    block_free(&env, s->tokens);
    block_free(&env, s->spans);
    block_free(&env, s->groups);
    ch_sequences_init(s, s->steps, &env);
}

/* An array of room items with what is in the first count of from, which is given back. NULL: there
 * is no memory, and from is as it was. */
static void *grown(const choir_env *env, void *from, uint32_t count, uint32_t room,
                   size_t item_bytes) {
    void *to = ch_claim(env, room, item_bytes);
    if (to != NULL && from != NULL) {
        memcpy(to, from, count * item_bytes);
        env->free(env->self, from);
    }
    return to;
}

static uint32_t more(uint32_t room, uint32_t most) {
    const uint32_t twice = room < FIRST_ROOM ? FIRST_ROOM : room * 2;
    return twice < most ? twice : most;
}

choir_status ch_sequences_push(ch_sequences *s, uint16_t token) {
    if (s->token_count == s->tokens_room) {
        const uint32_t room = more(s->tokens_room, CH_TOKENS_MAX);
        uint16_t *tokens = room == s->tokens_room
                               ? NULL
                               : grown(&s->env, s->tokens, s->token_count, room, sizeof(tokens[0]));
        if (tokens == NULL) {
            return CHOIR_ENOMEM;
        }
        s->tokens = tokens;
        s->tokens_room = room;
    }
    s->tokens[s->token_count] = token;
    s->token_count += 1;
    return CHOIR_OK;
}

/* Room for one more example. */
static choir_status spans_grow(ch_sequences *s) {
    if (s->count < s->spans_room) {
        return CHOIR_OK;
    }
    const uint32_t room = more(s->spans_room, CH_EXAMPLES_MAX);
    if (room == s->spans_room) {
        return CHOIR_ENOMEM;
    }
    ch_span *spans = grown(&s->env, s->spans, s->count, room, sizeof(spans[0]));
    if (spans == NULL) {
        return CHOIR_ENOMEM;
    }
    s->spans = spans;
    uint32_t *groups = grown(&s->env, s->groups, s->count, room, sizeof(groups[0]));
    if (groups == NULL) {
        return CHOIR_ENOMEM;
    }
    s->groups = groups;
    s->spans_room = room;
    return CHOIR_OK;
}

static choir_status span_add(ch_sequences *s, uint32_t first, uint32_t length, uint32_t group) {
    const choir_status status = spans_grow(s);
    if (status == CHOIR_OK) {
        s->spans[s->count] = (ch_span){.first = first, .length = length};
        s->groups[s->count] = group;
        s->count += 1;
    }
    return status;
}

choir_status ch_sequences_close(ch_sequences *s, uint32_t group) {
    const uint32_t end = s->token_count;
    choir_status status = CHOIR_OK;
    s->cut += end - s->open > s->steps + 1 ? 1 : 0;
    for (uint32_t at = s->open; at + 1 < end && status == CHOIR_OK; at += s->steps) {
        const uint32_t left = end - at;
        status = span_add(s, at, left > s->steps + 1 ? s->steps + 1 : left, group);
    }
    s->open = end;
    return status;
}

choir_status ch_sequences_slide(ch_sequences *s, uint16_t token, uint32_t group) {
    CH_ASSERT(s->count > 0 && s->open == s->token_count);
    const ch_span last = s->spans[s->count - 1];
    CH_ASSERT(last.first + last.length == s->token_count);
    choir_status status = ch_sequences_push(s, token);
    s->open = s->token_count;
    if (status == CHOIR_OK) {
        status = span_add(s, last.first + 1, last.length, group);
    }
    return status;
}

choir_status ch_sequences_add_bytes(ch_sequences *s, const char *text, size_t size,
                                    uint32_t group) {
    choir_status status = ch_sequences_push(s, CH_TOKEN_BEGIN);
    for (size_t i = 0; i < size && status == CHOIR_OK; i++) {
        status = ch_sequences_push(s, (uint8_t)text[i]);
    }
    if (status == CHOIR_OK) {
        status = ch_sequences_push(s, CH_TOKEN_END);
    }
    return status == CHOIR_OK ? ch_sequences_close(s, group) : status;
}

choir_status ch_sequences_name_bytes(ch_dataset *d) {
    char names[CH_BYTE_TOKENS][8];
    ch_cell texts[CH_BYTE_TOKENS];
    for (uint32_t t = 0; t < CH_BYTE_TOKENS; t++) {
        const bool is_plain = t > ' ' && t <= '~';
        (void)snprintf(names[t], sizeof(names[t]), is_plain ? "%c" : "\\x%02x", (int)t);
        texts[t].data = t == ' '              ? "space"
                        : t == CH_TOKEN_BEGIN ? "<begin>"
                        : t == CH_TOKEN_END   ? CH_TOKEN_END_NAME
                                              : names[t];
        texts[t].size = (uint32_t)strlen(texts[t].data);
    }
    return ch_dataset_name(d, texts, CH_BYTE_TOKENS);
}

void ch_sequences_move(ch_sequences *s, uint32_t classes, ch_dataset *d, ch_examples *table) {
    CH_ASSERT(classes <= CH_CLASSES_MAX && s->open == s->token_count);
    *table = (ch_examples){.count = s->count, .shape = {1, 1, s->steps}, .classes = classes};
    d->cut += s->cut;
    if (s->count > 0) {
        table->tokens = s->tokens;
        table->spans = s->spans;
        table->groups = s->groups;
        ch_dataset_adopt(d, s->tokens);
        ch_dataset_adopt(d, s->spans);
        ch_dataset_adopt(d, s->groups);
        const choir_env env = s->env;
        ch_sequences_init(s, s->steps, &env);
    } else {
        ch_sequences_release(s);
    }
}
