/* One call of a client: started, sent, answered, ended. */
#include "channel_internal.h"

#include "fields.h"
#include "timeout.h"

#include <stdlib.h>

void bw_call_options_default(struct bw_call_options *options) {
    *options = (struct bw_call_options){.size = sizeof *options, .deadline_ms = BW_NEVER};
}

/* ---- starting ---- */

static char *copy_text(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

static bool fill(struct bw_call *call, const struct bw_call_options *options, struct bw_span request) {
    call->path = copy_text(options->path);
    call->metadata = bw_metadata_copy(options->metadata);
    call->trailers = bw_metadata_new();
    bw_buf_append_span(&call->request, request);
    return call->path && call->metadata && call->trailers && !call->request.failed &&
           bw_timer_set(&call->channel->timers, &call->timer, options->deadline_ms);
}

static struct bw_call *call_new(struct bw_channel *channel, const struct bw_call_options *options,
                                struct bw_span request) {
    struct bw_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->channel = channel;
    call->next = channel->calls;
    call->link = &channel->calls;
    if (call->next)
        call->next->link = &call->next;
    channel->calls = call;
    channel->calls_count++;
    call->deadline_ms = options->deadline_ms;
    call->server_streaming = options->server_streaming;
    call->wait_for_ready = options->wait_for_ready;
    bw_frame_reader_init(&call->reader, options->message_size_max ? options->message_size_max
                                                                  : channel->config.message_size_max);
    if (fill(call, options, request))
        return call;
    bw_call_free(call);
    return NULL;
}

/* Takes it out of the queue it is in; the queues are short, or being emptied. */
static void unqueue(struct bw_call ***last, struct bw_call **first, struct bw_call *call) {
    struct bw_call **at = first;
    while (*at && *at != call)
        at = &(*at)->next_queued;
    if (!*at)
        return;
    *at = call->next_queued;
    if (*last == &call->next_queued)
        *last = at;
}

static void stop_waiting(struct bw_call *call) {
    struct bw_channel *channel = call->channel;
    if (!call->is_waiting)
        return;
    unqueue(&channel->waiting_last, &channel->waiting_first, call);
    channel->waiting_count--;
    call->is_waiting = false;
}

void bw_call_free(struct bw_call *call) {
    struct bw_channel *channel = call->channel;
    stop_waiting(call);
    if (call->stream)
        bw_h2_stream_set_user(call->stream, NULL);
    bw_timer_remove(&channel->timers, &call->timer);
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    channel->calls_count--;
    bw_metadata_free(call->metadata);
    bw_metadata_free(call->trailers);
    bw_frame_reader_free(&call->reader);
    bw_buf_free(&call->request);
    bw_buf_free(&call->response);
    bw_buf_free(&call->message);
    bw_buf_free(&call->details);
    free(call->path);
    free(call);
}

void bw_call_wait(struct bw_call *call) {
    struct bw_channel *channel = call->channel;
    call->next_queued = NULL;
    call->is_waiting = true;
    *channel->waiting_last = call;
    channel->waiting_last = &call->next_queued;
    channel->waiting_count++;
}

void bw_call_place(struct bw_call *call) {
    struct bw_channel *channel = call->channel;
    if (channel->state == BW_CHANNEL_SHUTDOWN) {
        bw_call_fail(call, BW_UNAVAILABLE, BW_ORIGIN_LOCAL, "the channel is shutting down");
        return;
    }
    if (bw_channel_takes_calls(channel)) {
        bw_call_send(call, channel->current);
        return;
    }
    if (channel->state == BW_CHANNEL_TRANSIENT_FAILURE && !call->wait_for_ready) {
        bw_call_fail(call, BW_UNAVAILABLE, BW_ORIGIN_TRANSPORT, channel->last_error);
        return;
    }
    if (channel->waiting_count >= channel->config.waiting_calls_max) {
        bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "too many calls wait for a connection");
        return;
    }
    bw_call_wait(call);
    bw_channel_need_connection(channel);
    bw_wake_up(&channel->wake);
}

struct bw_call *bw_channel_start(struct bw_channel *channel, uint64_t now_ms,
                                 const struct bw_call_options *options, struct bw_span request,
                                 const struct bw_call_events *events, void *user) {
    if (options->size != sizeof *options || !options->path)
        return NULL;
    channel->now_ms = now_ms;
    struct bw_call *call = call_new(channel, options, request);
    if (!call)
        return NULL;
    call->events = events;
    call->user = user;
    if (options->deadline_ms <= now_ms)
        bw_call_fail(call, BW_DEADLINE_EXCEEDED, BW_ORIGIN_LOCAL, "the deadline was over at the start");
    else
        bw_call_place(call);
    bw_wake_up(&channel->wake); /* its deadline is new */
    return call;
}

void bw_call_cancel(struct bw_call *call, uint64_t now_ms) {
    call->channel->now_ms = now_ms;
    bw_call_fail(call, BW_CANCELLED, BW_ORIGIN_LOCAL, "cancelled by the caller");
}

/* ---- sending ---- */

