/* What comes back on a call's stream: header blocks, messages, its end. */
#include "channel_internal.h"

#include "response.h"

#include <stdio.h>

/* The answer breaks the protocol. */
static void fail_protocol(struct bw_call *call, const char *message) {
    if (call->has_ended)
        return;
    bw_call_drop_stream(call, BW_H2_PROTOCOL_ERROR);
    bw_call_fail(call, BW_INTERNAL, BW_ORIGIN_TRANSPORT, message);
}

/* ---- header blocks ---- */

/* A status that the server has put there, or that its HTTP status stands for, is the server's word; a 200
 * without one is a broken answer. */
static enum bw_origin origin_of(const struct bw_call *call, const struct bw_response *response) {
    return response->has_status || call->http_status != 200 ? BW_ORIGIN_SERVER : BW_ORIGIN_TRANSPORT;
}

static void swap_buf(struct bw_buf *a, struct bw_buf *b) {
    struct bw_buf was = *a;
    *a = *b;
    *b = was;
}

static void end_with_trailers(struct bw_call *call, struct bw_response *response) {
    call->trailers = response->metadata;
    response->metadata = NULL;
    enum bw_code code = bw_response_status(response, call->http_status);
    swap_buf(&call->message, &response->message);
    swap_buf(&call->details, &response->details);
    call->has_pushback = response->has_pushback;
    call->pushback_ms = response->pushback_ms;
    /* A server may answer before it has read the request to its end; the rest is of no use then
     * (RFC 9113 section 8.1). */
    bw_call_drop_stream(call, BW_H2_NO_ERROR);
    bw_call_end_in_turn(call, code, origin_of(call, response));
}

/* What waits in the inbox is looked at when it is read. */
static bool ends_within_message(const struct bw_call *call) {
    return bw_frame_is_partial(&call->inbox.reader) && !bw_inbox_waits(&call->inbox);
}

static void last_block(struct bw_call *call, struct bw_response *response) {
    if (ends_within_message(call))
        fail_protocol(call, "the response ends within a message");
    else
        end_with_trailers(call, response);
}

static void first_block(struct bw_call *call, const struct bw_response *response) {
    bw_call_commit(call);
    if (call->events->on_headers)
        call->events->on_headers(call->user, response->metadata);
}

static void fail_by_http(struct bw_call *call, const struct bw_response *response) {
    char message[96];
    snprintf(message, sizeof message, "the response is no gRPC (HTTP status %u)", call->http_status);
    bw_call_fail(call, bw_code_from_http(call->http_status), origin_of(call, response), message);
}

/* The final response headers, with or without END_STREAM. "If the content-type does not begin with
 * application/grpc ... use the HTTP status", unless there is a grpc-status, and that counts in a last block
 * only (http-grpc-status-mapping.md). */
static void take_response(struct bw_call *call, struct bw_response *response) {
    call->http_status = response->http_status;
    if (!call->is_answered)
        response->has_status = false;
    if (!response->is_grpc && !response->has_status)
        fail_by_http(call, response);
    else if (response->is_other_codec)
        fail_protocol(call, "the response's content-type names another codec than proto");
    else if (call->is_answered)
        last_block(call, response);
    else
        first_block(call, response);
}

static void take_block(struct bw_call *call, enum bw_h2_block block, struct bw_response *response) {
    if (response->is_bad)
        fail_protocol(call, "a -bin field of the response is no base64");
    else if (response->no_memory)
        bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "out of memory");
    else if (block == BW_H2_RESPONSE)
        take_response(call, response);
    else if (call->is_answered)
        last_block(call, response);
    else
        fail_protocol(call, "a second header block does not end the response");
}

void bw_call_headers(struct bw_call *call, enum bw_h2_block block, const struct bw_h2_field *fields, size_t n,
                     unsigned flags) {
    struct bw_response response;
    if (call->has_ended)
        return;
    call->is_answered = flags & BW_H2_END_STREAM;
    if (flags & BW_H2_TOO_LARGE) {
        bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "the response's header list is too large");
        return;
    }
    bw_response_read(fields, n, &response);
    take_block(call, block, &response);
    bw_response_free(&response);
}

/* ---- messages ---- */

static void take_message(struct bw_call *call, struct bw_span message) {
    call->messages++;
    if (!bw_call_has_one_response(call))
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

/* Everything before the status is read: it is its turn, unless it came within a message. */
static void end_behind_messages(struct bw_call *call) {
    if (call->is_answered && ends_within_message(call))
        fail_protocol(call, "the response ends within a message");
    else
        bw_call_end_in_turn(call, call->code, call->origin);
}

void bw_call_read(struct bw_call *call) {
    struct bw_span message;
    enum bw_frame_result result = BW_FRAME_NEED_MORE;
    while (!call->has_ended &&
           (result = bw_inbox_read(&call->inbox, call->stream, &message)) == BW_FRAME_MESSAGE)
        take_message(call, message);
    if (call->has_ended)
        return;
    if (result != BW_FRAME_NEED_MORE) {
        bw_inbox_drop(&call->inbox, call->stream); /* what follows means nothing */
        refuse_frame(call, result);
    } else if (call->end_waits) {
        end_behind_messages(call);
    }
}

void bw_call_data(struct bw_call *call, struct bw_span bytes) {
    call->inbox.fresh = bytes;
    bw_call_read(call);
    if (call->has_ended)
        bw_inbox_drop(&call->inbox, NULL); /* the stream was reset */
    else if (!bw_inbox_keep(&call->inbox))
        refuse_frame(call, BW_FRAME_NO_MEMORY);
}

void bw_call_data_end(struct bw_call *call) {
    call->is_answered = true;
    fail_protocol(call, "the response ends without trailers");
}

/* ---- the stream is gone ---- */

/* Streams that the server has not processed are tried again without asking: those that never left without
 * limit, those that it refused once (gRFC A6, "Transparent Retries"). */
static bool may_try_again(struct bw_call *call, const struct bw_h2_close *how, bool was_on_wire) {
    if (!how->not_processed || call->committed)
        return false;
    if (!was_on_wire)
        return true;
    bool first = !call->was_refused;
    call->was_refused = true;
    return first;
}

static void end_by_reset(struct bw_call *call, const struct bw_h2_close *how) {
    char message[96];
    snprintf(message, sizeof message, "the stream was reset with %s", bw_h2_error_name(how->code));
    bw_call_fail(call, bw_code_from_reset(how->code), BW_ORIGIN_TRANSPORT, message);
}

void bw_call_stream_closed(struct bw_call *call, const struct bw_h2_close *how) {
    bool was_on_wire = bw_h2_stream_id(call->stream) > 0;
    call->stream = NULL;
    if (call->has_ended)
        return;
    if (may_try_again(call, how, was_on_wire)) {
        call->was_sent = was_on_wire;
        bw_call_place(call);
    } else if (how->lost) {
        bw_call_fail(call, BW_UNAVAILABLE, BW_ORIGIN_TRANSPORT, "the connection was lost");
    } else if (how->remote) {
        end_by_reset(call, how);
    } else if (how->not_processed) {
        bw_call_fail(call, BW_UNAVAILABLE, BW_ORIGIN_TRANSPORT, "the server did not take the call");
    } else {
        bw_call_fail(call, BW_INTERNAL, BW_ORIGIN_TRANSPORT, "the stream ended without a status");
    }
}
