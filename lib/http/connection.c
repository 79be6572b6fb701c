#include "connection.h"

#include <stdlib.h>

/* ---- output --------------------------------------------------------------------------------- */

static size_t unsent(const struct bw_http_conn *conn) {
    return bw_buf_size(&conn->out) + conn->lent.len;
}

size_t bw_http_conn_output(const struct bw_http_conn *conn) {
    return unsent(conn) + conn->in_flight;
}

static bool is_blocked(const struct bw_http_conn *conn) {
    return bw_http_conn_output(conn) > conn->server->config.output_held_max;
}

void bw_http_conn_poke(struct bw_http_conn *conn) {
    conn->resume = true;
    if (!conn->inside)
        bw_wake_up(&conn->wake);
}

/* A new answer would go out before the rest of a lent body, or add to what nobody reads. */
static bool must_wait(const struct bw_http_conn *conn) {
    return is_blocked(conn) || conn->lent.len > 0;
}

/* ---- moving between states ------------------------------------------------------------------ */

void bw_http_conn_close(struct bw_http_conn *conn) {
    conn->state = BW_HTTP_CLOSING;
    conn->deadline_ms = BW_NEVER;
    bw_buf_clear(&conn->in);
    bw_http_conn_poke(conn);
}

/* Whoever waits for this client hears that it left. */
static void part(struct bw_http_conn *conn) {
    struct bw_http_exchange *exchange = conn->exchange;
    conn->exchange = NULL;
    bw_http_exchange_gone(exchange);
    if (conn->stream)
        bw_http_stream_gone(conn->stream);
}

/* Ends without a further byte. */
static void cut(struct bw_http_conn *conn) {
    bw_http_conn_close(conn);
    bw_buf_clear(&conn->out);
    conn->lent = bw_span_of(NULL, 0);
    part(conn);
}

static void expect_request(struct bw_http_conn *conn) {
    bw_http_head_init(&conn->head);
    conn->state = BW_HTTP_WAITING;
    conn->deadline_ms = BW_NEVER;
    conn->head_timed = false;
    bw_http_conn_poke(conn);
}

static void start_work(struct bw_http_conn *conn, struct bw_http_exchange *exchange) {
    conn->state = BW_HTTP_WORKING;
    conn->deadline_ms = BW_NEVER;
    conn->exchange = exchange;
}

bool bw_http_conn_open_stream(struct bw_http_conn *conn, const struct bw_http_answer *answer,
                              struct bw_http_stream *stream) {
    if (!bw_http_response_write(&conn->out, &conn->server->config, answer))
        return false;
    conn->server->counts.answers[answer->status / 100]++;
    conn->exchange = NULL;
    conn->stream = stream;
    conn->state = BW_HTTP_STREAMS;
    bw_buf_free(&conn->in);
    bw_http_conn_poke(conn);
    return true;
}

