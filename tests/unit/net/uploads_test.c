/* Uploads: parts in and out of order, two who send the same, time and pressure; no server. */
#include "support/check.h"

#include "net/uploads.h"

#include <stdlib.h>

enum { BODY = 1000, MINUTE = 60 * 1000, MINUTES = 10 };

/* Memory for so many bytes. */
static size_t room = 1 << 20;
static size_t taken;

static bool block_claim(ch_http_exchange *x, size_t bytes, ch_http_block *out) {
    (void)x;
    if (bytes > room - taken) {
        return false;
    }
    taken += bytes;
    *out = (ch_http_block){.data = malloc(bytes), .capacity = bytes};
    return true;
}

static void block_give(ch_http_block *block) {
    taken -= block->capacity;
    free(block->data);
    *block = (ch_http_block){.data = NULL};
}

static void uploads_open(ch_uploads *u, size_t bytes) {
    const choir_env env = choir_env_default();
    const ch_upload_memory memory = {block_claim, block_give, bytes};
    room = bytes;
    check_status(ch_uploads_init(u, memory, &env), CHOIR_OK);
}

static void uploads_shut(ch_uploads *u) {
    ch_uploads_close(u);
    assert_int_equal(taken, 0);
    ch_uploads_release(u);
}

/* The body of that letter, and its name. */
static ch_upload_name body_make(uint8_t body[BODY], char letter, int64_t subject) {
    ch_upload_name name = {.subject = subject, .job = 1, .round = 1};
    for (size_t i = 0; i < BODY; i++) {
        body[i] = (uint8_t)((size_t)letter + i / 7);
    }
    ch_sha256_of(body, BODY, name.hash.bytes);
    return name;
}

/* Begins a part of BODY bytes. */
static ch_upload_begun begin(ch_uploads *u, const ch_upload_name *name, size_t from, size_t size,
                             uint64_t now_ms, uint64_t *ticket, size_t *had) {
    const ch_http_part part = {.from = from, .size = size, .total = BODY};
    return ch_uploads_begin(u, name, &part, now_ms, NULL, ticket, had);
}

static uint64_t sent_with; // the ticket of the last part

/* Sends a part from from to to, in pieces, and ends it. */
static ch_upload_state send_part(ch_uploads *u, const ch_upload_name *name, const uint8_t *body,
                                 size_t from, size_t to, ch_upload_end *end) {
    uint64_t ticket = 0;
    size_t had = 0;
    assert_int_equal(begin(u, name, from, to - from, 0, &ticket, &had), CH_UPLOAD_GOES_ON);
    for (size_t at = from; at < to; at += 64) {
        const choir_bytes piece = {body + at, to - at < 64 ? to - at : 64};
        assert_true(ch_uploads_add(u, ticket, piece, 0));
    }
    sent_with = ticket;
    return ch_uploads_end(u, ticket, end);
}

static size_t had_of(ch_uploads *u, const ch_upload_name *name) {
    size_t had = 0;
    size_t total = 0;
    if (!ch_uploads_find(u, name, &had, &total)) {
        return SIZE_MAX;
    }
    assert_int_equal(total, BODY);
    return had;
}

static void check_count(ch_uploads *u, uint32_t open, uint64_t bytes) {
    uint32_t found = 0;
    uint64_t found_bytes = 0;
    ch_uploads_count(u, &found, &found_bytes);
    assert_int_equal(found, open);
    assert_int_equal(found_bytes, bytes);
}

static bool round_is_over(void *self, const ch_upload_name *name, bool is_counted) {
    return !is_counted && name->round <= *(const uint32_t *)self;
}

// ----- parts ------------------------------------------------------------------------------------

