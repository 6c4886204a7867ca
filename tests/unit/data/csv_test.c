/* CSV: the grammar, its errors, and how columns become inputs, labels and groups. */
#include "support/check.h"

#include "data/encoder.h"
#include "unit/data/files.h"

#include <string.h>

/* Parses a copy of exactly the text's size, so that the sanitizer sees an overrun. */
typedef struct parsed {
    char *text; // owned
    ch_csv csv;
} parsed;

static choir_status parse(parsed *p, const char *text, size_t size, choir_error *err) {
    const choir_env env = choir_env_default();
    p->text = malloc(size > 0 ? size : 1);
    memcpy(p->text, text, size);
    return ch_csv_parse(&p->csv, p->text, size, "f.csv", &env, err);
}

static void release(parsed *p) {
    ch_csv_release(&p->csv);
    free(p->text);
}

static void check_cell(parsed *p, uint32_t record, uint32_t column, const char *expected) {
    const ch_cell *cells = NULL;
    check_status(ch_csv_record(&p->csv, record, &cells, NULL), CHOIR_OK);
    const ch_cell *cell = &cells[column];
    const ch_cell wanted = {.data = expected, .size = (uint32_t)strlen(expected)};
    if (ch_cell_compare(cell, &wanted) != 0) {
        fail_msg("cell (%u, %u): '%.*s' instead of '%s'", record, column, (int)cell->size,
                 cell->data, expected);
    }
}

static void fields_are_cut_as_the_rfc_says(void **state) {
    (void)state;
    static const struct {
        const char *text, *first, *second;
        uint32_t records;
    } rows[] = {
        {"a,b\n", "a", "b", 1},
        {"a,b", "a", "b", 1},
        {"a,b\r\nc,d\r\n", "a", "b", 2},
        {"a,\n", "a", "", 1},
        {",b", "", "b", 1},
        {" a ,\tb \n", "a", "b", 1},
        {"\"a\",\" b \"", "a", " b ", 1},
        {"\"a,1\",\"x\ny\"\n", "a,1", "x\ny", 1},
        {"\"say \"\"hi\"\"\",\"\"\"\"", "say \"hi\"", "\"", 1},
        {"\"\",\"\"", "", "", 1},
        {"\xEF\xBB\xBF"
         "a,b\n",
         "a", "b", 1},
        {"\n \n\r\na,b\n\n\nc,d\n \n", "a", "b", 2},
        {" \"a\" , \"b\"\r\n", "a", "b", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        parsed p;
        choir_error err = {.message = ""};
        check_status(parse(&p, rows[i].text, strlen(rows[i].text), &err), CHOIR_OK);
        assert_int_equal(p.csv.records, rows[i].records);
        assert_int_equal(p.csv.columns, 2);
        check_cell(&p, 0, 0, rows[i].first);
        check_cell(&p, 0, 1, rows[i].second);
        release(&p);
    }
}

static void malformed_text_is_refused_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "f.csv: has no records"},
        {" \n\n", "f.csv: has no records"},
        {"a,b\nc\n",
         "f.csv: line 2: 1 field, but the first record has 2; only commas separate fields"},
        {"a,b\n\nc,d,e\n",
         "f.csv: line 3: more fields than the first record has, which are 2; only commas separate "
         "fields"},
        {"a,b\n\"c,d\n", "f.csv: line 2: a quote is opened here and never closed"},
        {"a,\"b\"c\n",
         "f.csv: line 1: text after a closing quote; a quote inside is written twice"},
        {"\"a\nb\",x\nc,d\"e\n",
         "f.csv: line 3: a quote inside a field that does not begin with one"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        parsed p;
        choir_error err = {.message = ""};
        check_status(parse(&p, rows[i].text, strlen(rows[i].text), &err), CHOIR_EPROTO);
        assert_string_equal(err.message, rows[i].message);
        release(&p);
    }
    parsed p;
    choir_error err = {.message = ""};
    check_status(parse(&p, "a,b\n1,\0\n", 8, &err), CHOIR_EPROTO);
    assert_string_equal(err.message, "f.csv: line 2: a zero byte; this is not text");
    release(&p);
    check_status(parse(&p, "a,b\n1,\"\n\0\"\n", 11, &err), CHOIR_EPROTO);
    assert_string_equal(err.message, "f.csv: line 3: a zero byte; this is not text");
    release(&p);
}

