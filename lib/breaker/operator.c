#include <string.h>

#include "inside.h"
#include "word.h"

/* What a transition by hand starts from and leads to. */
struct order {
    enum bw_state to;
    uint64_t for_ms;    /* to OPEN; 0 = the policy's own time */
    bool even_if_there; /* a new generation though it is in `to` already */
};

static void make_move(const struct bw_policy *policy, uint64_t word, uint64_t t_ms, const struct order *order,
                      struct bw_move *move) {
    *move = (struct bw_move){.reason = BW_REASON_OPERATOR, .code = -1};
    if (order->to == BW_OPEN)
        bw_policy_open(policy, word, t_ms, order->for_ms, BW_POLICY_NO_PUSHBACK, move);
    else if (order->to == BW_HALF_OPEN)
        move->word = bw_word_to_half_open(word, 0, t_ms);
    else if (order->to == BW_CLOSED)
        move->word = bw_policy_close(policy, word, t_ms);
    else
        move->word = bw_word_to(word, order->to);
}

static void carry_out(struct bw_breaker *breaker, uint64_t t_ms, const struct order *order) {
    struct bw_policy policy;
    bw_inside_policy(breaker, &policy);
    uint64_t word = bw_inside_word(breaker), from;
    struct bw_move move;
    do {
        if (bw_word_state(word) == order->to && !order->even_if_there)
            return;
        from = word;
        make_move(&policy, from, t_ms, order, &move);
    } while (!bw_transition_try(breaker, &word, move.word));
    bw_transition_done(breaker, t_ms, from, &move);
}

static void set_holder_count(struct bw_breaker *breaker, uint32_t count) {
    atomic_store_explicit(&breaker->holder_count, count, memory_order_relaxed);
}

static uint32_t holder_count(const struct bw_breaker *breaker) {
    return atomic_load_explicit(&breaker->holder_count, memory_order_relaxed);
}

int bw_breaker_force(struct bw_breaker *breaker, uint64_t now_ms, enum bw_state to, uint64_t for_ms) {
    if ((unsigned)to >= BW_STATES || to == BW_FORCED_OPEN)
        return BW_BREAKER_REFUSED;
    struct order order = {.to = to, .for_ms = for_ms, .even_if_there = to == BW_OPEN};
    bw_inside_lock(breaker);
    carry_out(breaker, bw_inside_t(breaker, now_ms), &order);
    set_holder_count(breaker, 0);
    bw_inside_unlock(breaker);
    return 0;
}

void bw_breaker_reset(struct bw_breaker *breaker, uint64_t now_ms) {
    struct order order = {.to = BW_CLOSED, .even_if_there = true};
    bw_inside_lock(breaker);
    carry_out(breaker, bw_inside_t(breaker, now_ms), &order);
    set_holder_count(breaker, 0);
    bw_inside_unlock(breaker);
}

/* The place of a holder, or holder_count. */
static uint32_t find_holder(const struct bw_breaker *breaker, const char *holder) {
    uint32_t i = 0;
    while (i < holder_count(breaker) && strcmp(breaker->holders[i], holder) != 0)
        i++;
    return i;
}

static int hold_locked(struct bw_breaker *breaker, uint64_t t_ms, const char *holder) {
    uint32_t place = find_holder(breaker, holder);
    if (place < holder_count(breaker))
        return 0;
    if (place == BW_BREAKER_HOLDERS_MAX)
        return BW_BREAKER_FULL;
    memcpy(breaker->holders[place], holder, strlen(holder) + 1);
    set_holder_count(breaker, place + 1);
    carry_out(breaker, t_ms, &(struct order){.to = BW_FORCED_OPEN});
    return 0;
}

int bw_breaker_hold(struct bw_breaker *breaker, uint64_t now_ms, const char *holder) {
    const char *name = holder ? holder : "";
    if (strlen(name) > BW_BREAKER_NAME_MAX)
        return BW_BREAKER_NAME;
    bw_inside_lock(breaker);
    int result = hold_locked(breaker, bw_inside_t(breaker, now_ms), name);
    bw_inside_unlock(breaker);
    return result;
}

static int release_hold_locked(struct bw_breaker *breaker, uint64_t t_ms, const char *holder) {
    uint32_t place = find_holder(breaker, holder), count = holder_count(breaker);
    if (place == count)
        return BW_BREAKER_UNKNOWN;
    memmove(breaker->holders[place], breaker->holders[count - 1], sizeof breaker->holders[place]);
    set_holder_count(breaker, count - 1);
    if (count == 1)
        carry_out(breaker, t_ms, &(struct order){.to = BW_CLOSED});
    return 0;
}

int bw_breaker_release_hold(struct bw_breaker *breaker, uint64_t now_ms, const char *holder) {
    bw_inside_lock(breaker);
    int result = release_hold_locked(breaker, bw_inside_t(breaker, now_ms), holder ? holder : "");
    bw_inside_unlock(breaker);
    return result;
}

/* A round that began under another configuration could not be decided by this one. */
static void start_new_round(struct bw_breaker *breaker, uint64_t t_ms) {
    uint64_t word = bw_inside_word(breaker), from;
    struct bw_move move = {.reason = BW_REASON_RECONFIGURED, .code = -1};
    do {
        from = word;
        bool is_round = bw_word_state(from) == BW_HALF_OPEN;
        move.word = is_round ? bw_word_to_half_open(from, 0, t_ms) : from;
        if (!is_round) {
            bw_transition_note(breaker, t_ms, from, &move);
            return;
        }
    } while (!bw_transition_try(breaker, &word, move.word));
    bw_transition_done(breaker, t_ms, from, &move);
}

int bw_breaker_reconfigure(struct bw_breaker *breaker, const struct bw_breaker_config *config,
                           uint64_t now_ms) {
    if (bw_breaker_config_check(config, NULL, 0) != 0)
        return BW_BREAKER_CONFIGURATION;
    if (bw_window_ring_needs(config) > breaker->ring_cap)
        return BW_BREAKER_MEMORY;
    bw_inside_lock(breaker);
    bw_inside_set_config(breaker, config);
    start_new_round(breaker, bw_inside_t(breaker, now_ms));
    bw_inside_unlock(breaker);
    return 0;
}

void bw_breaker_configured(const struct bw_breaker *breaker, struct bw_breaker_config *config) {
    bw_inside_lock(breaker);
    *config = breaker->config;
    bw_inside_unlock(breaker);
}
