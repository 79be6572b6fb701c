/* A call at a server: its messages, its answer, and how it ends. */
#include "caller.h"

#define ECHO  "/t.Test/Echo"
#define OK    OK_START "1 trailers grpc-status=0 end\n1 closed NO_ERROR\n"
#define FAILS "1 response :status=200 content-type=application/grpc "

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

static void raw(struct bw_h2_stream *stream, const char *bytes, size_t len) {
    assert_int_equal(bw_h2_send(stream, bw_span_of(NULL, 0), bw_span_of(bytes, len)), BW_H2_SENT);
}

/* ---- requests ---- */

static void a_unary_call_is_headers_one_message_and_trailers(void **state) {
    (void)state;
    caller_ask(&caller, ECHO, "", "hello");
    assert_string_equal(caller_heard(&caller), "1 " OK);
    assert_true(bw_span_equal(caller_body(&caller), bw_span_of("\0\0\0\0\5hello", 10)));
    assert_string_equal(service_trace(&caller.service), "message hello\nend FINISHED\n");
}

static void an_empty_message_is_a_message(void **state) {
    (void)state;
    caller_ask(&caller, ECHO, "", "");
    assert_string_equal(caller_heard(&caller), "1 " OK);
    assert_true(bw_span_equal(caller_body(&caller), bw_span_of("\0\0\0\0\0", 5)));
    assert_string_equal(service_trace(&caller.service), "message \nend FINISHED\n");
}

static void a_request_in_pieces_of_any_size_is_the_same(void **state) {
    (void)state;
    static const char bytes[] = "\0\0\0\0\5hello";
    for (size_t piece = 1; piece < sizeof bytes; piece++) {
        struct bw_h2_stream *stream = caller_open(&caller, ECHO, "", false);
        for (size_t at = 0; at < sizeof bytes - 1; at += piece) {
            size_t left = sizeof bytes - 1 - at;
            raw(stream, bytes + at, left < piece ? left : piece);
            bw_wire_settle(caller.wire); /* a DATA frame each */
        }
        bw_h2_finish(stream);
        caller_heard(&caller);
        assert_string_equal(service_trace(&caller.service), "message hello\nend FINISHED\n");
    }
}

static void a_unary_request_without_a_message_is_unimplemented(void **state) {
    (void)state;
    caller_open(&caller, ECHO, "", true);
    assert_string_equal(caller_heard(&caller), FAILS
                        "grpc-status=12 grpc-message=this method takes one request message, none came "
                        "end\n1 closed NO_ERROR\n");
    bw_h2_finish(caller_open(&caller, ECHO, "", false));
    assert_non_null(strstr(caller_heard(&caller), "grpc-status=12"));
    assert_string_equal(service_trace(&caller.service), "");
}

static void a_second_unary_request_message_is_unimplemented(void **state) {
    (void)state;
    struct bw_h2_stream *stream = caller_open(&caller, "/t.Test/Many", "", false);
    caller_say(stream, bw_span_text("1"));
    caller_say(stream, bw_span_text("2"));
    assert_string_equal(caller_heard(&caller), FAILS
                        "grpc-status=12 grpc-message=this method takes one request message, not several "
                        "end\n1 closed NO_ERROR remote\n");
    assert_string_equal(service_trace(&caller.service), "");
}

static void a_broken_frame_is_internal(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *message;
    } rows[] = {
        {"\2\0\0\0\0", 5, "a message's compressed flag is neither 0 nor 1"},
        {"\1\0\0\0\0", 5, "a message is compressed, but grpc-encoding named no algorithm"},
        {"\0\0\0", 3, "the request ends within a message"},
        {"\0\0\0\0\5hell", 9, "the request ends within a message"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bw_h2_stream *stream = caller_open(&caller, ECHO, "", false);
        raw(stream, rows[i].bytes, rows[i].len);
        bw_h2_finish(stream);
        const char *heard = caller_heard(&caller);
        assert_non_null(strstr(heard, "grpc-status=13"));
        assert_non_null(strstr(heard, rows[i].message));
        assert_string_equal(service_trace(&caller.service), "");
    }
    caller_still_served(&caller);
}

