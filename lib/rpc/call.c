/* One call of a client: started, sent, answered, ended. */
#include "channel_internal.h"

#include "fields.h"
#include "response.h"
#include "timeout.h"

#include <stdio.h>
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

/* Sends it now, lets it wait for a connection, or fails it fast (wait-for-ready.md). */
static void place(struct bw_call *call) {
    struct bw_channel *channel = call->channel;
    if (channel->state == BW_CHANNEL_SHUTDOWN) {
        bw_call_fail(call, BW_UNAVAILABLE, BW_ORIGIN_LOCAL, "the channel is shutting down");
        return;
    }
    if (channel->state == BW_CHANNEL_READY && (bw_call_send(call, channel->current) || call->has_ended))
        return;
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
    if (options->size != sizeof *options)
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
        place(call);
    bw_wake_up(&channel->wake); /* its deadline is new */
    return call;
}

void bw_call_cancel(struct bw_call *call, uint64_t now_ms) {
    call->channel->now_ms = now_ms;
    bw_call_fail(call, BW_CANCELLED, BW_ORIGIN_LOCAL, "cancelled by the caller");
}

/* ---- sending ---- */

static struct bw_h2_stream *open_stream(struct bw_call *call, struct bw_h2 *h2) {
    const struct bw_channel *channel = call->channel;
    struct bw_fields fields;
    char timeout[BW_TIMEOUT_TEXT_MAX];
    bw_fields_init(&fields);
    bw_fields_add(&fields, ":method", bw_span_text("POST"));
    bw_fields_add(&fields, ":scheme", bw_span_text("http"));
    bw_fields_add(&fields, ":path", bw_span_text(call->path));
    bw_fields_add(&fields, ":authority", bw_span_text(channel->authority));
    if (call->deadline_ms != BW_NEVER) {
        size_t len = bw_timeout_format(call->deadline_ms - channel->now_ms, timeout);
        bw_fields_add_unindexed(&fields, "grpc-timeout", bw_span_of(timeout, len));
    }
    bw_fields_add(&fields, "te", bw_span_text("trailers"));
    bw_fields_add(&fields, "content-type", bw_span_text("application/grpc+proto"));
    bw_fields_add(&fields, "user-agent", bw_span_text(channel->user_agent));
    bw_fields_add_metadata(&fields, call->metadata);
    const struct bw_h2_field *block = bw_fields_block(&fields);
    struct bw_h2_stream *stream = NULL;
    if (!block)
        bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "out of memory");
    else if (!bw_h2_fits(h2, block, fields.n))
        bw_call_fail(call, BW_INTERNAL, BW_ORIGIN_LOCAL, "the header list is larger than the server takes");
    else
        stream = bw_h2_request(h2, block, fields.n, false, call);
    bw_fields_free(&fields);
    return stream;
}

bool bw_call_send(struct bw_call *call, struct bw_channel_conn *conn) {
    uint8_t head[BW_FRAME_HEAD];
    if (call->channel->now_ms >= call->deadline_ms) {
        bw_call_fail(call, BW_DEADLINE_EXCEEDED, BW_ORIGIN_LOCAL, "the deadline is over");
        return false;
    }
    call->stream = bw_h2_accepts_requests(conn->h2) ? open_stream(call, conn->h2) : NULL;
    if (!call->stream)
        return false;
    bw_frame_head(head, bw_buf_size(&call->request));
    call->was_sent = true;
    if (bw_h2_send(call->stream, bw_span_of(head, sizeof head), bw_buf_span(&call->request)) == BW_H2_SENT &&
        bw_h2_finish(call->stream) == BW_H2_SENT)
        return true;
    bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "out of memory");
    return false;
}

/* ---- ending ---- */

/* The status is known: nothing that comes after it counts. */
static void end(struct bw_call *call, enum bw_code code, enum bw_origin origin) {
    struct bw_channel *channel = call->channel;
    stop_waiting(call);
    call->has_ended = true;
    call->code = code;
    call->origin = origin;
    bw_timer_remove(&channel->timers, &call->timer);
    call->next_queued = NULL;
    *channel->ended_last = call;
    channel->ended_last = &call->next_queued;
    bw_wake_up(&channel->wake);
}

static void drop_stream(struct bw_call *call, uint32_t reset_code) {
    if (!call->stream)
        return;
    bw_h2_stream_set_user(call->stream, NULL);
    bw_h2_reset(call->stream, reset_code);
    call->stream = NULL;
}

void bw_call_fail(struct bw_call *call, enum bw_code code, enum bw_origin origin, const char *message) {
    if (call->has_ended)
        return;
    drop_stream(call, BW_H2_CANCEL);
    bw_buf_clear(&call->message);
    bw_buf_append_text(&call->message, message);
    end(call, code, origin);
}

/* The answer breaks the protocol. */
static void fail_protocol(struct bw_call *call, const char *message) {
    if (call->has_ended)
        return;
    drop_stream(call, BW_H2_PROTOCOL_ERROR);
    bw_call_fail(call, BW_INTERNAL, BW_ORIGIN_TRANSPORT, message);
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
                                    .at_ms = call->channel->now_ms};
    call->events->on_end(call->user, &result);
    bw_call_free(call);
}

/* ---- what comes back ---- */

static void end_with_trailers(struct bw_call *call, struct bw_response *response) {
    struct bw_metadata *trailers = response->metadata;
    response->metadata = call->trailers;
    call->trailers = trailers;
    enum bw_code code = bw_response_status(response, call->http_status);
    bw_buf_clear(&call->message);
    bw_buf_append_span(&call->message, bw_buf_span(&response->message));
    bw_buf_clear(&call->details);
    bw_buf_append_span(&call->details, bw_buf_span(&response->details));
    call->has_pushback = response->has_pushback;
    call->pushback_ms = response->pushback_ms;
    end(call, code, response->has_status ? BW_ORIGIN_SERVER : BW_ORIGIN_TRANSPORT);
}

