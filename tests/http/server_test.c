#include "app.h"
#include "outcome.h"
#include "peer.h"

enum { START = 1000 };

#define ECHO  "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n"
#define LATER "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"

static void expect_answers(struct peer *peer, const char *expected) {
    struct bw_buf got;
    bw_buf_init(&got, 0);
    outcome_of_answers(&got, bw_buf_span(&peer->got));
    assert_string_equal(bw_buf_text(&got), expected);
    bw_buf_free(&got);
}

static void a_config_that_was_never_defaulted_is_refused(void **state) {
    (void)state;
    struct bw_http_config config = {0};
    assert_null(bw_http_server_new(&config));
}

static void a_limit_over_its_own_maximum_is_refused(void **state) {
    (void)state;
    struct bw_http_config config;
    bw_http_config_default(&config);
    config.fields_max = BW_HTTP_FIELDS_MAX + 1;
    assert_null(bw_http_server_new(&config));
    bw_http_config_default(&config);
    config.head_size_max = BW_HTTP_HEAD_MAX + 1;
    assert_null(bw_http_server_new(&config));
}

static void the_limits_of_the_config_hold(void **state) {
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"GET /echo?aaaaa HTTP/1.1\r\nHost: h\r\n\r\n", "414 close, "},
        {"GET http://hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh/echo HTTP/1.1\r\n", "414 close, "},
        {"GET /echo HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\n\r\n", "431 close, "},
        {"GET /echo HTTP/1.1\r\nHost: h\r\nA: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n", "431 close, "},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", "413 close, "},
        {"POST /echo?aaaa HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd", "200, "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app app;
        struct peer peer;
        app_init(&app);
        app.config.target_size_max = 10;
        app.config.fields_max = 2;
        app.config.head_size_max = 64;
        app.config.body_size_max = 4;
        app_start(&app);
        peer_open(&peer, app.server, START);
        peer_send(&peer, cases[i].request);
        expect_answers(&peer, cases[i].answer);
        peer_close(&peer);
        app_stop(&app);
    }
}

static void connections_over_the_limit_are_refused(void **state) {
    (void)state;
    struct app app;
    struct peer peers[4];
    app_init(&app);
    app.config.connections_max = 3;
    app_start(&app);
    for (int i = 0; i < 3; i++)
        peer_open(&peers[i], app.server, START);
    assert_false(peer_try_open(&peers[3], app.server, START));
    assert_int_equal(app_counts(&app).connections_refused, 1);
    peer_close(&peers[1]);
    peer_open(&peers[3], app.server, START);
    assert_int_equal(app_counts(&app).connections, 3);
    peer_close(&peers[0]);
    peer_close(&peers[2]);
    peer_close(&peers[3]);
    assert_int_equal(app_counts(&app).connections, 0);
    app_stop(&app);
}

static void every_answer_carries_the_fields_of_the_config(void **state) {
    static const char *const requests[] = {ECHO, "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n", "BAD\r\n",
                                           "GET /echo HTTP/1.1\r\nHost: evil\r\n\r\n",
                                           "GET /events HTTP/1.1\r\nHost: h\r\n\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct app app;
        struct peer peer;
        app_run(&app);
        peer_open(&peer, app.server, START);
        peer_send(&peer, requests[i]);
        assert_non_null(strstr(peer_text(&peer), "\r\nX-Content-Type-Options: nosniff\r\n"));
        peer_close(&peer);
        app_stop(&app);
    }
}

static void the_filter_sees_every_wellformed_request_and_no_other(void **state) {
    (void)state;
    struct app app;
    struct peer peer;
    app_run(&app);
    peer_open(&peer, app.server, START);
    peer_send(&peer, ECHO
              "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\nOPTIONS /echo HTTP/1.1\r\nHost: h\r\n\r\nBAD\r\n");
    assert_int_equal(app.filtered, 3);
    peer_close(&peer);
    app_stop(&app);
}

/* ---- drain ---------------------------------------------------------------------------------- */

struct scene {
    struct app app;
    struct peer peer;
};

static void start(struct scene *s, const char *sent) {
    app_run(&s->app);
    peer_open(&s->peer, s->app.server, START);
    peer_send(&s->peer, sent);
    bw_http_server_drain(s->app.server, START);
    assert_true(s->peer.wakes > 0);
    peer_turn(&s->peer);
}

static void stop(struct scene *s) {
    peer_close(&s->peer);
    app_stop(&s->app);
}

static void draining_refuses_connections(void **state) {
    (void)state;
    struct scene s;
    struct peer late;
    start(&s, ECHO);
    assert_false(peer_try_open(&late, s.app.server, START));
    stop(&s);
}

