/* Calls with many request messages: sending, half close, early ends, cancels, and being tried again. The
 * numbers of lines are those of the table in tests/README.md. */
#define _GNU_SOURCE /* memmem */
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

/* ---- back-pressure (line 103) ---- */

enum { QUEUE = 256 << 10, PIECE = 16 << 10 };

static void without_a_connection_a_queue_fills_up_and_is_writable_on_the_stream(void **state) {
    (void)state;
    enum bw_send last;
    world.dialling = DIAL_HANG;
    struct call *call = world_begin(&world, BW_CLIENT_STREAMING, 0);
    assert_int_equal(call_fill(call, PIECE, &last), QUEUE / (PIECE + 5));
    assert_int_equal(last, BW_SEND_FULL);
    world_settle(&world);
    assert_string_equal(call_trace(call), "");
    bw_call_cancel(call->call, world.now_ms);
    world.dialling = DIAL_ACCEPT;
    world_settle(&world);
    assert_string_equal(call_trace(call), "end CANCELLED LOCAL");
}

static void a_first_message_of_any_size_is_taken(void **state) {
    (void)state;
    enum bw_send last;
    struct call *call = world_begin(&world, BW_CLIENT_STREAMING, 0);
    assert_int_equal(call_fill(call, 1 << 20, &last), 1);
    assert_int_equal(last, BW_SEND_FULL);
    world_settle(&world);
    assert_string_equal(call_trace(call), "writable");
    assert_int_equal(bw_buf_size(&world.body), (1 << 20) + 5);
    assert_int_equal(call_say(call, "small"), BW_SEND_OK);
}

static void a_full_stream_is_writable_when_it_has_drained(void **state) {
    (void)state;
    enum bw_send last;
    struct call *call = world_begin(&world, BW_BIDI_STREAMING, 0);
    world_settle(&world);
    assert_int_equal(call_fill(call, PIECE, &last), QUEUE / (PIECE + 5));
    assert_int_equal(last, BW_SEND_FULL);
    assert_string_equal(call_trace(call), "");
    world_settle(&world);
    assert_string_equal(call_trace(call), "writable");
    assert_int_equal(call_say(call, "more"), BW_SEND_OK);
}

/* ---- early ends ---- */

/* A server whose window is never given back: sends fill what there is, and stop. */
static struct call *blocked_call(uint64_t timeout_ms) {
    enum bw_send last;
    world.keeps_window = true;
    struct call *call = world_begin(&world, BW_BIDI_STREAMING, timeout_ms);
    do {
        world_settle(&world);
        call_fill(call, PIECE, &last);
        assert_int_equal(last, BW_SEND_FULL);
        world_settle(&world);
        bw_buf_clear(&call->trace);
    } while (call_fill(call, PIECE, &last) > 0);
    return call;
}

static void a_status_before_the_half_close_ends_the_call_and_resets_the_stream(void **state) {
    (void)state;
    static const struct {
        const char *answer, *trace;
    } rows[] = {
        {"HE " GRPC " grpc-status=9", "end FAILED_PRECONDITION SERVER"},
        {"H " GRPC "|M a|T grpc-status=0", "headers; message a; end OK SERVER"},
    };
    for (size_t i = 0; i < 2; i++) { /* line 53, line 54 */
        struct call *call = world_begin(&world, BW_BIDI_STREAMING, 0);
        call_say(call, "one");
        world_settle(&world);
        world_play(world.newest, rows[i].answer);
        world_settle(&world);
        assert_string_equal(call_trace(call), rows[i].trace);
        assert_int_equal(call->ends, 1);
    }
    assert_int_equal(bw_channel_calls(world.channel), 0);
    assert_int_equal(world_link(&world)->streams, 2); /* and the connection lives */
}

