/* Encoder, with an encoding that is given: another file is read as the one that was fitted to. */
#include "support/check.h"

#include "data/encoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char TRAINED[] = "age,colour,who,class\n"
                              "1,red,bob,yes\n"
                              "3,blue,ann,no\n"
                              "?,,bob,yes\n"
                              "5,red,cid,no\n";
static const choir_job_data TRAINED_BY = {.label = "class", .drop = "who"};

static choir_status encode(ch_dataset *d, const char *text, const choir_job_data *o,
                           const ch_reading *reading, const choir_env *env, choir_error *err) {
    ch_dataset_init(d, env);
    char *copy = malloc(strlen(text) + 1);
    memcpy(copy, text, strlen(text) + 1);
    ch_csv csv;
    choir_status status = ch_csv_parse(&csv, copy, strlen(text), "f.csv", env, err);
    if (status == CHOIR_OK) {
        status = ch_csv_encode(d, &csv, o, reading, 1, err);
        ch_csv_release(&csv);
    }
    free(copy);
    return status;
}

/* What is kept of a file that is fitted to. */
static void fit(ch_encoding *out, const char *text, const choir_job_data *o) {
    const choir_env env = choir_env_default();
    ch_dataset d;
    check_status(encode(&d, text, o, NULL, &env, NULL), CHOIR_OK);
    assert_non_null(d.encoding);
    check_status(ch_encoding_parse(out, d.encoding, "m", &env, NULL), CHOIR_OK);
    ch_dataset_release(&d);
}

static const choir_job_data ALL = {.test_share = 1};

/* Reads text as an encoding says, all rows for testing. */
static choir_status apply(ch_dataset *d, const char *text, const ch_encoding *encoding,
                          bool may_lack_labels, choir_error *err) {
    const choir_env env = choir_env_default();
    const ch_reading reading = {
        .encoding = encoding, .is_test_only = true, .may_lack_labels = may_lack_labels};
    return encode(d, text, &ALL, &reading, &env, err);
}

static void what_is_kept_is_what_was_fitted(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_dataset d;
    check_status(encode(&d, TRAINED, &TRAINED_BY, NULL, &env, NULL), CHOIR_OK);
    char expected[512];
    char scale[CH_TEXT_NUMBER_MAX];
    ch_text_number(scale, sizeof(scale), 1 / sqrt(8.0 / 3)); // of 1, 3, 5
    (void)snprintf(expected, sizeof(expected),
                   "{\"width\":4,\"columns\":[{\"name\":\"age\",\"column\":1,\"mean\":3,\"scale\":"
                   "%s},{\"name\":\"colour\",\"column\":2,\"values\":[\"blue\",\"red\"]}],"
                   "\"label\":{\"name\":\"class\",\"column\":4,\"values\":[\"no\",\"yes\"]}}",
                   scale);
    assert_string_equal(d.encoding, expected);
    ch_dataset_release(&d);
}

/* The mean of three times 0.1 is not 0.1. */
static void a_constant_column_is_nothing_whatever_its_number(void **state) {
    (void)state;
    static const char text[] = "k,n,class\n0.1,1,a\n0.1,,b\n0.1,1,a\n";
    const choir_job_data o = {.label = "class", .test_share = 0};
    ch_encoding e;
    ch_dataset d;
    fit(&e, text, &o);
    assert_int_equal(e.count, 2);
    assert_true(e.columns[0].scale == 0 && e.columns[1].scale == 0);
    check_status(apply(&d, "k,n,class\n0.1000001,5,a\n", &e, false, NULL), CHOIR_OK);
    assert_true(d.test.reals[0] == 0 && d.test.reals[1] == 0);
    ch_dataset_release(&d);
    ch_encoding_release(&e);
}

