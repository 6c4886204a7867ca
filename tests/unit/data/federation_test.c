/* Federations: exact shares, splits, determinism, and generated clients in and out of memory. */
#include "support/check.h"

#include "base/pool.h"
#include "data/federation.h"
#include "unit/data/files.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static choir_job_data options_of(const char *source, const char *partition, uint32_t clients) {
    choir_job_data o = {.clients = clients, .examples = 20, .test_examples = 50, .heldout = 0.2};
    o.shards = 2;
    o.alpha = 0.5;
    o.similarity = 0.3;
    o.power = 1.5;
    (void)strncpy(o.source, source, sizeof(o.source) - 1);
    (void)strncpy(o.partition, partition, sizeof(o.partition) - 1);
    return o;
}

static ch_federation *open_or_fail(const choir_job_data *o, uint64_t seed) {
    const choir_env env = choir_env_default();
    ch_federation *f;
    choir_error err = {.message = ""};
    const choir_status status = ch_federation_open(&f, o, NULL, seed, &env, &err);
    if (status != CHOIR_OK) {
        fail_msg("%s: %s", choir_status_name(status), err.message);
    }
    return f;
}

static void every_example_is_dealt_to_one_client_in_one_split(void **state) {
    (void)state;
    static const char *const partitions[] = {"iid",        "shards",   "dirichlet",
                                             "similarity", "quantity", "natural"};
    for (size_t p = 0; p < sizeof(partitions) / sizeof(partitions[0]); p++) {
        const choir_job_data o = options_of("digits", partitions[p], 12);
        ch_federation *f = open_or_fail(&o, 3);
        const uint32_t total = ch_federation_pooled(f)->examples->count;
        bool *seen = calloc(total, sizeof(seen[0]));
        uint32_t train = 0;
        uint32_t dealt = 0;
        for (uint32_t k = 0; k < ch_federation_clients(f); k++) {
            for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
                ch_holding h = {.count = 0};
                const bool none = ch_federation_count(f, k, s) == 0;
                check_status(ch_federation_holding(f, k, s, NULL, &h),
                             none ? CHOIR_EAGAIN : CHOIR_OK);
                assert_int_equal(h.count, ch_federation_count(f, k, s));
                assert_in_range(h.count, s == CH_SPLIT_TRAIN, ch_federation_count_max(f, s));
                for (uint32_t i = 0; i < h.count; i++) {
                    assert_false(seen[ch_holding_row(&h, i)]);
                    seen[ch_holding_row(&h, i)] = true;
                }
                dealt += h.count;
                train += s == CH_SPLIT_TRAIN ? h.count : 0;
            }
        }
        assert_int_equal(dealt, total);
        assert_int_equal(train, ch_federation_pooled(f)->count);
        memset(seen, false, total * sizeof(seen[0]));
        assert_int_equal(ch_federation_held(f, seen), total);
        assert_null(memchr(seen, false, total));
        check_near(train, 0.8 * total, 12);
        free(seen);
        ch_federation_destroy(f);
    }
}

static void clients_keep_at_least_one_example_to_train_on(void **state) {
    (void)state;
    choir_job_data o = options_of("digits", "natural", 30);
    o.examples = 1;
    o.heldout = 0.99;
    ch_federation *f = open_or_fail(&o, 3);
    for (uint32_t k = 0; k < 30; k++) {
        assert_int_equal(ch_federation_count(f, k, CH_SPLIT_TRAIN), 1);
    }
    ch_holding h;
    o.heldout = 0;
    ch_federation_destroy(f);
    f = open_or_fail(&o, 3);
    assert_int_equal(ch_federation_count_max(f, CH_SPLIT_HELDOUT), 0);
    check_status(ch_federation_holding(f, 0, CH_SPLIT_HELDOUT, NULL, &h), CHOIR_EAGAIN);
    ch_federation_destroy(f);
}