/* "grpc-timeout should be the first of Call-Definition after the pseudo-fields" (PROTOCOL-HTTP2.md). */
static void add_request_fields(const struct bw_call *call, struct bw_fields *fields, struct bw_span timeout) {
    const struct bw_channel *channel = call->channel;
    bw_fields_add(fields, ":method", bw_span_text("POST"));
    bw_fields_add(fields, ":scheme", bw_span_text(channel->config.tls ? "https" : "http"));
    bw_fields_add(fields, ":path", bw_span_text(call->path));
    bw_fields_add(fields, ":authority", bw_span_text(channel->authority));
    if (timeout.len)
        bw_fields_add_unindexed(fields, "grpc-timeout", timeout);
    bw_fields_add(fields, "te", bw_span_text("trailers"));
    bw_fields_add(fields, "content-type", bw_span_text("application/grpc+proto"));
    bw_fields_add(fields, "user-agent", bw_span_text(channel->user_agent));
    bw_fields_add_metadata(fields, call->metadata);
}

static void open_stream(struct bw_call *call, struct bw_h2 *h2) {
    struct bw_fields fields;
    char timeout[BW_TIMEOUT_TEXT_MAX];
    size_t timeout_len = 0;
    if (call->deadline_ms != BW_NEVER)
        timeout_len = bw_timeout_format(call->deadline_ms - call->channel->now_ms, timeout);
    bw_fields_init(&fields);
    add_request_fields(call, &fields, bw_span_of(timeout, timeout_len));
    const struct bw_h2_field *block = bw_fields_block(&fields);
    call->stream = block ? bw_h2_request(h2, block, fields.n, false, call) : NULL;
    /* "The client must not send more than the server's SETTINGS_MAX_HEADER_LIST_SIZE" (RFC 9113 6.5.2). */
    bool fits = !block || bw_h2_fits(h2, block, fields.n);
    bw_fields_free(&fields);
    if (!fits)
        bw_call_fail(call, BW_INTERNAL, BW_ORIGIN_LOCAL,
                     "the request's metadata is more than the server takes");
    else if (!call->stream)
        bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "out of memory");
}

void bw_call_send(struct bw_call *call, struct bw_channel_conn *conn) {
    uint8_t head[BW_FRAME_HEAD];
    if (call->channel->now_ms >= call->deadline_ms) {
        bw_call_fail(call, BW_DEADLINE_EXCEEDED, BW_ORIGIN_LOCAL, "the deadline is over");
        return;
    }
    open_stream(call, conn->h2);
    if (!call->stream)
        return;
    bw_frame_head(head, bw_buf_size(&call->request));
    call->was_sent = true;
    if (bw_h2_send(call->stream, bw_span_of(head, sizeof head), bw_buf_span(&call->request)) != BW_H2_SENT ||
        bw_h2_finish(call->stream) != BW_H2_SENT)
        bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "out of memory");
}

/* ---- ending ---- */

void bw_call_end(struct bw_call *call, enum bw_code code, enum bw_origin origin) {
    struct bw_channel *channel = call->channel;
    stop_waiting(call);
    call->has_ended = true;
    call->ended_ms = channel->now_ms;
    call->code = code;
    call->origin = origin;
    bw_timer_remove(&channel->timers, &call->timer);
    call->next_queued = NULL;
    *channel->ended_last = call;
    channel->ended_last = &call->next_queued;
    bw_wake_up(&channel->wake);
}

/* A stream that both sides have ended closes by itself; any other one is reset. */
void bw_call_drop_stream(struct bw_call *call, uint32_t reset_code) {
    if (!call->stream)
        return;
    bw_h2_stream_set_user(call->stream, NULL);
    if (!call->is_answered || bw_h2_stream_queued(call->stream) > 0)
        bw_h2_reset(call->stream, reset_code);
    call->stream = NULL;
}

void bw_call_fail(struct bw_call *call, enum bw_code code, enum bw_origin origin, const char *message) {
    if (call->has_ended)
        return;
    bw_call_drop_stream(call, BW_H2_CANCEL);
    bw_buf_clear(&call->message);
    bw_buf_append_text(&call->message, message);
    bw_call_end(call, code, origin);
}

/* A unary call that ended well has exactly one message (statuscodes.md: UNIMPLEMENTED otherwise). */
static void check_count(struct bw_call *call) {
    if (call->code != BW_OK || call->server_streaming || call->messages == 1)
        return;
    call->code = BW_UNIMPLEMENTED;
    call->origin = BW_ORIGIN_TRANSPORT;
    bw_buf_clear(&call->message);
    bw_buf_printf(&call->message, "a unary call was answered with %u messages", call->messages);
}

void bw_call_deliver_end(struct bw_call *call) {
    check_count(call);
    if (call->code == BW_OK && !call->server_streaming)
        call->events->on_message(call->user, bw_buf_span(&call->response));
    struct bw_call_result result = {.code = call->code,
                                    .message = bw_buf_text(&call->message),
                                    .origin = call->origin,
                                    .details = bw_buf_span(&call->details),
                                    .trailers = call->trailers,
                                    .has_pushback = call->has_pushback,
                                    .pushback_ms = call->pushback_ms,
                                    .sent = call->was_sent,
                                    .at_ms = call->ended_ms};
    call->events->on_end(call->user, &result);
    bw_call_free(call);
}
