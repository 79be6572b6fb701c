#include "guard.h"

#include <breakwire/breaker.h>
#include <breakwire/buf.h>
#include <breakwire/channel.h>

#include <stdlib.h>
#include <string.h>

enum { EVENTS_AT_ONCE = 8 };

struct guard_call {
    struct guard *guard;
    struct guard_call *next, *before; /* in guard's sent calls */
    struct guard_call *next_rejected;
    struct bw_ticket ticket;
    uint64_t started_ms, deadline_ms;
    guard_done_fn on_done; /* NULL once the caller has hung up */
    void *user;
    enum bw_decision decision;
    bool rejected, released;
    uint64_t retry_after_ms;
    struct bw_call *call; /* NULL when rejected */
    struct bw_metadata *headers;
    struct bw_buf response;
};

struct guard {
    struct bw_breaker *breaker;
    struct bw_breaker_config config;
    struct bw_channel *channel;
    struct bw_wake wake;
    struct guard_observer observer;
    char name[GUARD_NAME_MAX + 1];
    uint64_t call_timeout_ms, now_ms, seen_seq;
    struct guard_call *sent_first, *sent_last; /* on the channel, in the order of their starts */
    struct guard_call *in_time; /* the first of them that has not been told to be overdue; NULL: none */
    struct guard_call *rejected_first, **rejected_last; /* wait for the next tick, oldest first */
    size_t count;
};

struct guard *guard_new(const struct guard_config *config, struct bw_wake wake, uint64_t now_ms) {
    struct guard *guard = calloc(1, sizeof *guard);
    if (!guard)
        return NULL;
    guard->breaker = bw_breaker_new(config->name, config->breaker, now_ms);
    if (!guard->breaker) {
        free(guard);
        return NULL;
    }
    guard->config = *config->breaker;
    guard->channel = config->channel;
    guard->wake = wake;
    guard->observer = config->observer;
    guard->call_timeout_ms = config->call_timeout_ms;
    guard->now_ms = now_ms;
    guard->rejected_last = &guard->rejected_first;
    memcpy(guard->name, config->name, strlen(config->name) + 1);
    return guard;
}

static void add_sent(struct guard *guard, struct guard_call *call) {
    call->before = guard->sent_last;
    *(call->before ? &call->before->next : &guard->sent_first) = call;
    guard->sent_last = call;
    if (!guard->in_time)
        guard->in_time = call;
}

static void remove_sent(struct guard *guard, struct guard_call *call) {
    if (guard->in_time == call)
        guard->in_time = call->next;
    *(call->before ? &call->before->next : &guard->sent_first) = call->next;
    *(call->next ? &call->next->before : &guard->sent_last) = call->before;
}

static void call_free(struct guard_call *call) {
    if (call->call)
        remove_sent(call->guard, call);
    call->guard->count--;
    bw_metadata_free(call->headers);
    bw_buf_free(&call->response);
    free(call);
}

static void add_rejected(struct guard *guard, struct guard_call *call) {
    *guard->rejected_last = call;
    guard->rejected_last = &call->next_rejected;
}

static struct guard_call *take_rejected(struct guard *guard) {
    struct guard_call *call = guard->rejected_first;
    if (!call)
        return NULL;
    guard->rejected_first = call->next_rejected;
    if (!guard->rejected_first)
        guard->rejected_last = &guard->rejected_first;
    return call;
}

void guard_free(struct guard *guard) {
    if (!guard)
        return;
    while (guard->sent_first)
        call_free(guard->sent_first);
    for (struct guard_call *call; (call = take_rejected(guard)) != NULL;)
        call_free(call);
    bw_breaker_free(guard->breaker);
    free(guard);
}

size_t guard_calls(const struct guard *guard) {
    return guard->count;
}

uint64_t guard_oldest_call(const struct guard *guard) {
    return guard->sent_first ? guard->sent_first->started_ms : BW_NEVER;
}

const char *guard_name(const struct guard *guard) {
    return guard->name;
}

static void fill_change(const struct guard *guard, const struct bw_event *event, struct guard_change *out) {
    *out = (struct guard_change){
        .breaker = guard_name(guard),
        .seq = event->seq,
        .at_ms = event->at_ms,
        .from = bw_state_name(event->from),
        .to = bw_state_name(event->to),
        .reason = bw_reason_name(event->reason),
        .transition = event->transition,
        .generation = event->generation,
        .value = event->value,
        .threshold = event->threshold,
        .retry_after_ms = event->open_ms,
        .last_code = event->code >= 0 ? bw_code_name(event->code) : NULL,
        .last_count = event->last_count < GUARD_LAST_MAX ? event->last_count : GUARD_LAST_MAX,
    };
    for (unsigned i = 0; i < out->last_count; i++) {
        out->last[i].code = bw_code_name(event->last[i].code);
        out->last[i].latency_ms = event->last[i].latency_ms;
    }
}

