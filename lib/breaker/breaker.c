#include <breakwire/breaker.h>

#include <stdlib.h>
#include <string.h>

#include "inside.h"
#include "word.h"

enum { CODE_UNKNOWN = 2 };
enum stage { STAGE_UNADMITTED, STAGE_OUT, STAGE_DONE };

size_t bw_breaker_size(const struct bw_breaker_config *config) {
    (void)config;
    return sizeof(struct bw_breaker);
}

struct bw_breaker *bw_breaker_init(void *memory, const char *name, const struct bw_breaker_config *config,
                                   uint64_t now_ms) {
    struct bw_breaker *breaker = memory;
    size_t length = strlen(name);
    if (length > BW_BREAKER_NAME_MAX || bw_breaker_config_check(config, NULL, 0) != 0)
        return NULL;
    memset(breaker, 0, sizeof *breaker);
    memcpy(breaker->name, name, length);
    breaker->epoch_ms = now_ms;
    atomic_flag_clear(&breaker->lock);
    bw_inside_set_config(breaker, config);
    /* Generation 1 of CLOSED: the one after an empty word. */
    atomic_store(&breaker->word, bw_word_to(0, BW_CLOSED));
    atomic_store(&breaker->generation, 1);
    return breaker;
}

struct bw_breaker *bw_breaker_new(const char *name, const struct bw_breaker_config *config, uint64_t now_ms) {
    void *memory = malloc(bw_breaker_size(config));
    struct bw_breaker *breaker = memory ? bw_breaker_init(memory, name, config, now_ms) : NULL;
    if (!breaker)
        free(memory);
    return breaker;
}

void bw_breaker_free(struct bw_breaker *breaker) {
    free(breaker);
}

