/* Policy as options: what commands that train on a device take. docs/policy.md */
#ifndef CHOIR_APPS_POLICY_ROWS_H
#define CHOIR_APPS_POLICY_ROWS_H

#include "base/options.h"
#include "choir/policy.h"

#include <stddef.h>

/* Rows for a struct T whose member M is a choir_policy. */
#define POLICY_ROWS(T, M)                                                                          \
    {"--parameters-max",                                                                           \
     CH_OPTION_U32,                                                                                \
     offsetof(T, M.parameters_max),                                                                \
     0,                                                                                            \
     CHOIR_DIM_MAX,                                                                                \
     "",                                                                                           \
     NULL,                                                                                         \
     "largest model that is accepted, parameters; 0: any"},                                        \
        {"--training-max",                                                                         \
         CH_OPTION_U32,                                                                            \
         offsetof(T, M.training_max_s),                                                            \
         0,                                                                                        \
         604800,                                                                                   \
         "s",                                                                                      \
         NULL,                                                                                     \
         "longest training that is accepted, as those before let expect; 0: any"},                 \
        {"--clip-max",                                                                             \
         CH_OPTION_F64,                                                                            \
         offsetof(T, M.clip_max),                                                                  \
         0,                                                                                        \
         1e6,                                                                                      \
         "",                                                                                       \
         NULL,                                                                                     \
         "the job must clip updates to this norm or less; 0: it need not clip"},                   \
        {"--links",                                                                                \
         CH_OPTION_TEXT,                                                                           \
         offsetof(T, M.links),                                                                     \
         0,                                                                                        \
         CHOIR_CHAIN_TEXT_MAX,                                                                     \
         "",                                                                                       \
         NULL,                                                                                     \
         "the only links that a chain may be made of: clip,weight"},                               \
        {"--examples-min",                                                                         \
         CH_OPTION_U32,                                                                            \
         offsetof(T, M.examples_min),                                                              \
         0,                                                                                        \
         2147483647,                                                                               \
         "",                                                                                       \
         NULL,                                                                                     \
         "with fewer examples than this, take no part"},                                           \
        {"--no-retention",                                                                         \
         CH_OPTION_FLAG,                                                                           \
         offsetof(T, M.no_retention),                                                              \
         0,                                                                                        \
         0,                                                                                        \
         "",                                                                                       \
         NULL,                                                                                     \
         "the server may not keep this device's updates, but for their sum"},                      \
    {                                                                                              \
        "--reports-min", CH_OPTION_U32, offsetof(T, M.reports_min), 0, 2147483647, "", NULL,       \
            "the job must discard rounds with fewer reports than this; 0: it need not"             \
    }

#endif