static void check_equal_holdings(const ch_federation *a, const ch_federation *b, uint32_t client,
                                 ch_split split, ch_scratch *room) {
    ch_holding ha;
    ch_holding hb;
    check_status(ch_federation_holding(a, client, split, NULL, &ha), CHOIR_OK);
    check_status(ch_federation_holding(b, client, split, room, &hb), CHOIR_OK);
    assert_int_equal(ha.count, hb.count);
    const uint32_t features = ch_shape_features(ha.examples->shape);
    float *xa = malloc(2 * sizeof(float) * features);
    float *xb = xa + features;
    for (uint32_t i = 0; i < ha.count; i++) {
        ch_holding_gather(&ha, NULL, i, 1, xa);
        ch_holding_gather(&hb, &i, 0, 1, xb);
        assert_memory_equal(xa, xb, features * sizeof(float));
        assert_int_equal(ha.examples->labels[ch_holding_row(&ha, i)],
                         hb.examples->labels[ch_holding_row(&hb, i)]);
    }
    free(xa);
}

static void clients_on_demand_hold_what_they_hold_in_memory(void **state) {
    (void)state;
    static const char *const sources[] = {"digits", "synthetic(0.5,1)"};
    for (size_t s = 0; s < 2; s++) {
        const choir_job_data few = options_of(sources[s], "natural", 5);
        const choir_job_data many = options_of(sources[s], "natural", 1000000);
        ch_federation *memory = open_or_fail(&few, 9);
        ch_federation *demand = open_or_fail(&many, 9);
        const choir_env env = choir_env_default();
        ch_scratch *room;
        check_status(ch_scratch_create(&room, demand, &env), CHOIR_OK);
        assert_int_equal(ch_federation_pooled(demand)->count, 0);
        assert_true(ch_federation_pooled(memory)->count > 0);
        for (uint32_t k = 0; k < 5; k++) {
            uint32_t a[10];
            uint32_t b[10];
            check_equal_holdings(memory, demand, k, CH_SPLIT_TRAIN, room);
            check_equal_holdings(memory, demand, k, CH_SPLIT_HELDOUT, room);
            check_status(ch_federation_labels(memory, k, NULL, a), CHOIR_OK);
            check_status(ch_federation_labels(demand, k, room, b), CHOIR_OK);
            assert_memory_equal(a, b, sizeof(a));
        }
        const ch_examples *test = ch_federation_test(demand);
        assert_int_equal(test->count, 50);
        assert_memory_equal(test->labels, ch_federation_test(memory)->labels, 50 * 4);
        ch_scratch_destroy(room);
        ch_federation_destroy(memory);
        ch_federation_destroy(demand);
    }
}

static void arranged_clients_hold_the_same_side_by_side(void **state) {
    (void)state;
    static const char *const partitions[] = {"iid", "shards", "natural"};
    for (size_t p = 0; p < 3; p++) {
        const choir_job_data o = options_of("digits", partitions[p], 7);
        ch_federation *dealt = open_or_fail(&o, 3);
        ch_federation *arranged = open_or_fail(&o, 3);
        check_status(ch_federation_arrange(arranged), CHOIR_OK);
        uint32_t next = 0;
        for (ch_split s = CH_SPLIT_TRAIN; s <= CH_SPLIT_HELDOUT; s++) {
            for (uint32_t k = 0; k < ch_federation_clients(dealt); k++) {
                ch_holding h;
                check_equal_holdings(dealt, arranged, k, s, NULL);
                check_status(ch_federation_holding(arranged, k, s, NULL, &h), CHOIR_OK);
                for (uint32_t i = 0; i < h.count; i++, next++) {
                    assert_int_equal(ch_holding_row(&h, i), next);
                }
            }
        }
        assert_true(next > 0);
        ch_federation_destroy(dealt);
        ch_federation_destroy(arranged);
    }
}

enum { ASKED = 40 };

/* Several threads asking one federation, each with its own scratch. */
typedef struct askers {
    const ch_federation *f;
    ch_scratch *rooms[4];
    uint32_t hashes[ASKED]; // of what client i holds
} askers;

static void ask(void *self, uint32_t worker, uint32_t index) {
    askers *a = self;
    ch_holding h;
    check_status(ch_federation_holding(a->f, index, CH_SPLIT_TRAIN, a->rooms[worker], &h),
                 CHOIR_OK);
    uint32_t hash = ch_federation_count(a->f, index, CH_SPLIT_HELDOUT);
    for (uint32_t i = 0; i < h.count; i++) {
        const uint8_t *x = h.examples->bytes + (size_t)ch_holding_row(&h, i) * 784;
        for (uint32_t p = 0; p < 784; p++) {
            hash = hash * 31 + x[p];
        }
    }
    a->hashes[index] = hash;
}

