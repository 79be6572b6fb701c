/* inside.h: the breaker's own members, for the files of this folder. */
#ifndef BREAKER_INSIDE_H
#define BREAKER_INSIDE_H

#include <stdatomic.h>

#include <breakwire/breaker.h>

#include "events.h"
#include "policy.h"
#include "shards.h"

struct bw_policy_cell {
    _Atomic uint64_t words[sizeof(struct bw_policy) / 8];
};

struct bw_breaker {
    _Atomic uint64_t word;
    _Atomic uint64_t slow_call_ms; /* of the policy: the one number that the healthy path needs */
    uint64_t epoch_ms;             /* now_ms of creation: the word counts from it */
    char name[BW_BREAKER_NAME_MAX + 1];

    /* The policy in use is cells[version % 2]: reconfigure fills the other one and moves on. */
    _Atomic uint64_t policy_version;
    struct bw_policy_cell policy_cells[2];

    /* Kept by the winner of each transition. */
    _Atomic uint64_t generation;      /* the highest one, all 64 bits */
    _Atomic uint64_t left_closed_at;  /* the streak at which CLOSED was left */
    _Atomic uint64_t last_transition; /* t_ms << 8 | reason */
    _Atomic uint64_t ms_in_state[BW_STATES];
    _Atomic uint64_t transitions[BW_STATES][BW_STATES][BW_REASONS];
    _Atomic uint64_t lost_probe;
    _Atomic uint64_t last_failure; /* (t_ms + 1) << 8 | code; 0 = none */
    struct bw_events events;

    struct bw_shard shards[BW_SHARDS];

    /* Of the operators; the lock guards what follows it. */
    atomic_flag lock;
    struct bw_breaker_config config;
    _Atomic uint32_t holder_count; /* read without the lock */
    char holders[BW_BREAKER_HOLDERS_MAX][BW_BREAKER_NAME_MAX + 1];
};

/* Milliseconds since the epoch; 0 for a thread whose clock is a little behind the creation. */
static inline uint64_t bw_inside_t(const struct bw_breaker *breaker, uint64_t now_ms) {
    return now_ms > breaker->epoch_ms ? now_ms - breaker->epoch_ms : 0;
}
static inline uint64_t bw_inside_word(const struct bw_breaker *breaker) {
    return atomic_load_explicit(&breaker->word, memory_order_acquire);
}
struct bw_policy bw_inside_policy(const struct bw_breaker *breaker);
/* Under the lock, or before anybody else knows the breaker. `config` is checked. */
void bw_inside_set_config(struct bw_breaker *breaker, const struct bw_breaker_config *config);

/* Also of a const breaker: readers of configuration and holders take turns with the operators. */
void bw_inside_lock(const struct bw_breaker *breaker);
void bw_inside_unlock(const struct bw_breaker *breaker);

/* The 64-bit generation of a word that was read from this breaker lately. */
uint64_t bw_transition_generation(const struct bw_breaker *breaker, uint64_t word);
/* Stores move->word if the word still is `from`; false otherwise, with the present one in `*from`. The winner
 * then calls bw_transition_done, once. */
bool bw_transition_try(struct bw_breaker *breaker, uint64_t *from, uint64_t to);
/* Does the books of a transition: sequence, counters, event. */
void bw_transition_done(struct bw_breaker *breaker, uint64_t t_ms, uint64_t from, const struct bw_move *move);
/* An event without a transition, while the word is `word`. */
void bw_transition_note(struct bw_breaker *breaker, uint64_t t_ms, uint64_t word, const struct bw_move *move);

#endif
