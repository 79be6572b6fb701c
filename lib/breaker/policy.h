/* policy.h: every decision of the breaker, as pure functions from word, time and result to the next word.
 *
 * Times `t_ms` are milliseconds since the breaker's epoch. Nothing here is shared between threads: whoever
 * asks holds a copy of the policy and tries to store the answer itself. */
#ifndef BREAKER_POLICY_H
#define BREAKER_POLICY_H

#include <breakwire/breaker.h>

#include "window.h"

/* When what a window holds trips. */
struct bw_window_trips {
    struct bw_window_shape shape;
    uint32_t min_calls, failures;   /* failures 0 = off */
    double failure_rate, slow_rate; /* 0 = off */
};

/* When results of CLOSED trip: all that a call needs which ends there. */
struct bw_trips {
    struct bw_window_trips window;
    uint64_t consecutive; /* 0 = off */
    uint64_t warmup_ms;
    uint8_t weight[24];
};

/* A configuration that config_check accepts, made ready for decisions. Whole words, for bw_cell_read. */
struct bw_policy {
    struct bw_trips trips;
    uint64_t open_ms[16]; /* by attempt; [0] is unused */
    uint64_t probe_budget, probe_max_inflight, probe_successes, probe_failures;
    uint64_t probe_sample; /* 0 = decided early, by successes and failures */
    double probe_failure_rate, probe_slow_rate;
    uint64_t lease_ms; /* 0 = none */
    uint64_t lease_replaces;
    uint64_t half_open_max_ms;
    uint64_t half_open_to_closed;
    uint64_t probe_slow_is_failure;
    uint64_t ramp_ms;
    uint64_t max_concurrency;
    uint64_t pushback_max_ms; /* 0 = pushback is not honoured */
    uint64_t jitter_seed;
    double open_jitter;
};

/* A transition: the word to store, and why. */
struct bw_move {
    uint64_t word;
    enum bw_reason reason;
    enum bw_reason cause;    /* of WOULD_TRIP: the reason it would have opened for */
    double value, threshold; /* as in bw_event */
    uint64_t open_ms;        /* to OPEN: how long */
    uint64_t own_open_ms;    /* the same before pushback */
    uint32_t streak;         /* of a trip: the failures in a row, this one included */
    int code;                /* -1 = no result did it */
};

/* One recorded result, as a policy sees it. */
struct bw_judged {
    bool failed, slow;
    bool is_overdue; /* no result yet: the call has only been found slow */
    int code;        /* 0..16 */
    int64_t pushback_ms;
};

enum bw_judgement {
    BW_JUDGED_KEEP,       /* the word stays as it is */
    BW_JUDGED_STORE,      /* another word of the same generation */
    BW_JUDGED_WOULD_TRIP, /* the same, and METRICS_ONLY has found a trip */
    BW_JUDGED_MOVE,       /* a transition */
};

struct bw_policy bw_policy_make(const struct bw_breaker_config *config);

/* Is a transition due, be it that nobody calls? */
bool bw_policy_due(const struct bw_policy *policy, uint64_t word, uint64_t t_ms, struct bw_move *move);
/* When the next one is due, ms since the epoch, or BW_BREAKER_NEVER. */
uint64_t bw_policy_next_due(const struct bw_policy *policy, uint64_t word, uint64_t t_ms);

/* HALF_OPEN: takes a probe's slot in `*word`; false when none is free. */
bool bw_policy_take_slot(const struct bw_policy *policy, uint64_t t_ms, uint64_t *word);
/* HALF_OPEN: `word` with one slot given back. */
uint64_t bw_policy_give_back(uint64_t word, uint64_t t_ms);
/* How long a call that is rejected in this word, in which nothing is due, should wait. */
uint64_t bw_policy_retry_after(const struct bw_policy *policy, uint64_t word, uint64_t t_ms);

/* What a result makes of a word of its own generation; `move->word` is the word to store, the rest of `move`
 * is set for MOVE and WOULD_TRIP. HALF_OPEN: `slow` probes of the round were slow, this one included. */
enum bw_judgement bw_policy_judge_probe(const struct bw_policy *policy, uint64_t word, uint64_t t_ms,
                                        const struct bw_judged *result, uint32_t slow, struct bw_move *move);
/* CLOSED and METRICS_ONLY. A MOVE is to be finished by bw_policy_open, which sets its word. */
enum bw_judgement bw_policy_judge(const struct bw_trips *trips, uint64_t word, uint64_t t_ms,
                                  const struct bw_judged *result, const struct bw_window_sums *sums,
                                  struct bw_move *move);
/* Would a result trip by these sums, once the warm-up is over? */
bool bw_policy_window_trips(const struct bw_window_trips *trips, const struct bw_window_sums *sums);

/* Is the `n`th call of a ramp let through, `elapsed_ms` after its start? Error diffusion: a call passes when
 * the whole part of n times the share, 10 to 100 %, has grown. */
bool bw_policy_ramp_admits(uint64_t ramp_ms, uint64_t elapsed_ms, uint64_t n);

/* To CLOSED, whatever `word` is. */
uint64_t bw_policy_close(const struct bw_policy *policy, uint64_t word, uint64_t t_ms);
/* Of a transition that no answer has asked to last longer. */
enum { BW_POLICY_NO_PUSHBACK };
/* To OPEN, whatever `word` is; for_ms 0 = the policy's own time. `pushback_ms` may be longer, not shorter. */
void bw_policy_open(const struct bw_policy *policy, uint64_t word, uint64_t t_ms, uint64_t for_ms,
                    int64_t pushback_ms, struct bw_move *move);

#endif
