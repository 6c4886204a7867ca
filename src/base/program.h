/*
 * Program: a command line of subcommands, from tables.
 *
 * A command is a row: its name ("sim", "job keys"), its operands, its options and what runs it.
 * Parsing, --help, manual pages and completion all read the same rows, so that a new command brings
 * its documentation with it. Flags may stand before or after operands; "--" ends them.
 */
#ifndef CH_BASE_PROGRAM_H
#define CH_BASE_PROGRAM_H

#include "base/options.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CH_PROGRAM_OPTIONS_MAX = 8192, // bytes of any command's options struct
    CH_PROGRAM_OPERANDS_MAX = 64,
};

typedef struct ch_program ch_program;
typedef struct ch_command ch_command;

/* What a command gets to see of its command line. Everything is borrowed for the call. */
typedef struct ch_call {
    const ch_program *program;
    const ch_command *command;
    const void *options; // the command's struct: its defaults with the flags stored over them
    const char *const *operands;
    uint32_t operands_count;
    FILE *out;
    const char *const *words; // the whole command line, the program's name first
    uint32_t words_count;
} ch_call;

struct ch_command {
    const char *name;     // what is typed, words separated by one blank
    const char *operands; // "JOB.yaml", "RUN..."; "" when it takes none
    uint32_t operands_min;
    uint32_t operands_max;
    const char *summary; // one line, for lists of commands
    const char *text;    // what it does, in a paragraph or more
    const ch_options *options;
    const void *defaults; // (bytes) the struct that the options' offsets refer to
    size_t bytes;
    const ch_options *keys; // a further table to document, such as a job's; or NULL
    const void *keys_defaults;
    const char *keys_title;
    size_t exits_count; // of the program's exits, the first so many can be its; 0: all of them

    /* Returns one of the program's exit codes; a message in err is printed when it is not 0. */
    int (*run)(const ch_call *call, choir_error *err);
};

/* An environment variable that the program heeds. */
typedef struct ch_variable {
    const char *name;
    const char *what;
} ch_variable;

typedef struct ch_exit {
    int code;
    const char *when;
} ch_exit;

struct ch_program {
    const char *name;
    const char *version;
    const char *summary;
    const ch_command *const *commands; // (commands_count) borrowed
    size_t commands_count;
    const ch_exit *exits; // (exits_count) borrowed
    size_t exits_count;
    const ch_variable *variables; // (variables_count) borrowed
    size_t variables_count;
    int exit_usage;  // a command line that does not parse
    int exit_output; // standard output could not be written
};

/* The command with this name, or NULL. */
const ch_command *ch_program_find(const ch_program *p, const char *name);

/* Whether commands of two words begin with this one, as "job check" does with "job". */
bool ch_program_is_group(const ch_program *p, const char *word);

/*
 * Stores the command line's flags over target once more: for a command that has read a file over
 * its defaults, because flags win over files.
 *
 * target  (bytes of the command) like options; a TEXTS of it must not have been stored to before
 *
 * Returns OK; it parsed when the program ran, so that EINVAL is for a TEXTS that overflows.
 */
CHOIR_NODISCARD choir_status ch_call_flags(const ch_call *call, void *target, choir_error *err);

/* The command line as a shell would read it again, cut to size. */
void ch_call_text(const ch_call *call, char *out, size_t size);

/*
 * Runs one command line.
 *
 * argv  as main gets it
 * out   for results and requested help
 * log   for messages, and for help nobody asked for
 *
 * Returns the exit code: the command's, exit_usage, or, where the command's is 0, exit_output.
 */
int ch_program_run(const ch_program *p, int argc, char **argv, FILE *out, FILE *log);

#endif
