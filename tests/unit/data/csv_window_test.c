/* CSV: a file that is read through a window is the text that is in memory. */
#include "support/check.h"

#include "data/csv.h"
#include "data/filed.h"
#include "unit/data/files.h"

#include <string.h>

static char folder[FOLDER_PATH_MAX];

/* Opens a file of the text, to be read through a window. */
static choir_status open_in(ch_csv *csv, ch_filed_file *file, size_t window, choir_error *err) {
    const choir_env env = choir_env_default();
    check_status(ch_filed_file_open(file, folder_file(folder, "w.csv"), NULL), CHOIR_OK);
    return ch_csv_open(csv, file, window, "f.csv", &env, err);
}

static void check_records(ch_csv *whole, ch_csv *csv) {
    assert_int_equal(whole->records, csv->records);
    assert_int_equal(whole->columns, csv->columns);
    for (uint32_t i = 0; i < 3 * csv->records; i++) { // one after the other, and any other
        const uint32_t record = i < csv->records ? i : i * 7 % csv->records;
        const ch_cell *a = NULL;
        const ch_cell *b = NULL;
        check_status(ch_csv_record(whole, record, &a, NULL), CHOIR_OK);
        check_status(ch_csv_record(csv, record, &b, NULL), CHOIR_OK);
        assert_int_equal(whole->lines[record], csv->lines[record]);
        for (uint32_t c = 0; c < csv->columns; c++) {
            assert_int_equal(ch_cell_compare(&a[c], &b[c]), 0);
            assert_int_equal(ch_cell_compare(&whole->first[c], &csv->first[c]), 0);
        }
    }
}

static void a_window_of_any_size_shows_the_same(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    static const char text[] =
        "\xEF\xBB\xBFname,\"a \"\"b\"\"\",c\r\n1, 2 ,\"x,\ny\"\r\n\n \n?,,3\n"
        "longer than the others,\"in \"\"two\nlines\"\"\",\t5\n\n4,5,6 \n \n";
    for (size_t size = 0; size < sizeof(text); size++) {
        file_write(folder, "w.csv", text, size);
        for (size_t window = 1; window < 40; window += window < 8 ? 1 : 9) {
            ch_csv whole;
            ch_csv csv;
            ch_filed_file file;
            choir_error err[2] = {{.message = ""}, {.message = ""}};
            const choir_status status = ch_csv_parse(&whole, text, size, "f.csv", &env, &err[0]);
            check_status(open_in(&csv, &file, window, &err[1]), status);
            assert_string_equal(err[0].message, err[1].message);
            if (status == CHOIR_OK) {
                check_records(&whole, &csv);
            }
            ch_csv_release(&csv);
            ch_filed_file_close(&file);
            ch_csv_release(&whole);
        }
    }
}

static void a_file_that_changes_while_it_is_read_is_told(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"a,b\n1,2\n3,", NULL},
        {"a,b\n1,2\n3;4\n",
         "f.csv: was changed while it was read; leave it alone, and start again"},
        {"a,b\n1,2\n3\"4\n",
         "f.csv: was changed while it was read; leave it alone, and start again"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_csv csv;
        ch_filed_file file;
        const ch_cell *cells = NULL;
        choir_error err = {.message = ""};
        file_write(folder, "w.csv", "a,b\n1,2\n3,4\n5,6\n7,8\n9,0\n", 24);
        check_status(open_in(&csv, &file, 2, &err), CHOIR_OK);
        file_write(folder, "w.csv", rows[i].text, strlen(rows[i].text));
        const choir_status status = ch_csv_record(&csv, 2, &cells, &err);
        check_status(status, CHOIR_EIO);
        if (rows[i].message == NULL) {
            assert_non_null(strstr(err.message, "w.csv: ends at byte 10, and had 24 bytes when it "
                                                "was opened; it was cut off meanwhile"));
        } else {
            assert_string_equal(err.message, rows[i].message);
        }
        ch_csv_release(&csv);
        ch_filed_file_close(&file);
    }
}

/* Memory whose first block is claimed once the file has another text. */
typedef struct rewriting {
    choir_env own;
    const char *text; // NULL: it was written
    uint32_t claims;  // before it
} rewriting;

static void *rewriting_alloc(void *self, size_t size) {
    rewriting *r = self;
    if (r->text != NULL && r->claims == 0) {
        file_write(folder, "w.csv", r->text, strlen(r->text));
        r->text = NULL;
    }
    r->claims -= r->claims > 0 ? 1 : 0;
    return r->own.alloc(r->own.self, size);
}

static void rewriting_free(void *self, void *block) {
    rewriting *r = self;
    r->own.free(r->own.self, block);
}

/* Room is made for what the first scan finds; its window is claimed before. */
static void a_file_that_changes_between_its_scans_is_told(void **state) {
    (void)state;
    static const char *const texts[] = {"a,b\n,\n,\n,\n,\n", "a,b,c,d,e,f\n", "a,b\n\n\n1,2\n\n\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        rewriting r = {.own = choir_env_default(), .text = texts[i], .claims = 1};
        choir_env env = r.own;
        env.alloc = rewriting_alloc;
        env.free = rewriting_free;
        env.self = &r;
        ch_csv csv;
        ch_filed_file file;
        choir_error err = {.message = ""};
        file_write(folder, "w.csv", "a,b\n1,2\n3,4\n", 12);
        check_status(ch_filed_file_open(&file, folder_file(folder, "w.csv"), NULL), CHOIR_OK);
        check_status(ch_csv_open(&csv, &file, 64, "f.csv", &env, &err), CHOIR_EIO);
        assert_null(r.text);
        assert_string_equal(
            err.message, "f.csv: was changed while it was read; leave it alone, and start again");
        ch_csv_release(&csv);
        ch_filed_file_close(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_of_any_size_shows_the_same),
        cmocka_unit_test(a_file_that_changes_while_it_is_read_is_told),
        cmocka_unit_test(a_file_that_changes_between_its_scans_is_told),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
