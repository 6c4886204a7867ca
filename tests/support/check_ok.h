/* A call that must succeed, and whose sentence is told when it does not. */
#ifndef CHOIR_TESTS_CHECK_OK_H
#define CHOIR_TESTS_CHECK_OK_H

#include "support/check.h"

/* expression: a call whose last argument is &err, which is declared here. */
#define check_ok(expression)                                                                       \
    do {                                                                                           \
        choir_error err = {.message = ""};                                                         \
        const choir_status status_ = (expression);                                                 \
        if (status_ != CHOIR_OK) {                                                                 \
            fail_msg("%s: %s", choir_status_name(status_), err.message);                           \
        }                                                                                          \
    } while (0)

#endif