static void the_same_file_is_read_to_the_same_bits(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_job_data o = TRAINED_BY;
    o.test_share = 0.5;
    ch_dataset fitted;
    ch_dataset given;
    ch_encoding e;
    check_status(encode(&fitted, TRAINED, &o, NULL, &env, NULL), CHOIR_OK);
    check_status(ch_encoding_parse(&e, fitted.encoding, "m", &env, NULL), CHOIR_OK);
    const ch_reading reading = {.encoding = &e};
    check_status(encode(&given, TRAINED, &o, &reading, &env, NULL), CHOIR_OK);
    const ch_examples *tables[2][2] = {{&fitted.train, &given.train}, {&fitted.test, &given.test}};
    for (int i = 0; i < 2; i++) {
        const ch_examples *a = tables[i][0];
        const ch_examples *b = tables[i][1];
        assert_int_equal(a->count, 2);
        assert_int_equal(b->count, 2);
        assert_memory_equal(a->reals, b->reals, 2 * a->shape.channels * sizeof(a->reals[0]));
        assert_memory_equal(a->labels, b->labels, 2 * sizeof(a->labels[0]));
    }
    assert_string_equal(fitted.encoding, given.encoding);
    ch_dataset_release(&fitted);
    ch_dataset_release(&given);
    ch_encoding_release(&e);
}

static void columns_are_found_by_name_wherever_they_stand(void **state) {
    (void)state;
    static const char *const files[] = {
        "age,colour,who,class\n5,red,x,no\n",
        "class,more,colour,age\nno,7,red,5\n",
        "who,age,age2,class,colour\n1,5.0,9,no,red\n",
        "\"colour\" , age,class\nred,5,no\n",
    };
    ch_encoding e;
    fit(&e, TRAINED, &TRAINED_BY);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        ch_dataset d;
        check_status(apply(&d, files[i], &e, false, NULL), CHOIR_OK);
        assert_int_equal(d.train.count, 0);
        assert_int_equal(d.test.count, 1);
        assert_int_equal(d.test.shape.channels, 3);
        check_near(d.test.reals[0], 2 / sqrt(8.0 / 3), 1e-7);
        assert_true(d.test.reals[1] == 0 && d.test.reals[2] == 1);
        assert_int_equal(d.test.labels[0], 0);
        assert_int_equal(d.test.classes, 2);
        assert_string_equal(d.names[1], "yes"); // though no row has it
        ch_dataset_release(&d);
    }
    ch_encoding_release(&e);
}

