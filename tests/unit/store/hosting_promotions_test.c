/* Hosting store: the promoted model is kept whatever is pruned, and what it was is known. */
#include "support/hosting.h"

static char folder[FOLDER_PATH_MAX];

/* A store of its own for a test, with six rounds of two jobs. */
static ch_hosting_store *history_open(const char *name) {
    ch_hosting_store *s = hosting_open(hosting_dir(folder, name));
    check_status(history_begin(s, NULL), CHOIR_OK);
    for (uint32_t n = 1; n <= 6; n++) {
        check_status(history_add(s, n, NULL), CHOIR_OK);
    }
    return s;
}

/* Whether the model of a round of the first job can be had. */
static void check_model(ch_hosting_store *s, uint32_t round, choir_status wanted) {
    static history_part part;
    ch_commit commit;
    ch_stored got;
    history_commit(&commit, &part, 1, round);
    check_status(ch_hosting_store_model(s, &got, part.closed.model, NULL), wanted);
    ch_stored_release(&got);
}

static void check_promoted(ch_hosting_store *s, uint32_t round) {
    ch_promotion p;
    check_status(ch_hosting_store_promoted(s, &p, "first", NULL), CHOIR_OK);
    assert_int_equal(p.round, round);
    assert_int_equal(p.job, 1);
    assert_int_equal(p.version, 1);
    assert_true(p.stands);
    uint8_t model[CHOIR_HASH_BYTES];
    check_status(ch_hosting_store_round_model(s, model, 1, round, NULL), CHOIR_OK);
    assert_memory_equal(p.model, model, sizeof(model));
}

static void promotion_see(void *self, const ch_promotion *p) {
    char *seen = self;
    const size_t size = strlen(seen);
    (void)snprintf(seen + size, 400 - size, "%u by %s at %u%s;", p->round, p->actor,
                   (unsigned)p->at_ms, p->undone_ms > 0 ? p->undone_by : "");
}

static void what_was_promoted_is_known_and_gone_back_to(void **state) {
    (void)state;
    ch_hosting_store *s = history_open("promoted");
    ch_promotion p;
    choir_error err = {.message = ""};
    check_status(ch_hosting_store_promoted(s, &p, "first", &err), CHOIR_EAGAIN);
    assert_string_equal(err.message, "no model of 'first' is promoted");
    check_status(ch_hosting_store_promote(s, 1, 2, 10, "ann", NULL), CHOIR_OK);
    check_status(ch_hosting_store_promote(s, 1, 5, 20, "bob", NULL), CHOIR_OK);
    check_status(ch_hosting_store_promote(s, 1, 5, 21, "bob", &err), CHOIR_EAGAIN);
    assert_string_equal(err.message, "round 5 of 'first@1' is promoted already");
    check_status(ch_hosting_store_promote(s, 1, 7, 22, "bob", &err), CHOIR_EAGAIN);
    assert_string_equal(err.message, "round 7 of 'first' has not closed, or its model is not kept");
    check_status(ch_hosting_store_promote(s, 9, 1, 22, "bob", &err), CHOIR_EAGAIN);
    check_promoted(s, 5);
    s = reopen(s, hosting_dir(folder, "promoted"));
    check_promoted(s, 5);
    check_status(ch_hosting_store_promoted(s, &p, "second", NULL), CHOIR_EAGAIN);
    check_status(ch_hosting_store_promote(s, 1, 3, 30, "cat", NULL), CHOIR_OK);
    check_status(ch_hosting_store_rollback(s, "first", 31, " undone", NULL), CHOIR_OK);
    check_promoted(s, 5);
    check_status(ch_hosting_store_rollback(s, "first", 32, " too", NULL), CHOIR_OK);
    check_promoted(s, 2);
    check_status(ch_hosting_store_rollback(s, "first", 33, "dan", &err), CHOIR_EAGAIN);
    check_message(&err, "there is nothing to go back to");
    check_promoted(s, 2);
    char seen[400] = "";
    check_status(ch_hosting_store_promotions(s, "first", 9, promotion_see, seen, NULL), CHOIR_OK);
    assert_string_equal(seen, "3 by cat at 30 undone;5 by bob at 20 too;2 by ann at 10;");
    ch_hosting_store_close(s);
}

