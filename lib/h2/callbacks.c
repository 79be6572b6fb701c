/* callbacks.c: what nghttp2 tells, turned into events of our streams. */
#include "h2_internal.h"

enum { CREDIT_PER_BYTES = 8192 }; /* a peer that reads sends two WINDOW_UPDATEs per 32 KiB at most */

static struct bw_h2_stream *stream_of(const struct bw_h2 *h2, int32_t id) {
    return id ? nghttp2_session_get_stream_user_data(h2->session, id) : NULL;
}

void bw_h2_charge(struct bw_h2 *h2, uint32_t cost, const char *why) {
    if (cost && !bw_h2_bucket_take(&h2->bucket, h2->now_ms, cost))
        bw_h2_ending_fail(h2, BW_H2_ENHANCE_YOUR_CALM, why);
}

/* A peer that knows the limit and has no reason to think that a stream ended should not try. */
static void charge_refusal(struct bw_h2 *h2) {
    bool knows_better = h2->settings_acked && h2->held == 0;
    bw_h2_charge(h2, knows_better ? BW_H2_COST_FAULT : BW_H2_COST_FRAME, "too_many_streams");
}

/* nghttp2 counts only the streams it has open; we also count handlers that still run after a reset. */
static int refuse(struct bw_h2 *h2, int32_t id) {
    charge_refusal(h2);
    int failed = nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, id, BW_H2_REFUSED_STREAM);
    return failed ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    struct bw_h2 *h2 = user;
    bw_h2_block_begin(&h2->block);
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST || bw_h2_is_over(h2))
        return 0;
    if (h2->charged + h2->held >= h2->config.concurrent_streams_max)
        return refuse(h2, frame->hd.stream_id);
    struct bw_h2_stream *stream = bw_h2_stream_new(h2, NULL);
    if (!stream)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    stream->id = frame->hd.stream_id;
    stream->opened = true;
    h2->charged++;
    nghttp2_session_set_stream_user_data(session, stream->id, stream);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *user) {
    struct bw_h2 *h2 = user;
    (void)session;
    (void)flags;
    if (!stream_of(h2, frame->hd.stream_id))
        return 0;
    return bw_h2_block_add(h2, name, value);
}

/* Returning 0 drops the field; without this callback nghttp2 would reset the stream. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                             nghttp2_rcbuf *value, uint8_t flags, void *user) {
    struct bw_h2 *h2 = user;
    (void)session;
    (void)flags;
    if (!stream_of(h2, frame->hd.stream_id))
        return 0;
    return bw_h2_block_count(h2, nghttp2_rcbuf_get_buf(name).len, nghttp2_rcbuf_get_buf(value).len);
}

static bool is_informational(const struct bw_h2_block_in *block) {
    if (block->count == 0)
        return false;
    const struct bw_h2_field *status = &block->fields[0];
    return bw_span_is(status->name, ":status") && status->value.len == 3 && status->value.data[0] == '1';
}

/* "a HEADERS frame ... that carries an informational (1xx) status code" comes before the final one (RFC 9113
 * section 8.1); nghttp2 calls only the first of them a response. */
static enum bw_h2_block kind_of(struct bw_h2_stream *stream, const struct bw_h2_block_in *block) {
    if (stream->h2->config.role == BW_H2_SERVER)
        return stream->known ? BW_H2_TRAILERS : BW_H2_REQUEST;
    if (stream->final_seen)
        return BW_H2_TRAILERS;
    if (is_informational(block))
        return BW_H2_INFORMATIONAL;
    stream->final_seen = true;
    return BW_H2_RESPONSE;
}

static void headers_received(struct bw_h2 *h2, const nghttp2_frame *frame) {
    struct bw_h2_stream *stream = stream_of(h2, frame->hd.stream_id);
    struct bw_h2_block_in *block = &h2->block;
    if (!stream)
        return;
    enum bw_h2_block kind = kind_of(stream, block);
    unsigned flags = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM ? BW_H2_END_STREAM : 0u) |
                     (block->too_large ? BW_H2_TOO_LARGE : 0u);
    stream->known = true;
    h2->events->on_headers(h2->owner, stream, kind, block->fields, block->count, flags);
    bw_h2_block_begin(block);
}

static void reset_received(struct bw_h2 *h2, int32_t id) {
    struct bw_h2_stream *stream = stream_of(h2, id);
    if (!stream)
        return;
    stream->remote_reset = true;
    bw_h2_bucket_give(&h2->bucket, BW_H2_COST_FRAME); /* its frame was charged already */
    uint64_t left_ms = stream->deadline_ms > h2->now_ms ? stream->deadline_ms - h2->now_ms : 0;
    bw_h2_charge(h2, bw_h2_bucket_reset_cost(stream->started, stream->timeout_ms, left_ms),
                 "too_many_resets");
}

/* gRFC A8: a PING sooner than the interval is a strike, unless we sent something since the last one. */
static void ping_received(struct bw_h2 *h2) {
    if (h2->config.role == BW_H2_CLIENT)
        return;
    uint64_t interval_ms = h2->stream_count ? h2->config.ping_interval_ms : h2->config.ping_idle_interval_ms;
    if (h2->last_ping_ms != BW_NEVER && h2->now_ms - h2->last_ping_ms < interval_ms)
        h2->ping_strikes++;
    h2->last_ping_ms = h2->now_ms;
    if (h2->ping_strikes > BW_H2_PING_STRIKES_MAX)
        bw_h2_ending_fail(h2, BW_H2_ENHANCE_YOUR_CALM, "too_many_pings");
}

