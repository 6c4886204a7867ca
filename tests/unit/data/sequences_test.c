/* Sequences: lines become examples that predict each of their tokens once. */
#include "support/check.h"

#include "data/sequences.h"

#include <string.h>

enum { STEPS = 4 };

static const choir_env *env(void) {
    static choir_env e;
    e = choir_env_default();
    return &e;
}

/* A data set whose training lines are the texts, of groups 0, 1, ... */
static ch_dataset dataset_of(const char *const *texts, uint32_t count) {
    ch_dataset d;
    ch_sequences s;
    ch_dataset_init(&d, env());
    ch_sequences_init(&s, STEPS, env());
    for (uint32_t i = 0; i < count; i++) {
        check_status(ch_sequences_add_bytes(&s, texts[i], strlen(texts[i]), i), CHOIR_OK);
    }
    ch_sequences_move(&s, CH_BYTE_TOKENS, &d, &d.train);
    ch_sequences_release(&s);
    return d;
}

static void check_example(const ch_examples *e, uint32_t row, const uint16_t *tokens,
                          uint32_t length) {
    assert_int_equal(e->spans[row].length, length);
    assert_memory_equal(e->tokens + e->spans[row].first, tokens, length * sizeof(tokens[0]));
}

static void a_line_is_its_bytes_between_a_beginning_and_an_end(void **state) {
    (void)state;
    static const uint16_t ab[] = {CH_TOKEN_BEGIN, 'a', 0xC3, CH_TOKEN_END};
    static const uint16_t none[] = {CH_TOKEN_BEGIN, CH_TOKEN_END};
    static const char *const texts[] = {"a\xC3", ""};
    ch_dataset d = dataset_of(texts, 2);
    assert_int_equal(d.train.count, 2);
    assert_int_equal(d.train.classes, 258);
    assert_int_equal(ch_shape_features(d.train.shape), STEPS);
    assert_true(ch_examples_are_sequences(&d.train));
    check_example(&d.train, 0, ab, 4);
    check_example(&d.train, 1, none, 2);
    assert_int_equal(d.cut, 0);
    ch_dataset_release(&d);
}

static void a_long_line_is_cut_and_every_token_is_predicted_once(void **state) {
    (void)state;
    char text[40] = "";
    for (uint32_t size = 0; size < sizeof(text); size++) {
        const char *const texts[] = {text};
        ch_dataset d = dataset_of(texts, 1);
        uint32_t next = 0; // of the answers
        for (uint32_t row = 0; row < d.train.count; row++) {
            const ch_span span = d.train.spans[row];
            const uint16_t *tokens = d.train.tokens + span.first;
            const uint32_t n = ch_examples_predictions(&d.train, row);
            assert_in_range(n, 1, STEPS);
            assert_true(n == STEPS || row + 1 == d.train.count);
            assert_int_equal(tokens[0], next == 0 ? CH_TOKEN_BEGIN : text[next - 1]);
            for (uint32_t t = 1; t < span.length; t++, next++) {
                assert_int_equal(tokens[t], next == size ? CH_TOKEN_END : text[next]);
            }
        }
        assert_int_equal(next, size + 1);
        assert_int_equal(d.cut, size + 1 > STEPS ? 1 : 0);
        ch_dataset_release(&d);
        text[size] = (char)('a' + size % 26);
        text[size + 1 < sizeof(text) ? size + 1 : size] = '\0';
    }
}

static void a_line_of_one_token_predicts_nothing(void **state) {
    (void)state;
    ch_sequences s;
    ch_sequences_init(&s, STEPS, env());
    check_status(ch_sequences_close(&s, 0), CHOIR_OK);
    check_status(ch_sequences_push(&s, 7), CHOIR_OK);
    check_status(ch_sequences_close(&s, 0), CHOIR_OK);
    assert_int_equal(s.count, 0);
    ch_sequences_release(&s);
}

static void windows_that_move_on_share_their_tokens(void **state) {
    (void)state;
    static const uint16_t second[] = {2, 3, 4};
    static const uint16_t third[] = {3, 4, 5};
    ch_dataset d;
    ch_sequences s;
    ch_dataset_init(&d, env());
    ch_sequences_init(&s, STEPS, env());
    for (uint16_t t = 1; t <= 3; t++) {
        check_status(ch_sequences_push(&s, t), CHOIR_OK);
    }
    check_status(ch_sequences_close(&s, 8), CHOIR_OK);
    check_status(ch_sequences_slide(&s, 4, 8), CHOIR_OK);
    check_status(ch_sequences_slide(&s, 5, 9), CHOIR_OK);
    assert_int_equal(s.token_count, 5);
    ch_sequences_move(&s, 6, &d, &d.train);
    check_example(&d.train, 1, second, 3);
    check_example(&d.train, 2, third, 3);
    assert_int_equal(d.train.groups[2], 9);
    ch_dataset_release(&d);
}

