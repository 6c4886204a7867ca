/* The end of a run: the model, whom it serves, what it is compared with, the report. */
#include "run/run_parts.h"

#include "base/env.h"
#include "base/error.h"
#include "choir/blob.h"
#include "report/report.h"
#include "run/exhibits.h"
#include "run/labels.h"
#include "run/saved.h"

#include <stdio.h>
#include <string.h>

static choir_status model_write(ch_running *r, choir_error *err) {
    const ch_session *s = &r->session;
    choir_coordinator *c = choir_sim_coordinator(r->sim);
    const choir_hash hash = choir_coordinator_hash(c);
    choir_hash_text(&hash, r->result.model_hash);
    ch_net_options net = s->model.net;
    ch_engine_input(&net, s->federation);
    char path[CHOIR_PATH_MAX];
    char labels[CH_LABELS_TEXT_MAX];
    (void)ch_labels_text(labels, s->federation);
    const char *encoding = ch_federation_encoding(s->federation);
    char *vocabulary = NULL;
    choir_status status = ch_labels_vocabulary(&vocabulary, s->federation, &s->env);
    if (status != CHOIR_OK) {
        return ch_error_set(err, status, "no memory for the words of the model's file");
    }
    const ch_saved_texts texts = {.hash = r->result.model_hash,
                                  .labels = encoding == NULL ? labels : "",
                                  .vocabulary = vocabulary,
                                  .encoding = encoding == NULL ? "" : encoding,
                                  .preprocess = ch_federation_preprocess(s->federation)};
    status = ch_run_dir_file(path, r->dir.path, "model.safetensors", err);
    if (status == CHOIR_OK) {
        status = ch_saved_write(path, ch_session_net(s), &net, choir_coordinator_params(c), &texts,
                                &s->env, err);
    }
    if (vocabulary != NULL) {
        s->env.free(s->env.self, vocabulary);
    }
    if (status == CHOIR_OK) {
        status = ch_run_facts_end(r->dir.path, r->result.model_hash, &s->env, err);
    }
    return status;
}

/* One more sentence that the result warns with, while there is room. */
static void warn(ch_running *r, const char *text) {
    char *out = r->result.warning;
    const size_t used = strlen(out);
    (void)snprintf(out + used, sizeof(r->result.warning) - used, "%s%s", used == 0 ? "" : "\n",
                   text);
}

/* A baseline that diverges is news, and no reason to lose the run it was to be compared with. */
static choir_status baseline_end(ch_running *r, choir_status status, const choir_error *why,
                                 choir_error *err) {
    ch_progress_close(&r->progress);
    if (why->message[0] != '\0' && (status == CHOIR_OK || status == CHOIR_ERANGE)) {
        warn(r, why->message);
    }
    if (status == CHOIR_EAGAIN) {
        r->result.interrupted = true;
        return CHOIR_OK;
    }
    if (status == CHOIR_OK || status == CHOIR_ERANGE) {
        return CHOIR_OK;
    }
    return ch_error_set(err, status, "%s",
                        why->message[0] != '\0' ? why->message : choir_status_text(status));
}

static void baseline_begin(ch_running *r, const char *label, const char *what, uint32_t rounds) {
    ch_log(&r->session.env, CHOIR_LEVEL_INFO, "baseline_begins", "baseline=%s", label);
    ch_progress_close(&r->progress);
    ch_progress_note(&r->progress, what);
    ch_progress_open(&r->progress, r->options->progress, label, rounds, ch_session_clock());
}

static choir_status baselines_run(ch_running *r, const ch_metrics_table *run, ch_clients *clients,
                                  choir_error *err) {
    const ch_run_options *o = r->options;
    choir_status status = CHOIR_OK;
    if (o->baseline_central && !ch_running_must_stop(r)) {
        choir_error why = {.message = ""};
        baseline_begin(r, "central", "baseline central: the same examples, pooled", run->count);
        status = ch_baseline_central(&r->result.central, &r->session, run, r->dir.path, o->stop,
                                     &r->progress, &why);
        status = baseline_end(r, status, &why, err);
    }
    if (status == CHOIR_OK && o->baseline_local && !ch_running_must_stop(r)) {
        choir_error why = {.message = ""};
        baseline_begin(r, "local", "baseline local: every client alone", run->count);
        status = ch_baseline_local(&r->result.local, &r->session, run, clients, r->dir.path,
                                   o->stop, &r->progress, &why);
        status = baseline_end(r, status, &why, err);
        if (status == CHOIR_OK && r->result.local.is_done) {
            status = ch_clients_write(clients, r->dir.path, err);
        }
    }
    const bool is_cut = (o->baseline_central && !r->result.central.is_done) ||
                        (o->baseline_local && !r->result.local.is_done);
    r->result.interrupted |= is_cut && ch_running_must_stop(r);
    return status;
}