static void settings_received(struct bw_h2 *h2, bool ack) {
    if (ack) {
        h2->settings_acked = true;
        h2->clock.settings_ms = BW_NEVER;
    } else if (!h2->ready) {
        h2->ready = true;
        h2->clock.preface_ms = BW_NEVER;
        if (h2->events->on_ready)
            h2->events->on_ready(h2->owner);
    }
}

static void goaway_received(struct bw_h2 *h2, const nghttp2_goaway *goaway) {
    h2->goaway_received = true;
    if (h2->events->on_goaway)
        h2->events->on_goaway(h2->owner, goaway->error_code,
                              bw_span_of(goaway->opaque_data, goaway->opaque_data_len));
    bw_h2_stream_unsent_refused(h2);
}

static void data_frame_received(struct bw_h2 *h2, const nghttp2_frame *frame) {
    struct bw_h2_stream *stream = stream_of(h2, frame->hd.stream_id);
    if (stream && stream->known && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        h2->events->on_data_end(h2->owner, stream);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    struct bw_h2 *h2 = user;
    bool ack = frame->hd.flags & NGHTTP2_FLAG_ACK;
    (void)session;
    if (bw_h2_is_over(h2))
        return 0;
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
        data_frame_received(h2, frame);
        break;
    case NGHTTP2_HEADERS:
        headers_received(h2, frame);
        break;
    case NGHTTP2_RST_STREAM:
        reset_received(h2, frame->hd.stream_id);
        break;
    case NGHTTP2_SETTINGS:
        settings_received(h2, ack);
        break;
    case NGHTTP2_PING:
        if (!ack)
            ping_received(h2);
        else if (h2->state == BW_H2_NOTICED)
            bw_h2_ending_second_step(h2);
        break;
    case NGHTTP2_GOAWAY:
        goaway_received(h2, &frame->goaway);
        break;
    }
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                         void *user) {
    struct bw_h2 *h2 = user;
    (void)flags;
    /* The connection's window comes back at once: a stream nobody reads must not stop the others. */
    if (nghttp2_session_consume_connection(session, len) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    struct bw_h2_stream *stream = stream_of(h2, id);
    if (!stream || !stream->known || bw_h2_is_over(h2))
        return 0;
    stream->unconsumed += len;
    h2->events->on_data(h2->owner, stream, bw_span_of(data, len));
    return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user) {
    struct bw_h2 *h2 = user;
    (void)session;
    (void)frame;
    if (error == NGHTTP2_ERR_REFUSED_STREAM)
        charge_refusal(h2);
    else
        bw_h2_charge(h2, BW_H2_COST_FAULT, "too_many_faults");
    return 0;
}

/* Always 0: anything else makes nghttp2 1.52 leak the stream (CVE-2023-35945). */
static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
    struct bw_h2 *h2 = user;
    (void)session;
    struct bw_h2_stream *stream = stream_of(h2, id);
    if (stream)
        bw_h2_stream_over(stream, code);
    return 0;
}

static bool is_peers_fault(uint32_t code) {
    return code == BW_H2_PROTOCOL_ERROR || code == BW_H2_FLOW_CONTROL_ERROR || code == BW_H2_STREAM_CLOSED ||
           code == BW_H2_FRAME_SIZE_ERROR;
}

/* "A server MAY request that the client abort transmission of a request without error by sending a RST_STREAM
 * with an error code of NO_ERROR after sending a complete response" (RFC 9113 section 8.1). */
static int end_request_side(struct bw_h2 *h2, const nghttp2_frame *frame) {
    int32_t id = frame->hd.stream_id;
    if (h2->config.role == BW_H2_CLIENT || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
        nghttp2_session_get_stream_remote_close(h2->session, id) != 0)
        return 0;
    int failed = nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, id, BW_H2_NO_ERROR);
    return failed ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static void headers_sent(struct bw_h2 *h2, const nghttp2_frame *frame) {
    struct bw_h2_stream *stream = stream_of(h2, frame->hd.stream_id);
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        h2->requests_queued--;
    if (stream)
        bw_h2_stream_headers_out(stream);
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    struct bw_h2 *h2 = user;
    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
        bw_h2_bucket_give(&h2->bucket, 1 + (uint32_t)(frame->hd.length / CREDIT_PER_BYTES));
        h2->ping_strikes = 0;
        h2->last_ping_ms = BW_NEVER;
        if (frame->hd.type == NGHTTP2_HEADERS)
            headers_sent(h2, frame);
        return end_request_side(h2, frame);
    case NGHTTP2_RST_STREAM:
        if (is_peers_fault(frame->rst_stream.error_code))
            bw_h2_charge(h2, BW_H2_COST_FAULT, "too_many_faults");
        return 0;
    case NGHTTP2_GOAWAY:
        if (frame->goaway.error_code != BW_H2_NO_ERROR)
            bw_h2_ending_terminated(h2);
        return 0;
    }
    return 0;
}

/* Requests that cannot go out are closed by nghttp2; other headers would leave the stream waiting for ever.
 */
static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user) {
    struct bw_h2 *h2 = user;
    (void)session;
    (void)error;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    struct bw_h2_stream *stream = stream_of(h2, frame->hd.stream_id);
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        h2->requests_queued--;
    else if (stream)
        bw_h2_reset(stream, BW_H2_INTERNAL_ERROR);
    return 0;
}

nghttp2_session_callbacks *bw_h2_callbacks_new(void) {
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_send);
    return callbacks;
}
