/* Hosting store: every call, what it refuses, and what it keeps when it is opened again. */
#include "support/hosting.h"

#include "store/schema.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];

/* A store of its own for a test. */
static const char *dir_of(const char *name) {
    return hosting_dir(folder, name);
}

// ----- settings ---------------------------------------------------------------------------------

static void settings_are_set_and_replaced(void **state) {
    (void)state;
    const char *dir = dir_of("settings");
    ch_hosting_store *s = hosting_open(dir);
    ch_stored got;
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_setting(s, &got, "key", &err), CHOIR_EAGAIN);
    assert_string_equal(err.message, "setting 'key': there is none");
    check_status(ch_hosting_store_setting_set(s, "key", bytes_of("old"), NULL), CHOIR_OK);
    check_status(ch_hosting_store_setting_set(s, "key", bytes_of("new\0x"), NULL), CHOIR_OK);
    check_status(ch_hosting_store_setting_set(s, "none", (choir_bytes){.size = 0}, NULL), CHOIR_OK);
    s = reopen(s, dir);
    check_status(ch_hosting_store_setting(s, &got, "key", NULL), CHOIR_OK);
    assert_string_equal((char *)got.data, "new");
    check_bytes(&got, (const uint8_t *)"new", 3);
    ch_stored_release(&got);
    check_status(ch_hosting_store_setting(s, &got, "none", NULL), CHOIR_OK);
    assert_int_equal(got.size, 0);
    ch_stored_release(&got);
    ch_hosting_store_close(s);
}

