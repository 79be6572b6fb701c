#include "inside.h"
#include "word.h"

bool bw_transition_try(struct bw_breaker *breaker, uint64_t *from, uint64_t to) {
    return atomic_compare_exchange_strong_explicit(&breaker->word, from, to, memory_order_acq_rel,
                                                   memory_order_acquire);
}

static void begin_window(struct bw_breaker *breaker, uint64_t t_ms, uint64_t word) {
    struct bw_trips trips;
    bw_inside_trips(breaker, &trips);
    bw_windows_begin(&breaker->windows, &trips.window.shape, bw_transition_moment(breaker, word, t_ms));
}

static void publish_generation(struct bw_breaker *breaker, uint64_t generation) {
    uint64_t seen = atomic_load_explicit(&breaker->generation, memory_order_relaxed);
    while (seen < generation &&
           !atomic_compare_exchange_weak_explicit(&breaker->generation, &seen, generation,
                                                  memory_order_acq_rel, memory_order_relaxed))
        ;
}

static void add_event(struct bw_breaker *breaker, uint64_t t_ms, uint64_t from, const struct bw_move *move,
                      bool is_transition) {
    bool would_trip = move->reason == BW_REASON_WOULD_TRIP;
    struct bw_event event = {.at_ms = breaker->epoch_ms + t_ms,
                             .from = bw_word_state(from),
                             .to = bw_word_state(move->word),
                             .transition = is_transition,
                             .generation = bw_transition_generation(breaker, move->word),
                             .reason = move->reason,
                             .cause = would_trip ? move->cause : move->reason,
                             .value = move->value,
                             .threshold = move->threshold,
                             .code = move->code,
                             .open_ms = move->open_ms};
    event.last_count = bw_shards_last(breaker->shards, event.last);
    bw_events_add(&breaker->events, &event);
}

static void count_time(struct bw_breaker *breaker, uint64_t t_ms, enum bw_state from, enum bw_reason reason) {
    uint64_t before = atomic_exchange_explicit(&breaker->last_transition, t_ms << 8 | (uint64_t)reason,
                                               memory_order_relaxed);
    uint64_t since_ms = before >> 8;
    if (t_ms > since_ms)
        atomic_fetch_add_explicit(&breaker->ms_in_state[from], t_ms - since_ms, memory_order_relaxed);
}

static void keep_streak(struct bw_breaker *breaker, uint64_t from, const struct bw_move *move) {
    uint64_t streak = move->reason <= BW_REASON_SLOW_RATE ? move->streak : bw_word_streak(from);
    if (bw_word_has_streak(from))
        atomic_store_explicit(&breaker->left_closed_at, streak, memory_order_relaxed);
}

static void note_pushback(struct bw_breaker *breaker, uint64_t t_ms, const struct bw_move *move) {
    struct bw_move pushed = {.word = move->word,
                             .reason = BW_REASON_PUSHBACK,
                             .value = (double)move->open_ms,
                             .threshold = (double)move->own_open_ms,
                             .code = move->code};
    bw_transition_note(breaker, t_ms, move->word, &pushed);
}

void bw_transition_done(struct bw_breaker *breaker, uint64_t t_ms, uint64_t from,
                        const struct bw_move *move) {
    enum bw_state old = bw_word_state(from), new = bw_word_state(move->word);
    publish_generation(breaker, bw_transition_generation(breaker, move->word));
    keep_streak(breaker, from, move);
    begin_window(breaker, t_ms, move->word);
    count_time(breaker, t_ms, old, move->reason);
    atomic_fetch_add_explicit(&breaker->transitions[old][new][move->reason], 1, memory_order_relaxed);
    if (move->reason == BW_REASON_LOST_PROBE)
        atomic_fetch_add_explicit(&breaker->lost_probe, bw_word_round(from).in_flight, memory_order_relaxed);
    add_event(breaker, t_ms, from, move, true);
    if (new == BW_OPEN && move->open_ms > move->own_open_ms)
        note_pushback(breaker, t_ms, move);
}

void bw_transition_note(struct bw_breaker *breaker, uint64_t t_ms, uint64_t word,
                        const struct bw_move *move) {
    add_event(breaker, t_ms, word, move, false);
}

bool bw_transition_if_due(struct bw_breaker *breaker, const struct bw_policy *policy, uint64_t t_ms,
                          uint64_t *word) {
    struct bw_move move;
    uint64_t from = *word;
    if (!bw_policy_due(policy, from, t_ms, &move))
        return false;
    if (bw_transition_try(breaker, word, move.word)) {
        bw_transition_done(breaker, t_ms, from, &move);
        *word = move.word;
    }
    return true;
}
