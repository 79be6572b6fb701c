/* ending.h: how an admitted call ends when its result has to be judged: by the word, its policy and the
 * window.
 *
 * bw_breaker_complete asks here for all but successes of a healthy breaker. */
#ifndef BREAKER_ENDING_H
#define BREAKER_ENDING_H

#include "inside.h"

static inline uint64_t bw_ending_latency(const struct bw_ticket *ticket, uint64_t now_ms,
                                         const struct bw_result *result) {
    uint64_t measured_ms = now_ms > ticket->started_ms ? now_ms - ticket->started_ms : 0;
    return result->latency_ms < 0 ? measured_ms : (uint64_t)result->latency_ms;
}

static inline bool bw_ending_is_slow(const struct bw_breaker *breaker, uint64_t latency_ms) {
    return latency_ms > atomic_load_explicit(&breaker->slow_call_ms, memory_order_relaxed);
}

/* As bw_breaker_complete, for any ticket and any result. */
enum bw_verdict bw_ending_complete(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms,
                                   const struct bw_result *result);
/* The success of a healthy breaker that stands in the window already: it may trip by what is there. */
enum bw_verdict bw_ending_judge_again(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms,
                                      const struct bw_result *result);

#endif
