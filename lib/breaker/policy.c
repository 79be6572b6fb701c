#include "policy.h"

#include <string.h>

#include "config.h"
#include "word.h"

/* open_ms x open_backoff^(attempt-1), at most the larger of open_max_ms and open_ms, whole milliseconds. */
static void make_open_times(const struct bw_breaker_config *config, uint64_t open_ms[16]) {
    uint64_t max_ms = config->open_max_ms > config->open_ms ? config->open_max_ms : config->open_ms;
    double time_ms = (double)config->open_ms;
    for (int attempt = 1; attempt <= BW_WORD_ATTEMPT_MAX; attempt++) {
        open_ms[attempt] = time_ms < (double)max_ms ? (uint64_t)time_ms : max_ms;
        time_ms *= config->open_backoff;
    }
}

static struct bw_trips make_trips(const struct bw_breaker_config *config) {
    struct bw_trips trips = {
        .window = {.shape = bw_window_shape_of(config),
                   .min_calls = config->window_min_calls,
                   .failures = config->trip_failures,
                   .failure_rate = config->trip_failure_rate,
                   .slow_rate = config->trip_slow_rate},
        .consecutive = config->trip_consecutive,
        .warmup_ms = config->warmup_ms,
    };
    memcpy(trips.weight, config->weight, sizeof config->weight);
    return trips;
}

struct bw_policy bw_policy_make(const struct bw_breaker_config *config) {
    struct bw_policy policy = {
        .trips = make_trips(config),
        .probe_budget = config->probe_budget,
        .probe_max_inflight = config->probe_max_inflight ? config->probe_max_inflight : config->probe_budget,
        .probe_successes = config->probe_successes,
        .probe_failures = config->probe_failures,
        .probe_sample = config->probe_decision == BW_DECIDE_SAMPLE ? config->probe_sample : 0,
        .probe_failure_rate = config->probe_failure_rate,
        .probe_slow_rate = config->probe_slow_rate,
        .lease_ms = bw_config_lease_ms(config),
        .lease_replaces = config->probe_lease_action == BW_LEASE_REPLACE,
        .half_open_max_ms = config->half_open_max_ms,
        .half_open_to_closed = config->half_open_timeout_to == BW_HALF_OPEN_TO_CLOSED,
        .probe_slow_is_failure = config->probe_slow_is_failure,
        .ramp_ms = config->ramp_ms,
        .max_concurrency = config->max_concurrency,
        .pushback_max_ms = config->honour_pushback ? config->pushback_max_ms : 0,
        .jitter_seed = config->jitter_seed,
        .open_jitter = config->open_jitter,
    };
    make_open_times(config, policy.open_ms);
    return policy;
}

/* splitmix64: a number in [0, 1) that looks random and is the same for the same seed and generation. */
static double share_of(uint64_t seed, uint32_t generation) {
    uint64_t x = seed + (generation + UINT64_C(1)) * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (double)((x ^ (x >> 31)) >> 11) / 9007199254740992.0;
}

static uint64_t own_open_ms(const struct bw_policy *policy, uint64_t word) {
    uint32_t attempt = bw_word_attempt(word);
    uint64_t open_ms = policy->open_ms[attempt < BW_WORD_ATTEMPT_MAX ? attempt + 1 : attempt];
    double off =
        (double)open_ms * policy->open_jitter * share_of(policy->jitter_seed, bw_word_generation(word));
    return open_ms - (uint64_t)off; /* the share is less than 1: a millisecond is left at least */
}

void bw_policy_open(const struct bw_policy *policy, uint64_t word, uint64_t t_ms, uint64_t for_ms,
                    int64_t pushback_ms, struct bw_move *move) {
    uint64_t pushback = pushback_ms > 0 ? (uint64_t)pushback_ms : 0;
    if (pushback > policy->pushback_max_ms)
        pushback = policy->pushback_max_ms;
    move->own_open_ms = for_ms ? for_ms : own_open_ms(policy, word);
    if (move->own_open_ms > BW_WORD_DEADLINE_MAX)
        move->own_open_ms = BW_WORD_DEADLINE_MAX;
    move->open_ms = pushback > move->own_open_ms ? pushback : move->own_open_ms;
    move->word = bw_word_to_open(word, t_ms + move->open_ms);
}

uint64_t bw_policy_close(const struct bw_policy *policy, uint64_t word, uint64_t t_ms) {
    uint64_t closed = bw_word_to(word, BW_CLOSED);
    return policy->ramp_ms ? bw_word_with_ramp(closed, t_ms) : closed;
}

