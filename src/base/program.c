/* Program: see program.h. */
#include "base/program.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/manual.h"
#include "base/text.h"

#include <stdalign.h>
#include <stdbool.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64, SHOW_MAX = 72 };

typedef struct line {
    const ch_command *command;
    alignas(max_align_t) unsigned char options[CH_PROGRAM_OPTIONS_MAX];
    const char *operands[CH_PROGRAM_OPERANDS_MAX];
    uint32_t operands_count;
    bool wants_help;
    const char *const *words; // the whole of it
    uint32_t words_count;
} line;

const ch_command *ch_program_find(const ch_program *p, const char *name) {
    for (size_t i = 0; i < p->commands_count; i++) {
        if (strcmp(p->commands[i]->name, name) == 0) {
            return p->commands[i];
        }
    }
    return NULL;
}

/* The first words that name a command: one or two of them. */
static const ch_command *command_take(const ch_program *p, int argc, char **argv, int *used) {
    char name[NAME_MAX_BYTES] = "";
    const ch_command *found = NULL;
    size_t size = 0;
    for (int i = 0; i < 2 && i < argc && size < sizeof(name); i++) {
        size +=
            (size_t)snprintf(name + size, sizeof(name) - size, "%s%s", i == 0 ? "" : " ", argv[i]);
        const ch_command *command = ch_program_find(p, name);
        if (command != NULL) {
            found = command;
            *used = i + 1;
        }
    }
    return found;
}

bool ch_program_is_group(const ch_program *p, const char *word) {
    const size_t size = strlen(word);
    for (size_t i = 0; i < p->commands_count; i++) {
        if (strncmp(p->commands[i]->name, word, size) == 0 && p->commands[i]->name[size] == ' ') {
            return true;
        }
    }
    return false;
}

/* How far what was typed is from a command's name, or its first word from the name's first. */
static uint32_t command_distance(const char *name, const char *word, const char *next) {
    char typed[NAME_MAX_BYTES];
    char first[NAME_MAX_BYTES];
    const size_t size = strcspn(name, " ");
    (void)snprintf(typed, sizeof(typed), "%s %s", word, next);
    (void)snprintf(first, sizeof(first), "%.*s", (int)size, name);
    const uint32_t whole =
        name[size] == '\0' ? CH_TEXT_DISTANCE_FAR : ch_text_distance(typed, name);
    const uint32_t begin = ch_text_distance(word, first);
    return whole < begin || begin == 0 ? whole : begin;
}

static const char *command_nearest(const ch_program *p, const char *word, const char *next) {
    const char *nearest = NULL;
    uint32_t best = UINT32_MAX;
    for (size_t i = 0; i < p->commands_count; i++) {
        const char *name = p->commands[i]->name;
        const uint32_t distance = command_distance(name, word, next);
        if (distance < best && ch_text_is_near(distance, strcspn(name, " "))) {
            best = distance;
            nearest = name;
        }
    }
    return nearest;
}

/* Stores "--workers 2", "--workers=2" or "--quiet"; *i moves over a value in the next word. */
static choir_status flag_take(const ch_options *table, void *target, int argc,
                              const char *const *argv, int *i, choir_error *err) {
    char key[NAME_MAX_BYTES];
    const char *word = argv[*i];
    const char *equals = strchr(word, '=');
    const size_t size = equals == NULL ? strlen(word) : (size_t)(equals - word);
    (void)snprintf(key, sizeof(key), "%.*s", (int)(size < sizeof(key) ? size : sizeof(key)), word);
    const ch_option *row = ch_options_find(table, key);
    const char *value = equals == NULL ? NULL : equals + 1;
    if (row != NULL && value == NULL && row->type == CH_OPTION_FLAG) {
        value = "true";
    }
    if (row != NULL && value == NULL && *i + 1 == argc) {
        char domain[CH_OPTION_DOMAIN_MAX];
        ch_options_domain(row, domain, sizeof(domain));
        return ch_error_set(err, CHOIR_EINVAL, "%s: needs a value: %s", key, domain);
    }
    if (row != NULL && value == NULL) {
        *i += 1;
        value = argv[*i];
    }
    if (row != NULL && row->type == CH_OPTION_TEXT && value[0] == '\0') {
        return ch_error_set(err, CHOIR_EINVAL, "%s: is empty; give it a value, or leave it out",
                            key);
    }
    return ch_options_set(table, target, key, value == NULL ? "" : value, "", err);
}

static choir_status operands_check(const line *l, choir_error *err) {
    const ch_command *c = l->command;
    if (l->operands_count < c->operands_min) {
        return ch_error_set(err, CHOIR_EINVAL, "needs %s", c->operands);
    }
    if (l->operands_count > c->operands_max) {
        char shown[SHOW_MAX];
        char most[32] = "";
        if (strstr(c->operands, "...") != NULL) {
            (void)snprintf(most, sizeof(most), ", at most %u", c->operands_max);
        }
        ch_text_show(shown, sizeof(shown), l->operands[c->operands_max]);
        return ch_error_set(err, CHOIR_EINVAL, "'%s' is one word too many; it takes %s%s", shown,
                            c->operands[0] == '\0' ? "none" : c->operands, most);
    }
    return CHOIR_OK;
}

