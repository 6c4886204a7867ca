/* Program: a command line reaches its command, or a sentence says why not. */
#include "support/check.h"

#include "base/error.h"
#include "base/manual.h"
#include "base/program.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct play_flags {
    uint32_t tempo;
    bool softly;
    ch_option_texts with;
} play_flags;

static const ch_option ROWS[] = {
    {"--tempo", CH_OPTION_U32, offsetof(play_flags, tempo), 20, 300, "bpm", NULL, "how fast"},
    {"--softly", CH_OPTION_FLAG, offsetof(play_flags, softly), 0, 0, "", NULL, "piano"},
    {"--with", CH_OPTION_TEXTS, offsetof(play_flags, with), 0, 0, "", NULL, "an instrument"},
};
static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const ch_options NONE = {NULL, 0};
static const play_flags DEFAULTS = {.tempo = 120};

static int play_run(const ch_call *call, choir_error *err) {
    const play_flags *flags = call->options;
    (void)fprintf(call->out, "%s %u %d %u", call->command->name, flags->tempo, flags->softly,
                  flags->with.count);
    for (uint32_t i = 0; i < call->operands_count; i++) {
        (void)fprintf(call->out, " [%s]", call->operands[i]);
    }
    if (strcmp(call->operands[0], "again") == 0) {
        char text[64];
        ch_call_text(call, text, sizeof(text));
        (void)fprintf(call->out, " <%s>", text);
        ch_call_text(call, text, 8);
        (void)fprintf(call->out, " <%s>", text);
    }
    if (strcmp(call->operands[0], "by-file") == 0) { // which says tempo 60, softly
        play_flags both = {.tempo = 60, .softly = true};
        const choir_status status = ch_call_flags(call, &both, err);
        (void)fprintf(call->out, " %s %u %d %u", choir_status_name(status), both.tempo, both.softly,
                      both.with.count);
    }
    if (strcmp(call->operands[0], "out-of-tune") == 0) {
        (void)ch_error_set(err, CHOIR_EIO, "the piano is out of tune");
        return 3;
    }
    return 0;
}

static const ch_command PLAY = {.name = "play",
                                .operands = "PIECE...",
                                .operands_min = 1,
                                .operands_max = 2,
                                .summary = "play a piece",
                                .text = "Plays one piece or two.",
                                .options = &OPTIONS,
                                .defaults = &DEFAULTS,
                                .bytes = sizeof(DEFAULTS),
                                .run = play_run};
static const ch_command HALL_LIST = {.name = "hall list",
                                     .operands = "",
                                     .summary = "the halls",
                                     .text = "Lists.",
                                     .options = &NONE};
static const ch_command HALL_BOOK = {.name = "hall book",
                                     .operands = "HALL",
                                     .summary = "book one",
                                     .text = "Books.",
                                     .options = &NONE};
static const ch_command *const COMMANDS[] = {&PLAY, &HALL_LIST, &HALL_BOOK};
static const ch_exit EXITS[] = {{0, "played"}, {2, "not understood"}};
static const ch_program PROGRAM = {.name = "band",
                                   .version = "1.2",
                                   .summary = "makes music",
                                   .commands = COMMANDS,
                                   .commands_count = 3,
                                   .exits = EXITS,
                                   .exits_count = 2,
                                   .exit_usage = 2,
                                   .exit_output = 1};

typedef struct ran {
    int code;
    char out[8192];
    char log[8192];
} ran;

static void stream_take(FILE *stream, char *text, size_t size) {
    rewind(stream);
    text[fread(text, 1, size - 1, stream)] = '\0';
    (void)fclose(stream);
}

static ran run(const char *const *words) {
    ran r = {.code = 0};
    char copies[16][64];
    char *argv[17] = {"band"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++) {
        (void)snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc - 1]);
        argv[argc] = copies[argc];
    }
    FILE *out = tmpfile();
    FILE *log = tmpfile();
    assert_non_null(out);
    assert_non_null(log);
    r.code = ch_program_run(&PROGRAM, argc, argv, out, log);
    stream_take(out, r.out, sizeof(r.out));
    stream_take(log, r.log, sizeof(r.log));
    return r;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void flags_and_operands_come_in_any_order(void **state) {
    (void)state;
    static const char *const lines[][8] = {
        {"play", "--tempo", "90", "--softly", "a", "b"},
        {"play", "a", "--tempo=90", "b", "--softly"},
        {"play", "--softly=true", "a", "--tempo", "20", "--tempo", "90", "b"},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *words[9] = {NULL};
        memcpy((void *)words, (const void *)lines[i], sizeof(lines[i]));
        const ran r = run(words);
        assert_string_equal(r.out, "play 90 1 0 [a] [b]");
        assert_int_equal(r.code, 0);
    }
}

