#include "connection.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- life ----------------------------------------------------------------------------------- */

static bool refuse_stream(struct bw_http_exchange *exchange) {
    struct bw_http_server *server = exchange->conn->server;
    if (server->counts.streams < server->config.streams_max && !server->draining)
        return false;
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", server->config.stream_retry_after_s);
    server->counts.streams_refused++;
    bw_http_add_field(exchange, "Retry-After", seconds);
    bw_http_problem(exchange, 503, NULL, "There are as many event streams as this server gives.");
    return true;
}

/* Without Content-Length the body lasts until the connection ends (RFC 9112 section 6.3, rule 8). */
static struct bw_http_answer stream_answer(const struct bw_http_exchange *exchange) {
    return (struct bw_http_answer){.status = 200,
                                   .content_type = "text/event-stream",
                                   .fields = bw_buf_span(&exchange->fields),
                                   .to_head = exchange->head.method == BW_HTTP_HEAD,
                                   .endless = true,
                                   .close = true};
}

static struct bw_http_stream *open_stream(struct bw_http_exchange *exchange) {
    struct bw_http_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->conn = exchange->conn;
    stream->beat_ms = BW_NEVER;
    bw_buf_init(&stream->queue, 0);
    struct bw_http_answer answer = stream_answer(exchange);
    if (!exchange->fields.failed && bw_http_conn_open_stream(exchange->conn, &answer, stream))
        return stream;
    free(stream);
    return NULL;
}

struct bw_http_stream *bw_http_stream_start(struct bw_http_exchange *exchange, bw_http_stream_gone_fn on_gone,
                                            void *user) {
    if (refuse_stream(exchange))
        return NULL;
    bw_http_add_field(exchange, "Cache-Control", "no-store");
    if (exchange->head.method == BW_HTTP_HEAD) {
        struct bw_http_answer answer = stream_answer(exchange);
        bw_http_conn_answer(exchange->conn, &answer);
        bw_http_exchange_free(exchange);
        return NULL;
    }
    struct bw_http_stream *stream = open_stream(exchange);
    if (!stream) {
        bw_http_problem(exchange, 500, NULL, "There is no memory for an event stream.");
        return NULL;
    }
    stream->on_gone = on_gone;
    stream->gone_user = user;
    stream->conn->server->counts.streams++;
    stream->conn->server->counts.streams_started++;
    bw_http_exchange_free(exchange);
    return stream;
}

static void end(struct bw_http_stream *stream) {
    if (!stream->ended)
        stream->conn->server->counts.streams--;
    stream->ended = true;
    stream->on_gone = NULL;
}

void bw_http_stream_end(struct bw_http_stream *stream) {
    end(stream);
    bw_http_conn_poke(stream->conn);
}

void bw_http_stream_gone(struct bw_http_stream *stream) {
    bw_http_stream_gone_fn on_gone = stream->on_gone;
    end(stream);
    if (on_gone)
        on_gone(stream->gone_user, stream);
}

void bw_http_stream_free(struct bw_http_stream *stream) {
    end(stream);
    bw_buf_free(&stream->queue);
    free(stream);
}

/* ---- the queue ------------------------------------------------------------------------------ */

/* Size of the event at the front: up to its empty line. */
static size_t first_size(struct bw_span queue) {
    for (size_t i = 0; i + 1 < queue.len; i++)
        if (queue.data[i] == '\n' && queue.data[i + 1] == '\n')
            return i + 2;
    return queue.len;
}

static bool is_comment(struct bw_span event) {
    return event.len > 0 && event.data[0] == ':';
}

static void count_lost(struct bw_http_stream *stream) {
    stream->lost++;
    stream->conn->server->counts.events_lost++;
}

static void drop_oldest(struct bw_http_stream *stream) {
    struct bw_span queue = bw_buf_span(&stream->queue);
    if (!is_comment(queue))
        count_lost(stream);
    bw_buf_consume(&stream->queue, first_size(queue));
}

size_t bw_http_stream_waiting(const struct bw_http_stream *stream) {
    return bw_buf_size(&stream->queue);
}

/* ---- framing (WHATWG HTML, section 9.2.5) --------------------------------------------------- */

