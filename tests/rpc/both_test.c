/* Both halves of this library with each other, whole and one byte at a time. */
#include "both.h"

#include "run.h"

static struct both both;

/* Every test runs twice. */
static int make(void **state) {
    assert_true(both_init(&both));
    both.piece = *state ? 1 : 0;
    return 0;
}

static int end(void **state) {
    (void)state;
    both_free(&both);
    return 0;
}

static struct talk *ask(const char *path, const char *message) {
    return both_call(&both, path, bw_span_text(message), 0, false, NULL);
}

static void a_call_comes_back_answered(void **state) {
    (void)state;
    struct talk *talk = ask("/t.Test/Echo", "hello");
    both_settle(&both);
    struct talk *empty = ask("/t.Test/Echo", "");
    both_settle(&both);
    assert_string_equal(talk_trace(talk), "headers; message hello; end OK");
    assert_string_equal(talk_trace(empty), "headers; message ; end OK");
    assert_string_equal(service_trace(&both.service),
                        "message hello\nend FINISHED\nmessage \nend FINISHED\n");
}

static void a_status_comes_back_with_everything_that_belongs_to_it(void **state) {
    (void)state;
    struct talk *talk = ask("/t.Test/Fail", " 100% \xc3\xa4\n ");
    both_settle(&both);
    /* One block is Trailers-Only: all of it is trailers. */
    assert_string_equal(talk_trace(talk), "end INVALID_ARGUMENT \" 100% \xc3\xa4\n \" h=1 t=2");
}

static void metadata_goes_there_and_back(void **state) {
    (void)state;
    struct bw_metadata *metadata = bw_metadata_new();
    bw_metadata_add(metadata, bw_span_text("h-a"), bw_span_text("1"));
    bw_metadata_add(metadata, bw_span_text("H-A"), bw_span_text("2"));
    bw_metadata_add(metadata, bw_span_text("t-b-bin"), bw_span_text("a, b\xff"));
    struct talk *talk = both_call(&both, "/t.Test/Meta", bw_span_text("m"), 0, false, metadata);
    both_settle(&both);
    assert_string_equal(talk_trace(talk), "headers h-a=1 h-a=2; message m; end OK t-b-bin=a, b\xff");
    bw_metadata_free(metadata);
}

static void a_stream_of_messages_comes_whole(void **state) {
    (void)state;
    struct talk *talk = both_call(&both, "/t.Test/Many", bw_span_text("3"), 0, true, NULL);
    both_settle(&both);
    assert_string_equal(talk_trace(talk),
                        "headers; message of 1024; message of 1024; message of 1024; end OK");
}

static void many_messages_are_answered_by_one(void **state) {
    (void)state;
    struct talk *talk = both_begin(&both, "/t.Test/Collect", BW_CLIENT_STREAMING, 0);
    bw_call_send(talk->call, bw_span_text("one "));
    both_settle(&both);
    bw_call_send(talk->call, bw_span_text("two "));
    bw_call_send(talk->call, bw_span_text("three"));
    bw_call_half_close(talk->call);
    both_settle(&both);
    assert_string_equal(talk_trace(talk), "headers; message one two three; end OK");
}

static void both_sides_talk_at_once(void **state) {
    (void)state;
    struct talk *talk = both_begin(&both, "/t.Test/Chat", BW_BIDI_STREAMING, 0);
    bw_call_send(talk->call, bw_span_text("a"));
    both_settle(&both);
    assert_string_equal(talk_trace(talk), "headers; message a; ");
    bw_call_send(talk->call, bw_span_text("b"));
    both_settle(&both);
    bw_call_half_close(talk->call);
    both_settle(&both);
    assert_string_equal(talk_trace(talk), "headers; message a; message b; end OK");
}

static void an_answer_before_the_half_close_ends_a_stream_of_requests(void **state) {
    (void)state;
    struct talk *talk = both_begin(&both, "/t.Test/Early", BW_CLIENT_STREAMING, 0); /* line 53 */
    bw_call_send(talk->call, bw_span_text("one"));
    bw_call_send(talk->call, bw_span_text("two"));
    both_settle(&both);
    assert_string_equal(talk_trace(talk), "headers; message one; end OK");
    assert_string_equal(service_trace(&both.service), "message one\nend FINISHED\n");
}

static void a_cancel_reaches_the_handler(void **state) {
    (void)state;
    struct talk *talk = ask("/t.Test/Later", "hi");
    both_settle(&both);
    bw_call_cancel(talk->call, both_now(&both));
    assert_int_equal(talk->ends, 0);
    both_settle(&both);
    assert_string_equal(talk_trace(talk), "end CANCELLED \"cancelled by the caller\"");
    assert_string_equal(service_trace(&both.service), "message hi\nend CANCELLED\n");
}

