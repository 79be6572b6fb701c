#include "app.h"
#include "outcome.h"
#include "peer.h"

#include <stdio.h>

#define EVENTS "GET /events HTTP/1.1\r\nHost: h\r\n\r\n"
#define HEAD                                                                                                 \
    "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"                      \
    "Content-Type: text/event-stream\r\nConnection: close\r\n\r\n"

enum { START = 1000 };

struct scene {
    struct app app;
    struct peer peer;
};

static void open_with(struct scene *scene, const char *request) {
    app_start(&scene->app);
    peer_open(&scene->peer, scene->app.server, START);
    peer_send(&scene->peer, request);
}

static void start(struct scene *scene) {
    app_init(&scene->app);
    open_with(scene, EVENTS);
    assert_int_equal(scene->app.streams_count, 1);
    assert_string_equal(peer_text(&scene->peer), HEAD);
    peer_forget(&scene->peer);
}

static void stop(struct scene *scene) {
    peer_close(&scene->peer);
    app_stop(&scene->app);
}

static bool send_event(struct scene *scene, const char *id, const char *event, const char *data) {
    return bw_http_stream_send(scene->app.streams[0], id, event, bw_span_text(data));
}

static void expect_text(struct scene *scene, const char *expected) {
    peer_turn(&scene->peer);
    assert_string_equal(peer_text(&scene->peer), expected);
    peer_forget(&scene->peer);
}

/* ---- framing -------------------------------------------------------------------------------- */

static void an_event_has_id_name_and_data(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    assert_true(send_event(&s, "7", "call", "{\"ok\":true}"));
    expect_text(&s, "id: 7\nevent: call\ndata: {\"ok\":true}\n\n");
    assert_true(send_event(&s, NULL, NULL, "x"));
    expect_text(&s, "data: x\n\n");
    stop(&s);
}

static void every_line_of_data_is_a_line_of_the_event(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    send_event(&s, NULL, NULL, "a\nb\r\nc\rd");
    expect_text(&s, "data: a\ndata: b\ndata: c\ndata: d\n\n");
    send_event(&s, NULL, NULL, "a\n\nb\n");
    expect_text(&s, "data: a\ndata: \ndata: b\ndata: \n\n");
    send_event(&s, NULL, NULL, "");
    expect_text(&s, "data: \n\n");
    stop(&s);
}

static void id_and_name_cannot_make_new_lines(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    send_event(&s, "1\ndata: forged", "a\r\n\r\nb", "x");
    expect_text(&s, "id: 1 data: forged\nevent: a    b\ndata: x\n\n");
    stop(&s);
}

static void last_event_id_is_visible_to_the_handler(void **state) {
    (void)state;
    struct scene s;
    app_init(&s.app);
    open_with(&s, "GET /events HTTP/1.1\r\nHost: h\r\nLast-Event-ID: 41\r\n\r\n");
    assert_string_equal(app_seen(&s.app), "GET /events @h; after 41; ");
    stop(&s);
}

static void sending_wakes_the_driver(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    unsigned wakes = s.peer.wakes;
    send_event(&s, NULL, NULL, "x");
    assert_int_equal(s.peer.wakes, wakes + 1);
    stop(&s);
}

static void what_the_client_sends_on_is_dropped(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_send(&s.peer, EVENTS "garbage");
    assert_true(peer_wants_read(&s.peer));
    assert_int_equal(app_counts(&s.app).requests, 1);
    send_event(&s, NULL, NULL, "x");
    expect_text(&s, "data: x\n\n");
    stop(&s);
}

/* ---- heartbeat ------------------------------------------------------------------------------ */

static void a_comment_comes_after_fifteen_silent_seconds(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_wait_until(&s.peer, START + 14999);
    expect_text(&s, "");
    peer_wait_until(&s.peer, START + 15000);
    expect_text(&s, ":\n\n");
    peer_wait_until(&s.peer, START + 45000);
    expect_text(&s, ":\n\n:\n\n");
    stop(&s);
}

static void an_event_is_a_heartbeat_too(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_wait_until(&s.peer, START + 14000);
    send_event(&s, NULL, NULL, "x");
    expect_text(&s, "data: x\n\n");
    peer_wait_until(&s.peer, START + 28999);
    expect_text(&s, "");
    peer_wait_until(&s.peer, START + 29000);
    expect_text(&s, ":\n\n");
    stop(&s);
}

static void heartbeats_do_not_pile_up_before_a_blocked_client(void **state) {
    (void)state;
    struct scene s;
    app_init(&s.app);
    s.app.config.write_timeout_ms = 100000;
    open_with(&s, EVENTS);
    s.peer.blocked = true;
    send_event(&s, NULL, NULL, "x");
    peer_turn(&s.peer);
    peer_wait_until(&s.peer, START + 90000);
    assert_int_equal(bw_http_stream_waiting(s.app.streams[0]), 0);
    stop(&s);
}

/* ---- slow clients --------------------------------------------------------------------------- */

