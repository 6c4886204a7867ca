/* Exhibits: whom a run describes, when it cannot describe everybody. */
#include "support/tiny_job.h"

#include "report/samples.h"
#include "run/exhibits.h"

/* A session whose initial model has been evaluated. */
static void session_open(ch_session *s, uint32_t clients, uint32_t evaluated) {
    const choir_env env = choir_env_default();
    choir_job job = tiny_job();
    job.data.clients = clients;
    job.data.examples = 10;
    job.evaluate_clients = evaluated;
    check_status(ch_session_open(s, &job, 2, CH_SESSION_TRAIN, &env, NULL), CHOIR_OK);
    ch_evaluation e;
    check_status(ch_evaluator_run(s->evaluator, s->params, &e, NULL), CHOIR_OK);
}

/* Describes the clients and checks what holds for any roster. Returns how many have accuracies. */
static uint32_t described(ch_clients *c, const ch_session *s) {
    const uint32_t *ids = NULL;
    const double *accuracies = NULL;
    uint32_t known = 0;
    check_status(ch_exhibit_clients(c, s, NULL), CHOIR_OK);
    const uint32_t evaluated = ch_evaluator_clients(s->evaluator, &ids, &accuracies);
    for (uint32_t i = 0; i < c->count; i++) {
        const ch_client_facts *f = &c->clients[i];
        assert_true(i == 0 || f->id > f[-1].id);
        assert_in_range(f->id, 0, c->total - 1);
        assert_true(isnan(f->alone));
        uint32_t at = 0;
        while (at < evaluated && ids[at] != f->id) {
            at += 1;
        }
        assert_true(isnan(f->accuracy) || (at < evaluated && f->accuracy == accuracies[at]));
        known += isnan(f->accuracy) ? 0 : 1;
        uint32_t labels = 0;
        for (uint32_t k = 0; k < c->classes; k++) {
            labels += c->labels[(size_t)i * c->classes + k];
        }
        assert_int_equal(labels, f->examples);
    }
    return known;
}

static void a_few_clients_are_all_described(void **state) {
    (void)state;
    ch_session s;
    ch_clients c;
    session_open(&s, 20, 0);
    assert_int_equal(described(&c, &s), 20);
    assert_int_equal(c.count, 20);
    ch_clients_release(&c);
    ch_session_release(&s);
    session_open(&s, 20, 7);
    assert_int_equal(described(&c, &s), 7);
    assert_int_equal(c.count, 20);
    ch_clients_release(&c);
    ch_session_release(&s);
}

static void of_many_those_evaluated_come_first_and_others_are_spread(void **state) {
    (void)state;
    ch_session s;
    ch_clients c;
    session_open(&s, 5000, 100);
    assert_int_equal(described(&c, &s), 100);
    assert_int_equal(c.count, CH_CLIENTS_MAX);
    assert_int_equal(c.total, 5000);
    uint32_t others[10] = {0};
    for (uint32_t i = 0; i < c.count; i++) {
        others[c.clients[i].id / 500] += isnan(c.clients[i].accuracy) ? 1 : 0;
    }
    for (uint32_t tenth = 0; tenth < 10; tenth++) {
        check_near(others[tenth], 41.2, 6);
    }
    ch_clients_release(&c);
    ch_session_release(&s);
}

static void when_too_many_are_evaluated_an_even_choice_of_them_is_described(void **state) {
    (void)state;
    ch_session s;
    ch_clients c;
    session_open(&s, 5000, 0);
    const uint32_t known = described(&c, &s);
    assert_in_range(known, CH_CLIENTS_MAX - 20, CH_CLIENTS_MAX); // a few hold nothing out
    assert_int_equal(c.clients[0].id, 0);
    assert_int_equal(c.clients[256].id, 2500);
    ch_clients_release(&c);
    ch_session_release(&s);
}

static void labels_keep_the_names_of_their_data(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    static const char text[] = "a,kind\n1,oak\n2,elm\n3,oak\n4,elm\n5,oak\n6,elm\n7,oak\n8,elm\n";
    char folder[FOLDER_PATH_MAX];
    folder_make(folder);
    folder_put(folder_file(folder, "trees.csv"), text, strlen(text));
    choir_job job = tiny_job();
    (void)snprintf(job.data.source, sizeof(job.data.source), "%s",
                   folder_file(folder, "trees.csv"));
    (void)snprintf(job.data.partition, sizeof(job.data.partition), "iid");
    job.data.clients = 2;
    job.data.test_share = 0.25;
    ch_session s;
    ch_clients c;
    check_status(ch_session_open(&s, &job, 1, false, &env, NULL), CHOIR_OK);
    (void)described(&c, &s);
    assert_int_equal(c.classes, 2);
    assert_string_equal(c.names[0], "elm");
    assert_string_equal(c.names[1], "oak");
    ch_clients_release(&c);
    ch_session_release(&s);
    session_open(&s, 2, 0); // a source whose labels have none
    (void)described(&c, &s);
    assert_string_equal(c.names[0], "");
    ch_clients_release(&c);
    ch_session_release(&s);
    folder_remove(folder);
}

static void pictures_that_are_not_there_are_not_shown(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    char folder[FOLDER_PATH_MAX];
    folder_make(folder);
    choir_job job = tiny_job();
    (void)snprintf(job.data.source, sizeof(job.data.source), "digits");
    (void)snprintf(job.data.partition, sizeof(job.data.partition), "natural");
    job.data.clients = 3;
    job.data.examples = 2; // fewer than a client is asked for
    job.data.heldout = 0;
    job.data.test_examples = 10;
    ch_session s;
    check_status(ch_session_open(&s, &job, 1, CH_SESSION_TRAIN, &env, NULL), CHOIR_OK);
    uint32_t there = 0;
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t count = ch_federation_count(s.federation, i, CH_SPLIT_TRAIN);
        there += count < 4 ? count : 4;
    }
    assert_true(there < 12);
    check_status(ch_exhibit_samples(&s, folder, NULL), CHOIR_OK);
    ch_samples samples;
    check_status(ch_samples_read(&samples, folder, &env, NULL), CHOIR_OK);
    assert_int_equal(samples.count, there);
    ch_samples_release(&samples);
    ch_session_release(&s);
    folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_clients_are_all_described),
        cmocka_unit_test(of_many_those_evaluated_come_first_and_others_are_spread),
        cmocka_unit_test(labels_keep_the_names_of_their_data),
        cmocka_unit_test(pictures_that_are_not_there_are_not_shown),
        cmocka_unit_test(when_too_many_are_evaluated_an_even_choice_of_them_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
