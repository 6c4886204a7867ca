/* Downloads from a local server: whole, resumed, wrong, missing, silent; and the catalog's rows. */
#include "support/check.h"

#include "base/sha256.h"
#include "data/catalog.h"
#include "support/web_server.h"
#include "unit/data/files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>

enum { SIZE = 100000 };

/* A file of known bytes, a folder for it, and a server that has it. */
typedef struct site {
    uint8_t file[SIZE];
    char sha256[65];
    char folder[FOLDER_PATH_MAX];
    char path[FOLDER_PATH_MAX + 8];
    web_server server;
    const char *urls[1];
    ch_download download;
} site;

/* What another process has done by the time that this one locks: renamed from to to. */
static struct { const char *from, *to; } meanwhile;

long syscall(long number, ...); // POSIX has no such name

/* In the place of the C library's. */
int flock(int descriptor, int operation) {
    if (meanwhile.from != NULL) {
        assert_int_equal(rename(meanwhile.from, meanwhile.to), 0);
        meanwhile.from = NULL;
    }
    return (int)syscall(SYS_flock, descriptor, operation);
}

static void site_open(site *s, const web_answer *script, size_t steps) {
    for (uint32_t i = 0; i < SIZE; i++) {
        s->file[i] = (uint8_t)(i * 2654435761U >> 24);
    }
    uint8_t hash[32];
    ch_sha256_of(s->file, SIZE, hash);
    for (size_t i = 0; i < 32; i++) {
        (void)snprintf(s->sha256 + 2 * i, 3, "%02x", hash[i]);
    }
    folder_make(s->folder);
    (void)snprintf(s->path, sizeof(s->path), "%s/file", s->folder);
    assert_true(web_start(&s->server, s->file, SIZE, script, steps));
    s->urls[0] = s->server.url;
    s->download = ch_download_defaults();
    s->download.urls = s->urls;
    s->download.url_count = 1;
    s->download.path = s->path;
    s->download.sha256 = s->sha256;
    s->download.bytes = SIZE;
    s->download.silence_s = 1;
    s->download.connect_s = 5;
}

static void site_close(site *s) {
    web_stop(&s->server);
    folder_remove(s->folder);
}

static void check_file(const site *s) {
    static uint8_t read_back[SIZE + 1];
    FILE *file = fopen(s->path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(read_back, 1, sizeof(read_back), file), SIZE);
    (void)fclose(file);
    assert_memory_equal(read_back, s->file, SIZE);
    assert_int_not_equal(access(folder_file(s->folder, "file.part"), F_OK), 0);
}

static void a_file_arrives_whole_and_is_not_fetched_twice(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_SERVE};
    static site s;
    site_open(&s, script, 1);
    choir_error err = {.message = ""};
    check_status(ch_download_run(&s.download, &err), CHOIR_OK);
    check_file(&s);
    assert_int_equal(s.server.requests, 1);
    check_status(ch_download_run(&s.download, &err), CHOIR_OK);
    assert_int_equal(s.server.requests, 1);
    file_write(s.folder, "file", s.file, SIZE - 1); // damaged since: fetched again
    check_status(ch_download_run(&s.download, &err), CHOIR_OK);
    check_file(&s);
    site_close(&s);
}

static void a_cut_off_body_is_resumed_where_it_ended(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_CUT, WEB_CUT, WEB_SERVE};
    static site s;
    site_open(&s, script, 3);
    check_status(ch_download_run(&s.download, NULL), CHOIR_OK);
    check_file(&s);
    assert_int_equal(s.server.requests, 3);
    assert_int_equal(s.server.last_range, SIZE / 2 + SIZE / 4);
    site_close(&s);
}

static void a_later_call_resumes_what_an_earlier_one_left(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_CUT, WEB_SERVE};
    static site s;
    site_open(&s, script, 2);
    s.download.attempts = 1;
    choir_error err = {.message = ""};
    check_status(ch_download_run(&s.download, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, s.server.url));
    assert_int_not_equal(access(s.path, F_OK), 0);
    check_status(ch_download_run(&s.download, NULL), CHOIR_OK);
    assert_int_equal(s.server.last_range, SIZE / 2);
    check_file(&s);
    site_close(&s);
}

