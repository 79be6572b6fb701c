#include "both.h"

#include "run.h"

#include <zoo_descriptors.h>

enum { STEPS_MAX = 1000000 };

uint64_t both_now(const struct both *both) {
    return both->wire ? bw_wire_now(both->wire) : BW_WIRE_START_MS;
}

/* ---- the driver ---- */

static void connect_to(struct both *both, uint64_t id) {
    struct bw_dialable dialable = bw_channel_dialable(both->channel);
    if (both->wire) {
        dialable.ops->failed(dialable.self, both_now(both), id, "refused");
        return;
    }
    struct bw_conn server = bw_server_accept(both->service.server, BW_WIRE_START_MS, "peer", bw_wire_wake());
    if (!server.ops) {
        dialable.ops->failed(dialable.self, BW_WIRE_START_MS, id, "refused");
        return;
    }
    struct bw_conn client = dialable.ops->connected(dialable.self, BW_WIRE_START_MS, id, bw_wire_wake());
    if (!client.ops) {
        server.ops->free(server.self);
        return;
    }
    both->wire = bw_wire_new(client, server);
    if (both->piece)
        bw_wire_pieces(both->wire, both->piece);
}

static bool step(struct both *both) {
    struct bw_dialable dialable = bw_channel_dialable(both->channel);
    struct bw_wish wish;
    bool any = false;
    if (dialable.ops->next_deadline(dialable.self) <= both_now(both)) {
        dialable.ops->tick(dialable.self, both_now(both));
        any = true;
    }
    while (dialable.ops->next_wish(dialable.self, both_now(both), &wish)) {
        if (wish.kind == BW_WISH_CONNECT)
            connect_to(both, wish.id);
        any = true;
    }
    return any | (both->wire && bw_wire_step(both->wire));
}

void both_settle(struct both *both) {
    int steps = 0;
    while (step(both))
        assert_true(++steps < STEPS_MAX);
}

void both_advance(struct both *both, uint64_t ms) {
    both_settle(both);
    for (; both->wire && ms > 0; ms--) {
        bw_wire_advance(both->wire, 1);
        both_settle(both);
    }
}

/* ---- making and ending ---- */

static bool make(struct both *both) {
    static const char *const services[] = {"zoo.Zoo"};
    struct bw_channel_config config;
    char why[256];
    if (!service_try(&both->service, NULL))
        return false;
    both->health = bw_health_new(both->service.server);
    if (!both->health)
        return false;
    both->reflection =
        bw_reflection_new(both->service.server, bw_span_of(zoo_descriptors, zoo_descriptors_size), services,
                          1, why, sizeof why);
    bw_channel_config_default(&config);
    config.target = "unix:/b";
    if (both->reflection)
        both->channel = bw_channel_new(&config, bw_wire_wake(), BW_WIRE_START_MS, why, sizeof why);
    return both->channel != NULL;
}

bool both_init(struct both *both) {
    *both = (struct both){0};
    return make(both);
}

void both_free(struct both *both) {
    bw_wire_free(both->wire);
    bw_channel_free(both->channel);
    for (size_t i = 0; i < both->talks_count; i++)
        bw_buf_free(&both->talks[i].trace);
    if (both->service.server)
        assert_int_equal(bw_server_calls(both->service.server), 0);
    service_free(&both->service);
    bw_health_free(both->health);
    bw_reflection_free(both->reflection);
}

/* ---- calls ---- */

static void trace_metadata(struct bw_buf *out, const struct bw_metadata *metadata) {
    for (size_t i = 0; i < bw_metadata_count(metadata); i++) {
        struct bw_metadata_entry entry = bw_metadata_get(metadata, i);
        bw_buf_printf(out, " %.*s=%.*s", (int)entry.key.len, (const char *)entry.key.data,
                      (int)entry.value.len, (const char *)entry.value.data);
    }
}

static void on_headers(void *user, const struct bw_metadata *headers) {
    struct talk *talk = user;
    bw_buf_append_text(&talk->trace, "headers");
    trace_metadata(&talk->trace, headers);
    bw_buf_append_text(&talk->trace, "; ");
}

static void on_message(void *user, struct bw_span message) {
    struct talk *talk = user;
    if (message.len > 100)
        bw_buf_printf(&talk->trace, "message of %zu; ", message.len);
    else
        bw_buf_printf(&talk->trace, "message %.*s; ", (int)message.len, (const char *)message.data);
}

static void on_end(void *user, const struct bw_call_result *result) {
    struct talk *talk = user;
    bw_buf_printf(&talk->trace, "end %s", bw_code_name((int)result->code));
    if (*result->message)
        bw_buf_printf(&talk->trace, " \"%s\"", result->message);
    trace_metadata(&talk->trace, result->trailers);
    talk->code = result->code;
    talk->call = NULL;
    talk->ends++;
}

static struct talk *start(struct both *both, struct bw_call_options *options, uint64_t timeout_ms,
                          struct bw_span message) {
    static const struct bw_call_events events = {
        .on_headers = on_headers, .on_message = on_message, .on_end = on_end};
    struct talk *talk = &both->talks[both->talks_count++];
    assert_true(both->talks_count <= BOTH_TALKS);
    if (timeout_ms)
        options->deadline_ms = both_now(both) + timeout_ms;
    talk->call = bw_channel_start(both->channel, both_now(both), options, message, &events, talk);
    talk->started = talk->call != NULL;
    return talk;
}

struct talk *both_call(struct both *both, const char *path, struct bw_span message, uint64_t timeout_ms,
                       bool server_streaming, const struct bw_metadata *metadata) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = path;
    options.kind = server_streaming ? BW_SERVER_STREAMING : BW_UNARY;
    options.metadata = metadata;
    return start(both, &options, timeout_ms, message);
}

struct talk *both_begin(struct both *both, const char *path, enum bw_kind kind, uint64_t timeout_ms) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = path;
    options.kind = kind;
    return start(both, &options, timeout_ms, bw_span_of(NULL, 0));
}

const char *talk_trace(struct talk *talk) {
    return bw_buf_text(&talk->trace);
}
