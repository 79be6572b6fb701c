#include "end.h"
#include "raw.h"

#include "run.h"

enum { LIVE_MAX = 64, FIELDS_SHOWN = 8 };

static const char *const KINDS[] = {"request", "informational", "response", "trailers"};

static void drop_live(struct end *end, const struct bw_h2_stream *stream) {
    for (size_t i = 0; i < end->live_count; i++)
        if (end->live[i] == stream)
            end->live[i] = end->live[--end->live_count];
    if (end->stream == stream)
        end->stream = NULL;
}

static void trace_headers(struct end *end, const struct bw_h2_stream *stream, enum bw_h2_block block,
                          const struct bw_h2_field *fields, size_t n) {
    bw_buf_printf(&end->trace, "%d %s", (int)bw_h2_stream_id(stream), KINDS[block]);
    for (size_t i = 0; i < n && i < FIELDS_SHOWN; i++)
        bw_buf_printf(&end->trace, " %.*s=%.*s", (int)fields[i].name.len, (const char *)fields[i].name.data,
                      (int)fields[i].value.len, (const char *)fields[i].value.data);
}

static void on_headers(void *owner, struct bw_h2_stream *stream, enum bw_h2_block block,
                       const struct bw_h2_field *fields, size_t n, unsigned flags) {
    struct end *end = owner;
    end->stream = stream;
    if (!end->quiet) {
        trace_headers(end, stream, block, fields, n);
        bw_buf_printf(&end->trace, "%s%s\n", flags & BW_H2_TOO_LARGE ? " too-large" : "",
                      flags & BW_H2_END_STREAM ? " end" : "");
    }
    if (block == BW_H2_REQUEST) {
        end->requests++;
        if (end->live_count < LIVE_MAX)
            end->live[end->live_count++] = stream;
        if (end->on_request)
            end->on_request(end, stream);
    }
    if (end->on_request_end && (flags & BW_H2_END_STREAM))
        end->on_request_end(end, stream);
}

static void on_data(void *owner, struct bw_h2_stream *stream, struct bw_span bytes) {
    struct end *end = owner;
    assert_true(bw_buf_append_span(&end->body, bytes));
    if (!end->keeps_window)
        bw_h2_consume(stream, bytes.len);
}

static void on_data_end(void *owner, struct bw_h2_stream *stream) {
    struct end *end = owner;
    if (!end->quiet)
        bw_buf_printf(&end->trace, "%d data-end\n", (int)bw_h2_stream_id(stream));
    if (end->on_request_end)
        end->on_request_end(end, stream);
}

static void on_writable(void *owner, struct bw_h2_stream *stream) {
    struct end *end = owner;
    if (!end->quiet)
        bw_buf_printf(&end->trace, "%d writable\n", (int)bw_h2_stream_id(stream));
    if (end->on_writable)
        end->on_writable(end, stream);
}

static void on_stream_closed(void *owner, struct bw_h2_stream *stream, const struct bw_h2_close *how) {
    struct end *end = owner;
    end->closed++;
    if (!end->quiet)
        bw_buf_printf(&end->trace, "%d closed %s%s%s%s\n", (int)bw_h2_stream_id(stream),
                      bw_h2_error_name(how->code), how->remote ? " remote" : "", how->lost ? " lost" : "",
                      how->not_processed ? " not-processed" : "");
    if (end->on_closed)
        end->on_closed(end, stream, how);
    drop_live(end, stream);
}

static void on_ready(void *owner) {
    struct end *end = owner;
    if (!end->quiet)
        bw_buf_append_text(&end->trace, "ready\n");
}

static void on_goaway(void *owner, uint32_t code, struct bw_span debug) {
    struct end *end = owner;
    if (!end->quiet)
        bw_buf_printf(&end->trace, "goaway %s%s%.*s\n", bw_h2_error_name(code), debug.len ? " " : "",
                      (int)debug.len, (const char *)debug.data);
}

const struct bw_h2_events end_events = {on_headers,       on_data,  on_data_end, on_writable,
                                        on_stream_closed, on_ready, on_goaway};

