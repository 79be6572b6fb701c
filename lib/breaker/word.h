/* word.h: state, attempt, generation and what belongs to the state, in one 64-bit word.
 *
 *     63   61 60     57 56          40 39                                   0
 *     [state ][attempt ][ generation  ][ payload                            ]
 *        3        4          17          CLOSED         39:17 ramp since, in units of 16 ms; 0 = no ramp
 *                                        CLOSED, METRICS_ONLY   16 would trip  15:0 failures in a row
 *                                        OPEN                   39:0 deadline, ms since the breaker's epoch
 *                                        HALF_OPEN              39:34 in flight  33:28 ok  27:22 failed
 *                                                               21:0 since, in units of 16 ms
 *
 * They change together, by one compare-and-swap, so nobody can see OPEN with an old deadline. Everything here
 * is a pure function. `since` is when the lease of a round began, or how long the round has been idle. */
#ifndef BREAKER_WORD_H
#define BREAKER_WORD_H

#include <breakwire/breaker.h>

enum {
    BW_WORD_ATTEMPT_MAX = 15,
    BW_WORD_STREAK_MAX = 65535,
    BW_WORD_GENERATION_BITS = 17,
};

/* The longest span that `since` can measure; what lies above it is the past. */
#define BW_WORD_SPAN_MAX_MS  UINT64_C(64800000)
#define BW_WORD_DEADLINE_MAX ((UINT64_C(1) << 40) - 1)
/* The bits of the state and of the ramp. */
#define BW_WORD_NOT_PLAIN (UINT64_C(7) << 61 | ((UINT64_C(1) << 23) - 1) << 17)

/* The payload of HALF_OPEN. */
struct bw_round {
    uint32_t in_flight, ok, failed;
    uint32_t since; /* 16 ms units, 22 bits */
};

/* Inline: every call reads these. */
static inline enum bw_state bw_word_state(uint64_t word) {
    return (enum bw_state)(word >> 61);
}
static inline uint32_t bw_word_generation(uint64_t word) {
    return (uint32_t)(word >> 40) & ((UINT32_C(1) << BW_WORD_GENERATION_BITS) - 1);
}
/* The bits of a full generation that stand in a word. */
static inline uint64_t bw_word_tag(uint64_t generation) {
    return generation & ((UINT64_C(1) << BW_WORD_GENERATION_BITS) - 1);
}
/* Is `a` of a later generation than `b`, as far as these bits can tell? */
static inline bool bw_word_is_later(uint64_t a, uint64_t b) {
    uint64_t ahead = bw_word_tag(a - b);
    return ahead != 0 && ahead < UINT64_C(1) << (BW_WORD_GENERATION_BITS - 1);
}
static inline bool bw_word_has_streak(uint64_t word) {
    return bw_word_state(word) == BW_CLOSED || bw_word_state(word) == BW_METRICS_ONLY;
}
/* 0 in all states but CLOSED and METRICS_ONLY. */
static inline uint32_t bw_word_streak(uint64_t word) {
    return bw_word_has_streak(word) ? (uint32_t)(word & BW_WORD_STREAK_MAX) : 0;
}
/* The whole word of a CLOSED breaker without failures and without a ramp. */
static inline uint64_t bw_word_healthy(uint32_t generation) {
    return (uint64_t)generation << 40;
}
/* CLOSED, and no ramp in the way. */
static inline bool bw_word_admits_all(uint64_t word) {
    return (word & BW_WORD_NOT_PLAIN) == 0;
}
_Static_assert(BW_CLOSED == 0, "a healthy word is nothing but its generation");
uint32_t bw_word_attempt(uint64_t word);

/* Words of the next generation after `word`. Attempt: 0 in CLOSED, one more in OPEN, else as before. */
uint64_t bw_word_to_open(uint64_t word, uint64_t deadline);
uint64_t bw_word_to_half_open(uint64_t word, uint32_t in_flight, uint64_t since_ms);
uint64_t bw_word_to(uint64_t word, enum bw_state state); /* any other state: payload 0 */
uint64_t bw_word_with_attempt(uint64_t word, uint32_t attempt);

/* CLOSED and METRICS_ONLY. */
uint64_t bw_word_with_streak(uint64_t word, uint32_t streak); /* no more than BW_WORD_STREAK_MAX is kept */
bool bw_word_would_trip(uint64_t word);
uint64_t bw_word_with_would_trip(uint64_t word);

/* CLOSED: the time since which its ramp has been going, none at first. Rounded as the since of a round. */
bool bw_word_is_ramping(uint64_t word);
uint64_t bw_word_with_ramp(uint64_t word, uint64_t since_ms);
uint64_t bw_word_without_ramp(uint64_t word);
/* How long it has been going; 0 for a moment that is up to a minute before it. */
uint64_t bw_word_ramp_elapsed(uint64_t word, uint64_t t_ms);

/* OPEN: ms since the epoch. */
uint64_t bw_word_deadline(uint64_t word);

/* HALF_OPEN. */
struct bw_round bw_word_round(uint64_t word);
uint64_t bw_word_with_round(uint64_t word, struct bw_round round);
/* Rounded up, so that a lease is never short; up to 16 ms long. */
uint32_t bw_word_since(uint64_t ms);
/* From `since` to `ms`, never more than `ms`; negative for a moment before it. */
int64_t bw_word_elapsed(uint32_t since, uint64_t ms);

#endif
