/* Safetensors: what is written is read, whatever is wrong is named, and nothing is believed. */
#include "support/check.h"
#include "support/folder.h"

#include "base/bytes.h"
#include "onnx/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 4096 };

static char folder[FOLDER_PATH_MAX];

static const choir_layout LAYOUT = {
    .dim = 10,
    .count = 3,
    .tensors = {{.name = "dense1.weight", .rank = 2, .shape = {2, 3}, .count = 6},
                {.name = "dense1.bias", .rank = 1, .shape = {3}, .offset = 6, .count = 3},
                {.name = "x", .rank = 4, .shape = {1, 1, 1, 1}, .offset = 9, .count = 1}},
};
static const float PARAMS[10] = {1, -2, 3.5F, 4, 5, 6e-30F, 7, 8, 9, -0.0F};
static const ch_safetensors_pair METADATA[] = {{"format", "choir"}, {"who", "M\303\266we \"1\"\n"}};

/* What ch_safetensors_write makes of the three above. */
static choir_bytes file_bytes(void) {
    static char bytes[FILE_MAX];
    const choir_env env = choir_env_default();
    const char *path = folder_file(folder, "good.safetensors");
    check_status(ch_safetensors_write(path, &LAYOUT, PARAMS, METADATA, 2, &env, NULL), CHOIR_OK);
    const size_t size = folder_get(path, bytes, sizeof(bytes));
    return (choir_bytes){.data = (const uint8_t *)bytes, .size = size};
}

/* A file of this header and as many bytes of zeros. */
static choir_bytes file_of(const char *header, size_t zeros) {
    static uint8_t bytes[FILE_MAX];
    memset(bytes, 0, sizeof(bytes));
    ch_writer w = {.data = bytes, .capacity = sizeof(bytes)};
    ch_put_u64(&w, strlen(header));
    memcpy(bytes + 8, header, strlen(header));
    return (choir_bytes){.data = bytes, .size = 8 + strlen(header) + zeros};
}

static void what_is_written_is_read(void **state) {
    (void)state;
    const choir_bytes bytes = file_bytes();
    const choir_env env = choir_env_default();
    ch_safetensors file;
    check_status(ch_safetensors_open(&file, folder_file(folder, "good.safetensors"), &env, NULL),
                 CHOIR_OK);
    assert_memory_equal(&file.layout, &LAYOUT, sizeof(LAYOUT));
    assert_memory_equal(file.params, PARAMS, sizeof(PARAMS));
    assert_int_equal(file.pairs, 2);
    assert_string_equal(ch_safetensors_find(&file, "format"), "choir");
    assert_string_equal(ch_safetensors_find(&file, "who"), METADATA[1].value);
    assert_null(ch_safetensors_find(&file, "whom"));
    assert_int_equal(bytes.size % 4, 0);
    ch_safetensors_release(&file);
    ch_safetensors_release(&file);
}

static void memory_holds_what_a_file_would(void **state) {
    (void)state;
    const choir_bytes bytes = file_bytes();
    const choir_env env = choir_env_default();
    uint8_t *block = NULL;
    size_t size = 0;
    check_status(
        ch_safetensors_encode(&block, &size, "m", &LAYOUT, PARAMS, METADATA, 2, &env, NULL),
        CHOIR_OK);
    assert_int_equal(size, bytes.size);
    assert_memory_equal(block, bytes.data, size);
    env.free(env.self, block);
}

