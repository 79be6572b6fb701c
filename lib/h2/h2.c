/* h2.c: a connection: set up, fed, drained, ticked. The only file that hands bytes to nghttp2 and takes them.
 */
#include "h2_internal.h"

#include <assert.h>
#include <stdlib.h>

enum { WINDOW_MIN = 65535, WINDOW_MAX = 0x7fffffff, OUTBOUND_ACK_MAX = 100, SETTINGS_MAX = 32 };
enum { CONTINUATIONS_PER_READ_MAX = 100, RESETS_UNLIMITED = 1000000, STREAMS_MAX_SLACK = 64 };

const char *bw_h2_error_name(uint32_t code) {
    static const char *const names[] = {
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    };
    _Static_assert(sizeof names / sizeof names[0] == BW_H2_HTTP_1_1_REQUIRED + 1, "one name per code");
    return code < sizeof names / sizeof names[0] ? names[code] : "UNKNOWN";
}

const char *bw_h2_library_version(void) {
    return nghttp2_version(0)->version_str;
}

void bw_h2_config_default(struct bw_h2_config *config, enum bw_h2_role role) {
    *config = (struct bw_h2_config){.size = sizeof *config,
                                    .role = role,
                                    .concurrent_streams_max = 256,
                                    .stream_window = 1 << 20,
                                    .connection_window = 4 << 20,
                                    .header_bytes_max = 16 << 10,
                                    .header_fields_max = 100,
                                    .send_queue_max = 256 << 10,
                                    .preface_timeout_ms = 5000,
                                    .settings_timeout_ms = 10000,
                                    .header_timeout_ms = 5000,
                                    .write_timeout_ms = 10000,
                                    .drain_timeout_ms = 5000,
                                    .ping_interval_ms = 300000,
                                    .ping_idle_interval_ms = 7200000};
}

static bool is_window(uint32_t window) {
    return window >= WINDOW_MIN && window <= WINDOW_MAX;
}

static bool is_usable(const struct bw_h2_config *config, const struct bw_h2_events *events) {
    return config->size == sizeof *config && is_window(config->stream_window) &&
           is_window(config->connection_window) && config->header_fields_max > 0 && events->on_headers &&
           events->on_data && events->on_data_end && events->on_writable && events->on_stream_closed;
}

static nghttp2_option *options_new(void) {
    nghttp2_option *option;
    if (nghttp2_option_new(&option) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_outbound_ack(option, OUTBOUND_ACK_MAX);
    nghttp2_option_set_max_settings(option, SETTINGS_MAX);
    /* Counted per read, not per frame, by this library: frames.c has the limit that decides. */
    nghttp2_option_set_max_continuations(option, CONTINUATIONS_PER_READ_MAX);
    /* Its limiter cuts honest clients whose deadlines run out quickly; the bucket decides. */
    nghttp2_option_set_stream_reset_rate_limit(option, RESETS_UNLIMITED, RESETS_UNLIMITED);
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
    return option;
}

static bool session_new(struct bw_h2 *h2) {
    nghttp2_option *option = options_new();
    nghttp2_session_callbacks *callbacks = option ? bw_h2_callbacks_new() : NULL;
    nghttp2_mem mem = bw_h2_memory_hooks(&h2->memory);
    int failed = -1;
    if (callbacks)
        failed = h2->config.role == BW_H2_SERVER
                     ? nghttp2_session_server_new3(&h2->session, callbacks, h2, option, &mem)
                     : nghttp2_session_client_new3(&h2->session, callbacks, h2, option, &mem);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    if (failed)
        h2->session = NULL;
    return !failed;
}

/* The limit nghttp2 itself enforces, with a dead connection; ours is lower and refuses single streams. It
 * also keeps as many closed streams in memory. */
static uint32_t hard_streams_max(const struct bw_h2_config *config) {
    uint32_t max = config->concurrent_streams_max;
    return max <= UINT32_MAX - STREAMS_MAX_SLACK ? max + STREAMS_MAX_SLACK : UINT32_MAX;
}

static bool submit_settings(struct bw_h2 *h2) {
    const struct bw_h2_config *config = &h2->config;
    bool server = config->role == BW_H2_SERVER;
    nghttp2_settings_entry entries[] = {
        {server ? NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS : NGHTTP2_SETTINGS_ENABLE_PUSH,
         server ? hard_streams_max(config) : 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, config->stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, config->header_bytes_max},
    };
    return nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, entries,
                                   sizeof entries / sizeof entries[0]) == 0 &&
           nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                                 (int32_t)config->connection_window) == 0;
}