static void parts_of_any_size_make_the_whole(void **state) {
    (void)state;
    static const size_t ends[][5] = {{1000}, {1, 1000}, {999, 1000}, {100, 333, 700, 1000}};
    ch_uploads u;
    uint8_t body[BODY];
    const ch_upload_name name = body_make(body, 'a', 1);
    uploads_open(&u, BODY);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        ch_upload_end end;
        size_t from = 0;
        for (size_t j = 0; ends[i][j] < BODY; from = ends[i][j], j++) {
            assert_int_equal(send_part(&u, &name, body, from, ends[i][j], &end), CH_UPLOAD_PART);
            assert_int_equal(end.had, ends[i][j]);
            assert_int_equal(had_of(&u, &name), ends[i][j]);
        }
        assert_int_equal(send_part(&u, &name, body, from, BODY, &end), CH_UPLOAD_WHOLE);
        assert_int_equal(end.total, BODY);
        assert_memory_equal(end.block.data, body, BODY);
        ch_uploads_settle(&u, sent_with, CH_UPLOAD_ENDS, &end.block);
        assert_true(had_of(&u, &name) == SIZE_MAX);
        assert_int_equal(taken, 0);
    }
    uploads_shut(&u);
}

static void a_part_begins_where_the_last_one_ended(void **state) {
    (void)state;
    static const size_t wrong[] = {0, 1, 299, 301, 999};
    ch_uploads u;
    ch_upload_end end;
    uint8_t body[BODY];
    const ch_upload_name name = body_make(body, 'a', 1);
    uint64_t ticket = 0;
    size_t had = 7;
    uploads_open(&u, BODY);
    assert_int_equal(begin(&u, &name, 300, 100, 0, &ticket, &had), CH_UPLOAD_ELSEWHERE);
    assert_int_equal(had, 0); // nothing is known of it
    assert_int_equal(send_part(&u, &name, body, 0, 300, &end), CH_UPLOAD_PART);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(begin(&u, &name, wrong[i], 1, 0, &ticket, &had), CH_UPLOAD_ELSEWHERE);
        assert_int_equal(had, 300);
    }
    assert_int_equal(ticket, 0);
    check_count(&u, 1, 300);
    uploads_shut(&u);
}

static void what_came_of_a_part_that_broke_off_is_kept(void **state) {
    (void)state;
    ch_uploads u;
    uint8_t body[BODY];
    const ch_upload_name name = body_make(body, 'a', 1);
    uint64_t first = 0;
    uint64_t second = 0;
    size_t had = 0;
    ch_upload_end end;
    uploads_open(&u, BODY);
    assert_int_equal(begin(&u, &name, 0, 500, 0, &first, &had), CH_UPLOAD_GOES_ON);
    assert_true(ch_uploads_add(&u, first, (choir_bytes){body, 123}, 0));
    // its connection is dead, and nobody knows; another one goes on
    assert_int_equal(begin(&u, &name, 123, 877, 0, &second, &had), CH_UPLOAD_GOES_ON);
    assert_false(ch_uploads_add(&u, first, (choir_bytes){body + 123, 10}, 0));
    assert_true(ch_uploads_add(&u, second, (choir_bytes){body + 123, 877}, 0));
    assert_int_equal(ch_uploads_end(&u, first, &end), CH_UPLOAD_GONE);
    assert_int_equal(ch_uploads_end(&u, second, &end), CH_UPLOAD_WHOLE);
    assert_memory_equal(end.block.data, body, BODY);
    block_give(&end.block);
    uploads_shut(&u);
}

static void a_part_brings_no_more_than_it_said(void **state) {
    (void)state;
    ch_uploads u;
    uint8_t body[BODY];
    const ch_upload_name name = body_make(body, 'a', 1);
    uint64_t ticket = 0;
    size_t had = 0;
    ch_upload_end end;
    uploads_open(&u, BODY);
    assert_int_equal(begin(&u, &name, 0, 100, 0, &ticket, &had), CH_UPLOAD_GOES_ON);
    assert_true(ch_uploads_add(&u, ticket, (choir_bytes){body, 90}, 0));
    assert_false(ch_uploads_add(&u, ticket, (choir_bytes){body + 90, 11}, 0));
    assert_int_equal(ch_uploads_end(&u, ticket, &end), CH_UPLOAD_PART);
    assert_int_equal(end.had, 90);
    assert_int_equal(end.until, 100);
    assert_false(ch_uploads_add(&u, 0, (choir_bytes){body, 1}, 0));
    assert_false(ch_uploads_add(&u, ticket + CH_UPLOADS_MAX, (choir_bytes){body, 1}, 0));
    uploads_shut(&u);
}

// ----- names ------------------------------------------------------------------------------------

