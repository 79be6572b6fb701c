/* clock.c: the timers of a connection. They are absolute: a byte now and then does not move them. */
#include "h2_internal.h"

static uint64_t after(uint64_t now_ms, uint64_t timeout_ms) {
    return timeout_ms >= BW_NEVER - now_ms ? BW_NEVER : now_ms + timeout_ms;
}

void bw_h2_clock_stop(struct bw_h2 *h2) {
    h2->clock = (struct bw_h2_clock){BW_NEVER, BW_NEVER, BW_NEVER, BW_NEVER, BW_NEVER, BW_NEVER, 0};
}

void bw_h2_clock_init(struct bw_h2 *h2) {
    bw_h2_clock_stop(h2);
    h2->clock.preface_ms = after(h2->now_ms, h2->config.preface_timeout_ms);
}

void bw_h2_clock_fed(struct bw_h2 *h2) {
    struct bw_h2_clock *clock = &h2->clock;
    if (bw_h2_is_over(h2))
        return;
    if (!h2->frames.block_open) {
        clock->header_ms = BW_NEVER;
    } else if (clock->header_ms == BW_NEVER || clock->block != h2->frames.blocks) {
        clock->header_ms = after(h2->now_ms, h2->config.header_timeout_ms);
        clock->block = h2->frames.blocks;
    }
}

void bw_h2_clock_drained(struct bw_h2 *h2) {
    struct bw_h2_clock *clock = &h2->clock;
    if (h2->unwritten > 0 && clock->write_ms == BW_NEVER)
        clock->write_ms = after(h2->now_ms, h2->config.write_timeout_ms);
    if (bw_h2_is_over(h2))
        return;
    if (h2->hello_at == h2->hello_len && h2->hello_len > 0 && !h2->settings_awaited) {
        h2->settings_awaited = true;
        clock->settings_ms = after(h2->now_ms, h2->config.settings_timeout_ms);
    }
    if (h2->config.role == BW_H2_SERVER && h2->stream_count > 0 && clock->stall_ms == BW_NEVER)
        clock->stall_ms = after(h2->now_ms, h2->config.write_timeout_ms);
}

/* Waits to send, and nothing of it left since the last look: the peer gives no window, or too little. */
static bool is_stalled(const struct bw_h2_stream *stream) {
    bool waits = stream->queue.size > 0 || stream->sending == BW_H2_SENDING_LAST ||
                 stream->sending == BW_H2_SENDING_TRAILERS;
    return !stream->closed && stream->responded && waits && !stream->moved;
}

static void look_for_stalled(struct bw_h2 *h2) {
    for (struct bw_h2_stream *stream = h2->streams; stream; stream = stream->next) {
        if (is_stalled(stream))
            bw_h2_reset(stream, BW_H2_CANCEL);
        stream->moved = false;
    }
    h2->clock.stall_ms = h2->streams ? after(h2->now_ms, h2->config.write_timeout_ms) : BW_NEVER;
}

void bw_h2_clock_tick(struct bw_h2 *h2) {
    struct bw_h2_clock *clock = &h2->clock;
    uint64_t now_ms = h2->now_ms;
    if (now_ms >= clock->write_ms)
        bw_h2_ending_drop(h2);
    if (now_ms >= clock->preface_ms)
        bw_h2_ending_fail(h2, BW_H2_PROTOCOL_ERROR, "preface_timeout");
    if (now_ms >= clock->settings_ms)
        bw_h2_ending_fail(h2, BW_H2_SETTINGS_TIMEOUT, "settings_timeout");
    if (now_ms >= clock->header_ms)
        bw_h2_ending_fail(h2, BW_H2_ENHANCE_YOUR_CALM, "header_timeout");
    if (now_ms >= clock->drain_ms)
        bw_h2_ending_second_step(h2);
    if (now_ms >= clock->stall_ms)
        look_for_stalled(h2);
}

uint64_t bw_h2_clock_next(const struct bw_h2 *h2) {
    const struct bw_h2_clock *clock = &h2->clock;
    uint64_t due[] = {clock->preface_ms, clock->settings_ms, clock->header_ms,
                      clock->write_ms,   clock->drain_ms,    clock->stall_ms};
    uint64_t next = BW_NEVER;
    for (size_t i = 0; i < sizeof due / sizeof due[0]; i++)
        if (due[i] < next)
            next = due[i];
    return next;
}
