/* Certificate: see certificate.h. By GnuTLS. */
#include "net/certificate.h"

#include "base/env.h"
#include "base/error.h"
#include "base/sha256.h"
#include "crypto/entropy.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_BYTES = 1024,
    HASH_BYTES = 32,
    INFO_MAX = 4096, // bytes of a SubjectPublicKeyInfo: 16 384 bits of RSA fit
    SERIAL_BYTES = 16,
    ADDRESS_MAX = 16,
    DAY_S = 86400,
};

static gnutls_datum_t datum(const ch_disk_file *file) {
    return (gnutls_datum_t){.data = file->data, .size = (unsigned)file->size};
}

static choir_status failed(choir_error *err, const char *what, int code) {
    if (code == GNUTLS_E_MEMORY_ERROR) {
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a certificate");
    }
    return ch_error_set(err, CHOIR_EIO, "certificate: cannot %s: %s", what, gnutls_strerror(code));
}

void ch_certificate_release(ch_certificate *c) {
    if (c->key.data != NULL) {
        ch_wipe(c->key.data, c->key.size);
    }
    ch_disk_release(&c->key);
    ch_disk_release(&c->chain);
}

// ----- reading ----------------------------------------------------------------------------------

/* "sha256//" and the hash of the certificate's SubjectPublicKeyInfo. */
static int pin_write(char out[CH_PIN_MAX], gnutls_x509_crt_t crt) {
    uint8_t info[INFO_MAX];
    uint8_t hash[HASH_BYTES];
    size_t size = sizeof(info);
    gnutls_pubkey_t key;
    gnutls_datum_t text = {.data = NULL};
    int code = gnutls_pubkey_init(&key);
    if (code < 0) {
        return code;
    }
    code = gnutls_pubkey_import_x509(key, crt, 0);
    if (code >= 0) {
        code = gnutls_pubkey_export(key, GNUTLS_X509_FMT_DER, info, &size);
    }
    if (code >= 0) {
        ch_sha256_of(info, size, hash);
        code = gnutls_base64_encode2(&(gnutls_datum_t){.data = hash, .size = sizeof(hash)}, &text);
    }
    if (code >= 0) {
        (void)snprintf(out, CH_PIN_MAX, "sha256//%.*s", (int)text.size, (const char *)text.data);
        gnutls_free(text.data);
    }
    gnutls_pubkey_deinit(key);
    return code;
}

/* The first certificate of a file, to be given back with gnutls_x509_crt_deinit. */
static choir_status chain_parse(gnutls_x509_crt_t *out, const ch_disk_file *file, const char *path,
                                choir_error *err) {
    int code = gnutls_x509_crt_init(out);
    if (code < 0) {
        return failed(err, "read it", code);
    }
    const gnutls_datum_t text = datum(file);
    code = gnutls_x509_crt_import(*out, &text, GNUTLS_X509_FMT_PEM);
    if (code < 0) {
        gnutls_x509_crt_deinit(*out);
        return ch_error_set(err, CHOIR_EINVAL,
                            "%s: has no certificate (%s); it must be PEM, the server's own first",
                            path, gnutls_strerror(code));
    }
    return CHOIR_OK;
}

choir_status ch_certificate_read(ch_certificate *out, const char *chain_path, const char *key_path,
                                 const choir_env *env, choir_error *err) {
    *out = (ch_certificate){.pin = ""};
    gnutls_x509_crt_t crt;
    choir_status status = ch_disk_read(&out->chain, chain_path, CH_PEM_MAX, env, err);
    if (status == CHOIR_OK) {
        status = ch_disk_read(&out->key, key_path, CH_PEM_MAX, env, err);
    }
    if (status == CHOIR_OK) {
        status = chain_parse(&crt, &out->chain, chain_path, err);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    const int code = pin_write(out->pin, crt);
    gnutls_x509_crt_deinit(crt);
    return code < 0 ? failed(err, "read its key", code) : CHOIR_OK;
}

// ----- making -----------------------------------------------------------------------------------

static choir_status text_keep(const char *path, gnutls_datum_t *text, choir_error *err) {
    const choir_bytes bytes = {.data = text->data, .size = text->size};
    const choir_status status = ch_disk_replace_private(path, &bytes, 1, err);
    ch_wipe(text->data, text->size);
    gnutls_free(text->data);
    return status;
}

static int key_make(gnutls_datum_t *out) {
    gnutls_x509_privkey_t key;
    int code = gnutls_x509_privkey_init(&key);
    if (code < 0) {
        return code;
    }
    code = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (code >= 0) {
        code = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, out);
    }
    gnutls_x509_privkey_deinit(key);
    return code;
}

static choir_status key_have(const char *path, choir_error *err) {
    if (access(path, F_OK) == 0) {
        return CHOIR_OK;
    }
    gnutls_datum_t text = {.data = NULL};
    const int code = key_make(&text);
    return code < 0 ? failed(err, "make a key", code) : text_keep(path, &text, err);
}