static void another_hash_or_size_is_another_upload(void **state) {
    (void)state;
    ch_uploads u;
    ch_upload_end end;
    uint8_t body[BODY];
    uint8_t other_body[BODY];
    const ch_upload_name name = body_make(body, 'a', 1);
    const ch_upload_name other = body_make(other_body, 'b', 1);
    const ch_http_part longer = {.from = 10, .size = 1, .total = BODY + 1};
    const ch_http_part anew = {.from = 0, .size = 1, .total = BODY + 1};
    uint64_t ticket = 0;
    size_t had = 0;
    uploads_open(&u, BODY + 1);
    assert_int_equal(send_part(&u, &name, body, 0, 10, &end), CH_UPLOAD_PART);
    assert_int_equal(begin(&u, &other, 10, 1, 0, &ticket, &had), CH_UPLOAD_ELSEWHERE);
    assert_int_equal(had, 0);
    assert_int_equal(ch_uploads_begin(&u, &name, &longer, 0, NULL, &ticket, &had),
                     CH_UPLOAD_ELSEWHERE);
    assert_int_equal(had, 0);
    assert_int_equal(had_of(&u, &name), 10); // which these did not change
    assert_int_equal(ch_uploads_begin(&u, &name, &anew, 0, NULL, &ticket, &had), CH_UPLOAD_GOES_ON);
    assert_int_equal(taken, BODY + 1);
    assert_int_equal(send_part(&u, &other, other_body, 0, 10, &end), CH_UPLOAD_PART);
    assert_int_equal(taken, BODY); // one for each subject and job
    assert_true(had_of(&u, &name) == SIZE_MAX);
    uploads_shut(&u);
}

static void a_body_that_is_not_of_its_name_is_forgotten(void **state) {
    (void)state;
    ch_uploads u;
    ch_upload_end end;
    uint8_t body[BODY];
    const ch_upload_name name = body_make(body, 'a', 1);
    uploads_open(&u, BODY);
    assert_int_equal(send_part(&u, &name, body, 0, 500, &end), CH_UPLOAD_PART);
    body[700] ^= 1;
    assert_int_equal(send_part(&u, &name, body, 500, BODY, &end), CH_UPLOAD_WRONG);
    assert_true(had_of(&u, &name) == SIZE_MAX);
    assert_int_equal(taken, 0);
    body[700] ^= 1;
    assert_int_equal(send_part(&u, &name, body, 0, BODY, &end), CH_UPLOAD_WHOLE);
    block_give(&end.block);
    uploads_shut(&u);
}

static void two_subjects_may_send_the_same(void **state) {
    (void)state;
    ch_uploads u;
    ch_upload_end end;
    uint8_t body[BODY];
    const ch_upload_name one = body_make(body, 'a', 1);
    const ch_upload_name two = body_make(body, 'a', 2);
    ch_upload_name elsewhere = one;
    elsewhere.job = 2;
    uploads_open(&u, 3 * BODY);
    assert_int_equal(send_part(&u, &one, body, 0, 500, &end), CH_UPLOAD_PART);
    assert_true(had_of(&u, &two) == SIZE_MAX);
    assert_int_equal(send_part(&u, &two, body, 0, 300, &end), CH_UPLOAD_PART);
    assert_int_equal(send_part(&u, &elsewhere, body, 0, 200, &end), CH_UPLOAD_PART);
    assert_int_equal(had_of(&u, &one), 500);
    check_count(&u, 3, 1000);
    assert_int_equal(send_part(&u, &one, body, 500, BODY, &end), CH_UPLOAD_WHOLE);
    block_give(&end.block);
    assert_int_equal(had_of(&u, &two), 300);
    uploads_shut(&u);
}

