/* Health: Check answers once, Watch tells the status now and then every change. */
#include "caller.h"

#include <breakwire/health.h>

#define CHECK "/grpc.health.v1.Health/Check"
#define WATCH "/grpc.health.v1.Health/Watch"

static struct caller caller;
static struct bw_health *health;

static int make(void **state) {
    (void)state;
    caller_init(&caller, NULL);
    health = bw_health_new(caller.service.server);
    assert_non_null(health);
    return 0;
}

static int end(void **state) {
    (void)state;
    caller_free(&caller);
    bw_health_free(health);
    return 0;
}

static struct bw_h2_stream *ask(const char *path, const char *service) {
    struct bw_buf request;
    bw_buf_init(&request, 0);
    assert_true(bw_health_request(&request, service));
    struct bw_h2_stream *stream = caller_open(&caller, path, "", false);
    caller_say(stream, bw_buf_span(&request));
    bw_h2_finish(stream);
    bw_buf_free(&request);
    return stream;
}

/* The statuses that came, "SERVING NOT_SERVING ". */
static const char *statuses(void) {
    static const char *const names[] = {"UNKNOWN ", "SERVING ", "NOT_SERVING ", "SERVICE_UNKNOWN "};
    static char text[4096];
    text[0] = '\0';
    struct bw_span body = caller_body(&caller);
    while (body.len) {
        size_t size = body.data[4];
        strcat(text, names[bw_health_response(bw_span_of(body.data + 5, size))]);
        body = bw_span_of(body.data + 5 + size, body.len - 5 - size);
    }
    return text;
}

static void the_whole_server_serves_from_the_start(void **state) {
    (void)state;
    ask(CHECK, "");
    assert_string_equal(caller_heard(&caller),
                        "1 " OK_START "1 trailers grpc-status=0 end\n1 closed NO_ERROR\n");
    assert_string_equal(statuses(), "SERVING ");
}

static void a_service_has_the_status_that_was_set(void **state) {
    (void)state;
    bw_health_set(health, "zoo.Zoo", BW_NOT_SERVING);
    ask(CHECK, "zoo.Zoo");
    assert_string_equal(statuses(), "NOT_SERVING ");
    bw_health_set(health, "zoo.Zoo", BW_SERVING);
    ask(CHECK, "zoo.Zoo");
    assert_string_equal(statuses(), "SERVING ");
    bw_health_set(health, "", BW_NOT_SERVING);
    ask(CHECK, "zoo.Zoo");
    ask(CHECK, "");
    assert_string_equal(statuses(), "SERVING NOT_SERVING ");
}

static void check_of_an_unknown_service_is_not_found(void **state) {
    (void)state;
    ask(CHECK, "no.Such");
    assert_string_equal(caller_heard(&caller),
                        "1 response :status=200 content-type=application/grpc "
                        "grpc-status=5 grpc-message=unknown service end\n"
                        "1 closed NO_ERROR\n");
}

static void a_request_that_does_not_parse_is_internal(void **state) {
    (void)state;
    caller_ask(&caller, CHECK, "", "\x0a\x7fx");
    assert_non_null(strstr(caller_heard(&caller), "grpc-status=13"));
    caller_ask(&caller, WATCH, "", "\x0a\x7fx");
    assert_non_null(strstr(caller_heard(&caller), "grpc-status=13"));
}

static void watch_tells_the_status_now_and_then_changes_only(void **state) {
    (void)state;
    ask(WATCH, "");
    assert_string_equal(statuses(), "SERVING ");
    bw_health_set(health, "", BW_SERVING);
    assert_string_equal(statuses(), "");
    bw_health_set(health, "", BW_NOT_SERVING);
    assert_string_equal(statuses(), "NOT_SERVING ");
    bw_health_set(health, "other", BW_SERVING);
    assert_string_equal(statuses(), "");
    bw_health_set(health, "", BW_SERVING);
    assert_string_equal(statuses(), "SERVING ");
    assert_string_equal(caller_heard(&caller), "1 " OK_START); /* and the stream is open */
}

static void watch_of_an_unknown_service_waits_until_it_is_known(void **state) {
    (void)state;
    ask(WATCH, "zoo.Zoo");
    assert_string_equal(statuses(), "SERVICE_UNKNOWN ");
    bw_health_set(health, "zoo.Zoo", BW_SERVING);
    assert_string_equal(statuses(), "SERVING ");
}

