/* How connections end: drained, for a fault, or because the peer speaks something else. */
#include "end.h"
#include "raw.h"

#include "run.h"

static void a_drain_serves_what_was_on_the_wire(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    bw_wire_settle(pair.wire);
    end_request(&pair.client, "/before", true);
    bw_wire_settle(pair.wire);
    end_trace(&pair.client);

    bw_h2_shutdown(pair.server.h2, bw_wire_now(pair.wire), "graceful_stop");
    bw_h2_shutdown(pair.server.h2, bw_wire_now(pair.wire), "twice");
    end_request(&pair.client, "/on-the-wire", true); /* the client does not know yet */
    bw_wire_settle(pair.wire);
    assert_int_equal(pair.server.requests, 2);
    assert_string_equal(end_trace(&pair.client), "goaway NO_ERROR\ngoaway NO_ERROR graceful_stop\n");
    assert_false(bw_h2_accepts_requests(pair.client.h2));
    assert_null(end_request(&pair.client, "/after", true));
    assert_false(bw_wire_is_closed(pair.wire, BW_WIRE_B));

    end_answer(&pair.server, pair.server.live[0]);
    bw_wire_settle(pair.wire);
    assert_false(bw_wire_is_closed(pair.wire, BW_WIRE_B));
    end_answer(&pair.server, pair.server.live[0]);
    bw_wire_settle(pair.wire);
    const char *trace = end_trace(&pair.client);
    assert_non_null(strstr(trace, "1 closed NO_ERROR\n"));
    assert_non_null(strstr(trace, "3 closed NO_ERROR\n"));
    assert_true(bw_wire_is_closed(pair.wire, BW_WIRE_A));
    assert_true(bw_wire_is_closed(pair.wire, BW_WIRE_B));
    pair_free(&pair);
}

static void a_drain_without_streams_closes_at_once(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    bw_wire_settle(pair.wire);
    bw_h2_shutdown(pair.server.h2, bw_wire_now(pair.wire), "max_age");
    bw_wire_settle(pair.wire);
    assert_true(bw_wire_is_closed(pair.wire, BW_WIRE_B));
    pair_free(&pair);
}

static void a_drain_whose_ping_is_not_answered_goes_on_after_its_time(void **state) {
    (void)state;
    struct raw_end server;
    raw_server_init(&server, NULL);
    raw_request(server.wire, 1, RAW_END_STREAM, NULL, 0);
    bw_wire_settle(server.wire);
    bw_h2_shutdown(server.end.h2, bw_wire_now(server.wire), "graceful_stop");
    bw_wire_settle(server.wire);
    struct raw_seen seen = {0};
    assert_true(raw_heard(server.wire, RAW_GOAWAY, 0, &seen));
    assert_int_equal(raw_u32(seen.payload), 0x7fffffff);
    assert_int_equal(raw_count(server.wire, RAW_PING), 1);
    raw_request(server.wire, 3, RAW_END_STREAM, NULL, 0);
    bw_wire_advance(server.wire, 4999);
    assert_int_equal(raw_count(server.wire, RAW_GOAWAY), 1);
    bw_wire_advance(server.wire, 1);
    assert_true(raw_heard(server.wire, RAW_GOAWAY, 1, &seen));
    assert_int_equal(raw_u32(seen.payload), 3);
    assert_int_equal(raw_u32(seen.payload + 4), BW_H2_NO_ERROR);
    raw_request(server.wire, 5, RAW_END_STREAM, NULL, 0);
    bw_wire_settle(server.wire);
    assert_int_equal(server.end.requests, 2);
    raw_end_free(&server);
}

static void a_client_that_drains_finishes_its_requests(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    end_request(&pair.client, "/a", true);
    bw_wire_settle(pair.wire);
    bw_h2_shutdown(pair.client.h2, bw_wire_now(pair.wire), NULL);
    assert_null(end_request(&pair.client, "/b", true));
    bw_wire_settle(pair.wire);
    assert_false(bw_wire_is_closed(pair.wire, BW_WIRE_A));
    end_answer(&pair.server, pair.server.live[0]);
    bw_wire_settle(pair.wire);
    assert_non_null(strstr(end_trace(&pair.client), "1 closed NO_ERROR\n"));
    assert_true(bw_wire_is_closed(pair.wire, BW_WIRE_A));
    pair_free(&pair);
}

