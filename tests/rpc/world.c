#define _POSIX_C_SOURCE 200809L /* strtok_r */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS_MAX = 200000, DRAIN_LEN = 64 * 1024, FIELDS_MAX = 128, FRAME_HEAD = 9 };
enum { HEADERS = 1, SETTINGS = 4, ACK = 1, END_HEADERS = 4 };

/* ---- the servers ---- */

static size_t split_fields(char *text, struct bw_h2_field *out) {
    size_t n = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word + 1, '=');
        assert_non_null(equals);
        assert_true(n < FIELDS_MAX);
        *equals = '\0';
        out[n++] = (struct bw_h2_field){.name = bw_span_text(word), .value = bw_span_text(equals + 1)};
    }
    return n;
}

static void play_headers(struct bw_h2_stream *stream, char *text, bool end_stream) {
    struct bw_h2_field fields[FIELDS_MAX + 1];
    bool has_status = strncmp(text, ":status", 7) == 0;
    fields[0] = (struct bw_h2_field){.name = bw_span_text(":status"), .value = bw_span_text("200")};
    size_t n = split_fields(text, has_status ? fields : fields + 1);
    bw_h2_respond(stream, fields, has_status ? n : n + 1, end_stream);
}

static void play_trailers(struct bw_h2_stream *stream, char *text) {
    struct bw_h2_field fields[FIELDS_MAX];
    bw_h2_finish_with_trailers(stream, fields, split_fields(text, fields));
}

static void play_message(struct bw_h2_stream *stream, const char *text) {
    size_t len = strlen(text);
    const uint8_t head[5] = {0, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                             (uint8_t)len};
    bw_h2_send(stream, bw_span_of(head, sizeof head), bw_span_text(text));
}

static void play_bytes(struct bw_h2_stream *stream, const char *hex) {
    uint8_t bytes[64];
    size_t n = 0;
    unsigned value;
    for (; sscanf(hex, "%2x", &value) == 1; hex += 2)
        bytes[n++] = (uint8_t)value;
    bw_h2_send(stream, bw_span_of(NULL, 0), bw_span_of(bytes, n));
}

static void play_step(struct bw_h2_stream *stream, char *step) {
    char *rest = strchr(step, ' ');
    rest = rest ? rest + 1 : step + strlen(step);
    if (strncmp(step, "HE", 2) == 0)
        play_headers(stream, rest, true);
    else if (*step == 'H')
        play_headers(stream, rest, false);
    else if (*step == 'M')
        play_message(stream, rest);
    else if (*step == 'D')
        play_bytes(stream, rest);
    else if (*step == 'T')
        play_trailers(stream, rest);
    else if (*step == 'E')
        bw_h2_finish(stream);
    else if (*step == 'R')
        bw_h2_reset(stream, (uint32_t)strtoul(rest, NULL, 10));
    else
        fail_msg("no such step: %s", step);
}

void world_play(struct bw_h2_stream *stream, const char *script) {
    char text[8192], *rest = NULL;
    assert_true(strlen(script) < sizeof text);
    snprintf(text, sizeof text, "%s", script);
    for (char *step = strtok_r(text, "|", &rest); step; step = strtok_r(NULL, "|", &rest))
        play_step(stream, step);
}

static void request_complete(struct world *world, struct bw_h2_stream *stream) {
    if (world->answer) {
        world_play(stream, world->answer);
        return;
    }
    assert_true(world->held_count < HELD_MAX);
    world->held[world->held_count++] = stream;
}

static void on_headers(void *owner, struct bw_h2_stream *stream, enum bw_h2_block block,
                       const struct bw_h2_field *fields, size_t n, unsigned flags) {
    struct link *link = owner;
    struct world *world = link->world;
    (void)block;
    link->streams++;
    bw_buf_clear(&world->request);
    bw_buf_clear(&world->body);
    for (size_t i = 0; i < n; i++)
        bw_buf_printf(&world->request, " %.*s=%.*s", (int)fields[i].name.len,
                      (const char *)fields[i].name.data, (int)fields[i].value.len,
                      (const char *)fields[i].value.data);
    if (flags & BW_H2_END_STREAM)
        request_complete(world, stream);
}