static void what_is_lent_is_nobodys_to_begin_and_what_stays_is_whole_again(void **state) {
    (void)state;
    ch_uploads u;
    ch_upload_end end;
    uint8_t body[BODY];
    uint8_t other_body[BODY];
    const ch_upload_name name = body_make(body, 'a', 1);
    const ch_upload_name other = body_make(other_body, 'b', 1);
    uint64_t ticket = 0;
    size_t had = 0;
    uploads_open(&u, BODY);
    assert_int_equal(send_part(&u, &name, body, 0, BODY, &end), CH_UPLOAD_WHOLE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(begin(&u, &name, BODY - 1, 1, 0, &ticket, &had), CH_UPLOAD_BUSY);
        assert_int_equal(begin(&u, &other, 0, 1, 0, &ticket, &had), CH_UPLOAD_BUSY);
        ch_uploads_settle(&u, i == 0 ? sent_with : ticket, CH_UPLOAD_STAYS, &end.block);
        assert_null(end.block.data);
        assert_int_equal(had_of(&u, &name), BODY);
        check_count(&u, 1, BODY);
        assert_int_equal(begin(&u, &name, BODY - 1, 1, 0, &ticket, &had), CH_UPLOAD_GOES_ON);
        assert_false(ch_uploads_add(&u, ticket, (choir_bytes){other_body, 1}, 0));
        assert_int_equal(ch_uploads_end(&u, ticket, &end), CH_UPLOAD_WHOLE);
        assert_memory_equal(end.block.data, body, BODY);
    }
    // dropped before it is settled
    uint32_t over = 1;
    assert_true(ch_uploads_sweep(&u, 0, round_is_over, &over) == UINT64_MAX);
    ch_uploads_settle(&u, ticket, CH_UPLOAD_STAYS, &end.block);
    assert_null(end.block.data);
    assert_int_equal(taken, 0);
    assert_int_equal(begin(&u, &other, 0, 1, 0, &ticket, &had), CH_UPLOAD_GOES_ON);
    uploads_shut(&u);
}

static void what_was_counted_is_known_without_its_body(void **state) {
    (void)state;
    ch_uploads u;
    ch_upload_end end;
    uint8_t body[BODY];
    const ch_upload_name name = body_make(body, 'a', 1);
    uint64_t ticket = 0;
    size_t had = 0;
    uploads_open(&u, BODY);
    assert_int_equal(begin(&u, &name, 0, BODY, 0, &ticket, &had), CH_UPLOAD_GOES_ON);
    assert_true(ch_uploads_add(&u, ticket, (choir_bytes){body, BODY}, 0));
    assert_int_equal(ch_uploads_end(&u, ticket, &end), CH_UPLOAD_WHOLE);
    ch_uploads_settle(&u, ticket, CH_UPLOAD_COUNTS, &end.block);
    assert_int_equal(taken, 0);
    check_count(&u, 0, 0);
    assert_int_equal(had_of(&u, &name), BODY);
    for (size_t from = 0; from < BODY; from += 333) { // any part asks
        assert_int_equal(begin(&u, &name, from, 1, 0, &ticket, &had), CH_UPLOAD_GOES_ON);
        assert_false(ch_uploads_add(&u, ticket, (choir_bytes){body + from, 1}, 0));
        assert_int_equal(ch_uploads_end(&u, ticket, &end), CH_UPLOAD_COUNTED);
    }
    uploads_shut(&u);
}

// ----- time and room ----------------------------------------------------------------------------

static bool job_is_gone(void *self, const ch_upload_name *name, bool is_counted) {
    (void)name;
    *(uint32_t *)self += is_counted;
    return true;
}

static void what_nobody_moves_is_dropped(void **state) {
    (void)state;
    ch_uploads u;
    uint8_t body[BODY];
    const ch_upload_name early = body_make(body, 'a', 1);
    const ch_upload_name late = body_make(body, 'a', 2);
    uint32_t over = 0;
    uint64_t ticket = 0;
    size_t had = 0;
    uploads_open(&u, 2 * BODY);
    assert_true(ch_uploads_sweep(&u, 0, round_is_over, &over) == UINT64_MAX);
    assert_int_equal(begin(&u, &early, 0, 500, MINUTE, &ticket, &had), CH_UPLOAD_GOES_ON);
    assert_true(ch_uploads_add(&u, ticket, (choir_bytes){body, 10}, 2 * MINUTE));
    assert_int_equal(begin(&u, &late, 0, 500, 3 * MINUTE, &ticket, &had), CH_UPLOAD_GOES_ON);
    const uint64_t due_ms = (2 + MINUTES) * MINUTE;
    assert_int_equal(ch_uploads_sweep(&u, due_ms - 1, round_is_over, &over), due_ms);
    assert_int_equal(had_of(&u, &early), 10);
    assert_int_equal(ch_uploads_sweep(&u, due_ms, round_is_over, &over), due_ms + MINUTE);
    assert_true(had_of(&u, &early) == SIZE_MAX);
    check_count(&u, 1, 0);
    uploads_shut(&u);
}

