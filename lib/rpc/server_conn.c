/* A server's connection: the shape of core.h around HTTP/2, and its streams turned into calls. */
#include "request.h"
#include "server_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 512 };

/* ---- a new stream ---- */

static void answer_unknown(const struct bw_server *server, struct bw_h2_stream *stream,
                           const struct bw_request *request) {
    char message[TEXT_MAX];
    const char *what = bw_server_has_service(server, request->path) ? "method" : "service";
    int len = request->path.len < 256 ? (int)request->path.len : 256;
    snprintf(message, sizeof message, "unknown %s in %.*s", what, len, (const char *)request->path.data);
    bw_server_answer_status(stream, 200, BW_UNIMPLEMENTED, message, request->is_proto_subtype, false);
}

static void begin_call(struct bw_server_conn *conn, struct bw_h2_stream *stream, struct bw_request *request) {
    const struct bw_method *method = bw_server_find(conn->server, request->path);
    if (!method) {
        answer_unknown(conn->server, stream, request);
        return;
    }
    struct bw_server_call *call = bw_server_call_new(conn, stream, method, request);
    if (call)
        bw_h2_stream_set_user(stream, call);
    else
        bw_server_answer_status(stream, 200, BW_RESOURCE_EXHAUSTED, "out of memory",
                                request->is_proto_subtype, false);
}

static void on_request(struct bw_server_conn *conn, struct bw_h2_stream *stream,
                       const struct bw_h2_field *fields, size_t n, unsigned flags) {
    struct bw_request request;
    bw_request_read(fields, n, flags & BW_H2_TOO_LARGE, &request);
    switch (request.verdict) {
    case BW_REQUEST_OK:
        begin_call(conn, stream, &request);
        break;
    case BW_REQUEST_HTTP:
        bw_server_answer_http(stream, request.http_status, bw_span_is(request.method, "HEAD"));
        break;
    case BW_REQUEST_STATUS:
        bw_server_answer_status(stream, request.http_status, request.code, request.message,
                                request.is_proto_subtype, request.says_encodings);
        break;
    }
    bw_metadata_free(request.metadata);
}

/* ---- what HTTP/2 tells ---- */

static void on_headers(void *owner, struct bw_h2_stream *stream, enum bw_h2_block block,
                       const struct bw_h2_field *fields, size_t n, unsigned flags) {
    if (block == BW_H2_REQUEST)
        on_request(owner, stream, fields, n, flags);
    struct bw_server_call *call = bw_h2_stream_user(stream);
    if (call && flags & BW_H2_END_STREAM)
        bw_server_call_half_close(call);
}

static void on_data(void *owner, struct bw_h2_stream *stream, struct bw_span bytes) {
    (void)owner;
    struct bw_server_call *call = bw_h2_stream_user(stream);
    if (call)
        bw_server_call_data(call, bytes);
    else
        bw_h2_consume(stream, bytes.len);
}

static void on_data_end(void *owner, struct bw_h2_stream *stream) {
    (void)owner;
    struct bw_server_call *call = bw_h2_stream_user(stream);
    if (call)
        bw_server_call_half_close(call);
}

static void on_writable(void *owner, struct bw_h2_stream *stream) {
    (void)owner;
    struct bw_server_call *call = bw_h2_stream_user(stream);
    if (call && call->heard && !call->finished && call->method->handler->on_writable)
        call->method->handler->on_writable(call->method->service, call);
}

static void on_stream_closed(void *owner, struct bw_h2_stream *stream, const struct bw_h2_close *how) {
    (void)owner;
    struct bw_server_call *call = bw_h2_stream_user(stream);
    if (!call)
        return;
    call->stream = NULL;
    bw_server_call_end(call, call->finished ? BW_END_FINISHED : how->lost ? BW_END_LOST : BW_END_CANCELLED);
}

/* ---- the shape of core.h ---- */

static void end_finished(struct bw_server_conn *conn) {
    while (conn->finished_first)
        bw_server_call_end(conn->finished_first, BW_END_FINISHED);
}

static void time_out(struct bw_server_conn *conn, uint64_t now_ms) {
    struct bw_timer *timer;
    while ((timer = bw_timers_pop_due(&conn->timers, now_ms)) != NULL)
        bw_server_call_timed_out(BW_OWNER_OF(timer, struct bw_server_call, timer));
}

