/* Partitioners: what every row must do, and what each promises. */
#include "support/check.h"

#include "base/rng.h"
#include "data/partition.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { EXAMPLES = 6000, CLASSES = 10, GROUPS = 37 };

/* A table with as many examples of each label, in random order, and groups of all sizes. */
typedef struct table {
    uint32_t labels[EXAMPLES];
    uint32_t groups[EXAMPLES];
    ch_examples examples;
} table;

static void table_make(table *t) {
    ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, 0);
    for (uint32_t i = 0; i < EXAMPLES; i++) {
        const uint32_t j = ch_rng_below(&rng, i + 1);
        t->labels[i] = t->labels[j];
        t->labels[j] = i % CLASSES;
        t->groups[i] = ch_rng_below(&rng, 1 + ch_rng_below(&rng, GROUPS));
    }
    t->examples = (ch_examples){.count = EXAMPLES,
                                .shape = {1, 1, 1},
                                .classes = CLASSES,
                                .labels = t->labels,
                                .groups = t->groups};
}

static choir_job_data options_of(const char *partition, uint32_t clients) {
    choir_job_data o = {
        .clients = clients, .shards = 2, .alpha = 0.5, .similarity = 0.3, .power = 1.2};
    (void)strncpy(o.partition, partition, sizeof(o.partition) - 1);
    return o;
}

/* One dealing with all its room. */
typedef struct dealing {
    ch_partition p;
    uint32_t owners[EXAMPLES], order[EXAMPLES], room[EXAMPLES], counts[EXAMPLES];
    double shares[EXAMPLES];
    uint32_t sizes[EXAMPLES]; // (clients) examples of each
} dealing;

static choir_status deal(dealing *d, const table *t, const choir_job_data *o, uint64_t seed,
                         choir_error *err) {
    d->p = (ch_partition){.examples = &t->examples,
                          .options = o,
                          .seed = seed,
                          .owners = d->owners,
                          .order = d->order,
                          .room = d->room,
                          .shares = d->shares,
                          .counts = d->counts};
    memset(d->owners, 0xAB, sizeof(d->owners));
    memset(d->sizes, 0, sizeof(d->sizes));
    choir_status status = ch_partition_clients(&d->p.clients, &t->examples, o, err);
    if (status == CHOIR_OK) {
        status = ch_partitioner_find(o->partition)->deal(&d->p, err);
    }
    for (uint32_t i = 0; status == CHOIR_OK && i < EXAMPLES; i++) {
        if (d->owners[i] != CH_NOBODY) {
            assert_in_range(d->owners[i], 0, d->p.clients - 1);
            d->sizes[d->owners[i]] += 1;
        }
    }
    return status;
}

static void every_row_deals_all_leaves_nobody_empty_and_repeats_itself(void **state) {
    (void)state;
    static const uint32_t clients[] = {1, 2, 7, 100, 1000, 3000};
    table *t = malloc(sizeof(*t));
    dealing *a = malloc(sizeof(*a));
    dealing *b = malloc(sizeof(*b));
    table_make(t);
    for (size_t row = 0; row < CH_PARTITIONERS_COUNT; row++) {
        const ch_partitioner *partitioner = CH_PARTITIONERS[row];
        assert_ptr_equal(ch_partitioner_find(partitioner->name), partitioner);
        for (size_t c = 0; c < sizeof(clients) / sizeof(clients[0]); c++) {
            const choir_job_data o = options_of(partitioner->name, clients[c]);
            check_status(deal(a, t, &o, 5, NULL), CHOIR_OK);
            check_status(deal(b, t, &o, 5, NULL), CHOIR_OK);
            assert_memory_equal(a->owners, b->owners, sizeof(a->owners));
            uint32_t total = 0;
            for (uint32_t k = 0; k < a->p.clients; k++) {
                assert_true(a->sizes[k] > 0);
                total += a->sizes[k];
            }
            const bool may_drop = partitioner == &ch_partitioner_natural;
            assert_true(total == EXAMPLES || may_drop);
            check_status(deal(b, t, &o, 6, NULL), CHOIR_OK);
            assert_true(may_drop || clients[c] == 1 ||
                        memcmp(a->owners, b->owners, sizeof(a->owners)) != 0);
        }
    }
    free(t);
    free(a);
    free(b);
}

static void as_many_clients_as_examples_get_one_each(void **state) {
    (void)state;
    static const char *const names[] = {"iid", "dirichlet", "similarity", "quantity"};
    table *t = malloc(sizeof(*t));
    dealing *d = malloc(sizeof(*d));
    table_make(t);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const choir_job_data o = options_of(names[i], EXAMPLES);
        check_status(deal(d, t, &o, 5, NULL), CHOIR_OK);
        for (uint32_t k = 0; k < EXAMPLES; k++) {
            assert_int_equal(d->sizes[k], 1);
        }
    }
    free(t);
    free(d);
}

