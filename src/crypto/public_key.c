/* Public key: see public_key.h. */
#include "crypto/public_key.h"

#include "base/error.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

enum { EXPONENT_BYTES_MAX = 8 };

static const char RS256[] = "RS256";
static const char ES256[] = "ES256";

/* Without zeros in front, of which some writers have one; one byte stays. */
static gnutls_datum_t datum(choir_bytes bytes) {
    while (bytes.size > 1 && bytes.data[0] == 0) {
        bytes.data += 1;
        bytes.size -= 1;
    }
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)bytes.data,
                            .size = (unsigned)bytes.size};
}

void ch_public_key_release(ch_public_key *key) {
    if (key->handle != NULL) {
        gnutls_pubkey_deinit(key->handle);
    }
    *key = (ch_public_key){.algorithm = NULL};
}

static choir_status key_begin(ch_public_key *out, const char *algorithm, choir_error *err) {
    *out = (ch_public_key){.algorithm = algorithm};
    if (gnutls_pubkey_init(&out->handle) < 0) {
        *out = (ch_public_key){.algorithm = NULL};
        return ch_error_set(err, CHOIR_ENOMEM, "no memory for a key");
    }
    return CHOIR_OK;
}

/* What came of the import. */
static choir_status key_end(ch_public_key *out, int code, choir_error *err) {
    if (code >= 0) {
        code = gnutls_pubkey_verify_params(out->handle);
    }
    if (code >= 0) {
        return CHOIR_OK;
    }
    ch_public_key_release(out);
    return code == GNUTLS_E_MEMORY_ERROR
               ? ch_error_set(err, CHOIR_ENOMEM, "no memory for a key")
               : ch_error_set(err, CHOIR_EINVAL, "is no such key (%s)", gnutls_strerror(code));
}

static size_t bits_of(const gnutls_datum_t *number) {
    size_t bits = (size_t)number->size * 8;
    for (unsigned mask = 0x80; mask > 0 && (number->data[0] & mask) == 0; mask >>= 1) {
        bits -= 1;
    }
    return bits;
}

choir_status ch_public_key_rsa(ch_public_key *out, choir_bytes modulus, choir_bytes exponent,
                               choir_error *err) {
    *out = (ch_public_key){.algorithm = NULL};
    if (modulus.size == 0 || exponent.size == 0) {
        return ch_error_set(err, CHOIR_EINVAL, "needs a modulus and an exponent");
    }
    const gnutls_datum_t n = datum(modulus);
    const gnutls_datum_t e = datum(exponent);
    const size_t bits = bits_of(&n);
    if (bits < CH_RSA_BITS_MIN || bits > CH_RSA_BITS_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "has %zu bits; RSA is taken with %d to %d", bits,
                            CH_RSA_BITS_MIN, CH_RSA_BITS_MAX);
    }
    if (e.size > EXPONENT_BYTES_MAX || e.data[e.size - 1] % 2 == 0 || bits_of(&e) < 2) {
        return ch_error_set(err, CHOIR_EINVAL, "has an exponent that is even, 1 or above 64 bits");
    }
    const choir_status status = key_begin(out, RS256, err);
    return status == CHOIR_OK ? key_end(out, gnutls_pubkey_import_rsa_raw(out->handle, &n, &e), err)
                              : status;
}

choir_status ch_public_key_p256(ch_public_key *out, choir_bytes x, choir_bytes y,
                                choir_error *err) {
    *out = (ch_public_key){.algorithm = NULL};
    if (x.size != CH_P256_BYTES || y.size != CH_P256_BYTES) {
        return ch_error_set(err, CHOIR_EINVAL, "has coordinates of %zu and %zu bytes, not %d",
                            x.size, y.size, CH_P256_BYTES);
    }
    const gnutls_datum_t at_x = {.data = (unsigned char *)(uintptr_t)x.data, .size = CH_P256_BYTES};
    const gnutls_datum_t at_y = {.data = (unsigned char *)(uintptr_t)y.data, .size = CH_P256_BYTES};
    const choir_status status = key_begin(out, ES256, err);
    if (status != CHOIR_OK) {
        return status;
    }
    return key_end(
        out, gnutls_pubkey_import_ecc_raw(out->handle, GNUTLS_ECC_CURVE_SECP256R1, &at_x, &at_y),
        err);
}

static bool verify(const ch_public_key *key, gnutls_sign_algorithm_t algorithm, choir_bytes message,
                   const gnutls_datum_t *signature) {
    const gnutls_datum_t data = {.data = (unsigned char *)(uintptr_t)message.data,
                                 .size = (unsigned)message.size};
    return gnutls_pubkey_verify_data2(key->handle, algorithm, 0, &data, signature) >= 0;
}

/* r and s become the DER that GnuTLS takes. */
static bool es256_check(const ch_public_key *key, choir_bytes message, choir_bytes signature) {
    if (signature.size != (size_t)2 * CH_P256_BYTES) {
        return false;
    }
    const gnutls_datum_t r = datum((choir_bytes){signature.data, CH_P256_BYTES});
    const gnutls_datum_t s = datum((choir_bytes){signature.data + CH_P256_BYTES, CH_P256_BYTES});
    gnutls_datum_t der = {.data = NULL};
    if (gnutls_encode_rs_value(&der, &r, &s) < 0) {
        return false;
    }
    const bool is_right = verify(key, GNUTLS_SIGN_ECDSA_SHA256, message, &der);
    gnutls_free(der.data);
    return is_right;
}

bool ch_public_key_check(const ch_public_key *key, choir_bytes message, choir_bytes signature) {
    if (key->algorithm == ES256) {
        return es256_check(key, message, signature);
    }
    const gnutls_datum_t raw = {.data = (unsigned char *)(uintptr_t)signature.data,
                                .size = (unsigned)signature.size};
    return key->algorithm == RS256 && verify(key, GNUTLS_SIGN_RSA_SHA256, message, &raw);
}
