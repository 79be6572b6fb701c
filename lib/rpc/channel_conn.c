/* A channel's connection: the shape of core.h around HTTP/2, and its streams' events given to their calls. */
#include "channel_internal.h"

#include <stdlib.h>

static void on_headers(void *owner, struct bw_h2_stream *stream, enum bw_h2_block block,
                       const struct bw_h2_field *fields, size_t n, unsigned flags) {
    (void)owner;
    struct bw_call *call = bw_h2_stream_user(stream);
    if (call && block != BW_H2_INFORMATIONAL)
        bw_call_headers(call, block, fields, n, flags);
}

static void on_data(void *owner, struct bw_h2_stream *stream, struct bw_span bytes) {
    (void)owner;
    struct bw_call *call = bw_h2_stream_user(stream);
    if (call)
        bw_call_data(call, bytes);
    else
        bw_h2_consume(stream, bytes.len);
}

static void on_data_end(void *owner, struct bw_h2_stream *stream) {
    (void)owner;
    struct bw_call *call = bw_h2_stream_user(stream);
    if (call)
        bw_call_data_end(call);
}

static void on_writable(void *owner, struct bw_h2_stream *stream) {
    (void)owner;
    struct bw_call *call = bw_h2_stream_user(stream);
    if (call)
        bw_call_writable(call);
}

static void on_stream_closed(void *owner, struct bw_h2_stream *stream, const struct bw_h2_close *how) {
    (void)owner;
    struct bw_call *call = bw_h2_stream_user(stream);
    if (call)
        bw_call_stream_closed(call, how);
}

/* "The backoff is reset when the HTTP/2 SETTINGS of the server arrive" (connection-backoff.md). */
static void on_ready(void *owner) {
    struct bw_channel_conn *conn = owner;
    struct bw_channel *channel = conn->channel;
    conn->is_ready = true;
    if (conn != channel->current)
        return;
    channel->step = BW_DIAL_NONE;
    bw_backoff_reset(&channel->backoff);
    channel->last_error[0] = '\0';
    bw_channel_set_state(channel, BW_CHANNEL_READY);
    bw_channel_send_waiting(channel);
}

/* The connection takes no new calls any more; those on it go on. */
static void retire(struct bw_channel_conn *conn, const char *why) {
    struct bw_channel *channel = conn->channel;
    if (conn != channel->current)
        return;
    channel->current = NULL;
    if (!conn->is_ready) {
        if (channel->step == BW_DIAL_SETTLING)
            bw_channel_attempt_failed(channel, why);
        return;
    }
    bw_channel_set_state(channel, BW_CHANNEL_IDLE);
    if (channel->waiting_first)
        bw_channel_need_connection(channel);
    bw_wake_up(&channel->wake);
}

static void on_goaway(void *owner, uint32_t code, struct bw_span debug) {
    (void)debug;
    (void)code;
    retire(owner, "the server is going away");
}

/* ---- the shape of core.h ---- */

static size_t conn_feed(void *self, uint64_t now_ms, const uint8_t *bytes, size_t len) {
    struct bw_channel_conn *conn = self;
    conn->channel->now_ms = now_ms;
    /* An answer that comes after the deadline is too late, and the CANCEL of a server whose timer fires too
     * is our deadline (PROTOCOL-HTTP2.md, "Errors"). */
    bw_channel_expire(conn->channel);
    size_t taken = bw_h2_feed(conn->h2, now_ms, bytes, len);
    if (!bw_h2_accepts_requests(conn->h2))
        retire(conn, "the server does not speak HTTP/2");
    bw_channel_deliver(conn->channel);
    return taken;
}

static size_t conn_drain(void *self, uint64_t now_ms, uint8_t *out, size_t cap) {
    struct bw_channel_conn *conn = self;
    return bw_h2_drain(conn->h2, now_ms, out, cap);
}

static void conn_written(void *self, uint64_t now_ms, size_t len) {
    struct bw_channel_conn *conn = self;
    bw_h2_written(conn->h2, now_ms, len);
}

static void conn_tick(void *self, uint64_t now_ms) {
    struct bw_channel_conn *conn = self;
    conn->channel->now_ms = now_ms;
    bw_channel_expire(conn->channel);
    bw_h2_tick(conn->h2, now_ms);
    if (!bw_h2_accepts_requests(conn->h2))
        retire(conn, "the connection made no progress");
    bw_channel_deliver(conn->channel);
}

static uint64_t conn_next_deadline(const void *self) {
    const struct bw_channel_conn *conn = self;
    return bw_h2_next_deadline(conn->h2);
}

static unsigned conn_wants(const void *self) {
    const struct bw_channel_conn *conn = self;
    return bw_h2_wants(conn->h2);
}

static void conn_lost(void *self, uint64_t now_ms, enum bw_lost reason) {
    struct bw_channel_conn *conn = self;
    conn->channel->now_ms = now_ms;
    bw_channel_expire(conn->channel);
    retire(conn, "the connection was closed before it was ready");
    bw_h2_lost(conn->h2, now_ms, reason);
    bw_channel_deliver(conn->channel);
}

static void conn_free(void *self) {
    struct bw_channel_conn *conn = self;
    retire(conn, "the connection was closed before it was ready");
    bw_h2_free(conn->h2); /* ends the calls that are left; the channel's next tick tells them */
    *conn->link = conn->next;
    if (conn->next)
        conn->next->link = conn->link;
    free(conn);
}

struct bw_conn bw_channel_conn_new(struct bw_channel *channel, uint64_t id, struct bw_wake wake) {
    static const struct bw_h2_events events = {.on_headers = on_headers,
                                               .on_data = on_data,
                                               .on_data_end = on_data_end,
                                               .on_writable = on_writable,
                                               .on_stream_closed = on_stream_closed,
                                               .on_ready = on_ready,
                                               .on_goaway = on_goaway};
    static const struct bw_conn_ops ops = {conn_feed,          conn_drain, conn_written, conn_tick,
                                           conn_next_deadline, conn_wants, conn_lost,    conn_free};
    struct bw_h2_config config;
    struct bw_channel_conn *conn = calloc(1, sizeof *conn);
    bw_h2_config_default(&config, BW_H2_CLIENT);
    config.send_queue_max = BW_SEND_QUEUE_MAX;
    /* The channel's own limit for an attempt covers the peer's SETTINGS. */
    config.preface_timeout_ms = channel->give_up_ms - channel->now_ms + 1;
    if (conn)
        conn->h2 = bw_h2_new(&config, &events, conn, wake, channel->now_ms);
    if (!conn || !conn->h2) {
        free(conn);
        return (struct bw_conn){NULL, NULL};
    }
    conn->channel = channel;
    conn->id = id;
    conn->next = channel->conns;
    conn->link = &channel->conns;
    if (conn->next)
        conn->next->link = &conn->next;
    channel->conns = conn;
    channel->current = conn;
    return (struct bw_conn){&ops, conn};
}
