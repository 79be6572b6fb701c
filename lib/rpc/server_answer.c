/* What a server sends: header blocks, messages, trailers (PROTOCOL-HTTP2.md, "Responses"). */
#include "fields.h"
#include "server_internal.h"

#include <inttypes.h>
#include <stdio.h>

enum { NUMBER_MAX = 24 };

static struct bw_span content_type(bool is_proto_subtype) {
    return bw_span_text(is_proto_subtype ? "application/grpc+proto" : "application/grpc");
}

static struct bw_span number(char text[NUMBER_MAX], int64_t value) {
    snprintf(text, NUMBER_MAX, "%" PRId64, value);
    return bw_span_text(text);
}

/* ---- streams that never become a call ---- */

void bw_server_answer_http(struct bw_h2_stream *stream, unsigned http_status, bool is_head) {
    struct bw_fields fields;
    char status[NUMBER_MAX];
    bool has_body = http_status == 200;
    bw_fields_init(&fields);
    bw_fields_add(&fields, ":status", number(status, http_status));
    if (has_body)
        bw_fields_add(&fields, "content-type", bw_span_text("text/plain"));
    if (http_status == 405)
        bw_fields_add(&fields, "allow", bw_span_text("POST"));
    bw_h2_respond(stream, bw_fields_block(&fields), fields.n, !has_body || is_head);
    if (has_body && !is_head) {
        bw_h2_send(stream, bw_span_text("This is a gRPC server.\n"), bw_span_of(NULL, 0));
        bw_h2_finish(stream);
    }
    bw_fields_free(&fields);
}

void bw_server_answer_status(struct bw_h2_stream *stream, unsigned http_status, enum bw_code code,
                             const char *message, bool is_proto_subtype, bool says_encodings) {
    struct bw_fields fields;
    char status[NUMBER_MAX];
    bw_fields_init(&fields);
    bw_fields_add(&fields, ":status", number(status, http_status));
    bw_fields_add(&fields, "content-type", content_type(is_proto_subtype));
    if (says_encodings)
        bw_fields_add(&fields, "grpc-accept-encoding", bw_span_text("identity"));
    bw_fields_add_status(&fields, code);
    bw_fields_add_message(&fields, message);
    const struct bw_h2_field *block = bw_fields_block(&fields);
    if (!block || bw_h2_respond(stream, block, fields.n, true) != BW_H2_SENT)
        bw_h2_reset(stream, BW_H2_INTERNAL_ERROR);
    bw_fields_free(&fields);
}

/* ---- calls ---- */

static void add_response_start(const struct bw_server_call *call, struct bw_fields *fields) {
    bw_fields_add(fields, ":status", bw_span_text("200"));
    bw_fields_add(fields, "content-type", content_type(call->is_proto_subtype));
    bw_fields_add_metadata(fields, call->headers);
}

static void reset(struct bw_server_call *call) {
    if (call->stream)
        bw_h2_reset(call->stream, BW_H2_INTERNAL_ERROR);
}

void bw_server_call_flush_headers(struct bw_server_call *call) {
    struct bw_fields fields;
    if (call->headers_sent || call->finished)
        return;
    call->headers_sent = true;
    bw_fields_init(&fields);
    add_response_start(call, &fields);
    const struct bw_h2_field *block = bw_fields_block(&fields);
    if (!block || bw_h2_respond(call->stream, block, fields.n, false) != BW_H2_SENT)
        reset(call);
    bw_fields_free(&fields);
}

enum bw_send bw_server_call_send(struct bw_server_call *call, struct bw_span message) {
    uint8_t head[BW_FRAME_HEAD];
    if (call->finished || !call->stream)
        return BW_SEND_CLOSED;
    bw_server_call_flush_headers(call);
    bw_frame_head(head, message.len);
    switch (bw_h2_send(call->stream, bw_span_of(head, sizeof head), message)) {
    case BW_H2_SENT:
        return BW_SEND_OK;
    case BW_H2_FULL:
        return BW_SEND_FULL;
    case BW_H2_CLOSED:
        break;
    }
    return BW_SEND_CLOSED;
}

/* The call's last words: trailers after its messages, or all in one block when nothing was sent
 * (Trailers-Only). */
static void send_end(struct bw_server_call *call, enum bw_code code, const char *message) {
    struct bw_fields fields;
    char pushback[NUMBER_MAX];
    bw_fields_init(&fields);
    if (!call->headers_sent)
        add_response_start(call, &fields);
    bw_fields_add_status(&fields, code);
    bw_fields_add_message(&fields, message);
    if (bw_buf_size(&call->details))
        bw_fields_add_binary(&fields, "grpc-status-details-bin", bw_buf_span(&call->details));
    if (call->has_pushback)
        bw_fields_add_unindexed(&fields, "grpc-retry-pushback-ms", number(pushback, call->pushback_ms));
    bw_fields_add_metadata(&fields, call->trailers);
    const struct bw_h2_field *block = bw_fields_block(&fields);
    enum bw_h2_sent sent = !block               ? BW_H2_CLOSED
                           : call->headers_sent ? bw_h2_finish_with_trailers(call->stream, block, fields.n)
                                                : bw_h2_respond(call->stream, block, fields.n, true);
    if (sent != BW_H2_SENT)
        reset(call);
    bw_fields_free(&fields);
}

void bw_server_call_finish(struct bw_server_call *call, enum bw_code code, const char *message) {
    struct bw_server_conn *conn = call->conn;
    if (call->finished)
        return;
    if (call->stream)
        send_end(call, code, message);
    if (call->heard) {
        conn->server->counts.calls_ok += code == BW_OK;
        conn->server->counts.calls_failed += code != BW_OK;
    }
    call->finished = true;
    bw_timer_remove(&conn->timers, &call->timer);
    *conn->finished_last = call;
    conn->finished_last = &call->next_finished;
    bw_wake_up(&conn->wake);
}

void bw_server_call_reply(struct bw_server_call *call, struct bw_span message) {
    if (bw_server_call_send(call, message) == BW_SEND_FULL)
        bw_server_call_finish(call, BW_RESOURCE_EXHAUSTED, "the response does not fit into the send queue");
    else
        bw_server_call_finish(call, BW_OK, NULL);
}

static enum bw_metadata_result add_to(struct bw_metadata **list, struct bw_span key, struct bw_span value) {
    if (!*list)
        *list = bw_metadata_new();
    return *list ? bw_metadata_add(*list, key, value) : BW_METADATA_NO_MEMORY;
}

enum bw_metadata_result bw_server_call_add_header(struct bw_server_call *call, struct bw_span key,
                                                  struct bw_span value) {
    return add_to(&call->headers, key, value);
}

enum bw_metadata_result bw_server_call_add_trailer(struct bw_server_call *call, struct bw_span key,
                                                   struct bw_span value) {
    return add_to(&call->trailers, key, value);
}

bool bw_server_call_set_details(struct bw_server_call *call, struct bw_span details) {
    bw_buf_clear(&call->details);
    return bw_buf_append_span(&call->details, details);
}

void bw_server_call_set_pushback(struct bw_server_call *call, int64_t pushback_ms) {
    call->has_pushback = true;
    call->pushback_ms = pushback_ms;
}
