/* A call at the server: its request is read, its handler hears of it, its end is told once. */
#include "request.h"
#include "server_internal.h"

#include <stdlib.h>

static uint64_t later(uint64_t now_ms, uint64_t ms) {
    return ms >= BW_NEVER - now_ms ? BW_NEVER - 1 : now_ms + ms;
}

static char *copy_text(struct bw_span text) {
    char *copy = malloc(text.len + 1);
    if (copy)
        bw_span_copy_text(text, copy, text.len + 1);
    return copy;
}

static uint32_t message_size_max(const struct bw_server_conn *conn, const struct bw_method *method) {
    return method->message_size_max ? method->message_size_max : conn->server->config.message_size_max;
}

static bool takes_one_message(const struct bw_server_call *call) {
    return call->method->kind == BW_UNARY || call->method->kind == BW_SERVER_STREAMING;
}

/* Before the request is complete its own time limit counts too: a client must not hold a call half-sent. */
static bool set_timer(struct bw_server_call *call) {
    uint64_t due_ms = call->deadline_ms;
    if (takes_one_message(call) && !call->half_closed) {
        uint64_t complete_by_ms = later(call->conn->now_ms, call->conn->server->config.message_timeout_ms);
        due_ms = complete_by_ms < due_ms ? complete_by_ms : due_ms;
    }
    return bw_timer_set(&call->conn->timers, &call->timer, due_ms);
}

static void call_free(struct bw_server_call *call) {
    bw_timer_remove(&call->conn->timers, &call->timer);
    bw_metadata_free(call->metadata);
    bw_metadata_free(call->headers);
    bw_metadata_free(call->trailers);
    bw_inbox_free(&call->inbox);
    bw_buf_free(&call->text);
    bw_buf_free(&call->request);
    bw_buf_free(&call->details);
    call->conn->server->calls_count--;
    free(call->path);
    free(call);
}

struct bw_server_call *bw_server_call_new(struct bw_server_conn *conn, struct bw_h2_stream *stream,
                                          const struct bw_method *method, struct bw_request *request) {
    struct bw_server_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    conn->server->calls_count++;
    call->conn = conn;
    call->stream = stream;
    call->method = method;
    call->is_proto_subtype = request->is_proto_subtype;
    call->timeout_ms = request->has_timeout ? request->timeout_ms : BW_NEVER;
    call->deadline_ms = request->has_timeout ? later(conn->now_ms, request->timeout_ms) : BW_NEVER;
    bw_inbox_init(&call->inbox, message_size_max(conn, method));
    bw_buf_append_span(&call->text, request->authority);
    bw_buf_append_span(&call->text, request->user_agent);
    call->authority_len = request->authority.len;
    call->path = copy_text(request->path);
    if (!call->path || call->text.failed || !set_timer(call)) {
        call_free(call);
        return NULL;
    }
    call->metadata = request->metadata;
    request->metadata = NULL;
    return call;
}

static void unlink_finished(struct bw_server_call *call) {
    struct bw_server_conn *conn = call->conn;
    struct bw_server_call **at = &conn->finished_first;
    while (*at && *at != call)
        at = &(*at)->next_finished;
    if (!*at)
        return;
    *at = call->next_finished;
    if (conn->finished_last == &call->next_finished)
        conn->finished_last = at;
}

static void unlink_resumed(struct bw_server_call *call) {
    struct bw_server_conn *conn = call->conn;
    struct bw_server_call **at = &conn->resumed_first;
    if (!call->is_resumed)
        return;
    while (*at != call)
        at = &(*at)->next_resumed;
    *at = call->next_resumed;
    if (conn->resumed_last == &call->next_resumed)
        conn->resumed_last = at;
    call->is_resumed = false;
}

static void count_end(struct bw_server_counts *counts, enum bw_call_end how) {
    if (how != BW_END_FINISHED)
        counts->calls_cancelled++;
}

void bw_server_call_end(struct bw_server_call *call, enum bw_call_end how) {
    const struct bw_handler *handler = call->method->handler;
    if (call->finished)
        unlink_finished(call);
    unlink_resumed(call);
    if (call->stream)
        bw_h2_stream_set_user(call->stream, NULL);
    call->stream = NULL;
    call->finished = true;
    if (call->heard) {
        count_end(&call->conn->server->counts, how);
        if (handler->on_end)
            handler->on_end(call->method->service, call, how);
    }
    call_free(call);
}

/* The handler is about to hear of the call: from now on its reset by the client costs more. */
static void begin(struct bw_server_call *call) {
    if (call->heard)
        return;
    call->heard = true;
    call->conn->server->counts.calls_started++;
    if (call->stream)
        bw_h2_stream_started(call->stream, call->timeout_ms, call->deadline_ms);
}

static void hear(struct bw_server_call *call, struct bw_span message) {
    begin(call);
    call->method->handler->on_message(call->method->service, call, message);
}

static void keep_message(struct bw_server_call *call, struct bw_span message) {
    if (call->messages > 1)
        bw_server_call_finish(call, BW_UNIMPLEMENTED, "this method takes one request message, not several");
    else if (!bw_buf_append_span(&call->request, message))
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
}

