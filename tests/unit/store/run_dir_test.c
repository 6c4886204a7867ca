/* Run directory: never overwritten, one writer at a time; its facts come back. */
#include "support/check.h"
#include "support/folder.h"

#include "store/run_dir.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

static choir_bytes bytes_of(const char *text) {
    return (choir_bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

static void counters_go_up(void **state) {
    (void)state;
    assert_int_equal(chdir(folder), 0);
    static const char *const paths[] = {"runs/my-job-1", "runs/my-job-2", "runs/my-job-3"};
    for (int i = 0; i < 3; i++) {
        ch_run_dir d;
        check_status(ch_run_dir_create(&d, NULL, "my job", NULL), CHOIR_OK);
        assert_string_equal(d.path, paths[i]);
        ch_run_dir_release(&d);
        ch_run_dir_release(&d);
    }
    ch_run_dir d;
    check_status(ch_run_dir_create(&d, "", "../../etc", NULL), CHOIR_OK);
    assert_string_equal(d.path, "runs/..-..-etc-1");
    ch_run_dir_release(&d);
}

static void a_run_is_never_overwritten(void **state) {
    (void)state;
    const char *path = folder_file(folder, "deep/in/here/");
    ch_run_dir d;
    check_status(ch_run_dir_create(&d, path, "job", NULL), CHOIR_OK);
    check_status(ch_run_dir_write(d.path, "job.yaml", bytes_of("name: job\n"), NULL), CHOIR_OK);
    ch_run_dir_release(&d);
    choir_error err = {.message = ""};
    check_status(ch_run_dir_create(&d, path, "job", &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "here: holds a run already; give another directory, or "));
    check_status(ch_run_dir_open(&d, path, NULL), CHOIR_OK);
    ch_run_dir_release(&d);
}

static void one_process_writes_at_a_time(void **state) {
    (void)state;
    const char *path = folder_file(folder, "locked");
    ch_run_dir d;
    check_status(ch_run_dir_create(&d, path, "job", NULL), CHOIR_OK);
    check_status(ch_run_dir_write(d.path, "job.yaml", bytes_of(""), NULL), CHOIR_OK);
    ch_run_dir other;
    choir_error err = {.message = ""};
    check_status(ch_run_dir_open(&other, path, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "locked: another process is writing this run"));
    ch_run_dir_release(&d);
    check_status(ch_run_dir_open(&other, path, NULL), CHOIR_OK);
    ch_run_dir_release(&other);
}

static void what_is_no_run_is_refused(void **state) {
    (void)state;
    char long_path[2 * CHOIR_PATH_MAX];
    memset(long_path, 'a', sizeof(long_path));
    long_path[sizeof(long_path) - 1] = '\0';
    ch_run_dir d;
    choir_error err = {.message = ""};
    check_status(ch_run_dir_open(&d, folder, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "is not a run directory: it has no job.yaml"));
    check_status(ch_run_dir_create(&d, long_path, "job", &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "the path is longer than 511 bytes"));
    check_status(ch_run_dir_create(&d, "/proc/none/of/it", "job", &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "cannot make the directory"));
    ch_run_dir_release(&d);
}

static void facts_are_read_as_they_were_written(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_run_facts facts = {.seed = UINT64_MAX, .workers = 2, .parameters = 1663370};
    (void)snprintf(facts.name, sizeof(facts.name), "%s", "M\303\266we");
    (void)snprintf(facts.version, sizeof(facts.version), "%s", "0.1.0");
    (void)snprintf(facts.backend, sizeof(facts.backend), "%s", "avx2");
    (void)snprintf(facts.command, sizeof(facts.command), "%s", "choir sim \"a b.yaml\"");
    ch_cpu_name(facts.cpu);
    assert_true(facts.cpu[0] != '\0');
    check_status(ch_run_facts_write(folder, &facts, NULL), CHOIR_OK);
    ch_run_facts read = {.seed = 1};
    check_status(ch_run_facts_read(&read, folder, &env, NULL), CHOIR_OK);
    assert_int_equal(read.seed, facts.seed);
    assert_int_equal(read.workers, facts.workers);
    assert_int_equal(read.parameters, facts.parameters);
    assert_string_equal(read.name, facts.name);
    assert_string_equal(read.version, facts.version);
    assert_string_equal(read.backend, facts.backend);
    assert_string_equal(read.cpu, facts.cpu);
    assert_string_equal(read.command, facts.command);
}

static void a_run_that_goes_on_has_no_models_hash_until_it_ends(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_run_facts facts = {.seed = 1, .workers = 2, .start_loss = 1.5};
    ch_run_facts read = {.seed = 0};
    check_status(ch_run_facts_write(folder, &facts, NULL), CHOIR_OK);
    static const char *const hashes[] = {"abc", "def"};
    for (size_t i = 0; i < 2; i++) {
        check_status(ch_run_facts_end(folder, hashes[i], &env, NULL), CHOIR_OK);
        check_status(ch_run_facts_read(&read, folder, &env, NULL), CHOIR_OK);
        assert_string_equal(read.model_hash, hashes[i]);
        check_status(ch_run_facts_resume(folder, 3, &facts, &env, NULL), CHOIR_OK);
        check_status(ch_run_facts_read(&read, folder, &env, NULL), CHOIR_OK);
        assert_string_equal(read.model_hash, "");
        assert_true(read.start_loss == facts.start_loss); // the rest stays
    }
}

static void facts_that_are_not_ours_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "run.json:1: is not JSON: '[' or '{' expected near end of file"},
        {"[", "run.json:1: is not JSON: ']' expected near end of file"},
        {"[]", "run.json: is not a JSON object"},
        {"{}", "run.json: 'seed' is missing; it is digits between quotes"},
        {"{\"seed\": 1}", "run.json: 'seed' is not digits between quotes"},
        {"{\"seed\": \"-1\"}", "run.json: 'seed' is not digits between quotes"},
        {"{\"seed\": \"1\", \"name\": \"a\", \"version\": \"1\", \"backend\": \"b\", "
         "\"cpu\": \"c\", \"workers\": -1}",
         "run.json: 'workers' is not a whole number in [0, 4294967295]"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_status(ch_run_dir_write(folder, "run.json", bytes_of(rows[i].text), NULL), CHOIR_OK);
        ch_run_facts read = {.seed = 7};
        choir_error err = {.message = ""};
        check_status(ch_run_facts_read(&read, folder, &env, &err), CHOIR_EPROTO);
        if (strstr(err.message, rows[i].message) == NULL) {
            fail_msg("'%s' lacks '%s'", err.message, rows[i].message);
        }
        assert_int_equal(read.seed, 7);
    }
    ch_run_facts read;
    check_status(ch_run_facts_read(&read, "/nowhere", &env, NULL), CHOIR_EIO);
    counted_memory memory;
    const choir_env none = counted_env(&memory, 0);
    check_status(ch_run_facts_read(&read, folder, &none, NULL), CHOIR_ENOMEM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_go_up),
        cmocka_unit_test(a_run_is_never_overwritten),
        cmocka_unit_test(one_process_writes_at_a_time),
        cmocka_unit_test(what_is_no_run_is_refused),
        cmocka_unit_test(facts_are_read_as_they_were_written),
        cmocka_unit_test(a_run_that_goes_on_has_no_models_hash_until_it_ends),
        cmocka_unit_test(facts_that_are_not_ours_are_refused),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