static void threads_may_ask_at_once(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = options_of("digits", "natural", 1000000);
    ch_federation *f = open_or_fail(&o, 4);
    askers many = {.f = f};
    askers alone = {.f = f};
    ch_pool *pool;
    check_status(ch_pool_create(&pool, 4, &env), CHOIR_OK);
    for (uint32_t w = 0; w < 4; w++) {
        check_status(ch_scratch_create(&many.rooms[w], f, &env), CHOIR_OK);
    }
    alone.rooms[0] = many.rooms[0];
    ch_pool_each(pool, ASKED, ask, &many);
    for (uint32_t k = ASKED; k > 0; k--) {
        ask(&alone, 0, k - 1);
    }
    assert_memory_equal(many.hashes, alone.hashes, sizeof(alone.hashes));
    ch_pool_destroy(pool);
    for (uint32_t w = 0; w < 4; w++) {
        ch_scratch_destroy(many.rooms[w]);
    }
    ch_federation_destroy(f);
}

static void a_million_clients_cost_no_memory(void **state) {
    (void)state;
    counted_memory memory;
    const choir_env env = counted_env(&memory, UINT32_MAX);
    const choir_job_data o = options_of("synthetic", "natural", 2000000000);
    ch_federation *f;
    check_status(ch_federation_open(&f, &o, NULL, 1, &env, NULL), CHOIR_OK);
    assert_int_equal(memory.total, 3); // itself, and the test set's inputs and labels
    ch_scratch *room;
    ch_holding h;
    check_status(ch_scratch_create(&room, f, &env), CHOIR_OK);
    check_status(ch_federation_holding(f, 1999999999, CH_SPLIT_TRAIN, room, &h), CHOIR_OK);
    assert_int_equal(memory.total, 3 + 4);
    assert_in_range(h.count, 1, ch_federation_count_max(f, CH_SPLIT_TRAIN));
    ch_scratch_destroy(room);
    ch_federation_destroy(f);
    assert_int_equal(memory.alive, 0);
}

static void a_federation_for_its_test_set_has_no_clients(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const ch_reading reading = {.is_test_only = true};
    static const struct {
        const char *source, *partition;
        uint32_t clients;
    } rows[] = {
        {"digits", "iid", 12}, {"synthetic", "iid", 10000000}, // more than could be dealt
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const choir_job_data o = options_of(rows[i].source, rows[i].partition, rows[i].clients);
        const choir_job_data few = options_of(rows[i].source, "natural", 3);
        ch_federation *f;
        check_status(ch_federation_open(&f, &o, &reading, 1, &env, NULL), CHOIR_OK);
        ch_federation *whole = open_or_fail(&few, 1);
        const ch_examples *test = ch_federation_test(f);
        const ch_examples *same = ch_federation_test(whole);
        assert_int_equal(ch_federation_clients(f), 0);
        assert_int_equal(ch_federation_classes(f), ch_federation_classes(whole));
        assert_int_equal(test->count, same->count);
        assert_memory_equal(test->labels, same->labels, test->count * sizeof(test->labels[0]));
        check_status(ch_federation_arrange(f), CHOIR_OK);
        assert_null(ch_federation_encoding(f));
        ch_federation_destroy(f);
        ch_federation_destroy(whole);
    }
}