static void a_server_without_ranges_is_asked_for_the_whole(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_CUT, WEB_NO_RANGES};
    static site s;
    site_open(&s, script, 2);
    check_status(ch_download_run(&s.download, NULL), CHOIR_OK);
    check_file(&s);
    site_close(&s);
}

static void a_wrong_hash_is_refused_and_deleted(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_SERVE};
    static site s;
    site_open(&s, script, 1);
    char right[65];
    memcpy(right, s.sha256, sizeof(right));
    s.sha256[0] = s.sha256[0] == '0' ? '1' : '0';
    choir_error err = {.message = ""};
    check_status(ch_download_run(&s.download, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, right));
    assert_non_null(strstr(err.message, s.sha256));
    assert_int_not_equal(access(s.path, F_OK), 0);
    assert_int_not_equal(access(folder_file(s.folder, "file.part"), F_OK), 0);
    site_close(&s);
}

static void more_bytes_than_the_file_has_are_refused(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_LONG};
    static site s;
    site_open(&s, script, 1);
    choir_error err = {.message = ""};
    check_status(ch_download_run(&s.download, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "sends more than the 100000 bytes"));
    assert_int_not_equal(access(s.path, F_OK), 0);
    site_close(&s);
}

static void a_missing_file_is_named_with_the_servers_answer(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_MISSING};
    static site s;
    site_open(&s, script, 1);
    choir_error err = {.message = ""};
    check_status(ch_download_run(&s.download, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "404"));
    assert_int_equal(s.server.requests, 1); // it brought nothing, so it is not asked again
    site_close(&s);
}

static void a_mirror_takes_over(void **state) {
    (void)state;
    static const web_answer cut_then_gone[] = {WEB_CUT, WEB_MISSING};
    static const web_answer serve[] = {WEB_SERVE};
    static site s;
    static site mirror;
    site_open(&s, cut_then_gone, 2);
    site_open(&mirror, serve, 1);
    const char *const urls[] = {s.server.url, mirror.server.url};
    s.download.urls = urls;
    s.download.url_count = 2;
    check_status(ch_download_run(&s.download, NULL), CHOIR_OK);
    assert_int_equal(mirror.server.last_range, SIZE / 2);
    check_file(&s);
    site_close(&s);
    site_close(&mirror);
}

/* Sources of something else than the file, and how often each is asked. */
static void a_mirror_takes_over_from_wrong_bytes(void **state) {
    (void)state;
    static const web_answer serve[] = {WEB_SERVE};
    static const web_answer too_long[] = {WEB_LONG};
    static const uint8_t wrong[SIZE];
    static const struct {
        const web_answer *script;
        size_t size; // of what the first source has
    } rows[] = {{serve, SIZE}, {serve, SIZE / 3}, {too_long, SIZE}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static site s;
        static site mirror;
        site_open(&s, rows[i].script, 1);
        site_open(&mirror, serve, 1);
        s.server.file = wrong;
        s.server.size = rows[i].size;
        const char *const urls[] = {s.server.url, mirror.server.url};
        s.download.urls = urls;
        s.download.url_count = 2;
        choir_error err = {.message = ""};
        if (ch_download_run(&s.download, &err) != CHOIR_OK) {
            fail_msg("row %zu: %s", i, err.message);
        }
        assert_int_equal(mirror.server.last_range, 0);
        check_file(&s);
        site_close(&s);
        site_close(&mirror);
    }
}

static void a_wrong_beginning_does_not_spoil_a_right_end(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_SERVE};
    static const uint8_t junk[SIZE];
    const size_t sizes[] = {1000, SIZE};
    for (int i = 0; i < 2; i++) {
        static site s;
        site_open(&s, script, 1);
        file_write(s.folder, "file.part", junk, sizes[i]);
        check_status(ch_download_run(&s.download, NULL), CHOIR_OK);
        assert_int_equal(s.server.requests, i == 0 ? 2 : 1);
        check_file(&s);
        site_close(&s);
    }
}

