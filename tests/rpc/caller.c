#include "caller.h"

enum { FIELDS_MAX = 512 };

struct block {
    struct bw_h2_field items[FIELDS_MAX];
    size_t n, usual; /* the first ones can be changed */
};

static void take_away(struct block *block, struct bw_span name) {
    size_t kept = 0;
    for (size_t i = 0; i < block->n; i++)
        if (!bw_span_equal(block->items[i].name, name))
            block->items[kept++] = block->items[i];
    block->usual -= block->n - kept;
    block->n = kept;
}

static void change(struct block *block, struct bw_span line) {
    const uint8_t *equal = memchr(line.data, '=', line.len);
    struct bw_span name = bw_span_of(line.data, equal ? (size_t)(equal - line.data) : line.len);
    if (!equal) {
        take_away(block, name);
        return;
    }
    struct bw_span value = bw_span_of(equal + 1, line.len - name.len - 1);
    for (size_t i = 0; i < block->usual; i++)
        if (bw_span_equal(block->items[i].name, name)) {
            block->items[i].value = value;
            return;
        }
    assert_true(block->n < FIELDS_MAX);
    block->items[block->n++] = (struct bw_h2_field){.name = name, .value = value};
}

static void change_all(struct block *block, const char *fields) {
    while (*fields) {
        size_t len = strcspn(fields, "\n");
        change(block, bw_span_of(fields, len));
        fields += len + (fields[len] == '\n');
    }
}

struct bw_h2_stream *caller_open(struct caller *caller, const char *path, const char *fields,
                                 bool end_stream) {
    static struct block block;
    const struct bw_h2_field usual[] = {FIELD(":method", "POST"), FIELD(":scheme", "http"),
                                        FIELD(":path", path),     FIELD(":authority", "b"),
                                        FIELD("te", "trailers"),  FIELD("content-type", "application/grpc")};
    memcpy(block.items, usual, sizeof usual);
    block.n = block.usual = sizeof usual / sizeof usual[0];
    change_all(&block, fields);
    struct bw_h2_stream *stream = bw_h2_request(caller->end.h2, block.items, block.n, end_stream, NULL);
    assert_non_null(stream);
    return stream;
}

void caller_say(struct bw_h2_stream *stream, struct bw_span message) {
    uint8_t head[5] = {0, (uint8_t)(message.len >> 24), (uint8_t)(message.len >> 16),
                       (uint8_t)(message.len >> 8), (uint8_t)message.len};
    assert_int_equal(bw_h2_send(stream, bw_span_of(head, sizeof head), message), BW_H2_SENT);
}

struct bw_h2_stream *caller_ask(struct caller *caller, const char *path, const char *fields,
                                const char *message) {
    struct bw_h2_stream *stream = caller_open(caller, path, fields, false);
    caller_say(stream, bw_span_text(message));
    assert_int_equal(bw_h2_finish(stream), BW_H2_SENT);
    return stream;
}

const char *caller_heard(struct caller *caller) {
    bw_wire_settle(caller->wire);
    return end_trace(&caller->end);
}

struct bw_span caller_body(struct caller *caller) {
    bw_wire_settle(caller->wire);
    struct bw_span body = bw_buf_span(&caller->end.body);
    bw_buf_clear(&caller->end.body);
    return body;
}

void caller_still_served(struct caller *caller) {
    caller_heard(caller);
    caller_body(caller);
    service_trace(&caller->service);
    caller_ask(caller, "/t.Test/Echo", "", "still here?");
    caller_heard(caller);
    assert_string_equal(service_trace(&caller->service), "message still here?\nend FINISHED\n");
    assert_true(bw_span_equal(caller_body(caller), bw_span_of("\0\0\0\0\x0bstill here?", 16)));
}

void caller_init_h2(struct caller *caller, const struct bw_server_config *config,
                    const struct bw_h2_config *client) {
    service_init(&caller->service, config);
    end_init(&caller->end, BW_H2_CLIENT, client);
    struct bw_conn server =
        bw_server_accept(caller->service.server, BW_WIRE_START_MS, "10.0.0.9:77", bw_wire_wake());
    assert_non_null(server.ops);
    caller->wire = bw_wire_new(end_conn(&caller->end), server);
    caller_heard(caller);
}

void caller_init(struct caller *caller, const struct bw_server_config *config) {
    caller_init_h2(caller, config, NULL);
}

void caller_free(struct caller *caller) {
    bw_wire_free(caller->wire);
    end_clean(&caller->end);
    assert_int_equal(bw_server_connections(caller->service.server), 0);
    assert_int_equal(bw_server_calls(caller->service.server), 0);
    service_free(&caller->service);
}