static void on_data(void *owner, struct bw_h2_stream *stream, struct bw_span bytes) {
    struct link *link = owner;
    bw_buf_append_span(&link->world->body, bytes);
    bw_h2_consume(stream, bytes.len);
}

static void on_data_end(void *owner, struct bw_h2_stream *stream) {
    request_complete(((struct link *)owner)->world, stream);
}

static void on_writable(void *owner, struct bw_h2_stream *stream) {
    (void)owner;
    (void)stream;
}

static void on_stream_closed(void *owner, struct bw_h2_stream *stream, const struct bw_h2_close *how) {
    struct world *world = ((struct link *)owner)->world;
    if (how->remote)
        bw_buf_printf(&world->resets, "%s ", bw_h2_error_name(how->code));
    for (size_t i = 0; i < world->held_count; i++)
        if (world->held[i] == stream)
            world->held[i] = NULL;
}

static void make_server(struct link *link) {
    static const struct bw_h2_events events = {.on_headers = on_headers,
                                               .on_data = on_data,
                                               .on_data_end = on_data_end,
                                               .on_writable = on_writable,
                                               .on_stream_closed = on_stream_closed};
    struct bw_h2_config config;
    bw_h2_config_default(&config, BW_H2_SERVER);
    if (link->world->concurrent_streams)
        config.concurrent_streams_max = link->world->concurrent_streams;
    config.send_queue_max = 16 << 20;
    link->server = bw_h2_new(&config, &events, link, (struct bw_wake){0}, link->world->now_ms);
    assert_non_null(link->server);
}

/* ---- raw servers ---- */