static void iid_sizes_differ_by_at_most_one(void **state) {
    (void)state;
    table *t = malloc(sizeof(*t));
    dealing *d = malloc(sizeof(*d));
    table_make(t);
    const choir_job_data o = options_of("iid", 7);
    check_status(deal(d, t, &o, 5, NULL), CHOIR_OK);
    for (uint32_t k = 0; k < 7; k++) {
        assert_in_range(d->sizes[k], EXAMPLES / 7, EXAMPLES / 7 + 1);
    }
    free(t);
    free(d);
}

/* How many labels a client holds. */
static uint32_t labels_of(const dealing *d, const table *t, uint32_t client) {
    uint32_t seen = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < EXAMPLES; i++) {
        const uint32_t bit = 1U << t->labels[i];
        if (d->owners[i] == client && (seen & bit) == 0) {
            seen |= bit;
            count += 1;
        }
    }
    return count;
}

static void shards_show_a_client_few_labels(void **state) {
    (void)state;
    static const struct {
        uint32_t clients, shards, labels_max;
    } rows[] = {{100, 2, 2}, {50, 1, 1}, {100, 3, 3}, {70, 2, 4}, {7, 1, 3}};
    table *t = malloc(sizeof(*t));
    dealing *d = malloc(sizeof(*d));
    table_make(t);
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        choir_job_data o = options_of("shards", rows[r].clients);
        o.shards = rows[r].shards;
        check_status(deal(d, t, &o, 5, NULL), CHOIR_OK);
        const uint32_t size = EXAMPLES / (rows[r].clients * rows[r].shards);
        for (uint32_t k = 0; k < rows[r].clients; k++) {
            assert_in_range(labels_of(d, t, k), 1, rows[r].labels_max);
            assert_in_range(d->sizes[k], size * rows[r].shards, (size + 1) * rows[r].shards);
        }
    }
    free(t);
    free(d);
}

static double labels_mean(const dealing *d, const table *t) {
    double sum = 0;
    for (uint32_t k = 0; k < d->p.clients; k++) {
        sum += labels_of(d, t, k);
    }
    return sum / d->p.clients;
}

static void dirichlet_skews_labels_as_alpha_says(void **state) {
    (void)state;
    table *t = malloc(sizeof(*t));
    dealing *d = malloc(sizeof(*d));
    table_make(t);
    choir_job_data o = options_of("dirichlet", 60);
    o.alpha = 0.01;
    check_status(deal(d, t, &o, 5, NULL), CHOIR_OK);
    assert_true(labels_mean(d, t) < 2);
    o.alpha = 1e6;
    check_status(deal(d, t, &o, 5, NULL), CHOIR_OK);
    for (uint32_t k = 0; k < 60; k++) {
        assert_int_equal(labels_of(d, t, k), CLASSES);
        assert_in_range(d->sizes[k], 90, 110);
    }
    free(t);
    free(d);
}

/*
 * E[sum_k q_k^2] = (alpha + 1) / (K alpha + 1) for a symmetric Dirichlet: the chance that two
 * examples of one label are held by the same client.
 */
static void dirichlet_shares_have_their_second_moment(void **state) {
    (void)state;
    enum { CLIENTS = 10, SEEDS = 300 };
    table *t = malloc(sizeof(*t));
    dealing *d = malloc(sizeof(*d));
    table_make(t);
    choir_job_data o = options_of("dirichlet", CLIENTS);
    o.alpha = 0.5;
    double sum = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        check_status(deal(d, t, &o, seed, NULL), CHOIR_OK);
        uint32_t counts[CLASSES][CLIENTS] = {{0}};
        for (uint32_t i = 0; i < EXAMPLES; i++) {
            counts[t->labels[i]][d->owners[i]] += 1;
        }
        for (uint32_t c = 0; c < CLASSES; c++) {
            for (uint32_t k = 0; k < CLIENTS; k++) {
                const double q = counts[c][k] / ((double)EXAMPLES / CLASSES);
                sum += q * q;
            }
        }
    }
    // One label's sum has a deviation of about 0.1: 3.3 standard errors are 0.006.
    check_near(sum / (SEEDS * CLASSES), 1.5 / (CLIENTS * 0.5 + 1), 0.006);
    free(t);
    free(d);
}

