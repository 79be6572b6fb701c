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

static void told_writable(void *user) {
    struct call *call = user;
    assert_int_equal(call->ends, 0);
    add_event(call, "writable");
    if (call->on_writable)
        call->on_writable(call);
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
    static const struct bw_call_events events = {.on_headers = told_headers,
                                                 .on_message = told_message,
                                                 .on_writable = told_writable,
                                                 .on_end = told_end};
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
    options.kind = BW_SERVER_STREAMING;
    return world_call(world, &options);
}

struct call *world_begin(struct world *world, enum bw_kind kind, uint64_t timeout_ms) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Begin";
    options.kind = kind;
    if (timeout_ms)
        options.deadline_ms = world->now_ms + timeout_ms;
    return world_call_with(world, &options, bw_span_of(NULL, 0));
}

enum bw_send call_say(struct call *call, const char *message) {
    size_t before = bw_buf_size(&call->trace);
    enum bw_send sent = bw_call_send(call->call, bw_span_text(message));
    assert_int_equal(bw_buf_size(&call->trace), before); /* no event from inside */
    return sent;
}

unsigned call_fill(struct call *call, size_t len, enum bw_send *last) {
    static const uint8_t zeros[1 << 20];
    unsigned taken = 0;
    assert_true(len <= sizeof zeros);
    while ((*last = bw_call_send(call->call, bw_span_of(zeros, len))) == BW_SEND_OK)
        taken++;
    return taken;
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
