/* Certificate: the server's own is made once and kept, an operator's is read, both have one pin. */
#include "support/certificate.h"
#include "support/folder.h"

#include "crypto/entropy.h"
#include "net/certificate.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[FOLDER_PATH_MAX];
static const char *const NAMES[] = {"choir.example.org", "127.0.0.1", "::1"};
enum { NAMES_COUNT = 3 };
static const uint64_t NOW_S = 1893456000; // 2030
static const uint64_t DAY_S = 86400;

typedef struct files {
    char key[CERTIFICATE_PEM_MAX];
    char pem[CERTIFICATE_PEM_MAX];
    char pin[CH_PIN_MAX];
} files;

/* Has the server's own, and what is then in its two files. */
static files own(const char *const *names, uint32_t count, uint64_t now_s) {
    const choir_env env = choir_env_default();
    ch_certificate c;
    choir_error err = {.message = ""};
    files f;
    check_status(ch_certificate_own(&c, folder, names, count, now_s, &env, &err), CHOIR_OK);
    assert_true(folder_get(folder_file(folder, "tls.key"), f.key, sizeof(f.key)) > 0);
    assert_true(folder_get(folder_file(folder, "tls.pem"), f.pem, sizeof(f.pem)) > 0);
    assert_string_equal(c.key.data, f.key);
    assert_string_equal(c.chain.data, f.pem);
    (void)snprintf(f.pin, sizeof(f.pin), "%s", c.pin);
    ch_certificate_release(&c);
    ch_certificate_release(&c);
    return f;
}

static gnutls_x509_crt_t parsed(const files *f) {
    gnutls_x509_crt_t crt;
    const gnutls_datum_t text = {.data = (unsigned char *)(uintptr_t)f->pem,
                                 .size = (unsigned)strlen(f->pem)};
    certificate_must(gnutls_x509_crt_init(&crt));
    certificate_must(gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM));
    return crt;
}

static int forget(void **state) {
    (void)state;
    (void)unlink(folder_file(folder, "tls.key"));
    (void)unlink(folder_file(folder, "tls.pem"));
    return 0;
}

static void one_is_made_for_all_names_and_many_years(void **state) {
    (void)state;
    const files f = own(NAMES, NAMES_COUNT, NOW_S);
    gnutls_x509_crt_t crt = parsed(&f);
    unsigned bits = 0;
    assert_int_equal(gnutls_x509_crt_get_pk_algorithm(crt, &bits), GNUTLS_PK_ECDSA);
    assert_int_equal(bits, 256);
    for (uint32_t i = 0; i < NAMES_COUNT; i++) {
        assert_true(gnutls_x509_crt_check_hostname(crt, NAMES[i]));
    }
    assert_false(gnutls_x509_crt_check_hostname(crt, "example.org"));
    assert_true((uint64_t)gnutls_x509_crt_get_activation_time(crt) < NOW_S);
    assert_true((uint64_t)gnutls_x509_crt_get_expiration_time(crt) ==
                NOW_S + CH_CERTIFICATE_DAYS * DAY_S);
    unsigned verdict = 0;
    certificate_must(
        gnutls_x509_crt_verify(crt, &crt, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &verdict));
    assert_int_equal(verdict, 0);
    gnutls_x509_crt_deinit(crt);
}

