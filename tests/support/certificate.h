/*
 * Certificate: a key and a certificate signed by itself for 127.0.0.1, made for a test, and the pin
 * of its key.
 */
#ifndef CHOIR_TESTS_CERTIFICATE_H
#define CHOIR_TESTS_CERTIFICATE_H

#include "support/check.h"

#include "base/sha256.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

enum { CERTIFICATE_PEM_MAX = 4096, CERTIFICATE_PIN_MAX = 64 };

typedef struct certificate {
    char pem[CERTIFICATE_PEM_MAX];
    char key[CERTIFICATE_PEM_MAX];
    char pin[CERTIFICATE_PIN_MAX]; // "sha256//..."
} certificate;

static inline void certificate_must(int code) {
    if (code < 0) {
        fail_msg("gnutls: %s", gnutls_strerror(code));
    }
}

/* "sha256//" and the base64 of the hash of the key's SubjectPublicKeyInfo, as RFC 7469 has it. */
static inline void certificate_pin(certificate *c, gnutls_x509_crt_t crt) {
    uint8_t info[1024];
    size_t size = sizeof(info);
    uint8_t hash[32];
    gnutls_pubkey_t key;
    gnutls_datum_t text;
    certificate_must(gnutls_pubkey_init(&key));
    certificate_must(gnutls_pubkey_import_x509(key, crt, 0));
    certificate_must(gnutls_pubkey_export(key, GNUTLS_X509_FMT_DER, info, &size));
    ch_sha256_of(info, size, hash);
    const gnutls_datum_t raw = {.data = hash, .size = sizeof(hash)};
    certificate_must(gnutls_base64_encode2(&raw, &text));
    (void)snprintf(c->pin, sizeof(c->pin), "sha256//%.*s", (int)text.size, (char *)text.data);
    gnutls_free(text.data);
    gnutls_pubkey_deinit(key);
}

/* Makes another each time; serial is to be another too. */
static inline void certificate_make(certificate *c, uint8_t serial) {
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    static const char name[] = "CN=choir test";
    const time_t long_ago = 1577836800; // 2020
    const time_t far_away = 4102444800; // 2100
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    size_t size = sizeof(c->key);
    certificate_must(gnutls_x509_privkey_init(&key));
    certificate_must(gnutls_x509_privkey_generate(
        key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    certificate_must(gnutls_x509_crt_init(&crt));
    certificate_must(gnutls_x509_crt_set_version(crt, 3));
    certificate_must(gnutls_x509_crt_set_serial(crt, &serial, 1));
    certificate_must(gnutls_x509_crt_set_dn(crt, name, NULL));
    certificate_must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, loopback,
                                                          sizeof(loopback), GNUTLS_FSAN_SET));
    certificate_must(gnutls_x509_crt_set_activation_time(crt, long_ago));
    certificate_must(gnutls_x509_crt_set_expiration_time(crt, far_away));
    certificate_must(gnutls_x509_crt_set_basic_constraints(crt, 1, -1));
    certificate_must(gnutls_x509_crt_set_key(crt, key));
    certificate_must(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0));
    certificate_must(gnutls_x509_privkey_export(key, GNUTLS_X509_FMT_PEM, c->key, &size));
    c->key[size] = '\0';
    size = sizeof(c->pem);
    certificate_must(gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_PEM, c->pem, &size));
    c->pem[size] = '\0';
    certificate_pin(c, crt);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
}

#endif