static void a_client_that_drains_gives_queued_requests_back(void **state) {
    (void)state;
    struct raw_end client;
    raw_client_init(&client);
    raw_frame(client.wire, RAW_SETTINGS, 0, 0, "\0\3\0\0\0\1", 6);
    bw_wire_settle(client.wire);
    end_request(&client.end, "/a", true);
    end_request(&client.end, "/queued", true);
    bw_wire_settle(client.wire);
    bw_h2_shutdown(client.end.h2, bw_wire_now(client.wire), NULL);
    bw_wire_settle(client.wire);
    assert_string_equal(end_trace(&client.end), "-1 closed REFUSED_STREAM not-processed\n");
    raw_end_free(&client);
}

static void requests_above_the_last_id_were_not_processed(void **state) {
    (void)state;
    struct raw_end client;
    raw_client_init(&client);
    end_request(&client.end, "/a", true);
    end_request(&client.end, "/b", true);
    bw_wire_settle(client.wire);
    raw_frame(client.wire, RAW_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0bye", 11);
    bw_wire_settle(client.wire);
    assert_string_equal(end_trace(&client.end),
                        "goaway NO_ERROR bye\n3 closed REFUSED_STREAM not-processed\n");
    raw_frame(client.wire, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 1, "\x88", 1);
    bw_wire_settle(client.wire);
    assert_string_equal(end_trace(&client.end), "1 response :status=200 end\n1 closed NO_ERROR\n");
    assert_true(bw_wire_is_closed(client.wire, BW_WIRE_B));
    raw_end_free(&client);
}

static void queued_requests_come_back_at_once_after_goaway(void **state) {
    (void)state;
    struct raw_end client;
    raw_client_init(&client);
    raw_frame(client.wire, RAW_SETTINGS, 0, 0, "\0\3\0\0\0\1", 6);
    bw_wire_settle(client.wire);
    end_request(&client.end, "/a", true);
    end_request(&client.end, "/queued", true);
    bw_wire_settle(client.wire);
    raw_frame(client.wire, RAW_GOAWAY, 0, 0, "\x7f\xff\xff\xff\0\0\0\0", 8);
    bw_wire_settle(client.wire);
    assert_string_equal(end_trace(&client.end), "goaway NO_ERROR\n-1 closed REFUSED_STREAM not-processed\n");
    assert_int_equal(bw_h2_streams(client.end.h2), 1);
    raw_end_free(&client);
}

static void terminate_says_why_and_closes(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    end_request(&pair.client, "/a", true);
    bw_wire_settle(pair.wire);
    end_trace(&pair.client);
    end_trace(&pair.server);
    bw_h2_terminate(pair.server.h2, BW_H2_ENHANCE_YOUR_CALM, "max_connections");
    assert_int_equal(bw_h2_wants(pair.server.h2), BW_WANTS_CLOSE);
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.server), "1 closed CANCEL lost\n");
    assert_string_equal(end_trace(&pair.client),
                        "goaway ENHANCE_YOUR_CALM max_connections\n1 closed CANCEL lost\n");
    assert_true(bw_wire_is_closed(pair.wire, BW_WIRE_B));
    pair_free(&pair);
}

static void terminate_in_request(struct end *end, struct bw_h2_stream *stream) {
    bw_h2_terminate(end->h2, BW_H2_INTERNAL_ERROR, "from an event");
    assert_int_equal(end_respond(stream, true), BW_H2_CLOSED);
}