static void options_that_do_not_fit_are_refused_with_a_sentence(void **state) {
    (void)state;
    static const struct {
        const char *source, *partition;
        uint32_t clients;
        double heldout;
        choir_status status;
        const char *message;
    } rows[] = {
        {"digits", "natural", 0, 0, CHOIR_EINVAL, "data.clients: 0 is not in [1, 2147483648]"},
        {"digits", "nature", 3, 0, CHOIR_EINVAL,
         "data.partition: no partitioner is called 'nature'"},
        {"digits", "iid", 3, 1, CHOIR_EINVAL, "data.heldout: 1 is not in [0, 1)"},
        {"synthetic", "iid", 10000000, 0, CHOIR_EINVAL,
         "data.partition: 'iid' needs all examples in memory"},
        {"digit", "natural", 3, 0, CHOIR_EIO, "data.source: no data set is called 'digit'"},
        {"weather", "natural", 3, 0, CHOIR_EIO, "data.source: 'weather' is no built-in data set"},
        {"/nowhere", "iid", 3, 0, CHOIR_EIO, "there is no /nowhere"},
        {"\x1b[2Jx", "iid", 3, 0, CHOIR_EIO, "data.source: '?[2Jx' is no built-in data set"},
        {"/no\nwhere", "iid", 3, 0, CHOIR_EIO, "there is no /no?where; "},
        {"/", "iid", 3, 0, CHOIR_EPROTO, "data.source: / holds nothing that is known"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_job_data o = options_of(rows[i].source, rows[i].partition, rows[i].clients);
        o.heldout = rows[i].heldout;
        ch_federation *f;
        choir_error err = {.message = ""};
        check_status(ch_federation_open(&f, &o, NULL, 1, &env, &err), rows[i].status);
        assert_null(f);
        if (strstr(err.message, rows[i].message) == NULL) {
            fail_msg("'%s' lacks '%s'", err.message, rows[i].message);
        }
    }
}

static void what_a_download_left_unfinished_is_told_how_to_complete(void **state) {
    (void)state;
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7};
    const choir_env env = choir_env_default();
    choir_job_data o = options_of("mnist", "iid", 1);
    char folder[FOLDER_PATH_MAX];
    choir_error err = {.message = ""};
    ch_federation *f;
    folder_make(folder);
    (void)snprintf(o.dir, sizeof(o.dir), "%s", folder);
    assert_int_equal(mkdir(folder_file(folder, "mnist"), 0777), 0);
    file_write(folder, "mnist/train-images-idx3-ubyte.gz.part", "x", 1);
    check_status(ch_federation_open(&f, &o, NULL, 1, &env, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "data.source: 'mnist' is not whole in "));
    assert_non_null(strstr(err.message, "; get the rest with: choir data get mnist --dir /"));
    file_write_gz(folder, "mnist/train-images-idx3-ubyte.gz", images, sizeof(images));
    check_status(ch_federation_open(&f, &o, NULL, 1, &env, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "train-labels-idx1-ubyte.gz: cannot open: No such file"));
    assert_non_null(strstr(err.message,
                           "; this gets what is missing or damaged: choir data get mnist --dir /"));
    folder_remove(folder);
}

static void pixels_become_255ths(void **state) {
    (void)state;
    uint8_t bytes[256];
    for (int i = 0; i < 256; i++) {
        bytes[i] = (uint8_t)i;
    }
    const ch_examples e = {.count = 64, .shape = {2, 2, 1}, .classes = 2, .bytes = bytes};
    const uint32_t rows[] = {63, 0};
    const ch_holding h = {.examples = &e, .rows = rows, .count = 2};
    const uint32_t order[] = {1, 0};
    float x[8];
    ch_holding_gather(&h, order, 0, 2, x);
    for (int i = 0; i < 4; i++) {
        check_near(x[i], (float)i * (1.0F / 255.0F), 0);
        check_near(x[4 + i], (252 + i) / 255.0, 0x1p-23);
    }
    check_near(x[7], 1, 0);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    static const uint32_t clients[] = {3, 1000000};
    for (int c = 0; c < 2; c++) {
        const choir_job_data o = options_of("synthetic", "natural", clients[c]);
        failing_memory m = {.tries = 0};
        while (failing_memory_next(&m)) {
            ch_federation *f = NULL;
            ch_scratch *room = NULL;
            m.status = ch_federation_open(&f, &o, NULL, 1, &m.env, NULL);
            if (m.status == CHOIR_OK) {
                m.status = ch_scratch_create(&room, f, &m.env);
            }
            ch_scratch_destroy(room);
            ch_federation_destroy(f);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_dealt_to_one_client_in_one_split),
        cmocka_unit_test(clients_keep_at_least_one_example_to_train_on),
        cmocka_unit_test(clients_on_demand_hold_what_they_hold_in_memory),
        cmocka_unit_test(threads_may_ask_at_once),
        cmocka_unit_test(a_million_clients_cost_no_memory),
        cmocka_unit_test(a_federation_for_its_test_set_has_no_clients),
        cmocka_unit_test(options_that_do_not_fit_are_refused_with_a_sentence),
        cmocka_unit_test(what_a_download_left_unfinished_is_told_how_to_complete),
        cmocka_unit_test(pixels_become_255ths),
        cmocka_unit_test(arranged_clients_hold_the_same_side_by_side),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
