/* Telling what came of a keyboard's rows; see keyboard.h. */
#include "paper/keyboard.h"

#include "base/disk.h"
#include "base/error.h"
#include "base/text.h"
#include "job/keys.h"
#include "report/draft.h"
#include "report/units.h"
#include "store/run_dir.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SENDERS_IN_LINE = 12, QUOTED_BYTES = 2 * CH_OPTION_VALUE_MAX + 3 };

// ----- the table --------------------------------------------------------------------------------

static void row_print(FILE *out, const ch_keyboard_row *row) {
    char rate[CH_TEXT_NUMBER_MAX] = "-";
    char first[CH_UNITS_MAX];
    char among[CH_UNITS_MAX];
    char own_first[CH_UNITS_MAX];
    char own_among[CH_UNITS_MAX];
    if (row->is_trained) {
        ch_text_number(rate, sizeof(rate), row->job.client_learning_rate);
    }
    ch_units_share(first, ch_recall_first(&row->total));
    ch_units_share(among, ch_recall_among(&row->total));
    ch_units_share(own_first, row->first);
    ch_units_share(own_among, row->among);
    (void)fprintf(out, "%-13s %7s %9s %9s %12s %9s %8u %6u\n", row->name, rate, first, among,
                  own_first, own_among, row->better, row->worse);
}

void ch_keyboard_print(FILE *out, const ch_keyboard *k) {
    char words[CH_UNITS_MAX];
    char unknown[CH_UNITS_MAX];
    ch_units_count(words, k->rows[CH_KEYBOARD_PROXY].total.words);
    ch_units_share(unknown, (double)k->unknown / (double)k->rows[CH_KEYBOARD_PROXY].total.words);
    (void)fprintf(out,
                  "%u sender%s, %u of them with held-out words: %s, %s of which the vocabulary "
                  "lacks\n\n",
                  k->senders, ch_text_plural(k->senders), k->judged, words, unknown);
    (void)fprintf(out, "%-13s %7s %19s %22s %15s\n", "", "", "over all words", "mean over senders",
                  "than the proxy");
    (void)fprintf(out, "%-13s %7s %9s %9s %12s %9s %8s %6s\n", "", "rate", "top-1", "top-3",
                  "top-1", "top-3", "better", "worse");
    for (uint32_t who = 0; who < CH_KEYBOARD_COUNT; who++) {
        row_print(out, &k->rows[who]);
    }
}

// ----- the file ---------------------------------------------------------------------------------

static void text_put(ch_draft *d, const char *key, const char *text) {
    char quoted[QUOTED_BYTES];
    (void)ch_text_quote(quoted, sizeof(quoted), ch_text_is_printable(text) ? text : "");
    ch_draft_format(d, "\"%s\": ", key);
    ch_draft_put(d, quoted);
}

static void share_put(ch_draft *d, const char *key, double value) {
    if (isfinite(value)) {
        ch_draft_format(d, "\"%s\": %.5f", key, value);
    } else {
        ch_draft_format(d, "\"%s\": null", key);
    }
}

/* Keys that say where things lie on this machine. */
static bool is_place(const char *key) {
    return strcmp(key, "data.dir") == 0 || strcmp(key, "name") == 0;
}

/* The job's keys that are not at their defaults. */
static void job_put(ch_draft *d, const choir_job *job) {
    const char *between = "";
    ch_draft_put(d, "\"job\": {");
    for (size_t i = 0; i < CH_JOB_KEYS.count; i++) {
        const ch_option *row = &CH_JOB_KEYS.rows[i];
        char value[CH_OPTION_VALUE_MAX];
        if (!is_place(row->key) && ch_job_key_differs(value, row, job)) {
            ch_draft_put(d, between);
            text_put(d, row->key, value);
            between = ", ";
        }
    }
    ch_draft_put(d, "},\n ");
}

/* What measured it, as the last run says. */
static void machine_put(ch_draft *d, const ch_keyboard *k) {
    ch_run_facts facts;
    if (ch_run_facts_read(&facts, k->rows[CH_KEYBOARD_FEDERATED].dir, &k->env, NULL) == CHOIR_OK) {
        text_put(d, "version", facts.version);
        ch_draft_put(d, ", ");
        text_put(d, "backend", facts.backend);
        ch_draft_put(d, ", ");
        text_put(d, "cpu", facts.cpu);
        ch_draft_put(d, ",\n ");
    }
}

