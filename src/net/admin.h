/*
 * Admin: administrators' keys, and what they may do by their role.
 *
 *              look   host, steer   keys, devices, audit log
 *     owner     x          x                  x
 *     analyst   x          x
 *     viewer    x
 */
#ifndef CH_NET_ADMIN_H
#define CH_NET_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CH_ADMIN_KEY_MAX = 64, // bytes of a key, with the terminating zero
    CH_ADMIN_HASH_BYTES = 32,
};

typedef enum ch_admin_right {
    CH_ADMIN_LOOKS,  // at jobs and devices: every GET but the owners'
    CH_ADMIN_STEERS, // hosts jobs, and what becomes of them
    CH_ADMIN_OWNS,   // who else may do what, and the audit log
} ch_admin_right;

/* Whether there is such a role, and whether it may. */
bool ch_admin_is_role(const char *role);
bool ch_admin_may(const char *role, ch_admin_right right);

/* A key that nobody can guess, and the hash by which the store knows it. */
void ch_admin_key_make(char key[CH_ADMIN_KEY_MAX], uint8_t hash[CH_ADMIN_HASH_BYTES]);

#endif