static void a_name_that_is_there_twice_is_the_one_at_its_place(void **state) {
    (void)state;
    static const char trained[] = "x,x,class\n1,10,a\n3,30,b\n";
    const choir_job_data o = {.label = "class"};
    ch_encoding e;
    ch_dataset d;
    choir_error err = {.message = ""};
    fit(&e, trained, &o);
    check_status(apply(&d, trained, &e, false, NULL), CHOIR_OK);
    const float expected[] = {-1, -1, 1, 1};
    assert_memory_equal(d.test.reals, expected, sizeof(expected));
    ch_dataset_release(&d);
    check_status(apply(&d, "class,y,z,x,x\na,1,2,3,4\n", &e, false, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "f.csv: 2 columns are called 'x', and none of them is column "
                                     "1, as the model's is; name them apart");
    ch_dataset_release(&d);
    ch_encoding_release(&e);
}

static void columns_of_one_name_need_a_column_each(void **state) {
    (void)state;
    static const struct {
        const char *trained, *text, *message;
    } rows[] = {
        {"x,x,class\n1,10,a\n3,30,b\n", "x,class\n1,a\n",
         "f.csv: has one column called 'x'; the model was trained on 2 of that name"},
        {"x,y,x\n1,10,a\n3,30,b\n", "y,x\n10,1\n",
         "f.csv: has one column called 'x'; the model was trained on 2 of that name"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const choir_job_data o = {.label = "3"};
        ch_encoding e;
        ch_dataset d;
        choir_error err = {.message = ""};
        fit(&e, rows[i].trained, &o);
        check_status(apply(&d, rows[i].text, &e, true, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
        ch_dataset_release(&d);
        check_status(apply(&d, rows[i].trained, &e, false, NULL), CHOIR_OK);
        ch_dataset_release(&d);
        ch_encoding_release(&e);
    }
}

static void rows_keep_their_order_when_all_are_for_testing(void **state) {
    (void)state;
    ch_encoding e;
    ch_dataset d;
    fit(&e, TRAINED, &TRAINED_BY);
    check_status(apply(&d, TRAINED, &e, false, NULL), CHOIR_OK);
    static const uint32_t labels[] = {1, 0, 1, 0};
    assert_int_equal(d.test.count, 4);
    assert_memory_equal(d.test.labels, labels, sizeof(labels));
    ch_dataset_release(&d);
    ch_encoding_release(&e);
}

static void a_file_to_train_on_keeps_rows_for_it(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_dataset d;
    choir_error err = {.message = ""};
    check_status(encode(&d, TRAINED, &ALL, NULL, &env, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "data.test_share: 1 of 4 examples leaves none to train on");
    ch_dataset_release(&d);
}

static char logged[512];

static void log_keep(void *self, choir_level level, const char *event, const char *fields) {
    (void)self;
    assert_int_equal(level, CHOIR_LEVEL_WARN);
    (void)snprintf(logged + strlen(logged), sizeof(logged) - strlen(logged), "%s %s\n", event,
                   fields);
}

static void a_category_that_is_unknown_counts_as_missing_and_is_told(void **state) {
    (void)state;
    ch_encoding e;
    fit(&e, TRAINED, &TRAINED_BY);
    choir_env env = choir_env_default();
    env.log = log_keep;
    logged[0] = '\0';
    const ch_reading reading = {.encoding = &e, .is_test_only = true};
    ch_dataset d;
    check_status(encode(&d, "age,colour,class\n3,red,no\n3,pink,no\n3,,no\n3,Red,no\n", &ALL,
                        &reading, &env, NULL),
                 CHOIR_OK);
    const float expected[] = {0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    assert_memory_equal(d.test.reals, expected, sizeof(expected));
    assert_string_equal(logged, "category_unknown f.csv: line 3: value 'pink' in column 2 is none "
                                "that the model was trained on, as in 2 rows in all; it counts as "
                                "missing\n");
    ch_dataset_release(&d);
    ch_encoding_release(&e);
}

static void labels_may_be_lacking_only_where_they_are_not_needed(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"age,colour\n3,red\n", "f.csv: has no column 'class', which holds the labels; without "
                                "them, there are only predictions"},
        {"age,colour,class\n3,red,\n", "f.csv: line 2: label '' in column 3 is missing"},
    };
    ch_encoding e;
    fit(&e, TRAINED, &TRAINED_BY);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_dataset d;
        choir_error err = {.message = ""};
        check_status(apply(&d, rows[i].text, &e, false, &err),
                     i == 0 ? CHOIR_EINVAL : CHOIR_EPROTO);
        assert_string_equal(err.message, rows[i].message);
        ch_dataset_release(&d);
        check_status(apply(&d, rows[i].text, &e, true, &err), CHOIR_OK);
        assert_int_equal(d.test.labels[0], CH_LABEL_NONE);
        ch_dataset_release(&d);
    }
    ch_encoding_release(&e);
    const choir_job_data o = {.task = "regression"};
    ch_dataset d;
    fit(&e, "1,2\n3,4\n", &o);
    check_status(apply(&d, "5\n7\n", &e, true, NULL), CHOIR_OK); // the last column is left out
    assert_true(isnan(d.test.targets[0]) && isnan(d.test.targets[1]));
    assert_int_equal(d.test.classes, 0);
    ch_dataset_release(&d);
    ch_encoding_release(&e);
}

/* Whether this is a missing label to an encoding, refused and then lacking; else an unknown one. */
static bool is_missing_to(const ch_encoding *e, const char *label) {
    char text[32];
    ch_dataset d;
    choir_error err = {.message = ""};
    (void)snprintf(text, sizeof(text), "5,%s\n", label);
    const choir_status status = apply(&d, text, e, false, &err);
    const bool is_missing = strstr(err.message, "in column 2 is missing") != NULL;
    check_status(status, is_missing ? CHOIR_EPROTO : CHOIR_EINVAL);
    ch_dataset_release(&d);
    check_status(apply(&d, text, e, true, NULL), is_missing ? CHOIR_OK : CHOIR_EINVAL);
    if (is_missing && e->label.has_values) {
        assert_int_equal(d.test.labels[0], CH_LABEL_NONE);
    } else if (is_missing) {
        assert_true(isnan(d.test.targets[0]));
    }
    ch_dataset_release(&d);
    return is_missing;
}

static void a_word_for_no_number_is_a_missing_label_where_the_others_are_numbers(void **state) {
    (void)state;
    static const char *const words[] = {"NA", "n/a", "NaN", "null"};
    const choir_job_data targets = {.task = "regression"};
    const choir_job_data classes = {.task = "classification"};
    ch_encoding e[3];
    fit(&e[0], "1,2\n3,10\n", &targets);
    fit(&e[1], "1,2\n3,10\n", &classes);
    fit(&e[2], "1,a\n3,b\n", &classes);
    for (int i = 0; i < 3; i++) {
        for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
            assert_int_equal(is_missing_to(&e[i], words[w]), i < 2);
        }
        assert_true(is_missing_to(&e[i], "?") && is_missing_to(&e[i], ""));
        ch_encoding_release(&e[i]);
    }
}

static void labels_that_are_numbers_are_the_same_however_they_are_written(void **state) {
    (void)state;
    const choir_job_data o = {.test_share = 0};
    ch_encoding e;
    ch_dataset d;
    choir_error err = {.message = ""};
    fit(&e, "1,2\n3,10\n", &o);
    check_status(apply(&d, "1,10.0\n1,2\n", &e, false, NULL), CHOIR_OK);
    assert_int_equal(d.test.labels[0], 1);
    assert_int_equal(d.test.labels[1], 0);
    ch_dataset_release(&d);
    check_status(apply(&d, "1,2\n1,zwei\n", &e, false, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "f.csv: line 2: label 'zwei' in column 2 is none of the 2 that "
                        "the model tells apart, the first of which is '2'");
    ch_dataset_release(&d);
    ch_encoding_release(&e);
}

static void labels_that_no_double_tells_apart_are_several(void **state) {
    (void)state;
    static const char text[] = "1,9007199254740993\n"
                               "2,-9007199254740993\n"
                               "3,9007199254740992\n"
                               "4,-9007199254740992\n"
                               "5,09007199254740993\n"
                               "6,7\n";
    static const uint32_t labels[] = {4, 0, 3, 1, 4, 2};
    const choir_job_data o = {.test_share = 0};
    ch_encoding e;
    ch_dataset d;
    choir_error err = {.message = ""};
    fit(&e, text, &o);
    assert_int_equal(e.label.count, 5);
    check_status(apply(&d, text, &e, false, NULL), CHOIR_OK);
    assert_memory_equal(d.test.labels, labels, sizeof(labels));
    ch_dataset_release(&d);
    check_status(apply(&d, "1,9007199254740991\n", &e, false, &err), CHOIR_EINVAL);
    ch_dataset_release(&d);
    check_status(apply(&d, "1,9007199254740992.0\n", &e, false, &err), CHOIR_EINVAL);
    ch_dataset_release(&d);
    ch_encoding_release(&e);
}

static void files_that_are_none_of_the_models_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        choir_status status;
        const char *message;
    } rows[] = {
        {"colour,class\nred,no\n", CHOIR_EINVAL,
         "f.csv: has no column 'age', which the model was trained on"},
        {"3,red,bob,no\n", CHOIR_EINVAL,
         "f.csv: its first line names none of the columns that the model was trained on, the first "
         "of which is 'age'; give it such a header"},
        {"age,colour,class\n3,red,maybe\n", CHOIR_EINVAL,
         "f.csv: line 2: label 'maybe' in column 3 is none of the 2 that the model tells apart, "
         "the "
         "first of which is 'no'"},
        {"age,colour,class\n1,red,no\nold,red,no\n", CHOIR_EPROTO,
         "f.csv: line 3: value 'old' in column 1 is no number, as all were that the model was "
         "trained on; leave it empty when it is missing"},
        {"age,colour,class\n1e31,red,no\n", CHOIR_EPROTO,
         "f.csv: line 2: value '1e31' in column 1 is not between -1e30 and 1e30, as an input must "
         "be"},
        {"age,colour,class\n", CHOIR_EPROTO, "f.csv: has a header and no rows"},
    };
    ch_encoding e;
    fit(&e, TRAINED, &TRAINED_BY);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_dataset d;
        choir_error err = {.message = ""};
        check_status(apply(&d, rows[i].text, &e, false, &err), rows[i].status);
        assert_string_equal(err.message, rows[i].message);
        ch_dataset_release(&d);
    }
    ch_encoding_release(&e);
}

