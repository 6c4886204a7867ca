/* Manual: see manual.h. */
#include "base/manual.h"

#include "base/text.h"

#include <stdbool.h>
#include <string.h>

enum { COLUMN = 26, WIDTH = 80 };

/* The last word of a flag in capitals, "--run-dir" is DIR. */
static void word_capital(char out[CH_MANUAL_VALUE_MAX], const char *flag) {
    const char *dash = strrchr(flag, '-');
    const char *word = dash == NULL ? flag : dash + 1;
    size_t i = 0;
    for (; word[i] != '\0' && i + 1 < CH_MANUAL_VALUE_MAX; i++) {
        const bool is_lower = word[i] >= 'a' && word[i] <= 'z';
        out[i] = is_lower ? (char)(word[i] - 'a' + 'A') : word[i];
    }
    out[i] = '\0';
}

void ch_manual_value(char out[CH_MANUAL_VALUE_MAX], const ch_option *row) {
    out[0] = '\0';
    if (row->key[0] != '-') {
        return;
    }
    switch (row->type) {
    case CH_OPTION_U32:
    case CH_OPTION_U64:
        (void)snprintf(out, CH_MANUAL_VALUE_MAX, "N");
        break;
    case CH_OPTION_F64:
        (void)snprintf(out, CH_MANUAL_VALUE_MAX, "X");
        break;
    case CH_OPTION_TEXT:
        word_capital(out, row->key);
        break;
    case CH_OPTION_TEXTS:
        (void)snprintf(out, CH_MANUAL_VALUE_MAX, "KEY=VALUE");
        break;
    case CH_OPTION_FLAG:
        break;
    }
}

bool ch_manual_is_switch(const ch_option *row) {
    return row->type == CH_OPTION_FLAG && strncmp(row->key, "--", 2) == 0;
}

/* The default as a reader wants it; false when there is none worth a word. */
static bool default_show(const ch_option *row, const void *defaults, char *out, size_t size) {
    ch_options_get(row, defaults, out, size);
    return !ch_manual_is_switch(row) && row->type != CH_OPTION_TEXTS && out[0] != '\0';
}

/* Words up to the right edge, each further line indented like the first. */
static void paragraph(FILE *out, const char *text, int indent) {
    int column = indent;
    for (const char *at = text; *at != '\0';) {
        const size_t size = strcspn(at, " \n");
        if (column > indent && column + 1 + (int)size > WIDTH) {
            (void)fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        const bool is_first = column == indent;
        (void)fprintf(out, "%s%.*s", is_first ? "" : " ", (int)size, at);
        column += (int)size + (is_first ? 0 : 1);
        at += size;
        if (*at == '\n') {
            (void)fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        at += *at == '\0' ? 0 : 1;
    }
    (void)fprintf(out, "\n");
}

void ch_manual_options(FILE *out, const ch_options *table, const void *defaults) {
    for (size_t i = 0; i < table->count; i++) {
        const ch_option *row = &table->rows[i];
        char domain[CH_OPTION_DOMAIN_MAX];
        char value[CH_OPTION_VALUE_MAX];
        ch_options_domain(row, domain, sizeof(domain));
        char name[CH_MANUAL_VALUE_MAX];
        ch_manual_value(name, row);
        const int used = fprintf(out, "  %s%s%s", row->key, name[0] == '\0' ? "" : " ", name);
        (void)fprintf(out, "%*s", used < COLUMN ? COLUMN - used : 2, "");
        paragraph(out, row->help, COLUMN);
        if (ch_manual_is_switch(row)) {
            continue;
        }
        const bool has_default = default_show(row, defaults, value, sizeof(value));
        char both[CH_OPTION_DOMAIN_MAX + CH_OPTION_VALUE_MAX + 16];
        (void)snprintf(both, sizeof(both), "%s%s%s", domain, has_default ? "; default " : "",
                       has_default ? value : "");
        (void)fprintf(out, "%*s", COLUMN, "");
        paragraph(out, both, COLUMN);
    }
}

static void exits_print(FILE *out, const ch_program *p, size_t count) {
    (void)fprintf(out, "\nexit codes:\n");
    for (size_t i = 0; i < p->exits_count && (count == 0 || i < count); i++) {
        (void)fprintf(out, "  %-6d %s\n", p->exits[i].code, p->exits[i].when);
    }
}

static void command_line_print(FILE *out, const ch_command *c) {
    (void)fprintf(out, "  %-*s %s\n", COLUMN - 3, c->name, c->summary);
}

void ch_manual_program(FILE *out, const ch_program *p) {
    (void)fprintf(out, "usage: %s COMMAND [options]\n\n%s\n\ncommands:\n", p->name, p->summary);
    for (size_t i = 0; i < p->commands_count; i++) {
        command_line_print(out, p->commands[i]);
    }
    (void)fprintf(out, "\n'%s COMMAND --help' tells all about one.\n", p->name);
    exits_print(out, p, 0);
    if (p->variables_count > 0) {
        (void)fprintf(out, "\nenvironment:\n");
    }
    for (size_t i = 0; i < p->variables_count; i++) {
        const int used = fprintf(out, "  %s", p->variables[i].name);
        (void)fprintf(out, "%*s", used < COLUMN ? COLUMN - used : 2, "");
        paragraph(out, p->variables[i].what, COLUMN);
    }
}

void ch_manual_group(FILE *out, const ch_program *p, const char *word) {
    const size_t size = strlen(word);
    (void)fprintf(out, "usage: %s %s COMMAND [options]\n\ncommands:\n", p->name, word);
    for (size_t i = 0; i < p->commands_count; i++) {
        const char *name = p->commands[i]->name;
        if (strncmp(name, word, size) == 0 && name[size] == ' ') {
            command_line_print(out, p->commands[i]);
        }
    }
}

void ch_manual_command(FILE *out, const ch_program *p, const ch_command *c) {
    (void)fprintf(out, "usage: %s %s%s%s%s\n\n", p->name, c->name,
                  c->operands[0] == '\0' ? "" : " ", c->operands,
                  c->options->count > 0 ? " [options]" : "");
    paragraph(out, c->text, 0);
    if (c->options->count > 0) {
        (void)fprintf(out, "\noptions:\n");
        ch_manual_options(out, c->options, c->defaults);
    }
    if (c->keys != NULL) {
        (void)fprintf(out, "\n%s:\n", c->keys_title);
        ch_manual_options(out, c->keys, c->keys_defaults);
    }
    exits_print(out, p, c->exits_count);
}