static void every_prefix_ends_in_an_answer(void **state) {
    (void)state;
    static const char text[] = "\xEF\xBB\xBFname,\"a \"\"b\"\"\",c\r\n1, 2 ,\"x,\ny\"\r\n\n?,,3\n";
    for (size_t size = 0; size < sizeof(text); size++) {
        parsed p;
        const choir_status status = parse(&p, text, size, NULL);
        assert_true(status == CHOIR_OK || status == CHOIR_EPROTO);
        release(&p);
    }
}

static void numbers_are_finite_decimals_and_nothing_else(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_number;
        double value;
    } rows[] = {
        {"1", true, 1},
        {"-2.5e3", true, -2500},
        {".5", true, 0.5},
        {"+7", true, 7},
        {"", false, 0},
        {"nan", false, 0},
        {"inf", false, 0},
        {"0x10", false, 0},
        {"1e999", false, 0},
        {"1 2", false, 0},
        {"1,5", false, 0},
        {"--1", false, 0},
        {"1e", false, 0},
        {"e", false, 0},
        {"?", false, 0},
        {"0.10000000000000000000000000000000000000000000000000000000000000000000000000", true, 0.1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double value = 0;
        const ch_cell text = {.data = rows[i].text, .size = (uint32_t)strlen(rows[i].text)};
        assert_int_equal(ch_cell_number(&value, &text), rows[i].is_number);
        check_near(value, rows[i].value, 0);
    }
}

/* -------------------------------------------------------------------------------- encoding */

static choir_status encode(ch_dataset *d, const char *text, const choir_job_data *o,
                           choir_error *err) {
    const choir_env env = choir_env_default();
    parsed p;
    ch_dataset_init(d, &env);
    choir_status status = parse(&p, text, strlen(text), err);
    if (status == CHOIR_OK) {
        status = ch_csv_encode(d, &p.csv, o, NULL, 1, err);
    }
    release(&p);
    return status;
}

static void columns_become_inputs_as_stated(void **state) {
    (void)state;
    static const char text[] = "age,colour,who,class\n"
                               "1,red,bob,yes\n"
                               "3,blue,ann,no\n"
                               "?,,bob,yes\n"
                               "5,red,cid,no\n";
    const choir_job_data o = {.label = "class", .group = "who"};
    ch_dataset d;
    check_status(encode(&d, text, &o, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 4);
    assert_int_equal(d.test.count, 0);
    assert_int_equal(d.train.shape.channels, 3);
    assert_int_equal(d.train.classes, 2);
    const double deviation = sqrt(8.0 / 3); // of 1, 3, 5
    const double expected[4][3] = {
        {-2 / deviation, 0, 1}, {0, 1, 0}, {0, 0, 0}, {2 / deviation, 0, 1}};
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t j = 0; j < 3; j++) {
            check_near(d.train.reals[i * 3 + j], expected[i][j], 1e-7);
        }
    }
    static const uint32_t labels[] = {1, 0, 1, 0}; // no, yes
    static const uint32_t groups[] = {1, 0, 1, 2}; // ann, bob, cid
    assert_memory_equal(d.train.labels, labels, sizeof(labels));
    assert_memory_equal(d.train.groups, groups, sizeof(groups));
    ch_dataset_release(&d);
}

static void labels_are_called_what_the_file_calls_them(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *names[3];
    } rows[] = {
        {"x,class\n1,yes\n2,no\n3,yes\n", {"no", "yes"}},
        {"1,10\n2,2\n3,7\n", {"2", "7", "10"}},
        {"1,a\033[31m\n2,\"b\tc\"\n3,d\xff\n", {"a?[31m", "b?c", "d?"}},
        {"1,caf\xc3\xa9\n2,\"\"\"\"\n3,z\n", {"\"", "caf\xc3\xa9", "z"}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const choir_job_data o = {.test_share = 0};
        ch_dataset d;
        check_status(encode(&d, rows[i].text, &o, NULL), CHOIR_OK);
        assert_int_equal(d.named, rows[i].names[2] == NULL ? 2 : 3);
        for (uint32_t c = 0; c < d.named; c++) {
            assert_string_equal(d.names[c], rows[i].names[c]);
        }
        ch_dataset_release(&d);
    }
    const choir_job_data o = {.task = "regression"};
    ch_dataset d;
    check_status(encode(&d, "1,2\n3,4\n", &o, NULL), CHOIR_OK);
    assert_int_equal(d.named, 0);
    ch_dataset_release(&d);
}

