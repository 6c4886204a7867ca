/* Fuzz: any bytes as a file of the data directory's. What is opened can be read whole. */
#include "base/assert.h"
#include "data/filed.h"
#include "data/spool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const ch_examples *e, const choir_env *env) {
    const size_t bytes = ch_filed_input_bytes(e);
    void *room = env->alloc(env->self, (bytes + 63) / 64 * 64);
    for (uint32_t i = 0; i < e->count; i++) {
        const void *input = NULL;
        const choir_status status = ch_filed_input(&input, e, i, room, NULL);
        CH_ASSERT(status == CHOIR_OK && input == room);
        CH_ASSERT(e->classes == 0 || e->labels[i] < e->classes || e->labels[i] == CH_LABEL_NONE);
        CH_ASSERT(e->classes > 0 || e->targets != NULL);
    }
    env->free(env->self, room);
}

/* One file, without a name, for all inputs of this process. */
static void file_write(char path[64], const uint8_t *data, size_t size) {
    static FILE *file;
    file = file == NULL ? tmpfile() : file;
    CH_ASSERT(file != NULL);
    CH_ASSERT(ftruncate(fileno(file), 0) == 0);
    CH_ASSERT(pwrite(fileno(file), data, size, 0) == (ssize_t)size);
    (void)snprintf(path, 64, "/dev/fd/%d", fileno(file));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const choir_env env = choir_env_default();
    char path[64];
    file_write(path, data, size);
    const char *notes = NULL;
    choir_error err = {.message = ""};
    ch_dataset d;
    ch_dataset_init(&d, &env);
    if (ch_spool_open(&d, &notes, path, &err) == CHOIR_OK) {
        CH_ASSERT(ch_spool_bytes(path) > 0);
        CH_ASSERT(notes == NULL || strlen(notes) < size);
        check(&d.train, &env);
        check(&d.test, &env);
    } else {
        CH_ASSERT(err.message[0] != '\0');
    }
    ch_dataset_release(&d);
    return 0;
}
