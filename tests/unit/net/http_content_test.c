/* HTTP content: what a request is given of it, row by row as the RFC has it. */
#include "support/check.h"

#include "net/http_content.h"

static const uint8_t BYTES[10] = "0123456789";
static const uint8_t PACKED[4] = "zzzz";

static ch_http_content content(bool is_packed) {
    return (ch_http_content){.bytes = {BYTES, 10},
                             .packed = {is_packed ? PACKED : NULL, is_packed ? 4 : 0},
                             .type = "text/plain",
                             .etag = "abc"};
}

static void a_range_is_served_as_the_rfc_has_it(void **state) {
    (void)state;
    static const struct {
        const char *range;
        unsigned code;
        size_t from, size;
    } rows[] = {
        {NULL, 200, 0, 10},
        {"bytes=0-0", 206, 0, 1},
        {"bytes=2-5", 206, 2, 4},
        {"BYTES= 2-5 ", 206, 2, 4},
        {"bytes=2-", 206, 2, 8},
        {"bytes=9-9", 206, 9, 1},
        {"bytes=5-99999999999999999999999999", 206, 5, 5},
        {"bytes=-3", 206, 7, 3},
        {"bytes=-99999999999999999999999999", 206, 0, 10},
        {"bytes=10-", 416, 0, 0},
        {"bytes=99999999999999999999999999-", 416, 0, 0},
        {"bytes=-0", 416, 0, 0},
        {"bytes=5-4", 200, 0, 10},
        {"bytes=1-2,4-5", 200, 0, 10},
        {"bytes=-", 200, 0, 10},
        {"bytes=", 200, 0, 10},
        {"bytes=a-b", 200, 0, 10},
        {"bytes=1", 200, 0, 10},
        {"bytes=--1", 200, 0, 10},
        {"chunks=1-2", 200, 0, 10},
        {"", 200, 0, 10},
    };
    const ch_http_content c = content(false);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ch_http_wishes wishes = {.method = "GET", .range = rows[i].range};
        const ch_http_choice choice = ch_http_choose(&c, &wishes);
        assert_int_equal(choice.code, rows[i].code);
        assert_int_equal(choice.from, rows[i].from);
        assert_int_equal(choice.size, rows[i].size);
        assert_string_equal(choice.etag, "\"abc\"");
    }
}

static void nothing_has_no_range(void **state) {
    (void)state;
    const ch_http_content c = {.type = "text/plain", .etag = "abc"};
    const ch_http_wishes from_start = {.method = "GET", .range = "bytes=0-"};
    assert_int_equal(ch_http_choose(&c, &from_start).code, 416);
    const ch_http_wishes all = {.method = "GET"};
    assert_int_equal(ch_http_choose(&c, &all).code, 200);
}

static void only_get_has_ranges_and_a_changed_etag_ends_them(void **state) {
    (void)state;
    static const struct {
        const char *method, *if_range;
        unsigned code;
    } rows[] = {
        {"GET", "\"abc\"", 206},   {"GET", "\"abd\"", 200},
        {"GET", "W/\"abc\"", 200}, {"GET", "Wed, 21 Oct 2015 07:28:00 GMT", 200},
        {"HEAD", NULL, 200},
    };
    const ch_http_content c = content(false);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ch_http_wishes wishes = {
            .method = rows[i].method, .if_range = rows[i].if_range, .range = "bytes=2-5"};
        assert_int_equal(ch_http_choose(&c, &wishes).code, rows[i].code);
    }
}

static void who_has_it_is_told_so(void **state) {
    (void)state;
    static const struct {
        const char *if_none_match;
        unsigned code;
    } rows[] = {
        {"\"abc\"", 304},
        {"W/\"abc\"", 304},
        {"*", 304},
        {"\"x\", \"abc\"", 304},
        {"\"x\" , W/\"y\",\t\"abc\"", 304},
        {"\"x,\\\", \"abc\"", 304},
        {"\"ab\"", 200},
        {"\"abcd\"", 200},
        {"\"abc-zstd\"", 200},
        {"abc", 200},
        {"\"abc", 200},
        {"\"x", 200},
        {"W/", 200},
        {"", 200},
    };
    const ch_http_content c = content(true);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ch_http_wishes wishes = {
            .method = "GET", .if_none_match = rows[i].if_none_match, .range = "bytes=1-"};
        const unsigned code = ch_http_choose(&c, &wishes).code;
        assert_int_equal(code, rows[i].code == 304 ? 304 : 206);
    }
}

