/* What a job asks of a device: see show.h. */
#include "show.h"

#include "base/text.h"
#include "choir/job.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

static void show_model(FILE *out, const choir_job *job, uint32_t parameters) {
    (void)fprintf(out,
                  "model      %s, %" PRIu32 " parameters, %" PRIu64 " bytes to fetch a round\n",
                  job->model.file[0] != '\0' ? job->model.file : job->model.name, parameters,
                  (uint64_t)parameters * sizeof(float));
}

static void show_data(FILE *out, uint32_t examples) {
    if (examples == CHOIR_TERMS_UNKNOWN) {
        (void)fprintf(out, "data       this device's; which, --data or --client would say\n");
    } else {
        (void)fprintf(out, "data       %" PRIu32 " example%s of this device, which stay on it\n",
                      examples, ch_text_plural(examples));
    }
}

static void show_work(FILE *out, const choir_job *job, const choir_terms *terms) {
    (void)fprintf(out, "work       up to %" PRIu32 " epoch%s a round, ", terms->epochs,
                  ch_text_plural(terms->epochs));
    if (job->batch_size == 0) {
        (void)fprintf(out, "all examples at a time");
    } else {
        (void)fprintf(out, "%" PRIu32 " example%s at a time", job->batch_size,
                      ch_text_plural(job->batch_size));
    }
    (void)fprintf(out, ", %" PRIu32 " round%s\n", job->rounds, ch_text_plural(job->rounds));
}

/* What a report has: docs/chain.md, docs/wire.md. */
static void show_sent(FILE *out, const choir_job *job, const choir_terms *terms) {
    const bool is_uniform = strstr(job->chain, "uniform") != NULL;
    (void)fprintf(out, "chain      %s\n", job->chain);
    (void)fprintf(out, "sent       the update, as the chain leaves it; metrics of training: %s\n",
                  is_uniform ? "mean loss, accuracy in whole percents"
                             : "how many examples, how many right, sum of losses");
    if (terms->retains_updates) {
        (void)fprintf(out, "kept       each update, by the server, with whose it is\n");
    }
    (void)fprintf(out, "sum        of at least %" PRIu32 " report%s, or the round is discarded\n",
                  terms->reports, ch_text_plural(terms->reports));
}

static void show_policy(FILE *out, const choir_policy *policy, const choir_terms *terms) {
    for (choir_policy_rule i = 0; i < CHOIR_POLICY_RULES; i++) {
        choir_verdict v;
        choir_policy_judge(&v, policy, i, terms);
        (void)fprintf(out, "%-10s %s", v.noun, v.asked);
        if (!v.is_set) {
            (void)fprintf(out, ": no rule\n");
        } else {
            (void)fprintf(out, ": %s, must be %s\n", v.is_refused ? "refused" : "accepted",
                          v.bound);
        }
    }
}

choir_status show_offer(FILE *out, const choir_offer *offer, const choir_policy *policy,
                        uint32_t examples, choir_error *err) {
    choir_job job;
    const choir_status status =
        choir_job_parse(&job, offer->job, offer->job_size, "the job", NULL, 0, err);
    if (status != CHOIR_OK) {
        return status;
    }
    choir_terms terms = choir_job_terms(&job, offer->parameters);
    terms.examples = examples;
    (void)fprintf(out, "%s@%" PRIu32 " asks\n", offer->name, offer->version);
    show_model(out, &job, offer->parameters);
    show_data(out, examples);
    show_work(out, &job, &terms);
    show_sent(out, &job, &terms);
    (void)fprintf(out, "\nthe policy says: %s\n",
                  choir_policy_accepts(policy, &terms, NULL) == CHOIR_OK ? "accepted" : "refused");
    show_policy(out, policy, &terms);
    return CHOIR_OK;
}
