/* Saved: what a model's file says of itself is believed only as choir would write it. */
#include "support/check.h"
#include "support/folder.h"

#include "base/text.h"
#include "run/labels.h"
#include "run/saved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[FOLDER_PATH_MAX];

/* A file of one tensor with these entries. Its path, for messages, is what folder_file gives. */
static choir_status saved_open(ch_saved *out, const ch_safetensors_pair *pairs, uint32_t count,
                               const choir_env *env, choir_error *err) {
    const choir_env plain = choir_env_default();
    const char *path = folder_file(folder, "m.safetensors");
    choir_layout layout = {.count = 1, .dim = 1};
    layout.tensors[0] = (choir_tensor){.name = "w", .rank = 1, .shape = {1}, .count = 1};
    const float params[] = {1};
    check_status(ch_safetensors_write(path, &layout, params, pairs, count, &plain, NULL), CHOIR_OK);
    return ch_saved_open(out, path, env, err);
}

static choir_status input_open(ch_saved *out, const char *input, choir_error *err) {
    const choir_env env = choir_env_default();
    const ch_safetensors_pair pairs[] = {{"choir.layers", "dense 10"}, {"choir.input", input}};
    return saved_open(out, pairs, 2, &env, err);
}

static void shapes_are_three_sizes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        ch_shape shape;
    } rows[] = {
        {"28x28x1", {28, 28, 1}},
        {"1x1x1", {1, 1, 1}},
        {"1x1x1048576", {1, 1, 1048576}},
        {"1024x1024x1", {1024, 1024, 1}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_saved saved;
        check_status(input_open(&saved, rows[i].text, NULL), CHOIR_OK);
        assert_memory_equal(&saved.input, &rows[i].shape, sizeof(saved.input));
        assert_string_equal(saved.layers, "dense 10");
        ch_saved_release(&saved);
    }
}

static void what_is_no_shape_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "28",
        "28x28",
        "28x28x",
        "28x28x1x1",
        "28x28x1 ",
        " 28x28x1",
        "28x 28x1",
        "+28x28x1",
        "-28x28x1",
        "28x-28x1",
        "0x28x1",
        "28x28x0",
        "028x28x1",
        "28x28x01",
        "28X28X1",
        "28,28,1",
        "x28x1",
        "28xx1",
        "28x28x1.0",
        "0x1cx28x1",
        "28x28x1\t",
        "1x1x1048577",
        "1024x1024x2",
        "65536x65536x65536",
        "2e1x28x1",
        "4294967297x1x1",
        "18446744073709551617x1x1",
        "99999999999999999999x1x1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ch_saved saved;
        choir_error err = {.message = ""};
        char shown[CH_TEXT_SHOWN_MAX];
        char expected[512];
        check_status(input_open(&saved, texts[i], &err), CHOIR_EPROTO);
        ch_text_show(shown, sizeof(shown), texts[i]);
        (void)snprintf(expected, sizeof(expected),
                       "%s: says '%s' for choir.input; right is a shape such as '28x28x1', of 1 to "
                       "1048576 values",
                       folder_file(folder, "m.safetensors"), shown);
        assert_string_equal(err.message, expected);
        ch_saved_release(&saved); // nothing is left of it
    }
}