static void a_message_over_the_limit_is_refused_when_its_size_is_known(void **state) {
    (void)state;
    struct bw_h2_stream *stream = caller_open(&caller, "/t.Test/Small", "", false);
    raw(stream, "\0\0\0\0\13", 5); /* 11 bytes; none of them came */
    assert_string_equal(caller_heard(&caller), FAILS
                        "grpc-status=8 grpc-message=the request message is larger than this method "
                        "takes end\n1 closed NO_ERROR remote\n");
    caller_ask(&caller, "/t.Test/Small", "", "0123456789");
    assert_non_null(strstr(caller_heard(&caller), "grpc-status=0"));
    caller_still_served(&caller);
}

static void four_mebibytes_are_the_limit_of_a_message_unless_said_otherwise(void **state) {
    (void)state;
    enum { LIMIT = 4 << 20 };
    static uint8_t bytes[LIMIT + 1];
    struct bw_h2_stream *stream = caller_open(&caller, "/t.Test/Later", "", false);
    caller_say(stream, bw_span_of(bytes, LIMIT));
    bw_h2_finish(stream);
    caller_heard(&caller);
    assert_int_equal(caller.service.held_count, 1);
    stream = caller_open(&caller, ECHO, "", false);
    caller_say(stream, bw_span_of(bytes, LIMIT + 1));
    assert_non_null(strstr(caller_heard(&caller), "grpc-status=8"));
}

/* ---- answers ---- */

static void an_error_before_any_message_is_one_header_block(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Fail", "", "no %good");
    assert_string_equal(caller_heard(&caller), FAILS
                        "h=1 grpc-status=3 grpc-message=no %25good grpc-status-details-bin=ZGV0YWlscw "
                        "grpc-retry-pushback-ms=250 t=2 end\n1 closed NO_ERROR\n");
    assert_string_equal(service_trace(&caller.service), "message no %good\nend FINISHED\n");
}

static void a_handler_may_answer_later(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Later", "", "hi");
    assert_string_equal(caller_heard(&caller), "");
    bw_server_call_reply(caller.service.held[0], bw_span_text("done"));
    assert_string_equal(service_trace(&caller.service),
                        "message hi\n"); /* the end comes with the next tick */
    assert_string_equal(caller_heard(&caller), "1 " OK);
    assert_string_equal(service_trace(&caller.service), "end FINISHED\n");
}

static void what_comes_after_the_finish_does_nothing(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Later", "", "hi");
    caller_heard(&caller);
    struct bw_server_call *call = caller.service.held[0];
    bw_server_call_finish(call, BW_ABORTED, "first");
    bw_server_call_finish(call, BW_OK, NULL);
    assert_int_equal(bw_server_call_send(call, bw_span_text("x")), BW_SEND_CLOSED);
    bw_server_call_flush_headers(call);
    assert_string_equal(caller_heard(&caller),
                        FAILS "grpc-status=10 grpc-message=first end\n1 closed NO_ERROR\n");
    assert_string_equal(service_trace(&caller.service), "message hi\nend FINISHED\n");
}

static void headers_wait_for_the_first_message_unless_flushed(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Later", "", "hi");
    caller_heard(&caller);
    struct bw_server_call *call = caller.service.held[0];
    bw_server_call_add_header(call, bw_span_text("h"), bw_span_text("1"));
    bw_server_call_flush_headers(call);
    assert_string_equal(caller_heard(&caller), "1 response :status=200 content-type=application/grpc h=1\n");
    bw_server_call_finish(call, BW_NOT_FOUND, "gone");
    assert_string_equal(caller_heard(&caller),
                        "1 trailers grpc-status=5 grpc-message=gone end\n1 closed NO_ERROR\n");
}

