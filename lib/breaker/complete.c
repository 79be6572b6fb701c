#include <breakwire/breaker.h>

#include "inside.h"
#include "word.h"

enum { OK = 0, UNKNOWN = 2 };

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
    uint64_t measured_ms = now_ms > ticket->started_ms ? now_ms - ticket->started_ms : 0;
    uint64_t latency_ms = result->latency_ms < 0 ? measured_ms : (uint64_t)result->latency_ms;
    uint64_t slow_call_ms = atomic_load_explicit(&breaker->slow_call_ms, memory_order_relaxed);
    bool has_code = result->code >= 0 && result->code < BW_BREAKER_CODES;
    return (struct ending){
        .breaker = breaker,
        .ticket = ticket,
        .shard = bw_shards_mine(breaker->shards),
        .t_ms = bw_inside_t(breaker, now_ms),
        .latency_ms = latency_ms,
        .judged = {.failed = result->outcome == BW_FAILURE,
                   .slow = ticket->overdue || (slow_call_ms && latency_ms > slow_call_ms),
                   .code = has_code ? result->code : UNKNOWN,
                   .pushback_ms = result->pushback_ms},
    };
}

static inline void count_recorded(const struct ending *e) {
    struct bw_shard *shard = e->shard;
    const struct bw_judged *judged = &e->judged;
    bw_shards_count(shard, judged->failed ? &shard->failed_code[judged->code] : &shard->ok);
    if (judged->slow && !e->ticket->overdue)
        bw_shards_count(shard, &shard->slow);
    if (judged->failed)
        atomic_store_explicit(&e->breaker->last_failure, (e->t_ms + 1) << 8 | (uint64_t)judged->code,
                              memory_order_relaxed);
    bw_shards_remember(shard, e->t_ms, judged->code, e->latency_ms);
}

/* What was judged is in the word: the books are done, the result before the transition that it made. */
static void finish(const struct ending *e, uint64_t from, enum bw_judgement judgement,
                   const struct bw_move *move) {
    if (e->judged.is_overdue)
        bw_shards_count(e->shard, &e->shard->slow);
    else
        count_recorded(e);
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
                                    .is_late = e->ticket->overdue && !e->judged.is_overdue};
    return bw_windows_add(&e->breaker->windows, &trips->window,
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
        uint32_t slow = (uint32_t)bw_inside_counted(&e->breaker->round_slow, from);
        judgement = bw_policy_judge_probe(&policy, from, e->t_ms, &e->judged, slow, &move);
    } while (!bw_transition_try(e->breaker, &word, move.word));
    finish(e, from, judgement, &move);
    return true;
}

/* DISABLED: into the totals only. */
static bool judge_nothing(const struct ending *e, uint64_t word) {
    finish(e, word, BW_JUDGED_KEEP, NULL);
    return true;
}

