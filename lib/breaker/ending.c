#include "ending.h"

#include "window_add.h"
#include "word.h"

/* OPEN and FORCED_OPEN admit nothing, and a round without probes awaits none: a ticket that seems to be
 * theirs is from 131072 generations ago. */
static bool is_stale(const struct bw_ticket *ticket, uint64_t word) {
    enum bw_state state = bw_word_state(word);
    return ticket->generation != bw_word_generation(word) || state == BW_OPEN || state == BW_FORCED_OPEN ||
           (state == BW_HALF_OPEN && !bw_word_round(word).in_flight);
}

/* One admitted call that ends now, or is overdue. */
struct ending {
    struct bw_breaker *breaker;
    const struct bw_ticket *ticket;
    struct bw_shard *shard;
    uint64_t t_ms, latency_ms;
    struct bw_judged judged;
};

static inline struct ending ending_of(struct bw_breaker *breaker, const struct bw_ticket *ticket,
                                      uint64_t now_ms, const struct bw_result *result) {
    uint64_t latency_ms = bw_ending_latency(ticket, now_ms, result);
    return (struct ending){
        .breaker = breaker,
        .ticket = ticket,
        .shard = bw_shards_mine(breaker->shards),
        .t_ms = bw_inside_t(breaker, now_ms),
        .latency_ms = latency_ms,
        .judged = {.failed = result->outcome == BW_FAILURE,
                   .slow = ticket->overdue || bw_ending_is_slow(breaker, latency_ms),
                   .code = bw_shards_code(result->code),
                   .pushback_ms = result->pushback_ms},
    };
}

static inline void count_recorded(const struct ending *e) {
    struct bw_shard *shard = e->shard;
    const struct bw_judged *judged = &e->judged;
    bw_shards_remember(shard, e->breaker->epoch_ms + e->t_ms, judged->code, e->latency_ms);
    if (judged->slow && !e->ticket->overdue)
        bw_shards_count(shard, &shard->slow);
    if (judged->failed) {
        bw_shards_count(shard, &shard->failed_code[judged->code]);
        atomic_store_explicit(&e->breaker->last_failure, (e->t_ms + 1) << 8 | (uint64_t)judged->code,
                              memory_order_relaxed);
    }
}

static void count_ended(const struct ending *e) {
    if (e->judged.is_overdue)
        bw_shards_count(e->shard, &e->shard->slow);
    else
        count_recorded(e);
}

/* What was judged is in the word: the books are done, the result before the transition that it made. */
static void finish(const struct ending *e, uint64_t from, enum bw_judgement judgement,
                   const struct bw_move *move) {
    count_ended(e);
    if (judgement == BW_JUDGED_MOVE)
        bw_transition_done(e->breaker, e->t_ms, from, move);
    else if (judgement == BW_JUDGED_WOULD_TRIP)
        bw_transition_note(e->breaker, e->t_ms, from, move);
}

/* False when it is stale, as below: the answer of the policy is stored, or needless since the generation has
 * changed. */
static bool judge_by_sums(const struct ending *e, const struct bw_trips *trips,
                          const struct bw_window_sums *sums, uint64_t word) {
    struct bw_move move;
    enum bw_judgement judgement;
    uint64_t from;
    do {
        if (is_stale(e->ticket, word))
            return false;
        from = word;
        judgement = bw_policy_judge(trips, from, e->t_ms, &e->judged, sums, &move);
        if (judgement == BW_JUDGED_MOVE) {
            struct bw_policy policy;
            bw_inside_policy(e->breaker, &policy);
            bw_policy_open(&policy, from, e->t_ms, 0, e->judged.pushback_ms, &move);
        }
    } while (judgement != BW_JUDGED_KEEP && !bw_transition_try(e->breaker, &word, move.word));
    finish(e, from, judgement, &move);
    return true;
}

/* False when a later generation than the word's is being counted. */
static inline bool add_to_window(const struct ending *e, const struct bw_trips *trips, uint64_t word,
                                 struct bw_window_sums *sums) {
    struct bw_window_entry entry = {.weight = e->judged.failed ? trips->weight[e->judged.code] : 0,
                                    .slow = e->judged.slow,
                                    .is_late = e->ticket->overdue};
    return bw_windows_add(&e->breaker->windows, &trips->window.shape,
                          bw_transition_moment(e->breaker, word, e->t_ms), entry, sums);
}

/* In CLOSED and METRICS_ONLY. */
static bool judge_counted(const struct ending *e, uint64_t word) {
    struct bw_trips trips;
    struct bw_window_sums sums;
    bw_inside_trips(e->breaker, &trips);
    return add_to_window(e, &trips, word, &sums) && judge_by_sums(e, &trips, &sums, word);
}