static void a_deadline_ends_both_sides(void **state) {
    (void)state;
    struct talk *talk = both_call(&both, "/t.Test/Later", bw_span_text("hi"), 50, false, NULL);
    both_settle(&both);
    assert_int_equal(bw_server_call_deadline(both.service.held[0]), BW_WIRE_START_MS + 50);
    both_advance(&both, 49);
    assert_int_equal(talk->ends, 0);
    both_advance(&both, 1);
    assert_int_equal(talk->code, BW_DEADLINE_EXCEEDED);
    assert_int_equal(talk->ends, 1);
    assert_int_equal(both.service.held_count, 0);
    assert_int_equal(bw_channel_calls(both.channel), 0);
}

static void unknown_methods_and_streams_taken_for_unary_are_unimplemented(void **state) {
    (void)state;
    struct talk *unknown = ask("/t.Test/Nothing", ""), *many = ask("/t.Test/Many", "2"),
                *none = ask("/t.Test/Many", "0");
    both_settle(&both);
    assert_string_equal(talk_trace(unknown), "end UNIMPLEMENTED \"unknown method in /t.Test/Nothing\"");
    assert_int_equal(many->code, BW_UNIMPLEMENTED);
    assert_int_equal(none->code, BW_UNIMPLEMENTED);
}

static void a_server_that_drains_finishes_what_runs_and_the_next_call_finds_nobody(void **state) {
    (void)state;
    struct talk *talk = ask("/t.Test/Later", "hi");
    both_settle(&both);
    bw_server_drain(both.service.server, both_now(&both));
    both_settle(&both);
    bw_server_call_reply(both.service.held[0], bw_span_text("bye"));
    both_settle(&both);
    assert_string_equal(talk_trace(talk), "headers; message bye; end OK");
    assert_int_equal(bw_server_connections(both.service.server), 1); /* the wire keeps the closed one */
    ;
    struct talk *next = ask("/t.Test/Echo", "hi");
    both_settle(&both);
    assert_string_equal(talk_trace(next), "end UNAVAILABLE \"refused\"");
}

static void a_channel_that_drains_finishes_what_runs(void **state) {
    (void)state;
    struct talk *talk = ask("/t.Test/Later", "hi");
    both_settle(&both);
    bw_channel_drain(both.channel, both_now(&both));
    both_settle(&both);
    bw_server_call_reply(both.service.held[0], bw_span_text("bye"));
    both_settle(&both);
    assert_string_equal(talk_trace(talk), "headers; message bye; end OK");
    assert_true(bw_wire_is_closed(both.wire, BW_WIRE_A));
    struct talk *next = ask("/t.Test/Echo", "hi");
    both_settle(&both);
    assert_string_equal(talk_trace(next), "end UNAVAILABLE \"the channel is shutting down\"");
}

static void health_is_read_by_the_client_as_the_server_says_it(void **state) {
    (void)state;
    struct bw_buf request;
    bw_buf_init(&request, 0);
    bw_health_request(&request, "zoo.Zoo");
    struct talk *unknown = both_call(&both, BW_HEALTH_CHECK_PATH, bw_buf_span(&request), 0, false, NULL);
    struct talk *server = ask(BW_HEALTH_CHECK_PATH, "");
    both_settle(&both);
    assert_string_equal(talk_trace(unknown), "end NOT_FOUND \"unknown service\"");
    assert_string_equal(talk_trace(server), "headers; message \x08\x01; end OK");
    bw_buf_free(&request);
}

static void many_calls_at_once_are_all_answered(void **state) {
    (void)state;
    for (int i = 0; i < BOTH_TALKS; i++)
        ask("/t.Test/Echo", "x");
    both_settle(&both);
    for (size_t i = 0; i < BOTH_TALKS; i++)
        assert_string_equal(talk_trace(&both.talks[i]), "headers; message x; end OK");
}

#define WHOLE(f)                                                                                             \
    { #f, f, make, end, NULL }
#define BYTES(f)                                                                                             \
    { #f "_one_byte_at_a_time", f, make, end, &both }
#define TEST(f) WHOLE(f), BYTES(f)
BW_TESTS(TEST(a_call_comes_back_answered), TEST(a_status_comes_back_with_everything_that_belongs_to_it),
         TEST(metadata_goes_there_and_back), TEST(a_stream_of_messages_comes_whole),
         TEST(many_messages_are_answered_by_one), TEST(both_sides_talk_at_once),
         TEST(an_answer_before_the_half_close_ends_a_stream_of_requests), TEST(a_cancel_reaches_the_handler),
         TEST(a_deadline_ends_both_sides),
         TEST(unknown_methods_and_streams_taken_for_unary_are_unimplemented),
         TEST(a_server_that_drains_finishes_what_runs_and_the_next_call_finds_nobody),
         TEST(a_channel_that_drains_finishes_what_runs),
         TEST(health_is_read_by_the_client_as_the_server_says_it), TEST(many_calls_at_once_are_all_answered))
