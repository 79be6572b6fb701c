/* Calls that go well: what is sent, what comes back, in any pieces. */
#include "world.h"

#include <stdio.h>

static struct bw_call_options usual_options(void) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Call";
    return options;
}

static void a_unary_call_brings_one_message_and_a_status(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    struct call *call = world_call(&world, NULL);
    assert_int_equal(bw_channel_calls(world.channel), 1);
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
    assert_string_equal(call_message(call), "");
    assert_true(call->result.sent);
    assert_false(call->result.has_pushback);
    assert_int_equal(call->result.at_ms, START_MS);
    assert_int_equal(bw_channel_calls(world.channel), 0);
    world_close(&world);
}

static void the_request_is_one_framed_message(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world_call(&world, NULL);
    world_settle(&world);
    assert_true(bw_span_equal(bw_buf_span(&world.body), bw_span_of("\0\0\0\0\4ping", 9)));
    world_close(&world);
}

static void request_fields_stand_in_the_order_of_the_specification(void **state) {
    (void)state;
    struct world world;
    struct bw_channel_config config;
    char expected[512];
    bw_channel_config_default(&config);
    config.target = "127.0.0.1:5001";
    config.user_agent = "service-a/1";
    world_open_config(&world, &config);
    struct bw_call_options options = usual_options();
    struct bw_metadata *metadata = bw_metadata_new();
    bw_metadata_add(metadata, bw_span_text("X-Key"), bw_span_text("v"));
    bw_metadata_add(metadata, bw_span_text("x-bytes-bin"), bw_span_of("\0\xff", 2));
    options.metadata = metadata;
    options.deadline_ms = START_MS + 1500;
    world_call(&world, &options);
    bw_metadata_free(metadata);
    world_settle(&world);
    snprintf(
        expected, sizeof expected,
        " :method=POST :scheme=http :path=/t/Call :authority=127.0.0.1:5001 grpc-timeout=1500m te=trailers"
        " content-type=application/grpc+proto user-agent=service-a/1 grpc-c-breakwire/" BREAKWIRE_VERSION
        " (linux; nghttp2/%s) x-key=v x-bytes-bin=AP8",
        bw_h2_library_version());
    assert_string_equal(bw_buf_text(&world.request), expected);
    world_close(&world);
}

static void without_a_deadline_no_timeout_is_sent(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world_call(&world, NULL);
    world_settle(&world);
    assert_null(strstr(bw_buf_text(&world.request), "grpc-timeout"));
    world_close(&world);
}

static void over_a_unix_socket_the_authority_is_localhost(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "unix:/run/b.sock");
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(world_wishes(&world), "CONNECT unix:/run/b.sock; ");
    assert_non_null(strstr(bw_buf_text(&world.request), ":authority=localhost "));
    assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
    world_close(&world);
}

static void a_stream_of_messages_is_told_one_by_one(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.answer = NULL;
    struct call *call = world_stream(&world);
    world_settle(&world);
    world_play(world.held[0], "H " GRPC "|M one|M two");
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message one; message two");
    world_play(world.held[0], "M three|T grpc-status=0");
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message one; message two; message three; end OK SERVER");
    world_close(&world);
}

static void a_stream_may_bring_nothing_or_end_badly_after_messages(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.answer = "H " GRPC "|T grpc-status=0";
    struct call *empty = world_stream(&world);
    world_settle(&world);
    world.answer = "H " GRPC "|M one|T grpc-status=10 grpc-message=changed";
    struct call *bad = world_stream(&world);
    world_settle(&world);
    assert_string_equal(call_trace(empty), "headers; end OK SERVER");
    assert_string_equal(call_trace(bad), "headers; message one; end ABORTED SERVER");
    assert_string_equal(call_message(bad), "changed");
    world_close(&world);
}

static void an_answer_may_arrive_in_any_pieces(void **state) {
    (void)state;
    for (size_t piece = 1; piece < 120; piece++) {
        struct world world;
        world_open(&world, "127.0.0.1:5001");
        world.piece = piece;
        world.answer = "H " GRPC " x-a=1|M one|M|M three|T grpc-status=5 grpc-message=gone%20away x-b=2";
        struct call *call = world_stream(&world);
        world_settle(&world);
        assert_string_equal(call_trace(call),
                            "headers; message one; message ; message three; end NOT_FOUND SERVER");
        assert_string_equal(call_message(call), "gone away");
        assert_true(bw_span_is(bw_metadata_find(call->headers, "x-a"), "1"));
        assert_true(bw_span_is(bw_metadata_find(call->trailers, "x-b"), "2"));
        world_close(&world);
    }
}

static void an_empty_message_is_a_message(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.answer = "H " GRPC "|M|T grpc-status=0";
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message ; end OK SERVER");
    world_close(&world);
}

static void metadata_comes_back_in_headers_and_trailers_apart(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.answer = "H " GRPC
                   " x-k=1 x-k=2 x-raw-bin=AP8= grpc-encoding=identity|M pong|"
                   "T grpc-status=0 x-t-bin=YQ,Yg x-k=3";
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    assert_int_equal(bw_metadata_count(call->headers), 3);
    assert_true(bw_span_is(bw_metadata_get(call->headers, 1).value, "2"));
    assert_true(bw_span_equal(bw_metadata_find(call->headers, "x-raw-bin"), bw_span_of("\0\xff", 2)));
    assert_int_equal(bw_metadata_count(call->trailers), 3);
    assert_true(bw_span_is(bw_metadata_get(call->trailers, 0).value, "a"));
    assert_true(bw_span_is(bw_metadata_get(call->trailers, 1).value, "b"));
    assert_true(bw_span_is(bw_metadata_find(call->trailers, "x-k"), "3"));
    world_close(&world);
}