static void settings_have_a_size(void **state) {
    (void)state;
    static uint8_t large[CH_SETTING_BYTES_MAX + 1];
    ch_hosting_store *s = hosting_open(dir_of("large settings"));
    choir_error err = {.message = ""};
    const choir_bytes most = {large, CH_SETTING_BYTES_MAX};
    const choir_bytes more = {large, sizeof(large)};
    check_status(ch_hosting_store_setting_set(s, "k", most, NULL), CHOIR_OK);
    check_status(ch_hosting_store_setting_set(s, "k", more, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "setting 'k': has 65537 bytes, at most 65536 are kept");
    ch_hosting_store_close(s);
}

// ----- subjects and administrators --------------------------------------------------------------

static void check_subject(const ch_subject *got, const ch_subject *wanted) {
    assert_memory_equal(got->key, wanted->key, sizeof(got->key));
    assert_string_equal(got->name, wanted->name);
    assert_string_equal(got->platform, wanted->platform);
    assert_string_equal(got->version, wanted->version);
    assert_string_equal(got->tags, wanted->tags);
    assert_true(got->enrolled_ms == wanted->enrolled_ms);
    assert_int_equal(got->is_revoked, wanted->is_revoked);
}

static void a_key_is_one_subject_whatever_it_calls_itself(void **state) {
    (void)state;
    const char *dir = dir_of("subjects");
    ch_hosting_store *s = hosting_open(dir);
    for (uint8_t i = 0; i < HOSTILE_COUNT; i++) {
        const ch_subject subject = subject_named(HOSTILE[i], i);
        int64_t id = 0;
        check_status(subject_keep(s, &id, &subject, NULL), CHOIR_OK);
        assert_int_equal(id, i + 1);
        const ch_subject other = subject_named("another name", i);
        int64_t again = 0;
        check_status(subject_keep(s, &again, &other, NULL), CHOIR_OK);
        assert_int_equal(again, id);
    }
    s = reopen(s, dir);
    for (uint8_t i = 0; i < HOSTILE_COUNT; i++) {
        const ch_subject wanted = subject_named(HOSTILE[i], i);
        ch_subject got;
        check_status(ch_hosting_store_subject(s, &got, i + 1, NULL), CHOIR_OK);
        assert_int_equal(got.id, i + 1);
        check_subject(&got, &wanted);
    }
    uint64_t count = 0;
    check_status(ch_hosting_store_subjects(s, &count, NULL), CHOIR_OK);
    assert_int_equal(count, HOSTILE_COUNT);
    ch_hosting_store_close(s);
}

static void subjects_change_and_are_revoked(void **state) {
    (void)state;
    const char *dir = dir_of("revoked");
    ch_hosting_store *s = hosting_open(dir);
    ch_subject subject = subject_named("a", 1);
    check_status(subject_keep(s, &subject.id, &subject, NULL), CHOIR_OK);
    subject = (ch_subject){.id = subject.id, .name = "b", .platform = "c", .version = "d"};
    const ch_arrivals changes = {.subjects = &subject, .subjects_count = 1};
    check_status(ch_hosting_store_commit(s, &changes, NULL, 0, NULL), CHOIR_OK);
    check_status(ch_hosting_store_subject_revoke(s, subject.id, NULL), CHOIR_OK);
    check_status(ch_hosting_store_subject_revoke(s, subject.id, NULL), CHOIR_OK);
    s = reopen(s, dir);
    ch_subject got;
    check_status(ch_hosting_store_subject(s, &got, subject.id, NULL), CHOIR_OK);
    memset(subject.key, 1, sizeof(subject.key));
    subject.enrolled_ms = UINT64_MAX;
    subject.is_revoked = true;
    check_subject(&got, &subject);
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_subject(s, &got, 9, &err), CHOIR_EAGAIN);
    assert_string_equal(err.message, "subject 9: there is none");
    check_status(ch_hosting_store_subject_revoke(s, 9, &err), CHOIR_EINVAL);
    subject.id = 9;
    check_status(ch_hosting_store_commit(s, &changes, NULL, 0, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "subject 9: there is none");
    ch_hosting_store_close(s);
}

/* What a subject of that key becomes, when an account may have two. */
static int64_t account_add(ch_hosting_store *s, const char *account, uint8_t key) {
    ch_subject subject = subject_named("phone", key);
    (void)snprintf(subject.account, sizeof(subject.account), "%s", account);
    const ch_arrivals arrivals = {.subjects = &subject, .subjects_count = 1, .account_max = 2};
    check_status(ch_hosting_store_commit(s, &arrivals, NULL, 0, NULL), CHOIR_OK);
    return subject.id;
}

static void an_account_has_so_many_devices_and_no_one_elses(void **state) {
    (void)state;
    const char *dir = dir_of("accounts");
    ch_hosting_store *s = hosting_open(dir);
    assert_int_equal(account_add(s, "ada", 1), 1);
    assert_int_equal(account_add(s, "ada", 2), 2);
    assert_int_equal(account_add(s, "ada", 3), CH_SUBJECT_TOO_MANY);
    assert_int_equal(account_add(s, "ada", 1), 1); // it is one of the two
    assert_int_equal(account_add(s, "grace", 1), CH_SUBJECT_ANOTHERS);
    assert_int_equal(account_add(s, "", 1), 1); // by the server's secret a key is what it is
    for (uint8_t key = 10; key < 20; key++) {
        assert_int_equal(account_add(s, "", key), key - 7); // and nobody's are not counted
    }
    assert_int_equal(account_add(s, "grace", 10), CH_SUBJECT_ANOTHERS);
    assert_int_equal(account_add(s, "' OR 1 --", 4), 13);
    check_status(ch_hosting_store_subject_revoke(s, 2, NULL), CHOIR_OK);
    s = reopen(s, dir);
    assert_int_equal(account_add(s, "ada", 3), 14); // in place of the one that is revoked
    assert_int_equal(account_add(s, "ada", 5), CH_SUBJECT_TOO_MANY);
    ch_subject got;
    check_status(ch_hosting_store_subject(s, &got, 14, NULL), CHOIR_OK);
    assert_string_equal(got.account, "ada");
    check_status(ch_hosting_store_subject(s, &got, 3, NULL), CHOIR_OK);
    assert_string_equal(got.account, "");
    ch_hosting_store_close(s);
}

static void subject_see(void *self, const ch_subject *subject) {
    char *seen = self;
    const size_t size = strlen(seen);
    (void)snprintf(seen + size, 200 - size, "%d %s%s;", (int)subject->id, subject->name,
                   subject->is_revoked ? " revoked" : "");
}

static void id_see(void *self, int64_t id) {
    char *seen = self;
    const size_t size = strlen(seen);
    (void)snprintf(seen + size, 200 - size, "%d;", (int)id);
}

static void subjects_are_told_in_their_order_from_one_on(void **state) {
    (void)state;
    ch_hosting_store *s = hosting_open(dir_of("listed"));
    char seen[200] = "";
    check_status(ch_hosting_store_subjects_from(s, 1, 10, subject_see, seen, NULL), CHOIR_OK);
    check_status(ch_hosting_store_subjects_revoked(s, id_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "");
    static const char *const names[] = {"a", "b", "c", "d"};
    for (uint8_t i = 0; i < 4; i++) {
        const ch_subject subject = subject_named(names[i], i);
        int64_t id = 0;
        check_status(subject_keep(s, &id, &subject, NULL), CHOIR_OK);
    }
    check_status(ch_hosting_store_subject_revoke(s, 4, NULL), CHOIR_OK);
    check_status(ch_hosting_store_subject_revoke(s, 2, NULL), CHOIR_OK);
    check_status(ch_hosting_store_subjects_from(s, 2, 2, subject_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "2 b revoked;3 c;");
    seen[0] = '\0';
    check_status(ch_hosting_store_subjects_revoked(s, id_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "2;4;");
    ch_hosting_store_close(s);
}

static void admin_see(void *self, const ch_admin *admin) {
    char *seen = self;
    const size_t size = strlen(seen);
    (void)snprintf(seen + size, 200 - size, "%d %s %s %d;", (int)admin->id, admin->name,
                   admin->role, admin->is_revoked);
}

static void administrators_are_found_by_their_hash(void **state) {
    (void)state;
    const char *dir = dir_of("admins");
    ch_hosting_store *s = hosting_open(dir);
    ch_admin admin = {.name = "ann", .role = "owner", .hash = {1}};
    check_status(ch_hosting_store_admin_add(s, &admin.id, &admin, NULL), CHOIR_OK);
    ch_admin other = {.name = "ann", .role = "viewer", .hash = {2}};
    check_status(ch_hosting_store_admin_add(s, &other.id, &other, NULL), CHOIR_OK);
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_admin_add(s, &other.id, &other, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "administrator 'ann': the key is one's already");
    check_status(ch_hosting_store_admin_revoke(s, admin.id, NULL), CHOIR_OK);
    check_status(ch_hosting_store_admin_revoke(s, 3, NULL), CHOIR_EINVAL);
    s = reopen(s, dir);
    ch_admin got;
    check_status(ch_hosting_store_admin(s, &got, other.hash, NULL), CHOIR_OK);
    assert_string_equal(got.role, "viewer");
    assert_int_equal(got.id, other.id);
    check_status(ch_hosting_store_admin(s, &got, (uint8_t[CH_KEY_BYTES]){3}, NULL), CHOIR_EAGAIN);
    char seen[200] = "";
    check_status(ch_hosting_store_admins(s, admin_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "1 ann owner 1;2 ann viewer 0;");
    ch_hosting_store_close(s);
}

// ----- the audit log ----------------------------------------------------------------------------

typedef struct seen_audit {
    uint32_t count;
    int64_t ids[4];
    char detail[CH_AUDIT_TEXT_MAX + 1];
} seen_audit;

static void audit_see(void *self, const ch_audit *entry) {
    seen_audit *seen = self;
    seen->ids[seen->count] = entry->id;
    seen->count += 1;
    assert_string_equal(entry->actor, "ann");
    (void)snprintf(seen->detail, sizeof(seen->detail), "%s", entry->detail);
}

static void the_audit_log_is_read_from_its_newest(void **state) {
    (void)state;
    const char *dir = dir_of("audit");
    ch_hosting_store *s = hosting_open(dir);
    for (uint64_t i = 0; i < 5; i++) {
        const ch_audit entry = {.at_ms = 100 - i,
                                .actor = "ann",
                                .act = "host",
                                .matter = "job 1",
                                .detail = i == 2 ? HOSTILE[0] : ""};
        check_status(ch_hosting_store_audit_add(s, &entry, NULL), CHOIR_OK);
    }
    s = reopen(s, dir);
    seen_audit seen = {.count = 0};
    check_status(ch_hosting_store_audit(s, 3, audit_see, &seen, NULL), CHOIR_OK);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.ids[0], 5);
    assert_int_equal(seen.ids[2], 3);
    assert_string_equal(seen.detail, HOSTILE[0]);
    ch_hosting_store_close(s);
}

static void a_long_audit_text_is_cut_between_letters(void **state) {
    (void)state;
    char text[3 * CH_AUDIT_TEXT_MAX] = "x";
    for (size_t i = 1; i + 2 < sizeof(text); i += 2) {
        memcpy(text + i, "\xc3\xa4", 3);
    }
    ch_hosting_store *s = hosting_open(dir_of("long audit"));
    const ch_audit entry = {.actor = "ann", .act = "", .matter = "", .detail = text};
    check_status(ch_hosting_store_audit_add(s, &entry, NULL), CHOIR_OK);
    seen_audit seen = {.count = 0};
    check_status(ch_hosting_store_audit(s, 1, audit_see, &seen, NULL), CHOIR_OK);
    assert_int_equal(strlen(seen.detail), CH_AUDIT_TEXT_MAX - 1);
    assert_memory_equal(seen.detail, text, CH_AUDIT_TEXT_MAX - 1);
    ch_hosting_store_close(s);
}

static void nobody_rewrites_the_audit_log(void **state) {
    (void)state;
    const char *dir = dir_of("audit kept");
    ch_hosting_store *s = hosting_open(dir);
    const ch_audit entry = {.actor = "ann", .act = "rm", .matter = "job 1", .detail = ""};
    check_status(ch_hosting_store_audit_add(s, &entry, NULL), CHOIR_OK);
    ch_hosting_store_close(s);
    assert_int_equal(outside(dir, "UPDATE audit SET actor = 'bob'"), SQLITE_CONSTRAINT);
    assert_int_equal(outside(dir, "DELETE FROM audit"), SQLITE_CONSTRAINT);
    s = hosting_open(dir);
    seen_audit seen = {.count = 0};
    check_status(ch_hosting_store_audit(s, 4, audit_see, &seen, NULL), CHOIR_OK);
    assert_int_equal(seen.count, 1);
    ch_hosting_store_close(s);
}

// ----- opening ----------------------------------------------------------------------------------

static void one_process_serves_at_a_time(void **state) {
    (void)state;
    const char *dir = dir_of("served");
    static ch_hosting_store *s; // the child's, too, whose memory is then not lost
    s = hosting_open(dir);
    const pid_t child = fork();
    if (child == 0) {
        const choir_env env = choir_env_default();
        ch_hosting_store *other = NULL;
        choir_error err = {.message = ""};
        const choir_status status = ch_hosting_store_open(&other, dir, &env, &err);
        const char *message =
            strstr(err.message, "served: another process serves from this folder");
        _exit(status == CHOIR_EIO && other == NULL && message != NULL ? 0 : 1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    s = reopen(s, dir);
    ch_hosting_store_close(s);
}

static void only_its_owner_reads_a_store(void **state) {
    (void)state;
    const char *dir = dir_of("private");
    ch_hosting_store *s = hosting_open(dir);
    static const char *const files[] = {"choir.db", "choir.db-wal", "choir.lock"};
    for (int i = 0; i < 3; i++) {
        struct stat about;
        assert_int_equal(stat(folder_file(dir, files[i]), &about), 0);
        assert_int_equal(about.st_mode & 0777U, 0600);
    }
    ch_hosting_store_close(s);
}

/* Opens what outside() made of a store, and leaves it as it is. */
static void check_refused_to_open(const char *dir, const char *message) {
    static char before[1 << 20];
    static char after[1 << 20];
    char path[FOLDER_PATH_MAX + 16];
    (void)snprintf(path, sizeof(path), "%s/choir.db", dir);
    const size_t size = folder_get(path, before, sizeof(before));
    const choir_env env = choir_env_default();
    ch_hosting_store *s = NULL;
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_open(&s, dir, &env, &err), CHOIR_EPROTO);
    assert_null(s);
    check_message(&err, message);
    assert_int_equal(folder_get(path, after, sizeof(after)), size);
    assert_memory_equal(before, after, size);
}

static void what_is_not_this_choirs_is_refused_and_left(void **state) {
    (void)state;
    const char *dir = dir_of("later");
    ch_hosting_store_close(hosting_open(dir));
    assert_int_equal(outside(dir, "PRAGMA user_version = 99"), SQLITE_OK);
    check_refused_to_open(dir, "choir.db: has version 99, this choir knows up to 4; use a later");
    dir = dir_of("other");
    (void)mkdir(dir, 0777);
    assert_int_equal(outside(dir, "CREATE TABLE mine (x)"), SQLITE_OK);
    check_refused_to_open(dir, "is a database of another program; give another folder");
    dir = dir_of("text");
    (void)mkdir(dir, 0777);
    static const char text[] = "this is a text, and one that is longer than what SQLite looks at "
                               "first, which is a hundred bytes at the beginning of a file";
    folder_put(folder_file(dir, "choir.db"), text, sizeof(text));
    check_refused_to_open(dir, "is damaged or no database; bring it back from a backup");
}

static void places_that_cannot_be_are_told(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_hosting_store *s = NULL;
    choir_error err = {.message = ""};
    char long_path[1024];
    memset(long_path, 'a', sizeof(long_path));
    long_path[sizeof(long_path) - 1] = '\0';
    check_status(ch_hosting_store_open(&s, "/proc/none/of/it", &env, &err), CHOIR_EIO);
    check_message(&err, "/proc/none: cannot make the directory");
    memcpy(long_path, folder, strlen(folder));
    long_path[strlen(folder)] = '/';
    for (size_t i = strlen(folder) + 100; i + 1 < sizeof(long_path); i += 100) {
        long_path[i] = '/';
    }
    check_status(ch_hosting_store_open(&s, long_path, &env, &err), CHOIR_EINVAL);
    check_message(&err, "the path is longer than 511 bytes");
    const char *dir = dir_of("in the way");
    (void)mkdir(dir, 0777);
    (void)mkdir(folder_file(dir, "choir.db"), 0777);
    check_status(ch_hosting_store_open(&s, dir, &env, &err), CHOIR_EIO);
    check_message(&err, "choir.db: cannot open for writing: Is a directory");
}

// ----- versions ---------------------------------------------------------------------------------

static int text_add(void *self, int columns, char **values, char **names) {
    (void)columns;
    (void)names;
    char *out = self;
    const size_t size = strlen(out);
    (void)snprintf(out + size, 16384 - size, "%s\n", values[0] != NULL ? values[0] : "");
    return 0;
}

/* What a store's tables are. */
static void schema_read(char out[16384], const char *dir) {
    char path[FOLDER_PATH_MAX + 16];
    (void)snprintf(path, sizeof(path), "%s/choir.db", dir);
    sqlite3 *db = NULL;
    out[0] = '\0';
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "SELECT sql FROM sqlite_schema ORDER BY type, name; "
                                  "PRAGMA user_version; PRAGMA application_id",
                                  text_add, out, NULL),
                     SQLITE_OK);
    (void)sqlite3_close(db);
}

/* What tests/golden has of a job. */
static void check_golden_job(ch_hosting_store *s) {
    ch_stored got[2];
    ch_receipt receipt;
    uint8_t model[CHOIR_HASH_BYTES];
    check_status(ch_hosting_store_job_yaml(s, &got[0], 1, NULL), CHOIR_OK);
    check_bytes(&got[0], (const uint8_t *)"name: digits\n", 13);
    check_status(ch_hosting_store_job_bundle(s, &got[0], 1, NULL), CHOIR_OK);
    check_bytes(&got[0], (const uint8_t *)"bundle", 6);
    check_status(ch_hosting_store_state(s, &got[0], &got[1], 1, NULL), CHOIR_OK);
    check_bytes(&got[0], (const uint8_t *)"state", 5);
    check_bytes(&got[1], (const uint8_t *)"open round", 10);
    check_status(ch_hosting_store_round_model(s, model, 1, 1, NULL), CHOIR_OK);
    check_status(ch_hosting_store_model(s, &got[0], model, NULL), CHOIR_OK);
    check_bytes(&got[0], (const uint8_t *)"parameters", 10);
    check_status(ch_hosting_store_sum(s, &got[0], 1, 1, NULL), CHOIR_OK);
    check_bytes(&got[0], (const uint8_t *)"sum", 3);
    check_status(ch_hosting_store_receipt(s, &receipt, 1, 1, 0, NULL), CHOIR_OK);
    assert_int_equal(receipt.digest[0], 9);
}

/* What it has of promotions, from version 2 on. */
static void check_golden_promotions(ch_hosting_store *s) {
    ch_hosted_row row;
    ch_promotion promotion;
    check_status(ch_hosting_store_job(s, &row, 1, NULL), CHOIR_OK);
    assert_int_equal(row.best_round, 1);
    check_status(ch_hosting_store_promoted(s, &promotion, "digits", NULL), CHOIR_OK);
    assert_int_equal(promotion.round, 1);
    assert_string_equal(promotion.actor, "ann");
}

/* Of devices, from version 3 on. */
static void check_golden_accounts(ch_hosting_store *s) {
    ch_subject subject;
    check_status(ch_hosting_store_subject(s, &subject, 2, NULL), CHOIR_OK);
    assert_string_equal(subject.account, "ada");
}

/* Of updates, from version 4 on. */
static void check_golden_updates(ch_hosting_store *s) {
    ch_stored got;
    check_status(ch_hosting_store_update(s, &got, 1, 2, 0, NULL), CHOIR_OK);
    check_bytes(&got, (const uint8_t *)"report", 6);
}

/* Every version's tables, with something in them, are frozen in tests/golden: they become
 * today's, and what was in them is there. */
static void every_version_becomes_todays(void **state) {
    (void)state;
    char today[16384];
    char migrated[16384];
    static char golden[65536];
    const char *dir = dir_of("today");
    ch_hosting_store_close(hosting_open(dir));
    schema_read(today, dir);
    for (uint32_t version = 1; version <= ch_schema_version(); version++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "tests/golden/hosting_store_%u.sql", version);
        assert_true(folder_get(folder_file(CHOIR_SOURCE_DIR, name), golden, sizeof(golden)) > 0);
        (void)snprintf(name, sizeof(name), "version %u", version);
        dir = dir_of(name);
        (void)mkdir(dir, 0777);
        assert_int_equal(outside(dir, golden), SQLITE_OK);
        ch_hosting_store *s = hosting_open(dir);
        ch_stored got;
        check_status(ch_hosting_store_setting(s, &got, "server_key", NULL), CHOIR_OK);
        check_bytes(&got, (const uint8_t *)"secret", 6);
        check_golden_job(s);
        ch_subject subject;
        check_status(ch_hosting_store_subject(s, &subject, 1, NULL), CHOIR_OK);
        assert_string_equal(subject.name, "phone");
        assert_string_equal(subject.account, "");
        if (version >= 2) {
            check_golden_promotions(s);
        }
        if (version >= 3) {
            check_golden_accounts(s);
        }
        if (version >= 4) {
            check_golden_updates(s);
        }
        uint32_t client = 0;
        check_status(ch_hosting_store_client_of(s, &client, 1, 1, NULL), CHOIR_OK);
        assert_int_equal(client, 0);
        ch_hosting_store_close(s);
        schema_read(migrated, dir);
        assert_string_equal(migrated, today);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_set_and_replaced),
        cmocka_unit_test(settings_have_a_size),
        cmocka_unit_test(a_key_is_one_subject_whatever_it_calls_itself),
        cmocka_unit_test(subjects_change_and_are_revoked),
        cmocka_unit_test(an_account_has_so_many_devices_and_no_one_elses),
        cmocka_unit_test(subjects_are_told_in_their_order_from_one_on),
        cmocka_unit_test(administrators_are_found_by_their_hash),
        cmocka_unit_test(the_audit_log_is_read_from_its_newest),
        cmocka_unit_test(a_long_audit_text_is_cut_between_letters),
        cmocka_unit_test(nobody_rewrites_the_audit_log),
        cmocka_unit_test(one_process_serves_at_a_time),
        cmocka_unit_test(only_its_owner_reads_a_store),
        cmocka_unit_test(what_is_not_this_choirs_is_refused_and_left),
        cmocka_unit_test(places_that_cannot_be_are_told),
        cmocka_unit_test(every_version_becomes_todays),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
