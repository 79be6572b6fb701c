/* Timers against peers that stall, in virtual time. */
#include "end.h"
#include "raw.h"

#include "run.h"

#include <stdlib.h>

/* Nothing was said yet. */
static void fresh_server_init(struct raw_end *server) {
    end_init(&server->end, BW_H2_SERVER, NULL);
    server->wire = bw_wire_new((struct bw_conn){NULL, NULL}, end_conn(&server->end));
}

static void a_peer_that_says_nothing_is_closed_after_five_seconds(void **state) {
    (void)state;
    struct raw_end server;
    fresh_server_init(&server);
    bw_wire_advance(server.wire, 4999);
    assert_false(bw_wire_is_closed(server.wire, BW_WIRE_B));
    bw_wire_advance(server.wire, 1);
    assert_true(bw_wire_is_closed(server.wire, BW_WIRE_B));
    assert_int_equal(bw_wire_heard(server.wire, BW_WIRE_A).len, 0);
    raw_end_free(&server);
}

static void a_preface_that_dribbles_is_closed_too(void **state) {
    (void)state;
    struct raw_end server;
    fresh_server_init(&server);
    const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (int i = 0; i < 24; i++) {
        bw_wire_say(server.wire, BW_WIRE_A, preface + i, 1);
        bw_wire_advance(server.wire, 300);
    }
    assert_true(bw_wire_is_closed(server.wire, BW_WIRE_B));
    raw_end_free(&server);
}

static void settings_that_are_not_acknowledged_end_in_settings_timeout(void **state) {
    (void)state;
    struct raw_end server;
    fresh_server_init(&server);
    raw_client_hello(server.wire);
    bw_wire_advance(server.wire, 9999);
    assert_false(bw_wire_is_closed(server.wire, BW_WIRE_B));
    bw_wire_advance(server.wire, 1);
    raw_assert_goaway(server.wire, BW_H2_SETTINGS_TIMEOUT, "settings_timeout");
    raw_end_free(&server);
}

static void a_header_block_that_dribbles_is_ended_after_five_seconds(void **state) {
    (void)state;
    struct raw_end server;
    raw_server_init(&server, NULL);
    static const char block[] = "\0\0\x09\x01\x05\0\0\0\1\x83\x86\x04\x02/a\x01\x01";
    for (size_t i = 0; i + 1 < sizeof block; i++) {
        bw_wire_say(server.wire, BW_WIRE_A, block + i, 1);
        bw_wire_advance(server.wire, 500);
    }
    assert_false(bw_wire_is_closed(server.wire, BW_WIRE_B)); /* its head was there 4 s after the first byte */
    bw_wire_advance(server.wire, 500);
    raw_assert_goaway(server.wire, BW_H2_ENHANCE_YOUR_CALM, "header_timeout");
    raw_end_free(&server);
}

static void every_block_has_its_own_five_seconds(void **state) {
    (void)state;
    struct raw_end server;
    raw_server_init(&server, NULL);
    static const char half[] = "\0\0\x09\x01\x05\0\0\0\1\x83\x86\x04\x02";
    static const char rest_and_half[] =
        "/a\x01\x01"
        "b\0\0\x09\x01\x05\0\0\0\3\x83\x86\x04\x02";
    bw_wire_say(server.wire, BW_WIRE_A, half, sizeof half - 1);
    bw_wire_advance(server.wire, 4000);
    bw_wire_say(server.wire, BW_WIRE_A, rest_and_half, sizeof rest_and_half - 1);
    bw_wire_advance(server.wire, 4000);
    assert_false(bw_wire_is_closed(server.wire, BW_WIRE_B));
    bw_wire_say(server.wire, BW_WIRE_A,
                "/a\x01\x01"
                "b",
                5);
    bw_wire_advance(server.wire, 4000);
    assert_int_equal(server.end.requests, 2);
    assert_false(bw_wire_is_closed(server.wire, BW_WIRE_B));
    raw_end_free(&server);
}

