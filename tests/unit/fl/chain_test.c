/* Chains: what fits together, both ends of every link, and the sensitivity they promise. */
#include "support/check.h"

#include "base/rng.h"
#include "fl/aggregator.h"
#include "fl/chain.h"

#include <string.h>

enum { DIM = 50 };

static ch_chain chain_of(const char *text) {
    ch_chain chain;
    choir_error err = {.message = ""};
    if (ch_chain_parse(&chain, text, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return chain;
}

static double norm_of(const float values[DIM]) {
    return ch_fold_measure(values, DIM).norm;
}

static void delta_fill(float delta[DIM], double norm, uint32_t stream) {
    ch_rng rng = ch_rng_stream(4, CH_PURPOSE_TEST, stream, 0);
    for (int i = 0; i < DIM; i++) {
        delta[i] = (float)(2 * ch_rng_unit(&rng) - 1);
    }
    const double factor = norm / norm_of(delta);
    for (int i = 0; i < DIM; i++) {
        delta[i] = (float)((double)delta[i] * factor);
    }
}

static void chains_in_their_order_are_read(void **state) {
    (void)state;
    const ch_chain both = chain_of("clip=1.5|weight=1000");
    assert_int_equal(both.count, 2);
    assert_true(both.links[0].knob == 1.5);
    assert_true(both.links[1].knob == 1000);
    assert_int_equal(chain_of("weight").count, 1);
    assert_true(chain_of("clip|uniform").links[0].knob == 1); // its default
}

static void blanks_around_links_and_numbers_are_nothing(void **state) {
    (void)state;
    const ch_chain plain = chain_of("clip=1.5|weight=1000");
    const ch_chain blank = chain_of(" clip = 1.5\t| weight= 1000 ");
    assert_int_equal(blank.count, plain.count);
    for (uint32_t i = 0; i < plain.count; i++) {
        assert_true(blank.links[i].ops == plain.links[i].ops);
        assert_true(blank.links[i].knob == plain.links[i].knob);
    }
}

static void chains_that_do_not_fit_are_refused_with_a_reason(void **state) {
    (void)state;
#define CLIP_PLACE                                                                                 \
    "write it once, and before the weight: clipping what has been weighted does not bound the "    \
    "mean"
#define WEIGHT_PLACE                                                                               \
    "exactly one link, 'weight' or 'uniform', says how examples count, and it stands before "      \
    "noise, quantise and mask"
#define NOTHING "chain: nothing says how a client's examples count; add 'weight' or 'uniform'"
    const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", NOTHING},
        {"clip=1", NOTHING},
        {"weight|clip=1", "chain: 'clip' may not follow 'weight': " CLIP_PLACE},
        {"uniform|clip", "chain: 'clip' may not follow 'uniform': " CLIP_PLACE},
        {"clip=1|clip=2|weight", "chain: 'clip' may not follow 'clip': " CLIP_PLACE},
        {"weight|uniform", "chain: 'uniform' may not follow 'weight': " WEIGHT_PLACE},
        {"uniform|weight", "chain: 'weight' may not follow 'uniform': " WEIGHT_PLACE},
        {"weight|weight", "chain: 'weight' may not follow 'weight': " WEIGHT_PLACE},
        {"clop|weight", "chain: 'clop' is no link; known: clip, weight, uniform"},
        {"clip|", "chain: '' is no link; known: clip, weight, uniform"},
        {"|weight", "chain: '' is no link; known: clip, weight, uniform"},
        {" |weight", "chain: '' is no link; known: clip, weight, uniform"},
        {"clip=|weight", "chain: 'clip=' must be a number in [1e-06, 1e+06]: the largest L2 norm "
                         "of an update"},
        {"clip=0|weight", "chain: 'clip=0' must be a number in [1e-06, 1e+06]: the largest L2 "
                          "norm of an update"},
        {"clip=1x|weight", "chain: 'clip=1x' must be a number in [1e-06, 1e+06]: the largest L2 "
                           "norm of an update"},
        {"clip=nan|weight", "chain: 'clip=nan' must be a number in [1e-06, 1e+06]: the largest "
                            "L2 norm of an update"},
        {"weight=2.5", "chain: 'weight=2.5' must be a whole number in [1, 1.07374e+09]: the most "
                       "examples a client counts for"},
        {"uniform=1", "chain: 'uniform' takes no number, but has '1'"},
        {"clip|clip|clip|clip|clip|clip|clip|clip|weight", "chain: more than 8 links"},
        {NULL, "chain: a text of at most 127 bytes is needed"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ch_chain chain = {0};
        choir_error err;
        check_status(ch_chain_parse(&chain, cases[i].text, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(chain.count, 0);
    }
}

static void clip_bounds_long_updates_and_leaves_short_ones_alone(void **state) {
    (void)state;
    const ch_chain chain = chain_of("clip=2|weight");
    const double norms[] = {1e-3, 1.9999, 2.0001, 5, 1e4};
    for (uint32_t i = 0; i < 5; i++) {
        float before[DIM];
        float after[DIM];
        delta_fill(before, norms[i], i);
        memcpy(after, before, sizeof(after));
        ch_payload p = {.delta = after, .dim = DIM, .examples = 7};
        ch_chain_client(&chain, &p);
        assert_int_equal(p.examples, 7);
        if (norms[i] < 2) {
            assert_memory_equal(after, before, sizeof(after));
        } else {
            check_near(norm_of(after), 2, 2 * 0x1p-24);
            const double factor = 2 / norm_of(before);
            for (int j = 0; j < DIM; j++) {
                check_near(after[j], (double)before[j] * factor, 1e-6);
            }
        }
        ch_offer offer = {.norm = norm_of(after), .weight = 7};
        check_status(ch_chain_server(&chain, &offer), CHOIR_OK); // what it clipped, it accepts
    }
}

static void clip_holds_devices_to_their_promise(void **state) {
    (void)state;
    const ch_chain chain = chain_of("clip=2|uniform");
    const struct {
        double norm;
        choir_status status;
    } cases[] = {{2, CHOIR_OK},
                 {2 * (1 + 0x1p-20), CHOIR_OK},
                 {2 * (1 + 0x1p-19), CHOIR_ERANGE},
                 {1e9, CHOIR_ERANGE},
                 {NAN, CHOIR_ERANGE}};
    for (int i = 0; i < 5; i++) {
        ch_offer offer = {.norm = cases[i].norm, .weight = 1};
        check_status(ch_chain_server(&chain, &offer), cases[i].status);
    }
}

static void weight_caps_what_both_ends_count(void **state) {
    (void)state;
    const struct {
        const char *text;
        uint32_t examples;
        uint32_t counted;
    } cases[] = {{"weight", 600, 600},        {"weight", 1, 1},     {"weight=100", 600, 100},
                 {"weight=100", 100, 100},    {"weight=1", 600, 1}, {"uniform", 600, 1},
                 {"clip|weight=50", 600, 50}, {"uniform", 1, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const ch_chain chain = chain_of(cases[i].text);
        const choir_metrics trained = {.examples = UINT64_C(2) * cases[i].examples,
                                       .correct = cases[i].examples,
                                       .loss_q20 = (int64_t)cases[i].examples << 21};
        float delta[DIM] = {0};
        ch_payload p = {.delta = delta,
                        .dim = DIM,
                        .examples = cases[i].examples,
                        .epochs = 2,
                        .metrics = trained};
        ch_chain_client(&chain, &p);
        assert_int_equal(p.examples, cases[i].counted);
        // a device that did not run its end
        ch_offer offer = {.weight = cases[i].examples, .epochs = 2, .metrics = trained};
        check_status(ch_chain_server(&chain, &offer), CHOIR_OK);
        assert_int_equal(offer.weight, cases[i].counted);
        const bool is_uniform = strcmp(cases[i].text, "uniform") == 0;
        const uint32_t over = is_uniform ? 100 : 2 * cases[i].counted;
        assert_int_equal(p.metrics.examples, over);
        assert_int_equal(p.metrics.correct, over / 2);
        assert_int_equal(p.metrics.loss_q20, (int64_t)over << 20);
        assert_memory_equal(&offer.metrics, &p.metrics, sizeof(p.metrics));
        assert_int_equal(ch_chain_weight_max(&chain, cases[i].examples), cases[i].counted);
    }
}

/* Any accepted update moves the sum by no more than the sensitivity says, rounding included. */
static void no_client_moves_the_sum_further_than_promised(void **state) {
    (void)state;
    const char *const chains[] = {"clip=0.5|weight", "clip=0.5|uniform", "weight=10", "uniform"};
    for (int c = 0; c < 4; c++) {
        const ch_chain chain = chain_of(chains[c]);
        const double norm_max = 3;
        const uint32_t examples_max = 100;
        int64_t sum[DIM];
        ch_aggregator a;
        check_status(ch_aggregator_init(&a, sum, DIM, 16, ch_chain_weight_max(&chain, examples_max),
                                        1, NULL),
                     CHOIR_OK);
        const double most = ch_chain_sensitivity(&chain, norm_max, examples_max, DIM, a.scale_bits);
        double longest = 0;
        for (uint32_t i = 0; i < 100; i++) {
            float delta[DIM];
            delta_fill(delta, norm_max * (1 - 1e-6) * (i + 1) / 100, i);
            ch_payload p = {.delta = delta, .dim = DIM, .examples = examples_max};
            ch_chain_client(&chain, &p);
            ch_offer offer = {.norm = norm_of(delta), .weight = p.examples};
            check_status(ch_chain_server(&chain, &offer), CHOIR_OK);
            ch_aggregator_reset(&a);
            ch_aggregator_add(&a, delta, offer.weight);
            double squares = 0;
            for (int j = 0; j < DIM; j++) {
                squares += ldexp((double)sum[j], -2 * (int)a.scale_bits) * (double)sum[j];
            }
            longest = sqrt(squares) > longest ? sqrt(squares) : longest;
        }
        assert_true(longest <= most);
        assert_true(longest >= 0.999 * most); // and the promise is no larger than it must be
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_in_their_order_are_read),
        cmocka_unit_test(blanks_around_links_and_numbers_are_nothing),
        cmocka_unit_test(chains_that_do_not_fit_are_refused_with_a_reason),
        cmocka_unit_test(clip_bounds_long_updates_and_leaves_short_ones_alone),
        cmocka_unit_test(clip_holds_devices_to_their_promise),
        cmocka_unit_test(weight_caps_what_both_ends_count),
        cmocka_unit_test(no_client_moves_the_sum_further_than_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
