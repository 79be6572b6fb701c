/* Streams: bounds of the queue, limits of concurrency, resets. */
#include "end.h"
#include "raw.h"

#include "run.h"

static void answer_first_live(struct end *end) {
    assert_true(end->live_count > 0);
    end_answer(end, end->live[0]);
}

static void a_full_queue_says_so_and_says_when_there_is_room(void **state) {
    (void)state;
    struct pair pair;
    struct bw_h2_config client, server;
    bw_h2_config_default(&client, BW_H2_CLIENT);
    bw_h2_config_default(&server, BW_H2_SERVER);
    client.send_queue_max = 10;
    server.stream_window = 65535;
    pair_init(&pair, &client, &server);
    struct bw_h2_stream *stream = end_request(&pair.client, "/a", false);
    assert_int_equal(end_send(stream, "more than the queue takes"), BW_H2_SENT); /* it was empty */
    assert_int_equal(end_send(stream, "x"), BW_H2_FULL);
    assert_int_equal(bw_h2_stream_queued(stream), 25);
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.client), "1 writable\nready\n");
    assert_int_equal(bw_h2_stream_queued(stream), 0);
    assert_int_equal(end_send(stream, "0123456789"), BW_H2_SENT);
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.client), ""); /* nobody waited */
    pair_free(&pair);
}

static void room_that_is_too_small_for_the_refused_message_is_not_announced(void **state) {
    (void)state;
    struct pair pair;
    struct bw_h2_config client, server;
    bw_h2_config_default(&client, BW_H2_CLIENT);
    bw_h2_config_default(&server, BW_H2_SERVER);
    client.send_queue_max = 100000;
    server.stream_window = 65535;
    pair_init(&pair, &client, &server);
    pair.server.keeps_window = true;
    static const uint8_t bytes[100000];
    struct bw_h2_stream *stream = end_request(&pair.client, "/a", false);
    assert_int_equal(bw_h2_send(stream, bw_span_of(bytes, 100000), bw_span_of(NULL, 0)), BW_H2_SENT);
    assert_int_equal(bw_h2_send(stream, bw_span_of(bytes, 70000), bw_span_of(NULL, 0)), BW_H2_FULL);
    bw_wire_settle(pair.wire);
    assert_int_equal(bw_h2_stream_queued(stream), 100000 - 65535);
    assert_string_equal(end_trace(&pair.client), "ready\n");
    bw_h2_consume(pair.server.stream, 65535);
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.client), "1 writable\n");
    pair_free(&pair);
}

static void a_refused_message_larger_than_the_queue_waits_until_it_is_empty(void **state) {
    (void)state;
    struct pair pair;
    struct bw_h2_config client;
    static const uint8_t bytes[200];
    bw_h2_config_default(&client, BW_H2_CLIENT);
    client.send_queue_max = 100;
    pair_init(&pair, &client, NULL);
    struct bw_h2_stream *stream = end_request(&pair.client, "/a", false);
    end_send(stream, "x");
    assert_int_equal(bw_h2_send(stream, bw_span_of(bytes, 200), bw_span_of(NULL, 0)), BW_H2_FULL);
    bw_wire_settle(pair.wire);
    assert_non_null(strstr(end_trace(&pair.client), "1 writable\n"));
    assert_int_equal(bw_h2_send(stream, bw_span_of(bytes, 200), bw_span_of(NULL, 0)), BW_H2_SENT);
    pair_free(&pair);
}

static void trailers_need_no_window(void **state) {
    (void)state;
    struct raw_end server;
    static const uint8_t bytes[65535];
    raw_server_init(&server, NULL);
    raw_request(server.wire, 1, RAW_END_STREAM, NULL, 0);
    bw_wire_settle(server.wire);
    struct bw_h2_stream *stream = server.end.stream;
    end_respond(stream, false);
    bw_h2_send(stream, bw_span_of(bytes, 65000), bw_span_of(NULL, 0));
    bw_wire_settle(server.wire);
    bw_h2_send(stream, bw_span_of(bytes, 535), bw_span_of(NULL, 0));
    bw_wire_settle(server.wire); /* the window is used up, the queue is empty */
    assert_int_equal(bw_h2_stream_queued(stream), 0);
    end_trailers(stream);
    bw_wire_settle(server.wire);
    struct raw_seen seen = {0};
    assert_true(raw_heard(server.wire, RAW_HEADERS, 1, &seen));
    assert_int_equal(seen.flags, RAW_END_HEADERS | RAW_END_STREAM);
    assert_int_equal(server.end.closed, 1);
    raw_window(server.wire, 1, 1000);
    bw_wire_settle(server.wire);
    assert_int_equal(raw_count(server.wire, RAW_GOAWAY), 0);
    raw_end_free(&server);
}