static void put_line(struct bw_buf *out, const char *name, const char *value) {
    bw_buf_append_text(out, name);
    for (const char *c = value; *c; c++)
        bw_buf_append_byte(out, *c == '\r' || *c == '\n' ? ' ' : (uint8_t)*c);
    bw_buf_append_byte(out, '\n');
}

static size_t line_size(struct bw_span data) {
    size_t n = 0;
    while (n < data.len && data.data[n] != '\n' && data.data[n] != '\r')
        n++;
    return n;
}

/* Lines end in LF, CR or CR LF. */
static size_t break_size(struct bw_span data, size_t at) {
    if (at == data.len)
        return 0;
    return data.data[at] == '\r' && at + 1 < data.len && data.data[at + 1] == '\n' ? 2 : 1;
}

static void put_data(struct bw_buf *out, struct bw_span data) {
    size_t line, gap = 1;
    while (gap > 0) {
        line = line_size(data);
        bw_buf_append_text(out, "data: ");
        bw_buf_append(out, data.data, line);
        bw_buf_append_byte(out, '\n');
        gap = break_size(data, line);
        if (gap > 0)
            data = bw_span_of(data.data + line + gap, data.len - line - gap);
    }
}

static bool put_event(struct bw_buf *out, const char *id, const char *event, struct bw_span data) {
    size_t before = bw_buf_size(out);
    if (id)
        put_line(out, "id: ", id);
    if (event)
        put_line(out, "event: ", event);
    put_data(out, data);
    bw_buf_append_byte(out, '\n');
    if (!out->failed)
        return true;
    out->len -= bw_buf_size(out) - before;
    out->failed = false;
    return false;
}

/* Who has taken everything so far is not slow: a snapshot with what follows it may come in one burst. */
static size_t queue_size_max(const struct bw_http_conn *conn) {
    const struct bw_http_config *config = &conn->server->config;
    return conn->in_flight > 0 ? config->stream_queue_size_max : config->answer_size_max;
}

static void trim(struct bw_http_stream *stream, size_t newest) {
    while (bw_buf_size(&stream->queue) - newest > queue_size_max(stream->conn))
        drop_oldest(stream);
}

bool bw_http_stream_send(struct bw_http_stream *stream, const char *id, const char *event,
                         struct bw_span data) {
    size_t before = bw_buf_size(&stream->queue);
    if (stream->ended)
        return false;
    bw_http_conn_poke(stream->conn);
    if (data.len > stream->conn->server->config.answer_size_max ||
        !put_event(&stream->queue, id, event, data)) {
        count_lost(stream);
        return false;
    }
    trim(stream, bw_buf_size(&stream->queue) - before);
    return true;
}

/* ---- out ------------------------------------------------------------------------------------ */

static bool tell_lost(struct bw_http_stream *stream, struct bw_buf *out) {
    char data[40];
    int n = snprintf(data, sizeof data, "{\"lost\":%llu}", (unsigned long long)stream->lost);
    if (stream->lost == 0 || !put_event(out, NULL, "lost", bw_span_of(data, (size_t)n)))
        return false;
    stream->lost = 0;
    return true;
}

/* One at a time: what is still in the queue can be dropped in favour of something newer. */
void bw_http_stream_fill(struct bw_http_stream *stream) {
    struct bw_http_conn *conn = stream->conn;
    if (bw_buf_size(&conn->out) > 0 || tell_lost(stream, &conn->out))
        return;
    struct bw_span queue = bw_buf_span(&stream->queue);
    struct bw_span event = bw_span_of(queue.data, first_size(queue));
    if (event.len > 0 && bw_buf_append_span(&conn->out, event)) {
        conn->server->counts.events_sent += !is_comment(event);
        bw_buf_consume(&stream->queue, event.len);
        bw_http_shrink(&stream->queue);
    }
    conn->out.failed = false;
    if (stream->ended && event.len == 0)
        bw_http_conn_close(conn);
}

void bw_http_stream_tick(struct bw_http_stream *stream, uint64_t now_ms) {
    if (now_ms < stream->beat_ms)
        return;
    stream->beat_ms = now_ms + stream->conn->server->config.stream_heartbeat_ms;
    if (bw_buf_size(&stream->queue) == 0 && bw_http_conn_output(stream->conn) == 0)
        bw_buf_append_text(&stream->queue, ":\n\n");
}
