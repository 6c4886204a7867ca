/* The zoo: the paper's parameter counts, and models sized from the data. */
#include "support/check.h"

#include "nn/net.h"
#include "train/zoo.h"

#include <string.h>

static uint32_t parameters(const char *layers, ch_shape shape, uint32_t steps) {
    const choir_env env = choir_env_default();
    ch_net_options o = ch_net_defaults();
    o.layers = layers;
    o.height = shape.height;
    o.width = shape.width;
    o.channels = shape.channels;
    o.steps = steps;
    o.batch_max = 10;
    o.forward_only = true;
    ch_net *net = NULL;
    choir_error err = {.message = ""};
    const choir_status status = ch_net_create(&net, &o, &env, &err);
    if (status != CHOIR_OK) {
        fail_msg("%s: %s", layers, err.message);
    }
    const uint32_t dim = ch_net_layout(net)->dim;
    ch_net_destroy(net);
    return dim;
}

static void every_named_model_has_the_parameters_it_says(void **state) {
    (void)state;
    uint32_t counted = 0;
    for (uint32_t i = 0; i < CH_ZOO_COUNT; i++) {
        const ch_zoo_row *row = &CH_ZOO[i];
        if (row->parameters == 0) {
            continue;
        }
        const bool is_text = row->tokens > 0;
        const ch_shape shape = is_text ? (ch_shape){1, 1, 1} : row->shape;
        choir_job_model o = {.name = ""};
        char layers[CH_LAYERS_TEXT_MAX];
        memcpy(o.name, row->name, strlen(row->name));
        check_status(
            ch_zoo_layers(&o, shape, is_text, is_text ? row->tokens : row->classes, layers, NULL),
            CHOIR_OK);
        assert_int_equal(parameters(layers, shape, is_text ? 80 : 0), row->parameters);
        counted += 1;
    }
    assert_int_equal(counted, 7);
}

static void models_of_text_take_any_number_of_tokens(void **state) {
    (void)state;
    const ch_shape line = {1, 1, 80};
    char layers[CH_LAYERS_TEXT_MAX];
    choir_job_model o = {.name = "char-lstm-plain"};
    check_status(ch_zoo_layers(&o, line, true, 90, layers, NULL), CHOIR_OK);
    assert_string_equal(layers, "embedding 90 8 | lstm 256 | lstm 256 | dense 90");
    o = (choir_job_model){.name = "next-word"};
    check_status(ch_zoo_layers(&o, line, true, 500, layers, NULL), CHOIR_OK);
    assert_string_equal(layers, "embedding 500 96 | lstm 670/96 cifg | unembedding");
    choir_error err = {.message = ""};
    check_status(ch_zoo_layers(&o, line, false, 500, layers, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "model.name: 'next-word' reads text, and the data is none; "
                                     "models for it are softmax, mlp, mnist-2nn, mnist-cnn, "
                                     "cifar-cnn");
    o = (choir_job_model){.name = "mlp"};
    check_status(ch_zoo_layers(&o, line, true, 500, layers, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "model.name: 'mlp' reads no text, and the data is text; models "
                        "for it are char-lstm, char-lstm-plain, word-lstm, next-word");
}

static void sized_models_follow_the_data(void **state) {
    (void)state;
    const ch_shape row = {1, 1, 60};
    char layers[CH_LAYERS_TEXT_MAX];
    choir_job_model o = {.name = "softmax"};
    check_status(ch_zoo_layers(&o, row, false, 7, layers, NULL), CHOIR_OK);
    assert_string_equal(layers, "dense 7");
    assert_int_equal(parameters(layers, row, 0), 60 * 7 + 7);
    o = (choir_job_model){.name = "mlp", .hidden = "30,20"};
    check_status(ch_zoo_layers(&o, row, false, 0, layers, NULL), CHOIR_OK);
    assert_string_equal(layers, "dense 30 | relu | dense 20 | relu | dense 1");
    assert_int_equal(parameters(layers, row, 0), 61 * 30 + 31 * 20 + 21);
    o = (choir_job_model){.name = "mlp",
                          .hidden = "10,10,10,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"};
    check_status(ch_zoo_layers(&o, row, false, UINT32_MAX, layers, NULL), CHOIR_OK); // 24 of them
}

static void what_does_not_fit_is_named(void **state) {
    (void)state;
    const ch_shape picture = {28, 28, 1};
    const struct {
        choir_job_model options;
        ch_shape shape;
        uint32_t classes;
        const char *message;
    } rows[] = {
        {{.name = "mnist-3nn"},
         picture,
         10,
         "model.name: 'mnist-3nn' is not known; did you mean 'mnist-2nn'? there are softmax, "},
        {{.name = "mnist-2nn"},
         {32, 32, 3},
         10,
         "model.name: 'mnist-2nn' wants 28x28x1 inputs and 10"},
        {{.name = "cifar-cnn"},
         {32, 32, 3},
         10,
         "model.name: 'cifar-cnn' wants 24x24x3 inputs and 10 classes, the data has 32x32x3 and "
         "10; "
         "data.crop: 24 cuts larger pictures to that size; 'softmax' and 'mlp' fit any data"},
        {{.name = "mnist-2nn"}, picture, 47, "the data has 28x28x1 and 47"},
        {{.name = "mlp"}, picture, 10, "model.hidden: '' is not a list of sizes in [1, 65536]"},
        {{.name = "mlp", .hidden = "200,"}, picture, 10, "model.hidden: '200,' is not a list"},
        {{.name = "mlp", .hidden = "-1"}, picture, 10, "model.hidden: '-1' is not a list"},
        {{.name = "mlp", .hidden = "+5"}, picture, 10, "model.hidden: '+5' is not a list"},
        {{.name = "mlp", .hidden = " 5"}, picture, 10, "model.hidden: ' 5' is not a list"},
        {{.name = "mlp", .hidden = "5,,5"}, picture, 10, "model.hidden: '5,,5' is not a list"},
        {{.name = "mlp", .hidden = " -18446744073709551606"},
         picture,
         10,
         "model.hidden: ' -18446744073709551606' is not a list of sizes in [1, 65536] like"},
        {{.name = "mlp", .hidden = "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"},
         picture,
         10,
         "1,1' has more than 24 sizes"},
        {{.name = "mlp", .hidden = "99999"}, picture, 10, "model.hidden: '99999' is not a list"},
        {{.name = "softmax", .hidden = "9"}, picture, 10, "model 'softmax' has no hidden sizes"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char layers[CH_LAYERS_TEXT_MAX];
        choir_error err = {.message = ""};
        check_status(
            ch_zoo_layers(&rows[i].options, rows[i].shape, false, rows[i].classes, layers, &err),
            CHOIR_EINVAL);
        if (strstr(err.message, rows[i].message) == NULL) {
            fail_msg("'%s' does not say '%s'", err.message, rows[i].message);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_named_model_has_the_parameters_it_says),
        cmocka_unit_test(models_of_text_take_any_number_of_tokens),
        cmocka_unit_test(sized_models_follow_the_data),
        cmocka_unit_test(what_does_not_fit_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