static void send_big(struct end *end, struct bw_h2_stream *stream) {
    (void)end;
    static const uint8_t bytes[200000];
    end_respond(stream, false);
    bw_h2_send(stream, bw_span_of(bytes, sizeof bytes), bw_span_of(NULL, 0));
    end_trailers(stream);
}

static void output_that_makes_no_progress_ends_the_connection(void **state) {
    (void)state;
    struct raw_end server;
    raw_server_init(&server, NULL);
    server.end.on_request_end = send_big;
    bw_wire_block(server.wire, BW_WIRE_B, 1000);
    raw_request(server.wire, 1, RAW_END_STREAM, NULL, 0);
    bw_wire_advance(server.wire, 9999);
    assert_false(bw_wire_is_closed(server.wire, BW_WIRE_B));
    bw_wire_advance(server.wire, 1);
    assert_true(bw_wire_is_closed(server.wire, BW_WIRE_B));
    assert_string_equal(strstr(end_trace(&server.end), "1 closed"), "1 closed CANCEL lost\n");
    raw_end_free(&server);
}

static void a_stream_without_window_is_reset_and_the_connection_lives(void **state) {
    (void)state;
    struct raw_end server;
    raw_server_init(&server, NULL);
    server.end.on_request_end = send_big; /* more than the window of 65535 */
    raw_request(server.wire, 1, RAW_END_STREAM, NULL, 0);
    bw_wire_advance(server.wire, 9000);
    assert_int_equal(raw_count(server.wire, RAW_RST_STREAM), 0);
    bw_wire_advance(server.wire, 12000);
    assert_int_equal(raw_count(server.wire, RAW_RST_STREAM), 1);
    assert_non_null(strstr(end_trace(&server.end), "1 closed CANCEL\n"));
    assert_false(bw_wire_is_closed(server.wire, BW_WIRE_B));
    raw_end_free(&server);
}

static void a_stream_that_goes_on_slowly_is_left_alone(void **state) {
    (void)state;
    struct raw_end server;
    raw_server_init(&server, NULL);
    server.end.on_request_end = send_big;
    raw_request(server.wire, 1, RAW_END_STREAM, NULL, 0);
    for (int i = 0; i < 10; i++) {
        bw_wire_advance(server.wire, 5000);
        raw_window(server.wire, 0, 1000);
        raw_window(server.wire, 1, 1000);
    }
    bw_wire_settle(server.wire);
    assert_int_equal(raw_count(server.wire, RAW_RST_STREAM), 0);
    raw_end_free(&server);
}

static void an_idle_connection_lives_and_has_no_deadline(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    pair.server.on_request_end = end_answer;
    end_request(&pair.client, "/a", true);
    bw_wire_advance(pair.wire, 3600 * 1000);
    assert_true(bw_h2_next_deadline(pair.client.h2) == BW_NEVER);
    assert_true(bw_h2_next_deadline(pair.server.h2) == BW_NEVER);
    end_request(&pair.client, "/b", true);
    bw_wire_advance(pair.wire, 1000);
    assert_int_equal(pair.client.closed, 2);
    pair_free(&pair);
}

BW_TESTS(cmocka_unit_test(a_peer_that_says_nothing_is_closed_after_five_seconds),
         cmocka_unit_test(a_preface_that_dribbles_is_closed_too),
         cmocka_unit_test(settings_that_are_not_acknowledged_end_in_settings_timeout),
         cmocka_unit_test(a_header_block_that_dribbles_is_ended_after_five_seconds),
         cmocka_unit_test(every_block_has_its_own_five_seconds),
         cmocka_unit_test(output_that_makes_no_progress_ends_the_connection),
         cmocka_unit_test(a_stream_without_window_is_reset_and_the_connection_lives),
         cmocka_unit_test(a_stream_that_goes_on_slowly_is_left_alone),
         cmocka_unit_test(an_idle_connection_lives_and_has_no_deadline))