static void a_promoted_model_outlives_its_round(void **state) {
    (void)state;
    ch_hosting_store *s = history_open("promoted and pruned");
    check_status(ch_hosting_store_promote(s, 1, 2, 10, "ann", NULL), CHOIR_OK);
    check_status(ch_hosting_store_promote(s, 1, 3, 11, "ann", NULL), CHOIR_OK);
    check_status(ch_hosting_store_prune(s, 1, 1, NULL, 0, NULL), CHOIR_OK);
    check_model(s, 1, CHOIR_EAGAIN);
    check_model(s, 2, CHOIR_OK); // to be gone back to
    check_model(s, 3, CHOIR_OK);
    check_model(s, 4, CHOIR_EAGAIN);
    check_status(ch_hosting_store_promote(s, 1, 4, 12, "ann", NULL), CHOIR_EAGAIN);
    check_status(ch_hosting_store_rollback(s, "first", 13, "ann", NULL), CHOIR_OK);
    check_model(s, 2, CHOIR_OK);
    check_model(s, 3, CHOIR_EAGAIN);
    check_status(ch_hosting_store_job_remove(s, 1, NULL), CHOIR_OK);
    check_model(s, 2, CHOIR_EAGAIN);
    ch_promotion p;
    check_status(ch_hosting_store_promoted(s, &p, "first", NULL), CHOIR_EAGAIN);
    ch_hosting_store_close(s);
}

static void only_so_many_promotions_hold_their_models(void **state) {
    (void)state;
    ch_hosting_store *s = history_open("many promotions");
    check_status(ch_hosting_store_promote(s, 1, 1, 1, "ann", NULL), CHOIR_OK);
    for (uint32_t i = 0; i < CH_PROMOTIONS_KEPT; i++) {
        check_status(ch_hosting_store_promote(s, 1, 2 + i % 2, 2 + i, "ann", NULL), CHOIR_OK);
    }
    check_status(ch_hosting_store_prune(s, 1, 1, NULL, 0, NULL), CHOIR_OK);
    check_model(s, 1, CHOIR_EAGAIN);
    for (uint32_t i = 0; i + 1 < CH_PROMOTIONS_KEPT; i++) {
        check_status(ch_hosting_store_rollback(s, "first", 99, "ann", NULL), CHOIR_OK);
    }
    check_promoted(s, 2);
    check_status(ch_hosting_store_rollback(s, "first", 99, "ann", NULL), CHOIR_EAGAIN);
    ch_hosting_store_close(s);
}

static void the_best_round_is_as_commits_say(void **state) {
    (void)state;
    ch_hosting_store *s = history_open("best");
    ch_hosted_row row;
    check_status(ch_hosting_store_job(s, &row, 1, NULL), CHOIR_OK);
    assert_int_equal(row.best_round, 0);
    check_status(ch_hosting_store_commit(s, NULL, &(ch_commit){.job = 1, .best_round = 4}, 1, NULL),
                 CHOIR_OK);
    check_status(ch_hosting_store_commit(s, NULL, &(ch_commit){.job = 1}, 1, NULL), CHOIR_OK);
    s = reopen(s, hosting_dir(folder, "best"));
    check_status(ch_hosting_store_job(s, &row, 1, NULL), CHOIR_OK);
    assert_int_equal(row.best_round, 4);
    check_status(ch_hosting_store_job(s, &row, 2, NULL), CHOIR_OK);
    assert_int_equal(row.best_round, 0);
    ch_hosting_store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_promoted_is_known_and_gone_back_to),
        cmocka_unit_test(a_promoted_model_outlives_its_round),
        cmocka_unit_test(only_so_many_promotions_hold_their_models),
        cmocka_unit_test(the_best_round_is_as_commits_say),
    };
    folder_make(folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0) {
        folder_remove(folder);
    }
    return failed;
}