/* A server that does not reset the stream itself: it would stay open for ever. */
static void our_side_of_a_call_that_was_answered_early_is_reset(void **state) {
    (void)state;
    static const char rst_no_error[] = "\0\0\4\3\0\0\0\0\1\0\0\0\0"; /* RFC 9113 section 6.4 */
    enum { END_STREAM = 1 };
    world.dialling = DIAL_RAW;
    struct call *call = world_begin(&world, BW_CLIENT_STREAMING, 0);
    world_settle(&world);
    struct link *link = world_link(&world);
    link_say_settings(link);
    world_settle(&world);
    bw_buf_clear(&link->heard);
    link_say_headers(link, END_STREAM, 1, ":status=200 " GRPC " grpc-status=9"); /* line 53 */
    world_settle(&world);
    assert_string_equal(call_trace(call), "end FAILED_PRECONDITION SERVER");
    assert_non_null(memmem(bw_buf_span(&link->heard).data, bw_buf_size(&link->heard), rst_no_error,
                           sizeof rst_no_error - 1));
}

static void a_status_while_blocked_drops_what_is_queued(void **state) {
    (void)state;
    struct call *call = blocked_call(0);
    world_play(world.newest, "HE " GRPC " grpc-status=8");
    world_settle(&world);
    assert_string_equal(call_trace(call), "end RESOURCE_EXHAUSTED SERVER");
}

/* ---- cancels in every phase (line 40) ---- */

static void expect_cancelled(struct call *call, const char *resets) {
    call_cancel(call);
    assert_int_equal(call_say(call, "x"), BW_SEND_CLOSED);
    bw_call_half_close(call->call);
    call_cancel(call);
    world_settle(&world);
    assert_non_null(strstr(call_trace(call), "end CANCELLED LOCAL"));
    assert_int_equal(call->ends, 1);
    assert_string_equal(bw_buf_text(&world.resets), resets);
    assert_int_equal(bw_channel_calls(world.channel), 0);
}

static void a_cancel_before_the_headers_are_on_the_wire_sends_nothing(void **state) {
    (void)state;
    expect_cancelled(world_begin(&world, BW_BIDI_STREAMING, 0), "");
    struct call *call = world_begin(&world, BW_BIDI_STREAMING, 0); /* on the connection, not drained */
    call_say(call, "one");
    expect_cancelled(call, "");
    assert_int_equal(world_link(&world)->streams, 0);
}

static void a_cancel_after_the_headers_resets(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_CLIENT_STREAMING, 0);
    world_settle(&world);
    expect_cancelled(call, "CANCEL ");
}

static void a_cancel_after_the_first_message_resets(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_BIDI_STREAMING, 0);
    call_say(call, "one");
    world_settle(&world);
    world_play(world.newest, "H " GRPC "|M a");
    world_settle(&world);
    expect_cancelled(call, "CANCEL ");
    assert_string_equal(call_trace(call), "headers; message a; end CANCELLED LOCAL");
}

static void a_cancel_after_the_half_close_resets(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_BIDI_STREAMING, 0);
    bw_call_half_close(call->call);
    world_settle(&world);
    expect_cancelled(call, "CANCEL ");
}

static void a_cancel_while_blocked_resets(void **state) {
    (void)state;
    expect_cancelled(blocked_call(0), "CANCEL ");
}

static void a_deadline_covers_flow_control(void **state) {
    (void)state;
    struct call *call = blocked_call(500); /* line 39 */
    world_advance(&world, 499);
    assert_int_equal(call->ends, 0);
    world_advance(&world, 1);
    assert_string_equal(call_trace(call), "end DEADLINE_EXCEEDED LOCAL");
    assert_string_equal(bw_buf_text(&world.resets), "CANCEL ");
}

/* ---- tried again (line 109) ---- */

static void a_refused_call_is_sent_again_with_all_that_was_sent(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_CLIENT_STREAMING, 0);
    call_say(call, "one");
    world_settle(&world);
    call_say(call, "two");
    world_settle(&world);
    world_play(world.newest, "R 7");
    world_settle(&world);
    assert_int_equal(world_link(&world)->streams, 2);
    call_say(call, "three");
    bw_call_half_close(call->call);
    world_settle(&world);
    assert_true(
        bw_span_equal(bw_buf_span(&world.body), bw_span_of("\0\0\0\0\3one\0\0\0\0\3two\0\0\0\0\5three", 26)));
    world_play(world.newest, ANSWER);
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
}

