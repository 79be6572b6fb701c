/* Requests and answers of a client and a server in memory. */
#include "end.h"
#include "raw.h"

#include "run.h"

#include <stdlib.h>

static void exchange(size_t piece) {
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    bw_wire_pieces(pair.wire, piece);
    pair.server.on_request_end = end_answer;
    struct bw_h2_stream *stream = end_request(&pair.client, "/a", false);
    assert_int_equal(bw_h2_stream_id(stream), -1);
    assert_int_equal(end_send(stream, "question"), BW_H2_SENT);
    assert_int_equal(bw_h2_finish(stream), BW_H2_SENT);
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.server),
                        "ready\n"
                        "1 request :method=POST :scheme=http :path=/a :authority=b\n"
                        "1 data-end\n"
                        "1 closed NO_ERROR\n");
    assert_string_equal(end_trace(&pair.client),
                        "ready\n"
                        "1 response :status=200\n"
                        "1 trailers grpc-status=0 end\n"
                        "1 closed NO_ERROR\n");
    assert_string_equal(bw_buf_text(&pair.server.body), "question");
    assert_string_equal(bw_buf_text(&pair.client.body), "hello");
    assert_int_equal(bw_h2_streams(pair.client.h2), 0);
    assert_int_equal(bw_h2_streams(pair.server.h2), 0);
    pair_free(&pair);
}

static void a_request_is_answered(void **state) {
    (void)state;
    exchange(SIZE_MAX);
}

static void a_request_that_comes_byte_by_byte_is_answered(void **state) {
    (void)state;
    exchange(1);
    exchange(7);
}

static void frames_of_answer(struct raw_end *server, char *out, size_t cap) {
    struct bw_buf text;
    bw_buf_init(&text, 0);
    struct bw_span left = bw_wire_heard(server->wire, BW_WIRE_A);
    while (left.len >= 9) {
        size_t len = (size_t)left.data[1] << 8 | left.data[2];
        bw_buf_printf(&text, "%s%d/%d", bw_buf_size(&text) ? " " : "", left.data[3], left.data[4]);
        left = bw_span_of(left.data + 9 + len, left.len - 9 - len);
    }
    bw_span_copy_text(bw_buf_span(&text), out, cap);
    bw_buf_free(&text);
}

static void trailers_only(struct end *end, struct bw_h2_stream *stream) {
    (void)end;
    assert_int_equal(end_respond(stream, true), BW_H2_SENT);
    assert_int_equal(end_send(stream, "x"), BW_H2_CLOSED);
    assert_int_equal(end_respond(stream, true), BW_H2_CLOSED);
}

static void send_and_finish(struct end *end, struct bw_h2_stream *stream) {
    (void)end;
    end_respond(stream, false);
    end_send(stream, "x");
    assert_int_equal(bw_h2_finish(stream), BW_H2_SENT);
    assert_int_equal(bw_h2_finish(stream), BW_H2_CLOSED);
}

static void finish_without_data(struct end *end, struct bw_h2_stream *stream) {
    (void)end;
    end_respond(stream, false);
    bw_h2_finish(stream);
}

static void trailers_without_data(struct end *end, struct bw_h2_stream *stream) {
    (void)end;
    end_respond(stream, false);
    end_trailers(stream);
}

