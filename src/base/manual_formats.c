/* Manual: the formats that other programs read; see manual.h. */
#include "base/manual.h"

#include "base/text.h"

#include <stdbool.h>
#include <string.h>

/* roff: a backslash, and a dot or quote that begins a line, would be commands. */
static void roff(FILE *out, const char *text) {
    bool is_line_start = true;
    for (const char *at = text; *at != '\0'; at++) {
        if (is_line_start && (*at == '.' || *at == '\'')) {
            (void)fprintf(out, "\\&");
        }
        if (*at == '\\' || *at == '-') {
            (void)fprintf(out, "\\%s", *at == '\\' ? "e" : "-");
        } else {
            (void)fprintf(out, "%c", *at);
        }
        is_line_start = *at == '\n';
    }
}

/* Upper case, a blank as a hyphen, as titles of manual pages are written. */
static void roff_name(FILE *out, const char *name) {
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz ";
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    for (const char *at = name; *at != '\0'; at++) {
        const char *found = strchr(lower, *at);
        (void)fprintf(out, "%c", found == NULL ? *at : upper[found - lower]);
    }
}

static void roff_title(FILE *out, const ch_program *p, const char *suffix) {
    (void)fprintf(out, ".TH \"");
    roff_name(out, p->name);
    roff_name(out, suffix);
    (void)fprintf(out, "\" 1 \"\" \"%s %s\"\n", p->name, p->version);
}

static void roff_exits(FILE *out, const ch_program *p, size_t count) {
    (void)fprintf(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < p->exits_count && (count == 0 || i < count); i++) {
        (void)fprintf(out, ".TP\n.B %d\n", p->exits[i].code);
        roff(out, p->exits[i].when);
        (void)fprintf(out, "\n");
    }
}

static void roff_variables(FILE *out, const ch_program *p) {
    if (p->variables_count > 0) {
        (void)fprintf(out, ".SH ENVIRONMENT\n");
    }
    for (size_t i = 0; i < p->variables_count; i++) {
        (void)fprintf(out, ".TP\n.B %s\n", p->variables[i].name);
        roff(out, p->variables[i].what);
        (void)fprintf(out, "\n");
    }
}

/* "choir-job-keys(1)": the page of a command; of the program itself when name is "". */
static void roff_reference(FILE *out, const ch_program *p, const char *name, bool has_more) {
    (void)fprintf(out, ".BR %s", p->name);
    (void)fprintf(out, "%s", name[0] == '\0' ? "" : "\\-");
    for (const char *at = name; *at != '\0'; at++) {
        (void)fprintf(out, "%.2s", *at == ' ' ? "\\-" : (const char[]){*at, '\0'});
    }
    (void)fprintf(out, " (1)%s\n", has_more ? "," : "");
}

void ch_manual_options_man(FILE *out, const ch_options *table, const void *defaults) {
    for (size_t i = 0; i < table->count; i++) {
        const ch_option *row = &table->rows[i];
        char domain[CH_OPTION_DOMAIN_MAX];
        char value[CH_OPTION_VALUE_MAX];
        ch_options_domain(row, domain, sizeof(domain));
        ch_options_get(row, defaults, value, sizeof(value));
        (void)fprintf(out, ".TP\n.B ");
        roff(out, row->key);
        char name[CH_MANUAL_VALUE_MAX];
        ch_manual_value(name, row);
        if (name[0] != '\0') {
            (void)fprintf(out, " \\fI%s\\fR", name);
        }
        (void)fprintf(out, "\n");
        roff(out, row->help);
        (void)fprintf(out, "\n");
        if (!ch_manual_is_switch(row)) {
            (void)fprintf(out, ".br\n");
            roff(out, domain);
            const bool has_default = row->type != CH_OPTION_TEXTS && value[0] != '\0';
            (void)fprintf(out, "%s", has_default ? "; default " : "");
            roff(out, has_default ? value : "");
            (void)fprintf(out, "\n");
        }
    }
}

void ch_manual_program_man(FILE *out, const ch_program *p) {
    roff_title(out, p, "");
    (void)fprintf(out, ".SH NAME\n%s \\- ", p->name);
    roff(out, p->summary);
    (void)fprintf(out, "\n.SH SYNOPSIS\n.B %s\n.I COMMAND\n[options]\n.SH COMMANDS\n", p->name);
    for (size_t i = 0; i < p->commands_count; i++) {
        (void)fprintf(out, ".TP\n.B ");
        roff(out, p->commands[i]->name);
        (void)fprintf(out, "\n");
        roff(out, p->commands[i]->summary);
        (void)fprintf(out, "\n");
    }
    roff_exits(out, p, 0);
    roff_variables(out, p);
    (void)fprintf(out, ".SH SEE ALSO\n");
    for (size_t i = 0; i < p->commands_count; i++) {
        roff_reference(out, p, p->commands[i]->name, i + 1 < p->commands_count);
    }
}

void ch_manual_command_man(FILE *out, const ch_program *p, const ch_command *c) {
    char suffix[64];
    (void)snprintf(suffix, sizeof(suffix), "-%s", c->name);
    roff_title(out, p, suffix);
    (void)fprintf(out, ".SH NAME\n%s", p->name);
    for (const char *at = suffix; *at != '\0'; at++) {
        (void)fprintf(out, "%s%c", *at == '-' || *at == ' ' ? "\\" : "", *at == ' ' ? '-' : *at);
    }
    (void)fprintf(out, " \\- ");
    roff(out, c->summary);
    (void)fprintf(out, "\n.SH SYNOPSIS\n.B %s %s\n", p->name, c->name);
    if (c->operands[0] != '\0') {
        (void)fprintf(out, ".I ");
        roff(out, c->operands);
        (void)fprintf(out, "\n");
    }
    (void)fprintf(out, "%s.SH DESCRIPTION\n", c->options->count > 0 ? "[options]\n" : "");
    roff(out, c->text);
    (void)fprintf(out, "\n");
    if (c->options->count > 0) {
        (void)fprintf(out, ".SH OPTIONS\n");
        ch_manual_options_man(out, c->options, c->defaults);
    }
    if (c->keys != NULL) {
        (void)fprintf(out, ".SH KEYS\n");
        ch_manual_options_man(out, c->keys, c->keys_defaults);
    }
    roff_exits(out, p, c->exits_count);
    roff_variables(out, p);
    (void)fprintf(out, ".SH SEE ALSO\n");
    roff_reference(out, p, "", false);
}

