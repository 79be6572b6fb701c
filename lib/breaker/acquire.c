#include <breakwire/breaker.h>

#include "inside.h"
#include "word.h"

/* A call that wants in. */
struct entry {
    struct bw_breaker *breaker;
    const struct bw_policy *policy;
    uint64_t t_ms;
    uint64_t word;  /* that the decision is made in */
    bool has_place; /* of max_concurrency */
};

/* Takes a place of max_concurrency; true also when there is no such limit. */
static bool take_place(struct entry *e) {
    _Atomic uint64_t *in_flight = &e->breaker->in_flight;
    uint64_t max = e->policy->max_concurrency;
    if (!max || e->has_place)
        return true;
    uint64_t seen = atomic_load_explicit(in_flight, memory_order_relaxed);
    do
        if (seen >= max && bw_word_state(e->word) != BW_DISABLED)
            return false;
    while (!atomic_compare_exchange_weak_explicit(in_flight, &seen, seen + 1, memory_order_relaxed,
                                                  memory_order_relaxed));
    e->has_place = true;
    return true;
}

static void give_place_back(struct entry *e) {
    if (e->has_place)
        atomic_fetch_sub_explicit(&e->breaker->in_flight, 1, memory_order_relaxed);
}

/* When the open time is over the winner's slot is taken in the same step: nobody can come between. */
static enum bw_decision acquire_open(struct entry *e, bool *again) {
    uint64_t from = e->word;
    struct bw_move move;
    if (!bw_policy_due(e->policy, from, e->t_ms, &move))
        return BW_REJECT_OPEN;
    bool has_place = take_place(e);
    if (has_place)
        bw_policy_take_slot(e->policy, e->t_ms, &move.word);
    *again = !bw_transition_try(e->breaker, &e->word, move.word);
    if (!*again) {
        bw_transition_done(e->breaker, e->t_ms, from, &move);
        e->word = move.word;
    }
    return has_place ? BW_ADMIT_PROBE : BW_REJECT_CONCURRENCY;
}

static enum bw_decision acquire_half_open(struct entry *e, bool *again) {
    *again = bw_transition_if_due(e->breaker, e->policy, e->t_ms, &e->word);
    uint64_t taken = e->word;
    if (*again || !bw_policy_take_slot(e->policy, e->t_ms, &taken))
        return BW_REJECT_PROBING;
    if (!take_place(e))
        return BW_REJECT_CONCURRENCY;
    *again = !bw_transition_try(e->breaker, &e->word, taken);
    return BW_ADMIT_PROBE;
}

static enum bw_decision acquire_ramp(struct entry *e, bool *again) {
    uint64_t elapsed_ms = bw_word_ramp_elapsed(e->word, e->t_ms);
    if (elapsed_ms >= e->policy->ramp_ms) {
        *again = !bw_transition_try(e->breaker, &e->word, bw_word_without_ramp(e->word));
        return BW_ADMIT;
    }
    uint64_t n = bw_inside_count(&e->breaker->ramp_calls, e->word);
    if (n == 0) { /* this generation is over */
        e->word = bw_inside_word(e->breaker);
        *again = true;
    }
    return bw_policy_ramp_admits(e->policy->ramp_ms, elapsed_ms, n) ? BW_ADMIT : BW_REJECT_RAMP;
}

/* The decision in the state of the word; `again` when another thread, or a due transition, came first. */
static enum bw_decision decide(struct entry *e, bool *again) {
    *again = false;
    switch (bw_word_state(e->word)) {
    case BW_OPEN:
        return acquire_open(e, again);
    case BW_HALF_OPEN:
        return acquire_half_open(e, again);
    case BW_FORCED_OPEN:
        return BW_REJECT_FORCED;
    default: /* the states that admit all */
        break;
    }
    if (!take_place(e))
        return BW_REJECT_CONCURRENCY;
    return bw_word_is_ramping(e->word) ? acquire_ramp(e, again) : BW_ADMIT;
}

static struct bw_ticket ticket_of(uint64_t word, uint64_t now_ms, bool admitted) {
    return (struct bw_ticket){.started_ms = now_ms,
                              .generation = bw_word_generation(word),
                              .stage = admitted ? BW_STAGE_OUT : BW_STAGE_UNADMITTED};
}

static void count(struct bw_breaker *breaker, enum bw_decision decision) {
    struct bw_shard *shard = bw_shards_mine(breaker->shards);
    bool admitted = bw_admitted(decision);
    bw_shards_count(shard, admitted ? &shard->admitted : &shard->rejected[decision]);
    if (decision == BW_ADMIT_PROBE)
        bw_shards_count(shard, &shard->admitted_probe);
}

