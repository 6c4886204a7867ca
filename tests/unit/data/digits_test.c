/* The generators, digits and synthetic: determinism, independence of asking, and what is drawn. */
#include "support/check.h"

#include "base/sha256.h"
#include "data/deviates.h"
#include "data/generator.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 40, PIXELS = 28 * 28 };

typedef struct drawn_digits {
    uint8_t bytes[COUNT * PIXELS];
    uint32_t labels[COUNT];
} drawn_digits;

static void digits_draw(drawn_digits *d, uint64_t seed, uint32_t writer, uint32_t count) {
    const ch_generator g = {.ops = &ch_generator_digits, .seed = seed, .mean = COUNT};
    const ch_drawing to = {.bytes = d->bytes, .labels = d->labels};
    g.ops->draw(&g, writer, count, &to);
}

static void a_writer_is_a_pure_function_of_seed_and_number(void **state) {
    (void)state;
    drawn_digits a;
    drawn_digits b;
    digits_draw(&a, 1, 7, COUNT);
    digits_draw(&b, 1, 8, COUNT);
    assert_memory_not_equal(a.bytes, b.bytes, sizeof(a.bytes));
    digits_draw(&b, 2, 7, COUNT);
    assert_memory_not_equal(a.bytes, b.bytes, sizeof(a.bytes));
    digits_draw(&b, 1, 7, COUNT);
    assert_memory_equal(a.bytes, b.bytes, sizeof(a.bytes));
    assert_memory_equal(a.labels, b.labels, sizeof(a.labels));
    digits_draw(&b, 3, 9, COUNT);
    digits_draw(&b, 1, 7, COUNT / 2); // fewer are the first ones of more
    assert_memory_equal(a.bytes, b.bytes, sizeof(a.bytes) / 2);
}

static void digits_are_the_same_on_every_machine(void **state) {
    (void)state;
    drawn_digits d;
    uint8_t hash[32];
    char text[17];
    digits_draw(&d, 1, 0, COUNT);
    ch_sha256_of(d.bytes, sizeof(d.bytes), hash);
    for (int i = 0; i < 8; i++) {
        (void)snprintf(text + 2 * (size_t)i, 3, "%02x", hash[i]);
    }
    assert_string_equal(text, "2b771937e5266aa1");
}

static void every_digit_has_ink_inside_a_clear_margin(void **state) {
    (void)state;
    uint32_t labels = 0;
    uint32_t at_edge = 0;
    double inked = 0;
    for (uint32_t writer = 0; writer < 50; writer++) {
        drawn_digits d;
        digits_draw(&d, 5, writer, COUNT);
        for (uint32_t i = 0; i < COUNT; i++) {
            const uint8_t *image = d.bytes + (size_t)i * PIXELS;
            uint32_t ink = 0;
            bool edge = false;
            for (uint32_t p = 0; p < PIXELS; p++) {
                ink += image[p] > 127;
                edge = edge || (image[p] > 127 && (p < 28 || p >= PIXELS - 28));
            }
            assert_in_range(d.labels[i], 0, 9);
            assert_in_range(ink, 8, 450);
            labels |= 1U << d.labels[i];
            at_edge += edge;
            inked += ink;
        }
    }
    assert_int_equal(labels, 0x3FF);
    assert_true(at_edge < 60); // of 2000: hardly any is cut at the top or bottom
    check_near(inked / (50 * COUNT * PIXELS), 0.12, 0.04);
}

static void sizes_are_unbalanced_around_their_mean_and_bounded(void **state) {
    (void)state;
    enum { CLIENTS = 20000 };
    const ch_generator g = {.ops = &ch_generator_digits, .seed = 1, .mean = 100};
    double sum = 0;
    uint32_t below_half = 0;
    for (uint32_t k = 0; k < CLIENTS; k++) {
        const uint32_t n = ch_generator_count(&g, k);
        assert_in_range(n, 25, ch_generator_count_max(&g));
        assert_int_equal(n, ch_generator_count(&g, k));
        sum += n;
        below_half += n < 50;
    }
    check_near(sum / CLIENTS, 100, 2); // sigma is 53: 0.4 standard error, and the clamp
    assert_true(below_half > CLIENTS / 10);
    const ch_generator one = {.ops = &ch_generator_digits, .seed = 1, .mean = 1};
    for (uint32_t k = 0; k < 1000; k++) {
        assert_in_range(ch_generator_count(&one, k), 1, 4);
    }
}