static void what_another_process_downloads_is_left_to_it(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_SERVE};
    static site s;
    site_open(&s, script, 1);
    const int other = open(folder_file(s.folder, "file.part"), O_RDWR | O_CREAT, 0666);
    assert_int_equal(flock(other, LOCK_EX), 0);
    choir_error err = {.message = ""};
    check_status(ch_download_run(&s.download, &err), CHOIR_EAGAIN);
    assert_non_null(strstr(err.message, "file.part: another process is downloading it"));
    assert_int_equal(s.server.requests, 0);
    (void)close(other);
    check_status(ch_download_run(&s.download, NULL), CHOIR_OK);
    check_file(&s);
    site_close(&s);
}

static void what_another_process_has_just_finished_is_left_alone(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_SERVE};
    for (int is_whole = 0; is_whole <= 1; is_whole++) {
        static site s;
        static char part[sizeof(s.path) + 8];
        site_open(&s, script, 1);
        (void)snprintf(part, sizeof(part), "%s.part", s.path);
        file_write(s.folder, "file.part", s.file, is_whole ? SIZE : SIZE / 2);
        meanwhile.from = part;
        meanwhile.to = is_whole ? s.path : folder_file(s.folder, "elsewhere");
        choir_error err = {.message = ""};
        if (ch_download_run(&s.download, &err) != CHOIR_OK) {
            fail_msg("%s", err.message);
        }
        check_file(&s);
        assert_int_equal(s.server.requests, is_whole ? 0 : 1);
        site_close(&s);
    }
}

static void a_silent_server_is_given_up(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_SILENT};
    static site s;
    site_open(&s, script, 1);
    choir_error err = {.message = ""};
    check_status(ch_download_run(&s.download, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, s.server.url));
    site_close(&s);
}

static void nobody_listening_and_wrong_protocols_are_reported(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_SERVE};
    static site s;
    site_open(&s, script, 1);
    s.urls[0] = "file:///etc/passwd";
    check_status(ch_download_run(&s.download, NULL), CHOIR_EIO);
    web_stop(&s.server);
    s.urls[0] = s.server.url;
    choir_error err = {.message = ""};
    check_status(ch_download_run(&s.download, &err), CHOIR_EIO);
    assert_non_null(strstr(err.message, "http://127.0.0.1"));
    folder_remove(s.folder);
}

static void a_part_longer_than_the_file_is_begun_again(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_SERVE};
    static site s;
    static uint8_t junk[SIZE + 5];
    site_open(&s, script, 1);
    file_write(s.folder, "file.part", junk, sizeof(junk));
    check_status(ch_download_run(&s.download, NULL), CHOIR_OK);
    assert_int_equal(s.server.last_range, 0);
    check_file(&s);
    site_close(&s);
}

static void rows_of_the_catalog_are_complete(void **state) {
    (void)state;
    for (size_t i = 0; i < CH_CATALOG_COUNT; i++) {
        const ch_catalog_row *row = &CH_CATALOG[i];
        assert_ptr_equal(ch_catalog_find(row->name), row);
        assert_in_range(row->file_count, 1, CH_CATALOG_FILES_MAX);
        assert_false(ch_catalog_is_here(row, "/nowhere"));
        for (uint32_t f = 0; f < row->file_count; f++) {
            const ch_catalog_file *file = &row->files[f];
            const bool is_edition = strcmp(row->name, "shakespeare") == 0;
            assert_true(is_edition == (file->sha256 == NULL));
            assert_int_equal(is_edition ? 64 : strlen(file->sha256), 64);
            assert_int_equal(is_edition ? 64 : strspn(file->sha256, "0123456789abcdef"), 64);
            assert_true(file->bytes > 0);
            const size_t url = strlen(file->urls[0]);
            const size_t name = strlen(file->name);
            assert_string_equal(file->urls[0] + url - name, file->name);
        }
    }
    assert_null(ch_catalog_find("MNIST"));
}

/* data/README.md is what a reader sees of the table: every row must be there as it is here. */
static void the_table_in_data_readme_is_the_catalog(void **state) {
    (void)state;
    static char text[1 << 16];
    FILE *file = fopen(CHOIR_SOURCE_DIR "/data/README.md", "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    for (size_t i = 0; i < CH_CATALOG_COUNT; i++) {
        for (uint32_t f = 0; f < CH_CATALOG[i].file_count; f++) {
            const ch_catalog_file *row = &CH_CATALOG[i].files[f];
            char line[512];
            if (row->sha256 == NULL) {
                (void)snprintf(line, sizeof(line), "| %s | `%s` | edition | edition |",
                               CH_CATALOG[i].name, row->name);
            } else {
                (void)snprintf(line, sizeof(line), "| %s | `%s` | %llu | `%s` |",
                               CH_CATALOG[i].name, row->name, (unsigned long long)row->bytes,
                               row->sha256);
            }
            if (strstr(text, line) == NULL) {
                fail_msg("data/README.md lacks: %s", line);
            }
            assert_non_null(strstr(text, row->urls[0]));
        }
    }
}

