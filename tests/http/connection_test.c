#include "app.h"
#include "outcome.h"
#include "peer.h"

#include <stdio.h>

#define H     "Host: h\r\n"
#define ECHO  "GET /echo HTTP/1.1\r\n" H "\r\n"
#define LATER "GET /later HTTP/1.1\r\n" H "\r\n"
#define LARGE "GET /large HTTP/1.1\r\n" H "\r\n"

enum { LARGE_SIZE = 16384, START = 1000 };

struct scene {
    struct app app;
    struct peer peer;
};

static void start(struct scene *scene) {
    app_run(&scene->app);
    peer_open(&scene->peer, scene->app.server, START);
}

static void stop(struct scene *scene) {
    peer_close(&scene->peer);
    app_stop(&scene->app);
}

static void expect_answers(struct scene *scene, const char *expected) {
    struct bw_buf got;
    bw_buf_init(&got, 0);
    outcome_of_answers(&got, bw_buf_span(&scene->peer.got));
    assert_string_equal(bw_buf_text(&got), expected);
    bw_buf_free(&got);
}

/* Sends the bytes one by one, each `step_ms` after the one before, while they are wanted. */
static void trickle(struct peer *peer, const char *bytes, uint64_t step_ms) {
    for (; *bytes && peer_wants_read(peer); bytes++) {
        peer_send_bytes(peer, bytes, 1);
        peer_wait_until(peer, peer->now_ms + step_ms);
    }
}

/* ---- deadlines ------------------------------------------------------------------------------ */

static void a_client_that_says_nothing_is_closed_without_a_word(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_wait_until(&s.peer, START + 4999);
    assert_false(peer_is_ended(&s.peer));
    peer_wait_until(&s.peer, START + 5000);
    assert_true(peer_is_ended(&s.peer));
    expect_answers(&s, "");
    assert_int_equal(app_counts(&s.app).timeouts, 1);
    stop(&s);
}

static void an_empty_line_alone_is_nothing_too(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, "\r\n");
    peer_wait_until(&s.peer, START + 5000);
    assert_true(peer_is_ended(&s.peer));
    expect_answers(&s, "");
    stop(&s);
}

static void no_byte_moves_the_deadline_of_a_head(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    trickle(&s.peer, "GET /echo HTTP/1.1\r\nHost: h\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 150);
    assert_true(peer_is_ended(&s.peer));
    assert_true(s.peer.now_ms >= START + 5000 && s.peer.now_ms < START + 5300);
    expect_answers(&s, "408 close, ");
    stop(&s);
}

static void a_later_head_has_its_time_from_its_first_byte(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, ECHO);
    peer_wait_until(&s.peer, START + 30000);
    peer_send(&s.peer, "GET");
    peer_wait_until(&s.peer, START + 34999);
    peer_send(&s.peer, " /");
    assert_false(peer_is_ended(&s.peer));
    peer_wait_until(&s.peer, START + 35000);
    assert_true(peer_is_ended(&s.peer));
    expect_answers(&s, "200, 408 close, ");
    stop(&s);
}

static void no_byte_moves_the_deadline_of_a_body(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, "POST /echo HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\n");
    trickle(&s.peer, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 900);
    assert_true(peer_is_ended(&s.peer));
    assert_true(s.peer.now_ms >= START + 10000 && s.peer.now_ms < START + 11000);
    expect_answers(&s, "408 close, ");
    stop(&s);
}

static void a_body_has_its_whole_time_after_a_slow_head(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, "POST /echo HTTP/1.1\r\n" H);
    peer_wait_until(&s.peer, START + 4900);
    peer_send(&s.peer, "Content-Length: 2\r\n\r\n");
    peer_wait_until(&s.peer, START + 14899);
    peer_send(&s.peer, "ab");
    expect_answers(&s, "200, ");
    stop(&s);
}

static void an_idle_connection_closes_without_a_word(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, ECHO);
    peer_wait_until(&s.peer, START + 59999);
    assert_false(peer_is_ended(&s.peer));
    peer_wait_until(&s.peer, START + 60000);
    assert_true(peer_is_ended(&s.peer));
    expect_answers(&s, "200, ");
    stop(&s);
}

static void every_request_makes_idling_start_again(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    for (int i = 0; i < 5; i++) {
        peer_send(&s.peer, ECHO);
        peer_wait_until(&s.peer, s.peer.now_ms + 59000);
    }
    assert_false(peer_is_ended(&s.peer));
    expect_answers(&s, "200, 200, 200, 200, 200, ");
    stop(&s);
}