/* Makes the transition that is due in `*word`, which then is the present one, whoever moved it. */
static bool move_if_due(struct bw_breaker *breaker, const struct bw_policy *policy, uint64_t t_ms,
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

static enum bw_decision acquire_open(struct bw_breaker *breaker, uint64_t t_ms, uint64_t *word, bool *again) {
    uint64_t from = *word;
    if (t_ms < bw_word_deadline(from))
        return BW_REJECT_OPEN;
    struct bw_policy policy = bw_inside_policy(breaker);
    struct bw_move move;
    bw_policy_due(&policy, from, t_ms, &move);
    /* The winner's slot is taken in the same step: nobody can come between. */
    bw_policy_take_slot(&policy, t_ms, &move.word);
    *again = !bw_transition_try(breaker, word, move.word);
    if (!*again) {
        bw_transition_done(breaker, t_ms, from, &move);
        *word = move.word;
    }
    return BW_ADMIT_PROBE;
}

static enum bw_decision acquire_half_open(struct bw_breaker *breaker, uint64_t t_ms, uint64_t *word,
                                          bool *again) {
    struct bw_policy policy = bw_inside_policy(breaker);
    *again = move_if_due(breaker, &policy, t_ms, word);
    uint64_t taken = *word;
    if (*again || !bw_policy_take_slot(&policy, t_ms, &taken))
        return BW_REJECT_PROBING;
    *again = !bw_transition_try(breaker, word, taken);
    return BW_ADMIT_PROBE;
}

/* The decision in the state of `*word`; `again` when another thread, or a due transition, came first. */
static enum bw_decision decide(struct bw_breaker *breaker, uint64_t t_ms, uint64_t *word, bool *again) {
    *again = false;
    switch (bw_word_state(*word)) {
    case BW_OPEN:
        return acquire_open(breaker, t_ms, word, again);
    case BW_HALF_OPEN:
        return acquire_half_open(breaker, t_ms, word, again);
    case BW_FORCED_OPEN:
        return BW_REJECT_FORCED;
    case BW_CLOSED:
    case BW_DISABLED:
    case BW_METRICS_ONLY:
        break;
    }
    return BW_ADMIT;
}

static uint64_t retry_after(const struct bw_breaker *breaker, uint64_t word, uint64_t t_ms) {
    /* By far the most rejects: no policy is needed for them. */
    if (bw_word_state(word) == BW_OPEN)
        return bw_word_deadline(word) - t_ms;
    struct bw_policy policy = bw_inside_policy(breaker);
    return bw_policy_retry_after(&policy, word, t_ms);
}

static struct bw_ticket ticket_of(uint64_t word, uint64_t now_ms, bool admitted) {
    return (struct bw_ticket){.started_ms = now_ms,
                              .generation = bw_word_generation(word),
                              .stage = admitted ? STAGE_OUT : STAGE_UNADMITTED};
}

/* Kept out of bw_breaker_acquire, whose way through a closed breaker is then a few instructions long. */
__attribute__((noinline)) static enum bw_decision acquire_guarded(struct bw_breaker *breaker, uint64_t now_ms,
                                                                  struct bw_ticket *ticket,
                                                                  uint64_t *retry_after_ms) {
    uint64_t t_ms = bw_inside_t(breaker, now_ms);
    uint64_t word = bw_inside_word(breaker);
    enum bw_decision decision;
    bool again;
    do
        decision = decide(breaker, t_ms, &word, &again);
    while (again);

    bool admitted = decision <= BW_ADMIT_PROBE;
    struct bw_shard *shard = bw_shards_mine(breaker->shards);
    bw_shards_count(shard, admitted ? &shard->admitted : &shard->rejected[decision]);
    if (decision == BW_ADMIT_PROBE)
        bw_shards_count(shard, &shard->admitted_probe);
    *ticket = ticket_of(word, now_ms, admitted);
    if (retry_after_ms)
        *retry_after_ms = admitted ? 0 : retry_after(breaker, word, t_ms);
    return decision;
}

enum bw_decision bw_breaker_acquire(struct bw_breaker *breaker, uint64_t now_ms, struct bw_ticket *ticket,
                                    uint64_t *retry_after_ms) {
    uint64_t word = bw_inside_word(breaker);
    if (bw_word_state(word) != BW_CLOSED)
        return acquire_guarded(breaker, now_ms, ticket, retry_after_ms);
    struct bw_shard *shard = bw_shards_mine(breaker->shards);
    bw_shards_count(shard, &shard->admitted);
    *ticket = ticket_of(word, now_ms, true);
    if (retry_after_ms)
        *retry_after_ms = 0;
    return BW_ADMIT;
}

/* OPEN and FORCED_OPEN admit nothing, and a round without probes awaits none: a ticket that seems to be
 * theirs is from 131072 generations ago. */
static bool is_stale(const struct bw_ticket *ticket, uint64_t word) {
    enum bw_state state = bw_word_state(word);
    return ticket->generation != bw_word_generation(word) || state == BW_OPEN || state == BW_FORCED_OPEN ||
           (state == BW_HALF_OPEN && !bw_word_round(word).in_flight);
}

/* One admitted call that ends now. */
struct ending {
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
        .ticket = ticket,
        .shard = bw_shards_mine(breaker->shards),
        .t_ms = bw_inside_t(breaker, now_ms),
        .latency_ms = latency_ms,
        .judged = {.failed = result->outcome == BW_FAILURE,
                   .slow = ticket->overdue || (slow_call_ms && latency_ms > slow_call_ms),
                   .code = has_code ? result->code : CODE_UNKNOWN,
                   .pushback_ms = result->pushback_ms},
    };
}

static enum bw_verdict end_stale(const struct ending *e) {
    bw_shards_count(e->shard, &e->shard->stale);
    return BW_STALE;
}

static enum bw_verdict end_ignored(struct bw_breaker *breaker, const struct ending *e, uint64_t word) {
    while (!is_stale(e->ticket, word)) {
        bool is_probe = bw_word_state(word) == BW_HALF_OPEN;
        if (is_probe && !bw_transition_try(breaker, &word, bw_policy_give_back(word, e->t_ms)))
            continue;
        bw_shards_count(e->shard, &e->shard->ignored);
        return BW_RELEASED;
    }
    return end_stale(e);
}

static inline void count_recorded(struct bw_breaker *breaker, const struct ending *e) {
    struct bw_shard *shard = e->shard;
    const struct bw_judged *judged = &e->judged;
    bw_shards_count(shard, judged->failed ? &shard->failed_code[judged->code] : &shard->ok);
    if (judged->slow && !e->ticket->overdue)
        bw_shards_count(shard, &shard->slow);
    if (judged->failed)
        atomic_store_explicit(&breaker->last_failure, (e->t_ms + 1) << 8 | (uint64_t)judged->code,
                              memory_order_relaxed);
    bw_shards_remember(shard, e->t_ms, judged->code, e->latency_ms);
}