static void last_block(struct bw_call *call, struct bw_response *response) {
    if (bw_frame_is_partial(&call->reader))
        fail_protocol(call, "the response ends within a message");
    else
        end_with_trailers(call, response);
}

static void first_block(struct bw_call *call, const struct bw_response *response) {
    call->has_headers = true;
    bw_buf_free(&call->request); /* committed: it is not tried again */
    if (response->is_encoded)
        fail_protocol(call, "the response's grpc-encoding is none that was offered");
    else if (call->events->on_headers)
        call->events->on_headers(call->user, response->metadata);
}

static void fail_by_http(struct bw_call *call) {
    char message[96];
    snprintf(message, sizeof message, "the response is no gRPC (HTTP status %u)", call->http_status);
    bw_call_fail(call, bw_code_from_http(call->http_status), BW_ORIGIN_TRANSPORT, message);
}

void bw_call_headers(struct bw_call *call, enum bw_h2_block block, const struct bw_h2_field *fields, size_t n,
                     unsigned flags) {
    struct bw_response response;
    if (call->has_ended)
        return;
    bw_response_read(fields, n, &response);
    if (block == BW_H2_RESPONSE)
        call->http_status = response.http_status;
    bool is_last = flags & BW_H2_END_STREAM;
    if (flags & BW_H2_TOO_LARGE)
        bw_call_fail(call, BW_INTERNAL, BW_ORIGIN_LOCAL, "the response's header list is too large");
    else if (block == BW_H2_RESPONSE && !response.is_grpc && !response.has_status)
        fail_by_http(call);
    else if (block == BW_H2_RESPONSE && response.is_other_codec)
        fail_protocol(call, "the response's content-type names another codec than proto");
    else if (response.is_bad)
        fail_protocol(call, "a -bin field of the response is no base64");
    else if (is_last)
        last_block(call, &response);
    else if (block == BW_H2_RESPONSE)
        first_block(call, &response);
    else
        fail_protocol(call, "a second header block does not end the response");
    bw_response_free(&response);
}

static void take_message(struct bw_call *call, struct bw_span message) {
    call->messages++;
    if (call->server_streaming)
        call->events->on_message(call->user, message);
    else if (call->messages == 1 && !bw_buf_append_span(&call->response, message))
        bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "out of memory");
}

static void refuse_frame(struct bw_call *call, enum bw_frame_result result) {
    switch (result) {
    case BW_FRAME_BAD_FLAG:
        fail_protocol(call, "a message's compressed flag is neither 0 nor 1");
        break;
    case BW_FRAME_COMPRESSED:
        fail_protocol(call, "a message is compressed, but no algorithm was agreed on");
        break;
    case BW_FRAME_TOO_LARGE:
        bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL,
                     "the response message is larger than allowed");
        break;
    case BW_FRAME_NO_MEMORY:
        bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "out of memory");
        break;
    case BW_FRAME_NEED_MORE:
    case BW_FRAME_MESSAGE:
        break;
    }
}

void bw_call_data(struct bw_call *call, struct bw_span bytes) {
    struct bw_span message;
    enum bw_frame_result result = BW_FRAME_NEED_MORE;
    while (!call->has_ended && (result = bw_frame_read(&call->reader, &bytes, &message)) == BW_FRAME_MESSAGE)
        take_message(call, message);
    if (!call->has_ended)
        refuse_frame(call, result);
}

void bw_call_data_end(struct bw_call *call) {
    fail_protocol(call, "the response ends without trailers");
}

/* ---- the stream is gone ---- */

/* Streams that the server has not processed are tried again without asking: those that never left without
 * limit, those that it refused once (gRFC A6, "Transparent Retries"). */
static bool may_try_again(struct bw_call *call, const struct bw_h2_close *how, bool was_on_wire) {
    if (!how->not_processed || call->has_headers)
        return false;
    if (!was_on_wire)
        return true;
    bool first = !call->was_refused;
    call->was_refused = true;
    return first;
}

static void end_by_reset(struct bw_call *call, const struct bw_h2_close *how) {
    char message[96];
    enum bw_code code = bw_code_from_reset(how->code);
    /* The server's own timer may fire first: then its CANCEL is our deadline (PROTOCOL-HTTP2.md, "Errors").
     */
    if (how->code == BW_H2_CANCEL && call->channel->now_ms >= call->deadline_ms)
        code = BW_DEADLINE_EXCEEDED;
    snprintf(message, sizeof message, "the stream was reset with %s", bw_h2_error_name(how->code));
    bw_call_fail(call, code, BW_ORIGIN_TRANSPORT, message);
}

void bw_call_stream_closed(struct bw_call *call, const struct bw_h2_close *how) {
    bool was_on_wire = bw_h2_stream_id(call->stream) > 0;
    call->stream = NULL;
    if (call->has_ended)
        return;
    if (may_try_again(call, how, was_on_wire)) {
        call->was_sent = false;
        place(call);
    } else if (how->lost) {
        bw_call_fail(call, BW_UNAVAILABLE, BW_ORIGIN_TRANSPORT, "the connection was lost");
    } else if (how->remote) {
        end_by_reset(call, how);
    } else {
        bw_call_fail(call, BW_INTERNAL, BW_ORIGIN_TRANSPORT, "the stream ended without a status");
    }
}
