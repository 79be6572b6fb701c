#include "connection.h"

#include "authority.h"

#include <assert.h>
#include <stdlib.h>

/* ---- life ----------------------------------------------------------------------------------- */

struct bw_http_exchange *bw_http_exchange_new(struct bw_http_conn *conn) {
    size_t size = conn->head.size + conn->head.body_size;
    struct bw_http_exchange *exchange = malloc(sizeof *exchange + size);
    if (!exchange)
        return NULL;
    *exchange = (struct bw_http_exchange){.conn = conn, .head = conn->head, .close = conn->head.close};
    bw_buf_init(&exchange->fields, 0);
    memcpy(exchange->run, bw_buf_span(&conn->in).data, size);
    conn->server->counts.exchanges++;
    return exchange;
}

void bw_http_exchange_free(struct bw_http_exchange *exchange) {
    exchange->conn->server->counts.exchanges--;
    bw_buf_free(&exchange->fields);
    free(exchange);
}

void bw_http_exchange_gone(struct bw_http_exchange *exchange) {
    if (!exchange)
        return;
    exchange->conn->server->counts.gone++;
    if (exchange->on_gone)
        exchange->on_gone(exchange->gone_user, exchange);
    bw_http_exchange_free(exchange);
}

void bw_http_on_gone(struct bw_http_exchange *exchange, bw_http_gone_fn fn, void *user) {
    exchange->on_gone = fn;
    exchange->gone_user = user;
}

/* ---- the request ---------------------------------------------------------------------------- */

unsigned bw_http_method(const struct bw_http_exchange *exchange) {
    return exchange->head.method;
}

const char *bw_http_method_text(const struct bw_http_exchange *exchange) {
    switch (exchange->head.method) {
    case BW_HTTP_GET:
        return "GET";
    case BW_HTTP_HEAD:
        return "HEAD";
    case BW_HTTP_POST:
        return "POST";
    }
    return "OPTIONS";
}

struct bw_span bw_http_path(const struct bw_http_exchange *exchange) {
    struct bw_span path = bw_http_piece_of(exchange->head.path, exchange->run);
    return path.len ? path : bw_span_text("/");
}

struct bw_span bw_http_query(const struct bw_http_exchange *exchange) {
    return bw_http_piece_of(exchange->head.query, exchange->run);
}

/* Cuts `text` at the first `byte`: what stands before it; *rest is what follows, or empty. */
static struct bw_span cut_at(struct bw_span text, uint8_t byte, struct bw_span *rest) {
    const uint8_t *found = text.len ? memchr(text.data, byte, text.len) : NULL;
    size_t n = found ? (size_t)(found - text.data) : text.len;
    size_t skip = found ? n + 1 : n;
    *rest = bw_span_of(text.data + skip, text.len - skip);
    return bw_span_of(text.data, n);
}

bool bw_http_query_value(const struct bw_http_exchange *exchange, const char *name, struct bw_span *out) {
    struct bw_span query = bw_http_query(exchange);
    while (query.len > 0) {
        struct bw_span value, pair = cut_at(query, '&', &query);
        if (bw_span_is(cut_at(pair, '=', &value), name)) {
            *out = value;
            return true;
        }
    }
    return false;
}

struct bw_span bw_http_authority(const struct bw_http_exchange *exchange) {
    return bw_http_piece_of(exchange->head.host, exchange->run);
}

struct bw_span bw_http_host(const struct bw_http_exchange *exchange) {
    return bw_http_authority_host(bw_http_authority(exchange));
}

static bool is_field(const struct bw_http_exchange *exchange, size_t i, const char *name) {
    return bw_span_is_nocase(bw_http_piece_of(exchange->head.fields[i].name, exchange->run), name);
}

bool bw_http_field(const struct bw_http_exchange *exchange, const char *name, struct bw_span *out) {
    for (size_t i = 0; i < exchange->head.fields_count; i++)
        if (is_field(exchange, i, name)) {
            *out = bw_http_piece_of(exchange->head.fields[i].value, exchange->run);
            return true;
        }
    return false;
}

size_t bw_http_field_count(const struct bw_http_exchange *exchange, const char *name) {
    size_t n = 0;
    for (size_t i = 0; i < exchange->head.fields_count; i++)
        n += is_field(exchange, i, name);
    return n;
}

struct bw_span bw_http_body(const struct bw_http_exchange *exchange) {
    return bw_span_of(exchange->run + exchange->head.size, exchange->head.body_size);
}

const char *bw_http_peer(const struct bw_http_exchange *exchange) {
    return exchange->conn->peer;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static bool is_ours(const char *name) {
    static const char *const names[] = {"content-length", "content-type", "connection", "transfer-encoding"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bw_span_is_nocase(bw_span_text(name), names[i]))
            return true;
    return false;
}

void bw_http_add_field(struct bw_http_exchange *exchange, const char *name, const char *value) {
    assert(bw_http_is_token(bw_span_text(name)) && !is_ours(name));
    bw_http_response_field(&exchange->fields, name, value);
}

static void finish(struct bw_http_exchange *exchange, struct bw_http_answer *answer) {
    struct bw_http_conn *conn = exchange->conn;
    assert(conn->exchange == exchange && answer->status >= 200 && answer->status <= 599);
    answer->fields = bw_buf_span(&exchange->fields);
    answer->to_head = exchange->head.method == BW_HTTP_HEAD;
    answer->close = exchange->close || conn->server->draining;
    answer->body_apart &= !answer->to_head && bw_http_response_has_body(answer->status);
    bw_http_conn_answer(conn, answer);
    bw_http_exchange_free(exchange);
}

/* What cannot be sent as it was meant is not sent in part. */
static void fail(struct bw_http_exchange *exchange) {
    bw_buf_clear(&exchange->fields);
    finish(exchange, &(struct bw_http_answer){.status = 500});
}

void bw_http_reply(struct bw_http_exchange *exchange, int status, const char *content_type,
                   struct bw_span body) {
    if (exchange->fields.failed || body.len > exchange->conn->server->config.answer_size_max)
        fail(exchange);
    else
        finish(exchange,
               &(struct bw_http_answer){.status = status, .content_type = content_type, .body = body});
}

void bw_http_reply_static(struct bw_http_exchange *exchange, int status, const char *content_type,
                          struct bw_span body) {
    if (exchange->fields.failed)
        fail(exchange);
    else
        finish(exchange,
               &(struct bw_http_answer){
                   .status = status, .content_type = content_type, .body = body, .body_apart = true});
}

void bw_http_problem(struct bw_http_exchange *exchange, int status, const char *title, const char *detail) {
    struct bw_buf body;
    bw_buf_init(&body, 0);
    if (bw_http_response_problem(&body, status, title, detail))
        bw_http_reply(exchange, status, "application/problem+json", bw_buf_span(&body));
    else
        bw_http_reply(exchange, status, NULL, bw_span_of(NULL, 0));
    bw_buf_free(&body);
}
