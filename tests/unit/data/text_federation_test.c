/* Federations of text: lines are dealt like any examples, by role or evenly, and take their tokens
 * along. */
#include "support/check.h"
#include "support/small_plays.h"

#include "data/federation.h"
#include "data/sequences.h"
#include "unit/data/files.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static char folder[FOLDER_PATH_MAX];

static choir_job_data options_of(const char *partition, uint32_t clients, double heldout) {
    choir_job_data o = {.clients = clients, .heldout = heldout, .shards = 1, .alpha = 1};
    (void)snprintf(o.source, sizeof(o.source), "%s", folder_file(folder, "plays.txt"));
    (void)snprintf(o.partition, sizeof(o.partition), "%s", partition);
    return o;
}

static ch_federation *open_or_fail(const choir_job_data *o) {
    const choir_env env = choir_env_default();
    choir_error err = {.message = ""};
    ch_federation *f;
    if (ch_federation_open(&f, o, NULL, 3, &env, &err) != CHOIR_OK) {
        fail_msg("%s", err.message);
    }
    return f;
}

/* A client's line as text, its end as '$'; out has room. */
static void line_show(char *out, const ch_holding *h, uint32_t at) {
    const ch_span span = h->examples->spans[ch_holding_row(h, at)];
    const uint16_t *tokens = h->examples->tokens + span.first;
    for (uint32_t t = 1; t < span.length; t++) {
        out[t - 1] = tokens[t] == CH_TOKEN_END ? '$' : (char)tokens[t];
    }
    out[span.length - 1] = '\0';
}

static void check_line(const ch_federation *f, uint32_t client, uint32_t at, const char *text) {
    char shown[128];
    ch_holding h;
    check_status(ch_federation_holding(f, client, CH_SPLIT_TRAIN, NULL, &h), CHOIR_OK);
    assert_true(at < h.count);
    line_show(shown, &h, at);
    assert_string_equal(shown, text);
}

static void a_role_is_a_client(void **state) {
    (void)state;
    const choir_job_data o = options_of("natural", 0, 0);
    ch_federation *f = open_or_fail(&o);
    assert_int_equal(ch_federation_clients(f), 3);
    assert_true(ch_federation_is_text(f));
    assert_int_equal(ch_federation_classes(f), CH_BYTE_TOKENS);
    assert_int_equal(ch_shape_features(ch_federation_shape(f)), CH_STEPS_CHARACTERS);
    check_status(ch_federation_arrange(f), CHOIR_OK);
    assert_int_equal(ch_federation_count(f, 0, CH_SPLIT_TRAIN), 4);
    check_line(f, 0, 2, "You rattle, sir.$");
    check_line(f, 1, 0, "Who drinks of me$");
    check_line(f, 2, 0, "'Tis I,$");
    assert_int_equal(ch_federation_test(f)->count, 3);
    ch_federation_destroy(f);
}

static void the_even_variant_deals_the_same_lines(void **state) {
    (void)state;
    const choir_job_data o = options_of("iid", 3, 0);
    ch_federation *f = open_or_fail(&o);
    assert_int_equal(ch_federation_pooled(f)->count, 7);
    assert_int_equal(ch_federation_test(f)->count, 3);
    for (uint32_t k = 0; k < 3; k++) {
        assert_in_range(ch_federation_count(f, k, CH_SPLIT_TRAIN), 2, 3);
    }
    ch_federation_destroy(f);
}

static void what_deals_by_label_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"shards", "dirichlet"};
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < 2; i++) {
        const choir_job_data o = options_of(rows[i], 2, 0);
        choir_error err = {.message = ""};
        char message[160];
        ch_federation *f;
        check_status(ch_federation_open(&f, &o, NULL, 3, &env, &err), CHOIR_EINVAL);
        (void)snprintf(message, sizeof(message),
                       "data.partition: '%s' deals by label, and a line of text has none; use iid, "
                       "quantity or natural",
                       rows[i]);
        assert_string_equal(err.message, message);
    }
}

static void pictures_alone_are_cropped(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job_data o = options_of("iid", 2, 0);
    ch_federation *f;
    o.crop = 4;
    check_status(ch_federation_open(&f, &o, NULL, 3, &env, NULL), CHOIR_EINVAL);
}

static void tokens_are_counted_as_labels_are(void **state) {
    (void)state;
    const choir_job_data o = options_of("natural", 0, 0);
    ch_federation *f = open_or_fail(&o);
    uint32_t counts[CH_BYTE_TOKENS];
    check_status(ch_federation_labels(f, 2, NULL, counts), CHOIR_OK);
    assert_int_equal(counts['\''], 1); // of "'Tis I,"
    assert_int_equal(counts['I'], 1);
    assert_int_equal(counts[CH_TOKEN_END], 1);
    assert_int_equal(counts[CH_TOKEN_BEGIN], 0);
    ch_federation_destroy(f);
}