static void its_files_are_the_owners_alone(void **state) {
    (void)state;
    struct stat about;
    (void)own(NAMES, NAMES_COUNT, NOW_S);
    assert_int_equal(stat(folder_file(folder, "tls.key"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(stat(folder_file(folder, "tls.pem"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void it_is_kept_as_long_as_it_fits(void **state) {
    (void)state;
    const files first = own(NAMES, NAMES_COUNT, NOW_S);
    const uint64_t last_s = NOW_S + (CH_CERTIFICATE_DAYS - CH_CERTIFICATE_DAYS_LEFT) * DAY_S - 1;
    const files again = own(NAMES, NAMES_COUNT - 1, last_s);
    assert_string_equal(again.pem, first.pem);
    assert_string_equal(again.key, first.key);
}

/* Another name, an old certificate, another key's, none, nonsense: made anew over the same key. */
static void it_is_made_anew_over_the_same_key(void **state) {
    (void)state;
    static const char *const others[] = {"other.example.org"};
    const files first = own(NAMES, NAMES_COUNT, NOW_S);
    const uint64_t late_s = NOW_S + (CH_CERTIFICATE_DAYS - CH_CERTIFICATE_DAYS_LEFT) * DAY_S;
    certificate strange;
    certificate_make(&strange, 1);
    for (int i = 0; i < 5; i++) {
        const char *path = folder_file(folder, "tls.pem");
        if (i == 2) {
            folder_put(path, strange.pem, strlen(strange.pem));
        } else if (i == 3) {
            assert_int_equal(unlink(path), 0);
        } else if (i == 4) {
            folder_put(path, "nonsense", 8);
        }
        const files f = i == 0 ? own(others, 1, NOW_S) : own(NAMES, NAMES_COUNT, late_s);
        assert_string_not_equal(f.pem, first.pem);
        assert_string_equal(f.key, first.key);
        assert_string_equal(f.pin, first.pin);
    }
}

static void two_servers_have_two_keys(void **state) {
    const files first = own(NAMES, NAMES_COUNT, NOW_S);
    (void)forget(state);
    const files second = own(NAMES, NAMES_COUNT, NOW_S);
    assert_string_not_equal(first.pin, second.pin);
    assert_string_not_equal(first.key, second.key);
}

static void a_key_that_is_none_is_named_and_stays(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_certificate c;
    choir_error err = {.message = ""};
    char text[16];
    folder_put(folder_file(folder, "tls.key"), "no key", 6);
    check_status(ch_certificate_own(&c, folder, NAMES, NAMES_COUNT, NOW_S, &env, &err),
                 CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "tls.key: is no key ("));
    (void)folder_get(folder_file(folder, "tls.key"), text, sizeof(text));
    assert_string_equal(text, "no key");
    ch_certificate_release(&c);
}

static void an_operators_is_read_with_its_pin(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    certificate theirs[2];
    char chain[2 * CERTIFICATE_PEM_MAX];
    certificate_make(&theirs[0], 1);
    certificate_make(&theirs[1], 2);
    const int size = snprintf(chain, sizeof(chain), "%s%s", theirs[0].pem, theirs[1].pem);
    folder_put(folder_file(folder, "chain.pem"), chain, (size_t)size);
    folder_put(folder_file(folder, "their.key"), theirs[0].key, strlen(theirs[0].key));
    ch_certificate c;
    check_status(ch_certificate_read(&c, folder_file(folder, "chain.pem"),
                                     folder_file(folder, "their.key"), &env, NULL),
                 CHOIR_OK);
    assert_string_equal(c.pin, theirs[0].pin); // of the first in the chain
    assert_string_equal(c.chain.data, chain);
    assert_string_equal(c.key.data, theirs[0].key);
    ch_certificate_release(&c);
}

static void files_that_are_no_certificates_are_named(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_certificate c;
    choir_error err = {.message = ""};
    char path[FOLDER_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s", folder_file(folder, "none.pem"));
    folder_put(path, "none", 4);
    check_status(ch_certificate_read(&c, path, path, &env, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "none.pem: has no certificate ("));
    ch_certificate_release(&c);
    check_status(ch_certificate_read(&c, "/no/such/file", path, &env, &err), CHOIR_EIO);
    ch_certificate_release(&c);
    check_status(ch_certificate_read(&c, path, "/no/such/file", &env, &err), CHOIR_EIO);
    ch_certificate_release(&c);
}

static int start(void **state) {
    (void)state;
    return ch_crypto_start(NULL) == CHOIR_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_is_made_for_all_names_and_many_years, forget),
        cmocka_unit_test_setup(its_files_are_the_owners_alone, forget),
        cmocka_unit_test_setup(it_is_kept_as_long_as_it_fits, forget),
        cmocka_unit_test_setup(it_is_made_anew_over_the_same_key, forget),
        cmocka_unit_test_setup(two_servers_have_two_keys, forget),
        cmocka_unit_test_setup(a_key_that_is_none_is_named_and_stays, forget),
        cmocka_unit_test_setup(an_operators_is_read_with_its_pin, forget),
        cmocka_unit_test_setup(files_that_are_no_certificates_are_named, forget),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, start, NULL);
    folder_remove(folder);
    return failures;
}
