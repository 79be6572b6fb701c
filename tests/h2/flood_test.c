/* Hostile peers, by hand-made frames; and honest ones that look a little like them. */
#include "end.h"
#include "h2_internal.h"
#include "raw.h"

#include "run.h"

static void flooded_server_init(struct raw_end *server) {
    raw_server_init(server, NULL);
    server->end.quiet = true;
}

static void a_flood_of_pings_is_cut(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    for (int i = 0; i < 5000; i++)
        raw_frame(server.wire, RAW_PING, 0, 0, "12345678", 8);
    bw_wire_settle(server.wire);
    raw_assert_goaway(server.wire, BW_H2_ENHANCE_YOUR_CALM, "too_many_pings");
    raw_end_free(&server);
}

static void a_client_that_pings_after_every_answer_is_served(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    server.end.on_request_end = end_answer;
    for (uint32_t i = 0; i < 3000; i++) {
        raw_request(server.wire, 1 + 2 * i, RAW_END_STREAM, NULL, 0);
        raw_frame(server.wire, RAW_PING, 0, 0, "12345678", 8);
        raw_window(server.wire, 0, 5);
        bw_wire_settle(server.wire);
    }
    assert_int_equal(raw_count(server.wire, RAW_GOAWAY), 0);
    assert_int_equal(server.end.requests, 3000);
    raw_end_free(&server);
}

static void three_pings_between_answers_are_no_strike_too_many(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    server.end.on_request_end = end_answer;
    for (uint32_t i = 0; i < 20; i++) {
        raw_request(server.wire, 1 + 2 * i, RAW_END_STREAM, NULL, 0);
        bw_wire_settle(server.wire);
        for (int k = 0; k < 3; k++)
            raw_frame(server.wire, RAW_PING, 0, 0, "12345678", 8);
        bw_wire_settle(server.wire);
    }
    assert_int_equal(raw_count(server.wire, RAW_GOAWAY), 0);
    raw_frame(server.wire, RAW_PING, 0, 0, "12345678", 8);
    bw_wire_settle(server.wire);
    raw_assert_goaway(server.wire, BW_H2_ENHANCE_YOUR_CALM, "too_many_pings");
    raw_end_free(&server);
}

static void pings_that_keep_their_distance_are_answered(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    raw_request(server.wire, 1, 0, NULL, 0);
    for (int i = 0; i < 20; i++) {
        raw_frame(server.wire, RAW_PING, 0, 0, "12345678", 8);
        bw_wire_advance(server.wire, 300000);
    }
    assert_int_equal(raw_count(server.wire, RAW_PING), 20);
    assert_int_equal(raw_count(server.wire, RAW_GOAWAY), 0);
    raw_end_free(&server);
}

static void more_than_a_thousand_answers_at_once_are_too_many(void **state) {
    (void)state;
    struct raw_end server;
    end_init(&server.end, BW_H2_SERVER, NULL);
    server.wire = bw_wire_new((struct bw_conn){NULL, NULL}, end_conn(&server.end));
    raw_client_hello(server.wire); /* it does not know the limit of streams yet: refusals are cheap */
    for (uint32_t i = 0; i < 1700; i++)
        raw_request(server.wire, 1 + 2 * i, RAW_END_STREAM, NULL, 0);
    bw_wire_settle(server.wire);
    raw_assert_goaway(server.wire, BW_H2_ENHANCE_YOUR_CALM, "too_much_to_answer");
    raw_end_free(&server);
}

static void a_flood_of_settings_is_cut(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    for (int i = 0; i < 5000; i++)
        raw_frame(server.wire, RAW_SETTINGS, 0, 0, "\0\4\0\1\0\0", 6);
    bw_wire_settle(server.wire);
    raw_assert_goaway(server.wire, BW_H2_ENHANCE_YOUR_CALM, NULL);
    assert_true(raw_count(server.wire, RAW_SETTINGS) < 2500);
    raw_end_free(&server);
}

static void a_flood_of_settings_slowly_is_cut_by_the_bucket(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    for (int i = 0; i < 2100; i++) {
        raw_frame(server.wire, RAW_SETTINGS, 0, 0, NULL, 0);
        bw_wire_settle(server.wire);
    }
    raw_assert_goaway(server.wire, BW_H2_ENHANCE_YOUR_CALM, "too_many_frames");
    raw_end_free(&server);
}

