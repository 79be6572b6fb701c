#include "replay.h"

#include <stdlib.h>

/* A call that is out. It comes up once when it passes slow_call_ms, if it does, and when it ends. */
struct flight {
    uint64_t due_ms, order;
    struct bw_ticket ticket;
    int code;
    bool will_be_overdue;
    uint64_t end_ms, latency_ms;
};

struct replay {
    struct bw_breaker_config config;
    struct bw_breaker *breaker;
    struct tally tally;
    replay_event_fn on_event;
    void *owner;
    uint64_t seen_seq, last_end_ms;
    /* Calls that are out: a heap, the next to end on top. */
    struct flight *flights;
    size_t count, cap;
};

struct replay *replay_new(const struct bw_breaker_config *config, replay_event_fn on_event, void *owner) {
    struct replay *replay = calloc(1, sizeof *replay);
    if (!replay)
        return NULL;
    replay->config = *config;
    replay->on_event = on_event;
    replay->owner = owner;
    replay->breaker = bw_breaker_new("breaker-sim", config, 0);
    if (!replay->breaker) {
        free(replay);
        return NULL;
    }
    return replay;
}

void replay_free(struct replay *replay) {
    if (!replay)
        return;
    bw_breaker_free(replay->breaker);
    free(replay->flights);
    free(replay);
}

/* ---- The heap ---- */

static bool is_before(const struct flight *a, const struct flight *b) {
    return a->due_ms < b->due_ms || (a->due_ms == b->due_ms && a->order < b->order);
}

static void swap(struct flight *a, struct flight *b) {
    struct flight kept = *a;
    *a = *b;
    *b = kept;
}

static bool push(struct replay *replay, struct flight flight) {
    if (replay->count == replay->cap) {
        size_t cap = replay->cap ? replay->cap * 2 : 64;
        struct flight *larger = realloc(replay->flights, cap * sizeof *larger);
        if (!larger)
            return false;
        replay->flights = larger;
        replay->cap = cap;
    }
    size_t i = replay->count++;
    replay->flights[i] = flight;
    for (; i && is_before(&replay->flights[i], &replay->flights[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&replay->flights[i], &replay->flights[(i - 1) / 2]);
    return true;
}

static struct flight pop(struct replay *replay) {
    struct flight *f = replay->flights, top = f[0];
    f[0] = f[--replay->count];
    for (size_t i = 0, next; (next = 2 * i + 1) < replay->count; i = next) {
        if (next + 1 < replay->count && is_before(&f[next + 1], &f[next]))
            next++;
        if (!is_before(&f[next], &f[i]))
            break;
        swap(&f[i], &f[next]);
    }
    return top;
}

/* ---- Time ---- */

static void tell_events(struct replay *replay) {
    struct bw_event event;
    while (bw_breaker_events(replay->breaker, replay->seen_seq, &event, 1) == 1) {
        replay->seen_seq = event.seq;
        replay->tally.opened += event.transition && event.to == BW_OPEN;
        replay->on_event(replay->owner, &event);
    }
}

static void poll_until(struct replay *replay, uint64_t now_ms) {
    for (;;) {
        uint64_t due_ms = bw_breaker_next_due(replay->breaker, now_ms);
        if (due_ms > now_ms || !bw_breaker_poll(replay->breaker, due_ms))
            return;
        tell_events(replay);
    }
}

static void end_one(struct replay *replay, struct flight flight) {
    struct bw_result result = {.outcome = bw_breaker_classify(&replay->config, flight.code, 0),
                               .code = flight.code,
                               .latency_ms = (int64_t)flight.latency_ms,
                               .pushback_ms = -1};
    bw_breaker_complete(replay->breaker, &flight.ticket, flight.end_ms, &result);
    replay->tally.failed += result.outcome == BW_FAILURE;
    replay->last_end_ms = flight.end_ms;
    tell_events(replay);
}

static void next_one(struct replay *replay) {
    struct flight flight = pop(replay);
    poll_until(replay, flight.due_ms);
    if (!flight.will_be_overdue) {
        end_one(replay, flight);
        return;
    }
    bw_breaker_overdue(replay->breaker, &flight.ticket, flight.due_ms);
    tell_events(replay);
    flight.will_be_overdue = false;
    flight.due_ms = flight.end_ms;
    push(replay, flight); /* where it was: there is room */
}

static void run_until(struct replay *replay, uint64_t now_ms) {
    while (replay->count && replay->flights[0].due_ms <= now_ms)
        next_one(replay);
    poll_until(replay, now_ms);
}

bool replay_add(struct replay *replay, const struct call *call) {
    uint64_t slow_ms = replay->config.slow_call_ms;
    bool is_slow = slow_ms && call->latency_ms > slow_ms;
    struct flight flight = {.due_ms = call->t_ms + (is_slow ? slow_ms + 1 : call->latency_ms),
                            .will_be_overdue = is_slow,
                            .end_ms = call->t_ms + call->latency_ms,
                            .order = replay->tally.calls++,
                            .code = call->code,
                            .latency_ms = call->latency_ms};
    run_until(replay, call->t_ms);
    enum bw_decision decision = bw_breaker_acquire(replay->breaker, call->t_ms, &flight.ticket, NULL);
    tell_events(replay);
    if (bw_admitted(decision)) {
        replay->tally.admitted++;
        return push(replay, flight);
    }
    replay->tally.rejected++;
    replay->tally.lost += bw_breaker_classify(&replay->config, call->code, 0) == BW_SUCCESS;
    return true;
}

void replay_finish(struct replay *replay, uint64_t end_ms) {
    while (replay->count)
        next_one(replay);
    poll_until(replay, end_ms);
}

uint64_t replay_last_end(const struct replay *replay) {
    return replay->last_end_ms;
}

const struct tally *replay_tally(const struct replay *replay) {
    return &replay->tally;
}

uint64_t replay_ms_in_state(const struct replay *replay, uint64_t now_ms, enum bw_state state) {
    struct bw_breaker_snapshot p;
    bw_breaker_snapshot(replay->breaker, now_ms, &p);
    return p.counters.ms_in_state[state];
}
