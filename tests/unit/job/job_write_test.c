/* Writing jobs: whatever a job holds, its text reads back to the same. */
#include "support/check.h"

#include "base/rng.h"
#include "choir/job.h"
#include "job/keys.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 16384 };

static void check_equal(const choir_job *a, const choir_job *b) {
    for (size_t i = 0; i < CH_JOB_KEYS.count; i++) {
        char left[CH_OPTION_VALUE_MAX];
        char right[CH_OPTION_VALUE_MAX];
        ch_options_get(&CH_JOB_KEYS.rows[i], a, left, sizeof(left));
        ch_options_get(&CH_JOB_KEYS.rows[i], b, right, sizeof(right));
        assert_string_equal(left, right);
    }
}

static void check_round_trip(const choir_job *job) {
    char text[TEXT_SIZE];
    choir_job back = {.seed = 0};
    choir_error err = {.message = ""};
    const size_t size = choir_job_write(job, text, sizeof(text));
    assert_true(size < sizeof(text));
    assert_int_equal(size, strlen(text));
    check_status(choir_job_parse(&back, text, size, "b.yaml", NULL, 0, &err), CHOIR_OK);
    check_equal(job, &back);
}

static void the_defaults_come_back(void **state) {
    (void)state;
    const choir_job job = choir_job_defaults();
    check_round_trip(&job);
}

/* A value within the row's bounds, as hard to write as a random one is. */
static void row_draw(const ch_option *row, choir_job *job, ch_rng *rng) {
    char *field = (char *)job + row->offset;
    const double unit = ch_rng_unit(rng);
    double real = row->min + unit * (row->max - row->min);
    real = real > row->max ? row->max : real;
    switch (row->type) {
    case CH_OPTION_U32:
        memcpy(field, &(uint32_t){(uint32_t)real}, sizeof(uint32_t));
        break;
    case CH_OPTION_U64:
        memcpy(field, &(uint64_t){(uint64_t)real}, sizeof(uint64_t));
        break;
    case CH_OPTION_F64:
        memcpy(field, &real, sizeof(real));
        break;
    default:
        break;
    }
}

static void a_thousand_random_jobs_come_back(void **state) {
    (void)state;
    for (uint64_t n = 0; n < 1000; n++) {
        ch_rng rng = ch_rng_stream(1, CH_PURPOSE_TEST, 0, n);
        choir_job job = choir_job_defaults();
        const char *population = n % 2 == 0 ? "closed" : "open";
        (void)snprintf(job.population, sizeof(job.population), "%s", population);
        for (size_t i = 0; i < CH_JOB_KEYS.count; i++) {
            if (ch_job_key_is_of(&CH_JOB_KEYS.rows[i], population)) {
                row_draw(&CH_JOB_KEYS.rows[i], &job, &rng);
            }
        }
        job.data.clients = 0; // no quorum is too much for it
        check_round_trip(&job);
    }
}

static void texts_that_look_like_something_else_come_back_as_texts(void **state) {
    (void)state;
    static const char *const texts[] = {
        "true",
        "null",
        "~",
        "5",
        "1e5",
        "a: b",
        "# no comment",
        "- item",
        "[a]",
        "{a: b}",
        "*a",
        "&a",
        "!a",
        "'",
        "\"",
        "\\",
        "\\n",
        "a\"b\\c",
        " leading",
        "trailing ",
        "a,b",
        "%",
        "@",
        "`",
        "?",
        "|",
        ">",
        "--- a",
        "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x8e\xb6",
        "a #b",
        "=",
        "<<",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        choir_job job = choir_job_defaults();
        (void)snprintf(job.data.source, sizeof(job.data.source), "%s", texts[i]);
        (void)snprintf(job.data.label, sizeof(job.data.label), "%s", texts[i]);
        check_round_trip(&job);
    }
}

static void a_job_that_starts_from_a_file_comes_back(void **state) {
    (void)state;
    choir_job job = choir_job_defaults();
    memset(job.model.name, 0, sizeof(job.model.name));
    (void)snprintf(job.model.file, sizeof(job.model.file), "m.safetensors");
    check_round_trip(&job);
}

static void text_that_does_not_fit_is_cut_and_its_length_still_told(void **state) {
    (void)state;
    const choir_job job = choir_job_defaults();
    char whole[TEXT_SIZE];
    char part[TEXT_SIZE];
    const size_t size = choir_job_write(&job, whole, sizeof(whole));
    assert_int_equal(choir_job_write(&job, NULL, 0), size);
    for (size_t room = 1; room <= size + 1; room += 37) {
        memset(part, 'x', sizeof(part));
        assert_int_equal(choir_job_write(&job, part, room), size);
        assert_int_equal(strlen(part), room - 1);
        assert_memory_equal(part, whole, room - 1);
        assert_int_equal(part[room], 'x');
    }
}

static void sections_of_the_table_are_written_once(void **state) {
    (void)state;
    const choir_job job = choir_job_defaults();
    char text[TEXT_SIZE];
    (void)choir_job_write(&job, text, sizeof(text));
    static const char *const sections[] = {"model:", "data:", "client:", "server:", "network:"};
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        char line[32];
        (void)snprintf(line, sizeof(line), "\n%s\n", sections[i]);
        const char *first = strstr(text, line);
        assert_non_null(first);
        assert_null(strstr(first + 1, line));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_come_back),
        cmocka_unit_test(a_thousand_random_jobs_come_back),
        cmocka_unit_test(texts_that_look_like_something_else_come_back_as_texts),
        cmocka_unit_test(a_job_that_starts_from_a_file_comes_back),
        cmocka_unit_test(text_that_does_not_fit_is_cut_and_its_length_still_told),
        cmocka_unit_test(sections_of_the_table_are_written_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
