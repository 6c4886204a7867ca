/* Overviews: what is printed and drawn adds up, escapes names, and survives a lack of memory. */
#include "support/check.h"

#include "data/overview.h"

#include <stdlib.h>
#include <string.h>

static choir_job_data options_of(const char *source, uint32_t clients) {
    choir_job_data o = {
        .partition = "natural", .clients = clients, .examples = 10, .test_examples = 5};
    (void)strncpy(o.source, source, sizeof(o.source) - 1);
    return o;
}

/* What a printer wrote to a file, as text. Owned. */
static char *text_of(FILE *file) {
    const long size = ftell(file);
    assert_true(size >= 0);
    char *text = calloc((size_t)size + 1, 1);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    (void)fclose(file);
    return text;
}

static void names_cannot_break_the_picture(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const choir_job_data o = options_of("synthetic", 2);
    ch_federation *f;
    check_status(ch_federation_open(&f, &o, 1, &env, NULL), CHOIR_OK);
    FILE *file = tmpfile();
    assert_non_null(file);
    check_status(ch_overview_draw(file, f, "a<b>&\x1b\xff", &env, NULL), CHOIR_OK);
    char *text = text_of(file);
    assert_non_null(strstr(text, ">a&lt;b>&amp;??: the first 2 of 2 clients</text>"));
    free(text);
    ch_federation_destroy(f);
}

static void every_failed_allocation_is_reported(void **state) {
    (void)state;
    static const uint32_t clients[] = {3, 1000000};
    for (int c = 0; c < 2; c++) {
        const choir_env plain = choir_env_default();
        const choir_job_data o = options_of("synthetic", clients[c]);
        ch_federation *f;
        check_status(ch_federation_open(&f, &o, 1, &plain, NULL), CHOIR_OK);
        choir_status status = CHOIR_ENOMEM;
        for (uint32_t n = 0; status == CHOIR_ENOMEM && n < 50; n++) {
            counted_memory memory;
            const choir_env env = counted_env(&memory, n);
            FILE *file = tmpfile();
            assert_non_null(file);
            status = ch_overview_print(file, f, "x", 3, &env);
            if (status == CHOIR_OK) {
                status = ch_overview_draw(file, f, "x", &env, NULL);
            }
            (void)fclose(file);
            assert_int_equal(memory.alive, 0);
        }
        check_status(status, CHOIR_OK);
        ch_federation_destroy(f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_cannot_break_the_picture),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
