/*
 * Certificate: by which clients know a server: its TLS key, a certificate over it, and the key's
 * pin.
 *
 *     dir/tls.key   a P-256 key that the server made; it stays, and devices know it by that
 *     dir/tls.pem   a certificate over it, signed by itself, for the names by which it is reached
 *
 * A client with the pin looks at the key alone: whoever signed the certificate, whatever names it
 * has and however old it is. So the certificate is made anew over the same key when the names
 * are others or its time is nearly over, and an operator's own is renewed without any device
 * noticing as long as it is for the same key.
 *
 * Source: RFC 7469, §2.4, for what a pin is the hash of.
 */
#ifndef CH_NET_CERTIFICATE_H
#define CH_NET_CERTIFICATE_H

#include "base/disk.h"
#include "choir/env.h"
#include "choir/status.h"

#include <stdint.h>

enum {
    CH_PIN_MAX = 64,        // bytes of one pin, with the terminating zero
    CH_PEM_MAX = 256 << 10, // bytes of a file of certificates or a key
    CH_CERTIFICATE_DAYS = 3650,
    CH_CERTIFICATE_DAYS_LEFT = 90, // with less it is made anew
};

typedef struct ch_certificate {
    ch_disk_file chain;   // PEM, the server's first
    ch_disk_file key;     // PEM; wiped when released
    char pin[CH_PIN_MAX]; // "sha256//BASE64" of the first certificate's SubjectPublicKeyInfo
} ch_certificate;

/*
 * The server's own in dir, made as far as it is not there.
 *
 * names  (count) IP addresses and host names by which clients reach it
 * now_s  of the Unix epoch
 *
 * Returns OK and an object to release; EINVAL when a file in dir is none; EIO; ENOMEM. *out is safe
 * to release in any case.
 */
CHOIR_NODISCARD choir_status ch_certificate_own(ch_certificate *out, const char *dir,
                                                const char *const *names, uint32_t count,
                                                uint64_t now_s, const choir_env *env,
                                                choir_error *err);

/*
 * An operator's: PEM files, maybe the same. That the key is the certificate's is for the HTTP
 * server to check.
 *
 * Returns OK and an object to release; EIO when a file cannot be read; EINVAL when chain_path is
 * no certificate; ENOMEM. *out is safe to release in any case.
 */
CHOIR_NODISCARD choir_status ch_certificate_read(ch_certificate *out, const char *chain_path,
                                                 const char *key_path, const choir_env *env,
                                                 choir_error *err);

/* Wipes the key. Safe to call twice, and on one that is all zero. */
void ch_certificate_release(ch_certificate *c);

#endif
