/* How a channel gets its connection: look-up, addresses in order, backoff (grpc doc/connection-backoff.md).
 */
#include "channel_internal.h"

#include <stdio.h>

/* ---- the target ---- */

static bool is_ipv4(struct bw_span host) {
    for (size_t i = 0; i < host.len; i++)
        if ((host.data[i] < '0' || host.data[i] > '9') && host.data[i] != '.')
            return false;
    return host.len > 0;
}

static bool use_address(struct bw_channel *channel, const char *address) {
    size_t len = strlen(address);
    if (len >= sizeof channel->addresses[0].text)
        return false;
    memcpy(channel->addresses[0].text, address, len + 1);
    channel->addresses_count = 1;
    channel->is_address = true;
    return true;
}

bool bw_channel_parse_target(struct bw_channel *channel, const char *target) {
    const char *colon = strrchr(target, ':');
    uint64_t port;
    if (strlen(target) >= sizeof channel->authority)
        return false;
    if (strncmp(target, "unix:", 5) == 0) {
        snprintf(channel->authority, sizeof channel->authority, "localhost");
        return target[5] && use_address(channel, target);
    }
    if (!colon || colon == target || !bw_span_to_u64(bw_span_text(colon + 1), UINT16_MAX, &port) || port == 0)
        return false;
    struct bw_span host = bw_span_of(target, (size_t)(colon - target));
    bool is_v6 = host.data[0] == '[' && host.data[host.len - 1] == ']' && host.len > 2;
    if (!is_v6 && (memchr(host.data, ':', host.len) || memchr(host.data, '[', host.len)))
        return false;
    snprintf(channel->authority, sizeof channel->authority, "%s", target);
    bw_span_copy_text(host, channel->host, sizeof channel->host);
    channel->port = (uint16_t)port;
    return is_v6 || is_ipv4(host) ? use_address(channel, target) : host.len < 254;
}

/* ---- attempts ---- */

/* "The deadline of an attempt is the later one of the backoff's end and now + MIN_CONNECT_TIMEOUT"
 * (connection-backoff.md); here each address, and the look-up, has that long. */
static void begin_step(struct bw_channel *channel, enum bw_dial_step step) {
    uint64_t backoff_ms = bw_backoff_peek(&channel->backoff), least_ms = channel->config.connect_timeout_ms;
    channel->step = step;
    channel->attempt_id++;
    channel->give_up_ms = channel->now_ms + (least_ms > backoff_ms ? least_ms : backoff_ms);
}

void bw_channel_begin_attempt(struct bw_channel *channel) {
    if (channel->state == BW_CHANNEL_SHUTDOWN)
        return;
    bw_channel_set_state(channel, BW_CHANNEL_CONNECTING);
    channel->address_next = 0;
    begin_step(channel, channel->is_address ? BW_DIAL_WISH_CONNECT : BW_DIAL_WISH_RESOLVE);
}

static void fail_waiting(struct bw_channel *channel) {
    struct bw_call *call = channel->waiting_first;
    channel->waiting_first = NULL;
    channel->waiting_last = &channel->waiting_first;
    channel->waiting_count = 0;
    while (call) {
        struct bw_call *next = call->next_queued;
        call->is_waiting = false;
        if (call->wait_for_ready)
            bw_call_wait(call);
        else
            bw_call_fail(call, BW_UNAVAILABLE, BW_ORIGIN_TRANSPORT, channel->last_error);
        call = next;
    }
}

static void back_off(struct bw_channel *channel) {
    channel->retry_ms = channel->now_ms + bw_backoff_take(&channel->backoff);
    bw_channel_set_state(channel, BW_CHANNEL_TRANSIENT_FAILURE);
    channel->step = BW_DIAL_NONE;
    fail_waiting(channel);
}

/* last_error says why already. */
static void try_next(struct bw_channel *channel) {
    bool is_look_up = channel->step == BW_DIAL_RESOLVING || channel->step == BW_DIAL_WISH_RESOLVE;
    channel->address_next++;
    if (!is_look_up && channel->address_next < channel->addresses_count)
        begin_step(channel, BW_DIAL_WISH_CONNECT);
    else
        back_off(channel);
    bw_wake_up(&channel->wake);
}

void bw_channel_attempt_failed(struct bw_channel *channel, const char *why) {
    bool is_look_up = channel->step == BW_DIAL_RESOLVING || channel->step == BW_DIAL_WISH_RESOLVE;
    const char *what = is_look_up ? "look up" : "connect to";
    const char *where = is_look_up ? channel->host : channel->addresses[channel->address_next].text;
    snprintf(channel->last_error, sizeof channel->last_error, "cannot %s %s: %s", what, where, why);
    try_next(channel);
}

static void wish_close(struct bw_channel *channel, uint64_t id) {
    if (channel->closes_count < BW_CLOSES_MAX)
        channel->closes[channel->closes_count++] = id;
}

void bw_channel_abandon_attempt(struct bw_channel *channel) {
    if (channel->step == BW_DIAL_RESOLVING || channel->step == BW_DIAL_CONNECTING ||
        channel->step == BW_DIAL_SETTLING)
        wish_close(channel, channel->attempt_id);
    if (channel->step == BW_DIAL_SETTLING)
        channel->current = NULL;
    channel->step = BW_DIAL_NONE;
}