static void a_flood_of_empty_data_is_cut(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    raw_request(server.wire, 1, 0, NULL, 0);
    for (int i = 0; i < 5000; i++)
        raw_frame(server.wire, RAW_DATA, 0, 1, NULL, 0);
    bw_wire_settle(server.wire);
    raw_assert_goaway(server.wire, BW_H2_ENHANCE_YOUR_CALM, "too_many_frames");
    raw_end_free(&server);
}

static void start(struct end *end, struct bw_h2_stream *stream) {
    (void)end;
    bw_h2_stream_started(stream, 1000, BW_WIRE_START_MS + 1000);
}

static void a_flood_of_resets_reaches_few_handlers(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    server.end.on_request = start;
    for (uint32_t i = 0; i < 20000; i++) {
        raw_request(server.wire, 1 + 2 * i, RAW_END_STREAM, NULL, 0);
        raw_reset(server.wire, 1 + 2 * i, BW_H2_CANCEL);
    }
    bw_wire_settle(server.wire);
    raw_assert_goaway(server.wire, BW_H2_ENHANCE_YOUR_CALM, "too_many_resets");
    assert_true(server.end.requests < 500);
    assert_int_equal(server.end.closed, server.end.requests);
    raw_end_free(&server);
}

static void resets_at_the_deadline_are_never_cut(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    server.end.on_request = start; /* 1000 ms from the start */
    bw_wire_advance(server.wire, 900);
    for (uint32_t i = 0; i < 5000; i++) {
        raw_request(server.wire, 1 + 2 * i, RAW_END_STREAM, NULL, 0);
        raw_reset(server.wire, 1 + 2 * i, BW_H2_CANCEL);
        if (i % 50 == 0)
            bw_wire_settle(server.wire);
    }
    bw_wire_settle(server.wire);
    assert_int_equal(server.end.requests, 5000);
    assert_int_equal(raw_count(server.wire, RAW_GOAWAY), 0);
    raw_end_free(&server);
}

static void peers_that_make_us_reset_are_cut(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    for (uint32_t i = 0; i < 5000 && !bw_wire_is_closed(server.wire, BW_WIRE_B); i++) {
        raw_request(server.wire, 1 + 2 * i, 0, NULL, 0);
        raw_window(server.wire, 1 + 2 * i, 0x7fffffff); /* overflows the window: our RST_STREAM */
        bw_wire_settle(server.wire);
    }
    raw_assert_goaway(server.wire, BW_H2_ENHANCE_YOUR_CALM, "too_many_faults");
    assert_true(server.end.requests < 500);
    raw_end_free(&server);
}

static void bodies_longer_than_announced_are_faults_too(void **state) {
    (void)state;
    struct raw_end server;
    uint8_t length[32];
    flooded_server_init(&server);
    size_t len = raw_field(length, "content-length", "1", 1);
    for (uint32_t i = 0; i < 5000 && !bw_wire_is_closed(server.wire, BW_WIRE_B); i++) {
        raw_request(server.wire, 1 + 2 * i, 0, length, len);
        raw_frame(server.wire, RAW_DATA, 0, 1 + 2 * i, "two", 3);
        bw_wire_settle(server.wire);
    }
    raw_assert_goaway(server.wire, BW_H2_ENHANCE_YOUR_CALM, "too_many_faults");
    assert_true(server.end.requests < 500);
    raw_end_free(&server);
}

static void a_flood_of_refused_streams_is_cut(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    for (uint32_t i = 0; i < 20000 && !bw_wire_is_closed(server.wire, BW_WIRE_B); i++) {
        raw_request(server.wire, 1 + 2 * i, RAW_END_STREAM, NULL, 0);
        if (i % 100 == 0)
            bw_wire_settle(server.wire);
    }
    bw_wire_settle(server.wire);
    assert_int_equal(server.end.requests, 256);
    assert_true(bw_wire_is_closed(server.wire, BW_WIRE_B));
    assert_int_equal(raw_count(server.wire, RAW_GOAWAY), 1);
    raw_end_free(&server);
}

static void headers_on_a_skipped_stream_id_are_a_connection_error(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    raw_request(server.wire, 5, RAW_END_STREAM, NULL, 0);
    raw_request(server.wire, 3, RAW_END_STREAM, NULL, 0);
    bw_wire_settle(server.wire);
    raw_assert_goaway(server.wire, BW_H2_PROTOCOL_ERROR, NULL);
    raw_end_free(&server);
}