void link_say_frame(struct link *link, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
                    size_t len) {
    const uint8_t head[FRAME_HEAD] = {
        (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
        (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    bw_buf_append(&link->to_client, head, sizeof head);
    bw_buf_append(&link->to_client, payload, len);
}

void link_say_headers(struct link *link, uint8_t flags, uint32_t id, const char *fields) {
    char text[4096];
    struct bw_h2_field list[FIELDS_MAX];
    struct bw_buf block;
    bw_buf_init(&block, 0);
    snprintf(text, sizeof text, "%s", fields);
    size_t n = split_fields(text, list);
    for (size_t i = 0; i < n; i++) {
        /* A literal that is never indexed, of short strings (RFC 7541 section 6.2.3). */
        assert_true(list[i].name.len < 127 && list[i].value.len < 127);
        bw_buf_append_byte(&block, 0x10);
        bw_buf_append_byte(&block, (uint8_t)list[i].name.len);
        bw_buf_append_span(&block, list[i].name);
        bw_buf_append_byte(&block, (uint8_t)list[i].value.len);
        bw_buf_append_span(&block, list[i].value);
    }
    struct bw_span bytes = bw_buf_span(&block);
    link_say_frame(link, HEADERS, flags | END_HEADERS, id, bytes.data, bytes.len);
    bw_buf_free(&block);
}

void link_say_settings(struct link *link) {
    link_say_frame(link, SETTINGS, 0, 0, NULL, 0);
    link_say_frame(link, SETTINGS, ACK, 0, NULL, 0);
}

/* ---- links ---- */

static void link_end_client(struct link *link) {
    if (link->client.ops)
        link->client.ops->free(link->client.self);
    link->client = (struct bw_conn){NULL, NULL};
}

static void link_end_server(struct link *link) {
    struct bw_h2 *server = link->server;
    link->server = NULL;
    if (server)
        bw_h2_free(server);
}

static void link_end(struct link *link) {
    link_end_client(link);
    link_end_server(link);
    bw_buf_clear(&link->to_client);
}

void world_cut(struct world *world, struct link *link) {
    if (link->client.ops)
        link->client.ops->lost(link->client.self, world->now_ms, BW_LOST_ERROR);
    link_end(link);
}

static bool pump_out(struct link *link) {
    static uint8_t scratch[DRAIN_LEN];
    uint64_t now_ms = link->world->now_ms;
    if (!link->client.ops)
        return false;
    size_t n = link->client.ops->drain(link->client.self, now_ms, scratch, sizeof scratch);
    if (n == 0)
        return false;
    if (link->server)
        bw_h2_feed(link->server, now_ms, scratch, n);
    else
        bw_buf_append(&link->heard, scratch, n);
    link->client.ops->written(link->client.self, now_ms, n);
    return true;
}

static void feed_client(struct link *link) {
    size_t piece = link->world->piece;
    while (bw_buf_size(&link->to_client) && link->client.ops &&
           link->client.ops->wants(link->client.self) & BW_WANTS_READ) {
        struct bw_span all = bw_buf_span(&link->to_client);
        size_t n = piece && piece < all.len ? piece : all.len;
        link->client.ops->feed(link->client.self, link->world->now_ms, all.data, n);
        bw_buf_consume(&link->to_client, n);
    }
}

static bool pump_in(struct link *link) {
    static uint8_t scratch[DRAIN_LEN];
    uint64_t now_ms = link->world->now_ms;
    size_t n = link->server ? bw_h2_drain(link->server, now_ms, scratch, sizeof scratch) : 0;
    if (n)
        bw_h2_written(link->server, now_ms, n);
    bw_buf_append(&link->to_client, scratch, n);
    size_t before = bw_buf_size(&link->to_client);
    if (!link->world->cut_off)
        feed_client(link);
    return n || bw_buf_size(&link->to_client) < before;
}

static bool pump_ticks(struct link *link) {
    uint64_t now_ms = link->world->now_ms;
    bool any = false;
    if (link->client.ops && link->client.ops->next_deadline(link->client.self) <= now_ms) {
        link->client.ops->tick(link->client.self, now_ms);
        any = true;
    }
    if (link->server && bw_h2_next_deadline(link->server) <= now_ms) {
        bw_h2_tick(link->server, now_ms);
        any = true;
    }
    return any;
}

static bool pump_close(struct link *link) {
    if (link->client.ops && link->client.ops->wants(link->client.self) & BW_WANTS_CLOSE) {
        link_end(link);
        return true;
    }
    if (link->server && bw_h2_wants(link->server) & BW_WANTS_CLOSE && bw_buf_size(&link->to_client) == 0) {
        if (link->client.ops)
            link->client.ops->lost(link->client.self, link->world->now_ms, BW_LOST_EOF);
        link_end(link);
        return true;
    }
    return false;
}

/* ---- the driver ---- */

static void do_resolve(struct world *world, const struct bw_wish *wish) {
    struct bw_address list[8];
    size_t n = 0;
    char text[512], *rest = NULL;
    bw_buf_printf(&world->wishes, "RESOLVE %s %u; ", wish->host, wish->port);
    if (!world->addresses)
        return;
    snprintf(text, sizeof text, "%s", world->addresses);
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        snprintf(list[n++].text, sizeof list[0].text, "%s", word);
    if (n)
        world->dialable.ops->resolved(world->dialable.self, world->now_ms, wish->id, list, n);
    else
        world->dialable.ops->failed(world->dialable.self, world->now_ms, wish->id,
                                    "cannot resolve b.test: unknown node or service");
}

static void do_accept(struct world *world, const struct bw_wish *wish) {
    assert_true(world->links_count < LINKS_MAX);
    struct link *link = &world->links[world->links_count++];
    *link = (struct link){.world = world, .id = wish->id};
    link->client =
        world->dialable.ops->connected(world->dialable.self, world->now_ms, wish->id, (struct bw_wake){0});
    if (link->client.ops && world->dialling == DIAL_ACCEPT)
        make_server(link);
}

static void do_connect(struct world *world, const struct bw_wish *wish) {
    char why[256];
    bw_buf_printf(&world->wishes, "CONNECT %s; ", wish->address.text);
    snprintf(why, sizeof why, "cannot connect to %s: connection refused", wish->address.text);
    switch (world->dialling) {
    case DIAL_ACCEPT:
    case DIAL_RAW:
        do_accept(world, wish);
        break;
    case DIAL_REFUSE:
        world->dialable.ops->failed(world->dialable.self, world->now_ms, wish->id, why);
        break;
    case DIAL_HANG:
        break;
    }
}

static void do_close(struct world *world, const struct bw_wish *wish) {
    bw_buf_printf(&world->wishes, "CLOSE %u; ", (unsigned)wish->id);
    for (size_t i = 0; i < world->links_count; i++)
        if (world->links[i].id == wish->id)
            link_end(&world->links[i]);
}

static bool pump_wishes(struct world *world) {
    struct bw_wish wish;
    if (!world->dialable.ops->next_wish(world->dialable.self, world->now_ms, &wish))
        return false;
    world->last_wish = wish;
    if (wish.kind == BW_WISH_RESOLVE)
        do_resolve(world, &wish);
    else if (wish.kind == BW_WISH_CONNECT)
        do_connect(world, &wish);
    else
        do_close(world, &wish);
    return true;
}

static bool step(struct world *world) {
    bool any = pump_wishes(world);
    if (world->dialable.ops->next_deadline(world->dialable.self) <= world->now_ms) {
        world->dialable.ops->tick(world->dialable.self, world->now_ms);
        any = true;
    }
    for (size_t i = 0; i < world->links_count; i++) {
        struct link *link = &world->links[i];
        bool busy = pump_out(link);
        busy |= pump_in(link);
        busy |= pump_ticks(link);
        any |= busy || pump_close(link);
    }
    return any;
}

void world_settle(struct world *world) {
    int steps = 0;
    while (step(world))
        assert_true(++steps < STEPS_MAX);
}

static uint64_t next_deadline(const struct world *world) {
    uint64_t next = world->dialable.ops->next_deadline(world->dialable.self);
    for (size_t i = 0; i < world->links_count; i++) {
        const struct link *link = &world->links[i];
        uint64_t client = link->client.ops ? link->client.ops->next_deadline(link->client.self) : BW_NEVER;
        uint64_t server = link->server ? bw_h2_next_deadline(link->server) : BW_NEVER;
        next = client < next ? client : next;
        next = server < next ? server : next;
    }
    return next;
}

void world_advance(struct world *world, uint64_t ms) {
    uint64_t end_ms = world->now_ms + ms;
    for (;;) {
        world_settle(world);
        uint64_t next = next_deadline(world);
        if (next > end_ms)
            break;
        world->now_ms = next;
    }
    world->now_ms = end_ms;
}

const char *world_wishes(struct world *world) {
    static char text[4096];
    bw_span_copy_text(bw_buf_span(&world->wishes), text, sizeof text);
    bw_buf_clear(&world->wishes);
    return text;
}

struct link *world_link(struct world *world) {
    assert_true(world->links_count > 0);
    return &world->links[world->links_count - 1];
}

void world_open_config(struct world *world, const struct bw_channel_config *config) {
    char why[256];
    *world = (struct world){.now_ms = START_MS, .dialling = DIAL_ACCEPT, .answer = ANSWER};
    world->channel = bw_channel_new(config, (struct bw_wake){0}, world->now_ms, why, sizeof why);
    assert_non_null(world->channel);
    world->dialable = bw_channel_dialable(world->channel);
}

void world_open(struct world *world, const char *target) {
    struct bw_channel_config config;
    bw_channel_config_default(&config);
    config.target = target;
    world_open_config(world, &config);
}

static void call_forget(struct call *call) {
    bw_metadata_free(call->headers);
    bw_metadata_free(call->trailers);
    bw_buf_free(&call->trace);
    bw_buf_free(&call->details);
    bw_buf_free(&call->message);
    free(call);
}

void world_close(struct world *world) {
    for (size_t i = 0; i < world->links_count; i++) {
        link_end(&world->links[i]);
        bw_buf_free(&world->links[i].to_client);
        bw_buf_free(&world->links[i].heard);
    }
    bw_channel_free(world->channel);
    for (size_t i = 0; i < world->calls_count; i++) {
        assert_true(world->calls[i]->ends <= 1);
        call_forget(world->calls[i]);
    }
    bw_buf_free(&world->wishes);
    bw_buf_free(&world->request);
    bw_buf_free(&world->body);
    bw_buf_free(&world->resets);
}

/* ---- calls ---- */

static void add_event(struct call *call, const char *text) {
    bw_buf_printf(&call->trace, "%s%s", bw_buf_size(&call->trace) ? "; " : "", text);
}

static void told_headers(void *user, const struct bw_metadata *headers) {
    struct call *call = user;
    assert_int_equal(call->ends, 0);
    add_event(call, "headers");
    bw_metadata_free(call->headers);
    call->headers = bw_metadata_copy(headers);
    if (call->on_headers)
        call->on_headers(call);
}

static void told_message(void *user, struct bw_span message) {
    struct call *call = user;
    assert_int_equal(call->ends, 0);
    add_event(call, "message ");
    if (message.len < 64)
        bw_buf_append_span(&call->trace, message);
    else
        bw_buf_printf(&call->trace, "of %u", (unsigned)message.len);
    if (call->on_message)
        call->on_message(call);
}

static void told_end(void *user, const struct bw_call_result *result) {
    static const char *const origins[] = {"SERVER", "TRANSPORT", "LOCAL"};
    struct call *call = user;
    call->ends++;
    assert_int_equal(call->ends, 1);
    add_event(call, "end ");
    bw_buf_printf(&call->trace, "%s %s", bw_code_name((int)result->code), origins[result->origin]);
    call->result = *result;
    call->trailers = bw_metadata_copy(result->trailers);
    bw_buf_append_span(&call->details, result->details);
    bw_buf_append_text(&call->message, result->message);
    call->call = NULL;
    if (call->on_end)
        call->on_end(call);
}

struct call *world_call(struct world *world, const struct bw_call_options *options) {
    return world_call_with(world, options, bw_span_text("ping"));
}

struct call *world_call_with(struct world *world, const struct bw_call_options *options,
                             struct bw_span request) {
    static const struct bw_call_events events = {told_headers, told_message, told_end};
    struct bw_call_options usual;
    struct call *call = calloc(1, sizeof *call);
    assert_non_null(call);
    assert_true(world->calls_count < CALLS_MAX);
    world->calls[world->calls_count++] = call;
    bw_call_options_default(&usual);
    usual.path = "/t/Call";
    call->world = world;
    call->call =
        bw_channel_start(world->channel, world->now_ms, options ? options : &usual, request, &events, call);
    assert_non_null(call->call);
    assert_int_equal(call->ends, 0);
    return call;
}

struct call *world_call_within(struct world *world, uint64_t ms) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Call";
    options.deadline_ms = world->now_ms + ms;
    return world_call(world, &options);
}

struct call *world_stream(struct world *world) {
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = "/t/Stream";
    options.server_streaming = true;
    return world_call(world, &options);
}

const char *call_trace(struct call *call) {
    return bw_buf_text(&call->trace);
}

const char *call_message(struct call *call) {
    return bw_buf_text(&call->message);
}

void call_cancel(struct call *call) {
    unsigned ends = call->ends;
    bw_call_cancel(call->call, call->world->now_ms);
    assert_int_equal(call->ends, ends);
}