static void reserved_and_malformed_metadata_is_refused(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Later", "", "hi");
    caller_heard(&caller);
    struct bw_server_call *call = caller.service.held[0];
    assert_int_equal(bw_server_call_add_header(call, bw_span_text("grpc-status"), bw_span_text("0")),
                     BW_METADATA_RESERVED);
    assert_int_equal(bw_server_call_add_trailer(call, bw_span_text("a b"), bw_span_text("0")),
                     BW_METADATA_BAD_KEY);
    assert_int_equal(bw_server_call_add_trailer(call, bw_span_text("a"), bw_span_text("\n")),
                     BW_METADATA_BAD_VALUE);
    bw_server_call_reply(call, bw_span_text(""));
    assert_string_equal(caller_heard(&caller), "1 " OK);
}

static void a_stream_of_messages_stops_when_full_and_goes_on(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Many", "", "3000"); /* 3 MiB, the windows are 1 MiB */
    assert_string_equal(caller_heard(&caller), "1 " OK);
    assert_int_equal(caller_body(&caller).len, 3000 * (1024 + 5));
    const char *trace = service_trace(&caller.service);
    assert_non_null(strstr(trace, "message 3000\nfull\n"));
    assert_non_null(strstr(trace, "full\nend FINISHED\n"));
}

static void a_chat_answers_each_message_as_it_comes(void **state) {
    (void)state;
    struct bw_h2_stream *stream = caller_open(&caller, "/t.Test/Chat", "", false);
    caller_say(stream, bw_span_text("one"));
    assert_string_equal(caller_heard(&caller), "1 " OK_START);
    assert_true(bw_span_equal(caller_body(&caller), bw_span_of("\0\0\0\0\3one", 8)));
    caller_say(stream, bw_span_text("two"));
    caller_say(stream, bw_span_text(""));
    caller_heard(&caller);
    assert_true(bw_span_equal(caller_body(&caller), bw_span_of("\0\0\0\0\3two\0\0\0\0\0", 13)));
    bw_h2_finish(stream);
    assert_string_equal(caller_heard(&caller), "1 trailers grpc-status=0 end\n1 closed NO_ERROR\n");
    assert_string_equal(service_trace(&caller.service),
                        "message one\nmessage two\nmessage \nhalf-close\nend FINISHED\n");
}

static void a_chat_may_end_without_a_message(void **state) {
    (void)state;
    caller_open(&caller, "/t.Test/Chat", "", true);
    assert_string_equal(caller_heard(&caller), FAILS "grpc-status=0 end\n1 closed NO_ERROR\n");
    assert_string_equal(service_trace(&caller.service), "half-close\nend FINISHED\n");
}

static void an_answer_before_the_half_close_ends_the_request_side(void **state) {
    (void)state;
    struct bw_h2_stream *stream = caller_open(&caller, "/t.Test/Chat", "", false);
    raw(stream, "\2\0\0\0\0", 5);
    const char *heard = caller_heard(&caller);
    assert_non_null(strstr(heard, "grpc-status=13"));
    assert_non_null(strstr(heard, "1 closed NO_ERROR remote\n"));
}

/* ---- the caller goes ---- */

static void a_cancelled_call_is_told_once_and_may_still_be_answered_into_nothing(void **state) {
    (void)state;
    struct bw_h2_stream *stream = caller_ask(&caller, "/t.Test/Later", "", "hi");
    caller_heard(&caller);
    bw_h2_reset(stream, BW_H2_CANCEL);
    assert_string_equal(caller_heard(&caller), "1 closed CANCEL\n");
    assert_string_equal(service_trace(&caller.service), "message hi\nend CANCELLED\n");
    assert_int_equal(bw_server_calls(caller.service.server), 0);
    caller_still_served(&caller);
}

static void a_call_cancelled_before_its_request_is_whole_is_not_told_at_all(void **state) {
    (void)state;
    struct bw_h2_stream *stream = caller_open(&caller, ECHO, "", false);
    raw(stream, "\0\0\0\0\5he", 7);
    caller_heard(&caller);
    assert_int_equal(bw_server_calls(caller.service.server), 1);
    bw_h2_reset(stream, BW_H2_CANCEL);
    caller_heard(&caller);
    assert_string_equal(service_trace(&caller.service), "");
    assert_int_equal(bw_server_calls(caller.service.server), 0);
}

