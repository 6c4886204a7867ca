/* Policy: see include/choir/policy.h. */
#include "choir/policy.h"

#include "base/error.h"
#include "fl/chain.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TRAINING_MAX_S = 7 * 24 * 3600 };

static const double CLIP_MAX = 1e6;

choir_policy choir_policy_defaults(void) {
    return (choir_policy){.links = ""};
}

choir_terms choir_terms_of_task(const choir_task *task) {
    choir_terms terms = {.parameters = task->dim,
                         .epochs = task->epochs,
                         .reports = CHOIR_TERMS_UNKNOWN,
                         .examples = CHOIR_TERMS_UNKNOWN,
                         .training_s = CHOIR_TERMS_UNKNOWN};
    memcpy(terms.chain, task->chain, sizeof(terms.chain));
    return terms;
}

/* The next word of "clip,weight" into out; NULL at the end, else where to go on. */
static const char *word_next(const char *at, char out[CHOIR_CHAIN_TEXT_MAX]) {
    if (at == NULL || *at == '\0') {
        return NULL;
    }
    const size_t size = strcspn(at, ",");
    memcpy(out, at, size);
    out[size] = '\0';
    return at + size + (at[size] == ',' ? 1 : 0);
}

static bool is_in_list(const char *list, const char *name) {
    char word[CHOIR_CHAIN_TEXT_MAX];
    for (const char *at = list; (at = word_next(at, word)) != NULL;) {
        if (strcmp(word, name) == 0) {
            return true;
        }
    }
    return false;
}

choir_status choir_policy_check(const choir_policy *policy, choir_error *err) {
    if (policy->training_max_s > TRAINING_MAX_S) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "policy: training_max_s is %" PRIu32 ", must be in [0, %d] seconds",
                            policy->training_max_s, TRAINING_MAX_S);
    }
    if (!(policy->clip_max >= 0 && policy->clip_max <= CLIP_MAX)) {
        return ch_error_set(err, CHOIR_EINVAL, "policy: clip_max is %g, must be in [0, %g]",
                            policy->clip_max, CLIP_MAX);
    }
    if (memchr(policy->links, '\0', sizeof(policy->links)) == NULL) {
        return ch_error_set(err, CHOIR_EINVAL, "policy: links must end in a zero");
    }
    char word[CHOIR_CHAIN_TEXT_MAX];
    for (const char *at = policy->links; (at = word_next(at, word)) != NULL;) {
        choir_error why = {.message = ""};
        if (ch_chain_link_check(word, &why) != CHOIR_OK) {
            return ch_error_set(err, CHOIR_EINVAL, "policy: links: %s", why.message);
        }
    }
    return CHOIR_OK;
}

// ----- rules ------------------------------------------------------------------------------------

/* Numbers: unknown ones are not refused. */
static void judge_most(choir_verdict *v, uint32_t asked, uint32_t most, const char *unit) {
    if (asked != CHOIR_TERMS_UNKNOWN) {
        (void)snprintf(v->asked, sizeof(v->asked), "%" PRIu32 "%s", asked, unit);
        v->is_refused = most > 0 && asked > most;
    }
    v->is_set = most > 0;
    (void)snprintf(v->bound, sizeof(v->bound), "at most %" PRIu32, most);
}

static void judge_least(choir_verdict *v, uint32_t asked, uint32_t least, const char *unit) {
    if (asked != CHOIR_TERMS_UNKNOWN) {
        (void)snprintf(v->asked, sizeof(v->asked), "%" PRIu32 "%s", asked, unit);
        v->is_refused = asked < least;
    }
    v->is_set = least > 0;
    (void)snprintf(v->bound, sizeof(v->bound), "at least %" PRIu32, least);
}

static void judge_parameters(choir_verdict *v, const choir_policy *p, const choir_terms *t) {
    judge_most(v, t->parameters, p->parameters_max, " parameters");
}

static void judge_training(choir_verdict *v, const choir_policy *p, const choir_terms *t) {
    judge_most(v, t->training_s, p->training_max_s, " s");
}

static void judge_examples(choir_verdict *v, const choir_policy *p, const choir_terms *t) {
    judge_least(v, t->examples, p->examples_min, t->examples == 1 ? " example" : " examples");
}

static void judge_reports(choir_verdict *v, const choir_policy *p, const choir_terms *t) {
    judge_least(v, t->reports, p->reports_min, t->reports == 1 ? " report" : " reports");
}

static void judge_retention(choir_verdict *v, const choir_policy *p, const choir_terms *t) {
    v->is_set = p->no_retention;
    v->is_refused = v->is_set && t->retains_updates;
    (void)snprintf(v->asked, sizeof(v->asked), "%s", t->retains_updates ? "kept" : "not kept");
    (void)snprintf(v->bound, sizeof(v->bound), "not kept");
}

