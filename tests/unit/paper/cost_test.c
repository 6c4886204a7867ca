/* Cost: what rounds of other shapes take, how many are to come, how many cells at once. */
#include "support/check.h"

#include "paper/cost.h"
#include "paper/measure.h"

#include <math.h>

static void a_round_takes_the_time_of_its_clients_epochs_and_evaluation(void **state) {
    (void)state;
    const ch_cost_sample one = {{1, 1, 2, 1}, 0.2, 0.1}; // a client alone keeps one worker busy
    const ch_cost_shape ten = {10, 1, 2, 1};
    check_near(ch_cost_round(&one, &ten), 10 * 0.2 / 2 + 0.1, 1e-12);
    const ch_cost_shape epochs = {10, 20, 2, 1};
    check_near(ch_cost_round(&one, &epochs), 20 * 10 * 0.2 / 2 + 0.1, 1e-12);
    const ch_cost_shape rarely = {1, 1, 2, 0.1};
    check_near(ch_cost_round(&one, &rarely), 0.2 + 0.01, 1e-12);
    const ch_cost_shape alone = {1, 1, 1, 1}; // a lane of one worker evaluates at half the speed
    check_near(ch_cost_round(&one, &alone), 0.2 + 0.2, 1e-12);
}

static void a_shape_that_was_measured_takes_what_was_measured(void **state) {
    (void)state;
    for (uint32_t clients = 1; clients <= 100; clients += 9) {
        const ch_cost_sample s = {{clients, 5, 4, 1}, 3, 0.5};
        check_near(ch_cost_round(&s, &s.shape), 3.5, 1e-12);
    }
}

static void rounds_to_come_are_those_expected_for_each_rate_up_to_the_limit(void **state) {
    (void)state;
    check_near(ch_cost_rounds(87, 2000, 3), 261, 0);
    check_near(ch_cost_rounds(4278, 2000, 3), 6000, 0);
    check_near(ch_cost_rounds(NAN, 100, 2), 200, 0);
    check_near(ch_cost_rounds(INFINITY, 100, 2), 200, 0);
    check_near(ch_cost_rounds(87, 2000, 0), 0, 0);
}

static void the_ratio_is_the_middle_one_and_1_when_nothing_is_known(void **state) {
    (void)state;
    double ratios[] = {0.9, 0.1, 0.3, 5.0};
    check_near(ch_cost_ratio(ratios, 0), 1, 0);
    check_near(ch_cost_ratio(ratios, 1), 0.9, 0);
    check_near(ch_cost_ratio(ratios, 3), 0.3, 0);
    check_near(ch_cost_ratio(ratios, 4), 0.6, 1e-12);
}

static void cells_are_measured_side_by_side_while_their_clients_leave_workers_idle(void **state) {
    (void)state;
    assert_int_equal(ch_cost_lanes(1, 2, 5), 2);
    assert_int_equal(ch_cost_lanes(1, 8, 5), 5);
    assert_int_equal(ch_cost_lanes(10, 64, 20), 6);
    assert_int_equal(ch_cost_lanes(10, 2, 5), 1);
    assert_int_equal(ch_cost_lanes(1, 2, 1), 1);
    assert_int_equal(ch_cost_lanes(100, 1, 0), 1);
}

static void a_job_that_takes_all_clients_of_its_data_leaves_no_worker_idle(void **state) {
    (void)state;
    choir_job job = choir_job_defaults();
    job.sample_rate = 0.1;
    job.data.clients = 100;
    assert_int_equal(ch_measure_clients(&job), 10);
    job.sample_rate = 0.001;
    assert_int_equal(ch_measure_clients(&job), 1);
    job.data.clients = 0; // as many as the data have, which is not known here
    assert_int_equal(ch_cost_lanes(ch_measure_clients(&job), 64, 5), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_takes_the_time_of_its_clients_epochs_and_evaluation),
        cmocka_unit_test(a_shape_that_was_measured_takes_what_was_measured),
        cmocka_unit_test(rounds_to_come_are_those_expected_for_each_rate_up_to_the_limit),
        cmocka_unit_test(the_ratio_is_the_middle_one_and_1_when_nothing_is_known),
        cmocka_unit_test(cells_are_measured_side_by_side_while_their_clients_leave_workers_idle),
        cmocka_unit_test(a_job_that_takes_all_clients_of_its_data_leaves_no_worker_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