static void draining_closes_idle_connections_at_once(void **state) {
    (void)state;
    struct scene s;
    start(&s, ECHO);
    assert_true(peer_is_ended(&s.peer));
    expect_answers(&s.peer, "200, ");
    stop(&s);
}

static void draining_closes_a_connection_without_a_request(void **state) {
    (void)state;
    struct scene s;
    start(&s, "\r\n");
    assert_true(peer_is_ended(&s.peer));
    stop(&s);
}

static void draining_lets_a_request_in_work_finish(void **state) {
    (void)state;
    struct scene s;
    start(&s, LATER);
    assert_false(peer_is_ended(&s.peer));
    assert_int_equal(s.app.gone, 0);
    app_answer(&s.app);
    peer_turn(&s.peer);
    expect_answers(&s.peer, "200 close, ");
    assert_true(peer_is_ended(&s.peer));
    stop(&s);
}

static void draining_lets_a_request_that_has_begun_finish(void **state) {
    (void)state;
    struct scene s;
    start(&s, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Le");
    assert_false(peer_is_ended(&s.peer));
    peer_send(&s.peer, "ngth: 2\r\n\r\n");
    assert_false(peer_is_ended(&s.peer));
    peer_send(&s.peer, "ab");
    expect_answers(&s.peer, "200 close, ");
    stop(&s);
}

static void draining_keeps_the_deadlines(void **state) {
    (void)state;
    struct scene s;
    start(&s, "GET /ec");
    peer_wait_until(&s.peer, START + 5000);
    expect_answers(&s.peer, "408 close, ");
    stop(&s);
}

static void draining_twice_is_draining_once(void **state) {
    (void)state;
    struct scene s;
    start(&s, LATER);
    unsigned wakes = s.peer.wakes;
    bw_http_server_drain(s.app.server, START);
    assert_int_equal(s.peer.wakes, wakes);
    stop(&s);
}

static void an_answer_on_its_way_leaves_before_the_end(void **state) {
    (void)state;
    struct scene s;
    app_run(&s.app);
    peer_open(&s.peer, s.app.server, START);
    s.peer.blocked = true;
    peer_send(&s.peer, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    bw_http_server_drain(s.app.server, START);
    peer_turn(&s.peer);
    peer_unblock(&s.peer);
    expect_answers(&s.peer, "200, ");
    assert_true(peer_is_ended(&s.peer));
    stop(&s);
}

/* ---- counts --------------------------------------------------------------------------------- */

static void everything_is_counted(void **state) {
    (void)state;
    struct scene s;
    app_run(&s.app);
    peer_open(&s.peer, s.app.server, START);
    peer_send(&s.peer, ECHO "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\nBAD\r\n");
    struct bw_http_counts counts = app_counts(&s.app);
    assert_int_equal(counts.connections, 1);
    assert_int_equal(counts.connections_accepted, 1);
    assert_int_equal(counts.requests, 2);
    assert_int_equal(counts.malformed, 1);
    assert_int_equal(counts.answers[2], 1);
    assert_int_equal(counts.answers[4], 2);
    assert_int_equal(counts.exchanges, 0);
    assert_int_equal(counts.timeouts, 0);
    assert_int_equal(counts.bytes_in, strlen(ECHO "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\nBAD\r\n"));
    assert_int_equal(counts.bytes_out, bw_buf_size(&s.peer.got));
    stop(&s);
}

BW_TESTS(cmocka_unit_test(a_config_that_was_never_defaulted_is_refused),
         cmocka_unit_test(a_limit_over_its_own_maximum_is_refused),
         cmocka_unit_test(the_limits_of_the_config_hold),
         cmocka_unit_test(connections_over_the_limit_are_refused),
         cmocka_unit_test(every_answer_carries_the_fields_of_the_config),
         cmocka_unit_test(the_filter_sees_every_wellformed_request_and_no_other),
         cmocka_unit_test(draining_refuses_connections),
         cmocka_unit_test(draining_closes_idle_connections_at_once),
         cmocka_unit_test(draining_closes_a_connection_without_a_request),
         cmocka_unit_test(draining_lets_a_request_in_work_finish),
         cmocka_unit_test(draining_lets_a_request_that_has_begun_finish),
         cmocka_unit_test(draining_keeps_the_deadlines), cmocka_unit_test(draining_twice_is_draining_once),
         cmocka_unit_test(an_answer_on_its_way_leaves_before_the_end),
         cmocka_unit_test(everything_is_counted))
