/* Header blocks: limits, spaces, informational responses, secrets. */
#include "end.h"
#include "raw.h"

#include "run.h"

#include <stdlib.h>

enum { PSEUDO_FIELDS = 4, FRAME_MAX = 16384 };

/* A request with n more fields of value_len bytes each, cut into frames of at most 16 KiB. */
static void request_with(struct bw_wire *wire, uint32_t id, size_t n, size_t value_len) {
    size_t cap = n * (value_len + 16) + 16, len = 0;
    uint8_t *block = malloc(cap);
    char *value = calloc(1, value_len + 1);
    assert_non_null(block);
    assert_non_null(value);
    memset(value, 'v', value_len);
    memcpy(block,
           "\x83\x86\x04\x02/a\x01\x01"
           "b",
           9);
    len = 9;
    for (size_t i = 0; i < n; i++)
        len += raw_field(block + len, "name", value, value_len);
    for (size_t at = 0; at < len; at += FRAME_MAX) {
        size_t part = len - at < FRAME_MAX ? len - at : FRAME_MAX;
        uint8_t flags = at + part == len ? RAW_END_HEADERS : 0;
        raw_frame(wire, at ? RAW_CONTINUATION : RAW_HEADERS, at ? flags : flags | RAW_END_STREAM, id,
                  block + at, part);
    }
    free(value);
    free(block);
}

static void a_value_with_spaces_around_it_is_stripped(void **state) {
    (void)state;
    struct raw_end server;
    uint8_t block[100];
    raw_server_init(&server, NULL);
    size_t len = raw_field(block, "padded", " \tvalue ", 8);
    len += raw_field(block + len, "bad", "nul\0inside", 10); /* no field value at all: dropped */
    len += raw_field(block + len, "empty", "", 0);
    raw_request(server.wire, 1, RAW_END_STREAM, block, len);
    bw_wire_settle(server.wire);
    assert_string_equal(end_trace(&server.end),
                        "1 request :method=POST :scheme=http :path=/a :authority=b "
                        "padded=value empty= end\n");
    raw_end_free(&server);
}

static void as_many_fields_as_allowed_are_taken(void **state) {
    (void)state;
    struct raw_end server;
    raw_server_init(&server, NULL);
    request_with(server.wire, 1, 100 - PSEUDO_FIELDS, 10);
    bw_wire_settle(server.wire);
    assert_null(strstr(end_trace(&server.end), "too-large"));
    request_with(server.wire, 3, 101 - PSEUDO_FIELDS, 10);
    bw_wire_settle(server.wire);
    assert_non_null(strstr(end_trace(&server.end), "3 request :method=POST"));
    raw_end_free(&server);
}