static void columns_without_names_are_as_many_as_they_were(void **state) {
    (void)state;
    const choir_job_data o = {.test_share = 0};
    const choir_job_data first = {.label = "1"};
    ch_encoding e;
    ch_dataset d;
    choir_error err = {.message = ""};
    fit(&e, "1,x,no\n3,y,yes\n", &o);
    check_status(apply(&d, "1,y,yes\n", &e, false, NULL), CHOIR_OK);
    assert_true(d.test.reals[0] == -1 && d.test.reals[2] == 1);
    ch_dataset_release(&d);
    check_status(apply(&d, "1,y,yes,7\n", &e, false, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "f.csv: has 4 columns; the model was trained on 3, which have no names");
    ch_dataset_release(&d);
    check_status(apply(&d, "1\n", &e, true, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "f.csv: has 1 columns; the model was trained on 3, which have "
                                     "no names; only the last, the label, may be left out");
    ch_dataset_release(&d);
    ch_encoding_release(&e);
    fit(&e, "no,1,4\nyes,3,5\n", &first); // what is behind the label would move
    check_status(apply(&d, "1,4\n", &e, true, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "f.csv: has 2 columns; the model was trained on 3, which have no names");
    ch_dataset_release(&d);
    ch_encoding_release(&e);
}

static void options_agree_with_the_model_or_are_refused(void **state) {
    (void)state;
    static const struct {
        choir_job_data options;
        const char *message; // NULL: they agree
    } rows[] = {
        {{.label = "class", .drop = "who"}, NULL},
        {{.label = "4", .drop = "3", .categorical = "2,colour"}, NULL}, // numbers of another file
        {{.drop = "age"},
         "data.drop: 'age' is a column that the model was trained on; it cannot be left out"},
        {{.drop = "class"},
         "data.drop: 'class' is a column that the model was trained on; it cannot be left out"},
        {{.label = "who"},
         "data.label: 'who' is not the column that the model was given its labels by"},
        {{.categorical = "age"}, "data.categorical: 'age' is no column of categories to the model"},
        {{.task = "regression"},
         "data.task: 'regression' is not what the model was trained for, "
         "which is classification"},
        {{.group = "class"}, "data.group: 'class' is the label's column"},
        {{.group = "team"},
         "data.group: 'team' is no column of f.csv, which has 4 and names them in its first line: "
         "age, colour, who, class"},
    };
    const choir_env env = choir_env_default();
    ch_encoding e;
    fit(&e, TRAINED, &TRAINED_BY);
    const ch_reading reading = {.encoding = &e};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_dataset d;
        choir_error err = {.message = ""};
        check_status(encode(&d, TRAINED, &rows[i].options, &reading, &env, &err),
                     rows[i].message == NULL ? CHOIR_OK : CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message == NULL ? "" : rows[i].message);
        ch_dataset_release(&d);
    }
    ch_encoding_release(&e);
}

static void groups_are_the_files_own(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = {.group = "who"};
    ch_encoding e;
    ch_dataset d;
    fit(&e, TRAINED, &TRAINED_BY);
    const ch_reading reading = {.encoding = &e};
    check_status(encode(&d, TRAINED, &o, &reading, &env, NULL), CHOIR_OK);
    static const uint32_t groups[] = {1, 0, 1, 2};
    assert_memory_equal(d.train.groups, groups, sizeof(groups));
    ch_dataset_release(&d);
    // One that is missing is nobody's, also where the column is one that the model was trained on.
    static const char lacking[] = "age,colour,who,class\n3,red,bob,no\n4,,,yes\n";
    for (int is_input = 0; is_input < 2; is_input++) {
        choir_error err = {.message = ""};
        char wanted[160];
        (void)snprintf(wanted, sizeof(wanted),
                       "f.csv: line 3: group '' in column %d is missing; say whose the row is, or "
                       "take it out of the file",
                       is_input ? 2 : 3);
        const choir_job_data by = {.group = "who"};
        const choir_job_data by_input = {.group = "colour"};
        check_status(encode(&d, lacking, is_input ? &by_input : &by, &reading, &env, &err),
                     CHOIR_EPROTO);
        assert_string_equal(err.message, wanted);
        ch_dataset_release(&d);
    }
    const ch_reading judging = {.encoding = &e, .is_test_only = true}; // who trains nobody asks
    const choir_job_data all = {.group = "who", .test_share = 1};
    check_status(encode(&d, lacking, &all, &judging, &env, NULL), CHOIR_OK);
    ch_dataset_release(&d);
    ch_encoding_release(&e);
}

static void a_model_without_an_encoding_reads_no_csv_file(void **state) {
    (void)state;
    ch_dataset d;
    choir_error err = {.message = ""};
    check_status(apply(&d, TRAINED, NULL, false, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "f.csv: is a CSV file, and the model was trained on none, so "
                                     "it does not say what columns mean to it");
    ch_dataset_release(&d);
}

static void more_values_than_a_model_keeps_are_refused(void **state) {
    (void)state;
    enum { ROWS = 1100, BYTES = 4000 }; // 1,100 labels of 4,000 bytes
    const choir_env env = choir_env_default();
    const size_t room = (size_t)ROWS * (BYTES + 8);
    char *text = malloc(room);
    size_t size = 0;
    for (int i = 0; i < ROWS; i++) {
        size += (size_t)snprintf(text + size, room - size, "1,%0*dx\n", BYTES - 1, i);
    }
    ch_dataset d;
    choir_error err = {.message = ""};
    const choir_job_data o = {.test_share = 0};
    check_status(encode(&d, text, &o, NULL, &env, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "at most 4194304 are kept with a model. Leave columns out "
                                        "with data.drop"));
    ch_dataset_release(&d);
    free(text);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    ch_encoding e;
    fit(&e, TRAINED, &TRAINED_BY);
    const ch_reading reading = {.encoding = &e, .is_test_only = true};
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_dataset d;
        m.status = encode(&d, TRAINED, &ALL, &reading, &m.env, NULL);
        ch_dataset_release(&d);
    }
    ch_encoding_release(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_what_was_fitted),
        cmocka_unit_test(a_constant_column_is_nothing_whatever_its_number),
        cmocka_unit_test(the_same_file_is_read_to_the_same_bits),
        cmocka_unit_test(columns_are_found_by_name_wherever_they_stand),
        cmocka_unit_test(a_name_that_is_there_twice_is_the_one_at_its_place),
        cmocka_unit_test(columns_of_one_name_need_a_column_each),
        cmocka_unit_test(rows_keep_their_order_when_all_are_for_testing),
        cmocka_unit_test(a_file_to_train_on_keeps_rows_for_it),
        cmocka_unit_test(a_category_that_is_unknown_counts_as_missing_and_is_told),
        cmocka_unit_test(labels_may_be_lacking_only_where_they_are_not_needed),
        cmocka_unit_test(a_word_for_no_number_is_a_missing_label_where_the_others_are_numbers),
        cmocka_unit_test(labels_that_are_numbers_are_the_same_however_they_are_written),
        cmocka_unit_test(labels_that_no_double_tells_apart_are_several),
        cmocka_unit_test(files_that_are_none_of_the_models_are_refused),
        cmocka_unit_test(columns_without_names_are_as_many_as_they_were),
        cmocka_unit_test(options_agree_with_the_model_or_are_refused),
        cmocka_unit_test(groups_are_the_files_own),
        cmocka_unit_test(a_model_without_an_encoding_reads_no_csv_file),
        cmocka_unit_test(more_values_than_a_model_keeps_are_refused),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
