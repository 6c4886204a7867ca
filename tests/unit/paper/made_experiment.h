/* An experiment for tests: two rows, two columns, one of whose cells the paper does not have. */
#ifndef CHOIR_TESTS_PAPER_MADE_EXPERIMENT_H
#define CHOIR_TESTS_PAPER_MADE_EXPERIMENT_H

#include "support/check.h"

#include "paper/experiment.h"

#include <string.h>

static const char MADE_EXPERIMENT[] =
    "title: A table of our own\n"
    "paper: Table 9\n"
    "job: jobs/base.yaml\n"
    "target: 0.97\n"
    "rounds: 500\n"
    "rates: [0.215, 0.1]\n"
    "baseline: one\n"
    "columns:\n"
    "  left: {label: Left, set: {data.partition: iid, client.batch_size: 0}, rates: [1], rounds: "
    "90}\n"
    "  right: {set: {data.partition: shards}, target: 0.5}\n"
    "rows:\n"
    "  one: {label: First, set: {server.sample_rate: 0.01}, expect: {left: 120, right: never}}\n"
    "  two:\n"
    "    set: {server.sample_rate: 0.1}\n"
    "    expect: {left: 10}\n"
    "    rounds: {left: 40}\n"
    "    note: {left: a reason}\n";

/* *e is ours to fill in, and large: a static one. */
static inline void made_experiment(ch_paper_experiment *e) {
    choir_error err = {.message = ""};
    check_status(ch_paper_experiment_parse(e, MADE_EXPERIMENT, strlen(MADE_EXPERIMENT),
                                           "folder/made.yaml", &err),
                 CHOIR_OK);
}

#endif