static void trailers_without_data_need_no_window_either(void **state) {
    (void)state;
    struct raw_end server;
    raw_server_init(&server, NULL);
    raw_frame(server.wire, RAW_SETTINGS, 0, 0, "\0\4\0\0\0\0", 6); /* INITIAL_WINDOW_SIZE 0 */
    raw_request(server.wire, 1, RAW_END_STREAM, NULL, 0);
    bw_wire_settle(server.wire);
    end_respond(server.end.stream, false);
    end_trailers(server.end.stream);
    bw_wire_settle(server.wire);
    assert_int_equal(raw_count(server.wire, RAW_HEADERS), 2);
    assert_int_equal(raw_count(server.wire, RAW_DATA), 0);
    assert_int_equal(server.end.closed, 1);
    raw_end_free(&server);
}

static void one_stream_at_a_time_serves_ten_requests(void **state) {
    (void)state;
    struct pair pair;
    struct bw_h2_config server;
    bw_h2_config_default(&server, BW_H2_SERVER);
    server.concurrent_streams_max = 1;
    pair_init(&pair, NULL, &server);
    bw_wire_settle(pair.wire);
    for (int i = 0; i < 10; i++)
        assert_non_null(end_request(&pair.client, "/a", true));
    assert_int_equal(bw_h2_streams(pair.client.h2), 10);
    for (size_t i = 1; i <= 10; i++) {
        bw_wire_settle(pair.wire);
        assert_int_equal(pair.server.requests, i);
        answer_first_live(&pair.server);
    }
    bw_wire_settle(pair.wire);
    assert_int_equal(pair.client.closed, 10);
    assert_null(strstr(end_trace(&pair.client), "REFUSED"));
    pair_free(&pair);
}

static void more_than_a_thousand_requests_can_wait(void **state) {
    (void)state;
    struct pair pair;
    struct bw_h2_config server;
    bw_h2_config_default(&server, BW_H2_SERVER);
    server.concurrent_streams_max = 3;
    pair_init(&pair, NULL, &server);
    pair.server.on_request_end = end_answer;
    pair.client.quiet = pair.server.quiet = true;
    bw_wire_settle(pair.wire);
    for (int i = 0; i < 3000; i++)
        assert_non_null(end_request(&pair.client, "/a", true));
    bw_wire_settle(pair.wire);
    assert_int_equal(pair.client.closed, 3000);
    assert_int_equal(pair.server.requests, 3000);
    pair_free(&pair);
}

static void a_queued_request_that_is_reset_never_goes_out(void **state) {
    (void)state;
    struct pair pair;
    struct bw_h2_config server;
    bw_h2_config_default(&server, BW_H2_SERVER);
    server.concurrent_streams_max = 1;
    pair_init(&pair, NULL, &server);
    bw_wire_settle(pair.wire);
    end_request(&pair.client, "/first", true);
    struct bw_h2_stream *second = end_request(&pair.client, "/second", true);
    end_request(&pair.client, "/third", true);
    bw_wire_settle(pair.wire);
    end_trace(&pair.client);
    bw_h2_reset(second, BW_H2_CANCEL);
    assert_string_equal(end_trace(&pair.client), ""); /* not inside the call */
    assert_int_equal(end_send(second, "x"), BW_H2_CLOSED);
    bw_h2_reset(second, BW_H2_CANCEL); /* twice is once */
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.client), "-1 closed CANCEL not-processed\n");
    answer_first_live(&pair.server);
    bw_wire_settle(pair.wire);
    assert_non_null(strstr(end_trace(&pair.server), ":path=/third"));
    assert_int_equal(pair.server.requests, 2);
    pair_free(&pair);
}

