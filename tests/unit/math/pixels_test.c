/* Pixels: every byte, at every length and address, is its multiple of 1/255 and nothing else is
 * touched. */
#include "support/check.h"

#include "math/pixels.h"

enum { BYTES = 256, GUARD = 1 };

static void every_byte_is_scaled_at_any_length_and_address(void **state) {
    (void)state;
    uint8_t bytes[BYTES];
    float x[BYTES + GUARD];
    for (uint32_t i = 0; i < BYTES; i++) {
        bytes[i] = (uint8_t)i;
    }
    for (uint32_t first = 0; first < 9; first++) {
        for (uint32_t count = 0; count <= BYTES - first; count++) {
            x[first + count] = -1.0F;
            ch_pixels_scale(x + first, bytes + first, count);
            for (uint32_t i = first; i < first + count; i++) {
                assert_true(x[i] == (float)i * (1.0F / 255.0F));
            }
            assert_true(x[first + count] == -1.0F);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_scaled_at_any_length_and_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