/* nghttp2 was told a higher number of streams than we allow; the peer is told the true one (first entry). */
static void advertise_streams_max(struct bw_h2 *h2) {
    uint8_t *value = h2->hello + BW_H2_FRAME_HEAD_LEN + 2;
    for (unsigned i = 0; i < 4; i++)
        value[i] = (uint8_t)(h2->config.concurrent_streams_max >> (24 - 8 * i));
}

/* Takes preface, SETTINGS and WINDOW_UPDATE out of nghttp2 at once: they go first, whatever happens. */
static bool compose_hello(struct bw_h2 *h2) {
    if (!submit_settings(h2))
        return false;
    for (;;) {
        const uint8_t *piece;
        ssize_t n = nghttp2_session_mem_send(h2->session, &piece);
        if (n <= 0) {
            if (h2->config.role == BW_H2_SERVER && n == 0)
                advertise_streams_max(h2);
            return n == 0;
        }
        assert((size_t)n <= sizeof h2->hello - h2->hello_len);
        memcpy(h2->hello + h2->hello_len, piece, (size_t)n);
        h2->hello_len += (size_t)n;
    }
}

struct bw_h2 *bw_h2_new_failing(const struct bw_h2_config *config, const struct bw_h2_events *events,
                                void *owner, struct bw_wake wake, uint64_t now_ms, size_t fail_at,
                                bool fail_on) {
    if (!is_usable(config, events))
        return NULL;
    struct bw_h2 *h2 = calloc(1, sizeof *h2);
    if (!h2)
        return NULL;
    h2->config = *config;
    h2->events = events;
    h2->owner = owner;
    h2->wake = wake;
    h2->now_ms = now_ms;
    h2->last_ping_ms = BW_NEVER;
    h2->memory = (struct bw_h2_memory){.used_max = BW_H2_MEMORY_MAX, .fail_at = fail_at, .fail_on = fail_on};
    bw_h2_frames_init(&h2->frames, config->role == BW_H2_SERVER);
    bw_h2_bucket_init(&h2->bucket, now_ms);
    bw_h2_clock_init(h2);
    if (!session_new(h2) || !compose_hello(h2)) {
        nghttp2_session_del(h2->session);
        free(h2);
        return NULL;
    }
    return h2;
}

struct bw_h2 *bw_h2_new(const struct bw_h2_config *config, const struct bw_h2_events *events, void *owner,
                        struct bw_wake wake, uint64_t now_ms) {
    return bw_h2_new_failing(config, events, owner, wake, now_ms, 0, false);
}

void bw_h2_free(struct bw_h2 *h2) {
    if (!h2)
        return;
    h2->wake.fn = NULL;
    bw_h2_ending_drop(h2);
    bw_h2_stream_deliver(h2);
    nghttp2_session_del(h2->session);
    bw_h2_block_free(h2);
    bw_h2_queue_free_kept(h2);
    bw_h2_memory_free(&h2->memory, h2->nv);
    assert(h2->memory.used == 0);
    free(h2);
}

