/* Clients: written and read back, and everything a file can have wrong. */
#include "support/check.h"

#include "report/clients.h"
#include "support/folder.h"

#include <string.h>

static char folder[FOLDER_PATH_MAX];

static void three_clients(ch_clients *c, const choir_env *env) {
    check_status(ch_clients_create(c, 3, 2, env), CHOIR_OK);
    c->total = 1000000;
    for (size_t i = 0; i < 3; i++) {
        const uint32_t n = (uint32_t)i;
        c->clients[i].id = 333333 * n;
        c->clients[i].examples = 10 * n;
        c->clients[i].heldout = n;
        c->labels[2 * i] = 4 * n;
        c->labels[2 * i + 1] = 6 * n;
    }
    ch_clients_name(c, 0, "caf\u00e9 \"noir\"");
    c->clients[1].accuracy = 1.0 / 3.0;
    c->clients[2].accuracy = 1;
    c->clients[2].alone = 0;
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_clients c;
    ch_clients d;
    three_clients(&c, &env);
    check_status(ch_clients_read(&d, folder, &env, NULL), CHOIR_EAGAIN);
    check_status(ch_clients_write(&c, folder, NULL), CHOIR_OK);
    check_status(ch_clients_read(&d, folder, &env, NULL), CHOIR_OK);
    assert_int_equal(d.total, c.total);
    assert_int_equal(d.classes, c.classes);
    assert_int_equal(d.count, c.count);
    for (uint32_t i = 0; i < c.count; i++) {
        const ch_client_facts *a = &c.clients[i];
        const ch_client_facts *b = &d.clients[i];
        assert_true(a->id == b->id && a->examples == b->examples && a->heldout == b->heldout);
        assert_true(a->accuracy == b->accuracy || (isnan(a->accuracy) && isnan(b->accuracy)));
        assert_true(a->alone == b->alone || (isnan(a->alone) && isnan(b->alone)));
    }
    assert_memory_equal(c.labels, d.labels, 6 * sizeof(uint32_t));
    assert_string_equal(d.names[0], "caf\u00e9 \"noir\"");
    assert_string_equal(d.names[1], "");
    ch_clients_release(&c);
    ch_clients_release(&d);
    ch_clients_release(&d);
}

static void too_many_are_refused(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_clients c;
    check_status(ch_clients_create(&c, CH_CLIENTS_MAX + 1, 2, &env), CHOIR_EINVAL);
    check_status(ch_clients_create(&c, 1, CH_CLIENTS_CLASSES_MAX + 1, &env), CHOIR_EINVAL);
    check_status(ch_clients_create(&c, CH_CLIENTS_MAX, CH_CLIENTS_CLASSES_MAX, &env), CHOIR_OK);
    ch_clients_release(&c);
}

static void labels_are_called_by_their_names_or_else_by_their_numbers(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_clients c;
    char room[CH_CLIENTS_NUMBER_MAX];
    check_status(ch_clients_create(&c, 1, 2, &env), CHOIR_OK);
    assert_string_equal(ch_clients_label(&c, 0, room), "0");
    ch_clients_name(&c, 0, "cat");
    assert_string_equal(ch_clients_label(&c, 0, room), "cat");
    assert_string_equal(ch_clients_label(&c, 1, room), "1");
    assert_string_equal(ch_clients_label(&c, UINT32_MAX, room), "4294967295");
    ch_clients_release(&c);
    assert_string_equal(ch_clients_label(&c, 0, room), "0"); // of a run that describes no client
}

static void names_are_cut_between_characters(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_clients c;
    check_status(ch_clients_create(&c, 1, 1, &env), CHOIR_OK);
    char text[CH_CLIENTS_NAME_MAX + 4];
    memset(text, 'x', sizeof(text));
    memcpy(text + CH_CLIENTS_NAME_MAX - 2, "\u00e9", 3); // of whose two bytes one has room
    ch_clients_name(&c, 0, text);
    assert_int_equal(strlen(c.names[0]), CH_CLIENTS_NAME_MAX - 2);
    memcpy(text + CH_CLIENTS_NAME_MAX - 3, "\u00e9", 3);
    ch_clients_name(&c, 0, text);
    assert_int_equal(strlen(c.names[0]), CH_CLIENTS_NAME_MAX - 1);
    assert_memory_equal(c.names[0], text, CH_CLIENTS_NAME_MAX);
    ch_clients_release(&c);
}

static void a_file_without_names_has_none(void **state) {
    (void)state;
    static const char text[] = "{\"total\": 1, \"classes\": 2, \"clients\": []}";
    const choir_env env = choir_env_default();
    const choir_bytes bytes = {.data = (const uint8_t *)text, .size = strlen(text)};
    ch_clients c;
    check_status(ch_clients_parse(&c, bytes, "f", &env, NULL), CHOIR_OK);
    assert_string_equal(c.names[0], "");
    check_status(ch_clients_write(&c, folder, NULL), CHOIR_OK);
    ch_clients_release(&c);
    char written[256];
    (void)folder_get(folder_file(folder, CH_CLIENTS_FILE), written, sizeof(written));
    assert_null(strstr(written, "names"));
    folder_remove(folder_file(folder, CH_CLIENTS_FILE));
}