/* The smallest norm that a chain clips to; infinite when it does not, or is none. */
static double clip_of(const char *text) {
    ch_chain chain = {0};
    double clip = INFINITY;
    if (ch_chain_parse(&chain, text, NULL) != CHOIR_OK) {
        return INFINITY;
    }
    for (uint32_t i = 0; i < chain.count; i++) {
        if (chain.links[i].ops == &ch_transform_clip) {
            clip = chain.links[i].knob;
        }
    }
    return clip;
}

static void judge_clip(choir_verdict *v, const choir_policy *p, const choir_terms *t) {
    const double clip = clip_of(t->chain);
    v->is_set = p->clip_max > 0;
    v->is_refused = v->is_set && clip > p->clip_max;
    if (isfinite(clip)) {
        (void)snprintf(v->asked, sizeof(v->asked), "%g", clip);
    } else {
        (void)snprintf(v->asked, sizeof(v->asked), "none");
    }
    (void)snprintf(v->bound, sizeof(v->bound), "at most %g", p->clip_max);
}

/* A chain that is none is made of no link that may be. */
static void judge_links(choir_verdict *v, const choir_policy *p, const choir_terms *t) {
    ch_chain chain = {0};
    v->is_set = p->links[0] != '\0';
    v->is_refused = v->is_set && ch_chain_parse(&chain, t->chain, NULL) != CHOIR_OK;
    for (uint32_t i = 0; i < chain.count && v->is_set; i++) {
        v->is_refused = v->is_refused || !is_in_list(p->links, chain.links[i].ops->name);
    }
    (void)snprintf(v->asked, sizeof(v->asked), "%s", t->chain);
    (void)snprintf(v->bound, sizeof(v->bound), "made of %s", p->links);
}

typedef struct policy_rule {
    const char *noun;
    void (*judge)(choir_verdict *v, const choir_policy *p, const choir_terms *t);
} policy_rule;

static const policy_rule RULES[CHOIR_POLICY_RULES] = {
    [CHOIR_POLICY_PARAMETERS] = {"model", judge_parameters},
    [CHOIR_POLICY_TRAINING] = {"training", judge_training},
    [CHOIR_POLICY_CLIP] = {"clip", judge_clip},
    [CHOIR_POLICY_LINKS] = {"chain", judge_links},
    [CHOIR_POLICY_EXAMPLES] = {"data", judge_examples},
    [CHOIR_POLICY_REPORTS] = {"sum", judge_reports},
    [CHOIR_POLICY_RETENTION] = {"update", judge_retention},
};

void choir_policy_judge(choir_verdict *out, const choir_policy *policy, choir_policy_rule rule,
                        const choir_terms *terms) {
    *out = (choir_verdict){.noun = RULES[rule].noun, .asked = "unknown"};
    RULES[rule].judge(out, policy, terms);
    if (!out->is_set) {
        out->bound[0] = '\0';
    }
}

bool choir_policy_is_set(const choir_policy *policy) {
    const choir_terms nothing = {.chain = ""};
    bool is_set = false;
    for (choir_policy_rule i = 0; i < CHOIR_POLICY_RULES; i++) {
        choir_verdict verdict;
        choir_policy_judge(&verdict, policy, i, &nothing);
        is_set = is_set || verdict.is_set;
    }
    return is_set;
}

choir_status choir_policy_accepts(const choir_policy *policy, const choir_terms *terms,
                                  choir_error *err) {
    for (choir_policy_rule i = 0; i < CHOIR_POLICY_RULES; i++) {
        choir_verdict verdict;
        choir_policy_judge(&verdict, policy, i, terms);
        if (verdict.is_refused) {
            return ch_error_set(err, CHOIR_ERANGE, "%s is %s, must be %s", verdict.noun,
                                verdict.asked, verdict.bound);
        }
    }
    return CHOIR_OK;
}

choir_status choir_terms_check(const choir_terms *task, const choir_terms *offered,
                               choir_error *err) {
    if (task->parameters != offered->parameters) {
        return ch_error_set(err, CHOIR_ERANGE,
                            "the task is for %" PRIu32 " parameters, the offer was %" PRIu32,
                            task->parameters, offered->parameters);
    }
    if (task->epochs > offered->epochs) {
        return ch_error_set(err, CHOIR_ERANGE,
                            "the task asks for %" PRIu32 " epochs, the offer was at most %" PRIu32,
                            task->epochs, offered->epochs);
    }
    if (strcmp(task->chain, offered->chain) != 0) {
        return ch_error_set(err, CHOIR_ERANGE, "the task's chain is %s, the offer was %s",
                            task->chain, offered->chain);
    }
    return CHOIR_OK;
}
