/* Option tables: every type both ways, and the sentence for everything that can be wrong. */
#include "support/check.h"

#include "base/options.h"

#include <stdbool.h>
#include <string.h>

typedef struct orchestra {
    uint32_t players;
    uint64_t seed;
    double pitch;
    char hall[8];
    char key[16];
    bool silent;
    ch_option_texts pieces;
} orchestra;

#define FIELD(member) offsetof(orchestra, member)

static const ch_option ROWS[] = {
    {"stage.players", CH_OPTION_U32, FIELD(players), 1, 120, "", NULL, "on the stage"},
    {"stage.seed", CH_OPTION_U64, FIELD(seed), 0, 9007199254740991, "", NULL, "of the draw"},
    {"sound.pitch", CH_OPTION_F64, FIELD(pitch), 0.5, 440, "Hz", NULL, "of the a"},
    {"sound.hall", CH_OPTION_TEXT, FIELD(hall), 0, 8, "", NULL, "where"},
    {"sound.key", CH_OPTION_TEXT, FIELD(key), 0, 16, "", "major|minor", "of the piece"},
    {"silent", CH_OPTION_FLAG, FIELD(silent), 0, 0, "", NULL, "for Cage"},
    {"piece", CH_OPTION_TEXTS, FIELD(pieces), 0, 0, "", NULL, "to play"},
};

static const ch_options TABLE = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};

static void every_type_is_stored_and_read_back(void **state) {
    (void)state;
    static const struct {
        const char *key, *value;
    } rows[] = {
        {"stage.players", "120"}, {"stage.seed", "9007199254740991"},
        {"sound.pitch", "432.5"}, {"sound.hall", "Musik"},
        {"sound.key", "minor"},   {"silent", "true"},
    };
    orchestra o;
    memset(&o, 0, sizeof(o));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[CH_OPTION_VALUE_MAX];
        check_status(ch_options_set(&TABLE, &o, rows[i].key, rows[i].value, "", NULL), CHOIR_OK);
        ch_options_get(ch_options_find(&TABLE, rows[i].key), &o, text, sizeof(text));
        assert_string_equal(text, rows[i].value);
    }
    assert_int_equal(o.players, 120);
    assert_true(o.seed == 9007199254740991U);
    assert_true(o.pitch == 432.5);
    assert_string_equal(o.hall, "Musik");
    assert_true(o.silent);
}

static void a_shorter_text_leaves_nothing_of_the_longer_one(void **state) {
    (void)state;
    orchestra a = {.hall = "a"};
    orchestra b = {.hall = ""};
    check_status(ch_options_set(&TABLE, &b, "sound.hall", "longest", "", NULL), CHOIR_OK);
    check_status(ch_options_set(&TABLE, &b, "sound.hall", "a", "", NULL), CHOIR_OK);
    assert_memory_equal(a.hall, b.hall, sizeof(a.hall));
}

static void minus_zero_is_stored_as_zero(void **state) {
    (void)state;
    static const ch_option row = {"x", CH_OPTION_F64, 0, -1, 1, "", NULL, "a number"};
    const ch_options table = {&row, 1};
    double x = 1;
    const double zero = 0;
    check_status(ch_options_set(&table, &x, "x", "-0", "", NULL), CHOIR_OK);
    assert_memory_equal(&x, &zero, sizeof(x));
}

static void what_is_wrong_is_said_in_one_sentence(void **state) {
    (void)state;
    static const struct {
        const char *key, *value, *message;
    } rows[] = {
        {"stage.player", "1", "a.yaml:7: stage.player is not known; did you mean 'stage.players'?"},
        {"sound.seed", "1", "a.yaml:7: sound.seed is not known; did you mean 'stage.seed'?"},
        {"plaeyrs", "1", "a.yaml:7: plaeyrs is not known; did you mean 'stage.players'?"},
        {"conductor", "1", "a.yaml:7: conductor is not known"},
        {"\x1b[1m", "1", "a.yaml:7: ?[1m is not known"},
        {"stage.players", "0", "a.yaml:7: stage.players: '0' is not a whole number in [1, 120]"},
        {"stage.players", "121",
         "a.yaml:7: stage.players: '121' is not a whole number in [1, 120]"},
        {"stage.players", "4294967297",
         "a.yaml:7: stage.players: '4294967297' is not a whole number in [1, 120]"},
        {"stage.players", "2.5",
         "a.yaml:7: stage.players: '2.5' is not a whole number in [1, 120]"},
        {"stage.players", "", "a.yaml:7: stage.players: '' is not a whole number in [1, 120]"},
        {"stage.seed", "-1",
         "a.yaml:7: stage.seed: '-1' is not a whole number in [0, 9007199254740991]"},
        {"sound.pitch", "nan", "a.yaml:7: sound.pitch: 'nan' is not a number in [0.5, 440] Hz"},
        {"sound.pitch", "0.49", "a.yaml:7: sound.pitch: '0.49' is not a number in [0.5, 440] Hz"},
        {"sound.hall", "Gewandhaus",
         "a.yaml:7: sound.hall: 'Gewandhaus' is not printable text of at most 7 bytes"},
        {"sound.hall", "a\nb",
         "a.yaml:7: sound.hall: 'a?b' is not printable text of at most 7 "
         "bytes"},
        {"sound.key", "mjor",
         "a.yaml:7: sound.key: 'mjor' is not one of major, minor; did you mean 'major'?"},
        {"sound.key", "dorian", "a.yaml:7: sound.key: 'dorian' is not one of major, minor"},
        {"silent", "yes", "a.yaml:7: silent: 'yes' is not true or false"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        orchestra o = {.players = 3};
        const orchestra before = o;
        choir_error err = {.message = ""};
        check_status(ch_options_set(&TABLE, &o, rows[i].key, rows[i].value, "a.yaml:7", &err),
                     CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
        assert_memory_equal(&o, &before, sizeof(o));
    }
}

static void texts_collect_until_there_is_no_room(void **state) {
    (void)state;
    orchestra o = {.players = 1};
    for (int i = 0; i < CH_OPTION_TEXTS_MAX; i++) {
        check_status(ch_options_set(&TABLE, &o, "piece", "4'33\"", "", NULL), CHOIR_OK);
    }
    choir_error err = {.message = ""};
    check_status(ch_options_set(&TABLE, &o, "piece", "encore", "", &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "piece: 'encore' is one too many; at most 64 may be given");
    assert_int_equal(o.pieces.count, CH_OPTION_TEXTS_MAX);
}

static void long_values_fit_in_the_message(void **state) {
    (void)state;
    char value[2000];
    memset(value, 'x', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    orchestra o = {.players = 1};
    choir_error err = {.message = ""};
    check_status(ch_options_set(&TABLE, &o, value, "1", "", &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "xxx... is not known"));
    check_status(ch_options_set(&TABLE, &o, "sound.key", value, "", &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "xxx...' is not one of major, minor"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_stored_and_read_back),
        cmocka_unit_test(a_shorter_text_leaves_nothing_of_the_longer_one),
        cmocka_unit_test(minus_zero_is_stored_as_zero),
        cmocka_unit_test(what_is_wrong_is_said_in_one_sentence),
        cmocka_unit_test(texts_collect_until_there_is_no_room),
        cmocka_unit_test(long_values_fit_in_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