static void more_calls_than_the_server_allows_take_turns(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world.concurrent_streams = 1;
    struct call *calls[10];
    for (int i = 0; i < 10; i++)
        calls[i] = world_call(&world, NULL);
    world_settle(&world);
    for (int i = 0; i < 10; i++)
        assert_string_equal(call_trace(calls[i]), "headers; message pong; end OK SERVER");
    assert_int_equal(world.links_count, 1);
    world_close(&world);
}

static void a_message_larger_than_every_window_arrives(void **state) {
    (void)state;
    struct world world;
    struct bw_buf frame;
    enum { SIZE = 3 << 20 };
    world_open(&world, "127.0.0.1:5001");
    world.answer = NULL;
    struct call *call = world_call(&world, NULL);
    world_settle(&world);
    bw_buf_init(&frame, 0);
    uint8_t *room = bw_buf_reserve(&frame, 5 + SIZE);
    memset(room, 'x', 5 + SIZE);
    memcpy(room, "\0\0\x30\0\0", 5);
    bw_buf_grew(&frame, 5 + SIZE);
    world_play(world.held[0], "H " GRPC);
    bw_h2_send(world.held[0], bw_span_of(NULL, 0), bw_buf_span(&frame));
    world_play(world.held[0], "T grpc-status=0");
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message of 3145728; end OK SERVER");
    bw_buf_free(&frame);
    world_close(&world);
}

static void call_again(struct call *call) {
    if (call->world->calls_count < 5)
        world_call(call->world, NULL)->on_end = call_again;
}

static void a_call_may_be_started_from_the_end_of_another(void **state) {
    (void)state;
    struct world world;
    world_open(&world, "127.0.0.1:5001");
    world_call(&world, NULL)->on_end = call_again;
    world_settle(&world);
    assert_int_equal(world.calls_count, 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(call_trace(world.calls[i]), "headers; message pong; end OK SERVER");
    world_close(&world);
}

static void a_config_or_options_never_defaulted_are_refused(void **state) {
    (void)state;
    char why[128] = "";
    struct bw_channel_config config = {0};
    assert_null(bw_channel_new(&config, (struct bw_wake){0}, 0, why, sizeof why));
    assert_string_not_equal(why, "");
    struct world world;
    struct bw_call_options options = {0};
    struct bw_call_events events = {0};
    world_open(&world, "127.0.0.1:5001");
    assert_null(bw_channel_start(world.channel, START_MS, &options, bw_span_of(NULL, 0), &events, NULL));
    bw_call_options_default(&options); /* without a path */
    assert_null(bw_channel_start(world.channel, START_MS, &options, bw_span_of(NULL, 0), &events, NULL));
    assert_int_equal(bw_channel_calls(world.channel), 0);
    world_close(&world);
}

static void a_target_is_an_address_a_name_or_a_path(void **state) {
    (void)state;
    static const struct {
        const char *target;
        bool ok;
    } rows[] = {
        {"127.0.0.1:5001", true},
        {"[::1]:5001", true},
        {"b.test:5001", true},
        {"unix:/run/b.sock", true},
        {"service-b:1", true},
        {NULL, false},
        {"", false},
        {"b.test", false},
        {"b.test:", false},
        {":5001", false},
        {"b.test:65536", false},
        {"b.test:0", false},
        {"b.test:x", false},
        {"::1:5001", false},
        {"[::1:5001", false},
        {"[]:5001", false},
        {"unix:", false},
        {"b.test:-1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char why[256] = "";
        struct bw_channel_config config;
        bw_channel_config_default(&config);
        config.target = rows[i].target;
        struct bw_channel *channel = bw_channel_new(&config, (struct bw_wake){0}, 0, why, sizeof why);
        if ((channel != NULL) != rows[i].ok || (why[0] == '\0') != rows[i].ok)
            fail_msg("target %s", rows[i].target ? rows[i].target : "NULL");
        bw_channel_free(channel);
    }
}

BW_TESTS(cmocka_unit_test(a_unary_call_brings_one_message_and_a_status),
         cmocka_unit_test(the_request_is_one_framed_message),
         cmocka_unit_test(request_fields_stand_in_the_order_of_the_specification),
         cmocka_unit_test(without_a_deadline_no_timeout_is_sent),
         cmocka_unit_test(over_a_unix_socket_the_authority_is_localhost),
         cmocka_unit_test(a_stream_of_messages_is_told_one_by_one),
         cmocka_unit_test(a_stream_may_bring_nothing_or_end_badly_after_messages),
         cmocka_unit_test(an_answer_may_arrive_in_any_pieces),
         cmocka_unit_test(an_empty_message_is_a_message),
         cmocka_unit_test(metadata_comes_back_in_headers_and_trailers_apart),
         cmocka_unit_test(more_calls_than_the_server_allows_take_turns),
         cmocka_unit_test(a_message_larger_than_every_window_arrives),
         cmocka_unit_test(a_call_may_be_started_from_the_end_of_another),
         cmocka_unit_test(a_config_or_options_never_defaulted_are_refused),
         cmocka_unit_test(a_target_is_an_address_a_name_or_a_path))
