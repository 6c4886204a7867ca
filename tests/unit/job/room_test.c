/* Room: which jobs fit the store, told without having them. */
#include "support/check.h"

#include "job/room.h"

#include <string.h>

enum { STATE_BESIDE = 100, VALUE_MAX = 999000000 };

static choir_status checked(const char *algorithm, uint32_t dim, uint32_t clients, size_t each,
                            choir_error *err) {
    choir_coordinator_options o = choir_coordinator_defaults();
    o.algorithm = algorithm;
    o.dim = dim;
    o.clients = clients;
    return ch_job_room_check(&o, STATE_BESIDE + dim * each, VALUE_MAX, err);
}

static void the_largest_job_that_fits_is_the_one_that_is_told(void **state) {
    (void)state;
    static const struct {
        const char *algorithm;
        size_t each; // bytes of state
    } rows[] = {{"fedavg", 4}, {"fedavgm", 8}, {"fednova", 4}, {"feddyn", 8}};
    const uint32_t most = (VALUE_MAX - 1024 - 5 * 10) / 8;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choir_error err = {.message = ""};
        check_status(checked(rows[i].algorithm, 1, 10, rows[i].each, &err), CHOIR_OK);
        check_status(checked(rows[i].algorithm, most, 10, rows[i].each, &err), CHOIR_OK);
        check_status(checked(rows[i].algorithm, most + 1, 10, rows[i].each, &err), CHOIR_EINVAL);
        assert_string_equal(err.message,
                            "model: 124874866 parameters are more than the 124874865 that this "
                            "job's rounds can be kept of, with 10 clients; a server's store has "
                            "values of at most 999000000 bytes");
    }
}

static void a_second_vector_takes_as_much_again_in_the_sum(void **state) {
    (void)state;
    const uint32_t most = (VALUE_MAX - 1024 - 5 * 10) / 16;
    check_status(checked("scaffold", most, 10, 8, NULL), CHOIR_OK);
    check_status(checked("scaffold", most + 1, 10, 8, NULL), CHOIR_EINVAL);
}

static void what_a_state_has_beside_its_parameters_takes_room_too(void **state) {
    (void)state;
    choir_coordinator_options o = choir_coordinator_defaults();
    choir_error err = {.message = ""};
    o.dim = 1000;
    o.clients = 10;
    check_status(ch_job_room_check(&o, VALUE_MAX, VALUE_MAX, &err), CHOIR_OK);
    check_status(ch_job_room_check(&o, VALUE_MAX + 1, VALUE_MAX, &err), CHOIR_EINVAL);
    check_status(ch_job_room_check(&o, (size_t)2 * VALUE_MAX, VALUE_MAX, &err), CHOIR_EINVAL);
    assert_non_null(strstr(err.message, "than the 0 that"));
}

static void so_do_clients(void **state) {
    (void)state;
    choir_error err = {.message = ""};
    check_status(checked("fedavg", 1000, 199000000, 4, &err), CHOIR_OK);
    check_status(checked("fedavg", 1000, 200000000, 4, &err), CHOIR_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_job_that_fits_is_the_one_that_is_told),
        cmocka_unit_test(a_second_vector_takes_as_much_again_in_the_sum),
        cmocka_unit_test(what_a_state_has_beside_its_parameters_takes_room_too),
        cmocka_unit_test(so_do_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
