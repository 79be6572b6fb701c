/* What a client sends on a call: its header block, its messages, its half close; and again if need be. */
#include "channel_internal.h"

#include "fields.h"
#include "timeout.h"

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

/* ---- what is kept ---- */

bool bw_call_keep(struct bw_call *call, struct bw_span message) {
    uint8_t head[BW_FRAME_HEAD];
    bw_frame_head(head, message.len);
    call->kept_messages++;
    return bw_buf_append(&call->kept, head, sizeof head) && bw_buf_append_span(&call->kept, message);
}

void bw_call_commit(struct bw_call *call) {
    call->committed = true;
    bw_buf_free(&call->kept);
}

/* "the RPC is committed when ... the client's outgoing message buffer is full" (gRFC A6); one message alone
 * is kept whatever its size, as its caller would have to. */
static void commit_if_over(struct bw_call *call) {
    if (call->kept_messages > 1 && bw_buf_size(&call->kept) > call->channel->config.replay_bytes_max)
        bw_call_commit(call);
}

/* ---- on a stream ---- */

static bool finish(struct bw_call *call) {
    return !call->half_closed || bw_h2_finish(call->stream) == BW_H2_SENT;
}

void bw_call_open(struct bw_call *call, struct bw_channel_conn *conn) {
    if (call->channel->now_ms >= call->deadline_ms) {
        bw_call_fail(call, BW_DEADLINE_EXCEEDED, BW_ORIGIN_LOCAL, "the deadline is over");
        return;
    }
    open_stream(call, conn->h2);
    if (!call->stream)
        return;
    call->was_sent = true;
    struct bw_span all = bw_buf_span(&call->kept);
    bool taken = !all.len || bw_h2_send(call->stream, bw_span_of(NULL, 0), all) == BW_H2_SENT;
    if (!taken || !finish(call)) {
        bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "out of memory");
        return;
    }
    commit_if_over(call);
    if (call->wants_writable) {
        call->writable_due = true;
        bw_call_make_ready(call);
    }
}

static enum bw_send full(struct bw_call *call) {
    call->wants_writable = true;
    return BW_SEND_FULL;
}

static enum bw_send out_of_memory(struct bw_call *call) {
    bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "out of memory");
    return BW_SEND_CLOSED;
}

/* There is no stream yet: the rule of bw_h2_send, for what is kept. */
static enum bw_send send_later(struct bw_call *call, struct bw_span message) {
    size_t size = bw_buf_size(&call->kept), len = BW_FRAME_HEAD + message.len;
    if (size > 0 && (size > BW_SEND_QUEUE_MAX || len > BW_SEND_QUEUE_MAX - size))
        return full(call);
    return bw_call_keep(call, message) ? BW_SEND_OK : out_of_memory(call);
}

/* False: the call is committed, or is now for lack of memory: what is kept would not be all. */
static bool keep_sent(struct bw_call *call, struct bw_span message) {
    if (!call->committed && !bw_call_keep(call, message))
        bw_call_commit(call);
    return !call->committed;
}

enum bw_send bw_call_send(struct bw_call *call, struct bw_span message) {
    uint8_t head[BW_FRAME_HEAD];
    if (call->has_ended || call->end_waits || call->half_closed)
        return BW_SEND_CLOSED;
    if (!call->stream)
        return send_later(call, message);
    bw_frame_head(head, message.len);
    switch (bw_h2_send(call->stream, bw_span_of(head, sizeof head), message)) {
    case BW_H2_SENT:
        break;
    case BW_H2_FULL:
        return full(call);
    case BW_H2_CLOSED: /* its end is about to be told; if the call is tried again the message goes with it */
        return keep_sent(call, message) ? BW_SEND_OK : BW_SEND_CLOSED;
    }
    keep_sent(call, message);
    commit_if_over(call);
    return BW_SEND_OK;
}

void bw_call_half_close(struct bw_call *call) {
    if (call->has_ended || call->end_waits || call->half_closed)
        return;
    call->half_closed = true;
    if (call->stream)
        finish(call); /* a stream that is closed already is about to be told */
}

void bw_call_writable(struct bw_call *call) {
    if (!call->wants_writable || call->has_ended || call->half_closed)
        return;
    call->wants_writable = false;
    if (call->events->on_writable)
        call->events->on_writable(call->user);
}
