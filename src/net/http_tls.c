/* Certificates, by GnuTLS. See http_parts.h. */
#include "base/error.h"
#include "net/http_parts.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

static gnutls_datum_t datum(const char *text) {
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)text,
                            .size = (unsigned)strlen(text)};
}

choir_status ch_http_tls_check(const ch_http_server_options *o, choir_error *err) {
    if ((o->certificate == NULL) != (o->key == NULL)) {
        return ch_error_set(err, CHOIR_EINVAL, "http: a certificate needs its key; give both");
    }
    if (o->certificate == NULL) {
        return o->clients_ca == NULL
                   ? CHOIR_OK
                   : ch_error_set(err, CHOIR_EINVAL,
                                  "http: clients' certificates need TLS; give one of the server's");
    }
    gnutls_certificate_credentials_t credentials;
    if (gnutls_certificate_allocate_credentials(&credentials) != GNUTLS_E_SUCCESS) {
        return CHOIR_ENOMEM;
    }
    choir_status status = CHOIR_OK;
    const gnutls_datum_t certificate = datum(o->certificate);
    const gnutls_datum_t key = datum(o->key);
    const int code =
        gnutls_certificate_set_x509_key_mem(credentials, &certificate, &key, GNUTLS_X509_FMT_PEM);
    if (code < 0) {
        status = ch_error_set(err, CHOIR_EINVAL,
                              "http: the certificate and its key cannot be used (%s); give both as "
                              "PEM, the key being the first certificate's",
                              gnutls_strerror(code));
    } else if (o->clients_ca != NULL) {
        const gnutls_datum_t trust = datum(o->clients_ca);
        const int count =
            gnutls_certificate_set_x509_trust_mem(credentials, &trust, GNUTLS_X509_FMT_PEM);
        if (count <= 0) {
            status = ch_error_set(err, CHOIR_EINVAL,
                                  "http: the clients' certificates cannot be used (%s); give one "
                                  "or more as PEM",
                                  count < 0 ? gnutls_strerror(count) : "there is none");
        }
    }
    gnutls_certificate_free_credentials(credentials);
    return status;
}

void ch_http_tls_require(struct MHD_Connection *connection) {
    static const char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    static gnutls_typed_vdata_st rules[] = {
        {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)(uintptr_t)purpose}};
    gnutls_session_t session =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_cert2(session, rules, 1, 0);
}
