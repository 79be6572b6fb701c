#include "channel_internal.h"

#include <stdio.h>
#include <stdlib.h>

const char *bw_channel_state_name(enum bw_channel_state state) {
    static const char *const names[] = {"IDLE", "CONNECTING", "READY", "TRANSIENT_FAILURE", "SHUTDOWN"};
    return (size_t)state < sizeof names / sizeof names[0] ? names[state] : "UNKNOWN";
}

void bw_channel_config_default(struct bw_channel_config *config) {
    *config = (struct bw_channel_config){.size = sizeof *config,
                                         .backoff_initial_ms = 1000,
                                         .backoff_multiplier = 1.6,
                                         .backoff_max_ms = 120000,
                                         .backoff_jitter = 0.2,
                                         .connect_timeout_ms = 20000,
                                         .message_size_max = 4u << 20,
                                         .replay_bytes_max = 256u << 10,
                                         .waiting_calls_max = 1000};
}

/* Grammar: "grpc-" Language ["-" Variant] "/" Version, the application's prefix first (PROTOCOL-HTTP2.md). */
static void set_user_agent(struct bw_channel *channel) {
    const char *prefix = channel->config.user_agent;
    snprintf(channel->user_agent, sizeof channel->user_agent,
             "%s%sgrpc-c-breakwire/" BREAKWIRE_VERSION " (linux; nghttp2/%s)", prefix ? prefix : "",
             prefix ? " " : "", bw_h2_library_version());
    channel->config.user_agent = NULL;
}

struct bw_channel *bw_channel_new(const struct bw_channel_config *config, struct bw_wake wake,
                                  uint64_t now_ms, char *why, size_t why_size) {
    struct bw_channel *channel = config->size == sizeof *config ? calloc(1, sizeof *channel) : NULL;
    if (!channel) {
        snprintf(why, why_size, "out of memory, or a config that was never defaulted");
        return NULL;
    }
    channel->config = *config;
    channel->wake = wake;
    channel->now_ms = now_ms;
    bw_backoff_init(&channel->backoff, config->backoff_initial_ms, config->backoff_multiplier,
                    config->backoff_max_ms, config->backoff_jitter, config->seed);
    channel->waiting_last = &channel->waiting_first;
    channel->ready_last = &channel->ready_first;
    channel->ended_last = &channel->ended_first;
    bw_timers_init(&channel->timers);
    set_user_agent(channel);
    if (config->target && bw_channel_parse_target(channel, config->target)) {
        channel->config.target = NULL;
        return channel;
    }
    snprintf(why, why_size, "target is %s, allowed are HOST:PORT, [V6]:PORT and unix:PATH",
             config->target ? config->target : "missing");
    free(channel);
    return NULL;
}

void bw_channel_free(struct bw_channel *channel) {
    if (!channel)
        return;
    while (channel->calls)
        bw_call_free(channel->calls);
    bw_timers_free(&channel->timers);
    free(channel);
}

struct bw_dialable bw_channel_dialable(struct bw_channel *channel) {
    return (struct bw_dialable){&bw_channel_dial_ops, channel};
}

enum bw_channel_state bw_channel_state(const struct bw_channel *channel) {
    return channel->state;
}

const char *bw_channel_last_error(const struct bw_channel *channel) {
    return channel->last_error;
}

size_t bw_channel_calls(const struct bw_channel *channel) {
    return channel->calls_count;
}

void bw_channel_set_state(struct bw_channel *channel, enum bw_channel_state state) {
    if (channel->state != BW_CHANNEL_SHUTDOWN)
        channel->state = state;
}

static void deliver_ready(struct bw_channel *channel) {
    while (channel->ready_first)
        bw_call_deliver_ready(channel->ready_first);
}

/* Only the ends that are due now: a caller that starts a call from on_end is told of its end the next time.
 */
void bw_channel_deliver(struct bw_channel *channel) {
    if (channel->delivering)
        return;
    channel->delivering = true;
    deliver_ready(channel);
    struct bw_call *call = channel->ended_first;
    channel->ended_first = NULL;
    channel->ended_last = &channel->ended_first;
    while (call) {
        struct bw_call *next = call->next_queued;
        bw_call_deliver_end(call);
        call = next;
    }
    channel->delivering = false;
}

void bw_channel_expire(struct bw_channel *channel) {
    struct bw_timer *timer;
    while ((timer = bw_timers_pop_due(&channel->timers, channel->now_ms)) != NULL)
        bw_call_fail(BW_OWNER_OF(timer, struct bw_call, timer), BW_DEADLINE_EXCEEDED, BW_ORIGIN_LOCAL,
                     "the deadline is over");
}

static struct bw_call *take_waiting(struct bw_channel *channel) {
    struct bw_call *call = channel->waiting_first;
    channel->waiting_first = call->next_queued;
    if (!channel->waiting_first)
        channel->waiting_last = &channel->waiting_first;
    channel->waiting_count--;
    call->is_waiting = false;
    return call;
}

bool bw_channel_takes_calls(const struct bw_channel *channel) {
    return channel->state == BW_CHANNEL_READY && channel->current &&
           bw_h2_accepts_requests(channel->current->h2);
}

void bw_channel_send_waiting(struct bw_channel *channel) {
    while (channel->waiting_first && bw_channel_takes_calls(channel))
        bw_call_open(take_waiting(channel), channel->current);
}

void bw_channel_need_connection(struct bw_channel *channel) {
    if (channel->state == BW_CHANNEL_IDLE)
        bw_channel_begin_attempt(channel);
}

void bw_channel_reset_backoff(struct bw_channel *channel, uint64_t now_ms) {
    channel->now_ms = now_ms;
    if (channel->state != BW_CHANNEL_TRANSIENT_FAILURE)
        return;
    bw_backoff_reset(&channel->backoff);
    bw_channel_begin_attempt(channel);
    bw_wake_up(&channel->wake);
}

void bw_channel_drain(struct bw_channel *channel, uint64_t now_ms) {
    channel->now_ms = now_ms;
    bw_channel_set_state(channel, BW_CHANNEL_SHUTDOWN);
    bw_channel_abandon_attempt(channel);
    while (channel->waiting_first)
        bw_call_fail(take_waiting(channel), BW_UNAVAILABLE, BW_ORIGIN_LOCAL, "the channel is shutting down");
    for (struct bw_channel_conn *conn = channel->conns; conn; conn = conn->next)
        bw_h2_shutdown(conn->h2, now_ms, "client is shutting down");
    bw_wake_up(&channel->wake);
}