static void a_stream_cancelled_in_the_middle_is_told(void **state) {
    (void)state;
    caller.end.keeps_window = true;
    struct bw_h2_stream *stream = caller_ask(&caller, "/t.Test/Many", "", "3000");
    caller_heard(&caller);
    bw_h2_reset(stream, BW_H2_CANCEL);
    caller_heard(&caller);
    assert_non_null(strstr(service_trace(&caller.service), "full\nend CANCELLED\n"));
}

static void a_lost_connection_ends_its_calls(void **state) {
    (void)state;
    caller_ask(&caller, "/t.Test/Later", "", "one");
    caller_ask(&caller, "/t.Test/Later", "", "two");
    caller_heard(&caller);
    service_trace(&caller.service);
    bw_wire_cut(caller.wire, BW_LOST_ERROR);
    assert_string_equal(service_trace(&caller.service), "end LOST\nend LOST\n");
    assert_int_equal(bw_server_calls(caller.service.server), 0);
}

static void calls_are_counted_by_how_they_end(void **state) {
    (void)state;
    struct bw_server_counts counts;
    caller_ask(&caller, ECHO, "", "ok");
    caller_ask(&caller, "/t.Test/Fail", "", "failed");
    caller_ask(&caller, "/t.Test/Nothing", "", "no call at all");
    struct bw_h2_stream *stream = caller_ask(&caller, "/t.Test/Later", "", "cancelled");
    caller_heard(&caller);
    bw_h2_reset(stream, BW_H2_CANCEL);
    caller_heard(&caller);
    bw_server_counts(caller.service.server, &counts);
    assert_int_equal(counts.connections_accepted, 1);
    assert_int_equal(counts.calls_started, 3);
    assert_int_equal(counts.calls_ok, 1);
    assert_int_equal(counts.calls_failed, 1);
    assert_int_equal(counts.calls_cancelled, 1);
}

static void a_slow_reader_does_not_hold_up_the_others(void **state) {
    (void)state;
    caller.end.keeps_window = true;
    caller_ask(&caller, "/t.Test/Many", "", "3000");
    caller_heard(&caller);
    caller.end.keeps_window = false;
    caller_ask(&caller, ECHO, "", "quick");
    assert_string_equal(caller_heard(&caller),
                        "3 response :status=200 content-type=application/grpc\n"
                        "3 trailers grpc-status=0 end\n3 closed NO_ERROR\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(a_unary_call_is_headers_one_message_and_trailers), TEST(an_empty_message_is_a_message),
         TEST(a_request_in_pieces_of_any_size_is_the_same),
         TEST(a_unary_request_without_a_message_is_unimplemented),
         TEST(a_second_unary_request_message_is_unimplemented), TEST(a_broken_frame_is_internal),
         TEST(a_message_over_the_limit_is_refused_when_its_size_is_known),
         TEST(four_mebibytes_are_the_limit_of_a_message_unless_said_otherwise),
         TEST(an_error_before_any_message_is_one_header_block), TEST(a_handler_may_answer_later),
         TEST(what_comes_after_the_finish_does_nothing),
         TEST(headers_wait_for_the_first_message_unless_flushed),
         TEST(reserved_and_malformed_metadata_is_refused),
         TEST(a_stream_of_messages_stops_when_full_and_goes_on),
         TEST(a_chat_answers_each_message_as_it_comes), TEST(a_chat_may_end_without_a_message),
         TEST(an_answer_before_the_half_close_ends_the_request_side),
         TEST(a_cancelled_call_is_told_once_and_may_still_be_answered_into_nothing),
         TEST(a_call_cancelled_before_its_request_is_whole_is_not_told_at_all),
         TEST(a_stream_cancelled_in_the_middle_is_told), TEST(a_lost_connection_ends_its_calls),
         TEST(calls_are_counted_by_how_they_end), TEST(a_slow_reader_does_not_hold_up_the_others))
