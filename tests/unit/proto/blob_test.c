/* Blobs: parameters that are what their hash says. */
#include "support/check.h"

#include "choir/blob.h"

#include <math.h>

static void blobs_are_what_their_hash_says(void **state) {
    (void)state;
    float params[3] = {1, 2, 3};
    const choir_hash hash = choir_hash_params(params, 3);
    const choir_bytes bytes = {(const uint8_t *)params, sizeof(params)};
    choir_blob blob = {.dim = 9};
    check_status(choir_blob_open(&blob, (choir_bytes){0}, &hash), CHOIR_EPROTO);
    check_status(choir_blob_open(&blob, (choir_bytes){bytes.data, 11}, &hash), CHOIR_EPROTO);
    check_status(choir_blob_open(&blob, (choir_bytes){bytes.data, 8}, &hash), CHOIR_EPROTO);
    assert_int_equal(blob.dim, 9);
    check_status(choir_blob_open(&blob, bytes, &hash), CHOIR_OK);
    assert_int_equal(blob.dim, 3);
    params[1] = NAN;
    const choir_hash bad = choir_hash_params(params, 3);
    check_status(choir_blob_open(&blob, bytes, &bad), CHOIR_EPROTO);
    char text[2 * CHOIR_HASH_BYTES + 1];
    choir_hash_text(&hash, text);
    assert_string_equal(text, "8e628779e6a74ee0b36991c10158f63cafec7d340ad4e075592502c8708524dd");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blobs_are_what_their_hash_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