static void source_texts_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *text;
        choir_status status;
        double alpha, beta;
    } rows[] = {
        {"digits", CHOIR_OK, 0, 0},
        {"synthetic", CHOIR_OK, 0.5, 0.5},
        {"synthetic(0,1)", CHOIR_OK, 0, 1},
        {"synthetic(1e-1,2.5)", CHOIR_OK, 0.1, 2.5},
        {"digits(1)", CHOIR_EINVAL, 0, 0},
        {"synthetic(", CHOIR_EINVAL, 0, 0},
        {"synthetic(1)", CHOIR_EINVAL, 0, 0},
        {"synthetic(1,2", CHOIR_EINVAL, 0, 0},
        {"synthetic(1,2,3)", CHOIR_EINVAL, 0, 0},
        {"synthetic(nan,1)", CHOIR_EINVAL, 0, 0},
        {"synthetic(-1,1)", CHOIR_EINVAL, 0, 0},
        {"synthetic( 0.5, 1)", CHOIR_OK, 0.5, 1},
        {"synthetic( 0x1p1, 1)", CHOIR_EINVAL, 0, 0},
        {"synthetic(0.5,1 )", CHOIR_EINVAL, 0, 0},
        {"synthetic(,1)", CHOIR_EINVAL, 0, 0},
        {"synthetic(1,2) ", CHOIR_EINVAL, 0, 0},
        {"mnist", CHOIR_EAGAIN, 0, 0},
        {"", CHOIR_EAGAIN, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_generator g = {0};
        choir_error err = {.message = ""};
        check_status(ch_generator_parse(&g, rows[i].text, &err), rows[i].status);
        if (rows[i].status == CHOIR_OK) {
            check_near(g.parameter[0], rows[i].alpha, 0);
            check_near(g.parameter[1], rows[i].beta, 0);
        }
        assert_true((err.message[0] != '\0') == (rows[i].status == CHOIR_EINVAL));
    }
}

enum { FEATURES = 60, CLASSES = 10, WEIGHTS = (FEATURES + 1) * CLASSES };

/* W_k = W + sqrt(alpha) D_k and b_k, as synthetic.c writes them. */
static void law_of(double w[WEIGHTS], uint64_t seed, uint32_t client, double alpha) {
    ch_rng shared = ch_rng_stream(seed, CH_PURPOSE_DATA, 1, 0);
    ch_rng own = ch_rng_stream(seed, CH_PURPOSE_DATA, 2, client);
    for (uint32_t i = 0; i < WEIGHTS; i++) {
        w[i] = ch_rng_normal(&shared) + sqrt(alpha) * ch_rng_normal(&own);
    }
}

static uint32_t label_of(const double w[WEIGHTS], const float *x) {
    double scores[CLASSES];
    uint32_t best = 0;
    for (uint32_t c = 0; c < CLASSES; c++) {
        const double *row = w + (size_t)c * (FEATURES + 1);
        scores[c] = row[FEATURES];
        for (uint32_t j = 0; j < FEATURES; j++) {
            scores[c] += row[j] * (double)x[j];
        }
        best = scores[c] > scores[best] ? c : best;
    }
    return best;
}

/* How often another client's law gives an input the label that its own client gave it. */
static double label_agreement(double alpha) {
    enum { SEEDS = 300, EXAMPLES = 10 };
    static float x[EXAMPLES * FEATURES];
    uint32_t labels[EXAMPLES];
    uint32_t agreed = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const ch_generator g = {.ops = &ch_generator_synthetic,
                                .seed = seed,
                                .mean = EXAMPLES,
                                .parameter = {alpha, 0}};
        const ch_drawing to = {.reals = x, .labels = labels};
        double own[WEIGHTS];
        double other[WEIGHTS];
        g.ops->draw(&g, 0, EXAMPLES, &to);
        law_of(own, seed, 0, alpha);
        law_of(other, seed, 1, alpha);
        for (uint32_t i = 0; i < EXAMPLES; i++) {
            assert_int_equal(labels[i], label_of(own, x + (size_t)i * FEATURES));
            agreed += labels[i] == label_of(other, x + (size_t)i * FEATURES);
        }
    }
    return agreed / (double)(SEEDS * EXAMPLES);
}

