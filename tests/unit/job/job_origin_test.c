/* Origin: a model's job is found in its run, and two jobs are told apart key by key. */
#include "support/check.h"

#include "job/keys.h"
#include "job/origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void equal_jobs_do_not_differ_and_others_differ_in_the_key_that_does(void **state) {
    (void)state;
    const choir_job a = choir_job_defaults();
    assert_null(ch_job_difference(&a, &a));
    for (size_t i = 0; i < CH_JOB_KEYS.count; i++) {
        const ch_option *row = &CH_JOB_KEYS.rows[i];
        if (row->type == CH_OPTION_TEXT) {
            continue;
        }
        choir_job b = a;
        char value[CH_OPTION_VALUE_MAX];
        ch_options_get(row, &a, value, sizeof(value));
        const double number = strtod(value, NULL);
        (void)snprintf(value, sizeof(value), "%.17g", number == row->max ? row->min : row->max);
        if (row->type == CH_OPTION_FLAG) {
            (void)snprintf(value, sizeof(value), "true");
        }
        check_status(ch_options_set(&CH_JOB_KEYS, &b, row->key, value, "", NULL), CHOIR_OK);
        assert_ptr_equal(ch_job_difference(&a, &b), row);
    }
}

static void a_job_is_found_in_a_run_and_beside_a_model(void **state) {
    (void)state;
    char folder[] = "/tmp/choir-origin-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char model[64];
    char job[64];
    char found[CHOIR_PATH_MAX];
    (void)snprintf(model, sizeof(model), "%s/model.safetensors", folder);
    (void)snprintf(job, sizeof(job), "%s/job.yaml", folder);
    assert_false(ch_job_origin(found, folder));
    assert_false(ch_job_origin(found, model));
    FILE *file = fopen(job, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_true(ch_job_origin(found, folder));
    assert_string_equal(found, job);
    assert_true(ch_job_origin(found, model));
    assert_string_equal(found, job);
    assert_int_equal(unlink(job), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void a_path_that_is_too_long_has_no_job(void **state) {
    (void)state;
    char model[2 * CHOIR_PATH_MAX];
    char found[CHOIR_PATH_MAX] = "";
    memset(model, 'x', sizeof(model));
    model[sizeof(model) - 1] = '\0';
    assert_false(ch_job_origin(found, model));
    assert_string_equal(found, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_jobs_do_not_differ_and_others_differ_in_the_key_that_does),
        cmocka_unit_test(a_job_is_found_in_a_run_and_beside_a_model),
        cmocka_unit_test(a_path_that_is_too_long_has_no_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
