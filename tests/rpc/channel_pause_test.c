/* Reading with a tap: what a paused call does not hear, and what it hears after. */
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

static void pause_call(struct call *call) {
    bw_call_pause(call->call);
}

static struct call *stream_with(const char *script) {
    struct call *call = world_stream(&world);
    call->on_message = pause_call;
    world_settle(&world);
    world_play(world.held[world.held_count - 1], script);
    world_settle(&world);
    return call;
}

static void resume(struct call *call) {
    size_t before = bw_buf_size(&call->trace);
    bw_call_resume(call->call);
    assert_int_equal(bw_buf_size(&call->trace), before); /* never from inside */
    world_settle(&world);
}

static void a_paused_call_hears_no_message_until_it_is_resumed(void **state) {
    (void)state;
    struct call *call = stream_with("H " GRPC "|M one|M two|M three");
    assert_string_equal(call_trace(call), "headers; message one");
    resume(call);
    assert_string_equal(call_trace(call), "headers; message one; message two");
    call->on_message = NULL;
    resume(call);
    assert_string_equal(call_trace(call), "headers; message one; message two; message three");
    bw_call_resume(call->call);
    world_play(world.held[0], "M four|T grpc-status=0");
    world_settle(&world);
    assert_string_equal(call_trace(call),
                        "headers; message one; message two; message three; message four; "
                        "end OK SERVER");
}

static void a_status_waits_for_the_messages_before_it(void **state) {
    (void)state;
    struct call *call = stream_with("H " GRPC "|M one|M two|T grpc-status=5 a=b"); /* line 55 */
    assert_string_equal(call_trace(call), "headers; message one");
    call->on_message = NULL;
    resume(call);
    assert_string_equal(call_trace(call), "headers; message one; message two; end NOT_FOUND SERVER");
    assert_true(bw_span_is(bw_metadata_find(call->trailers, "a"), "b"));
}

static void our_deadline_and_our_cancel_do_not_wait(void **state) {
    (void)state;
    struct call *call =
        stream_with("H " GRPC "|M one|M two|T grpc-status=5 grpc-message=no a=b"); /* line 55 */
    call_cancel(call);
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message one; end CANCELLED LOCAL");
    assert_int_equal(bw_metadata_count(call->trailers), 0); /* line 37: those of the server do not count */
    assert_string_equal(call_message(call), "cancelled by the caller");

    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Stream";
    options.kind = BW_SERVER_STREAMING;
    options.deadline_ms = world.now_ms + 100;
    call = world_call(&world, &options);
    call->on_message = pause_call;
    world_settle(&world);
    world_play(world.newest, "H " GRPC "|M one|M two|T grpc-status=0");
    world_settle(&world);
    world_advance(&world, 99);
    assert_string_equal(call_trace(call), "headers; message one");
    world_advance(&world, 1);
    assert_string_equal(call_trace(call), "headers; message one; end DEADLINE_EXCEEDED LOCAL");
}

static void a_lost_connection_waits_for_the_messages_before_it(void **state) {
    (void)state;
    struct call *call = stream_with("H " GRPC "|M one|M two");
    world_cut(&world, world_link(&world));
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; message one");
    assert_int_equal(bw_call_send(call->call, bw_span_text("x")), BW_SEND_CLOSED);
    call->on_message = NULL;
    resume(call);
    assert_string_equal(call_trace(call), "headers; message one; message two; end UNAVAILABLE TRANSPORT");
}

static void a_broken_message_is_found_when_it_is_read(void **state) {
    (void)state;
    static const struct {
        const char *script, *trace;
    } rows[] = {
        {"H " GRPC "|M one|D 00000000|T grpc-status=0", "headers; message one; end INTERNAL TRANSPORT"},
        {"H " GRPC "|M one|D 0000000005aa|T grpc-status=0", "headers; message one; end INTERNAL TRANSPORT"},
        {"H " GRPC "|M one|D 0200000000|M two|T grpc-status=0",
         "headers; message one; end INTERNAL TRANSPORT"},
    };
    for (size_t i = 0; i < 3; i++) { /* line 44, line 46 */
        struct call *call = stream_with(rows[i].script);
        assert_string_equal(call_trace(call), "headers; message one");
        resume(call);
        assert_string_equal(call_trace(call), rows[i].trace);
    }
}

static void a_paused_call_with_nothing_held_hears_its_end(void **state) {
    (void)state;
    struct call *call = stream_with("H " GRPC "|M one|T grpc-status=0");
    assert_string_equal(call_trace(call), "headers; message one; end OK SERVER");
}

static void a_single_response_is_held_back_with_its_status(void **state) {
    (void)state;
    for (int paused_first = 0; paused_first < 2; paused_first++) {
        struct call *call = world_call(&world, NULL);
        if (paused_first)
            bw_call_pause(call->call);
        world_settle(&world);
        world_play(world.newest, "H " GRPC "|M pong");
        world_settle(&world);
        bw_call_pause(call->call);
        world_play(world.newest, "T grpc-status=0");
        world_settle(&world);
        assert_string_equal(call_trace(call), "headers");
        resume(call);
        assert_string_equal(call_trace(call), "headers; message pong; end OK SERVER");
    }
    struct call *failed = world_call(&world, NULL);
    bw_call_pause(failed->call);
    world_settle(&world);
    world_play(world.newest, "H " GRPC "|M pong|T grpc-status=5");
    world_settle(&world);
    assert_string_equal(call_trace(failed), "headers; end NOT_FOUND SERVER");
}

static void pausing_and_resuming_at_any_time_is_harmless(void **state) {
    (void)state;
    struct call *call = world_begin(&world, BW_BIDI_STREAMING, 0);
    bw_call_resume(call->call);
    bw_call_pause(call->call);
    bw_call_pause(call->call);
    world_settle(&world);
    world_play(world.newest, "H " GRPC "|M one");
    world_settle(&world);
    bw_call_resume(call->call);
    bw_call_resume(call->call);
    bw_call_pause(call->call); /* before the tick: nothing is delivered */
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers");
    bw_call_resume(call->call);
    call_cancel(call);
    bw_call_pause(call->call);
    bw_call_resume(call->call);
    world_settle(&world);
    assert_string_equal(call_trace(call), "headers; end CANCELLED LOCAL");
}

static void a_channel_may_be_freed_with_calls_that_wait_to_be_read(void **state) {
    (void)state;
    struct call *call = stream_with("H " GRPC "|M one|M two|T grpc-status=0");
    bw_call_resume(call->call);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(a_paused_call_hears_no_message_until_it_is_resumed),
         TEST(a_status_waits_for_the_messages_before_it), TEST(our_deadline_and_our_cancel_do_not_wait),
         TEST(a_lost_connection_waits_for_the_messages_before_it),
         TEST(a_broken_message_is_found_when_it_is_read), TEST(a_paused_call_with_nothing_held_hears_its_end),
         TEST(a_single_response_is_held_back_with_its_status),
         TEST(pausing_and_resuming_at_any_time_is_harmless),
         TEST(a_channel_may_be_freed_with_calls_that_wait_to_be_read))