static void other_entries_are_as_choir_writes_them(void **state) {
    (void)state;
    char layers[CH_LAYERS_TEXT_MAX + 1];
    char labels[CH_LABELS_TEXT_MAX + 1];
    memset(layers, 'a', sizeof(layers) - 1);
    memset(labels, 'a', sizeof(labels) - 1);
    layers[sizeof(layers) - 1] = labels[sizeof(labels) - 1] = '\0';
    const struct {
        ch_safetensors_pair pairs[2];
        uint32_t count;
        const char *why;
    } rows[] = {
        {{{"choir.layers", "dense 10"}}, 1, "says '' for choir.input; right is a shape such as"},
        {{{"choir.input", "1x1x4"}}, 1, "says '' for choir.layers; right is a text of layers"},
        {{{"choir.layers", ""}, {"choir.input", "1x1x4"}}, 2, "says '' for choir.layers;"},
        {{{"choir.layers", layers}, {"choir.input", "1x1x4"}}, 2, "aaa...' for choir.layers;"},
        {{{"choir.loss", "hinge"}},
         1,
         "says 'hinge' for choir.loss; right is cross-entropy or mean-squared-error"},
        {{{"choir.loss", "mean-squared-error "}}, 1, "says 'mean-squared-error ' for choir.loss;"},
        {{{"choir.labels", labels}}, 1, "aaa...' for choir.labels; right is a list of names such"},
        {{{"choir.preprocess", "flip"}}, 1, "says 'flip' for choir.preprocess; right is whiten"},
        {{{"choir.preprocess", ""}}, 1, "says '' for choir.preprocess; right is whiten"},
        {{{"choir.preprocess", "crop,whiten"}}, 1, "says 'crop,whiten' for choir.preprocess;"},
        {{{"choir.encoding", "{}"}}, 1, ": its encoding (choir.encoding) has no width from 1"},
        {{{"choir.encoding", ""}}, 1, ": its encoding (choir.encoding) is not a JSON object"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_saved saved;
        choir_error err = {.message = ""};
        check_status(saved_open(&saved, rows[i].pairs, rows[i].count, &env, &err), CHOIR_EPROTO);
        if (strstr(err.message, rows[i].why) == NULL) {
            fail_msg("'%s' does not say '%s'", err.message, rows[i].why);
        }
    }
}

static void a_model_of_sequences_says_how_long_they_were(void **state) {
    (void)state;
    static const struct {
        const char *input, *steps;
        bool is_right;
    } rows[] = {{"1x1x1", "80", true},  {"1x1x1", "4096", true}, {"1x1x1", "4097", false},
                {"1x1x1", "0", false},  {"1x1x1", "", false},    {"1x1x1", "8 ", false},
                {"1x1x2", "80", false}, {"28x28x1", "1", false}};
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ch_safetensors_pair pairs[] = {{"choir.layers", "embedding 9 2 | dense 9"},
                                             {"choir.input", rows[i].input},
                                             {"choir.steps", rows[i].steps}};
        ch_saved saved;
        choir_error err = {.message = ""};
        check_status(saved_open(&saved, pairs, 3, &env, &err),
                     rows[i].is_right ? CHOIR_OK : CHOIR_EPROTO);
        if (rows[i].is_right) {
            assert_int_equal(saved.steps, strtol(rows[i].steps, NULL, 10));
            ch_saved_release(&saved);
        } else {
            assert_non_null(strstr(err.message, "for choir.steps; right is a number of steps up to "
                                                "4096, of one value each"));
        }
    }
}

static void another_frameworks_file_says_nothing(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const ch_safetensors_pair pairs[] = {{"format", "pt"}};
    ch_saved saved;
    check_status(saved_open(&saved, pairs, 1, &env, NULL), CHOIR_OK);
    assert_string_equal(saved.layers, "");
    assert_string_equal(saved.labels, "");
    assert_int_equal(saved.encoding.width, 0);
    assert_int_equal(saved.loss, CH_LOSS_CROSS_ENTROPY);
    ch_saved_release(&saved);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    const ch_safetensors_pair pairs[] = {
        {"choir.encoding", "{\"width\":2,\"columns\":[{\"column\":1,\"mean\":0,\"scale\":1}],"
                           "\"label\":{\"column\":2}}"}};
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_saved saved;
        choir_error err = {.message = ""};
        m.status = saved_open(&saved, pairs, 1, &m.env, &err);
        assert_true(m.status == CHOIR_OK || err.message[0] != '\0');
        ch_saved_release(&saved);
    }
}

static int setup(void **state) {
    (void)state;
    folder_make(folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_three_sizes),
        cmocka_unit_test(what_is_no_shape_is_refused),
        cmocka_unit_test(other_entries_are_as_choir_writes_them),
        cmocka_unit_test(a_model_of_sequences_says_how_long_they_were),
        cmocka_unit_test(another_frameworks_file_says_nothing),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