static void packed_is_for_who_accepts_it_by_name(void **state) {
    (void)state;
    static const struct {
        const char *accept;
        bool is_packed;
    } rows[] = {
        {"zstd", true},
        {"gzip, ZSTD;q=0.5", true},
        {"gzip;q=1.0,zstd ; q=0.001", true},
        {"br , zstd\t, gzip", true},
        {"zstd;q=1", true},
        {"zstd;q=0", false},
        {"zstd; q=0.000", false},
        {"gzip", false},
        {"zstdx", false},
        {"xzstd", false},
        {"*", false},
        {",;,", false},
        {"", false},
        {NULL, false},
    };
    const ch_http_content c = content(true);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ch_http_wishes wishes = {.method = "GET", .accept_encoding = rows[i].accept};
        const ch_http_choice choice = ch_http_choose(&c, &wishes);
        assert_int_equal(choice.is_packed, rows[i].is_packed);
        assert_int_equal(choice.size, rows[i].is_packed ? 4 : 10);
        assert_string_equal(choice.etag, rows[i].is_packed ? "\"abc-zstd\"" : "\"abc\"");
    }
    const ch_http_content plain = content(false);
    const ch_http_wishes wishes = {.method = "GET", .accept_encoding = "zstd"};
    assert_false(ch_http_choose(&plain, &wishes).is_packed);
}

static void each_representation_has_its_own_tag_and_ranges(void **state) {
    (void)state;
    const ch_http_content c = content(true);
    const ch_http_wishes part = {.method = "GET",
                                 .accept_encoding = "zstd",
                                 .if_range = "\"abc-zstd\"",
                                 .range = "bytes=3-7"};
    const ch_http_choice choice = ch_http_choose(&c, &part);
    assert_int_equal(choice.code, 206);
    assert_int_equal(choice.from, 3);
    assert_int_equal(choice.size, 1);
    const ch_http_wishes other = {
        .method = "GET", .accept_encoding = "zstd", .if_none_match = "\"abc\""};
    assert_int_equal(ch_http_choose(&c, &other).code, 200);
}

static void a_part_is_read_or_refused_as_a_whole(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_right;
        size_t from, size, total;
    } rows[] = {
        {"bytes 0-0/1", true, 0, 1, 1},
        {"BYTES 0-1048575/6650000", true, 0, 1048576, 6650000},
        {"bytes 5-9/10", true, 5, 5, 10},
        {"bytes 007-9/0010", true, 7, 3, 10},
        {"bytes 18446744073709551613-18446744073709551613/18446744073709551614", true,
         18446744073709551613U, 1, 18446744073709551614U},
        {NULL, false, 0, 0, 0},
        {"", false, 0, 0, 0},
        {"bytes", false, 0, 0, 0},
        {"bytes ", false, 0, 0, 0},
        {"bytes=0-9/10", false, 0, 0, 0},
        {"octets 0-9/10", false, 0, 0, 0},
        {"bytes  0-9/10", false, 0, 0, 0},
        {"bytes 0-9/10 ", false, 0, 0, 0},
        {"bytes 0-9", false, 0, 0, 0},
        {"bytes 0-9/", false, 0, 0, 0},
        {"bytes 0-9/*", false, 0, 0, 0},
        {"bytes */10", false, 0, 0, 0},
        {"bytes 0-10/10", false, 0, 0, 0},
        {"bytes 9-8/10", false, 0, 0, 0},
        {"bytes -9/10", false, 0, 0, 0},
        {"bytes 0-/10", false, 0, 0, 0},
        {"bytes +0-9/10", false, 0, 0, 0},
        {"bytes 0-9/10,bytes 0-9/10", false, 0, 0, 0},
        {"bytes 0-9/18446744073709551615", false, 0, 0, 0},
        {"bytes 0-9/99999999999999999999999", false, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_http_part part = {.from = 0};
        assert_int_equal(ch_http_part_read(&part, rows[i].text), rows[i].is_right);
        assert_true(part.from == rows[i].from);
        assert_true(part.size == rows[i].size);
        assert_true(part.total == rows[i].total);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_served_as_the_rfc_has_it),
        cmocka_unit_test(nothing_has_no_range),
        cmocka_unit_test(only_get_has_ranges_and_a_changed_etag_ends_them),
        cmocka_unit_test(who_has_it_is_told_so),
        cmocka_unit_test(packed_is_for_who_accepts_it_by_name),
        cmocka_unit_test(each_representation_has_its_own_tag_and_ranges),
        cmocka_unit_test(a_part_is_read_or_refused_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