void bw_http_conn_answer(struct bw_http_conn *conn, const struct bw_http_answer *answer) {
    conn->exchange = NULL;
    if (!bw_http_response_write(&conn->out, &conn->server->config, answer)) {
        cut(conn);
        return;
    }
    conn->server->counts.answers[answer->status / 100]++;
    if (answer->body_apart)
        conn->lent = answer->body;
    if (answer->close)
        bw_http_conn_close(conn);
    else
        expect_request(conn);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* The parser's own answer. What follows in the input cannot be trusted to be a request. */
static void refuse(struct bw_http_conn *conn, int status, const char *why) {
    struct bw_buf body;
    bw_buf_init(&body, 0);
    bool has_body = bw_http_response_problem(&body, status, NULL, why);
    struct bw_http_answer answer = {.status = status,
                                    .content_type = has_body ? "application/problem+json" : NULL,
                                    .body = has_body ? bw_buf_span(&body) : bw_span_of(NULL, 0),
                                    .to_head = conn->head.method == BW_HTTP_HEAD,
                                    .close = true};
    bw_http_conn_answer(conn, &answer);
    bw_buf_free(&body);
}

static bool is_idle(const struct bw_http_conn *conn) {
    return conn->state == BW_HTTP_WAITING && bw_buf_size(&conn->in) <= conn->head.scanned &&
           !bw_http_head_begun(&conn->head);
}

static void idle(struct bw_http_conn *conn, uint64_t now_ms) {
    if (conn->server->draining)
        bw_http_conn_close(conn);
    else if (conn->deadline_ms == BW_NEVER)
        conn->deadline_ms = now_ms + conn->server->config.idle_timeout_ms;
    bw_http_shrink(&conn->in);
}

static void head_done(struct bw_http_conn *conn, uint64_t now_ms) {
    conn->state = BW_HTTP_READING;
    conn->deadline_ms = now_ms + conn->server->config.body_timeout_ms;
    conn->server->counts.requests++;
    if (conn->head.expects_continue && conn->head.body_size > 0 &&
        !bw_buf_append_text(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n"))
        cut(conn);
}

/* Each step says whether another one may follow. */
static bool step_head(struct bw_http_conn *conn, uint64_t now_ms) {
    const struct bw_http_config *config = &conn->server->config;
    if (is_idle(conn)) {
        idle(conn, now_ms);
        return false;
    }
    if (must_wait(conn))
        return false;
    if (!conn->head_timed)
        conn->deadline_ms = now_ms + config->head_timeout_ms;
    conn->head_timed = true;
    int verdict = bw_http_head_read(&conn->head, config, bw_buf_span(&conn->in));
    if (verdict == BW_HTTP_HEAD_DONE)
        head_done(conn, now_ms);
    if (verdict > BW_HTTP_HEAD_DONE) {
        conn->server->counts.malformed++;
        refuse(conn, verdict, conn->head.why);
    }
    return verdict == BW_HTTP_HEAD_DONE;
}

static bool step_body(struct bw_http_conn *conn) {
    size_t size = conn->head.size + conn->head.body_size;
    if (bw_buf_size(&conn->in) < size)
        return false;
    struct bw_http_exchange *exchange = bw_http_exchange_new(conn);
    if (!exchange) {
        refuse(conn, 503, "There is no memory for the request.");
        return false;
    }
    bw_buf_consume(&conn->in, size);
    start_work(conn, exchange);
    bw_http_server_dispatch(conn->server, exchange);
    return true;
}

static bool step(struct bw_http_conn *conn, uint64_t now_ms) {
    switch (conn->state) {
    case BW_HTTP_WAITING:
        return step_head(conn, now_ms);
    case BW_HTTP_READING:
        return step_body(conn);
    case BW_HTTP_WORKING:
    case BW_HTTP_STREAMS:
    case BW_HTTP_CLOSING:
        return false;
    }
    return false;
}

static void advance(struct bw_http_conn *conn, uint64_t now_ms) {
    while (step(conn, now_ms)) {
    }
}

/* What was asked for from inside is done; only a stream may have got news that drain has to see. */
static void leave(struct bw_http_conn *conn) {
    conn->inside = false;
    conn->resume = conn->resume && conn->state == BW_HTTP_STREAMS;
}

static size_t conn_feed(void *self, uint64_t now_ms, const uint8_t *bytes, size_t len) {
    struct bw_http_conn *conn = self;
    conn->server->counts.bytes_in += len;
    if (conn->state == BW_HTTP_STREAMS || conn->state == BW_HTTP_CLOSING)
        return len;
    conn->inside = true;
    if (bw_buf_append(&conn->in, bytes, len))
        advance(conn, now_ms);
    else
        cut(conn);
    leave(conn);
    return len;
}

/* ---- output towards the driver -------------------------------------------------------------- */

static size_t take(struct bw_http_conn *conn, uint8_t *out, size_t cap) {
    struct bw_span from = bw_buf_size(&conn->out) ? bw_buf_span(&conn->out) : conn->lent;
    size_t n = from.len < cap ? from.len : cap;
    if (n == 0)
        return 0;
    memcpy(out, from.data, n);
    if (bw_buf_size(&conn->out)) {
        bw_buf_consume(&conn->out, n);
        return n;
    }
    conn->lent = bw_span_of(from.data + n, from.len - n);
    if (conn->lent.len == 0)
        bw_http_conn_poke(conn); /* the next request may go on */
    return n;
}

static size_t conn_drain(void *self, uint64_t now_ms, uint8_t *out, size_t cap) {
    struct bw_http_conn *conn = self;
    size_t used = 0, n = 1;
    while (n > 0 && used < cap) {
        if (conn->state == BW_HTTP_STREAMS && unsent(conn) == 0)
            bw_http_stream_fill(conn->stream);
        n = take(conn, out + used, cap - used);
        used += n;
    }
    bw_http_shrink(&conn->out);
    if (used > 0 && conn->in_flight == 0)
        conn->progress_ms = now_ms;
    if (used > 0 && conn->stream)
        conn->stream->beat_ms = now_ms + conn->server->config.stream_heartbeat_ms;
    conn->in_flight += used;
    return used;
}

static void conn_written(void *self, uint64_t now_ms, size_t len) {
    struct bw_http_conn *conn = self;
    bool was_blocked = is_blocked(conn);
    conn->in_flight -= len < conn->in_flight ? len : conn->in_flight;
    conn->progress_ms = now_ms;
    conn->server->counts.bytes_out += len;
    if (was_blocked && !is_blocked(conn))
        bw_http_conn_poke(conn);
    /* Idling begins when the answer has left. */
    if (is_idle(conn) && !conn->head_timed && bw_http_conn_output(conn) == 0)
        conn->deadline_ms = now_ms + conn->server->config.idle_timeout_ms;
}

/* ---- time ----------------------------------------------------------------------------------- */

static uint64_t write_deadline(const struct bw_http_conn *conn) {
    return conn->in_flight ? conn->progress_ms + conn->server->config.write_timeout_ms : BW_NEVER;
}

/* While an answer is on its way out, the write timer rules, not that of idling. */
static uint64_t state_deadline(const struct bw_http_conn *conn) {
    if (conn->state == BW_HTTP_STREAMS)
        return conn->stream->beat_ms;
    if (conn->state == BW_HTTP_WAITING && !conn->head_timed && bw_http_conn_output(conn) > 0)
        return BW_NEVER;
    return conn->deadline_ms;
}

static uint64_t conn_next_deadline(const void *self) {
    const struct bw_http_conn *conn = self;
    if (conn->resume)
        return 0;
    uint64_t write = write_deadline(conn), state = state_deadline(conn);
    return write < state ? write : state;
}

static void expire(struct bw_http_conn *conn) {
    conn->server->counts.timeouts++;
    if (is_idle(conn))
        bw_http_conn_close(conn);
    else
        refuse(conn, 408, "The request did not arrive in time.");
}

/* What draining means for a stream is done here, outside of anybody's call; idle() does it for the others. */
static void follow_drain(struct bw_http_conn *conn) {
    if (conn->server->draining && conn->state == BW_HTTP_STREAMS) {
        bw_http_stream_gone(conn->stream);
        bw_http_stream_fill(conn->stream);
    }
}

static void conn_tick(void *self, uint64_t now_ms) {
    struct bw_http_conn *conn = self;
    conn->inside = true;
    conn->resume = false;
    if (now_ms >= write_deadline(conn)) {
        conn->server->counts.timeouts++;
        cut(conn);
        conn->in_flight = 0;
    }
    follow_drain(conn);
    if (conn->state == BW_HTTP_STREAMS)
        bw_http_stream_tick(conn->stream, now_ms);
    else if (now_ms >= state_deadline(conn))
        expire(conn);
    else
        advance(conn, now_ms);
    leave(conn);
}

/* ---- the rest of bw_conn_ops ---------------------------------------------------------------- */

static unsigned conn_wants(const void *self) {
    const struct bw_http_conn *conn = self;
    if (conn->state == BW_HTTP_CLOSING)
        return BW_WANTS_CLOSE;
    if (conn->state == BW_HTTP_STREAMS)
        return BW_WANTS_READ; /* to notice that the client left; bytes are dropped */
    bool holds = conn->state == BW_HTTP_WORKING || conn->lent.len > 0;
    bool full = holds && bw_buf_size(&conn->in) >= conn->server->config.input_held_max;
    return full || is_blocked(conn) ? 0 : BW_WANTS_READ;
}

static void conn_lost(void *self, uint64_t now_ms, enum bw_lost reason) {
    (void)now_ms, (void)reason;
    struct bw_http_conn *conn = self;
    conn->inside = true;
    cut(conn);
}

static void unlink_from(struct bw_http_server *server, struct bw_http_conn *conn) {
    if (conn->previous)
        conn->previous->next = conn->next;
    else
        server->first = conn->next;
    if (conn->next)
        conn->next->previous = conn->previous;
    server->counts.connections--;
}

static void conn_free(void *self) {
    struct bw_http_conn *conn = self;
    unlink_from(conn->server, conn);
    if (conn->exchange)
        bw_http_exchange_free(conn->exchange);
    if (conn->stream)
        bw_http_stream_free(conn->stream);
    bw_buf_free(&conn->in);
    bw_buf_free(&conn->out);
    free(conn);
}

const struct bw_conn_ops bw_http_conn_ops = {.feed = conn_feed,
                                             .drain = conn_drain,
                                             .written = conn_written,
                                             .tick = conn_tick,
                                             .next_deadline = conn_next_deadline,
                                             .wants = conn_wants,
                                             .lost = conn_lost,
                                             .free = conn_free};

struct bw_http_conn *bw_http_conn_new(struct bw_http_server *server, uint64_t now_ms, const char *peer,
                                      struct bw_wake wake) {
    struct bw_http_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return NULL;
    conn->server = server;
    conn->wake = wake;
    conn->next = server->first;
    if (server->first)
        server->first->previous = conn;
    server->first = conn;
    bw_buf_init(&conn->in, 0);
    bw_buf_init(&conn->out, 0);
    conn->deadline_ms = now_ms + server->config.head_timeout_ms; /* a new connection owes its first request */
    conn->head_timed = true;
    (void)bw_span_copy_text(bw_span_text(peer ? peer : ""), conn->peer, sizeof conn->peer);
    return conn;
}
