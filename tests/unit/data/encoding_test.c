/* Encoding: its text says all of it, and nothing that is not one is believed. */
#include "support/check.h"

#include "data/dataset.h"
#include "data/encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char WHOLE[] =
    "{\"width\":5,\"columns\":["
    "{\"name\":\"age\",\"column\":1,\"mean\":38.100000000000001,\"scale\":0.070000000000000007},"
    "{\"name\":\"a \\\"b\\\"\",\"column\":2,\"values\":[\"\xc3\xa9\",{\"hex\":\"ff0a\"}]},"
    "{\"name\":{\"hex\":\"09\"},\"column\":4,\"values\":[]}],"
    "\"label\":{\"name\":\"\",\"column\":5,\"values\":[\"2\",\"10\"]}}";

static choir_status parse(ch_encoding *out, const char *text, choir_error *err) {
    const choir_env env = choir_env_default();
    return ch_encoding_parse(out, text, "m", &env, err);
}

static ch_cell cell_of(const char *text) {
    return (ch_cell){.data = text, .size = (uint32_t)strlen(text)};
}

static void a_text_is_read_as_what_it_says(void **state) {
    (void)state;
    ch_encoding e;
    check_status(parse(&e, WHOLE, NULL), CHOIR_OK);
    const ch_cell quoted = cell_of("a \"b\"");
    const ch_cell bytes = cell_of("\xff\n");
    assert_int_equal(e.width, 5);
    assert_int_equal(e.count, 3);
    assert_int_equal(e.features, 3);
    assert_true(e.columns[0].mean == 38.1 && e.columns[0].scale == 0.07);
    assert_int_equal(ch_cell_compare(&e.columns[1].name, &quoted), 0);
    assert_int_equal(ch_cell_compare(&e.columns[1].values[1], &bytes), 0);
    assert_int_equal(e.columns[1].first, 1);
    assert_int_equal(e.columns[2].place, 3);
    assert_true(e.columns[2].has_values);
    assert_int_equal(e.label.count, 2);
    assert_ptr_equal(ch_encoding_classes(e.label.values, e.label.count), &CH_CELLS_AS_NUMBERS);
    ch_encoding_release(&e);
    ch_encoding_release(&e);
}

static void what_was_read_is_written_again(void **state) {
    (void)state;
    static const char *const texts[] = {
        WHOLE,
        "{\"width\":2,\"columns\":[{\"column\":2,\"mean\":-1e+30,\"scale\":0}],\"label\":{"
        "\"column\":1}}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ch_encoding e;
        ch_encoding again;
        char first[1024];
        char second[1024];
        check_status(parse(&e, texts[i], NULL), CHOIR_OK);
        assert_true(ch_encoding_write(first, sizeof(first), &e) == strlen(first));
        check_status(parse(&again, first, NULL), CHOIR_OK);
        assert_true(ch_encoding_write(second, sizeof(second), &again) == strlen(second));
        assert_string_equal(first, second);
        assert_true(e.columns[0].mean == again.columns[0].mean);
        ch_encoding_release(&e);
        ch_encoding_release(&again);
    }
}

static void a_text_is_cut_to_the_room_it_has(void **state) {
    (void)state;
    ch_encoding e;
    char whole[1024];
    check_status(parse(&e, WHOLE, NULL), CHOIR_OK);
    const size_t size = ch_encoding_write(whole, sizeof(whole), &e);
    for (size_t room = 1; room <= size; room++) {
        char *cut = malloc(room); // so that a byte too many is found
        assert_true(ch_encoding_write(cut, room, &e) == size);
        assert_int_equal(strlen(cut), room - 1);
        assert_memory_equal(cut, whole, room - 1);
        free(cut);
    }
    ch_encoding_release(&e);
}

#define LABEL "\"label\":{\"column\":1}}"

