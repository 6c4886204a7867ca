/* choir version: which choir this is. */
#include "commands.h"

static int version_run(const ch_call *call, choir_error *err) {
    (void)err;
    (void)fprintf(call->out, "%s %s\n", call->program->name, call->program->version);
    return EXIT_DONE;
}

const ch_command CMD_VERSION = {
    .name = "version",
    .operands = "",
    .summary = "print the version",
    .text = "Prints the version.",
    .options = &NO_OPTIONS,
    .exits_count = EXITS_USUAL,
    .run = version_run,
};
