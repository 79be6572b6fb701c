/* ending.c: how a connection ends: drained in two steps, or for a fault. */
#include "h2_internal.h"

#include <stdio.h>

/* RFC 9113 section 6.8. */
enum { GOAWAY = 7, GOAWAY_LEN = 8 };

/* What PING of a drain carries. */
static const uint8_t DRAIN_PING[8] = {'b', 'w', '-', 'd', 'r', 'a', 'i', 'n'};

static void enter_farewell(struct bw_h2 *h2) {
    h2->state = h2->farewell_len || h2->piece_len ? BW_H2_FAREWELL : BW_H2_GONE;
    bw_h2_clock_stop(h2);
    bw_h2_stream_all_lost(h2);
    bw_wake_up(&h2->wake);
}

static uint8_t *put_u32(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
    return at + 4;
}

/* Written by hand: after a fault nghttp2 gets no bytes and is not asked for any. */
static void compose_goaway(struct bw_h2 *h2, uint32_t code, const char *debug) {
    size_t len = strlen(debug);
    if (len > BW_H2_DEBUG_MAX)
        len = BW_H2_DEBUG_MAX;
    uint8_t *at = put_u32(h2->farewell, (uint32_t)(GOAWAY_LEN + len) << 8 | GOAWAY);
    *at++ = 0;
    at = put_u32(at, 0);
    at = put_u32(at, (uint32_t)nghttp2_session_get_last_proc_stream_id(h2->session));
    at = put_u32(at, code);
    memcpy(at, debug, len);
    h2->farewell_len = (size_t)(at - h2->farewell) + len;
}

void bw_h2_ending_fail(struct bw_h2 *h2, uint32_t code, const char *debug) {
    if (bw_h2_is_over(h2))
        return;
    /* Before the client's preface it is not known to be HTTP/2 at all. */
    if (h2->frames.preface_left == 0)
        compose_goaway(h2, code, debug ? debug : "");
    else
        h2->hello_len = 0;
    enter_farewell(h2);
}

void bw_h2_ending_drop(struct bw_h2 *h2) {
    if (h2->state == BW_H2_GONE)
        return;
    h2->state = BW_H2_GONE;
    bw_h2_clock_stop(h2);
    bw_h2_stream_all_lost(h2);
    bw_wake_up(&h2->wake);
}

void bw_h2_ending_not_http2(struct bw_h2 *h2) {
    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\n"
        "Content-Type: text/plain\r\nConnection: close\r\nContent-Length: 25\r\n\r\n"
        "This port speaks HTTP/2.\n";
    if (bw_h2_is_over(h2))
        return;
    h2->hello_len = 0;
    if (h2->first_byte >= 'A' && h2->first_byte <= 'Z') {
        memcpy(h2->farewell, answer, sizeof answer - 1);
        h2->farewell_len = sizeof answer - 1;
    }
    enter_farewell(h2);
}

void bw_h2_ending_terminated(struct bw_h2 *h2) {
    if (bw_h2_is_over(h2))
        return;
    h2->state = BW_H2_FAREWELL;
    bw_h2_clock_stop(h2);
    bw_h2_stream_all_lost(h2);
}

void bw_h2_terminate(struct bw_h2 *h2, uint32_t code, const char *debug) {
    bw_h2_ending_fail(h2, code, debug);
}

void bw_h2_shutdown(struct bw_h2 *h2, uint64_t now_ms, const char *debug) {
    h2->now_ms = now_ms;
    if (h2->state != BW_H2_OPEN)
        return;
    snprintf(h2->drain_debug, sizeof h2->drain_debug, "%s", debug ? debug : "");
    if (h2->frames.preface_left > 0) {
        bw_h2_ending_drop(h2);
        return;
    }
    if (h2->config.role == BW_H2_CLIENT) {
        bw_h2_ending_second_step(h2);
        return;
    }
    /* "A server that is attempting to gracefully shut down a connection SHOULD send an initial GOAWAY frame
     * with the last stream identifier set to 2^31-1" (RFC 9113 section 6.8); the PING tells when it has
     * arrived. */
    h2->state = BW_H2_NOTICED;
    h2->clock.drain_ms = now_ms + h2->config.drain_timeout_ms;
    if (nghttp2_submit_shutdown_notice(h2->session) != 0 ||
        nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, DRAIN_PING) != 0)
        bw_h2_ending_drop(h2);
    bw_wake_up(&h2->wake);
}

void bw_h2_ending_second_step(struct bw_h2 *h2) {
    if (h2->state >= BW_H2_LEAVING)
        return;
    h2->state = BW_H2_LEAVING;
    h2->clock.drain_ms = BW_NEVER;
    int32_t last_id = nghttp2_session_get_last_proc_stream_id(h2->session);
    if (nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, last_id, NGHTTP2_NO_ERROR,
                              (const uint8_t *)h2->drain_debug, strlen(h2->drain_debug)) != 0)
        bw_h2_ending_drop(h2);
    bw_h2_stream_unsent_refused(h2);
    bw_wake_up(&h2->wake);
}

void bw_h2_ending_check(struct bw_h2 *h2) {
    if (h2->state == BW_H2_FAREWELL) {
        if (h2->hello_at == h2->hello_len && h2->piece_len == 0 && h2->farewell_at == h2->farewell_len)
            h2->state = BW_H2_GONE;
        return;
    }
    bool leaving =
        h2->state == BW_H2_LEAVING || h2->goaway_received || !nghttp2_session_want_read(h2->session);
    if (h2->state == BW_H2_GONE || !leaving || h2->stream_count > 0)
        return;
    if (h2->hello_at == h2->hello_len && h2->piece_len == 0 && !nghttp2_session_want_write(h2->session)) {
        h2->state = BW_H2_GONE;
        bw_h2_clock_stop(h2);
    }
}
