/* One call of a client: started, sent, answered, ended. */
#include "channel_internal.h"

#include <assert.h>
#include <stdlib.h>

void bw_call_options_default(struct bw_call_options *options) {
    *options = (struct bw_call_options){.size = sizeof *options, .deadline_ms = BW_NEVER};
}

static bool takes_messages(const struct bw_call *call) {
    return call->kind == BW_CLIENT_STREAMING || call->kind == BW_BIDI_STREAMING;
}

/* ---- starting ---- */

static char *copy_text(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

static bool fill(struct bw_call *call, const struct bw_call_options *options, struct bw_span request) {
    call->path = copy_text(options->path);
    call->metadata = bw_metadata_copy(options->metadata);
    call->no_trailers = bw_metadata_new();
    call->half_closed = !takes_messages(call);
    return call->path && call->metadata && call->no_trailers &&
           (!call->half_closed || bw_call_keep(call, request)) &&
           bw_timer_set(&call->channel->timers, &call->timer, options->deadline_ms);
}

static struct bw_call *call_new(struct bw_channel *channel, const struct bw_call_options *options,
                                struct bw_span request) {
    struct bw_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->channel = channel;
    call->next = channel->calls;
    call->link = &channel->calls;
    if (call->next)
        call->next->link = &call->next;
    channel->calls = call;
    channel->calls_count++;
    call->deadline_ms = options->deadline_ms;
    call->kind = options->kind;
    call->wait_for_ready = options->wait_for_ready;
    bw_inbox_init(&call->inbox,
                  options->message_size_max ? options->message_size_max : channel->config.message_size_max);
    if (fill(call, options, request))
        return call;
    bw_call_free(call);
    return NULL;
}

/* Takes it out of the queue it is in; the queues are short, or being emptied. */
static void unqueue(struct bw_call ***last, struct bw_call **first, struct bw_call *call) {
    struct bw_call **at = first;
    while (*at && *at != call)
        at = &(*at)->next_queued;
    if (!*at)
        return;
    *at = call->next_queued;
    if (*last == &call->next_queued)
        *last = at;
}

static void stop_waiting(struct bw_call *call) {
    struct bw_channel *channel = call->channel;
    if (!call->is_waiting)
        return;
    unqueue(&channel->waiting_last, &channel->waiting_first, call);
    channel->waiting_count--;
    call->is_waiting = false;
}

static void stop_being_ready(struct bw_call *call) {
    struct bw_channel *channel = call->channel;
    struct bw_call **at = &channel->ready_first;
    if (!call->is_ready)
        return;
    while (*at != call)
        at = &(*at)->next_ready;
    *at = call->next_ready;
    if (channel->ready_last == &call->next_ready)
        channel->ready_last = at;
    call->is_ready = false;
}

void bw_call_free(struct bw_call *call) {
    struct bw_channel *channel = call->channel;
    stop_waiting(call);
    stop_being_ready(call);
    if (call->stream)
        bw_h2_stream_set_user(call->stream, NULL);
    bw_timer_remove(&channel->timers, &call->timer);
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    channel->calls_count--;
    bw_metadata_free(call->metadata);
    bw_metadata_free(call->trailers);
    bw_metadata_free(call->no_trailers);
    bw_inbox_free(&call->inbox);
    bw_buf_free(&call->kept);
    bw_buf_free(&call->response);
    bw_buf_free(&call->message);
    bw_buf_free(&call->details);
    free(call->path);
    free(call);
}

void bw_call_wait(struct bw_call *call) {
    struct bw_channel *channel = call->channel;
    call->next_queued = NULL;
    call->is_waiting = true;
    *channel->waiting_last = call;
    channel->waiting_last = &call->next_queued;
    channel->waiting_count++;
}

void bw_call_place(struct bw_call *call) {
    struct bw_channel *channel = call->channel;
    if (channel->state == BW_CHANNEL_SHUTDOWN) {
        bw_call_fail(call, BW_UNAVAILABLE, BW_ORIGIN_LOCAL, "the channel is shutting down");
        return;
    }
    if (bw_channel_takes_calls(channel)) {
        bw_call_open(call, channel->current);
        return;
    }
    if (channel->state == BW_CHANNEL_TRANSIENT_FAILURE && !call->wait_for_ready) {
        bw_call_fail(call, BW_UNAVAILABLE, BW_ORIGIN_TRANSPORT, channel->last_error);
        return;
    }
    if (channel->waiting_count >= channel->config.waiting_calls_max) {
        bw_call_fail(call, BW_RESOURCE_EXHAUSTED, BW_ORIGIN_LOCAL, "too many calls wait for a connection");
        return;
    }
    bw_call_wait(call);
    bw_channel_need_connection(channel);
    bw_wake_up(&channel->wake);
}

struct bw_call *bw_channel_start(struct bw_channel *channel, uint64_t now_ms,
                                 const struct bw_call_options *options, struct bw_span request,
                                 const struct bw_call_events *events, void *user) {
    if (options->size != sizeof *options || !options->path)
        return NULL;
    channel->now_ms = now_ms;
    struct bw_call *call = call_new(channel, options, request);
    if (!call)
        return NULL;
    assert(!takes_messages(call) || request.len == 0);
    call->events = events;
    call->user = user;
    if (options->deadline_ms <= now_ms)
        bw_call_fail(call, BW_DEADLINE_EXCEEDED, BW_ORIGIN_LOCAL, "the deadline was over at the start");
    else
        bw_call_place(call);
    bw_wake_up(&channel->wake); /* its deadline is new */
    return call;
}

void bw_call_cancel(struct bw_call *call, uint64_t now_ms) {
    call->channel->now_ms = now_ms;
    bw_call_fail(call, BW_CANCELLED, BW_ORIGIN_LOCAL, "cancelled by the caller");
}

/* ---- what is told from the next tick ---- */

void bw_call_make_ready(struct bw_call *call) {
    struct bw_channel *channel = call->channel;
    if (call->is_ready)
        return;
    call->is_ready = true;
    call->next_ready = NULL;
    *channel->ready_last = call;
    channel->ready_last = &call->next_ready;
    bw_wake_up(&channel->wake);
}

void bw_call_deliver_ready(struct bw_call *call) {
    bool writable_due = call->writable_due;
    stop_being_ready(call);
    call->writable_due = false;
    if (writable_due)
        bw_call_writable(call);
    bw_call_read(call);
}

void bw_call_pause(struct bw_call *call) {
    call->inbox.paused = true;
}

void bw_call_resume(struct bw_call *call) {
    if (!call->inbox.paused)
        return;
    call->inbox.paused = false;
    if (!call->has_ended && (call->end_waits || bw_inbox_waits(&call->inbox)))
        bw_call_make_ready(call);
}

/* ---- ending ---- */

void bw_call_end(struct bw_call *call, enum bw_code code, enum bw_origin origin) {
    struct bw_channel *channel = call->channel;
    stop_waiting(call);
    stop_being_ready(call);
    call->has_ended = true;
    call->ended_ms = channel->now_ms;
    call->code = code;
    call->origin = origin;
    bw_timer_remove(&channel->timers, &call->timer);
    call->next_queued = NULL;
    *channel->ended_last = call;
    channel->ended_last = &call->next_queued;
    bw_wake_up(&channel->wake);
}

/* "Once the reader reads the status at the end of the stream, there are no more messages" (grpc
 * doc/status_ordering.md): what came before it is told before it. A pause holds a single response back with
 * its status. */
static bool has_undelivered(const struct bw_call *call) {
    if (!bw_call_has_one_response(call))
        return bw_inbox_waits(&call->inbox);
    return call->inbox.paused && call->code == BW_OK && (call->messages || bw_inbox_waits(&call->inbox));
}

void bw_call_end_in_turn(struct bw_call *call, enum bw_code code, enum bw_origin origin) {
    call->code = code;
    call->origin = origin;
    call->end_waits = has_undelivered(call);
    if (!call->end_waits)
        bw_call_end(call, code, origin);
}

/* A stream that both sides have ended closes by itself; any other one is reset. */
void bw_call_drop_stream(struct bw_call *call, uint32_t reset_code) {
    if (!call->stream)
        return;
    bw_h2_stream_set_user(call->stream, NULL);
    if (!call->is_answered || !call->half_closed || bw_h2_stream_queued(call->stream) > 0)
        bw_h2_reset(call->stream, reset_code);
    call->stream = NULL;
}

void bw_call_fail(struct bw_call *call, enum bw_code code, enum bw_origin origin, const char *message) {
    if (call->has_ended)
        return;
    bw_call_drop_stream(call, BW_H2_CANCEL);
    bw_buf_clear(&call->message);
    bw_buf_append_text(&call->message, message);
    /* The status of the server that waited, if any, does not count. */
    bw_buf_clear(&call->details);
    call->has_pushback = false;
    bw_metadata_free(call->trailers);
    call->trailers = NULL;
    if (origin == BW_ORIGIN_LOCAL)
        bw_call_end(call, code, origin);
    else
        bw_call_end_in_turn(call, code, origin);
}

/* With one response a call that ended well has exactly one message (statuscodes.md: UNIMPLEMENTED otherwise).
 */
static void check_count(struct bw_call *call) {
    if (call->code != BW_OK || !bw_call_has_one_response(call) || call->messages == 1)
        return;
    call->code = BW_UNIMPLEMENTED;
    call->origin = BW_ORIGIN_TRANSPORT;
    bw_buf_clear(&call->message);
    bw_buf_printf(&call->message, "the call was answered with %u messages, not one", call->messages);
}

void bw_call_deliver_end(struct bw_call *call) {
    check_count(call);
    if (call->code == BW_OK && bw_call_has_one_response(call))
        call->events->on_message(call->user, bw_buf_span(&call->response));
    struct bw_call_result result = {.code = call->code,
                                    .message = bw_buf_text(&call->message),
                                    .origin = call->origin,
                                    .details = bw_buf_span(&call->details),
                                    .trailers = call->trailers ? call->trailers : call->no_trailers,
                                    .has_pushback = call->has_pushback,
                                    .pushback_ms = call->pushback_ms,
                                    .sent = call->was_sent,
                                    .at_ms = call->ended_ms};
    call->events->on_end(call->user, &result);
    bw_call_free(call);
}