static void what_is_of_a_round_that_is_over_is_dropped_unless_it_was_counted(void **state) {
    (void)state;
    ch_uploads u;
    ch_upload_end end;
    uint8_t body[BODY];
    const ch_upload_name counted = body_make(body, 'a', 1);
    const ch_upload_name open = body_make(body, 'a', 2);
    ch_upload_name next = body_make(body, 'a', 3);
    uint32_t over = 1;
    next.round = 2;
    uploads_open(&u, 3 * BODY);
    assert_int_equal(send_part(&u, &counted, body, 0, BODY, &end), CH_UPLOAD_WHOLE);
    uint64_t ticket = 0;
    size_t had = 0;
    ch_uploads_settle(&u, sent_with, CH_UPLOAD_COUNTS, &end.block);
    assert_int_equal(begin(&u, &counted, 0, 1, 0, &ticket, &had), CH_UPLOAD_GOES_ON);
    assert_int_equal(begin(&u, &open, 0, 500, 0, &ticket, &had), CH_UPLOAD_GOES_ON);
    assert_int_equal(send_part(&u, &next, body, 0, 5, &end), CH_UPLOAD_PART);
    assert_true(ch_uploads_sweep(&u, 1, round_is_over, &over) < UINT64_MAX);
    assert_true(had_of(&u, &open) == SIZE_MAX);
    assert_false(ch_uploads_add(&u, ticket, (choir_bytes){body, 1}, 1)); // which was under way
    assert_int_equal(had_of(&u, &counted), BODY);
    assert_int_equal(had_of(&u, &next), 5);
    assert_int_equal(taken, BODY);
    uploads_shut(&u);
}

static void of_a_job_that_is_gone_nothing_is_known_not_even_what_was_counted(void **state) {
    (void)state;
    ch_uploads u;
    ch_upload_end end;
    uint8_t body[BODY];
    const ch_upload_name counted = body_make(body, 'a', 1);
    const ch_upload_name open = body_make(body, 'a', 2);
    uint32_t notes = 0;
    uint64_t ticket = 0;
    size_t had = 0;
    uploads_open(&u, 2 * BODY);
    assert_int_equal(send_part(&u, &counted, body, 0, BODY, &end), CH_UPLOAD_WHOLE);
    ch_uploads_settle(&u, sent_with, CH_UPLOAD_COUNTS, &end.block);
    assert_int_equal(begin(&u, &counted, 0, 1, 0, &ticket, &had), CH_UPLOAD_GOES_ON);
    assert_int_equal(send_part(&u, &open, body, 0, 5, &end), CH_UPLOAD_PART);
    assert_true(ch_uploads_sweep(&u, 1, job_is_gone, &notes) == UINT64_MAX);
    assert_int_equal(notes, 1);
    assert_true(had_of(&u, &counted) == SIZE_MAX);
    assert_true(had_of(&u, &open) == SIZE_MAX);
    uploads_shut(&u);
}

static void the_least_recently_used_makes_room_once_it_is_calm(void **state) {
    (void)state;
    ch_uploads u;
    uint8_t body[BODY];
    ch_upload_name names[4];
    uint64_t tickets[4] = {0};
    size_t had = 0;
    const uint64_t calm_ms = CH_UPLOADS_CALM_MS;
    for (int i = 0; i < 4; i++) {
        names[i] = body_make(body, 'a', i + 1);
    }
    uploads_open(&u, 2 * BODY);
    assert_int_equal(begin(&u, &names[0], 0, 500, 0, &tickets[0], &had), CH_UPLOAD_GOES_ON);
    assert_int_equal(begin(&u, &names[1], 0, 500, 1, &tickets[1], &had), CH_UPLOAD_GOES_ON);
    assert_true(ch_uploads_add(&u, tickets[0], (choir_bytes){body, 10}, 2));
    assert_int_equal(begin(&u, &names[2], 0, 500, calm_ms, &tickets[2], &had), CH_UPLOAD_NO_ROOM);
    assert_false(ch_uploads_make_room(&u, calm_ms));
    assert_int_equal(begin(&u, &names[2], 0, 500, calm_ms + 1, &tickets[2], &had),
                     CH_UPLOAD_GOES_ON);
    assert_true(had_of(&u, &names[1]) == SIZE_MAX);
    assert_int_equal(had_of(&u, &names[0]), 10);
    assert_true(ch_uploads_make_room(&u, 2 * calm_ms)); // for a body that is none of these
    assert_true(had_of(&u, &names[0]) == SIZE_MAX);
    assert_int_equal(had_of(&u, &names[2]), 0);
    assert_int_equal(taken, BODY);
    uploads_shut(&u);
}