/* A peer that asks and does not read. */
static void a_peer_that_does_not_read_is_not_read_from(void **state) {
    (void)state;
    struct raw_end server;
    flooded_server_init(&server);
    server.end.on_request_end = end_answer;
    bw_wire_block(server.wire, BW_WIRE_B, 20);
    uint32_t id = 1;
    for (int i = 0; i < 200; i++, id += 2) {
        raw_request(server.wire, id, RAW_END_STREAM, NULL, 0);
        bw_wire_settle(server.wire);
    }
    assert_int_equal(bw_h2_wants(server.end.h2), 0);
    assert_true(server.end.requests < 200);
    assert_true(server.end.h2->memory.used < 256 * 1024);
    bw_wire_block(server.wire, BW_WIRE_B, SIZE_MAX);
    bw_wire_settle(server.wire);
    assert_int_equal(bw_h2_wants(server.end.h2), BW_WANTS_READ);
    assert_int_equal(server.end.requests, 200);
    assert_int_equal(raw_count(server.wire, RAW_DATA), 200);
    raw_end_free(&server);
}

static void a_client_survives_resets_of_all_its_requests(void **state) {
    (void)state;
    struct raw_end client;
    raw_client_init(&client);
    client.end.quiet = true;
    for (uint32_t i = 0; i < 5000; i++) {
        assert_non_null(end_request(&client.end, "/a", true));
        bw_wire_settle(client.wire);
        raw_reset(client.wire, 1 + 2 * i, BW_H2_REFUSED_STREAM);
        bw_wire_settle(client.wire);
    }
    assert_int_equal(client.end.closed, 5000);
    assert_false(bw_wire_is_closed(client.wire, BW_WIRE_B));
    raw_end_free(&client);
}

static void a_fast_download_is_not_a_flood(void **state) {
    (void)state;
    struct pair pair;
    struct bw_h2_config client;
    static const uint8_t bytes[1 << 20];
    bw_h2_config_default(&client, BW_H2_CLIENT);
    client.stream_window = client.connection_window = 65535;
    pair_init(&pair, &client, NULL);
    end_request(&pair.client, "/a", true);
    bw_wire_settle(pair.wire);
    end_respond(pair.server.stream, false);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(bw_h2_send(pair.server.stream, bw_span_of(bytes, sizeof bytes), bw_span_of(NULL, 0)),
                         BW_H2_SENT);
        bw_wire_settle(pair.wire);
        bw_buf_clear(&pair.client.body);
    }
    end_trailers(pair.server.stream);
    bw_wire_settle(pair.wire);
    assert_non_null(strstr(end_trace(&pair.client), "1 closed NO_ERROR\n"));
    assert_true(pair.server.h2->bucket.tokens > BW_H2_BUCKET_SIZE / 2);
    pair_free(&pair);
}

BW_TESTS(cmocka_unit_test(a_flood_of_pings_is_cut),
         cmocka_unit_test(a_client_that_pings_after_every_answer_is_served),
         cmocka_unit_test(three_pings_between_answers_are_no_strike_too_many),
         cmocka_unit_test(pings_that_keep_their_distance_are_answered),
         cmocka_unit_test(more_than_a_thousand_answers_at_once_are_too_many),
         cmocka_unit_test(a_flood_of_settings_is_cut),
         cmocka_unit_test(a_flood_of_settings_slowly_is_cut_by_the_bucket),
         cmocka_unit_test(a_flood_of_empty_data_is_cut),
         cmocka_unit_test(a_flood_of_resets_reaches_few_handlers),
         cmocka_unit_test(resets_at_the_deadline_are_never_cut),
         cmocka_unit_test(peers_that_make_us_reset_are_cut),
         cmocka_unit_test(bodies_longer_than_announced_are_faults_too),
         cmocka_unit_test(a_flood_of_refused_streams_is_cut),
         cmocka_unit_test(headers_on_a_skipped_stream_id_are_a_connection_error),
         cmocka_unit_test(a_peer_that_does_not_read_is_not_read_from),
         cmocka_unit_test(a_client_survives_resets_of_all_its_requests),
         cmocka_unit_test(a_fast_download_is_not_a_flood))