static void defaults_hold_when_nothing_is_said(void **state) {
    (void)state;
    const ran r = RUN("play", "a");
    assert_string_equal(r.out, "play 120 0 0 [a]");
}

static void a_repeated_flag_collects_and_two_dashes_end_the_flags(void **state) {
    (void)state;
    const ran r = RUN("play", "--with", "horn", "--with=viola", "--", "--tempo");
    assert_string_equal(r.out, "play 120 0 2 [--tempo]");
    assert_string_equal(RUN("play", "-").out, "play 120 0 0 [-]");
}

static void a_failure_is_told_after_the_commands_name(void **state) {
    (void)state;
    const ran r = RUN("play", "out-of-tune");
    assert_int_equal(r.code, 3);
    assert_string_equal(r.log, "band play: the piano is out of tune\n");
}

static void a_command_can_be_told_again_to_a_shell(void **state) {
    (void)state;
    assert_string_equal(RUN("play", "again", "it's a $5 \"song\"").out,
                        "play 120 0 0 [again] [it's a $5 \"song\"] "
                        "<band play again 'it'\\''s a $5 \"song\"'> <band pl>");
    assert_string_equal(RUN("play", "again", "").out,
                        "play 120 0 0 [again] [] <band play again ''> <band pl>");
}

static void flags_can_be_stored_over_what_a_file_says(void **state) {
    (void)state;
    assert_string_equal(RUN("play", "by-file").out, "play 120 0 0 [by-file] OK 60 1 0");
    assert_string_equal(RUN("play", "--tempo=120", "by-file", "--with", "horn", "--", "-x").out,
                        "play 120 0 1 [by-file] [-x] OK 120 1 1");
    assert_string_equal(RUN("play", "--softly=false", "by-file", "-").out,
                        "play 120 0 0 [by-file] [-] OK 60 0 0");
}

static void what_does_not_parse_is_said_in_one_sentence(void **state) {
    (void)state;
    static const struct {
        const char *words[4];
        const char *sentence;
    } rows[] = {
        {{"plya"}, "band: 'plya' is not a command; did you mean 'play'?\n"},
        {{"sing"}, "band: 'sing' is not a command; 'band --help' lists them\n"},
        {{"hal", "list"}, "band: 'hal' is not a command; did you mean 'hall list'?\n"},
        {{"hall", "lits"}, "band: hall: 'lits' is not a command; did you mean 'hall list'?\n"},
        {{"hall", "burn"}, "band: hall: 'burn' is not a command; 'band --help' lists them\n"},
        {{"play"}, "band play: needs PIECE...\nTry 'band play --help'.\n"},
        {{"play", "a", "b", "c"},
         "band play: 'c' is one word too many; it takes PIECE..., at most 2\nTry 'band play "
         "--help'.\n"},
        {{"hall", "list", "x"},
         "band hall list: 'x' is one word too many; it takes none\nTry 'band hall list --help'.\n"},
        {{"play", "--tmepo", "90"},
         "band play: --tmepo is not known; did you mean '--tempo'?\nTry 'band play --help'.\n"},
        {{"play", "-q"}, "band play: -q is not known\nTry 'band play --help'.\n"},
        {{"play", "--tempo"},
         "band play: --tempo: needs a value: a whole number in [20, 300] "
         "bpm\nTry 'band play --help'.\n"},
        {{"play", "--tempo", "9"},
         "band play: --tempo: '9' is not a whole number in [20, 300] "
         "bpm\nTry 'band play --help'.\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *words[5] = {NULL};
        memcpy((void *)words, (const void *)rows[i].words, sizeof(rows[i].words));
        const ran r = run(words);
        assert_int_equal(r.code, 2);
        assert_string_equal(r.out, "");
        assert_string_equal(r.log, rows[i].sentence);
    }
}

static void help_that_was_asked_for_is_output_and_other_help_is_not(void **state) {
    (void)state;
    assert_non_null(strstr(RUN("--help").out, "usage: band COMMAND"));
    assert_non_null(strstr(RUN("play", "--help").out, "usage: band play PIECE... [options]"));
    assert_non_null(strstr(RUN("hall", "--help").out, "hall book"));
    assert_int_equal(RUN("hall", "--help").code, 0);
    const ran bare = run((const char *const[]){NULL});
    assert_int_equal(bare.code, 2);
    assert_string_equal(bare.out, "");
    assert_non_null(strstr(bare.log, "usage: band COMMAND"));
    assert_int_equal(RUN("hall").code, 2);
    assert_non_null(strstr(RUN("hall").log, "hall list"));
    assert_string_equal(RUN("--version").out, "band 1.2\n");
}

static void help_says_domain_and_default_of_every_flag(void **state) {
    (void)state;
    const ran r = RUN("play", "-h");
    assert_non_null(strstr(r.out, "  --tempo N               how fast\n"
                                  "                          a whole number in [20, 300] bpm; "
                                  "default 120\n"));
    assert_non_null(strstr(r.out, "  2      not understood\n"));
}

static void too_many_words_are_refused(void **state) {
    (void)state;
    char *argv[CH_PROGRAM_OPERANDS_MAX + 4] = {"band", "play"};
    for (int i = 2; i < CH_PROGRAM_OPERANDS_MAX + 4; i++) {
        argv[i] = "a";
    }
    FILE *log = tmpfile();
    assert_non_null(log);
    assert_int_equal(ch_program_run(&PROGRAM, CH_PROGRAM_OPERANDS_MAX + 4, argv, log, log), 2);
    char text[200];
    stream_take(log, text, sizeof(text));
    assert_string_equal(text, "band play: takes at most 64 words\nTry 'band play --help'.\n");
}

static void output_that_cannot_be_written_is_a_failure(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL) {
        skip();
    }
    FILE *log = tmpfile();
    char *argv[] = {"band", "--version"};
    assert_int_equal(ch_program_run(&PROGRAM, 2, argv, full, log), 1);
    (void)fclose(full);
    char text[100];
    stream_take(log, text, sizeof(text));
    assert_string_equal(text, "band: standard output could not be written\n");
}