size_t guard_changes(const struct guard *guard, uint64_t after_seq, struct guard_change *out, size_t cap) {
    struct bw_event events[EVENTS_AT_ONCE];
    size_t n = 0;
    while (n < cap) {
        size_t want = cap - n < EVENTS_AT_ONCE ? cap - n : EVENTS_AT_ONCE;
        size_t got = bw_breaker_events(guard->breaker, after_seq, events, want);
        for (size_t i = 0; i < got; i++)
            fill_change(guard, &events[i], &out[n++]);
        if (got < want)
            break;
        after_seq = events[got - 1].seq;
    }
    return n;
}

uint64_t guard_last_change(const struct guard *guard) {
    return guard->seen_seq;
}

static void report_changes(struct guard *guard) {
    struct guard_change change;
    while (guard_changes(guard, guard->seen_seq, &change, 1) == 1) {
        guard->seen_seq = change.seq;
        if (guard->observer.on_change)
            guard->observer.on_change(guard->observer.user, &change);
    }
}

/* What the next call meets: a transition that is due is as good as made. */
static const char *state_now(const struct guard *guard) {
    return bw_state_name(bw_breaker_view(guard->breaker, guard->now_ms));
}

/* The one place where a call ends: its result is told, then its memory goes. */
static void finish(struct guard_call *call, struct guard_result *result) {
    struct guard *guard = call->guard;
    result->breaker = guard_name(guard);
    result->code_name = bw_code_name(result->code);
    result->state = state_now(guard);
    result->probe = call->decision == BW_ADMIT_PROBE;
    result->started_ms = call->started_ms;
    result->latency_ms = call->rejected ? 0 : guard->now_ms - call->started_ms;
    if (guard->observer.on_call)
        guard->observer.on_call(guard->observer.user, result);
    if (call->on_done)
        call->on_done(call->user, result);
    call_free(call);
}

static unsigned circumstances(const struct guard_call *call, const struct bw_call_result *result) {
    unsigned flags = 0;
    if (result->origin == BW_ORIGIN_LOCAL)
        flags |= result->code == BW_CANCELLED ? BW_CALL_CANCELLED_BY_CALLER : BW_CALL_MADE_LOCALLY;
    if (call->deadline_ms < call->started_ms + call->guard->config.min_deadline_ms)
        flags |= BW_CALL_SHORT_DEADLINE;
    return flags;
}

/* It is the circumstances that make it ignored, not the masks of this configuration. */
static bool says_nothing(const struct guard_call *call, const struct bw_call_result *result) {
    const struct bw_breaker_config *config = &call->guard->config;
    int code = (int)result->code;
    return bw_breaker_classify(config, code, circumstances(call, result)) !=
           bw_breaker_classify(config, code, 0);
}

static void complete(struct guard_call *call, const struct bw_call_result *result) {
    struct guard *guard = call->guard;
    if (call->released)
        return;
    struct bw_result told = {
        .outcome = bw_breaker_classify(&guard->config, (int)result->code, circumstances(call, result)),
        .code = (int)result->code,
        .latency_ms = -1,
        .pushback_ms = result->has_pushback ? result->pushback_ms : -1,
    };
    bw_breaker_complete(guard->breaker, &call->ticket, guard->now_ms, &told);
}

static void on_headers(void *user, const struct bw_metadata *headers) {
    struct guard_call *call = user;
    call->headers = bw_metadata_copy(headers);
}

static void on_message(void *user, struct bw_span message) {
    struct guard_call *call = user;
    bw_buf_clear(&call->response);
    bw_buf_append_span(&call->response, message);
}

static void on_end(void *user, const struct bw_call_result *result) {
    struct guard_call *call = user;
    call->guard->now_ms = result->at_ms;
    complete(call, result);
    struct guard_result told = {
        .code = (int)result->code,
        .message = result->message,
        .response = bw_buf_span(&call->response),
        .details = result->details,
        .headers = call->headers,
        .trailers = result->trailers,
        .has_pushback = result->has_pushback,
        .pushback_ms = result->pushback_ms,
        .says_nothing = call->released || says_nothing(call, result),
    };
    if (result->code == BW_OK && call->response.failed) {
        told.code = BW_RESOURCE_EXHAUSTED;
        told.message = "out of memory";
    }
    struct guard *guard = call->guard;
    finish(call, &told); /* the call first, then what it changed */
    report_changes(guard);
    bw_wake_up(&guard->wake);
}