/* Type/flags of each frame: 1/5 is HEADERS with END_HEADERS and END_STREAM. */
static void answers_are_the_frames_one_expects(void **state) {
    (void)state;
    static const struct {
        void (*answer)(struct end *, struct bw_h2_stream *);
        const char *frames;
    } cases[] = {
        {trailers_only, "1/5"},           {send_and_finish, "1/4 0/1"},       {end_answer, "1/4 0/0 1/5"},
        {finish_without_data, "1/4 0/1"}, {trailers_without_data, "1/4 1/5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct raw_end server;
        char frames[100];
        raw_server_init(&server, NULL);
        server.end.on_request_end = cases[i].answer;
        raw_request(server.wire, 1, RAW_END_STREAM, NULL, 0);
        bw_wire_settle(server.wire);
        frames_of_answer(&server, frames, sizeof frames);
        assert_string_equal(frames, cases[i].frames);
        raw_end_free(&server);
    }
}

static void an_answer_before_the_request_ended_is_followed_by_a_reset_without_error(void **state) {
    (void)state;
    struct raw_end server;
    char frames[100];
    raw_server_init(&server, NULL);
    server.end.on_request = end_answer;
    raw_request(server.wire, 1, 0, NULL, 0);
    bw_wire_settle(server.wire);
    frames_of_answer(&server, frames, sizeof frames);
    assert_string_equal(frames, "1/4 0/0 1/5 3/0");
    struct raw_seen reset = {0};
    assert_true(raw_heard(server.wire, RAW_RST_STREAM, 0, &reset));
    assert_int_equal(raw_u32(reset.payload), BW_H2_NO_ERROR);
    assert_string_equal(end_trace(&server.end),
                        "1 request :method=POST :scheme=http :path=/a :authority=b\n1 closed NO_ERROR\n");
    raw_end_free(&server);
}

static void finish_after_the_data_left_ends_the_stream(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    struct bw_h2_stream *stream = end_request(&pair.client, "/a", false);
    end_send(stream, "one");
    bw_wire_settle(pair.wire);
    assert_int_equal(bw_h2_stream_id(stream), 1);
    end_respond(pair.server.stream, false);
    end_send(pair.server.stream, "two");
    bw_wire_settle(pair.wire);
    assert_string_equal(bw_buf_text(&pair.client.body), "two");
    end_trace(&pair.client);
    end_trace(&pair.server);
    bw_h2_finish(stream);
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.server), "1 data-end\n");
    end_trailers(pair.server.stream);
    bw_wire_settle(pair.wire);
    assert_string_equal(end_trace(&pair.server), "1 closed NO_ERROR\n");
    assert_string_equal(end_trace(&pair.client), "1 trailers grpc-status=0 end\n1 closed NO_ERROR\n");
    pair_free(&pair);
}

static void finish_big(struct end *end, struct bw_h2_stream *stream) {
    (void)end;
    static const char head[5] = "head!";
    size_t len = 1 << 20;
    uint8_t *body = malloc(len);
    assert_non_null(body);
    for (size_t i = 0; i < len; i++)
        body[i] = (uint8_t)(i * 7 + i / 256);
    end_respond(stream, false);
    assert_int_equal(bw_h2_send(stream, bw_span_of(head, 5), bw_span_of(body, len)), BW_H2_SENT);
    assert_int_equal(end_send(stream, "more"), BW_H2_FULL);
    assert_int_equal(bw_h2_stream_queued(stream), 5 + len);
    end_trailers(stream);
    free(body);
}

static void assert_big(const struct bw_buf *buf) {
    struct bw_span got = bw_buf_span(buf);
    assert_int_equal(got.len, 5 + (1 << 20));
    assert_memory_equal(got.data, "head!", 5);
    for (size_t i = 0; i < 1 << 20; i++)
        if (got.data[5 + i] != (uint8_t)(i * 7 + i / 256))
            fail_msg("byte %zu differs", i);
}

static void a_message_larger_than_all_windows_arrives(void **state) {
    (void)state;
    static const size_t pieces[] = {SIZE_MAX, 100, 9000};
    for (size_t i = 0; i < 3; i++) {
        struct pair pair;
        struct bw_h2_config client;
        bw_h2_config_default(&client, BW_H2_CLIENT);
        client.stream_window = client.connection_window = 65535;
        pair_init(&pair, &client, NULL);
        bw_wire_pieces(pair.wire, pieces[i]);
        pair.server.on_request_end = finish_big;
        end_request(&pair.client, "/big", true);
        bw_wire_settle(pair.wire);
        assert_big(&pair.client.body);
        assert_int_equal(pair.client.closed, 1);
        pair_free(&pair);
    }
}

static void a_stream_that_is_not_consumed_stops_and_the_others_go_on(void **state) {
    (void)state;
    struct pair pair;
    struct bw_h2_config client;
    bw_h2_config_default(&client, BW_H2_CLIENT);
    client.stream_window = client.connection_window = 65535;
    pair_init(&pair, &client, NULL);
    pair.server.on_request_end = finish_big;
    pair.client.keeps_window = true;
    struct bw_h2_stream *slow = end_request(&pair.client, "/slow", true);
    bw_wire_settle(pair.wire);
    assert_int_equal(bw_buf_size(&pair.client.body), 65535);

    pair.client.keeps_window = false;
    bw_buf_clear(&pair.client.body);
    end_request(&pair.client, "/fast", true);
    bw_wire_settle(pair.wire);
    assert_big(&pair.client.body);
    assert_int_equal(pair.client.closed, 1);

    bw_h2_consume(slow, 65535);
    bw_wire_settle(pair.wire);
    assert_int_equal(pair.client.closed, 2);
    pair_free(&pair);
}

