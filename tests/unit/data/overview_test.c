/* Overviews: what is printed and drawn is what clients hold, escapes names, and survives a lack of
 * memory. */
#include "support/check.h"

#include "data/overview.h"

#include <stdlib.h>
#include <string.h>

static choir_job_data options_of(const char *source, uint32_t clients) {
    choir_job_data o = {
        .partition = "natural", .clients = clients, .examples = 10, .test_examples = 5};
    (void)strncpy(o.source, source, sizeof(o.source) - 1);
    return o;
}

/* What a printer wrote to a file, as text. Owned. */
static char *text_of(FILE *file) {
    const long size = ftell(file);
    assert_true(size >= 0);
    char *text = calloc((size_t)size + 1, 1);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    (void)fclose(file);
    return text;
}

enum { CLIENTS = 7, CLASSES = 10 };

/* What the overviews are of: label counts of each client's training examples, by the federation. */
typedef struct held {
    ch_federation *f;
    uint32_t train[CLIENTS], heldout[CLIENTS];
    uint32_t labels[CLIENTS][CLASSES];
    uint32_t train_sum, heldout_sum;
} held;

static void held_open(held *h, const choir_env *env) {
    choir_job_data o = options_of("digits", CLIENTS);
    o.examples = 40;
    o.heldout = 0.2;
    o.test_examples = 33;
    *h = (held){0};
    check_status(ch_federation_open(&h->f, &o, NULL, 1, env, NULL), CHOIR_OK);
    ch_scratch *scratch = NULL;
    check_status(ch_scratch_create(&scratch, h->f, env), CHOIR_OK);
    for (uint32_t k = 0; k < CLIENTS; k++) {
        h->train[k] = ch_federation_count(h->f, k, CH_SPLIT_TRAIN);
        h->heldout[k] = ch_federation_count(h->f, k, CH_SPLIT_HELDOUT);
        h->train_sum += h->train[k];
        h->heldout_sum += h->heldout[k];
        check_status(ch_federation_labels(h->f, k, scratch, h->labels[k]), CHOIR_OK);
    }
    ch_scratch_destroy(scratch);
}

/* The whole numbers in the first line of text that has this in it: at most max. */
static uint32_t numbers_of(uint32_t *out, uint32_t max, const char *text, const char *mark) {
    const char *at = strstr(text, mark);
    uint32_t count = 0;
    if (at == NULL) {
        fail_msg("no line has '%s'", mark);
        return 0;
    }
    while (*at != '\n' && *at != '\0' && count < max) {
        char *end = NULL;
        const unsigned long number = strtoul(at, &end, 10);
        if (*at >= '0' && *at <= '9') {
            out[count] = (uint32_t)number;
            count += 1;
            at = end;
        } else {
            at += 1;
        }
    }
    return count;
}

static void printed_numbers_are_the_federations(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    held h;
    held_open(&h, &env);
    FILE *file = tmpfile();
    assert_non_null(file);
    check_status(ch_overview_print(file, h.f, "digits", CLIENTS - 2, &env), CHOIR_OK);
    char *text = text_of(file);
    uint32_t n[3 + CLASSES];
    assert_non_null(strstr(text, "digits: inputs of 28 x 28 x 1, 10 classes\n"));
    assert_int_equal(numbers_of(n, 4, text, "clients   "), 1);
    assert_int_equal(n[0], CLIENTS);
    assert_int_equal(numbers_of(n, 4, text, "examples  "), 3);
    assert_int_equal(n[0], h.train_sum);
    assert_int_equal(n[1], h.heldout_sum);
    assert_int_equal(n[2], 33);
    assert_int_equal(numbers_of(n, 4, text, "a client  "), 3);
    uint32_t below[3] = {0}; // clients with fewer than the least, the most, the median
    uint32_t above[3] = {0};
    for (uint32_t k = 0; k < CLIENTS; k++) {
        for (int i = 0; i < 3; i++) {
            below[i] += h.train[k] < n[i];
            above[i] += h.train[k] > n[i];
        }
    }
    assert_true(below[0] == 0 && above[0] < CLIENTS);
    assert_true(above[1] == 0 && below[1] < CLIENTS);
    assert_true(below[2] <= CLIENTS / 2 && above[2] <= CLIENTS / 2);
    for (uint32_t k = 0; k < CLIENTS - 2; k++) {
        char mark[16];
        (void)snprintf(mark, sizeof(mark), "\n%10u ", k);
        const char *row = strstr(text, mark);
        assert_non_null(row);
        assert_int_equal(numbers_of(n, 3 + CLASSES, row + 1, mark + 1), 3 + CLASSES);
        assert_int_equal(n[1], h.train[k]);
        assert_int_equal(n[2], h.heldout[k]);
        assert_memory_equal(n + 3, h.labels[k], sizeof(h.labels[k]));
    }
    assert_non_null(strstr(text, "... and 2 more\n"));
    free(text);
    ch_federation_destroy(h.f);
}

static void the_picture_has_a_square_for_each_label_held(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    held h;
    held_open(&h, &env);
    FILE *file = tmpfile();
    assert_non_null(file);
    check_status(ch_overview_draw(file, h.f, "digits", &env, NULL), CHOIR_OK);
    char *text = text_of(file);
    uint32_t squares = 0;
    for (uint32_t k = 0; k < CLIENTS; k++) {
        char title[64];
        for (uint32_t c = 0; c < CLASSES; c++) {
            (void)snprintf(title, sizeof(title), "<title>client %u, label %u: %u</title>", k, c,
                           h.labels[k][c]);
            assert_true((strstr(text, title) != NULL) == (h.labels[k][c] > 0));
            squares += h.labels[k][c] > 0;
        }
        (void)snprintf(title, sizeof(title), ">%u</text>", h.train[k]);
        assert_non_null(strstr(text, title));
    }
    for (const char *at = strstr(text, "<title>"); at != NULL; at = strstr(at + 1, "<title>")) {
        squares -= 1;
    }
    assert_int_equal(squares, 0);
    free(text);
    ch_federation_destroy(h.f);
}

static void names_cannot_break_the_picture(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = options_of("synthetic", 2);
    ch_federation *f;
    check_status(ch_federation_open(&f, &o, NULL, 1, &env, NULL), CHOIR_OK);
    FILE *file = tmpfile();
    assert_non_null(file);
    check_status(ch_overview_draw(file, f, "a<b>&\x1b\xff", &env, NULL), CHOIR_OK);
    char *text = text_of(file);
    assert_non_null(strstr(text, ">a&lt;b>&amp;??: the first 2 of 2 clients</text>"));
    free(text);
    ch_federation_destroy(f);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    static const uint32_t clients[] = {3, 1000000};
    for (int c = 0; c < 2; c++) {
        const choir_env plain = choir_env_default();
        const choir_job_data o = options_of("synthetic", clients[c]);
        ch_federation *f;
        check_status(ch_federation_open(&f, &o, NULL, 1, &plain, NULL), CHOIR_OK);
        failing_memory m = {.tries = 0};
        while (failing_memory_next(&m)) {
            FILE *file = tmpfile();
            assert_non_null(file);
            m.status = ch_overview_print(file, f, "x", 3, &m.env);
            if (m.status == CHOIR_OK) {
                m.status = ch_overview_draw(file, f, "x", &m.env, NULL);
            }
            (void)fclose(file);
        }
        ch_federation_destroy(f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_numbers_are_the_federations),
        cmocka_unit_test(the_picture_has_a_square_for_each_label_held),
        cmocka_unit_test(names_cannot_break_the_picture),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
