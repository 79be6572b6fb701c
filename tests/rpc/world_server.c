#define _POSIX_C_SOURCE 200809L /* strtok_r */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIELDS_MAX = 128, FRAME_HEAD = 9 };
enum { HEADERS = 1, SETTINGS = 4, ACK = 1, END_HEADERS = 4 }; /* RFC 9113 section 6 */

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
    world->newest = stream;
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
    if (!link->world->keeps_window)
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
    if (world->newest == stream)
        world->newest = NULL;
    for (size_t i = 0; i < world->held_count; i++)
        if (world->held[i] == stream)
            world->held[i] = NULL;
}

void link_make_server(struct link *link) {
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