static void metadata_is_read_without_the_tensors_bytes(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_bytes whole = file_bytes();
    const size_t head = whole.size - sizeof(PARAMS);
    for (size_t size = 0; size <= whole.size; size++) {
        uint8_t *exact = malloc(size + 1); // the sanitizer sees a read past the end
        memcpy(exact, whole.data, size);
        ch_safetensors file;
        const choir_status status =
            ch_safetensors_describe(&file, (choir_bytes){exact, size}, "f", &env, NULL);
        free(exact);
        check_status(status, size < head ? CHOIR_EPROTO : CHOIR_OK);
        assert_int_equal(file.layout.dim, 0);
        assert_null(file.params);
        assert_int_equal(file.pairs, size < head ? 0 : 2);
        if (size >= head) {
            assert_string_equal(ch_safetensors_find(&file, "who"), METADATA[1].value);
        }
        ch_safetensors_release(&file);
    }
    ch_safetensors file;
    check_status(ch_safetensors_describe(&file, file_of("{}", 0), "f", &env, NULL), CHOIR_OK);
    assert_int_equal(file.pairs, 0);
    ch_safetensors_release(&file);
}

static void parameters_are_found_by_name_in_any_order(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    choir_layout turned = {.dim = 10, .count = 3};
    const uint32_t offsets[3] = {0, 1, 4};
    for (uint32_t i = 0; i < 3; i++) {
        turned.tensors[i] = LAYOUT.tensors[2 - i];
        turned.tensors[i].offset = offsets[i];
    }
    ch_safetensors file;
    check_status(ch_safetensors_parse(&file, file_bytes(), "f", &env, NULL), CHOIR_OK);
    float params[10];
    check_status(ch_safetensors_params(&file, &turned, params, NULL), CHOIR_OK);
    assert_memory_equal(params, PARAMS + 9, 1 * sizeof(float));
    assert_memory_equal(params + 1, PARAMS + 6, 3 * sizeof(float));
    assert_memory_equal(params + 4, PARAMS, 6 * sizeof(float));
    ch_safetensors_release(&file);
}

static void a_model_of_another_layout_is_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_safetensors file;
    check_status(ch_safetensors_parse(&file, file_bytes(), "f", &env, NULL), CHOIR_OK);
    float params[10];
    choir_error err = {.message = ""};
    choir_layout other = LAYOUT;
    other.tensors[0].shape[0] = 3;
    other.tensors[0].shape[1] = 2;
    check_status(ch_safetensors_params(&file, &other, params, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "tensor 'dense1.weight' has shape (2, 3) in the file, the "
                                     "model wants (3, 2)");
    other = LAYOUT;
    other.tensors[1].name[0] = 'D';
    check_status(ch_safetensors_params(&file, &other, params, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "the file has no tensor 'Dense1.bias', shape (3)");
    other = LAYOUT;
    other.count = 2;
    check_status(ch_safetensors_params(&file, &other, params, &err), CHOIR_EINVAL);
    assert_string_equal(err.message, "the file has a tensor 'x', which the model has not");
    ch_safetensors_release(&file);
}

static const struct {
    const char *header;
    size_t zeros;
    const char *message;
} FAULTS[] = {
    {"{}", 0, "f: its tensors have 0 bytes, but 0 follow the header"},
    {"[]", 0, "f: its header is JSON, but no object"},
    {"{\"a\":1,\"a\":1}", 0,
     "f: its header is not a JSON object: line 1, column 10: duplicate object key near "
     "'\"a\"'"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8,
     "f: tensor 'a' has \"F64\" for dtype; right is \"F32\""},
    {"{\"a\":7}", 8, "f: tensor 'a' has nothing for dtype; right is \"F32\""},
    {"{\"\":7}", 8, "f: tensor '' must have a printable name of 1 to 47 bytes"},
    {"{\"a\\u0007\":7}", 8, "f: tensor 'a?' must have a printable name of 1 to 47 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4,
     "f: tensor 'a' has [] for shape; right are 1 to 4 sizes >= 1 of at most 268435456 "
     "elements"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
     "f: tensor 'a' has [1,1,1,1,1] for shape; right are 1 to 4 sizes >= 1 of at most "
     "268435456 elements"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0,
     "f: tensor 'a' has [0] for shape; right are 1 to 4 sizes >= 1 of at most 268435456 "
     "elements"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4,
     "f: tensor 'a' has [-1] for shape; right are 1 to 4 sizes >= 1 of at most 268435456 "
     "elements"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[65536,65536],\"data_offsets\":[0,4]}}", 4,
     "f: tensor 'a' has [65536,65536] for shape; right are 1 to 4 sizes >= 1 of at most "
     "268435456 elements"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 4,
     "f: tensor 'a' has [0,8] for data_offsets; right are begin and end in the 4 bytes that "
     "follow the header"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4,
     "f: tensor 'a' has [4,0] for data_offsets; right are begin and end in the 4 bytes that "
     "follow the header"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4,
     "f: tensor 'a' has [0] for data_offsets; right are begin and end in the 4 bytes that "
     "follow the header"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
     "f: tensor 'a' has data_offsets [0,4]; right for its shape are 8 bytes from a multiple of "
     "4"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}", 8,
     "f: tensor 'a' has data_offsets [1,5]; right for its shape are 4 bytes from a multiple of "
     "4"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8,
     "f: its tensors have 4 bytes, but 8 follow the header"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
     12, "f: tensor 'b' begins at byte 8; right is 4, where the one before it ends"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
     4, "f: tensor 'b' begins at byte 0; right is 4, where the one before it ends"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"__metadata__\":[]}", 4,
     "f: __metadata__ is not an object"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"__metadata__\":{\"k\":1}}",
     4, "f: __metadata__ 'k' is not a text"},
};

