/* What the commands for a server's operator share. */
#ifndef CHOIR_APPS_OPERATORS_H
#define CHOIR_APPS_OPERATORS_H

#include "net/operator.h"

#include <stdio.h>

enum { ADMIN_PATH_MAX = 512 }; // bytes, with the terminating zero

#define ADMIN_DEFAULT "choir-server/admin.json"

/* The flag that says which server, for a flags struct with a field admin[ADMIN_PATH_MAX]. */
#define ADMIN_ROW(type)                                                                            \
    {                                                                                              \
        "--admin", CH_OPTION_TEXT, offsetof(type, admin), 0, ADMIN_PATH_MAX, "", NULL,             \
            "the file with the server's address and an administrator's key"                        \
    }

/*
 * Asks a server once; see ch_operator_ask.
 *
 * name   of the command, for log lines
 * admin  path of the administrator's file
 */
choir_status operator_ask(const char *name, const char *admin, const char *method, const char *path,
                          json_t *body, const char *what, json_t **out, choir_error *err);

/* A closed round, a line for people. */
void round_line(FILE *out, const json_t *round);

/* Whom a job selects, "platform android, version >=1.4"; nothing when that is everybody. */
void select_put(FILE *out, const char *before, const json_t *job, const char *after);

/* One line: the object as it came. */
void answer_line(FILE *out, const json_t *root);

/* A number or text of an object for people; "-" when it is not there. */
double answer_real(const json_t *root, const char *key);
const char *answer_text(const json_t *root, const char *key);

enum { DATE_MAX = 24 }; // bytes, with the terminating zero

/* Milliseconds of the Unix epoch, as "2026-11-28 12:03:10" in UTC. */
void answer_date(char out[DATE_MAX], const json_t *root, const char *key);

#endif
