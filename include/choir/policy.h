/*
 * Policy: what the owner of a device accepts; what asks for more is refused.
 *
 * Terms are what a job, or one task of it, asks of a device. A refusal names the rule, what is
 * asked and the bound: "model is 2410 parameters, must be at most 1000". Pure: it reads no clock
 * and no device; a client (choir/client.h) holds a job and each of its tasks to it.
 *
 *     choir_policy policy = choir_policy_defaults();
 *     policy.clip_max = 1, policy.parameters_max = 1000000;
 *     const choir_terms terms = choir_terms_of_task(&task);
 *     if (choir_policy_accepts(&policy, &terms, &err) != CHOIR_OK) { ... err.message ... }
 */
#ifndef CHOIR_POLICY_H
#define CHOIR_POLICY_H

#include "choir/status.h"
#include "choir/task.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choir_policy {
    uint32_t parameters_max; // largest model; default 0: any
    uint32_t training_max_s; // longest training, seconds, as it is expected from those before;
                             // default 0: any
    double clip_max;         // the chain must clip updates to an L2 norm of at most this, at most
                             // 1e6; default 0: it need not clip
    char links[CHOIR_CHAIN_TEXT_MAX]; // the only links a chain may be made of, "clip,weight";
                                      // default "": any that is known here
    uint32_t examples_min; // a device with fewer does not take part; default 0: with any number
    bool no_retention;    // its updates may not be kept, but for their sum; default false: they may
    uint32_t reports_min; // fewest reports of which the server may use the sum; default 0: any
} choir_policy;

choir_policy choir_policy_defaults(void);

/* Returns OK; EINVAL for what is outside its range or names no link, and err says which. */
CHOIR_NODISCARD choir_status choir_policy_check(const choir_policy *policy, choir_error *err);

#define CHOIR_TERMS_UNKNOWN UINT32_MAX

/* What is asked of a device. What is not known yet is not judged. */
typedef struct choir_terms {
    uint32_t parameters;              // of the model
    uint32_t epochs;                  // passes over the data; of a job: the most that a task has
    uint32_t reports;                 // fewest in a sum; of a task, which does not say: UNKNOWN
    uint32_t examples;                // that the device would train on; or UNKNOWN
    uint32_t training_s;              // that training is expected to take, seconds; or UNKNOWN
    bool retains_updates;             // the server keeps each; of a task, which does not say: false
    char chain[CHOIR_CHAIN_TEXT_MAX]; // as a task has it
} choir_terms;

/* Of a task; what the task does not say is UNKNOWN. */
choir_terms choir_terms_of_task(const choir_task *task);

/*
 * Whether a task asks for no more than was offered: the model's size, at most its epochs, its chain
 * as it was.
 *
 * Returns OK; ERANGE, and err says what it asks for and what was offered.
 */
CHOIR_NODISCARD choir_status choir_terms_check(const choir_terms *task, const choir_terms *offered,
                                               choir_error *err);

typedef enum choir_policy_rule {
    CHOIR_POLICY_PARAMETERS,
    CHOIR_POLICY_TRAINING,
    CHOIR_POLICY_CLIP,
    CHOIR_POLICY_LINKS,
    CHOIR_POLICY_EXAMPLES,
    CHOIR_POLICY_REPORTS,
    CHOIR_POLICY_RETENTION,
    CHOIR_POLICY_RULES, // how many
} choir_policy_rule;

/* What one rule says of terms. */
typedef struct choir_verdict {
    const char *noun; // what it is about: "model"; a constant
    bool is_set;      // false: the policy does not have this rule, and bound is ""
    bool is_refused;
    char asked[CHOIR_CHAIN_TEXT_MAX + 32]; // "2410 parameters"; "unknown"
    char bound[CHOIR_CHAIN_TEXT_MAX + 32]; // "at most 1000"
} choir_verdict;

/* policy must have passed choir_policy_check. */
void choir_policy_judge(choir_verdict *out, const choir_policy *policy, choir_policy_rule rule,
                        const choir_terms *terms);

/* Whether a policy has any rule. */
bool choir_policy_is_set(const choir_policy *policy);

/* Returns OK; ERANGE, and err names the first rule that refuses, what is asked and the bound. */
CHOIR_NODISCARD choir_status choir_policy_accepts(const choir_policy *policy,
                                                  const choir_terms *terms, choir_error *err);

#ifdef __cplusplus
}
#endif

#endif
