#include <breakwire/server.h>

#include "request.h"
#include "server_internal.h"

#include <stdlib.h>

void bw_server_config_default(struct bw_server_config *config) {
    *config = (struct bw_server_config){.size = sizeof *config,
                                        .name = "server",
                                        .message_size_max = 4u << 20,
                                        .connections_max = 1000,
                                        .drain_grace_ms = 10000,
                                        .message_timeout_ms = 30000,
                                        .concurrent_streams_max = 256};
}

struct bw_server *bw_server_new(const struct bw_server_config *config) {
    struct bw_server *server = config->size == sizeof *config ? calloc(1, sizeof *server) : NULL;
    if (server)
        server->config = *config;
    return server;
}

void bw_server_free(struct bw_server *server) {
    if (!server)
        return;
    free(server->methods);
    free(server->prefixes);
    free(server);
}

/* The place of the first method that is not before `path`. */
static size_t lower_bound(const struct bw_server *server, struct bw_span path) {
    size_t low = 0, high = server->methods_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (bw_span_compare(bw_span_text(server->methods[middle].path), path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_there(const struct bw_server *server, size_t place, struct bw_span path) {
    return place < server->methods_count && bw_span_is(path, server->methods[place].path);
}

static bool insert(struct bw_method **list, size_t *count, size_t place, const struct bw_method *method) {
    struct bw_method *grown = realloc(*list, (*count + 1) * sizeof *grown);
    if (!grown)
        return false;
    *list = grown;
    memmove(&grown[place + 1], &grown[place], (*count - place) * sizeof *grown);
    grown[place] = *method;
    (*count)++;
    return true;
}

enum { NO_MEMORY = -1, BAD_PATH = -2, TAKEN = -3 };

int bw_server_add(struct bw_server *server, const struct bw_method *method) {
    struct bw_span path = bw_span_text(method->path);
    if (!bw_request_is_path(path))
        return BAD_PATH;
    size_t place = lower_bound(server, path);
    if (is_there(server, place, path))
        return TAKEN;
    return insert(&server->methods, &server->methods_count, place, method) ? 0 : NO_MEMORY;
}

int bw_server_add_prefix(struct bw_server *server, const struct bw_method *method) {
    struct bw_span path = bw_span_text(method->path);
    if (path.len < 3 || path.data[0] != '/' || path.data[path.len - 1] != '/' || method->kind != BW_UNARY)
        return BAD_PATH;
    for (size_t i = 0; i < server->prefixes_count; i++)
        if (bw_span_is(path, server->prefixes[i].path))
            return TAKEN;
    return insert(&server->prefixes, &server->prefixes_count, server->prefixes_count, method) ? 0 : NO_MEMORY;
}

const struct bw_method *bw_server_find(const struct bw_server *server, struct bw_span path) {
    size_t place = lower_bound(server, path);
    if (is_there(server, place, path))
        return &server->methods[place];
    for (size_t i = 0; i < server->prefixes_count; i++)
        if (bw_span_starts(path, server->prefixes[i].path))
            return &server->prefixes[i];
    return NULL;
}

bool bw_server_has_service(const struct bw_server *server, struct bw_span path) {
    while (path.len && path.data[path.len - 1] != '/')
        path.len--;
    size_t place = lower_bound(server, path);
    if (place == server->methods_count)
        return false;
    struct bw_span next = bw_span_text(server->methods[place].path);
    return next.len > path.len && memcmp(next.data, path.data, path.len) == 0;
}

void bw_server_drain(struct bw_server *server, uint64_t now_ms) {
    if (server->draining)
        return;
    server->draining = true;
    server->give_up_ms = now_ms + server->config.drain_grace_ms;
    for (struct bw_server_conn *conn = server->conns; conn; conn = conn->next)
        bw_h2_shutdown(conn->h2, now_ms, "graceful_stop");
}

size_t bw_server_connections(const struct bw_server *server) {
    return server->conns_count;
}

size_t bw_server_calls(const struct bw_server *server) {
    return server->calls_count;
}

void bw_server_counts(const struct bw_server *server, struct bw_server_counts *out) {
    *out = server->counts;
}
