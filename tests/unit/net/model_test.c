/* Model: owners, and the list of those that are being fetched. */
#include "support/check.h"

#include "net/model.h"

#include <string.h>

enum { BYTES = 400, ROOM = 1000 };

static ch_model *made(uint8_t name) {
    const choir_env env = choir_env_default();
    uint8_t bytes[BYTES];
    choir_hash hash;
    memset(bytes, name, sizeof(bytes));
    memset(hash.bytes, name, sizeof(hash.bytes));
    ch_model *m = ch_model_create(&hash, (choir_bytes){bytes, sizeof(bytes)}, &env);
    assert_non_null(m);
    return m;
}

static ch_model *find(ch_models *l, uint8_t name) {
    choir_hash hash;
    memset(hash.bytes, name, sizeof(hash.bytes));
    return ch_models_find(l, &hash);
}

static void a_listed_model_is_found_as_long_as_it_has_owners(void **state) {
    (void)state;
    ch_models l;
    ch_models_init(&l, ROOM);
    ch_model *const models[] = {made(1), made(2), made(3)};
    assert_null(find(&l, 1));
    for (int i = 0; i < 3; i++) {
        ch_models_add(&l, models[i]);
    }
    assert_ptr_equal(find(&l, 2), models[1]); // which has two owners now
    ch_model_release(models[1]);
    assert_ptr_equal(find(&l, 2), models[1]);
    ch_model_release(models[1]);
    ch_model_release(models[1]);
    assert_null(find(&l, 2));
    for (int i = 0; i < 3; i += 2) {
        ch_model_release(models[i]);
        assert_null(find(&l, (uint8_t)(i + 1)));
    }
    ch_models_release(&l);
}

static void there_is_room_until_they_come_to_the_most(void **state) {
    (void)state;
    ch_models l;
    ch_models_init(&l, ROOM);
    ch_model *const models[] = {made(1), made(2)};
    ch_models_add(&l, models[0]); // which may come to be packed, too
    assert_true(ch_models_have_room(&l));
    ch_models_add(&l, models[1]);
    assert_false(ch_models_have_room(&l));
    ch_model_pack(models[1]);
    assert_true(models[1]->packed.size > 0);
    ch_model_release(models[1]);
    assert_true(ch_models_have_room(&l));
    ch_model_release(models[0]);
    ch_models_release(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listed_model_is_found_as_long_as_it_has_owners),
        cmocka_unit_test(there_is_room_until_they_come_to_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