static choir_status baselines_compare(ch_running *r, ch_clients *clients, choir_error *err) {
    ch_metrics_table run = {0};
    if ((!r->options->baseline_central && !r->options->baseline_local) || r->result.rounds == 0) {
        return CHOIR_OK;
    }
    choir_status status = ch_metrics_read(&run, r->dir.path, &r->session.env, err);
    if (status == CHOIR_OK) {
        status = baselines_run(r, &run, clients, err);
    }
    ch_metrics_table_release(&run);
    return status;
}

static choir_status report_write(ch_running *r, choir_error *err) {
    const char *dir = r->dir.path;
    ch_report_result report;
    const choir_status status = ch_report_write(&report, &dir, 1, NULL, &r->session.env, err);
    if (status == CHOIR_OK) {
        (void)snprintf(r->result.report, sizeof(r->result.report), "%s", report.path);
        if (report.warning[0] != '\0') {
            warn(r, report.warning);
        }
    }
    return status;
}

void ch_running_fail(ch_running *r, const choir_error *err) {
    const size_t size = strlen(err->message);
    ch_progress_close(&r->progress);
    ch_ignore(ch_run_dir_write(r->dir.path, CH_REPORT_FAILURE_FILE,
                               (choir_bytes){.data = (const uint8_t *)err->message, .size = size},
                               NULL),
              "the failure itself is what the caller must hear of");
    const choir_hash hash = choir_coordinator_hash(choir_sim_coordinator(r->sim));
    choir_hash_text(&hash, r->result.model_hash);
    if (r->options->report) {
        ch_ignore(report_write(r, NULL), "the failure itself is what the caller must hear of");
    }
}

/* What an earlier end of this run found out about clients alone is still so. */
static void alone_keep(ch_clients *clients, const ch_running *r) {
    ch_clients before;
    if (ch_clients_read(&before, r->dir.path, &r->session.env, NULL) == CHOIR_OK) {
        for (uint32_t i = 0, at = 0; i < clients->count; i++) { // both by ascending ids
            while (at < before.count && before.clients[at].id < clients->clients[i].id) {
                at += 1;
            }
            if (at < before.count && before.clients[at].id == clients->clients[i].id) {
                clients->clients[i].alone = before.clients[at].alone;
            }
        }
    }
    ch_clients_release(&before);
}

/* Who holds what, and how each is served: by the run's model at once, since baselines take long and
 * may be interrupted; after them by a model of its own. */
static choir_status comparison_run(ch_running *r, choir_error *err) {
    ch_clients clients = {0};
    choir_status status = CHOIR_OK;
    if (r->evaluated != r->result.rounds) { // nothing was left to do of a run that goes on
        ch_evaluation e;
        double seconds = 0;
        status = ch_running_evaluate(r, &e, &seconds, err);
    }
    if (status == CHOIR_OK) {
        status = ch_exhibit_clients(&clients, &r->session, err);
    }
    if (status == CHOIR_OK) {
        alone_keep(&clients, r);
        status = ch_clients_write(&clients, r->dir.path, err);
    }
    if (status == CHOIR_OK) {
        status = baselines_compare(r, &clients, err);
    }
    ch_clients_release(&clients);
    return status;
}

choir_status ch_running_finish(ch_running *r, choir_error *err) {
    choir_status status = model_write(r, err);
    if (status == CHOIR_OK) {
        status = ch_exhibit_samples(&r->session, r->dir.path, err);
    }
    if (status == CHOIR_OK) {
        status = comparison_run(r, err);
    }
    ch_progress_close(&r->progress);
    if (status == CHOIR_OK && r->options->report) {
        status = report_write(r, err);
    }
    return status;
}
