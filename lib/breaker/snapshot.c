#include <string.h>

#include "inside.h"
#include "word.h"

static uint64_t load(const _Atomic uint64_t *number) {
    return atomic_load_explicit(number, memory_order_relaxed);
}

/* The word that an acquire at t_ms would be decided in. */
static uint64_t view_of(const struct bw_policy *policy, uint64_t word, uint64_t t_ms) {
    struct bw_move move;
    return bw_policy_due(policy, word, t_ms, &move) ? move.word : word;
}

enum bw_state bw_breaker_view(const struct bw_breaker *breaker, uint64_t now_ms) {
    uint64_t word = bw_inside_word(breaker);
    if (bw_word_state(word) == BW_CLOSED) /* nothing is ever due in it */
        return BW_CLOSED;
    struct bw_policy policy;
    bw_inside_policy(breaker, &policy);
    return bw_word_state(view_of(&policy, word, bw_inside_t(breaker, now_ms)));
}

static void fill_state(const struct bw_breaker *breaker, uint64_t word, uint64_t t_ms,
                       struct bw_breaker_snapshot *out) {
    struct bw_policy policy;
    bw_inside_policy(breaker, &policy);
    uint64_t view = view_of(&policy, word, t_ms);
    struct bw_round round = bw_word_round(word);
    out->state = bw_word_state(word);
    out->view = bw_word_state(view);
    out->generation = bw_transition_generation(breaker, word);
    out->open_attempt = bw_word_attempt(word);
    out->retry_after_ms = bw_policy_retry_after(&policy, view, t_ms);
    out->consecutive = bw_word_streak(word);
    out->trip_consecutive = (uint32_t)policy.trips.consecutive;
    out->open_ms = policy.open_ms[1];
    out->probe_lease_ms = policy.lease_ms;
    out->probe_budget = (uint32_t)policy.probe_budget;
    out->probes_in_flight = round.in_flight;
    out->probes_ok = round.ok;
    out->probes_failed = round.failed;
    struct bw_window_sums sums = bw_windows_read(&breaker->windows, &policy.trips.window.shape,
                                                 bw_transition_moment(breaker, word, t_ms));
    out->window_calls = sums.calls;
    out->window_failed = sums.failed;
    out->window_slow = sums.slow;
    out->failure_count =
        bw_word_has_streak(word) ? out->consecutive : (uint32_t)load(&breaker->left_closed_at);
}

static void fill_last(const struct bw_breaker *breaker, struct bw_breaker_snapshot *out) {
    uint64_t failure = load(&breaker->last_failure);
    uint64_t transition = load(&breaker->last_transition);
    out->last_failure_ms = failure ? breaker->epoch_ms + (failure >> 8) - 1 : BW_BREAKER_NEVER;
    out->last_failure_code = failure ? (int)(failure & 0xff) : -1;
    out->last_reason = (enum bw_reason)(transition & 0xff);
    out->last_transition_ms = breaker->epoch_ms + (transition >> 8);
    out->holders = atomic_load_explicit(&breaker->holder_count, memory_order_relaxed);
}

uint64_t bw_breaker_transitions(const struct bw_breaker *breaker, enum bw_state from, enum bw_state to,
                                enum bw_reason reason) {
    return load(&breaker->transitions[from][to][reason]);
}

static uint64_t count_moves(const struct bw_breaker *breaker, int from, int to) {
    uint64_t count = 0;
    for (int reason = 0; reason < BW_REASONS; reason++)
        count += load(&breaker->transitions[from][to][reason]);
    return count;
}

static void fill_counters(const struct bw_breaker *breaker, uint64_t t_ms, struct bw_breaker_snapshot *out) {
    struct bw_breaker_counters *counters = &out->counters;
    bw_shards_sum(breaker->shards, counters);
    counters->lost_probe = load(&breaker->lost_probe);
    for (int to = 0; to < BW_STATES; to++) {
        counters->ms_in_state[to] = load(&breaker->ms_in_state[to]);
        for (int from = 0; from < BW_STATES; from++)
            counters->entered[to] += from == to ? 0 : count_moves(breaker, from, to);
    }
    uint64_t since_ms = load(&breaker->last_transition) >> 8;
    counters->ms_in_state[out->state] += t_ms > since_ms ? t_ms - since_ms : 0;
}

void bw_breaker_snapshot(const struct bw_breaker *breaker, uint64_t now_ms, struct bw_breaker_snapshot *out) {
    uint64_t t_ms = bw_inside_t(breaker, now_ms);
    memset(out, 0, sizeof *out);
    memcpy(out->name, breaker->name, sizeof out->name);
    fill_state(breaker, bw_inside_word(breaker), t_ms, out);
    fill_last(breaker, out);
    fill_counters(breaker, t_ms, out);
}

size_t bw_breaker_events(const struct bw_breaker *breaker, uint64_t after_seq, struct bw_event *out,
                         size_t cap) {
    return bw_events_read(&breaker->events, after_seq, out, cap);
}
