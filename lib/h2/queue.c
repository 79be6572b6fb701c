/* queue.c: bytes that wait to be sent on a stream, and how nghttp2 takes them. */
#include "h2_internal.h"

#include <stdlib.h>

static struct bw_h2_chunk *chunk_new(struct bw_h2 *h2, size_t len) {
    if (len <= BW_H2_CHUNK_SMALL && h2->chunks_kept) {
        struct bw_h2_chunk *kept = h2->chunks_kept;
        h2->chunks_kept = kept->next;
        h2->chunks_kept_count--;
        kept->next = NULL;
        kept->start = kept->end = 0;
        return kept;
    }
    size_t cap = len > BW_H2_CHUNK_SMALL ? len : BW_H2_CHUNK_SMALL;
    if (cap > SIZE_MAX - sizeof(struct bw_h2_chunk))
        return NULL;
    struct bw_h2_chunk *chunk = bw_h2_memory_alloc_uncounted(&h2->memory, sizeof *chunk + cap);
    if (chunk)
        *chunk = (struct bw_h2_chunk){.cap = cap};
    return chunk;
}

static void chunk_free(struct bw_h2 *h2, struct bw_h2_chunk *chunk) {
    if (chunk->cap != BW_H2_CHUNK_SMALL || h2->chunks_kept_count >= BW_H2_CHUNKS_KEPT) {
        free(chunk);
        return;
    }
    chunk->next = h2->chunks_kept;
    h2->chunks_kept = chunk;
    h2->chunks_kept_count++;
}

static void append(struct bw_h2_chunk *chunk, struct bw_span span) {
    if (span.len)
        memcpy(chunk->bytes + chunk->end, span.data, span.len);
    chunk->end += span.len;
}

bool bw_h2_queue_push(struct bw_h2 *h2, struct bw_h2_queue *queue, struct bw_span head, struct bw_span body) {
    if (body.len > SIZE_MAX - head.len)
        return false;
    size_t len = head.len + body.len;
    if (len == 0)
        return true;
    struct bw_h2_chunk *chunk = queue->last;
    if (!chunk || chunk->cap - chunk->end < len) {
        chunk = chunk_new(h2, len);
        if (!chunk)
            return false;
        if (queue->last)
            queue->last->next = chunk;
        else
            queue->first = chunk;
        queue->last = chunk;
    }
    append(chunk, head);
    append(chunk, body);
    queue->size += len;
    return true;
}

static size_t take(struct bw_h2 *h2, struct bw_h2_queue *queue, uint8_t *out, size_t cap) {
    size_t taken = 0;
    while (queue->first && taken < cap) {
        struct bw_h2_chunk *chunk = queue->first;
        size_t n = chunk->end - chunk->start;
        if (n > cap - taken)
            n = cap - taken;
        memcpy(out + taken, chunk->bytes + chunk->start, n);
        chunk->start += n;
        taken += n;
        if (chunk->start < chunk->end)
            break;
        queue->first = chunk->next;
        if (!queue->first)
            queue->last = NULL;
        chunk_free(h2, chunk);
    }
    queue->size -= taken;
    return taken;
}

void bw_h2_queue_clear(struct bw_h2 *h2, struct bw_h2_queue *queue) {
    while (queue->first) {
        struct bw_h2_chunk *chunk = queue->first;
        queue->first = chunk->next;
        chunk_free(h2, chunk);
    }
    *queue = (struct bw_h2_queue){0};
}

void bw_h2_queue_free_kept(struct bw_h2 *h2) {
    while (h2->chunks_kept) {
        struct bw_h2_chunk *chunk = h2->chunks_kept;
        h2->chunks_kept = chunk->next;
        free(chunk);
    }
    h2->chunks_kept_count = 0;
}

/* Half empty, and the message that was refused would fit now. */
static bool has_room_again(const struct bw_h2_stream *stream) {
    size_t max = stream->h2->config.send_queue_max, size = stream->queue.size;
    if (size == 0)
        return true;
    return size <= max / 2 && stream->full_len <= max - size;
}

/* The queue is empty: how does our side go on? Returns false to wait for more. */
static bool end_of_queue(struct bw_h2_stream *stream, uint32_t *flags) {
    if (stream->sending == BW_H2_SENDING_OPEN)
        return false;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->sending == BW_H2_SENDING_TRAILERS) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        bw_h2_stream_submit_trailers(stream);
    }
    stream->sending = BW_H2_SENDING_DONE;
    return true;
}

ssize_t bw_h2_queue_read(nghttp2_session *session, int32_t id, uint8_t *out, size_t cap, uint32_t *flags,
                         nghttp2_data_source *source, void *user) {
    (void)source;
    (void)user;
    struct bw_h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
    if (!stream)
        return NGHTTP2_ERR_DEFERRED; /* reset by us; its RST_STREAM is on the way */
    size_t n = take(stream->h2, &stream->queue, out, cap);
    if (n)
        stream->moved = true;
    if (stream->full_len && has_room_again(stream))
        bw_h2_stream_writable(stream);
    bool goes_on = stream->queue.size > 0 || end_of_queue(stream, flags) || n > 0;
    stream->deferred = !goes_on;
    return goes_on ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
}