static void trained_put(ch_draft *d, const ch_keyboard_row *row, uint32_t rates) {
    ch_draft_put(d, ", \"rates\": {");
    for (uint32_t i = 0; i < rates; i++) {
        char rate[CH_TEXT_NUMBER_MAX];
        ch_text_number(rate, sizeof(rate), row->rates[i]);
        ch_draft_put(d, i == 0 ? "" : ", ");
        share_put(d, rate, row->tried[i]);
    }
    char best[CH_TEXT_NUMBER_MAX];
    ch_text_number(best, sizeof(best), row->job.client_learning_rate);
    ch_draft_format(d, "}, \"learning_rate\": %s, \"rounds\": %u, ", best, row->job.rounds);
    share_put(d, "validation_loss", row->validation);
}

/* [words, first, among] of each sender. */
static void senders_put(ch_draft *d, const ch_keyboard_row *row, uint32_t senders) {
    ch_draft_put(d, "\n   \"senders\": [");
    for (uint32_t i = 0; i < senders; i++) {
        const ch_recall *r = &row->senders[i];
        ch_draft_format(d, "%s[%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]",
                        i == 0                     ? ""
                        : i % SENDERS_IN_LINE == 0 ? ",\n    "
                                                   : ",",
                        r->words, r->first, r->among);
    }
    ch_draft_put(d, "]}");
}

static void row_put(ch_draft *d, const ch_keyboard *k, const ch_keyboard_row *row) {
    ch_draft_put(d, "\n  {");
    text_put(d, "name", row->name);
    if (row->is_trained) {
        trained_put(d, row, k->rates);
    }
    ch_draft_put(d, ",\n   ");
    share_put(d, "top1", ch_recall_first(&row->total));
    ch_draft_put(d, ", ");
    share_put(d, "top3", ch_recall_among(&row->total));
    ch_draft_put(d, ", ");
    share_put(d, "sender_top1", row->first);
    ch_draft_put(d, ", ");
    share_put(d, "sender_top3", row->among);
    ch_draft_format(d, ", \"better\": %u, \"worse\": %u,", row->better, row->worse);
    senders_put(d, row, k->senders);
}

static void keyboard_put(ch_draft *d, const ch_keyboard *k) {
    ch_draft_put(d, "{");
    text_put(d, "command", k->command);
    ch_draft_put(d, ",\n ");
    job_put(d, &k->job);
    ch_draft_format(d, "\"seed\": %" PRIu64 ", \"passes\": %u,\n ", k->job.seed, k->passes);
    machine_put(d, k);
    ch_draft_format(d,
                    "\"vocabulary\": %u, \"senders\": %u, \"judged\": %u, \"messages\": %" PRIu64
                    ", \"heldout\": %" PRIu64 ", \"words\": %" PRIu64 ", \"unknown\": %" PRIu64
                    ",\n \"rows\": [",
                    k->vocabulary, k->senders, k->judged, k->messages[0], k->messages[1],
                    k->rows[CH_KEYBOARD_PROXY].total.words, k->unknown);
    for (uint32_t who = 0; who < CH_KEYBOARD_COUNT; who++) {
        ch_draft_put(d, who == 0 ? "" : ",");
        row_put(d, k, &k->rows[who]);
    }
    ch_draft_put(d, "]}\n");
}

choir_status ch_keyboard_write(const ch_keyboard *k, const char *path, choir_error *err) {
    ch_draft d;
    ch_draft_init(&d, &k->env);
    keyboard_put(&d, k);
    choir_status status = ch_draft_status(&d);
    if (status == CHOIR_OK) {
        const choir_bytes bytes = ch_draft_bytes(&d);
        status = ch_disk_replace(path, &bytes, 1, err);
    } else {
        status = ch_error_set(err, status, "%s: no memory for what is to be written", path);
    }
    ch_draft_release(&d);
    return status;
}