static void every_fault_is_named(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        ch_safetensors file;
        choir_error err = {.message = ""};
        check_status(ch_safetensors_parse(&file, file_of(FAULTS[i].header, FAULTS[i].zeros), "f",
                                          &env, &err),
                     CHOIR_EPROTO);
        assert_string_equal(err.message, FAULTS[i].message);
    }
}

static void values_that_are_not_finite_are_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    float params[10] = {0};
    params[7] = NAN;
    const char *path = folder_file(folder, "nan.safetensors");
    check_status(ch_safetensors_write(path, &LAYOUT, params, NULL, 0, &env, NULL), CHOIR_OK);
    ch_safetensors file;
    choir_error err = {.message = ""};
    check_status(ch_safetensors_open(&file, path, &env, &err), CHOIR_EPROTO);
    assert_non_null(
        strstr(err.message, "tensor 'dense1.bias' has nan for its element 1; right are "));
}

static void a_length_that_lies_is_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    uint8_t bytes[16] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, '{', '}'};
    ch_safetensors file;
    choir_error err = {.message = ""};
    check_status(ch_safetensors_parse(&file, (choir_bytes){bytes, 10}, "f", &env, &err),
                 CHOIR_EPROTO);
    assert_string_equal(err.message, "f: says its header has 18446744073709551615 bytes; the file "
                                     "has 10, and 16777216 are allowed");
    check_status(ch_safetensors_parse(&file, (choir_bytes){bytes, 7}, "f", &env, &err),
                 CHOIR_EPROTO);
    assert_string_equal(err.message, "f: has 7 bytes, too few for safetensors");
}

static void no_prefix_and_no_flipped_bit_does_harm(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_bytes whole = file_bytes();
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *exact = malloc(size + 1); // the sanitizer sees a read past the end
        memcpy(exact, whole.data, size);
        ch_safetensors file;
        check_status(ch_safetensors_parse(&file, (choir_bytes){exact, size}, "f", &env, NULL),
                     CHOIR_EPROTO);
        free(exact);
    }
    uint8_t *flipped = malloc(whole.size);
    for (size_t bit = 0; bit < 8 * whole.size; bit++) {
        memcpy(flipped, whole.data, whole.size);
        flipped[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        ch_safetensors file;
        const choir_status status =
            ch_safetensors_parse(&file, (choir_bytes){flipped, whole.size}, "f", &env, NULL);
        assert_true(status == CHOIR_OK || status == CHOIR_EPROTO);
        ch_safetensors_release(&file);
    }
    free(flipped);
}

