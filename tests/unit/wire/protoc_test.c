/* Messages against protoc, where it is installed: our bytes are its bytes, both ways. */
#include "unit/wire/samples.h"

#include <stdlib.h>
#include <unistd.h>

enum { SKIPPED = 77, COMMAND_MAX = 1024 };

static char scratch[] = "/tmp/choir-protoc-XXXXXX"; // the message on its way to protoc

/* Runs protoc on the scratch file; returns what it prints. */
static size_t protoc(const char *mode, bool is_request, uint8_t out[SAMPLE_BYTES_MAX]) {
    char command[COMMAND_MAX];
    (void)snprintf(command, sizeof(command),
                   "protoc --%s=choir.v1.%s --proto_path='%s/proto' choir.proto < %s", mode,
                   is_request ? "Request" : "Reply", CHOIR_SOURCE_DIR, scratch);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    const size_t size = fread(out, 1, SAMPLE_BYTES_MAX, pipe);
    assert_int_equal(pclose(pipe), 0);
    return size;
}

static void scratch_write(const uint8_t *bytes, size_t size) {
    FILE *file = fopen(scratch, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void protoc_writes_what_we_write(void **state) {
    (void)state;
    for (int i = 0; i < SAMPLES_COUNT; i++) {
        const sample s = sample_at(i);
        uint8_t ours[SAMPLE_BYTES_MAX];
        uint8_t text[SAMPLE_BYTES_MAX];
        uint8_t theirs[SAMPLE_BYTES_MAX];
        const size_t size = sample_encode(&s, ours);
        scratch_write(text, sample_file(s.name, "txt", text));
        assert_int_equal(protoc("encode", s.is_request, theirs), size);
        assert_memory_equal(theirs, ours, size);
    }
}

static void protoc_reads_what_we_write(void **state) {
    (void)state;
    for (int i = 0; i < SAMPLES_COUNT; i++) {
        const sample s = sample_at(i);
        uint8_t ours[SAMPLE_BYTES_MAX];
        uint8_t text[SAMPLE_BYTES_MAX];
        uint8_t theirs[SAMPLE_BYTES_MAX];
        scratch_write(ours, sample_encode(&s, ours));
        const size_t size = sample_file(s.name, "txt", text);
        assert_int_equal(protoc("decode", s.is_request, theirs), size);
        assert_memory_equal(theirs, text, size);
    }
}

int main(void) {
    if (system("protoc --version > /dev/null 2>&1") != 0) {
        (void)puts("protoc is not installed (package protobuf-compiler)");
        return SKIPPED;
    }
    const int file = mkstemp(scratch);
    if (file < 0 || close(file) != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protoc_writes_what_we_write),
        cmocka_unit_test(protoc_reads_what_we_write),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return unlink(scratch) == 0 ? failed : 1;
}
