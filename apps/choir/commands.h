/* The subcommands, each in a file of its own, and the exit codes they share. */
#ifndef CHOIR_APPS_COMMANDS_H
#define CHOIR_APPS_COMMANDS_H

#include "base/program.h"
#include "choir/status.h"

//  name, code, when
#define EXIT_MAP(X)                                                                                \
    X(DONE, 0, "done")                                                                             \
    X(FAILED, 1, "a file is not there or malformed; or memory or the system failed")               \
    X(WRONG, 2, "the command line or job is wrong, or does not fit its data; nothing was run")     \
    X(INTERRUPTED, 130, "ended before its end; it can go on from its checkpoint")                  \
    X(DIVERGED, 4, "training diverged: the loss is not finite or grew, or no update was fit")      \
    X(QUORUM, 5, "not one round counted: below server.quorum, or losses too small for server.q")   \
    X(TARGET, 3, "the run ended without reaching server.target_accuracy")

enum {
    EXITS_USUAL = 3,       // the first of them, which every command can end with
    EXITS_INTERRUPTED = 4, // and what goes on where it was ended
    EXITS_TRAINED = 6,     // and what trains runs that may come to nothing
};

enum {
#define X(name, code, when) EXIT_##name = (code),
    EXIT_MAP(X)
#undef X
};

/* The exit code for this status. A failure that left no message gets the status' own. */
int exit_of(choir_status status, choir_error *err);

/* A command without flags. */
extern const ch_options NO_OPTIONS;

extern const ch_command CMD_ADMIN_ADD;
extern const ch_command CMD_ADMIN_LS;
extern const ch_command CMD_ADMIN_REVOKE;
extern const ch_command CMD_ADMIN_SECRET;
extern const ch_command CMD_AUDIT;
extern const ch_command CMD_COMPARE;
extern const ch_command CMD_DATA_EXPORT;
extern const ch_command CMD_DATA_GET;
extern const ch_command CMD_DATA_LIST;
extern const ch_command CMD_DATA_SHOW;
extern const ch_command CMD_DEVICE_LS;
extern const ch_command CMD_DEVICE_REVOKE;
extern const ch_command CMD_EVAL;
extern const ch_command CMD_EXAMPLES_ADD;
extern const ch_command CMD_EXAMPLES_EXPIRE;
extern const ch_command CMD_EXAMPLES_LS;
extern const ch_command CMD_EXAMPLES_SHOW;
extern const ch_command CMD_EXPORT;
extern const ch_command CMD_HELP;
extern const ch_command CMD_HOST;
extern const ch_command CMD_HOSTED_CLONE;
extern const ch_command CMD_HOSTED_PAUSE;
extern const ch_command CMD_HOSTED_PROMOTE;
extern const ch_command CMD_HOSTED_REPLACE;
extern const ch_command CMD_HOSTED_RESUME;
extern const ch_command CMD_HOSTED_RM;
extern const ch_command CMD_HOSTED_ROLLBACK;
extern const ch_command CMD_HOSTED_SHOW;
extern const ch_command CMD_HOSTED_STOP;
extern const ch_command CMD_JOB_CHECK;
extern const ch_command CMD_JOB_KEYS;
extern const ch_command CMD_JOIN;
extern const ch_command CMD_KEYBOARD;
extern const ch_command CMD_PAPER_LIST;
extern const ch_command CMD_PAPER_REPORT;
extern const ch_command CMD_PAPER_RUN;
extern const ch_command CMD_PREDICT;
extern const ch_command CMD_REPLAY;
extern const ch_command CMD_REPORT;
extern const ch_command CMD_SERVE;
extern const ch_command CMD_SIM;
extern const ch_command CMD_STATUS;
extern const ch_command CMD_SWARM;
extern const ch_command CMD_VERSION;
extern const ch_command CMD_WATCH;

#endif