static void a_byte_now_and_then_keeps_nobody_out_and_the_least_pace_does(void **state) {
    (void)state;
    ch_uploads u;
    uint8_t body[BODY];
    const ch_upload_name slow = body_make(body, 'a', 1);
    const ch_upload_name steady = body_make(body, 'a', 2);
    const ch_upload_name more = body_make(body, 'a', 3);
    uint64_t tickets[3] = {0};
    size_t had = 0;
    const uint64_t calm_ms = CH_UPLOADS_CALM_MS;
    uploads_open(&u, 2 * BODY);
    assert_int_equal(begin(&u, &slow, 0, BODY, 0, &tickets[0], &had), CH_UPLOAD_GOES_ON);
    assert_int_equal(begin(&u, &steady, 0, BODY, 0, &tickets[1], &had), CH_UPLOAD_GOES_ON);
    // within the first calm time nothing is bought beyond it, and a byte buys a millisecond
    for (uint64_t now = calm_ms - 500; now <= calm_ms; now += 100) {
        assert_true(ch_uploads_add(&u, tickets[0], (choir_bytes){body, 1}, now));
        assert_true(ch_uploads_add(&u, tickets[1], (choir_bytes){body, 103}, now));
    }
    assert_int_equal(begin(&u, &more, 0, 1, calm_ms - 1, &tickets[2], &had), CH_UPLOAD_NO_ROOM);
    assert_int_equal(begin(&u, &more, 0, 1, calm_ms + 1, &tickets[2], &had), CH_UPLOAD_GOES_ON);
    assert_true(had_of(&u, &slow) == SIZE_MAX);
    assert_false(ch_uploads_make_room(&u, calm_ms + 99));
    assert_int_equal(had_of(&u, &steady), 6 * 103);
    uploads_shut(&u);
}

static void they_hold_no_more_than_their_share(void **state) {
    (void)state;
    const choir_env env = choir_env_default();
    const ch_upload_memory memory = {block_claim, block_give, 2 * BODY};
    const ch_http_part larger = {.from = 0, .size = 1, .total = 2 * BODY + 1};
    ch_uploads u;
    uint8_t body[BODY];
    uint64_t ticket = 0;
    size_t had = 0;
    ch_upload_name names[3];
    room = 100 * BODY; // which the whole server has
    check_status(ch_uploads_init(&u, memory, &env), CHOIR_OK);
    for (int i = 0; i < 3; i++) {
        names[i] = body_make(body, 'a', i + 1);
        assert_int_equal(begin(&u, &names[i], 0, BODY, 0, &ticket, &had),
                         i < 2 ? CH_UPLOAD_GOES_ON : CH_UPLOAD_NO_ROOM);
    }
    assert_int_equal(taken, 2 * BODY);
    assert_int_equal(ch_uploads_begin(&u, &names[2], &larger, 0, NULL, &ticket, &had),
                     CH_UPLOAD_TOO_LARGE);
    assert_int_equal(begin(&u, &names[2], 0, BODY, CH_UPLOADS_CALM_MS, &ticket, &had),
                     CH_UPLOAD_GOES_ON);
    assert_int_equal(taken, 2 * BODY);
    uploads_shut(&u);
}