/*
 * For a given x two clients' scores are ten pairs of normal deviates of correlation 1 / (1 +
 * alpha); how often their largest is the same one was counted over 60,000 draws of such pairs.
 */
static void synthetic_clients_disagree_as_much_as_alpha_says(void **state) {
    (void)state;
    check_near(label_agreement(0), 1, 0);
    check_near(label_agreement(0.5), 0.397, 0.04); // a standard error is 0.009
    check_near(label_agreement(10), 0.126, 0.03);
}

/* Sums over clients of what their inputs show of the law behind them. */
typedef struct input_moments {
    double within[FEATURES]; // variance of each feature around its client's mean
    double across;           // variance of a client's means over its features
    double middle;           // the mean of those means
    double middle_square;
} input_moments;

static void moments_add(input_moments *m, const float *x, uint32_t count) {
    double means[FEATURES];
    double middle = 0;
    for (uint32_t j = 0; j < FEATURES; j++) {
        double sum = 0;
        double square = 0;
        for (uint32_t i = 0; i < count; i++) {
            const double value = (double)x[i * FEATURES + j];
            sum += value;
            square += value * value;
        }
        means[j] = sum / count;
        middle += means[j] / FEATURES;
        m->within[j] += (square - count * means[j] * means[j]) / (count - 1);
    }
    for (uint32_t j = 0; j < FEATURES; j++) {
        m->across += (means[j] - middle) * (means[j] - middle) / (FEATURES - 1);
    }
    m->middle += middle;
    m->middle_square += middle * middle;
}

/* Around each number of the law, four standard errors of what so many examples show of it. */
static void synthetic_inputs_have_the_variances_of_their_law(void **state) {
    (void)state;
    enum { CLIENTS = 2000, EXAMPLES = 10 };
    static float x[EXAMPLES * FEATURES];
    uint32_t labels[EXAMPLES];
    const double beta = 0.25; // unlike its square and its root
    const ch_generator g = {
        .ops = &ch_generator_synthetic, .seed = 1, .mean = EXAMPLES, .parameter = {0.5, beta}};
    const ch_drawing to = {.reals = x, .labels = labels};
    input_moments m = {.across = 0};
    for (uint32_t client = 0; client < CLIENTS; client++) {
        g.ops->draw(&g, client, EXAMPLES, &to);
        moments_add(&m, x, EXAMPLES);
    }
    double blur = 0; // what examples add to the variance of means, on average
    for (uint32_t j = 0; j < FEATURES; j++) {
        const double variance = pow(j + 1, -1.2);
        check_near(m.within[j] / CLIENTS / variance, 1, 0.042);
        blur += variance / FEATURES / EXAMPLES;
    }
    check_near((m.across / CLIENTS - blur) / beta, 1, 0.017);
    const double middle = m.middle / CLIENTS;
    check_near(middle, 0, 0.045);
    const double varied = m.middle_square / CLIENTS - middle * middle;
    check_near((varied - (beta + blur) / FEATURES) / beta, 1, 0.13);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_writer_is_a_pure_function_of_seed_and_number),
        cmocka_unit_test(digits_are_the_same_on_every_machine),
        cmocka_unit_test(every_digit_has_ink_inside_a_clear_margin),
        cmocka_unit_test(sizes_are_unbalanced_around_their_mean_and_bounded),
        cmocka_unit_test(source_texts_are_checked),
        cmocka_unit_test(synthetic_clients_disagree_as_much_as_alpha_says),
        cmocka_unit_test(synthetic_inputs_have_the_variances_of_their_law),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
