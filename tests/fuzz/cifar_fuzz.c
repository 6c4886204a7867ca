/* Fuzz: CIFAR-10 records and tar archives of them from any bytes. */
#include "base/assert.h"
#include "data/cifar.h"
#include "data/tar.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void unpack(choir_bytes bytes) {
    uint32_t count = 0;
    choir_error err = {.message = ""};
    if (ch_cifar_check(&count, bytes, "fuzz", &err) != CHOIR_OK) {
        CH_ASSERT(err.message[0] != '\0');
        return;
    }
    uint8_t *images = malloc((size_t)count * CH_CIFAR_FEATURES);
    uint32_t *labels = malloc(count * sizeof(labels[0]));
    CH_ASSERT(images != NULL);
    CH_ASSERT(labels != NULL);
    ch_cifar_unpack(images, labels, bytes);
    for (uint32_t i = 0; i < count; i++) {
        CH_ASSERT(labels[i] < CH_CIFAR_CLASSES);
    }
    free(images);
    free(labels);
}

static void names(choir_bytes bytes) {
    ch_cell found[CH_CIFAR_CLASSES];
    choir_error err = {.message = ""};
    if (ch_cifar_names(found, bytes, "fuzz", &err) != CHOIR_OK) {
        CH_ASSERT(err.message[0] != '\0');
        return;
    }
    for (uint32_t i = 0; i < CH_CIFAR_CLASSES; i++) {
        CH_ASSERT(found[i].size > 0);
        CH_ASSERT(found[i].data + found[i].size <= (const char *)bytes.data + bytes.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const choir_bytes bytes = {.data = data, .size = size};
    ch_tar_entry entry;
    size_t at = 0;
    unpack(bytes);
    names(bytes);
    while (ch_tar_next(&entry, &at, bytes, "fuzz", NULL) == CHOIR_OK) {
        CH_ASSERT(at <= size);
        unpack(entry.bytes);
        names(entry.bytes);
    }
    return 0;
}