static void idling_starts_when_the_answer_has_left(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    s.peer.blocked = true;
    peer_send(&s.peer, ECHO);
    peer_wait_until(&s.peer, START + 9000);
    peer_unblock(&s.peer);
    peer_wait_until(&s.peer, START + 68999);
    assert_false(peer_is_ended(&s.peer));
    peer_wait_until(&s.peer, START + 69000);
    assert_true(peer_is_ended(&s.peer));
    stop(&s);
}

static void an_exchange_in_work_has_no_deadline_here(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, LATER);
    assert_true(s.peer.conn.ops->next_deadline(s.peer.conn.self) == BW_NEVER);
    peer_wait_until(&s.peer, START + 3600000);
    assert_false(peer_is_ended(&s.peer));
    app_answer(&s.app);
    peer_turn(&s.peer);
    expect_answers(&s, "200, ");
    stop(&s);
}

static void a_late_answer_starts_idling_anew(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, LATER);
    peer_wait_until(&s.peer, START + 100000);
    app_answer(&s.app);
    peer_turn(&s.peer);
    peer_wait_until(&s.peer, START + 159999);
    assert_false(peer_is_ended(&s.peer));
    peer_wait_until(&s.peer, START + 160000);
    assert_true(peer_is_ended(&s.peer));
    stop(&s);
}

/* ---- a peer that does not read -------------------------------------------------------------- */

static void a_reader_without_progress_is_cut_off(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    s.peer.blocked = true;
    peer_send(&s.peer, LARGE);
    peer_wait_until(&s.peer, START + 9999);
    assert_false(peer_is_ended(&s.peer));
    peer_wait_until(&s.peer, START + 10000);
    assert_true(peer_is_ended(&s.peer));
    uint8_t byte;
    assert_int_equal(s.peer.conn.ops->drain(s.peer.conn.self, s.peer.now_ms, &byte, 1), 0);
    assert_true(s.peer.conn.ops->next_deadline(s.peer.conn.self) == BW_NEVER);
    assert_int_equal(app_counts(&s.app).timeouts, 1);
    stop(&s);
}

static void progress_moves_the_write_deadline(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    s.peer.blocked = true;
    peer_send(&s.peer, LARGE);
    for (uint64_t t = 9000; t <= 45000; t += 9000) {
        peer_wait_until(&s.peer, START + t);
        peer_take(&s.peer, 1);
    }
    assert_false(peer_is_ended(&s.peer));
    peer_wait_until(&s.peer, START + 55000);
    assert_true(peer_is_ended(&s.peer));
    stop(&s);
}

static void who_waits_for_a_client_that_is_cut_off_hears_of_it(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    s.peer.blocked = true;
    peer_send(&s.peer, ECHO LATER);
    assert_int_equal(s.app.open_count, 1);
    peer_wait_until(&s.peer, START + 10000);
    assert_int_equal(s.app.gone, 1);
    assert_true(peer_is_ended(&s.peer));
    stop(&s);
}

static void output_that_does_not_leave_stops_requests_and_reading(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    s.peer.blocked = true;
    for (int i = 0; i < 20 && peer_wants_read(&s.peer); i++)
        peer_send(&s.peer, LARGE LARGE);
    assert_false(peer_wants_read(&s.peer));
    assert_true(app_counts(&s.app).answers[2] * LARGE_SIZE <= 65536 + LARGE_SIZE);
    peer_unblock(&s.peer);
    assert_true(peer_wants_read(&s.peer));
    stop(&s);
}

static void requests_that_waited_for_output_are_all_answered(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    s.peer.blocked = true;
    peer_send(&s.peer, LARGE LARGE LARGE LARGE LARGE LARGE LARGE ECHO);
    assert_true(app_counts(&s.app).answers[2] < 7);
    peer_unblock(&s.peer);
    expect_answers(&s, "200, 200, 200, 200, 200, 200, 200, 200, ");
    stop(&s);
}

static void a_head_that_waits_for_output_keeps_its_time(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    s.peer.blocked = true;
    peer_send(&s.peer, LARGE LARGE LARGE LARGE LARGE LARGE "GET /echo ");
    peer_wait_until(&s.peer, START + 9000);
    peer_unblock(&s.peer);
    assert_false(peer_is_ended(&s.peer));
    peer_wait_until(&s.peer, START + 13999);
    peer_send(&s.peer, "HTTP/1.1\r\n" H "\r\n");
    expect_answers(&s, "200, 200, 200, 200, 200, 200, 200, ");
    stop(&s);
}