/* The policy judges until its answer could be stored, or is needless since the generation has changed. */
static enum bw_verdict end_judged(struct bw_breaker *breaker, const struct ending *e, uint64_t word) {
    struct bw_policy policy = bw_inside_policy(breaker);
    struct bw_move move;
    enum bw_judgement judgement;
    uint64_t from;
    do {
        if (is_stale(e->ticket, word))
            return end_stale(e);
        from = word;
        judgement = bw_policy_judge(&policy, from, e->t_ms, &e->judged, &move);
    } while (judgement != BW_JUDGED_KEEP && !bw_transition_try(breaker, &word, move.word));

    count_recorded(breaker, e);
    if (judgement == BW_JUDGED_MOVE)
        bw_transition_done(breaker, e->t_ms, from, &move);
    else if (judgement == BW_JUDGED_WOULD_TRIP)
        bw_transition_note(breaker, e->t_ms, from, &move);
    return BW_RECORDED;
}

/* Kept out of bw_breaker_complete, as acquire_guarded is. */
__attribute__((noinline)) static enum bw_verdict complete_guarded(struct bw_breaker *breaker,
                                                                  struct bw_ticket *ticket, uint64_t now_ms,
                                                                  const struct bw_result *result) {
    if (ticket->stage == STAGE_UNADMITTED)
        return BW_UNADMITTED;
    struct ending e = ending_of(breaker, ticket, now_ms, result);
    if (ticket->stage == STAGE_DONE) {
        bw_shards_count(e.shard, &e.shard->twice);
        return BW_DOUBLE;
    }
    ticket->stage = STAGE_DONE;
    uint64_t word = bw_inside_word(breaker);
    return result->outcome == BW_IGNORED ? end_ignored(breaker, &e, word) : end_judged(breaker, &e, word);
}

enum bw_verdict bw_breaker_complete(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms,
                                    const struct bw_result *result) {
    /* A success that changes nothing: most calls of most breakers end here. The word is read, not written. */
    bool is_healthy = ticket->stage == STAGE_OUT && result->outcome == BW_SUCCESS &&
                      bw_inside_word(breaker) == bw_word_healthy(ticket->generation);
    if (!is_healthy)
        return complete_guarded(breaker, ticket, now_ms, result);
    struct ending e = ending_of(breaker, ticket, now_ms, result);
    ticket->stage = STAGE_DONE;
    count_recorded(breaker, &e);
    return BW_RECORDED;
}

void bw_breaker_release(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms) {
    const struct bw_result ignored = {.outcome = BW_IGNORED, .code = -1, .latency_ms = -1, .pushback_ms = -1};
    bw_breaker_complete(breaker, ticket, now_ms, &ignored);
}

void bw_breaker_overdue(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms) {
    (void)now_ms;
    bool slow_exists = atomic_load_explicit(&breaker->slow_call_ms, memory_order_relaxed) != 0;
    if (!slow_exists || ticket->stage != STAGE_OUT || ticket->overdue)
        return;
    if (is_stale(ticket, bw_inside_word(breaker)))
        return;
    ticket->overdue = 1;
    struct bw_shard *shard = bw_shards_mine(breaker->shards);
    bw_shards_count(shard, &shard->slow);
}

bool bw_breaker_poll(struct bw_breaker *breaker, uint64_t now_ms) {
    struct bw_policy policy = bw_inside_policy(breaker);
    uint64_t word = bw_inside_word(breaker);
    return move_if_due(breaker, &policy, bw_inside_t(breaker, now_ms), &word);
}

uint64_t bw_breaker_next_due(const struct bw_breaker *breaker, uint64_t now_ms) {
    struct bw_policy policy = bw_inside_policy(breaker);
    uint64_t due_ms = bw_policy_next_due(&policy, bw_inside_word(breaker), bw_inside_t(breaker, now_ms));
    return due_ms == BW_BREAKER_NEVER ? due_ms : breaker->epoch_ms + due_ms;
}