static choir_status words_take(line *l, int argc, char **argv, choir_error *err) {
    bool takes_flags = true;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (takes_flags && strcmp(word, "--") == 0) {
            takes_flags = false;
        } else if (takes_flags && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            l->wants_help = true;
            return CHOIR_OK;
        } else if (takes_flags && word[0] == '-' && word[1] != '\0') {
            const choir_status status = flag_take(l->command->options, l->options, argc,
                                                  (const char *const *)argv, &i, err);
            if (status != CHOIR_OK) {
                return status;
            }
        } else if (l->operands_count == CH_PROGRAM_OPERANDS_MAX) {
            return ch_error_set(err, CHOIR_EINVAL, "takes at most %d words",
                                (int)CH_PROGRAM_OPERANDS_MAX);
        } else {
            l->operands[l->operands_count] = word;
            l->operands_count += 1;
        }
    }
    return operands_check(l, err);
}

static int words_of(const char *name) {
    int count = 1;
    for (const char *blank = strchr(name, ' '); blank != NULL; blank = strchr(blank + 1, ' ')) {
        count += 1;
    }
    return count;
}

choir_status ch_call_flags(const ch_call *call, void *target, choir_error *err) {
    const int count = (int)call->words_count;
    choir_status status = CHOIR_OK;
    for (int i = 1 + words_of(call->command->name); i < count && status == CHOIR_OK; i++) {
        const char *word = call->words[i];
        if (strcmp(word, "--") == 0) {
            break;
        }
        if (word[0] == '-' && word[1] != '\0') {
            status = flag_take(call->command->options, target, count, call->words, &i, err);
        }
    }
    return status;
}

void ch_call_text(const ch_call *call, char *out, size_t size) {
    out[0] = '\0';
    for (uint32_t i = 0; i < call->words_count; i++) {
        ch_text_shell(out, size, call->words[i]);
    }
}

static int command_run(const ch_program *p, line *l, int argc, char **argv, FILE *out, FILE *log) {
    const ch_command *c = l->command;
    choir_error err = {.message = ""};
    CH_ASSERT(c->bytes <= sizeof(l->options));
    if (c->bytes > 0) {
        memcpy(l->options, c->defaults, c->bytes);
    }
    if (words_take(l, argc, argv, &err) != CHOIR_OK) {
        (void)fprintf(log, "%s %s: %s\nTry '%s %s --help'.\n", p->name, c->name, err.message,
                      p->name, c->name);
        return p->exit_usage;
    }
    if (l->wants_help) {
        ch_manual_command(out, p, c);
        return 0;
    }
    const ch_call call = {.program = p,
                          .command = c,
                          .options = l->options,
                          .operands = l->operands,
                          .operands_count = l->operands_count,
                          .out = out,
                          .words = l->words,
                          .words_count = l->words_count};
    const int code = c->run(&call, &err);
    if (code != 0 && err.message[0] != '\0') {
        (void)fprintf(log, "%s %s: %s\n", p->name, c->name, err.message);
    }
    return code;
}

static int unknown_say(const ch_program *p, int argc, char **argv, FILE *log) {
    const char *next = argc > 1 ? argv[1] : "";
    const char *nearest = command_nearest(p, argv[0], next);
    const bool is_known = ch_program_is_group(p, argv[0]);
    char shown[SHOW_MAX];
    ch_text_show(shown, sizeof(shown), is_known ? next : argv[0]);
    if (is_known && argc == 1) {
        ch_manual_group(log, p, argv[0]);
        return p->exit_usage;
    }
    (void)fprintf(log, "%s: %s%s'%s' is not a command", p->name, is_known ? argv[0] : "",
                  is_known ? ": " : "", shown);
    if (nearest != NULL) {
        (void)fprintf(log, "; did you mean '%s'?\n", nearest);
    } else {
        (void)fprintf(log, "; '%s --help' lists them\n", p->name);
    }
    return p->exit_usage;
}

static int line_run(const ch_program *p, int words_count, char **words, FILE *out, FILE *log) {
    const int argc = words_count - 1;
    char **argv = words + 1;
    if (argc <= 0) {
        ch_manual_program(log, p);
        return p->exit_usage;
    }
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        ch_manual_program(out, p);
        return 0;
    }
    if (strcmp(argv[0], "--version") == 0) {
        (void)fprintf(out, "%s %s\n", p->name, p->version);
        return 0;
    }
    int used = 0;
    line l = {.command = command_take(p, argc, argv, &used),
              .words = (const char *const *)words,
              .words_count = (uint32_t)words_count};
    if (l.command != NULL) {
        return command_run(p, &l, argc - used, argv + used, out, log);
    }
    if (argc > 1 && ch_program_is_group(p, argv[0]) &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        ch_manual_group(out, p, argv[0]);
        return 0;
    }
    return unknown_say(p, argc, argv, log);
}

int ch_program_run(const ch_program *p, int argc, char **argv, FILE *out, FILE *log) {
    const int code = line_run(p, argc, argv, out, log);
    if (fflush(out) == 0 && ferror(out) == 0) {
        return code;
    }
    (void)fprintf(log, "%s: standard output could not be written\n", p->name);
    return code == 0 ? p->exit_output : code;
}
