/* inside.h: the breaker's own members, for the files of this folder. */
#ifndef BREAKER_INSIDE_H
#define BREAKER_INSIDE_H

#include <stdatomic.h>

#include <breakwire/breaker.h>

#include "cell.h"
#include "events.h"
#include "policy.h"
#include "shards.h"
#include "word.h"

struct bw_policy_cell {
    _Atomic uint64_t words[sizeof(struct bw_policy) / 8];
};
_Static_assert(sizeof(struct bw_policy_cell) == sizeof(struct bw_policy),
               "a policy is copied in whole words");

/* How far a ticket has come; 0, as in {0}, is the first. */
enum bw_stage { BW_STAGE_UNADMITTED, BW_STAGE_OUT, BW_STAGE_DONE };

/* A breaker without any of them needs the policy only when something fails. */
enum bw_extra { BW_EXTRA_LIMIT = 1, BW_EXTRA_WINDOW = 2 };

struct bw_breaker {
    /* What a success of a healthy breaker reads. */
    _Atomic uint64_t word;
    _Atomic uint64_t extras;       /* what the policy has beyond the plainest: bw_extra */
    _Atomic uint64_t slow_call_ms; /* of the policy; UINT64_MAX = no call is slow */
    _Atomic uint64_t max_concurrency;
    uint64_t epoch_ms; /* now_ms of creation: the word counts from it */
    _Atomic uint64_t policy_version;
    _Atomic uint64_t generation; /* the highest one, all 64 bits */
    char name[BW_BREAKER_NAME_MAX + 1];

    /* Beside the word; each with the generation that it belongs to, or of all generations. */
    _Atomic uint64_t in_flight;  /* calls that take a place of max_concurrency */
    _Atomic uint64_t round_slow; /* [generation 17 | 40] slow probes of the round */
    _Atomic uint64_t ramp_calls; /* [generation 17 | 40] calls that the ramp was asked about */
    struct bw_windows windows;
    size_t ring_cap;

    /* The policy in use is cells[version % 2]: reconfigure fills the other one and moves on. */
    struct bw_policy_cell policy_cells[2];

    /* Kept by the winner of each transition. */
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

    uint8_t ring[]; /* ring_cap */
};

/* Milliseconds since the epoch; 0 for a thread whose clock is a little behind the creation. */
static inline uint64_t bw_inside_t(const struct bw_breaker *breaker, uint64_t now_ms) {
    return now_ms > breaker->epoch_ms ? now_ms - breaker->epoch_ms : 0;
}
static inline uint64_t bw_inside_word(const struct bw_breaker *breaker) {
    return atomic_load_explicit(&breaker->word, memory_order_acquire);
}
/* The first `size` bytes of the policy. Repeats only when the policy changed twice meanwhile: until then
 * nobody writes to the cell that is read. */
static inline void bw_inside_read(const struct bw_breaker *breaker, void *start, size_t size) {
    uint64_t before, now = atomic_load_explicit(&breaker->policy_version, memory_order_acquire);
    do {
        before = now;
        bw_cell_read(breaker->policy_cells[before % 2].words, start, size);
        now = atomic_load_explicit(&breaker->policy_version, memory_order_acquire);
    } while (now != before);
}
void bw_inside_policy(const struct bw_breaker *breaker, struct bw_policy *policy);
/* The first part of it, and the first part of that. */
_Static_assert(offsetof(struct bw_policy, trips) == 0 && offsetof(struct bw_trips, window) == 0,
               "trips are read by themselves");
static inline void bw_inside_trips(const struct bw_breaker *breaker, struct bw_trips *trips) {
    bw_inside_read(breaker, trips, sizeof *trips);
}
static inline void bw_inside_window_trips(const struct bw_breaker *breaker, struct bw_window_trips *trips) {
    bw_inside_read(breaker, trips, sizeof *trips);
}

/* A number that starts anew with each generation, [generation 17 | number]: adds 1 and returns the sum, or 0
 * when a later generation is counting. */
uint64_t bw_inside_count(_Atomic uint64_t *counter, uint64_t word);
/* 0 when another generation is counting; it has counted less than 2^32. */
uint32_t bw_inside_counted(const _Atomic uint64_t *counter, uint64_t word);

/* Under the lock, or before anybody else knows the breaker. `config` is checked. */
void bw_inside_set_config(struct bw_breaker *breaker, const struct bw_breaker_config *config);

/* Also of a const breaker: readers of configuration and holders take turns with the operators. */
void bw_inside_lock(const struct bw_breaker *breaker);
void bw_inside_unlock(const struct bw_breaker *breaker);

/* The 64-bit generation of a word that was read from this breaker lately. The word holds 17 bits of it: the
 * full number is the one with these bits that is nearest to the highest that a winner has published, which
 * may lag behind the word by as many transitions as there are threads. */
static inline uint64_t bw_transition_generation(const struct bw_breaker *breaker, uint64_t word) {
    const uint32_t circle = UINT32_C(1) << BW_WORD_GENERATION_BITS;
    uint64_t published = atomic_load_explicit(&breaker->generation, memory_order_acquire);
    uint32_t ahead = (bw_word_generation(word) - (uint32_t)published) % circle;
    return ahead < circle / 2 ? published + ahead : published - (circle - ahead);
}
static inline struct bw_window_moment bw_transition_moment(const struct bw_breaker *breaker, uint64_t word,
                                                           uint64_t t_ms) {
    return (struct bw_window_moment){bw_transition_generation(breaker, word), t_ms};
}
/* Stores move->word if the word still is `from`; false otherwise, with the present one in `*from`. The winner
 * then calls bw_transition_done, once. */
bool bw_transition_try(struct bw_breaker *breaker, uint64_t *from, uint64_t to);
/* Does the books of a transition: sequence, counters, event. */
void bw_transition_done(struct bw_breaker *breaker, uint64_t t_ms, uint64_t from, const struct bw_move *move);
/* Makes the transition that is due in `*word`, which then is the present one, whoever moved it. */
bool bw_transition_if_due(struct bw_breaker *breaker, const struct bw_policy *policy, uint64_t t_ms,
                          uint64_t *word);
/* An event without a transition, while the word is `word`. */
void bw_transition_note(struct bw_breaker *breaker, uint64_t t_ms, uint64_t word, const struct bw_move *move);

#endif