static uint64_t retry_after(const struct entry *e, enum bw_decision decision) {
    bool is_of_state =
        decision == BW_REJECT_OPEN || decision == BW_REJECT_PROBING || decision == BW_REJECT_FORCED;
    return is_of_state ? bw_policy_retry_after(e->policy, e->word, e->t_ms) : 0;
}

static enum bw_decision acquire_by_policy(struct bw_breaker *breaker, uint64_t now_ms, uint64_t word,
                                          struct bw_ticket *ticket, uint64_t *retry_after_ms) {
    struct bw_policy policy;
    bw_inside_policy(breaker, &policy);
    struct entry e = {
        .breaker = breaker, .policy = &policy, .t_ms = bw_inside_t(breaker, now_ms), .word = word};
    enum bw_decision decision;
    bool again;
    do
        decision = decide(&e, &again);
    while (again);

    if (!bw_admitted(decision))
        give_place_back(&e);
    count(breaker, decision);
    *ticket = ticket_of(e.word, now_ms, bw_admitted(decision));
    ticket->has_place = e.has_place; /* of an admitted one */
    *retry_after_ms = retry_after(&e, decision);
    return decision;
}

/* By far the most rejects: no policy is needed for them. */
static enum bw_decision reject_open(struct bw_breaker *breaker, uint64_t now_ms, uint64_t word,
                                    struct bw_ticket *ticket, uint64_t *retry_after_ms) {
    count(breaker, BW_REJECT_OPEN);
    *ticket = (struct bw_ticket){0};
    *retry_after_ms = bw_word_deadline(word) - bw_inside_t(breaker, now_ms);
    return BW_REJECT_OPEN;
}

/* Kept out of bw_breaker_acquire, whose way through a closed breaker is then a few instructions long. */
__attribute__((noinline)) static enum bw_decision acquire_guarded(struct bw_breaker *breaker, uint64_t now_ms,
                                                                  struct bw_ticket *ticket,
                                                                  uint64_t *retry_after_ms) {
    uint64_t nobody_asks, *after_ms = retry_after_ms ? retry_after_ms : &nobody_asks;
    uint64_t word = bw_inside_word(breaker);
    if (bw_word_state(word) == BW_OPEN && bw_inside_t(breaker, now_ms) < bw_word_deadline(word))
        return reject_open(breaker, now_ms, word, ticket, after_ms);
    return acquire_by_policy(breaker, now_ms, word, ticket, after_ms);
}

/* For a thread that is not at home in its shard. */
__attribute__((noinline)) static void count_admitted_away(struct bw_breaker *breaker) {
    count(breaker, BW_ADMIT);
}

static inline void count_admitted(struct bw_breaker *breaker) {
    struct bw_shard *home = bw_shards_at_home(breaker->shards);
    if (home)
        bw_shards_count_own(&home->admitted);
    else
        count_admitted_away(breaker);
}

/* A healthy breaker with max_concurrency. Who finds no place is rejected by the policy, or not. */
__attribute__((noinline)) static enum bw_decision acquire_limited(struct bw_breaker *breaker, uint64_t now_ms,
                                                                  uint64_t word, struct bw_ticket *ticket,
                                                                  uint64_t *retry_after_ms) {
    uint64_t max = atomic_load_explicit(&breaker->max_concurrency, memory_order_relaxed);
    uint64_t seen = atomic_load_explicit(&breaker->in_flight, memory_order_relaxed);
    do
        if (seen >= max)
            return acquire_guarded(breaker, now_ms, ticket, retry_after_ms);
    while (!atomic_compare_exchange_weak_explicit(&breaker->in_flight, &seen, seen + 1, memory_order_relaxed,
                                                  memory_order_relaxed));
    *ticket = ticket_of(word, now_ms, true);
    ticket->has_place = true;
    if (retry_after_ms)
        *retry_after_ms = 0;
    count_admitted(breaker);
    return BW_ADMIT;
}

enum bw_decision bw_breaker_acquire(struct bw_breaker *breaker, uint64_t now_ms, struct bw_ticket *ticket,
                                    uint64_t *retry_after_ms) {
    uint64_t word = bw_inside_word(breaker);
    uint64_t extras = atomic_load_explicit(&breaker->extras, memory_order_relaxed);
    if (!bw_word_admits_all(word))
        return acquire_guarded(breaker, now_ms, ticket, retry_after_ms);
    if (extras & BW_EXTRA_LIMIT)
        return acquire_limited(breaker, now_ms, word, ticket, retry_after_ms);
    *ticket = ticket_of(word, now_ms, true);
    if (retry_after_ms)
        *retry_after_ms = 0;
    count_admitted(breaker);
    return BW_ADMIT;
}