static bool send_out(struct guard_call *call, const struct guard_request *request) {
    static const struct bw_call_events events = {
        .on_headers = on_headers, .on_message = on_message, .on_end = on_end};
    struct guard *guard = call->guard;
    struct bw_call_options options;
    bw_call_options_default(&options);
    options.path = request->path;
    options.deadline_ms = call->deadline_ms;
    options.metadata = request->metadata;
    /* The breaker limits how often a dead peer is tried; a second backoff under it would only make the probe
     * fail without trying. */
    bw_channel_reset_backoff(guard->channel, guard->now_ms);
    call->call = bw_channel_start(guard->channel, guard->now_ms, &options, request->message, &events, call);
    return call->call != NULL;
}

static void decide(struct guard_call *call) {
    struct guard *guard = call->guard;
    call->decision = bw_breaker_acquire(guard->breaker, guard->now_ms, &call->ticket, &call->retry_after_ms);
    call->rejected = !bw_admitted(call->decision);
}

static struct guard_call *call_new(struct guard *guard, uint64_t now_ms, uint64_t deadline_ms) {
    struct guard_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    uint64_t own_deadline_ms = now_ms + guard->call_timeout_ms;
    call->guard = guard;
    call->started_ms = now_ms;
    call->deadline_ms = deadline_ms < own_deadline_ms ? deadline_ms : own_deadline_ms;
    bw_buf_init(&call->response, 0);
    guard->count++;
    return call;
}

struct guard_call *guard_start(struct guard *guard, uint64_t now_ms, const struct guard_request *request,
                               guard_done_fn on_done, void *user) {
    guard->now_ms = now_ms;
    struct guard_call *call = call_new(guard, now_ms, request->deadline_ms);
    if (!call)
        return NULL;
    call->on_done = on_done;
    call->user = user;
    decide(call);
    bw_wake_up(&guard->wake);
    if (call->rejected) {
        add_rejected(guard, call);
        return call;
    }
    if (send_out(call, request)) {
        add_sent(guard, call);
        return call;
    }
    bw_breaker_release(guard->breaker, &call->ticket, now_ms);
    call_free(call);
    return NULL;
}

void guard_cancel(struct guard_call *call, uint64_t now_ms) {
    struct guard *guard = call->guard;
    guard->now_ms = now_ms;
    call->on_done = NULL;
    if (call->rejected)
        return;
    /* At once, not when the channel has told the end: the next call may want the probe's place. */
    bw_breaker_release(guard->breaker, &call->ticket, now_ms);
    call->released = true;
    bw_call_cancel(call->call, now_ms);
}

static const char *why_rejected(enum bw_decision decision) {
    switch (decision) {
    case BW_REJECT_PROBING:
        return "the circuit is half open and waits for its probe";
    case BW_REJECT_FORCED:
        return "the circuit is held open by an operator";
    case BW_REJECT_CONCURRENCY:
        return "as many calls as are allowed at the same time are in work";
    case BW_REJECT_RAMP:
        return "the circuit has just closed and does not take every call yet";
    case BW_ADMIT:
    case BW_ADMIT_PROBE:
    case BW_REJECT_OPEN:
        break;
    }
    return "the circuit is open";
}

static void reject(struct guard_call *call) {
    bool forced = call->decision == BW_REJECT_FORCED;
    struct guard_result result = {
        .rejected = true,
        .forced = forced,
        .retry_after_ms = forced ? 0 : call->retry_after_ms,
        .code = BW_UNAVAILABLE,
        .message = why_rejected(call->decision),
    };
    finish(call, &result);
}

/* When the next call in work will have taken longer than slow_call_ms. Starts are in order, so it is the
 * first that was not told yet. */
static uint64_t next_overdue(const struct guard *guard) {
    uint64_t slow_ms = guard->config.slow_call_ms;
    return slow_ms && guard->in_time ? guard->in_time->started_ms + slow_ms + 1 : BW_NEVER;
}

/* A call that hangs counts as slow while it hangs, not when it ends. */
static void tell_overdue(struct guard *guard) {
    while (next_overdue(guard) <= guard->now_ms) {
        struct guard_call *call = guard->in_time;
        guard->in_time = call->next;
        bw_breaker_overdue(guard->breaker, &call->ticket,
                           guard->now_ms); /* nothing for one that was released */
    }
}

static void tick(void *self, uint64_t now_ms) {
    struct guard *guard = self;
    guard->now_ms = now_ms;
    tell_overdue(guard);
    bw_breaker_poll(guard->breaker, now_ms);
    report_changes(guard);
    /* Only those of before this tick: a caller that asks again from on_done must not hold the loop. */
    for (size_t n = guard->count; n && guard->rejected_first; n--)
        reject(take_rejected(guard));
}

