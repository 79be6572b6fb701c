#include "policy.h"
#include "word.h"

/* A share that is meant is reached, though it cannot be written exactly: 7 of 10 reach 0.7. */
#define RATE_TOLERANCE 1e-9

/* Does `count` of `calls` reach the share `rate`? None never does, however small it is. */
static bool rate_is_reached(double rate, uint64_t count, uint64_t calls) {
    return count && (double)calls * rate <= (double)count + RATE_TOLERANCE;
}

bool bw_policy_ramp_admits(uint64_t ramp_ms, uint64_t elapsed_ms, uint64_t n) {
    /* share = a / b; the whole part of n x share has grown when what is left over it is less than share. */
    uint64_t a = ramp_ms + 9 * elapsed_ms, b = 10 * ramp_ms;
    return n % b * a % b < a;
}

/* ---- The half-open round ---- */

static void decide_by_sample(const struct bw_policy *policy, struct bw_round round, uint32_t slow,
                             struct bw_move *move) {
    uint64_t finished = round.ok + round.failed;
    double failed_share = (double)round.failed / (double)finished;
    bool is_slow = policy->probe_slow_rate > 0 && rate_is_reached(policy->probe_slow_rate, slow, finished);
    bool has_failed = rate_is_reached(policy->probe_failure_rate, round.failed, finished);
    move->reason = has_failed || is_slow ? BW_REASON_PROBE_FAILED : BW_REASON_PROBES_OK;
    move->value = !has_failed && is_slow ? (double)slow / (double)finished : failed_share;
    move->threshold = !has_failed && is_slow ? policy->probe_slow_rate : policy->probe_failure_rate;
}

static void decide_early(const struct bw_policy *policy, struct bw_round round, struct bw_move *move) {
    bool has_failed = round.failed >= policy->probe_failures;
    move->reason = has_failed ? BW_REASON_PROBE_FAILED : BW_REASON_PROBES_OK;
    /* Decided as soon as the threshold is reached. */
    move->value = move->threshold = (double)(has_failed ? policy->probe_failures : policy->probe_successes);
}

static bool is_decided(const struct bw_policy *policy, struct bw_round round) {
    if (policy->probe_sample)
        return round.ok + round.failed >= policy->probe_sample;
    return round.failed >= policy->probe_failures || round.ok >= policy->probe_successes;
}

enum bw_judgement bw_policy_judge_probe(const struct bw_policy *policy, uint64_t word, uint64_t t_ms,
                                        const struct bw_judged *result, uint32_t slow, struct bw_move *move) {
    uint64_t finished = bw_policy_give_back(word, t_ms);
    struct bw_round round = bw_word_round(finished);
    if (result->failed || (result->slow && policy->probe_slow_is_failure))
        round.failed++;
    else
        round.ok++;
    *move = (struct bw_move){.word = bw_word_with_round(finished, round), .code = result->code};
    if (!is_decided(policy, round))
        return BW_JUDGED_STORE;
    if (policy->probe_sample)
        decide_by_sample(policy, round, slow, move);
    else
        decide_early(policy, round, move);
    if (move->reason == BW_REASON_PROBE_FAILED)
        bw_policy_open(policy, word, t_ms, 0, result->pushback_ms, move);
    else
        move->word = bw_policy_close(policy, word, t_ms);
    return BW_JUDGED_MOVE;
}

/* ---- CLOSED and METRICS_ONLY ---- */

static bool trip(struct bw_move *move, enum bw_reason reason, double value, double threshold) {
    move->reason = move->cause = reason;
    move->value = value;
    move->threshold = threshold;
    return true;
}

/* Share of `count` in the calls of the window. */
static double share(uint32_t count, const struct bw_window_sums *sums) {
    return (double)count / sums->calls;
}

static bool window_trips(const struct bw_window_trips *trips, const struct bw_window_sums *sums,
                         struct bw_move *move) {
    if (sums->calls < trips->min_calls)
        return false;
    if (trips->failures && sums->weight >= trips->failures)
        return trip(move, BW_REASON_FAILURE_COUNT, sums->weight, trips->failures);
    if (trips->failure_rate > 0 && rate_is_reached(trips->failure_rate, sums->failed, sums->calls))
        return trip(move, BW_REASON_FAILURE_RATE, share(sums->failed, sums), trips->failure_rate);
    if (trips->slow_rate > 0 && rate_is_reached(trips->slow_rate, sums->slow, sums->calls))
        return trip(move, BW_REASON_SLOW_RATE, share(sums->slow, sums), trips->slow_rate);
    return false;
}

bool bw_policy_window_trips(const struct bw_window_trips *trips, const struct bw_window_sums *sums) {
    struct bw_move move;
    return window_trips(trips, sums, &move);
}

/* Several at once: the first is the reason. */
static bool trips_now(const struct bw_trips *trips, uint32_t streak, const struct bw_window_sums *sums,
                      struct bw_move *move) {
    if (trips->consecutive && streak >= trips->consecutive)
        return trip(move, BW_REASON_CONSECUTIVE, streak, (double)trips->consecutive);
    return window_trips(&trips->window, sums, move);
}

/* A call that is overdue has neither failed nor succeeded yet. */
static uint32_t streak_after(const struct bw_trips *trips, uint64_t word, const struct bw_judged *result) {
    if (result->is_overdue)
        return bw_word_streak(word);
    return result->failed ? bw_word_streak(word) + trips->weight[result->code] : 0;
}

enum bw_judgement bw_policy_judge(const struct bw_trips *trips, uint64_t word, uint64_t t_ms,
                                  const struct bw_judged *result, const struct bw_window_sums *sums,
                                  struct bw_move *move) {
    uint32_t streak = streak_after(trips, word, result);
    *move =
        (struct bw_move){.word = bw_word_with_streak(word, streak), .code = result->code, .streak = streak};
    bool is_trip = t_ms >= trips->warmup_ms && trips_now(trips, streak, sums, move);
    if (is_trip && bw_word_state(word) == BW_CLOSED)
        return BW_JUDGED_MOVE;
    if (is_trip && !bw_word_would_trip(word)) {
        move->word = bw_word_with_would_trip(move->word);
        move->reason = BW_REASON_WOULD_TRIP;
        return BW_JUDGED_WOULD_TRIP;
    }
    return move->word == word ? BW_JUDGED_KEEP : BW_JUDGED_STORE;
}
