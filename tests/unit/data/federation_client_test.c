/* Federation of one client: it holds what it holds among all, and no more is kept. */
#include "support/check.h"

#include "data/federation.h"
#include "unit/data/files.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 60 };

static char folder[FOLDER_PATH_MAX];

/* A file of three numbers, a class, a number to predict, and who wrote it. */
static void people_write(void) {
    static char text[ROWS * 40];
    size_t used = (size_t)snprintf(text, sizeof(text), "a,b,c,sick,pay,town\n");
    for (int i = 0; i < ROWS; i++) {
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "%d,%d,%d,%s,%d.5,t%d\n", i,
                             i * i % 17, 3 * i % 7, i % 3 == 0 ? "yes" : "no", i * 7 % 23, i % 5);
    }
    file_write(folder, "people.csv", text, used);
}

static choir_job_data options_of(const char *source, const char *partition, uint32_t clients) {
    choir_job_data o = {.clients = clients, .examples = 20, .test_examples = 50, .heldout = 0.2};
    o.shards = 2;
    o.alpha = 0.1;
    o.similarity = 0.3;
    o.power = 1.5;
    o.test_share = 0.2;
    const bool is_file = strstr(source, ".csv") != NULL;
    (void)snprintf(o.source, sizeof(o.source), "%s",
                   is_file ? folder_file(folder, source) : source);
    (void)snprintf(o.partition, sizeof(o.partition), "%s", partition);
    (void)snprintf(o.task, sizeof(o.task), "classification");
    (void)snprintf(o.label, sizeof(o.label), "%s", is_file ? "sick" : "");
    (void)snprintf(o.drop, sizeof(o.drop), "%s", is_file ? "pay" : "");
    (void)snprintf(o.group, sizeof(o.group), "%s", is_file ? "town" : "");
    return o;
}

static ch_federation *open_or_fail(const choir_job_data *o, const uint32_t *client) {
    const choir_env env = choir_env_default();
    ch_federation *f;
    choir_error err = {.message = ""};
    const choir_status status =
        client == NULL ? ch_federation_open(&f, o, NULL, 3, &env, &err)
                       : ch_federation_open_client(&f, o, NULL, *client, 3, &env, &err);
    if (status != CHOIR_OK) {
        fail_msg("%s: %s", choir_status_name(status), err.message);
    }
    return f;
}

/* Client number client of all holds what the one does. */
static void check_split(const ch_federation *all, uint32_t client, const ch_federation *one,
                        ch_split split) {
    ch_holding ha = {.count = 0};
    ch_holding hb = {.count = 0};
    const uint32_t count = ch_federation_count(all, client, split);
    assert_int_equal(ch_federation_count(one, 0, split), count);
    assert_int_equal(ch_federation_count_max(one, split), count);
    check_status(ch_federation_holding(all, client, split, NULL, &ha),
                 count == 0 ? CHOIR_EAGAIN : CHOIR_OK);
    check_status(ch_federation_holding(one, 0, split, NULL, &hb),
                 count == 0 ? CHOIR_EAGAIN : CHOIR_OK);
    assert_int_equal(hb.count, count);
    const uint32_t features = ch_shape_features(ch_federation_shape(all));
    float *xa = malloc(2 * sizeof(float) * features);
    float *xb = xa + features;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t a = ch_holding_row(&ha, i);
        const uint32_t b = ch_holding_row(&hb, i);
        ch_holding_gather(&ha, NULL, i, 1, xa);
        ch_holding_gather(&hb, NULL, i, 1, xb);
        assert_memory_equal(xa, xb, features * sizeof(float));
        if (ch_federation_classes(all) > 0) {
            assert_int_equal(ha.examples->labels[a], hb.examples->labels[b]);
        } else {
            check_near(ha.examples->targets[a], hb.examples->targets[b], 0);
        }
    }
    free(xa);
}