static uint64_t next_deadline(const void *self) {
    const struct guard *guard = self;
    uint64_t due_ms = bw_breaker_next_due(guard->breaker, guard->now_ms), overdue_ms = next_overdue(guard);
    if (guard->rejected_first)
        return 0;
    return due_ms < overdue_ms ? due_ms : overdue_ms;
}

struct bw_clocked guard_clocked(struct guard *guard) {
    static const struct bw_clocked_ops ops = {.tick = tick, .next_deadline = next_deadline};
    return (struct bw_clocked){&ops, guard};
}

static void fill_counters(const struct bw_breaker_counters *counters, struct guard_status *out) {
    out->admitted = counters->admitted;
    out->admitted_probe = counters->admitted_probe;
    out->ok = counters->ok;
    out->failed = counters->failed;
    out->slow = counters->slow;
    out->ignored = counters->ignored;
    out->stale = counters->stale;
    out->twice = counters->twice;
    out->lost_probe = counters->lost_probe;
    out->rejected_open = counters->rejected[BW_REJECT_OPEN];
    out->rejected_probing = counters->rejected[BW_REJECT_PROBING];
    out->rejected_forced = counters->rejected[BW_REJECT_FORCED];
    out->rejected_concurrency = counters->rejected[BW_REJECT_CONCURRENCY];
    out->rejected_ramp = counters->rejected[BW_REJECT_RAMP];
    out->opened = counters->entered[BW_OPEN] + counters->entered[BW_FORCED_OPEN];
    out->half_opened = counters->entered[BW_HALF_OPEN];
    out->closed = counters->entered[BW_CLOSED];
}

void guard_status(const struct guard *guard, uint64_t now_ms, struct guard_status *out) {
    struct bw_breaker_snapshot snapshot;
    bw_breaker_snapshot(guard->breaker, now_ms, &snapshot);
    *out = (struct guard_status){
        .state = bw_state_name(snapshot.state),
        .view = bw_state_name(snapshot.view),
        .last_reason = snapshot.generation > 1 ? bw_reason_name(snapshot.last_reason) : "",
        .generation = snapshot.generation,
        .retry_known = snapshot.retry_after_ms != BW_BREAKER_NEVER,
        .retry_after_ms = snapshot.retry_after_ms != BW_BREAKER_NEVER ? snapshot.retry_after_ms : 0,
        .open_attempt = snapshot.open_attempt,
        .consecutive = snapshot.consecutive,
        .failure_count = snapshot.failure_count,
        .failure_threshold = snapshot.trip_consecutive,
        .open_ms = snapshot.open_ms,
        .lease_ms = snapshot.probe_lease_ms,
        .call_timeout_ms = guard->call_timeout_ms,
        .probe_budget = snapshot.probe_budget,
        .probes_in_flight = snapshot.probes_in_flight,
        .has_failure = snapshot.last_failure_ms != BW_BREAKER_NEVER,
        .last_failure_ms = snapshot.last_failure_ms,
        .last_transition_ms = snapshot.last_transition_ms,
        .window_calls = snapshot.window_calls,
        .window_failed = snapshot.window_failed,
        .window_slow = snapshot.window_slow,
    };
    memcpy(out->name, guard->name, sizeof out->name);
    fill_counters(&snapshot.counters, out);
}

/* A seed of 64 bits is a text: most readers of JSON would round it. */
static enum guard_kind parameter_kind(enum bw_param_type type, const char *value) {
    switch (type) {
    case BW_PARAM_COUNT:
    case BW_PARAM_MS:
    case BW_PARAM_FACTOR:
    case BW_PARAM_SHARE:
        return value[0] >= '0' && value[0] <= '9' ? GUARD_NUMBER : GUARD_TEXT;
    case BW_PARAM_SEED:
        return strlen(value) <= 15 ? GUARD_NUMBER : GUARD_TEXT;
    case BW_PARAM_SWITCH:
        return GUARD_SWITCH;
    case BW_PARAM_CHOICE:
    case BW_PARAM_CODES:
    case BW_PARAM_WEIGHTS:
        break;
    }
    return GUARD_TEXT;
}

bool guard_parameter(const struct guard *guard, size_t i, struct guard_parameter *out) {
    struct bw_breaker_config config;
    if (i >= bw_breaker_params_count)
        return false;
    const struct bw_breaker_param *param = &bw_breaker_params[i];
    bw_breaker_configured(guard->breaker, &config);
    out->name = param->name;
    bw_breaker_config_get(&config, param->name, out->value, sizeof out->value);
    out->kind = parameter_kind(param->type, out->value);
    return true;
}

int guard_state_number(const char *state) {
    for (int number = 0; number < BW_STATES; number++)
        if (strcmp(bw_state_name((enum bw_state)number), state) == 0)
            return number + 1;
    return 0;
}
