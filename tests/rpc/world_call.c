#include "world.h"

#include <stdlib.h>

static void add_event(struct call *call, const char *text) {
    bw_buf_printf(&call->trace, "%s%s", bw_buf_size(&call->trace) ? "; " : "", text);
}

static void told_headers(void *user, const struct bw_metadata *headers) {
    struct call *call = user;
    assert_int_equal(call->ends, 0);
    add_event(call, "headers");
    bw_metadata_free(call->headers);
    call->headers = bw_metadata_copy(headers);
    if (call->on_headers)
        call->on_headers(call);
}

static void told_message(void *user, struct bw_span message) {
    struct call *call = user;
    assert_int_equal(call->ends, 0);
    add_event(call, "message ");
    if (message.len < 64)
        bw_buf_append_span(&call->trace, message);
    else
        bw_buf_printf(&call->trace, "of %u", (unsigned)message.len);
    if (call->on_message)
        call->on_message(call);
}

static void told_end(void *user, const struct bw_call_result *result) {
    static const char *const origins[] = {"SERVER", "TRANSPORT", "LOCAL"};
    struct call *call = user;
    call->ends++;
    assert_int_equal(call->ends, 1);
    add_event(call, "end ");
    bw_buf_printf(&call->trace, "%s %s", bw_code_name((int)result->code), origins[result->origin]);
    call->result = *result;
    call->trailers = bw_metadata_copy(result->trailers);
    bw_buf_append_span(&call->details, result->details);
    bw_buf_append_text(&call->message, result->message);
    call->call = NULL;
    if (call->on_end)
        call->on_end(call);
}

struct call *world_call(struct world *world, const struct bw_call_options *options) {
    return world_call_with(world, options, bw_span_text("ping"));
}

struct call *world_call_with(struct world *world, const struct bw_call_options *options,
                             struct bw_span request) {
    static const struct bw_call_events events = {told_headers, told_message, told_end};
    struct bw_call_options usual;
    struct call *call = calloc(1, sizeof *call);
    assert_non_null(call);
    assert_true(world->calls_count < CALLS_MAX);
    world->calls[world->calls_count++] = call;
    bw_call_options_default(&usual);
    usual.path = "/t/Call";
    call->world = world;
    call->call =
        bw_channel_start(world->channel, world->now_ms, options ? options : &usual, request, &events, call);
    assert_non_null(call->call);
    assert_int_equal(call->ends, 0);
    return call;
}

struct call *world_call_within(struct world *world, uint64_t ms) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Call";
    options.deadline_ms = world->now_ms + ms;
    return world_call(world, &options);
}

struct call *world_stream(struct world *world) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Stream";
    options.server_streaming = true;
    return world_call(world, &options);
}

const char *call_trace(struct call *call) {
    return bw_buf_text(&call->trace);
}

const char *call_message(struct call *call) {
    return bw_buf_text(&call->message);
}

void call_cancel(struct call *call) {
    unsigned ends = call->ends;
    bw_call_cancel(call->call, call->world->now_ms);
    assert_int_equal(call->ends, ends);
}

void call_forget(struct call *call) {
    bw_metadata_free(call->headers);
    bw_metadata_free(call->trailers);
    bw_buf_free(&call->trace);
    bw_buf_free(&call->details);
    bw_buf_free(&call->message);
    free(call);
}