static void similarity_is_iid_at_one_and_by_label_at_none(void **state) {
    (void)state;
    static const uint32_t clients[] = {1, 7, 60, 100, 6000};
    table *t = malloc(sizeof(*t));
    dealing *a = malloc(sizeof(*a));
    dealing *b = malloc(sizeof(*b));
    table_make(t);
    for (size_t c = 0; c < sizeof(clients) / sizeof(clients[0]); c++) {
        choir_job_data o = options_of("similarity", clients[c]);
        const choir_job_data iid = options_of("iid", clients[c]);
        o.similarity = 1;
        check_status(deal(a, t, &o, 5, NULL), CHOIR_OK);
        check_status(deal(b, t, &iid, 5, NULL), CHOIR_OK);
        assert_memory_equal(a->owners, b->owners, sizeof(a->owners));
        o.similarity = 0;
        check_status(deal(a, t, &o, 5, NULL), CHOIR_OK);
        for (uint32_t i = 0; i < EXAMPLES; i++) { // labels ascend with clients: 600 of each
            const uint32_t first = t->labels[i] * (EXAMPLES / CLASSES);
            const uint32_t last = first + EXAMPLES / CLASSES - 1;
            const uint64_t low = (uint64_t)first * clients[c] / EXAMPLES;
            const uint64_t high = (uint64_t)last * clients[c] / EXAMPLES;
            assert_in_range(a->owners[i], low == 0 ? 0 : low - 1, high + 1);
        }
        for (uint32_t k = 0; clients[c] % CLASSES == 0 && k < clients[c]; k++) {
            assert_int_equal(labels_of(a, t, k), 1);
        }
    }
    free(t);
    free(a);
    free(b);
}

/* Six clients share a label's pieces: of theirs, 1 - s have that label because they were sorted,
 * and a tenth of s by chance. */
static void similarity_is_the_share_that_is_dealt_evenly(void **state) {
    (void)state;
    enum { CLIENTS = 60, EACH = EXAMPLES / CLIENTS };
    static const double shares[] = {0, 0.1, 0.5, 0.9, 1};
    table *t = malloc(sizeof(*t));
    dealing *d = malloc(sizeof(*d));
    table_make(t);
    for (size_t s = 0; s < sizeof(shares) / sizeof(shares[0]); s++) {
        choir_job_data o = options_of("similarity", CLIENTS);
        o.similarity = shares[s];
        check_status(deal(d, t, &o, 5, NULL), CHOIR_OK);
        uint32_t counts[CLIENTS][CLASSES] = {{0}};
        for (uint32_t i = 0; i < EXAMPLES; i++) {
            counts[d->owners[i]][t->labels[i]] += 1;
        }
        double own = 0;
        for (uint32_t k = 0; k < CLIENTS; k++) {
            assert_int_equal(d->sizes[k], EACH);
            assert_true(shares[s] == 1 || counts[k][k / (CLIENTS / CLASSES)] > 0);
            own += counts[k][k / (CLIENTS / CLASSES)];
        }
        // The dealt part is without replacement: the deviation of own is below
        // sqrt(6000 * 0.1) = 25 examples, 0.004 of all; pieces shift by as little.
        check_near(own / EXAMPLES, 1 - shares[s] + shares[s] / CLASSES, 0.015);
    }
    free(t);
    free(d);
}

static void similarity_leaves_sizes_equal_whatever_the_share(void **state) {
    (void)state;
    static const uint32_t clients[] = {1, 7, 70, 999, 5999};
    table *t = malloc(sizeof(*t));
    dealing *d = malloc(sizeof(*d));
    table_make(t);
    for (size_t c = 0; c < sizeof(clients) / sizeof(clients[0]); c++) {
        for (int s = 0; s <= 20; s++) {
            choir_job_data o = options_of("similarity", clients[c]);
            o.similarity = s / 20.0;
            check_status(deal(d, t, &o, 5, NULL), CHOIR_OK);
            for (uint32_t k = 0; k < clients[c]; k++) {
                assert_in_range(d->sizes[k], EXAMPLES / clients[c], EXAMPLES / clients[c] + 1);
            }
        }
    }
    free(t);
    free(d);
}