static size_t conn_feed(void *self, uint64_t now_ms, const uint8_t *bytes, size_t len) {
    struct bw_server_conn *conn = self;
    conn->now_ms = now_ms;
    return bw_h2_feed(conn->h2, now_ms, bytes, len);
}

static size_t conn_drain(void *self, uint64_t now_ms, uint8_t *out, size_t cap) {
    struct bw_server_conn *conn = self;
    return bw_h2_drain(conn->h2, now_ms, out, cap);
}

static void conn_written(void *self, uint64_t now_ms, size_t len) {
    struct bw_server_conn *conn = self;
    bw_h2_written(conn->h2, now_ms, len);
}

static void conn_tick(void *self, uint64_t now_ms) {
    struct bw_server_conn *conn = self;
    const struct bw_server *server = conn->server;
    conn->now_ms = now_ms;
    end_finished(conn);
    time_out(conn, now_ms);
    bw_server_call_read_resumed(conn);
    if (server->draining && now_ms >= server->give_up_ms)
        bw_h2_terminate(conn->h2, BW_H2_NO_ERROR, "graceful_stop");
    bw_h2_tick(conn->h2, now_ms);
}

static uint64_t earliest(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t conn_next_deadline(const void *self) {
    const struct bw_server_conn *conn = self;
    if (conn->finished_first || conn->resumed_first)
        return 0;
    uint64_t due = earliest(bw_timers_next(&conn->timers), bw_h2_next_deadline(conn->h2));
    bool waits = conn->server->draining && conn->now_ms < conn->server->give_up_ms;
    return waits ? earliest(due, conn->server->give_up_ms) : due;
}

static unsigned conn_wants(const void *self) {
    const struct bw_server_conn *conn = self;
    return bw_h2_wants(conn->h2);
}

static void conn_lost(void *self, uint64_t now_ms, enum bw_lost reason) {
    struct bw_server_conn *conn = self;
    conn->now_ms = now_ms;
    bw_h2_lost(conn->h2, now_ms, reason);
}

static void conn_free(void *self) {
    struct bw_server_conn *conn = self;
    bw_h2_free(conn->h2); /* ends the calls that are left */
    end_finished(conn);
    bw_timers_free(&conn->timers);
    *conn->link = conn->next;
    if (conn->next)
        conn->next->link = conn->link;
    conn->server->conns_count--;
    free(conn);
}

static struct bw_h2 *make_h2(struct bw_server_conn *conn, uint64_t now_ms) {
    static const struct bw_h2_events events = {.on_headers = on_headers,
                                               .on_data = on_data,
                                               .on_data_end = on_data_end,
                                               .on_writable = on_writable,
                                               .on_stream_closed = on_stream_closed};
    struct bw_h2_config config;
    bw_h2_config_default(&config, BW_H2_SERVER);
    config.concurrent_streams_max = conn->server->config.concurrent_streams_max;
    return bw_h2_new(&config, &events, conn, conn->wake, now_ms);
}

static void add_conn(struct bw_server *server, struct bw_server_conn *conn) {
    conn->next = server->conns;
    conn->link = &server->conns;
    if (conn->next)
        conn->next->link = &conn->next;
    server->conns = conn;
    server->conns_count++;
    server->counts.connections_accepted++;
}

struct bw_conn bw_server_accept(void *owner, uint64_t now_ms, const char *peer, struct bw_wake wake) {
    static const struct bw_conn_ops ops = {conn_feed,          conn_drain, conn_written, conn_tick,
                                           conn_next_deadline, conn_wants, conn_lost,    conn_free};
    struct bw_server *server = owner;
    bool full = server->draining || server->conns_count >= server->config.connections_max;
    struct bw_server_conn *conn = full ? NULL : calloc(1, sizeof *conn);
    if (!conn)
        return (struct bw_conn){NULL, NULL};
    conn->server = server;
    conn->wake = wake;
    conn->now_ms = now_ms;
    conn->finished_last = &conn->finished_first;
    conn->resumed_last = &conn->resumed_first;
    bw_timers_init(&conn->timers);
    bw_span_copy_text(bw_span_text(peer), conn->peer, sizeof conn->peer);
    conn->h2 = make_h2(conn, now_ms);
    if (!conn->h2) {
        free(conn);
        return (struct bw_conn){NULL, NULL};
    }
    add_conn(server, conn);
    return (struct bw_conn){&ops, conn};
}