static void columns_are_named_or_numbered_and_the_last_is_the_label(void **state) {
    (void)state;
    static const char plain[] = "10,1.5,3\n2,2.5,4\n10,0.5,5\n";
    ch_dataset d;
    choir_job_data o = {.label = "1"};
    check_status(encode(&d, plain, &o, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 3);
    assert_int_equal(d.train.labels[0], 1); // 2 before 10: numbers, not texts
    assert_int_equal(d.train.labels[1], 0);
    assert_int_equal(d.train.shape.channels, 2);
    ch_dataset_release(&d);
    o = (choir_job_data){.task = "regression"};
    check_status(encode(&d, plain, &o, NULL), CHOIR_OK);
    assert_int_equal(d.train.classes, 0);
    assert_null(d.train.labels);
    check_near(d.train.targets[2], 5, 0);
    ch_dataset_release(&d);
    o = (choir_job_data){.categorical = "1, 2"};
    check_status(encode(&d, plain, &o, NULL), CHOIR_OK);
    assert_int_equal(d.train.shape.channels, 2 + 3);
    ch_dataset_release(&d);
    o = (choir_job_data){.label = "b"}; // all text: only its use says that there is a header
    check_status(encode(&d, "a,b\nx,y\nz,y\n", &o, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 2);
    ch_dataset_release(&d);
}

static void scaling_and_categories_come_from_training_rows_only(void **state) {
    (void)state;
    char text[4096];
    size_t size = 0;
    for (int i = 0; i < 100; i++) { // every row has a category of its own
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%d,c%02d,%d\n", i, i, i % 2);
    }
    const choir_job_data o = {.test_share = 0.25};
    ch_dataset d;
    check_status(encode(&d, text, &o, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 75);
    assert_int_equal(d.test.count, 25);
    assert_int_equal(d.train.shape.channels, 1 + 75);
    double sum = 0;
    double squares = 0;
    for (uint32_t i = 0; i < 75; i++) {
        const double v = (double)d.train.reals[(size_t)i * 76];
        sum += v;
        squares += v * v;
    }
    check_near(sum, 0, 1e-4);
    check_near(squares / 75, 1, 1e-5);
    for (uint32_t i = 0; i < 25; i++) {
        for (uint32_t j = 1; j < 76; j++) {
            check_near(d.test.reals[(size_t)i * 76 + j], 0, 0); // never seen in training
        }
    }
    ch_dataset_release(&d);
}

static void labels_that_are_numbers_are_told_apart_by_value(void **state) {
    (void)state;
    const choir_job_data o = {.label = "2"};
    ch_dataset d;
    check_status(encode(&d, "1,2.0\n2,1.0\n3,1\n4,+1\n5,2\n", &o, NULL), CHOIR_OK);
    static const uint32_t labels[] = {1, 0, 0, 0, 1};
    assert_int_equal(d.train.classes, 2);
    assert_memory_equal(d.train.labels, labels, sizeof(labels));
    assert_int_equal(d.named, 2);
    assert_string_equal(d.names[0], "+1"); // the first of its texts, whatever the order of rows
    assert_string_equal(d.names[1], "2");
    ch_dataset_release(&d);
    check_status(encode(&d, "1,1\n2,1.0\n3,x\n", &o, NULL), CHOIR_OK);
    assert_int_equal(d.train.classes, 3); // texts, one of them: all are
    ch_dataset_release(&d);
}

static void what_tools_write_for_a_missing_number_is_missing_among_numbers(void **state) {
    (void)state;
    const choir_job_data o = {.label = ""};
    ch_dataset d;
    check_status(encode(&d, "1,0\nNA,1\nn/a,0\nNaN,1\nNULL,0\n3,1\n", &o, NULL), CHOIR_OK);
    static const double expected[] = {-1, 0, 0, 0, 0, 1};
    assert_int_equal(d.train.shape.channels, 1);
    for (uint32_t i = 0; i < 6; i++) {
        check_near(d.train.reals[i], expected[i], 1e-7);
    }
    ch_dataset_release(&d);
    check_status(encode(&d, "NA,0\nEU,1\nNA,1\n5,0\n", &o, NULL), CHOIR_OK);
    assert_int_equal(d.train.shape.channels, 3); // among texts it is one
    ch_dataset_release(&d);
    const choir_job_data listed = {.categorical = "1"};
    check_status(encode(&d, "1,0\n2,1\nx,1\n", &listed, NULL), CHOIR_OK);
    assert_int_equal(d.train.shape.channels, 3);
    ch_dataset_release(&d);
}

static void a_constant_column_becomes_zero_and_an_empty_one_is_none(void **state) {
    (void)state;
    const choir_job_data o = {.label = ""};
    const choir_job_data listed = {.categorical = "1"};
    ch_dataset d;
    check_status(encode(&d, ",1,0\n?,2,1\n", &listed, NULL), CHOIR_OK);
    assert_int_equal(d.train.shape.channels, 1);
    ch_dataset_release(&d);
    check_status(encode(&d, "7,1,0\n7,2,1\n", &o, NULL), CHOIR_OK);
    check_near(d.train.reals[0], 0, 0);
    check_near(d.train.reals[1], -1, 1e-7);
    ch_dataset_release(&d);
}

/* What a text and options are refused with. */
typedef struct refusal {
    const char *text;
    choir_job_data options;
    choir_status status;
    const char *message;
} refusal;

static void check_refused(const refusal *r) {
    ch_dataset d;
    choir_error err = {.message = ""};
    check_status(encode(&d, r->text, &r->options, &err), r->status);
    assert_string_equal(err.message, r->message);
    ch_dataset_release(&d);
}

static void options_and_rows_that_do_not_fit_are_refused(void **state) {
    (void)state;
    static const refusal rows[] = {
        {"a,b\n1,2\n",
         {.label = "c"},
         CHOIR_EINVAL,
         "data.label: 'c' is no column of f.csv, which has 2 and names them in its first line: "
         "a, b"},
        {"1,2\n3,4\n",
         {.label = "3"},
         CHOIR_EINVAL,
         "data.label: '3' is no column of f.csv, which has 2 and no names"},
        {"1,2\n3,4\n",
         {.group = "0"},
         CHOIR_EINVAL,
         "data.group: '0' is no column of f.csv, which has 2 and no names"},
        {"1,2\n3,4\n", {.group = "2"}, CHOIR_EINVAL, "data.group: '2' is the label's column"},
        {"1,2\n3,4\n",
         {.categorical = "1,9"},
         CHOIR_EINVAL,
         "data.categorical: '9' is no column of f.csv, which has 2 and no names"},
        {"1,2\n3,\n",
         {.label = "2"},
         CHOIR_EPROTO,
         "f.csv: line 2: label '' in column 2 is missing"},
        {"ann,1,2\n,3,4\n",
         {.group = "1"},
         CHOIR_EPROTO,
         "f.csv: line 2: group '' in column 1 is missing; say whose the row is, or take it out of "
         "the file"},
        {"g,a,b\nann,1,2\n?,3,4\n,3,4\n", // nor of a row to test on, whichever those are
         {.group = "g", .test_share = 0.5},
         CHOIR_EPROTO,
         "f.csv: line 3: group '?' in column 1 is missing; say whose the row is, or take it out of "
         "the file"},
        {"1,2\n3,x\n",
         {.task = "regression"},
         CHOIR_EPROTO,
         "f.csv: line 2: label 'x' in column 2 is not a number below 1e30, which regression needs"},
        {"1,0\n\"x\ny\x1b[1m\",1\n3,0\n2,0\n",
         {.label = ""},
         CHOIR_EPROTO,
         "f.csv: line 2: value 'x?y?[1m' in column 1 is no number, and most in that column are; "
         "leave it empty when it is missing, or list the column in data.categorical"},
        {"1e308,0\n1e308,1\n2,0\n",
         {.label = ""},
         CHOIR_EPROTO,
         "f.csv: line 1: value '1e308' in column 1 is not between -1e30 and 1e30, as an input must "
         "be"},
        {"1\n2\n",
         {.label = "\x1b[2J"},
         CHOIR_EINVAL,
         "data.label: '?[2J' is no column of f.csv, which has 1 and no names"},
        {"1,\"a\nb\x07\"\n",
         {.task = "regression"},
         CHOIR_EPROTO,
         "f.csv: line 1: label 'a?b?' in column 2 is not a number below 1e30, which regression "
         "needs"},
        {"1,2\n3,4\n",
         {.task = "ranking"},
         CHOIR_EINVAL,
         "data.task: 'ranking' is neither classification nor regression"},
        {"1\n2\n", {.label = ""}, CHOIR_EINVAL, "f.csv: has no column for input beside the label"},
        {"a,b\n", {.label = "b"}, CHOIR_EPROTO, "f.csv: has a header and no rows"},
        {"1,2\n3,4\n", {.test_share = 2}, CHOIR_EINVAL, "data.test_share: 2 is not in [0, 1]"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_refused(&rows[i]);
    }
}

static void slips_in_a_file_are_told_with_what_would_be_right(void **state) {
    (void)state;
    static const refusal rows[] = {
        {"age,sick\n1,2\n",
         {.label = "Sick"},
         CHOIR_EINVAL,
         "data.label: 'Sick' is no column of f.csv, which has 2 and names them in its first line; "
         "did you mean 'sick'?"},
        {"1,0\n2,NaN\n3,1\n",
         {.label = ""},
         CHOIR_EPROTO,
         "f.csv: line 2: label 'NaN' in column 2 is missing, where the other labels are numbers"},
        {"x,2020,y\n1,2,3\n4,5,6\n7,8,9\n",
         {.label = ""},
         CHOIR_EPROTO,
         "f.csv: line 1: value 'x' in column 1 is no number, and most in that column are; if the "
         "line is a header, name one of its columns in data.label; otherwise leave the value empty "
         "when it is missing, or list the column in data.categorical"},
        {"a;b;c\n1;2;3\n",
         {.label = ""},
         CHOIR_EINVAL,
         "f.csv: has no column for input beside the label; only commas separate fields, and its "
         "first line has semicolons"},
        {"a\tb\n1\t2\n",
         {.label = ""},
         CHOIR_EINVAL,
         "f.csv: has no column for input beside the label; only commas separate fields, and its "
         "first line has tabs"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_refused(&rows[i]);
    }
}

/* The layout of the UCI repository's wdbc.data: a number, M or B, and measurements. */
static void columns_that_are_left_out_are_no_inputs(void **state) {
    (void)state;
    static const char text[] = "842302,M,17.99,10.38\n842517,M,x,17.77\n8510426,B,13.54,14.36\n";
    ch_dataset d;
    choir_job_data o = {.label = "2", .drop = "1, 3"};
    check_status(encode(&d, text, &o, NULL), CHOIR_OK);
    assert_int_equal(d.train.shape.channels, 1);
    assert_int_equal(d.train.classes, 2);
    assert_int_equal(d.train.labels[0], 1);
    assert_int_equal(d.train.labels[2], 0);
    ch_dataset_release(&d);
    o = (choir_job_data){.drop = "id"}; // its use says that there is a header
    check_status(encode(&d, "id,a,b\nx,y,z\nu,v,w\n", &o, NULL), CHOIR_OK);
    assert_int_equal(d.train.count, 2);
    assert_int_equal(d.train.shape.channels, 2);
    ch_dataset_release(&d);
}

static void columns_that_cannot_be_left_out_are_refused(void **state) {
    (void)state;
    static const struct {
        choir_job_data options;
        const char *message;
    } rows[] = {
        {{.drop = "2"}, "data.drop: '2' is the label's column; it cannot be left out"},
        {{.drop = "1", .group = "1"},
         "data.drop: '1' is data.group's column; it cannot be left out"},
        {{.drop = "1", .categorical = "1"},
         "data.drop: '1' is in data.categorical; it cannot be left out"},
        {{.drop = "7"}, "data.drop: '7' is no column of f.csv, which has 2 and no names"},
        {{.drop = "1"}, "f.csv: has no column for input beside the label"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_dataset d;
        choir_error err = {.message = ""};
        check_status(encode(&d, "1,2\n3,4\n", &rows[i].options, &err), CHOIR_EINVAL);
        assert_string_equal(err.message, rows[i].message);
        ch_dataset_release(&d);
    }
}

static void labels_that_most_rows_have_one_each_of_are_refused(void **state) {
    (void)state;
    char text[64 * 16] = "";
    size_t size = 0;
    for (int i = 0; i < 42; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%d,%d\n", i % 3, i % 22);
    }
    const choir_job_data o = {.label = ""};
    ch_dataset d;
    choir_error err = {.message = ""};
    check_status(encode(&d, text, &o, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "f.csv: column 2 has 22 different labels in 42 rows, so it looks like no "
                        "class; name the label's column in data.label, or set data.task to "
                        "regression");
    ch_dataset_release(&d);
    (void)snprintf(text + size, sizeof(text) - size, "1,1\n1,1\n");
    check_status(encode(&d, text, &o, &err), CHOIR_OK);
    assert_int_equal(d.train.classes, 22);
    ch_dataset_release(&d);
}

static void many_labels_that_are_measurements_are_refused(void **state) {
    (void)state;
    char text[21 * 16] = "";
    size_t size = 0;
    for (int i = 0; i < 21; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%d,%d.5\n", i % 3, i);
    }
    choir_job_data o = {.label = ""};
    ch_dataset d;
    choir_error err = {.message = ""};
    check_status(encode(&d, text, &o, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "f.csv: column 2 has 21 different labels such as 0.5, so it looks like no "
                        "class; name the label's column in data.label, or set data.task to "
                        "regression");
    ch_dataset_release(&d);
    o.label[0] = '1';
    check_status(encode(&d, text, &o, &err), CHOIR_OK);
    assert_int_equal(d.train.classes, 3);
    ch_dataset_release(&d);
}

static void a_column_of_too_many_categories_is_refused(void **state) {
    (void)state;
    enum { ROWS = CH_CATEGORIES_MAX + 1 };
    char *text = malloc((size_t)ROWS * 16);
    size_t size = 0;
    for (int i = 0; i < ROWS; i++) {
        size += (size_t)snprintf(text + size, 16, "c%d,%d\n", i, i % 2);
    }
    const choir_job_data o = {.label = ""};
    ch_dataset d;
    choir_error err = {.message = ""};
    check_status(encode(&d, text, &o, &err), CHOIR_EINVAL);
    assert_string_equal(err.message,
                        "f.csv: column 1 has more than 1024 different values, the "
                        "most that are encoded. Leave it out with data.drop=1, or make it numeric");
    ch_dataset_release(&d);
    free(text);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    char f[FOLDER_PATH_MAX];
    folder_make(f);
    static const char text[] = "a,g,c\n1,x,0\n2,y,1\n3,x,0\n4,z,1\n";
    file_write(f, "t.csv", text, sizeof(text) - 1);
    const choir_job_data o = {.group = "g", .test_share = 0.25};
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        ch_dataset d;
        ch_dataset_init(&d, &m.env);
        m.status = ch_csv_read(&d, folder_file(f, "t.csv"), &o, NULL, 1, NULL);
        ch_dataset_release(&d);
    }
    folder_remove(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_cut_as_the_rfc_says),
        cmocka_unit_test(malformed_text_is_refused_with_its_line),
        cmocka_unit_test(every_prefix_ends_in_an_answer),
        cmocka_unit_test(numbers_are_finite_decimals_and_nothing_else),
        cmocka_unit_test(columns_become_inputs_as_stated),
        cmocka_unit_test(columns_are_named_or_numbered_and_the_last_is_the_label),
        cmocka_unit_test(scaling_and_categories_come_from_training_rows_only),
        cmocka_unit_test(labels_that_are_numbers_are_told_apart_by_value),
        cmocka_unit_test(what_tools_write_for_a_missing_number_is_missing_among_numbers),
        cmocka_unit_test(a_constant_column_becomes_zero_and_an_empty_one_is_none),
        cmocka_unit_test(labels_are_called_what_the_file_calls_them),
        cmocka_unit_test(options_and_rows_that_do_not_fit_are_refused),
        cmocka_unit_test(slips_in_a_file_are_told_with_what_would_be_right),
        cmocka_unit_test(columns_that_are_left_out_are_no_inputs),
        cmocka_unit_test(columns_that_cannot_be_left_out_are_refused),
        cmocka_unit_test(labels_that_most_rows_have_one_each_of_are_refused),
        cmocka_unit_test(many_labels_that_are_measurements_are_refused),
        cmocka_unit_test(a_column_of_too_many_categories_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