static void terminate_from_an_event_is_the_last_event(void **state) {
    (void)state;
    struct raw_end server;
    raw_server_init(&server, NULL);
    server.end.on_request = terminate_in_request;
    for (uint32_t i = 0; i < 3; i++)
        raw_request(server.wire, 1 + 2 * i, 0, NULL, 0);
    raw_frame(server.wire, RAW_DATA, RAW_END_STREAM, 1, "x", 1);
    bw_wire_settle(server.wire);
    assert_int_equal(server.end.requests, 1);
    assert_int_equal(server.end.closed, 1);
    raw_assert_goaway(server.wire, BW_H2_INTERNAL_ERROR, "from an event");
    raw_end_free(&server);
}

static void speak(const char *text, size_t len, size_t piece, bool answered) {
    struct end end;
    end_init(&end, BW_H2_SERVER, NULL);
    struct bw_wire *wire = bw_wire_new((struct bw_conn){NULL, NULL}, end_conn(&end));
    bw_wire_pieces(wire, piece);
    bw_wire_say(wire, BW_WIRE_A, text, len);
    bw_wire_settle(wire);
    assert_true(bw_wire_is_closed(wire, BW_WIRE_B));
    assert_int_equal(bw_span_starts(bw_wire_heard(wire, BW_WIRE_A), "HTTP/1.1 400 Bad Request\r\n"),
                     answered);
    assert_int_equal(bw_wire_heard(wire, BW_WIRE_A).len > 0, answered);
    bw_wire_free(wire);
    end_clean(&end);
}

static void a_peer_that_speaks_something_else_is_closed(void **state) {
    (void)state;
    for (size_t piece = 1; piece < 40; piece += 19) {
        speak("GET / HTTP/1.1\r\nHost: b\r\n\r\n", 27, piece, true);
        speak("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 24, piece, true);
        speak("\x16\x03\x01\x02\x00", 5, piece, false);
        speak("\0", 1, piece, false);
    }
}

static void garbage_after_the_preface_ends_in_goaway(void **state) {
    (void)state;
    struct raw_end server;
    raw_server_init(&server, NULL);
    bw_wire_say(server.wire, BW_WIRE_A, "GET / HTTP/1.1\r\nHost: b\r\n\r\n", 27);
    bw_wire_settle(server.wire);
    raw_assert_goaway(server.wire, BW_H2_FRAME_SIZE_ERROR, NULL);
    raw_end_free(&server);
}

static void the_hello_goes_before_a_goaway_even_in_the_first_read(void **state) {
    (void)state;
    struct end end;
    end_init(&end, BW_H2_SERVER, NULL);
    struct bw_wire *wire = bw_wire_new((struct bw_conn){NULL, NULL}, end_conn(&end));
    raw_client_hello(wire);
    for (int i = 0; i < 3000; i++)
        raw_frame(wire, 0x42, 0, 0, NULL, 0);
    bw_wire_settle(wire);
    assert_int_equal(bw_wire_heard(wire, BW_WIRE_A).data[3], RAW_SETTINGS);
    raw_assert_goaway(wire, BW_H2_ENHANCE_YOUR_CALM, "too_many_frames");
    bw_wire_free(wire);
    end_clean(&end);
}

BW_TESTS(cmocka_unit_test(a_drain_serves_what_was_on_the_wire),
         cmocka_unit_test(a_drain_without_streams_closes_at_once),
         cmocka_unit_test(a_drain_whose_ping_is_not_answered_goes_on_after_its_time),
         cmocka_unit_test(a_client_that_drains_finishes_its_requests),
         cmocka_unit_test(a_client_that_drains_gives_queued_requests_back),
         cmocka_unit_test(requests_above_the_last_id_were_not_processed),
         cmocka_unit_test(queued_requests_come_back_at_once_after_goaway),
         cmocka_unit_test(terminate_says_why_and_closes),
         cmocka_unit_test(terminate_from_an_event_is_the_last_event),
         cmocka_unit_test(a_peer_that_speaks_something_else_is_closed),
         cmocka_unit_test(garbage_after_the_preface_ends_in_goaway),
         cmocka_unit_test(the_hello_goes_before_a_goaway_even_in_the_first_read))
