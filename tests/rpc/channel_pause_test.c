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

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, end)
BW_TESTS(TEST(a_paused_call_hears_no_message_until_it_is_resumed),
         TEST(a_status_waits_for_the_messages_before_it))
