/* choir help: the manual, for people and for the build that installs it. */
#include "commands.h"

#include "base/error.h"
#include "base/manual.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct help_flags {
    bool man;
    bool completion;
    bool names;
} help_flags;

static const ch_option ROWS[] = {
    {"--man", CH_OPTION_FLAG, offsetof(help_flags, man), 0, 0, "", NULL,
     "as a manual page, for man -l"},
    {"--completion", CH_OPTION_FLAG, offsetof(help_flags, completion), 0, 0, "", NULL,
     "bash completion of commands and flags instead"},
    {"--names", CH_OPTION_FLAG, offsetof(help_flags, names), 0, 0, "", NULL,
     "the commands' names instead, one a line"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const help_flags DEFAULTS = {.man = false};

static int help_run(const ch_call *call, choir_error *err) {
    const help_flags *flags = call->options;
    const ch_program *p = call->program;
    if (flags->completion) {
        ch_manual_completion(call->out, p);
        return EXIT_DONE;
    }
    if (flags->names) {
        for (size_t i = 0; i < p->commands_count; i++) {
            (void)fprintf(call->out, "%s\n", p->commands[i]->name);
        }
        return EXIT_DONE;
    }
    if (call->operands_count == 0) {
        (flags->man ? ch_manual_program_man : ch_manual_program)(call->out, p);
        return EXIT_DONE;
    }
    char name[64];
    const bool is_two = call->operands_count == 2;
    (void)snprintf(name, sizeof(name), "%s%s%s", call->operands[0], is_two ? " " : "",
                   is_two ? call->operands[1] : "");
    const ch_command *command = ch_program_find(p, name);
    if (command == NULL && !is_two && ch_program_is_group(p, name)) {
        ch_manual_group(call->out, p, name);
        return EXIT_DONE;
    }
    if (command == NULL) {
        (void)ch_error_set(err, CHOIR_EINVAL, "'%s' is not a command; 'choir --help' lists them",
                           name);
        return EXIT_WRONG;
    }
    (flags->man ? ch_manual_command_man : ch_manual_command)(call->out, p, command);
    return EXIT_DONE;
}

const ch_command CMD_HELP = {
    .name = "help",
    .operands = "[COMMAND]",
    .operands_max = 2,
    .summary = "print the manual of a command",
    .text = "Prints what --help prints, or a manual page, or completion for bash.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = help_run,
};