static void refuse_frame(struct bw_server_call *call, enum bw_frame_result result) {
    switch (result) {
    case BW_FRAME_BAD_FLAG:
        bw_server_call_finish(call, BW_INTERNAL, "a message's compressed flag is neither 0 nor 1");
        break;
    case BW_FRAME_COMPRESSED:
        bw_server_call_finish(call, BW_INTERNAL,
                              "a message is compressed, but grpc-encoding named no algorithm");
        break;
    case BW_FRAME_TOO_LARGE:
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED,
                              "the request message is larger than this method takes");
        break;
    case BW_FRAME_NO_MEMORY:
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "out of memory");
        break;
    case BW_FRAME_NEED_MORE:
    case BW_FRAME_MESSAGE:
        break;
    }
}

static void take_message(struct bw_server_call *call, struct bw_span message) {
    call->messages++;
    if (takes_one_message(call))
        keep_message(call, message);
    else
        hear(call, message);
}

/* Everything that the client sent before it is read. */
static void tell_half_close(struct bw_server_call *call) {
    call->half_close_waits = false;
    if (bw_frame_is_partial(&call->inbox.reader)) {
        bw_server_call_finish(call, BW_INTERNAL, "the request ends within a message");
    } else if (!takes_one_message(call)) {
        begin(call);
        call->method->handler->on_half_close(call->method->service, call);
    } else if (call->messages == 0) {
        bw_server_call_finish(call, BW_UNIMPLEMENTED, "this method takes one request message, none came");
    } else {
        hear(call, bw_buf_span(&call->request));
    }
}

void bw_server_call_read(struct bw_server_call *call) {
    struct bw_span message;
    enum bw_frame_result result = BW_FRAME_NEED_MORE;
    while (!call->finished &&
           (result = bw_inbox_read(&call->inbox, call->stream, &message)) == BW_FRAME_MESSAGE)
        take_message(call, message);
    if (!call->finished)
        refuse_frame(call, result);
    if (call->finished)
        bw_inbox_drop(&call->inbox, call->stream);
    else if (call->half_close_waits && !bw_inbox_waits(&call->inbox))
        tell_half_close(call);
}

void bw_server_call_data(struct bw_server_call *call, struct bw_span bytes) {
    call->inbox.fresh = bytes;
    bw_server_call_read(call);
    if (!bw_inbox_keep(&call->inbox)) {
        refuse_frame(call, BW_FRAME_NO_MEMORY);
        bw_inbox_drop(&call->inbox, call->stream);
    }
}

void bw_server_call_half_close(struct bw_server_call *call) {
    if (call->finished || call->half_closed)
        return;
    call->half_closed = true;
    set_timer(call); /* it is in the heap already: setting it again needs no memory */
    if (bw_inbox_waits(&call->inbox))
        call->half_close_waits = true;
    else
        tell_half_close(call);
}

void bw_server_call_read_resumed(struct bw_server_conn *conn) {
    while (conn->resumed_first) {
        struct bw_server_call *call = conn->resumed_first;
        unlink_resumed(call);
        bw_server_call_read(call);
    }
}

void bw_server_call_pause(struct bw_server_call *call) {
    call->inbox.paused = true;
}

void bw_server_call_resume(struct bw_server_call *call) {
    struct bw_server_conn *conn = call->conn;
    if (!call->inbox.paused)
        return;
    call->inbox.paused = false;
    if (call->finished || call->is_resumed || !bw_inbox_waits(&call->inbox))
        return;
    call->is_resumed = true;
    call->next_resumed = NULL;
    *conn->resumed_last = call;
    conn->resumed_last = &call->next_resumed;
    bw_wake_up(&conn->wake);
}

/* Deadline: the stream is reset and the handler told; no trailers are owed (PROTOCOL-HTTP2.md, "Timeout"). */
void bw_server_call_timed_out(struct bw_server_call *call) {
    if (call->conn->now_ms < call->deadline_ms) {
        bw_server_call_finish(call, BW_DEADLINE_EXCEEDED, "the request was not complete in time");
        return;
    }
    if (call->stream)
        bw_h2_reset(call->stream, BW_H2_CANCEL);
    bw_server_call_end(call, BW_END_DEADLINE);
}

/* ---- what a handler reads ---- */

const char *bw_server_call_path(const struct bw_server_call *call) {
    return call->path;
}

const struct bw_metadata *bw_server_call_metadata(const struct bw_server_call *call) {
    return call->metadata;
}

uint64_t bw_server_call_deadline(const struct bw_server_call *call) {
    return call->deadline_ms;
}

uint64_t bw_server_call_now(const struct bw_server_call *call) {
    return call->conn->now_ms;
}

const char *bw_server_call_peer(const struct bw_server_call *call) {
    return call->conn->peer;
}

struct bw_span bw_server_call_authority(const struct bw_server_call *call) {
    return bw_span_of(bw_buf_span(&call->text).data, call->authority_len);
}

struct bw_span bw_server_call_user_agent(const struct bw_server_call *call) {
    struct bw_span text = bw_buf_span(&call->text);
    if (text.len == call->authority_len)
        return bw_span_of(NULL, 0);
    return bw_span_of(text.data + call->authority_len, text.len - call->authority_len);
}

void bw_server_call_set_user(struct bw_server_call *call, void *user) {
    call->user = user;
}

void *bw_server_call_user(const struct bw_server_call *call) {
    return call->user;
}
