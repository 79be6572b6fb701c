/* stream.c: the streams of a connection: what the owner does with them, and how they end. */
#include "h2_internal.h"

#include <assert.h>

struct bw_h2_stream *bw_h2_stream_new(struct bw_h2 *h2, void *user) {
    struct bw_h2_stream *stream = bw_h2_memory_alloc(&h2->memory, sizeof *stream);
    if (!stream)
        return NULL;
    *stream = (struct bw_h2_stream){
        .h2 = h2, .user = user, .attached = true, .timeout_ms = BW_NEVER, .deadline_ms = BW_NEVER};
    stream->next = h2->streams;
    if (h2->streams)
        h2->streams->prev = stream;
    h2->streams = stream;
    h2->stream_count++;
    return stream;
}

void bw_h2_stream_forget(struct bw_h2_stream *stream) {
    struct bw_h2 *h2 = stream->h2;
    if (stream->prev)
        stream->prev->next = stream->next;
    else
        h2->streams = stream->next;
    if (stream->next)
        stream->next->prev = stream->prev;
    h2->stream_count--;
    bw_h2_queue_clear(h2, &stream->queue);
    bw_h2_fields_discard(h2, stream->trailers);
    bw_h2_memory_free(&h2->memory, stream);
}

static void push_event(struct bw_h2_stream *stream) {
    struct bw_h2 *h2 = stream->h2;
    if (!stream->in_events) {
        stream->in_events = true;
        stream->next_event = NULL;
        if (h2->events_last)
            h2->events_last->next_event = stream;
        else
            h2->events_first = stream;
        h2->events_last = stream;
    }
    bw_wake_up(&h2->wake);
}

static struct bw_h2_stream *pop_event(struct bw_h2 *h2) {
    struct bw_h2_stream *stream = h2->events_first;
    h2->events_first = stream->next_event;
    if (!h2->events_first)
        h2->events_last = NULL;
    stream->in_events = false;
    return stream;
}

void bw_h2_stream_writable(struct bw_h2_stream *stream) {
    stream->full_len = 0;
    stream->writable_due = true;
    push_event(stream);
}

static void tell_closed(struct bw_h2_stream *stream) {
    if (stream->known)
        stream->h2->events->on_stream_closed(stream->h2->owner, stream, &stream->how);
    bw_h2_stream_forget(stream);
}

void bw_h2_stream_deliver(struct bw_h2 *h2) {
    while (h2->events_first) {
        struct bw_h2_stream *stream = pop_event(h2);
        if (stream->closed) {
            tell_closed(stream);
        } else if (stream->writable_due) {
            stream->writable_due = false;
            h2->events->on_writable(h2->owner, stream);
        }
    }
}

/* From here on nothing of it is sent, and nghttp2 does not know it. */
static void mark_closed(struct bw_h2_stream *stream, struct bw_h2_close how) {
    struct bw_h2 *h2 = stream->h2;
    stream->closed = true;
    stream->attached = false;
    stream->how = how;
    if (h2->config.role == BW_H2_SERVER)
        h2->charged--;
    bw_h2_queue_clear(h2, &stream->queue);
}

void bw_h2_stream_over(struct bw_h2_stream *stream, uint32_t code) {
    mark_closed(stream,
                (struct bw_h2_close){.code = code,
                                     .remote = stream->remote_reset,
                                     .not_processed = code == BW_H2_REFUSED_STREAM || !stream->opened});
    /* Inside feed the owner hears of it at once: a handler that runs on must be held before the next request
     * of the same read is let in. */
    if (stream->h2->receiving && !stream->in_events)
        tell_closed(stream);
    else
        push_event(stream);
}

void bw_h2_stream_all_lost(struct bw_h2 *h2) {
    for (struct bw_h2_stream *stream = h2->streams; stream; stream = stream->next) {
        if (stream->closed)
            continue;
        nghttp2_session_set_stream_user_data(h2->session, stream->id, NULL);
        mark_closed(stream, (struct bw_h2_close){
                                .code = BW_H2_CANCEL, .lost = true, .not_processed = !stream->opened});
        push_event(stream);
    }
}

void bw_h2_reset(struct bw_h2_stream *stream, uint32_t code) {
    struct bw_h2 *h2 = stream->h2;
    if (stream->closed)
        return;
    nghttp2_session_set_stream_user_data(h2->session, stream->id, NULL);
    /* For a request that still waits in nghttp2's queue this takes it out of there, and no frame is sent. */
    int failed = nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, stream->id, code);
    mark_closed(stream, (struct bw_h2_close){.code = code, .not_processed = !stream->opened});
    push_event(stream);
    if (failed)
        bw_h2_ending_drop(h2);
}

void bw_h2_stream_unsent_refused(struct bw_h2 *h2) {
    for (struct bw_h2_stream *stream = h2->streams; stream && !bw_h2_is_over(h2); stream = stream->next)
        if (!stream->opened)
            bw_h2_reset(stream, BW_H2_REFUSED_STREAM);
}

/* There is more to send: nghttp2 asks for it again. */
static void resume(struct bw_h2_stream *stream) {
    struct bw_h2 *h2 = stream->h2;
    if (stream->deferred) {
        stream->deferred = false;
        if (nghttp2_is_fatal(nghttp2_session_resume_data(h2->session, stream->id)))
            bw_h2_ending_drop(h2);
    }
    bw_wake_up(&h2->wake);
}

/* No memory, or fields the peer does not take: the stream cannot go on. */
static enum bw_h2_sent give_up(struct bw_h2_stream *stream) {
    bw_h2_reset(stream, BW_H2_INTERNAL_ERROR);
    return BW_H2_CLOSED;
}

static bool cannot_send(const struct bw_h2_stream *stream) {
    return stream->closed || stream->sending != BW_H2_SENDING_OPEN;
}

