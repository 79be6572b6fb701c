/* Calls with many request messages at a server: read as they come, paused, answered early. The numbers of
 * lines are those of the table in tests/README.md. */
#include "caller.h"

#define CHAT    "/t.Test/Chat"
#define COLLECT "/t.Test/Collect"

static struct caller caller;

static int make(void **state) {
    (void)state;
    caller_init(&caller, NULL);
    return 0;
}

static int end(void **state) {
    (void)state;
    caller_free(&caller);
    return 0;
}

static void say(struct bw_h2_stream *stream, const char *message) {
    caller_say(stream, bw_span_text(message));
}

static void expect(const char *trace) {
    caller_heard(&caller);
    assert_string_equal(service_trace(&caller.service), trace);
}

static struct bw_server_call *newest(void) {
    return caller.service.talks[caller.service.talks[0] == NULL];
}

static void resume(void) {
    bw_server_call_resume(newest());
    assert_string_equal(service_trace(&caller.service), ""); /* never from inside */
}

static void client_streaming_hears_each_message_and_the_half_close(void **state) {
    (void)state;
    struct bw_h2_stream *stream = caller_open(&caller, COLLECT, "", false);
    say(stream, "one");
    expect("message one\n");
    say(stream, ""); /* line 45 */
    say(stream, "two");
    bw_h2_finish(stream);
    assert_string_equal(caller_heard(&caller),
                        "1 " OK_START "1 trailers grpc-status=0 end\n1 closed NO_ERROR\n");
    expect("message \nmessage two\nhalf-close\nend FINISHED\n");
    assert_true(bw_span_equal(caller_body(&caller), bw_span_of("\0\0\0\0\6onetwo", 11)));
}

static void a_paused_call_hears_no_message_until_it_is_resumed(void **state) {
    (void)state;
    caller.service.pauses = true;
    struct bw_h2_stream *stream = caller_open(&caller, COLLECT, "", false);
    say(stream, "one");
    say(stream, "two");
    say(stream, "three");
    bw_h2_finish(stream);
    expect("message one\n");
    resume();
    expect("message two\n");
    resume();
    bw_server_call_pause(newest()); /* before the tick: nothing is delivered */
    expect("");
    caller.service.pauses = false;
    resume();
    expect("message three\nhalf-close\nend FINISHED\n");
}

static void a_half_close_within_a_message_is_found_when_it_is_read(void **state) {
    (void)state;
    caller.service.pauses = true;
    struct bw_h2_stream *stream = caller_open(&caller, CHAT, "", false);
    say(stream, "one");
    assert_int_equal(bw_h2_send(stream, bw_span_of(NULL, 0), bw_span_of("\0\0\0\0\5he", 7)), BW_H2_SENT);
    bw_h2_finish(stream);
    expect("message one\n");
    resume();
    assert_non_null(strstr(caller_heard(&caller), "grpc-status=13")); /* line 46 */
    assert_string_equal(service_trace(&caller.service), "end FINISHED\n");
}

static void an_answer_while_paused_ends_the_call_and_the_request(void **state) {
    (void)state;
    caller.service.pauses = true;
    struct bw_h2_stream *stream = caller_open(&caller, CHAT, "", false);
    say(stream, "one");
    say(stream, "two");
    expect("message one\n");
    struct bw_server_call *call = newest();
    bw_server_call_finish(call, BW_ABORTED, "enough"); /* line 53 */
    bw_server_call_resume(call);
    assert_non_null(strstr(caller_heard(&caller),
                           "grpc-status=10 grpc-message=enough end\n"
                           "1 closed NO_ERROR remote\n"));
    expect("end FINISHED\n");
    caller_still_served(&caller);
}

static void a_handler_may_finish_from_inside_a_message(void **state) {
    (void)state;
    struct bw_h2_stream *stream = caller_open(&caller, "/t.Test/Early", "", false); /* line 53 */
    say(stream, "one");
    say(stream, "two");
    assert_non_null(
        strstr(caller_heard(&caller), "1 trailers grpc-status=0 end\n1 closed NO_ERROR remote\n"));
    assert_string_equal(service_trace(&caller.service), "message one\nend FINISHED\n");
    caller_still_served(&caller);
}

static void a_cancel_while_paused_is_told_at_once(void **state) {
    (void)state;
    for (int resumed = 0; resumed < 2; resumed++) { /* line 41 */
        caller.service.pauses = true;
        struct bw_h2_stream *stream = caller_open(&caller, COLLECT, "", false);
        say(stream, "one");
        say(stream, "two");
        expect("message one\n");
        bw_h2_reset(stream, BW_H2_CANCEL);
        if (resumed)
            bw_server_call_resume(newest());
        caller_heard(&caller);
        assert_non_null(strstr(service_trace(&caller.service), "end CANCELLED\n"));
        assert_int_equal(bw_server_calls(caller.service.server), 0);
        bw_buf_clear(&caller.service.collected);
    }
}

static void a_lost_connection_ends_a_paused_call(void **state) {
    (void)state;
    caller.service.pauses = true;
    struct bw_h2_stream *stream = caller_open(&caller, CHAT, "", false);
    say(stream, "one");
    say(stream, "two");
    expect("message one\n");
    bw_server_call_resume(newest());
    bw_wire_cut(caller.wire, BW_LOST_ERROR); /* line 41, line 90 */
    assert_string_equal(service_trace(&caller.service), "end LOST\n");
}

static void a_paused_call_keeps_its_window_and_not_that_of_the_connection(void **state) {
    (void)state;
    enum { WINDOW = 1 << 20, QUEUE = 256 << 10 };
    static uint8_t piece[64 << 10];
    caller.service.pauses = true;
    struct bw_h2_stream *stream = caller_open(&caller, COLLECT, "", false);
    size_t sent = 0;
    do {
        caller_heard(&caller);
        for (;;) {
            uint8_t head[5] = {0, 0, 1, 0, 0};
            if (bw_h2_send(stream, bw_span_of(head, 5), bw_span_of(piece, sizeof piece)) != BW_H2_SENT)
                break;
            sent += sizeof piece + 5;
        }
        caller_heard(&caller);
    } while (bw_h2_stream_queued(stream) < QUEUE / 2); /* line 100 */
    assert_true(sent <= WINDOW + QUEUE + 2 * (sizeof piece + 5));
    caller_still_served(&caller);
    bw_h2_reset(stream, BW_H2_CANCEL);
    caller_heard(&caller);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(client_streaming_hears_each_message_and_the_half_close),
         TEST(a_paused_call_hears_no_message_until_it_is_resumed),
         TEST(a_half_close_within_a_message_is_found_when_it_is_read),
         TEST(an_answer_while_paused_ends_the_call_and_the_request),
         TEST(a_handler_may_finish_from_inside_a_message), TEST(a_cancel_while_paused_is_told_at_once),
         TEST(a_lost_connection_ends_a_paused_call),
         TEST(a_paused_call_keeps_its_window_and_not_that_of_the_connection))