static void a_text_that_is_not_utf8_is_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const ch_safetensors_pair metadata[] = {{"a", "b"}, {"c", "\xff"}};
    const char *path = folder_file(folder, "bad.safetensors");
    choir_error err = {.message = ""};
    check_status(ch_safetensors_write(path, &LAYOUT, PARAMS, metadata, 2, &env, &err),
                 CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "metadata number 2 is not UTF-8 text"));
    check_status(ch_safetensors_write("/nowhere/x", &LAYOUT, PARAMS, metadata, 1, &env, &err),
                 CHOIR_EIO);
}

// jansson's memory fails too: it has a hook of its own.

static uint32_t until_failure;

static void *failing_malloc(size_t bytes) {
    if (until_failure == 0) {
        return NULL;
    }
    until_failure -= 1;
    return malloc(bytes);
}

static void no_failed_allocation_of_the_library_below_is_missed(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_bytes whole = file_bytes();
    const char *path = folder_file(folder, "again.safetensors");
    const ch_safetensors_pair metadata[] = {{"a", "b"}};
    choir_status read = CHOIR_ENOMEM;
    choir_status written = CHOIR_ENOMEM;
    uint32_t n = 0;
    for (; (read != CHOIR_OK || written != CHOIR_OK) && n < 1000; n++) {
        json_set_alloc_funcs(failing_malloc, free);
        ch_safetensors file;
        until_failure = n;
        read = ch_safetensors_parse(&file, whole, "f", &env, NULL);
        until_failure = n;
        written = ch_safetensors_write(path, &LAYOUT, PARAMS, metadata, 1, &env, NULL);
        json_set_alloc_funcs(malloc, free);
        ch_safetensors_release(&file);
        assert_true(read == CHOIR_OK || read == CHOIR_ENOMEM || read == CHOIR_EPROTO);
        assert_true(written == CHOIR_OK || written == CHOIR_ENOMEM);
        if (written == CHOIR_OK) {
            check_status(ch_safetensors_open(&file, path, &env, NULL), CHOIR_OK);
            ch_safetensors_release(&file);
        }
    }
    check_status(read, CHOIR_OK);
    check_status(written, CHOIR_OK);
    assert_true(n > 10);
}

static void no_memory_is_reported(void **state) {
    (void)state;
    file_bytes();
    const char *path = folder_file(folder, "good.safetensors");
    for (uint32_t n = 0; n < 2; n++) {
        counted_memory memory;
        const choir_env env = counted_env(&memory, n);
        ch_safetensors file;
        check_status(ch_safetensors_open(&file, path, &env, NULL), CHOIR_ENOMEM);
        assert_int_equal(memory.alive, 0);
    }
    counted_memory memory;
    const choir_env env = counted_env(&memory, 0);
    check_status(ch_safetensors_write(path, &LAYOUT, PARAMS, METADATA, 2, &env, NULL),
                 CHOIR_ENOMEM);
    uint8_t *block = NULL;
    size_t size = 0;
    check_status(
        ch_safetensors_encode(&block, &size, "m", &LAYOUT, PARAMS, METADATA, 2, &env, NULL),
        CHOIR_ENOMEM);
    assert_null(block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(memory_holds_what_a_file_would),
        cmocka_unit_test(metadata_is_read_without_the_tensors_bytes),
        cmocka_unit_test(parameters_are_found_by_name_in_any_order),
        cmocka_unit_test(a_model_of_another_layout_is_refused),
        cmocka_unit_test(every_fault_is_named),
        cmocka_unit_test(values_that_are_not_finite_are_refused),
        cmocka_unit_test(a_length_that_lies_is_refused),
        cmocka_unit_test(no_prefix_and_no_flipped_bit_does_harm),
        cmocka_unit_test(a_text_that_is_not_utf8_is_refused),
        cmocka_unit_test(no_failed_allocation_of_the_library_below_is_missed),
        cmocka_unit_test(no_memory_is_reported),
    };
    folder_make(folder);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failures;
}