static void too_large_blocks_are_marked_and_can_be_answered(void **state) {
    (void)state;
    static const struct {
        size_t fields, value_len;
    } cases[] = {{101 - PSEUDO_FIELDS, 1}, {300, 1}, {1, 16384}, {30, 1000}, {1, 60000}, {396, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct raw_end server;
        raw_server_init(&server, NULL);
        server.end.on_request_end = end_answer;
        request_with(server.wire, 1, cases[i].fields, cases[i].value_len);
        bw_wire_settle(server.wire);
        assert_non_null(strstr(end_trace(&server.end), " too-large end\n"));
        assert_int_equal(raw_count(server.wire, RAW_DATA), 1);
        raw_request(server.wire, 3, RAW_END_STREAM, NULL, 0);
        bw_wire_settle(server.wire);
        assert_int_equal(raw_count(server.wire, RAW_DATA), 2);
        raw_end_free(&server);
    }
}

static void far_too_large_blocks_are_reset_and_the_connection_lives(void **state) {
    (void)state;
    static const struct {
        size_t fields, value_len;
    } cases[] = {{401 - PSEUDO_FIELDS, 1}, {2000, 1}, {4, 16384}, {100, 1000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct raw_end server;
        struct raw_seen seen = {0};
        raw_server_init(&server, NULL);
        server.end.on_request_end = end_answer;
        request_with(server.wire, 1, cases[i].fields, cases[i].value_len);
        bw_wire_settle(server.wire);
        assert_string_equal(end_trace(&server.end), "");
        assert_true(raw_heard(server.wire, RAW_RST_STREAM, 0, &seen));
        assert_int_equal(bw_h2_streams(server.end.h2), 0);
        raw_request(server.wire, 3, RAW_END_STREAM, NULL, 0);
        bw_wire_settle(server.wire);
        assert_int_equal(raw_count(server.wire, RAW_DATA), 1);
        raw_end_free(&server);
    }
}

static void a_block_in_many_small_frames_is_refused_and_in_eight_is_not(void **state) {
    (void)state;
    static const uint8_t block[9] = {0x83, 0x86, 0x04, 2, '/', 'a', 0x01, 1, 'b'};
    for (size_t piece = 1; piece < 40; piece += 38) {
        struct raw_end server;
        raw_server_init(&server, NULL);
        bw_wire_pieces(server.wire, piece);
        raw_frame(server.wire, RAW_HEADERS, RAW_END_STREAM, 1, block, 1);
        for (size_t i = 1; i <= 8; i++)
            raw_frame(server.wire, RAW_CONTINUATION, i == 8 ? RAW_END_HEADERS : 0, 1, block + i, 1);
        bw_wire_settle(server.wire);
        assert_int_equal(server.end.requests, 1);
        raw_frame(server.wire, RAW_HEADERS, RAW_END_STREAM, 3, block, sizeof block);
        for (size_t i = 0; i < 9; i++)
            raw_frame(server.wire, RAW_CONTINUATION, 0, 3, NULL, 0);
        bw_wire_settle(server.wire);
        assert_int_equal(server.end.requests, 1);
        raw_assert_goaway(server.wire, BW_H2_ENHANCE_YOUR_CALM, "too_many_continuations");
        raw_end_free(&server);
    }
}

static void informational_responses_come_before_the_final_one(void **state) {
    (void)state;
    struct raw_end client;
    raw_client_init(&client);
    end_request(&client.end, "/a", true);
    bw_wire_settle(client.wire);
    raw_frame(client.wire, RAW_HEADERS, RAW_END_HEADERS, 1,
              "\x08\x03"
              "100",
              5);
    raw_frame(client.wire, RAW_HEADERS, RAW_END_HEADERS, 1,
              "\x08\x03"
              "103",
              5);
    raw_frame(client.wire, RAW_HEADERS, RAW_END_HEADERS, 1, "\x88", 1);
    raw_frame(client.wire, RAW_DATA, 0, 1, "x", 1);
    raw_frame(client.wire, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 1,
              "\x00\x01t\x01"
              "1",
              5);
    bw_wire_settle(client.wire);
    assert_string_equal(end_trace(&client.end),
                        "1 informational :status=100\n"
                        "1 informational :status=103\n"
                        "1 response :status=200\n"
                        "1 trailers t=1 end\n"
                        "1 closed NO_ERROR\n");
    raw_end_free(&client);
}

static void requests_may_have_trailers(void **state) {
    (void)state;
    struct pair pair;
    pair_init(&pair, NULL, NULL);
    struct bw_h2_stream *stream = end_request(&pair.client, "/a", false);
    end_send(stream, "x");
    end_trailers(stream);
    bw_wire_settle(pair.wire);
    assert_non_null(strstr(end_trace(&pair.server), "1 trailers grpc-status=0 end\n"));
    pair_free(&pair);
}

static bool is_indexed(bool secret) {
    struct raw_end client;
    struct raw_seen first = {0}, second = {0};
    raw_client_init(&client);
    struct bw_h2_field fields[] = {FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":path", "/"),
                                   FIELD(":authority", "b"),
                                   FIELD("x-token", "0123456789012345678901234567890123")};
    fields[4].secret = secret;
    assert_non_null(bw_h2_request(client.end.h2, fields, 5, true, NULL));
    assert_non_null(bw_h2_request(client.end.h2, fields, 5, true, NULL));
    bw_wire_settle(client.wire);
    assert_true(raw_heard(client.wire, RAW_HEADERS, 0, &first));
    assert_true(raw_heard(client.wire, RAW_HEADERS, 1, &second));
    bool shorter = second.length < 10 && first.length > 20;
    raw_end_free(&client);
    return shorter;
}

static void secrets_are_not_indexed(void **state) {
    (void)state;
    assert_true(is_indexed(false));
    assert_false(is_indexed(true));
}

static void fields_over_the_peers_limit_are_not_sent(void **state) {
    (void)state;
    struct pair pair;
    struct bw_h2_config client;
    bw_h2_config_default(&client, BW_H2_CLIENT);
    client.header_bytes_max = 200;
    pair_init(&pair, &client, NULL);
    static const char value[20000];
    struct bw_h2_field big[] = {FIELD(":method", "GET"),
                                FIELD(":scheme", "http"),
                                FIELD(":path", "/"),
                                FIELD(":authority", "b"),
                                {.name = bw_span_text("v"), .value = bw_span_of(value, 16300)}};
    bw_wire_settle(pair.wire);
    assert_false(bw_h2_fits(pair.client.h2, big, 5));
    assert_null(bw_h2_request(pair.client.h2, big, 5, true, NULL));

    end_request(&pair.client, "/a", true);
    bw_wire_settle(pair.wire);
    const struct bw_h2_field answer[] = {FIELD(":status", "200"),
                                         {.name = bw_span_text("v"), .value = bw_span_of(value, 126)}};
    assert_true(bw_h2_fits(pair.server.h2, answer, 1));
    assert_false(bw_h2_fits(pair.server.h2, answer, 2));
    assert_int_equal(bw_h2_respond(pair.server.stream, answer, 2, true), BW_H2_CLOSED);
    bw_wire_settle(pair.wire);
    assert_non_null(strstr(end_trace(&pair.client), "1 closed INTERNAL_ERROR remote\n"));
    pair_free(&pair);
}

#define BYTES(text)                                                                                          \
    { (const uint8_t *)(text), sizeof(text) - 1 }

static void malformed_requests_are_reset_and_not_told(void **state) {
    (void)state;
    static const struct bw_span cases[] = {
        BYTES("\x83\x86"), /* no :path */
        BYTES("\x83\x86\x84\x01\x01"
              "b"
              "\x00\x02Xx\x01"
              "1"), /* upper case */
        BYTES("\x83\x86\x84\x01\x01"
              "b"
              "\x00\x0a"
              "connection\x01"
              "1"),
        BYTES("\x83\x86\x84\x01\x01"
              "b"
              "\x00\x02te\x04gzip"),
        BYTES("\x83\x86\x84\x01\x01"
              "b"
              "\x83"), /* :method again */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct raw_end server;
        struct raw_seen seen = {0};
        raw_server_init(&server, NULL);
        raw_frame(server.wire, RAW_HEADERS, RAW_END_HEADERS | RAW_END_STREAM, 1, cases[i].data, cases[i].len);
        bw_wire_settle(server.wire);
        assert_string_equal(end_trace(&server.end), "");
        assert_true(raw_heard(server.wire, RAW_RST_STREAM, 0, &seen));
        assert_int_equal(raw_u32(seen.payload), BW_H2_PROTOCOL_ERROR);
        assert_int_equal(bw_h2_streams(server.end.h2), 0);
        assert_int_equal(raw_count(server.wire, RAW_GOAWAY), 0);
        raw_end_free(&server);
    }
}

BW_TESTS(cmocka_unit_test(a_value_with_spaces_around_it_is_stripped),
         cmocka_unit_test(as_many_fields_as_allowed_are_taken),
         cmocka_unit_test(too_large_blocks_are_marked_and_can_be_answered),
         cmocka_unit_test(far_too_large_blocks_are_reset_and_the_connection_lives),
         cmocka_unit_test(a_block_in_many_small_frames_is_refused_and_in_eight_is_not),
         cmocka_unit_test(informational_responses_come_before_the_final_one),
         cmocka_unit_test(requests_may_have_trailers), cmocka_unit_test(secrets_are_not_indexed),
         cmocka_unit_test(fields_over_the_peers_limit_are_not_sent),
         cmocka_unit_test(malformed_requests_are_reset_and_not_told))