static int name_add(gnutls_x509_crt_t crt, const char *name) {
    uint8_t address[ADDRESS_MAX];
    if (inet_pton(AF_INET, name, address) == 1) {
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 4,
                                                    GNUTLS_FSAN_APPEND);
    }
    if (inet_pton(AF_INET6, name, address) == 1) {
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 16,
                                                    GNUTLS_FSAN_APPEND);
    }
    return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
                                                (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

/* What it says, before it is signed. A day back, for clocks that are behind. */
static int certificate_fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
                            const char *const *names, uint32_t count, uint64_t now_s) {
    uint8_t serial[SERIAL_BYTES];
    ch_entropy_fill(serial, sizeof(serial));
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40); // positive, and of that many bytes
    const int codes[] = {
        gnutls_x509_crt_set_version(crt, 3),
        gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)),
        gnutls_x509_crt_set_dn(crt, "CN=choir", NULL),
        gnutls_x509_crt_set_activation_time(crt, (time_t)now_s - DAY_S),
        gnutls_x509_crt_set_expiration_time(crt,
                                            (time_t)now_s + (time_t)CH_CERTIFICATE_DAYS * DAY_S),
        gnutls_x509_crt_set_basic_constraints(crt, 1, -1),
        gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN),
        gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0),
        gnutls_x509_crt_set_key(crt, key),
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i] < 0) {
            return codes[i];
        }
    }
    int code = 0;
    for (uint32_t i = 0; i < count && code >= 0; i++) {
        code = name_add(crt, names[i]);
    }
    return code;
}

static int certificate_make(gnutls_datum_t *out, gnutls_x509_privkey_t key,
                            const char *const *names, uint32_t count, uint64_t now_s) {
    gnutls_x509_crt_t crt;
    int code = gnutls_x509_crt_init(&crt);
    if (code < 0) {
        return code;
    }
    code = certificate_fill(crt, key, names, count, now_s);
    if (code >= 0) {
        code = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
    }
    if (code >= 0) {
        code = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, out);
    }
    gnutls_x509_crt_deinit(crt);
    return code;
}

/* Whether the certificate is over that key, has all the names, and time. */
static bool certificate_fits(const char *path, gnutls_x509_privkey_t key, const char *const *names,
                             uint32_t count, uint64_t now_s, const choir_env *env) {
    ch_disk_file file = {0};
    gnutls_x509_crt_t crt;
    if (access(path, F_OK) != 0 || ch_disk_read(&file, path, CH_PEM_MAX, env, NULL) != CHOIR_OK ||
        chain_parse(&crt, &file, path, NULL) != CHOIR_OK) {
        ch_disk_release(&file);
        return false;
    }
    uint8_t ids[2][HASH_BYTES];
    size_t sizes[2] = {HASH_BYTES, HASH_BYTES};
    bool fits = gnutls_x509_crt_get_key_id(crt, 0, ids[0], &sizes[0]) >= 0 &&
                gnutls_x509_privkey_get_key_id(key, 0, ids[1], &sizes[1]) >= 0 &&
                sizes[0] == sizes[1] && memcmp(ids[0], ids[1], sizes[0]) == 0 &&
                gnutls_x509_crt_get_expiration_time(crt) >
                    (time_t)now_s + (time_t)CH_CERTIFICATE_DAYS_LEFT * DAY_S;
    for (uint32_t i = 0; i < count && fits; i++) {
        fits = gnutls_x509_crt_check_hostname(crt, names[i]) != 0;
    }
    gnutls_x509_crt_deinit(crt);
    ch_disk_release(&file);
    return fits;
}

static choir_status key_parse(gnutls_x509_privkey_t *out, const char *path, const choir_env *env,
                              choir_error *err) {
    ch_disk_file file = {0};
    choir_status status = ch_disk_read(&file, path, CH_PEM_MAX, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    int code = gnutls_x509_privkey_init(out);
    if (code < 0) {
        status = failed(err, "read its key", code);
    } else {
        const gnutls_datum_t text = datum(&file);
        code = gnutls_x509_privkey_import(*out, &text, GNUTLS_X509_FMT_PEM);
        if (code < 0) {
            gnutls_x509_privkey_deinit(*out);
            status = ch_error_set(err, CHOIR_EINVAL,
                                  "%s: is no key (%s); bring it back from a backup, or remove it "
                                  "and give devices the join file again",
                                  path, gnutls_strerror(code));
        }
    }
    ch_wipe(file.data, file.size);
    ch_disk_release(&file);
    return status;
}

static choir_status certificate_have(const char *path, const char *key_path,
                                     const char *const *names, uint32_t count, uint64_t now_s,
                                     const choir_env *env, choir_error *err) {
    gnutls_x509_privkey_t key;
    choir_status status = key_parse(&key, key_path, env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (!certificate_fits(path, key, names, count, now_s, env)) {
        gnutls_datum_t text = {.data = NULL};
        const int code = certificate_make(&text, key, names, count, now_s);
        status = code < 0 ? failed(err, "make it", code) : text_keep(path, &text, err);
        if (status == CHOIR_OK) {
            ch_log(env, CHOIR_LEVEL_INFO, "certificate_made", "names=%u days=%d", count,
                   CH_CERTIFICATE_DAYS);
        }
    }
    gnutls_x509_privkey_deinit(key);
    return status;
}

choir_status ch_certificate_own(ch_certificate *out, const char *dir, const char *const *names,
                                uint32_t count, uint64_t now_s, const choir_env *env,
                                choir_error *err) {
    *out = (ch_certificate){.pin = ""};
    char key_path[PATH_BYTES];
    char path[PATH_BYTES];
    if ((size_t)snprintf(key_path, sizeof(key_path), "%s/tls.key", dir) >= sizeof(key_path) ||
        (size_t)snprintf(path, sizeof(path), "%s/tls.pem", dir) >= sizeof(path)) {
        return ch_error_set(err, CHOIR_EINVAL, "dir: '%.60s...' is too long", dir);
    }
    choir_status status = key_have(key_path, err);
    if (status == CHOIR_OK) {
        status = certificate_have(path, key_path, names, count, now_s, env, err);
    }
    return status == CHOIR_OK ? ch_certificate_read(out, path, key_path, env, err) : status;
}