static void a_half_close_is_sent_again_too(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_CLIENT_STREAMING, 0);
    call_say(call, "one");
    bw_call_half_close(call->call);
    world_settle(&world);
    world_play(world.newest, "R 7");
    world_settle(&world);
    assert_int_equal(world.held_count, 2);
    world_play(world.newest, ANSWER);
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
}

static void a_call_that_sent_more_than_is_kept_is_committed(void **state) {
    (void)state;
    for (unsigned messages = 15; messages < 18; messages++) { /* line 110: "or the buffer overflows" */
        struct call *call = world_begin(&world, BW_CLIENT_STREAMING, 0);
        static const uint8_t piece[PIECE];
        world_settle(&world);
        size_t streams = world_link(&world)->streams;
        for (unsigned i = 0; i < messages; i++) {
            assert_int_equal(bw_call_send(call->call, bw_span_of(piece, PIECE)), BW_SEND_OK);
            world_settle(&world);
        }
        world_play(world.newest, "R 7");
        world_settle(&world);
        bool is_kept = messages * (PIECE + 5) <= QUEUE;
        assert_int_equal(world_link(&world)->streams, streams + is_kept);
        assert_string_equal(call_trace(call), is_kept ? "" : "end UNAVAILABLE TRANSPORT");
    }
}

static void after_response_headers_it_is_not_tried_again(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_BIDI_STREAMING, 0);
    call_say(call, "one");
    world_settle(&world);
    world_play(world.newest, "H " GRPC "|M a");
    world_settle(&world);
    world_play(world.newest, "R 7");
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message a; end UNAVAILABLE TRANSPORT");
    assert_int_equal(world_link(&world)->streams, 1);
}

static void a_full_call_that_is_tried_again_is_told_that_it_is_writable(void **state) {
    (void)state;
    enum bw_send last;
    struct call *call = world_begin(&world, BW_CLIENT_STREAMING, 0);
    world_settle(&world);
    call_fill(call, PIECE, &last);
    assert_int_equal(last, BW_SEND_FULL);
    world_play(world.newest, "R 7");
    world_settle(&world);
    assert_int_equal(world_link(&world)->streams, 2);
    assert_non_null(strstr(call_trace(call), "writable"));
    assert_int_equal(call_say(call, "more"), BW_SEND_OK);
}

static void a_lost_connection_ends_a_call_that_was_sent(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_BIDI_STREAMING, 0);
    call_say(call, "one");
    world_settle(&world);
    world_cut(&world, world_link(&world)); /* line 90 */
    world_settle(&world);
    assert_string_equal(call_trace(call), "end UNAVAILABLE TRANSPORT");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(messages_are_framed_one_behind_the_other_and_end_with_the_half_close),
         TEST(what_is_sent_before_there_is_a_connection_goes_out_with_it), TEST(a_chat_goes_back_and_forth),
         TEST(a_half_close_without_a_message_is_an_empty_data_frame),
         TEST(client_streaming_with_ok_has_exactly_one_response), TEST(unary_calls_take_no_second_message),
         TEST(without_a_connection_a_queue_fills_up_and_is_writable_on_the_stream),
         TEST(a_first_message_of_any_size_is_taken), TEST(a_full_stream_is_writable_when_it_has_drained),
         TEST(a_status_before_the_half_close_ends_the_call_and_resets_the_stream),
         TEST(our_side_of_a_call_that_was_answered_early_is_reset),
         TEST(a_status_while_blocked_drops_what_is_queued),
         TEST(a_cancel_before_the_headers_are_on_the_wire_sends_nothing),
         TEST(a_cancel_after_the_headers_resets), TEST(a_cancel_after_the_first_message_resets),
         TEST(a_cancel_after_the_half_close_resets), TEST(a_cancel_while_blocked_resets),
         TEST(a_deadline_covers_flow_control), TEST(a_refused_call_is_sent_again_with_all_that_was_sent),
         TEST(a_half_close_is_sent_again_too), TEST(a_call_that_sent_more_than_is_kept_is_committed),
         TEST(after_response_headers_it_is_not_tried_again),
         TEST(a_full_call_that_is_tried_again_is_told_that_it_is_writable),
         TEST(a_lost_connection_ends_a_call_that_was_sent))