static const struct {
    const char *text;
    const char *why;
} REFUSED[] = {
    {"", "is not a JSON object"},
    {"[]", "is not a JSON object"},
    {"{\"width\":2,", "is not a JSON object"},
    {"{}", "has no width from 1 to 4096, no list of at most as many columns, or no label"},
    {"{\"width\":4097,\"columns\":[]," LABEL,
     "has no width from 1 to 4096, no list of at most as many columns, or no label"},
    {"{\"width\":2.0,\"columns\":[]," LABEL,
     "has no width from 1 to 4096, no list of at most as many columns, or no label"},
    {"{\"width\":2,\"columns\":{}," LABEL,
     "has no width from 1 to 4096, no list of at most as many columns, or no label"},
    {"{\"width\":2,\"columns\":[]," LABEL, "makes 0 inputs; right are 1 to 1048576"},
    {"{\"width\":2,\"columns\":[7]," LABEL,
     "has a column whose number is none from 1 to its width, 2"},
    {"{\"width\":2,\"columns\":[{\"column\":3,\"mean\":0,\"scale\":1}]," LABEL,
     "has a column whose number is none from 1 to its width, 2"},
    {"{\"width\":2,\"columns\":[{\"column\":\"2\",\"mean\":0,\"scale\":1}]," LABEL,
     "has a column whose number is none from 1 to its width, 2"},
    {"{\"width\":2,\"columns\":[{\"column\":1,\"mean\":0,\"scale\":1}]," LABEL,
     "has column 1 as an input and as the label"},
    {"{\"width\":3,\"columns\":[{\"column\":3,\"mean\":0,\"scale\":1},{\"column\":2,\"mean\":0,"
     "\"scale\":1}]," LABEL,
     "has column 2 behind column 3; columns ascend"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"mean\":0}]," LABEL,
     "has for column 2 neither values nor a mean between -1e30 and 1e30 and a scale of at "
     "least 0"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"mean\":2e30,\"scale\":1}]," LABEL,
     "has for column 2 neither values nor a mean between -1e30 and 1e30 and a scale of at "
     "least 0"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"mean\":0,\"scale\":-1}]," LABEL,
     "has for column 2 neither values nor a mean between -1e30 and 1e30 and a scale of at "
     "least 0"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"mean\":\"0\",\"scale\":1}]," LABEL,
     "has for column 2 neither values nor a mean between -1e30 and 1e30 and a scale of at "
     "least 0"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"values\":\"a\"}]," LABEL,
     "has values that are no list, or more than 1024 of a column or 65536 labels"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"values\":[\"b\",\"a\"]}]," LABEL,
     "has values 1 and 2 of column 2 not in ascending order"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"values\":[\"a\",\"a\"]}]," LABEL,
     "has values 1 and 2 of column 2 not in ascending order"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"values\":[\"a\",7]}]," LABEL,
     "has for value 2 of column 2 no text of 1 to 4096 bytes that is not \"?\", which stands "
     "for a missing one"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"values\":[\"?\"]}]," LABEL,
     "has for value 1 of column 2 no text of 1 to 4096 bytes that is not \"?\", which stands "
     "for a missing one"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"values\":[{\"hex\":\"fff\"}]}]," LABEL,
     "has for value 1 of column 2 no text of 1 to 4096 bytes that is not \"?\", which stands "
     "for a missing one"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"values\":[{\"hex\":\"00\"}]}]," LABEL,
     "has for value 1 of column 2 no text of 1 to 4096 bytes that is not \"?\", which stands "
     "for a missing one"},
    {"{\"width\":2,\"columns\":[{\"name\":\"x\",\"column\":2,\"mean\":0,\"scale\":1}]," LABEL,
     "has a name for some columns, and none for column 2; all have one or none"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"mean\":0,\"scale\":1}],\"label\":{\"column\":1,"
     "\"name\":[]}}",
     "has a name for some columns, and none for column 2; all have one or none"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"mean\":0,\"scale\":1}],\"label\":{\"column\":1,"
     "\"values\":[]}}",
     "has no value for the label, which has at least one"},
    {"{\"width\":2,\"columns\":[{\"column\":2,\"mean\":0,\"scale\":1}],\"label\":{\"column\":1,"
     "\"values\":[\"1\",\"1.0\"]}}",
     "has values 1 and 2 of column 1 not in ascending order"},
};

static void a_text_that_is_no_encoding_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
        ch_encoding e;
        choir_error err = {.message = ""};
        char message[512];
        check_status(parse(&e, REFUSED[i].text, &err), CHOIR_EPROTO);
        (void)snprintf(message, sizeof(message), "m: its encoding (choir.encoding) %s",
                       REFUSED[i].why);
        assert_string_equal(err.message, message);
        assert_int_equal(e.width, 0);
    }
}

static void more_values_or_bytes_than_any_file_has_are_refused(void **state) {
    (void)state;
    char *text = malloc(CH_ENCODING_TEXT_MAX + 1);
    ch_encoding e;
    choir_error err = {.message = ""};
    size_t size = (size_t)snprintf(text, CH_ENCODING_TEXT_MAX,
                                   "{\"width\":2,\"columns\":[{\"column\":2,\"values\":[");
    for (int i = 0; i <= CH_CATEGORIES_MAX; i++) {
        size += (size_t)snprintf(text + size, CH_ENCODING_TEXT_MAX - size, "%s\"%05d\"",
                                 i == 0 ? "" : ",", i);
    }
    (void)snprintf(text + size, CH_ENCODING_TEXT_MAX - size, "]}]," LABEL);
    check_status(parse(&e, text, &err), CHOIR_EPROTO);
    assert_non_null(strstr(err.message, "more than 1024 of a column"));
    memset(text, ' ', CH_ENCODING_TEXT_MAX);
    text[CH_ENCODING_TEXT_MAX] = '\0';
    check_status(parse(&e, text, &err), CHOIR_EPROTO);
    assert_string_equal(err.message, "m: its encoding (choir.encoding) has 4194304 bytes; at most "
                                     "4194303 are read");
    free(text);
}

static void every_prefix_ends_in_an_answer(void **state) {
    (void)state;
    for (size_t size = 0; size < strlen(WHOLE); size++) {
        char text[sizeof(WHOLE)];
        ch_encoding e;
        memcpy(text, WHOLE, size);
        text[size] = '\0';
        check_status(parse(&e, text, NULL), CHOIR_EPROTO);
    }
}

static void no_memory_is_told(void **state) {
    (void)state;
    counted_memory memory;
    const choir_env env = counted_env(&memory, 0);
    ch_encoding e;
    choir_error err = {.message = ""};
    check_status(ch_encoding_parse(&e, WHOLE, "m", &env, &err), CHOIR_ENOMEM);
    assert_string_equal(err.message, "m: no memory for its encoding");
    assert_int_equal(memory.alive, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_read_as_what_it_says),
        cmocka_unit_test(what_was_read_is_written_again),
        cmocka_unit_test(a_text_is_cut_to_the_room_it_has),
        cmocka_unit_test(a_text_that_is_no_encoding_is_refused),
        cmocka_unit_test(more_values_or_bytes_than_any_file_has_are_refused),
        cmocka_unit_test(every_prefix_ends_in_an_answer),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