static void receive_failed(struct bw_h2 *h2, ssize_t error) {
    if (error == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        bw_h2_ending_not_http2(h2);
    else if (error == NGHTTP2_ERR_FLOODED || error == NGHTTP2_ERR_TOO_MANY_SETTINGS)
        bw_h2_ending_fail(h2, BW_H2_ENHANCE_YOUR_CALM, "flooded");
    else
        bw_h2_ending_fail(h2, BW_H2_INTERNAL_ERROR, nghttp2_strerror((int)error));
}

/* nghttp2 gets a piece; false = the connection ends. */
static bool receive(struct bw_h2 *h2, const uint8_t *bytes, size_t len) {
    struct bw_h2_fault fault = {0};
    size_t allowed = bw_h2_frames_check(&h2->frames, &h2->bucket, h2->now_ms, bytes, len, &fault);
    h2->receiving = true;
    ssize_t n = allowed ? nghttp2_session_mem_recv(h2->session, bytes, allowed) : 0;
    h2->receiving = false;
    if (n < 0)
        receive_failed(h2, n);
    if (fault.code)
        bw_h2_ending_fail(h2, fault.code, fault.why);
    size_t outbound = nghttp2_session_get_outbound_queue_size(h2->session);
    if (!bw_h2_is_over(h2) && outbound - h2->requests_queued > BW_H2_OUTBOUND_MAX)
        bw_h2_ending_fail(h2, BW_H2_ENHANCE_YOUR_CALM, "too_much_to_answer");
    bw_h2_stream_deliver(h2);
    return !bw_h2_is_over(h2);
}

size_t bw_h2_feed(struct bw_h2 *h2, uint64_t now_ms, const uint8_t *bytes, size_t len) {
    h2->now_ms = now_ms;
    size_t at = 0;
    if (len && h2->frames.preface_left == BW_H2_PREFACE_LEN)
        h2->first_byte = bytes[0];
    while (at < len && !bw_h2_is_over(h2)) {
        size_t n = len - at < BW_H2_FEED_MAX ? len - at : BW_H2_FEED_MAX;
        if (!receive(h2, bytes + at, n))
            break;
        at += n;
    }
    bw_h2_clock_fed(h2);
    bw_h2_ending_check(h2);
    return at;
}

static size_t take(uint8_t *out, size_t cap, const uint8_t *from, size_t len) {
    size_t n = len < cap ? len : cap;
    if (n)
        memcpy(out, from, n);
    return n;
}

/* What nghttp2 gives, and what it gave before and did not fit. */
static size_t drain_frames(struct bw_h2 *h2, uint8_t *out, size_t cap) {
    size_t at = 0;
    for (;;) {
        size_t n = take(out + at, cap - at, h2->piece, h2->piece_len);
        at += n;
        h2->piece += n;
        h2->piece_len -= n;
        if (at == cap || bw_h2_is_over(h2))
            return at;
        ssize_t next = nghttp2_session_mem_send(h2->session, &h2->piece);
        if (next < 0)
            bw_h2_ending_drop(h2);
        if (next <= 0)
            return at;
        h2->piece_len = (size_t)next;
    }
}

size_t bw_h2_drain(struct bw_h2 *h2, uint64_t now_ms, uint8_t *out, size_t cap) {
    h2->now_ms = now_ms;
    /* Nothing is said before the client has shown that it speaks HTTP/2. */
    if (h2->state == BW_H2_GONE || (h2->frames.preface_left > 0 && h2->state != BW_H2_FAREWELL))
        return 0;
    size_t at = take(out, cap, h2->hello + h2->hello_at, h2->hello_len - h2->hello_at);
    h2->hello_at += at;
    if (at < cap)
        at += drain_frames(h2, out + at, cap - at);
    if (at < cap && h2->state == BW_H2_FAREWELL) {
        size_t n =
            take(out + at, cap - at, h2->farewell + h2->farewell_at, h2->farewell_len - h2->farewell_at);
        h2->farewell_at += n;
        at += n;
    }
    h2->unwritten += at;
    bw_h2_clock_drained(h2);
    bw_h2_ending_check(h2);
    return at;
}

void bw_h2_written(struct bw_h2 *h2, uint64_t now_ms, size_t len) {
    h2->now_ms = now_ms;
    assert(len <= h2->unwritten);
    h2->unwritten -= len;
    h2->clock.write_ms = BW_NEVER;
    bw_h2_clock_drained(h2);
}

void bw_h2_tick(struct bw_h2 *h2, uint64_t now_ms) {
    h2->now_ms = now_ms;
    bw_h2_clock_tick(h2);
    bw_h2_stream_deliver(h2);
    bw_h2_ending_check(h2);
}

uint64_t bw_h2_next_deadline(const struct bw_h2 *h2) {
    return bw_h2_has_events(h2) ? 0 : bw_h2_clock_next(h2);
}

/* A peer that asks but does not read: what it asks would be answered into memory. Only the server stops
 * reading, so that two of us with full buffers never wait for each other. */
static bool is_blocked(const struct bw_h2 *h2) {
    return h2->config.role == BW_H2_SERVER && h2->unwritten > 0 &&
           nghttp2_session_get_outbound_queue_size(h2->session) > BW_H2_OUTBOUND_BLOCKED;
}

unsigned bw_h2_wants(const struct bw_h2 *h2) {
    if (bw_h2_is_over(h2))
        return BW_WANTS_CLOSE;
    return is_blocked(h2) ? 0 : BW_WANTS_READ;
}

void bw_h2_lost(struct bw_h2 *h2, uint64_t now_ms, enum bw_lost reason) {
    (void)reason;
    h2->now_ms = now_ms;
    bw_h2_ending_drop(h2);
    bw_h2_stream_deliver(h2);
}

void bw_h2_hold(struct bw_h2 *h2) {
    h2->held++;
}

void bw_h2_release(struct bw_h2 *h2) {
    assert(h2->held > 0);
    h2->held--;
}

size_t bw_h2_streams(const struct bw_h2 *h2) {
    return h2->stream_count;
}

bool bw_h2_accepts_requests(const struct bw_h2 *h2) {
    return h2->config.role == BW_H2_CLIENT && h2->state == BW_H2_OPEN && !h2->goaway_received &&
           nghttp2_session_check_request_allowed(h2->session);
}
