#include <breakwire/breaker.h>

#include <string.h>

#include "ending.h"
#include "window_add.h"
#include "word.h"

/* Is it a success that leaves the word alone, CLOSED without failures, and has nothing to give back? All that
 * a ticket has beside its generation is compared at once with that of one that is just out. */
static inline bool is_healthy(const struct bw_breaker *breaker, const struct bw_ticket *ticket,
                              const struct bw_result *result) {
    static const struct bw_ticket out = {.stage = BW_STAGE_OUT};
    return result->outcome == BW_SUCCESS && bw_inside_word(breaker) == bw_word_healthy(ticket->generation) &&
           memcmp(&ticket->stage, &out.stage, sizeof out - offsetof(struct bw_ticket, stage)) == 0;
}

/* A healthy one, by a thread that has no shard of its own here or is not at home in it. */
__attribute__((noinline)) static enum bw_verdict count_away(struct bw_breaker *breaker, uint64_t now_ms,
                                                            int code, uint64_t latency_ms) {
    struct bw_shard *shard = bw_shards_take(breaker->shards);
    bw_shards_remember(shard, now_ms, code, latency_ms);
    if (bw_ending_is_slow(breaker, latency_ms))
        bw_shards_count(shard, &shard->slow);
    return BW_RECORDED;
}

static inline enum bw_verdict count_healthy(struct bw_breaker *breaker, struct bw_ticket *ticket,
                                            uint64_t now_ms, const struct bw_result *result,
                                            uint64_t latency_ms) {
    struct bw_shard *home = bw_shards_at_home(breaker->shards);
    ticket->stage = BW_STAGE_DONE;
    if (!home)
        return count_away(breaker, now_ms, result->code, latency_ms);
    bw_shards_remember_own(home, now_ms, result->code, latency_ms);
    if (bw_ending_is_slow(breaker, latency_ms))
        bw_shards_count_own(&home->slow);
    return BW_RECORDED;
}

/* A success that changes the window only. Without failures or slow calls in it nothing can trip. */
__attribute__((noinline)) static enum bw_verdict complete_in_window(struct bw_breaker *breaker,
                                                                    struct bw_ticket *ticket, uint64_t now_ms,
                                                                    const struct bw_result *result) {
    struct bw_window_trips trips;
    struct bw_window_sums sums;
    uint64_t latency_ms = bw_ending_latency(ticket, now_ms, result);
    struct bw_window_entry entry = {.slow = bw_ending_is_slow(breaker, latency_ms)};
    bw_inside_window_trips(breaker, &trips);
    struct bw_window_moment at =
        bw_transition_moment(breaker, bw_word_healthy(ticket->generation), bw_inside_t(breaker, now_ms));
    if (!bw_windows_add(&breaker->windows, &trips.shape, at, entry, &sums))
        return bw_ending_complete(breaker, ticket, now_ms, result);
    if (sums.failed | sums.slow && bw_policy_window_trips(&trips, &sums))
        return bw_ending_judge_again(breaker, ticket, now_ms, result);
    return count_healthy(breaker, ticket, now_ms, result, latency_ms);
}

enum bw_verdict bw_breaker_complete(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms,
                                    const struct bw_result *result) {
    uint64_t extras = atomic_load_explicit(&breaker->extras, memory_order_relaxed);
    if (!is_healthy(breaker, ticket, result))
        return bw_ending_complete(breaker, ticket, now_ms, result);
    if (extras & BW_EXTRA_WINDOW)
        return complete_in_window(breaker, ticket, now_ms, result);
    return count_healthy(breaker, ticket, now_ms, result, bw_ending_latency(ticket, now_ms, result));
}

bool bw_ticket_is_out(const struct bw_ticket *ticket) {
    return ticket->stage == BW_STAGE_OUT;
}

void bw_breaker_release(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms) {
    const struct bw_result ignored = {.outcome = BW_IGNORED};
    bw_breaker_complete(breaker, ticket, now_ms, &ignored);
}