static const char *type_name(ch_option_type type) {
    switch (type) {
    case CH_OPTION_U32:
    case CH_OPTION_U64:
        return "whole number";
    case CH_OPTION_F64:
        return "number";
    case CH_OPTION_TEXT:
        return "text";
    case CH_OPTION_FLAG:
        return "flag";
    case CH_OPTION_TEXTS:
        return "texts";
    }
    return "";
}

static void json_text(FILE *out, const char *text) {
    char quoted[2 * CH_OPTION_VALUE_MAX + 2];
    (void)ch_text_quote(quoted, sizeof(quoted), text);
    (void)fprintf(out, "%s", quoted);
}

static void json_choices(FILE *out, const char *choices) {
    (void)fprintf(out, ", \"choices\": [\"");
    for (const char *at = choices; *at != '\0'; at++) {
        if (*at == '|') {
            (void)fprintf(out, "\", \"");
        } else {
            (void)fprintf(out, "%c", *at);
        }
    }
    (void)fprintf(out, "\"]");
}

void ch_manual_options_json(FILE *out, const ch_options *table, const void *defaults) {
    for (size_t i = 0; i < table->count; i++) {
        const ch_option *row = &table->rows[i];
        char value[CH_OPTION_VALUE_MAX];
        char min[CH_TEXT_NUMBER_MAX];
        char max[CH_TEXT_NUMBER_MAX];
        const bool is_number = row->type != CH_OPTION_TEXT && row->type != CH_OPTION_TEXTS &&
                               row->type != CH_OPTION_FLAG;
        ch_options_get(row, defaults, value, sizeof(value));
        ch_text_number(min, sizeof(min), row->min);
        ch_text_number(max, sizeof(max), row->max);
        (void)fprintf(out, "%s{\"key\": \"%s\", \"type\": \"%s\"", i == 0 ? "[" : ",\n ", row->key,
                      type_name(row->type));
        if (is_number) {
            (void)fprintf(out, ", \"min\": %s, \"max\": %s, \"default\": %s", min, max, value);
        } else {
            (void)fprintf(out, ", \"default\": ");
            json_text(out, value);
        }
        if (row->choices != NULL) {
            json_choices(out, row->choices);
        }
        (void)fprintf(out, ", \"unit\": \"%s\", \"help\": ", row->unit);
        json_text(out, row->help);
        (void)fprintf(out, "}");
    }
    (void)fprintf(out, "]\n");
}

void ch_manual_options_markdown(FILE *out, const ch_options *table, const void *defaults) {
    (void)fprintf(out, "| key | default | what it is | what it may be |\n|---|---|---|---|\n");
    for (size_t i = 0; i < table->count; i++) {
        const ch_option *row = &table->rows[i];
        char domain[CH_OPTION_DOMAIN_MAX];
        char value[CH_OPTION_VALUE_MAX];
        ch_options_domain(row, domain, sizeof(domain));
        ch_options_get(row, defaults, value, sizeof(value));
        const char *tick = value[0] == '\0' ? "" : "`";
        (void)fprintf(out, "| `%s` | %s%s%s | %s | %s |\n", row->key, tick, value, tick, row->help,
                      domain);
    }
}

/* A case for each command's flags; the first two words are completed from the names. */
void ch_manual_completion(FILE *out, const ch_program *p) {
    (void)fprintf(out,
                  "# bash completion for %s\n_%s() {\n"
                  "  local word=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n"
                  "  case \"${COMP_WORDS[1]-} ${COMP_WORDS[2]-}\" in\n",
                  p->name, p->name);
    for (size_t i = 0; i < p->commands_count; i++) {
        const ch_command *c = p->commands[i];
        (void)fprintf(out, "  \"%s\"%s) words=\"--help", c->name,
                      strchr(c->name, ' ') == NULL ? "\\ *" : "");
        for (size_t j = 0; j < c->options->count; j++) {
            (void)fprintf(out, " %s", c->options->rows[j].key);
        }
        (void)fprintf(out, "\" ;;\n");
    }
    (void)fprintf(out, "  esac\n  [ \"$COMP_CWORD\" -eq 1 ] && words=\"");
    for (size_t i = 0; i < p->commands_count; i++) {
        const char *name = p->commands[i]->name;
        (void)fprintf(out, "%.*s ", (int)strcspn(name, " "), name);
    }
    (void)fprintf(out, "--help --version\"\n");
    for (size_t i = 0; i < p->commands_count; i++) {
        const char *name = p->commands[i]->name;
        const size_t size = strcspn(name, " ");
        if (name[size] == ' ') {
            (void)fprintf(out,
                          "  [ \"$COMP_CWORD\" -eq 2 ] && [ \"${COMP_WORDS[1]}\" = %.*s ] && "
                          "words+=\" %s\"\n",
                          (int)size, name, name + size + 1);
        }
    }
    (void)fprintf(out,
                  "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
                  "complete -o default -F _%s %s\n",
                  p->name, p->name);
}