/* Each event "data: N\n\n" has 9 bytes, and "first" leaves at once and then blocks the socket. */
static void start_blocked(struct scene *scene, size_t queue_size_max) {
    app_init(&scene->app);
    scene->app.config.stream_queue_size_max = queue_size_max;
    open_with(scene, EVENTS);
    peer_forget(&scene->peer);
    scene->peer.blocked = true;
    send_event(scene, NULL, NULL, "first");
    peer_turn(&scene->peer);
}

static void send_numbers_at_once(struct scene *scene, int from, int to) {
    for (int i = from; i <= to; i++) {
        char data[2] = {(char)('0' + i), 0};
        assert_true(send_event(scene, NULL, NULL, data));
    }
}

static void send_numbers(struct scene *scene, int from, int to) {
    for (int i = from; i <= to; i++) {
        send_numbers_at_once(scene, i, i);
        peer_turn(&scene->peer);
    }
}

static void a_full_queue_drops_the_oldest_and_says_how_many(void **state) {
    (void)state;
    struct scene s;
    start_blocked(&s, 30);
    send_numbers(&s, 1, 9);
    assert_int_equal(bw_http_stream_waiting(s.app.streams[0]), 36);
    peer_unblock(&s.peer);
    expect_text(
        &s, "data: first\n\nevent: lost\ndata: {\"lost\":5}\n\ndata: 6\n\ndata: 7\n\ndata: 8\n\ndata: 9\n\n");
    assert_int_equal(app_counts(&s.app).events_lost, 5);
    assert_int_equal(app_counts(&s.app).events_sent, 5);
    stop(&s);
}

static void a_loss_is_told_once(void **state) {
    (void)state;
    struct scene s;
    start_blocked(&s, 9);
    send_numbers(&s, 1, 3);
    peer_unblock(&s.peer);
    expect_text(&s, "data: first\n\nevent: lost\ndata: {\"lost\":1}\n\ndata: 2\n\ndata: 3\n\n");
    send_numbers(&s, 4, 4);
    expect_text(&s, "data: 4\n\n");
    stop(&s);
}

static void the_queue_never_holds_more_than_its_limit_and_the_newest(void **state) {
    (void)state;
    struct scene s;
    start_blocked(&s, 1000);
    for (int i = 0; i < 3000; i++) {
        char data[400];
        snprintf(data, sizeof data, "%0*d", 1 + i * 7 % 390, i);
        assert_true(send_event(&s, NULL, NULL, data));
        assert_true(bw_http_stream_waiting(s.app.streams[0]) <= 1000 + sizeof data);
    }
    peer_unblock(&s.peer);
    assert_non_null(strstr(peer_text(&s.peer), "event: lost\n"));
    stop(&s);
}

static void an_event_over_the_limit_of_answers_is_lost_itself(void **state) {
    (void)state;
    struct scene s;
    app_init(&s.app);
    s.app.config.answer_size_max = 20;
    open_with(&s, EVENTS);
    peer_forget(&s.peer);
    assert_true(send_event(&s, NULL, NULL, "exactly twenty bytes"));
    assert_false(send_event(&s, NULL, NULL, "more than twenty bytes"));
    expect_text(&s, "event: lost\ndata: {\"lost\":1}\n\ndata: exactly twenty bytes\n\n");
    stop(&s);
}

static void a_large_event_reaches_a_client_that_keeps_up(void **state) {
    (void)state;
    static char data[100001];
    struct scene s;
    start(&s);
    memset(data, 'x', sizeof data - 1);
    assert_true(send_event(&s, NULL, NULL, data));
    peer_turn(&s.peer);
    assert_int_equal(bw_buf_size(&s.peer.got), sizeof data - 1 + strlen("data: \n\n"));
    stop(&s);
}

static void a_burst_reaches_a_client_that_keeps_up(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    for (int i = 0; i < 9000; i++)
        assert_true(send_event(&s, NULL, NULL, "1234567890"));
    peer_turn(&s.peer);
    assert_int_equal(app_counts(&s.app).events_lost, 0);
    assert_int_equal(bw_buf_size(&s.peer.got), 9000 * strlen("data: 1234567890\n\n"));
    stop(&s);
}

static void a_burst_has_a_limit_too(void **state) {
    (void)state;
    struct scene s;
    app_init(&s.app);
    s.app.config.answer_size_max = 20;
    open_with(&s, EVENTS);
    peer_forget(&s.peer);
    send_numbers_at_once(&s, 1, 5);
    expect_text(&s, "event: lost\ndata: {\"lost\":2}\n\ndata: 3\n\ndata: 4\n\ndata: 5\n\n");
    stop(&s);
}