/* ---- what the driver asks and tells ---- */

/* Whom the server must prove to be: the host of the target (PROTOCOL-HTTP2.md, "Security"). */
static void name_peer(const struct bw_channel *channel, struct bw_wish *out) {
    struct bw_span host = bw_span_text(channel->host[0] ? channel->host : "localhost"); /* unix: */
    if (host.data[0] == '[')
        host = bw_span_of(host.data + 1, host.len - 2);
    snprintf(out->host, sizeof out->host, "%.*s", (int)host.len, (const char *)host.data);
}

static bool next_wish(void *self, uint64_t now_ms, struct bw_wish *out) {
    struct bw_channel *channel = self;
    channel->now_ms = now_ms;
    *out = (struct bw_wish){.kind = BW_WISH_NONE};
    if (channel->closes_count) {
        out->kind = BW_WISH_CLOSE;
        out->id = channel->closes[--channel->closes_count];
    } else if (channel->step == BW_DIAL_WISH_RESOLVE) {
        channel->step = BW_DIAL_RESOLVING;
        out->kind = BW_WISH_RESOLVE;
        out->id = channel->attempt_id;
        out->port = channel->port;
        snprintf(out->host, sizeof out->host, "%.253s", channel->host);
    } else if (channel->step == BW_DIAL_WISH_CONNECT) {
        channel->step = BW_DIAL_CONNECTING;
        out->kind = BW_WISH_CONNECT;
        out->id = channel->attempt_id;
        out->address = channel->addresses[channel->address_next];
        if (channel->config.tls)
            name_peer(channel, out);
    }
    return out->kind != BW_WISH_NONE;
}

static void on_resolved(void *self, uint64_t now_ms, uint64_t id, const struct bw_address *addresses,
                        size_t n) {
    struct bw_channel *channel = self;
    channel->now_ms = now_ms;
    if (id != channel->attempt_id || channel->step != BW_DIAL_RESOLVING)
        return;
    channel->addresses_count = n < BW_ADDRESSES_MAX ? n : BW_ADDRESSES_MAX;
    for (size_t i = 0; i < channel->addresses_count; i++)
        channel->addresses[i] = addresses[i];
    if (n)
        begin_step(channel, BW_DIAL_WISH_CONNECT);
    else
        bw_channel_attempt_failed(channel, "the name has no address");
    bw_channel_deliver(channel);
}

/* The driver's reason is a whole sentence: it names what was tried. */
static void on_failed(void *self, uint64_t now_ms, uint64_t id, const char *why) {
    struct bw_channel *channel = self;
    channel->now_ms = now_ms;
    bool is_awaited = channel->step == BW_DIAL_RESOLVING || channel->step == BW_DIAL_CONNECTING ||
                      channel->step == BW_DIAL_SETTLING;
    if (id == channel->attempt_id && is_awaited) {
        channel->current = NULL; /* one that settles is lost next */
        snprintf(channel->last_error, sizeof channel->last_error, "%s", why);
        try_next(channel);
    }
    bw_channel_deliver(channel);
}

static struct bw_conn on_connected(void *self, uint64_t now_ms, uint64_t id, struct bw_wake wake) {
    struct bw_channel *channel = self;
    channel->now_ms = now_ms;
    if (id != channel->attempt_id || channel->step != BW_DIAL_CONNECTING)
        return (struct bw_conn){NULL, NULL};
    struct bw_conn conn = bw_channel_conn_new(channel, id, wake);
    if (conn.ops)
        channel->step = BW_DIAL_SETTLING;
    else
        bw_channel_attempt_failed(channel, "out of memory");
    return conn;
}

static void give_up_attempt(struct bw_channel *channel) {
    enum bw_dial_step step = channel->step;
    bw_channel_abandon_attempt(channel);
    channel->step = step;
    bw_channel_attempt_failed(channel, "timed out");
}

/* After the backoff a channel that nobody waits for is IDLE: the next call makes it try again, and waits
 * (connectivity-semantics-and-api.md leaves the moment of the next attempt open). */
static void end_backoff(struct bw_channel *channel) {
    bw_channel_set_state(channel, BW_CHANNEL_IDLE);
    if (channel->waiting_first)
        bw_channel_begin_attempt(channel);
}

static void tick(void *self, uint64_t now_ms) {
    struct bw_channel *channel = self;
    channel->now_ms = now_ms;
    bw_channel_expire(channel);
    if (channel->step != BW_DIAL_NONE && now_ms >= channel->give_up_ms)
        give_up_attempt(channel);
    if (channel->state == BW_CHANNEL_TRANSIENT_FAILURE && now_ms >= channel->retry_ms)
        end_backoff(channel);
    bw_channel_deliver(channel);
}

static uint64_t next_deadline(const void *self) {
    const struct bw_channel *channel = self;
    uint64_t due = bw_timers_next(&channel->timers);
    if (channel->ended_first || channel->ready_first)
        return 0;
    if (channel->step != BW_DIAL_NONE && channel->give_up_ms < due)
        due = channel->give_up_ms;
    if (channel->state == BW_CHANNEL_TRANSIENT_FAILURE && channel->retry_ms < due)
        due = channel->retry_ms;
    return due;
}

const struct bw_dial_ops bw_channel_dial_ops = {next_wish,    on_resolved, on_failed,
                                                on_connected, tick,        next_deadline};