static void output_that_cannot_be_written_is_told_of_a_failure_too(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL) {
        skip();
    }
    FILE *log = tmpfile();
    char *argv[] = {"band", "play", "out-of-tune"};
    assert_int_equal(ch_program_run(&PROGRAM, 3, argv, full, log), 3);
    (void)fclose(full);
    char text[100];
    stream_take(log, text, sizeof(text));
    assert_string_equal(text, "band play: the piano is out of tune\n"
                              "band: standard output could not be written\n");
}

static void every_format_of_the_manual_names_every_flag(void **state) {
    (void)state;
    char text[8192];
    FILE *file = tmpfile();
    assert_non_null(file);
    ch_manual_command_man(file, &PROGRAM, &PLAY);
    ch_manual_program_man(file, &PROGRAM);
    stream_take(file, text, sizeof(text));
    assert_non_null(
        strstr(text, ".TP\n.B \\-\\-tempo \\fIN\\fR\nhow fast\n.br\na whole number in [20, 300] "
                     "bpm; default 120\n"));
    assert_non_null(strstr(text, ".TP\n.B hall book\nbook one\n"));
    file = tmpfile();
    assert_non_null(file);
    ch_manual_completion(file, &PROGRAM);
    stream_take(file, text, sizeof(text));
    assert_non_null(strstr(text, "\"play\"\\ *) words=\"--help --tempo --softly --with\" ;;"));
    file = tmpfile();
    assert_non_null(file);
    ch_manual_options_markdown(file, &OPTIONS, &DEFAULTS);
    stream_take(file, text, sizeof(text));
    assert_non_null(
        strstr(text, "| `--tempo` | `120` | how fast | a whole number in [20, 300] bpm |\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_and_operands_come_in_any_order),
        cmocka_unit_test(defaults_hold_when_nothing_is_said),
        cmocka_unit_test(a_repeated_flag_collects_and_two_dashes_end_the_flags),
        cmocka_unit_test(a_failure_is_told_after_the_commands_name),
        cmocka_unit_test(a_command_can_be_told_again_to_a_shell),
        cmocka_unit_test(flags_can_be_stored_over_what_a_file_says),
        cmocka_unit_test(what_does_not_parse_is_said_in_one_sentence),
        cmocka_unit_test(help_that_was_asked_for_is_output_and_other_help_is_not),
        cmocka_unit_test(help_says_domain_and_default_of_every_flag),
        cmocka_unit_test(too_many_words_are_refused),
        cmocka_unit_test(output_that_cannot_be_written_is_a_failure),
        cmocka_unit_test(output_that_cannot_be_written_is_told_of_a_failure_too),
        cmocka_unit_test(every_format_of_the_manual_names_every_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