static bool judge_probe(const struct ending *e, uint64_t word) {
    struct bw_policy policy;
    bw_inside_policy(e->breaker, &policy);
    struct bw_move move;
    enum bw_judgement judgement;
    uint64_t from;
    if (e->judged.slow && !e->ticket->overdue)
        bw_inside_count(&e->breaker->round_slow, word);
    do {
        if (is_stale(e->ticket, word))
            return false;
        from = word;
        uint32_t slow = bw_inside_counted(&e->breaker->round_slow, from);
        judgement = bw_policy_judge_probe(&policy, from, e->t_ms, &e->judged, slow, &move);
    } while (!bw_transition_try(e->breaker, &word, move.word));
    finish(e, from, judgement, &move);
    return true;
}

static bool judge(const struct ending *e, uint64_t word) {
    if (is_stale(e->ticket, word))
        return false;
    if (bw_word_state(word) == BW_HALF_OPEN)
        return judge_probe(e, word);
    if (bw_word_has_streak(word))
        return judge_counted(e, word);
    count_ended(e); /* DISABLED: into the totals only */
    return true;
}

static enum bw_verdict end_stale(const struct ending *e) {
    bw_shards_count(e->shard, &e->shard->stale);
    return BW_STALE;
}

static enum bw_verdict end_ignored(const struct ending *e, uint64_t word) {
    while (!is_stale(e->ticket, word)) {
        bool is_probe = bw_word_state(word) == BW_HALF_OPEN;
        if (is_probe && !bw_transition_try(e->breaker, &word, bw_policy_give_back(word, e->t_ms)))
            continue;
        bw_shards_count(e->shard, &e->shard->ignored);
        return BW_RELEASED;
    }
    return end_stale(e);
}

static enum bw_verdict end_judged(const struct ending *e, uint64_t word) {
    return judge(e, word) ? BW_RECORDED : end_stale(e);
}

/* The place comes back whatever the result is worth: stale or not, the call is over. */
static void give_place_back(struct bw_breaker *breaker, struct bw_ticket *ticket) {
    atomic_fetch_sub_explicit(&breaker->in_flight, 1, memory_order_relaxed);
    ticket->has_place = 0;
}

enum bw_verdict bw_ending_complete(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms,
                                   const struct bw_result *result) {
    if (ticket->stage == BW_STAGE_UNADMITTED)
        return BW_UNADMITTED;
    if (ticket->has_place) {
        give_place_back(breaker, ticket);
        return bw_breaker_complete(breaker, ticket, now_ms, result);
    }
    struct ending e = ending_of(breaker, ticket, now_ms, result);
    if (ticket->stage == BW_STAGE_DONE) {
        bw_shards_count(e.shard, &e.shard->twice);
        return BW_DOUBLE;
    }
    ticket->stage = BW_STAGE_DONE;
    uint64_t word = bw_inside_word(breaker);
    return result->outcome == BW_IGNORED ? end_ignored(&e, word) : end_judged(&e, word);
}

enum bw_verdict bw_ending_judge_again(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms,
                                      const struct bw_result *result) {
    struct bw_trips trips;
    uint64_t word = bw_inside_word(breaker);
    struct ending e = ending_of(breaker, ticket, now_ms, result);
    bw_inside_trips(breaker, &trips);
    struct bw_window_sums sums =
        bw_windows_read(&breaker->windows, &trips.window.shape, bw_transition_moment(breaker, word, e.t_ms));
    ticket->stage = BW_STAGE_DONE;
    return judge_by_sums(&e, &trips, &sums, word) ? BW_RECORDED : end_stale(&e);
}

void bw_breaker_overdue(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms) {
    bool slow_exists = atomic_load_explicit(&breaker->slow_call_ms, memory_order_relaxed) != UINT64_MAX;
    if (!slow_exists || ticket->stage != BW_STAGE_OUT || ticket->overdue)
        return;
    struct ending e = {
        .breaker = breaker,
        .ticket = ticket,
        .shard = bw_shards_mine(breaker->shards),
        .t_ms = bw_inside_t(breaker, now_ms),
        .judged = {.slow = true, .is_overdue = true, .code = -1, .pushback_ms = BW_POLICY_NO_PUSHBACK},
    };
    uint64_t word = bw_inside_word(breaker);
    if (is_stale(ticket, word))
        return;
    if (bw_word_state(word) == BW_HALF_OPEN) { /* the probe stays out; its end will judge it */
        bw_inside_count(&breaker->round_slow, word);
        count_ended(&e);
        ticket->overdue = true;
    } else {
        ticket->overdue = judge(&e, word);
    }
}