static bool judge(const struct ending *e, uint64_t word) {
    if (is_stale(e->ticket, word))
        return false;
    if (bw_word_state(word) == BW_HALF_OPEN)
        return judge_probe(e, word);
    return bw_word_has_streak(word) ? judge_counted(e, word) : judge_nothing(e, word);
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

/* Kept out of bw_breaker_complete, as acquire_guarded is. */
__attribute__((noinline)) static enum bw_verdict complete_guarded(struct bw_breaker *breaker,
                                                                  struct bw_ticket *ticket, uint64_t now_ms,
                                                                  const struct bw_result *result) {
    if (ticket->stage == BW_STAGE_UNADMITTED)
        return BW_UNADMITTED;
    struct ending e = ending_of(breaker, ticket, now_ms, result);
    if (ticket->stage == BW_STAGE_DONE) {
        bw_shards_count(e.shard, &e.shard->twice);
        return BW_DOUBLE;
    }
    ticket->stage = BW_STAGE_DONE;
    /* The place comes back whatever the result is worth: stale or not, the call is over. */
    if (ticket->has_place)
        atomic_fetch_sub_explicit(&breaker->in_flight, 1, memory_order_relaxed);
    uint64_t word = bw_inside_word(breaker);
    return result->outcome == BW_IGNORED ? end_ignored(&e, word) : end_judged(&e, word);
}

/* A success that changes nothing. */
static bool is_healthy(const struct bw_breaker *breaker, const struct bw_ticket *ticket,
                       const struct bw_result *result) {
    return ticket->stage == BW_STAGE_OUT && result->outcome == BW_SUCCESS && !ticket->has_place &&
           bw_inside_word(breaker) == bw_word_healthy(ticket->generation);
}

/* Most calls of most breakers end here. The word is read, not written. */
__attribute__((noinline)) static enum bw_verdict complete_healthy(struct bw_breaker *breaker,
                                                                  struct bw_ticket *ticket, uint64_t now_ms,
                                                                  const struct bw_result *result) {
    struct ending e = ending_of(breaker, ticket, now_ms, result);
    ticket->stage = BW_STAGE_DONE;
    count_recorded(&e);
    return BW_RECORDED;
}

/* A success that changes the window only: what follows is judged when the window trips. */
__attribute__((noinline)) static enum bw_verdict complete_in_window(struct bw_breaker *breaker,
                                                                    struct bw_ticket *ticket, uint64_t now_ms,
                                                                    const struct bw_result *result) {
    struct bw_trips trips;
    struct bw_window_sums sums;
    uint64_t word = bw_word_healthy(ticket->generation);
    struct ending e = ending_of(breaker, ticket, now_ms, result);
    bw_inside_trips(breaker, &trips);
    ticket->stage = BW_STAGE_DONE;
    if (!add_to_window(&e, &trips, word, &sums))
        return end_stale(&e);
    if (bw_policy_window_trips(&trips, &sums))
        return judge_by_sums(&e, &trips, &sums, word) ? BW_RECORDED : end_stale(&e);
    count_recorded(&e);
    return BW_RECORDED;
}

/* As complete_healthy, but short: nothing can be slow, the thread is at home in its shard, the code is OK. */
static enum bw_verdict complete_plain(struct bw_breaker *breaker, struct bw_shard *home,
                                      struct bw_ticket *ticket, uint64_t now_ms,
                                      const struct bw_result *result) {
    uint64_t measured_ms = now_ms > ticket->started_ms ? now_ms - ticket->started_ms : 0;
    ticket->stage = BW_STAGE_DONE;
    bw_shards_count_own(&home->ok);
    bw_shards_remember(home, bw_inside_t(breaker, now_ms), OK,
                       result->latency_ms < 0 ? measured_ms : (uint64_t)result->latency_ms);
    return BW_RECORDED;
}

enum bw_verdict bw_breaker_complete(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms,
                                    const struct bw_result *result) {
    uint64_t extras = atomic_load_explicit(&breaker->extras, memory_order_relaxed);
    if (!is_healthy(breaker, ticket, result))
        return complete_guarded(breaker, ticket, now_ms, result);
    if (extras & BW_EXTRA_WINDOW)
        return complete_in_window(breaker, ticket, now_ms, result);
    struct bw_shard *home = bw_shards_at_home(breaker->shards);
    bool is_plain = home && !(extras & BW_EXTRA_SLOW) && !ticket->overdue && result->code == OK;
    return is_plain ? complete_plain(breaker, home, ticket, now_ms, result)
                    : complete_healthy(breaker, ticket, now_ms, result);
}

bool bw_ticket_is_out(const struct bw_ticket *ticket) {
    return ticket->stage == BW_STAGE_OUT;
}

void bw_breaker_release(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms) {
    const struct bw_result ignored = {.outcome = BW_IGNORED, .code = -1, .latency_ms = -1, .pushback_ms = -1};
    bw_breaker_complete(breaker, ticket, now_ms, &ignored);
}

void bw_breaker_overdue(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms) {
    bool slow_exists = atomic_load_explicit(&breaker->slow_call_ms, memory_order_relaxed) != 0;
    if (!slow_exists || ticket->stage != BW_STAGE_OUT || ticket->overdue)
        return;
    struct ending e = {
        .breaker = breaker,
        .ticket = ticket,
        .shard = bw_shards_mine(breaker->shards),
        .t_ms = bw_inside_t(breaker, now_ms),
        .judged = {.slow = true, .is_overdue = true, .code = -1, .pushback_ms = -1},
    };
    uint64_t word = bw_inside_word(breaker);
    if (is_stale(ticket, word))
        return;
    if (bw_word_state(word) == BW_HALF_OPEN) { /* the probe stays out; its end will judge it */
        bw_inside_count(&breaker->round_slow, word);
        finish(&e, word, BW_JUDGED_KEEP, NULL);
        ticket->overdue = 1;
    } else {
        ticket->overdue = judge(&e, word);
    }
}