static void a_request_that_is_reset_before_the_first_drain_is_never_seen(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    bw_h2_reset(end_request(&pair.client, "/a", false), BW_H2_CANCEL);
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.client), "-1 closed CANCEL not-processed\nready\n");
    assert_int_equal(pair.server.requests, 0);
    pair_free(&pair);
}

static void a_reset_is_seen_by_the_other_end(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    struct bw_h2_stream *stream = end_request(&pair.client, "/a", false);
    end_send(stream, "half a message");
    bw_wire_settle(pair.wire);
    end_trace(&pair.client);
    end_trace(&pair.server);
    end_send(stream, "dropped");
    bw_h2_reset(stream, BW_H2_CANCEL);
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.client), "1 closed CANCEL\n");
    assert_string_equal(end_trace(&pair.server), "1 closed CANCEL remote\n");
    assert_string_equal(bw_buf_text(&pair.server.body), "half a message");

    end_request(&pair.client, "/b", true);
    bw_wire_settle(pair.wire);
    bw_h2_reset(pair.server.stream, BW_H2_ENHANCE_YOUR_CALM);
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.client), "3 closed ENHANCE_YOUR_CALM remote\n");
    pair_free(&pair);
}

static void reset_it(struct end *end, struct bw_h2_stream *stream) {
    (void)end;
    end_respond(stream, false);
    end_send(stream, "never sent");
    bw_h2_reset(stream, BW_H2_REFUSED_STREAM);
    assert_int_equal(end_respond(stream, true), BW_H2_CLOSED);
}

static void a_stream_can_be_reset_from_its_own_event(void **state) {
    (void)state;
    for (size_t piece = 1; piece < 40; piece += 13) {
        struct pair pair;
        pair_init(&pair, NULL, NULL);
        bw_wire_pieces(pair.wire, piece);
        pair.server.on_request = reset_it;
        struct bw_h2_stream *stream = end_request(&pair.client, "/a", false);
        end_send(stream, "body that comes too late");
        bw_h2_finish(stream);
        bw_wire_settle(pair.wire);
        assert_string_equal(end_trace(&pair.client), "ready\n1 closed REFUSED_STREAM remote not-processed\n");
        assert_int_equal(bw_buf_size(&pair.server.body), 0);
        assert_int_equal(bw_h2_streams(pair.server.h2), 0);
        pair_free(&pair);
    }
}

static void streams_above_the_limit_are_refused_and_the_connection_lives(void **state) {
    (void)state;
    struct raw_end server;
    struct bw_h2_config config;
    bw_h2_config_default(&config, BW_H2_SERVER);
    config.concurrent_streams_max = 2;
    raw_server_init(&server, &config); /* the client has acknowledged the limit */
    for (uint32_t i = 0; i < 4; i++)
        raw_request(server.wire, 1 + 2 * i, RAW_END_STREAM, NULL, 0);
    bw_wire_settle(server.wire);
    assert_int_equal(server.end.requests, 2);
    struct raw_seen seen = {0};
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(raw_heard(server.wire, RAW_RST_STREAM, i, &seen));
        assert_int_equal(seen.id, 5 + 2 * i);
        assert_int_equal(raw_u32(seen.payload), BW_H2_REFUSED_STREAM);
    }
    answer_first_live(&server.end);
    raw_request(server.wire, 9, RAW_END_STREAM, NULL, 0);
    bw_wire_settle(server.wire);
    /* the frames of 9 came in the same turn as the answer left */
    raw_request(server.wire, 11, RAW_END_STREAM, NULL, 0);
    bw_wire_settle(server.wire);
    assert_true(server.end.requests >= 3);
    assert_int_equal(raw_count(server.wire, RAW_GOAWAY), 0);
    raw_end_free(&server);
}

static void hold_it(struct end *end, struct bw_h2_stream *stream, const struct bw_h2_close *how) {
    (void)stream;
    (void)how;
    bw_h2_hold(end->h2);
}

