/* choir: one binary, one table of subcommands. */
#include "commands.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

static const ch_command *const COMMANDS[] = {
    &CMD_SIM,
    &CMD_EVAL,
    &CMD_PREDICT,
    &CMD_REPORT,
    &CMD_COMPARE,
    &CMD_KEYBOARD,
    &CMD_SERVE,
    &CMD_HOST,
    &CMD_JOIN,
    &CMD_SWARM,
    &CMD_STATUS,
    &CMD_WATCH,
    &CMD_EXPORT,
    &CMD_REPLAY,
    &CMD_HOSTED_SHOW,
    &CMD_HOSTED_PAUSE,
    &CMD_HOSTED_RESUME,
    &CMD_HOSTED_STOP,
    &CMD_HOSTED_RM,
    &CMD_HOSTED_REPLACE,
    &CMD_HOSTED_CLONE,
    &CMD_HOSTED_PROMOTE,
    &CMD_HOSTED_ROLLBACK,
    &CMD_ADMIN_ADD,
    &CMD_ADMIN_LS,
    &CMD_ADMIN_REVOKE,
    &CMD_ADMIN_SECRET,
    &CMD_AUDIT,
    &CMD_DEVICE_LS,
    &CMD_DEVICE_REVOKE,
    &CMD_DATA_LIST,
    &CMD_DATA_GET,
    &CMD_DATA_SHOW,
    &CMD_DATA_EXPORT,
    &CMD_EXAMPLES_ADD,
    &CMD_EXAMPLES_LS,
    &CMD_EXAMPLES_SHOW,
    &CMD_EXAMPLES_EXPIRE,
    &CMD_JOB_CHECK,
    &CMD_JOB_KEYS,
    &CMD_PAPER_LIST,
    &CMD_PAPER_RUN,
    &CMD_PAPER_REPORT,
    &CMD_HELP,
    &CMD_VERSION,
};

static const ch_exit EXITS[] = {
#define X(name, code, when) {code, when},
    EXIT_MAP(X)
#undef X
};

static const ch_variable VARIABLES[] = {
    {"CHOIR_DATA", "where named data sets are kept, when neither --dir nor data.dir says so; "
                   "without it $XDG_DATA_HOME/choir, or $HOME/.local/share/choir"},
};

static const ch_program PROGRAM = {
    .name = "choir",
    .version = CHOIR_VERSION,
    .summary = "federated learning: one model from data that never leaves its owners",
    .commands = COMMANDS,
    .commands_count = sizeof(COMMANDS) / sizeof(COMMANDS[0]),
    .exits = EXITS,
    .exits_count = sizeof(EXITS) / sizeof(EXITS[0]),
    .variables = VARIABLES,
    .variables_count = sizeof(VARIABLES) / sizeof(VARIABLES[0]),
    .exit_usage = EXIT_WRONG,
    .exit_output = EXIT_FAILED,
};

const ch_options NO_OPTIONS = {NULL, 0};

int exit_of(choir_status status, choir_error *err) {
    if (status != CHOIR_OK && err->message[0] == '\0') {
        (void)ch_error_set(err, status, "%s", choir_status_text(status));
    }
    switch (status) {
    case CHOIR_OK:
        return EXIT_DONE;
    case CHOIR_EINVAL:
        return EXIT_WRONG;
    case CHOIR_ERANGE:
        return EXIT_DIVERGED;
    default:
        return EXIT_FAILED;
    }
}

/* A standard stream that was closed would be the next file that is opened, and what is printed
 * would go into that. Stays unusable: what cannot be printed is a failure. Returns whether none is
 * free. */
static bool streams_hold(void) {
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
        const int unusable = i == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(i, F_GETFD) < 0 && errno == EBADF && open("/dev/null", unusable) != i) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv) {
    if (!streams_hold()) {
        return EXIT_FAILED;
    }
    return ch_program_run(&PROGRAM, argc, argv, stdout, stderr);
}
