/* Device: what it says that it will need, it needs, for every model of the zoo that
 * reads pictures. */
#include "support/check_ok.h"
#include "support/folder.h"
#include "support/measured_training.h"

enum { ROWS = 20, BATCH = 10, SLACK = 1024 };

static char folder[FOLDER_PATH_MAX];

static void memory_is_known_before_it_is_claimed(void **state) {
    (void)state;
    for (uint32_t row = 0; row < CH_ZOO_COUNT; row++) {
        measured_training m;
        if (CH_ZOO[row].tokens > 0) {
            continue; // a device's store has no text
        }
        check_ok(measured_train(&m, &CH_ZOO[row], folder, ROWS, BATCH, &err));
        if (m.peak > m.stated || m.stated - m.peak > SLACK) {
            fail_msg("%s: took %zu bytes, said %zu", CH_ZOO[row].name, m.peak, m.stated);
        }
        assert_int_equal(m.rests, 0);
        assert_true(m.predictor > m.dim * sizeof(float));
        assert_true(m.predictor < m.peak);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_known_before_it_is_claimed),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failed;
}