static void what_is_wrong_is_said(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "f:1: is not JSON: '[' or '{' expected near end of file"},
        {"[]", "f: must have total, classes and clients"},
        {"{\"total\": -1, \"classes\": 2, \"clients\": []}",
         "f: must have total, classes and clients"},
        {"{\"total\": 1, \"classes\": 2.5, \"clients\": []}",
         "f: must have total, classes and clients"},
        {"{\"total\": 1, \"classes\": 257, \"clients\": []}",
         "f: describes 0 of 1 client with 257 classes; at most 512 clients and 256 classes are "
         "allowed"},
        {"{\"total\": 0, \"classes\": 2, \"clients\": [{}]}",
         "f: describes 1 of 0 clients with 2 classes; at most 512 clients and 256 classes are "
         "allowed"},
        {"{\"total\": 1, \"classes\": 2, \"names\": [\"a\"], \"clients\": []}",
         "f: must have a printable name for each of its 2 classes, or no names"},
        {"{\"total\": 1, \"classes\": 1, \"names\": [\"a\", \"b\"], \"clients\": []}",
         "f: must have a printable name for each of its 1 classes, or no names"},
        {"{\"total\": 1, \"classes\": 1, \"names\": [\"\\u001b\"], \"clients\": []}",
         "f: must have a printable name for each of its 1 classes, or no names"},
        {"{\"total\": 1, \"classes\": 1, \"names\": 7, \"clients\": []}",
         "f: must have a printable name for each of its 1 classes, or no names"},
        {"{\"total\": 1, \"classes\": 2, \"clients\": [7]}",
         "f: client number 1 of the list must have id, examples and heldout, each a whole number"},
        {"{\"total\": 1, \"classes\": 0, \"clients\": [{\"id\": 0, \"examples\": 1, \"heldout\": "
         "0, \"accuracy\": 1.5, \"labels\": []}]}",
         "f: client number 1 of the list must have accuracy and alone in [0, 1], or null"},
        {"{\"total\": 1, \"classes\": 2, \"clients\": [{\"id\": 0, \"examples\": 1, \"heldout\": "
         "0, \"labels\": [1]}]}",
         "f: client number 1 of the list must have as many labels as there are classes"},
        {"{\"total\": 1, \"classes\": 1, \"clients\": [{\"id\": 0, \"examples\": 1, \"heldout\": "
         "0, \"labels\": [4294967296]}]}",
         "f: client number 1 of the list must have labels that are whole numbers"},
    };
    const choir_env env = choir_env_default();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ch_clients c;
        choir_error err = {.message = ""};
        const choir_bytes bytes = {.data = (const uint8_t *)rows[i].text,
                                   .size = strlen(rows[i].text)};
        check_status(ch_clients_parse(&c, bytes, "f", &env, &err), CHOIR_EPROTO);
        assert_string_equal(err.message, rows[i].message);
        assert_null(c.clients);
    }
}

static void flip(char *bytes, size_t bit) {
    uint8_t *at = (uint8_t *)bytes + bit / 8;
    *at = (uint8_t)(*at ^ 1U << bit % 8);
}

static void every_prefix_and_every_flipped_bit_is_survived(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    ch_clients c;
    three_clients(&c, &env);
    check_status(ch_clients_write(&c, folder, NULL), CHOIR_OK);
    ch_clients_release(&c);
    char text[4096];
    const size_t size = folder_get(folder_file(folder, CH_CLIENTS_FILE), text, sizeof(text));
    for (size_t n = 0; n + 2 < size; n++) { // all but the last brace and newline
        const choir_bytes bytes = {.data = (const uint8_t *)text, .size = n};
        check_status(ch_clients_parse(&c, bytes, "f", &env, NULL), CHOIR_EPROTO);
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        flip(text, bit);
        const choir_bytes bytes = {.data = (const uint8_t *)text, .size = size};
        const choir_status status = ch_clients_parse(&c, bytes, "f", &env, NULL);
        assert_true(status == CHOIR_OK || status == CHOIR_EPROTO);
        ch_clients_release(&c);
        flip(text, bit);
    }
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    const choir_env real = choir_env_default();
    ch_clients c;
    three_clients(&c, &real);
    check_status(ch_clients_write(&c, folder, NULL), CHOIR_OK);
    ch_clients_release(&c);
    failing_memory m = {.tries = 0};
    while (failing_memory_next(&m)) {
        m.status = ch_clients_read(&c, folder, &m.env, NULL);
        if (m.status == CHOIR_OK) {
            m.status = ch_clients_write(&c, folder, NULL);
        }
        ch_clients_release(&c);
    }
    assert_int_equal(m.tries, 3 + 1); // file, clients, text, and the success
}

static int remove_folder(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void) {
    folder_make(folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(labels_are_called_by_their_names_or_else_by_their_numbers),
        cmocka_unit_test(names_are_cut_between_characters),
        cmocka_unit_test(a_file_without_names_has_none),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(every_prefix_and_every_flipped_bit_is_survived),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