static void check_alone(const choir_job_data *o) {
    ch_federation *all = open_or_fail(o, NULL);
    for (uint32_t k = 0; k < ch_federation_clients(all); k++) {
        ch_federation *one = open_or_fail(o, &k);
        const ch_shape shape = ch_federation_shape(all);
        const ch_shape own = ch_federation_shape(one);
        assert_int_equal(ch_federation_clients(one), 1);
        assert_memory_equal(&own, &shape, sizeof(shape));
        assert_int_equal(ch_federation_classes(one), ch_federation_classes(all));
        assert_int_equal(ch_federation_test(one)->count, 0);
        for (uint32_t c = 0; c < ch_federation_classes(all); c++) {
            const char *name = ch_federation_name(all, c);
            if (name == NULL) {
                assert_null(ch_federation_name(one, c));
            } else {
                assert_string_equal(ch_federation_name(one, c), name);
            }
        }
        if (ch_federation_encoding(all) == NULL) {
            assert_null(ch_federation_encoding(one));
        } else {
            assert_string_equal(ch_federation_encoding(one), ch_federation_encoding(all));
        }
        check_split(all, k, one, CH_SPLIT_TRAIN);
        check_split(all, k, one, CH_SPLIT_HELDOUT);
        assert_int_equal(ch_federation_pooled(one)->count,
                         ch_federation_count(all, k, CH_SPLIT_TRAIN));
        ch_federation_destroy(one);
    }
    ch_federation_destroy(all);
}

static void a_client_alone_holds_what_it_holds_among_all(void **state) {
    (void)state;
    static const char *const sources[] = {"digits", "synthetic(0.5,1)", "people.csv"};
    static const char *const partitions[] = {"iid",        "shards",   "dirichlet",
                                             "similarity", "quantity", "natural"};
    for (size_t s = 0; s < sizeof(sources) / sizeof(sources[0]); s++) {
        for (size_t p = 0; p < sizeof(partitions) / sizeof(partitions[0]); p++) {
            const choir_job_data o = options_of(sources[s], partitions[p], 5);
            check_alone(&o);
        }
    }
}

static void so_it_is_with_numbers_to_predict_and_with_cropped_pictures(void **state) {
    (void)state;
    choir_job_data o = options_of("people.csv", "natural", 0);
    (void)snprintf(o.task, sizeof(o.task), "regression");
    (void)snprintf(o.label, sizeof(o.label), "pay");
    (void)snprintf(o.drop, sizeof(o.drop), "sick");
    check_alone(&o);
    o = options_of("digits", "natural", 4);
    o.crop = 20;
    check_alone(&o);
    (void)snprintf(o.partition, sizeof(o.partition), "iid");
    check_alone(&o);
}

static void a_client_that_is_not_there_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *source;
        uint32_t clients, client;
        const char *message;
    } rows[] = {
        {"digits", 4, 4, "data.clients: there are 4, numbered from 0; no client is called 4"},
        {"people.csv", 0, 7, "data.clients: there are 5, numbered from 0; no client is called 7"},
        {"people.csv", 6, 0, "data.clients: there are 6, and '"},
        {"people.csv", 6, 0, "people.csv' has examples of 5; needs the data set that the job was"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const choir_job_data o = options_of(rows[i].source, "natural", rows[i].clients);
        ch_federation *f;
        choir_error err = {.message = ""};
        check_status(ch_federation_open_client(&f, &o, NULL, rows[i].client, 3, &env, &err),
                     CHOIR_EINVAL);
        assert_null(f);
        if (strstr(err.message, rows[i].message) == NULL) {
            fail_msg("'%s' lacks '%s'", err.message, rows[i].message);
        }
    }
}

static void the_others_are_not_drawn(void **state) {
    (void)state;
    counted_memory memory;
    const choir_env env = counted_env(&memory, UINT32_MAX);
    const choir_job_data o = options_of("synthetic", "natural", 2000000000);
    ch_federation *f;
    check_status(ch_federation_open_client(&f, &o, NULL, 1999999999, 1, &env, NULL), CHOIR_OK);
    assert_int_equal(memory.alive, 7); // itself, inputs, labels, and rows and starts of two splits
    assert_in_range(ch_federation_count(f, 0, CH_SPLIT_TRAIN), 1, 80);
    ch_federation_destroy(f);
    assert_int_equal(memory.alive, 0);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    static const char *const sources[] = {"digits", "people.csv"};
    for (size_t s = 0; s < 2; s++) {
        const choir_job_data o = options_of(sources[s], "natural", 5);
        failing_memory m = {.tries = 0};
        while (failing_memory_next(&m)) {
            ch_federation *f = NULL;
            choir_error err = {.message = ""};
            m.status = ch_federation_open_client(&f, &o, NULL, 2, 1, &m.env, &err);
            assert_int_equal(err.message[0] == '\0', m.status == CHOIR_OK);
            ch_federation_destroy(f);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_alone_holds_what_it_holds_among_all),
        cmocka_unit_test(so_it_is_with_numbers_to_predict_and_with_cropped_pictures),
        cmocka_unit_test(a_client_that_is_not_there_is_refused),
        cmocka_unit_test(the_others_are_not_drawn),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    folder_make(folder);
    people_write();
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