static void every_watcher_hears_and_those_who_left_do_not_matter(void **state) {
    (void)state;
    struct bw_h2_stream *first = ask(WATCH, ""), *second = ask(WATCH, "");
    ask(WATCH, "");
    assert_string_equal(statuses(), "SERVING SERVING SERVING ");
    bw_h2_reset(second, BW_H2_CANCEL);
    caller_heard(&caller);
    bw_health_set(health, "", BW_NOT_SERVING);
    assert_string_equal(statuses(), "NOT_SERVING NOT_SERVING ");
    bw_h2_reset(first, BW_H2_CANCEL);
    caller_heard(&caller);
    bw_health_set(health, "", BW_SERVING);
    assert_string_equal(statuses(), "SERVING ");
}

static void a_watcher_who_does_not_read_is_told_the_newest_status_later(void **state) {
    (void)state;
    struct bw_h2_config client;
    struct caller slow;
    bw_h2_config_default(&client, BW_H2_CLIENT);
    client.stream_window = 65535;
    caller_init_h2(&slow, NULL, &client);
    struct bw_health *other = bw_health_new(slow.service.server);
    slow.end.keeps_window = true;
    caller_ask(&slow, WATCH, "", "");
    for (int i = 0; i < 100000; i++) {
        bw_health_set(other, "", i % 2 ? BW_SERVING : BW_NOT_SERVING);
        if (i % 64 == 0)
            caller_heard(&slow);
    }
    bw_health_set(other, "", BW_SERVING_UNKNOWN);
    caller_heard(&slow);
    struct bw_span body = caller_body(&slow);
    assert_int_equal(body.len, 65535);
    slow.end.keeps_window = false;
    bw_h2_consume(slow.end.live_count ? slow.end.live[0] : slow.end.stream, 65535);
    body = caller_body(&slow);
    assert_int_equal(body.data[body.len - 1], BW_SERVING_UNKNOWN);
    assert_true(body.len < 400000); /* a burst collapses */
    caller_free(&slow);
    bw_health_free(other);
}

static void a_shutdown_is_told_and_final_and_lets_the_drain_end(void **state) {
    (void)state;
    bw_health_set(health, "zoo.Zoo", BW_SERVING);
    ask(WATCH, "");
    ask(WATCH, "zoo.Zoo");
    statuses();
    caller_heard(&caller);
    bw_health_shutdown(health);
    assert_true(bw_health_set(health, "", BW_SERVING));
    assert_string_equal(statuses(), "NOT_SERVING NOT_SERVING ");
    assert_non_null(strstr(caller_heard(&caller), "grpc-status=14 grpc-message=the server is shutting down"));
    ask(CHECK, "");
    ask(CHECK, "zoo.Zoo");
    assert_string_equal(statuses(), "NOT_SERVING NOT_SERVING ");
    bw_health_shutdown(health);
    bw_server_drain(caller.service.server, BW_WIRE_START_MS);
    bw_wire_settle(caller.wire);
    assert_true(bw_wire_is_closed(caller.wire, BW_WIRE_B));
}

static void a_response_is_one_of_the_known_statuses(void **state) {
    (void)state;
    assert_int_equal(bw_health_response(bw_span_text("\x08\x01")), BW_SERVING);
    assert_int_equal(bw_health_response(bw_span_text("\x08\x03")), BW_SERVICE_UNKNOWN);
    assert_int_equal(bw_health_response(bw_span_text("\x08\x04")), BW_SERVING_UNKNOWN);
    assert_int_equal(bw_health_response(bw_span_text("")), BW_SERVING_UNKNOWN);
    assert_int_equal(bw_health_response(bw_span_text("\x08")), BW_SERVING_UNKNOWN);
    assert_int_equal(bw_health_response(bw_span_text("\x08\x01\x0a")), BW_SERVING_UNKNOWN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(the_whole_server_serves_from_the_start), TEST(a_service_has_the_status_that_was_set),
         TEST(check_of_an_unknown_service_is_not_found), TEST(a_request_that_does_not_parse_is_internal),
         TEST(watch_tells_the_status_now_and_then_changes_only),
         TEST(watch_of_an_unknown_service_waits_until_it_is_known),
         TEST(every_watcher_hears_and_those_who_left_do_not_matter),
         TEST(a_watcher_who_does_not_read_is_told_the_newest_status_later),
         TEST(a_shutdown_is_told_and_final_and_lets_the_drain_end),
         TEST(a_response_is_one_of_the_known_statuses))