static void one_client_alone_holds_what_it_holds_among_all(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = options_of("natural", 0, 0.3);
    ch_federation *all = open_or_fail(&o);
    for (uint32_t k = 0; k < 3; k++) {
        ch_federation *one;
        check_status(ch_federation_open_client(&one, &o, NULL, k, 3, &env, NULL), CHOIR_OK);
        assert_true(ch_federation_is_text(one));
        for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
            ch_holding a;
            ch_holding b;
            const uint32_t count = ch_federation_count(all, k, s);
            assert_int_equal(ch_federation_count(one, 0, s), count);
            if (ch_federation_holding(all, k, s, NULL, &a) != CHOIR_OK) {
                continue;
            }
            check_status(ch_federation_holding(one, 0, s, NULL, &b), CHOIR_OK);
            for (uint32_t i = 0; i < count; i++) {
                char x[128];
                char y[128];
                line_show(x, &a, i);
                line_show(y, &b, i);
                assert_string_equal(x, y);
            }
        }
        ch_federation_destroy(one);
    }
    ch_federation_destroy(all);
}

/* Whether row is held by a client of f in a split. */
static bool is_held(const ch_federation *f, uint32_t row, ch_split split) {
    bool is_found = false;
    for (uint32_t k = 0; k < ch_federation_clients(f); k++) {
        ch_holding h;
        const uint32_t count =
            ch_federation_holding(f, k, split, NULL, &h) == CHOIR_OK ? h.count : 0;
        for (uint32_t i = 0; i < count; i++) {
            is_found |= ch_holding_row(&h, i) == row;
        }
    }
    return is_found;
}

static void pooled_one_client_holds_what_all_do_in_both_splits(void **state) {
    (void)state;
    choir_job_data o = options_of("natural", 0, 0.3);
    ch_federation *all = open_or_fail(&o);
    (void)snprintf(o.holder, sizeof(o.holder), "pooled");
    ch_federation *pooled = open_or_fail(&o);
    assert_int_equal(ch_federation_clients(all), 3);
    assert_int_equal(ch_federation_clients(pooled), 1);
    assert_int_equal(ch_federation_count_max(pooled, CH_SPLIT_TRAIN),
                     ch_federation_count(pooled, 0, CH_SPLIT_TRAIN));
    uint32_t heldout = 0;
    for (uint32_t row = 0; row < 7; row++) {
        for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
            assert_true(is_held(all, row, s) == is_held(pooled, row, s));
        }
        heldout += is_held(pooled, row, CH_SPLIT_HELDOUT) ? 1 : 0;
    }
    assert_int_equal(heldout, ch_federation_count(pooled, 0, CH_SPLIT_HELDOUT));
    assert_true(heldout > 0);
    check_status(ch_federation_arrange(pooled), CHOIR_OK);
    assert_int_equal(ch_federation_pooled(pooled)->count,
                     ch_federation_count(pooled, 0, CH_SPLIT_TRAIN));
    ch_federation_destroy(pooled);
    ch_federation_destroy(all);
}

static void a_proxy_is_one_client_whatever_the_partition(void **state) {
    (void)state;
    static const char *const partitions[] = {"natural", "iid"};
    static const char messages[] = "0\t1\ta b\n0\t2\tc\nx\t3\ta\n0\t4\td\n0\t5\te f\n";
    file_write(folder, "sms.tsv", messages, strlen(messages));
    for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
        choir_job_data o = options_of(partitions[i], 2, 0);
        (void)snprintf(o.source, sizeof(o.source), "%s", folder_file(folder, "sms.tsv"));
        (void)snprintf(o.proxy, sizeof(o.proxy), "0");
        o.vocabulary = 10;
        (void)snprintf(o.holder, sizeof(o.holder), "proxy");
        ch_federation *f = open_or_fail(&o);
        assert_int_equal(ch_federation_clients(f), 1);
        assert_int_equal(ch_federation_count(f, 0, CH_SPLIT_TRAIN), 4);
        ch_federation_destroy(f);
    }
}

static void plays_have_no_proxy(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job_data o = options_of("natural", 0, 0);
    choir_error err = {.message = ""};
    char message[600];
    ch_federation *f;
    (void)snprintf(o.holder, sizeof(o.holder), "proxy");
    check_status(ch_federation_open(&f, &o, NULL, 3, &env, &err), CHOIR_EINVAL);
    (void)snprintf(message, sizeof(message),
                   "data.holder: 'proxy' is a sender of messages, and '%s' has none; use clients "
                   "or pooled",
                   o.source);
    assert_string_equal(err.message, message);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const choir_job_data o = options_of("natural", 0, 0.3);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_federation *f = NULL;
        m.status = ch_federation_open_client(&f, &o, NULL, 0, 3, &m.env, NULL);
        ch_federation_destroy(f);
    }
}

static int folder_begin(void **state) {
    (void)state;
    folder_make(folder);
    file_write(folder, "plays.txt", SMALL_PLAYS_INLINE, strlen(SMALL_PLAYS_INLINE));
    return 0;
}

static int folder_end(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_is_a_client),
        cmocka_unit_test(the_even_variant_deals_the_same_lines),
        cmocka_unit_test(what_deals_by_label_is_refused),
        cmocka_unit_test(pictures_alone_are_cropped),
        cmocka_unit_test(pooled_one_client_holds_what_all_do_in_both_splits),
        cmocka_unit_test(a_proxy_is_one_client_whatever_the_partition),
        cmocka_unit_test(plays_have_no_proxy),
        cmocka_unit_test(tokens_are_counted_as_labels_are),
        cmocka_unit_test(one_client_alone_holds_what_it_holds_among_all),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
