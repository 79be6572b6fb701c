/* Calls with many request messages: sending, half close, early ends, cancels, and being tried again. The
 * numbers of lines are those of the table in tests/README.md. */
#include "world.h"

static struct world world;

static int make(void **state) {
    (void)state;
    world_open(&world, "127.0.0.1:5001");
    world.answer = NULL;
    return 0;
}

static int end(void **state) {
    (void)state;
    world_close(&world);
    return 0;
}

/* ---- sending ---- */

static void messages_are_framed_one_behind_the_other_and_end_with_the_half_close(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_CLIENT_STREAMING, 0); /* line 44, line 45 */
    world_settle(&world);
    assert_int_equal(world_link(&world)->streams, 1); /* the headers do not wait for a message */
    assert_int_equal(call_say(call, "one"), BW_SEND_OK);
    world_settle(&world);
    assert_int_equal(call_say(call, ""), BW_SEND_OK);
    assert_int_equal(call_say(call, "two"), BW_SEND_OK);
    world_settle(&world);
    assert_int_equal(world.held_count, 0);
    bw_call_half_close(call->call);
    bw_call_half_close(call->call);
    assert_int_equal(call_say(call, "late"), BW_SEND_CLOSED);
    world_settle(&world);
    assert_int_equal(world.held_count, 1);
    assert_true(
        bw_span_equal(bw_buf_span(&world.body), bw_span_of("\0\0\0\0\3one\0\0\0\0\0\0\0\0\0\3two", 21)));
    world_play(world.held[0], ANSWER);
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
    assert_string_equal(bw_buf_text(&world.resets), "");
}

static void what_is_sent_before_there_is_a_connection_goes_out_with_it(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_BIDI_STREAMING, 0);
    assert_int_equal(call_say(call, "one"), BW_SEND_OK);
    assert_int_equal(call_say(call, "two"), BW_SEND_OK);
    bw_call_half_close(call->call);
    world_settle(&world);
    assert_int_equal(world.held_count, 1);
    assert_true(bw_span_equal(bw_buf_span(&world.body), bw_span_of("\0\0\0\0\3one\0\0\0\0\3two", 16)));
}

static void a_chat_goes_back_and_forth(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_BIDI_STREAMING, 0);
    call_say(call, "one");
    bw_call_half_close(call->call);
    world_settle(&world);
    world_play(world.held[0], "H " GRPC "|M a|M b");
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message a; message b");
    world_play(world.held[0], "T grpc-status=0");
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message a; message b; end OK SERVER");
}

static void a_half_close_without_a_message_is_an_empty_data_frame(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_CLIENT_STREAMING, 0); /* line 49 */
    world_settle(&world);
    bw_call_half_close(call->call);
    world_settle(&world);
    assert_int_equal(world.held_count, 1);
    assert_int_equal(bw_buf_size(&world.body), 0);
    world_play(world.held[0], ANSWER);
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
}

static void client_streaming_with_ok_has_exactly_one_response(void **state) {
    (void)state;
    static const char *const answers[] = {"H " GRPC "|T grpc-status=0", "HE " GRPC " grpc-status=0",
                                          "H " GRPC "|M a|M b|T grpc-status=0"};
    for (size_t i = 0; i < 3; i++) { /* line 51 */
        struct call *call = world_begin(&world, BW_CLIENT_STREAMING, 0);
        bw_call_half_close(call->call);
        world_settle(&world);
        world_play(world.held[i], answers[i]);
        world_settle(&world);
        assert_int_equal(call->result.code, BW_UNIMPLEMENTED);
        assert_null(strstr(call_trace(call), "message"));
    }
}

static void unary_calls_take_no_second_message(void **state) {
    (void)state;
    struct call *unary = world_call(&world, NULL), *stream = world_stream(&world);
    assert_int_equal(call_say(unary, "more"), BW_SEND_CLOSED);
    assert_int_equal(call_say(stream, "more"), BW_SEND_CLOSED);
    bw_call_half_close(unary->call);
    world_settle(&world);
    assert_int_equal(call_say(unary, "more"), BW_SEND_CLOSED);
    assert_int_equal(world.held_count, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(messages_are_framed_one_behind_the_other_and_end_with_the_half_close),
         TEST(what_is_sent_before_there_is_a_connection_goes_out_with_it), TEST(a_chat_goes_back_and_forth),
         TEST(a_half_close_without_a_message_is_an_empty_data_frame),
         TEST(client_streaming_with_ok_has_exactly_one_response), TEST(unary_calls_take_no_second_message))