struct bw_h2_stream *bw_h2_request(struct bw_h2 *h2, const struct bw_h2_field *fields, size_t n,
                                   bool end_stream, void *user) {
    assert(h2->config.role == BW_H2_CLIENT);
    if (!bw_h2_accepts_requests(h2) || !bw_h2_fields_to_nv(h2, fields, n))
        return NULL;
    struct bw_h2_stream *stream = bw_h2_stream_new(h2, user);
    if (!stream)
        return NULL;
    nghttp2_data_provider source = {.read_callback = bw_h2_queue_read};
    int32_t id = nghttp2_submit_request(h2->session, NULL, h2->nv, n, end_stream ? NULL : &source, stream);
    if (id < 0) {
        bw_h2_stream_forget(stream);
        return NULL;
    }
    stream->id = id;
    stream->known = true;
    h2->requests_queued++;
    if (end_stream)
        stream->sending = BW_H2_SENDING_DONE;
    bw_wake_up(&h2->wake);
    return stream;
}

enum bw_h2_sent bw_h2_respond(struct bw_h2_stream *stream, const struct bw_h2_field *fields, size_t n,
                              bool end_stream) {
    struct bw_h2 *h2 = stream->h2;
    assert(h2->config.role == BW_H2_SERVER);
    if (cannot_send(stream) || stream->responded)
        return BW_H2_CLOSED;
    if (!bw_h2_fields_to_nv(h2, fields, n))
        return give_up(stream);
    nghttp2_data_provider source = {.read_callback = bw_h2_queue_read};
    if (nghttp2_submit_response(h2->session, stream->id, h2->nv, n, end_stream ? NULL : &source) != 0)
        return give_up(stream);
    stream->responded = true;
    if (end_stream)
        stream->sending = BW_H2_SENDING_DONE;
    bw_wake_up(&h2->wake);
    return BW_H2_SENT;
}

enum bw_h2_sent bw_h2_send(struct bw_h2_stream *stream, struct bw_span head, struct bw_span body) {
    struct bw_h2 *h2 = stream->h2;
    if (cannot_send(stream))
        return BW_H2_CLOSED;
    size_t size = stream->queue.size, max = h2->config.send_queue_max, len = head.len + body.len;
    if (size > 0 && (size > max || len > max - size)) {
        stream->full_len = len ? len : 1;
        return BW_H2_FULL;
    }
    if (!bw_h2_queue_push(h2, &stream->queue, head, body))
        return give_up(stream);
    if (size == 0)
        stream->moved = true;
    resume(stream);
    return BW_H2_SENT;
}

static enum bw_h2_sent end_with(struct bw_h2_stream *stream, enum bw_h2_sending how) {
    stream->sending = how;
    stream->moved = true;
    resume(stream);
    return BW_H2_SENT;
}

enum bw_h2_sent bw_h2_finish(struct bw_h2_stream *stream) {
    return cannot_send(stream) ? BW_H2_CLOSED : end_with(stream, BW_H2_SENDING_LAST);
}

void bw_h2_stream_submit_trailers(struct bw_h2_stream *stream) {
    stream->sending = BW_H2_SENDING_DONE;
    if (bw_h2_fields_submit_trailers(stream) != 0)
        bw_h2_reset(stream, BW_H2_INTERNAL_ERROR);
}

/* With all DATA gone the trailers go by themselves. Through the data source they would need a window of the
 * peer, which HEADERS do not (RFC 9113 section 5.2.1). */
static void trailers_if_dry(struct bw_h2_stream *stream) {
    if (stream->headers_out && stream->sending == BW_H2_SENDING_TRAILERS && stream->queue.size == 0)
        bw_h2_stream_submit_trailers(stream);
}

void bw_h2_stream_headers_out(struct bw_h2_stream *stream) {
    stream->opened = true;
    stream->headers_out = true;
    trailers_if_dry(stream);
}

enum bw_h2_sent bw_h2_finish_with_trailers(struct bw_h2_stream *stream, const struct bw_h2_field *fields,
                                           size_t n) {
    if (cannot_send(stream))
        return BW_H2_CLOSED;
    if (!bw_h2_fits(stream->h2, fields, n))
        return give_up(stream);
    stream->trailers = bw_h2_fields_save(stream->h2, fields, n);
    if (!stream->trailers)
        return give_up(stream);
    enum bw_h2_sent sent = end_with(stream, BW_H2_SENDING_TRAILERS);
    trailers_if_dry(stream);
    return stream->closed ? BW_H2_CLOSED : sent;
}

void bw_h2_consume(struct bw_h2_stream *stream, size_t len) {
    struct bw_h2 *h2 = stream->h2;
    assert(len <= stream->unconsumed);
    stream->unconsumed -= len;
    if (stream->closed || len == 0)
        return;
    if (nghttp2_is_fatal(nghttp2_session_consume_stream(h2->session, stream->id, len)))
        bw_h2_ending_drop(h2);
    bw_wake_up(&h2->wake);
}

void bw_h2_stream_started(struct bw_h2_stream *stream, uint64_t timeout_ms, uint64_t deadline_ms) {
    stream->started = true;
    stream->timeout_ms = timeout_ms;
    stream->deadline_ms = deadline_ms;
}

void bw_h2_stream_set_user(struct bw_h2_stream *stream, void *user) {
    stream->user = user;
}

void *bw_h2_stream_user(const struct bw_h2_stream *stream) {
    return stream->user;
}

int32_t bw_h2_stream_id(const struct bw_h2_stream *stream) {
    return stream->opened ? stream->id : -1;
}

size_t bw_h2_stream_queued(const struct bw_h2_stream *stream) {
    return stream->queue.size;
}
