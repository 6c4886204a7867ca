/* Judging a keyboard's rows on what senders hold out; see keyboard.h. */
#include "paper/keyboard_parts.h"

#include "base/arena.h"
#include "base/error.h"
#include "data/dataset.h"
#include "data/messages.h"
#include "run/ngram.h"
#include "run/saved.h"
#include "run/session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 4 }; // messages that are scored at a time

/* Who is asked what follows, and room for what it says. */
typedef struct judge {
    ch_session *s;
    uint32_t classes;
    uint32_t steps;
    uint8_t *kinds;  // (classes) owned, like scores
    float *scores;   // (PIECE, steps, classes)
    ch_ngram *ngram; // NULL: the session's engine, with the parameters it was given
    choir_error *err;
} judge;

// ----- one sender -------------------------------------------------------------------------------

static const uint16_t *message_of(const ch_holding *h, uint32_t at, uint32_t *length) {
    const ch_span span = h->examples->spans[ch_holding_row(h, at)];
    *length = span.length;
    return h->examples->tokens + span.first;
}

/* The scores of messages first .. first+count-1, at every place of each. */
static choir_status messages_score(const judge *j, const ch_holding *h, uint32_t first,
                                   uint32_t count) {
    if (j->ngram == NULL) {
        return ch_engine_predict(j->s->engines[0], h, first, count, j->scores, j->err);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = 0;
        const uint16_t *t = message_of(h, first + i, &length);
        float *to = j->scores + (size_t)i * j->steps * j->classes;
        uint16_t before = ch_ngram_before(h->examples, ch_holding_row(h, first + i), CH_WORD_BEGIN);
        for (uint32_t k = 1; k < length; k++, to += j->classes) {
            ch_ngram_predict(j->ngram, before, t[k - 1], to);
            before = t[k - 1];
        }
    }
    return CHOIR_OK;
}

static void messages_count(const judge *j, const ch_holding *h, uint32_t first, uint32_t count,
                           ch_recall *out) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = 0;
        const uint16_t *t = message_of(h, first + i, &length);
        const float *scores = j->scores + (size_t)i * j->steps * j->classes;
        for (uint32_t k = 1; k < length; k++, scores += j->classes) {
            ch_recall_add(out, scores, j->kinds, j->classes, t[k]);
        }
    }
}

static choir_status sender_judge(const judge *j, uint32_t client, ch_recall *out) {
    ch_holding h;
    *out = (ch_recall){0};
    choir_status status =
        ch_federation_holding(j->s->federation, client, CH_SPLIT_HELDOUT, NULL, &h);
    if (status != CHOIR_OK) {
        return status == CHOIR_EAGAIN ? CHOIR_OK : status; // it holds none out
    }
    for (uint32_t at = 0; at < h.count && status == CHOIR_OK; at += PIECE) {
        const uint32_t some = h.count - at < PIECE ? h.count - at : PIECE;
        status = messages_score(j, &h, at, some);
        if (status == CHOIR_OK) {
            messages_count(j, &h, at, some, out);
        }
    }
    return status;
}

// ----- one row ----------------------------------------------------------------------------------

static choir_status net_load(const judge *j, const char *dir) {
    ch_saved saved;
    choir_status status = ch_saved_open(&saved, dir, &j->s->env, j->err);
    if (status == CHOIR_OK) {
        status = ch_saved_params(&saved, ch_net_layout(ch_session_net(j->s)), j->s->params, j->err);
        ch_saved_release(&saved);
    }
    if (status == CHOIR_OK) {
        ch_engine_load(j->s->engines[0], j->s->params);
    }
    return status;
}

/* Counts all of the proxy's messages, and the senders' to train on where those are pooled. */
static choir_status ngram_make(judge *j, const ch_keyboard *k, bool is_pooled) {
    choir_job_data data = k->job.data;
    ch_federation *proxy = NULL;
    (void)snprintf(data.holder, sizeof(data.holder), "proxy");
    data.clients = 0;
    data.heldout = 0;
    data.test_share = 0; // counting has nothing to be tuned by
    choir_status status = ch_federation_open(&proxy, &data, NULL, k->job.seed, &j->s->env, j->err);
    if (status != CHOIR_OK) {
        return status;
    }
    const ch_holding holdings[] = {*ch_federation_pooled(proxy),
                                   *ch_federation_pooled(j->s->federation)};
    status = ch_ngram_create(&j->ngram, holdings, is_pooled ? 2 : 1, j->classes, CH_WORD_BEGIN,
                             &j->s->env);
    ch_federation_destroy(proxy);
    return status == CHOIR_OK ? status : ch_error_set(j->err, status, "no memory to count n-grams");
}

static choir_status asked_open(judge *j, const ch_keyboard *k, ch_keyboard_who who) {
    j->ngram = NULL;
    return k->rows[who].is_trained ? net_load(j, k->rows[who].dir)
                                   : ngram_make(j, k, who == CH_KEYBOARD_NGRAM_POOLED);
}