static bool lease_is_over(const struct bw_policy *policy, struct bw_round round, uint64_t t_ms) {
    return round.in_flight && policy->lease_ms &&
           bw_word_elapsed(round.since, t_ms) >= (int64_t)policy->lease_ms;
}

static bool idle_is_over(const struct bw_policy *policy, struct bw_round round, uint64_t t_ms) {
    return !round.in_flight && policy->half_open_max_ms &&
           bw_word_elapsed(round.since, t_ms) >= (int64_t)policy->half_open_max_ms;
}

static bool half_open_due(const struct bw_policy *policy, uint64_t word, uint64_t t_ms,
                          struct bw_move *move) {
    struct bw_round round = bw_word_round(word);
    if (lease_is_over(policy, round, t_ms)) {
        *move = (struct bw_move){.reason = BW_REASON_LOST_PROBE,
                                 .value = round.in_flight,
                                 .threshold = (double)policy->lease_ms,
                                 .code = -1};
        if (policy->lease_replaces)
            move->word = bw_word_to_half_open(word, 0, t_ms);
        else
            bw_policy_open(policy, word, t_ms, 0, BW_POLICY_NO_PUSHBACK, move);
        return true;
    }
    if (!idle_is_over(policy, round, t_ms))
        return false;
    *move = (struct bw_move){
        .reason = BW_REASON_HALF_OPEN_TIMEOUT, .threshold = (double)policy->half_open_max_ms, .code = -1};
    if (policy->half_open_to_closed)
        move->word = bw_policy_close(policy, word, t_ms);
    else
        bw_policy_open(policy, word, t_ms, 0, BW_POLICY_NO_PUSHBACK, move);
    return true;
}

bool bw_policy_due(const struct bw_policy *policy, uint64_t word, uint64_t t_ms, struct bw_move *move) {
    if (bw_word_state(word) == BW_HALF_OPEN)
        return half_open_due(policy, word, t_ms, move);
    if (bw_word_state(word) != BW_OPEN || t_ms < bw_word_deadline(word))
        return false;
    *move = (struct bw_move){.word = bw_word_to_half_open(word, 0, t_ms),
                             .reason = BW_REASON_OPEN_ELAPSED,
                             .value = (double)(t_ms - bw_word_deadline(word)),
                             .code = -1};
    return true;
}

uint64_t bw_policy_next_due(const struct bw_policy *policy, uint64_t word, uint64_t t_ms) {
    if (bw_word_state(word) == BW_OPEN)
        return bw_word_deadline(word);
    if (bw_word_state(word) != BW_HALF_OPEN)
        return BW_BREAKER_NEVER;
    struct bw_round round = bw_word_round(word);
    uint64_t span_ms = round.in_flight ? policy->lease_ms : policy->half_open_max_ms;
    return span_ms ? t_ms + span_ms - (uint64_t)bw_word_elapsed(round.since, t_ms) : BW_BREAKER_NEVER;
}

bool bw_policy_take_slot(const struct bw_policy *policy, uint64_t t_ms, uint64_t *word) {
    struct bw_round round = bw_word_round(*word);
    if (round.in_flight >= policy->probe_max_inflight ||
        round.in_flight + round.ok + round.failed >= policy->probe_budget)
        return false;
    /* The lease starts with the first probe, not with the state: who waits, then clicks, keeps the probe. */
    if (round.in_flight++ == 0)
        round.since = bw_word_since(t_ms);
    *word = bw_word_with_round(*word, round);
    return true;
}

uint64_t bw_policy_give_back(uint64_t word, uint64_t t_ms) {
    struct bw_round round = bw_word_round(word);
    if (--round.in_flight == 0)
        round.since = bw_word_since(t_ms);
    return bw_word_with_round(word, round);
}

static bool has_slot(const struct bw_policy *policy, uint64_t word, uint64_t t_ms) {
    return bw_policy_take_slot(policy, t_ms, &word);
}

uint64_t bw_policy_retry_after(const struct bw_policy *policy, uint64_t word, uint64_t t_ms) {
    enum bw_state state = bw_word_state(word);
    if (state == BW_FORCED_OPEN)
        return BW_BREAKER_NEVER;
    if (state != BW_OPEN && (state != BW_HALF_OPEN || has_slot(policy, word, t_ms)))
        return 0;
    uint64_t due_ms = bw_policy_next_due(policy, word, t_ms);
    return due_ms != BW_BREAKER_NEVER ? due_ms - t_ms : 0;
}