static void a_batch_has_inputs_answers_and_lengths(void **state) {
    (void)state;
    static const char *const texts[] = {"ab", "", "xyz"};
    ch_dataset d = dataset_of(texts, 3);
    const ch_holding all = {.examples = &d.train, .count = 3};
    static const uint32_t order[] = {2, 1};
    float x[2 * STEPS];
    uint32_t labels[2 * STEPS];
    uint32_t lengths[2];
    memset(x, 0x55, sizeof(x));
    memset(labels, 0x55, sizeof(labels));
    ch_holding_gather_tokens(&all, order, 0, 2, x, labels, lengths);
    assert_int_equal(lengths[0], 4);
    assert_int_equal(lengths[1], 1);
    static const uint32_t answers[] = {'x', 'y', 'z', CH_TOKEN_END, CH_TOKEN_END, 0x55555555};
    assert_memory_equal(labels, answers, sizeof(answers));
    assert_true(x[0] == 256.0F && x[1] == (float)'x' && x[3] == (float)'z' && x[4] == 256.0F);
    uint32_t untouched;
    memcpy(&untouched, &x[5], sizeof(untouched));
    assert_int_equal(untouched, 0x55555555);
    assert_int_equal(ch_holding_predictions(&all), 3 + 1 + 4);
    ch_dataset_release(&d);
}

static void rows_take_their_tokens_and_groups_along(void **state) {
    (void)state;
    static const char *const texts[] = {"a", "b", "c", "d", "e"};
    static const uint32_t order[] = {3, 0, 4, 1, 2};
    uint32_t used[5];
    memcpy(used, order, sizeof(used));
    ch_dataset d = dataset_of(texts, 5);
    ch_dataset_arrange(&d.train, used);
    for (uint32_t row = 0; row < 5; row++) {
        assert_int_equal(d.train.groups[row], order[row]);
        assert_int_equal(d.train.tokens[d.train.spans[row].first + 1], 'a' + order[row]);
    }
    check_status(ch_dataset_split(&d, 0.4, 1, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 3);
    assert_int_equal(d.test.count, 2);
    for (uint32_t row = 0; row < 2; row++) {
        assert_int_equal(d.test.tokens[d.test.spans[row].first + 1], 'a' + d.test.groups[row]);
    }
    ch_dataset_release(&d);
}

/* Every row moves on by some: as many rows as this end only when the time is linear. */
static void rows_are_rotated_however_many_they_are(void **state) {
    (void)state;
    enum { ROWS = 1 << 20 };
    static uint32_t order[ROWS];
    static uint32_t labels[ROWS];
    static const uint32_t shifts[] = {1, 6, ROWS / 2, ROWS - 1};
    ch_examples table = {.count = ROWS, .labels = labels};
    for (size_t k = 0; k < sizeof(shifts) / sizeof(shifts[0]); k++) {
        for (uint32_t i = 0; i < ROWS; i++) {
            labels[i] = i;
            order[i] = (i + shifts[k]) % ROWS;
        }
        ch_dataset_arrange(&table, order);
        for (uint32_t i = 0; i < ROWS; i++) {
            assert_true(labels[i] == (i + shifts[k]) % ROWS && order[i] == i);
        }
    }
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_sequences s;
        ch_sequences_init(&s, STEPS, &m.env);
        m.status = CHOIR_OK;
        for (uint32_t i = 0; i < 3000 && m.status == CHOIR_OK; i++) {
            m.status = ch_sequences_add_bytes(&s, "ab", 2, i);
        }
        ch_sequences_release(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_its_bytes_between_a_beginning_and_an_end),
        cmocka_unit_test(a_long_line_is_cut_and_every_token_is_predicted_once),
        cmocka_unit_test(a_line_of_one_token_predicts_nothing),
        cmocka_unit_test(windows_that_move_on_share_their_tokens),
        cmocka_unit_test(a_batch_has_inputs_answers_and_lengths),
        cmocka_unit_test(rows_take_their_tokens_and_groups_along),
        cmocka_unit_test(rows_are_rotated_however_many_they_are),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
