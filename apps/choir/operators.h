/* What the commands for a server's operator share. */
#ifndef CHOIR_APPS_OPERATORS_H
#define CHOIR_APPS_OPERATORS_H

#include "base/options.h"
#include "base/program.h"
#include "net/operator.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { ADMIN_PATH_MAX = 512 }; // bytes, with the terminating zero

#define ADMIN_DEFAULT "choir-server/admin.json"

/* The flag that says which server, for a flags struct with a field admin[ADMIN_PATH_MAX]. */
#define ADMIN_ROW(type)                                                                            \
    {                                                                                              \
        "--admin", CH_OPTION_TEXT, offsetof(type, admin), 0, ADMIN_PATH_MAX, "", NULL,             \
            "the file with the server's address and an administrator's key"                        \
    }

/* Likewise, with a field json. */
#define JSON_ROW(type)                                                                             \
    {                                                                                              \
        "--json", CH_OPTION_FLAG, offsetof(type, json), 0, 0, "", NULL,                            \
            "for programs: a JSON object a line"                                                   \
    }

/* Of commands with these two flags alone. */
typedef struct operator_flags {
    char admin[ADMIN_PATH_MAX];
    bool json;
} operator_flags;

extern const ch_options OPERATOR_OPTIONS;
extern const operator_flags OPERATOR_DEFAULTS;

/* A command's way to a server. */
typedef struct operator_session {
    const ch_call *call;
    ch_operator *server;
    choir_env env;
} operator_session;

/* Behind "'X' ", of a text that cannot be one's. */
#define NO_JOBS_NAME                                                                               \
    "is no job's name; it must be letters, digits, '.', '_' and '-', and may be NAME@VERSION"

/* Checks the operands that are a JOB, a NAME or a SUBJECT by the command's usage; opens the server
 * that an administrator's file names, and lets a command work with it. Returns the exit code. */
int operator_work(const ch_call *call, const char *admin,
                  choir_status (*work)(const operator_session *o, void *self, choir_error *err),
                  void *self, choir_error *err);

/* One question to a server, and how its answer is shown. */
typedef struct operator_act {
    const char *admin; // path of the administrator's file
    const char *method;
    const char *path;
    json_t *body;     // its reference is taken; NULL with GET
    const char *what; // stands in front of what the server says
    bool json;        // the answer is shown as it came; else by the next
    void (*show)(const ch_call *call, const json_t *answer);
} operator_act;

/* Asks, and shows the answer. Returns the exit code. */
int operator_ask(const ch_call *call, const operator_act *act, choir_error *err);

/* A closed round, a line for people. */
void round_line(FILE *out, const json_t *round);

/* Whom a job selects, "platform android, version >=1.4"; nothing when that is everybody. */
void select_put(FILE *out, const char *before, const json_t *job, const char *after);

/* A line of what clients measured of the model after a round; nothing when they have not. */
void measure_line(FILE *out, const json_t *round);

/* One line: the object as it came. */
void answer_line(FILE *out, const json_t *root);

/* A number or text of an object for people; "-" when it is not there. */
double answer_real(const json_t *root, const char *key);
const char *answer_text(const json_t *root, const char *key);

enum { DATE_MAX = 24 }; // bytes, with the terminating zero

/* Milliseconds of the Unix epoch, as "2026-11-28 12:03:10" in UTC. */
void answer_date(char out[DATE_MAX], const json_t *root, const char *key);

#endif
