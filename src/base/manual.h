/*
 * Manual: what can be read about a program, printed from the tables that run it.
 *
 * Help for a terminal, manual pages in the roff "man" macros, completion for bash, and a table of
 * options as text, JSON or Markdown. Nothing here is written by hand a second time.
 */
#ifndef CH_BASE_MANUAL_H
#define CH_BASE_MANUAL_H

#include "base/program.h"

#include <stdbool.h>
#include <stdio.h>

enum { CH_MANUAL_VALUE_MAX = 24 }; // bytes of what a flag's value is called, its zero included

/* Whether a row is a word of a command line that stands alone, "--quiet"; a job's key has a value.
 */
bool ch_manual_is_switch(const ch_option *row);

/* What help calls a flag's value: N, X, KEY=VALUE, or DIR of "--run-dir"; "" when it takes none. */
void ch_manual_value(char out[CH_MANUAL_VALUE_MAX], const ch_option *row);

/* "usage: choir COMMAND ...", the commands, the exit codes and the environment. */
void ch_manual_program(FILE *out, const ch_program *p);

/* One command: usage, text, options with domain and default, keys, exit codes. */
void ch_manual_command(FILE *out, const ch_program *p, const ch_command *c);

/* The commands whose names begin with this word: "job" lists "job check" and "job keys". */
void ch_manual_group(FILE *out, const ch_program *p, const char *word);

/* choir(1), choir-sim(1). */
void ch_manual_program_man(FILE *out, const ch_program *p);
void ch_manual_command_man(FILE *out, const ch_program *p, const ch_command *c);

/* Completion of commands and flags, to be sourced by bash. */
void ch_manual_completion(FILE *out, const ch_program *p);

/* Rows as lines for a terminal, as .TP paragraphs, as one JSON array, as one Markdown table. */
void ch_manual_options(FILE *out, const ch_options *table, const void *defaults);
void ch_manual_options_man(FILE *out, const ch_options *table, const void *defaults);
void ch_manual_options_json(FILE *out, const ch_options *table, const void *defaults);
void ch_manual_options_markdown(FILE *out, const ch_options *table, const void *defaults);

#endif
