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
    if (strlen(name) > BW_BREAKER_NAME_MAX || bw_breaker_config_check(config, NULL, 0) != 0)
        return NULL;
    memset(breaker, 0, sizeof *breaker);
    strcpy(breaker->name, name);
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
    struct bw_policy policy = bw_inside_policy(breaker);
    return bw_policy_retry_after(&policy, word, t_ms);
}

enum bw_decision bw_breaker_acquire(struct bw_breaker *breaker, uint64_t now_ms, struct bw_ticket *ticket,
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
    bw_shards_count(admitted ? &shard->admitted : &shard->rejected[decision]);
    if (decision == BW_ADMIT_PROBE)
        bw_shards_count(&shard->admitted_probe);
    *ticket = (struct bw_ticket){.started_ms = now_ms,
                                 .generation = bw_word_generation(word),
                                 .stage = admitted ? STAGE_OUT : STAGE_UNADMITTED};
    if (retry_after_ms)
        *retry_after_ms = admitted ? 0 : retry_after(breaker, word, t_ms);
    return decision;
}

/* OPEN and FORCED_OPEN admit nothing, and a round without probes awaits none: a ticket that seems to be
 * theirs is from 131072 generations ago. */
static bool is_stale(const struct bw_ticket *ticket, uint64_t word) {
    enum bw_state state = bw_word_state(word);
    return ticket->generation != bw_word_generation(word) || state == BW_OPEN || state == BW_FORCED_OPEN ||
           (state == BW_HALF_OPEN && !bw_word_round(word).in_flight);
}

static enum bw_verdict end_ignored(struct bw_breaker *breaker, const struct bw_ticket *ticket, uint64_t t_ms,
                                   struct bw_shard *shard) {
    uint64_t word = bw_inside_word(breaker);
    while (!is_stale(ticket, word)) {
        bool is_probe = bw_word_state(word) == BW_HALF_OPEN;
        if (is_probe && !bw_transition_try(breaker, &word, bw_policy_give_back(word, t_ms)))
            continue;
        bw_shards_count(&shard->ignored);
        return BW_RELEASED;
    }
    bw_shards_count(&shard->stale);
    return BW_STALE;
}

static void count_recorded(struct bw_breaker *breaker, struct bw_shard *shard, uint64_t t_ms,
                           const struct bw_judged *judged, uint64_t latency_ms, bool count_slow) {
    bw_shards_count(judged->failed ? &shard->failed_code[judged->code] : &shard->ok);
    if (count_slow)
        bw_shards_count(&shard->slow);
    if (judged->failed)
        atomic_store_explicit(&breaker->last_failure, (t_ms + 1) << 8 | (uint64_t)judged->code,
                              memory_order_relaxed);
    bw_shards_remember(shard, t_ms, judged->code, latency_ms);
}

/* What the policy makes of a result, stored if nobody came between; otherwise `*word` is the present one. */
static bool try_judgement(struct bw_breaker *breaker, uint64_t t_ms, const struct bw_judged *judged,
                          uint64_t *word, struct bw_move *move, enum bw_judgement *judgement) {
    /* The healthy path: the word is read, not written. */
    if (!judged->failed && bw_word_state(*word) != BW_HALF_OPEN && !bw_word_streak(*word)) {
        *judgement = BW_JUDGED_KEEP;
        return true;
    }
    struct bw_policy policy = bw_inside_policy(breaker);
    *judgement = bw_policy_judge(&policy, *word, t_ms, judged, move);
    return *judgement == BW_JUDGED_KEEP || bw_transition_try(breaker, word, move->word);
}

static bool is_slow(const struct bw_breaker *breaker, uint64_t latency_ms) {
    uint64_t slow_call_ms = atomic_load_explicit(&breaker->slow_call_ms, memory_order_relaxed);
    return slow_call_ms && latency_ms > slow_call_ms;
}

static enum bw_verdict end_recorded(struct bw_breaker *breaker, const struct bw_ticket *ticket,
                                    uint64_t now_ms, const struct bw_result *result, struct bw_shard *shard) {
    uint64_t t_ms = bw_inside_t(breaker, now_ms);
    uint64_t measured_ms = now_ms > ticket->started_ms ? now_ms - ticket->started_ms : 0;
    uint64_t latency_ms = result->latency_ms < 0 ? measured_ms : (uint64_t)result->latency_ms;
    bool has_code = result->code >= 0 && result->code < BW_BREAKER_CODES;
    struct bw_judged judged = {.failed = result->outcome == BW_FAILURE,
                               .slow = ticket->overdue || is_slow(breaker, latency_ms),
                               .code = has_code ? result->code : CODE_UNKNOWN,
                               .pushback_ms = result->pushback_ms};
    struct bw_move move;
    enum bw_judgement judgement;
    uint64_t word = bw_inside_word(breaker), from;
    do {
        if (is_stale(ticket, word)) {
            bw_shards_count(&shard->stale);
            return BW_STALE;
        }
        from = word;
    } while (!try_judgement(breaker, t_ms, &judged, &word, &move, &judgement));

    count_recorded(breaker, shard, t_ms, &judged, latency_ms, judged.slow && !ticket->overdue);
    if (judgement == BW_JUDGED_MOVE)
        bw_transition_done(breaker, t_ms, from, &move);
    else if (judgement == BW_JUDGED_WOULD_TRIP)
        bw_transition_note(breaker, t_ms, from, &move);
    return BW_RECORDED;
}

enum bw_verdict bw_breaker_complete(struct bw_breaker *breaker, struct bw_ticket *ticket, uint64_t now_ms,
                                    const struct bw_result *result) {
    struct bw_shard *shard = bw_shards_mine(breaker->shards);
    if (ticket->stage == STAGE_UNADMITTED)
        return BW_UNADMITTED;
    if (ticket->stage == STAGE_DONE) {
        bw_shards_count(&shard->twice);
        return BW_DOUBLE;
    }
    ticket->stage = STAGE_DONE;
    if (result->outcome == BW_IGNORED)
        return end_ignored(breaker, ticket, bw_inside_t(breaker, now_ms), shard);
    return end_recorded(breaker, ticket, now_ms, result, shard);
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
    bw_shards_count(&bw_shards_mine(breaker->shards)->slow);
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
