/* Replay: runs a fuzz target on every file of its corpus, where libFuzzer is not linked. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20, NAME_MAX_BYTES = 4096 };

static int file_run(const char *path) {
    static uint8_t data[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    const size_t size = fread(data, 1, sizeof(data), file);
    (void)fclose(file);
    // A copy of just this size, so that the sanitizer sees a read past the end.
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL) {
        return 1;
    }
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

int main(int argc, char **argv) {
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        (void)fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    int files = 0;
    int failures = 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            char path[NAME_MAX_BYTES];
            (void)snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
            failures += file_run(path);
            files += 1;
        }
    }
    (void)closedir(folder);
    printf("%d files replayed\n", files);
    return failures > 0 || files == 0 ? 1 : 0;
}