static void padding_is_given_back_to_the_window(void **state) {
    (void)state;
    struct raw_end server;
    static const uint8_t data[256] = {250, 'h', 'e', 'l', 'l', 'o'};
    raw_server_init(&server, NULL);
    raw_request(server.wire, 1, 0, NULL, 0);
    for (int i = 0; i < 5000; i++) { /* 1.28 MB of the 1 MiB window, 25 KB of it data */
        raw_frame(server.wire, RAW_DATA, RAW_PADDED, 1, data, sizeof data);
        bw_wire_settle(server.wire);
    }
    raw_frame(server.wire, RAW_DATA, RAW_END_STREAM, 1, NULL, 0);
    bw_wire_settle(server.wire);
    assert_int_equal(bw_buf_size(&server.end.body), 25000);
    assert_non_null(strstr(end_trace(&server.end), "1 data-end"));
    raw_end_free(&server);
}

static void unknown_frames_and_settings_are_ignored(void **state) {
    (void)state;
    struct raw_end server;
    raw_server_init(&server, NULL);
    server.end.on_request_end = end_answer;
    raw_frame(server.wire, 0x42, 0xff, 0, "anything", 8);
    raw_frame(server.wire, RAW_SETTINGS, 0, 0, "\xfe\x03\0\0\0\1", 6);
    raw_frame(server.wire, RAW_PING, 0, 0, "12345678", 8);
    raw_request(server.wire, 1, RAW_END_STREAM, NULL, 0);
    bw_wire_settle(server.wire);
    struct raw_seen ping = {0};
    assert_true(raw_heard(server.wire, RAW_PING, 0, &ping));
    assert_int_equal(ping.flags, RAW_ACK);
    assert_memory_equal(ping.payload, "12345678", 8);
    assert_int_equal(raw_count(server.wire, RAW_DATA), 1);
    raw_end_free(&server);
}

static void the_first_frame_says_our_settings(void **state) {
    (void)state;
    struct end end;
    end_init(&end, BW_H2_SERVER, NULL);
    struct bw_wire *wire = bw_wire_new((struct bw_conn){NULL, NULL}, end_conn(&end));
    bw_wire_settle(wire);
    assert_int_equal(bw_wire_heard(wire, BW_WIRE_A).len, 0); /* not before the client spoke */
    raw_client_hello(wire);
    bw_wire_settle(wire);
    struct raw_seen seen = {0};
    assert_int_equal(bw_wire_heard(wire, BW_WIRE_A).data[3], RAW_SETTINGS);
    assert_true(raw_heard(wire, RAW_SETTINGS, 0, &seen));
    assert_int_equal(seen.length, 18);
    assert_memory_equal(seen.payload, "\0\3\0\0\1\0\0\4\0\x10\0\0\0\6\0\0\x40\0", 18);
    assert_true(raw_heard(wire, RAW_SETTINGS, 1, &seen));
    assert_int_equal(seen.flags, RAW_ACK);
    bw_wire_free(wire);
    end_clean(&end);
}

static void a_config_that_was_not_defaulted_is_refused(void **state) {
    (void)state;
    struct bw_h2_config config = {0};
    assert_null(bw_h2_new(&config, &end_events, NULL, bw_wire_wake(), 0));
    bw_h2_config_default(&config, BW_H2_SERVER);
    config.stream_window = 10;
    assert_null(bw_h2_new(&config, &end_events, NULL, bw_wire_wake(), 0));
}

BW_TESTS(cmocka_unit_test(a_request_is_answered),
         cmocka_unit_test(a_request_that_comes_byte_by_byte_is_answered),
         cmocka_unit_test(answers_are_the_frames_one_expects),
         cmocka_unit_test(an_answer_before_the_request_ended_is_followed_by_a_reset_without_error),
         cmocka_unit_test(finish_after_the_data_left_ends_the_stream),
         cmocka_unit_test(a_message_larger_than_all_windows_arrives),
         cmocka_unit_test(a_stream_that_is_not_consumed_stops_and_the_others_go_on),
         cmocka_unit_test(padding_is_given_back_to_the_window),
         cmocka_unit_test(unknown_frames_and_settings_are_ignored),
         cmocka_unit_test(the_first_frame_says_our_settings),
         cmocka_unit_test(a_config_that_was_not_defaulted_is_refused))