static size_t feed(void *conn, uint64_t now_ms, const uint8_t *bytes, size_t len) {
    return bw_h2_feed(((struct end *)conn)->h2, now_ms, bytes, len);
}
static size_t drain(void *conn, uint64_t now_ms, uint8_t *out, size_t cap) {
    return bw_h2_drain(((struct end *)conn)->h2, now_ms, out, cap);
}
static void written(void *conn, uint64_t now_ms, size_t len) {
    bw_h2_written(((struct end *)conn)->h2, now_ms, len);
}
static void tick(void *conn, uint64_t now_ms) {
    bw_h2_tick(((struct end *)conn)->h2, now_ms);
}
static uint64_t next_deadline(const void *conn) {
    return bw_h2_next_deadline(((const struct end *)conn)->h2);
}
static unsigned wants(const void *conn) {
    return bw_h2_wants(((const struct end *)conn)->h2);
}
static void lost(void *conn, uint64_t now_ms, enum bw_lost reason) {
    bw_h2_lost(((struct end *)conn)->h2, now_ms, reason);
}
static void free_end(void *conn) {
    bw_h2_free(((struct end *)conn)->h2);
}

static const struct bw_conn_ops END_OPS = {feed, drain, written, tick, next_deadline, wants, lost, free_end};

struct bw_conn end_conn(struct end *end) {
    return (struct bw_conn){&END_OPS, end};
}

void end_init(struct end *end, enum bw_h2_role role, const struct bw_h2_config *config) {
    struct bw_h2_config standard;
    bw_h2_config_default(&standard, role);
    *end = (struct end){0};
    bw_buf_init(&end->trace, 0);
    bw_buf_init(&end->body, 0);
    end->h2 = bw_h2_new(config ? config : &standard, &end_events, end, bw_wire_wake(), BW_WIRE_START_MS);
    assert_non_null(end->h2);
}

void end_clean(struct end *end) {
    bw_buf_free(&end->trace);
    bw_buf_free(&end->body);
}

const char *end_trace(struct end *end) {
    const char *text = bw_buf_text(&end->trace);
    bw_buf_clear(&end->trace);
    return text;
}

struct bw_h2_stream *end_request(struct end *end, const char *path, bool end_stream) {
    const struct bw_h2_field fields[] = {FIELD(":method", "POST"), FIELD(":scheme", "http"),
                                         FIELD(":path", path), FIELD(":authority", "b")};
    return bw_h2_request(end->h2, fields, 4, end_stream, NULL);
}

enum bw_h2_sent end_respond(struct bw_h2_stream *stream, bool end_stream) {
    const struct bw_h2_field fields[] = {FIELD(":status", "200")};
    return bw_h2_respond(stream, fields, 1, end_stream);
}

enum bw_h2_sent end_send(struct bw_h2_stream *stream, const char *text) {
    return bw_h2_send(stream, bw_span_of(NULL, 0), bw_span_text(text));
}

enum bw_h2_sent end_trailers(struct bw_h2_stream *stream) {
    const struct bw_h2_field fields[] = {FIELD("grpc-status", "0")};
    return bw_h2_finish_with_trailers(stream, fields, 1);
}

void end_answer(struct end *end, struct bw_h2_stream *stream) {
    (void)end;
    assert_int_equal(end_respond(stream, false), BW_H2_SENT);
    assert_int_equal(end_send(stream, "hello"), BW_H2_SENT);
    assert_int_equal(end_trailers(stream), BW_H2_SENT);
}

void pair_init(struct pair *pair, const struct bw_h2_config *client, const struct bw_h2_config *server) {
    end_init(&pair->client, BW_H2_CLIENT, client);
    end_init(&pair->server, BW_H2_SERVER, server);
    pair->wire = bw_wire_new(end_conn(&pair->client), end_conn(&pair->server));
}

void pair_free(struct pair *pair) {
    bw_wire_free(pair->wire);
    end_clean(&pair->client);
    end_clean(&pair->server);
}

static void forget_hellos(struct raw_end *raw) {
    bw_wire_settle(raw->wire);
    raw_settings_ack(raw->wire);
    bw_wire_settle(raw->wire);
    bw_wire_forget(raw->wire, BW_WIRE_A);
    end_trace(&raw->end);
}

void raw_server_init(struct raw_end *server, const struct bw_h2_config *config) {
    end_init(&server->end, BW_H2_SERVER, config);
    server->wire = bw_wire_new((struct bw_conn){NULL, NULL}, end_conn(&server->end));
    raw_client_hello(server->wire);
    forget_hellos(server);
}

void raw_client_init(struct raw_end *client) {
    end_init(&client->end, BW_H2_CLIENT, NULL);
    client->wire = bw_wire_new((struct bw_conn){NULL, NULL}, end_conn(&client->end));
    raw_frame(client->wire, RAW_SETTINGS, 0, 0, NULL, 0);
    forget_hellos(client);
}

void raw_end_free(struct raw_end *end) {
    bw_wire_free(end->wire);
    end_clean(&end->end);
}
