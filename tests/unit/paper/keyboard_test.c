/* Keyboard: what is printed of it. What is trained and judged: tests/cli/keyboard_test.py. */
#include "support/check.h"

#include "paper/keyboard.h"

static void senders_are_counted_in_the_singular_when_there_is_one(void **state) {
    (void)state;
    static const char *const lines[] = {
        "", "1 sender, 1 of them with held-out words: 8, 25.00 % of which the vocabulary lacks\n",
        "2 senders, 2 of them with held-out words: 8, 25.00 % of which the vocabulary lacks\n"};
    for (uint32_t senders = 1; senders <= 2; senders++) {
        static ch_keyboard k; // too large for a stack
        char line[128];
        k = (ch_keyboard){.senders = senders, .judged = senders, .unknown = 2};
        for (ch_keyboard_who who = 0; who < CH_KEYBOARD_COUNT; who++) {
            k.rows[who].name = "a row";
            k.rows[who].total.words = 8;
        }
        FILE *file = tmpfile();
        assert_non_null(file);
        ch_keyboard_print(file, &k);
        rewind(file);
        assert_non_null(fgets(line, sizeof(line), file));
        assert_string_equal(line, lines[senders]);
        assert_int_equal(fclose(file), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(senders_are_counted_in_the_singular_when_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