static void a_row_is_fetched_into_its_own_folder(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_SERVE};
    static site s;
    site_open(&s, script, 1);
    const ch_catalog_row row = {.name = "set",
                                .files = {{"one", {s.server.url, NULL}, s.sha256, SIZE},
                                          {"two", {s.server.url, NULL}, s.sha256, SIZE}},
                                .file_count = 2};
    char dir[FOLDER_PATH_MAX + 16];
    (void)snprintf(dir, sizeof(dir), "%s/deep/er", s.folder);
    assert_false(ch_catalog_is_here(&row, dir));
    check_status(ch_catalog_get(&row, dir, &s.download, NULL, NULL), CHOIR_OK);
    assert_true(ch_catalog_is_here(&row, dir));
    assert_int_equal(s.server.requests, 2);
    static const char *const made[] = {"deep/er/set/one", "deep/er/set/two", "deep/er/set",
                                       "deep/er", "deep"};
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        assert_int_equal(remove(folder_file(s.folder, made[i])), 0);
    }
    site_close(&s);
}

static void any_edition_is_taken_where_they_change(void **state) {
    (void)state;
    static const web_answer script[] = {WEB_CUT, WEB_SERVE};
    static site s;
    choir_error err = {.message = ""};
    char hash[CH_DOWNLOAD_HASH_TEXT];
    uint64_t bytes = 0;
    site_open(&s, script, 2);
    file_write(s.folder, "file.part", "of an earlier one", 17);
    s.download.sha256 = NULL;
    s.download.bytes = SIZE + 1;
    check_status(ch_download_run(&s.download, &err), CHOIR_OK);
    check_file(&s);
    assert_int_equal(s.server.requests, 2);
    assert_int_equal(s.server.last_range, 0); // begun anew
    check_status(ch_download_hash(hash, &bytes, s.path, &err), CHOIR_OK);
    assert_string_equal(hash, s.sha256);
    assert_int_equal(bytes, SIZE);
    check_status(ch_download_run(&s.download, &err), CHOIR_OK);
    assert_int_equal(s.server.requests, 2);
    s.download.bytes = SIZE - 1; // too large to be one
    check_status(ch_download_run(&s.download, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "sends more than the 99999 bytes that the file may have"));
    site_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_arrives_whole_and_is_not_fetched_twice),
        cmocka_unit_test(a_cut_off_body_is_resumed_where_it_ended),
        cmocka_unit_test(a_later_call_resumes_what_an_earlier_one_left),
        cmocka_unit_test(a_server_without_ranges_is_asked_for_the_whole),
        cmocka_unit_test(a_wrong_hash_is_refused_and_deleted),
        cmocka_unit_test(more_bytes_than_the_file_has_are_refused),
        cmocka_unit_test(a_missing_file_is_named_with_the_servers_answer),
        cmocka_unit_test(a_mirror_takes_over),
        cmocka_unit_test(a_mirror_takes_over_from_wrong_bytes),
        cmocka_unit_test(a_wrong_beginning_does_not_spoil_a_right_end),
        cmocka_unit_test(what_another_process_downloads_is_left_to_it),
        cmocka_unit_test(what_another_process_has_just_finished_is_left_alone),
        cmocka_unit_test(a_silent_server_is_given_up),
        cmocka_unit_test(nobody_listening_and_wrong_protocols_are_reported),
        cmocka_unit_test(a_part_longer_than_the_file_is_begun_again),
        cmocka_unit_test(any_edition_is_taken_where_they_change),
        cmocka_unit_test(rows_of_the_catalog_are_complete),
        cmocka_unit_test(the_table_in_data_readme_is_the_catalog),
        cmocka_unit_test(a_row_is_fetched_into_its_own_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