static void there_are_no_more_than_so_many_and_notes_go_first(void **state) {
    (void)state;
    ch_uploads u;
    ch_upload_end end;
    uint8_t body[BODY];
    uint64_t ticket = 0;
    size_t had = 0;
    uploads_open(&u, (CH_UPLOADS_MAX + 2) * BODY);
    const ch_upload_name counted = body_make(body, 'a', CH_UPLOADS_MAX);
    assert_int_equal(send_part(&u, &counted, body, 0, BODY, &end), CH_UPLOAD_WHOLE);
    ch_uploads_settle(&u, sent_with, CH_UPLOAD_COUNTS, &end.block);
    assert_int_equal(begin(&u, &counted, 0, 1, 5, &ticket, &had), CH_UPLOAD_GOES_ON);
    for (int64_t i = 1; i < CH_UPLOADS_MAX; i++) {
        const ch_upload_name name = body_make(body, 'a', i);
        assert_int_equal(begin(&u, &name, 0, 1, 0, &ticket, &had), CH_UPLOAD_GOES_ON);
    }
    const ch_upload_name more = body_make(body, 'a', CH_UPLOADS_MAX + 1);
    const ch_upload_name most = body_make(body, 'a', CH_UPLOADS_MAX + 2);
    assert_int_equal(begin(&u, &more, 0, 1, 6, &ticket, &had), CH_UPLOAD_GOES_ON);
    assert_true(had_of(&u, &counted) == SIZE_MAX);
    assert_int_equal(begin(&u, &most, 0, 1, 6, &ticket, &had), CH_UPLOAD_NO_ROOM);
    check_count(&u, CH_UPLOADS_MAX, 0);
    assert_int_equal(begin(&u, &most, 0, 1, CH_UPLOADS_CALM_MS, &ticket, &had), CH_UPLOAD_GOES_ON);
    uploads_shut(&u);
}

static void once_closed_nothing_begins_and_nothing_is_added(void **state) {
    (void)state;
    ch_uploads u;
    ch_upload_end end;
    uint8_t body[BODY];
    const ch_upload_name name = body_make(body, 'a', 1);
    uint32_t over = 0;
    uint64_t ticket = 0;
    size_t had = 0;
    uploads_open(&u, BODY);
    assert_int_equal(begin(&u, &name, 0, BODY, 0, &ticket, &had), CH_UPLOAD_GOES_ON);
    ch_uploads_close(&u);
    assert_false(ch_uploads_add(&u, ticket, (choir_bytes){body, BODY}, 0));
    assert_int_equal(ch_uploads_end(&u, ticket, &end), CH_UPLOAD_GONE);
    assert_int_equal(begin(&u, &name, 0, BODY, 0, &ticket, &had), CH_UPLOAD_NO_ROOM);
    assert_true(ch_uploads_sweep(&u, 0, round_is_over, &over) == UINT64_MAX);
    ch_uploads_settle(&u, ticket, CH_UPLOAD_COUNTS, &end.block);
    check_count(&u, 0, 0);
    uploads_shut(&u);
}

static void without_memory_there_are_none(void **state) {
    (void)state;
    ch_uploads u;
    counted_memory memory;
    const choir_env env = counted_env(&memory, 0);
    const ch_upload_memory blocks = {block_claim, block_give, BODY};
    check_status(ch_uploads_init(&u, blocks, &env), CHOIR_ENOMEM);
    uploads_shut(&u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_any_size_make_the_whole),
        cmocka_unit_test(a_part_begins_where_the_last_one_ended),
        cmocka_unit_test(what_came_of_a_part_that_broke_off_is_kept),
        cmocka_unit_test(a_part_brings_no_more_than_it_said),
        cmocka_unit_test(another_hash_or_size_is_another_upload),
        cmocka_unit_test(a_body_that_is_not_of_its_name_is_forgotten),
        cmocka_unit_test(two_subjects_may_send_the_same),
        cmocka_unit_test(what_is_lent_is_nobodys_to_begin_and_what_stays_is_whole_again),
        cmocka_unit_test(what_was_counted_is_known_without_its_body),
        cmocka_unit_test(what_nobody_moves_is_dropped),
        cmocka_unit_test(what_is_of_a_round_that_is_over_is_dropped_unless_it_was_counted),
        cmocka_unit_test(of_a_job_that_is_gone_nothing_is_known_not_even_what_was_counted),
        cmocka_unit_test(the_least_recently_used_makes_room_once_it_is_calm),
        cmocka_unit_test(a_byte_now_and_then_keeps_nobody_out_and_the_least_pace_does),
        cmocka_unit_test(they_hold_no_more_than_their_share),
        cmocka_unit_test(there_are_no_more_than_so_many_and_notes_go_first),
        cmocka_unit_test(once_closed_nothing_begins_and_nothing_is_added),
        cmocka_unit_test(without_memory_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
