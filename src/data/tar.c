/* Walking through a tar archive; see tar.h. */
#include "data/tar.h"

#include "base/error.h"

#include <string.h>

enum {
    BLOCK = 512,
    AT_SIZE = 124,
    SIZE_DIGITS = 12,
    AT_TYPE = 156,
    AT_MAGIC = 257,
};

/* Reads octal digits up to a space or zero; false when there are others, or none. */
static bool octal_parse(uint64_t *out, const uint8_t *digits) {
    uint64_t value = 0;
    int i = 0;
    for (; i < SIZE_DIGITS && digits[i] >= '0' && digits[i] <= '7'; i++) {
        value = value * 8 + (uint64_t)(digits[i] - '0');
    }
    *out = value;
    return i > 0 && (i == SIZE_DIGITS || digits[i] == ' ' || digits[i] == '\0');
}

/* Reads the header at *at and moves *at behind the entry. */
static choir_status entry_read(ch_tar_entry *out, char *type, size_t *at, choir_bytes archive,
                               const char *name, choir_error *err) {
    const uint8_t *header = archive.data + *at;
    const size_t left = archive.size - *at - BLOCK;
    uint64_t size;
    if (memcmp(header + AT_MAGIC, "ustar", 5) != 0 || !octal_parse(&size, header + AT_SIZE)) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: byte %zu: no tar header where one must be",
                            name, *at);
    }
    if (size > left) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: byte %zu: a file of %llu bytes, and %zu are left: the archive "
                            "is cut off",
                            name, *at, (unsigned long long)size, left);
    }
    memcpy(out->name, header, CH_TAR_NAME_MAX - 1);
    out->name[CH_TAR_NAME_MAX - 1] = '\0';
    out->bytes = (choir_bytes){.data = header + BLOCK, .size = (size_t)size};
    *type = (char)header[AT_TYPE];
    const size_t padded = ((size_t)size + BLOCK - 1) / BLOCK * BLOCK;
    *at += BLOCK + (padded < left ? padded : left);
    return CHOIR_OK;
}

choir_status ch_tar_next(ch_tar_entry *out, size_t *at, choir_bytes archive, const char *name,
                         choir_error *err) {
    while (archive.size - *at >= BLOCK) {
        if (archive.data[*at] == '\0') {
            return CHOIR_EAGAIN; // the archive ends in blocks of zeros
        }
        char type = 0;
        const choir_status status = entry_read(out, &type, at, archive, name, err);
        if (status != CHOIR_OK) {
            return status;
        }
        if (type == '0' || type == '\0') {
            return CHOIR_OK;
        }
    }
    if (archive.size != *at) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: ends in the middle of a header", name);
    }
    return CHOIR_EAGAIN;
}
