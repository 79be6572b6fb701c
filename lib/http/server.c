#include "connection.h"

#include <assert.h>
#include <stdlib.h>

void bw_http_config_default(struct bw_http_config *config) {
    *config = (struct bw_http_config){.size = sizeof *config,
                                      .target_size_max = 1024,
                                      .fields_max = BW_HTTP_FIELDS_MAX,
                                      .head_size_max = 8192,
                                      .body_size_max = 16384,
                                      .input_held_max = 8192,
                                      .output_held_max = 65536,
                                      .answer_size_max = 1 << 20,
                                      .head_timeout_ms = 5000,
                                      .body_timeout_ms = 10000,
                                      .idle_timeout_ms = 60000,
                                      .write_timeout_ms = 10000,
                                      .connections_max = 512,
                                      .streams_max = 16,
                                      .stream_queue_size_max = 32768,
                                      .stream_heartbeat_ms = 15000,
                                      .stream_retry_after_s = 5};
}

struct bw_http_server *bw_http_server_new(const struct bw_http_config *config) {
    if (config->size != sizeof *config || config->fields_max > BW_HTTP_FIELDS_MAX ||
        config->head_size_max > BW_HTTP_HEAD_MAX)
        return NULL;
    struct bw_http_server *server = calloc(1, sizeof *server);
    if (server)
        server->config = *config;
    return server;
}

void bw_http_server_free(struct bw_http_server *server) {
    assert(!server || !server->first);
    free(server);
}

struct bw_conn bw_http_accept(void *owner, uint64_t now_ms, const char *peer, struct bw_wake wake) {
    struct bw_http_server *server = owner;
    bool full = server->draining || server->counts.connections >= server->config.connections_max;
    struct bw_http_conn *conn = full ? NULL : bw_http_conn_new(server, now_ms, peer, wake);
    if (!conn) {
        server->counts.connections_refused++;
        return (struct bw_conn){NULL, NULL};
    }
    server->counts.connections++;
    server->counts.connections_accepted++;
    return (struct bw_conn){&bw_http_conn_ops, conn};
}

void bw_http_server_drain(struct bw_http_server *server, uint64_t now_ms) {
    (void)now_ms;
    if (server->draining)
        return;
    server->draining = true;
    for (struct bw_http_conn *conn = server->first; conn; conn = conn->next)
        bw_http_conn_poke(conn);
}

void bw_http_server_counts(const struct bw_http_server *server, struct bw_http_counts *out) {
    *out = server->counts;
}

/* ---- routes --------------------------------------------------------------------------------- */

static unsigned methods_of(const struct bw_http_route *route) {
    bool has_head = (route->methods & BW_HTTP_GET) && !(route->flags & BW_HTTP_NO_HEAD);
    return route->methods | (has_head ? (unsigned)BW_HTTP_HEAD : 0u);
}

/* RFC 9110 section 10.2.1 */
static void add_allow(struct bw_http_exchange *exchange, unsigned methods) {
    char allow[40] = "OPTIONS";
    if (methods & BW_HTTP_GET)
        strcat(allow, ", GET");
    if (methods & BW_HTTP_HEAD)
        strcat(allow, ", HEAD");
    if (methods & BW_HTTP_POST)
        strcat(allow, ", POST");
    bw_http_add_field(exchange, "Allow", allow);
}

static void answer_without_route(struct bw_http_exchange *exchange, unsigned methods) {
    if (methods == 0) {
        bw_http_problem(exchange, 404, NULL, "There is nothing at this path.");
        return;
    }
    add_allow(exchange, methods);
    if (exchange->head.method == BW_HTTP_OPTIONS)
        bw_http_reply(exchange, 204, NULL, bw_span_of(NULL, 0));
    else
        bw_http_problem(exchange, 405, NULL, "This path does not have that method; Allow says which it has.");
}

/* RFC 9110 section 15.5.12. Content without a length would be read as the next request: so the end. */
static bool lacks_length(struct bw_http_exchange *exchange, const struct bw_http_route *route) {
    if (!(route->flags & BW_HTTP_NEEDS_BODY) || exchange->head.method != BW_HTTP_POST ||
        exchange->head.lengths > 0)
        return false;
    exchange->close = true;
    bw_http_problem(exchange, 411, NULL, "This request needs a Content-Length.");
    return true;
}

static void call(const struct bw_http_route *route, struct bw_http_exchange *exchange) {
    struct bw_http_conn *conn = exchange->conn;
    if (lacks_length(exchange, route))
        return;
    route->handler(route->user, exchange);
    /* Neither answered nor prepared for the client to leave: the pointer would dangle one day. */
    assert(!conn->exchange || conn->exchange->on_gone);
}

static void route(struct bw_http_server *server, struct bw_http_exchange *exchange) {
    unsigned methods = 0;
    for (size_t i = 0; i < server->config.routes_count; i++) {
        const struct bw_http_route *candidate = &server->config.routes[i];
        if (!bw_span_is(bw_http_path(exchange), candidate->path))
            continue;
        methods |= methods_of(candidate);
        if (methods_of(candidate) & exchange->head.method) {
            call(candidate, exchange);
            return;
        }
    }
    answer_without_route(exchange, methods);
}

void bw_http_server_dispatch(struct bw_http_server *server, struct bw_http_exchange *exchange) {
    struct bw_http_conn *conn = exchange->conn;
    if (!server->config.filter || server->config.filter(server->config.filter_user, exchange))
        route(server, exchange);
    else
        assert(!conn->exchange); /* the filter said that it has answered */
}