static void a_client_that_does_not_read_is_given_up(void **state) {
    (void)state;
    struct scene s;
    start_blocked(&s, 1000);
    send_numbers(&s, 1, 3);
    peer_wait_until(&s.peer, START + 9999);
    assert_int_equal(s.app.streams_gone, 0);
    peer_wait_until(&s.peer, START + 10000);
    assert_int_equal(s.app.streams_gone, 1);
    assert_true(peer_is_ended(&s.peer));
    assert_int_equal(app_counts(&s.app).streams, 0);
    stop(&s);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void a_client_that_leaves_is_reported_once(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    peer_leave(&s.peer);
    assert_int_equal(s.app.streams_gone, 1);
    assert_null(s.app.streams[0]);
    stop(&s);
    assert_int_equal(s.app.streams_gone, 1);
}

static void an_ended_stream_sends_what_waits_and_closes(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    send_event(&s, NULL, NULL, "a");
    send_event(&s, NULL, NULL, "b");
    bw_http_stream_end(s.app.streams[0]);
    expect_text(&s, "data: a\n\ndata: b\n\n");
    assert_true(peer_is_ended(&s.peer));
    assert_int_equal(app_counts(&s.app).streams, 0);
    stop(&s);
    assert_int_equal(s.app.streams_gone, 0);
}

static void draining_ends_streams_after_what_waits(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    send_event(&s, NULL, NULL, "a");
    bw_http_server_drain(s.app.server, START);
    assert_int_equal(s.app.streams_gone, 0); /* never from inside the call */
    expect_text(&s, "data: a\n\n");
    assert_int_equal(s.app.streams_gone, 1);
    assert_true(peer_is_ended(&s.peer));
    stop(&s);
}

static void draining_ends_a_silent_stream(void **state) {
    (void)state;
    struct scene s;
    start(&s);
    bw_http_server_drain(s.app.server, START);
    peer_turn(&s.peer);
    assert_true(peer_is_ended(&s.peer));
    stop(&s);
}

/* ---- how many ------------------------------------------------------------------------------- */

static void the_seventeenth_stream_is_answered_503(void **state) {
    (void)state;
    struct app app;
    struct peer peers[17];
    app_run(&app);
    for (int i = 0; i < 17; i++) {
        peer_open(&peers[i], app.server, START);
        peer_send(&peers[i], EVENTS);
    }
    assert_int_equal(app_counts(&app).streams, 16);
    assert_int_equal(app_counts(&app).streams_refused, 1);
    assert_memory_equal(peer_text(&peers[16]), "HTTP/1.1 503 Service Unavailable\r\n", 34);
    assert_non_null(strstr(peer_text(&peers[16]), "\r\nRetry-After: 5\r\n"));
    assert_false(peer_is_ended(&peers[16]));

    peer_leave(&peers[3]);
    peer_forget(&peers[16]);
    peer_send(&peers[16], EVENTS);
    assert_string_equal(peer_text(&peers[16]), HEAD);
    for (int i = 0; i < 17; i++)
        peer_close(&peers[i]);
    assert_int_equal(app_counts(&app).streams, 0);
    app_stop(&app);
}

static void head_of_a_stream_is_fields_alone(void **state) {
    (void)state;
    struct scene s;
    app_init(&s.app);
    open_with(&s, "HEAD /events HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(peer_text(&s.peer), HEAD);
    assert_int_equal(s.app.streams_count, 0);
    assert_int_equal(app_counts(&s.app).streams, 0);
    assert_int_equal(app_counts(&s.app).exchanges, 0);
    assert_true(peer_is_ended(&s.peer));
    stop(&s);
}

BW_TESTS(cmocka_unit_test(an_event_has_id_name_and_data),
         cmocka_unit_test(every_line_of_data_is_a_line_of_the_event),
         cmocka_unit_test(id_and_name_cannot_make_new_lines),
         cmocka_unit_test(last_event_id_is_visible_to_the_handler),
         cmocka_unit_test(sending_wakes_the_driver), cmocka_unit_test(what_the_client_sends_on_is_dropped),
         cmocka_unit_test(a_comment_comes_after_fifteen_silent_seconds),
         cmocka_unit_test(an_event_is_a_heartbeat_too),
         cmocka_unit_test(heartbeats_do_not_pile_up_before_a_blocked_client),
         cmocka_unit_test(a_full_queue_drops_the_oldest_and_says_how_many),
         cmocka_unit_test(a_loss_is_told_once),
         cmocka_unit_test(the_queue_never_holds_more_than_its_limit_and_the_newest),
         cmocka_unit_test(an_event_over_the_limit_of_answers_is_lost_itself),
         cmocka_unit_test(a_large_event_reaches_a_client_that_keeps_up),
         cmocka_unit_test(a_burst_reaches_a_client_that_keeps_up), cmocka_unit_test(a_burst_has_a_limit_too),
         cmocka_unit_test(a_client_that_does_not_read_is_given_up),
         cmocka_unit_test(a_client_that_leaves_is_reported_once),
         cmocka_unit_test(an_ended_stream_sends_what_waits_and_closes),
         cmocka_unit_test(draining_ends_streams_after_what_waits),
         cmocka_unit_test(draining_ends_a_silent_stream),
         cmocka_unit_test(the_seventeenth_stream_is_answered_503),
         cmocka_unit_test(head_of_a_stream_is_fields_alone))