/* ---- one exchange at a time ----------------------------------------------------------------- */

static void one_exchange_of_a_connection_is_in_work_at_a_time(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, LATER LATER LATER);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s.app.open_count, 1);
        app_answer(&s.app);
        peer_turn(&s.peer);
    }
    expect_answers(&s, "200, 200, 200, ");
    stop(&s);
}

static void reading_stops_while_enough_input_waits_behind_an_exchange(void **state) {
    (void)state;
    struct scene s;
    char piece[1024];
    start(&s);
    memset(piece, 'x', sizeof piece);
    peer_send(&s.peer, LATER);
    for (int i = 0; i < 8; i++)
        peer_send_bytes(&s.peer, piece, sizeof piece);
    assert_false(peer_wants_read(&s.peer));
    app_answer(&s.app);
    peer_turn(&s.peer);
    expect_answers(&s, "200, 501 close, ");
    stop(&s);
}

static void reading_goes_on_when_the_exchange_is_answered(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, LATER);
    for (int i = 0; i < 1000 && peer_wants_read(&s.peer); i++)
        peer_send(&s.peer, ECHO);
    assert_false(peer_wants_read(&s.peer));
    app_answer(&s.app);
    peer_turn(&s.peer);
    assert_true(peer_wants_read(&s.peer));
    assert_true(app_counts(&s.app).answers[2] > 200);
    stop(&s);
}

static void an_answer_from_another_event_wakes_the_driver(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, ECHO LATER);
    assert_int_equal(s.peer.wakes, 0);
    app_answer(&s.app);
    assert_int_equal(s.peer.wakes, 1);
    assert_int_equal(s.peer.conn.ops->next_deadline(s.peer.conn.self), 0);
    stop(&s);
}

/* ---- 100 (Continue) ------------------------------------------------------------------------- */

static void a_client_that_waits_for_100_gets_it_before_its_body(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, "POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_string_equal(peer_text(&s.peer), "HTTP/1.1 100 Continue\r\n\r\n");
    peer_forget(&s.peer);
    peer_send(&s.peer, "ab");
    expect_answers(&s, "200, ");
    stop(&s);
}

static void input_after_the_end_is_dropped(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, "BAD\r\n");
    assert_false(peer_wants_read(&s.peer));
    assert_int_equal(s.peer.conn.ops->feed(s.peer.conn.self, START, (const uint8_t *)ECHO, 10), 10);
    peer_turn(&s.peer);
    expect_answers(&s, "400 close, ");
    assert_int_equal(app_counts(&s.app).requests, 0);
    stop(&s);
}

BW_TESTS(cmocka_unit_test(a_client_that_says_nothing_is_closed_without_a_word),
         cmocka_unit_test(an_empty_line_alone_is_nothing_too),
         cmocka_unit_test(no_byte_moves_the_deadline_of_a_head),
         cmocka_unit_test(a_later_head_has_its_time_from_its_first_byte),
         cmocka_unit_test(no_byte_moves_the_deadline_of_a_body),
         cmocka_unit_test(a_body_has_its_whole_time_after_a_slow_head),
         cmocka_unit_test(an_idle_connection_closes_without_a_word),
         cmocka_unit_test(every_request_makes_idling_start_again),
         cmocka_unit_test(idling_starts_when_the_answer_has_left),
         cmocka_unit_test(an_exchange_in_work_has_no_deadline_here),
         cmocka_unit_test(a_late_answer_starts_idling_anew),
         cmocka_unit_test(a_reader_without_progress_is_cut_off),
         cmocka_unit_test(progress_moves_the_write_deadline),
         cmocka_unit_test(who_waits_for_a_client_that_is_cut_off_hears_of_it),
         cmocka_unit_test(output_that_does_not_leave_stops_requests_and_reading),
         cmocka_unit_test(requests_that_waited_for_output_are_all_answered),
         cmocka_unit_test(a_head_that_waits_for_output_keeps_its_time),
         cmocka_unit_test(one_exchange_of_a_connection_is_in_work_at_a_time),
         cmocka_unit_test(reading_stops_while_enough_input_waits_behind_an_exchange),
         cmocka_unit_test(reading_goes_on_when_the_exchange_is_answered),
         cmocka_unit_test(an_answer_from_another_event_wakes_the_driver),
         cmocka_unit_test(a_client_that_waits_for_100_gets_it_before_its_body),
         cmocka_unit_test(input_after_the_end_is_dropped))