static int descending(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

static void quantity_sizes_follow_the_power_law(void **state) {
    (void)state;
    enum { CLIENTS = 50 };
    table *t = malloc(sizeof(*t));
    dealing *d = malloc(sizeof(*d));
    table_make(t);
    choir_job_data o = options_of("quantity", CLIENTS);
    check_status(deal(d, t, &o, 5, NULL), CHOIR_OK);
    qsort(d->sizes, CLIENTS, sizeof(d->sizes[0]), descending);
    double sum = 0;
    for (int r = 1; r <= CLIENTS; r++) {
        sum += pow(r, -1.2);
    }
    for (int r = 1; r <= CLIENTS; r++) {
        check_near(d->sizes[r - 1], 1 + (EXAMPLES - CLIENTS) * pow(r, -1.2) / sum, 1.01);
    }
    o.power = 0;
    check_status(deal(d, t, &o, 5, NULL), CHOIR_OK);
    for (uint32_t k = 0; k < CLIENTS; k++) {
        check_near(d->sizes[k], EXAMPLES / CLIENTS, 1);
    }
    free(t);
    free(d);
}

static void natural_keeps_groups_together_and_drops_those_beyond(void **state) {
    (void)state;
    table *t = malloc(sizeof(*t));
    dealing *d = malloc(sizeof(*d));
    table_make(t);
    choir_job_data o = options_of("natural", 0);
    check_status(deal(d, t, &o, 5, NULL), CHOIR_OK);
    assert_int_equal(d->p.clients, GROUPS);
    assert_memory_equal(d->owners, t->groups, sizeof(t->groups));
    o.clients = 5;
    check_status(deal(d, t, &o, 5, NULL), CHOIR_OK);
    assert_int_equal(d->p.clients, 5);
    for (uint32_t i = 0; i < EXAMPLES; i++) {
        assert_int_equal(d->owners[i], t->groups[i] < 5 ? t->groups[i] : CH_NOBODY);
    }
    free(t);
    free(d);
}

static void options_that_do_not_fit_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *partition;
        uint32_t clients, shards;
        double alpha, power, similarity;
        const char *message;
    } rows[] = {
        {"iid", 0, 1, 1, 1, 0, "data.clients: 0; needs at least 1"},
        {"iid", 6001, 1, 1, 1, 0,
         "data.clients: 6001 clients cannot share 6000 examples; at most one "
         "client an example"},
        {"shards", 10, 0, 1, 1, 0,
         "data.shards: 0 for each of 10 clients; needs at least 1, and at "
         "most as many shards as the 6000 examples"},
        {"shards", 10, 601, 1, 1, 0,
         "data.shards: 601 for each of 10 clients; needs at least 1, and "
         "at most as many shards as the 6000 examples"},
        {"dirichlet", 10, 1, 0, 1, 0, "data.alpha: 0 is not in [0.001, 1e6]"},
        {"dirichlet", 10, 1, NAN, 1, 0, "data.alpha: nan is not in [0.001, 1e6]"},
        {"quantity", 10, 1, 1, -1, 0, "data.power: -1 is not in [0, 10]"},
        {"quantity", 10, 1, 1, NAN, 0, "data.power: nan is not in [0, 10]"},
        {"similarity", 10, 1, 1, 1, -0.1, "data.similarity: -0.1 is not in [0, 1]"},
        {"similarity", 10, 1, 1, 1, 1.5, "data.similarity: 1.5 is not in [0, 1]"},
        {"similarity", 10, 1, 1, 1, NAN, "data.similarity: nan is not in [0, 1]"},
    };
    table *t = malloc(sizeof(*t));
    dealing *d = malloc(sizeof(*d));
    table_make(t);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_job_data o = options_of(rows[i].partition, rows[i].clients);
        o.shards = rows[i].shards;
        o.alpha = rows[i].alpha;
        o.power = rows[i].power;
        o.similarity = rows[i].similarity;
        choir_error err = {.message = ""};
        check_status(deal(d, t, &o, 5, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
    }
    t->examples.groups = NULL;
    const choir_job_data o = options_of("natural", 3);
    check_status(deal(d, t, &o, 5, NULL), CHOIR_EINVAL);
    assert_null(ch_partitioner_find("iid "));
    free(t);
    free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_deals_all_leaves_nobody_empty_and_repeats_itself),
        cmocka_unit_test(as_many_clients_as_examples_get_one_each),
        cmocka_unit_test(iid_sizes_differ_by_at_most_one),
        cmocka_unit_test(shards_show_a_client_few_labels),
        cmocka_unit_test(dirichlet_skews_labels_as_alpha_says),
        cmocka_unit_test(dirichlet_shares_have_their_second_moment),
        cmocka_unit_test(similarity_is_iid_at_one_and_by_label_at_none),
        cmocka_unit_test(similarity_is_the_share_that_is_dealt_evenly),
        cmocka_unit_test(similarity_leaves_sizes_equal_whatever_the_share),
        cmocka_unit_test(quantity_sizes_follow_the_power_law),
        cmocka_unit_test(natural_keeps_groups_together_and_drops_those_beyond),
        cmocka_unit_test(options_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