/* Sums over senders, and means of what each has. */
static void row_sum(ch_keyboard_row *row, const ch_recall *proxys, uint32_t senders) {
    uint32_t judged = 0;
    row->total = (ch_recall){0};
    row->first = row->among = 0;
    row->better = row->worse = 0;
    for (uint32_t i = 0; i < senders; i++) {
        const ch_recall *r = &row->senders[i];
        if (r->words > 0) {
            judged += 1;
            row->first += ch_recall_first(r);
            row->among += ch_recall_among(r);
        }
        row->better += r->first > proxys[i].first ? 1 : 0; // of as many words
        row->worse += r->first < proxys[i].first ? 1 : 0;
        ch_recall_merge(&row->total, r);
    }
    row->first /= judged;
    row->among /= judged;
}

static choir_status row_judge(judge *j, ch_keyboard *k, ch_keyboard_who who) {
    ch_keyboard_row *row = &k->rows[who];
    if (row->senders == NULL) {
        row->senders = ch_claim(&k->env, k->senders, sizeof(row->senders[0]));
    }
    if (row->senders == NULL) {
        return ch_error_set(j->err, CHOIR_ENOMEM, "no memory for the counts of %u senders",
                            k->senders);
    }
    choir_status status = asked_open(j, k, who);
    for (uint32_t i = 0; i < k->senders && status == CHOIR_OK; i++) {
        status = sender_judge(j, i, &row->senders[i]);
    }
    ch_ngram_destroy(j->ngram);
    if (status == CHOIR_OK) {
        row_sum(row, k->rows[CH_KEYBOARD_PROXY].senders, k->senders);
    }
    return status;
}

// ----- all of them ------------------------------------------------------------------------------

/* What is judged on: counts that are the same for every row. */
static choir_status places_count(judge *j, ch_keyboard *k) {
    const ch_federation *f = j->s->federation;
    uint64_t words = 0;
    k->messages[0] = ch_federation_pooled(f)->count;
    k->messages[1] = k->unknown = k->judged = 0;
    for (uint32_t i = 0; i < k->senders; i++) {
        ch_holding h = {.count = 0};
        const uint64_t before = words;
        if (ch_federation_holding(f, i, CH_SPLIT_HELDOUT, NULL, &h) != CHOIR_OK) {
            continue;
        }
        for (uint32_t at = 0; at < h.count; at++) {
            uint32_t length = 0;
            const uint16_t *t = message_of(&h, at, &length);
            for (uint32_t n = 1; n < length; n++) {
                words += j->kinds[t[n]] != CH_RECALL_OTHER ? 1 : 0;
                k->unknown += j->kinds[t[n]] == CH_RECALL_UNKNOWN ? 1 : 0;
            }
        }
        k->messages[1] += h.count;
        k->judged += words > before ? 1 : 0;
    }
    return words > 0 ? CHOIR_OK
                     : ch_error_set(j->err, CHOIR_EINVAL,
                                    "data.heldout: %g: no sender has messages enough to hold out "
                                    "one with a word",
                                    k->job.data.heldout);
}

static choir_status judge_open(judge *j, ch_keyboard *k) {
    const ch_federation *f = j->s->federation;
    if (!ch_recall_is_of_words(f)) {
        return ch_error_set(j->err, CHOIR_EINVAL, "data.source: '%s' has no vocabulary of words",
                            k->job.data.source);
    }
    k->vocabulary = j->classes = ch_federation_classes(f);
    k->senders = ch_federation_clients(f);
    j->steps = ch_federation_shape(f).channels;
    j->kinds = ch_claim(&k->env, j->classes, 1);
    j->scores = ch_claim(&k->env, (size_t)PIECE * j->steps * j->classes, sizeof(j->scores[0]));
    if (j->kinds == NULL || j->scores == NULL) {
        return ch_error_set(j->err, CHOIR_ENOMEM, "no memory for the scores of %u words",
                            j->classes);
    }
    ch_recall_kinds(j->kinds, f);
    return places_count(j, k);
}

static void block_free(const choir_env *env, void *block) {
    if (block != NULL) {
        env->free(env->self, block);
    }
}

choir_status ch_keyboard_judge(ch_keyboard *k, uint32_t workers, const choir_env *env,
                               choir_error *err) {
    ch_session s;
    judge j = {.s = &s, .err = err};
    choir_status status = ch_session_open(&s, &k->rows[CH_KEYBOARD_FEDERATED].job, workers,
                                          CH_SESSION_TRAIN, env, err);
    if (status == CHOIR_OK) {
        status = judge_open(&j, k);
    }
    for (ch_keyboard_who who = 0; who < CH_KEYBOARD_COUNT && status == CHOIR_OK; who++) {
        status = row_judge(&j, k, who);
    }
    block_free(&k->env, j.kinds);
    block_free(&k->env, j.scores);
    ch_session_release(&s);
    return status;
}