static void a_handler_that_outlives_its_stream_stays_charged(void **state) {
    (void)state;
    struct raw_end server;
    struct bw_h2_config config;
    bw_h2_config_default(&config, BW_H2_SERVER);
    config.concurrent_streams_max = 4;
    raw_server_init(&server, &config);
    server.end.on_closed = hold_it;
    for (uint32_t i = 0; i < 20; i++) { /* all in one read */
        raw_request(server.wire, 1 + 2 * i, RAW_END_STREAM, NULL, 0);
        raw_reset(server.wire, 1 + 2 * i, BW_H2_CANCEL);
    }
    bw_wire_settle(server.wire);
    assert_int_equal(server.end.requests, 4);
    bw_h2_release(server.end.h2);
    raw_request(server.wire, 101, RAW_END_STREAM, NULL, 0);
    bw_wire_settle(server.wire);
    assert_int_equal(server.end.requests, 5);
    raw_end_free(&server);
}

static void answer_with_reset_of_the_other(struct end *end, struct bw_h2_stream *stream) {
    for (size_t i = 0; i < end->live_count; i++)
        if (end->live[i] != stream)
            bw_h2_reset(end->live[i], BW_H2_CANCEL);
    end_answer(end, stream);
}

static void an_event_of_one_stream_may_reset_another(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    end_request(&pair.client, "/a", false);
    bw_wire_settle(pair.wire);
    end_trace(&pair.client);
    pair.server.on_request = answer_with_reset_of_the_other;
    end_request(&pair.client, "/b", true);
    bw_wire_settle(pair.wire);
    const char *trace = end_trace(&pair.client);
    assert_non_null(strstr(trace, "1 closed CANCEL remote\n"));
    assert_non_null(strstr(trace, "3 closed NO_ERROR\n"));
    pair_free(&pair);
}

static void a_lost_connection_closes_every_stream_once(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    end_request(&pair.client, "/a", false);
    bw_wire_settle(pair.wire);
    end_trace(&pair.client);
    end_request(&pair.client, "/queued", false);
    bw_wire_cut(pair.wire, BW_LOST_ERROR);
    const char *trace = end_trace(&pair.client);
    assert_non_null(strstr(trace, "1 closed CANCEL lost\n"));
    assert_non_null(strstr(trace, "-1 closed CANCEL lost not-processed\n"));
    assert_int_equal(pair.client.closed, 2);
    assert_int_equal(pair.server.closed, 1);
    assert_null(end_request(&pair.client, "/late", true));
    pair_free(&pair);
}

static void the_owner_finds_its_own_pointer_at_the_stream(void **state) {
    (void)state;
    struct pair pair;
    int mine = 0, other = 0;
    pair_init(&pair, NULL, NULL);
    const struct bw_h2_field fields[] = {FIELD(":method", "GET"), FIELD(":scheme", "http"),
                                         FIELD(":path", "/"), FIELD(":authority", "b")};
    struct bw_h2_stream *stream = bw_h2_request(pair.client.h2, fields, 4, true, &mine);
    assert_ptr_equal(bw_h2_stream_user(stream), &mine);
    bw_h2_stream_set_user(stream, &other);
    assert_ptr_equal(bw_h2_stream_user(stream), &other);
    pair_free(&pair);
    assert_int_equal(pair.client.closed, 1); /* free told of it */
}

BW_TESTS(cmocka_unit_test(a_full_queue_says_so_and_says_when_there_is_room),
         cmocka_unit_test(room_that_is_too_small_for_the_refused_message_is_not_announced),
         cmocka_unit_test(a_refused_message_larger_than_the_queue_waits_until_it_is_empty),
         cmocka_unit_test(trailers_need_no_window),
         cmocka_unit_test(trailers_without_data_need_no_window_either),
         cmocka_unit_test(one_stream_at_a_time_serves_ten_requests),
         cmocka_unit_test(more_than_a_thousand_requests_can_wait),
         cmocka_unit_test(a_queued_request_that_is_reset_never_goes_out),
         cmocka_unit_test(a_request_that_is_reset_before_the_first_drain_is_never_seen),
         cmocka_unit_test(a_reset_is_seen_by_the_other_end),
         cmocka_unit_test(a_stream_can_be_reset_from_its_own_event),
         cmocka_unit_test(streams_above_the_limit_are_refused_and_the_connection_lives),
         cmocka_unit_test(a_handler_that_outlives_its_stream_stays_charged),
         cmocka_unit_test(an_event_of_one_stream_may_reset_another),
         cmocka_unit_test(a_lost_connection_closes_every_stream_once),
         cmocka_unit_test(the_owner_finds_its_own_pointer_at_the_stream))
